-- The files that bring the vendor to what the account says, and its answer.
SET client_min_messages = warning;
SELECT orgsync.create_account('exp', 'linkedin_learning');
SELECT orgsync.add_license('exp', 'Default_license_learning_proAllLanguages_status');
SELECT orgsync.add_license('exp', 'Sales_license_learning_proFrench_status');
SET search_path = exp, orgsync, public;

-- an export as people read it; the date is today's
CREATE FUNCTION export(rows_per_file int DEFAULT NULL, layout text DEFAULT NULL, spreadsheet_safe boolean DEFAULT false,
	dry_run boolean DEFAULT false)
RETURNS TABLE (seq int, file text, n bigint, csv text) LANGUAGE sql AS $$
	SELECT e.seq, regexp_replace(e.file_name, '-\d{8}-', '-DATE-'), e.row_count, replace(e.csv, E'\r\n', E'\n')
	FROM orgsync.export_csv('exp', rows_per_file, layout, true, spreadsheet_safe, dry_run) e
$$;
CREATE FUNCTION last_export() RETURNS bigint LANGUAGE sql AS 'SELECT max(export_id) FROM exp.exports';
CREATE FUNCTION confirm_last() RETURNS void LANGUAGE sql AS $$SELECT orgsync.confirm_export('exp', last_export())$$;
CREATE VIEW d AS SELECT primary_email_address AS email, action, column_name, old_value, new_value FROM orgsync.diff('exp');

-- without a difference there is no file and no record
SELECT * FROM export();
SELECT count(*) FROM exports;

-- people whom the vendor does not know: one file for each set of columns without empty cells
INSERT INTO groups (name) VALUES ('HR'), ('Engineering'), ('a "quoted", name');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title, attributes)
	VALUES ('ann@example.com', 'A1', 'Ann', 'Archer', 'CEO', '{"floor": "1"}'),
		('bob@example.com', NULL, 'Bob', 'Baker', '=1+1', '{}'),
		('cleo@example.com', NULL, 'Cleo', 'Carter, Jr.', E'Head of\n"HR"', '{}'),
		('dan@example.com', 'D1', 'Dan', 'Dyer', NULL, '{}'),
		('+eve@example.com', NULL, NULL, NULL, NULL, '{}');
INSERT INTO seats VALUES (1, 1, 'activated'), (2, 1, 'invited'), (3, 2, 'invited'), (5, 1, 'unassigned');
INSERT INTO memberships VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO permissions VALUES (1, 'permission_curate_content', 'yes'), (1, 'group_permission_view_reports', 'group:HR group:Engineering'),
	(1, 'permission_manage_it_settings', 'yes');
SELECT * FROM export(dry_run => true);
SELECT count(*) FROM exports;

-- the vendor's other notation of groups; cells that a spreadsheet would run
SELECT csv FROM export(layout => 'legacy', spreadsheet_safe => true, dry_run => true);

-- what is written: UTF-8, CRLF behind every record, the header too
SELECT encode(convert_to(csv, 'UTF8'), 'escape') FROM orgsync.export_csv('exp', dry_run => true) WHERE kind = 'add' AND csv LIKE '%eve%';

-- what is recorded
SELECT seq, file, n FROM export();
SELECT export_id, state, exported_by = CURRENT_USER AS mine, confirmed_at, changes_read <> '{}' AS has_read FROM exports;
SELECT export_id, seq, kind, row_count, confirmed_at, columns, profile_ids FROM export_files;
SELECT count(*) FROM changes WHERE change_id <@ (SELECT changes_read FROM exports);

-- confirmed, the next export is empty
SELECT orgsync.confirm_export('exp', 1);
SELECT state, confirmed_by = CURRENT_USER AS mine, confirmed_at IS NOT NULL AS is_confirmed FROM exports;
SELECT count(*) FROM export_files WHERE confirmed_at IS NULL;
SELECT * FROM export();
SELECT count(*) FROM changes;

