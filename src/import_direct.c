/*
 * import_direct.c
 *		Writes the people whom an import makes, below the trigger layer.
 *
 * The profiles that an import makes, with their seats and memberships, are
 * written while the rows are decided, see table_writer.c; all else is written by
 * the statements of import_apply.c.  What the triggers and foreign keys of the
 * tables would do is done here, or has been done:
 *
 *	duplicate rules		import_similar.c has compared each row with all profiles and
 *						with the rows before it, holding the addresses' lock
 *	caps				the counters get the sum of the seats, by the triggers' own code,
 *						when the statements have written what is given back
 *	change log			one row a profile: the vendor has nothing of it
 *	foreign keys		the profile is ours; licenses and groups are locked once each, as
 *						foreign keys lock them
 *	constraints			what import_row.c accepts has only ids of letters and digits, and
 *						attributes are built as an object
 *
 * Not written here, but by a statement in its turn: a profile that takes the
 * address of another one, which is still there, and one that is confirmed to be
 * another person (see import_apply.c).
 *
 * All is done in one subtransaction with the decisions, so that these can begin
 * anew.
 */
#include "import.h"

#include "catalog.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "import_progress.h"
#include "license_counter.h"
#include "miscadmin.h"
#include "sql.h"
#include "table_writer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"

static const WrittenTable profiles_table = {
	.name = "profiles",
	.column_count = 10,
	.columns = {
		{"profile_id", INT8OID, NULL, true, false},
		{"primary_email_address", InvalidOid, "email_address", true, false},
		{"unique_user_id", TEXTOID, NULL, false, false},
		{"preferred_first_name", TEXTOID, NULL, false, false},
		{"preferred_last_name", TEXTOID, NULL, false, false},
		{"work_title", TEXTOID, NULL, false, false},
		{"attributes", JSONBOID, NULL, true, false},
		{"reupload_user_profile", BOOLOID, NULL, true, false},
		{"created_at", TIMESTAMPTZOID, NULL, true, true},
		{"updated_at", TIMESTAMPTZOID, NULL, true, true}
	},
	.triggers = {"duplicate_profile_check"},
	.change_log = "change_log_profiles",
	.checks = {"unique_user_id_letters_and_digits", "profiles_attributes_check"}
};

static const WrittenTable seats_table = {
	.name = "seats",
	.column_count = 4,
	.columns = {
		{"profile_id", INT8OID, NULL, true, false},
		{"license_id", INT4OID, NULL, true, false},
		{"status", InvalidOid, "seat_status", true, false},
		{"since", TIMESTAMPTZOID, NULL, true, true}
	},
	.triggers = {"license_cap_seats", "change_log_seats"},
	.references = {"profiles", "licenses"}
};

static const WrittenTable memberships_table = {
	.name = "memberships",
	.column_count = 2,
	.columns = {
		{"profile_id", INT8OID, NULL, true, false},
		{"group_id", INT4OID, NULL, true, false}
	},
	.triggers = {"change_log_memberships"},
	.references = {"profiles", "groups"}
};

struct ImportDirect
{
	const Account *account;		/* to work as its owner */
	PageWriter *page_writer;	/* of all tables; NULL: none */
	TableWriter *profiles;
	ChangeLog  *changes;		/* NULL: the owner has switched it off */
	TableWriter *seats;			/* NULL: by statements */
	TableWriter *memberships;	/* likewise */
	Oid			invited;		/* statuses of seats */
	Oid			waitlisted;
	Oid			unassigned;
	SeatDelta  *deltas;			/* of each license of the import, once a seat was written */
	Bitmapset  *locked_groups;	/* indexes in Import.groups */
};

static Oid
status_oid(const char *label)
{
	return DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, unconstify(char *, label),
												 catalog_type("seat_status"), -1));
}

/*
 * Begins to write directly what the import makes, as far as the tables allow it;
 * import->direct stays NULL if they do not.  To be called when the addresses are
 * locked, and to be ended in the same subtransaction.
 */
