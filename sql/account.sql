-- accounts: making, dropping and listing them, and who may do what in them
SET client_min_messages = warning; -- what goes with a schema is of no interest
CREATE ROLE regress_orgsync_alice;
CREATE ROLE regress_orgsync_bob;
CREATE ROLE regress_orgsync_clerk;
DO $$ BEGIN
	EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_orgsync_alice, regress_orgsync_bob', current_database());
END $$;

-- What became of a statement, with all that an error says of itself.
CREATE FUNCTION public.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', code || ': ' || message, nullif(detail, ''), nullif(hint, ''));
END $$;

-- ---- names ----

SELECT n, name, left(public.outcome(format('SELECT orgsync.drop_account(orgsync.create_account(%L, %L))',
	name, 'linkedin_learning')), 5) AS result
FROM (VALUES
	(1, 'acme'), (2, '_acme'), (3, 'acme_2'), (4, 'a'), (5, 'begin'), (6, repeat('a', 63)),
	(7, 'Acme'), (8, 'acme learning'), (9, 'acme-2'), (10, '2acme'), (11, 'acme$'), (12, 'größe'), (13, 'acme"'),
	(14, ''), (15, 'user'), (16, 'select'), (17, 'between'), (18, 'left'), (19, 'pg_acme'), (20, 'acme.x')
) AS names (n, name) ORDER BY n;

SELECT public.outcome($$SELECT orgsync.create_account('Acme', 'linkedin_learning')$$);

-- ---- making ----

SET ROLE regress_orgsync_alice;
SELECT orgsync.create_account('acme', 'linkedin_learning');

-- everything in it is the caller's
SELECT c.relkind, array_agg(DISTINCT pg_get_userbyid(c.relowner)) AS owners
FROM pg_class c WHERE c.relnamespace = 'acme'::regnamespace GROUP BY c.relkind ORDER BY c.relkind::text COLLATE "C";
SELECT pg_get_userbyid(nspowner), product, layout_version
FROM pg_namespace, acme.settings WHERE nspname = 'acme';

-- every table has a primary key, and no column is of a type that pg_upgrade refuses
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'acme'::regnamespace AND c.relkind = 'r'
	AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary);
SELECT DISTINCT format_type(a.atttypid, NULL) AS type FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'acme'::regnamespace AND format_type(a.atttypid, NULL) ~ '^reg' ORDER BY 1;

-- a Workleap account begins with its one license
SELECT orgsync.create_account('lms', 'workleap');
SELECT header, seats, counting, when_full FROM lms.licenses;
SELECT * FROM lms.seat_usage;
SELECT orgsync.drop_account('lms');

-- a schema that is there: one's own and empty, or nothing
SELECT public.outcome($$SELECT orgsync.create_account('acme', 'linkedin_learning')$$);
CREATE SCHEMA own_empty;
ALTER DEFAULT PRIVILEGES IN SCHEMA own_empty GRANT SELECT ON TABLES TO regress_orgsync_clerk;
CREATE SCHEMA own_full CREATE TABLE t (i int);
CREATE SCHEMA own_function;
CREATE FUNCTION own_function.f() RETURNS int LANGUAGE sql RETURN 1;
SELECT orgsync.create_account('own_empty', 'talent_insights');
SELECT has_table_privilege('regress_orgsync_clerk', 'own_empty.profiles', 'SELECT') AS by_default_privileges;
SELECT public.outcome($$SELECT orgsync.create_account('own_full', 'linkedin_learning')$$);
SELECT public.outcome($$SELECT orgsync.create_account('own_function', 'linkedin_learning')$$);
DROP SCHEMA own_full, own_function CASCADE;
SELECT orgsync.drop_account('own_empty');

CREATE SCHEMA own_empty;
RESET ROLE;
SET ROLE regress_orgsync_bob;
SELECT public.outcome($$SELECT orgsync.create_account('own_empty', 'linkedin_learning')$$);
SELECT public.outcome($$SELECT orgsync.create_account('acme', 'linkedin_learning')$$);
RESET ROLE;
-- not even for a superuser, whose tables it would then hold
SELECT public.outcome($$SELECT orgsync.create_account('own_empty', 'linkedin_learning')$$);
DROP SCHEMA own_empty;
-- without CREATE on the database
SET ROLE regress_orgsync_clerk;
SELECT split_part(public.outcome($$SELECT orgsync.create_account('clerks', 'linkedin_learning')$$), E'\n', 1) ~ '^42501';
RESET ROLE;

