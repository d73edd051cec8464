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

#include <stdint.h>
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

/* Is it surely no part of a blank? */
static bool
is_plain(char character)
{
	return character > ' ' && character < '\x7F';
}

/* Moves *cell and *length so that they leave out the blanks at both ends. */
void
cell_trim(const char **cell, size_t *length)
{
	const char *text = *cell;
	size_t		left = *length;
	size_t		blank;

	/* most cells begin and end with a letter or digit */
	if (left > 0 && is_plain(text[0]) && is_plain(text[left - 1]))
		return;
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
 * Whether none of eight bytes begins a control character: below 0x20, 0x7F, or
 * 0xC2, behind which there may be one.  It errs on the safe side.
 */
static bool
has_plain_bytes(const char *bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t highs = ones << 7;
	uint64_t	word;
	uint64_t	delete;
	uint64_t	c2;

	memcpy(&word, bytes, sizeof(word));
	delete = word ^ (ones * 0x7F);
	c2 = word ^ (ones * 0xC2);
	return (((word - ones * 0x20) & ~word & highs) | ((delete - ones) & ~delete & highs) |
			((c2 - ones) & ~c2 & highs)) == 0;
}

/*
 * Whether the cell holds a character that no name, title or address has: those
 * below U+0020 (tab and line breaks too), U+007F, and U+0080 to U+009F in UTF-8.
 */
bool
cell_has_control_character(const char *cell, size_t length)
{
	size_t		i = 0;

	while (i < length)
	{
		unsigned char byte = (unsigned char) cell[i];

		if (i + 8 <= length && has_plain_bytes(cell + i))
		{
			i += 8;
			continue;
		}
		if (byte < 0x20 || byte == 0x7F)
			return true;
		if (byte == 0xC2 && i + 1 < length)
		{
			unsigned char next = (unsigned char) cell[i + 1];

			if (next >= 0x80 && next <= 0x9F)
				return true;
		}
		i++;
	}
	return false;
}

/* The number that the digits are; -1 if there is another character. */
static int
digits_value(const char *text, size_t length)
{
	int			value = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		is_leap_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && is_leap_year ? 29 : days[month - 1];
}

/*
 * Whether the cell is a day of the calendar, written as YYYY-MM-DD; blanks at
 * the ends do not matter.  If not, *reason says why; it is static and goes on
 * from "the value ...".
 */
bool
cell_is_date(const char *cell, size_t length, const char **reason)
{
	int			year;
	int			month;
	int			day;

	cell_trim(&cell, &length);
	*reason = "is not written as YYYY-MM-DD";
	if (length != strlen("YYYY-MM-DD") || cell[4] != '-' || cell[7] != '-')
		return false;
	year = digits_value(cell, 4);
	month = digits_value(cell + 5, 2);
	day = digits_value(cell + 8, 2);
	if (year < 0 || month < 0 || day < 0)
		return false;
	*reason = "is a day that does not exist";
	return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month);
}

/*
 * Parts a full name at its last blank, in place, so that the first name, a blank
 * and the last name are the full name.  Blanks of all kinds become single spaces
 * for that, and those at the ends are left out.  *first_name is NULL if there is
 * but one word.
 */
void
cell_split_name(char *name, char **first_name, char **last_name)
{
	const char *text = name;
	size_t		length = strlen(name);
	char	   *end = name;
	char	   *last_blank = NULL;

	cell_trim(&text, &length);
	while (length > 0)
	{
		size_t		blank = cell_blank_length(text, length);

		if (blank == 0)
			*end++ = *text;
		else if (end[-1] != ' ')
		{
			last_blank = end;
			*end++ = ' ';
		}
		text += blank > 0 ? blank : 1;
		length -= blank > 0 ? blank : 1;
	}
	*end = '\0';
	*first_name = NULL;
	*last_name = name;
	if (last_blank != NULL)
	{
		*last_blank = '\0';
		*first_name = name;
		*last_name = last_blank + 1;
	}
}
