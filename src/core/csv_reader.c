/*
 * csv_reader.c
 *		Records of a CSV stream (RFC 4180 and what people really save).
 *
 * Reading is two steps, which csv_reader_next() takes at once:
 *
 *	csv_reader_next_raw()		finds where the record ends and checks its bytes;
 *	csv_reader_split_fields()	has libcsv split it into fields and unescape them.
 *
 * They are apart because a file that comes every day hardly changes: who knows a
 * record by its raw bytes need not split it.  libcsv alone could not do the
 * first step: it drops blank lines and tells no positions.
 *
 * The grammar.  A quote opens quoting only as the first byte of a field;
 * elsewhere in an unquoted field it is text.  Inside quotes all is text, "" is a
 * quote, and line breaks are kept as they are.  After the closing quote comes a
 * delimiter or the record's end.  Lines end with LF, CRLF or CR, mixed at will,
 * and are counted so inside quotes too.  Empty lines are no records, but count
 * as lines.  Blanks are text like any other.
 *
 * The buffer.
 *
 *		0          start      scan            end        capacity
 *		| done     | record begun             | free     | 1 spare byte |
 *
 * The source is asked for more only when [start, end) holds no whole record;
 * that part then moves to the front, so a block costs one short memmove.  What
 * has been scanned is not scanned again: the scan goes on at scan in the state in
 * which it stopped, and the next LF and CR are remembered while they lie ahead.
 * The buffer grows only for a record that is longer than it, up to
 * max_record_size.  All memory belongs to the reader, comes from the caller's
 * allocator and goes by csv_reader_close() or with the allocator's context.
 *
 * Faults.  Every rule below depends on the bytes alone, never on how the source
 * cuts them into blocks.  A record's encoding is judged before its quoting: where
 * that is wrong (UTF-16, say), quotes mean nothing.  An opening quote without a
 * closing one swallows what follows, so a record that reaches max_record_size
 * inside quotes is taken for one of those and reported as unterminated, at the
 * quote.  The first fault is final: all later calls return the same.
 *
 * libcsv's traps, and how we stay out of them: it strips blanks (see
 * csv_reader_split_fields); it grows its buffer by malloc, 128 bytes at a time (we give it one
 * of ours that is never too small); it reuses that buffer for the next field (see
 * store_field); its csv_fini is for records without a line end (ours always have
 * one: the spare byte is for the last).
 */
#include "csv_reader.h"
#include "csv_text.h"

#include <limits.h>
#include <string.h>

#include <csv.h>

#define READ_BLOCK_SIZE		65536
#define FIRST_FIELD_CAPACITY	64
#define BYTE_ORDER_MARK		"\xEF\xBB\xBF"
#define BYTE_ORDER_MARK_LENGTH	3

/* Where the scan of a record stands. */
typedef enum scan_state
{
	OUTSIDE_QUOTES,
	INSIDE_QUOTES,
	AFTER_QUOTE					/* after a quote that closes, or is the first of "" */
} scan_state;

typedef enum scan_result
{
	SCAN_FOUND_END,				/* scan is at the record's line end */
	SCAN_NEEDS_MORE,
	SCAN_TEXT_AFTER_QUOTE		/* scan is at that text */
} scan_result;

/*
 * The next byte of one kind: there is none from the scan up to position, and one
 * at position if found.  So a far line end is searched for once, not once a field.
 */
typedef struct byte_finder
{
	char		byte;
	bool		found;
	size_t		position;
} byte_finder;

struct csv_reader
{
	csv_allocator allocator;
	csv_source	source;
	void	   *source_context;
	char		delimiter;
	size_t		max_record_size;

	/* the stream */
	char	   *buffer;
	size_t		capacity;
	size_t		start;
	size_t		end;
	int64_t		buffer_offset;	/* of buffer[0] in the stream */
	int64_t		bytes_read;
	int64_t		line;			/* on which start lies */
	bool		begun;			/* the byte order mark has been dealt with */
	bool		source_ended;
	bool		after_carriage_return;	/* an LF at start belongs to the CR before it */
	csv_fault	fault;

