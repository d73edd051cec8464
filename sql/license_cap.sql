-- the cap of a license: never more seats taken than there are, whatever takes them
\set VERBOSITY terse
SELECT orgsync.create_account('cap', 'talent_insights');
\set header '''license_talentInsights_talentInsights_status'''
SELECT orgsync.add_license('cap', :header, 3);
INSERT INTO cap.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 60) AS n;

-- the numbers that people read, and whether they agree with the seats themselves
CREATE VIEW cap.usage AS
SELECT license_id, u.total, u.available, u.invited, u.activated, u.waitlisted,
	(u.invited, u.activated, u.waitlisted) = (s.invited, s.activated, s.waitlisted) AS counted_right
FROM cap.seat_usage u JOIN cap.licenses l USING (header)
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE status = 'invited') AS invited,
	count(*) FILTER (WHERE status = 'activated') AS activated, count(*) FILTER (WHERE status = 'waitlisted') AS waitlisted
	FROM cap.seats s WHERE s.license_id = l.license_id) s;

-- ---- what the error says of itself ----

CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text; hint text; schema_name text; table_name text; name text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT, schema_name = SCHEMA_NAME, table_name = TABLE_NAME,
		name = CONSTRAINT_NAME;
	RETURN concat_ws(E'\n', concat_ws(' ', code, schema_name, table_name, name), message, detail, hint);
END $$;
SELECT pg_temp.outcome($$INSERT INTO cap.seats SELECT n, 1, 'invited' FROM generate_series(1, 4) AS n$$);
INSERT INTO cap.seats VALUES (1, 1, 'invited');
SELECT pg_temp.outcome($$UPDATE cap.licenses SET seats = 0$$);
SELECT pg_temp.outcome($$SELECT orgsync.set_seats('cap', 'license_talentInsights_talentInsights_status', 0)$$);
UPDATE cap.licenses SET seats = 1;
SELECT pg_temp.outcome($$SELECT orgsync.grant_seat('cap', 'p2@example.com', 'license_talentInsights_talentInsights_status')$$);
UPDATE cap.licenses SET seats = 3;

-- ---- every way to write ----

INSERT INTO cap.seats VALUES (2, 1, 'activated'), (3, 1, 'invited');
INSERT INTO cap.seats VALUES (4, 1, 'invited');
INSERT INTO cap.seats VALUES (4, 1, 'activated');
INSERT INTO cap.seats VALUES (4, 1, 'unassigned'), (5, 1, 'waitlisted');
SELECT * FROM cap.usage;
UPDATE cap.seats SET status = 'invited' WHERE profile_id = 4;
UPDATE cap.seats SET status = 'invited' WHERE profile_id = 5;
UPDATE cap.seats SET status = 'activated'; -- all five
UPDATE cap.seats SET status = 'activated' WHERE status = 'invited'; -- invited or activated, a seat is taken
UPDATE cap.seats SET status = 'invited' WHERE status = 'activated';
-- one goes and one comes
UPDATE cap.seats SET status = CASE profile_id WHEN 1 THEN 'unassigned' WHEN 4 THEN 'invited' ELSE status::text END::orgsync.seat_status;
SELECT * FROM cap.usage;
UPDATE cap.seats SET profile_id = 6 WHERE profile_id = 4; -- to somebody else
DELETE FROM cap.seats WHERE profile_id IN (1, 5, 6);
SELECT * FROM cap.usage;

COPY cap.seats (profile_id, license_id, status) FROM STDIN;
7	1	invited
8	1	invited
\.
COPY cap.seats (profile_id, license_id, status) FROM STDIN;
7	1	invited
8	1	unassigned
\.
SELECT * FROM cap.usage;

INSERT INTO cap.seats VALUES (8, 1, 'invited') ON CONFLICT DO NOTHING;
INSERT INTO cap.seats VALUES (8, 1, 'invited') ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status;
INSERT INTO cap.seats VALUES (7, 1, 'unassigned'), (8, 1, 'invited')
	ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status;
-- one row comes, one is changed
INSERT INTO cap.seats VALUES (8, 1, 'unassigned'), (9, 1, 'invited')
	ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status;
INSERT INTO cap.seats VALUES (2, 1, 'waitlisted'), (10, 1, 'invited'), (11, 1, 'invited')
	ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status;
SELECT * FROM cap.usage;

