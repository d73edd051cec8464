/*
 * import_membership.c
 *		Who joins and leaves which group.
 *
 * Three things in a file say so, and the more particular one wins:
 *
 *	1. The cell of a column for that group says yes or no.
 *	2. The cell of a column of group names (COLUMN_GROUP_NAME) moves the person:
 *	   it joins the group named, and leaves the one that the same column of the
 *	   same feed named before, which "feed_groups" keeps.  It does not leave what
 *	   another such column, or another feed's, gives it too.
 *	3. Groups for the whole file are joined by everybody in it.
 *
 * A person's other memberships stay as they are.
 */
#include "import.h"

/*
 * Joins or leaves, unless it is so already; was there anything to do?  column: the
 * one that says so, or NO_COLUMN.
 */
static bool
change_membership(Import *import, const ImportRow *row, int64 profile_id, const PresentProfile *present,
				  int group, int column, bool joins)
{
	int			group_id = import->groups[group].group_id;
	bool		is_member = present != NULL && list_member_int(present->groups, group_id);

	if (joins == is_member)
		return false;
	if (present != NULL || !import_direct_membership(import, profile_id, group))
		import_change_membership(import->changes, joins ? CHANGE_JOINS : CHANGE_LEAVES, profile_id, group_id,
								 row->line);
	if (present != NULL)
		import_note_cell(import, present, psprintf("group:%s", import->groups[group].name), column, is_member,
						 row->line);
	return true;
}

/* Groups by what names them; integers, indexes in Import.groups. */
typedef struct RowGroups
{
	List	   *by_column;		/* a cell of a group's own column says yes or no */
	List	   *named;			/* a cell names the group, or it is for the whole file */
	List	   *given;			/* given before, and still */
	List	   *left;			/* given before by a column that now names another */
} RowGroups;

/* The index of the row's column of that name, if it names a group; else NO_COLUMN. */
static int
naming_column(const Import *import, const ImportRow *row, const char *column_name)
{
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_GROUP_NAME && row->cells[i].text != NULL &&
			strcmp(import->columns[i].header, column_name) == 0)
			return i;
	return NO_COLUMN;
}

static void
collect_groups(const Import *import, const ImportRow *row, const PresentProfile *present, RowGroups *groups)
{
	ListCell   *cell;

	memset(groups, 0, sizeof(RowGroups));
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_GROUP && row->cells[i].value != CELL_EMPTY)
			groups->by_column = lappend_int(groups->by_column, import->columns[i].group);
		else if (import->columns[i].kind == COLUMN_GROUP_NAME && row->cells[i].text != NULL)
			groups->named = list_append_unique_int(groups->named, row->cells[i].group);
	for (int i = 0; i < import->whole_group_count; i++)
		groups->named = list_append_unique_int(groups->named, import->whole_groups[i]);
	if (present == NULL)
		return;
	foreach(cell, present->given_groups)
	{
		const GivenGroup *given = lfirst(cell);

		if (given->column_name != NULL && naming_column(import, row, given->column_name) != NO_COLUMN)
			groups->left = list_append_unique_int(groups->left, given->group);
		else
			groups->given = lappend_int(groups->given, given->group);
	}
}

/* The column whose cell names the group; NO_COLUMN: it is for the whole file. */
static int
column_that_names(const Import *import, const ImportRow *row, int group)
{
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_GROUP_NAME && row->cells[i].text != NULL &&
			row->cells[i].group == group)
			return i;
	return NO_COLUMN;
}

/* The column of the row that gave the group before. */
static int
column_that_gave(const Import *import, const ImportRow *row, const PresentProfile *present, int group)
{
	ListCell   *cell;

	foreach(cell, present->given_groups)
	{
		const GivenGroup *given = lfirst(cell);

		if (given->group == group && given->column_name != NULL)
			return naming_column(import, row, given->column_name);
	}
	return NO_COLUMN;
}

/* The group that the column gave before, or NO_GROUP. */
static int
group_given_by(const PresentProfile *present, const char *column_name)
{
	ListCell   *cell;

	if (present != NULL)
		foreach(cell, present->given_groups)
		{
			const GivenGroup *given = lfirst(cell);

			if (given->column_name != NULL && strcmp(given->column_name, column_name) == 0)
				return given->group;
		}
	return NO_GROUP;
}

/* Keeps what the row's columns of group names give now. */
static void
note_given_groups(Import *import, const ImportRow *row, int64 profile_id, const PresentProfile *present)
{
	for (int i = 0; i < import->column_count; i++)
	{
		const char *header = import->columns[i].header;
		int			group = row->cells[i].group;

		if (import->columns[i].kind == COLUMN_GROUP_NAME && row->cells[i].text != NULL &&
			group_given_by(present, header) != group)
			import_change_given_group(import->changes, profile_id, header, import->groups[group].group_id,
									  row->line);
	}
}

/*
 * Puts the memberships that the row sets into the import's change set; did any
 * change?  present: what the account has of the profile, NULL if it is new.
 */
bool
import_change_groups(Import *import, const ImportRow *row, int64 profile_id, const PresentProfile *present)
{
	RowGroups	groups;
	bool		changed = false;
	ListCell   *cell;

	if (present == NULL && !import->has_group_names && import->whole_group_count == 0)
		memset(&groups, 0, sizeof(groups)); /* the groups' own columns alone say it */
	else
		collect_groups(import, row, present, &groups);
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_GROUP && row->cells[i].value != CELL_EMPTY)
			changed |= change_membership(import, row, profile_id, present, import->columns[i].group, i,
										 row->cells[i].value == CELL_YES);
	foreach(cell, groups.left)
	{
		int			group = lfirst_int(cell);

		if (!list_member_int(groups.named, group) && !list_member_int(groups.given, group) &&
			!list_member_int(groups.by_column, group))
			changed |= change_membership(import, row, profile_id, present, group,
										 column_that_gave(import, row, present, group), false);
	}
	foreach(cell, groups.named)
	{
		int			group = lfirst_int(cell);

		if (!list_member_int(groups.by_column, group))
			changed |= change_membership(import, row, profile_id, present, group,
										 column_that_names(import, row, group), true);
	}
	if (import->has_group_names)
		note_given_groups(import, row, profile_id, present);
	return changed;
}
