/*
 * similar_store.c
 *		People in a few bytes each, and where they lie, by keys.
 *
 * A person lies in some fifty bytes, one after another; the domain is a number.  All keys
 * are in one table, of 8 bytes an entry, whatever they mean; people of one key
 * stand side by side there.  Keys are hashes, of which 32 bits are kept: who finds
 * somebody must compare him.
 *
 * All memory is taken from the context that the store is given.
 */
#include "similar_store.h"

#include "huge_pages.h"
#include "utils/memutils.h"

StaticAssertDecl(EMAIL_MAX_LENGTH <= PG_UINT8_MAX, "the length of a local part fits into a byte");

/* An empty store. */
void
similar_store_begin(SimilarStore *store, MemoryContext context)
{
	memset(store, 0, sizeof(SimilarStore));
	store->context = context;
	store->domain_count = 1;
}

/* Makes room in an array that doubles. */
static void *
enlarge(SimilarStore *store, void *array, uint32 needed, uint32 *capacity, Size size)
{
	if (needed <= *capacity)
		return array;
	*capacity = Max(Max(*capacity * 2, 16), needed);
	return array == NULL ? MemoryContextAllocHuge(store->context, size * *capacity) :
		repalloc_huge(array, size * *capacity);
}

static void
put_entry(PlaceTable *table, uint32 tag, uint32 place)
{
	uint32		entry = place_entry_of(table, tag);

	while (table->entries[entry].place != NO_PLACE)
		entry = place_next_entry(table, entry);
	table->entries[entry].tag = tag;
	table->entries[entry].place = place;
}

static void
enlarge_table(SimilarStore *store, PlaceTable *table)
{
	PlaceTable	old = *table;

	if (old.size > PG_UINT32_MAX / 2)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many similar profiles"));
	table->size = Max(old.size * 2, 128);
	table->entries = huge_pages_alloc(store->context, sizeof(PlaceEntry) * table->size, true);
	for (uint32 i = 0; i < old.size; i++)
		if (old.entries[i].place != NO_PLACE)
			put_entry(table, old.entries[i].tag, old.entries[i].place);
	if (old.entries != NULL)
		huge_pages_free(old.entries);
}

/* Adds a place by a key, unless the key has as many as it may have: then it returns false. */
static bool
add_place(SimilarStore *store, PlaceTable *table, uint64 key, uint32 place, int limit)
{
	uint32		tag = place_tag_of(key);
	uint32		entry;
	int			count = 0;

	if (table->count >= table->size / 3 * 2)
		enlarge_table(store, table);
	for (entry = place_entry_of(table, tag); table->entries[entry].place != NO_PLACE; entry = place_next_entry(table, entry))
		if (table->entries[entry].tag == tag && ++count == limit)
			return false;
	table->entries[entry].tag = tag;
	table->entries[entry].place = place;
	table->count++;
	return true;
}

/* Makes room for so many bytes, and returns their place. */
static uint32
new_place(SimilarStore *store, Size size)
{
	uint32		units = (uint32) (MAXALIGN(size) / MAXIMUM_ALIGNOF);

	if (store->block_count == 0 || store->used + units > STORE_BLOCK_UNITS)
	{
		if (store->block_count == PG_UINT32_MAX / STORE_BLOCK_UNITS)
			ereport(ERROR,
					errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("too many similar profiles"));
		store->blocks = enlarge(store, store->blocks, store->block_count + 1, &store->block_capacity, sizeof(char *));
		/* few people need little of the first one */
		store->blocks[store->block_count] = store->block_count == 0 ?
			MemoryContextAlloc(store->context, STORE_BLOCK_SIZE) : huge_pages_alloc(store->context, STORE_BLOCK_SIZE, false);
		store->block_count++;
		store->used = 0;
	}
	store->used += units;
	return (store->block_count - 1) * STORE_BLOCK_UNITS + store->used - units + 1;
}

/* The number of the address's domain. */
uint32
similar_store_domain(SimilarStore *store, const DuplicateRules *rules, const similar_address *address)
{
	const char *name = address->domain;
	size_t		length = address->domain_length;
	uint64		key;
	Domain	   *domain;

	if (store->last_domain != 0 && store->domains[store->last_domain].length == length &&
		memcmp(store->domains[store->last_domain].name, name, length) == 0)
		return store->last_domain;
	key = similar_mix(similar_hash(name, length), 2);
	for (const PlaceEntry *entry = NULL; (entry = next_place(&store->domains_by_name, key, entry)) != NULL;)
	{
		domain = &store->domains[entry->place];
		if (domain->length == length && memcmp(domain->name, name, length) == 0)
			return store->last_domain = entry->place;
	}
	store->domains = enlarge(store, store->domains, store->domain_count + 1, &store->domain_capacity, sizeof(Domain));
	domain = &store->domains[store->domain_count];
	domain->name = MemoryContextAlloc(store->context, length + 1);
	memcpy(domain->name, name, length);
	domain->length = length;
	domain->hash = duplicate_rules_domain_hash(rules, address);
	(void) add_place(store, &store->domains_by_name, key, store->domain_count, PG_INT32_MAX);
	return store->last_domain = store->domain_count++;
}

/* Adds a person; the caller sets what else it wants of the member at the place that is returned. */
uint32
similar_store_add(SimilarStore *store, const SimilarPerson *person, uint32 domain)
{
	const similar_address *address = &person->address;
	uint32		place = new_place(store, offsetof(Member, local) + address->local_length);
	Member	   *member = member_at(store, place);

	memset(member, 0, offsetof(Member, local));
	member->name = person->name;
	member->user_id = person->user_id;
	member->domain = domain;
	member->local_length = (uint8) address->local_length;
	member->built_from_name = person->built_from_name;
	memcpy(member->local, address->local, address->local_length);
	return place;
}

/*
 * Lets the person at the place be found by the key, unless as many as the limit are
 * found by it already: then it returns false.
 */
bool
similar_store_add_key(SimilarStore *store, uint64 key, uint32 place, int limit)
{
	return add_place(store, &store->people, key, place, limit);
}
