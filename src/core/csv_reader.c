/*
 * csv_reader.c
 *		Records of a CSV stream (RFC 4180 and what people really save), in fields.
 *
 * Reading is three steps:
 *
 *	csv_encoding.c	turns what comes from the source into UTF-8;
 *	csv_splitter.c	finds where each record ends: csv_reader_next_raw();
 *	here			a record is split into fields, and these are unescaped:
 *					csv_reader_split().
 *
 * Most records have no quotes but around fields, and are split here, 16 bytes at a
 * time.  libcsv does the rest: escaped quotes, and quotes inside unquoted fields.
 *
 * csv_reader_next() takes all of them.  The last two are apart because a file that
 * comes every day hardly changes: who knows a record by its raw bytes need not
 * split it; and another process may do that, with a reader of its own.  libcsv alone could not do the second: it drops blank lines and tells
 * no positions.  What delimiter a stream has is csv_dialect.c's business.
 *
 * All memory belongs to the reader, comes from the caller's allocator and goes by
 * csv_reader_close() or with the allocator's context.
 *
 * libcsv's traps, and how we stay out of them: it strips blanks (see
 * split_fields); it grows its buffer by malloc, 128 bytes at a time (we
 * give it one of ours that is never too small); it reuses that buffer for the next
 * field (see store_field); its csv_fini is for records without a line end (ours
 * always have one: the splitter gives one to the last).
 */
#include "csv_reader.h"

#include <string.h>

#include <csv.h>

#include "byte_block.h"
#include "csv_splitter.h"

#define FIRST_FIELD_CAPACITY	64

struct csv_reader
{
	csv_splitter splitter;

	/* the fields of the last record */
	struct csv_parser parser;
	unsigned int quotes;		/* the record's that is parsed */
	csv_field  *fields;
	size_t		field_capacity;
	size_t		field_count;	/* may exceed the capacity while libcsv parses */
	bool		is_shortened;	/* libcsv has stripped blanks from a field */
	const char *field_start;	/* where in the raw record the next field begins */
	char	   *unescaped;		/* fields that held "" */
	size_t		unescaped_size;
	size_t		unescaped_length;
};

/* Tells libcsv that nothing is a blank to strip. */
static int
never_blank(unsigned char byte)
{
	(void) byte;
	return 0;
}

/* Keeps libcsv from ever allocating: it reports that as an error of its own. */
static void *
never_allocate(void *pointer, size_t size)
{
	(void) pointer;
	(void) size;
	return NULL;
}

/*
 * Opens a reader on a source.  max_record_size is the most bytes of a record, in
 * UTF-8 and without its line end.  The allocator is copied; the source is the
 * caller's and is not touched before the first record is asked for.
 */
csv_reader *
csv_reader_open(const csv_allocator *allocator, csv_source source, void *source_context,
				char delimiter, size_t max_record_size)
{
	csv_reader *reader = allocator->resize(allocator->context, NULL, sizeof(csv_reader));

	memset(reader, 0, sizeof(csv_reader));
	csv_splitter_open(&reader->splitter, allocator, source, source_context, delimiter,
					  max_record_size);
	csv_init(&reader->parser, 0);
	csv_set_realloc_func(&reader->parser, never_allocate);
	csv_reader_set_delimiter(reader, delimiter);
	return reader;
}

/* Frees the reader and all that it handed out.  The source stays open. */
void
csv_reader_close(csv_reader *reader)
{
	csv_allocator allocator = reader->splitter.allocator;

	if (reader->fields != NULL)
		allocator.release(allocator.context, reader->fields);
	if (reader->unescaped != NULL)
		allocator.release(allocator.context, reader->unescaped);
	if (reader->parser.entry_buf != NULL)
		allocator.release(allocator.context, reader->parser.entry_buf);
	csv_splitter_close(&reader->splitter);
	allocator.release(allocator.context, reader);
}

/* Sets another delimiter; only before the first record is asked for. */
void
csv_reader_set_delimiter(csv_reader *reader, char delimiter)
{
	reader->splitter.delimiter = delimiter;
	csv_set_delim(&reader->parser, (unsigned char) delimiter);
}

/* How many bytes the source has given so far. */
int64_t
csv_reader_bytes_read(const csv_reader *reader)
{
	return reader->splitter.decoder.bytes_read;
}

/* The stream's encoding as far as it has been read: final at its end or fault. */
csv_encoding
csv_reader_encoding(const csv_reader *reader)
{
	return reader->splitter.decoder.encoding;
}

/* The stream's first bytes, not yet read; see csv_splitter_peek(). */
size_t
csv_reader_peek(csv_reader *reader, const char **data)
{
	return csv_splitter_peek(&reader->splitter, data);
}

