/*
 * table_writer.c
 *		Writes rows of an account's table below its triggers.
 *
 * A foreign key costs 3 microseconds a row and a transition table another one,
 * which is half of what a first import may take in all.  Who knows already that
 * its rows keep the rules, and does what the triggers would do, writes them here:
 * the first rows of a table as a build writes them, see first_load.c, further ones as
 * COPY does.
 *
 * An UPDATE meets its rows in any order, and so would the log's index get them: a
 * page here and a page there, each split in the middle.  Where a table's only index
 * is one of bigints, its entries are therefore kept, 24 bytes each, and go into it
 * many at a time, in its own order; see index_append.c.
 *
 * That is only right as long as the table is what account_layout.sql made of it, see
 * written_table.c; else the writer is refused, and the caller goes through SQL.
 */
#include "table_writer.h"

#include "access/heapam.h"
#include "access/hio.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "executor/executor.h"
#include "file_growth.h"
#include "first_load.h"
#include "id_block.h"
#include "index_append.h"
#include "miscadmin.h"
#include "row_pattern.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "wal_handover.h"

/* From so many rows on, building indexes is quicker than putting each entry into them. */
#define FIRST_LOAD_ROWS	5000

/* Rows and bytes of tuples that are put into the heap at once: some pages, still in the processor's cache. */
#define MAX_BATCH_ROWS	512
#define MAX_BATCH_SIZE	65536

/*
 * This part of the shared buffers may be filled with a table's new pages, which are
 * read again soon; beyond that it takes turns with a few of them, as COPY does.
 */
#define SHARE_OF_BUFFERS	8

/* A page with so much room is as good as empty; of rows that lie together it takes so many bytes at once. */
#define ROOMY			(BLCKSZ - 1024)
#define ROOMY_BATCH_SIZE	(ROOMY - ROOMY / 8)

/* Who has written so many bytes will write more. */
#define MANY_BYTES		(16 * BLCKSZ)

/* What a batch mostly needs; it is not given back in between. */
#define MIN_BATCH_MEMORY	(192 * 1024)

/* Entries of an index that are put into it at once; at most 6 MB. */
#define MAX_ENTRIES		(256 * 1024)

struct TableWriter
{
	Relation	relation;
	BulkInsertState bulk_insert;
	Account		account;		/* whose table it is */
	bool		lies_together;
	Size		max_batch_size;
	int64		row_count;		/* about as many rows will be written */
	IdBlock		ids;
	FirstLoad  *first_load;		/* NULL: the indexes follow */
	EState	   *executor;		/* for indexes that follow */
	ResultRelInfo *result;
	BigintEntry *entries;		/* of its only index, not yet put into it; NULL: they follow at once */
	int			entry_count;	/* without those of the batch */
	int			entry_capacity;
	Size		written_size;
	RowPattern	pattern;
	MemoryContext batch_context;	/* holds the tuples of the batch */
	Size		batch_size;
	int			batch_count;
	TupleTableSlot *slots[MAX_BATCH_ROWS];	/* made when first needed */
};

/* Has the table one index only, a btree of nothing but bigints? */
static bool
has_bigint_index(const ResultRelInfo *result)
{
	const IndexInfo *info;
	Relation	index;

	if (result->ri_NumIndices != 1)
		return false;
	index = result->ri_IndexRelationDescs[0];
	if (index->rd_rel->relam != BTREE_AM_OID)
		return false;
	info = result->ri_IndexRelationInfo[0];
	if (info->ii_NumIndexAttrs > BIGINT_ENTRY_KEYS || info->ii_NumIndexAttrs != info->ii_NumIndexKeyAttrs ||
		info->ii_Expressions != NIL || info->ii_Predicate != NIL)
		return false;
	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		int			column = info->ii_IndexAttrNumbers[i];
		Form_pg_attribute attribute;

		if (column <= 0 || index->rd_opfamily[i] != INTEGER_BTREE_FAM_OID || index->rd_indoption[i] != 0)
			return false;
		attribute = TupleDescAttr(RelationGetDescr(result->ri_RelationDesc), column - 1);
		if (attribute->atttypid != INT8OID || !attribute->attnotnull)
			return false;
	}
	return true;
}

/*
 * Begins to write to the table as the present user; NULL if that is to be done by
 * SQL, see the top of the file.  row_count: about how many rows will be written at
 * least, or 0: if they are many, and the first ones, the
 * indexes are better built at the end, if the table is empty.  The page writer helps with
 * that, and outlives this one.  Palloc'd in the current memory context.  Must be closed in the same subtransaction, unless that
 * is rolled back.
 */
