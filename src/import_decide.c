/*
 * import_decide.c
 *		Which rows are accepted, in line order, and what they change.
 *
 * One pass over the rows, batch by batch: what the account has of their
 * profiles is fetched, each row is checked against it and against the rows
 * before it, and what it changes goes into the change set.
 *
 * A row may count on another one that is decided only later:
 *
 *	- It may take an address whose holder gets a new one by another row, see
 *	  import_address.c.
 *	- It may take a seat that another row gives back, for revocations come before
 *	  all grants.  Where seats may run short, a first pass counts them.
 *
 * The other row may be rejected when its turn comes.  Then the import decides
 * once more, having remembered in losing_rows who does not get the address, and
 * in withheld_rows whose revocations are not to be counted on.  Each time there
 * are more of them, so it ends.
 */
#include "import.h"

#include "catalog.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Rows whose profiles are fetched at once: the more, the nearer they lie to each other in tables and indexes. */
#define BATCH_SIZE	4000

/* Of a first import nothing is fetched; so many rows stay in the processor's cache. */
#define FIRST_BATCH_SIZE	64

/* After so many rows, what was freed is given back to the system. */
#define MANY_ROWS	100000

typedef struct Batch
{
	int			count;
	int64		first;			/* number of the first row */
	HTAB	   *present;		/* NULL: all rows are about newcomers */
	int			capacity;
	ImportRow	rows[FLEXIBLE_ARRAY_MEMBER];
} Batch;

/* Remembers the rows whose revocations were counted on, but which were rejected; were there any? */
static bool
find_withheld_rows(Import *import)
{
	bool		found = false;
	MemoryContext old_context = MemoryContextSwitchTo(import->context);

	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		if (import->targets[i].state == ROW_REJECTED && import->targets[i].counted)
		{
			import->withheld_rows = bms_add_member(import->withheld_rows, (int) i);
			found = true;
		}
	MemoryContextSwitchTo(old_context);
	return found;
}

/* ---- what a row changes ---- */

static bool
has_seat_row(const PresentProfile *present, int license_id)
{
	ListCell   *cell;

	if (present != NULL)
		foreach(cell, present->seats)
			if (((PresentSeat *) lfirst(cell))->license_id == license_id)
				return true;
	return false;
}

/* Puts the seats that the row sets into the change set; did any change? */
static bool
change_seats(Import *import, const ImportRow *row, int64 profile_id, const PresentProfile *present)
{
	bool		changed = false;
	bool		invited = false;

	for (int i = 0; i < import->license_count; i++)
	{
		const char *result = import_seat_result(import, i);
		const char *status;
		int			license_id = import->licenses[i].terms.license_id;

		if (result == NULL)
			continue;
		status = import_seat_status(present, license_id);
		if (present == NULL && import_direct_seat(import, profile_id, i, result))
			 /* written */ ;
		else if (!has_seat_row(present, license_id))
			import_change_seat(import->changes, CHANGE_NEW_SEATS, profile_id, license_id, result, row->line);
		else if (strcmp(status, result) != 0)
			import_change_seat(import->changes, strcmp(result, "unassigned") == 0 ?
							   CHANGE_REVOKED_SEATS : CHANGE_GRANTED_SEATS,
							   profile_id, license_id, result, row->line);
		else
			continue;
		changed = true;
		import_note_cell(import, present, import->licenses[i].terms.header, import->license_columns[i],
						 has_seat_row(present, license_id), row->line);
		if (strcmp(result, "invited") == 0)
		{
			import->counts.seats_granted++;
			invited = true;
		}
		else if (strcmp(status, "invited") == 0 || strcmp(status, "activated") == 0)
			import->counts.seats_revoked++;
	}
	if (invited)
		import->counts.invitations++;
	return changed;
}

/* The scope in its canonical form, as the type stores it; palloc'd. */
char *
import_canonical_scope(const char *scope)
{
	Oid			input;
	Oid			parameter;

	getTypeInputInfo(catalog_type("group_scope"), &input, &parameter);
	return TextDatumGetCString(OidInputFunctionCall(input, unconstify(char *, scope), parameter, -1));
}

static bool
change_permissions(Import *import, const ImportRow *row, int64 profile_id, const PresentProfile *present)
{
	bool		changed = false;

	for (int i = 0; i < import->column_count; i++)
	{
		const ImportColumn *column = &import->columns[i];
		const char *permission;
		const char *has = "no";
		char	   *wants;
		ListCell   *cell;

		if ((column->kind != COLUMN_PERMISSION && column->kind != COLUMN_GROUP_PERMISSION) ||
			row->cells[i].text == NULL)
			continue;
		permission = permission_name(column->permission);
		wants = import_canonical_scope(row->cells[i].text);
		if (present != NULL)
			foreach(cell, present->permissions)
				if (strcmp(((PresentPermission *) lfirst(cell))->permission, permission) == 0)
					has = ((PresentPermission *) lfirst(cell))->scope;
		if (pg_strcasecmp(has, wants) == 0)
			continue;
		if (strcmp(wants, "no") == 0)
			import_change_permission(import->changes, CHANGE_NO_PERMISSIONS, profile_id, permission, NULL, row->line);
		else
			import_change_permission(import->changes, CHANGE_PERMISSIONS, profile_id, permission, wants, row->line);
		import_note_cell(import, present, permission, i, strcmp(has, "no") != 0, row->line);
		changed = true;
	}
	return changed;
}

