/*
 * import_remote.c
 *		The vendor's own list of users: what the vendor has now.
 *
 * "changes" holds what the vendor has as the difference from what the account
 * wants (see change_log.c).  Here that difference is made anew from the list
 * (see import_remote_difference.c), so that the diff afterwards is what really
 * differs.
 *
 *	- Somebody whom the account does not have is put as one who was deleted: the
 *	  diff takes the licenses, groups and permissions away.  With adopt, the
 *	  profile is made instead, whatever it is similar to: the vendor has both.
 *	- Somebody whom the list does not have, if it is complete, is put as one whom
 *	  the vendor does not know.
 *	- A row that is faulty is set aside, and what was known of its person stays.
 *	- Whether an invitation was accepted is something that only the vendor knows:
 *	  seats that are taken here and there get the vendor's status and its date.
 *
 * A row's profile is found by what the vendor was known to have of it, then by
 * what it has now: by unique_user_id, then by address.  Of those who were
 * deleted here, the vendor's keys are known too.
 *
 * Writers are locked out while the difference is made: a change that they had
 * logged, but not committed yet, would come before ours and count as older.
 *
 * An export may be open meanwhile.  Its confirmation deletes the rows of
 * "changes" that it has read, by change_id.  Those that were made anew here have
 * other change_ids and stay: what the list says the vendor lacks is exported
 * once more, which changes nothing if the vendor has it by then.
 */
#include "import_remote.h"

#include "account_lock.h"
#include "license_cap.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/memutils.h"

/* Rows whose profiles are fetched at once. */
#define BATCH_SIZE	1000

/* Rows whose keys are looked up at once. */
#define MATCH_COUNT	200000

/* By what a row may find a profile; the first that nobody else has found counts. */
typedef enum RemoteKey
{
	BY_VENDOR_USER_ID,			/* that the vendor was known to have */
	BY_USER_ID,
	BY_VENDOR_ADDRESS,
	BY_ADDRESS,
	BY_DELETED_USER_ID,			/* of somebody whom only the vendor has */
	BY_DELETED_ADDRESS,
	KEY_COUNT
} RemoteKey;

/* What the keys of a row find; profile_ids, 0 for none. */
typedef struct RemoteMatch
{
	int64		profiles[KEY_COUNT];
	int64		profile_id;		/* the choice */
	bool		is_deleted;		/* it is one of those whom only the vendor has */
	int64		replaced_id;	/* somebody who was deleted, and is the same to the vendor; or 0 */
} RemoteMatch;

typedef struct RemoteBatch
{
	int			count;
	int64		first;			/* number of the first row */
	ImportRow	rows[BATCH_SIZE];
	HTAB	   *present;
} RemoteBatch;

/* $1 and $2: the rows from the one up to the other. */
static const char match_query[] =
	"WITH logged AS MATERIALIZED ("
	" SELECT DISTINCT ON (profile_id, column_name) profile_id, column_name, vendor_value, change_id"
	" FROM @account.changes"
	" WHERE column_name IS NULL OR column_name IN ('primary_email_address', 'unique_user_id')"
	" ORDER BY profile_id, column_name, change_id"
	"), known AS MATERIALIZED ("
	" SELECT l.profile_id, p.profile_id IS NOT NULL AS lives,"
	"  lower(max(l.vendor_value COLLATE \"C\") FILTER (WHERE l.column_name = 'primary_email_address')) AS address,"
	"  max(l.vendor_value) FILTER (WHERE l.column_name = 'unique_user_id') AS user_id"
	" FROM logged AS l LEFT JOIN @account.profiles AS p ON p.profile_id = l.profile_id"
	" GROUP BY l.profile_id, p.profile_id"
	" HAVING NOT coalesce(min(l.change_id) FILTER (WHERE l.column_name IS NULL)"
	"  < min(l.change_id) FILTER (WHERE l.column_name = 'primary_email_address'),"
	"  bool_or(l.column_name IS NULL))"
	"), listed AS MATERIALIZED ("
	" SELECT row, unique_user_id, primary_email_address,"
	"  lower(primary_email_address::text COLLATE \"C\") AS address"
	" FROM staged WHERE row >= $1 AND row < $2"
	") SELECT s.row, vu.profile_id, u.profile_id, va.profile_id, a.profile_id, du.profile_id, da.profile_id"
	" FROM listed AS s"
	" LEFT JOIN known AS vu ON vu.user_id = s.unique_user_id AND vu.lives"
	" LEFT JOIN @account.profiles AS u ON u.unique_user_id = s.unique_user_id"
	" LEFT JOIN known AS va ON va.address = s.address AND va.lives"
	" LEFT JOIN @account.profiles AS a ON a.primary_email_address = s.primary_email_address"
	" LEFT JOIN known AS du ON du.user_id = s.unique_user_id AND NOT du.lives"
	" LEFT JOIN known AS da ON da.address = s.address AND NOT da.lives";

/* ---- whom a row is about ---- */

