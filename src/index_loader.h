/*
 * index_loader.h
 *		Builds an index of an empty table while the table is being filled.
 */
#ifndef ORGSYNC_INDEX_LOADER_H
#define ORGSYNC_INDEX_LOADER_H

#include "compat.h"

#include "executor/tuptable.h"
#include "page_writer.h"
#include "utils/rel.h"

/* An entry that waits is sorted and written: so many steps of import_progress_step(). */
#define STEPS_PER_ENTRY	2

typedef struct IndexLoader IndexLoader;

extern IndexLoader *index_loader_begin(Relation relation, Oid index_oid, int64 row_count, PageWriter *writer);
extern void index_loader_add(IndexLoader *loader, TupleTableSlot *row);
extern int64 index_loader_waiting(const IndexLoader *loader);
extern bool index_loader_end(IndexLoader *loader);

#endif
