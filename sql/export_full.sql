-- Everything, for an account of the vendor's that has nothing.
SET client_min_messages = warning;
SELECT orgsync.create_account('whole', 'linkedin_learning');
SELECT orgsync.add_license('whole', 'Default_license_learning_proAllLanguages_status', when_full => 'waitlist', seats => 2, counting => 'invited');
SET search_path = whole, orgsync, public;
CREATE FUNCTION export(rows_per_file int DEFAULT NULL, layout text DEFAULT NULL, dry_run boolean DEFAULT false, spreadsheet_safe boolean DEFAULT false)
RETURNS TABLE (seq int, kind text, n bigint, csv text) LANGUAGE sql AS $$
	SELECT e.seq, e.kind, e.row_count, replace(e.csv, E'\r\n', E'\n')
	FROM orgsync.export_csv('whole', rows_per_file, layout, false, spreadsheet_safe, dry_run, "full" => true) e
$$;
CREATE FUNCTION confirm_last() RETURNS void LANGUAGE sql AS
	$$SELECT orgsync.confirm_export('whole', max(export_id)) FROM whole.exports$$;
CREATE VIEW d AS SELECT primary_email_address AS email, action, column_name, old_value, new_value FROM orgsync.diff('whole');
SELECT * FROM export();
INSERT INTO groups (name) VALUES ('HR'), ('Ops'), ('a "quoted", group'), ('nobody');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title, attributes, reupload_user_profile)
	VALUES ('ann@example.com', 'A1', 'Ann', 'Archer', 'CEO, "chief"', '{"floor": "1", "desk": "x"}', false),
		('bob@example.com', NULL, 'Bob', 'Baker', '=1+1', '{}', false), ('cleo@example.com', 'C1', 'Cléo', 'Carter', 'Clerk', '{"desk": "y", "floor": "2"}', true),
		('dan@example.com', 'D1', 'Dan', '', NULL, '{"floor": "", "n": 3, "o": {"a": null}}', false), ('eve@example.com', NULL, NULL, NULL, NULL, '{"n": null}', false);
INSERT INTO seats VALUES (1, 1, 'activated'), (2, 1, 'invited'), (3, 1, 'unassigned'), (4, 1, 'waitlisted');
INSERT INTO memberships VALUES (1, 2), (1, 1), (2, 3), (5, 2);
INSERT INTO permissions VALUES (1, 'permission_curate_content', 'yes'), (2, 'group_permission_view_reports', 'group:HR'), (3, 'permission_curate_content', 'no');
-- the same as what a first export says
SELECT kind, csv FROM export(dry_run => true);
SELECT e.csv = f.csv AS same FROM orgsync.export_csv('whole', dry_run => true) e JOIN orgsync.export_csv('whole', dry_run => true, "full" => true) f USING (seq, kind);
SELECT csv FROM export(layout => 'legacy', spreadsheet_safe => true, dry_run => true) WHERE csv ~ 'bob';
SELECT seq, kind, n FROM export(rows_per_file => 1, dry_run => true);
SELECT count(*) FROM exports;
SELECT count(*) FROM export();
SELECT is_full, state FROM exports;
SELECT confirm_last();
SELECT * FROM d;
SELECT count(*) FROM changes;

-- changes that are pending, people whom the old account knew: the new one has what the files say and nobody else
UPDATE profiles SET work_title = 'Boss' WHERE unique_user_id = 'A1';
DELETE FROM profiles WHERE unique_user_id = 'C1';
SELECT kind, n FROM export();
UPDATE profiles SET work_title = 'Later' WHERE unique_user_id = 'D1';
INSERT INTO profiles (primary_email_address) VALUES ('late@example.com');
DELETE FROM profiles WHERE primary_email_address = 'eve@example.com';
-- refused: not there
SELECT orgsync.confirm_export('whole', max(export_id), E'primary_email_address,Messages\nbob@example.com,no\n') FROM exports;
SELECT * FROM d;
SELECT seq, kind, csv FROM (SELECT e.seq, e.kind, replace(e.csv, E'\r\n', E'\n') AS csv FROM orgsync.export_csv('whole', override => true) e) e;
SELECT confirm_last();
SELECT * FROM d;
SELECT primary_email_address FROM leavers;
-- file by file; a new export supersedes it
SELECT seq, kind, n FROM export(rows_per_file => 2);
SELECT orgsync.confirm_export('whole', max(export_id), seq => 1) FROM exports;
SELECT count(*) FROM d;
SELECT confirm_last();
SELECT count(*) FROM d;
SELECT count(*) FROM leavers;
SELECT count(*) FROM export();
SELECT count(*) FROM export();
SELECT orgsync.confirm_export('whole', max(export_id) - 1) FROM exports;
SELECT orgsync.cancel_export('whole', max(export_id)) FROM exports;
SELECT * FROM d;

\set VERBOSITY terse
DROP SCHEMA whole CASCADE;
