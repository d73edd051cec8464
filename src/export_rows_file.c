/*
 * export_rows_file.c
 *		Which file a row of an export goes to, and the files' texts.
 *
 * Somebody uploads each file by hand, so the fewer, the better.  A row may carry
 * values that are as the vendor has them already, which does no harm; so rows
 * that say different columns can share a file, if each of them has a value for
 * all columns of it.  Finding the least number of files is a hard problem
 * (covering sets); here each kind of row, the most frequent first, joins the
 * first file that it can.  Added people have no value to carry for what they do
 * not have, so theirs is one file for each set of columns.
 *
 * Memory: the rows of one file live in file_context, which is emptied when the
 * next file is begun; the buffer of its text lives as long as the ExportRows.
 */
#include "export_rows.h"

#include "core/csv_writer.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * A file is also cut when its text may have grown to so many bytes: a value of
 * type text can hold at most 1 GB, and thousands of group columns are thinkable.
 */
#define MAX_FILE_SIZE	(256 * 1024 * 1024)

/* Files that a kind of row is tried with. */
#define MAX_TRIED_SETS	1000

/* ---- rows that carry values ---- */

static int
compare_sets(const void *a, const void *b, void *argument)
{
	const ExportRows *rows = argument;
	int			left = *(const int *) a;
	int			right = *(const int *) b;

	if (rows->sets[left].row_count != rows->sets[right].row_count)
		return rows->sets[left].row_count > rows->sets[right].row_count ? -1 : 1;
	return left < right ? -1 : 1;
}

/*
 * Puts the set into the first file whose columns its rows have, and whose rows
 * have its columns; or begins a file of its own.  files: the sets that began
 * one.
 */
static void
join_file(ExportRows *rows, int number, int *files, int *file_count)
{
	ColumnSet  *set = &rows->sets[number];
	Bitmapset  *available = bms_union(set->columns, set->carried);

	for (int i = 0; i < *file_count && i < MAX_TRIED_SETS; i++)
	{
		ColumnSet  *file = &rows->sets[files[i]];

		if (!bms_is_subset(file->columns, available) || !bms_is_subset(set->columns, file->carried))
			continue;
		file->columns = bms_union(file->columns, set->columns);
		file->carried = bms_intersect(file->carried, available);
		set->joined = files[i];
		return;
	}
	/* from here on, carried is what all rows of the file have */
	set->carried = available;
	files[(*file_count)++] = number;
}

/* Takes the cells that are carried for nothing out of a row; in place. */
static int
drop_carried(char *cells, int length, const Bitmapset *columns)
{
	char	   *from = cells + sizeof(int);
	char	   *to = from;
	char	   *end = cells + length;
	int			count = 0;

	while (from < end)
	{
		int			number;
		int			size;
		int			column;

		memcpy(&number, from, sizeof(int));
		memcpy(&size, from + sizeof(int), sizeof(int));
		size += 2 * sizeof(int);
		column = number & ~CARRIED;
		if (number == column || bms_is_member(column, columns))
		{
			memmove(to, from, size);
			memcpy(to, &column, sizeof(int));
			to += size;
			count++;
		}
		from += size;
	}
	memcpy(cells, &count, sizeof(int));
	return (int) (to - cells);
}

