/*
 * file_growth.c
 *		Makes the file of a relation longer by many pages at once.
 *
 * Before PostgreSQL 16, who writes many rows makes the file longer one page at a time,
 * and asks the system for its end and the others for a lock each time.  Here that is done
 * once for many.  Each page is written, though with zeros: a disk that is full shall be an
 * error of the statement, not of the next checkpoint.
 *
 * The pages come into the shared buffers before the file has them, and are locked
 * until it has, so that nobody can find one and use it before.
 */
#include "file_growth.h"

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"

/* Pages that are added to a table at once. */
#define TABLE_PAGES		64

/*
 * Adds so many pages to the end of the file, and returns their buffers, which are
 * locked, and whose pages are not initialized.  False, and no page, if there are too few
 * buffers for that, or if the file cannot be longer: the server knows what to do then.
 */
bool
file_growth_add(Relation relation, BufferAccessStrategy strategy, Buffer *buffers, int count)
{
	PGAlignedBlock zeros = {{0}};
	BlockNumber first;
	bool		has_room;

	/* what a session may hold of the buffers at once */
	if (count > NBuffers / MaxBackends)
		return false;
	LockRelationForExtension(relation, ExclusiveLock);
	first = RelationGetNumberOfBlocks(relation);
	has_room = first < MaxBlockNumber - count;
	if (has_room)
	{
		for (int i = 0; i < count; i++)
			buffers[i] = ReadBufferExtended(relation, MAIN_FORKNUM, first + i, RBM_ZERO_AND_LOCK, strategy);
		for (int i = 0; i < count; i++)
			smgrextend(RelationGetSmgr(relation), MAIN_FORKNUM, first + i, zeros.data, false);
	}
	UnlockRelationForExtension(relation, ExclusiveLock);
	return has_room;
}

/*
 * Sees to it that a table that will get many rows has pages for them.  The free space map
 * tells who writes rows of the new ones, as it does where several sessions make a file
 * longer together (hio.c); those that are not needed after all are found by whoever writes
 * the next rows.
 */
void
file_growth_reserve(Relation relation, BufferAccessStrategy strategy)
{
	Buffer		buffers[TABLE_PAGES];
	BlockNumber first;

	/* pages with less room are soon full */
	if (GetPageWithFreeSpace(relation, BLCKSZ / 2) != InvalidBlockNumber ||
		!file_growth_add(relation, strategy, buffers, TABLE_PAGES))
		return;
	first = BufferGetBlockNumber(buffers[0]);
	for (int i = 0; i < TABLE_PAGES; i++)
	{
		UnlockReleaseBuffer(buffers[i]);
		RecordPageWithFreeSpace(relation, first + i, BLCKSZ - SizeOfPageHeaderData);
	}
	FreeSpaceMapVacuumRange(relation, first, first + TABLE_PAGES);
}
