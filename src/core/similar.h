/*
 * similar.h
 *		How near two e-mail addresses are, and the keys by which near ones are found.
 *
 * Plain C: no server header.  Nothing here allocates.
 */
#ifndef ORGSYNC_CORE_SIMILAR_H
#define ORGSYNC_CORE_SIMILAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "email.h"

/* An address as it is compared: see email_canonical(). */
typedef struct similar_address
{
	const char *local;
	const char *domain;
	size_t		local_length;
	size_t		domain_length;
	uint64_t	local_hash;
	uint64_t	digits;			/* those of the local part, as a number */
} similar_address;

/* So many keys has a local part at most; see similar_neighbour_keys(). */
#define SIMILAR_MAX_NEIGHBOUR_KEYS	(EMAIL_MAX_LENGTH + 1)

/* A text that is one step away from another. */
typedef struct similar_variant
{
	uint64_t	hash;
	uint32_t	start;			/* see similar_address_key() */
} similar_variant;

/* So many texts are one step away from one of so many bytes, at most. */
#define SIMILAR_MAX_VARIANTS(length)	(((length) * 2 + 1) * 48 + (length) * 2)

/* The bit that all keys of halves have. */
#define SIMILAR_HALF_KEY	UINT64_C(0x8000000000000000)

/* The same half, whatever the rest of the text; and the rest: its length and its letters. */
#define SIMILAR_HALF_REST_BITS	24
#define SIMILAR_HALF_OF_KEY(key)	((key) >> SIMILAR_HALF_REST_BITS)
#define SIMILAR_HALF_REST(key)	((uint32_t) (key) & ((UINT32_C(1) << SIMILAR_HALF_REST_BITS) - 1))

/* A range of keys. */
typedef struct similar_range
{
	uint64_t	from;
	uint64_t	to;
} similar_range;

/* So many ranges are searched for near addresses, at most, by each half. */
#define SIMILAR_MAX_HALF_RANGES	2

extern void similar_address_read(similar_address *result, const char *address, size_t length, char *buffer);
extern uint64_t similar_digits(const char *local, size_t length);
extern bool similar_one_step(const char *a, size_t a_length, const char *b, size_t b_length);
extern bool similar_is_built_from(const char *local, size_t length, const char *first, size_t first_length,
								  const char *last, size_t last_length);

extern uint64_t similar_hash(const char *text, size_t length);
extern uint64_t similar_mix(uint64_t a, uint64_t b);
extern uint64_t similar_address_hash(uint64_t local_hash, uint64_t domain_hash);
extern uint32_t similar_start(const char *text, size_t length);
extern uint64_t similar_address_key_of_hashes(uint32_t start, uint64_t local_hash, uint64_t domain_hash);
extern uint64_t similar_address_key(const similar_address *address, const char *domain, size_t domain_length);
extern size_t similar_neighbour_keys(const char *text, size_t length, uint64_t *keys);
extern size_t similar_variants(const char *text, size_t length, bool is_domain, similar_variant *variants);
extern void similar_half_keys(const similar_address *address, uint64_t *first, uint64_t *second);
extern size_t similar_half_ranges(const similar_address *address, similar_range *first, similar_range *second);
extern bool similar_half_is_near(const similar_address *address, uint64_t key);
extern bool similar_halves_are_near(uint32_t rest, uint32_t other);

#endif
