/*
 * csv_text.h
 *		The bytes of a record, before any quoting: their lines and their encoding.
 *		Plain C: no server header.
 *
 * A part of csv_reader.c: functions that run over every byte of a file are
 * inlined there.
 */
#ifndef ORGSYNC_CORE_CSV_TEXT_H
#define ORGSYNC_CORE_CSV_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "csv_reader.h"

/* How many lines end in this part of a record. */
static inline int64_t
csv_count_line_ends(const char *data, size_t length)
{
	const char *end = data + length;
	const char *next;
	int64_t		count = 0;

	for (next = data; (next = memchr(next, '\n', (size_t) (end - next))) != NULL; next++)
		count++;
	for (next = data; (next = memchr(next, '\r', (size_t) (end - next))) != NULL; next++)
	{
		if (next + 1 == end || next[1] != '\n')
			count++;
	}
	return count;
}

/*
 * The length of the UTF-8 sequence that begins here, 0 if it is none (Unicode
 * 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).  One
 * that is right as far as it goes but cut off by the end has length + 1.
 */
static inline size_t
csv_utf8_sequence_length(const unsigned char *text, size_t length)
{
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t		expected;
	size_t		i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xC2 || text[0] > 0xF4)
		return 0;
	expected = text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;

	if (text[0] == 0xE0)
		low = 0xA0;
	else if (text[0] == 0xED)
		high = 0x9F;
	else if (text[0] == 0xF0)
		low = 0x90;
	else if (text[0] == 0xF4)
		high = 0x8F;

	for (i = 1; i < expected; i++)
	{
		if (i == length)
			return length + 1;
		if (text[i] < low || text[i] > high)
			return 0;
		low = 0x80;
		high = 0xBF;
	}
	return expected;
}

/*
 * Looks for the first NUL or byte that is not UTF-8; *position tells where.
 * is_cut: the text goes on behind its end, so a sequence may be cut off there.
 */
static inline csv_fault_code
csv_check_text(const char *data, size_t length, bool is_cut, size_t *position)
{
	const unsigned char *text = (const unsigned char *) data;
	size_t		i = 0;

	while (i < length)
	{
		uint64_t	word;
		size_t		sequence;

		/* eight bytes at a time while they are all from 0x01 to 0x7F */
		while (length - i >= sizeof(word))
		{
			memcpy(&word, text + i, sizeof(word));
			if (((word | (word - UINT64_C(0x0101010101010101))) &
				 UINT64_C(0x8080808080808080)) != 0)
				break;
			i += sizeof(word);
		}
		if (i == length)
			break;

		*position = i;
		if (text[i] == '\0')
			return CSV_FAULT_NUL_BYTE;
		sequence = csv_utf8_sequence_length(text + i, length - i);
		if (sequence == 0 || (sequence > length - i && !is_cut))
			return CSV_FAULT_NOT_UTF8;
		i += sequence;
	}
	return CSV_FAULT_NONE;
}

#endif
