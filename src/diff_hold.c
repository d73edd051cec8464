/*
 * diff_hold.c
 *		Whom an export leaves alone: what differs and is not to be said yet.
 *
 *	protected	whoever is in "protected_profiles" keeps the seats, the address and
 *				the id that the vendor has, whatever became of the profile here; if
 *				it was deleted, everything.
 *	grace		a seat that was lost less than settings.grace_days ago is kept, as
 *				long as nobody else needs it: the seats that the vendor has taken
 *				then, those that are taken here and those that are kept, are no more
 *				than the license has; who lost a seat last keeps it longest.  Nor does
 *				somebody who was deleted and whose address somebody else gets.
 *	no seat		where the file has no license column (Workleap), whoever is in it
 *				becomes an active user and takes a seat; so who has none is not
 *				added yet.
 *
 * diff() shows these cells as different, for so they are.  An export must leave
 * their changes out of what it has read, lest its confirmation takes them for
 * done.
 */
#include "diff_subject.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A seat that is kept. */
typedef struct GraceKey
{
	int64		profile_id;
	int			license_id;
	int			padding;
} GraceKey;

/*
 * Seats that the vendor has and that were lost here: the latest first, as many
 * as are free besides those that protected people keep.  $2, $3: who was deleted,
 * and is there again as whom.
 */
static const char graces_query[] =
"WITH seen AS ("
" SELECT DISTINCT ON (c.profile_id, l.license_id) c.profile_id, l.license_id, l.seats, c.vendor_value,"
"  max(coalesce(c.changed_at, c.former_since)) OVER (PARTITION BY c.profile_id, l.license_id) AS lost_at"
" FROM @account.changes AS c JOIN @account.licenses AS l"
"  ON lower(c.column_name) = lower(l.header::text COLLATE \"C\")"
" WHERE NOT EXISTS (SELECT FROM @account.changes AS n"
"  WHERE n.profile_id = c.profile_id AND n.column_name IS NULL AND n.change_id < c.change_id)"
" ORDER BY c.profile_id, l.license_id, c.change_id"
"), known AS ("
" SELECT coalesce(w.profile_id, s.profile_id) AS profile_id, s.license_id, s.seats, s.lost_at,"
"  num_nulls(k.profile_id, n.profile_id) < 2 AS is_protected"
" FROM seen AS s LEFT JOIN unnest($2, $3) AS w (deleted_id, profile_id) ON w.deleted_id = s.profile_id"
" LEFT JOIN @account.protected_profiles AS k ON k.profile_id = s.profile_id"
" LEFT JOIN @account.protected_profiles AS n ON n.profile_id = w.profile_id"
" WHERE s.vendor_value = 'active'"
"), lost AS ("
" SELECT s.profile_id, s.license_id, s.seats,"
"  row_number() OVER (PARTITION BY s.license_id ORDER BY s.is_protected DESC, s.lost_at DESC, s.profile_id DESC) AS place"
" FROM known AS s LEFT JOIN @account.seats AS t"
"  ON t.profile_id = s.profile_id AND t.license_id = s.license_id"
" WHERE (t.status IS NULL OR t.status NOT IN ('invited', 'activated'))"
"  AND (s.is_protected OR s.lost_at > now() - make_interval(days => $1))"
") SELECT profile_id, license_id FROM lost "
"WHERE seats IS NULL OR place <= seats - (SELECT coalesce(sum(c.activated + c.invited), 0)"
" FROM @account.seat_counters AS c WHERE c.license_id = lost.license_id)";

/* What diff_hold_name() says; static. */
const char *
diff_hold_name(DiffHold hold)
{
	static const char *const names[] = {
		[DIFF_NOT_HELD] = NULL,
		[DIFF_HELD_PROTECTED] = "protected",
		[DIFF_HELD_GRACE] = "grace",
		[DIFF_HELD_WITHOUT_SEAT] = "no seat"
	};

	return names[hold];
}

