/*
 * export_links.c
 *		In which order addresses and ids pass from one person to another.
 *
 * An address (or id) that one row frees must be free before the row that takes
 * it.  Who waits for somebody, or is waited for, is "linked"; few are, and they
 * are kept in memory until all are known.
 *
 * Nobody waits for more than two others: the holders, at the vendor's, of the
 * wanted address and of the wanted id.  People who wait for each other in a
 * circle (two who swap addresses) are a unit: no order of theirs is right, but
 * the vendor goes by a file's final state, so their rows stand in one file, next
 * to each other, and no file is cut within a unit.  Units are ordered so that
 * everybody comes after whom he waits for: Tarjan's algorithm for strongly
 * connected components finds both, in that order.
 *
 * The order holds within a file, and files are one set of columns each.  So all
 * who are linked with one another, directly or not, are written with the same
 * columns: by unique_user_id if the vendor knows the ids of all who are renamed,
 * else by existing_email_address, and new ids in rows of their own, which
 * depend on no address.
 *
 * A holder may not give up what he has: he was deleted here, and no file deletes
 * anybody; he is protected; he waits for somebody like that himself; or his id
 * is to be cleared, which no file can say.  Who waits for him is "blocked", and
 * his address (or id) is manual work; who is to be added under it, wholly.
 */
#include "export_plan.h"

#include "miscadmin.h"
#include "utils/hsearch.h"

typedef struct Linked
{
	PlannedPerson planned;		/* first: export_link_person() returns it */
	struct Linked *holders[2];	/* of the address, of the id, if they are linked */
	struct Linked *component;	/* union-find: somebody who is linked with him */
	struct Linked *next_in_unit;
	int			index;			/* in Tarjan's walk, from 1; 0: not visited */
	int			low_link;
	int			next_holder;	/* in the walk: which one to look at next */
	bool		is_on_stack;

	/* of the component, in its representative */
	bool		needs_address;	/* somebody is renamed whose id the vendor does not know */
	bool		has_new_id;
} Linked;

/* Tarjan's walk over all of them. */
typedef struct Walk
{
	List	   *stack;
	int			index;
	int			unit_count;
	List	   *ordered;		/* everybody, unit by unit */
} Walk;

typedef struct LinkedEntry
{
	int64		profile_id;
	Linked	   *linked;
} LinkedEntry;

static char *
copy_string(const char *string)
{
	return string != NULL ? pstrdup(string) : NULL;
}

static DiffCell *
copy_cells(const DiffCell *cells, int count)
{
	DiffCell   *copies = palloc(Max(count, 1) * sizeof(DiffCell));

	for (int i = 0; i < count; i++)
	{
		copies[i] = cells[i];
		copies[i].column_name = pstrdup(cells[i].column_name);
		copies[i].old_value = copy_string(cells[i].old_value);
		copies[i].new_value = copy_string(cells[i].new_value);
	}
	return copies;
}

/* A copy that lasts, in the current context, for export_plan_linked(). */
PlannedPerson *
export_link_person(const DiffPerson *person)
{
	Linked	   *linked = palloc0(sizeof(Linked));
	DiffPerson *copy = &linked->planned.person;
	ListCell   *cell;

	*copy = *person;
	copy->vendor_email = copy_string(person->vendor_email);
	copy->email = copy_string(person->email);
	copy->vendor_id = copy_string(person->vendor_id);
	copy->id = copy_string(person->id);
	copy->cells = copy_cells(person->cells, person->cell_count);
	copy->values = copy_cells(person->values, person->value_count);
	copy->vendor_groups = NIL;
	foreach(cell, person->vendor_groups)
		copy->vendor_groups = lappend(copy->vendor_groups, pstrdup(lfirst(cell)));
	copy->email_holder.user_id = copy_string(person->email_holder.user_id);
	copy->id_holder.user_id = copy_string(person->id_holder.user_id);
	return &linked->planned;
}

/* ---- who is linked with whom ---- */

static Linked *
find_linked(HTAB *table, int64 profile_id)
{
	LinkedEntry *entry = hash_search(table, &profile_id, HASH_FIND, NULL);

	return entry != NULL ? entry->linked : NULL;
}

static Linked *
component_of(Linked *linked)
{
	while (linked->component != linked)
	{
		linked->component = linked->component->component;	/* halve the path */
		linked = linked->component;
	}
	return linked;
}

