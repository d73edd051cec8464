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
 * with the person, as arrays; and the statement works through people in the
 * order of profile_id, so that its lookups meet neighbouring rows one after the
 * other.  Measured, an export of a million added people with ten cells each: 65 s
 * with their cells as rows, 42 s with arrays, 19 s with arrays and in order.
 *
 * Memory: names live as long as the reader, a person until the next one.
 */
#include "diff.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "core/header.h"
#include "diff_query.h"
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
	"changes", "profiles", "licenses", "seats", "seat_counters", "groups", "memberships",
	"permissions"
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
		Oid			user = GetUserId();

		if (pg_class_aclcheck(relation, user, ACL_SELECT) != ACLCHECK_OK &&
			pg_attribute_aclcheck_all(relation, user, ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
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
	return PointerGetDatum(construct_array(names, PERMISSION_COUNT, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/*
 * Opens a cursor for the query.  With read_only it sees what the calling query
 * sees, else what is committed now.
 */
static Portal
open_cursor(const DiffReader *reader, bool for_export)
{
	ParamListInfo parameters = makeParamList(DIFF_ARGUMENT_COUNT);
	SPIParseOpenOptions options = {.params = parameters, .read_only = !for_export};
	const product *product = reader->account->product;
	const DiffNotation *notation = &reader->notation;
	int			nest_level;
	Portal		portal;

	set_parameter(parameters, 1, TEXTOID, CStringGetTextDatum(notation->group_header_prefix));
	set_parameter(parameters, 2, TEXTOID, CStringGetTextDatum(notation->group_yes));
	set_parameter(parameters, 3, TEXTOID, CStringGetTextDatum(notation->group_no));
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
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
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
