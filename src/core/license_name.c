/*
 * license_name.c
 *		The grammar of a license column's header.
 *
 *		header   = [ budget-group "_" ] "license_" type "_status"
 *				 | "active_students"
 *
 * read without regard to ASCII case, under these rules:
 *
 * - A budget group is any text, blanks and underscores included; so of several
 *	 "_license_" the last one separates it from the type.
 * - It does not begin like the header of a group or of an attribute, for that is
 *	 what such a column is, in files and in the change log.
 * - The type is not empty and holds no blank.  It usually has two parts itself,
 *	 as in "learning_proAllLanguages".
 * - Without a budget group the type must have the two parts [PRODUCT]_[TYPE], as
 *	 in "license_talentInsights_talentInsights_status".
 * - "active_students" stands for Workleap's one license, whose files have no
 *	 column for it.
 * - Blanks at the ends and control characters are refused: trimming is for
 *	 whoever reads the file.
 */
#include "license_name.h"

#include <string.h>

#include "ascii_case.h"
#include "cell.h"

#define PREFIX			"license_"
#define SEPARATOR		"_license_"
#define SUFFIX			"_status"
#define WORKLEAP_NAME	"active_students"

#define LENGTH_OF(literal)	(sizeof(literal) - 1)

/* Whether text begins with the literal, in any case. */
static bool
begins_with(const char *text, size_t length, const char *literal, size_t literal_length)
{
	return length >= literal_length && ascii_case_same(text, literal, literal_length);
}

/* Whether text ends with the literal, in any case. */
static bool
ends_with(const char *text, size_t length, const char *literal, size_t literal_length)
{
	return length >= literal_length &&
		ascii_case_same(text + length - literal_length, literal, literal_length);
}

/* Whether a column of that header is a group's or an attribute's. */
static bool
begins_like_another(const char *header, size_t length)
{
	return begins_with(header, length, "group:", LENGTH_OF("group:")) ||
		begins_with(header, length, "group/", LENGTH_OF("group/")) ||
		begins_with(header, length, "attribute_", LENGTH_OF("attribute_"));
}

/* Where the last "_license_" of text begins, or NULL. */
static const char *
last_separator(const char *text, size_t length)
{
	size_t		start;

	if (length < LENGTH_OF(SEPARATOR))
		return NULL;
	for (start = length - LENGTH_OF(SEPARATOR) + 1; start > 0; start--)
	{
		if (ascii_case_same(text + start - 1, SEPARATOR, LENGTH_OF(SEPARATOR)))
			return text + start - 1;
	}
	return NULL;
}

/* Whether text has a blank anywhere. */
static bool
has_blank(const char *text, size_t length)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (cell_blank_length(text + i, length - i) > 0)
			return true;
	}
	return false;
}

/* Whether text is [PRODUCT]_[TYPE], both parts there. */
static bool
has_two_parts(const char *text, size_t length)
{
	const char *underscore = memchr(text, '_', length);

	return underscore != NULL && underscore > text && underscore + 1 < text + length;
}

/*
 * Splits a license header into budget group and license type.  The parts point
 * into header, which must outlive *name.  Returns false if the header does not
 * follow the grammar above; *name is then undefined.
 */
bool
license_name_parse(const char *header, size_t length, license_name *name)
{
	const char *end;
	const char *separator;

	name->budget_group = NULL;
	name->budget_group_length = 0;

	if (ascii_case_equal(header, length, WORKLEAP_NAME, LENGTH_OF(WORKLEAP_NAME)))
	{
		name->license_type = header;
		name->license_type_length = length;
		return true;
	}

	if (!ends_with(header, length, SUFFIX, LENGTH_OF(SUFFIX)) ||
		cell_blank_length(header, length) > 0 ||
		cell_has_control_character(header, length))
		return false;
	end = header + length - LENGTH_OF(SUFFIX);

	separator = last_separator(header, (size_t) (end - header));
	if (separator != NULL)
	{
		name->budget_group = header;
		name->budget_group_length = (size_t) (separator - header);
		name->license_type = separator + LENGTH_OF(SEPARATOR);
		if (name->budget_group_length == 0 || begins_like_another(header, length))
			return false;
	}
	else if (begins_with(header, (size_t) (end - header), PREFIX, LENGTH_OF(PREFIX)))
	{
		name->license_type = header + LENGTH_OF(PREFIX);
		if (!has_two_parts(name->license_type, (size_t) (end - name->license_type)))
			return false;
	}
	else
		return false;

	name->license_type_length = (size_t) (end - name->license_type);
	return name->license_type_length > 0 &&
		!has_blank(name->license_type, name->license_type_length);
}

/*
 * Whether a column's header is meant for a license, however it is spelled: it
 * holds "license" and ends in "_status", ignoring case and blanks.  So the
 * vendor's own misprint "[BUDGET GROUP]_license _[LICENSE TYPE]_status" is
 * found, and a license column is never silently ignored.
 *
 * One pass over the bytes that are no blanks, with the matched length of either
 * word.  Neither word begins again inside itself, so that after a mismatch only
 * its first letter has to be tried.
 */
bool
license_name_is_near(const char *header, size_t length)
{
	static const char license[] = "license";
	size_t		license_matched = 0;
	size_t		suffix_matched = 0;
	size_t		i = 0;

	while (i < length)
	{
		size_t		blank = cell_blank_length(header + i, length - i);
		char		lower;

		if (blank > 0)
		{
			i += blank;
			continue;
		}
		lower = (char) ascii_lower(header[i++]);

		if (license_matched < LENGTH_OF(license))
		{
			if (lower == license[license_matched])
				license_matched++;
			else
				license_matched = (lower == license[0]);
			continue;
		}
		if (suffix_matched < LENGTH_OF(SUFFIX) && lower == SUFFIX[suffix_matched])
			suffix_matched++;
		else
			suffix_matched = (lower == SUFFIX[0]);
	}
	return suffix_matched == LENGTH_OF(SUFFIX);
}
