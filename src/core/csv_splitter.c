/*
 * csv_splitter.c
 *		Cuts a CSV stream into records.
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
 *		| done     | record begun             | free     | 1 spare byte | slack |
 *
 * The decoder is asked for more only when [start, end) holds no whole record;
 * that part then moves to the front, so a block costs one short memmove.  What
 * has been scanned is not scanned again: the scan goes on at scan in the state in
 * which it stopped.
 * The buffer grows only for a record that is longer than it, up to
 * max_record_size.
 *
 * Faults.  Every rule below depends on the bytes alone, never on how the source
 * cuts them into blocks.  The decoder ends the stream before a byte that cannot
 * be decoded, so that a record which is not complete then has that fault, unless
 * its quoting was wrong before.  An opening quote without a closing one swallows
 * what follows, so a record that reaches max_record_size inside quotes is taken
 * for one of those and reported as unterminated, at the quote.  The first fault
 * is final: all later calls return the same.
 *
 * Positions are told in the stream as it came.  The place of one byte of the
 * buffer is kept, and moves on from record to record; others are counted from it.
 */
#include "csv_splitter.h"

#include <limits.h>
#include <string.h>

#include "byte_block.h"

#define BYTE_ORDER_MARK		"\xEF\xBB\xBF"
#define BYTE_ORDER_MARK_LENGTH	3

typedef enum scan_result
{
	SCAN_FOUND_END,				/* scan is at the record's line end */
	SCAN_NEEDS_MORE,
	SCAN_TEXT_AFTER_QUOTE		/* scan is at that text */
} scan_result;

/*
 * Makes a splitter of a source, which is not touched before the first record is
 * asked for.  max_record_size is the most bytes of a record, in UTF-8 and without
 * its line end.  The allocator is copied; the source is the caller's.
 */
void
csv_splitter_open(csv_splitter *splitter, const csv_allocator *allocator, csv_source source,
				  void *source_context, char delimiter, size_t max_record_size)
{
	memset(splitter, 0, sizeof(csv_splitter));
	csv_decoder_open(&splitter->decoder, allocator, source, source_context);
	splitter->allocator = *allocator;
	splitter->delimiter = delimiter;
	splitter->max_record_size = max_record_size < INT_MAX / 2 ? max_record_size : INT_MAX / 2;
	splitter->line = 1;
	splitter->capacity = CSV_BLOCK_SIZE;
	splitter->buffer = allocator->resize(allocator->context, NULL,
										 splitter->capacity + 1 + CSV_RECORD_SLACK);
}

/* Frees what the splitter has allocated. */
void
csv_splitter_close(csv_splitter *splitter)
{
	csv_decoder_close(&splitter->decoder);
	splitter->allocator.release(splitter->allocator.context, splitter->buffer);
}

/* How many lines end in this part of a record. */
static int64_t
count_line_ends(const char *data, size_t length)
{
	const char *end = data + length;
	const char *next;
	int64_t		count = 0;

	for (next = data; (next = memchr(next, '\n', (size_t) (end - next))) != NULL; next++)
		count++;
	for (next = data; (next = memchr(next, '\r', (size_t) (end - next))) != NULL; next++)
	{
		if (next + 1 == end || next[1] != '\n')
			count++;
	}
	return count;
}

/* Where this place of the buffer, not before start, was in the stream as it came. */
static int64_t
stream_offset(const csv_splitter *splitter, size_t position)
{
	return splitter->counted_offset +
		csv_encoded_length(splitter->decoder.encoding, splitter->buffer + splitter->counted,
						   position - splitter->counted);
}

/* Moves the place that is kept to start, behind which no question goes any more. */
static void
keep_offset(csv_splitter *splitter)
{
	splitter->counted_offset = stream_offset(splitter, splitter->start);
	splitter->counted = splitter->start;
}

/* Gets at least one more byte behind end.  False: the stream has ended. */
static bool
fill_buffer(csv_splitter *splitter)
{
	size_t		count;

	if (splitter->stream_ended)
		return false;

	if (splitter->start > 0)
	{
		size_t		distance = splitter->start;

		keep_offset(splitter);
		splitter->counted = 0;
		memmove(splitter->buffer, splitter->buffer + distance, splitter->end - distance);
		splitter->start = 0;
		splitter->end -= distance;
		splitter->scan = splitter->scan > distance ? splitter->scan - distance : 0;
		splitter->opening_quote = splitter->opening_quote > distance ?
			splitter->opening_quote - distance : 0;
	}

	if (splitter->capacity - splitter->end < CSV_DECODER_MIN_ROOM)
	{
		size_t		needed = splitter->max_record_size + 1 + CSV_DECODER_MIN_ROOM;
		size_t		capacity = splitter->capacity < needed / 2 ? splitter->capacity * 2 : needed;

		splitter->buffer = splitter->allocator.resize(splitter->allocator.context,
													  splitter->buffer,
													  capacity + 1 + CSV_RECORD_SLACK);
		splitter->capacity = capacity;
	}

	count = csv_decoder_read(&splitter->decoder, splitter->buffer + splitter->end,
							 splitter->capacity - splitter->end);
	splitter->stream_ended = (count == 0);
	splitter->end += count;
	return count > 0;
}

