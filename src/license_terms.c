/*
 * license_terms.c
 *		What was agreed on a license, and how much of it is used.
 *
 * The table "licenses" may be changed by anybody who has the privilege; so its
 * triggers guard the cap's other side: the seats of a license may be lowered, and
 * invitations made to count, only as far as there are enough for those who have one,
 * unless by force.  They make and remove the license's counters, and invite people who
 * wait where there are more seats than before.
 */
#include "license_terms.h"

#include "catalog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "license_cap.h"
#include "license_rows.h"
#include "license_waiting.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "trigger_rows.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(orgsync_license_cap_license);

#define TERMS_COLUMNS \
	"l.license_id, coalesce(l.header::text, ''), coalesce(l.seats, -1)::bigint, l.counting = 'invited'," \
	" l.when_full = 'waitlist'," \
	" coalesce(l.transfers_per_year, -1)::bigint, coalesce(l.transfer_action::text, '')"

static const char terms_query[] =
	"SELECT " TERMS_COLUMNS " FROM @account.licenses AS l WHERE l.license_id = $1";

static const char usage_query[] =
	"SELECT " TERMS_COLUMNS ", coalesce(c.waitlisted, 0), coalesce(c.invited, 0), coalesce(c.activated, 0)"
	" FROM @account.licenses AS l LEFT JOIN (SELECT license_id, sum(waitlisted)::bigint AS waitlisted,"
	" sum(invited)::bigint AS invited, sum(activated)::bigint AS activated"
	" FROM @account.seat_counters GROUP BY license_id) AS c USING (license_id) ORDER BY l.license_id";

/* The TERMS_COLUMNS of a row that was read; the header is palloc'd in the context. */
static LicenseTerms
terms_of_row(int row, MemoryContext context)
{
	LicenseTerms terms;
	bool		isnull;

	terms.license_id = DatumGetInt32(sql_value(row, 0, &isnull));
	terms.header = MemoryContextStrdup(context, sql_string(row, 1));
	terms.seats = sql_int64(row, 2);
	terms.counts_invited = DatumGetBool(sql_value(row, 3, &isnull));
	terms.waits_when_full = DatumGetBool(sql_value(row, 4, &isnull));
	terms.transfers_per_year = sql_int64(row, 5);
	terms.transfer_action = rule_action_by_name(sql_string(row, 6));
	return terms;
}

/*
 * What was agreed on the license, as committed now or done by this transaction.
 * False if it is not there, or is being deleted.  The account is one of
 * account_of_trigger()'s.
 */
bool
license_terms_read(const Account *account, int license_id, LicenseTerms *terms)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		exists = sql_run_latest_as_owner(account, terms_query, 1, (SqlArgument[]) {SQL_INT4(license_id)}) > 0;

	if (exists)
		*terms = terms_of_row(0, caller);
	SPI_freetuptable(SPI_tuptable);
	return exists;
}

/*
 * All licenses of the account and how many seats of each are taken, as
 * committed now or done by this transaction, in the order of license_id.
 * Returns their number; the array is palloc'd in the caller's context.
 */
int
license_usage_read(const Account *account, LicenseUsage **licenses)
{
	MemoryContext caller = CurrentMemoryContext;
	int			count = (int) sql_run_latest(account, usage_query, 0, NULL);

	*licenses = MemoryContextAllocZero(caller, sizeof(LicenseUsage) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		LicenseUsage *license = &(*licenses)[i];

		license->terms = terms_of_row(i, caller);
		license->waitlisted = sql_int64(i, 7);
		license->invited = sql_int64(i, 8);
		license->activated = sql_int64(i, 9);
	}
	SPI_freetuptable(SPI_tuptable);
	return count;
}

/* Seats taken by the license's own counting rule. */
int64
license_usage_taken(const LicenseUsage *license)
{
	return license->activated + (license->terms.counts_invited ? license->invited : 0);
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
	int64		over = seats_over(now->terms.seats, taken);

	was.terms.counts_invited = before->counted_invited;
	if (over == 0 || over <= seats_over(before->seats, license_usage_taken(&was)))
		return;
	ereport(ERROR,
			errcode(ERRCODE_CHECK_VIOLATION),
			errmsg("license \"%s\" would have more seats taken than there are", now->terms.header),
			errdetail_plural("License \"%s\" would have " INT64_FORMAT " seat; the number taken is " INT64_FORMAT ".",
							 "License \"%s\" would have " INT64_FORMAT " seats; the number taken is " INT64_FORMAT ".",
							 (unsigned long) now->terms.seats, now->terms.header, now->terms.seats, taken),
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
	license_waiting_invite(account, &result);
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
	license_count = license_usage_read(account, &licenses);
	account_restore_user(&context);

	for (int i = 0; i < license_count && license_forced_account != account->namespace_oid; i++)
	{
		LicenseBefore *found = bsearch(&licenses[i].terms.license_id, before, count, sizeof(LicenseBefore),
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
