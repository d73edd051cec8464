/*
 * export.c
 *		export_csv(): the files that bring the vendor to what the account says.
 *
 * The diff becomes rows (export_plan.c), the rows become files
 * (export_rows.c); here is what surrounds that: the caller's wishes, and the
 * record in the tables "exports" and "export_files", which confirm_export()
 * needs.
 *
 * Only one export or confirmation of an account runs at a time.  The lock is
 * taken before the snapshot of the diff, so the diff sees what an earlier
 * confirmation has done.  A dry run writes nothing, takes no lock, and so works
 * on a standby.
 *
 * One file's text is in memory at a time, besides what the tuplestore of the
 * result keeps within work_mem.
 */
#include "export.h"

#include "access/xact.h"
#include "account_lock.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "pgtime.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_export_csv);

#define EXPORT_FILE_COLUMNS	6
#define MAX_GROUPS_IN_NAME	80
#define FILE_NAME_CHARACTERS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_."

typedef struct ExportLayout
{
	const char *name;
	DiffNotation notation;
} ExportLayout;

/* Other layouts than the product's own. */
static const ExportLayout layouts[] = {
	{"legacy", {"group/", "1", "0"}}
};

/* The notation of that name; an error if there is none. */
static DiffNotation
find_notation(const Account *account, const char *layout)
{
	if (layout == NULL || strcmp(layout, "default") == 0)
		return diff_product_notation(account->product);
	for (size_t i = 0; i < lengthof(layouts); i++)
	{
		if (strcmp(layout, layouts[i].name) == 0)
			return layouts[i].notation;
	}
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown layout: \"%s\"", layout),
			errhint("Layouts are \"default\", with columns like \"%sNAME\", and \"legacy\", with columns "
					"like \"group/NAME\" that hold 1 and 0.", account->product->group_header_prefix));
}

/*
 * A snapshot that is older than the lock may show changes that the vendor has
 * heard of since: their export would take back what came after them.
 */
static void
check_changes_are_pending(const ExportPlan *plan)
{
	static const char count_changes[] = "SELECT count(*) FROM @account.changes WHERE change_id <@ $1";
	SqlArgument changes_read = SQL_DATUM(INT8MULTIRANGEOID, plan->changes_read);
	int64		count;

	if (!IsolationUsesXactSnapshot() || plan->changes_read == 0)
		return;
	(void) sql_run(plan->account, count_changes, 1, &changes_read);
	count = sql_int64(0, 0);
	(void) sql_run_latest(plan->account, count_changes, 1, &changes_read);
	if (sql_int64(0, 0) != count)
		ereport(ERROR,
				errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("what the vendor has was learned by another transaction while account \"%s\" was exported",
					   plan->account->name),
				errhint("Repeat the transaction."));
}

/* Records the export and returns its number. */
static int64
record_export(const ExportPlan *plan)
{
	(void) sql_run(plan->account,
				   "INSERT INTO @account.exports (is_full, changes_read) VALUES ($1, coalesce($2, '{}'))"
				   " RETURNING export_id",
				   2, (SqlArgument[])
				   {
					   SQL_BOOL(plan->is_full),
					   plan->changes_read ? SQL_DATUM(INT8MULTIRANGEOID, plan->changes_read) :
					   SQL_NULL(INT8MULTIRANGEOID)
				   });
	return sql_int64(0, 0);
}

/* The groups to be chosen for an upload, as part of a file name: with nothing that it must not hold. */
static void
append_groups(StringInfo name, const char *groups)
{
	int			count = 0;

	appendStringInfoChar(name, '-');
	for (const char *c = groups; *c != '\0' && count < MAX_GROUPS_IN_NAME; c++, count++)
		appendStringInfoChar(name, strchr(FILE_NAME_CHARACTERS, *c) != NULL ? *c : '_');
}

/* A name that sorts in the order of upload. */
static char *
file_name(const Account *account, int64 export_id, int seq, const ExportFile *file)
{
	pg_time_t	now = timestamptz_to_time_t(GetCurrentTransactionStartTimestamp());
	struct pg_tm *today = pg_localtime(&now, session_timezone);
	StringInfoData name;

	initStringInfo(&name);
	appendStringInfo(&name, "%s-%04d%02d%02d-%06lld-%03d-%s", account->name,
					 today->tm_year + 1900, today->tm_mon + 1, today->tm_mday,
					 (long long) export_id, seq, export_kind_name(file->kind));
	if (file->groups != NULL)
		append_groups(&name, file->groups);
	appendStringInfoString(&name, ".csv");
	return name.data;
}

