/*
 * sheet.c
 *		The rows of a sheet.
 *
 * The parser is suspended at the end of each row that has something in it; then the
 * cells' values become text: what is shared is looked up, numbers are written as
 * people would (see value.c).  So memory is bounded by the largest row, whatever
 * the sheet's size.
 *
 * Rows and cells must come in order, as the standard wants it: a sheet in which
 * a cell comes twice has no meaning.  Where they have no reference, they follow one
 * another.
 *
 *	worksheet > sheetData > row > c > v, f, is > t, r > t
 *
 * Merged ranges stand behind the rows, so they are known only at the end.
 */
#include "sheet.h"

#include <stdio.h>

#include "value.h"

/* Formulas for many cells at once; of more, the cells are taken for plain values. */
#define MAX_ARRAYS		100

/* Ranges of hidden columns, of which a sheet has few. */
#define MAX_HIDDEN_RANGES	1000

/* A cell's type, from its attribute t. */
#define TYPE_NUMBER		'n'
#define TYPE_SHARED		's'
#define TYPE_INLINE		'i'		/* inlineStr */
#define TYPE_STRING		'f'		/* str: the text that a formula gives */
#define TYPE_BOOLEAN	'b'
#define TYPE_ERROR		'e'
#define TYPE_DATE		'd'

enum
{
	IN_NOTHING,
	IN_WORKSHEET,
	IN_COLUMNS,
	IN_SHEET_DATA,
	IN_ROW,
	IN_CELL,
	IN_VALUE,
	IN_FORMULA,
	IN_INLINE,
	IN_MERGES
};

/* ---- references ---- */

/* Reads letters and digits at *text, such as B7, and moves it; false if there is no such cell. */
static bool
read_cell_reference(const char **text, int *row, int *column)
{
	const char *next = *text;
	int			letters = 0;
	int			digits = 0;

	while (((*next | 0x20) >= 'a' && (*next | 0x20) <= 'z') && letters <= XLSX_MAX_COLUMNS)
		letters = letters * 26 + (*next++ | 0x20) - 'a' + 1;
	while (*next >= '0' && *next <= '9' && digits <= XLSX_MAX_ROWS)
		digits = digits * 10 + *next++ - '0';
	*text = next;
	*column = letters - 1;
	*row = digits;
	return letters >= 1 && letters <= XLSX_MAX_COLUMNS && digits >= 1 && digits <= XLSX_MAX_ROWS;
}

/* Reads B2:C7, or B2 for a range of one cell. */
static bool
read_range_reference(const char *text, xlsx_range *range)
{
	if (text == NULL || !read_cell_reference(&text, &range->first_row, &range->first_column))
		return false;
	range->last_row = range->first_row;
	range->last_column = range->first_column;
	if (*text == ':')
	{
		text++;
		if (!read_cell_reference(&text, &range->last_row, &range->last_column))
			return false;
	}
	return *text == '\0';
}

/* Writes the name of a column, and returns its length. */
static size_t
column_name(int column, char *name)
{
	char		letters[4];
	size_t		length = 0;

	for (column++; column > 0; column = (column - 1) / 26)
		letters[length++] = (char) ('A' + (column - 1) % 26);
	for (size_t i = 0; i < length; i++)
		name[i] = letters[length - 1 - i];
	return length;
}

/* Writes a cell's name, such as B7, to name (XLSX_REFERENCE_SIZE bytes); row 0: only the column's. */
size_t
xlsx_cell_name(int row, int column, char *name)
{
	size_t		length = column_name(column, name);

	if (row > 0)
		return length + (size_t) sprintf(name + length, "%d", row);
	name[length] = '\0';
	return length;
}

/* The same for a range, such as B2:C7. */
size_t
xlsx_range_name(const xlsx_range *range, char *name)
{
	size_t		length = xlsx_cell_name(range->first_row, range->first_column, name);

	name[length++] = ':';
	return length + xlsx_cell_name(range->last_row, range->last_column, name + length);
}

/* ---- what the parser sees ---- */

static bool
broken(xlsx_sheet *sheet, const char *what)
{
	return xlsx_xml_fail(&sheet->xml, XLSX_FAULT_BROKEN_CONTENT, what);
}

