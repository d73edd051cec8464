/*
 * import_header.c
 *		What the columns of a file mean for this account.
 *
 * core/header.c knows the vendors' headers; here they meet the account: its
 * licenses, its groups, and the caller's own mapping of columns.  All findings
 * on the header are reported on its line.
 */
#include "import.h"

#include "catalog/namespace.h"
#include "core/license_name.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "fold.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

/* A header farther than this from what was meant is not suggested. */
#define MAX_SUGGESTION_DISTANCE	4

/*
 * Text of the file in the database's encoding, palloc'd; NULL if it has a
 * character that the database cannot hold.
 */
char *
import_text(const char *text, size_t length)
{
	char	   *converted;
	Oid			procedure;
	int			capacity;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return pnstrdup(text, length);

	procedure = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	if (!OidIsValid(procedure) || length > MaxAllocSize / MAX_CONVERSION_GROWTH - 1)
		return NULL;
	capacity = (int) length * MAX_CONVERSION_GROWTH + 1;
	converted = palloc(capacity);
	if (pg_do_encoding_conversion_buf(procedure, PG_UTF8, GetDatabaseEncoding(),
									  (unsigned char *) unconstify(char *, text), (int) length,
									  (unsigned char *) converted, capacity, true) != (int) length)
		return NULL;
	return converted;
}

/* The same for messages: a question mark stands for each character that the database cannot hold. */
char *
import_text_shown(const char *text, size_t length)
{
	char	   *whole = import_text(text, length);
	StringInfoData shown;

	if (whole != NULL)
		return whole;
	initStringInfo(&shown);
	while (length > 0)
	{
		size_t		size = Min((size_t) pg_utf_mblen((const unsigned char *) text), length);
		char	   *character = import_text(text, size);

		appendStringInfoString(&shown, character ? character : "?");
		text += size;
		length -= size;
	}
	return shown.data;
}

/*
 * A sentence that suggests the one of the known names that is nearest to what
 * was given, or an empty string if none is near; palloc'd.
 */
char *
import_suggestion(const char *given, const char *const *known, int count)
{
	const char *nearest = NULL;
	int			distance = Min(MAX_SUGGESTION_DISTANCE, (int) strlen(given) / 3) + 1;

	/* the server's function takes no more */
	if (strlen(given) > 255)
		return pstrdup("");
	for (int i = 0; i < count; i++)
	{
		int			this_distance;

		if (strlen(known[i]) > 255)
			continue;
		this_distance = varstr_levenshtein_less_equal(given, (int) strlen(given), known[i], (int) strlen(known[i]),
													  1, 1, 1, distance, true);
		if (this_distance < distance)
		{
			distance = this_distance;
			nearest = known[i];
		}
	}
	return nearest ? psprintf(" Perhaps you meant \"%s\".", nearest) : pstrdup("");
}

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
	import->licenses[import->license_count++].header = pstrdup(name);
	return true;
}

/* Finds the account's license; an unknown one refuses the file. */
static void
read_license_column(Import *import, const csv_record *record, ImportColumn *column, const char *name,
					bool has_blanks)
{
	const char **known;

	for (int i = 0; i < import->license_count; i++)
		if (pg_strcasecmp(import->licenses[i].header, name) == 0)
		{
			column->license = i;
			column->canonical = import->licenses[i].header;
			if (has_blanks || strcmp(column->canonical, name) != 0)
				report_header_case(import, record, column);
			return;
		}
	if (!import_has_account(import) && add_possible_license(import, name))
	{
		column->license = import->license_count - 1;
		column->canonical = import->licenses[column->license].header;
		return;
	}

	known = palloc(sizeof(char *) * Max(import->license_count, 1));
	for (int i = 0; i < import->license_count; i++)
		known[i] = import->licenses[i].header;
	import_report(import, FINDING_UNKNOWN_LICENSE, record->line, column->header, NULL, 2,
				  column->header, import_suggestion(name, known, import->license_count));
}

/* The index of a group that the file or the caller uses, added to the import's if it is new. */
static int
use_group(Import *import, const char *name)
{
	char	   *folded = fold_text(name, strlen(name));
	int			found = 0;

	while (found < import->group_count && strcmp(import->groups[found].folded, folded) != 0)
		found++;
	if (found == import->group_count)
	{
		import->groups = repalloc(import->groups, sizeof(ImportGroup) * ++import->group_count);
		import->groups[found].name = pstrdup(name);
		import->groups[found].folded = folded;
		/* without an account, every group counts as one that it has */
		import->groups[found].group_id = import_has_account(import) ? 0 : -1;
	}
	import->groups[found].is_used = true;
	return found;
}

static void
read_group_column(Import *import, ImportColumn *column, const char *name)
{
	column->group = use_group(import, name);
	column->canonical = psprintf("group:%s", import->groups[column->group].name);
}

