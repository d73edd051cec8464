/*
 * export_full.c
 *		A full export: everybody, as if the vendor had nothing, in one pass.
 *
 * Four cursors run side by side in the order of profiles, over profiles, seats,
 * memberships and permissions, and meet as in a merge join:
 *
 *		profiles	 ──┬── row ── waiting file of its column set ── ready file
 *		seats		 ──┤
 *		memberships	 ──┤
 *		permissions	 ──┘
 *
 * Their rows are taken from the executor as they come (a DestReceiver), without
 * being copied to tuples in between.  What becomes of a row is in
 * export_full_file.c.
 *
 * Measured, a million people of 16 columns, as a dry run: 1.3 times COPY of a flat
 * table.  Products whose files have no license columns go by the way of
 * export_plan.c.
 *
 * Memory: the context of the ExportFull.
 */
#include "export_full.h"

#include "attribute.h"
#include "core/header.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* So many rows are taken from a cursor at a time. */
#define PROFILE_ROWS	500
#define LINK_ROWS		4000

/* The columns of profiles_query. */
enum
{
	PROFILE_ID, PROFILE_FIRST_NAME, PROFILE_LAST_NAME, PROFILE_EMAIL, PROFILE_USER_ID, PROFILE_TITLE,
	PROFILE_ATTRIBUTES_COLUMN, PROFILE_REUPLOAD
};

static const char profiles_query[] =
"SELECT profile_id, coalesce(preferred_first_name, NULL::text), coalesce(preferred_last_name, NULL::text),"
" coalesce(primary_email_address, NULL::email_address), coalesce(unique_user_id, NULL::text),"
" coalesce(work_title, NULL::text),"
" coalesce(attributes, '{}'::jsonb), reupload_user_profile FROM @account.profiles ORDER BY profile_id";
static const char seats_query[] =
"SELECT profile_id, license_id FROM @account.seats WHERE status IN ('invited', 'activated')"
" ORDER BY profile_id";
static const char memberships_query[] =
"SELECT profile_id, group_id FROM @account.memberships ORDER BY profile_id, group_id";
static const char permissions_query[] =
"SELECT profile_id, coalesce(permission, ''::text), scope::text FROM @account.permissions WHERE scope <> 'no'"
" ORDER BY profile_id, permission";

/* A cursor over seats, memberships or permissions, with the rows fetched. */
struct LinkStream
{
	DestReceiver receiver;		/* first: the executor's callbacks get it */
	Portal		portal;
	MemoryContext context;		/* of scopes */
	bool		has_scopes;
	HTAB	   *columns;		/* id to column; NULL of permissions */
	int			count;
	int			next;
	bool		at_end;
	int64		profile_ids[LINK_ROWS];
	int			column_numbers[LINK_ROWS];
	char	   *scopes[LINK_ROWS];
};

typedef struct ColumnNumber
{
	int			id;				/* hash key */
	int			column;
} ColumnNumber;

/* ---- cursors ---- */

static void
receiver_startup(DestReceiver *self, int operation, TupleDesc descriptor)
{
	(void) self;
	(void) operation;
	(void) descriptor;
}

static void
receiver_nothing(DestReceiver *self)
{
	(void) self;
}

static void
receiver_init(DestReceiver *receiver, bool (*receive) (TupleTableSlot *slot, DestReceiver *self))
{
	receiver->receiveSlot = receive;
	receiver->rStartup = receiver_startup;
	receiver->rShutdown = receiver_nothing;
	receiver->rDestroy = receiver_nothing;
	receiver->mydest = DestNone;
}

