-- Who left and is back, and whose address passes to somebody else: what the vendor has after part of an export.
\pset null '(null)'
SET client_min_messages = warning;
SELECT orgsync.create_account('back', 'linkedin_learning');
SELECT orgsync.add_license('back', 'Default_license_learning_proAllLanguages_status');
SET search_path = back, orgsync, public;
CREATE VIEW d AS SELECT primary_email_address AS email, action, column_name, old_value, new_value FROM orgsync.diff('back');
CREATE FUNCTION files() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT seq || ' ' || kind || ': ' || replace(csv, E'\r\n', ' ; ') FROM orgsync.export_csv('back', override => true)
$$;
CREATE FUNCTION last() RETURNS bigint LANGUAGE sql AS $$SELECT max(export_id) FROM back.exports$$;
INSERT INTO groups (name) VALUES ('HR'), ('Sales');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title, attributes)
	VALUES ('ann@example.com', 'A1', 'Ann', 'Archer', 'Clerk', '{"floor": "1"}'), ('bob@example.com', NULL, 'Bob', 'Baker', NULL, '{}'),
		('cleo@example.com', NULL, 'Cleo', 'Cox', NULL, '{}'), ('dan@example.com', 'D1', 'Dan', 'Dean', NULL, '{}');
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles;
INSERT INTO memberships SELECT profile_id, 1 FROM profiles;
SELECT count(*) FROM files();
SELECT orgsync.confirm_export('back', last());

-- a leaver is back, and only a part of that is confirmed
DELETE FROM profiles WHERE unique_user_id = 'A1';
SELECT count(*) FROM files();
SELECT orgsync.confirm_export('back', last());
SELECT primary_email_address FROM leavers;
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, work_title)
	VALUES ('ann@example.org', 'A1', 'Anna', 'Chief');
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles WHERE unique_user_id = 'A1';
INSERT INTO memberships SELECT profile_id, 1 FROM profiles WHERE unique_user_id = 'A1';
SELECT * FROM d;
SELECT files();
-- after the export nobody is taken for somebody else any more
SELECT count(*) FROM leavers;
SELECT count(*) FROM changes WHERE column_name IS NULL;
SELECT orgsync.confirm_export('back', last(), seq => 1);
SELECT orgsync.confirm_export('back', last(), seq => 2);
SELECT orgsync.cancel_export('back', last());
SELECT * FROM d;
-- so what is taken back must be told
DELETE FROM seats WHERE profile_id = (SELECT profile_id FROM profiles WHERE unique_user_id = 'A1');
DELETE FROM memberships WHERE profile_id = (SELECT profile_id FROM profiles WHERE unique_user_id = 'A1');
SELECT * FROM d;
-- also if he leaves again
DELETE FROM profiles WHERE unique_user_id = 'A1';
SELECT * FROM d;
SELECT files();
SELECT orgsync.confirm_export('back', last());
SELECT primary_email_address, unique_user_id, preferred_first_name, work_title FROM leavers;

-- deleted and made again, exported, and deleted before the confirmation
DELETE FROM profiles WHERE primary_email_address = 'bob@example.com';
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name, work_title) VALUES ('bob@example.com', 'Bob', 'Baker', 'CTO');
INSERT INTO memberships SELECT profile_id, 2 FROM profiles WHERE primary_email_address = 'bob@example.com';
SELECT files();
DELETE FROM profiles WHERE primary_email_address = 'bob@example.com';
SELECT orgsync.confirm_export('back', last());
SELECT * FROM d;
SELECT primary_email_address FROM leavers ORDER BY 1;
SELECT count(*) FROM files();
SELECT orgsync.confirm_export('back', last());
SELECT primary_email_address FROM leavers ORDER BY 1;

