/*
 * import_unchanged_store.c
 *		Keeps the hashes of an import's records for the next one.
 *
 * What they are kept for, and which records get none, is in import_unchanged.c.
 * While the file is read, the hashes of its rows are kept in their order, on disk if
 * they are many.  When all is written, what is new is appended to what the feed has,
 * or, if too much of that is outdated, all is written anew.
 */
#include "import_unchanged.h"

#include "access/table.h"
#include "catalog.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* ---- while the file is read and the account written ---- */

/* Remembers the hash of a record that is being staged, if it may get one at all. */
void
import_unchanged_stage(Import *import, const RowNote *note, const FeedRecordHash *record)
{
	ImportUnchanged *unchanged = import->unchanged;
	FeedRecordHash *hash;

	if (unchanged == NULL || !unchanged->keeps_hashes)
		return;
	if (unchanged->row_count > 0 && unchanged->row_count % HASHES_AT_ONCE == 0)
	{
		MemoryContext old_context = MemoryContextSwitchTo(unchanged->context);

		if (unchanged->file == NULL)
			unchanged->file = BufFileCreateTemp(false);
		BufFileWrite(unchanged->file, unchanged->rows, sizeof(FeedRecordHash) * HASHES_AT_ONCE);
		MemoryContextSwitchTo(old_context);
	}
	hash = &unchanged->rows[unchanged->row_count++ % HASHES_AT_ONCE];
	if (!note->is_lasting)
		memset(hash, 0, sizeof(FeedRecordHash));
	else
	{
		*hash = *record;
		hash->words[3] |= (note->says_active ? FEED_RECORD_ACTIVE : 0) |
			(note->says_inactive ? FEED_RECORD_INACTIVE : 0);
	}
}

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

/* ---- afterwards ---- */

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

/* All records are put into order so many at a time: 16 MB. */
#define WINDOW_WIDTH	(1024 * 1024)

/* A record that is to be stored. */
typedef struct Storing
{
	Import	   *import;
	ImportUnchanged *unchanged;
	bool		only_unaltered; /* only records that changed nothing */
	bool	   *is_stored;		/* of each written profile, for append() */
	void		(*put) (struct Storing *storing, int64 profile_id, const FeedRecordHash *hash);
	FeedRecordsWriter *writer;

	/* what all records are written by */
	int64		last_profile;
	bool		is_ascending;
	int64		low;			/* profile_ids */
	int64		high;
	int64		next;			/* the first one behind the window */
	int64		width;
	FeedRecordHash *window;		/* hashes of the profiles from low on */
} Storing;

static int64
find_written(const ImportUnchanged *unchanged, int64 profile_id)
{
	const int64 *found = unchanged->written.count == 0 ? NULL :
		bsearch(&profile_id, unchanged->written.profile_ids, unchanged->written.count, sizeof(int64), compare_int64s);

	return found == NULL ? -1 : found - unchanged->written.profile_ids;
}

static void
read_hashes(BufFile *file, FeedRecordHash *hashes)
{
	size_t		size = sizeof(FeedRecordHash) * HASHES_AT_ONCE;

	if (BufFileRead(file, hashes, size) != size)
		ereport(ERROR, errcode_for_file_access(), errmsg("could not read from a temporary file"));
}

/* Goes through the rows that get a hash. */
static void
each_row(Storing *storing)
{
	ImportUnchanged *unchanged = storing->unchanged;
	FeedRecordHash *hashes = unchanged->rows;
	int64		in_memory = unchanged->row_count == 0 ? 0 :
		(unchanged->row_count - 1) / HASHES_AT_ONCE * HASHES_AT_ONCE;	/* the first row that is */

	if (unchanged->file != NULL)
	{
		hashes = palloc(sizeof(FeedRecordHash) * HASHES_AT_ONCE);
		if (BufFileSeek(unchanged->file, 0, 0, SEEK_SET) != 0)
			ereport(ERROR, errcode_for_file_access(), errmsg("could not rewind a temporary file"));
	}
	for (int64 i = 0; i < unchanged->row_count; i++)
	{
		const RowTarget *target = &storing->import->targets[i];
		const FeedRecordHash *hash;

		if (i % HASHES_AT_ONCE == 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (i < in_memory)
				read_hashes(unchanged->file, hashes);
		}
		hash = &(i < in_memory ? hashes : unchanged->rows)[i % HASHES_AT_ONCE];
		if (target->state != ROW_ACCEPTED || target->is_unsettled || hash->words[0] == 0)
			continue;
		if (storing->only_unaltered && (target->is_new || find_written(unchanged, target->profile_id) >= 0))
			continue;
		storing->put(storing, target->profile_id, hash);
	}
	if (hashes != unchanged->rows)
		pfree(hashes);
}

static void
look_at_order(Storing *storing, int64 profile_id, const FeedRecordHash *unused)
{
	(void) unused;
	storing->is_ascending = storing->is_ascending && profile_id > storing->last_profile;
	storing->last_profile = profile_id;
	storing->low = Min(storing->low, profile_id);
	storing->high = Max(storing->high, profile_id);
}

