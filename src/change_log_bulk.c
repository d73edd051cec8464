/*
 * change_log_bulk.c
 *		What the vendor has of many people at once: groups and licenses that are
 *		renamed or deleted, tables that are truncated.
 *
 * See change_log.c.  Here nothing is known of the single rows, so the log is
 * written by one statement from the tables as they are before.
 */
#include "orgsync.h"

#include "change_log.h"
#include "commands/trigger.h"
#include "feed_records.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(orgsync_change_log_group);
PG_FUNCTION_INFO_V1(orgsync_change_log_license);
PG_FUNCTION_INFO_V1(orgsync_change_log_truncate);

/* $1: import_id, $2: role; the rows to log have the other columns. */
#define LOG_ROWS(rows) \
	"INSERT INTO @account.changes (profile_id, column_name, vendor_value, former_status, former_since," \
	" changed_at, import_id, changed_by)" \
	" SELECT r.profile_id, r.column_name, r.value, r.status, r.since, now(), $1, $2" \
	" FROM (" rows ") AS r (profile_id, column_name, value, status, since)"

/* Runs a statement of LOG_ROWS()'s as the account's owner; $3 and $4 are id and name. */
static void
log_by_statement(const Account *account, const char *text, int id, const char *name)
{
	const ChangeSource *source = change_log_source(account);
	SqlArgument arguments[4];

	arguments[0] = source ? SQL_INT8(source->import_id) : SQL_NULL(INT8OID);
	arguments[1] = sql_text(source && !source->undoes ? NULL : GetUserNameFromId(GetUserId(), false));
	arguments[2] = SQL_INT4(id);
	arguments[3] = sql_text(name);
	(void) sql_run_latest_as_owner(account, text, name ? 4 : 2, arguments);
}

/* The tuple's text-like column as a string, or NULL without a tuple. */
static char *
tuple_string(HeapTuple tuple, Relation relation, int column)
{
	return tuple == NULL ? NULL : SPI_getvalue(tuple, RelationGetDescr(relation), column);
}

/*
 * A group or a license changes its name or goes: for the vendor, everybody
 * leaves the old one and joins the new one.  Fired before each row, while those
 * who have it can still be found.
 */
static Datum
log_renamed(FunctionCallInfo fcinfo, const char *function, const char *table, int name_column,
			const char *old_name_query, const char *new_name_query)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Account    *account;
	HeapTuple	result;
	char	   *old_name;
	char	   *new_name;
	bool		isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		strcmp(RelationGetRelationName(trigger->tg_relation), table) != 0)
		trigger_refuse(function, table);
	trigger_check_columns(trigger->tg_relation);
	account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	result = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;

	SPI_connect();
	old_name = tuple_string(trigger->tg_trigtuple, trigger->tg_relation, name_column);
	new_name = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
		tuple_string(trigger->tg_newtuple, trigger->tg_relation, name_column) : NULL;
	if (new_name == NULL || strcmp(old_name, new_name) != 0)
	{
		int			id = DatumGetInt32(SPI_getbinval(trigger->tg_trigtuple,
													 RelationGetDescr(trigger->tg_relation), 1, &isnull));

		log_by_statement(account, old_name_query, id, old_name);
		if (new_name != NULL)
			log_by_statement(account, new_name_query, id, new_name);
		/* what a record names is another thing now, whoever has it */
		feed_records_forget_all(account);
	}
	SPI_finish();
	return PointerGetDatum(result);
}

/* Trigger on groups, before each row. */
Datum
orgsync_change_log_group(PG_FUNCTION_ARGS)
{
	return log_renamed(fcinfo, "change_log_group", "groups", GROUPS_NAME,
					   LOG_ROWS("SELECT profile_id, 'group:' || $4, 'yes', NULL::seat_status, NULL::timestamptz"
						   " FROM @account.memberships WHERE group_id = $3"),
					   LOG_ROWS("SELECT profile_id, 'group:' || $4, 'no', NULL::seat_status, NULL::timestamptz"
						   " FROM @account.memberships WHERE group_id = $3"));
}

/* Trigger on licenses, before each row. */
Datum
orgsync_change_log_license(PG_FUNCTION_ARGS)
{
	return log_renamed(fcinfo, "change_log_license", "licenses", LICENSES_HEADER,
					   LOG_ROWS("SELECT profile_id, $4, CASE status WHEN 'waitlisted' THEN 'inactive' ELSE 'active' END,"
						   " status, since FROM @account.seats WHERE license_id = $3 AND status <> 'unassigned'"),
					   LOG_ROWS("SELECT profile_id, $4, 'inactive', NULL::seat_status, NULL::timestamptz"
						   " FROM @account.seats WHERE license_id = $3 AND status <> 'unassigned'"));
}

static const struct
{
	const char *table;
	const char *query;
}			truncate_queries[] =
{
	{"profiles",
		LOG_ROWS("SELECT p.profile_id, c.name, c.value, NULL::seat_status, NULL::timestamptz FROM @account.profiles p"
			" CROSS JOIN LATERAL (VALUES ('primary_email_address', p.primary_email_address::text),"
			" ('unique_user_id', p.unique_user_id), ('preferred_first_name', p.preferred_first_name),"
			" ('preferred_last_name', p.preferred_last_name), ('work_title', p.work_title)) AS c (name, value)"
			" UNION ALL"
			" SELECT p.profile_id, 'attribute_' || a.key, a.value, NULL, NULL FROM @account.profiles p"
			" CROSS JOIN LATERAL jsonb_each_text(p.attributes) AS a")},
	{"seats",
		LOG_ROWS("SELECT s.profile_id, l.header::text, CASE s.status WHEN 'waitlisted' THEN 'inactive' ELSE 'active' END,"
			" s.status, s.since FROM @account.seats s JOIN @account.licenses l USING (license_id)"
			" WHERE s.status <> 'unassigned'")},
	{"memberships",
		LOG_ROWS("SELECT m.profile_id, 'group:' || g.name, 'yes', NULL::seat_status, NULL::timestamptz"
			" FROM @account.memberships m JOIN @account.groups g USING (group_id)")},
	{"permissions",
		LOG_ROWS("SELECT profile_id, permission, scope::text, NULL::seat_status, NULL::timestamptz"
			" FROM @account.permissions")}
};

/* Trigger BEFORE TRUNCATE on profiles, seats, memberships and permissions. */
Datum
orgsync_change_log_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_BEFORE(trigger->tg_event) &&
		TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		for (size_t i = 0; i < lengthof(truncate_queries); i++)
			if (strcmp(RelationGetRelationName(trigger->tg_relation), truncate_queries[i].table) == 0)
			{
				Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));

				SPI_connect();
				log_by_statement(account, truncate_queries[i].query, 0, NULL);
				feed_records_forget_all(account);
				SPI_finish();
				return PointerGetDatum(NULL);
			}
	ereport(ERROR,
			errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			errmsg("function \"%s\" was not called by its trigger on an account's table", "change_log_truncate"),
			errhint("The triggers of an account are made by orgsync.create_account()."));
	return (Datum) 0;			/* not reached */
}
