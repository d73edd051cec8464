/*
 * feed_record_rows.c
 *		How the hashes of each feed's records are stored.
 *
 * A row of table "feed_records" holds a few hundred records in one bytea, with a
 * checksum before them, and is never changed.  An import appends rows for what is
 * new, and a later row counts more than an earlier one; so a file with one changed
 * record in a hundred writes a hundredth.  When too much is outdated, an import
 * writes all anew.
 *
 * The table is derived, and written as the account's owner: a few rows by a statement, many
 * by the table's writer.
 */
#include "feed_records.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "huge_pages.h"
#include "miscadmin.h"
#include "sql.h"
#include "storage/bufmgr.h"
#include "table_writer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

PG_FUNCTION_INFO_V1(orgsync_feed_record_entries);

/* A row fits into a page, with the longest name of a feed that its key can have. */
#define ROW_SIZE		7900
#define CHECKSUM_SIZE	((int) sizeof(uint64))

/* Rows are read and written so many at a time. */
#define FETCH_COUNT		32

static const WrittenTable feed_records_table = {
	.name = "feed_records",
	.column_count = 3,
	.columns = {
		{"segment", INT8OID, NULL, true, false},
		{"feed", TEXTOID, NULL, true, false},
		{"entries", BYTEAOID, NULL, true, false}
	}
};

/* ---- reading ---- */

/* The records in the bytea of a row, and how many; NULL if they are not as they were written. */
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
		return NULL;
	*count = (int64) ((length - CHECKSUM_SIZE) / sizeof(FeedRecord));
	return data + CHECKSUM_SIZE;
}

/* Makes room for so many records; at first for all that the account has, as what is not used costs nothing. */
static void
make_room(FeedRecords *records, const Account *account, int64 count)
{
	FeedRecord *before = records->records;

	if (count <= records->capacity)
		return;
	records->capacity = Max(count, before == NULL ? feed_records_estimate(account) :
							records->capacity + records->capacity / 2);
	records->records = huge_pages_alloc(records->context, records->capacity * sizeof(FeedRecord), false);
	if (before == NULL)
		return;
	memcpy(records->records, before, records->stored_count * sizeof(FeedRecord));
	huge_pages_free(before);
}

/* Adds all records of the feed, in the order in which they were written; see feed_records_load(). */
void
feed_record_rows_read(FeedRecords *records, const Account *account, const char *feed)
{
	SqlArgument argument = sql_text(feed);
	int			nest_level = sql_avoid_sorting();
	Portal		portal = sql_open(account, "SELECT coalesce(entries, ''::bytea) FROM @account.feed_records WHERE feed = $1"
								  " ORDER BY segment", 1, &argument);

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

			if (data == NULL)
				ereport(ERROR,
						errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("table \"feed_records\" is damaged"),
						errhint("Run orgsync.repair_account(), which drops what it holds."));
			make_room(records, account, records->stored_count + count);
			memcpy(records->records + records->stored_count, data, count * sizeof(FeedRecord));
			records->stored_count += count;
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
	sql_restore_settings(nest_level);
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
	writer->feed_text = CStringGetTextDatum(feed);
	writer->context = AllocSetContextCreate(CurrentMemoryContext, "orgsync feed records to write",
											ALLOCSET_DEFAULT_SIZES);
	writer->capacity = (ROW_SIZE - CHECKSUM_SIZE - (int) Min(strlen(feed), ROW_SIZE / 2)) / (int) sizeof(FeedRecord);
	writer->records = palloc(sizeof(FeedRecord) * writer->capacity);
	writer->rows = palloc(sizeof(Datum) * FETCH_COUNT);
	return writer;
}

/* Writes the rows that wait by a statement. */
static void
write_by_statement(FeedRecordsWriter *writer)
{
	MemoryContext old_context = MemoryContextSwitchTo(writer->context);
	SqlArgument arguments[2];

	arguments[0] = sql_text(writer->feed);
	arguments[1] = SQL_DATUM(BYTEAARRAYOID, PointerGetDatum(construct_array(writer->rows, writer->row_count, BYTEAOID,
																		  -1, false, TYPALIGN_INT)));
	MemoryContextSwitchTo(old_context);
	(void) sql_run_as_owner(writer->account,
							"INSERT INTO @account.feed_records (feed, entries)"
							" SELECT $1, e FROM unnest($2) WITH ORDINALITY AS r (e, number) ORDER BY number", 2, arguments);
}

