-- By what the rows of files and the lines of lists name people, and in which order.
SELECT orgsync.create_account('keys', 'linkedin_learning');
SELECT orgsync.add_license('keys', 'Default_license_learning_proAllLanguages_status');
SET search_path = keys, public;
CREATE VIEW d AS SELECT primary_email_address AS email, action, column_name, old_value, new_value FROM orgsync.diff('keys');
CREATE FUNCTION export() RETURNS TABLE (seq int, kind text, csv text) LANGUAGE sql AS $$
	SELECT e.seq, e.kind, replace(e.csv, E'\r\n', E'\n') FROM orgsync.export_csv('keys', override => true) e
$$;
CREATE FUNCTION last_export() RETURNS bigint LANGUAGE sql AS 'SELECT max(export_id) FROM keys.exports';
INSERT INTO groups (name) VALUES ('HR');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, work_title, attributes) VALUES
	('ann@example.com', 'A1', 'Ann', 'CEO', '{"floor": "1"}'), ('bob@example.com', 'B1', 'Bob', 'CTO', '{"floor": "2"}'),
	('cleo@example.com', NULL, 'Cleo', 'CIO', '{"floor": "3"}'), ('dan@example.com', 'D1', 'Dan', 'CFO', '{"floor": "4"}');
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles;
SELECT count(*) FROM export();
SELECT orgsync.confirm_export('keys', last_export());
SELECT * FROM d;

-- who has an id is renamed by it; who has none, by the address; a new id needs the old one beside it; all else goes by the address
UPDATE profiles SET primary_email_address = 'ann.new@example.com', work_title = 'Boss' WHERE profile_id = 1;
UPDATE profiles SET primary_email_address = 'bob.new@example.com', unique_user_id = 'B2' WHERE profile_id = 2;
UPDATE profiles SET primary_email_address = 'cleo.new@example.com', unique_user_id = 'C1' WHERE profile_id = 3;
DELETE FROM seats WHERE profile_id IN (1, 4);
SELECT * FROM export();
-- the vendor names who was refused by the id alone, in any row that has one
BEGIN;
SELECT orgsync.confirm_export('keys', last_export(), E'unique_user_id,Messages\nA1,no\n');
SELECT * FROM d;
ROLLBACK;
BEGIN;
SELECT orgsync.confirm_export('keys', last_export(), E'unique_user_id,new_unique_user_id,Messages\nB1,B2,no\n');
SELECT * FROM d;
ROLLBACK;
SELECT orgsync.confirm_export('keys', last_export(), E'unique_user_id,Messages\nZ1,no\n');
SELECT orgsync.confirm_export('keys', last_export());
SELECT * FROM d;

-- who gets an id has it in an update, by the address
UPDATE profiles SET unique_user_id = NULL WHERE profile_id = 3;
SELECT * FROM export();
SELECT orgsync.confirm_export('keys', last_export());
UPDATE profiles SET unique_user_id = 'C2' WHERE profile_id = 3;
SELECT * FROM export();
SELECT orgsync.confirm_export('keys', last_export());

-- lists: all of one person together, the address first, in the order of the diff; a person is never cut
UPDATE profiles SET work_title = NULL, preferred_first_name = NULL, unique_user_id = NULL, attributes = '{}' WHERE profile_id IN (4, 1);
UPDATE profiles SET work_title = '' WHERE profile_id = 2;
DELETE FROM profiles WHERE profile_id = 3;
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name) VALUES ('cleo.new@example.com', 'C9', 'Cleopatra');
SELECT e.seq, e.kind, e.row_count, replace(e.csv, E'\r\n', E'\n') AS csv FROM orgsync.export_csv('keys', rows_per_file => 3, override => true) e;
SELECT array_agg(email || ' ' || column_name) = (SELECT array_agg(l.fields[1] || ' ' || l.fields[2] ORDER BY seq, line)
	FROM export_files f, orgsync.read_csv(f.csv) l WHERE f.export_id = last_export() AND f.kind = 'manual' AND l.fields[1] <> 'primary_email_address')
	FROM d WHERE action <> 'revoke';
SELECT orgsync.confirm_export('keys', last_export());
SELECT count(*) FROM changes;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA keys CASCADE;
