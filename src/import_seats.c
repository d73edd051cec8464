/*
 * import_seats.c
 *		Who gets a seat.
 *
 * Within one import revocations come first, those of people who are absent
 * from a file of mode full too, then grants in line order.  While there are
 * enough free seats for every cell that says "active", that makes no difference;
 * else a first pass over the rows counts what they give back.  Where a row whose
 * revocations were counted on is rejected after all, import_decide.c begins anew
 * without them; then they count from its own line on, if it is accepted.
 *
 * The licenses in question are locked, so that nobody else takes seats between
 * the decision and the writing.
 */
#include "import.h"

#include "sql.h"

typedef struct SeatRequests
{
	int64	   *free;			/* free seats of each license; INT64_MAX: no limit */
	const char **results;		/* of each license: the status that the present row sets, or NULL */
} SeatRequests;

/* Does an invitation take a seat of the license, and are they limited? */
static bool
is_limited(const LicenseUsage *license)
{
	return license->counts_invited && license->seats != SEATS_WITHOUT_LIMIT;
}

/* Locks the licenses of the file that may run short, in order, and counts the free seats. */
void
import_seats_begin(Import *import)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->attempt_context);
	SeatRequests *requests = palloc(sizeof(SeatRequests));
	LicenseUsage *now;
	int			count;

	import->seats = requests;
	for (int i = 0; i < import->license_count; i++)
		if (is_limited(&import->licenses[i]) && import->active_cells[i] > 0)
			license_cap_lock(import->account, import->licenses[i].license_id);
	count = license_cap_usage(import->account, &now);

	requests->free = palloc(sizeof(int64) * Max(import->license_count, 1));
	requests->results = palloc0(sizeof(char *) * Max(import->license_count, 1));
	for (int i = 0; i < import->license_count; i++)
	{
		requests->free[i] = 0;	/* if it was deleted since the header was read */
		for (int j = 0; j < count; j++)
			if (now[j].license_id == import->licenses[i].license_id)
			{
				now[j].header = import->licenses[i].header;
				import->licenses[i] = now[j];
				requests->free[i] = is_limited(&now[j]) ?
					now[j].seats - license_usage_taken(&now[j]) : PG_INT64_MAX;
			}
	}
	MemoryContextSwitchTo(old_context);
	if (import->options.full && import_seats_need_first_pass(import))
		import_count_absent_seats(import, requests->free);
}

/* May seats run short, so that it matters who comes first? */
bool
import_seats_need_first_pass(const Import *import)
{
	for (int i = 0; i < import->license_count; i++)
		if (import->active_cells[i] > import->seats->free[i])
			return true;
	return false;
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
	return strcmp(status, "activated") == 0 || (license->counts_invited && strcmp(status, "invited") == 0);
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

		if (wanted_of(import, row, present, i) == CELL_NO && is_limited(license) &&
			takes_seat(license, import_seat_status(present, license->license_id)))
		{
			import->seats->free[i]++;
			gives_back = true;
		}
	}
	return gives_back;
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

	memset(requests->results, 0, sizeof(char *) * import->license_count);
	for (int i = 0; i < import->license_count; i++)
	{
		const LicenseUsage *license = &import->licenses[i];
		cell_value	wanted = wanted_of(import, row, present, i);
		const char *status = import_seat_status(present, license->license_id);
		int			column = import->license_columns[i];

		if (wanted == CELL_EMPTY)
			continue;
		if (wanted == CELL_NO)
			requests->results[i] = "unassigned";
		else if (!wants_seat(status))
			requests->results[i] = status;
		else if (!is_limited(license) || requests->free[i] > 0)
			requests->results[i] = "invited";
		else if (license->waits_when_full)
			requests->results[i] = "waitlisted";
		else
		{
			import_reject(import, row, FINDING_LICENSE_CAP_EXCEEDED,
						  column == NO_COLUMN ? NULL : import->columns[column].header, 3, license->header,
						  psprintf(INT64_FORMAT, license->seats),
						  psprintf(INT64_FORMAT, license->seats - requests->free[i]));
			return false;
		}
	}

	for (int i = 0; i < import->license_count; i++)
	{
		const LicenseUsage *license = &import->licenses[i];
		bool		took = takes_seat(license, import_seat_status(present, license->license_id));
		bool		takes;

		if (requests->results[i] == NULL || requests->free[i] == PG_INT64_MAX)
			continue;
		takes = takes_seat(license, requests->results[i]);
		if (takes && !took)
			requests->free[i]--;
		else if (took && !takes && !counted_before)
			requests->free[i]++;
	}
	return true;
}

/* The status that the present row sets for the license, by its index; NULL if it sets none. */
const char *
import_seat_result(const Import *import, int license)
{
	return import->seats->results[license];
}
