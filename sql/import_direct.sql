-- New people are written below the trigger layer, and as statements would write
-- them where the owner has added something to a table.
SET client_min_messages = warning;
\set VERBOSITY terse

-- what an import has left in an account; ids and times aside
CREATE FUNCTION state(account regnamespace) RETURNS TABLE (what text, count bigint, sum text)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE replace($q$
		WITH p AS (SELECT * FROM @.profiles),
		lines (what, line) AS (
			SELECT '1 profiles', (to_jsonb(p) - 'created_at' - 'updated_at' - 'profile_id')::text FROM p
			UNION ALL SELECT '2 seats', concat_ws('|', primary_email_address::text, header::text, status)
				FROM @.seats JOIN p USING (profile_id) JOIN @.licenses USING (license_id)
			UNION ALL SELECT '3 memberships', concat_ws('|', primary_email_address::text, name)
				FROM @.memberships JOIN p USING (profile_id) JOIN @.groups USING (group_id)
			UNION ALL SELECT '4 permissions', concat_ws('|', primary_email_address::text, permission, scope::text)
				FROM @.permissions JOIN p USING (profile_id)
			UNION ALL SELECT '5 diff', concat_ws('|', d.primary_email_address, action, column_name, old_value, new_value)
				FROM orgsync.diff('@') AS d
			UNION ALL SELECT '6 usage', u::text FROM @.seat_usage AS u
			UNION ALL SELECT '7 findings', concat_ws('|', line, column_name, code, message, record)
				FROM @.import_findings)
		SELECT what, count(*), md5(string_agg(line, chr(10) ORDER BY line COLLATE "C")) FROM lines GROUP BY 1 ORDER BY 1
	$q$, '@', account::text);
END $$;

-- a file with faults of every kind that new people can have
CREATE FUNCTION people(first int, last int) RETURNS text LANGUAGE sql AS $$
	SELECT 'primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,'
		'Default_license_a_b_status,group:Red,group:Blue,attribute_Office,attribute_Floor,'
		'permission_manage_it_settings' || chr(10) ||
		string_agg(concat_ws(',', CASE WHEN n % 97 = 0 THEN 'p.' || n - 1 ELSE 'p' || n END || '@x.org',
			CASE WHEN n % 89 = 0 THEN 'E' || n - 1 WHEN n % 3 = 0 THEN '' ELSE 'E' || n END,
			'First' || n, CASE WHEN n % 7 = 0 THEN '' ELSE repeat('L', n % 200 + 1) END, 'T' || n % 10,
			(ARRAY['active', 'inactive', ''])[1 + n % 3], (ARRAY['yes', 'no', ''])[1 + n % 3],
			(ARRAY['', 'yes'])[1 + n % 2], (ARRAY['', 'Paris', '"Ro""me"'])[1 + n % 3], n % 4,
			CASE WHEN n % 50 = 0 THEN 'yes' ELSE '' END), chr(10))
	FROM generate_series(first, last) AS n $$;

CREATE FUNCTION make(account name, seats int DEFAULT 1000000) RETURNS void LANGUAGE sql AS $$
	SELECT orgsync.create_account(account, 'linkedin_learning');
	SELECT orgsync.add_license(account::text::regnamespace, 'Default_license_a_b_status', seats => seats);
$$;

-- statements are used where a trigger of the owner's wants to see the rows
CREATE FUNCTION look_on() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
SELECT make('direct', 1500);
SELECT make('by_statements', 1500);
CREATE TRIGGER look_on AFTER INSERT ON by_statements.profiles FOR EACH STATEMENT EXECUTE FUNCTION look_on();
CREATE TRIGGER look_on AFTER INSERT ON by_statements.seats FOR EACH STATEMENT EXECUTE FUNCTION look_on();
CREATE TRIGGER look_on AFTER INSERT ON by_statements.memberships FOR EACH STATEMENT EXECUTE FUNCTION look_on();

