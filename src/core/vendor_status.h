/*
 * vendor_status.h
 *		The license status in the vendor's own list of users.  Plain C: no server
 *		header.
 */
#ifndef ORGSYNC_CORE_VENDOR_STATUS_H
#define ORGSYNC_CORE_VENDOR_STATUS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum vendor_status_kind
{
	VENDOR_STATUS_NONE,			/* no license, or an empty cell */
	VENDOR_STATUS_UNASSIGNED,	/* also: inactive */
	VENDOR_STATUS_ACTIVE,		/* invited or activated: the list does not say which */
	VENDOR_STATUS_INVITED,
	VENDOR_STATUS_ACTIVATED,
	VENDOR_STATUS_INVALID
} vendor_status_kind;

typedef struct vendor_status
{
	vendor_status_kind kind;
	int			year;			/* of the date; 0: there is none */
	int			month;
	int			day;
} vendor_status;

extern vendor_status vendor_status_parse(const char *cell, size_t length);

#endif
