/*
 * sheet.h
 *		The rows of a sheet.  Plain C: no server header.
 */
#ifndef XLSX_CORE_SHEET_H
#define XLSX_CORE_SHEET_H

#include "rich_text.h"
#include "shared_strings.h"
#include "styles.h"

#define XLSX_MAX_ROWS		1048576
#define XLSX_MAX_COLUMNS	16384

/* "XFD1048576:XFD1048576" and a NUL */
#define XLSX_REFERENCE_SIZE	24

/* Merged ranges that are kept; the others are only counted. */
#define XLSX_MAX_KEPT_MERGES	100

typedef struct xlsx_range
{
	int			first_row;		/* from 1 */
	int			first_column;	/* from 0 */
	int			last_row;
	int			last_column;
} xlsx_range;

typedef struct xlsx_cell
{
	int			column;			/* from 0 */
	bool		is_formula;
	bool		is_error;		/* #N/A and the like */
	const char *text;			/* UTF-8, not NUL-terminated; valid until the next row */
	size_t		length;
} xlsx_cell;

/* A row in which a cell has text or a formula; the cells that have neither are left out. */
typedef struct xlsx_row
{
	int			number;			/* from 1 */
	int			cell_count;		/* by column */
	const xlsx_cell *cells;
} xlsx_row;

/* What is to be said of a sheet besides its rows; complete when all rows are read. */
typedef struct xlsx_sheet_remarks
{
	int			hidden_row_count;	/* with something in them */
	int			first_hidden_row;
	int			hidden_column_count;
	int			first_hidden_column;
	int			merge_count;
	xlsx_range	merges[XLSX_MAX_KEPT_MERGES];
} xlsx_sheet_remarks;

/* A cell as the file has it. */
typedef struct sheet_cell
{
	int			column;
	unsigned	style;
	char		type;			/* see sheet.c */
	bool		is_formula;
	size_t		start;			/* of its value in raw */
	size_t		length;
} sheet_cell;

typedef struct xlsx_sheet
{
	xlsx_archive *archive;
	xlsx_strings *strings;
	const xlsx_styles *styles;
	bool		is_1904;
	xlsx_xml	xml;
	int			state;			/* where the parser is, see sheet.c */
	int			skipped;		/* depth inside of what is of no interest */
	int			row_number;		/* the last one, 0: none yet */
	bool		row_is_hidden;
	int			column;			/* of the last cell, -1: none yet */
	xlsx_rich_text rich_text;
	int			rich_text_depth;
	xlsx_buffer raw;			/* the values of the row as the file has them */
	xlsx_buffer raw_cells;		/* sheet_cell */
	sheet_cell	cell;			/* the one being read */

	xlsx_buffer text;			/* the row's text */
	xlsx_buffer cells;			/* xlsx_cell */

	unsigned char hidden_columns[XLSX_MAX_COLUMNS / 8];
	int			hidden_range_count;
	xlsx_buffer arrays;			/* xlsx_range: formulas that fill more than their own cell */
	xlsx_sheet_remarks remarks;
} xlsx_sheet;

extern bool xlsx_sheet_open(xlsx_sheet *sheet, xlsx_archive *archive, const char *part_name,
							xlsx_strings *strings, const xlsx_styles *styles, bool is_1904,
							size_t max_row_size, xlsx_pause pause, void *pause_context);
extern bool xlsx_sheet_next(xlsx_sheet *sheet, xlsx_row *row);
extern void xlsx_sheet_close(xlsx_sheet *sheet);

extern size_t xlsx_cell_name(int row, int column, char *name);
extern size_t xlsx_range_name(const xlsx_range *range, char *name);

#endif
