/*
 * export_rows.c
 *		Sorts the rows of an export into files and writes them.
 *
 * Rows come in any order and go into a tuplesort, which spills to disk beyond
 * work_mem.  They leave it ordered by kind, round (see export_plan.c), column
 * set, level and profile; a file is a run of rows with the same kind, round and
 * column set, cut at the wanted number of rows.
 *
 * The column set of a row is the columns whose cells may not be empty: "include
 * a value for every learner for the fields you are providing".  License, group
 * and permission columns are not part of it, since an empty cell means "no
 * action" there; a file has those that any of its rows has.
 *
 * In the sort, a row is its keys and a bytea of cells:
 *
 *		| count | column, length, bytes | column, length, bytes | ...
 *
 * with columns as numbers, since the same few headers come over and over.
 *
 * Memory: names of columns and sets live as long as the ExportRows, in the
 * context it was created in.  The rows of one file and its text live in
 * file_context, which is emptied when the next file is begun.
 */
#include "export.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "core/csv_writer.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

/*
 * A file is also cut when its text may have grown to so many bytes: a value of
 * type text can hold at most 1 GB, and thousands of group columns are thinkable.
 */
#define MAX_FILE_SIZE	(256 * 1024 * 1024)

#define KEY_COUNT	6
#define ATTRIBUTE_COUNT	7		/* the keys and the cells */

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

struct ExportRows
{
	MemoryContext context;
	MemoryContext file_context;

	HTAB	   *column_numbers;
	ExportColumn *columns;
	int			column_count;
	int			column_capacity;
	HTAB	   *set_numbers;
	int			set_count;

	/* the row that is being made */
	ExportKind	kind;
	int64		profile_id;
	int			cell_count;
	StringInfoData cells;
	StringInfoData column_set;	/* numbers of columns */
	int64		row_number;

	Tuplesortstate *sort;
	TupleTableSlot *put_slot;
	TupleTableSlot *slot;		/* the row after the last one taken */
	bool		slot_is_full;
};

