/*
 * export_results.c
 *		Reads exported files back, and the vendor's results file.
 *
 * The vendor answers an upload with an error file: rows of the uploaded file
 * with a column "Messages".  Which row of which of our files such a row is, is
 * found by its keys: the address (or the existing one) and unique_user_id,
 * without regard to case.  A row of ours that shares any key with a refused row
 * is taken for refused: to export it once more does no harm, to forget it would.
 *
 * What refused the whole file, a critical error, stands above the header, or in a
 * row that names nobody.  Then nothing of the file was taken.
 *
 * Results are few and are kept in memory, with their keys sorted; our files are
 * streamed past them.  All is palloc'd in the context that was current when the
 * reader was opened or the results were read.
 */
#include "export.h"

#include "core/cell.h"
#include "core/csv_writer.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* Longer than any header or record of ours; what the reader allocates is what it needs. */
#define MAX_RECORD_SIZE	(MaxAllocSize / 4)

static const column_kind key_kinds[] = {
	COLUMN_PRIMARY_EMAIL_ADDRESS,
	COLUMN_EXISTING_EMAIL_ADDRESS,
	COLUMN_UNIQUE_USER_ID
};

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
	ereport(ERROR,
			errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("%s cannot be read", reader->what),
			errdetail("In line %lld, %s.", (long long) fault.fault_line, fault_reason(fault.code)),
			errhint("Give the file as the vendor made it, as CSV in UTF-8."));
}

/*
 * The cell of the record, trimmed, in the server's encoding; palloc'd.  An empty
 * string if the record has no such column.
 */
char *
export_reader_cell(const ExportReader *reader, int column)
{
	const char *cell;
	size_t		length;
	char	   *utf8;

	if (column >= reader->record.field_count)
		return pstrdup("");
	cell = reader->record.fields[column].data;
	length = reader->record.fields[column].length;
	cell_trim(&cell, &length);
	utf8 = pnstrdup(cell, length);
	return pg_any_to_server(utf8, length, PG_UTF8);
}

/*
 * What the column is.  The lists for manual work have the columns of LinkedIn's
 * files, whatever the product.
 */
static column_kind
classify(const product *product, const char *header)
{
	header_column column;

	header_classify(product, header, strlen(header), &column);
	if (column.kind == COLUMN_UNKNOWN)
	{
		for (size_t i = 0; i < lengthof(key_kinds); i++)
		{
			if (strcmp(header, column_kind_name(key_kinds[i])) == 0)
				return key_kinds[i];
		}
	}
	return column.kind;
}

/* Takes the record for the header. */
static void
take_header(ExportReader *reader, const product *product)
{
	reader->column_count = reader->record.field_count;
	reader->headers = palloc(reader->column_count * sizeof(char *));
	reader->kinds = palloc(reader->column_count * sizeof(column_kind));
	for (int i = 0; i < reader->column_count; i++)
	{
		reader->headers[i] = export_reader_cell(reader, i);
		reader->kinds[i] = classify(product, reader->headers[i]);
	}
}

/*
 * Opens a file that is in memory, UTF-8, and reads its header.  data must last
 * as long as the reader.  An error that calls the file "what" if it has no
 * header.
 */
