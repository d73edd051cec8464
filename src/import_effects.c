/*
 * import_effects.c
 *		What an import did that its changed cells do not tell.
 *
 * The cells that an import changed stand in "changes" and later in
 * "past_changes".  Not so what a profile was made with, or a first import would
 * write as many rows there as there are cells.  It is enough to know which line of
 * which import made a profile: "made_profiles" has a row for each run of ids that
 * were made by lines in a row, so that a million of them are a few rows.
 *
 * "import_effects" has the groups that were made, whom the feed brought for the
 * first time, and who was absent, all of which orgsync.undo_import() takes back.
 * An import that did nothing of the kind has no row there.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "sql.h"
#include "utils/memutils.h"

static const char effects_query[] =
	"INSERT INTO @account.import_effects (import_id, groups, brought, absent)"
	" VALUES ($1, $2, coalesce($3, '{}'), coalesce($4, '{}'))";

static const char made_query[] =
	"INSERT INTO @account.made_profiles (first_profile_id, number, import_id, first_line)"
	" SELECT profile_id, number, $1, line FROM unnest($2, $3, $4) AS r (profile_id, line, number)"
	/* whoever empties "profiles" may let its ids begin anew */
	" ON CONFLICT (first_profile_id) DO UPDATE SET number = excluded.number, import_id = excluded.import_id,"
	" first_line = excluded.first_line";

/* The runs' member at that offset, as an array. */
static SqlArgument
runs_array(const Import *import, size_t offset)
{
	int64	   *values = MemoryContextAllocHuge(import->attempt_context,
												sizeof(int64) * Max(import->new_run_count, 1));

	for (int64 i = 0; i < import->new_run_count; i++)
		values[i] = *(const int64 *) ((const char *) &import->new_runs[i] + offset);
	return sql_int8_array(values, (int) import->new_run_count);
}

static SqlArgument
set_argument(Datum set)
{
	return set == (Datum) 0 ? SQL_NULL(INT8MULTIRANGEOID) : SQL_DATUM(INT8MULTIRANGEOID, set);
}

static void
write_made_profiles(Import *import)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	SqlArgument arguments[] = {
		SQL_INT8(import->import_id),
		runs_array(import, offsetof(ChangeRun, profile_id)),
		runs_array(import, offsetof(ChangeRun, line)),
		runs_array(import, offsetof(ChangeRun, count))
	};

	MemoryContextSwitchTo(old_context);
	(void) sql_write(import->account, made_query, 4, arguments);
}

/* Writes what there is to say of the import.  To be called when it is applied. */
void
import_effects_write(Import *import)
{
	MemoryContext old_context;
	SqlArgument arguments[4];

	if (import->new_run_count > 0)
		write_made_profiles(import);
	if (import->made_group_count == 0 && import->brought == (Datum) 0 && import->absent == (Datum) 0)
		return;
	old_context = MemoryContextSwitchTo(import->attempt_context);
	arguments[0] = SQL_INT8(import->import_id);
	arguments[1] = sql_int8_array(import->made_groups, import->made_group_count);
	arguments[2] = set_argument(import->brought);
	arguments[3] = set_argument(import->absent);
	MemoryContextSwitchTo(old_context);
	(void) sql_write(import->account, effects_query, 4, arguments);
}
