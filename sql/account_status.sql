-- orgsync.status: how accounts are, for whoever may read them, at little cost
SET client_min_messages = warning;
CREATE ROLE regress_orgsync_alice;
CREATE ROLE regress_orgsync_eve;
CREATE ROLE regress_orgsync_watch;
DO $$ BEGIN
	EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_orgsync_alice, regress_orgsync_eve', current_database());
END $$;

SET ROLE regress_orgsync_alice;
SELECT orgsync.create_account('stat', 'linkedin_learning'), orgsync.create_account('stat_ti', 'talent_insights'),
	orgsync.create_account('stat_wl', 'workleap');
-- one row an account, which has nothing yet
SELECT account, product, owner, needs_upgrade, last_import, last_import_state, last_applied, last_export, last_export_state,
	last_confirmed, pending_changes, fullest_license, seats_left, waitlisted, errors_open, warnings_open
FROM orgsync.status ORDER BY account::text;

-- ---- imports ----

CREATE VIEW stat.imports_status AS
SELECT last_import = (SELECT max(finished_at) FROM stat.imports WHERE state <> 'dry_run') AS is_last, last_import_state AS state,
	last_applied = (SELECT max(finished_at) FROM stat.imports WHERE state = 'applied') AS is_last_applied,
	pending_changes AS pending, errors_open AS errors, warnings_open AS warnings
FROM orgsync.status WHERE account = 'stat'::regnamespace;

SELECT orgsync.add_license('stat', 'Default_license_learning_pro_status', 2, 'invited'),
	orgsync.add_license('stat', 'Other_license_learning_pro_status', 10, 'activated'),
	orgsync.add_license('stat', 'Free_license_learning_pro_status');
SELECT state FROM orgsync.import_csv('stat', E'primary_email,Default_license_learning_pro_status,favourite colour\n'
	'ann@example.com,active,red\nbob@example.com,active,red\ncarl@example.com,active,red\nno address,,red\n');
SELECT * FROM stat.imports_status;
-- a dry run does not count
SELECT state FROM orgsync.import_csv('stat', E'primary_email\nbad\nworse\n', dry_run => true);
SELECT * FROM stat.imports_status;
-- another feed does not settle the first one's findings, and its own count too
SELECT state FROM orgsync.import_csv('stat', E'primary_email\ndora@example.com\nbad\n', feed => 'other');
SELECT * FROM stat.imports_status;
-- a file that was refused
SELECT state FROM orgsync.import_csv('stat', E'colour\nred\n', feed => 'other');
SELECT * FROM stat.imports_status;
-- files that are in order settle them
SELECT state FROM orgsync.import_csv('stat', E'primary_email\ndora@example.com\n', feed => 'other');
SELECT state FROM orgsync.import_csv('stat', E'primary_email,preferred_first_name\nann@example.com,Ann\n');
SELECT * FROM stat.imports_status;
SELECT FROM orgsync.undo_import('stat', (SELECT max(import_id) FROM stat.imports));
SELECT state, is_last, is_last_applied FROM stat.imports_status;
-- the vendor's own list has findings of its own
SELECT state FROM orgsync.import_remote('stat', E'primary_email,colour\nann@example.com,red\n'::text, complete => false);
SELECT * FROM stat.imports_status;

-- ---- exports ----

CREATE VIEW stat.exports_status AS
SELECT last_export = (SELECT max(exported_at) FROM stat.exports WHERE state <> 'cancelled') AS is_last, last_export_state AS state,
	last_confirmed = (SELECT max(confirmed_at) FROM stat.exports) AS is_last_confirmed, pending_changes > 0 AS pending,
	errors_open AS errors, warnings_open AS warnings
FROM orgsync.status WHERE account = 'stat'::regnamespace;
SELECT * FROM stat.exports_status;
SELECT kind, row_count FROM orgsync.export_csv('stat');
SELECT * FROM stat.exports_status;
SELECT orgsync.confirm_export('stat', 1, E'primary_email_address,Messages\nbob@example.com,not today\n'::text);
SELECT * FROM stat.exports_status;
SELECT kind, row_count FROM orgsync.export_csv('stat');
SELECT * FROM stat.exports_status;
SELECT orgsync.cancel_export('stat', 2);
SELECT * FROM stat.exports_status;
SELECT kind, row_count FROM orgsync.export_csv('stat');
SELECT orgsync.confirm_export('stat', 3);
SELECT * FROM stat.exports_status;

-- ---- seats ----