-- a hostile search_path changes nothing: what is in front is not used
CREATE SCHEMA hostile;
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
CREATE FUNCTION hostile.trap(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped in %', $1; END $$;
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT hostile.trap('now')::timestamptz $$;
CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT hostile.trap('lower') $$;
CREATE FUNCTION hostile.btrim(text) RETURNS text LANGUAGE sql AS $$ SELECT hostile.trap('btrim') $$;
CREATE FUNCTION hostile.fold(text) RETURNS text LANGUAGE sql AS $$ SELECT hostile.trap('fold') $$;
CREATE FUNCTION hostile.address_key(orgsync.email_address) RETURNS bigint
	LANGUAGE sql AS $$ SELECT hostile.trap('address_key')::bigint $$;
CREATE FUNCTION hostile.count(orgsync.seat_status) RETURNS bigint
	LANGUAGE sql AS $$ SELECT hostile.trap('count')::bigint $$;
CREATE FUNCTION hostile.never(anyelement, anyelement) RETURNS boolean
	LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped in an operator'; END $$;
CREATE FUNCTION hostile.never_bigint(bigint, bigint) RETURNS boolean
	LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped in an operator'; END $$;
CREATE OPERATOR hostile.= (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = hostile.never);
CREATE OPERATOR hostile.<> (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = hostile.never);
CREATE OPERATOR hostile.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.never_bigint);
CREATE TABLE hostile.settings (product text);
CREATE TABLE hostile.profiles (profile_id text);
CREATE TYPE hostile.seat_status AS ENUM ('trapped');
CREATE TYPE hostile.license_header AS ENUM ('trapped');
CREATE TYPE pg_temp.seat_status AS ENUM ('trapped');
CREATE TEMPORARY TABLE settings (product text);
CREATE TEMPORARY TABLE profiles (profile_id text);

SET ROLE regress_orgsync_alice;
SET search_path = hostile, pg_catalog;
SELECT orgsync.create_account('trapless', 'talent_insights');
SELECT orgsync.add_license('trapless', 'license_talentInsights_talentInsights_status', 2);
INSERT INTO trapless.profiles (primary_email_address) VALUES ('ann@example.com'), ('bob@example.com');
INSERT INTO trapless.groups (name) VALUES ('HR');
INSERT INTO trapless.memberships SELECT p.profile_id, g.group_id FROM trapless.profiles p, trapless.groups g;
INSERT INTO trapless.permissions SELECT p.profile_id, 'permission_curate_content' FROM trapless.profiles p;
SELECT orgsync.grant_seat('trapless', 'ann@example.com', 'license_talentInsights_talentInsights_status');
SELECT orgsync.activate('trapless', 'ann@example.com', 'license_talentInsights_talentInsights_status');
SELECT orgsync.revoke_seat('trapless', 'ann@example.com', 'license_talentInsights_talentInsights_status');
SELECT orgsync.set_seats('trapless', 'license_talentInsights_talentInsights_status', 1);
UPDATE trapless.profiles SET preferred_first_name = 'Ann', preferred_last_name = 'Lee',
	attributes = '{"room": "1"}' WHERE profile_id OPERATOR(pg_catalog.=) 1;
UPDATE trapless.groups SET name = 'People';
SELECT public.outcome($$INSERT INTO trapless.profiles (primary_email_address) VALUES ('b.ob@example.com')$$);
SELECT orgsync.add_domain_alias('trapless', 'example.org', 'example.com');
SELECT orgsync.set_duplicate_rule('trapless', 'same_address', 'warn');
SELECT groups FROM trapless.users ORDER BY primary_email_address;
DELETE FROM trapless.profiles;
TRUNCATE trapless.profiles CASCADE;
SELECT orgsync.drop_account('trapless');
-- pg_temp must not come first where the path already begins like ours
SET search_path = pg_catalog, orgsync;
INSERT INTO acme.profiles (primary_email_address) VALUES ('temp@example.com');
SELECT orgsync.add_license('acme', 'Default_license_learning_proAllLanguages_status', 1);
SELECT orgsync.grant_seat('acme', 'temp@example.com', 'Default_license_learning_proAllLanguages_status');
DELETE FROM acme.profiles;
RESET search_path;
RESET ROLE;
DROP SCHEMA hostile CASCADE;
DROP TYPE pg_temp.seat_status;
DROP TABLE pg_temp.settings, pg_temp.profiles;

