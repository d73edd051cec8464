/*
 * stale_invitations.c
 *		stale_invitations(): who was invited long ago and never came.
 *
 * Where an invitation takes a seat (Talent Insights), each of them keeps somebody
 * else out.  What is listed is what revoke_seat() and grant_seat() take: revoked
 * and granted again is invited again, with a new mail.
 */
#include "account.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_stale_invitations);

#define COLUMN_COUNT	7

/* stale_invitations(account, older_than interval) */
Datum
orgsync_stale_invitations(PG_FUNCTION_ARGS)
{
	SqlArgument older_than = SQL_DATUM(INTERVALOID, PG_GETARG_DATUM(1));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Account    *account;
	uint64		count;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	count = sql_run(account,
					"SELECT p.profile_id, p.primary_email_address, p.preferred_first_name,"
					" p.preferred_last_name, l.header, s.since, l.counting = 'invited'"
					" FROM @account.seats AS s JOIN @account.licenses AS l USING (license_id)"
					" JOIN @account.profiles AS p USING (profile_id)"
					" WHERE s.status = 'invited' AND s.since < now() - $1"
					" ORDER BY s.since, p.profile_id, l.license_id", 1, &older_than);
	for (uint64 i = 0; i < count; i++)
	{
		Datum		values[COLUMN_COUNT];
		bool		nulls[COLUMN_COUNT];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