CREATE VIEW stat.seats_status AS
SELECT fullest_license, seats_left, waitlisted FROM orgsync.status WHERE account = 'stat'::regnamespace;
SELECT * FROM stat.seats_status;
SELECT orgsync.revoke_seat('stat', 'ann@example.com', 'Default_license_learning_pro_status');
SELECT * FROM stat.seats_status;
-- an invitation takes no seat of the other license; an activation does
SELECT orgsync.grant_seat('stat', 'ann@example.com', 'Other_license_learning_pro_status');
SELECT orgsync.set_seats('stat', 'Other_license_learning_pro_status', 1);
SELECT * FROM stat.seats_status;
SELECT orgsync.activate('stat', 'ann@example.com', 'Other_license_learning_pro_status');
SELECT * FROM stat.seats_status;
-- over the cap; none at all, which is full
SELECT orgsync.set_seats('stat', 'Other_license_learning_pro_status', 0, force => true);
SELECT * FROM stat.seats_status;
SELECT orgsync.revoke_seat('stat', 'ann@example.com', 'Other_license_learning_pro_status');
SELECT * FROM stat.seats_status;
UPDATE stat.licenses SET when_full = 'waitlist';
SELECT orgsync.grant_seat('stat', 'ann@example.com', 'Default_license_learning_pro_status'),
	orgsync.grant_seat('stat', 'dora@example.com', 'Default_license_learning_pro_status');
SELECT * FROM stat.seats_status;
SELECT orgsync.set_seats('stat', 'Other_license_learning_pro_status', NULL);
SELECT orgsync.set_seats('stat', 'Default_license_learning_pro_status', NULL);
SELECT * FROM stat.seats_status;

-- ---- many changes are estimated, without those that are gone ----

SELECT pending_changes = (SELECT count(*) FROM stat.changes) AS exact FROM orgsync.status WHERE account = 'stat'::regnamespace;
INSERT INTO stat.changes (profile_id, column_name) SELECT n, 'work_title' FROM generate_series(1, 200000) AS n;
SELECT round(pending_changes / 200000.0, 1) AS share FROM orgsync.status WHERE account = 'stat'::regnamespace;
DELETE FROM stat.changes WHERE profile_id % 4 <> 0;
SELECT round(pending_changes / 50000.0, 1) AS share FROM orgsync.status WHERE account = 'stat'::regnamespace;
DELETE FROM stat.changes;
SELECT pending_changes FROM orgsync.status WHERE account = 'stat'::regnamespace;

-- ---- who may read what ----

SELECT orgsync.set_seats('stat', 'Other_license_learning_pro_status', 10);
SET ROLE regress_orgsync_watch;
SELECT count(*) FROM orgsync.status;
SET ROLE regress_orgsync_alice;
GRANT SELECT ON stat.settings TO regress_orgsync_watch;
SET ROLE regress_orgsync_watch;
SELECT count(*) FROM orgsync.status;
SET ROLE regress_orgsync_alice;
GRANT USAGE ON SCHEMA stat TO regress_orgsync_watch;
SET ROLE regress_orgsync_watch;
SELECT account, product, last_import, errors_open, last_export, pending_changes, waitlisted, fullest_license FROM orgsync.status;
SET ROLE regress_orgsync_alice;
GRANT SELECT ON stat.imports TO regress_orgsync_watch;
SET ROLE regress_orgsync_watch;
SELECT account, last_import_state, errors_open, last_export, pending_changes, waitlisted, fullest_license FROM orgsync.status;
SET ROLE regress_orgsync_alice;
GRANT SELECT ON stat.exports, stat.import_findings, stat.changes, stat.seat_counters TO regress_orgsync_watch;
SET ROLE regress_orgsync_watch;
SELECT account, last_export_state, errors_open, pending_changes, waitlisted, fullest_license FROM orgsync.status;
SET ROLE regress_orgsync_alice;
GRANT SELECT ON stat.licenses TO regress_orgsync_watch;
SET ROLE regress_orgsync_watch;
-- all of it, and no table of people
SELECT account, last_export_state, errors_open, pending_changes, waitlisted, fullest_license FROM orgsync.status;
SELECT has_table_privilege('stat.profiles', 'SELECT') AS profiles, has_table_privilege('stat.seats', 'SELECT') AS seats;

-- the columns that are read are enough, so that people's records need not be shown
SET ROLE regress_orgsync_alice;
REVOKE ALL ON stat.imports, stat.import_findings, stat.changes FROM regress_orgsync_watch;
GRANT SELECT (line) ON stat.changes TO regress_orgsync_watch;
GRANT SELECT (import_id, state, feed, finished_at, rejected, warnings) ON stat.imports TO regress_orgsync_watch;
INSERT INTO stat.import_findings (export_id, code, severity, message) SELECT max(export_id), 'vendor_refused', 'error', 'No.' FROM stat.exports;
GRANT SELECT (severity) ON stat.import_findings TO regress_orgsync_watch;
SET ROLE regress_orgsync_watch;
SELECT account, last_import_state, errors_open, pending_changes FROM orgsync.status;
SET ROLE regress_orgsync_alice;
GRANT SELECT (export_id) ON stat.import_findings TO regress_orgsync_watch;
REVOKE SELECT (rejected) ON stat.imports FROM regress_orgsync_watch;
SET ROLE regress_orgsync_watch;
SELECT account, last_import_state, errors_open, pending_changes FROM orgsync.status;

-- ---- an owner who would like to work as somebody else ----

