-- What distinguishes an account from what the vendor has.
SELECT orgsync.create_account('diff_acme', 'linkedin_learning');
SELECT orgsync.add_license('diff_acme', 'Default_license_learning_proAllLanguages_status');
SELECT orgsync.add_license('diff_acme', 'Sales_license_learning_proFrench_status');
SET search_path = diff_acme, orgsync, public;

-- without its rows in changes, the vendor has what the account says: what a confirmation does
CREATE VIEW d AS SELECT * FROM orgsync.diff('diff_acme');

-- nothing there, no difference
SELECT * FROM d;

-- an added profile: one row a cell that has a value
INSERT INTO groups (name) VALUES ('HR'), ('Engineering'), ('a "quoted", name');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title, attributes)
	VALUES ('john.doe@example.com', 'E1', 'John', 'Doe', '', '{"floor": "3", "empty": "", "nothing": null}'),
		('jane.smith@example.com', NULL, 'Jane', 'Smith', 'HR Business Partner', '{}');
SELECT orgsync.grant_seat('diff_acme', 'john.doe@example.com', 'Default_license_learning_proAllLanguages_status');
INSERT INTO seats (profile_id, license_id, status) VALUES (1, 2, 'waitlisted'), (2, 1, 'unassigned');
INSERT INTO memberships VALUES (1, 3), (1, 2), (2, 1);
INSERT INTO permissions VALUES (1, 'permission_curate_content', 'yes'), (1, 'group_permission_view_reports', 'group:HR'),
	(2, 'permission_manage_it_settings', 'no');
SELECT * FROM d;

-- changes of what the vendor does not know are no differences of their own
UPDATE profiles SET preferred_first_name = 'Johnny', primary_email_address = 'johnny@example.com' WHERE profile_id = 1;
SELECT * FROM d WHERE profile_id = 1 AND column_name IN ('primary_email_address', 'preferred_first_name');

-- an added profile that is deleted again never was
DELETE FROM profiles WHERE profile_id = 2;
SELECT count(*) FROM d WHERE profile_id = 2;

-- each action, of a profile that the vendor knows
DELETE FROM changes;
SELECT * FROM d;
UPDATE profiles SET preferred_first_name = 'Jon', preferred_last_name = NULL, work_title = 'Recruiter',
	attributes = '{"floor": "4", "desk": "12 B"}', unique_user_id = 'E2', primary_email_address = 'jon.doe@example.com'
	WHERE profile_id = 1;
UPDATE seats SET status = 'unassigned' WHERE license_id = 1;
UPDATE seats SET status = 'invited' WHERE license_id = 2;
DELETE FROM memberships WHERE group_id = 2;
INSERT INTO memberships VALUES (1, 1);
UPDATE permissions SET scope = 'group:Engineering group:HR' WHERE permission = 'group_permission_view_reports';
DELETE FROM permissions WHERE permission = 'permission_curate_content';
INSERT INTO permissions VALUES (1, 'permission_manage_custom_content');
SELECT action, column_name, old_value, new_value FROM d;

-- undone, changed once more, and as it was but for the spelling: no difference
UPDATE profiles SET preferred_first_name = 'X' WHERE profile_id = 1;
UPDATE profiles SET preferred_first_name = 'Johnny', preferred_last_name = 'Doe', work_title = NULL,
	attributes = '{"floor": "3"}', unique_user_id = 'E1', primary_email_address = 'Johnny@EXAMPLE.com' WHERE profile_id = 1;
UPDATE seats SET status = 'activated' WHERE license_id = 1;
DELETE FROM seats WHERE license_id = 2;
INSERT INTO memberships VALUES (1, 2);
DELETE FROM memberships WHERE group_id = 1;
DELETE FROM permissions WHERE permission = 'permission_manage_custom_content';
INSERT INTO permissions VALUES (1, 'permission_curate_content');
UPDATE permissions SET scope = 'group:HR' WHERE permission = 'group_permission_view_reports';
SELECT * FROM d;

-- a first id is an update, another one a rename, none an update
INSERT INTO profiles (primary_email_address) VALUES ('ann@example.com');
DELETE FROM changes;
UPDATE profiles SET unique_user_id = 'A1' WHERE primary_email_address = 'ann@example.com';
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;
UPDATE profiles SET unique_user_id = 'A2' WHERE primary_email_address = 'ann@example.com';
SELECT action, column_name, old_value, new_value FROM d;
UPDATE profiles SET unique_user_id = NULL WHERE primary_email_address = 'ann@example.com';
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;

