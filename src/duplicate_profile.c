/*
 * duplicate_profile.c
 *		Holds the duplicate rules on "profiles", whoever writes.
 *
 * Statement triggers collect the profiles that are new, or whose address or
 * names changed, and look for others that are similar: by the indexes
 * (similar_probe.c) or, for many at once, among all profiles in memory
 * (similar_set.c).  Profiles of the same statement are in the table already, so
 * they are compared with one another too.
 *
 * Between sessions: no unique index covers rules like these.  Whoever makes or
 * changes a profile locks what it has in common with all that a rule might refuse
 * beside it - the address, the name with the digits - until the transaction ends,
 * and then looks with the latest snapshot.  Many keys at once would overflow the
 * lock table; so a statement with more than SINGLE_PROFILES of them locks all
 * addresses of the account instead, which the others hold in share mode.
 *
 * A profile that is confirmed to be another person is not compared with those
 * that are there, nor with those of its own statement, which has no order:
 * else data that were there could not be loaded again.
 */
#include "duplicate_profile.h"

#include "access/table.h"
#include "access/xact.h"
#include "account_lock.h"
#include "miscadmin.h"
#include "similar_set.h"
#include "storage/bufmgr.h"
#include "trigger_rows.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rls.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

PG_FUNCTION_INFO_V1(orgsync_duplicate_profile_check);

/* A lock for each profile is cheaper up to here, and shuts out nobody else. */
#define SINGLE_PROFILES	32

/* So many similar profiles are warned of one by one. */
#define MAX_WARNINGS	10

/* What it takes, in tenths of a microsecond, measured on 1M profiles. */
#define COST_OF_NAMED	40
#define COST_OF_UNNAMED	10000
#define COST_OF_ROW		8

static Oid	imported_account = InvalidOid;
static const ComparedProfiles *compared_by_import = NULL;

/*
 * Says that an import is writing the profiles of an account, whose rows it has
 * compared itself, line by line, under the same locks: nobody is warned again.  What
 * triggers of the owner's may have made of them is compared all the same.  InvalidOid
 * ends it, which must be said also after an error.
 */
void
duplicate_profile_imported(Oid namespace_oid)
{
	imported_account = namespace_oid;
	compared_by_import = NULL;
}

/*
 * Says of the next statement of that import which rows of it were compared: if it
 * writes just these, it is not done again.  NULL: none.
 */
void
duplicate_profile_compared(const ComparedProfiles *compared)
{
	compared_by_import = compared;
}

/* The new rows of an UPDATE that has no newcomers. */
static const Tuplestorestate *without_newcomers = NULL;

/*
 * Said of each UPDATE by the trigger that notes changes, which has read the rows already: may any
 * row of it have another address or name?
 */
void
duplicate_profile_foreseen(const TriggerData *trigger, bool has_newcomers)
{
	without_newcomers = has_newcomers ? NULL : trigger->tg_newtable;
}

/*
 * Has the trigger that notes changes seen of this statement that it has no newcomers?
 * What it said of an earlier statement does not count, and that of an INSERT may have its
 * rows where those of an UPDATE were: so the trigger must be one that fires whenever this
 * one does, and before it.
 */
static bool
has_no_newcomers(const TriggerData *trigger)
{
	const TriggerDesc *triggers = trigger->tg_relation->trigdesc;
	bool		is_said = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) && without_newcomers == trigger->tg_newtable;

	without_newcomers = NULL;
	/* they fire in this order, which is that of their names */
	for (int i = 0; is_said && i < triggers->numtriggers; i++)
	{
		if (triggers->triggers[i].tgoid == trigger->tg_trigger->tgoid)
			return false;
		if (strcmp(triggers->triggers[i].tgname, "change_log_update") == 0)
			return triggers->triggers[i].tgenabled == trigger->tg_trigger->tgenabled;
	}
	return false;
}

