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
 *			address.  The row may carry names, title and attributes that are as
 *			the vendor has them, if that spares a file (see export_rows.c).
 *	add		all cells of those whom it does not know.
 *	manual	what no row can say: a cell is "no action" when empty, so nothing can
 *			be cleared; and whatever a product cannot do with existing people.
 *			Seats to take away are a list of their own and come before all else,
 *			so that whatever is granted later finds them free.
 *
 * Cells that are held (see diff_hold.c) go nowhere.  Who waits for an address or
 * an id that somebody else has at the vendor's is planned when all are known;
 * see export_links.c.
 *
 * Workleap's file says of a new person what the template asks for, and whoever is
 * in it becomes an active student.  The groups are chosen for the whole upload,
 * so there is one file for each set of groups, and its name tells them.  A row
 * that would have the whole file refused, because a mandatory cell is missing or
 * a cell looks like a formula, is manual.  An existing person stays there as he
 * is, so all that was changed of one is manual.
 *
 * Memory: one person at a time, as diff_reader.c has it; linked people, and the
 * rows in their sort, in the context of the caller.
 */
#include "export_plan.h"

#include "core/csv_writer.h"
#include "miscadmin.h"

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

static ExportPlace
file_place(const product *product, const DiffCell *cell)
{
	if (product->has_locations && cell->place == DIFF_ATTRIBUTE)
		return strcmp(cell->column_name, "Country") == 0 ? EXPORT_COUNTRY :
			strcmp(cell->column_name, "Region") == 0 ? EXPORT_REGION :
			strcmp(cell->column_name, "Language") == 0 ? EXPORT_LANGUAGE : EXPORT_DATE;
	if (product->has_locations && cell->place == DIFF_WORK_TITLE)
		return EXPORT_TITLE;
	return file_places[cell->place];
}

/* Would the vendor refuse a whole file for this person's row? */
static bool
spoils_file(const product *product, const DiffPerson *person)
{
	int			mandatory = 0;

	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];
		ExportPlace place = file_place(product, cell);

		mandatory += place == EXPORT_FIRST_NAME || place == EXPORT_COUNTRY || place == EXPORT_REGION;
		if (product->refuses_formulas && cell->place != DIFF_GROUP &&
			csv_cell_is_formula(cell->new_value, strlen(cell->new_value)))
			return true;
	}
	return product->has_locations && mandatory < 3;
}

static ExportKind
added_kind(const ExportPlan *plan, const PlannedPerson *planned)
{
	if (planned->email_blocked || planned->id_blocked ||
		spoils_file(plan->account->product, &planned->person))
		return EXPORT_MANUAL;
	return EXPORT_ADD;
}

/* The kind of row that the cell belongs in. */
static ExportKind
cell_kind(const ExportPlan *plan, const PlannedPerson *planned, const DiffCell *cell)
{
	if (cell->hold != DIFF_NOT_HELD)
		return EXPORT_NOT_AT_ALL;
	if (planned->person.state == DIFF_ADDED)
		return added_kind(plan, planned);
	if (strcmp(cell->action, "revoke") == 0)
		return plan->account->product->updates_profiles && planned->person.vendor_email != NULL ?
			EXPORT_REVOKE : EXPORT_MANUAL_REVOKE;
	if (!plan->account->product->updates_profiles ||
		(planned->person.vendor_email == NULL && planned->email_blocked))
		return EXPORT_MANUAL;	/* or no row can name the person */

	switch (cell->place)
	{
		case DIFF_PRIMARY_EMAIL_ADDRESS:
			return planned->email_blocked ? EXPORT_MANUAL : EXPORT_RENAME;
		case DIFF_UNIQUE_USER_ID:
			if (cell->new_value == NULL || planned->id_blocked)
				return EXPORT_MANUAL;
			return cell->old_value == NULL ? EXPORT_UPDATE : EXPORT_RENAME;
		case DIFF_PREFERRED_FIRST_NAME:
		case DIFF_PREFERRED_LAST_NAME:
		case DIFF_WORK_TITLE:
		case DIFF_ATTRIBUTE:
			return cell->new_value == NULL ? EXPORT_MANUAL : EXPORT_UPDATE;
		default:
			return EXPORT_UPDATE;
	}
}

/* Does a row of the export give the person another address (or another id)? */
bool
export_plan_renames(const ExportPlan *plan, const PlannedPerson *planned, DiffPlace place)
{
	const DiffPerson *person = &planned->person;

	for (int i = 0; i < person->cell_count; i++)
	{
		if (person->cells[i].place == place)
			return cell_kind(plan, planned, &person->cells[i]) == EXPORT_RENAME;
	}
	return false;
}

/* The address that the vendor will have once the renames are done. */
static const char *
person_address(const ExportPlan *plan, const PlannedPerson *planned)
{
	const DiffPerson *person = &planned->person;

	if (person->vendor_email == NULL || pg_strcasecmp(person->vendor_email, person->email ? person->email : "") == 0 ||
		export_plan_renames(plan, planned, DIFF_PRIMARY_EMAIL_ADDRESS))
		return person->email;
	return person->vendor_email;
}

