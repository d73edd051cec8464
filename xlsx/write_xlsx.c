/*
 * write_xlsx.c
 *		orgsync.write_xlsx: a CSV file as a workbook.
 *
 * Every cell is text, in a column that is formatted as text, so that a spreadsheet
 * neither runs nor reformats it, nor what people type below.  The same records give
 * the same bytes: the time of making is fixed.
 *
 * libxlsxwriter writes to files only: rows to one of its own, which it removes as it
 * opens it, and the workbook to one that we have made.  Both lie where the server's
 * temporary files do, and go if an error occurs.
 */
#include "orgsync_xlsx.h"

#include <libgen.h>

#include <xlsxwriter.h>

#include "catalog/pg_type.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

PG_FUNCTION_INFO_V1(orgsync_write_xlsx);

#define FETCH_COUNT		1000
#define COLUMN_WIDTH	24

/* 1980-01-01, the first day that a zip archive can have. */
#define CREATION_TIME	315532800

typedef struct Writer
{
	lxw_workbook *workbook;		/* NULL: closed */
	lxw_worksheet *sheet;
	lxw_format *format;
	lxw_row_t	row;
	File		file;
	MemoryContextCallback callback;
} Writer;

/* Frees a workbook that was not closed; the library forgets the file of its rows then. */
static void
release(void *context)
{
	Writer	   *writer = context;

	if (writer->workbook == NULL)
		return;
	if (writer->sheet != NULL && writer->sheet->optimize_tmpfile != NULL)
	{
		fclose(writer->sheet->optimize_tmpfile);
		writer->sheet->optimize_tmpfile = NULL;
	}
	lxw_workbook_free(writer->workbook);
	writer->workbook = NULL;
}

static void
check(const Writer *writer, lxw_error error)
{
	if (error == LXW_NO_ERROR)
		return;
	if (error == LXW_ERROR_MAX_STRING_LENGTH_EXCEEDED)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a value is too long for a cell of a spreadsheet"),
				errdetail("It is in row %u; a cell takes at most 32767 characters.", writer->row + 1));
	if (error == LXW_ERROR_WORKSHEET_INDEX_OUT_OF_RANGE)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many rows or columns for a sheet"),
				errdetail("A sheet has at most %d rows and %d columns.", LXW_ROW_MAX, LXW_COL_MAX),
				errhint("Write smaller files, with rows_per_file."));
	ereport(ERROR,
			errcode(error == LXW_ERROR_MEMORY_MALLOC_FAILED ? ERRCODE_OUT_OF_MEMORY : ERRCODE_IO_ERROR),
			errmsg("could not write a workbook: %s", lxw_strerror(error)));
}

/* Opens a workbook with an empty sheet; it goes with the current memory context, of which the writer must be. */
static void
open_workbook(Writer *writer)
{
	lxw_workbook_options options = {.constant_memory = LXW_TRUE};
	lxw_doc_properties properties = {.created = CREATION_TIME};

	PrepareTempTablespaces();
	writer->file = OpenTemporaryFile(false);
	options.tmpdir = dirname(pstrdup(FilePathName(writer->file)));
	writer->callback.func = release;
	writer->callback.arg = writer;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &writer->callback);

	writer->workbook = workbook_new_opt(FilePathName(writer->file), &options);
	if (writer->workbook == NULL)
		check(writer, LXW_ERROR_MEMORY_MALLOC_FAILED);
	check(writer, workbook_set_properties(writer->workbook, &properties));
	writer->sheet = workbook_add_worksheet(writer->workbook, NULL);
	writer->format = workbook_add_format(writer->workbook);
	if (writer->sheet == NULL || writer->format == NULL)
		check(writer, LXW_ERROR_CREATING_TMPFILE);
	format_set_num_format(writer->format, "@");
	worksheet_freeze_panes(writer->sheet, 1, 0);
}

