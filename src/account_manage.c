/*
 * account_manage.c
 *		Makes and drops accounts.
 */
#include "account.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_description.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/keywords.h"
#include "duplicate_rule.h"
#include "empty_index.h"
#include "miscadmin.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "trigger_rows.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "wal_handover.h"

PG_FUNCTION_INFO_V1(orgsync_create_account);
PG_FUNCTION_INFO_V1(orgsync_drop_account);
PG_FUNCTION_INFO_V1(orgsync_touch_since);
PG_FUNCTION_INFO_V1(orgsync_touch_updated_at);

/*
 * Every script, job and file name of the user's will write the name, so it must
 * be one that needs no quotes anywhere.
 */
static void
check_account_name(const char *name)
{
	bool		valid = (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';
	int			keyword = ScanKeywordLookup(name, &ScanKeywords);

	for (const char *c = name; *c != '\0' && valid; c++)
		valid = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_';
	if (keyword >= 0 && ScanKeywordCategories[keyword] != UNRESERVED_KEYWORD)
		valid = false;
	if (IsReservedName(name))	/* pg_ */
		valid = false;
	if (!valid)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_NAME),
				errmsg("invalid account name: \"%s\"", name),
				errdetail("An account's name is the name of a schema that needs no quotes."),
				errhint("Use lower-case letters, digits and underscores, begin with a letter, and avoid "
						"words that SQL reserves and names that begin with \"pg_\"; for example \"acme\" or "
						"\"acme_learning\"."));
}

/*
 * Is there nothing in the schema?  What depends on it so that it goes silently
 * with it does not count: default privileges, its place in a publication.
 */
static bool
schema_is_empty(Oid namespace_oid)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		empty = true;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(namespace_oid));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, keys);
	while (empty && HeapTupleIsValid(tuple = systable_getnext(scan)))
		empty = ((Form_pg_depend) GETSTRUCT(tuple))->deptype == DEPENDENCY_AUTO;
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return empty;
}

static Oid
schema_owner(Oid namespace_oid)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(namespace_oid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Makes the schema of a new account, or takes one that is there. */
static Oid
claim_schema(const char *name)
{
	Oid			namespace_oid = get_namespace_oid(name, true);

	if (!OidIsValid(namespace_oid))
	{
		sql_script(NULL, psprintf("CREATE SCHEMA %s", quote_identifier(name)));
		return get_namespace_oid(name, false);
	}

	/* not even a superuser's: the schema and its tables must have one owner */
	if (schema_owner(namespace_oid) != GetUserId())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("schema \"%s\" belongs to somebody else", name),
				errhint("Choose another name for the account, or use SET ROLE to become the schema's owner."));
	if (!schema_is_empty(namespace_oid))
		ereport(ERROR,
				errcode(ERRCODE_DUPLICATE_SCHEMA),
				errmsg("schema \"%s\" is not empty", name),
				errdetail(account_is_one(namespace_oid) ? "It is an account already." :
						  "An account needs a schema of its own."),
				errhint("Choose another name for the account, or empty the schema."));
	return namespace_oid;
}

/*
 * Locks the catalogs that describe tables, and their indexes, as writing and reading
 * them does, until the transaction ends.  The server gives up its lock on an index of
 * a catalog after each row, and takes it again for the next, in the table of locks
 * that all sessions share: for an account, tens of thousands of times, an eighth of
 * the work.  Who holds it already just counts.
 */
static void
lock_catalogs(void)
{
	static const Oid catalogs[] = {
		RelationRelationId, AttributeRelationId, AttrDefaultRelationId, ConstraintRelationId, DependRelationId,
		DescriptionRelationId, IndexRelationId, TriggerRelationId, TypeRelationId
	};

	for (int i = 0; i < (int) lengthof(catalogs); i++)
	{
		Relation	catalog = table_open(catalogs[i], RowExclusiveLock);
		List	   *relations = lappend_oid(RelationGetIndexList(catalog), catalogs[i]);
		ListCell   *relation;

		foreach(relation, relations)
		{
			LockRelationOid(lfirst_oid(relation), RowExclusiveLock);
			LockRelationOid(lfirst_oid(relation), AccessShareLock);
		}
		table_close(catalog, RowExclusiveLock);
	}
}

