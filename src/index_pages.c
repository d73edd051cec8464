/*
 * index_pages.c
 *		Writes the pages of a btree whose entries come in order.
 *
 * Leaf pages are written one behind the other, past the shared buffers, as a build
 * of the server's writes them; the pages above follow in the end.  Until then the
 * metapage says that the index is empty.
 *
 * The caller must hold the index so that nobody else uses it until the transaction
 * ends.  The index gets another file, so an abort brings back the former one.
 */
#include "index_pages.h"

#include "access/nbtree.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "new_pages.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"

/* A page that was written, as the level above it names it. */
typedef struct ChildPage
{
	IndexTuple	low_key;		/* NULL: the first one of its level */
	BlockNumber block;
} ChildPage;

typedef struct ChildList
{
	ChildPage  *pages;
	int			count;
	int			capacity;
} ChildList;

struct IndexPages
{
	MemoryContext context;		/* holds all of it, and is the caller's */
	Relation	index;
	BTScanInsert scan_key;		/* for _bt_truncate() */
	bool		equal_image;
	bool		is_broken;		/* the server has to build the index */

	/* the leaf page that is being filled, the last one of the batch */
	Page		page;
	IndexTuple	last;			/* its last entry */
	IndexTuple	low_key;		/* what it begins with, see ChildPage */
	Size		free_target;	/* bytes that stay free in a leaf page */
	ChildList	leaves;

	NewPages	new_pages;		/* that are to be written at the file's end, */
	BlockNumber first_block;	/* of which the first one is this */
};

/* ---- single pages ---- */

/* Writes the pages that wait, unless somebody else has put an entry into the index, and his is not here. */
static void
write_pages(IndexPages *pages)
{
	BlockNumber next_block = pages->first_block + pages->new_pages.count;

	if (new_pages_next_block(&pages->new_pages) != pages->first_block)
		pages->is_broken = true;
	if (pages->is_broken)
		pages->new_pages.count = 0;
	else
	{
		new_pages_log(&pages->new_pages, pages->first_block);
		new_pages_write(&pages->new_pages, pages->first_block);
	}
	pages->first_block = next_block;
}

/* The place of the next page in the file, as yet without contents. */
static Page
next_page(IndexPages *pages)
{
	if (new_pages_are_full(&pages->new_pages))
		write_pages(pages);
	return new_pages_add(&pages->new_pages);
}

static BlockNumber
current_block(const IndexPages *pages)
{
	return pages->first_block + pages->new_pages.count - 1;
}

/* Begins a page whose right neighbour, if there will be one, is the next block. */
static Page
begin_page(IndexPages *pages, uint32 level, bool is_first)
{
	Page		page = next_page(pages);
	BTPageOpaque opaque;

	_bt_pageinit(page, BLCKSZ);
	opaque = BTPageGetOpaque(page);
	opaque->btpo_prev = is_first ? P_NONE : current_block(pages) - 1;
	opaque->btpo_next = P_NONE;
	opaque->btpo_level = level;
	opaque->btpo_flags = level == 0 ? BTP_LEAF : 0;
	opaque->btpo_cycleid = 0;
	((PageHeader) page)->pd_lower += sizeof(ItemIdData);	/* for the high key */
	return page;
}

static Size
room(Page page)
{
	return ((PageHeader) page)->pd_upper - ((PageHeader) page)->pd_lower;
}

/* Ends a page that has a right neighbour, whose first entry is not less than the high key; false if that is too long. */
static bool
end_page(IndexPages *pages, Page page, IndexTuple high_key)
{
	PageHeader	header = (PageHeader) page;
	Size		size = MAXALIGN(IndexTupleSize(high_key));

	if (room(page) < size)
		return false;
	header->pd_upper -= size;
	ItemIdSetNormal(PageGetItemId(page, P_HIKEY), header->pd_upper, IndexTupleSize(high_key));
	memcpy((char *) page + header->pd_upper, high_key, IndexTupleSize(high_key));
	BTPageGetOpaque(page)->btpo_next = current_block(pages) + 1;
	return true;
}

/* Ends the last page of a level, which has no high key. */
static void
end_last_page(Page page)
{
	PageHeader	header = (PageHeader) page;
	int			count = PageGetMaxOffsetNumber(page);

	memmove(PageGetItemId(page, P_HIKEY), PageGetItemId(page, P_FIRSTKEY), sizeof(ItemIdData) * (count - 1));
	header->pd_lower -= sizeof(ItemIdData);
}

static void
add_child(IndexPages *pages, ChildList *list, IndexTuple low_key, BlockNumber block)
{
	MemoryContext old_context = MemoryContextSwitchTo(pages->context);

	if (list->count == list->capacity)
	{
		list->capacity = Max(list->capacity * 2, 256);
		list->pages = list->pages == NULL ? palloc(sizeof(ChildPage) * list->capacity) :
			repalloc_huge(list->pages, sizeof(ChildPage) * list->capacity);
	}
	list->pages[list->count++] = (ChildPage) {low_key, block};
	MemoryContextSwitchTo(old_context);
}

