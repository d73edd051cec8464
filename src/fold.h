/*
 * fold.h
 *		Text without regard to case, and people's names without regard to accents.
 */
#ifndef ORGSYNC_FOLD_H
#define ORGSYNC_FOLD_H

#include "orgsync.h"

extern char *fold_text(const char *text, size_t length);
extern char *fold_name(const char *name);
extern bool names_agree(const char *first_a, const char *last_a, const char *first_b, const char *last_b);
extern bool names_known(const char *first, const char *last);

#endif
