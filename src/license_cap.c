/*
 * license_cap.c
 *		The cap of a license: never more seats taken than were bought.
 *
 * Statement triggers on "seats" add up, from the transition tables, what the
 * statement changed, license by license in the order of license_id, and bring
 * the counters up to date; see license_counter.c, also for sessions that want
 * seats at the same time.  Where more seats would be taken than there are, the
 * statement is refused.
 *
 * The final state of a statement decides.  In
 *		WITH d AS (DELETE FROM seats ...) INSERT INTO seats ...
 * the trigger of the INSERT may fire before that of the DELETE, when the
 * counters do not know yet what was given back; so before anything is refused
 * the seats themselves are counted, which both have changed by then.
 *
 * A state over the cap may be there rightfully (seats lowered by force, the
 * vendor's own report, a restored dump): only a statement that takes further
 * seats is refused.
 */
#include "license_cap.h"

#include "access/table.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "license_counter.h"
#include "license_memory.h"
#include "license_rows.h"
#include "license_transfer.h"
#include "license_waiting.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "trigger_rows.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_license_cap_seats);

typedef struct SeatDeltas
{
	SeatDelta  *deltas;
	int			count;
	int			capacity;
} SeatDeltas;

/*
 * The account of which no seat is refused: set by set_seats(force => true), and for
 * what the vendor itself reports, while they write.  Triggers of the owner's may write to
 * other accounts meanwhile, or call those functions again.
 */
Oid			license_forced_account = InvalidOid;

/* Waits until no other transaction may change the seats of the license. */
void
license_cap_lock(const Account *account, int license_id)
{
	license_counter_lock(account, license_id);
}

/* The delta of a license, made if there is none yet; licenses are few. */
static SeatDelta *
delta_of(SeatDeltas *deltas, int license_id)
{
	SeatDelta  *delta;

	for (int i = 0; i < deltas->count; i++)
		if (deltas->deltas[i].license_id == license_id)
			return &deltas->deltas[i];

	if (deltas->count == deltas->capacity)
	{
		deltas->capacity = deltas->capacity ? deltas->capacity * 2 : 8;
		deltas->deltas = deltas->deltas == NULL ? palloc(sizeof(SeatDelta) * deltas->capacity) :
			repalloc(deltas->deltas, sizeof(SeatDelta) * deltas->capacity);
	}
	delta = &deltas->deltas[deltas->count++];
	memset(delta, 0, sizeof(SeatDelta));
	delta->license_id = license_id;
	return delta;
}

/* The values of the type seat_status that matter here. */
typedef struct SeatStatuses
{
	Oid			waitlisted;
	Oid			invited;
	Oid			activated;
} SeatStatuses;

static SeatStatuses
seat_statuses(void)
{
	SeatStatuses statuses;

	statuses.waitlisted = catalog_enum("seat_status", "waitlisted");
	statuses.invited = catalog_enum("seat_status", "invited");
	statuses.activated = catalog_enum("seat_status", "activated");
	return statuses;
}

static Oid
seat_status(TupleTableSlot *slot)
{
	bool		isnull;

	return DatumGetObjectId(slot_getattr(slot, SEATS_STATUS, &isnull));
}

/* Spreads the bits of a number, so that sums of several differ (the end of MurmurHash3). */
static uint64
mixed(uint64 number)
{
	number = (number ^ (number >> 33)) * UINT64CONST(0xff51afd7ed558ccd);
	number = (number ^ (number >> 33)) * UINT64CONST(0xc4ceb9fe1a85ec53);
	return number ^ (number >> 33);
}

/* Adds the rows of a transition table to the deltas, or takes them off. */
static void
add_rows(SeatDeltas *deltas, TriggerData *trigger, Tuplestorestate *rows, int sign)
{
	TriggerRows scan;
	SeatStatuses statuses;

	if (rows == NULL)
		return;
	statuses = seat_statuses();
	trigger_rows_begin(&scan, trigger, rows);
	while (trigger_rows_next(&scan))
	{
		Oid			status = seat_status(scan.slot);
		SeatDelta  *delta = delta_of(deltas, slot_int32(scan.slot, SEATS_LICENSE_ID));

		if (status == statuses.waitlisted)
		{
			delta->waitlisted += sign;
			delta->somebody_waits |= sign > 0;
		}
		else if (status == statuses.invited)
			delta->invited += sign;
		else if (status == statuses.activated)
			delta->activated += sign;
		if (status == statuses.invited || status == statuses.activated)
			delta->holders += sign * mixed((uint64) slot_int64(scan.slot, SEATS_PROFILE_ID));
	}
	trigger_rows_end(&scan);
}

