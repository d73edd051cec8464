/*
 * index_entry.h
 *		Entries of an index in memory, as small as can be, and their order.
 */
#ifndef ORGSYNC_INDEX_ENTRY_H
#define ORGSYNC_INDEX_ENTRY_H

#include "compat.h"

#include "storage/itemptr.h"

/*
 * An entry of integers.  The key has its sign turned, so that it sorts as an unsigned
 * number; of entries that are not gathered it is the second one, since they have the
 * first in common.
 */
typedef struct IntegerEntry
{
	uint64		key;
	ItemPointerData tuple;
} IntegerEntry;

/* Texts lie in the order of the rows, not of the entries: they are asked for so many entries before they are read. */
#define PREFETCHED_TEXTS	8

/* An entry of a text: its first bytes as numbers, folded if it is an address, and the text with its header. */
typedef struct TextEntry
{
	uint64		keys[2];
	const char *text;			/* NULL: null */
	ItemPointerData tuple;
} TextEntry;

/* An entry of either kind, and many. */
typedef union IndexEntry
{
	IntegerEntry integer;
	TextEntry	text;
} IndexEntry;

typedef union IndexEntries
{
	IntegerEntry *integers;
	TextEntry  *texts;
	void	   *any;
} IndexEntries;

extern void text_entry_set(TextEntry *entry, const char *text, bool folds, const ItemPointerData *tuple);
extern int	text_entry_compare(const TextEntry *a, const TextEntry *b, bool folds);
extern int	text_entry_order(const TextEntry *a, const TextEntry *b, bool folds);
extern int	integer_entry_order(const IntegerEntry *a, const IntegerEntry *b);
extern void integer_entries_sort(IntegerEntry *entries, int64 count);
extern void text_entries_sort(TextEntry *entries, int64 count, bool folds);

#endif
