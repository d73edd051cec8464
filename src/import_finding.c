/*
 * import_finding.c
 *		Collects what was wrong with a file.
 *
 * Findings are kept in tuplestores, outside the account's tables, until all is
 * decided: the data may be undone, but never the findings.  An attempt at
 * writing that is made again takes back what it found: findings up to the mark
 * come from reading the file, those behind it from the attempt.
 *
 * Each phase goes through the file from its first line to its last.  So there are
 * a few runs of findings that are sorted by line, and in the end these are merged.
 *
 * What is wrong with a record by itself may be found by another process, or before its
 * turn.  Such findings are packed, and added when the row is staged.
 *
 * A finding on a row keeps the record as it came.  A row of very many columns may
 * have as many findings, and would be kept over and over: then only the first ones
 * have it, and the first error, whose row is to be mended.
 */
#include "import.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "import_progress.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "sql.h"
#include "table_writer.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* Values are cut so in messages: they are for people to read. */
#define MAX_VALUE_LENGTH	200

/* Messages and tips are mostly shorter. */
#define USUAL_TEXT_SIZE		500

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

/* Runs of findings that are sorted by line; if there are more, the last one is not. */
#define MAX_RUNS	16

typedef struct FindingList
{
	Tuplestorestate *runs[MAX_RUNS];
	int			run_count;
	int64		counts[SEVERITY_FATAL + 1];
	int64		last_line;
} FindingList;

/* Reads the runs of a list as one. */
typedef struct FindingMerge
{
	FindingList *list;
	TupleTableSlot *slots[MAX_RUNS];	/* the next one of each run */
	int			current;		/* the run that was read last, or -1 */
} FindingMerge;

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

struct ImportFindings
{
	TupleDesc	descriptor;
	MemoryContext context;
	ResourceOwner owner;		/* of temporary files */
	MemoryContext report_context;	/* reset for each finding */
	FindingList of_file;
	FindingList of_attempt;
	bool		marked;
	StringInfo	diverted;		/* NULL: they go to the lists */

	/* the row whose records were kept last */
	int64		line;
	size_t		copied;
	bool		has_error;
};

static void
begin_run(ImportFindings *findings, FindingList *list)
{
	ResourceOwner old_owner = CurrentResourceOwner;
	MemoryContext old_context = MemoryContextSwitchTo(findings->context);

	CurrentResourceOwner = findings->owner;
	list->runs[list->run_count++] = tuplestore_begin_heap(true, false, Max(work_mem / 64, 64));
	CurrentResourceOwner = old_owner;
	MemoryContextSwitchTo(old_context);
}

static void
list_end(FindingList *list)
{
	for (int i = 0; i < list->run_count; i++)
		tuplestore_end(list->runs[i]);
	memset(list, 0, sizeof(FindingList));
}

static int64
list_count(const FindingList *list)
{
	int64		count = 0;

	for (int i = 0; i <= SEVERITY_FATAL; i++)
		count += list->counts[i];
	return count;
}

/* The run to which a finding of that line and severity goes, which is counted. */
static Tuplestorestate *
list_next(ImportFindings *findings, FindingList *list, finding_severity severity, int64 line)
{
	if (list->run_count == 0 || (line < list->last_line && list->run_count < MAX_RUNS))
		begin_run(findings, list);
	list->counts[severity]++;
	list->last_line = line;
	return list->runs[list->run_count - 1];
}

/* ---- findings that are packed, to be added in their turn ---- */

/* Before each tuple. */
typedef struct PackedFinding
{
	finding_severity severity;
	int64		line;
} PackedFinding;

/* From now on findings are packed behind each other, MAXALIGNed; NULL: no more. */
void
import_findings_divert(ImportFindings *findings, StringInfo packed)
{
	findings->diverted = packed;
}

static void
divert(ImportFindings *findings, finding_severity severity, Datum *values, bool *nulls)
{
	static const char padding[MAXIMUM_ALIGNOF] = {0};
	MinimalTuple tuple = compat_form_minimal_tuple(findings->descriptor, values, nulls);
	PackedFinding packed = {severity, DatumGetInt64(values[FINDING_LINE])};

	appendBinaryStringInfo(findings->diverted, (char *) &packed, sizeof(packed));
	appendBinaryStringInfo(findings->diverted, (char *) tuple, (int) tuple->t_len);
	appendBinaryStringInfo(findings->diverted, padding, (int) (MAXALIGN(tuple->t_len) - tuple->t_len));
}

