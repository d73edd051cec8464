/*
 * export_confirm.c
 *		confirm_export() and cancel_export(): what became of an export.
 *
 * A confirmation moves what the vendor has to what was exported, and does so by
 * taking the change rows that the export read (exports.changes_read) and no
 * others out of "changes", into the history: a change that came later has a row
 * of its own, which holds the cell as it was exported, and so as the vendor has
 * it now.
 *
 * What the vendor refused stays pending: the change rows of the refused rows are
 * taken out of changes_read first.  They are then no business of this export any
 * more, whatever else of it is confirmed, and the next one will read them.
 * For a live profile these are the rows of the cells that stand in the refused
 * row, and of a deleted one also its keys, names and attributes, since nothing else
 * tells what the vendor has of it.  Who was deleted and made again is one profile
 * since the export; see diff_adopt.c.
 *
 * Whose deletion is confirmed becomes a leaver; see export_leavers.c.
 *
 * A full export says what the vendor has of everybody, whatever was known before:
 * who has a row in it, and is not refused, is known there as he was then, and
 * nobody else is.
 *
 * To confirm a single file is to delete the rows of the cells that stand in it;
 * the file is read back for that.  When the last file is confirmed, all that is
 * left of changes_read goes too: changes that were undone, say.
 *
 * Everything runs in the transaction's own snapshot: whoever sees the export
 * also sees all changes that it read.  Only whether there is a newer export is
 * looked up with the latest one.
 */
#include "export_confirm.h"

#include "account_lock.h"
#include "catalog/pg_type.h"
#include "change_log.h"
#include "core/finding.h"
#include "fmgr.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(orgsync_confirm_export);
PG_FUNCTION_INFO_V1(orgsync_confirm_export_text);
PG_FUNCTION_INFO_V1(orgsync_cancel_export);

/* $1 export; $2 to $4: profile, column (NULL: many) and value of each cell, see export_cells.c */
#define BATCH_CELLS \
	"WITH batch AS MATERIALIZED (" \
	" SELECT b.profile_id, b.value," DIFF_CELL_OF("b.column_name") "AS cell" \
	" FROM unnest($2, $3, $4) AS b (profile_id, column_name, value)" \
	") "

/*
 * A rename row may name an address, or an id, that is as the vendor has it, perhaps
 * behind a "'" that keeps a spreadsheet from running it.
 */
static const char confirm_cells[] =
CHANGES_KEPT(BATCH_CELLS
"DELETE FROM @account.changes c USING batch b"
" WHERE c.profile_id = b.profile_id"
"  AND (b.cell IS NULL OR b.cell = " DIFF_CELL_OF("c.column_name") ")"
"  AND c.change_id <@ " CHANGES_READ
"  AND (b.cell IS NULL OR b.cell NOT IN ('primary_email_address', 'unique_user_id') OR NOT EXISTS"
"   (SELECT FROM (SELECT f.vendor_value FROM @account.changes f WHERE f.profile_id = c.profile_id"
"     AND f.column_name = b.cell ORDER BY f.change_id LIMIT 1) f"
"    WHERE f.vendor_value = b.value OR (b.cell = 'primary_email_address'"
"     AND lower(b.value) IN (lower(f.vendor_value), '''' || lower(f.vendor_value)))))");

/*
 * deleted: before the export, so that their rows are all that tells what the
 * vendor has of them.  seats: those that the vendor has; only rows that come
 * before all renames can have been about them.
 */
