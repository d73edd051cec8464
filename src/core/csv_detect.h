/*
 * csv_detect.h
 *		What a stream that begins with these bytes seems to be.  Plain C: no server header.
 *
 * A part of the reader: see csv_detect.c for the design.
 */
#ifndef ORGSYNC_CORE_CSV_DETECT_H
#define ORGSYNC_CORE_CSV_DETECT_H

#include <stddef.h>

#include "csv_reader.h"

extern csv_encoding csv_detect_encoding(const unsigned char *block, size_t length);
extern csv_fault_code csv_detect_other_kind(const unsigned char *block, size_t length);

#endif
