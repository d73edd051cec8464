/*
 * spool.c
 *		A sequence of bytes that is written once and read again and again.
 *
 * The first part lies in memory; what is beyond the limit goes to temporary
 * files, which belong to the resource owner that was the current one when the
 * spool was made.  So an import of a few rows makes no file, and one of millions
 * takes no more memory.
 *
 * Files are written and read by large blocks, unlike a BufFile, whose are of 8 kB:
 * that takes the system a third of the time where it keeps files in larger pieces.
 * They are many, so that each can be removed when it was read for the last time: its
 * place, in memory at first, is then free for what is written meanwhile.
 */
#include "spool.h"

#include "commands/tablespace.h"
#include "executor/instrument.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"

#define FIRST_CAPACITY	8192

/* What is written to a file, and read, at once. */
#define BLOCK_SIZE		(256 * 1024)

/* So much is in each file but the last. */
#define SPOOL_FILE_SIZE		(64 * BLOCK_SIZE)

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
	File	   *files;
	int			file_count;
	int			file_capacity;
	int			removed_count;	/* of the first ones */
	off_t		file_size;		/* of all together */
	off_t		file_position;	/* of what is behind the block that is read */
	bool		is_drained;
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

/* ---- the files ---- */

static void
add_file(Spool *spool)
{
	ResourceOwner old_owner = CurrentResourceOwner;

	if (spool->file_count == spool->file_capacity)
	{
		spool->file_capacity = Max(spool->file_capacity * 2, 16);
		spool->files = spool->files == NULL ? MemoryContextAlloc(spool->context, sizeof(File) * spool->file_capacity) :
			repalloc(spool->files, sizeof(File) * spool->file_capacity);
	}
	CurrentResourceOwner = spool->owner;
	PrepareTempTablespaces();
	spool->files[spool->file_count] = OpenTemporaryFile(false);
	spool->file_count++;
	CurrentResourceOwner = old_owner;
}

static void
write_block(Spool *spool)
{
	int			size = (int) spool->block_size;
	File		file;

	if (spool->file_size % SPOOL_FILE_SIZE == 0)
		add_file(spool);
	file = spool->files[spool->file_count - 1];
	if (FileWrite(file, spool->block, size, spool->file_size % SPOOL_FILE_SIZE, WAIT_EVENT_BUFFILE_WRITE) != size)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not write to file \"%s\": %m", FilePathName(file)));
	pgBufferUsage.temp_blks_written += (size + BLCKSZ - 1) / BLCKSZ;
	spool->file_size += size;
	spool->block_size = 0;
}

/* Removes the files before the number. */
static void
remove_files(Spool *spool, int number)
{
	for (; spool->removed_count < number; spool->removed_count++)
		FileClose(spool->files[spool->removed_count]);
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
	int			number = (int) (spool->file_position / SPOOL_FILE_SIZE);
	File		file;

	if (spool->is_drained)
		remove_files(spool, number);
	if (wanted == 0)
		return false;
	file = spool->files[number];
	if (FileRead(file, spool->block, wanted, spool->file_position % SPOOL_FILE_SIZE, WAIT_EVENT_BUFFILE_READ) != wanted)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read from file \"%s\": %m", FilePathName(file)));
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
			spool->block = MemoryContextAlloc(spool->context, BLOCK_SIZE);
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

/* Goes back to the beginning, to read; not after spool_drain(). */
void
spool_rewind(Spool *spool)
{
	Assert(!spool->is_drained);
	if (spool->block != NULL && spool->file_position == 0 && spool->block_size > 0)
		write_block(spool);
	spool->position = 0;
	spool->file_position = 0;
	spool->block_size = spool->block_position = 0;
}

/* The same, to read for the last time, if that frees anything. */
void
spool_drain(Spool *spool)
{
	spool_rewind(spool);
	spool->is_drained = spool->file_count > 1;
}

/* May the spool not be read again? */
bool
spool_is_drained(const Spool *spool)
{
	return spool->is_drained;
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

/* Frees the memory and the temporary files. */
void
spool_free(Spool *spool)
{
	remove_files(spool, spool->file_count);
	if (spool->memory != NULL)
		pfree(spool->memory);
	if (spool->block != NULL)
		pfree(spool->block);
	if (spool->files != NULL)
		pfree(spool->files);
	pfree(spool);
}
