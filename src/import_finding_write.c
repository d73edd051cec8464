/*
 * import_finding_write.c
 *		Writes what was wrong with a file to the account's table, by line.
 *
 * Findings are kept in runs that are sorted by line, without what the catalogue says
 * of their kind: here the runs are merged, and the findings made whole.
 */
#include "import_finding.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "import_progress.h"
#include "miscadmin.h"
#include "sql.h"
#include "table_writer.h"
#include "utils/builtins.h"

/* Columns of a finding, as it is returned and written. */
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

/* What all findings of a kind have in common. */
typedef struct KindTexts
{
	Datum		code;			/* 0: not made yet */
	Datum		severity;
	Datum		tip;
} KindTexts;

/* Reads the runs of a list as one. */
typedef struct FindingMerge
{
	FindingList *list;
	StringInfoData next[FINDING_MAX_RUNS];	/* the next finding of each run; empty: not read yet */
	int			current;		/* the run that was read last, or -1 */
	KindTexts	texts[FINDING_CODE_COUNT];	/* made when first needed */
} FindingMerge;

/* Columns of the account's table. */
#define WRITTEN_FINDING_ID	0
#define WRITTEN_IMPORT_ID	1
#define WRITTEN_LINE		3	/* and those behind it, as in a list */
#define WRITTEN_COLUMN_COUNT	10

/* Where they are written in the end. */
static const WrittenTable findings_table = {
	.name = "import_findings",
	.column_count = WRITTEN_COLUMN_COUNT,
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
	.checks = {"import_findings_severity_check", "import_findings_check"},
	.lies_together = true
};

/* The next finding of a run, which stays where it is until it is taken; NULL at the end. */
static const KeptFinding *
next_of_run(FindingMerge *merge, int run)
{
	Spool	   *spool = merge->list->runs[run];
	StringInfo	next = &merge->next[run];

	if (next->len == 0)
	{
		Size		size;

		if (!spool_read(spool, next->data, KEPT_FINDING_SIZE))
			return NULL;
		size = ((const KeptFinding *) next->data)->size;
		next->len = KEPT_FINDING_SIZE;
		enlargeStringInfo(next, (int) (size - KEPT_FINDING_SIZE));
		(void) spool_read(spool, next->data + KEPT_FINDING_SIZE, size - KEPT_FINDING_SIZE);
		next->len = (int) size;
	}
	return (const KeptFinding *) next->data;
}

static void
merge_begin(FindingMerge *merge, FindingList *list)
{
	memset(merge, 0, sizeof(FindingMerge));
	merge->list = list;
	merge->current = -1;
	for (int i = 0; i < list->run_count; i++)
	{
		initStringInfo(&merge->next[i]);
		spool_drain(list->runs[i]);
	}
}

/* What the catalogue says of a kind, as datums. */
static const KindTexts *
texts_of(FindingMerge *merge, finding_code code)
{
	KindTexts  *texts = &merge->texts[code];
	const finding_kind *kind = finding_kind_of(code);

	if (texts->code == (Datum) 0)
	{
		texts->code = CStringGetTextDatum(kind->code);
		texts->severity = CStringGetTextDatum(finding_severity_name(kind->severity));
		texts->tip = CStringGetTextDatum(kind->tip);
	}
	return texts;
}

/* The texts of a finding that was kept; 0 for those that it does not have. */
static void
read_texts(const KeptFinding *kept, Datum *texts)
{
	const char *text = (const char *) kept + KEPT_FINDING_SIZE;

	for (int i = 0; i < KEPT_TEXT_COUNT; i++)
	{
		texts[i] = kept->has[i] ? PointerGetDatum(text) : (Datum) 0;
		if (kept->has[i])
			text += INTALIGN(VARSIZE(text));
	}
}

/* Fills the columns of a finding that was kept. */
static void
fill_columns(FindingMerge *merge, const KeptFinding *kept, Datum *values, bool *nulls)
{
	const KindTexts *of_kind = texts_of(merge, (finding_code) kept->code);
	Datum		texts[KEPT_TEXT_COUNT];

	read_texts(kept, texts);
	values[FINDING_LINE] = Int64GetDatum(kept->line);
	values[FINDING_COLUMN_NAME] = texts[KEPT_COLUMN_NAME];
	values[FINDING_CODE] = of_kind->code;
	values[FINDING_SEVERITY] = of_kind->severity;
	values[FINDING_MESSAGE] = texts[KEPT_MESSAGE];
	values[FINDING_TIP] = kept->has[KEPT_TIP] ? texts[KEPT_TIP] : of_kind->tip;
	values[FINDING_RECORD] = texts[KEPT_RECORD];
	for (int i = 0; i < FINDING_COLUMN_COUNT; i++)
		nulls[i] = values[i] == (Datum) 0;
}

