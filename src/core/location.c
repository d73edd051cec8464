/*
 * location.c
 *		Location codes: which there are, and which one was meant.
 *
 * A country is its two letters (ISO 3166-1 alpha-2), a region is the country, a
 * hyphen and the region's own one to three characters (ISO 3166-2), as in CA and
 * CA-QC.  The vendor asks for both of everybody, but a fifth of the countries
 * have no regions in the standard: there, the country's code stands for the
 * region too.
 *
 * What was meant is found by steps, from sure to likely, and is suggested only
 * if there is just one answer.  Nothing is allocated.
 */
#include "location.h"

#include <string.h>

#include "ascii_case.h"
#include "cell.h"

#define COUNTRY_LENGTH	2
#define SUFFIX_LENGTH	(LOCATION_SUFFIX_WIDTH - 1)

/* Names that are given shorter than so would fit too many countries. */
#define MIN_NAME_LENGTH	4

/* Codes that people use for a country and that the standard keeps free for it. */
static const struct
{
	const char *used;
	const char *code;
}			reserved_codes[] =
{
	{"UK", "GB"},
	{"EL", "GR"}
};

#define RESERVED_COUNT	((int) (sizeof(reserved_codes) / sizeof(reserved_codes[0])))

static char
ascii_upper(char character)
{
	return character >= 'a' && character <= 'z' ? (char) (character - 'a' + 'A') : character;
}

static bool
is_letter_or_digit(char character)
{
	char		upper = ascii_upper(character);

	return (upper >= 'A' && upper <= 'Z') || (upper >= '0' && upper <= '9');
}

