/*
 * csv_source.h
 *		Where CSV comes from and where its reader's memory lies, in the server.
 */
#ifndef ORGSYNC_CSV_SOURCE_H
#define ORGSYNC_CSV_SOURCE_H

#include "compat.h"

#include "core/csv_reader.h"

/* Bytes in memory, which stay the caller's. */
typedef struct csv_memory_source
{
	const char *data;
	size_t		length;
	size_t		position;
} csv_memory_source;

/* A file on the server. */
typedef struct csv_file_source
{
	int			descriptor;
	const char *path;
	int64		size;
} csv_file_source;

/* A large object of the database. */
typedef struct csv_large_object_source
{
	int			descriptor;		/* as lo_open() gives */
	int64		size;
} csv_large_object_source;

extern void csv_memory_source_open(csv_memory_source *source, const char *data, size_t length);
extern void csv_memory_source_open_text(csv_memory_source *source, const char *text,
										size_t length);
extern size_t csv_memory_source_read(void *context, char *buffer, size_t size);
extern void csv_memory_source_rewind(void *context);

extern void csv_file_source_open(csv_file_source *source, const char *path);
extern size_t csv_file_source_read(void *context, char *buffer, size_t size);
extern void csv_file_source_rewind(void *context);
extern void csv_file_source_close(csv_file_source *source);

extern void csv_large_object_source_open(csv_large_object_source *source, Oid large_object);
extern size_t csv_large_object_source_read(void *context, char *buffer, size_t size);
extern void csv_large_object_source_rewind(void *context);
extern void csv_large_object_source_close(csv_large_object_source *source);

extern csv_allocator csv_allocator_in(MemoryContext memory_context);

#endif
