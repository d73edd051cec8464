/*
 * index_append.c
 *		Puts sorted entries into a btree of bigints, many at a time.
 *
 * A statement that changes many rows writes entries that lie side by side, most of
 * them behind all that the index has of it: the log of changes is by profile, and
 * emptied with every export.  The server puts them in one by one, each with a
 * descent from the root and a record of 70 bytes in the WAL.
 *
 * Here the first one goes the server's way.  Those that follow, belong into the
 * same leaf page behind its last entry and find room there, are put into it at
 * once, and the page goes to the WAL whole, with about 30 bytes an entry.  Whatever is
 * more than that (a page to be split, an entry between others, keys that are
 * there twice) is left to the server, and where pages have no room for many, it is
 * not tried again so soon.
 *
 * The lock on the page is held like the server's own when it inserts, and what is
 * behind the last entry of a page and before its high key can be nowhere else, so
 * that a unique index stays one.
 */
#include "index_append.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"

/* What the server's record of one entry takes in the WAL. */
#define ENTRY_RECORD_SIZE	72

/* After so many failures in a row, entries go the server's way twice as long as before. */
#define MIN_PATIENCE	4
#define MAX_PATIENCE	256

/* So many entries, and memory is freed and interrupts are heeded. */
#define CHECK_ENTRIES	256

/* An entry as it lies in a leaf page. */
typedef struct LeafEntry
{
	IndexTupleData head;
	int64		keys[BIGINT_ENTRY_KEYS];
} LeafEntry;

StaticAssertDecl(offsetof(LeafEntry, keys) == MAXALIGN(sizeof(IndexTupleData)), "keys follow the head of an index tuple");

/* Does the entry come before the key that ends the page?  Columns that the key lacks are less than any value. */
static bool
is_before(const BigintEntry *entry, const LeafEntry *high_key, int column_count)
{
	for (int i = 0; i < column_count; i++)
		if (entry->keys[i] != high_key->keys[i])
			return entry->keys[i] < high_key->keys[i];
	return false;
}

/* How many of the entries go into the page, one behind the other, at its end. */
static int
count_fitting(Relation index, Page page, Size size, const BigintEntry *entries, int count)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	int			capacity = (int) ((PageGetExactFreeSpace(page)) / (size + sizeof(ItemIdData)));
	const LeafEntry *high_key = NULL;
	int			high_key_columns = 0;
	BigintEntry before = {0};
	int			fitting = 0;

	if (!P_ISLEAF(opaque) || P_IGNORE(opaque) || P_INCOMPLETE_SPLIT(opaque) || last < P_FIRSTDATAKEY(opaque))
		return 0;
	if (!P_RIGHTMOST(opaque))
	{
		high_key = (const LeafEntry *) PageGetItem(page, PageGetItemId(page, P_HIKEY));
		high_key_columns = BTreeTupleGetNAtts((IndexTuple) high_key, index);
	}
	memcpy(before.keys, ((const LeafEntry *) PageGetItem(page, PageGetItemId(page, last)))->keys,
		   size - offsetof(LeafEntry, keys));
	while (fitting < count && fitting < capacity && bigint_entry_compare(&before, &entries[fitting]) < 0 &&
		   (high_key == NULL || is_before(&entries[fitting], high_key, high_key_columns)))
		before = entries[fitting++];

	/* the whole page for a few of them would be more WAL, not less */
	if (fitting * ENTRY_RECORD_SIZE < BLCKSZ - (int) PageGetExactFreeSpace(page) + fitting * (int) size)
		return 0;
	return fitting;
}

/* Puts the entries at the end of the page, where there is room for them. */
static void
fill_page(Relation index, Buffer buffer, Size size, const BigintEntry *entries, int count)
{
	Page		page = BufferGetPage(buffer);
	LeafEntry	leaf_entry = {.head.t_info = size};

	CheckForSerializableConflictIn(index, NULL, BufferGetBlockNumber(buffer));
	START_CRIT_SECTION();
	for (int i = 0; i < count; i++)
	{
		leaf_entry.head.t_tid = entries[i].tuple;
		memcpy(leaf_entry.keys, entries[i].keys, size - offsetof(LeafEntry, keys));
		if (PageAddItem(page, (void *) &leaf_entry, size, InvalidOffsetNumber, false, false) == InvalidOffsetNumber)
			elog(PANIC, "could not add an entry to index \"%s\"", RelationGetRelationName(index));
	}
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(index))
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
}

static IndexTuple
form_entry(Relation index, const BigintEntry *entry)
{
	bool		nulls[BIGINT_ENTRY_KEYS] = {false};
	Datum		values[BIGINT_ENTRY_KEYS];
	IndexTuple	tuple;

	for (int i = 0; i < BIGINT_ENTRY_KEYS; i++)
		values[i] = Int64GetDatum(entry->keys[i]);
	tuple = index_form_tuple(RelationGetDescr(index), values, nulls);
	tuple->t_tid = entry->tuple;
	return tuple;
}

/* Puts those entries into the page of the first one that go there so; returns how many. */
static int
append(Relation heap, Relation index, const BigintEntry *entries, int count)
{
	IndexTuple	tuple = form_entry(index, entries);
	BTScanInsert key = _bt_mkscankey(index, tuple);
	Size		size = IndexTupleSize(tuple);
	Buffer		buffer;
	int			fitting;

	if (!key->heapkeyspace)
		return 0;
	key->scantid = &tuple->t_tid;
	(void) compat_bt_search(index, heap, key, &buffer);	/* the way goes with the context */
	fitting = count_fitting(index, BufferGetPage(buffer), size, entries, count);
	if (fitting > 0)
		fill_page(index, buffer, size, entries, fitting);
	_bt_relbuf(index, buffer);
	return fitting;
}

/*
 * Puts the entries into an index of one or two bigints that are not null, of rows that
 * are in the heap already; they are sorted.  An error if the index is unique and has
 * one of them.
 */
void
index_append(Relation heap, Relation index, IndexInfo *info, BigintEntry *entries, int count)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync index entries",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	bool		nulls[BIGINT_ENTRY_KEYS] = {false};
	int			patience = MIN_PATIENCE;
	int			left_to_server = 1;
	int			done = 0;

	while (done < count)
	{
		int			added = left_to_server > 0 ? 0 : append(heap, index, &entries[done], count - done);

		if (added > 0)
			patience = MIN_PATIENCE;
		else
		{
			Datum		values[BIGINT_ENTRY_KEYS];

			for (int i = 0; i < BIGINT_ENTRY_KEYS; i++)
				values[i] = Int64GetDatum(entries[done].keys[i]);
			(void) index_insert(index, values, nulls, &entries[done].tuple, heap,
								info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false, info);
			added = 1;
			if (left_to_server-- == 0)
			{
				left_to_server = patience;
				patience = Min(patience * 2, MAX_PATIENCE);
			}
		}
		if (done / CHECK_ENTRIES != (done + added) / CHECK_ENTRIES)
		{
			MemoryContextReset(context);
			CHECK_FOR_INTERRUPTS();
		}
		done += added;
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}
