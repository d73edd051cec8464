/*
 * import_reader.c
 *		Reads a file for an import: how it is written, and its columns at the end.
 *
 * The file's encoding and delimiter are found out by the core, and the header by
 * what the account's product and the caller's mapping of columns know.
 *
 * A spreadsheet writes as many columns as it has ever seen used.  So columns at
 * the end that have no name and no values are none: the header is cut behind the
 * last column that has a name, and each record behind what the header has, as
 * long as only empty cells are lost.  A value in a column without a name is
 * ignored like that of any unknown column, with a warning when all is read.
 */
#include "import.h"

#include "core/csv_dialect.h"
#include "csv_source.h"
#include "mb/pg_wchar.h"
#include "orgsync.h"
#include "utils/memutils.h"

/* What a cell would be as a header; a csv_header_judge, context is an Import. */
static csv_header_rank
judge_header(void *context, const char *text, size_t length)
{
	Import	   *import = context;
	csv_header_rank rank = csv_header_rank_for(import->account->product, text, length);
	MemoryContext old_context;
	char	   *header;
	char	   *mapped = NULL;

	if (rank == CSV_HEADER_KEY || import->options.columns == NULL)
		return rank;
	old_context = MemoryContextSwitchTo(import->row_context);
	header = import_text(text, length);
	if (header != NULL)
		mapped = import_mapped_header(import, header);
	if (mapped != NULL)
	{
		rank = csv_header_rank_for(import->account->product, mapped, strlen(mapped));
		if (rank == CSV_HEADER_UNKNOWN)
			rank = CSV_HEADER_KNOWN;
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(import->row_context);
	return rank;
}

/* Is there nothing in the cell? */
static bool
is_blank(const csv_field *field)
{
	const char *data = field->data;
	size_t		length = field->length;

	cell_trim(&data, &length);
	return length == 0;
}

/*
 * Opens a reader on the file, allocated in the import's memory context, and reads
 * the header: sets *result and, by that, *record or *fault, as csv_reader_next()
 * does.  The source stays the caller's.
 */
csv_reader *
import_reader_open(Import *import, csv_record *record, csv_fault *fault, csv_result *result)
{
	csv_allocator allocator = csv_allocator_in(import->context);
	csv_reader *reader = csv_reader_open(&allocator, import->source.read, import->source.context, ',',
										 (size_t) orgsync_max_record_size * 1024);

	/* a table has no delimiter, and a sheet none that anybody has chosen */
	if (!import->options.numbers_records)
	{
		csv_dialect dialect = csv_dialect_begin(reader, &allocator, import_is_sheet(import) ? ',' : '\0',
												judge_header, import);

		if (!import_is_sheet(import))
			import->delimiter = dialect.delimiter;
		while (dialect.title_count-- > 0 &&
			   csv_reader_next_raw(reader, record, fault) == CSV_RECORD)
			;
	}
	*result = csv_reader_next(reader, record, fault);
	if (*result == CSV_RECORD)
	{
		import_sheet_place(import, record);
		import->header_line = record->line;
		import->header_cell_count = record->field_count;
		while (record->field_count > 0 && is_blank(&record->fields[record->field_count - 1]))
			record->field_count--;
	}
	return reader;
}

/* Cuts the cells at the record's end that belong to no column, if the header allows it. */
void
import_reader_cut(Import *import, csv_record *record)
{
	int			count;

	import_sheet_pad(import, record);
	count = record->field_count;
	while (count > import->column_count && is_blank(&record->fields[count - 1]))
		count--;
	/* a sheet is as wide as its widest row */
	if (count > import->column_count && (count <= import->header_cell_count || import_is_sheet(import)))
	{
		import->has_nameless_values = true;
		count = import->column_count;
	}
	if (count == import->column_count)
		record->field_count = count;
}

/* When the file is read: notes what is known of it by now, and closes the reader. */
void
import_reader_close(Import *import, csv_reader *reader)
{
	if (import->has_nameless_values)
		import_report(import, FINDING_UNKNOWN_HEADER, import->header_line, "", NULL, 2, "", "");
	import->encoding = csv_reader_encoding(reader);
	csv_reader_close(reader);
}
