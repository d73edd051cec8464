-- the waiting list: who asks for a seat when there is none waits, and is invited as soon as one is free
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SELECT orgsync.create_account('wait', 'talent_insights') \g /dev/null
\set header '''license_talentInsights_talentInsights_status'''
SELECT orgsync.add_license('wait', :header, 2, when_full => 'waitlist') \g /dev/null
INSERT INTO wait.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 40) AS n;
-- who has a seat and who waits, the eldest first, and whether all is counted right
CREATE FUNCTION wait.state() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws('; ', 'seats ' || (SELECT string_agg(profile_id::text, ' ' ORDER BY profile_id) FROM wait.seats WHERE status IN ('invited', 'activated')),
		'waiting ' || (SELECT string_agg(profile_id::text, ' ' ORDER BY since, profile_id) FROM wait.seats WHERE status = 'waitlisted'),
		u.available || ' of ' || u.total || ' free, ' || u.waitlisted || ' waiting') FROM wait.seat_usage u
	UNION ALL SELECT 'wrong: ' || v::text FROM orgsync.verify_account('wait') AS v $$;

-- whoever writes, and however
INSERT INTO wait.seats VALUES (1, 1, 'invited');
INSERT INTO wait.seats SELECT n, 1, 'invited' FROM generate_series(2, 4) AS n;
SELECT wait.state();
SELECT orgsync.grant_seat('wait', 'p5@example.com', :header), orgsync.grant_seat('wait', 'p4@example.com', :header), orgsync.grant_seat('wait', 'p1@example.com', :header);
INSERT INTO wait.seats VALUES (6, 1, 'unassigned'), (7, 1, 'waitlisted');
UPDATE wait.seats SET status = 'invited' WHERE profile_id = 6;
COPY wait.seats (profile_id, license_id, status) FROM STDIN;
8	1	invited
\.
INSERT INTO wait.seats VALUES (6, 1, 'invited') ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status;
MERGE INTO wait.seats s USING (VALUES (9)) AS w (id) ON s.profile_id = w.id
	WHEN NOT MATCHED THEN INSERT (profile_id, license_id, status) VALUES (w.id, 1, 'invited');
SELECT wait.state();
-- an order that is not the one of the numbers; a place is kept
UPDATE wait.seats SET since = '2020-01-01'::timestamptz + profile_id * interval '-1 day' WHERE status = 'waitlisted';
UPDATE wait.seats SET status = 'invited' WHERE profile_id IN (3, 4);
SELECT wait.state();
-- what is activated takes a seat now or never
INSERT INTO wait.seats VALUES (10, 1, 'activated');
UPDATE wait.seats SET status = 'activated' WHERE profile_id = 9;
UPDATE wait.seats SET status = 'activated' WHERE profile_id = 1;
INSERT INTO wait.seats VALUES (10, 1, 'activated'), (11, 1, 'invited');
SELECT wait.state();

