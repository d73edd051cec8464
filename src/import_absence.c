/*
 * import_absence.c
 *		Whom a feed brings, and who is missing from a file of mode full.
 *
 * Of each feed, "feed_profiles" keeps whom it brought (see profile_set.c), and
 * "feeds" whom its last import held.
 *
 * Absent is who was brought before, is named by no row of the file (applied or
 * rejected, by any key, or in a finding), is in no other feed's last import, and
 * is not protected (see protected_profile.c).
 * That is known when all rows are decided; before it, it is known of those whom
 * no row can possibly name, and so their seats count before all grants.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "profile_set.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/* So many names of absent people a finding gives. */
#define FIRST_NAMES 5

/* The profiles of the accepted rows and of unchanged records; with those that only were named if asked for. */
static SqlArgument
collect_profiles(Import *import, bool with_named)
{
	ProfileRuns runs;

	profile_runs_begin(&runs, import->attempt_context);
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		if (import->targets[i].state == ROW_ACCEPTED)
			profile_runs_add(&runs, import->targets[i].profile_id);
	for (int64 i = 0; with_named && i < import->named_count; i++)
		profile_runs_add(&runs, import->named[i]);
	import_unchanged_collect_profiles(import, &runs);
	return profile_runs_set(&runs);
}

/*
 * The set of those whom the feed brought before, less the given profiles, those that other feeds hold,
 * and those that are protected.
 */
static SqlArgument
brought_without(Import *import, const SqlArgument *present)
{
	SqlArgument arguments[] = {sql_text(import->options.feed), *present};
	SqlArgument absent;
	bool		isnull;

	(void) sql_run(import->account,
				   "SELECT " FEED_BROUGHT("$1") " - $2 - coalesce((SELECT range_agg(last_import) FROM @account.feeds WHERE feed <> $1), '{}')"
				   " - coalesce((SELECT range_agg(int8range(profile_id, profile_id, '[]'))"
				   "  FROM @account.protected_profiles), '{}')",
				   2, arguments);
	absent = SQL_DATUM(INT8MULTIRANGEOID, PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value(0, 0, &isnull))));
	SPI_freetuptable(SPI_tuptable);
	return absent;
}

static int
license_index(const Import *import, int license_id)
{
	for (int i = 0; i < import->license_count; i++)
		if (import->licenses[i].terms.license_id == license_id)
			return i;
	return -1;
}

static void
leave_list(Import *import, int license, ArrayType *profile_ids)
{
	Datum	   *values;
	int			count;

	deconstruct_array(profile_ids, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, NULL, &count);
	for (int i = 0; i < count; i++)
		import_seats_leave_list(import, license, DatumGetInt64(values[i]));
}

/*
 * Counts the seats of those who are surely absent among the free ones of each
 * license of the import, and takes them off its waiting list.
 */
