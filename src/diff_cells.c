/*
 * diff_cells.c
 *		Compares a person with what the vendor has.
 *
 * What the vendor has of a changed cell is found by diff_vendor.c; all other
 * cells it has as they are now.  Of who was deleted and made again, and of
 * a leaver who is back, all that the vendor has is known, and all that is there
 * now is compared with it.
 *
 * Cells are named and written as in the product's files: a product with one full
 * name has one cell for both names, and its locations and dates, which are kept
 * as attributes, are columns of their own; it has no other attributes.
 */
#include "diff_subject.h"

#include "attribute.h"
#include "core/header.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* As columns of the files of a product with one full name. */
static const char *const full_name_headers[] = {
	[DIFF_PRIMARY_EMAIL_ADDRESS] = "Email",
	[DIFF_UNIQUE_USER_ID] = "unique_user_id",
	[DIFF_PREFERRED_FIRST_NAME] = "Name",
	[DIFF_PREFERRED_LAST_NAME] = "Name",
	[DIFF_WORK_TITLE] = "Title"
};

static const char *
profile_header(const DiffReader *reader, DiffPlace place)
{
	return (reader->account->product->has_locations ? full_name_headers : diff_profile_columns)[place];
}

/* The attribute's column in the product's files, or NULL if they have none. */
static const char *
attribute_header(const product *product, const char *name)
{
	header_column column;

	if (product->has_attributes)
		return psprintf("attribute_%s", name);
	if (!product->has_locations)
		return NULL;
	header_classify(product, name, strlen(name), &column);
	switch (column.kind)
	{
		case COLUMN_COUNTRY:
		case COLUMN_REGION:
		case COLUMN_LANGUAGE:
			return column.canonical;
		case COLUMN_DATE:
			return name;
		default:
			return NULL;
	}
}

/*
 * The columns of "changes" behind a column of the product's files; how many:
 * at most two.
 */
int
diff_logged_columns(const product *product, const char *header, const char *columns[2])
{
	columns[0] = header;
	if (strncmp(header, "group:", 6) == 0 || strncmp(header, "group/", 6) == 0)
	{
		header += 6;
		while (*header == ' ')
			header++;
		columns[0] = psprintf("group:%s", header);
	}
	else if (product->has_locations)
	{
		if (strcmp(header, "Name") == 0)
		{
			columns[0] = "preferred_first_name";
			columns[1] = "preferred_last_name";
			return 2;
		}
		if (strcmp(header, "Email") == 0)
			columns[0] = "primary_email_address";
		else if (strcmp(header, "Title") == 0)
			columns[0] = "work_title";
		else if (attribute_header(product, header) != NULL)
			columns[0] = psprintf("attribute_%s", header);
	}
	return 1;
}

/* ---- cells ---- */

/* The name of what is done to the cell; static. */
static const char *
cell_action(const DiffReader *reader, const DiffCell *cell)
{
	if (reader->person.state == DIFF_ADDED)
		return "add";
	switch (cell->place)
	{
		case DIFF_PRIMARY_EMAIL_ADDRESS:
			return "rename";
		case DIFF_UNIQUE_USER_ID:
			return cell->old_value != NULL && cell->new_value != NULL ? "rename" : "update";
		case DIFF_LICENSE:
			return strcmp(cell->new_value, "active") == 0 ? "grant" : "revoke";
		case DIFF_GROUP:
			return strcmp(cell->new_value, reader->notation.group_yes) == 0 ? "join" : "leave";
		case DIFF_PERMISSION:
			return strcmp(cell->new_value, "no") == 0 ? "forbid" : "permit";
		default:
			return "update";
	}
}

static void
add_cell(DiffReader *reader, DiffPlace place, const char *column_name, const char *old_value,
		 const char *new_value)
{
	DiffPerson *person = &reader->person;
	DiffCell   *cell;

	if (person->cell_count == person->cell_capacity)
	{
		person->cell_capacity = Max(person->cell_capacity * 2, 16);
		person->cells = person->cells == NULL ?
			palloc(person->cell_capacity * sizeof(DiffCell)) :
			repalloc(person->cells, person->cell_capacity * sizeof(DiffCell));
	}
	cell = &person->cells[person->cell_count++];
	cell->place = place;
	cell->column_name = column_name;
	cell->old_value = old_value;
	cell->new_value = new_value;
	cell->hold = DIFF_NOT_HELD;
	cell->action = cell_action(reader, cell);
}

