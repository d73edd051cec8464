/*
 * spreadsheet.c
 *		A workbook in the server.
 *
 * The core takes its memory from malloc, as its libraries do.  All of that goes with
 * the memory context in which the workbook was opened, so that an error or a
 * cancelled query leaves nothing behind.  What the core cannot keep in memory goes
 * to a temporary file, which belongs to the resource owner of that time.
 */
#include "orgsync_xlsx.h"

#include "commands/tablespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* So many sheets are named in messages. */
#define MAX_NAMED_SHEETS	10

struct Spreadsheet
{
	xlsx_workbook core;
	MemoryContext context;
	MemoryContextCallback callback;
	ResourceOwner owner;
	BufFile    *file;			/* NULL: not needed yet */
};

/* ---- callbacks of the core ---- */

static void
create_file(Spreadsheet *workbook)
{
	ResourceOwner old_owner = CurrentResourceOwner;
	MemoryContext old_context = MemoryContextSwitchTo(workbook->context);

	CurrentResourceOwner = workbook->owner;
	PrepareTempTablespaces();
	workbook->file = BufFileCreateTemp(false);
	CurrentResourceOwner = old_owner;
	MemoryContextSwitchTo(old_context);
}

static void
store_append(void *context, const void *data, size_t size)
{
	Spreadsheet *workbook = context;

	if (workbook->file == NULL)
		create_file(workbook);
	BufFileWrite(workbook->file, unconstify(void *, data), size);
}

static void
store_read(void *context, uint64_t offset, void *data, size_t size)
{
	Spreadsheet *workbook = context;

	if (BufFileSeek(workbook->file, 0, (off_t) offset, SEEK_SET) != 0 ||
		BufFileRead(workbook->file, data, size) != size)
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("could not read from a temporary file"));
}

static void
pause_core(void *context)
{
	(void) context;
	CHECK_FOR_INTERRUPTS();
}

static void
release(void *workbook)
{
	xlsx_workbook_close(&((Spreadsheet *) workbook)->core);
}

/* ---- the workbook ---- */

/* The name of a sheet as the core has it; NULL stays NULL. */
char *
spreadsheet_sheet_argument(text *name)
{
	char	   *string;

	if (name == NULL)
		return NULL;
	string = text_to_cstring(name);
	return pg_server_to_any(string, (int) strlen(string), PG_UTF8);
}

/*
 * Opens a workbook, in the current memory context, and the sheet of that name
 * (UTF-8; NULL: the first one that is not hidden).  The data must last.  Faults of
 * the file raise no error: see spreadsheet_core()->fault.
 */
Spreadsheet *
spreadsheet_open(bytea *data, const char *sheet_name)
{
	Spreadsheet *workbook = palloc0(sizeof(Spreadsheet));
	xlsx_input	input = {
		.data = VARDATA_ANY(data),
		.size = VARSIZE_ANY_EXHDR(data),
		.max_row_size = orgsync_xlsx_max_row_size(),
		.store = {store_append, store_read, workbook},
		.pause = pause_core
	};

	workbook->context = CurrentMemoryContext;
	workbook->owner = CurrentResourceOwner;
	workbook->callback.func = release;
	workbook->callback.arg = workbook;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &workbook->callback);
	(void) xlsx_workbook_open(&workbook->core, &input, sheet_name);
	return workbook;
}

/* Reads the next row with something in it; false at the end, and at a fault. */
bool
spreadsheet_next(Spreadsheet *workbook, xlsx_row *row)
{
	return workbook->core.fault.code == XLSX_FAULT_NONE && xlsx_workbook_next(&workbook->core, row);
}

const xlsx_workbook *
spreadsheet_core(const Spreadsheet *workbook)
{
	return &workbook->core;
}

/* Frees what is not the memory context's. */
void
spreadsheet_close(Spreadsheet *workbook)
{
	xlsx_workbook_close(&workbook->core);
	if (workbook->file != NULL)
		BufFileClose(workbook->file);
	workbook->file = NULL;
}

/*
 * The names of the workbook's sheets but one (by its number, -1: all), in quotes
 * and UTF-8, palloc'd; empty if there are none.
 */
char *
spreadsheet_sheet_names(const Spreadsheet *workbook, int except, const char *separator)
{
	StringInfoData names;
	const char *name;
	bool		is_hidden;
	int			count = 0;

	initStringInfo(&names);
	for (int i = 0; (name = xlsx_workbook_sheet_name(&workbook->core, i, &is_hidden)) != NULL; i++)
	{
		if (i == except || count++ > MAX_NAMED_SHEETS)
			continue;
		if (names.len > 0)
			appendStringInfoString(&names, separator);
		if (count > MAX_NAMED_SHEETS)
			appendStringInfoString(&names, "...");
		else
			appendStringInfo(&names, "\"%s\"%s", name, is_hidden ? " (hidden)" : "");
	}
	return names.data;
}

/* The fault of the workbook in words (UTF-8), palloc'd. */
char *
spreadsheet_fault_text(const Spreadsheet *workbook)
{
	const xlsx_fault *fault = &workbook->core.fault;

	return psprintf("%s: %s", xlsx_fault_message(fault->code), fault->detail);
}
