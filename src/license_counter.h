/*
 * license_counter.h
 *		How many seats of each license are taken, and how many are free.
 */
#ifndef ORGSYNC_LICENSE_COUNTER_H
#define ORGSYNC_LICENSE_COUNTER_H

#include "account.h"
#include "duplicate_rule.h"

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

/* What was agreed on a license. */
typedef struct LicenseTerms
{
	int			license_id;
	char	   *header;
	int64		seats;			/* SEATS_WITHOUT_LIMIT: no cap */
	bool		counts_invited; /* an invitation takes a seat */
	bool		waits_when_full;
	int64		transfers_per_year; /* -1: no limit */
	RuleAction	transfer_action;
} LicenseTerms;

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

extern const char license_counter_differences[];

extern bool license_terms_read(const Account *account, int license_id, LicenseTerms *terms);
extern void license_counter_lock(const Account *account, int license_id);
extern void license_counter_spread(const Account *account, int license_id, SeatResult *result);
extern void license_counter_forget(const Account *account, int license_id);
extern void license_counter_recount(const Account *account);
extern void license_counter_add(const Account *account, const SeatDelta *delta, SeatResult *result);

#endif
