-- The type license_header: the header of a license column.

CREATE TYPE orgsync.license_header;

CREATE FUNCTION orgsync.license_header_in(cstring) RETURNS orgsync.license_header
	AS 'MODULE_PATHNAME', 'orgsync_license_header_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_in(cstring) IS 'I/O';

CREATE FUNCTION orgsync.license_header_out(orgsync.license_header) RETURNS cstring
	AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_out(orgsync.license_header) IS 'I/O';

CREATE FUNCTION orgsync.license_header_recv(internal) RETURNS orgsync.license_header
	AS 'MODULE_PATHNAME', 'orgsync_license_header_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_recv(internal) IS 'I/O';

CREATE FUNCTION orgsync.license_header_send(orgsync.license_header) RETURNS bytea
	AS 'textsend' LANGUAGE internal STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_send(orgsync.license_header) IS 'I/O';

CREATE TYPE orgsync.license_header (
	INPUT = orgsync.license_header_in,
	OUTPUT = orgsync.license_header_out,
	RECEIVE = orgsync.license_header_recv,
	SEND = orgsync.license_header_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended,
	CATEGORY = 'S'
);
COMMENT ON TYPE orgsync.license_header IS
	'header of a license column, [BUDGET GROUP]_license_[LICENSE TYPE]_status or license_[PRODUCT]_[TYPE]_status; equal without regard to ASCII case';

CREATE FUNCTION orgsync.license_header(text) RETURNS orgsync.license_header
	AS 'MODULE_PATHNAME', 'orgsync_license_header_from_text'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header(text) IS
	'license header of that text; raises 22P02 if it does not follow the grammar';

-- With a function, though it is stored alike: see email_address.sql on LIKE.
CREATE FUNCTION orgsync.text(orgsync.license_header) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_license_header_to_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION orgsync.text(orgsync.license_header) IS 'a license header as it is spelled';
CREATE CAST (orgsync.license_header AS text) WITH FUNCTION orgsync.text(orgsync.license_header) AS IMPLICIT;
COMMENT ON CAST (orgsync.license_header AS text) IS 'the text as it is stored';
CREATE CAST (text AS orgsync.license_header)
	WITH FUNCTION orgsync.license_header(text) AS ASSIGNMENT;
COMMENT ON CAST (text AS orgsync.license_header) IS
	'license header of that text; raises 22P02 if it does not follow the grammar';
CREATE CAST (varchar AS orgsync.license_header)
	WITH FUNCTION orgsync.license_header(text) AS ASSIGNMENT;
COMMENT ON CAST (varchar AS orgsync.license_header) IS
	'license header of that text; raises 22P02 if it does not follow the grammar';

CREATE FUNCTION orgsync.budget_group(orgsync.license_header) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_license_header_budget_group'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.budget_group(orgsync.license_header) IS
	'budget group of a license header, NULL if it has none';

CREATE FUNCTION orgsync.license_type(orgsync.license_header) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_license_header_license_type'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_type(orgsync.license_header) IS
	'license type of a license header';

CREATE FUNCTION orgsync.license_header_eq(orgsync.license_header, orgsync.license_header)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_eq(orgsync.license_header, orgsync.license_header) IS
	'implementation of operator =';

CREATE FUNCTION orgsync.license_header_ne(orgsync.license_header, orgsync.license_header)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_ne(orgsync.license_header, orgsync.license_header) IS
	'implementation of operator <>';

CREATE FUNCTION orgsync.license_header_lt(orgsync.license_header, orgsync.license_header)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_lt(orgsync.license_header, orgsync.license_header) IS
	'implementation of operator <';

CREATE FUNCTION orgsync.license_header_le(orgsync.license_header, orgsync.license_header)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_le(orgsync.license_header, orgsync.license_header) IS
	'implementation of operator <=';

CREATE FUNCTION orgsync.license_header_gt(orgsync.license_header, orgsync.license_header)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_gt(orgsync.license_header, orgsync.license_header) IS
	'implementation of operator >';

CREATE FUNCTION orgsync.license_header_ge(orgsync.license_header, orgsync.license_header)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_ge(orgsync.license_header, orgsync.license_header) IS
	'implementation of operator >=';

CREATE FUNCTION orgsync.license_header_cmp(orgsync.license_header, orgsync.license_header)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_license_header_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_cmp(orgsync.license_header, orgsync.license_header) IS
	'less-equal-greater';

CREATE FUNCTION orgsync.license_header_hash(orgsync.license_header) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_license_header_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_hash(orgsync.license_header) IS 'hash';

