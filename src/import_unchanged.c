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
#include "import_unchanged.h"

#include "access/xact.h"
#include "account_lock.h"
#include "miscadmin.h"
#include "orgsync.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* To be counted up when the same record comes to mean something else. */
#define MEANING_VERSION		1

/* Looking through so many hashes costs as much as reading one record. */
#define HASHES_PER_RECORD	128

/* A file is read at most so often before all its records are parsed. */
#define MAX_PASSES			4

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

		/* by name: numbers of kinds change from build to build */
		digest_text(state, column_kind_name(column->kind));
		digest_text(state, column->header);
		digest_text(state, column->canonical);
		digest_text(state, column->attribute);
		digest_text(state, column->permission < 0 ? NULL : permission_name(column->permission));
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

	if (sql_run(import->account, "SELECT coalesce(records_fingerprint, NULL::bytea) FROM @account.feeds"
				" WHERE feed = $1", 1, &feed) > 0)
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
	unchanged->rows = palloc(sizeof(FeedRecordHash) * HASHES_AT_ONCE);
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
	for (int64 i = 0; records != NULL && unchanged->pass > 1 && i < records->count; i++)
	{
		records->records[i].profile_id &= ~FEED_RECORD_SEEN;
		if (unchanged->pass == MAX_PASSES)
			records->records[i].profile_id |= FEED_RECORD_PARSED;
	}
}

static void
make_hash(ImportUnchanged *unchanged, const csv_record *record, FeedRecordHash *hash)
{
	XXH128_hash_t digest = XXH3_128bits_withSeed(record->raw, record->raw_length, unchanged->seed);

	unchanged->file_sum += digest.low64;
	hash->words[0] = (uint32) digest.low64 | 1; /* so it is never all zero */
	hash->words[1] = (uint32) (digest.low64 >> 32);
	hash->words[2] = (uint32) digest.high64;
	hash->words[3] = (uint32) (digest.high64 >> 32) & ~FEED_RECORD_CELLS;
}

/* The hash of the record that was asked for last, while hashes are kept; else NULL. */
const FeedRecordHash *
import_unchanged_hash(const Import *import)
{
	return import->unchanged == NULL || !import->unchanged->keeps_hashes ? NULL : import->unchanged->record;
}

/* Looks up the next records, IMPORT_RECORDS_AT_ONCE at most, for import_unchanged_skip(). */
void
import_unchanged_look_up(Import *import, const csv_record *records, int count)
{
	ImportUnchanged *unchanged = import->unchanged;

	if (unchanged == NULL || !unchanged->keeps_hashes)
		return;
	for (int i = 0; i < count; i++)
	{
		make_hash(unchanged, &records[i], &unchanged->hashes[i]);
		if (unchanged->records != NULL)
			feed_records_prefetch(unchanged->records, unchanged->hashes, i);
	}
	if (unchanged->records != NULL)
		feed_records_find(unchanged->records, unchanged->hashes, count, unchanged->known);
}

/*
 * Is the record unchanged, of those that were looked up the one with this number, so
 * that nothing more has to be done about it?  Else it has to be parsed and staged, see
 * import_unchanged_stage().  must_parse: there is more to the record than its bytes.
 */
bool
import_unchanged_skip(Import *import, int number, bool must_parse)
{
	ImportUnchanged *unchanged = import->unchanged;
	FeedRecord *known;

	if (unchanged == NULL || !unchanged->keeps_hashes)
		return false;
	unchanged->record = &unchanged->hashes[number];
	known = unchanged->records == NULL ? NULL : unchanged->known[number];
	if (known == NULL || (known->profile_id & FEED_RECORD_PARSED) != 0)
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
	unchanged->active += (known->hash.words[3] & FEED_RECORD_ACTIVE) != 0;
	unchanged->inactive += (known->hash.words[3] & FEED_RECORD_INACTIVE) != 0;
	return true;
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
