/*
 * name_fold.h
 *		People's names without regard to case, accents and blanks.
 */
#ifndef ORGSYNC_NAME_FOLD_H
#define ORGSYNC_NAME_FOLD_H

#include "orgsync.h"

#include "core/email.h"

/* A folded name: enough of it to compare it with others and with a local part. */
typedef struct FoldedName
{
	uint64		hash;
	size_t		length;			/* in bytes of UTF-8; 0: there is no name */
	char		start[EMAIL_MAX_LOCAL_LENGTH];
} FoldedName;

extern void name_fold(FoldedName *folded, const char *name, size_t length);

#endif
