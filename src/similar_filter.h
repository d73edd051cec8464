/*
 * similar_filter.h
 *		Who of many people shares a key with somebody else, and so may be similar.
 */
#ifndef ORGSYNC_SIMILAR_FILTER_H
#define ORGSYNC_SIMILAR_FILTER_H

#include "duplicate_rule.h"

/* So many people of one group are kept by it, for each is met by all others; see similar_set.c. */
#define SIMILAR_MAX_GROUP	8

/* What a person is known by: enough to ask a filter, without the person. */
typedef struct SimilarKeys
{
	uint64		local;			/* the local part; 0: there is no address */
	uint64		group;			/* name, digits and domain; 0: there is no name */
	uint64		halves;			/* of the local part, with digits and domain; see similar_halves_of() */
} SimilarKeys;

/* What a filter has to know of a person; a copy needs no more of local than its length. */
typedef struct SimilarNote
{
	SimilarKeys keys;
	uint64		salt;			/* of the neighbours */
	size_t		local_length;
	char		local[EMAIL_MAX_LENGTH];
} SimilarNote;

typedef struct SimilarFilter SimilarFilter;

extern SimilarKeys similar_keys(const SimilarPerson *person, uint64 domain_hash);
extern void similar_keys_halves(SimilarKeys *keys, const SimilarPerson *person, uint64 domain_hash);
extern size_t similar_neighbours(const similar_address *address, uint64 domain_hash, uint64 *keys);

extern SimilarFilter *similar_filter_create(bool in_order, int64 expected_people);
extern void similar_filter_free(SimilarFilter *filter);
extern void similar_note_make(SimilarNote *note, const SimilarPerson *person, uint64 domain_hash);
extern void similar_filter_note(SimilarFilter *filter, const SimilarPerson *person, uint64 domain_hash);
extern void similar_filter_take(SimilarFilter *filter, const SimilarNote *note);
extern void similar_filter_prefetch(const SimilarFilter *filter, const SimilarKeys *keys);
extern bool similar_filter_has(SimilarFilter *filter, uint64 key, bool again);
extern void similar_filter_has_neighbours(SimilarFilter *filter, const uint64 *keys, size_t count, bool again,
										  bool *results);
extern bool similar_filter_may_have_unnamed(SimilarFilter *filter, const SimilarKeys *keys);
extern bool similar_filter_in_order(const SimilarFilter *filter);
extern bool similar_filter_has_named(SimilarFilter *filter);
extern bool similar_filter_has_unnamed(SimilarFilter *filter);

#endif
