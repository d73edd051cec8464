/*
 * diff_adopt.c
 *		Who was deleted and is there again becomes one profile.
 *
 * The vendor knows somebody like that under one profile, while the account has
 * two: what the vendor has of him is told by the changes of the one that was
 * deleted, or by "leavers", and what is wanted by the other, which is new.  A diff
 * puts the two together as often as it is read.  An export settles it: from then
 * on the vendor may do part of what the files say, somebody may change or delete
 * the profile meanwhile, and who was taken for whom must not change.  So it
 * replaces the changes of both, as it read them, by changes of the new profile
 * that tell all that the vendor has.  Then he is like anybody whom the vendor
 * knows, for this confirmation and all that comes later.
 *
 * These changes must be the first ones of their cells, also if somebody changes
 * the profile at the same time, and so they have negative change_ids; none that an
 * earlier export has read, also if they are gone.
 *
 * What an earlier export has read of them is no more.  If this one is cancelled, the
 * earlier one cannot be confirmed any more: it does not tell what the vendor has.
 *
 * Who is protected and held (see diff_hold.c) stays as he is, since nothing of him is
 * exported; if nothing is to be held, the new profile is protected.  A seat that is held
 * in its days of grace is none of what the export has read, and keeps the time when it
 * was lost.
 *
 * Memory: all in the reader's context.
 */
#include "diff_subject.h"

#include "catalog/pg_type.h"
#include "change_log.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Where diff_each_attribute() of a person is. */
typedef struct AdoptionWalk
{
	DiffReader *reader;
	int64		profile_id;
	const VendorCells *vendor;
} AdoptionWalk;

static const char write_adoptions[] =
"WITH gone AS ("
" DELETE FROM @account.changes c USING unnest($2, $3) AS g (profile_id, change_id)"
" WHERE c.profile_id = g.profile_id AND c.change_id = g.change_id RETURNING c.*"
"), " CHANGES_KEPT_OF("gone") ", returned AS ("
" DELETE FROM @account.leavers WHERE profile_id = ANY ($4)"
"), read AS ("
" SELECT coalesce(range_agg(int8range(change_id, change_id, '[]')), '{}') AS changes FROM gone"
"), overtaken AS ("
" UPDATE @account.exports e SET is_overtaken = true FROM read r WHERE e.state = 'exported' AND e.changes_read && r.changes"
"), learned AS ("
" SELECT a.profile_id, f.change_id - row_number() OVER () AS change_id, a.column_name, a.value, a.lost_by"
"  FROM unnest($5, $6, $7, $8) AS a (profile_id, column_name, value, lost_by),"
"   (SELECT least((SELECT min(change_id) FROM @account.changes), (SELECT min(lower(changes_read)) FROM @account.exports), 0)"
"     AS change_id) AS f"
"), written AS ("
" INSERT INTO @account.changes (profile_id, change_id, column_name, vendor_value, former_since)"
"  OVERRIDING SYSTEM VALUE"
"  SELECT n.profile_id, n.change_id, n.column_name, n.value, coalesce(g.changed_at, g.former_since)"
"  FROM learned AS n LEFT JOIN gone AS g ON g.change_id = n.lost_by"
") SELECT coalesce($1, '{}') - (SELECT changes FROM read)"
" + coalesce((SELECT range_agg(int8range(change_id, change_id, '[]')) FROM learned WHERE lost_by = 0), '{}')";

/* $1: who was protected and deleted; $2: who is the same person now, and may be protected too */
static const char pass_protection_on[] =
"WITH former AS (DELETE FROM @account.protected_profiles WHERE profile_id = $1 RETURNING *)"
" INSERT INTO @account.protected_profiles (profile_id, primary_email_address, why, protected_by, protected_at)"
" SELECT $2, primary_email_address, why, protected_by, protected_at FROM former"
" ON CONFLICT (profile_id) DO NOTHING";

/* A larger array, or the first one, in the reader's context. */
static void *
enlarge(DiffReader *reader, void *array, int64 capacity, size_t size)
{
	return array == NULL ? MemoryContextAlloc(reader->context, capacity * size) :
		repalloc_huge(array, capacity * size);
}

