/*
 * license_cap.c
 *		The cap of a license: never more seats taken than were bought.
 *
 * Statement triggers on "seats" add up, from the transition tables, what the
 * statement changed, license by license, and bring "seat_counters" up to date.
 * Where more seats are taken than there are, the statement is refused.
 *
 * Exactness under concurrency: the lock of the license is held until the
 * transaction ends, and everything after it looks with the latest snapshot, as
 * foreign keys do; so there are no serialization failures from the counters at
 * REPEATABLE READ.  Locks are taken in the order of license_id.
 *
 * The final state of a statement decides.  In
 *		WITH d AS (DELETE FROM seats ...) INSERT INTO seats ...
 * the trigger of the INSERT may fire before that of the DELETE, when the
 * counter does not know yet what was given back; so before it refuses anything
 * the trigger counts the seats themselves, which both have changed by then.
 *
 * A state over the cap may be there rightfully (seats lowered by force, the
 * vendor's own report, a restored dump): only a statement that takes further
 * seats is refused.
 */
#include "license_cap.h"

#include "account_lock.h"
#include "catalog.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(orgsync_license_cap_seats);
PG_FUNCTION_INFO_V1(orgsync_license_cap_license);
PG_FUNCTION_INFO_V1(orgsync_keep_derived);

/* What a statement changed of one license's seats. */
typedef struct SeatDelta
{
	int			license_id;
	int64		waitlisted;
	int64		invited;
	int64		activated;
} SeatDelta;

typedef struct SeatDeltas
{
	SeatDelta  *deltas;
	int			count;
	int			capacity;
} SeatDeltas;

/* Are we writing a derived table ourselves?  See orgsync_keep_derived(). */
static int	derived_write_depth = 0;

/* Set by set_seats(force => true) while it writes. */
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
	account_lock(account, ACCOUNT_LOCK_LICENSE, (uint32) license_id, ExclusiveLock);
}

static const char usage_query[] =
	"SELECT l.license_id, l.header::text, coalesce(l.seats, -1)::bigint, l.counting = 'invited',"
	" l.when_full = 'waitlist', coalesce(c.waitlisted, 0), coalesce(c.invited, 0), coalesce(c.activated, 0)"
	" FROM @account.licenses l LEFT JOIN @account.seat_counters c USING (license_id) ORDER BY l.license_id";

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

typedef struct SeatStatuses
{
	Oid			waitlisted;
	Oid			invited;
	Oid			activated;
} SeatStatuses;

static Oid
status_oid(const char *label)
{
	return DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, unconstify(char *, label),
												 catalog_type("seat_status"), -1));
}

