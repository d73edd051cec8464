/*
 * fuzz_writer.c
 *		Fuzzes the writer of CSV: any cells of text that are written are read back.
 *
 * The input's first byte chooses the delimiter and whether the file is to be
 * safe for spreadsheets; 0x1F in the rest parts cells, 0x1E parts records.
 */
#include "fuzz.h"

#include "core/csv_writer.h"

#define CELL_END	0x1F
#define RECORD_END	0x1E

/* Is this UTF-8 that the reader takes?  What is written always is. */
static bool
is_text(const char *data, size_t length)
{
	size_t		i = 0;

	while (i < length)
	{
		unsigned char byte = (unsigned char) data[i];
		size_t		bytes = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : 3;
		size_t		j;

		/* all characters of three bytes less those that are two or no characters */
		if (byte == 0 || (byte >= 0x80 && byte < 0xC2) || byte > 0xEC || i + bytes > length)
			return false;
		for (j = 1; j < bytes; j++)
		{
			if (((unsigned char) data[i + j] & 0xC0) != 0x80)
				return false;
		}
		if (byte == 0xE0 && (unsigned char) data[i + 1] < 0xA0)
			return false;
		i += bytes;
	}
	return true;
}

/* The next cell of the input: up to a separator. */
static size_t
cell_length(const char *cell, const char *end)
{
	const char *at = cell;

	while (at < end && *at != CELL_END && *at != RECORD_END)
		at++;
	return (size_t) (at - cell);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		delimiter;
	bool		spreadsheet_safe;
	char	   *cells;
	char	   *written;
	char	   *next;
	const char *cell;
	const char *end;
	fuzz_source source;
	csv_reader *reader;
	csv_record	record = {0};
	csv_fault	fault;
	int			field = 0;

	if (size < 1)
		return 0;
	delimiter = ",;\t|"[data[0] % 4];
	spreadsheet_safe = (data[0] & 4) != 0;
	cells = fuzz_copy(data + 1, size - 1);
	end = cells + size - 1;
	if (!is_text(cells, size - 1))
	{
		free(cells);
		return 0;
	}

	/* every record begins with a cell that is not empty, as no line must be */
	written = malloc(7 * size + 16);
	CHECK(written != NULL);
	next = written;
	memcpy(next, "first\nr", 7);
	next += 7;
	for (cell = cells;; cell++)
	{
		size_t		length = cell_length(cell, end);
		char	   *exact = malloc(CSV_CELL_MAX_SIZE(length));
		size_t		written_length;

		CHECK(exact != NULL);
		written_length = csv_write_cell(exact, cell, length, delimiter, spreadsheet_safe);
		*next++ = delimiter;
		memcpy(next, exact, written_length);
		next += written_length;
		free(exact);
		cell += length;
		if (cell == end)
			break;
		if (*cell == RECORD_END)
		{
			memcpy(next, "\r\nr", 3);
			next += 3;
		}
	}

	source = fuzz_source_of(written, (size_t) (next - written), 1 + data[0]);
	reader = csv_reader_open(&fuzz_allocator, fuzz_source_read, &source, delimiter, 1 << 24);
	CHECK(csv_reader_next(reader, &record, &fault) == CSV_RECORD);
	CHECK(csv_reader_next(reader, &record, &fault) == CSV_RECORD);
	for (cell = cells;; cell++)
	{
		size_t		length = cell_length(cell, end);
		bool		prefixed = spreadsheet_safe && csv_cell_is_formula(cell, length);
		const csv_field *read;

		CHECK(++field < record.field_count);
		read = &record.fields[field];
		CHECK(read->length == length + prefixed);
		CHECK(!prefixed || read->data[0] == '\'');
		CHECK(length == 0 || memcmp(read->data + prefixed, cell, length) == 0);
		CHECK(!spreadsheet_safe || !csv_cell_is_formula(read->data, read->length));
		cell += length;
		if (cell == end || *cell == RECORD_END)
		{
			CHECK(field + 1 == record.field_count);
			field = 0;
			if (cell == end)
				break;
			CHECK(csv_reader_next(reader, &record, &fault) == CSV_RECORD);
		}
	}
	CHECK(csv_reader_next(reader, &record, &fault) == CSV_END);
	csv_reader_close(reader);
	free(written);
	free(cells);
	return 0;
}
