/*
 * empty_index.h
 *		Indexes of tables without rows, made without waiting for the disk.
 */
#ifndef ORGSYNC_EMPTY_INDEX_H
#define ORGSYNC_EMPTY_INDEX_H

#include "orgsync.h"

#ifdef COMPAT_BUILDS_OF_INDEXES_WAIT
extern void empty_index_init(void);
extern void empty_index_allow(bool allow);
#else
#define empty_index_init()			((void) 0)
#define empty_index_allow(allow)	((void) (allow))
#endif

#endif
