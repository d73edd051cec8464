/*
 * license_rows.c
 *		All counters of a license, for who has it for himself.
 *
 * That is who needs more seats than one slot has (license_counter.c), who changes
 * the license, and who counts its seats anew: after TRUNCATE, and to verify and
 * repair an account.  The free seats are spread over the slots here.
 *
 * The table is derived: users' writes to it are ignored, so that it can be dumped
 * and restored with the rest.  What is done under the license's lock sees what is
 * committed now.
 *
 * All functions need an SPI connection and an account of account_of_trigger()'s.
 */
#include "license_rows.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "license_memory.h"
#include "sql.h"
#include "trigger_rows.h"

PG_FUNCTION_INFO_V1(orgsync_keep_derived);
PG_FUNCTION_INFO_V1(orgsync_license_counter_rebuild);

/* Are we writing a derived table through SQL?  See orgsync_keep_derived(). */
static int	derived_write_depth = 0;

/* Writes the derived table, which the account's owner alone may do. */
static void
write_derived(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	derived_write_depth++;
	PG_TRY();
	{
		(void) sql_run_latest_as_owner(account, text, argument_count, arguments);
	}
	PG_FINALLY();
	{
		derived_write_depth--;
	}
	PG_END_TRY();
}

/* Reads the rows of the license, which are made if they are not there. */
void
license_rows_read(const Account *account, Relation counters, int license_id, LicenseRows *rows)
{
	bool		complete = true;

	rows->counters = counters;
	for (int i = 0; i < LICENSE_SLOTS && complete; i++)
		complete = license_slot_read(counters, license_id, i, &rows->slots[i]);
	if (!complete)
	{
		write_derived(account,
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
LicenseSlot
license_rows_sum(const LicenseRows *rows)
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
	int			preferred = license_preferred_slot();
	int64		least = PG_INT64_MAX;
	int64		present = 0;

	for (int i = 0; i < LICENSE_SLOTS; i++)
		present += slots[i].free;
	slots[preferred].free += free - present;
	for (int i = 0; i < LICENSE_SLOTS; i++)
		least = Min(least, slots[i].free);
	if (free > 0 && least >= 0 && (least > LICENSE_RESERVE || free < (LICENSE_RESERVE + 1) * LICENSE_SLOTS))
		return;
	for (int i = 0; i < LICENSE_SLOTS; i++)
		if (free > 0)
			slots[i].free = free / LICENSE_SLOTS + (i < free % LICENSE_SLOTS ? 1 : 0);
		else
			slots[i].free = i == 0 ? free : 0;
}

/* Works out what is free by the license's terms, and writes the rows that have changed. */
void
license_rows_write(LicenseRows *rows, const LicenseTerms *terms, int64 *free)
{
	LicenseSlot sum = license_rows_sum(rows);
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
	license_counter_lock(account, license_id);
	result->needs_care = license_terms_read(account, license_id, &result->terms);
	if (result->needs_care)
	{
		license_rows_read(account, counters, license_id, rows);
		license_rows_write(rows, &result->terms, &result->free);
		result->waiting = license_rows_sum(rows).waitlisted;
	}
	table_close(counters, NoLock);
	pfree(rows);
}

/* Forgets a license that is not there any more. */
void
license_counter_forget(const Account *account, int license_id)
{
	Relation	counters = license_slots_open(account);

	write_derived(account,
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

	license_counter_lock(account, license_id);
	if (license_terms_read(account, license_id, &terms))
	{
		license_rows_read(account, counters, license_id, rows);
		(void) sql_run_latest_as_owner(account,
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
		license_rows_write(rows, &terms, &free);
	}
	pfree(rows);
}

/* Counts the seats anew; for a table that was truncated, "seats" or ours, and for repair_account(). */
void
license_counter_recount(const Account *account)
{
	Relation	counters = license_slots_open(account);
	int			count = (int) sql_run_latest_as_owner(account, "SELECT license_id FROM @account.licenses ORDER BY license_id",
												0, NULL);
	int		   *license_ids = palloc(sizeof(int) * Max(count, 1));
	bool		isnull;

	for (int i = 0; i < count; i++)
		license_ids[i] = DatumGetInt32(sql_value(i, 0, &isnull));
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < count; i++)
		recount_license(account, counters, license_ids[i]);
	write_derived(account,
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
