/*
 * diff_subject.c
 *		The changes of many people, with their profiles as they are now.
 *
 * "changes" is read once, in the order of profiles.  What else is needed of the
 * changed profiles is fetched for many of them at a time, by primary keys in
 * their order, so that neighbouring rows are met one after the other, and only
 * what their changes name: whoever got another title has seats and groups that
 * nobody asks for.
 *
 * Memory: a batch of people at a time, in batch_context.
 */
#include "diff_subject.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "core/header.h"
#include "fold.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/memutils.h"

/* A batch ends with the person that brings it to so many people, or rows. */
#define BATCH_SUBJECTS	1000
#define BATCH_ROWS		20000

/* So many rows of "changes" are fetched at a time. */
#define FETCH_SIZE		1000

static const char changes_query[] =
"SELECT c.profile_id, c.change_id, c.column_name, coalesce(c.vendor_value, NULL::text), c.profile_id AS subject_id "
"FROM @account.changes AS c ORDER BY c.profile_id, c.change_id";

/* of a full export: everybody is new */
static const char everybody_query[] =
"SELECT p.profile_id, 0::bigint AS change_id, NULL::text AS column_name, NULL::text AS vendor_value,"
" p.profile_id AS subject_id "
"FROM @account.profiles AS p ORDER BY p.profile_id";

/* $1, $2: of those who were deleted and made again, the changes belong to who they are now */
static const char twin_changes_query[] =
"SELECT c.profile_id, c.change_id, c.column_name, coalesce(c.vendor_value, NULL::text),"
" coalesce(t.profile_id, c.profile_id) AS subject_id "
"FROM @account.changes AS c LEFT JOIN unnest($1, $2) AS t (deleted_id, profile_id)"
" ON t.deleted_id = c.profile_id "
"ORDER BY subject_id, c.change_id";

/* ---- cells by their names ---- */

/* Where the column of "changes" stands in a diff. */
DiffPlace
diff_place_of(const char *column_name)
{
	if (strncmp(column_name, "group:", 6) == 0)
		return DIFF_GROUP;
	if (strncmp(column_name, "attribute_", 10) == 0)
		return DIFF_ATTRIBUTE;
	for (int i = 0; i < DIFF_PROFILE_COLUMN_COUNT; i++)
		if (strcmp(column_name, diff_profile_columns[i]) == 0)
			return (DiffPlace) i;
	for (int i = 0; i < PERMISSION_COUNT; i++)
		if (strcmp(column_name, permission_name(i)) == 0)
			return DIFF_PERMISSION;
	return DIFF_LICENSE;
}

/* The string with its ASCII letters in lower case; palloc'd. */
char *
diff_lower(const char *string)
{
	return asc_tolower(string, strlen(string));
}

/* The same text for the same cell, whatever its spelling; palloc'd or column_name itself. */
char *
diff_key_of(DiffPlace place, const char *column_name)
{
	switch (place)
	{
		case DIFF_GROUP:
			return fold_text(column_name + 6, strlen(column_name + 6));
		case DIFF_LICENSE:
			return diff_lower(column_name);
		default:
			return unconstify(char *, column_name);
	}
}

/* ---- changes ---- */

/* Begins to read the changes; the keys must have been read. */
void
diff_subjects_open(DiffReader *reader)
{
	SqlArgument twins[2];

	if (reader->keys.twin_count > 0)
	{
		diff_keys_twins(reader, twins);
		reader->portal = sql_open_at(reader->account, twin_changes_query, 2, twins, reader->snapshot);
	}
	else
		reader->portal = sql_open_at(reader->account, reader->is_full ? everybody_query : changes_query,
									 0, NULL, reader->snapshot);
	reader->subjects = MemoryContextAlloc(reader->context, BATCH_SUBJECTS * sizeof(DiffSubject));
}

/* Is there a next row?  Fetches rows if need be, in whatever is the current context. */
static bool
has_row(DiffReader *reader)
{
	if (reader->next_row < reader->row_count)
		return true;
	if (reader->rows != NULL)
		SPI_freetuptable(reader->rows);
	SPI_cursor_fetch(reader->portal, true, FETCH_SIZE);
	reader->rows = SPI_tuptable;
	reader->row_count = SPI_processed;
	reader->next_row = 0;
	return reader->row_count > 0;
}

static char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

