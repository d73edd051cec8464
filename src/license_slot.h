/*
 * license_slot.h
 *		The rows of "seat_counters", read and written below SQL.
 */
#ifndef ORGSYNC_LICENSE_SLOT_H
#define ORGSYNC_LICENSE_SLOT_H

#include "account.h"

#include "access/htup.h"
#include "miscadmin.h"
#include "utils/rel.h"

#define LICENSE_SLOTS	16

/* A transaction that shares a license leaves so many seats free in its slot at first. */
#define LICENSE_RESERVE	4

/* One row of a license; see license_counter.c for what it means. */
typedef struct LicenseSlot
{
	HeapTuple	tuple;			/* the version that was read or written last */
	int64		waitlisted;
	int64		invited;
	int64		activated;
	bool		limited;		/* else free means nothing */
	int64		free;
	bool		counts_invited;
	bool		guarded;
} LicenseSlot;

/* The slot that this process uses if it can. */
static inline int
license_preferred_slot(void)
{
	return MyProcPid % LICENSE_SLOTS;
}

extern Relation license_slots_open(const Account *account);
extern bool license_slot_read(Relation counters, int license_id, int number, LicenseSlot *slot);
extern void license_slot_write(Relation counters, int license_id, int number, LicenseSlot *slot);

#endif
