/*
 * license_cap.h
 *		The cap of a license: never more seats taken than were bought.
 */
#ifndef ORGSYNC_LICENSE_CAP_H
#define ORGSYNC_LICENSE_CAP_H

#include "account.h"
#include "duplicate_rule.h"
#include "license_counter.h"

#define SEATS_WITHOUT_LIMIT		(-1)

typedef struct LicenseUsage
{
	int			license_id;
	char	   *header;
	int64		seats;			/* SEATS_WITHOUT_LIMIT: no cap */
	bool		counts_invited; /* an invitation takes a seat */
	bool		waits_when_full;
	int64		transfers_per_year; /* -1: no limit */
	RuleAction	transfer_action;
	int64		waitlisted;
	int64		invited;
	int64		activated;
} LicenseUsage;

extern bool license_seats_forced;

extern int	license_cap_usage(const Account *account, LicenseUsage **licenses);
extern void license_cap_lock(const Account *account, int license_id);
extern void license_cap_add(const Account *account, SeatDelta *deltas, int count);
extern int64 license_usage_taken(const LicenseUsage *license);

#endif
