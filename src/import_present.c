/*
 * import_present.c
 *		What the account has of the profiles of some rows.
 *
 * Fetched for a batch of rows at once, by primary keys.  The planner, which knows little of
 * tables that were filled just now, is not asked whether to read them whole.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "sql.h"
#include "utils/builtins.h"

/* A list of the vendor's is compared with what is there now, at any isolation level. */
static int
fetch(Import *import, const char *query, const SqlArgument *ids)
{
	return (int) (import->options.is_remote ? sql_find_latest(import->account, query, 1, ids) :
				  sql_find(import->account, query, 1, ids));
}

static void
fetch_profiles(Import *import, HTAB *present, const SqlArgument *ids)
{
	MemoryContext context = import->row_context;
	int			count = fetch(import, "SELECT profile_id, primary_email_address::text, unique_user_id,"
							 " preferred_first_name, preferred_last_name, work_title, coalesce(attributes, '{}'::jsonb),"
							 " reupload_user_profile FROM @account.profiles WHERE profile_id = ANY ($1)", ids);

	for (int i = 0; i < count; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(context);
		int64		profile_id = sql_int64(i, 0);
		PresentProfile *profile = hash_search(present, &profile_id, HASH_ENTER, NULL);
		bool		isnull;

		profile->values.profile_id = profile_id;
		profile->values.primary_email_address = sql_string(i, 1);
		profile->values.unique_user_id = sql_string(i, 2);
		profile->values.preferred_first_name = sql_string(i, 3);
		profile->values.preferred_last_name = sql_string(i, 4);
		profile->values.work_title = sql_string(i, 5);
		profile->values.attributes = DatumGetJsonbPCopy(sql_value(i, 6, &isnull));
		profile->values.reupload_user_profile = DatumGetBool(sql_value(i, 7, &isnull));
		profile->seats = profile->groups = profile->given_groups = profile->permissions = NIL;
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The profile of a result's row; NULL if it was deleted in between. */
static PresentProfile *
profile_of(HTAB *present, int row)
{
	int64		profile_id = sql_int64(row, 0);

	return hash_search(present, &profile_id, HASH_FIND, NULL);
}

static void
fetch_seats(Import *import, HTAB *present, const SqlArgument *ids)
{
	int			count = fetch(import, "SELECT profile_id, license_id, coalesce(status::text, ''), since FROM @account.seats"
							 " WHERE profile_id = ANY ($1)", ids);

	for (int i = 0; i < count; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(import->row_context);
		PresentProfile *profile = profile_of(present, i);
		PresentSeat *seat = palloc(sizeof(PresentSeat));
		bool		isnull;

		seat->license_id = DatumGetInt32(sql_value(i, 1, &isnull));
		seat->status = sql_string(i, 2);
		seat->since = DatumGetTimestampTz(sql_value(i, 3, &isnull));
		if (profile != NULL)
			profile->seats = lappend(profile->seats, seat);
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
fetch_groups(Import *import, HTAB *present, const SqlArgument *ids)
{
	int			count = fetch(import, "SELECT profile_id, group_id FROM @account.memberships"
							 " WHERE profile_id = ANY ($1)", ids);

	for (int i = 0; i < count; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(import->row_context);
		PresentProfile *profile = profile_of(present, i);
		bool		isnull;

		if (profile != NULL)
			profile->groups = lappend_int(profile->groups, DatumGetInt32(sql_value(i, 1, &isnull)));
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The groups that columns of group names gave, of this feed and of others. */
static void
fetch_given_groups(Import *import, HTAB *present, const SqlArgument *ids)
{
	SqlArgument arguments[2] = {*ids, sql_text(import->options.feed)};
	int			count = (int) sql_find(import->account,
									   "SELECT profile_id, group_id, g.name, CASE WHEN feed = $2 THEN column_name END"
									   " FROM @account.feed_groups JOIN @account.groups AS g USING (group_id)"
									   " WHERE profile_id = ANY ($1)", 2, arguments);

	for (int i = 0; i < count; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(import->row_context);
		PresentProfile *profile = profile_of(present, i);
		GivenGroup *given = palloc(sizeof(GivenGroup));
		bool		isnull;

		/* it may have been made since the file was read */
		given->group = import_group_find_or_add(import, sql_string(i, 2));
		import->groups[given->group].group_id = DatumGetInt32(sql_value(i, 1, &isnull));
		given->column_name = sql_string(i, 3);
		if (profile != NULL)
			profile->given_groups = lappend(profile->given_groups, given);
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
fetch_permissions(Import *import, HTAB *present, const SqlArgument *ids)
{
	int			count = fetch(import, "SELECT profile_id, permission, scope::text FROM @account.permissions"
							 " WHERE profile_id = ANY ($1)", ids);

	for (int i = 0; i < count; i++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(import->row_context);
		PresentProfile *profile = profile_of(present, i);
		PresentPermission *permission = palloc(sizeof(PresentPermission));

		permission->permission = sql_string(i, 1);
		permission->scope = sql_string(i, 2);
		if (profile != NULL)
			profile->permissions = lappend(profile->permissions, permission);
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * What the account has of these profiles: a hash table of PresentProfile by
 * profile_id, in the import's row context.
 */
HTAB *
import_fetch_present(Import *import, const int64 *profile_ids, int count)
{
	HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(PresentProfile),
	.hcxt = import->row_context};
	HTAB	   *present = hash_create("orgsync present profiles", Max(count, 16), &control,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContext old_context = MemoryContextSwitchTo(import->row_context);
	SqlArgument ids = sql_int8_array(profile_ids, count);
	bool		has_groups = import->options.group_count > 0 || import->has_group_names;
	bool		has_licenses = false;
	bool		has_permissions = false;

	MemoryContextSwitchTo(old_context);
	if (count == 0)
		return present;
	for (int i = 0; i < import->column_count; i++)
	{
		column_kind kind = import->columns[i].kind;

		has_groups = has_groups || kind == COLUMN_GROUP;
		has_licenses = has_licenses || kind == COLUMN_LICENSE;
		has_permissions = has_permissions || kind == COLUMN_PERMISSION || kind == COLUMN_GROUP_PERMISSION;
	}
	fetch_profiles(import, present, &ids);
	if (has_licenses)
		fetch_seats(import, present, &ids);
	if (has_groups)
		fetch_groups(import, present, &ids);
	if (import->has_group_names)
		fetch_given_groups(import, present, &ids);
	if (has_permissions)
		fetch_permissions(import, present, &ids);
	return present;
}
