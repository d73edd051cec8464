/*
 * import_similar.c
 *		Rows that look like an existing profile or like an earlier row.
 *
 * Rows are checked in line order, each with the profiles as they are by then and
 * with the rows accepted before it:
 *
 *	- with the profiles: by their indexes, row by row (similar_probe.c); or, if that
 *	  is dearer, because the rows are many or have no names, in memory, where all
 *	  profiles that may be similar to a row are put first (similar_set.c).  What an
 *	  accepted row has changed is left out: the row itself stands for it.
 *	- with earlier rows: in memory, where only those are kept which may be similar to
 *	  another; see import_similar_note.c.
 *
 * One finding a row: the strictest rule, and the first whom it takes for the row's
 * person, profiles before rows.
 */
#include "import_similar.h"

#include "access/table.h"
#include "account_lock.h"
#include "duplicate_profile.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "trigger_rows.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"

/* ---- beginning ---- */

/* What looks for one person among the profiles; it lasts until import_similar_end(). */
SimilarProbe *
import_similar_probe(Import *import)
{
	SimilarRows *similar = import->similar;

	if (!similar->has_probe)
	{
		MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);

		similar_probe_begin(&similar->probe, import->rules, similar->profiles);
		similar->has_probe = true;
		MemoryContextSwitchTo(old_context);
	}
	return &similar->probe;
}

/*
 * Makes ready for import_similar_check().  Who makes or changes profiles must see
 * all that others make meanwhile, and the rules must stay; see duplicate_profile.c.
 */
void
import_similar_begin(Import *import)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	SimilarRows *similar = palloc0(sizeof(SimilarRows));
	bool		has_names = import_similar_has_names(import);
	bool		changes = false;
	int64		new_count = 0;

	import->similar = similar;
	similar->checked_row = -1;
	for (int64 i = 0; import_has_account(import) && i < import_staging_count(import->staging); i++)
	{
		new_count += import->targets[i].state == ROW_ACCEPTED && import->targets[i].profile_id == 0;
		changes = changes || import_similar_may_change(&import->targets[i], has_names);
	}
	if (new_count > 0 || changes)
	{
		account_lock(import->account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
		MemoryContextSwitchTo(import->context);
		similar->is_exclusive = true;
		import->rules = duplicate_rules_read(import->account);
		MemoryContextSwitchTo(import->attempt_context);
	}
	/* keys take in the domain: they are of no use if another spelling of it was declared meanwhile */
	if (import->similar_filter != NULL && !duplicate_rules_same_domains(import->rules, import->noted_rules))
	{
		similar_filter_free(import->similar_filter);
		import->similar_filter = NULL;
	}
	similar->set = similar_set_create(import->rules, import->similar_filter);
	if (import->rules->any && (new_count > 0 || changes))
	{
		similar->profiles = table_open(get_relname_relid("profiles", import->account->namespace_oid),
									   AccessShareLock);
		trigger_check_columns(similar->profiles);
		similar->may_read = check_enable_rls(RelationGetRelid(similar->profiles), InvalidOid, true) != RLS_ENABLED;
		if (RelationGetNumberOfBlocks(similar->profiles) == 0)
		{
			table_close(similar->profiles, AccessShareLock);
			similar->profiles = NULL;
		}
	}
	if (similar->profiles != NULL)
	{
		int64		unnamed_count = Min(import->unnamed_row_count, new_count);

		import_similar_note_partial(import);
		if (duplicate_profile_is_bulk(similar->profiles, new_count - unnamed_count, unnamed_count))
			similar_set_add_profiles(similar->set, similar->profiles, NULL, 0);
		else
		{
			similar->by_index = true;
			(void) import_similar_probe(import);	/* before the import writes: it must not find its own */
		}
	}
	MemoryContextSwitchTo(old_context);
}

/* Can nobody else have changed an address or a name since the rows were compared? */
bool
import_similar_is_exclusive(const Import *import)
{
	return import->similar->is_exclusive;
}

/* Frees what import_similar_begin() took: nothing more is compared. */
void
import_similar_end(Import *import)
{
	SimilarRows *similar = import->similar;

	similar_set_free(similar->set);
	similar->set = NULL;
	if (similar->has_probe)
		similar_probe_end(&similar->probe);
	if (similar->profiles != NULL)
		table_close(similar->profiles, AccessShareLock);
	similar->has_probe = false;
	similar->profiles = NULL;
}

/* ---- fetching ahead ---- */

/* So many rows ahead, one step of what a row needs to be compared is fetched into the processor's cache. */
#define STEP_AHEAD	4

static const SimilarKeys *
keys_of_row(const ImportRow *rows, int count, int row)
{
	return row < count && rows[row].similar_keys.local != 0 ? &rows[row].similar_keys : NULL;
}

/*
 * Before a row of a batch is compared: what the filter says of one further on, where
 * the set has those like another, and these.  The rows between take long enough for
 * all of it to arrive.
 */
