--
-- orgsync.email_address: input, comparison, indexes, joins, sorting
--

-- what the input function, and the cast from text, say to a string
CREATE FUNCTION pg_temp.try_email(address text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	cast_state text := 'accepted';
BEGIN
	BEGIN
		PERFORM address::orgsync.email_address;
	EXCEPTION WHEN OTHERS THEN
		cast_state := SQLSTATE;
	END;
	EXECUTE format('SELECT %L::orgsync.email_address', address) INTO detail;
	RETURN cast_state || CASE detail WHEN address THEN ', kept as it is' ELSE ', CHANGED' END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE, 'but cast says ' || nullif(cast_state, SQLSTATE), detail);
END $$;

-- good addresses
SELECT n, address, pg_temp.try_email(address)
FROM (VALUES
	(1, 'ada@example.com'),
	(2, 'Ada.Lovelace@Example.COM'),
	(3, 'a@b.co'),
	(4, 'ada+learning@example.com'),
	(5, '+@example.com'),
	(6, 'o''brien@example.com'),
	(7, '!#$%&*+-/=?^_`{|}~@example.com'),
	(8, '-ada-@example.com'),
	(9, '1@2.3'),
	(10, 'ada@mail.eu-west.example.com'),
	(11, 'ada@xn--mnchen-3ya.example'),
	(12, 'ada@a--b.example'),
	(13, E'j\xc3\xbcrgen@m\xc3\xbcnchen.example'),
	(14, E'\xe6\x9d\x8e@\xe4\xbe\x8b.example'),
	(15, E'\xc2\xa1\xc3\xa0\xe2\x82\xac\xe3\x81\x80@example.com')
) AS good (n, address) ORDER BY n;

-- bad addresses
SELECT n, address, pg_temp.try_email(address)
FROM (VALUES
	(1, ''),
	(2, ' '),
	(3, ' ada@example.com'),
	(4, 'ada@example.com '),
	(5, 'ada lovelace@example.com'),
	(6, 'Ada Lovelace <ada@example.com>'),
	(7, '<ada@example.com>'),
	(8, 'mailto:ada@example.com'),
	(9, 'ada@example.com,eve@example.com'),
	(10, 'ada@example.com;eve@example.com'),
	(11, 'ada'),
	(12, 'example.com'),
	(13, '@'),
	(14, '@example.com'),
	(15, 'ada@'),
	(16, 'ada@@example.com'),
	(17, 'ada@example@com'),
	(18, 'ada@localhost'),
	(19, '.ada@example.com'),
	(20, 'ada.@example.com'),
	(21, 'a..b@example.com'),
	(22, '.@example.com'),
	(23, '"ada"@example.com'),
	(24, 'a"da@example.com'),
	(25, 'a(da)@example.com'),
	(26, 'a\da@example.com'),
	(27, 'a,b@example.com'),
	(28, 'a;b@example.com'),
	(29, 'a[b]@example.com'),
	(30, 'ada@[192.0.2.1]'),
	(31, 'ada@.example.com'),
	(32, 'ada@example.com.'),
	(33, 'ada@example..com'),
	(34, 'ada@-example.com'),
	(35, 'ada@example-.com'),
	(36, 'ada@example.-com'),
	(37, 'ada@example.com-'),
	(38, 'ada@exa_mple.com'),
	(39, 'ada@exa+mple.com'),
	(40, 'ada@.'),
	(41, 'ada@example/com')
) AS bad (n, address) ORDER BY n;

