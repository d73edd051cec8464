/*
 * explain_profile.c
 *		explain_profile(): what is known of one person, cell by cell.
 *
 * What shall be comes from the tables, what the vendor has and who set the cell
 * from the change log (see change_log.c), and what a profile was made with from
 * the import that made it (see import_effects.c).  What is under way
 * is what an open export has read of the log.
 *
 * A person who was deleted is found by the last address, for the vendor may have
 * the profile yet.  What it has of one who was deleted and is there again is told by
 * the changes of the former profile, or by "leavers" (see diff_keys.c).
 */
#include "orgsync.h"

#include "catalog/pg_type.h"
#include "change_log.h"
#include "diff.h"
#include "explain_profile.h"
#include "fmgr.h"
#include "funcapi.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_explain_profile);

/* $1: the address; the present profile, or else the last one to have had it. */
static const char find_query[] =
"SELECT profile_id FROM @account.profiles WHERE primary_email_address = $1::email_address"
" UNION ALL"
" SELECT * FROM (SELECT l.profile_id FROM " LOGGED_CHANGES " AS l"
"  WHERE l.column_name = 'primary_email_address'"
"   AND lower(l.vendor_value COLLATE \"C\") = lower($1 COLLATE \"C\")"
"   AND NOT EXISTS (SELECT FROM @account.profiles AS p WHERE p.profile_id = l.profile_id)"
"  ORDER BY l.change_id DESC LIMIT 1) AS d LIMIT 1";

/* $1: the profile_id; is it new, and may it be somebody who was deleted? */
static const char may_return_query[] =
"SELECT FROM @account.profiles AS p WHERE p.profile_id = $1"
" AND EXISTS (SELECT FROM @account.changes AS n WHERE n.profile_id = $1 AND n.column_name IS NULL)"
" AND (EXISTS (SELECT FROM @account.leavers AS l"
"   WHERE lower(l.primary_email_address) = lower(p.primary_email_address::text COLLATE \"C\")"
"    OR l.unique_user_id = p.unique_user_id)"
"  OR EXISTS (SELECT FROM @account.changes AS c WHERE CASE c.column_name"
"    WHEN 'primary_email_address' THEN lower(c.vendor_value) = lower(p.primary_email_address::text COLLATE \"C\")"
"    WHEN 'unique_user_id' THEN c.vendor_value = p.unique_user_id END"
"   AND NOT EXISTS (SELECT FROM @account.profiles AS d WHERE d.profile_id = c.profile_id)))";

/*
 * $1: the profile_id; $2, $3: if the person was deleted and is there again, the profile_id of
 * then, in "changes" or in "leavers".
 *
 *	person		whom it is about
 *	pending		the first change of each cell that the vendor has not heard of
 *	unknown		is_new: the vendor does not have the profile, since change_id
 *	present		the cells that are not empty
 *	last_set	the last change of each cell, by whomever
 *	made_by		how the profile came about
 *	open		the export that is not confirmed yet
 */
static const char explain_query[] =
"WITH person AS MATERIALIZED ("
" SELECT n.profile_id, p.created_at, p.profile_id IS NOT NULL AS lives"
" FROM (SELECT $1 AS profile_id) AS n LEFT JOIN @account.profiles AS p USING (profile_id)"
"), pending AS MATERIALIZED ("
" SELECT DISTINCT ON (cell) * FROM (SELECT c.change_id, c.column_name, c.vendor_value,"
	DIFF_CELL_OF("c.column_name") "AS cell"
