/*
 * import_row.c
 *		What a record says, and what is wrong with it by itself.
 *
 * Nothing here looks at the account's people.  What is parsed is staged until its
 * turn comes to be decided.
 */
#include "import.h"

#include "core/csv_writer.h"
#include "core/email.h"
#include "core/group_list.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* A longer employee id would not fit into an index, and is none. */
#define MAX_USER_ID_LENGTH	255

/* A longer name of a group might not fit into an index, and is a text in the wrong column. */
#define MAX_GROUP_NAME_LENGTH	500

static bool
is_key(column_kind kind)
{
	return kind == COLUMN_PRIMARY_EMAIL_ADDRESS || kind == COLUMN_EXISTING_EMAIL_ADDRESS ||
		kind == COLUMN_UNIQUE_USER_ID;
}

/*
 * A part of the row's record as a string, in the row's copy of the record: there the
 * byte behind it becomes its end, which is no part of another text.
 */
char *
import_row_text(const ImportRow *row, size_t offset, size_t length)
{
	row->texts[offset + length] = '\0';
	return row->texts + offset;
}

/* The text in the database's encoding, as a string; NULL if it cannot be. */
static char *
text_of_row(const ImportRow *row, const char *data, size_t length)
{
	bool		is_in_record = data >= row->raw && data < row->raw + row->raw_length;

	/* an escaped quote or an empty cell of a sheet is elsewhere */
	if (is_in_record && (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII))
		return import_row_text(row, (size_t) (data - row->raw), length);
	return import_text(data, length);
}

/*
 * The field's text trimmed and in the database's encoding; NULL if it is blank, or if
 * it cannot be had, which is reported.  In the row's copy of the record, or palloc'd.
 */
char *
import_field_text(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field)
{
	const char *data = field->data;
	size_t		length = field->length;
	char	   *text;

	cell_trim(&data, &length);
	if (length == 0)
		return NULL;
	text = text_of_row(row, data, length);
	if (text == NULL)
	{
		import_reject(import, row, FINDING_INVALID_VALUE, column->header, 3, column->header,
					  import_text_shown(data, length), "it has a character that the database's encoding has not");
		row->key_unreadable = row->key_unreadable || is_key(column->kind);
	}
	return text;
}

/* A value that is not what the column takes, as it can be shown. */
static const char *
shown(const csv_field *field)
{
	return import_text_shown(field->data, field->length);
}

static void
parse_email(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
			char **address)
{
	email_fault fault;

	*address = import_field_text(import, row, column, field);
	if (*address == NULL)
		return;
	fault = email_check(*address, strlen(*address));
	if (fault == EMAIL_VALID)
		return;
	import_reject(import, row, FINDING_INVALID_EMAIL, column->header, 2, *address,
				  psprintf("it %s", email_fault_reason(fault)));
	row->key_unreadable = true;
	*address = NULL;
}

static void
parse_user_id(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
			  char **user_id)
{
	const char *fault = NULL;

	*user_id = import_field_text(import, row, column, field);
	if (*user_id == NULL)
		return;
	if (!cell_is_user_id(*user_id, strlen(*user_id)))
		fault = "an employee id has only letters and digits";
	else if (strlen(*user_id) > MAX_USER_ID_LENGTH)
		fault = "an employee id has at most " CppAsString2(MAX_USER_ID_LENGTH) " characters";
	if (fault == NULL)
		return;
	import_reject(import, row, FINDING_INVALID_VALUE, column->header, 3, column->header, *user_id, fault);
	row->key_unreadable = true;
	*user_id = NULL;
}

static void
parse_text(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
		   ImportCell *cell)
{
	const char *trimmed = field->data;
	size_t		length = field->length;

	cell_trim(&trimmed, &length);
	if (length == 0 && !import->options.is_remote)
		import_report(import, FINDING_BLANK_VALUE, row->line, column->header, row, 1, column->header);
	cell->text = import_field_text(import, row, column, field);
	if (cell->text == NULL)
		return;
	if (cell_has_control_character(trimmed, length))
		import_reject(import, row, FINDING_INVALID_VALUE, column->header, 3, column->header, cell->text,
					  "it has a line break or another control character");
	/* a sheet tells its formulas from its texts, see import_sheet.c */
	else if (!import->options.is_remote && !import_is_sheet(import) &&
			 (csv_cell_is_formula(trimmed, length) || csv_cell_is_formula(field->data, field->length)))
	{
		if (import->account->product->refuses_formulas)
			import_reject(import, row, FINDING_FORMULA_REFUSED, column->header, 2,
						  column->header, cell->text);
		else
			import_report(import, FINDING_FORMULA_VALUE, row->line, column->header, row, 2,
						  column->header, cell->text);
	}
}