/*
 * The stream's first bytes in UTF-8, byte order mark included: about a block, or
 * all if there is less.  They stay to be read.  Only before the first record is
 * asked for; *data is valid until then.
 */
size_t
csv_splitter_peek(csv_splitter *splitter, const char **data)
{
	while (CSV_BLOCK_SIZE - splitter->end >= CSV_DECODER_MIN_ROOM && fill_buffer(splitter))
		;
	*data = splitter->buffer;
	return splitter->end;
}

/*
 * Moves start over empty lines to the first byte of a record.  False: there is none
 * in the buffer.
 */
static bool
skip_empty_lines(csv_splitter *splitter)
{
	for (; splitter->start < splitter->end; splitter->start++)
	{
		char		byte = splitter->buffer[splitter->start];

		if (byte != '\n' && byte != '\r')
		{
			splitter->after_carriage_return = false;
			return true;
		}
		if (byte == '\r' || !splitter->after_carriage_return)
			splitter->line++;
		splitter->after_carriage_return = (byte == '\r');
	}
	return false;
}

/* Moves start to the first byte of the next record.  False: there is none. */
static bool
skip_to_record(csv_splitter *splitter)
{
	if (!splitter->begun)
	{
		while (splitter->end < BYTE_ORDER_MARK_LENGTH && fill_buffer(splitter))
			;
		if (splitter->end >= BYTE_ORDER_MARK_LENGTH &&
			memcmp(splitter->buffer, BYTE_ORDER_MARK, BYTE_ORDER_MARK_LENGTH) == 0)
			splitter->start = BYTE_ORDER_MARK_LENGTH;
		splitter->begun = true;
	}

	do
	{
		if (skip_empty_lines(splitter))
			return true;
	} while (fill_buffer(splitter));
	return false;
}

/* Records the fault that the record at start has at a position of the buffer. */
static csv_result
set_fault(csv_splitter *splitter, csv_fault_code code, size_t position, csv_fault *fault)
{
	splitter->fault.code = code;
	splitter->fault.line = splitter->line;
	splitter->fault.fault_line = splitter->line +
		count_line_ends(splitter->buffer + splitter->start, position - splitter->start);
	splitter->fault.offset = stream_offset(splitter, position);
	*fault = splitter->fault;
	return CSV_FAULT;
}

/* Which of the bytes of a block are quotes or line ends. */
static inline unsigned int
find_in_block(const char *block)
{
	return byte_block_find(block, '"') | byte_block_find(block, '\n') | byte_block_find(block, '\r');
}

/* Where the next quote or line end is in [from, limit); limit if there is none. */
static inline size_t
find_quote_or_end(const char *buffer, size_t from, size_t limit)
{
	unsigned int found;

	for (; limit - from >= BYTE_BLOCK; from += BYTE_BLOCK)
	{
		found = find_in_block(buffer + from);
		if (found != 0)
			return from + byte_block_first(found);
	}
	if (from == limit)
		return limit;
	found = find_in_block(buffer + from) & ((1u << (limit - from)) - 1);
	return found != 0 ? from + byte_block_first(found) : limit;
}

/*
 * Goes on with the scan for the record's end, up to limit.
 *
 * Outside quotes only the next quote and the next line end matter: a quote that
 * begins a field has the delimiter, or nothing, before it.
 */
static scan_result
scan_record(csv_splitter *splitter, size_t limit)
{
	const char *buffer = splitter->buffer;

	for (;;)
	{
		if (splitter->state == OUTSIDE_QUOTES)
		{
			splitter->scan = find_quote_or_end(buffer, splitter->scan, limit);
			if (splitter->scan == limit)
				return SCAN_NEEDS_MORE;
			if (buffer[splitter->scan] != '"')
				return SCAN_FOUND_END;
			if (splitter->scan == splitter->start || buffer[splitter->scan - 1] == splitter->delimiter)
			{
				splitter->opening_quote = splitter->scan;
				splitter->quotes |= CSV_QUOTED_FIELD;
				splitter->state = INSIDE_QUOTES;
			}
			else
				splitter->quotes |= CSV_LITERAL_QUOTE;
			splitter->scan++;
		}
		else if (splitter->state == INSIDE_QUOTES)
		{
			const char *quote = memchr(buffer + splitter->scan, '"', limit - splitter->scan);

			splitter->scan = quote == NULL ? limit : (size_t) (quote - buffer) + 1;
			if (quote == NULL)
				return SCAN_NEEDS_MORE;
			splitter->state = AFTER_QUOTE;
		}
		else
		{
			if (splitter->scan == limit)
				return SCAN_NEEDS_MORE;
			if (buffer[splitter->scan] == '"')
			{
				splitter->quotes |= CSV_ESCAPED_QUOTE;
				splitter->state = INSIDE_QUOTES;
			}
			else if (buffer[splitter->scan] == splitter->delimiter)
				splitter->state = OUTSIDE_QUOTES;
			else if (buffer[splitter->scan] == '\n' || buffer[splitter->scan] == '\r')
				return SCAN_FOUND_END;
			else
				return SCAN_TEXT_AFTER_QUOTE;
			splitter->scan++;
		}
	}
}