	/* the scan of the record that begins at start */
	size_t		scan;
	scan_state	state;
	size_t		opening_quote;	/* the last one */
	bool		has_quoted_field;
	bool		has_escaped_quote;
	bool		has_literal_quote;
	byte_finder line_feed;
	byte_finder carriage_return;

	/* the fields of the last record */
	struct csv_parser parser;
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
 * Opens a reader on a source.  max_record_size is the most bytes of a record
 * without its line end.  The allocator is copied; the source is the caller's and
 * is not touched before the first record is asked for.
 */
csv_reader *
csv_reader_open(const csv_allocator *allocator, csv_source source, void *source_context,
				char delimiter, size_t max_record_size)
{
	csv_reader *reader = allocator->resize(allocator->context, NULL, sizeof(csv_reader));

	memset(reader, 0, sizeof(csv_reader));
	reader->allocator = *allocator;
	reader->source = source;
	reader->source_context = source_context;
	reader->max_record_size = max_record_size < INT_MAX - 1 ? max_record_size : INT_MAX - 1;
	reader->line = 1;
	reader->line_feed.byte = '\n';
	reader->carriage_return.byte = '\r';
	reader->capacity = READ_BLOCK_SIZE;
	reader->buffer = allocator->resize(allocator->context, NULL, reader->capacity + 1);

	csv_init(&reader->parser, 0);
	csv_set_realloc_func(&reader->parser, never_allocate);
	csv_reader_set_delimiter(reader, delimiter);
	return reader;
}

/* Frees the reader and all that it handed out.  The source stays open. */
void
csv_reader_close(csv_reader *reader)
{
	csv_allocator allocator = reader->allocator;

	if (reader->fields != NULL)
		allocator.release(allocator.context, reader->fields);
	if (reader->unescaped != NULL)
		allocator.release(allocator.context, reader->unescaped);
	if (reader->parser.entry_buf != NULL)
		allocator.release(allocator.context, reader->parser.entry_buf);
	allocator.release(allocator.context, reader->buffer);
	allocator.release(allocator.context, reader);
}

/* Sets another delimiter; only before the first record is asked for. */
void
csv_reader_set_delimiter(csv_reader *reader, char delimiter)
{
	reader->delimiter = delimiter;
	csv_set_delim(&reader->parser, (unsigned char) delimiter);
}

/* How many bytes the source has given so far. */
int64_t
csv_reader_bytes_read(const csv_reader *reader)
{
	return reader->bytes_read;
}

/* Keeps a finder right when the buffer's content moves to the front. */
static void
finder_move(byte_finder *finder, size_t distance)
{
	if (finder->position >= distance)
		finder->position -= distance;
	else
	{
		finder->position = 0;
		finder->found = false;
	}
}

/*
 * Where the finder's byte is next in [from, limit); limit if it is not there.
 * from never goes back.
 */
static size_t
finder_find(byte_finder *finder, const char *buffer, size_t from, size_t limit)
{
	if (finder->position < from)
	{
		finder->position = from;
		finder->found = false;
	}
	if (!finder->found && finder->position < limit)
	{
		const char *byte = memchr(buffer + finder->position, finder->byte,
								  limit - finder->position);

		finder->found = (byte != NULL);
		finder->position = finder->found ? (size_t) (byte - buffer) : limit;
	}
	return finder->position < limit ? finder->position : limit;
}

/* Gets at least one more byte behind end.  False: the stream has ended. */
static bool
fill_buffer(csv_reader *reader)
{
	size_t		room;
	size_t		count;

	if (reader->source_ended)
		return false;

	if (reader->start > 0)
	{
		size_t		distance = reader->start;

		memmove(reader->buffer, reader->buffer + distance, reader->end - distance);
		reader->buffer_offset += (int64_t) distance;
		reader->start = 0;
		reader->end -= distance;
		reader->scan = reader->scan > distance ? reader->scan - distance : 0;
		reader->opening_quote = reader->opening_quote > distance ?
			reader->opening_quote - distance : 0;
		finder_move(&reader->line_feed, distance);
		finder_move(&reader->carriage_return, distance);
	}

	if (reader->end == reader->capacity)
	{
		size_t		needed = reader->max_record_size + 1;
		size_t		capacity = reader->capacity < needed / 2 ? reader->capacity * 2 : needed;

		reader->buffer = reader->allocator.resize(reader->allocator.context, reader->buffer,
												  capacity + 1);
		reader->capacity = capacity;
	}

	room = reader->capacity - reader->end;
	count = reader->source(reader->source_context, reader->buffer + reader->end,
						   room < READ_BLOCK_SIZE ? room : READ_BLOCK_SIZE);
	if (count == 0)
		reader->source_ended = true;
	reader->end += count;
	reader->bytes_read += (int64_t) count;
	return count > 0;
}

/*
 * The stream's first bytes, byte order mark included: a block, or all if there
 * is less.  They stay to be read.  Only before the first record is asked for;
 * *data is valid until then.
 */
size_t
csv_reader_peek(csv_reader *reader, const char **data)
{
	while (reader->end < READ_BLOCK_SIZE && fill_buffer(reader))
		;
	*data = reader->buffer;
	return reader->end;
}

/* Whether these bytes are begun by a byte order mark. */
static bool
has_byte_order_mark(const char *data, size_t length)
{
	return length >= BYTE_ORDER_MARK_LENGTH &&
		memcmp(data, BYTE_ORDER_MARK, BYTE_ORDER_MARK_LENGTH) == 0;
}

/* Moves start to the first byte of the next record.  False: there is none. */
static bool
skip_to_record(csv_reader *reader)
{
	if (!reader->begun)
	{
		while (reader->end < BYTE_ORDER_MARK_LENGTH && fill_buffer(reader))
			;
		if (has_byte_order_mark(reader->buffer, reader->end))
			reader->start = BYTE_ORDER_MARK_LENGTH;
		reader->begun = true;
	}

	do
	{
		for (; reader->start < reader->end; reader->start++)
		{
			char		byte = reader->buffer[reader->start];

			if (byte != '\n' && byte != '\r')
			{
				reader->after_carriage_return = false;
				return true;
			}
			if (byte == '\r' || !reader->after_carriage_return)
				reader->line++;
			reader->after_carriage_return = (byte == '\r');
		}
	} while (fill_buffer(reader));
	return false;
}

/*
 * Records the fault that the record at start has at a position of the buffer, or
 * the fault of encoding before checked_end that explains it.
 */
static csv_result
set_fault(csv_reader *reader, csv_fault_code code, size_t position, size_t checked_end,
		  bool is_cut, csv_fault *fault)
{
	const char *raw = reader->buffer + reader->start;
	size_t		text_position = 0;
	csv_fault_code text_fault = csv_check_text(raw, checked_end - reader->start, is_cut,
										   &text_position);

	if (text_fault != CSV_FAULT_NONE)
	{
		code = text_fault;
		position = reader->start + text_position;
	}
	reader->fault.code = code;
	reader->fault.line = reader->line;
	reader->fault.fault_line = reader->line + csv_count_line_ends(raw, position - reader->start);
	reader->fault.offset = reader->buffer_offset + (int64_t) position;
	*fault = reader->fault;
	return CSV_FAULT;
}

/*
 * Goes on with the scan for the record's end, up to limit.
 *
 * Outside quotes only the next quote and the next line end matter: a quote that
 * begins a field has the delimiter, or nothing, before it.
 */
static scan_result
scan_record(csv_reader *reader, size_t limit)
{
	const char *buffer = reader->buffer;

	for (;;)
	{
		const char *quote;
		size_t		stop = limit;

		if (reader->state == AFTER_QUOTE)
		{
			if (reader->scan == limit)
				return SCAN_NEEDS_MORE;
			if (buffer[reader->scan] == '"')
			{
				reader->has_escaped_quote = true;
				reader->state = INSIDE_QUOTES;
			}
			else if (buffer[reader->scan] == reader->delimiter)
				reader->state = OUTSIDE_QUOTES;
			else if (buffer[reader->scan] == '\n' || buffer[reader->scan] == '\r')
				return SCAN_FOUND_END;
			else
				return SCAN_TEXT_AFTER_QUOTE;
			reader->scan++;
			continue;
		}

		if (reader->state == OUTSIDE_QUOTES)
		{
			stop = finder_find(&reader->line_feed, buffer, reader->scan, limit);
			stop = finder_find(&reader->carriage_return, buffer, reader->scan, stop);
		}
		quote = memchr(buffer + reader->scan, '"', stop - reader->scan);
		if (quote == NULL)
		{
			reader->scan = stop;
			return stop < limit ? SCAN_FOUND_END : SCAN_NEEDS_MORE;
		}

		reader->scan = (size_t) (quote - buffer) + 1;
		if (reader->state == INSIDE_QUOTES)
			reader->state = AFTER_QUOTE;
		else if (quote == buffer + reader->start || quote[-1] == reader->delimiter)
		{
			reader->opening_quote = (size_t) (quote - buffer);
			reader->has_quoted_field = true;
			reader->state = INSIDE_QUOTES;
		}
		else
			reader->has_literal_quote = true;
	}
}

/*
 * The next record as it came: sets all of *record but its fields, which
 * csv_reader_split_fields() may add.  On CSV_FAULT, sets *fault.  What *record
 * points to is valid until the next call.
 */
csv_result
csv_reader_next_raw(csv_reader *reader, csv_record *record, csv_fault *fault)
{
	size_t		text_position = 0;
	csv_fault_code text_fault;

	if (reader->fault.code != CSV_FAULT_NONE)
	{
		*fault = reader->fault;
		return CSV_FAULT;
	}
	if (!skip_to_record(reader))
		return CSV_END;

	reader->scan = reader->start;
	reader->state = OUTSIDE_QUOTES;
	reader->has_quoted_field = false;
	reader->has_escaped_quote = false;
	reader->has_literal_quote = false;

	for (;;)
	{
		/* the line end of a record of max_record_size bytes is the last to look at */
		size_t		window = reader->max_record_size + 1;
		bool		is_whole = (reader->end - reader->start >= window);
		size_t		limit = is_whole ? reader->start + window : reader->end;
		scan_result result = scan_record(reader, limit);

		if (result == SCAN_FOUND_END)
			break;
		if (result == SCAN_TEXT_AFTER_QUOTE)
			return set_fault(reader, reader->buffer[reader->scan] == '\0' ?
							 CSV_FAULT_NUL_BYTE : CSV_FAULT_TEXT_AFTER_QUOTE,
							 reader->scan, reader->scan, false, fault);
		if (!is_whole)
		{
			if (fill_buffer(reader))
				continue;
			limit = reader->end;	/* the record has moved all the same */
		}

		if (reader->state == INSIDE_QUOTES)
			return set_fault(reader, CSV_FAULT_UNTERMINATED_QUOTE, reader->opening_quote,
							 limit, is_whole, fault);
		if (is_whole)
			return set_fault(reader, CSV_FAULT_RECORD_TOO_LONG, reader->start, limit, true, fault);

		/* the last record, without a line end: give it one */
		reader->scan = reader->end;
		reader->buffer[reader->end] = '\n';
		break;
	}

	record->line = reader->line;
	record->offset = reader->buffer_offset + (int64_t) reader->start;
	record->raw = reader->buffer + reader->start;
	record->raw_length = reader->scan - reader->start;
	record->field_count = 0;
	record->fields = NULL;

	text_fault = csv_check_text(record->raw, record->raw_length, false, &text_position);
	if (text_fault != CSV_FAULT_NONE)
		return set_fault(reader, text_fault, reader->start + text_position, reader->start,
						 false, fault);

	if (reader->has_quoted_field)
		reader->line += csv_count_line_ends(record->raw, record->raw_length);
	if (reader->scan < reader->end)
	{
		reader->line++;
		reader->after_carriage_return = (reader->buffer[reader->scan] == '\r');
		reader->start = reader->scan + 1;
	}
	else
		reader->start = reader->end;
	return CSV_RECORD;
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

		if (reader->has_escaped_quote)
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
	if (*reader->field_start != reader->delimiter && *reader->field_start != '\n' &&
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
	csv_allocator *allocator = &reader->allocator;

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
													 reader->capacity + 1);
		reader->parser.entry_size = reader->capacity + 1;
	}
	if (reader->has_escaped_quote && reader->unescaped_size < raw_length)
	{
		reader->unescaped = allocator->resize(allocator->context, reader->unescaped,
											  reader->capacity);
		reader->unescaped_size = reader->capacity;
	}
}