void
export_reader_open(ExportReader *reader, const product *product, const char *what,
				   char delimiter, const char *data, size_t length)
{
	csv_allocator allocator = {reader_resize, reader_release, CurrentMemoryContext};

	memset(reader, 0, sizeof(ExportReader));
	reader->what = what;
	reader->next = data;
	reader->left = length;
	reader->reader = csv_reader_open(&allocator, reader_fill, reader, delimiter, MAX_RECORD_SIZE);
	if (!export_reader_next(reader))
		ereport(ERROR,
				errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
				errmsg("%s is empty", what),
				errhint("Give the file as the vendor made it, or leave it out if all rows were taken."));

	take_header(reader, product);
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

/*
 * The keys of the reader's record, palloc'd; returns how many.  A "'" that only
 * keeps a spreadsheet from running the cell is left out.
 */
static int
record_keys(const ExportReader *reader, char *keys[lengthof(key_kinds)])
{
	int			count = 0;

	for (int i = 0; i < reader->column_count; i++)
	{
		char	   *cell;

		for (size_t k = 0; k < lengthof(key_kinds); k++)
		{
			if (reader->kinds[i] != key_kinds[k] || count == lengthof(key_kinds))
				continue;
			cell = lower_case(export_reader_cell(reader, i));
			if (cell[0] == '\'' && csv_cell_is_formula(cell + 1, strlen(cell + 1)))
				cell++;
			if (cell[0] != '\0')
				keys[count++] = psprintf("%zu %s", k, cell);
		}
	}
	return count;
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(((const ExportRefusalKey *) a)->key, ((const ExportRefusalKey *) b)->key);
}

/* The column "Messages", or -1. */
static int
messages_column(const ExportReader *reader)
{
	for (int i = 0; i < reader->column_count; i++)
	{
		if (reader->kinds[i] == COLUMN_MESSAGES)
			return i;
	}
	return -1;
}

static void
check_key_column(const ExportReader *reader)
{
	for (int i = 0; i < reader->column_count; i++)
	{
		for (size_t k = 0; k < lengthof(key_kinds); k++)
		{
			if (reader->kinds[i] == key_kinds[k])
				return;
		}
	}
	ereport(ERROR,
			errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			errmsg("%s has no column that names a profile", reader->what),
			errdetail("Line %lld, the header, has neither primary_email_address nor existing_email_address "
					  "nor unique_user_id.", (long long) reader->record.line),
			errhint("Give the vendor's error file of this export, with its header."));
}

/* With a message about the record, which has no keys if it refuses the whole file. */
static void
add_refusal(ExportResults *results, const ExportReader *reader, const char *message,
			char **keys, int key_count)
{
	ExportRefusal *refusal;
	char	   *record;

	if (results->count == results->capacity)
	{
		results->capacity *= 2;
		results->refusals = repalloc_huge(results->refusals,
										  results->capacity * sizeof(ExportRefusal));
	}
	record = pnstrdup(reader->record.raw, reader->record.raw_length);
	refusal = &results->refusals[results->count];
	refusal->line = reader->record.line;
	refusal->message = pstrdup(message);
	refusal->record = pg_any_to_server(record, reader->record.raw_length, PG_UTF8);
	refusal->is_matched = key_count == 0;
	results->refuses_all |= key_count == 0;

	if (results->key_count + key_count > results->key_capacity)
	{
		results->key_capacity *= 2;
		results->keys = repalloc_huge(results->keys,
									  results->key_capacity * sizeof(ExportRefusalKey));
	}
	for (int i = 0; i < key_count; i++)
		results->keys[results->key_count++] = (ExportRefusalKey) {keys[i], results->count};
	results->count++;
}

/*
 * Is what was taken for the header something that stands above it: a remark, or
 * nothing?  *text is the remark.
 */
static bool
is_above_header(const ExportReader *reader, const char **text)
{
	*text = NULL;
	for (int i = 0; i < reader->column_count; i++)
	{
		if (reader->headers[i][0] == '\0')
			continue;
		if (*text != NULL || reader->kinds[i] != COLUMN_UNKNOWN)
			return false;
		*text = reader->headers[i];
	}
	return true;
}

/*
 * Reads the vendor's error file, UTF-8; palloc'd.  A row with a message was
 * refused; in a file without the column "Messages", all were.  An error if the
 * file cannot be read or does not say which rows it is about.
 */
ExportResults *
export_results_read(const product *product, const char *data, size_t length)
{
	ExportResults *results = palloc0(sizeof(ExportResults));
	ExportReader reader;
	const char *remark;
	int			messages;

	results->capacity = 64;
	results->refusals = palloc(results->capacity * sizeof(ExportRefusal));
	results->key_capacity = 64;
	results->keys = palloc(results->key_capacity * sizeof(ExportRefusalKey));
	export_reader_open(&reader, product, "the results file", csv_guess_delimiter(data, length),
					   data, length);
	while (is_above_header(&reader, &remark))
	{
		if (remark != NULL)
			add_refusal(results, &reader, remark, NULL, 0);
		if (!export_reader_next(&reader))
		{
			if (results->count == 0)
				check_key_column(&reader);
			results->columns = pstrdup("");
			export_reader_close(&reader);
			return results;
		}
		take_header(&reader, product);
	}
	messages = messages_column(&reader);
	if (!(reader.column_count == 1 && messages == 0))
		check_key_column(&reader);
	results->columns = reader.column_count == 1 && messages == 0 ? pstrdup("") :
		export_columns_signature(reader.headers, reader.column_count);
	while (export_reader_next(&reader))
	{
		char	   *keys[lengthof(key_kinds)];
		int			key_count = record_keys(&reader, keys);
		const char *message = messages < 0 ? "the vendor refused this row" :
			export_reader_cell(&reader, messages);

		if (message[0] != '\0')
			add_refusal(results, &reader, message, keys, key_count);
	}
	export_reader_close(&reader);
	qsort(results->keys, results->key_count, sizeof(ExportRefusalKey), compare_keys);
	return results;
}

/* Did the vendor refuse this row of one of our files? */
bool
export_results_refuse(ExportResults *results, const ExportReader *file)
{
	char	   *keys[lengthof(key_kinds)];
	int			key_count = record_keys(file, keys);
	const ExportRefusalKey *end = results->keys + results->key_count;
	bool		is_refused = results->refuses_all;

	for (int i = 0; i < key_count; i++)
	{
		ExportRefusalKey wanted = {keys[i], 0};
		ExportRefusalKey *found = bsearch(&wanted, results->keys, results->key_count,
										  sizeof(ExportRefusalKey), compare_keys);

		if (found == NULL)
			continue;
		is_refused = true;

		/* several rows of the results may have the same key */
		while (found > results->keys && strcmp(found[-1].key, keys[i]) == 0)
			found--;
		for (; found < end && strcmp(found->key, keys[i]) == 0; found++)
			results->refusals[found->refusal].is_matched = true;
	}
	return is_refused;
}
