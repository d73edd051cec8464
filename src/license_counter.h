/*
 * license_counter.h
 *		How many seats of each license are taken, and how many are free.
 */
#ifndef ORGSYNC_LICENSE_COUNTER_H
#define ORGSYNC_LICENSE_COUNTER_H

#include "account.h"
#include "license_terms.h"

/* What a statement changed of one license's seats. */
typedef struct SeatDelta
{
	int			license_id;
	int64		waitlisted;
	int64		invited;
	int64		activated;
	bool		somebody_waits; /* of those whom the statement wrote */
	uint64		holders;		/* sum of hashes of who has a seat: 0 if they are the same as before */
} SeatDelta;

/* What became of a SeatDelta. */
typedef struct SeatResult
{
	bool		needs_care;		/* the rest means something */
	LicenseTerms terms;
	int64		over;			/* so many of the statement's seats are not there */
	int64		taken;			/* with the statement's; only if there are more */
	int64		free;			/* after it; PG_INT64_MAX: no limit */
	int64		waiting;		/* people who wait for seats */
} SeatResult;

extern void license_counter_lock(const Account *account, int license_id);
extern void license_counter_add(const Account *account, const SeatDelta *delta, SeatResult *result);

#endif
