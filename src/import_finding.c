/*
 * import_finding.c
 *		Collects what was wrong with a file.
 *
 * Findings are kept in a tuplestore, outside the account's tables, until all is
 * decided: the data may be undone, but never the findings.  An attempt at
 * writing that is made again takes back what it found: findings up to the mark
 * come from reading the file, those behind it from the attempt.
 *
 * A finding on a row keeps the record as it came.  A row of very many columns may
 * have as many findings, and would be kept over and over: then only the first ones
 * have it, and the first error, whose row is to be mended.
 */
#include "import.h"

#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "sql.h"
#include "table_writer.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Values are cut so in messages: they are for people to read. */
#define MAX_VALUE_LENGTH	200

/* What the copies of one row's record may take, in bytes, besides the first. */
#define MAX_RECORD_COPIES	(256 * 1024)

enum
{
	FINDING_LINE,
	FINDING_COLUMN_NAME,
	FINDING_CODE,
	FINDING_SEVERITY,
	FINDING_MESSAGE,
	FINDING_TIP,
	FINDING_RECORD,
	FINDING_COLUMN_COUNT
};

typedef struct FindingList
{
	Tuplestorestate *rows;
	int64		counts[SEVERITY_FATAL + 1];
	int64		last_line;
	bool		is_sorted;		/* they came by line */
} FindingList;

/* Where they are written in the end. */
static const WrittenTable findings_table = {
	.name = "import_findings",
	.column_count = 10,
	.columns = {
		{"finding_id", INT8OID, NULL, true, false},
		{"import_id", INT8OID, NULL, false, false},
		{"export_id", INT8OID, NULL, false, false},
		{"line", INT8OID, NULL, false, false},
		{"column_name", TEXTOID, NULL, false, false},
		{"code", TEXTOID, NULL, true, false},
		{"severity", TEXTOID, NULL, true, false},
		{"message", TEXTOID, NULL, true, false},
		{"tip", TEXTOID, NULL, false, false},
		{"record", TEXTOID, NULL, false, false}
	},
	.references = {"imports", "exports"},
	.checks = {"import_findings_severity_check", "import_findings_check"}
};

#define WRITTEN_FINDING_ID	0
#define WRITTEN_IMPORT_ID	1
#define WRITTEN_LINE		3	/* and those behind it, as they are in a list */

/* From so many on, the indexes of an empty table are better built at the end. */
#define FIRST_LOAD_ROWS		5000

struct ImportFindings
{
	TupleDesc	descriptor;
	MemoryContext context;
	MemoryContext report_context;	/* reset for each finding */
	FindingList of_file;
	FindingList of_attempt;
	bool		marked;

	/* the row whose records were kept last */
	int64		line;
	size_t		copied;
	bool		has_error;
};

static void
list_create(FindingList *list)
{
	list->rows = tuplestore_begin_heap(true, false, work_mem / 8);
	memset(list->counts, 0, sizeof(list->counts));
	list->last_line = 0;
	list->is_sorted = true;
}

/* An empty collection, palloc'd in the current memory context. */
ImportFindings *
import_findings_create(void)
{
	ImportFindings *findings = palloc0(sizeof(ImportFindings));

	findings->context = CurrentMemoryContext;
	findings->report_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync finding",
													 ALLOCSET_DEFAULT_SIZES);
	findings->descriptor = CreateTemplateTupleDesc(FINDING_COLUMN_COUNT);
	TupleDescInitEntry(findings->descriptor, FINDING_LINE + 1, "line", INT8OID, -1, 0);
	TupleDescInitEntry(findings->descriptor, FINDING_COLUMN_NAME + 1, "column_name", TEXTOID, -1, 0);
	TupleDescInitEntry(findings->descriptor, FINDING_CODE + 1, "code", TEXTOID, -1, 0);
	TupleDescInitEntry(findings->descriptor, FINDING_SEVERITY + 1, "severity", TEXTOID, -1, 0);
	TupleDescInitEntry(findings->descriptor, FINDING_MESSAGE + 1, "message", TEXTOID, -1, 0);
	TupleDescInitEntry(findings->descriptor, FINDING_TIP + 1, "tip", TEXTOID, -1, 0);
	TupleDescInitEntry(findings->descriptor, FINDING_RECORD + 1, "record", TEXTOID, -1, 0);
	list_create(&findings->of_file);
	return findings;
}

