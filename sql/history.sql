-- who had what when: the view history
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
SELECT orgsync.create_account('hist', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license('hist', 'Default_license_learning_pro_status', 2, 'invited', 'waitlist') \g /dev/null

CREATE FUNCTION pg_temp.import(lines text, feed text DEFAULT 'hr') RETURNS text LANGUAGE sql AS
$$
SELECT concat_ws(' ', state, 'created', created, 'updated', updated) FROM orgsync.import_csv('hist',
	replace(replace(replace(lines, 'LICENSE', 'Default_license_learning_pro_status'), ';', E'\n'), '@', '@example.com') || E'\n',
	feed => feed)
$$;
-- The versions in the order in which they ended; times as numbers in their order.
CREATE FUNCTION pg_temp.versions(OUT whom text, OUT column_name text, OUT value text, OUT since bigint, OUT until bigint, OUT set_by text)
RETURNS SETOF record LANGUAGE sql AS
$$
WITH times AS (SELECT t, row_number() OVER (ORDER BY t) AS n FROM
	(SELECT valid_from FROM hist.history UNION SELECT valid_until FROM hist.history) AS h (t) WHERE t IS NOT NULL)
SELECT split_part(h.address, '@', 1), h.column_name, h.value, f.n, u.n, replace(h.set_by, CURRENT_USER, 'me')
FROM hist.history h LEFT JOIN times f ON f.t = h.valid_from LEFT JOIN times u ON u.t = h.valid_until
ORDER BY 1, h.column_name COLLATE "C", f.n, u.n
$$;

-- a first load stores no versions; all is there since then
SELECT pg_temp.import('primary_email,preferred_first_name,work_title,LICENSE,group:HR;a@,Ann,Clerk,active,yes;b@,Bob,Clerk,active,no;c@,Cid,Clerk,active,yes');
SELECT count(*) FROM hist.logged_changes;
SELECT * FROM pg_temp.versions();

-- by an import and by hand; what is changed twice in a transaction was never there in between
SELECT pg_temp.import('primary_email,preferred_first_name,work_title,LICENSE,group:HR;a@,Anna,Clerk,inactive,no');
BEGIN;
UPDATE hist.profiles SET work_title = 'Nobody' WHERE profile_id = 2;
UPDATE hist.profiles SET work_title = 'Boss', attributes = '{"room": "1"}' WHERE profile_id = 2;
COMMIT;
UPDATE hist.profiles SET attributes = '{}' WHERE profile_id = 2;
INSERT INTO hist.permissions VALUES (2, 'permission_curate_content', 'yes');
DELETE FROM hist.permissions;
SELECT * FROM pg_temp.versions();

-- the vendor hears of it: the same
CREATE TEMPORARY TABLE before AS SELECT * FROM hist.history;
SELECT count(*) FROM orgsync.export_csv('hist', override => true);
SELECT orgsync.confirm_export('hist', 1);
SELECT count(*) FROM hist.changes;
SELECT * FROM hist.history EXCEPT SELECT * FROM before;
SELECT * FROM before EXCEPT SELECT * FROM hist.history;

-- so it is when the vendor's own list tells what it has
UPDATE hist.profiles SET work_title = 'Chief' WHERE profile_id = 1;
DELETE FROM hist.profiles WHERE profile_id = 3;
TRUNCATE before;
INSERT INTO before SELECT * FROM hist.history;
SELECT state, absent FROM orgsync.import_remote('hist', E'primary_email_address,work_title\na@example.com,Clerk\nd@example.com,Boss\n');
SELECT * FROM hist.history EXCEPT SELECT * FROM before;
SELECT * FROM before EXCEPT SELECT * FROM hist.history;
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('hist') WHERE action <> 'add';

-- names that change, people who go, tables that are emptied
UPDATE hist.groups SET name = 'People';
INSERT INTO hist.memberships VALUES (1, 1), (2, 1);
UPDATE hist.groups SET name = 'PEOPLE';
UPDATE hist.licenses SET header = 'Other_license_learning_pro_status';
TRUNCATE hist.memberships;
UPDATE hist.profiles SET primary_email_address = 'bob@example.com' WHERE profile_id = 2;
DELETE FROM hist.profiles WHERE profile_id = 1;
SELECT * FROM pg_temp.versions() WHERE set_by NOT LIKE 'import%' OR until IS NOT NULL;

-- who was in which group, and who had a seat, at a time
INSERT INTO hist.memberships VALUES (2, 1);
SELECT address, column_name FROM hist.history
WHERE valid_from <= now() AND valid_until IS NULL AND value IN ('yes', 'active') ORDER BY 1, 2;
SELECT address, value FROM hist.history
WHERE column_name = 'work_title' AND valid_from <= (SELECT min(changed_at) FROM hist.logged_changes)
	AND valid_until > (SELECT min(changed_at) FROM hist.logged_changes) ORDER BY 1;

-- a swap of addresses is one change of each, not a detour
SELECT pg_temp.import('primary_email,employee_id;x@,X1;y@,Y1');
SELECT pg_temp.import('primary_email,employee_id;y@,X1;x@,Y1');
SELECT * FROM pg_temp.versions() WHERE column_name = 'primary_email_address' AND whom IN ('x', 'y');

SELECT orgsync.drop_account('hist');
