/*
 * undo_import.c
 *		undo_import(): takes back what an import did.
 *
 * What the cells held before stands in the change log (see change_log.c), what
 * was made in "made_profiles" and "import_effects".  The first change of a cell by the import holds
 * what is to be restored.  Seats get their former status and its date.
 *
 * Something may stand in the way: a cell that was changed since, a person who was
 * deleted or whom another feed brings too, an address that somebody else has by
 * now, a group that is gone, seats that were given to others.  Then nothing is
 * undone, and the error has all the reasons, a line each.  What the checks cannot
 * see (a rule against duplicates, a constraint of the user's own) refuses the
 * writing itself and becomes the reason.
 *
 * Undone imports and their undoing cancel out, so that imports can be undone one
 * after the other, the last one first: changes of both kinds bear the import's id,
 * those of the undoing also the role, and neither stands in the way.
 *
 * All writers are locked out meanwhile, and everything is looked at with the
 * latest snapshot.  The writes go through the tables' triggers, as the caller.
 * All seats are written by one statement, so that what it frees is there for what
 * it gives back, and nobody on a waiting list gets in between.
 *
 * Attributes are restored as text, which is what files and the vendor know.
 */
#include "orgsync.h"

#include "access/xact.h"
#include "account.h"
#include "account_lock.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "change_log.h"
#include "diff.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "profile_set.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_undo_import);

/* So many reasons are told. */
#define MAX_REASONS	20

#define FETCH_COUNT	1000

typedef struct Undo
{
	Account    *account;
	SqlArgument arguments[3];	/* $1: import_id, $2: profiles that it made, $3: its feed */
	SqlArgument groups;			/* that it made */
	SqlArgument brought;		/* see import_effects.c */
	SqlArgument absent;
	Tuplestorestate *cells;		/* to be restored, as "undone" */
	TupleDesc	descriptor;
	int64		cell_count;
	int64		profile_count;	/* that were removed */
	int64		group_count;
} Undo;

static const char import_query[] =
	"SELECT coalesce(i.state, ''), coalesce(i.mode, ''), i.feed,"
	" coalesce((SELECT range_agg(int8range(first_profile_id, first_profile_id + number))"
	"  FROM @account.made_profiles WHERE import_id = $1), '{}'), coalesce(e.groups, '{}'),"
	" coalesce(e.brought, '{}'), coalesce(e.absent, '{}'),"
	" coalesce((SELECT i.finished_at < history_since FROM @account.settings), false)"
	" FROM @account.imports AS i LEFT JOIN @account.import_effects AS e USING (import_id)"
	" WHERE i.import_id = $1 FOR UPDATE OF i";

static const char cells_query[] =
	"SELECT DISTINCT ON (l.profile_id, l.column_name) l.profile_id, l.change_id, l.column_name,"
	" l.vendor_value AS former, l.former_status, l.former_since"
	" FROM " LOGGED_CHANGES " AS l WHERE l.import_id = $1 AND l.changed_by IS NULL AND l.column_name IS NOT NULL"
	" ORDER BY l.profile_id, l.column_name, l.change_id";

/* What counts of an import that was undone: nothing. */
#define STANDS(change) \
	" " change ".import_id IS DISTINCT FROM $1 AND NOT EXISTS (SELECT FROM @account.imports AS ui" \
	"  WHERE ui.import_id = " change ".import_id AND ui.state = 'undone')"

#define WHO(change) \
	" CASE WHEN " change ".changed_by IS NULL THEN 'import ' || " change ".import_id" \
	"  ELSE 'role ' || " change ".changed_by END "

#define NAME_OF(profile) "coalesce(" profile ".primary_email_address::text, 'profile ' || " profile ".profile_id)"

#define LICENSES_OF_CELLS \
	" JOIN @account.licenses AS l ON lower(l.header::text COLLATE \"C\") = lower(u.column_name COLLATE \"C\")"

/* Cells of groups whose former value is that. */
#define GROUPS_OF_CELLS(former_value) \
	" undone AS u JOIN @account.groups AS g ON starts_with(u.column_name, 'group:')" \
	" AND fold(g.name) = fold(substr(u.column_name, 7)) AND u.former = '" former_value "'"

