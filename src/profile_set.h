/*
 * profile_set.h
 *		Sets of profile_ids, and whom each feed brought.
 */
#ifndef ORGSYNC_PROFILE_SET_H
#define ORGSYNC_PROFILE_SET_H

#include "sql.h"

/* Profile_ids that follow upon one another. */
typedef struct ProfileRun
{
	int64		first;
	int64		last;
} ProfileRun;

/* Profile_ids that are collected in any order; see profile_runs_begin(). */
typedef struct ProfileRuns
{
	ProfileRun *runs;
	int64		count;
	int64		capacity;
} ProfileRuns;

extern void profile_runs_begin(ProfileRuns *runs, MemoryContext context);
extern void profile_runs_add(ProfileRuns *runs, int64 profile_id);
extern SqlArgument profile_runs_set(ProfileRuns *runs);
extern bool profile_set_is_empty(const SqlArgument *set);

/* A row of "feed_profiles" tells of so many profiles: 2 to the power of this, 512. */
#define FEED_SEGMENT_BITS	9

/* The one that tells of a profile, in SQL. */
#define FEED_SEGMENT(profile_id)	"(" profile_id " >> " CppAsString2(FEED_SEGMENT_BITS) ")"

/*
 * The rows of a table whose profiles are in a set, in SQL; to be run by sql_find() or under
 * sql_avoid_sorting(), or planned anew each time.  They are sought range by range: if it may
 * join them, the planner, who knows nothing of the ranges, compares each row of the table
 * with each of them.
 */
#define ROWS_OF_SET(set, table, name) \
	"unnest(" set ") AS r CROSS JOIN LATERAL (SELECT * FROM @account." table " AS t" \
	" WHERE t.profile_id >= lower(r) AND t.profile_id < upper(r) OFFSET 0) AS " name

/* All whom a feed brought, an int8multirange, in SQL. */
#define FEED_BROUGHT(feed) \
	"coalesce((SELECT range_agg(fp.profile_ids) FROM @account.feed_profiles AS fp WHERE fp.feed = " feed "), '{}')"

/* Texts for sql.h.  $1: feed, $2: int8multirange. */
extern const char feed_profiles_add[];
extern const char feed_profiles_remove[];

extern SqlArgument feed_profiles_lacking(const Account *account, const char *feed, const SqlArgument *set);

#endif
