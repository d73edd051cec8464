/*
 * diff_reader.c
 *		Reads what distinguishes an account from what the vendor has, one person
 *		at a time.
 *
 * Nothing mirrors what the vendor has.  The account's table "changes" holds, for
 * every change that the vendor has not heard of, the cell as it was before: the
 * first row of a cell is what the vendor has, a cell without rows is as the
 * vendor has it.  So a diff reads the change rows, and of the other tables only
 * what these name: it costs what changed, not what there is.
 *
 * A profile that was added has one row without a column, and its diff is all
 * its cells.  A profile that was deleted has a row for every cell that it had.
 * One that was deleted and made again with the same address (a "twin") is one
 * person to the vendor.  Changes that were undone leave rows and make no
 * difference.
 *
 * All is one statement, and so is read under one snapshot, even the numbers of
 * the change rows: a confirmation must delete just those that the export has
 * seen.  Its rows come in this order:
 *
 *		account		once: the changes read, the seats taken	(exports only)
 *		names		one for each group and license			(if anybody was added)
 *		person		one for each profile
 *		cell		one for each cell that differs, behind its person
 *
 * Added people are many at a time, and have many cells each, so theirs come
 * with the person, as arrays: ten times faster than as rows that are sorted.
 *
 * The statement works through people in the order of profile_id, so that its
 * lookups meet neighbouring rows one after the other: measured with a million
 * people, 42 s in the order of a hash table, 16 s so.
 *
 * Memory: names live as long as the reader, a person until the next one.
 */
#include "diff.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "core/header.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* So many rows are fetched at a time. */
#define FETCH_SIZE	1000

/*
 * $1 to $3: the notation; $4: has the product unique_user_id, $5: permissions,
 * $6: attributes; $7: the permissions; $8: for an export.
 *
 *	logged			the first change of each cell: what the vendor has
 *	changed			the same by profile; email_at and added_at tell who is known
 *	people			with the profile as it is now, if it is still there
 *	twins			who was deleted and made again
 *	subjects		whom the diff is about; source_id is the profile whose changes
 *					tell what the vendor has
 *	vendor_cells	the changed cells of those whom the vendor knows
 *	present			all cells of twins: their changes tell nothing
 *	compared		what the vendor has beside what it shall have
 */
