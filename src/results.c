/*
 * results.c
 *		The results file of an import: what was rejected, to mend and import again.
 *
 * A rejected row is written as it came, byte for byte, with one more cell that
 * holds its messages; so whatever was wrong with it is still there to be seen.
 * It is split and written anew only where cells have to go or come: the old
 * messages, in a results file that was imported and rejected in part again, cells in
 * columns without a name, which the import has cut off, and the empty cells at the
 * end of a sheet's row, which it has not.
 *
 * A line with too few or too many cells in a file that has the column: which of
 * them holds the old messages, nobody can tell, and with one cell more it might
 * even have the right number by chance and be accepted.  It is written as it
 * came, so that it is rejected again until it is mended.
 */
#include "orgsync.h"

#include "account.h"
#include "catalog/pg_type.h"
#include "core/header.h"
#include "csv_output.h"
#include "csv_source.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(orgsync_results_csv);

/* The vendor's name for the column. */
#define MESSAGES_HEADER	"Messages"

#define NO_COLUMN	(-1)

#define FETCH_COUNT	1000

typedef struct ResultsFile
{
	StringInfoData csv;
	char		delimiter;
	int			column_count;	/* of the file that was imported */
	int			messages_column;	/* in it, or NO_COLUMN */
} ResultsFile;

static const char rejected_query[] =
	"SELECT line, min(record), coalesce(string_agg(message, '; ' ORDER BY finding_id), ''),"
	" bool_or(code = 'field_count')"
	" FROM @account.import_findings WHERE import_id = $1 AND severity = 'error'"
	" GROUP BY line ORDER BY line";

/* Ends a record with its cell in the column of messages. */
static void
append_messages(ResultsFile *file, const char *messages)
{
	appendStringInfoChar(&file->csv, file->delimiter);
	csv_append_cell(&file->csv, messages, file->delimiter);
	appendStringInfoString(&file->csv, CSV_LINE_END);
}

/* Appends the cells but that of the column of messages, joined by delimiters. */
static void
append_other_cells(ResultsFile *file, char *const *cells)
{
	bool		first = true;

	for (int i = 0; i < file->column_count; i++)
	{
		if (i == file->messages_column)
			continue;
		if (!first)
			appendStringInfoChar(&file->csv, file->delimiter);
		first = false;
		csv_append_cell(&file->csv, cells[i], file->delimiter);
	}
}

/* Appends the file's own header, and the column of messages as its last. */
static void
append_header(ResultsFile *file, const product *product, Datum header)
{
	Datum	   *values;
	bool	   *nulls;
	char	  **cells;

	deconstruct_array(DatumGetArrayTypeP(header), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &file->column_count);
	cells = palloc(sizeof(char *) * Max(file->column_count, 1));
	file->messages_column = NO_COLUMN;
	for (int i = 0; i < file->column_count; i++)
	{
		header_column meaning;

		cells[i] = nulls[i] ? "" : TextDatumGetCString(values[i]);
		header_classify(product, cells[i], strlen(cells[i]), &meaning);
		if (meaning.kind == COLUMN_MESSAGES)
			file->messages_column = i;
	}
	append_other_cells(file, cells);
	if (file->column_count > (file->messages_column == NO_COLUMN ? 0 : 1))
		append_messages(file, MESSAGES_HEADER);
	else
		appendStringInfoString(&file->csv, MESSAGES_HEADER CSV_LINE_END);
}

/*
 * Splits a record into cells, palloc'd, and sets *count.  There is at least one for
 * each column, for the row of a sheet has no empty cells at its end.  It is read
 * behind another line, because a byte order mark and the like mean something only
 * where a file begins.
 */
