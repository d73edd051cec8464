/*
 * email_address.c
 *		The type orgsync.email_address: input and output, comparison, hashing and
 *		sorting.
 *
 * A value is stored as text is, in the spelling that was given; so the cast to
 * text costs nothing, and every function here takes text where it takes an
 * address.  One C function therefore stands behind the SQL functions for
 * (email_address, email_address), (email_address, text), (text, email_address)
 * and (text, text), which together make complete operator families.
 *
 * No comparison or hash function raises an error, whatever the text: they are
 * declared leakproof.  Arguments may be compressed or out of line; what is copied
 * to read them is freed again, since btree calls these functions many times in
 * one memory context.
 */
#include "compat.h"

#include "access/detoast.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "lib/hyperloglog.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "core/email.h"

/* Addresses are no longer than this; other text that is gets memory of its own. */
#define FOLD_BUFFER_SIZE		256

/* As much of a key as goes into the estimate of how many keys differ. */
#define ESTIMATE_PREFIX_SIZE	64

/* What a sort with abbreviated keys has learned; lives in ssup_cxt. */
typedef struct email_sort_state
{
	hyperLogLogState key_estimate;	/* different keys seen so far */
	hyperLogLogState abbreviation_estimate; /* different abbreviated keys */
	double		wanted_ratio;	/* of the second to the first, to go on */
} email_sort_state;

PG_FUNCTION_INFO_V1(orgsync_email_in);
PG_FUNCTION_INFO_V1(orgsync_email_out);
PG_FUNCTION_INFO_V1(orgsync_email_recv);
PG_FUNCTION_INFO_V1(orgsync_email_send);
PG_FUNCTION_INFO_V1(orgsync_email_from_text);
PG_FUNCTION_INFO_V1(orgsync_email_to_text);
PG_FUNCTION_INFO_V1(orgsync_email_eq);
PG_FUNCTION_INFO_V1(orgsync_email_ne);
PG_FUNCTION_INFO_V1(orgsync_email_lt);
PG_FUNCTION_INFO_V1(orgsync_email_le);
PG_FUNCTION_INFO_V1(orgsync_email_gt);
PG_FUNCTION_INFO_V1(orgsync_email_ge);
PG_FUNCTION_INFO_V1(orgsync_email_cmp);
PG_FUNCTION_INFO_V1(orgsync_email_sortsupport);
PG_FUNCTION_INFO_V1(orgsync_email_hash);
PG_FUNCTION_INFO_V1(orgsync_email_hash_extended);
PG_FUNCTION_INFO_V1(orgsync_email_local_part);
PG_FUNCTION_INFO_V1(orgsync_email_domain);
PG_FUNCTION_INFO_V1(orgsync_email_canonical);

/*
 * Is this an address?  If not, the error says what is wrong with it; where
 * escontext can keep errors (PostgreSQL 16), it does and the result is false.
 */
static bool
check_address(const char *address, size_t length, Node *escontext)
{
	email_fault fault = email_check(address, length);

	(void) escontext;
	if (fault == EMAIL_VALID)
		return true;
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid e-mail address: \"%.*s\"", (int) length, address),
			 errdetail("The address %s.", email_fault_reason(fault)),
			 errhint("Give one address like \"ada@example.com\","
					 " without blanks, a display name or angle brackets.")));
}

/* in: text representation to value */
Datum
orgsync_email_in(PG_FUNCTION_ARGS)
{
	char	   *address = PG_GETARG_CSTRING(0);
	size_t		length = strlen(address);

	if (!check_address(address, length, fcinfo->context))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(address, (int) length));
}

/* out: value to text representation */
Datum
orgsync_email_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(TextDatumGetCString(PG_GETARG_DATUM(0)));
}

/* recv: wire format, in the client's encoding, to value */
Datum
orgsync_email_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	char	   *address;
	int			length;

	address = pq_getmsgtext(buffer, buffer->len - buffer->cursor, &length);
	check_address(address, length, NULL);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(address, length));
}

