/*
 * index_entry.c
 *		Entries of an index in memory, as small as can be, and their order.
 *
 * Sorting a million entries at once goes through all of them twenty times.  So they
 * are dealt out by their first two bytes first, which takes two times, and then each
 * run is sorted by itself, while it is in the processor's cache.
 */
#include "index_entry.h"

#include "core/email.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

/* So few entries are sorted at once. */
#define FEW_ENTRIES		1000

static int
compare_tuples(const ItemPointerData *a, const ItemPointerData *b)
{
	return ItemPointerCompare(unconstify(ItemPointerData *, a), unconstify(ItemPointerData *, b));
}

/* Sets an entry of a text, which has a header of one byte, or of a null.  The text is not copied. */
void
text_entry_set(TextEntry *entry, const char *text, bool folds, const ItemPointerData *tuple)
{
	char		head[sizeof(entry->keys)] = {0};

	entry->text = text;
	entry->tuple = *tuple;
	if (text == NULL)
	{
		memset(entry->keys, 0xFF, sizeof(entry->keys));
		return;
	}
	memcpy(head, VARDATA_ANY(text), Min(VARSIZE_ANY_EXHDR(text), sizeof(head)));
	if (folds)
		(void) email_fold(head, sizeof(head), head);
	memcpy(entry->keys, head, sizeof(head));
	for (size_t i = 0; i < lengthof(entry->keys); i++)
		entry->keys[i] = pg_ntoh64(entry->keys[i]);
}

/* Compares the texts of entries whose keys are equal; a null comes last. */
static int
compare_texts(const TextEntry *a, const TextEntry *b, bool folds)
{
	Size		a_length;
	Size		b_length;
	int			order;

	if (a->text == NULL || b->text == NULL)
		return (a->text == NULL) - (b->text == NULL);
	a_length = VARSIZE_ANY_EXHDR(a->text);
	b_length = VARSIZE_ANY_EXHDR(b->text);
	if (folds)
		return email_compare(VARDATA_ANY(a->text), a_length, VARDATA_ANY(b->text), b_length);
	order = memcmp(VARDATA_ANY(a->text), VARDATA_ANY(b->text), Min(a_length, b_length));
	return order != 0 ? order : (int) a_length - (int) b_length;
}

/* Compares what the entries say: texts byte by byte, or as addresses if it folds; not where their rows are. */
int
text_entry_compare(const TextEntry *a, const TextEntry *b, bool folds)
{
	for (size_t i = 0; i < lengthof(a->keys); i++)
		if (a->keys[i] != b->keys[i])
			return a->keys[i] < b->keys[i] ? -1 : 1;
	return compare_texts(a, b, folds);
}

/* The same, and of equal texts the one whose row comes first in the table is less. */
int
text_entry_order(const TextEntry *a, const TextEntry *b, bool folds)
{
	int			order = text_entry_compare(a, b, folds);

	return order != 0 ? order : compare_tuples(&a->tuple, &b->tuple);
}

/* By key, and where that is the same by the place of the row. */
int
integer_entry_order(const IntegerEntry *a, const IntegerEntry *b)
{
	return a->key != b->key ? (a->key < b->key ? -1 : 1) : compare_tuples(&a->tuple, &b->tuple);
}

#define ST_SORT sort_integers
#define ST_ELEMENT_TYPE IntegerEntry
#define ST_COMPARE(a, b) integer_entry_order(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_texts
#define ST_ELEMENT_TYPE TextEntry
#define ST_COMPARE_ARG_TYPE const bool
#define ST_COMPARE(a, b, folds) \
	(a->keys[0] != b->keys[0] ? (a->keys[0] < b->keys[0] ? -1 : 1) : text_entry_order(a, b, *folds))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Both kinds of entries begin with the number that sorts first. */
StaticAssertDecl(offsetof(IntegerEntry, key) == 0 && offsetof(TextEntry, keys) == 0, "an entry begins with its key");

static inline uint64
first_key(const char *entry)
{
	return *(const uint64 *) entry;
}

/*
 * Copies the entries in the order of one byte of their first keys.  Entries with the same byte keep their order.
 */
static inline void
deal_out(const char *from, char *to, int64 count, Size size, int shift)
{
	int64		places[256] = {0};
	int64		place = 0;

	for (int64 i = 0; i < count; i++)
		places[(first_key(from + i * size) >> shift) & 0xFF]++;
	for (size_t i = 0; i < lengthof(places); i++)
	{
		int64		number = places[i];

		places[i] = place;
		place += number;
	}
	for (int64 i = 0; i < count; i++)
	{
		const char *entry = from + i * size;

		memcpy(to + places[(first_key(entry) >> shift) & 0xFF]++ * size, entry, size);
	}
}

/*
 * Sorts entries of a size by the first two bytes of their keys.  That needs as much
 * memory again for the moment, of the current context.
 */
static inline void
deal_out_twice(char *entries, int64 count, Size size)
{
	char	   *dealt = MemoryContextAllocHuge(CurrentMemoryContext, count * size);

	deal_out(entries, dealt, count, size, 48);
	deal_out(dealt, entries, count, size, 56);
	pfree(dealt);
}

/* The end of the run of entries from start on that have the first two bytes in common. */
static inline int64
end_of_run(const char *entries, int64 start, int64 count, Size size)
{
	int64		end = start + 1;

	while (end < count && first_key(entries + end * size) >> 48 == first_key(entries + start * size) >> 48)
		end++;
	return end;
}

/* Sorts entries by key, and those with the same one by the places of their rows. */
void
integer_entries_sort(IntegerEntry *entries, int64 count)
{
	int64		end;

	if (count <= FEW_ENTRIES)
	{
		sort_integers(entries, count);
		return;
	}
	deal_out_twice((char *) entries, count, sizeof(IntegerEntry));
	for (int64 start = 0; start < count; start = end)
	{
		end = end_of_run((char *) entries, start, count, sizeof(IntegerEntry));
		sort_integers(entries + start, end - start);
	}
}

/* Sorts entries by text, as addresses if it folds, and equal ones by the places of their rows. */
void
text_entries_sort(TextEntry *entries, int64 count, bool folds)
{
	int64		end;

	if (count <= FEW_ENTRIES)
	{
		sort_texts(entries, count, &folds);
		return;
	}
	deal_out_twice((char *) entries, count, sizeof(TextEntry));
	for (int64 start = 0; start < count; start = end)
	{
		end = end_of_run((char *) entries, start, count, sizeof(TextEntry));
		sort_texts(entries + start, end - start, &folds);
	}
}
