/*
 * similar_character.h
 *		Where the characters of an address begin.
 *
 * They are those of UTF-8.  Of other encodings, bytes from 0x80 to 0xbf are taken for
 * a part of the character before them.
 */
#ifndef ORGSYNC_CORE_SIMILAR_CHARACTER_H
#define ORGSYNC_CORE_SIMILAR_CHARACTER_H

#include <stdbool.h>
#include <stddef.h>

/* Does a character begin at the byte? */
static inline bool
similar_begins_character(char byte)
{
	return ((unsigned char) byte & 0xc0) != 0x80;
}

/* Where the character behind the one at that place begins; length, if there is none. */
static inline size_t
similar_next_character(const char *text, size_t length, size_t at)
{
	do
		at++;
	while (at < length && !similar_begins_character(text[at]));
	return at;
}

#endif