MERGE INTO cap.seats s USING (VALUES (2, 'invited'), (12, 'invited')) AS w (id, status) ON s.profile_id = w.id
	WHEN MATCHED THEN UPDATE SET status = w.status::orgsync.seat_status
	WHEN NOT MATCHED THEN INSERT (profile_id, license_id, status) VALUES (w.id, 1, w.status::orgsync.seat_status);
MERGE INTO cap.seats s USING (VALUES (3, NULL), (9, 'unassigned'), (12, 'invited'), (13, 'activated')) AS w (id, status)
	ON s.profile_id = w.id
	WHEN MATCHED AND w.status IS NULL THEN DELETE
	WHEN MATCHED THEN UPDATE SET status = w.status::orgsync.seat_status
	WHEN NOT MATCHED THEN INSERT (profile_id, license_id, status) VALUES (w.id, 1, w.status::orgsync.seat_status);
SELECT * FROM cap.usage;
SELECT profile_id, status FROM cap.seats ORDER BY profile_id;

TRUNCATE cap.seats;
SELECT * FROM cap.usage;
INSERT INTO cap.seats SELECT n, 1, 'invited' FROM generate_series(1, 3) AS n;
INSERT INTO cap.seats VALUES (4, 1, 'invited');

-- ---- what one statement frees counts before what it takes ----

WITH gone AS (DELETE FROM cap.seats WHERE profile_id = 1 RETURNING license_id)
INSERT INTO cap.seats SELECT 4, license_id, 'invited' FROM gone;
WITH gone AS (DELETE FROM cap.seats WHERE profile_id = 2)
INSERT INTO cap.seats VALUES (5, 1, 'invited');
WITH come AS (INSERT INTO cap.seats VALUES (6, 1, 'invited'))
DELETE FROM cap.seats WHERE profile_id = 3;
WITH come AS (INSERT INTO cap.seats VALUES (7, 1, 'activated')),
	changed AS (UPDATE cap.seats SET status = 'unassigned' WHERE profile_id = 4)
SELECT;
-- also with the profile
WITH gone AS (DELETE FROM cap.profiles WHERE profile_id = 5)
INSERT INTO cap.seats VALUES (8, 1, 'activated');
SELECT * FROM cap.usage;
SELECT profile_id, status FROM cap.seats ORDER BY profile_id;
-- but not more than that
WITH gone AS (DELETE FROM cap.seats WHERE profile_id = 8)
INSERT INTO cap.seats VALUES (9, 1, 'invited'), (10, 1, 'invited');
WITH come AS (INSERT INTO cap.seats VALUES (9, 1, 'invited'), (10, 1, 'invited'))
DELETE FROM cap.seats WHERE profile_id = 8;
SELECT * FROM cap.usage;
-- over the cap as well, nobody comes for one who goes, and the counters stay right
UPDATE cap.licenses SET seats = 3;
SELECT orgsync.set_seats('cap', :header, 1, true);
WITH gone AS (DELETE FROM cap.seats WHERE profile_id = 8)
INSERT INTO cap.seats VALUES (9, 1, 'invited');
WITH gone AS (DELETE FROM cap.seats WHERE profile_id IN (6, 7, 8))
INSERT INTO cap.seats VALUES (9, 1, 'invited');
SELECT * FROM cap.usage;
INSERT INTO cap.seats VALUES (10, 1, 'invited');
UPDATE cap.licenses SET seats = 3;

-- ---- savepoints ----

BEGIN;
INSERT INTO cap.seats VALUES (10, 1, 'invited');
SAVEPOINT s;
INSERT INTO cap.seats VALUES (11, 1, 'invited');
SAVEPOINT t;
INSERT INTO cap.seats VALUES (12, 1, 'invited');
ROLLBACK TO t;
SELECT * FROM cap.usage;
ROLLBACK TO s;
SELECT * FROM cap.usage;
INSERT INTO cap.seats VALUES (12, 1, 'invited');
COMMIT;
SELECT * FROM cap.usage;

-- ---- no limit, and no seats at all ----

