/*
 * feed_records.c
 *		What each feed's records were, by hash.
 *
 * Table "feed_records" keeps, of each profile and feed, the hash of the record
 * that stands for it: who comes with the same record again changes nothing, as
 * long as nobody has written to the profile meanwhile.  How an import uses it is
 * in import_unchanged.c, and how it is stored in feed_record_rows.c; here it is in
 * memory.
 *
 * A record takes 20 bytes, and 6 more in the index.  Records lie in the order of
 * profiles, so that the set of those whom a file holds is found in that order.  What
 * a file asks for lies anywhere in both, so they are in huge pages if possible
 * (measured, 4 million records: a tenth of a re-import).
 *
 * Who was written to since is in doubt (feed_doubts.c).  The next import of each feed
 * heeds the doubts, and takes away those that it has seen, before anything was decided;
 * later ones wait for the next.
 */
#include "feed_records.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "huge_pages.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

/* What the index has of a record is fetched into the processor's cache so long before it is its turn. */
#define INDEX_STEP		24

/* The record itself, so many records of the file after what the index has of it. */
#define RECORD_STEP		16

StaticAssertDecl(sizeof(FeedRecord) == 20, "records are stored as they are in memory");

/* Where a profile's record would be if profiles were missing among the records everywhere alike. */
static int64
guess_position(const FeedRecord *records, int64 count, uint32 profile_id)
{
	uint32		first = feed_record_profile(&records[0]);
	uint32		last = feed_record_profile(&records[count - 1]);

	if (profile_id <= first || profile_id > last)
		return profile_id <= first ? 0 : count - 1;
	return (int64) (profile_id - first) * (count - 1) / (last - first);
}

/*
 * The first of the records whose profile is not less.  It is sought around the place
 * where it is likely to be, twice as far each time, and halving what is left.
 */
static int64
lower_bound(const FeedRecord *records, int64 count, uint32 profile_id)
{
	int64		low = 0;
	int64		high = count;
	int64		reach = 1;
	int64		position = count == 0 ? 0 : guess_position(records, count, profile_id);

	while (low < high)
	{
		if (feed_record_profile(&records[position]) < profile_id)
		{
			low = position + 1;
			position = Min(low + reach, low + (high - low) / 2);
		}
		else
		{
			high = position;
			position = Max(high - 1 - reach, low + (high - low) / 2);
		}
		reach *= 2;
	}
	return low;
}

/* A record with its place in the table, to sort by. */
typedef struct PlacedRecord
{
	FeedRecord	record;
	uint32		place;
} PlacedRecord;

static int
compare_placed(const void *a, const void *b)
{
	const PlacedRecord *left = a;
	const PlacedRecord *right = b;

	CHECK_FOR_INTERRUPTS();
	if (left->record.profile_id != right->record.profile_id)
		return left->record.profile_id < right->record.profile_id ? -1 : 1;
	return (left->place > right->place) - (left->place < right->place);
}

/*
 * Leaves the last record of each profile, in the order of profiles.  Nearly all
 * are in order, from the last time that all was written; what was appended since
 * replaces them in place, and only profiles that are new among it are sorted in.
 */
static void
put_in_order(FeedRecords *records)
{
	FeedRecord *all = records->records;
	PlacedRecord *others;
	int64		sorted = Min(records->stored_count, 1);
	int64		other_count = 0;
	int64		count = 0;
	int64		end;

	while (sorted < records->stored_count && all[sorted - 1].profile_id < all[sorted].profile_id)
		sorted++;
	records->count = sorted;
	if (sorted == records->stored_count)
		return;

	others = MemoryContextAllocHuge(records->context, (records->stored_count - sorted) * sizeof(PlacedRecord));
	for (int64 i = sorted; i < records->stored_count; i++)
	{
		int64		position = lower_bound(all, sorted, all[i].profile_id);

		if (position < sorted && all[position].profile_id == all[i].profile_id)
			all[position] = all[i];
		else
		{
			others[other_count].record = all[i];
			others[other_count].place = (uint32) i;
			other_count++;
		}
	}
	if (other_count > 1)
		qsort(others, other_count, sizeof(PlacedRecord), compare_placed);
	for (int64 i = 0; i < other_count; i++)
	{
		if (count > 0 && others[count - 1].record.profile_id == others[i].record.profile_id)
			count--;
		others[count++] = others[i];
	}

	/* from the end, into the room of what was appended */
	records->count = end = sorted + count;
	while (count > 0)
	{
		if (sorted > 0 && all[sorted - 1].profile_id > others[count - 1].record.profile_id)
			all[--end] = all[--sorted];
		else
			all[--end] = others[--count].record;
	}
	pfree(others);
}

