/*
 * group_scope.c
 *		The type orgsync.group_scope: how far an admin permission reaches.
 *
 * Input takes the vendor's notation (core/group_list.c): no, yes, or a list of
 * groups.  What is stored, like text, is the canonical form:
 *
 *		no
 *		yes
 *		group:A group:B		names sorted and each there once, both without
 *							regard to ASCII case; of two spellings the first
 *							stays
 *
 * So two scopes are equal, without regard to case, exactly if they reach the
 * same groups, and comparison, hashing and indexing need no parsing.  As the
 * names are sorted, containment is one walk along both lists.
 *
 * The canonical form is never longer than the input, and is input for itself.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "ascii_case_varlena.h"
#include "core/group_list.h"

PG_FUNCTION_INFO_V1(orgsync_group_scope_in);
PG_FUNCTION_INFO_V1(orgsync_group_scope_recv);
PG_FUNCTION_INFO_V1(orgsync_group_scope_from_text);
PG_FUNCTION_INFO_V1(orgsync_group_scope_to_text);
PG_FUNCTION_INFO_V1(orgsync_group_scope_groups);
PG_FUNCTION_INFO_V1(orgsync_group_scope_contains);
PG_FUNCTION_INFO_V1(orgsync_group_scope_contained);
PG_FUNCTION_INFO_V1(orgsync_group_scope_eq);
PG_FUNCTION_INFO_V1(orgsync_group_scope_ne);
PG_FUNCTION_INFO_V1(orgsync_group_scope_lt);
PG_FUNCTION_INFO_V1(orgsync_group_scope_le);
PG_FUNCTION_INFO_V1(orgsync_group_scope_gt);
PG_FUNCTION_INFO_V1(orgsync_group_scope_ge);
PG_FUNCTION_INFO_V1(orgsync_group_scope_cmp);
PG_FUNCTION_INFO_V1(orgsync_group_scope_hash);
PG_FUNCTION_INFO_V1(orgsync_group_scope_hash_extended);

#define GROUP_PREFIX	"group:"

/* A group's name, in a buffer that holds all names of a list one after another. */
typedef struct group_name
{
	const char *name;
	size_t		length;
} group_name;

/*
 * For qsort.  Equal names come in the order in which they were written, which
 * is that of the buffer that they are in.
 */
static int
compare_group_names(const void *a, const void *b)
{
	const group_name *left = a;
	const group_name *right = b;
	int			order;

	order = ascii_case_compare(left->name, left->length, right->name, right->length);
	if (order == 0)
		order = (left->name > right->name) - (left->name < right->name);
	return order;
}

/*
 * The names of a list as they stand, palloc'd; *count is how many.  They share
 * one palloc'd buffer.
 */
static group_name *
read_group_names(const char *text, size_t length, int *count)
{
	char	   *buffer = palloc(length + 1);
	size_t		capacity = 8;
	group_name *names = palloc(capacity * sizeof(group_name));
	group_list	list;
	size_t		name_length;

	*count = 0;
	group_list_begin(&list, text, length);
	while (group_list_next(&list, buffer, &name_length))
	{
		if ((size_t) *count == capacity)
		{
			capacity *= 2;
			names = repalloc(names, capacity * sizeof(group_name));
		}
		names[*count].name = buffer;
		names[*count].length = name_length;
		(*count)++;
		buffer += name_length;
	}
	return names;
}

/* The canonical form of a list of groups. */
static text *
canonical_list(const char *list_text, size_t length)
{
	int			count;
	group_name *names = read_group_names(list_text, length, &count);
	const group_name *previous = NULL;
	StringInfoData canonical;
	text	   *result;
	int			i;

	qsort(names, count, sizeof(group_name), compare_group_names);
	initStringInfo(&canonical);
	for (i = 0; i < count; i++)
	{
		if (previous != NULL &&
			ascii_case_equal(previous->name, previous->length, names[i].name, names[i].length))
			continue;
		if (previous != NULL)
			appendStringInfoChar(&canonical, ' ');
		appendStringInfoString(&canonical, GROUP_PREFIX);
		appendBinaryStringInfo(&canonical, names[i].name, (int) names[i].length);
		previous = &names[i];
	}
	result = cstring_to_text_with_len(canonical.data, canonical.len);
	pfree(canonical.data);
	return result;
}

/*
 * Returns a new value of that text, or raises (or, if context is an error-saving
 * one, saves) 22P02.
 */