/* ---- levels ---- */

/*
 * Gives the index a new file, in which it is empty, and begins to fill it.  The
 * result is palloc'd in the current memory context, like all that will be needed.  The writer may be NULL.
 */
IndexPages *
index_pages_begin(Relation index, PageWriter *writer)
{
	IndexPages *pages = palloc0(sizeof(IndexPages));

	pages->context = CurrentMemoryContext;
	pages->index = index;
	pages->equal_image = _bt_allequalimage(index, false);
	pages->free_target = BTGetTargetPageFreeSpace(index);
	TransferPredicateLocksToHeapRelation(index);
	new_pages_begin(&pages->new_pages, index, writer);
	_bt_initmetapage(next_page(pages), P_NONE, 0, pages->equal_image);
	write_pages(pages);
	pages->scan_key = _bt_mkscankey(index, NULL);
	pages->scan_key->allequalimage = pages->equal_image;
	return pages;
}

/* Adds an entry, which is not less than the one before; false if the index cannot be written so. */
bool
index_pages_add(IndexPages *pages, IndexTuple tuple)
{
	Size		size = MAXALIGN(IndexTupleSize(tuple));

	if (pages->page == NULL)
		pages->page = begin_page(pages, 0, true);
	else if (room(pages->page) < pages->free_target + size + sizeof(ItemIdData))
	{
		MemoryContext old_context = MemoryContextSwitchTo(pages->context);
		IndexTuple	high_key = _bt_truncate(pages->index, pages->last, tuple, pages->scan_key);

		MemoryContextSwitchTo(old_context);
		if (!end_page(pages, pages->page, high_key))
		{
			pages->is_broken = true;
			return false;
		}
		add_child(pages, &pages->leaves, pages->low_key, current_block(pages));
		pages->low_key = high_key;
		pages->page = begin_page(pages, 0, false);
	}
	pages->last = (IndexTuple) index_page_add_item(pages->page, IndexTupleSize(tuple));
	memcpy(pages->last, tuple, IndexTupleSize(tuple));
	return !pages->is_broken;
}

/* Adds a child to the page of a level above the leaves. */
static void
add_downlink(Page page, const ChildPage *child, bool is_first)
{
	IndexTupleData lowest = {.t_info = sizeof(IndexTupleData)};
	IndexTuple	tuple;

	/* of the first child no key is needed */
	if (is_first)
		BTreeTupleSetNAtts(&lowest, 0, false);
	tuple = (IndexTuple) index_page_add_item(page, is_first ? sizeof(lowest) : IndexTupleSize(child->low_key));
	memcpy(tuple, is_first ? &lowest : child->low_key, is_first ? sizeof(lowest) : IndexTupleSize(child->low_key));
	BTreeTupleSetDownLink(tuple, child->block);
}

/* Writes the level above the children; returns its own pages. */
static ChildList
write_level(IndexPages *pages, const ChildList *children, uint32 level)
{
	Size		free_target = BLCKSZ * (100 - BTREE_NONLEAF_FILLFACTOR) / 100;
	ChildList	parents = {0};
	IndexTuple	low_key = NULL;
	Page		page = NULL;

	for (int i = 0; i < children->count; i++)
	{
		const ChildPage *child = &children->pages[i];
		bool		is_first = page == NULL;

		if (page != NULL &&
			room(page) < free_target + MAXALIGN(IndexTupleSize(child->low_key)) + sizeof(ItemIdData))
		{
			if (!end_page(pages, page, child->low_key))
			{
				pages->is_broken = true;
				return parents;
			}
			add_child(pages, &parents, low_key, current_block(pages));
			low_key = child->low_key;
			is_first = true;
		}
		if (is_first)
			page = begin_page(pages, level, i == 0);
		add_downlink(page, child, is_first);
	}
	add_child(pages, &parents, low_key, current_block(pages));
	end_last_page(page);
	return parents;
}

/* Ends the leaves and writes all that is above them.  False: the server has to build the index after all. */
bool
index_pages_end(IndexPages *pages)
{
	ChildList	children = pages->leaves;
	uint32		level = 0;
	Buffer		buffer;

	if (pages->page != NULL)
	{
		end_last_page(pages->page);
		add_child(pages, &children, pages->low_key, current_block(pages));
		while (children.count > 1 && !pages->is_broken)
			children = write_level(pages, &children, ++level);
		BTPageGetOpaque(new_pages_get(&pages->new_pages, pages->new_pages.count - 1))->btpo_flags |= BTP_ROOT;
		write_pages(pages);
	}
	if (pages->is_broken)
	{
		new_pages_give_up(&pages->new_pages);
		return false;
	}
	new_pages_end(&pages->new_pages);

	buffer = ReadBuffer(pages->index, BTREE_METAPAGE);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	START_CRIT_SECTION();
	_bt_initmetapage(BufferGetPage(buffer), children.count > 0 ? children.pages[0].block : P_NONE, level,
					 pages->equal_image);
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(pages->index))
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
	return true;
}
