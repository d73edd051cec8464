/*
 * change_log_write.c
 *		Writes the rows of "changes", and says who has changed a cell.
 *
 * See change_log.c for what the rows mean.  A statement may change a million
 * cells, so the rows are put into pages many at a time, below the executor, by
 * table_writer.c.  Where the table's owner has added to it what an INSERT would
 * heed, the rows are collected and go through one at the end.
 *
 * Who has changed a cell is the role that runs the statement, unless the session
 * has set a source: the import that it is running.
 *
 * Memory: a log lives in the memory context that was current when it was begun.
 */
#include "change_log.h"

#include "access/xact.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "feed_records.h"
#include "miscadmin.h"
#include "sql.h"
#include "table_writer.h"
#include "trigger_rows.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

/* The columns of "changes"; those that most rows have no value for come last, see row_pattern.c. */
enum
{
	CHANGE_ID, PROFILE_ID, CHANGED_AT, IMPORT_ID, LINE, COLUMN_NAME, VENDOR_VALUE, CHANGED_BY, FORMER_SINCE,
	FORMER_STATUS, COLUMN_COUNT
};

static const WrittenTable changes_table = {
	.name = "changes",
	.column_count = COLUMN_COUNT,
	.columns = {
		{"change_id", INT8OID, NULL, true, false},
		{"profile_id", INT8OID, NULL, true, false},
		{"changed_at", TIMESTAMPTZOID, NULL, false, false},
		{"import_id", INT8OID, NULL, false, false},
		{"line", INT8OID, NULL, false, false},
		{"column_name", TEXTOID, NULL, false, false},
		{"vendor_value", TEXTOID, NULL, false, false},
		{"changed_by", TEXTOID, NULL, false, false},
		{"former_since", TIMESTAMPTZOID, NULL, false, false},
		{"former_status", InvalidOid, "seat_status", false, false}
	}
};

/* More than "profiles" has columns that are cells. */
#define MAX_NAMES		8

struct ChangeLog
{
	const Account *account;
	TableWriter *writer;		/* NULL: an INSERT will have to do */
	Tuplestorestate *rows;		/* for the INSERT */
	TupleDesc	descriptor;		/* of these */
	MemoryContext row_context;	/* holds what a row is made of */
	ProfileList written;		/* what feeds brought of them is no longer as it came */

	/* the row that is being made */
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT];

	/* what every row says */
	const ChangeSource *source;
	Datum		changed_at;
	Datum		changed_by;		/* 0: the import did */

	/* names of columns of profiles, by address, as texts */
	int			name_count;
	const char *names[MAX_NAMES];
	Datum		name_texts[MAX_NAMES];
};

/* ---- on whose behalf ---- */

static Oid	source_account = InvalidOid;
static ChangeSource current_source;

/* Addresses of profiles that are parked meanwhile; see change_log_park(). */
typedef struct ParkedAddress
{
	int64		profile_id;		/* hash key */
	Datum		address;
} ParkedAddress;

static HTAB *parked_addresses = NULL;

/*
 * What this session changes in the account from now on, it changes on behalf of
 * the source, which is copied (its arrays are not).  Between change_log_save_source()
 * and change_log_restore_source().
 */
void
change_log_set_source(const Account *account, const ChangeSource *source)
{
	source_account = account->namespace_oid;
	current_source = *source;
}

/*
 * To be called before, because a trigger of the owner's may import into another account
 * while a file is applied: then it goes on on behalf of the first.
 */
ChangeSourceState
change_log_save_source(void)
{
	ChangeSourceState before = {source_account, current_source, parked_addresses};

	parked_addresses = NULL;
	return before;
}

/* Ends what was set since; must be called also after an error. */
void
change_log_restore_source(const ChangeSourceState *before)
{
	if (parked_addresses != NULL)
		hash_destroy(parked_addresses);
	source_account = before->account;
	current_source = before->source;
	parked_addresses = before->parked_addresses;
}

/* The source that is set for the account, or NULL. */
const ChangeSource *
change_log_source(const Account *account)
{
	return source_account == account->namespace_oid ? &current_source : NULL;
}

/*
 * The source gives the profile an address that nobody has, for a moment: that is
 * no change.  address is the one that it really has.
 */
void
change_log_park(int64 profile_id, Datum address)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopTransactionContext);
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(ParkedAddress),
	.hcxt = TopTransactionContext};
	ParkedAddress *entry;
	bool		found;

	if (parked_addresses == NULL)
		parked_addresses = hash_create("orgsync parked addresses", 64, &control,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	entry = hash_search(parked_addresses, &profile_id, HASH_ENTER, &found);
	if (!found)
		entry->address = datumCopy(address, false, -1);
	MemoryContextSwitchTo(old_context);
}

