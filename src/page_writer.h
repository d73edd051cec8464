/*
 * page_writer.h
 *		Another process that writes new pages, while the load goes on.
 */
#ifndef ORGSYNC_PAGE_WRITER_H
#define ORGSYNC_PAGE_WRITER_H

#include "compat.h"

/* Pages that are written at once; one record of the WAL could hold twice as many, the cache could not. */
#define BATCH_PAGES		16

typedef struct PageWriter PageWriter;
typedef struct PageBatch PageBatch;

extern PageWriter *page_writer_create(void);
extern PageBatch *page_writer_take(PageWriter *writer);
extern char *page_writer_pages(const PageWriter *writer, const PageBatch *batch);
extern void page_writer_put(PageWriter *writer, PageBatch *batch, const char *path, off_t offset, Size size);
extern void page_writer_give_back(PageBatch *batch);
extern void page_writer_wait(PageWriter *writer);
extern void page_writer_end(PageWriter *writer);

#endif
