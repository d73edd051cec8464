/*
 * import_seats.c
 *		Who gets a seat.
 *
 * Within one import revocations come first, those of people who are absent
 * from a file of mode full too, then the people on the waiting list, then grants
 * in line order.  While there are enough free seats for every cell that says
 * "active", and nobody waits, that makes no difference; else a first pass over
 * the rows counts what they give back.  Where a row whose revocations were
 * counted on is rejected after all, import_decide.c begins anew without them;
 * then they count from its own line on, if it is accepted.
 *
 * What is decided here the triggers do: the statement that revokes the seats
 * invites those who wait.  Where transfers are limited, the same figures are
 * kept here as license_transfer.c keeps.
 *
 * The licenses in question are locked, so that nobody else takes seats between
 * the decision and the writing.  Before that, the table of seats is locked
 * against writers: one that has locked a row that we are going to write, and then
 * waits for the license, would wait for us and we for him.
 */
#include "import.h"

#include "catalog/pg_type.h"
#include "license_transfer.h"
#include "license_waiting.h"
#include "sql.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

/* A person who waits for a seat of a license, or whose seat was taken back and not given to another. */
typedef struct SeatPersonKey
{
	int64		profile_id;
	int64		license;		/* index in Import.licenses */
} SeatPersonKey;

typedef struct SeatPerson
{
	SeatPersonKey key;
	bool		waits;
	bool		leaves;			/* the list, by the file or because he is absent */
	bool		is_invited;		/* as a seat is free for him before all grants */
	bool		vacated;		/* he has left a seat */
} SeatPerson;

/* The waiting list of a license, oldest first. */
typedef struct WaitingList
{
	int			count;
	SeatPerson **people;
} WaitingList;

typedef struct SeatRequests
{
	int64	   *free;			/* free seats of each license; INT64_MAX: no limit */
	const char **results;		/* of each license: the status that the present row sets, or NULL */
	HTAB	   *people;
	WaitingList *waiting;		/* of each license */
	TransferState *transfers;	/* of each license, if it has a limit of transfers */
} SeatRequests;

/* Does an invitation take a seat of the license, and are they limited? */
static bool
is_limited(const LicenseUsage *license)
{
	return license->terms.counts_invited && license->terms.seats != SEATS_WITHOUT_LIMIT;
}

static bool
has_transfers(const LicenseUsage *license)
{
	return license->terms.counts_invited && license->terms.transfers_per_year >= 0;
}

/* What is known of a person and the license, by its index; NULL if there is nothing. */
static SeatPerson *
find_person(const Import *import, int license, int64 profile_id)
{
	SeatPersonKey key = {profile_id, license};

	return hash_search(import->seats->people, &key, HASH_FIND, NULL);
}

static SeatPerson *
make_person(Import *import, int license, int64 profile_id)
{
	SeatPersonKey key = {profile_id, license};
	bool		found;
	SeatPerson *person = hash_search(import->seats->people, &key, HASH_ENTER, &found);

	if (!found)
		memset((char *) person + sizeof(key), 0, sizeof(SeatPerson) - sizeof(key));
	return person;
}

