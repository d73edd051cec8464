/*
 * file_growth.c
 *		Makes the file of a relation longer by many pages at once.
 *
 * Before PostgreSQL 16, who writes many rows makes the file longer one page at a time,
 * writes it with zeros, and asks the system for its end and the others for a lock each time.
 * Here that is done once for many, and the system is asked for their room on the disk, as later
 * versions ask: a disk that is full shall be an error of the statement, not of the next
 * checkpoint.
 *
 * The pages come into the shared buffers before the file has them, and are locked
 * until it has, so that nobody can find one and use it before.
 */
#include "file_growth.h"

#include <fcntl.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"
#include "utils/wait_event.h"

/* Pages that are added to a table at once. */
#define TABLE_PAGES		64

/* Pages of a new file that the system is asked at once to have room for: 8 MB; a segment has a multiple of them. */
#define PREALLOCATED_PAGES	1024

/*
 * The first pages of a new file go to the disk when the system likes, further ones so many at a
 * time: 128 MB, and 8 MB.
 */
#define WAITING_PAGES		(16 * 1024)
#define HANDED_PAGES		1024

/* The path of the segment of a relation's main file that a page belongs to, palloc'd. */
static char *
segment_path(SMgrRelation file, BlockNumber block)
{
	BlockNumber segment = block / RELSEG_SIZE;
	char	   *path = compat_path_of(file);
	char	   *numbered;

	if (segment == 0)
		return path;
	numbered = psprintf("%s.%u", path, segment);
	pfree(path);
	return numbered;
}

/* Opens that segment, until CloseTransientFile(); -1: it cannot. */
static int
open_segment(SMgrRelation file, BlockNumber block)
{
	char	   *path = segment_path(file, block);
	int			descriptor = OpenTransientFile(path, O_RDWR | PG_BINARY);

	pfree(path);
	return descriptor;
}

/* Are so many pages from the first on in a segment that there is?  What is in several, or makes one, is the server's matter. */
static bool
are_in_segment(BlockNumber first, int count)
{
	BlockNumber in_segment = first % RELSEG_SIZE;

	return in_segment > 0 && in_segment + count <= RELSEG_SIZE;
}

/* ---- new files, which are written past the shared buffers ---- */

/*
 * Asks the system for room on the disk for the next PREALLOCATED_PAGES of a file, if it is
 * about to have a multiple of them: where a page has its place on the disk already, whoever
 * writes it does not wait for what is written to the disk meanwhile.  The file stays as
 * long as it is.  If that cannot be, it does not matter.
 */
void
file_growth_preallocate(SMgrRelation file, BlockNumber first, int count)
{
#ifdef FALLOC_FL_KEEP_SIZE
	BlockNumber next = (first + count) / PREALLOCATED_PAGES * PREALLOCATED_PAGES;
	int			descriptor;

	/* small files may be very many */
	if (next < 2 * PREALLOCATED_PAGES || next < first || next % RELSEG_SIZE == 0 ||
		(descriptor = open_segment(file, next)) < 0)
		return;
	(void) fallocate(descriptor, FALLOC_FL_KEEP_SIZE, (off_t) (next % RELSEG_SIZE) * BLCKSZ,
					 (off_t) PREALLOCATED_PAGES * BLCKSZ);
	(void) CloseTransientFile(descriptor);
#endif
}

/* The path of the segment that has so many pages from the first on, palloc'd; NULL: it is in several, or there is none yet. */
char *
file_growth_path(SMgrRelation file, BlockNumber first, int count)
{
	return are_in_segment(first, count) ? segment_path(file, first) : NULL;
}

/*
 * Makes a file, which nobody reads, at least so many pages long, up to a multiple of PREALLOCATED_PAGES, and
 * returns how many it has then.  What is behind its end after all, file_growth_trim() cuts off.
 */
BlockNumber
file_growth_extend(SMgrRelation file, BlockNumber count)
{
	char		space[BLCKSZ + PAGE_ALIGNMENT] = {0};
	BlockNumber end = ((count - 1) / PREALLOCATED_PAGES + 1) * PREALLOCATED_PAGES;

	smgrextend(file, MAIN_FORKNUM, end - 1, (char *) TYPEALIGN(PAGE_ALIGNMENT, space), false);
	return end;
}

