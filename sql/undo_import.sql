-- undo_import(): what an import did is taken back, or the reasons are told why not
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
CREATE ROLE regress_orgsync_undo_hand SUPERUSER;
SET ROLE regress_orgsync_undo_hand;
SELECT orgsync.create_account('undo', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license('undo', 'Default_license_learning_pro_status', 2, 'invited', 'waitlist') \g /dev/null
SELECT orgsync.add_license('undo', 'Other_license_learning_pro_status') \g /dev/null
CREATE FUNCTION pg_temp.import(lines text, feed text DEFAULT 'hr', mode text DEFAULT 'patch', columns jsonb DEFAULT NULL)
RETURNS text LANGUAGE sql AS
$$
SELECT concat_ws(' ', 'import', import_id, state, 'created', created, 'updated', updated, 'unchanged', unchanged, 'absent', absent)
FROM orgsync.import_csv('undo', replace(replace(replace(replace(lines, 'LICENSE', 'Default_license_learning_pro_status'),
	'OTHER', 'Other_license_learning_pro_status'), ';', E'\n'), '@', '@example.com') || E'\n',
	feed => feed, mode => mode, columns => columns, override => true)
$$;
-- All that the account holds of people and feeds.
CREATE FUNCTION pg_temp.people() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT concat_ws(' | ', p.profile_id, primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title, attributes,
	(SELECT string_agg(name, ', ' ORDER BY name) FROM undo.memberships JOIN undo.groups USING (group_id) WHERE profile_id = p.profile_id),
	(SELECT string_agg(license_id || ' ' || status || ' ' || since, ', ' ORDER BY license_id) FROM undo.seats WHERE profile_id = p.profile_id),
	(SELECT string_agg(permission || ' ' || scope, ', ' ORDER BY permission) FROM undo.permissions WHERE profile_id = p.profile_id),
	(SELECT string_agg(feed || ' ' || column_name || ' ' || name, ', ' ORDER BY 1) FROM undo.feed_groups JOIN undo.groups USING (group_id) WHERE profile_id = p.profile_id))
FROM undo.profiles p
UNION ALL SELECT 'group ' || name FROM undo.groups
UNION ALL SELECT concat_ws(' ', 'feed', feed, (SELECT range_agg(profile_ids) FROM undo.feed_profiles b WHERE b.feed = f.feed), last_import) FROM undo.feeds f
$$;
CREATE TEMPORARY TABLE before (line text);
CREATE FUNCTION pg_temp.remember() RETURNS void LANGUAGE sql AS 'DELETE FROM before; INSERT INTO before SELECT pg_temp.people()';
CREATE FUNCTION pg_temp.differs() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT regexp_replace(line, ' \w{3} \w{3} \d\d \d\d:[0-9:.]+ \d{4} \w+', '', 'g') FROM (
	(SELECT 'was: ' || line FROM (SELECT line FROM before EXCEPT SELECT pg_temp.people()) b (line) ORDER BY 1)
	UNION ALL (SELECT 'is: ' || line FROM (SELECT pg_temp.people() EXCEPT SELECT line FROM before) n (line) ORDER BY 1)) d (line)
$$;

SELECT pg_temp.import('primary_email,employee_id,preferred_first_name,work_title,attribute_city,LICENSE,group:HR,permission_curate_content,group_permission_view_reports;a@,A1,Ann,Clerk,Bonn,active,yes,yes,group:HR;b@,B1,Bob,,,active,no,no,;c@,C1,Cid,Clerk,Bonn,,yes,,yes');
SELECT orgsync.activate('undo', 'a@example.com', 'Default_license_learning_pro_status', '2020-01-01');
SELECT pg_temp.remember();

-- every kind of cell; addresses and ids that are swapped; a waiting list; what is made
SELECT pg_temp.import('primary_email,employee_id,preferred_first_name,work_title,attribute_city,attribute_room,LICENSE,OTHER,group:HR,group:IT,permission_curate_content,group_permission_view_reports;b@,A1,Anna,Head,Ulm,7,inactive,active,no,yes,no,yes;a@,B1,Bobby,Clerk,Bonn,8,active,,yes,yes,yes,group:IT;c@,C1,Cid,Clerk,Bonn,,active,,no,,yes,no;d@,D1,Dan,,,,active,inactive,yes,,yes,');
SELECT pg_temp.differs();
SELECT * FROM orgsync.undo_import('undo', 2);
SELECT pg_temp.differs();
SELECT state FROM undo.imports WHERE import_id = 2;
SELECT count(*) FROM orgsync.diff('undo') WHERE action <> 'add' AND profile_id <> 4;
SELECT total, available, invited, activated, waitlisted FROM undo.seat_usage;
-- the same file is not unchanged then
SELECT pg_temp.import('primary_email,employee_id,preferred_first_name,work_title,attribute_city,attribute_room,LICENSE,OTHER,group:HR,group:IT,permission_curate_content,group_permission_view_reports;b@,A1,Anna,Head,Ulm,7,inactive,active,no,yes,no,yes;a@,B1,Bobby,Clerk,Bonn,8,active,,yes,yes,yes,group:IT;c@,C1,Cid,Clerk,Bonn,,active,,no,,yes,no;d@,D1,Dan,,,,active,inactive,yes,,yes,');
-- and can be undone also after the vendor has heard of it
SELECT count(*) > 0 FROM orgsync.export_csv('undo', override => true);
SELECT orgsync.confirm_export('undo', 1);
SELECT * FROM orgsync.undo_import('undo', 3);
SELECT pg_temp.differs();
SELECT primary_email_address, action, column_name FROM orgsync.diff('undo') WHERE profile_id > 3 ORDER BY 2, 3;
-- undoing leaves its mark in the history
SELECT address, column_name, value, set_by FROM undo.history WHERE set_by LIKE '%undoing%' AND profile_id = 1 AND column_name LIKE 'p%' ORDER BY 2, valid_from, 3;

-- one after the other, the last one first
SELECT pg_temp.remember();
SELECT pg_temp.import('primary_email,work_title;a@,One');
SELECT pg_temp.import('primary_email,work_title;a@,Two');
SELECT * FROM orgsync.undo_import('undo', 4);
SELECT * FROM orgsync.undo_import('undo', 5);
SELECT * FROM orgsync.undo_import('undo', 4);
SELECT pg_temp.differs();
-- an undone import's feed is no source any more
SELECT pg_temp.import('primary_email,work_title;a@,It', 'it');
SELECT * FROM orgsync.undo_import('undo', 6) LIMIT 1;
SELECT pg_temp.import('primary_email,work_title;a@,Hr');
SELECT count(*) FROM undo.import_findings WHERE code = 'feed_conflict' AND import_id = 7;
SELECT * FROM orgsync.undo_import('undo', 7) LIMIT 1;

-- who was absent has the seat again, and is missed again
SELECT pg_temp.import('primary_email;a@;b@;c@');
SELECT pg_temp.remember();
SELECT pg_temp.import('primary_email;b@;c@;e@', mode => 'full');
SELECT pg_temp.differs();
SELECT * FROM orgsync.undo_import('undo', 9);
SELECT pg_temp.differs();
SELECT pg_temp.import('primary_email;b@;c@', mode => 'full');
SELECT * FROM orgsync.undo_import('undo', 10);

-- a column of group names moves people from where they were before
SELECT pg_temp.import('primary_email,Dept;a@,Sales;b@,Sales', columns => '{"Dept": "group"}');
SELECT pg_temp.remember();
SELECT pg_temp.import('primary_email,Dept;a@,Support;b@,Sales', columns => '{"Dept": "group"}');
SELECT * FROM orgsync.undo_import('undo', 12);
SELECT pg_temp.differs();
SELECT * FROM orgsync.undo_import('undo', 11);

-- ---- what stands in the way ----

SELECT pg_temp.import('primary_email,employee_id,work_title,LICENSE,group:HR,group:New;a@,A1,Head,inactive,no,yes;x@,B1,Head,inactive,,;c@,,Head,,no,yes;f@,,Head,,,;g@,,Head,,,yes;h@,,Head,,,');
UPDATE undo.profiles SET work_title = 'Chief' WHERE unique_user_id = 'A1';
SELECT pg_temp.import('primary_email,preferred_last_name;f@,Fee;h@,', 'it');
UPDATE undo.profiles SET attributes = '{"x": "1"}' WHERE primary_email_address = 'g@example.com';
INSERT INTO undo.profiles (primary_email_address) VALUES ('b@example.com'), ('i@example.com'), ('j@example.com');
DELETE FROM undo.profiles WHERE unique_user_id = 'C1';
DELETE FROM undo.groups WHERE name = 'HR';
SELECT orgsync.grant_seat('undo', address::orgsync.email_address, 'Default_license_learning_pro_status')
FROM unnest('{i@example.com,j@example.com}'::text[]) AS address;
SELECT pg_temp.remember();
SELECT * FROM orgsync.undo_import('undo', 13);
SELECT pg_temp.differs();
-- what only the writing shows: a rule of the account's, a constraint of the user's own
SELECT pg_temp.import('primary_email,employee_id,preferred_first_name,preferred_last_name;kate.long@,K1,Kate,Long');
SELECT pg_temp.import('primary_email,employee_id;kate.short@,K1');
INSERT INTO undo.profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('kate.long+new@example.com', 'Kate', 'Long');
SELECT * FROM orgsync.undo_import('undo', 16);
DELETE FROM undo.profiles WHERE primary_email_address = 'kate.long+new@example.com';
-- any other error is told as it is, and what is done afterwards is nobody's undoing
CREATE FUNCTION pg_temp.closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'closed for today'; END $$;
CREATE TRIGGER closed BEFORE UPDATE ON undo.profiles EXECUTE FUNCTION pg_temp.closed();
SELECT pg_temp.remember();
\set SHOW_CONTEXT never
SELECT * FROM orgsync.undo_import('undo', 16);
\set SHOW_CONTEXT errors
SELECT pg_temp.differs();
DROP FUNCTION pg_temp.closed CASCADE;
UPDATE undo.profiles SET work_title = 'Chief' WHERE unique_user_id = 'K1';
SELECT import_id, changed_by FROM undo.changes ORDER BY change_id DESC LIMIT 1;
CREATE UNIQUE INDEX either_or ON undo.profiles ((true)) WHERE primary_email_address IN ('kate.long@example.com', 'j@example.com');
SELECT * FROM orgsync.undo_import('undo', 16);
DROP INDEX undo.either_or;
SELECT * FROM orgsync.undo_import('undo', 16);
-- many reasons
SELECT pg_temp.import('primary_email,work_title' || string_agg(';p' || n || '@,Head', '')) FROM generate_series(10, 40) AS n;
UPDATE undo.profiles SET work_title = 'Chief' WHERE primary_email_address ~ '^p';
SELECT * FROM orgsync.undo_import('undo', 17);

-- ---- what cannot be undone at all ----

SELECT * FROM orgsync.undo_import('undo', 2);
SELECT * FROM orgsync.undo_import('undo', 99);
SELECT import_id, state FROM orgsync.import_csv('undo', E'primary_email\nq@example.com\n', dry_run => true);
SELECT * FROM orgsync.undo_import('undo', 18);
SELECT import_id, state FROM orgsync.import_remote('undo', E'primary_email_address\nz@example.com\n', complete => false);
SELECT * FROM orgsync.undo_import('undo', 19);
SELECT orgsync.undo_import('undo', NULL);

-- only who may write
CREATE ROLE regress_orgsync_undoer;
GRANT USAGE ON SCHEMA undo, orgsync TO regress_orgsync_undoer;
GRANT SELECT ON ALL TABLES IN SCHEMA undo TO regress_orgsync_undoer;
SET ROLE regress_orgsync_undoer;
\set VERBOSITY terse
SELECT * FROM orgsync.undo_import('undo', 15);
SET ROLE regress_orgsync_undo_hand;
DROP OWNED BY regress_orgsync_undoer;
DROP ROLE regress_orgsync_undoer;
SELECT * FROM orgsync.verify_account('undo');
SELECT orgsync.drop_account('undo');
RESET ROLE;
DROP OWNED BY regress_orgsync_undo_hand;
DROP ROLE regress_orgsync_undo_hand;

-- a trigger of the owner's imports into an account that follows: what comes after it is still the first import's
\set VERBOSITY terse
SELECT orgsync.create_account('leads', 'linkedin_learning');
SELECT orgsync.create_account('follows', 'linkedin_learning');
INSERT INTO leads.profiles (primary_email_address, work_title) VALUES ('ann@example.com', 'Clerk');
CREATE FUNCTION leads.follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM orgsync.import_table('follows', 'leads.profiles');
	RETURN NULL;
END $$;
CREATE TRIGGER follow BEFORE UPDATE ON leads.profiles FOR EACH STATEMENT EXECUTE FUNCTION leads.follow();
SELECT state, created, updated FROM orgsync.import_csv('leads', E'primary_email_address,work_title,group:HR\nann@example.com,Boss,yes\n');
SELECT state, created FROM follows.imports;
SELECT column_name, value, set_by FROM leads.history WHERE set_by LIKE 'import %' ORDER BY 1;
SELECT * FROM orgsync.undo_import('leads', 1);
DROP FUNCTION leads.follow() CASCADE;
SELECT orgsync.drop_account('leads'), orgsync.drop_account('follows');
