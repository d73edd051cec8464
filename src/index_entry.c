/*
 * index_entry.c
 *		Entries of an index in memory, as small as can be, and their order.
 *
 * Sorting a million entries by comparing them goes through all of them twenty times.
 * So they are dealt out by the first bits in which they differ, and what falls
 * together likewise, until it is few: that is in the processor's cache soon (a radix sort
 * from the most significant digit; Knuth, The Art of Computer Programming, 5.2.5).
 *
 * Files often are in order by one column, or in a few pieces that are: numbers that grow have a
 * digit more one day.  These are merged (a natural merge sort; Knuth, 5.2.4).
 */
#include "index_entry.h"

#include "core/email.h"
#include "huge_pages.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

/* So few entries are sorted by comparing them. */
#define FEW_ENTRIES		48

/* Entries are dealt out by so many bits at most, and so that a few of them may fall together. */
#define MAX_DIGIT_BITS	11
#define TOGETHER_BITS	3

/* Entries that are so few runs in order are merged. */
#define MAX_RUNS		8

typedef int (*EntryOrder) (const void *a, const void *b);

static int
compare_tuples(const ItemPointerData *a, const ItemPointerData *b)
{
	return ItemPointerCompare(unconstify(ItemPointerData *, a), unconstify(ItemPointerData *, b));
}

/* The keys of an entry that is not null, of what its text has from the offset on. */
static inline void
set_keys(TextEntry *entry, Size offset, bool folds)
{
	Size		length = VARSIZE_ANY_EXHDR(entry->text);
	char		part[sizeof(entry->keys)] = {0};

	if (length > offset)
		memcpy(part, VARDATA_ANY(entry->text) + offset, Min(length - offset, sizeof(part)));
	if (folds)
		(void) email_fold(part, sizeof(part), part);
	memcpy(entry->keys, part, sizeof(part));
	for (size_t i = 0; i < lengthof(entry->keys); i++)
		entry->keys[i] = pg_ntoh64(entry->keys[i]);
}

