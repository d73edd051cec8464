/*
 * export_plan.c
 *		From the cells of the diff to the rows of an export's files.
 *
 * A person's cells go to up to five rows, by what the vendor's rules allow:
 *
 *	revoke	licenses taken away: before all grants, and without group columns.
 *			Keyed by the address that the vendor has, since renames come later.
 *	rename	a new address or a new unique_user_id.
 *	update	everything else of those whom the vendor knows, keyed by the new
 *			address.
 *	add		all cells of those whom it does not know.
 *	manual	what no row can say: a cell is "no action" when empty, so nothing can
 *			be cleared; and whatever a product cannot do with existing people.
 *
 * An address (or id) that one row frees must be free before the row that takes
 * it.  Who waits for somebody, or is waited for, is "linked", and few are; they
 * are kept in memory until all are known, and then planned in such an order that
 * everybody comes after whom he waits for.  Within a file the rows are ordered
 * by level, the place in that chain.  If the two need different files (one is
 * keyed by unique_user_id, the other is not) and the files would be in the wrong
 * order, the one who waits goes to a later round of files.
 *
 * Two limits.  In a circle (two people swap addresses) no order is right: the
 * rows stand in one file if their columns allow it, and the file's final state
 * counts, as it does in our own imports.  And who waits for an address that is
 * never freed, because its holder was deleted here and no file deletes anybody,
 * cannot be renamed by a file: that is manual.
 *
 * Memory: one person at a time, as diff_reader.c has it; linked people, and the
 * rows in their sort, in the context of the caller.
 */
#include "export.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

/* A linked person. */
typedef struct LinkedPerson
{
	DiffPerson	person;
	bool		is_visited;
	bool		is_planned;
	struct LinkedPerson *holders[2];	/* of the address, of the id */

	/* of those who have a row in a rename file */
	bool		has_rename;
	int			column_set;
	int			round;
	int			level;
} LinkedPerson;

typedef struct LinkedEntry
{
	int64		profile_id;
	LinkedPerson *person;
} LinkedEntry;

/* Where the cells of a diff stand in a file. */
static const ExportPlace file_places[] = {
	[DIFF_PRIMARY_EMAIL_ADDRESS] = EXPORT_PRIMARY_EMAIL_ADDRESS,
	[DIFF_UNIQUE_USER_ID] = EXPORT_UNIQUE_USER_ID,
	[DIFF_PREFERRED_FIRST_NAME] = EXPORT_FIRST_NAME,
	[DIFF_PREFERRED_LAST_NAME] = EXPORT_LAST_NAME,
	[DIFF_WORK_TITLE] = EXPORT_WORK_TITLE,
	[DIFF_LICENSE] = EXPORT_LICENSE,
	[DIFF_GROUP] = EXPORT_GROUP,
	[DIFF_PERMISSION] = EXPORT_PERMISSION,
	[DIFF_ATTRIBUTE] = EXPORT_ATTRIBUTE
};

/* The kind of row that the cell belongs in. */
static ExportKind
cell_kind(const ExportPlan *plan, const DiffPerson *person, const DiffCell *cell)
{
	if (person->state == DIFF_ADDED)
		return EXPORT_ADD;
	if (!plan->account->product->updates_profiles)
		return EXPORT_MANUAL;

	switch (cell->place)
	{
		case DIFF_PRIMARY_EMAIL_ADDRESS:
			return person->email_blocked ? EXPORT_MANUAL : EXPORT_RENAME;
		case DIFF_UNIQUE_USER_ID:
			if (cell->new_value == NULL || person->id_blocked)
				return EXPORT_MANUAL;
			return cell->old_value == NULL ? EXPORT_UPDATE : EXPORT_RENAME;
		case DIFF_LICENSE:
			return strcmp(cell->action, "revoke") == 0 ? EXPORT_REVOKE : EXPORT_UPDATE;
		case DIFF_PREFERRED_FIRST_NAME:
		case DIFF_PREFERRED_LAST_NAME:
		case DIFF_WORK_TITLE:
		case DIFF_ATTRIBUTE:
			return cell->new_value == NULL ? EXPORT_MANUAL : EXPORT_UPDATE;
		default:
			return EXPORT_UPDATE;
	}
}

/* The address that the vendor will have once the renames are done. */
static const char *
person_address(const ExportPlan *plan, const DiffPerson *person)
{
	if (person->email == NULL || person->email_blocked || !plan->account->product->updates_profiles)
		return person->vendor_email != NULL ? person->vendor_email : person->email;
	return person->email;
}

static void
end_row(ExportPlan *plan, int round, int level)
{
	export_row_end(plan->rows, round, level);
	plan->row_count++;
}

static void
add_address(ExportPlan *plan, const char *address)
{
	export_row_cell(plan->rows, EXPORT_PRIMARY_EMAIL_ADDRESS, "primary_email_address", address);
}

