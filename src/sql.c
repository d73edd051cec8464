/*
 * sql.c
 *		Runs the SQL texts of the extension, safe from the caller's search_path.
 *
 * A text names the tables of the account as "@account.profiles"; everything
 * else in it is found in pg_catalog and in our own schema, because it is parsed
 * and run under a search_path of just these.  (The plan cache parses again
 * whenever the path is another one than before, so pinning it for the parser
 * alone would not do.)  That matters most where a trigger works as the owner of
 * a table for somebody else.
 *
 * Statements that write to tables on which users may have triggers of their own
 * are run by sql_write(): those triggers may rely on the caller's search_path,
 * so it is kept, behind our two schemas.  What such a text names must have its
 * exact match in pg_catalog or in our schema, so that nothing further behind
 * can be a better one.
 *
 * Of statements over transition tables and other named tuplestores, a plan is
 * kept only for a few rows: it depends on their number, and one made for a million
 * rows is a thousand times too slow for a single one.  For many rows a plan is
 * made each time.  It is the tables' size, too, that decides between two indexes, and a
 * transaction makes a table grow with each statement; so such a plan is made anew at
 * the second use, the fourth, the eighth and so on.
 *
 * All functions but sql_expand() need an SPI connection of the caller's, and
 * raise whatever errors the statement raises.
 */
#include "sql_plan.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"

/* A plan over a tuplestore of at most so many rows is kept. */
#define FEW_ROWS	100

/*
 * The text with the account's schema in the place of "@account"; palloc'd.
 */
char *
sql_expand(const Account *account, const char *text)
{
	static const char placeholder[] = "@account";
	StringInfoData expanded;
	const char *found;

	initStringInfo(&expanded);
	while ((found = strstr(text, placeholder)) != NULL)
	{
		Assert(account != NULL);
		appendBinaryStringInfo(&expanded, text, found - text);
		appendStringInfoString(&expanded, account->quoted_name);
		text = found + strlen(placeholder);
	}
	appendStringInfoString(&expanded, text);
	return expanded.data;
}

/* An argument of type text; NULL is the SQL NULL. */
SqlArgument
sql_text(const char *value)
{
	if (value == NULL)
		return SQL_NULL(TEXTOID);
	return SQL_DATUM(TEXTOID, CStringGetTextDatum(value));
}

/* An argument of type bigint[]; palloc'd. */
SqlArgument
sql_int8_array(const int64 *values, int64 count)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(int64) * count;
	ArrayType  *array;

	if (count == 0)
		return SQL_DATUM(INT8ARRAYOID, PointerGetDatum(construct_empty_array(INT8OID)));
	array = palloc(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = INT8OID;
	ARR_DIMS(array)[0] = (int) count;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), values, sizeof(int64) * count);
	return SQL_DATUM(INT8ARRAYOID, PointerGetDatum(array));
}

/* An argument of type text[] of datums of type text, of which 0 is null; palloc'd. */
SqlArgument
sql_text_datum_array(const Datum *values, int64 count)
{
	bool	   *nulls = palloc(Max(count, 1));
	int			length = (int) count;
	int			lower_bound = 1;

	for (int i = 0; i < length; i++)
		nulls[i] = values[i] == (Datum) 0;
	return SQL_DATUM(TEXTARRAYOID, PointerGetDatum(construct_md_array((Datum *) values, nulls, 1, &length, &lower_bound,
																	  TEXTOID, -1, false, TYPALIGN_INT)));
}

/* An argument of type text[], whose values may be NULL; palloc'd. */
SqlArgument
sql_text_array(const char *const *values, int count)
{
	Datum	   *datums = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		datums[i] = values[i] ? CStringGetTextDatum(values[i]) : (Datum) 0;
	return sql_text_datum_array(datums, count);
}

/* The string as a datum of type text, or of one that is stored alike; NULL is null. */
Datum
sql_text_datum(const char *value, bool *isnull)
{
	*isnull = value == NULL;
	return value ? CStringGetTextDatum(value) : (Datum) 0;
}

/* Arguments as SPI takes them. */
typedef struct PlanArguments
{
	Datum		values[SQL_MAX_ARGUMENTS];
	char		nulls[SQL_MAX_ARGUMENTS];
} PlanArguments;

static PlanArguments
plan_arguments(int argument_count, const SqlArgument *arguments)
{
	PlanArguments result = {0};

	for (int i = 0; i < argument_count; i++)
	{
		result.values[i] = arguments[i].value;
		result.nulls[i] = arguments[i].isnull ? 'n' : ' ';
	}
	return result;
}

