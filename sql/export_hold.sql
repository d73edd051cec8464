-- What differs and is not exported yet: protected people, seats in their days of grace; invitations that nobody accepted.
\pset null '(null)'
SET client_min_messages = warning;
SELECT orgsync.create_account('hold', 'linkedin_learning');
SELECT orgsync.add_license('hold', 'Default_license_learning_proAllLanguages_status', seats => 4, counting => 'invited') AS license_id \gset
SET search_path = hold, orgsync, public;
\set header '''Default_license_learning_proAllLanguages_status'''
CREATE VIEW d AS SELECT primary_email_address AS email, action, column_name, old_value, new_value FROM orgsync.diff('hold');
CREATE FUNCTION export(override boolean DEFAULT true) RETURNS TABLE (seq int, kind text, csv text) LANGUAGE sql AS $$
	SELECT e.seq, e.kind, replace(e.csv, E'\r\n', E'\n') FROM orgsync.export_csv('hold', override => override) e
$$;
CREATE FUNCTION confirm_last() RETURNS void LANGUAGE sql AS
	$$SELECT orgsync.confirm_export('hold', max(export_id)) FROM hold.exports$$;
INSERT INTO groups (name) VALUES ('HR');
INSERT INTO profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
	VALUES ('ann@example.com', 'A1', 'Ann', 'Archer'), ('bob@example.com', 'B1', 'Bob', 'Baker'),
		('cleo@example.com', NULL, 'Cleo', 'Carter'), ('dan@example.com', NULL, 'Dan', 'Dyer');
INSERT INTO seats SELECT profile_id, 1, 'activated' FROM profiles;
INSERT INTO memberships SELECT profile_id, 1 FROM profiles;
INSERT INTO permissions VALUES (1, 'permission_curate_content');
SELECT kind, count(*) FROM export() GROUP BY kind;
SELECT confirm_last();

-- who protects whom
SELECT orgsync.protect_profile('hold', 'nobody@example.com', 'there is nobody');
SELECT orgsync.protect_profile('hold', 'ANN@example.com', 'runs the vendor''s account');
SELECT orgsync.protect_profile('hold', 'bob@example.com', 'once');
SELECT orgsync.protect_profile('hold', 'bob@example.com', 'again');
SELECT profile_id, primary_email_address, why, protected_by = CURRENT_USER AS mine FROM protected_profiles ORDER BY 1;
SELECT orgsync.unprotect_profile('hold', 'cleo@example.com');
SELECT orgsync.protect_profile('hold', 'ann@example.com', NULL);

-- plain SQL may do it here, but no export says so; all else of the person is exported
SELECT orgsync.revoke_seat('hold', 'ann@example.com', :header);
UPDATE profiles SET primary_email_address = 'ann.archer@example.com', unique_user_id = 'A2', work_title = 'CEO' WHERE profile_id = 1;
DELETE FROM memberships WHERE profile_id = 1;
DELETE FROM profiles WHERE profile_id = 2;
SELECT * FROM d;
SELECT * FROM export();
SELECT column_name, code, severity, message FROM import_findings ORDER BY finding_id;
SELECT confirm_last();
SELECT * FROM d;
-- what is left pending is no reason for an export
SELECT * FROM export();
-- whoever wants the address, or the id, that a protected person keeps at the vendor's has to wait
INSERT INTO profiles (primary_email_address, unique_user_id) VALUES ('ann@example.com', 'X1'), ('x2@example.com', 'A1');
SELECT * FROM export();
SELECT column_name, code, message FROM import_findings WHERE export_id = (SELECT max(export_id) FROM exports) ORDER BY finding_id;
SELECT orgsync.cancel_export('hold', max(export_id)) FROM exports;
DELETE FROM profiles WHERE unique_user_id IN ('X1') OR primary_email_address = 'x2@example.com';
-- the end of the protection, of somebody deleted too
SELECT orgsync.unprotect_profile('hold', 'ann.archer@example.com');
SELECT orgsync.unprotect_profile('hold', 'bob@example.com');
SELECT * FROM export();
SELECT confirm_last();
SELECT * FROM d;
SELECT count(*) FROM changes;

