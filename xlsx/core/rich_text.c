/*
 * rich_text.c
 *		The text of an item (si, is) that may be formatted in runs.
 *
 * The item is its t, or those of its runs (r) joined.  What helps to pronounce it
 * (rPh) is no part of it.
 */
#include "rich_text.h"

#include <string.h>

/* An element begins inside of the item. */
void
xlsx_rich_text_start(xlsx_rich_text *text, const char *name)
{
	if (text->skipped > 0 || text->in_text)
		text->skipped++;
	else if (strcmp(name, "t") == 0)
		text->in_text = true;
	else if (strcmp(name, "r") == 0 && !text->in_run)
		text->in_run = true;
	else
		text->skipped++;
}

/* It ends. */
void
xlsx_rich_text_end(xlsx_rich_text *text)
{
	if (text->skipped > 0)
		text->skipped--;
	else if (text->in_text)
		text->in_text = false;
	else
		text->in_run = false;
}

static int
hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return -1;
}

/* The character that "_xHHHH_" stands for; -1 if there is none, or none that text can have. */
static int
escaped_character(const char *text, size_t length)
{
	int			character = 0;

	if (length < 7 || text[1] != 'x' || text[6] != '_')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		int			digit = hex_digit(text[i]);

		if (digit < 0)
			return -1;
		character = character * 16 + digit;
	}
	if (character == 0 || (character >= 0xD800 && character < 0xE000) || character >= 0xFFFE)
		return -1;
	return character;
}

/*
 * Replaces "_xHHHH_", which stands for characters that XML has not, and for the
 * underscore before what would be one, in place.  Returns the new length.
 */
size_t
xlsx_unescape(char *text, size_t length)
{
	char	   *next = memchr(text, '_', length);
	char	   *end = text + length;
	char	   *to = next;

	if (next == NULL)
		return length;
	while (next < end)
	{
		int			character = *next == '_' ? escaped_character(next, (size_t) (end - next)) : -1;

		if (character < 0)
		{
			*to++ = *next++;
			continue;
		}
		next += 7;
		if (character < 0x80)
			*to++ = (char) character;
		else if (character < 0x800)
		{
			*to++ = (char) (0xC0 | character >> 6);
			*to++ = (char) (0x80 | (character & 0x3F));
		}
		else
		{
			*to++ = (char) (0xE0 | character >> 12);
			*to++ = (char) (0x80 | (character >> 6 & 0x3F));
			*to++ = (char) (0x80 | (character & 0x3F));
		}
	}
	return (size_t) (to - text);
}