static void
connect(List *all_linked)
{
	HASHCTL		control = {
		.keysize = sizeof(int64),
		.entrysize = sizeof(LinkedEntry),
		.hcxt = CurrentMemoryContext
	};
	HTAB	   *table = hash_create("orgsync linked people", Max(list_length(all_linked), 1),
									&control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	ListCell   *cell;

	foreach(cell, all_linked)
	{
		Linked	   *linked = lfirst(cell);

		linked->component = linked;
		((LinkedEntry *) hash_search(table, &linked->planned.person.profile_id, HASH_ENTER, NULL))->linked =
			linked;
	}
	foreach(cell, all_linked)
	{
		Linked	   *linked = lfirst(cell);

		linked->holders[0] = find_linked(table, linked->planned.person.email_holder.profile_id);
		linked->holders[1] = find_linked(table, linked->planned.person.id_holder.profile_id);
		for (int i = 0; i < 2; i++)
			if (linked->holders[i] != NULL)
				component_of(linked)->component = component_of(linked->holders[i]);
	}
	hash_destroy(table);
}

/* ---- units ---- */

/* Is the address, or the id, that the person shall have to stay with its holder? */
static bool
is_blocked(const ExportPlan *plan, const DiffHolder *holder, const Linked *linked_holder, DiffPlace place)
{
	if (holder->profile_id == 0)
		return false;
	if (linked_holder == NULL)
		return !holder->frees;
	return !export_plan_renames(plan, &linked_holder->planned, place);
}

/* Finds who of a unit is blocked, when that is known of all units before it. */
static void
block_unit(const ExportPlan *plan, Linked *first)
{
	bool		changed;

	do
	{
		changed = false;
		for (Linked *linked = first; linked != NULL; linked = linked->next_in_unit)
		{
			PlannedPerson *planned = &linked->planned;

			if (!planned->email_blocked &&
				is_blocked(plan, &planned->person.email_holder, linked->holders[0],
						   DIFF_PRIMARY_EMAIL_ADDRESS))
				changed = planned->email_blocked = true;
			if (!planned->id_blocked &&
				is_blocked(plan, &planned->person.id_holder, linked->holders[1], DIFF_UNIQUE_USER_ID))
				changed = planned->id_blocked = true;
		}
		CHECK_FOR_INTERRUPTS();
	} while (changed);
}

static void
number_unit(ExportPlan *plan, Linked *first, Walk *walk)
{
	int			unit = ++walk->unit_count;

	block_unit(plan, first);
	for (Linked *linked = first; linked != NULL; linked = linked->next_in_unit)
	{
		const PlannedPerson *planned = &linked->planned;
		Linked	   *component = component_of(linked);

		linked->planned.unit = unit;
		walk->ordered = lappend(walk->ordered, linked);
		if (export_plan_renames(plan, planned, DIFF_PRIMARY_EMAIL_ADDRESS) &&
			(planned->person.vendor_id == NULL || !plan->account->product->has_unique_user_id))
			component->needs_address = true;
		if (export_plan_renames(plan, planned, DIFF_UNIQUE_USER_ID))
			component->has_new_id = true;
	}
}

/* Takes a unit from the stack: all down to this one. */
static Linked *
pop_unit(Walk *walk, Linked *root)
{
	Linked	   *first = NULL;
	Linked	   *linked;

	do
	{
		linked = llast(walk->stack);
		walk->stack = list_delete_last(walk->stack);
		linked->is_on_stack = false;
		linked->next_in_unit = first;
		first = linked;
	} while (linked != root);
	return first;
}

/* Tarjan's walk from one person on; its recursion is a list, since chains can be long. */
static void
find_units(ExportPlan *plan, Linked *start, Walk *walk)
{
	List	   *path = list_make1(start);

	while (path != NIL)
	{
		Linked	   *linked = llast(path);
		Linked	   *holder;

		CHECK_FOR_INTERRUPTS();
		if (linked->index == 0)
		{
			linked->index = linked->low_link = ++walk->index;
			walk->stack = lappend(walk->stack, linked);
			linked->is_on_stack = true;
		}
		if (linked->next_holder < 2)
		{
			holder = linked->holders[linked->next_holder++];
			if (holder != NULL && holder->index == 0)
				path = lappend(path, holder);
			else if (holder != NULL && holder->is_on_stack)
				linked->low_link = Min(linked->low_link, holder->index);
			continue;
		}
		path = list_delete_last(path);
		if (path != NIL)
		{
			Linked	   *waiter = llast(path);

			waiter->low_link = Min(waiter->low_link, linked->low_link);
		}
		if (linked->low_link == linked->index)
			number_unit(plan, pop_unit(walk, linked), walk);
	}
}

static RenameForm
form_of(Linked *linked)
{
	const Linked *component = component_of(linked);

	if (component->needs_address)
		return RENAME_BY_ADDRESS;
	return component->has_new_id ? RENAME_BY_ID_WITH_NEW_ID : RENAME_BY_ID;
}

/* Plans all people who wait for somebody or for whom somebody waits, in the order of units. */
void
export_plan_linked(ExportPlan *plan, List *all_linked)
{
	Walk		walk = {0};
	ListCell   *cell;

	connect(all_linked);
	foreach(cell, all_linked)
		if (((Linked *) lfirst(cell))->index == 0)
			find_units(plan, lfirst(cell), &walk);
	foreach(cell, walk.ordered)
	{
		Linked	   *linked = lfirst(cell);

		linked->planned.form = form_of(linked);
		export_plan_person(plan, &linked->planned);
	}
}