void
import_direct_begin(Import *import, int64 new_row_count)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	Account    *account = account_of_trigger(import->account->namespace_oid);
	ImportDirect *direct = palloc0(sizeof(ImportDirect));

	direct->account = account;
	/* else what the account has is read meanwhile, of tables that are loaded too */
	direct->page_writer = import->is_first ? page_writer_create() : NULL;
	direct->profiles = table_writer_open(account, &profiles_table, new_row_count, direct->page_writer);
	if (direct->profiles != NULL)
	{
		if (written_table_is_logged(&profiles_table, table_writer_relation(direct->profiles)))
			direct->changes = change_log_begin(account, new_row_count, direct->page_writer);
		direct->seats = table_writer_open(account, &seats_table, new_row_count, direct->page_writer);
		direct->memberships = table_writer_open(account, &memberships_table, new_row_count, direct->page_writer);
		direct->deltas = palloc0(sizeof(SeatDelta) * Max(import->license_count, 1));
		direct->invited = status_oid("invited");
		direct->waitlisted = status_oid("waitlisted");
		direct->unassigned = status_oid("unassigned");
		import->direct = direct;
	}
	MemoryContextSwitchTo(old_context);
}

/* Locks the row that a foreign key refers to, as the server's triggers do. */
static void
lock_referenced(const ImportDirect *direct, const char *query, int id, const char *table, const char *column)
{
	uint64		found;

	found = sql_run_latest_as_owner(direct->account, query, 1, (SqlArgument[]) {SQL_INT4(id)});
	SPI_freetuptable(SPI_tuptable);
	if (found == 0)
		ereport(ERROR,
				errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				errmsg("%s %d was deleted while the file was imported", column, id),
				errdetail("It is not in table \"%s\" any more.", table),
				errhint("Import the file again."));
}

/* A text that takes one byte for its length, as it lies in a tuple. */
typedef struct ShortText
{
	char		data[VARATT_SHORT_MAX];
} ShortText;

/* The string as a text, in *place if it is short, else palloc'd; NULL is null. */
static Datum
text_datum(const char *string, ShortText *place, bool *isnull)
{
	size_t		size;

	*isnull = string == NULL;
	if (string == NULL)
		return (Datum) 0;
	size = strlen(string) + VARHDRSZ_SHORT;
	if (size > VARATT_SHORT_MAX)
		return CStringGetTextDatum(string);
	SET_VARSIZE_SHORT(place->data, size);
	memcpy(place->data + VARHDRSZ_SHORT, string, size - VARHDRSZ_SHORT);
	return PointerGetDatum(place->data);
}

/* An id for a new profile. */
int64
import_direct_profile_id(Import *import)
{
	return table_writer_next_id(import->direct->profiles);
}

/* Writes a new profile, unless a statement has to do it in its turn; did it? */
bool
import_direct_profile(Import *import, const RowTarget *target, const ProfileValues *profile)
{
	ImportDirect *direct = import->direct;
	MemoryContext old_context;
	ShortText	short_texts[5];
	Datum		values[10];
	bool		nulls[10] = {0};

	if (direct == NULL || target->takes_address || profile->reupload_user_profile)
		return false;
	old_context = MemoryContextSwitchTo(import->row_context);
	values[0] = Int64GetDatum(profile->profile_id);
	values[1] = text_datum(profile->primary_email_address, &short_texts[0], &nulls[1]);	/* stored like text */
	values[2] = text_datum(profile->unique_user_id, &short_texts[1], &nulls[2]);
	values[3] = text_datum(profile->preferred_first_name, &short_texts[2], &nulls[3]);
	values[4] = text_datum(profile->preferred_last_name, &short_texts[3], &nulls[4]);
	values[5] = text_datum(profile->work_title, &short_texts[4], &nulls[5]);
	values[6] = JsonbPGetDatum(profile->attributes);
	values[7] = BoolGetDatum(false);
	values[8] = values[9] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	table_writer_put(direct->profiles, values, nulls);
	if (direct->changes != NULL)
		change_log_profile_imported(direct->changes, profile->profile_id);
	MemoryContextSwitchTo(old_context);
	return true;
}

