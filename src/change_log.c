/*
 * change_log.c
 *		What the vendor has, as the difference from what the account wants.
 *
 * Triggers append to "changes", for every cell that changes, what it held
 * before.  The first row of a cell (by change_id) so holds what the vendor has;
 * a cell without rows is as the vendor has it.  A row without a column says
 * that the vendor has nothing of the profile at all.  So a diff reads what was
 * changed and not all there is, a change that was undone is no difference, and
 * nothing needs to be kept of what the vendor has and nobody changed.
 *
 * Rows are only ever appended, and each has its own key: a confirmation deletes
 * the very rows that its export has read (exports.changes_read), so the change
 * of a transaction that commits later is never lost.  The changes of one cell
 * get their change_ids in the order in which they happen, because whoever
 * changes a row holds its lock until the end of the transaction.
 *
 * A row whose value turns out to be the present one does no harm, so where it
 * is not known whether something will change (a BEFORE trigger may yet be
 * overruled by another), it is noted.
 *
 * The log is written as the account's owner, as foreign keys write.
 */
#include "change_log.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "core/header.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(orgsync_change_log_profiles);
PG_FUNCTION_INFO_V1(orgsync_change_log_seats);
PG_FUNCTION_INFO_V1(orgsync_change_log_memberships);
PG_FUNCTION_INFO_V1(orgsync_change_log_permissions);

/* Rows are written so many at a time. */
#define BATCH_SIZE	1000

/* Collects rows for "changes"; see log_begin(). */
typedef struct ChangeLog
{
	const Account *account;
	MemoryContext batch_context;	/* holds the values of the batch */
	int			count;
	Datum		profile_ids[BATCH_SIZE];
	Datum		column_names[BATCH_SIZE];
	Datum		vendor_values[BATCH_SIZE];
	bool		no_column[BATCH_SIZE];
	bool		no_value[BATCH_SIZE];
} ChangeLog;

/* Profiles that an import is making, sorted; see change_log_expect_new(). */
static Oid	expected_account = InvalidOid;
static const int64 *expected_profiles = NULL;
static int64 expected_count = 0;

/*
 * Tells the triggers which profiles this import makes: the vendor has nothing
 * of them, so that their cells need no rows of their own.  profile_ids must be
 * sorted and stay there until change_log_expect_none(), which must be called
 * also after an error.
 */
void
change_log_expect_new(const Account *account, const int64 *profile_ids, int64 count)
{
	expected_account = account->namespace_oid;
	expected_profiles = profile_ids;
	expected_count = count;
}

void
change_log_expect_none(void)
{
	expected_account = InvalidOid;
	expected_count = 0;
}

static bool
is_expected_new(const Account *account, int64 profile_id)
{
	return expected_count > 0 && expected_account == account->namespace_oid &&
		bsearch(&profile_id, expected_profiles, expected_count, sizeof(int64), compare_int64s) != NULL;
}

static ChangeLog *
log_begin(const Account *account)
{
	ChangeLog  *log = palloc(sizeof(ChangeLog));

	log->account = account;
	log->count = 0;
	log->batch_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync change log",
											   ALLOCSET_DEFAULT_SIZES);
	return log;
}

static Datum
column_array(Datum *values, bool *nulls, int count, Oid type, int length, bool by_value, char alignment)
{
	int			lower_bound = 1;

	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower_bound, type, length,
											  by_value, alignment));
}