-- the first load, whose indexes are built at the end
CREATE TABLE files AS SELECT oid, pg_relation_filenode(oid) AS file FROM pg_class
	WHERE oid IN ('direct.profiles_pkey'::regclass, 'by_statements.profiles_pkey'::regclass);
SELECT state, rows_read, created, rejected, warnings, seats_granted FROM orgsync.import_csv('direct', people(1, 6000));
SELECT state, rows_read, created, rejected, warnings, seats_granted FROM orgsync.import_csv('by_statements', people(1, 6000));
SELECT what, d.count, d.sum = s.sum AS same FROM state('direct') AS d JOIN state('by_statements') AS s USING (what) ORDER BY 1;
SELECT oid::regclass, pg_relation_filenode(oid) = file AS same_file FROM files ORDER BY 1::text;
-- every index holds every row
SET enable_seqscan = off;
SELECT count(*) FROM direct.profiles WHERE profile_id > 0;
SELECT count(*) FROM direct.profiles WHERE primary_email_address >= 'a@a.aa';
SELECT count(*) FROM direct.profiles WHERE unique_user_id >= '';
SELECT count(*) FROM direct.profiles WHERE orgsync.address_key(primary_email_address) IS NOT NULL;
SELECT count(*) FROM direct.seats WHERE profile_id > 0;
SELECT count(*) FROM direct.memberships WHERE profile_id > 0;
RESET enable_seqscan;
-- so they do where the entries are too many for memory: each index is merged from many runs
SELECT make('narrow', 1500);
SET maintenance_work_mem = '1MB';
SELECT state, rows_read, created, rejected, warnings, seats_granted FROM orgsync.import_csv('narrow', people(1, 6000));
RESET maintenance_work_mem;
SELECT what, d.count, d.sum = n.sum AS same FROM state('direct') AS d JOIN state('narrow') AS n USING (what) ORDER BY 1;
-- and is a sound tree
CREATE EXTENSION amcheck;
SELECT n.nspname, count(bt_index_parent_check(c.oid, true, true)::text) > 0 AS are_sound
	FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam JOIN pg_namespace AS n ON n.oid = c.relnamespace
	WHERE n.nspname IN ('direct', 'narrow') AND c.relkind = 'i' AND a.amname = 'btree' GROUP BY 1 ORDER BY 1;
DROP EXTENSION amcheck;
-- and again, when there are people already: the indexes follow
SELECT state, created, updated, unchanged, rejected FROM orgsync.import_csv('direct', people(5000, 8000), feed => 'second');
SELECT state, created, updated, unchanged, rejected FROM orgsync.import_csv('by_statements', people(5000, 8000), feed => 'second');
SELECT what, d.count, d.sum = s.sum AS same FROM state('direct') AS d JOIN state('by_statements') AS s USING (what) ORDER BY 1;
SELECT problem, count(*) FROM orgsync.verify_account('direct') AS v (problem) GROUP BY 1;

-- a few people: no trigger has to fire (what earlier statements have called is counted too until it is reported)
SELECT pg_stat_force_next_flush();
BEGIN;
SET LOCAL track_functions = 'all';
SELECT state, created FROM orgsync.import_csv('direct', people(9001, 9004));
SELECT funcname, calls FROM pg_stat_xact_user_functions WHERE funcname ~ '^(duplicate_profile|license_cap|change_log)' ORDER BY 1;
SELECT state, created FROM orgsync.import_csv('by_statements', people(9001, 9004));
SELECT funcname, calls FROM pg_stat_xact_user_functions WHERE funcname ~ '^(duplicate_profile|license_cap|change_log)' ORDER BY 1;
COMMIT;

-- what is undone leaves nothing behind, and can be done again
SELECT make('again');
SELECT state, created FROM orgsync.import_csv('again', people(1, 6000), dry_run => true);
SELECT state, created FROM orgsync.import_csv('again', people(1, 6000), on_error => 'stop');
BEGIN;
SELECT state, created FROM orgsync.import_csv('again', people(1, 6000));
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT state, created FROM orgsync.import_csv('again', people(1, 6000));
ROLLBACK TO s;
SELECT state, created FROM orgsync.import_csv('again', people(1, 50));
COMMIT;
SELECT what, count FROM state('again') WHERE what < '5';

