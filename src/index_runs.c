/*
 * index_runs.c
 *		Entries of an index that are too many for memory: sorted runs on disk.
 *
 * Whenever memory is full, its entries are sorted and written as a run, all runs to one
 * temporary file.  In the end they are merged: of each run a block is in memory, and a
 * heap tells which has the next entry.  An entry on disk is the place of its row and the
 * text with its header, or the integer; what else a TextEntry has is made from that again.
 *
 * All memory is in a context of its own below the one that was current at first, and the
 * file belongs to the resource owner that was: both go with the (sub)transaction.
 */
#include "index_runs.h"

#include "commands/tablespace.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

/* So much of a run is read at once. */
#define BLOCK_SIZE		(16 * 1024)

/* What an entry needs at most. */
#define MAX_PACKED_SIZE	(sizeof(ItemPointerData) + VARATT_SHORT_MAX)

StaticAssertDecl(MAX_PACKED_SIZE >= sizeof(ItemPointerData) + sizeof(uint64), "integers are shorter than texts");

/* Before a null there is no header, but this, which is none. */
#define NULL_HEADER		'\0'

/* An entry that was read, and its text. */
typedef struct ReadEntry
{
	IndexEntry	entry;
	char		text[VARATT_SHORT_MAX];
} ReadEntry;

typedef struct Run
{
	int			file;			/* where the rest of it begins */
	off_t		offset;
	int64		left;			/* bytes that are still in the file */
	char	   *block;			/* NULL: nothing was read yet */
	Size		position;		/* in the block, of the next entry */
	Size		filled;
	ReadEntry	read[2];		/* the present entry and the one before, in turn */
	int			present;
} Run;

struct IndexRuns
{
	MemoryContext context;
	bool		is_text;
	bool		folds;
	BufFile    *file;
	int64		entry_count;
	int			count;
	int			capacity;
	Run		   *runs;
	binaryheap *heap;			/* of those that are not at their end, while they are merged */
	int			last;			/* whose entry was given last; -1: none */
};

/* No runs yet; the entries are texts, which may be addresses and compared as such, or integers. */
IndexRuns *
index_runs_create(bool is_text, bool folds)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync index runs", ALLOCSET_DEFAULT_SIZES);
	IndexRuns  *runs = MemoryContextAllocZero(context, sizeof(IndexRuns));

	runs->context = context;
	runs->is_text = is_text;
	runs->folds = folds;
	return runs;
}

/* ---- writing ---- */

static Run *
new_run(IndexRuns *runs)
{
	Run		   *run;

	if (runs->file == NULL)
	{
		PrepareTempTablespaces();
		runs->file = BufFileCreateTemp(false);
	}
	if (runs->count == runs->capacity)
	{
		runs->capacity = Max(runs->capacity * 2, 16);
		runs->runs = runs->runs == NULL ? palloc(runs->capacity * sizeof(Run)) :
			repalloc_huge(runs->runs, runs->capacity * sizeof(Run));
	}
	run = &runs->runs[runs->count++];
	memset(run, 0, sizeof(Run));
	BufFileTell(runs->file, &run->file, &run->offset);
	return run;
}

/* Packs an entry; returns its length. */
static Size
pack(const IndexRuns *runs, const IndexEntries *entries, int64 number, char *packed)
{
	const TextEntry *text = &entries->texts[number];
	const IntegerEntry *integer = &entries->integers[number];
	Size		length = sizeof(uint64);

	memcpy(packed, runs->is_text ? &text->tuple : &integer->tuple, sizeof(ItemPointerData));
	packed += sizeof(ItemPointerData);
	if (!runs->is_text)
		memcpy(packed, &integer->key, length);
	else if (text->text == NULL)
	{
		*packed = NULL_HEADER;
		length = 1;
	}
	else
	{
		length = VARSIZE_ANY(text->text);
		memcpy(packed, text->text, length);
	}
	return sizeof(ItemPointerData) + length;
}

/* Writes entries, which must be sorted, as a run.  Texts have a header of one byte. */
void
index_runs_add(IndexRuns *runs, const IndexEntries *entries, int64 count)
{
	MemoryContext old_context = MemoryContextSwitchTo(runs->context);
	Run		   *run = new_run(runs);
	char	   *block = palloc(BLOCK_SIZE);
	Size		filled = 0;

	for (int64 i = 0; i < count; i++)
	{
		filled += pack(runs, entries, i, block + filled);
		if (filled > BLOCK_SIZE - MAX_PACKED_SIZE || i == count - 1)
		{
			BufFileWrite(runs->file, block, filled);
			run->left += (int64) filled;
			filled = 0;
			CHECK_FOR_INTERRUPTS();
		}
	}
	runs->entry_count += count;
	pfree(block);
	MemoryContextSwitchTo(old_context);
}

