-- People who left: the vendor keeps their profiles, and nobody else must be taken for them.
\pset null '(null)'
SET client_min_messages = warning;
SELECT orgsync.create_account('leave', 'linkedin_learning');
SELECT orgsync.add_license('leave', 'Default_license_learning_proAllLanguages_status');
SET search_path = leave, orgsync, public;
CREATE VIEW d AS SELECT primary_email_address AS email, action, column_name, old_value, new_value FROM orgsync.diff('leave');
CREATE FUNCTION export() RETURNS TABLE (seq int, kind text, csv text) LANGUAGE sql AS $$
	SELECT e.seq, e.kind, replace(e.csv, E'\r\n', E'\n') FROM orgsync.export_csv('leave', override => true) e
$$;
CREATE FUNCTION confirm_last() RETURNS void LANGUAGE sql AS
	$$SELECT orgsync.confirm_export('leave', max(export_id)) FROM leave.exports$$;
CREATE VIEW findings AS SELECT column_name, code, message FROM leave.import_findings
	WHERE export_id = (SELECT max(export_id) FROM leave.exports) ORDER BY finding_id;
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title, attributes)
	VALUES ('ann@example.com', 'A1', 'Ann', 'Archer', 'Clerk', '{"floor": "1", "desk": "2"}'),
		('bob@example.com', NULL, 'Bob', 'Baker', NULL, '{}'),
		('cleo@example.com', 'C1', NULL, NULL, NULL, '{}'), ('stays@example.com', 'S1', 'Sam', 'Stone', NULL, '{}');
INSERT INTO seats SELECT profile_id, 1, 'activated' FROM profiles;
SELECT kind, count(*) FROM export() GROUP BY kind;
SELECT confirm_last();
DELETE FROM profiles WHERE primary_email_address <> 'stays@example.com';
SELECT * FROM export();
SELECT count(*) FROM leavers;
SELECT confirm_last();
SELECT profile_id, primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title, attributes FROM leavers ORDER BY 1;
SELECT count(*) FROM changes;

-- back, by the id, under another address: the vendor renames the profile that it has, and keeps what is the same
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, attributes)
	VALUES ('ann.archer@example.com', 'A1', 'Ann', 'Archer', '{"floor": "3", "shoe": "41"}');
INSERT INTO seats SELECT max(profile_id), 1, 'invited' FROM profiles;
-- back, by the address, with a name that agrees
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('Bob@example.com', 'Bob', 'Builder');
SELECT * FROM d;
SELECT * FROM export();
-- refused: stays a leaver who is back
SELECT orgsync.confirm_export('leave', max(export_id), E'primary_email_address,Messages\nbob@example.com,no\n') FROM exports;
SELECT * FROM d;
SELECT profile_id, primary_email_address FROM leavers ORDER BY 1;
SELECT seq, kind FROM export();
SELECT confirm_last();
SELECT * FROM d;
SELECT profile_id, primary_email_address FROM leavers ORDER BY 1;

-- somebody else gets the address: another id, or no id and quite another name
INSERT INTO profiles (primary_email_address, unique_user_id) VALUES ('cleo@example.com', 'C2');
SELECT * FROM d;
SELECT * FROM export();
SELECT * FROM findings;
SELECT orgsync.cancel_export('leave', max(export_id)) FROM exports;
-- so does somebody whom the vendor knows, and who wants the address, or the id
DELETE FROM profiles WHERE primary_email_address = 'cleo@example.com';
UPDATE profiles SET primary_email_address = 'cleo@example.com', unique_user_id = 'C1', work_title = 'x' WHERE unique_user_id = 'S1';
SELECT * FROM export();
SELECT * FROM findings;
-- when a person has seen to it and the list is confirmed, the leaver is known no more
SELECT confirm_last();
SELECT * FROM d;
SELECT count(*) FROM leavers;

-- deleted and not confirmed yet: the same
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('eve@example.com', 'Eve', 'Elm');
SELECT count(*) FROM export();
SELECT confirm_last();
DELETE FROM profiles WHERE primary_email_address = 'eve@example.com';
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('eve@example.com', 'Otto', 'Oak');
SELECT * FROM d;
SELECT * FROM export();
SELECT * FROM findings;
SELECT orgsync.cancel_export('leave', max(export_id)) FROM exports;
UPDATE profiles SET preferred_last_name = 'Elm' WHERE primary_email_address = 'eve@example.com';
SELECT * FROM d;
SELECT seq, kind FROM export();
SELECT confirm_last();
SELECT count(*) FROM leavers;

