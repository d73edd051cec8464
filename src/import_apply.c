/*
 * import_apply.c
 *		Writes the change set of an import.
 *
 * The profiles that the import makes are there already, with most of what belongs
 * to them; see import_direct.c.  The rest is set-based, one statement a part; the triggers of the account hold its rules
 * here as they do for anybody who writes.  What is given up goes before what is
 * taken: addresses before new profiles, seats that are revoked before those that
 * are granted.  Profiles that are confirmed to be other people than they look
 * like come after those that they look like: the latter would be compared with
 * them, not the other way round.
 *
 * Two profiles may swap addresses, and a statement that did so would fail on
 * the unique constraint, which is checked row by row.  So profiles whose new
 * address is not free at once are parked first under addresses that nobody has;
 * see park_addresses().
 *
 * A constraint or a trigger of the user's own may refuse a statement.  Then the
 * rows are tried one by one, to name the line; see import_apply_row_by_row().
 */
#include "import.h"

#include "access/xact.h"
#include "duplicate_profile.h"
#include "executor/tuptable.h"
#include "license_transfer.h"
#include "license_waiting.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

/*
 * People lie in the tables, and in most indexes, by their ids: who writes in that order comes
 * back to a page while it is in the processor's cache.  Seats go in the order of the file,
 * which says whose seat is transferred to whom.
 */
#define IN_ORDER(part)	"(SELECT * FROM " part " ORDER BY profile_id)"

#define UPDATE_PROFILES(part) \
	"UPDATE @account.profiles AS p SET primary_email_address = c.primary_email_address," \
	" unique_user_id = c.unique_user_id, preferred_first_name = c.preferred_first_name," \
	" preferred_last_name = c.preferred_last_name, work_title = c.work_title, attributes = c.attributes," \
	" reupload_user_profile = c.reupload_user_profile" \
	" FROM " IN_ORDER(part) " AS c WHERE p.profile_id = c.profile_id"

#define INSERT_PROFILES(part) \
	"INSERT INTO @account.profiles (profile_id, primary_email_address, unique_user_id, preferred_first_name," \
	" preferred_last_name, work_title, attributes, reupload_user_profile) OVERRIDING SYSTEM VALUE" \
	" SELECT profile_id, primary_email_address, unique_user_id, preferred_first_name, preferred_last_name," \
	" work_title, attributes, reupload_user_profile FROM " part

#define UPDATE_SEATS(part) \
	"UPDATE @account.seats AS s SET status = c.status, since = now() FROM " part " AS c" \
	" WHERE s.profile_id = c.profile_id AND s.license_id = c.license_id"

/* The statements, in the order in which they are run; each over one part.  $1: feed, $2: import_id. */
static const struct
{
	ChangeTable table;
	const char *name;			/* of the part */
	const char *text;
}			statements[] =
{
	{CHANGE_PROFILES, "changed_profiles", UPDATE_PROFILES("changed_profiles")},
	{CHANGE_NEW_PROFILES, "new_profiles", INSERT_PROFILES("new_profiles")},
	{CHANGE_CONFIRMED_PROFILES, "confirmed_changed_profiles", UPDATE_PROFILES("confirmed_changed_profiles")},
	{CHANGE_CONFIRMED_NEW_PROFILES, "confirmed_new_profiles", INSERT_PROFILES("confirmed_new_profiles")},
	{CHANGE_REVOKED_SEATS, "revoked_seats", UPDATE_SEATS("revoked_seats")},
	{CHANGE_GRANTED_SEATS, "granted_seats", UPDATE_SEATS("granted_seats")},
	{CHANGE_NEW_SEATS, "new_seats",
		"INSERT INTO @account.seats (profile_id, license_id, status)"
	" SELECT profile_id, license_id, status FROM new_seats"},
	{CHANGE_LEAVES, "leaves",
		"DELETE FROM @account.memberships AS m USING " IN_ORDER("leaves") " AS c"
	" WHERE m.profile_id = c.profile_id AND m.group_id = c.group_id"},
	{CHANGE_JOINS, "joins",
		"INSERT INTO @account.memberships (profile_id, group_id) SELECT profile_id, group_id FROM joins"
	" ORDER BY profile_id ON CONFLICT DO NOTHING"},
	{CHANGE_GIVEN_GROUPS, "given_groups",
		"INSERT INTO @account.feed_groups (feed, column_name, profile_id, group_id)"
		" SELECT $1, column_name, profile_id, group_id FROM given_groups"
	" ON CONFLICT (feed, column_name, profile_id) DO UPDATE SET group_id = excluded.group_id"},
	{CHANGE_NO_PERMISSIONS, "removed_permissions",
		"DELETE FROM @account.permissions AS p USING removed_permissions AS c"
	" WHERE p.profile_id = c.profile_id AND p.permission = c.permission"},
	{CHANGE_PERMISSIONS, "set_permissions",
		"INSERT INTO @account.permissions (profile_id, permission, scope)"
		" SELECT profile_id, permission, scope FROM set_permissions"
	" ON CONFLICT (profile_id, permission) DO UPDATE SET scope = excluded.scope"},
};

