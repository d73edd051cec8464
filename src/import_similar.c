/*
 * import_similar.c
 *		Rows that look like an existing profile or like an earlier row.
 *
 * The rows' keys are joined with the profiles' at once; what shares a key is
 * rare, so the candidates are kept in memory.  Rows that share a key with one
 * another are known from reading the file (import_keys.c).  Rows are checked in
 * line order, each with the profiles and with the rows accepted before it.
 */
#include "import.h"

#include "account_lock.h"
#include "catalog/pg_type.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A profile that shares a key with a row. */
typedef struct Candidate
{
	int64		row;
	int64		profile_id;
	bool		reupload_user_profile;
	ComparedProfile profile;
} Candidate;

/* A row that shares its key with others and was accepted. */
typedef struct AcceptedRow
{
	int64		line;
	ComparedProfile profile;
} AcceptedRow;

typedef struct AcceptedRun
{
	int64		run;			/* hash key */
	List	   *rows;			/* of AcceptedRow * */
} AcceptedRun;

typedef struct SimilarRows
{
	int64		candidate_count;
	int64		next;			/* the first candidate not passed yet */
	Candidate  *candidates;		/* in row order */
	HTAB	   *accepted;
} SimilarRows;

/* Without aliases every row has just one key, and the plan is the better for it. */
static const char candidates_query[] =
	"SELECT s.row, p.profile_id, p.reupload_user_profile, p.primary_email_address::text, p.unique_user_id,"
	" p.preferred_first_name, p.preferred_last_name"
	" FROM staged AS s JOIN @account.profiles AS p"
	" ON address_key(p.primary_email_address) = s.address_keys[1]"
	" AND p.primary_email_address <> s.primary_email_address"
	" WHERE NOT s.rejected ORDER BY s.row, p.profile_id";

static const char aliased_candidates_query[] =
	"SELECT s.row, p.profile_id, p.reupload_user_profile, p.primary_email_address::text, p.unique_user_id,"
	" p.preferred_first_name, p.preferred_last_name"
	" FROM staged AS s CROSS JOIN LATERAL unnest(s.address_keys) AS k (key)"
	" JOIN @account.profiles AS p ON address_key(p.primary_email_address) = k.key"
	" AND p.primary_email_address <> s.primary_email_address"
	" WHERE NOT s.rejected ORDER BY s.row, p.profile_id";

static void
fetch_candidates(Import *import, SimilarRows *similar)
{
	MemoryContext old_context;
	uint64		count = sql_run_once_latest(import->account, import->rules->alias_count == 0 ?
											candidates_query : aliased_candidates_query, 0, NULL);

	old_context = MemoryContextSwitchTo(import->attempt_context);
	similar->candidates = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Candidate) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
	{
		Candidate  *candidate = &similar->candidates[i];
		bool		isnull;

		candidate->row = sql_int64(i, 0);
		candidate->profile_id = sql_int64(i, 1);
		candidate->reupload_user_profile = DatumGetBool(sql_value(i, 2, &isnull));
		candidate->profile.primary_email_address = sql_string(i, 3);
		candidate->profile.unique_user_id = sql_string(i, 4);
		candidate->profile.preferred_first_name = sql_string(i, 5);
		candidate->profile.preferred_last_name = sql_string(i, 6);
	}
	similar->candidate_count = (int64) count;
	MemoryContextSwitchTo(old_context);
	SPI_freetuptable(SPI_tuptable);
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

/*
 * Finds what may be similar, for import_similar_check().  Who makes or changes
 * addresses must see all that others make meanwhile; see duplicate_profile.c.
 */