-- blanks and control characters that do not show
SELECT n, what, pg_temp.try_email(address)
FROM (VALUES
	(1, 'tab', E'ada\t@example.com'),
	(2, 'line feed at the end', E'ada@example.com\n'),
	(3, 'carriage return at the end', E'ada@example.com\r'),
	(4, 'escape', E'\x1b' || 'ada@example.com'),
	(5, 'delete', E'ada@example.com\x7f'),
	(6, 'U+0080', E'ada@example.com\xc2\x80'),
	(7, 'no-break space at the end', E'ada@example.com\xc2\xa0'),
	(8, 'soft hyphen', E'ada@exam\xc2\xadple.com'),
	(9, 'ogham space', E'a\xe1\x9a\x80@example.com'),
	(10, 'en quad', E'\xe2\x80\x80@example.com'),
	(11, 'zero width space', E'\xe2\x80\x8b' || 'ada@example.com'),
	(12, 'right-to-left mark at the end', E'ada@example.com\xe2\x80\x8f'),
	(13, 'line separator', E'ada\xe2\x80\xa8@example.com'),
	(14, 'narrow no-break space', E'ada\xe2\x80\xaf@example.com'),
	(15, 'word joiner', E'ada\xe2\x81\xa0@example.com'),
	(16, 'ideographic space', E'ada@\xe3\x80\x80' || 'example.com'),
	(17, 'byte order mark', E'\xef\xbb\xbf' || 'ada@example.com'),
	(18, 'en dash: no blank', E'a\xe2\x80\x93z@example.com')
) AS blank (n, what, address) ORDER BY n;

-- edges of length: 64 and 65 bytes before the at sign, labels of 63 and 64, 254 and 255 in all
SELECT n, octet_length(address) AS bytes, pg_temp.try_email(address)
FROM (VALUES
	(1, repeat('a', 64) || '@example.com'),
	(2, repeat('a', 65) || '@example.com'),
	(3, repeat(E'\xc3\xa4', 32) || '@example.com'),
	(4, repeat(E'\xc3\xa4', 32) || 'a@example.com'),
	(5, 'ada@' || repeat('a', 63) || '.com'),
	(6, 'ada@' || repeat('a', 64) || '.com'),
	(7, 'ada@example.' || repeat('a', 64)),
	(8, repeat('a', 64) || '@' || repeat(repeat('b', 62) || '.', 3)),
	(9, repeat('a', 64) || '@' || repeat(repeat('b', 61) || '.', 3) || 'com'),
	(10, repeat('a', 62) || '@' || repeat(repeat('b', 62) || '.', 3) || 'de'),
	(11, repeat('a', 63) || '@' || repeat(repeat('b', 62) || '.', 3) || 'de'),
	(12, repeat('a', 100000) || '@example.com')
) AS edge (n, address) ORDER BY n;

-- the whole message, by input, casts, assignment and COPY
SELECT 'Ada Lovelace <ada@example.com>'::orgsync.email_address;
SELECT 'ada'::text::orgsync.email_address;
SELECT orgsync.email_address('ada@localhost'::varchar);
CREATE TEMP TABLE people (
	id integer GENERATED ALWAYS AS IDENTITY,
	e orgsync.email_address,
	t text,
	v varchar(60)
);
INSERT INTO people (e) SELECT ' ada@example.com'::text;
COPY people (e) FROM stdin;
ada@example.com
ada@
\.
SELECT count(*) FROM people;

-- soft errors, where the server has them
DO $$
DECLARE
	valid boolean;
BEGIN
	IF current_setting('server_version_num')::integer >= 160000 THEN
		EXECUTE $q$SELECT pg_input_is_valid('ada@', 'orgsync.email_address')$q$ INTO valid;
		ASSERT NOT valid;
		EXECUTE $q$SELECT pg_input_is_valid('ada@b.co', 'orgsync.email_address')$q$ INTO valid;
		ASSERT valid;
	END IF;
END $$;

-- parts and the key of the duplicate rule
SELECT n, e, orgsync.local_part(e), orgsync.domain(e), orgsync.canonical(e)
FROM (VALUES
	(1, 'ada@example.com'::orgsync.email_address),
	(2, 'Ada.Lovelace@Example.COM'),
	(3, 'ada+learning@example.com'),
	(4, 'A.d.A+Learning.And+more@Example.com'),
	(5, '+tag.Two+three@example.com'),
	(6, '+@example.com'),
	(7, 'a+@example.com'),
	(8, 'a.b.c.d@mail.example.com'),
	(9, E'J\xc3\x9crgen.X@M\xc3\xbcnchen.example')
) AS part (n, e) ORDER BY n;