/* send: value to wire format, in the client's encoding */
Datum
orgsync_email_send(PG_FUNCTION_ARGS)
{
	text	   *address = PG_GETARG_TEXT_PP(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendtext(&buffer, VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* cast from text and varchar, which checks as input does */
Datum
orgsync_email_from_text(PG_FUNCTION_ARGS)
{
	text	   *address = PG_GETARG_TEXT_PP(0);

	if (!check_address(VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address), fcinfo->context))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(address);
}

/* Casts to text and varchar: stored alike. */
Datum
orgsync_email_to_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* The comparison behind all operators. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	text	   *a = PG_GETARG_TEXT_PP(0);
	text	   *b = PG_GETARG_TEXT_PP(1);
	int			result = email_compare(VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a),
									   VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b));

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* Equality, which need not read values of different length. */
static bool
arguments_are_equal(FunctionCallInfo fcinfo)
{
	if (toast_raw_datum_size(PG_GETARG_DATUM(0)) != toast_raw_datum_size(PG_GETARG_DATUM(1)))
		return false;
	return compare_arguments(fcinfo) == 0;
}

/* operator = */
Datum
orgsync_email_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(arguments_are_equal(fcinfo));
}

/* operator <> */
Datum
orgsync_email_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!arguments_are_equal(fcinfo));
}

/* operator < */
Datum
orgsync_email_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

/* operator <= */
Datum
orgsync_email_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

/* operator > */
Datum
orgsync_email_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

/* operator >= */
Datum
orgsync_email_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

/* btree support function 1 */
Datum
orgsync_email_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* hash support functions 1 and 2: the hash of the folded bytes */
static uint64
hash_argument(FunctionCallInfo fcinfo, uint64 seed)
{
	text	   *address = PG_GETARG_TEXT_PP(0);
	int			length = (int) VARSIZE_ANY_EXHDR(address);
	char		buffer[FOLD_BUFFER_SIZE];
	char	   *folded = length <= FOLD_BUFFER_SIZE ? buffer : palloc(length);
	uint64		result;

	email_fold(VARDATA_ANY(address), length, folded);
	result = hash_bytes_extended((unsigned char *) folded, length, seed);
	if (folded != buffer)
		pfree(folded);
	PG_FREE_IF_COPY(address, 0);
	return result;
}

/*
 * hash support function 1.  With seed 0, the low half of the 64-bit hash is the
 * 32-bit hash, as the hash access method asks for.
 */
Datum
orgsync_email_hash(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT32((uint32) hash_argument(fcinfo, 0));
}

/* hash support function 2 */
Datum
orgsync_email_hash_extended(PG_FUNCTION_ARGS)
{
	PG_RETURN_UINT64(hash_argument(fcinfo, PG_GETARG_INT64(1)));
}

/* Full comparison for sorts, without the function call's overhead. */
static int
compare_in_sort(Datum x, Datum y, SortSupport ssup)
{
	text	   *a = DatumGetTextPP(x);
	text	   *b = DatumGetTextPP(y);
	int			result = email_compare(VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a),
									   VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b));

	(void) ssup;
	if (PointerGetDatum(a) != x)
		pfree(a);
	if (PointerGetDatum(b) != y)
		pfree(b);
	return result;
}

/*
 * The abbreviated key: the first folded bytes as a big-endian integer, padded
 * with zeros, which no address holds.  Unsigned order of the integers is then
 * the order of the addresses, except that equal integers decide nothing.
 */