/* The columns of the next finding by line, until the next call; false at the end. */
static bool
merge_next(FindingMerge *merge, Datum *values, bool *nulls)
{
	const KeptFinding *least = NULL;

	if (merge->current >= 0)
		resetStringInfo(&merge->next[merge->current]);
	merge->current = -1;
	for (int i = 0; i < merge->list->run_count; i++)
	{
		const KeptFinding *finding = next_of_run(merge, i);

		if (finding == NULL || (least != NULL && finding->line >= least->line))
			continue;
		least = finding;
		merge->current = i;
	}
	if (least == NULL)
		return false;
	fill_columns(merge, least, values, nulls);
	return true;
}

static void
merge_end(FindingMerge *merge)
{
	for (int i = 0; i < merge->list->run_count; i++)
		pfree(merge->next[i].data);
}

/* The columns of findings as they are returned and written. */
static TupleDesc
findings_descriptor(void)
{
	TupleDesc	descriptor = CreateTemplateTupleDesc(FINDING_COLUMN_COUNT);

	TupleDescInitEntry(descriptor, FINDING_LINE + 1, "line", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, FINDING_COLUMN_NAME + 1, "column_name", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, FINDING_CODE + 1, "code", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, FINDING_SEVERITY + 1, "severity", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, FINDING_MESSAGE + 1, "message", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, FINDING_TIP + 1, "tip", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, FINDING_RECORD + 1, "record", TEXTOID, -1, 0);
	compat_finish_descriptor(descriptor);
	return descriptor;
}

/* Puts the findings of a list into one tuplestore, by line. */
static void
copy_merged(FindingList *list, TupleDesc descriptor, Tuplestorestate *rows)
{
	FindingMerge merge;
	Datum		values[FINDING_COLUMN_COUNT];
	bool		nulls[FINDING_COLUMN_COUNT];

	merge_begin(&merge, list);
	while (merge_next(&merge, values, nulls))
	{
		tuplestore_putvalues(rows, descriptor, values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
	merge_end(&merge);
}

/* Puts the findings of a file that was only read into a function's result, by line, and frees them. */
void
import_findings_return(Import *import, ReturnSetInfo *result)
{
	copy_merged(&import->findings->of_file, findings_descriptor(), result->setResult);
	import_findings_end(import->findings);
}

/* ---- writing them ---- */

/* Writes the findings of a list below the triggers. */
static void
write_directly(Import *import, FindingList *list, TableWriter *writer)
{
	FindingMerge merge;
	Datum		values[WRITTEN_COLUMN_COUNT] = {0};
	bool		nulls[WRITTEN_COLUMN_COUNT] = {false, false, true};

	merge_begin(&merge, list);
	values[WRITTEN_IMPORT_ID] = Int64GetDatum(import->import_id);
	while (merge_next(&merge, &values[WRITTEN_LINE], &nulls[WRITTEN_LINE]))
	{
		values[WRITTEN_FINDING_ID] = Int64GetDatum(table_writer_next_id(writer));
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
	TupleDesc	descriptor = findings_descriptor();

	copy_merged(list, descriptor, rows);
	sql_register("findings", rows, descriptor, import_finding_list_count(list));
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
	int64		count = import_finding_list_count(lists[0]) + import_finding_list_count(lists[1]);
	PageWriter *page_writer = page_writer_create();
	TableWriter *writer = NULL;

	import_progress_steps(import, count);
	if (count > 0)
		writer = table_writer_open(account_of_trigger(import->account->namespace_oid), &findings_table, count,
								   page_writer);
	for (size_t i = 0; i < lengthof(lists); i++)
	{
		if (writer != NULL)
			write_directly(import, lists[i], writer);
		else if (import_finding_list_count(lists[i]) > 0)
			write_by_statement(import, lists[i]);
		import_finding_list_end(lists[i]);
	}
	if (writer != NULL)
		table_writer_close(writer);
	page_writer_end(page_writer);
}
