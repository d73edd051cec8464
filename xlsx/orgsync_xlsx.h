/*
 * orgsync_xlsx.h
 *		What the files of the extension orgsync_xlsx share.
 *
 *	orgsync_xlsx.c		the module, and what it calls in orgsync's
 *	workbook.c			a workbook in the server: memory, temporary file, interrupts
 *	read_xlsx.c			read_xlsx()
 *	import_xlsx.c		import_xlsx(): a sheet as the source of an import
 *	write_xlsx.c		write_xlsx(), on which exports and templates are built
 *	core/				the reader itself, plain C
 */
#ifndef ORGSYNC_XLSX_H
#define ORGSYNC_XLSX_H

#include "import_stream.h"

#include "core/workbook.h"

extern ImportSourceFunction orgsync_xlsx_import_source;
extern size_t orgsync_xlsx_max_row_size(void);

/* spreadsheet.c */
typedef struct Spreadsheet Spreadsheet;

extern Spreadsheet *spreadsheet_open(bytea *data, const char *sheet_name);
extern bool spreadsheet_next(Spreadsheet *workbook, xlsx_row *row);
extern const xlsx_workbook *spreadsheet_core(const Spreadsheet *workbook);
extern void spreadsheet_close(Spreadsheet *workbook);
extern char *spreadsheet_sheet_names(const Spreadsheet *workbook, int except, const char *separator);
extern char *spreadsheet_fault_text(const Spreadsheet *workbook);
extern char *spreadsheet_sheet_argument(text *name);

#endif
