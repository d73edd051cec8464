/*
 * fault.c
 *		Why a workbook cannot be read, in words.
 *
 * What comes out of a broken file first is the cause, what follows from it is
 * not: so the first fault stays.
 */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct fault_words
{
	const char *message;		/* goes on from nothing: lower case, no full stop */
	const char *hint;			/* whole sentences */
} fault_words;

static const fault_words words[XLSX_FAULT_CODE_COUNT] = {
	[XLSX_FAULT_NONE] = {"no fault", ""},
	[XLSX_FAULT_NO_ARCHIVE] = {
		"the data is no workbook (.xlsx)",
		"Save the sheet as an Excel workbook (.xlsx) in the spreadsheet program. A CSV file is for import_csv."
	},
	[XLSX_FAULT_OLD_WORKBOOK] = {
		"the data is a workbook of an old Excel (.xls)",
		"Open it in a spreadsheet program and save it as an Excel workbook (.xlsx)."
	},
	[XLSX_FAULT_ENCRYPTED] = {
		"the workbook is encrypted",
		"Open it in a spreadsheet program, take the password off and save it again."
	},
	[XLSX_FAULT_BINARY_WORKBOOK] = {
		"the data is a binary workbook (.xlsb)",
		"Open it in Excel and save it as an Excel workbook (.xlsx)."
	},
	[XLSX_FAULT_OPEN_DOCUMENT] = {
		"the data is an OpenDocument file (.ods)",
		"Open it in a spreadsheet program and save it as an Excel workbook (.xlsx)."
	},
	[XLSX_FAULT_NO_WORKBOOK] = {
		"the data is a zip archive, but no workbook (.xlsx)",
		"Save the sheet as an Excel workbook (.xlsx) in the spreadsheet program."
	},
	[XLSX_FAULT_BROKEN_ARCHIVE] = {
		"the workbook is damaged",
		"Transfer the file again, in binary mode; if a spreadsheet program can still open it, save it from there."
	},
	[XLSX_FAULT_BROKEN_CONTENT] = {
		"the workbook is damaged",
		"Open it in a spreadsheet program, which may repair it, and save it again."
	},
	[XLSX_FAULT_TOO_LARGE] = {
		"the workbook is too large",
		"Copy the rows and columns that hold people into a new sheet, without formats, and save that."
	},
	[XLSX_FAULT_UNKNOWN_SHEET] = {
		"the workbook has no such sheet",
		"Give the sheet's name as it stands on its tab."
	},
	[XLSX_FAULT_NO_MEMORY] = {
		"there is not enough memory to read the workbook",
		"Try again when the server has less to do."
	}
};

/* Notes a fault, unless there is one already.  Returns false, for callers to return. */
bool
xlsx_fault_set(xlsx_fault *fault, xlsx_fault_code code, const char *format,...)
{
	va_list		arguments;

	if (fault->code != XLSX_FAULT_NONE)
		return false;
	fault->code = code;
	va_start(arguments, format);
	vsnprintf(fault->detail, sizeof(fault->detail), format, arguments);
	va_end(arguments);
	return false;
}

/* What is wrong in general; static. */
const char *
xlsx_fault_message(xlsx_fault_code code)
{
	return words[code].message;
}

/* How to mend it; static. */
const char *
xlsx_fault_hint(xlsx_fault_code code)
{
	return words[code].hint;
}