static void
add_gone(DiffReader *reader, const ChangeRow *row)
{
	DiffAdoptions *adoptions = &reader->adoptions;

	if (adoptions->gone_count == adoptions->gone_capacity)
	{
		int64		capacity = adoptions->gone_capacity = Max(adoptions->gone_capacity * 2, 64);

		adoptions->gone_profiles = enlarge(reader, adoptions->gone_profiles, capacity, sizeof(int64));
		adoptions->gone_changes = enlarge(reader, adoptions->gone_changes, capacity, sizeof(int64));
	}
	adoptions->gone_profiles[adoptions->gone_count] = row->profile_id;
	adoptions->gone_changes[adoptions->gone_count++] = row->change_id;
}

/* Adds somebody, as who he was and who he is now, to a list of such pairs. */
static void
remember(DiffReader *reader, List **people, int64 former_id, int64 present_id)
{
	MemoryContext old_context = MemoryContextSwitchTo(reader->context);
	int64	   *profile_ids = palloc(sizeof(int64) * 2);

	profile_ids[0] = former_id;
	profile_ids[1] = present_id;
	*people = lappend(*people, profile_ids);
	MemoryContextSwitchTo(old_context);
}

/* The vendor has that in the cell; NULL is nothing.  lost_by: the change by which a seat that is held was lost, or 0. */
static void
add_cell(DiffReader *reader, int64 profile_id, const char *column_name, const char *value, int64 lost_by)
{
	DiffAdoptions *adoptions = &reader->adoptions;
	MemoryContext old_context = MemoryContextSwitchTo(reader->context);

	if (adoptions->count == adoptions->capacity)
	{
		int64		capacity = adoptions->capacity = Max(adoptions->capacity * 2, 64);

		adoptions->profile_ids = enlarge(reader, adoptions->profile_ids, capacity, sizeof(int64));
		adoptions->columns = enlarge(reader, adoptions->columns, capacity, sizeof(Datum));
		adoptions->values = enlarge(reader, adoptions->values, capacity, sizeof(Datum));
		adoptions->lost_by = enlarge(reader, adoptions->lost_by, capacity, sizeof(int64));
	}
	adoptions->profile_ids[adoptions->count] = profile_id;
	adoptions->lost_by[adoptions->count] = lost_by;
	adoptions->columns[adoptions->count] = CStringGetTextDatum(column_name);
	adoptions->values[adoptions->count++] = value != NULL ? CStringGetTextDatum(value) : (Datum) 0;
	MemoryContextSwitchTo(old_context);
}

/* The cell is there; unless the vendor is known to have one, it has none. */
static void
add_present_cell(AdoptionWalk *walk, DiffPlace place, const char *key, const char *column_name)
{
	if (diff_find_vendor_cell(walk->vendor, place, key) == NULL)
		add_cell(walk->reader, walk->profile_id, column_name, NULL, 0);
}

static void
add_present_attribute(void *context, char *name, char *value)
{
	char	   *column_name = psprintf("attribute_%s", name);

	(void) value;
	add_present_cell(context, DIFF_ATTRIBUTE, column_name, column_name);
}

/* The last change of a seat that is held; 0: it is no such cell. */
static int64
lost_by(const DiffSubject *subject, const DiffPerson *person, const ChangeRow *vendor)
{
	bool		is_held = false;
	int64		change_id = 0;

	if (vendor->place != DIFF_LICENSE)
		return 0;
	for (int i = 0; i < person->cell_count; i++)
		is_held |= person->cells[i].place == DIFF_LICENSE && person->cells[i].hold != DIFF_NOT_HELD &&
			strcmp(diff_key_of(DIFF_LICENSE, person->cells[i].column_name), vendor->key) == 0;
	for (int i = 0; i < subject->row_count && is_held; i++)
		if (subject->rows[i].profile_id == subject->source_id && subject->rows[i].place == DIFF_LICENSE &&
			strcmp(subject->rows[i].key, vendor->key) == 0)
			change_id = subject->rows[i].change_id;
	return change_id;
}