static void
start_row(xlsx_sheet *sheet, const char **attributes)
{
	const char *reference = xlsx_xml_attribute(attributes, "r");
	long		number = sheet->row_number + 1;

	sheet->state = IN_ROW;
	if (reference != NULL)
	{
		char	   *end;

		number = strtol(reference, &end, 10);
		if (*reference < '0' || *reference > '9' || *end != '\0')
			number = 0;
	}
	if (number > XLSX_MAX_ROWS)
		(void) xlsx_xml_fail(&sheet->xml, XLSX_FAULT_TOO_LARGE, "a row's number is larger than a sheet can have");
	else if (number <= sheet->row_number)
		(void) broken(sheet, "a row's number is not larger than that of the row before");
	else
		sheet->row_number = (int) number;
	sheet->row_is_hidden = xlsx_xml_flag(attributes, "hidden");
	sheet->column = -1;
	sheet->raw.length = sheet->raw_cells.length = 0;
}

static char
cell_type(const char *type)
{
	if (type == NULL)
		return TYPE_NUMBER;
	if (strcmp(type, "inlineStr") == 0)
		return TYPE_INLINE;
	if (strcmp(type, "str") == 0)
		return TYPE_STRING;
	return type[0] != '\0' && type[1] == '\0' && strchr("nsbed", type[0]) != NULL ? type[0] : '\0';
}

static void
start_cell(xlsx_sheet *sheet, const char **attributes)
{
	const char *reference = xlsx_xml_attribute(attributes, "r");
	const char *style = xlsx_xml_attribute(attributes, "s");
	int			row = sheet->row_number;
	int			column = sheet->column + 1;

	sheet->state = IN_CELL;
	memset(&sheet->cell, 0, sizeof(sheet->cell));
	sheet->cell.start = sheet->raw.length;
	sheet->cell.type = cell_type(xlsx_xml_attribute(attributes, "t"));
	sheet->cell.style = style ? (unsigned) strtoul(style, NULL, 10) : 0;
	if ((reference != NULL && (!read_cell_reference(&reference, &row, &column) || *reference != '\0')) ||
		column >= XLSX_MAX_COLUMNS)
		(void) broken(sheet, "a cell is named as none can be");
	else if (row != sheet->row_number)
		(void) broken(sheet, "a cell is named as if it stood in another row");
	else if (column <= sheet->column)
		(void) broken(sheet, "a cell does not stand behind the cell before");
	else if (sheet->cell.type == '\0')
		(void) broken(sheet, "a cell has a type that is not known");
	sheet->cell.column = sheet->column = column;
}

/* A formula for a range: its other cells do not say that they are calculated. */
static void
start_formula(xlsx_sheet *sheet, const char **attributes)
{
	const char *type = xlsx_xml_attribute(attributes, "t");
	xlsx_range	range;

	sheet->state = IN_FORMULA;
	sheet->cell.is_formula = true;
	if (type != NULL && (strcmp(type, "array") == 0 || strcmp(type, "dataTable") == 0) &&
		read_range_reference(xlsx_xml_attribute(attributes, "ref"), &range))
		(void) xlsx_buffer_append(&sheet->arrays, &range, sizeof(range));
}

static void
add_hidden_columns(xlsx_sheet *sheet, const char **attributes)
{
	const char *min = xlsx_xml_attribute(attributes, "min");
	const char *max = xlsx_xml_attribute(attributes, "max");
	long		first;
	long		last;

	if (!xlsx_xml_flag(attributes, "hidden") || min == NULL || max == NULL ||
		sheet->hidden_range_count == MAX_HIDDEN_RANGES)
		return;
	sheet->hidden_range_count++;
	first = strtol(min, NULL, 10);
	last = strtol(max, NULL, 10);
	for (long i = first < 1 ? 1 : first; i <= last && i <= XLSX_MAX_COLUMNS; i++)
		sheet->hidden_columns[(i - 1) / 8] |= (unsigned char) (1 << (i - 1) % 8);
}

static void
add_merge(xlsx_sheet *sheet, const char **attributes)
{
	xlsx_sheet_remarks *remarks = &sheet->remarks;
	xlsx_range	range;

	if (!read_range_reference(xlsx_xml_attribute(attributes, "ref"), &range))
		(void) broken(sheet, "a range of merged cells is none");
	else if (remarks->merge_count++ < XLSX_MAX_KEPT_MERGES)
		remarks->merges[remarks->merge_count - 1] = range;
}