static const char diff_query[] =
"WITH logged AS MATERIALIZED ("
" SELECT DISTINCT ON (c.profile_id, c.cell) c.profile_id, c.cell, c.place, c.column_name,"
"  c.vendor_value, c.change_id"
" FROM (SELECT h.change_id, h.profile_id, h.column_name, h.vendor_value,"
DIFF_CELL_OF("h.column_name") "AS cell,"
"   CASE h.column_name WHEN 'primary_email_address' THEN 0 WHEN 'unique_user_id' THEN 1"
"    WHEN 'preferred_first_name' THEN 2 WHEN 'preferred_last_name' THEN 3 WHEN 'work_title' THEN 4"
"    ELSE CASE WHEN starts_with(h.column_name, 'group:') THEN 6"
"     WHEN starts_with(h.column_name, 'attribute_') THEN 8"
"     WHEN h.column_name = ANY ($7) THEN 7 ELSE 5 END END AS place"
"  FROM @account.changes h) c"
" ORDER BY c.profile_id, c.cell, c.change_id"
"), changed AS MATERIALIZED ("
" SELECT profile_id,"
"  min(change_id) FILTER (WHERE cell IS NULL) AS added_at,"
"  min(change_id) FILTER (WHERE cell = 'primary_email_address') AS email_at,"
"  max(vendor_value) FILTER (WHERE cell = 'primary_email_address') AS email,"
"  count(*) FILTER (WHERE cell = 'unique_user_id') > 0 AS has_id,"
"  nullif(max(vendor_value) FILTER (WHERE cell = 'unique_user_id'), '') AS id"
" FROM logged GROUP BY profile_id ORDER BY profile_id"
"), people AS MATERIALIZED ("
" SELECT c.profile_id, p.profile_id IS NOT NULL AS lives,"
"  coalesce(c.added_at < c.email_at, c.added_at IS NOT NULL) AS is_new,"
"  coalesce(c.email, p.primary_email_address::text) AS vendor_email,"
"  CASE WHEN c.has_id THEN c.id ELSE p.unique_user_id END AS vendor_id,"
"  p.primary_email_address::text AS email, p.unique_user_id AS id, p.reupload_user_profile"
" FROM changed c LEFT JOIN @account.profiles p ON p.profile_id = c.profile_id"
"), twins AS MATERIALIZED ("
" SELECT DISTINCT ON (n.profile_id) n.profile_id, d.profile_id AS deleted_id"
" FROM people n JOIN people d"
"  ON lower(n.email COLLATE \"C\") = lower(d.vendor_email COLLATE \"C\")"
" WHERE n.lives AND n.is_new AND NOT d.lives AND NOT d.is_new"
" ORDER BY n.profile_id, d.profile_id"
"), subjects AS MATERIALIZED ("
" SELECT p.profile_id, p.profile_id AS source_id, false AS is_twin,"
"  CASE WHEN NOT p.lives THEN 'deleted' WHEN p.is_new THEN 'added' ELSE 'known' END AS state,"
"  CASE WHEN NOT p.is_new THEN p.vendor_email END AS vendor_email,"
"  CASE WHEN NOT p.is_new THEN p.vendor_id END AS vendor_id,"
"  p.email, p.id, p.reupload_user_profile"
" FROM people p"
" WHERE (p.lives OR (NOT p.is_new AND p.vendor_email IS NOT NULL))"
"  AND NOT EXISTS (SELECT FROM twins t WHERE t.profile_id = p.profile_id)"
"  AND NOT EXISTS (SELECT FROM twins t WHERE t.deleted_id = p.profile_id)"
" UNION ALL"
" SELECT t.profile_id, t.deleted_id, true, 'known', d.vendor_email, d.vendor_id,"
"  n.email, n.id, n.reupload_user_profile"
" FROM twins t JOIN people n ON n.profile_id = t.profile_id"
"  JOIN people d ON d.profile_id = t.deleted_id"
"), vendor_cells AS MATERIALIZED ("
" SELECT s.profile_id, s.is_twin, l.cell, l.place, l.column_name, l.vendor_value"
" FROM logged l JOIN subjects s ON s.source_id = l.profile_id"
" WHERE l.cell IS NOT NULL AND (s.state = 'known' OR (s.state = 'deleted' AND l.place IN (5, 6, 7)))"
"), present AS ("
" SELECT s.profile_id, v.place, v.column_name, v.column_name AS cell, NULL AS nothing, v.value"
" FROM subjects s JOIN @account.profiles p ON p.profile_id = s.profile_id"
"  CROSS JOIN LATERAL (VALUES (1, 'unique_user_id', p.unique_user_id),"
"   (2, 'preferred_first_name', p.preferred_first_name),"
"   (3, 'preferred_last_name', p.preferred_last_name), (4, 'work_title', p.work_title))"
"   v (place, column_name, value)"
" WHERE s.is_twin"
" UNION ALL"
" SELECT s.profile_id, 5, l.header::text, lower(l.header::text COLLATE \"C\"), 'inactive', 'active'"
" FROM subjects s JOIN @account.seats t ON t.profile_id = s.profile_id"
"  JOIN @account.licenses l ON l.license_id = t.license_id"
" WHERE s.is_twin AND t.status IN ('invited', 'activated')"
" UNION ALL"
" SELECT s.profile_id, 6, $1 || g.name, 'group:' || orgsync.fold(g.name), $3, $2"
" FROM subjects s JOIN @account.memberships m ON m.profile_id = s.profile_id"
"  JOIN @account.groups g ON g.group_id = m.group_id"
" WHERE s.is_twin"
" UNION ALL"
" SELECT s.profile_id, 7, a.permission, a.permission, 'no', a.scope::text"
" FROM subjects s JOIN @account.permissions a ON a.profile_id = s.profile_id"
" WHERE s.is_twin"
" UNION ALL"
" SELECT s.profile_id, 8, 'attribute_' || e.key, 'attribute_' || e.key, NULL, e.value"
" FROM subjects s JOIN @account.profiles p ON p.profile_id = s.profile_id"
"  CROSS JOIN LATERAL jsonb_each_text(p.attributes) e"
" WHERE s.is_twin"
"), compared AS ("
" SELECT v.profile_id, v.place, v.column_name, nullif(v.vendor_value, '') AS old_value,"
"  CASE v.place WHEN 0 THEN p.primary_email_address::text WHEN 1 THEN p.unique_user_id"
"   WHEN 2 THEN nullif(p.preferred_first_name, '') WHEN 3 THEN nullif(p.preferred_last_name, '')"
"   WHEN 4 THEN nullif(p.work_title, '')"
"   ELSE nullif(p.attributes ->> substr(v.column_name, 11), '') END AS new_value"
" FROM vendor_cells v JOIN @account.profiles p ON p.profile_id = v.profile_id"
" WHERE v.place IN (0, 1, 2, 3, 4, 8)"
" UNION ALL"
" SELECT v.profile_id, v.place, coalesce(l.header::text, v.column_name), coalesce(v.vendor_value, 'inactive'),"
"  CASE WHEN t.status IN ('invited', 'activated') THEN 'active' ELSE 'inactive' END"
" FROM vendor_cells v"
"  LEFT JOIN @account.licenses l ON lower(l.header::text COLLATE \"C\") = v.cell"
"  LEFT JOIN @account.seats t ON t.profile_id = v.profile_id AND t.license_id = l.license_id"
" WHERE v.place = 5"
" UNION ALL"
" SELECT v.profile_id, v.place, $1 || coalesce(g.name, substr(v.column_name, 7)),"
"  CASE v.vendor_value WHEN 'yes' THEN $2 ELSE $3 END,"
"  CASE WHEN m.group_id IS NULL THEN $3 ELSE $2 END"
" FROM vendor_cells v"
"  LEFT JOIN @account.groups g ON orgsync.fold(g.name) = substr(v.cell, 7)"
"  LEFT JOIN @account.memberships m ON m.profile_id = v.profile_id AND m.group_id = g.group_id"
" WHERE v.place = 6"
" UNION ALL"
" SELECT v.profile_id, v.place, v.column_name, coalesce(v.vendor_value, 'no'), coalesce(a.scope::text, 'no')"
" FROM vendor_cells v"
"  LEFT JOIN @account.permissions a ON a.profile_id = v.profile_id AND a.permission = v.cell"
" WHERE v.place = 7"
" UNION ALL"
" SELECT w.profile_id, w.place, w.column_name, w.nothing, nullif(w.value COLLATE \"C\", '')"
" FROM present w LEFT JOIN vendor_cells v"
"  ON v.is_twin AND v.profile_id = w.profile_id AND v.cell = w.cell COLLATE \"C\""
" WHERE v.cell IS NULL"
"), email_links AS MATERIALIZED ("
" SELECT r.profile_id, h.profile_id AS holder_id, h.state = 'deleted' AS is_blocked"
" FROM subjects r JOIN subjects h ON lower(h.vendor_email COLLATE \"C\") = lower(r.email COLLATE \"C\")"
" WHERE $8 AND r.state = 'known' AND h.profile_id <> r.profile_id"
"), id_links AS MATERIALIZED ("
" SELECT r.profile_id, h.profile_id AS holder_id, h.state = 'deleted' AS is_blocked"
" FROM subjects r JOIN subjects h ON h.vendor_id = r.id"
" WHERE $8 AND $4 AND r.state = 'known' AND h.profile_id <> r.profile_id"
"), holders AS MATERIALIZED ("
" SELECT holder_id FROM email_links UNION SELECT holder_id FROM id_links"
") "
"SELECT r.* FROM ("
/* change_ids have few gaps; to aggregate them one by one would hold each in memory */
"SELECT NULL::bigint AS profile_id, -4 AS place, NULL::integer AS number, NULL AS column_name, NULL, NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL::boolean, NULL::bigint, NULL::boolean, NULL::bigint, NULL::boolean,"
" NULL::boolean, NULL::text[], NULL::integer[], NULL::integer[], NULL::text[], NULL::jsonb,"
" (SELECT range_agg(int8range(i.first, i.last, '[]'))"
"  FROM (SELECT min(n.change_id) AS first, max(n.change_id) AS last"
"   FROM (SELECT change_id, change_id - row_number() OVER (ORDER BY change_id) AS island"
"    FROM @account.changes) n GROUP BY n.island) i),"
" (SELECT sum(invited + activated)::bigint FROM @account.seat_counters)"
" WHERE $8 "
"UNION ALL "
"SELECT NULL, -3, license_id, header::text, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM @account.licenses WHERE EXISTS (SELECT FROM subjects WHERE state = 'added') "
"UNION ALL "
"SELECT NULL, -2, group_id, $1 || name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM @account.groups WHERE EXISTS (SELECT FROM subjects WHERE state = 'added') "
"UNION ALL "
"SELECT s.profile_id, -1, NULL, NULL, NULL, NULL, s.state, s.vendor_email, s.email, s.vendor_id, s.id,"
" s.reupload_user_profile, e.holder_id, e.is_blocked, i.holder_id, i.is_blocked, h.holder_id IS NOT NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM subjects s LEFT JOIN email_links e ON e.profile_id = s.profile_id"
" LEFT JOIN id_links i ON i.profile_id = s.profile_id LEFT JOIN holders h ON h.holder_id = s.profile_id "
"WHERE s.state <> 'added' "
"UNION ALL "
"SELECT s.profile_id, -1, NULL, NULL, NULL, NULL, s.state, NULL, s.email, NULL, s.id,"
" s.reupload_user_profile, NULL, NULL, NULL, NULL, NULL,"
" ARRAY[p.preferred_first_name, p.preferred_last_name, p.work_title],"
" ARRAY(SELECT t.license_id FROM @account.seats t"
"  WHERE t.profile_id = s.profile_id AND t.status IN ('invited', 'activated')),"
" ARRAY(SELECT m.group_id FROM @account.memberships m WHERE m.profile_id = s.profile_id),"
" CASE WHEN $5 THEN ARRAY(SELECT unnest(ARRAY[a.permission, a.scope::text])"
"  FROM @account.permissions a WHERE a.profile_id = s.profile_id) END,"
" CASE WHEN $6 AND p.attributes <> '{}' THEN p.attributes END,"
" NULL, NULL "
"FROM subjects s JOIN @account.profiles p ON p.profile_id = s.profile_id "
"WHERE s.state = 'added' "
"UNION ALL "
"SELECT c.profile_id, c.place, NULL, c.column_name, c.old_value, c.new_value,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM compared c "
"WHERE c.old_value COLLATE \"C\" IS DISTINCT FROM c.new_value"
" AND NOT (c.place = 0 AND lower(c.old_value COLLATE \"C\") = lower(c.new_value COLLATE \"C\"))"
" AND CASE c.place WHEN 1 THEN $4 WHEN 7 THEN $5 WHEN 8 THEN $6 ELSE true END"
") r ORDER BY r.profile_id NULLS FIRST, r.place";

