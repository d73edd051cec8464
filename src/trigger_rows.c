/*
 * trigger_rows.c
 *		Reads transition tables, and checks how a trigger function was called.
 */
#include "trigger_rows.h"

#include "account.h"
#include "executor/executor.h"
#include "utils/rel.h"

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
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" was not called by its trigger on an account's table \"%s\"",
					   function, table),
				errhint("The triggers of an account are made by orgsync.create_account()."));
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
