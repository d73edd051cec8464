/*
 * orgsync_xlsx.c
 *		The module: its magic block, and what it calls in orgsync's.
 *
 * This is a module of its own, so that a server that needs no spreadsheets loads
 * none of the libraries that read and write them.  It finds orgsync's module by
 * the function that orgsync offers to sources of imports, and links nothing of it.
 */
#include "orgsync_xlsx.h"

#include "utils/guc.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

ImportSourceFunction orgsync_xlsx_import_source;

void
_PG_init(void)
{
	orgsync_xlsx_import_source = (ImportSourceFunction)
		load_external_function("$libdir/orgsync", "orgsync_import_source", true, NULL);
}

/* The setting orgsync.max_record_size, which is in kB, in bytes. */
size_t
orgsync_xlsx_max_row_size(void)
{
	int			size;

	if (!parse_int(GetConfigOption("orgsync.max_record_size", false, false), &size, GUC_UNIT_KB, NULL))
		elog(ERROR, "orgsync.max_record_size is no number");
	return (size_t) size * 1024;
}