/* Writes the rows that wait below the triggers. */
static void
write_directly(FeedRecordsWriter *writer)
{
	bool		nulls[3] = {false};

	for (int i = 0; i < writer->row_count; i++)
	{
		Datum		values[] = {Int64GetDatum(table_writer_next_id(writer->table)), writer->feed_text, writer->rows[i]};

		table_writer_put(writer->table, values, nulls);
	}
}

/* Opens the table, when there are many rows, unless the owner has made it another. */
static void
open_table(FeedRecordsWriter *writer)
{
	OwnerContext owner;

	writer->has_many = true;
	account_become_owner(writer->account, &owner);
	writer->table = table_writer_open(writer->account, &feed_records_table, 0, NULL);
	account_restore_user(&owner);
}

static void
write_rows(FeedRecordsWriter *writer)
{
	if (writer->row_count == 0)
		return;
	if (writer->row_count == FETCH_COUNT && !writer->has_many)
		open_table(writer);
	if (writer->table != NULL)
		write_directly(writer);
	else
		write_by_statement(writer);
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
feed_records_write(FeedRecordsWriter *writer, int64 profile_id, const FeedRecordHash *hash)
{
	FeedRecord *record;

	if (profile_id <= 0 || profile_id > FEED_RECORD_MAX_PROFILE)
		return;
	record = &writer->records[writer->count++];
	record->profile_id = (uint32) profile_id;
	if (hash != NULL)
		record->hash = *hash;
	else
		memset(&record->hash, 0, sizeof(record->hash));
	if (writer->count == writer->capacity)
		finish_row(writer);
}

void
feed_records_write_end(FeedRecordsWriter *writer)
{
	finish_row(writer);
	write_rows(writer);
	if (writer->table != NULL)
		table_writer_close(writer->table);
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
	int64		count;
	const char *records = row_records(PG_GETARG_BYTEA_PP(0), &count);
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};

	InitMaterializedSRF(fcinfo, 0);
	if (records == NULL)
	{
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		return (Datum) 0;
	}
	nulls[0] = nulls[1] = false;
	for (int64 i = 0; i < count; i++)
	{
		FeedRecord	record;

		memcpy(&record, records + i * sizeof(FeedRecord), sizeof(FeedRecord));
		values[0] = Int64GetDatum(feed_record_profile(&record));
		values[1] = BoolGetDatum(!feed_record_is_empty(&record));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* A record whose profile is gone, and nobody doubts it; or a row that is damaged. */
const char	feed_records_differences[] =
	"WITH e AS MATERIALIZED (SELECT r.feed, r.segment, e.profile_id, e.has_record FROM @account.feed_records AS r"
	" CROSS JOIN LATERAL feed_record_entries(r.entries) AS e),"
	" last AS (SELECT DISTINCT ON (feed, profile_id) feed, profile_id, has_record FROM e WHERE profile_id IS NOT NULL"
	" ORDER BY feed, profile_id, segment DESC),"
	/* as one set: runs may be very many, and an array would be read anew for each bound */
	" doubted AS (SELECT range_agg(numrange(first, last, '[]')) AS runs FROM (SELECT min(b.bound), max(b.bound)"
	"  FROM @account.feed_record_doubts AS d CROSS JOIN LATERAL unnest(d.profile_runs) WITH ORDINALITY AS b (bound, place)"
	"  GROUP BY d.doubt_id, (b.place + 1) / 2) AS r (first, last))"
	" SELECT concat('feed ', feed, ', row ', segment), 'damaged', NULL FROM e WHERE profile_id IS NULL"
	" UNION ALL SELECT concat('feed ', feed, ', profile ', profile_id), 'a record', NULL FROM last"
	" WHERE has_record AND NOT EXISTS (SELECT FROM @account.profiles AS p WHERE p.profile_id = last.profile_id)"
	" AND NOT EXISTS (SELECT FROM @account.feed_record_doubts AS d WHERE d.profile_runs IS NULL)"
	" AND NOT coalesce((SELECT runs FROM doubted) @> last.profile_id::numeric, false)";

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