static bool
receive_link(TupleTableSlot *slot, DestReceiver *self)
{
	LinkStream *stream = (LinkStream *) self;
	int			i = stream->count++;

	slot_getallattrs(slot);
	stream->profile_ids[i] = DatumGetInt64(slot->tts_values[0]);
	if (stream->has_scopes)
	{
		MemoryContext old_context = MemoryContextSwitchTo(stream->context);
		char	   *permission = TextDatumGetCString(slot->tts_values[1]);

		stream->column_numbers[i] = 0;
		while (strcmp(permission_name(stream->column_numbers[i]), permission) != 0)
			if (++stream->column_numbers[i] == PERMISSION_COUNT)
				elog(ERROR, "there is no permission \"%s\"", permission);
		stream->scopes[i] = TextDatumGetCString(slot->tts_values[2]);
		MemoryContextSwitchTo(old_context);
	}
	else
	{
		int			id = DatumGetInt32(slot->tts_values[1]);
		ColumnNumber *number = hash_search(stream->columns, &id, HASH_FIND, NULL);

		if (number == NULL)
			elog(ERROR, "there is no license or group %d", id);
		stream->column_numbers[i] = number->column;
	}
	return true;
}

static LinkStream *
stream_open(ExportFull *full, const char *query, HTAB *columns)
{
	LinkStream *stream = palloc0(sizeof(LinkStream));

	receiver_init(&stream->receiver, receive_link);
	stream->columns = columns;
	stream->has_scopes = columns == NULL;
	stream->context = AllocSetContextCreate(full->context, "orgsync scopes", ALLOCSET_SMALL_SIZES);
	stream->portal = sql_open_at(full->reader->account, query, 0, NULL, full->reader->snapshot);
	return stream;
}

/* Is the next row one of the profile's?  Rows of profiles before it are passed over. */
static bool
stream_has(LinkStream *stream, int64 profile_id)
{
	for (;;)
	{
		if (stream->next == stream->count)
		{
			if (stream->at_end)
				return false;
			MemoryContextReset(stream->context);
			stream->count = stream->next = 0;
			(void) PortalRunFetch(stream->portal, FETCH_FORWARD, LINK_ROWS, &stream->receiver);
			stream->at_end = stream->count < LINK_ROWS;
			continue;
		}
		if (stream->profile_ids[stream->next] >= profile_id)
			return stream->profile_ids[stream->next] == profile_id;
		stream->next++;
	}
}

/* ---- a row ---- */

/* The number of the attribute's name; near: where it was in the row before. */
static int
name_number(ExportFull *full, const char *name, int length, int near)
{
	if (near >= 0 && full->name_lengths[near] == length && memcmp(full->names[near], name, length) == 0)
		return near;
	for (int i = 0; i < full->name_count; i++)
		if (full->name_lengths[i] == length && memcmp(full->names[i], name, length) == 0)
			return i;
	if (full->name_count == full->name_capacity)
	{
		full->name_capacity = Max(full->name_capacity * 2, 16);
		full->names = full->names == NULL ?
			MemoryContextAlloc(full->context, full->name_capacity * sizeof(char *)) :
			repalloc(full->names, full->name_capacity * sizeof(char *));
		full->name_lengths = full->name_lengths == NULL ?
			MemoryContextAlloc(full->context, full->name_capacity * sizeof(int)) :
			repalloc(full->name_lengths, full->name_capacity * sizeof(int));
	}
	full->names[full->name_count] = MemoryContextAlloc(full->context, length + 1);
	memcpy(full->names[full->name_count], name, length);
	full->names[full->name_count][length] = '\0';
	full->name_lengths[full->name_count] = length;
	return full->name_count++;
}