#define ARGUMENT_COUNT	8

/* The columns of the query. */
enum
{
	DIFF_ROW_PROFILE_ID, DIFF_ROW_PLACE,
	DIFF_ROW_NUMBER, DIFF_ROW_COLUMN_NAME, DIFF_ROW_OLD_VALUE, DIFF_ROW_NEW_VALUE,
	DIFF_ROW_STATE, DIFF_ROW_VENDOR_EMAIL, DIFF_ROW_EMAIL, DIFF_ROW_VENDOR_ID, DIFF_ROW_ID,
	DIFF_ROW_REUPLOAD, DIFF_ROW_EMAIL_HOLDER, DIFF_ROW_EMAIL_BLOCKED, DIFF_ROW_ID_HOLDER,
	DIFF_ROW_ID_BLOCKED, DIFF_ROW_IS_HOLDER,
	DIFF_ROW_TEXTS, DIFF_ROW_LICENSES, DIFF_ROW_GROUPS, DIFF_ROW_PERMISSIONS, DIFF_ROW_ATTRIBUTES,
	DIFF_ROW_CHANGES_READ, DIFF_ROW_SEATS_TAKEN,
	DIFF_ROW_COLUMN_COUNT
};

/* Rows that are no cells. */
#define PLACE_ACCOUNT	(-4)
#define PLACE_LICENSE	(-3)
#define PLACE_GROUP		(-2)
#define PLACE_PERSON	(-1)

