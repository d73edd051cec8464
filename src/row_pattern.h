/*
 * row_pattern.h
 *		Forms the tuples of rows of which many are alike.
 */
#ifndef ORGSYNC_ROW_PATTERN_H
#define ORGSYNC_ROW_PATTERN_H

#include "orgsync.h"

#include "access/htup_details.h"

/* At most so many columns have the tables that we write below their triggers. */
#define ROW_PATTERN_MAX_COLUMNS	10

/* What rows with the same nulls have in common; zeroed: nothing so far. */
typedef struct RowShape
{
	int			column_count;	/* of the table; 0: there is no shape */
	bool		nulls[ROW_PATTERN_MAX_COLUMNS];
	int			head_size;
	/* BITMAPLEN() is no constant since PostgreSQL 19 */
	char		head[MAXALIGN(SizeofHeapTupleHeader + (ROW_PATTERN_MAX_COLUMNS + 7) / 8)];
	int			count;			/* of values that are not null */
	int			fixed_count;	/* of the first of them, which are of fixed length */
	Size		fixed_size;		/* of these together */
	struct
	{
		int			column;
		int			length;		/* -1: of the value's own */
		Size		offset;		/* of the first ones */
		char		align;
		bool		may_be_short;	/* with a header of one byte, if it is short */
	}			values[ROW_PATTERN_MAX_COLUMNS];
} RowShape;

/* Many rows of a statement differ in one null: a cell that was empty. */
#define ROW_PATTERN_SHAPES	2

/* The last shapes that rows had; zeroed: none so far. */
typedef struct RowPattern
{
	RowShape	shapes[ROW_PATTERN_SHAPES];
	int			next;			/* to be replaced */
} RowPattern;

extern HeapTuple row_pattern_form(RowPattern *pattern, TupleDesc descriptor, const Datum *values, const bool *nulls);

#endif
