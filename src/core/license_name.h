/*
 * license_name.h
 *		The grammar of a license column's header.  Plain C: no server header.
 *
 *		[BUDGET GROUP]_license_[LICENSE TYPE]_status	LinkedIn Learning
 *		license_[PRODUCT]_[TYPE]_status					Talent Insights
 *		active_students									Workleap, which has no such column
 */
#ifndef ORGSYNC_CORE_LICENSE_NAME_H
#define ORGSYNC_CORE_LICENSE_NAME_H

#include <stdbool.h>
#include <stddef.h>

typedef struct license_name
{
	const char *budget_group;	/* points into the header; NULL: none */
	size_t		budget_group_length;
	const char *license_type;
	size_t		license_type_length;
} license_name;

extern bool license_name_parse(const char *header, size_t length, license_name *name);
extern bool license_name_is_near(const char *header, size_t length);

#endif
