/*
 * import.c
 *		Imports an org-sync file: the functions, and the order of the phases.
 *
 *	 1. read	The records are parsed, checked by themselves and staged.  This may
 *				take long and locks nothing.
 *	 2. write	In a subtransaction: the rows' profiles are found, the rows are
 *				accepted or rejected in line order, the changes are written.
 *	 3. note	The row in "imports" and the findings.
 *
 * A fault of the file never raises an error, which would roll the findings back
 * with the data: the subtransaction is rolled back, and what was found stays.
 * The same goes for a dry run, for on_error => 'stop' and for a constraint or a
 * trigger of the user's own that refuses a row.  An error is raised only for
 * what the file cannot help: no privilege, disk full, a cancelled query.
 *
 * One import at a time works on an account.  Other sessions may write to its
 * tables meanwhile; where they get in between deciding and writing, the second
 * phase is simply run again on what was staged.
 */
#include "import.h"

#include "access/table.h"
#include "access/xact.h"
#include "account_lock.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "csv_source.h"
#include "fmgr.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(orgsync_import_bytea);
PG_FUNCTION_INFO_V1(orgsync_import_text);
PG_FUNCTION_INFO_V1(orgsync_import_file);
PG_FUNCTION_INFO_V1(orgsync_import_large_object);
PG_FUNCTION_INFO_V1(orgsync_import_table);

/* So often the second phase is tried, if other sessions get in between. */
#define MAX_ATTEMPTS 3

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
 * The mapping of columns, NULL for none: an object of strings, none of which asks
 * for what cannot be done; else an error.
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
		else if (token == WJB_VALUE && value.val.string.len == 5 &&
				 strncmp(value.val.string.val, "group", 5) == 0)
			ereport(ERROR,
					errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("a column whose cells name a group cannot be imported yet"),
					errhint("Use a column for each group, with the header \"group:NAME\"."));
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

/*
 * An import that has nothing yet, neither account nor options nor rules, in a
 * memory context of its own, which becomes the current one.
 */
Import *
import_create(void)
{
	Import	   *import;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync import", ALLOCSET_DEFAULT_SIZES);

	MemoryContextSwitchTo(context);
	import = palloc0(sizeof(Import));
	import->context = context;
	import->row_context = AllocSetContextCreate(context, "orgsync row", ALLOCSET_DEFAULT_SIZES);
	import->attempt_context = AllocSetContextCreate(context, "orgsync attempt", ALLOCSET_DEFAULT_SIZES);
	import->started_at = GetCurrentTimestamp();
	import->findings = import_findings_create();
	import->staging = import_staging_create();
	import->emails = import_keys_create();
	import->user_ids = import_keys_create();
	import->addresses = import_keys_create();
	return import;
}

static Import *
begin_import(FunctionCallInfo fcinfo)
{
	Import	   *import;

	if (PG_ARGISNULL(ARGUMENT_ACCOUNT) || PG_ARGISNULL(ARGUMENT_CSV))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("account and data must not be null"));
	import = import_create();
	import->account = account_open(PG_GETARG_OID(ARGUMENT_ACCOUNT));
	read_options(fcinfo, import->account, &import->options);
	import->rules = duplicate_rules_read(import->account);
	return import;
}

/* ---- first phase: read ---- */

static const char *
describe_fault(csv_fault_code code)
{
	switch (code)
	{
		case CSV_FAULT_UNTERMINATED_QUOTE:
			return "a double quote is opened and never closed";
		case CSV_FAULT_TEXT_AFTER_QUOTE:
			return "text stands behind a closing double quote";
		case CSV_FAULT_NUL_BYTE:
			return "a NUL byte is no text";
		case CSV_FAULT_RECORD_TOO_LONG:
			return "a record is longer than orgsync.max_record_size";
		case CSV_FAULT_NOT_UTF8:
		case CSV_FAULT_NONE:
			break;
	}
	return "unknown fault";
}

static void
report_fault(Import *import, const csv_fault *fault)
{
	char	   *offset = psprintf("%lld", (long long) fault->offset);
	int64		line = import->options.numbers_records ? import->row_count + 2 : fault->fault_line;

	if (fault->code == CSV_FAULT_NOT_UTF8)
		import_report(import, FINDING_NOT_UTF8, line, NULL, NULL, 1, offset);
	else
		import_report(import, FINDING_MALFORMED_CSV, line, NULL, NULL, 2,
					  describe_fault(fault->code), offset);
}

