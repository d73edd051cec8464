/*
 * number_format.h
 *		What a number in a cell is, by the cell's format.  Plain C.
 */
#ifndef XLSX_CORE_NUMBER_FORMAT_H
#define XLSX_CORE_NUMBER_FORMAT_H

#include <stddef.h>

typedef enum xlsx_number_kind
{
	XLSX_NUMBER,
	XLSX_PADDED,				/* an integer of so many digits: 00123 */
	XLSX_DATE,
	XLSX_DATE_TIME,
	XLSX_TIME,
	XLSX_DURATION				/* hours may be more than a day has */
} xlsx_number_kind;

typedef struct xlsx_number_format
{
	unsigned char kind;			/* xlsx_number_kind */
	unsigned char digits;		/* of XLSX_PADDED */
} xlsx_number_format;

extern xlsx_number_format xlsx_format_of_id(unsigned id);
extern xlsx_number_format xlsx_format_of_code(const char *code);

#endif
