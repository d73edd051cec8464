/*
 * import_sheet.c
 *		What a sheet of a workbook tells besides the records of a file.
 *
 * A row of a sheet is a record without the empty cells at its end, which is filled
 * up here to what the header has; its line is the row's number.  The notes of its
 * source (see import_stream.h) become findings: those of cells when their row is
 * read, so that they can reject it, those of the whole sheet at the end.
 */
#include "import.h"

/* Is there a note up to that row?  It stays the next one until has_note is false again. */
static bool
peek_note(Import *import, int64 row)
{
	const ImportSource *source = &import->source;

	if (!import->has_note)
		import->has_note = source->next_note(source->context, row, &import->note);
	return import->has_note;
}

/* Gives a record of a sheet its row's number as its line; other records have one. */
void
import_sheet_place(Import *import, csv_record *record)
{
	if (import_is_sheet(import))
		record->line = import->source.row_at(import->source.context, record->offset);
}

/* Is there something to be said of the record's cells? */
bool
import_sheet_has_notes(Import *import, const csv_record *record)
{
	return import_is_sheet(import) && peek_note(import, record->line);
}

/* Fills the record up with empty cells, as many as the header has. */
void
import_sheet_pad(Import *import, csv_record *record)
{
	static const char nothing[CSV_FIELD_SLACK] = {0};

	if (!import_is_sheet(import) || record->field_count >= import->column_count)
		return;
	if (import->padded_fields == NULL)
		import->padded_fields = MemoryContextAlloc(import->context, sizeof(csv_field) * import->column_count);
	memcpy(import->padded_fields, record->fields, sizeof(csv_field) * record->field_count);
	for (int i = record->field_count; i < import->column_count; i++)
		import->padded_fields[i] = (csv_field) {nothing, 0, false};
	record->fields = import->padded_fields;
	record->field_count = import->column_count;
}

static const char *
shown(const char *text)
{
	return text ? import_text_shown(text, strlen(text)) : "";
}

static bool
is_of_cell(const SheetNote *note)
{
	return note->kind == SHEET_FORMULA_CELL || note->kind == SHEET_ERROR_CELL;
}

/* Reports a note on a cell.  row NULL: it is none of a row, but of the header. */
static void
report_cell(Import *import, const SheetNote *note, ImportRow *row)
{
	const ImportColumn *column = note->column < import->column_count ? &import->columns[note->column] : NULL;
	const char *header = column ? column->header : "";

	/* the cells of other columns are not used */
	if (column != NULL && (column->kind == COLUMN_UNKNOWN || column->kind == COLUMN_MESSAGES))
		return;
	if (row == NULL || column == NULL)
	{
		if (note->kind == SHEET_FORMULA_CELL)
			import_report(import, FINDING_FORMULA_CELL, note->row, NULL, NULL, 3, note->place, header, shown(note->text));
	}
	else if (note->kind == SHEET_ERROR_CELL)
		import_reject(import, row, FINDING_ERROR_CELL, header, 3, note->place, header, shown(note->text));
	else if (import->account->product->refuses_formulas)
		import_reject(import, row, FINDING_FORMULA_CELL_REFUSED, header, 3, note->place, header, shown(note->text));
	else
		import_report(import, FINDING_FORMULA_CELL, note->row, header, row, 3, note->place, header, shown(note->text));
}

/* Reports a note on the sheet. */
static void
report_sheet(Import *import, const SheetNote *note)
{
	switch (note->kind)
	{
		case SHEET_MERGED_CELLS:
			import_report(import, FINDING_MERGED_CELLS, note->row, NULL, NULL, 1, note->text);
			break;
		case SHEET_MORE_MERGED_CELLS:
			import_report(import, FINDING_MORE_MERGED_CELLS, note->row, NULL, NULL, 1, note->text);
			break;
		case SHEET_HIDDEN_ROWS:
			import_report(import, FINDING_HIDDEN_ROWS, note->row, NULL, NULL, 1, note->text);
			break;
		case SHEET_HIDDEN_COLUMNS:
			import_report(import, FINDING_HIDDEN_COLUMNS, note->row, NULL, NULL, 2, note->text, note->place);
			break;
		case SHEET_HIDDEN_SHEET:
			import_report(import, FINDING_HIDDEN_SHEET, note->row, NULL, NULL, 1, shown(note->text));
			break;
		case SHEET_OTHER_SHEETS:
			import_report(import, FINDING_OTHER_SHEETS, note->row, NULL, NULL, 2, shown(note->place), shown(note->text));
			break;
		case SHEET_NOT_FOUND:
			import_report(import, FINDING_UNKNOWN_SHEET, note->row, NULL, NULL, 2, shown(note->text), psprintf(" %s", shown(note->advice)));
			break;
		case SHEET_UNREADABLE:
			import_report(import, FINDING_MALFORMED_XLSX, note->row, NULL, NULL, 2, shown(note->text), psprintf(" %s", shown(note->advice)));
			break;
		case SHEET_FORMULA_CELL:
		case SHEET_ERROR_CELL:
			report_cell(import, note, NULL);
			break;
	}
}

/* Reports what is to be said of a row's cells, and rejects the row if need be. */
void
import_sheet_report_row(Import *import, ImportRow *row)
{
	while (import_is_sheet(import) && peek_note(import, row->line))
	{
		if (is_of_cell(&import->note) && import->note.row == row->line)
			report_cell(import, &import->note, row);
		else
			report_sheet(import, &import->note);
		import->has_note = false;
	}
}

/* Reports what is left when the file is read. */
void
import_sheet_report_rest(Import *import)
{
	while (import_is_sheet(import) && peek_note(import, SHEET_END))
	{
		report_sheet(import, &import->note);
		import->has_note = false;
	}
}
