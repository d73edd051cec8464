/*
 * export_report.c
 *		export_report(): what an export would do, as a page for people to look at
 *		before they upload.
 *
 * The export is planned as export_csv() does it, and each person of the diff is
 * counted on the way; the files are made too, one at a time, for their numbers
 * of rows.  So the page says what an export would write, and costs what changed.
 * Of lists only the beginning is kept, and long cells are cut, so that the page
 * has a bounded size whatever is pending.
 *
 * All is read under the caller's snapshot: the seats after the export and the
 * seats that it grants agree.
 *
 * Memory: everything lives in the SPI context of the call; the page itself is
 * made in the caller's.
 */
#include "export_report.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "html.h"
#include "miscadmin.h"
#include "name_table.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(orgsync_export_report);

/* What is gathered while the export is planned. */
typedef struct Gathering
{
	const DiffNotation *notation;
	ExportReport *report;
	HTAB	   *tallies;		/* by column */
} Gathering;

typedef struct TallyEntry
{
	const char *column_name;
	ReportTally tally;
} TallyEntry;

/* The tally of the cell's column. */
static ReportTally *
tally(Gathering *gathering, const DiffCell *cell)
{
	bool		found;
	TallyEntry *entry = hash_search(gathering->tallies, &cell->column_name, HASH_ENTER, &found);

	if (!found)
	{
		/* a cell's name lasts no longer than its person */
		entry->column_name = pstrdup(cell->column_name);
		entry->tally = (ReportTally) {.column_name = (char *) entry->column_name, .place = cell->place};
	}
	return &entry->tally;
}

static void
tally_cell(Gathering *gathering, const DiffCell *cell, bool is_gained)
{
	if (is_gained)
		tally(gathering, cell)->gained++;
	else
		tally(gathering, cell)->lost++;
}


/* Adds a line to the list, if it has room; cells are copied. */
static void
list_add(ReportList *list, int64 profile_id, const char *first, const char *second,
		 const char *third, const char *fourth)
{
	const char *cells[REPORT_LIST_COLUMNS] = {first, second, third, fourth};

	list->total++;
	if (list->count == REPORT_LIST_LENGTH)
		return;
	list->profile_ids[list->count] = profile_id;
	for (int i = 0; i < REPORT_LIST_COLUMNS; i++)
		list->cells[list->count][i] = html_clip(cells[i], REPORT_CELL_LENGTH);
	list->count++;
}

/* A cell that stays as the vendor has it. */
static void
gather_held_cell(Gathering *gathering, const DiffPerson *person, const DiffCell *cell)
{
	const char *email = person->vendor_email != NULL ? person->vendor_email : person->email;

	list_add(&gathering->report->held, person->profile_id, email, cell->column_name,
			 cell->new_value, diff_hold_name(cell->hold));
	if (cell->place == DIFF_LICENSE && strcmp(cell->action, "revoke") == 0)
		tally(gathering, cell)->kept++;
}

/* Counts the cell, and notes it in the list that it belongs in. */
static void
gather_cell(Gathering *gathering, const DiffPerson *person, const DiffCell *cell, ExportKind kind)
{
	ExportReport *report = gathering->report;
	const char *email = person->email != NULL ? person->email : person->vendor_email;
	bool		is_added = person->state == DIFF_ADDED;
	bool		is_update = false;

	report->cells_changed++;
	if (kind == EXPORT_MANUAL || kind == EXPORT_MANUAL_REVOKE)
		list_add(&report->manual, person->profile_id, email, cell->column_name, cell->old_value,
				 cell->new_value);
	switch (cell->place)
	{
		case DIFF_LICENSE:
			{
				bool		is_granted = strcmp(cell->new_value, "active") == 0;

				tally_cell(gathering, cell, is_granted);
				if (is_granted)
					report->seats_granted++;
				else
					report->seats_revoked++;
			}
			break;
		case DIFF_GROUP:
			tally_cell(gathering, cell,
					   strcmp(cell->new_value, gathering->notation->group_yes) == 0);
			break;
		case DIFF_PERMISSION:
			tally_cell(gathering, cell, strcmp(cell->new_value, "no") != 0);
			list_add(&report->permitted, person->profile_id, email, cell->column_name,
					 cell->old_value, cell->new_value);
			break;
		case DIFF_PRIMARY_EMAIL_ADDRESS:
		case DIFF_UNIQUE_USER_ID:
			if (strcmp(cell->action, "rename") == 0)
				list_add(&report->renamed, person->profile_id, cell->column_name,
						 cell->old_value, cell->new_value, NULL);
			else
				is_update = true;
			break;
		default:
			is_update = true;
	}
	if (is_update && !is_added)
	{
		tally_cell(gathering, cell, cell->new_value != NULL);
		list_add(&report->updated, person->profile_id, email, cell->column_name,
				 cell->old_value, cell->new_value);
	}
}