-- ---- using it without owning it ----

-- who may only insert does so under the same rules, and sees nobody
SET ROLE regress_orgsync_alice;
GRANT USAGE ON SCHEMA acme TO regress_orgsync_clerk;
GRANT INSERT ON acme.profiles, acme.groups TO regress_orgsync_clerk;
INSERT INTO acme.profiles (primary_email_address, preferred_first_name, preferred_last_name)
VALUES ('secret@example.com', 'Sec', 'Ret');
SET ROLE regress_orgsync_clerk;
INSERT INTO acme.profiles (primary_email_address) VALUES ('new@example.com');
INSERT INTO acme.groups (name) VALUES ('HR');
SELECT public.outcome($$INSERT INTO acme.profiles (primary_email_address) VALUES ('sec.ret+1@example.com')$$);
SELECT public.outcome($$SELECT * FROM acme.profiles$$);
SELECT public.outcome($$SELECT * FROM acme.changes$$);
SELECT public.outcome($$INSERT INTO acme.seats VALUES (1, 1, 'invited')$$);

-- who may write to the base tables need not be allowed anything on what is derived from them
SET ROLE regress_orgsync_alice;
GRANT SELECT, UPDATE ON acme.profiles, acme.licenses TO regress_orgsync_clerk;
GRANT SELECT, INSERT, UPDATE, DELETE ON acme.seats, acme.memberships, acme.permissions, acme.groups
	TO regress_orgsync_clerk;
SET ROLE regress_orgsync_clerk;
INSERT INTO acme.seats SELECT profile_id, license_id, 'activated' FROM acme.profiles, acme.licenses
WHERE primary_email_address = 'new@example.com';
SELECT public.outcome($$INSERT INTO acme.seats SELECT profile_id, license_id, 'activated'
	FROM acme.profiles, acme.licenses WHERE primary_email_address = 'secret@example.com'$$);
UPDATE acme.licenses SET seats = 2;
SELECT public.outcome($$UPDATE acme.licenses SET seats = 0$$);
INSERT INTO acme.memberships SELECT profile_id, group_id FROM acme.profiles, acme.groups;
UPDATE acme.groups SET name = 'People';
SELECT public.outcome($$UPDATE acme.profiles SET primary_email_address = 'secret+2@example.com'
	WHERE primary_email_address = 'new@example.com'$$);
DELETE FROM acme.seats;
SELECT public.outcome($$SELECT * FROM acme.seat_usage$$);
SELECT public.outcome($$DELETE FROM acme.seat_counters$$);
RESET ROLE;
SELECT * FROM acme.seat_usage;

-- ---- the list ----

SELECT * FROM orgsync.accounts;
SET ROLE regress_orgsync_bob;
SELECT * FROM orgsync.accounts;
SELECT orgsync.create_account('bobs', 'talent_insights');
SELECT account, product, owner, profiles, last_import, last_export FROM orgsync.accounts;

-- to read settings is to know the account; to read profiles, to know how many
SET ROLE regress_orgsync_alice;
GRANT SELECT ON acme.settings TO regress_orgsync_bob;
SET ROLE regress_orgsync_bob;
SELECT account FROM orgsync.accounts ORDER BY account::text; -- acme may not be used
SET ROLE regress_orgsync_alice;
GRANT USAGE ON SCHEMA acme TO regress_orgsync_bob;
SET ROLE regress_orgsync_bob;
SELECT account, product, owner, profiles FROM orgsync.accounts ORDER BY account::text;
SET ROLE regress_orgsync_alice;
GRANT SELECT ON acme.profiles TO regress_orgsync_bob;
SET ROLE regress_orgsync_bob;
SELECT account, product, owner, profiles FROM orgsync.accounts ORDER BY account::text;

-- row security hides an account rather than have its owner's function run
SET ROLE regress_orgsync_alice;
CREATE FUNCTION acme.spy() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'spied on %', current_user; END $$;
ALTER TABLE acme.settings ENABLE ROW LEVEL SECURITY;
CREATE POLICY spy ON acme.settings USING (acme.spy());
SET ROLE regress_orgsync_bob;
SELECT account FROM orgsync.accounts;
RESET ROLE;
SELECT account FROM orgsync.accounts ORDER BY account::text;
SET ROLE regress_orgsync_alice;
DROP POLICY spy ON acme.settings;
ALTER TABLE acme.settings DISABLE ROW LEVEL SECURITY;
DROP FUNCTION acme.spy();

