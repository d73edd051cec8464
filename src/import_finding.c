/*
 * import_finding.c
 *		Collects what was wrong with a file.
 *
 * Findings are kept in spools, outside the account's tables, until all is
 * decided: the data may be undone, but never the findings.  An attempt at
 * writing that is made again takes back what it found: findings up to the mark
 * come from reading the file, those behind it from the attempt.
 *
 * Each phase goes through the file from its first line to its last.  So there are
 * a few runs of findings that are sorted by line, and in the end these are merged; see
 * import_finding_write.c.
 *
 * A file may have a finding on every other row.  So what is the same for all findings
 * of a kind, most of all the tip, is not kept with each.
 *
 * What is wrong with a record by itself may be found by another process, or before its
 * turn.  Such findings are packed, and added when the row is staged.
 *
 * A finding on a row keeps the record as it came.  A row of very many columns may
 * have as many findings, and would be kept over and over: then only the first ones
 * have it, and the first error, whose row is to be mended.
 */
#include "import_finding.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Values are cut so in messages: they are for people to read. */
#define MAX_VALUE_LENGTH	200

/* Messages and tips are mostly shorter. */
#define USUAL_TEXT_SIZE		500

/* What the copies of one row's record may take, in bytes, besides the first. */
#define MAX_RECORD_COPIES	(256 * 1024)

static void
begin_run(ImportFindings *findings, FindingList *list)
{
	ResourceOwner old_owner = CurrentResourceOwner;
	MemoryContext old_context = MemoryContextSwitchTo(findings->context);

	CurrentResourceOwner = findings->owner;
	list->runs[list->run_count++] = spool_create((Size) Max(work_mem / 64, 64) * 1024);
	CurrentResourceOwner = old_owner;
	MemoryContextSwitchTo(old_context);
}

/* Frees the findings of a list. */
void
import_finding_list_end(FindingList *list)
{
	for (int i = 0; i < list->run_count; i++)
		spool_free(list->runs[i]);
	memset(list, 0, sizeof(FindingList));
}

/* How many they are. */
int64
import_finding_list_count(const FindingList *list)
{
	int64		count = 0;

	for (int i = 0; i <= SEVERITY_FATAL; i++)
		count += list->counts[i];
	return count;
}

/* Counts a finding, and puts it, as it is kept, into the run of the list that it belongs to. */
static void
list_add(ImportFindings *findings, FindingList *list, const KeptFinding *finding)
{
	if (list->run_count == 0 || (finding->line < list->last_line && list->run_count < FINDING_MAX_RUNS))
		begin_run(findings, list);
	list->counts[finding_kind_of((finding_code) finding->code)->severity]++;
	list->last_line = finding->line;
	spool_write(list->runs[list->run_count - 1], finding, finding->size);
}

/* ---- findings that are added in their turn ---- */

/* From now on findings are put behind each other there; NULL: no more. */
void
import_findings_divert(ImportFindings *findings, StringInfo diverted)
{
	findings->diverted = diverted;
}

/* Adds findings that were diverted, be it by another process; they are MAXALIGNed. */
void
import_findings_add(Import *import, char *diverted, Size size)
{
	ImportFindings *findings = import->findings;

	for (char *end = diverted + size; diverted < end;)
	{
		const KeptFinding *finding = (KeptFinding *) diverted;

		list_add(findings, &findings->of_file, finding);
		import->refused = import->refused ||
			finding_kind_of((finding_code) finding->code)->severity == SEVERITY_FATAL;
		diverted += finding->size;
	}
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
	initStringInfo(&findings->kept);
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
	import_finding_list_end(&findings->of_file);
	import_finding_list_end(&findings->of_attempt);
}

/* Takes back what the attempt found, and ends it. */
void
import_findings_forget(ImportFindings *findings)
{
	import_finding_list_end(&findings->of_attempt);
	findings->marked = false;
}

/* Takes back what the attempt found so far, as it begins anew. */
void
import_findings_restart(ImportFindings *findings)
{
	import_finding_list_end(&findings->of_attempt);
	findings->line = 0;
}

/* How many findings of that severity there are. */
int64
import_findings_count(const ImportFindings *findings, finding_severity severity)
{
	return findings->of_file.counts[severity] + findings->of_attempt.counts[severity];
}

/* Ends a text of so many bytes, which was written behind room for its header. */
static void
end_text(StringInfo kept, size_t length)
{
	SET_VARSIZE(kept->data + kept->len, VARHDRSZ + length);
	memset(kept->data + kept->len + VARHDRSZ + length, 0, INTALIGN(length) - length);
	kept->len += VARHDRSZ + INTALIGN(length);
}

/* Makes room for a text of so many bytes, and returns where they are to be written. */
static char *
begin_text(StringInfo kept, size_t length)
{
	if (length > MaxAllocSize / 2)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("a finding of %zu bytes is too long", length));
	enlargeStringInfo(kept, (int) (VARHDRSZ + INTALIGN(length)));
	return kept->data + kept->len + VARHDRSZ;
}

static void
put_string(StringInfo kept, const char *string)
{
	size_t		length = strlen(string);

	memcpy(begin_text(kept, length), string, length);
	end_text(kept, length);
}

static void
put_formatted(StringInfo kept, const char *format, const char *const *arguments, int argument_count)
{
	size_t		length = finding_format(begin_text(kept, USUAL_TEXT_SIZE), USUAL_TEXT_SIZE, format, arguments,
										argument_count);

	if (length >= USUAL_TEXT_SIZE)
		(void) finding_format(begin_text(kept, length + 1), length + 1, format, arguments, argument_count);
	end_text(kept, length);
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
	MemoryContext old_context = MemoryContextSwitchTo(findings->report_context);
	const char *arguments[FINDING_MAX_ARGUMENTS];
	const char *record = NULL;
	KeptFinding finding = {.line = line,.code = code};
	StringInfo	kept = findings->diverted;
	int			start;

	Assert(argument_count <= FINDING_MAX_ARGUMENTS);
	for (int i = 0; i < argument_count; i++)
		arguments[i] = clip(va_arg(list, const char *));
	if (keeps_record(findings, row, kind->severity))
		record = import_text_shown(row->raw, row->raw_length);

	if (kept == NULL)
	{
		kept = &findings->kept;
		resetStringInfo(kept);
	}
	start = kept->len;
	finding.has[KEPT_COLUMN_NAME] = column_name != NULL;
	finding.has[KEPT_MESSAGE] = true;
	finding.has[KEPT_TIP] = strchr(kind->tip, '{') != NULL;
	finding.has[KEPT_RECORD] = record != NULL;
	enlargeStringInfo(kept, KEPT_FINDING_SIZE);
	kept->len += KEPT_FINDING_SIZE;
	if (finding.has[KEPT_COLUMN_NAME])
		put_string(kept, column_name);
	put_formatted(kept, kind->message, arguments, argument_count);
	if (finding.has[KEPT_TIP])
		put_formatted(kept, kind->tip, arguments, argument_count);
	if (finding.has[KEPT_RECORD])
		put_string(kept, record);
	appendStringInfoSpaces(kept, (int) (MAXALIGN(kept->len) - kept->len));
	finding.size = kept->len - start;
	memcpy(kept->data + start, &finding, sizeof(KeptFinding));
	if (findings->diverted == NULL)
		list_add(findings, findings->marked ? &findings->of_attempt : &findings->of_file,
				 (const KeptFinding *) kept->data);
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