/* What is found from now on belongs to an attempt at writing. */
void
import_findings_mark(ImportFindings *findings)
{
	MemoryContext old_context = MemoryContextSwitchTo(findings->context);

	list_create(&findings->of_attempt);
	findings->marked = true;
	findings->line = 0;
	MemoryContextSwitchTo(old_context);
}

/* Frees what is kept, without writing it. */
void
import_findings_end(ImportFindings *findings)
{
	tuplestore_end(findings->of_file.rows);
	if (findings->marked)
		tuplestore_end(findings->of_attempt.rows);
}

/* Takes back what the attempt found, and ends it. */
void
import_findings_forget(ImportFindings *findings)
{
	tuplestore_end(findings->of_attempt.rows);
	findings->marked = false;
}

/* Takes back what the attempt found so far, as it begins anew. */
void
import_findings_restart(ImportFindings *findings)
{
	tuplestore_clear(findings->of_attempt.rows);
	memset(findings->of_attempt.counts, 0, sizeof(findings->of_attempt.counts));
	findings->of_attempt.last_line = 0;
	findings->of_attempt.is_sorted = true;
	findings->line = 0;
}

/* How many findings of that severity there are. */
int64
import_findings_count(const ImportFindings *findings, finding_severity severity)
{
	return findings->of_file.counts[severity] + (findings->marked ? findings->of_attempt.counts[severity] : 0);
}

static char *
format_text(const char *format, const char *const *arguments, int argument_count)
{
	size_t		length = finding_format(NULL, 0, format, arguments, argument_count);
	char	   *text = palloc(length + 1);

	(void) finding_format(text, length + 1, format, arguments, argument_count);
	return text;
}

/* The value, cut to what a message can hold. */
static const char *
clip(const char *value)
{
	int			length = (int) strlen(value);

	if (length <= MAX_VALUE_LENGTH)
		return value;
	return psprintf("%.*s...", pg_mbcliplen(value, length, MAX_VALUE_LENGTH), value);
}

/* Is the row's record to be kept with this finding? */
static bool
keeps_record(ImportFindings *findings, const ImportRow *row, finding_severity severity)
{
	bool		is_first_error;

	if (row == NULL || row->raw == NULL)
		return false;
	if (findings->line != row->line)
	{
		findings->line = row->line;
		findings->copied = 0;
		findings->has_error = false;
	}
	is_first_error = severity != SEVERITY_WARNING && !findings->has_error;
	findings->has_error = findings->has_error || is_first_error;
	if (findings->copied > 0 && findings->copied + row->raw_length > MAX_RECORD_COPIES && !is_first_error)
		return false;
	findings->copied += row->raw_length;
	return true;
}

static void
report(Import *import, finding_code code, int64 line, const char *column_name, const ImportRow *row,
	   int argument_count, va_list list)
{
	const finding_kind *kind = finding_kind_of(code);
	ImportFindings *findings = import->findings;
	FindingList *target = findings->marked ? &findings->of_attempt : &findings->of_file;
	MemoryContext old_context;
	const char *arguments[FINDING_MAX_ARGUMENTS];
	Datum		values[FINDING_COLUMN_COUNT];
	bool		nulls[FINDING_COLUMN_COUNT] = {0};

	old_context = MemoryContextSwitchTo(findings->report_context);
	Assert(argument_count <= FINDING_MAX_ARGUMENTS);
	for (int i = 0; i < argument_count; i++)
		arguments[i] = clip(va_arg(list, const char *));

	nulls[FINDING_LINE] = line == 0;
	values[FINDING_LINE] = Int64GetDatum(line);
	nulls[FINDING_COLUMN_NAME] = column_name == NULL;
	values[FINDING_COLUMN_NAME] = column_name ? CStringGetTextDatum(column_name) : (Datum) 0;
	values[FINDING_CODE] = CStringGetTextDatum(kind->code);
	values[FINDING_SEVERITY] = CStringGetTextDatum(finding_severity_name(kind->severity));
	values[FINDING_MESSAGE] = CStringGetTextDatum(format_text(kind->message, arguments, argument_count));
	values[FINDING_TIP] = CStringGetTextDatum(format_text(kind->tip, arguments, argument_count));
	nulls[FINDING_RECORD] = !keeps_record(findings, row, kind->severity);
	if (!nulls[FINDING_RECORD])
		values[FINDING_RECORD] = CStringGetTextDatum(import_text_shown(row->raw, row->raw_length));
	tuplestore_putvalues(target->rows, findings->descriptor, values, nulls);
	target->counts[kind->severity]++;
	target->is_sorted = target->is_sorted && line >= target->last_line;
	target->last_line = line;
	if (kind->severity == SEVERITY_FATAL)
		import->refused = true;
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(findings->report_context);
}