-- schemas that only look like accounts
CREATE SCHEMA fake_view;
CREATE FUNCTION fake_view.spy() RETURNS orgsync.product LANGUAGE plpgsql AS $$ BEGIN RAISE 'spied'; END $$;
CREATE VIEW fake_view.settings AS SELECT fake_view.spy() AS product;
CREATE SCHEMA fake_text;
CREATE TABLE fake_text.settings (product text);
INSERT INTO fake_text.settings VALUES ('linkedin_learning');
CREATE SCHEMA fake_tables;
CREATE TABLE fake_tables.settings (product orgsync.product);
INSERT INTO fake_tables.settings VALUES ('workleap');
CREATE TABLE fake_tables.imports (finished_at text);
INSERT INTO fake_tables.imports VALUES ('yesterday');
CREATE TABLE fake_tables.exports (exported_at int4);
INSERT INTO fake_tables.exports VALUES (1);
CREATE VIEW fake_tables.profiles AS SELECT fake_view.spy();
CREATE SCHEMA fake_empty;
CREATE TABLE fake_empty.settings (product orgsync.product);
GRANT USAGE ON SCHEMA fake_view, fake_text, fake_tables, fake_empty TO PUBLIC;
GRANT SELECT ON fake_view.settings, fake_text.settings, fake_tables.settings, fake_tables.imports,
	fake_tables.exports, fake_tables.profiles, fake_empty.settings TO PUBLIC;
RESET ROLE;
SELECT account, product, profiles, last_import, last_export FROM orgsync.accounts ORDER BY account::text;
SELECT public.outcome($$SELECT orgsync.add_license('fake_view', 'active_students')$$);
SELECT public.outcome($$SELECT orgsync.add_license('fake_tables', 'active_students')$$);
SELECT public.outcome($$SELECT orgsync.add_license('public', 'active_students')$$);
SELECT public.outcome($$SELECT orgsync.drop_account('fake_view')$$);
SELECT public.outcome($$SELECT orgsync.drop_account('public')$$);

-- ---- trigger functions in the wrong hands ----

SET ROLE regress_orgsync_alice;
SELECT n, function, public.outcome(format('SELECT orgsync.%I()', function)) AS by_hand
FROM unnest(ARRAY['license_cap_seats', 'change_log_truncate', 'touch_updated_at', 'keep_derived'])
	WITH ORDINALITY AS f (function, n) ORDER BY n;

-- on a table of no account, and on one of an account for which it is not made
CREATE TABLE fake_text.seats (LIKE acme.seats);
CREATE TRIGGER t AFTER INSERT ON fake_text.seats REFERENCING NEW TABLE AS n
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_seats();
SELECT public.outcome($$INSERT INTO fake_text.seats VALUES (1, 1, 'invited', now())$$);
CREATE TRIGGER t AFTER INSERT ON acme.domain_aliases REFERENCING NEW TABLE AS n
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_seats();
SELECT public.outcome($$INSERT INTO acme.domain_aliases VALUES ('example.net', 'example.com')$$);
DROP TRIGGER t ON acme.domain_aliases;
-- for the wrong event, without its transition table, for each row
CREATE TRIGGER t AFTER INSERT ON acme.seats FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_seats();
SELECT public.outcome($$INSERT INTO acme.seats SELECT WHERE false$$);
DROP TRIGGER t ON acme.seats;
CREATE TRIGGER t BEFORE INSERT ON acme.profiles FOR EACH ROW EXECUTE FUNCTION orgsync.touch_updated_at();
SELECT public.outcome($$INSERT INTO acme.profiles (primary_email_address) VALUES ('t@example.com')$$);
DROP TRIGGER t ON acme.profiles;

-- tables of other columns than an account's: values of other types must not be taken for ours
CREATE SCHEMA fake_columns;
SELECT orgsync.create_account('fake_columns', 'linkedin_learning');
DROP TABLE fake_columns.profiles, fake_columns.seats, fake_columns.permissions, fake_columns.licenses CASCADE;
CREATE TABLE fake_columns.profiles (profile_id bigint PRIMARY KEY, primary_email_address int, c int, d int, e int, f int,
	g int, h bool, i int, updated_at text);
