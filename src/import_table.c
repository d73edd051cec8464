/*
 * import_table.c
 *		Reads a table or view as if it were a file.
 *
 * The rows are fetched by a cursor, as the caller, and written as CSV for the
 * reader: so a table is imported by the very same code as a file, and what is
 * wrong with a row can be shown as a record.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "catalog/pg_class.h"
#include "core/csv_writer.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define FETCH_COUNT 1000

typedef struct TableSource
{
	Portal		portal;
	bool	   *is_boolean;		/* of each column */
	MemoryContext batch_context;	/* reset for each batch of rows */
	StringInfoData buffer;		/* what was written and not yet read */
} TableSource;

static void
append_cell(StringInfo buffer, const char *cell)
{
	const char *utf8 = pg_server_to_any(cell, (int) strlen(cell), PG_UTF8);
	size_t		length = strlen(utf8);

	if (length > MaxAllocSize / 4)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a value of the table is too long to be imported"));
	enlargeStringInfo(buffer, (int) CSV_CELL_MAX_SIZE(length));
	buffer->len += (int) csv_write_cell(buffer->data + buffer->len, utf8, length, ',', false);
	buffer->data[buffer->len] = '\0';
}

/* An empty single cell would be an empty line, which is no record. */
static void
append_record_end(StringInfo buffer, int start)
{
	if (buffer->len == start)
		appendStringInfoString(buffer, "\"\"");
	appendStringInfoChar(buffer, '\n');
}

/* The cell as a file would have it; of all words for a truth value every column takes yes and no. */
static const char *
cell_text(const TableSource *source, int row, int column)
{
	bool		isnull;
	Datum		value = sql_value(row, column, &isnull);

	if (isnull)
		return "";
	if (source->is_boolean[column])
		return DatumGetBool(value) ? "yes" : "no";
	return sql_string(row, column);
}

/* Makes the text of dates and numbers the same in all sessions, until sql_restore_settings(). */
static int
pin_formats(void)
{
	static const char *const settings[][2] = {
		{"datestyle", "ISO"}, {"intervalstyle", "postgres"}, {"extra_float_digits", "1"}, {"bytea_output", "hex"}
	};
	int			nest_level = NewGUCNestLevel();

	for (size_t i = 0; i < lengthof(settings); i++)
		sql_set(settings[i][0], settings[i][1]);
	return nest_level;
}

/* Writes the next rows to the buffer; leaves it empty at the end. */
static void
fetch_rows(TableSource *source)
{
	MemoryContext old_context = MemoryContextSwitchTo(source->batch_context);

	int			nest_level;

	MemoryContextReset(source->batch_context);
	SPI_cursor_fetch(source->portal, true, FETCH_COUNT);
	nest_level = pin_formats();
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		int			start = source->buffer.len;

		for (int column = 0; column < SPI_tuptable->tupdesc->natts; column++)
		{
			if (column > 0)
				appendStringInfoChar(&source->buffer, ',');
			append_cell(&source->buffer, cell_text(source, (int) i, column));
		}
		append_record_end(&source->buffer, start);
	}
	sql_restore_settings(nest_level);
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old_context);
}

/* A csv_source; context comes from import_table_open(). */
size_t
import_table_read(void *context, char *buffer, size_t size)
{
	TableSource *source = context;
	size_t		available;

	CHECK_FOR_INTERRUPTS();
	if (source->buffer.cursor == source->buffer.len)
	{
		resetStringInfo(&source->buffer);
		fetch_rows(source);
	}
	available = Min(size, (size_t) (source->buffer.len - source->buffer.cursor));
	memcpy(buffer, source->buffer.data + source->buffer.cursor, available);
	source->buffer.cursor += (int) available;
	return available;
}

/* Only what SELECT can read has rows. */
static void
check_kind(Oid relation, const char *name)
{
	switch (get_rel_relkind(relation))
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return;
	}
	ereport(ERROR,
			errcode(ERRCODE_WRONG_OBJECT_TYPE),
			errmsg("cannot import from \"%s\"", name),
			errdetail("It is neither a table nor a view."));
}

/*
 * Opens a table or view as a source for the CSV reader, in the current memory
 * context.  Needs an SPI connection as long as it is read.  Errors: no such
 * relation, no privilege.
 */
void *
import_table_open(Oid relation)
{
	TableSource *source = palloc0(sizeof(TableSource));
	char	   *schema = get_namespace_name(get_rel_namespace(relation));
	char	   *name = get_rel_name(relation);

	if (name == NULL || schema == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("relation with OID %u does not exist", relation));
	check_kind(relation, name);
	initStringInfo(&source->buffer);
	source->batch_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync table rows",
												  ALLOCSET_DEFAULT_SIZES);
	/* the text is qualified; functions that a view calls find what the caller's search_path has */
	source->portal = SPI_cursor_open_with_args(NULL, psprintf("SELECT * FROM %s",
															  quote_qualified_identifier(schema, name)),
											   0, NULL, NULL, NULL, false, 0);
	source->is_boolean = palloc(sizeof(bool) * Max(source->portal->tupDesc->natts, 1));
	for (int column = 0; column < source->portal->tupDesc->natts; column++)
	{
		Form_pg_attribute attribute = TupleDescAttr(source->portal->tupDesc, column);

		source->is_boolean[column] = getBaseType(attribute->atttypid) == BOOLOID;
		if (column > 0)
			appendStringInfoChar(&source->buffer, ',');
		append_cell(&source->buffer, NameStr(attribute->attname));
	}
	append_record_end(&source->buffer, 0);
	return source;
}

/* Closes the cursor, which would keep the table in use until the transaction ends. */
void
import_table_close(void *context)
{
	SPI_cursor_close(((TableSource *) context)->portal);
}
