/*
 * fuzz_workbook.c
 *		Fuzzes the reader of workbooks: sheets, shared texts, styles, values.
 *
 * An input that begins like a zip archive is read as it is.  Of others the pieces
 * between NUL bytes are the sheet, the shared texts and the styles of a workbook,
 * which is packed around them: a fuzzer would hardly find an archive's checksums.
 *
 * What must hold: rows and cells go up and stay within a sheet; a row's text is no
 * larger than allowed; there is a fault with words, or all was read; and the same
 * input is read the same way again.
 */
#include "fuzz.h"

#include "xlsx/core/workbook.h"

#define MAX_ROW_SIZE	4096
#define PART_COUNT		6

#define MAIN	"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define OFFICE	"http://schemas.openxmlformats.org/officeDocument/2006/relationships"

typedef struct part
{
	const char *name;
	const void *data;
	size_t		length;
} part;

/* A number of that many bytes, the lowest first. */
static void
add_number(fuzz_bytes *to, uint32_t number, int size)
{
	while (size-- > 0)
	{
		unsigned char byte = (unsigned char) number;

		fuzz_add(to, &byte, 1);
		number >>= 8;
	}
}

/* The checksum that zip archives have, bit by bit; sum: of what stands before. */
static uint32_t
checksum_of(uint32_t sum, const void *data, size_t length)
{
	const unsigned char *byte = data;
	int			i;

	for (sum = ~sum; length > 0; length--)
	{
		sum ^= *byte++;
		for (i = 0; i < 8; i++)
			sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320 : 0);
	}
	return ~sum;
}

/* What the header of a part says in both places. */
static void
add_header(fuzz_bytes *to, const part *part)
{
	add_number(to, 20, 2);
	add_number(to, 0, 2 + 2 + 2);
	add_number(to, 0x21, 2);
	add_number(to, checksum_of(0, part->data, part->length), 4);
	add_number(to, (uint32_t) part->length, 4);
	add_number(to, (uint32_t) part->length, 4);
	add_number(to, (uint32_t) strlen(part->name), 2);
	add_number(to, 0, 2);
}

/* A zip archive of the parts, not compressed. */
static fuzz_bytes
pack(const part *parts, int count)
{
	fuzz_bytes	archive = {NULL, 0, 0};
	fuzz_bytes	directory = {NULL, 0, 0};
	int			i;

	for (i = 0; i < count; i++)
	{
		size_t		offset = archive.length;

		fuzz_add(&archive, "PK\3\4", 4);
		add_header(&archive, &parts[i]);
		fuzz_add(&archive, parts[i].name, strlen(parts[i].name));
		fuzz_add(&archive, parts[i].data, parts[i].length);

		fuzz_add(&directory, "PK\1\2\24\0", 6);
		add_header(&directory, &parts[i]);
		add_number(&directory, 0, 2 + 2 + 2);
		add_number(&directory, 0, 4);
		add_number(&directory, (uint32_t) offset, 4);
		fuzz_add(&directory, parts[i].name, strlen(parts[i].name));
	}
	fuzz_add(&archive, directory.data, directory.length);
	fuzz_add(&archive, "PK\5\6\0\0\0\0", 8);
	add_number(&archive, (uint32_t) count, 2);
	add_number(&archive, (uint32_t) count, 2);
	add_number(&archive, (uint32_t) directory.length, 4);
	add_number(&archive, (uint32_t) (archive.length - directory.length - 16), 4);
	add_number(&archive, 0, 2);
	free(directory.data);
	return archive;
}

/* The piece of the input up to the next NUL byte or its end. */
static part
next_piece(const char *name, const uint8_t **data, const uint8_t *end)
{
	const uint8_t *stop = *data < end ? memchr(*data, '\0', (size_t) (end - *data)) : NULL;
	part		piece = {name, *data, (size_t) ((stop ? stop : end) - *data)};

	*data = stop ? stop + 1 : end;
	return piece;
}

