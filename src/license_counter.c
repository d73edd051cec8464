/*
 * license_counter.c
 *		How many seats of each license are taken, and how many are free.
 *
 * The table "seat_counters" is derived from "seats" by the triggers.  A license
 * has SLOTS rows in it, which add up: what was done to its seats, and, if their
 * number is limited, the free seats, spread over the rows.  Who changes seats
 * locks one row until the end of the transaction and takes the seats from what
 * is free there; so sessions that take or free seats of one license do not wait
 * for each other while there are enough, and two that use two licenses in
 * opposite order do not deadlock.  (With one row a license, and 8 clients, the
 * row's lock costs four fifths of the throughput.)
 *
 * Where a row has too few free seats, they are moved to it from other rows that
 * nobody has locked.  If that is not enough, all rows of the license are
 * locked, which means that all transactions that could give a seat back have
 * ended; then, and only then, it is certain that there are too few.  Nobody
 * waits for a row of a license while holding others of it that he has not
 * changed.
 *
 * More seats may be taken than there are, and rightfully: seats lowered by
 * force, the vendor's own report, a restored dump.  Then slot 0 has less than
 * nothing free and all others have nothing; what is given back goes to slot 0
 * first.
 *
 * The locks are advisory ones rather than those of the rows, and what is done
 * under them uses the latest snapshot; so there are no serialization failures
 * from the counters at REPEATABLE READ.
 *
 * All functions need an SPI connection and an account of account_of_trigger()'s,
 * but for license_counter_lock().
 */
#include "license_counter.h"

#include "account_lock.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "license_cap.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(orgsync_keep_derived);
PG_FUNCTION_INFO_V1(orgsync_license_counter_rebuild);

#define SLOTS	16

/* Are we writing a derived table ourselves?  See orgsync_keep_derived(). */
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
	return (uint32) license_id * SLOTS + (uint32) slot;
}

static bool
try_lock_slot(const Account *account, int license_id, int slot)
{
	return account_try_lock(account, ACCOUNT_LOCK_LICENSE, slot_key(license_id, slot),
							ExclusiveLock) != ACCOUNT_LOCK_OTHERS;
}

static void
unlock_slot(const Account *account, int license_id, int slot)
{
	account_unlock(account, ACCOUNT_LOCK_LICENSE, slot_key(license_id, slot), ExclusiveLock);
}

/* Waits until whoever has the slot now has ended. */
static void
await_slot(const Account *account, int license_id, int slot)
{
	account_lock(account, ACCOUNT_LOCK_LICENSE, slot_key(license_id, slot), ExclusiveLock);
	unlock_slot(account, license_id, slot);
}

/* Locks all slots, or none; then it returns false and *blocked is one that another transaction has. */
static bool
try_lock_all(const Account *account, int license_id, int *blocked)
{
	for (int slot = 0; slot < SLOTS; slot++)
		if (!try_lock_slot(account, license_id, slot))
		{
			*blocked = slot;
			while (--slot >= 0)
				unlock_slot(account, license_id, slot);
			return false;
		}
	return true;
}

/* Has this transaction changed seats of the license before? */
static bool
has_any_slot(const Account *account, int license_id)
{
	for (int slot = 0; slot < SLOTS; slot++)
	{
		AccountLockResult result = account_try_lock(account, ACCOUNT_LOCK_LICENSE, slot_key(license_id, slot),
													ExclusiveLock);

		if (result != ACCOUNT_LOCK_OTHERS)
			unlock_slot(account, license_id, slot);
		if (result == ACCOUNT_LOCK_TAKEN_AGAIN)
			return true;
	}
	return false;
}

/*
 * Locks the whole license: no other transaction may change its seats until this
 * one ends.  While waiting for one slot it takes no other.  Those who wait queue
 * up, or they would forever be in each other's way; but not who has changed a
 * slot before, since the first one in the queue may be waiting for him.
 */
void
license_counter_lock(const Account *account, int license_id)
{
	bool		queues = !has_any_slot(account, license_id);
	int			blocked;

	if (queues)
		account_lock(account, ACCOUNT_LOCK_LICENSE_QUEUE, (uint32) license_id, ExclusiveLock);
	while (!try_lock_all(account, license_id, &blocked))
		await_slot(account, license_id, blocked);
	if (queues)
		account_unlock(account, ACCOUNT_LOCK_LICENSE_QUEUE, (uint32) license_id, ExclusiveLock);
}