/* Begins to scan the record at start. */
static void
begin_scan(csv_splitter *splitter)
{
	splitter->scan = splitter->start;
	splitter->state = OUTSIDE_QUOTES;
	splitter->quotes = 0;
}

/*
 * Finds the end of the record at start and sets scan to it.  CSV_FAULT: it has
 * none that is right, and *fault is set.
 */
static csv_result
find_record_end(csv_splitter *splitter, csv_fault *fault)
{
	begin_scan(splitter);
	for (;;)
	{
		/* the line end of a record of max_record_size bytes is the last to look at */
		size_t		window = splitter->max_record_size + 1;
		bool		is_whole = (splitter->end - splitter->start >= window);
		size_t		limit = is_whole ? splitter->start + window : splitter->end;
		scan_result result = scan_record(splitter, limit);

		if (result == SCAN_FOUND_END)
			return CSV_RECORD;
		if (result == SCAN_TEXT_AFTER_QUOTE)
			return set_fault(splitter, CSV_FAULT_TEXT_AFTER_QUOTE, splitter->scan, fault);
		if (!is_whole)
		{
			if (fill_buffer(splitter))
				continue;
			if (splitter->decoder.fault != CSV_FAULT_NONE)
				return set_fault(splitter, splitter->decoder.fault, splitter->end, fault);
		}
		if (splitter->state == INSIDE_QUOTES)
			return set_fault(splitter, CSV_FAULT_UNTERMINATED_QUOTE, splitter->opening_quote,
							 fault);
		if (is_whole)
			return set_fault(splitter, CSV_FAULT_RECORD_TOO_LONG, splitter->start, fault);

		/* the last record, without a line end: give it one */
		splitter->scan = splitter->end;
		splitter->buffer[splitter->end] = '\n';
		return CSV_RECORD;
	}
}

/* Gives the record from start to scan, and goes on behind it. */
static void
take_record(csv_splitter *splitter, csv_record *record)
{
	keep_offset(splitter);
	record->line = splitter->line;
	record->offset = splitter->counted_offset;
	record->raw = splitter->buffer + splitter->start;
	record->raw_length = splitter->scan - splitter->start;
	record->quotes = splitter->quotes;
	record->field_count = 0;
	record->fields = NULL;

	if ((splitter->quotes & CSV_QUOTED_FIELD) != 0)
		splitter->line += count_line_ends(record->raw, record->raw_length);
	if (splitter->scan < splitter->end)
	{
		splitter->line++;
		splitter->after_carriage_return = (splitter->buffer[splitter->scan] == '\r');
		splitter->start = splitter->scan + 1;
	}
	else
		splitter->start = splitter->end;
}

/*
 * The next record: sets all of *record but its fields.  On CSV_FAULT, sets
 * *fault.  What *record points to is valid until the next call.
 */
csv_result
csv_splitter_next(csv_splitter *splitter, csv_record *record, csv_fault *fault)
{
	if (splitter->fault.code != CSV_FAULT_NONE)
	{
		*fault = splitter->fault;
		return CSV_FAULT;
	}
	if (!skip_to_record(splitter))
	{
		if (splitter->decoder.fault != CSV_FAULT_NONE)
			return set_fault(splitter, splitter->decoder.fault, splitter->end, fault);
		return CSV_END;
	}
	if (find_record_end(splitter, fault) == CSV_FAULT)
		return CSV_FAULT;
	take_record(splitter, record);
	return CSV_RECORD;
}

/*
 * So many of the records that follow, but only whole ones that are in the buffer
 * already: returns how many.  Those that were given before stay valid.  Whatever is
 * wrong is left to csv_splitter_next().
 */
int
csv_splitter_more(csv_splitter *splitter, csv_record *records, int count)
{
	int			given;

	for (given = 0; given < count && skip_empty_lines(splitter); given++)
	{
		size_t		window = splitter->max_record_size + 1;
		size_t		length = splitter->end - splitter->start;

		begin_scan(splitter);
		if (scan_record(splitter, splitter->start + (length < window ? length : window)) != SCAN_FOUND_END)
			break;
		take_record(splitter, &records[given]);
	}
	return given;
}
