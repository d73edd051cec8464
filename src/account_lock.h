/*
 * account_lock.h
 *		Locks of an account that are held until the transaction ends.
 */
#ifndef ORGSYNC_ACCOUNT_LOCK_H
#define ORGSYNC_ACCOUNT_LOCK_H

#include "account.h"
#include "storage/lockdefs.h"

typedef enum AccountLockKind
{
	ACCOUNT_LOCK_IMPORT,		/* one import at a time */
	ACCOUNT_LOCK_EXPORT,		/* one export or confirmation at a time */
	ACCOUNT_LOCK_ADDRESSES,		/* all addresses: shared with ADDRESS, exclusive by bulk writers */
	ACCOUNT_LOCK_ADDRESS,		/* one key of an address */
	ACCOUNT_LOCK_LICENSE		/* part of the seats of one license; see license_counter.c */
} AccountLockKind;

extern void account_lock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode);
extern bool account_try_lock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode);
extern void account_unlock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode);

#endif
