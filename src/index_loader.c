/*
 * index_loader.c
 *		Builds an index of an empty table while the table is being filled.
 *
 * REINDEX reads the table once more for each index, forms each entry in memory of
 * its own, and sorts with the opclass's functions.  Here the entries are taken as
 * the rows are written, and become pages of a btree directly:
 *
 *	- An index of plain columns of bigint and integer, like most primary keys, gets
 *	  its entries nearly in order, because ids are given in order: those with the
 *	  same first column are gathered, sorted and written.  That needs no memory.
 *	- A partial index has few entries, or if it is of another kind hopefully none.
 *	- An index of one expression, text or e-mail address gets them in any order.  They
 *	  are gathered till the end, as long as they need not more memory than
 *	  MEMORY_SHARE of maintenance_work_mem.
 *
 * Leaf pages are written one behind the other, past the shared buffers, as a build
 * of the server's writes them; the pages above follow in the end.  Until then the
 * metapage says that the index is empty.
 *
 * Whatever this cannot do (other types and operator classes, nulls in the first
 * kind, long texts, entries out of order, a key that is there twice though it should
 * be unique) ends in index_loader_end() saying so, and the caller builds the index
 * as the server does, who raises the error if there is one.
 *
 * The caller must hold the table and the index so that nobody else uses them until
 * the transaction ends.  The index gets another
 * file, so an abort brings back the former one.
 */
#include "index_loader.h"

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "core/email.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "storage/proc.h"
#include "storage/smgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "wal_handover.h"

#define MAX_KEYS		2

/* Texts that have a header of one byte in an index entry. */
#define MAX_TEXT_LENGTH	(VARATT_SHORT_MAX - VARHDRSZ_SHORT)

/* Entries of one index may take so much of maintenance_work_mem. */
#define MEMORY_SHARE	8

/* Texts lie together in blocks, the larger the more rows there are. */
#define MIN_TEXT_BLOCK_SIZE	((Size) 64 * 1024)
#define MAX_TEXT_BLOCK_SIZE	((Size) 8 * 1024 * 1024)
#define USUAL_TEXT_LENGTH	24

/* Pages that are written at once; as many as one record of the WAL can hold. */
#define BATCH_PAGES		32

/* What aligned writing needs. */
#define PAGE_ALIGNMENT	4096

/*
 * An entry so that it sorts quickly: integers with the sign turned, or the first
 * bytes of the text, folded if it is an address, and the text.
 */
typedef struct LoadedEntry
{
	uint64		keys[MAX_KEYS];
	const char *text;			/* NULL: these are integers, or the text is null */
	uint16		length;
	bool		folds;
	ItemPointerData tuple;
} LoadedEntry;

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

struct IndexLoader
{
	MemoryContext context;		/* holds all of it */
	Relation	index;
	IndexInfo  *info;
	EState	   *executor;		/* for an expression or a predicate, else NULL */
	ExprState  *predicate;		/* NULL: every row has an entry */
	bool		is_known;		/* the index is of a kind that can have entries */
	bool		is_broken;		/* the server has to build it */
	bool		is_text;
	bool		is_folded;		/* the texts are addresses */
	bool		is_gathered;	/* to the end */
	int			key_count;
	Size		offsets[MAX_KEYS];	/* of integers in an entry */
	Size		size;			/* of an entry of integers */
	BTScanInsert scan_key;		/* for _bt_truncate() */
	bool		equal_image;

	/* entries that are not written yet */
	LoadedEntry *entries;
	int64		count;
	int64		capacity;
	int64		limit;
	char	   *texts;			/* the block with room for the next one */
	Size		texts_left;
	Size		text_block_size;
	IndexTuple	null_entry;		/* of a null */

	/* the leaf page that is being filled, the last one of the batch */
	Page		page;
	IndexTuple	last;			/* its last entry */
	IndexTuple	low_key;		/* what it begins with, see ChildPage */
	LoadedEntry last_entry;
	Size		free_target;	/* bytes that stay free in a leaf page */
	ChildList	leaves;

	/* pages that are to be written at the file's end */
	char	   *batch;
	int			batch_count;
	BlockNumber batch_block;	/* of the first one */
	XLogRecPtr	redo;			/* of the last checkpoint, when the first page was written */
};

/* ---- what can be loaded ---- */

