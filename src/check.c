/*
 * check.c
 *		Checks an org-sync file without an account.
 *
 * All that can be said of a file by itself, said by the code of the import: its
 * first phase reads the file; then the rows are compared with one another.  An
 * account of no schema stands in for the real one, see import_has_account():
 * what depends on an account (its licenses and groups, who is in it already,
 * free seats) is taken to be all right.  Profiles of one address are judged by
 * the rule that a new account has.
 */
#include "import.h"

#include "fmgr.h"
#include "csv_source.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(orgsync_check_csv_bytea);
PG_FUNCTION_INFO_V1(orgsync_check_csv_text);
PG_FUNCTION_INFO_V1(orgsync_check_large_object);

enum
{
	ARGUMENT_PRODUCT,
	ARGUMENT_CSV,
	ARGUMENT_COLUMNS
};

static Import *
begin_check(FunctionCallInfo fcinfo)
{
	Import	   *import = import_create();

	import->account = palloc0(sizeof(Account));
	import->account->product =
		product_by_name(OidOutputFunctionCall(F_ENUM_OUT, PG_GETARG_DATUM(ARGUMENT_PRODUCT)));
	import->options.columns = import_columns_argument(fcinfo, ARGUMENT_COLUMNS);
	import->rules = duplicate_rules_default(import->account->product);
	return import;
}

/* The profile that the row would make, as far as the rules look at it. */
static ProfileValues
new_profile(const Import *import, const ImportRow *row)
{
	ProfileValues values = {0};

	values.primary_email_address = row->primary_email_address;
	values.unique_user_id = row->unique_user_id;
	values.reupload_user_profile = row->reupload_user_profile;
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_PREFERRED_FIRST_NAME)
			values.preferred_first_name = row->cells[i].text;
		else if (import->columns[i].kind == COLUMN_PREFERRED_LAST_NAME)
			values.preferred_last_name = row->cells[i].text;
		else if (import->columns[i].kind == COLUMN_FULL_NAME && row->cells[i].text != NULL)
			cell_split_name(pstrdup(row->cells[i].text), &values.preferred_first_name,
							&values.preferred_last_name);
	return values;
}

/* Compares the profile that the row would make with those of earlier rows. */
static void
compare_profile(Import *import, ImportRow *row, int64 row_number)
{
	static const RowTarget newcomer = {.is_new = true};
	ProfileValues values = new_profile(import, row);

	import_similar_check(import, row, row_number, &newcomer, &values);
	if (!row->rejected)
		import_similar_accept(import, row, row_number, &newcomer, &values);
}

/* Compares the rows with the ones before them. */
static void
compare_rows(Import *import)
{
	int64		count = import_staging_count(import->staging);
	RepeatedKeys keys = import_repeated_keys_begin(import);

	import_similar_begin(import);
	import_staging_rewind(import->staging);
	for (int64 i = 0; i < count; i++)
	{
		ImportRow	row;
		MemoryContext old_context;

		MemoryContextReset(import->row_context);
		if (!import_staging_next(import, &row, true))
			elog(ERROR, "staged row " INT64_FORMAT " is missing", i);
		CHECK_FOR_INTERRUPTS();
		if (row.rejected)
			continue;
		old_context = MemoryContextSwitchTo(import->row_context);
		import_repeated_keys_check(import, &keys, &row, i);
		import_repeated_keys_claim(import, &keys, &row, i);
		if (!row.rejected && row.primary_email_address != NULL)
			compare_profile(import, &row, i);
		MemoryContextSwitchTo(old_context);
	}
}

/* Returns the findings of a check whose source is open. */
static void
check_source(FunctionCallInfo fcinfo, Import *import)
{
	import_read_file(import);
	if (!import->refused)
		compare_rows(import);
	import_findings_return(import, (ReturnSetInfo *) fcinfo->resultinfo);
	import_staging_end(import->staging);
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARGUMENT_PRODUCT) || PG_ARGISNULL(ARGUMENT_CSV))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("product and data must not be null"),
				errhint("If the data comes from a file, it could perhaps not be read."));
}

/* check_csv(product, csv bytea, columns) */
Datum
orgsync_check_csv_bytea(PG_FUNCTION_ARGS)
{
	csv_memory_source source;
	Import	   *import;
	bytea	   *data;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	import = begin_check(fcinfo);
	data = PG_GETARG_BYTEA_PP(ARGUMENT_CSV);
	csv_memory_source_open(&source, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	import->source = import_file_source(csv_memory_source_read, &source, source.length, csv_memory_source_rewind);
	check_source(fcinfo, import);
	SPI_finish();
	return (Datum) 0;
}

/* check_csv(product, csv text, columns) */
Datum
orgsync_check_csv_text(PG_FUNCTION_ARGS)
{
	csv_memory_source source;
	Import	   *import;
	text	   *data;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	import = begin_check(fcinfo);
	data = PG_GETARG_TEXT_PP(ARGUMENT_CSV);
	csv_memory_source_open_text(&source, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	import->source = import_file_source(csv_memory_source_read, &source, source.length, csv_memory_source_rewind);
	check_source(fcinfo, import);
	SPI_finish();
	return (Datum) 0;
}

/* check_large_object(product, loid, columns) */
Datum
orgsync_check_large_object(PG_FUNCTION_ARGS)
{
	csv_large_object_source source;
	Import	   *import;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	import = begin_check(fcinfo);
	csv_large_object_source_open(&source, PG_GETARG_OID(ARGUMENT_CSV));
	import->source = import_file_source(csv_large_object_source_read, &source, source.size, csv_large_object_source_rewind);
	check_source(fcinfo, import);
	csv_large_object_source_close(&source);
	SPI_finish();
	return (Datum) 0;
}
