-- Where an import comes from: bytes, text, tables and views, files, other encodings.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('sources', 'linkedin_learning') \g /dev/null

-- What became of a file: the counts that are not 0, and the findings.
CREATE FUNCTION pg_temp.summary(i orgsync.import_summary) RETURNS SETOF text LANGUAGE plpgsql AS
$$
BEGIN
	RETURN NEXT concat_ws(', ', i.state,
		(SELECT string_agg(name || ' ' || number, ', ' ORDER BY place)
		 FROM (VALUES (1, 'created', i.created), (2, 'updated', i.updated), (3, 'unchanged', i.unchanged),
			(4, 'absent', i.absent), (5, 'rejected', i.rejected), (6, 'granted', i.seats_granted),
			(7, 'revoked', i.seats_revoked), (8, 'mails', i.invitations)) AS counts (place, name, number)
		 WHERE number > 0));
	RETURN QUERY SELECT format('  line %s %s: %s%s', coalesce(line::text, '-'), severity, code, ' ' || quote_ident(column_name))
		FROM sources.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('sources', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

SELECT orgsync.add_license('sources', 'Default_license_learning_proAllLanguages_status') \g /dev/null
CREATE FUNCTION pg_temp.anew() RETURNS void LANGUAGE sql AS $$ DELETE FROM sources.profiles; DELETE FROM sources.feeds; DELETE FROM sources.feed_profiles $$;
CREATE FUNCTION pg_temp.people() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT concat_ws(' ', primary_email_address, unique_user_id, preferred_first_name, work_title, groups, coalesce((SELECT string_agg(value->>'status', ',') FROM jsonb_each(licenses)), '-'), admin_type)
FROM sources.users ORDER BY primary_email_address
$$;

-- bytes and text; quotes, delimiters and characters of all kinds
SELECT s FROM orgsync.import_csv('sources', convert_to(E'\uFEFFprimary_email,preferred_first_name,work_title\r\n"a@example.com","Zo\u00EB ""Z""","Head, IT"\r\n', 'UTF8'), feed => 'bytes', source => 'https://example.com/users.csv') AS i, pg_temp.summary(i) AS s;
SELECT s FROM orgsync.import_csv('sources', E'\uFEFFprimary_email,preferred_first_name,work_title\r\n"a@example.com","Zo\u00EB ""Z""","Head, IT"\r\n'::text, feed => 'text') AS i, pg_temp.summary(i) AS s;
SELECT pg_temp.people();
SELECT import_id, state, feed, source, mode, rows_read, imported_by = current_user FROM sources.imports ORDER BY import_id;
SELECT (i).import_id = (SELECT max(import_id) FROM sources.imports), (i).feed, (i).source FROM (SELECT orgsync.import_csv('sources', E'primary_email\na@example.com\n') AS i) AS s;

-- the samples of the vendor's documents
\getenv abs_srcdir PG_ABS_SRCDIR
\cd :abs_srcdir
SELECT pg_temp.anew();
\set data `cat test/data/learning_users.csv`
SELECT s FROM orgsync.import_csv('sources', :'data', mode => 'full') AS i, pg_temp.summary(i) AS s;
SELECT pg_temp.people();
\set data `cat test/data/learning_users_next_day.csv`
SELECT s FROM orgsync.import_csv('sources', :'data', mode => 'full') AS i, pg_temp.summary(i) AS s;
\set data `cat test/data/learning_legacy_groups.csv`
SELECT s FROM orgsync.import_csv('sources', :'data', mode => 'full') AS i, pg_temp.summary(i) AS s;
\set data `cat test/data/learning_unassign.csv`
SELECT s FROM orgsync.import_csv('sources', :'data') AS i, pg_temp.summary(i) AS s;
INSERT INTO sources.groups (name) VALUES ('sample groupone'), ('sample grouptwo');
\set data `cat test/data/learning_users_and_admins.csv`
SELECT s FROM orgsync.import_csv('sources', :'data') AS i, pg_temp.summary(i) AS s;
SELECT pg_temp.people();
SELECT primary_email_address, permission, scope FROM sources.permissions JOIN sources.profiles USING (profile_id) WHERE unique_user_id = 'E1001' ORDER BY permission;
\set data `cat test/data/learning_faults.csv`
SELECT s FROM orgsync.import_csv('sources', :'data', dry_run => true) AS i, pg_temp.summary(i) AS s;

-- a table: NULL is an empty cell, truth values are yes and no, other types are written as text
SELECT pg_temp.anew();
CREATE TABLE "Staff, all" (
	id serial, primary_email varchar(100), employee_id bigint, preferred_first_name name, work_title text,
	"group:HR" boolean, "group:Ops" int, permission_curate_content boolean, reupload_user_profile bool,
	"Default_license_learning_proAllLanguages_status" text, "attribute_Cost Center" numeric(6, 2), "attribute_Since" date,
	"attribute_Upper" text GENERATED ALWAYS AS (upper(work_title)) STORED, "attribute_Manager" boolean);
INSERT INTO "Staff, all" (primary_email, employee_id, preferred_first_name, work_title, "group:HR", "group:Ops", permission_curate_content, reupload_user_profile,
	"Default_license_learning_proAllLanguages_status", "attribute_Cost Center", "attribute_Since", "attribute_Manager")
VALUES ('a@example.com', 1001, 'Ann', 'Head, "IT"', true, 1, true, NULL, 'active', 12.5, '2024-02-29', true), ('b@example.com', NULL, NULL, NULL, false, 0, false, false, 'inactive', NULL, NULL, false),
	('c@example.com', 1003, 'Cem', 'x', NULL, NULL, NULL, true, NULL, 1, NULL, NULL), ('bad', 1004, 'Dan', E'two\nlines', NULL, 3, NULL, NULL, 'maybe', 0, NULL, NULL), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT s FROM orgsync.import_table('sources', '"Staff, all"') AS i, pg_temp.summary(i) AS s;
SELECT pg_temp.people();
SELECT primary_email_address, attributes FROM sources.profiles ORDER BY 1;
SELECT line, record FROM sources.import_findings WHERE severity = 'error' ORDER BY finding_id DESC LIMIT 1;
SELECT source, header FROM sources.imports ORDER BY import_id DESC LIMIT 1;
-- the text of dates and numbers is not the session's
SET datestyle = 'German';
SET extra_float_digits = -5;
ALTER TABLE "Staff, all" ADD "attribute_Share" float8 DEFAULT 1/3.0;
SELECT state, created, updated, unchanged FROM orgsync.import_table('sources', '"Staff, all"');
RESET datestyle;
RESET extra_float_digits;
SELECT state, created, updated, unchanged FROM orgsync.import_table('sources', '"Staff, all"');
-- it is not in use any more, in the same transaction
BEGIN;
SELECT state FROM orgsync.import_table('sources', '"Staff, all"', dry_run => true, source => 'HR');
ALTER TABLE "Staff, all" DROP COLUMN id;
SELECT state FROM orgsync.import_table('sources', '"Staff, all"', columns => '{"primary_email": "unknown", "employee_id": "unknown"}');
DROP TABLE "Staff, all";
COMMIT;
-- a table without rows, with one column, without any
CREATE TABLE staff (primary_email text);
SELECT s FROM orgsync.import_table('sources', 'staff') AS i, pg_temp.summary(i) AS s;
INSERT INTO staff VALUES ('one@example.com'), (NULL), (''), ('two@example.com');
SELECT s FROM orgsync.import_table('sources', 'staff') AS i, pg_temp.summary(i) AS s;
CREATE TABLE nothing ();
SELECT s FROM orgsync.import_table('sources', 'nothing') AS i, pg_temp.summary(i) AS s;
-- many rows, fetched batch by batch
TRUNCATE staff;
INSERT INTO staff SELECT 'p' || i || '@example.com' FROM generate_series(1, 2500) AS i;
SELECT s FROM orgsync.import_table('sources', 'staff') AS i, pg_temp.summary(i) AS s;
SELECT s FROM orgsync.import_table('sources', 'staff', mode => 'full') AS i, pg_temp.summary(i) AS s;
-- a partitioned table, a materialized view, and what cannot be read as a table
CREATE TABLE parts (primary_email text, n int) PARTITION BY LIST (n);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
INSERT INTO parts VALUES ('part@example.com', 1);
SELECT s FROM orgsync.import_table('sources', 'parts') AS i, pg_temp.summary(i) AS s;
CREATE MATERIALIZED VIEW stored AS SELECT primary_email FROM parts;
SELECT s FROM orgsync.import_table('sources', 'stored') AS i, pg_temp.summary(i) AS s;
CREATE INDEX staff_index ON staff (primary_email);
\set VERBOSITY terse
SELECT orgsync.import_table('sources', 'staff_index');
\set VERBOSITY default
SELECT orgsync.import_table('sources', 0);
SELECT orgsync.import_table('sources', NULL);
-- a view whose function needs the search_path of its caller
CREATE SCHEMA tools;
CREATE TABLE tools.domains AS SELECT 'example.com' AS domain;
CREATE FUNCTION tools.address(name text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN name || '@' || (SELECT domain FROM domains); END $$;
CREATE VIEW tools.people AS SELECT tools.address('view') AS primary_email, true AS "group:HR";
SET search_path = tools;
SELECT state, created FROM orgsync.import_table('sources', 'people');
RESET search_path;
\set VERBOSITY terse
SELECT orgsync.import_table('sources', 'tools.people');
\set VERBOSITY default
-- the account's own tables may be the source
SELECT state, unchanged = (SELECT count(*) FROM sources.profiles) FROM orgsync.import_table('sources', 'sources.profiles');

-- privileges: those of the caller on the table, and on the account
CREATE ROLE orgsync_regress_importer;
GRANT USAGE ON SCHEMA sources, orgsync TO orgsync_regress_importer;
\set VERBOSITY terse
SET ROLE orgsync_regress_importer;
SELECT orgsync.import_csv('sources', E'primary_email\nrole@example.com\n');
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA sources TO orgsync_regress_importer;
SET ROLE orgsync_regress_importer;
SELECT orgsync.import_csv('sources', E'primary_email\nrole@example.com\n');
RESET ROLE;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sources TO orgsync_regress_importer;
REVOKE INSERT, UPDATE, DELETE ON sources.changes, sources.seat_counters, sources.licenses, sources.settings FROM orgsync_regress_importer;
SET ROLE orgsync_regress_importer;
SELECT state, created, updated, imported_by FROM orgsync.import_csv('sources',
	E'primary_email,work_title,Default_license_learning_proAllLanguages_status,group:Role,permission_curate_content\nrole@example.com,x,active,yes,yes\na@example.com,y,inactive,no,no\n');
SELECT orgsync.import_table('sources', 'staff');
SELECT orgsync.import_file('sources', '/etc/passwd');
RESET ROLE;
REVOKE INSERT ON sources.memberships FROM orgsync_regress_importer;
SET ROLE orgsync_regress_importer;
SELECT orgsync.import_csv('sources', E'primary_email,group:Role\nrole@example.com,yes\nrole2@example.com,yes\n');
RESET ROLE;
SELECT count(*) FROM sources.profiles WHERE primary_email_address = 'role2@example.com';
\set VERBOSITY default
DROP OWNED BY orgsync_regress_importer;
DROP ROLE orgsync_regress_importer;

-- a file on the server
SELECT pg_temp.anew();
SELECT current_setting('data_directory') || '/orgsync_regress_import.csv' AS path \gset
COPY (SELECT * FROM (VALUES ('primary_email,work_title'), ('f1@example.com,Boss'), ('f2@example,Boss'), ('F1@example.com,Clerk')) AS v) TO :'path';
SELECT s FROM orgsync.import_file('sources', :'path', feed => 'file') AS i, pg_temp.summary(i) AS s;
SELECT s FROM orgsync.import_file('sources', :'path', on_error => 'stop', source => 'given') AS i, pg_temp.summary(i) AS s;
SELECT feed, source = :'path', replace(source, :'path', '') FROM sources.imports ORDER BY import_id DESC LIMIT 2;
-- what was there before comes twice now: the file is read once more
CREATE TEMP TABLE again AS SELECT 0 AS n, 'primary_email,work_title' AS line
UNION ALL SELECT n, format('again%s@example.com,Clerk', n) FROM generate_series(1, 40) AS n;
COPY (SELECT line FROM again ORDER BY n) TO :'path';
SELECT s FROM orgsync.import_file('sources', :'path', feed => 'again') AS i, pg_temp.summary(i) AS s;
INSERT INTO again SELECT 41, line FROM again WHERE n = 40;
COPY (SELECT line FROM again ORDER BY n) TO :'path';
SELECT s FROM orgsync.import_file('sources', :'path', feed => 'again') AS i, pg_temp.summary(i) AS s;
\set command 'cat >/dev/null; rm ' :path
COPY (SELECT WHERE false) TO PROGRAM :'command';
\set VERBOSITY terse
SELECT orgsync.import_file('sources', '/no/such/file.csv');
SELECT orgsync.import_file('sources', '/');
SELECT orgsync.import_file('sources', NULL);
\set VERBOSITY default
-- a large object
SELECT lo_from_bytea(0, E'primary_email\nlarge@example.com\nf1@example.com\n') AS large \gset
SELECT s FROM orgsync.import_large_object('sources', :large) AS i, pg_temp.summary(i) AS s;
SELECT replace(source, :'large', 'N') FROM sources.imports ORDER BY import_id DESC LIMIT 1;
SELECT lo_unlink(:large) \g /dev/null
SELECT lo_from_bytea(0, convert_to(string_agg(line, E'\n' ORDER BY n), 'UTF8')) AS large FROM again \gset
SELECT s FROM orgsync.import_large_object('sources', :large, feed => 'again') AS i, pg_temp.summary(i) AS s;
DROP TABLE again;
SELECT lo_unlink(:large) \g /dev/null

DROP TABLE staff, nothing, parts CASCADE;
DROP SCHEMA tools CASCADE;
SELECT orgsync.drop_account('sources') \g /dev/null

-- a database in another encoding: text is in it, bytes are UTF-8
SET client_min_messages = error;
DROP DATABASE IF EXISTS orgsync_regress_import_latin1;
RESET client_min_messages;
CREATE DATABASE orgsync_regress_import_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\set database :DBNAME
\c orgsync_regress_import_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION orgsync;
SELECT orgsync.create_account('latin', 'linkedin_learning') \g /dev/null
SELECT state, created, rejected FROM orgsync.import_csv('latin', E'primary_email,preferred_first_name,group:Zürich,attribute_Straße\na@example.com,Zoë,yes,ß\n'::text);
SELECT state, unchanged, rejected FROM orgsync.import_csv('latin', decode('7072696d6172795f656d61696c2c7072656665727265645f66697273745f6e616d652c67726f75703a5a' || 'c39c' || '726963682c6174747269627574655f53747261' || 'c39f' || '650a61406578616d706c652e636f6d2c5a6f' || 'c3ab' || '2c7965732c' || 'c39f' || '0a', 'hex'));
SELECT preferred_first_name, length(preferred_first_name), groups, attributes FROM latin.profiles JOIN latin.users USING (profile_id, preferred_first_name);
-- characters that it does not have, in a cell, a key, a group, a header and in a rejected row
SELECT state, created, rejected FROM orgsync.import_csv('latin', decode('7072696d6172795f656d61696c2c776f726b5f7469746c650a62406578616d706c652e636f6d2c' || 'e282ac' || '0a' || 'e282ac' || '406578616d706c652e636f6d2c780a63406578616d706c652e636f6d2c790a', 'hex'), mode => 'full');
SELECT line, code, message, record FROM latin.import_findings ORDER BY finding_id;
SELECT state, created, rejected, header FROM orgsync.import_csv('latin', decode('7072696d6172795f656d61696c2c67726f75703a' || 'e282ac' || '2c' || 'e282ac' || '0a64406578616d706c652e636f6d2c7965732c780a', 'hex'));
SELECT line, column_name, code FROM latin.import_findings ORDER BY finding_id DESC LIMIT 2;
CREATE TABLE staff AS SELECT 'e@example.com' AS primary_email, 'Zoë' AS preferred_first_name;
SELECT state, created FROM orgsync.import_table('latin', 'staff');
\c :database
DROP DATABASE orgsync_regress_import_latin1;
