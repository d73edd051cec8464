/*
 * export_rows.c
 *		Sorts the rows of an export into files and writes them.
 *
 * Rows come in any order and go into a tuplesort, which spills to disk beyond
 * work_mem.  They leave it ordered by kind, column set, unit and profile; a file
 * is a run of rows with the same kind and column set, cut at the wanted number
 * of rows, but never within a unit (see export_links.c).
 *
 * The column set of a row is the columns whose cells may not be empty: "include
 * a value for every learner for the fields you are providing".  License, group
 * and permission columns are not part of it, since an empty cell means "no
 * action" there, nor is reupload_user_profile, where it means false, nor what
 * Workleap's template does not ask for; a file has those that any of its rows
 * has.  The groups that are chosen for an upload count like columns.
 *
 * Somebody uploads each file by hand, so the fewer, the better.  A row may carry
 * values that are as the vendor has them already, which does no harm; so rows
 * that say different columns can share a file, if each of them has a value for
 * all columns of it.  Finding the least number of files is a hard problem
 * (covering sets); here each kind of row, the most frequent first, joins the
 * first file that it can.  Added people have no value to carry for what they do
 * not have, so theirs is one file for each set of columns.
 *
 * In the sort, a row is its keys and a bytea of cells:
 *
 *		| count | column, length, bytes | column, length, bytes | ...
 *
 * with columns as numbers, since the same few headers come over and over.  Rows
 * with values to carry wait in a tuplestore until their files are known.
 *
 * Memory: names of columns and sets live as long as the ExportRows, in the
 * context it was created in, as does the buffer of a file's text.  The rows of one
 * file live in file_context, which is emptied when the next file is begun.
 */
#include "export.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "core/csv_writer.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "name_table.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

/*
 * A file is also cut when its text may have grown to so many bytes: a value of
 * type text can hold at most 1 GB, and thousands of group columns are thinkable.
 */
#define MAX_FILE_SIZE	(256 * 1024 * 1024)

/* The keys, in the order of the columns, and the cells. */
#define KEY_COUNT		5
enum
{
	ROW_KIND = 1, ROW_COLUMN_SET, ROW_UNIT, ROW_PROFILE_ID, ROW_NUMBER, ROW_CELLS
};
#define ATTRIBUTE_COUNT	ROW_CELLS

/* Marks the number of a column whose cell is only carried. */
#define CARRIED			(1 << 30)

/* Files that a kind of row is tried with. */
#define MAX_TRIED_SETS	1000

/* Gives numbers to texts, from 0. */
typedef struct NameEntry
{
	const char *name;
	int			number;
} NameEntry;

typedef struct ExportColumn
{
	ExportPlace place;
	int			order;			/* within the place, before the name */
	char	   *header;
} ExportColumn;

/* A column set, in the order of their numbers. */
typedef struct ColumnSet
{
	Bitmapset  *columns;		/* that may not be empty */
	Bitmapset  *carried;		/* for which the rows have values */
	char	   *groups;			/* chosen for the upload */
	int64		row_count;
	int			joined;			/* the number of the set whose file it joins */
} ColumnSet;

struct ExportRows
{
	MemoryContext context;
	MemoryContext file_context;

	HTAB	   *column_numbers;
	ExportColumn *columns;
	int			column_count;
	int			column_capacity;
	HTAB	   *set_numbers;
	ColumnSet  *sets;
	int			set_count;
	int			set_capacity;

	/* the row that is being made */
	ExportKind	kind;
	int64		profile_id;
	int			cell_count;
	StringInfoData cells;
	StringInfoData column_set;	/* numbers of columns, as a text */
	StringInfoData groups;
	bool		carries;
	int64		row_number;
	Tuplestorestate *carrying;	/* rows that carry values */

	Tuplesortstate *sort;
	TupleTableSlot *put_slot;
	StringInfoData csv;			/* of the last file */
	TupleTableSlot *slot;		/* the row after the last one taken */
	bool		slot_is_full;
};

static const char *const kind_names[EXPORT_KIND_COUNT] = {
	[EXPORT_MANUAL_REVOKE] = "manual",
	[EXPORT_REVOKE] = "revoke",
	[EXPORT_RENAME] = "rename",
	[EXPORT_UPDATE] = "update",
	[EXPORT_ADD] = "add",
	[EXPORT_MANUAL] = "manual"
};

/* The kind as export_files.kind has it; static. */
const char *
export_kind_name(ExportKind kind)
{
	return kind_names[kind];
}

/* The name's number; *count grows if it is new. */
static int
name_number(HTAB *table, MemoryContext context, const char *name, int *count)
{
	bool		found;
	NameEntry  *entry = hash_search(table, &name, HASH_ENTER, &found);

	if (!found)
	{
		entry->name = MemoryContextStrdup(context, name);
		entry->number = (*count)++;
	}
	return entry->number;
}

