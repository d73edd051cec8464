/*
 * value.h
 *		Numbers and dates of cells as text.  Plain C.
 */
#ifndef XLSX_CORE_VALUE_H
#define XLSX_CORE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "number_format.h"

/* What any number takes at most, with the NUL behind it: 1e308 and 1e-323 in full. */
#define XLSX_NUMBER_SIZE	360

extern size_t xlsx_number_text(const char *number, size_t length, xlsx_number_format format, bool is_1904,
							   char *text);
extern size_t xlsx_iso_date_text(const char *date, size_t length, char *text);

#endif