/* A row of the person's cells of that kind, if there are any. */
static void
plan_cells(ExportPlan *plan, const DiffPerson *person, ExportKind kind)
{
	bool		has_row = false;

	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (cell_kind(plan, person, cell) != kind)
			continue;
		if (!has_row)
		{
			export_row_begin(plan->rows, kind, person->profile_id);
			if (kind == EXPORT_REVOKE)
				add_address(plan, person->vendor_email);
			else if (kind == EXPORT_UPDATE)
				add_address(plan, person_address(plan, person));
			has_row = true;
		}
		export_row_cell(plan->rows, file_places[cell->place], cell->column_name, cell->new_value);
	}
	if (!has_row)
		return;
	if (kind == EXPORT_ADD && person->reupload)
		export_row_cell(plan->rows, EXPORT_REUPLOAD, "reupload_user_profile", "true");
	end_row(plan, 0, 0);
}

/* Will the person give up the address (or the id) that the vendor has? */
static bool
frees(const ExportPlan *plan, const DiffPerson *person, DiffPlace place)
{
	for (int i = 0; i < person->cell_count; i++)
	{
		if (person->cells[i].place == place)
			return cell_kind(plan, person, &person->cells[i]) == EXPORT_RENAME;
	}
	return false;
}

/* Puts the rename that is being made behind those that must come before it. */
static void
order_rename(ExportPlan *plan, LinkedPerson *linked)
{
	linked->has_rename = true;
	linked->column_set = export_row_column_set(plan->rows);
	for (int i = 0; i < 2; i++)
	{
		const LinkedPerson *holder = linked->holders[i];

		if (holder == NULL || !holder->has_rename)
			continue;
		/* within a round, files are ordered by column set */
		linked->round = Max(linked->round,
							holder->round + (holder->column_set > linked->column_set ? 1 : 0));
		linked->level = Max(linked->level, holder->level + 1);
	}
}

/*
 * A new address is written with unique_user_id, or with existing_email_address
 * where the vendor knows no id.  linked is NULL for most people.
 */
static void
plan_rename(ExportPlan *plan, const DiffPerson *person, LinkedPerson *linked)
{
	bool		has_new_email = frees(plan, person, DIFF_PRIMARY_EMAIL_ADDRESS);
	bool		has_new_id = frees(plan, person, DIFF_UNIQUE_USER_ID);

	if (!has_new_email && !has_new_id)
		return;

	export_row_begin(plan->rows, EXPORT_RENAME, person->profile_id);
	if (person->vendor_id == NULL || !plan->account->product->has_unique_user_id)
	{
		export_row_cell(plan->rows, EXPORT_EXISTING_EMAIL_ADDRESS, "existing_email_address",
						person->vendor_email);
		add_address(plan, person->email);
	}
	else
	{
		/* an address that stays behind for manual work must not look as if it were renamed */
		if (!person->email_blocked)
			add_address(plan, person->email);
		export_row_cell(plan->rows, EXPORT_UNIQUE_USER_ID, "unique_user_id", person->vendor_id);
		if (has_new_id)
			export_row_cell(plan->rows, EXPORT_NEW_UNIQUE_USER_ID, "new_unique_user_id",
							person->id);
	}
	if (person->reupload)
		export_row_cell(plan->rows, EXPORT_REUPLOAD, "reupload_user_profile", "true");
	if (linked != NULL)
	{
		order_rename(plan, linked);
		end_row(plan, linked->round, linked->level);
	}
	else
		end_row(plan, 0, 0);
}

/* One row a cell, for a person to read. */
static void
plan_manual(ExportPlan *plan, const DiffPerson *person)
{
	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (cell_kind(plan, person, cell) != EXPORT_MANUAL)
			continue;
		export_row_begin(plan->rows, EXPORT_MANUAL, person->profile_id);
		add_address(plan, person_address(plan, person));
		export_row_cell(plan->rows, EXPORT_MANUAL_COLUMN, "column_name", cell->column_name);
		export_row_cell(plan->rows, EXPORT_MANUAL_OLD, "old_value", cell->old_value);
		export_row_cell(plan->rows, EXPORT_MANUAL_NEW, "new_value", cell->new_value);
		end_row(plan, 0, 0);
	}
}

/*
 * Counts for the threshold.  The seats that the vendor knows of are those that
 * are taken here, with what is revoked and without what is granted.
 */
static void
count_seats(ExportPlan *plan, const DiffPerson *person)
{
	bool		loses_a_seat = false;

	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (cell->place != DIFF_LICENSE)
			continue;
		if (strcmp(cell->new_value, "active") == 0)
			plan->seats_taken--;
		else
		{
			plan->seats_revoked++;
			plan->seats_taken++;
			loses_a_seat = true;
		}
	}
	if (loses_a_seat)
	{
		if (plan->people_revoked < EXPORT_NAMED_PEOPLE)
			plan->first_revoked[plan->people_revoked] = pstrdup(person->vendor_email);
		plan->people_revoked++;
	}
}

static void
plan_person(ExportPlan *plan, const DiffPerson *person, LinkedPerson *linked)
{
	if (person->state == DIFF_ADDED)
		plan_cells(plan, person, EXPORT_ADD);
	else
	{
		plan_cells(plan, person, EXPORT_REVOKE);
		plan_rename(plan, person, linked);
		plan_cells(plan, person, EXPORT_UPDATE);
		plan_manual(plan, person);
	}
	count_seats(plan, person);
}

