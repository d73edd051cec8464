/*
 * import_match.c
 *		Which profiles have the keys that the rows of a file give.
 *
 * All rows are joined with the profiles at once, as they are before the import.  What
 * is kept of a row is an id for each key that the file has, until the rows are
 * resolved; see import_resolve.c.
 */
#include "import.h"

#include "access/table.h"
#include "miscadmin.h"
#include "sql.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Rows of the join are fetched so many at a time; if they are few, all at once. */
#define FETCH_COUNT	1000

/* Looking up so many rows by their keys costs what reading a block of the table does. */
#define ROWS_PER_BLOCK	2

/* RowMatch of all rows; NULL: the file has no such column. */
struct RowMatches
{
	int64	   *by_user_id;
	int64	   *by_address;
	int64	   *by_existing_address;
	int64	   *by_new_user_id;
	uint8	   *flags;
};

#define ADDRESS_HAS_USER_ID	0x01
#define USER_ID_DIFFERS		0x02

/* Who has the row's unique_user_id mostly has its address too, which then nobody else has: it is not sought. */
#define HAS_BOTH		"u.primary_email_address = s.primary_email_address"

#define MATCH_QUERY(staged) \
	"SELECT s.row, u.profile_id, CASE WHEN " HAS_BOTH " THEN u.profile_id ELSE a.profile_id END," \
	" x.profile_id, n.profile_id," \
	" coalesce(" HAS_BOTH ", false) OR a.unique_user_id IS NOT NULL," \
	" x.unique_user_id IS NOT NULL AND s.unique_user_id IS NOT NULL AND x.unique_user_id <> s.unique_user_id" \
	" FROM " staged " AS s" \
	" LEFT JOIN @account.profiles AS u ON u.unique_user_id = s.unique_user_id" \
	" LEFT JOIN @account.profiles AS a" \
	"  ON a.primary_email_address = CASE WHEN " HAS_BOTH " THEN NULL ELSE s.primary_email_address END" \
	" LEFT JOIN @account.profiles AS x ON x.primary_email_address = s.existing_email_address" \
	" LEFT JOIN @account.profiles AS n ON n.unique_user_id = s.new_unique_user_id"

static const char match_query[] = MATCH_QUERY("staged");

/* Who goes through an index in its order finds most of what he needs in the processor's cache. */
static const char match_query_by_indexes[] =
MATCH_QUERY("(SELECT * FROM staged ORDER BY unique_user_id COLLATE \"C\", primary_email_address)");

#define JOIN_COUNT	4

static int64
id_or_zero(HeapTuple tuple, TupleDesc descriptor, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, descriptor, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

static int64 *
ids_of_rows(Import *import, int column, int64 count)
{
	return column == NO_COLUMN ? NULL :
		MemoryContextAllocExtended(import->attempt_context, sizeof(int64) * count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static RowMatches *
matches_create(Import *import, int64 count)
{
	RowMatches *matches = MemoryContextAlloc(import->attempt_context, sizeof(RowMatches));

	count = Max(count, 1);
	matches->by_user_id = ids_of_rows(import, import->user_id_column, count);
	matches->by_address = ids_of_rows(import, import->email_column, count);
	matches->by_existing_address = ids_of_rows(import, import->existing_email_column, count);
	matches->by_new_user_id = ids_of_rows(import, import->new_user_id_column, count);
	matches->flags = MemoryContextAllocExtended(import->attempt_context, count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return matches;
}

/* Frees it. */
void
import_matches_free(RowMatches *matches)
{
	int64	   *const ids[] = {matches->by_user_id, matches->by_address, matches->by_existing_address,
	matches->by_new_user_id};

	for (int i = 0; i < (int) lengthof(ids); i++)
		if (ids[i] != NULL)
			pfree(ids[i]);
	pfree(matches->flags);
	pfree(matches);
}

/* What was found for a row; matches NULL: nobody. */
RowMatch
import_match_of(const RowMatches *matches, int64 row)
{
	RowMatch	match = {0};

	if (matches == NULL)
		return match;
	if (matches->by_user_id != NULL)
		match.by_user_id = matches->by_user_id[row];
	if (matches->by_address != NULL)
		match.by_address = matches->by_address[row];
	if (matches->by_existing_address != NULL)
		match.by_existing_address = matches->by_existing_address[row];
	if (matches->by_new_user_id != NULL)
		match.by_new_user_id = matches->by_new_user_id[row];
	match.address_has_user_id = (matches->flags[row] & ADDRESS_HAS_USER_ID) != 0;
	match.user_id_differs = (matches->flags[row] & USER_ID_DIFFERS) != 0;
	return match;
}

/* Was anybody found for any row?  matches NULL: nobody. */
bool
import_matches_any(const RowMatches *matches, int64 count)
{
	for (int64 i = 0; matches != NULL && i < count; i++)
	{
		RowMatch	match = import_match_of(matches, i);

		if ((match.by_user_id | match.by_address | match.by_existing_address | match.by_new_user_id) != 0)
			return true;
	}
	return false;
}

/* Keeps what a part of the join has found, and frees it. */
static void
keep_matches(RowMatches *matches)
{
	TupleDesc	descriptor = SPI_tuptable->tupdesc;

	for (uint64 i = 0; i < SPI_tuptable->numvals; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		int64		row = id_or_zero(tuple, descriptor, 1);
		bool		isnull;

		if (matches->by_user_id != NULL)
			matches->by_user_id[row] = id_or_zero(tuple, descriptor, 2);
		if (matches->by_address != NULL)
			matches->by_address[row] = id_or_zero(tuple, descriptor, 3);
		if (matches->by_existing_address != NULL)
			matches->by_existing_address[row] = id_or_zero(tuple, descriptor, 4);
		if (matches->by_new_user_id != NULL)
			matches->by_new_user_id[row] = id_or_zero(tuple, descriptor, 5);
		if (DatumGetBool(SPI_getbinval(tuple, descriptor, 6, &isnull)))
			matches->flags[row] |= ADDRESS_HAS_USER_ID;
		if (DatumGetBool(SPI_getbinval(tuple, descriptor, 7, &isnull)))
			matches->flags[row] |= USER_ID_DIFFERS;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Are so few rows sought that indexes lead to them sooner than the whole table? */
static bool
are_few(const Import *import, int64 count)
{
	Relation	profiles = table_open(get_relname_relid("profiles", import->account->namespace_oid), AccessShareLock);
	int64		blocks = (int64) RelationGetNumberOfBlocks(profiles);

	table_close(profiles, AccessShareLock);
	return count < blocks * ROWS_PER_BLOCK;
}

/* Joins the rows' keys with the profiles; the result is in the memory of the attempt. */
RowMatches *
import_matches_find(Import *import)
{
	int64		count = import_staging_count(import->staging);
	RowMatches *matches = matches_create(import, count);
	Portal		portal;
	bool		by_indexes;
	int			nest_level;

	import_staging_register(import);
	if (count <= IMPORT_FEW_ROWS)
	{
		(void) sql_run_over(import->account, match_query, count, 0, NULL);
		keep_matches(matches);
		return matches;
	}
	by_indexes = are_few(import, count);
	nest_level = sql_bound_memory(JOIN_COUNT, by_indexes);
	portal = sql_open(import->account, by_indexes ? match_query_by_indexes : match_query, 0, NULL);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_COUNT);
		if (SPI_processed == 0)
			break;
		keep_matches(matches);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
	sql_restore_settings(nest_level);
	return matches;
}
