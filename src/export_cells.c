/*
 * export_cells.c
 *		Which cells stand in an exported file.
 *
 * A file is read back as it was recorded, and its cells are handed to a
 * statement that confirms or refuses them (see export_confirm.c), many at a
 * time, as arrays.  Keys and remarks are no cells: that a row of an update file
 * names an address says nothing about the address.
 *
 * Memory: a batch has a context of its own for its values, a file another one.
 */
#include "export.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/*
 * So many cells are handed to a statement at a time.  Each of them scans all
 * changes, so not too few.
 */
#define BATCH_SIZE	100000

/* Cells on their way into a statement. */
struct ExportCells
{
	const Account *account;
	int64		export_id;
	const char *statement;
	MemoryContext context;
	int			count;
	int64		profile_ids[BATCH_SIZE];
	Datum		columns[BATCH_SIZE];	/* texts, or 0 */
	Datum		values[BATCH_SIZE];
};

/*
 * No cells yet, on their way into a statement, which must be a constant and gets
 * them as $2 to $4: profiles, columns, values as "changes" has them; $1 is the
 * export.  A column that is NULL stands for all of the profile's, or with the
 * value EXPORT_CELLS_AFTER_RENAME for those that later files tell.  palloc'd in
 * the current context.
 */
ExportCells *
export_cells_create(const Account *account, int64 export_id, const char *statement)
{
	ExportCells *batch = palloc(sizeof(ExportCells));

	batch->account = account;
	batch->export_id = export_id;
	batch->statement = statement;
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "orgsync confirmation",
										   ALLOCSET_DEFAULT_SIZES);
	batch->count = 0;
	return batch;
}

/* Runs the statement over the cells that are there. */
void
export_cells_flush(ExportCells *batch)
{
	MemoryContext old_context = MemoryContextSwitchTo(batch->context);

	if (batch->count > 0)
		(void) sql_run_about(batch->account, batch->statement, batch->count, 4, (SqlArgument[])
							{
								SQL_INT8(batch->export_id),
								sql_int8_array(batch->profile_ids, batch->count),
								sql_text_datum_array(batch->columns, batch->count),
								sql_text_datum_array(batch->values, batch->count)
							});
	batch->count = 0;
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(batch->context);
}

/* column_name NULL: see export_cells_create() */
static void
batch_add(ExportCells *batch, int64 profile_id, const char *column_name, const char *value)
{
	MemoryContext old_context;

	/* the files of some products, and the legacy layout, have 1 and 0 */
	if (column_name != NULL && strncmp(column_name, "group:", 6) == 0)
		value = strcmp(value, "1") == 0 || strcmp(value, "yes") == 0 ? "yes" : "no";

	if (batch->count == BATCH_SIZE)
		export_cells_flush(batch);
	old_context = MemoryContextSwitchTo(batch->context);
	batch->profile_ids[batch->count] = profile_id;
	batch->columns[batch->count] = column_name != NULL ? CStringGetTextDatum(column_name) : (Datum) 0;
	batch->values[batch->count] = value != NULL && value[0] != '\0' ? CStringGetTextDatum(value) : (Datum) 0;
	batch->count++;
	MemoryContextSwitchTo(old_context);
}

/*
 * The column of a LinkedIn product's file whose change a cell under that header
 * carries, or NULL if the cell is only a key or a remark.
 */
static const char *
carried_column(const char *kind, const char *header)
{
	bool		is_rename = strcmp(kind, "rename") == 0;

	if (strcmp(header, "existing_email_address") == 0 ||
		strcmp(header, "reupload_user_profile") == 0)
		return NULL;
	if (strcmp(header, "primary_email_address") == 0)
		return is_rename ? header : NULL;
	if (strcmp(header, "unique_user_id") == 0)
		return is_rename ? NULL : header;
	if (strcmp(header, "new_unique_user_id") == 0)
		return "unique_user_id";
	return header;
}

static void
add_column(ExportCells *batch, int64 profile_id, const char *header, const char *value)
{
	const char *columns[2];
	int			count = diff_logged_columns(batch->account->product, header, columns);

	for (int i = 0; i < count; i++)
		batch_add(batch, profile_id, columns[i], value);
}

/* The cell of the row under that header; "" if the file has no such column. */
static char *
cell_under(const ExportReader *reader, const char *header)
{
	for (int i = 0; i < reader->column_count; i++)
		if (strcmp(reader->headers[i], header) == 0)
			return export_reader_cell(reader, i);
	return "";
}

