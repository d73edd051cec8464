/*
 * account_lock.c
 *		Locks of an account that are held until the transaction ends.
 *
 * They are advisory locks, so that deadlocks among them and with any other
 * lock are found, pg_locks shows them and PREPARE TRANSACTION keeps them.  The
 * server gives pg_advisory_lock(bigint) the class 1 and pg_advisory_lock(int,
 * int) the class 2; ours are others, so no lock of a user's meets them.  In
 * pg_locks, classid is the account's schema, objid the key, objsubid the class.
 */
#include "account_lock.h"

#include "miscadmin.h"
#include "sql.h"
#include "storage/lock.h"

#define FIRST_CLASS	100

static LOCKTAG
lock_tag(const Account *account, AccountLockKind kind, uint32 key)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, account->namespace_oid, key, FIRST_CLASS + kind);
	return tag;
}

static AccountLockResult
acquire(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode, bool wait)
{
	LOCKTAG		tag = lock_tag(account, kind, key);

	switch (LockAcquire(&tag, mode, false, !wait))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return ACCOUNT_LOCK_OTHERS;
		case LOCKACQUIRE_OK:
			return ACCOUNT_LOCK_TAKEN;
		default:
			return ACCOUNT_LOCK_TAKEN_AGAIN;
	}
}

/*
 * Takes the lock and waits for it if need be.  To take several without
 * deadlocks: in the order of the kinds, and of the keys within a kind.
 */
AccountLockResult
account_lock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode)
{
	return acquire(account, kind, key, mode, true);
}

/* Takes the lock if nobody else has it. */
AccountLockResult
account_try_lock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode)
{
	return acquire(account, kind, key, mode, false);
}

/* Has this transaction the lock in that mode? */
bool
account_lock_is_held(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode)
{
	LOCKTAG		tag = lock_tag(account, kind, key);

	return compat_lock_is_held(&tag, mode);
}

/*
 * Waits for whoever is changing the account by whatever means, and locks all of
 * them out until the transaction ends; readers go on.  Needs an SPI connection,
 * and privileges to change the tables.  A statement on groups or licenses goes on to
 * the tables that hang on them, and one on profiles does; so they are locked in that order.
 */
void
account_lock_writers(const Account *account)
{
	sql_script(account,
			   "LOCK TABLE @account.groups, @account.licenses, @account.profiles, @account.seats, @account.memberships,"
			   " @account.permissions, @account.changes IN SHARE ROW EXCLUSIVE MODE");
}

/*
 * Gives one taking of the lock back before the transaction ends, which is right
 * only for who has changed nothing under it.
 */
void
account_unlock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode)
{
	LOCKTAG		tag = lock_tag(account, kind, key);

	(void) LockRelease(&tag, mode, false);
}
