/*
 * index_runs.h
 *		Entries of an index that are too many for memory: sorted runs on disk.
 */
#ifndef ORGSYNC_INDEX_RUNS_H
#define ORGSYNC_INDEX_RUNS_H

#include "index_entry.h"

typedef struct IndexRuns IndexRuns;

extern IndexRuns *index_runs_create(bool is_text, bool folds);
extern void index_runs_add(IndexRuns *runs, const IndexEntries *entries, int64 count);
extern void index_runs_rewind(IndexRuns *runs);
extern bool index_runs_next(IndexRuns *runs, IndexEntry *entry);
extern int64 index_runs_count(const IndexRuns *runs);
extern void index_runs_free(IndexRuns *runs);

#endif
