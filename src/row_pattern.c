/*
 * row_pattern.c
 *		Forms the tuples of rows of which many are alike.
 *
 * heap_form_tuple() finds out for each row anew what is the same for nearly all
 * rows of a table: which columns are null, and so the header, and how each value is
 * stored.  Here that is kept from one row to the next that has the same nulls.
 *
 * A row may have fewer columns than its table: what it lacks is null, as of a row that is
 * older than a column that was added.  So nulls at its end are left out, and with them a
 * part of the header.
 */
#include "row_pattern.h"

#include "access/tupmacs.h"
#include "utils/memutils.h"

/* How many columns the row has without the nulls at its end. */
static int
count_stored(TupleDesc descriptor, const bool *nulls)
{
	int			count = descriptor->natts;

	/* what a column that was added has for former rows would be seen instead of a null */
	while (count > 1 && nulls[count - 1] && !TupleDescAttr(descriptor, count - 1)->atthasmissing)
		count--;
	return count;
}

/* Makes the header of the server's tuple that of rows without the nulls at their end. */
static void
set_head(RowPattern *pattern, HeapTupleHeader header, int stored, bool has_nulls)
{
	HeapTupleHeader head = (HeapTupleHeader) pattern->head;

	pattern->head_size = MAXALIGN(SizeofHeapTupleHeader + (has_nulls ? BITMAPLEN(stored) : 0));
	memcpy(pattern->head, header, SizeofHeapTupleHeader);
	memset(pattern->head + SizeofHeapTupleHeader, 0, pattern->head_size - SizeofHeapTupleHeader);
	if (has_nulls)
		memcpy(head->t_bits, header->t_bits, BITMAPLEN(stored));
	else
		head->t_infomask &= ~HEAP_HASNULL;
	HeapTupleHeaderSetNatts(head, stored);
	head->t_hoff = pattern->head_size;
}

/* Remembers what the tuple, which the server has formed, has in common with others, if they are of that kind. */
static void
set_pattern(RowPattern *pattern, TupleDesc descriptor, HeapTuple tuple, const bool *nulls)
{
	int			stored = count_stored(descriptor, nulls);
	bool		has_nulls = false;

	pattern->column_count = 0;
	pattern->count = 0;
	if (descriptor->natts > ROW_PATTERN_MAX_COLUMNS || HeapTupleHasExternal(tuple))
		return;
	for (int i = 0; i < stored; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		has_nulls |= nulls[i];
		if (nulls[i])
			continue;
		if (!attribute->attbyval && attribute->attlen != -1)
			return;
		pattern->values[pattern->count].column = i;
		pattern->values[pattern->count].length = attribute->attlen;
		pattern->values[pattern->count].align = attribute->attalign;
		pattern->values[pattern->count++].may_be_short = attribute->attlen == -1 &&
			attribute->attstorage != TYPSTORAGE_PLAIN;
	}
	memcpy(pattern->nulls, nulls, sizeof(bool) * descriptor->natts);
	set_head(pattern, tuple->t_data, stored, has_nulls);
	pattern->column_count = descriptor->natts;
}

/* The bytes of all values together, as they will lie in the row; 0: the server has to store one of them. */
static Size
data_size(const RowPattern *pattern, const Datum *values)
{
	Size		size = 0;

	for (int i = 0; i < pattern->count; i++)
	{
		Pointer		value = DatumGetPointer(values[pattern->values[i].column]);

		if (pattern->values[i].length > 0)
			size = att_align_nominal(size, pattern->values[i].align) + pattern->values[i].length;
		else if (VARATT_IS_EXTERNAL(value))
			return 0;
		else if (VARATT_IS_SHORT(value))
			size += VARSIZE_SHORT(value);
		else if (pattern->values[i].may_be_short && VARATT_CAN_MAKE_SHORT(value))
			size += VARATT_CONVERTED_SHORT_SIZE(value);
		else
			size = att_align_nominal(size, pattern->values[i].align) + VARSIZE(value);
	}
	return size;
}

/* Where the next value of that alignment begins; what is left out is zeroed. */
static inline char *
align_data(char *data, const char *begin, char align)
{
	char	   *aligned = unconstify(char *, begin) + att_align_nominal(data - begin, align);

	while (data < aligned)
		*data++ = '\0';
	return data;
}

/* Stores the values one behind the other. */
static void
store_data(const RowPattern *pattern, const Datum *values, char *data)
{
	const char *begin = data;

	for (int i = 0; i < pattern->count; i++)
	{
		Datum		datum = values[pattern->values[i].column];
		Pointer		value = DatumGetPointer(datum);
		Size		size;

		if (pattern->values[i].length > 0)
		{
			data = align_data(data, begin, pattern->values[i].align);
			store_att_byval(data, datum, pattern->values[i].length);
			data += pattern->values[i].length;
			continue;
		}
		if (!VARATT_IS_SHORT(value) && pattern->values[i].may_be_short && VARATT_CAN_MAKE_SHORT(value))
		{
			size = VARATT_CONVERTED_SHORT_SIZE(value);
			SET_VARSIZE_SHORT(data, size);
			memcpy(data + VARHDRSZ_SHORT, VARDATA(value), size - VARHDRSZ_SHORT);
		}
		else
		{
			if (!VARATT_IS_SHORT(value))
				data = align_data(data, begin, pattern->values[i].align);
			size = VARSIZE_ANY(value);
			memcpy(data, value, size);
		}
		data += size;
	}
}

/* The row as a tuple, palloc'd. */
HeapTuple
row_pattern_form(RowPattern *pattern, TupleDesc descriptor, const Datum *values, const bool *nulls)
{
	HeapTuple	tuple;
	HeapTuple	server_tuple = NULL;
	Size		size = 0;

	if (pattern->column_count != descriptor->natts ||
		memcmp(nulls, pattern->nulls, sizeof(bool) * descriptor->natts) != 0)
	{
		server_tuple = heap_form_tuple(descriptor, unconstify(Datum *, values), unconstify(bool *, nulls));
		set_pattern(pattern, descriptor, server_tuple, nulls);
	}
	if (pattern->column_count != 0)
		size = data_size(pattern, values);
	if (size == 0)
		return server_tuple ? server_tuple :
			heap_form_tuple(descriptor, unconstify(Datum *, values), unconstify(bool *, nulls));
	if (server_tuple != NULL)
		heap_freetuple(server_tuple);
	tuple = palloc(HEAPTUPLESIZE + pattern->head_size + size);
	tuple->t_len = pattern->head_size + size;
	ItemPointerSetInvalid(&tuple->t_self);
	tuple->t_tableOid = InvalidOid;
	tuple->t_data = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
	memcpy(tuple->t_data, pattern->head, pattern->head_size);
	HeapTupleHeaderSetDatumLength(tuple->t_data, tuple->t_len);
	store_data(pattern, values, (char *) tuple->t_data + pattern->head_size);
	return tuple;
}
