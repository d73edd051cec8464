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
#include "license_slot.h"
#include "license_transfer.h"
#include "license_waiting.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "trigger_rows.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_license_cap_seats);
PG_FUNCTION_INFO_V1(orgsync_license_cap_license);

typedef struct SeatDeltas
{
	SeatDelta  *deltas;
	int			count;
	int			capacity;
} SeatDeltas;

/*
 * No seat is refused: set by set_seats(force => true), and for what the vendor
 * itself reports, while they write.
 */
bool		license_seats_forced = false;

/* Seats taken by the license's own counting rule. */
int64
license_usage_taken(const LicenseUsage *license)
{
	return license->activated + (license->counts_invited ? license->invited : 0);
}

/* Waits until no other transaction may change the seats of the license. */
void
license_cap_lock(const Account *account, int license_id)
{
	license_counter_lock(account, license_id);
}

static const char usage_query[] =
	"SELECT l.license_id, l.header::text, coalesce(l.seats, -1)::bigint, l.counting = 'invited',"
	" l.when_full = 'waitlist', coalesce(c.waitlisted, 0), coalesce(c.invited, 0), coalesce(c.activated, 0),"
	" coalesce(l.transfers_per_year, -1)::bigint, l.transfer_action::text"
	" FROM @account.licenses l LEFT JOIN (SELECT license_id, sum(waitlisted)::bigint AS waitlisted,"
	" sum(invited)::bigint AS invited, sum(activated)::bigint AS activated"
	" FROM @account.seat_counters GROUP BY license_id) c USING (license_id) ORDER BY l.license_id";

/*
 * All licenses of the account and how many seats of each are taken, as
 * committed now or done by this transaction, in the order of license_id.
 * Returns their number; the array is palloc'd in the caller's context.
 */