static bool
has_default_operators(Relation index, int column)
{
	Oid			opclass = GetDefaultOpClass(index->rd_opcintype[column], BTREE_AM_OID);

	return OidIsValid(opclass) && index->rd_opfamily[column] == get_opclass_family(opclass) &&
		index->rd_indoption[column] == 0;
}

/* Finds out of which kind the index is; false: of none. */
static bool
set_kind(IndexLoader *loader)
{
	Relation	index = loader->index;
	const IndexInfo *info = loader->info;
	TupleDesc	descriptor = RelationGetDescr(index);
	Size		offset = sizeof(IndexTupleData);

	if (info->ii_NumIndexAttrs != info->ii_NumIndexKeyAttrs || info->ii_NumIndexAttrs > MAX_KEYS ||
		(info->ii_Unique && info->ii_NullsNotDistinct))
		return false;
	loader->key_count = info->ii_NumIndexAttrs;
	for (int i = 0; i < loader->key_count; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!has_default_operators(index, i))
			return false;
		if (attribute->atttypid == INT8OID || attribute->atttypid == INT4OID)
		{
			offset = att_align_nominal(offset, attribute->attalign);
			loader->offsets[i] = offset;
			offset += attribute->attlen;
			continue;
		}
		if (attribute->attstorage == TYPSTORAGE_PLAIN)
			return false;
		loader->is_folded = attribute->atttypid == catalog_type("email_address");
		if (loader->key_count > 1 || (!loader->is_folded && (attribute->atttypid != TEXTOID ||
															 index->rd_indcollation[i] != C_COLLATION_OID)))
			return false;
		loader->is_text = true;
	}
	loader->size = MAXALIGN(offset);
	loader->is_gathered = loader->is_text || info->ii_Expressions != NIL;
	if (loader->is_text)
		loader->limit /= 2;		/* the texts take as much again */
	return loader->key_count == 1 || info->ii_Expressions == NIL;
}

/* Can so many rows have their entries? */
static bool
can_load(IndexLoader *loader, int64 row_count)
{
	if (loader->index->rd_rel->relam != BTREE_AM_OID)
		return false;
	loader->is_known = set_kind(loader);
	if (loader->info->ii_Predicate != NIL)
		return true;			/* they are few, if there are any */
	return loader->is_known && (!loader->is_gathered || row_count <= loader->limit);
}

static void write_batch(IndexLoader *loader);
static Page next_page(IndexLoader *loader);

/* Gives the index a new file, in which it is empty. */
static void
make_file(IndexLoader *loader)
{
	Relation	index = loader->index;
	char	   *memory;

	loader->redo = GetRedoRecPtr();
	TransferPredicateLocksToHeapRelation(index);
	compat_set_new_file(index);
	memory = palloc(BATCH_PAGES * BLCKSZ + PAGE_ALIGNMENT);
	loader->batch = (char *) TYPEALIGN(PAGE_ALIGNMENT, memory);
	_bt_initmetapage(next_page(loader), P_NONE, 0, loader->equal_image);
	write_batch(loader);
}

/*
 * Begins to load an index of a table that gets about so many rows; NULL if the server
 * has to build it.  All memory is in a context of the current one; to be ended in the same
 * subtransaction, unless that is rolled back.
 */
IndexLoader *
index_loader_begin(Relation relation, Oid index_oid, int64 row_count)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync index", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	IndexLoader *loader = palloc0(sizeof(IndexLoader));

	loader->context = context;
	loader->index = index_open(index_oid, NoLock);
	loader->info = BuildIndexInfo(loader->index);
	loader->limit = (int64) maintenance_work_mem * 1024 / MEMORY_SHARE / sizeof(LoadedEntry);
	/* rows that are deleted, but that an older snapshot sees, have to be in the index too */
	if (RelationGetNumberOfBlocks(relation) > 0 || !can_load(loader, row_count))
	{
		index_close(loader->index, NoLock);
		MemoryContextSwitchTo(old_context);
		MemoryContextDelete(context);
		return NULL;
	}
	if (loader->info->ii_Expressions != NIL || loader->info->ii_Predicate != NIL)
		loader->executor = CreateExecutorState();
	if (loader->info->ii_Predicate != NIL)
		loader->predicate = ExecPrepareQual(loader->info->ii_Predicate, loader->executor);
	loader->equal_image = _bt_allequalimage(loader->index, false);
	if (loader->is_text)
		loader->null_entry = index_form_tuple(RelationGetDescr(loader->index), (Datum[]) {(Datum) 0}, (bool[]) {true});
	loader->capacity = loader->is_gathered && loader->predicate == NULL ? Max(row_count, 1) : 16;
	loader->entries = MemoryContextAllocHuge(context, loader->capacity * sizeof(LoadedEntry));
	loader->text_block_size = Min(Max(row_count * USUAL_TEXT_LENGTH, MIN_TEXT_BLOCK_SIZE), MAX_TEXT_BLOCK_SIZE);
	loader->free_target = BTGetTargetPageFreeSpace(loader->index);
	make_file(loader);
	loader->scan_key = _bt_mkscankey(loader->index, NULL);
	loader->scan_key->allequalimage = loader->equal_image;
	MemoryContextSwitchTo(old_context);
	return loader;
}

