/*
 * export_threshold.c
 *		Stops an export that looks like an accident.
 *
 * Most of the people losing their seats at once, or being gone, is more often a
 * broken feed than a decision.  So is one group that vanishes while the rest of
 * the account stays as it is: a department that the feed forgot.  An export is
 * held up, unless with override, if it would
 *
 *	- revoke more than max_revoke_percent of the seats taken in the account, or
 *	  of the people of any group,
 *	- take leave (revoke, leave groups, forbid) of more than max_remove_percent of
 *	  the profiles, or of the people of any group, because they were deleted;
 *
 * unless fewer people than threshold_floor are concerned.  A group's people are
 * those whom the vendor has in it.
 *
 * So is an export that grants seats which protected people keep at the vendor's: with
 * them, more would be taken there than the license has.
 *
 * Counting all people of a group costs more than a small export.  But only small
 * groups are in danger: for n people to be too many, the group must have fewer
 * than n * 100 / percent, and counting stops there.
 */
#include "export_plan.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "name_table.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

/* People of a group, or of the whole account. */
typedef struct Loss
{
	int64		count;
	char	   *first[EXPORT_NAMED_PEOPLE];
} Loss;

typedef struct GroupLoss
{
	char	   *header;			/* hash key */
	Loss		revoked;
	Loss		removed;
	int64		gone;			/* of them, how many are no members here any more */
} GroupLoss;

/* Seats of a license that protected people lost here only, and those that are granted. */
typedef struct KeptSeats
{
	char	   *header;			/* hash key */
	Loss		kept;
	int64		granted;
} KeptSeats;

struct ExportThreshold
{
	MemoryContext context;
	int64		seats_revoked;
	int64		seats_granted;
	Loss		revoked;
	Loss		removed;
	HTAB	   *groups;
	HTAB	   *licenses;
};

/* Nothing is counted yet; in the current context. */
void
export_threshold_begin(ExportPlan *plan)
{
	plan->threshold = palloc0(sizeof(ExportThreshold));
	plan->threshold->context = CurrentMemoryContext;
	plan->threshold->groups = name_table_create("orgsync losses of groups", sizeof(GroupLoss),
												CurrentMemoryContext);
	plan->threshold->licenses = name_table_create("orgsync kept seats", sizeof(KeptSeats), CurrentMemoryContext);
}

static void
add_loss(const ExportThreshold *threshold, Loss *loss, const DiffPerson *person)
{
	if (loss->count < EXPORT_NAMED_PEOPLE)
		loss->first[loss->count] = MemoryContextStrdup(threshold->context, person->vendor_email);
	loss->count++;
}

static GroupLoss *
group_loss(ExportThreshold *threshold, const char *header)
{
	return name_table_enter(threshold->groups, header, sizeof(GroupLoss), threshold->context);
}

static KeptSeats *
kept_seats(ExportThreshold *threshold, const char *header)
{
	return name_table_enter(threshold->licenses, header, sizeof(KeptSeats), threshold->context);
}

static bool
leaves(const DiffPerson *person, const char *header)
{
	for (int i = 0; i < person->cell_count; i++)
		if (strcmp(person->cells[i].action, "leave") == 0 &&
			strcmp(person->cells[i].column_name, header) == 0)
			return true;
	return false;
}

/* Counts what the export does to the person. */
void
export_threshold_count(ExportPlan *plan, const DiffPerson *person)
{
	ExportThreshold *threshold = plan->threshold;
	bool		loses_a_seat = false;
	bool		is_removed = false;
	ListCell   *cell;

	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *differs = &person->cells[i];

		is_removed |= person->state == DIFF_DELETED && differs->hold == DIFF_NOT_HELD;
		if (differs->place != DIFF_LICENSE)
			continue;
		if (strcmp(differs->new_value, "active") == 0)
		{
			threshold->seats_granted++;
			kept_seats(threshold, differs->column_name)->granted++;
		}
		else if (differs->hold == DIFF_HELD_PROTECTED)
			add_loss(threshold, &kept_seats(threshold, differs->column_name)->kept, person);
		else if (differs->hold == DIFF_NOT_HELD)
		{
			threshold->seats_revoked++;
			loses_a_seat = true;
		}
	}
	if (loses_a_seat)
		add_loss(threshold, &threshold->revoked, person);
	if (is_removed)
		add_loss(threshold, &threshold->removed, person);
	if (!loses_a_seat && !is_removed)
		return;
	foreach(cell, person->vendor_groups)
	{
		GroupLoss  *loss = group_loss(threshold, lfirst(cell));

		if (loses_a_seat)
			add_loss(threshold, &loss->revoked, person);
		if (is_removed)
			add_loss(threshold, &loss->removed, person);
		loss->gone += leaves(person, lfirst(cell));
	}
}

/* ---- the check ---- */

static char *
names_of(const Loss *loss)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < EXPORT_NAMED_PEOPLE && i < loss->count; i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", loss->first[i]);
	if (loss->count > EXPORT_NAMED_PEOPLE)
		appendStringInfo(&names, " and %lld more", (long long) (loss->count - EXPORT_NAMED_PEOPLE));
	return names.data;
}

static double
percent_of(int64 part, int64 whole)
{
	return whole > 0 ? 100.0 * part / whole : 100.0;
}

/* Below how many people are so many of them too many? */
static int64
dangerous_size(int64 count, double percent)
{
	double		size = percent > 0 ? count * 100.0 / percent : (double) PG_INT32_MAX;

	return (int64) Min(size, (double) PG_INT32_MAX) + 1;
}