-- from license to license: revoked before granted, in files of their own, and without groups
UPDATE seats SET license_id = 2 WHERE profile_id = 1;
INSERT INTO memberships VALUES (1, 2);
DELETE FROM memberships WHERE profile_id = 2;
-- a text that was cleared and an id that was taken away: an empty cell would be no action
UPDATE profiles SET work_title = NULL, unique_user_id = NULL WHERE profile_id = 1;
-- a rename by id, with a new id and another title; one by the existing address; a first id
UPDATE profiles SET primary_email_address = 'daniel@example.com', unique_user_id = 'D2', work_title = 'Driver' WHERE profile_id = 4;
UPDATE profiles SET primary_email_address = 'robert@example.com', preferred_first_name = 'Robert' WHERE profile_id = 2;
UPDATE profiles SET unique_user_id = 'C1' WHERE profile_id = 3;
DELETE FROM seats WHERE profile_id = 2;
UPDATE permissions SET scope = 'group:HR' WHERE permission = 'group_permission_view_reports';
DELETE FROM permissions WHERE permission = 'permission_manage_it_settings';
SELECT * FROM export();

-- a change between the export and its confirmation stays pending
UPDATE profiles SET work_title = 'Pilot' WHERE profile_id = 4;
UPDATE profiles SET preferred_last_name = 'Crane' WHERE profile_id = 3;
UPDATE profiles SET primary_email_address = 'bobby@example.com' WHERE profile_id = 2;
DELETE FROM memberships WHERE profile_id = 1 AND group_id = 2;
SELECT confirm_last();
SELECT * FROM d;
SELECT seq, file, csv FROM export();
SELECT confirm_last();

-- undone after the export: to be undone at the vendor's as well
UPDATE profiles SET work_title = 'Captain' WHERE profile_id = 4;
SELECT seq, file FROM export();
UPDATE profiles SET work_title = 'Pilot' WHERE profile_id = 4;
SELECT * FROM d;
SELECT confirm_last();
SELECT * FROM d;
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;

-- the vendor's order of columns, whatever their order here
INSERT INTO permissions SELECT 5, p FROM unnest(ARRAY['group_permission_view_reports', 'group_permission_recommend_content',
	'permission_manage_it_settings', 'permission_curate_content', 'group_permission_edit_groups',
	'group_permission_manage_users_licenses', 'permission_manage_custom_content',
	'permission_create_other_sub_admins_with_same_permissions']) p;
UPDATE profiles SET attributes = '{"b": "1", "a": "2"}', work_title = 'E', preferred_first_name = 'Eve', preferred_last_name = 'E',
	unique_user_id = 'EV3' WHERE profile_id = 5;
INSERT INTO seats VALUES (5, 2, 'invited') ON CONFLICT DO NOTHING;
INSERT INTO memberships VALUES (5, 2), (5, 1);
SELECT seq, file, n FROM export();
SELECT unnest(columns) FROM export_files WHERE export_id = last_export();
SELECT confirm_last();

-- files are cut
INSERT INTO profiles (primary_email_address) SELECT 'n' || n || '@example.com' FROM generate_series(1, 5) n;
INSERT INTO memberships SELECT profile_id, 1 FROM profiles WHERE primary_email_address::text = 'n1@example.com';
SELECT * FROM export(rows_per_file => 2, dry_run => true);
UPDATE settings SET rows_per_file = 3;
SELECT seq, n FROM export();
UPDATE settings SET rows_per_file = DEFAULT;
SELECT confirm_last();

-- reupload_user_profile, where it was confirmed, stands in files of its own, of added and renamed people
INSERT INTO profiles (primary_email_address, reupload_user_profile) VALUES ('o1@example.com', false), ('o2@example.com', true);
UPDATE profiles SET reupload_user_profile = true, primary_email_address = 'm1@example.com' WHERE primary_email_address = 'n1@example.com';
UPDATE profiles SET primary_email_address = 'm2@example.com' WHERE primary_email_address = 'n2@example.com';
UPDATE profiles SET work_title = 'x' WHERE primary_email_address IN ('m1@example.com', 'm2@example.com');
SELECT * FROM export();
SELECT confirm_last();

