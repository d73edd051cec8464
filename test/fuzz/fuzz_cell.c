/*
 * fuzz_cell.c
 *		Fuzzes what cells say: statuses, dates, names, locations, the vendor's own
 *		words, and the texts of findings, which quote cells.
 */
#include "fuzz.h"

#include "core/cell.h"
#include "core/finding.h"
#include "core/location.h"
#include "core/vendor_status.h"

static void
check_location(const char *text, size_t length)
{
	const location_country *country = location_find_country(text, length);
	const location_country *suggestion = location_suggest_country(text, length);
	char		code[LOCATION_CODE_SIZE];
	char		again[LOCATION_CODE_SIZE];
	int			i;

	CHECK(country == NULL || location_find_country(country->code, 2) == country);
	CHECK(suggestion == NULL || location_find_country(suggestion->code, 2) == suggestion);
	if (location_find_region(text, length, code))
	{
		CHECK(memchr(code, '\0', sizeof(code)) != NULL);
		CHECK(location_find_region(code, strlen(code), again) && strcmp(code, again) == 0);
	}
	for (i = 0; i < location_country_count; i += 7)
	{
		if (location_suggest_region(text, length, &location_countries[i], code))
		{
			CHECK(memchr(code, '\0', sizeof(code)) != NULL);
			CHECK(location_find_region(code, strlen(code), again));
			CHECK(location_region_is_of(code, &location_countries[i]));
		}
	}
}

static void
check_name(const char *text, size_t length)
{
	char	   *name = malloc(length + 1);
	char	   *first;
	char	   *last;

	CHECK(name != NULL);
	memcpy(name, text, length);
	name[length] = '\0';
	cell_split_name(name, &first, &last);
	CHECK(last != NULL && strlen(last) <= length);
	CHECK(first == NULL || strlen(first) + strlen(last) < length);
	free(name);
}

/* A text that fits just so, and one that is cut. */
static void
check_format(const char *format, const char *const *arguments, int argument_count)
{
	size_t		full = finding_format(NULL, 0, format, arguments, argument_count);
	size_t		size;

	for (size = full + 1; size > 0; size /= 2)
	{
		char	   *destination = malloc(size);

		CHECK(destination != NULL);
		CHECK(finding_format(destination, size, format, arguments, argument_count) == full);
		CHECK(strlen(destination) == size - 1);
		free(destination);
	}
}

/* The texts of a finding. */
static void
check_finding(const char *text, size_t length)
{
	char	   *argument = malloc(length + 1);
	const char *arguments[FINDING_MAX_ARGUMENTS];
	const finding_kind *kind = finding_kind_of((finding_code) (length % FINDING_CODE_COUNT));
	int			i;

	CHECK(argument != NULL);
	memcpy(argument, text, length);
	argument[length] = '\0';
	for (i = 0; i < FINDING_MAX_ARGUMENTS; i++)
		arguments[i] = i == 3 ? NULL : argument;

	/* the catalogue's text with the cell in it, and the cell as a text */
	check_format(kind->message, arguments, FINDING_MAX_ARGUMENTS);
	check_format(kind->tip, arguments, FINDING_MAX_ARGUMENTS);
	check_format(argument, arguments, (int) (length % (FINDING_MAX_ARGUMENTS + 1)));
	free(argument);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *cell = fuzz_copy(data, size);
	const char *trimmed = cell;
	size_t		length = size;
	const char *reason = NULL;
	vendor_status status;

	cell_trim(&trimmed, &length);
	CHECK(fuzz_is_within(trimmed, length, cell, size));
	CHECK(length == 0 || cell_blank_length(trimmed, length) == 0);
	CHECK(cell_license_status(cell, size) == cell_license_status(trimmed, length));
	CHECK(cell_group(cell, size) == cell_group(trimmed, length));
	CHECK(cell_permission(cell, size) == cell_permission(trimmed, length));
	CHECK(cell_boolean(cell, size) == cell_boolean(trimmed, length));
	CHECK((cell_group(cell, size) == CELL_EMPTY) == (length == 0));
	(void) cell_is_user_id(trimmed, length);
	(void) cell_has_control_character(cell, size);
	if (!cell_is_date(cell, size, &reason))
		CHECK(reason != NULL);

	status = vendor_status_parse(cell, size);
	CHECK(status.kind <= VENDOR_STATUS_INVALID);
	if (status.kind != VENDOR_STATUS_INVALID && status.year != 0)
		CHECK(status.month >= 1 && status.month <= 12 && status.day >= 1 && status.day <= 31 &&
			  status.year > 0 && status.year <= 9999);

	check_location(cell, size);
	if (size > 0 && memchr(cell, '\0', size) == NULL)
	{
		check_name(cell, size);
		check_finding(cell, size);
	}
	free(cell);
	return 0;
}
