/*
 * The type orgsync.email_address, with its operators, operator classes and casts.
 *
 * Its operators stand in pg_catalog, not in orgsync.  An address turns into text by
 * itself (so that LIKE, lower() and || work); so where its operators were not found,
 * for want of orgsync in the search_path, PostgreSQL would compare as text instead:
 * with regard to case, without the index and without a word of it.  In pg_catalog
 * they are found by everybody: a driver's parameter of type text, JOIN USING, IN, a
 * function whose search_path is pinned.  Each of them has an argument of type
 * email_address, so that no expression without one changes its meaning.
 */
CREATE TYPE orgsync.email_address;

CREATE FUNCTION orgsync.email_address_in(cstring) RETURNS orgsync.email_address
	AS 'MODULE_PATHNAME', 'orgsync_email_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_out(orgsync.email_address) RETURNS cstring
	AS 'MODULE_PATHNAME', 'orgsync_email_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_recv(internal) RETURNS orgsync.email_address
	AS 'MODULE_PATHNAME', 'orgsync_email_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_send(orgsync.email_address) RETURNS bytea
	AS 'MODULE_PATHNAME', 'orgsync_email_send' LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE TYPE orgsync.email_address (
	INPUT = orgsync.email_address_in,
	OUTPUT = orgsync.email_address_out,
	RECEIVE = orgsync.email_address_recv,
	SEND = orgsync.email_address_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended,
	CATEGORY = 'S',
	PREFERRED = false,
	COLLATABLE = false
);

COMMENT ON TYPE orgsync.email_address IS
	'e-mail address: checked, kept as spelled, compared without regard to (ASCII) case';
COMMENT ON FUNCTION orgsync.email_address_in(cstring) IS 'input of email_address';
COMMENT ON FUNCTION orgsync.email_address_out(orgsync.email_address) IS 'output of email_address';
COMMENT ON FUNCTION orgsync.email_address_recv(internal) IS 'binary input of email_address';
COMMENT ON FUNCTION orgsync.email_address_send(orgsync.email_address) IS
	'binary output of email_address';

/*
 * Casts.  Stored alike, the way to text would need no function.  But the planner
 * would then take an index on addresses for one on text, which has a collation,
 * when it looks for an index for LIKE; PostgreSQL 18 fails at that.
 */
CREATE FUNCTION orgsync.text(orgsync.email_address) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_email_to_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
CREATE FUNCTION orgsync.varchar(orgsync.email_address) RETURNS varchar
	AS 'MODULE_PATHNAME', 'orgsync_email_to_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
CREATE FUNCTION orgsync.email_address(text) RETURNS orgsync.email_address
	AS 'MODULE_PATHNAME', 'orgsync_email_from_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address(varchar) RETURNS orgsync.email_address
	AS 'MODULE_PATHNAME', 'orgsync_email_from_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (orgsync.email_address AS text) WITH FUNCTION orgsync.text(orgsync.email_address) AS IMPLICIT;
CREATE CAST (orgsync.email_address AS varchar) WITH FUNCTION orgsync.varchar(orgsync.email_address) AS ASSIGNMENT;
CREATE CAST (text AS orgsync.email_address)
	WITH FUNCTION orgsync.email_address(text) AS ASSIGNMENT;
CREATE CAST (varchar AS orgsync.email_address)
	WITH FUNCTION orgsync.email_address(varchar) AS ASSIGNMENT;

COMMENT ON FUNCTION orgsync.text(orgsync.email_address) IS 'an e-mail address as it is spelled';
COMMENT ON FUNCTION orgsync.varchar(orgsync.email_address) IS 'an e-mail address as it is spelled';
COMMENT ON FUNCTION orgsync.email_address(text) IS 'check text and make it an e-mail address';
COMMENT ON FUNCTION orgsync.email_address(varchar) IS
	'check varchar and make it an e-mail address';
COMMENT ON CAST (orgsync.email_address AS text) IS 'an e-mail address as it is spelled';
COMMENT ON CAST (orgsync.email_address AS varchar) IS 'an e-mail address as it is spelled';
COMMENT ON CAST (text AS orgsync.email_address) IS 'check text and make it an e-mail address';
COMMENT ON CAST (varchar AS orgsync.email_address) IS
	'check varchar and make it an e-mail address';

