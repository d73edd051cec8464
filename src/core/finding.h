/*
 * finding.h
 *		The catalogue of findings: what can be wrong with an org-sync file, how
 *		bad that is, how it is said and how to mend it.  Plain C.
 *
 * This is the one place that holds code, severity, wording and tip.  What people
 * filter findings by is the code, a word of the interface; several entries share
 * one where the same thing is worse, or is mended otherwise, in other products
 * or places.
 */
#ifndef ORGSYNC_CORE_FINDING_H
#define ORGSYNC_CORE_FINDING_H

#include <stddef.h>

#define FINDING_MAX_ARGUMENTS	5

typedef enum finding_code
{
	FINDING_EMPTY_FILE,
	FINDING_MISSING_KEY_HEADER,
	FINDING_DUPLICATE_HEADER,
	FINDING_UNKNOWN_LICENSE,
	FINDING_MALFORMED_CSV,
	FINDING_NOT_UTF8,
	FINDING_GROUP_COLUMN_NOT_ALLOWED,
	FINDING_FIELD_COUNT,
	FINDING_MISSING_EMAIL,
	FINDING_INVALID_EMAIL,
	FINDING_INVALID_STATUS,
	FINDING_INVALID_VENDOR_STATUS,	/* in the vendor's own list of users */
	FINDING_INVALID_GROUP_VALUE,
	FINDING_INVALID_PERMISSION,
	FINDING_INVALID_VALUE,
	FINDING_UNKNOWN_GROUP,
	FINDING_DUPLICATE_ROW,
	FINDING_EMAIL_TAKEN,
	FINDING_UNKNOWN_PROFILE,
	FINDING_FEED_CONFLICT,
	FINDING_DUPLICATE_PROFILE,
	FINDING_SIMILAR_PROFILE,
	FINDING_LICENSE_CAP_EXCEEDED,
	FINDING_TRANSFER_LIMIT_EXCEEDED,
	FINDING_TRANSFER_OVER_LIMIT,	/* where that is allowed */
	FINDING_HEADER_CASE,
	FINDING_UNKNOWN_HEADER,
	FINDING_BLANK_VALUE,
	FINDING_FORMULA_VALUE,
	FINDING_OVER_CAP,
	FINDING_ABSENCE_UNKNOWN,
	FINDING_TOO_MANY_ABSENT,
	FINDING_TOO_MANY_ABSENT_IN_GROUP,
	FINDING_CONSTRAINT_FAILED,	/* a constraint or trigger of the user's own refused the row */
	FINDING_PROTECTED_PROFILE,	/* see orgsync.protect_profile() */
	FINDING_VENDOR_KEY_TAKEN,	/* of an export: somebody else has it at the vendor's, and keeps it */
	FINDING_VENDOR_REFUSED,		/* in the results file of an upload */
	FINDING_MISSING_NAME,
	FINDING_MISSING_NAME_COLUMN,
	FINDING_MISSING_LOCATION_COLUMN,
	FINDING_INVALID_LOCATION,
	FINDING_INVALID_DATE,
	FINDING_UNKNOWN_IMPORT_GROUP,	/* one that was chosen for the whole import */
	FINDING_FORMULA_REFUSED,	/* by products that take no formulas */
	FINDING_FORMULA_CELL,		/* in a workbook, as those that follow */
	FINDING_FORMULA_CELL_REFUSED,
	FINDING_ERROR_CELL,
	FINDING_MERGED_CELLS,
	FINDING_MORE_MERGED_CELLS,
	FINDING_HIDDEN_ROWS,
	FINDING_HIDDEN_COLUMNS,
	FINDING_HIDDEN_SHEET,
	FINDING_OTHER_SHEETS,
	FINDING_UNKNOWN_SHEET,
	FINDING_MALFORMED_XLSX,
	FINDING_COMPRESSED_FILE,
	FINDING_SPREADSHEET_FILE,
	FINDING_CODE_COUNT
} finding_code;

typedef enum finding_severity
{
	SEVERITY_WARNING,			/* the row is applied */
	SEVERITY_ERROR,				/* this row is not applied */
	SEVERITY_FATAL				/* the file is not applied */
} finding_severity;

/*
 * message and tip are texts for finding_format() over the same arguments, which
 * stand in them as {1}, {2} and so on, so that each may use those that it needs.
 * All arguments are strings; the comment above each entry of the catalogue
 * lists them.
 */
typedef struct finding_kind
{
	const char *code;
	finding_severity severity;
	const char *message;
	const char *tip;
} finding_kind;

extern const finding_kind *finding_kind_of(finding_code code);
extern const char *finding_severity_name(finding_severity severity);
extern size_t finding_format(char *destination, size_t size, const char *format,
							 const char *const *arguments, int argument_count);

#endif
