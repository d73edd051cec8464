/*
 * import_progress.h
 *		For work that an import leaves to parts that do not know it.
 */
#ifndef ORGSYNC_IMPORT_PROGRESS_H
#define ORGSYNC_IMPORT_PROGRESS_H

#include "compat.h"

extern void import_progress_step(int64 count);

#endif
