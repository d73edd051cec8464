/*
 * import_change.c
 *		The change set of an import: what is to be written, table by table.
 *
 * Each part is a tuplestore that the statements of import_apply.c read as a
 * table, so that writing is set-based, and that goes to disk by itself when it
 * is large.  The last column of each is the line of the file, for findings.
 * Everything lives in the memory context of the attempt.
 */
#include "import.h"

#include "catalog.h"
#include "catalog/pg_type.h"
#include "duplicate_profile.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/tuplestore.h"

#define MAX_CHANGE_COLUMNS	9

typedef enum ChangeType
{
	TYPE_INT8,
	TYPE_INT4,
	TYPE_TEXT,
	TYPE_BOOL,
	TYPE_JSONB,
	TYPE_EMAIL_ADDRESS,
	TYPE_SEAT_STATUS,
	TYPE_GROUP_SCOPE
} ChangeType;

typedef struct ChangeColumn
{
	const char *name;
	ChangeType	type;
} ChangeColumn;

#define PROFILE_COLUMNS \
	{{"profile_id", TYPE_INT8}, {"primary_email_address", TYPE_EMAIL_ADDRESS}, {"unique_user_id", TYPE_TEXT}, \
	 {"preferred_first_name", TYPE_TEXT}, {"preferred_last_name", TYPE_TEXT}, {"work_title", TYPE_TEXT}, \
	 {"attributes", TYPE_JSONB}, {"reupload_user_profile", TYPE_BOOL}, {"line", TYPE_INT8}}
#define SEAT_COLUMNS \
	{{"profile_id", TYPE_INT8}, {"license_id", TYPE_INT4}, {"status", TYPE_SEAT_STATUS}, {"line", TYPE_INT8}}
#define MEMBERSHIP_COLUMNS \
	{{"profile_id", TYPE_INT8}, {"group_id", TYPE_INT4}, {"line", TYPE_INT8}}
#define GIVEN_GROUP_COLUMNS \
	{{"profile_id", TYPE_INT8}, {"column_name", TYPE_TEXT}, {"group_id", TYPE_INT4}, {"line", TYPE_INT8}}
#define CELL_COLUMNS \
	{{"profile_id", TYPE_INT8}, {"column_name", TYPE_TEXT}, {"header", TYPE_TEXT}, {"was_set", TYPE_BOOL}, \
	 {"line", TYPE_INT8}}
#define PERMISSION_COLUMNS \
	{{"profile_id", TYPE_INT8}, {"permission", TYPE_TEXT}, {"scope", TYPE_GROUP_SCOPE}, {"line", TYPE_INT8}}

/* The parts of the change set, in the order of ChangeTable. */
static const struct
{
	const char *name;
	int			column_count;
	ChangeColumn columns[MAX_CHANGE_COLUMNS];
}			change_tables[CHANGE_TABLE_COUNT] =
{
	[CHANGE_NEW_PROFILES] = {"new_profiles", 9, PROFILE_COLUMNS},
	[CHANGE_PROFILES] = {"changed_profiles", 9, PROFILE_COLUMNS},
	[CHANGE_CONFIRMED_NEW_PROFILES] = {"confirmed_new_profiles", 9, PROFILE_COLUMNS},
	[CHANGE_CONFIRMED_PROFILES] = {"confirmed_changed_profiles", 9, PROFILE_COLUMNS},
	[CHANGE_NEW_SEATS] = {"new_seats", 4, SEAT_COLUMNS},
	[CHANGE_REVOKED_SEATS] = {"revoked_seats", 4, SEAT_COLUMNS},
	[CHANGE_GRANTED_SEATS] = {"granted_seats", 4, SEAT_COLUMNS},
	[CHANGE_JOINS] = {"joins", 3, MEMBERSHIP_COLUMNS},
	[CHANGE_LEAVES] = {"leaves", 3, MEMBERSHIP_COLUMNS},
	[CHANGE_GIVEN_GROUPS] = {"given_groups", 4, GIVEN_GROUP_COLUMNS},
	[CHANGE_PERMISSIONS] = {"set_permissions", 4, PERMISSION_COLUMNS},
	[CHANGE_NO_PERMISSIONS] = {"removed_permissions", 4, PERMISSION_COLUMNS},
	[CHANGE_CELLS] = {"changed_cells", 5, CELL_COLUMNS},
};