-- comparison, of each kind of argument: case is of no account, the rest is by bytes
SELECT n, a, b,
	orgsync.email_address_cmp(a, b) AS cmp,
	concat_ws(' ', CASE WHEN a = b THEN '=' END, CASE WHEN a <> b THEN '<>' END,
		CASE WHEN a < b THEN '<' END, CASE WHEN a <= b THEN '<=' END,
		CASE WHEN a > b THEN '>' END, CASE WHEN a >= b THEN '>=' END) AS two_addresses,
	concat_ws(' ', CASE WHEN a = t THEN '=' END, CASE WHEN a <> t THEN '<>' END,
		CASE WHEN a < t THEN '<' END, CASE WHEN a <= t THEN '<=' END,
		CASE WHEN a > t THEN '>' END, CASE WHEN a >= t THEN '>=' END) AS with_text,
	concat_ws(' ', CASE WHEN v = a THEN '=' END, CASE WHEN v <> a THEN '<>' END,
		CASE WHEN v < a THEN '<' END, CASE WHEN v <= a THEN '<=' END,
		CASE WHEN v > a THEN '>' END, CASE WHEN v >= a THEN '>=' END) AS varchar_with_it
FROM (VALUES
	(1, 'ada@example.com'::orgsync.email_address, 'ADA@Example.COM'::orgsync.email_address),
	(2, 'ada@example.com', 'adb@example.com'),
	(3, 'ada@example.com', 'ADB@example.com'),
	(4, 'ADB@example.com', 'ada@example.com'),
	(5, 'a@b.co', 'A@B.com'),
	(6, 'a@b.com', 'a@b.co'),
	(7, 'a_b@example.com', 'aab@example.com'),
	(8, 'a_b@example.com', 'AAB@example.com'),
	(9, 'a@b.zzz', E'\xc3\xa4@b.co'),
	(10, E'\xc3\xa4@b.co', E'\xc3\x84@b.co'),
	(11, 'long.common.prefix.z@example.com', 'Long.Common.Prefix.Z@example.com'),
	(12, 'long.common.prefix.y@example.com', 'Long.Common.Prefix.Z@example.com')
) AS pair (n, a, b), LATERAL (SELECT b::text, b::varchar) AS texts (t, v)
ORDER BY n;

-- every printable byte folds as lower() COLLATE "C" does, at every place in a word of eight bytes
SELECT count(*) AS pairs, count(*) FILTER (WHERE orgsync.email_address_cmp(a, b) <>
	CASE WHEN lower(a COLLATE "C") < lower(b COLLATE "C") THEN -1
		WHEN lower(a COLLATE "C") > lower(b COLLATE "C") THEN 1 ELSE 0 END) AS wrong
FROM generate_series(0, 16) AS before, unnest('{0,1,7,9}'::integer[]) AS after,
	generate_series(33, 126) AS x, generate_series(33, 126, 3) AS y,
	LATERAL (SELECT repeat('k', before) || chr(x) || repeat('k', after),
		repeat('K', before) || chr(y) || repeat('k', after)) AS words (a, b);
SELECT orgsync.email_address_cmp('', ''), orgsync.email_address_cmp('', 'A'),
	orgsync.email_address_cmp('a', '');

-- operators of the family for text alone go by names of their own; = of text is untouched
SELECT n, a OPERATOR(orgsync.=*) b AS "=*", a OPERATOR(orgsync.<>*) b AS "<>*",
	a OPERATOR(orgsync.<*) b AS "<*", a OPERATOR(orgsync.<=*) b AS "<=*",
	a OPERATOR(orgsync.>*) b AS ">*", a OPERATOR(orgsync.>=*) b AS ">=*", a = b AS "="
FROM (VALUES (1, 'Any Text', 'any text'), (2, 'B', 'a'), (3, 'a', 'B')) AS texts (n, a, b)
ORDER BY n;

