/*
 * similar_unnamed.c
 *		Remembers which halves of local parts people without a name have.
 *
 * Who has a name is mostly looked for where a few others have none, and none of
 * these is near: the four searches for halves then find nothing, and take as long as
 * half of all the rest.  A session that asks often while nobody writes reads the keys
 * of all halves once, in order, and goes by them until a transaction that has written
 * something ends; as with the rules, see duplicate_rules_read().
 *
 * The keys are the session's, of the account that was asked about last.
 */
#include "similar_unnamed.h"

#include "access/genam.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Reading a page takes as long as so many questions save; more pages are not worth the memory. */
#define ASKED_PER_PAGE	8
#define MAX_PAGES		64

static struct
{
	Oid			profiles_oid;
	uint64		completion_count;	/* while it stays, so do the halves */
	uint64		asked;			/* so often since then */
	bool		is_known;
	uint64	   *keys;			/* sorted; NULL: none were needed so far */
	size_t		count;
	size_t		capacity;
}			last_asked;

static void
note_keys(SimilarProbe *probe, SimilarIndex index, int64 from, int64 to)
{
	IndexScanDesc scan = similar_probe_keys(probe, index, from, to);

	while (index_getnext_tid(scan, ForwardScanDirection) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (last_asked.count == last_asked.capacity)
		{
			size_t		capacity = Max(last_asked.capacity * 2, 1024);

			last_asked.keys = last_asked.keys == NULL ?
				MemoryContextAlloc(TopMemoryContext, sizeof(uint64) * capacity) :
				repalloc_huge(last_asked.keys, sizeof(uint64) * capacity);
			last_asked.capacity = capacity;
		}
		last_asked.keys[last_asked.count++] = similar_probe_key(scan);
	}
}

static int
compare_keys(const void *a, const void *b)
{
	return (*(const uint64 *) a > *(const uint64 *) b) - (*(const uint64 *) a < *(const uint64 *) b);
}

/* May anybody have no name?  If nobody ever had none there is but the index's first page. */
bool
similar_unnamed_any(SimilarProbe *probe)
{
	return RelationGetNumberOfBlocks(similar_probe_index(probe, SIMILAR_BY_UNNAMED)) > 1;
}

static void
read_keys(SimilarProbe *probe)
{
	last_asked.count = 0;
	if (!similar_unnamed_any(probe))
		return;
	note_keys(probe, SIMILAR_BY_UNNAMED, PG_INT64_MIN, PG_INT64_MAX);
	note_keys(probe, SIMILAR_BY_PERSON, PG_INT64_MIN, -1);
	if (last_asked.count > 1)
		qsort(last_asked.keys, last_asked.count, sizeof(uint64), compare_keys);
}

/* Are the halves of the probe's account known, so that the functions below may be asked? */
bool
similar_unnamed_known(SimilarProbe *probe)
{
	BlockNumber pages;

	if (probe->completion_count == 0)
		return false;
	if (probe->completion_count != last_asked.completion_count ||
		RelationGetRelid(probe->profiles) != last_asked.profiles_oid)
	{
		last_asked.completion_count = probe->completion_count;
		last_asked.profiles_oid = RelationGetRelid(probe->profiles);
		last_asked.asked = 0;
		last_asked.is_known = false;
	}
	if (last_asked.is_known)
		return true;
	pages = RelationGetNumberOfBlocks(similar_probe_index(probe, SIMILAR_BY_UNNAMED));
	if (pages > MAX_PAGES || ++last_asked.asked < (uint64) (pages - 1) * ASKED_PER_PAGE)
		return false;
	/* whatever was committed before the probe began is in the indexes by now */
	read_keys(probe);
	last_asked.is_known = true;
	return true;
}

/* Has nobody a half? */
bool
similar_unnamed_nobody(void)
{
	return last_asked.count == 0;
}

/* May somebody without a name have a half of that range, and be near to the address? */
bool
similar_unnamed_has(const similar_address *address, const similar_range *half)
{
	size_t		low = 0;
	size_t		high = last_asked.count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (last_asked.keys[middle] < half->from)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < last_asked.count && last_asked.keys[low] <= half->to; low++)
		if (similar_half_is_near(address, last_asked.keys[low]))
			return true;
	return false;
}