static Datum
make_group_scope(const char *input, size_t length, Node *context)
{
	(void) context;				/* PostgreSQL 15 can only raise */
	switch (group_list_classify(input, length))
	{
		case GROUP_LIST_NO:
			return PointerGetDatum(cstring_to_text("no"));
		case GROUP_LIST_YES:
			return PointerGetDatum(cstring_to_text("yes"));
		case GROUP_LIST_GROUPS:
			return PointerGetDatum(canonical_list(input, length));
		case GROUP_LIST_EMPTY:
		case GROUP_LIST_INVALID:
			break;
	}
	ereturn(context, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%.*s\"",
					"group_scope", (int) length, input),
			 errdetail("A permission's reach is \"no\", \"yes\", or a list of groups with"
					   " \"group:\" before each name."),
			 errhint("Write a list as in \"group:Sales group:Marketing\".")));
}

Datum
orgsync_group_scope_in(PG_FUNCTION_ARGS)
{
	const char *input = PG_GETARG_CSTRING(0);

	return make_group_scope(input, strlen(input), fcinfo->context);
}

Datum
orgsync_group_scope_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *input = pq_getmsgtext(message, message->len - message->cursor, &length);

	return make_group_scope(input, (size_t) length, NULL);
}

/* The cast from text. */
Datum
orgsync_group_scope_from_text(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	return make_group_scope(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), NULL);
}

/* Cast to text: stored alike. */
Datum
orgsync_group_scope_to_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * groups(group_scope): text[].  The groups of a list in the canonical order; no
 * groups for "no", NULL for "yes", as that is every group there will ever be.
 */
Datum
orgsync_group_scope_groups(PG_FUNCTION_ARGS)
{
	struct varlena *scope = PG_GETARG_VARLENA_PP(0);
	const char *scope_text = VARDATA_ANY(scope);
	size_t		length = VARSIZE_ANY_EXHDR(scope);
	group_name *names;
	Datum	   *elements;
	int			count;
	int			i;

	switch (group_list_classify(scope_text, length))
	{
		case GROUP_LIST_YES:
			PG_RETURN_NULL();
		case GROUP_LIST_GROUPS:
			break;
		default:
			PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));
	}

	names = read_group_names(scope_text, length, &count);
	elements = palloc(count * sizeof(Datum));
	for (i = 0; i < count; i++)
		elements[i] = PointerGetDatum(cstring_to_text_with_len(names[i].name,
															   (int) names[i].length));
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Whether all names of the sorted list inner are in the sorted list outer. */
static bool
list_contains(const group_name *outer, int outer_count, const group_name *inner, int inner_count)
{
	int			i = 0;
	int			j;

	for (j = 0; j < inner_count; j++)
	{
		int			order = 1;

		while (i < outer_count &&
			   (order = ascii_case_compare(outer[i].name, outer[i].length,
										   inner[j].name, inner[j].length)) < 0)
			i++;
		if (order != 0 || i == outer_count)
			return false;
	}
	return true;
}

/* Whether whoever has the scope outer reaches all that inner reaches. */
static bool
scope_contains(struct varlena *outer, struct varlena *inner)
{
	const char *outer_text = VARDATA_ANY(outer);
	const char *inner_text = VARDATA_ANY(inner);
	size_t		outer_length = VARSIZE_ANY_EXHDR(outer);
	size_t		inner_length = VARSIZE_ANY_EXHDR(inner);
	group_list_kind outer_kind = group_list_classify(outer_text, outer_length);
	group_list_kind inner_kind = group_list_classify(inner_text, inner_length);
	group_name *outer_names;
	group_name *inner_names;
	int			outer_count;
	int			inner_count;

	if (outer_kind == GROUP_LIST_YES || inner_kind == GROUP_LIST_NO)
		return true;
	if (outer_kind != GROUP_LIST_GROUPS || inner_kind != GROUP_LIST_GROUPS)
		return false;
	outer_names = read_group_names(outer_text, outer_length, &outer_count);
	inner_names = read_group_names(inner_text, inner_length, &inner_count);
	return list_contains(outer_names, outer_count, inner_names, inner_count);
}

/* group_scope @> group_scope */
Datum
orgsync_group_scope_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scope_contains(PG_GETARG_VARLENA_PP(0), PG_GETARG_VARLENA_PP(1)));
}

/* group_scope <@ group_scope */
Datum
orgsync_group_scope_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scope_contains(PG_GETARG_VARLENA_PP(1), PG_GETARG_VARLENA_PP(0)));
}

Datum
orgsync_group_scope_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) == 0);
}

Datum
orgsync_group_scope_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) != 0);
}

Datum
orgsync_group_scope_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) < 0);
}

Datum
orgsync_group_scope_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) <= 0);
}

Datum
orgsync_group_scope_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) > 0);
}

Datum
orgsync_group_scope_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ascii_case_compare_arguments(fcinfo) >= 0);
}

Datum
orgsync_group_scope_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(ascii_case_compare_arguments(fcinfo));
}

Datum
orgsync_group_scope_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32((uint32) ascii_case_hash_argument(fcinfo, 0));
}

Datum
orgsync_group_scope_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT64(ascii_case_hash_argument(fcinfo, (uint64) PG_GETARG_INT64(1)));
}
