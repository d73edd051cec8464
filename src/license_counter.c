/*
 * license_counter.c
 *		How many seats of each license are taken, and how many are free.
 *
 * The table "seat_counters" is derived from "seats" by the triggers.  A license
 * has LICENSE_SLOTS rows in it, which add up: what was done to its seats, and,
 * if their number is limited, the free seats, spread over the rows.  Who changes
 * seats locks one row until the end of the transaction and takes the seats from
 * what is free there; so sessions that take or free seats of one license do not
 * wait for each other while there are enough, and two that use two licenses in
 * opposite order do not deadlock.  (With one row a license, and 8 clients, the
 * row's lock costs four fifths of the throughput.)
 *
 * A slot's lock comes first, then the license's in shared mode.  Who needs more
 * takes the license's lock exclusively, which means that all transactions that
 * could give a seat back have ended; then, and only then, it is certain that
 * there are too few.  Two that have changed seats already and then both need
 * more would wait for each other.  So a transaction shares the license only if
 * its slot has LICENSE_RESERVE free seats left after its first statement, even if that
 * gives some back, and otherwise has the license for itself from the start: when
 * seats run short, sessions queue.  Later it takes what it lacks from slots that
 * nobody has locked.
 *
 * More seats may be taken than there are, and rightfully: seats lowered by
 * force, the vendor's own report, a restored dump.  Then slot 0 has less than
 * nothing free and all others have nothing.  A license is "guarded" while that
 * is so, while people wait for its seats and while its transfers are limited:
 * then everybody takes it exclusively, for what is given back has to go to
 * whoever is next.
 *
 * The locks are advisory ones rather than those of the rows, and what is done
 * under them sees what is committed now; so there are no serialization failures
 * from the counters at REPEATABLE READ.
 *
 * All functions need an SPI connection and an account of account_of_trigger()'s,
 * but for license_counter_lock().
 */
#include "license_counter.h"

#include "access/table.h"
#include "account_lock.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "license_cap.h"
#include "license_memory.h"
#include "license_rows.h"
#include "sql.h"
#include "trigger_rows.h"

/* ---- locks ---- */

static uint32
slot_key(int license_id, int slot)
{
	return (uint32) license_id * LICENSE_SLOTS + (uint32) slot;
}

static AccountLockResult
try_lock_slot(const Account *account, int license_id, int slot)
{
	return account_try_lock(account, ACCOUNT_LOCK_LICENSE_SLOT, slot_key(license_id, slot), ExclusiveLock);
}

static void
unlock_slot(const Account *account, int license_id, int slot)
{
	account_unlock(account, ACCOUNT_LOCK_LICENSE_SLOT, slot_key(license_id, slot), ExclusiveLock);
}

/* Locks any slot that is not locked, or waits for the preferred one; returns it. */
static int
lock_any_slot(const Account *account, int license_id)
{
	int			preferred = license_preferred_slot();

	for (int i = 0; i < LICENSE_SLOTS; i++)
		if (try_lock_slot(account, license_id, (preferred + i) % LICENSE_SLOTS) != ACCOUNT_LOCK_OTHERS)
			return (preferred + i) % LICENSE_SLOTS;
	account_lock(account, ACCOUNT_LOCK_LICENSE_SLOT, slot_key(license_id, preferred), ExclusiveLock);
	return preferred;
}

static void
lock_exclusively(const Account *account, Relation counters, int license_id)
{
	if (license_is_exclusive(counters, license_id))
		return;
	account_lock(account, ACCOUNT_LOCK_LICENSE, (uint32) license_id, ExclusiveLock);
	license_set_exclusive(counters, license_id);
}

/* Locks the whole license: no other transaction may change its seats until this one ends. */
void
license_counter_lock(const Account *account, int license_id)
{
	Relation	counters = license_slots_open(account);

	lock_exclusively(account, counters, license_id);
	table_close(counters, NoLock);
}

/* ---- while seats are plenty ---- */

/* How many seats more are taken after the statement than before? */
static int64
seats_wanted(const SeatDelta *delta, bool counts_invited)
{
	return delta->activated + (counts_invited ? delta->invited : 0);
}

static void
apply(LicenseSlot *slot, const SeatDelta *delta)
{
	slot->waitlisted += delta->waitlisted;
	slot->invited += delta->invited;
	slot->activated += delta->activated;
	slot->free -= seats_wanted(delta, slot->counts_invited);
}

/*
 * Brings so many free seats to the slot from others that can be locked at once:
 * half of what each has, if that is enough, so that it need not be done again
 * for every seat.  What was brought stays also if it is not enough.
 */
