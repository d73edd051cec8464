/*
 * export_report_page.c
 *		Makes the page of an export report.
 *
 * One file without scripts and without anything from elsewhere, so that it can be
 * mailed, kept and printed.  It is well-formed XML too, and pure ASCII (see
 * html.c).  What is asked first stands first: may it be uploaded, how much
 * changes, who loses a seat.  Its tables are made by export_report_table.c.
 */
#include "export_report.h"

#include "html.h"

static const char style[] =
"*{box-sizing:border-box}"
"body{margin:0;background:#fff;color:#1c2430;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,"
"'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;font-variant-numeric:tabular-nums lining-nums;"
"overflow-wrap:anywhere}"
"main{max-width:62rem;margin:0 auto;padding:2rem 1.25rem 4rem}"
"h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}"
"h2{font-size:1.1rem;margin:2.25rem 0 .5rem}"
"p{margin:.4rem 0}"
".note,h2 span{color:#55606e;font-weight:400}"
".note{font-size:.9rem}"
".verdict{margin:1.25rem 0;padding:.8rem 1rem;border-left:.3rem solid #55606e;background:#f3f5f7}"
".ready{border-color:#2d6a45;background:#eff6f1}"
".held{border-color:#a33a1f;background:#fdf2ee}"
"dl{display:grid;grid-template-columns:repeat(4,1fr);gap:1px;margin:1.25rem 0;"
"background:#d9dee5;border:1px solid #d9dee5}"
"dl div{background:#fff;padding:.6rem .8rem}"
"dt{color:#55606e;font-size:.85rem}"
"dd{margin:0;font-size:1.5rem;line-height:1.3}"
"table{border-collapse:collapse;table-layout:fixed;width:100%;font-size:.9rem}"
"caption{text-align:left;color:#55606e;padding-bottom:.35rem}"
"th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid #e3e7ec}"
"thead th{color:#55606e;font-weight:600;border-bottom-color:#aab3bd}"
"th:last-child,td:last-child{padding-right:0}"
".number{text-align:right;white-space:nowrap;overflow-wrap:normal}"
".tally .number{width:11rem}"
".files .kind{width:7rem}.files .what{width:15rem}.files .number{width:6rem}"
".seats .license{border-bottom:0;padding-top:.8rem}"
"svg{display:block;width:100%;height:1.75rem;margin-top:.3rem;background:#f3f5f7}"
".before{fill:#8d99a6}.after{fill:#1f5fa8}.bought{stroke:#1c2430;stroke-width:2;vector-effect:non-scaling-stroke}"
".key{display:inline-block;width:.75rem;height:.75rem;margin:0 .3rem 0 .8rem;vertical-align:-.05rem}"
".key:first-child{margin-left:0}"
".over{color:#a33a1f;font-weight:600}"
"code{font:.9em ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace}"
"#duplicates+div th:first-child,#findings+div th:first-child{width:13rem}"
"#duplicates+div th:nth-child(2),#findings+div th:nth-child(2),#findings+div th:nth-child(3),"
"#refusals+div th:first-child{width:6rem}"
"@media (max-width:40rem){main{padding:1.25rem 1rem 3rem}h1{font-size:1.3rem}"
"dl{grid-template-columns:repeat(2,1fr)}"
".seats thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}"
".seats,.seats tbody,.seats tr,.seats th,.seats td{display:block}"
".seats .figures{display:grid;grid-template-columns:repeat(4,1fr);gap:.3rem .5rem;padding:.4rem 0;"
"border-bottom:1px solid #e3e7ec}"
".seats .number{text-align:left;border:0;padding:0}"
".seats .number::before{content:attr(data-name);display:block;color:#55606e;font-size:.8rem}"
".tally .number{width:5.5rem}"
".list thead{position:absolute;clip-path:inset(50%);height:1px;overflow:hidden}"
".list table,.list caption,.list tbody,.list tr,.list th,.list td{display:block}"
".list tr{padding:.5rem 0;border-bottom:1px solid #e3e7ec}"
".list th,.list td{border:0;padding:0}.list td:first-child{font-weight:600}"
".list td:nth-child(n+2)::before{content:attr(data-name) ': ';color:#55606e}"
".files .kind,.files .what,.files .number{width:auto}"
".list .number{text-align:left}}"
"@media print{body{font-size:10pt}main{max-width:none;padding:0}tr,dl,svg{break-inside:avoid}h2{break-after:avoid}"
"*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

