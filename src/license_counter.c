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
 * its slot has RESERVE free seats left after its first statement, even if that
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
#include "license_slot.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"

PG_FUNCTION_INFO_V1(orgsync_keep_derived);
PG_FUNCTION_INFO_V1(orgsync_license_counter_rebuild);

/* A transaction that shares a license leaves so many seats free in its slot at first. */
#define RESERVE	4

/* Are we writing a derived table through SQL?  See orgsync_keep_derived(). */
static int	derived_write_depth = 0;

/* Runs a statement as the account's owner, who alone may write the derived table. */
static uint64
run_as_owner(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	OwnerContext context;
	uint64		processed;

	account_become_owner(account, &context);
	derived_write_depth++;
	PG_TRY();
	{
		processed = sql_run_latest(account, text, argument_count, arguments);
	}
	PG_FINALLY();
	{
		derived_write_depth--;
	}
	PG_END_TRY();
	account_restore_user(&context);
	return processed;
}

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

/* The slot that this process uses if it can. */
static int
preferred_slot(void)
{
	return MyProcPid % LICENSE_SLOTS;
}

/* Locks any slot that is not locked, or waits for the preferred one; returns it. */
static int
lock_any_slot(const Account *account, int license_id)
{
	int			preferred = preferred_slot();

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
		if (!slot.limited || (first ? slot.free - wanted >= RESERVE : wanted <= 0 || wanted <= slot.free))
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

static const char terms_query[] =
	"SELECT header::text, coalesce(seats, -1)::bigint, counting = 'invited', when_full = 'waitlist',"
	" coalesce(transfers_per_year, -1)::bigint, transfer_action::text"
	" FROM @account.licenses WHERE license_id = $1";

/*
 * What was agreed on the license, as committed now or done by this transaction.
 * False if it is not there, or is being deleted.
 */
bool
license_terms_read(const Account *account, int license_id, LicenseTerms *terms)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		exists = run_as_owner(account, terms_query, 1, (SqlArgument[]) {SQL_INT4(license_id)}) > 0;
	bool		isnull;

	if (exists)
	{
		terms->license_id = license_id;
		terms->header = MemoryContextStrdup(caller, sql_string(0, 0));
		terms->seats = sql_int64(0, 1);
		terms->counts_invited = DatumGetBool(sql_value(0, 2, &isnull));
		terms->waits_when_full = DatumGetBool(sql_value(0, 3, &isnull));
		terms->transfers_per_year = sql_int64(0, 4);
		terms->transfer_action = rule_action_by_name(sql_string(0, 5));
	}
	SPI_freetuptable(SPI_tuptable);
	return exists;
}

/* All rows of a license that this transaction has locked. */
typedef struct LicenseRows
{
	Relation	counters;
	LicenseSlot slots[LICENSE_SLOTS];
	LicenseSlot before[LICENSE_SLOTS];	/* as they are stored */
} LicenseRows;

/* Reads the rows of the license, which are made if they are not there. */
static void
rows_read(const Account *account, Relation counters, int license_id, LicenseRows *rows)
{
	bool		complete = true;

	rows->counters = counters;
	for (int i = 0; i < LICENSE_SLOTS && complete; i++)
		complete = license_slot_read(counters, license_id, i, &rows->slots[i]);
	if (!complete)
	{
		(void) run_as_owner(account,
							"INSERT INTO @account.seat_counters (license_id, slot)"
							" SELECT $1, s FROM generate_series(0, $2 - 1) AS s ON CONFLICT DO NOTHING",
							2, (SqlArgument[]) {SQL_INT4(license_id), SQL_INT4(LICENSE_SLOTS)});
		for (int i = 0; i < LICENSE_SLOTS; i++)
			if (!license_slot_read(counters, license_id, i, &rows->slots[i]))
				elog(ERROR, "counter %d of license %d is missing", i, license_id);
	}
	memcpy(rows->before, rows->slots, sizeof(rows->slots));
}

/* Adds up the rows; the result's other members mean nothing. */
static LicenseSlot
rows_sum(const LicenseRows *rows)
{
	LicenseSlot sum = {0};

	for (int i = 0; i < LICENSE_SLOTS; i++)
	{
		sum.waitlisted += rows->slots[i].waitlisted;
		sum.invited += rows->slots[i].invited;
		sum.activated += rows->slots[i].activated;
		sum.free += rows->slots[i].free;
	}
	return sum;
}

/*
 * Spreads so many free seats over the slots, with as few changes as may be: the
 * difference comes to or from the preferred slot, unless there are so many
 * that each slot shall have enough to be shared.
 */
