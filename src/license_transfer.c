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
 * so nobody else changes the figures meanwhile.  TRUNCATE gives all seats back
 * without saying whose they were, and is no transfer.
 */
#include "license_transfer.h"

#include "catalog/pg_type.h"
#include "license_cap.h"
#include "sql.h"

/* Are transfers over the limit told of by a WARNING?  Imports have findings for that. */
bool		license_transfers_warned = true;

/* As the owner, who alone may write the table; imports ask for the state as their caller. */
static uint64
run_as_owner(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	OwnerContext context;
	uint64		processed;

	account_become_owner(account, &context);
	processed = sql_run_once_latest(account, text, argument_count, arguments);
	account_restore_user(&context);
	return processed;
}

static const char state_query[] =
	"SELECT (SELECT count(*) FROM @account.transfers WHERE license_id = $1 AND to_profile_id IS NULL),"
	" (SELECT count(*) FROM @account.transfers WHERE license_id = $1 AND to_profile_id IS NOT NULL"
	" AND transferred_at > now() - interval '1 year')";

/*
 * The state of a license with a limit of transfers.  Read as the account's owner
 * if the account is account_of_trigger()'s.
 */
void
license_transfer_state(const Account *account, int license_id, int64 transfers_per_year, TransferState *state)
{
	SqlArgument argument = SQL_INT4(license_id);

	if (account->owns_tables)
		(void) run_as_owner(account, state_query, 1, &argument);
	else
		(void) sql_run_once_latest(account, state_query, 1, &argument);
	state->vacated = sql_int64(0, 0);
	state->left = Max(transfers_per_year - sql_int64(0, 1), 0);
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

/*
 * Notes from whom a statement took seats of a license and to whom it gave some,
 * and reports transfers over the limit.  free: seats that are free after it.
 * Returns the number of transfers.
 */
int64
license_transfer_note(const Account *account, const LicenseTerms *terms, int64 free, const int64 *freed,
					  int freed_count, const int64 *taken, int taken_count)
{
	SqlArgument license_id = SQL_INT4(terms->license_id);
	TransferState state;
	int64		given = taken_count;
	int64		counted;

	if (freed_count > 0)
		(void) run_as_owner(account, "INSERT INTO @account.transfers (license_id, from_profile_id)"
							" SELECT $1, p FROM unnest($2) AS p", 2,
							(SqlArgument[]) {license_id, sql_int8_array(freed, freed_count)});
	if (taken_count == 0)
		return 0;

	given -= (int64) run_as_owner(account, "DELETE FROM @account.transfers WHERE license_id = $1"
								  " AND from_profile_id = ANY ($2) AND to_profile_id IS NULL", 2,
								  (SqlArgument[]) {license_id, sql_int8_array(taken, taken_count)});
	given = Max(given, 0);
	license_transfer_state(account, terms->license_id, terms->transfers_per_year, &state);
	counted = Max(Min(given, state.left), given - license_transfer_unused(&state, terms->seats, free + given));
	counted = Min(counted, Min(given, state.vacated));
	if (counted > state.left && !license_seats_forced)
		refuse_transfers(account, terms, &state, counted);
	if (counted > 0)
		(void) run_as_owner(account, "UPDATE @account.transfers AS t"
							" SET to_profile_id = n.profile_id, transferred_at = now() FROM"
							" (SELECT transfer_id, row_number() OVER (ORDER BY transfer_id) AS n FROM @account.transfers"
							" WHERE license_id = $1 AND to_profile_id IS NULL ORDER BY transfer_id LIMIT $3) AS o"
							" JOIN unnest($2) WITH ORDINALITY AS n (profile_id, n) USING (n)"
							" WHERE t.transfer_id = o.transfer_id", 3,
							(SqlArgument[]) {license_id, sql_int8_array(taken, taken_count), SQL_INT8(counted)});
	return counted;
}
