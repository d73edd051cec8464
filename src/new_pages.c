/*
 * new_pages.c
 *		Adds pages to the new file of a relation, past the shared buffers.
 *
 * A page that goes through the shared buffers is written twice, first with zeros to
 * make the file longer, and costs several microseconds besides.  Whoever fills whole
 * pages of a file that nobody else knows of writes them once, as builds of indexes
 * and rewrites of tables do (nbtsort.c, rewriteheap.c): each page is logged, and may
 * reach the disk before its record, because nobody looks for it unless the transaction
 * commits.
 *
 * The caller must hold the relation so that nobody else uses it until the transaction
 * ends.  An abort, of a subtransaction too, brings back the former file.
 *
 * With a page writer, the file has pages that are not written yet.  So until new_pages_end()
 * our own transaction may not read the relation either: a page of zeros would stay in the
 * shared buffers, in place of the one that comes.
 */
#include "new_pages.h"

#include "access/xlog.h"
#include "access/xloginsert.h"
#include "file_growth.h"
#include "miscadmin.h"
#include "storage/smgr.h"
#include "wal_handover.h"

/*
 * Gives the relation a new file, which is empty.  The memory is palloc'd in the current context.  The writer, or
 * NULL, outlives the pages.
 */
void
new_pages_begin(NewPages *pages, Relation relation, PageWriter *writer)
{
	pages->relation = relation;
	pages->own_pages = (char *) TYPEALIGN(PAGE_ALIGNMENT, palloc(BATCH_PAGES * BLCKSZ + PAGE_ALIGNMENT));
	pages->pages = pages->own_pages;
	pages->count = 0;
	pages->next_block = pages->end_block = 0;
	pages->writer = writer;
	pages->batch = NULL;
	pages->is_put = false;
	pages->redo = GetRedoRecPtr();
	compat_set_new_file(relation);
}

/* Do those that wait have to be written before another one is added? */
bool
new_pages_are_full(const NewPages *pages)
{
	return pages->count == BATCH_PAGES;
}

/* The place of another page behind them, as yet without contents. */
Page
new_pages_add(NewPages *pages)
{
	Assert(!new_pages_are_full(pages));
	return new_pages_get(pages, pages->count++);
}

/* One of those that wait. */
Page
new_pages_get(const NewPages *pages, int number)
{
	return pages->pages + number * BLCKSZ;
}

/* The block that the first of them will be, unless others, of our own transaction, come before. */
BlockNumber
new_pages_next_block(const NewPages *pages)
{
	BlockNumber end = smgrnblocks(RelationGetSmgr(pages->relation), MAIN_FORKNUM);

	return end == pages->end_block ? pages->next_block : end;
}

/* Logs those that wait, as they are, from that block on.  Whoever knows a shorter way logs them himself. */
void
new_pages_log(const NewPages *pages, BlockNumber first)
{
	BlockNumber blocks[BATCH_PAGES];
	Page		images[BATCH_PAGES];

	if (!RelationNeedsWAL(pages->relation))
		return;
	for (int i = 0; i < pages->count; i++)
	{
		blocks[i] = first + i;
		images[i] = new_pages_get(pages, i);
	}
	log_newpages(compat_file_of(pages->relation), MAIN_FORKNUM, pages->count, blocks, images, true);
}

/*
 * Puts a batch into the file, which is made longer by many pages at a time: who writes to a file keeps
 * others from making it longer meanwhile.  False if that cannot be.
 */
static bool
put_batch(NewPages *pages, BlockNumber first)
{
	SMgrRelation file = RelationGetSmgr(pages->relation);
	char	   *path = file_growth_path(file, first, pages->count);

	if (path == NULL)
		return false;
	if (first + pages->count > pages->end_block)
		pages->end_block = file_growth_extend(file, first + pages->count);
	page_writer_put(pages->writer, pages->batch, path, (off_t) (first % RELSEG_SIZE) * BLCKSZ,
					(Size) pages->count * BLCKSZ);
	pages->batch = NULL;
	pages->is_put = true;
	pfree(path);
	return true;
}

/* Memory for the next pages: a batch, if there is one. */
static void
take_batch(NewPages *pages)
{
	if (pages->batch != NULL || pages->writer == NULL)
		return;
	pages->batch = page_writer_take(pages->writer);
	pages->pages = pages->batch == NULL ? pages->own_pages : page_writer_pages(pages->writer, pages->batch);
}

/* Writes those that wait, which have been logged, to the next blocks, of which the caller knows the first. */
void
new_pages_write(NewPages *pages, BlockNumber first)
{
	SMgrRelation file = RelationGetSmgr(pages->relation);

	file_growth_preallocate(file, first, pages->count);
	for (int i = 0; i < pages->count; i++)
		compat_page_set_checksum(new_pages_get(pages, i), first + i);
	if (pages->batch == NULL || !put_batch(pages, first))
	{
		file_growth_write(file, first, pages->pages, pages->count);
		pages->end_block = Max(pages->end_block, first + pages->count);
	}
	pages->next_block = first + pages->count;
	file_growth_hand_over(file, first, pages->count);
	pages->count = 0;
	take_batch(pages);
	wal_handover();
	CHECK_FOR_INTERRUPTS();
}

/*
 * Waits until what was put is in the file.  A checkpoint may have synced it before that, and the next one
 * syncs a file that the server has written to since: the last page once more.
 */
static void
finish_batches(NewPages *pages)
{
	SMgrRelation file = RelationGetSmgr(pages->relation);
	BlockNumber last = new_pages_next_block(pages) - 1;

	page_writer_wait(pages->writer);
	smgrread(file, MAIN_FORKNUM, last, pages->own_pages);
	smgrwrite(file, MAIN_FORKNUM, last, pages->own_pages, false);
}

/* Those that are written, and any others, are not needed: the relation gets another file. */
void
new_pages_give_up(NewPages *pages)
{
	if (pages->batch != NULL)
		page_writer_give_back(pages->batch);
	pages->batch = NULL;
	pages->count = 0;
}

/*
 * When all are written: sees to it that they outlive a crash.  The next
 * checkpoint syncs the file; but one that began meanwhile relies on pages that were
 * logged before it and, maybe, written after it.  Only the last segment of a file
 * is certain to be synced then.
 */
void
new_pages_end(NewPages *pages)
{
	Assert(pages->count == 0);
	if (pages->batch != NULL)
		page_writer_give_back(pages->batch);
	if (pages->is_put)
		finish_batches(pages);
	file_growth_trim(RelationGetSmgr(pages->relation), new_pages_next_block(pages));
	pages->end_block = pages->next_block;
	if (RelationNeedsWAL(pages->relation) &&
		(pages->redo != GetRedoRecPtr() || new_pages_next_block(pages) > RELSEG_SIZE))
		smgrimmedsync(RelationGetSmgr(pages->relation), MAIN_FORKNUM);
}