-- a cursor of the same session is open on the table: its indexes are not built anew
SELECT make('in_use');
BEGIN;
SET LOCAL enable_seqscan = off;
DECLARE c CURSOR FOR SELECT primary_email_address FROM in_use.profiles ORDER BY 1;
FETCH c;
SELECT state, created FROM orgsync.import_csv('in_use', people(1, 6000));
FETCH c;
COMMIT;
SELECT count(*) FROM in_use.profiles;

-- what the owner adds is heeded: a trigger, by row and by statement
SELECT make('owned');
CREATE TABLE seen (email text);
CREATE FUNCTION note_seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO seen VALUES (NEW.primary_email_address::text); RETURN NULL; END $$;
CREATE TRIGGER seen AFTER INSERT ON owned.profiles FOR EACH ROW EXECUTE FUNCTION note_seen();
SELECT state, created FROM orgsync.import_csv('owned', people(1, 3));
SELECT * FROM seen ORDER BY 1;
DROP TRIGGER seen ON owned.profiles;
-- a column with a default
ALTER TABLE owned.profiles ADD COLUMN desk text DEFAULT 'none';
SELECT state, created FROM orgsync.import_csv('owned', people(4, 5));
SELECT count(*) FROM owned.profiles WHERE desk = 'none';
ALTER TABLE owned.profiles DROP COLUMN desk;
-- a default of his own for a column of ours
ALTER TABLE owned.seats ALTER COLUMN since SET DEFAULT '2020-01-01';
SELECT state, created FROM orgsync.import_csv('owned', people(6, 7));
SELECT count(*) FROM owned.seats WHERE since = '2020-01-01';
ALTER TABLE owned.seats ALTER COLUMN since SET DEFAULT now();
-- constraints
SELECT make('strict');
ALTER TABLE strict.profiles ADD CONSTRAINT no_nine CHECK (preferred_first_name <> 'First9');
SELECT state, created FROM orgsync.import_csv('strict', people(8, 10));
SELECT line, code, split_part(message, ': Failing row', 1) AS message FROM strict.import_findings WHERE code = 'constraint_failed';
ALTER TABLE strict.profiles DROP CONSTRAINT no_nine;
ALTER TABLE strict.profiles ALTER COLUMN work_title SET NOT NULL;
SELECT state, created FROM orgsync.import_csv('strict', E'primary_email_address\na@x.org\n');
SELECT line, code, split_part(message, ': Failing row', 1) AS message FROM strict.import_findings WHERE code = 'constraint_failed' ORDER BY finding_id DESC LIMIT 1;
ALTER TABLE strict.profiles ALTER COLUMN work_title DROP NOT NULL;
-- an index of his own, also with the first load: its uniqueness holds
CREATE UNIQUE INDEX one_a_name ON strict.profiles (preferred_first_name);
SELECT state, created FROM orgsync.import_csv('strict', E'primary_email_address,preferred_first_name\na@x.org,A\nb@x.org,B\nc@x.org,A\n');
SELECT line, code, split_part(message, ': Failing row', 1) AS message FROM strict.import_findings WHERE code = 'constraint_failed' ORDER BY finding_id DESC LIMIT 1;
SELECT state, created FROM orgsync.import_csv('strict', people(1, 6000) || E'\nlast@x.org,,First1,,,,,,,,\n');
SELECT line, code, split_part(message, ': Failing row', 1) AS message FROM strict.import_findings WHERE code = 'constraint_failed' ORDER BY finding_id DESC LIMIT 1;
SELECT count(*) FROM strict.profiles;
-- a rule that puts the rows elsewhere
SELECT make('ruled');
CREATE TABLE elsewhere (profile_id bigint);
CREATE RULE away AS ON INSERT TO ruled.seats DO INSTEAD INSERT INTO elsewhere VALUES (NEW.profile_id);
SELECT state, created FROM orgsync.import_csv('ruled', people(1, 4));
SELECT (SELECT count(*) FROM elsewhere) AS elsewhere, (SELECT count(*) FROM ruled.seats) AS here;
-- a trigger of ours that was switched off is off
SELECT make('uncapped', 1);
ALTER TABLE uncapped.seats DISABLE TRIGGER license_cap_insert;
SELECT state, created, rejected FROM orgsync.import_csv('uncapped', people(1, 4));
SELECT header, total, invited FROM uncapped.seat_usage;
-- so is the change log, and the rest is written as ever
SELECT make('unlogged');
ALTER TABLE unlogged.profiles DISABLE TRIGGER change_log_insert;
SELECT pg_stat_force_next_flush();
BEGIN;
SET LOCAL track_functions = 'all';
SELECT state, created FROM orgsync.import_csv('unlogged', people(1, 4));
SELECT funcname, calls FROM pg_stat_xact_user_functions WHERE funcname ~ '^(duplicate_profile|change_log_profiles)' ORDER BY 1;
COMMIT;
SELECT (SELECT count(*) FROM unlogged.profiles) AS profiles, (SELECT count(*) FROM unlogged.changes) AS changes;
ALTER TABLE unlogged.profiles ENABLE TRIGGER change_log_insert;
SELECT state, created FROM orgsync.import_csv('unlogged', people(5, 6));
SELECT DISTINCT primary_email_address, action FROM orgsync.diff('unlogged') ORDER BY 1;
DROP TRIGGER change_log_insert ON unlogged.profiles;
SELECT state, created FROM orgsync.import_csv('unlogged', people(7, 8));
SELECT (SELECT count(*) FROM unlogged.profiles) AS profiles, (SELECT count(*) FROM unlogged.changes) AS changes;