#define IS_PERMISSION(cells) " " cells ".column_name ~ '^(group_)?permission_' "

/* Each query gives reasons, in an order that does not change. */
static const char *const reason_queries[] =
{
	"SELECT format('%s, whose cells it changed, was deleted since.', coalesce((SELECT d.vendor_value"
	" FROM " LOGGED_CHANGES " AS d WHERE d.profile_id = u.profile_id AND d.column_name = 'primary_email_address'"
	" ORDER BY d.change_id DESC LIMIT 1), 'profile ' || u.profile_id))"
	" FROM (SELECT DISTINCT profile_id FROM undone) AS u"
	" WHERE NOT EXISTS (SELECT FROM @account.profiles AS p WHERE p.profile_id = u.profile_id) ORDER BY u.profile_id",

	"SELECT format('%s of %s was changed since, by %s.', u.column_name, " NAME_OF("p") "," WHO("c") ")"
	" FROM undone AS u JOIN @account.profiles AS p USING (profile_id) JOIN LATERAL"
	" (SELECT * FROM " LOGGED_CHANGES " AS c WHERE c.profile_id = u.profile_id AND c.change_id > u.change_id"
	"  AND " DIFF_CELL_OF("c.column_name") " = " DIFF_CELL_OF("u.column_name") " AND " STANDS("c")
	"  ORDER BY c.change_id DESC LIMIT 1) AS c ON true"
	" ORDER BY u.profile_id, u.column_name",

	"SELECT format('%s, who was made by it, was changed since, by %s.', " NAME_OF("p") "," WHO("c") ")"
	" FROM " ROWS_OF_SET("$2", "profiles", "p")
	" JOIN LATERAL (SELECT * FROM " LOGGED_CHANGES " AS c WHERE c.profile_id = p.profile_id AND " STANDS("c")
	"  ORDER BY c.change_id DESC LIMIT 1) AS c ON true"
	" ORDER BY p.profile_id",

	"SELECT format('%s, who was made by it, is brought by feed \"%s\" too.', " NAME_OF("p") ", f.feed)"
	" FROM " ROWS_OF_SET("$2", "profiles", "p")
	" JOIN @account.feed_profiles AS f ON f.feed <> $3 AND f.segment = " FEED_SEGMENT("p.profile_id")
	" AND f.profile_ids @> p.profile_id"
	" ORDER BY p.profile_id, f.feed",

	"SELECT format('%s, whom it renamed, was %s, which %s is by now.', " NAME_OF("p") ", u.former, " NAME_OF("o") ")"
	" FROM undone AS u JOIN @account.profiles AS p USING (profile_id)"
	" JOIN @account.profiles AS o ON o.primary_email_address ="
	"  CASE u.column_name WHEN 'primary_email_address' THEN u.former::email_address END"
	" WHERE o.profile_id <> u.profile_id AND NOT $2 @> o.profile_id"
	" AND NOT EXISTS (SELECT FROM undone AS v WHERE v.profile_id = o.profile_id AND v.column_name = u.column_name)"
	" ORDER BY u.profile_id",

	"SELECT format('%s had unique_user_id %s, which %s has by now.', " NAME_OF("p") ", u.former, " NAME_OF("o") ")"
	" FROM undone AS u JOIN @account.profiles AS p USING (profile_id)"
	" JOIN @account.profiles AS o ON o.unique_user_id = CASE u.column_name WHEN 'unique_user_id' THEN u.former END"
	" WHERE o.profile_id <> u.profile_id AND NOT $2 @> o.profile_id"
	" AND NOT EXISTS (SELECT FROM undone AS v WHERE v.profile_id = o.profile_id AND v.column_name = u.column_name)"
	" ORDER BY u.profile_id",

	"SELECT format('%s was in group \"%s\", which is not there any more.', " NAME_OF("p") ", substr(u.column_name, 7))"
	" FROM undone AS u JOIN @account.profiles AS p USING (profile_id)"
	" WHERE starts_with(u.column_name, 'group:') AND u.former = 'yes'"
	" AND NOT EXISTS (SELECT FROM @account.groups AS g WHERE fold(g.name) = fold(substr(u.column_name, 7)))"
	" ORDER BY u.profile_id, u.column_name",

	"SELECT format('%s had a seat of license \"%s\", which is not there any more.', " NAME_OF("p") ", u.column_name)"
	" FROM undone AS u JOIN @account.profiles AS p USING (profile_id)"
	" WHERE u.former_status IS NOT NULL"
	" AND NOT EXISTS (SELECT FROM @account.licenses AS l"
	"  WHERE lower(l.header::text COLLATE \"C\") = lower(u.column_name COLLATE \"C\"))"
	" ORDER BY u.profile_id, u.column_name",

	"SELECT format('License \"%s\" has %s seats; with those to be given back, %s would be taken.', l.header, l.seats,"
	" n.taken + s.needed)"
	" FROM @account.licenses AS l"
	" CROSS JOIN LATERAL (SELECT coalesce(sum(c.activated + CASE l.counting WHEN 'invited' THEN c.invited ELSE 0 END),"
	"  0)::bigint AS taken FROM @account.seat_counters AS c WHERE c.license_id = l.license_id) AS n"
	" CROSS JOIN LATERAL (SELECT coalesce(sum(d.change), 0)::bigint AS needed FROM"
	"  (SELECT (CASE WHEN u.former_status = 'activated'"
	"     OR (u.former_status = 'invited' AND l.counting = 'invited') THEN 1 ELSE 0 END)"
	"    - (CASE WHEN t.status = 'activated' OR (t.status = 'invited' AND l.counting = 'invited') THEN 1 ELSE 0 END) AS change"
	"    FROM undone AS u LEFT JOIN @account.seats AS t ON t.profile_id = u.profile_id AND t.license_id = l.license_id"
	"    WHERE lower(u.column_name COLLATE \"C\") = lower(l.header::text COLLATE \"C\")"
	"   UNION ALL SELECT -1 FROM " ROWS_OF_SET("$2", "seats", "t")
	"    WHERE t.license_id = l.license_id"
	"    AND (t.status = 'activated' OR (t.status = 'invited' AND l.counting = 'invited'))) AS d) AS s"
	" WHERE s.needed > 0 AND n.taken + s.needed > l.seats"
	" ORDER BY l.license_id"
};

