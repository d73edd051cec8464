/*
 * import_similar.c
 *		Rows that look like an existing profile or like an earlier row.
 *
 * Rows are checked in line order, each with the profiles as they are by then and
 * with the rows accepted before it.  What might be similar shares a key:
 *
 *	- with a profile: the rows' keys are joined with the profiles' at once.  What
 *	  is found is rare, so it is kept in memory: a Candidate for each row and
 *	  profile, and a Person for each profile, which is brought up to date when
 *	  a row of its own is accepted.
 *	- with an earlier row: rows that share a key with one another are known from
 *	  reading the file (import_keys.c), so only these and the rows that have
 *	  candidates are remembered when they are accepted.
 */
#include "import.h"

#include "account_lock.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Rows without an address are looked up so many at a time. */
#define LOOKUP_COUNT	100000

/* A profile that shares a key with a row, or did before the import. */
typedef struct Candidate
{
	int64		row;
	int64		profile_id;
} Candidate;

/* A profile that is a candidate, as the rows accepted so far have made it. */
typedef struct Person
{
	int64		profile_id;		/* hash key */
	bool		is_confirmed;	/* reupload_user_profile */
	ComparedProfile profile;
} Person;

/* An accepted row. */
typedef struct AcceptedRow
{
	int64		line;
	int64		profile_id;		/* 0: it makes a new profile */
	bool		is_confirmed;
	ComparedProfile profile;
} AcceptedRow;

/* The accepted rows of one key. */
typedef struct AcceptedRun
{
	int64		key;			/* hash key */
	List	   *rows;			/* of AcceptedRow * */
} AcceptedRun;

typedef struct SimilarRows
{
	int64		candidate_count;
	int64		candidate_capacity;
	int64		next;			/* the first candidate not passed yet */
	Candidate  *candidates;		/* in row order */
	HTAB	   *people;
	HTAB	   *accepted;
} SimilarRows;

#define CANDIDATE_COLUMNS \
	" p.profile_id, p.reupload_user_profile, p.primary_email_address::text, p.unique_user_id," \
	" p.preferred_first_name, p.preferred_last_name"

/* Without aliases every row has just one key, and the plan is the better for it. */
static const char candidates_query[] =
	"SELECT s.row," CANDIDATE_COLUMNS
	" FROM staged AS s JOIN @account.profiles AS p"
	" ON address_key(p.primary_email_address) = s.address_keys[1]"
	" AND p.primary_email_address <> s.primary_email_address"
	" WHERE NOT s.rejected";

static const char aliased_candidates_query[] =
	"SELECT s.row," CANDIDATE_COLUMNS
	" FROM staged AS s CROSS JOIN LATERAL unnest(s.address_keys) AS k (key)"
	" JOIN @account.profiles AS p ON address_key(p.primary_email_address) = k.key"
	" AND p.primary_email_address <> s.primary_email_address"
	" WHERE NOT s.rejected";

/* Of rows that give no address: by the address that their profile has. */
static const char own_address_query[] =
	"SELECT r.row, p.profile_id, p.primary_email_address::text FROM unnest($1, $2) AS r (row, profile_id)"
	" JOIN @account.profiles AS p USING (profile_id)";

static const char addressless_candidates_query[] =
	"SELECT k.row," CANDIDATE_COLUMNS
	" FROM unnest($1, $2, $3) AS k (row, profile_id, key)"
	" JOIN @account.profiles AS p ON address_key(p.primary_email_address) = k.key"
	" AND p.profile_id <> k.profile_id";

/* ---- finding candidates ---- */

static char *
copy_string(const char *string)
{
	return string ? pstrdup(string) : NULL;
}

static ComparedProfile
copy_profile(const ComparedProfile *profile)
{
	ComparedProfile copy = {
		.primary_email_address = copy_string(profile->primary_email_address),
		.unique_user_id = copy_string(profile->unique_user_id),
		.preferred_first_name = copy_string(profile->preferred_first_name),
		.preferred_last_name = copy_string(profile->preferred_last_name)
	};

	return copy;
}

