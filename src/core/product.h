/*
 * product.h
 *		What distinguishes the vendors' products, as data: a further product is
 *		a further row of the table in product.c.  Plain C: no server header.
 */
#ifndef ORGSYNC_CORE_PRODUCT_H
#define ORGSYNC_CORE_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum product_id
{
	PRODUCT_LINKEDIN_LEARNING,
	PRODUCT_TALENT_INSIGHTS,
	PRODUCT_WORKLEAP
} product_id;

#define PRODUCT_COUNT	3

typedef struct product
{
	const char *name;			/* label of the enum orgsync.product */
	bool		has_unique_user_id; /* rows may be keyed by unique_user_id */
	bool		has_permissions;
	bool		has_attributes; /* columns attribute_NAME */
	bool		creates_groups;	/* an unknown group is made, else it is an error */
	bool		updates_profiles;	/* a row whose key exists updates the profile */
	bool		stops_on_error; /* one bad row refuses the whole file */
	const char *counting;		/* seats are taken by 'invited' (or activated) or 'activated' alone */
	const char *group_header_prefix;	/* as exports write it: "group:" or "group: " */
	const char *group_yes;		/* cell of a member, as exports write it */
	const char *group_no;
	product_id	id;
	bool		has_license_columns;	/* else a header like a license's is just unknown */
	bool		has_group_columns;	/* else groups are chosen for a whole import */
	bool		refuses_formulas;	/* a cell that a spreadsheet would run is an error */
	bool		rejects_typos;	/* an address that looks mistyped is refused; else it is reported */

	/*
	 * Everybody has one full name, a country and a region, without which the file
	 * is refused.  Country, region, language and dates are kept as attributes.
	 */
	bool		has_locations;
	const char *initial_license;	/* that new profiles are invited to, or NULL; also an account's
									 * only license to begin with */
} product;

extern const product *product_by_name(const char *name);
extern const product *product_by_id(product_id id);

#endif
