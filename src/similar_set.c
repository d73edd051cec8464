/*
 * similar_set.c
 *		Many people in memory, among whom similar ones are found.
 *
 * For imports, big statements and for all pairs of an account: what similar_probe.c
 * does for one person would take a millisecond for each who has no name.
 *
 *	address chains		people by canonical address: same_address; and, by way of the
 *						domains that are a step apart, typo in the domain
 *	group chains		people with a name by name and digits: typo, other_domain,
 *						same_name.  Up to MAX_CROWD of them.
 *	neighbour chains	people without a name, those with one who are near to them, and
 *						those who find their group full: by similar_neighbour_keys() of
 *						the local part, at their domain.  Those of full groups also by
 *						name and local part, and by name if the one is built from the other.
 *
 * Most people are similar to nobody.  A filter, which is made first of all who will
 * be looked for, says who shares no key with anybody else: he is not kept at all.
 * It counts keys by their hashes up to two, in tables that are too small rather than
 * too big; that a key is taken for another costs memory, not correctness.
 *
 * All memory is in a context of the set's (or the filter's) own, made in the
 * current one.
 */
#include "similar_set.h"

#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "trigger_rows.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* So many people of one name are chained, and so many of a chain are looked at. */
#define MAX_CROWD	32
#define MAX_WALK	100

#define NOBODY		0

/* ---- the filter ---- */

/* Counts keys: bit 0, seen; bit 1, seen again; bit 2, of somebody without a name. */
typedef struct KeyCounts
{
	uint8	   *slots;			/* two a byte */
	uint64		mask;
	uint64		noted;
} KeyCounts;

#define SEEN		1
#define SEEN_AGAIN	2
#define UNNAMED		4

/*
 * The sizes of a filter's tables, in slots: a small import must not wait for a
 * great table to be cleared.  When one is full the next is begun, and all are asked.
 */
static const uint64 table_sizes[] = {UINT64CONST(1) << 13, UINT64CONST(1) << 22, UINT64CONST(1) << 25};

typedef struct KeyFilter
{
	int			table_count;
	KeyCounts	tables[lengthof(table_sizes)];
} KeyFilter;

/* Groups are counted by their hashes, so that it is seen in time which may become a crowd. */
#define GROUP_COUNTERS	(1 << 18)

struct SimilarFilter
{
	MemoryContext context;
	bool		in_order;		/* people are added in the order in which they are noted */
	KeyFilter	identities;		/* local parts; names with digits */
	KeyFilter	neighbours;		/* see similar_neighbour_keys() */
	bool		has_unnamed;
	bool		has_gaps;		/* the neighbours of some people with a name were not noted */
	uint8		group_counts[GROUP_COUNTERS];	/* up to MAX_CROWD */
};

/*
 * in_order: people will be added in the order in which they are noted, so that the
 * first of each name, who are chained as a group, need no neighbours.
 */
SimilarFilter *
similar_filter_create(bool in_order)
{
	SimilarFilter *filter = palloc0(sizeof(SimilarFilter));

	filter->in_order = in_order;
	filter->context = AllocSetContextCreate(CurrentMemoryContext, "orgsync similar filter", ALLOCSET_SMALL_SIZES);
	return filter;
}

void
similar_filter_free(SimilarFilter *filter)
{
	MemoryContextDelete(filter->context);
	pfree(filter);
}

static inline uint8
counts_of(const KeyFilter *filter, uint64 key)
{
	uint8		bits = 0;

	for (int i = 0; i < filter->table_count; i++)
	{
		uint64		slot = key & filter->tables[i].mask;
		uint8		found = filter->tables[i].slots[slot / 2] >> (slot % 2 * 4);

		bits |= (found & bits & SEEN) ? found | SEEN_AGAIN : found;
	}
	return bits;
}

