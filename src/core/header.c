/*
 * header.c
 *		What the columns of an org-sync file mean.
 *
 * A header is looked for, in this order, among
 *
 *	1. the fixed headers, with the other spellings that the vendor's documents
 *	   use for the same thing (table "spellings");
 *	2. the permissions (table "permission_names");
 *	3. "group:NAME", "group: NAME", "group/NAME";
 *	4. "attribute_NAME";
 *	5. whatever ends in "date";
 *	6. whatever looks like a license (see license_name.c).
 *
 * each only if the product has such columns.  Case and surrounding blanks do
 * not matter, but column->exact tells whether they are as the vendor wants
 * them: "Headers are case sensitive and must be lowercase to avoid errors when
 * uploading a CSV file".
 *
 * A further product is a further bit in the tables, a further header a further
 * line.  Nothing is allocated; names point into the given text.
 */
#include "header.h"

#include <string.h>

#include "ascii_case.h"
#include "cell.h"
#include "license_name.h"

#define LEARNING	(1u << PRODUCT_LINKEDIN_LEARNING)
#define INSIGHTS	(1u << PRODUCT_TALENT_INSIGHTS)
#define WORKLEAP	(1u << PRODUCT_WORKLEAP)
#define LINKEDIN	(LEARNING | INSIGHTS)

#define GROUP_PREFIX		"group" /* and ':' or '/' */
#define ATTRIBUTE_PREFIX	"attribute_"

#define DATE_SUFFIX			"date"

#define LICENSE_PREFIX		"license_"
#define LICENSE_SUFFIX		"_status"

#define LENGTH_OF(literal)	(sizeof(literal) - 1)

typedef struct header_spelling
{
	const char *spelling;
	column_kind kind;
	const char *canonical;		/* as exports write it */
	unsigned int products;		/* bits of the products that have the column */
} header_spelling;

static const header_spelling spellings[] = {
	{"primary_email_address", COLUMN_PRIMARY_EMAIL_ADDRESS, "primary_email_address", LINKEDIN},
	{"primary_email", COLUMN_PRIMARY_EMAIL_ADDRESS, "primary_email_address", LINKEDIN},
	{"invited_email_address", COLUMN_PRIMARY_EMAIL_ADDRESS, "primary_email_address", LINKEDIN},
	{"existing_email_address", COLUMN_EXISTING_EMAIL_ADDRESS, "existing_email_address", LINKEDIN},
	{"unique_user_id", COLUMN_UNIQUE_USER_ID, "unique_user_id", LEARNING},
	{"employee_id", COLUMN_UNIQUE_USER_ID, "unique_user_id", LEARNING},
	{"new_unique_user_id", COLUMN_NEW_UNIQUE_USER_ID, "new_unique_user_id", LEARNING},
	{"preferred_first_name", COLUMN_PREFERRED_FIRST_NAME, "preferred_first_name", LINKEDIN},
	{"preferred_last_name", COLUMN_PREFERRED_LAST_NAME, "preferred_last_name", LINKEDIN},
	{"work_title", COLUMN_WORK_TITLE, "work_title", LINKEDIN},
	{"reupload_user_profile", COLUMN_REUPLOAD_USER_PROFILE, "reupload_user_profile", LINKEDIN},
	{"Name", COLUMN_FULL_NAME, "Name", WORKLEAP},
	{"Email", COLUMN_PRIMARY_EMAIL_ADDRESS, "Email", WORKLEAP},
	{"Country", COLUMN_COUNTRY, "Country", WORKLEAP},
	{"Region", COLUMN_REGION, "Region", WORKLEAP},
	{"Language", COLUMN_LANGUAGE, "Language", WORKLEAP},
	{"Title", COLUMN_WORK_TITLE, "Title", WORKLEAP},
	{"Messages", COLUMN_MESSAGES, "Messages", LINKEDIN | WORKLEAP}
};

#define SPELLING_COUNT		((int) (sizeof(spellings) / sizeof(spellings[0])))

/* The order is that of the vendor's template; GROUP_PERMISSION_FIRST parts the two kinds. */
static const char *const permission_names[PERMISSION_COUNT] = {
	"permission_create_other_sub_admins_with_same_permissions",
	"permission_manage_custom_content",
	"permission_curate_content",
	"permission_manage_it_settings",
	"group_permission_edit_groups",
	"group_permission_manage_users_licenses",
	"group_permission_recommend_content",
	"group_permission_view_reports"
};

