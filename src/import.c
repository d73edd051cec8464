/*
 * import.c
 *		The functions that import an org-sync file, and their arguments.
 *
 * What an import does is in import_run.c; here are the sources that it reads.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "csv_source.h"
#include "fmgr.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(orgsync_import_bytea);
PG_FUNCTION_INFO_V1(orgsync_import_text);
PG_FUNCTION_INFO_V1(orgsync_import_file);
PG_FUNCTION_INFO_V1(orgsync_import_large_object);
PG_FUNCTION_INFO_V1(orgsync_import_table);
PG_FUNCTION_INFO_V1(orgsync_import_remote_bytea);
PG_FUNCTION_INFO_V1(orgsync_import_remote_text);

/* The arguments that all import functions share, by position. */
enum
{
	ARGUMENT_ACCOUNT,
	ARGUMENT_CSV,
	ARGUMENT_FEED,
	ARGUMENT_MODE,
	ARGUMENT_ON_ERROR,
	ARGUMENT_DRY_RUN,
	ARGUMENT_COLUMNS,
	ARGUMENT_GROUPS,
	ARGUMENT_SOURCE,
	ARGUMENT_OVERRIDE,
	ARGUMENT_MESSAGE,
	ARGUMENT_NOTES
};

/* Those of import_remote(), behind the first two. */
enum
{
	REMOTE_ARGUMENT_COMPLETE = 2,
	REMOTE_ARGUMENT_ADOPT
};

/* ---- arguments ---- */

static char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : TextDatumGetCString(PG_GETARG_DATUM(argument));
}

static bool
bool_argument(FunctionCallInfo fcinfo, int argument)
{
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

/* True if the argument is the first of two words, false if it is the second. */
static bool
choice_argument(FunctionCallInfo fcinfo, int argument, const char *name, const char *first, const char *second,
				bool default_choice)
{
	char	   *value = text_argument(fcinfo, argument);

	if (value == NULL)
		return default_choice;
	if (strcmp(value, first) != 0 && strcmp(value, second) != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid value for %s: \"%s\"", name, value),
				errhint("Use '%s' or '%s'.", first, second));
	return strcmp(value, first) == 0;
}

/*
 * The mapping of columns, NULL for none: an object of strings, else an error.
 */
Jsonb *
import_columns_argument(FunctionCallInfo fcinfo, int argument)
{
	Jsonb	   *columns;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (PG_ARGISNULL(argument))
		return NULL;
	columns = DatumGetJsonbPCopy(PG_GETARG_DATUM(argument));
	if (!JB_ROOT_IS_OBJECT(columns))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("columns must be a JSON object"),
				errhint("Give the file's column names with our headers, "
						"for example {\"Mail\": \"primary_email_address\"}."));
	iterator = JsonbIteratorInit(&columns->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_VALUE && value.type != jbvString)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("columns must map names to headers, which are strings"));
	return columns;
}

static char **
groups_argument(FunctionCallInfo fcinfo, int *count)
{
	Datum	   *values;
	bool	   *nulls;
	char	  **groups;

	*count = 0;
	if (PG_ARGISNULL(ARGUMENT_GROUPS))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ARGUMENT_GROUPS), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, count);
	groups = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		const char *cell;
		size_t		length;

		if (nulls[i])
			ereport(ERROR,
					errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("groups must not hold a null"));
		groups[i] = TextDatumGetCString(values[i]);
		cell = groups[i];
		length = strlen(cell);
		cell_trim(&cell, &length);
		groups[i] = pnstrdup(cell, length);
		if (length == 0 || cell_has_control_character(cell, length))
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid group name: \"%s\"", groups[i]),
					errhint("Give the names of the groups that everybody in the file shall join."));
	}
	return groups;
}

static void
read_options(FunctionCallInfo fcinfo, const Account *account, ImportOptions *options)
{
	options->feed = text_argument(fcinfo, ARGUMENT_FEED);
	if (options->feed == NULL)
		options->feed = "default";
	options->full = choice_argument(fcinfo, ARGUMENT_MODE, "mode", "full", "patch", false);
	options->stop_on_error = choice_argument(fcinfo, ARGUMENT_ON_ERROR, "on_error", "stop", "skip",
											 account->product->stops_on_error);
	options->dry_run = bool_argument(fcinfo, ARGUMENT_DRY_RUN);
	options->columns = import_columns_argument(fcinfo, ARGUMENT_COLUMNS);
	options->groups = groups_argument(fcinfo, &options->group_count);
	options->source = text_argument(fcinfo, ARGUMENT_SOURCE);
	options->override = bool_argument(fcinfo, ARGUMENT_OVERRIDE);
	options->message = text_argument(fcinfo, ARGUMENT_MESSAGE);
	options->notes = text_argument(fcinfo, ARGUMENT_NOTES);
}

/* An import into the account that the call names. */
static Import *
open_import(FunctionCallInfo fcinfo)
{
	Import	   *import;

	if (PG_ARGISNULL(ARGUMENT_ACCOUNT) || PG_ARGISNULL(ARGUMENT_CSV))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("account and data must not be null"),
				errhint("If the data comes from a file, it could perhaps not be read."));
	import = import_create();
	import->account = account_open(PG_GETARG_OID(ARGUMENT_ACCOUNT));
	import->rules = duplicate_rules_read(import->account);
	return import;
}

