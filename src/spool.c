/*
 * spool.c
 *		A sequence of bytes that is written once and read again and again.
 *
 * The first part lies in memory; what is beyond the limit goes to a temporary
 * file, which belongs to the resource owner that was the current one when the
 * spool was made.  So an import of a few rows makes no file, and one of millions
 * takes no more memory.
 *
 * The file is written and read by large blocks, unlike a BufFile, whose are of 8 kB:
 * that takes the system a third of the time where it keeps files in larger pieces.
 */
#include "spool.h"

#include "commands/tablespace.h"
#include "executor/instrument.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"

#define FIRST_CAPACITY	8192

/* What is written to the file, and read, at once. */
#define BLOCK_SIZE		(256 * 1024)

struct Spool
{
	MemoryContext context;
	ResourceOwner owner;
	Size		limit;
	char	   *memory;
	Size		capacity;
	Size		used;
	Size		position;		/* in memory, to be read next */

	/* what is beyond the limit */
	char	   *block;			/* NULL: all is in memory */
	Size		block_size;		/* bytes in it */
	Size		block_position; /* to be read next */
	File		file;
	off_t		file_size;
	off_t		file_position;	/* of what is behind the block that is read */
};

/* An empty spool, palloc'd in the current memory context. */
Spool *
spool_create(Size memory_limit)
{
	Spool	   *spool = palloc0(sizeof(Spool));

	spool->context = CurrentMemoryContext;
	spool->owner = CurrentResourceOwner;
	spool->limit = memory_limit;
	return spool;
}

/* ---- the file ---- */

static void
create_file(Spool *spool)
{
	ResourceOwner old_owner = CurrentResourceOwner;

	CurrentResourceOwner = spool->owner;
	PrepareTempTablespaces();
	spool->file = OpenTemporaryFile(false);
	CurrentResourceOwner = old_owner;
	spool->block = MemoryContextAlloc(spool->context, BLOCK_SIZE);
}

static void
write_block(Spool *spool)
{
	int			size = (int) spool->block_size;

	if (FileWrite(spool->file, spool->block, size, spool->file_size, WAIT_EVENT_BUFFILE_WRITE) != size)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not write to file \"%s\": %m", FilePathName(spool->file)));
	pgBufferUsage.temp_blks_written += (size + BLCKSZ - 1) / BLCKSZ;
	spool->file_size += size;
	spool->block_size = 0;
}

static void
write_to_file(Spool *spool, const char *data, Size size)
{
	while (size > 0)
	{
		Size		count = Min(size, BLOCK_SIZE - spool->block_size);

		memcpy(spool->block + spool->block_size, data, count);
		spool->block_size += count;
		if (spool->block_size == BLOCK_SIZE)
			write_block(spool);
		data += count;
		size -= count;
	}
}

/* Reads the next block; false at the end. */
static bool
read_block(Spool *spool)
{
	int			wanted = (int) Min(spool->file_size - spool->file_position, BLOCK_SIZE);

	if (wanted == 0)
		return false;
	if (FileRead(spool->file, spool->block, wanted, spool->file_position, WAIT_EVENT_BUFFILE_READ) != wanted)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read from file \"%s\": %m", FilePathName(spool->file)));
	pgBufferUsage.temp_blks_read += (wanted + BLCKSZ - 1) / BLCKSZ;
	spool->file_position += wanted;
	spool->block_size = wanted;
	spool->block_position = 0;
	return true;
}

/* Reads so many bytes, or those that there are; returns how many. */
static Size
read_from_file(Spool *spool, char *data, Size size)
{
	Size		done = 0;

	while (done < size)
	{
		Size		count = Min(size - done, spool->block_size - spool->block_position);

		if (count == 0 && !read_block(spool))
			break;
		memcpy(data + done, spool->block + spool->block_position, count);
		spool->block_position += count;
		done += count;
	}
	return done;
}

/* ---- all of it ---- */

/* Adds to the end; not after spool_rewind(). */
void
spool_write(Spool *spool, const void *data, Size size)
{
	if (spool->block == NULL && spool->used + size > spool->capacity)
	{
		Size		capacity = Max(spool->capacity * 2, FIRST_CAPACITY);

		while (capacity < spool->used + size)
			capacity *= 2;
		if (spool->used + size > spool->limit)
			create_file(spool);
		else
		{
			spool->memory = spool->memory == NULL ? MemoryContextAllocHuge(spool->context, capacity) :
				repalloc_huge(spool->memory, capacity);
			spool->capacity = capacity;
		}
	}
	if (spool->block != NULL)
		write_to_file(spool, data, size);
	else if (size > 0)			/* data may be NULL else */
	{
		memcpy(spool->memory + spool->used, data, size);
		spool->used += size;
	}
}

/* Goes back to the beginning, to read. */
void
spool_rewind(Spool *spool)
{
	if (spool->block != NULL && spool->file_position == 0 && spool->block_size > 0)
		write_block(spool);
	spool->position = 0;
	spool->file_position = 0;
	spool->block_size = spool->block_position = 0;
}

/* Reads so many bytes; false at the end. */
bool
spool_read(Spool *spool, void *data, Size size)
{
	Size		count = Min(size, spool->used - spool->position);

	if (count > 0)				/* there may be no memory else */
		memcpy(data, spool->memory + spool->position, count);
	spool->position += count;
	if (count < size && spool->block != NULL)
		count += read_from_file(spool, (char *) data + count, size - count);
	if (count != 0 && count != size)
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg_internal("a spool ends after %zu of %zu bytes", count, size));
	return count == size;
}

/* Frees the memory and the temporary file. */
void
spool_free(Spool *spool)
{
	if (spool->memory != NULL)
		pfree(spool->memory);
	if (spool->block != NULL)
	{
		FileClose(spool->file);
		pfree(spool->block);
	}
	pfree(spool);
}