"  FROM @account.changes AS c WHERE c.profile_id = coalesce($2, $1) AND $3 IS NULL"
"  UNION ALL SELECT NULL, v.column_name, v.value, v.column_name FROM @account.leavers AS l CROSS JOIN LATERAL"
"   (VALUES ('primary_email_address', l.primary_email_address), ('unique_user_id', l.unique_user_id),"
"    ('preferred_first_name', l.preferred_first_name), ('preferred_last_name', l.preferred_last_name),"
"    ('work_title', l.work_title)"
"    UNION ALL SELECT 'attribute_' || a.key, a.value FROM jsonb_each_text(l.attributes) AS a) AS v (column_name, value)"
"   WHERE l.profile_id = $3) AS c ORDER BY cell, change_id"
"), unknown AS MATERIALIZED ("
" SELECT min(change_id) FILTER (WHERE cell IS NULL) AS change_id, coalesce("
"  min(change_id) FILTER (WHERE cell IS NULL) < min(change_id) FILTER (WHERE cell = 'primary_email_address'),"
"  bool_or(cell IS NULL), false) AS is_new FROM pending"
"), present AS MATERIALIZED ("
" SELECT c.place, c.column_name, c.value FROM person JOIN @account.profiles AS p USING (profile_id)"
"  CROSS JOIN LATERAL (VALUES (0, 'primary_email_address', p.primary_email_address::text),"
"  (1, 'unique_user_id', p.unique_user_id), (2, 'preferred_first_name', p.preferred_first_name),"
"  (3, 'preferred_last_name', p.preferred_last_name), (4, 'work_title', p.work_title))"
"  AS c (place, column_name, value) WHERE c.value <> ''"
" UNION ALL"
" SELECT 5, l.header::text, CASE WHEN s.status IN ('invited', 'activated') THEN 'active' ELSE s.status::text END"
"  FROM person JOIN @account.seats AS s USING (profile_id) JOIN @account.licenses AS l USING (license_id)"
" UNION ALL"
" SELECT 6, 'group:' || g.name, 'yes'"
"  FROM person JOIN @account.memberships AS m USING (profile_id) JOIN @account.groups AS g USING (group_id)"
" UNION ALL"
" SELECT 7, a.permission, a.scope::text FROM person JOIN @account.permissions AS a USING (profile_id)"
" UNION ALL"
" SELECT 8, 'attribute_' || a.key, a.value FROM person JOIN @account.profiles AS p USING (profile_id)"
"  CROSS JOIN LATERAL jsonb_each_text(p.attributes) AS a WHERE a.value <> ''"
"), last_set AS MATERIALIZED ("
" SELECT DISTINCT ON (cell) * FROM (SELECT l.*," DIFF_CELL_OF("l.column_name") "AS cell"
"  FROM " LOGGED_CHANGES " AS l JOIN person USING (profile_id)) AS l ORDER BY cell, change_id DESC"
"), made_by AS MATERIALIZED ("
" SELECT m.import_id, m.first_line + p.profile_id - m.first_profile_id AS line, NULL AS changed_by,"
"  coalesce(p.created_at, i.started_at) AS changed_at FROM person AS p CROSS JOIN LATERAL"
"  (SELECT * FROM @account.made_profiles WHERE first_profile_id <= p.profile_id"
"   ORDER BY first_profile_id DESC LIMIT 1) AS m"
"  JOIN @account.imports AS i USING (import_id) WHERE p.profile_id < m.first_profile_id + m.number"
" UNION ALL SELECT import_id, line, changed_by, changed_at FROM last_set WHERE cell IS NULL"
" UNION ALL SELECT NULL, NULL, NULL, created_at FROM person LIMIT 1"
"), open AS MATERIALIZED ("
" SELECT export_id, changes_read FROM @account.exports WHERE state <> 'cancelled'"
" ORDER BY export_id DESC LIMIT 1"
"), cells AS ("
" SELECT coalesce(w.column_name, v.column_name) AS column_name, w.place, coalesce(w.cell, v.cell) AS cell,"
"  coalesce(w.value, v.nothing) AS wanted, coalesce(w.nothing, v.nothing) AS nothing,"
"  CASE WHEN u.is_new THEN NULL WHEN v.cell IS NOT NULL THEN coalesce(nullif(v.vendor_value, ''), v.nothing)"
"   WHEN num_nonnulls($2, $3) > 0 OR (w.place = 5 AND w.value <> 'active') THEN w.nothing ELSE w.value END AS vendor_has,"
"  CASE WHEN u.is_new THEN u.change_id ELSE v.change_id END AS change_id"
" FROM (SELECT p.*," DIFF_CELL_OF("p.column_name") "AS cell,"
"  CASE p.place WHEN 5 THEN 'inactive' WHEN 6 THEN 'no' WHEN 7 THEN 'no' END AS nothing FROM present AS p) AS w"
" FULL JOIN (SELECT p.*, CASE WHEN starts_with(p.column_name, 'group:') THEN 'no'"
"   WHEN p.column_name ~ '^(group_)?permission_' THEN 'no'"
"   WHEN starts_with(p.column_name, 'attribute_') OR p.column_name IN ('primary_email_address', 'unique_user_id',"
"    'preferred_first_name', 'preferred_last_name', 'work_title') THEN NULL ELSE 'inactive' END AS nothing"
"  FROM pending AS p WHERE p.cell IS NOT NULL) AS v ON v.cell = w.cell"
" CROSS JOIN unknown AS u"
") SELECT c.column_name, c.wanted, c.vendor_has,"
" CASE WHEN s.import_id IS NULL THEN 'role ' || s.changed_by"
"  ELSE coalesce('role ' || s.changed_by || ', undoing import ' || s.import_id, coalesce('feed ' || i.feed || ', ', '')"
"   || 'import ' || s.import_id || coalesce(', line ' || s.line, '')) END,"
" s.changed_at,"
" CASE WHEN c.vendor_has IS NOT DISTINCT FROM CASE c.wanted WHEN 'waitlisted' THEN c.nothing"
"   WHEN 'unassigned' THEN c.nothing ELSE c.wanted END"
"  OR (u.is_new AND NOT p.lives) THEN NULL"
"  WHEN o.changes_read @> c.change_id THEN 'export ' || o.export_id || coalesce(', file ' ||"
"   (SELECT string_agg(f.seq || ' (' || f.kind || ')', ', ' ORDER BY f.seq) FROM @account.export_files AS f"
"    WHERE f.export_id = o.export_id AND f.confirmed_at IS NULL AND p.profile_id = ANY (f.profile_ids)), '')"
"  ELSE 'not exported' END"
" FROM cells AS c CROSS JOIN person AS p CROSS JOIN unknown AS u"
" LEFT JOIN LATERAL (SELECT import_id, line, changed_by, changed_at FROM"
"  (SELECT import_id, line, changed_by, changed_at FROM last_set WHERE cell = c.cell"
"   UNION ALL SELECT import_id, line, changed_by, changed_at FROM made_by) AS a LIMIT 1) AS s ON true"
" LEFT JOIN @account.imports AS i ON i.import_id = s.import_id"
" LEFT JOIN open AS o ON true"
" WHERE num_nonnulls(c.wanted, c.vendor_has) > 0"
" ORDER BY CASE c.cell WHEN 'primary_email_address' THEN 0 WHEN 'unique_user_id' THEN 1"
"  WHEN 'preferred_first_name' THEN 2 WHEN 'preferred_last_name' THEN 3 WHEN 'work_title' THEN 4"
"  ELSE CASE WHEN starts_with(c.cell, 'attribute_') THEN 6 ELSE 5 END END, c.cell COLLATE \"C\"";