/* Writes the known records of profiles before this one, but for those that the import has changed. */
static void
write_known(Storing *storing, FeedRecords *records, int64 *position, int64 before)
{
	for (; records != NULL && *position < records->count; (*position)++)
	{
		const FeedRecord *known = &records->records[*position];
		uint32		profile_id = feed_record_profile(known);

		if (profile_id >= before)
			return;
		if (!feed_record_is_empty(known) && find_written(storing->unchanged, profile_id) < 0)
			feed_records_write(storing->writer, profile_id, &known->hash);
	}
}

/* Writes the record behind those that were written before. */
static void
write_next(Storing *storing, int64 profile_id, const FeedRecordHash *hash)
{
	feed_records_write(storing->writer, profile_id, hash);
}

/* Puts the record into its place, if it is in the window. */
static void
collect(Storing *storing, int64 profile_id, const FeedRecordHash *hash)
{
	if (profile_id >= storing->low && profile_id - storing->low < storing->width)
		storing->window[profile_id - storing->low] = *hash;
	else if (profile_id > storing->low && profile_id < storing->next)
		storing->next = profile_id;
}

/* Writes the records in the window, and before and among them those of others. */
static void
write_window(Storing *storing, FeedRecords *records, int64 *known_position)
{
	for (int64 i = 0; i < storing->width; i++)
	{
		int64		profile_id = storing->low + i;

		if (storing->window[i].words[0] == 0)
			continue;
		write_known(storing, records, known_position, profile_id);
		if (records != NULL && *known_position < records->count &&
			feed_record_profile(&records->records[*known_position]) == profile_id)
			(*known_position)++;
		feed_records_write(storing->writer, profile_id, &storing->window[i]);
	}
}

/*
 * Writes all records of the feed anew, in the order of profiles: the file's, and
 * those that are known besides.  If the file has another order, its records are put
 * into a window of ids, which moves on over all of them.
 */
static void
write_all_records(Storing *storing)
{
	ImportUnchanged *unchanged = storing->unchanged;
	FeedRecords *records = unchanged->replaces ? NULL : unchanged->records;
	int64		known_position = 0;

	storing->is_ascending = true;
	storing->low = PG_INT64_MAX;
	storing->put = look_at_order;
	each_row(storing);
	feed_records_delete(unchanged->account, unchanged->feed);
	storing->writer = feed_records_write_begin(unchanged->account, unchanged->feed);
	if (records == NULL && storing->is_ascending)
	{
		storing->put = write_next;
		each_row(storing);
		feed_records_write_end(storing->writer);
		return;
	}

	storing->put = collect;
	storing->width = Min(storing->high - storing->low + 1, WINDOW_WIDTH);
	storing->window = storing->width <= 0 ? NULL :
		MemoryContextAllocHuge(CurrentMemoryContext, sizeof(FeedRecordHash) * storing->width);
	while (storing->low <= storing->high)
	{
		storing->next = PG_INT64_MAX;
		memset(storing->window, 0, sizeof(FeedRecordHash) * storing->width);
		each_row(storing);
		write_window(storing, records, &known_position);
		storing->low = storing->next;
	}
	write_known(storing, records, &known_position, PG_INT64_MAX);
	feed_records_write_end(storing->writer);
	if (storing->window != NULL)
		pfree(storing->window);
}

/* Appends the record unless the profile has it already. */
static void
append(Storing *storing, int64 profile_id, const FeedRecordHash *hash)
{
	const FeedRecord *known = storing->unchanged->records == NULL ? NULL :
		feed_records_of(storing->unchanged->records, profile_id);
	int64		written = find_written(storing->unchanged, profile_id);

	if (written >= 0)
		storing->is_stored[written] = true;
	if (known == NULL || memcmp(&known->hash, hash, sizeof(FeedRecordHash)) != 0)
		feed_records_write(storing->writer, profile_id, hash);
}

/* Appends what is new, and that profiles have no record any more. */
static void
append_records(Storing *storing)
{
	ImportUnchanged *unchanged = storing->unchanged;

	storing->is_stored = MemoryContextAllocExtended(CurrentMemoryContext, Max(unchanged->written.count, 1),
													MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	storing->writer = feed_records_write_begin(unchanged->account, unchanged->feed);
	storing->put = append;
	each_row(storing);
	for (int64 i = 0; i < unchanged->written.count; i++)
		if (!storing->is_stored[i])
			feed_records_write(storing->writer, unchanged->written.profile_ids[i], NULL);
	feed_records_write_end(storing->writer);
	pfree(storing->is_stored);
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
	if (is_outdated(unchanged))
		write_all_records(&storing);
	else
		append_records(&storing);
	if (unchanged->replaces)
		note_fingerprint(unchanged);
	MemoryContextSwitchTo(old_context);
}
