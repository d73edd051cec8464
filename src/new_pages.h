/*
 * new_pages.h
 *		Adds pages to the new file of a relation, past the shared buffers.
 */
#ifndef ORGSYNC_NEW_PAGES_H
#define ORGSYNC_NEW_PAGES_H

#include "compat.h"

#include "access/xlogdefs.h"
#include "page_writer.h"
#include "storage/block.h"
#include "storage/bufpage.h"
#include "utils/rel.h"

/* Pages that wait to be written, one behind the other. */
typedef struct NewPages
{
	Relation	relation;
	char	   *pages;
	int			count;
	BlockNumber next_block;		/* behind those that were written, if the file ends there: */
	BlockNumber end_block;
	char	   *own_pages;		/* memory for them where there is no batch */
	PageWriter *writer;			/* NULL: we write them ourselves */
	PageBatch  *batch;			/* in which they are, or NULL */
	bool		is_put;			/* some were put into batches */
	XLogRecPtr	redo;			/* of the last checkpoint, when the file was made */
} NewPages;

extern void new_pages_begin(NewPages *pages, Relation relation, PageWriter *writer);
extern bool new_pages_are_full(const NewPages *pages);
extern Page new_pages_add(NewPages *pages);
extern Page new_pages_get(const NewPages *pages, int number);
extern BlockNumber new_pages_next_block(const NewPages *pages);
extern void new_pages_log(const NewPages *pages, BlockNumber first);
extern void new_pages_write(NewPages *pages, BlockNumber first);
extern void new_pages_give_up(NewPages *pages);
extern void new_pages_end(NewPages *pages);

#endif
