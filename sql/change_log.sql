-- the change log: the first row of a cell holds what the vendor has
SELECT orgsync.create_account('log', 'linkedin_learning');

-- What the vendor has of the cells that were changed since the last look, and a new beginning.
CREATE FUNCTION log.look(OUT profile_id bigint, OUT column_name text, OUT vendor_has text, OUT rows bigint)
RETURNS SETOF record LANGUAGE sql AS $$
	WITH taken AS (DELETE FROM log.changes RETURNING *)
	SELECT profile_id, column_name, (array_agg(coalesce(vendor_value, '(nothing)') ORDER BY change_id))[1], count(*)
	FROM taken GROUP BY profile_id, column_name ORDER BY profile_id, column_name COLLATE "C" NULLS FIRST $$;

-- ---- profiles ----

-- the vendor has nothing of a profile that is new, whatever is done to it then
INSERT INTO log.profiles (primary_email_address) VALUES ('ann@example.com'), ('bob@example.com');
UPDATE log.profiles SET work_title = 'Boss' WHERE profile_id = 1;
SELECT * FROM log.look();

UPDATE log.profiles SET work_title = 'Clerk', preferred_first_name = 'Ann', attributes = '{"room": "1", "floor": 2}'
	WHERE profile_id = 1;
UPDATE log.profiles SET work_title = 'Chief', primary_email_address = 'ann.lee@example.com',
	attributes = '{"room": "2", "floor": 2, "desk": "x"}' WHERE profile_id = 1;
SELECT * FROM log.look();
-- nothing is noted where nothing changes, also not what is none of the vendor's business
UPDATE log.profiles SET work_title = work_title, attributes = attributes;
UPDATE log.profiles SET reupload_user_profile = true, attributes = '{"desk": "x", "floor": 2, "room": "2"}'
	WHERE profile_id = 1;
UPDATE log.profiles SET work_title = 'Nobody' WHERE false;
SELECT * FROM log.look();
-- the spelling of an address is what the vendor has, too
UPDATE log.profiles SET primary_email_address = 'Ann.Lee@example.com', unique_user_id = 'E1' WHERE profile_id = 1;
-- an attribute that goes, one that becomes null or was it, one that changes its type
UPDATE log.profiles SET attributes = '{"floor": "2", "room": null}' WHERE profile_id = 1;
UPDATE log.profiles SET attributes = '{"floor": {"n": [2]}}' WHERE profile_id = 1;
UPDATE log.profiles SET attributes = '{"floor": {"n": [3]}}' WHERE profile_id = 1;
SELECT * FROM log.look();
-- of two statements and two rows at once
UPDATE log.profiles SET preferred_last_name = 'L' || profile_id;
UPDATE log.profiles SET preferred_last_name = NULL;
SELECT * FROM log.look();
-- what is rolled back never was
BEGIN;
UPDATE log.profiles SET work_title = 'Gone';
SAVEPOINT s;
UPDATE log.profiles SET preferred_last_name = 'Gone';
ROLLBACK TO s;
COMMIT;
SELECT * FROM log.look();
-- a profile that gets another number is another one
UPDATE log.profiles SET profile_id = DEFAULT WHERE profile_id = 2;
SELECT * FROM log.look();
UPDATE log.profiles SET unique_user_id = 'E3' WHERE profile_id = 3;
DELETE FROM log.profiles WHERE profile_id = 3;
SELECT * FROM log.look();

-- ---- seats ----

SELECT orgsync.add_license('log', 'Default_license_learning_pro_status');
SELECT orgsync.add_license('log', 'Other_license_learning_pro_status');
INSERT INTO log.profiles (primary_email_address) VALUES ('cid@example.com'), ('dee@example.com');
DELETE FROM log.changes;
INSERT INTO log.seats VALUES (1, 1, 'invited'), (4, 1, 'unassigned'), (5, 1, 'waitlisted');
SELECT * FROM log.look(); -- unassigned is nothing that the vendor could have; a place on the waiting list is noted all the same
UPDATE log.seats SET status = 'activated' WHERE profile_id = 1;
UPDATE log.seats SET status = 'waitlisted' WHERE profile_id = 4;
SELECT * FROM log.look(); -- nor does a file say who is activated
UPDATE log.seats SET status = 'unassigned' WHERE profile_id = 1;
UPDATE log.seats SET status = 'invited';
SELECT * FROM log.look();
-- to another license, to another profile
UPDATE log.seats SET license_id = 2 WHERE profile_id = 4;
UPDATE log.seats SET profile_id = 4 WHERE profile_id = 5;
SELECT * FROM log.look();
INSERT INTO log.seats VALUES (1, 1, 'unassigned'), (5, 1, 'invited')
	ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status;
DELETE FROM log.seats WHERE profile_id = 4;
SELECT * FROM log.look();

