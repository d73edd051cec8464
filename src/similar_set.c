/*
 * similar_set.c
 *		Many people in memory, among whom similar ones are found.
 *
 * For imports, big statements and for all pairs of an account: what similar_probe.c
 * does for one person would take a millisecond for each who has no name.
 *
 * Everybody is found by keys, which are hashes:
 *
 *	local part		same_address, other_domain, and a typo in the domain.  Of a crowd
 *					(info@ is everywhere), the first MAX_LOCAL; the others by the local
 *					part and the domain, or the name, or what is near to the domain
 *	group			the name, digits and domain: typo, same_name.  Of a crowd (all
 *					may be called Test User), the others by near local parts; those
 *					whose local part is built from the name by that and the domain
 *	neighbours		near local parts, with digits and domain: typo_unnamed
 *
 * Most people are similar to nobody.  A filter, see similar_filter.c, says who shares no key
 * with anybody who will be looked for: he is not kept at all.
 *
 * All memory is in a context of the set's own, made in the current one.
 */
#include "similar_set.h"

#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "similar_store.h"
#include "trigger_rows.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* So many of one local part are kept by it. */
#define MAX_LOCAL	32

/* So many of one of the other keys are. */
#define MAX_WALK	100

/* Which of a person's neighbour keys: that the filter knows, or knows of more than one. */
typedef enum NeighbourChoice
{
	NEIGHBOURS_ALL,
	NEIGHBOURS_NOTED,
	NEIGHBOURS_AGAIN
} NeighbourChoice;

typedef struct Neighbours
{
	uint64		local;			/* as in SimilarKeys; 0: of nobody */
	uint32		domain;
	NeighbourChoice choice;
	size_t		count;
	uint64		keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
} Neighbours;

struct SimilarSet
{
	MemoryContext context;
	const DuplicateRules *rules;
	SimilarFilter *filter;		/* NULL: everybody is kept */
	SimilarStore store;
	bool		has_unnamed;
	bool		has_profiles;	/* some came before all that were noted */
	uint32		search;
	Neighbours	neighbours;		/* of whom was asked for last: who is looked for is often added then */
	struct
	{
		uint64		local;		/* as in SimilarKeys; 0: of nobody */
		uint32		domain;
		bool		may_have_unnamed;
	}			answered;		/* what the filter said of whom was asked for last */

	/* of one search */
	const SimilarPerson *person;
	SimilarVisitor visitor;
	void	   *visitor_context;
	bool		stopped;
};

SimilarSet *
similar_set_create(const DuplicateRules *rules, SimilarFilter *filter)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync similar people",
												  ALLOCSET_DEFAULT_SIZES);
	SimilarSet *set = MemoryContextAllocZero(context, sizeof(SimilarSet));

	set->context = context;
	set->rules = rules;
	set->filter = filter;
	similar_store_begin(&set->store, context);
	return set;
}

void
similar_set_free(SimilarSet *set)
{
	MemoryContextDelete(set->context);
}

/* ---- keys ---- */

/* A person's keys, and what the filter says of them. */
typedef struct PersonKeys
{
	uint32		domain;
	uint64		domain_hash;
	SimilarKeys keys;
	bool		is_noted;		/* the filter knows the person too */
} PersonKeys;

static PersonKeys
keys_of(SimilarSet *set, const SimilarPerson *person, bool is_noted)
{
	PersonKeys	keys;

	keys.domain = similar_store_domain(&set->store, set->rules, &person->address);
	keys.domain_hash = set->store.domains[keys.domain].hash;
	keys.keys = similar_keys(person, keys.domain_hash);
	keys.is_noted = is_noted;
	return keys;
}

/* Does somebody else whom the filter knows have the local part, or the group? */
static inline bool
is_shared(const SimilarSet *set, uint64 key, bool is_noted)
{
	return set->filter == NULL || similar_filter_has(set->filter, key, is_noted);
}

/* In a crowd of one local part: who is at the same domain, or has the same name. */
static inline uint64
address_key(const SimilarPerson *person, const PersonKeys *keys)
{
	return similar_address_hash(person->address.local_hash, keys->domain_hash);
}

static const Neighbours no_neighbours;

