/*
 * index_pages.h
 *		Writes the pages of a btree whose entries come in order.
 */
#ifndef ORGSYNC_INDEX_PAGES_H
#define ORGSYNC_INDEX_PAGES_H

#include "compat.h"

#include "access/itup.h"
#include "page_writer.h"
#include "storage/bufpage.h"
#include "utils/rel.h"

typedef struct IndexPages IndexPages;

/* Makes room for an item on the page, which must be there, behind the others; returns the place. */
static inline char *
index_page_add_item(Page page, Size size)
{
	PageHeader	header = (PageHeader) page;
	ItemId		item = (ItemId) ((char *) page + header->pd_lower);

	header->pd_lower += sizeof(ItemIdData);
	header->pd_upper -= MAXALIGN(size);
	ItemIdSetNormal(item, header->pd_upper, size);
	return (char *) page + header->pd_upper;
}

extern IndexPages *index_pages_begin(Relation index, PageWriter *writer);
extern bool index_pages_add(IndexPages *pages, IndexTuple tuple);
extern bool index_pages_end(IndexPages *pages);

#endif
