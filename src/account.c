/*
 * account.c
 *		Accounts: schemas with the tables of a vendor's account.
 *
 * An account is recognised by its table "settings", whose column "product" is
 * of our enum: no list of accounts is kept anywhere, so none can go stale, and
 * the extension owns no data.
 *
 * The owner of an account may be hostile to its caller.  Before anything is
 * read, account_open() makes sure that every relation of the account is an
 * ordinary table, so that no rewrite rule of a view's runs as the caller, and that
 * no column is of a type of the owner's, so that no cast does.  Tables of others
 * are locked before, so that it stays so until the transaction ends.
 */
#include "account.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "catalog.h"
#include "miscadmin.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static const char *const account_tables[] = {
	"settings", "profiles", "licenses", "seats", "seat_counters", "transfers", "groups", "memberships", "permissions",
	"duplicate_rules", "domain_aliases", "protected_profiles", "leavers", "feeds", "feed_profiles", "feed_groups",
	"feed_records", "feed_record_doubts", "imports", "import_effects", "made_profiles", "import_findings",
	"exports", "export_files", "changes", "past_changes"
};

/* The name of one of an account's tables, by numbers from 0 on; NULL: there are no more. */
const char *
account_table(int number)
{
	return number < (int) lengthof(account_tables) ? account_tables[number] : NULL;
}

/* Is the schema an account?  Looks into the catalogs only. */
bool
account_is_one(Oid namespace_oid)
{
	Oid			settings = get_relname_relid("settings", namespace_oid);
	AttrNumber	product;

	if (!OidIsValid(settings) || get_rel_relkind(settings) != RELKIND_RELATION)
		return false;
	product = get_attnum(settings, "product");
	return product != InvalidAttrNumber && get_atttype(settings, product) == catalog_type("product");
}

/*
 * The account with its name and owner, but without its settings; palloc'd.  An
 * error if the schema is not an account.
 */
Account *
account_locate(Oid namespace_oid)
{
	Account    *account;
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(namespace_oid));

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_SCHEMA),
				errmsg("schema with OID %u does not exist", namespace_oid));

	account = palloc0(sizeof(Account));
	account->namespace_oid = namespace_oid;
	account->owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	account->name = pstrdup(NameStr(((Form_pg_namespace) GETSTRUCT(tuple))->nspname));
	account->quoted_name = pstrdup(quote_identifier(account->name));
	ReleaseSysCache(tuple);

	if (!account_is_one(namespace_oid))
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("schema \"%s\" is not an orgsync account", account->name),
				errhint("Accounts are made by orgsync.create_account() and listed in orgsync.accounts."));
	return account;
}

static Oid
relation_owner(Oid relation)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Locks the tables that are not the caller's, until the transaction ends; are there any? */
static bool
lock_tables_of_others(const Account *account)
{
	bool		found = false;

	for (size_t i = 0; i < lengthof(account_tables); i++)
	{
		Oid			relation = get_relname_relid(account_tables[i], account->namespace_oid);

		if (!OidIsValid(relation) || relation_owner(relation) == GetUserId())
			continue;
		LockRelationOid(relation, AccessShareLock);
		found = true;
	}
	return found;
}

/*
 * May values of the type be read, cast and compared without running what somebody else
 * made?  A cast to a type of the server's is made by who owns the other one.
 */
static bool
is_trusted_type(Oid type)
{
	HeapTuple	tuple;
	Oid			owner = InvalidOid;

	if (type < FirstNormalObjectId)
		return true;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_type) GETSTRUCT(tuple))->typowner;
		ReleaseSysCache(tuple);
	}
	return superuser_arg(owner) || is_member_of_role_nosuper(GetUserId(), owner);
}

/* No column of a table of somebody else's may be of a type that is not trusted. */
static void
check_columns(Oid relation_oid)
{
	Relation	relation = table_open(relation_oid, AccessShareLock);
	TupleDesc	descriptor = RelationGetDescr(relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (!column->attisdropped && !is_trusted_type(column->atttypid))
			ereport(ERROR,
					errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("column \"%s\" of table \"%s\" has a type that is not to be trusted",
						   NameStr(column->attname), RelationGetRelationName(relation)),
					errdetail("Reading it could run a function of the role that owns type %s.",
							  format_type_be(column->atttypid)),
					errhint("Only members of that role can use the account until the column has another type."));
	}
	table_close(relation, NoLock);
}

/*
 * Every table must be an ordinary one and, if work is to be done as the
 * account's owner, that owner's.
 */
static void
account_check_tables(const Account *account, bool as_owner)
{
	for (size_t i = 0; i < lengthof(account_tables); i++)
	{
		Oid			relation = get_relname_relid(account_tables[i], account->namespace_oid);

		if (!OidIsValid(relation) || get_rel_relkind(relation) != RELKIND_RELATION)
			ereport(ERROR,
					errcode(ERRCODE_UNDEFINED_TABLE),
					errmsg("account \"%s\" has no table \"%s\"", account->name, account_tables[i]),
					errhint("Restore the account from a backup, or make it again."));
		if (as_owner && relation_owner(relation) != account->owner)
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("table \"%s\" does not belong to the owner of account \"%s\"",
						   account_tables[i], account->name),
					errhint("Give the schema and all its tables to one role."));
		if (!as_owner && relation_owner(relation) != GetUserId())
			check_columns(relation);
	}
}