TableWriter *
table_writer_open(const Account *account, const WrittenTable *table, int64 row_count, PageWriter *page_writer)
{
	Oid			relation_oid = get_relname_relid(table->name, account->namespace_oid);
	Relation	relation = table_open(relation_oid, RowExclusiveLock);
	TableWriter *writer;

	if (!written_table_is_writable(table, account, relation))
	{
		table_close(relation, NoLock);
		return NULL;
	}
	writer = palloc0(sizeof(TableWriter));
	writer->relation = relation;
	writer->account = *account;
	writer->lies_together = table->lies_together;
	writer->max_batch_size = table->lies_together ? ROOMY_BATCH_SIZE : MAX_BATCH_SIZE;
	writer->bulk_insert = GetBulkInsertState();
	FreeAccessStrategy(writer->bulk_insert->strategy);
	writer->bulk_insert->strategy = NULL;
	writer->batch_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync written rows",
												  MIN_BATCH_MEMORY, MIN_BATCH_MEMORY, ALLOCSET_DEFAULT_MAXSIZE);
	writer->row_count = row_count;
	if (row_count >= FIRST_LOAD_ROWS)
		writer->first_load = first_load_begin(relation, row_count, page_writer);
	if (writer->first_load == NULL)
	{
		writer->executor = CreateExecutorState();
		writer->result = makeNode(ResultRelInfo);
		InitResultRelInfo(writer->result, relation, 0, NULL, 0);
		ExecOpenIndices(writer->result, false);
		if (has_bigint_index(writer->result))
		{
			writer->entry_capacity = 16;
			writer->entries = palloc(writer->entry_capacity * sizeof(BigintEntry));
		}
	}
	return writer;
}

#define ST_SORT sort_entries
#define ST_ELEMENT_TYPE BigintEntry
#define ST_COMPARE(a, b) bigint_entry_compare(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Remembers the index entry of a row that joins the batch. */
static void
keep_entry(TableWriter *writer, const Datum *values)
{
	const IndexInfo *info = writer->result->ri_IndexRelationInfo[0];
	int			position = writer->entry_count + writer->batch_count;
	BigintEntry *entry;

	if (position == writer->entry_capacity)
	{
		writer->entry_capacity *= 2;
		writer->entries = repalloc(writer->entries, writer->entry_capacity * sizeof(BigintEntry));
	}
	entry = &writer->entries[position];
	for (int i = 0; i < BIGINT_ENTRY_KEYS; i++)
		entry->keys[i] = i < info->ii_NumIndexAttrs ? DatumGetInt64(values[info->ii_IndexAttrNumbers[i] - 1]) : 0;
}

/* Puts the entries that were kept into the index. */
static void
flush_entries(TableWriter *writer)
{
	sort_entries(writer->entries, writer->entry_count);
	index_append(writer->relation, writer->result->ri_IndexRelationDescs[0],
				 writer->result->ri_IndexRelationInfo[0], writer->entries, writer->entry_count);
	writer->entry_count = 0;
}

/*
 * Has a batch go to a page that is all but empty, or else to the end of the table: the
 * server would fill the gaps that rows have left, a row here and a row there.  Returns the
 * options for heap_multi_insert().
 */
static int
find_roomy_page(TableWriter *writer)
{
	BlockNumber block;

	/* it would be wasted on a few rows */
	if (!writer->lies_together || writer->batch_size < ROOMY / 2)
		return 0;
	block = GetPageWithFreeSpace(writer->relation, ROOMY);
	if (block != InvalidBlockNumber)
	{
		RecordPageWithFreeSpace(writer->relation, block, 0);
		ReleaseBulkInsertStatePin(writer->bulk_insert);
		RelationSetTargetBlock(writer->relation, block);
	}
	return HEAP_INSERT_SKIP_FSM;
}

