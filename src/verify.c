/*
 * verify.c
 *		Compares what is derived with what it is derived from.
 *
 * Counters, keys and hashes are kept by triggers and follow their tables in
 * every transaction, so nothing ever differs; unless somebody switched triggers
 * off, or there is a fault in orgsync.  verify_account() shows it, and
 * repair_account() derives everything anew.
 *
 * Whatever an account derives has an entry in checks[]; see verify.h.
 */
#include "verify.h"

#include "feed_records.h"
#include "fmgr.h"
#include "funcapi.h"
#include "license_rows.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_verify_account);
PG_FUNCTION_INFO_V1(orgsync_repair_account);

static const VerifyCheck checks[] =
{
	{"seat_counters", license_counter_differences, license_counter_recount},
	{"feed_records", feed_records_differences, feed_records_drop},
};

/* verify_account(account): a row for each derived figure that differs. */
Datum
orgsync_verify_account(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Account    *account;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	for (size_t i = 0; i < lengthof(checks); i++)
	{
		uint64		count = sql_run(account, checks[i].query, 0, NULL);

		for (uint64 row = 0; row < count; row++)
		{
			Datum		values[4] = {CStringGetTextDatum(checks[i].derived)};
			bool		nulls[4] = {false};

			for (int column = 0; column < 3; column++)
				values[column + 1] = sql_value(row, column, &nulls[column + 1]);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_finish();
	return (Datum) 0;
}

/* repair_account(account): only its owner, for derived tables are nobody else's to write. */
Datum
orgsync_repair_account(PG_FUNCTION_ARGS)
{
	Account    *account;

	SPI_connect();
	(void) account_open(PG_GETARG_OID(0));
	account = account_of_trigger(PG_GETARG_OID(0));
	if (!compat_namespace_is_owned(account->namespace_oid, GetUserId()))
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("must be owner of account \"%s\"", account->name));
	for (size_t i = 0; i < lengthof(checks); i++)
		checks[i].rebuild(account);
	SPI_finish();
	PG_RETURN_VOID();
}
