/*
 * csv_output.h
 *		CSV that is written to memory.
 */
#ifndef ORGSYNC_CSV_OUTPUT_H
#define ORGSYNC_CSV_OUTPUT_H

#include "orgsync.h"

#include "lib/stringinfo.h"

/* RFC 4180 */
#define CSV_LINE_END	"\r\n"

extern void csv_append_cell(StringInfo csv, const char *cell, char delimiter);

#endif
