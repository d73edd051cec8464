/*
 * duplicate_profile.h
 *		Holds the duplicate rules on "profiles", whoever writes.
 */
#ifndef ORGSYNC_DUPLICATE_PROFILE_H
#define ORGSYNC_DUPLICATE_PROFILE_H

#include "orgsync.h"

#include "utils/rel.h"

/* Is a search by index for so many people dearer than reading all profiles? */
extern bool duplicate_profile_is_bulk(Relation profiles, int64 named_count, int64 unnamed_count);
extern void duplicate_profile_imported(Oid namespace_oid);

#endif
