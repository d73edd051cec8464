/*
 * orgsync.c
 *		The module: its magic block and its settings.
 */
#include "orgsync.h"

#include "fmgr.h"
#include "utils/guc.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

int			orgsync_max_record_size = 1024;

void
_PG_init(void)
{
	DefineCustomIntVariable("orgsync.max_record_size",
							"Longest record of a CSV file that is read.",
							"A longer one is taken for a quotation mark that was never closed.",
							&orgsync_max_record_size,
							1024, 1, MaxAllocSize / 1024 / 2,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("orgsync");
}
