/*
 * first_load.c
 *		The first rows of a table: its pages and indexes.
 *
 * Into a table that has no row yet, and that nobody uses, rows are written as builds
 * of indexes write: whole pages, into a new file, past the shared buffers (see
 * new_pages.c), and the indexes either follow page by page (index_loader.c) or are
 * built when all rows are there.  As with REINDEX and TRUNCATE, readers of the table
 * then wait until the transaction ends.  So that is done only if all locks can be had
 * at once: nobody ever waits to get them.
 *
 * The rows are logged as COPY logs them, which is shorter than pages, and which logical
 * decoding understands.
 *
 * A file that older snapshots may find deleted rows in is kept; then the rows come as
 * further ones do, and only the indexes are built.
 */
#include "first_load.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/heapam_xlog.h"
#include "access/heaptoast.h"
#include "access/hio.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "catalog/catalog.h"
#include "catalog/index.h"
#include "import_progress.h"
#include "index_loader.h"
#include "miscadmin.h"
#include "new_pages.h"
#include "pgstat.h"
#include "sql.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

/* Further indexes are built at the end. */
#define MAX_LOADED_INDEXES	8

struct FirstLoad
{
	Relation	relation;
	int64		row_count;		/* about as many rows will be written */
	List	   *built_indexes;	/* OIDs of those to be built at the end */
	int			loader_count;	/* of those that are built on the way */
	IndexLoader *loaders[MAX_LOADED_INDEXES];
	Oid			loaded_indexes[MAX_LOADED_INDEXES];

	/* pages that are not written yet; none: others put the rows into the table */
	bool		has_pages;
	NewPages	pages;
	Page		page;			/* the last one of them, NULL: none */
	Size		free_target;	/* bytes that stay free in a page */
	TupleTableSlot *slot;		/* for the rows of the pages */
};

/* ---- who may load ---- */

static bool
is_empty(Relation relation)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = compat_table_beginscan(relation, snapshot);
	bool		found = heap_getnext(scan, ForwardScanDirection) != NULL;

	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return !found;
}

/* Takes an index for the present transaction alone, if nobody has it in use, a cursor of our own session neither. */
static bool
take_index(Oid index_oid)
{
	Relation	index;
	bool		is_free;

	if (!ConditionalLockRelationOid(index_oid, AccessExclusiveLock))
		return false;
	index = index_open(index_oid, NoLock);
	is_free = index->rd_refcnt == 1;
	index_close(index, NoLock);
	if (!is_free)
		UnlockRelationOid(index_oid, AccessExclusiveLock);
	return is_free;
}

/*
 * Takes the table and its indexes for the present transaction alone, if nobody
 * else writes to the table or has an index in use, and if it has no row.  Sets the
 * OIDs of the indexes.
 */
static bool
take_table(Relation relation, List **indexes)
{
	int			taken = 0;

	if (!is_empty(relation) || !ConditionalLockRelation(relation, ShareRowExclusiveLock))
		return false;
	*indexes = RelationGetIndexList(relation);
	if (is_empty(relation))		/* still */
		while (taken < list_length(*indexes) && take_index(list_nth_oid(*indexes, taken)))
			taken++;
	if (taken > 0 && taken == list_length(*indexes))
		return true;
	while (--taken >= 0)
		UnlockRelationOid(list_nth_oid(*indexes, taken), AccessExclusiveLock);
	UnlockRelation(relation, ShareRowExclusiveLock);
	*indexes = NIL;
	return false;
}

/* May the table, which is taken, get another file?  Then it is taken from readers, too. */
static bool
take_file(Relation relation)
{
	return RelationGetNumberOfBlocks(relation) == 0 && relation->rd_refcnt == 1 &&
		!RelationIsAccessibleInLogicalDecoding(relation) && ConditionalLockRelation(relation, AccessExclusiveLock);
}

/* Begins to build those indexes on the way that can be. */
static void
begin_indexes(FirstLoad *load, PageWriter *writer)
{
	List	   *later = NIL;
	ListCell   *cell;

	foreach(cell, load->built_indexes)
	{
		IndexLoader *loader = load->loader_count == MAX_LOADED_INDEXES ? NULL :
			index_loader_begin(load->relation, lfirst_oid(cell), load->row_count, writer);

		if (loader == NULL)
			later = lappend_oid(later, lfirst_oid(cell));
		else
		{
			load->loaded_indexes[load->loader_count] = lfirst_oid(cell);
			load->loaders[load->loader_count++] = loader;
		}
	}
	load->built_indexes = later;
}

