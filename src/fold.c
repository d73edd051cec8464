/*
 * fold.c
 *		Text without regard to case, and people's names without regard to accents.
 *
 * Case is folded by Unicode's rules through the server's ICU collation
 * "und-x-icu", upper then lower, so that ß and SS agree, and so that the result
 * is the same in every database whatever its collation.  A server without ICU,
 * or a database whose encoding ICU does not know, folds ASCII letters only.
 */
#include "fold.h"

#include "catalog/namespace.h"
#include "common/unicode_norm.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

PG_FUNCTION_INFO_V1(orgsync_fold);

static bool
is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

/*
 * The text, in the database's encoding, folded to one case; palloc'd.
 */
char *
fold_text(const char *text, size_t length)
{
	Oid			collation = InvalidOid;
	char	   *upper;
	char	   *folded;

	if (!is_ascii(text, length))
		collation = get_collation_oid(list_make2(makeString("pg_catalog"), makeString("und-x-icu")), true);
	if (!OidIsValid(collation))
		return asc_tolower(text, length);

	upper = str_toupper(text, length, collation);
	folded = str_tolower(upper, strlen(upper), collation);
	pfree(upper);
	return folded;
}

/* fold(text) */
Datum
orgsync_fold(PG_FUNCTION_ARGS)
{
	text	   *input = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(fold_text(VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input))));
}

/* Unicode's blocks of combining marks: what decomposition leaves of an accent. */
static bool
is_combining_mark(pg_wchar c)
{
	return (c >= 0x0300 && c <= 0x036F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
		(c >= 0x1DC0 && c <= 0x1DFF) || (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE20 && c <= 0xFE2F);
}

/* White space as Unicode has it, and what people type for it. */
static bool
is_blank(pg_wchar c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200D) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
		c == 0x3000 || c == 0xFEFF;
}

/* The name as UTF-8 without accents and blanks, not yet folded; palloc'd. */
static char *
strip_accents(const char *name)
{
	size_t		length = strlen(name);
	pg_wchar   *characters = palloc((length + 1) * sizeof(pg_wchar));
	pg_wchar   *decomposed;
	unsigned char *end;
	char	   *result;
	int			count = pg_mb2wchar_with_len(name, characters, length);

	characters[count] = 0;
	decomposed = unicode_normalize(UNICODE_NFKD, characters);
	for (count = 0; decomposed[count] != 0; count++)
		;
	result = palloc((size_t) count * MAX_UNICODE_EQUIVALENT_STRING + 1);
	end = (unsigned char *) result;
	for (const pg_wchar *c = decomposed; *c != 0; c++)
	{
		if (is_combining_mark(*c) || is_blank(*c))
			continue;
		unicode_to_utf8(*c, end);
		end += pg_utf_mblen(end);
	}
	*end = '\0';
	pfree(characters);
	return result;
}

/*
 * A person's name reduced to what must agree: folded to one case, accents and
 * blanks removed; palloc'd.
 */
char *
fold_name(const char *name)
{
	char	   *stripped;
	char	   *end;

	if (GetDatabaseEncoding() == PG_UTF8 && !is_ascii(name, strlen(name)))
		stripped = strip_accents(name);
	else
	{
		stripped = end = palloc(strlen(name) + 1);
		for (const char *c = name; *c != '\0'; c++)
			if (!is_blank((unsigned char) *c) || IS_HIGHBIT_SET(*c))
				*end++ = *c;
		*end = '\0';
	}
	return fold_text(stripped, strlen(stripped));
}

/* Is there a name to compare?  Arguments may be NULL. */
bool
names_known(const char *first, const char *last)
{
	return first != NULL && last != NULL && fold_name(first)[0] != '\0' && fold_name(last)[0] != '\0';
}

/*
 * Do the names of two people agree: first and last name, in either order?
 * Unknown names agree with nothing.
 */
bool
names_agree(const char *first_a, const char *last_a, const char *first_b, const char *last_b)
{
	char	   *fa;
	char	   *la;
	char	   *fb;
	char	   *lb;

	if (!names_known(first_a, last_a) || !names_known(first_b, last_b))
		return false;
	fa = fold_name(first_a);
	la = fold_name(last_a);
	fb = fold_name(first_b);
	lb = fold_name(last_b);
	return (strcmp(fa, fb) == 0 && strcmp(la, lb) == 0) || (strcmp(fa, lb) == 0 && strcmp(la, fb) == 0);
}