static void
flush(TableWriter *writer)
{
	MemoryContext old_context = MemoryContextSwitchTo(writer->batch_context);

	if (COMPAT_GROWS_BY_PAGE && writer->written_size >= MANY_BYTES)
		file_growth_reserve(writer->relation, writer->bulk_insert->strategy);
	heap_multi_insert(writer->relation, writer->slots, writer->batch_count, GetCurrentCommandId(true),
					  find_roomy_page(writer), writer->bulk_insert);
	wal_handover();
	for (int i = 0; i < writer->batch_count; i++)
	{
		if (writer->entries != NULL)
			writer->entries[writer->entry_count++].tuple = writer->slots[i]->tts_tid;
		else if (writer->executor != NULL && writer->result->ri_NumIndices > 0)
		{
			(void) compat_insert_index_tuples(writer->result, writer->slots[i], writer->executor);
			ResetPerTupleExprContext(writer->executor);
		}
		if (writer->first_load != NULL)
			first_load_add_entries(writer->first_load, writer->slots[i]);
		/* its tuple goes with the batch */
		writer->slots[i]->tts_flags &= ~TTS_FLAG_SHOULDFREE;
		ExecClearTuple(writer->slots[i]);
	}
	writer->written_size += writer->batch_size;
	if (writer->bulk_insert->strategy == NULL &&
		writer->written_size > (Size) NBuffers * (BLCKSZ / SHARE_OF_BUFFERS))
	{
		MemoryContextSwitchTo(GetMemoryChunkContext(writer));
		writer->bulk_insert->strategy = GetAccessStrategy(BAS_BULKWRITE);
	}
	writer->batch_count = 0;
	writer->batch_size = 0;
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(writer->batch_context);
	if (writer->entry_count > MAX_ENTRIES - MAX_BATCH_ROWS)
		flush_entries(writer);
	CHECK_FOR_INTERRUPTS();
}

/* Writes a row, sooner or later; the values may be freed at once. */
void
table_writer_put(TableWriter *writer, const Datum *values, const bool *nulls)
{
	MemoryContext old_context = MemoryContextSwitchTo(writer->batch_context);
	HeapTuple	tuple = row_pattern_form(&writer->pattern, RelationGetDescr(writer->relation), values, nulls);
	HeapTupleTableSlot *slot;

	MemoryContextSwitchTo(old_context);
	if (writer->first_load != NULL && first_load_takes_rows(writer->first_load))
	{
		first_load_put(writer->first_load, tuple);
		pfree(tuple);
		return;
	}
	if (writer->slots[writer->batch_count] == NULL)
	{
		old_context = MemoryContextSwitchTo(GetMemoryChunkContext(writer));
		writer->slots[writer->batch_count] =
			MakeSingleTupleTableSlot(RelationGetDescr(writer->relation), &TTSOpsHeapTuple);
		MemoryContextSwitchTo(old_context);
	}
	if (writer->entries != NULL)
		keep_entry(writer, values);
	slot = (HeapTupleTableSlot *) writer->slots[writer->batch_count++];
	/* ExecStoreHeapTuple() in short: the slot seems to own the tuple, or heap_multi_insert() would copy it */
	slot->tuple = tuple;
	slot->off = 0;
	slot->base.tts_flags = (slot->base.tts_flags & ~TTS_FLAG_EMPTY) | TTS_FLAG_SHOULDFREE;
	writer->batch_size += tuple->t_len;
	if (writer->batch_count == MAX_BATCH_ROWS || writer->batch_size >= writer->max_batch_size)
		flush(writer);
}

/* An id of the sequence behind the table's first column. */
int64
table_writer_next_id(TableWriter *writer)
{
	return id_block_next(&writer->ids, &writer->account, writer->relation);
}

/* Writes the rows that are left. */
static void
write_rest(TableWriter *writer)
{
	if (writer->batch_count > 0)
		flush(writer);
	if (writer->first_load != NULL)
		first_load_write(writer->first_load);
}

/* Writes the rows that are left; the steps that closing will take then. */
int64
table_writer_steps(TableWriter *writer)
{
	write_rest(writer);
	return writer->first_load != NULL ? first_load_steps(writer->first_load) : 0;
}

/* Writes what is left, builds the indexes if that is due, and lets the next statement see the rows. */
void
table_writer_close(TableWriter *writer)
{
	List	   *indexes = NIL;

	write_rest(writer);
	if (writer->entry_count > 0)
		flush_entries(writer);
	if (writer->first_load != NULL)
		indexes = first_load_end(writer->first_load);
	for (int i = 0; i < MAX_BATCH_ROWS && writer->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	FreeBulkInsertState(writer->bulk_insert);
	if (writer->executor != NULL)
	{
		ExecCloseIndices(writer->result);
		FreeExecutorState(writer->executor);
	}
	table_close(writer->relation, NoLock);
	id_block_return(&writer->ids, &writer->account);
	CommandCounterIncrement();
	if (indexes != NIL)
		first_load_build_indexes(indexes, writer->row_count);
	MemoryContextDelete(writer->batch_context);
	if (writer->entries != NULL)
		pfree(writer->entries);
	pfree(writer);
}

/* The table, as long as the writer is open. */
Relation
table_writer_relation(TableWriter *writer)
{
	return writer->relation;
}