static void
log_flush(ChangeLog *log)
{
	SqlArgument arguments[3];
	OwnerContext context;
	MemoryContext old_context;

	if (log->count == 0)
		return;
	old_context = MemoryContextSwitchTo(log->batch_context);
	arguments[0] = SQL_DATUM(INT8ARRAYOID, column_array(log->profile_ids, NULL, log->count, INT8OID,
														sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	arguments[1] = SQL_DATUM(TEXTARRAYOID, column_array(log->column_names, log->no_column, log->count,
														TEXTOID, -1, false, TYPALIGN_INT));
	arguments[2] = SQL_DATUM(TEXTARRAYOID, column_array(log->vendor_values, log->no_value, log->count,
														TEXTOID, -1, false, TYPALIGN_INT));
	MemoryContextSwitchTo(old_context);

	account_become_owner(log->account, &context);
	(void) sql_run(log->account,
				   "INSERT INTO @account.changes (profile_id, column_name, vendor_value)"
				   " SELECT * FROM unnest($1, $2, $3)", 3, arguments);
	account_restore_user(&context);
	MemoryContextReset(log->batch_context);
	log->count = 0;
}

/*
 * Adds a row: what the cell held before it changed.  column_name NULL is the
 * whole profile; vendor_value NULL is nothing.
 */
static void
log_add(ChangeLog *log, int64 profile_id, const char *column_name, const char *vendor_value)
{
	MemoryContext old_context = MemoryContextSwitchTo(log->batch_context);
	int			i = log->count++;

	log->profile_ids[i] = Int64GetDatum(profile_id);
	log->no_column[i] = column_name == NULL;
	log->column_names[i] = column_name ? CStringGetTextDatum(column_name) : (Datum) 0;
	log->no_value[i] = vendor_value == NULL;
	log->vendor_values[i] = vendor_value ? CStringGetTextDatum(vendor_value) : (Datum) 0;
	MemoryContextSwitchTo(old_context);
	if (log->count == BATCH_SIZE)
		log_flush(log);
}

static bool
strings_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ---- profiles ---- */

static char *
jsonb_value_string(const JsonbValue *value)
{
	Jsonb	   *json;

	if (value == NULL || value->type == jbvNull)
		return NULL;
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	json = JsonbValueToJsonb(unconstify(JsonbValue *, value));
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

/* Notes the attributes of one object that the other does not have the same. */
static void
log_attributes_of(ChangeLog *log, int64 profile_id, Jsonb *of, Jsonb *other, bool of_is_old)
{
	JsonbIterator *iterator = JsonbIteratorInit(&of->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		JsonbValue *counterpart = NULL;
		char	   *mine;
		char	   *others;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (other != NULL)
			counterpart = findJsonbValueFromContainer(&other->root, JB_FOBJECT, &key);
		if (!of_is_old && counterpart != NULL)
			continue;			/* compared from the other side */
		mine = jsonb_value_string(&value);
		others = jsonb_value_string(counterpart);
		if (other == NULL || !strings_equal(mine, others))
			log_add(log, profile_id,
					psprintf("attribute_%.*s", key.val.string.len, key.val.string.val),
					of_is_old ? mine : others);
	}
}

static void
log_attributes(ChangeLog *log, int64 profile_id, TupleTableSlot *old_slot, TupleTableSlot *new_slot)
{
	bool		isnull;
	Datum		old_value = slot_getattr(old_slot, PROFILES_ATTRIBUTES, &isnull);
	Jsonb	   *old_attributes = isnull ? NULL : DatumGetJsonbP(old_value);
	Datum		new_value = new_slot ? slot_getattr(new_slot, PROFILES_ATTRIBUTES, &isnull) : (Datum) 0;
	Jsonb	   *new_attributes = new_slot == NULL || isnull ? NULL : DatumGetJsonbP(new_value);

	if (old_attributes != NULL && new_attributes != NULL && datum_image_eq(old_value, new_value, false, -1))
		return;
	if (old_attributes != NULL)
		log_attributes_of(log, profile_id, old_attributes, new_attributes, true);
	if (new_attributes != NULL)
		log_attributes_of(log, profile_id, new_attributes, old_attributes, false);
}

static const struct
{
	int			column;
	const char *name;
}			profile_cells[] =
{
	{PROFILES_PRIMARY_EMAIL_ADDRESS, "primary_email_address"},
	{PROFILES_UNIQUE_USER_ID, "unique_user_id"},
	{PROFILES_PREFERRED_FIRST_NAME, "preferred_first_name"},
	{PROFILES_PREFERRED_LAST_NAME, "preferred_last_name"},
	{PROFILES_WORK_TITLE, "work_title"}
};

/* Notes the cells of a profile that changed, all of them if it was deleted. */
static void
log_profile(ChangeLog *log, TupleTableSlot *old_slot, TupleTableSlot *new_slot)
{
	int64		profile_id = slot_int64(old_slot, PROFILES_PROFILE_ID);

	for (size_t i = 0; i < lengthof(profile_cells); i++)
	{
		char	   *before = slot_string(old_slot, profile_cells[i].column);

		if (new_slot == NULL || !strings_equal(before, slot_string(new_slot, profile_cells[i].column)))
			log_add(log, profile_id, profile_cells[i].name, before);
	}
	log_attributes(log, profile_id, old_slot, new_slot);
}

/*
 * Trigger on profiles.  Of a deleted profile every cell is noted, so that all
 * is known of it that the vendor has.  One that gets another profile_id is
 * deleted and made.
 */
Datum
orgsync_change_log_profiles(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "change_log_profiles", "profiles");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	ChangedRows rows;
	ChangeLog  *log;

	SPI_connect();
	log = log_begin(account);
	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		bool		is_same = rows.old_slot != NULL && rows.new_slot != NULL &&
			slot_int64(rows.old_slot, PROFILES_PROFILE_ID) == slot_int64(rows.new_slot, PROFILES_PROFILE_ID);

		if (rows.old_slot != NULL)
			log_profile(log, rows.old_slot, is_same ? rows.new_slot : NULL);
		if (rows.new_slot != NULL && !is_same)
			log_add(log, slot_int64(rows.new_slot, PROFILES_PROFILE_ID), NULL, NULL);
	}
	changed_rows_end(&rows);
	log_flush(log);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* ---- seats, memberships: cells whose column is a row of another table ---- */

/* The column names of licenses or groups, by id; they are read when first met. */
typedef struct ColumnNames
{
	const Account *account;
	const char *query;			/* id to name */
	const char *prefix;			/* put before the name */
	int			count;
	int			capacity;
	int		   *ids;
	char	  **names;			/* NULL: is being deleted, and was noted by its own trigger */
	MemoryContext context;
} ColumnNames;

/*
 * Whoever renames a group or a license notes all who have it then; so it must
 * not be renamed under somebody who is still to be seen having it.  A header is
 * a key, so a lock such as foreign keys take is enough, and the number of seats
 * may change meanwhile; a name's key is an expression, which does not count.
 */
static const char license_query[] =
	"SELECT header::text FROM @account.licenses WHERE license_id = $1 FOR KEY SHARE";
static const char group_query[] =
	"SELECT name FROM @account.groups WHERE group_id = $1 FOR SHARE";

static const char *
column_name_of(ColumnNames *names, int id)
{
	MemoryContext old_context;
	OwnerContext context;
	char	   *name = NULL;
	int			i;

	for (i = 0; i < names->count; i++)
		if (names->ids[i] == id)
			return names->names[i];

	account_become_owner(names->account, &context);
	if (sql_run_latest(names->account, names->query, 1, (SqlArgument[]) {SQL_INT4(id)}) > 0)
		name = sql_string(0, 0);
	account_restore_user(&context);

	/* a statement may deal with very many groups */
	CHECK_FOR_INTERRUPTS();
	old_context = MemoryContextSwitchTo(names->context);
	if (names->count == names->capacity)
	{
		names->capacity = Max(names->capacity * 2, 16);
		names->ids = names->ids ? repalloc(names->ids, sizeof(int) * names->capacity) :
			palloc(sizeof(int) * names->capacity);
		names->names = names->names ? repalloc(names->names, sizeof(char *) * names->capacity) :
			palloc(sizeof(char *) * names->capacity);
	}
	names->ids[names->count] = id;
	names->names[names->count] = name ? psprintf("%s%s", names->prefix, name) : NULL;
	MemoryContextSwitchTo(old_context);
	SPI_freetuptable(SPI_tuptable);
	return names->names[names->count++];
}

/* Notes a cell unless the vendor has nothing of the profile or nothing changed. */
static void
log_cell(ChangeLog *log, ColumnNames *names, int64 profile_id, int id, const char *before, const char *after)
{
	const char *column_name;

	if (strcmp(before, after) == 0 || is_expected_new(log->account, profile_id))
		return;
	column_name = column_name_of(names, id);
	if (column_name != NULL)
		log_add(log, profile_id, column_name, before);
}

/* The cell of a seat, as a file has it. */
static const char *
seat_cell(TupleTableSlot *slot, Oid invited, Oid activated)
{
	bool		isnull;
	Oid			status;

	if (slot == NULL)
		return "inactive";
	status = DatumGetObjectId(slot_getattr(slot, SEATS_STATUS, &isnull));
	return status == invited || status == activated ? "active" : "inactive";
}

/*
 * The two tables that link profiles to licenses and to groups are logged alike:
 * a row that moves to another profile or license is one that goes and one that
 * comes.
 */
static void
log_links(TriggerData *trigger, ColumnNames *names, bool are_seats)
{
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	Oid			invited = InvalidOid;
	Oid			activated = InvalidOid;
	ChangedRows rows;
	ChangeLog  *log;

	SPI_connect();
	if (are_seats)
	{
		Oid			type = catalog_type("seat_status");

		invited = DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, "invited", type, -1));
		activated = DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, "activated", type, -1));
	}
	names->account = account;
	names->context = CurrentMemoryContext;
	log = log_begin(account);
	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		TupleTableSlot *before = rows.old_slot;
		TupleTableSlot *after = rows.new_slot;
		const char *nothing = are_seats ? "inactive" : "no";
		const char *old_cell = before == NULL ? nothing :
			are_seats ? seat_cell(before, invited, activated) : "yes";
		const char *new_cell = after == NULL ? nothing :
			are_seats ? seat_cell(after, invited, activated) : "yes";

		if (before != NULL && after != NULL &&
			slot_int64(before, SEATS_PROFILE_ID) == slot_int64(after, SEATS_PROFILE_ID) &&
			slot_int32(before, SEATS_LICENSE_ID) == slot_int32(after, SEATS_LICENSE_ID))
		{
			log_cell(log, names, slot_int64(after, SEATS_PROFILE_ID), slot_int32(after, SEATS_LICENSE_ID),
					 old_cell, new_cell);
			continue;
		}
		if (before != NULL)
			log_cell(log, names, slot_int64(before, SEATS_PROFILE_ID), slot_int32(before, SEATS_LICENSE_ID),
					 old_cell, nothing);
		if (after != NULL)
			log_cell(log, names, slot_int64(after, SEATS_PROFILE_ID), slot_int32(after, SEATS_LICENSE_ID),
					 nothing, new_cell);
	}
	changed_rows_end(&rows);
	log_flush(log);
	SPI_finish();
}