SET ROLE regress_orgsync_eve;
SELECT orgsync.create_account('evil', 'workleap');
SELECT state FROM orgsync.import_csv('evil', E'Name,Email,Country,Region\nEve,eve@example.com,US,US-CA\n');
CREATE FUNCTION evil.spy() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
	IF current_user <> 'regress_orgsync_eve' THEN RAISE 'spied on %', current_user; END IF; RETURN true; END $$;
CREATE INDEX ON evil.imports (import_id) WHERE evil.spy();
CREATE INDEX ON evil.imports ((evil.spy()));
CREATE INDEX ON evil.changes ((evil.spy())) WHERE evil.spy();
CREATE FUNCTION evil.spy_text(evil.settings) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'spied'; END $$;
CREATE CAST (evil.settings AS bigint) WITH FUNCTION evil.spy_text(evil.settings) AS IMPLICIT;
DROP VIEW evil.seat_usage;
ALTER TABLE evil.seat_counters ALTER waitlisted DROP DEFAULT, ALTER waitlisted DROP NOT NULL, ALTER waitlisted TYPE evil.settings USING NULL;
ALTER TABLE evil.import_findings RENAME TO findings_of_old;
CREATE VIEW evil.import_findings AS SELECT evil.spy();
ALTER TABLE evil.exports ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY spy ON evil.exports USING (evil.spy());
SET ROLE regress_orgsync_watch;
SELECT account FROM orgsync.status;
RESET ROLE;
SELECT account, product, last_import_state, last_export_state, pending_changes, fullest_license, waitlisted, errors_open FROM orgsync.status
WHERE account::text IN ('evil', 'stat') ORDER BY account::text;
-- an index that does not have all rows, or no index at all, is not used
SET ROLE regress_orgsync_eve;
ALTER TABLE evil.imports DROP CONSTRAINT imports_pkey CASCADE;
SELECT last_import_state, errors_open FROM orgsync.status WHERE account::text = 'evil';
CREATE INDEX ON evil.imports (import_id);
SELECT last_import_state, errors_open FROM orgsync.status WHERE account::text = 'evil';
-- what looks like an account and is none; other layouts; names that need quotes
CREATE SCHEMA evil_fake;
CREATE TABLE evil_fake.settings (product orgsync.product, layout_version text);
INSERT INTO evil_fake.settings VALUES ('workleap', '1');
CREATE TABLE evil_fake.licenses (license_id int, header text);
CREATE TABLE evil_fake.changes (change_id text);
CREATE TABLE evil_fake.imports (import_id bigint PRIMARY KEY, state text, feed text, finished_at timestamptz, rejected bigint, warnings bigint);
INSERT INTO evil_fake.imports SELECT n, CASE WHEN n % 2 = 0 THEN NULL ELSE 'elsewhere' END, 'f' || n, NULL, NULL, n FROM generate_series(1, 3000) AS n;
CREATE TABLE evil_fake.exports (export_id bigint, state text, exported_at timestamptz, confirmed_at timestamptz);
CREATE INDEX ON evil_fake.exports (export_id);
INSERT INTO evil_fake.exports VALUES (NULL, NULL, NULL, NULL), (NULL, 'exported', NULL, NULL);
CREATE TABLE evil_fake.seat_counters (license_id integer, waitlisted bigint, invited bigint, activated bigint);
INSERT INTO evil_fake.seat_counters (waitlisted) VALUES (1), (NULL);
UPDATE evil.settings SET layout_version = 0;
ALTER SCHEMA evil RENAME TO "Evil ""Inc"", %s $1";
SELECT account, needs_upgrade, last_import_state, last_export_state, pending_changes, waitlisted, errors_open, warnings_open
FROM orgsync.status ORDER BY account::text COLLATE "C";

-- ---- a table that is locked is not waited for ----

RESET ROLE;
BEGIN;
LOCK TABLE stat.imports IN ACCESS EXCLUSIVE MODE;
SELECT last_import_state FROM orgsync.status WHERE account::text = 'stat'; -- one's own lock is none
ROLLBACK;
-- within a transaction that failed in parts, and on a snapshot of old
BEGIN ISOLATION LEVEL REPEATABLE READ;
SAVEPOINT s;
DELETE FROM stat.imports;
SELECT last_import_state FROM orgsync.status WHERE account::text = 'stat';
ROLLBACK TO s;
SELECT last_import_state FROM orgsync.status WHERE account::text = 'stat';
ROLLBACK;

SET ROLE regress_orgsync_eve;
DROP SCHEMA evil_fake, "Evil ""Inc"", %s $1" CASCADE;
SET ROLE regress_orgsync_alice;
DROP VIEW stat.seats_status, stat.exports_status, stat.imports_status;
SELECT orgsync.drop_account('stat'), orgsync.drop_account('stat_ti'), orgsync.drop_account('stat_wl');
RESET ROLE;
DO $$ BEGIN
	EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_orgsync_alice, regress_orgsync_eve', current_database());
END $$;
DROP ROLE regress_orgsync_alice, regress_orgsync_eve, regress_orgsync_watch;
