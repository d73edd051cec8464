/*
 * csv_writer.c
 *		Writes CSV cells as RFC 4180 has them.
 *
 * A cell is quoted only where it has to be: it holds the delimiter, a quote or a
 * line break, or it begins or ends with a blank, which many readers strip from
 * what is not quoted.  The caller joins the cells with delimiters and line ends;
 * a record of a single empty cell would read as an empty line, so files of one
 * column must not have empty cells.
 */
#include "csv_writer.h"

#include <string.h>

/* Whether this byte is a blank that readers may strip. */
static bool
is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/*
 * Whether a spreadsheet would take the cell for a formula: one that begins with
 * =, +, -, @, a tab or a carriage return (OWASP, "CSV Injection").
 */
bool
csv_cell_is_formula(const char *cell, size_t length)
{
	return length > 0 && memchr("=+-@\t\r", cell[0], 6) != NULL;
}

/* Whether the cell would be read as something else without quotes. */
static bool
needs_quotes(const char *cell, size_t length, char delimiter)
{
	size_t		i;

	if (length == 0)
		return false;
	if (is_blank(cell[0]) || is_blank(cell[length - 1]))
		return true;
	for (i = 0; i < length; i++)
	{
		if (cell[i] == delimiter || cell[i] == '"' || cell[i] == '\n' || cell[i] == '\r')
			return true;
	}
	return false;
}

/*
 * Writes a cell and returns how many bytes that took.
 *
 * destination has room for CSV_CELL_MAX_SIZE(length) bytes; nothing terminates
 * what is written.  spreadsheet_safe: what a spreadsheet would run begins with an
 * apostrophe, which makes it text there (and stays in it for other readers).
 */
size_t
csv_write_cell(char *destination, const char *cell, size_t length, char delimiter,
			   bool spreadsheet_safe)
{
	bool		quoted = needs_quotes(cell, length, delimiter);
	char	   *next = destination;
	size_t		i;

	if (quoted)
		*next++ = '"';
	if (spreadsheet_safe && csv_cell_is_formula(cell, length))
		*next++ = '\'';
	if (!quoted)
	{
		memcpy(next, cell, length);
		return (size_t) (next - destination) + length;
	}
	for (i = 0; i < length; i++)
	{
		if (cell[i] == '"')
			*next++ = '"';
		*next++ = cell[i];
	}
	*next++ = '"';
	return (size_t) (next - destination);
}
