/*
 * similar_set.h
 *		Many people in memory, among whom similar ones are found.
 */
#ifndef ORGSYNC_SIMILAR_SET_H
#define ORGSYNC_SIMILAR_SET_H

#include "similar_filter.h"
#include "similar_probe.h"

typedef struct SimilarSet SimilarSet;

extern SimilarSet *similar_set_create(const DuplicateRules *rules, SimilarFilter *filter);
extern void similar_set_free(SimilarSet *set);
extern void similar_set_add(SimilarSet *set, const SimilarPerson *person, int64 id, bool is_row,
							bool is_confirmed, bool is_noted);
extern void similar_set_add_profiles(SimilarSet *set, Relation profiles, const int64 *noted_ids, int noted_count);
extern void similar_set_find(SimilarSet *set, const SimilarPerson *person, bool is_noted,
							 SimilarVisitor visitor, void *context);
extern void similar_set_prefetch(const SimilarSet *set, const SimilarKeys *keys, bool with_members);
extern bool similar_set_is_alone(const SimilarSet *set, const SimilarKeys *keys);
extern bool similar_set_has_neighbours(SimilarSet *set, const similar_address *address);

#endif