static void
spread(LicenseSlot *slots, int64 free)
{
	int			preferred = preferred_slot();
	int64		least = PG_INT64_MAX;
	int64		present = 0;

	for (int i = 0; i < LICENSE_SLOTS; i++)
		present += slots[i].free;
	slots[preferred].free += free - present;
	for (int i = 0; i < LICENSE_SLOTS; i++)
		least = Min(least, slots[i].free);
	if (free > 0 && least >= 0 && (least > RESERVE || free < (RESERVE + 1) * LICENSE_SLOTS))
		return;
	for (int i = 0; i < LICENSE_SLOTS; i++)
		if (free > 0)
			slots[i].free = free / LICENSE_SLOTS + (i < free % LICENSE_SLOTS ? 1 : 0);
		else
			slots[i].free = i == 0 ? free : 0;
}

/* Works out what is free by the license's terms, and writes the rows that have changed. */
static void
rows_write(LicenseRows *rows, const LicenseTerms *terms, int64 *free)
{
	LicenseSlot sum = rows_sum(rows);
	bool		limited = terms->seats != SEATS_WITHOUT_LIMIT;
	bool		guarded;

	*free = limited ? terms->seats - sum.activated - (terms->counts_invited ? sum.invited : 0) : 0;
	guarded = *free < 0 || (terms->waits_when_full && sum.waitlisted > 0) || terms->transfers_per_year >= 0;
	spread(rows->slots, *free);
	for (int i = 0; i < LICENSE_SLOTS; i++)
	{
		LicenseSlot *slot = &rows->slots[i];

		slot->limited = limited;
		slot->counts_invited = terms->counts_invited;
		slot->guarded = guarded;
		if (memcmp(slot, &rows->before[i], sizeof(LicenseSlot)) != 0)
			license_slot_write(rows->counters, terms->license_id, i, slot);
	}
	if (!limited)
		*free = PG_INT64_MAX;
}

/*
 * The seats taken of a license, counted one by one.  Those of profiles that the
 * statement has deleted are as good as gone.
 */
