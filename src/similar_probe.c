/*
 * similar_probe.c
 *		Looks for profiles that are similar to one person, through the indexes.
 *
 * A person with a name: the profiles at the same address, at all spellings of its
 * domain; those of the same name and digits, which are few, by one range of
 * profiles_person_key; and those without a name whose local part has one half in
 * common with this one's.  Some six descents, whatever the names.
 *
 * Where a name or a half is shared by more than MAX_CROWD profiles (all may be
 * called "Test User"), they are not read one by one: all local parts that are a
 * step away are looked up instead, at most some thousands.  A person without a name
 * is always looked for so, and at all domains that are a step away too, because
 * nothing but the address says who may be meant.
 *
 * The indexes are scanned below the executor, with the latest snapshot and whatever
 * the privileges of the caller: who calls must have checked them.  The indexes are
 * the owner's and are found by their names; what is found is always compared, so
 * that one of another expression only hides people from its owner.
 */
#include "similar_unnamed.h"

#include "access/itup.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* So many profiles of one name are read one by one. */
#define MAX_CROWD	64

static const char *const index_names[SIMILAR_INDEX_COUNT] = {
	[SIMILAR_BY_ADDRESS] = "profiles_address_key",
	[SIMILAR_BY_PERSON] = "profiles_person_key",
	[SIMILAR_BY_UNNAMED] = "profiles_unnamed_key",
	[SIMILAR_BY_PROFILE_ID] = "profiles_pkey"
};

/* Opens an index, if it is one of bigint on that table and can be used; else it is an error. */
static Relation
open_index(Relation profiles, const char *name)
{
	Oid			index_oid = get_relname_relid(name, RelationGetNamespace(profiles));
	Relation	index = NULL;

	if (OidIsValid(index_oid) && get_rel_relkind(index_oid) == RELKIND_INDEX)
		index = index_open(index_oid, AccessShareLock);
	if (index == NULL || index->rd_index->indrelid != RelationGetRelid(profiles) || !index->rd_index->indisvalid ||
		index->rd_rel->relam != BTREE_AM_OID || index->rd_index->indnkeyatts != 1 ||
		index->rd_opcintype[0] != INT8OID || TupleDescAttr(RelationGetDescr(index), 0)->atttypid != INT8OID)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("index \"%s\", by which similar profiles are found, is missing", name),
				errhint("Make it again with the CREATE INDEX that SELECT orgsync.account_layout() shows, "
						"with the account's schema for @account."));
	return index;
}

/*
 * Makes ready to search the profiles, as they are committed now or were made by
 * this transaction.
 */
void
similar_probe_begin(SimilarProbe *probe, const DuplicateRules *rules, Relation profiles)
{
	Snapshot	latest = GetLatestSnapshot();

	memset(probe, 0, sizeof(SimilarProbe));
	probe->memory = CurrentMemoryContext;
	probe->rules = rules;
	probe->profiles = profiles;
	probe->slot = table_slot_create(profiles, NULL);
	probe->completion_count = duplicate_rules_completion_count(latest);
	probe->snapshot = RegisterSnapshot(latest);
}

/*
 * Frees what similar_probe_begin() took.  Locks stay until the transaction ends, as with
 * any query: whoever asks again has them at once.
 */
void
similar_probe_end(SimilarProbe *probe)
{
	for (int i = 0; i < SIMILAR_INDEX_COUNT; i++)
	{
		if (probe->scans[i] != NULL)
			index_endscan(probe->scans[i]);
		if (probe->indexes[i] != NULL)
			index_close(probe->indexes[i], NoLock);
	}
	ExecDropSingleTupleTableSlot(probe->slot);
	UnregisterSnapshot(probe->snapshot);
}

/* The index, which stays open until similar_probe_end(). */
Relation
similar_probe_index(SimilarProbe *probe, SimilarIndex index)
{
	if (probe->indexes[index] == NULL)
		probe->indexes[index] = open_index(probe->profiles, index_names[index]);
	return probe->indexes[index];
}

