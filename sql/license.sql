-- licenses and single seats: the functions that people call
SELECT orgsync.create_account('lic', 'linkedin_learning');
INSERT INTO lic.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 4) AS n;

-- ---- add_license ----

-- by default a product's own counting, no limit, refusal when full
SELECT orgsync.add_license('lic', 'Default_license_learning_proAllLanguages_status');
SELECT orgsync.add_license('lic', 'Big Spenders_license_learning_pro_status', seats => 2, counting => 'invited',
	when_full => 'waitlist');
SELECT orgsync.add_license('lic', 'Closed_license_learning_pro_status', 0, NULL, NULL);
SELECT license_id, header, seats, counting, when_full FROM lic.licenses ORDER BY license_id;
SELECT * FROM lic.seat_usage;
SELECT orgsync.create_account('insights', 'talent_insights');
SELECT orgsync.add_license('insights', 'license_talentInsights_talentInsights_status', 8000);
SELECT counting FROM insights.licenses;
SELECT orgsync.drop_account('insights');

-- the same header again, whatever its case; seats below none; no license; nulls
\set VERBOSITY terse
SELECT orgsync.add_license('lic', 'DEFAULT_license_learning_PROalllanguages_status');
SELECT orgsync.add_license('lic', 'X_license_learning_pro_status', -1);
SELECT orgsync.add_license('lic', 'no license');
SELECT orgsync.add_license(NULL, 'X_license_learning_pro_status');
SELECT orgsync.add_license('lic', NULL);
SELECT orgsync.add_license('nobody', 'X_license_learning_pro_status');
SELECT orgsync.add_license('public', 'X_license_learning_pro_status');
\set VERBOSITY default

-- ---- grant, activate, revoke: the state machine ----

CREATE FUNCTION lic.state(email text, license text) RETURNS text LANGUAGE sql AS $$
	SELECT s.status || CASE WHEN s.since = now() THEN '' ELSE ' before' END
	FROM lic.seats s JOIN lic.profiles p USING (profile_id) JOIN lic.licenses l USING (license_id)
	WHERE p.primary_email_address = email AND l.header = license $$;
\set default '''Default_license_learning_proAllLanguages_status'''
BEGIN;
SELECT orgsync.grant_seat('lic', 'p1@example.com', :default);
SELECT lic.state('p1@example.com', :default);
UPDATE lic.seats SET since = '2020-01-01';
SELECT orgsync.grant_seat('lic', 'P1@Example.com', 'default_LICENSE_learning_proAllLanguages_status');
SELECT lic.state('p1@example.com', :default); -- invited already: nothing changes
SELECT orgsync.activate('lic', 'p1@example.com', :default);
SELECT lic.state('p1@example.com', :default);
UPDATE lic.seats SET since = '2020-01-01';
SELECT orgsync.activate('lic', 'p1@example.com', :default);
SELECT orgsync.grant_seat('lic', 'p1@example.com', :default);
SELECT lic.state('p1@example.com', :default); -- activated already
SELECT orgsync.revoke_seat('lic', 'p1@example.com', :default);
SELECT lic.state('p1@example.com', :default);
UPDATE lic.seats SET since = '2020-01-01';
SELECT orgsync.revoke_seat('lic', 'p1@example.com', :default);
SELECT lic.state('p1@example.com', :default); -- unassigned already
SELECT orgsync.grant_seat('lic', 'p1@example.com', :default);
SELECT lic.state('p1@example.com', :default);
-- activated without an invitation, with a date; revoked without ever having had one
SELECT orgsync.activate('lic', 'p2@example.com', :default, '2019-04-12 00:00+00');
SELECT status, since = '2019-04-12 00:00+00' AS since FROM lic.seats WHERE profile_id = 2;
SELECT orgsync.revoke_seat('lic', 'p3@example.com', :default);
SELECT lic.state('p3@example.com', :default);
SELECT invited, activated FROM lic.seat_usage WHERE header = :default;
COMMIT;