/* Counts what matters for the row's licenses and keys before it is staged. */
static void
note_row(Import *import, const ImportRow *row)
{
	int64		number = import_staging_count(import->staging);

	if (!row->key_known && import->unreadable_line == 0)
		import->unreadable_line = row->line;
	if (row->rejected)
		return;
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_LICENSE)
		{
			import->active_cells[import->columns[i].license] += row->cells[i].value == CELL_YES;
			import->inactive_cells += row->cells[i].value == CELL_NO;
		}
	if (import->initial_license != NO_LICENSE)
		import->active_cells[import->initial_license]++;
	if (row->primary_email_address != NULL)
	{
		size_t		length = strlen(row->primary_email_address);
		char	   *folded = asc_tolower(row->primary_email_address, length);

		import_keys_add(import->emails, folded, length, number);
		import_keys_add_hash(import->addresses,
							 duplicate_rules_own_key(import->rules, row->primary_email_address), number);
	}
	if (row->unique_user_id != NULL)
		import_keys_add(import->user_ids, row->unique_user_id, strlen(row->unique_user_id), number);
	if (row->new_unique_user_id != NULL)
		import_keys_add(import->user_ids, row->new_unique_user_id, strlen(row->new_unique_user_id), number);
}

static void
read_row(Import *import, csv_record *record)
{
	MemoryContext old_context;
	ImportRow	row;

	MemoryContextReset(import->row_context);
	import->row_count++;
	if (import->options.numbers_records)
		record->line = import->row_count + 1;
	import_reader_cut(import, record);
	import_parse_row(import, record, &row, true);
	old_context = MemoryContextSwitchTo(import->row_context);
	note_row(import, &row);
	MemoryContextSwitchTo(old_context);
	import_staging_put(import, &row, record);
}

/* The vendor refuses a file that only revokes licenses if it has a group column. */
static void
check_group_columns(Import *import)
{
	int64		active = 0;
	bool		has_group = false;

	for (int i = 0; i < import->license_count; i++)
		active += import->active_cells[i];
	for (int i = 0; i < import->column_count; i++)
		has_group = has_group || import->columns[i].kind == COLUMN_GROUP;
	if (has_group && active == 0 && import->inactive_cells > 0)
		import_report(import, FINDING_GROUP_COLUMN_NOT_ALLOWED, 1, NULL, NULL, 0);
}

/*
 * The first phase: reads the records of a file, reports what is wrong with them
 * by themselves, and stages them.
 */
void
import_read_file(Import *import, csv_source source, void *source_context)
{
	csv_record	record;
	csv_fault	fault;
	csv_result	result;
	csv_reader *reader = import_reader_open(import, source, source_context, &record, &fault, &result);

	if (result == CSV_RECORD)
	{
		import_read_header(import, &record);
		import->active_cells = MemoryContextAllocZero(import->context,
													  sizeof(int64) * Max(import->license_count, 1));
		while (!import->refused && (result = csv_reader_next(reader, &record, &fault)) == CSV_RECORD)
			read_row(import, &record);
	}
	if (result == CSV_FAULT)
		report_fault(import, &fault);
	else if (!import->refused && import->row_count == 0)
		import_report(import, FINDING_EMPTY_FILE, 1, NULL, NULL, 0);
	import_reader_close(import, reader);

	import_keys_finish(import->emails);
	import_keys_finish(import->user_ids);
	import_keys_finish(import->addresses);
	if (!import->refused)
		check_group_columns(import);
}

/* ---- second phase: write ---- */

static Oid
profile_sequence(const Account *account)
{
	Relation	profiles = table_open(get_relname_relid("profiles", account->namespace_oid), AccessShareLock);
	Oid			sequence = compat_identity_sequence(profiles, PROFILES_PROFILE_ID);

	table_close(profiles, AccessShareLock);
	return sequence;
}

static void
begin_attempt(Import *import)
{
	MemoryContextReset(import->row_context);
	MemoryContextReset(import->attempt_context);
	memset(&import->counts, 0, sizeof(import->counts));
	import->targets = NULL;
	import->named = NULL;
	import->named_count = import->named_capacity = 0;
	import->new_profiles = NULL;
	import->new_profile_capacity = 0;
}

/* Finds the profiles and decides on the rows, until every address is free that was counted on. */
static void
decide(Import *import)
{
	MemoryContext old_context;

	import_staging_register(import->staging);
	for (;;)
	{
		begin_attempt(import);
		old_context = MemoryContextSwitchTo(import->attempt_context);
		import->changes = import_changes_create(import);
		MemoryContextSwitchTo(old_context);
		import_resolve(import);
		if (import_decide(import))
			break;
		import_changes_end(import->changes);
		import_findings_restart(import->findings);
	}
	sql_unregister("staged");
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		import->counts.rejected += import->targets[i].state == ROW_REJECTED;
}

