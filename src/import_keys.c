/*
 * import_keys.c
 *		Finds the rows of a file that have a key in common.
 *
 * Keys are remembered as 64-bit hashes, in a spool, so memory does not grow with
 * the file.  Nearly all of them are there once.  A first pass over them sets a
 * bit for each, in a bitmap by the hash, and another bit where the bit was set
 * already; a second pass collects the few whose bit was met twice.  What is left
 * when these are sorted is a small table of the rows whose hash another row has
 * too.  They may do so by chance, hence who asks must compare the keys themselves.
 */
#include "import.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "spool.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* Bits of the map a key, and at most: 8 MB are enough for four million keys to rarely meet. */
#define BITS_PER_KEY	16
#define MAX_BITS		(UINT64CONST(1) << 26)

/* Keys are read so many at a time. */
#define BLOCK_KEYS		512

typedef struct RowKey
{
	uint64		hash;
	int64		row;
} RowKey;

/* A row that shares its key; run names the rows that share it. */
typedef struct SharedKey
{
	int64		row;			/* hash key */
	int64		run;
} SharedKey;

struct ImportKeys
{
	MemoryContext context;
	Spool	   *spool;			/* blocks of RowKeys, all full but the last one */
	int64		count;
	RowKey		block[BLOCK_KEYS];
	int			block_count;
	HTAB	   *shared;			/* NULL: no two rows share a key */
};

/* An empty collection, palloc'd in the current memory context. */
ImportKeys *
import_keys_create(void)
{
	ImportKeys *keys = palloc(sizeof(ImportKeys));

	keys->context = CurrentMemoryContext;
	keys->spool = spool_create((Size) work_mem * 1024 / 8);
	keys->count = 0;
	keys->block_count = 0;
	keys->shared = NULL;
	return keys;
}

static void
write_block(ImportKeys *keys)
{
	spool_write(keys->spool, keys->block, sizeof(RowKey) * keys->block_count);
	keys->block_count = 0;
}

/* Notes that the row has the key of that hash. */
void
import_keys_add(ImportKeys *keys, uint64 hash, int64 row)
{
	keys->block[keys->block_count].hash = hash;
	keys->block[keys->block_count].row = row;
	keys->count++;
	if (++keys->block_count == BLOCK_KEYS)
		write_block(keys);
}

static void
remember_shared(ImportKeys *keys, const RowKey *key)
{
	SharedKey  *shared;

	if (keys->shared == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(SharedKey),.hcxt = keys->context};

		keys->shared = hash_create("orgsync shared keys", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	shared = hash_search(keys->shared, &key->row, HASH_ENTER, NULL);
	shared->run = (int64) key->hash;
}

/* Reads the next block of keys; false at the end. */
static bool
read_block(ImportKeys *keys, int64 *left)
{
	keys->block_count = (int) Min(*left, BLOCK_KEYS);
	*left -= keys->block_count;
	CHECK_FOR_INTERRUPTS();
	return keys->block_count > 0 && spool_read(keys->spool, keys->block, sizeof(RowKey) * keys->block_count);
}

/* Sets the bit of the hash; was it set already? */
static inline bool
set_bit(uint64 *bits, uint64 hash, uint64 mask)
{
	uint64		bit = hash & mask;
	uint64	   *word = &bits[bit / 64];
	uint64		flag = UINT64CONST(1) << (bit % 64);
	bool		was_set = (*word & flag) != 0;

	*word |= flag;
	return was_set;
}

static inline bool
has_bit(const uint64 *bits, uint64 hash, uint64 mask)
{
	uint64		bit = hash & mask;

	return (bits[bit / 64] & (UINT64CONST(1) << (bit % 64))) != 0;
}

static int
compare_keys(const void *a, const void *b)
{
	const RowKey *left = a;
	const RowKey *right = b;

	return (left->hash > right->hash) - (left->hash < right->hash);
}

/* Collects the keys whose bit was met twice, sorted by their hash; *count of them, palloc'd. */
static RowKey *
collect_suspects(ImportKeys *keys, int64 *count)
{
	uint64		bit_count = Min(pg_nextpower2_64((uint64) Max(keys->count, 64) * BITS_PER_KEY), MAX_BITS);
	uint64	   *seen = MemoryContextAllocExtended(keys->context, bit_count / 8, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint64	   *seen_twice = MemoryContextAllocExtended(keys->context, bit_count / 8,
														MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int64		capacity = 1024;
	RowKey	   *suspects = MemoryContextAllocHuge(keys->context, sizeof(RowKey) * capacity);
	int64		left = keys->count;

	spool_rewind(keys->spool);
	while (read_block(keys, &left))
		for (int i = 0; i < keys->block_count; i++)
			if (set_bit(seen, keys->block[i].hash, bit_count - 1))
				(void) set_bit(seen_twice, keys->block[i].hash, bit_count - 1);
	pfree(seen);

	*count = 0;
	left = keys->count;
	spool_rewind(keys->spool);
	while (read_block(keys, &left))
		for (int i = 0; i < keys->block_count; i++)
			if (has_bit(seen_twice, keys->block[i].hash, bit_count - 1))
			{
				if (*count == capacity)
				{
					capacity *= 2;
					suspects = repalloc_huge(suspects, sizeof(RowKey) * capacity);
				}
				suspects[(*count)++] = keys->block[i];
			}
	pfree(seen_twice);
	qsort(suspects, *count, sizeof(RowKey), compare_keys);
	return suspects;
}

/* Ends the collection: from now on import_keys_shared() may be asked. */
void
import_keys_finish(ImportKeys *keys)
{
	RowKey	   *suspects;
	int64		count;

	write_block(keys);
	suspects = collect_suspects(keys, &count);
	for (int64 i = 0; i < count; i++)
		if ((i > 0 && suspects[i - 1].hash == suspects[i].hash) ||
			(i + 1 < count && suspects[i + 1].hash == suspects[i].hash))
			remember_shared(keys, &suspects[i]);
	pfree(suspects);
	spool_free(keys->spool);
}

/*
 * The run of rows with whom the row may have its key in common; 0 if it shares
 * its key with no other.
 */
int64
import_keys_shared(ImportKeys *keys, int64 row)
{
	SharedKey  *shared = keys->shared ? hash_search(keys->shared, &row, HASH_FIND, NULL) : NULL;

	if (shared == NULL)
		return 0;
	return shared->run == 0 ? 1 : shared->run;
}
