-- The vendor's own list of users: what the vendor has now.
SET client_min_messages = warning;
SELECT orgsync.create_account('remote', 'linkedin_learning');
SELECT orgsync.add_license('remote', 'Default_license_learning_proAllLanguages_status', 5);
SELECT orgsync.add_license('remote', 'Sales_license_learning_proFrench_status');
SET search_path = remote, orgsync, public;
SET timezone = 'America/Los_Angeles';
\set SHOW_CONTEXT never
CREATE VIEW d AS SELECT primary_email_address AS email, action, replace(column_name, 'Default_license_learning_proAllLanguages_status', 'LICENSE')
	AS column_name, old_value, new_value FROM orgsync.diff('remote') ORDER BY profile_id, 3;
CREATE VIEW holders AS SELECT primary_email_address AS email, status, since AT TIME ZONE 'UTC' AS since_utc
	FROM license_holders WHERE header = 'Default_license_learning_proAllLanguages_status';
CREATE FUNCTION remote(csv text, complete boolean DEFAULT true, adopt boolean DEFAULT false)
RETURNS TABLE (state text, n bigint, created bigint, updated bigint, unchanged bigint, absent bigint, rejected bigint, warnings bigint)
LANGUAGE sql AS $$
	SELECT i.state, i.rows_read, i.created, i.updated, i.unchanged, i.absent, i.rejected, i.warnings
	FROM orgsync.import_remote('remote', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'), complete, adopt) i
$$;
CREATE FUNCTION import(csv text) RETURNS TABLE (state text, n bigint, created bigint, updated bigint, unchanged bigint, rejected bigint)
LANGUAGE sql AS $$
	SELECT i.state, i.rows_read, i.created, i.updated, i.unchanged, i.rejected
	FROM orgsync.import_csv('remote', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status')) i
$$;
CREATE FUNCTION findings() RETURNS TABLE (line bigint, code text, severity text, message text, tip text) LANGUAGE sql AS $$
	SELECT f.line, f.code, f.severity, replace(f.message, 'Default_license_learning_proAllLanguages_status', 'LICENSE'), f.tip
	FROM remote.import_findings f WHERE import_id = (SELECT max(import_id) FROM remote.imports) ORDER BY 1, 2
$$;

-- what was exported is what the vendor has: no difference, confirmed or not
SELECT * FROM import(E'primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,LICENSE,group:HR,'
	'permission_curate_content,group_permission_view_reports,attribute_floor\n'
	'ann@example.com,A1,Ann,Archer,CEO,active,yes,yes,group:HR,1\n'
	'bob@example.com,B1,Bob,Baker,CTO,active,no,no,no,2\n'
	'cleo@example.com,C1,Cleo,Carter,CFO,inactive,yes,no,no,3\n');
SELECT count(*) FROM orgsync.export_csv('remote');
SELECT * FROM remote((SELECT csv FROM export_files));
SELECT * FROM d;
SELECT count(*) FROM changes;
SELECT state, mode, feed, header[1:2], seats_granted, invitations, encoding, delimiter FROM imports ORDER BY import_id DESC LIMIT 1;
-- the export is still open; its confirmation does no harm
SELECT orgsync.confirm_export('remote', 1);
SELECT * FROM d;

-- every status, with and without a date
INSERT INTO profiles (primary_email_address) SELECT 'p' || i || '@example.com' FROM generate_series(1, 15) i;
UPDATE licenses SET seats = NULL WHERE license_id = 1;
INSERT INTO seats SELECT profile_id, 1, 'invited', '2020-01-01 00:00Z' FROM profiles WHERE primary_email_address::text ~ '^p';
SELECT * FROM remote(E'primary_email_address,LICENSE\n'
	'p1@example.com,Active\np2@example.com,Active 1/2/2021\np3@example.com,Invited\np4@example.com,INVITED 2/29/2020\n'
	'p5@example.com,Activated\np6@example.com,Activated 4/12/2019\np7@example.com, activated  12/31/2019 \n'
	'p8@example.com,Inactive\np9@example.com,Unassigned\np10@example.com,Unassigned 4/12/2019\n'
	'p11@example.com,No license\np12@example.com,\np13@example.com,Activated 2/30/2019\n'
	'p14@example.com,Activated 2019-04-12\np15@example.com,Pending\n', complete => false);
SELECT * FROM findings();
SELECT email, status, CASE WHEN since_utc < '2024-01-01' THEN since_utc END AS since_utc FROM holders WHERE email::text ~ '^p' ORDER BY length(email::text), email::text;
-- set aside: nothing changed for the last three, whom the vendor did not have
SELECT * FROM d WHERE email::text ~ '^p' AND (action <> 'add' OR column_name = 'primary_email_address');

-- seats that are taken here and there; an invitation at the vendor takes an activation back
SELECT * FROM remote(E'primary_email_address,LICENSE\np6@example.com,Invited\np1@example.com,Activated 1/1/2020\n', complete => false);
SELECT email, status, since_utc > now() - interval '1 hour' AS is_new FROM holders WHERE email::text IN ('p6@example.com', 'p1@example.com') ORDER BY 1;
SELECT email, status, since_utc FROM holders WHERE email = 'p1@example.com';
DELETE FROM profiles WHERE primary_email_address::text ~ '^p';
DELETE FROM changes;

-- no seat here, a seat there: it is revoked; a place on the waiting list is none
INSERT INTO profiles (primary_email_address) VALUES ('wait@example.com');
INSERT INTO seats SELECT profile_id, 1, 'waitlisted' FROM profiles WHERE primary_email_address = 'wait@example.com';
SELECT * FROM remote(E'primary_email_address,LICENSE\nwait@example.com,Invited\ncleo@example.com,Activated 4/12/2019\nbob@example.com,Unassigned\n', complete => false);
SELECT email, status FROM holders ORDER BY email;
SELECT * FROM d;
DELETE FROM profiles WHERE primary_email_address = 'wait@example.com';
DELETE FROM changes;

-- every kind of cell that the vendor has otherwise; an empty cell is nothing
SELECT * FROM remote(E'primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,LICENSE,group:HR,group:Finance,'
	'permission_curate_content,group_permission_view_reports,attribute_floor\n'
	'ANN@example.com,A2,Anne,,CEO,,,yes,,group: Finance  group:HR,\n'
	'bob@example.com,B1,Bob,Baker,,Active,no,,yes,yes,2\n'
	'cleo@example.com,C1,Cleo,Carter,CFO,,1,0,,,3\n');
SELECT * FROM findings();
SELECT * FROM d;
SELECT name FROM groups ORDER BY 1;
-- the same list once more, and then none of it any more
SELECT * FROM remote(E'primary_email_address,unique_user_id\nann@example.com,A2\nbob@example.com,B1\ncleo@example.com,C1\n');
SELECT count(*) FROM d;
SELECT * FROM remote(E'primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,LICENSE,group:HR,group:Finance,'
	'permission_curate_content,group_permission_view_reports,attribute_floor\n'
	'ann@example.com,A1,Ann,Archer,CEO,Invited,yes,,yes,group:hr,1\n'
	'bob@example.com,B1,Bob,Baker,CTO,Active,no,,no,,2\n'
	'cleo@example.com,C1,Cleo,Carter,CFO,,1,0,,,3\n');
SELECT count(*) FROM d;
SELECT count(*) FROM changes;

-- people whom only the vendor has, and people whom it does not have
SELECT * FROM remote(E'primary_email_address,unique_user_id,LICENSE,group:HR,group:Lab,group_permission_edit_groups,work_title\n'
	'ann@example.com,A1,Active,yes,no,,CEO\nzoe@example.com,Z1,Activated 1/2/2020,yes,yes,group:Lab,Guest\nyan@example.com,,No license,,,,\n');
SELECT * FROM d;
-- of a filtered list, the others stay as they were known; people who are listed again are not doubled
SELECT * FROM remote(E'primary_email_address,LICENSE\nzoe@example.com,Unassigned\n', complete => false);
SELECT * FROM d;
SELECT * FROM remote(E'primary_email_address,unique_user_id,LICENSE\nzoe.new@example.com,Z1,Active\n', complete => false);
SELECT * FROM d WHERE email::text ~ 'zoe';
-- a row that is set aside says nothing of its person, nor that the vendor does not have it
SELECT * FROM remote(E'primary_email_address,LICENSE\nann@example.com,???\nbob@example.com,Invited\ncleo@example.com,\n');
SELECT * FROM d;
-- if it does not say who that is, nobody is missing
SELECT * FROM remote(E'primary_email_address,LICENSE\nann@example,Active\nbob@example.com,Invited\n');
SELECT line, code, message FROM findings();
SELECT * FROM d;
DELETE FROM changes;

-- twice in the list
SELECT * FROM remote(E'primary_email_address,unique_user_id,LICENSE\nann@example.com,A1,Active\nbob@example.com,B1,Active\nBOB@example.com,,Inactive\n'
	'cleo@example.com,C1,\n');
SELECT line, code, message FROM findings();
SELECT * FROM d;

-- a rename that waits: the vendor has the old address, or the new one already
UPDATE profiles SET primary_email_address = 'ann.new@example.com' WHERE unique_user_id = 'A1';
SELECT * FROM remote(E'primary_email_address,LICENSE\nann@example.com,Active\nbob@example.com,Active\ncleo@example.com,\n');
SELECT * FROM d;
SELECT * FROM remote(E'primary_email_address,LICENSE\nAnn.New@example.com,Active\nbob@example.com,Active\ncleo@example.com,\n');
SELECT * FROM d;
-- two who swap their addresses
UPDATE profiles SET primary_email_address = 'tmp@example.com' WHERE unique_user_id = 'B1';
UPDATE profiles SET primary_email_address = 'bob@example.com' WHERE unique_user_id = 'C1';
UPDATE profiles SET primary_email_address = 'cleo@example.com' WHERE unique_user_id = 'B1';
SELECT * FROM remote(E'primary_email_address,LICENSE\nann.new@example.com,Active\nbob@example.com,Active\ncleo@example.com,\n');
SELECT * FROM d;
SELECT * FROM remote(E'primary_email_address,unique_user_id,LICENSE\nann.new@example.com,A1,Active\ncleo@example.com,B1,Active\nbob@example.com,C1,\n');
SELECT * FROM d;

-- somebody who was added here, not confirmed, and whom the vendor has: with nothing in the columns that the list lacks
SELECT * FROM import(E'primary_email_address,preferred_first_name,work_title,LICENSE,group:HR\ndan@example.com,Dan,Cook,active,yes\n');
SELECT * FROM remote(E'primary_email_address,LICENSE,preferred_first_name\ndan@example.com,Activated,Dan\n', complete => false);
SELECT * FROM d;
-- somebody who was deleted and made again: in the columns that the list lacks the vendor has what it had
SELECT * FROM remote(E'primary_email_address,group:HR,group:Lab,attribute_floor\ndan@example.com,no,yes,7\n', complete => false);
DELETE FROM profiles WHERE primary_email_address = 'dan@example.com';
SELECT * FROM import(E'primary_email_address,preferred_first_name,LICENSE,group:HR,group:QA\ndan@example.com,Dan,active,yes,yes\n');
SELECT * FROM remote(E'primary_email_address,LICENSE,preferred_first_name,work_title\ndan@example.com,Activated 4/12/2019,Daniel,Cook\n', complete => false);
SELECT * FROM d;
SELECT email, status, since_utc FROM holders WHERE email = 'dan@example.com';
-- somebody who was deleted and is adopted again
DELETE FROM profiles WHERE primary_email_address = 'dan@example.com';
SELECT * FROM remote(E'primary_email_address,LICENSE,preferred_first_name,group:HR,group:Lab,attribute_floor,work_title\n'
	'dan@example.com,Activated 4/12/2019,Dan,,yes,,Cook\n', complete => false, adopt => true);
SELECT * FROM d WHERE email = 'dan@example.com';
DELETE FROM profiles WHERE primary_email_address = 'dan@example.com';
DELETE FROM changes;

-- an export that is open while the list says something else: its confirmation touches nothing newer
UPDATE profiles SET work_title = 'Chief' WHERE unique_user_id = 'A1';
SELECT count(*) FROM orgsync.export_csv('remote');
SELECT * FROM remote(E'primary_email_address,work_title\nann.new@example.com,Boss\n', complete => false);
SELECT orgsync.confirm_export('remote', max(export_id)) FROM exports;
SELECT * FROM d;
DELETE FROM changes;

-- more people than seats: recorded, and flagged; nobody here may take a seat then
UPDATE licenses SET seats = 1, counting = 'activated' WHERE license_id = 1;
SELECT * FROM remote(E'primary_email_address,LICENSE\nann.new@example.com,Activated\ncleo@example.com,Activated\n', complete => false);
SELECT line, code, severity, message FROM findings();
SELECT total, available, invited, activated FROM seat_usage WHERE header = 'Default_license_learning_proAllLanguages_status';
SELECT orgsync.activate('remote', 'bob@example.com', 'Default_license_learning_proAllLanguages_status');

-- faults of the file: refused, and nothing else changes
SELECT * FROM remote('');
SELECT * FROM remote(E'primary_email_address,Other_license_learning_proGerman_status\nann.new@example.com,Active\n');
SELECT * FROM findings();
SELECT * FROM remote(E'LICENSE\nActive\n');
SELECT * FROM remote(E'primary_email_address,group:HR,group:hr\nann.new@example.com,yes,no\n');
SELECT * FROM remote(E'primary_email_address,LICENSE\n"ann.new@example.com,Active\n');
SELECT code, severity FROM import_findings WHERE severity = 'fatal' ORDER BY finding_id;
SELECT * FROM d;
SELECT * FROM orgsync.import_remote('remote', NULL::text);
-- the same from bytes
SELECT state, rows_read, unchanged, encoding FROM orgsync.import_remote('remote', convert_to(E'primary_email_address,work_title\nann.new@example.com,Chief\n', 'UTF8'), false);

-- Workleap and Talent Insights: as far as their columns say the same
SELECT orgsync.create_account('remote_workleap', 'workleap');
SELECT orgsync.create_account('remote_insights', 'talent_insights');
SELECT orgsync.add_license('remote_insights', 'license_talentInsights_talentInsights_status', 10);
SELECT state, created, updated, unchanged FROM orgsync.import_remote('remote_workleap',
	E'Name,Email,Country,Region,Language,Title,Start date\nAnn Archer,ann@example.com,ca,CA-QC,fr,=CEO,2020-01-31\nBob,bob@example.com,Utopia,,,,\n', adopt => true);
SELECT primary_email_address, preferred_first_name, preferred_last_name, work_title, attributes FROM remote_workleap.profiles ORDER BY 1;
SELECT * FROM orgsync.diff('remote_workleap');
SELECT state, updated, unchanged FROM orgsync.import_remote('remote_workleap', E'Email,Name,Country,Title\nann@example.com,Anna Archer,FR,=CEO\nbob@example.com,Bob,Utopia,\n');
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('remote_workleap');
-- a list may have what Workleap's files have no columns for
INSERT INTO remote_workleap.groups (name) VALUES ('HR');
INSERT INTO remote_workleap.memberships VALUES (2, 1);
SELECT state, updated, unchanged FROM orgsync.import_remote('remote_workleap',
	E'Email,Name,Active_students,group: hr,group:Lab\nann@example.com,Ann  de  Archer,Activated,yes,no\nbob@example.com,Bob,Unassigned,no,yes\n');
SELECT line, column_name, code FROM remote_workleap.import_findings WHERE import_id = (SELECT max(import_id) FROM remote_workleap.imports) ORDER BY 1, 2;
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('remote_workleap');
SELECT state, rejected FROM orgsync.import_csv('remote_workleap', E'Name,Email,Country,Region,active_students,group:HR\nAnn,ann@example.com,CA,CA-QC,inactive,yes\n');
SELECT column_name, code FROM remote_workleap.import_findings WHERE import_id = (SELECT max(import_id) FROM remote_workleap.imports) ORDER BY 1;
SELECT state, created FROM orgsync.import_remote('remote_insights',
	E'primary_email_address,license_talentInsights_talentInsights_status,group: HR,group:Lab\nann@example.com,Invited 4/12/2019,1,0\nbob@example.com,Activated 4/12/2019,0,1\n', adopt => true);
SELECT primary_email_address, status, since AT TIME ZONE 'UTC' AS since_utc FROM remote_insights.license_holders ORDER BY 1;
SELECT name FROM remote_insights.groups ORDER BY 1;
SELECT * FROM orgsync.diff('remote_insights');
SELECT state, updated, unchanged FROM orgsync.import_remote('remote_insights',
	E'primary_email_address,group: HR,group: Nobody\nann@example.com,0,1\nbob@example.com,0,0\n');
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('remote_insights');

-- how an existing customer begins: everything is made here, and nothing is pending
TRUNCATE profiles, groups CASCADE;
TRUNCATE changes;
UPDATE licenses SET seats = 2, counting = 'invited' WHERE license_id = 1;
CREATE TABLE list AS SELECT E'primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,LICENSE,'
	'Sales_license_learning_proFrench_status,group:HR,group:R&D,permission_curate_content,group_permission_view_reports,attribute_floor\n'
	'ann@example.com,A1,Ann,Archer,CEO,Activated 4/12/2019,,yes,no,yes,group:HR group:Old,1\n'
	'bob@example.com,B1,Bob,Baker,,Invited,No license,no,yes,,,\n'
	'cleo@example.com,,Cleo,Carter,,Active,Unassigned,,,,,\n'
	'dan@example.com,,,,,Unassigned 1/2/2020,Activated,yes,yes,no,no,\n'
	'd.an+work@example.com,,,,,,,,,,,\n' AS csv;
SELECT * FROM remote((SELECT csv FROM list), adopt => true);
SELECT line, code, severity, message FROM findings();
SELECT primary_email_address AS email, unique_user_id AS id, preferred_first_name, preferred_last_name, work_title, groups, admin_type FROM users ORDER BY profile_id;
SELECT primary_email_address AS email, attributes, reupload_user_profile FROM profiles ORDER BY profile_id;
SELECT primary_email_address AS email, left(header::text, 5) AS license, status, CASE WHEN since < '2024-01-01' THEN since AT TIME ZONE 'UTC' END AS since_utc
	FROM license_holders ORDER BY profile_id, header;
SELECT permission, scope FROM permissions ORDER BY profile_id, 1;
SELECT * FROM d;
SELECT count(*) FROM changes;
SELECT * FROM orgsync.export_csv('remote');
-- the same list again, adopted or not
SELECT * FROM remote((SELECT csv FROM list), adopt => true);
SELECT * FROM remote((SELECT csv FROM list));
SELECT count(*) FROM changes;
-- then the daily file: who looks like somebody else is not refused, for the vendor has both
SELECT * FROM import(E'primary_email_address,LICENSE,work_title\nann@example.com,active,Boss\nd.an+work@example.com,inactive,Cook\n');
SELECT * FROM d;
-- an adopted person whose address somebody here has is no other profile
UPDATE profiles SET primary_email_address = 'eve@example.com' WHERE unique_user_id = 'A1';
SELECT * FROM remote(E'primary_email_address,unique_user_id,LICENSE\nann@example.com,A1,Activated\neve@example.com,E1,Activated\nfay@example.com,F1,\n',
	complete => false, adopt => true);
SELECT primary_email_address FROM profiles ORDER BY profile_id;
SELECT * FROM d WHERE email::text IN ('eve@example.com', 'fay@example.com') AND column_name <> 'work_title';

-- a constraint of the user's own refuses the list, and undoes it
ALTER TABLE profiles ADD CONSTRAINT no_guests CHECK (work_title <> 'Guest');
SELECT * FROM remote(E'primary_email_address,work_title\ngil@example.com,Guest\n', complete => false, adopt => true);
SELECT code, severity FROM findings();
SELECT count(*) FROM profiles WHERE primary_email_address = 'gil@example.com';
-- at the other isolation levels too
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM remote(E'primary_email_address,work_title\nbob@example.com,Guest\n', complete => false);
SELECT * FROM d WHERE email = 'bob@example.com';
ROLLBACK;