void
import_similar_begin(Import *import)
{
	SimilarRows *similar = MemoryContextAllocZero(import->attempt_context, sizeof(SimilarRows));
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(AcceptedRun),
	.hcxt = import->attempt_context};

	import->similar = similar;
	similar->accepted = hash_create("orgsync accepted rows", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	if (import->rules->same_address == RULE_OFF || import->email_column == NO_COLUMN)
		return;
	if (makes_or_renames(import))
		account_lock(import->account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	fetch_candidates(import, similar);
}

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

/* Reports what a rule says; false if it rejects the row. */
static bool
obey_rule(Import *import, ImportRow *row, const ComparedProfile *profile, const ComparedProfile *other,
		  const char *other_name, RuleAction *action)
{
	const char *rule;

	*action = duplicate_rules_compare(import->rules, profile, other, &rule);
	if (*action == RULE_WARN)
		import_report(import, FINDING_SIMILAR_PROFILE, row->line, import->columns[import->email_column].header,
					  row, 3, profile->primary_email_address, other_name, rule);
	else if (*action == RULE_REJECT)
		import_reject(import, row, FINDING_DUPLICATE_PROFILE, import->columns[import->email_column].header,
					  3, profile->primary_email_address, other_name, rule);
	return *action != RULE_REJECT;
}

static bool
check_profiles(Import *import, ImportRow *row, int64 row_number, const RowTarget *target,
			   const ComparedProfile *profile)
{
	SimilarRows *similar = import->similar;

	while (similar->next < similar->candidate_count && similar->candidates[similar->next].row < row_number)
		similar->next++;
	for (int64 i = similar->next; i < similar->candidate_count && similar->candidates[i].row == row_number; i++)
	{
		const Candidate *candidate = &similar->candidates[i];
		RuleAction	action;

		if (candidate->profile_id == target->profile_id)
			continue;
		/* the other one was confirmed when it came: only a newcomer is compared with it */
		if (target->profile_id != 0 && candidate->reupload_user_profile)
			continue;
		if (!obey_rule(import, row, profile, &candidate->profile, candidate->profile.primary_email_address, &action))
		{
			import_note_named(import, candidate->profile_id);
			return false;
		}
		if (action == RULE_WARN)
			import_note_named(import, candidate->profile_id);
	}
	return true;
}

static char *
copy_string(const char *string)
{
	return string ? pstrdup(string) : NULL;
}

static void
remember_accepted(Import *import, AcceptedRun *run, const ImportRow *row, const ComparedProfile *profile)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	AcceptedRow *accepted = palloc(sizeof(AcceptedRow));

	accepted->line = row->line;
	accepted->profile.primary_email_address = copy_string(profile->primary_email_address);
	accepted->profile.unique_user_id = copy_string(profile->unique_user_id);
	accepted->profile.preferred_first_name = copy_string(profile->preferred_first_name);
	accepted->profile.preferred_last_name = copy_string(profile->preferred_last_name);
	run->rows = lappend(run->rows, accepted);
	MemoryContextSwitchTo(old_context);
}

/* Compares the row with the earlier ones that share its key. */
static bool
check_earlier_rows(Import *import, ImportRow *row, int64 row_number, const ComparedProfile *profile, bool compare)
{
	int64		shared = import_keys_shared(import->addresses, row_number);
	AcceptedRun *run;
	bool		found;
	ListCell   *cell;

	if (shared == 0)
		return true;
	run = hash_search(import->similar->accepted, &shared, HASH_ENTER, &found);
	if (!found)
		run->rows = NIL;
	if (compare)
		foreach(cell, run->rows)
		{
			AcceptedRow *earlier = lfirst(cell);
			RuleAction	action;

			if (!obey_rule(import, row, profile, &earlier->profile, psprintf("line " INT64_FORMAT, earlier->line),
						   &action))
				return false;
		}
	remember_accepted(import, run, row, profile);
	return true;
}

/*
 * Compares the profile that a row makes or changes, in line order, with the
 * others.  False if a rule rejects the row, which then is reported.
 */
bool
import_similar_check(Import *import, ImportRow *row, int64 row_number, const RowTarget *target,
					 const ProfileValues *values)
{
	ComparedProfile profile = compared(values);

	if (import->rules->same_address == RULE_OFF || row->primary_email_address == NULL)
		return true;
	return (values->reupload_user_profile || check_profiles(import, row, row_number, target, &profile)) &&
		check_earlier_rows(import, row, row_number, &profile, !values->reupload_user_profile);
}