-- ---- groups ----

INSERT INTO log.groups (name) VALUES ('HR'), ('Sales');
INSERT INTO log.memberships VALUES (1, 1), (4, 1), (5, 2);
SELECT * FROM log.look();
UPDATE log.memberships SET group_id = 2 WHERE profile_id = 4;
DELETE FROM log.memberships WHERE profile_id = 5;
INSERT INTO log.memberships VALUES (5, 2), (1, 1) ON CONFLICT DO NOTHING;
SELECT * FROM log.look();
-- a new name is another group, also one that differs only in case; no new name is nothing
UPDATE log.groups SET name = 'People' WHERE name = 'HR';
UPDATE log.groups SET name = name;
SELECT * FROM log.look();
UPDATE log.groups SET name = 'PEOPLE' WHERE name = 'People';
SELECT * FROM log.look();
-- two groups that swap their names
BEGIN;
UPDATE log.groups SET name = 'x' WHERE group_id = 1;
UPDATE log.groups SET name = 'People' WHERE group_id = 2;
UPDATE log.groups SET name = 'Sales' WHERE group_id = 1;
COMMIT;
SELECT * FROM log.look();
DELETE FROM log.groups WHERE group_id = 1;
SELECT * FROM log.look();

-- ---- permissions ----

INSERT INTO log.permissions VALUES (1, 'permission_curate_content', 'yes'),
	(1, 'group_permission_view_reports', 'group:A group:B');
SELECT * FROM log.look();
UPDATE log.permissions SET scope = 'group:B group:A' WHERE permission = 'group_permission_view_reports';
UPDATE log.permissions SET scope = 'no' WHERE permission = 'permission_curate_content';
SELECT * FROM log.look();
UPDATE log.permissions SET permission = 'permission_manage_custom_content' WHERE permission = 'permission_curate_content';
UPDATE log.permissions SET profile_id = 4 WHERE permission = 'group_permission_view_reports';
SELECT * FROM log.look();
DELETE FROM log.permissions;
SELECT * FROM log.look();

-- ---- licenses that are renamed or deleted ----

UPDATE log.licenses SET header = 'New_license_learning_pro_status' WHERE license_id = 1;
UPDATE log.licenses SET seats = 100;
SELECT * FROM log.look();
DELETE FROM log.licenses WHERE license_id = 1;
SELECT * FROM log.look();

-- ---- all of a person, all of a table ----

INSERT INTO log.seats VALUES (1, 2, 'activated'), (4, 2, 'invited'), (5, 2, 'unassigned');
INSERT INTO log.groups (name) VALUES ('All');
INSERT INTO log.memberships SELECT profile_id, (SELECT group_id FROM log.groups WHERE name = 'All') FROM log.profiles;
INSERT INTO log.permissions VALUES (4, 'permission_curate_content', 'yes');
DELETE FROM log.changes;
DELETE FROM log.profiles WHERE profile_id = 1;
SELECT * FROM log.look();
BEGIN;
TRUNCATE log.seats;
TRUNCATE log.memberships;
TRUNCATE log.permissions;
SELECT * FROM log.look();
ROLLBACK;
BEGIN;
TRUNCATE log.groups, log.licenses CASCADE;
SELECT * FROM log.look();
ROLLBACK;
UPDATE log.profiles SET attributes = '{"a": "1"}' WHERE profile_id = 4;
DELETE FROM log.changes;
TRUNCATE log.profiles CASCADE;
SELECT * FROM log.look();

-- more rows than are written at a time
INSERT INTO log.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 2500) AS n;
SELECT count(*), count(column_name), count(DISTINCT profile_id) FROM log.changes;
DELETE FROM log.changes;
UPDATE log.profiles SET work_title = 'x', preferred_first_name = 'y';
SELECT column_name, count(*), count(DISTINCT profile_id) FROM log.changes GROUP BY column_name ORDER BY 1;
-- each is found by the index, too, in whatever order the profiles were changed
DELETE FROM log.changes;
UPDATE log.profiles SET work_title = 'z' FROM (SELECT n FROM generate_series(1, 10000) AS n ORDER BY hashint4(n)) AS o
	WHERE profile_id = n;
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT count(*), count(DISTINCT c.change_id) FROM log.profiles AS p
	CROSS JOIN LATERAL (SELECT change_id, vendor_value FROM log.changes WHERE profile_id = p.profile_id OFFSET 0) AS c
	WHERE c.vendor_value = 'x';