static int64
count_taken(const Account *account, const LicenseTerms *terms)
{
	int64		taken;

	(void) run_as_owner(account,
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
	rows_read(account, counters, delta->license_id, rows);
	sum = rows_sum(rows);
	if (wanted > 0 && terms->seats != SEATS_WITHOUT_LIMIT && !license_seats_forced &&
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
	apply(&rows->slots[preferred_slot()], delta);
	rows_write(rows, terms, &result->free);
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

/* ---- licenses that are made, changed and deleted ---- */

/*
 * Works out anew how many seats are free and spreads them over the slots.
 * *result tells whether there are seats for people who wait.
 */
void
license_counter_spread(const Account *account, int license_id, SeatResult *result)
{
	Relation	counters = license_slots_open(account);
	LicenseRows *rows = palloc0(sizeof(LicenseRows));

	memset(result, 0, sizeof(SeatResult));
	lock_exclusively(account, counters, license_id);
	result->needs_care = license_terms_read(account, license_id, &result->terms);
	if (result->needs_care)
	{
		rows_read(account, counters, license_id, rows);
		rows_write(rows, &result->terms, &result->free);
		result->waiting = rows_sum(rows).waitlisted;
	}
	table_close(counters, NoLock);
	pfree(rows);
}

/* Forgets a license that is not there any more. */
void
license_counter_forget(const Account *account, int license_id)
{
	Relation	counters = license_slots_open(account);

	(void) run_as_owner(account,
						"DELETE FROM @account.seat_counters AS c WHERE c.license_id = $1"
						" AND NOT EXISTS (SELECT FROM @account.licenses AS l WHERE l.license_id = $1)",
						1, (SqlArgument[]) {SQL_INT4(license_id)});
	license_slots_forget(counters, license_id);
	table_close(counters, NoLock);
}

/* ---- counting anew ---- */

/* Counts the seats of a license anew. */
static void
recount_license(const Account *account, Relation counters, int license_id)
{
	LicenseRows *rows = palloc0(sizeof(LicenseRows));
	LicenseTerms terms;
	int64		free;

	lock_exclusively(account, counters, license_id);
	if (license_terms_read(account, license_id, &terms))
	{
		rows_read(account, counters, license_id, rows);
		(void) run_as_owner(account,
							"SELECT count(*) FILTER (WHERE status = 'waitlisted'),"
							" count(*) FILTER (WHERE status = 'invited'), count(*) FILTER (WHERE status = 'activated')"
							" FROM @account.seats WHERE license_id = $1", 1, (SqlArgument[]) {SQL_INT4(license_id)});
		for (int i = 0; i < LICENSE_SLOTS; i++)
		{
			rows->slots[i].waitlisted = i == 0 ? sql_int64(0, 0) : 0;
			rows->slots[i].invited = i == 0 ? sql_int64(0, 1) : 0;
			rows->slots[i].activated = i == 0 ? sql_int64(0, 2) : 0;
		}
		SPI_freetuptable(SPI_tuptable);
		rows_write(rows, &terms, &free);
	}
	pfree(rows);
}

/* Counts the seats anew; for a table that was truncated, "seats" or ours, and for repair_account(). */
void
license_counter_recount(const Account *account)
{
	Relation	counters = license_slots_open(account);
	int			count = (int) run_as_owner(account, "SELECT license_id FROM @account.licenses ORDER BY license_id",
										   0, NULL);
	int		   *license_ids = palloc(sizeof(int) * Max(count, 1));
	bool		isnull;

	for (int i = 0; i < count; i++)
		license_ids[i] = DatumGetInt32(sql_value(i, 0, &isnull));
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < count; i++)
		recount_license(account, counters, license_ids[i]);
	(void) run_as_owner(account,
						"DELETE FROM @account.seat_counters AS c"
						" WHERE slot NOT BETWEEN 0 AND $1 - 1 OR"
						" NOT EXISTS (SELECT FROM @account.licenses AS l WHERE l.license_id = c.license_id)",
						1, (SqlArgument[]) {SQL_INT4(LICENSE_SLOTS)});
	table_close(counters, NoLock);
}

/*
 * For verify_account(): of each license, the sums of the counters, the slots that
 * there are, and what is free.  Over the cap, slot 0 alone has less than nothing.
 */
const char	license_counter_differences[] =
	"WITH taken AS (SELECT license_id, count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted,"
	" count(*) FILTER (WHERE status = 'invited') AS invited, count(*) FILTER (WHERE status = 'activated') AS activated"
	" FROM @account.seats GROUP BY license_id),"
	" expected AS (SELECT l.license_id, coalesce(t.waitlisted, 0) AS waitlisted, coalesce(t.invited, 0) AS invited,"
	" coalesce(t.activated, 0) AS activated,"
	" l.seats - coalesce(t.activated + CASE l.counting WHEN 'invited' THEN t.invited ELSE 0 END, 0) AS free,"
	" l.counting = 'invited' AS counts_invited, l.transfers_per_year IS NOT NULL"
	" OR l.when_full = 'waitlist' AND coalesce(t.waitlisted, 0) > 0"
	" OR coalesce(l.seats - coalesce(t.activated + CASE l.counting WHEN 'invited' THEN t.invited ELSE 0 END, 0) < 0, false)"
	" AS guarded,"
	" (SELECT string_agg(s::text, ' ' ORDER BY s) FROM generate_series(0, " CppAsString2(LICENSE_SLOTS) " - 1) AS s) AS slots"
	" FROM @account.licenses AS l LEFT JOIN taken AS t USING (license_id)),"
	" stored AS (SELECT license_id, sum(waitlisted) AS waitlisted, sum(invited) AS invited,"
	" sum(activated) AS activated, sum(free) AS free, string_agg(slot::text, ' ' ORDER BY slot) AS slots,"
	" min(free) FILTER (WHERE slot > 0) AS least, count(free) NOT IN (0, count(*)) AS mixed,"
	" CASE WHEN bool_and(counts_invited) = bool_or(counts_invited) THEN bool_and(counts_invited) END AS counts_invited,"
	" CASE WHEN bool_and(guarded) = bool_or(guarded) THEN bool_and(guarded) END AS guarded"
	" FROM @account.seat_counters GROUP BY license_id)"
	" SELECT concat('license ', coalesce((SELECT header::text FROM @account.licenses AS l"
	" WHERE l.license_id = f.license_id), f.license_id::text), ', ', f.name), f.stored, f.expected"
	" FROM (SELECT license_id, v.* FROM expected AS e FULL JOIN stored AS s USING (license_id) CROSS JOIN LATERAL (VALUES"
	" ('waitlisted', s.waitlisted::text, e.waitlisted::text), ('invited', s.invited::text, e.invited::text),"
	" ('activated', s.activated::text, e.activated::text), ('free', s.free::text, e.free::text),"
	" ('counts invited', s.counts_invited::text, e.counts_invited::text), ('guarded', s.guarded::text, e.guarded::text),"
	" ('slots', s.slots, e.slots), ('least free of slots from 1 on', CASE WHEN s.least < 0 THEN s.least::text END, NULL),"
	" ('slots without a limit', CASE WHEN s.mixed THEN 'some' END, NULL)) AS v (name, stored, expected)) AS f"
	" WHERE f.stored IS DISTINCT FROM f.expected ORDER BY f.license_id, f.name";

/*
 * Trigger BEFORE each row of a derived table: a write that is not ours, such
 * as a restore of data alone, is ignored, since the triggers of the base table
 * have derived the row already.
 */
Datum
orgsync_keep_derived(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				errmsg("function \"%s\" must be fired before each row of a derived table", "keep_derived"));
	if (derived_write_depth == 0)
		return PointerGetDatum(NULL);
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
						   trigger->tg_newtuple : trigger->tg_trigtuple);
}

/*
 * Trigger AFTER TRUNCATE on the derived table, which cannot be ignored, but can
 * be made up for.  It is also the way to mend counters that are wrong because
 * somebody switched the triggers off.
 */
Datum
orgsync_license_counter_rebuild(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "license_counter_rebuild", "seat_counters");

	SPI_connect();
	license_counter_recount(account_of_trigger(RelationGetNamespace(trigger->tg_relation)));
	SPI_finish();
	return PointerGetDatum(NULL);
}
