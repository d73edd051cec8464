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
#include "export_rows.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "name_table.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Gives numbers to texts, from 0. */
typedef struct NameEntry
{
	const char *name;
	int			number;
} NameEntry;

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
	compat_finish_descriptor(descriptor);
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

/* Gives back what is not memory: the sort may have files. */
void
export_rows_end(ExportRows *rows)
{
	ExecDropSingleTupleTableSlot(rows->put_slot);
	ExecDropSingleTupleTableSlot(rows->slot);
	tuplestore_end(rows->carrying);
	tuplesort_end(rows->sort);
}