-- what other types and literals compare as, whatever the search_path
CREATE DOMAIN pg_temp.work_email AS orgsync.email_address CHECK (orgsync.domain(VALUE) = 'B.co');
CREATE DOMAIN pg_temp.short_text AS text;
BEGIN;
SET LOCAL search_path = pg_catalog;
SELECT e = 'a@b.co' AS literal, e = 'a@b.co'::text AS text, e = 'a@b.co'::varchar(10) AS varchar,
	e = 'a@b.co'::char(10) AS char, e = 'a@b.co'::pg_temp.short_text AS domain,
	e::pg_temp.work_email = 'a@b.co'::varchar AS domain_varchar,
	e::pg_temp.work_email = 'a@b.co'::pg_temp.short_text AS two_domains,
	'a@b.co'::varchar = e AS commuted, e IN ('x@b.co', 'a@b.co') AS in_list,
	e = ANY ('{a@b.co}'::text[]) AS any_text, e = ANY ('{a@b.co}'::varchar[]) AS any_varchar,
	e IS DISTINCT FROM 'a@b.co'::text AS is_distinct, nullif(e, 'a@b.co'::text) AS "nullif",
	e BETWEEN 'a@a.co'::text AND 'a@c.co'::varchar AS between,
	CASE e WHEN 'a@b.co'::text THEN true END AS case_when
FROM (VALUES ('A@B.co'::orgsync.email_address)) AS v (e);
COMMIT;
SELECT 'A'::text = 'a' AS text, 'A'::varchar = 'a' AS varchar, 'A' = 'a' AS literals,
	'A'::name = 'a' AS name, 'A'::text = 'a'::name AS text_name, 'A'::char(2) = 'a' AS char;
SELECT 'Ada@b.co'::orgsync.email_address = 'ada';

-- text functions and operators take an address as text, with regard to case
SELECT e LIKE 'A%' AS "like", e LIKE 'a%' AS like_lower, e ILIKE 'a%' AS "ilike",
	e ~ '^A' AS regexp, lower(e), upper(e), length(e),
	e || '!' AS appended, '!' || e AS prepended, e || e AS both, e || 1 AS number,
	split_part(e, '@', 2), to_jsonb(e), e::text = 'ada@b.co' AS as_text
FROM (VALUES ('Ada@B.co'::orgsync.email_address)) AS v (e);
SELECT pg_typeof(coalesce(e, 'x'::text)), pg_typeof(coalesce(e, 'x@y.co')), pg_typeof(e || 'x')
FROM (VALUES ('Ada@B.co'::orgsync.email_address)) AS v (e);

-- casts and assignments; an address that does not fit varchar(n) is refused, not cut
INSERT INTO people (e, t, v) VALUES ('Ada@Example.com', 'ADA@example.com'::orgsync.email_address,
	'ada@EXAMPLE.com'::orgsync.email_address);
UPDATE people SET e = t WHERE e = t RETURNING e, t, v;
UPDATE people SET e = v WHERE v = e RETURNING e, t, v;
CREATE TEMP TABLE narrow (v varchar(5));
INSERT INTO narrow SELECT e FROM people;
SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod FROM pg_cast
WHERE 'orgsync.email_address'::regtype IN (castsource, casttarget) ORDER BY 1, 2;

-- DISTINCT, GROUP BY, UNION, by sort and by hash
CREATE TEMP TABLE spelling (e orgsync.email_address);
INSERT INTO spelling VALUES ('a@b.co'), ('A@b.co'), ('a@B.co'), ('b@b.co'), ('B@B.CO'), (NULL);
SET enable_hashagg = off;
SELECT lower(e), count(*) FROM (SELECT DISTINCT e FROM spelling) AS s GROUP BY lower(e) ORDER BY 1;
SELECT lower(min(e::text)), count(*) FROM spelling GROUP BY e ORDER BY 1;
SET enable_hashagg = on;
SET enable_sort = off;
SELECT lower(min(e::text)), count(*) FROM spelling GROUP BY e ORDER BY 1;
SELECT count(*) FROM (SELECT e FROM spelling UNION SELECT e FROM spelling) AS s;
SELECT count(DISTINCT e), count(DISTINCT e::text) FROM spelling;
RESET enable_sort;
RESET enable_hashagg;

-- hashes: equal for equal values of either type; the 64-bit one agrees with the 32-bit one
SELECT count(DISTINCT h), count(DISTINCT x),
	bool_and(x & 4294967295 = h::bigint & 4294967295) AS agree