/*
 * Locks any slot, and returns it: the one that this process prefers, or the
 * next that is not locked, or else the preferred one when it is given free.
 */
static int
lock_any_slot(const Account *account, int license_id)
{
	int			preferred = MyProcPid % SLOTS;

	for (int i = 0; i < SLOTS; i++)
		if (try_lock_slot(account, license_id, (preferred + i) % SLOTS))
			return (preferred + i) % SLOTS;
	account_lock(account, ACCOUNT_LOCK_LICENSE, slot_key(license_id, preferred), ExclusiveLock);
	return preferred;
}

/* ---- changes ---- */

/*
 * $2 is the slot, $3 to $5 are the changes.  Does nothing if the slot has fewer
 * free seats than are taken, or if seats are given back that slot 0 lacks.
 */
static const char add_query[] =
	"UPDATE @account.seat_counters AS c"
	" SET waitlisted = c.waitlisted + $3, invited = c.invited + $4, activated = c.activated + $5,"
	" free = c.free - d.taken"
	" FROM @account.licenses AS l CROSS JOIN LATERAL (SELECT $5 + CASE l.counting WHEN 'invited' THEN $4 ELSE 0 END)"
	" AS d (taken)"
	" WHERE c.license_id = $1 AND c.slot = $2 AND l.license_id = c.license_id"
	" AND CASE WHEN c.free IS NULL OR d.taken = 0 THEN true"
	" WHEN d.taken > 0 THEN c.free >= d.taken"
	" ELSE NOT EXISTS (SELECT FROM @account.seat_counters z WHERE z.license_id = $1 AND z.slot = 0 AND z.free < 0) END";

/* The same without conditions, for who has locked all slots and spreads them then. */
static const char add_anyway_query[] =
	"UPDATE @account.seat_counters AS c"
	" SET waitlisted = c.waitlisted + $3, invited = c.invited + $4, activated = c.activated + $5"
	" WHERE c.license_id = $1 AND c.slot = $2";

static bool
add(const Account *account, const SeatDelta *delta, int slot, const char *query)
{
	return run_as_owner(account, query, 5,
						 (SqlArgument[]) {SQL_INT4(delta->license_id), SQL_INT4(slot),
										  SQL_INT8(delta->waitlisted), SQL_INT8(delta->invited),
										  SQL_INT8(delta->activated)}) > 0;
}

/* ---- what there is ---- */

/* A license and the free seats of its slots. */
typedef struct CounterState
{
	bool		exists;			/* else it is being deleted */
	char	   *header;
	int64		seats;			/* -1: no limit */
	bool		counts_invited;
	int64		free[SLOTS];
} CounterState;

static const char state_query[] =
	"SELECT l.header::text, coalesce(l.seats, -1)::bigint, l.counting = 'invited',"
	" coalesce(c.slot, 0)::bigint, coalesce(c.free, 0)"
	" FROM @account.licenses AS l LEFT JOIN @account.seat_counters AS c USING (license_id) WHERE l.license_id = $1";