/*
 * Begins to load about so many rows into the table, which the caller has opened and
 * locked for writing; NULL if the table has rows, or is used by others.  The writer, or NULL, outlives
 * the load.  Palloc'd in the current memory context.
 */
FirstLoad *
first_load_begin(Relation relation, int64 row_count, PageWriter *writer)
{
	List	   *indexes;
	FirstLoad  *load;

	if (!take_table(relation, &indexes))
		return NULL;
	load = palloc0(sizeof(FirstLoad));
	load->relation = relation;
	load->row_count = row_count;
	load->built_indexes = indexes;
	load->has_pages = take_file(relation);
	if (load->has_pages)
	{
		new_pages_begin(&load->pages, relation, writer);
		load->free_target = RelationGetTargetPageFreeSpace(relation, HEAP_DEFAULT_FILLFACTOR);
		load->slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
	}
	begin_indexes(load, writer);
	return load;
}

/* ---- rows ---- */

/* Are rows to be given to first_load_put()?  Else the caller puts them into the table, and adds their entries. */
bool
first_load_takes_rows(const FirstLoad *load)
{
	return load->has_pages;
}

/* Puts a row, which is short enough, onto a page. */
static void
put_row(FirstLoad *load, HeapTuple row)
{
	Size		size = MAXALIGN(row->t_len);

	if (size > MaxHeapTupleSize)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("row is too big: size %zu, maximum size %zu", size, (Size) MaxHeapTupleSize));
	if (load->page == NULL || PageGetHeapFreeSpace(load->page) < size + load->free_target)
	{
		if (new_pages_are_full(&load->pages))
			first_load_write(load);
		load->page = new_pages_add(&load->pages);
		PageInit(load->page, BLCKSZ, 0);
	}
	if (PageAddItem(load->page, (void *) row->t_data, row->t_len, InvalidOffsetNumber, false, true) ==
		InvalidOffsetNumber)
		elog(ERROR, "could not add a row to a page of table \"%s\"", RelationGetRelationName(load->relation));
}

/* Puts a row into the table, sooner or later, and into the indexes; it may be freed at once. */
void
first_load_put(FirstLoad *load, HeapTuple row)
{
	bool		is_decoded = RelationIsLogicallyLogged(load->relation);
	HeapTuple	stored;

	if (!HeapTupleHasExternal(row) && row->t_len <= TOAST_TUPLE_THRESHOLD)
	{
		put_row(load, row);
		return;
	}
	/* to those who decode it, what is stored out of line belongs to the next row that is logged */
	if (is_decoded)
		first_load_write(load);
	stored = heap_toast_insert_or_update(load->relation, row, NULL, 0);
	put_row(load, stored);
	if (is_decoded)
		first_load_write(load);
	if (stored != row)
		heap_freetuple(stored);
}

/* The rows of a page become ones that this command inserts, learn where they are, and get their entries. */
static void
place_rows(FirstLoad *load, Page page, BlockNumber block)
{
	HeapTupleData row = {.t_tableOid = RelationGetRelid(load->relation)};
	TransactionId transaction = GetCurrentTransactionId();
	CommandId	command = GetCurrentCommandId(true);
	int			count = PageGetMaxOffsetNumber(page);

	for (OffsetNumber offset = FirstOffsetNumber; offset <= count; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleHeader header = (HeapTupleHeader) PageGetItem(page, item);

		row.t_len = ItemIdGetLength(item);
		row.t_data = header;
		ItemPointerSet(&row.t_self, block, offset);
		header->t_infomask = (header->t_infomask & ~HEAP_XACT_MASK) | HEAP_XMAX_INVALID;
		header->t_infomask2 &= ~HEAP2_XACT_MASK;
		HeapTupleHeaderSetXmin(header, transaction);
		HeapTupleHeaderSetCmin(header, command);
		HeapTupleHeaderSetXmax(header, InvalidTransactionId);
		header->t_ctid = row.t_self;
		ExecStoreHeapTuple(&row, load->slot, false);
		first_load_add_entries(load, load->slot);
	}
	ExecClearTuple(load->slot);
	pgstat_count_heap_insert(load->relation, count);
}

