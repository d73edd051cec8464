/*
 * trigger_rows.c
 *		Reads transition tables, and checks how a trigger function was called.
 */
#include "trigger_rows.h"

#include "account.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/* The columns that triggers read by their numbers. */
static const struct
{
	const char *table;
	int			column;
	Oid			type;			/* InvalidOid: our own of that name */
	const char *type_name;
}			read_columns[] =
{
	{"profiles", PROFILES_PROFILE_ID, INT8OID, NULL},
	{"profiles", PROFILES_PRIMARY_EMAIL_ADDRESS, InvalidOid, "email_address"},
	{"profiles", PROFILES_UNIQUE_USER_ID, TEXTOID, NULL},
	{"profiles", PROFILES_PREFERRED_FIRST_NAME, TEXTOID, NULL},
	{"profiles", PROFILES_PREFERRED_LAST_NAME, TEXTOID, NULL},
	{"profiles", PROFILES_WORK_TITLE, TEXTOID, NULL},
	{"profiles", PROFILES_ATTRIBUTES, JSONBOID, NULL},
	{"profiles", PROFILES_REUPLOAD_USER_PROFILE, BOOLOID, NULL},
	{"profiles", PROFILES_UPDATED_AT, TIMESTAMPTZOID, NULL},
	{"seats", SEATS_PROFILE_ID, INT8OID, NULL},
	{"seats", SEATS_LICENSE_ID, INT4OID, NULL},
	{"seats", SEATS_STATUS, InvalidOid, "seat_status"},
	{"seats", SEATS_SINCE, TIMESTAMPTZOID, NULL},
	{"memberships", MEMBERSHIPS_PROFILE_ID, INT8OID, NULL},
	{"memberships", MEMBERSHIPS_GROUP_ID, INT4OID, NULL},
	{"permissions", PERMISSIONS_PROFILE_ID, INT8OID, NULL},
	{"permissions", PERMISSIONS_PERMISSION, TEXTOID, NULL},
	{"permissions", PERMISSIONS_SCOPE, InvalidOid, "group_scope"},
	{"feed_groups", FEED_GROUPS_PROFILE_ID, INT8OID, NULL},
	{"licenses", LICENSES_LICENSE_ID, INT4OID, NULL},
	{"licenses", LICENSES_HEADER, InvalidOid, "license_header"},
	{"licenses", LICENSES_SEATS, INT4OID, NULL},
	{"licenses", LICENSES_COUNTING, InvalidOid, "seat_counting"},
	{"seat_counters", SEAT_COUNTERS_LICENSE_ID, INT4OID, NULL},
	{"seat_counters", SEAT_COUNTERS_SLOT, INT2OID, NULL},
	{"seat_counters", SEAT_COUNTERS_WAITLISTED, INT8OID, NULL},
	{"seat_counters", SEAT_COUNTERS_INVITED, INT8OID, NULL},
	{"seat_counters", SEAT_COUNTERS_ACTIVATED, INT8OID, NULL},
	{"seat_counters", SEAT_COUNTERS_FREE, INT8OID, NULL},
	{"seat_counters", SEAT_COUNTERS_COUNTS_INVITED, BOOLOID, NULL},
	{"seat_counters", SEAT_COUNTERS_GUARDED, BOOLOID, NULL},
	{"groups", GROUPS_GROUP_ID, INT4OID, NULL},
	{"groups", GROUPS_NAME, TEXTOID, NULL}
};

/*
 * Makes sure that a table has the columns that its triggers read.  Anybody may
 * make a schema that looks like an account, and an owner may alter a table; a
 * value that is taken for one of another type would bring the server down.
 */
void
trigger_check_columns(Relation relation)
{
	const char *table = RelationGetRelationName(relation);
	TupleDesc	descriptor = RelationGetDescr(relation);

	for (size_t i = 0; i < lengthof(read_columns); i++)
	{
		int			column = read_columns[i].column;

		if (strcmp(read_columns[i].table, table) != 0)
			continue;
		if (column > descriptor->natts ||
			TupleDescAttr(descriptor, column - 1)->atttypid !=
			(OidIsValid(read_columns[i].type) ? read_columns[i].type : catalog_type(read_columns[i].type_name)))
			ereport(ERROR,
					errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("table \"%s\" does not have the columns of an account's", table),
					errhint("Columns may be added to the tables of an account, but not dropped or changed."));
	}
}

/*
 * Raises the error of a trigger function that was attached to something else, or
 * called by hand.
 */
void
trigger_refuse(const char *function, const char *table)
{
	ereport(ERROR,
			errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			errmsg("function \"%s\" was not called by its trigger on an account's table \"%s\"",
				   function, table),
			errhint("The triggers of an account are made by orgsync.create_account()."));
}

