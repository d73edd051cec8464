/*
 * number_format.c
 *		What a number in a cell is, by the cell's format (ECMA-376, 18.8.30).
 *
 * A date is a number with a format that shows days, months or years; nothing else
 * tells.  Only the first section of a format code counts, which is for positive
 * numbers.  Text in quotes, escaped characters and what stands in brackets (colours,
 * conditions, currencies) is passed over, but for hours, minutes and seconds in
 * brackets, which do not start anew after a day.
 */
#include "number_format.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* A format of zeros alone is padded up to so many; longer ones lose digits anyway. */
#define MAX_DIGITS	15

typedef struct format_traits
{
	bool		has_date;		/* years or days */
	bool		has_time;		/* hours or seconds */
	bool		has_m;			/* months or minutes: depends on the others */
	bool		has_elapsed;	/* [h], [m] or [s] */
	bool		has_other;		/* what no zero-padded integer has */
	int			zeros;
} format_traits;

/* The formats that files name only by their number. */
xlsx_number_format
xlsx_format_of_id(unsigned id)
{
	xlsx_number_format format = {XLSX_NUMBER, 0};

	if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) ||
		id == 57 || id == 58)
		format.kind = XLSX_DATE;
	else if (id == 22)
		format.kind = XLSX_DATE_TIME;
	else if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id == 45 || id == 47 || id == 55 || id == 56)
		format.kind = XLSX_TIME;
	else if (id == 46)
		format.kind = XLSX_DURATION;
	return format;
}

/* Behind what stands in brackets at code; notes elapsed time in it. */
static const char *
skip_brackets(const char *code, format_traits *traits)
{
	const char *end = strchr(code, ']');
	size_t		length;

	if (end == NULL)
		return code + strlen(code);
	length = (size_t) (end - code) - 1;
	if (length > 0 && length == strspn(code + 1, "hH"))
		traits->has_elapsed = traits->has_time = true;
	else if (length > 0 && (length == strspn(code + 1, "mM") || length == strspn(code + 1, "sS")))
		traits->has_elapsed = traits->has_time = true;
	else
		traits->has_other = true;
	return end + 1;
}

/* Notes the element at code, and returns what is behind it. */
static const char *
read_element(const char *code, format_traits *traits)
{
	const char *end;

	if (strncasecmp(code, "AM/PM", 5) == 0)
		return code + 5;
	if (strncasecmp(code, "A/P", 3) == 0)
		return code + 3;
	if (strncasecmp(code, "General", 7) == 0)
	{
		traits->has_other = true;
		return code + 7;
	}
	switch (*code)
	{
		case '"':
			traits->has_other = true;
			end = strchr(code + 1, '"');
			return end ? end + 1 : code + strlen(code);
		case '\\':
		case '_':
		case '*':
			traits->has_other = true;
			return code[1] != '\0' ? code + 2 : code + 1;
		case '[':
			return skip_brackets(code, traits);
		case 'y':
		case 'Y':
		case 'd':
		case 'D':
			traits->has_date = true;
			break;
		case 'h':
		case 'H':
		case 's':
		case 'S':
			traits->has_time = true;
			break;
		case 'm':
		case 'M':
			traits->has_m = true;
			break;
		case '0':
			traits->zeros++;
			break;
		default:
			traits->has_other = true;
			break;
	}
	return code + 1;
}

/* What a number with this format code is. */
xlsx_number_format
xlsx_format_of_code(const char *code)
{
	xlsx_number_format format = {XLSX_NUMBER, 0};
	format_traits traits = {false};

	while (*code != '\0' && *code != ';')
		code = read_element(code, &traits);
	if (traits.has_m && !traits.has_time)
		traits.has_date = true;

	if (traits.has_date && traits.has_time)
		format.kind = XLSX_DATE_TIME;
	else if (traits.has_date)
		format.kind = XLSX_DATE;
	else if (traits.has_elapsed)
		format.kind = XLSX_DURATION;
	else if (traits.has_time)
		format.kind = XLSX_TIME;
	else if (!traits.has_other && traits.zeros > 1 && traits.zeros <= MAX_DIGITS)
	{
		format.kind = XLSX_PADDED;
		format.digits = (unsigned char) traits.zeros;
	}
	return format;
}
