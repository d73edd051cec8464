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
 * once, and the page goes to the WAL whole, with about 30 bytes an entry.  Behind the
 * last page of the index, as many new pages follow as the entries fill, as if the page had
 * been split for each of them: the server knows how to go on with a split whose page has no
 * downlink yet, and is let do it.  Whatever is more than that (another page to be split, an
 * entry between others, keys that are there twice) is left to the server, and where
 * pages have no room for many, it is not tried again so soon.
 *
 * The lock on the page is held like the server's own when it inserts, and what is
 * behind the last entry of a page and before its high key can be nowhere else, so
 * that a unique index stays one.
 */
#include "index_append.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/xloginsert.h"
#include "catalog/pg_control.h"
#include "file_growth.h"
#include "index_pages.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"

/* What the server's record of one entry takes in the WAL. */
#define ENTRY_RECORD_SIZE	72

/* After so many failures in a row, entries go the server's way twice as long as before. */
#define MIN_PATIENCE	4
#define MAX_PATIENCE	256

/* New pages that are logged at once; a record of the WAL could hold twice as many. */
#define MAX_NEW_LEAVES	16

/* More entries than go into these and into the page before, the least of them. */
#define MAX_AT_ONCE		((MAX_NEW_LEAVES + 1) * (int) (BLCKSZ / (offsetof(LeafEntry, keys) + sizeof(int64))))

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

/* How many of the entries, one behind the other, come behind the last one of the leaf page and before its high key. */
static int
count_following(Relation index, Page page, Size size, const BigintEntry *entries, int count)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);
	OffsetNumber last = PageGetMaxOffsetNumber(page);
	const LeafEntry *high_key = NULL;
	int			high_key_columns = 0;
	BigintEntry before = {0};
	int			following = 0;

	if (!P_ISLEAF(opaque) || P_IGNORE(opaque) || P_INCOMPLETE_SPLIT(opaque) || last < P_FIRSTDATAKEY(opaque))
		return 0;
	if (!P_RIGHTMOST(opaque))
	{
		high_key = (const LeafEntry *) PageGetItem(page, PageGetItemId(page, P_HIKEY));
		high_key_columns = BTreeTupleGetNAtts((IndexTuple) high_key, index);
	}
	memcpy(before.keys, ((const LeafEntry *) PageGetItem(page, PageGetItemId(page, last)))->keys,
		   size - offsetof(LeafEntry, keys));
	while (following < count && bigint_entry_compare(&before, &entries[following]) < 0 &&
		   (high_key == NULL || is_before(&entries[following], high_key, high_key_columns)))
		before = entries[following++];
	return following;
}

/* How many entries find room in a page, of which so many bytes shall stay free. */
static int
count_room(Page page, Size size, Size kept_free)
{
	Size		room = PageGetExactFreeSpace(page);

	return room <= kept_free ? 0 : (int) ((room - kept_free) / (size + sizeof(ItemIdData)));
}

/* Puts the entries at the end of the page, where there is room for them. */
static void
add_entries(Page page, Size size, const BigintEntry *entries, int count)
{
	Assert(count_room(page, size, 0) >= count);
	for (int i = 0; i < count; i++)
	{
		LeafEntry  *leaf_entry = (LeafEntry *) index_page_add_item(page, size);

		leaf_entry->head.t_tid = entries[i].tuple;
		leaf_entry->head.t_info = size;
		memcpy(leaf_entry->keys, entries[i].keys, size - offsetof(LeafEntry, keys));
	}
}

