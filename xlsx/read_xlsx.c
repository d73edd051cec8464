/*
 * read_xlsx.c
 *		orgsync.read_xlsx: the rows of a sheet.
 *
 * There is no table of findings here, so a fault of the file is an ERROR, and what
 * would be a warning about the whole sheet a NOTICE.
 */
#include "orgsync_xlsx.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_read_xlsx);

enum
{
	ARGUMENT_XLSX,
	ARGUMENT_SHEET
};

/* Text of the workbook in the database's encoding. */
static char *
server_text(const char *utf8)
{
	return pg_any_to_server(utf8, (int) strlen(utf8), PG_UTF8);
}

static void
raise_fault(const Spreadsheet *workbook)
{
	const xlsx_fault *fault = &spreadsheet_core(workbook)->fault;
	char	   *detail = server_text(psprintf("%c%s", pg_toupper((unsigned char) fault->detail[0]), fault->detail + 1));

	if (fault->code == XLSX_FAULT_UNKNOWN_SHEET)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("%s", xlsx_fault_message(fault->code)),
				errdetail("%s.", detail),
				errhint("It has %s.", server_text(spreadsheet_sheet_names(workbook, -1, ", "))));
	ereport(ERROR,
			errcode(fault->code == XLSX_FAULT_NO_MEMORY ? ERRCODE_OUT_OF_MEMORY :
					fault->code == XLSX_FAULT_TOO_LARGE ? ERRCODE_PROGRAM_LIMIT_EXCEEDED :
					ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("%s", xlsx_fault_message(fault->code)),
			errdetail("%s.", detail),
			errhint("%s", xlsx_fault_hint(fault->code)));
}

/* Says what the rows do not. */
static void
give_notice(const Spreadsheet *workbook, bool is_named)
{
	const xlsx_workbook *core = spreadsheet_core(workbook);
	const xlsx_sheet_remarks *remarks = &core->sheet.remarks;
	bool		is_hidden;
	const char *name = xlsx_workbook_sheet_name(core, core->sheet_number, &is_hidden);
	char	   *others = spreadsheet_sheet_names(workbook, core->sheet_number, ", ");

	if (is_hidden)
		ereport(NOTICE, errmsg("the sheet \"%s\" is hidden", server_text(name)));
	if (!is_named && others[0] != '\0')
		ereport(NOTICE,
				errmsg("only the sheet \"%s\" was read", server_text(name)),
				errdetail("The workbook also has %s.", server_text(others)));
	if (remarks->merge_count > 0)
		ereport(NOTICE,
				errmsg("cells of the sheet are merged: only the first cell of each range has a value"),
				errdetail_plural("%d range of cells is merged.", "%d ranges of cells are merged.",
								 remarks->merge_count, remarks->merge_count));
	if (remarks->hidden_row_count > 0 || remarks->hidden_column_count > 0)
		ereport(NOTICE,
				errmsg("rows or columns of the sheet are hidden; they were read like all others"),
				errdetail("Hidden are %d rows and %d columns that have values.", remarks->hidden_row_count,
						  remarks->hidden_column_count));
}

/* The cells from the first column to the last one with text, those between them empty. */
static ArrayType *
build_fields_array(const xlsx_row *row)
{
	int			count = row->cell_count > 0 ? row->cells[row->cell_count - 1].column + 1 : 0;
	Datum	   *fields = palloc(sizeof(Datum) * Max(count, 1));
	Datum		empty = PointerGetDatum(cstring_to_text(""));

	for (int i = 0; i < count; i++)
		fields[i] = empty;
	for (int i = 0; i < row->cell_count; i++)
	{
		const xlsx_cell *cell = &row->cells[i];
		char	   *field = pg_any_to_server(cell->text, (int) cell->length, PG_UTF8);

		fields[cell->column] = PointerGetDatum(cstring_to_text_with_len(field, field == cell->text ?
																		(int) cell->length : (int) strlen(field)));
	}
	return construct_array(fields, count, TEXTOID, -1, false, TYPALIGN_INT);
}

static void
read_rows(ReturnSetInfo *result, Spreadsheet *workbook)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync_xlsx row",
													  ALLOCSET_DEFAULT_SIZES);
	xlsx_row	row;

	while (spreadsheet_next(workbook, &row))
	{
		MemoryContext old_context = MemoryContextSwitchTo(row_context);
		Datum		values[2];
		bool		nulls[2] = {false, false};

		values[0] = Int64GetDatum(row.number);
		values[1] = PointerGetDatum(build_fields_array(&row));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
}

/* read_xlsx(xlsx bytea, sheet text) */
Datum
orgsync_read_xlsx(PG_FUNCTION_ARGS)
{
	Spreadsheet *workbook;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(ARGUMENT_XLSX))
		return (Datum) 0;
	workbook = spreadsheet_open(PG_GETARG_BYTEA_PP(ARGUMENT_XLSX),
							 spreadsheet_sheet_argument(PG_ARGISNULL(ARGUMENT_SHEET) ? NULL :
													 PG_GETARG_TEXT_PP(ARGUMENT_SHEET)));
	read_rows((ReturnSetInfo *) fcinfo->resultinfo, workbook);
	if (spreadsheet_core(workbook)->fault.code != XLSX_FAULT_NONE)
		raise_fault(workbook);
	give_notice(workbook, !PG_ARGISNULL(ARGUMENT_SHEET));
	spreadsheet_close(workbook);
	return (Datum) 0;
}
