/*
 * license_slot.h
 *		The rows of "seat_counters", read and written below SQL.
 */
#ifndef ORGSYNC_LICENSE_SLOT_H
#define ORGSYNC_LICENSE_SLOT_H

#include "account.h"

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "utils/rel.h"

#define LICENSE_SLOTS	16

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

extern Relation license_slots_open(const Account *account);
extern bool license_slot_read(Relation counters, int license_id, int number, LicenseSlot *slot);
extern void license_slot_write(Relation counters, int license_id, int number, LicenseSlot *slot);
extern void license_slots_forget(Relation counters, int license_id);
extern bool license_waiting_position(const Account *account, int license_id, TimestampTz *since, int64 *profile_id);
extern void license_waiting_set_position(const Account *account, int license_id, TimestampTz since,
										 int64 profile_id);
extern void license_waiting_forget_position(const Account *account, int license_id);
extern void license_statement_note(const Account *account, int64 row_count);
extern bool license_statement_is_whole(const Account *account);
extern void license_statement_counted(const Account *account);
extern bool license_is_exclusive(Relation counters, int license_id);
extern void license_set_exclusive(Relation counters, int license_id);

#endif