/* ---- the passes ---- */

/* An id that no profile has; like an INSERT, this needs no privilege on the sequence. */
int64
import_new_profile_id(Import *import)
{
	if (import->direct != NULL)
		return import_direct_profile_id(import);
	if (!OidIsValid(import->profile_sequence))
		import->profile_sequence = import_identity_sequence(import->account, "profiles", PROFILES_PROFILE_ID);
	return nextval_internal(import->profile_sequence, false);
}

/* An id for the profile that the line makes. */
static int64
next_profile_id(Import *import, int64 line)
{
	int64		profile_id = import_new_profile_id(import);
	ChangeRun  *run = import->new_run_count > 0 ? &import->new_runs[import->new_run_count - 1] : NULL;

	import->counts.created++;
	if (run != NULL && profile_id == run->profile_id + run->count && line == run->line + run->count)
	{
		run->count++;
		return profile_id;
	}
	if (import->new_run_count == import->new_run_capacity)
	{
		import->new_run_capacity = Max(import->new_run_capacity * 2, 64);
		import->new_runs = import->new_runs == NULL ?
			MemoryContextAlloc(import->attempt_context, sizeof(ChangeRun) * import->new_run_capacity) :
			repalloc_huge(import->new_runs, sizeof(ChangeRun) * import->new_run_capacity);
	}
	import->new_runs[import->new_run_count++] = (ChangeRun) {profile_id, line, 1};
	return profile_id;
}

/* Does a seat of the row get onto the waiting list, or stay there? */
static bool
is_waiting(const Import *import)
{
	for (int i = 0; i < import->license_count; i++)
	{
		const char *result = import_seat_result(import, i);

		if (result != NULL && strcmp(result, "waitlisted") == 0)
			return true;
	}
	return false;
}

static void
decide_row(Import *import, ImportRow *row, int64 row_number, const PresentProfile *present)
{
	RowTarget  *target = &import->targets[row_number];
	ProfileValues values;
	bool		changed = false;
	bool		identity_changed;
	bool		links_changed;

	if (target->state == ROW_ADDRESS_TAKEN)
		import_address_reject(import, row, row_number);
	else
	{
		values = import_wanted_values(import, row, target, present, &changed, &identity_changed);
		if (identity_changed)
			import_similar_check(import, row, row_number, target, &values);
		if (!row->rejected)
			(void) import_seats_request(import, row, present, target->counted);
		target->is_unsettled = !row->rejected &&
			(is_waiting(import) || import_shield_covers(import, target->profile_id));
	}
	if (row->rejected)
	{
		target->state = ROW_REJECTED;
		import_note_named(import, target->profile_id);
		return;
	}

	if (target->profile_id == 0)
	{
		target->is_new = true;
		target->profile_id = import_target_profile(next_profile_id(import, row->line));
	}
	values.profile_id = target->profile_id;
	if (changed)
	{
		import_similar_accept(import, row, row_number, target, &values);
		if (!target->is_new || !import_direct_profile(import, target, &values))
			import_change_profile(import->changes, target->is_new, &values, row->line);
		import_note_values(import, row, present, &values);
	}
	links_changed = change_seats(import, row, target->profile_id, present);
	links_changed |= import_change_groups(import, row, target->profile_id, present);
	links_changed |= change_permissions(import, row, target->profile_id, present);
	if (!target->is_new && (changed || links_changed))
		import->counts.updated++;
	else if (!target->is_new)
		import->counts.unchanged++;
}

static void
count_row(Import *import, const ImportRow *row, int64 row_number, const PresentProfile *present)
{
	RowTarget  *target = &import->targets[row_number];

	if (target->state == ROW_ACCEPTED && present != NULL &&
		!bms_is_member((int) row_number, import->withheld_rows))
		target->counted = import_seats_count_revocations(import, row, present);
}

/* Reads the next rows that are not rejected yet, and what there is of them. */
static bool
next_batch(Import *import, Batch *batch)
{
	int64		profile_ids[BATCH_SIZE];
	int			profile_count = 0;

	MemoryContextReset(import->row_context);
	batch->first += batch->count;
	batch->count = 0;
	while (batch->count < batch->capacity && import_staging_next(import, &batch->rows[batch->count], true))
	{
		ImportRow  *row = &batch->rows[batch->count];
		RowTarget  *target = &import->targets[batch->first + batch->count];

		batch->count++;
		row->rejected = row->rejected || target->state == ROW_REJECTED;
		if (!row->rejected && target->profile_id != 0)
			profile_ids[profile_count++] = target->profile_id;
	}
	batch->present = profile_count > 0 ? import_fetch_present(import, profile_ids, profile_count) : NULL;
	import_progress_rows(batch->first);
	return batch->count > 0;
}

