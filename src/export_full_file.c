/*
 * export_full_file.c
 *		The files of a full export: rows that wait, and the texts.
 *
 * A row goes to a waiting file, one for each set of columns that may not be empty
 * (see export_rows.c): its cells up to the title and the attributes as CSV
 * already, those between them, most of which are empty, as pairs of column and
 * value, since a file has only the columns that any of its rows has.  A record of
 * a waiting file is
 *
 *		length, the cells up to the title | count, link cells | length, attributes | reupload
 *
 * A waiting file that has enough rows is ready; so is the longest one when all
 * that wait take more than MAX_WAITING bytes, which bounds the memory at the
 * price of more files where there are very many sets of columns.
 *
 * Memory: the context of the ExportFull, and one for the file asked for last.  The
 * buffers of records and of the text are used again.
 */
#include "export_full.h"

#include "core/csv_writer.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Files wait with no more than this in memory. */
#define MAX_WAITING		(64 * 1024 * 1024)

/* A file is cut when its text may have grown to this. */
#define MAX_FILE_SIZE	(256 * 1024 * 1024)

static const char *const fixed_columns[FIXED_COUNT] = {
	"preferred_first_name", "preferred_last_name", "primary_email_address", "unique_user_id",
	"work_title"
};

static void
append_cell(ExportFull *full, StringInfo out, const char *value, int length)
{
	enlargeStringInfo(out, CSV_CELL_MAX_SIZE(length) + 1);
	out->len += csv_write_cell(out->data + out->len, value, length, ',', full->spreadsheet_safe);
}

/* ---- waiting files ---- */

static int
compare_names(const void *a, const void *b, void *argument)
{
	const char *const *names = argument;

	return strcmp(names[*(const int *) a], names[*(const int *) b]);
}

static WaitingFile *
make_file(ExportFull *full, int fixed, int attribute_count)
{
	MemoryContext old_context = MemoryContextSwitchTo(full->context);
	WaitingFile *file = palloc0(sizeof(WaitingFile));
	const char **names = palloc(Max(attribute_count, 1) * sizeof(char *));

	file->fixed = fixed;
	file->attribute_count = attribute_count;
	file->names = palloc(Max(attribute_count, 1) * sizeof(int));
	file->order = palloc(Max(attribute_count, 1) * sizeof(int));
	for (int i = 0; i < attribute_count; i++)
	{
		file->names[i] = full->values[i].name;
		file->order[i] = i;
		names[i] = full->names[file->names[i]];
	}
	qsort_arg(file->order, attribute_count, sizeof(int), compare_names, names);
	pfree(names);
	file->row_capacity = 64;
	file->profile_ids = palloc(file->row_capacity * sizeof(int64));
	file->is_used = palloc0(Max(full->link_count, 1) * sizeof(bool));
	if (full->spare.data != NULL)
		file->records = full->spare;
	else
		initStringInfo(&file->records);
	full->spare.data = NULL;
	full->waiting = lappend(full->waiting, file);
	MemoryContextSwitchTo(old_context);
	return file;
}

static bool
has_columns(const ExportFull *full, const WaitingFile *file, int fixed, int attribute_count)
{
	if (file->fixed != fixed || file->attribute_count != attribute_count)
		return false;
	for (int i = 0; i < attribute_count; i++)
		if (file->names[i] != full->values[i].name)
			return false;
	return true;
}

/* The file that waits for rows with these columns and the attributes in full->values. */
static WaitingFile *
find_file(ExportFull *full, int fixed, int attribute_count)
{
	ListCell   *cell;

	if (full->latest != NULL && has_columns(full, full->latest, fixed, attribute_count))
		return full->latest;
	foreach(cell, full->waiting)
		if (has_columns(full, lfirst(cell), fixed, attribute_count))
			return lfirst(cell);
	return make_file(full, fixed, attribute_count);
}

static void
file_is_ready(ExportFull *full, WaitingFile *file)
{
	MemoryContext old_context = MemoryContextSwitchTo(full->context);

	full->waiting = list_delete_ptr(full->waiting, file);
	full->ready = lappend(full->ready, file);
	full->waiting_size -= file->records.len;
	if (full->latest == file)
		full->latest = NULL;
	MemoryContextSwitchTo(old_context);
}