/*
 * The account on whose table a trigger fired, for account_become_owner(); like
 * account_locate().
 *
 * Who may create tables in somebody else's schema could make one look like an
 * account and have the triggers run his own triggers and views as the schema's
 * owner; so nothing is done as the owner unless all tables are the owner's.
 */
Account *
account_of_trigger(Oid namespace_oid)
{
	Account    *account = account_locate(namespace_oid);

	account_check_tables(account, true);
	account->owns_tables = true;
	return account;
}

/*
 * The layout of an account's tables, of whatever layout they are, so that nothing
 * but settings.layout_version is counted on.  Needs an SPI connection.
 */
int
account_layout_version(const Account *account)
{
	Oid			settings = get_relname_relid("settings", account->namespace_oid);
	AttrNumber	column = get_attnum(settings, "layout_version");
	bool		isnull;
	int			version;

	if (column == InvalidAttrNumber || get_atttype(settings, column) != INT4OID ||
		sql_run(account, "SELECT layout_version FROM @account.settings", 0, NULL) != 1)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("account \"%s\" has no settings", account->name),
				errhint("Its table \"settings\" must hold one row; restore it from a backup."));
	version = DatumGetInt32(sql_value(0, 0, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return version;
}

/*
 * Who may not read the settings can do nothing with the account; said of the
 * account, because nobody who wants to export has heard of a table "settings".
 */
static void
account_check_privilege(const Account *account)
{
	Oid			settings = get_relname_relid("settings", account->namespace_oid);
	Oid			role = GetUserId();

	if (compat_namespace_is_usable(account->namespace_oid, role) &&
		(pg_class_aclcheck(settings, role, ACL_SELECT) == ACLCHECK_OK ||
		 pg_attribute_aclcheck_all(settings, role, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK))
		return;
	ereport(ERROR,
			errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("permission denied for account \"%s\"", account->name),
			errhint("Its owner can grant USAGE on schema %s, and the privileges on its tables that are needed.",
					account->quoted_name));
}

/*
 * The account with its settings; palloc'd.  Needs an SPI connection.  An error
 * if the schema is not an account, or if the caller may not read its settings.
 */
Account *
account_open(Oid namespace_oid)
{
	Account    *account = account_locate(namespace_oid);
	int			layout_version;

	account_check_privilege(account);
	if (lock_tables_of_others(account))
		account = account_locate(namespace_oid);	/* as it is from now on */
	layout_version = account_layout_version(account);
	if (layout_version != ACCOUNT_LAYOUT_VERSION)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("account \"%s\" has tables of layout %d, but layout %d is needed",
					   account->name, layout_version, ACCOUNT_LAYOUT_VERSION),
				layout_version < ACCOUNT_LAYOUT_VERSION ?
				errhint("Its owner can bring it up to date with orgsync.upgrade_account('%s').", account->name) :
				errhint("Install the version of orgsync that made the account, or a newer one."));
	account_check_tables(account, false);
	if (sql_run(account,
				"SELECT coalesce(product::text, ''), rows_per_file, threshold_floor,"
				" max_revoke_percent::float8, max_remove_percent::float8, unknown_headers = 'attribute',"
				" grace_days"
				" FROM @account.settings", 0, NULL) != 1)
		elog(ERROR, "unexpected number of settings");

	{
		bool		isnull;

		account->product = product_by_name(sql_string(0, 0));
		if (account->product == NULL)
			elog(ERROR, "unexpected product \"%s\"", sql_string(0, 0));
		account->rows_per_file = DatumGetInt32(sql_value(0, 1, &isnull));
		account->threshold_floor = DatumGetInt32(sql_value(0, 2, &isnull));
		account->max_revoke_percent = DatumGetFloat8(sql_value(0, 3, &isnull));
		account->max_remove_percent = DatumGetFloat8(sql_value(0, 4, &isnull));
		account->keeps_unknown_headers = DatumGetBool(sql_value(0, 5, &isnull));
		account->grace_days = DatumGetInt32(sql_value(0, 6, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return account;
}

/*
 * Goes on as the account's owner, as foreign keys do: tables that are derived
 * or logged to need not be writable by those who write the others.  An error
 * in between restores the user by itself, with its (sub)transaction.  Only for
 * an account of account_of_trigger()'s.
 */
void
account_become_owner(const Account *account, OwnerContext *context)
{
	if (!account->owns_tables)
		elog(ERROR, "account \"%s\" was not checked for work as its owner", account->name);
	GetUserIdAndSecContext(&context->saved_user, &context->saved_security);
	SetUserIdAndSecContext(account->owner, context->saved_security |
						   SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

void
account_restore_user(const OwnerContext *context)
{
	SetUserIdAndSecContext(context->saved_user, context->saved_security);
}