-- an address must be free before it is taken: a chain that wants two files of one kind, and a swap
UPDATE profiles SET primary_email_address = 'z1@example.com' WHERE primary_email_address = 'n3@example.com';
UPDATE profiles SET primary_email_address = 'n3@example.com' WHERE primary_email_address = 'daniel@example.com';
UPDATE profiles SET primary_email_address = 'daniel@example.com' WHERE primary_email_address = 'm1@example.com';
UPDATE profiles SET primary_email_address = 'm1@example.com' WHERE primary_email_address = 'm2@example.com';
UPDATE profiles SET primary_email_address = 't@example.com' WHERE primary_email_address = 'o1@example.com';
UPDATE profiles SET primary_email_address = 'o1@example.com' WHERE primary_email_address = 'n4@example.com';
UPDATE profiles SET primary_email_address = 'n4@example.com' WHERE primary_email_address = 't@example.com';
UPDATE profiles SET unique_user_id = NULL WHERE unique_user_id = 'D2';
UPDATE profiles SET unique_user_id = 'D3' WHERE profile_id = 4;
UPDATE profiles SET unique_user_id = 'D2' WHERE unique_user_id = 'EV3';
SELECT seq, file, csv FROM export();
SELECT confirm_last();
SELECT * FROM d;

-- no file deletes anybody: who wants the address or the id of somebody deleted is for a person to do
DELETE FROM profiles WHERE primary_email_address = 'n3@example.com';
UPDATE profiles SET primary_email_address = 'n3@example.com', work_title = 'y' WHERE primary_email_address = 'daniel@example.com';
UPDATE profiles SET unique_user_id = 'D3' WHERE primary_email_address = 'n5@example.com';
-- and so on for who wants the address of the one who wants it
UPDATE profiles SET primary_email_address = 'daniel@example.com' WHERE primary_email_address = 'm1@example.com';
SELECT seq, file, csv FROM export();
SELECT confirm_last();

-- deleted: revoked, out of all groups, without permissions; unknown to the vendor: nothing
INSERT INTO profiles (primary_email_address) VALUES ('never@example.com');
DELETE FROM profiles WHERE primary_email_address IN ('ann@example.com', 'cleo@example.com', 'never@example.com');
SELECT seq, file, csv FROM export();
-- and made again before that was confirmed
SELECT orgsync.cancel_export('exp', last_export());
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
	VALUES ('Cleo@example.com', 'C1', 'Cleo', 'Crane');
INSERT INTO seats SELECT max(profile_id), 2, 'invited' FROM profiles;
INSERT INTO memberships SELECT max(profile_id), 1 FROM profiles;
SELECT seq, file, csv FROM export();

-- a new export supersedes an older one, which can then be neither confirmed ...
SELECT orgsync.confirm_export('exp', last_export() - 1);
SELECT seq, file FROM export();
SELECT last_export() AS newer \gset
SELECT orgsync.confirm_export('exp', :newer - 1);
-- ... unless the newer one is cancelled
SELECT orgsync.cancel_export('exp', :newer);
SELECT orgsync.confirm_export('exp', :newer);
SELECT orgsync.confirm_export('exp', :newer - 1);
SELECT orgsync.cancel_export('exp', :newer - 1);
SELECT orgsync.confirm_export('exp', :newer - 1);
SELECT * FROM d;
SELECT count(*) FROM changes;
SELECT orgsync.confirm_export('exp', 1000);
SELECT orgsync.cancel_export('exp', 1000);
SELECT orgsync.confirm_export('exp', NULL);

-- file by file; what was confirmed is gone from the diff at once, and the rest stays
UPDATE profiles SET primary_email_address = 'o3@example.com', work_title = 'z', preferred_last_name = NULL, preferred_first_name = 'Oz'
	WHERE primary_email_address = 'o2@example.com';
