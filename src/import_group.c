/*
 * import_group.c
 *		The groups that an import deals with.
 *
 * They are the account's groups and those that the file names: by the header of
 * a group column, in the cells of a column whose cells name a group, or for the
 * whole file.  A file may name thousands, hence a hash table by the name as it
 * is compared.  What the account lacks is made in the write phase, by products
 * that make groups.
 *
 * Groups that the rows name are kept, like those of the header, as long as the
 * import: in its memory context.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "fold.h"
#include "name_table.h"
#include "sql.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A group by its folded name. */
typedef struct GroupEntry
{
	const char *folded;			/* hash key, by the string it points to */
	int			group;			/* index in Import.groups */
} GroupEntry;

/* Adds a group that is not there yet; returns its index. */
static int
add_group(Import *import, const char *name, const char *folded, int group_id)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->context);
	int			index = import->group_count++;
	ImportGroup *group;
	GroupEntry *entry;

	if (index == import->group_capacity)
	{
		import->group_capacity *= 2;
		import->groups = repalloc_huge(import->groups, sizeof(ImportGroup) * import->group_capacity);
	}
	group = &import->groups[index];
	memset(group, 0, sizeof(ImportGroup));
	group->name = pstrdup(name);
	group->folded = pstrdup(folded);
	group->group_id = group_id;
	entry = hash_search(import->groups_by_name, &group->folded, HASH_ENTER, NULL);
	entry->group = index;
	MemoryContextSwitchTo(old_context);
	return index;
}

/* Begins with the groups that the account has; none if there is no account. */
void
import_groups_begin(Import *import)
{
	int			count = 0;

	import->groups_by_name = name_table_create("orgsync groups", sizeof(GroupEntry), import->context);
	if (import_has_account(import))
		count = (int) sql_run(import->account, "SELECT group_id, name, fold(name) FROM @account.groups"
							  " WHERE name IS NOT NULL", 0, NULL);
	import->group_count = 0;
	import->group_capacity = Max(count, 64);
	import->groups = MemoryContextAllocHuge(import->context, sizeof(ImportGroup) * import->group_capacity);
	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		(void) add_group(import, sql_string(i, 1), sql_string(i, 2), DatumGetInt32(sql_value(i, 0, &isnull)));
	}
	if (import_has_account(import))
		SPI_freetuptable(SPI_tuptable);
}

/* The index of the group, or NO_GROUP. */
int
import_group_find(const Import *import, const char *name)
{
	char	   *folded = fold_text(name, strlen(name));
	GroupEntry *entry = hash_search(import->groups_by_name, &folded, HASH_FIND, NULL);

	pfree(folded);
	return entry == NULL ? NO_GROUP : entry->group;
}

/* The same, but a group that is not there is added. */
int
import_group_find_or_add(Import *import, const char *name)
{
	int			group = import_group_find(import, name);

	/* without an account, every group counts as one that it has */
	if (group == NO_GROUP)
		group = add_group(import, name, fold_text(name, strlen(name)), import_has_account(import) ? 0 : -1);
	return group;
}

/*
 * Does the account lack the group, and does its product make none by an import?
 * The vendor's own list may name whatever group the vendor has.
 */
bool
import_group_is_missing(const Import *import, int group)
{
	return import->groups[group].group_id == 0 && !import->account->product->creates_groups &&
		!import->options.is_remote;
}

/*
 * Is there a group of that name: in the account, made by what was read so far, or
 * named in that very row?
 */
bool
import_group_is_known(const Import *import, const char *name, const ImportRow *row)
{
	int			group;

	if (!import_has_account(import) || import->options.is_remote)
		return true;
	group = import_group_find(import, name);
	return group != NO_GROUP && !import_group_is_missing(import, group) &&
		(import->groups[group].group_id != 0 || import->groups[group].is_used ||
		 import->groups[group].line == row->line);
}