/* The address that the profile really had, given the one that the table has. */
Datum
change_log_unpark(int64 profile_id, Datum address)
{
	ParkedAddress *entry = parked_addresses == NULL ? NULL :
		hash_search(parked_addresses, &profile_id, HASH_FIND, NULL);

	return entry ? entry->address : address;
}

/* Compares a profile_id with a run. */
static int
compare_to_run(const void *key, const void *run)
{
	int64		profile_id = *(const int64 *) key;
	const ChangeRun *r = run;

	return profile_id < r->profile_id ? -1 : profile_id >= r->profile_id + r->count ? 1 : 0;
}

static const ChangeRun *
find_run(const ChangeRun *runs, int64 count, int64 profile_id)
{
	return count == 0 ? NULL : bsearch(&profile_id, runs, count, sizeof(ChangeRun), compare_to_run);
}

/*
 * Is the profile being made by the running import?  The vendor has nothing of
 * it, so that its cells need no rows of their own.
 */
bool
change_log_is_new(const Account *account, int64 profile_id)
{
	return source_account == account->namespace_oid &&
		find_run(current_source.new_profiles, current_source.new_count, profile_id) != NULL;
}

/* The line of the running import's file that is about the profile, or 0. */
static int64
line_of(const ChangeSource *source, int64 profile_id)
{
	const ChangeRun *run = find_run(source->lines, source->line_count, profile_id);

	return run ? run->line + (profile_id - run->profile_id) : 0;
}

/* ---- rows ---- */

/* The columns of "changes" where the table itself cannot be relied on. */
static TupleDesc
make_descriptor(void)
{
	TupleDesc	descriptor = CreateTemplateTupleDesc(COLUMN_COUNT);

	for (int i = 0; i < COLUMN_COUNT; i++)
	{
		const WrittenColumn *column = &changes_table.columns[i];

		TupleDescInitEntry(descriptor, i + 1, column->name,
						   OidIsValid(column->type) ? column->type : catalog_type(column->own_type), -1, 0);
	}
	compat_finish_descriptor(descriptor);
	return descriptor;
}

/*
 * Begins to write to the log of an account of account_of_trigger()'s; see
 * table_writer_open() for row_count and the page writer.  Needs an SPI connection.  The log lives
 * in the current memory context, and change_log_end() ends it.
 */
ChangeLog *
change_log_begin(const Account *account, int64 row_count, PageWriter *page_writer)
{
	ChangeLog  *log = palloc0(sizeof(ChangeLog));
	OwnerContext owner;

	log->account = account;
	log->row_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync logged row", ALLOCSET_SMALL_SIZES);
	log->written.context = CurrentMemoryContext;
	log->source = change_log_source(account);
	log->changed_at = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	if (log->source == NULL || log->source->undoes)
		log->changed_by = CStringGetTextDatum(GetUserNameFromId(GetUserId(), false));

	account_become_owner(account, &owner);
	log->writer = table_writer_open(account, &changes_table, row_count, page_writer);
	account_restore_user(&owner);
	if (log->writer == NULL)
	{
		log->descriptor = make_descriptor();
		log->rows = tuplestore_begin_heap(true, false, work_mem);
	}
	return log;
}

/* A new row, to be filled and ended by end_row(); what is not set in between is null. */
static void
begin_row(ChangeLog *log, int64 profile_id)
{
	memset(log->nulls, true, sizeof(log->nulls));
	log->values[CHANGE_ID] = Int64GetDatum(log->writer ? table_writer_next_id(log->writer) : 0);
	log->nulls[CHANGE_ID] = false;
	log->values[PROFILE_ID] = Int64GetDatum(profile_id);
	log->nulls[PROFILE_ID] = false;
}

static void
set_value(ChangeLog *log, int column, Datum value)
{
	log->values[column] = value;
	log->nulls[column] = false;
}

/* A text that lasts until the row is ended. */
static Datum
row_text(ChangeLog *log, const char *string)
{
	MemoryContext old_context = MemoryContextSwitchTo(log->row_context);
	Datum		text = CStringGetTextDatum(string);

	MemoryContextSwitchTo(old_context);
	return text;
}

/* The text of a constant string; a statement deals with a few of them. */
static Datum
constant_text(ChangeLog *log, const char *name)
{
	int			i = 0;

	while (i < log->name_count && log->names[i] != name)
		i++;
	if (i == MAX_NAMES)
		return row_text(log, name);
	if (i == log->name_count)
	{
		MemoryContext old_context = MemoryContextSwitchTo(GetMemoryChunkContext(log));

		log->names[i] = name;
		log->name_texts[log->name_count++] = CStringGetTextDatum(name);
		MemoryContextSwitchTo(old_context);
	}
	return log->name_texts[i];
}