UPDATE profiles SET preferred_last_name = 'Ozmann' WHERE primary_email_address = 'o3@example.com';
UPDATE profiles SET work_title = NULL WHERE primary_email_address = '+eve@example.com';
DELETE FROM seats WHERE profile_id = 5;
INSERT INTO memberships SELECT profile_id, 3 FROM profiles WHERE primary_email_address = 'o3@example.com';
INSERT INTO profiles (primary_email_address, work_title) VALUES ('p1@example.com', 'P');
UPDATE profiles SET work_title = 'undone' WHERE primary_email_address = 'n5@example.com';
UPDATE profiles SET work_title = NULL WHERE primary_email_address = 'n5@example.com';
SELECT seq, file, csv FROM export(layout => 'legacy');
SELECT last_export() AS last \gset
SELECT * FROM d;
SELECT orgsync.confirm_export('exp', :last, seq => 3);
SELECT email, action, column_name FROM d;
SELECT orgsync.confirm_export('exp', :last, seq => 3);
SELECT orgsync.confirm_export('exp', :last, seq => 9);
SELECT orgsync.confirm_export('exp', :last, seq => 2);
SELECT email, action, column_name FROM d;
SELECT orgsync.confirm_export('exp', :last, seq => 4);
SELECT email, action, column_name FROM d;
SELECT orgsync.confirm_export('exp', :last, seq => 5);
SELECT email, action, column_name FROM d;
SELECT state FROM exports WHERE export_id = :last;
SELECT orgsync.confirm_export('exp', :last, seq => 1);
SELECT state FROM exports WHERE export_id = :last;
SELECT count(*) FROM changes;

-- some files one by one, then the rest at once
UPDATE profiles SET work_title = 'q' WHERE profile_id IN (2, 5);
SELECT seq, n FROM export(rows_per_file => 1);
SELECT orgsync.confirm_export('exp', last_export(), seq => 2);
SELECT confirm_last();
SELECT state, (SELECT count(*) FROM changes) FROM exports WHERE export_id = last_export();

-- what the vendor refused stays pending, and what it said becomes findings
UPDATE profiles SET work_title = 'r', primary_email_address = 'bobby.b@example.com' WHERE profile_id = 2;
UPDATE profiles SET work_title = 'r' WHERE profile_id = 5;
INSERT INTO profiles (primary_email_address, work_title) VALUES ('q1@example.com', 'Q'), ('q2@example.com', 'Q');
UPDATE profiles SET work_title = 'Q2' WHERE primary_email_address = 'q2@example.com';
SELECT seq, file, csv FROM export();
SELECT last_export() AS last \gset
SELECT orgsync.confirm_export('exp', :last, E'\uFEFFprimary_email_address;work_title;Messages\r\n'
	'+eve@example.com;r;\r\n'
	'BOBBY.B@example.com;r;"The title is not\nwhat we like"\r\n'
	'\r\n'
	'q2@example.com;Q2;Duplicate Profile Error\r\n');
SELECT * FROM d;
SELECT export_id = :last AS of_it, import_id, line, column_name, code, severity, message, tip, record FROM import_findings;
SELECT state FROM exports WHERE export_id = :last;
-- the next export has just these, and with the results of one file of it the others stay as they are
SELECT seq, file, csv FROM export();
SELECT last_export() AS last \gset
SELECT orgsync.confirm_export('exp', :last, convert_to(E'work_title,primary_email_address,messages\nQ2,q2@example.com,No\n', 'UTF8'), seq => 2);
SELECT email, action FROM d;
SELECT orgsync.confirm_export('exp', :last, seq => 1);
SELECT email, action, column_name, new_value FROM d;
SELECT state FROM exports WHERE export_id = :last;
-- a results file without "Messages" is of refused rows
SELECT seq, file, csv FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'primary_email_address\nq2@example.com\n');
SELECT email, action, column_name, new_value FROM d;
SELECT line, message FROM import_findings WHERE export_id = last_export();
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;
SELECT * FROM d;