-- every way to give a seat back
UPDATE wait.seats SET status = 'unassigned' WHERE profile_id = 1;
SELECT wait.state();
DELETE FROM wait.seats WHERE profile_id = 9;
SELECT wait.state();
SELECT orgsync.revoke_seat('wait', 'p2@example.com', :header);
SELECT wait.state();
DELETE FROM wait.profiles WHERE profile_id = 8;
SELECT wait.state();
UPDATE wait.seats SET status = 'waitlisted' WHERE profile_id = 7; -- to the end of the list
SELECT wait.state();
SELECT orgsync.set_seats('wait', :header, 3) \g /dev/null
SELECT wait.state();
UPDATE wait.licenses SET seats = seats + 1;
SELECT wait.state();
-- one who waits and goes away is not invited
INSERT INTO wait.seats SELECT n, 1, 'invited' FROM generate_series(12, 18) AS n;
DELETE FROM wait.seats WHERE profile_id IN (12, 4);
SELECT wait.state();
-- one statement: its own people first, and who waits gets what is left
UPDATE wait.seats SET status = CASE WHEN profile_id = 18 THEN 'invited' ELSE 'unassigned' END::orgsync.seat_status WHERE profile_id IN (18, 5, 6);
SELECT wait.state();
WITH gone AS (DELETE FROM wait.seats WHERE profile_id = 18) INSERT INTO wait.seats VALUES (19, 1, 'invited');
SELECT wait.state();
-- what is undone was never free
BEGIN;
SAVEPOINT s;
DELETE FROM wait.seats WHERE profile_id = 3;
SELECT wait.state();
ROLLBACK TO s;
SELECT wait.state();
COMMIT;
-- lowered by force, nobody is invited before enough are free
SELECT orgsync.set_seats('wait', :header, 2, force => true) \g /dev/null
SELECT wait.state();
DELETE FROM wait.seats WHERE profile_id IN (SELECT profile_id FROM wait.seats WHERE status = 'invited' ORDER BY profile_id LIMIT 2);
SELECT wait.state();
DELETE FROM wait.seats WHERE profile_id IN (SELECT profile_id FROM wait.seats WHERE status = 'invited' ORDER BY profile_id LIMIT 1);
SELECT wait.state();
-- another counting: then all can be invited; and back, when they are too many
UPDATE wait.licenses SET counting = 'activated';
SELECT wait.state();
UPDATE wait.licenses SET counting = 'invited';
UPDATE wait.licenses SET counting = 'invited', seats = NULL;
INSERT INTO wait.seats SELECT n, 1, 'invited' FROM generate_series(20, 22) AS n;
SELECT orgsync.set_seats('wait', :header, 2, force => true) \g /dev/null
INSERT INTO wait.seats SELECT n, 1, 'invited' FROM generate_series(23, 25) AS n;
SELECT wait.state();
-- no limit: nobody has to wait
SELECT orgsync.set_seats('wait', :header, NULL) \g /dev/null
SELECT wait.state();
-- a list that is closed is kept, but not served
TRUNCATE wait.seats;
UPDATE wait.licenses SET seats = 1;
INSERT INTO wait.seats SELECT n, 1, 'invited' FROM generate_series(1, 3) AS n;
UPDATE wait.licenses SET when_full = 'reject';
DELETE FROM wait.seats WHERE profile_id = 1;
SELECT wait.state();
UPDATE wait.licenses SET when_full = 'waitlist';
SELECT wait.state();
TRUNCATE wait.seats;
SELECT wait.state();

-- ---- imports: what is revoked comes first, then the waiting list, then grants in line order ----

