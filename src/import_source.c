/*
 * import_source.c
 *		Which feed set a cell, and conflicts between feeds.
 *
 * Which import changed a cell, and by which line, stands in the change log (see
 * change_log.c): while a file is applied, the log is told on whose behalf that is
 * done.  What a profile is made with has no rows there: that comes from the feed
 * that made it, which is the only one to have brought it as long as no other has.
 * So a first import writes nothing of the kind.
 *
 * An import that changes a cell meets a conflict if
 *
 *	- another feed changed the cell last, or
 *	- no feed has changed it, it is not empty, and only other feeds have brought
 *	  the profile so far.
 *
 * The later import wins all the same, and is the cell's source from then on: the
 * same file once more changes nothing, and so is no conflict.  Changes that were
 * made by other means than an import have no feed and are passed over.
 *
 * The log is asked only if there is another feed.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

/* Conflicts are fetched so many at a time; if few cells change, all at once. */
#define FETCH_COUNT	1000
#define FEW_CELLS	100

/*
 * Notes that a row changes a cell of a profile that there is; present NULL: of a
 * new one, whose source is known.  column_name: as "changes" has it; column: the
 * file's that says so, or NO_COLUMN; was_set: the cell was not empty.
 */
void
import_note_cell(Import *import, const PresentProfile *present, const char *column_name, int column,
				 bool was_set, int64 line)
{
	if (present != NULL)
		import_change_cell(import->changes, present->profile_id, column_name,
						   column == NO_COLUMN ? NULL : import->columns[column].header, was_set, line);
}

/* The file's first column of that kind, or else of the other; NO_COLUMN if there is none. */
static int
column_of_kind(const Import *import, column_kind kind, column_kind other)
{
	int			found = NO_COLUMN;

	for (int i = import->column_count - 1; i >= 0; i--)
		if (import->columns[i].kind == kind ||
			(import->columns[i].kind == other && (found == NO_COLUMN || import->columns[found].kind == other)))
			found = i;
	return found;
}

static void
note_value(Import *import, const ImportRow *row, const PresentProfile *present, const char *column_name,
		   int column, const char *before, const char *after)
{
	/* nothing and an empty string are the same to the vendor */
	if (strcmp(before ? before : "", after ? after : "") != 0)
		import_note_cell(import, present, column_name, column, before != NULL && before[0] != '\0', row->line);
}

static void
note_attributes(Import *import, const ImportRow *row, const PresentProfile *present, const ProfileValues *after)
{
	for (int i = 0; i < import->column_count; i++)
	{
		const char *attribute = import->columns[i].attribute;
		bool		is_noted = false;

		if (attribute == NULL || row->cells[i].text == NULL)
			continue;
		/* two kinds of columns may set one attribute */
		for (int j = 0; j < i; j++)
			is_noted = is_noted || (import->columns[j].attribute != NULL && row->cells[j].text != NULL &&
									strcmp(import->columns[j].attribute, attribute) == 0);
		if (!is_noted)
			note_value(import, row, present, psprintf("attribute_%s", attribute), i,
					   import_attribute_of(present->values.attributes, attribute),
					   import_attribute_of(after->attributes, attribute));
	}
}

/* Notes the values of a profile that the row changes; present NULL: it is a new one. */
void
import_note_values(Import *import, const ImportRow *row, const PresentProfile *present,
				   const ProfileValues *after)
{
	const ProfileValues *before;

	if (present == NULL)
		return;
	before = &present->values;
	note_value(import, row, present, "primary_email_address", import->email_column,
			   before->primary_email_address, after->primary_email_address);
	note_value(import, row, present, "unique_user_id",
			   row->new_unique_user_id ? import->new_user_id_column : import->user_id_column,
			   before->unique_user_id, after->unique_user_id);
	note_value(import, row, present, "preferred_first_name",
			   column_of_kind(import, COLUMN_PREFERRED_FIRST_NAME, COLUMN_FULL_NAME),
			   before->preferred_first_name, after->preferred_first_name);
	note_value(import, row, present, "preferred_last_name",
			   column_of_kind(import, COLUMN_PREFERRED_LAST_NAME, COLUMN_FULL_NAME),
			   before->preferred_last_name, after->preferred_last_name);
	note_value(import, row, present, "work_title", column_of_kind(import, COLUMN_WORK_TITLE, COLUMN_WORK_TITLE),
			   before->work_title, after->work_title);
	note_attributes(import, row, present, after);
}

