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
 * One that was deleted and made again (a "twin"; see diff_keys.c) is one person
 * to the vendor.  Changes that were undone leave rows and make no difference.
 *
 * Many statements read, but all under one snapshot, even the numbers of the
 * change rows: a confirmation must delete just those that the export has seen.
 *
 * Memory: names and keys live as long as the reader, people in batches, what
 * diff_next() returns until its next call.
 */
#include "diff_subject.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* The tables that are read besides settings. */
static const char *const tables_read[] = {
	"changes", "profiles", "licenses", "seats", "seat_counters", "groups", "memberships",
	"permissions", "protected_profiles", "leavers"
};

/* Entries of DiffColumns. */
typedef struct IdEntry
{
	int			id;
	DiffColumn *column;
} IdEntry;

typedef struct NameEntry
{
	char		key[NAMEDATALEN * 4];	/* cut: then the columns are compared */
	List	   *columns;
} NameEntry;

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

/* The notation of the product's own files. */
DiffNotation
diff_product_notation(const product *product)
{
	return (DiffNotation) {product->group_header_prefix, product->group_yes, product->group_no};
}

/* ---- licenses and groups ---- */

/* The license or group with that id, or NULL. */
const DiffColumn *
diff_column_by_id(const DiffColumns *columns, int id)
{
	IdEntry    *entry = hash_search(columns->by_id, &id, HASH_FIND, NULL);

	return entry != NULL ? entry->column : NULL;
}

/* All of them, palloc'd, in no order; returns how many. */
int
diff_all_columns(const DiffColumns *columns, DiffColumn ***all)
{
	HASH_SEQ_STATUS scan;
	IdEntry    *entry;
	int			count = 0;

	*all = palloc(sizeof(DiffColumn *) * Max(hash_get_num_entries(columns->by_id), 1));
	hash_seq_init(&scan, columns->by_id);
	while ((entry = hash_seq_search(&scan)) != NULL)
		(*all)[count++] = entry->column;
	return count;
}

/* The one whose cells have that key, or NULL. */
const DiffColumn *
diff_column_by_key(const DiffColumns *columns, const char *key)
{
	NameEntry  *entry;
	char		cut[sizeof(entry->key)] = {0};
	ListCell   *cell;

	strlcpy(cut, key, sizeof(cut));
	entry = hash_search(columns->by_key, cut, HASH_FIND, NULL);
	if (entry != NULL)
		foreach(cell, entry->columns)
			if (strcmp(((DiffColumn *) lfirst(cell))->key, key) == 0)
				return lfirst(cell);
	return NULL;
}

