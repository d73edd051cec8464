/*
 * huge_pages.h
 *		Memory that is read all over.
 */
#ifndef ORGSYNC_HUGE_PAGES_H
#define ORGSYNC_HUGE_PAGES_H

#include "postgres.h"

extern void *huge_pages_alloc(MemoryContext context, Size size, bool zeroed);
extern void huge_pages_free(void *memory);

#endif