/* Notes who loses seats, and which. */
static void
gather_lost_seats(ExportReport *report, const DiffPerson *person, const ExportKind *kinds)
{
	StringInfoData licenses;

	initStringInfo(&licenses);
	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (kinds[i] != EXPORT_NOT_AT_ALL && strcmp(cell->action, "revoke") == 0)
			appendStringInfo(&licenses, "%s%s", licenses.len > 0 ? ", " : "", cell->column_name);
	}
	if (licenses.len > 0)
		list_add(&report->seat_losers, person->profile_id, person->vendor_email, NULL,
				 licenses.data, person->state == DIFF_DELETED ? "deleted here" : "stays, without it");
	pfree(licenses.data);
}

/* An ExportObserver. */
static void
gather_person(void *context, const DiffPerson *person, const ExportKind *kinds)
{
	Gathering  *gathering = context;
	ExportReport *report = gathering->report;
	int			exported_count = 0;
	bool		is_renamed = false;

	for (int i = 0; i < person->cell_count; i++)
	{
		const DiffCell *cell = &person->cells[i];

		if (kinds[i] == EXPORT_NOT_AT_ALL)
			gather_held_cell(gathering, person, cell);
		else
		{
			gather_cell(gathering, person, cell, kinds[i]);
			exported_count++;
			is_renamed |= strcmp(cell->action, "rename") == 0;
		}
	}
	if (exported_count == 0)
		return;
	report->people_added += person->state == DIFF_ADDED;
	report->people_deleted += person->state == DIFF_DELETED;
	report->people_changed += person->state == DIFF_KNOWN;
	report->people_renamed += is_renamed;
	if (person->state == DIFF_ADDED)
		list_add(&report->added, person->profile_id, person->email, NULL, NULL, NULL);
	else
		gather_lost_seats(report, person, kinds);
}

static int
compare_tallies(const void *a, const void *b)
{
	const ReportTally *left = a;
	const ReportTally *right = b;
	int64		left_count = left->gained + left->lost;
	int64		right_count = right->gained + right->lost;

	if (left_count != right_count)
		return left_count > right_count ? -1 : 1;
	return strcmp(left->column_name, right->column_name);
}

/* Keeps those of the columns in the places (a set of bits) that change most. */
static void
keep_tallies(HTAB *table, int places, ReportTallies *kept)
{
	HASH_SEQ_STATUS scan;
	TallyEntry *entry;

	kept->tallies = palloc(Max(hash_get_num_entries(table), 1) * sizeof(ReportTally));
	hash_seq_init(&scan, table);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if ((places & 1 << entry->tally.place) && entry->tally.gained + entry->tally.lost > 0)
			kept->tallies[kept->total++] = entry->tally;
	}
	qsort(kept->tallies, kept->total, sizeof(ReportTally), compare_tallies);
	kept->count = (int) Min(kept->total, REPORT_LIST_LENGTH);
}

/* Makes the files of the plan, for their numbers. */
static void
gather_files(ExportReport *report, ExportPlan *plan)
{
	ExportFile	file;

	while (export_rows_next_file(plan->rows, report->account->rows_per_file, false, &file))
	{
		report->file_count++;
		report->row_count[file.kind] += file.row_count;
		if (report->kept_file_count < REPORT_LIST_LENGTH)
		{
			ReportFile *kept = &report->files[report->kept_file_count++];
			StringInfoData columns;

			initStringInfo(&columns);
			for (int i = 0; i < file.column_count && columns.len < 1000; i++)
				appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "", file.columns[i]);
			*kept = (ReportFile) {file.kind, file.row_count, html_clip(columns.data, REPORT_MESSAGE_LENGTH)};
		}
	}
}

/* Runs the query so that it sees what the calling query sees. */
static uint64
run(const ExportReport *report, const char *query, int argument_count, const SqlArgument *arguments)
{
	return sql_run_at(report->account, query, argument_count, arguments, GetActiveSnapshot());
}

