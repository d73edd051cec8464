/*
 * fuzz.h
 *		What the fuzzers of the core have in common.  Plain C: no server header.
 *
 * Each fuzz_NAME.c defines LLVMFuzzerTestOneInput(), the entry point that
 * libFuzzer, AFL++ and replay.c all call with one input.  It not only runs the
 * code, it also checks what must hold whatever the input is; CHECK() aborts, which
 * every fuzzer takes for a crash.
 */
#ifndef ORGSYNC_FUZZ_H
#define ORGSYNC_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/csv_reader.h"

#define CHECK(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A copy of exactly that length on the heap, so that AddressSanitizer sees the
 * first byte that is read beyond it.
 */
static inline char *
fuzz_copy(const void *data, size_t length)
{
	char	   *copy = malloc(length > 0 ? length : 1);

	CHECK(copy != NULL);
	if (length > 0)
		memcpy(copy, data, length);
	return copy;
}

/* Does one piece of text lie within another? */
static inline bool
fuzz_is_within(const char *part, size_t part_length, const char *whole, size_t whole_length)
{
	return part >= whole && part + part_length <= whole + whole_length;
}

/* csv_allocator on malloc(). */
static inline void *
fuzz_resize(void *context, void *pointer, size_t size)
{
	void	   *resized = realloc(pointer, size);

	(void) context;
	CHECK(resized != NULL);
	return resized;
}

static inline void
fuzz_release(void *context, void *pointer)
{
	(void) context;
	free(pointer);
}

static const csv_allocator fuzz_allocator = {fuzz_resize, fuzz_release, NULL};

/* Bytes that grow; free(data) in the end. */
typedef struct fuzz_bytes
{
	char	   *data;
	size_t		length;
	size_t		capacity;
} fuzz_bytes;

static inline void
fuzz_add(fuzz_bytes *to, const void *data, size_t length)
{
	if (to->length + length > to->capacity)
	{
		to->capacity = (to->length + length) * 2;
		to->data = fuzz_resize(NULL, to->data, to->capacity);
	}
	if (length > 0)
		memcpy(to->data + to->length, data, length);
	to->length += length;
}

/*
 * A csv_source over bytes, which come in blocks whose sizes seed decides: all at
 * once for 0, one by one for 1, else anything up to seed.
 */
typedef struct fuzz_source
{
	const char *next;
	size_t		remaining;
	unsigned	seed;
	unsigned	state;
} fuzz_source;

static inline fuzz_source
fuzz_source_of(const char *data, size_t length, unsigned seed)
{
	fuzz_source source = {data, length, seed, 1};

	return source;
}

static inline size_t
fuzz_source_read(void *context, char *buffer, size_t size)
{
	fuzz_source *source = context;

	if (source->seed > 0)
	{
		size_t		most;

		source->state = source->state * 1103515245u + 12345u;
		most = 1 + (source->state >> 16) % source->seed;
		if (size > most)
			size = most;
	}
	if (size > source->remaining)
		size = source->remaining;
	if (size > 0)
		memcpy(buffer, source->next, size);
	source->next += size;
	source->remaining -= size;
	return size;
}

#endif
