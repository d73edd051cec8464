/*
 * trigger_rows.h
 *		Reads transition tables, and checks how a trigger function was called.
 */
#ifndef ORGSYNC_TRIGGER_ROWS_H
#define ORGSYNC_TRIGGER_ROWS_H

#include "orgsync.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/tuplestore.h"

/* A scan of a transition table; see trigger_rows_begin(). */
typedef struct TriggerRows
{
	Tuplestorestate *rows;
	TupleTableSlot *slot;		/* the present row */
	int			read_pointer;
} TriggerRows;

/*
 * One pass over what a statement changed.  Of an UPDATE, the server puts the
 * old and the new version of a row into the two tables in the same order.
 */
typedef struct ChangedRows
{
	TriggerRows old_rows;
	TriggerRows new_rows;
	bool		has_old;
	bool		has_new;
	TupleTableSlot *old_slot;	/* NULL: inserted */
	TupleTableSlot *new_slot;	/* NULL: deleted */
	MemoryContext row_context;	/* current while a row is looked at */
	MemoryContext saved_context;
} ChangedRows;

extern void trigger_check_columns(Relation relation);
extern void trigger_refuse(const char *function, const char *table) pg_attribute_noreturn();
extern TriggerData *trigger_check(FunctionCallInfo fcinfo, const char *function, const char *table);
extern void trigger_rows_begin(TriggerRows *scan, const TriggerData *trigger, Tuplestorestate *rows);
extern bool trigger_rows_next(TriggerRows *scan);
extern void trigger_rows_end(TriggerRows *scan);
extern void changed_rows_begin(ChangedRows *rows, TriggerData *trigger);
extern bool changed_rows_next(ChangedRows *rows);
extern void changed_rows_end(ChangedRows *rows);
extern int64 slot_int64(TupleTableSlot *slot, int column);
extern int32 slot_int32(TupleTableSlot *slot, int column);
extern char *slot_string(TupleTableSlot *slot, int column);
extern int	compare_ints(const void *a, const void *b);
extern int	compare_int64s(const void *a, const void *b);

#endif