/* Adds the candidates that a query found, in the columns row and CANDIDATE_COLUMNS. */
static void
add_candidates(Import *import, SimilarRows *similar, uint64 count)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);

	if (similar->candidate_count + (int64) count > similar->candidate_capacity)
	{
		similar->candidate_capacity = Max(similar->candidate_capacity * 2, similar->candidate_count + (int64) count);
		similar->candidates = similar->candidates == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Candidate) * similar->candidate_capacity) :
			repalloc_huge(similar->candidates, sizeof(Candidate) * similar->candidate_capacity);
	}
	for (uint64 i = 0; i < count; i++)
	{
		Candidate  *candidate = &similar->candidates[similar->candidate_count++];
		Person	   *person;
		bool		found;
		bool		isnull;

		candidate->row = sql_int64((int) i, 0);
		candidate->profile_id = sql_int64((int) i, 1);
		person = hash_search(similar->people, &candidate->profile_id, HASH_ENTER, &found);
		if (found)
			continue;
		person->is_confirmed = DatumGetBool(sql_value((int) i, 2, &isnull));
		person->profile.primary_email_address = sql_string((int) i, 3);
		person->profile.unique_user_id = sql_string((int) i, 4);
		person->profile.preferred_first_name = sql_string((int) i, 5);
		person->profile.preferred_last_name = sql_string((int) i, 6);
	}
	MemoryContextSwitchTo(old_context);
	SPI_freetuptable(SPI_tuptable);
}

/* The candidates of some rows that give no address. */
static void
fetch_addressless(Import *import, SimilarRows *similar, const int64 *rows, const int64 *profile_ids, int count)
{
	int64	   *key_rows;
	int64	   *key_profile_ids;
	int64	   *keys;
	int			key_count = 0;
	int			capacity = count * (import->rules->alias_count + 1);

	MemoryContextReset(import->row_context);
	MemoryContextSwitchTo(import->row_context);
	count = (int) sql_run_once_latest(import->account, own_address_query, 2,
									  (SqlArgument[]) {sql_int8_array(rows, count), sql_int8_array(profile_ids, count)});
	MemoryContextSwitchTo(import->row_context);
	key_rows = palloc(sizeof(int64) * capacity);
	key_profile_ids = palloc(sizeof(int64) * capacity);
	keys = palloc(sizeof(int64) * capacity);
	for (int i = 0; i < count; i++)
	{
		int64	   *these;
		int			this_count = duplicate_rules_keys(import->rules, sql_string(i, 2), &these);

		for (int j = 0; j < this_count; j++)
		{
			key_rows[key_count] = sql_int64(i, 0);
			key_profile_ids[key_count] = sql_int64(i, 1);
			keys[key_count++] = these[j];
		}
	}
	SPI_freetuptable(SPI_tuptable);
	add_candidates(import, similar,
				   sql_run_once_latest(import->account, addressless_candidates_query, 3,
									   (SqlArgument[]) {sql_int8_array(key_rows, key_count),
														sql_int8_array(key_profile_ids, key_count),
														sql_int8_array(keys, key_count)}));
}

/* The candidates of all rows that may change names but give no address. */
static void
fetch_all_addressless(Import *import, SimilarRows *similar)
{
	MemoryContext old_context = CurrentMemoryContext;
	int64	   *rows;
	int64	   *profile_ids;
	int			count = 0;
	bool		has_names = false;

	for (int i = 0; i < import->column_count; i++)
		has_names = has_names || import->columns[i].kind == COLUMN_PREFERRED_FIRST_NAME ||
			import->columns[i].kind == COLUMN_PREFERRED_LAST_NAME;
	if (!has_names)
		return;

	rows = MemoryContextAlloc(import->attempt_context, sizeof(int64) * LOOKUP_COUNT);
	profile_ids = MemoryContextAlloc(import->attempt_context, sizeof(int64) * LOOKUP_COUNT);
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
	{
		const RowTarget *target = &import->targets[i];

		if (target->state == ROW_ACCEPTED && !target->has_address)
		{
			rows[count] = i;
			profile_ids[count++] = target->profile_id;
		}
		if (count == LOOKUP_COUNT || (count > 0 && i + 1 == import_staging_count(import->staging)))
		{
			fetch_addressless(import, similar, rows, profile_ids, count);
			count = 0;
			CHECK_FOR_INTERRUPTS();
		}
	}
	MemoryContextSwitchTo(old_context);
}

