/*
 * license_waiting.c
 *		The waiting list of a license.
 *
 * Of a license with when_full = 'waitlist', who asks for a seat when there is
 * none is kept as "waitlisted", and invited as soon as a seat is free: by the
 * statement that frees or adds it, at its end, oldest first.  While somebody
 * waits, the license is guarded (license_counter.c): everybody who changes its
 * seats has it for himself, so a transaction that frees a seat sees all who
 * wait, also those who began to while it was waiting for the license; and who
 * asks for a seat waits for all that may give one back.
 *
 * Waiters whose rows are locked are skipped: their session may want the license
 * that we have, and we would wait for each other.  If it changes the seat, its
 * own statement tries at its end.  So once all transactions are committed no
 * seat is free with somebody waiting, unless his row was merely locked at that
 * moment (SELECT FOR UPDATE); then the next statement on the license's seats
 * invites him.
 *
 * The plans are made anew each time, for the table may have grown since.
 */
#include "license_waiting.h"

#include "catalog/pg_type.h"
#include "license_memory.h"
#include "license_transfer.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/timestamp.h"

/*
 * Is nobody invited for now?  An import has decided already who gets which seat
 * and writes that in several statements.
 */
bool		license_invitations_held = false;

/* Where it is noted who is invited, for an import that counts them; NULL: nobody asks. */
Invitations *license_invitations_noted = NULL;

static void
note_invitation(int license_id, int64 profile_id)
{
	Invitations *noted = license_invitations_noted;

	if (noted == NULL)
		return;
	if (noted->count == noted->capacity)
	{
		noted->capacity *= 2;
		noted->people = repalloc_huge(noted->people, sizeof(Invitation) * noted->capacity);
	}
	noted->people[noted->count].license_id = license_id;
	noted->people[noted->count++].profile_id = profile_id;
}

#define INVITE(condition) \
	"UPDATE @account.seats AS s SET status = 'invited', since = now() FROM" \
	" (SELECT profile_id, license_id, since FROM @account.seats" \
	" WHERE license_id = $1 AND status = 'waitlisted' " condition \
	" ORDER BY since, profile_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED) AS w" \
	" WHERE s.profile_id = w.profile_id AND s.license_id = w.license_id RETURNING w.since, w.profile_id"

/*
 * Invites people by one of the two statements, and remembers the last of them.  As
 * the owner, like foreign keys: whoever frees a seat need not be able to see who
 * gets it.
 */
static int64
invite(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	int64		count = (int64) sql_write_once_latest_as_owner(account, text, argument_count, arguments);
	TimestampTz last_since = 0;
	int64		last_profile_id = 0;

	for (int i = 0; i < count; i++)
	{
		bool		isnull;
		TimestampTz since = DatumGetTimestampTz(sql_value(i, 0, &isnull));
		int64		profile_id = sql_int64(i, 1);

		note_invitation(DatumGetInt32(arguments[0].value), profile_id);
		if (i == 0 || since > last_since || (since == last_since && profile_id > last_profile_id))
		{
			last_since = since;
			last_profile_id = profile_id;
		}
	}
	SPI_freetuptable(SPI_tuptable);
	if (count > 0)
		license_waiting_set_position(account, DatumGetInt32(arguments[0].value), last_since, last_profile_id);
	return count;
}

/*
 * Invites the first so many people of the license's waiting list.  The triggers
 * of their seats do the rest.
 */
static void
promote(const Account *account, int license_id, int64 count)
{
	TimestampTz since;
	int64		profile_id;

	if (license_waiting_position(account, license_id, &since, &profile_id))
		count -= invite(account, INVITE("AND (since, profile_id) > ($3, $4)"), 4,
						(SqlArgument[]) {SQL_INT4(license_id), SQL_INT8(count),
										 SQL_DATUM(TIMESTAMPTZOID, TimestampTzGetDatum(since)), SQL_INT8(profile_id)});
	if (count > 0)
		(void) invite(account, INVITE(""), 2, (SqlArgument[]) {SQL_INT4(license_id), SQL_INT8(count)});
}

/*
 * After something was done to a license's seats: invites people who wait, while
 * there are seats that may be given to them.
 */
void
license_waiting_invite(const Account *account, const SeatResult *result)
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
		promote(account, terms->license_id, count);
}

/*
 * Puts invited profiles on the waiting list, each from its date on, and returns
 * how many it were.
 */
int64
license_waiting_add(const Account *account, int license_id, const int64 *profile_ids, const TimestampTz *since,
					int64 count)
{
	Datum	   *dates = palloc(sizeof(Datum) * count);
	SqlArgument arguments[3];

	for (int64 i = 0; i < count; i++)
		dates[i] = TimestampTzGetDatum(since[i]);
	arguments[0] = SQL_INT4(license_id);
	arguments[1] = sql_int8_array(profile_ids, (int) count);
	arguments[2] = SQL_DATUM(TIMESTAMPTZARRAYOID,
							 PointerGetDatum(construct_array(dates, (int) count, TIMESTAMPTZOID, sizeof(TimestampTz),
															 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
	return (int64) sql_write_once_latest_as_owner(account,
		"UPDATE @account.seats AS s SET status = 'waitlisted', since = w.since"
		" FROM unnest($2, $3) AS w (profile_id, since)"
		" WHERE s.license_id = $1 AND s.profile_id = w.profile_id AND s.status = 'invited'", 3, arguments);
}
