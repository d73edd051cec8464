/*
 * similar_filter.c
 *		Who of many people shares a key with somebody else, and so may be similar.
 *
 * Most people are similar to nobody.  A filter, which is made first of all who
 * will be looked for, says who shares no key with anybody else: he need neither be
 * kept nor be looked for.  His keys are
 *
 *	local		the local part of the address.  Who are similar with different ones have
 *				the same domain, but for its spelling, and the same digits; and
 *	group		if both have a name, this too; or
 *	neighbours	a key of similar_neighbour_keys() of the local part.  Only people
 *				without a name note these, for the others to ask; and those whose group
 *				is a crowd, which is not kept whole.
 *
 * People without a name, if they are few, also note the halves of local parts that
 * are near to theirs, so that the many others need only ask for their own two; see
 * similar_halves.c.
 *
 * Keys are counted up to two, by hash, in Bloom filters of blocks: all bits of a key
 * lie in one line of the processor's cache, which is fetched some people before it
 * is needed.  That a key is taken for another costs memory and time, not
 * correctness; so the tables grow with the people, but not beyond a part of work_mem.
 *
 * All memory is in a context of the filter's own, made in the current one.
 */
#include "similar_filter.h"

#include "huge_pages.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "similar_halves.h"
#include "utils/memutils.h"

#define LINE_SIZE		64
#define LINE_BITS		256		/* of each half */

/* Keys of a line, on average, when a table is full; a small one need not be so dense. */
#define LINE_KEYS		32
#define SPARSE_LINES	(16 * 1024)
#define SPARSE_LINE_KEYS	4

/* A small import must not wait for a great table to be cleared; a later one holds all keys that are expected. */
#define FIRST_LINES		64
#define GROWTH			16
#define MAX_TABLES		5

/* So many people without a name note halves: of more, many names have one in common with somebody. */
#define MAX_NOTED_HALVES	(16 * 1024)

/* So many keys of a person are noted: of identities, and of neighbours, if any. */
#define IDENTITIES_OF_PERSON	2
#define NEIGHBOURS_OF_PERSON	14

typedef struct FilterLine
{
	uint64		seen[LINE_BITS / 64];
	uint64		again[LINE_BITS / 64];	/* of those that were seen */
} FilterLine;

StaticAssertDecl(sizeof(FilterLine) == LINE_SIZE, "a line of the filter is one of the cache");

typedef struct FilterTable
{
	FilterLine *lines;
	uint64		count;			/* a power of two */
	uint64		capacity;		/* in keys */
	uint64		noted;
} FilterTable;

/* When the last table is full the next is begun, and all are asked. */
typedef struct KeyFilter
{
	int			table_count;
	int			expected_table; /* the table that is as large as is expected; 0: none is */
	uint64		expected_lines;
	FilterTable tables[MAX_TABLES];
} KeyFilter;

/* Groups that were seen again are counted by their hashes, so that it is seen in time which may become a crowd. */
#define GROUP_COUNTERS	(1 << 15)

/* People whose lines are being fetched. */
#define MAX_WAITING		8

struct SimilarFilter
{
	MemoryContext context;
	uint64		max_lines;		/* of a table */
	bool		in_order;		/* people are added in the order in which they are noted */
	bool		has_named;
	int			unnamed_count;	/* up to MAX_NOTED_HALVES, and one */
	KeyFilter	identities;		/* by local part and group */
	KeyFilter	neighbours;
	SimilarHalves *halves;		/* of people without a name; NULL: there is none so far */
	int			waiting_count;
	SimilarNote waiting[MAX_WAITING];
	uint8		group_counts[GROUP_COUNTERS];
};

/* ---- keys ---- */

/* What a person is known by, but for the halves; domain_hash is duplicate_rules_domain_hash()'s. */
SimilarKeys
similar_keys(const SimilarPerson *person, uint64 domain_hash)
{
	SimilarKeys keys = {.local = similar_mix(person->address.local_hash, 1) | 1,.group = 0};

	if (person->name != 0)
		keys.group = similar_mix(similar_person_group(person), domain_hash) | 1;
	return keys;
}

/* What those have in common, besides a neighbour key, whom typo_unnamed might take for one. */
static uint64
neighbour_salt(const similar_address *address, uint64 domain_hash)
{
	return similar_mix(address->digits, domain_hash);
}

/* Adds the halves to a person's keys. */
void
similar_keys_halves(SimilarKeys *keys, const SimilarPerson *person, uint64 domain_hash)
{
	keys->halves = similar_halves_of(&person->address, neighbour_salt(&person->address, domain_hash));
}

