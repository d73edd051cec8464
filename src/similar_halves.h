/*
 * similar_halves.h
 *		Whether somebody is near to one of a few people without a name, by halves of local parts.
 */
#ifndef ORGSYNC_SIMILAR_HALVES_H
#define ORGSYNC_SIMILAR_HALVES_H

#include "orgsync.h"

#include "core/similar.h"

typedef struct SimilarHalves SimilarHalves;

extern uint64 similar_halves_of(const similar_address *address, uint64 salt);
extern SimilarHalves *similar_halves_create(MemoryContext context);
extern void similar_halves_note(SimilarHalves *halves, const similar_address *address, uint64 salt);
extern bool similar_halves_have(SimilarHalves *halves, uint64 asked);

#endif
