/*
 * finding_codes.c
 *		The catalogue of findings as a table, for whoever documents or translates it.
 */
#include "orgsync.h"

#include "core/finding.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_finding_codes);

/*
 * finding_codes(): one row an entry of the catalogue, in its order.  Entries that
 * say the same thing otherwise, for another product say, share a code.
 */
Datum
orgsync_finding_codes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int code = 0; code < FINDING_CODE_COUNT; code++)
	{
		const finding_kind *kind = finding_kind_of((finding_code) code);
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		values[0] = CStringGetTextDatum(kind->code);
		values[1] = CStringGetTextDatum(finding_severity_name(kind->severity));
		values[2] = CStringGetTextDatum(kind->message);
		values[3] = CStringGetTextDatum(kind->tip);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
