/*
 * value.c
 *		Numbers and dates of cells as text.
 *
 * A file has the 17 digits that a binary number needs (1.1000000000000001, 1E+5),
 * people have typed at most 15, and a spreadsheet shows no more: so those are
 * given, without an exponent, whatever number of decimals the cell shows.
 *
 * Dates are days since the end of 1899, or since 1904, and are given as ISO 8601
 * has them, with a blank before the time; whole days without a time.  1900 has a
 * 29th of February there, as the first spreadsheets had it.
 */
#include "value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNIFICANT_DIGITS	15

#define DAYS_TO_1904		1462	/* from the one day 0 to the other */
#define LEAP_DAY_OF_1900	60
#define MAX_DAY				2958465 /* 9999-12-31 */
#define MS_PER_DAY			86400000.0

/* A plain integer of not too many digits, as most numbers are? */
static bool
is_short_integer(const char *number, size_t length)
{
	size_t		i = length > 0 && number[0] == '-' ? 1 : 0;

	if (length == i || length - i > SIGNIFICANT_DIGITS || (number[i] == '0' && length > 1))
		return false;
	for (; i < length; i++)
		if (number[i] < '0' || number[i] > '9')
			return false;
	return true;
}

/* Only digits?  Then all of them were meant, however many. */
static bool
is_long_integer(const char *number, size_t length)
{
	size_t		i = length > 0 && number[0] == '-' ? 1 : 0;

	if (length == i || length >= XLSX_NUMBER_SIZE)
		return false;
	for (; i < length; i++)
		if (number[i] < '0' || number[i] > '9')
			return false;
	return true;
}

/* Writes digits "d.ddde+xx", as printf has them, without an exponent and without zeros at the end. */
static size_t
write_plainly(const char *scientific, char *text)
{
	char		digits[SIGNIFICANT_DIGITS + 1];
	char	   *next = text;
	int			count = 0;
	int			exponent;
	int			i;

	if (*scientific == '-')
		*next++ = *scientific++;
	for (; *scientific != 'e'; scientific++)
		if (*scientific >= '0' && *scientific <= '9')
			digits[count++] = *scientific;
	exponent = atoi(scientific + 1);
	while (count > 1 && digits[count - 1] == '0')
		count--;

	if (exponent < 0)
	{
		*next++ = '0';
		*next++ = '.';
		for (i = -1; i > exponent; i--)
			*next++ = '0';
	}
	for (i = 0; i < count; i++)
	{
		if (i > 0 && i == exponent + 1)
			*next++ = '.';
		*next++ = digits[i];
	}
	for (; i <= exponent; i++)
		*next++ = '0';
	*next = '\0';
	return (size_t) (next - text);
}

static size_t
plain_text(double value, char *text)
{
	char		scientific[32];

	if (value == 0)
		value = 0;				/* no -0 */
	snprintf(scientific, sizeof(scientific), "%.*e", SIGNIFICANT_DIGITS - 1, value);
	return write_plainly(scientific, text);
}

/* The civil date of a day of the 1900 system, as "YYYY-MM-DD"; returns its length. */
static size_t
date_text(long day, char *text)
{
	long		era;
	long		day_of_era;
	long		year;
	long		day_of_year;
	long		month;

	if (day == LEAP_DAY_OF_1900)
		return (size_t) sprintf(text, "1900-02-29");
	if (day < LEAP_DAY_OF_1900)
		day++;

	/* days since 0000-03-01 in the proleptic calendar: years that begin in March have their leap day at the end */
	day += 693899;
	era = day / 146097;
	day_of_era = day % 146097;
	year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	month = (5 * day_of_year + 2) / 153;
	year += era * 400 + (month >= 10 ? 1 : 0);
	return (size_t) sprintf(text, "%04ld-%02ld-%02ld", year, month < 10 ? month + 3 : month - 9,
							day_of_year - (153 * month + 2) / 5 + 1);
}

/* "HH:MM:SS", with milliseconds if there are any. */
static size_t
time_text(long long milliseconds, char *text)
{
	long long	seconds = milliseconds / 1000;
	int			length = sprintf(text, "%02lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);

	if (milliseconds % 1000 != 0)
		length += sprintf(text + length, ".%03lld", milliseconds % 1000);
	return (size_t) length;
}

/* A number that is a date or a time; 0 if it is out of range, and so a number. */
static size_t
moment_text(double value, xlsx_number_format format, bool is_1904, char *text)
{
	long long	milliseconds;
	long		day;
	size_t		length;

	if (is_1904 && format.kind != XLSX_DURATION && (value >= 1 || format.kind != XLSX_TIME))
		value += DAYS_TO_1904;
	if (!(value >= 0 && value < MAX_DAY + 1))
		return 0;
	milliseconds = (long long) floor(value * MS_PER_DAY + 0.5);
	if (format.kind == XLSX_DURATION || (format.kind == XLSX_TIME && value < 1))
		return time_text(milliseconds, text);
	day = (long) (format.kind == XLSX_DATE ? value : milliseconds / (long long) MS_PER_DAY);
	milliseconds -= day * (long long) MS_PER_DAY;
	if (day > MAX_DAY)
		return 0;
	if (day == 0)
		return format.kind == XLSX_DATE ? 0 : time_text(milliseconds, text);
	length = date_text(day, text);
	if (format.kind == XLSX_DATE || milliseconds == 0)
		return length;
	text[length++] = ' ';
	return length + time_text(milliseconds, text + length);
}

/*
 * Writes what a cell's number says to text, which has room for XLSX_NUMBER_SIZE
 * bytes; returns the length, 0 if it is no number.
 */
size_t
xlsx_number_text(const char *number, size_t length, xlsx_number_format format, bool is_1904, char *text)
{
	char		copy[XLSX_NUMBER_SIZE];
	char	   *end;
	double		value;
	size_t		written;

	if (format.kind == XLSX_NUMBER && is_short_integer(number, length))
	{
		memcpy(text, number, length);
		return length;
	}
	if (length == 0 || length >= sizeof(copy))
		return 0;
	memcpy(copy, number, length);
	copy[length] = '\0';
	if (strspn(copy, "0123456789+-.eE") < length)
		return 0;
	value = strtod(copy, &end);
	if (*end != '\0' || !isfinite(value))
		return 0;

	if (format.kind == XLSX_PADDED && value >= 0 && value < 1e15 && value == floor(value))
		return (size_t) sprintf(text, "%0*.0f", format.digits, value);
	if (format.kind != XLSX_NUMBER && format.kind != XLSX_PADDED)
	{
		written = moment_text(value, format, is_1904, text);
		if (written > 0)
			return written;
	}
	if (is_long_integer(number, length) && value != 0)
	{
		memcpy(text, number, length);
		return length;
	}
	return plain_text(value, text);
}

/* A date that a cell has as text, 2026-01-31T00:00:00: the same as of one that is a number. */
size_t
xlsx_iso_date_text(const char *date, size_t length, char *text)
{
	static const char midnight[] = "00:00:00";
	char	   *time;

	if (length >= XLSX_NUMBER_SIZE)
		return 0;
	memcpy(text, date, length);
	text[length] = '\0';
	if (length > 0 && text[length - 1] == 'Z')
		text[--length] = '\0';
	time = strchr(text, 'T');
	if (time == NULL)
		return length;
	*time++ = ' ';
	if (strncmp(time, midnight, strlen(midnight)) == 0 && strspn(time + strlen(midnight), ".0") == strlen(time + strlen(midnight)))
		length = (size_t) (time - 1 - text);
	return length;
}