SELECT orgsync.set_seats('cap', :header, NULL);
INSERT INTO cap.seats SELECT n, 1, 'invited' FROM generate_series(20, 50) AS n;
SELECT * FROM cap.usage;
SELECT orgsync.set_seats('cap', :header, 33);
SELECT orgsync.set_seats('cap', :header, 34);
INSERT INTO cap.seats VALUES (51, 1, 'invited');
DELETE FROM cap.seats WHERE profile_id > 19;
SELECT * FROM cap.usage;
DELETE FROM cap.seats;
SELECT orgsync.set_seats('cap', :header, 0);
INSERT INTO cap.seats VALUES (51, 1, 'invited');
INSERT INTO cap.seats VALUES (51, 1, 'unassigned'), (52, 1, 'waitlisted');
SELECT * FROM cap.usage;
DELETE FROM cap.seats;
-- every seat one by one, then all given back in another order
SELECT orgsync.set_seats('cap', :header, 40);
DO $$ BEGIN
	FOR n IN 6..45 LOOP
		INSERT INTO cap.seats VALUES (n, 1, 'invited');
	END LOOP;
END $$;
INSERT INTO cap.seats VALUES (46, 1, 'invited');
DELETE FROM cap.seats WHERE profile_id % 3 = 0;
INSERT INTO cap.seats SELECT n, 1, 'invited' FROM generate_series(6, 44) AS n WHERE n % 3 = 0;
INSERT INTO cap.seats VALUES (46, 1, 'invited'), (47, 1, 'invited');
INSERT INTO cap.seats VALUES (46, 1, 'invited');
SELECT * FROM cap.usage;
TRUNCATE cap.seats;

-- ---- counting rules, several licenses ----

UPDATE cap.licenses SET seats = 2, counting = 'activated';
SELECT orgsync.add_license('cap', 'Default_license_learning_pro_status', 2);
INSERT INTO cap.seats SELECT n, 1, 'invited' FROM generate_series(6, 10) AS n; -- invitations are free
UPDATE cap.seats SET status = 'activated' WHERE profile_id <= 8;
UPDATE cap.seats SET status = 'activated' WHERE profile_id <= 7;
UPDATE cap.seats SET status = 'activated' WHERE profile_id = 8;
SELECT * FROM cap.usage ORDER BY license_id;
UPDATE cap.licenses SET counting = 'invited' WHERE license_id = 1;
UPDATE cap.licenses SET counting = 'invited', seats = 5 WHERE license_id = 1;
SELECT * FROM cap.usage ORDER BY license_id;
UPDATE cap.licenses SET counting = 'activated', seats = 2 WHERE license_id = 1;
-- a seat of another license
UPDATE cap.seats SET license_id = 2 WHERE profile_id = 6;
INSERT INTO cap.seats VALUES (8, 2, 'invited');
UPDATE cap.seats SET license_id = 2 WHERE profile_id = 7;
SELECT * FROM cap.usage ORDER BY license_id;
-- one statement for both: if one is full, neither gets anything
INSERT INTO cap.seats VALUES (11, 1, 'activated'), (12, 2, 'invited');
SELECT * FROM cap.usage ORDER BY license_id;
-- swapped
UPDATE cap.seats SET license_id = 3 - license_id WHERE profile_id IN (6, 7);
SELECT * FROM cap.usage ORDER BY license_id;
UPDATE cap.licenses SET seats = 3 - license_id;
UPDATE cap.licenses SET seats = 3 - license_id WHERE license_id = 1;
SELECT * FROM cap.usage ORDER BY license_id;

-- ---- licenses and profiles that go ----

DELETE FROM cap.profiles WHERE profile_id = 7;
SELECT * FROM cap.usage ORDER BY license_id;
DELETE FROM cap.licenses WHERE license_id = 2;
SELECT * FROM cap.usage;
SELECT count(*) FROM cap.seat_counters WHERE license_id = 2;
TRUNCATE cap.profiles CASCADE;
SELECT * FROM cap.usage;
INSERT INTO cap.profiles (primary_email_address) SELECT 'q' || n || '@example.com' FROM generate_series(1, 5) AS n;
-- a license that gets another number has the same cap
UPDATE cap.licenses SET license_id = DEFAULT, seats = 1, counting = 'invited';
INSERT INTO cap.seats SELECT min(profile_id), max(license_id), 'invited' FROM cap.profiles, cap.licenses;
UPDATE cap.licenses SET license_id = DEFAULT;
INSERT INTO cap.seats SELECT max(profile_id), max(license_id), 'invited' FROM cap.profiles, cap.licenses;
SELECT total, available, invited, counted_right FROM cap.usage;
SELECT count(DISTINCT license_id) FROM cap.seat_counters;
TRUNCATE cap.licenses CASCADE;
SELECT * FROM cap.usage;
ALTER TABLE cap.licenses ALTER license_id RESTART;
SELECT orgsync.add_license('cap', :header, 1);
INSERT INTO cap.seats SELECT profile_id, 1, 'invited' FROM cap.profiles ORDER BY profile_id LIMIT 2;
INSERT INTO cap.seats SELECT profile_id, 1, 'invited' FROM cap.profiles ORDER BY profile_id LIMIT 1;
SELECT * FROM cap.usage;