-- plain SQL keeps the date of the last change of status, too
UPDATE lic.seats SET since = '2020-01-01';
BEGIN;
UPDATE lic.seats SET status = 'activated' WHERE profile_id = 1;
UPDATE lic.seats SET status = 'activated' WHERE profile_id = 2;
UPDATE lic.seats SET status = 'invited', since = '2021-01-01' WHERE profile_id = 3;
SELECT profile_id, status, CASE WHEN since = now() THEN 'now' ELSE extract(year FROM since)::text END AS since
FROM lic.seats ORDER BY profile_id;
ROLLBACK;

-- nobody, no such license
SELECT orgsync.grant_seat('lic', 'nobody@example.com', :default);
SELECT orgsync.grant_seat('lic', 'p1@example.com', 'X_license_learning_pro_status');
SELECT orgsync.revoke_seat('lic', 'nobody@example.com', :default);
SELECT orgsync.activate('lic', 'p1@example.com', 'X_license_learning_pro_status');

-- ---- the waiting list ----

\set big '''Big Spenders_license_learning_pro_status'''
SELECT n, orgsync.grant_seat('lic', ('p' || n || '@example.com')::orgsync.email_address, :big)
FROM generate_series(1, 4) AS n ORDER BY n;
SELECT * FROM lic.seat_usage WHERE header = :big;
SELECT orgsync.grant_seat('lic', 'p1@example.com', :big), orgsync.grant_seat('lic', 'p3@example.com', :big);
-- who waits gets a seat that is free
SELECT orgsync.revoke_seat('lic', 'p1@example.com', :big);
SELECT orgsync.grant_seat('lic', 'p3@example.com', :big);
SELECT * FROM lic.seat_usage WHERE header = :big;
SELECT orgsync.revoke_seat('lic', 'p4@example.com', :big);
SELECT * FROM lic.seat_usage WHERE header = :big;

-- ---- set_seats ----

\set closed '''Closed_license_learning_pro_status'''
SELECT orgsync.set_seats('lic', :closed, 3);
SELECT orgsync.activate('lic', ('p' || n || '@example.com')::orgsync.email_address, :closed)
FROM generate_series(1, 3) AS n;
SELECT orgsync.set_seats('lic', :closed, 2);
SELECT orgsync.set_seats('lic', :closed, 3);
SELECT orgsync.set_seats('lic', :closed, NULL);
SELECT * FROM lic.seat_usage WHERE header = :closed;
SELECT orgsync.set_seats('lic', :closed, 2);
SELECT orgsync.set_seats('lic', :closed, 1, force => true);
SELECT * FROM lic.seat_usage WHERE header = :closed;
-- no seat is granted until enough are free
SELECT orgsync.activate('lic', 'p4@example.com', :closed);
SELECT orgsync.revoke_seat('lic', 'p1@example.com', :closed);
SELECT orgsync.activate('lic', 'p4@example.com', :closed);
SELECT orgsync.revoke_seat('lic', 'p2@example.com', :closed);
SELECT orgsync.activate('lic', 'p4@example.com', :closed);
SELECT orgsync.revoke_seat('lic', 'p3@example.com', :closed);
SELECT orgsync.activate('lic', 'p4@example.com', :closed);
SELECT * FROM lic.seat_usage WHERE header = :closed;
-- over the cap, more seats are welcome even if they are not enough; fewer are not
SELECT orgsync.set_seats('lic', :closed, 5);
SELECT orgsync.activate('lic', ('p' || n || '@example.com')::orgsync.email_address, :closed)
FROM generate_series(1, 3) AS n;
SELECT orgsync.set_seats('lic', :closed, 1, true);
SELECT orgsync.set_seats('lic', :closed, 2);
SELECT orgsync.set_seats('lic', :closed, 2);
SELECT orgsync.set_seats('lic', :closed, 1);
SELECT * FROM lic.seat_usage WHERE header = :closed;
-- force lasts for its own call only
SELECT orgsync.set_seats('lic', :closed, 0, true);
SELECT orgsync.set_seats('lic', :closed, 3, false);
UPDATE lic.licenses SET seats = 0 WHERE header = :closed;

\set VERBOSITY terse
SELECT orgsync.set_seats('lic', :closed, -1, true);
SELECT orgsync.set_seats('lic', 'X_license_learning_pro_status', 1);
SELECT orgsync.set_seats('lic', NULL, 1);
SELECT orgsync.set_seats(NULL, :closed, 1);

DROP FUNCTION lic.state;
SELECT orgsync.drop_account('lic');
