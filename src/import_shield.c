/*
 * import_shield.c
 *		Protected people, in imports of mode full.
 *
 * A file of mode full is the whole roster, made by a machine; what it says of
 * somebody who is protected (see protected_profile.c) may be an accident like
 * any other.  So it neither takes a seat from them nor gives them another
 * address or id; the rest of their rows is applied.  In mode patch a row is
 * somebody's decision.
 */
#include "import.h"

#include "sql.h"
#include "utils/memutils.h"

/* May the import not do all that a row says of the profile? */
bool
import_shield_covers(const Import *import, int64 profile_id)
{
	return import->shielded != NULL && hash_search(import->shielded, &profile_id, HASH_FIND, NULL) != NULL;
}

/*
 * Reads who is protected, if that matters to the import, and leaves them their
 * addresses.  To be called when the rows' profiles are known, and before any is
 * decided.
 */
void
import_shield_begin(Import *import)
{
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(int64),.hcxt = import->attempt_context};
	uint64		count;

	import->shielded = NULL;
	if (!import->options.full)
		return;
	count = sql_run(import->account, "SELECT profile_id FROM @account.protected_profiles", 0, NULL);
	if (count > 0)
		import->shielded = hash_create("orgsync protected profiles", 64, &control,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (uint64 i = 0; i < count; i++)
	{
		int64		profile_id = sql_int64((int) i, 0);

		(void) hash_search(import->shielded, &profile_id, HASH_ENTER, NULL);
	}
	SPI_freetuptable(SPI_tuptable);
	for (int64 i = 0; import->shielded != NULL && i < import_staging_count(import->staging); i++)
	{
		RowTarget  *target = &import->targets[i];

		if (target->renames && import_shield_covers(import, target->profile_id))
		{
			target->renames = false;
			target->takes_address = false;
		}
	}
}

/* Takes out of a protected person's row what the import must not do; reports it if asked to. */
void
import_shield_row(Import *import, ImportRow *row, const RowTarget *target, const PresentProfile *present,
				  bool with_report)
{
	bool		renames = false;
	bool		revokes = false;
	const ProfileValues *values;

	if (present == NULL || !import_shield_covers(import, target->profile_id))
		return;
	values = &present->values;
	if (row->primary_email_address != NULL &&
		pg_strcasecmp(row->primary_email_address, values->primary_email_address) != 0)
		renames = true;
	if (row->new_unique_user_id != NULL && values->unique_user_id != NULL &&
		strcmp(row->new_unique_user_id, values->unique_user_id) != 0)
	{
		row->unique_user_id = row->new_unique_user_id = NULL;
		renames = true;
	}
	for (int i = 0; i < import->license_count; i++)
	{
		int			column = import->license_columns[i];

		if (column == NO_COLUMN || row->cells[column].value != CELL_NO)
			continue;
		if (strcmp(import_seat_status(present, import->licenses[i].terms.license_id), "unassigned") != 0)
			revokes = true;
		row->cells[column].value = CELL_EMPTY;
	}
	if ((renames || revokes) && with_report)
		import_report(import, FINDING_PROTECTED_PROFILE, row->line, NULL, row, 2,
					  values->primary_email_address,
					  !revokes ? "rename" : renames ? "rename, revoke" : "revoke");
}
