/*
 * import_run.c
 *		Runs an import, phase by phase.
 *
 *	 1. read	The records are parsed, checked by themselves and staged; see
 *				import_records.c.  This may take long and locks nothing.
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
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/* What a batch of rows of a first import needs; it is not given back in between. */
#define ROW_MEMORY	(128 * 1024)

/* So often the second phase is tried, if other sessions get in between. */
#define MAX_ATTEMPTS 3

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
	import->row_context = AllocSetContextCreate(context, "orgsync row", ROW_MEMORY, ROW_MEMORY,
												ALLOCSET_DEFAULT_MAXSIZE);
	import->attempt_context = AllocSetContextCreate(context, "orgsync attempt", ALLOCSET_DEFAULT_SIZES);
	import->started_at = GetCurrentTimestamp();
	import->findings = import_findings_create();
	import->staging = import_staging_create();
	import->emails = import_keys_create();
	import->user_ids = import_keys_create();
	return import;
}

/* ---- second phase: write ---- */

/* The sequence behind an identity column. */
Oid
import_identity_sequence(const Account *account, const char *table, AttrNumber column)
{
	Relation	relation = table_open(get_relname_relid(table, account->namespace_oid), AccessShareLock);
	Oid			sequence = compat_identity_sequence(relation, column);

	table_close(relation, AccessShareLock);
	return sequence;
}

/* The import_id is taken before the row in "imports" is written: what the import sets refers to it. */
static void
take_import_id(Import *import)
{
	/* like an INSERT, this needs no privilege on the sequence */
	if (import->import_id == 0)
		import->import_id = nextval_internal(import_identity_sequence(import->account, "imports",
																	  IMPORTS_IMPORT_ID), false);
}

static void
begin_attempt(Import *import)
{
	MemoryContextReset(import->row_context);
	MemoryContextReset(import->attempt_context);
	memset(&import->counts, 0, sizeof(import->counts));
	import->targets = NULL;
	import->address_holders = NULL;
	import->named = NULL;
	import->named_count = import->named_capacity = 0;
	import->direct = NULL;
	import->brought = import->absent = (Datum) 0;
	import->new_runs = NULL;
	import->new_run_count = import->new_run_capacity = 0;
}

/* Must the file be read once more? */
static bool
must_read_again(const Import *import)
{
	return import->lacks_rows || import_unchanged_must_read_again(import);
}

/*
 * Finds the profiles and decides on the rows, until every address is free that
 * was counted on.  New profiles are written on the way, so each try is a
 * subtransaction of its own.  False if the file has to be read once more.
 */
static bool
decide(Import *import)
{
	ResourceOwner old_owner = CurrentResourceOwner;
	MemoryContext old_context = CurrentMemoryContext;
	bool		is_decided = false;

	import_unchanged_check(import);
	while (!is_decided && !must_read_again(import))
	{
		import_progress_phase(import, "profiles");
		begin_attempt(import);
		MemoryContextSwitchTo(import->attempt_context);
		import->changes = import_changes_create(import);
		MemoryContextSwitchTo(old_context);
		BeginInternalSubTransaction(NULL);
		MemoryContextSwitchTo(old_context);
		import_resolve(import);
		is_decided = !import_unchanged_must_read_again(import) && import_decide(import);
		if (is_decided)
			ReleaseCurrentSubTransaction();
		else
		{
			RollbackAndReleaseCurrentSubTransaction();
			import_changes_end(import->changes);
			import_findings_restart(import->findings);
			import->lacks_rows = import_staging_is_drained(import->staging);
		}
		MemoryContextSwitchTo(old_context);
		CurrentResourceOwner = old_owner;
	}
	import_staging_unregister();
	if (!is_decided)
		return false;
	for (int64 i = 0; i < import_staging_count(import->staging); i++)
		import->counts.rejected += import->targets[i].state == ROW_REJECTED;
	import->counts.unchanged += import_unchanged_count(import);
	return true;
}

/* Changes the account's tables, on the import's behalf; see import_apply.c. */
static void
apply(Import *import, bool row_by_row, int64 *failing_line)
{
	ChangeSourceState before;

	import_progress_phase(import, "changes");
	take_import_id(import);
	import_unchanged_collect(import);
	import_seats_watch(import);
	before = change_log_save_source();
	PG_TRY();
	{
		import_source_set(import);
		import_note_absence(import);
		if (!import->refused && row_by_row)
			import_apply_row_by_row(import, failing_line);
		else if (!import->refused)
			import_apply(import);
	}
	PG_FINALLY();
	{
		import_seats_watch_end();
		import_unchanged_collect_end();
		change_log_restore_source(&before);
	}
	PG_END_TRY();
}

/* What a subtransaction of the second phase does. */
typedef void (*AttemptStep) (Import *import, int64 *failing_line);

