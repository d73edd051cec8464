/*
 * vendor_status.c
 *		The license status in the vendor's own list of users.
 *
 * The list says "Activated", "Invited", "Unassigned" or "No license", or as the
 * files that are uploaded "Active" or "Inactive", and may add a date, as in
 * "Activated 4/12/2019": always month, day, year.
 */
#include "vendor_status.h"

#include <string.h>

#include "ascii_case.h"
#include "cell.h"

static const struct
{
	const char *word;
	vendor_status_kind kind;
}			words[] = {
	{"activated", VENDOR_STATUS_ACTIVATED},
	{"active", VENDOR_STATUS_ACTIVE},
	{"inactive", VENDOR_STATUS_UNASSIGNED},
	{"invited", VENDOR_STATUS_INVITED},
	{"no license", VENDOR_STATUS_NONE},
	{"unassigned", VENDOR_STATUS_UNASSIGNED}
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads a number of at most max_digits digits; 0 if there is none. */
static int
read_number(const char **next, const char *end, int max_digits)
{
	int			number = 0;

	for (int i = 0; i < max_digits && *next < end && is_digit(**next); i++)
		number = number * 10 + (*(*next)++ - '0');
	return number;
}

static bool
read_slash(const char **next, const char *end)
{
	if (*next == end || **next != '/')
		return false;
	(*next)++;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Reads "M/D/YYYY" up to the end. */
static bool
read_date(const char *next, const char *end, vendor_status *status)
{
	status->month = read_number(&next, end, 2);
	if (!read_slash(&next, end))
		return false;
	status->day = read_number(&next, end, 2);
	if (!read_slash(&next, end))
		return false;
	status->year = read_number(&next, end, 4);
	return next == end && status->year >= 1900 && status->month >= 1 && status->month <= 12 &&
		status->day >= 1 && status->day <= days_in_month(status->year, status->month);
}

/*
 * What the cell says, in any case and with blanks around it.  kind is
 * VENDOR_STATUS_INVALID for anything else.
 */
vendor_status
vendor_status_parse(const char *cell, size_t length)
{
	vendor_status status = {VENDOR_STATUS_INVALID, 0, 0, 0};
	const char *date;
	size_t		word_length;

	cell_trim(&cell, &length);
	if (length == 0)
	{
		status.kind = VENDOR_STATUS_NONE;
		return status;
	}

	/* the date is the last word, if that begins with a digit */
	for (date = cell + length; date > cell && date[-1] != ' ' && date[-1] != '\t'; date--)
		;
	word_length = length;
	if (date > cell && is_digit(*date))
	{
		if (!read_date(date, cell + length, &status))
			return status;
		word_length = (size_t) (date - cell);
		cell_trim(&cell, &word_length);
	}

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (ascii_case_equal(cell, word_length, words[i].word, strlen(words[i].word)))
			status.kind = words[i].kind;
	return status;
}
