/*
 * attribute.h
 *		The value of a custom attribute as a cell has it.
 */
#ifndef ORGSYNC_ATTRIBUTE_H
#define ORGSYNC_ATTRIBUTE_H

#include "utils/jsonb.h"

extern char *attribute_text(const JsonbValue *value);

#endif
