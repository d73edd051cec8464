/*
 * import_resolve.c
 *		Which profile each row of a file means.
 *
 * Of the profiles that have a row's keys, the rules of the product choose, in line order
 * (LinkedIn products):
 *
 *	1. existing_email_address: the profile with that address;
 *	2. unique_user_id: the profile with that id; if there is none, the one that
 *	   has the new_unique_user_id already (the file was imported before), or the
 *	   profile with the row's address if that has no id yet; else a new profile;
 *	3. only an address: the profile with it, else a new profile.
 *
 * An address that another profile has now may be taken if that profile gets a
 * new one by the same file: the file's final state decides.  Whether it really
 * does is known only when all rows are decided; see import_decide.c.
 *
 * What is kept in memory is one RowTarget a row, and if the account has profiles, while
 * the rows are resolved, what was found for each; see import_match.c.
 */
#include "import.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "sql.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Keys are e-mail addresses or employee ids, of at most 255 bytes. */
#define KEY_SIZE	256

/* ---- rows that name one person twice ---- */

/* Who has a key that another row has too, by the key itself. */
typedef struct KeyOwner
{
	char		key[KEY_SIZE];
	int64		line;
} KeyOwner;

static HTAB *
key_table(MemoryContext context, const char *name, Size key_size, Size entry_size)
{
	HASHCTL		control = {.keysize = key_size,.entrysize = entry_size,.hcxt = context};

	return hash_create(name, 256, &control, HASH_ELEM | HASH_CONTEXT |
					   (key_size == sizeof(int64) ? HASH_BLOBS : HASH_STRINGS));
}

/* Tables of the keys of the rows so far, in the memory of the attempt. */
RepeatedKeys
import_repeated_keys_begin(Import *import)
{
	RepeatedKeys keys;

	keys.emails = key_table(import->attempt_context, "orgsync e-mails", KEY_SIZE, sizeof(KeyOwner));
	keys.user_ids = key_table(import->attempt_context, "orgsync ids", KEY_SIZE, sizeof(KeyOwner));
	keys.claimed_ids = key_table(import->attempt_context, "orgsync claimed ids", KEY_SIZE, sizeof(KeyOwner));
	return keys;
}

/*
 * Reports the row if an earlier one has the same key, by exact comparison; only
 * rows whose hash is shared come here.
 */
static void
check_key(Import *import, HTAB *owners, ImportRow *row, const char *key, const char *value, const char *kind,
		  int column)
{
	char		buffer[KEY_SIZE];
	KeyOwner   *owner;
	bool		found;

	strlcpy(buffer, key, sizeof(buffer));
	owner = hash_search(owners, buffer, HASH_ENTER, &found);
	if (!found)
		owner->line = row->line;
	else
		import_reject(import, row, FINDING_DUPLICATE_ROW,
					  column == NO_COLUMN ? NULL : import->columns[column].header, 3,
					  kind, value, psprintf(INT64_FORMAT, owner->line));
}

/* Rejects a row, in line order, that names the person of an earlier one by the same key. */
void
import_repeated_keys_check(Import *import, RepeatedKeys *keys, ImportRow *row, int64 row_number)
{
	if (!row->rejected && row->primary_email_address != NULL &&
		import_keys_shared(import->emails, row_number) != 0)
		check_key(import, keys->emails, row,
				  asc_tolower(row->primary_email_address, strlen(row->primary_email_address)),
				  row->primary_email_address, "e-mail address", import->email_column);
	if (!row->rejected && row->unique_user_id != NULL && import_keys_shared(import->user_ids, row_number) != 0)
		check_key(import, keys->user_ids, row, row->unique_user_id, row->unique_user_id, "unique_user_id",
				  import->user_id_column);
}

/* The same if the row gives its profile the id that an earlier one gives, be it as the new one. */
void
import_repeated_keys_claim(Import *import, RepeatedKeys *keys, ImportRow *row, int64 row_number)
{
	bool		is_new = row->new_unique_user_id != NULL;
	const char *user_id = is_new ? row->new_unique_user_id : row->unique_user_id;

	if (row->rejected || row->unique_user_id == NULL || import_keys_shared(import->user_ids, row_number) == 0)
		return;
	check_key(import, keys->claimed_ids, row, user_id, user_id, "unique_user_id",
			  is_new ? import->new_user_id_column : import->user_id_column);
}