/* Writes a seat of a new profile, by the license's index, if that is done here; was it? */
bool
import_direct_seat(Import *import, int64 profile_id, int license, const char *status)
{
	ImportDirect *direct = import->direct;
	SeatDelta  *delta;
	Datum		values[4];
	bool		nulls[4] = {0};

	/* of whom a seat is whose transfers are limited only the trigger can tell */
	if (direct == NULL || direct->seats == NULL || import->licenses[license].terms.transfers_per_year >= 0)
		return false;
	delta = &direct->deltas[license];
	if (delta->license_id == 0)
	{
		delta->license_id = import->licenses[license].terms.license_id;
		lock_referenced(direct, "SELECT FROM @account.licenses WHERE license_id = $1 FOR KEY SHARE",
						delta->license_id, "licenses", "license_id");
	}
	values[0] = Int64GetDatum(profile_id);
	values[1] = Int32GetDatum(delta->license_id);
	if (strcmp(status, "invited") == 0)
	{
		values[2] = ObjectIdGetDatum(direct->invited);
		delta->invited++;
	}
	else if (strcmp(status, "waitlisted") == 0)
	{
		values[2] = ObjectIdGetDatum(direct->waitlisted);
		delta->waitlisted++;
	}
	else
	{
		Assert(strcmp(status, "unassigned") == 0);
		values[2] = ObjectIdGetDatum(direct->unassigned);
	}
	values[3] = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	table_writer_put(direct->seats, values, nulls);
	return true;
}

/* Writes a membership of a new profile, by the group's index, if that is done here; was it? */
bool
import_direct_membership(Import *import, int64 profile_id, int group)
{
	ImportDirect *direct = import->direct;
	Datum		values[2] = {Int64GetDatum(profile_id), Int32GetDatum(import->groups[group].group_id)};
	bool		nulls[2] = {0};

	if (direct == NULL || direct->memberships == NULL)
		return false;
	if (!bms_is_member(group, direct->locked_groups))
	{
		MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);

		direct->locked_groups = bms_add_member(direct->locked_groups, group);
		MemoryContextSwitchTo(old_context);
		lock_referenced(direct, "SELECT FROM @account.groups WHERE group_id = $1 FOR KEY SHARE",
						import->groups[group].group_id, "groups", "group_id");
	}
	table_writer_put(direct->memberships, values, nulls);
	return true;
}

/* Ends the writing: all rows are there, and in the indexes. */
void
import_direct_end(Import *import)
{
	ImportDirect *direct = import->direct;

	if (direct == NULL)
		return;
	import_progress_phase(import, "changes");
	import_progress_steps(import,
						  table_writer_steps(direct->profiles) +
						  (direct->changes != NULL ? change_log_steps(direct->changes) : 0) +
						  (direct->seats != NULL ? table_writer_steps(direct->seats) : 0) +
						  (direct->memberships != NULL ? table_writer_steps(direct->memberships) : 0));
	table_writer_close(direct->profiles);
	if (direct->changes != NULL)
		change_log_end(direct->changes);
	if (direct->seats != NULL)
		table_writer_close(direct->seats);
	if (direct->memberships != NULL)
		table_writer_close(direct->memberships);
	page_writer_end(direct->page_writer);
}

/* Counts the seats that were written, in the order of license_id; an error if there are too few. */
void
import_direct_count_seats(Import *import)
{
	ImportDirect *direct = import->direct;

	if (direct != NULL && direct->seats != NULL)
		license_cap_add(direct->account, direct->deltas, import->license_count);
}
