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
 */
#include "new_pages.h"

#include "access/xlog.h"
#include "access/xloginsert.h"
#include "file_growth.h"
#include "miscadmin.h"
#include "storage/smgr.h"
#include "wal_handover.h"

/* Pages that are written at once; one record of the WAL could hold twice as many, the cache could not. */
#define BATCH_PAGES		16

/* What aligned writing needs. */
#define PAGE_ALIGNMENT	4096

/* Gives the relation a new file, which is empty.  The memory is palloc'd in the current context. */
void
new_pages_begin(NewPages *pages, Relation relation)
{
	pages->relation = relation;
	pages->pages = (char *) TYPEALIGN(PAGE_ALIGNMENT, palloc(BATCH_PAGES * BLCKSZ + PAGE_ALIGNMENT));
	pages->count = 0;
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
	return smgrnblocks(RelationGetSmgr(pages->relation), MAIN_FORKNUM);
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

/* Writes those that wait, which have been logged, to the next blocks, of which the caller knows the first. */
void
new_pages_write(NewPages *pages, BlockNumber first)
{
	SMgrRelation file = RelationGetSmgr(pages->relation);

	file_growth_preallocate(file, first, pages->count);
	for (int i = 0; i < pages->count; i++)
		compat_page_set_checksum(new_pages_get(pages, i), first + i);
	file_growth_write(file, first, pages->pages, pages->count);
	file_growth_hand_over(file, first, pages->count);
	pages->count = 0;
	wal_handover();
	CHECK_FOR_INTERRUPTS();
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
	file_growth_trim(RelationGetSmgr(pages->relation), new_pages_next_block(pages));
	if (RelationNeedsWAL(pages->relation) &&
		(pages->redo != GetRedoRecPtr() || new_pages_next_block(pages) > RELSEG_SIZE))
		smgrimmedsync(RelationGetSmgr(pages->relation), MAIN_FORKNUM);
}