/* A scan keeps what it allocates on the way until it ends, so it needs memory that stays. */
static void
scan_start(SimilarProbe *probe, SimilarIndex index, int64 from, int64 to)
{
	MemoryContext old_context = MemoryContextSwitchTo(probe->memory);
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], 1, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(from));
	ScanKeyInit(&keys[1], 1, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(to));
	if (probe->scans[index] == NULL)
		probe->scans[index] = compat_index_beginscan(probe->profiles, similar_probe_index(probe, index),
													 probe->snapshot, 2);
	/* keys tell of a half whether the rest is near, which saves reading the profile */
	probe->scans[index]->xs_want_itup = index == SIMILAR_BY_PERSON || index == SIMILAR_BY_UNNAMED;
	index_rescan(probe->scans[index], keys, 2, NULL, 0);
	MemoryContextSwitchTo(old_context);
}

/* Begins a scan of the keys of halves in a range, which index_getnext_tid() goes through. */
IndexScanDesc
similar_probe_keys(SimilarProbe *probe, SimilarIndex index, int64 from, int64 to)
{
	scan_start(probe, index, from, to);
	return probe->scans[index];
}

/* The key of a half that such a scan has come to. */
uint64
similar_probe_key(IndexScanDesc scan)
{
	bool		isnull;
	Datum		key = index_getattr(scan->xs_itup, 1, scan->xs_itupdesc, &isnull);

	return isnull ? 0 : (uint64) DatumGetInt64(key);
}