static fuzz_bytes
pack_workbook(const uint8_t *data, size_t size)
{
	static const char root[] = "<R><Relationship Id=\"a\" Type=\"" OFFICE "/officeDocument\" Target=\"w.xml\"/></R>";
	static const char workbook[] = "<workbook xmlns:r=\"" OFFICE "\"><sheets><sheet name=\"S\" r:id=\"s\"/></sheets></workbook>";
	static const char relationships[] = "<R><Relationship Id=\"s\" Type=\"" OFFICE "/worksheet\" Target=\"s.xml\"/>"
		"<Relationship Id=\"t\" Type=\"" OFFICE "/sharedStrings\" Target=\"t.xml\"/>"
		"<Relationship Id=\"y\" Type=\"" OFFICE "/styles\" Target=\"y.xml\"/></R>";
	const uint8_t *end = data + size;
	part		parts[PART_COUNT] = {
		{"_rels/.rels", root, sizeof(root) - 1},
		{"w.xml", workbook, sizeof(workbook) - 1},
		{"_rels/w.xml.rels", relationships, sizeof(relationships) - 1}
	};

	parts[3] = next_piece("s.xml", &data, end);
	parts[4] = next_piece("t.xml", &data, end);
	parts[5] = next_piece("y.xml", &data, end);
	if (parts[4].length == 0)
		parts[4] = (part) {"t.xml", "<sst/>", 6};
	if (parts[5].length == 0)
		parts[5] = (part) {"y.xml", "<styleSheet/>", 13};
	return pack(parts, PART_COUNT);
}

static void
store_append(void *context, const void *data, size_t size)
{
	fuzz_add(context, data, size);
}

static void
store_read(void *context, uint64_t offset, void *data, size_t size)
{
	fuzz_bytes *store = context;

	CHECK(offset + size <= store->length);
	memcpy(data, store->data + offset, size);
}

static void
check_row(const xlsx_row *row, int last_number)
{
	size_t		size = 0;
	int			i;

	CHECK(row->number > last_number && row->number <= XLSX_MAX_ROWS);
	CHECK(row->cell_count > 0);
	for (i = 0; i < row->cell_count; i++)
	{
		const xlsx_cell *cell = &row->cells[i];
		char		name[XLSX_REFERENCE_SIZE];
		char	   *copy = fuzz_copy(cell->text, cell->length);

		CHECK(cell->column > (i > 0 ? row->cells[i - 1].column : -1) && cell->column < XLSX_MAX_COLUMNS);
		CHECK(cell->length > 0 || cell->is_formula || cell->text != NULL);
		CHECK(xlsx_cell_name(row->number, cell->column, name) < XLSX_REFERENCE_SIZE);
		size += cell->length;
		free(copy);
	}
	CHECK(size <= MAX_ROW_SIZE);
}

/* Reads the archive, and returns a checksum of all that was read. */
static uint32_t
read_archive(const fuzz_bytes *archive)
{
	fuzz_bytes	store = {NULL, 0, 0};
	char	   *copy = fuzz_copy(archive->data, archive->length);
	xlsx_input	input = {copy, archive->length, MAX_ROW_SIZE, {store_append, store_read, &store}, NULL, NULL};
	xlsx_workbook *workbook = malloc(sizeof(xlsx_workbook));
	xlsx_row	row = {0, 0, NULL};
	uint32_t	checksum = 0;

	CHECK(workbook != NULL);
	if (xlsx_workbook_open(workbook, &input, NULL))
	{
		int			last_number = 0;

		while (xlsx_workbook_next(workbook, &row))
		{
			int			i;

			check_row(&row, last_number);
			last_number = row.number;
			for (i = 0; i < row.cell_count; i++)
				checksum = checksum_of(checksum, row.cells[i].text, row.cells[i].length);
		}
	}
	else
		CHECK(workbook->fault.code != XLSX_FAULT_NONE);
	CHECK(workbook->fault.code < XLSX_FAULT_CODE_COUNT && xlsx_fault_message(workbook->fault.code)[0] != '\0');
	checksum = checksum_of(checksum, workbook->fault.detail, strlen(workbook->fault.detail));
	xlsx_workbook_close(workbook);
	free(workbook);
	free(store.data);
	free(copy);
	return checksum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_bytes	archive = {NULL, 0, 0};

	if (size >= 4 && memcmp(data, "PK\3\4", 4) == 0)
		fuzz_add(&archive, data, size);
	else
		archive = pack_workbook(data, size);
	CHECK(read_archive(&archive) == read_archive(&archive));
	free(archive.data);
	return 0;
}