/*
 * Which profiles more than one row may mean: a Bloom filter of one key, so that of
 * nearly all rows nothing has to be remembered.
 */
typedef struct SharedProfiles
{
	int			shift;			/* from a hash of 64 bits to a bit of the sets */
	uint8	   *once;
	uint8	   *twice;
} SharedProfiles;

#define BITS_PER_ROW	16

/* Ids follow upon one another: multiplied by the golden ratio, they are spread evenly. */
static inline uint64
place_of(const SharedProfiles *shared, int64 profile_id)
{
	return ((uint64) profile_id * UINT64CONST(0x9E3779B97F4A7C15)) >> shared->shift;
}

static void
add_shared(SharedProfiles *shared, int64 profile_id)
{
	uint64		place = place_of(shared, profile_id);
	uint8		bit = 1 << (place & 7);

	if (profile_id == 0)
		return;
	if ((shared->once[place >> 3] & bit) != 0)
		shared->twice[place >> 3] |= bit;
	else
		shared->once[place >> 3] |= bit;
}

static SharedProfiles
find_shared_profiles(Import *import, const RowMatches *matches, int64 count)
{
	SharedProfiles shared;
	uint64		bits = pg_nextpower2_64((uint64) Max(count, 64) * BITS_PER_ROW);

	shared.shift = 64 - pg_leftmost_one_pos64(bits);
	shared.once = MemoryContextAllocExtended(import->attempt_context, bits / 8, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	shared.twice = MemoryContextAllocExtended(import->attempt_context, bits / 8, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int64 i = 0; i < count; i++)
	{
		RowMatch	match = import_match_of(matches, i);

		add_shared(&shared, match.by_user_id);
		if (match.by_address != match.by_user_id)
			add_shared(&shared, match.by_address);
		if (match.by_existing_address != match.by_user_id && match.by_existing_address != match.by_address)
			add_shared(&shared, match.by_existing_address);
		if (match.by_new_user_id != match.by_user_id && match.by_new_user_id != match.by_address &&
			match.by_new_user_id != match.by_existing_address)
			add_shared(&shared, match.by_new_user_id);
	}
	return shared;
}

static bool
may_be_shared(const SharedProfiles *shared, int64 profile_id)
{
	uint64		place = place_of(shared, profile_id);

	return (shared->twice[place >> 3] & 1 << (place & 7)) != 0;
}

/* The line of the first row that names a profile. */
typedef struct ProfileOwner
{
	int64		profile_id;		/* hash key */
	int64		line;
} ProfileOwner;

/* ---- the choice ---- */

/* The profile that has the address of a row. */
typedef struct AddressHolder
{
	int64		row;			/* hash key */
	int64		profile_id;
} AddressHolder;

static void
note_address_holder(Import *import, int64 row_number, int64 profile_id)
{
	if (import->address_holders == NULL)
		import->address_holders = key_table(import->attempt_context, "orgsync address holders", sizeof(int64),
											sizeof(AddressHolder));
	((AddressHolder *) hash_search(import->address_holders, &row_number, HASH_ENTER, NULL))->profile_id = profile_id;
}

/* Another profile that has the row's address before the import, or 0. */
int64
import_address_holder(const Import *import, int64 row_number)
{
	if (!import->targets[row_number].takes_address)
		return 0;
	return ((AddressHolder *) hash_search(import->address_holders, &row_number, HASH_FIND, NULL))->profile_id;
}

/* The id as a RowTarget can hold it; an error if it is out of all reason. */
int64
import_target_profile(int64 profile_id)
{
	const int64 limit = INT64CONST(1) << 55;

	if (profile_id >= limit || profile_id < -limit)
		ereport(ERROR,
				errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("profile_id " INT64_FORMAT " is too great for an import", profile_id));
	return profile_id;
}

/* Chooses the row's profile, by the rules at the top of the file. */
static void
choose_profile(Import *import, ImportRow *row, const RowMatch *match, RowTarget *target)
{
	if (row->existing_email_address != NULL)
	{
		target->profile_id = import_target_profile(match->by_existing_address);
		if (target->profile_id == 0)
			import_reject(import, row, FINDING_UNKNOWN_PROFILE,
						  import->columns[import->existing_email_column].header, 1, row->existing_email_address);
		else if (match->user_id_differs && match->by_user_id != target->profile_id)
			import_reject(import, row, FINDING_INVALID_VALUE, import->columns[import->user_id_column].header, 3,
						  import->columns[import->user_id_column].header, row->unique_user_id,
						  "the profile with the existing e-mail address has another id");
		else if (match->by_user_id != 0 && match->by_user_id != target->profile_id)
			import_reject(import, row, FINDING_INVALID_VALUE, import->columns[import->user_id_column].header, 3,
						  import->columns[import->user_id_column].header, row->unique_user_id,
						  "another profile has this id");
	}
	else if (row->unique_user_id != NULL && match->by_user_id != 0)
		target->profile_id = import_target_profile(match->by_user_id);
	else if (row->new_unique_user_id != NULL && match->by_new_user_id != 0)
		target->profile_id = import_target_profile(match->by_new_user_id);
	else if (match->by_address != 0 && (row->unique_user_id == NULL || !match->address_has_user_id))
		target->profile_id = import_target_profile(match->by_address);
	else
		target->profile_id = 0;

	if (row->rejected)
		return;
	if (target->profile_id == 0 && row->primary_email_address == NULL)
		import_reject(import, row, FINDING_MISSING_EMAIL,
					  import->email_column == NO_COLUMN ? NULL : import->columns[import->email_column].header, 0);
	else if (match->by_new_user_id != 0 && match->by_new_user_id != target->profile_id)
		import_reject(import, row, FINDING_INVALID_VALUE, import->columns[import->new_user_id_column].header, 3,
					  import->columns[import->new_user_id_column].header, row->new_unique_user_id,
					  "another profile has this id");
	else if (row->primary_email_address != NULL)
	{
		target->has_address = true;
		target->renames = match->by_address != target->profile_id;
		if (match->by_address != 0 && match->by_address != target->profile_id)
		{
			target->takes_address = true;
			note_address_holder(import, target - import->targets, match->by_address);
		}
	}
}

/*
 * Notes that a row or a finding names the profile, so that it is not absent
 * although no accepted row is about it.
 */
void
import_note_named(Import *import, int64 profile_id)
{
	if (profile_id == 0)
		return;
	if (import->named_count == import->named_capacity)
	{
		import->named_capacity = Max(import->named_capacity * 2, 64);
		import->named = import->named == NULL ?
			MemoryContextAlloc(import->attempt_context, sizeof(int64) * import->named_capacity) :
			repalloc_huge(import->named, sizeof(int64) * import->named_capacity);
	}
	import->named[import->named_count++] = profile_id;
}

/* Notes whom a rejected row names; nobody is absent if that is not to be known. */
static void
note_rejected(Import *import, const ImportRow *row, const RowMatch *match)
{
	import_note_named(import, match->by_user_id);
	import_note_named(import, match->by_new_user_id);
	import_note_named(import, match->by_existing_address);
	import_note_named(import, match->by_address);
	if (row->key_unreadable && match->by_user_id == 0 && match->by_existing_address == 0 &&
		match->by_address == 0 && (import->unreadable_line == 0 || row->line < import->unreadable_line))
		import->unreadable_line = row->line;
}

/* The records of profiles that a row may mean are not unchanged, but have to be compared with it. */
static void
touch_unchanged(Import *import, const RowMatch *match)
{
	import_unchanged_touch(import, match->by_user_id);
	import_unchanged_touch(import, match->by_address);
	import_unchanged_touch(import, match->by_existing_address);
	import_unchanged_touch(import, match->by_new_user_id);
}

/* What is kept while the rows are resolved, one after the other. */
struct ImportResolution
{
	const RowMatches *matches;	/* NULL: the account has nobody */
	RepeatedKeys keys;
	HTAB	   *profiles;		/* of ProfileOwner; NULL: no two rows can mean one profile */
	SharedProfiles shared;		/* if there are any */
};

/* Rejects a row that means the profile of an earlier one by another key. */
static void
check_profile(Import *import, const ImportResolution *resolution, ImportRow *row, int64 profile_id)
{
	bool		found;
	ProfileOwner *owner;

	if (profile_id == 0 || !may_be_shared(&resolution->shared, profile_id))
		return;
	owner = hash_search(resolution->profiles, &profile_id, HASH_ENTER, &found);
	if (!found)
		owner->line = row->line;
	else
		import_reject(import, row, FINDING_DUPLICATE_ROW, NULL, 3, "the profile of",
					  row->primary_email_address ? row->primary_email_address :
					  row->unique_user_id ? row->unique_user_id : row->existing_email_address,
					  psprintf(INT64_FORMAT, owner->line));
}

/*
 * Sets the target of a row, the next by line, and reports it if it does not say
 * clearly whom it is about.
 */
void
import_resolve_row(Import *import, ImportRow *row, int64 row_number)
{
	ImportResolution *resolution = import->resolution;
	RowTarget  *target = &import->targets[row_number];
	RowMatch	match = import_match_of(resolution->matches, row_number);

	touch_unchanged(import, &match);
	import_repeated_keys_check(import, &resolution->keys, row, row_number);
	if (!row->rejected)
		choose_profile(import, row, &match, target);
	import_repeated_keys_claim(import, &resolution->keys, row, row_number);
	if (!row->rejected && resolution->profiles != NULL)
		check_profile(import, resolution, row, target->profile_id);
	if (row->rejected)
	{
		target->state = ROW_REJECTED;
		note_rejected(import, row, &match);
	}
}

/* Resolves all rows of an import into an account that has people. */
static void
resolve_rows(Import *import, RowMatches *matches, int64 count)
{
	ImportResolution *resolution = import->resolution;

	resolution->matches = matches;
	/* several keys to choose by: two rows may mean one profile by different ones */
	if ((import->email_column != NO_COLUMN) + (import->existing_email_column != NO_COLUMN) +
		(import->user_id_column != NO_COLUMN) + (import->new_user_id_column != NO_COLUMN) > 1)
	{
		resolution->shared = find_shared_profiles(import, matches, count);
		resolution->profiles = key_table(import->attempt_context, "orgsync rows by profile", sizeof(int64),
										 sizeof(ProfileOwner));
	}

	import_staging_rewind(import->staging);
	for (int64 i = 0; i < count; i++)
	{
		ImportRow	row;

		MemoryContextReset(import->row_context);
		if (!import_staging_next(import, &row, false))
			elog(ERROR, "staged row " INT64_FORMAT " is missing", i);
		import_resolve_row(import, &row, i);
		CHECK_FOR_INTERRUPTS();
	}
	if (resolution->profiles != NULL)
	{
		hash_destroy(resolution->profiles);
		pfree(resolution->shared.once);
		pfree(resolution->shared.twice);
		resolution->profiles = NULL;
	}
	resolution->matches = NULL;
}

/* Has the account no profile at all, as far as the caller can see? */
static bool
is_first_import(Import *import)
{
	bool		is_empty = sql_run(import->account, "SELECT FROM @account.profiles LIMIT 1", 0, NULL) == 0;

	SPI_freetuptable(SPI_tuptable);
	return is_empty;
}

/*
 * Sets import->targets, and reports the rows that do not say clearly whom they are
 * about.  Of a first import that is left to who decides on the rows, and calls
 * import_resolve_row() for each: all of them are newcomers, whoever is rejected.
 */
void
import_resolve(Import *import)
{
	int64		count = import_staging_count(import->staging);
	RowMatches *matches = NULL;

	import->resolution = MemoryContextAllocZero(import->attempt_context, sizeof(ImportResolution));
	import->resolution->keys = import_repeated_keys_begin(import);
	/* who finds somebody need not ask whether there is anybody */
	if (count > 0 && count <= IMPORT_FEW_ROWS)
		matches = import_matches_find(import);
	import->is_first = !import_matches_any(matches, count) && is_first_import(import);
	if (count > IMPORT_FEW_ROWS && !import->is_first)
		matches = import_matches_find(import);
	import->targets = MemoryContextAllocExtended(import->attempt_context, sizeof(RowTarget) * Max(count, 1),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (!import->is_first)
		resolve_rows(import, matches, count);
	if (matches != NULL)
		import_matches_free(matches);
}
