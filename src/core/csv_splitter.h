/*
 * csv_splitter.h
 *		Cuts a CSV stream into records.  Plain C: no server header.
 *
 * A part of the reader: see csv_splitter.c for the design.
 */
#ifndef ORGSYNC_CORE_CSV_SPLITTER_H
#define ORGSYNC_CORE_CSV_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csv_encoding.h"
#include "csv_reader.h"

/* So many bytes behind a record may be read, whatever stands there. */
#define CSV_RECORD_SLACK	CSV_FIELD_SLACK

/* Where the scan of a record stands. */
typedef enum csv_scan_state
{
	OUTSIDE_QUOTES,
	INSIDE_QUOTES,
	AFTER_QUOTE					/* after a quote that closes, or is the first of "" */
} csv_scan_state;

typedef struct csv_splitter
{
	csv_decoder decoder;
	csv_allocator allocator;
	char		delimiter;
	size_t		max_record_size;

	/* the stream, in UTF-8 */
	char	   *buffer;
	size_t		capacity;
	size_t		start;
	size_t		end;
	size_t		counted;		/* a place in the buffer, at or before start */
	int64_t		counted_offset; /* and where it was in the stream as it came */
	int64_t		line;			/* on which start lies */
	bool		begun;			/* the byte order mark has been dealt with */
	bool		stream_ended;
	bool		after_carriage_return;	/* an LF at start belongs to the CR before it */
	csv_fault	fault;

	/* the scan of the record that begins at start */
	size_t		scan;
	csv_scan_state state;
	size_t		opening_quote;	/* the last one */
	unsigned int quotes;		/* of it so far; see csv_record */
} csv_splitter;

extern void csv_splitter_open(csv_splitter *splitter, const csv_allocator *allocator,
							  csv_source source, void *source_context, char delimiter,
							  size_t max_record_size);
extern size_t csv_splitter_peek(csv_splitter *splitter, const char **data);
extern csv_result csv_splitter_next(csv_splitter *splitter, csv_record *record, csv_fault *fault);
extern int	csv_splitter_more(csv_splitter *splitter, csv_record *records, int count);
extern void csv_splitter_close(csv_splitter *splitter);

#endif
