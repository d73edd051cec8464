/*
 * export_rows.h
 *		What the files that sort and write an export's rows share; nobody else
 *		includes this.
 *
 *	export_rows.c		takes the rows, cell by cell, into a sort
 *	export_rows_file.c	which file a row goes to, and the files' texts
 */
#ifndef ORGSYNC_EXPORT_ROWS_H
#define ORGSYNC_EXPORT_ROWS_H

#include "export.h"

#include "executor/tuptable.h"
#include "nodes/bitmapset.h"
#include "utils/hsearch.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

/* The keys, in the order of the columns, and the cells. */
#define KEY_COUNT		5
enum
{
	ROW_KIND = 1, ROW_COLUMN_SET, ROW_UNIT, ROW_PROFILE_ID, ROW_NUMBER, ROW_CELLS
};
#define ATTRIBUTE_COUNT	ROW_CELLS

/* Marks the number of a column whose cell is only carried. */
#define CARRIED			(1 << 30)

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

#endif