/*
 * Splits the record that csv_reader_next_raw() has just given and sets its
 * fields; they are valid until the next call.
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
 * no fields and the next call reports a fault: better than a shifted column.
 */
void
csv_reader_split_fields(csv_reader *reader, csv_record *record)
{
	size_t		length = record->raw_length + 1;	/* with its line end */
	size_t		parsed;

	/* strict parsing refuses a quote in an unquoted field, which is text to us */
	csv_set_opts(&reader->parser, reader->has_literal_quote ? 0 : CSV_STRICT);
	if (reader->has_literal_quote)
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
		reader->fault.code = CSV_FAULT_TEXT_AFTER_QUOTE;
		reader->fault.line = record->line;
		reader->fault.fault_line = record->line;
		reader->fault.offset = record->offset;
		return;
	}
	record->field_count = (int) reader->field_count;
	record->fields = reader->fields;
}

/* The next record with its fields; see csv_reader_next_raw(). */
csv_result
csv_reader_next(csv_reader *reader, csv_record *record, csv_fault *fault)
{
	csv_result	result = csv_reader_next_raw(reader, record, fault);

	if (result == CSV_RECORD)
	{
		csv_reader_split_fields(reader, record);
		if (reader->fault.code != CSV_FAULT_NONE)
		{
			*fault = reader->fault;
			result = CSV_FAULT;
		}
	}
	return result;
}