/* Sets an entry of a text, which has a header of one byte, or of a null.  The text is not copied. */
void
text_entry_set(TextEntry *entry, const char *text, bool folds, const ItemPointerData *tuple)
{
	entry->text = text;
	entry->tuple = *tuple;
	if (text == NULL)
		memset(entry->keys, 0xFF, sizeof(entry->keys));
	else
		set_keys(entry, 0, folds);
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

/* How the entries of a part are dealt out: by so many bits of the first key, from there on. */
typedef struct Digit
{
	int			shift;
	int			bits;
} Digit;

/* Chooses the first bits in which the entries differ; false: the first keys are all the same. */
static pg_attribute_always_inline bool
choose_digit(const char *entries, int64 count, Size size, Digit *digit)
{
	const uint64 key = first_key(entries);
	uint64		differing = 0;
	int			first_bit;

	for (int64 i = 1; i < count; i++)
		differing |= first_key(entries + i * size) ^ key;
	if (differing == 0)
		return false;
	first_bit = pg_leftmost_one_pos64(differing);
	digit->bits = Min(Min(pg_leftmost_one_pos64(count) - TOGETHER_BITS, MAX_DIGIT_BITS), first_bit + 1);
	digit->shift = first_bit + 1 - digit->bits;
	return true;
}

static inline size_t
digit_of(const char *entry, const Digit *digit)
{
	return (first_key(entry) >> digit->shift) & (((size_t) 1 << digit->bits) - 1);
}

/* Puts entries in the order of a digit, with spare memory for as many. */
static pg_attribute_always_inline void
deal_out(char *entries, char *spare, int64 count, Size size, const Digit *digit)
{
	int64		places[1 << MAX_DIGIT_BITS];
	int64		place = 0;

	memset(places, 0, sizeof(places[0]) << digit->bits);
	for (int64 i = 0; i < count; i++)
		places[digit_of(entries + i * size, digit)]++;
	for (size_t i = 0; i < (size_t) 1 << digit->bits; i++)
	{
		int64		number = places[i];

		places[i] = place;
		place += number;
	}
	for (int64 i = 0; i < count; i++)
	{
		const char *entry = entries + i * size;

		memcpy(spare + places[digit_of(entry, digit)]++ * size, entry, size);
	}
	memcpy(entries, spare, count * size);
}

/* The end of the entries from start on that have a digit in common, and all before it. */
static pg_attribute_always_inline int64
end_of_digit(const char *entries, int64 start, int64 count, Size size, const Digit *digit)
{
	int64		end = start + 1;

	while (end < count && first_key(entries + end * size) >> digit->shift == first_key(entries + start * size) >> digit->shift)
		end++;
	return end;
}

/* Not inlined, so that the recursion below does not take their places from the stack each time. */
static pg_noinline void
deal_out_integers(IntegerEntry *entries, IntegerEntry *spare, int64 count, const Digit *digit)
{
	deal_out((char *) entries, (char *) spare, count, sizeof(IntegerEntry), digit);
}

static pg_noinline void
deal_out_texts(TextEntry *entries, TextEntry *spare, int64 count, const Digit *digit)
{
	deal_out((char *) entries, (char *) spare, count, sizeof(TextEntry), digit);
}

/* Sorts entries with spare memory for as many. */
static void
sort_integers_by_digits(IntegerEntry *entries, IntegerEntry *spare, int64 count)
{
	Digit		digit;
	int64		end;

	if (count <= FEW_ENTRIES || !choose_digit((char *) entries, count, sizeof(IntegerEntry), &digit))
	{
		sort_integers(entries, count);
		return;
	}
	CHECK_FOR_INTERRUPTS();
	deal_out_integers(entries, spare, count, &digit);
	for (int64 start = 0; start < count; start = end)
	{
		end = end_of_digit((char *) entries, start, count, sizeof(IntegerEntry), &digit);
		sort_integers_by_digits(entries + start, spare, end - start);
	}
}

/* The other one of both keys comes first. */
static void
swap_keys(TextEntry *entries, int64 count)
{
	for (int64 i = 0; i < count; i++)
	{
		uint64		key = entries[i].keys[0];

		entries[i].keys[0] = entries[i].keys[1];
		entries[i].keys[1] = key;
	}
}

static bool
second_keys_differ(const TextEntry *entries, int64 count)
{
	for (int64 i = 1; i < count; i++)
		if (entries[i].keys[1] != entries[0].keys[1])
			return true;
	return false;
}

/* Makes the keys of what the texts have from there on; false: they have nothing. */
static bool
take_keys(TextEntry *entries, int64 count, Size offset, bool folds)
{
	bool		have_any = false;

	for (int64 i = 0; i < count; i++)
	{
		if (i + PREFETCHED_TEXTS < count)
			compat_prefetch(entries[i + PREFETCHED_TEXTS].text);
		if (entries[i].text == NULL)
			continue;
		have_any |= VARSIZE_ANY_EXHDR(entries[i].text) > offset;
		set_keys(&entries[i], offset, folds);
	}
	return have_any;
}

/*
 * The same of texts, whose keys are of what they have from the offset on; all before it is
 * the same.  Where the first keys are the same too, the second ones come first, and then
 * what the texts have behind them, as long as it takes to sort them.
 */
static void
sort_texts_by_digits(TextEntry *entries, TextEntry *spare, int64 count, Size offset, bool folds)
{
	Digit		digit;
	int64		end;

	if (count <= FEW_ENTRIES)
		sort_texts(entries, count, &folds);
	else if (choose_digit((char *) entries, count, sizeof(TextEntry), &digit))
	{
		CHECK_FOR_INTERRUPTS();
		deal_out_texts(entries, spare, count, &digit);
		for (int64 start = 0; start < count; start = end)
		{
			end = end_of_digit((char *) entries, start, count, sizeof(TextEntry), &digit);
			sort_texts_by_digits(entries + start, spare, end - start, offset, folds);
		}
	}
	else if (second_keys_differ(entries, count))
	{
		swap_keys(entries, count);
		sort_texts_by_digits(entries, spare, count, offset, folds);
		swap_keys(entries, count);
	}
	else
	{
		const TextEntry common = entries[0];

		if (take_keys(entries, count, offset + sizeof(common.keys), folds))
			sort_texts_by_digits(entries, spare, count, offset + sizeof(common.keys), folds);
		else
			sort_texts(entries, count, &folds);
		for (int64 i = 0; i < count; i++)
			memcpy(entries[i].keys, common.keys, sizeof(common.keys));
	}
}

/* ---- what is in order already ---- */

/*
 * Finds where the runs of entries begin that are in order already, as the rows of a list often are that
 * was sorted, or several such lists; starts has room for one more than MAX_RUNS, and gets the end behind them.
 * Returns how many they are; 0: too many.
 */
static pg_attribute_always_inline int
find_runs(const char *entries, int64 count, Size size, EntryOrder order, int64 *starts)
{
	int			run_count = 1;

	starts[0] = 0;
	for (int64 i = 1; i < count; i++)
		if (order(entries + (i - 1) * size, entries + i * size) > 0)
		{
			if (run_count == MAX_RUNS)
				return 0;
			starts[run_count++] = i;
		}
	starts[run_count] = count;
	return run_count;
}

/* Merges two runs, the second one behind the first, into other memory. */
static pg_attribute_always_inline void
merge_two(const char *entries, int64 middle, int64 count, Size size, EntryOrder order, char *merged)
{
	const char *first = entries;
	const char *first_end = entries + middle * size;
	const char *second = first_end;
	const char *second_end = entries + count * size;

	for (; first < first_end && second < second_end; merged += size)
		if (order(first, second) <= 0)
		{
			memcpy(merged, first, size);
			first += size;
		}
		else
		{
			memcpy(merged, second, size);
			second += size;
		}
	memcpy(merged, first, first_end - first);
	memcpy(merged + (first_end - first), second, second_end - second);
}

/* Sorts entries that are so many runs, each two neighbours in turn, with spare memory for as many. */
static pg_attribute_always_inline void
merge_runs(char *entries, char *spare, int64 *starts, int run_count, Size size, EntryOrder order)
{
	const int64 count = starts[run_count];
	char	   *from = entries;
	char	   *to = spare;

	while (run_count > 1)
	{
		char	   *merged = to;
		int			merged_count = 0;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < run_count; i += 2)
		{
			int64		end = starts[Min(i + 2, run_count)];

			merge_two(from + starts[i] * size, starts[i + 1] - starts[i], end - starts[i], size, order,
					  to + starts[i] * size);
			starts[merged_count++] = starts[i];
		}
		starts[merged_count] = count;
		run_count = merged_count;
		to = from;
		from = merged;
	}
	if (from != entries)
		memcpy(entries, from, count * size);
}

