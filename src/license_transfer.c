/*
 * license_transfer.c
 *		Seats that pass from one person to another.
 *
 * A contract may limit how often a year that happens (transfers_per_year).  The
 * table "transfers" has a row for each seat that was taken back; when another
 * person is given a seat, the oldest such row gets his name, and counts for a
 * year.  Who gets back his own seat has not been given somebody else's.  When
 * the year's transfers are used up, seats that nobody has had are given out
 * first; a license without a number of seats has none.
 *
 * Only licenses with a limit are followed; they are guarded (license_counter.c),
 * so nobody else changes the figures meanwhile, and a transaction counts once.  TRUNCATE gives all seats back
 * without saying whose they were, and is no transfer.
 */
#include "license_transfer.h"

#include "catalog/pg_type.h"
#include "license_cap.h"
#include "license_memory.h"
#include "sql.h"
#include "trigger_rows.h"

/* Are transfers over the limit told of by a WARNING?  Imports have findings for that. */
bool		license_transfers_warned = true;

/* Of more than so many people at once a plan of its own is made. */
#define MANY_PEOPLE		32

static const char state_query[] =
	"SELECT (SELECT count(*) FROM @account.transfers WHERE license_id = $1 AND to_profile_id IS NULL),"
	" (SELECT count(*) FROM @account.transfers WHERE license_id = $1 AND to_profile_id IS NOT NULL"
	" AND transferred_at > now() - interval '1 year')";

/* What the transaction knows of the license's transfers, counted if it does not know. */
static LicenseTransfers *
known_transfers(const Account *account, int license_id)
{
	LicenseTransfers *transfers = license_transfers_known(account, license_id);

	if (!transfers->known)
	{
		(void) sql_find_latest_as_owner(account, state_query, 1, (SqlArgument[]) {SQL_INT4(license_id)});
		transfers->vacated = sql_int64(0, 0);
		transfers->done = sql_int64(0, 1);
		transfers->last_id = PG_INT64_MIN;
		SPI_freetuptable(SPI_tuptable);
		license_transfers_noted(account, transfers);
	}
	return transfers;
}

static TransferState
state_of(int64 vacated, int64 done, int64 transfers_per_year)
{
	return (TransferState) {vacated, Max(transfers_per_year - done, 0)};
}

/*
 * The state of a license with a limit of transfers.  Read as the account's owner
 * if the account is account_of_trigger()'s, whose caller has the license for himself.
 */
void
license_transfer_state(const Account *account, int license_id, int64 transfers_per_year, TransferState *state)
{
	if (account->owns_tables)
	{
		const LicenseTransfers *transfers = known_transfers(account, license_id);

		*state = state_of(transfers->vacated, transfers->done, transfers_per_year);
		return;
	}
	(void) sql_run_once_latest(account, state_query, 1, (SqlArgument[]) {SQL_INT4(license_id)});
	*state = state_of(sql_int64(0, 0), sql_int64(0, 1), transfers_per_year);
	SPI_freetuptable(SPI_tuptable);
}

/* How many of a license's free seats has nobody had? */
int64
license_transfer_unused(const TransferState *state, int64 seats, int64 free)
{
	return seats == SEATS_WITHOUT_LIMIT ? 0 : Max(free - state->vacated, 0);
}

/* How many of the free seats can be given to people without a transfer over the limit? */
int64
license_transfer_allowance(const TransferState *state, int64 seats, int64 free)
{
	return state->vacated == 0 ? free : Min(free, state->left + license_transfer_unused(state, seats, free));
}

static void
refuse_transfers(const Account *account, const LicenseTerms *terms, const TransferState *state, int64 counted)
{
	bool		refused = terms->transfer_action == RULE_REJECT;

	if (terms->transfer_action == RULE_OFF || (!refused && !license_transfers_warned))
		return;
	ereport(refused ? ERROR : WARNING,
			errcode(refused ? ERRCODE_CHECK_VIOLATION : ERRCODE_WARNING),
			errmsg("license \"%s\" has too few transfers left", terms->header),
			errdetail("Transfers in this statement: " INT64_FORMAT "; left of " INT64_FORMAT " a year: " INT64_FORMAT ".",
					  counted, terms->transfers_per_year, state->left),
			errhint("Give the seat back to whom it was taken from, or raise transfers_per_year of the license."),
			err_generic_string(PG_DIAG_SCHEMA_NAME, account->name),
			err_generic_string(PG_DIAG_TABLE_NAME, "seats"),
			err_generic_string(PG_DIAG_CONSTRAINT_NAME, "license_transfers"));
}

static const char free_query[] =
	"INSERT INTO @account.transfers (license_id, from_profile_id) SELECT $1, p FROM unnest($2) AS p";

/*
 * An index on the license would lead through the old versions of all that this
 * transaction has closed, hence the sum.
 */
static const char return_query[] =
	"DELETE FROM @account.transfers WHERE license_id + 0 = $1 AND from_profile_id = $2 AND to_profile_id IS NULL";

static const char return_many_query[] =
	"DELETE FROM @account.transfers WHERE license_id = $1 AND from_profile_id = ANY ($2) AND to_profile_id IS NULL"
	" RETURNING from_profile_id";

