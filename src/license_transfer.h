/*
 * license_transfer.h
 *		Seats that pass from one person to another.
 */
#ifndef ORGSYNC_LICENSE_TRANSFER_H
#define ORGSYNC_LICENSE_TRANSFER_H

#include "account.h"
#include "license_counter.h"

/* What is left of a year's transfers, as committed now or done by this transaction. */
typedef struct TransferState
{
	int64		vacated;		/* seats taken back that nobody was given yet */
	int64		left;			/* transfers that may still be done */
} TransferState;

extern bool license_transfers_warned;

extern void license_transfer_state(const Account *account, int license_id, int64 transfers_per_year,
								   TransferState *state);
extern int64 license_transfer_unused(const TransferState *state, int64 seats, int64 free);
extern int64 license_transfer_allowance(const TransferState *state, int64 seats, int64 free);
extern void license_transfer_note(const Account *account, const LicenseTerms *terms, int64 free,
								  const int64 *freed, int freed_count, int64 *taken, int taken_count);

#endif