void
import_similar_prefetch(Import *import, const ImportRow *rows, int count, int current)
{
	const SimilarKeys *keys;

	if (import->similar_filter == NULL || import->similar->set == NULL)
		return;
	for (int i = current == 0 ? 0 : 3 * STEP_AHEAD; i <= 3 * STEP_AHEAD; i++)
		if ((keys = keys_of_row(rows, count, current + i)) != NULL)
			similar_filter_prefetch(import->similar_filter, keys);
	if ((keys = keys_of_row(rows, count, current + 2 * STEP_AHEAD)) != NULL)
		similar_set_prefetch(import->similar->set, keys, false);
	if ((keys = keys_of_row(rows, count, current + STEP_AHEAD)) != NULL)
		similar_set_prefetch(import->similar->set, keys, true);
}

/* ---- comparing ---- */

/* A row that is being compared. */
typedef struct RowCheck
{
	const SimilarRows *similar;
	int64		profile_id;		/* 0: it makes a new profile */
	int64		address_holder; /* has the row's address, and gets another by a later row; or 0 */
	SimilarMatch found;			/* the strictest so far; action RULE_OFF: none */
	List	   *named;			/* if it is asked for: all profiles that may be found */
	bool		names_all;
} RowCheck;

static bool
is_changed(const SimilarRows *similar, int64 profile_id)
{
	return similar->changed != NULL && hash_search(similar->changed, &profile_id, HASH_FIND, NULL) != NULL;
}

/*
 * A profile that was confirmed to be another person was so when it came: only a
 * newcomer is compared with it.
 */
static bool
keep_strictest(void *context, const SimilarMatch *match)
{
	RowCheck   *check = context;
	const SimilarMatch *found = &check->found;

	if (match->is_confirmed && check->profile_id != 0)
		return true;
	if (!match->is_row && (match->id == check->profile_id || match->id == check->address_holder ||
						   is_changed(check->similar, match->id)))
		return true;
	if (check->names_all)
	{
		int64	   *profile_id = palloc(sizeof(int64));

		*profile_id = match->id;
		check->named = lappend(check->named, profile_id);
	}
	else if (match->action > found->action ||
			 (match->action == found->action &&
			  (match->rule < found->rule ||
			   (match->rule == found->rule &&
				(match->is_row < found->is_row || (match->is_row == found->is_row && match->id < found->id))))))
		check->found = *match;
	return true;
}

/* Finds whom the person is similar to, by the account's profiles and the rows accepted so far. */
static void
find_all(Import *import, const SimilarPerson *person, RowCheck *check)
{
	similar_set_find(import->similar->set, person, check->profile_id == 0, keep_strictest, check);
	if (import->similar->by_index)
		similar_probe_find(import_similar_probe(import), person, keep_strictest, check);
}

/*
 * Has the profile, whose address this is and which the probe read last, a key of a row that
 * is not about it?  Then it was made, or got the key, when the profiles that the rows mean had
 * been looked for already.
 */
static bool
came_meanwhile(Import *import, const ImportRow *row, const char *address)
{
	const char *user_id = slot_string(import_similar_probe(import)->slot, PROFILES_UNIQUE_USER_ID);

	return (row->primary_email_address != NULL && pg_strcasecmp(address, row->primary_email_address) == 0) ||
		(user_id != NULL && row->unique_user_id != NULL && strcmp(user_id, row->unique_user_id) == 0);
}

/* Reports what a rule says of the row. */
static void
obey_rule(Import *import, ImportRow *row, const char *address, const SimilarMatch *found)
{
	const char *column = import->email_column == NO_COLUMN ? NULL : import->columns[import->email_column].header;
	const char *rule = duplicate_rule_name(found->rule);
	char		other_row[sizeof("line ") + MAXINT8LEN];
	const char *other = NULL;

	if (!found->is_row)
	{
		if (import->similar->may_read)
			other = similar_probe_address(import_similar_probe(import), found->id);
		if (other != NULL && !import->options.is_remote && came_meanwhile(import, row, other))
			ereport(ERROR,
					errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					errmsg("a profile of line " INT64_FORMAT " was made while the file was imported", row->line),
					errhint("Import the file again."));
		import_note_named(import, found->id);
	}
	else
	{
		/* psprintf() takes longer than all else here, and a file may have a million of these */
		strcpy(other_row, "line ");
		pg_lltoa(found->id, other_row + strlen(other_row));
		other = other_row;
	}
	if (other == NULL)
		other = psprintf("profile " INT64_FORMAT, found->id);

	/* the vendor has both, so they are taken for confirmed */
	if (found->action == RULE_REJECT && import->options.is_remote)
		row->reupload_user_profile = true;
	if (found->action == RULE_WARN || import->options.is_remote)
		import_report(import, FINDING_SIMILAR_PROFILE, row->line, column, row, 3, address, other, rule);
	else
		import_reject(import, row, FINDING_DUPLICATE_PROFILE, column, 3, address, other, rule);
}

/*
 * Reads the person whom the row that is checked makes, if that was not done.  Of one whom
 * it alone makes, the names were read with the row.
 */