static void
add_row(DiffSubject *subject, const Datum *values, const bool *nulls)
{
	ChangeRow  *row;

	if (subject->row_count == subject->row_capacity)
	{
		subject->row_capacity = Max(subject->row_capacity * 2, 4);
		subject->rows = subject->rows == NULL ?
			palloc(subject->row_capacity * sizeof(ChangeRow)) :
			repalloc_huge(subject->rows, subject->row_capacity * sizeof(ChangeRow));
	}
	row = &subject->rows[subject->row_count++];
	row->profile_id = DatumGetInt64(values[0]);
	row->change_id = DatumGetInt64(values[1]);
	row->column_name = text_or_null(values[2], nulls[2]);
	row->value = text_or_null(values[3], nulls[3]);
	row->place = row->column_name ? diff_place_of(row->column_name) : DIFF_PRIMARY_EMAIL_ADDRESS;
	row->key = row->column_name ? diff_key_of(row->place, row->column_name) : NULL;
	if (row->profile_id != subject->profile_id)
		subject->source_id = row->profile_id;
}

/* Reads the changes of the next people. */
static void
read_changes(DiffReader *reader)
{
	int			total = 0;
	Datum		values[5];
	bool		nulls[5];

	reader->subject_count = 0;
	while (has_row(reader))
	{
		MemoryContext old_context;
		DiffSubject *subject = reader->subject_count == 0 ? NULL :
			&reader->subjects[reader->subject_count - 1];
		int64		subject_id;

		heap_deform_tuple(reader->rows->vals[reader->next_row], reader->rows->tupdesc, values, nulls);
		subject_id = DatumGetInt64(values[4]);
		if (subject == NULL || subject->profile_id != subject_id)
		{
			if (reader->subject_count == BATCH_SUBJECTS || total >= BATCH_ROWS)
				break;
			subject = &reader->subjects[reader->subject_count++];
			memset(subject, 0, sizeof(DiffSubject));
			subject->profile_id = subject->source_id = subject_id;
		}
		old_context = MemoryContextSwitchTo(reader->batch_context);
		add_row(subject, values, nulls);
		MemoryContextSwitchTo(old_context);
		reader->next_row++;
		total++;
	}
}

/* Has the vendor nothing of the profile whose changes count? */
static bool
is_new(const DiffSubject *subject)
{
	for (int i = 0; i < subject->row_count; i++)
	{
		const ChangeRow *row = &subject->rows[i];

		if (row->profile_id != subject->source_id)
			continue;
		if (row->key == NULL)
			return true;
		if (row->place == DIFF_PRIMARY_EMAIL_ADDRESS)
			return false;
	}
	return false;
}

/* ---- profiles as they are now ---- */

/*
 * What the table "profiles" has of some profiles, whose ids are sorted; into
 * presents, palloc'd.
 */
void
diff_fetch_profiles(const DiffReader *reader, const int64 *profile_ids, int count,
					DiffPresent **presents)
{
	MemoryContext context = CurrentMemoryContext;
	SqlArgument ids = sql_int8_array(profile_ids, count);
	uint64		found = sql_run_at(reader->account,
								   "SELECT profile_id, coalesce(primary_email_address::text, ''), coalesce(unique_user_id, NULL::text),"
								   " coalesce(preferred_first_name, NULL::text), coalesce(preferred_last_name, NULL::text),"
								   " coalesce(work_title, NULL::text), coalesce(attributes, '{}'::jsonb),"
								   " reupload_user_profile FROM @account.profiles"
								   " WHERE profile_id = ANY ($1)", 1, &ids, reader->snapshot);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[8];
		bool		nulls[8];
		const int64 *place;
		DiffPresent *present;
		MemoryContext old_context = MemoryContextSwitchTo(context);

		heap_deform_tuple(table->vals[i], table->tupdesc, values, nulls);
		place = bsearch(&values[0], profile_ids, count, sizeof(int64), compare_int64s);
		Assert(place != NULL);
		present = presents[place - profile_ids];
		present->lives = true;
		present->email = text_or_null(values[1], nulls[1]);
		present->id = text_or_null(values[2], nulls[2]);
		present->first_name = text_or_null(values[3], nulls[3]);
		present->last_name = text_or_null(values[4], nulls[4]);
		present->title = text_or_null(values[5], nulls[5]);
		present->attributes = DatumGetJsonbPCopy(values[6]);
		present->reupload = !nulls[7] && DatumGetBool(values[7]);
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(table);
}

static int
compare_subject(const void *key, const void *element)
{
	int64		wanted = *(const int64 *) key;
	int64		found = ((const DiffSubject *) element)->profile_id;

	return wanted < found ? -1 : wanted > found ? 1 : 0;
}

/* Is a cell there among the changes? */
bool
diff_has_change(const DiffSubject *subject, DiffPlace place)
{
	for (int i = 0; i < subject->row_count; i++)
		if (subject->rows[i].key != NULL && subject->rows[i].place == place)
			return true;
	return false;
}