static uint64
plan_run(SPIPlanPtr plan, Snapshot snapshot, bool read_only, int argument_count, const SqlArgument *arguments)
{
	PlanArguments taken = plan_arguments(argument_count, arguments);
	int			result = SPI_execute_snapshot(plan, taken.values, taken.nulls, snapshot, InvalidSnapshot,
											  read_only, true, 0);

	if (result < 0)
		elog(ERROR, "could not run a statement: %s", SPI_result_code_string(result));
	return SPI_processed;
}

/* How a statement is run; see sql_run() and its sisters. */
#define RUN_ONCE	0x01		/* the plan is not kept */
#define RUN_LATEST	0x02		/* sees what is committed now */
#define RUN_WRITE	0x04		/* under the caller's search_path, behind our schemas */
#define RUN_FEW		0x08		/* over a few rows, that are looked up by indexes */
#define RUN_MANY	0x10		/* over many rows, whose number the planner does not know */
#define RUN_OWNER	0x20		/* as the account's owner */

static uint64
run(const Account *account, const char *text, int argument_count, const SqlArgument *arguments, int how)
{
	int			nest_level;
	OwnerContext owner;
	SPIPlanPtr	plan;
	uint64		processed;

	if (how & RUN_OWNER)
		account_become_owner(account, &owner);
	nest_level = (how & RUN_WRITE) ? sql_prefix_search_path() : sql_pin_search_path();
	if (how & RUN_FEW)
		sql_avoid_whole_tables();
	if (how & RUN_MANY)
	{
		sql_set("enable_nestloop", "off");
		sql_set("jit", "off");	/* what a loop that cannot be avoided is said to cost would call it in */
	}
	plan = (how & RUN_ONCE) ? sql_plan_prepare(account, text, argument_count, arguments) :
		sql_plan_find(account, text, argument_count, arguments, (how & RUN_FEW) != 0);
	processed = plan_run(plan, (how & RUN_LATEST) ? GetLatestSnapshot() : InvalidSnapshot,
						 false, argument_count, arguments);
	if (how & RUN_ONCE)
		SPI_freeplan(plan);
	sql_restore_settings(nest_level);
	if (how & RUN_OWNER)
		account_restore_user(&owner);
	return processed;
}

/*
 * Runs a constant text, whose plan is kept.  Returns the number of rows; they
 * are in SPI_tuptable.
 */
uint64
sql_run(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, 0);
}

/*
 * The same, but sees whatever is committed now, at any isolation level: what is
 * looked at under a lock must be looked at as foreign keys look.
 */
uint64
sql_run_latest(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_LATEST);
}

/*
 * The same for a text that only reads, and sees what the snapshot sees: so
 * several statements can read as one.
 */
uint64
sql_run_at(const Account *account, const char *text, int argument_count, const SqlArgument *arguments,
		   Snapshot snapshot)
{
	int			nest_level = sql_pin_search_path();
	uint64		processed = plan_run(sql_plan_find(account, text, argument_count, arguments, false), snapshot, true,
									 argument_count, arguments);

	sql_restore_settings(nest_level);
	return processed;
}

/*
 * Runs a constant text, whose plan is kept, as the account's owner: see
 * account_become_owner().
 */
uint64
sql_run_as_owner(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_OWNER);
}

/* The same, but sees whatever is committed now; see sql_run_latest(). */
uint64
sql_run_latest_as_owner(const Account *account, const char *text, int argument_count,
						const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_OWNER | RUN_LATEST);
}

/*
 * Runs a constant text, whose plan is kept, that looks up rows by indexes, and does so
 * however little is known of the tables.
 */
uint64
sql_find(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_FEW);
}

/* The same, but sees whatever is committed now; see sql_run_latest(). */
uint64
sql_find_latest(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_FEW | RUN_LATEST);
}

/* The same as the account's owner; see sql_run_as_owner(). */
uint64
sql_find_latest_as_owner(const Account *account, const char *text, int argument_count,
						 const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_OWNER | RUN_LATEST | RUN_FEW);
}

/* The same for a text whose plan must not be kept. */
uint64
sql_run_once_latest_as_owner(const Account *account, const char *text, int argument_count,
							 const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_OWNER | RUN_LATEST | RUN_ONCE);
}

/*
 * Runs a text whose plan must not be kept: one over a named tuplestore, or one
 * that was put together.
 */
uint64
sql_run_once(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_ONCE);
}

/* The same, but sees whatever is committed now; see sql_run_latest(). */
uint64
sql_run_once_latest(const Account *account, const char *text, int argument_count,
					const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_ONCE | RUN_LATEST);
}

/*
 * Runs a constant text, whose plan is kept, that writes to a table on which
 * users may have triggers of their own; see the top of the file.
 */
uint64
sql_write(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_WRITE);
}

/*
 * Runs a constant text over a named tuplestore of so many rows; see the top of
 * the file.
 */
