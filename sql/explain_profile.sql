-- explain_profile(): who set each cell, what the vendor has, what is under way
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
SELECT orgsync.create_account('expl', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license('expl', 'Default_license_learning_pro_status', 1, 'invited', 'waitlist') \g /dev/null
CREATE FUNCTION pg_temp.import(lines text, feed text DEFAULT 'hr') RETURNS text LANGUAGE sql AS
$$
SELECT concat_ws(' ', state, 'created', created, 'updated', updated, 'warnings', warnings) FROM orgsync.import_csv('expl',
	replace(replace(replace(lines, 'LICENSE', 'Default_license_learning_pro_status'), ';', E'\n'), '@', '@example.com') || E'\n',
	feed => feed)
$$;
CREATE FUNCTION pg_temp.explain(email text) RETURNS SETOF text LANGUAGE sql AS
$$
SELECT format('%s: %s, vendor %s, by %s%s', column_name, coalesce(wanted, '-'), coalesce(vendor_has, '-'),
	coalesce(replace(set_by, CURRENT_USER, 'me'), '?'), ', ' || pending)
FROM orgsync.explain_profile('expl', (email || '@example.com')::orgsync.email_address)
$$;

-- the lines of the file, also behind others that were refused
SELECT pg_temp.import('primary_email,preferred_first_name,work_title,LICENSE,group:HR;a@,Ann,Clerk,active,yes;bad;b@,Bob,Clerk,active,no;"c@","Cid
the Third",Clerk,,;d@,Dan,Clerk,,');
SELECT pg_temp.explain('a');
SELECT pg_temp.explain('B');
SELECT pg_temp.explain('d');
SELECT count(*) FROM orgsync.export_csv('expl');
SELECT pg_temp.explain('a');
SELECT orgsync.confirm_export('expl', 1);
SELECT pg_temp.explain('a');

-- another feed, a role, and both at once
SELECT pg_temp.import('primary_email,work_title,attribute_city;x@,Boss,Bonn;a@,Boss,Bonn', 'it');
UPDATE expl.profiles SET preferred_first_name = 'Anna', attributes = '{"city": "Ulm", "room": 7}' WHERE profile_id = 1;
DELETE FROM expl.memberships;
SELECT orgsync.revoke_seat('expl', 'a@example.com', 'Default_license_learning_pro_status');
SELECT pg_temp.explain('a');
SELECT count(*) FROM orgsync.export_csv('expl', override => true);
UPDATE expl.profiles SET primary_email_address = 'ann@example.com' WHERE profile_id = 1;
SELECT pg_temp.explain('ann');
SELECT set_at = updated_at FROM orgsync.explain_profile('expl', 'ann@example.com'), expl.profiles
WHERE profile_id = 1 AND column_name = 'primary_email_address';

-- the conflict is told once
SELECT pg_temp.import('primary_email,work_title;ann@,Head', 'hr');
SELECT pg_temp.import('primary_email,work_title;ann@,Head', 'hr');
SELECT pg_temp.import('primary_email,work_title;ann@,Boss', 'it');
SELECT pg_temp.import('primary_email,work_title;ann@,Chief', 'it');
SELECT import_id, count(*) FROM expl.import_findings WHERE code = 'feed_conflict' GROUP BY 1 ORDER BY 1;

-- made by hand; deleted; nobody
INSERT INTO expl.profiles (primary_email_address) VALUES ('e@example.com');
SELECT pg_temp.explain('e');
DELETE FROM expl.profiles WHERE profile_id = 1;
SELECT pg_temp.explain('ann');
SELECT pg_temp.explain('nobody');

-- a seat that was lost, or is waited for, is none at the vendor's: nothing is under way
SELECT orgsync.confirm_export('expl', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('expl', override => true)) AS e;
SELECT orgsync.grant_seat('expl', 'd@example.com', 'Default_license_learning_pro_status');
SELECT orgsync.grant_seat('expl', 'e@example.com', 'Default_license_learning_pro_status');
SELECT orgsync.revoke_seat('expl', 'e@example.com', 'Default_license_learning_pro_status');
SELECT count(*) FROM orgsync.diff('expl');
SELECT pg_temp.explain(email) FROM (VALUES ('d'), ('e')) AS e (email);

-- who is deleted and made again is one person to the vendor, also when he has left there
INSERT INTO expl.memberships SELECT profile_id, group_id FROM expl.profiles, expl.groups WHERE primary_email_address = 'b@example.com';
UPDATE expl.profiles SET attributes = '{"city": "Ulm"}' WHERE primary_email_address = 'b@example.com';
SELECT orgsync.confirm_export('expl', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('expl', override => true)) AS e;
DELETE FROM expl.profiles WHERE primary_email_address = 'b@example.com';
INSERT INTO expl.profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('b@example.com', 'Bob', 'Oak');
SELECT pg_temp.explain('b');
SELECT action, column_name, old_value, new_value FROM orgsync.diff('expl');
DELETE FROM expl.profiles WHERE primary_email_address = 'b@example.com';
SELECT orgsync.confirm_export('expl', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('expl', override => true)) AS e;
INSERT INTO expl.profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('b@example.com', 'Bob', 'Oak');
SELECT pg_temp.explain('b');
SELECT action, column_name, old_value, new_value FROM orgsync.diff('expl');

-- only who may read
CREATE ROLE regress_orgsync_reader;
GRANT USAGE ON SCHEMA expl, orgsync TO regress_orgsync_reader;
GRANT SELECT ON expl.settings TO regress_orgsync_reader;
SET ROLE regress_orgsync_reader;
\set VERBOSITY terse
SELECT * FROM orgsync.explain_profile('expl', 'e@example.com');
RESET ROLE;
DROP OWNED BY regress_orgsync_reader;
DROP ROLE regress_orgsync_reader;
SELECT orgsync.drop_account('expl');
