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

extern void trigger_check_columns(Relation relation);
extern TriggerData *trigger_check(FunctionCallInfo fcinfo, const char *function, const char *table);
extern void trigger_rows_begin(TriggerRows *scan, const TriggerData *trigger, Tuplestorestate *rows);
extern bool trigger_rows_next(TriggerRows *scan);
extern void trigger_rows_end(TriggerRows *scan);
extern int	compare_ints(const void *a, const void *b);
extern int	compare_int64s(const void *a, const void *b);

#endif