static const char refuse_cells[] =
BATCH_CELLS
", deleted AS MATERIALIZED ("
" SELECT DISTINCT b.profile_id FROM batch b"
" WHERE NOT EXISTS (SELECT FROM @account.profiles p WHERE p.profile_id = b.profile_id)"
"  AND NOT EXISTS (SELECT FROM @account.changes c WHERE c.profile_id = b.profile_id"
"   AND c.column_name = 'primary_email_address' AND NOT c.change_id <@ " CHANGES_READ ")"
"), seats AS MATERIALIZED ("
" SELECT f.profile_id, f.cell FROM (SELECT DISTINCT ON (c.profile_id, c.cell) c.profile_id, c.cell, c.vendor_value"
"  FROM (SELECT c.profile_id, c.change_id, c.vendor_value, " DIFF_CELL_OF("c.column_name") "AS cell"
"   FROM @account.changes c JOIN batch b ON b.profile_id = c.profile_id"
"   WHERE b.value = '" EXPORT_CELLS_AFTER_RENAME "' AND b.cell IS NULL"
"    AND c.column_name NOT IN ('preferred_first_name', 'preferred_last_name', 'work_title')"
"    AND NOT starts_with(c.column_name, 'attribute_')) c"
"  ORDER BY c.profile_id, c.cell, c.change_id) f"
" WHERE f.vendor_value = 'active'"
"), pending AS ("
" SELECT c.change_id FROM @account.changes c JOIN deleted d ON d.profile_id = c.profile_id"
" WHERE c.column_name IN ('primary_email_address', 'unique_user_id', 'preferred_first_name',"
"   'preferred_last_name', 'work_title') OR starts_with(c.column_name, 'attribute_')"
" UNION ALL"
" SELECT c.change_id FROM @account.changes c JOIN batch b ON b.profile_id = c.profile_id"
"  AND (b.cell = " DIFF_CELL_OF("c.column_name") " OR (b.cell IS NULL AND NOT EXISTS"
"   (SELECT FROM seats s WHERE s.profile_id = c.profile_id AND s.cell = " DIFF_CELL_OF("c.column_name") ")))"
") "
"UPDATE @account.exports SET changes_read = changes_read -"
" coalesce((SELECT range_agg(int8range(change_id, change_id, '[]')) FROM pending), '{}') "
"WHERE export_id = $1";

/* Of a full export: the vendor has nothing of who was refused. */
static const char refuse_full_cells[] =
BATCH_CELLS
", forgotten AS (DELETE FROM @account.changes c USING batch b WHERE c.profile_id = b.profile_id RETURNING c.*), "
CHANGES_KEPT_OF("forgotten")
"INSERT INTO @account.changes (profile_id)"
" SELECT DISTINCT b.profile_id FROM batch b JOIN @account.profiles p ON p.profile_id = b.profile_id"
" WHERE $1 IS NOT NULL";

/* Nor of whom it had no row for. */
static const char forget_others[] =
"WITH exported AS MATERIALIZED ("
" SELECT unnest(profile_ids) AS profile_id FROM @account.export_files WHERE export_id = $1"
"), others AS MATERIALIZED ("
" SELECT p.profile_id FROM @account.profiles p"
" WHERE NOT EXISTS (SELECT FROM exported e WHERE e.profile_id = p.profile_id)"
"  AND NOT EXISTS (SELECT FROM @account.changes c WHERE c.profile_id = p.profile_id AND c.column_name IS NULL"
"   AND NOT c.change_id <@ " CHANGES_READ ")"
"), forgotten AS (DELETE FROM @account.changes c USING others o WHERE c.profile_id = o.profile_id RETURNING c.*), "
CHANGES_KEPT_OF("forgotten")
"INSERT INTO @account.changes (profile_id) SELECT profile_id FROM others";

/* How many rows the files had that the results may be of, of people who were forgotten since. */
static int64
forgotten_rows(const Confirmation *confirmation)
{
	int64		count = 0;

	for (int i = 0; i < confirmation->file_count; i++)
		if (confirmation->files[i].has_results)
			count += confirmation->files[i].forgotten_rows;
	return count;
}

/*
 * Records what the vendor said of the rows that it refused.  Rows that are in no file
 * are taken for those of people who were forgotten since, if there are so many; nothing
 * is recorded of these.
 */