/* The people that wait for a seat of the license. */
static void
read_waiting(Import *import, int license)
{
	WaitingList *list = &import->seats->waiting[license];

	list->count = (int) sql_run_latest(import->account, "SELECT profile_id FROM @account.seats WHERE license_id = $1"
									   " AND status = 'waitlisted' ORDER BY since, profile_id", 1,
									   (SqlArgument[]) {SQL_INT4(import->licenses[license].terms.license_id)});
	list->people = MemoryContextAllocHuge(import->attempt_context, sizeof(SeatPerson *) * Max(list->count, 1));
	for (int i = 0; i < list->count; i++)
	{
		list->people[i] = make_person(import, license, sql_int64(i, 0));
		list->people[i]->waits = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The license's transfers, and the people whose seats nobody was given yet. */
static void
read_transfers(Import *import, int license)
{
	const LicenseUsage *usage = &import->licenses[license];
	int			count;

	license_transfer_state(import->account, usage->terms.license_id, usage->terms.transfers_per_year,
						   &import->seats->transfers[license]);
	count = (int) sql_run_latest(import->account, "SELECT from_profile_id FROM @account.transfers WHERE license_id = $1"
								 " AND to_profile_id IS NULL", 1, (SqlArgument[]) {SQL_INT4(usage->terms.license_id)});
	for (int i = 0; i < count; i++)
		make_person(import, license, sql_int64(i, 0))->vacated = true;
	SPI_freetuptable(SPI_tuptable);
}

/* Locks the licenses of the file that may run short, in order. */
static void
lock_licenses(Import *import)
{
	bool		seats_locked = false;

	for (int i = 0; i < import->license_count; i++)
	{
		const LicenseUsage *license = &import->licenses[i];

		if ((!is_limited(license) && !has_transfers(license)) || import->active_cells[i] == 0)
			continue;
		if (!seats_locked)
			LockRelationOid(get_relname_relid("seats", import->account->namespace_oid), ShareRowExclusiveLock);
		seats_locked = true;
		license_cap_lock(import->account, license->terms.license_id);
	}
}

/* Locks the licenses of the file that may run short, and counts the free seats. */
void
import_seats_begin(Import *import)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	SeatRequests *requests = palloc(sizeof(SeatRequests));
	HASHCTL		control = {.keysize = sizeof(SeatPersonKey),.entrysize = sizeof(SeatPerson),.hcxt = import->attempt_context};
	int			license_count = Max(import->license_count, 1);
	LicenseUsage *now;
	int			count;

	import->seats = requests;
	lock_licenses(import);
	count = license_usage_read(import->account, &now);

	requests->free = palloc(sizeof(int64) * license_count);
	requests->results = palloc0(sizeof(char *) * license_count);
	requests->people = hash_create("orgsync seat people", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	requests->waiting = palloc0(sizeof(WaitingList) * license_count);
	requests->transfers = palloc0(sizeof(TransferState) * license_count);
	for (int i = 0; i < import->license_count; i++)
	{
		requests->free[i] = 0;	/* if it was deleted since the header was read */
		for (int j = 0; j < count; j++)
			if (now[j].terms.license_id == import->licenses[i].terms.license_id)
			{
				now[j].terms.header = import->licenses[i].terms.header;
				import->licenses[i] = now[j];
				requests->free[i] = is_limited(&now[j]) ?
					now[j].terms.seats - license_usage_taken(&now[j]) : PG_INT64_MAX;
			}
		if (import->active_cells[i] == 0)
			continue;
		if (is_limited(&import->licenses[i]) && import->licenses[i].terms.waits_when_full &&
			import->licenses[i].waitlisted > 0)
			read_waiting(import, i);
		if (has_transfers(&import->licenses[i]))
			read_transfers(import, i);
	}
	MemoryContextSwitchTo(old_context);
	if (import->options.full && import_seats_need_first_pass(import))
		import_count_absent_seats(import);
}

/* May seats run short, so that it matters who comes first? */
bool
import_seats_need_first_pass(const Import *import)
{
	for (int i = 0; i < import->license_count; i++)
		if (import->active_cells[i] > import->seats->free[i] || import->seats->waiting[i].count > 0 ||
			(import->active_cells[i] > 0 && has_transfers(&import->licenses[i])))
			return true;
	return false;
}

/* So many seats of the license, by its index, are given back. */
void
import_seats_give_back(Import *import, int license, int64 count)
{
	if (import->seats->free[license] != PG_INT64_MAX)
		import->seats->free[license] += count;
	if (has_transfers(&import->licenses[license]))
		import->seats->transfers[license].vacated += count;
}

/* A profile leaves the license's waiting list, if it is on it. */
void
import_seats_leave_list(Import *import, int license, int64 profile_id)
{
	SeatPerson *person = find_person(import, license, profile_id);

	if (person != NULL)
		person->leaves = true;
}

/* The profile's status for a license; "unassigned" if it never had it. */
const char *
import_seat_status(const PresentProfile *present, int license_id)
{
	ListCell   *cell;

	if (present != NULL)
		foreach(cell, present->seats)
		{
			PresentSeat *seat = lfirst(cell);

			if (seat->license_id == license_id)
				return seat->status;
		}
	return "unassigned";
}

static bool
takes_seat(const LicenseUsage *license, const char *status)
{
	return strcmp(status, "activated") == 0 || (license->terms.counts_invited && strcmp(status, "invited") == 0);
}

static bool
wants_seat(const char *status)
{
	return strcmp(status, "unassigned") == 0 || strcmp(status, "waitlisted") == 0;
}

/* What the row says of a license: by its cell, or because whoever is new gets it. */
static cell_value
wanted_of(const Import *import, const ImportRow *row, const PresentProfile *present, int license)
{
	int			column = import->license_columns[license];

	if (column != NO_COLUMN)
		return row->cells[column].value;
	return license == import->initial_license && present == NULL ? CELL_YES : CELL_EMPTY;
}

/* First pass: what a row gives back is free from the start.  Returns whether it gives back anything. */
bool
import_seats_count_revocations(Import *import, const ImportRow *row, const PresentProfile *present)
{
	bool		gives_back = false;

	for (int i = 0; i < import->license_count; i++)
	{
		const LicenseUsage *license = &import->licenses[i];
		const char *status = import_seat_status(present, license->terms.license_id);

		if (wanted_of(import, row, present, i) != CELL_NO)
			continue;
		if ((is_limited(license) || has_transfers(license)) && takes_seat(license, status))
		{
			import_seats_give_back(import, i, 1);
			gives_back = true;
		}
		else if (find_person(import, i, present->profile_id) != NULL && strcmp(status, "waitlisted") == 0)
		{
			import_seats_leave_list(import, i, present->profile_id);
			gives_back = true;
		}
	}
	return gives_back;
}

/* Would the next seat of the license given to this person be a transfer over the limit? */
static bool
is_over_transfers(const Import *import, int license, int64 profile_id)
{
	const LicenseUsage *usage = &import->licenses[license];
	const TransferState *state = &import->seats->transfers[license];
	SeatPerson *person = find_person(import, license, profile_id);

	return has_transfers(usage) && !(person != NULL && person->vacated) &&
		license_transfer_allowance(state, usage->terms.seats, import->seats->free[license]) < 1;
}

/* Takes a seat of the license for the person. */
static void
take_seat(Import *import, int license, int64 profile_id)
{
	const LicenseUsage *usage = &import->licenses[license];
	TransferState *state = &import->seats->transfers[license];
	SeatPerson *person = find_person(import, license, profile_id);

	if (has_transfers(usage) && person != NULL && person->vacated)
	{
		person->vacated = false;
		state->vacated--;
	}
	else if (has_transfers(usage) && state->vacated > 0 &&
			 (state->left > 0 || license_transfer_unused(state, usage->terms.seats, import->seats->free[license]) == 0))
	{
		state->vacated--;
		state->left = Max(state->left - 1, 0);
	}
	if (import->seats->free[license] != PG_INT64_MAX)
		import->seats->free[license]--;
}

/* After the first pass: the people who wait get what is free then, oldest first. */
void
import_seats_invite_waiting(Import *import)
{
	for (int i = 0; i < import->license_count; i++)
	{
		const LicenseUsage *license = &import->licenses[i];
		const WaitingList *list = &import->seats->waiting[i];
		int64		count = import->seats->free[i];

		if (has_transfers(license) && license->terms.transfer_action == RULE_REJECT)
			count = license_transfer_allowance(&import->seats->transfers[i], license->terms.seats, count);
		for (int j = 0; j < list->count && count > 0; j++)
			if (!list->people[j]->leaves)
			{
				list->people[j]->is_invited = true;
				take_seat(import, i, list->people[j]->key.profile_id);
				count--;
			}
	}
}

/* From here on it is noted who is invited from the waiting lists, until import_seats_watch_end(). */
void
import_seats_watch(Import *import)
{
	Invitations *invited = MemoryContextAllocZero(import->attempt_context, sizeof(Invitations));

	invited->capacity = 64;
	invited->people = MemoryContextAlloc(import->attempt_context, sizeof(Invitation) * invited->capacity);
	license_invitations_noted = invited;
}

void
import_seats_watch_end(void)
{
	license_invitations_noted = NULL;
}

/*
 * Counts the people who were invited from the waiting lists meanwhile, and not by
 * a row of theirs, which has been counted: each seat, but one mail a person.  To
 * be called when all is written, while the change set can be read.
 */
void
import_seats_count_invited(Import *import)
{
	const Invitations *invited = license_invitations_noted;
	MemoryContext old_context;
	int64	   *license_ids;
	int64	   *profile_ids;

	if (invited == NULL || invited->count == 0)
		return;
	old_context = MemoryContextSwitchTo(import->attempt_context);
	license_ids = palloc_extended(sizeof(int64) * invited->count, MCXT_ALLOC_HUGE);
	profile_ids = palloc_extended(sizeof(int64) * invited->count, MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < invited->count; i++)
	{
		license_ids[i] = invited->people[i].license_id;
		profile_ids[i] = invited->people[i].profile_id;
	}
	(void) sql_run_once(import->account,
						"WITH by_rows AS (SELECT profile_id, license_id FROM granted_seats WHERE status = 'invited'"
						" UNION ALL SELECT profile_id, license_id FROM new_seats WHERE status = 'invited')"
						" SELECT count(*), count(DISTINCT i.profile_id) FILTER"
						" (WHERE i.profile_id NOT IN (SELECT profile_id FROM by_rows))"
						" FROM (SELECT DISTINCT profile_id, license_id::integer FROM unnest($1, $2) AS u (license_id, profile_id)) AS i"
						" JOIN @account.seats AS s ON s.profile_id = i.profile_id AND s.license_id = i.license_id"
						" AND s.status = 'invited'"
						" WHERE NOT EXISTS (SELECT FROM by_rows AS r"
						" WHERE r.profile_id = i.profile_id AND r.license_id = i.license_id)",
						2, (SqlArgument[]) {sql_int8_array(license_ids, (int) invited->count),
											sql_int8_array(profile_ids, (int) invited->count)});
	import->counts.seats_granted += sql_int64(0, 0);
	import->counts.invitations += sql_int64(0, 1);
	SPI_freetuptable(SPI_tuptable);
	MemoryContextSwitchTo(old_context);
}

/* The status that the profile has for the license, by its index, when the grants begin. */
static const char *
present_status(const Import *import, const PresentProfile *present, int license)
{
	const char *status = import_seat_status(present, import->licenses[license].terms.license_id);
	SeatPerson *person = present == NULL ? NULL : find_person(import, license, present->profile_id);

	return person != NULL && person->is_invited && strcmp(status, "waitlisted") == 0 ? "invited" : status;
}

/* Tells of a seat that would be a transfer over the limit.  False if the row is rejected. */
static bool
report_transfer(Import *import, ImportRow *row, int license)
{
	const LicenseUsage *usage = &import->licenses[license];
	int			column = import->license_columns[license];
	const char *header = column == NO_COLUMN ? NULL : import->columns[column].header;
	char	   *limit = psprintf(INT64_FORMAT, usage->terms.transfers_per_year);

	if (usage->terms.transfer_action == RULE_REJECT)
		import_reject(import, row, FINDING_TRANSFER_LIMIT_EXCEEDED, header, 2, usage->terms.header, limit);
	else if (usage->terms.transfer_action == RULE_WARN)
		import_report(import, FINDING_TRANSFER_OVER_LIMIT, row->line, header, row, 2, usage->terms.header, limit);
	return usage->terms.transfer_action != RULE_REJECT;
}

/*
 * Second pass: decides on the seats of a row, all or none of them.  False if
 * there is no seat, and the row then is reported.  counted_before: the first
 * pass has counted what the row gives back.
 */
bool
import_seats_request(Import *import, ImportRow *row, const PresentProfile *present, bool counted_before)
{
	SeatRequests *requests = import->seats;
	int64		profile_id = present == NULL ? 0 : present->profile_id;

	memset(requests->results, 0, sizeof(char *) * import->license_count);
	for (int i = 0; i < import->license_count; i++)
	{
		const LicenseUsage *license = &import->licenses[i];
		cell_value	wanted = wanted_of(import, row, present, i);
		const char *status = present_status(import, present, i);
		int			column = import->license_columns[i];

		if (wanted == CELL_EMPTY)
			continue;
		if (wanted == CELL_NO)
			requests->results[i] = "unassigned";
		else if (!wants_seat(status))
			requests->results[i] = status;
		else if (!is_limited(license) || requests->free[i] > 0)
		{
			if (is_over_transfers(import, i, profile_id) && !report_transfer(import, row, i))
				return false;
			requests->results[i] = "invited";
		}
		else if (license->terms.waits_when_full)
			requests->results[i] = "waitlisted";
		else
		{
			import_reject(import, row, FINDING_LICENSE_CAP_EXCEEDED,
						  column == NO_COLUMN ? NULL : import->columns[column].header, 3, license->terms.header,
						  psprintf(INT64_FORMAT, license->terms.seats),
						  psprintf(INT64_FORMAT, license->terms.seats - requests->free[i]));
			return false;
		}
	}

	for (int i = 0; i < import->license_count; i++)
	{
		const LicenseUsage *license = &import->licenses[i];
		bool		took = takes_seat(license, present_status(import, present, i));
		bool		takes;

		if (requests->results[i] == NULL || (!is_limited(license) && !has_transfers(license)))
			continue;
		takes = takes_seat(license, requests->results[i]);
		if (takes && !took)
			take_seat(import, i, profile_id);
		else if (took && !takes && !counted_before)
			import_seats_give_back(import, i, 1);
	}
	return true;
}

/* The status that the present row sets for the license, by its index; NULL if it sets none. */
const char *
import_seat_result(const Import *import, int license)
{
	return import->seats->results[license];
}
