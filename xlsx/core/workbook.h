/*
 * workbook.h
 *		A workbook (.xlsx) that is read row by row.  Plain C: no server header.
 */
#ifndef XLSX_CORE_WORKBOOK_H
#define XLSX_CORE_WORKBOOK_H

#include "sheet.h"

/* What the workbook is read with; all of it stays the caller's, and must last. */
typedef struct xlsx_input
{
	const void *data;
	size_t		size;
	size_t		max_row_size;	/* of a row's text in bytes */
	xlsx_store	store;			/* empty */
	xlsx_pause	pause;			/* may be NULL */
	void	   *pause_context;
} xlsx_input;

typedef struct xlsx_workbook
{
	xlsx_input	input;
	xlsx_fault	fault;
	xlsx_archive archive;
	xlsx_strings strings;
	xlsx_styles styles;
	xlsx_sheet	sheet;
	bool		is_1904;

	/* its sheets, in the order of their tabs */
	xlsx_buffer sheets;			/* workbook_sheet, see workbook.c */
	int			sheet_number;	/* the one that is read, from 0 */

	char	   *workbook_part;	/* names of parts, or NULL */
	char	   *strings_part;
	char	   *styles_part;

	/* while one of the parts that name others is read */
	xlsx_xml	xml;
	int			depth;
	bool		in_sheets;
} xlsx_workbook;

extern bool xlsx_workbook_open(xlsx_workbook *workbook, const xlsx_input *input, const char *sheet_name);
extern bool xlsx_workbook_next(xlsx_workbook *workbook, xlsx_row *row);
extern void xlsx_workbook_close(xlsx_workbook *workbook);
extern const char *xlsx_workbook_sheet_name(const xlsx_workbook *workbook, int number, bool *is_hidden);

#endif