/* Takes the attributes apart into full->values; how many have a value. */
static int
take_attributes(ExportFull *full, Jsonb *attributes)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	int			count = 0;

	if (JB_ROOT_COUNT(attributes) == 0)
		return 0;
	if ((int) JB_ROOT_COUNT(attributes) > full->value_capacity)
	{
		full->value_capacity = JB_ROOT_COUNT(attributes) * 2;
		full->values = MemoryContextAlloc(full->context, full->value_capacity * sizeof(AttributeValue));
	}
	iterator = JsonbIteratorInit(&attributes->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		AttributeValue *taken = &full->values[count];
		const char *name;
		int			length;

		if (token != WJB_KEY)
			continue;
		name = value.val.string.val;
		length = value.val.string.len;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvString)
		{
			taken->text = value.val.string.val;
			taken->length = value.val.string.len;
		}
		else if (value.type != jbvNull)
		{
			taken->text = attribute_text(&value);
			taken->length = strlen(taken->text);
		}
		else
			continue;
		if (taken->length == 0)
			continue;
		taken->name = name_number(full, name, length, full->latest != NULL &&
								  count < full->latest->attribute_count ? full->latest->names[count] : -1);
		count++;
	}
	return count;
}

static void
add_link(ExportFull *full, int *count, int column, const char *scope)
{
	int			i;

	if (*count == full->cell_capacity)
	{
		full->cell_capacity = Max(full->cell_capacity * 2, 64);
		full->cells = full->cells == NULL ?
			MemoryContextAlloc(full->context, full->cell_capacity * sizeof(LinkCell)) :
			repalloc(full->cells, full->cell_capacity * sizeof(LinkCell));
		full->cell_scopes = full->cell_scopes == NULL ?
			MemoryContextAlloc(full->context, full->cell_capacity * sizeof(char *)) :
			repalloc(full->cell_scopes, full->cell_capacity * sizeof(char *));
	}
	for (i = (*count)++; i > 0 && full->cells[i - 1].column > column; i--)
	{
		full->cells[i] = full->cells[i - 1];
		full->cell_scopes[i] = full->cell_scopes[i - 1];
	}
	full->cells[i].column = column;
	full->cells[i].length = scope != NULL ? strlen(scope) : 0;
	full->cell_scopes[i] = scope;
}

/* Takes the profile's rows from the other cursors into full->cells, sorted by column; how many. */
static int
take_links(ExportFull *full, int64 profile_id)
{
	int			count = 0;

	while (stream_has(full->seats, profile_id))
		add_link(full, &count, full->seats->column_numbers[full->seats->next++], NULL);
	while (stream_has(full->memberships, profile_id))
		add_link(full, &count, full->memberships->column_numbers[full->memberships->next++], NULL);
	while (full->permissions != NULL && stream_has(full->permissions, profile_id))
	{
		int			i = full->permissions->next++;

		add_link(full, &count, full->permission_first + full->permissions->column_numbers[i],
				 full->permissions->scopes[i]);
	}
	return count;
}

/* A row of profiles. */
static bool
receive_profile(TupleTableSlot *slot, DestReceiver *self)
{
	ExportFull *full = (ExportFull *) self;
	const product *product = full->reader->account->product;
	MemoryContext old_context = MemoryContextSwitchTo(full->row_context);
	FullRow		row = {0};

	slot_getallattrs(slot);
	row.profile_id = DatumGetInt64(slot->tts_values[PROFILE_ID]);
	for (int i = 0; i < FIXED_COUNT; i++)
	{
		struct varlena *text;

		if (slot->tts_isnull[PROFILE_FIRST_NAME + i])
			continue;
		text = PG_DETOAST_DATUM_PACKED(slot->tts_values[PROFILE_FIRST_NAME + i]);
		row.texts[i] = VARDATA_ANY(text);
		row.lengths[i] = VARSIZE_ANY_EXHDR(text);
		if (row.lengths[i] > 0 && (PROFILE_FIRST_NAME + i != PROFILE_USER_ID || product->has_unique_user_id))
			row.fixed |= 1 << i;
	}
	if (product->has_attributes)
		row.attribute_count = take_attributes(full, DatumGetJsonbP(slot->tts_values[PROFILE_ATTRIBUTES_COLUMN]));
	row.link_count = take_links(full, row.profile_id);
	row.reupload = !slot->tts_isnull[PROFILE_REUPLOAD] && DatumGetBool(slot->tts_values[PROFILE_REUPLOAD]);
	export_full_put(full, &row);
	MemoryContextSwitchTo(old_context);
	return true;
}

