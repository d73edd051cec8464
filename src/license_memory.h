/*
 * license_memory.h
 *		What a transaction remembers of licenses, until it ends.
 */
#ifndef ORGSYNC_LICENSE_MEMORY_H
#define ORGSYNC_LICENSE_MEMORY_H

#include "account.h"

#include "datatype/timestamp.h"
#include "license_slot.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

/* The transfers of a license; see license_transfer.c. */
typedef struct LicenseTransfers
{
	bool		known;			/* what follows means something */
	int64		vacated;		/* seats taken back that nobody was given yet */
	int64		done;			/* transfers of a year */
	int64		last_id;		/* no open one has this transfer_id or a lower one */
	int64		rows_written;	/* by this transaction, when it was noted */
} LicenseTransfers;

extern ItemPointer license_remembered_version(Relation counters, int license_id, int number);
extern void license_remember_version(Relation counters, int license_id, int number, ItemPointer tid);
extern void license_slots_forget(Relation counters, int license_id);
extern bool license_is_exclusive(Relation counters, int license_id);
extern void license_set_exclusive(Relation counters, int license_id);
extern bool license_waiting_position(const Account *account, int license_id, TimestampTz *since, int64 *profile_id);
extern void license_waiting_set_position(const Account *account, int license_id, TimestampTz since,
										 int64 profile_id);
extern void license_waiting_forget_position(const Account *account, int license_id);
extern void license_statement_note(const Account *account, int64 row_count);
extern bool license_statement_is_whole(const Account *account);
extern void license_statement_counted(const Account *account);
extern LicenseTransfers *license_transfers_known(const Account *account, int license_id);
extern void license_transfers_noted(const Account *account, LicenseTransfers *transfers);

#endif
