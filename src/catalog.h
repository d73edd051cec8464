/*
 * catalog.h
 *		OIDs of the extension's own types.
 */
#ifndef ORGSYNC_CATALOG_H
#define ORGSYNC_CATALOG_H

#include "orgsync.h"

extern Oid	catalog_schema(void);
extern Oid	catalog_type(const char *name);
extern Oid	catalog_enum(const char *type, const char *label);

#endif
