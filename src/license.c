/*
 * license.c
 *		The licenses of an account, and single seats of them.
 *
 * These functions are SQL that anybody could write, with good messages.  What
 * must always hold is held by the triggers of license_cap.c.
 */
#include "account.h"

#include "catalog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "license_cap.h"
#include "sql.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(orgsync_add_license);
PG_FUNCTION_INFO_V1(orgsync_set_seats);
PG_FUNCTION_INFO_V1(orgsync_grant_seat);
PG_FUNCTION_INFO_V1(orgsync_revoke_seat);
PG_FUNCTION_INFO_V1(orgsync_activate);

static void
check_not_null(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be null", name));
}

static SqlArgument
header_argument(Datum header)
{
	return SQL_DATUM(catalog_type("license_header"), header);
}

/*
 * The license_id of the license with that header; an error if the account has
 * none.  *waits (may be NULL): is there a waiting list?
 */
static int
find_license(const Account *account, Datum header, bool *waits)
{
	SqlArgument argument = header_argument(header);
	const char *known;
	bool		isnull;

	if (sql_run_latest(account, "SELECT license_id, when_full = 'waitlist' FROM @account.licenses WHERE header = $1", 1,
					   &argument) > 0)
	{
		if (waits != NULL)
			*waits = DatumGetBool(sql_value(0, 1, &isnull));
		return DatumGetInt32(sql_value(0, 0, &isnull));
	}

	(void) sql_run_latest(account, "SELECT string_agg('\"' || header::text || '\"', ', ' ORDER BY license_id)"
						  " FROM @account.licenses", 0, NULL);
	known = sql_string(0, 0);
	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("account \"%s\" has no license \"%s\"", account->name, TextDatumGetCString(header)),
			known != NULL ? errdetail("Its licenses are %s.", known) : 0,
			errhint("Add it with orgsync.add_license()."));
	return 0;					/* not reached */
}

/* The profile with that address; an error if the account has none. */
static int64
find_profile(const Account *account, Datum email)
{
	if (sql_run(account, "SELECT profile_id FROM @account.profiles WHERE primary_email_address = $1",
				1, (SqlArgument[]) {SQL_DATUM(catalog_type("email_address"), email)}) == 0)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("account \"%s\" has no profile with the e-mail address \"%s\"",
					   account->name, TextDatumGetCString(email)));
	return sql_int64(0, 0);
}

/* add_license(account, header, seats, counting, when_full, transfers_per_year, transfer_action) */
Datum
orgsync_add_license(PG_FUNCTION_ARGS)
{
	Account    *account;
	SqlArgument arguments[6];
	bool		isnull;
	int			license_id;

	check_not_null(fcinfo, 0, "account");
	check_not_null(fcinfo, 1, "header");
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	arguments[0] = header_argument(PG_GETARG_DATUM(1));
	arguments[1] = PG_ARGISNULL(2) ? SQL_NULL(INT4OID) : SQL_INT4(PG_GETARG_INT32(2));
	arguments[2] = SQL_DATUM(catalog_type("seat_counting"), PG_ARGISNULL(3) ?
							 ObjectIdGetDatum(catalog_enum("seat_counting", account->product->counting)) :
							 PG_GETARG_DATUM(3));
	arguments[3] = SQL_DATUM(catalog_type("when_full"), PG_ARGISNULL(4) ?
							 ObjectIdGetDatum(catalog_enum("when_full", "reject")) :
							 PG_GETARG_DATUM(4));
	arguments[4] = PG_ARGISNULL(5) ? SQL_NULL(INT4OID) : SQL_INT4(PG_GETARG_INT32(5));
	arguments[5] = SQL_DATUM(catalog_type("rule_action"), PG_ARGISNULL(6) ?
							 ObjectIdGetDatum(catalog_enum("rule_action", "warn")) : PG_GETARG_DATUM(6));
	if (sql_run(account, "SELECT FROM @account.licenses WHERE header = $1", 1, arguments) > 0)
		ereport(ERROR,
				errcode(ERRCODE_DUPLICATE_OBJECT),
				errmsg("account \"%s\" has license \"%s\" already", account->name,
					   TextDatumGetCString(PG_GETARG_DATUM(1))),
				errhint("Change its number of seats with orgsync.set_seats(), and its other terms with "
						"UPDATE %s.licenses.", account->quoted_name));
	(void) sql_write(account,
				   "INSERT INTO @account.licenses (header, seats, counting, when_full, transfers_per_year,"
				   " transfer_action) VALUES ($1, $2, $3, $4, $5, $6) RETURNING license_id", 6, arguments);
	license_id = DatumGetInt32(sql_value(0, 0, &isnull));
	SPI_finish();
	PG_RETURN_INT32(license_id);
}