static int64
id_or_zero(int row, int column)
{
	bool		isnull;
	Datum		value = sql_value(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* What the keys of all rows find, the rejected ones too. */
static RemoteMatch *
find_matches(Import *import)
{
	int64		row_count = import_staging_count(import->staging);
	RemoteMatch *matches = MemoryContextAllocExtended(import->attempt_context,
													  sizeof(RemoteMatch) * Max(row_count, 1),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int64 first = 0; first < row_count; first += MATCH_COUNT)
	{
		uint64		count = sql_run_once_latest(import->account, match_query, 2,
												(SqlArgument[]) {SQL_INT8(first), SQL_INT8(first + MATCH_COUNT)});

		for (uint64 i = 0; i < count; i++)
			for (int key = 0; key < KEY_COUNT; key++)
				matches[sql_int64((int) i, 0)].profiles[key] = id_or_zero((int) i, key + 1);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	return matches;
}

/* Gives a profile to a row unless another row has it; did it? */
static bool
take(HTAB *taken, int64 profile_id)
{
	bool		found;

	(void) hash_search(taken, &profile_id, HASH_ENTER, &found);
	return !found;
}

/*
 * Gives each profile to the one accepted row that names it best; then also those
 * who were deleted here, and made again.
 */
static void
choose_profiles(Import *import, RemoteMatch *matches)
{
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(int64),.hcxt = import->attempt_context};
	HTAB	   *taken = hash_create("orgsync listed profiles", 1024, &control,
									HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	for (int key = 0; key < KEY_COUNT; key++)
		for (int64 i = 0; i < import_staging_count(import->staging); i++)
		{
			int64		profile_id = matches[i].profiles[key];

			if (profile_id == 0 || matches[i].profile_id != 0 || import->targets[i].state != ROW_ACCEPTED ||
				!take(taken, profile_id))
				continue;
			matches[i].profile_id = profile_id;
			matches[i].is_deleted = key >= BY_DELETED_USER_ID;
		}
	for (int key = BY_DELETED_USER_ID; key < KEY_COUNT; key++)
		for (int64 i = 0; i < import_staging_count(import->staging); i++)
			if (matches[i].profile_id != 0 && !matches[i].is_deleted && matches[i].replaced_id == 0 &&
				matches[i].profiles[key] != 0 && take(taken, matches[i].profiles[key]))
				matches[i].replaced_id = matches[i].profiles[key];
}

/*
 * May a profile be made of the row?  Not if somebody here has its address or its
 * id, although another row is about that profile.
 */
static bool
is_adoptable(const RemoteMatch *match)
{
	return (match->profile_id == 0 || match->is_deleted) &&
		match->profiles[BY_USER_ID] == 0 && match->profiles[BY_ADDRESS] == 0;
}

/* Rejects the rows that repeat a person, and those without an address, which the vendor's people have. */
static void
check_rows(Import *import, const RemoteMatch *matches)
{
	RepeatedKeys keys = import_repeated_keys_begin(import);

	import_staging_rewind(import->staging);
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
	{
		ImportRow	row;

		MemoryContextReset(import->row_context);
		if (!import_staging_next(import, &row, false))
			elog(ERROR, "staged row " INT64_FORMAT " is missing", i);
		import_repeated_keys_check(import, &keys, &row, i);
		if (!row.rejected && row.primary_email_address == NULL &&
			(import->email_column != NO_COLUMN ||
			 (matches[i].profiles[BY_VENDOR_USER_ID] == 0 && matches[i].profiles[BY_USER_ID] == 0 &&
			  matches[i].profiles[BY_DELETED_USER_ID] == 0)))
			import_reject(import, &row, FINDING_MISSING_EMAIL, import->email_column == NO_COLUMN ? NULL :
						  import->columns[import->email_column].header, 0);
		import->targets[i].has_address = true;
		import->targets[i].state = row.rejected ? ROW_REJECTED : ROW_ACCEPTED;
		import->counts.rejected += row.rejected;
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- row by row ---- */

/* Whom a rejected row names stays as it was known; if that is not to be read, nobody is missing. */
static void
keep_rejected(Import *import, RemoteDifference *difference, const ImportRow *row, const RemoteMatch *match)
{
	bool		is_found = false;

	for (int key = 0; key < KEY_COUNT; key++)
		if (match->profiles[key] != 0)
		{
			remote_difference_person(difference, match->profiles[key], false, 0);
			is_found = true;
		}
	if (row->key_unreadable && !is_found && (import->unreadable_line == 0 || row->line < import->unreadable_line))
		import->unreadable_line = row->line;
}

static void
put_row(Import *import, RemoteDifference *difference, ImportRow *row, int64 row_number, const RemoteMatch *match,
		const PresentProfile *present)
{
	PresentProfile nobody = {0};

	if (present != NULL)
	{
		remote_difference_person(difference, match->profile_id, true, match->replaced_id);
		if (remote_compare(import, difference, row, present))
			import->counts.updated++;
		else
			import->counts.unchanged++;
	}
	else if (import->options.adopt && is_adoptable(match))
	{
		int64		profile_id = import_adopt(import, row, row_number);

		remote_difference_person(difference, profile_id, true, match->profile_id);
		remote_compare_adopted(import, difference, row, profile_id);
	}
	else
	{
		nobody.profile_id = match->profile_id != 0 ? match->profile_id : import_new_profile_id(import);
		remote_difference_person(difference, nobody.profile_id, true, 0);
		(void) remote_compare(import, difference, row, &nobody);
		import->counts.updated++;
	}
}

/* Reads the next rows, and what there is of them. */
static bool
next_batch(Import *import, RemoteBatch *batch, const RemoteMatch *matches)
{
	int64		profile_ids[BATCH_SIZE];
	int			profile_count = 0;

	MemoryContextReset(import->row_context);
	batch->first += batch->count;
	batch->count = 0;
	while (batch->count < BATCH_SIZE && import_staging_next(import, &batch->rows[batch->count], true))
	{
		int64		row_number = batch->first + batch->count;
		ImportRow  *row = &batch->rows[batch->count++];

		row->rejected = import->targets[row_number].state == ROW_REJECTED;
		if (matches[row_number].profile_id != 0 && !matches[row_number].is_deleted)
			profile_ids[profile_count++] = matches[row_number].profile_id;
	}
	if (batch->count > 0)
		batch->present = import_fetch_present(import, profile_ids, profile_count);
	CHECK_FOR_INTERRUPTS();
	return batch->count > 0;
}

static void
put_rows(Import *import, RemoteDifference *difference, const RemoteMatch *matches)
{
	RemoteBatch *batch = MemoryContextAllocZero(import->attempt_context, sizeof(RemoteBatch));

	import_staging_rewind(import->staging);
	while (next_batch(import, batch, matches))
		for (int i = 0; i < batch->count; i++)
		{
			int64		row_number = batch->first + i;
			const RemoteMatch *match = &matches[row_number];
			PresentProfile *present = NULL;
			MemoryContext old_context = MemoryContextSwitchTo(import->row_context);

			if (match->profile_id != 0 && !match->is_deleted)
				present = hash_search(batch->present, &match->profile_id, HASH_FIND, NULL);
			if (batch->rows[i].rejected)
				keep_rejected(import, difference, &batch->rows[i], match);
			else
				put_row(import, difference, &batch->rows[i], row_number, match, present);
			MemoryContextSwitchTo(old_context);
		}
}

/* ---- the whole ---- */

/* What the vendor reports is recorded, also over the cap, but flagged. */
static void
report_over_cap(Import *import)
{
	LicenseUsage *licenses;
	int			count = license_usage_read(import->account, &licenses);

	for (int i = 0; i < count; i++)
	{
		int64		taken = license_usage_taken(&licenses[i]);

		if (licenses[i].terms.seats != SEATS_WITHOUT_LIMIT && taken > licenses[i].terms.seats)
			import_report(import, FINDING_OVER_CAP, 0, licenses[i].terms.header, NULL, 3, licenses[i].terms.header,
						  psprintf(INT64_FORMAT, licenses[i].terms.seats), psprintf(INT64_FORMAT, taken));
	}
}

static void
apply_list(Import *import, RemoteDifference *difference)
{
	RemoteMatch *matches = find_matches(import);
	bool		is_complete = import->options.complete;

	import->targets = MemoryContextAllocExtended(import->attempt_context, sizeof(RowTarget) *
												 Max(import_staging_count(import->staging), 1),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check_rows(import, matches);
	choose_profiles(import, matches);
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		import->targets[i].profile_id = matches[i].is_deleted ? 0 : import_target_profile(matches[i].profile_id);
	if (import->options.adopt)
		import_similar_begin(import);
	put_rows(import, difference, matches);
	if (import->options.adopt)
		import_similar_end(import);
	if (is_complete && import->unreadable_line != 0)
	{
		import_report(import, FINDING_ABSENCE_UNKNOWN, import->unreadable_line, NULL, NULL, 1,
					  psprintf(INT64_FORMAT, import->unreadable_line));
		is_complete = false;
	}
	import_source_set(import);
	if (import->options.adopt)
		import_apply(import);
	remote_difference_write(import, difference, is_complete);
	report_over_cap(import);
}

/*
 * The second phase of a list of the vendor's: makes the difference from it, and
 * adopts people if that is asked for.  The rows must be registered as "staged".
 */
void
import_remote_apply(Import *import)
{
	MemoryContext old_context;
	RemoteDifference *difference;
	Oid			forced_before = license_forced_account;
	ChangeSourceState source_before;

	account_lock_writers(import->account);
	import_make_groups(import);
	old_context = MemoryContextSwitchTo(import->attempt_context);
	difference = remote_difference_create();
	import->changes = import_changes_create(import);
	MemoryContextSwitchTo(old_context);

	license_forced_account = import->account->namespace_oid;
	source_before = change_log_save_source();
	PG_TRY();
	{
		apply_list(import, difference);
	}
	PG_FINALLY();
	{
		license_forced_account = forced_before;
		change_log_restore_source(&source_before);
		remote_difference_unregister();
	}
	PG_END_TRY();
	remote_difference_end(difference);
	import_changes_end(import->changes);
}