static void
gather(const Account *account, Relation counters, int license_id, int number, LicenseSlot *slot, int64 missing)
{
	for (int n = 1; n < LICENSE_SLOTS && missing > 0; n++)
	{
		int			other_number = (number + n) % LICENSE_SLOTS;
		LicenseSlot other;

		if (try_lock_slot(account, license_id, other_number) == ACCOUNT_LOCK_OTHERS)
			continue;
		if (license_slot_read(counters, license_id, other_number, &other) && other.free > 0)
		{
			int64		moved = Max((other.free + 1) / 2, Min(missing, other.free));

			other.free -= moved;
			license_slot_write(counters, license_id, other_number, &other);
			slot->free += moved;
			missing -= moved;
		}
		else
			unlock_slot(account, license_id, other_number);
	}
}

/* Adds the delta to one slot; false if that cannot be done without having the license for oneself. */
static bool
add_shared(const Account *account, Relation counters, const SeatDelta *delta)
{
	int			license_id = delta->license_id;
	int			number = lock_any_slot(account, license_id);
	bool		first = account_lock(account, ACCOUNT_LOCK_LICENSE, (uint32) license_id,
									 RowExclusiveLock) == ACCOUNT_LOCK_TAKEN;
	LicenseSlot slot;

	if (license_slot_read(counters, license_id, number, &slot) && !slot.guarded && delta->waitlisted <= 0)
	{
		int64		wanted = seats_wanted(delta, slot.counts_invited);

		if (!first && slot.limited && wanted > slot.free)
			gather(account, counters, license_id, number, &slot, wanted - slot.free);
		if (!slot.limited || (first ? slot.free - wanted >= LICENSE_RESERVE : wanted <= 0 || wanted <= slot.free))
		{
			apply(&slot, delta);
			license_slot_write(counters, license_id, number, &slot);
			return true;
		}
		if (!first)
			license_slot_write(counters, license_id, number, &slot);	/* what was gathered */
	}
	if (first)
	{
		/* wait for others without keeping them from having the license to themselves */
		account_unlock(account, ACCOUNT_LOCK_LICENSE, (uint32) license_id, RowExclusiveLock);
		unlock_slot(account, license_id, number);
	}
	return false;
}

/* ---- when they run short ---- */

/*
 * The seats taken of a license, counted one by one.  Those of profiles that the
 * statement has deleted are as good as gone.
 */
static int64
count_taken(const Account *account, const LicenseTerms *terms)
{
	int64		taken;

	(void) sql_run_latest_as_owner(account,
								   "SELECT count(*) FROM @account.seats JOIN @account.profiles USING (profile_id)"
								   " WHERE license_id = $1 AND (status = 'activated' OR $2 AND status = 'invited')",
								   2, (SqlArgument[]) {SQL_INT4(terms->license_id), SQL_BOOL(terms->counts_invited)});
	taken = sql_int64(0, 0);
	SPI_freetuptable(SPI_tuptable);
	return taken;
}

/* Adds the delta to the rows of a license that this transaction has for itself. */
static void
add_exclusively(const Account *account, Relation counters, const SeatDelta *delta, SeatResult *result)
{
	LicenseTerms *terms = &result->terms;
	LicenseRows *rows = palloc0(sizeof(LicenseRows));
	LicenseSlot sum;
	int64		wanted;

	result->needs_care = license_terms_read(account, delta->license_id, terms);
	if (!result->needs_care)
		return;
	wanted = seats_wanted(delta, terms->counts_invited);
	license_rows_read(account, counters, delta->license_id, rows);
	sum = license_rows_sum(rows);
	if (wanted > 0 && terms->seats != SEATS_WITHOUT_LIMIT && license_forced_account != account->namespace_oid &&
		sum.activated + (terms->counts_invited ? sum.invited : 0) + wanted > terms->seats)
	{
		int64		taken = sum.activated + (terms->counts_invited ? sum.invited : 0) + wanted;

		/*
		 * In WITH d AS (DELETE FROM seats ...) INSERT INTO seats ... this may be the
		 * trigger of the INSERT, when that of the DELETE has not fired yet.
		 */
		result->taken = license_statement_is_whole(account) ? taken : count_taken(account, terms);
		if (result->taken == taken)
			license_statement_counted(account);
		result->over = Min(Max(result->taken - terms->seats, 0), wanted);
		if (result->over > 0 && !(terms->waits_when_full && terms->counts_invited))
			return;				/* refused */
	}
	apply(&rows->slots[license_preferred_slot()], delta);
	license_rows_write(rows, terms, &result->free);
	result->waiting = sum.waitlisted + delta->waitlisted;
	pfree(rows);
}

/*
 * Adds what a statement did to the seats of a license.  If the license needs
 * care, *result tells what has become of it: more may be taken than there are,
 * and then nothing was added unless people may wait; or there may be a seat for
 * somebody who waits.
 */
void
license_counter_add(const Account *account, const SeatDelta *delta, SeatResult *result)
{
	Relation	counters = license_slots_open(account);

	memset(result, 0, sizeof(SeatResult));
	if (license_is_exclusive(counters, delta->license_id) || !add_shared(account, counters, delta))
	{
		lock_exclusively(account, counters, delta->license_id);
		add_exclusively(account, counters, delta, result);
	}
	table_close(counters, NoLock);
}