/* ---- pages ---- */

/* Writes the pages of the batch at the end of the file. */
static void
write_batch(IndexLoader *loader)
{
	SMgrRelation file = RelationGetSmgr(loader->index);
	BlockNumber blocks[BATCH_PAGES];
	Page		pages[BATCH_PAGES];

	/* somebody else has put an entry into it, and his is not here */
	if (smgrnblocks(file, MAIN_FORKNUM) != loader->batch_block)
		loader->is_broken = true;
	if (!loader->is_broken)
	{
		for (int i = 0; i < loader->batch_count; i++)
		{
			blocks[i] = loader->batch_block + i;
			pages[i] = loader->batch + i * BLCKSZ;
		}
		if (RelationNeedsWAL(loader->index))
			log_newpages(compat_file_of(loader->index), MAIN_FORKNUM, loader->batch_count, blocks, pages, true);
		for (int i = 0; i < loader->batch_count; i++)
		{
			compat_page_set_checksum(pages[i], blocks[i]);
			smgrextend(file, MAIN_FORKNUM, blocks[i], pages[i], true);
		}
	}
	loader->batch_block += loader->batch_count;
	loader->batch_count = 0;
	wal_handover();
	CHECK_FOR_INTERRUPTS();
}

/* The place of the next page in the file, as yet without contents. */
static Page
next_page(IndexLoader *loader)
{
	if (loader->batch_count == BATCH_PAGES)
		write_batch(loader);
	return loader->batch + BLCKSZ * loader->batch_count++;
}

static BlockNumber
current_block(const IndexLoader *loader)
{
	return loader->batch_block + loader->batch_count - 1;
}

/* Begins a page whose right neighbour, if there will be one, is the next block. */
static Page
begin_page(IndexLoader *loader, uint32 level, bool is_first)
{
	Page		page = next_page(loader);
	BTPageOpaque opaque;

	_bt_pageinit(page, BLCKSZ);
	opaque = BTPageGetOpaque(page);
	opaque->btpo_prev = is_first ? P_NONE : current_block(loader) - 1;
	opaque->btpo_next = P_NONE;
	opaque->btpo_level = level;
	opaque->btpo_flags = level == 0 ? BTP_LEAF : 0;
	opaque->btpo_cycleid = 0;
	((PageHeader) page)->pd_lower += sizeof(ItemIdData);	/* for the high key */
	return page;
}

/* Makes room for an item on the page, which must be there, behind the others; returns the place. */
static char *
add_item(Page page, Size size)
{
	PageHeader	header = (PageHeader) page;
	ItemId		item = (ItemId) ((char *) page + header->pd_lower);

	header->pd_lower += sizeof(ItemIdData);
	header->pd_upper -= MAXALIGN(size);
	ItemIdSetNormal(item, header->pd_upper, size);
	return (char *) page + header->pd_upper;
}

static Size
room(Page page)
{
	return ((PageHeader) page)->pd_upper - ((PageHeader) page)->pd_lower;
}

