/*
 * index_loader.c
 *		Builds an index of an empty table while the table is being filled.
 *
 * REINDEX reads the table once more for each index, forms each entry in memory of
 * its own, and sorts with the opclass's functions.  Here the entries are taken as
 * the rows are written, put together as index_format.c tells, and become pages of a
 * btree directly (index_pages.c):
 *
 *	- An index of plain columns of bigint and integer, like most primary keys, gets
 *	  its entries nearly in order, because ids are given in order: those with the
 *	  same first column are gathered, sorted and written.  That needs no memory.
 *	- A partial index has few entries, or if it is of another kind hopefully none.
 *	- An index of one expression, text or e-mail address gets them in any order.  They
 *	  are gathered till the end, in memory if they need not more of it than MEMORY_SHARE
 *	  of maintenance_work_mem; else in sorted runs on disk (index_runs.c), which take
 *	  little memory: there are several such indexes, and an import has memory besides.
 *
 * Whatever this cannot do (other types and operator classes, nulls in the first
 * kind, long texts, entries out of order, a key that is there twice though it should
 * be unique) ends in index_loader_end() saying so, and the caller builds the index
 * as the server does, who raises the error if there is one.
 *
 * The caller must hold the table and the index so that nobody else uses them until
 * the transaction ends.
 */
#include "index_loader.h"

#include "access/genam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "huge_pages.h"
#include "import_progress.h"
#include "index_format.h"
#include "index_pages.h"
#include "index_runs.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"

/*
 * Entries of one index may take so much of maintenance_work_mem if they all fit in: there
 * are up to four such indexes of a table, which are sorted in turn.  Else a run may take so much.
 */
#define MEMORY_SHARE	4
#define RUN_SHARE		256

/* Texts lie together in blocks, the larger the more rows there are. */
#define MIN_TEXT_BLOCK_SIZE	((Size) 64 * 1024)
#define MAX_TEXT_BLOCK_SIZE	((Size) 8 * 1024 * 1024)
#define USUAL_TEXT_LENGTH	32

/* Progress is shown each time that so many entries have been written. */
#define SHOWN_ENTRIES	4096

struct IndexLoader
{
	MemoryContext context;		/* holds all of it */
	Relation	index;
	IndexInfo  *info;
	IndexPages *pages;
	EState	   *executor;		/* for an expression or a predicate, else NULL */
	ExprState  *predicate;		/* NULL: every row has an entry */
	IndexFormat format;
	bool		is_known;		/* the format can be had */
	bool		is_broken;		/* the server has to build it */
	bool		is_gathered;	/* to the end */

	/* entries that are not written yet */
	IndexEntries entries;
	Size		entry_size;
	int64		count;
	int64		capacity;
	int64		limit;
	uint64		common_key;		/* the first one, if they are not gathered */
	IndexRuns  *runs;			/* NULL: all are in memory */
	MemoryContext text_context; /* holds the texts */
	char	   *text_block;		/* with room for the next text */
	Size		text_block_left;
	Size		text_block_size;
	Size		text_size;		/* of all texts in memory */
};

/* ---- what can be loaded ---- */

/* How many entries that share of maintenance_work_mem has room for. */
static int64
entries_in(const IndexLoader *loader, int share)
{
	return (int64) maintenance_work_mem * 1024 / share /
		(loader->entry_size + (loader->format.is_text ? USUAL_TEXT_LENGTH : 0));
}

static bool
can_load(IndexLoader *loader)
{
	const IndexInfo *info = loader->info;

	if (loader->index->rd_rel->relam != BTREE_AM_OID)
		return false;
	loader->is_known = index_format_set(&loader->format, loader->index, info);
	/* of a partial index entries are few, if there are any */
	if (!loader->is_known)
		return info->ii_Predicate != NIL;
	loader->is_gathered = loader->format.is_text || info->ii_Expressions != NIL;
	loader->entry_size = loader->format.is_text ? sizeof(TextEntry) : sizeof(IntegerEntry);
	loader->limit = entries_in(loader, MEMORY_SHARE);
	return true;
}

/* From now on the entries go to disk whenever they are so many. */
static void
begin_runs(IndexLoader *loader)
{
	MemoryContext old_context = MemoryContextSwitchTo(loader->context);

	loader->runs = index_runs_create(loader->format.is_text, loader->format.is_folded);
	loader->limit = Max(entries_in(loader, RUN_SHARE), 1);
	MemoryContextSwitchTo(old_context);
}