/* Is there nothing but blanks in the field? */
bool
import_field_is_blank(const csv_field *field)
{
	const char *data = field->data;
	size_t		length = field->length;

	cell_trim(&data, &length);
	return length == 0;
}

static void
parse_full_name(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
				ImportCell *cell)
{
	if (import_field_is_blank(field) && !import->options.is_remote)
		import_reject(import, row, FINDING_MISSING_NAME, column->header, 1, column->header);
	else
		parse_text(import, row, column, field, cell);
}

static void
parse_date(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
		   ImportCell *cell)
{
	const char *reason;

	parse_text(import, row, column, field, cell);
	if (cell->text != NULL && !import->options.is_remote && !cell_is_date(cell->text, strlen(cell->text), &reason))
		import_reject(import, row, FINDING_INVALID_DATE, column->header, 3, column->header,
					  cell->text, reason);
}

static void
check_scope_groups(Import *import, ImportRow *row, const ImportColumn *column, const char *scope)
{
	group_list	list;
	char	   *name = palloc(strlen(scope) + 1);
	size_t		length;

	group_list_begin(&list, scope, strlen(scope));
	while (group_list_next(&list, name, &length))
	{
		name[length] = '\0';
		if (!import_group_is_known(import, name, row))
			import_reject(import, row, FINDING_UNKNOWN_GROUP, column->header, 2, name,
						  import_suggest_group(import, name));
	}
}

static void
parse_permission(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
				 ImportCell *cell)
{
	char	   *text;

	if (column->kind == COLUMN_PERMISSION)
	{
		cell_value	value = cell_permission(field->data, field->length);

		if (value == CELL_INVALID)
			import_reject(import, row, FINDING_INVALID_PERMISSION, column->header, 2, column->header, shown(field));
		cell->text = value == CELL_YES ? "yes" : value == CELL_NO ? "no" : NULL;
		return;
	}

	text = import_field_text(import, row, column, field);
	if (text == NULL)
		return;
	switch (group_list_classify(text, strlen(text)))
	{
		case GROUP_LIST_EMPTY:
			break;
		case GROUP_LIST_NO:
			cell->text = "no";
			break;
		case GROUP_LIST_YES:
			cell->text = "yes";
			break;
		case GROUP_LIST_GROUPS:
			check_scope_groups(import, row, column, text);
			cell->text = text;
			break;
		case GROUP_LIST_INVALID:
			import_reject(import, row, FINDING_INVALID_PERMISSION, column->header, 2, column->header, text);
			break;
	}
}

/* In a list of the vendor's an empty cell is no license. */
static void
parse_license(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
			  ImportCell *cell)
{
	if (!import->options.is_remote)
	{
		cell->value = cell_license_status(field->data, field->length);
		if (cell->value == CELL_INVALID)
			import_reject(import, row, FINDING_INVALID_STATUS, column->header, 2, column->header, shown(field));
		return;
	}
	cell->status = vendor_status_parse(field->data, field->length);
	switch (cell->status.kind)
	{
		case VENDOR_STATUS_NONE:
		case VENDOR_STATUS_UNASSIGNED:
			cell->value = CELL_NO;
			break;
		case VENDOR_STATUS_ACTIVE:
		case VENDOR_STATUS_INVITED:
		case VENDOR_STATUS_ACTIVATED:
			cell->value = CELL_YES;
			break;
		case VENDOR_STATUS_INVALID:
			import_reject(import, row, FINDING_INVALID_VENDOR_STATUS, column->header, 2, column->header,
						  shown(field));
			break;
	}
}

static void
parse_group(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
			ImportCell *cell)
{
	const char *name = import->groups[column->group].name;

	cell->value = cell_group(field->data, field->length);
	if (cell->value == CELL_INVALID)
		import_reject(import, row, FINDING_INVALID_GROUP_VALUE, column->header, 2, column->header,
					  shown(field));
	if (cell->value == CELL_EMPTY && import->options.is_remote)
		cell->value = CELL_NO;
	if (cell->value != CELL_EMPTY && import_group_is_missing(import, column->group))
		import_reject(import, row, FINDING_UNKNOWN_GROUP, column->header, 2, name,
					  import_suggest_group(import, name));
}

/* A cell that names the group which the person moves to. */
static void
parse_group_name(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field,
				 ImportCell *cell)
{
	char	   *name = import_field_text(import, row, column, field);
	const char *fault = NULL;

	if (name == NULL)
		return;
	if (cell_has_control_character(name, strlen(name)))
		fault = "it has a line break or another control character";
	else if (strlen(name) > MAX_GROUP_NAME_LENGTH)
		fault = "a group's name has at most " CppAsString2(MAX_GROUP_NAME_LENGTH) " bytes";
	if (fault != NULL)
	{
		import_reject(import, row, FINDING_INVALID_VALUE, column->header, 3, column->header, name, fault);
		return;
	}
	cell->group = import_group_of_cell(import, row, column, name);
	if (cell->group != NO_GROUP)
		cell->text = name;
}