/* Makes all tables of a new account; its settings are still to be written. */
static void
make_tables(const Account *account, const product *product)
{
	int			nest_level = sql_compress_quickly();	/* the rules of views */
	char	   *layout;

	(void) sql_run(NULL, "SELECT account_layout()", 0, NULL);
	layout = TextDatumGetCString(DirectFunctionCall3Coll(replace_text, C_COLLATION_OID,
														 CStringGetTextDatum(sql_string(0, 0)),
														 CStringGetTextDatum("@counting"),
														 CStringGetTextDatum(product->counting)));
	/* whether to build an index by several processes is asked of each; all are empty */
	sql_set("max_parallel_maintenance_workers", "0");
	lock_catalogs();
	empty_index_allow(true);
	PG_TRY();
	{
		sql_script(account, layout);
	}
	PG_FINALLY();
	{
		empty_index_allow(false);
	}
	PG_END_TRY();
	sql_restore_settings(nest_level);
}

/* create_account(account name, product) */
Datum
orgsync_create_account(PG_FUNCTION_ARGS)
{
	char	   *name = pstrdup(NameStr(*PG_GETARG_NAME(0)));
	char	   *product_name = OidOutputFunctionCall(F_ENUM_OUT, PG_GETARG_DATUM(1));
	const product *product = product_by_name(product_name);
	Account		account = {0};

	check_account_name(name);
	SPI_connect();
	account.namespace_oid = claim_schema(name);
	account.name = name;
	account.quoted_name = pstrdup(quote_identifier(name));

	make_tables(&account, product);
	sql_run_once(&account, "INSERT INTO @account.settings (product) VALUES ($1::product)", 1,
				 (SqlArgument[]) {SQL_DATUM(catalog_type("product"), PG_GETARG_DATUM(1))});
	duplicate_rules_create(&account, product);
	if (product->initial_license != NULL)
		sql_run_once(&account, "INSERT INTO @account.licenses (header) VALUES ($1::license_header)", 1,
					 (SqlArgument[]) {sql_text(product->initial_license)});
	SPI_finish();
	PG_RETURN_OID(account.namespace_oid);
}

/*
 * drop_account(account): not by DROP SCHEMA ... CASCADE, which would take
 * objects of the user's along without a word.
 */
Datum
orgsync_drop_account(PG_FUNCTION_ARGS)
{
	Account    *account = account_locate(PG_GETARG_OID(0));

	if (!compat_namespace_is_owned(account->namespace_oid, GetUserId()))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("must be owner of account \"%s\"", account->name));

	SPI_connect();
	sql_script(account,
			   "DROP VIEW IF EXISTS @account.seat_usage, @account.users, @account.license_holders,"
			   " @account.history, @account.present_cells, @account.logged_changes;"
			   "DROP TABLE IF EXISTS @account.settings, @account.profiles, @account.licenses, @account.seats,"
			   " @account.seat_counters, @account.transfers, @account.groups, @account.memberships, @account.permissions,"
			   " @account.duplicate_rules, @account.domain_aliases, @account.protected_profiles,"
			   " @account.leavers, @account.feeds, @account.feed_profiles, @account.feed_groups,"
			   " @account.feed_records, @account.feed_record_doubts,"
			   " @account.imports, @account.import_effects, @account.made_profiles,"
			   " @account.import_findings, @account.exports, @account.export_files, @account.changes,"
			   " @account.past_changes");
	if (!schema_is_empty(account->namespace_oid))
		ereport(ERROR,
				errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				errmsg("cannot drop account \"%s\" because its schema holds other objects", account->name),
				errhint("Move or drop them first; drop_account drops nothing but orgsync's own objects."));
	sql_script(account, "DROP SCHEMA @account");
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Sets a column of a row that is being updated to the present transaction's
 * time, for a trigger of the named table.
 */
static Datum
touch(FunctionCallInfo fcinfo, const char *function, const char *table, int column)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	bool		isnull = false;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		strcmp(RelationGetRelationName(trigger->tg_relation), table) != 0 ||
		!account_is_one(RelationGetNamespace(trigger->tg_relation)))
		trigger_refuse(function, table);
	trigger_check_columns(trigger->tg_relation);
	return PointerGetDatum(heap_modify_tuple_by_cols(trigger->tg_newtuple,
													 RelationGetDescr(trigger->tg_relation),
													 1, &column, &now, &isnull));
}

/*
 * Trigger BEFORE UPDATE on profiles, for each row: keeps updated_at.  Each row logs several
 * hundred bytes, so it also sees to it that the WAL buffers do not fill up.
 */
Datum
orgsync_touch_updated_at(PG_FUNCTION_ARGS)
{
	wal_handover();
	return touch(fcinfo, "touch_updated_at", "profiles", PROFILES_UPDATED_AT);
}

/* Trigger BEFORE UPDATE on seats, for each row whose status changes without its date. */
Datum
orgsync_touch_since(PG_FUNCTION_ARGS)
{
	return touch(fcinfo, "touch_since", "seats", SEATS_SINCE);
}