uint64
sql_run_over(const Account *account, const char *text, int64 row_count, int argument_count,
			 const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, row_count > FEW_ROWS ? RUN_ONCE : RUN_FEW);
}

/*
 * Runs a constant text that is about so many rows of arrays and of other parts of
 * the statement, of which the planner takes ten or a hundred for granted: where
 * there are many, it must not join by nested loops (measured, 10,000 deletions to
 * be confirmed: 355 s).
 */
uint64
sql_run_about(const Account *account, const char *text, int64 row_count, int argument_count,
			  const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, row_count > FEW_ROWS ? RUN_ONCE | RUN_MANY : 0);
}

/* The same for a text that writes; see sql_write(). */
uint64
sql_write_over(const Account *account, const char *text, int64 row_count, int argument_count,
			   const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_WRITE | (row_count > FEW_ROWS ? RUN_ONCE : 0));
}

/* The same for a text whose plan must not be kept. */
uint64
sql_write_once(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_WRITE | RUN_ONCE);
}

/* The same, but sees whatever is committed now; see sql_run_latest(). */
uint64
sql_write_once_latest(const Account *account, const char *text, int argument_count,
					  const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_WRITE | RUN_ONCE | RUN_LATEST);
}

/* The same as the account's owner; see sql_run_as_owner(). */
uint64
sql_write_once_latest_as_owner(const Account *account, const char *text, int argument_count,
							   const SqlArgument *arguments)
{
	return run(account, text, argument_count, arguments, RUN_WRITE | RUN_ONCE | RUN_LATEST | RUN_OWNER);
}

static Portal
open_cursor(const Account *account, const char *text, int argument_count, const SqlArgument *arguments,
			bool read_only)
{
	int			nest_level = sql_pin_search_path();
	SPIPlanPtr	plan = sql_plan_prepare(account, text, argument_count, arguments);
	PlanArguments taken = plan_arguments(argument_count, arguments);
	Portal		portal = SPI_cursor_open(NULL, plan, taken.values, taken.nulls, read_only);

	if (portal == NULL)
		elog(ERROR, "could not open a cursor: %s", SPI_result_code_string(SPI_result));
	SPI_freeplan(plan);			/* the portal has a copy of its own */
	sql_restore_settings(nest_level);
	return portal;
}

/*
 * Opens a cursor for a text whose plan is not kept.  The caller fetches with
 * SPI_cursor_fetch() and closes it.
 */
Portal
sql_open(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return open_cursor(account, text, argument_count, arguments, false);
}

/* The same for a text that only reads, and sees what the snapshot sees. */
Portal
sql_open_at(const Account *account, const char *text, int argument_count, const SqlArgument *arguments,
			Snapshot snapshot)
{
	Portal		portal;

	PushActiveSnapshot(snapshot);
	portal = open_cursor(account, text, argument_count, arguments, true);
	PopActiveSnapshot();
	return portal;
}

/*
 * Runs several statements, each of which may depend on the ones before it.
 */
void
sql_script(const Account *account, const char *text)
{
	char	   *expanded = sql_expand(account, text);
	int			nest_level = sql_pin_search_path();
	int			result = SPI_execute(expanded, false, 0);

	sql_restore_settings(nest_level);
	if (result < 0)
		elog(ERROR, "could not run a script: %s", SPI_result_code_string(result));
	pfree(expanded);
}

/*
 * Lets the statements of this SPI connection read the tuplestore as a table of
 * that name.  The rows stay the caller's.
 */
void
sql_register(const char *name, Tuplestorestate *rows, TupleDesc descriptor, double row_count)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	int			result;

	relation->md.name = pstrdup(name);
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = descriptor;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = row_count;
	relation->reldata = rows;
	result = SPI_register_relation(relation);
	if (result != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\": %s", name, SPI_result_code_string(result));
}

void
sql_unregister(const char *name)
{
	(void) SPI_unregister_relation(name);
}

/* The last result must have that row: a trigger of the user's may have suppressed it. */
static void
check_row(int row)
{
	if (SPI_tuptable == NULL || (uint64) row >= SPI_tuptable->numvals)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("a statement of orgsync's had no result"),
				errdetail("A trigger, a rule or row security of the account's owner may have suppressed its row."));
}

/* A value of the last result, by row and column from 0. */
Datum
sql_value(int row, int column, bool *isnull)
{
	check_row(row);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column + 1, isnull);
}

/* The same as a string, palloc'd; NULL for NULL. */
char *
sql_string(int row, int column)
{
	check_row(row);
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column + 1);
}

/* The same of a bigint that is not null. */
int64
sql_int64(int row, int column)
{
	bool		isnull;
	Datum		value = sql_value(row, column, &isnull);

	if (isnull)
		elog(ERROR, "unexpected null in column %d", column + 1);
	return DatumGetInt64(value);
}
