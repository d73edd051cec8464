/*
 * index_format.h
 *		What the entries of an index of plain columns or one expression are like.
 */
#ifndef ORGSYNC_INDEX_FORMAT_H
#define ORGSYNC_INDEX_FORMAT_H

#include "index_entry.h"

#include "access/itup.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

#define INDEX_FORMAT_KEYS	2

/* Texts that have a header of one byte in an index entry. */
#define MAX_TEXT_LENGTH	(VARATT_SHORT_MAX - VARHDRSZ_SHORT)

typedef struct IndexFormat
{
	TupleDesc	descriptor;
	bool		is_text;		/* one text, else integers */
	bool		is_folded;		/* the text is an address */
	int			key_count;
	Size		offsets[INDEX_FORMAT_KEYS]; /* of integers in an entry */
	Size		size;			/* of an entry of integers */
	IndexTuple	null_entry;		/* of a text that is null */
} IndexFormat;

/* An entry as it lies in a page. */
typedef union IndexPlace
{
	IndexTupleData tuple;
	char		bytes[MAXALIGN(sizeof(IndexTupleData) + VARATT_SHORT_MAX)];
} IndexPlace;

extern bool index_format_set(IndexFormat *format, Relation index, const IndexInfo *info);
extern bool index_format_integers(const IndexFormat *format, const Datum *values, const bool *nulls, uint64 *keys);
extern void index_format_put_integers(const IndexFormat *format, const uint64 *keys, const ItemPointerData *tuple,
									  IndexPlace *place);
extern void index_format_put_text(const IndexFormat *format, const TextEntry *entry, IndexPlace *place);

#endif
