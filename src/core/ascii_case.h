/*
 * ascii_case.h
 *		Comparison without regard to the case of ASCII letters.  Plain C.
 *
 * The words of org-sync files, headers and statuses, are ASCII; other bytes
 * of a budget group or a group's name compare as they are, so that the result
 * depends on no locale and no collation.
 */
#ifndef ORGSYNC_CORE_ASCII_CASE_H
#define ORGSYNC_CORE_ASCII_CASE_H

#include <stdbool.h>
#include <stddef.h>

static inline unsigned char
ascii_lower(char character)
{
	unsigned char byte = (unsigned char) character;

	return (byte >= 'A' && byte <= 'Z') ? (unsigned char) (byte + ('a' - 'A')) : byte;
}

/* Whether the first length bytes of both are the same. */
static inline bool
ascii_case_same(const char *a, const char *b, size_t length)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	}
	return true;
}

static inline bool
ascii_case_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
	return a_length == b_length && ascii_case_same(a, b, a_length);
}

/* Less than, equal to or greater than zero, in the order of the folded bytes. */
static inline int
ascii_case_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		common = a_length < b_length ? a_length : b_length;
	size_t		i;

	for (i = 0; i < common; i++)
	{
		int			difference = (int) ascii_lower(a[i]) - (int) ascii_lower(b[i]);

		if (difference != 0)
			return difference;
	}
	return (a_length > b_length) - (a_length < b_length);
}

#endif