static char *
copy_string(const char *string)
{
	return string != NULL ? pstrdup(string) : NULL;
}

/* A copy that lasts, in the current context. */
static LinkedPerson *
link_person(const DiffPerson *person)
{
	LinkedPerson *linked = palloc0(sizeof(LinkedPerson));
	DiffPerson *copy = &linked->person;

	*copy = *person;
	copy->vendor_email = copy_string(person->vendor_email);
	copy->email = copy_string(person->email);
	copy->vendor_id = copy_string(person->vendor_id);
	copy->id = copy_string(person->id);
	copy->cell_capacity = person->cell_count;
	copy->cells = palloc(Max(person->cell_count, 1) * sizeof(DiffCell));
	for (int i = 0; i < person->cell_count; i++)
	{
		copy->cells[i] = person->cells[i];
		copy->cells[i].column_name = pstrdup(person->cells[i].column_name);
		copy->cells[i].old_value = copy_string(person->cells[i].old_value);
		copy->cells[i].new_value = copy_string(person->cells[i].new_value);
	}
	return linked;
}

/* Plans a linked person, those whom he waits for having been planned. */
static void
plan_linked_person(ExportPlan *plan, LinkedPerson *linked)
{
	LinkedPerson *email_holder = linked->holders[0];
	LinkedPerson *id_holder = linked->holders[1];

	if (email_holder != NULL && email_holder->is_planned &&
		!frees(plan, &email_holder->person, DIFF_PRIMARY_EMAIL_ADDRESS))
		linked->person.email_blocked = true;
	if (id_holder != NULL && id_holder->is_planned &&
		!frees(plan, &id_holder->person, DIFF_UNIQUE_USER_ID))
		linked->person.id_blocked = true;
	plan_person(plan, &linked->person, linked);
	linked->is_planned = true;
}

/* Whoever of the two holders was not visited yet. */
static LinkedPerson *
next_holder(const LinkedPerson *linked)
{
	for (int i = 0; i < 2; i++)
	{
		if (linked->holders[i] != NULL && !linked->holders[i]->is_visited)
			return linked->holders[i];
	}
	return NULL;
}

/*
 * Plans the person after all whom he waits for: a depth-first walk.  Its stack
 * is a list, since chains can be long.
 */
static void
plan_chain(ExportPlan *plan, LinkedPerson *last)
{
	List	   *stack = list_make1(last);

	while (stack != NIL)
	{
		LinkedPerson *linked = llast(stack);
		LinkedPerson *next;

		CHECK_FOR_INTERRUPTS();
		linked->is_visited = true;
		next = next_holder(linked);
		if (next != NULL)
		{
			stack = lappend(stack, next);
			continue;
		}
		if (!linked->is_planned)
			plan_linked_person(plan, linked);
		stack = list_delete_last(stack);
	}
}

static LinkedPerson *
find_linked(HTAB *table, int64 profile_id)
{
	LinkedEntry *entry = hash_search(table, &profile_id, HASH_FIND, NULL);

	return entry != NULL ? entry->person : NULL;
}

/* Plans all linked people. */
static void
plan_linked(ExportPlan *plan, List *all_linked)
{
	HASHCTL		control = {
		.keysize = sizeof(int64),
		.entrysize = sizeof(LinkedEntry),
		.hcxt = CurrentMemoryContext
	};
	HTAB	   *table = hash_create("orgsync linked people", Max(list_length(all_linked), 1),
									&control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ListCell   *cell;

	foreach(cell, all_linked)
	{
		LinkedPerson *linked = lfirst(cell);
		LinkedEntry *entry = hash_search(table, &linked->person.profile_id, HASH_ENTER, NULL);

		entry->person = linked;
	}
	foreach(cell, all_linked)
	{
		LinkedPerson *linked = lfirst(cell);

		linked->holders[0] = find_linked(table, linked->person.email_holder);
		linked->holders[1] = find_linked(table, linked->person.id_holder);
	}
	foreach(cell, all_linked)
		plan_chain(plan, lfirst(cell));
	hash_destroy(table);
}

/*
 * Reads the diff of the account, in the notation of the files, and plans the
 * rows of the export.  *plan is filled in; all its memory is in the current
 * context.  Needs an SPI connection.
 */
void
export_plan_read(ExportPlan *plan, const Account *account, const DiffNotation *notation)
{
	DiffReader *reader = diff_open(account, notation, true);
	const DiffPerson *person;
	List	   *all_linked = NIL;

	memset(plan, 0, sizeof(ExportPlan));
	plan->account = account;
	plan->rows = export_rows_create();
	plan->changes_read = diff_changes_read(reader);
	plan->seats_taken = diff_seats_taken(reader);
	while ((person = diff_next(reader)) != NULL)
	{
		if (person->email_holder != 0 || person->id_holder != 0 || person->is_holder)
			all_linked = lappend(all_linked, link_person(person));
		else
			plan_person(plan, person, NULL);
	}
	diff_close(reader);
	plan_linked(plan, all_linked);
	export_rows_sort(plan->rows);
}