static TupleDesc
row_descriptor(void)
{
	TupleDesc	descriptor = CreateTemplateTupleDesc(ATTRIBUTE_COUNT);

	TupleDescInitEntry(descriptor, ROW_KIND, "kind", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, ROW_COLUMN_SET, "column_set", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, ROW_UNIT, "unit", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, ROW_PROFILE_ID, "profile_id", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, ROW_NUMBER, "row_number", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, ROW_CELLS, "cells", BYTEAOID, -1, 0);
	return descriptor;
}

/* No rows yet; palloc'd in the current context, which owns all its memory. */
ExportRows *
export_rows_create(void)
{
	ExportRows *rows = palloc0(sizeof(ExportRows));
	TupleDesc	descriptor = row_descriptor();
	AttrNumber	attributes[KEY_COUNT] = {ROW_KIND, ROW_COLUMN_SET, ROW_UNIT, ROW_PROFILE_ID, ROW_NUMBER};
	Oid			operators[KEY_COUNT] = {
		Int4LessOperator, Int4LessOperator, Int4LessOperator, Int8LessOperator, Int8LessOperator
	};
	Oid			collations[KEY_COUNT] = {InvalidOid};
	bool		nulls_first[KEY_COUNT] = {false};

	rows->context = CurrentMemoryContext;
	rows->file_context = AllocSetContextCreate(rows->context, "orgsync export file",
											   ALLOCSET_DEFAULT_SIZES);
	rows->column_numbers = name_table_create("orgsync export names", sizeof(NameEntry), rows->context);
	rows->set_numbers = name_table_create("orgsync export names", sizeof(NameEntry), rows->context);
	rows->column_capacity = 64;
	rows->columns = palloc(rows->column_capacity * sizeof(ExportColumn));
	rows->set_capacity = 16;
	rows->sets = palloc(rows->set_capacity * sizeof(ColumnSet));
	initStringInfo(&rows->cells);
	initStringInfo(&rows->column_set);
	initStringInfo(&rows->groups);
	initStringInfo(&rows->csv);
	rows->carrying = tuplestore_begin_heap(false, false, work_mem);
	rows->sort = tuplesort_begin_heap(descriptor, KEY_COUNT, attributes, operators, collations,
									  nulls_first, work_mem, NULL, TUPLESORT_NONE);
	rows->put_slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsVirtual);
	rows->slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
	return rows;
}

/* Where the permission stands in the vendor's template. */
static int
permission_order(const char *header)
{
	int			order = 0;

	while (order < PERMISSION_COUNT && strcmp(permission_name(order), header) != 0)
		order++;
	return order;
}

/* The number of the column with that header. */
static int
column_number(ExportRows *rows, ExportPlace place, const char *header)
{
	int			count = rows->column_count;
	int			number = name_number(rows->column_numbers, rows->context, header, &count);

	if (count > rows->column_count)
	{
		if (count > rows->column_capacity)
		{
			rows->column_capacity *= 2;
			rows->columns = repalloc(rows->columns, rows->column_capacity * sizeof(ExportColumn));
		}
		rows->columns[number].place = place;
		rows->columns[number].order = place == EXPORT_PERMISSION ? permission_order(header) : 0;
		rows->columns[number].header = MemoryContextStrdup(rows->context, header);
		rows->column_count = count;
	}
	return number;
}

/* Begins a row; only one can be in the making. */
void
export_row_begin(ExportRows *rows, ExportKind kind, int64 profile_id)
{
	rows->kind = kind;
	rows->profile_id = profile_id;
	rows->cell_count = 0;
	rows->carries = false;
	resetStringInfo(&rows->cells);
	appendStringInfoSpaces(&rows->cells, VARHDRSZ + sizeof(int));
	resetStringInfo(&rows->column_set);
	resetStringInfo(&rows->groups);
}

/* Is an empty cell of the column "no action", or as good? */
static bool
may_be_empty(ExportPlace place)
{
	switch (place)
	{
		case EXPORT_LANGUAGE:
		case EXPORT_TITLE:
		case EXPORT_DATE:
		case EXPORT_LICENSE:
		case EXPORT_GROUP:
		case EXPORT_PERMISSION:
		case EXPORT_REUPLOAD:
			return true;
		default:
			return false;
	}
}

static void
append_cell(ExportRows *rows, int number, const char *value)
{
	int			length = value != NULL ? strlen(value) : 0;

	appendBinaryStringInfo(&rows->cells, (char *) &number, sizeof(int));
	appendBinaryStringInfo(&rows->cells, (char *) &length, sizeof(int));
	if (length > 0)
		appendBinaryStringInfo(&rows->cells, value, length);
	rows->cell_count++;
}

static void
append_to_set(ExportRows *rows, char mark, int number)
{
	char		digits[12];

	appendStringInfoChar(&rows->column_set, mark);
	appendBinaryStringInfo(&rows->column_set, digits, pg_ltoa(number, digits));
}

/* Adds a cell to the row; value NULL is an empty cell in a column that is there. */
void
export_row_cell(ExportRows *rows, ExportPlace place, const char *header, const char *value)
{
	int			number = column_number(rows, place, header);

	append_cell(rows, number, value);
	if (!may_be_empty(place))
		append_to_set(rows, ' ', number);
}