/* The index of the group that a cell names, for a row that may yet be rejected; NO_GROUP if it is none. */
int
import_group_of_cell(Import *import, ImportRow *row, const ImportColumn *column, const char *name)
{
	int			group = import_group_find(import, name);

	if (group == NO_GROUP && (import->account->product->creates_groups || !import_has_account(import)))
		group = import_group_find_or_add(import, name);
	if (group == NO_GROUP || import_group_is_missing(import, group))
	{
		import_reject(import, row, FINDING_UNKNOWN_GROUP, column->header, 2, name,
					  import_suggest_group(import, name));
		return NO_GROUP;
	}
	import->groups[group].line = row->line;
	return group;
}

/* ---- making them ---- */

/* The names of the groups that are used, as an array; indexes: which they are. */
static Datum
used_names(const Import *import, int *indexes, int *count)
{
	Datum	   *names = palloc(sizeof(Datum) * Max(import->group_count, 1));

	*count = 0;
	for (int i = 0; i < import->group_count; i++)
		if (import->groups[i].is_used)
		{
			names[*count] = CStringGetTextDatum(import->groups[i].name);
			indexes[(*count)++] = i;
		}
	return PointerGetDatum(construct_array(names, *count, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * Sets the group_ids of these groups, 0 for those that are not there.  Returns the
 * index of the first of the latter, or NO_GROUP.
 */
static int
look_up(Import *import, const SqlArgument *names, const int *indexes, int count)
{
	int			found = (int) sql_run(import->account,
									  "SELECT w.number, g.group_id FROM unnest($1) WITH ORDINALITY AS w (n, number)"
									  " JOIN @account.groups AS g ON fold(g.name) = fold(w.n)", 1, names);

	for (int i = 0; i < count; i++)
		import->groups[indexes[i]].group_id = 0;
	for (int i = 0; i < found; i++)
	{
		bool		isnull;

		import->groups[indexes[sql_int64(i, 0) - 1]].group_id = DatumGetInt32(sql_value(i, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < count; i++)
		if (import->groups[indexes[i]].group_id == 0)
			return indexes[i];
	return NO_GROUP;
}

/* Keeps which groups the last statement made. */
static void
note_made(Import *import)
{
	import->made_group_count = (int) SPI_processed;
	import->made_groups = MemoryContextAlloc(import->context, sizeof(int64) * Max(SPI_processed, 1));
	for (int i = 0; i < import->made_group_count; i++)
		import->made_groups[i] = sql_int64(i, 0);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Makes the groups that the file uses and that are not there yet, and sets their
 * group_ids, if the product does that.  A row that is rejected only when it is
 * decided upon may so leave a group without members, as a group column may.  Of
 * a list of the vendor's they are only looked up, unless people are adopted.
 */
void
import_make_groups(Import *import)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->row_context);
	int		   *indexes = palloc(sizeof(int) * Max(import->group_count, 1));
	bool		is_remote = import->options.is_remote;
	int			count;
	int			missing;
	SqlArgument names = SQL_DATUM(TEXTARRAYOID, used_names(import, indexes, &count));

	import->made_group_count = 0;
	if (count > 0 && (import->account->product->creates_groups || is_remote) &&
		look_up(import, &names, indexes, count) != NO_GROUP && (!is_remote || import->options.adopt))
	{
		(void) sql_write(import->account,
						 "INSERT INTO @account.groups (name) SELECT n FROM unnest($1) WITH ORDINALITY AS w (n, number)"
						 " WHERE NOT EXISTS (SELECT FROM @account.groups AS g WHERE fold(g.name) = fold(n))"
						 " ORDER BY number RETURNING group_id::bigint", 1, &names);
		note_made(import);
		missing = look_up(import, &names, indexes, count);
		if (missing != NO_GROUP)
			ereport(ERROR,
					errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
					errmsg("group \"%s\" was not made", import->groups[missing].name),
					errdetail("A trigger of table \"groups\" left it out."));
	}
	MemoryContextSwitchTo(old_context);
}
