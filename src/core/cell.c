/*
 * cell.c
 *		What the cells of an org-sync file say.
 *
 * Each kind of column has a short table of the words that it takes, all of them
 * in any case and between any blanks.  Blanks are the space, the tab and the
 * no-break space U+00A0 in UTF-8, which spreadsheets and web pages leave at the
 * ends of pasted text.
 *
 * Cells are given with their length, are not NUL-terminated and are never
 * copied.
 */
#include "cell.h"

#include <string.h>

#include "ascii_case.h"

typedef struct cell_word
{
	const char *word;
	cell_value	value;
} cell_word;

#define WORD_COUNT(words)	(sizeof(words) / sizeof((words)[0]))

static const cell_word license_status_words[] = {
	{"active", CELL_YES},
	{"inactive", CELL_NO}
};

static const cell_word permission_words[] = {
	{"yes", CELL_YES},
	{"no", CELL_NO}
};

static const cell_word boolean_words[] = {
	{"yes", CELL_YES},
	{"no", CELL_NO},
	{"1", CELL_YES},
	{"0", CELL_NO},
	{"true", CELL_YES},
	{"false", CELL_NO}
};

/*
 * How many bytes the blank at the start of text takes, 0 if there is none.
 * text[0..length) is readable.
 */
size_t
cell_blank_length(const char *text, size_t length)
{
	if (length >= 1 && (text[0] == ' ' || text[0] == '\t'))
		return 1;
	if (length >= 2 && text[0] == '\xC2' && text[1] == '\xA0')
		return 2;
	return 0;
}

/* Moves *cell and *length so that they leave out the blanks at both ends. */
void
cell_trim(const char **cell, size_t *length)
{
	const char *text = *cell;
	size_t		left = *length;
	size_t		blank;

	while ((blank = cell_blank_length(text, left)) > 0)
	{
		text += blank;
		left -= blank;
	}
	while (left > 0)
	{
		if (cell_blank_length(text + left - 1, 1) == 1)
			left -= 1;
		else if (left >= 2 && cell_blank_length(text + left - 2, 2) == 2)
			left -= 2;
		else
			break;
	}
	*cell = text;
	*length = left;
}

/* Looks the trimmed cell up among the words that its column takes. */
static cell_value
find_word(const char *cell, size_t length, const cell_word *words, size_t word_count)
{
	size_t		i;

	cell_trim(&cell, &length);
	if (length == 0)
		return CELL_EMPTY;
	for (i = 0; i < word_count; i++)
	{
		if (ascii_case_equal(cell, length, words[i].word, strlen(words[i].word)))
			return words[i].value;
	}
	return CELL_INVALID;
}

/* A license column's cell: active or inactive. */
cell_value
cell_license_status(const char *cell, size_t length)
{
	return find_word(cell, length, license_status_words, WORD_COUNT(license_status_words));
}

/* A group column's cell: yes and no, 1 and 0, or true and false. */
cell_value
cell_group(const char *cell, size_t length)
{
	return find_word(cell, length, boolean_words, WORD_COUNT(boolean_words));
}

/* The cell of a permission that cannot be limited to groups: yes or no. */
cell_value
cell_permission(const char *cell, size_t length)
{
	return find_word(cell, length, permission_words, WORD_COUNT(permission_words));
}

/* reupload_user_profile: true and false, yes and no, or 1 and 0. */
cell_value
cell_boolean(const char *cell, size_t length)
{
	return find_word(cell, length, boolean_words, WORD_COUNT(boolean_words));
}

/*
 * Whether the cell, trimmed by the caller, is an employee id: "a combination of
 * letters and/or numbers".  An empty cell is none.
 */
bool
cell_is_user_id(const char *cell, size_t length)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		unsigned char lower = ascii_lower(cell[i]);

		if (!((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')))
			return false;
	}
	return length > 0;
}

/*
 * Whether the cell holds a character that no name, title or address has: those
 * below U+0020 (tab and line breaks too), U+007F, and U+0080 to U+009F in UTF-8.
 */
bool
cell_has_control_character(const char *cell, size_t length)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		unsigned char byte = (unsigned char) cell[i];

		if (byte < 0x20 || byte == 0x7F)
			return true;
		if (byte == 0xC2 && i + 1 < length)
		{
			unsigned char next = (unsigned char) cell[i + 1];

			if (next >= 0x80 && next <= 0x9F)
				return true;
		}
	}
	return false;
}