/*
 * The delimiter that a stream with these first bytes seems to have: the one of
 * comma, semicolon, tab and bar that occurs most often outside quotes in the
 * first record; at a tie the one named first, so comma if there is none.
 */
char
csv_guess_delimiter(const char *data, size_t length)
{
	static const char candidates[] = {',', ';', '\t', '|'};
	size_t		counts[sizeof(candidates)] = {0};
	size_t		best = 0;
	size_t		i = has_byte_order_mark(data, length) ? BYTE_ORDER_MARK_LENGTH : 0;
	size_t		j;
	bool		inside_quotes = false;
	bool		may_open = true;	/* a field begins here, or "" goes on */

	while (i < length && (data[i] == '\n' || data[i] == '\r'))
		i++;
	for (; i < length && (inside_quotes || (data[i] != '\n' && data[i] != '\r')); i++)
	{
		const char *candidate = memchr(candidates, data[i], sizeof(candidates));

		if (inside_quotes)
		{
			inside_quotes = (data[i] != '"');
			may_open = true;
		}
		else if (data[i] == '"')
			inside_quotes = may_open;
		else
		{
			may_open = (candidate != NULL);
			if (candidate != NULL)
				counts[candidate - candidates]++;
		}
	}

	for (j = 1; j < sizeof(candidates); j++)
	{
		if (counts[j] > counts[best])
			best = j;
	}
	return candidates[best];
}
