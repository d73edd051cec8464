/*
 * name_table.h
 *		Hash tables whose keys are strings of any length.
 */
#ifndef ORGSYNC_NAME_TABLE_H
#define ORGSYNC_NAME_TABLE_H

#include "utils/hsearch.h"

extern HTAB *name_table_create(const char *what, Size entry_size, MemoryContext context);
extern void *name_table_enter(HTAB *table, const char *name, Size entry_size, MemoryContext context);
extern void *name_table_sorted(HTAB *table, int *count);

#endif
