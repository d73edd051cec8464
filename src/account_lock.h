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
	ACCOUNT_LOCK_LICENSE_SLOT,	/* part of the seats of one license; see license_counter.c */
	ACCOUNT_LOCK_LICENSE		/* all of them: shared with LICENSE_SLOT, or exclusive */
} AccountLockKind;

/* What account_lock() and account_try_lock() found. */
typedef enum AccountLockResult
{
	ACCOUNT_LOCK_OTHERS,		/* another transaction has it; account_try_lock() only */
	ACCOUNT_LOCK_TAKEN,
	ACCOUNT_LOCK_TAKEN_AGAIN	/* this transaction had it already */
} AccountLockResult;

extern AccountLockResult account_lock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode);
extern AccountLockResult account_try_lock(const Account *account, AccountLockKind kind, uint32 key,
										  LOCKMODE mode);
extern bool account_lock_is_held(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode);
extern void account_lock_writers(const Account *account);
extern void account_unlock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode);

#endif