-- renamed in an export, deleted before its confirmation: the address that was exported
UPDATE profiles SET primary_email_address = 'eve.oak@example.com' WHERE primary_email_address = 'eve@example.com';
SELECT count(*) FROM export();
DELETE FROM profiles WHERE primary_email_address = 'eve.oak@example.com';
SELECT confirm_last();
SELECT count(*) FROM leavers;
SELECT column_name, vendor_value FROM changes WHERE column_name = 'primary_email_address';
INSERT INTO profiles (primary_email_address) VALUES ('zoe@example.com');
SELECT count(*) FROM export();
SELECT confirm_last();
SELECT primary_email_address FROM leavers;

-- the vendor's own list says what it has
SELECT state FROM orgsync.import_remote('leave', E'primary_email_address,unique_user_id\neve.oak@example.com,\nzoe@example.com,\n');
SELECT count(*) FROM leavers;
SELECT email, action, column_name FROM d WHERE email = 'eve.oak@example.com';
INSERT INTO profiles (primary_email_address) VALUES ('eve.oak@example.com');
SELECT email, action, column_name FROM d WHERE email = 'eve.oak@example.com';

-- two who left with one address or id, one after the other: the vendor can have only the last of them there
INSERT INTO profiles (primary_email_address, unique_user_id) VALUES ('one@example.com', 'O1');
SELECT count(*) FROM export();
SELECT confirm_last();
DELETE FROM profiles WHERE primary_email_address = 'one@example.com';
INSERT INTO profiles (primary_email_address) VALUES ('more@example.com');
SELECT count(*) FROM export();
SELECT confirm_last();
SELECT primary_email_address, unique_user_id FROM leavers WHERE unique_user_id ~ '^O';
INSERT INTO profiles (primary_email_address, unique_user_id, work_title) VALUES ('one@example.com', 'O2', 'other');
SELECT csv FROM export();
-- done by hand, confirmed file by file: the first is known by the id alone
SELECT orgsync.confirm_export('leave', export_id, seq => seq) FROM (SELECT export_id, seq FROM export_files WHERE export_id = (SELECT max(export_id) FROM exports) ORDER BY seq DESC) f;
SELECT primary_email_address, unique_user_id FROM leavers WHERE unique_user_id ~ '^O';
DELETE FROM profiles WHERE unique_user_id = 'O2';
INSERT INTO profiles (primary_email_address) VALUES ('even.more@example.com');
SELECT count(*) FROM export();
SELECT confirm_last();
SELECT primary_email_address, unique_user_id FROM leavers WHERE unique_user_id ~ '^O' ORDER BY 2;
-- and is back: a row names him by the id; if the address is not free, a person must
INSERT INTO profiles (primary_email_address, unique_user_id, work_title) VALUES ('back@example.com', 'O1', 'back');
SELECT * FROM d;
SELECT kind, csv FROM export();
UPDATE profiles SET primary_email_address = 'one@example.com' WHERE unique_user_id = 'O1';
SELECT kind, csv FROM export();
SELECT confirm_last();
SELECT primary_email_address, unique_user_id FROM leavers WHERE unique_user_id ~ '^O' ORDER BY 2;

-- one had the address and another has the id: who is back is who has the id, and the address is not free
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
	VALUES ('tea@example.com', NULL, 'Tea', 'Two'), ('two@example.com', 'T2', 'Tea', 'Two');
SELECT count(*) FROM export();
SELECT confirm_last();
DELETE FROM profiles WHERE preferred_first_name = 'Tea';
INSERT INTO profiles (primary_email_address) VALUES ('yet.more@example.com');
SELECT count(*) FROM export();
SELECT confirm_last();
SELECT primary_email_address, unique_user_id FROM leavers WHERE preferred_first_name = 'Tea' ORDER BY 1;
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
	VALUES ('TEA@example.com', 'T2', 'Tea', 'Two');
SELECT * FROM d;
SELECT kind, csv FROM export();
SELECT * FROM findings;
SELECT confirm_last();
SELECT * FROM d;
SELECT primary_email_address, unique_user_id FROM leavers WHERE preferred_first_name = 'Tea' ORDER BY 1;

\set VERBOSITY terse
DROP SCHEMA leave CASCADE;