/*
 * Gives an address that nobody has, at their own domain, to the profiles that
 * get a new one and whose present one another row takes.  So it does to all that
 * are confirmed: they are written late (see the top of the file), and who is
 * written before them must not be compared with what they were.
 */
static void
park_addresses(Import *import)
{
	if (!import->takes_addresses && import_changes_count(import->changes, CHANGE_CONFIRMED_PROFILES) == 0)
		return;
	(void) sql_write_over(import->account,
						  "WITH c AS (SELECT profile_id, primary_email_address, false AS confirmed FROM changed_profiles"
						  " UNION ALL SELECT profile_id, primary_email_address, true FROM confirmed_changed_profiles),"
						  " parked AS (SELECT profile_id FROM c WHERE confirmed"
						  " UNION SELECT h.profile_id FROM c AS d JOIN @account.profiles AS h"
						  " ON h.primary_email_address = d.primary_email_address AND h.profile_id <> d.profile_id"
						  " JOIN c ON c.profile_id = h.profile_id)"
						  " UPDATE @account.profiles AS p"
						  " SET primary_email_address = email_address('" PARKED_ADDRESS "' || p.profile_id::text || '@' ||"
						  " CASE WHEN length(domain(p.primary_email_address)) < 200"
						  " THEN domain(p.primary_email_address) ELSE 'parked.invalid' END)"
						  " FROM parked WHERE parked.profile_id = p.profile_id",
						  import_changes_count(import->changes, CHANGE_PROFILES) +
						  import_changes_count(import->changes, CHANGE_CONFIRMED_PROFILES), 0, NULL);
}

static uint64
run_statement(Import *import, int index, int64 row_count)
{
	SqlArgument arguments[] = {sql_text(import->options.feed), SQL_INT8(import->import_id)};

	return sql_write_over(import->account, statements[index].text, row_count, 2, arguments);
}

/* Runs the statement for each row of its part by itself; *line is the row's while it runs. */
static void
run_row_by_row(Import *import, int index, int64 *line)
{
	TupleDesc	descriptor = import_changes_descriptor(import->changes, statements[index].table);
	Tuplestorestate *rows = import_changes_rows(import->changes, statements[index].table);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(descriptor, &TTSOpsMinimalTuple);

	sql_unregister(statements[index].name);
	tuplestore_select_read_pointer(rows, 0);
	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		Tuplestorestate *row = tuplestore_begin_heap(true, false, work_mem);
		bool		isnull;

		*line = DatumGetInt64(slot_getattr(slot, descriptor->natts, &isnull));
		tuplestore_puttupleslot(row, slot);
		sql_register(statements[index].name, row, descriptor, 1);
		(void) run_statement(import, index, 1);
		sql_unregister(statements[index].name);
		tuplestore_end(row);
		CHECK_FOR_INTERRUPTS();
	}
	*line = 0;
}

/*
 * Writes the change set of the import; errors are raised.  row_by_row: with a
 * statement for each row, and *line then is the line of the file that made it
 * fail, or 0 if no single row does.
 */
static void
write_changes(Import *import, bool row_by_row, int64 *line)
{
	duplicate_profile_imported(import->account->namespace_oid);
	license_transfers_warned = false;
	PG_TRY();
	{
		import_changes_register(import->changes);
		park_addresses(import);
		for (int i = 0; i < (int) lengthof(statements); i++)
		{
			/* whoever waits is invited by what is revoked; the seats that are left are for the rows */
			license_invitations_held = statements[i].table != CHANGE_REVOKED_SEATS;
			/* what is given back is counted before what is taken */
			if (statements[i].table == CHANGE_NEW_SEATS)
				import_direct_count_seats(import);
			if (import_changes_count(import->changes, statements[i].table) == 0)
				continue;
			if (!row_by_row && !import->options.is_remote && import_similar_is_exclusive(import))
				duplicate_profile_compared(import_changes_compared(import->changes, statements[i].table));
			if (row_by_row)
				run_row_by_row(import, i, line);
			else
				(void) run_statement(import, i, import_changes_count(import->changes, statements[i].table));
		}
		if (!row_by_row)
			import_seats_count_invited(import);
		import_changes_unregister();
	}
	PG_FINALLY();
	{
		duplicate_profile_imported(InvalidOid);
		license_transfers_warned = true;
		license_invitations_held = false;
	}
	PG_END_TRY();
}

/* Writes the change set of the import; errors are raised. */
void
import_apply(Import *import)
{
	write_changes(import, false, NULL);
}

/*
 * Writes a change set that import_apply() could not, to fail at the very row.
 * *line then is the line of the file that made it fail; it is 0 if no single
 * row does.
 */
void
import_apply_row_by_row(Import *import, int64 *line)
{
	*line = 0;
	write_changes(import, true, line);
}
