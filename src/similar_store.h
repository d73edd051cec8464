/*
 * similar_store.h
 *		People in a few bytes each, and where they lie, by keys.
 */
#ifndef ORGSYNC_SIMILAR_STORE_H
#define ORGSYNC_SIMILAR_STORE_H

#include "duplicate_rule.h"

#define NO_PLACE	0

/* An entry of a key: 32 bits of it, which tell the place in the table too. */
typedef struct PlaceEntry
{
	uint32		tag;
	uint32		place;			/* NO_PLACE: the entry is free */
} PlaceEntry;

/* Entries of one key stand side by side. */
typedef struct PlaceTable
{
	PlaceEntry *entries;
	uint32		size;
	uint32		count;
} PlaceTable;

typedef struct Member
{
	int64		id;
	uint64		name;
	uint64		user_id;
	uint32		domain;			/* index in domains */
	uint32		seen;			/* the search that met it last */
	uint8		local_length;
	bool		is_row:1;
	bool		is_confirmed:1;
	bool		built_from_name:1;
	char		local[FLEXIBLE_ARRAY_MEMBER];
} Member;

typedef struct Domain
{
	char	   *name;
	size_t		length;
	uint64		hash;			/* of all its spellings */
} Domain;

/* Members lie in blocks of a huge page; a place is counted in MAXALIGNed units, from 1. */
#define STORE_BLOCK_SIZE	((Size) 2 * 1024 * 1024)
#define STORE_BLOCK_UNITS	(STORE_BLOCK_SIZE / MAXIMUM_ALIGNOF)

typedef struct SimilarStore
{
	MemoryContext context;
	PlaceTable	people;			/* by all keys */
	PlaceTable	domains_by_name;
	char	  **blocks;
	uint32		block_count;	/* 0: nobody is there */
	uint32		block_capacity;
	uint32		used;			/* units of the last block */
	Domain	   *domains;		/* from 1 */
	uint32		domain_count;
	uint32		domain_capacity;
	uint32		last_domain;
} SimilarStore;

extern void similar_store_begin(SimilarStore *store, MemoryContext context);
extern uint32 similar_store_domain(SimilarStore *store, const DuplicateRules *rules, const similar_address *address);
extern uint32 similar_store_add(SimilarStore *store, const SimilarPerson *person, uint32 domain);
extern bool similar_store_add_key(SimilarStore *store, uint64 key, uint32 place, int limit);

static inline uint32
place_entry_of(const PlaceTable *table, uint32 tag)
{
	return (uint32) (((uint64) tag * table->size) >> 32);
}

static inline uint32
place_next_entry(const PlaceTable *table, uint32 entry)
{
	return entry + 1 == table->size ? 0 : entry + 1;
}

static inline uint32
place_tag_of(uint64 key)
{
	return (uint32) (key >> 32);
}

/* The first entry of the key, or, with one of its entries, the next; NULL after the last. */
static inline const PlaceEntry *
next_place(const PlaceTable *table, uint64 key, const PlaceEntry *last)
{
	uint32		tag = place_tag_of(key);
	uint32		entry;

	if (table->size == 0)
		return NULL;
	entry = last == NULL ? place_entry_of(table, tag) : place_next_entry(table, (uint32) (last - table->entries));
	for (; table->entries[entry].place != NO_PLACE; entry = place_next_entry(table, entry))
		if (table->entries[entry].tag == tag)
			return &table->entries[entry];
	return NULL;
}

static inline Member *
member_at(const SimilarStore *store, uint32 place)
{
	return (Member *) (store->blocks[(place - 1) / STORE_BLOCK_UNITS] + (Size) ((place - 1) % STORE_BLOCK_UNITS) * MAXIMUM_ALIGNOF);
}

#endif