CREATE FUNCTION orgsync.license_header_hash_extended(orgsync.license_header, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'orgsync_license_header_hash_extended'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_hash_extended(orgsync.license_header, bigint) IS
	'hash with a seed';

-- Operators stand in pg_catalog: were they in orgsync, then without that schema in the
-- search_path a comparison would fall back to text's and mind the case.

CREATE OPERATOR pg_catalog.= (
	FUNCTION = orgsync.license_header_eq,
	LEFTARG = orgsync.license_header, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR pg_catalog.= (orgsync.license_header, orgsync.license_header) IS
	'equal, without regard to ASCII case';

CREATE OPERATOR pg_catalog.<> (
	FUNCTION = orgsync.license_header_ne,
	LEFTARG = orgsync.license_header, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (orgsync.license_header, orgsync.license_header) IS
	'not equal, without regard to ASCII case';

CREATE OPERATOR pg_catalog.< (
	FUNCTION = orgsync.license_header_lt,
	LEFTARG = orgsync.license_header, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (orgsync.license_header, orgsync.license_header) IS
	'less than, without regard to ASCII case';

CREATE OPERATOR pg_catalog.<= (
	FUNCTION = orgsync.license_header_le,
	LEFTARG = orgsync.license_header, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (orgsync.license_header, orgsync.license_header) IS
	'less than or equal, without regard to ASCII case';

CREATE OPERATOR pg_catalog.> (
	FUNCTION = orgsync.license_header_gt,
	LEFTARG = orgsync.license_header, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (orgsync.license_header, orgsync.license_header) IS
	'greater than, without regard to ASCII case';

CREATE OPERATOR pg_catalog.>= (
	FUNCTION = orgsync.license_header_ge,
	LEFTARG = orgsync.license_header, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (orgsync.license_header, orgsync.license_header) IS
	'greater than or equal, without regard to ASCII case';

CREATE OPERATOR FAMILY orgsync.license_header_ops USING btree;
COMMENT ON OPERATOR FAMILY orgsync.license_header_ops USING btree IS
	'license_header in the order of its lower-case form';

CREATE OPERATOR CLASS orgsync.license_header_ops DEFAULT FOR TYPE orgsync.license_header
	USING btree FAMILY orgsync.license_header_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 1 orgsync.license_header_cmp(orgsync.license_header, orgsync.license_header);
COMMENT ON OPERATOR CLASS orgsync.license_header_ops USING btree IS
	'license_header in the order of its lower-case form';

CREATE OPERATOR FAMILY orgsync.license_header_ops USING hash;
COMMENT ON OPERATOR FAMILY orgsync.license_header_ops USING hash IS
	'license_header hashed without regard to case';

CREATE OPERATOR CLASS orgsync.license_header_ops DEFAULT FOR TYPE orgsync.license_header
	USING hash FAMILY orgsync.license_header_ops AS
	OPERATOR 1 pg_catalog.=,
	FUNCTION 1 orgsync.license_header_hash(orgsync.license_header),
	FUNCTION 2 orgsync.license_header_hash_extended(orgsync.license_header, bigint);
COMMENT ON OPERATOR CLASS orgsync.license_header_ops USING hash IS
	'license_header hashed without regard to case';

-- With text: a join or a parameter of type text compares the same way.

CREATE FUNCTION orgsync.license_header_eq(orgsync.license_header, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_eq(orgsync.license_header, text) IS
	'implementation of operator =';

CREATE FUNCTION orgsync.license_header_ne(orgsync.license_header, text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_ne(orgsync.license_header, text) IS
	'implementation of operator <>';

CREATE FUNCTION orgsync.license_header_eq(text, orgsync.license_header) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_eq(text, orgsync.license_header) IS
	'implementation of operator =';

CREATE FUNCTION orgsync.license_header_ne(text, orgsync.license_header) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_license_header_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.license_header_ne(text, orgsync.license_header) IS
	'implementation of operator <>';

CREATE OPERATOR pg_catalog.= (
	FUNCTION = orgsync.license_header_eq, LEFTARG = orgsync.license_header, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (orgsync.license_header, text) IS
	'equal, without regard to ASCII case';

CREATE OPERATOR pg_catalog.<> (
	FUNCTION = orgsync.license_header_ne, LEFTARG = orgsync.license_header, RIGHTARG = text,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (orgsync.license_header, text) IS
	'not equal, without regard to ASCII case';

CREATE OPERATOR pg_catalog.= (
	FUNCTION = orgsync.license_header_eq, LEFTARG = text, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR pg_catalog.= (text, orgsync.license_header) IS
	'equal, without regard to ASCII case';

CREATE OPERATOR pg_catalog.<> (
	FUNCTION = orgsync.license_header_ne, LEFTARG = text, RIGHTARG = orgsync.license_header,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (text, orgsync.license_header) IS
	'not equal, without regard to ASCII case';