/* Reads who is protected, and which seats are kept; the keys must have been read. */
void
diff_hold_read(DiffReader *reader)
{
	HASHCTL		profile_control = {.keysize = sizeof(int64),.entrysize = sizeof(int64),.hcxt = reader->context};
	HASHCTL		grace_control = {.keysize = sizeof(GraceKey),.entrysize = sizeof(GraceKey),.hcxt = reader->context};
	SqlArgument arguments[3] = {SQL_INT4(reader->account->grace_days)};
	uint64		count = sql_run_at(reader->account, "SELECT profile_id FROM @account.protected_profiles",
								   0, NULL, reader->snapshot);

	reader->protected_profiles = hash_create("orgsync protected profiles", 64, &profile_control,
											 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (uint64 i = 0; i < count; i++)
	{
		int64		profile_id = sql_int64((int) i, 0);

		(void) hash_search(reader->protected_profiles, &profile_id, HASH_ENTER, NULL);
	}
	SPI_freetuptable(SPI_tuptable);

	if (reader->account->grace_days == 0 || reader->is_full)
		return;
	reader->graces = hash_create("orgsync seats in grace", 64, &grace_control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	diff_keys_twins(reader, &arguments[1]);
	count = sql_run_at(reader->account, graces_query, 3, arguments, reader->snapshot);
	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;
		GraceKey	key = {.profile_id = sql_int64((int) i, 0)};

		key.license_id = DatumGetInt32(sql_value((int) i, 1, &isnull));
		(void) hash_search(reader->graces, &key, HASH_ENTER, NULL);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Is the profile in "protected_profiles"? */
bool
diff_is_protected(const DiffReader *reader, int64 profile_id)
{
	return hash_search(reader->protected_profiles, &profile_id, HASH_FIND, NULL) != NULL;
}

static bool
is_kept_seat(const DiffReader *reader, const DiffSubject *subject, const DiffCell *cell)
{
	GraceKey	key = {.profile_id = subject->profile_id};
	const KeyHolder *holder = diff_keys_by_profile(reader, subject->source_id);
	const DiffColumn *license;

	if (reader->graces == NULL || strcmp(cell->action, "revoke") != 0 ||
		(!subject->present.lives && holder != NULL && (holder->is_wanted || holder->is_taken)))
		return false;
	license = diff_column_by_key(&reader->licenses, diff_lower(cell->column_name));
	if (license == NULL)
		return false;
	key.license_id = license->id;
	return hash_search(reader->graces, &key, HASH_FIND, NULL) != NULL;
}

/* Does the file make somebody active who shall not be? */
static bool
is_without_seat(const DiffReader *reader, const DiffPerson *person)
{
	if (person->state != DIFF_ADDED || reader->account->product->has_license_columns)
		return false;
	for (int i = 0; i < person->cell_count; i++)
		if (person->cells[i].place == DIFF_LICENSE)
			return false;
	return true;
}

static DiffHold
cell_hold(const DiffReader *reader, const DiffSubject *subject, const DiffPerson *person,
		  const DiffCell *cell, bool is_protected, bool is_without_seat)
{
	if (is_without_seat)
		return DIFF_HELD_WITHOUT_SEAT;
	if (is_protected && person->state != DIFF_ADDED &&
		(person->state == DIFF_DELETED || strcmp(cell->action, "revoke") == 0 ||
		 strcmp(cell->action, "rename") == 0))
		return DIFF_HELD_PROTECTED;
	return is_kept_seat(reader, subject, cell) ? DIFF_HELD_GRACE : DIFF_NOT_HELD;
}

static void
hold_change(DiffReader *reader, int64 change_id)
{
	if (reader->held_count == reader->held_capacity)
	{
		reader->held_capacity = Max(reader->held_capacity * 2, 1024);
		reader->held = reader->held == NULL ?
			MemoryContextAlloc(reader->context, reader->held_capacity * sizeof(int64)) :
			repalloc_huge(reader->held, reader->held_capacity * sizeof(int64));
	}
	reader->held[reader->held_count++] = change_id;
}

/* Is the row one of a cell that is held? */
static bool
is_held_row(const DiffReader *reader, const DiffPerson *person, const ChangeRow *row)
{
	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];
		const char *columns[2];
		int			count;

		if (cell->hold == DIFF_NOT_HELD || row->key == NULL || cell->place != row->place)
			continue;
		count = diff_logged_columns(reader->account->product, cell->column_name, columns);
		for (int c = 0; c < count; c++)
			if (strcmp(diff_key_of(row->place, columns[c]), row->key) == 0)
				return true;
	}
	return false;
}

/*
 * Marks the cells of the person that an export leaves alone.  What the vendor
 * has of somebody who was deleted is told by his changes together: those of the
 * profile stay as long as one of the others does.  Of a protected person who was
 * deleted and is there again, nothing is exported; of another one diff_adopt.c
 * keeps the seats that are held.
 */
void
diff_hold_cells(DiffReader *reader, const DiffSubject *subject, DiffPerson *person)
{
	bool		is_protected = diff_is_protected(reader, subject->profile_id) ||
		diff_is_protected(reader, subject->source_id);
	bool		is_without = is_without_seat(reader, person);
	bool		is_replaced = diff_is_replaced(subject);
	int			held_count = 0;

	if (!is_protected && !is_without && reader->graces == NULL)
		return;
	for (int i = 0; i < person->cell_count; i++)
	{
		DiffCell   *cell = &person->cells[i];

		cell->hold = cell_hold(reader, subject, person, cell, is_protected, is_without);
		held_count += cell->hold != DIFF_NOT_HELD;
	}
	if (held_count == 0)
		return;
	for (int i = 0; i < person->cell_count && is_replaced && is_protected; i++)
		person->cells[i].hold = DIFF_HELD_PROTECTED;
	if (!reader->for_export || reader->is_full || (is_replaced && !is_protected))
		return;
	for (int i = 0; i < subject->row_count; i++)
	{
		const ChangeRow *row = &subject->rows[i];
		bool		is_link = row->key != NULL && (row->place == DIFF_LICENSE ||
												   row->place == DIFF_GROUP || row->place == DIFF_PERMISSION);

		if (is_replaced || person->state == DIFF_ADDED ||
			(person->state == DIFF_DELETED && !is_link) || is_held_row(reader, person, row))
			hold_change(reader, row->change_id);
	}
}

/* The changes that are held, an int8multirange; palloc'd. */
Datum
diff_held_changes(const DiffReader *reader)
{
	SqlArgument held = sql_int8_array(reader->held, (int) reader->held_count);
	Datum		result;
	bool		isnull;

	(void) sql_run(reader->account,
				   "SELECT coalesce(range_agg(int8range(i, i, '[]')), '{}'::int8multirange)"
				   " FROM unnest($1) AS u (i)", 1, &held);
	result = PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value(0, 0, &isnull)));
	SPI_freetuptable(SPI_tuptable);
	return result;
}