static void
read_state(const Account *account, int license_id, CounterState *state)
{
	uint64		count = run_as_owner(account, state_query, 1, (SqlArgument[]) {SQL_INT4(license_id)});

	memset(state, 0, sizeof(CounterState));
	for (uint64 i = 0; i < count; i++)
	{
		int64		slot = sql_int64(i, 3);
		bool		isnull;

		if (i == 0)
		{
			state->exists = true;
			state->header = sql_string(i, 0);
			state->seats = sql_int64(i, 1);
			state->counts_invited = DatumGetBool(sql_value(i, 2, &isnull));
		}
		if (slot >= 0 && slot < SLOTS)
			state->free[slot] = sql_int64(i, 4);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* How many seats more are taken after the statement than before? */
static int64
seats_wanted(const SeatDelta *delta, const CounterState *state)
{
	return delta->activated + (state->counts_invited ? delta->invited : 0);
}

/*
 * The seats taken of a license, counted one by one.  Those of profiles that the
 * statement has deleted are as good as gone.
 */
static int64
count_taken(const Account *account, int license_id, bool counts_invited)
{
	int64		taken;

	(void) run_as_owner(account,
						 "SELECT count(*) FROM @account.seats JOIN @account.profiles USING (profile_id)"
						 " WHERE license_id = $1 AND (status = 'activated' OR $2 AND status = 'invited')",
						 2, (SqlArgument[]) {SQL_INT4(license_id), SQL_BOOL(counts_invited)});
	taken = sql_int64(0, 0);
	SPI_freetuptable(SPI_tuptable);
	return taken;
}

/* ---- free seats ---- */

/* Moves free seats from slot $3 to slot $2; the caller has locked both. */
static const char move_query[] =
	"UPDATE @account.seat_counters SET free = free + CASE slot WHEN $2 THEN $4 ELSE - $4 END"
	" WHERE license_id = $1 AND slot IN ($2, $3)";

/*
 * Brings enough free seats to the slot from others that can be locked at once;
 * if there are not enough, does nothing and returns false.
 */
static bool
gather(const Account *account, const SeatDelta *delta, int slot)
{
	int			license_id = delta->license_id;
	CounterState state;
	bool		locked[SLOTS] = {0};
	int64		available = 0;
	int64		missing;
	bool		gathered;

	read_state(account, license_id, &state);
	missing = seats_wanted(delta, &state) - state.free[slot];
	for (int n = 1; n < SLOTS && available < missing; n++)
	{
		int			i = (slot + n) % SLOTS;

		if (state.free[i] > 0 && try_lock_slot(account, license_id, i))
		{
			locked[i] = true;
			available += state.free[i];
		}
	}

	/* only what is locked is sure */
	if (missing > 0 && available >= missing)
		read_state(account, license_id, &state);
	missing = seats_wanted(delta, &state) - state.free[slot];
	available = 0;
	for (int i = 0; i < SLOTS; i++)
		if (locked[i])
			available += Max(state.free[i], 0);

	gathered = missing > 0 && available >= missing;
	for (int i = 0; i < SLOTS; i++)
	{
		int64		moved = gathered && locked[i] ? Min(missing, state.free[i]) : 0;

		if (moved > 0)
		{
			(void) run_as_owner(account, move_query, 4,
								 (SqlArgument[]) {SQL_INT4(license_id), SQL_INT4(slot), SQL_INT4(i), SQL_INT8(moved)});
			missing -= moved;
		}
		else if (locked[i])
			unlock_slot(account, license_id, i);
	}
	return gathered;
}

static const char spread_query[] =
	"UPDATE @account.seat_counters AS c"
	" SET free = CASE WHEN t.free >= 0 THEN t.free / $2 + CASE WHEN c.slot < t.free % $2 THEN 1 ELSE 0 END"
	" WHEN c.slot = 0 THEN t.free ELSE 0 * t.free END"
	" FROM (SELECT l.seats - sum(c.activated + CASE l.counting WHEN 'invited' THEN c.invited ELSE 0 END)::bigint AS free"
	" FROM @account.licenses AS l JOIN @account.seat_counters AS c USING (license_id)"
	" WHERE l.license_id = $1 GROUP BY l.license_id) AS t"
	" WHERE c.license_id = $1";

/*
 * Works out anew how many seats are free and spreads them over the slots, which
 * are made if they are not there.  The caller has locked the license, or has
 * just made it.
 */
void
license_counter_spread(const Account *account, int license_id)
{
	SqlArgument arguments[] = {SQL_INT4(license_id), SQL_INT8(SLOTS)};

	(void) run_as_owner(account,
						 "INSERT INTO @account.seat_counters (license_id, slot)"
						 " SELECT l.license_id, s FROM @account.licenses AS l, generate_series(0, $2::int - 1) AS s"
						 " WHERE l.license_id = $1 ON CONFLICT DO NOTHING", 2, arguments);
	(void) run_as_owner(account, spread_query, 2, arguments);
}

/* Forgets a license that is not there any more. */
void
license_counter_forget(const Account *account, int license_id)
{
	(void) run_as_owner(account,
						 "DELETE FROM @account.seat_counters AS c WHERE c.license_id = $1"
						 " AND NOT EXISTS (SELECT FROM @account.licenses AS l WHERE l.license_id = $1)",
						 1, (SqlArgument[]) {SQL_INT4(license_id)});
}

/*
 * Adds what a statement did to the seats of a license, unless it takes more
 * seats than there are; then everything is left as it was and *result says so.
 */
void
license_counter_add(const Account *account, const SeatDelta *delta, SeatResult *result)
{
	int			license_id = delta->license_id;
	int			slot = lock_any_slot(account, license_id);
	CounterState state;
	int64		wanted;
	int64		free = 0;

	memset(result, 0, sizeof(SeatResult));
	if (add(account, delta, slot, add_query))
		return;
	if (gather(account, delta, slot) && add(account, delta, slot, add_query))
		return;

	unlock_slot(account, license_id, slot);
	license_counter_lock(account, license_id);
	license_counter_spread(account, license_id);
	read_state(account, license_id, &state);
	if (!state.exists)
		return;
	wanted = seats_wanted(delta, &state);
	for (int i = 0; i < SLOTS; i++)
		free += state.free[i];
	if (wanted > 0 && state.seats >= 0 && wanted > free && !license_seats_forced)
	{
		/*
		 * In WITH d AS (DELETE FROM seats ...) INSERT INTO seats ... this may be the
		 * trigger of the INSERT, when that of the DELETE has not fired yet.
		 */
		result->taken = count_taken(account, license_id, state.counts_invited);
		if (result->taken > state.seats)
		{
			result->refused = true;
			result->header = state.header;
			result->seats = state.seats;
			return;
		}
	}
	(void) add(account, delta, slot, add_anyway_query);
	license_counter_spread(account, license_id);
}

/* Locks all licenses of the account in order; returns their number and license_ids. */
static int
lock_all_licenses(const Account *account, int **license_ids)
{
	MemoryContext caller = CurrentMemoryContext;
	int			count = (int) run_as_owner(account, "SELECT license_id FROM @account.licenses ORDER BY license_id",
											0, NULL);
	bool		isnull;

	*license_ids = MemoryContextAlloc(caller, sizeof(int) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*license_ids)[i] = DatumGetInt32(sql_value(i, 0, &isnull));
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < count; i++)
		license_counter_lock(account, (*license_ids)[i]);
	return count;
}

/* Counts the seats anew; for a table that was truncated, "seats" or ours, and for repair_account(). */
void
license_counter_recount(const Account *account)
{
	int		   *license_ids;
	int			count = lock_all_licenses(account, &license_ids);

	(void) run_as_owner(account,
						"DELETE FROM @account.seat_counters AS c"
						" WHERE slot NOT BETWEEN 0 AND $1 - 1 OR"
						" NOT EXISTS (SELECT FROM @account.licenses AS l WHERE l.license_id = c.license_id)",
						1, (SqlArgument[]) {SQL_INT4(SLOTS)});
	for (int i = 0; i < count; i++)
	{
		SqlArgument license_id = SQL_INT4(license_ids[i]);

		license_counter_spread(account, license_ids[i]);
		(void) run_as_owner(account,
							"UPDATE @account.seat_counters AS c"
							" SET waitlisted = CASE c.slot WHEN 0 THEN s.waitlisted ELSE 0 END,"
							" invited = CASE c.slot WHEN 0 THEN s.invited ELSE 0 END,"
							" activated = CASE c.slot WHEN 0 THEN s.activated ELSE 0 END"
							" FROM (SELECT count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted,"
							" count(*) FILTER (WHERE status = 'invited') AS invited,"
							" count(*) FILTER (WHERE status = 'activated') AS activated"
							" FROM @account.seats WHERE license_id = $1) AS s"
							" WHERE c.license_id = $1", 1, &license_id);
		license_counter_spread(account, license_ids[i]);
	}
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
	" (SELECT string_agg(s::text, ' ' ORDER BY s) FROM generate_series(0, " CppAsString2(SLOTS) " - 1) AS s) AS slots"
	" FROM @account.licenses AS l LEFT JOIN taken AS t USING (license_id)),"
	" stored AS (SELECT license_id, sum(waitlisted) AS waitlisted, sum(invited) AS invited,"
	" sum(activated) AS activated, sum(free) AS free, string_agg(slot::text, ' ' ORDER BY slot) AS slots,"
	" min(free) FILTER (WHERE slot > 0) AS least, count(free) NOT IN (0, count(*)) AS mixed"
	" FROM @account.seat_counters GROUP BY license_id)"
	" SELECT concat('license ', coalesce((SELECT header::text FROM @account.licenses AS l"
	" WHERE l.license_id = f.license_id), f.license_id::text), ', ', f.name), f.stored, f.expected"
	" FROM (SELECT license_id, v.* FROM expected AS e FULL JOIN stored AS s USING (license_id) CROSS JOIN LATERAL (VALUES"
	" ('waitlisted', s.waitlisted::text, e.waitlisted::text), ('invited', s.invited::text, e.invited::text),"
	" ('activated', s.activated::text, e.activated::text), ('free', s.free::text, e.free::text),"
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
