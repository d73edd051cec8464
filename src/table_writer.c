/*
 * table_writer.c
 *		Writes rows of an account's table below its triggers.
 *
 * A foreign key costs 3 microseconds a row and a transition table another one,
 * which is half of what a first import may take in all.  Who knows already that
 * its rows keep the rules, and does what the triggers would do, writes them here:
 * heap pages are filled as COPY fills them, and the indexes either follow page by
 * page or are built, see index_loader.c.
 *
 * An UPDATE meets its rows in any order, and so would the log's index get them: a
 * page here and a page there, each split in the middle.  Where a table's only index
 * is one of bigints, its entries are therefore kept, 24 bytes each, and go into it
 * many at a time, in its own order; see index_append.c.
 *
 * That is only right as long as the table is what account_layout.sql made of it, see
 * written_table.c; else the writer is refused, and the caller goes through SQL.
 *
 * Building an index needs it exclusively, and readers of the table then wait until
 * the transaction ends.  So that is done only with the first load of a table, when
 * there is nothing to be read yet, and only if all locks can be had at once:
 * nobody ever waits to get them.  The index gets another file, as with REINDEX.
 */
#include "table_writer.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/hio.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "import_progress.h"
#include "index_append.h"
#include "index_loader.h"
#include "miscadmin.h"
#include "row_pattern.h"
#include "sql.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "wal_handover.h"

/* From so many rows on, building indexes is quicker than putting each entry into them. */
#define FIRST_LOAD_ROWS	5000

/* Further indexes are built at the end. */
#define MAX_LOADED_INDEXES	8

/* So many ids are taken from a sequence one by one; then so many at a time. */
#define SINGLE_IDS		64
#define ID_BLOCK		1000

/* Rows and bytes of tuples that are put into the heap at once: some pages, still in the processor's cache. */
#define MAX_BATCH_ROWS	256
#define MAX_BATCH_SIZE	65536

/*
 * This part of the shared buffers may be filled with a table's new pages, which are
 * read again soon; beyond that it takes turns with a few of them, as COPY does.
 */
#define SHARE_OF_BUFFERS	8

/* What a batch mostly needs; it is not given back in between. */
#define MIN_BATCH_MEMORY	(192 * 1024)

/* Entries of an index that are put into it at once; at most 6 MB. */
#define MAX_ENTRIES		(256 * 1024)

struct TableWriter
{
	Relation	relation;
	BulkInsertState bulk_insert;
	bool		is_first_load;	/* else the indexes follow */
	int64		row_count;		/* about as many rows will be written */
	List	   *built_indexes;	/* OIDs of those to be built at the end */
	int			loader_count;	/* of those that are built on the way */
	IndexLoader *loaders[MAX_LOADED_INDEXES];
	Oid			loaded_indexes[MAX_LOADED_INDEXES];
	Account		account;		/* whose table it is */
	Oid			sequence;		/* of the first column; InvalidOid: not asked for so far */
	int64		id_requests;	/* to the sequence */
	int64		next_id;		/* of the block that was taken */
	int64		last_id;
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

/* ---- the first load ---- */

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
take_for_first_load(Relation relation, List **indexes)
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

/* Begins to build those indexes on the way that can be. */
static void
begin_loading(TableWriter *writer, int64 row_count)
{
	List	   *later = NIL;
	ListCell   *cell;

	foreach(cell, writer->built_indexes)
	{
		IndexLoader *loader = writer->loader_count == MAX_LOADED_INDEXES ? NULL :
			index_loader_begin(writer->relation, lfirst_oid(cell), row_count);

		if (loader == NULL)
			later = lappend_oid(later, lfirst_oid(cell));
		else
		{
			writer->loaded_indexes[writer->loader_count] = lfirst_oid(cell);
			writer->loaders[writer->loader_count++] = loader;
		}
	}
	writer->built_indexes = later;
}

/* Ends that; those that could not be built so are built at the end. */
static void
end_loading(TableWriter *writer)
{
	for (int i = 0; i < writer->loader_count; i++)
		if (!index_loader_end(writer->loaders[i]))
			writer->built_indexes = lappend_oid(writer->built_indexes, writer->loaded_indexes[i]);
}

/* Builds indexes of what was written, with half of maintenance_work_mem: the import has memory besides. */
static void
build_indexes(List *indexes, int64 row_count)
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

/* ---- writing ---- */

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
 * indexes are better built at the end, if the table is empty.  Palloc'd in the
 * current memory context.  Must be closed in the same subtransaction, unless that
 * is rolled back.
 */
TableWriter *
table_writer_open(const Account *account, const WrittenTable *table, int64 row_count)
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
	writer->bulk_insert = GetBulkInsertState();
	FreeAccessStrategy(writer->bulk_insert->strategy);
	writer->bulk_insert->strategy = NULL;
	writer->batch_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync written rows",
												  MIN_BATCH_MEMORY, MIN_BATCH_MEMORY, ALLOCSET_DEFAULT_MAXSIZE);
	writer->row_count = row_count;
	if (row_count >= FIRST_LOAD_ROWS)
		writer->is_first_load = take_for_first_load(relation, &writer->built_indexes);
	if (writer->is_first_load)
		begin_loading(writer, row_count);
	else
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