static void
write_all(Import *import, int64 *unused)
{
	(void) unused;
	if (import->is_again)
		account_lock(import->account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	import_make_groups(import);
	if (!decide(import))
		return;
	if (import->options.stop_on_error && import_findings_count(import->findings, SEVERITY_ERROR) > 0)
	{
		import->refused = true;
		return;
	}
	import_report_conflicts(import);
	apply(import, false, NULL);
	if (import->refused)
		return;
	import_progress_phase(import, "feed_records");
	import_unchanged_store(import);
	import_changes_end(import->changes);
}

static void
write_remote(Import *import, int64 *unused)
{
	(void) unused;
	begin_attempt(import);
	take_import_id(import);
	import_staging_register(import);
	import_remote_apply(import);
	import_staging_unregister();
}

static void
write_row_by_row(Import *import, int64 *failing_line)
{
	import_make_groups(import);
	if (decide(import))
		apply(import, true, failing_line);
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
	int			nest_level = GetCurrentTransactionNestLevel();

	import_findings_mark(import->findings);
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	PG_TRY();
	{
		step(import, failing_line);
		if (keep && !import->refused && !must_read_again(import))
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(import->context);
		error = CopyErrorData();
		FlushErrorState();
		/* decide() may have been in a subtransaction of its own */
		while (GetCurrentTransactionNestLevel() > nest_level)
			RollbackAndReleaseCurrentSubTransaction();
		import_changes_unregister();
		import_staging_unregister();
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
		case ERRCODE_T_R_DEADLOCK_DETECTED: /* what this attempt had locked is free again */
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
	AttemptStep step = import->options.is_remote ? write_remote : write_all;
	int64		failing_line = 0;
	ErrorData  *error;

	import_progress_phase(import, "profiles");
	account_lock(import->account, ACCOUNT_LOCK_IMPORT, 0, ExclusiveLock);
	for (int attempt = 1;; attempt++)
	{
		bool		retries;

		import->losing_rows = import->withheld_rows = NULL;
		error = try_step(import, step, !import->options.dry_run, NULL);
		if (error == NULL)
			return;
		import_findings_forget(import->findings);
		retries = attempt < MAX_ATTEMPTS && is_worth_retrying(error);
		if (!retries && !is_refusal(error))
			ReThrowError(error);
		import->is_again = import->is_again || retries;
		import->lacks_rows = import_staging_is_drained(import->staging);
		if (import->lacks_rows)
			return;
		if (!retries)
			break;
	}

	/* the error names a constraint; where it was met, the rows tell one by one */
	import->by_statements = true;
	if (!import->options.is_remote)
	{
		ErrorData  *of_row = try_step(import, write_row_by_row, false, &failing_line);

		if (of_row != NULL && failing_line != 0 && is_refusal(of_row))
			error = of_row;
		else
			failing_line = 0;
	}
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
	"INSERT INTO @account.imports AS i (import_id, state, feed, source, mode, header, started_at, finished_at, rows_read,"
	" created, updated, unchanged, absent, rejected, warnings, seats_granted, seats_revoked, invitations,"
	" encoding, delimiter, message, notes) OVERRIDING SYSTEM VALUE"
	" SELECT $12, $1, $2, $3, $4, $5, $6, clock_timestamp(), n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10],"
	" $8, $9, $10, $11"
	" FROM (SELECT $7::bigint[]) AS counts (n)"
	" RETURNING ROW (i.*)::import_summary";

/* Writes the row in "imports" and the findings; returns the summary. */
static Datum
note_import(Import *import)
{
	const ImportCounts *counts = &import->counts;
	SqlArgument arguments[12];
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

	arguments[0] = sql_text(import->refused ? "refused" : import->options.dry_run ? "dry_run" : "applied");
	arguments[1] = sql_text(import->options.feed);
	arguments[2] = sql_text(import->options.source);
	arguments[3] = sql_text(import->options.is_remote ? "remote" : import->options.full ? "full" : "patch");
	arguments[4] = SQL_DATUM(TEXTARRAYOID, header_datum(import));
	arguments[5] = SQL_DATUM(TIMESTAMPTZOID, TimestampTzGetDatum(import->started_at));
	arguments[6] = sql_int8_array((const int64 *) counts, 10);
	/* a table is written in no way */
	arguments[7] = sql_text(import->delimiter ? csv_encoding_name(import->encoding) : NULL);
	arguments[8] = sql_text(import->delimiter ? psprintf("%c", import->delimiter) : NULL);
	arguments[9] = sql_text(import->options.message);
	arguments[10] = sql_text(import->options.notes);
	take_import_id(import);
	arguments[11] = SQL_INT8(import->import_id);
	(void) sql_write(import->account, note_query, 12, arguments);
	summary = SPI_datumTransfer(sql_value(0, 0, &isnull), false, -1);
	if (!import->refused && !import->options.dry_run)
		import_effects_write(import);
	import_staging_end(import->staging);
	import_findings_write(import);
	return summary;
}

StaticAssertDecl(sizeof(ImportCounts) == 10 * sizeof(int64), "note_import() writes ten counts");

/*
 * Reads the file once more, in an import like the one that has read it, and keeps its rows
 * if that is why.
 */
static Import *
read_again(Import *before)
{
	Import	   *import;

	import_staging_end(before->staging);
	import_findings_end(before->findings);
	MemoryContextSwitchTo(MemoryContextGetParent(before->context));
	import = import_create();
	import->account = before->account;
	import->options = before->options;
	import->rules = before->rules;
	import->started_at = before->started_at;
	import->import_id = before->import_id;
	import->source = before->source;
	import->unchanged = before->unchanged;
	import->is_again = before->is_again;
	import->keeps_rows = before->keeps_rows || before->lacks_rows;
	import->source.rewind(import->source.context);
	import_read_file(import);
	return import;
}

/*
 * The second and third phase: writes and notes what was read.  Returns the
 * import_summary, in the caller's memory, and ends the SPI connection.
 */
Datum
import_finish(Import *import)
{
	Datum		summary;

	while (!import->refused)
	{
		if (!must_read_again(import))
			write_file(import);
		if (!must_read_again(import))
			break;
		import = read_again(import);
	}
	import_unchanged_end(import);
	import_progress_phase(import, "import_findings");
	summary = note_import(import);
	import_progress_end();
	SPI_finish();
	return summary;
}