FROM (SELECT orgsync.email_address_hash(e), orgsync.email_address_hash_extended(e, 0)
	FROM spelling WHERE e = 'a@b.co'
	UNION ALL
	SELECT orgsync.email_address_hash(e::text), orgsync.email_address_hash_extended(e::text, 0)
	FROM spelling WHERE e = 'a@b.co') AS hashes (h, x);
SELECT count(DISTINCT orgsync.email_address_hash(a || repeat('z', n))) AS hashes,
	count(DISTINCT orgsync.email_address_hash_extended(a || repeat('z', n), 42)) AS seeded,
	count(*) FILTER (WHERE orgsync.email_address_hash_extended(a || repeat('z', n), 42)
		= orgsync.email_address_hash_extended(a || repeat('z', n), 43)) AS seed_ignored
FROM unnest('{x,X}'::text[]) AS a, generate_series(250, 260) AS n;

-- unique index
CREATE TEMP TABLE member (e orgsync.email_address PRIMARY KEY, t text, v varchar);
INSERT INTO member VALUES ('Ada@Example.com', 'ADA@example.com', 'ada@EXAMPLE.com');
INSERT INTO member VALUES ('ada@example.com');
INSERT INTO member VALUES ('ada@EXAMPLE.COM', 'new') 
ON CONFLICT (e) DO UPDATE SET t = member.t || ' ' || excluded.t RETURNING *;
INSERT INTO member VALUES ('ada@EXAMPLE.COM') ON CONFLICT DO NOTHING RETURNING *;
INSERT INTO member
SELECT 'User' || i || '@Example.com', 'user' || i || '@EXAMPLE.com', 'USER' || i || '@example.com'
FROM generate_series(1, 500) AS i;
CREATE TEMP TABLE reference (
	e orgsync.email_address REFERENCES member ON UPDATE CASCADE ON DELETE CASCADE
);
INSERT INTO reference VALUES ('USER7@example.com');
INSERT INTO reference VALUES ('nobody@example.com');
UPDATE member SET e = 'USER7@EXAMPLE.COM' WHERE e = 'user7@example.com';
UPDATE member SET e = 'seven@EXAMPLE.COM' WHERE e = 'user7@example.com';
SELECT * FROM reference;
DELETE FROM member WHERE e = 'SEVEN@example.com'::text;
SELECT * FROM reference;
ANALYZE member;

-- index use with parameters and columns of each type
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET plan_cache_mode = force_generic_plan;
PREPARE by_email (orgsync.email_address) AS SELECT t FROM member WHERE e = $1;
PREPARE by_text (text) AS SELECT t FROM member WHERE e = $1;
PREPARE by_varchar (varchar) AS SELECT t FROM member WHERE e = $1;
PREPARE by_unknown AS SELECT t FROM member WHERE e = $1;
PREPARE by_list (text[]) AS SELECT t FROM member WHERE e = ANY ($1);
PREPARE by_range (text, varchar) AS SELECT count(*) FROM member WHERE e >= $1 AND $2 > e;
EXPLAIN (COSTS OFF) EXECUTE by_email ('USER3@example.com');
EXPLAIN (COSTS OFF) EXECUTE by_text ('USER3@example.com');
EXPLAIN (COSTS OFF) EXECUTE by_varchar ('USER3@example.com');
EXPLAIN (COSTS OFF) EXECUTE by_unknown ('USER3@example.com');
EXPLAIN (COSTS OFF) EXECUTE by_list ('{USER3@example.com,nobody}');
EXPLAIN (COSTS OFF) SELECT t FROM member WHERE e = 'user3@example.com';
EXPLAIN (COSTS OFF) SELECT t FROM member WHERE 'user3@example.com'::varchar = e;
EXPLAIN (COSTS OFF) SELECT t FROM member WHERE e = 'user3@example.com'::text COLLATE "C";
EXECUTE by_email ('USER3@example.com');
EXECUTE by_text ('USER3@example.com');
EXECUTE by_varchar ('USER3@example.com');
EXECUTE by_unknown ('USER3@example.com');
EXECUTE by_list ('{USER3@example.com,nobody}');
EXECUTE by_range ('user10', 'User12');
RESET plan_cache_mode;