/* Adds a profile to those that were compared; NULL for null. */
void
compared_profiles_add(ComparedProfiles *compared, int64 profile_id, const char *address, const char *first_name,
					  const char *last_name)
{
	const char *texts[] = {address, first_name, last_name};
	XXH3_state_t state;
	XXH128_hash_t hash;

	XXH3_INITSTATE(&state);
	(void) XXH3_128bits_reset_withSeed(&state, (XXH64_hash_t) profile_id);
	for (size_t i = 0; i < lengthof(texts); i++)
	{
		int64		length = texts[i] == NULL ? -1 : (int64) strlen(texts[i]);

		(void) XXH3_128bits_update(&state, &length, sizeof(length));
		if (length > 0)
			(void) XXH3_128bits_update(&state, texts[i], (size_t) length);
	}
	hash = XXH3_128bits_digest(&state);
	compared->low += hash.low64;
	compared->high += hash.high64;
}

/* Has the import that makes the statement compared all of its rows, as they are now? */
static bool
is_compared(TriggerData *trigger)
{
	ComparedProfiles written = {0};
	ChangedRows rows;

	if (compared_by_import == NULL || RelationGetNamespace(trigger->tg_relation) != imported_account)
		return false;
	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
		compared_profiles_add(&written, slot_int64(rows.new_slot, PROFILES_PROFILE_ID),
							  slot_string(rows.new_slot, PROFILES_PRIMARY_EMAIL_ADDRESS),
							  slot_string(rows.new_slot, PROFILES_PREFERRED_FIRST_NAME),
							  slot_string(rows.new_slot, PROFILES_PREFERRED_LAST_NAME));
	changed_rows_end(&rows);
	return written.low == compared_by_import->low && written.high == compared_by_import->high;
}

bool
duplicate_profile_is_bulk(Relation profiles, int64 named_count, int64 unnamed_count)
{
	double		row_count = profiles->rd_rel->reltuples >= 0 ? profiles->rd_rel->reltuples : 0;

	/* the table may have grown since it was counted; some fifty profiles fill a page */
	row_count = Max(row_count, RelationGetNumberOfBlocks(profiles) * 50.0);
	return (double) named_count * COST_OF_NAMED + (double) unnamed_count * COST_OF_UNNAMED > row_count * COST_OF_ROW;
}

/* ---- who has to be compared ---- */

/* Those whom a statement made or changed. */
typedef struct Newcomers
{
	OwnedPerson people[SINGLE_PROFILES];	/* if they are not more */
	int64	   *profile_ids;
	int			count;
	int			capacity;
	int			unnamed_count;
	int64	   *confirmed_ids;	/* profiles that the statement made and confirmed */
	int			confirmed_count;
	int			confirmed_capacity;
} Newcomers;

static void
append_id(int64 **ids, int *count, int *capacity, int64 id, MemoryContext context)
{
	if (*count == *capacity)
	{
		*capacity = Max(*capacity * 2, 64);
		*ids = *ids == NULL ? MemoryContextAlloc(context, sizeof(int64) * *capacity) :
			repalloc_huge(*ids, sizeof(int64) * *capacity);
	}
	(*ids)[(*count)++] = id;
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
collect_newcomers(Newcomers *newcomers, TriggerData *trigger)
{
	MemoryContext context = CurrentMemoryContext;
	ChangedRows rows;

	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		int64		profile_id = slot_int64(rows.new_slot, PROFILES_PROFILE_ID);

		if (needs_check(rows.old_slot, rows.new_slot))
		{
			OwnedPerson person;
			OwnedPerson *place = newcomers->count < SINGLE_PROFILES ? &newcomers->people[newcomers->count] : &person;

			(void) similar_person_read_slot(place, rows.new_slot);
			newcomers->unnamed_count += place->person.name == 0;
			append_id(&newcomers->profile_ids, &newcomers->count, &newcomers->capacity, profile_id, context);
		}
		else if (rows.old_slot == NULL && is_confirmed(rows.new_slot))
			append_id(&newcomers->confirmed_ids, &newcomers->confirmed_count, &newcomers->confirmed_capacity,
					  profile_id, context);
	}
	changed_rows_end(&rows);
	if (newcomers->confirmed_count > 1)
		qsort(newcomers->confirmed_ids, newcomers->confirmed_count, sizeof(int64), compare_int64s);
}

static bool
is_among(int64 profile_id, const int64 *sorted_ids, int count)
{
	return count > 0 && bsearch(&profile_id, sorted_ids, count, sizeof(int64), compare_int64s) != NULL;
}