static void
end_row(ExportPlan *plan, int unit)
{
	export_row_end(plan->rows, unit);
	plan->row_count++;
}

static void
add_address(ExportPlan *plan, const char *address)
{
	export_row_cell(plan->rows, EXPORT_PRIMARY_EMAIL_ADDRESS, "primary_email_address", address);
}

/* Only products whose rows update profiles have the column. */
static void
add_reupload(ExportPlan *plan, const DiffPerson *person)
{
	if (person->reupload && plan->account->product->updates_profiles)
		export_row_cell(plan->rows, EXPORT_REUPLOAD, "reupload_user_profile", "true");
}

/* A row of the person's cells of that kind, if there are any. */
static void
plan_cells(ExportPlan *plan, const PlannedPerson *planned, ExportKind kind)
{
	const DiffPerson *person = &planned->person;
	bool		has_row = false;

	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (cell_kind(plan, planned, cell) != kind)
			continue;
		if (!has_row)
		{
			export_row_begin(plan->rows, kind, person->profile_id);
			add_address(plan, kind == EXPORT_REVOKE ? person->vendor_email : person_address(plan, planned));
			has_row = true;
		}
		export_row_cell(plan->rows, file_place(plan->account->product, cell), cell->column_name,
						cell->new_value);
	}
	if (!has_row)
		return;
	for (int i = 0; i < person->value_count && kind == EXPORT_UPDATE; i++)
		export_row_carry(plan->rows, file_place(plan->account->product, &person->values[i]),
						 person->values[i].column_name, person->values[i].new_value);
	end_row(plan, 0);
}

/* An added person's row. */
static void
plan_added(ExportPlan *plan, const PlannedPerson *planned)
{
	const product *product = plan->account->product;
	const DiffPerson *person = &planned->person;

	if (person->cell_count == 0 || cell_kind(plan, planned, &person->cells[0]) != EXPORT_ADD)
		return;
	export_row_begin(plan->rows, EXPORT_ADD, person->profile_id);
	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (cell->place == DIFF_GROUP && !product->has_group_columns)
			export_row_group(plan->rows, cell->column_name + strlen(product->group_header_prefix));
		else if (cell->place != DIFF_LICENSE || product->has_license_columns)
			export_row_cell(plan->rows, file_place(product, cell), cell->column_name, cell->new_value);
	}
	add_reupload(plan, person);
	end_row(plan, 0);
}

/* The row, or the two rows, that give the person another address or another id. */
static void
plan_rename(ExportPlan *plan, const PlannedPerson *planned)
{
	const DiffPerson *person = &planned->person;
	bool		has_new_email = export_plan_renames(plan, planned, DIFF_PRIMARY_EMAIL_ADDRESS);
	bool		has_new_id = export_plan_renames(plan, planned, DIFF_UNIQUE_USER_ID);
	bool		by_address = person->vendor_email != NULL &&
		(planned->form == RENAME_BY_ADDRESS ||
		 (planned->form == RENAME_ALONE &&
		  (person->vendor_id == NULL || !plan->account->product->has_unique_user_id)));

	if (has_new_email && by_address)
	{
		export_row_begin(plan->rows, EXPORT_RENAME, person->profile_id);
		export_row_cell(plan->rows, EXPORT_EXISTING_EMAIL_ADDRESS, "existing_email_address",
						person->vendor_email);
		add_address(plan, person->email);
		add_reupload(plan, person);
		end_row(plan, planned->unit);
	}
	if (has_new_id || (has_new_email && !by_address))
	{
		export_row_begin(plan->rows, EXPORT_RENAME, person->profile_id);
		if (!by_address)
			add_address(plan, person_address(plan, planned));
		export_row_cell(plan->rows, EXPORT_UNIQUE_USER_ID, "unique_user_id", person->vendor_id);
		if (has_new_id || planned->form == RENAME_BY_ID_WITH_NEW_ID)
			export_row_cell(plan->rows, EXPORT_NEW_UNIQUE_USER_ID, "new_unique_user_id",
							has_new_id ? person->id : person->vendor_id);
		if (!by_address)
			add_reupload(plan, person);
		end_row(plan, planned->unit);
	}
}

/* What stands for an address of the vendor's that is not known. */
static const char *
unknown_address(const DiffPerson *person)
{
	return psprintf("unknown, of unique_user_id %s", person->vendor_id);
}

