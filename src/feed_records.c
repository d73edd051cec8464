/*
 * feed_records.c
 *		What each feed's records were, by hash.
 *
 * Table "feed_records" keeps, of each profile and feed, the hash of the record
 * that stands for it: who comes with the same record again changes nothing, as
 * long as nobody has written to the profile meanwhile.  How an import uses it is
 * in import_unchanged.c; here it is stored.
 *
 *	- A row holds a few hundred records in one bytea, with a checksum before
 *	  them, and is never changed.  An import appends rows for what is new, and a
 *	  later row counts more than an earlier one; so a file with one changed record
 *	  in a hundred writes a hundredth.  When too much is outdated, an import
 *	  writes all anew.
 *	- Who was written to since is in doubt (feed_doubts.c).  The next import of
 *	  each feed heeds the doubts, and takes away those that it has seen, before
 *	  anything was decided; later ones wait for the next.
 *
 * In memory, a record takes 20 bytes, and 12 more in the index.  Records lie in the
 * order of profiles, so that the set of those whom a file holds is found in that order.
 *
 * The table is derived, and written as the account's owner.
 */
#include "feed_records.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sql.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

PG_FUNCTION_INFO_V1(orgsync_feed_record_entries);

/* A row fits into a page, with the longest name of a feed that its key can have. */
#define ROW_SIZE		7900
#define CHECKSUM_SIZE	((int) sizeof(uint64))

/* Rows are read and written so many at a time. */
#define FETCH_COUNT		32

StaticAssertDecl(sizeof(FeedRecord) == 20, "records are stored as they are in memory");

/* ---- reading ---- */

static uint32
profile_of(const FeedRecord *record)
{
	return record->profile_id & FEED_RECORD_MAX_PROFILE;
}

static bool
is_empty(const FeedRecord *record)
{
	return (record->hash[0] | record->hash[1] | record->hash[2] | (record->hash[3] & ~FEED_RECORD_CELLS)) == 0;
}

