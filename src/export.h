/*
 * export.h
 *		What the files of an export share.
 *
 *	export.c			export_csv(): arguments, what is recorded
 *	export_plan.c		from the diff's cells to rows of files
 *	export_links.c		addresses that pass from one person to another
 *	export_threshold.c	what looks like an accident
 *	export_rows.c		sorts the rows into files and writes them
 *	export_full.c		everybody, see export_full.h
 *	export_confirm.c	confirm_export(), cancel_export()
 *	export_leavers.c	who left; see export_confirm.h
 *	export_cells.c		which cells stand in a file
 *	export_results.c	reads exported files and the vendor's results
 *	export_report.c		export_report(), see export_report.h
 */
#ifndef ORGSYNC_EXPORT_H
#define ORGSYNC_EXPORT_H

#include "account.h"
#include "core/csv_reader.h"
#include "core/finding.h"
#include "core/header.h"
#include "diff.h"
#include "lib/stringinfo.h"

/* In the order in which the files are uploaded. */
typedef enum ExportKind
{
	EXPORT_MANUAL_REVOKE,		/* a list of seats to take away by hand */
	EXPORT_REVOKE,
	EXPORT_RENAME,
	EXPORT_UPDATE,
	EXPORT_ADD,
	EXPORT_MANUAL				/* not for the vendor: a list for a person to do */
} ExportKind;

#define EXPORT_KIND_COUNT	6

/* Columns in the order of the vendor's templates. */
typedef enum ExportPlace
{
	EXPORT_FIRST_NAME,
	EXPORT_LAST_NAME,
	EXPORT_EXISTING_EMAIL_ADDRESS,
	EXPORT_PRIMARY_EMAIL_ADDRESS,
	EXPORT_UNIQUE_USER_ID,
	EXPORT_NEW_UNIQUE_USER_ID,
	EXPORT_WORK_TITLE,
	EXPORT_COUNTRY,				/* up to EXPORT_DATE: of products with locations */
	EXPORT_REGION,
	EXPORT_LANGUAGE,
	EXPORT_TITLE,
	EXPORT_DATE,
	EXPORT_LICENSE,
	EXPORT_GROUP,
	EXPORT_PERMISSION,
	EXPORT_ATTRIBUTE,
	EXPORT_REUPLOAD,
	EXPORT_MANUAL_COLUMN,
	EXPORT_MANUAL_OLD,
	EXPORT_MANUAL_NEW
} ExportPlace;

typedef struct ExportRows ExportRows;

/* One file; it lasts until the next one is asked for. */
typedef struct ExportFile
{
	ExportKind	kind;
	const char *groups;			/* to be chosen for the upload, joined by "+"; or NULL */
	int			row_count;
	int64	   *profile_ids;	/* of each row */
	int			column_count;
	const char **columns;
	StringInfo	csv;			/* behind the header of a text, see export_file_begin_csv() */
} ExportFile;

extern const char *export_kind_name(ExportKind kind);

/* The text goes into a buffer that is used again for each file, and is given away as it is. */
static inline void
export_file_begin_csv(ExportFile *file, StringInfo buffer)
{
	file->csv = buffer;
	resetStringInfo(buffer);
	appendStringInfoSpaces(buffer, VARHDRSZ);
}

static inline Datum
export_file_csv(const ExportFile *file)
{
	SET_VARSIZE(file->csv->data, file->csv->len);
	return PointerGetDatum(file->csv->data);
}

extern ExportRows *export_rows_create(void);
extern void export_row_begin(ExportRows *rows, ExportKind kind, int64 profile_id);
extern void export_row_cell(ExportRows *rows, ExportPlace place, const char *header,
							const char *value);
extern void export_row_carry(ExportRows *rows, ExportPlace place, const char *header,
							 const char *value);
extern void export_row_group(ExportRows *rows, const char *group);
extern void export_row_end(ExportRows *rows, int unit);
extern void export_rows_sort(ExportRows *rows);
extern bool export_rows_next_file(ExportRows *rows, int max_rows, bool spreadsheet_safe,
								  ExportFile *file);
extern void export_rows_end(ExportRows *rows);

