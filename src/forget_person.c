/*
 * forget_person.c
 *		forget_person(): removes one person everywhere.
 *
 * That is the profile with all that hangs on it, and former profiles with the same
 * address, or of the same person (see diff_keys.c); their changes, pending and past; findings whose record is about the
 * person, and the address where it stands in other texts; the person's rows in
 * exported files.  No table of the account has the addresses and ids afterwards.
 * (Files of the database itself have them until VACUUM, and backups as long as
 * they are kept.)
 *
 * Nothing is left then that tells the vendor's side, so the rows that are returned
 * do: what the vendor has of the person, and that it should erase it.
 *
 * Writers are locked out meanwhile, and everything is looked at with the latest
 * snapshot, or a transaction that began earlier would overlook what was written
 * since.
 *
 * An address that somebody else has by now is that person's and stays.
 */
#include "orgsync.h"

#include "account.h"
#include "account_lock.h"
#include "catalog/pg_type.h"
#include "change_log.h"
#include "core/header.h"
#include "explain_profile.h"
#include "export.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/qunique.h"
#include "mb/pg_wchar.h"
#include "profile_set.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_forget_person);

#define FORGOTTEN	"(forgotten)"

#define ALL_CHANGES \
	"(SELECT profile_id, column_name, vendor_value FROM @account.changes" \
	" UNION ALL SELECT profile_id, column_name, vendor_value FROM @account.past_changes)"

typedef struct Person
{
	Account    *account;
	int			count;
	int64	   *profile_ids;	/* sorted */
	List	   *told;			/* the addresses that the vendor shall erase */
	SqlArgument arguments[4];	/* $1: profile_ids; patterns of $2: addresses, $3: a record with an id, $4: ids */
} Person;

/* $1: the address */
static const char profiles_query[] =
	"WITH present AS MATERIALIZED ("
	" SELECT profile_id FROM @account.profiles WHERE primary_email_address = $1::email_address"
	") SELECT profile_id FROM present"
	" UNION"
	" SELECT c.profile_id FROM " ALL_CHANGES " AS c"
	" WHERE c.column_name = 'primary_email_address' AND lower(c.vendor_value COLLATE \"C\") = lower($1 COLLATE \"C\")"
	" AND (NOT EXISTS (SELECT FROM present)"
	"  OR NOT EXISTS (SELECT FROM @account.profiles AS p WHERE p.profile_id = c.profile_id))"
	" UNION"
	" SELECT l.profile_id FROM @account.leavers AS l"
	" WHERE lower(l.primary_email_address) = lower($1 COLLATE \"C\")"
	" ORDER BY 1";

/* $1: profile_ids, $2: the column, $3: a value besides, or NULL */
static const char values_query[] =
	"SELECT DISTINCT n.value FROM ("
	" SELECT CASE $2 WHEN 'unique_user_id' THEN unique_user_id ELSE lower(primary_email_address::text COLLATE \"C\") END"
	"  FROM @account.profiles WHERE profile_id = ANY ($1)"
	" UNION ALL SELECT CASE $2 WHEN 'unique_user_id' THEN vendor_value ELSE lower(vendor_value COLLATE \"C\") END"
	"  FROM " ALL_CHANGES " AS c WHERE profile_id = ANY ($1) AND column_name = $2"
	" UNION ALL SELECT CASE $2 WHEN 'unique_user_id' THEN unique_user_id ELSE lower(primary_email_address) END"
	"  FROM @account.leavers WHERE profile_id = ANY ($1)"
	" UNION ALL SELECT lower($3 COLLATE \"C\")) AS n (value)"
	" WHERE n.value <> '' AND NOT EXISTS (SELECT FROM @account.profiles AS p WHERE p.profile_id <> ALL ($1)"
	"  AND CASE $2 WHEN 'unique_user_id' THEN p.unique_user_id = n.value"
	"   ELSE p.primary_email_address = n.value::email_address END)"
	" ORDER BY 1";

/*
 * $1: a profile_id; whom the vendor has though it has none of the account's cells:
 * who left before, and, perhaps, who is in a file of which nothing was heard yet.
 */
