/*
 * index_format.c
 *		What the entries of an index of plain columns or one expression are like.
 *
 * REINDEX forms entries of any types with the server's general functions.  Those of
 * our tables are of few kinds, whose bytes are put together here directly: one or two
 * columns of bigint and integer, or one text in the order of its bytes, or one e-mail
 * address, each in its type's default order.
 *
 * Integers are handed on as numbers that unsigned comparison orders.
 */
#include "index_format.h"

#include "catalog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "utils/lsyscache.h"

static bool
has_default_operators(Relation index, int column)
{
	Oid			opclass = GetDefaultOpClass(index->rd_opcintype[column], BTREE_AM_OID);

	return OidIsValid(opclass) && index->rd_opfamily[column] == get_opclass_family(opclass) &&
		index->rd_indoption[column] == 0;
}

/*
 * Finds out what the entries of a btree are like, whose descriptor must outlive the format;
 * what belongs to it is in the current memory context.  False: of no kind that is known here.
 */
bool
index_format_set(IndexFormat *format, Relation index, const IndexInfo *info)
{
	Size		offset = sizeof(IndexTupleData);

	memset(format, 0, sizeof(*format));
	format->descriptor = RelationGetDescr(index);
	if (info->ii_NumIndexAttrs != info->ii_NumIndexKeyAttrs || info->ii_NumIndexAttrs > INDEX_FORMAT_KEYS ||
		(info->ii_NumIndexAttrs > 1 && info->ii_Expressions != NIL) ||
		(info->ii_Unique && info->ii_NullsNotDistinct))
		return false;
	format->key_count = info->ii_NumIndexAttrs;
	for (int i = 0; i < format->key_count; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(format->descriptor, i);

		if (!has_default_operators(index, i))
			return false;
		if (attribute->atttypid == INT8OID || attribute->atttypid == INT4OID)
		{
			offset = att_align_nominal(offset, attribute->attalign);
			format->offsets[i] = offset;
			offset += attribute->attlen;
			continue;
		}
		if (attribute->attstorage == TYPSTORAGE_PLAIN)
			return false;
		format->is_folded = attribute->atttypid == catalog_type("email_address");
		if (format->key_count > 1 || (!format->is_folded && (attribute->atttypid != TEXTOID ||
															 index->rd_indcollation[i] != C_COLLATION_OID)))
			return false;
		format->is_text = true;
	}
	format->size = MAXALIGN(offset);
	if (format->is_text)
		format->null_entry = index_form_tuple(format->descriptor, (Datum[]) {(Datum) 0}, (bool[]) {true});
	return true;
}

/* An integer so that unsigned comparison orders it. */
static uint64
key_of_integer(int64 value)
{
	return (uint64) value ^ ((uint64) 1 << 63);
}

static int64
integer_of_key(uint64 key)
{
	return (int64) (key ^ ((uint64) 1 << 63));
}

/* The keys of an entry of integers, as many as a format may have; false: one of them is null. */
bool
index_format_integers(const IndexFormat *format, const Datum *values, const bool *nulls, uint64 *keys)
{
	memset(keys, 0, sizeof(uint64) * INDEX_FORMAT_KEYS);
	for (int i = 0; i < format->key_count; i++)
	{
		if (nulls[i])
			return false;
		keys[i] = key_of_integer(TupleDescAttr(format->descriptor, i)->attlen == sizeof(int64) ?
								 DatumGetInt64(values[i]) : DatumGetInt32(values[i]));
	}
	return true;
}

/* Makes the entry of a row from its keys. */
void
index_format_put_integers(const IndexFormat *format, const uint64 *keys, const ItemPointerData *tuple,
						  IndexPlace *place)
{
	memset(place->bytes, 0, format->size);
	for (int i = 0; i < format->key_count; i++)
		store_att_byval(place->bytes + format->offsets[i], Int64GetDatum(integer_of_key(keys[i])),
						TupleDescAttr(format->descriptor, i)->attlen);
	place->tuple.t_info = format->size;
	place->tuple.t_tid = *tuple;
}

/* Makes an entry of a text, which has a header of one byte, or of a null. */
void
index_format_put_text(const IndexFormat *format, const TextEntry *entry, IndexPlace *place)
{
	if (entry->text == NULL)
		memcpy(place->bytes, format->null_entry, IndexTupleSize(format->null_entry));
	else
	{
		Size		length = VARSIZE_ANY(entry->text);
		Size		size = MAXALIGN(sizeof(IndexTupleData) + length);

		memset(place->bytes + size - MAXIMUM_ALIGNOF, 0, MAXIMUM_ALIGNOF);
		memcpy(place->bytes + sizeof(IndexTupleData), entry->text, length);
		place->tuple.t_info = size | INDEX_VAR_MASK;
	}
	place->tuple.t_tid = entry->tuple;
}
