/*
 * csv_reader.h
 *		Records of a CSV stream, one at a time, in constant memory.
 *
 * Plain C: no server header.  See csv_reader.c for the design.
 */
#ifndef ORGSYNC_CORE_CSV_READER_H
#define ORGSYNC_CORE_CSV_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where memory comes from: the server's contexts, or malloc in a fuzzer. */
typedef struct csv_allocator
{
	/* pointer may be NULL; never returns NULL */
	void	   *(*resize) (void *context, void *pointer, size_t size);
	void		(*release) (void *context, void *pointer);
	void	   *context;
} csv_allocator;

/*
 * Fills buffer with up to size bytes and returns how many; 0 is the end.  It
 * may leave by longjmp: the reader is then simply not used again, and its
 * memory goes with the allocator's.
 */
typedef size_t (*csv_source) (void *context, char *buffer, size_t size);

/* What the stream turned out to be in; everything read from it is UTF-8. */
typedef enum csv_encoding
{
	CSV_ENCODING_UTF8,			/* ASCII too */
	CSV_ENCODING_UTF16LE,
	CSV_ENCODING_UTF16BE,
	CSV_ENCODING_WIN1252
} csv_encoding;

/* So many bytes from the beginning of a field may be read, whatever its length. */
#define CSV_FIELD_SLACK		16

typedef struct csv_field
{
	const char *data;			/* not NUL-terminated; valid until the next call */
	size_t		length;
	bool		quoted;
} csv_field;

/* Bits of csv_record.quotes: the record has */
#define CSV_QUOTED_FIELD	0x01
#define CSV_ESCAPED_QUOTE	0x02	/* "" inside quotes */
#define CSV_LITERAL_QUOTE	0x04	/* one inside an unquoted field */

typedef struct csv_record
{
	int64_t		line;			/* physical line on which the record begins, from 1 */
	int64_t		offset;			/* of its first byte in the stream as it came, from 0, BOM included */
	const char *raw;			/* the record in UTF-8, without its line end, but with one byte behind it */
	size_t		raw_length;
	unsigned int quotes;
	int			field_count;
	const csv_field *fields;
} csv_record;

typedef enum csv_fault_code
{
	CSV_FAULT_NONE,
	CSV_FAULT_UNTERMINATED_QUOTE,	/* the stream ends, or max_record_size is reached, inside quotes */
	CSV_FAULT_TEXT_AFTER_QUOTE, /* "abc"def */
	CSV_FAULT_NUL_BYTE,			/* or U+0000 in UTF-16 */
	CSV_FAULT_NOT_UTF8,			/* nor what the stream's encoding is, if that is another */
	CSV_FAULT_RECORD_TOO_LONG,	/* longer than max_record_size, and not inside quotes there */
	CSV_FAULT_GZIP,				/* no text at all: compressed by gzip */
	CSV_FAULT_ZIP,				/* a zip archive; a workbook of Excel (.xlsx) is one */
	CSV_FAULT_OLD_WORKBOOK		/* a workbook of an older Excel (.xls) */
} csv_fault_code;

/*
 * Where the fault is: of an unterminated quote, the opening quote; of a record
 * too long, its first byte; else the first byte that is wrong.
 */
typedef struct csv_fault
{
	csv_fault_code code;
	int64_t		line;			/* line on which the faulty record begins */
	int64_t		fault_line;		/* physical line of the fault itself */
	int64_t		offset;			/* of the fault in the stream as it came, in bytes from 0 */
} csv_fault;

typedef enum csv_result
{
	CSV_RECORD,
	CSV_END,
	CSV_FAULT
} csv_result;

typedef struct csv_reader csv_reader;

extern csv_reader *csv_reader_open(const csv_allocator *allocator, csv_source source,
								   void *source_context, char delimiter, size_t max_record_size);
extern size_t csv_reader_peek(csv_reader *reader, const char **data);
extern void csv_reader_set_delimiter(csv_reader *reader, char delimiter);
extern csv_result csv_reader_next(csv_reader *reader, csv_record *record, csv_fault *fault);
extern csv_result csv_reader_next_raw(csv_reader *reader, csv_record *record, csv_fault *fault);
extern csv_result csv_reader_next_batch(csv_reader *reader, csv_record *records, int *count, csv_fault *fault);
extern csv_result csv_reader_split(csv_reader *reader, csv_record *record, csv_fault *fault);
extern int64_t csv_reader_bytes_read(const csv_reader *reader);
extern csv_encoding csv_reader_encoding(const csv_reader *reader);
extern void csv_reader_close(csv_reader *reader);

extern const char *csv_encoding_name(csv_encoding encoding);
extern char csv_guess_delimiter(const char *data, size_t length);	/* see csv_dialect.h */

#endif