static const char unconfirmed_query[] =
	"SELECT primary_email_address FROM @account.leavers WHERE profile_id = $1 AND primary_email_address IS NOT NULL"
	" UNION ALL"
	" (SELECT coalesce((SELECT c.vendor_value FROM @account.changes AS c WHERE c.profile_id = $1"
	"   AND c.column_name = 'primary_email_address' AND NOT c.change_id <@ e.changes_read ORDER BY c.change_id LIMIT 1),"
	"   (SELECT p.primary_email_address::text FROM @account.profiles AS p WHERE p.profile_id = $1))"
	"  FROM @account.exports AS e WHERE e.state = 'exported' AND EXISTS (SELECT FROM @account.export_files AS f"
	"   WHERE f.export_id = e.export_id AND f.confirmed_at IS NULL AND f.profile_ids @> ARRAY[$1])"
	"  ORDER BY e.export_id DESC LIMIT 1)";

static const char *const erasing_queries[] =
{
	"DELETE FROM @account.import_findings WHERE record ~* $2 OR record ~ $3",

	"UPDATE @account.import_findings SET"
	" message = regexp_replace(regexp_replace(message, $2, '" FORGOTTEN "', 'gi'), $4, '" FORGOTTEN "', 'g'),"
	" tip = regexp_replace(regexp_replace(tip, $2, '" FORGOTTEN "', 'gi'), $4, '" FORGOTTEN "', 'g')"
	" WHERE message ~* $2 OR message ~ $4 OR tip ~* $2 OR tip ~ $4",

	"UPDATE @account.imports SET message = regexp_replace(message, $2, '" FORGOTTEN "', 'gi'),"
	" notes = regexp_replace(notes, $2, '" FORGOTTEN "', 'gi'), source = regexp_replace(source, $2, '" FORGOTTEN "', 'gi')"
	" WHERE message ~* $2 OR notes ~* $2 OR source ~* $2",

	"UPDATE @account.export_files SET csv = regexp_replace(csv, $2, '" FORGOTTEN "', 'gi') WHERE csv ~* $2",

	"UPDATE @account.feeds AS f SET last_import = f.last_import - n.ids"
	" FROM (SELECT range_agg(int8range(i, i, '[]')) AS ids FROM unnest($1) AS i) AS n"
	" WHERE f.last_import && n.ids",

	"UPDATE @account.feed_profiles AS f SET profile_ids = f.profile_ids - n.ids"
	" FROM (SELECT " FEED_SEGMENT("i") " AS segment, range_agg(int8range(i, i, '[]')) AS ids"
	"  FROM unnest($1) AS i GROUP BY segment) AS n"
	" WHERE f.segment = n.segment AND f.profile_ids && n.ids"
};

/* ---- whom it is about ---- */

static void
find_profiles(Person *person, SqlArgument address)
{
	int			found = (int) sql_run_latest(person->account, profiles_query, 1, &address);

	/* who is there again may have been known by another address */
	person->profile_ids = palloc(sizeof(int64) * Max(found * 3, 1));
	for (int i = 0; i < found; i++)
		person->profile_ids[i] = sql_int64(i, 0);
	SPI_freetuptable(SPI_tuptable);
	person->count = found;
	for (int i = 0; i < found; i++)
	{
		int64		former_ids[2];

		explain_profile_former(person->account, person->profile_ids[i], true, &former_ids[0], &former_ids[1]);
		for (int j = 0; j < 2; j++)
			if (former_ids[j] != 0)
				person->profile_ids[person->count++] = former_ids[j];
	}
	qsort(person->profile_ids, person->count, sizeof(int64), compare_int64s);
	person->count = (int) qunique(person->profile_ids, person->count, sizeof(int64), compare_int64s);
	person->arguments[0] = sql_int8_array(person->profile_ids, person->count);
}

/* The person's values of a column as alternatives of a regular expression; NULL: there are none. */
static char *
alternatives(const Person *person, const char *column, SqlArgument besides, bool only_unmistakable)
{
	SqlArgument arguments[] = {person->arguments[0], sql_text(column), besides};
	int			count = (int) sql_run_latest(person->account, values_query, 3, arguments);
	StringInfoData pattern;

	initStringInfo(&pattern);
	for (int i = 0; i < count; i++)
	{
		const char *value = sql_string(i, 0);

		/* a short number may be anything */
		if (only_unmistakable && strlen(value) < 5 && strspn(value, "0123456789") == strlen(value))
			continue;
		appendStringInfoString(&pattern, pattern.len > 0 ? "|" : "(");
		for (const char *c = value; *c != '\0'; c++)
		{
			if (strchr(".[]()*+?{}^$|\\", *c) != NULL)
				appendStringInfoChar(&pattern, '\\');
			appendStringInfoChar(&pattern, *c);
		}
	}
	SPI_freetuptable(SPI_tuptable);
	if (pattern.len == 0)
		return NULL;
	appendStringInfoChar(&pattern, ')');
	return pattern.data;
}