-- joins with text and varchar: nested loop with the index, hash; two addresses also merge
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_seqscan = on;
EXPLAIN (COSTS OFF) SELECT count(*) FROM member AS a JOIN member AS b ON a.e = b.v;
SELECT count(*) FROM member AS a JOIN member AS b ON a.e = b.v;
SET enable_hashjoin = on;
SET enable_nestloop = off;
SET enable_seqscan = on;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM member AS a JOIN member AS b ON a.e = b.t;
SELECT count(*) FROM member AS a JOIN member AS b ON a.e = b.t;
SELECT count(*) FROM member AS a JOIN member AS b ON b.v = a.e;
SELECT count(*) FROM member AS a FULL JOIN member AS b ON a.e = b.t;
SELECT count(*) FROM member AS a JOIN member AS b USING (e);
SELECT count(*) FROM member WHERE e IN (SELECT t FROM member UNION ALL SELECT v FROM member);
SELECT count(*) FROM member WHERE t NOT IN (SELECT e FROM member);
SELECT count(*) FROM member WHERE e NOT IN (SELECT v FROM member);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
EXPLAIN (COSTS OFF) SELECT count(*) FROM member AS a FULL JOIN member AS b ON a.e = b.e;
SELECT count(*)
FROM member AS a JOIN (SELECT upper(e)::orgsync.email_address AS e FROM member) AS b ON a.e = b.e;
EXPLAIN (COSTS OFF)
SELECT count(*) FROM member AS a JOIN member AS b ON a.t OPERATOR(orgsync.=*) b.v;
SELECT count(*) FROM member AS a JOIN member AS b ON a.t OPERATOR(orgsync.=*) b.v;
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_seqscan;
RESET enable_indexscan;
RESET enable_indexonlyscan;

-- an index on text that addresses use; a hash index; hash and list partitions
CREATE INDEX ON member (v orgsync.email_text_ops);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT t FROM member WHERE v = 'user3@example.com'::orgsync.email_address;
SELECT t FROM member WHERE v = 'user3@example.com'::orgsync.email_address;
CREATE TEMP TABLE hashed (e orgsync.email_address);
INSERT INTO hashed SELECT e FROM member;
CREATE INDEX ON hashed USING hash (e);
EXPLAIN (COSTS OFF) SELECT e FROM hashed WHERE e = 'user3@example.com'::text;
SELECT e FROM hashed WHERE e = 'user3@example.com'::text;
RESET enable_seqscan;
RESET enable_bitmapscan;
CREATE TEMP TABLE parted (e orgsync.email_address) PARTITION BY HASH (e);
CREATE TEMP TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TEMP TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT e FROM member;
SELECT count(*) > 0 AS some_there FROM parted_0;
SELECT count(*) AS found FROM member
WHERE EXISTS (SELECT FROM parted WHERE parted.e = member.v OFFSET 0);
SELECT e FROM parted WHERE e = 'USER3@EXAMPLE.COM'::text;
CREATE TEMP TABLE listed (e orgsync.email_address) PARTITION BY LIST (e);
CREATE TEMP TABLE listed_1 PARTITION OF listed FOR VALUES IN ('a@b.co');
CREATE TEMP TABLE listed_2 PARTITION OF listed FOR VALUES IN ('A@B.CO');

-- an index keeps every spelling apart although they are equal (no deduplication)
CREATE INDEX ON spelling (e);
INSERT INTO spelling SELECT CASE i % 2 WHEN 0 THEN 'c@b.co' ELSE 'C@b.co' END::orgsync.email_address
FROM generate_series(1, 2000) AS i;
VACUUM ANALYZE spelling;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT e FROM spelling WHERE e = 'c@b.co';
SELECT e::text COLLATE "C", count(*) FROM spelling WHERE e = 'c@b.co' GROUP BY 1 ORDER BY 1;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- sorting 100,000 addresses, and text, equals sorting lower() COLLATE "C": keys whose first bytes
-- differ, keys of one beginning, for which the sort gives abbreviation up, and few different keys
CREATE TABLE many AS
SELECT i, s::orgsync.email_address AS mixed, 'few' || i % 7 || s AS few,
	CASE i % 3 WHEN 0 THEN 'E' ELSE 'e' END || 'mployee.number.' || s AS alike
