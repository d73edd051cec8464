/*
 * first_load.h
 *		The first rows of a table: its pages and indexes.
 */
#ifndef ORGSYNC_FIRST_LOAD_H
#define ORGSYNC_FIRST_LOAD_H

#include "compat.h"

#include "access/htup.h"
#include "executor/tuptable.h"
#include "page_writer.h"
#include "utils/rel.h"

typedef struct FirstLoad FirstLoad;

extern FirstLoad *first_load_begin(Relation relation, int64 row_count, PageWriter *writer);
extern bool first_load_takes_rows(const FirstLoad *load);
extern void first_load_put(FirstLoad *load, HeapTuple row);
extern void first_load_write(FirstLoad *load);
extern void first_load_add_entries(FirstLoad *load, TupleTableSlot *row);
extern int64 first_load_steps(const FirstLoad *load);
extern List *first_load_end(FirstLoad *load);
extern void first_load_build_indexes(List *indexes, int64 row_count);

#endif