/*
 * Is the line of a list the first one of somebody whom the vendor does not know?
 * All lines of a person are in one list, his address first.
 */
static bool
begins_added_person(const Account *account, const ExportReader *reader)
{
	const char *columns[2];

	(void) diff_logged_columns(account->product, cell_under(reader, "column_name"), columns);
	return strcmp(columns[0], "primary_email_address") == 0 && cell_under(reader, "old_value")[0] == '\0';
}

/*
 * Adds the cells that stand in the reader's row.  A refused rename counts for what
 * is pending of the profile in later files, whose rows name the address that it
 * did not get: the vendor has done nothing with them, or something wrong.
 * is_added: the row is a line of a list, about somebody whom the vendor does not
 * know.
 */
static void
add_row_cells(ExportCells *batch, const char *kind, bool is_refused, int64 profile_id, bool is_added,
			  const ExportReader *reader)
{
	if (is_added || strcmp(kind, "add") == 0)
	{
		batch_add(batch, profile_id, NULL, NULL);
		return;
	}
	if (is_refused && strcmp(kind, "rename") == 0)
	{
		batch_add(batch, profile_id, NULL, EXPORT_CELLS_AFTER_RENAME);
		return;
	}
	if (strcmp(kind, "manual") == 0)
	{
		add_column(batch, profile_id, cell_under(reader, "column_name"), cell_under(reader, "new_value"));
		return;
	}
	for (int i = 0; i < reader->column_count; i++)
	{
		const char *column = carried_column(kind, reader->headers[i]);

		if (column != NULL && i < reader->record.field_count && reader->record.fields[i].length > 0)
			add_column(batch, profile_id, column, export_reader_cell(reader, i));
	}
}

/* A text in the server's encoding as UTF-8; palloc'd or the text itself. */
char *
export_to_utf8(char *string, size_t *length)
{
	char	   *utf8 = pg_server_to_any(string, *length, PG_UTF8);

	if (utf8 != string)
		*length = strlen(utf8);
	return utf8;
}

/*
 * Adds the cells of a file to the batch: all of them, or with results those of
 * the rows that the vendor refused, or of those that it did not.
 */
void
export_cells_add_file(ExportCells *batch, int seq, ExportResults *results, bool refused)
{
	MemoryContext file_context = AllocSetContextCreate(CurrentMemoryContext,
													   "orgsync exported file",
													   ALLOCSET_DEFAULT_SIZES);
	MemoryContext row_context = AllocSetContextCreate(file_context, "orgsync exported row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(file_context);
	ExportReader reader;
	const char *kind;
	char	   *csv;
	size_t		length;
	Datum	   *profile_ids;
	int			profile_count;
	int64		added_id = 0;
	bool		isnull;

	(void) sql_run(batch->account,
				   "SELECT coalesce(kind, ''), coalesce(csv, ''), coalesce(profile_ids, '{}'::bigint[]) FROM @account.export_files"
				   " WHERE export_id = $1 AND seq = $2",
				   2, (SqlArgument[]) {SQL_INT8(batch->export_id), SQL_INT4(seq)});
	kind = sql_string(0, 0);
	csv = sql_string(0, 1);
	deconstruct_array(DatumGetArrayTypePCopy(sql_value(0, 2, &isnull)), INT8OID, sizeof(int64),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &profile_ids, NULL, &profile_count);
	SPI_freetuptable(SPI_tuptable);

	length = strlen(csv);
	csv = export_to_utf8(csv, &length);
	export_reader_open(&reader, batch->account->product, "the exported file", ',', csv, length);
	MemoryContextSwitchTo(row_context);
	for (int i = 0; export_reader_next(&reader); i++)
	{
		if (i >= profile_count)
			elog(ERROR, "file %d of export %lld has more rows than profiles", seq,
				 (long long) batch->export_id);
		if (strcmp(kind, "manual") == 0 && begins_added_person(batch->account, &reader))
			added_id = DatumGetInt64(profile_ids[i]);
		if (results == NULL || export_results_refuse(results, &reader) == refused)
			add_row_cells(batch, kind, refused, DatumGetInt64(profile_ids[i]),
						  DatumGetInt64(profile_ids[i]) == added_id, &reader);
		MemoryContextReset(row_context);
	}
	export_reader_close(&reader);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(file_context);
}

