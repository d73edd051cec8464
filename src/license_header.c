/*
 * license_header.c
 *		The type orgsync.license_header: the header of a license column.
 *
 * A value is stored like text and keeps its spelling, but compares without
 * regard to ASCII case: the vendor itself writes one and the same license as
 * "proAllLanguages" and as "proAlllanguages".  The grammar is in
 * core/license_name.c; input refuses what does not follow it, so that a slip of
 * the pen is found when the license is added and not when the vendor refuses a
 * file.
 *
 * Output, binary output and the cast to text are text's own.  Comparison with
 * text uses the same functions, as both sides are stored alike.
 */
#include "compat.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "ascii_case_varlena.h"
#include "core/license_name.h"

PG_FUNCTION_INFO_V1(orgsync_license_header_in);
PG_FUNCTION_INFO_V1(orgsync_license_header_recv);
PG_FUNCTION_INFO_V1(orgsync_license_header_from_text);
PG_FUNCTION_INFO_V1(orgsync_license_header_to_text);
PG_FUNCTION_INFO_V1(orgsync_license_header_budget_group);
PG_FUNCTION_INFO_V1(orgsync_license_header_license_type);
PG_FUNCTION_INFO_V1(orgsync_license_header_eq);
PG_FUNCTION_INFO_V1(orgsync_license_header_ne);
PG_FUNCTION_INFO_V1(orgsync_license_header_lt);
PG_FUNCTION_INFO_V1(orgsync_license_header_le);
PG_FUNCTION_INFO_V1(orgsync_license_header_gt);
PG_FUNCTION_INFO_V1(orgsync_license_header_ge);
PG_FUNCTION_INFO_V1(orgsync_license_header_cmp);
PG_FUNCTION_INFO_V1(orgsync_license_header_hash);
PG_FUNCTION_INFO_V1(orgsync_license_header_hash_extended);

/*
 * Returns a new value of that text, or raises (or, if context is an error-saving
 * one, saves) 22P02.
 */
static Datum
make_license_header(const char *text, size_t length, Node *context)
{
	license_name name;

	(void) context;				/* PostgreSQL 15 can only raise */
	if (!license_name_parse(text, length, &name))
		ereturn(context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%.*s\"",
						"license_header", (int) length, text),
				 errdetail("A license header reads \"[BUDGET GROUP]_license_[LICENSE TYPE]_status\""
						   " or \"license_[PRODUCT]_[TYPE]_status\"."),
				 errhint("Copy the header from a list of users that was downloaded from the account."
						 " It looks like \"Default_license_learning_proAllLanguages_status\".")));
	return PointerGetDatum(cstring_to_text_with_len(text, (int) length));
}

Datum
orgsync_license_header_in(PG_FUNCTION_ARGS)
{
	const char *text = PG_GETARG_CSTRING(0);

	return make_license_header(text, strlen(text), fcinfo->context);
}

Datum
orgsync_license_header_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor, &length);

	return make_license_header(text, (size_t) length, NULL);
}

/* The cast from text. */
Datum
orgsync_license_header_from_text(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	return make_license_header(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), NULL);
}

/* Cast to text: stored alike. */
Datum
orgsync_license_header_to_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * Splits a stored header.  What was stored has been checked, so a failure here
 * is damaged data.
 */
static void
split_stored_header(struct varlena *header, license_name *name)
{
	if (!license_name_parse(VARDATA_ANY(header), VARSIZE_ANY_EXHDR(header), name))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored license header does not follow its grammar")));
}

/* budget_group(license_header): text, NULL if the header has none. */
Datum
orgsync_license_header_budget_group(PG_FUNCTION_ARGS)
{
	struct varlena *header = PG_GETARG_VARLENA_PP(0);
	license_name name;

	split_stored_header(header, &name);
	if (name.budget_group == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(name.budget_group, (int) name.budget_group_length));
}

/* license_type(license_header): text */
Datum
orgsync_license_header_license_type(PG_FUNCTION_ARGS)
{
	struct varlena *header = PG_GETARG_VARLENA_PP(0);
	license_name name;

	split_stored_header(header, &name);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(name.license_type, (int) name.license_type_length));
}

Datum
orgsync_license_header_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) == 0);
}

Datum
orgsync_license_header_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) != 0);
}

Datum
orgsync_license_header_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) < 0);
}

Datum
orgsync_license_header_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) <= 0);
}

Datum
orgsync_license_header_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) > 0);
}

Datum
orgsync_license_header_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) >= 0);
}

Datum
orgsync_license_header_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ascii_case_compare_arguments(fcinfo));
}

Datum
orgsync_license_header_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32((uint32) ascii_case_hash_argument(fcinfo, 0));
}

Datum
orgsync_license_header_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT64(ascii_case_hash_argument(fcinfo, (uint64) PG_GETARG_INT64(1)));
}
