/*
 * spool.h
 *		A sequence of bytes that is written once and read again and again.
 */
#ifndef ORGSYNC_SPOOL_H
#define ORGSYNC_SPOOL_H

#include "orgsync.h"

typedef struct Spool Spool;

extern Spool *spool_create(Size memory_limit);
extern void spool_write(Spool *spool, const void *data, Size size);
extern void spool_rewind(Spool *spool);
extern void spool_drain(Spool *spool);
extern bool spool_is_drained(const Spool *spool);
extern bool spool_read(Spool *spool, void *data, Size size);
extern void spool_free(Spool *spool);

#endif
