/*
 * import_unchanged.c
 *		Records that an import need not read again.
 *
 * Nearly all records of a daily file came the day before as well.  Of each
 * record that was accepted its hash is kept (feed_records.c), with the profile
 * it stands for, until somebody else writes to that profile.  A record whose
 * hash is known is unchanged: it would be accepted again, mean the same profile
 * and change nothing, so it is not even split into fields.  The result must
 * equal that of an import that reads everything; so
 *
 *	- the hashes hold for one fingerprint: whatever else the meaning of a record
 *	  depends on, as the header and the licenses;
 *	- a row that means, or names by any key, the profile of an unchanged record
 *	  may be its duplicate, or take its address.  Then that record has to be
 *	  parsed after all, in its place, and the file is read once more;
 *	- so it is if a record comes twice, or if somebody wrote to its profile while
 *	  the file was read;
 *	- records of which something is still to come have no hash: those that were
 *	  rejected, whose seat is on a waiting list, that protection kept from being
 *	  applied, or that mean another profile when read again
 *	  (existing_email_address, new_unique_user_id);
 *	- where triggers of the user's own may have altered what was written, a
 *	  record gets its hash only when it was found to change nothing;
 *	- a transaction with one snapshot for all its statements does not see what
 *	  others have done meanwhile, and neither uses hashes nor keeps any.
 *
 * Hashes are seeded, so that nobody can make two records of one hash on purpose,
 * and by chance it does not happen: they have 126 bits.
 *
 * Looking through all hashes costs more than reading a few records; so a file
 * that is small beside them is read as if there were none.
 */
#include "import.h"

#include "access/table.h"
#include "access/xact.h"
#include "account_lock.h"
#include "catalog.h"
#include "commands/trigger.h"
#include "feed_records.h"
#include "miscadmin.h"
#include "orgsync.h"
#include "sql.h"
#include "storage/buffile.h"
#include "trigger_rows.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* To be counted up when the same record comes to mean something else. */
#define MEANING_VERSION		1

/* Looking through so many hashes costs as much as reading one record. */
#define HASHES_PER_RECORD	128

/* A file is read at most so often before all its records are parsed. */
#define MAX_PASSES			4

/* Hashes of rows are kept in memory, so many at a time. */
#define HASHES_AT_ONCE		4096

#define SEED_SIZE			((int) sizeof(uint64))
#define FINGERPRINT_SIZE	(SEED_SIZE + (int) sizeof(XXH128_canonical_t))

typedef uint32 RecordHash[4];

struct ImportUnchanged
{
	MemoryContext context;		/* outlives the reading of the file, be it repeated */
	const Account *account;		/* to work as its owner */
	const char *feed;
	bool		keeps_hashes;	/* of the records of this file */
	bool		replaces;		/* all that the feed has are of no use any more */
	FeedRecords *records;		/* NULL: none are looked for */
	char		fingerprint[FINGERPRINT_SIZE];
	uint64		seed;
	int			pass;
	bool		must_read_again;
	ProfileList written;		/* profiles that this import has written to */

	/* of one pass */
	int64		count;			/* unchanged records */
	int64		active;			/* of them, those that say active of a license */
	int64		inactive;
	uint64		file_sum;		/* of the hashes of all records */
	uint64		last_file_sum;	/* the same of the pass before */
	RecordHash	record;			/* the one that was looked for last */

	/* hashes of the rows that are staged, in their order */
	int64		row_count;
	RecordHash *rows;
	BufFile    *file;			/* those that are no longer in memory; NULL: none */
};

/* ---- what the hashes hold for ---- */

static void
digest_text(XXH3_state_t *state, const char *text)
{
	size_t		length = text == NULL ? 0 : strlen(text) + 1;

	(void) XXH3_128bits_update(state, &length, sizeof(length));
	(void) XXH3_128bits_update(state, text == NULL ? "" : text, length);
}

static void
digest_number(XXH3_state_t *state, int64 number)
{
	(void) XXH3_128bits_update(state, &number, sizeof(number));
}