CREATE TABLE fake_columns.seats (profile_id text, license_id text, status text);
CREATE TABLE fake_columns.permissions (profile_id bigint);
CREATE TABLE fake_columns.licenses (license_id text, header int);
DO $$
DECLARE
	t text; f text;
BEGIN
	FOR t, f IN VALUES ('profiles', 'duplicate_profile_check'), ('profiles', 'change_log_profiles'),
		('seats', 'license_cap_seats'), ('seats', 'change_log_seats'), ('permissions', 'change_log_permissions'),
		('licenses', 'license_cap_license')
	LOOP
		EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON fake_columns.%I REFERENCING NEW TABLE AS n '
			'FOR EACH STATEMENT EXECUTE FUNCTION orgsync.%I()', f, t, f);
	END LOOP;
END $$;
SELECT public.outcome($$INSERT INTO fake_columns.profiles VALUES (1, 16, 16, 16, 16, 16, 16, false, 16, 'x')$$);
SELECT public.outcome($$INSERT INTO fake_columns.seats VALUES ('1', '1', '1')$$);
SELECT public.outcome($$INSERT INTO fake_columns.permissions VALUES (1)$$);
SELECT public.outcome($$INSERT INTO fake_columns.licenses VALUES ('1', 16)$$);
ALTER TABLE fake_columns.profiles DISABLE TRIGGER USER;
INSERT INTO fake_columns.profiles VALUES (1, 16, 16, 16, 16, 16, 16, false, 16, 'x');
CREATE TRIGGER touch BEFORE UPDATE ON fake_columns.profiles FOR EACH ROW EXECUTE FUNCTION orgsync.touch_updated_at();
SELECT public.outcome($$UPDATE fake_columns.profiles SET c = 1$$);
DROP SCHEMA fake_columns CASCADE;

-- nulls where the owner has allowed them against the layout
SELECT orgsync.create_account('lax', 'linkedin_learning');
ALTER TABLE lax.profiles ALTER primary_email_address DROP NOT NULL, ALTER attributes DROP NOT NULL,
	ALTER reupload_user_profile DROP NOT NULL;
ALTER TABLE lax.permissions ALTER scope DROP NOT NULL;
INSERT INTO lax.profiles (primary_email_address, attributes, reupload_user_profile) VALUES (NULL, NULL, NULL);
UPDATE lax.profiles SET preferred_first_name = 'N', attributes = '{"a": "b"}';
UPDATE lax.profiles SET attributes = NULL;
INSERT INTO lax.permissions VALUES (1, 'permission_curate_content', NULL);
UPDATE lax.permissions SET scope = 'no';
UPDATE lax.permissions SET scope = NULL;
SELECT profile_id, column_name, vendor_value FROM lax.changes ORDER BY change_id;
UPDATE lax.profiles SET primary_email_address = 'ann@example.com';
SELECT row_count FROM orgsync.export_csv('lax', "full" => true);
SELECT state, updated FROM orgsync.import_csv('lax', E'primary_email_address,preferred_first_name\nann@example.com,Ann\n', 'patch');
SELECT primary_email_address, preferred_first_name, attributes FROM lax.profiles;
SELECT orgsync.drop_account('lax');

-- a row that a trigger of the owner's suppresses
SELECT orgsync.create_account('silent', 'linkedin_learning');
INSERT INTO silent.profiles (primary_email_address) VALUES ('ann@example.com');
SELECT orgsync.add_license('silent', 'active_students');
CREATE FUNCTION silent.suppress() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER suppress BEFORE INSERT ON silent.licenses FOR EACH ROW EXECUTE FUNCTION silent.suppress();
CREATE TRIGGER suppress BEFORE INSERT ON silent.seats FOR EACH ROW EXECUTE FUNCTION silent.suppress();
SELECT public.outcome($$SELECT orgsync.add_license('silent', 'Default_license_learning_proAllLanguages_status')$$);
SELECT public.outcome($$SELECT orgsync.grant_seat('silent', 'ann@example.com', 'active_students')$$);
DROP SCHEMA silent CASCADE;

-- Who may create tables in somebody's schema must not come to work as its owner
-- by making it look like an account.
RESET ROLE;
CREATE SCHEMA shared;
GRANT USAGE, CREATE ON SCHEMA shared TO regress_orgsync_bob;
SET ROLE regress_orgsync_bob;
SELECT orgsync.create_account('model', 'linkedin_learning');
DO $$
DECLARE
	t text;