/* Are the person's rows of the table behind these cells needed? */
static bool
needs(const DiffReader *reader, const DiffSubject *subject, DiffPlace place)
{
	if (!subject->present.lives)
		return false;
	return subject->is_new || subject->source_id != subject->profile_id ||
		diff_has_change(subject, place) ||
		(place == DIFF_GROUP && reader->for_export && diff_has_change(subject, DIFF_LICENSE));
}

static void
add_license(DiffSubject *subject, const Datum *values)
{
	subject->present.licenses = lappend_int(subject->present.licenses, DatumGetInt32(values[1]));
}

static void
add_group(DiffSubject *subject, const Datum *values)
{
	subject->present.groups = lappend_int(subject->present.groups, DatumGetInt32(values[1]));
}

static void
add_permission(DiffSubject *subject, const Datum *values)
{
	PresentScope *scope = palloc(sizeof(PresentScope));

	scope->permission = TextDatumGetCString(values[1]);
	scope->scope = TextDatumGetCString(values[2]);
	subject->present.permissions = lappend(subject->present.permissions, scope);
}

/* Fetches the rows of a table that belong to the people of the batch who need them. */
static void
fetch_links(DiffReader *reader, DiffPlace place, const char *query,
			void (*add) (DiffSubject *subject, const Datum *values))
{
	MemoryContext old_context = MemoryContextSwitchTo(reader->batch_context);
	int64		profile_ids[BATCH_SUBJECTS];
	int			count = 0;

	for (int i = 0; i < reader->subject_count; i++)
		if (needs(reader, &reader->subjects[i], place))
			profile_ids[count++] = reader->subjects[i].profile_id;
	if (count > 0)
	{
		SqlArgument ids = sql_int8_array(profile_ids, count);
		uint64		found = sql_run_at(reader->account, query, 1, &ids, reader->snapshot);

		MemoryContextSwitchTo(reader->batch_context);	/* SPI has left it */
		for (uint64 i = 0; i < found; i++)
		{
			Datum		values[3];
			bool		nulls[3];

			heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
			add(bsearch(&values[0], reader->subjects, reader->subject_count, sizeof(DiffSubject), compare_subject),
				values);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	MemoryContextSwitchTo(old_context);
}

/* ---- the whole ---- */

/* Reads the next people into reader->subjects, in the order of profile_id; false at the end. */
bool
diff_subjects_next(DiffReader *reader)
{
	int64		profile_ids[BATCH_SUBJECTS];
	DiffPresent *presents[BATCH_SUBJECTS];
	MemoryContext old_context;

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(reader->batch_context);
	read_changes(reader);
	reader->next_subject = 0;
	if (reader->subject_count == 0)
		return false;

	old_context = MemoryContextSwitchTo(reader->batch_context);
	for (int i = 0; i < reader->subject_count; i++)
	{
		reader->subjects[i].is_new = is_new(&reader->subjects[i]);
		profile_ids[i] = reader->subjects[i].profile_id;
		presents[i] = &reader->subjects[i].present;
	}
	diff_fetch_profiles(reader, profile_ids, reader->subject_count, presents);
	fetch_links(reader, DIFF_LICENSE,
				"SELECT profile_id, license_id FROM @account.seats"
				" WHERE profile_id = ANY ($1) AND status IN ('invited', 'activated')", add_license);
	fetch_links(reader, DIFF_GROUP,
				"SELECT profile_id, group_id FROM @account.memberships WHERE profile_id = ANY ($1)",
				add_group);
	if (reader->account->product->has_permissions)
		fetch_links(reader, DIFF_PERMISSION,
					"SELECT profile_id, coalesce(permission, ''::text), coalesce(scope::text, 'no') FROM @account.permissions"
					" WHERE profile_id = ANY ($1)", add_permission);
	if (reader->has_leavers)
		diff_fetch_leavers(reader);
	MemoryContextSwitchTo(old_context);
	return true;
}

/*
 * Whose changes, or whose row of "leavers", tell what the vendor has of somebody who
 * was deleted and is there again; 0: nobody's.  Reads all changes.  Needs an SPI
 * connection; memory in the current context.
 */
void
diff_find_former(const Account *account, int64 profile_id, int64 *deleted_id, int64 *leaver_id)
{
	DiffNotation notation = diff_product_notation(account->product);
	DiffReader *reader = diff_open(account, &notation, DIFF_TO_SHOW);
	const DiffSubject *subject = NULL;

	while (subject == NULL && diff_subjects_next(reader))
		subject = bsearch(&profile_id, reader->subjects, reader->subject_count, sizeof(DiffSubject), compare_subject);
	*deleted_id = subject != NULL && subject->source_id != profile_id ? subject->source_id : 0;
	*leaver_id = subject != NULL && subject->returned != NULL ? subject->returned->profile_id : 0;
	diff_close(reader);
}