/* The columns of DIFF_ROW_TEXTS. */
static const struct
{
	DiffPlace	place;
	const char *column_name;
}			added_texts[] = {
	{DIFF_PREFERRED_FIRST_NAME, "preferred_first_name"},
	{DIFF_PREFERRED_LAST_NAME, "preferred_last_name"},
	{DIFF_WORK_TITLE, "work_title"}
};

/* The tables that the query reads besides settings. */
static const char *const tables_read[] = {
	"changes", "profiles", "licenses", "seats", "seat_counters", "groups", "memberships", "permissions"
};

/* A group's or license's column. */
typedef struct ColumnKey
{
	int			place;			/* PLACE_LICENSE or PLACE_GROUP */
	int			id;
} ColumnKey;

typedef struct ColumnEntry
{
	ColumnKey	key;
	char	   *column_name;
} ColumnEntry;

struct DiffReader
{
	const Account *account;
	DiffNotation notation;
	MemoryContext context;
	MemoryContext person_context;
	Portal		portal;
	SPITupleTable *rows;		/* fetched, NULL: none */
	uint64		row_count;
	uint64		next_row;
	HTAB	   *columns;
	Datum		changes_read;
	int64		seats_taken;
	DiffPerson	person;

	/* the next row, taken apart */
	bool		has_row;
	Datum		values[DIFF_ROW_COLUMN_COUNT];
	bool		nulls[DIFF_ROW_COLUMN_COUNT];
};