int
license_cap_usage(const Account *account, LicenseUsage **licenses)
{
	MemoryContext caller = CurrentMemoryContext;
	int			count = (int) sql_run_latest(account, usage_query, 0, NULL);

	*licenses = MemoryContextAllocZero(caller, sizeof(LicenseUsage) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		LicenseUsage *license = &(*licenses)[i];
		bool		isnull;

		license->license_id = DatumGetInt32(sql_value(i, 0, &isnull));
		license->header = MemoryContextStrdup(caller, sql_string(i, 1));
		license->seats = sql_int64(i, 2);
		license->counts_invited = DatumGetBool(sql_value(i, 3, &isnull));
		license->waits_when_full = DatumGetBool(sql_value(i, 4, &isnull));
		license->waitlisted = sql_int64(i, 5);
		license->invited = sql_int64(i, 6);
		license->activated = sql_int64(i, 7);
		license->transfers_per_year = sql_int64(i, 8);
		license->transfer_action = rule_action_by_name(sql_string(i, 9));
	}
	SPI_freetuptable(SPI_tuptable);
	return count;
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

/* Invites people who wait, while there are seats that may be given to them. */
static void
invite_waiting(const Account *account, const SeatResult *result)
{
	const LicenseTerms *terms = &result->terms;
	int64		free = terms->counts_invited ? result->free : PG_INT64_MAX;
	int64		count;

	if (license_invitations_held || !result->needs_care || !terms->waits_when_full || result->waiting <= 0 ||
		free <= 0)
		return;
	count = Min(free, result->waiting);
	if (terms->transfers_per_year >= 0 && terms->transfer_action == RULE_REJECT && terms->counts_invited)
	{
		TransferState state;

		license_transfer_state(account, terms->license_id, terms->transfers_per_year, &state);
		count = Min(count, license_transfer_allowance(&state, terms->seats, free));
	}
	if (count > 0)
		license_waiting_promote(account, terms->license_id, count);
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
			(void) license_transfer_note(account, &result.terms,
										 result.terms.seats == SEATS_WITHOUT_LIMIT ? 0 : Max(result.free, 0),
										 moves.freed, moves.freed_count, moves.taken, moves.taken_count);
	}
	invite_waiting(account, &result);
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

/* A license as it was before an UPDATE. */
typedef struct LicenseBefore
{
	int			license_id;
	int64		seats;
	bool		counted_invited;
} LicenseBefore;

/* The licenses of a transition table, in the order of license_id. */
static int
read_licenses(TriggerData *trigger, Tuplestorestate *rows, LicenseBefore **licenses)
{
	Oid			counting_invited = catalog_enum("seat_counting", "invited");
	TriggerRows scan;
	int			count = 0;

	*licenses = palloc(sizeof(LicenseBefore) * Max(tuplestore_tuple_count(rows), 1));
	trigger_rows_begin(&scan, trigger, rows);
	while (trigger_rows_next(&scan))
	{
		LicenseBefore *license = &(*licenses)[count++];
		bool		isnull;

		license->license_id = DatumGetInt32(slot_getattr(scan.slot, LICENSES_LICENSE_ID, &isnull));
		license->counted_invited =
			DatumGetObjectId(slot_getattr(scan.slot, LICENSES_COUNTING, &isnull)) == counting_invited;
		license->seats = DatumGetInt32(slot_getattr(scan.slot, LICENSES_SEATS, &isnull));
		if (isnull)
			license->seats = SEATS_WITHOUT_LIMIT;
	}
	trigger_rows_end(&scan);
	qsort(*licenses, count, sizeof(LicenseBefore), compare_ints);	/* license_id is the first member */
	return count;
}

/* By how many seats is more taken than there are? */
static int64
seats_over(int64 seats, int64 taken)
{
	return seats == SEATS_WITHOUT_LIMIT ? 0 : Max(taken - seats, 0);
}

/*
 * Refuses an UPDATE that leaves more seats taken than there are, if it is the
 * UPDATE that made it so or worse.
 */
static void
check_license(const Account *account, const Relation relation, const LicenseBefore *before,
			  const LicenseUsage *now)
{
	LicenseUsage was = *now;
	int64		taken = license_usage_taken(now);
	int64		over = seats_over(now->seats, taken);

	was.counts_invited = before->counted_invited;
	if (over == 0 || over <= seats_over(before->seats, license_usage_taken(&was)))
		return;
	ereport(ERROR,
			errcode(ERRCODE_CHECK_VIOLATION),
			errmsg("license \"%s\" would have more seats taken than there are", now->header),
			errdetail_plural("License \"%s\" would have " INT64_FORMAT " seat; the number taken is " INT64_FORMAT ".",
							 "License \"%s\" would have " INT64_FORMAT " seats; the number taken is " INT64_FORMAT ".",
							 (unsigned long) now->seats, now->header, now->seats, taken),
			errhint("Revoke seats first, or call orgsync.set_seats() of account \"%s\" with force => true; "
					"no seat is granted then until enough are free.", account->name),
			errtableconstraint(relation, "license_cap"));
}

/* Brings the counters of a license up to date that was made or changed. */
static void
spread_and_invite(const Account *account, int license_id)
{
	SeatResult	result;

	license_counter_spread(account, license_id, &result);
	invite_waiting(account, &result);
}

/* The licenses that were updated: the cap's other side, and what is free of it. */
static void
check_licenses(const Account *account, TriggerData *trigger)
{
	LicenseBefore *before;
	LicenseBefore *after;
	LicenseUsage *licenses;
	OwnerContext context;
	int			count = read_licenses(trigger, trigger->tg_oldtable, &before);
	int			license_count;

	(void) read_licenses(trigger, trigger->tg_newtable, &after);
	for (int i = 0; i < count; i++)
		license_counter_lock(account, before[i].license_id);
	account_become_owner(account, &context);
	license_count = license_cap_usage(account, &licenses);
	account_restore_user(&context);

	for (int i = 0; i < license_count && !license_seats_forced; i++)
	{
		LicenseBefore *found = bsearch(&licenses[i].license_id, before, count, sizeof(LicenseBefore),
									   compare_ints);

		if (found != NULL)
			check_license(account, trigger->tg_relation, found, &licenses[i]);
	}
	for (int i = 0; i < count; i++)
		license_counter_forget(account, before[i].license_id);
	for (int i = 0; i < count; i++)
		spread_and_invite(account, after[i].license_id);
}

/* Trigger on licenses, for each statement: makes and removes counters, and guards the cap's other side. */
Datum
orgsync_license_cap_license(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "license_cap_license", "licenses");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	bool		inserted = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	LicenseBefore *licenses;
	int			count;

	/* as whoever writes seats: the table first, see import_seats.c, and the license then */
	LockRelationOid(get_relname_relid("seats", account->namespace_oid), RowExclusiveLock);
	SPI_connect();
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		check_licenses(account, trigger);
	else
	{
		count = read_licenses(trigger, inserted ? trigger->tg_newtable : trigger->tg_oldtable, &licenses);
		for (int i = 0; i < count; i++)
			if (inserted)
				spread_and_invite(account, licenses[i].license_id);
			else
				license_counter_forget(account, licenses[i].license_id);
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}
