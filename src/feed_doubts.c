/*
 * feed_doubts.c
 *		Which profiles are no longer as the feeds' records made them.
 *
 *	- Whoever writes to a profile appends it to "feed_record_doubts", by the
 *	  triggers that keep the change log, in the same transaction: nothing is looked
 *	  up, and no two writers wait for each other.  The imports heed the doubts and
 *	  take them away; see feed_records.c.
 *	- An import knows itself which profiles it writes to: they are collected, and
 *	  become a doubt for the other feeds.
 *
 * The table is derived, and written as the account's owner.
 */
#include "feed_records.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(orgsync_feed_records_forget);

/* Runs of profile_ids of one doubt. */
#define MAX_RUNS		50000

/* The account whose writes are collected, and where; see feed_records_collect(). */
static Oid	collecting_account = InvalidOid;
static ProfileList *collected = NULL;

/* ---- lists of profiles ---- */

void
profile_list_add(ProfileList *list, int64 profile_id)
{
	if (list->count > 0 && list->profile_ids[list->count - 1] == profile_id)
		return;
	if (list->count == list->capacity)
	{
		list->capacity = Max(list->capacity * 2, 64);
		list->profile_ids = list->profile_ids == NULL ?
			MemoryContextAllocHuge(list->context ? list->context : CurrentMemoryContext, sizeof(int64) * list->capacity) :
			repalloc_huge(list->profile_ids, sizeof(int64) * list->capacity);
	}
	list->profile_ids[list->count++] = profile_id;
}

#define ST_SORT sort_profile_ids
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"
#include "utils/tuplestore.h"

/* Sorts the list and leaves each profile once. */
void
profile_list_sort(ProfileList *list)
{
	int64		count = 0;

	if (list->count > 1)
		sort_profile_ids(list->profile_ids, list->count);
	for (int64 i = 0; i < list->count; i++)
		if (count == 0 || list->profile_ids[count - 1] != list->profile_ids[i])
			list->profile_ids[count++] = list->profile_ids[i];
	list->count = count;
}

/* ---- doubts ---- */

/* Writes a doubt, unless it is one for other feeds and none of them has records: imports wait for each other. */
static void
write_doubt(const Account *account, const char *except_feed, const SqlArgument *profile_runs)
{
	SqlArgument arguments[] = {sql_text(except_feed), *profile_runs};

	(void) sql_run_latest_as_owner(account,
								   "INSERT INTO @account.feed_record_doubts (except_feed, profile_runs)"
								   " SELECT $1, $2 WHERE $1 IS NULL OR EXISTS (SELECT FROM @account.feeds"
								   " WHERE feed <> $1 AND records_fingerprint IS NOT NULL)", 2, arguments);
}

/* Writes doubts of profiles, which are sorted, as runs: who writes to many mostly writes to a range of them. */
static void
write_doubts(const Account *account, const char *except_feed, const int64 *profile_ids, int64 count)
{
	int64	   *bounds = palloc(sizeof(int64) * 2 * Min(count, MAX_RUNS));

	for (int64 i = 0; i < count;)
	{
		int64		run_count = 0;
		SqlArgument array;

		for (; i < count; i++)
		{
			if (run_count == 0 ||
				(profile_ids[i] > bounds[2 * run_count - 1] && profile_ids[i] - 1 > bounds[2 * run_count - 1]))
			{
				if (run_count == MAX_RUNS)
					break;
				bounds[2 * run_count++] = profile_ids[i];
			}
			bounds[2 * run_count - 1] = profile_ids[i];
		}
		array = sql_int8_array(bounds, 2 * run_count);
		write_doubt(account, except_feed, &array);
		pfree(DatumGetPointer(array.value));
		CHECK_FOR_INTERRUPTS();
	}
	pfree(bounds);
}

/*
 * Forgets the records of profiles that were written to, which are sorted, in all feeds.  Within an
 * import's own writes, they are noted for it instead.
 */
void
feed_records_forget(const Account *account, const int64 *profile_ids, int64 count)
{
	if (collected != NULL && collecting_account == account->namespace_oid)
		for (int64 i = 0; i < count; i++)
			profile_list_add(collected, profile_ids[i]);
	else
		write_doubts(account, NULL, profile_ids, count);
}

/* Forgets all records of all feeds. */
void
feed_records_forget_all(const Account *account)
{
	SqlArgument all = SQL_NULL(INT8ARRAYOID);

	write_doubt(account, NULL, &all);
}

/* Forgets the records of profiles in all feeds but one. */
void
feed_records_forget_for_others(const Account *account, const char *feed, const ProfileList *profiles)
{
	write_doubts(account, feed, profiles->profile_ids, profiles->count);
}

/*
 * From now on, profiles of the account that are written to are added to the list,
 * which was allocated with palloc.  To be ended also after an error.
 */
void
feed_records_collect(const Account *account, ProfileList *written)
{
	collecting_account = account->namespace_oid;
	collected = written;
}

void
feed_records_collect_end(void)
{
	collected = NULL;
}

/* Trigger after each statement on feed_groups: what a feed gave a profile was changed. */
Datum
orgsync_feed_records_forget(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "feed_records_forget", "feed_groups");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	ProfileList list = {0};
	ChangedRows rows;

	SPI_connect();
	list.context = CurrentMemoryContext;
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		feed_records_forget_all(account);
	else
	{
		changed_rows_begin(&rows, trigger);
		while (changed_rows_next(&rows))
		{
			if (rows.old_slot != NULL)
				profile_list_add(&list, slot_int64(rows.old_slot, FEED_GROUPS_PROFILE_ID));
			if (rows.new_slot != NULL)
				profile_list_add(&list, slot_int64(rows.new_slot, FEED_GROUPS_PROFILE_ID));
		}
		changed_rows_end(&rows);
		profile_list_sort(&list);
		feed_records_forget(account, list.profile_ids, list.count);
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}
