/*
 * duplicate_profile.c
 *		Holds the duplicate rules on "profiles", whoever writes.
 *
 * Statement triggers collect the profiles that are new, or whose address or
 * names changed, and compare each with the profiles that share a key with it
 * (see duplicate_rule.c).  Profiles of the same statement are in the table
 * already, so they are compared with one another too.
 *
 * Between sessions: no unique index covers rules like these, so who makes or
 * changes an address locks its key until the transaction ends, and then looks
 * with the latest snapshot.  Many keys at once would overflow the lock table;
 * so a statement with more than SINGLE_KEYS of them locks all addresses of the
 * account instead, which the others hold in share mode.
 *
 * A profile that is confirmed to be another person is not compared with those
 * that are there, nor with those of its own statement, which has no order:
 * else data that were there could not be loaded again.
 */
#include "duplicate_profile.h"

#include "account_lock.h"
#include "catalog/pg_type.h"
#include "duplicate_rule.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"

PG_FUNCTION_INFO_V1(orgsync_duplicate_profile_check);

/* A lock of each key is cheaper up to here, and shuts out nobody else. */
#define SINGLE_KEYS		32

/* So many similar profiles are warned of one by one. */
#define MAX_WARNINGS	10

static bool warnings_enabled = true;

/*
 * Whether the triggers warn of similar profiles; an import does so itself, line
 * by line.  Who turns them off must turn them on again also after an error.
 */
void
duplicate_profile_warnings(bool enabled)
{
	warnings_enabled = enabled;
}

/* The keys of the profiles that a statement made or changed. */
typedef struct KeyList
{
	int64	   *profile_ids;	/* the profile of each key */
	int64	   *keys;
	int		   *own_keys;		/* to lock: one a profile, cut to the width of a lock's key */
	int			count;
	int			own_count;
	int			capacity;
	int64	   *confirmed_ids;	/* profiles that the statement made and confirmed */
	int			confirmed_count;
	int			confirmed_capacity;
} KeyList;

static void
add_profile(KeyList *list, const DuplicateRules *rules, TupleTableSlot *slot)
{
	char	   *address = slot_string(slot, PROFILES_PRIMARY_EMAIL_ADDRESS);
	bool		isnull;
	int64		profile_id = DatumGetInt64(slot_getattr(slot, PROFILES_PROFILE_ID, &isnull));
	int64	   *keys;
	int			count = duplicate_rules_keys(rules, address, &keys);

	while (list->count + count > list->capacity)
	{
		size_t		size;

		list->capacity = Max(list->capacity * 2, 64);
		size = sizeof(int64) * list->capacity;
		list->profile_ids = list->keys ? repalloc_huge(list->profile_ids, size) : palloc(size);
		list->own_keys = list->keys ? repalloc_huge(list->own_keys, size / 2) : palloc(size / 2);
		list->keys = list->keys ? repalloc_huge(list->keys, size) : palloc(size);
	}
	for (int i = 0; i < count; i++)
	{
		list->profile_ids[list->count] = profile_id;
		list->keys[list->count++] = keys[i];
	}
	list->own_keys[list->own_count++] = (int) duplicate_rules_own_key(rules, address);
	pfree(keys);
	pfree(address);
}

static bool
column_changed(TupleTableSlot *old_slot, TupleTableSlot *new_slot, int column)
{
	bool		old_isnull;
	bool		new_isnull;
	Datum		old_value = slot_getattr(old_slot, column, &old_isnull);
	Datum		new_value = slot_getattr(new_slot, column, &new_isnull);

	if (old_isnull || new_isnull)
		return old_isnull != new_isnull;
	return !datum_image_eq(old_value, new_value, false, -1);
}

/* Was it confirmed to be another person than those with a similar address? */
static bool
is_confirmed(TupleTableSlot *slot)
{
	bool		isnull;

	return DatumGetBool(slot_getattr(slot, PROFILES_REUPLOAD_USER_PROFILE, &isnull)) && !isnull;
}

/* Has the row to be compared with others?  old_slot is NULL for an INSERT. */
static bool
needs_check(TupleTableSlot *old_slot, TupleTableSlot *new_slot)
{
	bool		isnull;

	if (is_confirmed(new_slot))
		return false;
	(void) slot_getattr(new_slot, PROFILES_PRIMARY_EMAIL_ADDRESS, &isnull);
	if (isnull)
		return false;			/* the owner allowed it, against the layout */
	return old_slot == NULL ||
		column_changed(old_slot, new_slot, PROFILES_PRIMARY_EMAIL_ADDRESS) ||
		column_changed(old_slot, new_slot, PROFILES_PREFERRED_FIRST_NAME) ||
		column_changed(old_slot, new_slot, PROFILES_PREFERRED_LAST_NAME);
}