/* Logs a page of rows, as heap_multi_insert() logs one that it begins. */
static void
log_rows(FirstLoad *load, Page page, BlockNumber block)
{
	xl_heap_multi_insert head = {.ntuples = PageGetMaxOffsetNumber(page)};
	bool		is_decoded = RelationIsLogicallyLogged(load->relation);
	PGAlignedBlock rows;
	char	   *end = rows.data;
	XLogRecPtr	logged;

	/* to those who decode it each page is a load of its own */
	head.flags = XLH_INSERT_LAST_IN_MULTI | (is_decoded ? XLH_INSERT_CONTAINS_NEW_TUPLE : 0);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= head.ntuples; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleHeader header = (HeapTupleHeader) PageGetItem(page, item);
		xl_multi_insert_tuple *row = (xl_multi_insert_tuple *) SHORTALIGN(end);

		*end = '\0';
		row->datalen = ItemIdGetLength(item) - SizeofHeapTupleHeader;
		row->t_infomask2 = header->t_infomask2;
		row->t_infomask = header->t_infomask;
		row->t_hoff = header->t_hoff;
		end = (char *) row + SizeOfMultiInsertTuple;
		memcpy(end, (char *) header + SizeofHeapTupleHeader, row->datalen);
		end += row->datalen;
	}
	XLogBeginInsert();
	XLogRegisterData((char *) &head, SizeOfHeapMultiInsert);
	XLogRegisterBlock(0, compat_file_of(load->relation), MAIN_FORKNUM, block, page,
					  REGBUF_STANDARD | REGBUF_WILL_INIT | (is_decoded ? REGBUF_KEEP_DATA : 0));
	XLogRegisterBufData(0, rows.data, end - rows.data);
	XLogSetRecordFlags(XLOG_INCLUDE_ORIGIN);
	logged = XLogInsert(RM_HEAP2_ID, XLOG_HEAP2_MULTI_INSERT | XLOG_HEAP_INIT_PAGE);
	PageSetLSN(page, logged);
}

/* Writes the rows that were put. */
void
first_load_write(FirstLoad *load)
{
	BlockNumber first;

	if (load->page == NULL)
		return;
	CheckForSerializableConflictIn(load->relation, NULL, InvalidBlockNumber);
	first = new_pages_next_block(&load->pages);
	for (int i = 0; i < load->pages.count; i++)
	{
		Page		page = new_pages_get(&load->pages, i);

		place_rows(load, page, first + i);
		if (RelationNeedsWAL(load->relation))
			log_rows(load, page, first + i);
	}
	new_pages_write(&load->pages, first);
	load->page = NULL;
}

/* Adds the entries of a row that is in the table, and whose place the slot knows. */
void
first_load_add_entries(FirstLoad *load, TupleTableSlot *row)
{
	for (int i = 0; i < load->loader_count; i++)
		index_loader_add(load->loaders[i], row);
}

/* ---- the end ---- */

/* The steps that the end will take. */
int64
first_load_steps(const FirstLoad *load)
{
	int64		entries = list_length(load->built_indexes) * load->row_count;

	for (int i = 0; i < load->loader_count; i++)
	{
		int64		waiting = index_loader_waiting(load->loaders[i]);

		entries += waiting >= 0 ? waiting : load->row_count;
	}
	return entries * STEPS_PER_ENTRY;
}

/* Writes what is left.  Returns the OIDs of indexes that the server has to build, when all have closed the table. */
List *
first_load_end(FirstLoad *load)
{
	List	   *indexes = load->built_indexes;

	if (load->has_pages)
	{
		first_load_write(load);
		new_pages_end(&load->pages);
		ExecDropSingleTupleTableSlot(load->slot);
	}
	for (int i = 0; i < load->loader_count; i++)
		if (!index_loader_end(load->loaders[i]))
			indexes = lappend_oid(indexes, load->loaded_indexes[i]);
	pfree(load);
	return indexes;
}

/* Has the server build those indexes, with half of maintenance_work_mem: the import has memory besides. */
void
first_load_build_indexes(List *indexes, int64 row_count)
{
	int			nest_level = NewGUCNestLevel();
	ListCell   *cell;

	sql_set_memory("maintenance_work_mem", Max(maintenance_work_mem / 2, 1024));
	foreach(cell, indexes)
	{
		compat_reindex_index(lfirst_oid(cell));
		CommandCounterIncrement();
		import_progress_step(row_count * STEPS_PER_ENTRY);
	}
	sql_restore_settings(nest_level);
}