/*
 * Writes pages to the end of a file, which nobody else knows of, and sees to it that the next
 * checkpoint syncs it.  They are written at once: that takes the system a third of the time
 * where it keeps files in larger pieces than pages.
 */
void
file_growth_write(SMgrRelation file, BlockNumber first, char *pages, int count)
{
	ssize_t		size = (ssize_t) (count - 1) * BLCKSZ;
	int			written = 0;
	int			descriptor = count > 1 && are_in_segment(first, count) ? open_segment(file, first) : -1;

	if (descriptor >= 0)
	{
		pgstat_report_wait_start(WAIT_EVENT_DATA_FILE_EXTEND);
		if (pg_pwrite(descriptor, pages, size, (off_t) (first % RELSEG_SIZE) * BLCKSZ) == size)
			written = count - 1;
		pgstat_report_wait_end();
		(void) CloseTransientFile(descriptor);
	}
	/* the last one in any case, and the others if they could not be written: the server says why */
	for (int i = written; i < count; i++)
		smgrextend(file, MAIN_FORKNUM, first + i, pages + i * BLCKSZ, i < count - 1);
}

/*
 * When so many pages of a new file have been written: if it is large, they begin their way to the
 * disk.  A load of millions of people makes more pages than the system keeps.  Left alone,
 * it begins with the oldest: with temporary files, which nobody needs on the disk, and
 * which take their time to be removed from it (measured, 4 million people: a twentieth of
 * the import).  Besides, the next checkpoint has less to wait for.
 */
void
file_growth_hand_over(SMgrRelation file, BlockNumber first, int count)
{
	BlockNumber end = (first + count) / HANDED_PAGES * HANDED_PAGES;

	if (end > first && end > WAITING_PAGES && !COMPAT_WRITES_PAST_CACHE)
		smgrwriteback(file, MAIN_FORKNUM, end - HANDED_PAGES, HANDED_PAGES);
}

/* Gives back what was asked for and is behind the first pages of a file, so many. */
void
file_growth_trim(SMgrRelation file, BlockNumber count)
{
	int			descriptor = count % RELSEG_SIZE == 0 ? -1 : open_segment(file, count);

	if (descriptor < 0)
		return;
	/* that the file has this size already does not keep the system from it */
	(void) !ftruncate(descriptor, (off_t) (count % RELSEG_SIZE) * BLCKSZ);
	(void) CloseTransientFile(descriptor);
}

/* ---- files that others use too ---- */

#if COMPAT_GROWS_BY_PAGE

/* Asks the system for room for so many pages at the end of the file; false if it can not, for whatever reason. */
static bool
allocate(SMgrRelation file, BlockNumber first, int count)
{
	bool		done = false;
#ifdef HAVE_POSIX_FALLOCATE
	int			descriptor = are_in_segment(first, count) ? open_segment(file, first) : -1;

	if (descriptor >= 0)
	{
		done = posix_fallocate(descriptor, (off_t) (first % RELSEG_SIZE) * BLCKSZ, (off_t) count * BLCKSZ) == 0;
		(void) CloseTransientFile(descriptor);
	}
#endif
	return done;
}

/* Makes the file, which has "first" pages, longer by so many. */
static void
add_zeros(SMgrRelation file, BlockNumber first, int count)
{
	PGAlignedBlock zeros = {{0}};

	/* the last one is written in any case: so the file will be synced by the next checkpoint */
	for (int i = allocate(file, first, count) ? count - 1 : 0; i < count; i++)
		smgrextend(file, MAIN_FORKNUM, first + i, zeros.data, false);
}

#else
#define add_zeros(file, first, count)	smgrzeroextend(file, MAIN_FORKNUM, first, count, false)
#endif

/*
 * Adds so many pages to the end of the file, and returns their buffers, which are
 * locked, and whose pages are not initialized.  False, and no page, if there are too few
 * buffers for that, or if the file cannot be longer: the server knows what to do then.
 */
bool
file_growth_add(Relation relation, BufferAccessStrategy strategy, Buffer *buffers, int count)
{
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
		add_zeros(RelationGetSmgr(relation), first, count);
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