static void
record_findings(const Confirmation *confirmation, const ExportResults *results)
{
	const finding_kind *kind = finding_kind_of(FINDING_VENDOR_REFUSED);
	int64		forgotten = forgotten_rows(confirmation);
	bool	   *is_repeated = export_results_repeated(results);

	for (int i = 0; i < results->count; i++)
	{
		const ExportRefusal *refusal = &results->refusals[i];

		if (!refusal->is_matched && (is_repeated[i] || forgotten > 0))
		{
			forgotten -= !is_repeated[i];
			continue;
		}
		if (!refusal->is_matched)
			ereport(ERROR,
					errcode(ERRCODE_NO_DATA_FOUND),
					errmsg("the results file has a row that is in no file of export %lld to be confirmed",
						   (long long) confirmation->export_id),
					errdetail("Line %lld: %s", (long long) refusal->line, refusal->record),
					errhint("Give the vendor's error file of this export; with seq, that of this file."));
		(void) sql_run(confirmation->account,
					   "INSERT INTO @account.import_findings"
					   " (export_id, line, code, severity, message, tip, record)"
					   " VALUES ($1, $2, $3, $4, $5, $6, $7)",
					   7, (SqlArgument[])
					   {
						   SQL_INT8(confirmation->export_id), SQL_INT8(refusal->line),
						   sql_text(kind->code), sql_text(finding_severity_name(kind->severity)),
						   sql_text(refusal->message),
						   sql_text(kind->tip),
						   sql_text(refusal->record)
					   });
	}
}

/*
 * Takes what the vendor refused out of the export.  If the results have the
 * columns of one of the files, they are of that file (or of those with the same
 * columns), else they may be of any.
 */
static void
refuse_rows(const Confirmation *confirmation, ExportResults *results)
{
	ExportCells  *batch = export_cells_create(confirmation->account,
												 confirmation->export_id,
												 confirmation->is_full ? refuse_full_cells : refuse_cells);
	bool		has_same_columns = false;

	if (results->refuses_all && results->columns[0] == '\0' && confirmation->file_count > 1)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("the results file does not tell which of %d files the vendor refused",
					   confirmation->file_count),
				errdetail("Line %lld: %s", (long long) results->refusals[0].line, results->refusals[0].message),
				errhint("Give the file's number as seq."));
	for (int i = 0; i < confirmation->file_count; i++)
		has_same_columns |= strcmp(confirmation->files[i].columns, results->columns) == 0;
	for (int i = 0; i < confirmation->file_count; i++)
	{
		ConfirmFile *file = &confirmation->files[i];

		file->has_results = !has_same_columns || strcmp(file->columns, results->columns) == 0;
		if (file->has_results)
			export_cells_add_file(batch, file->seq, results, true);
	}
	export_cells_flush(batch);
	record_findings(confirmation, results);
}

/* What stands in the rows that were not refused, of part of an export, is what the vendor has. */
static void
confirm_rows(const Confirmation *confirmation, ExportResults *results)
{
	ExportCells *batch = export_cells_create(confirmation->account, confirmation->export_id, confirm_cells);

	for (int i = 0; i < confirmation->file_count; i++)
		export_cells_add_file(batch, confirmation->files[i].seq,
							  confirmation->files[i].has_results ? results : NULL, false);
	export_cells_flush(batch);
}

/* The export's state, its row locked; an error if there is no such export. */
static char *
lock_export(const Account *account, int64 export_id)
{
	if (sql_run(account, "SELECT coalesce(state, '') FROM @account.exports WHERE export_id = $1 FOR UPDATE",
				1, (SqlArgument[]) {SQL_INT8(export_id)}) == 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("account \"%s\" has no export %lld", account->name, (long long) export_id),
				errhint("See %s.exports.", account->quoted_name));
	return sql_string(0, 0);
}

static void
check_can_be_confirmed(const Account *account, int64 export_id)
{
	char	   *state = lock_export(account, export_id);

	if (strcmp(state, "exported") != 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("export %lld of account \"%s\" is already %s",
					   (long long) export_id, account->name, state),
				strcmp(state, "cancelled") == 0 ?
				errhint("Its changes are still pending; export them again.") : 0);
	if (sql_run_latest(account,
					   "SELECT export_id FROM @account.exports"
					   " WHERE export_id > $1 AND state <> 'cancelled'"
					   " ORDER BY export_id DESC LIMIT 1",
					   1, (SqlArgument[]) {SQL_INT8(export_id)}) > 0)
	{
		long long	newer = (long long) sql_int64(0, 0);

		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("export %lld of account \"%s\" was superseded by export %lld",
					   (long long) export_id, account->name, newer),
				errdetail("Export %lld holds again whatever of export %lld was not confirmed before.",
						  newer, (long long) export_id),
				errhint("Upload and confirm export %lld, or cancel it first.", newer));
	}
	if (sql_run(account, "SELECT FROM @account.exports WHERE export_id = $1 AND is_overtaken",
				1, (SqlArgument[]) {SQL_INT8(export_id)}) > 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("export %lld of account \"%s\" cannot be confirmed any more",
					   (long long) export_id, account->name),
				errdetail("A later export, which was cancelled, has put people together who were deleted and "
						  "made again since, and whom this one is about too."),
				errhint("If its files were uploaded, tell what the vendor has now with orgsync.import_remote()."));
}