void
import_count_absent_seats(Import *import)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	int64		row_count = import_staging_count(import->staging);
	int64	   *similar;
	int64		similar_count = import_similar_profiles(import, &similar);
	ProfileRuns present;
	SqlArgument present_set;
	int64		count;
	SqlArgument absent;

	if (import->unreadable_line != 0)
		return;
	profile_runs_begin(&present, import->attempt_context);
	for (int64 i = 0; i < row_count; i++)
	{
		profile_runs_add(&present, import->targets[i].profile_id);
		profile_runs_add(&present, import_address_holder(import, i));
	}
	for (int64 i = 0; i < import->named_count; i++)
		profile_runs_add(&present, import->named[i]);
	for (int64 i = 0; i < similar_count; i++)
		profile_runs_add(&present, similar[i]);
	import_unchanged_collect_profiles(import, &present);
	present_set = profile_runs_set(&present);
	absent = brought_without(import, &present_set);

	count = (int64) sql_find(import->account,
							 "SELECT s.license_id, count(*) FILTER (WHERE s.status <> 'waitlisted'),"
							 " coalesce(array_agg(s.profile_id) FILTER (WHERE s.status = 'waitlisted'), '{}')"
							 " FROM " ROWS_OF_SET("$1", "seats", "s")
							 " JOIN @account.licenses AS l USING (license_id)"
							 " WHERE s.status IN ('activated', 'waitlisted')"
							 " OR s.status = 'invited' AND l.counting = 'invited'"
							 " GROUP BY s.license_id", 1, &absent);
	for (int i = 0; i < count; i++)
	{
		bool		isnull;
		int			license = license_index(import, DatumGetInt32(sql_value(i, 0, &isnull)));

		if (license < 0)
			continue;
		import_seats_give_back(import, license, sql_int64(i, 1));
		leave_list(import, license, DatumGetArrayTypeP(sql_value(i, 2, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old_context);
}

/* The set of absent profiles, how many they are, and how many people the feed brought before. */
static SqlArgument
find_absent(Import *import, int64 *absent_count, int64 *brought_count)
{
	SqlArgument arguments[2];
	SqlArgument absent;
	SqlArgument present = collect_profiles(import, true);

	absent = brought_without(import, &present);
	arguments[0] = sql_text(import->options.feed);
	arguments[1] = absent;
	(void) sql_find(import->account,
					"SELECT (SELECT count(*) FROM " ROWS_OF_SET("$2", "profiles", "p") "),"
					" (SELECT count(*) FROM @account.feed_profiles AS f CROSS JOIN LATERAL "
					ROWS_OF_SET("f.profile_ids", "profiles", "p") " WHERE f.feed = $1)",
					2, arguments);
	*absent_count = sql_int64(0, 0);
	*brought_count = sql_int64(0, 1);
	return absent;
}

/* Is that so many that it looks like an accident? */
static bool
is_too_many(const Import *import, int64 part, int64 whole, double limit_percent)
{
	return !import->options.override && part >= import->account->threshold_floor &&
		part * 100.0 > whole * limit_percent;
}

/* The first names of the absent, or, with group_id, of those of them who are in the group; palloc'd. */
static char *
first_names(Import *import, const SqlArgument *absent, int group_id, int64 count)
{
	(void) sql_find(import->account,
					"SELECT string_agg(name, ', ') FROM (SELECT p.primary_email_address::text AS name"
					" FROM " ROWS_OF_SET("$1", "profiles", "p")
					" WHERE $3 = 0 OR EXISTS (SELECT FROM @account.memberships AS m"
					"  WHERE m.profile_id = p.profile_id AND m.group_id = $3)"
					" ORDER BY p.profile_id LIMIT $2) AS n",
					3, (SqlArgument[]) {*absent, SQL_INT8(FIRST_NAMES), SQL_INT4(group_id)});
	return psprintf("%s%s", sql_string(0, 0), count > FIRST_NAMES ? ", ..." : "");
}

static void
report_too_many(Import *import, const SqlArgument *absent, int64 part, int64 whole, double limit)
{
	import_report(import, FINDING_TOO_MANY_ABSENT, 0, NULL, NULL, 5,
				  psprintf(INT64_FORMAT, part), psprintf(INT64_FORMAT, whole),
				  psprintf("%.1f", part * 100.0 / whole), psprintf("%g", limit),
				  first_names(import, absent, 0, part));
}

/*
 * Takes the seats of who is absent, and the places on the waiting list; in the order of
 * profile_id, in which they are transferred.
 */
static void
revoke_absent(Import *import, const SqlArgument *absent)
{
	int			nest_level = sql_avoid_sorting();

	(void) sql_write(import->account,
					 "UPDATE @account.seats AS s SET status = 'unassigned', since = now()"
					 " WHERE s.profile_id = ANY (ARRAY(SELECT p.profile_id FROM " ROWS_OF_SET("$1", "profiles", "p") "))"
					 " AND s.status <> 'unassigned'",
					 1, absent);
	sql_restore_settings(nest_level);
}

/* How many seats are taken in all, and how many of them by who is absent. */
static void
count_seats(Import *import, const SqlArgument *absent, int64 *lost, int64 *taken)
{
	(void) sql_find(import->account,
					"SELECT (SELECT count(*) FROM " ROWS_OF_SET("$1", "seats", "s")
					" WHERE s.status IN ('invited', 'activated')),"
					" (SELECT coalesce(sum(invited + activated), 0)::bigint FROM @account.seat_counters)",
					1, absent);
	*lost = sql_int64(0, 0);
	*taken = sql_int64(0, 1);
}

/*
 * Is a whole group missing, or too much of it?  Reports the first such group by
 * name.  The inner LIMIT is as many members as would be enough.
 */
static bool
report_group(Import *import, const SqlArgument *absent)
{
	double		limit = import->account->max_remove_percent;
	int64		floor = Max(import->account->threshold_floor, 1);
	int			group_id;
	char	   *name;
	int64		lost;
	int64		size;
	bool		isnull;

	if (import->options.override || import->counts.absent < floor)
		return false;
	if (sql_find(import->account,
				 "WITH lost AS ("
				 " SELECT m.group_id, count(*) AS count FROM " ROWS_OF_SET("$1", "memberships", "m")
				 " GROUP BY m.group_id HAVING count(*) >= $2"
				 "), sized AS ("
				 " SELECT l.group_id, l.count, (SELECT count(*) FROM (SELECT FROM @account.memberships AS m"
				 "   WHERE m.group_id = l.group_id LIMIT ceil(l.count * 100 / greatest($3, 0.001))::bigint + 1) AS m)"
				 "  AS size FROM lost AS l"
				 ") SELECT g.group_id, g.name, s.count, s.size FROM sized AS s JOIN @account.groups AS g USING (group_id)"
				 " WHERE s.count * 100 > s.size * $3 ORDER BY g.name LIMIT 1",
				 3, (SqlArgument[]) {*absent, SQL_INT8(floor), SQL_DATUM(FLOAT8OID, Float8GetDatum(limit))}) == 0)
		return false;
	group_id = DatumGetInt32(sql_value(0, 0, &isnull));
	name = sql_string(0, 1);
	lost = sql_int64(0, 2);
	size = sql_int64(0, 3);
	import_report(import, FINDING_TOO_MANY_ABSENT_IN_GROUP, 0, NULL, NULL, 5,
				  psprintf(INT64_FORMAT, lost), psprintf(INT64_FORMAT, size), name, psprintf("%g", limit),
				  first_names(import, absent, group_id, lost));
	return true;
}

/* Of mode full: revokes the seats of the absent, or reports that they are too many.  Returns who is absent. */
static SqlArgument
handle_absent(Import *import)
{
	int64		brought_count;
	int64		lost;
	int64		taken;
	SqlArgument absent = find_absent(import, &import->counts.absent, &brought_count);

	count_seats(import, &absent, &lost, &taken);
	if (is_too_many(import, import->counts.absent, brought_count, import->account->max_remove_percent))
		report_too_many(import, &absent, import->counts.absent, brought_count,
						import->account->max_remove_percent);
	else if (is_too_many(import, lost, taken, import->account->max_revoke_percent))
		report_too_many(import, &absent, lost, taken, import->account->max_revoke_percent);
	else if (!report_group(import, &absent))
	{
		revoke_absent(import, &absent);
		import->counts.seats_revoked += lost;
	}
	return absent;
}

/*
 * When the rows are decided and before they are written: of mode full, revokes
 * the seats of the absent, or reports that they are too many (the import is
 * refused then) or unknown.  In every mode, notes whom the feed brings; whoever
 * was only named stays among those whom it brought.
 */
void
import_note_absence(Import *import)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	SqlArgument arguments[2] = {sql_text(import->options.feed)};
	SqlArgument present;

	if (import->options.full && import->unreadable_line != 0)
		import_report(import, FINDING_ABSENCE_UNKNOWN, import->unreadable_line, NULL, NULL, 1,
					  psprintf(INT64_FORMAT, import->unreadable_line));
	else if (import->options.full)
	{
		arguments[1] = handle_absent(import);
		if (!profile_set_is_empty(&arguments[1]))
		{
			import->absent = arguments[1].value;
			(void) sql_run(import->account, feed_profiles_remove, 2, arguments);
		}
	}

	present = collect_profiles(import, false);
	arguments[1] = feed_profiles_lacking(import->account, import->options.feed, &present);
	if (!profile_set_is_empty(&arguments[1]))
	{
		import->brought = arguments[1].value;
		(void) sql_run(import->account, feed_profiles_add, 2, arguments);
	}
	arguments[1] = import->named_count > 0 ? collect_profiles(import, true) : present;
	(void) sql_run(import->account,
				   "INSERT INTO @account.feeds AS f (feed, last_import) VALUES ($1, $2)"
				   " ON CONFLICT (feed) DO UPDATE SET last_import = $2 WHERE f.last_import <> $2", 2, arguments);
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old_context);
}
