/*
 * import_remote_difference.c
 *		What the vendor's own list of users says otherwise than the account.
 *
 * Collected row by row in tuplestores, which go to disk by themselves when they
 * are large, and then put in the place of what was known, by a few statements:
 *
 *	remote_people	whom the list has; is_listed: by a row that counts; replaced_id:
 *					who was deleted, and was the same person to the vendor
 *	remote_cells	what the vendor has otherwise, cell by cell
 *	remote_seats	the vendor's status of seats that are taken here and there
 *
 * A column that the list does not have stays as it was known.  Of people whom
 * the vendor was not known to have it has nothing in such a column.
 */
#include "import_remote.h"

#include "catalog/pg_type.h"
#include "diff.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

struct RemoteDifference
{
	Tuplestorestate *people;
	TupleDesc	people_descriptor;
	int64		people_count;
	Tuplestorestate *cells;
	TupleDesc	cells_descriptor;
	int64		cell_count;
	Tuplestorestate *seats;
	TupleDesc	seats_descriptor;
	int64		seat_count;
};

#define IS_LISTED	"(SELECT " DIFF_CELL_OF("n.name") "FROM unnest($1) AS n (name))"

/*
 * In the place of what was logged of the listed people's listed columns, $1: their
 * names.  A seat's days of grace go on.
 */
static const char replace_query[] =
	"WITH gone AS ("
	" DELETE FROM @account.changes AS c USING remote_people AS r"
	" WHERE r.is_listed AND c.profile_id = r.profile_id"
	" AND (c.column_name IS NULL OR " DIFF_CELL_OF("c.column_name") "= ANY " IS_LISTED ") RETURNING c.*"
	"), " CHANGES_KEPT_OF("gone") ", lost AS ("
	" SELECT g.profile_id, lower(g.column_name) AS cell, max(coalesce(g.changed_at, g.former_since)) AS lost_at"
	" FROM (SELECT profile_id, column_name, changed_at, former_since FROM gone"
	"  UNION ALL SELECT r.profile_id, c.column_name, c.changed_at, c.former_since FROM remote_people AS r"
	"  JOIN @account.changes AS c ON c.profile_id = r.replaced_id) AS g"
	" WHERE g.former_since IS NOT NULL GROUP BY g.profile_id, cell"
	") INSERT INTO @account.changes (profile_id, column_name, vendor_value, former_since)"
	" SELECT r.profile_id, r.column_name, r.vendor_value, l.lost_at FROM remote_cells AS r"
	" LEFT JOIN lost AS l ON l.profile_id = r.profile_id AND l.cell = lower(r.column_name COLLATE \"C\")";

/*
 * Those whom the vendor was not known to have, and does: everything that was
 * logged of them goes, and what they have here in other columns than $1 the
 * vendor lacks.  But of those who were deleted and made again it has in these
 * columns what was known before.
 */