static const char *const kind_names[EXPORT_KIND_COUNT] = {
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

static uint32
name_hash(const void *key, Size size)
{
	const char *name = *(const char *const *) key;

	(void) size;
	return DatumGetUInt32(hash_any((const unsigned char *) name, strlen(name)));
}

static int
name_match(const void *a, const void *b, Size size)
{
	(void) size;
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static HTAB *
name_table_create(MemoryContext context)
{
	HASHCTL		control = {
		.keysize = sizeof(char *),
		.entrysize = sizeof(NameEntry),
		.hash = name_hash,
		.match = name_match,
		.hcxt = context
	};

	return hash_create("orgsync export names", 64, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
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

	TupleDescInitEntry(descriptor, 1, "kind", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, 2, "round", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, 3, "column_set", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, 4, "level", INT4OID, -1, 0);
	TupleDescInitEntry(descriptor, 5, "profile_id", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, 6, "row_number", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, 7, "cells", BYTEAOID, -1, 0);
	return descriptor;
}

/* No rows yet; palloc'd in the current context, which owns all its memory. */
ExportRows *
export_rows_create(void)
{
	ExportRows *rows = palloc0(sizeof(ExportRows));
	TupleDesc	descriptor = row_descriptor();
	AttrNumber	attributes[KEY_COUNT] = {1, 2, 3, 4, 5, 6};
	Oid			operators[KEY_COUNT] = {
		Int4LessOperator, Int4LessOperator, Int4LessOperator, Int4LessOperator,
		Int8LessOperator, Int8LessOperator
	};
	Oid			collations[KEY_COUNT] = {InvalidOid};
	bool		nulls_first[KEY_COUNT] = {false};

	rows->context = CurrentMemoryContext;
	rows->file_context = AllocSetContextCreate(rows->context, "orgsync export file",
											   ALLOCSET_DEFAULT_SIZES);
	rows->column_numbers = name_table_create(rows->context);
	rows->set_numbers = name_table_create(rows->context);
	rows->column_capacity = 64;
	rows->columns = palloc(rows->column_capacity * sizeof(ExportColumn));
	initStringInfo(&rows->cells);
	initStringInfo(&rows->column_set);
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
	resetStringInfo(&rows->cells);
	appendStringInfoSpaces(&rows->cells, VARHDRSZ + sizeof(int));
	resetStringInfo(&rows->column_set);
}

/* Adds a cell to the row; value NULL is an empty cell in a column that is there. */
void
export_row_cell(ExportRows *rows, ExportPlace place, const char *header, const char *value)
{
	int			number = column_number(rows, place, header);
	int			length = value != NULL ? strlen(value) : 0;

	appendBinaryStringInfo(&rows->cells, (char *) &number, sizeof(int));
	appendBinaryStringInfo(&rows->cells, (char *) &length, sizeof(int));
	if (length > 0)
		appendBinaryStringInfo(&rows->cells, value, length);
	rows->cell_count++;
	if (place != EXPORT_LICENSE && place != EXPORT_GROUP && place != EXPORT_PERMISSION)
	{
		char		digits[12];

		appendBinaryStringInfo(&rows->column_set, digits, pg_ltoa(number, digits));
		appendStringInfoChar(&rows->column_set, ' ');
	}
}

/*
 * The number of the row's column set, when it has all its cells.  Rows must be
 * given their cells in the same order for this to be the same.
 */
int
export_row_column_set(ExportRows *rows)
{
	return name_number(rows->set_numbers, rows->context, rows->column_set.data, &rows->set_count);
}

/* Ends the row; the order of rounds and levels is the files' and the rows' in them. */
void
export_row_end(ExportRows *rows, int round, int level)
{
	TupleTableSlot *slot = rows->put_slot;

	SET_VARSIZE(rows->cells.data, rows->cells.len);
	memcpy(rows->cells.data + VARHDRSZ, &rows->cell_count, sizeof(int));

	ExecClearTuple(slot);
	memset(slot->tts_isnull, 0, ATTRIBUTE_COUNT * sizeof(bool));
	slot->tts_values[0] = Int32GetDatum((int32) rows->kind);
	slot->tts_values[1] = Int32GetDatum(round);
	slot->tts_values[2] = Int32GetDatum(export_row_column_set(rows));
	slot->tts_values[3] = Int32GetDatum(level);
	slot->tts_values[4] = Int64GetDatum(rows->profile_id);
	slot->tts_values[5] = Int64GetDatum(rows->row_number++);
	slot->tts_values[6] = PointerGetDatum(rows->cells.data);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(rows->sort, slot);
	ExecClearTuple(slot);
}

/* To be called when all rows are there and before the first file is asked for. */
void
export_rows_sort(ExportRows *rows)
{
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
	int			round = slot_key(rows->slot, 2);
	int			column_set = slot_key(rows->slot, 3);
	int			capacity = 64;
	char	  **row_cells = palloc(capacity * sizeof(char *));
	int			used_count = 0;
	int64		size = 0;

	file->kind = (ExportKind) slot_key(rows->slot, 1);
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
		cells = DatumGetByteaPCopy(slot_getattr(rows->slot, ATTRIBUTE_COUNT, &isnull));
		row_cells[file->row_count] = VARDATA(cells);
		file->profile_ids[file->row_count] =
			DatumGetInt64(slot_getattr(rows->slot, 5, &isnull));
		file->row_count++;
		size += note_columns(VARDATA(cells), is_used, &used_count);

		rows->slot_is_full = tuplesort_gettupleslot(rows->sort, true, false, rows->slot, NULL);
		CHECK_FOR_INTERRUPTS();
	} while (rows->slot_is_full &&
			 file->row_count < max_rows &&
			 size + (int64) file->row_count * used_count < MAX_FILE_SIZE &&
			 slot_key(rows->slot, 1) == (int32) file->kind &&
			 slot_key(rows->slot, 2) == round &&
			 slot_key(rows->slot, 3) == column_set);
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

	initStringInfo(&file->csv);
	for (int i = 0; i < file->column_count; i++)
	{
		const char *header = rows->columns[order[i]].header;

		positions[order[i]] = i;
		file->columns[i] = header;
		write_cell(&file->csv, i == 0, header, strlen(header), false);
	}
	appendBinaryStringInfo(&file->csv, "\r\n", 2);

	values = palloc(file->column_count * sizeof(char *));
	lengths = palloc(file->column_count * sizeof(int));
	for (int i = 0; i < file->row_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		write_row(&file->csv, row_cells[i], positions, file->column_count, values, lengths,
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
	tuplesort_end(rows->sort);
}
