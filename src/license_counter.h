/*
 * license_counter.h
 *		How many seats of each license are taken, and how many are free.
 */
#ifndef ORGSYNC_LICENSE_COUNTER_H
#define ORGSYNC_LICENSE_COUNTER_H

#include "account.h"

/* What a statement changed of one license's seats. */
typedef struct SeatDelta
{
	int			license_id;
	int64		waitlisted;
	int64		invited;
	int64		activated;
} SeatDelta;

/* What became of a SeatDelta. */
typedef struct SeatResult
{
	bool		refused;		/* it takes more seats than there are */
	char	   *header;			/* the rest only if refused */
	int64		seats;
	int64		taken;			/* with the statement's */
} SeatResult;

extern const char license_counter_differences[];

extern void license_counter_lock(const Account *account, int license_id);
extern void license_counter_spread(const Account *account, int license_id);
extern void license_counter_forget(const Account *account, int license_id);
extern void license_counter_recount(const Account *account);
extern void license_counter_add(const Account *account, const SeatDelta *delta, SeatResult *result);

#endif