static void
note_confirmed(KeyList *list, TupleTableSlot *slot)
{
	bool		isnull;

	if (list->confirmed_count == list->confirmed_capacity)
	{
		list->confirmed_capacity = Max(list->confirmed_capacity * 2, 64);
		list->confirmed_ids = list->confirmed_ids ?
			repalloc_huge(list->confirmed_ids, sizeof(int64) * list->confirmed_capacity) :
			palloc(sizeof(int64) * list->confirmed_capacity);
	}
	list->confirmed_ids[list->confirmed_count++] = DatumGetInt64(slot_getattr(slot, PROFILES_PROFILE_ID, &isnull));
}

static bool
is_among(int64 profile_id, const int64 *sorted_ids, int count)
{
	return count > 0 && bsearch(&profile_id, sorted_ids, count, sizeof(int64), compare_int64s) != NULL;
}

/* The profiles to be compared, sorted; palloc'd, list->count of them. */
static int64 *
sorted_profiles(const KeyList *list)
{
	Size		size = sizeof(int64) * list->count;
	int64	   *profile_ids = MemoryContextAllocHuge(CurrentMemoryContext, size);

	memcpy(profile_ids, list->profile_ids, size);
	qsort(profile_ids, list->count, sizeof(int64), compare_int64s);
	return profile_ids;
}

/*
 * How many profiles have to be compared, as far as it matters.  An UPDATE puts
 * the old and the new rows into their tables in one order.
 */
static int
count_profiles(TriggerData *trigger, int limit)
{
	bool		updated = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	TriggerRows old_rows;
	TriggerRows new_rows;
	int			count = 0;

	trigger_rows_begin(&new_rows, trigger, trigger->tg_newtable);
	if (updated)
		trigger_rows_begin(&old_rows, trigger, trigger->tg_oldtable);
	while (count < limit && trigger_rows_next(&new_rows))
	{
		if (updated)
			(void) trigger_rows_next(&old_rows);
		if (needs_check(updated ? old_rows.slot : NULL, new_rows.slot))
			count++;
	}
	trigger_rows_end(&new_rows);
	if (updated)
		trigger_rows_end(&old_rows);
	return count;
}

static void
collect_profiles(KeyList *list, const DuplicateRules *rules, TriggerData *trigger)
{
	bool		updated = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	TriggerRows old_rows;
	TriggerRows new_rows;

	trigger_rows_begin(&new_rows, trigger, trigger->tg_newtable);
	if (updated)
		trigger_rows_begin(&old_rows, trigger, trigger->tg_oldtable);
	while (trigger_rows_next(&new_rows))
	{
		if (updated)
			(void) trigger_rows_next(&old_rows);
		if (needs_check(updated ? old_rows.slot : NULL, new_rows.slot))
			add_profile(list, rules, new_rows.slot);
		else if (!updated && is_confirmed(new_rows.slot))
			note_confirmed(list, new_rows.slot);
	}
	if (list->confirmed_count > 1)
		qsort(list->confirmed_ids, list->confirmed_count, sizeof(int64), compare_int64s);
	trigger_rows_end(&new_rows);
	if (updated)
		trigger_rows_end(&old_rows);
}

static DuplicateRules *
read_rules(const Account *account)
{
	OwnerContext context;
	DuplicateRules *rules;

	account_become_owner(account, &context);
	rules = duplicate_rules_read(account);
	account_restore_user(&context);
	return rules;
}

/*
 * Locks all addresses in the way that so many profiles need, and returns the
 * rules, which cannot change from then on.
 */
static DuplicateRules *
lock_addresses(const Account *account, int profile_count)
{
	bool		in_bulk = profile_count > SINGLE_KEYS && read_rules(account)->same_address != RULE_OFF;

	account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, in_bulk ? ExclusiveLock : ShareLock);
	return read_rules(account);
}

static void
lock_keys(const Account *account, KeyList *list)
{
	if (list->own_count > SINGLE_KEYS)
	{
		account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
		return;
	}
	qsort(list->own_keys, list->own_count, sizeof(int), compare_ints);
	for (int i = 0; i < list->own_count; i++)
		account_lock(account, ACCOUNT_LOCK_ADDRESS, (uint32) list->own_keys[i], ExclusiveLock);
}

static const char candidates_query[] =
	"SELECT n.primary_email_address::text, n.unique_user_id, n.preferred_first_name, n.preferred_last_name,"
	" p.primary_email_address::text, p.unique_user_id, p.preferred_first_name, p.preferred_last_name,"
	" p.reupload_user_profile, p.profile_id, n.profile_id"
	" FROM unnest($1, $2) AS k (profile_id, key)"
	" JOIN @account.profiles AS p ON address_key(p.primary_email_address) = k.key AND p.profile_id <> k.profile_id"
	" JOIN @account.profiles AS n ON n.profile_id = k.profile_id"
	" ORDER BY n.profile_id, p.profile_id";

