/*
 * fuzz_reader.c
 *		Fuzzes the reader of CSV: encodings, dialects, records, fields, faults.
 *
 * The input's first three bytes choose the delimiter, the greatest size of a
 * record, how the stream is cut into blocks, and whether records are then taken
 * several at a time; the rest is the stream.
 *
 * What must hold: the records do not depend on any of that; lines and offsets go
 * up; fields are what a splitter of the plainest kind makes of the raw record;
 * and what csv_write_cell() writes of them is read as the same fields.
 */
#include "fuzz.h"

#include "core/csv_dialect.h"
#include "core/csv_writer.h"
#include "core/header.h"

static void
add_number(fuzz_bytes *to, int64_t number)
{
	fuzz_add(to, &number, sizeof(number));
}

static csv_header_rank
rank_header(void *context, const char *text, size_t length)
{
	return csv_header_rank_for(context, text, length);
}

/*
 * The field that begins at *next, split in the plainest way; content has room for
 * the whole record.  Sets *next behind the delimiter, or to NULL at the end.
 */
static size_t
split_plainly(const char **next, const char *end, char delimiter, char *content, bool *quoted)
{
	const char *at = *next;
	size_t		length = 0;

	*quoted = (at < end && *at == '"');
	if (*quoted)
	{
		for (at++;; at++)
		{
			CHECK(at < end);
			if (*at == '"' && (at + 1 == end || at[1] != '"'))
				break;
			if (*at == '"')
				at++;
			content[length++] = *at;
		}
		at++;
	}
	else
	{
		while (at < end && *at != delimiter)
			content[length++] = *at++;
	}
	CHECK(at == end || *at == delimiter);
	*next = at == end ? NULL : at + 1;
	return length;
}

/* Are the record's fields those that its raw bytes hold? */
static void
check_fields(const csv_record *record, char delimiter)
{
	const char *next = record->raw;
	const char *end = record->raw + record->raw_length;
	char	   *content = malloc(record->raw_length + 1);
	int			i;

	CHECK(content != NULL);
	for (i = 0; next != NULL; i++)
	{
		bool		quoted;
		size_t		length = split_plainly(&next, end, delimiter, content, &quoted);

		CHECK(i < record->field_count);
		CHECK(record->fields[i].length == length);
		CHECK(record->fields[i].quoted == quoted);
		CHECK(length == 0 || memcmp(record->fields[i].data, content, length) == 0);
	}
	CHECK(i == record->field_count);
	free(content);
}

/* Writes the fields and reads them again. */
static void
check_round_trip(const csv_record *record, char delimiter)
{
	fuzz_bytes	written = {NULL, 0, 0};
	fuzz_source source;
	csv_reader *reader;
	csv_record	again;
	csv_fault	fault;
	int			i;

	/* a record of one empty cell would be an empty line, which is no record */
	if (record->field_count == 1 && record->fields[0].length == 0)
		return;
	fuzz_add(&written, "first\n", 6);
	for (i = 0; i < record->field_count; i++)
	{
		size_t		length = record->fields[i].length;
		char	   *cell = malloc(CSV_CELL_MAX_SIZE(length));

		CHECK(cell != NULL);
		length = csv_write_cell(cell, record->fields[i].data, length, delimiter, false);
		CHECK(length <= CSV_CELL_MAX_SIZE(record->fields[i].length));
		fuzz_add(&written, &delimiter, i > 0 ? 1 : 0);
		fuzz_add(&written, cell, length);
		free(cell);
	}
	fuzz_add(&written, "\r\n", 2);

	source = fuzz_source_of(written.data, written.length, 0);
	reader = csv_reader_open(&fuzz_allocator, fuzz_source_read, &source, delimiter, 1 << 24);
	CHECK(csv_reader_next(reader, &again, &fault) == CSV_RECORD);
	CHECK(csv_reader_next(reader, &again, &fault) == CSV_RECORD);
	CHECK(again.field_count == record->field_count);
	for (i = 0; i < again.field_count; i++)
	{
		CHECK(again.fields[i].length == record->fields[i].length);
		CHECK(again.fields[i].length == 0 ||
			  memcmp(again.fields[i].data, record->fields[i].data, again.fields[i].length) == 0);
	}
	CHECK(csv_reader_next(reader, &again, &fault) == CSV_END);
	csv_reader_close(reader);
	free(written.data);
}

/* Records that were taken together, and the next of them. */
typedef struct record_batch
{
	csv_record	records[7];
	int			count;
	int			next;
} record_batch;