-- mode full: neither an absent protected person nor what the file says of one counts; patch is somebody's decision
SELECT orgsync.set_seats('hold', :header, 10);
UPDATE settings SET threshold_floor = 100;
SELECT state FROM orgsync.import_csv('hold', $$primary_email_address,unique_user_id,work_title,Default_license_learning_proAllLanguages_status
p1@example.com,P1,One,active
p2@example.com,P2,Two,active
p3@example.com,P3,Three,active
p4@example.com,P4,Four,active
$$, mode => 'full');
SELECT orgsync.protect_profile('hold', (p || '@example.com')::orgsync.email_address, 'test') FROM unnest('{p1,p2,p3}'::text[]) p;
SELECT state, updated, unchanged, absent, seats_revoked, warnings
FROM orgsync.import_csv('hold', $$primary_email_address,unique_user_id,new_unique_user_id,work_title,Default_license_learning_proAllLanguages_status
p1.new@example.com,P1,P1N,Uno,inactive
p2@example.com,P2,P2,Two,inactive
$$, mode => 'full');
SELECT line, column_name, code, severity, message, tip FROM import_findings WHERE import_id = (SELECT max(import_id) FROM imports) ORDER BY finding_id;
SELECT primary_email_address, unique_user_id, work_title, status FROM profiles JOIN seats USING (profile_id)
WHERE primary_email_address::text ~ '^p' ORDER BY 2;
-- an address that a protected person keeps is not free for others
SELECT state, rejected FROM orgsync.import_csv('hold', $$primary_email_address,unique_user_id
p2.new@example.com,P2
p2@example.com,P5
$$, mode => 'full');
SELECT line, code, message FROM import_findings WHERE import_id = (SELECT max(import_id) FROM imports) ORDER BY finding_id;
SELECT state, updated, seats_revoked FROM orgsync.import_csv('hold', $$primary_email_address,Default_license_learning_proAllLanguages_status
p1@example.com,inactive
$$);
SELECT primary_email_address, status FROM profiles JOIN seats USING (profile_id) WHERE unique_user_id = 'P1';
SELECT orgsync.unprotect_profile('hold', (p || '@example.com')::orgsync.email_address) FROM unnest('{p1,p2,p3}'::text[]) p;
SELECT count(*) FROM (SELECT FROM export()) e;
SELECT confirm_last();

-- days of grace: the seat is exported as revoked only then
UPDATE settings SET grace_days = 30;
TRUNCATE seats;
SELECT orgsync.set_seats('hold', :header, 3);
SELECT profile_id AS p2 FROM profiles WHERE unique_user_id = 'P2' \gset
SELECT profile_id AS p3 FROM profiles WHERE unique_user_id = 'P3' \gset
SELECT profile_id AS p4 FROM profiles WHERE unique_user_id = 'P4' \gset
INSERT INTO seats VALUES (:p2, 1, 'activated'), (:p3, 1, 'activated'), (:p4, 1, 'activated');
DELETE FROM changes;
SELECT orgsync.revoke_seat('hold', 'p2@example.com', :header);
DELETE FROM profiles WHERE profile_id = :p3;
UPDATE profiles SET work_title = 'Zwei' WHERE profile_id = :p2;
SELECT * FROM d;
SELECT * FROM export();
SELECT confirm_last();
SELECT * FROM d;
-- a later export, when the days are over
UPDATE changes SET changed_at = changed_at - interval '31 days' WHERE profile_id = :p2;
SELECT * FROM export();
-- the seat was given again meanwhile: nothing to say
SELECT orgsync.grant_seat('hold', 'p2@example.com', :header);
SELECT * FROM d;
-- nobody is kept out by somebody's grace: the seat that was lost first is revoked when it is needed
UPDATE changes SET changed_at = now() - interval '2 days' WHERE profile_id = :p3;
SELECT orgsync.revoke_seat('hold', 'p4@example.com', :header);
SELECT * FROM d;
INSERT INTO profiles (primary_email_address) VALUES ('new1@example.com');
SELECT orgsync.grant_seat('hold', 'new1@example.com', :header);
SELECT seq, kind, csv FROM export();
SELECT confirm_last();
SELECT * FROM d;
UPDATE settings SET grace_days = 0;
SELECT * FROM export();
SELECT confirm_last();
SELECT count(*) FROM changes;

