/*
 * duplicate_profile.h
 *		Holds the duplicate rules on "profiles", whoever writes.
 */
#ifndef ORGSYNC_DUPLICATE_PROFILE_H
#define ORGSYNC_DUPLICATE_PROFILE_H

#include "orgsync.h"

extern void duplicate_profile_warnings(bool enabled);

#endif