struct ImportChanges
{
	Oid			seat_status;	/* type */
	Oid			group_scope;
	Tuplestorestate *rows[CHANGE_TABLE_COUNT];
	TupleDesc	descriptors[CHANGE_TABLE_COUNT];
	int64		counts[CHANGE_TABLE_COUNT];
	ComparedProfiles compared[CHANGE_TABLE_COUNT];	/* of parts that have profiles */
	MemoryContext row_context;
};

static Oid
type_oid(ChangeType type)
{
	switch (type)
	{
		case TYPE_INT8:
			return INT8OID;
		case TYPE_INT4:
			return INT4OID;
		case TYPE_TEXT:
			return TEXTOID;
		case TYPE_BOOL:
			return BOOLOID;
		case TYPE_JSONB:
			return JSONBOID;
		case TYPE_EMAIL_ADDRESS:
			return catalog_type("email_address");
		case TYPE_SEAT_STATUS:
			return catalog_type("seat_status");
		case TYPE_GROUP_SCOPE:
			return catalog_type("group_scope");
	}
	pg_unreachable();
}

/* An empty change set in the current memory context. */
ImportChanges *
import_changes_create(Import *import)
{
	ImportChanges *changes = palloc0(sizeof(ImportChanges));

	changes->seat_status = catalog_type("seat_status");
	changes->group_scope = catalog_type("group_scope");
	changes->row_context = import->row_context;
	for (int table = 0; table < CHANGE_TABLE_COUNT; table++)
	{
		changes->rows[table] = tuplestore_begin_heap(true, false, work_mem);
		changes->descriptors[table] = CreateTemplateTupleDesc(change_tables[table].column_count);
		for (int i = 0; i < change_tables[table].column_count; i++)
			TupleDescInitEntry(changes->descriptors[table], i + 1, change_tables[table].columns[i].name,
							   type_oid(change_tables[table].columns[i].type), -1, 0);
		compat_finish_descriptor(changes->descriptors[table]);
	}
	return changes;
}

/* Frees the change set's temporary files. */
void
import_changes_end(ImportChanges *changes)
{
	for (int table = 0; table < CHANGE_TABLE_COUNT; table++)
		tuplestore_end(changes->rows[table]);
}

static void
put(ImportChanges *changes, ChangeTable table, Datum *values, bool *nulls)
{
	tuplestore_putvalues(changes->rows[table], changes->descriptors[table], values, nulls);
	changes->counts[table]++;
}

/* Adds a profile as it shall be; those confirmed by reupload_user_profile have parts of their own. */
void
import_change_profile(ImportChanges *changes, bool is_new, const ProfileValues *profile, int64 line)
{
	ChangeTable table = profile->reupload_user_profile ?
		(is_new ? CHANGE_CONFIRMED_NEW_PROFILES : CHANGE_CONFIRMED_PROFILES) :
		(is_new ? CHANGE_NEW_PROFILES : CHANGE_PROFILES);
	MemoryContext old_context = MemoryContextSwitchTo(changes->row_context);
	Datum		values[9];
	bool		nulls[9] = {0};

	values[0] = Int64GetDatum(profile->profile_id);
	values[1] = sql_text_datum(profile->primary_email_address, &nulls[1]);	/* stored like text */
	values[2] = sql_text_datum(profile->unique_user_id, &nulls[2]);
	values[3] = sql_text_datum(profile->preferred_first_name, &nulls[3]);
	values[4] = sql_text_datum(profile->preferred_last_name, &nulls[4]);
	values[5] = sql_text_datum(profile->work_title, &nulls[5]);
	values[6] = JsonbPGetDatum(profile->attributes);
	values[7] = BoolGetDatum(profile->reupload_user_profile);
	values[8] = Int64GetDatum(line);
	put(changes, table, values, nulls);
	MemoryContextSwitchTo(old_context);
	compared_profiles_add(&changes->compared[table], profile->profile_id, profile->primary_email_address,
						  profile->preferred_first_name, profile->preferred_last_name);
}