-- invitations that nobody accepted, ready to be revoked, or given once more
UPDATE seats SET since = now() - interval '40 days' WHERE status = 'invited';
SELECT primary_email_address, header, since < now() AS before_now, takes_a_seat FROM orgsync.stale_invitations('hold', '30 days') ORDER BY 1;
SELECT count(*) FROM orgsync.stale_invitations('hold', '50 days');
SELECT orgsync.revoke_seat('hold', primary_email_address, header) FROM orgsync.stale_invitations('hold', '30 days');
SELECT count(*) FROM orgsync.stale_invitations('hold', '30 days');
SELECT * FROM d;

-- the seat that a protected person keeps at the vendor's is no other's as well
SELECT orgsync.create_account('kept', 'linkedin_learning');
SELECT orgsync.add_license('kept', :header, seats => 1, counting => 'invited') > 0 AS added;
INSERT INTO kept.profiles (primary_email_address) VALUES ('ann@example.com'), ('bob@example.com'), ('cleo@example.com');
SELECT orgsync.grant_seat('kept', 'ann@example.com', :header);
SELECT kind, row_count FROM orgsync.export_csv('kept');
SELECT orgsync.confirm_export('kept', max(export_id)) FROM kept.exports;
SELECT orgsync.protect_profile('kept', 'ann@example.com', 'runs the vendor''s account');
SELECT orgsync.revoke_seat('kept', 'ann@example.com', :header);
SELECT kind, row_count FROM orgsync.export_csv('kept', dry_run => true);
SELECT orgsync.grant_seat('kept', 'bob@example.com', :header);
UPDATE kept.profiles SET work_title = 'Boss';
SELECT kind, row_count FROM orgsync.export_csv('kept');
SELECT kind, row_count FROM orgsync.export_csv('kept', dry_run => true, override => true);
SELECT position('more seats' IN orgsync.export_report('kept')) > 0 AS told;
SELECT orgsync.set_seats('kept', :header, 2);
SELECT kind, csv FROM orgsync.export_csv('kept', dry_run => true);
-- nor is it somebody's days of grace
UPDATE kept.settings SET grace_days = 30;
SELECT orgsync.confirm_export('kept', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('kept')) AS e;
SELECT orgsync.revoke_seat('kept', 'bob@example.com', :header);
SELECT kind, csv FROM orgsync.export_csv('kept', dry_run => true);
SELECT orgsync.grant_seat('kept', 'cleo@example.com', :header);
SELECT kind, csv FROM orgsync.export_csv('kept', dry_run => true);
SELECT orgsync.unprotect_profile('kept', 'ann@example.com');
SELECT kind, csv FROM orgsync.export_csv('kept', dry_run => true);

-- days of grace do not end because somebody is deleted and made again; what else is wanted of him is exported at once
SELECT orgsync.create_account('again', 'linkedin_learning');
SELECT orgsync.add_license('again', :header, seats => 10, counting => 'invited') > 0 AS added;
SELECT orgsync.add_license('again', 'Other_license_learning_proAllLanguages_status', seats => 10, counting => 'invited') > 0 AS added;
INSERT INTO again.profiles (primary_email_address, unique_user_id, work_title)
	SELECT n || '@example.com', upper(n), 'Clerk' FROM unnest('{ann,bob,cleo}'::text[]) AS n;
SELECT orgsync.grant_seat('again', p.primary_email_address, :header) FROM again.profiles AS p;
SELECT orgsync.confirm_export('again', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('again')) AS e;
UPDATE again.settings SET grace_days = 30, threshold_floor = 100;
DELETE FROM again.profiles;
UPDATE again.changes SET changed_at = changed_at - interval '20 days';
INSERT INTO again.profiles (primary_email_address, unique_user_id, work_title)
	VALUES ('ann@example.com', 'ANN', 'Boss'), ('bob@example.com', 'BOB', 'Clerk'), ('cleo@example.com', 'CLEO', 'Clerk');
