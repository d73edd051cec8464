/*
 * spool.c
 *		A sequence of bytes that is written once and read again and again.
 *
 * The first part lies in memory; what is beyond the limit goes to a temporary
 * file, which belongs to the resource owner that was the current one when the
 * spool was made.  So an import of a few rows makes no file, and one of millions
 * takes no more memory.
 */
#include "spool.h"

#include "commands/tablespace.h"
#include "storage/buffile.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define FIRST_CAPACITY	8192

struct Spool
{
	MemoryContext context;
	ResourceOwner owner;
	Size		limit;
	char	   *memory;
	Size		capacity;
	Size		used;
	BufFile    *file;			/* NULL: all is in memory */
	Size		position;		/* in memory, to be read next */
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

static void
create_file(Spool *spool)
{
	ResourceOwner old_owner = CurrentResourceOwner;
	MemoryContext old_context = MemoryContextSwitchTo(spool->context);

	CurrentResourceOwner = spool->owner;
	PrepareTempTablespaces();
	spool->file = BufFileCreateTemp(false);
	CurrentResourceOwner = old_owner;
	MemoryContextSwitchTo(old_context);
}

/* Adds to the end; not after spool_rewind(). */
void
spool_write(Spool *spool, const void *data, Size size)
{
	if (spool->file == NULL && spool->used + size > spool->capacity)
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
	if (spool->file != NULL)
		BufFileWrite(spool->file, unconstify(void *, data), size);
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
	spool->position = 0;
	if (spool->file != NULL && BufFileSeek(spool->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not rewind a temporary file: %m"));
}

/* Reads so many bytes; false at the end. */
bool
spool_read(Spool *spool, void *data, Size size)
{
	Size		count = Min(size, spool->used - spool->position);

	if (count > 0)				/* there may be no memory else */
		memcpy(data, spool->memory + spool->position, count);
	spool->position += count;
	if (count < size && spool->file != NULL)
		count += BufFileRead(spool->file, (char *) data + count, size - count);
	if (count != 0 && count != size)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read from a temporary file: read only %zu of %zu bytes", count, size));
	return count == size;
}

/* Frees the memory and the temporary file. */
void
spool_free(Spool *spool)
{
	if (spool->memory != NULL)
		pfree(spool->memory);
	if (spool->file != NULL)
		BufFileClose(spool->file);
	pfree(spool);
}