/*
 * Whose changes, or whose row of "leavers", tell what the vendor has of a profile, because
 * that was deleted and is there again; 0: nobody's.  latest: as below.
 */
void
explain_profile_former(const Account *account, int64 profile_id, bool latest, int64 *deleted_id, int64 *leaver_id)
{
	SqlArgument argument = SQL_INT8(profile_id);

	*deleted_id = *leaver_id = 0;
	if ((latest ? sql_run_latest(account, may_return_query, 1, &argument) :
		 sql_run(account, may_return_query, 1, &argument)) == 0)
		return;
	if (latest)
		PushActiveSnapshot(GetLatestSnapshot());
	diff_find_former(account, profile_id, deleted_id, leaver_id);
	if (latest)
		PopActiveSnapshot();
}

/*
 * Runs the query for a profile, which may be deleted; latest: as committed now,
 * whatever the transaction's snapshot, and of this profile alone.  Its rows, of
 * EXPLAIN_COLUMNS columns, are in SPI_tuptable, and their number is returned.
 */
uint64
explain_profile_run(const Account *account, int64 profile_id, bool latest)
{
	SqlArgument arguments[] = {SQL_INT8(profile_id), SQL_NULL(INT8OID), SQL_NULL(INT8OID)};
	int64		deleted_id;
	int64		leaver_id;

	if (latest)
		return sql_run_latest(account, explain_query, 3, arguments);
	explain_profile_former(account, profile_id, false, &deleted_id, &leaver_id);
	if (deleted_id != 0)
		arguments[1] = SQL_INT8(deleted_id);
	if (leaver_id != 0)
		arguments[2] = SQL_INT8(leaver_id);
	return sql_run(account, explain_query, 3, arguments);
}

/* explain_profile(account regnamespace, email email_address) */
Datum
orgsync_explain_profile(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SqlArgument address = SQL_DATUM(TEXTOID, PG_GETARG_DATUM(1));	/* stored like text */
	Account    *account;
	uint64		count;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	if (sql_run(account, find_query, 1, &address) == 0)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("account \"%s\" knows nobody with the address \"%s\"", account->name,
					   TextDatumGetCString(address.value)),
				errhint("See %s.users and %s.history.", account->quoted_name, account->quoted_name));
	count = explain_profile_run(account, sql_int64(0, 0), false);
	for (uint64 row = 0; row < count; row++)
	{
		Datum		values[EXPLAIN_COLUMNS];
		bool		nulls[EXPLAIN_COLUMNS];

		for (int column = 0; column < EXPLAIN_COLUMNS; column++)
			values[column] = sql_value(row, column, &nulls[column]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