/* The columns in the current row of the last result, as a signature. */
static char *
result_signature(int row, int column)
{
	bool		isnull;
	Datum	   *elements;
	int			count;
	char	  **headers;

	deconstruct_array(DatumGetArrayTypeP(sql_value(row, column, &isnull)), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &count);
	headers = palloc(Max(count, 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
		headers[i] = TextDatumGetCString(elements[i]);
	return export_columns_signature(headers, count);
}

/* Finds the files that are to be confirmed: that one, or all that are not yet. */
static void
find_files(Confirmation *confirmation, const int *seq)
{
	bool		isnull;

	confirmation->file_count =
		(int) sql_run(confirmation->account,
					  "SELECT seq, coalesce(columns, '{}'::text[]), coalesce(forgotten_rows, 0)"
					  " FROM @account.export_files"
					  " WHERE export_id = $1 AND confirmed_at IS NULL AND ($2 IS NULL OR seq = $2)"
					  " ORDER BY seq",
					  2, (SqlArgument[])
					  {
						  SQL_INT8(confirmation->export_id),
						  seq != NULL ? SQL_INT4(*seq) : SQL_NULL(INT4OID)
					  });
	confirmation->files = palloc(Max(confirmation->file_count, 1) * sizeof(ConfirmFile));
	for (int i = 0; i < confirmation->file_count; i++)
	{
		confirmation->files[i].seq = DatumGetInt32(sql_value(i, 0, &isnull));
		confirmation->files[i].columns = result_signature(i, 1);
		confirmation->files[i].forgotten_rows = sql_int64(i, 2);
		confirmation->files[i].has_results = false;
	}
	SPI_freetuptable(SPI_tuptable);

	if (seq == NULL || confirmation->file_count > 0)
		return;
	if (sql_run(confirmation->account,
				"SELECT FROM @account.export_files WHERE export_id = $1 AND seq = $2",
				2, (SqlArgument[]) {SQL_INT8(confirmation->export_id), SQL_INT4(*seq)}) > 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("file %d of export %lld is already confirmed", *seq,
					   (long long) confirmation->export_id));
	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("export %lld has no file %d", (long long) confirmation->export_id, *seq),
			errhint("See %s.export_files.", confirmation->account->quoted_name));
}

/* Runs a statement about the export, $1. */
uint64
export_confirm_run(const Confirmation *confirmation, const char *statement)
{
	SqlArgument export_id = SQL_INT8(confirmation->export_id);

	return sql_run_about(confirmation->account, statement, confirmation->row_count, 1, &export_id);
}

/*
 * Marks the files as confirmed, and the export too if these were the last ones:
 * then what is left of its changes goes, and whoever was deleted is a leaver.
 */
static void
confirm_files(const Confirmation *confirmation)
{
	SqlArgument export_id = SQL_INT8(confirmation->export_id);

	for (int i = 0; i < confirmation->file_count; i++)
		(void) sql_run(confirmation->account,
					   "UPDATE @account.export_files SET confirmed_at = now()"
					   " WHERE export_id = $1 AND seq = $2",
					   2, (SqlArgument[]) {export_id, SQL_INT4(confirmation->files[i].seq)});
	if (sql_run(confirmation->account,
				"SELECT FROM @account.export_files"
				" WHERE export_id = $1 AND confirmed_at IS NULL LIMIT 1",
				1, &export_id) > 0)
	{
		if (!confirmation->is_full)
			export_leavers_pass_keys_on(confirmation);
		return;
	}

	if (confirmation->is_full)
	{
		(void) sql_run(confirmation->account, "DELETE FROM @account.leavers", 0, NULL);
		(void) export_confirm_run(confirmation, forget_others);
	}
	else
		export_leavers_make(confirmation);
	(void) export_confirm_run(confirmation,
					 CHANGES_KEPT("DELETE FROM @account.changes c WHERE change_id <@ " CHANGES_READ));
	if (!confirmation->is_full)
		export_leavers_pass_keys_on(confirmation);
	(void) sql_run(confirmation->account,
				   "UPDATE @account.exports"
				   " SET state = 'confirmed', confirmed_by = CURRENT_USER, confirmed_at = now()"
				   " WHERE export_id = $1",
				   1, &export_id);
}

/* confirm_export() with the results, if any, as UTF-8. */
static void
confirm_export(FunctionCallInfo fcinfo, const char *results, size_t results_length)
{
	Confirmation confirmation;
	int			seq = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	ExportResults *refusals = NULL;
	bool		isnull;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("account and export_id must not be null"));

	SPI_connect();
	confirmation.account = account_open(PG_GETARG_OID(0));
	confirmation.export_id = PG_GETARG_INT64(1);
	account_lock(confirmation.account, ACCOUNT_LOCK_EXPORT, 0, ExclusiveLock);
	check_can_be_confirmed(confirmation.account, confirmation.export_id);
	(void) sql_run(confirmation.account,
				   "SELECT e.is_full, (SELECT coalesce(sum(f.row_count), 0)::bigint FROM @account.export_files AS f"
				   " WHERE f.export_id = e.export_id) FROM @account.exports AS e WHERE e.export_id = $1",
				   1, (SqlArgument[]) {SQL_INT8(confirmation.export_id)});
	confirmation.is_full = DatumGetBool(sql_value(0, 0, &isnull));
	confirmation.row_count = sql_int64(0, 1);
	find_files(&confirmation, PG_ARGISNULL(3) ? NULL : &seq);

	if (results != NULL)
	{
		refusals = export_results_read(confirmation.account->product, results, results_length);
		refuse_rows(&confirmation, refusals);
	}
	if (!PG_ARGISNULL(3) || (results != NULL && !confirmation.is_full))
		confirm_rows(&confirmation, refusals);
	confirm_files(&confirmation);
	SPI_finish();
}

