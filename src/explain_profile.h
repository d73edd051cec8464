/*
 * explain_profile.h
 *		What is known of one person, cell by cell.
 */
#ifndef ORGSYNC_EXPLAIN_PROFILE_H
#define ORGSYNC_EXPLAIN_PROFILE_H

#include "account.h"

/* The columns of explain_profile(). */
enum
{
	EXPLAIN_COLUMN_NAME, EXPLAIN_WANTED, EXPLAIN_VENDOR_HAS, EXPLAIN_SET_BY, EXPLAIN_SET_AT, EXPLAIN_PENDING,
	EXPLAIN_COLUMNS
};

extern void explain_profile_former(const Account *account, int64 profile_id, bool latest,
								   int64 *deleted_id, int64 *leaver_id);
extern uint64 explain_profile_run(const Account *account, int64 profile_id, bool latest);

#endif