CREATE FUNCTION wait.import(people text, VARIADIC arguments text[] DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT concat_ws(' ', state, 'granted', seats_granted, 'revoked', seats_revoked, 'invitations', invitations, 'rejected', rejected)
	FROM orgsync.import_csv('wait', E'primary_email_address,license_talentInsights_talentInsights_status\n'
		|| (SELECT string_agg(replace(replace(p, '+', ',active'), '-', ',inactive'), E'\n') FROM regexp_split_to_table(people, ' ') AS p),
		mode => coalesce(arguments[1], 'patch'), feed => 'f', override => true);
	RETURN QUERY SELECT line || ' ' || code || ': ' || message FROM wait.import_findings WHERE import_id = (SELECT max(import_id) FROM wait.imports) ORDER BY line;
	RETURN QUERY SELECT wait.state();
END $$;
UPDATE wait.licenses SET seats = 3;
SELECT wait.import('p1@example.com+ p2@example.com+ p3@example.com+ p4@example.com+ p5@example.com+ p6@example.com+');
-- a seat that the last line gives back goes to who waits, not to the first line
SELECT wait.import('p10@example.com+ p11@example.com+ p1@example.com-');
-- who waits and is in the file; who waits and leaves
SELECT wait.import('p12@example.com+ p6@example.com+ p5@example.com- p2@example.com-');
-- seats for all who wait, and for one more
SELECT orgsync.set_seats('wait', :header, 4) \g /dev/null
SELECT wait.import('p13@example.com+ p14@example.com+ p15@example.com+ p3@example.com- p4@example.com- p6@example.com- p10@example.com-');
-- new people
SELECT wait.import('n1@example.com+ n2@example.com+ p11@example.com- p12@example.com-');
-- who is absent gives the seat back, or the place on the list
SELECT wait.import('p14@example.com+ p15@example.com+ n2@example.com+ n3@example.com+ n4@example.com+ n5@example.com+', 'full');
SELECT wait.import('p14@example.com+ n5@example.com+ n6@example.com+', 'full');
-- a row that is rejected gives nothing back
SELECT wait.import(E'n7@example.com+ n8@example.com+ n9@example.com+ n5@example.com,x');
-- the order of the lines counts, not the order in which the import writes: who is new, who has had a seat before
BEGIN;
TRUNCATE wait.seats;
UPDATE wait.licenses SET seats = 2;
SELECT wait.import('p20@example.com+ p21@example.com+');
SELECT wait.import('p22@example.com+ z1@example.com+ p20@example.com-');
DELETE FROM wait.seats WHERE status = 'waitlisted';
SELECT wait.import('p23@example.com+ p20@example.com+ p21@example.com-');
ROLLBACK;
-- two licenses of one person are two seats and one mail; a dry run counts the same; and when somebody is absent
BEGIN;
TRUNCATE wait.seats;
UPDATE wait.licenses SET seats = 1;
SELECT orgsync.add_license('wait', 'license_talentInsights_second_status', 1, when_full => 'waitlist') \g /dev/null
INSERT INTO wait.seats SELECT p, l, 'invited' FROM generate_series(1, 2) AS p, generate_series(1, 2) AS l;
INSERT INTO wait.seats VALUES (3, 1, 'invited'), (4, 1, 'invited');
SELECT state, seats_granted, seats_revoked, invitations FROM unnest('{true,false}'::boolean[]) AS d, LATERAL orgsync.import_csv('wait',
	E'primary_email_address,license_talentInsights_talentInsights_status,license_talentInsights_second_status\np1@example.com,inactive,inactive\n', dry_run => d);
SELECT state, absent, seats_granted, seats_revoked, invitations FROM unnest('{2,1}'::int[]) AS n, LATERAL orgsync.import_csv('wait',
	E'primary_email_address,license_talentInsights_talentInsights_status\np' || n || E'@example.com,active\n', feed => 'g', mode => 'full', override => true);
SELECT wait.state() LIMIT 1;
ROLLBACK;
-- who was invited from the list is in the next diff, and who waits is not
SELECT orgsync.confirm_export('wait', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('wait', override => true)) AS e \g /dev/null
SELECT wait.state();
SELECT count(*) FROM orgsync.diff('wait');
SELECT orgsync.revoke_seat('wait', 'n5@example.com', :header);
SELECT primary_email_address, action, old_value, new_value FROM orgsync.diff('wait') ORDER BY 1, 2;

-- ---- people who may write seats, but not read the waiting list ----

CREATE ROLE regress_wait_clerk;
GRANT USAGE ON SCHEMA wait TO regress_wait_clerk;
GRANT INSERT, DELETE, SELECT (profile_id) ON wait.seats TO regress_wait_clerk;
SELECT orgsync.set_seats('wait', :header, 4) \g /dev/null
INSERT INTO wait.seats SELECT n, 1, 'invited' FROM generate_series(31, 33) AS n;
SELECT wait.state();
SET ROLE regress_wait_clerk;
INSERT INTO wait.seats VALUES (34, 1, 'invited');
DELETE FROM wait.seats WHERE profile_id = 14;
RESET ROLE;
SELECT wait.state();
REVOKE ALL ON wait.seats FROM regress_wait_clerk;
REVOKE ALL ON SCHEMA wait FROM regress_wait_clerk;
DROP ROLE regress_wait_clerk;
DROP FUNCTION wait.import;
DROP FUNCTION wait.state;
SELECT orgsync.drop_account('wait');