SELECT orgsync.grant_seat('again', 'ann@example.com', 'Other_license_learning_proAllLanguages_status');
SELECT primary_email_address, action, column_name FROM orgsync.diff('again') ORDER BY 1, 2;
SELECT kind, csv FROM orgsync.export_csv('again', dry_run => true);
SELECT orgsync.confirm_export('again', export_id) FROM (SELECT DISTINCT export_id FROM orgsync.export_csv('again')) AS e;
SELECT primary_email_address, action, column_name FROM orgsync.diff('again') ORDER BY 1, 2;
SELECT kind, csv FROM orgsync.export_csv('again');
-- nor because the vendor's list is compared
SELECT state FROM orgsync.import_remote('again', 'primary_email_address,Default_license_learning_proAllLanguages_status
ann@example.com,active
bob@example.com,active
');
SELECT kind, csv FROM orgsync.export_csv('again');
-- they end when they would have
UPDATE again.changes SET changed_at = changed_at - interval '11 days', former_since = former_since - interval '11 days';
SELECT kind, csv FROM orgsync.export_csv('again');

-- what the vendor never had takes no place of those that are kept
SELECT orgsync.create_account('places', 'linkedin_learning');
SELECT orgsync.add_license('places', :header, seats => 2, counting => 'invited') > 0 AS added;
UPDATE places.settings SET grace_days = 30, threshold_floor = 100;
INSERT INTO places.profiles (primary_email_address, unique_user_id) VALUES ('ann@example.com', 'ANN'), ('bob@example.com', 'BOB');
SELECT orgsync.grant_seat('places', primary_email_address, :header) FROM places.profiles;
SELECT orgsync.confirm_export('places', max(export_id)) FROM orgsync.export_csv('places');
SELECT orgsync.revoke_seat('places', 'bob@example.com', :header);
DELETE FROM places.profiles WHERE unique_user_id = 'ANN';
SELECT state FROM orgsync.import_csv('places', E'primary_email_address,unique_user_id,Default_license_learning_proAllLanguages_status\nann@example.com,ANN,active\n');
SELECT orgsync.revoke_seat('places', 'ann@example.com', :header);
SELECT kind, csv FROM orgsync.export_csv('places', dry_run => true);
-- who was deleted and whose address somebody else gets keeps no seat, since nobody could revoke it later
DELETE FROM places.profiles;
INSERT INTO places.profiles (primary_email_address, preferred_first_name, preferred_last_name, unique_user_id)
	VALUES ('ann@example.com', 'Zed', 'Quince', 'ZED');
SELECT kind, csv FROM orgsync.export_csv('places');
SELECT orgsync.confirm_export('places', max(export_id)) FROM places.exports;
SELECT primary_email_address, action, column_name FROM orgsync.diff('places') ORDER BY 1, 2;
-- protection goes on when the person is deleted and made again
SELECT orgsync.create_account('guard', 'linkedin_learning');
SELECT orgsync.add_license('guard', :header, seats => 2, counting => 'invited') > 0 AS added;
UPDATE guard.settings SET threshold_floor = 100;
INSERT INTO guard.profiles (primary_email_address, unique_user_id) VALUES ('ann@example.com', 'ANN');
SELECT orgsync.grant_seat('guard', 'ann@example.com', :header);
SELECT orgsync.confirm_export('guard', max(export_id)) FROM orgsync.export_csv('guard');
SELECT orgsync.protect_profile('guard', 'ann@example.com', 'runs the account');
DELETE FROM guard.profiles;
INSERT INTO guard.profiles (primary_email_address, unique_user_id, work_title) VALUES ('ann@example.com', 'ANN', 'Boss');
SELECT orgsync.grant_seat('guard', 'ann@example.com', :header);
SELECT orgsync.confirm_export('guard', max(export_id)) FROM orgsync.export_csv('guard');
SELECT orgsync.revoke_seat('guard', 'ann@example.com', :header);
SELECT kind, csv FROM orgsync.export_csv('guard');
SELECT p.primary_email_address, why FROM guard.protected_profiles JOIN guard.profiles AS p USING (profile_id);

\set VERBOSITY terse
DROP SCHEMA places CASCADE;
DROP SCHEMA guard CASCADE;
DROP SCHEMA again CASCADE;
DROP SCHEMA kept CASCADE;
DROP SCHEMA hold CASCADE;