/*
 * The next record as it came: sets all of *record but its fields, which
 * csv_reader_split() may add.  On CSV_FAULT, sets *fault.  What *record
 * points to is valid until the next call.
 */
csv_result
csv_reader_next_raw(csv_reader *reader, csv_record *record, csv_fault *fault)
{
	return csv_splitter_next(&reader->splitter, record, fault);
}

/*
 * The same for as many of the next records, *count at most, as can be had together:
 * sets *count.  They are valid until records are asked for again.
 */
csv_result
csv_reader_next_batch(csv_reader *reader, csv_record *records, int *count, csv_fault *fault)
{
	csv_result	result = csv_splitter_next(&reader->splitter, records, fault);

	*count = result == CSV_RECORD ? 1 + csv_splitter_more(&reader->splitter, records + 1, *count - 1) : 0;
	return result;
}

/*
 * libcsv's callback for a field: only stores.
 *
 * The text that libcsv hands over is overwritten by the next field, but the raw
 * record holds the same bytes, unless the field had an escaped quote.  So only
 * those are copied.  Where the field lies in the record follows from its length:
 * its quotes are two bytes more, and each escaped quote is one more.  If it does
 * not end there, blanks were stripped, and what follows would be out of step.
 */
static void
store_field(void *text, size_t length, void *context)
{
	csv_reader *reader = context;
	csv_field	field;
	size_t		raw_length = length;

	if (reader->is_shortened)
		return;
	field.data = reader->field_start;
	field.length = length;
	field.quoted = (*reader->field_start == '"');
	if (field.quoted)
	{
		const char *end = (const char *) text + length;
		const char *next = text;
		size_t		escaped_quotes = 0;

		if ((reader->quotes & CSV_ESCAPED_QUOTE) != 0)
		{
			for (; (next = memchr(next, '"', (size_t) (end - next))) != NULL; next++)
				escaped_quotes++;
		}
		field.data++;
		raw_length += 2 + escaped_quotes;
		if (escaped_quotes > 0)
		{
			memcpy(reader->unescaped + reader->unescaped_length, text, length);
			field.data = reader->unescaped + reader->unescaped_length;
			reader->unescaped_length += length;
		}
	}
	reader->field_start += raw_length;
	if (*reader->field_start != reader->splitter.delimiter && *reader->field_start != '\n' &&
		*reader->field_start != '\r')
	{
		reader->is_shortened = true;
		return;
	}
	reader->field_start++;

	if (reader->field_count < reader->field_capacity)
		reader->fields[reader->field_count] = field;
	reader->field_count++;
}

/*
 * Makes the room that a record of this length needs: an array of fields, the
 * buffer in which libcsv collects a field, and ours for unescaped fields.
 */
static void
make_room(csv_reader *reader, size_t raw_length)
{
	csv_allocator *allocator = &reader->splitter.allocator;
	size_t		size = raw_length > reader->splitter.capacity ? raw_length : reader->splitter.capacity;

	if (reader->field_capacity < reader->field_count)
	{
		size_t		capacity = reader->field_capacity * 2;

		if (capacity < FIRST_FIELD_CAPACITY)
			capacity = FIRST_FIELD_CAPACITY;
		if (capacity < reader->field_count)
			capacity = reader->field_count;
		reader->fields = allocator->resize(allocator->context, reader->fields,
										   capacity * sizeof(csv_field));
		reader->field_capacity = capacity;
	}

	/* libcsv wants room for one byte more before it looks at the line end */
	if (reader->parser.entry_size < raw_length + 1)
	{
		reader->parser.entry_buf = allocator->resize(allocator->context, reader->parser.entry_buf,
													 size + 1);
		reader->parser.entry_size = size + 1;
	}
	if ((reader->quotes & CSV_ESCAPED_QUOTE) != 0 && reader->unescaped_size < raw_length)
	{
		reader->unescaped = allocator->resize(allocator->context, reader->unescaped,
											  size + CSV_RECORD_SLACK);
		reader->unescaped_size = size;
	}
}

/* Makes room for one more field. */
static void
grow_fields(csv_reader *reader)
{
	csv_allocator *allocator = &reader->splitter.allocator;

	reader->field_capacity = reader->field_capacity < FIRST_FIELD_CAPACITY ? FIRST_FIELD_CAPACITY :
		reader->field_capacity * 2;
	reader->fields = allocator->resize(allocator->context, reader->fields,
									   reader->field_capacity * sizeof(csv_field));
}