/* confirm_export(account regnamespace, export_id bigint, results bytea, seq int) */
Datum
orgsync_confirm_export(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(2))
		confirm_export(fcinfo, NULL, 0);
	else
	{
		bytea	   *results = PG_GETARG_BYTEA_PP(2);

		confirm_export(fcinfo, VARDATA_ANY(results), VARSIZE_ANY_EXHDR(results));
	}
	PG_RETURN_VOID();
}

/* The same with the results as text. */
Datum
orgsync_confirm_export_text(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(2))
		confirm_export(fcinfo, NULL, 0);
	else
	{
		char	   *results = text_to_cstring(PG_GETARG_TEXT_PP(2));
		size_t		length = strlen(results);

		results = export_to_utf8(results, &length);
		confirm_export(fcinfo, results, length);
	}
	PG_RETURN_VOID();
}

/* cancel_export(account regnamespace, export_id bigint) */
Datum
orgsync_cancel_export(PG_FUNCTION_ARGS)
{
	int64		export_id = PG_GETARG_INT64(1);
	Account    *account;

	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	account_lock(account, ACCOUNT_LOCK_EXPORT, 0, ExclusiveLock);
	if (strcmp(lock_export(account, export_id), "confirmed") == 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("export %lld of account \"%s\" is already confirmed",
					   (long long) export_id, account->name),
				errdetail("The vendor has taken it, so it cannot be cancelled."));
	(void) sql_run(account, "UPDATE @account.exports SET state = 'cancelled' WHERE export_id = $1",
				   1, (SqlArgument[]) {SQL_INT8(export_id)});
	SPI_finish();
	PG_RETURN_VOID();
}