/* The neighbour keys of that choice; all, if there is no filter. */
static const Neighbours *
neighbours_of(SimilarSet *set, const SimilarPerson *person, const PersonKeys *keys, NeighbourChoice choice)
{
	Neighbours *neighbours = &set->neighbours;
	bool		is_chosen[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count;

	if (neighbours->local == keys->keys.local && neighbours->domain == keys->domain && neighbours->choice == choice)
		return neighbours;
	neighbours->local = keys->keys.local;
	neighbours->domain = keys->domain;
	neighbours->choice = choice;
	neighbours->count = count = similar_neighbours(&person->address, keys->domain_hash, neighbours->keys);
	if (set->filter == NULL || choice == NEIGHBOURS_ALL)
		return neighbours;
	similar_filter_has_neighbours(set->filter, neighbours->keys, count, choice == NEIGHBOURS_AGAIN, is_chosen);
	neighbours->count = 0;
	for (size_t i = 0; i < count; i++)
		if (is_chosen[i])
			neighbours->keys[neighbours->count++] = neighbours->keys[i];
	return neighbours;
}

/* May one without a name, of those whom the filter knows, be near to somebody with one? */
static bool
may_have_unnamed(SimilarSet *set, const SimilarPerson *person, const PersonKeys *keys)
{
	SimilarKeys with_halves = keys->keys;

	if (set->filter == NULL || !similar_filter_has_unnamed(set->filter))
		return set->filter == NULL;
	if (set->answered.local != keys->keys.local || set->answered.domain != keys->domain)
	{
		similar_keys_halves(&with_halves, person, keys->domain_hash);
		set->answered.may_have_unnamed = similar_filter_may_have_unnamed(set->filter, &with_halves);
		set->answered.local = keys->keys.local;
		set->answered.domain = keys->domain;
	}
	return set->answered.may_have_unnamed;
}

static inline uint64
namesake_key(const SimilarPerson *person)
{
	return similar_mix(person->name ^ similar_mix(person->address.local_hash, 4), 4);
}

/* In a crowd of one group: whose local part is built from the name. */
static inline uint64
built_key(const PersonKeys *keys)
{
	return similar_mix(keys->keys.group, 5);
}

/* ---- adding ---- */

/*
 * In a crowd of one local part: the keys of which a person at a domain that is a
 * step away shares one.  Returns their number, up to as many as there is room for.
 */
static size_t
near_domain_keys(SimilarSet *set, const SimilarPerson *person, uint64 *keys)
{
	uint64		of_spelling[SIMILAR_MAX_NEIGHBOUR_KEYS];
	uint64		salt = similar_mix(person->address.local_hash, 6);
	const char **spellings;
	int			spelling_count = duplicate_rules_spellings(set->rules, person->address.domain,
														   person->address.domain_length, &spellings);
	size_t		count = 0;

	for (int i = 0; i < spelling_count; i++)
	{
		size_t		key_count = similar_neighbour_keys(spellings[i], strlen(spellings[i]), of_spelling);

		for (size_t j = 0; j < key_count && count < SIMILAR_MAX_NEIGHBOUR_KEYS; j++)
			keys[count++] = similar_mix(of_spelling[j], salt);
	}
	pfree(spellings);
	return count;
}

/* Are there as many of the group as are kept by it? */
static bool
is_crowd(const SimilarSet *set, uint64 group)
{
	int			count = 0;

	for (const PlaceEntry *entry = NULL;
		 count < SIMILAR_MAX_GROUP && (entry = next_place(&set->store.people, group, entry)) != NULL;)
		count++;
	return count == SIMILAR_MAX_GROUP;
}

/*
 * The keys by which those may find the person whom only a near local part leads to.
 * in_crowd: others of the group may.
 */
static const Neighbours *
neighbours_to_add(SimilarSet *set, const SimilarPerson *person, const PersonKeys *keys, bool in_crowd)
{
	SimilarFilter *filter = set->filter;
	bool		in_order = filter != NULL && similar_filter_in_order(filter);

	if (person->name != 0 && !in_crowd && !may_have_unnamed(set, person, keys))
		return &no_neighbours;
	/* whoever was among the first of his group may look for them, but has not noted them */
	if (in_order && (person->name == 0 ? similar_filter_has_named(filter) : in_crowd && set->has_profiles))
		return neighbours_of(set, person, keys, NEIGHBOURS_ALL);
	return neighbours_of(set, person, keys, keys->is_noted && (person->name == 0 || in_crowd || !in_order) ?
						 NEIGHBOURS_AGAIN : NEIGHBOURS_NOTED);
}

/*
 * Adds a person, unless the filter says that nobody is similar.  is_noted: the
 * filter knows this person too.
 */
void
similar_set_add(SimilarSet *set, const SimilarPerson *person, int64 id, bool is_row, bool is_confirmed,
				bool is_noted)
{
	PersonKeys	keys = keys_of(set, person, is_noted);
	bool		by_local = is_shared(set, keys.keys.local, is_noted);
	bool		by_group = person->name != 0 && is_shared(set, keys.keys.group, is_noted);
	bool		in_crowd = by_group && is_crowd(set, keys.keys.group);
	const Neighbours *neighbours = neighbours_to_add(set, person, &keys, in_crowd);
	uint32		place;
	Member	   *member;

	if (!by_local && !by_group && neighbours->count == 0)
		return;
	place = similar_store_add(&set->store, person, keys.domain);
	member = member_at(&set->store, place);
	member->id = id;
	member->is_row = is_row;
	member->is_confirmed = is_confirmed;
	set->has_unnamed = set->has_unnamed || person->name == 0;
	if (by_local && !similar_store_add_key(&set->store, keys.keys.local, place, MAX_LOCAL))
	{
		(void) similar_store_add_key(&set->store, address_key(person, &keys), place, MAX_WALK);
		if (person->name != 0)
			(void) similar_store_add_key(&set->store, namesake_key(person), place, MAX_WALK);
		if (person->name == 0 || set->filter == NULL || similar_filter_has_unnamed(set->filter))
		{
			uint64		near_domains[SIMILAR_MAX_NEIGHBOUR_KEYS];
			size_t		count = near_domain_keys(set, person, near_domains);

			for (size_t i = 0; i < count; i++)
				(void) similar_store_add_key(&set->store, near_domains[i], place, MAX_WALK);
		}
	}
	if (by_group && !similar_store_add_key(&set->store, keys.keys.group, place, SIMILAR_MAX_GROUP) &&
		person->built_from_name)
		(void) similar_store_add_key(&set->store, built_key(&keys), place, MAX_WALK);
	for (size_t i = 0; i < neighbours->count; i++)
		(void) similar_store_add_key(&set->store, neighbours->keys[i], place, MAX_WALK);
}

/*
 * Adds the profiles that are there, as committed now or made by this transaction.
 * noted_ids: sorted; those of them whom the filter knows.
 */
void
similar_set_add_profiles(SimilarSet *set, Relation profiles, const int64 *noted_ids, int noted_count)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(profiles, NULL);
	TableScanDesc scan = compat_table_beginscan(profiles, snapshot);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync profile", ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(row_context);

	set->has_profiles = true;
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		OwnedPerson person;
		bool		isnull;
		int64		id = slot_int64(slot, PROFILES_PROFILE_ID);
		bool		is_confirmed = DatumGetBool(slot_getattr(slot, PROFILES_REUPLOAD_USER_PROFILE, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (similar_person_read_slot(&person, slot))
			similar_set_add(set, &person.person, id, false, is_confirmed && !isnull,
							noted_count > 0 &&
							bsearch(&id, noted_ids, noted_count, sizeof(int64), compare_int64s) != NULL);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(row_context);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
}

/* ---- finding ---- */

static void
meet(SimilarSet *set, Member *member)
{
	Domain	   *domain = &set->store.domains[member->domain];
	SimilarPerson other;
	SimilarMatch match;

	if (member->seen == set->search)
		return;
	member->seen = set->search;
	other.address.local = member->local;
	other.address.local_length = member->local_length;
	other.address.domain = domain->name;
	other.address.domain_length = domain->length;
	other.name = member->name;
	other.user_id = member->user_id;
	other.built_from_name = member->built_from_name;
	match.action = duplicate_rules_compare(set->rules, set->person, &other, &match.rule);
	if (match.action == RULE_OFF)
		return;
	match.id = member->id;
	match.is_row = member->is_row;
	match.is_confirmed = member->is_confirmed;
	match.address = (Datum) 0;
	set->stopped = !set->visitor(set->visitor_context, &match);
}

/* Meets those whom the set keeps by the key; returns how many they are. */
static int
meet_all(SimilarSet *set, uint64 key)
{
	int			count = 0;

	for (const PlaceEntry *entry = NULL;
		 !set->stopped && (entry = next_place(&set->store.people, key, entry)) != NULL; count++)
		meet(set, member_at(&set->store, entry->place));
	return count;
}

/* May the set have somebody by the local part or the group of whom is looked for? */
static bool
may_be_met(const SimilarSet *set, uint64 key, bool is_noted)
{
	return set->has_profiles || is_shared(set, key, is_noted);
}

static void
meet_by_address(SimilarSet *set, const PersonKeys *keys)
{
	const SimilarPerson *person = set->person;
	uint64		near_domains[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count;

	if (!may_be_met(set, keys->keys.local, keys->is_noted) ||
		meet_all(set, keys->keys.local) < MAX_LOCAL)
		return;
	(void) meet_all(set, address_key(person, keys));
	if (person->name != 0)
		(void) meet_all(set, namesake_key(person));
	if (person->name != 0 && !set->has_unnamed)
		return;
	count = near_domain_keys(set, person, near_domains);
	for (size_t i = 0; i < count; i++)
		(void) meet_all(set, near_domains[i]);
}

/* Returns whether the group is a crowd, so that some are elsewhere. */
static bool
meet_by_group(SimilarSet *set, const PersonKeys *keys)
{
	if (set->person->name == 0 || !may_be_met(set, keys->keys.group, keys->is_noted) ||
		meet_all(set, keys->keys.group) < SIMILAR_MAX_GROUP)
		return false;
	if (set->person->built_from_name)
		(void) meet_all(set, built_key(keys));
	return true;
}

/* in_crowd: those of the group too. */
static void
meet_neighbours(SimilarSet *set, const PersonKeys *keys, bool in_crowd)
{
	SimilarFilter *filter = set->filter;
	const SimilarPerson *person = set->person;
	NeighbourChoice choice = NEIGHBOURS_ALL;
	const Neighbours *neighbours;

	if (filter != NULL && !set->has_profiles)
	{
		bool		has_noted_them = keys->is_noted &&
			(person->name != 0 ? in_crowd : !(similar_filter_in_order(filter) && similar_filter_has_named(filter)));

		if (person->name != 0 && !in_crowd && !may_have_unnamed(set, person, keys))
			return;
		choice = has_noted_them ? NEIGHBOURS_AGAIN : NEIGHBOURS_NOTED;
	}
	neighbours = neighbours_of(set, person, keys, choice);
	for (size_t i = 0; i < neighbours->count; i++)
		(void) meet_all(set, neighbours->keys[i]);
}

/*
 * Calls the visitor for those whom the rules find similar to the person, once
 * each, until it returns false.  Of more than a hundred who share one key, not all
 * are met.  is_noted: the filter knows the person.
 */
void
similar_set_find(SimilarSet *set, const SimilarPerson *person, bool is_noted, SimilarVisitor visitor,
				 void *context)
{
	PersonKeys	keys;
	bool		in_crowd;

	if (set->store.block_count == 0)
		return;
	keys = keys_of(set, person, is_noted);
	set->search++;
	set->person = person;
	set->visitor = visitor;
	set->visitor_context = context;
	set->stopped = false;
	meet_by_address(set, &keys);
	in_crowd = meet_by_group(set, &keys);
	if (in_crowd || person->name == 0 || set->has_unnamed)
		meet_neighbours(set, &keys, in_crowd);
}

/*
 * Does nobody share a key with a person whom the filter knows, unless it is the
 * neighbour of somebody without a name?
 */
bool
similar_set_is_alone(const SimilarSet *set, const SimilarKeys *keys)
{
	return set->filter != NULL && !set->has_profiles && keys->local != 0 && keys->group != 0 &&
		!similar_filter_has(set->filter, keys->local, true) && !similar_filter_has(set->filter, keys->group, true);
}

/*
 * Fetches into the processor's cache where the set has those of the keys, or, if that
 * was done already, the members.
 */
void
similar_set_prefetch(const SimilarSet *set, const SimilarKeys *keys, bool with_members)
{
	if (set->store.people.size == 0 || similar_set_is_alone(set, keys))
		return;
	if (!with_members)
		compat_prefetch(&set->store.people.entries[place_entry_of(&set->store.people, place_tag_of(keys->local))]);
	else
		for (const PlaceEntry *entry = NULL; (entry = next_place(&set->store.people, keys->local, entry)) != NULL;)
			compat_prefetch(member_at(&set->store, entry->place));
}

/* Has such a person a neighbour without a name? */
bool
similar_set_has_neighbours(SimilarSet *set, const similar_address *address)
{
	uint64		neighbours[SIMILAR_MAX_NEIGHBOUR_KEYS];
	bool		is_there[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count;

	if (!similar_filter_has_unnamed(set->filter))
		return false;
	count = similar_neighbours(address, duplicate_rules_domain_hash(set->rules, address), neighbours);
	similar_filter_has_neighbours(set->filter, neighbours, count, false, is_there);
	for (size_t i = 0; i < count; i++)
		if (is_there[i])
			return true;
	return false;
}