static const char *
null_if_empty(const char *value)
{
	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Adds a text if it differs; the case of an address does not count. */
static void
compare_text(DiffReader *reader, DiffPlace place, const char *column_name, const char *old_value,
			 const char *new_value)
{
	old_value = null_if_empty(old_value);
	new_value = null_if_empty(new_value);
	if (old_value == new_value || column_name == NULL)
		return;
	if (old_value != NULL && new_value != NULL &&
		(place == DIFF_PRIMARY_EMAIL_ADDRESS ? pg_strcasecmp(old_value, new_value) :
		 strcmp(old_value, new_value)) == 0)
		return;
	if (place == DIFF_UNIQUE_USER_ID && !reader->account->product->has_unique_user_id)
		return;
	add_cell(reader, place, column_name, old_value, new_value);
}

/* Adds a cell that has a value for nothing. */
static void
compare_choice(DiffReader *reader, DiffPlace place, const char *column_name, const char *old_value,
			   const char *new_value)
{
	if (strcmp(old_value, new_value) != 0)
		add_cell(reader, place, column_name, old_value, new_value);
}

static char *
full_name(const char *first, const char *last)
{
	first = null_if_empty(first);
	last = null_if_empty(last);
	if (first == NULL || last == NULL)
		return first == NULL && last == NULL ? NULL : pstrdup(first ? first : last);
	return psprintf("%s %s", first, last);
}

static const char *
present_text(const DiffPresent *present, DiffPlace place)
{
	switch (place)
	{
		case DIFF_PRIMARY_EMAIL_ADDRESS:
			return present->email;
		case DIFF_UNIQUE_USER_ID:
			return present->id;
		case DIFF_PREFERRED_FIRST_NAME:
			return present->first_name;
		case DIFF_PREFERRED_LAST_NAME:
			return present->last_name;
		default:
			return present->title;
	}
}

/*
 * What the vendor has of a text: of the cell, if it was changed, else what is
 * there now.  vendor NULL: it has nothing.
 */
static const char *
vendor_text(const VendorCells *vendor, const DiffPresent *present, DiffPlace place)
{
	const ChangeRow *cell;

	if (vendor == NULL)
		return NULL;
	cell = diff_find_vendor_cell(vendor, place, diff_profile_columns[place]);
	return cell != NULL ? cell->value : present_text(present, place);
}

/* Names and title, id and address. */
static void
compare_texts(DiffReader *reader, const VendorCells *vendor, const DiffPresent *present)
{
	bool		is_full_name = reader->account->product->has_locations;

	for (DiffPlace place = DIFF_PRIMARY_EMAIL_ADDRESS; place <= DIFF_WORK_TITLE; place++)
	{
		if (is_full_name && (place == DIFF_PREFERRED_FIRST_NAME || place == DIFF_PREFERRED_LAST_NAME))
			continue;
		compare_text(reader, place, profile_header(reader, place),
					 vendor_text(vendor, present, place), present_text(present, place));
	}
	if (is_full_name)
		compare_text(reader, DIFF_PREFERRED_FIRST_NAME, profile_header(reader, DIFF_PREFERRED_FIRST_NAME),
					 full_name(vendor_text(vendor, present, DIFF_PREFERRED_FIRST_NAME),
							   vendor_text(vendor, present, DIFF_PREFERRED_LAST_NAME)),
					 full_name(present->first_name, present->last_name));
}

static const char *
present_scope(const DiffPresent *present, const char *permission)
{
	ListCell   *cell;

	foreach(cell, present->permissions)
	{
		const PresentScope *scope = lfirst(cell);

		if (strcmp(scope->permission, permission) == 0)
			return scope->scope;
	}
	return "no";
}

/* A changed cell that is none of compare_texts(). */
static void
compare_vendor_cell(DiffReader *reader, const ChangeRow *vendor, const DiffPresent *present)
{
	const DiffNotation *notation = &reader->notation;
	const DiffColumn *column;
	const char *name;

	switch (vendor->place)
	{
		case DIFF_LICENSE:
			column = diff_column_by_key(&reader->licenses, vendor->key);
			compare_choice(reader, DIFF_LICENSE, column ? column->header : vendor->column_name,
						   vendor->value ? vendor->value : "inactive",
						   column && list_member_int(present->licenses, column->id) ? "active" : "inactive");
			break;
		case DIFF_GROUP:
			column = diff_column_by_key(&reader->groups, vendor->key);
			compare_choice(reader, DIFF_GROUP, column ? column->header :
						   psprintf("%s%s", notation->group_header_prefix, vendor->column_name + 6),
						   vendor->value && strcmp(vendor->value, "yes") == 0 ?
						   notation->group_yes : notation->group_no,
						   column && list_member_int(present->groups, column->id) ?
						   notation->group_yes : notation->group_no);
			break;
		case DIFF_PERMISSION:
			if (reader->account->product->has_permissions)
				compare_choice(reader, DIFF_PERMISSION, vendor->column_name,
							   vendor->value ? vendor->value : "no",
							   present_scope(present, vendor->column_name));
			break;
		case DIFF_ATTRIBUTE:
			{
				JsonbValue	key = {.type = jbvString};

				name = vendor->column_name + 10;
				key.val.string.val = unconstify(char *, name);
				key.val.string.len = strlen(name);
				compare_text(reader, DIFF_ATTRIBUTE, attribute_header(reader->account->product, name),
							 vendor->value, present->attributes == NULL ? NULL :
							 attribute_text(findJsonbValueFromContainer(&present->attributes->root,
																		JB_FOBJECT, &key)));
				break;
			}
		default:
			break;
	}
}

/* ---- all that is there ---- */

/* What diff_each_attribute() of add_present() needs. */
typedef struct PresentWalk
{
	DiffReader *reader;
	const VendorCells *vendor;	/* cells that are compared already; NULL: none */
} PresentWalk;

static void
add_present_attribute(void *context, char *name, char *value)
{
	PresentWalk *walk = context;

	if (walk->vendor == NULL ||
		diff_find_vendor_cell(walk->vendor, DIFF_ATTRIBUTE, psprintf("attribute_%s", name)) == NULL)
		compare_text(walk->reader, DIFF_ATTRIBUTE,
					 attribute_header(walk->reader->account->product, name), NULL, value);
}

static const DiffColumn *
existing_column(const DiffReader *reader, const DiffColumns *columns, int id)
{
	const DiffColumn *column = diff_column_by_id(columns, id);

	if (column == NULL)
		elog(ERROR, "account \"%s\" has no license or group %d", reader->account->name, id);
	return column;
}

/*
 * Adds a cell for all that the profile has and that is not among the vendor's
 * cells; of an added person there are none.
 */
static void
add_present(DiffReader *reader, const VendorCells *vendor, const DiffPresent *present)
{
	PresentWalk walk = {reader, vendor};
	bool		is_added = reader->person.state == DIFF_ADDED;
	ListCell   *cell;

	foreach(cell, present->licenses)
	{
		const DiffColumn *column = existing_column(reader, &reader->licenses, lfirst_int(cell));

		if (vendor == NULL || diff_find_vendor_cell(vendor, DIFF_LICENSE, column->key) == NULL)
			add_cell(reader, DIFF_LICENSE, column->header, is_added ? NULL : "inactive", "active");
	}
	foreach(cell, present->groups)
	{
		const DiffColumn *column = existing_column(reader, &reader->groups, lfirst_int(cell));

		if (vendor == NULL || diff_find_vendor_cell(vendor, DIFF_GROUP, column->key) == NULL)
			add_cell(reader, DIFF_GROUP, column->header, is_added ? NULL : reader->notation.group_no,
					 reader->notation.group_yes);
	}
	foreach(cell, present->permissions)
	{
		const PresentScope *scope = lfirst(cell);

		if (strcmp(scope->scope, "no") != 0 &&
			(vendor == NULL || diff_find_vendor_cell(vendor, DIFF_PERMISSION, scope->permission) == NULL))
			add_cell(reader, DIFF_PERMISSION, scope->permission, is_added ? NULL : "no", scope->scope);
	}
	diff_each_attribute(present->attributes, add_present_attribute, &walk);
}

static void
add_value(DiffPerson *person, DiffPlace place, const char *column_name, const char *value)
{
	DiffCell   *cell = &person->values[person->value_count];

	if (null_if_empty(value) == NULL || column_name == NULL)
		return;
	memset(cell, 0, sizeof(DiffCell));
	cell->place = place;
	cell->column_name = column_name;
	cell->new_value = value;
	person->value_count++;
}

static void
add_attribute_value(void *context, char *name, char *value)
{
	DiffReader *reader = context;

	add_value(&reader->person, DIFF_ATTRIBUTE, attribute_header(reader->account->product, name), value);
}

/* What a row may say besides what differs; see export_rows.c. */
static void
add_values(DiffReader *reader, const DiffPresent *present)
{
	DiffPerson *person = &reader->person;

	person->values = palloc((3 + (present->attributes ? JB_ROOT_COUNT(present->attributes) : 0)) *
							sizeof(DiffCell));
	for (DiffPlace place = DIFF_PREFERRED_FIRST_NAME; place <= DIFF_WORK_TITLE; place++)
		add_value(person, place, profile_header(reader, place), present_text(present, place));
	diff_each_attribute(present->attributes, add_attribute_value, reader);
}

/* ---- a person ---- */

static int
compare_cells(const void *a, const void *b)
{
	const DiffCell *left = a;
	const DiffCell *right = b;

	if (left->place != right->place)
		return left->place < right->place ? -1 : 1;
	return strcmp(left->column_name, right->column_name);
}

static bool
has_cell(const DiffPerson *person, const char *action, const char *column_name)
{
	for (int i = 0; i < person->cell_count; i++)
		if (strcmp(person->cells[i].action, action) == 0 &&
			(column_name == NULL || strcmp(person->cells[i].column_name, column_name) == 0))
			return true;
	return false;
}

/* The groups in which the vendor has somebody who loses a seat, or was deleted. */
static void
add_vendor_groups(DiffReader *reader, const DiffPresent *present)
{
	DiffPerson *person = &reader->person;
	ListCell   *cell;

	if (person->state != DIFF_DELETED && !has_cell(person, "revoke", NULL))
		return;
	foreach(cell, present->groups)
	{
		const DiffColumn *column = existing_column(reader, &reader->groups, lfirst_int(cell));

		if (!has_cell(person, "join", column->header))
			person->vendor_groups = lappend(person->vendor_groups, column->header);
	}
	for (int i = 0; i < person->cell_count; i++)
		if (strcmp(person->cells[i].action, "leave") == 0)
			person->vendor_groups = lappend(person->vendor_groups,
											unconstify(char *, person->cells[i].column_name));
}

/*
 * Makes reader->person of the subject, in the current context; its cells may be
 * none.  False if it is nobody to the vendor, nor to the account.
 */
bool
diff_compare(DiffReader *reader, const DiffSubject *subject, DiffPerson *person)
{
	const DiffPresent *present = &subject->present;
	VendorCells vendor = {0};
	bool		is_replaced = diff_is_replaced(subject);

	memset(person, 0, sizeof(DiffPerson));
	person->profile_id = subject->profile_id;
	person->email = present->email;
	person->id = present->id;
	person->reupload = present->reupload;
	if (subject->is_new && !is_replaced)
	{
		if (!present->lives)
			return false;
		person->state = DIFF_ADDED;
		compare_texts(reader, NULL, present);
		add_present(reader, NULL, present);
	}
	else
	{
		vendor = diff_vendor_cells(subject);
		person->state = present->lives ? DIFF_KNOWN : DIFF_DELETED;
		person->vendor_email = vendor_text(&vendor, present, DIFF_PRIMARY_EMAIL_ADDRESS);
		person->vendor_id = null_if_empty(vendor_text(&vendor, present, DIFF_UNIQUE_USER_ID));
		if (person->vendor_email == NULL && !present->lives)
			return false;
		if (present->lives)
			compare_texts(reader, &vendor, present);
		for (int i = 0; i < vendor.count; i++)
			if (present->lives || vendor.cells[i].place != DIFF_ATTRIBUTE)
				compare_vendor_cell(reader, &vendor.cells[i], present);
		if (present->lives && is_replaced)
			add_present(reader, &vendor, present);
		if (reader->for_export && present->lives)
			add_values(reader, present);
		if (reader->for_export)
			add_vendor_groups(reader, present);
	}
	if (person->cell_count > 1)
		qsort(person->cells, person->cell_count, sizeof(DiffCell), compare_cells);
	return true;
}