-- from one license to another
INSERT INTO seats (profile_id, license_id, status) VALUES (1, 2, 'invited');
DELETE FROM seats WHERE profile_id = 1 AND license_id = 1;
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;

-- a group renamed, then so only in case (the same to the vendor), then deleted
UPDATE groups SET name = 'Research' WHERE name = 'Engineering';
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;
UPDATE groups SET name = 'RESEARCH' WHERE name = 'Research';
SELECT * FROM d;
DELETE FROM groups WHERE name = 'RESEARCH';
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;

-- a license renamed, then deleted
UPDATE licenses SET header = 'Sales_license_learning_proGerman_status' WHERE license_id = 2;
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;
DELETE FROM licenses WHERE license_id = 2;
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;

-- an attribute may be named like anything, and is case sensitive
UPDATE profiles SET attributes = '{"floor": "3", "Floor": "x", "license_x_status": "own car", "group:HR": "yes", "é": "è"}' WHERE profile_id = 1;
SELECT action, column_name, old_value, new_value FROM d;
DELETE FROM changes;

-- somebody whom the vendor knows is deleted: what he must lose, under the address that the vendor has
INSERT INTO seats (profile_id, license_id, status) VALUES (1, 1, 'activated');
DELETE FROM changes;
UPDATE profiles SET primary_email_address = 'new.address@example.com' WHERE profile_id = 1;
DELETE FROM profiles WHERE profile_id = 1;
SELECT * FROM d;

-- and made again with that address, in another spelling: the difference of the two
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name, unique_user_id)
	VALUES ('JOHNNY@example.com', 'Johnny', 'Doe-Smith', 'E1') RETURNING profile_id;
INSERT INTO seats (profile_id, license_id, status) SELECT max(profile_id), 1, 'invited' FROM profiles;
INSERT INTO memberships SELECT max(profile_id), 1 FROM profiles;
SELECT * FROM d;
-- deleted again: as before
DELETE FROM profiles WHERE primary_email_address = 'johnny@example.com';
SELECT * FROM d;
DELETE FROM changes;

-- the diff shows what its own statement sees, and works where nothing may be written
BEGIN READ ONLY;
SELECT count(*) FROM orgsync.diff('diff_acme');
COMMIT;
WITH ins AS (INSERT INTO profiles (primary_email_address) VALUES ('zoe@example.com') RETURNING 1)
	SELECT (SELECT count(*) FROM ins) AS inserted, (SELECT count(*) FROM orgsync.diff('diff_acme')) AS seen;
SELECT primary_email_address, action FROM d;

-- it reads with the rights of its caller
CREATE ROLE regress_orgsync_diff;
GRANT USAGE ON SCHEMA diff_acme, orgsync TO regress_orgsync_diff;
GRANT SELECT ON settings TO regress_orgsync_diff;
SET ROLE regress_orgsync_diff;
SELECT * FROM orgsync.diff('diff_acme');
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA diff_acme TO regress_orgsync_diff;
SET ROLE regress_orgsync_diff;
SELECT count(*) FROM orgsync.diff('diff_acme');
RESET ROLE;
DROP OWNED BY regress_orgsync_diff;
DROP ROLE regress_orgsync_diff;

-- no account, no diff
SELECT * FROM orgsync.diff('public');
SELECT * FROM orgsync.diff(NULL);

RESET search_path;
-- Talent Insights: its own notation of groups, and only what its files have
SELECT orgsync.create_account('diff_insights', 'talent_insights');
SELECT orgsync.add_license('diff_insights', 'license_talentInsights_talentInsights_status');
INSERT INTO diff_insights.groups (name) VALUES ('CSV Test 1');
INSERT INTO diff_insights.profiles (primary_email_address, unique_user_id, attributes)
	VALUES ('tim@example.com', 'T1', '{"floor": "1"}');
INSERT INTO diff_insights.permissions VALUES (1, 'permission_curate_content');
INSERT INTO diff_insights.memberships VALUES (1, 1);
SELECT action, column_name, old_value, new_value FROM orgsync.diff('diff_insights');
DELETE FROM diff_insights.changes;
DELETE FROM diff_insights.memberships;
DELETE FROM diff_insights.permissions;
UPDATE diff_insights.profiles SET unique_user_id = 'T2', attributes = '{}';
SELECT action, column_name, old_value, new_value FROM orgsync.diff('diff_insights');

\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA diff_acme CASCADE;
DROP SCHEMA diff_insights CASCADE;