-- refused renames are found by the id or the existing address, and keep all that is pending of the person
UPDATE profiles SET primary_email_address = 'r1@example.com', unique_user_id = 'R2', work_title = 'r1' WHERE unique_user_id = 'D2';
UPDATE profiles SET primary_email_address = 'r2@example.com', work_title = 'r2' WHERE primary_email_address = 'bobby.b@example.com';
SELECT seq, file, csv FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'existing_email_address,Messages\nbobby.b@example.com,unknown\n');
SELECT * FROM d;
SELECT seq, file, csv FROM export();
SELECT confirm_last();
UPDATE profiles SET primary_email_address = 'r3@example.com', unique_user_id = 'R3' WHERE unique_user_id = 'R2';
SELECT seq, file, csv FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'unique_user_id,Messages\nR2,unknown\n');
SELECT * FROM d;
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;

-- a refused row of somebody deleted, or deleted and made again: all that is known of him stays
INSERT INTO seats SELECT profile_id, 1, 'activated' FROM profiles WHERE primary_email_address IN ('r2@example.com', 'q1@example.com', 'q2@example.com');
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;
DELETE FROM profiles WHERE primary_email_address IN ('r2@example.com', 'q1@example.com', 'q2@example.com');
INSERT INTO profiles (primary_email_address, work_title) VALUES ('q1@example.com', 'other');
SELECT * FROM d;
SELECT seq, file, csv FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'primary_email_address,Messages\nr2@example.com,busy\nq1@example.com,busy\n');
SELECT * FROM d;
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;
SELECT * FROM d;
SELECT count(*) FROM changes;

-- the same, file by file: what one file's refusal keeps is kept when the others are confirmed
INSERT INTO seats SELECT profile_id, 1, 'activated' FROM profiles WHERE primary_email_address = 'q1@example.com';
UPDATE profiles SET work_title = 'Q' WHERE primary_email_address = 'q1@example.com';
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;
DELETE FROM profiles WHERE primary_email_address = 'q1@example.com';
INSERT INTO profiles (primary_email_address, work_title) VALUES ('q1@example.com', 'other');
SELECT seq, file, csv FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'primary_email_address,Messages\nq1@example.com,busy\n', seq => 1);
SELECT orgsync.confirm_export('exp', last_export(), seq => 2);
SELECT state FROM exports WHERE export_id = last_export();
SELECT * FROM d WHERE action = 'revoke';
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;
SELECT * FROM d;

-- results that say nothing clear confirm nothing
UPDATE profiles SET work_title = 's' WHERE profile_id = 5;
SELECT seq, file, csv FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'Name,Messages\nEve,no\n');
SELECT orgsync.confirm_export('exp', last_export(), E'primary_email_address,Messages\n"+eve@example.com,no\n');
SELECT orgsync.confirm_export('exp', last_export(), E'primary_email_address,Messages\nsomebody@example.com,no\n');
SELECT orgsync.confirm_export('exp', last_export(), '');
SELECT email, action FROM d;
SELECT count(*) FROM import_findings WHERE export_id = last_export();
-- none is as none refused
SELECT orgsync.confirm_export('exp', last_export(), NULL::bytea);
SELECT * FROM d;

-- a critical error, above the header or in a row that names nobody: the vendor took nothing of that file
UPDATE profiles SET work_title = 't' WHERE profile_id = 5;
INSERT INTO profiles (primary_email_address) VALUES ('critical@example.com');
SELECT seq, file, csv FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'The file has too many columns.\n');
SELECT orgsync.confirm_export('exp', last_export(), E'The file has too many columns.\n', seq => 1);
SELECT * FROM d;
SELECT orgsync.confirm_export('exp', last_export(), E'Critical error: the license is unknown,\n,\nprimary_email_address,Messages\n', seq => 2);
SELECT * FROM d;
SELECT line, code, message, record FROM import_findings WHERE export_id = last_export();
SELECT seq, file FROM export();
SELECT orgsync.confirm_export('exp', last_export(), E'primary_email_address,work_title,Messages\n,,No such license\nr3@example.com,t,and this\n');
SELECT * FROM d;
SELECT seq, file FROM export();
SELECT confirm_last();
SELECT * FROM d;