/* Adds a seat as it shall be, to CHANGE_NEW_SEATS, CHANGE_REVOKED_SEATS or CHANGE_GRANTED_SEATS. */
void
import_change_seat(ImportChanges *changes, ChangeTable table, int64 profile_id, int license_id,
				   const char *status, int64 line)
{
	Datum		values[4];
	bool		nulls[4] = {0};

	values[0] = Int64GetDatum(profile_id);
	values[1] = Int32GetDatum(license_id);
	values[2] = OidInputFunctionCall(F_ENUM_IN, unconstify(char *, status), changes->seat_status, -1);
	values[3] = Int64GetDatum(line);
	put(changes, table, values, nulls);
}

/* Adds a membership, to CHANGE_JOINS or CHANGE_LEAVES. */
void
import_change_membership(ImportChanges *changes, ChangeTable table, int64 profile_id, int group_id, int64 line)
{
	Datum		values[3] = {Int64GetDatum(profile_id), Int32GetDatum(group_id), Int64GetDatum(line)};
	bool		nulls[3] = {0};

	put(changes, table, values, nulls);
}

/* Notes that the feed's column now gives the profile this group. */
void
import_change_given_group(ImportChanges *changes, int64 profile_id, const char *column_name, int group_id,
						  int64 line)
{
	MemoryContext old_context = MemoryContextSwitchTo(changes->row_context);
	Datum		values[4];
	bool		nulls[4] = {0};

	values[0] = Int64GetDatum(profile_id);
	values[1] = CStringGetTextDatum(column_name);
	values[2] = Int32GetDatum(group_id);
	values[3] = Int64GetDatum(line);
	put(changes, CHANGE_GIVEN_GROUPS, values, nulls);
	MemoryContextSwitchTo(old_context);
}

/* Adds a permission, to CHANGE_PERMISSIONS, or without scope to CHANGE_NO_PERMISSIONS. */
void
import_change_permission(ImportChanges *changes, ChangeTable table, int64 profile_id,
						 const char *permission, const char *scope, int64 line)
{
	MemoryContext old_context = MemoryContextSwitchTo(changes->row_context);
	Datum		values[4];
	bool		nulls[4] = {0};

	values[0] = Int64GetDatum(profile_id);
	values[1] = CStringGetTextDatum(permission);
	nulls[2] = scope == NULL;
	values[2] = sql_text_datum(scope, &nulls[2]);	/* canonical, and stored like text */
	values[3] = Int64GetDatum(line);
	put(changes, table, values, nulls);
	MemoryContextSwitchTo(old_context);
}

/*
 * Notes a cell of a profile that there was: its column as "changes" has it and,
 * unless NULL, as the file has it.
 */
void
import_change_cell(ImportChanges *changes, int64 profile_id, const char *column_name, const char *header,
				   bool was_set, int64 line)
{
	MemoryContext old_context = MemoryContextSwitchTo(changes->row_context);
	Datum		values[5];
	bool		nulls[5] = {0};

	values[0] = Int64GetDatum(profile_id);
	values[1] = CStringGetTextDatum(column_name);
	values[2] = sql_text_datum(header, &nulls[2]);
	values[3] = BoolGetDatum(was_set);
	values[4] = Int64GetDatum(line);
	put(changes, CHANGE_CELLS, values, nulls);
	MemoryContextSwitchTo(old_context);
}

int64
import_changes_count(const ImportChanges *changes, ChangeTable table)
{
	return changes->counts[table];
}

/* The profiles of a part that the import has compared with all others; NULL: it has not. */
const ComparedProfiles *
import_changes_compared(const ImportChanges *changes, ChangeTable table)
{
	return table == CHANGE_PROFILES || table == CHANGE_NEW_PROFILES ? &changes->compared[table] : NULL;
}

Tuplestorestate *
import_changes_rows(const ImportChanges *changes, ChangeTable table)
{
	return changes->rows[table];
}

TupleDesc
import_changes_descriptor(const ImportChanges *changes, ChangeTable table)
{
	return changes->descriptors[table];
}

/* Lets statements read each part as a table; see change_tables for the names. */
void
import_changes_register(const ImportChanges *changes)
{
	for (int table = 0; table < CHANGE_TABLE_COUNT; table++)
		sql_register(change_tables[table].name, changes->rows[table], changes->descriptors[table],
					 changes->counts[table]);
}

void
import_changes_unregister(void)
{
	for (int table = 0; table < CHANGE_TABLE_COUNT; table++)
		sql_unregister(change_tables[table].name);
}
