/*
 * fold.c
 *		Text without regard to case.
 *
 * Case is folded by Unicode's rules through the server's ICU collation
 * "und-x-icu", upper then lower, so that ß and SS agree, and so that the result
 * is the same in every database whatever its collation.  A server without ICU,
 * or a database whose encoding ICU does not know, folds ASCII letters only.
 */
#include "fold.h"

#include "catalog/namespace.h"
#include "fmgr.h"
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