BEGIN
	FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'model'::regnamespace AND relkind = 'r' LOOP
		EXECUTE format('CREATE TABLE shared.%I (LIKE model.%I INCLUDING ALL)', t, t);
	END LOOP;
END $$;
CREATE FUNCTION shared.intrude() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE WARNING 'works as bob: %', current_user = 'regress_orgsync_bob'; RETURN NEW; END $$;
CREATE TRIGGER intrude BEFORE INSERT OR UPDATE ON shared.changes FOR EACH ROW EXECUTE FUNCTION shared.intrude();
CREATE TRIGGER change_log_insert AFTER INSERT ON shared.profiles REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_profiles();
SELECT public.outcome($$INSERT INTO shared.profiles (primary_email_address) VALUES ('x@example.com')$$);
SELECT orgsync.drop_account('model');
RESET ROLE;
DROP SCHEMA shared CASCADE;

-- the same when only the schema is given away
ALTER SCHEMA acme OWNER TO regress_orgsync_bob;
SELECT public.outcome($$INSERT INTO acme.profiles (primary_email_address) VALUES ('y@example.com')$$);
ALTER SCHEMA acme OWNER TO regress_orgsync_alice;
INSERT INTO acme.profiles (primary_email_address) VALUES ('y@example.com');

-- ---- settings that are not there, or of another version ----

SET ROLE regress_orgsync_alice;
BEGIN;
UPDATE acme.settings SET layout_version = 2;
SELECT public.outcome($$SELECT orgsync.set_seats('acme', 'Default_license_learning_proAllLanguages_status', 9)$$);
ROLLBACK;
BEGIN;
DROP TABLE acme.feeds;
SELECT public.outcome($$SELECT orgsync.set_seats('acme', 'Default_license_learning_proAllLanguages_status', 9)$$);
DELETE FROM acme.settings;
SELECT public.outcome($$SELECT orgsync.set_seats('acme', 'Default_license_learning_proAllLanguages_status', 9)$$);
ROLLBACK;
INSERT INTO acme.settings (singleton, product) VALUES (false, 'workleap');
SELECT public.outcome($$SELECT orgsync.add_license(4711::regnamespace, 'active_students')$$);

-- what a file cannot say of a permission is not written either: only some can be limited to groups
SELECT split_part(public.outcome($$INSERT INTO acme.permissions VALUES (1, 'permission_curate_content', 'group:HR')$$), E'\n', 1);

-- a schema may be renamed, also to what needs quotes, and plans follow
ALTER SCHEMA acme RENAME TO "Acme ""Inc""";
SELECT orgsync.set_seats('"Acme ""Inc"""', 'Default_license_learning_proAllLanguages_status', 9);
UPDATE "Acme ""Inc""".profiles SET work_title = 'Boss';
ALTER SCHEMA "Acme ""Inc""" RENAME TO acme;
SELECT header, seats FROM acme.licenses;

-- ---- dropping ----

SET ROLE regress_orgsync_bob;
SELECT public.outcome($$SELECT orgsync.drop_account('acme')$$);
SET ROLE regress_orgsync_alice;
-- what somebody else's view rests on
CREATE VIEW fake_view.people AS SELECT primary_email_address FROM acme.profiles;
SELECT split_part(public.outcome($$SELECT orgsync.drop_account('acme')$$), E'\n', 1);
DROP VIEW fake_view.people;
-- things of the owner's own
CREATE TABLE acme.notes (note text);
SELECT public.outcome($$SELECT orgsync.drop_account('acme')$$);
SELECT count(*) > 0 AS still_there FROM acme.profiles;
DROP TABLE acme.notes;
CREATE INDEX ON acme.profiles (work_title);
DROP VIEW acme.license_holders;
SELECT orgsync.drop_account('acme');
SELECT count(*) FROM pg_namespace WHERE nspname = 'acme';
DROP SCHEMA fake_view, fake_text, fake_tables, fake_empty CASCADE;
SET ROLE regress_orgsync_bob;
SELECT orgsync.drop_account('bobs');
RESET ROLE;
SELECT * FROM orgsync.accounts;

DROP FUNCTION public.outcome;
DO $$ BEGIN
	EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_orgsync_alice, regress_orgsync_bob', current_database());
END $$;
DROP ROLE regress_orgsync_alice, regress_orgsync_bob, regress_orgsync_clerk;