-- privileges are those of INSERT, row security too
SELECT make('guarded');
CREATE ROLE orgsync_direct_writer;
GRANT USAGE ON SCHEMA guarded TO orgsync_direct_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA guarded TO orgsync_direct_writer;
GRANT INSERT, UPDATE, DELETE ON guarded.imports, guarded.import_findings, guarded.feeds, guarded.feed_profiles, guarded.groups,
	guarded.seats, guarded.made_profiles, guarded.import_effects TO orgsync_direct_writer;
GRANT INSERT, UPDATE ON guarded.profiles TO orgsync_direct_writer;
SET ROLE orgsync_direct_writer;
SELECT state, created FROM orgsync.import_csv('guarded', people(1, 4));
RESET ROLE;
GRANT INSERT ON guarded.memberships, guarded.permissions TO orgsync_direct_writer;
SET ROLE orgsync_direct_writer;
SELECT state, created FROM orgsync.import_csv('guarded', people(1, 4));
RESET ROLE;
ALTER TABLE guarded.profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON guarded.profiles FOR SELECT USING (true);
CREATE POLICY writers ON guarded.profiles FOR INSERT WITH CHECK (preferred_first_name <> 'First7');
SET ROLE orgsync_direct_writer;
SELECT state, created FROM orgsync.import_csv('guarded', people(5, 6));
SELECT state, created FROM orgsync.import_csv('guarded', people(7, 8));
RESET ROLE;
SELECT count(*) FROM guarded.profiles;
DROP OWNED BY orgsync_direct_writer;
DROP ROLE orgsync_direct_writer;

SELECT count(orgsync.drop_account(a::regnamespace)) FROM unnest('{direct,by_statements,again,in_use}'::text[]) AS a;
DROP SCHEMA owned, strict, ruled, uncapped, unlogged, guarded CASCADE;
DROP FUNCTION state, people, make, look_on, note_seen;
DROP TABLE seen, elsewhere, files;