/* Puts the entries at the end of the page and logs it. */
static void
fill_page(Relation index, Buffer buffer, Size size, const BigintEntry *entries, int count)
{
	CheckForSerializableConflictIn(index, NULL, BufferGetBlockNumber(buffer));
	START_CRIT_SECTION();
	add_entries(BufferGetPage(buffer), size, entries, count);
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

/* ---- new pages at the end of the index ---- */

/* Pages that the index gets at its end. */
typedef struct NewLeaves
{
	int			count;
	Buffer		buffers[MAX_NEW_LEAVES];
	BlockNumber blocks[MAX_NEW_LEAVES];
	IndexTuple	low_keys[MAX_NEW_LEAVES];	/* what divides each from the page before */
	int			kept;			/* entries that the last page of now still gets */
	int			per_page;		/* and each new one */
} NewLeaves;

/* How many new pages the entries, which come behind all others, fill as far as an index's pages are to be filled. */
static void
plan_leaves(NewLeaves *leaves, Relation index, Page page, Size size, int count)
{
	Size		kept_free = BTGetTargetPageFreeSpace(index);
	Size		high_key_size = sizeof(LeafEntry) + sizeof(ItemIdData);
	Size		empty = BLCKSZ - SizeOfPageHeaderData - MAXALIGN(sizeof(BTPageOpaqueData)) - high_key_size;
	BTPageOpaque opaque = BTPageGetOpaque(page);

	leaves->kept = count_room(page, size, Max(kept_free, high_key_size));
	leaves->per_page = (int) ((empty - kept_free) / (size + sizeof(ItemIdData)));
	leaves->count = Max(count - leaves->kept, 0) / leaves->per_page;
	/* the only page of a level is split by itself: it may be the root, or stand in for it */
	leaves->count = Min(leaves->count, P_LEFTMOST(opaque) ? 1 : MAX_NEW_LEAVES);
	if (PageGetExactFreeSpace(page) < high_key_size)
		leaves->count = 0;
}

/* Gives the page, which was the last one, a right neighbour to which no downlink leads as yet. */
static void
set_right_neighbour(Relation index, Page page, IndexTuple high_key, BlockNumber neighbour)
{
	BTPageOpaque opaque = BTPageGetOpaque(page);

	if (PageAddItem(page, (void *) high_key, IndexTupleSize(high_key), P_HIKEY, false, false) != P_HIKEY)
		elog(PANIC, "could not add a high key to index \"%s\"", RelationGetRelationName(index));
	opaque->btpo_next = neighbour;
	opaque->btpo_flags &= ~BTP_ROOT;
	opaque->btpo_flags |= BTP_INCOMPLETE_SPLIT;
}

/* Logs the new pages and the one before them at once; who reads a standby meets the link to a page after the page. */
static void
log_leaves(const NewLeaves *leaves, Buffer before)
{
	XLogRecPtr	end;

	XLogBeginInsert();
	for (int i = 0; i < leaves->count; i++)
		XLogRegisterBuffer(i, leaves->buffers[leaves->count - 1 - i], REGBUF_FORCE_IMAGE | REGBUF_STANDARD);
	XLogRegisterBuffer(leaves->count, before, REGBUF_FORCE_IMAGE | REGBUF_STANDARD);
	end = XLogInsert(RM_XLOG_ID, XLOG_FPI);
	for (int i = 0; i < leaves->count; i++)
		PageSetLSN(BufferGetPage(leaves->buffers[i]), end);
	PageSetLSN(BufferGetPage(before), end);
}

/* Fills the new pages, which nobody else knows of, and links them to the one before. */
static void
write_leaves(const NewLeaves *leaves, Relation index, Buffer before, Size size, const BigintEntry *entries)
{
	Page		left = BufferGetPage(before);
	BlockNumber left_block = BufferGetBlockNumber(before);

	START_CRIT_SECTION();
	add_entries(left, size, entries, leaves->kept);
	MarkBufferDirty(before);
	for (int i = 0; i < leaves->count; i++)
	{
		Page		page = BufferGetPage(leaves->buffers[i]);
		BTPageOpaque opaque;

		_bt_pageinit(page, BLCKSZ);
		opaque = BTPageGetOpaque(page);
		opaque->btpo_prev = left_block;
		opaque->btpo_next = P_NONE;
		opaque->btpo_level = 0;
		opaque->btpo_flags = BTP_LEAF;
		opaque->btpo_cycleid = 0;
		add_entries(page, size, &entries[leaves->kept + i * leaves->per_page], leaves->per_page);
		MarkBufferDirty(leaves->buffers[i]);
		set_right_neighbour(index, left, leaves->low_keys[i], leaves->blocks[i]);
		left = page;
		left_block = leaves->blocks[i];
	}
	if (RelationNeedsWAL(index))
		log_leaves(leaves, before);
	END_CRIT_SECTION();
}

/* Lets downlinks lead to the new pages.  Releases the buffer of the page before them. */
static void
link_leaves(const NewLeaves *leaves, Relation heap, Relation index, Buffer before, BTStack way)
{
	compat_bt_finish_split(index, heap, before, way);
	for (int i = 0; i < leaves->count - 1; i++)
	{
		Buffer		buffer = _bt_getbuf(index, leaves->blocks[i], BT_WRITE);

		/* somebody else who came by may have done it */
		if (P_INCOMPLETE_SPLIT(BTPageGetOpaque(BufferGetPage(buffer))))
			compat_bt_finish_split(index, heap, buffer, way);
		else
			_bt_relbuf(index, buffer);
	}
}

/* Gets the pages: such as are to be used again, as long as there are some, then those behind the end of the file. */
static void
get_pages(NewLeaves *leaves, Relation heap, Relation index)
{
	BlockNumber end = RelationGetNumberOfBlocks(index);
	int			count = 0;

	while (count < leaves->count)
	{
		leaves->buffers[count++] = compat_bt_new_page(index, heap);
		if (COMPAT_GROWS_BY_PAGE && BufferGetBlockNumber(leaves->buffers[count - 1]) >= end && count < leaves->count &&
			file_growth_add(index, NULL, &leaves->buffers[count], leaves->count - count))
			break;
	}
	for (int i = 0; i < leaves->count; i++)
		leaves->blocks[i] = BufferGetBlockNumber(leaves->buffers[i]);
}

/* Adds the new pages behind the last one; returns how many entries have been put into the index.  Releases the buffer. */
static int
add_leaves(NewLeaves *leaves, Relation heap, Relation index, Buffer before, Size size, const BigintEntry *entries,
		   BTScanInsert key, BTStack way)
{
	Page		page = BufferGetPage(before);
	BlockNumber before_block = BufferGetBlockNumber(before);

	CheckForSerializableConflictIn(index, NULL, before_block);
	for (int i = 0; i < leaves->count; i++)
	{
		int			first = leaves->kept + i * leaves->per_page;
		IndexTuple	last_left = first > 0 ? form_entry(index, &entries[first - 1]) :
			(IndexTuple) PageGetItem(page, PageGetItemId(page, PageGetMaxOffsetNumber(page)));

		leaves->low_keys[i] = _bt_truncate(index, last_left, form_entry(index, &entries[first]), key);
	}
	if (RelationNeedsWAL(index))
		XLogEnsureRecordSpace(MAX_NEW_LEAVES, 0);
	get_pages(leaves, heap, index);
	write_leaves(leaves, index, before, size, entries);
	for (int i = 0; i < leaves->count; i++)
	{
		PredicateLockPageSplit(index, before_block, leaves->blocks[i]);
		_bt_relbuf(index, leaves->buffers[i]);
	}
	link_leaves(leaves, heap, index, before, way);
	return leaves->kept + leaves->count * leaves->per_page;
}

/* ---- all together ---- */

/* Puts those entries into the index that go where the first one goes, many at once; returns how many. */
static int
append(Relation heap, Relation index, const BigintEntry *entries, int count)
{
	IndexTuple	tuple = form_entry(index, entries);
	BTScanInsert key = _bt_mkscankey(index, tuple);
	Size		size = IndexTupleSize(tuple);
	NewLeaves	leaves = {0};
	BTStack		way;
	Buffer		buffer;
	Page		page;
	int			fitting;

	if (!key->heapkeyspace)
		return 0;
	key->scantid = &tuple->t_tid;
	way = compat_bt_search(index, heap, key, &buffer);	/* goes with the context */
	page = BufferGetPage(buffer);
	count = count_following(index, page, size, entries, Min(count, MAX_AT_ONCE));
	if (count > 0 && P_RIGHTMOST(BTPageGetOpaque(page)))
		plan_leaves(&leaves, index, page, size, count);
	if (leaves.count > 0)
		return add_leaves(&leaves, heap, index, buffer, size, entries, key, way);

	fitting = Min(count, count_room(page, size, 0));
	/* the whole page for a few of them would be more WAL, not less */
	if (fitting * ENTRY_RECORD_SIZE < BLCKSZ - (int) PageGetExactFreeSpace(page) + fitting * (int) size)
		fitting = 0;
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