/* What a subtransaction of the second phase does. */
typedef void (*AttemptStep) (Import *import, int64 *failing_line);

static void
write_all(Import *import, int64 *unused)
{
	(void) unused;
	import_make_groups(import);
	decide(import);
	if (import->options.stop_on_error && import_findings_count(import->findings, SEVERITY_ERROR) > 0)
	{
		import->refused = true;
		return;
	}
	import_note_absence(import);
	if (import->refused)
		return;
	import_apply(import);
	import_changes_end(import->changes);
}

static void
write_row_by_row(Import *import, int64 *failing_line)
{
	import_make_groups(import);
	decide(import);
	import_note_absence(import);
	import_apply_row_by_row(import, failing_line);
}

/*
 * Runs a step in a subtransaction, which is kept only if that is asked for and
 * nothing refused the import.  Returns the error that ended it, palloc'd in the
 * import's context, or NULL.
 */
static ErrorData *
try_step(Import *import, AttemptStep step, bool keep, int64 *failing_line)
{
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	import_findings_mark(import->findings);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	PG_TRY();
	{
		step(import, failing_line);
		if (keep && !import->refused)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(import->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		import_changes_unregister();
		sql_unregister("staged");
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	return error;
}

/* Could another session that got in between have caused the error? */
static bool
is_worth_retrying(const ErrorData *error)
{
	if (IsolationUsesXactSnapshot())
		return false;
	switch (error->sqlerrcode)
	{
		case ERRCODE_CHECK_VIOLATION:
			return error->constraint_name != NULL && strcmp(error->constraint_name, "license_cap") == 0;
		case ERRCODE_UNIQUE_VIOLATION:
		case ERRCODE_EXCLUSION_VIOLATION:
		case ERRCODE_FOREIGN_KEY_VIOLATION:
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
			return true;
		default:
			return false;
	}
}

/*
 * Did a constraint or a trigger refuse what the file says?  Triggers may raise
 * whatever they like, so this is all but the classes that tell of the server, of
 * privileges and of the statement's text.
 */
static bool
is_refusal(const ErrorData *error)
{
	if (error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		return true;			/* a value is too long for an index */
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_CONNECTION_EXCEPTION:
		case ERRCODE_FEATURE_NOT_SUPPORTED:
		case ERRCODE_INVALID_TRANSACTION_STATE:
		case ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_CONFIG_FILE_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			return false;
		default:
			return true;
	}
}

static void
write_file(Import *import)
{
	int64		failing_line = 0;
	ErrorData  *error;

	account_lock(import->account, ACCOUNT_LOCK_IMPORT, 0, ExclusiveLock);
	import->profile_sequence = profile_sequence(import->account);
	for (int attempt = 1;; attempt++)
	{
		import->losing_rows = import->withheld_rows = NULL;
		error = try_step(import, write_all, !import->options.dry_run, NULL);
		if (error == NULL)
			return;
		import_findings_forget(import->findings);
		if (attempt == MAX_ATTEMPTS || !is_worth_retrying(error))
			break;
	}
	if (!is_refusal(error))
		ReThrowError(error);

	/* the error names a constraint; where it was met, the rows tell one by one */
	(void) try_step(import, write_row_by_row, false, &failing_line);
	import_report(import, FINDING_CONSTRAINT_FAILED, failing_line, error->column_name, NULL, 1,
				  error->detail ? psprintf("%s: %s", error->message, error->detail) : error->message);
	import->refused = true;
}

/* ---- third phase: note ---- */

static Datum
header_datum(const Import *import)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(import->header_count, 1));

	for (int i = 0; i < import->header_count; i++)
		values[i] = CStringGetTextDatum(import->header[i]);
	return PointerGetDatum(construct_array(values, import->header_count, TEXTOID, -1, false, TYPALIGN_INT));
}

static const char note_query[] =
	"INSERT INTO @account.imports AS i (state, feed, source, mode, header, started_at, finished_at, rows_read,"
	" created, updated, unchanged, absent, rejected, warnings, seats_granted, seats_revoked, invitations,"
	" encoding, delimiter, message, notes)"
	" SELECT $1, $2, $3, $4, $5, $6, clock_timestamp(), n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10],"
	" $8, $9, $10, $11"
	" FROM (SELECT $7::bigint[]) AS counts (n)"
	" RETURNING i.import_id, ROW (i.*)::import_summary";