static void
start_element(void *context, const char *name, const char **attributes)
{
	xlsx_sheet *sheet = context;

	if (sheet->skipped > 0)
		sheet->skipped++;
	else if (sheet->state == IN_INLINE)
	{
		xlsx_rich_text_start(&sheet->rich_text, name);
		sheet->rich_text_depth++;
	}
	else if (sheet->state == IN_CELL && strcmp(name, "v") == 0)
		sheet->state = IN_VALUE;
	else if (sheet->state == IN_CELL && strcmp(name, "f") == 0)
		start_formula(sheet, attributes);
	else if (sheet->state == IN_CELL && strcmp(name, "is") == 0)
	{
		sheet->state = IN_INLINE;
		memset(&sheet->rich_text, 0, sizeof(sheet->rich_text));
	}
	else if (sheet->state == IN_ROW && strcmp(name, "c") == 0)
		start_cell(sheet, attributes);
	else if (sheet->state == IN_SHEET_DATA && strcmp(name, "row") == 0)
		start_row(sheet, attributes);
	else if (sheet->state == IN_WORKSHEET && strcmp(name, "sheetData") == 0)
		sheet->state = IN_SHEET_DATA;
	else if (sheet->state == IN_WORKSHEET && strcmp(name, "cols") == 0)
		sheet->state = IN_COLUMNS;
	else if (sheet->state == IN_WORKSHEET && strcmp(name, "mergeCells") == 0)
		sheet->state = IN_MERGES;
	else if (sheet->state == IN_NOTHING && strcmp(name, "worksheet") == 0)
		sheet->state = IN_WORKSHEET;
	else if (sheet->state == IN_NOTHING)
		(void) broken(sheet, "it is no sheet of cells");
	else
	{
		if (sheet->state == IN_COLUMNS && strcmp(name, "col") == 0)
			add_hidden_columns(sheet, attributes);
		else if (sheet->state == IN_MERGES && strcmp(name, "mergeCell") == 0)
			add_merge(sheet, attributes);
		sheet->skipped++;
	}
}

/* Keeps the cell, if there is anything in it. */
static void
end_cell(xlsx_sheet *sheet)
{
	sheet_cell *cell = &sheet->cell;

	sheet->state = IN_ROW;
	cell->length = sheet->raw.length - cell->start;
	if (cell->length == 0 && !cell->is_formula)
		return;
	if (!xlsx_buffer_append(&sheet->raw_cells, cell, sizeof(*cell)))
		(void) xlsx_xml_fail(&sheet->xml, XLSX_FAULT_NO_MEMORY, "has too many cells in a row");
}

static void
end_row(xlsx_sheet *sheet)
{
	sheet->state = IN_SHEET_DATA;
	if (sheet->raw_cells.length > 0)
		xlsx_xml_suspend(&sheet->xml);
}

static void
end_element(void *context, const char *name)
{
	xlsx_sheet *sheet = context;

	(void) name;
	if (sheet->skipped > 0)
	{
		sheet->skipped--;
		return;
	}
	switch (sheet->state)
	{
		case IN_INLINE:
			if (sheet->rich_text_depth == 0)
				sheet->state = IN_CELL;
			else
			{
				sheet->rich_text_depth--;
				xlsx_rich_text_end(&sheet->rich_text);
			}
			break;
		case IN_VALUE:
		case IN_FORMULA:
			sheet->state = IN_CELL;
			break;
		case IN_CELL:
			end_cell(sheet);
			break;
		case IN_ROW:
			end_row(sheet);
			break;
		case IN_WORKSHEET:
			sheet->state = IN_NOTHING;
			break;
		default:
			sheet->state = IN_WORKSHEET;
			break;
	}
}

static void
add_text(void *context, const char *text, size_t length)
{
	xlsx_sheet *sheet = context;

	if (sheet->skipped > 0 ||
		!(sheet->state == IN_VALUE ? sheet->cell.type != TYPE_INLINE : sheet->state == IN_INLINE &&
		  sheet->cell.type == TYPE_INLINE && sheet->rich_text.in_text && sheet->rich_text.skipped == 0))
		return;
	if (!xlsx_buffer_append(&sheet->raw, text, length))
		(void) xlsx_xml_fail(&sheet->xml, XLSX_FAULT_TOO_LARGE, "a row is longer than records may be");
}

/* ---- from values to text ---- */