/* The cell as a workbook has it: what would be read as an escaped character is escaped itself. */
static const char *
escape(const char *cell)
{
	StringInfoData escaped;

	if (strstr(cell, "_x") == NULL && strchr(cell, '\r') == NULL)
		return cell;
	initStringInfo(&escaped);
	for (; *cell != '\0'; cell++)
		if (*cell == '\r')
			appendStringInfoString(&escaped, "_x000D_");
		else if (cell[0] == '_' && cell[1] == 'x' && strspn(cell + 2, "0123456789ABCDEFabcdef") >= 4 && cell[6] == '_')
			appendStringInfoString(&escaped, "_x005F_");
		else
			appendStringInfoChar(&escaped, *cell);
	return escaped.data;
}

static void
write_cell(Writer *writer, int column, text *field)
{
	char	   *cell = text_to_cstring(field);

	if (cell[0] == '\0')
		return;
	cell = pg_server_to_any(cell, (int) strlen(cell), PG_UTF8);
	check(writer, worksheet_write_string(writer->sheet, writer->row, (lxw_col_t) column, escape(cell), writer->format));
}

static void
write_record(Writer *writer, ArrayType *fields)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(fields, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	if (writer->row >= LXW_ROW_MAX || count > LXW_COL_MAX)
		check(writer, LXW_ERROR_WORKSHEET_INDEX_OUT_OF_RANGE);
	if (writer->row == 0 && count > 0)
		check(writer, worksheet_set_column(writer->sheet, 0, (lxw_col_t) (count - 1), COLUMN_WIDTH, writer->format));
	for (int i = 0; i < count; i++)
		write_cell(writer, i, DatumGetTextPP(values[i]));
	writer->row++;
}

/* Writes the records of a CSV file, in the encoding of the database. */
static void
write_records(Writer *writer, Datum csv)
{
	MemoryContext batch_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync_xlsx records",
														ALLOCSET_DEFAULT_SIZES);
	Oid			types[] = {TEXTOID};
	Portal		portal = SPI_cursor_open_with_args(NULL, "SELECT fields FROM orgsync.read_csv($1, ',')", 1, types,
												   &csv, NULL, true, 0);

	do
	{
		MemoryContext old_context;

		SPI_cursor_fetch(portal, true, FETCH_COUNT);
		old_context = MemoryContextSwitchTo(batch_context);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;
			Datum		fields = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);

			write_record(writer, DatumGetArrayTypeP(fields));
		}
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(batch_context);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
}

/* Ends the workbook, and returns its bytes. */
static bytea *
close_workbook(Writer *writer, MemoryContext context)
{
	lxw_workbook *workbook = writer->workbook;
	bytea	   *data;
	off_t		size;
	off_t		done = 0;

	writer->workbook = NULL;	/* it is freed in any case */
	check(writer, workbook_close(workbook));
	size = FileSize(writer->file);
	if (size < 0 || size > (off_t) (MaxAllocSize - VARHDRSZ))
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the workbook is too large"));
	data = MemoryContextAlloc(context, size + VARHDRSZ);
	SET_VARSIZE(data, size + VARHDRSZ);
	while (done < size)
	{
		int			length = FileRead(writer->file, VARDATA(data) + done, size - done, done, WAIT_EVENT_BUFFILE_READ);

		if (length <= 0)
			ereport(ERROR,
					errcode_for_file_access(),
					errmsg("could not read file \"%s\": %m", FilePathName(writer->file)));
		done += length;
	}
	FileClose(writer->file);
	return data;
}

/* write_xlsx(csv text) */
Datum
orgsync_write_xlsx(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Writer	   *writer;
	bytea	   *data;

	SPI_connect();
	writer = palloc0(sizeof(Writer));
	open_workbook(writer);
	write_records(writer, PG_GETARG_DATUM(0));
	data = close_workbook(writer, context);
	SPI_finish();
	PG_RETURN_BYTEA_P(data);
}