/* Notes why the export is held up; what: "the export would ... of account", palloc'd. */
static void
hold_up(ExportPlan *plan, const Loss *loss, int64 part, int64 whole, const char *setting, double limit,
		char *what)
{
	if (plan->held_up != NULL)
		return;
	plan->held_up = what;
	plan->held_up_detail = psprintf("That is %.1f %%, and %s is %g. It concerns %s.",
									percent_of(part, whole), setting, limit, names_of(loss));
	plan->held_up_hint = "See orgsync.diff() for all of them. If this is meant, export with override => true.";
}

static bool
is_too_many(const Account *account, const Loss *loss, int64 part, int64 whole, double limit)
{
	return loss->count > 0 && loss->count >= account->threshold_floor && percent_of(part, whole) > limit;
}

static void
check_account(ExportPlan *plan, const DiffReader *reader)
{
	const Account *account = plan->account;
	const ExportThreshold *threshold = plan->threshold;
	int64		seats = diff_seats_taken(reader) - threshold->seats_granted + threshold->seats_revoked;

	if (is_too_many(account, &threshold->revoked, threshold->seats_revoked, seats,
					account->max_revoke_percent))
		hold_up(plan, &threshold->revoked, threshold->seats_revoked, seats, "max_revoke_percent",
			 account->max_revoke_percent,
			 psprintf("the export would revoke %lld of the %lld seats taken in account \"%s\"",
					  (long long) threshold->seats_revoked, (long long) seats, account->name));
	if (threshold->removed.count > 0 && threshold->removed.count >= account->threshold_floor)
	{
		SqlArgument limit = SQL_INT8(dangerous_size(threshold->removed.count, account->max_remove_percent));
		int64		people = threshold->removed.count +
			diff_count(reader, "SELECT count(*) FROM (SELECT FROM @account.profiles LIMIT $1) AS p", 1, &limit);

		if (is_too_many(account, &threshold->removed, threshold->removed.count, people,
						account->max_remove_percent))
			hold_up(plan, &threshold->removed, threshold->removed.count, people, "max_remove_percent",
				 account->max_remove_percent,
				 psprintf("the export would remove %lld of the %lld people of account \"%s\"",
						  (long long) threshold->removed.count, (long long) people, account->name));
	}
}

static void
check_group(ExportPlan *plan, const DiffReader *reader, const GroupLoss *loss)
{
	const Account *account = plan->account;
	int64		limit = Max(dangerous_size(loss->revoked.count, account->max_revoke_percent),
							dangerous_size(loss->removed.count, account->max_remove_percent));
	int64		people;

	if (Max(loss->revoked.count, loss->removed.count) < account->threshold_floor)
		return;
	people = loss->gone +
		diff_count(reader, "SELECT count(*) FROM (SELECT FROM @account.memberships"
				   " WHERE group_id = (SELECT group_id FROM @account.groups WHERE $1 || name = $2)"
				   " LIMIT $3) AS m", 3,
				   (SqlArgument[]) {
					   sql_text(plan->notation.group_header_prefix), sql_text(loss->header), SQL_INT8(limit)
				   });
	if (is_too_many(account, &loss->revoked, loss->revoked.count, people, account->max_revoke_percent))
		hold_up(plan, &loss->revoked, loss->revoked.count, people, "max_revoke_percent",
			 account->max_revoke_percent,
			 psprintf("the export would revoke seats of %lld of the %lld people in \"%s\" of account \"%s\"",
					  (long long) loss->revoked.count, (long long) people, loss->header, account->name));
	if (is_too_many(account, &loss->removed, loss->removed.count, people, account->max_remove_percent))
		hold_up(plan, &loss->removed, loss->removed.count, people, "max_remove_percent",
			 account->max_remove_percent,
			 psprintf("the export would remove %lld of the %lld people in \"%s\" of account \"%s\"",
					  (long long) loss->removed.count, (long long) people, loss->header, account->name));
}

static void
check_license(ExportPlan *plan, const DiffReader *reader, const KeptSeats *seats)
{
	int64		free;

	if (seats->kept.count == 0 || seats->granted == 0)
		return;
	free = diff_count(reader, "SELECT coalesce(min(l.seats - (SELECT coalesce(sum(c.activated +"
					  "   CASE l.counting WHEN 'invited' THEN c.invited ELSE 0 END), 0)"
					  "  FROM @account.seat_counters AS c WHERE c.license_id = l.license_id)), $2)::bigint"
					  " FROM @account.licenses AS l WHERE lower(l.header::text COLLATE \"C\") = lower($1)", 2,
					  (SqlArgument[]) {sql_text(seats->header), SQL_INT8(seats->kept.count)});
	if (seats->kept.count <= free)
		return;
	plan->held_up = psprintf("the export would take more seats of \"%s\" than account \"%s\" has",
							 seats->header, plan->account->name);
	plan->held_up_detail = psprintf("Seats that protected people lost here, but keep at the vendor's: %lld. Seats that are free: %lld."
									" It concerns %s.",
									(long long) seats->kept.count, (long long) Max(free, 0), names_of(&seats->kept));
	plan->held_up_hint = "Free seats, raise their number, or end the protection. With override => true, the vendor would refuse somebody.";
}

/* Sets plan->held_up if the export does more than the thresholds allow. */
void
export_threshold_check(ExportPlan *plan, const DiffReader *reader)
{
	int			group_count;
	int			license_count;
	GroupLoss **losses = name_table_sorted(plan->threshold->groups, &group_count);
	KeptSeats **seats = name_table_sorted(plan->threshold->licenses, &license_count);

	check_account(plan, reader);
	for (int i = 0; i < group_count && plan->held_up == NULL; i++)
		check_group(plan, reader, losses[i]);
	for (int i = 0; i < license_count && plan->held_up == NULL; i++)
		check_license(plan, reader, seats[i]);
}