static void
read_profile(ComparedProfile *profile, int row, int first_column)
{
	profile->primary_email_address = sql_string(row, first_column);
	profile->unique_user_id = sql_string(row, first_column + 1);
	profile->preferred_first_name = sql_string(row, first_column + 2);
	profile->preferred_last_name = sql_string(row, first_column + 3);
}

/*
 * The error or the warning.  The other profile is named only to a caller who
 * may read it, the profile itself to one who may read it or has written it.
 */
static void
report_duplicate(int level, const Relation relation, const ComparedProfile *profile, const ComparedProfile *other,
				 const char *rule, bool may_read, bool may_name)
{
	ereport(level,
			errcode(level == ERROR ? ERRCODE_UNIQUE_VIOLATION : ERRCODE_WARNING),
			may_name ?
			errmsg("e-mail address \"%s\" is similar to an existing one", profile->primary_email_address) :
			errmsg("the e-mail address is similar to an existing one"),
			may_read ?
			errdetail("By the rule %s it may be the profile \"%s\" again.", rule, other->primary_email_address) :
			errdetail("By the rule %s it may be a profile again that is there already.", rule),
			errhint("Use the existing profile, or set reupload_user_profile to true if this is another person."),
			errtableconstraint(relation, "duplicate_profile"));
}

static void
compare_candidates(const Account *account, const DuplicateRules *rules, const Relation relation,
				   const KeyList *list, bool updated)
{
	OwnerContext context;
	SqlArgument arguments[2];
	int64	   *compared = sorted_profiles(list);
	uint64		count;
	int			warnings = 0;
	Oid			relation_oid = RelationGetRelid(relation);
	bool		may_read = pg_class_aclcheck(relation_oid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relation_oid, InvalidOid, true) != RLS_ENABLED;

	arguments[0] = sql_int8_array(list->profile_ids, list->count);
	arguments[1] = sql_int8_array(list->keys, list->count);
	account_become_owner(account, &context);
	/* one plan for few keys, which is kept, and another for many, which is not */
	if (list->own_count <= SINGLE_KEYS)
		count = sql_run_latest(account, candidates_query, 2, arguments);
	else
		count = sql_run_once_latest(account, candidates_query, 2, arguments);
	account_restore_user(&context);

	for (uint64 i = 0; i < count; i++)
	{
		ComparedProfile profile;
		ComparedProfile other;
		RuleAction	action;
		const char *rule;
		int64		other_id = sql_int64(i, 9);
		bool		isnull;

		/* the other one was confirmed when it came: only a newcomer is compared with it */
		if (DatumGetBool(sql_value(i, 8, &isnull)) &&
			(updated || is_among(other_id, list->confirmed_ids, list->confirmed_count)))
			continue;
		/* of two in one statement, the later one is similar to the earlier */
		if (other_id > sql_int64(i, 10) && is_among(other_id, compared, list->count))
			continue;
		read_profile(&profile, i, 0);
		read_profile(&other, i, 4);
		action = duplicate_rules_compare(rules, &profile, &other, &rule);
		if (action == RULE_REJECT)
			report_duplicate(ERROR, relation, &profile, &other, rule, may_read, may_read || !updated);
		else if (action == RULE_WARN && warnings_enabled && warnings++ < MAX_WARNINGS)
			report_duplicate(WARNING, relation, &profile, &other, rule, may_read, may_read || !updated);
	}
	if (warnings > MAX_WARNINGS)
		ereport(WARNING,
				errmsg_plural("%d further similar e-mail address is not shown",
							  "%d further similar e-mail addresses are not shown",
							  warnings - MAX_WARNINGS, warnings - MAX_WARNINGS));
}

/* Trigger on profiles, for each statement; see the top of the file. */
Datum
orgsync_duplicate_profile_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "duplicate_profile_check", "profiles");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	int			profile_count = count_profiles(trigger, SINGLE_KEYS + 1);
	DuplicateRules *rules;
	KeyList		list = {0};

	if (profile_count == 0)
		return PointerGetDatum(NULL);
	SPI_connect();
	rules = lock_addresses(account, profile_count);
	if (rules->same_address != RULE_OFF)
		collect_profiles(&list, rules, trigger);
	if (list.count > 0)
	{
		lock_keys(account, &list);
		compare_candidates(account, rules, trigger->tg_relation, &list,
						   TRIGGER_FIRED_BY_UPDATE(trigger->tg_event));
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}