/* The next record with its fields; out of a batch, unless that is NULL. */
static csv_result
next_record(csv_reader *reader, record_batch *batch, csv_record *record, csv_fault *fault)
{
	const int	size = sizeof(batch->records) / sizeof(batch->records[0]);

	if (batch == NULL)
		return csv_reader_next(reader, record, fault);
	if (batch->next == batch->count)
	{
		csv_result	result;

		batch->next = 0;
		batch->count = size;
		result = csv_reader_next_batch(reader, batch->records, &batch->count, fault);
		if (result != CSV_RECORD)
		{
			CHECK(batch->count == 0);
			return result;
		}
		CHECK(batch->count > 0 && batch->count <= size);
	}
	*record = batch->records[batch->next++];
	return csv_reader_split(reader, record, fault);
}

/* Reads the stream to its end or fault and writes down what came. */
static fuzz_bytes
read_stream(const char *stream, size_t length, char delimiter, size_t max_record_size,
			const product *product, unsigned seed, record_batch *batch, bool with_round_trips)
{
	fuzz_bytes	told = {NULL, 0, 0};
	fuzz_source source = fuzz_source_of(stream, length, seed);
	csv_reader *reader = csv_reader_open(&fuzz_allocator, fuzz_source_read, &source, ',',
										 max_record_size);
	csv_dialect dialect = csv_dialect_begin(reader, &fuzz_allocator, delimiter,
											product != NULL ? rank_header : csv_header_rank_for_any,
											(void *) product);
	csv_record	record;
	csv_fault	fault = {CSV_FAULT_NONE, 0, 0, 0};
	csv_result	result;
	int64_t		line = 0;
	int64_t		offset = -1;

	add_number(&told, dialect.delimiter);
	add_number(&told, dialect.title_count);
	while ((result = next_record(reader, batch, &record, &fault)) == CSV_RECORD)
	{
		int			i;

		CHECK(record.line > line);
		CHECK(record.offset > offset && record.offset < (int64_t) length);
		CHECK(record.raw_length > 0 && record.raw_length <= max_record_size);
		CHECK(record.field_count > 0);
		line = record.line;
		offset = record.offset;
		add_number(&told, line);
		add_number(&told, offset);
		add_number(&told, (int64_t) record.raw_length);
		fuzz_add(&told, record.raw, record.raw_length);
		add_number(&told, record.field_count);
		for (i = 0; i < record.field_count; i++)
		{
			add_number(&told, (int64_t) record.fields[i].length);
			add_number(&told, record.fields[i].quoted);
			fuzz_add(&told, record.fields[i].data, record.fields[i].length);
		}
		if (with_round_trips)
		{
			check_fields(&record, dialect.delimiter);
			check_round_trip(&record, dialect.delimiter);
		}
	}
	add_number(&told, result);
	if (result == CSV_FAULT)
	{
		csv_fault	again;

		CHECK(fault.code != CSV_FAULT_NONE);
		CHECK(fault.line > line || fault.line >= 1);
		CHECK(fault.fault_line >= fault.line);
		CHECK(fault.offset >= 0 && fault.offset <= (int64_t) length);
		CHECK(csv_reader_next(reader, &record, &again) == CSV_FAULT);
		CHECK(again.code == fault.code && again.offset == fault.offset);
		add_number(&told, fault.code);
		add_number(&told, fault.line);
		add_number(&told, fault.fault_line);
		add_number(&told, fault.offset);
	}
	else
		CHECK(csv_reader_bytes_read(reader) == (int64_t) length);
	add_number(&told, csv_reader_encoding(reader));
	CHECK(csv_encoding_name(csv_reader_encoding(reader)) != NULL);
	csv_reader_close(reader);
	return told;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = {'\0', ',', ';', '\t', '|', ' ', 'a', '\0'};
	char	   *stream;
	char		delimiter;
	size_t		max_record_size;
	const product *product;
	fuzz_bytes	whole;
	fuzz_bytes	in_blocks;
	record_batch batch = {.count = 0};

	if (size < 3)
		return 0;
	delimiter = delimiters[data[0] % 8];
	product = data[0] / 8 % 4 < PRODUCT_COUNT ? product_by_id((product_id) (data[0] / 8 % 4)) : NULL;
	max_record_size = data[1] % 8 == 7 ? 1 + data[1] : (size_t) 1 << (10 + data[1] % 8);
	stream = fuzz_copy(data + 3, size - 3);

	whole = read_stream(stream, size - 3, delimiter, max_record_size, product, 0, NULL, true);
	in_blocks = read_stream(stream, size - 3, delimiter, max_record_size, product,
							1 + data[2], data[2] % 2 == 0 ? &batch : NULL, false);
	CHECK(whole.length == in_blocks.length);
	CHECK(memcmp(whole.data, in_blocks.data, whole.length) == 0);
	free(whole.data);
	free(in_blocks.data);
	free(stream);
	return 0;
}
