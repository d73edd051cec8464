/*
 * product.c
 *		The vendors' products, as data.
 *
 * The rows follow the vendors' documents: LinkedIn Learning's guides to bulk
 * CSV, Talent Insights' guide to licenses in the Account Center, and Workleap's
 * guide to user import.  Where an entry is a decision rather than a quotation,
 * its reason stands beside it.
 */
#include "product.h"

#include <string.h>

static const product products[PRODUCT_COUNT] = {
	[PRODUCT_LINKEDIN_LEARNING] = {
		.name = "linkedin_learning",
		.has_unique_user_id = true,
		.has_permissions = true,
		.has_attributes = true,
		.creates_groups = true,
		.updates_profiles = true,
		.stops_on_error = false,
		/* "The invitation you send learners will be occupied only when activate their account" */
		.counting = "activated",
		.group_header_prefix = "group:",
		.group_yes = "yes",
		.group_no = "no",
		.id = PRODUCT_LINKEDIN_LEARNING,
		.has_license_columns = true,
		.has_group_columns = true,
		.refuses_formulas = false,
		.rejects_typos = true,
		.has_locations = false,
		.initial_license = NULL
	},
	[PRODUCT_TALENT_INSIGHTS] = {
		.name = "talent_insights",
		.has_unique_user_id = false,
		.has_permissions = false,
		.has_attributes = false,
		/* "the groups must be created prior to the CSV upload" */
		.creates_groups = false,
		.updates_profiles = true,
		.stops_on_error = false,
		/* its screen shows 8,000 total = 2,189 available + 809 invited + 5,002 activated */
		.counting = "invited",
		.group_header_prefix = "group: ",
		.group_yes = "1",
		.group_no = "0",
		.id = PRODUCT_TALENT_INSIGHTS,
		.has_license_columns = true,
		.has_group_columns = true,
		.refuses_formulas = false,
		.rejects_typos = true,
		.has_locations = false,
		.initial_license = NULL
	},
	[PRODUCT_WORKLEAP] = {
		.name = "workleap",
		.has_unique_user_id = false,
		.has_permissions = false,
		.has_attributes = false,
		.creates_groups = false,
		.updates_profiles = false,
		.stops_on_error = true,
		/* every active student takes a seat, and none has to accept an invitation first */
		.counting = "invited",
		/* its file has no group columns: this is how a diff names a membership */
		.group_header_prefix = "group:",
		.group_yes = "yes",
		.group_no = "no",
		.id = PRODUCT_WORKLEAP,
		.has_license_columns = false,
		.has_group_columns = false,
		/* "If your field information is the result of a calculation rule or other macros, the
		 * system will not be able to process your import" */
		.refuses_formulas = true,
		/* to it, one person with another address is another user */
		.rejects_typos = false,
		/* "Providing the Country and State/Region of your user is mandatory" */
		.has_locations = true,
		/* its plans count active students, and name no license in the file */
		.initial_license = "active_students"
	}
};

/*
 * The product of that name (a label of the enum orgsync.product), or NULL.
 * What is returned is static.
 */
const product *
product_by_name(const char *name)
{
	int			i;

	for (i = 0; i < PRODUCT_COUNT; i++)
	{
		if (strcmp(products[i].name, name) == 0)
			return &products[i];
	}
	return NULL;
}

/* The product of that number; static. */
const product *
product_by_id(product_id id)
{
	return &products[id];
}