/* ---- locks ---- */

static bool
needs_all_locks(const DuplicateRules *rules, const Newcomers *newcomers)
{
	if (newcomers->count > SINGLE_PROFILES)
		return rules->any;
	for (int i = 0; i < newcomers->count; i++)
		if (duplicate_rules_need_all_locks(rules, &newcomers->people[i].person))
			return true;
	return false;
}

static void
lock_one_by_one(const Account *account, const DuplicateRules *rules, const Newcomers *newcomers)
{
	int			locks[SINGLE_PROFILES * 2];
	int			count = 0;

	for (int i = 0; i < newcomers->count; i++)
		count += duplicate_rules_locks(rules, &newcomers->people[i].person, &locks[count]);
	qsort(locks, count, sizeof(int), compare_ints);
	for (int i = 0; i < count; i++)
		if (i == 0 || locks[i] != locks[i - 1])
			account_lock(account, ACCOUNT_LOCK_ADDRESS, (uint32) locks[i], ExclusiveLock);
}

/*
 * Locks what the newcomers need, unless all is locked already: who writes many rows one
 * after the other would take a lock for each.  Returns the rules, which cannot change
 * from then on.
 */
static DuplicateRules *
lock_addresses(const Account *account, const Newcomers *newcomers)
{
	bool		all = account_lock_is_held(account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock) ||
		needs_all_locks(duplicate_rules_read(account), newcomers);
	DuplicateRules *rules;

	account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, all ? ExclusiveLock : ShareLock);
	rules = duplicate_rules_read(account);
	/* the rules may have become stricter just now */
	if (!all && needs_all_locks(rules, newcomers))
		account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	else if (!all)
		lock_one_by_one(account, rules, newcomers);
	return rules;
}

/* ---- comparing ---- */

/* What is done about a statement's newcomers. */
typedef struct Check
{
	Relation	profiles;
	const Newcomers *newcomers;
	const int64 *compared_ids;	/* those of the newcomers, sorted */
	bool		is_update;
	SimilarProbe *probe;
	int			warnings;
	bool		may_read;		/* the caller, all profiles */

	/* of one newcomer */
	int64		profile_id;
	SimilarMatch found;			/* the strictest so far; action RULE_OFF: none */
} Check;

/* Of those that are found, the strictest, by the rules' order, and the first. */
static bool
keep_strictest(void *context, const SimilarMatch *match)
{
	Check	   *check = context;
	const Newcomers *newcomers = check->newcomers;
	const SimilarMatch *found = &check->found;

	if (match->id == check->profile_id)
		return true;
	/* the other one was confirmed when it came: only a newcomer is compared with it */
	if (match->is_confirmed &&
		(check->is_update || is_among(match->id, newcomers->confirmed_ids, newcomers->confirmed_count)))
		return true;
	/* of two in one statement, the later one is similar to the earlier */
	if (match->id > check->profile_id && is_among(match->id, check->compared_ids, newcomers->count))
		return true;
	if (match->action > found->action ||
		(match->action == found->action &&
		 (match->rule < found->rule || (match->rule == found->rule && match->id < found->id))))
		check->found = *match;
	return true;
}

/*
 * The error or the warning.  The other profile is named only to a caller who
 * may read it, the profile itself to one who may read it or has written it.
 */
static void
report_duplicate(Check *check, const char *address)
{
	int			level = check->found.action == RULE_REJECT ? ERROR : WARNING;
	const char *rule = duplicate_rule_name(check->found.rule);
	const char *other = check->may_read ? similar_probe_address(check->probe, check->found.id) : NULL;

	if (level == WARNING &&
		(RelationGetNamespace(check->profiles) == imported_account || check->warnings++ >= MAX_WARNINGS))
		return;
	ereport(level,
			errcode(level == ERROR ? ERRCODE_UNIQUE_VIOLATION : ERRCODE_WARNING),
			check->may_read || !check->is_update ?
			errmsg("e-mail address \"%s\" is similar to an existing one", address) :
			errmsg("the e-mail address is similar to an existing one"),
			other != NULL ?
			errdetail("By the rule %s it may be the profile \"%s\" again.", rule, other) :
			errdetail("By the rule %s it may be a profile again that is there already.", rule),
			errhint("Use the existing profile, or set reupload_user_profile to true if this is another person."),
			errtableconstraint(check->profiles, "duplicate_profile"));
}

