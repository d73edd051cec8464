/*
 * buffer.h
 *		Bytes that grow, up to a limit.  Plain C.
 */
#ifndef XLSX_CORE_BUFFER_H
#define XLSX_CORE_BUFFER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct xlsx_buffer
{
	char	   *data;
	size_t		length;
	size_t		capacity;
	size_t		limit;			/* of the length */
} xlsx_buffer;

/* Makes room for so many bytes more; false if there is none. */
static inline bool
xlsx_buffer_reserve(xlsx_buffer *buffer, size_t size)
{
	size_t		capacity = buffer->capacity ? buffer->capacity : 256;
	char	   *data;

	if (size > buffer->limit || buffer->length > buffer->limit - size)
		return false;
	if (buffer->length + size <= buffer->capacity)
		return true;
	while (capacity < buffer->length + size)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

static inline bool
xlsx_buffer_append(xlsx_buffer *buffer, const void *data, size_t size)
{
	if (!xlsx_buffer_reserve(buffer, size))
		return false;
	memcpy(buffer->data + buffer->length, data, size);
	buffer->length += size;
	return true;
}

static inline void
xlsx_buffer_free(xlsx_buffer *buffer)
{
	free(buffer->data);
	buffer->data = NULL;
	buffer->length = buffer->capacity = 0;
}

#endif
