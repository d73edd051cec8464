/*
 * license_cap.h
 *		The cap of a license: never more seats taken than were bought.
 */
#ifndef ORGSYNC_LICENSE_CAP_H
#define ORGSYNC_LICENSE_CAP_H

#include "account.h"
#include "license_counter.h"

extern Oid license_forced_account;

extern void license_cap_lock(const Account *account, int license_id);
extern void license_cap_add(const Account *account, SeatDelta *deltas, int count);

#endif