/* Looks for each newcomer, in a set of all profiles or, if that is NULL, by the indexes. */
static void
compare_newcomers(Check *check, TriggerData *trigger, SimilarSet *set)
{
	ChangedRows rows;

	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		OwnedPerson person;

		if (!needs_check(rows.old_slot, rows.new_slot))
			continue;
		(void) similar_person_read_slot(&person, rows.new_slot);
		check->profile_id = slot_int64(rows.new_slot, PROFILES_PROFILE_ID);
		check->found.action = RULE_OFF;
		if (set != NULL)
			similar_set_find(set, &person.person, true, keep_strictest, check);
		else
			similar_probe_find(check->probe, &person.person, keep_strictest, check);
		if (check->found.action != RULE_OFF)
			report_duplicate(check, slot_string(rows.new_slot, PROFILES_PRIMARY_EMAIL_ADDRESS));
		CHECK_FOR_INTERRUPTS();
	}
	changed_rows_end(&rows);
	if (check->warnings > MAX_WARNINGS)
		ereport(WARNING,
				errmsg_plural("%d further similar e-mail address is not shown",
							  "%d further similar e-mail addresses are not shown",
							  check->warnings - MAX_WARNINGS, check->warnings - MAX_WARNINGS));
}

/* All profiles in memory who are similar to a newcomer or to whom one is. */
static SimilarSet *
make_set(const DuplicateRules *rules, const Check *check, TriggerData *trigger)
{
	SimilarFilter *filter = similar_filter_create(false, check->newcomers->count);
	SimilarSet *set = similar_set_create(rules, filter);
	ChangedRows rows;

	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		OwnedPerson person;

		if (!needs_check(rows.old_slot, rows.new_slot))
			continue;
		(void) similar_person_read_slot(&person, rows.new_slot);
		similar_filter_note(filter, &person.person,
							duplicate_rules_domain_hash(rules, &person.person.address));
	}
	changed_rows_end(&rows);
	similar_set_add_profiles(set, check->profiles, check->compared_ids, check->newcomers->count);
	return set;
}

static void
check_newcomers(const DuplicateRules *rules, TriggerData *trigger, Newcomers *newcomers)
{
	SimilarProbe probe;
	Oid			relation_oid = RelationGetRelid(trigger->tg_relation);
	Check		check = {.profiles = trigger->tg_relation,.newcomers = newcomers,.probe = &probe};
	SimilarSet *set = NULL;

	check.is_update = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	check.may_read = pg_class_aclcheck(relation_oid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relation_oid, InvalidOid, true) != RLS_ENABLED;
	check.compared_ids = newcomers->profile_ids;
	qsort(newcomers->profile_ids, newcomers->count, sizeof(int64), compare_int64s);

	CommandCounterIncrement();	/* what the statement has written is compared too */
	similar_probe_begin(&probe, rules, trigger->tg_relation);
	if (newcomers->count > SINGLE_PROFILES &&
		duplicate_profile_is_bulk(trigger->tg_relation, newcomers->count - newcomers->unnamed_count,
								  newcomers->unnamed_count))
		set = make_set(rules, &check, trigger);
	compare_newcomers(&check, trigger, set);
	similar_probe_end(&probe);
}

/* Trigger on profiles, for each statement; see the top of the file. */
Datum
orgsync_duplicate_profile_check(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "duplicate_profile_check", "profiles");
	Account    *account;
	MemoryContext context;
	MemoryContext old_context;
	Newcomers  *newcomers;

	if (has_no_newcomers(trigger) || is_compared(trigger))
		return PointerGetDatum(NULL);
	context = AllocSetContextCreate(CurrentMemoryContext, "orgsync duplicate profiles", ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	newcomers = palloc0(sizeof(Newcomers));
	collect_newcomers(newcomers, trigger);
	if (newcomers->count > 0)
	{
		DuplicateRules *rules;

		account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
		rules = lock_addresses(account, newcomers);
		if (rules->any)
			check_newcomers(rules, trigger, newcomers);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return PointerGetDatum(NULL);
}