/* Adds the field from start up to end, with its quotes if it has any. */
static void
add_plain_field(csv_reader *reader, const char *start, const char *end)
{
	csv_field  *field;

	if (reader->field_count == reader->field_capacity)
		grow_fields(reader);
	field = &reader->fields[reader->field_count++];
	field->quoted = (start < end && *start == '"');
	field->data = start + field->quoted;
	field->length = (size_t) (end - start) - 2 * (size_t) field->quoted;
}

/*
 * Splits a record in which every quote opens or closes a field, without libcsv: the
 * splitter has seen to it that quotes stand where they may.
 */
static void
split_plain(csv_reader *reader, csv_record *record)
{
	const char *end = record->raw + record->raw_length;
	const char *start = record->raw;
	const char *block;
	bool		inside = false;

	reader->field_count = 0;
	for (block = record->raw; block < end; block += BYTE_BLOCK)
	{
		unsigned int special = byte_block_find(block, reader->splitter.delimiter) | byte_block_find(block, '"');

		if (end - block < BYTE_BLOCK)
			special &= (1u << (end - block)) - 1;
		for (; special != 0; special &= special - 1)
		{
			const char *byte = block + byte_block_first(special);

			if (*byte == '"')
				inside = !inside;
			else if (!inside)
			{
				add_plain_field(reader, start, byte);
				start = byte + 1;
			}
		}
	}
	add_plain_field(reader, start, end);
	record->field_count = (int) reader->field_count;
	record->fields = reader->fields;
}

/*
 * Splits the record into fields with libcsv.
 *
 * libcsv strips blanks around unquoted fields unless its test for a blank is
 * replaced, which costs it a call per byte and a fifth of the whole reader's time
 * (1M records, 146 MB: 0.77 s against 0.61 s).  Most files have no such blanks, so we let
 * it strip until it does: a field that comes out shorter than it is does not end
 * at a delimiter or line end of the raw record, as no unquoted field holds one.
 * Then the record is split again with the test replaced, which it stays.  A quote
 * inside an unquoted field, which a stripped blank would turn into an opening
 * one, is known from the scan.
 *
 * Should libcsv ever see another grammar than scan_record() does, the record gets
 * no fields but a fault: better than a shifted column.
 */
static csv_result
split_fields(csv_reader *reader, csv_record *record, csv_fault *fault)
{
	size_t		length = record->raw_length + 1;	/* with its line end */
	size_t		parsed;

	reader->quotes = record->quotes;
	/* strict parsing refuses a quote in an unquoted field, which is text to us */
	csv_set_opts(&reader->parser, (record->quotes & CSV_LITERAL_QUOTE) != 0 ? 0 : CSV_STRICT);
	if ((record->quotes & CSV_LITERAL_QUOTE) != 0)
		csv_set_space_func(&reader->parser, never_blank);

	reader->field_count = 1;
	for (;;)
	{
		/* again if the blanks were stripped or the array had too little room */
		make_room(reader, record->raw_length);
		reader->field_count = 0;
		reader->is_shortened = false;
		reader->field_start = record->raw;
		reader->unescaped_length = 0;
		parsed = csv_parse(&reader->parser, record->raw, length, store_field, NULL, reader);

		if (reader->parser.is_space == NULL && reader->field_start != record->raw + length)
			csv_set_space_func(&reader->parser, never_blank);
		else if (reader->field_count <= reader->field_capacity)
			break;
	}

	if (parsed != length || reader->field_start != record->raw + length)
	{
		fault->code = CSV_FAULT_TEXT_AFTER_QUOTE;
		fault->line = record->line;
		fault->fault_line = record->line;
		fault->offset = record->offset;
		return CSV_FAULT;
	}
	record->field_count = (int) reader->field_count;
	record->fields = reader->fields;
	return CSV_RECORD;
}

/*
 * Splits a record that csv_reader_next_raw() or csv_reader_next_batch() has given, of
 * this reader or of another, and sets its fields; they are valid until the next call.
 * Behind a copy of the record's bytes there must be one byte of its line end, and room
 * for CSV_FIELD_SLACK bytes more to be read.  On CSV_FAULT, sets *fault.
 */
csv_result
csv_reader_split(csv_reader *reader, csv_record *record, csv_fault *fault)
{
	if ((record->quotes & (CSV_ESCAPED_QUOTE | CSV_LITERAL_QUOTE)) != 0)
		return split_fields(reader, record, fault);
	split_plain(reader, record);
	return CSV_RECORD;
}

/* The next record with its fields; see csv_reader_next_raw(). */
csv_result
csv_reader_next(csv_reader *reader, csv_record *record, csv_fault *fault)
{
	csv_result	result = csv_splitter_next(&reader->splitter, record, fault);

	if (result == CSV_RECORD)
		result = csv_reader_split(reader, record, fault);
	if (result == CSV_FAULT)
		reader->splitter.fault = *fault;
	return result;
}
