/*
 * diff.c
 *		diff(): what distinguishes an account from what the vendor has.
 *
 * The work is done by diff_reader.c, which export_csv() uses too: what an export
 * writes is by construction what diff() shows.
 */
#include "diff.h"

#include "fmgr.h"
#include "funcapi.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_diff);

#define DIFF_COLUMNS	6

/* Puts the person's cells into the result. */
static void
put_person(ReturnSetInfo *result, const DiffPerson *person)
{
	Datum		values[DIFF_COLUMNS];
	bool		nulls[DIFF_COLUMNS] = {false};
	const char *email = person->email != NULL ? person->email : person->vendor_email;

	values[0] = Int64GetDatum(person->profile_id);
	values[1] = CStringGetTextDatum(email);
	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		values[2] = CStringGetTextDatum(cell->action);
		values[3] = CStringGetTextDatum(cell->column_name);
		values[4] = sql_text_datum(cell->old_value, &nulls[4]);
		values[5] = sql_text_datum(cell->new_value, &nulls[5]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/*
 * diff(account regnamespace)
 *
 * One row for each cell that the vendor has otherwise than the account; columns
 * and cells as the product's files have them.
 */
Datum
orgsync_diff(PG_FUNCTION_ARGS)
{
	Oid			namespace_oid = PG_GETARG_OID(0);
	MemoryContext row_context;
	Account    *account;
	DiffNotation notation;
	DiffReader *reader;
	const DiffPerson *person;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	account = account_open(namespace_oid);
	notation = diff_product_notation(account->product);

	row_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync diff row",
										ALLOCSET_DEFAULT_SIZES);
	reader = diff_open(account, &notation, DIFF_TO_SHOW);
	while ((person = diff_next(reader)) != NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(row_context);

		put_person((ReturnSetInfo *) fcinfo->resultinfo, person);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(row_context);
	}
	diff_close(reader);
	SPI_finish();
	return (Datum) 0;
}
