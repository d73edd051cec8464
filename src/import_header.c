/*
 * import_header.c
 *		What the columns of a file mean for this account.
 *
 * core/header.c knows the vendors' headers; here they meet the account: its
 * licenses, its groups, and the caller's own mapping of columns.  All findings
 * on the header are reported on its line.
 */
#include "import.h"

#include "core/license_name.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* The header that the caller's mapping gives for a column, palloc'd, or NULL. */
char *
import_mapped_header(const Import *import, const char *header)
{
	JsonbValue	key;
	JsonbValue *value;

	if (import->options.columns == NULL)
		return NULL;
	key.type = jbvString;
	key.val.string.val = unconstify(char *, header);
	key.val.string.len = (int) strlen(header);
	value = findJsonbValueFromContainer(&import->options.columns->root, JB_FOBJECT, &key);
	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
report_header_case(Import *import, const csv_record *record, const ImportColumn *column)
{
	import_report(import, FINDING_HEADER_CASE, record->line, column->header, NULL, 2,
				  column->header, column->canonical);
}

/* Takes a license that some account may have; false if none can. */
static bool
add_possible_license(Import *import, const char *name)
{
	license_name parts;

	if (!license_name_parse(name, strlen(name), &parts))
		return false;
	import->licenses = import->licenses == NULL ? palloc(sizeof(LicenseUsage)) :
		repalloc(import->licenses, sizeof(LicenseUsage) * (import->license_count + 1));
	memset(&import->licenses[import->license_count], 0, sizeof(LicenseUsage));
	import->licenses[import->license_count++].terms.header = pstrdup(name);
	return true;
}

/* A sentence that suggests the account's license nearest to the header, or an empty string. */
static char *
suggest_license(const Import *import, const char *header)
{
	const char **known = palloc(sizeof(char *) * Max(import->license_count, 1));

	for (int i = 0; i < import->license_count; i++)
		known[i] = import->licenses[i].terms.header;
	return import_suggestion(header, known, import->license_count);
}

/* Finds the account's license; an unknown one refuses the file. */
static void
read_license_column(Import *import, const csv_record *record, ImportColumn *column, const char *name,
					bool has_blanks)
{
	for (int i = 0; i < import->license_count; i++)
		if (pg_strcasecmp(import->licenses[i].terms.header, name) == 0)
		{
			column->license = i;
			column->canonical = import->licenses[i].terms.header;
			if (has_blanks || strcmp(column->canonical, name) != 0)
				report_header_case(import, record, column);
			return;
		}
	if (!import_has_account(import) && add_possible_license(import, name))
	{
		column->license = import->license_count - 1;
		column->canonical = import->licenses[column->license].terms.header;
		return;
	}

	import_report(import, FINDING_UNKNOWN_LICENSE, record->line, column->header, NULL, 2,
				  column->header, suggest_license(import, name));
}

/* The index of a group that the file or the caller uses, added to the import's if it is new. */
static int
use_group(Import *import, const char *name)
{
	int			group = import_group_find_or_add(import, name);

	import->groups[group].is_used = true;
	return group;
}

static void
read_group_column(Import *import, ImportColumn *column, const char *name)
{
	column->group = use_group(import, name);
	column->canonical = psprintf("%s%s", import->account->product->group_header_prefix,
								 import->groups[column->group].name);
}

/*
 * A custom attribute's name has underscores for blanks, and so for the line breaks
 * of a spreadsheet's header: an export's own header could not be read back else.
 */
static void
read_attribute_column(ImportColumn *column, const char *name)
{
	column->attribute = pstrdup(name);
	for (char *c = column->attribute; *c != '\0'; c++)
		if ((unsigned char) *c <= ' ' || *c == '\x7F')
			*c = '_';
	column->canonical = psprintf("attribute_%s", column->attribute);
}

static void
read_unknown_column(Import *import, const csv_record *record, ImportColumn *column, const char *name)
{
	const product *product = import->account->product;
	MemoryContext old_context;
	const char **known;
	const char *suggestion;
	int			count = 0;

	if (import->account->keeps_unknown_headers && !import->options.is_remote && name != NULL && name[0] != '\0')
	{
		column->kind = COLUMN_ATTRIBUTE;
		read_attribute_column(column, name);
		return;
	}
	column->canonical = column->header;
	old_context = MemoryContextSwitchTo(import->row_context);
	suggestion = product->has_license_columns ? suggest_license(import, column->header) : "";
	if (suggestion[0] != '\0')
	{
		/* a license column is never silently ignored, however it is misspelled */
		import_report(import, FINDING_UNKNOWN_LICENSE, record->line, column->header, NULL, 2,
					  column->header, suggestion);
	}
	else
	{
		while (header_canonical(product, count) != NULL)
			count++;
		known = palloc(sizeof(char *) * Max(count, 1));
		for (int i = 0; i < count; i++)
			known[i] = header_canonical(product, i);
		import_report(import, FINDING_UNKNOWN_HEADER, record->line, column->header, NULL, 2,
					  column->header, import_suggestion(column->header, known, count));
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(import->row_context);
}

/*
 * A list of what the vendor has may tell licenses and groups although the
 * product's files have no such columns.
 */
static void
classify_listed_column(const Import *import, header_column *meaning)
{
	if (header_is_group(meaning->name, meaning->name_length, meaning))
		return;
	for (int i = 0; i < import->license_count; i++)
		if (strlen(import->licenses[i].terms.header) == meaning->name_length &&
			pg_strncasecmp(import->licenses[i].terms.header, meaning->name, meaning->name_length) == 0)
			meaning->kind = COLUMN_LICENSE;
}

static void
read_column(Import *import, const csv_record *record, int index)
{
	ImportColumn *column = &import->columns[index];
	const csv_field *field = &record->fields[index];
	char	   *mapped;
	const char *text = field->data;
	size_t		length = field->length;
	header_column meaning;
	char	   *name;

	column->header = import_text(field->data, field->length);
	column->header_is_cut = column->header == NULL;
	if (column->header_is_cut)
		column->header = import_text_shown(field->data, field->length);
	mapped = column->header_is_cut ? NULL : import_mapped_header(import, column->header);
	if (mapped != NULL)
	{
		text = mapped;
		length = strlen(mapped);
		if (pg_strcasecmp(mapped, column_kind_name(COLUMN_GROUP_NAME)) == 0)
		{
			column->kind = COLUMN_GROUP_NAME;
			column->canonical = column->header;
			return;
		}
	}
	header_classify(import->account->product, text, length, &meaning);
	/* who asks for an attribute gets it, whether the vendor's own files have any or not */
	if (mapped != NULL && meaning.kind == COLUMN_UNKNOWN)
		(void) header_is_attribute(text, length, &meaning);
	if (meaning.kind == COLUMN_UNKNOWN && import->options.is_remote)
		classify_listed_column(import, &meaning);
	column->kind = meaning.kind;
	column->permission = meaning.permission;
	column->canonical = meaning.canonical ? pstrdup(meaning.canonical) : NULL;
	/* the mapping is in the database's encoding already, the file is not */
	name = meaning.name == NULL ? NULL : mapped ? pnstrdup(meaning.name, meaning.name_length) :
		import_text(meaning.name, meaning.name_length);
	if (meaning.name != NULL && name == NULL)
		column->kind = COLUMN_UNKNOWN;

	switch (column->kind)
	{
		case COLUMN_LICENSE:
			read_license_column(import, record, column, name, length != meaning.name_length);
			return;
		case COLUMN_GROUP:
			read_group_column(import, column, name);
			break;
		case COLUMN_ATTRIBUTE:
			read_attribute_column(column, name);
			break;
		case COLUMN_COUNTRY:
		case COLUMN_REGION:
		case COLUMN_LANGUAGE:
			column->attribute = column->canonical;
			break;
		case COLUMN_DATE:
			column->attribute = column->canonical = name;
			break;
		case COLUMN_UNKNOWN:
			read_unknown_column(import, record, column, name);
			return;
		case COLUMN_MESSAGES:
			column->canonical = column->header;
			return;
		default:
			break;
	}
	if (!meaning.exact)
		report_header_case(import, record, column);
}

/* What tells a column from others of its kind, as far as one text does. */
static const char *
column_name(const ImportColumn *column)
{
	switch (column->kind)
	{
		case COLUMN_UNKNOWN:
		case COLUMN_GROUP_NAME:
			return column->header;
		case COLUMN_ATTRIBUTE:
		case COLUMN_DATE:
			return column->attribute;
		default:
			return "";
	}
}

/* What tells a column from others of its kind, as far as one number does. */
static int
column_number(const ImportColumn *column)
{
	switch (column->kind)
	{
		case COLUMN_LICENSE:
			return column->license;
		case COLUMN_GROUP:
			return column->group;
		case COLUMN_PERMISSION:
		case COLUMN_GROUP_PERMISSION:
			return column->permission;
		default:
			return 0;
	}
}

/* Orders columns by what they are for: those for one thing are equal. */
static int
compare_columns(const ImportColumn *column, const ImportColumn *other)
{
	int			number = column_number(column);
	int			other_number = column_number(other);

	if (column->kind != other->kind)
		return column->kind < other->kind ? -1 : 1;
	if (number != other_number)
		return number < other_number ? -1 : 1;
	if (column->kind == COLUMN_DATE)
		return pg_strcasecmp(column_name(column), column_name(other));
	return strcmp(column_name(column), column_name(other));
}

/* Of two columns for one thing, the first in the file comes first. */
static int
compare_column_pointers(const void *a, const void *b)
{
	const ImportColumn *column = *(const ImportColumn *const *) a;
	const ImportColumn *other = *(const ImportColumn *const *) b;
	int			order = compare_columns(column, other);

	if (order == 0)
		order = column < other ? -1 : column > other;
	return order;
}

/*
 * Does the column say nothing that another could say again?  Those without a name,
 * as of trailing delimiters; those whose name the database cannot hold, so that
 * nobody knows; licenses that the account lacks, which refuse the file anyway.
 */
static bool
is_never_duplicate(const ImportColumn *column)
{
	return column->header[0] == '\0' ||
		column->header_is_cut ||
		(column->kind == COLUMN_LICENSE && column->canonical == NULL);
}

/* Two columns for one thing: which of them should count? */
static void
check_duplicate_columns(Import *import, const csv_record *record)
{
	const ImportColumn **sorted = palloc(sizeof(ImportColumn *) * Max(import->column_count, 1));
	const ImportColumn **first = palloc0(sizeof(ImportColumn *) * Max(import->column_count, 1));
	int			count = 0;

	for (int i = 0; i < import->column_count; i++)
		if (!is_never_duplicate(&import->columns[i]))
			sorted[count++] = &import->columns[i];
	qsort(sorted, count, sizeof(ImportColumn *), compare_column_pointers);

	for (int i = 1; i < count; i++)
		if (compare_columns(sorted[i - 1], sorted[i]) == 0)
		{
			int			previous = (int) (sorted[i - 1] - import->columns);

			first[sorted[i] - import->columns] = first[previous] ? first[previous] : sorted[i - 1];
		}

	for (int i = 0; i < import->column_count; i++)
		if (first[i] != NULL)
			import_report(import, FINDING_DUPLICATE_HEADER, record->line, import->columns[i].header,
						  NULL, 3, import->columns[i].header, first[i]->header,
						  psprintf("%d", (int) (first[i] - import->columns) + 1));
	pfree(sorted);
	pfree(first);
}

static void
remember_columns(Import *import)
{
	import->email_column = import->existing_email_column = NO_COLUMN;
	import->user_id_column = import->new_user_id_column = NO_COLUMN;
	import->country_column = import->region_column = NO_COLUMN;
	import->license_columns = palloc(sizeof(int) * Max(import->license_count, 1));
	for (int i = 0; i < import->license_count; i++)
		import->license_columns[i] = NO_COLUMN;
	for (int i = 0; i < import->column_count; i++)
		switch (import->columns[i].kind)
		{
			case COLUMN_PRIMARY_EMAIL_ADDRESS:
				import->email_column = i;
				break;
			case COLUMN_EXISTING_EMAIL_ADDRESS:
				import->existing_email_column = i;
				break;
			case COLUMN_UNIQUE_USER_ID:
				import->user_id_column = i;
				break;
			case COLUMN_NEW_UNIQUE_USER_ID:
				import->new_user_id_column = i;
				break;
			case COLUMN_COUNTRY:
				import->country_column = i;
				break;
			case COLUMN_REGION:
				import->region_column = i;
				break;
			case COLUMN_LICENSE:
				/* one that the account does not have refuses the file */
				if (import->columns[i].canonical != NULL)
					import->license_columns[import->columns[i].license] = i;
				break;
			case COLUMN_MESSAGES:
				import->has_messages_column = true;
				break;
			case COLUMN_GROUP_NAME:
				import->has_group_names = true;
				break;
			default:
				break;
		}
}

/* A product whose rows name people and locations needs columns for them. */
static void
check_mandatory_columns(Import *import, const csv_record *record)
{
	bool		has_name = false;

	if (import->email_column == NO_COLUMN && import->user_id_column == NO_COLUMN)
		import_report(import, FINDING_MISSING_KEY_HEADER, record->line, NULL, NULL, 0);
	if (!import->account->product->has_locations || import->options.is_remote)
		return;
	for (int i = 0; i < import->column_count; i++)
		has_name = has_name || import->columns[i].kind == COLUMN_FULL_NAME;
	if (!has_name)
		import_report(import, FINDING_MISSING_NAME_COLUMN, record->line, NULL, NULL, 1,
					  column_kind_name(COLUMN_FULL_NAME));
	if (import->country_column == NO_COLUMN)
		import_report(import, FINDING_MISSING_LOCATION_COLUMN, record->line, NULL, NULL, 2,
					  column_kind_name(COLUMN_COUNTRY), "CA");
	if (import->region_column == NO_COLUMN)
		import_report(import, FINDING_MISSING_LOCATION_COLUMN, record->line, NULL, NULL, 2,
					  column_kind_name(COLUMN_REGION), "CA-QC");
}

/* The license that everybody new is invited to, if the account has it. */
static void
find_initial_license(Import *import)
{
	const char *header = import->account->product->initial_license;

	import->initial_license = NO_LICENSE;
	for (int i = 0; i < import->license_count && header != NULL; i++)
		if (pg_strcasecmp(import->licenses[i].terms.header, header) == 0)
			import->initial_license = i;
}

/* Finds or adds the groups that everybody in the file joins. */
static void
choose_whole_groups(Import *import, const csv_record *record)
{
	import->whole_groups = palloc(sizeof(int) * Max(import->options.group_count, 1));
	for (int i = 0; i < import->options.group_count; i++)
	{
		const char *name = import->options.groups[i];
		int			group = use_group(import, name);

		import->whole_groups[import->whole_group_count++] = group;
		if (import_group_is_missing(import, group))
			import_report(import, FINDING_UNKNOWN_IMPORT_GROUP, record->line, NULL, NULL, 2, name,
						  import_suggest_group(import, name));
	}
}

/*
 * Sets the columns, licenses and groups of the import from the file's header,
 * and reports what is wrong with it.  Everything is allocated in the import's
 * memory context.
 */
void
import_read_header(Import *import, const csv_record *record)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->context);

	import_groups_begin(import);
	if (import_has_account(import))
	{
		import->license_count = license_usage_read(import->account, &import->licenses);
		choose_whole_groups(import, record);
	}
	find_initial_license(import);

	import->column_count = record->field_count;
	import->columns = palloc0(sizeof(ImportColumn) * record->field_count);
	for (int i = 0; i < record->field_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_column(import, record, i);
	}
	import->header_count = record->field_count;
	import->header = palloc(sizeof(char *) * record->field_count);
	for (int i = 0; i < record->field_count; i++)
		import->header[i] = import->columns[i].header;

	check_duplicate_columns(import, record);
	remember_columns(import);
	check_mandatory_columns(import, record);
	MemoryContextSwitchTo(old_context);
}