static const char licenses_query[] =
"SELECT coalesce(l.header::text, ''), l.seats::bigint, l.counting = 'invited',"
" coalesce(sum(c.invited + c.activated), 0)::bigint, coalesce(sum(c.waitlisted), 0)::bigint,"
" count(*) OVER () "
"FROM @account.licenses l LEFT JOIN @account.seat_counters c ON c.license_id = l.license_id "
"GROUP BY l.license_id ORDER BY l.license_id";

/* The licenses with their seats, and those that were deleted here and still have some. */
static void
gather_licenses(ExportReport *report, HTAB *tallies)
{
	uint64		count = run(report, licenses_query, 0, NULL);
	HASH_SEQ_STATUS scan;
	TallyEntry *entry;

	for (uint64 i = 0; i < count; i++)
	{
		ReportLicense license = {.header = sql_string((int) i, 0)};
		bool		isnull;
		bool		found;

		license.seats = DatumGetInt64(sql_value((int) i, 1, &isnull));
		license.is_limited = !isnull;
		license.counts_invited = DatumGetBool(sql_value((int) i, 2, &isnull));
		license.taken = sql_int64((int) i, 3);
		license.waitlisted = sql_int64((int) i, 4);
		entry = hash_search(tallies, &license.header, HASH_FIND, &found);
		if (found)
		{
			license.granted = entry->tally.gained;
			license.revoked = entry->tally.lost;
			license.kept = entry->tally.kept;
			(void) hash_search(tallies, &license.header, HASH_REMOVE, NULL);
		}
		report->seats_taken += license.taken - license.granted + license.revoked + license.kept;
		report->license_count++;
		if (report->kept_license_count < REPORT_LIST_LENGTH)
			report->licenses[report->kept_license_count++] = license;
	}

	hash_seq_init(&scan, tallies);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->tally.place != DIFF_LICENSE)
			continue;
		report->seats_taken += entry->tally.lost + entry->tally.kept;
		report->license_count++;
		if (report->kept_license_count < REPORT_LIST_LENGTH)
			report->licenses[report->kept_license_count++] =
				(ReportLicense) {.header = entry->tally.column_name, .is_deleted = true,
				.revoked = entry->tally.lost, .kept = entry->tally.kept};
	}
}

/* A name is taken from the account, or from what the vendor has of people deleted here. */
static const char names_query[] =
"SELECT concat_ws(' ',"
"  CASE WHEN p.profile_id IS NULL THEN f.vendor_value ELSE p.preferred_first_name END,"
"  CASE WHEN p.profile_id IS NULL THEN l.vendor_value ELSE p.preferred_last_name END) "
"FROM unnest($1) WITH ORDINALITY AS i (profile_id, number)"
" LEFT JOIN @account.profiles p ON p.profile_id = i.profile_id"
" LEFT JOIN (SELECT DISTINCT ON (profile_id) profile_id, vendor_value FROM @account.changes"
"  WHERE profile_id = ANY ($1) AND column_name = 'preferred_first_name'"
"  ORDER BY profile_id, change_id) f ON f.profile_id = i.profile_id"
" LEFT JOIN (SELECT DISTINCT ON (profile_id) profile_id, vendor_value FROM @account.changes"
"  WHERE profile_id = ANY ($1) AND column_name = 'preferred_last_name'"
"  ORDER BY profile_id, change_id) l ON l.profile_id = i.profile_id "
"ORDER BY i.number";

/* Puts the people's names into the second cells of the list. */
static void
gather_names(const ExportReport *report, ReportList *list)
{
	SqlArgument profile_ids = sql_int8_array(list->profile_ids, list->count);
	uint64		count = list->count == 0 ? 0 : run(report, names_query, 1,
															  &profile_ids);

	for (uint64 i = 0; i < count; i++)
		list->cells[i][1] = html_clip(sql_string((int) i, 0), REPORT_CELL_LENGTH);
}

/* Imports whose outcome is part of the export: those since the last one that was confirmed. */
#define RECENT_IMPORTS \
	"(SELECT import_id FROM @account.imports WHERE state <> 'dry_run' AND finished_at >" \
	" coalesce((SELECT max(confirmed_at) FROM @account.exports), '-infinity'))"

static const char findings_query[] =
"SELECT code, severity, count(*)::text, min(tip), count(*) OVER () "
"FROM @account.import_findings WHERE import_id IN " RECENT_IMPORTS " "
"GROUP BY code, severity "
"ORDER BY CASE severity WHEN 'fatal' THEN 1 WHEN 'error' THEN 2 ELSE 3 END, count(*) DESC, code "
"LIMIT $1";

