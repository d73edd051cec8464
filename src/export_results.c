/*
 * export_results.c
 *		Reads exported files back, and the vendor's results file.
 *
 * How the vendor's file is to be read, says core/results_file.c.  Keys are compared
 * without regard to case.  A row of ours that shares any key with a refused row is
 * taken for refused: to export it once more does no harm, to forget it would.  Of a
 * file that was refused as a whole, nothing was taken.
 *
 * Results are few and are kept in memory, with their keys sorted; our files are
 * streamed past them.  All is palloc'd in the context that was current when the
 * reader was opened or the results were read.
 */
#include "export.h"

#include "core/cell.h"
#include "core/results_file.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Longer than any header or record of ours; what the reader allocates is what it needs. */
#define MAX_RECORD_SIZE	(MaxAllocSize / 4)

static void *
reader_resize(void *context, void *pointer, size_t size)
{
	if (pointer == NULL)
		return MemoryContextAlloc((MemoryContext) context, size);
	return repalloc(pointer, size);
}

static void
reader_release(void *context, void *pointer)
{
	(void) context;
	pfree(pointer);
}

static size_t
reader_fill(void *context, char *buffer, size_t size)
{
	ExportReader *reader = context;
	size_t		length = Min(size, reader->left);

	memcpy(buffer, reader->next, length);
	reader->next += length;
	reader->left -= length;
	return length;
}

static const char *
fault_reason(csv_fault_code code)
{
	switch (code)
	{
		case CSV_FAULT_UNTERMINATED_QUOTE:
			return "a quotation mark is never closed";
		case CSV_FAULT_TEXT_AFTER_QUOTE:
			return "there is text behind a closing quotation mark";
		case CSV_FAULT_NUL_BYTE:
			return "there is a NUL byte";
		case CSV_FAULT_NOT_UTF8:
			return "the text is not UTF-8";
		case CSV_FAULT_RECORD_TOO_LONG:
			return "the record is too long";
		case CSV_FAULT_GZIP:
			return "it is compressed";
		case CSV_FAULT_ZIP:
		case CSV_FAULT_OLD_WORKBOOK:
			return "it is a spreadsheet or a zip archive";
		case CSV_FAULT_NONE:
			break;
	}
	return "unknown fault";
}

pg_attribute_noreturn()
static void
report_fault(const char *what, const csv_fault *fault)
{
	ereport(ERROR,
			errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("%s cannot be read", what),
			errdetail("In line %lld, %s.", (long long) fault->fault_line, fault_reason(fault->code)),
			errhint("Give the file as the vendor made it, as CSV in UTF-8."));
}

/*
 * Reads the next record into reader->record; false at the end.  An error with
 * the line if the file cannot be read on.
 */
bool
export_reader_next(ExportReader *reader)
{
	csv_fault	fault;

	CHECK_FOR_INTERRUPTS();
	switch (csv_reader_next(reader->reader, &reader->record, &fault))
	{
		case CSV_RECORD:
			return true;
		case CSV_END:
			return false;
		case CSV_FAULT:
			break;
	}
	report_fault(reader->what, &fault);
}

/* Text in UTF-8, trimmed, in the server's encoding; palloc'd. */
static char *
trimmed_text(const char *text, size_t length)
{
	char	   *utf8;

	cell_trim(&text, &length);
	utf8 = pnstrdup(text, length);
	return pg_any_to_server(utf8, length, PG_UTF8);
}

/*
 * The cell of the record, trimmed, in the server's encoding; palloc'd.  An empty
 * string if the record has no such column.
 */
char *
export_reader_cell(const ExportReader *reader, int column)
{
	if (column >= reader->record.field_count)
		return pstrdup("");
	return trimmed_text(reader->record.fields[column].data, reader->record.fields[column].length);
}

/* Begins with a file that is in memory. */
static void
begin_reading(ExportReader *reader, const csv_allocator *allocator, const char *what, char delimiter,
			  const char *data, size_t length)
{
	memset(reader, 0, sizeof(ExportReader));
	reader->what = what;
	reader->next = data;
	reader->left = length;
	reader->reader = csv_reader_open(allocator, reader_fill, reader, delimiter, MAX_RECORD_SIZE);
}

