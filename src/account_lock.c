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
#include "storage/lock.h"

#define FIRST_CLASS	100

/*
 * Takes the lock and waits for it if need be.  To take several without
 * deadlocks: in the order of the kinds, and of the keys within a kind.
 */
void
account_lock(const Account *account, AccountLockKind kind, uint32 key, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, account->namespace_oid, key, FIRST_CLASS + kind);
	(void) LockAcquire(&tag, mode, false, false);
}
