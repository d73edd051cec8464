/*
 * template.c
 *		Empty files to fill in: the header lines of the vendors' templates.
 *
 * The fixed columns are those of the vendors' own templates.  What an account
 * adds to them (licenses, groups, attributes) is written as an export would.
 */
#include "orgsync.h"

#include "account.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "core/header.h"
#include "csv_output.h"
#include "fmgr.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(orgsync_template_csv);
PG_FUNCTION_INFO_V1(orgsync_account_template);

#define MAX_FIXED_COLUMNS	6

#define LINKEDIN_COLUMNS \
	"preferred_first_name", "preferred_last_name", "primary_email_address", "work_title"

/* The columns before the licenses, and the license that most customers have. */
typedef struct ProductTemplate
{
	const char *columns[MAX_FIXED_COLUMNS + 1];
	const char *columns_with_permissions[MAX_FIXED_COLUMNS + 1];
	const char *license;
} ProductTemplate;

static const ProductTemplate templates[PRODUCT_COUNT] = {
	/* "Adding Learner Data Administration Guide", "Adding and Managing Learners via Bulk CSV" */
	[PRODUCT_LINKEDIN_LEARNING] = {
		.columns = {LINKEDIN_COLUMNS},
		.columns_with_permissions = {"primary_email_address", "unique_user_id",
		"preferred_first_name", "preferred_last_name", "work_title"},
		.license = "Default_license_learning_proAllLanguages_status"
	},
	/* "Manage Your Talent Insights Licenses in Account Center" */
	[PRODUCT_TALENT_INSIGHTS] = {
		.columns = {LINKEDIN_COLUMNS},
		.license = "license_talentInsights_talentInsights_status"
	},
	/* "User import"; the template itself is behind a login */
	[PRODUCT_WORKLEAP] = {
		.columns = {"Name", "Email", "Country", "Region", "Language", "Title"}
	}
};

static void
append_column(StringInfo csv, const char *header)
{
	if (csv->len > 0)
		appendStringInfoChar(csv, ',');
	csv_append_cell(csv, header, ',');
}

static void
append_fixed_columns(StringInfo csv, const product *product, bool permissions)
{
	const ProductTemplate *template = &templates[product->id];
	const char *const *columns = template->columns;

	if (permissions)
		columns = template->columns_with_permissions;
	for (int i = 0; columns[i] != NULL; i++)
		append_column(csv, columns[i]);
}

static void
append_permissions(StringInfo csv)
{
	for (int i = 0; i < PERMISSION_COUNT; i++)
		append_column(csv, permission_name(i));
}

static void
check_permissions(const product *product, bool permissions)
{
	if (permissions && !product->has_permissions)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("product \"%s\" has no permissions", product->name),
				errhint("Ask for the template without permissions."));
}

/* The caller's license headers: as good as what add_license() takes, and each just once. */
static void
append_given_licenses(StringInfo csv, const product *product, ArrayType *licenses)
{
	Oid			input;
	Oid			parameter;
	Datum	   *headers;
	bool	   *nulls;
	int			count;

	deconstruct_array(licenses, TEXTOID, -1, false, TYPALIGN_INT, &headers, &nulls, &count);
	if (count > 0 && !product->has_license_columns)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("files of product \"%s\" have no license columns", product->name),
				errhint("Ask for the template without licenses."));
	getTypeInputInfo(catalog_type("license_header"), &input, &parameter);
	for (int i = 0; i < count; i++)
	{
		char	   *header;

		if (nulls[i])
			ereport(ERROR,
					errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("licenses must not hold a null"));
		header = TextDatumGetCString(headers[i]);
		(void) OidInputFunctionCall(input, header, parameter, -1);
		for (int j = 0; j < i; j++)
			if (pg_strcasecmp(TextDatumGetCString(headers[j]), header) == 0)
				ereport(ERROR,
						errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("license \"%s\" is given twice", header),
						errhint("A file has one column for each license."));
		append_column(csv, header);
	}
}

/* Appends what a query finds, one header a row, in its only column. */
static void
append_found_columns(StringInfo csv, const Account *account, const char *query, const char *prefix)
{
	uint64		count = sql_run(account, query, 1, (SqlArgument[]) {sql_text(prefix)});

	for (uint64 i = 0; i < count; i++)
		append_column(csv, sql_string((int) i, 0));
	SPI_freetuptable(SPI_tuptable);
}

static Datum
finish_template(StringInfo csv)
{
	appendStringInfoString(csv, CSV_LINE_END);
	return PointerGetDatum(cstring_to_text_with_len(csv->data, csv->len));
}

/* template_csv(product, permissions, licenses) */
Datum
orgsync_template_csv(PG_FUNCTION_ARGS)
{
	const product *product;
	bool		permissions = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	StringInfoData csv;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	product = product_by_name(OidOutputFunctionCall(F_ENUM_OUT, PG_GETARG_DATUM(0)));
	check_permissions(product, permissions);

	initStringInfo(&csv);
	append_fixed_columns(&csv, product, permissions);
	if (!PG_ARGISNULL(2))
		append_given_licenses(&csv, product, PG_GETARG_ARRAYTYPE_P(2));
	else if (templates[product->id].license != NULL)
		append_column(&csv, templates[product->id].license);
	if (permissions)
		append_permissions(&csv);
	PG_RETURN_DATUM(finish_template(&csv));
}

/* account_template(account, permissions) */
Datum
orgsync_account_template(PG_FUNCTION_ARGS)
{
	bool		permissions = PG_GETARG_BOOL(1);
	const product *product;
	Account    *account;
	StringInfoData csv;

	initStringInfo(&csv);		/* the caller's memory, not SPI's */
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	product = account->product;
	check_permissions(product, permissions);
	append_fixed_columns(&csv, product, permissions);
	if (product->has_license_columns)
		append_found_columns(&csv, account,
							 "SELECT $1 || header::text FROM @account.licenses ORDER BY license_id", "");
	if (permissions)
		append_permissions(&csv);
	if (product->has_group_columns)
		append_found_columns(&csv, account,
							 "SELECT $1 || name FROM @account.groups ORDER BY name",
							 product->group_header_prefix);
	/* the keys of an import have no blanks, but people may write others */
	if (product->has_attributes)
		append_found_columns(&csv, account,
							 "SELECT DISTINCT $1 || replace(key, ' ', '_') COLLATE \"C\""
							 " FROM @account.profiles, jsonb_object_keys(attributes) AS key ORDER BY 1",
							 "attribute_");
	SPI_finish();
	PG_RETURN_DATUM(finish_template(&csv));
}
