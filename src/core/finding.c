/*
 * finding.c
 *		The catalogue of findings: severity, wording and tip of each code.
 *
 * The reader is a person who has to mend a file, not a programmer.  The message
 * says what is wrong and shows the value; it begins in lower case and has no
 * full stop.  The tip says in whole sentences how to mend it.
 *
 * {1}, {2} and so on stand for the arguments, which are listed above each
 * entry; finding_format() (finding_format.c) puts them in.
 */
#include "finding.h"

static const finding_kind catalogue[FINDING_CODE_COUNT] = {
	/* no arguments */
	[FINDING_EMPTY_FILE] = {
		"empty_file", SEVERITY_FATAL,
		"the file holds nothing to import",
		"Check that the right file was chosen. Its first line holds the column headers, such as"
		" primary_email_address, and every further line one person."
	},

	/* no arguments */
	[FINDING_MISSING_KEY_HEADER] = {
		"missing_key_header", SEVERITY_FATAL,
		"no column of the file says who each line is about",
		"Add a column primary_email_address (Workleap: Email) with everybody's e-mail address; in a"
		" LinkedIn Learning file, unique_user_id will do as well. If there is such a column, check that the"
		" headers stand in the first line of the file."
	},

	/* 1: header, 2: other header, 3: position of the first of both columns */
	[FINDING_DUPLICATE_HEADER] = {
		"duplicate_header", SEVERITY_FATAL,
		"column \"{1}\" means the same as column \"{2}\", which is column {3} of the file",
		"Keep one of the two columns, delete the other and upload the file again."
	},

	/* 1: header as given, 2: suggestion, as ' Perhaps you meant "X".', or empty */
	[FINDING_UNKNOWN_LICENSE] = {
		"unknown_license", SEVERITY_FATAL,
		"the account has no license \"{1}\"",
		"Copy the license header from a list of users that was downloaded from the account: the"
		" whole upload fails if it is wrong.{2} If the license is new, have it added to the account"
		" here first (orgsync.add_license)."
	},

	/* 1: description of the fault, 2: byte offset */
	[FINDING_MALFORMED_CSV] = {
		"malformed_csv", SEVERITY_FATAL,
		"the file cannot be read as CSV: {1} (byte offset {2})",
		"Look for a stray double quote in this line or shortly before it. A cell that holds a"
		" separator, a double quote or a line break stands in double quotes, and a double quote"
		" inside it is written twice. Saving the file as CSV again in the spreadsheet often"
		" mends it."
	},

	/* 1: byte offset */
	[FINDING_NOT_UTF8] = {
		"not_utf8", SEVERITY_FATAL,
		"the text is not valid UTF-8 (byte offset {1})",
		"Save the file again as \"CSV UTF-8\" and upload it."
	},

	/* no arguments; the capitals are the vendor's own message */
	[FINDING_GROUP_COLUMN_NOT_ALLOWED] = {
		"group_column_not_allowed", SEVERITY_WARNING,
		"the vendor refuses a file that only revokes licenses if it has a group column:"
		" EIS_UPLOAD_ROW_GROUP_ITEM_VALIDATION_ERROR in column groups",
		"Delete the group columns from the file before it goes to the vendor. Change groups with"
		" a file of its own."
	},

	/* 1: cells found, 2: cells expected */
	[FINDING_FIELD_COUNT] = {
		"field_count", SEVERITY_ERROR,
		"the number of cells in this line is {1}, but in the header line it is {2}",
		"Give the line one cell for every column, empty ones too. A value that holds a separator"
		" itself must stand in double quotes, as in \"Smith, John\"."
	},

	/* no arguments */
	[FINDING_MISSING_EMAIL] = {
		"missing_email", SEVERITY_ERROR,
		"the line has no e-mail address",
		"Enter the person's e-mail address. In a LinkedIn Learning file, the unique_user_id of"
		" somebody who is already in the account will do as well."
	},

	/* 1: value, 2: reason */
	[FINDING_INVALID_EMAIL] = {
		"invalid_email", SEVERITY_ERROR,
		"\"{1}\" is not a valid e-mail address: {2}",
		"Correct the address. A cell takes one address, such as jane.smith@example.com."
	},

	/* 1: column, 2: value */
	[FINDING_INVALID_VENDOR_STATUS] = {
		"invalid_status", SEVERITY_ERROR,
		"column \"{1}\" takes a license status, not \"{2}\"",
		"The vendor's list says Activated, Invited, Unassigned or No license, and may add a date as"
		" month/day/year, such as Activated 4/12/2019."
	},

	/* 1: column, 2: value */
	[FINDING_INVALID_STATUS] = {
		"invalid_status", SEVERITY_ERROR,
		"column \"{1}\" takes active or inactive, not \"{2}\"",
		"Enter active to give the license or inactive to take it away. Leave the cell empty to"
		" change nothing."
	},

	/* 1: column, 2: value */
	[FINDING_INVALID_GROUP_VALUE] = {
		"invalid_group_value", SEVERITY_ERROR,
		"column \"{1}\" takes yes or no, not \"{2}\"",
		"Enter yes (or 1) to add the person to the group, no (or 0) to remove the person from it."
		" Leave the cell empty to change nothing."
	},

	/* 1: column, 2: value */
	[FINDING_INVALID_PERMISSION] = {
		"invalid_permission", SEVERITY_ERROR,
		"column \"{1}\" does not take \"{2}\"",
		"Enter yes to grant the permission, no to remove it. Leave the cell empty to change"
		" nothing. A column that begins with group_permission also takes a list of groups, such as"
		" group:Sales group:Marketing."
	},

	/* 1: column, 2: value, 3: reason */
	[FINDING_INVALID_VALUE] = {
		"invalid_value", SEVERITY_ERROR,
		"column \"{1}\" does not take \"{2}\": {3}",
		"Correct the value. If it looks right, delete it and type it in: text that was pasted may"
		" hold characters that cannot be seen."
	},

	/* 1: group, 2: suggestion, as ' Perhaps you meant "X".', or empty */
	[FINDING_UNKNOWN_GROUP] = {
		"unknown_group", SEVERITY_ERROR,
		"the account has no group \"{1}\"",
		"Correct the name, or create the group before the upload.{2}"
	},

	/* 1: "e-mail address" or "unique_user_id", 2: value, 3: first line */
	[FINDING_DUPLICATE_ROW] = {
		"duplicate_row", SEVERITY_ERROR,
		"{1} \"{2}\" already stands in line {3}",
		"Keep one line for each person: put the right values into one of the two lines and delete"
		" the other. If these are two people, each needs an address and an id of their own."
	},

	/* 1: address, 2: who holds it */
	[FINDING_EMAIL_TAKEN] = {
		"email_taken", SEVERITY_ERROR,
		"e-mail address \"{1}\" already belongs to somebody else: {2}",
		"Check the address and the unique_user_id of this line. If the address has passed to"
		" another person, give its former holder a new one in the same file or before."
	},

	/* 1: address */
	[FINDING_UNKNOWN_PROFILE] = {
		"unknown_profile", SEVERITY_ERROR,
		"nobody in the account has the e-mail address \"{1}\"",
		"Put the address that the person has now into existing_email_address, and the new one into"
		" primary_email_address. For a new person leave existing_email_address empty."
	},

	/* 1: column, 2: other feed */
	[FINDING_FEED_CONFLICT] = {
		"feed_conflict", SEVERITY_WARNING,
		"in column \"{1}\" this file has replaced another value that came from feed \"{2}\"",
		"The later import wins. Make both sources agree, or let only one of them have this column."
	},

	/*
	 * 1: e-mail in the row, 2: existing e-mail or "line N", 3: rule.  The message
	 * is the vendor's own, and then which profile and which rule.
	 */
	[FINDING_DUPLICATE_PROFILE] = {
		"duplicate_profile", SEVERITY_ERROR,
		"Duplicate Profile Error: The email address you entered is similar to an existing email,"
		" This may create a duplicate profile which can result in activation issues. Please confirm"
		" that this email address belongs to a different user. If so, retry your upload with a new"
		" column labeled reupload_user_profile and set the value to true."
		" ({1} is similar to {2}, rule {3})",
		"Compare {1} with {2}. If it is the same person, correct the address or delete this line."
		" If these are two people, add a column reupload_user_profile, enter true in this line and"
		" upload it again."
	},

	/* 1: e-mail in the row, 2: existing e-mail or "line N", 3: rule; short, as a file may have very many */
	[FINDING_SIMILAR_PROFILE] = {
		"similar_profile", SEVERITY_WARNING,
		"{1} may be the same person as {2} (rule {3})",
		"If it is one person, take one license away. If not, do nothing, or enter true in a column"
		" reupload_user_profile."
	},

	/* 1: license header, 2: seats, 3: taken */
	[FINDING_LICENSE_CAP_EXCEEDED] = {
		"license_cap_exceeded", SEVERITY_ERROR,
		"license \"{1}\" has no free seat: {3} of {2} are taken",
		"Take the license away from somebody who no longer needs it (inactive), or have the number"
		" of seats raised. Then upload the line again."
	},

	/* 1: license header, 2: transfers a year */
	[FINDING_TRANSFER_LIMIT_EXCEEDED] = {
		"transfer_limit_exceeded", SEVERITY_ERROR,
		"the free seats of license \"{1}\" were other people's, and its limit of transfers, {2} a year, is reached",
		"Give the license back to whom it was taken from, wait until a transfer is a year old, or"
		" have the number of transfers or of seats raised. Then upload the line again."
	},
	[FINDING_TRANSFER_OVER_LIMIT] = {
		"transfer_limit_exceeded", SEVERITY_WARNING,
		"the seat of license \"{1}\" was another person's, and its limit of transfers, {2} a year, is reached",
		"Look up in the contract what the vendor does about further transfers, or have their number"
		" raised."
	},

	/* 1: header as given, 2: canonical header */
	[FINDING_HEADER_CASE] = {
		"header_case", SEVERITY_WARNING,
		"header \"{1}\" was read as \"{2}\"",
		"Spell the header exactly as \"{2}\", without blanks around it: the vendor takes capital"
		" and small letters for different ones."
	},

	/* 1: header, 2: suggestion, as ' Perhaps you meant "X".', or empty */
	[FINDING_UNKNOWN_HEADER] = {
		"unknown_header", SEVERITY_WARNING,
		"column \"{1}\" is not known and was ignored",
		"If the column is meant to be used, correct its header, or name it in the import's mapping"
		" of columns.{2} Otherwise nothing has to be"
		" done."
	},

	/* 1: column */
	[FINDING_BLANK_VALUE] = {
		"blank_value", SEVERITY_WARNING,
		"column \"{1}\" has no value in this line",
		"What was there before stays. The vendor wants a value in every line of a column, so enter"
		" one."
	},

	/* 1: column, 2: value */
	[FINDING_FORMULA_VALUE] = {
		"formula_value", SEVERITY_WARNING,
		"a spreadsheet would run \"{2}\" in column \"{1}\" as a formula",
		"Enter the plain text or number. If the value is what it should be, only take care when"
		" you open the file in a spreadsheet."
	},

	/* 1: license header, 2: seats, 3: taken */
	[FINDING_OVER_CAP] = {
		"over_cap", SEVERITY_WARNING,
		"the vendor reports more people than seats for license \"{1}\": {3} taken of {2}",
		"Check the number of seats in the contract and in the account here. Until enough seats are"
		" free, no new one is given out."
	},

	/* 1: line */
	[FINDING_ABSENCE_UNKNOWN] = {
		"absence_unknown", SEVERITY_WARNING,
		"nobody was treated as absent, because line {1} does not say whom it is about",
		"Correct the e-mail address or the unique_user_id in that line and import the whole file"
		" again. Until then those who are missing from the file keep their licenses."
	},

	/* 1: absent, 2: of how many, 3: percent, 4: limit in percent, 5: the first names */
	[FINDING_TOO_MANY_ABSENT] = {
		"too_many_absent", SEVERITY_FATAL,
		"{1} of {2} people that this feed brought before are missing from the file"
		" ({3} percent, the limit is {4} percent): {5}",
		"Check that the file is complete. If all of them are really to lose their licenses, have it"
		" imported again with override => true."
	},

	/* 1: absent people, 2: all people of the group, 3: group, 4: limit, 5: first names */
	[FINDING_TOO_MANY_ABSENT_IN_GROUP] = {
		"too_many_absent", SEVERITY_FATAL,
		"{1} of {2} people in group \"{3}\" are missing from the file (the limit is {4} percent): {5}",
		"Check that the file is complete: a whole department may have been left out. If all of them are"
		" really to lose their licenses, have it imported again with override => true."
	},

	/* 1: the server's message */
	[FINDING_CONSTRAINT_FAILED] = {
		"constraint_failed", SEVERITY_ERROR,
		"a rule of this database refuses the line: {1}",
		"Correct the value that the rule names. If it looks right, ask whoever runs the"
		" database about the rule."
	},

	/* 1: e-mail address, 2: action, such as "revoke" */
	[FINDING_PROTECTED_PROFILE] = {
		"protected_profile", SEVERITY_WARNING,
		"\"{1}\" is protected, so this was left out: {2}",
		"If it is meant, end the protection (orgsync.unprotect_profile) and do it again. The table"
		" protected_profiles says who protects whom, and why."
	},

	/* 1: e-mail address or id, 2: the holder */
	[FINDING_VENDOR_KEY_TAKEN] = {
		"vendor_key_taken", SEVERITY_WARNING,
		"the vendor has \"{1}\" on the profile of somebody else ({2}), which no file can change",
		"Give that profile another address or id in the vendor's account, or delete it there; then do what"
		" the list of manual work says, and confirm that file. After a deletion, orgsync.import_remote() with"
		" the vendor's list of users tells that the profile is gone."
	},

	/* 1: the vendor's message */
	[FINDING_VENDOR_REFUSED] = {
		"vendor_refused", SEVERITY_ERROR,
		"{1}",
		"Mend the profile as the vendor's message says. Its changes stay pending and are in the"
		" next export."
	},

	/* 1: column */
	[FINDING_MISSING_NAME] = {
		"missing_name", SEVERITY_ERROR,
		"column \"{1}\" has no name in this line",
		"Enter the person's full name, such as Jane Smith. The vendor takes nobody without it."
	},

	/* 1: column as the vendor names it */
	[FINDING_MISSING_NAME_COLUMN] = {
		"missing_name", SEVERITY_FATAL,
		"the file has no column \"{1}\"",
		"Add a column {1} with everybody's full name. If there is one under another header, rename"
		" it or name it in the import's mapping of columns."
	},

	/* 1: column as the vendor names it, 2: example of a code */
	[FINDING_MISSING_LOCATION_COLUMN] = {
		"invalid_location", SEVERITY_FATAL,
		"the file has no column \"{1}\"",
		"Add a column {1} with everybody's location code, such as {2}. If there is one under another"
		" header, rename it or name it in the import's mapping of columns."
	},

	/* 1: column, 2: what is wrong, 3: sentence with the right codes, after a blank, or empty */
	[FINDING_INVALID_LOCATION] = {
		"invalid_location", SEVERITY_ERROR,
		"column \"{1}\" has no valid location code: {2}",
		"A country is two letters, such as CA for Canada; a region is the country, a hyphen and the"
		" region's own code, such as CA-QC for Quebec.{3}"
	},

	/* 1: column, 2: value, 3: reason, which goes on from the value */
	[FINDING_INVALID_DATE] = {
		"invalid_date", SEVERITY_ERROR,
		"column \"{1}\" does not take \"{2}\", which {3}",
		"Enter year, month and day with hyphens between them, such as 2026-01-31 for the 31st of"
		" January 2026. A spreadsheet keeps it so if the cells are formatted as text first."
	},

	/* 1: group, 2: suggestion, as ' Perhaps you meant "X".', or empty */
	[FINDING_UNKNOWN_IMPORT_GROUP] = {
		"unknown_group", SEVERITY_FATAL,
		"the account has no group \"{1}\", which everybody in this file was to join",
		"Choose a group that there is, or create this one first.{2} Then import the file again."
	},

	/* 1: column, 2: value */
	[FINDING_FORMULA_REFUSED] = {
		"formula_value", SEVERITY_ERROR,
		"a spreadsheet would run \"{2}\" in column \"{1}\" as a formula",
		"Enter plain text: the vendor cannot import cells that are calculated. In a spreadsheet,"
		" copy the column and paste it back as values only."
	},

	/* 1: cell, 2: column, 3: value */
	[FINDING_FORMULA_CELL] = {
		"formula_value", SEVERITY_WARNING,
		"cell {1} in column \"{2}\" is calculated by a formula; \"{3}\" was read, its value when the"
		" workbook was saved",
		"Check that the value is what it should be. To be sure, copy the column and paste it back as"
		" values only: a program that wrote the workbook without a spreadsheet may have left the value"
		" empty."
	},
	[FINDING_FORMULA_CELL_REFUSED] = {
		"formula_value", SEVERITY_ERROR,
		"cell {1} in column \"{2}\" is calculated by a formula (its value is \"{3}\")",
		"Enter plain text: the vendor cannot import cells that are calculated. In the spreadsheet, copy"
		" the column and paste it back as values only."
	},

	/* 1: cell, 2: column, 3: error */
	[FINDING_ERROR_CELL] = {
		"invalid_value", SEVERITY_ERROR,
		"cell {1} in column \"{2}\" shows the error {3}",
		"Correct the formula that gives the error, or enter the value."
	},

	/* 1: range */
	[FINDING_MERGED_CELLS] = {
		"merged_cells", SEVERITY_WARNING,
		"cells {1} are merged: only the first one has a value, the others were read as empty",
		"If each line is to have the value, unmerge the cells in the spreadsheet and fill it into each."
	},

	/* 1: number of ranges */
	[FINDING_MORE_MERGED_CELLS] = {
		"merged_cells", SEVERITY_WARNING,
		"{1} more ranges of cells are merged",
		"If each line is to have the value, unmerge the cells in the spreadsheet and fill it into each."
	},

	/* 1: number of rows */
	[FINDING_HIDDEN_ROWS] = {
		"hidden_cells", SEVERITY_WARNING,
		"rows of the sheet are hidden ({1}, this is the first one); they were read like all others",
		"Show all rows and end the filter in the spreadsheet, to see what was imported. Delete the rows"
		" that are not meant."
	},

	/* 1: number of columns, 2: the first one's letters */
	[FINDING_HIDDEN_COLUMNS] = {
		"hidden_cells", SEVERITY_WARNING,
		"columns of the sheet are hidden ({1}, {2} is the first one); they were read like all others",
		"Show all columns in the spreadsheet, to see what was imported. Delete the columns that are not"
		" meant."
	},

	/* 1: sheet */
	[FINDING_HIDDEN_SHEET] = {
		"hidden_cells", SEVERITY_WARNING,
		"the sheet that was read, \"{1}\", is hidden",
		"If another sheet is meant, name it in the argument sheet."
	},

	/* 1: sheet, 2: names of the others */
	[FINDING_OTHER_SHEETS] = {
		"other_sheets", SEVERITY_WARNING,
		"only the sheet \"{1}\" was read; the workbook also has {2}",
		"If another sheet is meant, name it in the argument sheet, as this one may be named to end the"
		" warning."
	},

	/* 1: sheet, 2: sentence with the sheets that there are, after a blank */
	[FINDING_UNKNOWN_SHEET] = {
		"unknown_sheet", SEVERITY_FATAL,
		"the workbook has no sheet \"{1}\"",
		"Give the name that stands on the sheet's tab.{2}"
	},

	/* 1: what is wrong, 2: how to mend it, after a blank */
	[FINDING_MALFORMED_XLSX] = {
		"malformed_xlsx", SEVERITY_FATAL,
		"{1}",
		"See whether a spreadsheet program can open the file.{2}"
	},

	/* no arguments */
	[FINDING_COMPRESSED_FILE] = {
		"malformed_csv", SEVERITY_FATAL,
		"the file is compressed (gzip), so it cannot be read as CSV",
		"Unpack the file, by a double click on it or with gunzip, and upload the CSV file that comes"
		" out."
	},

	/* no arguments */
	[FINDING_SPREADSHEET_FILE] = {
		"malformed_csv", SEVERITY_FATAL,
		"the file is a spreadsheet or a zip archive, so it cannot be read as CSV",
		"Open the file in the spreadsheet, save it as \"CSV UTF-8\" and upload that, or have the workbook"
		" imported as it is (orgsync.import_xlsx). If it is another zip archive, unpack it first."
	}
};

static const char *const severity_names[] = {
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ERROR] = "error",
	[SEVERITY_FATAL] = "fatal"
};

/* The catalogue's entry of a code; static. */
const finding_kind *
finding_kind_of(finding_code code)
{
	return &catalogue[code];
}

/* The severity as import_findings has it; static. */
const char *
finding_severity_name(finding_severity severity)
{
	return severity_names[severity];
}
