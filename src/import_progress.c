/*
 * import_progress.c
 *		Shows in pg_stat_progress_copy how far an import is.
 *
 * The view's columns mean for an import:
 *
 *		relid				the table that it works on, which tells the phase: "imports"
 *							while the file is read, "profiles" while the rows are decided and
 *							new people written, "changes" while all else is written,
 *							"feed_records" and "import_findings" at the end
 *		bytes_processed		of the file, bytes_total its size (0 if that is not known)
 *		tuples_processed	records read that are not unchanged; then so many of them are
 *							decided; then the share of them that goes with what is written,
 *							entries of indexes and findings
 *		tuples_excluded		records that are unchanged
 *
 * A subtransaction that is rolled back ends what is shown, so each phase begins
 * with all of it.
 */
#include "import.h"

#include "commands/progress.h"
#include "import_progress.h"
#include "pgstat.h"
#include "utils/lsyscache.h"

/* Work that goes in steps which are no rows: how many, of how many, and of how many rows. */
static struct
{
	int64		done;
	int64		total;			/* 0: there is none */
	int64		rows;
}			steps;

/* The import begins to work on that table of the account's. */
void
import_progress_phase(Import *import, const char *table)
{
	static const int parameters[] = {
		PROGRESS_COPY_COMMAND, PROGRESS_COPY_TYPE, PROGRESS_COPY_BYTES_PROCESSED, PROGRESS_COPY_BYTES_TOTAL,
		PROGRESS_COPY_TUPLES_PROCESSED, PROGRESS_COPY_TUPLES_EXCLUDED
	};
	int64		values[] = {
		PROGRESS_COPY_COMMAND_FROM, PROGRESS_COPY_TYPE_CALLBACK, import->bytes_read, import->source.size,
		0, import_unchanged_count(import)
	};

	steps.total = 0;
	if (!import_has_account(import))
		return;
	pgstat_progress_start_command(PROGRESS_COMMAND_COPY,
								  get_relname_relid(table, import->account->namespace_oid));
	pgstat_progress_update_multi_param(lengthof(parameters), parameters, values);
}

/* So far has the file been read. */
void
import_progress_read(Import *import, int64 bytes)
{
	import->bytes_read = bytes;
	pgstat_progress_update_param(PROGRESS_COPY_BYTES_PROCESSED, bytes);
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, import->row_count - import_unchanged_count(import));
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_EXCLUDED, import_unchanged_count(import));
}

/* So many rows have been decided. */
void
import_progress_rows(int64 count)
{
	pgstat_progress_update_param(PROGRESS_COPY_TUPLES_PROCESSED, count);
}

/* What is to be done now for all rows takes so many steps: they are shown as a share of the rows. */
void
import_progress_steps(Import *import, int64 total)
{
	steps.done = 0;
	steps.total = total;
	steps.rows = import->row_count - import_unchanged_count(import);
}

/* So many steps more have been done; without effect if nobody has said how many there are. */
void
import_progress_step(int64 count)
{
	if (steps.total == 0)
		return;
	steps.done = Min(steps.done + count, steps.total);
	import_progress_rows((int64) ((double) steps.done / steps.total * steps.rows));
}

void
import_progress_end(void)
{
	steps.total = 0;
	pgstat_progress_end_command();
}
