/*
 * csv_output.c
 *		CSV that is written to memory.
 *
 * The cells are text in the database's encoding; every encoding that a server
 * can have keeps the delimiters and quotes of ASCII apart from all other
 * characters, so nothing needs to be converted.
 */
#include "csv_output.h"

#include "core/csv_writer.h"
#include "utils/memutils.h"

/*
 * Appends a cell, quoted if it has to be.  The delimiters between cells are for
 * the caller to append.  An error if the cell is too long for any text.
 */
void
csv_append_cell(StringInfo csv, const char *cell, char delimiter)
{
	size_t		length = strlen(cell);

	if (length > MaxAllocSize / 4)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a cell of %zu bytes is too long for a CSV file", length));
	enlargeStringInfo(csv, (int) CSV_CELL_MAX_SIZE(length));
	csv->len += (int) csv_write_cell(csv->data + csv->len, cell, length, delimiter, false);
	csv->data[csv->len] = '\0';
}