/* Finds the files of the rows that wait, and moves them into the sort. */
static void
sort_carrying(ExportRows *rows)
{
	int		   *order = palloc(Max(rows->set_count, 1) * sizeof(int));
	int		   *files = palloc(Max(rows->set_count, 1) * sizeof(int));
	bool	   *is_carrying = palloc0(Max(rows->set_count, 1) * sizeof(bool));
	int			count = 0;
	int			file_count = 0;
	TupleTableSlot *slot = rows->slot;
	bool		isnull;

	while (tuplestore_gettupleslot(rows->carrying, true, false, slot))
	{
		int			number = DatumGetInt32(slot_getattr(slot, ROW_COLUMN_SET, &isnull));

		if (!is_carrying[number])
			order[count++] = number;
		is_carrying[number] = true;
	}
	qsort_arg(order, count, sizeof(int), compare_sets, rows);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		join_file(rows, order[i], files, &file_count);
	}

	tuplestore_rescan(rows->carrying);
	while (tuplestore_gettupleslot(rows->carrying, true, false, slot))
	{
		TupleTableSlot *put_slot = rows->put_slot;
		const ColumnSet *set;
		bytea	   *cells;

		slot_getallattrs(slot);
		ExecClearTuple(put_slot);
		memset(put_slot->tts_isnull, 0, ATTRIBUTE_COUNT * sizeof(bool));
		memcpy(put_slot->tts_values, slot->tts_values, ATTRIBUTE_COUNT * sizeof(Datum));
		set = &rows->sets[rows->sets[DatumGetInt32(slot->tts_values[ROW_COLUMN_SET - 1])].joined];
		put_slot->tts_values[ROW_COLUMN_SET - 1] = Int32GetDatum((int32) (set - rows->sets));
		cells = DatumGetByteaPCopy(slot->tts_values[ROW_CELLS - 1]);
		SET_VARSIZE(cells, VARHDRSZ + drop_carried(VARDATA(cells), VARSIZE(cells) - VARHDRSZ, set->columns));
		put_slot->tts_values[ROW_CELLS - 1] = PointerGetDatum(cells);
		ExecStoreVirtualTuple(put_slot);
		tuplesort_puttupleslot(rows->sort, put_slot);
		ExecClearTuple(put_slot);
		pfree(cells);
		CHECK_FOR_INTERRUPTS();
	}
	ExecClearTuple(slot);
}

/* To be called when all rows are there and before the first file is asked for. */
void
export_rows_sort(ExportRows *rows)
{
	sort_carrying(rows);
	tuplesort_performsort(rows->sort);
	rows->slot_is_full = tuplesort_gettupleslot(rows->sort, true, false, rows->slot, NULL);
}

/* ---- files ---- */

static int
compare_columns(const void *a, const void *b, void *argument)
{
	const ExportRows *rows = argument;
	const ExportColumn *left = &rows->columns[*(const int *) a];
	const ExportColumn *right = &rows->columns[*(const int *) b];

	if (left->place != right->place)
		return left->place < right->place ? -1 : 1;
	if (left->order != right->order)
		return left->order < right->order ? -1 : 1;
	return strcmp(left->header, right->header);
}

/* The columns that are in use, as numbers in their order in the file. */
static int *
sort_columns(ExportRows *rows, const bool *is_used, int *count)
{
	int		   *order = palloc(rows->column_count * sizeof(int));

	*count = 0;
	for (int i = 0; i < rows->column_count; i++)
	{
		if (is_used[i])
			order[(*count)++] = i;
	}
	qsort_arg(order, *count, sizeof(int), compare_columns, rows);
	return order;
}

/* Appends one cell and what parts it from the one before it. */
static void
write_cell(StringInfo csv, bool is_first, const char *value, int length, bool spreadsheet_safe)
{
	enlargeStringInfo(csv, CSV_CELL_MAX_SIZE(length) + 1);
	if (!is_first)
		csv->data[csv->len++] = ',';
	if (length > 0)
		csv->len += csv_write_cell(csv->data + csv->len, value, length, ',', spreadsheet_safe);
	csv->data[csv->len] = '\0';
}

/* Takes one of a row's cells apart: the number of its column, and its text; returns the place behind it. */
static inline const char *
next_cell(const char *cell, int *number, const char **value, int *length)
{
	memcpy(number, cell, sizeof(int));
	memcpy(length, cell + sizeof(int), sizeof(int));
	*value = cell + 2 * sizeof(int);
	return *value + *length;
}

/* A row's cells, put where their columns are in the file. */
static void
write_row(StringInfo csv, const char *cells, const int *positions, int column_count,
		  const char **values, int *lengths, bool spreadsheet_safe)
{
	int			cell_count;

	memset(lengths, 0, column_count * sizeof(int));
	memcpy(&cell_count, cells, sizeof(int));
	cells += sizeof(int);
	for (int i = 0; i < cell_count; i++)
	{
		const char *value;
		int			number;
		int			length;

		cells = next_cell(cells, &number, &value, &length);
		values[positions[number]] = value;
		lengths[positions[number]] = length;
	}
	for (int i = 0; i < column_count; i++)
		write_cell(csv, i == 0, values[i], lengths[i], spreadsheet_safe);
	appendBinaryStringInfo(csv, "\r\n", 2);
}

/*
 * Marks the columns of a row as used, and returns the bytes that its cells may
 * take in the file.
 */