/*
 * The trigger's data, if the function was fired for each statement on the named
 * table of an account, after it and with the transition tables of the event
 * (TRUNCATE has none); else an error, for people may attach the function to
 * whatever they like, or call it by hand.
 */
TriggerData *
trigger_check(FunctionCallInfo fcinfo, const char *function, const char *table)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) ||
		(!TRIGGER_FIRED_AFTER(trigger->tg_event) && !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event)) ||
		strcmp(RelationGetRelationName(trigger->tg_relation), table) != 0 ||
		!account_is_one(RelationGetNamespace(trigger->tg_relation)) ||
		((TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) &&
		 trigger->tg_newtable == NULL) ||
		((TRIGGER_FIRED_BY_DELETE(trigger->tg_event) || TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) &&
		 trigger->tg_oldtable == NULL))
		trigger_refuse(function, table);
	trigger_check_columns(trigger->tg_relation);
	return trigger;
}

/*
 * Begins to read a transition table, from its first row.  The slot is the
 * scan's; other scans of the same table are not disturbed.
 */
void
trigger_rows_begin(TriggerRows *scan, const TriggerData *trigger, Tuplestorestate *rows)
{
	scan->rows = rows;
	scan->read_pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, scan->read_pointer);
	tuplestore_rescan(rows);
	scan->slot = MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation), &TTSOpsMinimalTuple);
}

/* Moves on to the next row, into the scan's slot; false at the end. */
bool
trigger_rows_next(TriggerRows *scan)
{
	tuplestore_select_read_pointer(scan->rows, scan->read_pointer);
	return tuplestore_gettupleslot(scan->rows, true, false, scan->slot);
}

void
trigger_rows_end(TriggerRows *scan)
{
	ExecDropSingleTupleTableSlot(scan->slot);
}

/* Begins a pass over the rows of the trigger's transition tables. */
void
changed_rows_begin(ChangedRows *rows, TriggerData *trigger)
{
	memset(rows, 0, sizeof(ChangedRows));
	rows->has_old = trigger->tg_oldtable != NULL;
	rows->has_new = trigger->tg_newtable != NULL;
	if (rows->has_old)
		trigger_rows_begin(&rows->old_rows, trigger, trigger->tg_oldtable);
	if (rows->has_new)
		trigger_rows_begin(&rows->new_rows, trigger, trigger->tg_newtable);
	rows->row_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync changed row", ALLOCSET_SMALL_SIZES);
	rows->saved_context = CurrentMemoryContext;
}

/* Moves on to the next row; false at the end. */
bool
changed_rows_next(ChangedRows *rows)
{
	bool		found = true;

	MemoryContextSwitchTo(rows->saved_context);
	MemoryContextReset(rows->row_context);
	if (rows->has_old)
		found = trigger_rows_next(&rows->old_rows);
	if (rows->has_new)
		found = trigger_rows_next(&rows->new_rows) && found;
	rows->old_slot = rows->has_old ? rows->old_rows.slot : NULL;
	rows->new_slot = rows->has_new ? rows->new_rows.slot : NULL;
	MemoryContextSwitchTo(rows->row_context);
	return found;
}

void
changed_rows_end(ChangedRows *rows)
{
	MemoryContextSwitchTo(rows->saved_context);
	if (rows->has_old)
		trigger_rows_end(&rows->old_rows);
	if (rows->has_new)
		trigger_rows_end(&rows->new_rows);
	MemoryContextDelete(rows->row_context);
}

/* Values of a row that are not null. */
int64
slot_int64(TupleTableSlot *slot, int column)
{
	bool		isnull;

	return DatumGetInt64(slot_getattr(slot, column, &isnull));
}

int32
slot_int32(TupleTableSlot *slot, int column)
{
	bool		isnull;

	return DatumGetInt32(slot_getattr(slot, column, &isnull));
}

/* A text-like value as a palloc'd string, NULL for null; slot may be NULL. */
char *
slot_string(TupleTableSlot *slot, int column)
{
	bool		isnull;
	Datum		value;

	if (slot == NULL)
		return NULL;
	value = slot_getattr(slot, column, &isnull);
	return isnull ? NULL : TextDatumGetCString(value);
}

/* Comparators for qsort() and bsearch(). */
int
compare_ints(const void *a, const void *b)
{
	return (*(const int *) a > *(const int *) b) - (*(const int *) a < *(const int *) b);
}

int
compare_int64s(const void *a, const void *b)
{
	return (*(const int64 *) a > *(const int64 *) b) - (*(const int64 *) a < *(const int64 *) b);
}
