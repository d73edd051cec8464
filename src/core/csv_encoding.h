/*
 * csv_encoding.h
 *		Turns the bytes of a CSV stream into UTF-8.  Plain C: no server header.
 *
 * A part of the reader: see csv_encoding.c for the design.
 */
#ifndef ORGSYNC_CORE_CSV_ENCODING_H
#define ORGSYNC_CORE_CSV_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csv_reader.h"

/* The least room that csv_decoder_read() can do with: a character. */
#define CSV_DECODER_MIN_ROOM	4

/* The most that it gives, and asks of the source, at a time. */
#define CSV_BLOCK_SIZE			65536

typedef struct csv_decoder
{
	csv_allocator allocator;
	csv_source	source;
	void	   *source_context;
	int64_t		bytes_read;		/* that the source has given */
	bool		begun;
	bool		source_ended;
	csv_encoding encoding;
	csv_fault_code fault;		/* what is wrong with the byte behind the last one given */

	/* UTF-8 */
	bool		has_multibyte;
	unsigned char carry[CSV_DECODER_MIN_ROOM];	/* a character that a block has cut */
	size_t		carry_length;

	/* the others: bytes of the source that wait to be decoded; NULL for UTF-8 */
	unsigned char *pending;
	size_t		pending_start;
	size_t		pending_end;
} csv_decoder;

extern void csv_decoder_open(csv_decoder *decoder, const csv_allocator *allocator,
							 csv_source source, void *source_context);
extern size_t csv_decoder_read(csv_decoder *decoder, char *buffer, size_t size);
extern int64_t csv_encoded_length(csv_encoding encoding, const char *utf8, size_t length);
extern void csv_decoder_close(csv_decoder *decoder);

#endif