/* ---- the whole ---- */

/* The next file; false if there is none.  What it points to is gone when the next one is asked for. */
bool
export_full_next_file(ExportFull *full, ExportFile *file)
{
	while (full->ready == NIL && !full->at_end)
	{
		uint64		taken;

		CHECK_FOR_INTERRUPTS();
		taken = PortalRunFetch(full->portal, FETCH_FORWARD, PROFILE_ROWS, &full->receiver);
		full->at_end = taken < PROFILE_ROWS;
		MemoryContextReset(full->row_context);
	}
	if (full->ready == NIL)
		export_full_finish_waiting(full);
	if (full->ready == NIL)
		return false;
	export_full_take_file(full, file);
	return true;
}

static int
compare_columns(const void *a, const void *b)
{
	return strcmp((*(DiffColumn *const *) a)->header, (*(DiffColumn *const *) b)->header);
}

/* Gives the licenses or groups their columns, in the order of their headers. */
static HTAB *
number_columns(ExportFull *full, const DiffColumns *columns)
{
	HASHCTL		control = {.keysize = sizeof(int),.entrysize = sizeof(ColumnNumber),.hcxt = CurrentMemoryContext};
	DiffColumn **all;
	int			count = diff_all_columns(columns, &all);
	HTAB	   *numbers = hash_create("orgsync column numbers", Max(count, 16), &control,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	qsort(all, count, sizeof(DiffColumn *), compare_columns);
	full->links = full->links == NULL ? palloc(sizeof(char *) * Max(count, 1)) :
		repalloc(full->links, sizeof(char *) * (full->link_count + count + PERMISSION_COUNT));
	for (int i = 0; i < count; i++)
	{
		ColumnNumber *number = hash_search(numbers, &all[i]->id, HASH_ENTER, NULL);

		number->column = full->link_count;
		full->links[full->link_count++] = all[i]->header;
	}
	return numbers;
}

/*
 * Begins a full export of what the reader sees, of a product whose files have
 * license columns; palloc'd in the current context.  reader must be one of
 * DIFF_TO_EXPORT_ALL, and last as long.
 */
ExportFull *
export_full_open(DiffReader *reader, const DiffNotation *notation, int max_rows, bool spreadsheet_safe)
{
	ExportFull *full = palloc0(sizeof(ExportFull));
	HTAB	   *licenses;
	HTAB	   *groups;

	receiver_init(&full->receiver, receive_profile);
	full->context = CurrentMemoryContext;
	full->row_context = AllocSetContextCreate(full->context, "orgsync full export row", ALLOCSET_DEFAULT_SIZES);
	full->file_context = AllocSetContextCreate(full->context, "orgsync full export file", ALLOCSET_DEFAULT_SIZES);
	full->reader = reader;
	full->notation = *notation;
	full->max_rows = max_rows;
	initStringInfo(&full->csv);
	full->spreadsheet_safe = spreadsheet_safe;
	licenses = number_columns(full, &reader->licenses);
	full->group_first = full->link_count;
	groups = number_columns(full, &reader->groups);
	full->permission_first = full->link_count;
	for (int i = 0; i < PERMISSION_COUNT; i++)
		full->links[full->link_count++] = permission_name(i);
	full->seats = stream_open(full, seats_query, licenses);
	full->memberships = stream_open(full, memberships_query, groups);
	if (reader->account->product->has_permissions)
		full->permissions = stream_open(full, permissions_query, NULL);
	full->portal = sql_open_at(reader->account, profiles_query, 0, NULL, reader->snapshot);
	return full;
}

/* Ends it; memory goes with its context. */
void
export_full_close(ExportFull *full)
{
	SPI_cursor_close(full->portal);
	SPI_cursor_close(full->seats->portal);
	SPI_cursor_close(full->memberships->portal);
	if (full->permissions != NULL)
		SPI_cursor_close(full->permissions->portal);
}