COMMIT;
-- many at once go into the index between others, before them and behind them, and it is sound
CREATE EXTENSION amcheck;
DELETE FROM log.changes WHERE profile_id % 500 <> 0;
VACUUM log.changes;
UPDATE log.profiles SET work_title = 'y';
SELECT bt_index_parent_check('log.changes_pkey', true, true);
TRUNCATE log.changes;
UPDATE log.profiles SET work_title = 'x' WHERE profile_id > (SELECT avg(profile_id) FROM log.profiles);
UPDATE log.profiles SET work_title = 'x' WHERE profile_id <= (SELECT avg(profile_id) FROM log.profiles);
BEGIN;
UPDATE log.profiles SET work_title = 'w', preferred_first_name = 'w';
ROLLBACK;
UPDATE log.profiles SET work_title = 'w', preferred_first_name = 'w';
SELECT bt_index_parent_check('log.changes_pkey', true, true);
SELECT count(*), count(DISTINCT profile_id) FROM log.changes;
-- nor does it take what it has already
TRUNCATE log.changes;
SELECT setval(pg_get_serial_sequence('log.changes', 'change_id'), 1000000);
CLUSTER log.profiles USING profiles_pkey;
UPDATE log.profiles SET work_title = 'v';
DELETE FROM log.changes WHERE change_id < 1002000;
CLUSTER log.profiles;
SELECT setval(pg_get_serial_sequence('log.changes', 'change_id'), 1000000);
\set VERBOSITY sqlstate
UPDATE log.profiles SET work_title = 'z';
\set VERBOSITY default
SELECT count(*) FROM log.changes;
SELECT bt_index_parent_check('log.changes_pkey', true, true);
SELECT setval(pg_get_serial_sequence('log.changes', 'change_id'), 2000000);
DROP EXTENSION amcheck;
UPDATE log.profiles SET work_title = 'z';
-- which its owner may have made another one
ALTER TABLE log.changes DROP CONSTRAINT changes_pkey;
CREATE UNIQUE INDEX ON log.changes (change_id DESC);
UPDATE log.profiles SET work_title = 'u' WHERE profile_id % 3 = 0;
SET enable_seqscan = off;
SELECT count(*) = (SELECT count(*) FROM log.profiles WHERE profile_id % 3 = 0) AS all_found FROM (SELECT FROM log.changes AS c
	WHERE change_id > 0 AND vendor_value = 'z' ORDER BY change_id DESC) AS c;
RESET enable_seqscan;

DROP FUNCTION log.look;
SELECT orgsync.drop_account('log');

-- an owner's own trigger on the log sees what is logged
SELECT orgsync.create_account('watched', 'linkedin_learning');
CREATE TABLE seen (column_name text, vendor_value text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (NEW.column_name, NEW.vendor_value); RETURN NULL; END $$;
CREATE TRIGGER see AFTER INSERT ON watched.changes FOR EACH ROW EXECUTE FUNCTION see();
INSERT INTO watched.profiles (primary_email_address, work_title) VALUES ('ann@example.com', 'Boss');
SELECT count(*) FROM orgsync.export_csv('watched');
SELECT orgsync.confirm_export('watched', 1);
UPDATE watched.profiles SET work_title = 'CEO';
SELECT * FROM seen ORDER BY 1, 2;
SELECT action, column_name, old_value, new_value FROM orgsync.diff('watched');
SELECT * FROM orgsync.verify_account('watched');
SELECT orgsync.drop_account('watched');
DROP FUNCTION see;
DROP TABLE seen;

-- an address that looks like one that an import gives for a moment is one
SELECT orgsync.create_account('parked', 'linkedin_learning');
INSERT INTO parked.profiles (primary_email_address, unique_user_id) VALUES ('ann@example.com', 'A1'), ('bob@example.com', 'B1');
DELETE FROM parked.changes;
SELECT state, updated FROM orgsync.import_csv('parked', E'unique_user_id,primary_email_address\n'
	'A1,orgsync-parked-7@example.com\nB1,ann@example.com\n');
SELECT action, column_name, old_value, new_value FROM orgsync.diff('parked');
SELECT orgsync.drop_account('parked');

-- large values are stored apart; they are compared even if a row gets that of another
SELECT orgsync.create_account('large', 'linkedin_learning');
INSERT INTO large.profiles (primary_email_address, attributes)
SELECT n || '@example.com', (SELECT jsonb_build_object('note', string_agg(md5((n * i)::text), '')) FROM generate_series(1, 300) AS i)
	FROM generate_series(1, 2) AS n;
DELETE FROM large.changes;
UPDATE large.profiles AS p SET attributes = o.attributes FROM large.profiles AS o WHERE o.profile_id <> p.profile_id;
SELECT c.profile_id, c.column_name, c.vendor_value = o.attributes ->> 'note' AS is_former
	FROM large.changes AS c JOIN large.profiles AS o ON o.profile_id <> c.profile_id ORDER BY 1;
UPDATE large.profiles AS p SET attributes = o.attributes FROM large.profiles AS o WHERE o.profile_id = p.profile_id;
SELECT count(*) FROM large.changes;
SELECT orgsync.drop_account('large');