pg_attribute_noreturn()
static void
report_empty(const char *what)
{
	ereport(ERROR,
			errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("%s is empty", what),
			errhint("Give the file as the vendor made it, or leave it out if all rows were taken."));
}

pg_attribute_noreturn()
static void
report_without_keys(const char *what, int64 line)
{
	ereport(ERROR,
			errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("%s has no column that names a profile", what),
			errdetail("Line %lld, the header, has neither primary_email_address nor existing_email_address "
					  "nor unique_user_id.", (long long) line),
			errhint("Give the vendor's error file of this export, with its header."));
}

/* The headers that are the record's cells; palloc'd. */
static char **
headers_of(const csv_record *record)
{
	char	  **headers = palloc(record->field_count * sizeof(char *));

	for (int i = 0; i < record->field_count; i++)
		headers[i] = trimmed_text(record->fields[i].data, record->fields[i].length);
	return headers;
}

/*
 * Opens a file of ours that is in memory, UTF-8, and reads its header.  data must last
 * as long as the reader.  An error that calls the file "what" if it has no
 * header.
 */
void
export_reader_open(ExportReader *reader, const product *product, const char *what,
				   char delimiter, const char *data, size_t length)
{
	csv_allocator allocator = {reader_resize, reader_release, CurrentMemoryContext};

	begin_reading(reader, &allocator, what, delimiter, data, length);
	if (!export_reader_next(reader))
		report_empty(what);
	reader->column_count = reader->record.field_count;
	reader->headers = palloc(reader->column_count * sizeof(char *));
	reader->kinds = palloc(reader->column_count * sizeof(column_kind));
	for (int i = 0; i < reader->column_count; i++)
	{
		const csv_field *field = &reader->record.fields[i];

		/* blanks at the ends belong to names that people have given */
		reader->headers[i] = pg_any_to_server(pnstrdup(field->data, field->length), field->length, PG_UTF8);
		reader->kinds[i] = results_classify(product, field->data, field->length);
	}
}