/* Of a first import, each row is resolved in its turn; see import_resolve(). */
static void
resolve_first(Import *import, ImportRow *row, int64 row_number)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->row_context);

	import_resolve_row(import, row, row_number);
	MemoryContextSwitchTo(old_context);
}

static void
pass(Import *import, Batch *batch, bool only_count)
{
	/* of a first import, this is all that is done with them, if all goes well */
	if (import->is_first && !import->keeps_rows && import->source.rewind != NULL)
		import_staging_drain(import->staging);
	else
		import_staging_rewind(import->staging);
	batch->first = 0;
	batch->count = 0;
	while (next_batch(import, batch))
		for (int i = 0; i < batch->count; i++)
		{
			ImportRow  *row = &batch->rows[i];
			int64		profile_id = import->targets[batch->first + i].profile_id;
			PresentProfile *present;
			MemoryContext old_context;

			CHECK_FOR_INTERRUPTS();
			if (!only_count)
				import_similar_prefetch(import, batch->rows, batch->count, i);
			if (import->is_first)
				resolve_first(import, row, batch->first + i);
			if (row->rejected)
				continue;
			present = profile_id == 0 ? NULL : hash_search(batch->present, &profile_id, HASH_FIND, NULL);
			if (profile_id != 0 && present == NULL)
				ereport(ERROR,
						errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("a profile of line " INT64_FORMAT " was deleted while the file was imported", row->line),
						errhint("Import the file again."));
			old_context = MemoryContextSwitchTo(import->row_context);
			import_shield_row(import, row, &import->targets[batch->first + i], present, !only_count);
			if (only_count)
				count_row(import, row, batch->first + i, present);
			else
				decide_row(import, row, batch->first + i, present);
			MemoryContextSwitchTo(old_context);
		}
}

/* How many rows may make a profile. */
static int64
count_new(const Import *import)
{
	int64		count = 0;

	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		count += import->targets[i].state == ROW_ACCEPTED && import->targets[i].profile_id == 0;
	return count;
}

/*
 * Writes the profiles that are made, and fills the change set with all else, and
 * the counts.  False if it has to be done once more, from import_resolve() on,
 * because rows had counted on an address or a seat that does not get free; see the
 * top of the file.
 */
bool
import_decide(Import *import)
{
	int			capacity = (int) Min(import_staging_count(import->staging), import->is_first ? FIRST_BATCH_SIZE : BATCH_SIZE);
	Batch	   *batch = MemoryContextAlloc(import->attempt_context, offsetof(Batch, rows) + sizeof(ImportRow) * capacity);
	bool		has_losing_rows;
	int64		new_row_count;

	batch->capacity = capacity;
	import_shield_begin(import);
	import_address_begin(import);
	import_similar_begin(import);
	import_seats_begin(import);
	if (!import->is_first && import_seats_need_first_pass(import))
	{
		pass(import, batch, true);
		import_seats_invite_waiting(import);
	}
	new_row_count = count_new(import);
	if (new_row_count > 0 && !import->by_statements)
		import_direct_begin(import, new_row_count);
	pass(import, batch, false);
	import_similar_end(import);
	/* people in memory have made room for indexes and all that is to be sorted */
	if (import_staging_count(import->staging) > MANY_ROWS)
		compat_return_memory();
	has_losing_rows = import_address_find_losing(import);
	if (find_withheld_rows(import) || has_losing_rows)
		return false;
	import_direct_end(import);
	return true;
}

/*
 * Of a list of the vendor's: makes a profile with the groups and permissions of
 * the row, whatever it is similar to; the seats are the caller's.  Rows must
 * come in line order.  Returns the profile_id.
 */
int64
import_adopt(Import *import, ImportRow *row, int64 row_number)
{
	RowTarget  *target = &import->targets[row_number];
	bool		changed;
	bool		identity_changed;
	ProfileValues values = import_wanted_values(import, row, target, NULL, &changed, &identity_changed);

	import_similar_check(import, row, row_number, target, &values);
	/* a later import must not refuse what the vendor has; see obey_rule() in import_similar.c */
	values.reupload_user_profile = row->reupload_user_profile;
	target->is_new = true;
	target->profile_id = values.profile_id = import_target_profile(next_profile_id(import, row->line));
	import_similar_accept(import, row, row_number, target, &values);
	import_change_profile(import->changes, true, &values, row->line);
	(void) import_change_groups(import, row, values.profile_id, NULL);
	(void) change_permissions(import, row, values.profile_id, NULL);
	return values.profile_id;
}
