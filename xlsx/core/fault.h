/*
 * fault.h
 *		Why a workbook cannot be read.  Plain C: no server header.
 */
#ifndef XLSX_CORE_FAULT_H
#define XLSX_CORE_FAULT_H

#include <stdbool.h>

typedef enum xlsx_fault_code
{
	XLSX_FAULT_NONE,
	XLSX_FAULT_NO_ARCHIVE,		/* neither a workbook nor anything else that is known */
	XLSX_FAULT_OLD_WORKBOOK,	/* .xls, of an Excel before 2007 */
	XLSX_FAULT_ENCRYPTED,
	XLSX_FAULT_BINARY_WORKBOOK, /* .xlsb */
	XLSX_FAULT_OPEN_DOCUMENT,	/* .ods */
	XLSX_FAULT_NO_WORKBOOK,		/* a zip archive of something else */
	XLSX_FAULT_BROKEN_ARCHIVE,
	XLSX_FAULT_BROKEN_CONTENT,	/* a part is no XML, or says what no workbook can say */
	XLSX_FAULT_TOO_LARGE,		/* bombs among others */
	XLSX_FAULT_UNKNOWN_SHEET,
	XLSX_FAULT_NO_MEMORY,
	XLSX_FAULT_CODE_COUNT
} xlsx_fault_code;

typedef struct xlsx_fault
{
	xlsx_fault_code code;
	char		detail[240];	/* UTF-8; begins in lower case, no full stop; may be empty */
} xlsx_fault;

extern bool xlsx_fault_set(xlsx_fault *fault, xlsx_fault_code code, const char *format,...)
__attribute__((format(printf, 3, 4)));
extern const char *xlsx_fault_message(xlsx_fault_code code);
extern const char *xlsx_fault_hint(xlsx_fault_code code);

#endif
