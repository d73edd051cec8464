-- What was confirmed in parts of somebody who was deleted and made again is what the vendor has.
SELECT orgsync.create_account('part', 'linkedin_learning');
SELECT orgsync.add_license('part', 'Default_license_learning_proAllLanguages_status');
SET search_path = part, public;
INSERT INTO groups (name) VALUES ('HR'), ('Sales');
INSERT INTO profiles (primary_email_address, unique_user_id, work_title) VALUES ('ann@example.com', 'A1', 'CEO');
INSERT INTO seats VALUES (1, 1, 'invited');
INSERT INTO memberships VALUES (1, 1);
CREATE VIEW d AS SELECT action, column_name, old_value, new_value FROM orgsync.diff('part');
CREATE FUNCTION files() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT seq || ' ' || kind || ': ' || replace(csv, E'\r\n', ' ; ') FROM orgsync.export_csv('part')
$$;
SELECT files();
SELECT orgsync.confirm_export('part', 1);

-- a revoke, then the rest is not uploaded, and the seat is given back
DELETE FROM profiles;
INSERT INTO profiles (primary_email_address, unique_user_id, work_title) VALUES ('anna@example.com', 'A1', 'Boss');
INSERT INTO memberships VALUES (2, 2);
SELECT files();
SELECT orgsync.confirm_export('part', 2, seq => 1);
SELECT * FROM d;
SELECT orgsync.cancel_export('part', 2);
INSERT INTO seats VALUES (2, 1, 'invited');
SELECT * FROM d;

-- a new address, then it is the old one again
SELECT files();
SELECT orgsync.confirm_export('part', 3, seq => 1);
SELECT * FROM d;
UPDATE profiles SET primary_email_address = 'ann@example.com';
SELECT files();

-- a title and groups of which part is refused, then they are undone
UPDATE profiles SET primary_email_address = 'anna@example.com';
INSERT INTO profiles (primary_email_address, work_title) VALUES ('bob@example.com', 'CTO');
SELECT files();
SELECT orgsync.confirm_export('part', 5, E'primary_email_address,Messages\nbob@example.com,No\n', seq => 2);
SELECT orgsync.confirm_export('part', 5, seq => 1);
SELECT * FROM d;
DELETE FROM memberships;
DELETE FROM seats;
SELECT * FROM d;

-- and in the end nothing is left
SELECT files();
SELECT orgsync.confirm_export('part', 6);
SELECT count(*) FROM changes;
SELECT files();

-- a rename is refused: what was uploaded before it counts, what came after it does not, whatever the texts say
SELECT orgsync.add_license('part', 'Second_license_learning_proAllLanguages_status');
UPDATE profiles SET preferred_first_name = 'active' WHERE profile_id = 2;
INSERT INTO seats VALUES (2, 1, 'invited');
SELECT files();
SELECT orgsync.confirm_export('part', max(export_id)) FROM exports;
SELECT * FROM d;
DELETE FROM seats WHERE profile_id = 2;
INSERT INTO seats VALUES (2, 2, 'invited');
UPDATE profiles SET primary_email_address = 'new.anna@example.com', preferred_first_name = 'Anna', work_title = 'CFO' WHERE profile_id = 2;
SELECT files();
BEGIN;
SELECT orgsync.confirm_export('part', max(export_id), E'unique_user_id,Messages\nA1,Nobody has this id\n') FROM exports;
SELECT * FROM d;
ROLLBACK;
-- also if the files are confirmed one by one, the refused one first
SELECT orgsync.confirm_export('part', max(export_id), E'unique_user_id,Messages\nA1,Nobody has this id\n', seq => 2) FROM exports;
SELECT * FROM d;
SELECT orgsync.confirm_export('part', max(export_id), seq => 1) FROM exports;
SELECT orgsync.confirm_export('part', max(export_id), seq => 3) FROM exports;
SELECT * FROM d;
SELECT files();
SELECT orgsync.confirm_export('part', max(export_id)) FROM exports;
SELECT count(*) FROM changes;

-- a refused row is pending also where a name ends with a blank
UPDATE profiles SET attributes = '{"floor ": "2"}' WHERE profile_id = 2;
INSERT INTO groups (name) VALUES (E'Gamma\u00a0');
INSERT INTO memberships SELECT 2, group_id FROM groups WHERE starts_with(name, 'Gamma');
SELECT files();
SELECT orgsync.confirm_export('part', max(export_id), E'primary_email_address,Messages\nnew.anna@example.com,No\n') FROM exports;
SELECT * FROM d;
SELECT count(*) FROM files();
SELECT orgsync.confirm_export('part', max(export_id)) FROM exports;
SELECT * FROM d;
SELECT count(*) FROM changes;

-- a row names an address that cannot change yet, behind a "'": its change is pending
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
VALUES ('+eve@example.com', 'E1', 'Eve', 'Evans'), ('flo@example.com', 'F1', 'Flo', 'Ford');
SELECT orgsync.confirm_export('part', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('part')) AS e;
DELETE FROM profiles WHERE unique_user_id = 'F1';
UPDATE profiles SET primary_email_address = 'flo@example.com', unique_user_id = 'E2' WHERE unique_user_id = 'E1';
SELECT seq, kind, csv FROM orgsync.export_csv('part', spreadsheet_safe => true);
SELECT orgsync.confirm_export('part', max(export_id), seq => 1) FROM exports;
SELECT * FROM d;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA part CASCADE;
