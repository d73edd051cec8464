-- transfers: seats that are taken back from one person and given to another
\set VERBOSITY terse
\pset format unaligned
\pset tuples_only on
SELECT orgsync.create_account('move', 'talent_insights') \g /dev/null
\set header '''license_talentInsights_talentInsights_status'''
SELECT orgsync.add_license('move', :header, 3, transfers_per_year => 2, transfer_action => 'reject') \g /dev/null
SELECT transfers_per_year, transfer_action FROM move.licenses;
INSERT INTO move.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 40) AS n;
CREATE FUNCTION move.state() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws('; ', 'seats ' || (SELECT string_agg(profile_id::text, ' ' ORDER BY profile_id) FROM move.seats WHERE status IN ('invited', 'activated')),
		'waiting ' || (SELECT string_agg(profile_id::text, ' ' ORDER BY since, profile_id) FROM move.seats WHERE status = 'waitlisted'),
		'from ' || (SELECT string_agg(concat_ws(' to ', from_profile_id, to_profile_id), ', ' ORDER BY transfer_id) FROM move.transfers),
		concat(u.available, ' free, ', u.transfers, ' transfers, ', u.transfers_left, ' left')) FROM move.seat_usage u
	UNION ALL SELECT 'wrong: ' || v::text FROM orgsync.verify_account('move') AS v $$;

-- seats that nobody has had are no transfers
INSERT INTO move.seats VALUES (1, 1, 'invited'), (2, 1, 'activated');
SELECT move.state();
-- given to another; back to the same person it is none
DELETE FROM move.seats WHERE profile_id = 1;
INSERT INTO move.seats VALUES (1, 1, 'invited');
SELECT move.state();
UPDATE move.seats SET status = 'unassigned' WHERE profile_id = 2;
INSERT INTO move.seats VALUES (3, 1, 'invited');
SELECT move.state();
-- passed on within one statement, by row and by person
UPDATE move.seats SET profile_id = 4 WHERE profile_id = 3;
SELECT move.state();
-- used up: a seat that nobody has had may be given
UPDATE move.seats SET status = 'unassigned' WHERE profile_id = 4;
INSERT INTO move.seats VALUES (5, 1, 'invited');
SELECT move.state();
-- but no other, except to whom it was taken from
INSERT INTO move.seats VALUES (6, 1, 'invited');
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
SELECT pg_temp.outcome($$SELECT orgsync.grant_seat('move', 'p6@example.com', 'license_talentInsights_talentInsights_status')$$);
INSERT INTO move.seats VALUES (4, 1, 'invited') ON CONFLICT (profile_id, license_id) DO UPDATE SET status = excluded.status;
SELECT move.state();
UPDATE move.seats SET profile_id = 6 WHERE profile_id = 5;
-- what is undone is not counted; statements of several kinds are
BEGIN;
SAVEPOINT s;
UPDATE move.licenses SET transfers_per_year = 10;
WITH gone AS (DELETE FROM move.seats WHERE profile_id = 1 RETURNING license_id)
UPDATE move.seats SET profile_id = 7 WHERE profile_id = 5;
MERGE INTO move.seats s USING (VALUES (4, 'unassigned'), (8, 'invited')) AS w (id, status) ON s.profile_id = w.id
	WHEN MATCHED THEN UPDATE SET status = w.status::orgsync.seat_status
	WHEN NOT MATCHED THEN INSERT (profile_id, license_id, status) VALUES (w.id, 1, w.status::orgsync.seat_status);
SELECT move.state();
ROLLBACK TO s;
COMMIT;
SELECT move.state();
-- a warning
UPDATE move.licenses SET transfer_action = 'warn';
UPDATE move.seats SET profile_id = 6 WHERE profile_id = 5;
SELECT move.state();
-- nothing
UPDATE move.licenses SET transfer_action = 'off';
UPDATE move.seats SET profile_id = 5 WHERE profile_id = 6;
SELECT move.state();
-- after a year a transfer no longer counts
UPDATE move.transfers SET transferred_at = now() - interval '366 days' WHERE to_profile_id IN (3, 4);
SELECT move.state();
-- no limit, no count; a limit from now on
UPDATE move.licenses SET transfers_per_year = NULL;
UPDATE move.seats SET profile_id = 9 WHERE profile_id = 5;
SELECT move.state();
UPDATE move.licenses SET transfers_per_year = -1;
DELETE FROM move.transfers;
UPDATE move.licenses SET transfers_per_year = 1, transfer_action = 'reject', when_full = 'waitlist';

-- the waiting list: whoever is invited from it is given somebody else's seat
INSERT INTO move.seats VALUES (10, 1, 'invited'), (11, 1, 'invited');
SELECT move.state();
DELETE FROM move.seats WHERE profile_id = 9;
SELECT move.state();
DELETE FROM move.seats WHERE profile_id = 10;
SELECT move.state();
-- who asks is told so
INSERT INTO move.seats VALUES (12, 1, 'invited');
UPDATE move.licenses SET transfers_per_year = 2;
SELECT move.state();