/*
 * Begins to load an index of a table that gets about so many rows; NULL if the server
 * has to build it.  The writer of pages may be NULL.  All memory is in a context of the current one; to be ended in the same
 * subtransaction, unless that is rolled back.
 */
IndexLoader *
index_loader_begin(Relation relation, Oid index_oid, int64 row_count, PageWriter *writer)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync index", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	IndexLoader *loader = palloc0(sizeof(IndexLoader));

	loader->context = context;
	loader->index = index_open(index_oid, NoLock);
	loader->info = BuildIndexInfo(loader->index);
	/* rows that are deleted, but that an older snapshot sees, have to be in the index too */
	if (RelationGetNumberOfBlocks(relation) > 0 || !can_load(loader))
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
	if (loader->is_gathered && row_count > loader->limit && loader->predicate == NULL)
		begin_runs(loader);
	loader->capacity = loader->is_gathered && loader->predicate == NULL ? Max(Min(row_count, loader->limit), 1) : 16;
	loader->entries.any = MemoryContextAllocHuge(context, loader->capacity * loader->entry_size);
	loader->text_context = AllocSetContextCreate(context, "orgsync index texts", ALLOCSET_DEFAULT_SIZES);
	loader->text_block_size = Min(Max(loader->capacity * USUAL_TEXT_LENGTH, MIN_TEXT_BLOCK_SIZE), MAX_TEXT_BLOCK_SIZE);
	loader->pages = index_pages_begin(loader->index, writer);
	MemoryContextSwitchTo(old_context);
	return loader;
}

/* ---- entries ---- */

/* Are the entries the same, and not null? */
static bool
is_repeated(const IndexLoader *loader, const IndexEntry *before, const IndexEntry *entry)
{
	return loader->format.is_text ?
		entry->text.text != NULL && text_entry_compare(&before->text, &entry->text, loader->format.is_folded) == 0 :
		before->integer.key == entry->integer.key;
}

/* Writes an entry, the next in order, after the one before it, which is NULL at first. */
static void
write_entry(IndexLoader *loader, const IndexEntry *before, const IndexEntry *entry)
{
	IndexPlace	place;

	if (loader->info->ii_Unique && before != NULL && is_repeated(loader, before, entry))
	{
		loader->is_broken = true;
		return;
	}
	if (loader->format.is_text)
		index_format_put_text(&loader->format, &entry->text, &place);
	else
	{
		const uint64 key = entry->integer.key;

		index_format_put_integers(&loader->format, (uint64[]) {loader->is_gathered ? key : loader->common_key, key},
								  &entry->integer.tuple, &place);
	}
	loader->is_broken = !index_pages_add(loader->pages, &place.tuple);
}

static void
sort_entries(IndexLoader *loader)
{
	if (loader->format.is_text)
		text_entries_sort(loader->entries.texts, loader->count, loader->format.is_folded);
	else
		integer_entries_sort(loader->entries.integers, loader->count);
}

/* Sorts the entries that are there, and writes them. */
static void
write_entries(IndexLoader *loader)
{
	const char *first = loader->entries.any;

	sort_entries(loader);
	import_progress_step(loader->count);
	for (int64 i = 0; i < loader->count && !loader->is_broken; i++)
	{
		const char *entry = first + i * loader->entry_size;

		if (i % SHOWN_ENTRIES == SHOWN_ENTRIES - 1)
			import_progress_step(SHOWN_ENTRIES);
		if (loader->format.is_text)
			compat_prefetch(loader->entries.texts[Min(i + PREFETCHED_TEXTS, loader->count - 1)].text);
		write_entry(loader, i == 0 ? NULL : (const IndexEntry *) (entry - loader->entry_size),
					(const IndexEntry *) entry);
	}
	loader->count = 0;
}

/* Sorts the entries that are there, and puts them on disk. */
static void
write_run(IndexLoader *loader)
{
	sort_entries(loader);
	index_runs_add(loader->runs, &loader->entries, loader->count);
	loader->count = 0;
	MemoryContextReset(loader->text_context);
	loader->text_block_left = loader->text_size = 0;
}

/* Writes the entries of all runs. */
static void
write_runs(IndexLoader *loader)
{
	IndexEntry	entries[2];
	int64		count = index_runs_count(loader->runs);

	import_progress_step(count);
	index_runs_rewind(loader->runs);
	for (int64 i = 0; !loader->is_broken && index_runs_next(loader->runs, &entries[i % 2]); i++)
	{
		if (i % SHOWN_ENTRIES == SHOWN_ENTRIES - 1)
			import_progress_step(SHOWN_ENTRIES);
		write_entry(loader, i == 0 ? NULL : &entries[(i + 1) % 2], &entries[i % 2]);
	}
}

