/*
 * import_stream.h
 *		Where the file of an import comes from.
 *
 * A source gives the bytes of a CSV file.  One that reads a sheet of a workbook
 * writes each row with something in it as a record (comma, UTF-8, no empty cells
 * at the end), and besides the bytes tells which row a record is, and what is to
 * be said of cells, rows and the sheet that CSV cannot say.  Such sources live in
 * other modules, which know nothing of an import but this file.
 */
#ifndef ORGSYNC_IMPORT_STREAM_H
#define ORGSYNC_IMPORT_STREAM_H

#include "compat.h"

#include "core/csv_reader.h"
#include "fmgr.h"

/* What of a sheet is to be said. */
typedef enum SheetNoteKind
{
	SHEET_FORMULA_CELL,			/* text: the value that it had */
	SHEET_ERROR_CELL,			/* text: the error, such as #N/A */
	SHEET_MERGED_CELLS,			/* text: the range */
	SHEET_MORE_MERGED_CELLS,	/* text: how many ranges */
	SHEET_HIDDEN_ROWS,			/* text: how many; row: the first one */
	SHEET_HIDDEN_COLUMNS,		/* text: how many; place: the first one */
	SHEET_HIDDEN_SHEET,			/* text: its name */
	SHEET_OTHER_SHEETS,			/* place: the sheet that is read; text: those that are not */
	SHEET_NOT_FOUND,			/* text: the name; advice: the sheets that there are */
	SHEET_UNREADABLE			/* text: why; advice: how to mend it */
} SheetNoteKind;

/* Strings are UTF-8, and last until the next note. */
typedef struct SheetNote
{
	SheetNoteKind kind;
	int64		row;			/* 0: of the whole file */
	int			column;			/* of cells, from 0 */
	const char *place;			/* of cells, their name, such as B7 */
	const char *text;
	const char *advice;			/* whole sentences */
} SheetNote;

typedef struct ImportSource
{
	csv_source	read;
	void	   *context;
	int64		size;			/* in bytes; 0: not known */
	void		(*rewind) (void *context);	/* goes back to the first byte; NULL: it cannot */

	/* of sheets; NULL for files */
	int64		(*row_at) (void *context, int64 offset);	/* whose record begins there, or before; ascending */
	bool		(*next_note) (void *context, int64 row, SheetNote *note);	/* the next up to that row, if any */
} ImportSource;

/* A source that is no sheet. */
static inline ImportSource
import_file_source(csv_source read, void *context, int64 size, void (*rewind) (void *context))
{
	return (ImportSource) {.read = read, .context = context, .size = size, .rewind = rewind};
}

/* A row behind all others: for the notes that are left when the file is read. */
#define SHEET_END	PG_INT64_MAX

/*
 * Imports what the source gives.  The arguments are those of import_csv(), of
 * which the second is not looked at.  To be found by load_external_function();
 * needs no SPI connection.
 */
typedef Datum (*ImportSourceFunction) (FunctionCallInfo fcinfo, const ImportSource *source);

extern PGDLLEXPORT Datum orgsync_import_source(FunctionCallInfo fcinfo, const ImportSource *source);

#endif