/* Ends a page that has a right neighbour, whose first entry is not less than the high key; false if that is too long. */
static bool
end_page(IndexLoader *loader, Page page, IndexTuple high_key)
{
	PageHeader	header = (PageHeader) page;
	Size		size = MAXALIGN(IndexTupleSize(high_key));

	if (room(page) < size)
		return false;
	header->pd_upper -= size;
	ItemIdSetNormal(PageGetItemId(page, P_HIKEY), header->pd_upper, IndexTupleSize(high_key));
	memcpy((char *) page + header->pd_upper, high_key, IndexTupleSize(high_key));
	BTPageGetOpaque(page)->btpo_next = current_block(loader) + 1;
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
add_child(IndexLoader *loader, ChildList *list, IndexTuple low_key, BlockNumber block)
{
	MemoryContext old_context = MemoryContextSwitchTo(loader->context);

	if (list->count == list->capacity)
	{
		list->capacity = Max(list->capacity * 2, 256);
		list->pages = list->pages == NULL ? palloc(sizeof(ChildPage) * list->capacity) :
			repalloc_huge(list->pages, sizeof(ChildPage) * list->capacity);
	}
	list->pages[list->count++] = (ChildPage) {low_key, block};
	MemoryContextSwitchTo(old_context);
}

/* Adds an entry to the leaves; it is not less than the one before. */
static void
add_leaf_entry(IndexLoader *loader, IndexTuple tuple)
{
	Size		size = MAXALIGN(IndexTupleSize(tuple));

	if (loader->page == NULL)
		loader->page = begin_page(loader, 0, true);
	else if (room(loader->page) < loader->free_target + size + sizeof(ItemIdData))
	{
		MemoryContext old_context = MemoryContextSwitchTo(loader->context);
		IndexTuple	high_key = _bt_truncate(loader->index, loader->last, tuple, loader->scan_key);

		MemoryContextSwitchTo(old_context);
		if (!end_page(loader, loader->page, high_key))
		{
			loader->is_broken = true;
			return;
		}
		add_child(loader, &loader->leaves, loader->low_key, current_block(loader));
		loader->low_key = high_key;
		loader->page = begin_page(loader, 0, false);
	}
	loader->last = (IndexTuple) add_item(loader->page, IndexTupleSize(tuple));
	memcpy(loader->last, tuple, IndexTupleSize(tuple));
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
	tuple = (IndexTuple) add_item(page, is_first ? sizeof(lowest) : IndexTupleSize(child->low_key));
	memcpy(tuple, is_first ? &lowest : child->low_key, is_first ? sizeof(lowest) : IndexTupleSize(child->low_key));
	BTreeTupleSetDownLink(tuple, child->block);
}

/* Writes the level above the children; returns its own pages. */
static ChildList
write_level(IndexLoader *loader, const ChildList *children, uint32 level)
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
			if (!end_page(loader, page, child->low_key))
			{
				loader->is_broken = true;
				return parents;
			}
			add_child(loader, &parents, low_key, current_block(loader));
			low_key = child->low_key;
			is_first = true;
		}
		if (is_first)
			page = begin_page(loader, level, i == 0);
		add_downlink(page, child, is_first);
	}
	add_child(loader, &parents, low_key, current_block(loader));
	end_last_page(page);
	return parents;
}

/* Ends the leaves and writes all that is above them. */
static void
end_pages(IndexLoader *loader)
{
	ChildList	children = loader->leaves;
	uint32		level = 0;
	Buffer		buffer;
	Page		page;
	bool		is_synced;

	if (loader->page != NULL)
	{
		end_last_page(loader->page);
		add_child(loader, &children, loader->low_key, current_block(loader));
		while (children.count > 1 && !loader->is_broken)
			children = write_level(loader, &children, ++level);
		BTPageGetOpaque((Page) (loader->batch + BLCKSZ * (loader->batch_count - 1)))->btpo_flags |= BTP_ROOT;
		write_batch(loader);
	}
	if (loader->is_broken)
		return;

	/*
	 * A checkpoint that began meanwhile has not synced the pages that it relies on.
	 * The next one will, with the metapage, which lies in the same segment.
	 */
	buffer = ReadBuffer(loader->index, BTREE_METAPAGE);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	START_CRIT_SECTION();
	MyProc->delayChkptFlags |= DELAY_CHKPT_START;
	is_synced = loader->redo == GetRedoRecPtr() && loader->batch_block <= RELSEG_SIZE;
	_bt_initmetapage(page, children.count > 0 ? children.pages[0].block : P_NONE, level, loader->equal_image);
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(loader->index))
		log_newpage_buffer(buffer, true);
	MyProc->delayChkptFlags &= ~DELAY_CHKPT_START;
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
	if (!is_synced && RelationNeedsWAL(loader->index))
		smgrimmedsync(RelationGetSmgr(loader->index), MAIN_FORKNUM);
}