/* The products as people know them. */
static const char *const product_titles[PRODUCT_COUNT] = {
	[PRODUCT_LINKEDIN_LEARNING] = "LinkedIn Learning",
	[PRODUCT_TALENT_INSIGHTS] = "LinkedIn Talent Insights",
	[PRODUCT_WORKLEAP] = "Workleap LMS"
};

/* May it be uploaded? */
static void
append_verdict(StringInfo page, const ExportReport *report)
{
	int64		people = report->people_added + report->people_changed + report->people_deleted;

	if (report->file_count == 0)
		appendStringInfoString(page, "<p class=\"verdict\"><strong>Nothing to upload.</strong> "
							   "The vendor has what the account says.</p>\n");
	else if (report->held_up != NULL)
	{
		appendStringInfoString(page, "<p class=\"verdict held\"><strong>Held up:</strong> ");
		html_append_text(page, report->held_up);
		appendStringInfoString(page, ". ");
		html_append_text(page, report->held_up_detail);
		appendStringInfoString(page, " If this is meant, export with <code>override =&gt; true</code>.</p>\n");
	}
	else
	{
		appendStringInfoString(page, "<p class=\"verdict ready\"><strong>Ready.</strong> ");
		report_put_count(page, people, "person changes", "people change");
		appendStringInfoString(page, ", in ");
		report_put_count(page, report->file_count, "file", "files");
		appendStringInfoString(page, ".</p>\n");
	}
	if (report->open_export != NULL)
	{
		appendStringInfoString(page, "<p class=\"verdict\">Not confirmed yet: ");
		html_append_text(page, report->open_export);
		appendStringInfoString(page, ". A new export holds again whatever of it was not confirmed, "
							   "and takes its place.</p>\n");
	}
}

static void
append_figure(StringInfo page, const char *name, int64 number)
{
	appendStringInfo(page, "<div><dt>%s</dt><dd>", name);
	html_append_number(page, number);
	appendStringInfoString(page, "</dd></div>\n");
}

static void
append_figures(StringInfo page, const ExportReport *report)
{
	appendStringInfoString(page, "<dl>\n");
	append_figure(page, "People added", report->people_added);
	append_figure(page, "People changed", report->people_changed);
	append_figure(page, "of these, renamed", report->people_renamed);
	append_figure(page, "People deleted here", report->people_deleted);
	append_figure(page, "Seats granted", report->seats_granted);
	append_figure(page, "Seats revoked", report->seats_revoked);
	append_figure(page, "Cells", report->cells_changed);
	append_figure(page, "To do by hand", report->manual.total);
	appendStringInfoString(page, "</dl>\n");
}

/* How far the export is from being held up. */
static void
append_limits(StringInfo page, const ExportReport *report)
{
	const Account *account = report->account;

	report_put_section(page, "limits", "Limits", -1);
	appendStringInfoString(page, "<p>The export revokes ");
	html_append_number(page, report->seats_revoked);
	appendStringInfoString(page, " of the ");
	report_put_count(page, report->seats_taken, "seat", "seats");
	appendStringInfo(page, " that the vendor has given out, that is %.1f&#160;%%. "
					 "More than %g&#160;%% (<code>max_revoke_percent</code>) is held up, unless it is fewer than "
					 "%d people (<code>threshold_floor</code>).</p>\n</section>\n",
					 report->seats_taken > 0 ? 100.0 * report->seats_revoked / report->seats_taken : 0.0,
					 account->max_revoke_percent, account->threshold_floor);
}

