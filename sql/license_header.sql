-- license_header: grammar, spelling, comparison without regard to case
SET search_path = public, orgsync;

-- headers that follow the grammar
SELECT n, header, budget_group(header::license_header), license_type(header::license_header)
FROM (VALUES
	(1, 'Default_license_learning_proAllLanguages_status'),
	(2, 'Default_license_learning_proAlllanguages_status'),
	(3, 'license_talentInsights_talentInsights_status'),
	(4, 'Sales Team_license_learning_proEnglish_status'),
	(5, 'EMEA_Sales_license_learning_proEnglish_status'),
	(6, 'Old_license_pool_license_learning_proEnglish_status'),
	(7, 'DEFAULT_LICENSE_LEARNING_PRO_STATUS'),
	(8, 'license_license_learning_status'),
	(9, 'Default_license_status_status'),
	(10, 'Büro Zürich_license_learning_proGerman_status'),
	(11, 'active_students'),
	(12, 'Active_Students')
) AS good(n, header)
ORDER BY n;

-- headers that do not
CREATE FUNCTION pg_temp.try_header(header text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT %L::orgsync.license_header', header);
	RETURN 'accepted';
EXCEPTION WHEN invalid_text_representation THEN
	RETURN 'refused';
END $$;

SELECT n, quote_literal(header) AS header, pg_temp.try_header(header) AS result
FROM (VALUES
	(1, ''),
	(2, 'work_title'),
	(3, 'Default_license_learning_proAllLanguages'),
	(4, '_license_learning_proAllLanguages_status'),
	(5, 'Default_license__status'),
	(6, 'Default_license_status'),
	(7, 'license_status'),
	(8, 'license__status'),
	(9, 'license_talentInsights_status'),
	(10, 'license__talentInsights_status'),
	(11, 'license_talentInsights__status'),
	(12, '[BUDGET GROUP]_license _[LICENSE TYPE]_status'),
	(13, 'Default_license_learning pro_status'),
	(14, ' Default_license_learning_pro_status'),
	(15, 'Default_license_learning_pro_status '),
	(16, E'De\tfault_license_learning_pro_status'),
	(17, E'Default\n_license_learning_pro_status'),
	(18, 'active_students_status'),
	(19, 'students'),
	(20, 'group:HR_license_learning_pro_status'),
	(21, 'Group/HR_license_learning_pro_status'),
	(22, 'Attribute_x_license_learning_pro_status')
) AS bad(n, header)
ORDER BY n;

-- the whole message, from input and from the cast
SELECT 'Default_license_status'::license_header;
SELECT license_header('work_title'::text);

-- equal without regard to case, spelling kept
SELECT n, a = b AS eq, a <> b AS ne,
	   a < b AS lt, a <= b AS le,
	   a > b AS gt, a >= b AS ge,
	   sign(license_header_cmp(a, b)) AS cmp,
	   license_header_hash(a) = license_header_hash(b) AS same_hash,
	   license_header_hash_extended(a, 42) = license_header_hash_extended(b, 42) AS same_hash_extended
FROM (VALUES
	(1, 'D_license_learning_proAllLanguages_status'::license_header, 'd_license_learning_proAlllanguages_STATUS'::license_header),
	(2, 'A_license_x_status', 'b_license_x_status'),
	(3, 'b_license_x_status', 'A_license_x_status'),
	(4, 'A_license_x_status', 'A_license_xy_status'),
	(5, 'É_license_x_status', 'é_license_x_status')
) AS pairs(n, a, b)
ORDER BY n;

-- the extended hash with seed 0 begins like the plain one
SELECT (license_header_hash_extended(h, 0) & 4294967295) = (license_header_hash(h)::bigint & 4294967295) AS consistent
FROM (VALUES ('A_license_x_status'::license_header), ('license_x_y_status')) AS headers(h);

-- in a table: unique without regard to case, found by index, joined by hash and merge
CREATE TABLE license_header_test (header license_header PRIMARY KEY);
INSERT INTO license_header_test VALUES ('Default_license_learning_pro_status');
INSERT INTO license_header_test VALUES ('default_LICENSE_learning_pro_status');
INSERT INTO license_header_test SELECT 'Team ' || i || '_license_learning_pro_status' FROM generate_series(1, 200) i;
INSERT INTO license_header_test VALUES ('license_learning_all_status'::varchar);
SELECT count(*) FROM license_header_test;
SELECT header FROM license_header_test WHERE header = 'DEFAULT_license_learning_pro_status';
SELECT header FROM license_header_test WHERE header = 'DEFAULT_license_learning_pro_status'::text;
SELECT header FROM license_header_test WHERE 'LICENSE_learning_all_status'::varchar = header;
SELECT count(*) FROM license_header_test WHERE header <> 'TEAM 7_license_learning_pro_status'::text;
SELECT header FROM license_header_test ORDER BY header LIMIT 3;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM license_header_test WHERE header = 'TEAM 7_license_learning_pro_status';
SELECT * FROM license_header_test WHERE header = 'TEAM 7_license_learning_pro_status';
RESET enable_seqscan;
SET enable_nestloop = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM license_header_test a FULL JOIN license_header_test b USING (header);
SELECT count(*) FROM license_header_test a
	JOIN (SELECT upper(header)::license_header AS header FROM license_header_test) b USING (header);
SET enable_hashjoin = off;
RESET enable_mergejoin;
SELECT count(*) FROM license_header_test a
	JOIN (SELECT upper(header)::license_header AS header FROM license_header_test) b USING (header);
RESET enable_hashjoin;
RESET enable_nestloop;

-- the operators are found without orgsync in the search_path
RESET search_path;
SELECT header FROM license_header_test WHERE header = 'DEFAULT_license_learning_pro_status';
SELECT header FROM license_header_test WHERE header = 'DEFAULT_license_learning_pro_status'::text;
SELECT count(*) FROM license_header_test WHERE header < 'TEAM_license_x_status';
SET search_path = public, orgsync;

-- as text
SELECT header::text, length(header), header || '!' AS appended, header LIKE 'Def%' AS matches
FROM license_header_test WHERE header = 'Default_license_learning_pro_status';

-- binary output is what binary input reads, and it is checked
SELECT license_header_send('A_license_x_status') = convert_to('A_license_x_status', 'UTF8') AS same_bytes;
CREATE TABLE license_header_copy (header license_header);
CREATE TABLE license_header_text AS SELECT 'work_title'::text AS header;
\copy license_header_test TO PROGRAM 'cat > "$PG_ABS_BUILDDIR/results/license_header.binary"' (FORMAT binary)
\copy license_header_copy FROM PROGRAM 'cat "$PG_ABS_BUILDDIR/results/license_header.binary"' (FORMAT binary)
SELECT count(*) FROM license_header_copy c JOIN license_header_test t ON c.header::text = t.header::text;
\copy license_header_text TO PROGRAM 'cat > "$PG_ABS_BUILDDIR/results/license_header.binary"' (FORMAT binary)
\copy license_header_copy FROM PROGRAM 'cat "$PG_ABS_BUILDDIR/results/license_header.binary"' (FORMAT binary)

-- NULL stays NULL
SELECT budget_group(NULL) IS NULL AS budget_group, license_header(NULL::text) IS NULL AS header;

DROP TABLE license_header_test, license_header_copy, license_header_text;
-- LIKE looks at no index of headers, which has no collation
CREATE TABLE liked (header orgsync.license_header PRIMARY KEY);
INSERT INTO liked VALUES ('Default_license_learning_proAllLanguages_status');
SELECT count(*) FROM liked WHERE header LIKE 'Default%';
DROP TABLE liked;