/* Makes room for an entry; of too many that cannot be gathered the server has to build the index. */
static bool
make_room(IndexLoader *loader)
{
	bool		is_full = loader->count >= loader->limit ||
		loader->text_size >= (Size) loader->limit * USUAL_TEXT_LENGTH;

	if (is_full && !loader->is_gathered)
	{
		loader->is_broken = true;
		return false;
	}
	if (is_full)
	{
		if (loader->runs == NULL)
			begin_runs(loader);
		write_run(loader);
	}
	if (loader->count == loader->capacity)
	{
		loader->capacity = Min(loader->capacity * 2, loader->limit);
		loader->entries.any = repalloc_huge(loader->entries.any, loader->capacity * loader->entry_size);
	}
	return true;
}

/* Keeps a text, with a header of one byte. */
static const char *
keep_text(IndexLoader *loader, const char *data, Size length)
{
	Size		size = length + VARHDRSZ_SHORT;
	char	   *text;

	if (loader->text_block_left < size)
	{
		loader->text_block = huge_pages_alloc(loader->text_context, loader->text_block_size, false);
		loader->text_block_left = loader->text_block_size;
	}
	text = loader->text_block;
	SET_VARSIZE_SHORT(text, size);
	memcpy(text + VARHDRSZ_SHORT, data, length);
	loader->text_block += size;
	loader->text_block_left -= size;
	loader->text_size += size;
	return text;
}

/* Adds an entry of a text; the server has to build the index if it is too long. */
static void
add_text(IndexLoader *loader, Datum value, bool isnull, const ItemPointerData *tuple)
{
	struct varlena *text = (struct varlena *) DatumGetPointer(value);

	loader->is_broken = !isnull && (VARATT_IS_EXTERNAL(text) || VARATT_IS_COMPRESSED(text) ||
									VARSIZE_ANY_EXHDR(text) > MAX_TEXT_LENGTH);
	if (loader->is_broken || !make_room(loader))
		return;
	text_entry_set(&loader->entries.texts[loader->count++],
				   isnull ? NULL : keep_text(loader, VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)),
				   loader->format.is_folded, tuple);
}

/* Adds an entry of integers; the server has to build the index if one is null, or they do not come in order. */
static void
add_integers(IndexLoader *loader, const Datum *values, const bool *nulls, const ItemPointerData *tuple)
{
	uint64		keys[INDEX_FORMAT_KEYS];

	loader->is_broken = !index_format_integers(&loader->format, values, nulls, keys);
	if (loader->is_broken)
		return;
	if (!loader->is_gathered && loader->count > 0 && keys[0] != loader->common_key)
	{
		loader->is_broken = keys[0] < loader->common_key;
		write_entries(loader);
	}
	if (loader->is_broken || !make_room(loader))
		return;
	loader->common_key = keys[0];
	loader->entries.integers[loader->count++] =
		(IntegerEntry) {loader->is_gathered ? keys[0] : keys[1], *tuple};
}

/* The values of the row's entry. */
static void
get_values(IndexLoader *loader, TupleTableSlot *row, Datum *values, bool *nulls)
{
	if (loader->info->ii_Expressions == NIL)
	{
		for (int i = 0; i < loader->format.key_count; i++)
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
	if (loader->format.is_text)
		add_text(loader, values[0], nulls[0], &row->tts_tid);
	else
		add_integers(loader, values, nulls, &row->tts_tid);
}

/* How many entries wait for the end; < 0: the server has to build the index. */
int64
index_loader_waiting(const IndexLoader *loader)
{
	return loader->is_broken ? -1 : loader->count + (loader->runs == NULL ? 0 : index_runs_count(loader->runs));
}

/* Ends the loading and frees the loader.  False: the server has to build the index after all. */
bool
index_loader_end(IndexLoader *loader)
{
	bool		is_loaded;

	if (!loader->is_broken && loader->runs != NULL)
	{
		if (loader->count > 0)
			write_run(loader);
		write_runs(loader);
	}
	else if (!loader->is_broken)
		write_entries(loader);
	if (loader->runs != NULL)
		index_runs_free(loader->runs);
	is_loaded = !loader->is_broken && index_pages_end(loader->pages);
	if (loader->executor != NULL)
		FreeExecutorState(loader->executor);
	index_close(loader->index, NoLock);
	MemoryContextDelete(loader->context);
	return is_loaded;
}