static char **
split_record(const ResultsFile *file, const char *record, int *count)
{
	csv_allocator allocator = csv_allocator_in(CurrentMemoryContext);
	char	   *text = psprintf("x\n%s", record);
	char	  **cells = NULL;
	csv_memory_source source;
	csv_reader *reader;
	csv_record	split;
	csv_fault	fault;

	*count = 0;
	csv_memory_source_open_text(&source, text, strlen(text));
	reader = csv_reader_open(&allocator, csv_memory_source_read, &source, file->delimiter,
							 source.length + 1);
	if (csv_reader_next(reader, &split, &fault) == CSV_RECORD &&
		csv_reader_next(reader, &split, &fault) == CSV_RECORD)
	{
		*count = split.field_count;
		cells = palloc(sizeof(char *) * Max(split.field_count, file->column_count));
		for (int i = 0; i < split.field_count; i++)
		{
			char	   *cell = pnstrdup(split.fields[i].data, split.fields[i].length);

			cells[i] = pg_any_to_server(cell, (int) split.fields[i].length, PG_UTF8);
		}
		for (int i = split.field_count; i < file->column_count; i++)
			cells[i] = "";
	}
	csv_reader_close(reader);
	return cells;
}

/* Appends a rejected row; wrong_count: it has not one cell for each column. */
static void
append_record(ResultsFile *file, const char *record, const char *messages, bool wrong_count)
{
	bool		has_messages_column = file->messages_column != NO_COLUMN;
	char	  **cells;
	int			count;

	if (wrong_count && has_messages_column)
	{
		appendStringInfoString(&file->csv, record);
		appendStringInfoString(&file->csv, CSV_LINE_END);
		return;
	}
	cells = wrong_count ? NULL : split_record(file, record, &count);
	if (cells == NULL || (count == file->column_count && !has_messages_column))
		appendStringInfoString(&file->csv, record);
	else
		append_other_cells(file, cells);
	append_messages(file, messages);
}

/* Reads the row in "imports", and begins the file with its header. */
static void
begin_file(ResultsFile *file, const Account *account, int64 import_id)
{
	bool		isnull;
	Datum		header;
	char	   *delimiter;

	if (sql_run(account,
				"SELECT coalesce(header, '{}'), delimiter FROM @account.imports WHERE import_id = $1",
				1, (SqlArgument[]) {SQL_INT8(import_id)}) == 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("account \"%s\" has no import " INT64_FORMAT, account->name, import_id),
				errhint("Its imports are listed in %s.imports.", account->quoted_name));
	header = sql_value(0, 0, &isnull);
	delimiter = sql_string(0, 1);
	file->delimiter = delimiter == NULL || delimiter[0] == '\0' ? ',' : delimiter[0];
	append_header(file, account->product, header);
	SPI_freetuptable(SPI_tuptable);
}

static void
append_rejected_rows(ResultsFile *file, const Account *account, int64 import_id)
{
	MemoryContext batch_context;
	Portal		portal;

	batch_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync rejected rows",
										  ALLOCSET_DEFAULT_SIZES);
	portal = sql_open(account, rejected_query, 1, (SqlArgument[]) {SQL_INT8(import_id)});
	do
	{
		MemoryContext old_context;

		SPI_cursor_fetch(portal, true, FETCH_COUNT);
		old_context = MemoryContextSwitchTo(batch_context);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			char	   *record = sql_string((int) i, 1);
			bool		isnull;

			if (record == NULL)
				ereport(WARNING,
						errmsg("a rejected row is left out, because its record was not kept"),
						errdetail("Line %s: %s", sql_string((int) i, 0), sql_string((int) i, 2)));
			else
				append_record(file, record, sql_string((int) i, 2),
							  DatumGetBool(sql_value((int) i, 3, &isnull)));
		}
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(batch_context);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	MemoryContextDelete(batch_context);
}

/*
 * results_csv(account, import_id): the rejected rows in the order of the file,
 * with the file's own columns and delimiter and a last column Messages.
 */
Datum
orgsync_results_csv(PG_FUNCTION_ARGS)
{
	int64		import_id = PG_GETARG_INT64(1);
	ResultsFile file;
	Account    *account;

	initStringInfo(&file.csv);	/* the caller's memory, not SPI's */
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	begin_file(&file, account, import_id);
	append_rejected_rows(&file, account, import_id);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(file.csv.data, file.csv.len));
}
