/*
 * import_xlsx.c
 *		orgsync.import_xlsx: a sheet as the source of an import.
 *
 * Each row is written as a record of CSV, for the import to read (see orgsync's
 * import_stream.h), so a sheet is imported by the very same code as a file.
 *
 *	buffer		records that were written and not yet read
 *	places		where each record begins in the stream, and its row
 *	notes		what is to be said of cells, and of the sheet when it is at its end
 *
 * The reader of CSV reads ahead by a block, so places and notes are queues.
 */
#include "orgsync_xlsx.h"

#include "../src/core/csv_writer.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(orgsync_import_xlsx);

enum
{
	ARGUMENT_ACCOUNT,
	ARGUMENT_XLSX,
	ARGUMENT_SHEET,				/* import_csv() does not have this one, but those that follow */
	ARGUMENT_COUNT = 13
};

#define CSV_ARGUMENT_COUNT	(ARGUMENT_COUNT - 1)

/* A sheet's archive is so much smaller than its text, about. */
#define TYPICAL_EXPANSION	5

typedef struct RecordPlace
{
	int64		offset;
	int64		row;
} RecordPlace;

typedef struct SheetSource
{
	bytea	   *data;
	char	   *sheet_name;		/* UTF-8, or NULL */
	Spreadsheet *workbook;
	MemoryContext context;
	bool		is_at_end;
	StringInfoData buffer;
	int64		written;		/* bytes of all records so far */
	StringInfoData places;		/* RecordPlace; cursor: the current one */
	StringInfoData notes;		/* SheetNote *; cursor: the next one */
	SheetNote  *given;			/* the note that was given last */
} SheetSource;

/* Appends to a queue, in which what lies before the cursor is not needed any more. */
static void
enqueue(StringInfo queue, const void *item, int size)
{
	if (queue->cursor > queue->len / 2)
	{
		queue->len -= queue->cursor;
		memmove(queue->data, queue->data + queue->cursor, queue->len);
		queue->cursor = 0;
	}
	appendBinaryStringInfo(queue, item, size);
}

/* ---- notes ---- */

static char *
copy(const char *string)
{
	return string ? pstrdup(string) : NULL;
}

/* Strings are copied; NULL for those that the kind has not. */
static void
add_note(SheetSource *source, SheetNoteKind kind, int64 row, int column, const char *place, const char *text,
		 const char *advice)
{
	MemoryContext old_context = MemoryContextSwitchTo(source->context);
	SheetNote  *note = palloc(sizeof(SheetNote));

	note->kind = kind;
	note->row = row;
	note->column = column;
	note->place = copy(place);
	note->text = copy(text);
	note->advice = copy(advice);
	enqueue(&source->notes, &note, sizeof(note));
	MemoryContextSwitchTo(old_context);
}

static void
free_note(SheetNote *note)
{
	const char *strings[] = {note->place, note->text, note->advice};

	for (size_t i = 0; i < lengthof(strings); i++)
		if (strings[i] != NULL)
			pfree(unconstify(char *, strings[i]));
	pfree(note);
}

static void
note_cell(SheetSource *source, int row, const xlsx_cell *cell)
{
	char		name[XLSX_REFERENCE_SIZE];
	char	   *text = pnstrdup(cell->text, cell->length);

	xlsx_cell_name(row, cell->column, name);
	add_note(source, cell->is_formula ? SHEET_FORMULA_CELL : SHEET_ERROR_CELL, row, cell->column, name, text, NULL);
	if (cell->is_formula && cell->is_error)
		add_note(source, SHEET_ERROR_CELL, row, cell->column, name, text, NULL);
	pfree(text);
}

static void
note_merges(SheetSource *source, const xlsx_sheet_remarks *remarks)
{
	int			count = Min(remarks->merge_count, XLSX_MAX_KEPT_MERGES);

	for (int i = 0; i < count; i++)
	{
		char		name[XLSX_REFERENCE_SIZE];

		xlsx_range_name(&remarks->merges[i], name);
		add_note(source, SHEET_MERGED_CELLS, remarks->merges[i].first_row, 0, NULL, name, NULL);
	}
	if (remarks->merge_count > count)
		add_note(source, SHEET_MORE_MERGED_CELLS, 0, 0, NULL, psprintf("%d", remarks->merge_count - count), NULL);
}