/* Is the cell one of a formula for a range?  Forgets ranges that end above it. */
static bool
is_in_array(xlsx_sheet *sheet, int column)
{
	xlsx_range *ranges = (xlsx_range *) sheet->arrays.data;
	size_t		count = sheet->arrays.length / sizeof(xlsx_range);
	bool		found = false;

	for (size_t i = 0; i < count;)
		if (ranges[i].last_row < sheet->row_number)
			ranges[i] = ranges[--count];
		else
		{
			found = found || (sheet->row_number >= ranges[i].first_row &&
							  column >= ranges[i].first_column && column <= ranges[i].last_column);
			i++;
		}
	sheet->arrays.length = count * sizeof(xlsx_range);
	return found;
}

static bool
append_text(xlsx_sheet *sheet, const char *text, size_t length)
{
	if (!xlsx_archive_allow(sheet->archive, length))
		return false;
	if (!xlsx_buffer_append(&sheet->text, text, length))
		return xlsx_fault_set(sheet->archive->fault, XLSX_FAULT_TOO_LARGE, "its row %d is longer than records may be",
							  sheet->row_number);
	return true;
}

/* What a cell names is not there. */
static bool
faulty_cell(const xlsx_sheet *sheet, const sheet_cell *cell, const char *what)
{
	char		name[XLSX_REFERENCE_SIZE];

	xlsx_cell_name(sheet->row_number, cell->column, name);
	return xlsx_fault_set(sheet->archive->fault, XLSX_FAULT_BROKEN_CONTENT, "its cell %s %s", name, what);
}

static bool
append_shared(xlsx_sheet *sheet, const sheet_cell *cell, const char *value)
{
	const char *text;
	size_t		length;
	uint64_t	number = 0;

	if (cell->length > 10 || strspn(value, "0123456789") != cell->length)
		return faulty_cell(sheet, cell, "names no text");
	number = strtoul(value, NULL, 10);
	if (!xlsx_strings_get(sheet->strings, number, &text, &length))
		return faulty_cell(sheet, cell, "names a text that is not there");
	return append_text(sheet, text, length);
}

/* Appends the text of a cell's value; value: the same, with a NUL behind it. */
static bool
append_value(xlsx_sheet *sheet, const sheet_cell *cell, char *value)
{
	char		text[XLSX_NUMBER_SIZE];
	size_t		length;

	if (cell->length == 0)
		return true;
	switch (cell->type)
	{
		case TYPE_SHARED:
			return append_shared(sheet, cell, value);
		case TYPE_INLINE:
		case TYPE_STRING:
			return append_text(sheet, value, xlsx_unescape(value, cell->length));
		case TYPE_ERROR:
			return append_text(sheet, value, cell->length);
		case TYPE_DATE:
			length = xlsx_iso_date_text(value, cell->length, text);
			break;
		case TYPE_BOOLEAN:
			length = strcmp(value, "1") == 0 || strcmp(value, "true") == 0 ? 4 :
				strcmp(value, "0") == 0 || strcmp(value, "false") == 0 ? 5 : 0;
			memcpy(text, length == 4 ? "TRUE" : "FALSE", length);
			break;
		default:
			length = xlsx_number_text(value, cell->length, xlsx_styles_format(sheet->styles, cell->style),
									  sheet->is_1904, text);
			break;
	}
	if (length == 0)
		return faulty_cell(sheet, cell, "has a value that its type has not");
	return append_text(sheet, text, length);
}

/* Adds one to the cells of the row; its text is set at the end, for the buffer may move. */
static bool
convert_cell(xlsx_sheet *sheet, const sheet_cell *raw)
{
	xlsx_cell	cell = {0};
	size_t		start = sheet->text.length;
	char	   *value = sheet->raw.data + raw->start;
	char		behind = value[raw->length];
	bool		is_converted;

	value[raw->length] = '\0';
	is_converted = append_value(sheet, raw, value);
	value[raw->length] = behind;
	cell.column = raw->column;
	cell.is_formula = raw->is_formula || (sheet->arrays.length > 0 && is_in_array(sheet, raw->column));
	cell.is_error = raw->type == TYPE_ERROR;
	cell.length = sheet->text.length - start;
	if (is_converted && !xlsx_buffer_append(&sheet->cells, &cell, sizeof(cell)))
		return xlsx_fault_set(sheet->archive->fault, XLSX_FAULT_NO_MEMORY, "it has too many cells in row %d",
							  sheet->row_number);
	return is_converted;
}