static const char newly_known_query[] =
	"WITH new_people AS MATERIALIZED ("
	" SELECT c.profile_id, r.replaced_id FROM @account.changes AS c"
	" JOIN remote_people AS r ON r.profile_id = c.profile_id"
	" WHERE r.is_listed AND (c.column_name IS NULL OR c.column_name = 'primary_email_address')"
	" GROUP BY c.profile_id, r.replaced_id"
	" HAVING coalesce(min(c.change_id) FILTER (WHERE c.column_name IS NULL)"
	"  < min(c.change_id) FILTER (WHERE c.column_name IS NOT NULL),"
	"  bool_or(c.column_name IS NULL))"
	"), forgotten AS ("
	" DELETE FROM @account.changes AS c USING new_people AS n WHERE c.profile_id = n.profile_id RETURNING c.*"
	"), kept AS ("
	" INSERT INTO @account.past_changes (" CHANGE_COLUMNS ")"
	" SELECT " CHANGE_COLUMNS "FROM forgotten WHERE changed_at IS NOT NULL"
	" UNION ALL SELECT " CHANGE_COLUMNS "FROM @account.changes AS c"
	" WHERE c.profile_id IN (SELECT replaced_id FROM new_people) AND c.changed_at IS NOT NULL"
	" AND c.column_name IS NOT NULL AND (" DIFF_CELL_OF("c.column_name") "= ANY " IS_LISTED ") IS NOT TRUE"
	"), moved AS ("
	" UPDATE @account.changes AS c SET profile_id = n.profile_id, changed_at = NULL,"
	" former_since = CASE WHEN c.former_since IS NOT NULL THEN coalesce(c.changed_at, c.former_since) END"
	" FROM new_people AS n"
	" WHERE c.profile_id = n.replaced_id AND c.column_name IS NOT NULL"
	" AND (" DIFF_CELL_OF("c.column_name") "= ANY " IS_LISTED ") IS NOT TRUE"
	"), present (profile_id, replaced_id, name, nothing) AS ("
	" SELECT p.profile_id, n.replaced_id, v.name, NULL FROM new_people AS n"
	"  JOIN @account.profiles AS p ON p.profile_id = n.profile_id"
	"  CROSS JOIN LATERAL (VALUES ('unique_user_id', p.unique_user_id),"
	"   ('preferred_first_name', p.preferred_first_name), ('preferred_last_name', p.preferred_last_name),"
	"   ('work_title', p.work_title)) AS v (name, value)"
	"  WHERE v.value <> ''"
	" UNION ALL"
	" SELECT p.profile_id, n.replaced_id, 'attribute_' || e.key, NULL FROM new_people AS n"
	"  JOIN @account.profiles AS p ON p.profile_id = n.profile_id"
	"  CROSS JOIN LATERAL jsonb_each_text(p.attributes) AS e (key, value)"
	" UNION ALL"
	" SELECT s.profile_id, n.replaced_id, l.header::text, 'inactive' FROM new_people AS n"
	"  JOIN @account.seats AS s ON s.profile_id = n.profile_id"
	"  JOIN @account.licenses AS l ON l.license_id = s.license_id"
	"  WHERE s.status IN ('invited', 'activated')"
	" UNION ALL"
	" SELECT m.profile_id, n.replaced_id, 'group:' || g.name, 'no' FROM new_people AS n"
	"  JOIN @account.memberships AS m ON m.profile_id = n.profile_id"
	"  JOIN @account.groups AS g ON g.group_id = m.group_id"
	" UNION ALL"
	" SELECT a.profile_id, n.replaced_id, a.permission, 'no' FROM new_people AS n"
	"  JOIN @account.permissions AS a ON a.profile_id = n.profile_id"
	") INSERT INTO @account.changes (profile_id, column_name, vendor_value)"
	" SELECT p.profile_id, p.name, p.nothing FROM present AS p"
	" WHERE (" DIFF_CELL_OF("p.name") "= ANY " IS_LISTED ") IS NOT TRUE"
	" AND NOT EXISTS (SELECT FROM @account.changes AS o WHERE o.profile_id = p.replaced_id"
	"  AND" DIFF_CELL_OF("o.column_name") "=" DIFF_CELL_OF("p.name") ")";

/* Whom a complete list does not have, the vendor does not have. */
static const char forget_unlisted_query[] =
	CHANGES_KEPT("DELETE FROM @account.changes AS c WHERE NOT EXISTS"
				 " (SELECT FROM remote_people AS r WHERE r.profile_id = c.profile_id)");

static const char unlisted_query[] =
	"INSERT INTO @account.changes (profile_id) SELECT p.profile_id FROM @account.profiles AS p"
	" WHERE NOT EXISTS (SELECT FROM remote_people AS r WHERE r.profile_id = p.profile_id)";

/* Who was deleted, and whom, or whose address, the vendor has as somebody else of the list by now. */
static const char forget_replaced_query[] =
	CHANGES_KEPT("DELETE FROM @account.changes AS c WHERE c.profile_id IN ("
				 " SELECT replaced_id FROM remote_people"
				 " UNION ALL SELECT o.profile_id FROM @account.changes AS o JOIN staged AS s"
				 "  ON lower(s.primary_email_address::text COLLATE \"C\") = lower(o.vendor_value COLLATE \"C\")"
				 "  WHERE o.column_name = 'primary_email_address'"
				 "  AND NOT EXISTS (SELECT FROM @account.profiles AS p WHERE p.profile_id = o.profile_id)"
				 "  AND NOT EXISTS (SELECT FROM remote_people AS r WHERE r.profile_id = o.profile_id))");

static const char seats_query[] =
	"UPDATE @account.seats AS s SET status = r.status::seat_status,"
	" since = coalesce(r.since, CASE WHEN s.status::text = r.status THEN s.since ELSE now() END)"
	" FROM remote_seats AS r"
	" WHERE s.profile_id = r.profile_id AND s.license_id = r.license_id"
	" AND (s.status::text <> r.status OR s.since <> r.since)";

/* ---- collecting what import_remote_compare.c finds ---- */