/* Adds findings that were packed, be it by another process; packed is MAXALIGNed. */
void
import_findings_add(Import *import, char *packed, Size size)
{
	ImportFindings *findings = import->findings;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(findings->descriptor, &TTSOpsMinimalTuple);

	for (char *end = packed + size; packed < end;)
	{
		PackedFinding *finding = (PackedFinding *) packed;
		MinimalTuple tuple = (MinimalTuple) (packed + sizeof(PackedFinding));

		ExecStoreMinimalTuple(tuple, slot, false);
		tuplestore_puttupleslot(list_next(findings, &findings->of_file, finding->severity, finding->line), slot);
		import->refused = import->refused || finding->severity == SEVERITY_FATAL;
		packed += sizeof(PackedFinding) + MAXALIGN(tuple->t_len);
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* ---- finding ---- */

/* An empty collection, palloc'd in the current memory context. */
ImportFindings *
import_findings_create(void)
{
	ImportFindings *findings = palloc0(sizeof(ImportFindings));

	findings->context = CurrentMemoryContext;
	findings->owner = CurrentResourceOwner;
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
	compat_finish_descriptor(findings->descriptor);
	return findings;
}

/* What is found from now on belongs to an attempt at writing. */
void
import_findings_mark(ImportFindings *findings)
{
	findings->marked = true;
	findings->line = 0;
}

/* Frees what is kept, without writing it. */
void
import_findings_end(ImportFindings *findings)
{
	list_end(&findings->of_file);
	list_end(&findings->of_attempt);
}

/* Takes back what the attempt found, and ends it. */
void
import_findings_forget(ImportFindings *findings)
{
	list_end(&findings->of_attempt);
	findings->marked = false;
}

/* Takes back what the attempt found so far, as it begins anew. */
void
import_findings_restart(ImportFindings *findings)
{
	list_end(&findings->of_attempt);
	findings->line = 0;
}

/* How many findings of that severity there are. */
int64
import_findings_count(const ImportFindings *findings, finding_severity severity)
{
	return findings->of_file.counts[severity] + findings->of_attempt.counts[severity];
}

static Datum
format_text(const char *format, const char *const *arguments, int argument_count)
{
	Size		size = USUAL_TEXT_SIZE;
	text	   *formatted = palloc(VARHDRSZ + size);
	size_t		length = finding_format(VARDATA(formatted), size, format, arguments, argument_count);

	if (length >= size)
	{
		size = length + 1;
		formatted = repalloc(formatted, VARHDRSZ + size);
		(void) finding_format(VARDATA(formatted), size, format, arguments, argument_count);
	}
	SET_VARSIZE(formatted, VARHDRSZ + length);
	return PointerGetDatum(formatted);
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
	values[FINDING_MESSAGE] = format_text(kind->message, arguments, argument_count);
	values[FINDING_TIP] = format_text(kind->tip, arguments, argument_count);
	nulls[FINDING_RECORD] = !keeps_record(findings, row, kind->severity);
	if (!nulls[FINDING_RECORD])
		values[FINDING_RECORD] = CStringGetTextDatum(import_text_shown(row->raw, row->raw_length));
	if (findings->diverted != NULL)
		divert(findings, kind->severity, values, nulls);
	else
		tuplestore_putvalues(list_next(findings, target, kind->severity, line), findings->descriptor, values, nulls);
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

/* ---- reading them again ---- */

static void
advance(FindingMerge *merge, int run)
{
	if (!tuplestore_gettupleslot(merge->list->runs[run], true, false, merge->slots[run]))
		ExecClearTuple(merge->slots[run]);
}

static void
merge_begin(FindingMerge *merge, ImportFindings *findings, FindingList *list)
{
	merge->list = list;
	merge->current = -1;
	for (int i = 0; i < list->run_count; i++)
	{
		merge->slots[i] = MakeSingleTupleTableSlot(findings->descriptor, &TTSOpsMinimalTuple);
		tuplestore_rescan(list->runs[i]);
		advance(merge, i);
	}
}

/* The next finding by line, with all its columns, until the next call; NULL at the end. */
static TupleTableSlot *
merge_next(FindingMerge *merge)
{
	int64		least = PG_INT64_MAX;

	if (merge->current >= 0)
		advance(merge, merge->current);
	merge->current = -1;
	for (int i = 0; i < merge->list->run_count; i++)
		if (!TupIsNull(merge->slots[i]))
		{
			bool		isnull;
			int64		line = DatumGetInt64(slot_getattr(merge->slots[i], FINDING_LINE + 1, &isnull));

			if (merge->current >= 0 && (isnull ? 0 : line) >= least)
				continue;
			least = isnull ? 0 : line;
			merge->current = i;
		}
	if (merge->current < 0)
		return NULL;
	slot_getallattrs(merge->slots[merge->current]);
	return merge->slots[merge->current];
}

static void
merge_end(FindingMerge *merge)
{
	for (int i = 0; i < merge->list->run_count; i++)
		ExecDropSingleTupleTableSlot(merge->slots[i]);
}

/* Puts the findings of a list into one tuplestore, by line. */
static void
copy_merged(ImportFindings *findings, FindingList *list, Tuplestorestate *rows)
{
	FindingMerge merge;
	TupleTableSlot *slot;

	merge_begin(&merge, findings, list);
	while ((slot = merge_next(&merge)) != NULL)
	{
		tuplestore_puttupleslot(rows, slot);
		CHECK_FOR_INTERRUPTS();
	}
	merge_end(&merge);
}

/* Puts the findings of a file that was only read into a function's result, by line, and frees them. */
void
import_findings_return(Import *import, ReturnSetInfo *result)
{
	copy_merged(import->findings, &import->findings->of_file, result->setResult);
	import_findings_end(import->findings);
}

/* ---- writing them ---- */

/* Writes the findings of a list below the triggers. */
static void
write_directly(Import *import, FindingList *list, TableWriter *writer)
{
	FindingMerge merge;
	TupleTableSlot *slot;

	merge_begin(&merge, import->findings, list);
	while ((slot = merge_next(&merge)) != NULL)
	{
		Datum		values[10] = {0};
		bool		nulls[10] = {false, false, true};

		values[WRITTEN_FINDING_ID] = Int64GetDatum(table_writer_next_id(writer));
		values[WRITTEN_IMPORT_ID] = Int64GetDatum(import->import_id);
		memcpy(&values[WRITTEN_LINE], slot->tts_values, sizeof(Datum) * FINDING_COLUMN_COUNT);
		memcpy(&nulls[WRITTEN_LINE], slot->tts_isnull, sizeof(bool) * FINDING_COLUMN_COUNT);
		table_writer_put(writer, values, nulls);
		import_progress_step(1);
	}
	merge_end(&merge);
}

/* Lets the server write them, because the owner has added to the table what an INSERT would heed. */
static void
write_by_statement(Import *import, FindingList *list)
{
	Tuplestorestate *rows = tuplestore_begin_heap(true, false, work_mem / 8);

	copy_merged(import->findings, list, rows);
	sql_register("findings", rows, import->findings->descriptor, list_count(list));
	(void) sql_write_once(import->account,
						  "INSERT INTO @account.import_findings"
						  " (import_id, line, column_name, code, severity, message, tip, record)"
						  " SELECT $1, line, column_name, code, severity, message, tip, record FROM findings",
						  1, (SqlArgument[]) {SQL_INT8(import->import_id)});
	sql_unregister("findings");
	tuplestore_end(rows);
}

/* Writes all findings to the account's table, and frees them; needs the row in "imports". */
void
import_findings_write(Import *import)
{
	ImportFindings *findings = import->findings;
	FindingList *lists[] = {&findings->of_file, &findings->of_attempt};
	int64		count = list_count(lists[0]) + list_count(lists[1]);
	TableWriter *writer = NULL;

	import_progress_steps(import, count);
	if (count > 0)
		writer = table_writer_open(account_of_trigger(import->account->namespace_oid), &findings_table, count);
	for (size_t i = 0; i < lengthof(lists); i++)
	{
		if (writer != NULL)
			write_directly(import, lists[i], writer);
		else if (list_count(lists[i]) > 0)
			write_by_statement(import, lists[i]);
		list_end(lists[i]);
	}
	if (writer != NULL)
		table_writer_close(writer);
}