/* Everything that the meaning of a record depends on, but for what forgets it when it changes. */
static XXH128_canonical_t
digest_meaning(const Import *import, uint64 seed)
{
	XXH3_state_t *state = XXH3_createState();
	XXH128_canonical_t digest;

	if (state == NULL)
		ereport(ERROR, errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"));
	(void) XXH3_128bits_reset_withSeed(state, seed);
	digest_number(state, MEANING_VERSION);
	digest_text(state, import->account->product->name);
	digest_number(state, import->delimiter);
	digest_number(state, import_is_sheet(import));
	digest_number(state, import->header_cell_count);
	digest_number(state, import->column_count);
	for (int i = 0; i < import->column_count; i++)
	{
		const ImportColumn *column = &import->columns[i];

		digest_number(state, column->kind);
		digest_text(state, column->header);
		digest_text(state, column->canonical);
		digest_text(state, column->attribute);
		digest_number(state, column->permission);
		digest_number(state, column->kind == COLUMN_LICENSE ? import->licenses[column->license].terms.license_id : 0);
		digest_text(state, column->kind == COLUMN_GROUP ? import->groups[column->group].folded : NULL);
	}
	digest_number(state, import->whole_group_count);
	for (int i = 0; i < import->whole_group_count; i++)
		digest_text(state, import->groups[import->whole_groups[i]].folded);
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(state));
	(void) XXH3_freeState(state);
	return digest;
}