static const char *const write_queries[] =
{
	/* all seats, those of profiles that will go too */
	"INSERT INTO @account.seats AS s (profile_id, license_id, status, since)"
	" SELECT u.profile_id, l.license_id, coalesce(u.former_status, 'unassigned'), coalesce(u.former_since, now())"
	"  FROM undone AS u" LICENSES_OF_CELLS
	"  WHERE u.former_status IS NOT NULL OR EXISTS (SELECT FROM @account.seats AS t"
	"   WHERE t.profile_id = u.profile_id AND t.license_id = l.license_id)"
	" UNION ALL SELECT t.profile_id, t.license_id, 'unassigned', now() FROM " ROWS_OF_SET("$2", "seats", "t")
	" WHERE t.status <> 'unassigned'"
	" ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status, since = excluded.since",

	"DELETE FROM @account.seats AS s USING undone AS u" LICENSES_OF_CELLS
	" WHERE s.profile_id = u.profile_id AND s.license_id = l.license_id AND u.former_status IS NULL",

	/* people may have swapped addresses or ids */
	"UPDATE @account.profiles AS p SET unique_user_id = CASE WHEN u.has_id THEN NULL ELSE p.unique_user_id END,"
	" primary_email_address = CASE WHEN u.has_address THEN email_address('" PARKED_ADDRESS "' || p.profile_id ||"
	"  '@parked.invalid') ELSE p.primary_email_address END"
	" FROM (SELECT profile_id, bool_or(column_name = 'primary_email_address') AS has_address,"
	"  bool_or(column_name = 'unique_user_id') AS has_id FROM undone"
	"  WHERE column_name IN ('primary_email_address', 'unique_user_id') GROUP BY profile_id) AS u"
	" WHERE p.profile_id = u.profile_id",

	"UPDATE @account.profiles AS p SET"
	" primary_email_address = CASE WHEN 'primary_email_address' = ANY (u.names) THEN u.address::email_address"
	"  ELSE p.primary_email_address END,"
	" unique_user_id = CASE WHEN 'unique_user_id' = ANY (u.names) THEN u.id ELSE p.unique_user_id END,"
	" preferred_first_name = CASE WHEN 'preferred_first_name' = ANY (u.names) THEN u.first_name"
	"  ELSE p.preferred_first_name END,"
	" preferred_last_name = CASE WHEN 'preferred_last_name' = ANY (u.names) THEN u.last_name"
	"  ELSE p.preferred_last_name END,"
	" work_title = CASE WHEN 'work_title' = ANY (u.names) THEN u.title ELSE p.work_title END,"
	" attributes = p.attributes - u.attribute_names || u.attributes"
	" FROM (SELECT profile_id, array_agg(column_name) AS names,"
	"  max(former) FILTER (WHERE column_name = 'primary_email_address') AS address,"
	"  max(former) FILTER (WHERE column_name = 'unique_user_id') AS id,"
	"  max(former) FILTER (WHERE column_name = 'preferred_first_name') AS first_name,"
	"  max(former) FILTER (WHERE column_name = 'preferred_last_name') AS last_name,"
	"  max(former) FILTER (WHERE column_name = 'work_title') AS title,"
	"  coalesce(array_agg(substr(column_name, 11)) FILTER (WHERE starts_with(column_name, 'attribute_')), '{}')"
	"   AS attribute_names,"
	"  coalesce(jsonb_object_agg(substr(column_name, 11), former)"
	"   FILTER (WHERE starts_with(column_name, 'attribute_') AND former IS NOT NULL), '{}') AS attributes"
	"  FROM undone WHERE starts_with(column_name, 'attribute_') OR column_name IN ('primary_email_address',"
	"   'unique_user_id', 'preferred_first_name', 'preferred_last_name', 'work_title') GROUP BY profile_id) AS u"
	" WHERE p.profile_id = u.profile_id",

	"INSERT INTO @account.memberships (profile_id, group_id) SELECT u.profile_id, g.group_id"
	" FROM" GROUPS_OF_CELLS("yes") " ON CONFLICT DO NOTHING",

	"DELETE FROM @account.memberships AS m USING" GROUPS_OF_CELLS("no")
	" WHERE m.profile_id = u.profile_id AND m.group_id = g.group_id",

	/* who was moved by a column of group names is to be moved again from where he was */
	"UPDATE @account.feed_groups AS f SET group_id = b.group_left FROM ("
	" SELECT j.profile_id, j.group_id AS group_joined, min(l.group_id) AS group_left"
	"  FROM (SELECT u.profile_id, g.group_id FROM" GROUPS_OF_CELLS("no") ") AS j"
	"  JOIN (SELECT u.profile_id, g.group_id FROM" GROUPS_OF_CELLS("yes") ") AS l USING (profile_id)"
	"  GROUP BY j.profile_id, j.group_id HAVING count(*) = 1) AS b"
	" WHERE f.feed = $3 AND f.profile_id = b.profile_id AND f.group_id = b.group_joined",

	"DELETE FROM @account.feed_groups AS f USING" GROUPS_OF_CELLS("no")
	" WHERE f.feed = $3 AND f.profile_id = u.profile_id AND f.group_id = g.group_id",

	"INSERT INTO @account.permissions (profile_id, permission, scope)"
	" SELECT u.profile_id, u.column_name, u.former::group_scope FROM undone AS u"
	" WHERE" IS_PERMISSION("u") "AND u.former <> 'no'"
	" ON CONFLICT (profile_id, permission) DO UPDATE SET scope = excluded.scope",

	"DELETE FROM @account.permissions AS a USING undone AS u"
	" WHERE a.profile_id = u.profile_id AND a.permission = u.column_name AND u.former = 'no'"
};

