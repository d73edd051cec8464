/*
 * feed_records.h
 *		What each feed's records were, by hash, and which of them are in doubt.
 */
#ifndef ORGSYNC_FEED_RECORDS_H
#define ORGSYNC_FEED_RECORDS_H

#include "account.h"
#include "table_writer.h"
#include "utils/hsearch.h"

/*
 * The hash of a record, of which two bits are given up for what the record says of
 * licenses.
 */
typedef struct FeedRecordHash
{
	uint32		words[4];
} FeedRecordHash;

/* A record that came before, with the profile that it stands for. */
typedef struct FeedRecord
{
	uint32		profile_id;		/* in memory with flags, see below */
	FeedRecordHash hash;		/* all zero: the profile has no record (any more) */
} FeedRecord;

/* In the last word of the hash. */
#define FEED_RECORD_ACTIVE		0x01	/* one of its license cells says active */
#define FEED_RECORD_INACTIVE	0x02
#define FEED_RECORD_CELLS		0x03

/* In profile_id, in memory. */
#define FEED_RECORD_SEEN		0x80000000	/* the present file has it */
#define FEED_RECORD_PARSED		0x40000000	/* and it is to be parsed all the same */
#define FEED_RECORD_MAX_PROFILE 0x3FFFFFFF	/* profiles beyond have no records */

static inline uint32
feed_record_profile(const FeedRecord *record)
{
	return record->profile_id & FEED_RECORD_MAX_PROFILE;
}

static inline bool
feed_record_is_empty(const FeedRecord *record)
{
	const uint32 *words = record->hash.words;

	return (words[0] | words[1] | words[2] | (words[3] & ~FEED_RECORD_CELLS)) == 0;
}

/* Profile_ids that are collected, in a memory context; NULL: the current one. */
typedef struct ProfileList
{
	MemoryContext context;
	int64		count;
	int64		capacity;
	int64	   *profile_ids;
} ProfileList;

/* All records of a feed, in memory. */
typedef struct FeedRecords
{
	MemoryContext context;
	int64		count;
	int64		capacity;
	FeedRecord *records;		/* by profile_id, ascending */
	uint32		index_size;
	uint32	   *index;			/* by hash: the position in records + 1, and a part of the hash; 0: none */
	int			position_bits;	/* of each, the lower ones */
	int64		stored_count;	/* records in the table, those that count no more too */
	HTAB	   *doubts;			/* keys of the doubts that were heeded */
	ProfileList doubted;		/* whose records they took away */
} FeedRecords;

/* Records that are on their way into the table. */
typedef struct FeedRecordsWriter
{
	const Account *account;
	const char *feed;
	Datum		feed_text;
	MemoryContext context;		/* reset whenever rows are written */
	int			capacity;		/* records of one row */
	int			count;
	FeedRecord *records;		/* of the next row */
	int			row_count;
	Datum	   *rows;
	bool		has_many;		/* more than one statement would write */
	TableWriter *table;			/* then: what writes them; NULL: statements */
} FeedRecordsWriter;

/* feed_doubts.c.  Derived tables are written as the account's owner: account is account_of_trigger()'s. */
extern void feed_records_forget(const Account *account, const int64 *profile_ids, int64 count);
extern void feed_records_forget_all(const Account *account);
extern void feed_records_forget_for_others(const Account *account, const char *feed, const ProfileList *profiles);
extern void feed_records_collect(const Account *account, ProfileList *written);
extern void feed_records_collect_end(void);

/* feed_records.c */
extern FeedRecords *feed_records_load(const Account *account, const char *feed, bool only_doubts);
extern bool feed_records_have_new_doubts(FeedRecords *records, const Account *account, const char *feed);
extern void feed_records_prefetch(const FeedRecords *records, const FeedRecordHash *hashes, int number);
extern void feed_records_find(const FeedRecords *records, const FeedRecordHash *hashes, int count, FeedRecord **found);
extern FeedRecord *feed_records_of(const FeedRecords *records, int64 profile_id);
extern void feed_records_settle_doubts(const FeedRecords *records, const Account *account, const char *feed);

/* feed_record_rows.c */
extern void feed_record_rows_read(FeedRecords *records, const Account *account, const char *feed);
extern int64 feed_records_estimate(const Account *account);
extern FeedRecordsWriter *feed_records_write_begin(const Account *account, const char *feed);
extern void feed_records_write(FeedRecordsWriter *writer, int64 profile_id, const FeedRecordHash *hash);
extern void feed_records_write_end(FeedRecordsWriter *writer);
extern void feed_records_delete(const Account *account, const char *feed);

extern void profile_list_add(ProfileList *list, int64 profile_id);
extern void profile_list_sort(ProfileList *list);

/* for verify.c */
extern const char feed_records_differences[];
extern void feed_records_drop(const Account *account);

#endif
