/*
 * import_address.c
 *		Addresses that pass from one profile to another.
 *
 * A row may take an address whose holder gets a new one by another row, whose holder
 * gets a new one by a third, and so on, perhaps in a ring.  If one of them is rejected
 * for something else, all that count on it must be, too: see import_decide.c.
 */
#include "import.h"

#include "sql.h"
#include "utils/memutils.h"

/* The row that gives a profile another address, or that wants the one it has. */
typedef struct ProfileRow
{
	int64		profile_id;		/* hash key */
	int64		row;
} ProfileRow;

static HTAB *
rows_by_profile(Import *import, const char *name)
{
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(ProfileRow),.hcxt = import->attempt_context};

	return hash_create(name, 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Fills the two tables; claimants are at most one an address, as no row repeats one. */
static void
find_movers(Import *import, HTAB *claimants)
{
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
	{
		RowTarget  *target = &import->targets[i];
		int64		profile_id = target->profile_id;

		if (target->state != ROW_ACCEPTED)
			continue;
		if (target->renames && profile_id != 0)
			((ProfileRow *) hash_search(import->movers, &profile_id, HASH_ENTER, NULL))->row = i;
		if (target->takes_address)
		{
			int64		holder = import_address_holder(import, i);

			((ProfileRow *) hash_search(claimants, &holder, HASH_ENTER, NULL))->row = i;
		}
	}
}

/* Does the holder of the row's address give it up? */
static bool
address_gets_free(const Import *import, int64 row)
{
	int64		holder = import_address_holder(import, row);
	ProfileRow *mover;

	if (holder == 0)
		return true;
	mover = hash_search(import->movers, &holder, HASH_FIND, NULL);
	return mover != NULL && import->targets[mover->row].state == ROW_ACCEPTED;
}

/* Marks the rows whose address is taken, and those that depend on them. */
static void
mark_taken_addresses(Import *import, HTAB *claimants)
{
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
	{
		RowTarget  *target = &import->targets[i];

		if (target->state != ROW_ACCEPTED || !target->takes_address ||
			(!bms_is_member((int) i, import->losing_rows) && address_gets_free(import, i)))
			continue;
		for (;;)
		{
			int64		profile_id = target->profile_id;
			ProfileRow *claimant;

			target->state = ROW_ADDRESS_TAKEN;
			claimant = hash_search(claimants, &profile_id, HASH_FIND, NULL);
			if (claimant == NULL || import->targets[claimant->row].state != ROW_ACCEPTED)
				break;
			target = &import->targets[claimant->row];
		}
	}
}

/*
 * Before the rows of an attempt are decided: finds out which of them take the address
 * of a profile, and marks those that do not get it as ROW_ADDRESS_TAKEN.
 */
void
import_address_begin(Import *import)
{
	HTAB	   *claimants = rows_by_profile(import, "orgsync claimants");

	import->movers = rows_by_profile(import, "orgsync movers");
	find_movers(import, claimants);
	import->takes_addresses = hash_get_num_entries(claimants) > 0;
	mark_taken_addresses(import, claimants);
}

/*
 * After they have been decided: remembers the accepted rows whose address is not free
 * after all, in losing_rows.  Were there any?
 */
bool
import_address_find_losing(Import *import)
{
	bool		found = false;
	MemoryContext old_context = MemoryContextSwitchTo(import->context);

	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		if (import->targets[i].state == ROW_ACCEPTED && !address_gets_free(import, i))
		{
			import->losing_rows = bms_add_member(import->losing_rows, (int) i);
			found = true;
		}
	MemoryContextSwitchTo(old_context);
	return found;
}

/* Rejects a row that was marked, and tells who has the address. */
void
import_address_reject(Import *import, ImportRow *row, int64 row_number)
{
	int64		address_holder = import_address_holder(import, row_number);
	const char *holder = "another profile";

	if (sql_run(import->account,
				"SELECT coalesce('unique_user_id ' || unique_user_id, 'profile ' || profile_id)"
				" FROM @account.profiles WHERE profile_id = $1",
				1, (SqlArgument[]) {SQL_INT8(address_holder)}) > 0)
		holder = sql_string(0, 0);
	import_reject(import, row, FINDING_EMAIL_TAKEN, import->columns[import->email_column].header, 2,
				  row->primary_email_address, holder);
	import_note_named(import, import->targets[row_number].profile_id);
	import_note_named(import, address_holder);
}
