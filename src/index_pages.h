/*
 * index_pages.h
 *		Writes the pages of a btree whose entries come in order.
 */
#ifndef ORGSYNC_INDEX_PAGES_H
#define ORGSYNC_INDEX_PAGES_H

#include "compat.h"

#include "access/itup.h"
#include "utils/rel.h"

typedef struct IndexPages IndexPages;

extern IndexPages *index_pages_begin(Relation index);
extern bool index_pages_add(IndexPages *pages, IndexTuple tuple);
extern bool index_pages_end(IndexPages *pages);

#endif