-- ---- what is derived cannot be written ----

INSERT INTO cap.seat_counters (license_id, slot, free) VALUES (1, 99, 1000);
INSERT INTO cap.seat_counters (license_id, slot, free) VALUES (77, 0, 1000);
UPDATE cap.seat_counters SET free = 1000;
DELETE FROM cap.seat_counters;
COPY cap.seat_counters (license_id, slot, free) FROM STDIN;
1	98	1000
\.
SELECT * FROM cap.usage;
INSERT INTO cap.seats SELECT max(profile_id), 1, 'invited' FROM cap.profiles;
SELECT count(DISTINCT license_id), sum(free) FROM cap.seat_counters;
TRUNCATE cap.seat_counters;
SELECT * FROM cap.usage;
INSERT INTO cap.seats SELECT max(profile_id), 1, 'invited' FROM cap.profiles;
-- which also mends what came while the triggers were off
ALTER TABLE cap.seats DISABLE TRIGGER USER;
INSERT INTO cap.seats SELECT max(profile_id), 1, 'invited' FROM cap.profiles;
ALTER TABLE cap.seats ENABLE TRIGGER USER;
SELECT * FROM cap.usage;
TRUNCATE cap.seat_counters;
SELECT * FROM cap.usage;
INSERT INTO cap.seats SELECT profile_id, 1, 'invited' FROM cap.profiles ORDER BY profile_id OFFSET 1 LIMIT 1;
DELETE FROM cap.seats;
SELECT * FROM cap.usage;

-- ---- other isolation levels ----

BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO cap.seats SELECT profile_id, 1, 'invited' FROM cap.profiles ORDER BY profile_id LIMIT 1;
SAVEPOINT s;
INSERT INTO cap.seats SELECT profile_id, 1, 'invited' FROM cap.profiles ORDER BY profile_id OFFSET 1 LIMIT 1;
ROLLBACK TO s;
UPDATE cap.seats SET status = 'activated';
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
DELETE FROM cap.seats;
INSERT INTO cap.seats SELECT profile_id, 1, 'invited' FROM cap.profiles ORDER BY profile_id LIMIT 1;
COMMIT;
SELECT * FROM cap.usage;

DROP VIEW cap.usage;
SELECT orgsync.drop_account('cap');

-- force holds for that account, not for what a trigger of the owner's does in another
SELECT orgsync.create_account('forced', 'talent_insights');
SELECT orgsync.create_account('unforced', 'talent_insights');
SELECT orgsync.add_license('forced', 'A_license_learning_pro_status', 1), orgsync.add_license('unforced', 'A_license_learning_pro_status', 1);
INSERT INTO unforced.profiles (primary_email_address) VALUES ('a@example.com'), ('b@example.com');
CREATE FUNCTION forced.follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO unforced.seats SELECT profile_id, 1, 'invited' FROM unforced.profiles ON CONFLICT DO NOTHING;
	RETURN NULL;
EXCEPTION WHEN check_violation THEN
	RAISE NOTICE '%', SQLERRM;
	RETURN NULL;
END $$;
CREATE TRIGGER follow AFTER UPDATE ON forced.licenses FOR EACH STATEMENT EXECUTE FUNCTION forced.follow();
CREATE TRIGGER follow AFTER INSERT ON forced.seats FOR EACH STATEMENT EXECUTE FUNCTION forced.follow();
SELECT orgsync.set_seats('forced', 'A_license_learning_pro_status', 0, force => true);
SELECT state FROM orgsync.import_remote('forced', E'primary_email_address,A_license_learning_pro_status\nc@example.com,active\n', adopt => true);
SELECT account, total, invited + activated AS taken FROM (SELECT 'forced' AS account, * FROM forced.seat_usage UNION ALL SELECT 'unforced', * FROM unforced.seat_usage) AS u ORDER BY 1;
DROP FUNCTION forced.follow() CASCADE;
SELECT orgsync.drop_account('forced'), orgsync.drop_account('unforced');