static void
person_of_values(Import *import, const ImportRow *row, const RowTarget *target, const ProfileValues *values)
{
	SimilarRows *similar = import->similar;

	if (!similar->has_person && target->profile_id == 0 && row->similar_keys.local != 0)
		similar_person_read_named(&similar->person, values->primary_email_address, values->unique_user_id,
								  &row->similar_name);
	else if (!similar->has_person)
		similar_person_read(&similar->person, values->primary_email_address, values->unique_user_id,
							values->preferred_first_name, values->preferred_last_name);
	similar->has_person = true;
}

/* Is nobody else in the file who might be similar to whom the row makes? */
static bool
is_alone(Import *import, const ImportRow *row, const ProfileValues *values)
{
	similar_address address;
	char		buffer[EMAIL_MAX_LENGTH];

	if (!similar_set_is_alone(import->similar->set, &row->similar_keys))
		return false;
	if (!similar_filter_may_have_unnamed(import->similar_filter, &row->similar_keys))
		return true;
	similar_address_read(&address, values->primary_email_address, strlen(values->primary_email_address), buffer);
	return !similar_set_has_neighbours(import->similar->set, &address);
}

/*
 * Compares the profile that a row makes or whose address or names it changes, in
 * line order, with the others; reports what the rules say, and rejects the row if
 * one of them does.
 */
void
import_similar_check(Import *import, ImportRow *row, int64 row_number, const RowTarget *target,
					 const ProfileValues *values)
{
	RowCheck	check = {.similar = import->similar,.profile_id = target->profile_id,
	.address_holder = target->takes_address ? import_address_holder(import, row_number) : 0};
	SimilarRows *similar = import->similar;

	similar->checked_row = row_number;
	similar->has_person = similar->is_alone = false;
	if (!import->rules->any || values->reupload_user_profile)
		return;
	similar->is_alone = target->profile_id == 0 && !similar->by_index && is_alone(import, row, values);
	if (similar->is_alone)
		return;
	person_of_values(import, row, target, values);
	find_all(import, &similar->person.person, &check);
	if (check.found.action != RULE_OFF)
		obey_rule(import, row, values->primary_email_address, &check.found);
}

/* Notes that a row that makes or changes a profile was accepted, for the rows after it. */
void
import_similar_accept(Import *import, const ImportRow *row, int64 row_number, const RowTarget *target,
					  const ProfileValues *values)
{
	SimilarRows *similar = import->similar;

	if (!import->rules->any || (similar->checked_row != row_number && !values->reupload_user_profile))
		return;
	if (!target->is_new)
	{
		int64		profile_id = target->profile_id;

		if (similar->changed == NULL)
		{
			HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(int64),
			.hcxt = import->attempt_context};

			similar->changed = hash_create("orgsync changed people", 64, &control,
										   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		}
		(void) hash_search(similar->changed, &profile_id, HASH_ENTER, NULL);
	}
	if (similar->checked_row != row_number)
		similar->has_person = similar->is_alone = false;
	if (similar->is_alone)
		return;
	person_of_values(import, row, target, values);
	/* what was noted of a row about an existing profile may be less than what it is now */
	similar_set_add(similar->set, &similar->person.person, row->line, true, values->reupload_user_profile,
						target->is_new);
}

/*
 * The profiles that a finding may name because some row is similar to them, looked
 * for before the rows are decided.  Returns their number; the array is palloc'd.
 */
int64
import_similar_profiles(Import *import, int64 **profile_ids)
{
	RowCheck	check = {.similar = import->similar,.names_all = true};
	bool		has_names = import_similar_has_names(import);
	MemoryContext context = CurrentMemoryContext;
	ImportRow	row;
	int64		count = 0;
	int64		capacity = 64;

	*profile_ids = palloc(sizeof(int64) * capacity);
	if (import->similar->profiles == NULL)
		return 0;
	import_staging_rewind(import->staging);
	for (int64 i = 0; import_staging_next(import, &row, true); i++)
	{
		const RowTarget *target = &import->targets[i];
		OwnedPerson person;
		ListCell   *cell;

		MemoryContextSwitchTo(import->row_context);
		check.named = NIL;
		check.profile_id = target->profile_id;
		check.address_holder = import_address_holder(import, i);
		if (import_similar_may_change(target, has_names))
		{
			if (import_similar_changed_person(import, &row, target, &person))
				find_all(import, &person.person, &check);
		}
		else if (target->state == ROW_ACCEPTED && target->profile_id == 0)
		{
			char	   *first_name;
			char	   *last_name;

			import_similar_names(import, &row, &first_name, &last_name);
			similar_person_read(&person, row.primary_email_address,
								row.new_unique_user_id ? row.new_unique_user_id : row.unique_user_id,
								first_name, last_name);
			find_all(import, &person.person, &check);
		}
		MemoryContextSwitchTo(context);
		foreach(cell, check.named)
		{
			if (count == capacity)
				*profile_ids = repalloc_huge(*profile_ids, sizeof(int64) * (capacity *= 2));
			(*profile_ids)[count++] = *(int64 *) lfirst(cell);
		}
		MemoryContextReset(import->row_context);
		CHECK_FOR_INTERRUPTS();
	}
	return count;
}