/* An empty difference in the current memory context. */
RemoteDifference *
remote_difference_create(void)
{
	RemoteDifference *difference = palloc0(sizeof(RemoteDifference));

	difference->people = tuplestore_begin_heap(true, false, work_mem);
	difference->people_descriptor = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(difference->people_descriptor, 1, "profile_id", INT8OID, -1, 0);
	TupleDescInitEntry(difference->people_descriptor, 2, "is_listed", BOOLOID, -1, 0);
	TupleDescInitEntry(difference->people_descriptor, 3, "replaced_id", INT8OID, -1, 0);
	compat_finish_descriptor(difference->people_descriptor);

	difference->cells = tuplestore_begin_heap(true, false, work_mem);
	difference->cells_descriptor = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(difference->cells_descriptor, 1, "profile_id", INT8OID, -1, 0);
	TupleDescInitEntry(difference->cells_descriptor, 2, "column_name", TEXTOID, -1, 0);
	TupleDescInitEntry(difference->cells_descriptor, 3, "vendor_value", TEXTOID, -1, 0);
	compat_finish_descriptor(difference->cells_descriptor);

	difference->seats = tuplestore_begin_heap(true, false, work_mem);
	difference->seats_descriptor = CreateTemplateTupleDesc(4);
	TupleDescInitEntry(difference->seats_descriptor, 1, "profile_id", INT8OID, -1, 0);
	TupleDescInitEntry(difference->seats_descriptor, 2, "license_id", INT4OID, -1, 0);
	TupleDescInitEntry(difference->seats_descriptor, 3, "status", TEXTOID, -1, 0);
	TupleDescInitEntry(difference->seats_descriptor, 4, "since", TIMESTAMPTZOID, -1, 0);
	compat_finish_descriptor(difference->seats_descriptor);
	return difference;
}

/* Frees the temporary files. */
void
remote_difference_end(RemoteDifference *difference)
{
	tuplestore_end(difference->people);
	tuplestore_end(difference->cells);
	tuplestore_end(difference->seats);
}

/*
 * Adds somebody whom the list has.  is_listed: the row counts, and so its cells;
 * replaced_id: see the top of the file, or 0.
 */
void
remote_difference_person(RemoteDifference *difference, int64 profile_id, bool is_listed, int64 replaced_id)
{
	Datum		values[] = {Int64GetDatum(profile_id), BoolGetDatum(is_listed), Int64GetDatum(replaced_id)};
	bool		nulls[] = {false, false, replaced_id == 0};

	tuplestore_putvalues(difference->people, difference->people_descriptor, values, nulls);
	difference->people_count++;
}

/* The vendor has another value in the cell than the account; NULL is nothing. */
void
remote_difference_cell(RemoteDifference *difference, int64 profile_id, const char *column_name,
					   const char *vendor_value)
{
	Datum		values[3] = {Int64GetDatum(profile_id), CStringGetTextDatum(column_name)};
	bool		nulls[3] = {false, false, vendor_value == NULL};

	if (vendor_value != NULL)
		values[2] = CStringGetTextDatum(vendor_value);
	tuplestore_putvalues(difference->cells, difference->cells_descriptor, values, nulls);
	difference->cell_count++;
}

/* The vendor has that status of the seat, and perhaps since when. */
void
remote_difference_seat(RemoteDifference *difference, int64 profile_id, int license_id, const vendor_status *status)
{
	Datum		values[4] = {Int64GetDatum(profile_id), Int32GetDatum(license_id),
		CStringGetTextDatum(remote_seat_status(status)), (Datum) 0};
	bool		nulls[4] = {false, false, false, status->year == 0};

	if (status->year != 0)
		values[3] = TimestampTzGetDatum(remote_seat_since(status));
	tuplestore_putvalues(difference->seats, difference->seats_descriptor, values, nulls);
	difference->seat_count++;
}

/* ---- writing ---- */

/* After an error too: statements cannot read the difference as tables any more. */
void
remote_difference_unregister(void)
{
	sql_unregister("remote_people");
	sql_unregister("remote_cells");
	sql_unregister("remote_seats");
}

/*
 * Puts the difference in the place of what was known, and gives seats the
 * vendor's status.  is_complete: whom the list does not have, the vendor does
 * not have; they are counted as absent.  The rows must be registered as "staged".
 */
void
remote_difference_write(Import *import, RemoteDifference *difference, bool is_complete)
{
	SqlArgument columns = remote_compare_columns(import);

	sql_register("remote_people", difference->people, difference->people_descriptor, difference->people_count);
	sql_register("remote_cells", difference->cells, difference->cells_descriptor, difference->cell_count);
	sql_register("remote_seats", difference->seats, difference->seats_descriptor, difference->seat_count);

	(void) sql_run_once_latest(import->account, newly_known_query, 1, &columns);
	(void) sql_run_once_latest(import->account, replace_query, 1, &columns);
	if (is_complete)
	{
		(void) sql_run_once_latest(import->account, forget_unlisted_query, 0, NULL);
		/* whom of them the vendor still has is put as deleted, with all others */
		(void) sql_run_once_latest(import->account, "DELETE FROM @account.leavers", 0, NULL);
		import->counts.absent = (int64) sql_run_once_latest(import->account, unlisted_query, 0, NULL);
	}
	else
		(void) sql_run_once_latest(import->account, forget_replaced_query, 0, NULL);

	/*
	 * Twice: where the status changes and the date happens to be the one that the
	 * seat had, the trigger takes it for a date that was not given.
	 */
	if (difference->seat_count > 0)
	{
		(void) sql_write_once(import->account, seats_query, 0, NULL);
		(void) sql_write_once(import->account, seats_query, 0, NULL);
	}
	remote_difference_unregister();
}
