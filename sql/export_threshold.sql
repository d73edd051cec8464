-- Exports and imports of mode full that look like an accident: in the account, and in a single group.
SET client_min_messages = warning;
SELECT orgsync.create_account('much', 'linkedin_learning');
SELECT orgsync.add_license('much', 'Default_license_learning_proAllLanguages_status');
SET search_path = much, orgsync, public;
INSERT INTO groups (name) VALUES ('Sales'), ('Ops'), ('Old');
-- 100 people: 80 in Ops, 12 in Sales, 4 of them in both, 12 in Old
INSERT INTO profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(101, 200) n;
INSERT INTO seats SELECT profile_id, 1, 'activated' FROM profiles;
INSERT INTO memberships SELECT n, 2 FROM generate_series(1, 80) n UNION ALL SELECT n, 1 FROM generate_series(77, 88) n
	UNION ALL SELECT n, 3 FROM generate_series(1, 12) n;
SELECT sum(row_count) FROM orgsync.export_csv('much');
SELECT orgsync.confirm_export('much', 1);

-- a department that vanishes, 12 % of the account
BEGIN;
DELETE FROM seats WHERE profile_id IN (SELECT profile_id FROM memberships WHERE group_id = 1);
SELECT kind FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
-- also if the people were deleted, or leave the group in the same breath; or the group itself was deleted
BEGIN;
DELETE FROM profiles WHERE profile_id BETWEEN 77 AND 88;
SELECT kind FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
BEGIN;
DELETE FROM seats WHERE profile_id BETWEEN 77 AND 88;
DELETE FROM groups WHERE name = 'Sales';
SELECT kind FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
-- but not who leaves a group and keeps the seat, nor fewer people than the floor, nor who is new in the group
BEGIN;
DELETE FROM groups WHERE name = 'Sales';
SELECT kind FROM orgsync.export_csv('much', dry_run => true);
DELETE FROM seats WHERE profile_id BETWEEN 77 AND 85;
SELECT kind, row_count FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
BEGIN;
INSERT INTO memberships SELECT n, 1 FROM generate_series(1, 12) n;
DELETE FROM seats WHERE profile_id BETWEEN 1 AND 8;
DELETE FROM seats WHERE profile_id BETWEEN 77 AND 80;
SELECT kind, row_count FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
-- exactly the limit is no accident; protected people do not count
BEGIN;
UPDATE settings SET max_revoke_percent = 15;
DELETE FROM seats WHERE profile_id BETWEEN 13 AND 24;
SELECT kind, row_count FROM orgsync.export_csv('much', dry_run => true);
DELETE FROM seats WHERE profile_id = 25;
SELECT kind, row_count FROM orgsync.export_csv('much', dry_run => true);

ROLLBACK;
BEGIN;
UPDATE settings SET max_revoke_percent = 15;
SELECT orgsync.protect_profile('much', 'p125@example.com', 'test');
DELETE FROM seats WHERE profile_id BETWEEN 13 AND 25;
SELECT kind, row_count FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
-- no percentage at all
BEGIN;
UPDATE settings SET max_revoke_percent = 0, threshold_floor = 1;
DELETE FROM seats WHERE profile_id = 1;
SELECT kind FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
-- many people deleted, who had no seats: they leave their groups
BEGIN;
TRUNCATE seats;
DELETE FROM changes;
DELETE FROM profiles WHERE profile_id BETWEEN 60 AND 88;
SELECT kind FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
-- also if they are a small part of the account, but a whole group
BEGIN;
TRUNCATE seats;
DELETE FROM changes;
DELETE FROM profiles WHERE profile_id BETWEEN 77 AND 88;
SELECT kind FROM orgsync.export_csv('much', dry_run => true);
ROLLBACK;
-- meant
BEGIN;
DELETE FROM profiles WHERE profile_id BETWEEN 77 AND 88;
SELECT kind, row_count FROM orgsync.export_csv('much', override => true);
ROLLBACK;

-- the same of a file of mode full: 12 of 96 people missing is no accident, unless they are a group
SELECT state FROM orgsync.import_csv('much', (SELECT string_agg('p' || n || '@example.com', E'\n' ORDER BY n)
	FROM generate_series(101, 196) n), columns => '{"p101@example.com": "primary_email_address"}', mode => 'full');
SELECT state FROM orgsync.import_csv('much', 'primary_email_address' || (SELECT string_agg(E'\np' || n || '@example.com', '' ORDER BY n)
	FROM generate_series(101, 196) n), mode => 'full');
CREATE FUNCTION import_without(first int, last int, override boolean DEFAULT false, OUT state text, OUT absent bigint, OUT seats_revoked bigint)
LANGUAGE sql AS $$
	SELECT state, absent, seats_revoked FROM orgsync.import_csv('much', 'primary_email_address' ||
		(SELECT string_agg(E'\np' || n + 100 || '@example.com', '' ORDER BY n) FROM generate_series(1, 96) n
			WHERE n NOT BETWEEN first AND last), mode => 'full', override => override, dry_run => true)
$$;
SELECT * FROM import_without(20, 31);
SELECT * FROM import_without(77, 88);
SELECT code, severity, message, tip FROM import_findings WHERE import_id = (SELECT max(import_id) FROM imports);
SELECT * FROM import_without(77, 88, override => true);
SELECT * FROM import_without(77, 85);

\set VERBOSITY terse
DROP SCHEMA much CASCADE;