static const char remove_profiles[] =
	"DELETE FROM @account.profiles WHERE profile_id = ANY"
	" (ARRAY(SELECT p.profile_id FROM " ROWS_OF_SET("$2", "profiles", "p") "))";

static const char remove_groups[] =
	"DELETE FROM @account.groups AS g WHERE g.group_id = ANY ($1)"
	" AND NOT EXISTS (SELECT FROM @account.memberships AS m WHERE m.group_id = g.group_id)"
	" AND NOT EXISTS (SELECT FROM @account.feed_groups AS f WHERE f.group_id = g.group_id)"
	" AND NOT EXISTS (SELECT FROM @account.permissions AS a"
	"  WHERE strpos(fold(a.scope::text) || ' ', fold('group:' || g.name) || ' ') > 0)";

/* $1: import, $2: feed, $3: whom it brought; a later import of the feed may have brought some again */
static const char feed_query[] =
	"UPDATE @account.feeds AS f SET last_import = CASE WHEN l.is_last THEN f.last_import - $3 ELSE f.last_import END"
	" FROM (SELECT NOT EXISTS (SELECT FROM @account.imports WHERE feed = $2 AND import_id > $1 AND state = 'applied')"
	"  AS is_last) AS l WHERE f.feed = $2"
	" RETURNING $3 - CASE WHEN l.is_last THEN '{}' ELSE f.last_import END";