/* Reads all licenses, or all groups: their headers begin with the prefix. */
static DiffColumns
read_columns(DiffReader *reader, DiffPlace place, const char *query, const char *prefix)
{
	HASHCTL		id_control = {.keysize = sizeof(int),.entrysize = sizeof(IdEntry),.hcxt = reader->context};
	HASHCTL		name_control = {
		.keysize = sizeof(((NameEntry *) 0)->key),
		.entrysize = sizeof(NameEntry),
		.hcxt = reader->context
	};
	uint64		count = sql_run_at(reader->account, query, 0, NULL, reader->snapshot);
	MemoryContext old_context = MemoryContextSwitchTo(reader->context);
	DiffColumns columns;

	columns.by_id = hash_create("orgsync diff columns", Max((long) count, 16), &id_control,
								HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	columns.by_key = hash_create("orgsync diff column names", Max((long) count, 16), &name_control,
								 HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	for (uint64 i = 0; i < count; i++)
	{
		DiffColumn *column = palloc(sizeof(DiffColumn));
		char	   *name = sql_string((int) i, 1);
		char		cut[sizeof(((NameEntry *) 0)->key)] = {0};
		NameEntry  *entry;
		bool		isnull;
		bool		found;

		column->id = DatumGetInt32(sql_value((int) i, 0, &isnull));
		column->header = psprintf("%s%s", prefix, name);
		column->key = diff_key_of(place, place == DIFF_GROUP ? psprintf("group:%s", name) : name);
		((IdEntry *) hash_search(columns.by_id, &column->id, HASH_ENTER, NULL))->column = column;
		strlcpy(cut, column->key, sizeof(cut));
		entry = hash_search(columns.by_key, cut, HASH_ENTER, &found);
		entry->columns = lappend(found ? entry->columns : NIL, column);
	}
	MemoryContextSwitchTo(old_context);
	SPI_freetuptable(SPI_tuptable);
	return columns;
}

/* ---- the reader ---- */

/*
 * Begins to read the diff of an account.  For exports (and reports of them): with
 * what only they need.  Exports are of what is committed now, all else of what
 * the calling query sees.  All
 * memory is in the current context.  Needs an SPI connection.  An error if the
 * caller may not read the account's tables.
 */
DiffReader *
diff_open(const Account *account, const DiffNotation *notation, DiffMode mode)
{
	DiffReader *reader = palloc0(sizeof(DiffReader));

	check_may_read(account);
	reader->account = account;
	reader->notation = *notation;
	reader->for_export = mode != DIFF_TO_SHOW;
	reader->is_full = mode == DIFF_TO_EXPORT_ALL;
	reader->context = CurrentMemoryContext;
	reader->batch_context = AllocSetContextCreate(reader->context, "orgsync diff batch",
												  ALLOCSET_DEFAULT_SIZES);
	reader->person_context = AllocSetContextCreate(reader->context, "orgsync diff person",
												   ALLOCSET_DEFAULT_SIZES);
	if (mode >= DIFF_TO_EXPORT)
		CommandCounterIncrement();
	reader->snapshot = RegisterSnapshot(mode >= DIFF_TO_EXPORT ? GetTransactionSnapshot() :
										GetActiveSnapshot());

	/*
	 * Compiling a sort of all changes takes longer than the sort.  And "changes" is
	 * read by its key: after a first upload of many people was confirmed, the table
	 * is large and has few rows, at its end.
	 */
	reader->nest_level = sql_pin_search_path();
	sql_set("jit", "off");
	sql_set("enable_seqscan", "off");

	reader->has_leavers = !reader->is_full &&
		sql_run_at(account, "SELECT FROM @account.leavers LIMIT 1", 0, NULL, reader->snapshot) > 0;
	SPI_freetuptable(SPI_tuptable);
	reader->licenses = read_columns(reader, DIFF_LICENSE,
									"SELECT license_id, coalesce(header::text, '') FROM @account.licenses", "");
	reader->groups = read_columns(reader, DIFF_GROUP, "SELECT group_id, coalesce(name, '') FROM @account.groups",
								  notation->group_header_prefix);
	diff_keys_read(reader);
	diff_hold_read(reader);
	diff_subjects_open(reader);
	return reader;
}

/*
 * The next person, in the order of profile_id, or NULL.  May have no cells.
 * Lasts until the next call.
 */
const DiffPerson *
diff_next(DiffReader *reader)
{
	for (;;)
	{
		const DiffSubject *subject;
		MemoryContext old_context;
		bool		is_somebody;

		if (reader->next_subject == reader->subject_count && !diff_subjects_next(reader))
			return NULL;
		subject = &reader->subjects[reader->next_subject++];
		MemoryContextReset(reader->person_context);
		old_context = MemoryContextSwitchTo(reader->person_context);
		is_somebody = diff_compare(reader, subject, &reader->person);
		if (is_somebody)
		{
			diff_hold_cells(reader, subject, &reader->person);
			if (reader->for_export)
			{
				diff_keys_link(reader, subject, &reader->person);
				if (!reader->is_full && diff_is_replaced(subject))
					diff_adopt(reader, subject, &reader->person);
			}
		}
		MemoryContextSwitchTo(old_context);
		if (is_somebody)
			return &reader->person;
	}
}

/*
 * For exports, after the last person: the changes that the diff comes from but
 * for those that are held, an int8multirange; 0 if there are none.
 */
Datum
diff_changes_read(const DiffReader *reader)
{
	SqlArgument held = SQL_DATUM(INT8MULTIRANGEOID, diff_held_changes(reader));
	Datum		result = (Datum) 0;
	bool		isnull;

	/* change_ids have few gaps; to aggregate them one by one would hold each in memory */
	(void) sql_run_at(reader->account,
					  "SELECT range_agg(int8range(i.first, i.last, '[]')) - $1"
					  " FROM (SELECT min(n.change_id) AS first, max(n.change_id) AS last"
					  "  FROM (SELECT change_id, change_id - row_number() OVER (ORDER BY change_id) AS island"
					  "   FROM @account.changes) AS n GROUP BY n.island) AS i", 1, &held, reader->snapshot);
	if (!(sql_value(0, 0, &isnull), isnull))
		result = PointerGetDatum(PG_DETOAST_DATUM_COPY(sql_value(0, 0, &isnull)));
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* For exports: the seats that are taken in the account. */
int64
diff_seats_taken(const DiffReader *reader)
{
	return diff_count(reader, "SELECT coalesce(sum(invited + activated), 0)::bigint"
					  " FROM @account.seat_counters", 0, NULL);
}

/* What a statement counts that returns one number, under the reader's snapshot. */
int64
diff_count(const DiffReader *reader, const char *statement, int argument_count,
		   const SqlArgument *arguments)
{
	int64		count;

	(void) sql_run_at(reader->account, statement, argument_count, arguments, reader->snapshot);
	count = sql_int64(0, 0);
	SPI_freetuptable(SPI_tuptable);
	return count;
}

/* Ends the reading; what was palloc'd goes with its context. */
void
diff_close(DiffReader *reader)
{
	if (reader->rows != NULL)
		SPI_freetuptable(reader->rows);
	SPI_cursor_close(reader->portal);
	UnregisterSnapshot(reader->snapshot);
	sql_restore_settings(reader->nest_level);
	MemoryContextDelete(reader->person_context);
	MemoryContextDelete(reader->batch_context);
}
