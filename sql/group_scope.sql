-- group_scope: the vendor's notation, canonical form, set comparison
SET search_path = public, orgsync;

-- what can be written, and how it is kept
SELECT n, quote_literal(input) AS input, input::group_scope AS scope, groups(input::group_scope)
FROM (VALUES
	(1, 'no'),
	(2, 'yes'),
	(3, ' YES '),
	(4, 'No;'),
	(5, 'group:Group1'),
	(6, 'group:Group1 group:Group2'),
	(7, 'group:Group2 group:Group1'),
	(8, 'group:sample; groupone; group:sample; grouptwo'),
	(9, 'group:samplegroupone'),
	(10, 'group:sample groupone'),
	(11, 'GROUP:HR Group:Sales'),
	(12, 'group:HR group:hr group:Hr'),
	(13, E'  group: Sales   Team\t;group:HR ;'),
	(14, 'group:A;group:B'),
	(15, 'group:yes'),
	(16, 'group:Zürich group:Bern'),
	(17, E'group:A\u00A0group:B'),
	(18, 'group:group:A'),
	(19, 'group:a group:B group:A group:C group:b group:AB')
) AS good(n, input)
ORDER BY n;

-- what cannot
CREATE FUNCTION pg_temp.try_scope(scope text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT %L::orgsync.group_scope', scope);
	RETURN 'accepted';
EXCEPTION WHEN invalid_text_representation THEN
	RETURN 'refused';
END $$;

SELECT n, quote_literal(input) AS input, pg_temp.try_scope(input) AS result
FROM (VALUES
	(1, ''),
	(2, ' ; '),
	(3, 'true'),
	(4, '1'),
	(5, 'yes no'),
	(6, 'HR'),
	(7, 'HR group:Sales'),
	(8, 'yes group:Sales'),
	(9, 'group:'),
	(10, 'group: ;'),
	(11, 'group:A group:'),
	(12, 'group: group:A'),
	(13, 'xgroup:A'),
	(14, 'group/A'),
	(15, E'group:A\nB')
) AS bad(n, input)
ORDER BY n;

-- the whole message, from input and from the cast
SELECT ''::group_scope;
SELECT group_scope('Sales'::text);

-- the canonical form is input for itself
SELECT input::group_scope::text::group_scope::text = input::group_scope::text AS stable
FROM (VALUES ('no'), ('YES'), ('group:b  b;group:A'), ('group:group:x group:y')) AS scopes(input);

-- comparison: the same groups, whatever the order and the case
SELECT n, a = b AS eq, a <> b AS ne,
	   a < b AS lt, a <= b AS le,
	   a > b AS gt, a >= b AS ge,
	   sign(group_scope_cmp(a, b)) AS cmp,
	   group_scope_hash(a) = group_scope_hash(b) AS same_hash,
	   group_scope_hash_extended(a, 42) = group_scope_hash_extended(b, 42) AS same_hash_extended
FROM (VALUES
	(1, 'yes'::group_scope, 'YES'::group_scope),
	(2, 'no', 'yes'),
	(3, 'group:HR group:Sales', 'group:sales;group:hr'),
	(4, 'group:HR group:HR', 'group:hr'),
	(5, 'group:HR', 'group:HR group:Sales'),
	(6, 'group:yes', 'yes')
) AS pairs(n, a, b)
ORDER BY n;

-- containment
SELECT a AS "@>", a::group_scope @> 'yes' AS "yes", a::group_scope @> 'no' AS "no",
	   a::group_scope @> 'group:a' AS "group:a", a::group_scope @> 'group:B group:A' AS "group:B group:A",
	   a::group_scope @> 'group:C' AS "group:C"
FROM (VALUES ('yes'), ('no'), ('group:A'), ('group:A group:b'), ('group:a group:B group:c'), ('group:AA')) AS scopes(a);
SELECT count(*) AS disagreements
FROM (VALUES ('yes'::group_scope), ('no'), ('group:A'), ('group:A group:b'), ('group:c')) AS a(scope),
	 (VALUES ('yes'::group_scope), ('no'), ('group:A'), ('group:A group:b'), ('group:c')) AS b(scope)
WHERE (a.scope @> b.scope) <> (b.scope <@ a.scope)
   OR (a.scope @> b.scope AND b.scope @> a.scope) <> (a.scope = b.scope);

-- in a table: grouped, unique, found by index
CREATE TABLE group_scope_test (scope group_scope);
INSERT INTO group_scope_test VALUES ('group:HR group:Sales'), ('group:sales group:hr'), ('yes'), ('YES'::text), ('no'::varchar);
SELECT lower(scope) AS scope, count(*) FROM group_scope_test GROUP BY group_scope_test.scope ORDER BY group_scope_test.scope;
SELECT count(*) FROM group_scope_test WHERE scope = 'group:SALES;group:HR';
TRUNCATE group_scope_test;
CREATE UNIQUE INDEX ON group_scope_test (scope);
INSERT INTO group_scope_test SELECT ('group:G' || i)::group_scope FROM generate_series(1, 100) i;
INSERT INTO group_scope_test VALUES ('Group:g7');
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM group_scope_test WHERE scope = 'group:g7';
SELECT * FROM group_scope_test WHERE scope = 'group:g7';
RESET enable_seqscan;

-- the operators are found without orgsync in the search_path
RESET search_path;
SELECT * FROM group_scope_test WHERE scope = 'group:g7';
SELECT * FROM group_scope_test WHERE scope <@ 'group:g8 group:x group:g7' ORDER BY scope;
SET search_path = public, orgsync;

-- as text
SELECT scope::text, length(scope), scope LIKE 'group:G7%' AS matches FROM group_scope_test WHERE scope = 'group:G77';
SELECT group_scope_send('group:B group:A') = convert_to('group:A group:B', 'UTF8') AS same_bytes;

CREATE TABLE group_scope_text AS SELECT 'group:b;group:A'::text AS scope;
CREATE TABLE group_scope_copy (scope group_scope);
\copy group_scope_text TO PROGRAM 'cat > "$PG_ABS_BUILDDIR/results/group_scope.binary"' (FORMAT binary)
\copy group_scope_copy FROM PROGRAM 'cat "$PG_ABS_BUILDDIR/results/group_scope.binary"' (FORMAT binary)
SELECT scope FROM group_scope_copy;

-- long lists
SELECT cardinality(groups(scope)) AS groups, scope @> 'group:g500 group:G1' AS contains, scope @> 'group:G1001' AS contains_not
FROM (SELECT string_agg('group:G' || i % 1000, ' ')::group_scope AS scope FROM generate_series(1, 3000) i) AS long;

DROP TABLE group_scope_test, group_scope_text, group_scope_copy;