/* Parts of an address. */
CREATE FUNCTION orgsync.local_part(orgsync.email_address) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_email_local_part' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION orgsync.domain(orgsync.email_address) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_email_domain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION orgsync.canonical(orgsync.email_address) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_email_canonical' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION orgsync.local_part(orgsync.email_address) IS
	'what stands before the at sign, as it is spelled';
COMMENT ON FUNCTION orgsync.domain(orgsync.email_address) IS
	'what stands after the at sign, as it is spelled';
COMMENT ON FUNCTION orgsync.canonical(orgsync.email_address) IS
	'the address in lower case, without +tag and without the dots of its local part';

/* Two addresses. */
CREATE FUNCTION orgsync.email_address_eq(orgsync.email_address, orgsync.email_address)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_eq'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ne(orgsync.email_address, orgsync.email_address)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ne'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_lt(orgsync.email_address, orgsync.email_address)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_lt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_le(orgsync.email_address, orgsync.email_address)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_le'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_gt(orgsync.email_address, orgsync.email_address)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_gt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ge(orgsync.email_address, orgsync.email_address)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ge'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_cmp(orgsync.email_address, orgsync.email_address)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_email_cmp'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR pg_catalog.= (
	FUNCTION = orgsync.email_address_eq,
	LEFTARG = orgsync.email_address, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = orgsync.email_address_ne,
	LEFTARG = orgsync.email_address, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.< (
	FUNCTION = orgsync.email_address_lt,
	LEFTARG = orgsync.email_address, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR pg_catalog.<= (
	FUNCTION = orgsync.email_address_le,
	LEFTARG = orgsync.email_address, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR pg_catalog.> (
	FUNCTION = orgsync.email_address_gt,
	LEFTARG = orgsync.email_address, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR pg_catalog.>= (
	FUNCTION = orgsync.email_address_ge,
	LEFTARG = orgsync.email_address, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON FUNCTION orgsync.email_address_eq(orgsync.email_address, orgsync.email_address) IS
	'implementation of = operator';
COMMENT ON FUNCTION orgsync.email_address_ne(orgsync.email_address, orgsync.email_address) IS
	'implementation of <> operator';
COMMENT ON FUNCTION orgsync.email_address_lt(orgsync.email_address, orgsync.email_address) IS
	'implementation of < operator';
COMMENT ON FUNCTION orgsync.email_address_le(orgsync.email_address, orgsync.email_address) IS
	'implementation of <= operator';
COMMENT ON FUNCTION orgsync.email_address_gt(orgsync.email_address, orgsync.email_address) IS
	'implementation of > operator';
COMMENT ON FUNCTION orgsync.email_address_ge(orgsync.email_address, orgsync.email_address) IS
	'implementation of >= operator';
COMMENT ON FUNCTION orgsync.email_address_cmp(orgsync.email_address, orgsync.email_address) IS
	'less-equal-greater, without regard to case';
COMMENT ON OPERATOR pg_catalog.= (orgsync.email_address, orgsync.email_address) IS
	'equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.<> (orgsync.email_address, orgsync.email_address) IS
	'not equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.< (orgsync.email_address, orgsync.email_address) IS
	'less than, without regard to case';
COMMENT ON OPERATOR pg_catalog.<= (orgsync.email_address, orgsync.email_address) IS
	'less than or equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.> (orgsync.email_address, orgsync.email_address) IS
	'greater than, without regard to case';
COMMENT ON OPERATOR pg_catalog.>= (orgsync.email_address, orgsync.email_address) IS
	'greater than or equal, without regard to case';

/*
 * An address and text, which need not be an address.
 *
 * Not MERGES: a merge join would be right, but the planner would mark the address
 * with the text's collation, though its type has none, and so take it for another
 * key than that of its index.
 *
 * They also serve a foreign key of type text that refers to an address, up to a point:
 * when a row that is referred to goes, PostgreSQL 15 itself looks for the collation of
 * the address and fails.  Let a foreign key have the type email_address.
 */
CREATE FUNCTION orgsync.email_address_eq(orgsync.email_address, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_eq'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ne(orgsync.email_address, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ne'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_lt(orgsync.email_address, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_lt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_le(orgsync.email_address, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_le'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_gt(orgsync.email_address, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_gt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ge(orgsync.email_address, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ge'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_cmp(orgsync.email_address, text) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_email_cmp'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR pg_catalog.= (
	FUNCTION = orgsync.email_address_eq, LEFTARG = orgsync.email_address, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = orgsync.email_address_ne, LEFTARG = orgsync.email_address, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.< (
	FUNCTION = orgsync.email_address_lt, LEFTARG = orgsync.email_address, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR pg_catalog.<= (
	FUNCTION = orgsync.email_address_le, LEFTARG = orgsync.email_address, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR pg_catalog.> (
	FUNCTION = orgsync.email_address_gt, LEFTARG = orgsync.email_address, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR pg_catalog.>= (
	FUNCTION = orgsync.email_address_ge, LEFTARG = orgsync.email_address, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON FUNCTION orgsync.email_address_eq(orgsync.email_address, text) IS
	'implementation of = operator';
COMMENT ON FUNCTION orgsync.email_address_ne(orgsync.email_address, text) IS
	'implementation of <> operator';
COMMENT ON FUNCTION orgsync.email_address_lt(orgsync.email_address, text) IS
	'implementation of < operator';
COMMENT ON FUNCTION orgsync.email_address_le(orgsync.email_address, text) IS
	'implementation of <= operator';
COMMENT ON FUNCTION orgsync.email_address_gt(orgsync.email_address, text) IS
	'implementation of > operator';
COMMENT ON FUNCTION orgsync.email_address_ge(orgsync.email_address, text) IS
	'implementation of >= operator';
COMMENT ON FUNCTION orgsync.email_address_cmp(orgsync.email_address, text) IS
	'less-equal-greater, without regard to case';
COMMENT ON OPERATOR pg_catalog.= (orgsync.email_address, text) IS 'equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.<> (orgsync.email_address, text) IS
	'not equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.< (orgsync.email_address, text) IS
	'less than, without regard to case';
COMMENT ON OPERATOR pg_catalog.<= (orgsync.email_address, text) IS
	'less than or equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.> (orgsync.email_address, text) IS
	'greater than, without regard to case';
COMMENT ON OPERATOR pg_catalog.>= (orgsync.email_address, text) IS
	'greater than or equal, without regard to case';

/* Text and an address. */
CREATE FUNCTION orgsync.email_address_eq(text, orgsync.email_address) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_eq'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ne(text, orgsync.email_address) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ne'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_lt(text, orgsync.email_address) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_lt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_le(text, orgsync.email_address) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_le'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_gt(text, orgsync.email_address) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_gt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ge(text, orgsync.email_address) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ge'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_cmp(text, orgsync.email_address) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_email_cmp'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR pg_catalog.= (
	FUNCTION = orgsync.email_address_eq, LEFTARG = text, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES
);
CREATE OPERATOR pg_catalog.<> (
	FUNCTION = orgsync.email_address_ne, LEFTARG = text, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR pg_catalog.< (
	FUNCTION = orgsync.email_address_lt, LEFTARG = text, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR pg_catalog.<= (
	FUNCTION = orgsync.email_address_le, LEFTARG = text, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR pg_catalog.> (
	FUNCTION = orgsync.email_address_gt, LEFTARG = text, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR pg_catalog.>= (
	FUNCTION = orgsync.email_address_ge, LEFTARG = text, RIGHTARG = orgsync.email_address,
	COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON FUNCTION orgsync.email_address_eq(text, orgsync.email_address) IS
	'implementation of = operator';
COMMENT ON FUNCTION orgsync.email_address_ne(text, orgsync.email_address) IS
	'implementation of <> operator';
COMMENT ON FUNCTION orgsync.email_address_lt(text, orgsync.email_address) IS
	'implementation of < operator';
COMMENT ON FUNCTION orgsync.email_address_le(text, orgsync.email_address) IS
	'implementation of <= operator';
COMMENT ON FUNCTION orgsync.email_address_gt(text, orgsync.email_address) IS
	'implementation of > operator';
COMMENT ON FUNCTION orgsync.email_address_ge(text, orgsync.email_address) IS
	'implementation of >= operator';
COMMENT ON FUNCTION orgsync.email_address_cmp(text, orgsync.email_address) IS
	'less-equal-greater, without regard to case';
COMMENT ON OPERATOR pg_catalog.= (text, orgsync.email_address) IS 'equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.<> (text, orgsync.email_address) IS
	'not equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.< (text, orgsync.email_address) IS
	'less than, without regard to case';
COMMENT ON OPERATOR pg_catalog.<= (text, orgsync.email_address) IS
	'less than or equal, without regard to case';
COMMENT ON OPERATOR pg_catalog.> (text, orgsync.email_address) IS
	'greater than, without regard to case';
COMMENT ON OPERATOR pg_catalog.>= (text, orgsync.email_address) IS
	'greater than or equal, without regard to case';

/* Text compared as if it were addresses, which no other operator of text does: the
 * rest of the operator families.  The asterisk is that of ~*. */
CREATE FUNCTION orgsync.email_address_eq(text, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_eq'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ne(text, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ne'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_lt(text, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_lt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_le(text, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_le'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_gt(text, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_gt'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_ge(text, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_email_ge'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_cmp(text, text) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_email_cmp'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR orgsync.=* (
	FUNCTION = orgsync.email_address_eq, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(orgsync.=*), NEGATOR = OPERATOR(orgsync.<>*),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);
CREATE OPERATOR orgsync.<>* (
	FUNCTION = orgsync.email_address_ne, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(orgsync.<>*), NEGATOR = OPERATOR(orgsync.=*),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR orgsync.<* (
	FUNCTION = orgsync.email_address_lt, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(orgsync.>*), NEGATOR = OPERATOR(orgsync.>=*),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR orgsync.<=* (
	FUNCTION = orgsync.email_address_le, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(orgsync.>=*), NEGATOR = OPERATOR(orgsync.>*),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR orgsync.>* (
	FUNCTION = orgsync.email_address_gt, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(orgsync.<*), NEGATOR = OPERATOR(orgsync.<=*),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR orgsync.>=* (
	FUNCTION = orgsync.email_address_ge, LEFTARG = text, RIGHTARG = text,
	COMMUTATOR = OPERATOR(orgsync.<=*), NEGATOR = OPERATOR(orgsync.<*),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);

COMMENT ON FUNCTION orgsync.email_address_eq(text, text) IS
	'implementation of =* operator';
COMMENT ON FUNCTION orgsync.email_address_ne(text, text) IS
	'implementation of <>* operator';
COMMENT ON FUNCTION orgsync.email_address_lt(text, text) IS
	'implementation of <* operator';
COMMENT ON FUNCTION orgsync.email_address_le(text, text) IS
	'implementation of <=* operator';
COMMENT ON FUNCTION orgsync.email_address_gt(text, text) IS
	'implementation of >* operator';
COMMENT ON FUNCTION orgsync.email_address_ge(text, text) IS
	'implementation of >=* operator';
COMMENT ON FUNCTION orgsync.email_address_cmp(text, text) IS
	'less-equal-greater, without regard to case';
COMMENT ON OPERATOR orgsync.=* (text, text) IS 'equal, without regard to case';
COMMENT ON OPERATOR orgsync.<>* (text, text) IS 'not equal, without regard to case';
COMMENT ON OPERATOR orgsync.<* (text, text) IS 'less than, without regard to case';
COMMENT ON OPERATOR orgsync.<=* (text, text) IS 'less than or equal, without regard to case';
COMMENT ON OPERATOR orgsync.>* (text, text) IS 'greater than, without regard to case';
COMMENT ON OPERATOR orgsync.>=* (text, text) IS 'greater than or equal, without regard to case';

/*
 * Operator families.  Both are complete: any mix of addresses and text sorts,
 * hashes and joins by the one order.  There is no btree support function 4
 * (equalimage): equal addresses need not be the same bytes, so indexes must not
 * merge them.
 */
CREATE FUNCTION orgsync.email_address_sortsupport(internal) RETURNS void
	AS 'MODULE_PATHNAME', 'orgsync_email_sortsupport'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.email_address_sortsupport(internal) IS 'sort support';

CREATE FUNCTION orgsync.email_address_hash(orgsync.email_address) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_email_hash'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_hash_extended(orgsync.email_address, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'orgsync_email_hash_extended'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_hash(text) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_email_hash'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION orgsync.email_address_hash_extended(text, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'orgsync_email_hash_extended'
	LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.email_address_hash(orgsync.email_address) IS
	'hash, without regard to case';
COMMENT ON FUNCTION orgsync.email_address_hash_extended(orgsync.email_address, bigint) IS
	'hash with a seed, without regard to case';
COMMENT ON FUNCTION orgsync.email_address_hash(text) IS 'hash, without regard to case';
COMMENT ON FUNCTION orgsync.email_address_hash_extended(text, bigint) IS
	'hash with a seed, without regard to case';

CREATE OPERATOR FAMILY orgsync.email_address_ops USING btree;
CREATE OPERATOR CLASS orgsync.email_address_ops
	DEFAULT FOR TYPE orgsync.email_address USING btree FAMILY orgsync.email_address_ops AS
	OPERATOR 1 pg_catalog.< (orgsync.email_address, orgsync.email_address),
	OPERATOR 2 pg_catalog.<= (orgsync.email_address, orgsync.email_address),
	OPERATOR 3 pg_catalog.= (orgsync.email_address, orgsync.email_address),
	OPERATOR 4 pg_catalog.>= (orgsync.email_address, orgsync.email_address),
	OPERATOR 5 pg_catalog.> (orgsync.email_address, orgsync.email_address),
	FUNCTION 1 orgsync.email_address_cmp(orgsync.email_address, orgsync.email_address),
	FUNCTION 2 orgsync.email_address_sortsupport(internal);
CREATE OPERATOR CLASS orgsync.email_text_ops
	FOR TYPE text USING btree FAMILY orgsync.email_address_ops AS
	OPERATOR 1 orgsync.<* (text, text),
	OPERATOR 2 orgsync.<=* (text, text),
	OPERATOR 3 orgsync.=* (text, text),
	OPERATOR 4 orgsync.>=* (text, text),
	OPERATOR 5 orgsync.>* (text, text),
	FUNCTION 1 orgsync.email_address_cmp(text, text),
	FUNCTION 2 orgsync.email_address_sortsupport(internal);
ALTER OPERATOR FAMILY orgsync.email_address_ops USING btree ADD
	OPERATOR 1 pg_catalog.< (orgsync.email_address, text),
	OPERATOR 2 pg_catalog.<= (orgsync.email_address, text),
	OPERATOR 3 pg_catalog.= (orgsync.email_address, text),
	OPERATOR 4 pg_catalog.>= (orgsync.email_address, text),
	OPERATOR 5 pg_catalog.> (orgsync.email_address, text),
	FUNCTION 1 (orgsync.email_address, text)
		orgsync.email_address_cmp(orgsync.email_address, text),
	OPERATOR 1 pg_catalog.< (text, orgsync.email_address),
	OPERATOR 2 pg_catalog.<= (text, orgsync.email_address),
	OPERATOR 3 pg_catalog.= (text, orgsync.email_address),
	OPERATOR 4 pg_catalog.>= (text, orgsync.email_address),
	OPERATOR 5 pg_catalog.> (text, orgsync.email_address),
	FUNCTION 1 (text, orgsync.email_address)
		orgsync.email_address_cmp(text, orgsync.email_address);

CREATE OPERATOR FAMILY orgsync.email_address_ops USING hash;
CREATE OPERATOR CLASS orgsync.email_address_ops
	DEFAULT FOR TYPE orgsync.email_address USING hash FAMILY orgsync.email_address_ops AS
	OPERATOR 1 pg_catalog.= (orgsync.email_address, orgsync.email_address),
	FUNCTION 1 orgsync.email_address_hash(orgsync.email_address),
	FUNCTION 2 orgsync.email_address_hash_extended(orgsync.email_address, bigint);
CREATE OPERATOR CLASS orgsync.email_text_ops
	FOR TYPE text USING hash FAMILY orgsync.email_address_ops AS
	OPERATOR 1 orgsync.=* (text, text),
	FUNCTION 1 orgsync.email_address_hash(text),
	FUNCTION 2 orgsync.email_address_hash_extended(text, bigint);
ALTER OPERATOR FAMILY orgsync.email_address_ops USING hash ADD
	OPERATOR 1 pg_catalog.= (orgsync.email_address, text),
	OPERATOR 1 pg_catalog.= (text, orgsync.email_address);

COMMENT ON OPERATOR FAMILY orgsync.email_address_ops USING btree IS
	'e-mail addresses and text, ordered without regard to case';
COMMENT ON OPERATOR FAMILY orgsync.email_address_ops USING hash IS
	'e-mail addresses and text, equal without regard to case';
COMMENT ON OPERATOR CLASS orgsync.email_address_ops USING btree IS
	'e-mail addresses, ordered without regard to case';
COMMENT ON OPERATOR CLASS orgsync.email_address_ops USING hash IS
	'e-mail addresses, equal without regard to case';
COMMENT ON OPERATOR CLASS orgsync.email_text_ops USING btree IS
	'for an index on text that is joined with e-mail addresses';
COMMENT ON OPERATOR CLASS orgsync.email_text_ops USING hash IS
	'for an index on text that is joined with e-mail addresses';