/* A custom attribute's name has underscores for blanks. */
static void
read_attribute_column(ImportColumn *column, const char *name)
{
	column->attribute = pstrdup(name);
	for (char *c = column->attribute; *c != '\0'; c++)
		if (*c == ' ')
			*c = '_';
	column->canonical = psprintf("attribute_%s", column->attribute);
}

static void
read_unknown_column(Import *import, const csv_record *record, ImportColumn *column, const char *name)
{
	static const char *const known[] = {
		"primary_email_address", "existing_email_address", "unique_user_id", "new_unique_user_id",
		"preferred_first_name", "preferred_last_name", "work_title", "reupload_user_profile",
		"permission_create_other_sub_admins_with_same_permissions", "permission_manage_custom_content",
		"permission_curate_content", "permission_manage_it_settings", "group_permission_edit_groups",
		"group_permission_manage_users_licenses", "group_permission_recommend_content",
		"group_permission_view_reports"
	};

	if (import->account->keeps_unknown_headers && import->account->product->has_attributes &&
		name != NULL && name[0] != '\0')
	{
		column->kind = COLUMN_ATTRIBUTE;
		read_attribute_column(column, name);
		return;
	}
	column->canonical = column->header;
	import_report(import, FINDING_UNKNOWN_HEADER, record->line, column->header, NULL, 2,
				  column->header, import_suggestion(column->header, known, lengthof(known)));
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
	}
	header_classify(import->account->product, text, length, &meaning);
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

/* Two columns for one thing: which of them should count? */
static void
check_duplicate_columns(Import *import, const csv_record *record)
{
	for (int i = 1; i < import->column_count; i++)
	{
		const ImportColumn *column = &import->columns[i];

		for (int j = 0; j < i; j++)
		{
			const ImportColumn *other = &import->columns[j];
			bool		same;

			/* nameless columns, as of trailing delimiters, say nothing twice */
			if (column->kind != other->kind || column->header[0] == '\0')
				continue;
			switch (column->kind)
			{
				case COLUMN_UNKNOWN:
					same = !column->header_is_cut && strcmp(column->header, other->header) == 0;
					break;
				case COLUMN_LICENSE:
					same = column->canonical != NULL && other->canonical != NULL && column->license == other->license;
					break;
				case COLUMN_GROUP:
					same = column->group == other->group;
					break;
				case COLUMN_PERMISSION:
				case COLUMN_GROUP_PERMISSION:
					same = column->permission == other->permission;
					break;
				case COLUMN_ATTRIBUTE:
					same = strcmp(column->attribute, other->attribute) == 0;
					break;
				default:
					same = true;
			}
			if (same)
			{
				import_report(import, FINDING_DUPLICATE_HEADER, record->line, column->header, NULL, 3,
							  column->header, other->header, psprintf("%d", j + 1));
				break;
			}
		}
	}
}

static void
remember_key_columns(Import *import)
{
	import->email_column = import->existing_email_column = NO_COLUMN;
	import->user_id_column = import->new_user_id_column = NO_COLUMN;
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
			case COLUMN_MESSAGES:
				import->has_messages_column = true;
				break;
			default:
				break;
		}
}

static void
read_groups(Import *import)
{
	MemoryContext caller = CurrentMemoryContext;
	int			count = (int) sql_run(import->account, "SELECT group_id, name FROM @account.groups", 0, NULL);

	import->groups = MemoryContextAlloc(caller, sizeof(ImportGroup) * Max(count, 1));
	import->group_count = count;
	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		import->groups[i].group_id = DatumGetInt32(sql_value(i, 0, &isnull));
		import->groups[i].name = MemoryContextStrdup(caller, sql_string(i, 1));
		import->groups[i].is_used = false;
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < count; i++)
		import->groups[i].folded = fold_text(import->groups[i].name, strlen(import->groups[i].name));

	import->whole_groups = palloc(sizeof(int) * Max(import->options.group_count, 1));
	for (int i = 0; i < import->options.group_count; i++)
		import->whole_groups[import->whole_group_count++] = use_group(import, import->options.groups[i]);
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

	if (import_has_account(import))
	{
		import->license_count = license_cap_usage(import->account, &import->licenses);
		read_groups(import);
	}
	else
		import->groups = palloc(sizeof(ImportGroup));

	import->column_count = record->field_count;
	import->columns = palloc0(sizeof(ImportColumn) * record->field_count);
	for (int i = 0; i < record->field_count; i++)
		read_column(import, record, i);
	import->header_count = record->field_count;
	import->header = palloc(sizeof(char *) * record->field_count);
	for (int i = 0; i < record->field_count; i++)
		import->header[i] = import->columns[i].header;

	check_duplicate_columns(import, record);
	remember_key_columns(import);
	if (import->email_column == NO_COLUMN && import->user_id_column == NO_COLUMN)
		import_report(import, FINDING_MISSING_KEY_HEADER, record->line, NULL, NULL, 0);
	MemoryContextSwitchTo(old_context);
}