/* Which sheet was read, and which were not. */
static void
note_sheets(SheetSource *source)
{
	const xlsx_workbook *core = spreadsheet_core(source->workbook);
	bool		is_hidden;
	const char *name = xlsx_workbook_sheet_name(core, core->sheet_number, &is_hidden);
	char	   *others = spreadsheet_sheet_names(source->workbook, core->sheet_number, ", ");

	if (is_hidden)
		add_note(source, SHEET_HIDDEN_SHEET, 0, 0, NULL, name, NULL);
	if (source->sheet_name == NULL && others[0] != '\0')
		add_note(source, SHEET_OTHER_SHEETS, 0, 0, name, others, NULL);
}

/* What is known when all rows are read, or why they cannot be. */
static void
note_end(SheetSource *source)
{
	const xlsx_workbook *core = spreadsheet_core(source->workbook);
	const xlsx_sheet_remarks *remarks = &core->sheet.remarks;
	char		column[XLSX_REFERENCE_SIZE];

	if (core->fault.code == XLSX_FAULT_NO_MEMORY)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("%s", xlsx_fault_message(core->fault.code)));
	if (core->fault.code == XLSX_FAULT_UNKNOWN_SHEET)
		add_note(source, SHEET_NOT_FOUND, 0, 0, NULL, source->sheet_name,
				 psprintf("The workbook has %s.", spreadsheet_sheet_names(source->workbook, -1, ", ")));
	else if (core->fault.code != XLSX_FAULT_NONE)
		add_note(source, SHEET_UNREADABLE, 0, 0, NULL, spreadsheet_fault_text(source->workbook),
				 xlsx_fault_hint(core->fault.code));
	if (core->fault.code != XLSX_FAULT_NONE)
		return;

	note_sheets(source);
	note_merges(source, remarks);
	if (remarks->hidden_row_count > 0)
		add_note(source, SHEET_HIDDEN_ROWS, remarks->first_hidden_row, 0, NULL,
				 psprintf("%d", remarks->hidden_row_count), NULL);
	xlsx_cell_name(0, remarks->first_hidden_column, column);
	if (remarks->hidden_column_count > 0)
		add_note(source, SHEET_HIDDEN_COLUMNS, 0, 0, column, psprintf("%d", remarks->hidden_column_count), NULL);
}

/* ImportSource.next_note */
static bool
next_note(void *context, int64 row, SheetNote *note)
{
	SheetSource *source = context;

	if (source->given != NULL)
		free_note(source->given);
	source->given = NULL;
	if (source->notes.cursor == source->notes.len)
		return false;
	memcpy(&source->given, source->notes.data + source->notes.cursor, sizeof(SheetNote *));
	if (source->given->row > row)
	{
		source->given = NULL;
		return false;
	}
	source->notes.cursor += sizeof(SheetNote *);
	*note = *source->given;
	return true;
}

/* ---- records ---- */

static void
append_cell(StringInfo buffer, const xlsx_cell *cell)
{
	enlargeStringInfo(buffer, (int) CSV_CELL_MAX_SIZE(cell->length));
	buffer->len += (int) csv_write_cell(buffer->data + buffer->len, cell->text, cell->length, ',', false);
}

/* Writes a row, up to its last cell with text, as a record; a row of empty formulas is none. */
static void
append_row(SheetSource *source, const xlsx_row *row)
{
	StringInfo	buffer = &source->buffer;
	RecordPlace place = {source->written, row->number};
	int			start = buffer->len;
	int			count = row->cell_count;
	int			column = 0;

	for (int i = 0; i < row->cell_count; i++)
		if (row->cells[i].is_formula || row->cells[i].is_error)
			note_cell(source, row->number, &row->cells[i]);
	while (count > 0 && row->cells[count - 1].length == 0)
		count--;
	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
	{
		for (; column < row->cells[i].column; column++)
			appendStringInfoChar(buffer, ',');
		append_cell(buffer, &row->cells[i]);
	}
	appendStringInfoChar(buffer, '\n');
	enqueue(&source->places, &place, sizeof(place));
	source->written += buffer->len - start;
}