static Import *
begin_import(FunctionCallInfo fcinfo)
{
	Import	   *import = open_import(fcinfo);

	read_options(fcinfo, import->account, &import->options);
	return import;
}

static Import *
begin_import_remote(FunctionCallInfo fcinfo)
{
	Import	   *import = open_import(fcinfo);

	import->options.is_remote = true;
	import->options.complete = PG_ARGISNULL(REMOTE_ARGUMENT_COMPLETE) || PG_GETARG_BOOL(REMOTE_ARGUMENT_COMPLETE);
	import->options.adopt = bool_argument(fcinfo, REMOTE_ARGUMENT_ADOPT);
	return import;
}

/* ---- the functions ---- */

/* Imports what is in memory: the bytes of a file, or text in the database's encoding. */
static Datum
import_from_memory(Import *import, FunctionCallInfo fcinfo,
				   void (*open) (csv_memory_source *source, const char *data, size_t length))
{
	csv_memory_source source;
	struct varlena *data = PG_GETARG_VARLENA_PP(ARGUMENT_CSV);

	open(&source, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	import->source = import_file_source(csv_memory_source_read, &source, source.length, csv_memory_source_rewind);
	import_read_file(import);
	return import_finish(import);
}

/* import_csv(account, csv bytea, ...) */
Datum
orgsync_import_bytea(PG_FUNCTION_ARGS)
{
	SPI_connect();
	PG_RETURN_DATUM(import_from_memory(begin_import(fcinfo), fcinfo, csv_memory_source_open));
}

/* import_csv(account, csv text, ...) */
Datum
orgsync_import_text(PG_FUNCTION_ARGS)
{
	SPI_connect();
	PG_RETURN_DATUM(import_from_memory(begin_import(fcinfo), fcinfo, csv_memory_source_open_text));
}

/* import_file(account, path, ...) */
Datum
orgsync_import_file(PG_FUNCTION_ARGS)
{
	csv_file_source source;
	Import	   *import;
	Datum		summary;
	char	   *path;

	SPI_connect();
	import = begin_import(fcinfo);
	path = text_argument(fcinfo, ARGUMENT_CSV);
	if (import->options.source == NULL)
		import->options.source = path;
	csv_file_source_open(&source, path);
	import->source = import_file_source(csv_file_source_read, &source, source.size, csv_file_source_rewind);
	import_read_file(import);
	summary = import_finish(import);
	csv_file_source_close(&source);
	PG_RETURN_DATUM(summary);
}

/* import_large_object(account, loid, ...) */
Datum
orgsync_import_large_object(PG_FUNCTION_ARGS)
{
	csv_large_object_source source;
	Import	   *import;
	Datum		summary;
	Oid			large_object;

	SPI_connect();
	import = begin_import(fcinfo);
	large_object = PG_GETARG_OID(ARGUMENT_CSV);
	if (import->options.source == NULL)
		import->options.source = psprintf("large object %u", large_object);
	csv_large_object_source_open(&source, large_object);
	import->source = import_file_source(csv_large_object_source_read, &source, source.size,
										csv_large_object_source_rewind);
	import_read_file(import);
	summary = import_finish(import);
	csv_large_object_source_close(&source);
	PG_RETURN_DATUM(summary);
}

/* import_table(account, relation, ...) */
Datum
orgsync_import_table(PG_FUNCTION_ARGS)
{
	Import	   *import;
	void	   *source;
	Oid			relation;

	SPI_connect();
	import = begin_import(fcinfo);
	relation = PG_GETARG_OID(ARGUMENT_CSV);
	import->options.numbers_records = true;
	if (import->options.source == NULL)
		import->options.source = DatumGetCString(DirectFunctionCall1(regclassout, ObjectIdGetDatum(relation)));
	source = import_table_open(relation);
	import->source = import_file_source(import_table_read, source, 0, NULL);
	import_read_file(import);
	import_table_close(source);
	PG_RETURN_DATUM(import_finish(import));
}

/* Imports what another module reads; see import_stream.h. */
Datum
orgsync_import_source(FunctionCallInfo fcinfo, const ImportSource *source)
{
	Import	   *import;

	SPI_connect();
	import = begin_import(fcinfo);
	import->source = *source;
	import_read_file(import);
	return import_finish(import);
}

/* import_remote(account, csv bytea, complete, adopt) */
Datum
orgsync_import_remote_bytea(PG_FUNCTION_ARGS)
{
	SPI_connect();
	PG_RETURN_DATUM(import_from_memory(begin_import_remote(fcinfo), fcinfo, csv_memory_source_open));
}

/* import_remote(account, csv text, complete, adopt) */
Datum
orgsync_import_remote_text(PG_FUNCTION_ARGS)
{
	SPI_connect();
	PG_RETURN_DATUM(import_from_memory(begin_import_remote(fcinfo), fcinfo, csv_memory_source_open_text));
}