/* Records why something is not in the vendor's files. */
static void
record_findings(const ExportPlan *plan, int64 export_id)
{
	ListCell   *cell;

	foreach(cell, plan->findings)
	{
		const ExportFinding *finding = lfirst(cell);
		const finding_kind *kind = finding_kind_of(finding->code);
		const char *arguments[] = {finding->email, finding->argument};
		size_t		size = finding_format(NULL, 0, kind->message, arguments, lengthof(arguments)) + 1;
		char	   *message = palloc(size);

		(void) finding_format(message, size, kind->message, arguments, lengthof(arguments));
		(void) sql_run(plan->account,
					   "INSERT INTO @account.import_findings"
					   " (export_id, column_name, code, severity, message, tip)"
					   " VALUES ($1, $2, $3, $4, $5, $6)",
					   6, (SqlArgument[])
					   {
						   SQL_INT8(export_id), sql_text(finding->column_name), sql_text(kind->code),
						   sql_text(finding_severity_name(kind->severity)), sql_text(message),
						   sql_text(kind->tip)
					   });
		pfree(message);
	}
}

/*
 * Writes all files: into the result, and, unless it is a dry run, into
 * export_files.
 */
static void
write_files(ExportPlan *plan, int64 export_id, bool dry_run, int max_rows, bool spreadsheet_safe,
			ReturnSetInfo *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync export",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	int			nest_level = sql_compress_quickly();
	ExportFile	file;

	for (int seq = 1; plan->full != NULL ? export_full_next_file(plan->full, &file) :
		 export_rows_next_file(plan->rows, max_rows, spreadsheet_safe, &file); seq++)
	{
		char	   *name = file_name(plan->account, export_id, seq, &file);
		Datum		csv = export_file_csv(&file);
		Datum		values[EXPORT_FILE_COLUMNS] = {
			Int64GetDatum(export_id),
			Int32GetDatum(seq),
			CStringGetTextDatum(export_kind_name(file.kind)),
			CStringGetTextDatum(name),
			Int64GetDatum((int64) file.row_count),
			csv
		};
		bool		nulls[EXPORT_FILE_COLUMNS] = {dry_run};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		if (!dry_run)
			(void) sql_run(plan->account,
						   "INSERT INTO @account.export_files"
						   " (export_id, seq, kind, file_name, row_count, csv, columns,"
						   "  profile_ids)"
						   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
						   8, (SqlArgument[])
						   {
							   SQL_INT8(export_id), SQL_INT4(seq), SQL_DATUM(TEXTOID, values[2]),
							   SQL_DATUM(TEXTOID, values[3]), SQL_INT8((int64) file.row_count),
							   SQL_DATUM(TEXTOID, csv),
							   sql_text_array(file.columns, file.column_count),
							   sql_int8_array(file.profile_ids, file.row_count)
						   });
		MemoryContextReset(context);
	}
	sql_restore_settings(nest_level);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

static bool
boolean_argument(FunctionCallInfo fcinfo, int argument)
{
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

/*
 * export_csv(account regnamespace, rows_per_file int, layout text, override
 * boolean, spreadsheet_safe boolean, dry_run boolean, full boolean)
 */
Datum
orgsync_export_csv(PG_FUNCTION_ARGS)
{
	char	   *layout = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	bool		override = boolean_argument(fcinfo, 3);
	bool		spreadsheet_safe = boolean_argument(fcinfo, 4);
	bool		dry_run = boolean_argument(fcinfo, 5);
	Account    *account;
	DiffNotation notation;
	ExportPlan	plan;
	int			rows_per_file;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("account must not be null"));

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	notation = find_notation(account, layout);
	rows_per_file = PG_ARGISNULL(1) ? account->rows_per_file : PG_GETARG_INT32(1);
	if (rows_per_file < 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("rows_per_file must be at least 1"));

	if (!dry_run)
		account_lock(account, ACCOUNT_LOCK_EXPORT, 0, ExclusiveLock);
	export_plan_read(&plan, account, &notation,
					 boolean_argument(fcinfo, 6) ? DIFF_TO_EXPORT_ALL : DIFF_TO_EXPORT, NULL, NULL);
	if (plan.held_up != NULL && !override)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg_internal("%s", plan.held_up),
				errdetail_internal("%s", plan.held_up_detail),
				errhint("%s", plan.held_up_hint));
	if (plan.is_full && account->product->has_license_columns)
		plan.full = export_full_open(plan.reader, &notation, rows_per_file, spreadsheet_safe);
	if (plan.row_count > 0)
	{
		int64		export_id;

		if (!dry_run)
			check_changes_are_pending(&plan);
		if (!dry_run && !plan.is_full)
			plan.changes_read = diff_write_adoptions(plan.reader, plan.changes_read);
		export_id = dry_run ? 0 : record_export(&plan);
		write_files(&plan, export_id, dry_run, rows_per_file, spreadsheet_safe,
					(ReturnSetInfo *) fcinfo->resultinfo);
		if (!dry_run)
			record_findings(&plan, export_id);
	}
	export_plan_end(&plan);
	SPI_finish();
	return (Datum) 0;
}
