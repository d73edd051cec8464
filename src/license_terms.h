/*
 * license_terms.h
 *		What was agreed on a license, and how much of it is used.
 */
#ifndef ORGSYNC_LICENSE_TERMS_H
#define ORGSYNC_LICENSE_TERMS_H

#include "account.h"
#include "duplicate_rule.h"

#define SEATS_WITHOUT_LIMIT		(-1)

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

typedef struct LicenseUsage
{
	LicenseTerms terms;
	int64		waitlisted;
	int64		invited;
	int64		activated;
} LicenseUsage;

extern bool license_terms_read(const Account *account, int license_id, LicenseTerms *terms);
extern int	license_usage_read(const Account *account, LicenseUsage **licenses);
extern int64 license_usage_taken(const LicenseUsage *license);

#endif