/* A value of the last result that lasts as long as the call. */
static Datum
kept_value(int column, bool is_by_value)
{
	bool		isnull;
	Datum		value = sql_value(0, column, &isnull);

	return SPI_datumTransfer(value, is_by_value, -1);
}

/* Finds the import, locks its row, and makes sure that there is something to undo. */
static void
find_import(Undo *undo, int64 import_id)
{
	const Account *account = undo->account;
	char	   *state;

	if (sql_run_latest(account, import_query, 1, (SqlArgument[]) {SQL_INT8(import_id)}) == 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("account \"%s\" has no import %lld", account->name, (long long) import_id),
				errhint("See %s.imports.", account->quoted_name));
	state = sql_string(0, 0);
	if (strcmp(state, "applied") != 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("import %lld of account \"%s\" cannot be undone", (long long) import_id, account->name),
				strcmp(state, "undone") == 0 ? errdetail("It was undone before.") :
				errdetail("It has changed nothing: its state is \"%s\".", state));
	if (strcmp(sql_string(0, 1), "remote") == 0)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("import %lld of account \"%s\" cannot be undone", (long long) import_id, account->name),
				errdetail("It is a list of what the vendor has."),
				errhint("Import a newer list."));
	if (DatumGetBool(kept_value(7, true)))
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("import %lld of account \"%s\" cannot be undone", (long long) import_id, account->name),
				errdetail("What it changed was pruned."));
	undo->arguments[0] = SQL_INT8(import_id);
	undo->arguments[1] = SQL_DATUM(INT8MULTIRANGEOID, kept_value(3, false));
	undo->arguments[2] = sql_text(sql_string(0, 2));
	undo->groups = SQL_DATUM(INT8ARRAYOID, kept_value(4, false));
	undo->brought = SQL_DATUM(INT8MULTIRANGEOID, kept_value(5, false));
	undo->absent = SQL_DATUM(INT8MULTIRANGEOID, kept_value(6, false));
	SPI_freetuptable(SPI_tuptable);
}

