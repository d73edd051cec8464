/*
 * import_remote_compare.c
 *		Where a row of the vendor's own list says otherwise than the account.
 *
 * Cell by cell, in the vendor's eyes: to it, nothing and an empty string are the
 * same, and so are addresses and scopes in other case.
 */
#include "import_remote.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/* The status that a seat here has for the vendor's; static. */
const char *
remote_seat_status(const vendor_status *status)
{
	switch (status->kind)
	{
		case VENDOR_STATUS_ACTIVE:
		case VENDOR_STATUS_INVITED:
			return "invited";
		case VENDOR_STATUS_ACTIVATED:
			return "activated";
		default:
			return "unassigned";
	}
}

/* Midnight UTC of the vendor's date. */
TimestampTz
remote_seat_since(const vendor_status *status)
{
	return (TimestampTz) (date2j(status->year, status->month, status->day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

/* The cell's column as "changes" names it; NULL: the column is no cell, or several. */
static const char *
cell_name(const Import *import, const ImportColumn *column)
{
	if (column->attribute != NULL)
		return psprintf("attribute_%s", column->attribute);
	switch (column->kind)
	{
		case COLUMN_GROUP:
			return psprintf("group:%s", import->groups[column->group].name);
		case COLUMN_LICENSE:
			return import->licenses[column->license].terms.header;
		case COLUMN_PERMISSION:
		case COLUMN_GROUP_PERMISSION:
			return permission_name(column->permission);
		case COLUMN_PRIMARY_EMAIL_ADDRESS:
		case COLUMN_UNIQUE_USER_ID:
		case COLUMN_PREFERRED_FIRST_NAME:
		case COLUMN_PREFERRED_LAST_NAME:
		case COLUMN_WORK_TITLE:
			return column_kind_name(column->kind);
		default:
			return NULL;
	}
}

static bool
compare_text(RemoteDifference *difference, int64 profile_id, const char *column_name, const char *vendor,
			 const char *present)
{
	/* nothing and an empty string are the same to the vendor */
	if (strcmp(vendor ? vendor : "", present ? present : "") == 0)
		return false;
	remote_difference_cell(difference, profile_id, column_name, vendor);
	return true;
}

/*
 * The vendor has both names in one cell.  How they are divided does not matter, but
 * together they must be what is there, to the last blank.
 */
static bool
compare_full_name(RemoteDifference *difference, const char *vendor, const PresentProfile *present)
{
	const char *first_name = present->values.preferred_first_name;
	const char *last_name = present->values.preferred_last_name;
	char	   *vendor_first_name = NULL;
	char	   *vendor_last_name = NULL;
	char	   *whole = psprintf("%s%s%s", first_name ? first_name : "",
								 first_name && last_name && first_name[0] && last_name[0] ? " " : "",
								 last_name ? last_name : "");
	bool		differs;

	if (strcmp(vendor ? vendor : "", whole) == 0)
		return false;
	if (vendor != NULL)
	{
		char	   *name = pstrdup(vendor);
		char	   *last_blank = strrchr(name, ' ');

		vendor_last_name = last_blank != NULL ? last_blank + 1 : name;
		if (last_blank != NULL)
		{
			*last_blank = '\0';
			vendor_first_name = name;
		}
	}
	differs = compare_text(difference, present->profile_id, "preferred_first_name", vendor_first_name, first_name);
	differs |= compare_text(difference, present->profile_id, "preferred_last_name", vendor_last_name, last_name);
	return differs;
}

static const PresentSeat *
seat_of(const PresentProfile *present, int license_id)
{
	ListCell   *cell;

	foreach(cell, present->seats)
		if (((PresentSeat *) lfirst(cell))->license_id == license_id)
			return lfirst(cell);
	return NULL;
}

static bool
compare_seat(Import *import, RemoteDifference *difference, const ImportColumn *column, const ImportCell *cell,
			 const PresentProfile *present)
{
	const LicenseUsage *license = &import->licenses[column->license];
	const PresentSeat *seat = seat_of(present, license->terms.license_id);
	bool		vendor_active = cell->value == CELL_YES;
	bool		present_active = seat != NULL && (strcmp(seat->status, "invited") == 0 ||
												  strcmp(seat->status, "activated") == 0);

	if (vendor_active != present_active)
	{
		remote_difference_cell(difference, present->profile_id, license->terms.header, vendor_active ? "active" : "inactive");
		return true;
	}
	/* "active" does not say which of the two it is */
	if (!vendor_active || cell->status.kind == VENDOR_STATUS_ACTIVE)
		return false;
	if (strcmp(seat->status, remote_seat_status(&cell->status)) == 0 &&
		(cell->status.year == 0 || seat->since == remote_seat_since(&cell->status)))
		return false;
	remote_difference_seat(difference, present->profile_id, license->terms.license_id, &cell->status);
	return true;
}

static bool
compare_group(Import *import, RemoteDifference *difference, const ImportColumn *column, const ImportCell *cell,
			  const PresentProfile *present)
{
	int			group_id = import->groups[column->group].group_id;
	bool		is_member = group_id != 0 && list_member_int(present->groups, group_id);

	if (is_member == (cell->value == CELL_YES))
		return false;
	remote_difference_cell(difference, present->profile_id, cell_name(import, column), is_member ? "no" : "yes");
	return true;
}

static bool
compare_permission(RemoteDifference *difference, const ImportColumn *column, const ImportCell *cell,
				   const PresentProfile *present)
{
	const char *permission = permission_name(column->permission);
	const char *vendor = cell->text ? import_canonical_scope(cell->text) : "no";
	const char *scope = "no";
	ListCell   *granted;

	foreach(granted, present->permissions)
		if (strcmp(((PresentPermission *) lfirst(granted))->permission, permission) == 0)
			scope = ((PresentPermission *) lfirst(granted))->scope;
	if (pg_strcasecmp(vendor, scope) == 0)
		return false;
	remote_difference_cell(difference, present->profile_id, permission, vendor);
	return true;
}

static bool
compare_cell(Import *import, RemoteDifference *difference, const ImportRow *row, int index,
			 const PresentProfile *present)
{
	const ImportColumn *column = &import->columns[index];
	const ImportCell *cell = &row->cells[index];
	const ProfileValues *values = &present->values;

	switch (column->kind)
	{
		case COLUMN_PRIMARY_EMAIL_ADDRESS:
			if (values->primary_email_address != NULL &&
				pg_strcasecmp(row->primary_email_address, values->primary_email_address) == 0)
				return false;
			remote_difference_cell(difference, present->profile_id, cell_name(import, column), row->primary_email_address);
			return true;
		case COLUMN_UNIQUE_USER_ID:
			return compare_text(difference, present->profile_id, cell_name(import, column), row->unique_user_id,
								values->unique_user_id);
		case COLUMN_PREFERRED_FIRST_NAME:
			return compare_text(difference, present->profile_id, cell_name(import, column), cell->text,
								values->preferred_first_name);
		case COLUMN_PREFERRED_LAST_NAME:
			return compare_text(difference, present->profile_id, cell_name(import, column), cell->text,
								values->preferred_last_name);
		case COLUMN_WORK_TITLE:
			return compare_text(difference, present->profile_id, cell_name(import, column), cell->text,
								values->work_title);
		case COLUMN_FULL_NAME:
			return compare_full_name(difference, cell->text, present);
		case COLUMN_LICENSE:
			return compare_seat(import, difference, column, cell, present);
		case COLUMN_GROUP:
			return compare_group(import, difference, column, cell, present);
		case COLUMN_PERMISSION:
		case COLUMN_GROUP_PERMISSION:
			return compare_permission(difference, column, cell, present);
		default:
			if (column->attribute == NULL)
				return false;
			return compare_text(difference, present->profile_id, cell_name(import, column), cell->text,
								import_attribute_of(values->attributes, column->attribute));
	}
}

/*
 * Adds what a row says otherwise than the profile, which is empty but for its id
 * if the account does not have it.  Returns whether there is any difference.
 */
bool
remote_compare(Import *import, RemoteDifference *difference, const ImportRow *row,
						  const PresentProfile *present)
{
	bool		differs = false;

	for (int i = 0; i < import->column_count; i++)
		differs |= compare_cell(import, difference, row, i, present);
	return differs;
}

/* Makes the seats of a profile that is adopted, with the vendor's status and its date. */
void
remote_compare_adopted(Import *import, RemoteDifference *difference, const ImportRow *row, int64 profile_id)
{
	for (int i = 0; i < import->column_count; i++)
	{
		const ImportCell *cell = &row->cells[i];
		int			license_id;

		if (import->columns[i].kind != COLUMN_LICENSE || cell->status.kind == VENDOR_STATUS_NONE)
			continue;
		license_id = import->licenses[import->columns[i].license].terms.license_id;
		import_change_seat(import->changes, CHANGE_NEW_SEATS, profile_id, license_id,
						   remote_seat_status(&cell->status), row->line);
		if (cell->status.year != 0)
			remote_difference_seat(difference, profile_id, license_id, &cell->status);
	}
}

/* The names of the list's columns, as cells have them, for a statement; palloc'd. */
SqlArgument
remote_compare_columns(const Import *import)
{
	ArrayBuildState *names = initArrayResult(TEXTOID, CurrentMemoryContext, false);

	for (int i = 0; i < import->column_count; i++)
	{
		const ImportColumn *column = &import->columns[i];
		const char *name = cell_name(import, column);

		if (column->kind == COLUMN_FULL_NAME)
		{
			names = accumArrayResult(names, CStringGetTextDatum("preferred_first_name"), false, TEXTOID,
									 CurrentMemoryContext);
			name = "preferred_last_name";
		}
		if (name != NULL)
			names = accumArrayResult(names, CStringGetTextDatum(name), false, TEXTOID, CurrentMemoryContext);
	}
	return SQL_DATUM(TEXTARRAYOID, makeArrayResult(names, CurrentMemoryContext));
}