static int64
note_columns(const char *cells, bool *is_used, int *used_count)
{
	int64		size = 0;
	int			cell_count;

	memcpy(&cell_count, cells, sizeof(int));
	cells += sizeof(int);
	for (int i = 0; i < cell_count; i++)
	{
		const char *value;
		int			number;
		int			length;

		cells = next_cell(cells, &number, &value, &length);
		if (!is_used[number])
			(*used_count)++;
		is_used[number] = true;
		size += CSV_CELL_MAX_SIZE(length);
	}
	return size;
}

static int32
slot_key(TupleTableSlot *slot, int attribute)
{
	bool		isnull;

	return DatumGetInt32(slot_getattr(slot, attribute, &isnull));
}

/*
 * Takes the rows of one file out of the sort.  Returns their cells, copied, with
 * the columns that they use.
 */
static char **
take_rows(ExportRows *rows, int max_rows, ExportFile *file, bool *is_used)
{
	int			column_set = slot_key(rows->slot, ROW_COLUMN_SET);
	int			capacity = 64;
	char	  **row_cells = palloc(capacity * sizeof(char *));
	int			used_count = 0;
	int64		size = 0;
	int			unit;

	file->kind = (ExportKind) slot_key(rows->slot, ROW_KIND);
	file->groups = rows->sets[column_set].groups;
	file->row_count = 0;
	file->profile_ids = palloc(capacity * sizeof(int64));
	do
	{
		bytea	   *cells;
		bool		isnull;

		if (file->row_count == capacity)
		{
			capacity *= 2;
			row_cells = repalloc_huge(row_cells, capacity * sizeof(char *));
			file->profile_ids = repalloc_huge(file->profile_ids, capacity * sizeof(int64));
		}
		cells = DatumGetByteaPCopy(slot_getattr(rows->slot, ROW_CELLS, &isnull));
		row_cells[file->row_count] = VARDATA(cells);
		file->profile_ids[file->row_count] =
			DatumGetInt64(slot_getattr(rows->slot, ROW_PROFILE_ID, &isnull));
		file->row_count++;
		size += note_columns(VARDATA(cells), is_used, &used_count);
		unit = slot_key(rows->slot, ROW_UNIT);

		rows->slot_is_full = tuplesort_gettupleslot(rows->sort, true, false, rows->slot, NULL);
		CHECK_FOR_INTERRUPTS();
	} while (rows->slot_is_full &&
			 slot_key(rows->slot, ROW_KIND) == (int32) file->kind &&
			 slot_key(rows->slot, ROW_COLUMN_SET) == column_set &&
			 ((file->row_count < max_rows &&
			   size + (int64) file->row_count * used_count < MAX_FILE_SIZE) ||
			  (unit != 0 && slot_key(rows->slot, ROW_UNIT) == unit)));
	return row_cells;
}

/*
 * The next file, of at most max_rows rows; false if there is none.  What it
 * points to is gone when the next one is asked for.
 */
bool
export_rows_next_file(ExportRows *rows, int max_rows, bool spreadsheet_safe, ExportFile *file)
{
	MemoryContext old_context;
	bool	   *is_used;
	char	  **row_cells;
	int		   *order;
	int		   *positions;
	const char **values;
	int		   *lengths;

	MemoryContextReset(rows->file_context);
	if (!rows->slot_is_full)
		return false;
	old_context = MemoryContextSwitchTo(rows->file_context);

	is_used = palloc0(rows->column_count * sizeof(bool));
	row_cells = take_rows(rows, max_rows, file, is_used);
	order = sort_columns(rows, is_used, &file->column_count);
	positions = palloc(rows->column_count * sizeof(int));
	file->columns = palloc(file->column_count * sizeof(char *));

	export_file_begin_csv(file, &rows->csv);
	for (int i = 0; i < file->column_count; i++)
	{
		const char *header = rows->columns[order[i]].header;

		positions[order[i]] = i;
		file->columns[i] = header;
		write_cell(file->csv, i == 0, header, strlen(header), false);
	}
	appendBinaryStringInfo(file->csv, "\r\n", 2);

	values = palloc(file->column_count * sizeof(char *));
	lengths = palloc(file->column_count * sizeof(int));
	for (int i = 0; i < file->row_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		write_row(file->csv, row_cells[i], positions, file->column_count, values, lengths,
				  spreadsheet_safe);
	}
	MemoryContextSwitchTo(old_context);
	return true;
}