static const char duplicates_query[] =
"SELECT 'import ' || import_id || coalesce(', line ' || line, ''), severity, tip, NULL,"
" count(*) OVER () "
"FROM @account.import_findings WHERE import_id IN " RECENT_IMPORTS
" AND code IN ('duplicate_profile', 'similar_profile') "
"ORDER BY severity, finding_id DESC LIMIT $1";

static const char protected_query[] =
"SELECT primary_email_address::text, why, protected_by, NULL, count(*) OVER () "
"FROM @account.protected_profiles ORDER BY primary_email_address LIMIT $1";

static const char refusals_query[] =
"SELECT line::text, record, message, NULL, count(*) OVER () "
"FROM @account.import_findings WHERE export_id ="
" (SELECT max(export_id) FROM @account.exports WHERE state <> 'cancelled') AND code = 'vendor_refused' "
"ORDER BY finding_id LIMIT $1";

/* Fills the list with the rows of the query, whose fifth column is their number in all. */
static void
gather_list(const ExportReport *report, const char *query, ReportList *list)
{
	uint64		count = run(report, query, 1,
									   (SqlArgument[]) {SQL_INT8(REPORT_LIST_LENGTH)});

	for (uint64 i = 0; i < count; i++)
	{
		for (int column = 0; column < REPORT_LIST_COLUMNS; column++)
			list->cells[i][column] = html_clip(sql_string((int) i, column), REPORT_MESSAGE_LENGTH);
	}
	list->count = (int) count;
	list->total = count > 0 ? sql_int64(0, REPORT_LIST_COLUMNS) : 0;
}

#define TIME_FORMAT	"'FMDay, FMDD FMMonth YYYY, HH24:MI TZ'"

static const char times_query[] =
"SELECT to_char(now(), " TIME_FORMAT "),"
" (SELECT 'export ' || export_id || ', ' || to_char(confirmed_at, " TIME_FORMAT ")"
"  FROM @account.exports WHERE state = 'confirmed' ORDER BY export_id DESC LIMIT 1),"
" (SELECT 'export ' || export_id || ' of ' || to_char(exported_at, " TIME_FORMAT ")"
"  FROM @account.exports e WHERE state = 'exported' AND export_id ="
"   (SELECT max(export_id) FROM @account.exports WHERE state <> 'cancelled'))";

static void
gather_times(ExportReport *report)
{
	(void) run(report, times_query, 0, NULL);
	report->made_at = sql_string(0, 0);
	report->last_confirmed = sql_string(0, 1);
	report->open_export = sql_string(0, 2);
}

/* export_report(account regnamespace) */
Datum
orgsync_export_report(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	ExportReport *report;
	ExportPlan	plan;
	DiffNotation notation;
	Gathering	gathering;
	char	   *page;
	text	   *result;

	SPI_connect();
	report = palloc0(sizeof(ExportReport));
	report->account = account_open(PG_GETARG_OID(0));
	notation = diff_product_notation(report->account->product);
	gathering = (Gathering) {
		&notation, report,
		name_table_create("orgsync report columns", sizeof(TallyEntry), CurrentMemoryContext)
	};
	export_plan_read(&plan, report->account, &notation, DIFF_TO_REPORT, gather_person, &gathering);
	gather_files(report, &plan);
	export_plan_end(&plan);
	report->held_up = plan.held_up;
	report->held_up_detail = plan.held_up_detail;

	gather_licenses(report, gathering.tallies);
	keep_tallies(gathering.tallies, 1 << DIFF_GROUP, &report->groups);
	keep_tallies(gathering.tallies, 1 << DIFF_PERMISSION, &report->permissions);
	keep_tallies(gathering.tallies, 1 << DIFF_UNIQUE_USER_ID | 1 << DIFF_PREFERRED_FIRST_NAME |
				 1 << DIFF_PREFERRED_LAST_NAME | 1 << DIFF_WORK_TITLE | 1 << DIFF_ATTRIBUTE,
				 &report->texts);
	gather_names(report, &report->seat_losers);
	gather_names(report, &report->added);
	gather_list(report, findings_query, &report->findings);
	gather_list(report, duplicates_query, &report->duplicates);
	gather_list(report, refusals_query, &report->refusals);
	gather_list(report, protected_query, &report->protected);
	gather_times(report);

	page = export_report_page(report);
	MemoryContextSwitchTo(caller_context);
	result = cstring_to_text(page);
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}
