-- What a parallel worker parses is what the import itself would have parsed.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
-- a worker from the first record on, or none
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION pg_temp.workers(integer) RETURNS text LANGUAGE sql AS
$$ SELECT set_config('max_parallel_maintenance_workers', $1::text, false) $$;
SELECT orgsync.create_account('alone', 'linkedin_learning'), orgsync.create_account('together', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license(account, header, seats => seats)
FROM (VALUES ('alone'::regnamespace), ('together')) AS a (account),
	(VALUES ('Some_license_a_b_status'::orgsync.license_header, 6000), ('Other_license_c_d_status', NULL)) AS l (header, seats) \g /dev/null
SELECT orgsync.add_domain_alias(account, 'example.net', 'example.com')
FROM (VALUES ('alone'::regnamespace), ('together')) AS a (account) \g /dev/null

-- All that an import leaves behind, in one figure.
CREATE FUNCTION pg_temp.state(account text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	part text;
	parts text := '';
BEGIN
	FOREACH part IN ARRAY ARRAY[
		'SELECT profile_id, primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title,'
		' attributes, reupload_user_profile FROM %I.profiles ORDER BY profile_id',
		'SELECT profile_id, license_id, status FROM %I.seats ORDER BY profile_id, license_id',
		'SELECT profile_id, name FROM %1$I.memberships JOIN %1$I.groups USING (group_id) ORDER BY profile_id, name',
		'SELECT profile_id, permission, scope FROM %I.permissions ORDER BY profile_id, permission',
		'SELECT import_id, line, column_name, code, severity, message, tip, record FROM %I.import_findings ORDER BY finding_id',
		'SELECT import_id, state, header, rows_read, created, updated, unchanged, absent, rejected, warnings, seats_granted,'
		' seats_revoked, invitations, encoding, delimiter FROM %I.imports ORDER BY import_id']
	LOOP
		EXECUTE format('SELECT $1 || md5(coalesce(string_agg(r::text, E''\n''), '''')) FROM (' || part || ') AS r', account)
			INTO parts USING parts;
	END LOOP;
	RETURN md5(parts);
END
$$;
-- Imports the file both ways: what became of it, and whether it is the same.
CREATE FUNCTION pg_temp.both(csv bytea, mode text DEFAULT 'patch', columns jsonb DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	alone text;
	together text;
BEGIN
	PERFORM pg_temp.workers(0);
	SELECT concat_ws(' ', i.state, i.rows_read, i.created, i.updated, i.unchanged, i.absent, i.rejected, i.warnings, i.seats_granted,
		i.encoding) INTO alone FROM orgsync.import_csv('alone', csv, mode => mode, columns => columns) AS i;
	PERFORM pg_temp.workers(2);
	SELECT concat_ws(' ', i.state, i.rows_read, i.created, i.updated, i.unchanged, i.absent, i.rejected, i.warnings, i.seats_granted,
		i.encoding) INTO together FROM orgsync.import_csv('together', csv, mode => mode, columns => columns) AS i;
	RETURN format('%s: %s', alone, CASE WHEN alone = together AND pg_temp.state('alone') = pg_temp.state('together')
		THEN 'the same' ELSE 'DIFFERS: ' || together END);
END
$$;
-- A file of so many people from the first on, with faults of all kinds, of some kilobytes now and then.
CREATE FUNCTION pg_temp.file(count integer, first integer DEFAULT 1, extra text DEFAULT '') RETURNS text LANGUAGE sql AS
$$
SELECT 'primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,Some_license_a_b_status,'
	'Other_license_c_d_status,group:One,reupload_user_profile,attribute_Room' || extra || E'\n' ||
	string_agg(array_to_string(ARRAY[
		CASE WHEN i % 97 = 0 THEN 'nobody' WHEN i % 89 = 0 THEN '' ELSE 'p' || i - (i % 53 = 0)::integer || '@example.' ||
			(ARRAY['com', 'net', 'org'])[1 + i % 3] END,
		CASE WHEN i % 83 = 0 THEN 'E-' || i WHEN i % 5 > 0 THEN 'E' || i - 2 * (i % 43 = 0)::integer END,
		CASE WHEN i % 11 > 0 THEN (ARRAY['Ann', 'Zoë', 'Bob'])[1 + i % 3] END, 'Name' || i % 400,
		CASE WHEN i % 79 = 0 THEN '=1+1' WHEN i % 73 = 0 THEN '"Head ""of""' || repeat(', all', i % 900) || '"'
			WHEN i % 71 = 0 THEN E'"two\nlines"' WHEN i % 67 = 0 THEN 'a "b" c' ELSE 'Clerk' END,
		CASE WHEN i % 41 = 0 THEN 'aktiv' ELSE (ARRAY['active', 'inactive', '', 'active'])[1 + i % 4] END, (ARRAY['active', '', 'ACTIVE '])[1 + i % 3],
		CASE WHEN i % 37 = 0 THEN 'ja' ELSE (ARRAY['yes', 'no', '1', ''])[1 + i % 4] END, CASE WHEN i % 61 = 0 THEN 'true' END,
		'Room ' || i % 50], ',', '') || CASE WHEN i % 59 = 0 THEN ',more' ELSE repeat(',', length(extra) - length(replace(extra, ',', ''))) END,
		E'\n' ORDER BY i) || E'\n'
FROM generate_series(first, first + count - 1) AS i
$$;

-- ---- the first import, and those that follow ----

SELECT pg_temp.both(convert_to(pg_temp.file(6000), 'UTF8'));
SELECT code, count(*) FROM together.import_findings GROUP BY code ORDER BY code COLLATE "C";
-- most is known; some comes twice, and the file is read again
SELECT pg_temp.both(convert_to(pg_temp.file(6000) || substring(pg_temp.file(900, 3001) FROM position(E'\n' IN pg_temp.file(1)) + 1), 'UTF8'));
SELECT pg_temp.both(convert_to(pg_temp.file(4000, 4001), 'UTF8'), mode => 'full');
-- other encodings, one of which is found out late
SELECT pg_temp.both(convert_to(pg_temp.file(3000, 9001), 'WIN1252'));
SELECT pg_temp.both(convert_to(replace(pg_temp.file(3000, 12001), 'ë', 'e') || E'z\u00eb@example.com,,,,Dern\u00ebe,,,,,\n', 'WIN1252'));

-- ---- what does not fit ----

-- cells in columns without a name, whoever finds them; a record that is longer than what is shared; and all is wrong with
-- thousands of short ones, so that findings are
SELECT pg_temp.both(convert_to(pg_temp.file(2000, 16001, ',,'), 'UTF8'));
SELECT pg_temp.both(convert_to(pg_temp.file(1500, 20001) || 'long@example.com,,,,' || repeat('x', 200000) || E',,,,,\n' ||
	substring(pg_temp.file(1500, 22001) FROM position(E'\n' IN pg_temp.file(1)) + 1), 'UTF8'));
SELECT pg_temp.both(convert_to(E'primary_email_address,a b,Some_license_a_b_status,Other_license_c_d_status,group:One,group:Two\n' ||
	(SELECT string_agg(E'x,,y,y,y,y\n', '') FROM generate_series(1, 6000)), 'UTF8'));
-- nothing but the header, and a fault behind many records
SELECT pg_temp.both(E'primary_email_address,work_title\n');
SELECT pg_temp.both(convert_to(pg_temp.file(3000, 30001) || E'q@example.com,,,,"never closed', 'UTF8'));
SELECT line, code, message FROM together.import_findings WHERE code = 'malformed_csv';

-- ---- rows that depend on those before them are none for a worker ----

SELECT pg_temp.both(convert_to(E'primary_email_address,Dept,group_permission_view_reports\n' ||
	(SELECT string_agg(format(E'g%s@example.com,Dept %s,group:Dept %s\n', i, i % 7, i % 8), '' ORDER BY i)
	 FROM generate_series(1, 3000) AS i), 'UTF8'), columns => '{"Dept": "group"}');
SELECT pg_temp.both(convert_to(E'primary_email_address,group_permission_view_reports\n' ||
	(SELECT string_agg(format(E'g%s@example.com,group:Dept %s\n', i, i % 9), '' ORDER BY i) FROM generate_series(1, 3000) AS i), 'UTF8'));

-- ---- the vendor's list, and a check without an account ----

SELECT pg_temp.workers(0);
SELECT md5(string_agg(c::text, E'\n')) AS alone FROM orgsync.check_csv('linkedin_learning', pg_temp.file(5000)) AS c \gset
SELECT pg_temp.workers(2);
SELECT md5(string_agg(c::text, E'\n')) = :'alone' FROM orgsync.check_csv('linkedin_learning', pg_temp.file(5000)) AS c;
SELECT orgsync.create_account('listed_alone', 'linkedin_learning'), orgsync.create_account('listed', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license(account, 'Some_license_a_b_status') FROM (VALUES ('listed_alone'::regnamespace), ('listed')) AS a (account) \g /dev/null
CREATE FUNCTION pg_temp.list() RETURNS text LANGUAGE sql AS
$$ SELECT E'primary_email_address,preferred_first_name,preferred_last_name,Some_license_a_b_status,group:One\n' ||
	string_agg(format(E'ann%s@example.com,Ann,Name %s,%s,%s\n', i - (i % 41 = 0)::integer, i % 300,
		(ARRAY['Activated', 'Inactive', 'Invited', 'what'])[1 + i % 4], (ARRAY['yes', ''])[1 + i % 2]), '' ORDER BY i)
	FROM generate_series(1, 3000) AS i $$;
SELECT pg_temp.workers(0);
SELECT rows_read, created, rejected, warnings FROM orgsync.import_remote('listed_alone', pg_temp.list(), adopt => true);
SELECT pg_temp.workers(2);
SELECT rows_read, created, rejected, warnings FROM orgsync.import_remote('listed', pg_temp.list(), adopt => true);
SELECT pg_temp.state('listed_alone') = pg_temp.state('listed');

-- ---- inside of a transaction that has written, and of a subtransaction that fails ----

BEGIN;
CREATE TEMP TABLE written AS SELECT 1;
SAVEPOINT before;
SELECT created FROM orgsync.import_csv('together', pg_temp.file(100, 40001));
ROLLBACK TO before;
SELECT created FROM orgsync.import_csv('together', pg_temp.file(100, 40001));
INSERT INTO written VALUES (2);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT created FROM orgsync.import_csv('together', pg_temp.file(100, 41001));
COMMIT;

DROP SCHEMA alone, together, listed_alone, listed CASCADE;