/* Is there any other feed? */
static bool
has_other_feeds(Import *import)
{
	SqlArgument feed = sql_text(import->options.feed);
	bool		found = sql_run(import->account, "SELECT FROM @account.feeds WHERE feed <> $1 LIMIT 1", 1, &feed) > 0;

	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* The feeds that brought the profile of a changed cell. */
#define BRINGING_FEEDS \
	"@account.feed_profiles AS f WHERE f.segment = " FEED_SEGMENT("c.profile_id") " AND f.profile_ids @> c.profile_id"

/* The last change of a cell by an import that was not undone; it may be pending, or the vendor has heard of it. */
static const char conflicts_query[] =
	"SELECT c.line, c.header, coalesce(c.header, c.column_name), coalesce(s.feed,"
	" (SELECT min(f.feed) FROM " BRINGING_FEEDS " AND f.feed <> $1))"
	" FROM changed_cells AS c LEFT JOIN LATERAL"
	" (SELECT i.feed FROM (SELECT change_id, import_id FROM @account.changes"
	"   WHERE profile_id = c.profile_id AND column_name = c.column_name AND import_id IS NOT NULL"
	"  UNION ALL SELECT change_id, import_id FROM @account.past_changes"
	"   WHERE profile_id = c.profile_id AND column_name = c.column_name AND import_id IS NOT NULL) AS l"
	"  JOIN @account.imports AS i ON i.import_id = l.import_id"
	"  WHERE i.state = 'applied' AND i.feed IS NOT NULL ORDER BY l.change_id DESC LIMIT 1) AS s ON true"
	" WHERE CASE WHEN s.feed IS NULL THEN c.was_set AND EXISTS (SELECT FROM " BRINGING_FEEDS " AND f.feed <> $1)"
	"  AND NOT EXISTS (SELECT FROM " BRINGING_FEEDS " AND f.feed = $1) ELSE s.feed <> $1 END"
	" ORDER BY c.line, c.column_name";

/* Reports the conflicts of a result, and frees it. */
static void
report_conflicts(Import *import)
{
	MemoryContext old_context;

	MemoryContextReset(import->row_context);
	old_context = MemoryContextSwitchTo(import->row_context);
	for (int i = 0; i < (int) SPI_processed; i++)
		import_report(import, FINDING_FEED_CONFLICT, sql_int64(i, 0), sql_string(i, 1), NULL, 2,
					  sql_string(i, 2), sql_string(i, 3));
	MemoryContextSwitchTo(old_context);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Reports the cells that another feed has set and that this import changes.  To
 * be called when all rows are decided, and before anything is written.
 */
void
import_report_conflicts(Import *import)
{
	int64		count = import_changes_count(import->changes, CHANGE_CELLS);
	SqlArgument feed = sql_text(import->options.feed);
	Portal		portal;
	uint64		processed;

	if (count == 0 || !has_other_feeds(import))
		return;
	sql_register("changed_cells", import_changes_rows(import->changes, CHANGE_CELLS),
				 import_changes_descriptor(import->changes, CHANGE_CELLS), count);
	if (count <= FEW_CELLS)
	{
		(void) sql_run_over(import->account, conflicts_query, count, 1, &feed);
		report_conflicts(import);
		sql_unregister("changed_cells");
		return;
	}
	portal = sql_open(import->account, conflicts_query, 1, &feed);
	do
	{
		SPI_cursor_fetch(portal, true, FETCH_COUNT);
		processed = SPI_processed;
		report_conflicts(import);
		CHECK_FOR_INTERRUPTS();
	} while (processed > 0);
	SPI_cursor_close(portal);
	sql_unregister("changed_cells");
}

/* ---- on whose behalf the account is changed ---- */

static int
compare_runs(const void *a, const void *b)
{
	return compare_int64s(&((const ChangeRun *) a)->profile_id, &((const ChangeRun *) b)->profile_id);
}

/* The lines of those that there were and that change, sorted by profile, a run each. */
static ChangeRun *
collect_lines(Import *import, int64 *count)
{
	TupleDesc	descriptor = import_changes_descriptor(import->changes, CHANGE_CELLS);
	Tuplestorestate *cells = import_changes_rows(import->changes, CHANGE_CELLS);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);
	int64		cell_count = import_changes_count(import->changes, CHANGE_CELLS);
	ChangeRun  *runs = MemoryContextAllocHuge(import->attempt_context, sizeof(ChangeRun) * Max(cell_count, 1));

	*count = 0;
	tuplestore_select_read_pointer(cells, 0);
	tuplestore_rescan(cells);
	while (tuplestore_gettupleslot(cells, true, false, slot))
	{
		int64		profile_id = slot_int64(slot, 1);

		if (*count == 0 || runs[*count - 1].profile_id != profile_id)
			runs[(*count)++] = (ChangeRun) {profile_id, slot_int64(slot, descriptor->natts), 1};
	}
	ExecDropSingleTupleTableSlot(slot);
	qsort(runs, *count, sizeof(ChangeRun), compare_runs);
	return runs;
}

/*
 * From now on, what this session changes in the account it changes on behalf of
 * the import.  To be called when all rows are decided; the caller restores
 * what was before; see change_log_save_source().
 */
void
import_source_set(Import *import)
{
	ChangeSource source = {.import_id = import->import_id};

	source.new_profiles = import->new_runs;
	source.new_count = import->new_run_count;
	source.lines = collect_lines(import, &source.line_count);
	change_log_set_source(import->account, &source);
}