-- part of what a deleted profile has to lose is refused: the rest is not forgotten
DELETE FROM profiles WHERE primary_email_address = 'cleo@example.com';
SELECT files();
SELECT orgsync.confirm_export('back', last(), E'primary_email_address,group:HR,Messages\ncleo@example.com,no,No\n');
SELECT * FROM d;
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('cleo@example.com', 'Cleo', 'Cox');
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles WHERE primary_email_address = 'cleo@example.com';
SELECT * FROM d;
SELECT count(*) FROM files();
SELECT orgsync.confirm_export('back', last());

-- somebody gets by hand the address of one who was deleted and is still pending: the vendor has it once
DELETE FROM profiles WHERE primary_email_address = 'cleo@example.com';
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('cleo@example.com', 'Otto', 'Oak');
SELECT files();
SELECT orgsync.confirm_export('back', last(), E'primary_email_address,Default_license_learning_proAllLanguages_status,Messages\ncleo@example.com,inactive,No\n');
SELECT * FROM d;
SELECT count(*) FROM leavers WHERE primary_email_address = 'cleo@example.com';
SELECT count(*) FROM changes;

-- a row about a new id names the address, and says nothing about a new one that is to be set by hand
UPDATE profiles SET primary_email_address = 'bob@example.com', unique_user_id = 'D2' WHERE unique_user_id = 'D1';
SELECT files();
SELECT orgsync.confirm_export('back', last(), seq => 1);
SELECT * FROM d;
SELECT orgsync.confirm_export('back', last());
SELECT * FROM d;

-- two are new, one with a leaver's id and one with his address: he is back under the id
SELECT count(*) FROM leavers WHERE primary_email_address = 'ann@example.org' AND unique_user_id = 'A1';
INSERT INTO profiles (primary_email_address, work_title) VALUES ('ann@example.org', 'new');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_last_name) VALUES ('anna@example.com', 'A1', 'Archer');
SELECT * FROM d;
SELECT files();
SELECT orgsync.confirm_export('back', last());
SELECT * FROM d;

-- made again with a name and a title, where there was none
DELETE FROM profiles WHERE primary_email_address = 'ann@example.org';
INSERT INTO profiles (primary_email_address, preferred_first_name, work_title) VALUES ('ann@example.org', 'Ann', 'new');
SELECT * FROM d;

-- an export is open, which changes somebody's title; he is deleted and made again, with the title that he had before, and
-- another export is made and cancelled: nothing tells what the vendor has if the first one was uploaded
SELECT count(*) FROM files();
SELECT orgsync.confirm_export('back', last());
UPDATE profiles SET work_title = 'Chief' WHERE primary_email_address = 'ann@example.org';
SELECT files();
DELETE FROM profiles WHERE primary_email_address = 'ann@example.org';
INSERT INTO profiles (primary_email_address, preferred_first_name, work_title) VALUES ('ann@example.org', 'Ann', 'new'),
	('eve@example.com', 'Eve', 'new');
SELECT files();
SELECT orgsync.cancel_export('back', last());
SELECT orgsync.confirm_export('back', last() - 1);
SELECT state FROM orgsync.import_remote('back', csv => E'primary_email_address,preferred_first_name,work_title\nann@example.org,Ann,Chief\n',
	complete => false);
SELECT * FROM d WHERE email = 'ann@example.org';

-- changes that an export put in the place of others do not get the numbers of those that an open one has read
SELECT count(*) FROM files();
SELECT orgsync.confirm_export('back', last());
DELETE FROM profiles WHERE primary_email_address = 'ann@example.org';
INSERT INTO profiles (primary_email_address, preferred_first_name, work_title) VALUES ('ann@example.org', 'Ann', 'third');
SELECT count(*) FROM files();
SELECT count(*) FROM orgsync.forget_person('back', 'ann@example.org');
DELETE FROM profiles WHERE primary_email_address = 'eve@example.com';
INSERT INTO profiles (primary_email_address, preferred_first_name, work_title) VALUES ('eve@example.com', 'Eve', 'other');
SELECT files();
SELECT orgsync.cancel_export('back', last());
SELECT orgsync.confirm_export('back', last() - 1);
SELECT * FROM d;

RESET search_path;
DROP SCHEMA back CASCADE;