/* Collects the cells to be restored, and lets statements read them as "undone". */
static void
collect_cells(Undo *undo)
{
	uint64		count;

	undo->descriptor = CreateTemplateTupleDesc(6);
	TupleDescInitEntry(undo->descriptor, 1, "profile_id", INT8OID, -1, 0);
	TupleDescInitEntry(undo->descriptor, 2, "change_id", INT8OID, -1, 0);
	TupleDescInitEntry(undo->descriptor, 3, "column_name", TEXTOID, -1, 0);
	TupleDescInitEntry(undo->descriptor, 4, "former", TEXTOID, -1, 0);
	TupleDescInitEntry(undo->descriptor, 5, "former_status", catalog_type("seat_status"), -1, 0);
	TupleDescInitEntry(undo->descriptor, 6, "former_since", TIMESTAMPTZOID, -1, 0);
	compat_finish_descriptor(undo->descriptor);
	undo->cells = tuplestore_begin_heap(true, false, work_mem);

	count = sql_run_once_latest(undo->account, cells_query, 1, undo->arguments);
	for (uint64 row = 0; row < count; row++)
	{
		Datum		values[6];
		bool		nulls[6];

		for (int column = 0; column < 6; column++)
			values[column] = sql_value(row, column, &nulls[column]);
		tuplestore_putvalues(undo->cells, undo->descriptor, values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	undo->cell_count = (int64) count;
	sql_register("undone", undo->cells, undo->descriptor, count);
}

static void
refuse(const Undo *undo, const char *reasons)
{
	ereport(ERROR,
			errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("import %lld of account \"%s\" cannot be undone",
				   (long long) DatumGetInt64(undo->arguments[0].value), undo->account->name),
			errdetail_internal("%s", reasons),
			errhint("Undo what was done later first, or change single cells by hand."));
}

/* An error with all the reasons that stand in the way, if there are any. */
static void
check_reasons(const Undo *undo)
{
	StringInfoData reasons;
	int64		count = 0;

	initStringInfo(&reasons);
	for (size_t i = 0; i < lengthof(reason_queries); i++)
	{
		uint64		found = sql_run_once_latest(undo->account, reason_queries[i], 3, undo->arguments);

		for (uint64 row = 0; row < found; row++)
			if (count++ < MAX_REASONS)
				appendStringInfo(&reasons, "%s%s", reasons.len > 0 ? "\n" : "", sql_string(row, 0));
		SPI_freetuptable(SPI_tuptable);
	}
	if (count > MAX_REASONS)
		appendStringInfo(&reasons, "\n... and %lld more", (long long) (count - MAX_REASONS));
	if (count > 0)
		refuse(undo, reasons.data);
}

static void
write_back(Undo *undo)
{
	for (size_t i = 0; i < lengthof(write_queries); i++)
		(void) sql_write_once_latest(undo->account, write_queries[i], 3, undo->arguments);
	undo->profile_count = (int64) sql_write_once_latest(undo->account, remove_profiles, 3, undo->arguments);
	undo->group_count = (int64) sql_write_once_latest(undo->account, remove_groups, 1, &undo->groups);
	if (sql_write_once_latest(undo->account, feed_query, 3, (SqlArgument[])
							  {undo->arguments[0], undo->arguments[2], undo->brought}) > 0)
	{
		SqlArgument gone = SQL_DATUM(INT8MULTIRANGEOID, kept_value(0, false));

		(void) sql_write_once_latest(undo->account, feed_profiles_remove, 2,
									 (SqlArgument[]) {undo->arguments[2], gone});
		(void) sql_write_once_latest(undo->account, feed_profiles_add, 2,
									 (SqlArgument[]) {undo->arguments[2], undo->absent});
	}
	(void) sql_write_once_latest(undo->account,
								 "UPDATE @account.imports SET state = 'undone' WHERE import_id = $1",
								 1, undo->arguments);
}

/* Writes everything back; a rule or constraint that refuses that becomes the reason. */
static void
try_write_back(Undo *undo)
{
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	ChangeSource source = {.import_id = DatumGetInt64(undo->arguments[0].value),.undoes = true};
	ChangeSourceState before;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	before = change_log_save_source();
	change_log_set_source(undo->account, &source);
	PG_TRY();
	{
		write_back(undo);
		change_log_restore_source(&before);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old_context);
		change_log_restore_source(&before);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	if (error == NULL)
		return;
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		ReThrowError(error);
	refuse(undo, error->detail ? psprintf("%s: %s", error->message, error->detail) : error->message);
}

/* undo_import(account regnamespace, import_id bigint): what was done, and how often */
Datum
orgsync_undo_import(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Undo		undo = {0};

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	undo.account = account_open(PG_GETARG_OID(0));
	account_lock(undo.account, ACCOUNT_LOCK_IMPORT, 0, ExclusiveLock);
	account_lock_writers(undo.account);
	find_import(&undo, PG_GETARG_INT64(1));
	collect_cells(&undo);
	PG_TRY();
	{
		check_reasons(&undo);
		try_write_back(&undo);
	}
	PG_FINALLY();
	{
		sql_unregister("undone");
	}
	PG_END_TRY();
	tuplestore_end(undo.cells);

	{
		const struct
		{
			const char *what;
			int64		number;
		}			rows[] = {
			{"cells restored", undo.cell_count},
			{"profiles removed", undo.profile_count},
			{"groups removed", undo.group_count}
		};

		for (size_t i = 0; i < lengthof(rows); i++)
		{
			Datum		values[2] = {CStringGetTextDatum(rows[i].what), Int64GetDatum(rows[i].number)};
			bool		nulls[2] = {false, false};

			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	SPI_finish();
	return (Datum) 0;
}