/* Takes a record away; does the present file have it? */
static bool
take_away(FeedRecords *records, FeedRecord *record)
{
	if (feed_record_is_empty(record))
		return false;
	memset(&record->hash, 0, sizeof(record->hash));
	profile_list_add(&records->doubted, feed_record_profile(record));
	return (record->profile_id & FEED_RECORD_SEEN) != 0;
}

/* Takes away the records of profiles in a row; does the present file have one of them? */
static bool
take_away_run(FeedRecords *records, int64 first, int64 last)
{
	bool		concerns_seen = false;
	int64		position;

	if (first > FEED_RECORD_MAX_PROFILE)
		return false;
	position = lower_bound(records->records, records->count, (uint32) Max(first, 0));
	while (position < records->count && feed_record_profile(&records->records[position]) <= last)
		concerns_seen |= take_away(records, &records->records[position++]);
	return concerns_seen;
}

/*
 * Heeds the doubts that there are and that were not heeded yet.  Returns whether
 * a record is in doubt that the present file has.
 */
static bool
heed_doubts(FeedRecords *records, const Account *account, const char *feed)
{
	SqlArgument argument = sql_text(feed);
	bool		concerns_seen = false;
	uint64		count = sql_run(account, "SELECT coalesce(doubt_id, gen_random_uuid()),"
								" coalesce(profile_runs, NULL::bigint[]),"
								" (only_feed IS NULL OR only_feed = $1) AND except_feed IS DISTINCT FROM $1"
								" FROM @account.feed_record_doubts WHERE only_feed IS NULL OR only_feed = $1",
								1, &argument);

	for (int i = 0; i < (int) count; i++)
	{
		bool		isnull;
		bool		is_known;
		Datum		profile_runs;

		(void) hash_search(records->doubts, DatumGetUUIDP(sql_value(i, 0, &isnull)), HASH_ENTER, &is_known);
		if (is_known || !DatumGetBool(sql_value(i, 2, &isnull)))
			continue;
		profile_runs = sql_value(i, 1, &isnull);
		if (isnull)
			concerns_seen |= take_away_run(records, 0, FEED_RECORD_MAX_PROFILE);
		else
		{
			ArrayType  *array = DatumGetArrayTypeP(profile_runs);
			const int64 *bounds = (const int64 *) ARR_DATA_PTR(array);
			int			bound_count = ARR_HASNULL(array) ? 0 : ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

			for (int j = 0; j + 1 < bound_count; j += 2)
				concerns_seen |= take_away_run(records, bounds[j], bounds[j + 1]);
		}
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	return concerns_seen;
}

static inline uint64
slot_of(const FeedRecords *records, const FeedRecordHash *hash)
{
	return ((uint64) hash->words[0] * records->index_size) >> 32;
}

static inline uint64
next_slot(const FeedRecords *records, uint64 slot)
{
	return slot + 1 == records->index_size ? 0 : slot + 1;
}

/* The position of a record of the index, + 1. */
static inline uint32
position_of(const FeedRecords *records, uint32 entry)
{
	return entry & (((uint32) 1 << records->position_bits) - 1);
}

/* What the index has of a hash. */
static inline uint32
part_of_hash(const FeedRecords *records, const FeedRecordHash *hash)
{
	return hash->words[1] << records->position_bits;
}

static void
make_index(FeedRecords *records)
{
	records->index_size = (uint32) Min(records->count + records->count / 2 + 16, PG_UINT32_MAX);
	records->position_bits = pg_leftmost_one_pos64((uint64) records->count + 1) + 1;
	records->index = huge_pages_alloc(records->context, sizeof(uint32) * records->index_size, true);
	for (int64 i = 0; i < records->count; i++)
	{
		const FeedRecord *record = &records->records[i];
		uint64		slot = slot_of(records, &record->hash);

		if (i % INDEX_STEP == 0)
			CHECK_FOR_INTERRUPTS();
		if (i + INDEX_STEP < records->count)
			compat_prefetch(&records->index[slot_of(records, &record[INDEX_STEP].hash)]);
		if (feed_record_is_empty(record))
			continue;
		while (records->index[slot] != 0)
			slot = next_slot(records, slot);
		records->index[slot] = part_of_hash(records, &record->hash) | (uint32) (i + 1);
	}
}

/*
 * Reads the records of a feed that are beyond doubt, into a memory context of
 * their own below the current one; only_doubts: none of them, but who wants to
 * write all anew settles the doubts with it.
 */
FeedRecords *
feed_records_load(const Account *account, const char *feed, bool only_doubts)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync feed records",
												  ALLOCSET_DEFAULT_SIZES);
	FeedRecords *records = MemoryContextAllocZero(context, sizeof(FeedRecords));
	HASHCTL		control = {.keysize = UUID_LEN,.entrysize = UUID_LEN};
	OwnerContext owner;

	records->context = records->doubted.context = context;
	control.hcxt = context;
	records->doubts = hash_create("orgsync heeded doubts", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	account_become_owner(account, &owner);
	if (!only_doubts)
	{
		feed_record_rows_read(records, account, feed);
		put_in_order(records);
	}
	(void) heed_doubts(records, account, feed);
	account_restore_user(&owner);
	make_index(records);
	return records;
}