/*
 * A value that the row may carry, if that spares a file: it is as the vendor has
 * it.  To be called after the cells, one of which it may be.
 */
void
export_row_carry(ExportRows *rows, ExportPlace place, const char *header, const char *value)
{
	int			number = column_number(rows, place, header);
	const char *cells = rows->cells.data + VARHDRSZ + sizeof(int);

	if (may_be_empty(place))
		return;
	for (int i = 0; i < rows->cell_count; i++)
	{
		int			there;
		int			length;

		memcpy(&there, cells, sizeof(int));
		memcpy(&length, cells + sizeof(int), sizeof(int));
		cells += 2 * sizeof(int) + length;
		if (there == number)
			return;
	}
	append_cell(rows, number | CARRIED, value);
	append_to_set(rows, '+', number);
	rows->carries = true;
}

/* The group is one of those that are chosen for the row's upload. */
void
export_row_group(ExportRows *rows, const char *group)
{
	appendStringInfo(&rows->groups, "%s%s", rows->groups.len > 0 ? "+" : "", group);
}

/* What the text of a column set says. */
static ColumnSet
parse_set(ExportRows *rows)
{
	ColumnSet	set = {0};
	MemoryContext old_context = MemoryContextSwitchTo(rows->context);

	for (const char *next = rows->column_set.data; *next != '\0';)
	{
		char		mark = *next;
		char	   *end;
		int			number = (int) strtol(next + 1, &end, 10);

		if (mark == '+')
			set.carried = bms_add_member(set.carried, number);
		else
			set.columns = bms_add_member(set.columns, number);
		next = end;
	}
	set.groups = rows->groups.len > 0 ? pstrdup(rows->groups.data) : NULL;
	MemoryContextSwitchTo(old_context);
	return set;
}

/* The number of the row's column set; rows must be given their cells in the same order. */
static int
column_set_number(ExportRows *rows)
{
	int			length = rows->column_set.len;
	int			count = rows->set_count;
	int			number;

	if (rows->groups.len > 0)
		appendStringInfo(&rows->column_set, "\n%s", rows->groups.data);
	number = name_number(rows->set_numbers, rows->context, rows->column_set.data, &count);
	rows->column_set.data[length] = '\0';
	if (count > rows->set_count)
	{
		if (count > rows->set_capacity)
		{
			rows->set_capacity *= 2;
			rows->sets = repalloc(rows->sets, rows->set_capacity * sizeof(ColumnSet));
		}
		rows->sets[number] = parse_set(rows);
		rows->sets[number].joined = number;
		rows->set_count = count;
	}
	rows->sets[number].row_count++;
	return number;
}

/*
 * Ends the row.  unit: rows of one kind and column set stand in the order of
 * their units, and a unit in one file; 0 is none, and before all others.
 */
void
export_row_end(ExportRows *rows, int unit)
{
	TupleTableSlot *slot = rows->put_slot;

	SET_VARSIZE(rows->cells.data, rows->cells.len);
	memcpy(rows->cells.data + VARHDRSZ, &rows->cell_count, sizeof(int));

	ExecClearTuple(slot);
	memset(slot->tts_isnull, 0, ATTRIBUTE_COUNT * sizeof(bool));
	slot->tts_values[ROW_KIND - 1] = Int32GetDatum((int32) rows->kind);
	slot->tts_values[ROW_COLUMN_SET - 1] = Int32GetDatum(column_set_number(rows));
	slot->tts_values[ROW_UNIT - 1] = Int32GetDatum(unit);
	slot->tts_values[ROW_PROFILE_ID - 1] = Int64GetDatum(rows->profile_id);
	slot->tts_values[ROW_NUMBER - 1] = Int64GetDatum(rows->row_number++);
	slot->tts_values[ROW_CELLS - 1] = PointerGetDatum(rows->cells.data);
	ExecStoreVirtualTuple(slot);
	if (rows->kind == EXPORT_UPDATE)
		tuplestore_puttupleslot(rows->carrying, slot);
	else
		tuplesort_puttupleslot(rows->sort, slot);
	ExecClearTuple(slot);
}

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
		int			number;
		int			length;

		memcpy(&number, cells, sizeof(int));
		memcpy(&length, cells + sizeof(int), sizeof(int));
		cells += 2 * sizeof(int);
		values[positions[number]] = cells;
		lengths[positions[number]] = length;
		cells += length;
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
		int			number;
		int			length;

		memcpy(&number, cells, sizeof(int));
		memcpy(&length, cells + sizeof(int), sizeof(int));
		cells += 2 * sizeof(int) + length;
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

/* Gives back what is not memory: the sort may have files. */
void
export_rows_end(ExportRows *rows)
{
	ExecDropSingleTupleTableSlot(rows->put_slot);
	ExecDropSingleTupleTableSlot(rows->slot);
	tuplestore_end(rows->carrying);
	tuplesort_end(rows->sort);
}