/* Writes the row in "imports" and the findings; returns the summary. */
static Datum
note_import(Import *import)
{
	const ImportCounts *counts = &import->counts;
	Datum		numbers[10];
	SqlArgument arguments[11];
	Datum		summary;
	bool		isnull;

	if (import->refused)
	{
		/* nothing else has changed: only what was read and found counts */
		int64		rejected = counts->rejected;

		memset(&import->counts, 0, sizeof(import->counts));
		import->counts.rejected = rejected;
	}
	import->counts.rows_read = import->row_count;
	import->counts.warnings = import_findings_count(import->findings, SEVERITY_WARNING);
	for (int i = 0; i < 10; i++)
		numbers[i] = Int64GetDatum(((const int64 *) counts)[i]);

	arguments[0] = sql_text(import->refused ? "refused" : import->options.dry_run ? "dry_run" : "applied");
	arguments[1] = sql_text(import->options.feed);
	arguments[2] = sql_text(import->options.source);
	arguments[3] = sql_text(import->options.full ? "full" : "patch");
	arguments[4] = SQL_DATUM(TEXTARRAYOID, header_datum(import));
	arguments[5] = SQL_DATUM(TIMESTAMPTZOID, TimestampTzGetDatum(import->started_at));
	arguments[6] = SQL_DATUM(INT8ARRAYOID, PointerGetDatum(construct_array(numbers, 10, INT8OID, sizeof(int64),
																		   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
	/* a table is written in no way */
	arguments[7] = sql_text(import->delimiter ? csv_encoding_name(import->encoding) : NULL);
	arguments[8] = sql_text(import->delimiter ? psprintf("%c", import->delimiter) : NULL);
	arguments[9] = sql_text(import->options.message);
	arguments[10] = sql_text(import->options.notes);
	(void) sql_write(import->account, note_query, 11, arguments);
	import->import_id = sql_int64(0, 0);
	summary = SPI_datumTransfer(sql_value(0, 1, &isnull), false, -1);
	import_findings_write(import);
	import_staging_end(import->staging);
	return summary;
}

StaticAssertDecl(sizeof(ImportCounts) == 10 * sizeof(int64), "note_import() writes ten counts");

/* Writes and notes what was read; returns the summary. */
static Datum
finish_import(Import *import)
{
	Datum		summary;

	if (!import->refused)
		write_file(import);
	summary = note_import(import);
	SPI_finish();
	return summary;
}

/* ---- the functions ---- */

/* import_csv(account, csv bytea, ...) */
Datum
orgsync_import_bytea(PG_FUNCTION_ARGS)
{
	csv_memory_source source;
	Import	   *import;
	bytea	   *data;

	SPI_connect();
	import = begin_import(fcinfo);
	data = PG_GETARG_BYTEA_PP(ARGUMENT_CSV);
	csv_memory_source_open(&source, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	import_read_file(import, csv_memory_source_read, &source);
	PG_RETURN_DATUM(finish_import(import));
}

/* import_csv(account, csv text, ...) */
Datum
orgsync_import_text(PG_FUNCTION_ARGS)
{
	csv_memory_source source;
	Import	   *import;
	text	   *data;

	SPI_connect();
	import = begin_import(fcinfo);
	data = PG_GETARG_TEXT_PP(ARGUMENT_CSV);
	csv_memory_source_open_text(&source, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	import_read_file(import, csv_memory_source_read, &source);
	PG_RETURN_DATUM(finish_import(import));
}

/* import_file(account, path, ...) */
Datum
orgsync_import_file(PG_FUNCTION_ARGS)
{
	csv_file_source source;
	Import	   *import;
	char	   *path;

	SPI_connect();
	import = begin_import(fcinfo);
	path = text_argument(fcinfo, ARGUMENT_CSV);
	if (import->options.source == NULL)
		import->options.source = path;
	csv_file_source_open(&source, path);
	import_read_file(import, csv_file_source_read, &source);
	csv_file_source_close(&source);
	PG_RETURN_DATUM(finish_import(import));
}

/* import_large_object(account, loid, ...) */
Datum
orgsync_import_large_object(PG_FUNCTION_ARGS)
{
	csv_large_object_source source;
	Import	   *import;
	Oid			large_object;

	SPI_connect();
	import = begin_import(fcinfo);
	large_object = PG_GETARG_OID(ARGUMENT_CSV);
	if (import->options.source == NULL)
		import->options.source = psprintf("large object %u", large_object);
	csv_large_object_source_open(&source, large_object);
	import_read_file(import, csv_large_object_source_read, &source);
	csv_large_object_source_close(&source);
	PG_RETURN_DATUM(finish_import(import));
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
	import_read_file(import, import_table_read, source);
	import_table_close(source);
	PG_RETURN_DATUM(finish_import(import));
}