/* The executor would say the same, but with the whole query as context. */
static void
check_may_read(const Account *account)
{
	for (size_t i = 0; i < lengthof(tables_read); i++)
	{
		Oid			relation = get_relname_relid(tables_read[i], account->namespace_oid);

		if (pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
			pg_attribute_aclcheck_all(relation, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, tables_read[i]);
	}
}

static void
set_parameter(ParamListInfo parameters, int number, Oid type, Datum value)
{
	parameters->params[number - 1].value = value;
	parameters->params[number - 1].isnull = false;
	parameters->params[number - 1].pflags = PARAM_FLAG_CONST;
	parameters->params[number - 1].ptype = type;
}

/* The headers of all permissions, as a text[]. */
static Datum
permission_names(void)
{
	Datum		names[PERMISSION_COUNT];

	for (int i = 0; i < PERMISSION_COUNT; i++)
		names[i] = CStringGetTextDatum(permission_name(i));
	return PointerGetDatum(construct_array(names, PERMISSION_COUNT, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * Opens a cursor for the query.  With read_only it sees what the calling query
 * sees, else what is committed now.
 */
static Portal
open_cursor(const DiffReader *reader, bool for_export)
{
	ParamListInfo parameters = makeParamList(ARGUMENT_COUNT);
	SPIParseOpenOptions options = {.params = parameters, .read_only = !for_export};
	const product *product = reader->account->product;
	int			nest_level;
	Portal		portal;

	set_parameter(parameters, 1, TEXTOID, CStringGetTextDatum(reader->notation.group_header_prefix));
	set_parameter(parameters, 2, TEXTOID, CStringGetTextDatum(reader->notation.group_yes));
	set_parameter(parameters, 3, TEXTOID, CStringGetTextDatum(reader->notation.group_no));
	set_parameter(parameters, 4, BOOLOID, BoolGetDatum(product->has_unique_user_id));
	set_parameter(parameters, 5, BOOLOID, BoolGetDatum(product->has_permissions));
	set_parameter(parameters, 6, BOOLOID, BoolGetDatum(product->has_attributes));
	set_parameter(parameters, 7, TEXTARRAYOID, permission_names());
	set_parameter(parameters, 8, BOOLOID, BoolGetDatum(for_export));

	/*
	 * The query has so many expressions that compiling them takes 3 s, and the
	 * planner cannot tell when that is worth while.
	 */
	nest_level = sql_pin_search_path();
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	portal = SPI_cursor_parse_open(NULL, sql_expand(reader->account, diff_query), &options);
	sql_unpin_search_path(nest_level);
	if (portal == NULL)
		elog(ERROR, "could not open a cursor: %s", SPI_result_code_string(SPI_result));
	return portal;
}

/* Takes the next row apart into values and nulls. */
static void
advance(DiffReader *reader)
{
	if (reader->next_row == reader->row_count)
	{
		if (reader->rows != NULL)
			SPI_freetuptable(reader->rows);
		SPI_cursor_fetch(reader->portal, true, FETCH_SIZE);
		reader->rows = SPI_tuptable;
		reader->row_count = SPI_processed;
		reader->next_row = 0;
	}
	reader->has_row = reader->next_row < reader->row_count;
	if (reader->has_row)
		heap_deform_tuple(reader->rows->vals[reader->next_row++], reader->rows->tupdesc,
						  reader->values, reader->nulls);
}

static int
row_place(const DiffReader *reader)
{
	return DatumGetInt32(reader->values[DIFF_ROW_PLACE]);
}

/* A text of the row, palloc'd, or NULL. */
static char *
row_text(const DiffReader *reader, int column)
{
	return reader->nulls[column] ? NULL : TextDatumGetCString(reader->values[column]);
}

static bool
row_boolean(const DiffReader *reader, int column)
{
	return !reader->nulls[column] && DatumGetBool(reader->values[column]);
}

static int64
row_int64(const DiffReader *reader, int column)
{
	return reader->nulls[column] ? 0 : DatumGetInt64(reader->values[column]);
}

/* Takes the rows that come before the first person. */
static void
read_account_rows(DiffReader *reader)
{
	HASHCTL		control = {
		.keysize = sizeof(ColumnKey),
		.entrysize = sizeof(ColumnEntry),
		.hcxt = reader->context
	};
	MemoryContext old_context = MemoryContextSwitchTo(reader->context);

	reader->columns = hash_create("orgsync diff columns", 64, &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (; reader->has_row && row_place(reader) < PLACE_PERSON; advance(reader))
	{
		ColumnKey	key = {.place = row_place(reader)};

		if (key.place == PLACE_ACCOUNT)
		{
			if (!reader->nulls[DIFF_ROW_CHANGES_READ])
				reader->changes_read =
					PointerGetDatum(PG_DETOAST_DATUM_COPY(reader->values[DIFF_ROW_CHANGES_READ]));
			reader->seats_taken = row_int64(reader, DIFF_ROW_SEATS_TAKEN);
			continue;
		}
		key.id = DatumGetInt32(reader->values[DIFF_ROW_NUMBER]);
		((ColumnEntry *) hash_search(reader->columns, &key, HASH_ENTER, NULL))->column_name =
			row_text(reader, DIFF_ROW_COLUMN_NAME);
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * Begins to read the diff of an account.  for_export: with what only exports
 * need, and of what is committed now; else of what the calling query sees.  All
 * memory is in the current context.  Needs an SPI connection.  An error if the
 * caller may not read the account's tables.
 */
DiffReader *
diff_open(const Account *account, const DiffNotation *notation, bool for_export)
{
	DiffReader *reader = palloc0(sizeof(DiffReader));

	check_may_read(account);
	reader->account = account;
	reader->notation = *notation;
	reader->context = CurrentMemoryContext;
	reader->person_context = AllocSetContextCreate(reader->context, "orgsync diff person",
												   ALLOCSET_DEFAULT_SIZES);
	reader->portal = open_cursor(reader, for_export);
	advance(reader);
	read_account_rows(reader);
	return reader;
}

/* The name of what is done to the cell; static. */
static const char *
cell_action(const DiffReader *reader, const DiffCell *cell)
{
	if (reader->person.state == DIFF_ADDED)
		return "add";
	switch (cell->place)
	{
		case DIFF_PRIMARY_EMAIL_ADDRESS:
			return "rename";
		case DIFF_UNIQUE_USER_ID:
			return cell->old_value != NULL && cell->new_value != NULL ? "rename" : "update";
		case DIFF_LICENSE:
			return strcmp(cell->new_value, "active") == 0 ? "grant" : "revoke";
		case DIFF_GROUP:
			return strcmp(cell->new_value, reader->notation.group_yes) == 0 ? "join" : "leave";
		case DIFF_PERMISSION:
			return strcmp(cell->new_value, "no") == 0 ? "forbid" : "permit";
		default:
			return "update";
	}
}

static void
add_cell(DiffReader *reader, DiffPlace place, const char *column_name, const char *old_value,
		 const char *new_value)
{
	DiffPerson *person = &reader->person;
	DiffCell   *cell;

	if (person->cell_count == person->cell_capacity)
	{
		person->cell_capacity = Max(person->cell_capacity * 2, 16);
		person->cells = person->cells == NULL ?
			palloc(person->cell_capacity * sizeof(DiffCell)) :
			repalloc(person->cells, person->cell_capacity * sizeof(DiffCell));
	}
	cell = &person->cells[person->cell_count++];
	cell->place = place;
	cell->column_name = column_name;
	cell->old_value = old_value;
	cell->new_value = new_value;
	cell->action = cell_action(reader, cell);
}

/* Of an added person, only cells with a value are cells. */
static void
add_value(DiffReader *reader, DiffPlace place, const char *column_name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		add_cell(reader, place, column_name, NULL, value);
}

/* Adds a cell for each license or group in an array of ids. */
static void
add_ids(DiffReader *reader, int column, int key_place, DiffPlace place, const char *value)
{
	ArrayType  *ids = DatumGetArrayTypeP(reader->values[column]);
	int			count = ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids));

	for (int i = 0; i < count; i++)
	{
		ColumnKey	key = {key_place, ((int32 *) ARR_DATA_PTR(ids))[i]};
		ColumnEntry *entry = hash_search(reader->columns, &key, HASH_FIND, NULL);

		if (entry == NULL)
			elog(ERROR, "account \"%s\" has no license or group %d", reader->account->name, key.id);
		add_cell(reader, place, entry->column_name, NULL, value);
	}
}

/* The elements of a text[] as strings, palloc'd; NULL for null. */
static char **
row_texts(const DiffReader *reader, int column, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **texts;

	*count = 0;
	if (reader->nulls[column])
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(reader->values[column]), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, count);
	texts = palloc(Max(*count, 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
		texts[i] = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
	return texts;
}

/* Adds a cell for each attribute; a value is what the operator ->> makes of it. */
static void
add_attributes(DiffReader *reader, Jsonb *attributes)
{
	JsonbIterator *iterator = JsonbIteratorInit(&attributes->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		char	   *text = NULL;

		if (token != WJB_KEY)
			continue;
		name = psprintf("attribute_%.*s", value.val.string.len, value.val.string.val);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvString)
			text = pnstrdup(value.val.string.val, value.val.string.len);
		else if (value.type != jbvNull)
		{
			Jsonb	   *json = JsonbValueToJsonb(&value);

			text = JsonbToCString(NULL, &json->root, VARSIZE(json));
		}
		add_value(reader, DIFF_ATTRIBUTE, name, text);
	}
}

/* Takes the cells of an added person out of the person's row. */
static void
add_cells_of_added(DiffReader *reader)
{
	DiffPerson *person = &reader->person;
	char	  **texts;
	int			count;

	add_value(reader, DIFF_PRIMARY_EMAIL_ADDRESS, "primary_email_address", person->email);
	if (reader->account->product->has_unique_user_id)
		add_value(reader, DIFF_UNIQUE_USER_ID, "unique_user_id", person->id);
	texts = row_texts(reader, DIFF_ROW_TEXTS, &count);
	for (size_t i = 0; i < lengthof(added_texts); i++)
		add_value(reader, added_texts[i].place, added_texts[i].column_name, texts[i]);
	add_ids(reader, DIFF_ROW_LICENSES, PLACE_LICENSE, DIFF_LICENSE, "active");
	add_ids(reader, DIFF_ROW_GROUPS, PLACE_GROUP, DIFF_GROUP, reader->notation.group_yes);

	texts = row_texts(reader, DIFF_ROW_PERMISSIONS, &count);
	for (int i = 0; i < count; i += 2)
	{
		if (strcmp(texts[i + 1], "no") != 0)
			add_value(reader, DIFF_PERMISSION, texts[i], texts[i + 1]);
	}
	if (!reader->nulls[DIFF_ROW_ATTRIBUTES])
		add_attributes(reader, DatumGetJsonbP(reader->values[DIFF_ROW_ATTRIBUTES]));
}

static DiffState
row_state(const DiffReader *reader)
{
	char	   *state = row_text(reader, DIFF_ROW_STATE);

	return strcmp(state, "added") == 0 ? DIFF_ADDED :
		strcmp(state, "deleted") == 0 ? DIFF_DELETED : DIFF_KNOWN;
}

static void
begin_person(DiffReader *reader)
{
	DiffPerson *person = &reader->person;

	memset(person, 0, sizeof(DiffPerson));
	person->profile_id = DatumGetInt64(reader->values[DIFF_ROW_PROFILE_ID]);
	person->state = row_state(reader);
	person->vendor_email = row_text(reader, DIFF_ROW_VENDOR_EMAIL);
	person->email = row_text(reader, DIFF_ROW_EMAIL);
	person->vendor_id = row_text(reader, DIFF_ROW_VENDOR_ID);
	person->id = row_text(reader, DIFF_ROW_ID);
	person->reupload = row_boolean(reader, DIFF_ROW_REUPLOAD);
	person->email_holder = row_int64(reader, DIFF_ROW_EMAIL_HOLDER);
	person->email_blocked = row_boolean(reader, DIFF_ROW_EMAIL_BLOCKED);
	person->id_holder = row_int64(reader, DIFF_ROW_ID_HOLDER);
	person->id_blocked = row_boolean(reader, DIFF_ROW_ID_BLOCKED);
	person->is_holder = row_boolean(reader, DIFF_ROW_IS_HOLDER);
	if (person->state == DIFF_ADDED)
		add_cells_of_added(reader);
}

static int
compare_cells(const void *a, const void *b)
{
	const DiffCell *left = a;
	const DiffCell *right = b;

	if (left->place != right->place)
		return left->place < right->place ? -1 : 1;
	return strcmp(left->column_name, right->column_name);
}

/*
 * The next person, in the order of profile_id, or NULL.  May have no cells.
 * Lasts until the next call.
 */
const DiffPerson *
diff_next(DiffReader *reader)
{
	MemoryContext old_context;

	CHECK_FOR_INTERRUPTS();
	if (!reader->has_row)
		return NULL;
	MemoryContextReset(reader->person_context);
	old_context = MemoryContextSwitchTo(reader->person_context);
	begin_person(reader);

	/* the rows are fetched into SPI's context, not into the person's */
	for (;;)
	{
		MemoryContextSwitchTo(old_context);
		advance(reader);
		MemoryContextSwitchTo(reader->person_context);
		if (!reader->has_row || row_place(reader) == PLACE_PERSON)
			break;
		add_cell(reader, (DiffPlace) row_place(reader), row_text(reader, DIFF_ROW_COLUMN_NAME),
				 row_text(reader, DIFF_ROW_OLD_VALUE), row_text(reader, DIFF_ROW_NEW_VALUE));
	}
	if (reader->person.cell_count > 1)
		qsort(reader->person.cells, reader->person.cell_count, sizeof(DiffCell), compare_cells);
	MemoryContextSwitchTo(old_context);
	return &reader->person;
}

/* For exports: the changes that the diff comes from, an int8multirange; 0 if there are none. */
Datum
diff_changes_read(const DiffReader *reader)
{
	return reader->changes_read;
}

/* For exports: the seats that are taken in the account. */
int64
diff_seats_taken(const DiffReader *reader)
{
	return reader->seats_taken;
}

/* Ends the reading; what was palloc'd goes with its context. */
void
diff_close(DiffReader *reader)
{
	if (reader->rows != NULL)
		SPI_freetuptable(reader->rows);
	SPI_cursor_close(reader->portal);
	MemoryContextDelete(reader->person_context);
	hash_destroy(reader->columns);
}