void
export_reader_close(ExportReader *reader)
{
	csv_reader_close(reader->reader);
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static char *
lower_case(const char *string)
{
	char	   *result = pstrdup(string);

	for (char *c = result; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return result;
}

/*
 * The headers in a form that is the same for files with the same columns, in
 * whatever order; "Messages" does not count.  palloc'd.
 */
char *
export_columns_signature(char *const *headers, int count)
{
	char	  **sorted = palloc(Max(count, 1) * sizeof(char *));
	StringInfoData signature;

	for (int i = 0; i < count; i++)
		sorted[i] = lower_case(headers[i]);
	qsort(sorted, count, sizeof(char *), compare_strings);

	initStringInfo(&signature);
	for (int i = 0; i < count; i++)
	{
		if (strcmp(sorted[i], "messages") != 0)
			appendStringInfo(&signature, "%s\n", sorted[i]);
	}
	return signature.data;
}

/* A key as it is compared, palloc'd. */
static char *
key_text(const results_key *key)
{
	return psprintf("%d %s", key->column, lower_case(trimmed_text(key->data, key->length)));
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(((const ExportRefusalKey *) a)->key, ((const ExportRefusalKey *) b)->key);
}

/* What the file was found to say of its last record. */
static void
add_refusal(ExportResults *results, const results_file *file)
{
	ExportRefusal *refusal;

	if (results->count == results->capacity)
	{
		results->capacity *= 2;
		results->refusals = repalloc_huge(results->refusals,
										  results->capacity * sizeof(ExportRefusal));
	}
	refusal = &results->refusals[results->count];
	refusal->line = file->record.line;
	refusal->message = file->message == NULL ? "the vendor refused this row" :
		trimmed_text(file->message, file->message_length);
	refusal->record = pg_any_to_server(pnstrdup(file->record.raw, file->record.raw_length),
									   file->record.raw_length, PG_UTF8);
	refusal->is_matched = file->key_count == 0;
	results->refuses_all |= file->key_count == 0;

	if (results->key_count + file->key_count > results->key_capacity)
	{
		results->key_capacity *= 2;
		results->keys = repalloc_huge(results->keys,
									  results->key_capacity * sizeof(ExportRefusalKey));
	}
	for (int i = 0; i < file->key_count; i++)
		results->keys[results->key_count++] =
			(ExportRefusalKey) {key_text(&file->keys[i]), results->count};
	results->count++;
}

/*
 * Reads the vendor's error file, UTF-8; palloc'd.  An error if the file cannot be read
 * or does not say which rows it is about.
 */
ExportResults *
export_results_read(const product *product, const char *data, size_t length)
{
	csv_allocator allocator = {reader_resize, reader_release, CurrentMemoryContext};
	ExportResults *results = palloc0(sizeof(ExportResults));
	ExportReader reader;
	results_file file;
	results_step step;

	results->columns = pstrdup("");
	results->capacity = 64;
	results->refusals = palloc(results->capacity * sizeof(ExportRefusal));
	results->key_capacity = 64;
	results->keys = palloc(results->key_capacity * sizeof(ExportRefusalKey));
	begin_reading(&reader, &allocator, "the results file", ',', data, length);
	results_file_begin(&file, product, reader.reader, &allocator);
	while ((step = results_file_next(&file)) != RESULTS_END)
	{
		CHECK_FOR_INTERRUPTS();
		switch (step)
		{
			case RESULTS_HEADER:
				if (file.column_count > 1 || file.messages_column < 0)
					results->columns = export_columns_signature(headers_of(&file.record),
																file.column_count);
				break;
			case RESULTS_REFUSAL:
				add_refusal(results, &file);
				break;
			case RESULTS_EMPTY:
				report_empty(reader.what);
			case RESULTS_FAULT:
				report_fault(reader.what, &file.fault);
			default:
				report_without_keys(reader.what, file.record.line);
		}
	}
	results_file_end(&file);
	export_reader_close(&reader);
	qsort(results->keys, results->key_count, sizeof(ExportRefusalKey), compare_keys);
	return results;
}

/* Did the vendor refuse this row of one of our files? */
bool
export_results_refuse(ExportResults *results, const ExportReader *file)
{
	results_key keys[RESULTS_KEY_COUNT];
	int			key_count = results_keys(file->kinds, file->column_count, &file->record, keys);
	const ExportRefusalKey *end = results->keys + results->key_count;
	bool		is_refused = results->refuses_all;

	for (int i = 0; i < key_count; i++)
	{
		ExportRefusalKey wanted = {key_text(&keys[i]), 0};
		ExportRefusalKey *found = bsearch(&wanted, results->keys, results->key_count,
										  sizeof(ExportRefusalKey), compare_keys);

		if (found == NULL)
			continue;
		is_refused = true;

		/* several rows of the results may have the same key */
		while (found > results->keys && strcmp(found[-1].key, wanted.key) == 0)
			found--;
		for (; found < end && strcmp(found->key, wanted.key) == 0; found++)
			results->refusals[found->refusal].is_matched = true;
	}
	return is_refused;
}

/*
 * Of the refusals that are of no row of our files: which share a key with another one of
 * them that counts for the same row; palloc'd.
 */
bool *
export_results_repeated(const ExportResults *results)
{
	bool	   *is_repeated = palloc0(sizeof(bool) * Max(results->count, 1));
	int			first = -1;		/* the refusal that counts for the key */

	/* keys are sorted */
	for (int i = 0; i < results->key_count; i++)
	{
		int			refusal = results->keys[i].refusal;

		if (i == 0 || strcmp(results->keys[i - 1].key, results->keys[i].key) != 0)
			first = -1;
		if (results->refusals[refusal].is_matched)
			continue;
		if (first >= 0 && first != refusal)
			is_repeated[refusal] = true;
		else
			first = refusal;
	}
	return is_repeated;
}
