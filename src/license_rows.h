/*
 * license_rows.h
 *		All counters of a license, for who has it for himself.
 */
#ifndef ORGSYNC_LICENSE_ROWS_H
#define ORGSYNC_LICENSE_ROWS_H

#include "account.h"
#include "license_counter.h"
#include "license_slot.h"
#include "utils/rel.h"

/* All rows of a license that this transaction has locked. */
typedef struct LicenseRows
{
	Relation	counters;
	LicenseSlot slots[LICENSE_SLOTS];
	LicenseSlot before[LICENSE_SLOTS];	/* as they are stored */
} LicenseRows;

extern const char license_counter_differences[];

extern void license_rows_read(const Account *account, Relation counters, int license_id, LicenseRows *rows);
extern LicenseSlot license_rows_sum(const LicenseRows *rows);
extern void license_rows_write(LicenseRows *rows, const LicenseTerms *terms, int64 *free);
extern void license_counter_spread(const Account *account, int license_id, SeatResult *result);
extern void license_counter_forget(const Account *account, int license_id);
extern void license_counter_recount(const Account *account);

#endif
