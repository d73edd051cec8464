/*
 * protected_profile.c
 *		protect_profile(), unprotect_profile(): people who must not lose what they
 *		have by an accident.
 *
 * Whoever is in the table "protected_profiles" is not revoked, removed or renamed
 * by an import of mode full (see import_shield.c), nor by any export (see
 * diff_hold.c).  Plain SQL and imports of mode patch, which name the person on
 * purpose, may still change the profile here; but the vendor is not told until
 * the protection ends, and the export's findings say so.
 *
 * The table has no foreign key: a profile that is deleted stays protected, so
 * that the vendor is not told of that either.
 */
#include "account.h"

#include "catalog.h"
#include "fmgr.h"
#include "sql.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(orgsync_protect_profile);
PG_FUNCTION_INFO_V1(orgsync_unprotect_profile);

static SqlArgument
address_argument(Datum email)
{
	return SQL_DATUM(catalog_type("email_address"), email);
}

/* protect_profile(account, email, why): again with another reason is no error. */
Datum
orgsync_protect_profile(PG_FUNCTION_ARGS)
{
	SqlArgument arguments[2];
	Account    *account;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("account, email and why must not be null"));
	arguments[0] = address_argument(PG_GETARG_DATUM(1));
	arguments[1] = sql_text(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	if (sql_write(account,
				  "INSERT INTO @account.protected_profiles (profile_id, primary_email_address, why)"
				  " SELECT profile_id, primary_email_address, $2 FROM @account.profiles"
				  " WHERE primary_email_address = $1"
				  " ON CONFLICT (profile_id) DO UPDATE SET why = excluded.why, protected_by = CURRENT_USER,"
				  " protected_at = now()", 2, arguments) == 0)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("account \"%s\" has no profile with the e-mail address \"%s\"",
					   account->name, TextDatumGetCString(PG_GETARG_DATUM(1))));
	SPI_finish();
	PG_RETURN_VOID();
}

/* unprotect_profile(account, email): the address now, or the one when it was protected */
Datum
orgsync_unprotect_profile(PG_FUNCTION_ARGS)
{
	SqlArgument email = address_argument(PG_GETARG_DATUM(1));
	Account    *account;

	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	if (sql_write(account,
				  "DELETE FROM @account.protected_profiles AS g"
				  " WHERE g.profile_id = (SELECT p.profile_id FROM @account.profiles AS p"
				  "   WHERE p.primary_email_address = $1)"
				  " OR (g.primary_email_address = $1 AND NOT EXISTS (SELECT FROM @account.profiles AS p"
				  "   WHERE p.profile_id = g.profile_id))", 1, &email) == 0)
		ereport(ERROR,
				errcode(ERRCODE_NO_DATA_FOUND),
				errmsg("profile \"%s\" of account \"%s\" is not protected",
					   TextDatumGetCString(PG_GETARG_DATUM(1)), account->name),
				errhint("See %s.protected_profiles.", account->quoted_name));
	SPI_finish();
	PG_RETURN_VOID();
}
