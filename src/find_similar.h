/*
 * find_similar.h
 *		For people who want to ask first: whom is somebody similar to?
 */
#ifndef ORGSYNC_FIND_SIMILAR_H
#define ORGSYNC_FIND_SIMILAR_H

#include "duplicate_rule.h"

extern void similar_profiles_notice(const Account *account, const DuplicateRules *rules, DuplicateRule rule);

#endif