/*
 * Notes a finding.  line 0: of the whole file; column_name and row may be NULL.
 * The further arguments are the strings (const char *, none NULL) that the
 * catalogue names for the code, in the database's encoding.
 */
void
import_report(Import *import, finding_code code, int64 line, const char *column_name, const ImportRow *row,
			  int argument_count,...)
{
	va_list		list;

	va_start(list, argument_count);
	report(import, code, line, column_name, row, argument_count, list);
	va_end(list);
}

/* Notes an error of a row, which is not applied then. */
void
import_reject(Import *import, ImportRow *row, finding_code code, const char *column_name,
			  int argument_count,...)
{
	va_list		list;

	va_start(list, argument_count);
	report(import, code, row->line, column_name, row, argument_count, list);
	va_end(list);
	row->rejected = true;
}

/*
 * Puts the findings of a file that was only read into a function's result, by
 * line, and frees them.  Needs an SPI connection.
 */
void
import_findings_return(Import *import, ReturnSetInfo *result)
{
	FindingList *list = &import->findings->of_file;
	Portal		portal;

	sql_register("findings", list->rows, import->findings->descriptor, 0);
	portal = sql_open(NULL,
					  "SELECT line, column_name, code, severity, message, tip, record"
					  " FROM (SELECT *, row_number() OVER () AS number FROM findings) AS f"
					  " ORDER BY line NULLS FIRST, number", 0, NULL);
	do
	{
		SPI_cursor_fetch(portal, true, 1000);
		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	sql_unregister("findings");
	tuplestore_end(list->rows);
}

/* Writes the findings of a sorted list below the triggers, if their table allows it; did it? */
static bool
write_directly(Import *import, FindingList *list, int64 count)
{
	TableWriter *writer = table_writer_open(import->account, &findings_table, count >= FIRST_LOAD_ROWS);
	TupleTableSlot *slot;

	if (writer == NULL)
		return false;
	slot = MakeSingleTupleTableSlot(import->findings->descriptor, &TTSOpsMinimalTuple);
	tuplestore_select_read_pointer(list->rows, 0);
	while (tuplestore_gettupleslot(list->rows, true, false, slot))
	{
		Datum		values[10] = {0};
		bool		nulls[10] = {false, false, true};

		slot_getallattrs(slot);
		values[WRITTEN_FINDING_ID] = Int64GetDatum(table_writer_next_id(writer));
		values[WRITTEN_IMPORT_ID] = Int64GetDatum(import->import_id);
		memcpy(&values[WRITTEN_LINE], slot->tts_values, sizeof(Datum) * FINDING_COLUMN_COUNT);
		memcpy(&nulls[WRITTEN_LINE], slot->tts_isnull, sizeof(bool) * FINDING_COLUMN_COUNT);
		table_writer_put(writer, values, nulls);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_writer_close(writer);
	return true;
}

static void
write_list(Import *import, FindingList *list)
{
	int64		count = 0;

	for (int i = 0; i <= SEVERITY_FATAL; i++)
		count += list->counts[i];
	if (count == 0 || (list->is_sorted && write_directly(import, list, count)))
	{
		tuplestore_end(list->rows);
		return;
	}
	sql_register("findings", list->rows, import->findings->descriptor, count);
	(void) sql_write_once(import->account,
						  "INSERT INTO @account.import_findings"
						  " (import_id, line, column_name, code, severity, message, tip, record)"
						  " SELECT $1, line, column_name, code, severity, message, tip, record FROM findings"
						  " ORDER BY line NULLS FIRST",
						  1, (SqlArgument[]) {SQL_INT8(import->import_id)});
	sql_unregister("findings");
	tuplestore_end(list->rows);
}

/* Writes all findings to the account's table, and frees them; needs the row in "imports". */
void
import_findings_write(Import *import)
{
	write_list(import, &import->findings->of_file);
	if (import->findings->marked)
		write_list(import, &import->findings->of_attempt);
}
