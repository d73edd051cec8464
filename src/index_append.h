/*
 * index_append.h
 *		Puts sorted entries into a btree of bigints, many at a time.
 */
#ifndef ORGSYNC_INDEX_APPEND_H
#define ORGSYNC_INDEX_APPEND_H

#include "compat.h"

#include "nodes/execnodes.h"
#include "utils/rel.h"

#define BIGINT_ENTRY_KEYS	2

/* An entry of an index of one or two bigints. */
typedef struct BigintEntry
{
	int64		keys[BIGINT_ENTRY_KEYS];	/* 0 behind the last one */
	ItemPointerData tuple;
} BigintEntry;

/* In the order of the index. */
static inline int
bigint_entry_compare(const BigintEntry *a, const BigintEntry *b)
{
	if (a->keys[0] != b->keys[0])
		return a->keys[0] < b->keys[0] ? -1 : 1;
	return (a->keys[1] > b->keys[1]) - (a->keys[1] < b->keys[1]);
}

extern void index_append(Relation heap, Relation index, IndexInfo *info, BigintEntry *entries, int count);

#endif
