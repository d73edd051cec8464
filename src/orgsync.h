/*
 * orgsync.h
 *		What all server-side files share.
 */
#ifndef ORGSYNC_H
#define ORGSYNC_H

#include "compat.h"

/* The schema of the extension's own objects. */
#define ORGSYNC_SCHEMA	"orgsync"

/* GUC orgsync.max_record_size, in kB */
extern int	orgsync_max_record_size;

/* GUC orgsync.skip_unchanged_records */
extern bool orgsync_skip_unchanged_records;

/* The file that this process has loaded as the library; both are 0 if that is unknown. */
typedef struct LibraryFile
{
	int64		device;
	int64		inode;
} LibraryFile;

extern LibraryFile orgsync_library;

extern bool orgsync_is_library(const LibraryFile *library);

/* Where it was found, for another process to load the same. */
extern const char *orgsync_library_path;

#endif
