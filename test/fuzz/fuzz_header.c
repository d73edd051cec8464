/*
 * fuzz_header.c
 *		Fuzzes the grammar of headers: columns of all products, license names.
 *
 * What must hold: names lie inside the header and are trimmed; a canonical
 * spelling is read as exact; what follows the grammar of licenses is never taken
 * for anything but a license where the product has licenses' columns.
 */
#include "fuzz.h"

#include "core/ascii_case.h"
#include "core/cell.h"
#include "core/csv_dialect.h"
#include "core/header.h"
#include "core/license_name.h"

static void
check_column(const product *product, const char *text, size_t length)
{
	header_column column;

	memset(&column, 0xA5, sizeof(column));
	header_classify(product, text, length, &column);
	CHECK(fuzz_is_within(column.name, column.name_length, text, length));
	CHECK(cell_blank_length(column.name, column.name_length) == 0);
	CHECK(column_kind_name(column.kind) != NULL);
	if (column.kind == COLUMN_PERMISSION || column.kind == COLUMN_GROUP_PERMISSION)
	{
		CHECK(column.permission >= 0 && column.permission < PERMISSION_COUNT);
		CHECK((column.permission >= GROUP_PERMISSION_FIRST) ==
			  (column.kind == COLUMN_GROUP_PERMISSION));
		CHECK(strcmp(permission_name(column.permission), column.canonical) == 0);
	}
	else
		CHECK(column.permission == -1);
	if (column.kind == COLUMN_GROUP || column.kind == COLUMN_ATTRIBUTE)
		CHECK(column.name_length > 0 && !cell_has_control_character(column.name, column.name_length));
	if (column.canonical != NULL)
	{
		header_column again;

		header_classify(product, column.canonical, strlen(column.canonical), &again);
		CHECK(again.kind == column.kind && again.exact);
		CHECK(again.canonical != NULL && strcmp(again.canonical, column.canonical) == 0);
	}
	(void) csv_header_rank_for(product, text, length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = fuzz_copy(data, size);
	const char *trimmed = text;
	size_t		trimmed_length = size;
	header_column column;
	license_name license;
	int			i;

	for (i = 0; i < PRODUCT_COUNT; i++)
		check_column(product_by_id((product_id) i), text, size);

	cell_trim(&trimmed, &trimmed_length);
	if (license_name_parse(trimmed, trimmed_length, &license))
	{
		CHECK(fuzz_is_within(license.license_type, license.license_type_length, trimmed,
							 trimmed_length));
		CHECK(license.license_type_length > 0);
		if (license.budget_group != NULL)
		{
			CHECK(fuzz_is_within(license.budget_group, license.budget_group_length, trimmed,
								 trimmed_length));
			CHECK(license.budget_group_length > 0);
		}
		CHECK(license_name_is_near(trimmed, trimmed_length) ||
			  ascii_case_equal(trimmed, trimmed_length, "active_students", 15));
	}
	if (license_name_is_near(text, size))
	{
		header_classify(product_by_id(PRODUCT_LINKEDIN_LEARNING), text, size, &column);
		CHECK(column.kind == COLUMN_LICENSE || column.kind == COLUMN_GROUP ||
			  column.kind == COLUMN_ATTRIBUTE);
	}
	if (header_is_attribute(text, size, &column))
		CHECK(column.kind == COLUMN_ATTRIBUTE &&
			  fuzz_is_within(column.name, column.name_length, text, size));
	(void) csv_header_rank_for_any(NULL, text, size);
	free(text);
	return 0;
}
