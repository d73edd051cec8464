/*
 * similar_halves.c
 *		Whether somebody is near to one of a few people without a name, by halves of local parts.
 *
 * Of a million people with a name each has to be asked for, so an answer must cost
 * next to nothing, and it must be no for nearly all of them: thousands share a half, as
 * so many are called Michael.  Therefore length and letters are compared too, as in the
 * indexes; see core/similar_half.c.
 *
 * What is noted is sorted by hash when it is first asked for, with a directory of the
 * places: all of it stays in the processor's cache.
 */
#include "similar_halves.h"

#include "utils/memutils.h"

/*
 * The halves of a person in one number: 20 bits of the hash of each, and the length and
 * letters.
 */
#define HASH_BITS		20
#define HASH_MASK		((1 << HASH_BITS) - 1)
#define FIRST_SHIFT		(SIMILAR_HALF_REST_BITS + HASH_BITS)
#define SECOND_SHIFT	SIMILAR_HALF_REST_BITS

/* A half that people near to one without a name have, whose length and letters these are. */
typedef struct HalfEntry
{
	uint32		hash;			/* by the lowest bit: of a first or of a second half */
	uint32		rest;
} HalfEntry;

#define DIRECTORY_BITS	12
#define PLACE_OF(hash)	((hash) >> (HASH_BITS + 1 - DIRECTORY_BITS))

struct SimilarHalves
{
	HalfEntry  *entries;
	uint32		count;
	uint32		capacity;
	bool		is_sorted;
	uint32		directory[(1 << DIRECTORY_BITS) + 1];	/* where the entries of a place begin */
};

static inline uint32
hash_of(uint64 key)
{
	return (uint32) SIMILAR_HALF_OF_KEY(key) & HASH_MASK;
}

/* A local part of which the salt stands for the digits: who may be near has it too. */
static similar_address
salted(const similar_address *address, uint64 salt)
{
	similar_address result = *address;

	result.digits = salt;
	return result;
}

/* What similar_halves_have() has to know of a person; of the address, the local part is enough. */
uint64
similar_halves_of(const similar_address *address, uint64 salt)
{
	similar_address own = salted(address, salt);
	uint64		first;
	uint64		second;

	similar_half_keys(&own, &first, &second);
	return (uint64) hash_of(first) << FIRST_SHIFT | (uint64) hash_of(second) << SECOND_SHIFT |
		SIMILAR_HALF_REST(first);
}

/* None so far; in the memory context. */
SimilarHalves *
similar_halves_create(MemoryContext context)
{
	SimilarHalves *halves = MemoryContextAllocZero(context, sizeof(SimilarHalves));

	halves->capacity = 64;
	halves->entries = MemoryContextAlloc(context, sizeof(HalfEntry) * halves->capacity);
	return halves;
}

static void
add_entry(SimilarHalves *halves, uint32 hash, uint32 rest)
{
	if (halves->count == halves->capacity)
	{
		halves->capacity *= 2;
		halves->entries = repalloc(halves->entries, sizeof(HalfEntry) * halves->capacity);
	}
	halves->entries[halves->count].hash = hash;
	halves->entries[halves->count++].rest = rest;
	halves->is_sorted = false;
}

/* Notes a person without a name; of the address, the local part is enough. */
void
similar_halves_note(SimilarHalves *halves, const similar_address *address, uint64 salt)
{
	similar_address own = salted(address, salt);
	similar_range firsts[SIMILAR_MAX_HALF_RANGES];
	similar_range seconds[SIMILAR_MAX_HALF_RANGES];
	size_t		count = similar_half_ranges(&own, firsts, seconds);
	uint64		first;
	uint64		second;

	similar_half_keys(&own, &first, &second);
	for (size_t i = 0; i < count; i++)
	{
		add_entry(halves, hash_of(firsts[i].from) << 1, SIMILAR_HALF_REST(first));
		add_entry(halves, hash_of(seconds[i].from) << 1 | 1, SIMILAR_HALF_REST(first));
	}
}

static int
compare_entries(const void *a, const void *b)
{
	uint32		left = ((const HalfEntry *) a)->hash;
	uint32		right = ((const HalfEntry *) b)->hash;

	return (left > right) - (left < right);
}

static void
sort(SimilarHalves *halves)
{
	uint32		place = 0;

	qsort(halves->entries, halves->count, sizeof(HalfEntry), compare_entries);
	for (uint32 i = 0; i < halves->count; i++)
		while (place <= PLACE_OF(halves->entries[i].hash))
			halves->directory[place++] = i;
	while (place <= 1 << DIRECTORY_BITS)
		halves->directory[place++] = halves->count;
	halves->is_sorted = true;
}

static inline bool
has_half(const SimilarHalves *halves, uint32 hash, uint32 rest)
{
	uint32		end = halves->directory[PLACE_OF(hash) + 1];

	for (uint32 i = halves->directory[PLACE_OF(hash)]; i < end; i++)
		if (halves->entries[i].hash == hash && similar_halves_are_near(halves->entries[i].rest, rest))
			return true;
	return false;
}

/* May somebody who was noted be near to the person of those halves, see similar_halves_of()? */
bool
similar_halves_have(SimilarHalves *halves, uint64 asked)
{
	uint32		rest = SIMILAR_HALF_REST(asked);

	if (!halves->is_sorted)
		sort(halves);
	return has_half(halves, (uint32) (asked >> FIRST_SHIFT) << 1, rest) ||
		has_half(halves, ((uint32) (asked >> SECOND_SHIFT) & HASH_MASK) << 1 | 1, rest);
}
