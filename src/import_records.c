/*
 * import_records.c
 *		Reads a file's records: the first phase of an import.
 *
 * Each record is parsed, checked by itself and staged as a row.  Records that are
 * known from the import before are skipped (import_unchanged.c); where there are
 * many to parse, another process helps (import_worker.c).
 */
#include "import.h"

#include "utils/memutils.h"

static const char *
describe_fault(csv_fault_code code)
{
	switch (code)
	{
		case CSV_FAULT_UNTERMINATED_QUOTE:
			return "a double quote is opened and never closed";
		case CSV_FAULT_TEXT_AFTER_QUOTE:
			return "text stands behind a closing double quote";
		case CSV_FAULT_NUL_BYTE:
			return "a NUL byte is no text";
		case CSV_FAULT_RECORD_TOO_LONG:
			return "a record is longer than orgsync.max_record_size";
		case CSV_FAULT_NOT_UTF8:
		case CSV_FAULT_GZIP:
		case CSV_FAULT_ZIP:
		case CSV_FAULT_OLD_WORKBOOK:
		case CSV_FAULT_NONE:
			break;
	}
	return "unknown fault";
}

static void
report_fault(Import *import, const csv_fault *fault)
{
	char	   *offset = psprintf("%lld", (long long) fault->offset);
	int64		line = import->options.numbers_records ? import->row_count + 2 :
		import_is_sheet(import) ? import->source.row_at(import->source.context, fault->offset) : fault->fault_line;

	if (fault->code == CSV_FAULT_NOT_UTF8)
		import_report(import, FINDING_NOT_UTF8, line, NULL, NULL, 1, offset);
	else if (fault->code == CSV_FAULT_GZIP)
		import_report(import, FINDING_COMPRESSED_FILE, line, NULL, NULL, 0);
	else if (fault->code == CSV_FAULT_ZIP || fault->code == CSV_FAULT_OLD_WORKBOOK)
		import_report(import, FINDING_SPREADSHEET_FILE, line, NULL, NULL, 0);
	else
		import_report(import, FINDING_MALFORMED_CSV, line, NULL, NULL, 2,
					  describe_fault(fault->code), offset);
}

/* The groups that a row's cells name are used. */
static void
use_groups(Import *import, const ImportRow *row)
{
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_GROUP_NAME && row->cells[i].text != NULL)
			import->groups[row->cells[i].group].is_used = true;
}

/*
 * Parses a record that was split into fields, and reports what is wrong with it.
 * *row and *note are in the row context, which is reset.
 */
void
import_parse_record(Import *import, csv_record *record, ImportRow *row, RowNote *note)
{
	MemoryContext old_context;

	MemoryContextReset(import->row_context);
	import_reader_cut(import, record);
	import_parse_row(import, record, row);
	import_sheet_report_row(import, row);
	old_context = MemoryContextSwitchTo(import->row_context);
	import_note_make(import, row, note);
	MemoryContextSwitchTo(old_context);
}

/* Reads and stages a record as the next row.  CSV_FAULT: it cannot be split, and *fault is set. */
csv_result
import_read_record(Import *import, csv_reader *reader, csv_record *record, const FeedRecordHash *hash, csv_fault *fault)
{
	csv_result	result = csv_reader_split(reader, record, fault);
	ImportRow	row;
	RowNote		note;

	if (result != CSV_RECORD)
		return result;
	import_parse_record(import, record, &row, &note);
	if (import->has_group_names && !row.rejected)
		use_groups(import, &row);
	import_note_take(import, &note, import_staging_count(import->staging), hash);
	import_staging_put(import, &row);
	return result;
}

/* The vendor refuses a file that only revokes licenses if it has a group column. */
static void
check_group_columns(Import *import)
{
	int64		active = 0;
	int64		inactive = import->inactive_cells;
	bool		has_group = false;

	import_unchanged_count_cells(import, &active, &inactive);

	for (int i = 0; i < import->license_count; i++)
		active += import->active_cells[i];
	for (int i = 0; i < import->column_count; i++)
		has_group = has_group || import->columns[i].kind == COLUMN_GROUP;
	if (has_group && active == 0 && inactive > 0)
		import_report(import, FINDING_GROUP_COLUMN_NOT_ALLOWED, 1, NULL, NULL, 0);
}

/* Reads some records; CSV_END after the last. */
static csv_result
read_records(Import *import, csv_reader *reader, csv_record *records, csv_fault *fault)
{
	int			count = IMPORT_RECORDS_AT_ONCE;
	csv_result	result = csv_reader_next_batch(reader, records, &count, fault);

	import_progress_read(import, csv_reader_bytes_read(reader));
	import_unchanged_look_up(import, records, count);
	for (int i = 0; i < count && result == CSV_RECORD && !import->refused; i++)
	{
		import_sheet_place(import, &records[i]);
		import->row_count++;
		if (import_unchanged_skip(import, i, import_sheet_has_notes(import, &records[i])))
			continue;
		if (import->options.numbers_records)
			records[i].line = import->row_count + 1;
		if (!import_worker_put(import, reader, &records[i]))
			result = import_read_record(import, reader, &records[i], import_unchanged_hash(import), fault);
	}
	return result;
}

/*
 * The first phase: reads the records of a file, reports what is wrong with them
 * by themselves, and stages them.
 */
void
import_read_file(Import *import)
{
	csv_record	records[IMPORT_RECORDS_AT_ONCE];
	csv_fault	fault;
	csv_result	result;
	csv_reader *reader;

	import_progress_phase(import, "imports");
	reader = import_reader_open(import, records, &fault, &result);

	if (result == CSV_RECORD)
	{
		import_read_header(import, records);
		import->active_cells = MemoryContextAllocZero(import->context,
													  sizeof(int64) * Max(import->license_count, 1));
		if (!import->refused)
			import_unchanged_begin(import);
		while (!import->refused && result == CSV_RECORD)
			result = read_records(import, reader, records, &fault);
		import_worker_end(import, &result, &fault);
		import_progress_read(import, csv_reader_bytes_read(reader));
		import_unchanged_end_pass(import);
	}
	if (result == CSV_FAULT)
		report_fault(import, &fault);
	import_sheet_report_rest(import);
	if (!import->refused && import->row_count == 0)
		import_report(import, FINDING_EMPTY_FILE, 1, NULL, NULL, 0);
	import_reader_close(import, reader);

	import_keys_finish(import->emails);
	import_keys_finish(import->user_ids);
	if (!import->refused && !import->options.is_remote)
		check_group_columns(import);
}
