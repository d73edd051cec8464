/*
 * duplicate_profile.h
 *		Holds the duplicate rules on "profiles", whoever writes.
 */
#ifndef ORGSYNC_DUPLICATE_PROFILE_H
#define ORGSYNC_DUPLICATE_PROFILE_H

#include "orgsync.h"

#include "commands/trigger.h"
#include "utils/rel.h"

/*
 * Which profiles, with which addresses and names, an import has compared: the sum
 * of hashes of them, as wide as it takes that no other rows have it.
 */
typedef struct ComparedProfiles
{
	uint64		low;
	uint64		high;
} ComparedProfiles;

extern void compared_profiles_add(ComparedProfiles *compared, int64 profile_id, const char *address,
								  const char *first_name, const char *last_name);

/* Is a search by index for so many people dearer than reading all profiles? */
extern bool duplicate_profile_is_bulk(Relation profiles, int64 named_count, int64 unnamed_count);
extern void duplicate_profile_imported(Oid namespace_oid);
extern void duplicate_profile_compared(const ComparedProfiles *compared);
extern void duplicate_profile_foreseen(const TriggerData *trigger, bool has_newcomers);

#endif