/*
 * Remembers what diff_write_adoptions() will write of a person who was deleted and
 * is there again.
 */
void
diff_adopt(DiffReader *reader, const DiffSubject *subject, const DiffPerson *person)
{
	VendorCells vendor = diff_vendor_cells(subject);
	AdoptionWalk walk = {reader, subject->profile_id, &vendor};
	size_t		prefix_length = strlen(reader->notation.group_header_prefix);
	ListCell   *cell;

	if (person->cell_count > 0 && person->cells[0].hold == DIFF_HELD_PROTECTED)
		return;
	for (int i = 0; i < subject->row_count; i++)
		add_gone(reader, &subject->rows[i]);
	if (subject->returned != NULL)
		remember(reader, &reader->adoptions.leavers, subject->returned->profile_id, subject->profile_id);
	if (diff_is_protected(reader, subject->source_id) && subject->source_id != subject->profile_id)
		remember(reader, &reader->adoptions.protected_people, subject->source_id, subject->profile_id);
	for (int i = 0; i < vendor.count; i++)
		add_cell(reader, subject->profile_id, vendor.cells[i].column_name, vendor.cells[i].value,
				 lost_by(subject, person, &vendor.cells[i]));

	foreach(cell, subject->present.licenses)
	{
		const DiffColumn *column = diff_column_by_id(&reader->licenses, lfirst_int(cell));

		add_present_cell(&walk, DIFF_LICENSE, column->key, column->header);
	}
	foreach(cell, subject->present.groups)
	{
		const DiffColumn *column = diff_column_by_id(&reader->groups, lfirst_int(cell));

		add_present_cell(&walk, DIFF_GROUP, column->key, psprintf("group:%s", column->header + prefix_length));
	}
	foreach(cell, subject->present.permissions)
	{
		const char *permission = ((const PresentScope *) lfirst(cell))->permission;

		add_present_cell(&walk, DIFF_PERMISSION, permission, permission);
	}
	diff_each_attribute(subject->present.attributes, add_present_attribute, &walk);
}

/*
 * Writes them all, for an export that is recorded.  changes_read: what
 * diff_changes_read() returned; returns it as it is then, palloc'd.
 */
Datum
diff_write_adoptions(const DiffReader *reader, Datum changes_read)
{
	const DiffAdoptions *adoptions = &reader->adoptions;
	int64	   *leavers = palloc(sizeof(int64) * Max(list_length(adoptions->leavers), 1));
	int			leaver_count = 0;
	ListCell   *cell;
	Datum		result;
	bool		isnull;

	if (adoptions->gone_count == 0)
		return changes_read;
	foreach(cell, adoptions->leavers)
		leavers[leaver_count++] = *(int64 *) lfirst(cell);
	(void) sql_run(reader->account, write_adoptions, 8, (SqlArgument[])
				   {
					   changes_read ? SQL_DATUM(INT8MULTIRANGEOID, changes_read) : SQL_NULL(INT8MULTIRANGEOID),
					   sql_int8_array(adoptions->gone_profiles, adoptions->gone_count),
					   sql_int8_array(adoptions->gone_changes, adoptions->gone_count),
					   sql_int8_array(leavers, leaver_count),
					   sql_int8_array(adoptions->profile_ids, adoptions->count),
					   sql_text_datum_array(adoptions->columns, adoptions->count),
					   sql_text_datum_array(adoptions->values, adoptions->count),
					   sql_int8_array(adoptions->lost_by, adoptions->count)
				   });
	result = PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value(0, 0, &isnull)));
	SPI_freetuptable(SPI_tuptable);
	foreach(cell, adoptions->protected_people)
	{
		const int64 *profile_ids = lfirst(cell);

		(void) sql_run(reader->account, pass_protection_on, 2,
					   (SqlArgument[]) {SQL_INT8(profile_ids[0]), SQL_INT8(profile_ids[1])});
	}
	return result;
}
