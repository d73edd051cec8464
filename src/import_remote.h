/*
 * import_remote.h
 *		What the vendor's own list of users says; see import_remote.c.
 */
#ifndef ORGSYNC_IMPORT_REMOTE_H
#define ORGSYNC_IMPORT_REMOTE_H

#include "import.h"

typedef struct RemoteDifference RemoteDifference;

extern RemoteDifference *remote_difference_create(void);
extern void remote_difference_end(RemoteDifference *difference);
extern void remote_difference_person(RemoteDifference *difference, int64 profile_id, bool is_listed,
									 int64 replaced_id);
extern bool remote_difference_compare(Import *import, RemoteDifference *difference, const ImportRow *row,
									  const PresentProfile *present);
extern void remote_difference_seats(Import *import, RemoteDifference *difference, const ImportRow *row,
									int64 profile_id);
extern void remote_difference_write(Import *import, RemoteDifference *difference, bool is_complete);
extern void remote_difference_unregister(void);

#endif