StaticAssertDecl(SEATS_PROFILE_ID == MEMBERSHIPS_PROFILE_ID && SEATS_LICENSE_ID == MEMBERSHIPS_GROUP_ID,
				 "seats and memberships begin with the same columns");

/* Trigger on seats. */
Datum
orgsync_change_log_seats(PG_FUNCTION_ARGS)
{
	ColumnNames names = {.query = license_query,.prefix = ""};

	log_links(trigger_check(fcinfo, "change_log_seats", "seats"), &names, true);
	return PointerGetDatum(NULL);
}

/* Trigger on memberships. */
Datum
orgsync_change_log_memberships(PG_FUNCTION_ARGS)
{
	ColumnNames names = {.query = group_query,.prefix = "group:"};

	log_links(trigger_check(fcinfo, "change_log_memberships", "memberships"), &names, false);
	return PointerGetDatum(NULL);
}

/* ---- permissions ---- */

/* Trigger on permissions. */
Datum
orgsync_change_log_permissions(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "change_log_permissions", "permissions");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	ChangedRows rows;
	ChangeLog  *log;

	SPI_connect();
	log = log_begin(account);
	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		char	   *before = slot_string(rows.old_slot, PERMISSIONS_SCOPE);
		char	   *after = slot_string(rows.new_slot, PERMISSIONS_SCOPE);
		char	   *old_permission = slot_string(rows.old_slot, PERMISSIONS_PERMISSION);
		char	   *new_permission = slot_string(rows.new_slot, PERMISSIONS_PERMISSION);
		int64		old_id = rows.old_slot ? slot_int64(rows.old_slot, PERMISSIONS_PROFILE_ID) : 0;
		int64		new_id = rows.new_slot ? slot_int64(rows.new_slot, PERMISSIONS_PROFILE_ID) : 0;
		bool		same = rows.old_slot != NULL && rows.new_slot != NULL && old_id == new_id &&
			strings_equal(old_permission, new_permission);

		if (same && strings_equal(before, after))
			continue;
		if (rows.old_slot != NULL && !is_expected_new(account, old_id))
			log_add(log, old_id, old_permission, before);
		if (rows.new_slot != NULL && !same && !is_expected_new(account, new_id))
			log_add(log, new_id, new_permission, "no");
	}
	changed_rows_end(&rows);
	log_flush(log);
	SPI_finish();
	return PointerGetDatum(NULL);
}
