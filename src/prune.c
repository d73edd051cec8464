/*
 * prune.c
 *		prune(): ends the keeping of findings, files and history.
 *
 * What goes are the findings of old imports and exports, the files of old exports
 * that are settled (confirmed, cancelled, or superseded by a newer one), and
 * changes that the vendor has heard of.  The rows of "imports" and "exports" stay,
 * and so does what the vendor has not heard of, however old it is.
 *
 * "settings" remembers up to when history was pruned: what a cell held first after
 * that, it may have held before.
 */
#include "orgsync.h"

#include "account.h"
#include "account_lock.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_prune);

/* $1: the point in time. */
static const struct
{
	const char *what;
	const char *query;
}			removals[] =
{
	{"findings",
		"DELETE FROM @account.import_findings AS f"
		" WHERE EXISTS (SELECT FROM @account.imports AS i WHERE i.import_id = f.import_id AND i.finished_at < $1)"
	" OR EXISTS (SELECT FROM @account.exports AS e WHERE e.export_id = f.export_id AND e.exported_at < $1)"},
	{"files",
		"DELETE FROM @account.export_files AS f USING @account.exports AS e"
		" WHERE e.export_id = f.export_id AND e.exported_at < $1 AND (e.state <> 'exported' OR EXISTS"
	"  (SELECT FROM @account.exports AS n WHERE n.export_id > e.export_id AND n.state <> 'cancelled'))"},
	{"changes",
	"DELETE FROM @account.past_changes WHERE changed_at < $1"}
};

/* prune(account regnamespace, older_than interval): what was removed, and how often */
Datum
orgsync_prune(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SqlArgument before;
	Account    *account;

	InitMaterializedSRF(fcinfo, 0);
	before = SQL_DATUM(TIMESTAMPTZOID,
					   DirectFunctionCall2(timestamptz_mi_interval,
										   TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()),
										   PG_GETARG_DATUM(1)));
	if (DatumGetTimestampTz(before.value) > GetCurrentTransactionStartTimestamp())
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("older_than must not be negative"));
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	account_lock(account, ACCOUNT_LOCK_IMPORT, 0, ExclusiveLock);
	account_lock(account, ACCOUNT_LOCK_EXPORT, 0, ExclusiveLock);
	for (size_t i = 0; i < lengthof(removals); i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		values[0] = CStringGetTextDatum(removals[i].what);
		values[1] = Int64GetDatum((int64) sql_write(account, removals[i].query, 1, &before));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	(void) sql_write(account,
					 "UPDATE @account.settings SET history_since = $1 WHERE history_since < $1"
					 " OR history_since IS NULL AND EXISTS (SELECT FROM @account.imports WHERE started_at < $1"
					 "  UNION ALL SELECT FROM @account.profiles WHERE created_at < $1)", 1, &before);
	SPI_finish();
	return (Datum) 0;
}
