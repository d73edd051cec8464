/*
 * import_remote.h
 *		What the vendor's own list of users says; see import_remote.c.
 */
#ifndef ORGSYNC_IMPORT_REMOTE_H
#define ORGSYNC_IMPORT_REMOTE_H

#include "import.h"
#include "sql.h"

/* import_remote_difference.c */
typedef struct RemoteDifference RemoteDifference;

extern RemoteDifference *remote_difference_create(void);
extern void remote_difference_end(RemoteDifference *difference);
extern void remote_difference_person(RemoteDifference *difference, int64 profile_id, bool is_listed,
									 int64 replaced_id);
extern void remote_difference_cell(RemoteDifference *difference, int64 profile_id, const char *column_name,
								   const char *vendor_value);
extern void remote_difference_seat(RemoteDifference *difference, int64 profile_id, int license_id,
								   const vendor_status *status);
extern void remote_difference_write(Import *import, RemoteDifference *difference, bool is_complete);
extern void remote_difference_unregister(void);

/* import_remote_compare.c */
extern bool remote_compare(Import *import, RemoteDifference *difference, const ImportRow *row,
						   const PresentProfile *present);
extern void remote_compare_adopted(Import *import, RemoteDifference *difference, const ImportRow *row,
								   int64 profile_id);
extern SqlArgument remote_compare_columns(const Import *import);
extern const char *remote_seat_status(const vendor_status *status);
extern TimestampTz remote_seat_since(const vendor_status *status);

#endif