static int
compare_candidates(const void *a, const void *b)
{
	const Candidate *left = a;
	const Candidate *right = b;

	if (left->row != right->row)
		return left->row < right->row ? -1 : 1;
	return (left->profile_id > right->profile_id) - (left->profile_id < right->profile_id);
}

static bool
makes_or_renames(const Import *import)
{
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		if (import->targets[i].state == ROW_ACCEPTED &&
			(import->targets[i].profile_id == 0 || import->targets[i].renames))
			return true;
	return false;
}

static HTAB *
hash_by_int64(Import *import, const char *name, Size entry_size)
{
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = entry_size,.hcxt = import->attempt_context};

	return hash_create(name, 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Is the account still empty? */
static bool
has_no_profiles(const Import *import)
{
	bool		is_empty = sql_run_latest(import->account, "SELECT FROM @account.profiles LIMIT 1", 0, NULL) == 0;

	SPI_freetuptable(SPI_tuptable);
	return is_empty;
}

/*
 * Finds what may be similar, for import_similar_check().  Who makes or changes
 * addresses must see all that others make meanwhile; see duplicate_profile.c.
 */
void
import_similar_begin(Import *import)
{
	SimilarRows *similar = MemoryContextAllocZero(import->attempt_context, sizeof(SimilarRows));

	import->similar = similar;
	similar->people = hash_by_int64(import, "orgsync similar profiles", sizeof(Person));
	similar->accepted = hash_by_int64(import, "orgsync accepted rows", sizeof(AcceptedRun));
	if (import->rules->same_address == RULE_OFF || !import_has_account(import))
		return;
	if (makes_or_renames(import))
		account_lock(import->account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	if (import->is_first && has_no_profiles(import))
		return;
	import_staging_register(import);
	add_candidates(import, similar,
				   sql_run_over_latest(import->account, import->rules->alias_count == 0 ?
									   candidates_query : aliased_candidates_query,
									   import_staging_count(import->staging), 0, NULL));
	fetch_all_addressless(import, similar);
	if (similar->candidate_count > 1)
		qsort(similar->candidates, similar->candidate_count, sizeof(Candidate), compare_candidates);
}

/* The profiles that some row may be similar to.  Returns their number; the array is palloc'd. */
int64
import_similar_profiles(const Import *import, int64 **profile_ids)
{
	int64		count = 0;
	HASH_SEQ_STATUS scan;
	Person	   *person;

	*profile_ids = palloc(sizeof(int64) * (hash_get_num_entries(import->similar->people) + 1));
	hash_seq_init(&scan, import->similar->people);
	while ((person = hash_seq_search(&scan)) != NULL)
		(*profile_ids)[count++] = person->profile_id;
	return count;
}

/* ---- comparing ---- */

static ComparedProfile
compared(const ProfileValues *values)
{
	ComparedProfile profile = {
		.primary_email_address = values->primary_email_address,
		.unique_user_id = values->unique_user_id,
		.preferred_first_name = values->preferred_first_name,
		.preferred_last_name = values->preferred_last_name
	};

	return profile;
}

/* Reports what a rule says of two profiles. */
static RuleAction
obey_rule(Import *import, ImportRow *row, const ComparedProfile *profile, const ComparedProfile *other,
		  const char *other_name)
{
	const char *column = import->email_column == NO_COLUMN ? NULL : import->columns[import->email_column].header;
	const char *rule;
	RuleAction	action = duplicate_rules_compare(import->rules, profile, other, &rule);

	/* the vendor has both, so they are taken for confirmed */
	if (action == RULE_REJECT && import->options.is_remote)
		row->reupload_user_profile = true;
	if (action == RULE_WARN || (action == RULE_REJECT && import->options.is_remote))
		import_report(import, FINDING_SIMILAR_PROFILE, row->line, column, row, 3,
					  profile->primary_email_address, other_name, rule);
	else if (action == RULE_REJECT)
		import_reject(import, row, FINDING_DUPLICATE_PROFILE, column, 3,
					  profile->primary_email_address, other_name, rule);
	return action;
}

/* The candidates of a row, which must not come before the last one that was asked for. */
static const Candidate *
candidates_of(SimilarRows *similar, int64 row_number, int *count)
{
	while (similar->next < similar->candidate_count && similar->candidates[similar->next].row < row_number)
		similar->next++;
	*count = 0;
	while (similar->next + *count < similar->candidate_count &&
		   similar->candidates[similar->next + *count].row == row_number)
		(*count)++;
	return &similar->candidates[similar->next];
}

static bool
is_candidate(const Candidate *candidates, int count, int64 profile_id)
{
	for (int i = 0; i < count; i++)
		if (candidates[i].profile_id == profile_id)
			return true;
	return false;
}

/* The row's key among accepted rows, if anybody may have it too. */
static AcceptedRun *
accepted_run(const Import *import, const char *address, HASHACTION action)
{
	int64		key = duplicate_rules_own_key(import->rules, address);
	bool		found;
	AcceptedRun *run = hash_search(import->similar->accepted, &key, action, &found);

	if (run != NULL && !found)
		run->rows = NIL;
	return run;
}

/*
 * Compares the profile that a row makes or changes, in line order, with the
 * others; reports what the rules say, and rejects the row if one of them does.
 *
 * A profile that was confirmed to be another person was so when it came: only a
 * newcomer is compared with it.
 */
void
import_similar_check(Import *import, ImportRow *row, int64 row_number, const RowTarget *target,
					 const ProfileValues *values)
{
	SimilarRows *similar = import->similar;
	ComparedProfile profile = compared(values);
	bool		is_newcomer = target->profile_id == 0;
	AcceptedRun *run;
	ListCell   *cell;
	const Candidate *candidates;
	int			count;

	if (import->rules->same_address == RULE_OFF || values->reupload_user_profile)
		return;
	candidates = candidates_of(similar, row_number, &count);
	for (int i = 0; i < count && !row->rejected; i++)
	{
		Person	   *person = hash_search(similar->people, &candidates[i].profile_id, HASH_FIND, NULL);

		if (person->profile_id != target->profile_id && (is_newcomer || !person->is_confirmed) &&
			obey_rule(import, row, &profile, &person->profile, person->profile.primary_email_address) != RULE_OFF)
			import_note_named(import, person->profile_id);
	}

	/* who is new has the row's address: if anybody else has its key, that is known */
	if (is_newcomer && count == 0 && import_keys_shared(import->addresses, row_number) == 0)
		return;
	run = accepted_run(import, values->primary_email_address, HASH_FIND);
	if (run != NULL)
		foreach(cell, run->rows)
		{
			AcceptedRow *earlier = lfirst(cell);

			if (!row->rejected && (is_newcomer || !earlier->is_confirmed) &&
				!is_candidate(candidates, count, earlier->profile_id))
				(void) obey_rule(import, row, &profile, &earlier->profile,
								 psprintf("line " INT64_FORMAT, earlier->line));
		}
}

/* Notes that a row that makes or changes a profile was accepted, for the rows after it. */
void
import_similar_accept(Import *import, const ImportRow *row, int64 row_number, const RowTarget *target,
					  const ProfileValues *values)
{
	SimilarRows *similar = import->similar;
	ComparedProfile profile = compared(values);
	int64		profile_id = target->is_new ? 0 : target->profile_id;
	Person	   *person = hash_search(similar->people, &profile_id, HASH_FIND, NULL);
	MemoryContext old_context;
	int			count;

	if (import->rules->same_address == RULE_OFF)
		return;
	(void) candidates_of(similar, row_number, &count);
	old_context = MemoryContextSwitchTo(import->attempt_context);
	if (person != NULL)
	{
		person->is_confirmed = values->reupload_user_profile;
		person->profile = copy_profile(&profile);
	}
	if (count > 0 || import_keys_shared(import->addresses, row_number) != 0)
	{
		AcceptedRun *run = accepted_run(import, values->primary_email_address, HASH_ENTER);
		AcceptedRow *accepted = palloc(sizeof(AcceptedRow));

		accepted->line = row->line;
		accepted->profile_id = profile_id;
		accepted->is_confirmed = values->reupload_user_profile;
		accepted->profile = copy_profile(&profile);
		run->rows = lappend(run->rows, accepted);
	}
	MemoryContextSwitchTo(old_context);
}
