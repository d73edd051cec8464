/*
 * import_keys.c
 *		Finds the rows of a file that have a key in common.
 *
 * Keys are remembered as 64-bit hashes and sorted, on disk if they are many, so
 * memory does not grow with the file; what is left in memory is a small table of
 * the rows whose hash another row has too.  They may do so by chance, hence who
 * asks must compare the keys themselves.
 */
#include "import.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/tuplesort.h"

/* A row that shares its key; run names the rows that share it. */
typedef struct SharedKey
{
	int64		row;			/* hash key */
	int64		run;
} SharedKey;

struct ImportKeys
{
	MemoryContext context;
	Tuplesortstate *sort;
	TupleDesc	descriptor;
	TupleTableSlot *slot;
	HTAB	   *shared;			/* NULL: no two rows share a key */
};

/* An empty collection, palloc'd in the current memory context. */
ImportKeys *
import_keys_create(void)
{
	ImportKeys *keys = palloc0(sizeof(ImportKeys));
	AttrNumber	columns[] = {1, 2};
	Oid			operators[] = {Int8LessOperator, Int8LessOperator};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};

	keys->context = CurrentMemoryContext;
	keys->descriptor = CreateTemplateTupleDesc(2);
	TupleDescInitEntry(keys->descriptor, 1, "hash", INT8OID, -1, 0);
	TupleDescInitEntry(keys->descriptor, 2, "row", INT8OID, -1, 0);
	keys->sort = tuplesort_begin_heap(keys->descriptor, 2, columns, operators, collations, nulls_first,
									  work_mem, NULL, TUPLESORT_NONE);
	keys->slot = MakeSingleTupleTableSlot(keys->descriptor, &TTSOpsVirtual);
	return keys;
}

/* Notes that the row has a key with that hash. */
void
import_keys_add_hash(ImportKeys *keys, int64 hash, int64 row)
{
	ExecClearTuple(keys->slot);
	keys->slot->tts_values[0] = Int64GetDatum(hash);
	keys->slot->tts_values[1] = Int64GetDatum(row);
	keys->slot->tts_isnull[0] = keys->slot->tts_isnull[1] = false;
	ExecStoreVirtualTuple(keys->slot);
	tuplesort_puttupleslot(keys->sort, keys->slot);
}

/* Notes that the row has that key. */
void
import_keys_add(ImportKeys *keys, const char *text, size_t length, int64 row)
{
	import_keys_add_hash(keys, (int64) hash_bytes_extended((const unsigned char *) text, (int) length, 0), row);
}

static void
remember_shared(ImportKeys *keys, int64 row, int64 run)
{
	SharedKey  *shared;

	if (keys->shared == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(SharedKey),.hcxt = keys->context};

		keys->shared = hash_create("orgsync shared keys", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	shared = hash_search(keys->shared, &row, HASH_ENTER, NULL);
	shared->run = run;
}

/* Ends the collection: from now on import_keys_shared() may be asked. */
void
import_keys_finish(ImportKeys *keys)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(keys->descriptor, &TTSOpsMinimalTuple);
	bool		has_previous = false;
	int64		previous_hash = 0;
	int64		previous_row = 0;

	tuplesort_performsort(keys->sort);
	while (tuplesort_gettupleslot(keys->sort, true, false, slot, NULL))
	{
		bool		isnull;
		int64		hash = DatumGetInt64(slot_getattr(slot, 1, &isnull));
		int64		row = DatumGetInt64(slot_getattr(slot, 2, &isnull));

		if (has_previous && hash == previous_hash)
		{
			remember_shared(keys, previous_row, hash);
			remember_shared(keys, row, hash);
		}
		has_previous = true;
		previous_hash = hash;
		previous_row = row;
	}
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(keys->slot);
	tuplesort_end(keys->sort);
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