/* Adds the rows of a transition table to the deltas, or takes them off. */
static void
add_rows(SeatDeltas *deltas, TriggerData *trigger, Tuplestorestate *rows, int sign)
{
	TriggerRows scan;
	SeatStatuses statuses;

	if (rows == NULL)
		return;
	statuses.waitlisted = status_oid("waitlisted");
	statuses.invited = status_oid("invited");
	statuses.activated = status_oid("activated");

	trigger_rows_begin(&scan, trigger, rows);
	while (trigger_rows_next(&scan))
	{
		bool		isnull;
		Oid			status = DatumGetObjectId(slot_getattr(scan.slot, SEATS_STATUS, &isnull));
		int			license_id = DatumGetInt32(slot_getattr(scan.slot, SEATS_LICENSE_ID, &isnull));
		SeatDelta  *delta = delta_of(deltas, license_id);

		if (status == statuses.waitlisted)
			delta->waitlisted += sign;
		else if (status == statuses.invited)
			delta->invited += sign;
		else if (status == statuses.activated)
			delta->activated += sign;
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

/* Runs a statement on a derived table, as the account's owner. */
static uint64
write_derived(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
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

/* The seats taken of a license, counted one by one. */
static int64
count_taken(const Account *account, int license_id, bool counts_invited)
{
	OwnerContext context;
	int64		taken;

	account_become_owner(account, &context);
	(void) sql_run_latest(account,
						  "SELECT count(*) FROM @account.seats WHERE license_id = $1"
						  " AND (status = 'activated' OR $2 AND status = 'invited')",
						  2, (SqlArgument[]) {SQL_INT4(license_id), SQL_BOOL(counts_invited)});
	taken = sql_int64(0, 0);
	account_restore_user(&context);
	return taken;
}

static void
refuse_seats(const Relation relation, const char *header, int64 seats, int64 taken, int64 more)
{
	ereport(ERROR,
			errcode(ERRCODE_CHECK_VIOLATION),
			errmsg("license \"%s\" has no seats left", header),
			errdetail("The license has " INT64_FORMAT " seats, of which " INT64_FORMAT
					  " were taken; the statement takes " INT64_FORMAT " more.",
					  seats, taken - more, more),
			errhint("Revoke seats first, or raise their number with orgsync.set_seats()."),
			errtableconstraint(relation, "license_cap"));
}

static const char count_query[] =
	"UPDATE @account.seat_counters AS c"
	" SET waitlisted = c.waitlisted + $2, invited = c.invited + $3, activated = c.activated + $4"
	" FROM @account.licenses AS l WHERE c.license_id = $1 AND l.license_id = c.license_id"
	" RETURNING l.header::text, coalesce(l.seats, -1)::bigint, l.counting = 'invited', c.invited, c.activated";

/* Counts what a statement did to one license, and refuses it over the cap. */
static void
apply_delta(const Account *account, const Relation relation, const SeatDelta *delta)
{
	char	   *header;
	int64		seats;
	int64		taken;
	int64		more;
	bool		counts_invited;
	bool		isnull;

	license_cap_lock(account, delta->license_id);
	if (write_derived(account, count_query, 4,
					  (SqlArgument[]) {SQL_INT4(delta->license_id), SQL_INT8(delta->waitlisted),
									   SQL_INT8(delta->invited), SQL_INT8(delta->activated)}) == 0)
		return;					/* the license itself is being deleted */

	header = sql_string(0, 0);
	seats = sql_int64(0, 1);
	counts_invited = DatumGetBool(sql_value(0, 2, &isnull));
	taken = sql_int64(0, 4) + (counts_invited ? sql_int64(0, 3) : 0);
	more = delta->activated + (counts_invited ? delta->invited : 0);
	SPI_freetuptable(SPI_tuptable);

	if (more <= 0 || seats == SEATS_WITHOUT_LIMIT || taken <= seats)
		return;
	taken = count_taken(account, delta->license_id, counts_invited);
	if (taken > seats)
		refuse_seats(relation, header, seats, taken, more);
}

/* Trigger on seats, for each statement; see the top of the file. */
Datum
orgsync_license_cap_seats(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "license_cap_seats", "seats");
	Account    *account = account_locate(RelationGetNamespace(trigger->tg_relation));
	SeatDeltas	deltas = {0};

	SPI_connect();
	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		(void) write_derived(account,
							 "UPDATE @account.seat_counters SET waitlisted = 0, invited = 0, activated = 0",
							 0, NULL);
	add_rows(&deltas, trigger, trigger->tg_oldtable, -1);
	add_rows(&deltas, trigger, trigger->tg_newtable, 1);
	if (deltas.count > 1)
		qsort(deltas.deltas, deltas.count, sizeof(SeatDelta), compare_deltas);
	for (int i = 0; i < deltas.count; i++)
	{
		SeatDelta  *delta = &deltas.deltas[i];

		if (delta->waitlisted != 0 || delta->invited != 0 || delta->activated != 0)
			apply_delta(account, trigger->tg_relation, delta);
	}
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
	Oid			counting_invited = DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, "invited",
																		 catalog_type("seat_counting"), -1));
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
			errmsg("license \"%s\" cannot have " INT64_FORMAT " seats, because " INT64_FORMAT " are taken",
				   now->header, now->seats, taken),
			errhint("Revoke seats first, or call orgsync.set_seats() of account \"%s\" with force => true; "
					"no seat is granted then until enough are free.", account->name),
			errtableconstraint(relation, "license_cap"));
}

static void
check_licenses(const Account *account, TriggerData *trigger)
{
	LicenseBefore *before;
	LicenseUsage *licenses;
	int			count = read_licenses(trigger, trigger->tg_oldtable, &before);
	int			license_count;

	for (int i = 0; i < count; i++)
		license_cap_lock(account, before[i].license_id);
	if (license_seats_forced)
		return;
	license_count = license_cap_usage(account, &licenses);
	for (int i = 0; i < license_count; i++)
	{
		LicenseBefore *found = bsearch(&licenses[i].license_id, before, count, sizeof(LicenseBefore),
									   compare_ints);

		if (found != NULL)
			check_license(account, trigger->tg_relation, found, &licenses[i]);
	}
}

/* Trigger on licenses, for each statement: counters, and the cap's other side. */
Datum
orgsync_license_cap_license(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "license_cap_license", "licenses");
	Account    *account = account_locate(RelationGetNamespace(trigger->tg_relation));

	SPI_connect();
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		check_licenses(account, trigger);
	else
	{
		bool		inserted = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
		LicenseBefore *licenses;
		int			count = read_licenses(trigger, inserted ? trigger->tg_newtable : trigger->tg_oldtable,
										  &licenses);

		for (int i = 0; i < count; i++)
			(void) write_derived(account, inserted ?
								 "INSERT INTO @account.seat_counters (license_id) VALUES ($1)"
								 " ON CONFLICT DO NOTHING" :
								 "DELETE FROM @account.seat_counters WHERE license_id = $1",
								 1, (SqlArgument[]) {SQL_INT4(licenses[i].license_id)});
	}
	SPI_finish();
	return PointerGetDatum(NULL);
}

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