/* Puts the next profile into the slot, unless it is the one that was compared just now. */
static bool
scan_next(SimilarProbe *probe, SimilarIndex index)
{
	MemoryContext old_context = MemoryContextSwitchTo(probe->memory);
	IndexScanDesc scan = probe->scans[index];
	ItemPointer place;
	bool		found = false;

	while (!found && (place = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
		found = !(ItemPointerIsValid(&probe->compared) && ItemPointerEquals(place, &probe->compared)) &&
			(!probe->by_halves || similar_half_is_near(&probe->person->address, similar_probe_key(scan))) &&
			index_fetch_heap(scan, probe->slot);
	MemoryContextSwitchTo(old_context);
	return found;
}

/* Compares the person with the profile in the slot. */
static void
compare(SimilarProbe *probe)
{
	OwnedPerson other;
	SimilarMatch match;
	bool		isnull;

	if (!similar_person_read_slot(&other, probe->slot))
		return;
	match.action = duplicate_rules_compare(probe->rules, probe->person, &other.person, &match.rule);
	if (match.action == RULE_OFF)
		return;
	match.id = DatumGetInt64(slot_getattr(probe->slot, PROFILES_PROFILE_ID, &isnull));
	match.is_row = false;
	match.is_confirmed = DatumGetBool(slot_getattr(probe->slot, PROFILES_REUPLOAD_USER_PROFILE, &isnull)) && !isnull;
	match.address = slot_getattr(probe->slot, PROFILES_PRIMARY_EMAIL_ADDRESS, &isnull);
	probe->stopped = !probe->visitor(probe->context, &match);
}

/* Compares all profiles of the key; false if they are a crowd, of whom some were left out. */
static bool
look_up_range(SimilarProbe *probe, SimilarIndex index, int64 from, int64 to)
{
	int			count = 0;

	scan_start(probe, index, from, to);
	while (!probe->stopped && scan_next(probe, index))
	{
		if (count++ == MAX_CROWD)
			return false;
		compare(probe);
		probe->compared = probe->scans[index]->xs_heaptid;
	}
	return true;
}

static bool
look_up(SimilarProbe *probe, SimilarIndex index, uint64 key)
{
	return probe->stopped || look_up_range(probe, index, (int64) key, (int64) key);
}

static int
compare_keys(const void *a, const void *b)
{
	return (*(const uint64 *) a > *(const uint64 *) b) - (*(const uint64 *) a < *(const uint64 *) b);
}

/* Looks up many keys, in their order, so that neighbours in the index are met together. */
static void
look_up_all(SimilarProbe *probe, SimilarIndex index, uint64 *keys, size_t count)
{
	qsort(keys, count, sizeof(uint64), compare_keys);
	for (size_t i = 0; i < count && !probe->stopped; i++)
		if (i == 0 || keys[i] != keys[i - 1])
			(void) look_up(probe, index, keys[i]);
	CHECK_FOR_INTERRUPTS();
}

/* ---- by address ---- */

static void
look_at_address(SimilarProbe *probe)
{
	const similar_address *address = &probe->person->address;
	const char **spellings;
	int			count;

	if (probe->rules->alias_count == 0)
	{
		(void) look_up(probe, SIMILAR_BY_ADDRESS,
					   similar_address_key(address, address->domain, address->domain_length));
		return;
	}
	count = duplicate_rules_spellings(probe->rules, address->domain, address->domain_length, &spellings);
	for (int i = 0; i < count; i++)
		(void) look_up(probe, SIMILAR_BY_ADDRESS,
					   similar_address_key(address, spellings[i], strlen(spellings[i])));
	pfree(spellings);
}

/* All addresses that are a step away, in the local part or in the domain. */
static void
look_around_address(SimilarProbe *probe)
{
	const similar_address *address = &probe->person->address;
	const char **spellings;
	int			count = duplicate_rules_spellings(probe->rules, address->domain, address->domain_length,
												  &spellings);
	size_t		length = address->local_length;
	uint32		start = similar_start(address->local, length);
	similar_variant *variants;
	uint64	   *keys;
	size_t		variant_count;

	for (int i = 0; i < count; i++)
		length = Max(length, strlen(spellings[i]));
	variants = palloc(sizeof(similar_variant) * SIMILAR_MAX_VARIANTS(length));
	keys = palloc(sizeof(uint64) * SIMILAR_MAX_VARIANTS(length));
	variant_count = similar_variants(address->local, address->local_length, false, variants);
	for (int i = 0; i < count; i++)
	{
		uint64		domain_hash = similar_hash(spellings[i], strlen(spellings[i]));

		for (size_t j = 0; j < variant_count; j++)
			keys[j] = similar_address_key_of_hashes(variants[j].start, variants[j].hash, domain_hash);
		look_up_all(probe, SIMILAR_BY_ADDRESS, keys, variant_count);
	}
	for (int i = 0; i < count; i++)
	{
		variant_count = similar_variants(spellings[i], strlen(spellings[i]), true, variants);
		for (size_t j = 0; j < variant_count; j++)
			keys[j] = similar_address_key_of_hashes(start, address->local_hash, variants[j].hash);
		look_up_all(probe, SIMILAR_BY_ADDRESS, keys, variant_count);
	}
	/* a domain may be a step from one whose mailboxes are at another spelling of it */
	for (int i = 0; i < probe->rules->alias_count; i++)
	{
		const char *ends[2] = {probe->rules->aliases[i].alias, probe->rules->aliases[i].domain};

		for (int j = 0; j < 2; j++)
			(void) look_up(probe, SIMILAR_BY_ADDRESS,
						   similar_address_key(address, ends[j], strlen(ends[j])));
	}
	pfree(variants);
	pfree(keys);
	pfree(spellings);
}

/* ---- by name ---- */

/*
 * The same in a crowd of people of one name: those whose local part is built from
 * it, unless they are a crowd again, and all local parts that are a step away.
 */
static void
look_around_in_crowd(SimilarProbe *probe)
{
	const SimilarPerson *person = probe->person;
	uint64		built = similar_person_key_of_hash(person, 0, true) & ~UINT64CONST(0x7fffffff);
	size_t		limit = SIMILAR_MAX_VARIANTS(person->address.local_length) + 1;
	similar_variant *variants = palloc(sizeof(similar_variant) * limit);
	uint64	   *keys = palloc(sizeof(uint64) * limit);
	size_t		count = similar_variants(person->address.local, person->address.local_length, false, variants);
	bool		has_all_built = look_up_range(probe, SIMILAR_BY_PERSON, (int64) built,
											  (int64) (built | UINT64CONST(0x7fffffff)));

	variants[count++].hash = person->address.local_hash;
	for (int with_built = 0; with_built < (has_all_built ? 1 : 2); with_built++)
	{
		for (size_t i = 0; i < count; i++)
			keys[i] = similar_person_key_of_hash(person, variants[i].hash, with_built);
		look_up_all(probe, SIMILAR_BY_PERSON, keys, count);
	}
	pfree(variants);
	pfree(keys);
}

static void
look_at_name(SimilarProbe *probe)
{
	uint64		key = (uint64) similar_person_key(probe->person);

	if (!look_up_range(probe, SIMILAR_BY_PERSON, (int64) (key & UINT64CONST(0xffffffff00000000)),
					   (int64) (key | UINT64CONST(0xffffffff))) && !probe->stopped)
		look_around_in_crowd(probe);
}

/* Of a person with a name: those without one who are near. */
static void
look_at_unnamed(SimilarProbe *probe)
{
	const similar_address *address = &probe->person->address;
	similar_range first_halves[SIMILAR_MAX_HALF_RANGES];
	similar_range second_halves[SIMILAR_MAX_HALF_RANGES];
	size_t		count;
	bool		complete = true;
	bool		are_known;

	if (probe->stopped)
		return;
	are_known = similar_unnamed_known(probe);
	if (are_known ? similar_unnamed_nobody() : !similar_unnamed_any(probe))
		return;
	count = similar_half_ranges(address, first_halves, second_halves);
	probe->by_halves = true;
	for (size_t i = 0; i < count && complete; i++)
		complete = (are_known && !similar_unnamed_has(address, &second_halves[i])) ||
			look_up_range(probe, SIMILAR_BY_UNNAMED, (int64) second_halves[i].from, (int64) second_halves[i].to);
	for (size_t i = 0; i < count && complete; i++)
		complete = (are_known && !similar_unnamed_has(address, &first_halves[i])) ||
			look_up_range(probe, SIMILAR_BY_PERSON, (int64) first_halves[i].from, (int64) first_halves[i].to);
	probe->by_halves = false;
	if (!complete)
		look_around_address(probe);
}

/*
 * Calls the visitor for the profiles that the rules find similar to the person,
 * maybe several times for one, until it returns false.  What has the person's
 * unique_user_id or is the very same address is among them: the caller knows who
 * the person is.
 */
void
similar_probe_find(SimilarProbe *probe, const SimilarPerson *person, SimilarVisitor visitor, void *context)
{
	const RuleAction *actions = probe->rules->actions;

	probe->person = person;
	probe->visitor = visitor;
	probe->context = context;
	probe->stopped = probe->by_halves = false;
	ItemPointerSetInvalid(&probe->compared);
	if (actions[RULE_SAME_ADDRESS] != RULE_OFF)
		look_at_address(probe);
	if (person->name != 0 && (actions[RULE_TYPO] != RULE_OFF || actions[RULE_OTHER_DOMAIN] != RULE_OFF ||
							  actions[RULE_SAME_NAME] != RULE_OFF))
		look_at_name(probe);
	if (actions[RULE_TYPO_UNNAMED] != RULE_OFF)
	{
		if (person->name != 0)
			look_at_unnamed(probe);
		else
			look_around_address(probe);
	}
}

/* Puts the profile into probe->slot; false if there is none. */
bool
similar_probe_profile(SimilarProbe *probe, int64 profile_id)
{
	ItemPointerSetInvalid(&probe->compared);
	scan_start(probe, SIMILAR_BY_PROFILE_ID, profile_id, profile_id);
	return scan_next(probe, SIMILAR_BY_PROFILE_ID);
}

/* The address of a profile, palloc'd; NULL if there is no such profile. */
char *
similar_probe_address(SimilarProbe *probe, int64 profile_id)
{
	bool		isnull;
	Datum		address;

	if (!similar_probe_profile(probe, profile_id))
		return NULL;
	address = slot_getattr(probe->slot, PROFILES_PRIMARY_EMAIL_ADDRESS, &isnull);
	return isnull ? NULL : TextDatumGetCString(address);
}