static const char *const kind_names[] = {
	[COLUMN_UNKNOWN] = "unknown",
	[COLUMN_PRIMARY_EMAIL_ADDRESS] = "primary_email_address",
	[COLUMN_EXISTING_EMAIL_ADDRESS] = "existing_email_address",
	[COLUMN_UNIQUE_USER_ID] = "unique_user_id",
	[COLUMN_NEW_UNIQUE_USER_ID] = "new_unique_user_id",
	[COLUMN_PREFERRED_FIRST_NAME] = "preferred_first_name",
	[COLUMN_PREFERRED_LAST_NAME] = "preferred_last_name",
	[COLUMN_WORK_TITLE] = "work_title",
	[COLUMN_REUPLOAD_USER_PROFILE] = "reupload_user_profile",
	[COLUMN_LICENSE] = "license",
	[COLUMN_GROUP] = "group",
	[COLUMN_PERMISSION] = "permission",
	[COLUMN_GROUP_PERMISSION] = "group_permission",
	[COLUMN_ATTRIBUTE] = "attribute",
	[COLUMN_MESSAGES] = "Messages",
	[COLUMN_FULL_NAME] = "Name",
	[COLUMN_COUNTRY] = "Country",
	[COLUMN_REGION] = "Region",
	[COLUMN_LANGUAGE] = "Language",
	[COLUMN_DATE] = "date",
	[COLUMN_GROUP_NAME] = "group"
};

/* Whether text is the spelling in any case; *exact says whether in the same. */
static bool
is_spelled(const char *text, size_t length, const char *spelling, bool *exact)
{
	if (!ascii_case_equal(text, length, spelling, strlen(spelling)))
		return false;
	*exact = memcmp(text, spelling, length) == 0;
	return true;
}

/* The fixed headers. */
static bool
classify_fixed(const product *product, const char *text, size_t length, header_column *column)
{
	int			i;

	for (i = 0; i < SPELLING_COUNT; i++)
	{
		if ((spellings[i].products & (1u << product->id)) == 0 ||
			!is_spelled(text, length, spellings[i].spelling, &column->exact))
			continue;
		column->kind = spellings[i].kind;
		column->canonical = spellings[i].canonical;
		return true;
	}
	return false;
}

/* The permissions, those that can be limited to groups too. */
static bool
classify_permission(const char *text, size_t length, header_column *column)
{
	int			i;

	for (i = 0; i < PERMISSION_COUNT; i++)
	{
		if (!is_spelled(text, length, permission_names[i], &column->exact))
			continue;
		column->kind = i < GROUP_PERMISSION_FIRST ? COLUMN_PERMISSION : COLUMN_GROUP_PERMISSION;
		column->permission = i;
		column->canonical = permission_names[i];
		return true;
	}
	return false;
}

/* Whether text begins with the prefix in any case; *exact says whether in the same. */
static bool
has_prefix(const char *text, size_t length, const char *prefix, bool *exact)
{
	size_t		prefix_length = strlen(prefix);

	return length >= prefix_length && is_spelled(text, prefix_length, prefix, exact);
}

/* Takes what follows a prefix as the column's name, if it can be one. */
static bool
take_name(const char *text, size_t length, column_kind kind, header_column *column)
{
	cell_trim(&text, &length);
	if (length == 0 || cell_has_control_character(text, length))
		return false;
	column->kind = kind;
	column->name = text;
	column->name_length = length;
	return true;
}

/*
 * Whether the header is group:NAME, group: NAME or group/NAME.  *column then has
 * kind, exact and name; whether the product has such columns is for the caller to
 * decide.
 */
bool
header_is_group(const char *text, size_t length, header_column *column)
{
	const char *rest;
	size_t		gap;

	if (length <= LENGTH_OF(GROUP_PREFIX) ||
		!has_prefix(text, length, GROUP_PREFIX, &column->exact))
		return false;
	rest = text + LENGTH_OF(GROUP_PREFIX) + 1;
	if ((rest[-1] != ':' && rest[-1] != '/') ||
		!take_name(rest, (size_t) (text + length - rest), COLUMN_GROUP, column))
		return false;

	gap = (size_t) (column->name - rest);
	if (gap > 0 && !(gap == 1 && rest[-1] == ':' && *rest == ' '))
		column->exact = false;
	return true;
}