/* ---- entries ---- */

/* Compares the texts of entries whose keys are equal; a null comes last. */
static int
compare_texts(const LoadedEntry *a, const LoadedEntry *b)
{
	int			order;

	if (a->text == NULL || b->text == NULL)
		return (a->text == NULL) - (b->text == NULL);
	if (a->folds)
		return email_compare(a->text, a->length, b->text, b->length);
	order = memcmp(a->text, b->text, Min(a->length, b->length));
	return order != 0 ? order : (int) a->length - (int) b->length;
}

static int
compare_entries(const LoadedEntry *a, const LoadedEntry *b)
{
	for (int i = 0; i < MAX_KEYS; i++)
		if (a->keys[i] != b->keys[i])
			return a->keys[i] < b->keys[i] ? -1 : 1;
	return compare_texts(a, b);
}

static int
compare_places(const LoadedEntry *a, const LoadedEntry *b)
{
	int			order = compare_entries(a, b);

	return order != 0 ? order :
		ItemPointerCompare(unconstify(ItemPointerData *, &a->tuple), unconstify(ItemPointerData *, &b->tuple));
}

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE LoadedEntry
#define ST_COMPARE(a, b) \
	(a->keys[0] != b->keys[0] ? (a->keys[0] < b->keys[0] ? -1 : 1) : compare_places(a, b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* An integer so that unsigned comparison orders it. */
static uint64
key_of_integer(int64 value)
{
	return (uint64) value ^ ((uint64) 1 << 63);
}

static int64
integer_of_key(uint64 key)
{
	return (int64) (key ^ ((uint64) 1 << 63));
}

/* Puts the entry into a page. */
static void
write_entry(IndexLoader *loader, const LoadedEntry *entry)
{
	union
	{
		IndexTupleData tuple;
		char		bytes[MAXALIGN(sizeof(IndexTupleData) + VARATT_SHORT_MAX)];
	}			place;
	char	   *data = place.bytes + sizeof(IndexTupleData);

	if (loader->is_text && entry->text == NULL)
		memcpy(place.bytes, loader->null_entry, IndexTupleSize(loader->null_entry));
	else if (loader->is_text)
	{
		Size		size = MAXALIGN(sizeof(IndexTupleData) + VARHDRSZ_SHORT + entry->length);

		memset(place.bytes + size - MAXIMUM_ALIGNOF, 0, MAXIMUM_ALIGNOF);
		SET_VARSIZE_SHORT(data, VARHDRSZ_SHORT + entry->length);
		memcpy(data + VARHDRSZ_SHORT, entry->text, entry->length);
		place.tuple.t_info = size | INDEX_VAR_MASK;
	}
	else
	{
		memset(place.bytes, 0, loader->size);
		for (int i = 0; i < loader->key_count; i++)
			store_att_byval(place.bytes + loader->offsets[i], Int64GetDatum(integer_of_key(entry->keys[i])),
							TupleDescAttr(RelationGetDescr(loader->index), i)->attlen);
		place.tuple.t_info = loader->size;
	}
	place.tuple.t_tid = entry->tuple;
	add_leaf_entry(loader, &place.tuple);
}

/* Sorts the entries that are there, and writes them. */
static void
write_entries(IndexLoader *loader)
{
	if (loader->count > 1)
		sort_entries(loader->entries, loader->count);
	for (int64 i = 0; i < loader->count && !loader->is_broken; i++)
	{
		const LoadedEntry *entry = &loader->entries[i];

		if (loader->info->ii_Unique && loader->page != NULL && !(loader->is_text && entry->text == NULL) &&
			compare_entries(entry, i > 0 ? entry - 1 : &loader->last_entry) == 0)
			loader->is_broken = true;
		else
			write_entry(loader, entry);
	}
	if (loader->count > 0)
		loader->last_entry = loader->entries[loader->count - 1];
	loader->count = 0;
}

/* Gathers an entry; if they are too many, the server has to build the index. */
static void
keep_entry(IndexLoader *loader, const LoadedEntry *entry)
{
	if (loader->count == loader->capacity)
	{
		loader->is_broken = loader->count >= loader->limit;
		if (loader->is_broken)
			return;
		loader->capacity = Min(loader->capacity * 2, loader->limit);
		loader->entries = repalloc_huge(loader->entries, loader->capacity * sizeof(LoadedEntry));
	}
	loader->entries[loader->count++] = *entry;
}

static const char *
keep_text(IndexLoader *loader, const char *data, Size length)
{
	char	   *text;

	if (loader->texts_left < length)
	{
		loader->texts = MemoryContextAlloc(loader->context, loader->text_block_size);
		loader->texts_left = loader->text_block_size;
	}
	text = loader->texts;
	memcpy(text, data, length);
	loader->texts += length;
	loader->texts_left -= length;
	return text;
}

/* Sets what the entry says; false if it is too long. */
static bool
set_text(IndexLoader *loader, LoadedEntry *entry, Datum value)
{
	struct varlena *text = (struct varlena *) DatumGetPointer(value);
	char		head[sizeof(entry->keys)] = {0};
	Size		length;

	if (VARATT_IS_EXTERNAL(text) || VARATT_IS_COMPRESSED(text) || VARSIZE_ANY_EXHDR(text) > MAX_TEXT_LENGTH)
		return false;
	length = VARSIZE_ANY_EXHDR(text);
	memcpy(head, VARDATA_ANY(text), Min(length, sizeof(head)));
	if (loader->is_folded)
		(void) email_fold(head, sizeof(head), head);
	memcpy(entry->keys, head, sizeof(head));
	for (int i = 0; i < MAX_KEYS; i++)
		entry->keys[i] = pg_ntoh64(entry->keys[i]);
	entry->text = keep_text(loader, VARDATA_ANY(text), length);
	entry->length = (uint16) length;
	entry->folds = loader->is_folded;
	return true;
}

/* The values of the row's entry. */
static void
get_values(IndexLoader *loader, TupleTableSlot *row, Datum *values, bool *nulls)
{
	if (loader->info->ii_Expressions == NIL)
	{
		for (int i = 0; i < loader->key_count; i++)
			values[i] = slot_getattr(row, loader->info->ii_IndexAttrNumbers[i], &nulls[i]);
		return;
	}
	FormIndexDatum(loader->info, row, loader->executor, values, nulls);
}

/* Adds the entry of a row that has been written. */
void
index_loader_add(IndexLoader *loader, TupleTableSlot *row)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS] = {false};
	LoadedEntry entry = {.tuple = row->tts_tid};

	if (loader->is_broken)
		return;
	if (loader->executor != NULL)
	{
		ResetPerTupleExprContext(loader->executor);
		GetPerTupleExprContext(loader->executor)->ecxt_scantuple = row;
	}
	if (loader->predicate != NULL && !ExecQual(loader->predicate, GetPerTupleExprContext(loader->executor)))
		return;
	loader->is_broken = !loader->is_known;
	if (loader->is_broken)
		return;
	get_values(loader, row, values, nulls);
	for (int i = 0; i < loader->key_count && !loader->is_broken; i++)
		if (loader->is_text && nulls[i])
			memset(entry.keys, 0xFF, sizeof(entry.keys));
		else if (nulls[i])
			loader->is_broken = true;
		else if (loader->is_text)
			loader->is_broken = !set_text(loader, &entry, values[i]);
		else
			entry.keys[i] = key_of_integer(TupleDescAttr(RelationGetDescr(loader->index), i)->attlen == sizeof(int64) ?
										   DatumGetInt64(values[i]) : DatumGetInt32(values[i]));
	if (loader->is_broken)
		return;
	if (!loader->is_gathered && loader->count > 0 && entry.keys[0] != loader->entries[0].keys[0])
	{
		loader->is_broken = entry.keys[0] < loader->entries[0].keys[0];
		write_entries(loader);
	}
	keep_entry(loader, &entry);
}

/* Ends the loading and frees the loader.  False: the server has to build the index after all. */
bool
index_loader_end(IndexLoader *loader)
{
	bool		is_loaded;

	write_entries(loader);
	if (!loader->is_broken)
		end_pages(loader);
	is_loaded = !loader->is_broken;
	if (loader->executor != NULL)
		FreeExecutorState(loader->executor);
	index_close(loader->index, NoLock);
	MemoryContextDelete(loader->context);
	return is_loaded;
}
