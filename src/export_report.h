/*
 * export_report.h
 *		What the page about a coming export says.
 *
 *	export_report.c			export_report(): gathers it
 *	export_report_page.c	makes the page of it
 *	export_report_table.c	the page's tables
 */
#ifndef ORGSYNC_EXPORT_REPORT_H
#define ORGSYNC_EXPORT_REPORT_H

#include "export.h"

/* So many lines of each list stand on the page, besides their number. */
#define REPORT_LIST_LENGTH	20
#define REPORT_LIST_COLUMNS	4

/* Cells and messages that are longer than so many bytes are cut. */
#define REPORT_CELL_LENGTH	120
#define REPORT_MESSAGE_LENGTH	400

/* A list whose beginning is kept. */
typedef struct ReportList
{
	int64		total;
	int			count;
	int64		profile_ids[REPORT_LIST_LENGTH];
	char	   *cells[REPORT_LIST_LENGTH][REPORT_LIST_COLUMNS];
} ReportList;

/* How many cells of a column change: gain a value, join, are granted; or the reverse. */
typedef struct ReportTally
{
	char	   *column_name;
	DiffPlace	place;
	int64		gained;
	int64		lost;
	int64		kept;			/* of licenses: revokes that are held back */
} ReportTally;

typedef struct ReportTallies
{
	int64		total;			/* columns */
	int			count;			/* of those kept, which are those that change most */
	ReportTally *tallies;
} ReportTallies;

/* A license and its seats. */
typedef struct ReportLicense
{
	char	   *header;
	bool		is_deleted;		/* here, not yet at the vendor's */
	bool		is_limited;
	int64		seats;
	bool		counts_invited;	/* an invitation takes a seat */
	int64		taken;			/* invited and activated here */
	int64		waitlisted;
	int64		granted;
	int64		revoked;
	int64		kept;			/* lost here, but held back */
} ReportLicense;

typedef struct ReportFile
{
	ExportKind	kind;
	int			row_count;
	char	   *columns;
} ReportFile;

typedef struct ExportReport
{
	const Account *account;
	char	   *made_at;
	char	   *last_confirmed; /* NULL: none */
	char	   *open_export;	/* NULL: none */

	/* people, each in one of these; renamed ones are changed too */
	int64		people_added;
	int64		people_changed;
	int64		people_deleted;
	int64		people_renamed;
	int64		cells_changed;
	int64		seats_granted;
	int64		seats_revoked;

	/* what stands in the way of the export; NULL: nothing */
	char	   *held_up;
	char	   *held_up_detail;
	int64		seats_taken;	/* that the vendor knows of */

	int64		license_count;
	int			kept_license_count;
	ReportLicense licenses[REPORT_LIST_LENGTH];
	ReportTallies groups;
	ReportTallies permissions;
	ReportTallies texts;

	int64		file_count;
	int64		row_count[EXPORT_KIND_COUNT];
	int			kept_file_count;
	ReportFile	files[REPORT_LIST_LENGTH];

	ReportList	seat_losers;	/* address, name, licenses, why */
	ReportList	added;			/* address, name */
	ReportList	renamed;		/* what, old, new */
	ReportList	permitted;		/* address, permission, old, new */
	ReportList	updated;		/* address, column, old, new */
	ReportList	manual;			/* address, column, old, new */
	ReportList	held;			/* address, column, new, why */
	ReportList	protected;		/* address, why, by whom */
	ReportList	duplicates;		/* import and line, severity, tip */
	ReportList	findings;		/* code, severity, number, tip */
	ReportList	refusals;		/* line, record, message */
} ExportReport;

extern char *export_report_page(const ExportReport *report);

/* ---- export_report_table.c ---- */
extern void report_put_section(StringInfo page, const char *id, const char *title, int64 total);
extern void report_put_count(StringInfo page, int64 number, const char *one, const char *many);
extern void report_put_list(StringInfo page, const ReportList *list, const char *id, const char *title,
							const char *note, const char *const *names);
extern void report_put_tallies(StringInfo page, const ReportTallies *tallies, const char *id,
							   const char *title, const char *const *names, const char *prefix);
extern void report_put_seats(StringInfo page, const ExportReport *report);
extern void report_put_files(StringInfo page, const ExportReport *report);

#endif