/* The country of a code of two letters in any case, or NULL. */
static const location_country *
find_code(const char *code)
{
	int			low = 0;
	int			high = location_country_count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = ascii_case_compare(code, COUNTRY_LENGTH,
											   location_countries[middle].code, COUNTRY_LENGTH);

		if (order == 0)
			return &location_countries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static int
region_count(const location_country *country)
{
	return (int) (strlen(country->regions) / LOCATION_SUFFIX_WIDTH);
}

static const char *
region_suffix(const location_country *country, int index)
{
	return country->regions + (size_t) index * LOCATION_SUFFIX_WIDTH;
}

/* Writes the code of a region, whose suffix may be padded with blanks. */
static void
write_region(const location_country *country, const char *suffix, size_t length, char *code)
{
	size_t		i;

	memcpy(code, country->code, COUNTRY_LENGTH);
	code[COUNTRY_LENGTH] = '-';
	for (i = 0; i < length && suffix[i] != ' '; i++)
		code[COUNTRY_LENGTH + 1 + i] = ascii_upper(suffix[i]);
	code[COUNTRY_LENGTH + 1 + i] = '\0';
}

/* Whether the country has the region; its code is written then. */
static bool
find_suffix(const location_country *country, const char *suffix, size_t length, char *code)
{
	char		padded[SUFFIX_LENGTH];
	int			low = 0;
	int			high = region_count(country);
	size_t		i;

	if (length == 0 || length > SUFFIX_LENGTH)
		return false;
	for (i = 0; i < SUFFIX_LENGTH; i++)
		padded[i] = i < length ? ascii_upper(suffix[i]) : ' ';
	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = memcmp(padded, region_suffix(country, middle), SUFFIX_LENGTH);

		if (order == 0)
		{
			write_region(country, padded, SUFFIX_LENGTH, code);
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* The country with that code; static.  NULL if there is none. */
const location_country *
location_find_country(const char *text, size_t length)
{
	cell_trim(&text, &length);
	return length == COUNTRY_LENGTH ? find_code(text) : NULL;
}

/*
 * Whether there is a region with that code, in whatever country; code, of
 * LOCATION_CODE_SIZE bytes, takes it then in its canonical form.  The country's
 * own code is a region if the country has no others.
 */
bool
location_find_region(const char *text, size_t length, char *code)
{
	const location_country *country;

	cell_trim(&text, &length);
	if (length < COUNTRY_LENGTH || (country = find_code(text)) == NULL)
		return false;
	if (length == COUNTRY_LENGTH && region_count(country) == 0)
	{
		memcpy(code, country->code, COUNTRY_LENGTH + 1);
		return true;
	}
	return length > COUNTRY_LENGTH + 1 && text[COUNTRY_LENGTH] == '-' &&
		find_suffix(country, text + COUNTRY_LENGTH + 1, length - COUNTRY_LENGTH - 1, code);
}

/* Whether a region, in its canonical form, lies in the country. */
bool
location_region_is_of(const char *region, const location_country *country)
{
	return memcmp(region, country->code, COUNTRY_LENGTH) == 0;
}

/* ---- what was meant ---- */

/* The one country whose name begins so, or NULL. */
static const location_country *
find_name(const char *text, size_t length)
{
	const location_country *found = NULL;
	int			i;

	for (i = 0; i < location_country_count; i++)
	{
		const location_country *country = &location_countries[i];
		size_t		name_length = strlen(country->name);

		if (ascii_case_equal(text, length, country->name, name_length))
			return country;
		if (length < MIN_NAME_LENGTH || length > name_length ||
			!ascii_case_same(text, country->name, length))
			continue;
		if (found != NULL)
			return NULL;
		found = country;
	}
	return found;
}

/*
 * The country that was meant by a text that is no country's code: its code of
 * three letters, its English name or the beginning of it, one of its regions, or
 * a code that people take for it.  Static; NULL if that cannot be told.
 */
const location_country *
location_suggest_country(const char *text, size_t length)
{
	char		region[LOCATION_CODE_SIZE];
	int			i;

	cell_trim(&text, &length);
	for (i = 0; i < RESERVED_COUNT; i++)
	{
		if (ascii_case_equal(text, length, reserved_codes[i].used, COUNTRY_LENGTH))
			return find_code(reserved_codes[i].code);
	}
	for (i = 0; i < location_country_count; i++)
	{
		if (ascii_case_equal(text, length, location_countries[i].alpha_3, COUNTRY_LENGTH + 1))
			return &location_countries[i];
	}
	if (location_find_region(text, length, region))
		return find_code(region);
	return find_name(text, length);
}

/* Are the two one insertion, deletion, substitution or swap of neighbours apart? */
static bool
is_one_step(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		start = 0;
	size_t		end = 0;
	size_t		shorter = a_length < b_length ? a_length : b_length;
	size_t		longer = a_length < b_length ? b_length : a_length;

	while (start < shorter && a[start] == b[start])
		start++;
	while (end < shorter - start && a[a_length - 1 - end] == b[b_length - 1 - end])
		end++;
	if (longer - start - end == 1)
		return true;
	return a_length == b_length && longer - start - end == 2 &&
		a[start] == b[start + 1] && a[start + 1] == b[start];
}

/* The one region of the country that is a step away. */
static bool
find_near(const location_country *country, const char *suffix, size_t length, char *code)
{
	bool		found = false;
	int			i;

	for (i = 0; i < region_count(country); i++)
	{
		const char *other = region_suffix(country, i);
		size_t		other_length = (size_t) (strchr(other, ' ') - other);

		if (!is_one_step(suffix, length, other, other_length))
			continue;
		if (found)
			return false;
		found = true;
		write_region(country, other, other_length, code);
	}
	return found;
}

/* The country has the region, or would if a spreadsheet had not cut its zeros. */
static bool
find_suffix_or_zeros(const location_country *country, const char *suffix, size_t length, char *code)
{
	char		padded[SUFFIX_LENGTH];
	size_t		zeros;

	for (zeros = 0; length + zeros <= SUFFIX_LENGTH; zeros++)
	{
		memset(padded, '0', zeros);
		memcpy(padded + zeros, suffix, length);
		if (find_suffix(country, padded, length + zeros, code))
			return true;
	}
	return false;
}

/*
 * The region of the country that was meant by a text that is none of its codes:
 * without the country, without the hyphen, with zeros cut off, or one step away
 * from just one of them.  False if that cannot be told.
 */
bool
location_suggest_region(const char *text, size_t length, const location_country *country,
						char *code)
{
	char		compact[COUNTRY_LENGTH + SUFFIX_LENGTH + 1];	/* and one too many */
	size_t		compact_length = 0;
	size_t		i;

	if (region_count(country) == 0)
	{
		memcpy(code, country->code, COUNTRY_LENGTH + 1);
		return true;
	}
	cell_trim(&text, &length);
	for (i = 0; i < length && compact_length < sizeof(compact); i++)
	{
		if (is_letter_or_digit(text[i]))
			compact[compact_length++] = ascii_upper(text[i]);
	}
	if (i < length || compact_length == 0)
		return false;

	if (find_suffix_or_zeros(country, compact, compact_length, code))
		return true;
	if (compact_length > COUNTRY_LENGTH && memcmp(compact, country->code, COUNTRY_LENGTH) == 0)
	{
		const char *suffix = compact + COUNTRY_LENGTH;
		size_t		suffix_length = compact_length - COUNTRY_LENGTH;

		return find_suffix_or_zeros(country, suffix, suffix_length, code) ||
			find_near(country, suffix, suffix_length, code);
	}
	return find_near(country, compact, compact_length, code);
}

/*
 * Writes the codes of the country's regions to destination, with commas between
 * them, at most size bytes, the NUL at the end among them.  Returns the length
 * of the whole list without the NUL, like snprintf(); what does not fit is left
 * out.
 */
size_t
location_list_regions(const location_country *country, char *destination, size_t size)
{
	size_t		length = 0;
	int			i;

	if (size > 0)
		destination[0] = '\0';
	for (i = 0; i < region_count(country); i++)
	{
		char		piece[2 + LOCATION_CODE_SIZE] = ", ";
		size_t		skip = i == 0 ? 2 : 0;
		size_t		piece_length;

		write_region(country, region_suffix(country, i), SUFFIX_LENGTH, piece + 2);
		piece_length = strlen(piece) - skip;
		if (length + piece_length < size)
			memcpy(destination + length, piece + skip, piece_length + 1);
		length += piece_length;
	}
	return length;
}