/* One row a cell, for a person to read: all of somebody's in one file. */
static void
plan_manual(ExportPlan *plan, const PlannedPerson *planned, ExportKind kind)
{
	const DiffPerson *person = &planned->person;

	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (cell_kind(plan, planned, cell) != kind)
			continue;
		export_row_begin(plan->rows, kind, person->profile_id);
		add_address(plan, kind == EXPORT_MANUAL ? person_address(plan, planned) :
					person->vendor_email != NULL ? person->vendor_email : unknown_address(person));
		export_row_cell(plan->rows, EXPORT_MANUAL_COLUMN, "column_name", cell->column_name);
		export_row_cell(plan->rows, EXPORT_MANUAL_OLD, "old_value",
						cell->old_value == NULL && strcmp(cell->action, "rename") == 0 ?
						unknown_address(person) : cell->old_value);
		export_row_cell(plan->rows, EXPORT_MANUAL_NEW, "new_value", cell->new_value);
		end_row(plan, plan->people_planned);
	}
}

static void
add_finding(ExportPlan *plan, finding_code code, const char *column_name, const char *email,
			const char *argument)
{
	ExportFinding *finding = palloc(sizeof(ExportFinding));

	finding->code = code;
	finding->column_name = pstrdup(column_name);
	finding->email = pstrdup(email);
	finding->argument = argument ? pstrdup(argument) : NULL;
	plan->findings = lappend(plan->findings, finding);
}

/* What keeps the person from what was wanted. */
static void
report_obstacles(ExportPlan *plan, const PlannedPerson *planned)
{
	const DiffPerson *person = &planned->person;

	if (planned->email_blocked)
		add_finding(plan, FINDING_VENDOR_KEY_TAKEN, "primary_email_address", person->email,
					person->email_holder.user_id ?
					psprintf("unique_user_id %s", person->email_holder.user_id) :
					psprintf("profile " INT64_FORMAT, person->email_holder.profile_id));
	if (planned->id_blocked)
		add_finding(plan, FINDING_VENDOR_KEY_TAKEN, "unique_user_id", person->id,
					psprintf("profile " INT64_FORMAT, person->id_holder.profile_id));
	for (int i = 0; i < person->cell_count; i++)
	{
		if (person->cells[i].hold == DIFF_HELD_PROTECTED)
		{
			add_finding(plan, FINDING_PROTECTED_PROFILE, person->cells[i].column_name,
						person->vendor_email ? person->vendor_email : person->email,
						person->cells[i].action);
			break;
		}
	}
}

/* Plans all rows of the person, and counts them for the thresholds. */
void
export_plan_person(ExportPlan *plan, const PlannedPerson *planned)
{
	if (planned->person.state == DIFF_ADDED)
		plan_added(plan, planned);
	else
	{
		plan_cells(plan, planned, EXPORT_REVOKE);
		plan_rename(plan, planned);
		plan_cells(plan, planned, EXPORT_UPDATE);
	}
	plan->people_planned++;
	plan_manual(plan, planned, EXPORT_MANUAL_REVOKE);
	plan_manual(plan, planned, EXPORT_MANUAL);
	report_obstacles(plan, planned);
	export_threshold_count(plan, &planned->person);
	if (plan->observer != NULL)
	{
		const DiffPerson *person = &planned->person;
		ExportKind *kinds = palloc(sizeof(ExportKind) * Max(person->cell_count, 1));

		for (int i = 0; i < person->cell_count; i++)
			kinds[i] = cell_kind(plan, planned, &person->cells[i]);
		plan->observer(plan->observer_context, person, kinds);
		pfree(kinds);
	}
}

/*
 * Reads the diff of the account, in the notation of the files, and plans the
 * rows of the export; full: as if the vendor had nothing (see export_full.c).
 * *plan is filled in; all its memory is in the current context.  Needs an SPI
 * connection.
 */
void
export_plan_read(ExportPlan *plan, const Account *account, const DiffNotation *notation,
				 DiffMode mode, ExportObserver observer, void *observer_context)
{
	const DiffPerson *person;
	List	   *all_linked = NIL;

	memset(plan, 0, sizeof(ExportPlan));
	plan->account = account;
	plan->notation = *notation;
	plan->is_full = mode == DIFF_TO_EXPORT_ALL;
	plan->observer = observer;
	plan->observer_context = observer_context;
	plan->reader = diff_open(account, notation, mode);
	plan->rows = export_rows_create();
	export_threshold_begin(plan);
	if (plan->is_full && account->product->has_license_columns)
		plan->row_count = diff_count(plan->reader, "SELECT count(*) FROM (SELECT FROM @account.profiles LIMIT 1) AS p",
									 0, NULL);
	else
		while ((person = diff_next(plan->reader)) != NULL)
		{
			if (person->email_holder.profile_id != 0 || person->id_holder.profile_id != 0 || person->is_holder)
				all_linked = lappend(all_linked, export_link_person(person));
			else
				export_plan_person(plan, &(PlannedPerson) {.person = *person});
		}
	export_plan_linked(plan, all_linked);
	if (!plan->is_full)
		export_threshold_check(plan, plan->reader);
	plan->changes_read = diff_changes_read(plan->reader);
	export_rows_sort(plan->rows);
}

/* Gives back what is not memory. */
void
export_plan_end(ExportPlan *plan)
{
	if (plan->full != NULL)
		export_full_close(plan->full);
	diff_close(plan->reader);
	export_rows_end(plan->rows);
}
