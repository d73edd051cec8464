/*
 * fold.h
 *		Text without regard to case.
 */
#ifndef ORGSYNC_FOLD_H
#define ORGSYNC_FOLD_H

#include "orgsync.h"

extern char *fold_text(const char *text, size_t length);

#endif