/*
 * Whether the header is attribute_NAME.  *column then has kind, exact and name;
 * whether the product has such columns is for the caller to decide.
 */
bool
header_is_attribute(const char *text, size_t length, header_column *column)
{
	return has_prefix(text, length, ATTRIBUTE_PREFIX, &column->exact) &&
		take_name(text + LENGTH_OF(ATTRIBUTE_PREFIX), length - LENGTH_OF(ATTRIBUTE_PREFIX),
				  COLUMN_ATTRIBUTE, column);
}

/* A date's header is free but for its end: "Start date", "HireDate". */
static bool
classify_date(const char *text, size_t length, header_column *column)
{
	size_t		suffix_length = LENGTH_OF(DATE_SUFFIX);

	if (length < suffix_length ||
		!ascii_case_same(text + length - suffix_length, DATE_SUFFIX, suffix_length) ||
		cell_has_control_character(text, length))
		return false;
	column->kind = COLUMN_DATE;
	column->exact = true;
	return true;
}

/*
 * Whatever is meant for a license.  It is exact if it follows the grammar and
 * the grammar's own words are in lower case; whether the account has it is for
 * the caller to find out.
 */
static bool
classify_license(const char *text, size_t length, header_column *column)
{
	license_name license;

	if (!license_name_is_near(text, length))
		return false;
	column->kind = COLUMN_LICENSE;
	column->exact = false;
	if (license_name_parse(text, length, &license))
	{
		const char *prefix = license.license_type - LENGTH_OF(LICENSE_PREFIX);
		const char *suffix = license.license_type + license.license_type_length;

		column->exact = memcmp(prefix, LICENSE_PREFIX, LENGTH_OF(LICENSE_PREFIX)) == 0 &&
			memcmp(suffix, LICENSE_SUFFIX, LENGTH_OF(LICENSE_SUFFIX)) == 0;
	}
	return true;
}

/*
 * What the header text of a file of that product means; text is not
 * NUL-terminated and must outlive *column.
 *
 * column->name is the group's or attribute's name; for all other kinds it is
 * the header itself.  It is trimmed at the ends, blanks inside are as they are
 * (the vendor writes '_' for those of an attribute).  COLUMN_UNKNOWN is also
 * what an empty header, "group:" without a name, and a column that the product
 * does not have are.
 */
void
header_classify(const product *product, const char *text, size_t length, header_column *column)
{
	size_t		full_length = length;

	cell_trim(&text, &length);
	column->kind = COLUMN_UNKNOWN;
	column->exact = false;
	column->permission = -1;
	column->name = text;
	column->name_length = length;
	column->canonical = NULL;

	if (!classify_fixed(product, text, length, column) &&
		!(product->has_permissions && classify_permission(text, length, column)) &&
		!(product->has_group_columns && header_is_group(text, length, column)) &&
		!(product->has_attributes && header_is_attribute(text, length, column)) &&
		!(product->has_locations && classify_date(text, length, column)) &&
		!(product->has_license_columns && classify_license(text, length, column)))
	{
		column->exact = false;
		return;
	}

	if (column->kind == COLUMN_MESSAGES)
		column->exact = true;	/* it is ours, not the vendor's: nothing to warn about */
	else if (length != full_length)
		column->exact = false;
}

/*
 * The product's fixed headers and permissions in canonical spelling, by index
 * from 0; NULL behind the last one.  Static.
 */
const char *
header_canonical(const product *product, int index)
{
	int			i;

	for (i = 0; i < SPELLING_COUNT; i++)
	{
		if ((spellings[i].products & (1u << product->id)) != 0 &&
			strcmp(spellings[i].spelling, spellings[i].canonical) == 0 && index-- == 0)
			return spellings[i].canonical;
	}
	return product->has_permissions && index < PERMISSION_COUNT ? permission_names[index] : NULL;
}

/* The header of a permission, 0 to PERMISSION_COUNT - 1; static. */
const char *
permission_name(int permission)
{
	return permission_names[permission];
}

/*
 * A name for a kind of column: its canonical header where there is just one,
 * else a word for the kind.  Static.
 */
const char *
column_kind_name(column_kind kind)
{
	return kind_names[kind];
}