static size_t
salted_neighbours(const char *local, size_t length, uint64 salt, uint64 *keys)
{
	size_t		count = similar_neighbour_keys(local, length, keys);

	for (size_t i = 0; i < count; i++)
		keys[i] = similar_mix(keys[i], salt);
	return count;
}

/*
 * The keys of which two people share one if their local parts are a step apart and
 * their digits and domains agree.  Returns their number; SIMILAR_MAX_NEIGHBOUR_KEYS
 * is room enough.
 */
size_t
similar_neighbours(const similar_address *address, uint64 domain_hash, uint64 *keys)
{
	return salted_neighbours(address->local, address->local_length, neighbour_salt(address, domain_hash), keys);
}

/* ---- the filter ---- */

/*
 * in_order: people will be added in the order in which they are noted, so that the
 * first of each group, who are kept by it, need no neighbours.  expected_people: 0
 * if that is not known.
 */
SimilarFilter *
similar_filter_create(bool in_order, int64 expected_people)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync similar filter",
												  ALLOCSET_SMALL_SIZES);
	SimilarFilter *filter = MemoryContextAllocZero(context, sizeof(SimilarFilter));

	filter->context = context;
	filter->in_order = in_order;
	filter->max_lines = pg_prevpower2_64(Max((uint64) work_mem * 1024 / 8 / LINE_SIZE, FIRST_LINES));
	filter->identities.expected_table = 2;
	filter->identities.expected_lines = pg_prevpower2_64((uint64) expected_people * IDENTITIES_OF_PERSON / LINE_KEYS + 1);
	/* only some people note these */
	filter->neighbours.expected_table = 3;
	filter->neighbours.expected_lines = pg_prevpower2_64((uint64) expected_people * NEIGHBOURS_OF_PERSON / LINE_KEYS + 1);
	return filter;
}

void
similar_filter_free(SimilarFilter *filter)
{
	MemoryContextDelete(filter->context);
}

static inline FilterLine *
line_of(const FilterTable *table, uint64 key)
{
	return &table->lines[(key >> 16) & (table->count - 1)];
}

static void
prefetch(const KeyFilter *filter, uint64 key)
{
	for (int i = 0; i < filter->table_count; i++)
		compat_prefetch(line_of(&filter->tables[i], key));
}

/* Are both bits of the key set? */
static inline bool
has_bits(const uint64 *bits, uint64 key)
{
	return ((bits[key / 64 % 4] >> key % 64) & (bits[(key >> 8) / 64 % 4] >> (key >> 8) % 64) & 1) != 0;
}

static inline void
set_bits(uint64 *bits, uint64 key)
{
	bits[key / 64 % 4] |= UINT64CONST(1) << key % 64;
	bits[(key >> 8) / 64 % 4] |= UINT64CONST(1) << (key >> 8) % 64;
}

/* Was the key noted, or, with again, more than once? */
static bool
has_key(const KeyFilter *filter, uint64 key, bool again)
{
	bool		seen = false;

	for (int i = 0; i < filter->table_count; i++)
	{
		const FilterLine *line = line_of(&filter->tables[i], key);

		if (!has_bits(line->seen, key))
			continue;
		if (!again || seen || has_bits(line->again, key))
			return true;
		seen = true;
	}
	return false;
}

static void
begin_table(SimilarFilter *filter, KeyFilter *keys)
{
	FilterTable *table = &keys->tables[keys->table_count];
	uint64		size = keys->table_count == 0 ? FIRST_LINES : keys->tables[keys->table_count - 1].count * GROWTH;

	if (keys->table_count == keys->expected_table)
		size = Max(size, keys->expected_lines);
	table->count = Min(size, filter->max_lines);
	table->noted = 0;
	table->capacity = table->count * (table->count > SPARSE_LINES ? LINE_KEYS : SPARSE_LINE_KEYS);
	table->lines = huge_pages_alloc(filter->context, table->count * LINE_SIZE, true);
	keys->table_count++;
}

/* Counts a key; was it noted before? */
static bool
count_key(SimilarFilter *filter, KeyFilter *keys, uint64 key)
{
	FilterTable *table = &keys->tables[Max(keys->table_count - 1, 0)];
	FilterLine *line;
	bool		was_seen = has_key(keys, key, false);

	if (keys->table_count == 0 || (table->noted > table->capacity && keys->table_count < MAX_TABLES &&
								   table->count < filter->max_lines))
	{
		begin_table(filter, keys);
		table = &keys->tables[keys->table_count - 1];
	}
	table->noted++;
	line = line_of(table, key);
	set_bits(line->seen, key);
	if (was_seen)
		set_bits(line->again, key);
	return was_seen;
}

