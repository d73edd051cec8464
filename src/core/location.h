/*
 * location.h
 *		Location codes: countries and their regions.  Plain C: no server header.
 *
 * Codes are given with their length in any case, with blanks around them, and
 * come out in capitals and NUL-terminated.
 */
#ifndef ORGSYNC_CORE_LOCATION_H
#define ORGSYNC_CORE_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

/* Room for a code, as "CA" or "CA-QC", and the NUL. */
#define LOCATION_CODE_SIZE		7

/* In location_country.regions each one takes so many characters. */
#define LOCATION_SUFFIX_WIDTH	4

typedef struct location_country
{
	const char *code;			/* ISO 3166-1 alpha-2 */
	const char *alpha_3;
	const char *name;			/* English, UTF-8 */
	const char *regions;		/* ISO 3166-2 without country and hyphen, each padded */
} location_country;

/* location_codes.c, in the order of the codes */
extern const location_country location_countries[];
extern const int location_country_count;

extern const location_country *location_find_country(const char *text, size_t length);
extern bool location_find_region(const char *text, size_t length, char *code);
extern bool location_region_is_of(const char *region, const location_country *country);
extern const location_country *location_suggest_country(const char *text, size_t length);
extern bool location_suggest_region(const char *text, size_t length,
									const location_country *country, char *code);
extern size_t location_list_regions(const location_country *country, char *destination,
									size_t size);

#endif