/*
 * To the oldest open ones after those that this transaction has closed already,
 * whose old versions stay in the index until it has ended.
 */
static const char give_query[] =
	"UPDATE @account.transfers SET to_profile_id = $2, transferred_at = now() WHERE transfer_id ="
	" (SELECT transfer_id FROM @account.transfers WHERE license_id = $1 AND to_profile_id IS NULL"
	" AND transfer_id > $3 ORDER BY transfer_id LIMIT 1) RETURNING transfer_id";

static const char give_many_query[] =
	"WITH g AS (UPDATE @account.transfers AS t SET to_profile_id = n.profile_id, transferred_at = now() FROM"
	" (SELECT transfer_id, row_number() OVER (ORDER BY transfer_id) AS n FROM"
	" (SELECT transfer_id FROM @account.transfers WHERE license_id = $1 AND to_profile_id IS NULL"
	" AND transfer_id > $3 ORDER BY transfer_id LIMIT cardinality($2)) AS i) AS o"
	" JOIN unnest($2) WITH ORDINALITY AS n (profile_id, n) USING (n)"
	" WHERE t.transfer_id = o.transfer_id RETURNING t.transfer_id)"
	" SELECT coalesce(max(transfer_id), $3), count(*) FROM g";

/*
 * Who gets back his own seat has not been given somebody else's.  Returns how many
 * of the people the others are, and puts these first.
 */
static int
return_seats(const Account *account, int license_id, int64 *taken, int count, LicenseTransfers *transfers)
{
	int			others = 0;
	int64	   *returned;
	int			returned_count;

	if (count <= MANY_PEOPLE)
	{
		for (int i = 0; i < count; i++)
		{
			uint64		deleted = sql_find_latest_as_owner(account, return_query, 2, (SqlArgument[])
														   {SQL_INT4(license_id), SQL_INT8(taken[i])});

			transfers->vacated -= (int64) deleted;
			if (deleted == 0)
				taken[others++] = taken[i];
		}
		return others;
	}

	returned_count = (int) sql_run_once_latest_as_owner(account, return_many_query, 2, (SqlArgument[])
														{SQL_INT4(license_id), sql_int8_array(taken, count)});
	transfers->vacated -= returned_count;
	returned = palloc_extended(sizeof(int64) * Max(returned_count, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < returned_count; i++)
		returned[i] = sql_int64(i, 0);
	SPI_freetuptable(SPI_tuptable);
	qsort(returned, returned_count, sizeof(int64), compare_int64s);
	for (int i = 0; i < count; i++)
		if (bsearch(&taken[i], returned, returned_count, sizeof(int64), compare_int64s) == NULL)
			taken[others++] = taken[i];
	pfree(returned);
	return others;
}

/* Gives the oldest seats that were taken back to the first so many people. */
static void
give_seats(const Account *account, int license_id, const int64 *taken, int count, LicenseTransfers *transfers)
{
	int64		given = 0;

	if (count > MANY_PEOPLE)
	{
		(void) sql_run_once_latest_as_owner(account, give_many_query, 3, (SqlArgument[])
											{SQL_INT4(license_id), sql_int8_array(taken, count),
											 SQL_INT8(transfers->last_id)});
		transfers->last_id = sql_int64(0, 0);
		given = sql_int64(0, 1);
		SPI_freetuptable(SPI_tuptable);
	}
	else
		for (int i = 0; i < count; i++)
		{
			if (sql_find_latest_as_owner(account, give_query, 3, (SqlArgument[])
										 {SQL_INT4(license_id), SQL_INT8(taken[i]), SQL_INT8(transfers->last_id)}) == 0)
				break;
			transfers->last_id = sql_int64(0, 0);
			given++;
			SPI_freetuptable(SPI_tuptable);
		}
	transfers->vacated -= given;
	transfers->done += given;
}

/*
 * Notes from whom a statement took seats of a license and to whom it gave some,
 * and reports transfers over the limit.  free: seats that are free after it.  The
 * order of taken is changed.
 */
void
license_transfer_note(const Account *account, const LicenseTerms *terms, int64 free, const int64 *freed,
					  int freed_count, int64 *taken, int taken_count)
{
	SqlArgument license_id = SQL_INT4(terms->license_id);
	LicenseTransfers *transfers = known_transfers(account, terms->license_id);
	TransferState state;
	int64		given;
	int64		counted;

	if (freed_count > 0)
		transfers->vacated += (int64) sql_run_latest_as_owner(account, free_query, 2, (SqlArgument[])
															  {license_id, sql_int8_array(freed, freed_count)});
	if (taken_count > 0 && transfers->vacated > 0)
	{
		given = return_seats(account, terms->license_id, taken, taken_count, transfers);
		state = state_of(transfers->vacated, transfers->done, terms->transfers_per_year);
		counted = Max(Min(given, state.left), given - license_transfer_unused(&state, terms->seats, free + given));
		counted = Min(counted, Min(given, state.vacated));
		if (counted > state.left && license_forced_account != account->namespace_oid)
			refuse_transfers(account, terms, &state, counted);
		if (counted > 0)
			give_seats(account, terms->license_id, taken, (int) counted, transfers);
	}
	license_transfers_noted(account, transfers);
}