/* Has anybody written meanwhile to a profile whose record the present file has? */
bool
feed_records_have_new_doubts(FeedRecords *records, const Account *account, const char *feed)
{
	OwnerContext owner;
	bool		concerns_seen;

	account_become_owner(account, &owner);
	concerns_seen = heed_doubts(records, account, feed);
	account_restore_user(&owner);
	return concerns_seen;
}

static FeedRecord *
find_in_index(const FeedRecords *records, const FeedRecordHash *hash)
{
	const uint32 *words = hash->words;
	const uint32 part = part_of_hash(records, hash);

	for (uint64 slot = slot_of(records, hash); records->index[slot] != 0; slot = next_slot(records, slot))
	{
		const uint32 entry = records->index[slot];
		FeedRecord *record = &records->records[position_of(records, entry) - 1];

		/* records lie anywhere in memory: look only at one that is likely to be it */
		if (entry - position_of(records, entry) != part)
			continue;
		if (record->hash.words[0] == words[0] && record->hash.words[1] == words[1] &&
			record->hash.words[2] == words[2] &&
			(record->hash.words[3] | FEED_RECORD_CELLS) == (words[3] | FEED_RECORD_CELLS))
			return record;
	}
	return NULL;
}

/* What memory has of the record with this hash, of which the index is there, is on its way from now on. */
static void
prefetch_record(const FeedRecords *records, const FeedRecordHash *hash)
{
	uint32		position = position_of(records, records->index[slot_of(records, hash)]);

	if (position != 0)
		compat_prefetch(&records->records[position - 1]);
}

/*
 * The record with the hash of that number will be sought: what the index has of it is on its
 * way while others are hashed, and then the record of a hash some numbers before.
 */
void
feed_records_prefetch(const FeedRecords *records, const FeedRecordHash *hashes, int number)
{
	compat_prefetch(&records->index[slot_of(records, &hashes[number])]);
	if (number >= RECORD_STEP)
		prefetch_record(records, &hashes[number - RECORD_STEP]);
}

/* The records with these hashes, or NULL, to found; the hashes are those of feed_records_prefetch(). */
void
feed_records_find(const FeedRecords *records, const FeedRecordHash *hashes, int count, FeedRecord **found)
{
	for (int i = Max(count - RECORD_STEP, 0); i < count; i++)
		prefetch_record(records, &hashes[i]);
	for (int i = 0; i < count; i++)
		found[i] = find_in_index(records, &hashes[i]);
}

/* The record that stands for a profile, be it an empty one, or NULL. */
FeedRecord *
feed_records_of(const FeedRecords *records, int64 profile_id)
{
	int64		position;

	if (profile_id <= 0 || profile_id > FEED_RECORD_MAX_PROFILE)
		return NULL;
	position = lower_bound(records->records, records->count, (uint32) profile_id);
	if (position == records->count || feed_record_profile(&records->records[position]) != profile_id)
		return NULL;
	return &records->records[position];
}

/*
 * Takes away the doubts that were heeded: they are settled for this feed, and
 * remain for the others that have records.
 */
void
feed_records_settle_doubts(const FeedRecords *records, const Account *account, const char *feed)
{
	int			count = 0;
	Datum	   *keys = palloc(sizeof(Datum) * Max(hash_get_num_entries(records->doubts), 1));
	SqlArgument arguments[2];
	HASH_SEQ_STATUS scan;
	pg_uuid_t  *key;

	hash_seq_init(&scan, records->doubts);
	while ((key = hash_seq_search(&scan)) != NULL)
		keys[count++] = UUIDPGetDatum(key);
	if (count == 0)
		return;
	arguments[0] = sql_text(feed);
	arguments[1] = SQL_DATUM(UUIDARRAYOID, PointerGetDatum(construct_array(keys, count, UUIDOID, UUID_LEN, false,
																		  TYPALIGN_CHAR)));
	(void) sql_run_as_owner(account,
							"WITH d AS (DELETE FROM @account.feed_record_doubts WHERE doubt_id = ANY ($2)"
							" RETURNING only_feed, except_feed, profile_runs)"
							" INSERT INTO @account.feed_record_doubts (only_feed, profile_runs)"
							" SELECT f.feed, d.profile_runs FROM d JOIN @account.feeds AS f"
							" ON f.feed <> $1 AND f.feed IS DISTINCT FROM d.except_feed"
							" WHERE d.only_feed IS NULL AND f.records_fingerprint IS NOT NULL", 2, arguments);
}