FROM generate_series(1, 100000) AS i, LATERAL (SELECT
	translate(substr(md5(i::text), 1, 1 + i % 13), '0123', E'\xc3\xa4_-z') || '.' || i ||
		CASE i % 4 WHEN 0 THEN '@x.co' ELSE '@x.com' END) AS lower_case (l),
	LATERAL (SELECT CASE i % 3 WHEN 0 THEN upper(l COLLATE "C") WHEN 1 THEN initcap(l COLLATE "C")
		ELSE l END) AS made (s);
UPDATE many SET few = left(few, 4) || substr(few, strpos(few, '@'));
ANALYZE many;

-- in how many places the order of an expression differs from that of its lower case
CREATE FUNCTION pg_temp.misplaced(expression text, direction text DEFAULT 'ASC',
	operator text DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format($q$
		SELECT count(*)
		FROM (SELECT row_number() OVER () AS n, lower(k::text COLLATE "C") AS k
			FROM (SELECT %1$s AS k FROM many ORDER BY %1$s %3$s OFFSET 0) AS s) AS a
		FULL JOIN (SELECT row_number() OVER () AS n, k
			FROM (SELECT lower((%1$s)::text COLLATE "C") AS k FROM many
				ORDER BY lower((%1$s)::text COLLATE "C") %2$s OFFSET 0) AS s) AS b USING (n)
		WHERE a.k IS DISTINCT FROM b.k
	$q$, expression, direction, coalesce(operator, direction)) INTO result;
	RETURN result;
END $$;
SET max_parallel_workers_per_gather = 0;
SET work_mem = '64MB';
SELECT pg_temp.misplaced('mixed') AS mixed,
	pg_temp.misplaced('mixed', 'DESC') AS descending,
	pg_temp.misplaced('alike::orgsync.email_address') AS alike,
	pg_temp.misplaced('few::orgsync.email_address') AS few,
	pg_temp.misplaced('CASE WHEN i % 3 > 0 THEN mixed END') AS with_nulls,
	pg_temp.misplaced('mixed::text', 'ASC', 'USING OPERATOR(orgsync.<*)') AS text,
	pg_temp.misplaced('alike', 'DESC', 'USING OPERATOR(orgsync.>*)') AS text_descending;
SET work_mem = '64kB';
SELECT pg_temp.misplaced('mixed') AS mixed_on_disk,
	pg_temp.misplaced('alike::orgsync.email_address') AS alike_on_disk;
RESET work_mem;
-- the check itself does find a wrong order
SELECT pg_temp.misplaced('mixed::text COLLATE "C"') > 1000 AS found;

-- an index built by such a sort
CREATE UNIQUE INDEX many_mixed ON many (mixed);
VACUUM many;
SET enable_seqscan = off;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT mixed FROM many ORDER BY mixed;
SELECT count(*) AS wrong
FROM (SELECT lower(mixed::text COLLATE "C") AS k,
		lag(lower(mixed::text COLLATE "C")) OVER () AS before
	FROM (SELECT mixed FROM many ORDER BY mixed OFFSET 0) AS s) AS pairs
WHERE k <= before;
RESET enable_sort;
RESET enable_seqscan;
DROP INDEX many_mixed;

-- parallel query
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF)
SELECT count(*) FROM many WHERE mixed < lower(mixed) || 'x' AND orgsync.domain(mixed) >= 'A';
SELECT count(*) FROM many WHERE mixed = lower(mixed::text COLLATE "C");
SELECT count(*) FROM many AS a JOIN many AS b ON a.mixed = upper(b.mixed::text COLLATE "C");
SELECT count(DISTINCT few), count(DISTINCT few::orgsync.email_address) FROM many;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
DROP TABLE many;

-- values that are compressed or out of line
CREATE TEMP TABLE wide (
	n integer, packed orgsync.email_address, apart orgsync.email_address, filler text
);
ALTER TABLE wide ALTER packed SET STORAGE extended;
ALTER TABLE wide ALTER apart SET STORAGE external;
ALTER TABLE wide ALTER filler SET STORAGE plain;
INSERT INTO wide SELECT n, a, a, repeat('x', 2000)
FROM generate_series(1, 9) AS n,
	LATERAL (SELECT repeat(CASE n % 2 WHEN 0 THEN 'a' ELSE 'A' END, 60) || n / 2 || '@' ||
		repeat(repeat('b', 60) || '.', 3) || 'com') AS v (a);