static void
flush(TableWriter *writer)
{
	MemoryContext old_context = MemoryContextSwitchTo(writer->batch_context);

	heap_multi_insert(writer->relation, writer->slots, writer->batch_count, GetCurrentCommandId(true), 0,
					  writer->bulk_insert);
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
		for (int j = 0; j < writer->loader_count; j++)
			index_loader_add(writer->loaders[j], writer->slots[i]);
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
	if (writer->batch_count == MAX_BATCH_ROWS || writer->batch_size >= MAX_BATCH_SIZE)
		flush(writer);
}

/* ---- ids ---- */

/*
 * Begins to deal with the sequence alone, as the account's owner, if it counts by
 * ones, and if he may set it.  Whoever has taken an id keeps a lock until his
 * transaction ends, so there may be others; nobody waits for them.
 */
static bool
take_sequence(const TableWriter *writer, OwnerContext *owner)
{
	HeapTuple	tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(writer->sequence));
	bool		is_plain = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_sequence form = (Form_pg_sequence) GETSTRUCT(tuple);

		is_plain = form->seqincrement == 1 && form->seqcache == 1 && form->seqmax == PG_INT64_MAX;
		ReleaseSysCache(tuple);
	}
	if (!is_plain)
		return false;
	account_become_owner(&writer->account, owner);
	if (pg_class_aclcheck(writer->sequence, GetUserId(), ACL_UPDATE) == ACLCHECK_OK &&
		ConditionalLockRelationOid(writer->sequence, ShareRowExclusiveLock))
		return true;
	account_restore_user(owner);
	return false;
}

static void
leave_sequence(const TableWriter *writer, OwnerContext *owner)
{
	UnlockRelationOid(writer->sequence, ShareRowExclusiveLock);
	account_restore_user(owner);
}

static void
set_sequence(const TableWriter *writer, int64 last)
{
	(void) DirectFunctionCall2(setval_oid, ObjectIdGetDatum(writer->sequence), Int64GetDatum(last));
}

/* Gives back what is left of the block, unless somebody has taken ids behind it. */
static void
return_ids(TableWriter *writer)
{
	OwnerContext owner;

	if (writer->next_id == writer->last_id || !take_sequence(writer, &owner))
		return;
	if (nextval_internal(writer->sequence, false) == writer->last_id + 1)
		set_sequence(writer, writer->next_id);
	leave_sequence(writer, &owner);
}

/*
 * An id of the sequence behind the table's first column.  A single one takes a
 * tenth of a microsecond; so who writes many rows takes them in blocks, in a
 * moment in which nobody else has to do with the sequence.
 */
int64
table_writer_next_id(TableWriter *writer)
{
	OwnerContext owner;

	if (writer->next_id < writer->last_id)
		return ++writer->next_id;
	if (!OidIsValid(writer->sequence))
		writer->sequence = compat_identity_sequence(writer->relation, 1);
	if (writer->id_requests++ >= SINGLE_IDS && writer->account.owns_tables && take_sequence(writer, &owner))
	{
		writer->next_id = writer->last_id = nextval_internal(writer->sequence, false);
		if (writer->next_id < PG_INT64_MAX - ID_BLOCK)
		{
			writer->last_id += ID_BLOCK - 1;
			set_sequence(writer, writer->last_id);
		}
		leave_sequence(writer, &owner);
	}
	else
		writer->next_id = writer->last_id = nextval_internal(writer->sequence, false);
	return writer->next_id;
}

/* Writes the rows that are left; the steps that closing will take then. */
int64
table_writer_steps(TableWriter *writer)
{
	int64		entries = list_length(writer->built_indexes) * writer->row_count;

	if (writer->batch_count > 0)
		flush(writer);
	for (int i = 0; i < writer->loader_count; i++)
	{
		int64		waiting = index_loader_waiting(writer->loaders[i]);

		entries += waiting >= 0 ? waiting : writer->row_count;
	}
	return entries * STEPS_PER_ENTRY;
}

/* Writes what is left, builds the indexes if that is due, and lets the next statement see the rows. */
void
table_writer_close(TableWriter *writer)
{
	if (writer->batch_count > 0)
		flush(writer);
	if (writer->entry_count > 0)
		flush_entries(writer);
	end_loading(writer);
	for (int i = 0; i < MAX_BATCH_ROWS && writer->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	FreeBulkInsertState(writer->bulk_insert);
	if (writer->executor != NULL)
	{
		ExecCloseIndices(writer->result);
		FreeExecutorState(writer->executor);
	}
	table_close(writer->relation, NoLock);
	return_ids(writer);
	CommandCounterIncrement();
	build_indexes(writer->built_indexes, writer->row_count);
	MemoryContextDelete(writer->batch_context);
	if (writer->entries != NULL)
		pfree(writer->entries);
	pfree(writer);
}

Relation
table_writer_relation(TableWriter *writer)
{
	return writer->relation;
}
