/*
 * import_absence.c
 *		Whom a feed brings, and who is missing from a file of mode full.
 *
 * Of each feed, "feeds" keeps the profile_ids that it brought and those that its
 * last import held, as multiranges: a feed's profiles are mostly made by one
 * import and so have ids in a row, and a set of a million of them is a few
 * ranges.  Sets are compared by the server's own operators.
 *
 * Absent is who was brought before, is named by no row of the file (applied or
 * rejected, by any key, or in a finding), is in no other feed's last import, and
 * is not protected (see protected_profile.c).
 * That is known when all rows are decided; before it, it is known of those whom
 * no row can possibly name, and so their seats count before all grants.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

/* So many names of absent people a finding gives. */
#define FIRST_NAMES 5

typedef struct ProfileRun
{
	int64		first;
	int64		last;
} ProfileRun;

/*
 * Profile_ids that are collected in any order.  Nearly all are in a row with others,
 * so they are kept as runs, which are sorted and joined whenever there is no more
 * room.
 */
typedef struct ProfileRuns
{
	ProfileRun  *runs;
	int64		count;
	int64		capacity;
} ProfileRuns;

#define FIRST_CAPACITY	1024

static int
compare_runs(const void *a, const void *b)
{
	const ProfileRun *left = a;
	const ProfileRun *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

/* Sorts the runs, and joins those that touch. */
static void
join_runs(ProfileRuns *runs)
{
	int64		count = 0;

	if (runs->count > 1)
		qsort(runs->runs, runs->count, sizeof(ProfileRun), compare_runs);
	for (int64 i = 0; i < runs->count; i++)
		if (count > 0 && runs->runs[i].first <= runs->runs[count - 1].last + 1)
			runs->runs[count - 1].last = Max(runs->runs[count - 1].last, runs->runs[i].last);
		else
			runs->runs[count++] = runs->runs[i];
	runs->count = count;
}

static void
runs_begin(ProfileRuns *runs, const Import *import)
{
	runs->count = 0;
	runs->capacity = FIRST_CAPACITY;
	runs->runs = MemoryContextAlloc(import->attempt_context, sizeof(ProfileRun) * FIRST_CAPACITY);
}

/* Adds a profile, or nobody, if it is 0. */
static void
runs_add(ProfileRuns *runs, int64 profile_id)
{
	ProfileRun  *last = &runs->runs[runs->count - 1];

	if (profile_id == 0 || (runs->count > 0 && profile_id >= last->first && profile_id <= last->last))
		return;
	if (runs->count > 0 && profile_id == last->last + 1)
	{
		last->last = profile_id;
		return;
	}
	if (runs->count == runs->capacity)
	{
		join_runs(runs);
		if (runs->count > runs->capacity / 2)
			runs->runs = repalloc_huge(runs->runs, sizeof(ProfileRun) * (runs->capacity *= 2));
	}
	runs->runs[runs->count++] = (ProfileRun) {profile_id, profile_id};
}

/* The profiles of the accepted rows; with those that only were named if asked for. */
static ProfileRuns
collect_profiles(Import *import, bool with_named)
{
	ProfileRuns runs;

	runs_begin(&runs, import);
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		if (import->targets[i].state == ROW_ACCEPTED)
			runs_add(&runs, import->targets[i].profile_id);
	for (int64 i = 0; with_named && i < import->named_count; i++)
		runs_add(&runs, import->named[i]);
	return runs;
}

/* A walk over profile_ids in ascending order: those of joined runs, and of unchanged records. */
typedef struct ProfileWalk
{
	const Import *import;
	const ProfileRun *run;		/* the next */
	const ProfileRun *end;
	int64		position;		/* in the records; see import_unchanged_next_profile() */
	int64		unchanged;		/* the next of them, or 0 */
} ProfileWalk;

/* The next profiles that follow upon one another; false after the last. */
static bool
walk_next(ProfileWalk *walk, ProfileRun *found)
{
	if (walk->run < walk->end && (walk->unchanged == 0 || walk->run->first <= walk->unchanged))
	{
		*found = *walk->run++;
		return true;
	}
	if (walk->unchanged == 0)
		return false;
	found->first = found->last = walk->unchanged;
	walk->unchanged = import_unchanged_next_profile(walk->import, &walk->position);
	return true;
}

/* A set of collected profiles and those of the unchanged records, as an int8multirange; frees the runs. */
static SqlArgument
make_set(Import *import, ProfileRuns *runs)
{
	ProfileWalk walk = {.import = import};
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	ArrayBuildState *first = initArrayResult(INT8OID, CurrentMemoryContext, false);
	ArrayBuildState *last = initArrayResult(INT8OID, CurrentMemoryContext, false);
	SqlArgument arguments[2];
	SqlArgument set;
	ProfileRun	run;
	ProfileRun	next;
	bool		isnull;
	bool		is_more;

	join_runs(runs);
	walk.run = runs->runs;
	walk.end = runs->runs + runs->count;
	walk.unchanged = import_unchanged_next_profile(import, &walk.position);
	is_more = walk_next(&walk, &next);
	while (is_more)
	{
		run = next;
		while ((is_more = walk_next(&walk, &next)) && next.first <= run.last + 1)
			run.last = Max(run.last, next.last);
		first = accumArrayResult(first, Int64GetDatum(run.first), false, INT8OID, CurrentMemoryContext);
		last = accumArrayResult(last, Int64GetDatum(run.last), false, INT8OID, CurrentMemoryContext);
	}
	pfree(runs->runs);
	arguments[0] = SQL_DATUM(INT8ARRAYOID, makeArrayResult(first, CurrentMemoryContext));
	arguments[1] = SQL_DATUM(INT8ARRAYOID, makeArrayResult(last, CurrentMemoryContext));
	(void) sql_run(import->account,
				   "SELECT coalesce(range_agg(int8range(f, l, '[]')), '{}'::int8multirange)"
				   " FROM unnest($1, $2) AS r (f, l)", 2, arguments);
	set = SQL_DATUM(INT8MULTIRANGEOID, PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value(0, 0, &isnull))));
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old_context);
	return set;
}