static inline int
order_of_integers(const void *a, const void *b)
{
	return integer_entry_order(a, b);
}

static inline int
order_of_texts(const void *a, const void *b)
{
	return text_entry_order(a, b, false);
}

static inline int
order_of_addresses(const void *a, const void *b)
{
	return text_entry_order(a, b, true);
}

/* ---- all of it ---- */

/*
 * Sorts entries by key, and those with the same one by the places of their rows.  Many
 * need as much memory again for the moment, of the current context.
 */
void
integer_entries_sort(IntegerEntry *entries, int64 count)
{
	int64		starts[MAX_RUNS + 1];
	int			run_count = find_runs((char *) entries, count, sizeof(IntegerEntry), order_of_integers, starts);
	IntegerEntry *spare;

	if (run_count == 1)
		return;
	if (count <= FEW_ENTRIES)
	{
		sort_integers(entries, count);
		return;
	}
	spare = huge_pages_alloc(CurrentMemoryContext, count * sizeof(IntegerEntry), false);
	if (run_count > 0)
		merge_runs((char *) entries, (char *) spare, starts, run_count, sizeof(IntegerEntry), order_of_integers);
	else
		sort_integers_by_digits(entries, spare, count);
	huge_pages_free(spare);
}

/* Sorts entries by text, as addresses if it folds, and equal ones by the places of their rows; memory as above. */
void
text_entries_sort(TextEntry *entries, int64 count, bool folds)
{
	EntryOrder	order = folds ? order_of_addresses : order_of_texts;
	int64		starts[MAX_RUNS + 1];
	int			run_count = find_runs((char *) entries, count, sizeof(TextEntry), order, starts);
	TextEntry  *spare;

	if (run_count == 1)
		return;
	if (count <= FEW_ENTRIES)
	{
		sort_texts(entries, count, &folds);
		return;
	}
	spare = huge_pages_alloc(CurrentMemoryContext, count * sizeof(TextEntry), false);
	if (run_count > 0)
		merge_runs((char *) entries, (char *) spare, starts, run_count, sizeof(TextEntry), order);
	else
		sort_texts_by_digits(entries, spare, count, 0, folds);
	huge_pages_free(spare);
}