static int
compare_deltas(const void *a, const void *b)
{
	int			id_a = ((const SeatDelta *) a)->license_id;
	int			id_b = ((const SeatDelta *) b)->license_id;

	return (id_a > id_b) - (id_a < id_b);
}

/* ---- who gave a seat back, and who took one ---- */

/* The people whom a statement took a seat of a license from, and those whom it gave one. */
typedef struct SeatMoves
{
	int			freed_count;
	int64	   *freed;
	int			taken_count;
	int64	   *taken;
	bool	   *can_wait;		/* of each of these: was it an invitation? */
	TimestampTz *since;			/* and since when it has waited, or has the seat */
} SeatMoves;

/* Does the row take a seat of the license? */
static bool
takes_seat(TupleTableSlot *slot, const LicenseTerms *terms, const SeatStatuses *statuses)
{
	Oid			status;

	if (slot == NULL || slot_int32(slot, SEATS_LICENSE_ID) != terms->license_id)
		return false;
	status = seat_status(slot);
	return status == statuses->activated || (terms->counts_invited && status == statuses->invited);
}

static TimestampTz
seat_since(TupleTableSlot *slot)
{
	return slot_int64(slot, SEATS_SINCE);
}

/* The moves of a trigger's statement; of what was written below the triggers (NULL) none is known. */
static SeatMoves
find_moves(TriggerData *trigger, const LicenseTerms *terms)
{
	SeatStatuses statuses = seat_statuses();
	SeatMoves	moves = {0};
	ChangedRows changed;
	int64		count;

	if (trigger == NULL || (trigger->tg_newtable == NULL && trigger->tg_oldtable == NULL))
		return moves;
	count = Max(tuplestore_tuple_count(trigger->tg_newtable ? trigger->tg_newtable : trigger->tg_oldtable), 1);
	moves.freed = palloc_extended(sizeof(int64) * count, MCXT_ALLOC_HUGE);
	moves.taken = palloc_extended(sizeof(int64) * count, MCXT_ALLOC_HUGE);
	moves.can_wait = palloc_extended(sizeof(bool) * count, MCXT_ALLOC_HUGE);
	moves.since = palloc_extended(sizeof(TimestampTz) * count, MCXT_ALLOC_HUGE);
	changed_rows_begin(&changed, trigger);
	while (changed_rows_next(&changed))
	{
		TupleTableSlot *before = changed.old_slot;
		TupleTableSlot *after = changed.new_slot;
		bool		took = takes_seat(before, terms, &statuses);
		bool		takes = takes_seat(after, terms, &statuses);

		if (took && takes && slot_int64(before, SEATS_PROFILE_ID) == slot_int64(after, SEATS_PROFILE_ID))
			continue;
		if (took)
			moves.freed[moves.freed_count++] = slot_int64(before, SEATS_PROFILE_ID);
		if (takes)
		{
			bool		waited = before != NULL && seat_status(before) == statuses.waitlisted;

			moves.taken[moves.taken_count] = slot_int64(after, SEATS_PROFILE_ID);
			moves.can_wait[moves.taken_count] = seat_status(after) == statuses.invited;
			moves.since[moves.taken_count++] = seat_since(waited ? before : after);
		}
	}
	changed_rows_end(&changed);
	return moves;
}

/* Is send_back() at work? */
static bool sending_back = false;

static void
refuse_seats(const Account *account, const SeatResult *result)
{
	const LicenseTerms *terms = &result->terms;
	Relation	relation = table_open(get_relname_relid("seats", account->namespace_oid), NoLock);

	ereport(ERROR,
			errcode(ERRCODE_CHECK_VIOLATION),
			errmsg("license \"%s\" has too few free seats", terms->header),
			errdetail_plural("License \"%s\" has " INT64_FORMAT " seat; with this statement, " INT64_FORMAT
							 " would be taken.",
							 "License \"%s\" has " INT64_FORMAT " seats; with this statement, " INT64_FORMAT
							 " would be taken.",
							 (unsigned long) terms->seats, terms->header, terms->seats, result->taken),
			errhint("Revoke seats first, or raise their number with orgsync.set_seats()."),
			errtableconstraint(relation, "license_cap"));
}

