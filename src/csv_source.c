/*
 * csv_source.c
 *		Where CSV comes from and where its reader's memory lies, in the server.
 *
 * A source is a struct that its user owns and a function ending in _read that
 * csv_reader_open() takes together with it.  The reader asks for a block at a
 * time, so that each block is a point at which a query can be cancelled.
 *
 * Bytes are given to the reader as they are, and it finds out their encoding and
 * what is wrong with them, by line and offset; text is in the database's encoding
 * and is converted to UTF-8 first.  In an SQL_ASCII database nobody knows what
 * text is in, so that counts as bytes.
 */
#include "csv_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "libpq/be-fsstubs.h"
#include "libpq/libpq-fs.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

/* Opens a source on bytes that stay as they are until the reader is done. */
void
csv_memory_source_open(csv_memory_source *source, const char *data, size_t length)
{
	source->data = data;
	source->length = length;
	source->position = 0;
}

/*
 * The same for text in the database's encoding.  Where that is not UTF-8, the
 * converted text is allocated in the current memory context.
 */
void
csv_memory_source_open_text(csv_memory_source *source, const char *text, size_t length)
{
	if (GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		char	   *converted = pg_server_to_any(text, (int) length, PG_UTF8);

		if (converted != text)
		{
			text = converted;
			length = strlen(converted);
		}
	}
	csv_memory_source_open(source, text, length);
}

/* A csv_source; context is a csv_memory_source. */
size_t
csv_memory_source_read(void *context, char *buffer, size_t size)
{
	csv_memory_source *source = context;

	CHECK_FOR_INTERRUPTS();
	if (size > source->length - source->position)
		size = source->length - source->position;
	memcpy(buffer, source->data + source->position, size);
	source->position += size;
	return size;
}

/* Goes back to the first byte. */
void
csv_memory_source_rewind(void *context)
{
	((csv_memory_source *) context)->position = 0;
}

/*
 * Opens a file on the server, for roles that may read such files, as COPY FROM
 * does.  path must last as long as the source.  An error or the end of the
 * subtransaction closes the file too.
 *
 * Only regular files are read.  A device may have no end; and who opens a named
 * pipe waits for its writer without being able to be cancelled, so the file is
 * opened without waiting, which changes nothing for regular ones.
 */
void
csv_file_source_open(csv_file_source *source, const char *path)
{
	struct stat status;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read a file on the server"),
				 errdetail("Only roles with privileges of the role \"%s\" may do so.",
						   "pg_read_server_files"),
				 errhint("Pass the file's content as bytea, which needs no such privilege.")));

	source->path = path;
	source->descriptor = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (source->descriptor < 0)
	{
		int			open_errno = errno;

		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", path),
				 (open_errno == ENOENT || open_errno == EACCES) ?
				 errhint("The file must be on the server, where the PostgreSQL process can read it.") :
				 0));
	}

	if (fstat(source->descriptor, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	if (S_ISDIR(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a directory", path)));
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path),
				 errhint("Save what is to be imported to a file first.")));
	source->size = status.st_size;
}

/* A csv_source; context is a csv_file_source. */
size_t
csv_file_source_read(void *context, char *buffer, size_t size)
{
	csv_file_source *source = context;
	ssize_t		count;

	CHECK_FOR_INTERRUPTS();
	count = read(source->descriptor, buffer, size);
	if (count < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", source->path)));
	return (size_t) count;
}

/* Goes back to the file's first byte. */
void
csv_file_source_rewind(void *context)
{
	csv_file_source *source = context;

	if (lseek(source->descriptor, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in file \"%s\": %m", source->path)));
}

/* Closes the file. */
void
csv_file_source_close(csv_file_source *source)
{
	if (CloseTransientFile(source->descriptor) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", source->path)));
	source->descriptor = -1;
}

/* Goes to one end of a large object and returns the place. */
static int64
seek(const csv_large_object_source *source, int whence)
{
	return DatumGetInt64(DirectFunctionCall3(be_lo_lseek64, Int32GetDatum(source->descriptor),
											 Int64GetDatum(0), Int32GetDatum(whence)));
}

/*
 * Opens a large object, for roles that may read it, as lo_get() does.  The server's
 * own descriptors are used, as only they are sure to be closed at an error or the
 * end of the transaction.
 */
void
csv_large_object_source_open(csv_large_object_source *source, Oid large_object)
{
	source->descriptor = DatumGetInt32(DirectFunctionCall2(be_lo_open,
														   ObjectIdGetDatum(large_object),
														   Int32GetDatum(INV_READ)));
	source->size = seek(source, SEEK_END);
	(void) seek(source, SEEK_SET);
}

/* A csv_source; context is a csv_large_object_source. */
size_t
csv_large_object_source_read(void *context, char *buffer, size_t size)
{
	csv_large_object_source *source = context;

	CHECK_FOR_INTERRUPTS();
	return (size_t) lo_read(source->descriptor, buffer, (int) Min(size, MaxAllocSize));
}

/* Goes back to the large object's first byte. */
void
csv_large_object_source_rewind(void *context)
{
	(void) seek(context, SEEK_SET);
}

/* Closes the large object. */
void
csv_large_object_source_close(csv_large_object_source *source)
{
	(void) DirectFunctionCall1(be_lo_close, Int32GetDatum(source->descriptor));
}

/* csv_allocator.resize; context is a MemoryContext. */
static void *
resize_in_context(void *context, void *pointer, size_t size)
{
	if (pointer == NULL)
		return MemoryContextAllocHuge((MemoryContext) context, size);
	return repalloc_huge(pointer, size);
}

/* csv_allocator.release */
static void
release_in_context(void *context, void *pointer)
{
	(void) context;
	pfree(pointer);
}

/* The allocator whose memory lies in a memory context, and goes with it. */
csv_allocator
csv_allocator_in(MemoryContext memory_context)
{
	csv_allocator allocator;

	allocator.resize = resize_in_context;
	allocator.release = release_in_context;
	allocator.context = memory_context;
	return allocator;
}