SELECT bool_and(pg_column_size(packed) < octet_length(packed)) AS packed,
	bool_and(pg_column_size(apart) = octet_length(apart)) AS apart,
	bool_and(apart = packed) AS same,
	bool_and(orgsync.canonical(apart) = lower(packed)) AS canonical,
	bool_and(orgsync.domain(packed) = orgsync.domain(apart)) AS domain,
	bool_and(orgsync.email_address_send(apart) = textsend(packed)) AS send FROM wide;
SELECT array_agg(n ORDER BY packed, n) = array_agg(n ORDER BY apart, n) AS same_order,
	count(DISTINCT packed), count(DISTINCT orgsync.email_address_hash(apart)) AS hashes FROM wide;
CREATE INDEX ON wide (packed);
SET enable_seqscan = off;
SELECT count(*) FROM wide AS a JOIN wide AS b ON a.packed = b.apart;
RESET enable_seqscan;

-- binary format: send is as text's, recv checks
SELECT orgsync.email_address_send('Ada@b.co'), textsend('Ada@b.co');
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/email_address.bin'
\set read_file '\\copy arrived from ' :'file' ' (format binary)'
CREATE TEMP TABLE arrived (e orgsync.email_address);
COPY (SELECT e FROM member ORDER BY e) TO stdout (FORMAT binary) \g :file
:read_file
SELECT count(*), count(*) FILTER (WHERE member.e::text = arrived.e::text)
FROM member JOIN arrived USING (e);
COPY (SELECT 'Ada <ada@example.com>'::text) TO stdout (FORMAT binary) \g :file
:read_file

-- what the catalogs say: operator classes are valid, operators have partners, all is commented
SELECT opcname, amname, opcintype::regtype, opcdefault, amvalidate(pg_opclass.oid)
FROM pg_opclass JOIN pg_am ON pg_am.oid = opcmethod
WHERE opcname LIKE 'email%' AND opcnamespace = 'orgsync'::regnamespace ORDER BY 1, 2;
SELECT amname, amproclefttype::regtype, amprocrighttype::regtype, amprocnum, amproc::regproc
FROM pg_amproc JOIN pg_opfamily ON pg_opfamily.oid = amprocfamily
	JOIN pg_am ON pg_am.oid = opfmethod
WHERE opfname = 'email_address_ops'
ORDER BY amname, amproclefttype::regtype::text COLLATE "C",
	amprocrighttype::regtype::text COLLATE "C", amprocnum;
SELECT o.oid::regoperator, o.oprcom::regoperator AS commutator, o.oprnegate::regoperator AS negator,
	o.oprrest, o.oprjoin, o.oprcanhash, o.oprcanmerge, p.proleakproof
FROM pg_operator AS o JOIN pg_proc AS p ON p.oid = o.oprcode
WHERE p.proname LIKE 'email_address%'
ORDER BY o.oprleft::regtype::text COLLATE "C", o.oprright::regtype::text COLLATE "C", o.oprname;
SELECT proname, provolatile, proparallel, proisstrict, proleakproof, count(*) FROM pg_proc
WHERE pronamespace = 'orgsync'::regnamespace AND prosrc LIKE 'orgsync\_email\_%'
GROUP BY 1, 2, 3, 4, 5 ORDER BY proname;
SELECT typstorage, typcategory, typispreferred, typcollation, typlen, typalign FROM pg_type
WHERE oid = 'orgsync.email_address'::regtype;
SELECT described AS without_comment
FROM pg_extension
	JOIN pg_depend ON refclassid = 'pg_extension'::regclass AND refobjid = pg_extension.oid,
	pg_describe_object(classid, objid, 0) AS described
WHERE extname = 'orgsync' AND deptype = 'e' AND described LIKE '%email\_%'
	AND described NOT LIKE 'type %[]' AND obj_description(objid, classid::regclass::name) IS NULL
ORDER BY described COLLATE "C";