static Datum
abbreviate(Datum original, SortSupport ssup)
{
	email_sort_state *state = ssup->ssup_extra;
	text	   *address = DatumGetTextPP(original);
	int			length = (int) VARSIZE_ANY_EXHDR(address);
	int			prefix_length = Min(length, ESTIMATE_PREFIX_SIZE);
	char		prefix[ESTIMATE_PREFIX_SIZE];
	Datum		result = 0;
	uint32		hash;

	email_fold(VARDATA_ANY(address), prefix_length, prefix);
	memcpy(&result, prefix, Min(prefix_length, (int) sizeof(Datum)));
	result = DatumBigEndianToNative(result);

	hash = hash_bytes((unsigned char *) prefix, prefix_length);
	if (length > prefix_length)
		hash ^= hash_bytes_uint32((uint32) length);
	addHyperLogLog(&state->key_estimate, hash);
#if SIZEOF_DATUM == 8
	hash = hash_bytes_uint32((uint32) result ^ (uint32) (result >> 32));
#else
	hash = hash_bytes_uint32((uint32) result);
#endif
	addHyperLogLog(&state->abbreviation_estimate, hash);

	if (PointerGetDatum(address) != original)
		pfree(address);
	return result;
}

/*
 * Should the sort stop abbreviating?  It pays as long as abbreviated keys tell
 * a fair part of the different keys apart.  If most keys are equal, both counts
 * are low and it pays too: text's sort (varlena.c) decides alike, and its limits
 * were measured there.  The more tuples are done, the less there is to gain from
 * turning round, so the ratio that is asked for sinks.
 */
static bool
should_stop_abbreviating(int tuple_count, SortSupport ssup)
{
	email_sort_state *state = ssup->ssup_extra;
	double		keys;
	double		abbreviations;

	if (tuple_count < 100)
		return false;
	keys = Max(estimateHyperLogLog(&state->key_estimate), 1.0);
	abbreviations = Max(estimateHyperLogLog(&state->abbreviation_estimate), 1.0);
	if (abbreviations <= keys * state->wanted_ratio)
		return true;
	if (tuple_count > 10000)
		state->wanted_ratio *= 0.65;
	return false;
}

/* btree support function 2: fast comparison in sorts, abbreviated if wanted */
Datum
orgsync_email_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_in_sort;
	if (ssup->abbreviate)
	{
		MemoryContext old_context = MemoryContextSwitchTo(ssup->ssup_cxt);
		email_sort_state *state = palloc(sizeof(email_sort_state));

		initHyperLogLog(&state->key_estimate, 10);
		initHyperLogLog(&state->abbreviation_estimate, 10);
		state->wanted_ratio = 0.20;
		MemoryContextSwitchTo(old_context);

		ssup->ssup_extra = state;
		ssup->comparator = ssup_datum_unsigned_cmp;
		ssup->abbrev_converter = abbreviate;
		ssup->abbrev_abort = should_stop_abbreviating;
		ssup->abbrev_full_comparator = compare_in_sort;
	}
	PG_RETURN_VOID();
}

/* local_part(email_address): what stands before the at sign, as it is spelled */
Datum
orgsync_email_local_part(PG_FUNCTION_ARGS)
{
	text	   *address = PG_GETARG_TEXT_PP(0);
	size_t		local_length = email_local_part_length(VARDATA_ANY(address),
													   VARSIZE_ANY_EXHDR(address));

	PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(address), (int) local_length));
}

/* domain(email_address): what stands after the at sign, as it is spelled */
Datum
orgsync_email_domain(PG_FUNCTION_ARGS)
{
	text	   *address = PG_GETARG_TEXT_PP(0);
	size_t		length = VARSIZE_ANY_EXHDR(address);
	size_t		domain_start = email_local_part_length(VARDATA_ANY(address), length) + 1;

	PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(address) + domain_start,
											  (int) (length - domain_start)));
}

/* canonical(email_address): the key of the rule same_address, less domain aliases */
Datum
orgsync_email_canonical(PG_FUNCTION_ARGS)
{
	text	   *address = PG_GETARG_TEXT_PP(0);
	size_t		length = VARSIZE_ANY_EXHDR(address);
	text	   *canonical = palloc(VARHDRSZ + length);

	length = email_canonical(VARDATA_ANY(address), length, VARDATA(canonical));
	SET_VARSIZE(canonical, VARHDRSZ + length);
	PG_RETURN_TEXT_P(canonical);
}
