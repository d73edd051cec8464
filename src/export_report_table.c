/*
 * export_report_table.c
 *		The tables of an export report's page.
 *
 * Each is a section of its own, and is left out where it has nothing to say.  Of
 * what is longer than REPORT_LIST_LENGTH only the beginning is there, and the
 * caption says so.
 *
 * On narrow screens the lines of lists are stacked.  That takes the tables' roles
 * from them in the eyes of screen readers, so they are given explicitly.
 */
#include "export_report.h"

#include "html.h"

/* The breadth of a bar in its own units. */
#define BAR_WIDTH	1000

/* Begins a section; total, how much there is of it, may be negative for unknown. */
void
report_put_section(StringInfo page, const char *id, const char *title, int64 total)
{
	appendStringInfo(page, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s", id, id, title);
	if (total >= 0)
	{
		appendStringInfoString(page, " <span>");
		html_append_number(page, total);
		appendStringInfoString(page, "</span>");
	}
	appendStringInfoString(page, "</h2>\n");
}

static const char *
plural(int64 number, const char *one, const char *many)
{
	return number == 1 ? one : many;
}

/* "n people" */
void
report_put_count(StringInfo page, int64 number, const char *one, const char *many)
{
	html_append_number(page, number);
	appendStringInfo(page, "&#160;%s", plural(number, one, many));
}

static void
append_number_cell(StringInfo page, int64 number)
{
	appendStringInfoString(page, "<td class=\"number\">");
	html_append_number(page, number);
	appendStringInfoString(page, "</td>");
}

static void
append_row_head(StringInfo page, const char *text)
{
	appendStringInfoString(page, "<tr><th scope=\"row\">");
	html_append_text(page, text);
	appendStringInfoString(page, "</th>");
}

/*
 * A list as a section of its own, nothing if it is empty.  names are those of
 * its columns, and end with NULL; note may be NULL.
 */
void
report_put_list(StringInfo page, const ReportList *list, const char *id, const char *title,
				const char *note, const char *const *names)
{
	if (list->total == 0)
		return;
	report_put_section(page, id, title, list->total);
	if (note != NULL)
		appendStringInfo(page, "<p class=\"note\">%s</p>\n", note);
	appendStringInfoString(page, "<div class=\"list\"><table role=\"table\">\n");
	if (list->count < list->total)
		appendStringInfo(page, "<caption>the first %d of them</caption>\n", list->count);
	appendStringInfoString(page, "<thead role=\"rowgroup\"><tr role=\"row\">");
	for (int i = 0; names[i] != NULL; i++)
		appendStringInfo(page, "<th scope=\"col\" role=\"columnheader\">%s</th>", names[i]);
	appendStringInfoString(page, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
	for (int row = 0; row < list->count; row++)
	{
		appendStringInfoString(page, "<tr role=\"row\">");
		for (int i = 0; names[i] != NULL; i++)
		{
			appendStringInfo(page, "<td role=\"cell\" data-name=\"%s\">", names[i]);
			if (list->cells[row][i] != NULL)
				html_append_text(page, list->cells[row][i]);
			else
				appendStringInfoString(page, "&#8211;");
			appendStringInfoString(page, "</td>");
		}
		appendStringInfoString(page, "</tr>\n");
	}
	appendStringInfoString(page, "</tbody></table></div>\n</section>\n");
}

static int
bar_length(int64 seats, int64 scale)
{
	return (int) ((double) seats * BAR_WIDTH / scale);
}

/* Seats before and after, and how many were bought. */
static void
append_bar(StringInfo page, const ReportLicense *license, int64 before, int64 after)
{
	int64		scale = Max(Max(before, after), Max(license->seats, 1));

	appendStringInfo(page, "<svg viewBox=\"0 0 %d 28\" preserveAspectRatio=\"none\" role=\"img\">"
					 "<title>" INT64_FORMAT " seats before, " INT64_FORMAT " after",
					 BAR_WIDTH, before, after);
	if (license->is_limited)
		appendStringInfo(page, ", " INT64_FORMAT " bought", license->seats);
	appendStringInfo(page, "</title><rect class=\"before\" x=\"0\" y=\"3\" width=\"%d\" height=\"10\"/>"
					 "<rect class=\"after\" x=\"0\" y=\"15\" width=\"%d\" height=\"10\"/>",
					 bar_length(before, scale), bar_length(after, scale));
	if (license->is_limited)
		appendStringInfo(page, "<line class=\"bought\" x1=\"%d\" y1=\"0\" x2=\"%d\" y2=\"28\"/>",
						 bar_length(license->seats, scale), bar_length(license->seats, scale));
	appendStringInfoString(page, "</svg>");
}

static const char *const seat_names[] = {
	"Before", "Revoked", "Granted", "After", "Bought", "Free", "Waiting"
};

/* Begins the next figure of a license. */
static void
begin_seat_figure(StringInfo page, int *column, const char *class)
{
	appendStringInfo(page, "<td role=\"cell\" class=\"number%s\" data-name=\"%s\">", class,
					 seat_names[(*column)++]);
}

static void
append_seat_figure(StringInfo page, int *column, int64 number)
{
	begin_seat_figure(page, column, "");
	html_append_number(page, number);
	appendStringInfoString(page, "</td>");
}

/* How many seats are free then, where invitations take them too. */
static void
append_free_seats(StringInfo page, int *column, const ReportLicense *license, int64 after)
{
	bool		is_over = license->is_limited && license->counts_invited &&
		after > license->seats;

	begin_seat_figure(page, column, is_over ? " over" : "");
	if (is_over)
		appendStringInfoString(page, "over by ");
	if (license->is_limited && license->counts_invited)
		html_append_number(page, is_over ? after - license->seats :
						   license->seats - after);
	else
		appendStringInfoString(page, "&#8211;");
	appendStringInfoString(page, "</td>");
}

static void
append_license(StringInfo page, const ReportLicense *license)
{
	int64		after = license->taken + license->kept;
	int64		before = after - license->granted + license->revoked;
	int			column = 0;

	appendStringInfo(page, "<tbody role=\"rowgroup\">\n<tr role=\"row\">"
					 "<th class=\"license\" colspan=\"%d\" scope=\"rowgroup\" role=\"rowheader\">",
					 (int) lengthof(seat_names));
	html_append_text(page, html_clip(license->header, REPORT_CELL_LENGTH));
	append_bar(page, license, before, after);
	appendStringInfoString(page, "</th></tr>\n<tr role=\"row\" class=\"figures\">");
	append_seat_figure(page, &column, before);
	append_seat_figure(page, &column, license->revoked);
	append_seat_figure(page, &column, license->granted);
	append_seat_figure(page, &column, after);
	if (license->is_limited)
		append_seat_figure(page, &column, license->seats);
	else
	{
		begin_seat_figure(page, &column, "");
		appendStringInfo(page, "%s</td>", license->is_deleted ? "deleted" : "no limit");
	}
	append_free_seats(page, &column, license, after);
	append_seat_figure(page, &column, license->waitlisted);
	appendStringInfoString(page, "</tr>\n</tbody>\n");
}

void
report_put_seats(StringInfo page, const ExportReport *report)
{
	bool		has_free_invitations = false;

	if (report->license_count == 0)
		return;
	report_put_section(page, "seats", "Seats", -1);
	appendStringInfoString(page, "<p class=\"note\"><span class=\"key\" style=\"background:#8d99a6\"></span>before"
						   "<span class=\"key\" style=\"background:#1f5fa8\"></span>after the upload"
						   "<span class=\"key\" style=\"background:#1c2430;width:2px\"></span>bought</p>\n"
						   "<table class=\"seats\" role=\"table\">\n<thead role=\"rowgroup\"><tr role=\"row\">");
	for (size_t i = 0; i < lengthof(seat_names); i++)
		appendStringInfo(page, "<th scope=\"col\" role=\"columnheader\" class=\"number\">%s</th>", seat_names[i]);
	appendStringInfoString(page, "</tr></thead>\n");
	for (int i = 0; i < report->kept_license_count; i++)
	{
		append_license(page, &report->licenses[i]);
		has_free_invitations |= report->licenses[i].is_limited && !report->licenses[i].counts_invited;
	}
	appendStringInfoString(page, "</table>\n");
	if (report->kept_license_count < report->license_count)
	{
		appendStringInfoString(page, "<p class=\"note\">and ");
		report_put_count(page, report->license_count - report->kept_license_count, "more license", "more licenses");
		appendStringInfoString(page, "</p>\n");
	}
	if (has_free_invitations)
		appendStringInfoString(page, "<p class=\"note\">&#8211;: invitations take no seat, only their activation does.</p>\n");
	appendStringInfoString(page, "</section>\n");
}

/* How many gain and lose, by column. */
void
report_put_tallies(StringInfo page, const ReportTallies *tallies, const char *id, const char *title,
				   const char *const *names, const char *prefix)
{
	size_t		prefix_length = strlen(prefix);

	if (tallies->total == 0)
		return;
	report_put_section(page, id, title, tallies->total);
	appendStringInfoString(page, "<table class=\"tally\">\n");
	if (tallies->count < tallies->total)
		appendStringInfo(page, "<caption>the %d that change most</caption>\n", tallies->count);
	appendStringInfoString(page, "<thead><tr>");
	for (int i = 0; names[i] != NULL; i++)
		appendStringInfo(page, "<th scope=\"col\"%s>%s</th>", i > 0 ? " class=\"number\"" : "", names[i]);
	appendStringInfoString(page, "</tr></thead>\n<tbody>\n");
	for (int i = 0; i < tallies->count; i++)
	{
		const ReportTally *tally = &tallies->tallies[i];
		bool		has_prefix = strncmp(tally->column_name, prefix, prefix_length) == 0;

		append_row_head(page, html_clip(tally->column_name + (has_prefix ? prefix_length : 0), REPORT_CELL_LENGTH));
		append_number_cell(page, tally->gained);
		append_number_cell(page, tally->lost);
		appendStringInfoString(page, "</tr>\n");
	}
	appendStringInfoString(page, "</tbody></table>\n");
	appendStringInfoString(page, "</section>\n");
}

static const char *const file_meanings[EXPORT_KIND_COUNT] = {
	[EXPORT_MANUAL_REVOKE] = "not for the vendor: seats to take away by hand, before anything else",
	[EXPORT_REVOKE] = "seats taken away",
	[EXPORT_RENAME] = "new addresses and ids",
	[EXPORT_UPDATE] = "everything else of known people",
	[EXPORT_ADD] = "new people",
	[EXPORT_MANUAL] = "not for the vendor: a list to do by hand"
};

void
report_put_files(StringInfo page, const ExportReport *report)
{
	if (report->file_count == 0)
		return;
	report_put_section(page, "files", "Files, in the order of upload", report->file_count);
	appendStringInfoString(page, "<div class=\"list\"><table class=\"files\" role=\"table\">\n");
	if (report->kept_file_count < report->file_count)
		appendStringInfo(page, "<caption>the first %d of them</caption>\n", report->kept_file_count);
	appendStringInfoString(page, "<thead role=\"rowgroup\"><tr role=\"row\">"
						   "<th scope=\"col\" role=\"columnheader\" class=\"kind\">File</th>"
						   "<th scope=\"col\" role=\"columnheader\" class=\"what\">What</th>"
						   "<th scope=\"col\" role=\"columnheader\">Columns</th>"
						   "<th scope=\"col\" role=\"columnheader\" class=\"number\">Rows</th></tr></thead>\n"
						   "<tbody role=\"rowgroup\">\n");
	for (int i = 0; i < report->kept_file_count; i++)
	{
		const ReportFile *file = &report->files[i];

		appendStringInfo(page, "<tr role=\"row\"><td role=\"cell\">%d&#160;%s</td>"
						 "<td role=\"cell\" data-name=\"What\">%s</td><td role=\"cell\" data-name=\"Columns\">",
						 i + 1, export_kind_name(file->kind), file_meanings[file->kind]);
		html_append_text(page, file->columns);
		appendStringInfoString(page, "</td><td role=\"cell\" data-name=\"Rows\" class=\"number\">");
		html_append_number(page, file->row_count);
		appendStringInfoString(page, "</td></tr>\n");
	}
	appendStringInfoString(page, "</tbody></table></div>\n");
	if (report->kept_file_count < report->file_count)
	{
		appendStringInfoString(page, "<p class=\"note\">Rows of all files, by kind:");
		for (int kind = 0; kind < EXPORT_KIND_COUNT; kind++)
		{
			if (report->row_count[kind] == 0)
				continue;
			appendStringInfo(page, " %s&#160;", export_kind_name((ExportKind) kind));
			html_append_number(page, report->row_count[kind]);
		}
		appendStringInfoString(page, "</p>\n");
	}
	appendStringInfoString(page, "</section>\n");
}