static void
longest_is_ready(ExportFull *full)
{
	WaitingFile *longest = NULL;
	ListCell   *cell;

	foreach(cell, full->waiting)
		if (longest == NULL || ((WaitingFile *) lfirst(cell))->records.len > longest->records.len)
			longest = lfirst(cell);
	if (longest != NULL)
		file_is_ready(full, longest);
}

/* ---- records ---- */

static void
append_links(ExportFull *full, WaitingFile *file, int count)
{
	StringInfo	records = &file->records;

	appendBinaryStringInfo(records, (char *) &count, sizeof(int));
	for (int i = 0; i < count; i++)
	{
		const LinkCell *cell = &full->cells[i];

		appendBinaryStringInfo(records, (const char *) cell, sizeof(LinkCell));
		if (cell->length > 0)
			appendBinaryStringInfo(records, full->cell_scopes[i], cell->length);
		file->used_count += !file->is_used[cell->column];
		file->is_used[cell->column] = true;
	}
}

/* The length of what was appended from there on, put in front of it. */
static void
set_length(StringInfo records, int start)
{
	int			length = records->len - start - (int) sizeof(int);

	memcpy(records->data + start, &length, sizeof(int));
}

/* Puts a row into the file that waits for it. */
void
export_full_put(ExportFull *full, const FullRow *row)
{
	WaitingFile *file = full->latest = find_file(full, row->fixed, row->attribute_count);
	StringInfo	records = &file->records;
	int			before = records->len;
	int			start = records->len;
	bool		is_first = true;

	appendStringInfoSpaces(records, sizeof(int));
	for (int i = 0; i < FIXED_COUNT; i++)
	{
		if ((row->fixed & (1 << i)) == 0)
			continue;
		if (!is_first)
			appendStringInfoChar(records, ',');
		append_cell(full, records, row->texts[i], row->lengths[i]);
		is_first = false;
	}
	set_length(records, start);
	append_links(full, file, row->link_count);
	start = records->len;
	appendStringInfoSpaces(records, sizeof(int));
	for (int i = 0; i < row->attribute_count; i++)
	{
		const AttributeValue *value = &full->values[file->order[i]];

		appendStringInfoChar(records, ',');
		append_cell(full, records, value->text, value->length);
	}
	set_length(records, start);
	appendStringInfoChar(records, row->reupload);
	file->has_reupload |= row->reupload;

	if (file->row_count == file->row_capacity)
	{
		file->row_capacity *= 2;
		file->profile_ids = repalloc_huge(file->profile_ids, file->row_capacity * sizeof(int64));
	}
	file->profile_ids[file->row_count++] = row->profile_id;
	full->waiting_size += records->len - before;
	if (file->row_count >= full->max_rows ||
		records->len + (int64) file->row_count * file->used_count > MAX_FILE_SIZE)
		file_is_ready(full, file);
	else if (full->waiting_size > MAX_WAITING)
		longest_is_ready(full);
}

/* There are no more rows: one of the files that wait is ready, if there are any. */
void
export_full_finish_waiting(ExportFull *full)
{
	if (full->waiting != NIL)
		file_is_ready(full, linitial(full->waiting));
}

/* ---- texts ---- */

static int
next_int(const char **record)
{
	int			value;

	memcpy(&value, *record, sizeof(int));
	*record += sizeof(int);
	return value;
}

/* Writes the cells between title and attributes of those columns that the file has. */
static void
write_links(ExportFull *full, StringInfo csv, const char **record, const int *used, int used_count)
{
	int			count = next_int(record);
	int			at = 0;

	for (int i = 0; i < count; i++)
	{
		LinkCell	cell;
		const char *value = full->notation.group_yes;
		int			length;

		memcpy(&cell, *record, sizeof(LinkCell));
		*record += sizeof(LinkCell);
		enlargeStringInfo(csv, used_count + 1);
		while (used[at] != cell.column)
		{
			csv->data[csv->len++] = ',';
			at++;
		}
		csv->data[csv->len++] = ',';
		at++;
		if (cell.column < full->group_first)
			value = "active";
		else if (cell.column >= full->permission_first)
			value = *record;
		length = cell.length > 0 ? cell.length : (int) strlen(value);
		append_cell(full, csv, value, length);
		*record += cell.length;
	}
	enlargeStringInfo(csv, used_count + 1);
	for (; at < used_count; at++)
		csv->data[csv->len++] = ',';
}

