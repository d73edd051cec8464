/*
 * account_manage.c
 *		Makes, drops and lists accounts.
 */
#include "account.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/trigger.h"
#include "common/keywords.h"
#include "duplicate_rule.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "trigger_rows.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(orgsync_create_account);
PG_FUNCTION_INFO_V1(orgsync_drop_account);
PG_FUNCTION_INFO_V1(orgsync_account_list);
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

/* create_account(account name, product) */
Datum
orgsync_create_account(PG_FUNCTION_ARGS)
{
	char	   *name = pstrdup(NameStr(*PG_GETARG_NAME(0)));
	char	   *product_name = OidOutputFunctionCall(F_ENUM_OUT, PG_GETARG_DATUM(1));
	const product *product = product_by_name(product_name);
	Account		account = {0};
	char	   *layout;

	check_account_name(name);
	SPI_connect();
	account.namespace_oid = claim_schema(name);
	account.name = name;
	account.quoted_name = pstrdup(quote_identifier(name));

	(void) sql_run(NULL, "SELECT account_layout()", 0, NULL);
	layout = sql_string(0, 0);
	layout = TextDatumGetCString(DirectFunctionCall3Coll(replace_text, C_COLLATION_OID, CStringGetTextDatum(layout),
													 CStringGetTextDatum("@counting"),
													 CStringGetTextDatum(product->counting)));
	sql_script(&account, layout);
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
			   " @account.leavers, @account.feeds, @account.feed_groups,"
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
 * Opens a table of an account's for account_list(), or returns NULL if the
 * caller may not read it.  Row security would run an owner's function, so a
 * table that has it counts as one that may not be read; so does one that its
 * owner keeps locked, lest nobody could list any accounts.
 */
static Relation
open_readable(Oid namespace_oid, const char *name)
{
	Oid			relation_oid = get_relname_relid(name, namespace_oid);
	Relation	relation;

	if (!OidIsValid(relation_oid) || get_rel_relkind(relation_oid) != RELKIND_RELATION ||
		!compat_namespace_is_usable(namespace_oid, GetUserId()) ||
		pg_class_aclcheck(relation_oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK ||
		check_enable_rls(relation_oid, InvalidOid, true) == RLS_ENABLED)
		return NULL;
	if (!ConditionalLockRelationOid(relation_oid, AccessShareLock))
		return NULL;
	relation = try_table_open(relation_oid, NoLock);
	if (relation == NULL)
		UnlockRelationOid(relation_oid, AccessShareLock);	/* it was dropped meanwhile */
	return relation;
}

/* The column's number, if it is there and of that type; column may be NULL. */
static AttrNumber
column_of_type(Relation relation, const char *column, Oid type)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	for (int i = 0; column != NULL && i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && attribute->atttypid == type &&
			strcmp(NameStr(attribute->attname), column) == 0)
			return attribute->attnum;
	}
	return InvalidAttrNumber;
}

/*
 * Counts the rows of a table and finds the greatest value of a timestamptz
 * column (NULL: none is asked for).  False if the table may not be read.
 */
static bool
scan_table(Oid namespace_oid, const char *name, const char *column, int64 *row_count, Datum *greatest,
		   bool *greatest_isnull)
{
	Relation	relation = open_readable(namespace_oid, name);
	AttrNumber	attribute;
	TableScanDesc scan;
	TupleTableSlot *slot;

	*row_count = 0;
	*greatest_isnull = true;
	if (relation == NULL)
		return false;
	attribute = column_of_type(relation, column, TIMESTAMPTZOID);
	slot = table_slot_create(relation, NULL);
	scan = table_beginscan(relation, GetActiveSnapshot(), 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		(*row_count)++;
		if (attribute != InvalidAttrNumber)
		{
			bool		isnull;
			Datum		value = slot_getattr(slot, attribute, &isnull);

			if (!isnull && (*greatest_isnull || DatumGetTimestampTz(value) > DatumGetTimestampTz(*greatest)))
			{
				*greatest = value;	/* by value on every platform that we support */
				*greatest_isnull = false;
			}
		}
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, AccessShareLock);
	return true;
}

/* The product in an account's settings; false if they may not be read. */
static bool
scan_product(Oid namespace_oid, Datum *product)
{
	Relation	settings = open_readable(namespace_oid, "settings");
	AttrNumber	attribute;
	TableScanDesc scan;
	TupleTableSlot *slot;
	bool		isnull = true;

	if (settings == NULL)
		return false;
	attribute = column_of_type(settings, "product", catalog_type("product"));
	slot = table_slot_create(settings, NULL);
	scan = table_beginscan(settings, GetActiveSnapshot(), 0, NULL);
	if (attribute != InvalidAttrNumber && table_scan_getnextslot(scan, ForwardScanDirection, slot))
		*product = slot_getattr(slot, attribute, &isnull);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(settings, AccessShareLock);
	return !isnull;
}

/*
 * account_list(): what the view "accounts" shows.  Owners may be hostile, so
 * the tables are read below the executor: no view, rule, policy or function of
 * an owner's runs.
 */
Datum
orgsync_account_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	namespaces;
	SysScanDesc scan;
	HeapTuple	tuple;

	InitMaterializedSRF(fcinfo, 0);
	namespaces = table_open(NamespaceRelationId, AccessShareLock);
	scan = systable_beginscan(namespaces, InvalidOid, false, NULL, 0, NULL);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_namespace namespace = (Form_pg_namespace) GETSTRUCT(tuple);
		Datum		values[6];
		bool		nulls[6] = {0};
		int64		count;

		if (!account_is_one(namespace->oid) || !scan_product(namespace->oid, &values[1]))
			continue;
		values[0] = ObjectIdGetDatum(namespace->oid);
		values[2] = DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(namespace->nspowner, false)));
		nulls[3] = !scan_table(namespace->oid, "profiles", NULL, &count, &values[4], &nulls[4]);
		values[3] = Int64GetDatum(count);
		(void) scan_table(namespace->oid, "imports", "finished_at", &count, &values[4], &nulls[4]);
		(void) scan_table(namespace->oid, "exports", "exported_at", &count, &values[5], &nulls[5]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	systable_endscan(scan);
	table_close(namespaces, AccessShareLock);
	return (Datum) 0;
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

/* Trigger BEFORE UPDATE on profiles, for each row: keeps updated_at. */
Datum
orgsync_touch_updated_at(PG_FUNCTION_ARGS)
{
	return touch(fcinfo, "touch_updated_at", "profiles", PROFILES_UPDATED_AT);
}

/* Trigger BEFORE UPDATE on seats, for each row whose status changes without its date. */
Datum
orgsync_touch_since(PG_FUNCTION_ARGS)
{
	return touch(fcinfo, "touch_since", "seats", SEATS_SINCE);
}
