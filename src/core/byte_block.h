/*
 * byte_block.h
 *		Looks at 16 bytes at a time.  Plain C: no server header.
 *
 * Each function takes a block of BYTE_BLOCK bytes, at any address, all of which may
 * be read, and returns a bit for each of them, the first one's lowest.  Where the
 * compiler does not know SSE2, it is left to make something good of a loop.
 */
#ifndef ORGSYNC_CORE_BYTE_BLOCK_H
#define ORGSYNC_CORE_BYTE_BLOCK_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BYTE_BLOCK	16

/* Which bytes are that one. */
static inline unsigned int
byte_block_find(const char *block, char byte)
{
#ifdef __SSE2__
	return (unsigned int) _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *) block),
														   _mm_set1_epi8(byte)));
#else
	unsigned int found = 0;
	unsigned int i;

	for (i = 0; i < BYTE_BLOCK; i++)
		found |= (unsigned int) (block[i] == byte) << i;
	return found;
#endif
}

/* Which bytes are not from 0x01 to 0x7F. */
static inline unsigned int
byte_block_find_unusual(const unsigned char *block)
{
#ifdef __SSE2__
	__m128i		bytes = _mm_loadu_si128((const __m128i *) block);

	/* as signed numbers, these are all that are not greater than 0 */
	return (unsigned int) _mm_movemask_epi8(_mm_cmpgt_epi8(bytes, _mm_setzero_si128())) ^ 0xFFFFu;
#else
	unsigned int found = 0;
	unsigned int i;

	for (i = 0; i < BYTE_BLOCK; i++)
		found |= (unsigned int) (block[i] == 0 || block[i] >= 0x80) << i;
	return found;
#endif
}

/* The place of the lowest bit that is set; there must be one. */
static inline unsigned int
byte_block_first(unsigned int bits)
{
#ifdef __GNUC__
	return (unsigned int) __builtin_ctz(bits);
#else
	unsigned int i = 0;

	while ((bits >> i & 1) == 0)
		i++;
	return i;
#endif
}

#endif