static void
count_key(SimilarFilter *filter, KeyFilter *keys, uint64 key, bool is_unnamed)
{
	KeyCounts  *table = &keys->tables[Max(keys->table_count - 1, 0)];
	uint64		slot;
	uint8		bits;
	int			shift;

	if (keys->table_count == 0 ||
		(table->noted > table->mask / 8 && keys->table_count < (int) lengthof(table_sizes)))
	{
		uint64		size = table_sizes[keys->table_count];

		table = &keys->tables[keys->table_count++];
		table->mask = size - 1;
		table->slots = MemoryContextAllocExtended(filter->context, size / 2, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	table->noted++;
	slot = key & table->mask;
	shift = slot % 2 * 4;
	bits = table->slots[slot / 2] >> shift;
	bits = SEEN | ((bits & SEEN) ? SEEN_AGAIN : 0) | (is_unnamed ? UNNAMED : 0);
	table->slots[slot / 2] |= bits << shift;
}

static inline uint64
local_filter_key(const SimilarPerson *person)
{
	return similar_mix(person->address.local_hash, 1);
}

static inline uint64
neighbour_filter_key(const SimilarPerson *person, uint64 neighbour_key)
{
	return similar_mix(neighbour_key, person->address.digits);
}

/* Notes that the person will be looked for, and maybe added. */
void
similar_filter_note(SimilarFilter *filter, const SimilarPerson *person)
{
	uint64		keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count;

	count_key(filter, &filter->identities, local_filter_key(person), false);
	if (person->name != 0)
	{
		uint64		group = similar_person_group(person);
		uint8	   *group_count = &filter->group_counts[(group >> 32) % GROUP_COUNTERS];

		count_key(filter, &filter->identities, group, false);
		if (filter->in_order && *group_count < MAX_CROWD)
		{
			(*group_count)++;
			filter->has_gaps = true;
			return;
		}
	}
	else
		filter->has_unnamed = true;
	count = similar_neighbour_keys(person->address.local, person->address.local_length, keys);
	for (size_t i = 0; i < count; i++)
		count_key(filter, &filter->neighbours, neighbour_filter_key(person, keys[i]), person->name == 0);
}

/* ---- the set ---- */

typedef struct Member
{
	int64		id;
	uint64		name;
	uint64		user_id;
	uint32		next_address;	/* NOBODY ends a chain */
	uint32		next_group;
	uint32		text;			/* where the local part stands in texts */
	uint32		domain;			/* index in domains */
	uint32		seen;			/* the search that met it last */
	uint8		local_length;
	bool		is_row:1;
	bool		is_confirmed:1;
	bool		built_from_name:1;
} Member;

/* A place of a member in a chain of neighbours. */
typedef struct Link
{
	uint32		member;
	uint32		next;
} Link;

/* The first of a chain, by its key; see chain_of(). */
typedef struct Chain
{
	uint64		key;
	uint32		head;			/* a member, or a link; NOBODY: the entry is free */
	uint32		length;
} Chain;

typedef struct ChainTable
{
	Chain	   *chains;
	uint64		mask;
	uint64		count;
} ChainTable;

typedef struct Domain
{
	char	   *name;
	size_t		length;
	uint64		hash;
	int			spelling_count;
	int		   *spellings;		/* the domains that are the same, itself first; -1: nobody has it yet */
	const char **spelling_names;
	int			near_count;
	int			near_capacity;
	int		   *near;			/* domains that are a step from it */
} Domain;

struct SimilarSet
{
	MemoryContext context;
	const DuplicateRules *rules;
	const SimilarFilter *filter;	/* NULL: everybody is kept */
	ChainTable	addresses;
	ChainTable	groups;
	ChainTable	neighbours;
	ChainTable	domain_neighbours;	/* links to domains */
	Member	   *members;		/* from 1 */
	uint32		member_count;
	uint32		member_capacity;
	Link	   *links;			/* from 1 */
	uint32		link_count;
	uint32		link_capacity;
	char	   *texts;
	uint32		text_size;
	uint32		text_capacity;
	Domain	   *domains;		/* from 1 */
	int			domain_count;
	int			domain_capacity;
	int			last_domain;
	bool		has_unnamed;
	bool		has_profiles;	/* some came before all that were noted */
	uint32		search;

	/* of one search */
	const SimilarPerson *person;
	SimilarVisitor visitor;
	void	   *visitor_context;
	bool		stopped;
};

SimilarSet *
similar_set_create(const DuplicateRules *rules, const SimilarFilter *filter)
{
	SimilarSet *set = palloc0(sizeof(SimilarSet));

	set->context = AllocSetContextCreate(CurrentMemoryContext, "orgsync similar people", ALLOCSET_DEFAULT_SIZES);
	set->rules = rules;
	set->filter = filter;
	set->member_count = set->link_count = set->domain_count = 1;	/* NOBODY */
	return set;
}

void
similar_set_free(SimilarSet *set)
{
	MemoryContextDelete(set->context);
	pfree(set);
}

/* Makes room in an array that doubles. */
static void *
enlarge(SimilarSet *set, void *array, uint32 needed, uint32 *capacity, Size size)
{
	if (needed <= *capacity)
		return array;
	*capacity = Max(Max(*capacity * 2, 64), needed);
	return array == NULL ? MemoryContextAllocHuge(set->context, size * *capacity) :
		repalloc_huge(array, size * *capacity);
}

static Chain *
find_place(ChainTable *table, uint64 key)
{
	uint64		place = similar_mix(key, 0) & table->mask;

	while (table->chains[place].head != NOBODY && table->chains[place].key != key)
		place = (place + 1) & table->mask;
	return &table->chains[place];
}

/* The chain of the key, or NULL. */
static Chain *
chain_find(ChainTable *table, uint64 key)
{
	Chain	   *chain;

	if (table->count == 0)
		return NULL;
	chain = find_place(table, key);
	return chain->head == NOBODY ? NULL : chain;
}

/* The chain of the key, whose head the caller must set if it is NOBODY yet. */
static Chain *
chain_of(SimilarSet *set, ChainTable *table, uint64 key)
{
	Chain	   *chain;

	if (table->chains == NULL || table->count * 4 >= table->mask * 3)
	{
		ChainTable	old = *table;
		uint64		size = old.chains == NULL ? 64 : (old.mask + 1) * 2;

		table->mask = size - 1;
		table->chains = MemoryContextAllocExtended(set->context, sizeof(Chain) * size,
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (uint64 i = 0; old.chains != NULL && i <= old.mask; i++)
			if (old.chains[i].head != NOBODY)
				*find_place(table, old.chains[i].key) = old.chains[i];
		if (old.chains != NULL)
			pfree(old.chains);
	}
	chain = find_place(table, key);
	if (chain->head == NOBODY)
	{
		chain->key = key;
		chain->length = 0;
		table->count++;
	}
	return chain;
}

static void
add_link(SimilarSet *set, ChainTable *table, uint64 key, uint32 member)
{
	Chain	   *chain = chain_of(set, table, key);
	Link	   *link;

	set->links = enlarge(set, set->links, set->link_count + 1, &set->link_capacity, sizeof(Link));
	link = &set->links[set->link_count];
	link->member = member;
	link->next = chain->head;
	chain->head = set->link_count++;
	chain->length++;
}

/* ---- domains ---- */

static uint64
domain_key(uint64 hash)
{
	return similar_mix(hash, 2);
}

/* The number of the domain, or 0. */
static int
find_domain(SimilarSet *set, const char *name, size_t length)
{
	uint64		hash;
	Chain	   *chain;

	if (set->last_domain != 0 && set->domains[set->last_domain].length == length &&
		memcmp(set->domains[set->last_domain].name, name, length) == 0)
		return set->last_domain;
	hash = similar_hash(name, length);
	chain = chain_find(&set->domain_neighbours, domain_key(hash));
	for (uint32 link = chain ? chain->head : NOBODY; link != NOBODY; link = set->links[link].next)
	{
		Domain	   *domain = &set->domains[set->links[link].member];

		if (domain->length == length && memcmp(domain->name, name, length) == 0)
			return set->last_domain = (int) set->links[link].member;
	}
	return 0;
}

static void
note_near(SimilarSet *set, int a, int b)
{
	Domain	   *domain = &set->domains[a];

	for (int i = 0; i < domain->near_count; i++)
		if (domain->near[i] == b)
			return;
	if (domain->near_count == domain->near_capacity)
	{
		domain->near_capacity = Max(domain->near_capacity * 2, 4);
		domain->near = domain->near == NULL ?
			MemoryContextAlloc(set->context, sizeof(int) * domain->near_capacity) :
			repalloc(domain->near, sizeof(int) * domain->near_capacity);
	}
	domain->near[domain->near_count++] = b;
}

/* Makes the domain known, and all that are the same or a step away find it. */
static int
add_domain(SimilarSet *set, const char *name, size_t length)
{
	int			number = find_domain(set, name, length);
	uint64		keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count;
	uint32		capacity = (uint32) set->domain_capacity;
	Domain	   *domain;
	MemoryContext old_context;

	if (number != 0)
		return number;
	set->domains = enlarge(set, set->domains, set->domain_count + 1, &capacity, sizeof(Domain));
	set->domain_capacity = (int) capacity;
	number = set->domain_count++;
	domain = &set->domains[number];
	memset(domain, 0, sizeof(Domain));
	old_context = MemoryContextSwitchTo(set->context);
	domain->name = pnstrdup(name, length);
	domain->length = length;
	domain->hash = similar_hash(name, length);
	domain->spelling_count = duplicate_rules_spellings(set->rules, name, length, &domain->spelling_names);
	MemoryContextSwitchTo(old_context);

	count = similar_neighbour_keys(name, length, keys);
	for (size_t i = 0; i < count; i++)
	{
		Chain	   *chain = chain_find(&set->domain_neighbours, keys[i]);

		for (uint32 link = chain ? chain->head : NOBODY; link != NOBODY; link = set->links[link].next)
		{
			int			other = (int) set->links[link].member;

			if (other != number && similar_one_step(name, length, set->domains[other].name,
													 set->domains[other].length))
			{
				note_near(set, number, other);
				note_near(set, other, number);
			}
		}
		add_link(set, &set->domain_neighbours, keys[i], (uint32) number);
	}
	add_link(set, &set->domain_neighbours, domain_key(domain->hash), (uint32) number);
	return set->last_domain = number;
}

/* ---- adding ---- */

static inline uint64
neighbour_chain_key(uint64 neighbour_key, uint64 digits, uint64 domain_hash)
{
	return similar_mix(neighbour_key, digits ^ similar_mix(domain_hash, 3));
}

/* Of full groups: by name and local part; by name where the local part is built from it. */
static inline uint64
namesake_key(const SimilarPerson *person)
{
	return similar_mix(person->name ^ similar_mix(person->address.local_hash, 4), 4);
}

static inline uint64
built_key(const SimilarPerson *person, uint64 domain_hash)
{
	return similar_mix(person->name ^ similar_mix(domain_hash, 5), 5);
}

/* Does somebody else whom the filter knows have the key? */
static inline bool
is_shared(const SimilarSet *set, const KeyFilter *keys, uint64 key, bool is_noted)
{
	return set->filter == NULL || (counts_of(keys, key) & (is_noted ? SEEN_AGAIN : SEEN)) != 0;
}

static uint32
add_member(SimilarSet *set, const SimilarPerson *person, int64 id, bool is_row, bool is_confirmed)
{
	const similar_address *address = &person->address;
	int			domain = add_domain(set, address->domain, address->domain_length);
	Member	   *member;

	if (set->member_count == PG_UINT32_MAX ||
		(uint64) set->text_size + address->local_length > PG_UINT32_MAX)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many similar profiles"));
	set->members = enlarge(set, set->members, set->member_count + 1, &set->member_capacity, sizeof(Member));
	set->texts = enlarge(set, set->texts, set->text_size + (uint32) address->local_length, &set->text_capacity, 1);
	member = &set->members[set->member_count];
	memset(member, 0, sizeof(Member));
	member->id = id;
	member->name = person->name;
	member->user_id = person->user_id;
	member->text = set->text_size;
	member->domain = (uint32) domain;
	member->local_length = (uint8) address->local_length;
	member->is_row = is_row;
	member->is_confirmed = is_confirmed;
	member->built_from_name = person->built_from_name;
	memcpy(set->texts + set->text_size, address->local, address->local_length);
	set->text_size += (uint32) address->local_length;
	set->has_unnamed = set->has_unnamed || person->name == 0;
	return set->member_count++;
}

static void
chain_address(SimilarSet *set, uint32 member, const SimilarPerson *person)
{
	Chain	   *chain = chain_of(set, &set->addresses,
								 similar_address_hash(person->address.local_hash,
													  set->domains[set->members[member].domain].hash));

	set->members[member].next_address = chain->head;
	chain->head = member;
	chain->length++;
}

/* False if the group is full. */
static bool
chain_group(SimilarSet *set, uint32 member, const SimilarPerson *person)
{
	Chain	   *chain = chain_of(set, &set->groups, similar_person_group(person));

	if (chain->length >= MAX_CROWD)
		return false;
	set->members[member].next_group = chain->head;
	chain->head = member;
	chain->length++;
	return true;
}

/*
 * Adds a person, unless the filter says that nobody is similar.  is_noted: the
 * filter knows this person too.  Returns whether the person was kept.
 */
bool
similar_set_add(SimilarSet *set, const SimilarPerson *person, int64 id, bool is_row, bool is_confirmed,
				bool is_noted)
{
	const SimilarFilter *filter = set->filter;
	uint32		member = NOBODY;
	bool		is_crowded = false;
	uint64		keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count;
	uint64		domain_hash;
	bool		keeps_all;

#define THE_MEMBER	(member != NOBODY ? member : \
					 (member = add_member(set, person, id, is_row, is_confirmed)))

	if (is_shared(set, &filter->identities, local_filter_key(person), is_noted))
		chain_address(set, THE_MEMBER, person);
	if (person->name != 0 &&
		is_shared(set, &filter->identities, similar_person_group(person), is_noted))
		is_crowded = !chain_group(set, THE_MEMBER, person);
	if (person->name != 0 && !is_crowded && filter != NULL && !filter->has_unnamed)
		return member != NOBODY;

	domain_hash = similar_hash(person->address.domain, person->address.domain_length);
	count = similar_neighbour_keys(person->address.local, person->address.local_length, keys);
	/* what was not noted may be met all the same */
	keeps_all = filter == NULL || (filter->has_gaps && (person->name == 0 || (is_crowded && set->has_profiles)));
	for (size_t i = 0; i < count; i++)
	{
		if (!keeps_all)
		{
			uint8		bits = counts_of(&filter->neighbours, neighbour_filter_key(person, keys[i]));

			/* one with a name in no crowd is looked for only by those without one */
			if (person->name != 0 && !is_crowded ? !(bits & UNNAMED) : !(bits & (is_noted ? SEEN_AGAIN : SEEN)))
				continue;
		}
		add_link(set, &set->neighbours, neighbour_chain_key(keys[i], person->address.digits, domain_hash), THE_MEMBER);
	}
	if (is_crowded)
	{
		add_link(set, &set->neighbours, namesake_key(person), member);
		if (person->built_from_name)
			add_link(set, &set->neighbours, built_key(person, domain_hash), member);
	}
	return member != NOBODY;
#undef THE_MEMBER
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
	TableScanDesc scan = table_beginscan(profiles, snapshot, 0, NULL);
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
			(void) similar_set_add(set, &person.person, id, false, is_confirmed && !isnull,
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
meet(SimilarSet *set, uint32 number)
{
	Member	   *member = &set->members[number];
	Domain	   *domain = &set->domains[member->domain];
	SimilarPerson other;
	SimilarMatch match;

	if (member->seen == set->search)
		return;
	member->seen = set->search;
	other.address.local = set->texts + member->text;
	other.address.local_length = member->local_length;
	other.address.domain = domain->name;
	other.address.domain_length = domain->length;
	other.address.local_hash = similar_hash(other.address.local, other.address.local_length);
	other.address.digits = similar_digits(other.address.local, other.address.local_length);
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

static void
meet_links(SimilarSet *set, uint64 key)
{
	Chain	   *chain = chain_find(&set->neighbours, key);
	int			count = 0;

	for (uint32 link = chain ? chain->head : NOBODY;
		 link != NOBODY && !set->stopped && count < MAX_WALK;
		 link = set->links[link].next, count++)
		meet(set, set->links[link].member);
}

static void
meet_at_address(SimilarSet *set, uint64 domain_hash)
{
	Chain	   *chain = chain_find(&set->addresses,
								   similar_address_hash(set->person->address.local_hash, domain_hash));
	int			count = 0;

	for (uint32 member = chain ? chain->head : NOBODY;
		 member != NOBODY && !set->stopped && count < MAX_WALK;
		 member = set->members[member].next_address, count++)
		meet(set, member);
}

/* Those at the same address, and with the same local part at a domain that is a step away. */
static void
meet_by_address(SimilarSet *set, int domain_number)
{
	Domain	   *domain = &set->domains[domain_number];

	for (int i = 0; i < domain->spelling_count; i++)
	{
		int			spelling = i == 0 ? domain_number :
			find_domain(set, domain->spelling_names[i], strlen(domain->spelling_names[i]));

		if (spelling == 0)
			continue;
		meet_at_address(set, set->domains[spelling].hash);
		for (int j = 0; j < set->domains[spelling].near_count; j++)
		{
			Domain	   *near = &set->domains[set->domains[spelling].near[j]];

			for (int k = 0; k < near->spelling_count; k++)
				meet_at_address(set, k == 0 ? near->hash :
								similar_hash(near->spelling_names[k], strlen(near->spelling_names[k])));
		}
	}
}

/* False if the group is full, so that some are elsewhere. */
static bool
meet_by_group(SimilarSet *set)
{
	Chain	   *chain = chain_find(&set->groups, similar_person_group(set->person));

	for (uint32 member = chain ? chain->head : NOBODY; member != NOBODY && !set->stopped;
		 member = set->members[member].next_group)
		meet(set, member);
	return chain == NULL || chain->length < MAX_CROWD;
}

static void
meet_neighbours(SimilarSet *set, const Domain *domain, bool in_crowd)
{
	const SimilarPerson *person = set->person;
	uint64		keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count = similar_neighbour_keys(person->address.local, person->address.local_length, keys);

	for (int i = 0; i < domain->spelling_count; i++)
	{
		uint64		domain_hash = i == 0 ? domain->hash :
			similar_hash(domain->spelling_names[i], strlen(domain->spelling_names[i]));

		for (size_t j = 0; j < count && !set->stopped; j++)
			meet_links(set, neighbour_chain_key(keys[j], person->address.digits, domain_hash));
		if (in_crowd && person->built_from_name)
			meet_links(set, built_key(person, domain_hash));
	}
}

/* Does the filter, which knows the person, say that there is nobody to be met? */
static bool
is_alone(const SimilarSet *set, const SimilarPerson *person)
{
	const SimilarFilter *filter = set->filter;

	return filter != NULL && !set->has_profiles && person->name != 0 && !filter->has_unnamed &&
		!is_shared(set, &filter->identities, local_filter_key(person), true) &&
		!is_shared(set, &filter->identities, similar_person_group(person), true);
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
	int			domain;
	bool		in_crowd;

	if (set->member_count == 1 || (is_noted && is_alone(set, person)))
		return;
	set->search++;
	set->person = person;
	set->visitor = visitor;
	set->visitor_context = context;
	set->stopped = false;
	domain = add_domain(set, person->address.domain, person->address.domain_length);
	meet_by_address(set, domain);
	in_crowd = person->name != 0 && !meet_by_group(set);
	if (in_crowd)
		meet_links(set, namesake_key(person));
	if (in_crowd || person->name == 0 || set->has_unnamed)
		meet_neighbours(set, &set->domains[domain], in_crowd);
}