-- ---- imports ----

CREATE FUNCTION move.import(people text, VARIADIC arguments text[] DEFAULT '{}') RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT concat_ws(' ', state, 'granted', seats_granted, 'revoked', seats_revoked, 'rejected', rejected, 'warnings', warnings)
	FROM orgsync.import_csv('move', E'primary_email_address,license_talentInsights_talentInsights_status\n'
		|| (SELECT string_agg(replace(replace(p, '+', ',active'), '-', ',inactive'), E'\n') FROM regexp_split_to_table(people, ' ') AS p),
		mode => coalesce(arguments[1], 'patch'), feed => 'f', override => true);
	RETURN QUERY SELECT line || ' ' || code || ': ' || message FROM move.import_findings WHERE import_id = (SELECT max(import_id) FROM move.imports) ORDER BY line;
	RETURN QUERY SELECT move.state();
END $$;
UPDATE move.licenses SET when_full = 'reject', seats = 4;
TRUNCATE move.seats, move.transfers;
UPDATE move.licenses SET transfers_per_year = 1;
SELECT move.import('p1@example.com+ p2@example.com+ p3@example.com+');
-- one seat that nobody has had, one transfer, and no more
SELECT move.import('p4@example.com+ p5@example.com+ p6@example.com+ p1@example.com- p2@example.com-');
SELECT move.import('p2@example.com+ p7@example.com+');
-- as a warning, also with new people
UPDATE move.licenses SET transfer_action = 'warn';
SELECT move.import('p3@example.com- p4@example.com- n1@example.com+ p8@example.com+');
UPDATE move.licenses SET transfers_per_year = 5;
SELECT move.import('n1@example.com- n2@example.com+ p8@example.com+');
SELECT move.import('p9@example.com+ n2@example.com+', 'full');

-- ---- many at once, and many statements of one transaction ----

TRUNCATE move.seats, move.transfers;
UPDATE move.licenses SET transfers_per_year = 1000, seats = 50;
INSERT INTO move.profiles (profile_id, primary_email_address) OVERRIDING SYSTEM VALUE
	SELECT n, 'q' || n || '@example.com' FROM generate_series(101, 250) AS n;
CREATE FUNCTION move.figures() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat(count(*) FILTER (WHERE to_profile_id IS NULL), ' open from ', min(from_profile_id) FILTER (WHERE to_profile_id IS NULL),
		', given to ', min(to_profile_id), ' to ', max(to_profile_id), ', ', u.transfers, ' transfers, ', u.available, ' free')
	FROM move.seat_usage u LEFT JOIN move.transfers ON true GROUP BY u.transfers, u.available
	UNION ALL SELECT 'wrong: ' || v::text FROM orgsync.verify_account('move') AS v $$;
INSERT INTO move.seats SELECT n, 1, 'invited' FROM generate_series(101, 150) AS n;
UPDATE move.seats SET profile_id = profile_id + 50;
SELECT move.figures();
DELETE FROM move.seats;
SELECT move.figures();
-- forty of them get their own seats back, the seven others are given the oldest
INSERT INTO move.seats SELECT n, 1, 'invited' FROM generate_series(161, 207) AS n;
SELECT move.figures();
SELECT string_agg(from_profile_id || ' to ' || to_profile_id, ', ' ORDER BY transfer_id) FROM move.transfers WHERE to_profile_id > 200;
BEGIN;
DO $$ BEGIN
	FOR n IN 161..190 LOOP
		UPDATE move.seats SET profile_id = n + 50 WHERE profile_id = n;
	END LOOP;
END $$;
SELECT move.figures();
-- what goes back to a savepoint is open again, and so it is when the owner takes it back
SAVEPOINT s;
UPDATE move.seats SET profile_id = profile_id + 50 WHERE profile_id BETWEEN 191 AND 193;
SELECT move.figures();
ROLLBACK TO s;
UPDATE move.seats SET profile_id = 241 WHERE profile_id = 191;
SELECT move.figures();
UPDATE move.transfers SET to_profile_id = NULL, transferred_at = NULL WHERE to_profile_id < 110 OR to_profile_id = 215;
SELECT move.figures();
UPDATE move.seats SET profile_id = 242 WHERE profile_id = 192;
SELECT move.figures();
SELECT from_profile_id FROM move.transfers WHERE to_profile_id = 242;
COMMIT;
SELECT move.figures();

DROP FUNCTION move.figures;
DROP FUNCTION move.import;
DROP FUNCTION move.state;
DELETE FROM move.licenses;
SELECT count(*) FROM move.transfers;
SELECT orgsync.drop_account('move');
