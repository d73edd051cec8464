/*
 * orgsync.c
 *		The module: its magic block and its settings.
 */
#include "orgsync.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include "empty_index.h"
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

int			orgsync_max_record_size = 1024;
bool		orgsync_skip_unchanged_records = true;
LibraryFile orgsync_library;
const char *orgsync_library_path = "$libdir/orgsync";

/* The inode is not used again as long as the file is loaded, even if it was replaced by another. */
static void
note_library(void)
{
	Dl_info		library;
	struct stat file;

	if (dladdr(&orgsync_library, &library) == 0)
		return;
	orgsync_library_path = library.dli_fname;
	if (stat(library.dli_fname, &file) != 0)
		return;
	orgsync_library.device = (int64) file.st_dev;
	orgsync_library.inode = (int64) file.st_ino;
}

/* Has another process, which noted its library, loaded the same? */
bool
orgsync_is_library(const LibraryFile *library)
{
	return library->inode != 0 && library->inode == orgsync_library.inode && library->device == orgsync_library.device;
}

void
_PG_init(void)
{
	note_library();
	DefineCustomIntVariable("orgsync.max_record_size",
							"Longest record of a CSV file that is read.",
							"A longer one is taken for a quotation mark that was never closed.",
							&orgsync_max_record_size,
							1024, 1, MaxAllocSize / 1024 / 2,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	DefineCustomBoolVariable("orgsync.skip_unchanged_records",
							 "Whether an import passes over records that its feed had before.",
							 "Nothing else than the time it takes depends on it.",
							 &orgsync_skip_unchanged_records,
							 true,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);
	MarkGUCPrefixReserved("orgsync");
	empty_index_init();
}