/* A csv_source. */
static size_t
read_records(void *context, char *buffer, size_t size)
{
	SheetSource *source = context;
	MemoryContext old_context = MemoryContextSwitchTo(source->context);
	xlsx_row	row;
	size_t		available;

	if (source->workbook == NULL)
		source->workbook = spreadsheet_open(source->data, source->sheet_name);
	if (source->buffer.cursor == source->buffer.len)
	{
		resetStringInfo(&source->buffer);
		while (!source->is_at_end && (size_t) source->buffer.len < size)
		{
			if (spreadsheet_next(source->workbook, &row))
				append_row(source, &row);
			else
			{
				source->is_at_end = true;
				note_end(source);
			}
		}
	}
	available = Min(size, (size_t) (source->buffer.len - source->buffer.cursor));
	memcpy(buffer, source->buffer.data + source->buffer.cursor, available);
	source->buffer.cursor += (int) available;
	MemoryContextSwitchTo(old_context);
	return available;
}

/* ImportSource.row_at */
static int64
row_at(void *context, int64 offset)
{
	StringInfo	places = &((SheetSource *) context)->places;
	RecordPlace place = {0, 1};
	RecordPlace next;

	if (places->cursor < places->len)
		memcpy(&place, places->data + places->cursor, sizeof(place));
	while (places->cursor + (int) sizeof(place) < places->len)
	{
		memcpy(&next, places->data + places->cursor + sizeof(place), sizeof(next));
		if (next.offset > offset)
			break;
		place = next;
		places->cursor += sizeof(place);
	}
	return place.row;
}

/* ---- the source ---- */

static void
close_source(SheetSource *source)
{
	if (source->workbook != NULL)
		spreadsheet_close(source->workbook);
	source->workbook = NULL;
	MemoryContextReset(source->context);
}

static void
begin_source(SheetSource *source)
{
	MemoryContext old_context = MemoryContextSwitchTo(source->context);

	source->is_at_end = false;
	source->written = 0;
	source->given = NULL;
	initStringInfo(&source->buffer);
	initStringInfo(&source->places);
	initStringInfo(&source->notes);
	MemoryContextSwitchTo(old_context);
}

/* ImportSource.rewind */
static void
rewind_source(void *context)
{
	close_source(context);
	begin_source(context);
}

/* import_xlsx(account, xlsx bytea, sheet text, ...) */
Datum
orgsync_import_xlsx(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(csv_call, CSV_ARGUMENT_COUNT);
	SheetSource source = {0};
	Datum		summary;

	if (!PG_ARGISNULL(ARGUMENT_XLSX))
		source.data = PG_GETARG_BYTEA_PP(ARGUMENT_XLSX);
	if (!PG_ARGISNULL(ARGUMENT_SHEET))
		source.sheet_name = spreadsheet_sheet_argument(PG_GETARG_TEXT_PP(ARGUMENT_SHEET));
	source.context = AllocSetContextCreate(CurrentMemoryContext, "orgsync_xlsx sheet", ALLOCSET_DEFAULT_SIZES);
	begin_source(&source);

	InitFunctionCallInfoData(*csv_call, fcinfo->flinfo, CSV_ARGUMENT_COUNT, fcinfo->fncollation, NULL, NULL);
	for (int i = 0; i < CSV_ARGUMENT_COUNT; i++)
		csv_call->args[i] = fcinfo->args[i < ARGUMENT_SHEET ? i : i + 1];
	summary = orgsync_xlsx_import_source(csv_call, &(ImportSource) {
		.read = read_records,
		.context = &source,
		.size = source.data ? (int64) VARSIZE_ANY_EXHDR(source.data) * TYPICAL_EXPANSION : 0,
		.rewind = rewind_source,
		.row_at = row_at,
		.next_note = next_note
	});
	close_source(&source);
	PG_RETURN_DATUM(summary);
}