-- too many seats revoked at once
INSERT INTO profiles (primary_email_address) SELECT 'w' || n || '@example.com' FROM generate_series(1, 24) n;
INSERT INTO seats SELECT profile_id, 1, 'activated' FROM profiles WHERE primary_email_address::text ~ '^w';
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;
SELECT sum(activated + invited) AS taken FROM seat_counters;
UPDATE settings SET max_revoke_percent = 19.5, threshold_floor = 5;
DELETE FROM profiles WHERE primary_email_address::text ~ '^w[1-5]@';
-- what is granted in the same export counts for nothing
INSERT INTO profiles (primary_email_address) SELECT 'x' || n || '@example.com' FROM generate_series(1, 20) n;
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles WHERE primary_email_address::text ~ '^x';
SELECT seq FROM orgsync.export_csv('exp');
SELECT seq FROM orgsync.export_csv('exp', dry_run => true);
SELECT seq, row_count FROM orgsync.export_csv('exp', override => true, dry_run => true);
-- the limit itself is not over the limit, and fewer people than the floor are never held up
UPDATE settings SET max_revoke_percent = 20;
SELECT seq, row_count FROM orgsync.export_csv('exp', dry_run => true);
UPDATE settings SET max_revoke_percent = 19.5, threshold_floor = 6;
SELECT seq, row_count FROM orgsync.export_csv('exp', dry_run => true);

-- a dry run writes nothing, so it runs where nothing may be written
BEGIN READ ONLY;
SELECT export_id, seq, kind, row_count FROM orgsync.export_csv('exp', dry_run => true);
COMMIT;

-- wrong arguments
SELECT * FROM orgsync.export_csv('exp', 0);
SELECT * FROM orgsync.export_csv('exp', layout => 'fancy');
SELECT * FROM orgsync.export_csv(NULL);
SELECT * FROM orgsync.export_csv('public');

RESET search_path;
-- Talent Insights: its notation of groups; no ids, so renames by the existing address
SELECT orgsync.create_account('exp_insights', 'talent_insights');
SELECT orgsync.add_license('exp_insights', 'license_talentInsights_talentInsights_status');
INSERT INTO exp_insights.groups (name) VALUES ('CSV Test 1'), ('CSV Test 2');
INSERT INTO exp_insights.profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
	VALUES ('john@example.com', 'J1', 'John', 'Smith'), ('tim@example.com', NULL, 'Tim', 'Smith');
INSERT INTO exp_insights.memberships VALUES (1, 1), (2, 2);
SELECT replace(csv, E'\r', '') AS csv FROM orgsync.export_csv('exp_insights');
SELECT orgsync.confirm_export('exp_insights', 1, seq => 1);
UPDATE exp_insights.memberships SET group_id = 2 WHERE profile_id = 1;
UPDATE exp_insights.profiles SET primary_email_address = 'johnny@example.com' WHERE profile_id = 1;
INSERT INTO exp_insights.seats VALUES (1, 1, 'invited');
SELECT seq, kind, replace(csv, E'\r', '') AS csv FROM orgsync.export_csv('exp_insights');
SELECT orgsync.confirm_export('exp_insights', 2, seq => 2);
SELECT action, column_name FROM orgsync.diff('exp_insights');
SELECT orgsync.confirm_export('exp_insights', 2, seq => 1);
SELECT count(*) FROM exp_insights.changes;

DROP SCHEMA exp CASCADE;
DROP SCHEMA exp_insights CASCADE;