typedef struct ExportFull ExportFull;

extern ExportFull *export_full_open(DiffReader *reader, const DiffNotation *notation, int max_rows,
									bool spreadsheet_safe);
extern bool export_full_next_file(ExportFull *full, ExportFile *file);
extern void export_full_close(ExportFull *full);

#define EXPORT_NAMED_PEOPLE	3

typedef struct ExportThreshold ExportThreshold;

/* Why something that differs is not exported, or not to a file of the vendor's. */
typedef struct ExportFinding
{
	finding_code code;
	char	   *column_name;
	char	   *email;
	char	   *argument;
} ExportFinding;

/* The kind of a cell that stays as it is. */
#define EXPORT_NOT_AT_ALL	EXPORT_KIND_COUNT

/* Sees each person when he is planned, with the kind of row of each cell. */
typedef void (*ExportObserver) (void *context, const DiffPerson *person, const ExportKind *kinds);

/* Everything that an export says, read under one snapshot. */
typedef struct ExportPlan
{
	const Account *account;
	DiffNotation notation;
	bool		is_full;
	ExportObserver observer;	/* may be NULL */
	void	   *observer_context;
	DiffReader *reader;
	ExportFull *full;			/* where the files come from, if not from rows */
	ExportRows *rows;
	int64		row_count;
	int			people_planned;
	List	   *findings;		/* ExportFinding */
	ExportThreshold *threshold;
	char	   *held_up;		/* why it looks like an accident, or NULL */
	char	   *held_up_detail;
	const char *held_up_hint;
	Datum		changes_read;	/* int8multirange; 0 if there are no changes */
} ExportPlan;

extern void export_plan_read(ExportPlan *plan, const Account *account,
							 const DiffNotation *notation, DiffMode mode,
							 ExportObserver observer, void *observer_context);
extern void export_plan_end(ExportPlan *plan);
extern void export_threshold_begin(ExportPlan *plan);
extern void export_threshold_check(ExportPlan *plan, const DiffReader *reader);

/*
 * A CSV file in memory, UTF-8, whose first record is a header.  record is the
 * last one read.
 */
typedef struct ExportReader
{
	const char *what;			/* for messages */
	csv_reader *reader;
	const char *next;			/* what was not read yet */
	size_t		left;
	int			column_count;
	char	  **headers;
	column_kind *kinds;
	csv_record	record;
} ExportReader;

/* A row that the vendor refused. */
typedef struct ExportRefusal
{
	int64		line;			/* in the results file */
	const char *message;
	char	   *record;
	bool		is_matched;		/* to a row of the export */
} ExportRefusal;

typedef struct ExportRefusalKey
{
	const char *key;
	int			refusal;
} ExportRefusalKey;

/* All rows that the vendor refused, with the keys by which they are found. */
typedef struct ExportResults
{
	char	   *columns;		/* see export_columns_signature(); empty: it has none */
	bool		refuses_all;	/* the whole file */
	int			count;
	int			capacity;
	ExportRefusal *refusals;
	int			key_count;
	int			key_capacity;
	ExportRefusalKey *keys;
} ExportResults;

extern void export_reader_open(ExportReader *reader, const product *product, const char *what,
							   char delimiter, const char *data, size_t length);
extern bool export_reader_next(ExportReader *reader);
extern char *export_reader_cell(const ExportReader *reader, int column);
extern void export_reader_close(ExportReader *reader);

extern char *export_columns_signature(char *const *headers, int count);
extern ExportResults *export_results_read(const product *product, const char *data, size_t length);
extern bool export_results_refuse(ExportResults *results, const ExportReader *file);
extern bool *export_results_repeated(const ExportResults *results);


/* Cells of exported files on their way into a statement. */
typedef struct ExportCells ExportCells;

#define EXPORT_CELLS_AFTER_RENAME	"after rename"

extern ExportCells *export_cells_create(const Account *account, int64 export_id,
										const char *statement);
extern void export_cells_add_file(ExportCells *batch, int seq, ExportResults *results,
								  bool refused);
extern void export_cells_flush(ExportCells *batch);
extern char *export_to_utf8(char *string, size_t *length);

#endif