/* Is it one of the first of its group? */
static bool
count_group(SimilarFilter *filter, uint64 group)
{
	uint8	   *count = &filter->group_counts[(group >> 32) % GROUP_COUNTERS];

	if (!count_key(filter, &filter->identities, group))
		return true;
	if (*count < SIMILAR_MAX_GROUP - 1)
		(*count)++;
	else
		return false;
	return true;
}

/* Notes the halves of all who are near to a person without a name. */
static void
count_halves(SimilarFilter *filter, const SimilarNote *person)
{
	similar_address address = {.local = person->local,.local_length = person->local_length};

	if (filter->unnamed_count > MAX_NOTED_HALVES || ++filter->unnamed_count > MAX_NOTED_HALVES)
		return;
	if (filter->halves == NULL)
		filter->halves = similar_halves_create(filter->context);
	similar_halves_note(filter->halves, &address, person->salt);
}

static void
count_person(SimilarFilter *filter, const SimilarNote *person)
{
	uint64		keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		count;

	(void) count_key(filter, &filter->identities, person->keys.local);
	if (person->keys.group != 0)
	{
		filter->has_named = true;
		if (count_group(filter, person->keys.group) && filter->in_order)
			return;
	}
	else
		count_halves(filter, person);
	count = salted_neighbours(person->local, person->local_length, person->salt, keys);
	for (size_t i = 0; i < count; i++)
		prefetch(&filter->neighbours, keys[i]);
	for (size_t i = 0; i < count; i++)
		(void) count_key(filter, &filter->neighbours, keys[i]);
}

static void
count_waiting(SimilarFilter *filter)
{
	for (int i = 0; i < filter->waiting_count; i++)
		count_person(filter, &filter->waiting[i]);
	filter->waiting_count = 0;
}

/* What a filter has to know of the person. */
void
similar_note_make(SimilarNote *note, const SimilarPerson *person, uint64 domain_hash)
{
	note->keys = similar_keys(person, domain_hash);
	similar_keys_halves(&note->keys, person, domain_hash);
	note->salt = neighbour_salt(&person->address, domain_hash);
	note->local_length = person->address.local_length;
	memcpy(note->local, person->address.local, person->address.local_length);
}

/* Where the next person is noted, who is counted when some more have come. */
static SimilarNote *
next_waiting(SimilarFilter *filter)
{
	if (filter->waiting_count == MAX_WAITING)
		count_waiting(filter);
	return &filter->waiting[filter->waiting_count++];
}

/* Notes that the person will be looked for, and maybe added. */
void
similar_filter_note(SimilarFilter *filter, const SimilarPerson *person, uint64 domain_hash)
{
	SimilarNote *waiting = next_waiting(filter);

	similar_note_make(waiting, person, domain_hash);
	similar_filter_prefetch(filter, &waiting->keys);
}

/* The same for a person of whom the note was made before. */
void
similar_filter_take(SimilarFilter *filter, const SimilarNote *note)
{
	memcpy(next_waiting(filter), note, offsetof(SimilarNote, local) + note->local_length);
	similar_filter_prefetch(filter, &note->keys);
}

/* Somebody will be asked for soon. */
void
similar_filter_prefetch(const SimilarFilter *filter, const SimilarKeys *keys)
{
	prefetch(&filter->identities, keys->local);
	if (keys->group != 0)
		prefetch(&filter->identities, keys->group);
}

/* Was the local part or the group noted, or, with again, more than once?  Maybe so, if it returns true. */
bool
similar_filter_has(SimilarFilter *filter, uint64 key, bool again)
{
	count_waiting(filter);
	return has_key(&filter->identities, key, again);
}

/* The same for neighbours; sets a result for each. */
void
similar_filter_has_neighbours(SimilarFilter *filter, const uint64 *keys, size_t count, bool again, bool *results)
{
	count_waiting(filter);
	for (size_t i = 0; i < count; i++)
		prefetch(&filter->neighbours, keys[i]);
	for (size_t i = 0; i < count; i++)
		results[i] = has_key(&filter->neighbours, keys[i], again);
}

bool
similar_filter_in_order(const SimilarFilter *filter)
{
	return filter->in_order;
}

/* Was somebody noted who has a name? */
bool
similar_filter_has_named(SimilarFilter *filter)
{
	count_waiting(filter);
	return filter->has_named;
}

bool
similar_filter_has_unnamed(SimilarFilter *filter)
{
	count_waiting(filter);
	return filter->unnamed_count > 0;
}

/* May somebody without a name be near to the person of these keys, with halves? */
bool
similar_filter_may_have_unnamed(SimilarFilter *filter, const SimilarKeys *keys)
{
	count_waiting(filter);
	return filter->unnamed_count > MAX_NOTED_HALVES ||
		(filter->halves != NULL && similar_halves_have(filter->halves, keys->halves));
}
