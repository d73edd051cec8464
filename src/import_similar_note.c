/*
 * import_similar_note.c
 *		What is noted of the rows of a file before any of them is compared with others.
 *
 * While the file is read, a filter is made of all its rows, so that only those are kept
 * which may be similar to another.  The filter's keys are staged with the row: of the
 * others, who are most of a first import, nothing else is looked at.
 *
 * A row may say only a part of what its profile will be.  Whom it makes of the profile
 * is noted when it is known which one it means.
 */
#include "import_similar.h"

#include "miscadmin.h"
#include "trigger_rows.h"
#include "utils/memutils.h"

/* The names that the row gives; NULL for none. */
void
import_similar_names(const Import *import, const ImportRow *row, char **first_name, char **last_name)
{
	*first_name = *last_name = NULL;
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_PREFERRED_FIRST_NAME)
			*first_name = row->cells[i].text;
		else if (import->columns[i].kind == COLUMN_PREFERRED_LAST_NAME)
			*last_name = row->cells[i].text;
		else if (import->columns[i].kind == COLUMN_FULL_NAME && row->cells[i].text != NULL)
			cell_split_name(pstrdup(row->cells[i].text), first_name, last_name);
}

/* Notes by what others may be similar to the row, which keeps its keys itself too, and its name. */
void
import_similar_note(Import *import, ImportRow *row, RowNote *note)
{
	OwnedPerson person;
	char	   *first_name;
	char	   *last_name;

	if (!import->rules->any)
		return;
	import_similar_names(import, row, &first_name, &last_name);
	note->is_partial = row->primary_email_address == NULL || first_name == NULL || last_name == NULL;
	if (row->primary_email_address == NULL)
		return;
	similar_person_read(&person, row->primary_email_address, NULL, first_name, last_name);
	note->is_unnamed = person.person.name == 0;
	similar_note_make(&note->similar, &person.person,
					  duplicate_rules_domain_hash(import->rules, &person.person.address));
	row->similar_keys = note->similar.keys;
	row->similar_name = (SimilarName) {person.person.name, person.person.built_from_name};
}

/* Takes the note of the next row, by its number, for what is compared later. */
void
import_similar_take(Import *import, const RowNote *note, int64 row_number)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->context);

	if (import->rules->any && import->similar_filter == NULL)
	{
		import->similar_filter = similar_filter_create(true, import->source.size / IMPORT_RECORD_LENGTH);
		import->noted_rules = import->rules;
	}
	/* if it is about a profile that there is, that one has the rest */
	if (note->is_partial)
		import->partial_rows = bms_add_member(import->partial_rows, (int) row_number);
	MemoryContextSwitchTo(old_context);
	if (note->similar.keys.local != 0)
		similar_filter_take(import->similar_filter, &note->similar);
	import->unnamed_row_count += note->is_unnamed;
}

/* ---- rows that say a part ---- */

/*
 * The person that a row about an existing profile would make of it.  False if
 * address and names stay as they are.
 */
bool
import_similar_changed_person(Import *import, const ImportRow *row, const RowTarget *target, OwnedPerson *person)
{
	PresentProfile present = {.profile_id = target->profile_id};
	SimilarProbe *probe = import_similar_probe(import);
	ProfileValues values;
	bool		changed;
	bool		identity_changed;

	if (!similar_probe_profile(probe, target->profile_id))
		return false;
	present.values.primary_email_address = slot_string(probe->slot, PROFILES_PRIMARY_EMAIL_ADDRESS);
	present.values.unique_user_id = slot_string(probe->slot, PROFILES_UNIQUE_USER_ID);
	present.values.preferred_first_name = slot_string(probe->slot, PROFILES_PREFERRED_FIRST_NAME);
	present.values.preferred_last_name = slot_string(probe->slot, PROFILES_PREFERRED_LAST_NAME);
	values = import_wanted_values(import, row, target, &present, &changed, &identity_changed);
	if (identity_changed)
		similar_person_read(person, values.primary_email_address, values.unique_user_id,
							values.preferred_first_name, values.preferred_last_name);
	return identity_changed;
}

/* May a row change the address or the names of a profile that there is? */
bool
import_similar_may_change(const RowTarget *target, bool has_names)
{
	return target->state == ROW_ACCEPTED && target->profile_id != 0 && (target->renames || has_names);
}

/* Does the file give names? */
bool
import_similar_has_names(const Import *import)
{
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_PREFERRED_FIRST_NAME ||
			import->columns[i].kind == COLUMN_PREFERRED_LAST_NAME || import->columns[i].kind == COLUMN_FULL_NAME)
			return true;
	return false;
}

/* Notes the rows that say only a part of what their profiles will be. */
void
import_similar_note_partial(Import *import)
{
	bool		has_names = import_similar_has_names(import);
	bool		found = false;
	ImportRow	row;

	for (int i = -1; !found && (i = bms_next_member(import->partial_rows, i)) >= 0;)
		found = import_similar_may_change(&import->targets[i], has_names);
	if (!found || import->similar_filter == NULL)
		return;
	import_staging_rewind(import->staging);
	for (int64 i = 0; import_staging_next(import, &row, true); i++)
	{
		OwnedPerson person;
		MemoryContext old_context;

		if (import_similar_may_change(&import->targets[i], has_names) && bms_is_member((int) i, import->partial_rows))
		{
			old_context = MemoryContextSwitchTo(import->row_context);
			if (import_similar_changed_person(import, &row, &import->targets[i], &person))
				similar_filter_note(import->similar_filter, &person.person,
									duplicate_rules_domain_hash(import->rules, &person.person.address));
			MemoryContextSwitchTo(old_context);
		}
		MemoryContextReset(import->row_context);
		CHECK_FOR_INTERRUPTS();
	}
}