/* The first of the records whose profile is not less. */
static int64
lower_bound(const FeedRecord *records, int64 count, uint32 profile_id)
{
	int64		low = 0;
	int64		high = count;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (profile_of(&records[middle]) < profile_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The records in the bytea of a row, and how many; an error if they are not as they were written. */
static const char *
row_records(const struct varlena *row, int64 *count)
{
	const char *data = VARDATA_ANY(row);
	size_t		length = VARSIZE_ANY_EXHDR(row);
	uint64		checksum = 0;

	if (length >= CHECKSUM_SIZE)
		memcpy(&checksum, data, CHECKSUM_SIZE);
	if (length < CHECKSUM_SIZE || (length - CHECKSUM_SIZE) % sizeof(FeedRecord) != 0 ||
		checksum != XXH3_64bits(data + CHECKSUM_SIZE, length - CHECKSUM_SIZE))
		ereport(ERROR,
				errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("table \"feed_records\" is damaged"),
				errhint("Run orgsync.repair_account(), which drops what it holds."));
	*count = (int64) ((length - CHECKSUM_SIZE) / sizeof(FeedRecord));
	return data + CHECKSUM_SIZE;
}

/* Reads all rows of the feed, in the order in which they were written. */
static void
read_rows(FeedRecords *records, const Account *account, const char *feed)
{
	SqlArgument argument = sql_text(feed);
	Portal		portal = sql_open(account, "SELECT entries FROM @account.feed_records WHERE feed = $1"
								  " ORDER BY segment", 1, &argument);
	int64		capacity = 0;

	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_COUNT);
		if (SPI_processed == 0)
			break;
		for (int i = 0; i < (int) SPI_processed; i++)
		{
			bool		isnull;
			int64		count;
			const char *data = row_records(PG_DETOAST_DATUM_PACKED(sql_value(i, 0, &isnull)), &count);

			if (records->stored_count + count > capacity)
			{
				capacity = Max(records->stored_count + count, capacity + capacity / 2);
				records->records = records->records == NULL ?
					MemoryContextAllocHuge(records->context, capacity * sizeof(FeedRecord)) :
					repalloc_huge(records->records, capacity * sizeof(FeedRecord));
			}
			memcpy(records->records + records->stored_count, data, count * sizeof(FeedRecord));
			records->stored_count += count;
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
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

/* Takes a record away, which may be NULL; does the present file have it? */
static bool
take_away(FeedRecords *records, FeedRecord *record)
{
	if (record == NULL || is_empty(record))
		return false;
	memset(record->hash, 0, sizeof(record->hash));
	profile_list_add(&records->doubted, profile_of(record));
	return (record->profile_id & FEED_RECORD_SEEN) != 0;
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
	uint64		count = sql_run(account, "SELECT doubt_id, profile_ids,"
								" (only_feed IS NULL OR only_feed = $1) AND except_feed IS DISTINCT FROM $1"
								" FROM @account.feed_record_doubts WHERE only_feed IS NULL OR only_feed = $1",
								1, &argument);
	int			known_count = records->doubt_count;

	for (int i = 0; i < (int) count; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(records->context);
		bool		isnull;
		Datum		key = sql_value(i, 0, &isnull);
		Datum		profile_ids;
		bool		is_known = false;

		for (int j = 0; j < known_count && !is_known; j++)
			is_known = memcmp(DatumGetPointer(records->doubts[j]), DatumGetPointer(key), UUID_LEN) == 0;
		if (!is_known)
		{
			records->doubts = records->doubts == NULL ? palloc(sizeof(Datum)) :
				repalloc(records->doubts, sizeof(Datum) * (records->doubt_count + 1));
			records->doubts[records->doubt_count++] = datumCopy(key, false, UUID_LEN);
		}
		MemoryContextSwitchTo(old_context);
		if (is_known || !DatumGetBool(sql_value(i, 2, &isnull)))
			continue;
		profile_ids = sql_value(i, 1, &isnull);
		if (isnull)
			for (int64 j = 0; j < records->count; j++)
				concerns_seen |= take_away(records, &records->records[j]);
		else
		{
			ArrayType  *array = DatumGetArrayTypeP(profile_ids);
			int			id_count = ARR_HASNULL(array) ? 0 : ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

			for (int j = 0; j < id_count; j++)
				concerns_seen |= take_away(records, feed_records_of(records, ((int64 *) ARR_DATA_PTR(array))[j]));
		}
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	return concerns_seen;
}

static uint64
slot_of(const FeedRecords *records, const uint32 *hash)
{
	return ((uint64) hash[0] * records->index_size) >> 32;
}

static void
make_index(FeedRecords *records)
{
	records->index_size = (uint32) Min(records->count + records->count / 2 + 16, PG_UINT32_MAX);
	records->index = MemoryContextAllocExtended(records->context, sizeof(uint64) * records->index_size,
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int64 i = 0; i < records->count; i++)
	{
		uint64		slot = slot_of(records, records->records[i].hash);

		CHECK_FOR_INTERRUPTS();
		if (is_empty(&records->records[i]))
			continue;
		while (records->index[slot] != 0)
			slot = slot + 1 == records->index_size ? 0 : slot + 1;
		records->index[slot] = (uint64) records->records[i].hash[1] << 32 | (uint64) (i + 1);
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
	OwnerContext owner;

	records->context = records->doubted.context = context;
	account_become_owner(account, &owner);
	if (!only_doubts)
	{
		read_rows(records, account, feed);
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

/* The record with that hash, or NULL. */
FeedRecord *
feed_records_find(const FeedRecords *records, const uint32 *hash)
{
	uint64		slot = slot_of(records, hash);

	for (; records->index[slot] != 0; slot = slot + 1 == records->index_size ? 0 : slot + 1)
	{
		FeedRecord *record;

		/* records lie anywhere in memory: look only at one that is likely to be it */
		if ((uint32) (records->index[slot] >> 32) != hash[1])
			continue;
		record = &records->records[(uint32) records->index[slot] - 1];
		if (record->hash[0] == hash[0] && record->hash[1] == hash[1] && record->hash[2] == hash[2] &&
			(record->hash[3] | FEED_RECORD_CELLS) == (hash[3] | FEED_RECORD_CELLS))
			return record;
	}
	return NULL;
}

/* The record that stands for a profile, be it an empty one, or NULL. */
FeedRecord *
feed_records_of(const FeedRecords *records, int64 profile_id)
{
	int64		position;

	if (profile_id <= 0 || profile_id > FEED_RECORD_MAX_PROFILE)
		return NULL;
	position = lower_bound(records->records, records->count, (uint32) profile_id);
	if (position == records->count || profile_of(&records->records[position]) != profile_id)
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
	SqlArgument arguments[2];

	if (records->doubt_count == 0)
		return;
	arguments[0] = sql_text(feed);
	arguments[1] = SQL_DATUM(UUIDARRAYOID, PointerGetDatum(construct_array(records->doubts, records->doubt_count,
																		  UUIDOID, UUID_LEN, false, TYPALIGN_CHAR)));
	(void) sql_run_as_owner(account,
							"WITH d AS (DELETE FROM @account.feed_record_doubts WHERE doubt_id = ANY ($2)"
							" RETURNING only_feed, except_feed, profile_ids)"
							" INSERT INTO @account.feed_record_doubts (only_feed, profile_ids)"
							" SELECT f.feed, d.profile_ids FROM d JOIN @account.feeds AS f"
							" ON f.feed <> $1 AND f.feed IS DISTINCT FROM d.except_feed"
							" WHERE d.only_feed IS NULL AND f.records_fingerprint IS NOT NULL", 2, arguments);
}

/* About how many records the account has stored, of all feeds; costs next to nothing. */
int64
feed_records_estimate(const Account *account)
{
	Relation	relation = table_open(get_relname_relid("feed_records", account->namespace_oid), AccessShareLock);
	int64		count = (int64) RelationGetNumberOfBlocks(relation) * (ROW_SIZE / sizeof(FeedRecord));

	table_close(relation, AccessShareLock);
	return count;
}

/* ---- writing ---- */

/* Begins to append records of the feed; memory is taken from the current context. */
FeedRecordsWriter *
feed_records_write_begin(const Account *account, const char *feed)
{
	FeedRecordsWriter *writer = palloc0(sizeof(FeedRecordsWriter));

	writer->account = account;
	writer->feed = feed;
	writer->context = AllocSetContextCreate(CurrentMemoryContext, "orgsync feed records to write",
											ALLOCSET_DEFAULT_SIZES);
	writer->capacity = (ROW_SIZE - CHECKSUM_SIZE - (int) Min(strlen(feed), ROW_SIZE / 2)) / (int) sizeof(FeedRecord);
	writer->records = palloc(sizeof(FeedRecord) * writer->capacity);
	writer->rows = palloc(sizeof(Datum) * FETCH_COUNT);
	return writer;
}

static void
write_rows(FeedRecordsWriter *writer)
{
	MemoryContext old_context;
	SqlArgument arguments[2];

	if (writer->row_count == 0)
		return;
	old_context = MemoryContextSwitchTo(writer->context);
	arguments[0] = sql_text(writer->feed);
	arguments[1] = SQL_DATUM(BYTEAARRAYOID, PointerGetDatum(construct_array(writer->rows, writer->row_count, BYTEAOID,
																		  -1, false, TYPALIGN_INT)));
	MemoryContextSwitchTo(old_context);
	(void) sql_run_as_owner(writer->account,
							"INSERT INTO @account.feed_records (feed, entries)"
							" SELECT $1, e FROM unnest($2) WITH ORDINALITY AS r (e, number) ORDER BY number", 2, arguments);
	MemoryContextReset(writer->context);
	writer->row_count = 0;
	CHECK_FOR_INTERRUPTS();
}

static void
finish_row(FeedRecordsWriter *writer)
{
	size_t		length = writer->count * sizeof(FeedRecord);
	bytea	   *row;
	uint64		checksum;

	if (writer->count == 0)
		return;
	row = MemoryContextAlloc(writer->context, VARHDRSZ + CHECKSUM_SIZE + length);
	SET_VARSIZE(row, VARHDRSZ + CHECKSUM_SIZE + length);
	checksum = XXH3_64bits(writer->records, length);
	memcpy(VARDATA(row), &checksum, CHECKSUM_SIZE);
	memcpy(VARDATA(row) + CHECKSUM_SIZE, writer->records, length);
	writer->rows[writer->row_count++] = PointerGetDatum(row);
	writer->count = 0;
	if (writer->row_count == FETCH_COUNT)
		write_rows(writer);
}

/* Appends the record that stands for a profile; hash NULL: it has none any more. */
void
feed_records_write(FeedRecordsWriter *writer, int64 profile_id, const uint32 *hash)
{
	FeedRecord *record;

	if (profile_id <= 0 || profile_id > FEED_RECORD_MAX_PROFILE)
		return;
	record = &writer->records[writer->count++];
	record->profile_id = (uint32) profile_id;
	if (hash != NULL)
		memcpy(record->hash, hash, sizeof(record->hash));
	else
		memset(record->hash, 0, sizeof(record->hash));
	if (writer->count == writer->capacity)
		finish_row(writer);
}

void
feed_records_write_end(FeedRecordsWriter *writer)
{
	finish_row(writer);
	write_rows(writer);
	MemoryContextDelete(writer->context);
	pfree(writer->records);
	pfree(writer->rows);
	pfree(writer);
}

/* Deletes all records of the feed. */
void
feed_records_delete(const Account *account, const char *feed)
{
	SqlArgument argument = sql_text(feed);

	(void) sql_run_as_owner(account, "DELETE FROM @account.feed_records WHERE feed = $1", 1, &argument);
}

/* ---- verifying ---- */

/*
 * feed_record_entries(entries bytea): the profiles of a row of feed_records, and
 * whether each has a record; one row without a profile if it is damaged.
 */
Datum
orgsync_feed_record_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bytea	   *row = PG_GETARG_BYTEA_PP(0);
	const char *data = VARDATA_ANY(row);
	size_t		length = VARSIZE_ANY_EXHDR(row);
	uint64		checksum = 0;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};

	InitMaterializedSRF(fcinfo, 0);
	if (length >= CHECKSUM_SIZE)
		memcpy(&checksum, data, CHECKSUM_SIZE);
	if (length < CHECKSUM_SIZE || (length - CHECKSUM_SIZE) % sizeof(FeedRecord) != 0 ||
		checksum != XXH3_64bits(data + CHECKSUM_SIZE, length - CHECKSUM_SIZE))
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		return (Datum) 0;
	}
	nulls[0] = nulls[1] = false;
	for (size_t i = CHECKSUM_SIZE; i < length; i += sizeof(FeedRecord))
	{
		FeedRecord	record;

		memcpy(&record, data + i, sizeof(FeedRecord));
		values[0] = Int64GetDatum(profile_of(&record));
		values[1] = BoolGetDatum(!is_empty(&record));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* A record whose profile is gone, and nobody doubts it; or a row that is damaged. */
const char	feed_records_differences[] =
	"WITH e AS MATERIALIZED (SELECT r.feed, r.segment, e.profile_id, e.has_record FROM @account.feed_records AS r"
	" CROSS JOIN LATERAL feed_record_entries(r.entries) AS e),"
	" last AS (SELECT DISTINCT ON (feed, profile_id) feed, profile_id, has_record FROM e WHERE profile_id IS NOT NULL"
	" ORDER BY feed, profile_id, segment DESC)"
	" SELECT concat('feed ', feed, ', row ', segment), 'damaged', NULL FROM e WHERE profile_id IS NULL"
	" UNION ALL SELECT concat('feed ', feed, ', profile ', profile_id), 'a record', NULL FROM last"
	" WHERE has_record AND NOT EXISTS (SELECT FROM @account.profiles AS p WHERE p.profile_id = last.profile_id)"
	" AND NOT EXISTS (SELECT FROM @account.feed_record_doubts AS d WHERE d.profile_ids IS NULL"
	" OR d.profile_ids @> ARRAY[last.profile_id])";

/* Drops all records of all feeds: the next import of each reads every record. */
void
feed_records_drop(const Account *account)
{
	OwnerContext owner;

	account_become_owner(account, &owner);
	(void) sql_run(account, "DELETE FROM @account.feed_records", 0, NULL);
	(void) sql_run(account, "UPDATE @account.feeds SET records_fingerprint = NULL WHERE records_fingerprint IS NOT NULL",
				   0, NULL);
	account_restore_user(&owner);
}
