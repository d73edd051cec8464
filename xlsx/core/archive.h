/*
 * archive.h
 *		The parts of a workbook: files in a zip archive.  Plain C: no server header.
 */
#ifndef XLSX_CORE_ARCHIVE_H
#define XLSX_CORE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

typedef struct xlsx_archive
{
	struct zip *zip;
	uint64_t	allowance;		/* bytes that may still come out of it */
	xlsx_fault *fault;
} xlsx_archive;

typedef struct xlsx_part
{
	xlsx_archive *archive;
	const char *name;
	struct zip_file *file;
} xlsx_part;

extern bool xlsx_archive_open(xlsx_archive *archive, const void *data, size_t size,
							  xlsx_fault *fault);
extern bool xlsx_archive_has(xlsx_archive *archive, const char *name);
extern bool xlsx_archive_allow(xlsx_archive *archive, uint64_t size);
extern void xlsx_archive_close(xlsx_archive *archive);
extern bool xlsx_part_open(xlsx_part *part, xlsx_archive *archive, const char *name);
extern long xlsx_part_read(xlsx_part *part, void *buffer, size_t size);
extern void xlsx_part_close(xlsx_part *part);

#endif