/* First of all cells, for permissions may be limited to these groups. */
static void
parse_group_names(Import *import, ImportRow *row, const csv_record *record)
{
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_GROUP_NAME)
			parse_group_name(import, row, &import->columns[i], &record->fields[i], &row->cells[i]);
}

static void
parse_cell(Import *import, ImportRow *row, int index, const csv_field *field)
{
	const ImportColumn *column = &import->columns[index];
	ImportCell *cell = &row->cells[index];

	/* what is to be changed is the business of uploads */
	if (import->options.is_remote && (column->kind == COLUMN_EXISTING_EMAIL_ADDRESS ||
									  column->kind == COLUMN_NEW_UNIQUE_USER_ID))
		return;
	switch (column->kind)
	{
		case COLUMN_PRIMARY_EMAIL_ADDRESS:
			parse_email(import, row, column, field, &row->primary_email_address);
			break;
		case COLUMN_EXISTING_EMAIL_ADDRESS:
			parse_email(import, row, column, field, &row->existing_email_address);
			break;
		case COLUMN_UNIQUE_USER_ID:
			parse_user_id(import, row, column, field, &row->unique_user_id);
			break;
		case COLUMN_NEW_UNIQUE_USER_ID:
			parse_user_id(import, row, column, field, &row->new_unique_user_id);
			break;
		case COLUMN_PREFERRED_FIRST_NAME:
		case COLUMN_PREFERRED_LAST_NAME:
		case COLUMN_WORK_TITLE:
		case COLUMN_ATTRIBUTE:
		case COLUMN_LANGUAGE:
			parse_text(import, row, column, field, cell);
			break;
		case COLUMN_FULL_NAME:
			parse_full_name(import, row, column, field, cell);
			break;
		case COLUMN_DATE:
			parse_date(import, row, column, field, cell);
			break;
		case COLUMN_REUPLOAD_USER_PROFILE:
			cell->value = cell_boolean(field->data, field->length);
			if (cell->value == CELL_INVALID)
				import_reject(import, row, FINDING_INVALID_VALUE, column->header, 3, column->header, shown(field),
							  "it takes true or false");
			row->reupload_user_profile = cell->value == CELL_YES;
			break;
		case COLUMN_LICENSE:
			parse_license(import, row, column, field, cell);
			break;
		case COLUMN_GROUP:
			parse_group(import, row, column, field, cell);
			break;
		case COLUMN_PERMISSION:
		case COLUMN_GROUP_PERMISSION:
			parse_permission(import, row, column, field, cell);
			break;
		case COLUMN_COUNTRY:	/* see import_parse_location() */
		case COLUMN_REGION:
		case COLUMN_GROUP_NAME: /* see parse_group_names() */
		case COLUMN_UNKNOWN:
		case COLUMN_MESSAGES:
			break;
	}
}

/* Does the row say whom it is about? */
static void
check_keys(Import *import, ImportRow *row)
{
	row->key_known = row->primary_email_address != NULL || row->existing_email_address != NULL ||
		row->unique_user_id != NULL;
	if (!row->key_known && !row->rejected)
		import_reject(import, row, FINDING_MISSING_EMAIL,
					  import->email_column == NO_COLUMN ? NULL : import->columns[import->email_column].header, 0);
	if (row->new_unique_user_id != NULL && row->unique_user_id == NULL && !row->rejected)
		import_reject(import, row, FINDING_INVALID_VALUE, import->columns[import->new_user_id_column].header, 3,
					  import->columns[import->new_user_id_column].header, row->new_unique_user_id,
					  "unique_user_id must stand in the same line");
}

/*
 * Parses a record into *row, whose strings are allocated in the import's row
 * context, and reports what is wrong with it.  The raw record stays the caller's.
 */
void
import_parse_row(Import *import, const csv_record *record, ImportRow *row)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->row_context);

	memset(row, 0, sizeof(ImportRow));
	row->line = record->line;
	row->raw = record->raw;
	row->raw_length = record->raw_length;
	row->texts = palloc_extended(record->raw_length + 1, MCXT_ALLOC_HUGE);
	memcpy(row->texts, record->raw, record->raw_length);
	row->cells = palloc0(sizeof(ImportCell) * import->column_count);

	if (record->field_count == import->column_count)
	{
		if (import->has_group_names)
			parse_group_names(import, row, record);
		for (int i = 0; i < import->column_count; i++)
			parse_cell(import, row, i, &record->fields[i]);
		import_parse_location(import, row, record);
		check_keys(import, row);
	}
	else
		import_reject(import, row, FINDING_FIELD_COUNT, NULL, 2,
					  psprintf("%d", record->field_count), psprintf("%d", import->column_count));
	MemoryContextSwitchTo(old_context);
}
