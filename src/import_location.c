/*
 * import_location.c
 *		A row's country and region, which belong together.
 *
 * They are taken by their codes or names (core/location.c) and kept by their codes.
 * What is wrong is told with what may be meant: another country, or the regions of this one.
 */
#include "import.h"

/* A list of a country's regions that is longer than so helps nobody. */
#define MAX_REGIONS_LENGTH	150

/* A sentence with the codes of the country's regions, empty if they are too many; palloc'd. */
static char *
regions_sentence(const location_country *country)
{
	char		list[MAX_REGIONS_LENGTH];

	if (location_list_regions(country, list, sizeof(list)) >= sizeof(list))
		return pstrdup("");
	return psprintf(" The regions of %s are %s.", country->code, list);
}

static void
reject_location(Import *import, ImportRow *row, int column, const char *fault, const char *right_codes)
{
	const char *header = import->columns[column].header;

	import_reject(import, row, FINDING_INVALID_LOCATION, header, 3, header, fault, right_codes);
}

/* Looks up the row's country and sets its cell; NULL if there is none to go by. */
static const location_country *
check_country(Import *import, ImportRow *row, const csv_field *field)
{
	const location_country *country = location_find_country(field->data, field->length);
	const location_country *meant;

	if (country != NULL)
		row->cells[import->country_column].text = pstrdup(country->code);
	else if (import_field_is_blank(field))
		reject_location(import, row, import->country_column, "the cell is empty", "");
	else
	{
		meant = location_suggest_country(field->data, field->length);
		reject_location(import, row, import->country_column,
						psprintf("there is no country \"%s\"", import_text_shown(field->data, field->length)),
						meant ? psprintf(" Did you mean %s?", meant->code) : "");
	}
	return country;
}

/* Looks up the row's region, which must lie in its country, and sets its cell. */
static void
check_region(Import *import, ImportRow *row, const csv_field *field, const location_country *country)
{
	char		region[LOCATION_CODE_SIZE];
	char		meant[LOCATION_CODE_SIZE];

	if (!location_find_region(field->data, field->length, region))
		reject_location(import, row, import->region_column, import_field_is_blank(field) ? "the cell is empty" :
						psprintf("there is no region \"%s\"", import_text_shown(field->data, field->length)),
						country == NULL ? "" :
						location_suggest_region(field->data, field->length, country, meant) ?
						psprintf(" Did you mean %s?", meant) : regions_sentence(country));
	else if (country != NULL && !location_region_is_of(region, country))
		reject_location(import, row, import->region_column,
						psprintf("region %s lies in %.2s, but the country in this line is %s", region, region,
								 country->code),
						psprintf(" If the region is right, enter %.2s as the country.%s", region,
								 regions_sentence(country)));
	else
		row->cells[import->region_column].text = pstrdup(region);
}

/* The vendor's own country or region is as it is, by its code if that is known. */
static void
read_vendor_location(Import *import, ImportRow *row, int index, const csv_field *field)
{
	const location_country *country = location_find_country(field->data, field->length);
	char		region[LOCATION_CODE_SIZE];

	if (index == import->country_column && country != NULL)
		row->cells[index].text = pstrdup(country->code);
	else if (index == import->region_column && location_find_region(field->data, field->length, region))
		row->cells[index].text = pstrdup(region);
	else
		row->cells[index].text = import_field_text(import, row, &import->columns[index], field);
}

/* Sets the row's country and region, of products that have them, or reports what is wrong with them. */
void
import_parse_location(Import *import, ImportRow *row, const csv_record *record)
{
	if (import->options.is_remote)
	{
		if (import->country_column != NO_COLUMN)
			read_vendor_location(import, row, import->country_column, &record->fields[import->country_column]);
		if (import->region_column != NO_COLUMN)
			read_vendor_location(import, row, import->region_column, &record->fields[import->region_column]);
	}
	else if (import->country_column != NO_COLUMN && import->region_column != NO_COLUMN)
		check_region(import, row, &record->fields[import->region_column],
					 check_country(import, row, &record->fields[import->country_column]));
}