/* set_seats(account, header, seats, force) */
Datum
orgsync_set_seats(PG_FUNCTION_ARGS)
{
	Account    *account;
	SqlArgument arguments[2];
	Oid			forced_before = license_forced_account;

	check_not_null(fcinfo, 0, "account");
	check_not_null(fcinfo, 1, "header");
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	arguments[0] = SQL_INT4(find_license(account, PG_GETARG_DATUM(1), NULL));
	arguments[1] = PG_ARGISNULL(2) ? SQL_NULL(INT4OID) : SQL_INT4(PG_GETARG_INT32(2));

	license_forced_account = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3) ? account->namespace_oid : InvalidOid;
	PG_TRY();
	{
		(void) sql_write(account, "UPDATE @account.licenses SET seats = $2 WHERE license_id = $1", 2, arguments);
	}
	PG_FINALLY();
	{
		license_forced_account = forced_before;
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * Sets the status of a seat, made if there is none, unless it has one of the
 * statuses that are to be kept.  Returns the status that it has then.
 */
static Datum
set_status(const Account *account, int64 profile_id, int license_id, const char *status, Datum since,
		   const char *kept_statuses)
{
	SqlArgument arguments[5];
	bool		isnull;
	Datum		result;

	arguments[0] = SQL_INT8(profile_id);
	arguments[1] = SQL_INT4(license_id);
	arguments[2] = sql_text(status);
	arguments[3] = since == (Datum) 0 ? SQL_NULL(TIMESTAMPTZOID) : SQL_DATUM(TIMESTAMPTZOID, since);
	arguments[4] = sql_text(kept_statuses);
	(void) sql_write(account,
				   "INSERT INTO @account.seats AS s (profile_id, license_id, status, since)"
				   " VALUES ($1, $2, $3::seat_status, coalesce($4, now()))"
				   " ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status, since = excluded.since"
				   " WHERE s.status::text <> ALL ($5::text[])", 5, arguments);
	(void) sql_run(account,
				   "SELECT status FROM @account.seats WHERE profile_id = $1 AND license_id = $2", 2, arguments);
	result = sql_value(0, 0, &isnull);
	return result;				/* an enum: by value */
}

/* grant_seat(account, email, header) */
Datum
orgsync_grant_seat(PG_FUNCTION_ARGS)
{
	Account    *account;
	Datum		status;
	bool		waits;
	int			license_id;

	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	license_id = find_license(account, PG_GETARG_DATUM(2), &waits);
	/* who waits keeps his place: he is invited as soon as there is a seat */
	status = set_status(account, find_profile(account, PG_GETARG_DATUM(1)), license_id, "invited", (Datum) 0,
						waits ? "{waitlisted,invited,activated}" : "{invited,activated}");
	SPI_finish();
	PG_RETURN_DATUM(status);
}

/* revoke_seat(account, email, header) */
Datum
orgsync_revoke_seat(PG_FUNCTION_ARGS)
{
	Account    *account;

	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	(void) set_status(account, find_profile(account, PG_GETARG_DATUM(1)),
					  find_license(account, PG_GETARG_DATUM(2), NULL),
					  "unassigned", (Datum) 0, "{unassigned}");
	SPI_finish();
	PG_RETURN_VOID();
}

/* activate(account, email, header, since) */
Datum
orgsync_activate(PG_FUNCTION_ARGS)
{
	Account    *account;

	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	(void) set_status(account, find_profile(account, PG_GETARG_DATUM(1)),
					  find_license(account, PG_GETARG_DATUM(2), NULL),
					  "activated", PG_GETARG_DATUM(3), "{activated}");
	SPI_finish();
	PG_RETURN_VOID();
}
