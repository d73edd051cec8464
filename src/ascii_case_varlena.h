/*
 * ascii_case_varlena.h
 *		Comparison and hashing of text-like values without regard to ASCII case,
 *		for the types license_header and group_scope.
 *
 * Both types keep text whose case means nothing to the vendor, and both are
 * stored as text is, so that text's own output functions serve them.  They have
 * no collation: the order is that of the folded bytes.
 */
#ifndef ORGSYNC_ASCII_CASE_VARLENA_H
#define ORGSYNC_ASCII_CASE_VARLENA_H

#include "compat.h"

#include "common/hashfn.h"
#include "fmgr.h"

#include "core/ascii_case.h"

/*
 * Compares the first two arguments of a call.  Copies that detoasting made are
 * freed, as an index build calls this many times in one memory context.
 */
static inline int
ascii_case_compare_arguments(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);
	int			order;

	order = ascii_case_compare(VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a),
							   VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b));
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return order;
}

/*
 * Hashes the first argument of a call with a seed; with the seed 0 the low 32
 * bits are those that a hash support function without a seed gives.
 */
static inline uint64
ascii_case_hash_argument(FunctionCallInfo fcinfo, uint64 seed)
{
	struct varlena *value = PG_GETARG_VARLENA_PP(0);
	const char *data = VARDATA_ANY(value);
	int			length = (int) VARSIZE_ANY_EXHDR(value);
	unsigned char *folded = palloc(length + 1);
	uint64		hash;
	int			i;

	for (i = 0; i < length; i++)
		folded[i] = ascii_lower(data[i]);
	hash = DatumGetUInt64(hash_any_extended(folded, length, seed));

	pfree(folded);
	PG_FREE_IF_COPY(value, 0);
	return hash;
}

#endif