/* Makes the patterns by which texts are recognised that speak of the person. */
static void
make_patterns(Person *person, SqlArgument address)
{
	const char *nothing = "x^";	/* is in no text */
	char	   *addresses = alternatives(person, "primary_email_address", address, false);
	char	   *ids = alternatives(person, "unique_user_id", SQL_NULL(TEXTOID), false);
	char	   *unmistakable = alternatives(person, "unique_user_id", SQL_NULL(TEXTOID), true);

	person->arguments[1] = sql_text(addresses == NULL ? nothing :
									psprintf("(?<![A-Za-z0-9._%%+-])%s(?![A-Za-z0-9-]|\\.[A-Za-z0-9])", addresses));
	person->arguments[2] = sql_text(ids == NULL ? nothing :
									psprintf("(^|[,;\t|])[\" ]*%s[\" ]*($|[,;\t|\r\n])", ids));
	person->arguments[3] = sql_text(unmistakable == NULL ? nothing : psprintf("\\m%s\\M", unmistakable));
}

/* ---- what the vendor must be told ---- */

static void
put_instruction(ReturnSetInfo *result, const char *address, const char *action, const char *column_name,
				const char *old_value, const char *new_value)
{
	Datum		values[5];
	bool		nulls[5];

	values[0] = sql_text_datum(address, &nulls[0]);
	values[1] = sql_text_datum(action, &nulls[1]);
	values[2] = sql_text_datum(column_name, &nulls[2]);
	values[3] = sql_text_datum(old_value, &nulls[3]);
	values[4] = sql_text_datum(new_value, &nulls[4]);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Workleap's files have no groups, but its people have. */
static bool
is_group(const header_column *column, const char *column_name)
{
	return column->kind == COLUMN_GROUP || strncmp(column_name, "group:", 6) == 0;
}

static bool
is_license(const Account *account, const header_column *column, const char *column_name)
{
	return column->kind == COLUMN_LICENSE ||
		(account->product->initial_license != NULL && strcmp(account->product->initial_license, column_name) == 0);
}

/* Returns what the vendor has of a profile. */
static void
tell(Person *person, ReturnSetInfo *result, int64 profile_id)
{
	uint64		count = explain_profile_run(person->account, profile_id, true);
	char	   *address = NULL;
	ListCell   *cell;

	for (uint64 row = 0; row < count; row++)
		if (strcmp(sql_string(row, EXPLAIN_COLUMN_NAME), "primary_email_address") == 0)
			address = sql_string(row, EXPLAIN_VENDOR_HAS);
	for (uint64 row = 0; row < count && address != NULL; row++)
	{
		const char *column_name = sql_string(row, EXPLAIN_COLUMN_NAME);
		const char *vendor_has = sql_string(row, EXPLAIN_VENDOR_HAS);
		header_column column;

		if (vendor_has == NULL)
			continue;
		header_classify(person->account->product, column_name, strlen(column_name), &column);
		if (is_group(&column, column_name) && strcmp(vendor_has, "no") != 0)
			put_instruction(result, address, "leave", column_name, vendor_has, "no");
		else if ((column.kind == COLUMN_PERMISSION || column.kind == COLUMN_GROUP_PERMISSION) &&
				 strcmp(vendor_has, "no") != 0)
			put_instruction(result, address, "forbid", column_name, vendor_has, "no");
		else if (is_license(person->account, &column, column_name) && strcmp(vendor_has, "active") == 0)
			put_instruction(result, address, "revoke", column_name, vendor_has, "inactive");
	}
	SPI_freetuptable(SPI_tuptable);
	if (address == NULL && sql_run_latest(person->account, unconfirmed_query, 1,
										  (SqlArgument[]) {SQL_INT8(profile_id)}) > 0)
		address = sql_string(0, 0);
	foreach(cell, person->told)
		if (address != NULL && pg_strcasecmp(address, lfirst(cell)) == 0)
			return;
	if (address == NULL)
		return;
	put_instruction(result, address, "erase", "primary_email_address", address, NULL);
	person->told = lappend(person->told, address);
}

/* ---- erasing ---- */

/* Deletes what any table has under the person's profile_ids; what else a table has hangs on the profile. */
static void
erase_profiles(const Person *person)
{
	for (int i = 0; account_table(i) != NULL; i++)
	{
		const char *table = account_table(i);

		if (get_attnum(get_relname_relid(table, person->account->namespace_oid), "profile_id") == InvalidAttrNumber)
			continue;
		(void) sql_write_once_latest(person->account,
							  psprintf("DELETE FROM @account.%s WHERE profile_id = ANY ($1)", quote_identifier(table)),
							  1, person->arguments);
	}
}

static bool
is_person(const Person *person, int64 profile_id)
{
	return bsearch(&profile_id, person->profile_ids, person->count, sizeof(int64), compare_int64s) != NULL;
}

/* A file's CSV without the person's rows, in UTF-8; the ids of the others are moved together in profile_ids. */
static char *
csv_without(const Person *person, char *csv, size_t length, Datum *profile_ids, int *count)
{
	ExportReader reader;
	StringInfoData kept;
	int			row_count = *count;

	initStringInfo(&kept);
	export_reader_open(&reader, person->account->product, "the exported file", ',', csv, length);
	appendBinaryStringInfo(&kept, reader.record.raw, reader.record.raw_length);
	appendStringInfoString(&kept, "\r\n");
	*count = 0;
	for (int row = 0; export_reader_next(&reader) && row < row_count; row++)
	{
		if (is_person(person, DatumGetInt64(profile_ids[row])))
			continue;
		appendBinaryStringInfo(&kept, reader.record.raw, reader.record.raw_length);
		appendStringInfoString(&kept, "\r\n");
		profile_ids[(*count)++] = profile_ids[row];
	}
	export_reader_close(&reader);
	return kept.data;
}

/* Takes the person's rows out of the file that is the row of the last result. */
static void
erase_file_rows(const Person *person, const SPITupleTable *files, int row)
{
	bool		isnull;
	Datum	   *profile_ids;
	int			count;
	SqlArgument arguments[5];
	char	   *csv = SPI_getvalue(files->vals[row], files->tupdesc, 4);
	size_t		length = strlen(csv);

	deconstruct_array(DatumGetArrayTypeP(SPI_getbinval(files->vals[row], files->tupdesc, 3, &isnull)), INT8OID,
					  sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &profile_ids, NULL, &count);
	csv = export_to_utf8(csv, &length);
	csv = csv_without(person, csv, length, profile_ids, &count);
	arguments[0] = SQL_INT8(DatumGetInt64(SPI_getbinval(files->vals[row], files->tupdesc, 1, &isnull)));
	arguments[1] = SQL_INT4(DatumGetInt32(SPI_getbinval(files->vals[row], files->tupdesc, 2, &isnull)));
	arguments[2] = SQL_DATUM(INT8ARRAYOID,
							 PointerGetDatum(construct_array(profile_ids, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
															 TYPALIGN_DOUBLE)));
	arguments[3] = sql_text(pg_any_to_server(csv, strlen(csv), PG_UTF8));
	arguments[4] = SQL_INT8(count);
	(void) sql_write_once_latest(person->account,
					 "UPDATE @account.export_files SET profile_ids = $3, csv = $4, row_count = $5,"
					 " forgotten_rows = forgotten_rows + row_count - $5 WHERE export_id = $1 AND seq = $2", 5, arguments);
}

static void
erase_files(const Person *person)
{
	uint64		count = sql_run_latest(person->account,
								"SELECT export_id, seq, coalesce(profile_ids, '{}'::bigint[]), coalesce(csv, '') FROM @account.export_files"
								" WHERE profile_ids && $1", 1, person->arguments);
	SPITupleTable *files = SPI_tuptable;

	for (uint64 row = 0; row < count; row++)
		erase_file_rows(person, files, (int) row);
	SPI_freetuptable(files);
}

/* forget_person(account regnamespace, email email_address): what the vendor must be told */
Datum
orgsync_forget_person(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	SqlArgument address = SQL_DATUM(TEXTOID, PG_GETARG_DATUM(1));	/* stored like text */
	Person		person = {0};

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	person.account = account_open(PG_GETARG_OID(0));
	account_lock(person.account, ACCOUNT_LOCK_IMPORT, 0, ExclusiveLock);
	account_lock(person.account, ACCOUNT_LOCK_EXPORT, 0, ExclusiveLock);
	account_lock_writers(person.account);
	find_profiles(&person, address);
	make_patterns(&person, address);
	for (int i = 0; i < person.count; i++)
		tell(&person, result, person.profile_ids[i]);
	erase_files(&person);
	erase_profiles(&person);
	for (size_t i = 0; i < lengthof(erasing_queries); i++)
		(void) sql_write_once_latest(person.account, erasing_queries[i], 4, person.arguments);
	SPI_finish();
	return (Datum) 0;
}
