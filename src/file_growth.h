/*
 * file_growth.h
 *		Makes the file of a relation longer by many pages at once.
 */
#ifndef ORGSYNC_FILE_GROWTH_H
#define ORGSYNC_FILE_GROWTH_H

#include "compat.h"

#include "storage/buf.h"
#include "storage/smgr.h"
#include "utils/rel.h"

extern void file_growth_preallocate(SMgrRelation file, BlockNumber first, int count);
/* What aligned writing needs. */
#define PAGE_ALIGNMENT	4096

extern char *file_growth_path(SMgrRelation file, BlockNumber first, int count);
extern BlockNumber file_growth_extend(SMgrRelation file, BlockNumber count);
extern void file_growth_write(SMgrRelation file, BlockNumber first, char *pages, int count);
extern void file_growth_hand_over(SMgrRelation file, BlockNumber first, int count);
extern void file_growth_trim(SMgrRelation file, BlockNumber count);
extern bool file_growth_add(Relation relation, BufferAccessStrategy strategy, Buffer *buffers, int count);
extern void file_growth_reserve(Relation relation, BufferAccessStrategy strategy);

#endif
