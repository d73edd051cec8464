/*
 * license_waiting.h
 *		The waiting list of a license.
 */
#ifndef ORGSYNC_LICENSE_WAITING_H
#define ORGSYNC_LICENSE_WAITING_H

#include "account.h"
#include "license_counter.h"

#include "datatype/timestamp.h"

/* Somebody who waited for a seat and was given one. */
typedef struct Invitation
{
	int			license_id;
	int64		profile_id;
} Invitation;

typedef struct Invitations
{
	int64		count;
	int64		capacity;
	Invitation *people;
} Invitations;

extern bool license_invitations_held;
extern Invitations *license_invitations_noted;

extern void license_waiting_invite(const Account *account, const SeatResult *result);
extern int64 license_waiting_add(const Account *account, int license_id, const int64 *profile_ids,
								 const TimestampTz *since, int64 count);

#endif
