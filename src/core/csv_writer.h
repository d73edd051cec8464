/*
 * csv_writer.h
 *		Writes CSV cells as RFC 4180 has them.  Plain C: no server header.
 */
#ifndef ORGSYNC_CORE_CSV_WRITER_H
#define ORGSYNC_CORE_CSV_WRITER_H

#include <stdbool.h>
#include <stddef.h>

/* The most bytes that a written cell of that length takes: quotes, "" and an apostrophe. */
#define CSV_CELL_MAX_SIZE(length)	((length) * 2 + 3)

extern bool csv_cell_is_formula(const char *cell, size_t length);
extern size_t csv_write_cell(char *destination, const char *cell, size_t length, char delimiter,
							 bool spreadsheet_safe);

#endif
