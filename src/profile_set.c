/*
 * profile_set.c
 *		Sets of profile_ids, and whom each feed brought.
 *
 * A set is an int8multirange: a feed's profiles are mostly made by one import and
 * so have ids in a row, and a million of them are a few ranges.  Sets are compared
 * by the server's own operators.
 *
 * Whom a feed brought is kept in "feed_profiles", in segments of 512 ids, a row each:
 * a feed that brings ten people with each of many files writes ten short rows a
 * time, however many it has brought before, and a segment never needs more than a
 * page.
 */
#include "profile_set.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/typcache.h"

#define FIRST_CAPACITY	64

/* Of a set of at most so many ranges and segments, only these segments are read. */
#define FEW_SEGMENTS	256

/* The first profile of a segment, in SQL. */
#define FIRST_OF(segment)	segment " << " CppAsString2(FEED_SEGMENT_BITS)

/* The parts of a set that lie in one segment each. */
#define PARTS_OF(set) \
	" (SELECT n.segment, range_agg(r * int8range(" FIRST_OF("n.segment") ", " FIRST_OF("(n.segment + 1)") "))" \
	"  AS profile_ids" \
	"  FROM unnest(" set ") AS r" \
	"  CROSS JOIN LATERAL generate_series(" FEED_SEGMENT("lower(r)") "," FEED_SEGMENT("(upper(r) - 1)") ") AS n (segment)" \
	"  GROUP BY n.segment) "

/* The feed brought these. */
const char	feed_profiles_add[] =
	"INSERT INTO @account.feed_profiles AS f (feed, segment, profile_ids)"
	" SELECT $1, p.segment, p.profile_ids FROM" PARTS_OF("$2") "AS p ORDER BY p.segment"
	" ON CONFLICT (segment, feed) DO UPDATE SET profile_ids = f.profile_ids + excluded.profile_ids";

/* It has not brought them, or they have been absent since. */
const char	feed_profiles_remove[] =
	"WITH parts AS MATERIALIZED" PARTS_OF("$2") ","
	" gone AS (DELETE FROM @account.feed_profiles AS f USING parts AS p"
	"  WHERE f.feed = $1 AND f.segment = p.segment AND f.profile_ids <@ p.profile_ids)"
	" UPDATE @account.feed_profiles AS f SET profile_ids = f.profile_ids - p.profile_ids FROM parts AS p"
	" WHERE f.feed = $1 AND f.segment = p.segment AND f.profile_ids && p.profile_ids"
	" AND NOT f.profile_ids <@ p.profile_ids";

/* ---- sets ---- */

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

/*
 * Begins to collect profile_ids, in that memory context.  Nearly all are in a row
 * with others, so they are kept as runs, which are sorted and joined whenever there
 * is no more room.
 */
void
profile_runs_begin(ProfileRuns *runs, MemoryContext context)
{
	runs->count = 0;
	runs->capacity = FIRST_CAPACITY;
	runs->runs = MemoryContextAlloc(context, sizeof(ProfileRun) * FIRST_CAPACITY);
}

/* Adds a profile, or nobody, if it is 0. */
void
profile_runs_add(ProfileRuns *runs, int64 profile_id)
{
	ProfileRun *last = runs->count > 0 ? &runs->runs[runs->count - 1] : NULL;

	if (profile_id == 0 || (last != NULL && profile_id >= last->first && profile_id <= last->last))
		return;
	if (last != NULL && profile_id == last->last + 1)
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

/* The set of the collected profiles, palloc'd; frees the runs. */
SqlArgument
profile_runs_set(ProfileRuns *runs)
{
	TypeCacheEntry *range_type = lookup_type_cache(INT8RANGEOID, TYPECACHE_RANGE_INFO);
	RangeType **ranges;
	MultirangeType *set;

	join_runs(runs);
	ranges = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(RangeType *) * Max(runs->count, 1));
	for (int64 i = 0; i < runs->count; i++)
	{
		RangeBound	lower = {.val = Int64GetDatum(runs->runs[i].first),.inclusive = true,.lower = true};
		RangeBound	upper = {.val = Int64GetDatum(runs->runs[i].last + 1)};

		ranges[i] = compat_range_serialize(range_type, &lower, &upper);
	}
	set = make_multirange(INT8MULTIRANGEOID, range_type, (int32) runs->count, ranges);
	for (int64 i = 0; i < runs->count; i++)
		pfree(ranges[i]);
	pfree(ranges);
	pfree(runs->runs);
	return SQL_DATUM(INT8MULTIRANGEOID, PointerGetDatum(set));
}

/* Is nobody in the set? */
bool
profile_set_is_empty(const SqlArgument *set)
{
	return MultirangeIsEmpty(DatumGetMultirangeTypeP(set->value));
}

/* ---- whom a feed brought ---- */

/* The segments that the set touches, as an array; NULL if they are many. */
static SqlArgument
segments_of(const SqlArgument *set)
{
	TypeCacheEntry *range_type = lookup_type_cache(INT8RANGEOID, TYPECACHE_RANGE_INFO);
	MultirangeType *multirange = DatumGetMultirangeTypeP(set->value);
	int64		segments[FEW_SEGMENTS];
	int			count = 0;

	if (multirange->rangeCount > FEW_SEGMENTS)
		return SQL_NULL(INT8ARRAYOID);
	for (uint32 i = 0; i < multirange->rangeCount; i++)
	{
		RangeBound	lower;
		RangeBound	upper;
		int64		segment;

		multirange_get_bounds(range_type, multirange, i, &lower, &upper);
		segment = DatumGetInt64(lower.val) >> FEED_SEGMENT_BITS;
		if (count > 0 && segments[count - 1] == segment)
			segment++;
		for (; segment <= (DatumGetInt64(upper.val) - 1) >> FEED_SEGMENT_BITS; segment++)
		{
			if (count == FEW_SEGMENTS)
				return SQL_NULL(INT8ARRAYOID);
			segments[count++] = segment;
		}
	}
	return sql_int8_array(segments, count);
}

/* Those of the set whom the feed has not brought so far, palloc'd. */
SqlArgument
feed_profiles_lacking(const Account *account, const char *feed, const SqlArgument *set)
{
	SqlArgument arguments[] = {sql_text(feed), *set, segments_of(set)};
	SqlArgument lacking;
	bool		isnull;

	if (arguments[2].isnull)
		(void) sql_run(account, "SELECT $2 - " FEED_BROUGHT("$1"), 2, arguments);
	else
		(void) sql_run_over(account,
							"SELECT $2 - coalesce((SELECT range_agg(profile_ids) FROM @account.feed_profiles"
							" WHERE feed = $1 AND segment = ANY ($3)), '{}')", 1, 3, arguments);
	lacking = SQL_DATUM(INT8MULTIRANGEOID, PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value(0, 0, &isnull))));
	SPI_freetuptable(SPI_tuptable);
	return lacking;
}