static void
write_rows(ExportFull *full, const WaitingFile *waiting, StringInfo csv, const int *used, int used_count)
{
	const char *record = waiting->records.data;

	for (int i = 0; i < waiting->row_count; i++)
	{
		int			length = next_int(&record);

		appendBinaryStringInfo(csv, record, length);
		record += length;
		write_links(full, csv, &record, used, used_count);
		length = next_int(&record);
		appendBinaryStringInfo(csv, record, length);
		record += length;
		if (waiting->has_reupload)
			appendStringInfoString(csv, *record ? ",true" : ",");
		record++;
		appendBinaryStringInfo(csv, "\r\n", 2);
		if (i % 1000 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Makes the file's header and text. */
static void
write_file(ExportFull *full, const WaitingFile *waiting, ExportFile *file)
{
	int		   *used = palloc(Max(waiting->used_count, 1) * sizeof(int));
	int			used_count = 0;

	memset(file, 0, sizeof(ExportFile));
	file->kind = EXPORT_ADD;
	file->row_count = waiting->row_count;
	file->profile_ids = waiting->profile_ids;
	file->columns = palloc((FIXED_COUNT + waiting->used_count + waiting->attribute_count + 1) * sizeof(char *));
	for (int i = 0; i < FIXED_COUNT; i++)
		if (waiting->fixed & (1 << i))
			file->columns[file->column_count++] = fixed_columns[i];
	for (int i = 0; i < full->link_count; i++)
		if (waiting->is_used[i])
		{
			used[used_count++] = i;
			file->columns[file->column_count++] = full->links[i];
		}
	for (int i = 0; i < waiting->attribute_count; i++)
		file->columns[file->column_count++] =
			psprintf("attribute_%s", full->names[waiting->names[waiting->order[i]]]);
	if (waiting->has_reupload)
		file->columns[file->column_count++] = "reupload_user_profile";

	export_file_begin_csv(file, &full->csv);
	enlargeStringInfo(file->csv, waiting->records.len + waiting->row_count * used_count + 1024);
	for (int i = 0; i < file->column_count; i++)
	{
		if (i > 0)
			appendStringInfoChar(file->csv, ',');
		enlargeStringInfo(file->csv, CSV_CELL_MAX_SIZE(strlen(file->columns[i])) + 1);
		file->csv->len += csv_write_cell(file->csv->data + file->csv->len, file->columns[i],
										strlen(file->columns[i]), ',', false);
	}
	appendBinaryStringInfo(file->csv, "\r\n", 2);
	write_rows(full, waiting, file->csv, used, used_count);
}

/* Takes the first file that is ready; what it points to is gone when the next one is taken. */
void
export_full_take_file(ExportFull *full, ExportFile *file)
{
	MemoryContext old_context;
	WaitingFile *waiting;

	MemoryContextReset(full->file_context);
	waiting = linitial(full->ready);
	full->ready = list_delete_first(full->ready);
	old_context = MemoryContextSwitchTo(full->file_context);
	write_file(full, waiting, file);
	file->profile_ids = palloc_extended(Max(waiting->row_count, 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	memcpy(file->profile_ids, waiting->profile_ids, waiting->row_count * sizeof(int64));
	MemoryContextSwitchTo(old_context);
	if (full->spare.data == NULL)
	{
		full->spare = waiting->records;
		resetStringInfo(&full->spare);
	}
	else
		pfree(waiting->records.data);
	pfree(waiting->profile_ids);
	pfree(waiting->is_used);
	pfree(waiting->names);
	pfree(waiting->order);
	pfree(waiting);
}
