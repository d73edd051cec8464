-- The page about a coming export: what it says, in its order, line by line.
SELECT orgsync.create_account('report', 'linkedin_learning');
SELECT orgsync.add_license('report', 'Default_license_learning_proAllLanguages_status', 6, 'invited');
SELECT orgsync.add_license('report', 'Sales_license_learning_proFrench_status', 5);
SET search_path = report, public;
-- without the style, times and empty lines
CREATE FUNCTION page_lines(page text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT line FROM regexp_split_to_table(
		regexp_replace(
			regexp_replace(
				regexp_replace(regexp_replace(page, '<style>.*</style>', ''), '\w+?day, .*? UTC', 'TIME', 'g'),
				'</?(tr|th|dt|dd|div|td|title|span|code|strong|rect|tbody|caption)\y[^>]*>', ' ', 'g'),
			'<[^>]*>', E'\n', 'g'),
		'\n') line
	WHERE line ~ '\S'
$$;
CREATE FUNCTION page() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT btrim(regexp_replace(line, '\s+', ' ', 'g')) FROM page_lines(orgsync.export_report('report')) line
$$;
SET timezone = 'UTC';
\a\t

-- nothing there, nothing to upload
SELECT page();

-- a first upload
INSERT INTO groups (name) VALUES ('HR'), ('R&D');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title)
	SELECT 'person' || n || '@example.com', CASE WHEN n < 4 THEN 'E' || n END, 'First' || n, 'Last' || n, 'Analyst' FROM generate_series(1, 6) n;
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles WHERE profile_id < 6;
INSERT INTO seats SELECT profile_id, 2, 'activated' FROM profiles WHERE profile_id > 3;
INSERT INTO memberships SELECT profile_id, 1 FROM profiles;
SELECT page();
SELECT count(*) FROM orgsync.export_csv('report');
SELECT * FROM page() WHERE page ~ 'Not confirmed yet';
SELECT orgsync.confirm_export('report', 1);
SELECT page();

-- a bit of everything
UPDATE profiles SET primary_email_address = 'new.name@example.com' WHERE profile_id = 1;
UPDATE profiles SET unique_user_id = 'F2' WHERE profile_id = 2;
UPDATE profiles SET work_title = NULL WHERE profile_id = 3;
UPDATE profiles SET work_title = 'Boss', attributes = '{"floor": "2"}' WHERE profile_id = 4;
DELETE FROM profiles WHERE profile_id = 5;
DELETE FROM seats WHERE profile_id IN (1, 6);
INSERT INTO memberships VALUES (1, 2), (2, 2);
DELETE FROM memberships WHERE profile_id = 3;
INSERT INTO permissions VALUES (1, 'group_permission_view_reports', 'group:HR'), (2, 'permission_curate_content', 'yes');
SELECT state, created, rejected FROM orgsync.import_csv('report', E'primary_email_address,preferred_first_name,preferred_last_name,work_title\n'
	'ann@example.com,Ann,,Analyst\nperson.2@example.com,First2,Last2,\nnobody\n');
DELETE FROM licenses WHERE license_id = 2;
UPDATE settings SET max_revoke_percent = 30, threshold_floor = 3;
SELECT page();

-- what an export leaves alone is listed with the reason, and counts nowhere else
BEGIN;
UPDATE settings SET grace_days = 30;
SELECT orgsync.protect_profile('report', 'person2@example.com', 'runs the <vendor''s> account');
SELECT orgsync.protect_profile('report', 'new.name@example.com', 'chief');
UPDATE profiles SET primary_email_address = 'second@example.com', work_title = 'Second' WHERE profile_id = 2;
DELETE FROM profiles WHERE profile_id = 2;
SELECT page();
SELECT kind, replace(csv, E'\r', '') FROM orgsync.export_csv('report', override => true, dry_run => true) WHERE kind IN ('revoke', 'rename');
ROLLBACK;

-- the vendor's answer
UPDATE settings SET max_revoke_percent = 100;
SELECT count(*) FROM orgsync.export_csv('report');
SELECT orgsync.confirm_export('report', 2, E'primary_email_address,Messages\nann@example.com,"Duplicate Profile Error: really?"\n');
SELECT page() OFFSET 2;

-- whatever is in a cell stays text
INSERT INTO groups (name) VALUES ('</td><script>alert(1)</script>');
INSERT INTO profiles (primary_email_address, preferred_first_name, work_title)
	VALUES ('ben@example.com', U&'\202Etxt.\2066Zo\00EB\0001', '"''&amp;<b>');
UPDATE profiles SET work_title = '<b title="a">&' || chr(9) || repeat('long ', 2000) WHERE profile_id = 4;
INSERT INTO memberships SELECT 4, max(group_id) FROM groups;
SELECT count(*) FROM regexp_matches(orgsync.export_report('report'), '<(script|b )', 'g');
SELECT line FROM regexp_split_to_table(orgsync.export_report('report'), '\n') line WHERE line ~ 'Zo|title|alert' AND line !~ '<(style|title|svg|tr><th)';

-- the beginning of what is long: files, licenses, lists; a license with more seats taken than bought
SELECT orgsync.create_account('report_long', 'linkedin_learning');
SET search_path = report_long, public;
CREATE FUNCTION long_page() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT btrim(regexp_replace(line, '\s+', ' ', 'g')) FROM report.page_lines(orgsync.export_report('report_long')) line
$$;
SELECT long_page() OFFSET 1 LIMIT 10;
SELECT count(orgsync.add_license('report_long', format('Team %s_license_learning_proFrench_status', n)::orgsync.license_header,
	n, 'invited')) FROM generate_series(1, 21) n;
INSERT INTO profiles (primary_email_address, preferred_first_name)
	SELECT 'person' || n || '@example.com', 'First' || n FROM generate_series(1, 23) n;
INSERT INTO seats SELECT profile_id, 2, 'invited' FROM profiles WHERE profile_id < 3;
SELECT orgsync.set_seats('report_long', 'Team 2_license_learning_proFrench_status', 1, force => true);
UPDATE settings SET rows_per_file = 1;
SELECT line FROM long_page() line WHERE line ~ 'Team (1|2|20|21)_|over by|more license|first|Rows of all|Ready';
SELECT orgsync.add_license('report_long', 'Team 22_license_learning_proFrench_status') > 0;
SELECT line FROM long_page() line WHERE line ~ 'more license';

-- a license that is deleted here while the vendor still has seats of it is behind the others, and may be one too many
DO $$ BEGIN PERFORM orgsync.export_csv('report_long'); PERFORM orgsync.confirm_export('report_long', 1); END $$;
DELETE FROM licenses WHERE license_id IN (2, 22);
SELECT line FROM long_page() line WHERE line ~ 'Team (2|21)_|more license|deleted';
DELETE FROM licenses WHERE license_id = 21;
SELECT line FROM long_page() line WHERE line ~ 'Team (2|21)_|more license|deleted';
SET search_path = report, public;

-- who may not read the tables may not read the page; a page needs no right to write
CREATE ROLE regress_orgsync_report;
SET ROLE regress_orgsync_report;
\set SHOW_CONTEXT never
SELECT orgsync.export_report('report');
\set SHOW_CONTEXT errors
RESET ROLE;
DROP ROLE regress_orgsync_report;
BEGIN READ ONLY;
SELECT orgsync.export_report('report') LIKE '<!DOCTYPE html>%';
COMMIT;
SELECT orgsync.export_report('public');
SELECT orgsync.export_report(NULL);

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA report, report_long CASCADE;