/* Has the people wait, who never had the seat that the statement gave them: no transfer is noted. */
static int64
send_back(const Account *account, int license_id, const int64 *profile_ids, const TimestampTz *since, int64 count)
{
	int64		waiting;

	sending_back = true;
	PG_TRY();
	{
		waiting = license_waiting_add(account, license_id, profile_ids, since, count);
	}
	PG_FINALLY();
	{
		sending_back = false;
	}
	PG_END_TRY();
	return waiting;
}

/* The last people to whom the statement gave a seat that there is not have to wait. */
static void
let_wait(const Account *account, const SeatResult *result, SeatMoves *moves)
{
	int64	   *waiting = palloc_extended(sizeof(int64) * Max(moves->taken_count, 1), MCXT_ALLOC_HUGE);
	TimestampTz *since = palloc_extended(sizeof(TimestampTz) * Max(moves->taken_count, 1), MCXT_ALLOC_HUGE);
	int			first = moves->taken_count;
	int			count = 0;
	int			kept;

	while (count < result->over && first > 0)
		if (moves->can_wait[--first])
			count++;
	kept = first;
	count = 0;
	for (int i = first; i < moves->taken_count; i++)
		if (moves->can_wait[i])
		{
			waiting[count] = moves->taken[i];
			since[count++] = moves->since[i];
		}
		else
			moves->taken[kept++] = moves->taken[i];
	moves->taken_count = kept;
	if (count < result->over ||
		send_back(account, result->terms.license_id, waiting, since, count) < count)
		refuse_seats(account, result);
}

/* Brings the counters of a license up to date, and does what follows from it; see the top of the file. */
static void
add_delta(const Account *account, TriggerData *trigger, const SeatDelta *delta)
{
	SeatResult	result;
	SeatMoves	moves;

	license_counter_add(account, delta, &result);
	if (!result.needs_care)
		return;
	if (result.over > 0 && !(result.terms.waits_when_full && result.terms.counts_invited))
		refuse_seats(account, &result);
	if (result.over > 0 || (result.terms.transfers_per_year >= 0 && !sending_back))
	{
		moves = find_moves(trigger, &result.terms);
		if (result.over > 0)
			let_wait(account, &result, &moves);
		if (result.terms.transfers_per_year >= 0)
			license_transfer_note(account, &result.terms,
								  result.terms.seats == SEATS_WITHOUT_LIMIT ? 0 : Max(result.free, 0),
								  moves.freed, moves.freed_count, moves.taken, moves.taken_count);
	}
	license_waiting_invite(account, &result);
}

/* The deltas of a statement, in the order of license_id; trigger: as for find_moves(). */
static void
add_deltas(const Account *account, TriggerData *trigger, const SeatDeltas *deltas)
{
	if (deltas->count > 1)
		qsort(deltas->deltas, deltas->count, sizeof(SeatDelta), compare_deltas);
	for (int i = 0; i < deltas->count; i++)
	{
		const SeatDelta *delta = &deltas->deltas[i];

		if (delta->somebody_waits)
			license_waiting_forget_position(account, delta->license_id);
		if (delta->waitlisted != 0 || delta->invited != 0 || delta->activated != 0 || delta->holders != 0)
			add_delta(account, trigger, delta);
	}
}

/*
 * Adds to the counters what was done to the seats, in the order of license_id,
 * which it sorts the deltas by; an error if more would be taken than there are.
 * The account is one of account_of_trigger()'s, and "seats" is locked by who has
 * written to it.  Not for licenses with a limit of transfers.
 */
void
license_cap_add(const Account *account, SeatDelta *deltas, int count)
{
	SeatDeltas	all = {deltas, count, count};

	add_deltas(account, NULL, &all);
}

/* Trigger on seats, for each statement; see the top of the file. */
Datum
orgsync_license_cap_seats(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "license_cap_seats", "seats");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	SeatDeltas	deltas = {0};

	SPI_connect();
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		license_counter_recount(account);
	else
		license_statement_note(account, tuplestore_tuple_count(trigger->tg_newtable ? trigger->tg_newtable :
															   trigger->tg_oldtable));
	add_rows(&deltas, trigger, trigger->tg_oldtable, -1);
	add_rows(&deltas, trigger, trigger->tg_newtable, 1);
	add_deltas(account, trigger, &deltas);
	SPI_finish();
	return PointerGetDatum(NULL);
}