/*
 * The set of those whom the feed brought before, less the given profiles, those that other feeds hold,
 * and those that are protected.  Frees the runs.
 */
static SqlArgument
brought_without(Import *import, ProfileRuns *present)
{
	SqlArgument arguments[2];
	SqlArgument absent;
	MemoryContext old_context;
	bool		isnull;

	arguments[0] = sql_text(import->options.feed);
	arguments[1] = make_set(import, present);
	(void) sql_run(import->account,
				   "SELECT coalesce((SELECT brought FROM @account.feeds WHERE feed = $1), '{}')"
				   " - $2 - coalesce((SELECT range_agg(last_import) FROM @account.feeds WHERE feed <> $1), '{}')"
				   " - coalesce((SELECT range_agg(int8range(profile_id, profile_id, '[]'))"
				   "  FROM @account.protected_profiles), '{}')",
				   2, arguments);
	old_context = MemoryContextSwitchTo(import->attempt_context);
	absent = SQL_DATUM(INT8MULTIRANGEOID, PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value(0, 0, &isnull))));
	MemoryContextSwitchTo(old_context);
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
	int64		count;
	SqlArgument absent;

	if (import->unreadable_line != 0)
		return;
	runs_begin(&present, import);
	for (int64 i = 0; i < row_count; i++)
	{
		runs_add(&present, import->targets[i].profile_id);
		runs_add(&present, import_address_holder(import, i));
	}
	for (int64 i = 0; i < import->named_count; i++)
		runs_add(&present, import->named[i]);
	for (int64 i = 0; i < similar_count; i++)
		runs_add(&present, similar[i]);
	absent = brought_without(import, &present);

	count = (int64) sql_run(import->account,
							"SELECT s.license_id, count(*) FILTER (WHERE s.status <> 'waitlisted'),"
							" coalesce(array_agg(s.profile_id) FILTER (WHERE s.status = 'waitlisted'), '{}')"
							" FROM unnest($1) AS r JOIN @account.seats AS s"
							" ON s.profile_id >= lower(r) AND s.profile_id < upper(r)"
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
	ProfileRuns present = collect_profiles(import, true);

	absent = brought_without(import, &present);
	arguments[0] = sql_text(import->options.feed);
	arguments[1] = absent;
	(void) sql_run(import->account,
				   "SELECT (SELECT count(*) FROM unnest($2) AS r JOIN @account.profiles AS p"
				   " ON p.profile_id >= lower(r) AND p.profile_id < upper(r)),"
				   " (SELECT count(*) FROM @account.feeds AS f CROSS JOIN LATERAL unnest(f.brought) AS r"
				   " JOIN @account.profiles AS p ON p.profile_id >= lower(r) AND p.profile_id < upper(r)"
				   " WHERE f.feed = $1)",
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
	(void) sql_run(import->account,
				   "SELECT string_agg(name, ', ') FROM (SELECT p.primary_email_address::text AS name"
				   " FROM unnest($1) AS r JOIN @account.profiles AS p"
				   " ON p.profile_id >= lower(r) AND p.profile_id < upper(r)"
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

/* Takes the seats of who is absent, and the places on the waiting list. */
static void
revoke_absent(Import *import, const SqlArgument *absent)
{
	(void) sql_write(import->account,
					 "UPDATE @account.seats AS s SET status = 'unassigned', since = now() FROM unnest($1) AS r"
					 " WHERE s.profile_id >= lower(r) AND s.profile_id < upper(r) AND s.status <> 'unassigned'",
					 1, absent);
}

/* How many seats are taken in all, and how many of them by who is absent. */
static void
count_seats(Import *import, const SqlArgument *absent, int64 *lost, int64 *taken)
{
	(void) sql_run(import->account,
				   "SELECT (SELECT count(*) FROM unnest($1) AS r JOIN @account.seats AS s"
				   " ON s.profile_id >= lower(r) AND s.profile_id < upper(r)"
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
	if (sql_run(import->account,
				"WITH lost AS ("
				" SELECT m.group_id, count(*) AS count FROM unnest($1) AS r JOIN @account.memberships AS m"
				"  ON m.profile_id >= lower(r) AND m.profile_id < upper(r)"
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

/* Keeps, for import_effects.c, whom the feed brings that it did not bring before, and who is absent. */
static void
note_effects(Import *import, const SqlArgument *present, const SqlArgument *absent)
{
	SqlArgument arguments[] = {sql_text(import->options.feed), *present, *absent};
	MemoryContext old_context;
	bool		isnull;
	Datum		value;

	(void) sql_run(import->account,
				   "SELECT nullif($2 - coalesce((SELECT brought FROM @account.feeds WHERE feed = $1), '{}'), '{}'),"
				   " nullif($3, '{}')", 3, arguments);
	old_context = MemoryContextSwitchTo(import->attempt_context);
	value = sql_value(0, 0, &isnull);
	import->brought = isnull ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	value = sql_value(0, 1, &isnull);
	import->absent = isnull ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	MemoryContextSwitchTo(old_context);
	SPI_freetuptable(SPI_tuptable);
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
	SqlArgument arguments[4];
	ProfileRuns runs;
	SqlArgument absent;
	bool		isnull;

	(void) sql_run(import->account, "SELECT '{}'::int8multirange", 0, NULL);
	absent = SQL_DATUM(INT8MULTIRANGEOID, datumCopy(sql_value(0, 0, &isnull), false, -1));
	SPI_freetuptable(SPI_tuptable);
	if (import->options.full && import->unreadable_line != 0)
		import_report(import, FINDING_ABSENCE_UNKNOWN, import->unreadable_line, NULL, NULL, 1,
					  psprintf(INT64_FORMAT, import->unreadable_line));
	else if (import->options.full)
		absent = handle_absent(import);

	arguments[0] = sql_text(import->options.feed);
	runs = collect_profiles(import, false);
	arguments[1] = make_set(import, &runs);
	arguments[2] = arguments[1];
	if (import->named_count > 0)
	{
		runs = collect_profiles(import, true);
		arguments[2] = make_set(import, &runs);
	}
	arguments[3] = absent;
	note_effects(import, &arguments[1], &absent);
	(void) sql_run(import->account,
				   "INSERT INTO @account.feeds AS f (feed, brought, last_import) VALUES ($1, $2, $3)"
				   " ON CONFLICT (feed) DO UPDATE SET last_import = $3, brought = f.brought - $4 + $2"
				   " WHERE f.last_import <> $3 OR f.brought <> f.brought - $4 + $2", 4, arguments);
	SPI_freetuptable(SPI_tuptable);
}