static void
append_head(StringInfo page, const ExportReport *report)
{
	const char *account = report->account->name;

	appendStringInfoString(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
						   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
						   "<meta name=\"color-scheme\" content=\"light\"/>\n<title>");
	html_append_text(page, account);
	appendStringInfo(page, ": what the next export changes</title>\n<style>%s</style>\n</head>\n"
					 "<body>\n<main>\n<header>\n<h1>What the next export of ", style);
	html_append_text(page, account);
	appendStringInfoString(page, " changes</h1>\n<p class=\"note\">");
	appendStringInfoString(page, product_titles[report->account->product->id]);
	appendStringInfoString(page, ". As of ");
	html_append_text(page, report->made_at);
	appendStringInfoString(page, report->last_confirmed != NULL ? ". Last confirmed: " : ". Nothing was confirmed yet");
	html_append_text(page, report->last_confirmed);
	appendStringInfoString(page, ".</p>\n</header>\n");
}

/* The page of the report, ASCII, palloc'd. */
char *
export_report_page(const ExportReport *report)
{
	static const char *const loser_names[] = {"Address", "Name", "License", "Why", NULL};
	static const char *const added_names[] = {"Address", "Name", NULL};
	static const char *const renamed_names[] = {"Column", "Before", "After", NULL};
	static const char *const cell_names[] = {"Address", "Column", "Before", "After", NULL};
	static const char *const held_names[] = {"Address", "Column", "Here", "Why", NULL};
	static const char *const protected_names[] = {"Address", "Why", "By", NULL};
	static const char *const duplicate_names[] = {"Where", "Severity", "What to do", NULL};
	static const char *const refusal_names[] = {"Line", "Row", "What the vendor says", NULL};
	static const char *const finding_names[] = {"Code", "Severity", "Number", "What to do", NULL};
	static const char *const group_names[] = {"Group", "Join", "Leave", NULL};
	static const char *const permission_names[] = {"Permission", "Given", "Taken", NULL};
	static const char *const text_names[] = {"Column", "Set", "Cleared", NULL};
	StringInfoData page;

	initStringInfo(&page);
	append_head(&page, report);
	append_verdict(&page, report);
	append_figures(&page, report);
	report_put_seats(&page, report);
	report_put_list(&page, &report->seat_losers, "losers", "Who loses a seat", NULL, loser_names);
	report_put_list(&page, &report->manual, "manual", "To do by hand",
					"The vendor&#8217;s files cannot say this: an empty cell means no action, and nobody is deleted.",
					cell_names);
	report_put_list(&page, &report->held, "held", "Held back",
					"This differs, but stays as the vendor has it: the person is protected, or in the days of grace, "
					"or has no seat to be added with.", held_names);
	report_put_list(&page, &report->protected, "protected", "Protected people", NULL, protected_names);
	report_put_list(&page, &report->duplicates, "duplicates", "Possible duplicates", NULL, duplicate_names);
	report_put_list(&page, &report->refusals, "refusals", "What the vendor refused the last time", NULL, refusal_names);
	report_put_tallies(&page, &report->permissions, "permissions", "Permissions", permission_names, "");
	report_put_list(&page, &report->permitted, "permitted", "Whose permissions change", NULL, cell_names);
	report_put_list(&page, &report->renamed, "renamed", "New addresses and ids", NULL, renamed_names);
	report_put_list(&page, &report->added, "added", "New people", NULL, added_names);
	report_put_tallies(&page, &report->groups, "groups", "Groups", group_names,
					   report->account->product->group_header_prefix);
	report_put_tallies(&page, &report->texts, "texts", "Names, titles and attributes", text_names, "");
	report_put_list(&page, &report->updated, "updated", "Whose names, titles and attributes change", NULL, cell_names);
	report_put_list(&page, &report->findings, "findings", "Findings since the last confirmed export", NULL,
					finding_names);
	report_put_files(&page, report);
	append_limits(&page, report);
	appendStringInfoString(&page, "<p class=\"note\">All of it, cell by cell: <code>SELECT * FROM orgsync.diff('");
	html_append_text(&page, report->account->name);
	appendStringInfoString(&page, "')</code></p>\n</main>\n</body>\n</html>\n");
	return page.data;
}
