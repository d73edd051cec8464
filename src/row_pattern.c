/*
 * row_pattern.c
 *		Forms the tuples of rows of which many are alike.
 *
 * heap_form_tuple() finds out for each row anew what is the same for nearly all
 * rows of a table: which columns are null, and so the header, and how each value is
 * stored.  Here that is kept for the rows to come that have the same nulls; the values of
 * fixed length that come first have their places, too.
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
set_head(RowShape *shape, HeapTupleHeader header, int stored, bool has_nulls)
{
	HeapTupleHeader head = (HeapTupleHeader) shape->head;

	shape->head_size = MAXALIGN(SizeofHeapTupleHeader + (has_nulls ? BITMAPLEN(stored) : 0));
	memcpy(shape->head, header, SizeofHeapTupleHeader);
	memset(shape->head + SizeofHeapTupleHeader, 0, shape->head_size - SizeofHeapTupleHeader);
	if (has_nulls)
		memcpy(head->t_bits, header->t_bits, BITMAPLEN(stored));
	else
		head->t_infomask &= ~HEAP_HASNULL;
	HeapTupleHeaderSetNatts(head, stored);
	head->t_hoff = shape->head_size;
}

/* Remembers what the tuple, which the server has formed, has in common with others, if they are of that kind. */
static void
set_shape(RowShape *shape, TupleDesc descriptor, HeapTuple tuple, const bool *nulls)
{
	int			stored = count_stored(descriptor, nulls);
	bool		has_nulls = false;

	shape->column_count = 0;
	shape->count = 0;
	shape->fixed_count = 0;
	shape->fixed_size = 0;
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
		if (attribute->attlen > 0 && shape->fixed_count == shape->count)
		{
			shape->fixed_size = att_align_nominal(shape->fixed_size, attribute->attalign) + attribute->attlen;
			shape->values[shape->fixed_count++].offset = shape->fixed_size - attribute->attlen;
		}
		shape->values[shape->count].column = i;
		shape->values[shape->count].length = attribute->attlen;
		shape->values[shape->count].align = attribute->attalign;
		shape->values[shape->count++].may_be_short = attribute->attlen == -1 &&
			attribute->attstorage != TYPSTORAGE_PLAIN;
	}
	memcpy(shape->nulls, nulls, sizeof(bool) * descriptor->natts);
	set_head(shape, tuple->t_data, stored, has_nulls);
	shape->column_count = descriptor->natts;
}

/* The bytes of all values together, as they will lie in the row; 0: the server has to store one of them. */
static Size
data_size(const RowShape *shape, const Datum *values)
{
	Size		size = shape->fixed_size;

	for (int i = shape->fixed_count; i < shape->count; i++)
	{
		Pointer		value = DatumGetPointer(values[shape->values[i].column]);

		if (shape->values[i].length > 0)
			size = att_align_nominal(size, shape->values[i].align) + shape->values[i].length;
		else if (VARATT_IS_EXTERNAL(value))
			return 0;
		else if (VARATT_IS_SHORT(value))
			size += VARSIZE_SHORT(value);
		else if (shape->values[i].may_be_short && VARATT_CAN_MAKE_SHORT(value))
			size += VARATT_CONVERTED_SHORT_SIZE(value);
		else
			size = att_align_nominal(size, shape->values[i].align) + VARSIZE(value);
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
store_data(const RowShape *shape, const Datum *values, char *data)
{
	const char *begin = data;
	Size		end = 0;

	for (int i = 0; i < shape->fixed_count; i++)
	{
		while (end < shape->values[i].offset)
			data[end++] = '\0';
		store_att_byval(data + end, values[shape->values[i].column], shape->values[i].length);
		end += shape->values[i].length;
	}
	data += end;
	for (int i = shape->fixed_count; i < shape->count; i++)
	{
		Datum		datum = values[shape->values[i].column];
		Pointer		value = DatumGetPointer(datum);
		Size		size;

		if (shape->values[i].length > 0)
		{
			data = align_data(data, begin, shape->values[i].align);
			store_att_byval(data, datum, shape->values[i].length);
			data += shape->values[i].length;
			continue;
		}
		if (!VARATT_IS_SHORT(value) && shape->values[i].may_be_short && VARATT_CAN_MAKE_SHORT(value))
		{
			size = VARATT_CONVERTED_SHORT_SIZE(value);
			SET_VARSIZE_SHORT(data, size);
			memcpy(data + VARHDRSZ_SHORT, VARDATA(value), size - VARHDRSZ_SHORT);
		}
		else
		{
			if (!VARATT_IS_SHORT(value))
				data = align_data(data, begin, shape->values[i].align);
			size = VARSIZE_ANY(value);
			memcpy(data, value, size);
		}
		data += size;
	}
}

/* The shape of rows with these nulls, NULL if none of those that are kept is. */
static RowShape *
find_shape(RowPattern *pattern, TupleDesc descriptor, const bool *nulls)
{
	for (int i = 0; i < ROW_PATTERN_SHAPES; i++)
		if (pattern->shapes[i].column_count == descriptor->natts &&
			memcmp(nulls, pattern->shapes[i].nulls, sizeof(bool) * descriptor->natts) == 0)
			return &pattern->shapes[i];
	return NULL;
}

/* The row as a tuple, palloc'd. */
HeapTuple
row_pattern_form(RowPattern *pattern, TupleDesc descriptor, const Datum *values, const bool *nulls)
{
	RowShape   *shape = find_shape(pattern, descriptor, nulls);
	HeapTuple	tuple;
	HeapTuple	server_tuple = NULL;
	Size		size = 0;

	if (shape == NULL)
	{
		server_tuple = heap_form_tuple(descriptor, unconstify(Datum *, values), unconstify(bool *, nulls));
		shape = &pattern->shapes[pattern->next];
		pattern->next = (pattern->next + 1) % ROW_PATTERN_SHAPES;
		set_shape(shape, descriptor, server_tuple, nulls);
	}
	if (shape->column_count != 0)
		size = data_size(shape, values);
	if (size == 0)
		return server_tuple ? server_tuple :
			heap_form_tuple(descriptor, unconstify(Datum *, values), unconstify(bool *, nulls));
	if (server_tuple != NULL)
		heap_freetuple(server_tuple);
	tuple = palloc(HEAPTUPLESIZE + shape->head_size + size);
	tuple->t_len = shape->head_size + size;
	ItemPointerSetInvalid(&tuple->t_self);
	tuple->t_tableOid = InvalidOid;
	tuple->t_data = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
	memcpy(tuple->t_data, shape->head, shape->head_size);
	HeapTupleHeaderSetDatumLength(tuple->t_data, tuple->t_len);
	store_data(shape, values, (char *) tuple->t_data + shape->head_size);
	return tuple;
}