/* Reads the fingerprint of the feed's records; false if it has none. */
static bool
read_fingerprint(const Import *import, char *fingerprint)
{
	SqlArgument feed = sql_text(import->options.feed);
	bool		isnull = true;

	if (sql_run(import->account, "SELECT records_fingerprint FROM @account.feeds WHERE feed = $1", 1, &feed) > 0)
	{
		Datum		value = sql_value(0, 0, &isnull);

		if (!isnull)
		{
			bytea	   *stored = DatumGetByteaPP(value);

			if (VARSIZE_ANY_EXHDR(stored) == FINGERPRINT_SIZE)
				memcpy(fingerprint, VARDATA_ANY(stored), FINGERPRINT_SIZE);
			else
				isnull = true;
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return !isnull;
}

/* Sets the fingerprint of this file; does it equal that of the records which the feed has? */
static bool
compare_fingerprint(Import *import, ImportUnchanged *unchanged)
{
	char		stored[FINGERPRINT_SIZE];
	XXH128_canonical_t digest;
	bool		has_stored = read_fingerprint(import, stored);

	if (has_stored)
		memcpy(&unchanged->seed, stored, SEED_SIZE);
	else if (!pg_strong_random(&unchanged->seed, SEED_SIZE))
		ereport(ERROR, errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random seed"));
	digest = digest_meaning(import, unchanged->seed);
	memcpy(unchanged->fingerprint, &unchanged->seed, SEED_SIZE);
	memcpy(unchanged->fingerprint + SEED_SIZE, &digest, sizeof(digest));
	return has_stored && memcmp(stored, unchanged->fingerprint, FINGERPRINT_SIZE) == 0;
}

/* ---- reading the file ---- */

/* The first pass begins: are there hashes, and are they worth looking through? */
static void
choose_way(Import *import, ImportUnchanged *unchanged)
{
	int64		stored = feed_records_estimate(unchanged->account);
	int64		expected = import->source.size / IMPORT_RECORD_LENGTH + 1;
	bool		is_small = expected < stored / HASHES_PER_RECORD;
	bool		is_known = compare_fingerprint(import, unchanged);

	if (!is_known && is_small)
		return;
	unchanged->keeps_hashes = true;
	unchanged->replaces = !is_known;
	if (!is_small)
		unchanged->records = feed_records_load(unchanged->account, unchanged->feed, !is_known);
}

static ImportUnchanged *
unchanged_create(Import *import)
{
	MemoryContext context = AllocSetContextCreate(MemoryContextGetParent(import->context), "orgsync unchanged",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	ImportUnchanged *unchanged = palloc0(sizeof(ImportUnchanged));

	unchanged->context = unchanged->written.context = context;
	unchanged->account = account_of_trigger(import->account->namespace_oid);
	unchanged->feed = pstrdup(import->options.feed);
	unchanged->rows = palloc(sizeof(RecordHash) * HASHES_AT_ONCE);
	MemoryContextSwitchTo(old_context);
	return unchanged;
}

/*
 * Begins, when the header has been read, or begins anew if the file is read once
 * more.  From now on no other import works on the account.
 */
void
import_unchanged_begin(Import *import)
{
	ImportUnchanged *unchanged = import->unchanged;
	FeedRecords *records;

	if (!import_has_account(import) || import->options.is_remote)
		return;
	account_lock(import->account, ACCOUNT_LOCK_IMPORT, 0, ExclusiveLock);
	if (unchanged == NULL)
	{
		import->unchanged = unchanged = unchanged_create(import);
		if (orgsync_skip_unchanged_records && import->source.rewind != NULL && !IsolationUsesXactSnapshot())
		{
			MemoryContext old_context = MemoryContextSwitchTo(unchanged->context);

			choose_way(import, unchanged);
			MemoryContextSwitchTo(old_context);
		}
	}
	records = unchanged->records;
	unchanged->pass++;
	unchanged->must_read_again = false;
	unchanged->count = unchanged->active = unchanged->inactive = 0;
	unchanged->last_file_sum = unchanged->file_sum;
	unchanged->file_sum = 0;
	unchanged->row_count = 0;
	if (unchanged->file != NULL)
		BufFileClose(unchanged->file);
	unchanged->file = NULL;
	for (int64 i = 0; records != NULL && i < records->count; i++)
	{
		records->records[i].profile_id &= ~FEED_RECORD_SEEN;
		if (unchanged->pass == MAX_PASSES)
			records->records[i].profile_id |= FEED_RECORD_PARSED;
	}
}

static void
make_hash(ImportUnchanged *unchanged, const csv_record *record)
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(record->raw, record->raw_length, unchanged->seed);

	unchanged->file_sum += hash.low64;
	unchanged->record[0] = (uint32) hash.low64 | 1;	/* so it is never all zero */
	unchanged->record[1] = (uint32) (hash.low64 >> 32);
	unchanged->record[2] = (uint32) hash.high64;
	unchanged->record[3] = (uint32) (hash.high64 >> 32) & ~FEED_RECORD_CELLS;
}

/*
 * Is the record unchanged, so that nothing more has to be done about it?  Else it
 * has to be parsed and staged, see import_unchanged_stage().  must_parse: there is
 * more to the record than its bytes.
 */
bool
import_unchanged_skip(Import *import, const csv_record *record, bool must_parse)
{
	ImportUnchanged *unchanged = import->unchanged;
	FeedRecord *known;

	if (unchanged == NULL || !unchanged->keeps_hashes)
		return false;
	make_hash(unchanged, record);
	if (unchanged->records == NULL || (known = feed_records_find(unchanged->records, unchanged->record)) == NULL ||
		(known->profile_id & FEED_RECORD_PARSED) != 0)
		return false;
	if (must_parse)
	{
		known->profile_id |= FEED_RECORD_PARSED;
		return false;
	}
	if ((known->profile_id & FEED_RECORD_SEEN) != 0)
	{
		/* it stands here twice: both have to be parsed */
		known->profile_id |= FEED_RECORD_PARSED;
		unchanged->must_read_again = true;
		return false;
	}
	known->profile_id |= FEED_RECORD_SEEN;
	unchanged->count++;
	unchanged->active += (known->hash[3] & FEED_RECORD_ACTIVE) != 0;
	unchanged->inactive += (known->hash[3] & FEED_RECORD_INACTIVE) != 0;
	return true;
}

/* Remembers the hash of a record that is being staged, if it may get one at all. */
void
import_unchanged_stage(Import *import, const ImportRow *row, bool says_active, bool says_inactive)
{
	ImportUnchanged *unchanged = import->unchanged;
	uint32	   *hash;

	if (unchanged == NULL || !unchanged->keeps_hashes)
		return;
	if (unchanged->row_count > 0 && unchanged->row_count % HASHES_AT_ONCE == 0)
	{
		MemoryContext old_context = MemoryContextSwitchTo(unchanged->context);

		if (unchanged->file == NULL)
			unchanged->file = BufFileCreateTemp(false);
		BufFileWrite(unchanged->file, unchanged->rows, sizeof(RecordHash) * HASHES_AT_ONCE);
		MemoryContextSwitchTo(old_context);
	}
	hash = unchanged->rows[unchanged->row_count++ % HASHES_AT_ONCE];
	if (row->rejected || row->existing_email_address != NULL || row->new_unique_user_id != NULL)
		memset(hash, 0, sizeof(RecordHash));
	else
	{
		memcpy(hash, unchanged->record, sizeof(RecordHash));
		hash[3] |= (says_active ? FEED_RECORD_ACTIVE : 0) | (says_inactive ? FEED_RECORD_INACTIVE : 0);
	}
}

/* What the unchanged records say of licenses. */
void
import_unchanged_count_cells(const Import *import, int64 *active, int64 *inactive)
{
	if (import->unchanged == NULL)
		return;
	*active += import->unchanged->active;
	*inactive += import->unchanged->inactive;
}

/* How many records were not read. */
int64
import_unchanged_count(const Import *import)
{
	return import->unchanged == NULL ? 0 : import->unchanged->count;
}

/* ---- what may stand against it ---- */

/* A row names the profile: the record that stands for it, if there is one, has to be parsed. */
void
import_unchanged_touch(Import *import, int64 profile_id)
{
	ImportUnchanged *unchanged = import->unchanged;
	FeedRecord *record;

	if (unchanged == NULL || unchanged->count == 0 || profile_id == 0)
		return;
	record = feed_records_of(unchanged->records, profile_id);
	if (record != NULL && (record->profile_id & FEED_RECORD_SEEN) != 0)
	{
		record->profile_id |= FEED_RECORD_PARSED;
		unchanged->must_read_again = true;
	}
}

/* Before anything is decided: has anybody written to profiles that are taken for unchanged? */
void
import_unchanged_check(Import *import)
{
	ImportUnchanged *unchanged = import->unchanged;

	if (unchanged != NULL && unchanged->records != NULL &&
		feed_records_have_new_doubts(unchanged->records, unchanged->account, unchanged->feed))
		unchanged->must_read_again = true;
}

/* Must the file be read once more? */
bool
import_unchanged_must_read_again(const Import *import)
{
	return import->unchanged != NULL && import->unchanged->must_read_again;
}

/* An error if the file is not what it was when it was read before. */
void
import_unchanged_end_pass(Import *import)
{
	ImportUnchanged *unchanged = import->unchanged;

	if (unchanged != NULL && unchanged->pass > 1 && unchanged->file_sum != unchanged->last_file_sum)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the file was changed while it was imported"),
				errhint("Import it again when it is complete."));
}

/* Adds the profiles of the unchanged records. */
void
import_unchanged_collect_profiles(const Import *import, ProfileRuns *runs)
{
	const FeedRecords *records = import->unchanged == NULL ? NULL : import->unchanged->records;

	for (int64 i = 0; records != NULL && i < records->count; i++)
	{
		uint32		profile_id = records->records[i].profile_id;

		if ((profile_id & (FEED_RECORD_SEEN | FEED_RECORD_PARSED)) == FEED_RECORD_SEEN)
			profile_runs_add(runs, profile_id & FEED_RECORD_MAX_PROFILE);
	}
}

/* ---- writing ---- */

/* From now on the import writes: notes to which profiles.  To be ended also after an error. */
void
import_unchanged_collect(Import *import)
{
	if (import->unchanged == NULL)
		return;
	import->unchanged->written.count = 0;
	feed_records_collect(import->unchanged->account, &import->unchanged->written);
}

void
import_unchanged_collect_end(void)
{
	feed_records_collect_end();
}

/* Frees what is left when the import ends. */
void
import_unchanged_end(Import *import)
{
	if (import->unchanged == NULL)
		return;
	if (import->unchanged->file != NULL)
		BufFileClose(import->unchanged->file);
	MemoryContextDelete(import->unchanged->context);
	import->unchanged = NULL;
}

/* Might something else than orgsync have altered what is written to a table? */
static bool
has_foreign_triggers(const Account *account, const char *table)
{
	Relation	relation = table_open(get_relname_relid(table, account->namespace_oid), AccessShareLock);
	TriggerDesc *triggers = relation->trigdesc;
	bool		found = relation->rd_rules != NULL;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		found = found || (!triggers->triggers[i].tgisinternal &&
						  get_func_namespace(triggers->triggers[i].tgfoid) != catalog_schema());
	table_close(relation, AccessShareLock);
	return found;
}

/* A record that is to be stored. */
typedef struct Storing
{
	Import	   *import;
	ImportUnchanged *unchanged;
	bool		only_unaltered; /* only records that changed nothing */
	bool	   *is_stored;		/* of each written profile */
	void		(*put) (struct Storing *storing, int64 profile_id, const uint32 *hash);
	int64		last_profile;
	bool		is_ascending;
	int64		count;
	FeedRecordsWriter *writer;
	FeedRecord *collected;
} Storing;

static int64
find_written(const ImportUnchanged *unchanged, int64 profile_id)
{
	const int64 *found = unchanged->written.count == 0 ? NULL :
		bsearch(&profile_id, unchanged->written.profile_ids, unchanged->written.count, sizeof(int64), compare_int64s);

	return found == NULL ? -1 : found - unchanged->written.profile_ids;
}

static void
read_hashes(BufFile *file, RecordHash *hashes)
{
	size_t		size = sizeof(RecordHash) * HASHES_AT_ONCE;

	if (BufFileRead(file, hashes, size) != size)
		ereport(ERROR, errcode_for_file_access(), errmsg("could not read from a temporary file"));
}

/* Goes through the rows that get a hash. */
static void
each_row(Storing *storing)
{
	ImportUnchanged *unchanged = storing->unchanged;
	RecordHash *hashes = unchanged->rows;
	int64		in_memory = unchanged->row_count == 0 ? 0 :
		(unchanged->row_count - 1) / HASHES_AT_ONCE * HASHES_AT_ONCE;	/* the first row that is */

	if (unchanged->file != NULL)
	{
		hashes = palloc(sizeof(RecordHash) * HASHES_AT_ONCE);
		if (BufFileSeek(unchanged->file, 0, 0, SEEK_SET) != 0)
			ereport(ERROR, errcode_for_file_access(), errmsg("could not rewind a temporary file"));
	}
	for (int64 i = 0; i < unchanged->row_count; i++)
	{
		const RowTarget *target = &storing->import->targets[i];
		const uint32 *hash;
		int64		written;

		if (i % HASHES_AT_ONCE == 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (i < in_memory)
				read_hashes(unchanged->file, hashes);
		}
		hash = (i < in_memory ? hashes : unchanged->rows)[i % HASHES_AT_ONCE];
		if (target->state != ROW_ACCEPTED || target->is_unsettled || hash[0] == 0)
			continue;
		written = find_written(unchanged, target->profile_id);
		if (storing->only_unaltered && (written >= 0 || target->is_new))
			continue;
		if (written >= 0)
			storing->is_stored[written] = true;
		storing->put(storing, target->profile_id, hash);
	}
	if (hashes != unchanged->rows)
		pfree(hashes);
}

static void
look_at_order(Storing *storing, int64 profile_id, const uint32 *unused)
{
	(void) unused;
	storing->is_ascending = storing->is_ascending && profile_id > storing->last_profile;
	storing->last_profile = profile_id;
	storing->count++;
}

/* Appends the record unless the profile has it already. */
static void
append(Storing *storing, int64 profile_id, const uint32 *hash)
{
	const FeedRecord *known = storing->unchanged->records == NULL || storing->unchanged->replaces ? NULL :
		feed_records_of(storing->unchanged->records, profile_id);

	if (known == NULL || memcmp(known->hash, hash, sizeof(RecordHash)) != 0)
		feed_records_write(storing->writer, profile_id, hash);
}

static void
collect(Storing *storing, int64 profile_id, const uint32 *hash)
{
	FeedRecord *record = &storing->collected[storing->count++];

	record->profile_id = profile_id <= 0 || profile_id > FEED_RECORD_MAX_PROFILE ? 0 : (uint32) profile_id;
	memcpy(record->hash, hash, sizeof(RecordHash));
}

static int
compare_records(const void *a, const void *b)
{
	uint32		left = ((const FeedRecord *) a)->profile_id;
	uint32		right = ((const FeedRecord *) b)->profile_id;

	CHECK_FOR_INTERRUPTS();
	return (left > right) - (left < right);
}

/*
 * Writes all records of the feed anew, in the order of profiles: the file's, and
 * those that are known besides.
 */
static void
write_all_records(Storing *storing)
{
	ImportUnchanged *unchanged = storing->unchanged;
	FeedRecords *records = unchanged->replaces ? NULL : unchanged->records;
	int64		next = 0;
	int64		i = 0;

	storing->is_ascending = true;
	storing->put = look_at_order;
	each_row(storing);
	feed_records_delete(unchanged->account, unchanged->feed);
	storing->writer = feed_records_write_begin(unchanged->account, unchanged->feed);
	if (records == NULL && storing->is_ascending)
	{
		storing->put = append;
		each_row(storing);
		feed_records_write_end(storing->writer);
		return;
	}

	storing->collected = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(FeedRecord) * Max(storing->count, 1));
	storing->count = 0;
	storing->put = collect;
	each_row(storing);
	if (!storing->is_ascending)
		qsort(storing->collected, storing->count, sizeof(FeedRecord), compare_records);
	while (i < storing->count || (records != NULL && next < records->count))
	{
		const FeedRecord *known = records != NULL && next < records->count ? &records->records[next] : NULL;
		uint32		profile_id = known == NULL ? PG_UINT32_MAX : known->profile_id & FEED_RECORD_MAX_PROFILE;

		if (i < storing->count && storing->collected[i].profile_id <= profile_id)
		{
			next += storing->collected[i].profile_id == profile_id;
			feed_records_write(storing->writer, storing->collected[i].profile_id, storing->collected[i].hash);
			i++;
			continue;
		}
		if (known->hash[0] != 0 && find_written(unchanged, profile_id) < 0)
			feed_records_write(storing->writer, profile_id, known->hash);
		next++;
	}
	feed_records_write_end(storing->writer);
	pfree(storing->collected);
}

/* Appends what is new, and that profiles have no record any more. */
static void
append_records(Storing *storing)
{
	ImportUnchanged *unchanged = storing->unchanged;

	storing->writer = feed_records_write_begin(unchanged->account, unchanged->feed);
	storing->put = append;
	each_row(storing);
	for (int64 i = 0; i < unchanged->written.count; i++)
		if (!storing->is_stored[i])
			feed_records_write(storing->writer, unchanged->written.profile_ids[i], NULL);
	feed_records_write_end(storing->writer);
}

/* Has so much been appended that it is better to write all records anew? */
static bool
is_outdated(const ImportUnchanged *unchanged)
{
	const FeedRecords *records = unchanged->records;

	return unchanged->replaces ||
		(records != NULL && records->stored_count + unchanged->row_count > records->count + records->count / 2 + 1000);
}

static void
note_fingerprint(const ImportUnchanged *unchanged)
{
	bytea	   *value = palloc(VARHDRSZ + FINGERPRINT_SIZE);
	SqlArgument arguments[] = {sql_text(unchanged->feed), SQL_DATUM(BYTEAOID, PointerGetDatum(value))};

	SET_VARSIZE(value, VARHDRSZ + FINGERPRINT_SIZE);
	memcpy(VARDATA(value), unchanged->fingerprint, FINGERPRINT_SIZE);
	(void) sql_run_as_owner(unchanged->account, "UPDATE @account.feeds SET records_fingerprint = $2 WHERE feed = $1",
							2, arguments);
}

/*
 * When the import has written everything: stores the hashes of its records, and
 * forgets those of the profiles that it has changed otherwise.
 */
void
import_unchanged_store(Import *import)
{
	static const char *const tables[] = {"profiles", "seats", "memberships", "permissions", "feed_groups"};
	ImportUnchanged *unchanged = import->unchanged;
	MemoryContext old_context;
	Storing		storing = {.import = import,.unchanged = unchanged};

	if (unchanged == NULL)
		return;
	old_context = MemoryContextSwitchTo(import->attempt_context);
	profile_list_sort(&unchanged->written);
	if (!unchanged->keeps_hashes)
	{
		feed_records_forget(unchanged->account, unchanged->written.profile_ids, unchanged->written.count);
		MemoryContextSwitchTo(old_context);
		return;
	}
	feed_records_forget_for_others(unchanged->account, unchanged->feed, &unchanged->written);
	if (unchanged->records != NULL)
	{
		feed_records_settle_doubts(unchanged->records, unchanged->account, unchanged->feed);
		for (int64 i = 0; i < unchanged->records->doubted.count; i++)
			profile_list_add(&unchanged->written, unchanged->records->doubted.profile_ids[i]);
	}
	for (int i = 0; i < (int) lengthof(tables); i++)
		storing.only_unaltered = storing.only_unaltered || has_foreign_triggers(unchanged->account, tables[i]);
	profile_list_sort(&unchanged->written);
	storing.is_stored = MemoryContextAllocExtended(CurrentMemoryContext, Max(unchanged->written.count, 1),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (is_outdated(unchanged))
		write_all_records(&storing);
	else
		append_records(&storing);
	if (unchanged->replaces)
		note_fingerprint(unchanged);
	pfree(storing.is_stored);
	MemoryContextSwitchTo(old_context);
}