/* Says who changes the cell, and when. */
static void
set_source(ChangeLog *log, int64 profile_id)
{
	set_value(log, CHANGED_AT, log->changed_at);
	if (log->changed_by != (Datum) 0)
		set_value(log, CHANGED_BY, log->changed_by);
	if (log->source != NULL)
	{
		int64		line = line_of(log->source, profile_id);

		set_value(log, IMPORT_ID, Int64GetDatum(log->source->import_id));
		if (line != 0)
			set_value(log, LINE, Int64GetDatum(line));
	}
}

static void
end_row(ChangeLog *log)
{
	if (log->writer != NULL)
		table_writer_put(log->writer, log->values, log->nulls);
	else
		tuplestore_putvalues(log->rows, log->descriptor, log->values, log->nulls);
	MemoryContextReset(log->row_context);
}

/* The profile was written to, whether a cell of it is another now or not. */
void
change_log_written(ChangeLog *log, int64 profile_id)
{
	if (!change_log_is_new(log->account, profile_id))
		profile_list_add(&log->written, profile_id);
}

/*
 * A profile is being made by the running import: the vendor has nothing of it.
 * Which profiles an import has made stands in its own row of "imports".
 */
void
change_log_profile_imported(ChangeLog *log, int64 profile_id)
{
	begin_row(log, profile_id);
	end_row(log);
}

/* A profile was made, by whomever: the vendor has nothing of it. */
void
change_log_profile_made(ChangeLog *log, int64 profile_id)
{
	begin_row(log, profile_id);
	if (!change_log_is_new(log->account, profile_id))
		set_source(log, profile_id);
	end_row(log);
}

static void
log_value(ChangeLog *log, int64 profile_id, Datum column_name, Datum former, bool isnull)
{
	begin_row(log, profile_id);
	set_source(log, profile_id);
	set_value(log, COLUMN_NAME, column_name);
	if (!isnull)
		set_value(log, VENDOR_VALUE, former);
	end_row(log);
}

/*
 * A cell was changed.  column_name: as its header has it, a constant; former: a text
 * of what it held before.
 */
void
change_log_value(ChangeLog *log, int64 profile_id, const char *column_name, Datum former, bool isnull)
{
	log_value(log, profile_id, constant_text(log, column_name), former, isnull);
}

/* The same with strings that need not last; NULL: the cell held nothing. */
void
change_log_cell(ChangeLog *log, int64 profile_id, const char *column_name, const char *former)
{
	log_value(log, profile_id, row_text(log, column_name), former ? row_text(log, former) : (Datum) 0, former == NULL);
}

/*
 * A seat was changed.  former: the cell that it was; seat: its status then, for
 * who wants to restore it.
 */
void
change_log_seat(ChangeLog *log, int64 profile_id, const char *column_name, const char *former,
				const FormerSeat *seat)
{
	begin_row(log, profile_id);
	set_source(log, profile_id);
	set_value(log, COLUMN_NAME, row_text(log, column_name));
	set_value(log, VENDOR_VALUE, row_text(log, former));
	if (OidIsValid(seat->status))
	{
		set_value(log, FORMER_STATUS, ObjectIdGetDatum(seat->status));
		set_value(log, FORMER_SINCE, TimestampTzGetDatum(seat->since));
	}
	end_row(log);
}

static const char insert_query[] =
	"INSERT INTO @account.changes (profile_id, changed_at, import_id, line, former_since, former_status,"
	" column_name, vendor_value, changed_by)"
	" SELECT profile_id, changed_at, import_id, line, former_since, former_status, column_name, vendor_value,"
	" changed_by FROM logged_changes";

/* Lets the server write the rows that we could not, as the account's owner. */
static void
insert_by_statement(ChangeLog *log)
{
	OwnerContext owner;

	account_become_owner(log->account, &owner);
	sql_register("logged_changes", log->rows, log->descriptor, tuplestore_tuple_count(log->rows));
	(void) sql_run_once(log->account, insert_query, 0, NULL);
	sql_unregister("logged_changes");
	account_restore_user(&owner);
	tuplestore_end(log->rows);
}

/* How many steps the end will take; see table_writer_steps(). */
int64
change_log_steps(ChangeLog *log)
{
	return log->writer != NULL ? table_writer_steps(log->writer) : 0;
}

/* Writes what is left, in the subtransaction of change_log_begin().  The next statement sees the rows. */
void
change_log_end(ChangeLog *log)
{
	if (log->writer != NULL)
		table_writer_close(log->writer);
	else
		insert_by_statement(log);
	profile_list_sort(&log->written);
	feed_records_forget(log->account, log->written.profile_ids, log->written.count);
	if (log->written.profile_ids != NULL)
		pfree(log->written.profile_ids);
	MemoryContextDelete(log->row_context);
	pfree(log);
}