static void
note_hidden(xlsx_sheet *sheet)
{
	xlsx_sheet_remarks *remarks = &sheet->remarks;
	const sheet_cell *cells = (const sheet_cell *) sheet->raw_cells.data;
	size_t		count = sheet->raw_cells.length / sizeof(sheet_cell);

	if (sheet->row_is_hidden && remarks->hidden_row_count++ == 0)
		remarks->first_hidden_row = sheet->row_number;
	for (size_t i = 0; sheet->hidden_range_count > 0 && i < count; i++)
	{
		int			column = cells[i].column;

		if ((sheet->hidden_columns[column / 8] & 1 << column % 8) == 0)
			continue;
		/* each counts once */
		sheet->hidden_columns[column / 8] &= (unsigned char) ~(1 << column % 8);
		if (remarks->hidden_column_count++ == 0 || column < remarks->first_hidden_column)
			remarks->first_hidden_column = column;
	}
}

static bool
convert_row(xlsx_sheet *sheet, xlsx_row *row)
{
	const sheet_cell *raw = (const sheet_cell *) sheet->raw_cells.data;
	size_t		count = sheet->raw_cells.length / sizeof(sheet_cell);
	xlsx_cell  *cells;
	size_t		at = 0;

	note_hidden(sheet);
	sheet->text.length = sheet->cells.length = 0;
	/* one byte more, so that each value can have a NUL behind it for a while */
	if (!xlsx_buffer_append(&sheet->raw, "", 1))
		return xlsx_fault_set(sheet->archive->fault, XLSX_FAULT_TOO_LARGE, "its row %d is longer than records may be",
							  sheet->row_number);
	for (size_t i = 0; i < count; i++)
		if (!convert_cell(sheet, &raw[i]))
			return false;
	cells = (xlsx_cell *) sheet->cells.data;
	for (size_t i = 0; i < count; i++)
	{
		cells[i].text = sheet->text.data ? sheet->text.data + at : "";
		at += cells[i].length;
	}
	row->number = sheet->row_number;
	row->cell_count = (int) count;
	row->cells = cells;
	return true;
}

/* ---- the sheet ---- */

/*
 * Opens the sheet in a part.  What is given must last; max_row_size: of a row's
 * text in bytes.  False: see the archive's fault.  To be closed in any case.
 */
bool
xlsx_sheet_open(xlsx_sheet *sheet, xlsx_archive *archive, const char *part_name, xlsx_strings *strings,
				const xlsx_styles *styles, bool is_1904, size_t max_row_size, xlsx_pause pause,
				void *pause_context)
{
	static const xlsx_xml_handler handler = {start_element, end_element, add_text};

	memset(sheet, 0, sizeof(*sheet));
	sheet->archive = archive;
	sheet->strings = strings;
	sheet->styles = styles;
	sheet->is_1904 = is_1904;
	/* numbers may take more than their text */
	sheet->raw.limit = max_row_size + XLSX_MAX_COLUMNS * 8;
	sheet->text.limit = max_row_size;
	sheet->raw_cells.limit = XLSX_MAX_COLUMNS * sizeof(sheet_cell);
	sheet->cells.limit = XLSX_MAX_COLUMNS * sizeof(xlsx_cell);
	sheet->arrays.limit = MAX_ARRAYS * sizeof(xlsx_range);
	return xlsx_xml_open(&sheet->xml, archive, part_name, &handler, sheet, pause, pause_context);
}

/* Reads the next row with something in it.  False at the end, and at a fault: see the archive's. */
bool
xlsx_sheet_next(xlsx_sheet *sheet, xlsx_row *row)
{
	return xlsx_xml_read(&sheet->xml) == XLSX_XML_SUSPENDED && convert_row(sheet, row);
}

/* Does no harm after a failure or twice. */
void
xlsx_sheet_close(xlsx_sheet *sheet)
{
	xlsx_xml_close(&sheet->xml);
	xlsx_buffer_free(&sheet->raw);
	xlsx_buffer_free(&sheet->raw_cells);
	xlsx_buffer_free(&sheet->text);
	xlsx_buffer_free(&sheet->cells);
	xlsx_buffer_free(&sheet->arrays);
}