/* How many entries there are. */
int64
index_runs_count(const IndexRuns *runs)
{
	return runs->entry_count;
}

/* ---- merging ---- */

/* Has a whole entry of the run in its block, if there is any left. */
static void
fill_block(IndexRuns *runs, Run *run)
{
	Size		rest = run->filled - run->position;
	Size		wanted = (Size) Min(run->left, (int64) (BLOCK_SIZE - rest));

	if (rest >= MAX_PACKED_SIZE || wanted == 0)
		return;
	memmove(run->block, run->block + run->position, rest);
	if (BufFileSeek(runs->file, run->file, run->offset, SEEK_SET) != 0 ||
		BufFileRead(runs->file, run->block + rest, wanted) != wanted)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read from a temporary file"));
	BufFileTell(runs->file, &run->file, &run->offset);
	run->left -= (int64) wanted;
	run->position = 0;
	run->filled = rest + wanted;
	CHECK_FOR_INTERRUPTS();
}

/* Reads the next entry of the run; false at its end. */
static bool
read_entry(IndexRuns *runs, Run *run)
{
	ReadEntry  *read = &run->read[run->present ^= 1];
	const char *packed;
	ItemPointerData tuple;

	fill_block(runs, run);
	if (run->position == run->filled)
		return false;
	packed = run->block + run->position;
	memcpy(&tuple, packed, sizeof(tuple));
	packed += sizeof(tuple);
	if (!runs->is_text)
	{
		memcpy(&read->entry.integer.key, packed, sizeof(uint64));
		read->entry.integer.tuple = tuple;
		packed += sizeof(uint64);
	}
	else if (*packed == NULL_HEADER)
	{
		text_entry_set(&read->entry.text, NULL, runs->folds, &tuple);
		packed++;
	}
	else
	{
		Size		length = VARSIZE_ANY(packed);

		memcpy(read->text, packed, length);
		text_entry_set(&read->entry.text, read->text, runs->folds, &tuple);
		packed += length;
	}
	run->position = packed - run->block;
	return true;
}

/* For the heap, whose first node is the greatest: the run with the least entry. */
static int
compare_runs(Datum a, Datum b, void *argument)
{
	const IndexRuns *runs = argument;
	const Run  *left = &runs->runs[DatumGetInt32(a)];
	const Run  *right = &runs->runs[DatumGetInt32(b)];
	const IndexEntry *left_entry = &left->read[left->present].entry;
	const IndexEntry *right_entry = &right->read[right->present].entry;

	return runs->is_text ? text_entry_order(&right_entry->text, &left_entry->text, runs->folds) :
		integer_entry_order(&right_entry->integer, &left_entry->integer);
}

/* Begins to read all entries in their order. */
void
index_runs_rewind(IndexRuns *runs)
{
	MemoryContext old_context = MemoryContextSwitchTo(runs->context);

	runs->last = -1;
	runs->heap = binaryheap_allocate(Max(runs->count, 1), compare_runs, runs);
	for (int i = 0; i < runs->count; i++)
	{
		runs->runs[i].block = palloc(BLOCK_SIZE);
		if (read_entry(runs, &runs->runs[i]))
			binaryheap_add_unordered(runs->heap, Int32GetDatum(i));
	}
	binaryheap_build(runs->heap);
	MemoryContextSwitchTo(old_context);
}

/* The next entry; false at the end.  It and the one before, no other, are there until the next call. */
bool
index_runs_next(IndexRuns *runs, IndexEntry *entry)
{
	const Run  *run;

	if (runs->last >= 0 && read_entry(runs, &runs->runs[runs->last]))
		binaryheap_replace_first(runs->heap, Int32GetDatum(runs->last));
	else if (runs->last >= 0)
		(void) binaryheap_remove_first(runs->heap);
	if (binaryheap_empty(runs->heap))
		return false;
	runs->last = DatumGetInt32(binaryheap_first(runs->heap));
	run = &runs->runs[runs->last];
	*entry = run->read[run->present].entry;
	return true;
}

/* Removes the file and frees the memory. */
void
index_runs_free(IndexRuns *runs)
{
	if (runs->file != NULL)
		BufFileClose(runs->file);
	MemoryContextDelete(runs->context);
}
