/*
 * license_waiting.h
 *		The waiting list of a license.
 */
#ifndef ORGSYNC_LICENSE_WAITING_H
#define ORGSYNC_LICENSE_WAITING_H

#include "account.h"

#include "datatype/timestamp.h"

extern bool license_invitations_held;

extern void license_waiting_promote(const Account *account, int license_id, int64 count);
extern int64 license_waiting_add(const Account *account, int license_id, const int64 *profile_ids,
								 const TimestampTz *since, int64 count);

#endif
