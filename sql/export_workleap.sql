-- Workleap: its own columns; who is new in files, one for each set of groups; all else is for a person to do.
SET client_min_messages = warning;
SELECT orgsync.create_account('leap', 'workleap');
SET search_path = leap, orgsync, public;
CREATE VIEW d AS SELECT primary_email_address AS email, action, column_name, old_value, new_value FROM orgsync.diff('leap');
CREATE FUNCTION export() RETURNS TABLE (seq int, file text, csv text) LANGUAGE sql AS $$
	SELECT e.seq, regexp_replace(e.file_name, '-\d{8}-', '-DATE-'), replace(e.csv, E'\r\n', E'\n') FROM orgsync.export_csv('leap', override => true) e
$$;
CREATE FUNCTION confirm_last() RETURNS void LANGUAGE sql AS
	$$SELECT orgsync.confirm_export('leap', max(export_id)) FROM leap.exports$$;
INSERT INTO groups (name) VALUES ('Onboarding'), ('Québec / Est');
SELECT state, created FROM orgsync.import_csv('leap', $$Name,Email,Country,Region,Language,Title,Start date
Ann Archer,ann@example.ca,CA,CA-QC,fr,Clerk,2026-01-12
Bob Baker,bob@example.ca,CA,CA-ON,,,
Plato,plato@example.gr,GR,GR-I,,Philosopher,
$$);
SELECT state, created FROM orgsync.import_csv('leap', $$Name,Email,Country,Region
Cleo Carter,cleo@example.ca,CA,CA-QC
Dan Dyer,dan@example.ca,CA,CA-QC
$$, groups => '{Onboarding,Québec / Est}');
-- not known, waiting, and not to be in a file that would be refused as a whole
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name, attributes)
	VALUES ('noseat@example.ca', 'No', 'Seat', '{"Country": "CA", "Region": "CA-QC"}'),
		('nowhere@example.ca', 'No', 'Where', '{"Country": "CA"}'),
		('formula@example.ca', 'Ed', 'Elm', '{"Country": "CA", "Region": "CA-QC", "Language": "=fr", "Shoe size": "42"}');
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles WHERE primary_email_address IN ('nowhere@example.ca', 'formula@example.ca');
SELECT * FROM d;
SELECT * FROM export();
-- the list alone is done: whom it adds the vendor knows, unless part of it was not to be done
BEGIN;
SELECT orgsync.confirm_export('leap', max(export_id), seq => max(seq)) FROM export_files;
SELECT DISTINCT email FROM d ORDER BY 1;
ROLLBACK;
BEGIN;
SELECT orgsync.confirm_export('leap', max(export_id), E'primary_email_address,column_name,Messages\nformula@example.ca,Language,no\n', max(seq))
	FROM export_files;
SELECT DISTINCT email FROM d ORDER BY 1;
ROLLBACK;
SELECT orgsync.confirm_export('leap', max(export_id), E'Email,Messages\nBOB@example.ca,no\n') FROM exports;
SELECT * FROM d;
SELECT seq, file FROM export();
SELECT confirm_last();
SELECT * FROM d;
-- a round trip: a copy of the account reads what was exported
SELECT orgsync.create_account('leap_copy', 'workleap');
SELECT (orgsync.import_csv('leap_copy', csv)).state
	FROM leap.export_files WHERE export_id = 1 AND kind = 'add' AND file_name !~ 'Onb' ORDER BY seq;
SELECT primary_email_address, preferred_first_name, preferred_last_name, work_title, attributes FROM leap_copy.profiles ORDER BY 1;
SELECT orgsync.drop_account('leap_copy');

-- existing people stay as they are at the vendor's
UPDATE profiles SET preferred_last_name = 'Ashe', work_title = NULL, attributes = attributes || '{"Country": "US", "Shoe size": "43", "Start date": "2026-02-01"}'
	WHERE primary_email_address = 'ann@example.ca';
UPDATE profiles SET primary_email_address = 'robert@example.ca' WHERE primary_email_address = 'bob@example.ca';
INSERT INTO memberships SELECT profile_id, 1 FROM profiles WHERE primary_email_address = 'plato@example.gr';
SELECT orgsync.revoke_seat('leap', 'dan@example.ca', 'active_students');
DELETE FROM profiles WHERE primary_email_address = 'cleo@example.ca';
SELECT * FROM d;
SELECT * FROM export();
-- refused by hand: what the list says of Ann stays pending
SELECT orgsync.confirm_export('leap', max(export_id), E'primary_email_address,column_name,Messages\nann@example.ca,Name,later\n') FROM exports;
SELECT * FROM d;
SELECT count(*) FROM export();
SELECT orgsync.confirm_export('leap', max(export_id), seq => 1) FROM exports;
SELECT * FROM d;

-- an address is free when somebody has changed it by hand, so who is to get it is not in a file
BEGIN;
UPDATE profiles SET primary_email_address = 'elsewhere@example.ca' WHERE primary_email_address = 'ann@example.ca';
UPDATE profiles SET primary_email_address = 'ann@example.ca' WHERE primary_email_address = 'noseat@example.ca';
SELECT orgsync.grant_seat('leap', 'ann@example.ca', 'active_students');
SELECT * FROM export();
ROLLBACK;

-- seats are taken away by hand before anybody new gets them, and the vendor's cap is never passed
BEGIN;
SELECT orgsync.set_seats('leap', 'active_students', (SELECT invited + activated FROM seat_usage)::int);
DELETE FROM profiles WHERE primary_email_address = 'ann@example.ca';
UPDATE profiles SET work_title = 'Sage' WHERE primary_email_address = 'plato@example.gr';
SELECT orgsync.grant_seat('leap', 'noseat@example.ca', 'active_students');
SELECT * FROM export();
SELECT orgsync.confirm_export('leap', max(export_id), seq => 1) FROM exports;
SELECT * FROM d;
ROLLBACK;

-- the template has no column for a duplicate that was confirmed
UPDATE profiles SET reupload_user_profile = true WHERE primary_email_address = 'noseat@example.ca';
-- whoever had no seat is added when there is one
SELECT orgsync.grant_seat('leap', 'noseat@example.ca', 'active_students');
SELECT * FROM export();
SELECT confirm_last();
SELECT count(*) FROM changes;

-- everything, for a new account of the vendor's: still without those who have no seat
UPDATE seats SET status = 'unassigned' WHERE profile_id IN (SELECT profile_id FROM profiles WHERE primary_email_address = 'plato@example.gr');
SELECT e.seq, regexp_replace(e.file_name, '-\d{8}-', '-DATE-') AS file, replace(e.csv, E'\r\n', E'\n') AS csv FROM orgsync.export_csv('leap', "full" => true) e;
SELECT confirm_last();
SELECT email, action, column_name FROM d;

\set VERBOSITY terse
DROP SCHEMA leap CASCADE;
