-- The type group_scope: how far an admin permission reaches.

CREATE TYPE orgsync.group_scope;

CREATE FUNCTION orgsync.group_scope_in(cstring) RETURNS orgsync.group_scope
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_in(cstring) IS 'I/O';

CREATE FUNCTION orgsync.group_scope_out(orgsync.group_scope) RETURNS cstring
	AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_out(orgsync.group_scope) IS 'I/O';

CREATE FUNCTION orgsync.group_scope_recv(internal) RETURNS orgsync.group_scope
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_recv(internal) IS 'I/O';

CREATE FUNCTION orgsync.group_scope_send(orgsync.group_scope) RETURNS bytea
	AS 'textsend' LANGUAGE internal STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_send(orgsync.group_scope) IS 'I/O';

CREATE TYPE orgsync.group_scope (
	INPUT = orgsync.group_scope_in,
	OUTPUT = orgsync.group_scope_out,
	RECEIVE = orgsync.group_scope_recv,
	SEND = orgsync.group_scope_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended,
	CATEGORY = 'S'
);
COMMENT ON TYPE orgsync.group_scope IS
	'reach of a permission: no, yes, or a list as in group:A group:B, kept sorted and without repetitions; equal without regard to ASCII case';

CREATE FUNCTION orgsync.group_scope(text) RETURNS orgsync.group_scope
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_from_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope(text) IS
	'reach in the vendor''s notation; raises 22P02 if it cannot be read';

-- With a function, though it is stored alike: see email_address.sql on LIKE.
CREATE FUNCTION orgsync.text(orgsync.group_scope) RETURNS text
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_to_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF;
COMMENT ON FUNCTION orgsync.text(orgsync.group_scope) IS 'reach in the vendor''s notation, as it is stored';
CREATE CAST (orgsync.group_scope AS text) WITH FUNCTION orgsync.text(orgsync.group_scope) AS IMPLICIT;
COMMENT ON CAST (orgsync.group_scope AS text) IS 'the text as it is stored';
CREATE CAST (text AS orgsync.group_scope) WITH FUNCTION orgsync.group_scope(text) AS ASSIGNMENT;
COMMENT ON CAST (text AS orgsync.group_scope) IS
	'reach in the vendor''s notation; raises 22P02 if it cannot be read';
CREATE CAST (varchar AS orgsync.group_scope) WITH FUNCTION orgsync.group_scope(text) AS ASSIGNMENT;
COMMENT ON CAST (varchar AS orgsync.group_scope) IS
	'reach in the vendor''s notation; raises 22P02 if it cannot be read';

CREATE FUNCTION orgsync.groups(orgsync.group_scope) RETURNS text[]
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_groups' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.groups(orgsync.group_scope) IS
	'names of the groups that a permission is limited to; {} for no, NULL for yes, which is every group';

CREATE FUNCTION orgsync.group_scope_contains(orgsync.group_scope, orgsync.group_scope)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_contains' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_contains(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator @>';

CREATE FUNCTION orgsync.group_scope_contained(orgsync.group_scope, orgsync.group_scope)
	RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_contained' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_contained(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator <@';

-- Operators stand in pg_catalog: were they in orgsync, then without that schema in the
-- search_path a comparison would fall back to text's and mind the case.

CREATE OPERATOR pg_catalog.@> (
	FUNCTION = orgsync.group_scope_contains,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.<@), RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR pg_catalog.@> (orgsync.group_scope, orgsync.group_scope) IS
	'reaches all groups that the other reaches; yes contains everything, no contains only no';

CREATE OPERATOR pg_catalog.<@ (
	FUNCTION = orgsync.group_scope_contained,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.@>), RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR pg_catalog.<@ (orgsync.group_scope, orgsync.group_scope) IS
	'reaches no group that the other does not reach';

