/*
 * header.h
 *		What the columns of an org-sync file mean.  Plain C: no server header.
 */
#ifndef ORGSYNC_CORE_HEADER_H
#define ORGSYNC_CORE_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "product.h"

typedef enum column_kind
{
	COLUMN_UNKNOWN,
	COLUMN_PRIMARY_EMAIL_ADDRESS,
	COLUMN_EXISTING_EMAIL_ADDRESS,
	COLUMN_UNIQUE_USER_ID,
	COLUMN_NEW_UNIQUE_USER_ID,
	COLUMN_PREFERRED_FIRST_NAME,
	COLUMN_PREFERRED_LAST_NAME,
	COLUMN_WORK_TITLE,
	COLUMN_REUPLOAD_USER_PROFILE,
	COLUMN_LICENSE,				/* also what only looks like one: never silently ignored */
	COLUMN_GROUP,
	COLUMN_PERMISSION,			/* an admin permission, everywhere or not at all */
	COLUMN_GROUP_PERMISSION,	/* one that may be limited to groups */
	COLUMN_ATTRIBUTE,
	COLUMN_MESSAGES,			/* of a results file: ignored without a warning */
	COLUMN_FULL_NAME,			/* first and last name in one */
	COLUMN_COUNTRY,				/* the following are kept as attributes */
	COLUMN_REGION,
	COLUMN_LANGUAGE,
	COLUMN_DATE,				/* any header that ends in "date" */
	COLUMN_GROUP_NAME			/* its cells name a group: never by a header, only as a caller maps it */
} column_kind;

#define PERMISSION_COUNT		8	/* the first four cannot be limited to groups */
#define GROUP_PERMISSION_FIRST	4

typedef struct header_column
{
	column_kind kind;
	bool		exact;			/* spelled exactly as the vendor does; else warn header_case */
	int			permission;		/* index for permission_name() for the permissions, else -1 */

	/*
	 * The group's or the attribute's name, else the header itself, a license's
	 * and a date's too.  It points into the given text and is trimmed.
	 */
	const char *name;
	size_t		name_length;

	/* Static canonical spelling; NULL for license, group, attribute, date, unknown. */
	const char *canonical;
} header_column;

extern void header_classify(const product *product, const char *text, size_t length,
							header_column *column);
extern bool header_is_group(const char *text, size_t length, header_column *column);
extern bool header_is_attribute(const char *text, size_t length, header_column *column);
extern const char *header_canonical(const product *product, int index);
extern const char *permission_name(int permission);
extern const char *column_kind_name(column_kind kind);

#endif