CREATE FUNCTION orgsync.group_scope_eq(orgsync.group_scope, orgsync.group_scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_eq(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator =';

CREATE FUNCTION orgsync.group_scope_ne(orgsync.group_scope, orgsync.group_scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_ne(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator <>';

CREATE FUNCTION orgsync.group_scope_lt(orgsync.group_scope, orgsync.group_scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_lt(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator <';

CREATE FUNCTION orgsync.group_scope_le(orgsync.group_scope, orgsync.group_scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_le(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator <=';

CREATE FUNCTION orgsync.group_scope_gt(orgsync.group_scope, orgsync.group_scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_gt(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator >';

CREATE FUNCTION orgsync.group_scope_ge(orgsync.group_scope, orgsync.group_scope) RETURNS boolean
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_ge(orgsync.group_scope, orgsync.group_scope) IS
	'implementation of operator >=';

CREATE FUNCTION orgsync.group_scope_cmp(orgsync.group_scope, orgsync.group_scope) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_cmp(orgsync.group_scope, orgsync.group_scope) IS
	'less-equal-greater';

CREATE FUNCTION orgsync.group_scope_hash(orgsync.group_scope) RETURNS integer
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_hash(orgsync.group_scope) IS 'hash';

CREATE FUNCTION orgsync.group_scope_hash_extended(orgsync.group_scope, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'orgsync_group_scope_hash_extended'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.group_scope_hash_extended(orgsync.group_scope, bigint) IS
	'hash with a seed';

CREATE OPERATOR pg_catalog.= (
	FUNCTION = orgsync.group_scope_eq,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.=), NEGATOR = OPERATOR(pg_catalog.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR pg_catalog.= (orgsync.group_scope, orgsync.group_scope) IS
	'equal, the same groups without regard to ASCII case';

CREATE OPERATOR pg_catalog.<> (
	FUNCTION = orgsync.group_scope_ne,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.<>), NEGATOR = OPERATOR(pg_catalog.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR pg_catalog.<> (orgsync.group_scope, orgsync.group_scope) IS
	'not equal, the same groups without regard to ASCII case';

CREATE OPERATOR pg_catalog.< (
	FUNCTION = orgsync.group_scope_lt,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.>), NEGATOR = OPERATOR(pg_catalog.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR pg_catalog.< (orgsync.group_scope, orgsync.group_scope) IS
	'less than, the same groups without regard to ASCII case';

CREATE OPERATOR pg_catalog.<= (
	FUNCTION = orgsync.group_scope_le,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.>=), NEGATOR = OPERATOR(pg_catalog.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR pg_catalog.<= (orgsync.group_scope, orgsync.group_scope) IS
	'less than or equal, the same groups without regard to ASCII case';

CREATE OPERATOR pg_catalog.> (
	FUNCTION = orgsync.group_scope_gt,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.<), NEGATOR = OPERATOR(pg_catalog.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR pg_catalog.> (orgsync.group_scope, orgsync.group_scope) IS
	'greater than, the same groups without regard to ASCII case';

CREATE OPERATOR pg_catalog.>= (
	FUNCTION = orgsync.group_scope_ge,
	LEFTARG = orgsync.group_scope, RIGHTARG = orgsync.group_scope,
	COMMUTATOR = OPERATOR(pg_catalog.<=), NEGATOR = OPERATOR(pg_catalog.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR pg_catalog.>= (orgsync.group_scope, orgsync.group_scope) IS
	'greater than or equal, the same groups without regard to ASCII case';

CREATE OPERATOR FAMILY orgsync.group_scope_ops USING btree;
COMMENT ON OPERATOR FAMILY orgsync.group_scope_ops USING btree IS
	'group_scope in the order of its lower-case form';

CREATE OPERATOR CLASS orgsync.group_scope_ops DEFAULT FOR TYPE orgsync.group_scope
	USING btree FAMILY orgsync.group_scope_ops AS
	OPERATOR 1 pg_catalog.<,
	OPERATOR 2 pg_catalog.<=,
	OPERATOR 3 pg_catalog.=,
	OPERATOR 4 pg_catalog.>=,
	OPERATOR 5 pg_catalog.>,
	FUNCTION 1 orgsync.group_scope_cmp(orgsync.group_scope, orgsync.group_scope);
COMMENT ON OPERATOR CLASS orgsync.group_scope_ops USING btree IS
	'group_scope in the order of its lower-case form';

CREATE OPERATOR FAMILY orgsync.group_scope_ops USING hash;
COMMENT ON OPERATOR FAMILY orgsync.group_scope_ops USING hash IS
	'group_scope hashed without regard to case';

CREATE OPERATOR CLASS orgsync.group_scope_ops DEFAULT FOR TYPE orgsync.group_scope
	USING hash FAMILY orgsync.group_scope_ops AS
	OPERATOR 1 pg_catalog.=,
	FUNCTION 1 orgsync.group_scope_hash(orgsync.group_scope),
	FUNCTION 2 orgsync.group_scope_hash_extended(orgsync.group_scope, bigint);
COMMENT ON OPERATOR CLASS orgsync.group_scope_ops USING hash IS
	'group_scope hashed without regard to case';

