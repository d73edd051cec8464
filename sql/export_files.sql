-- As few files as can be: empty cells only where they mean no action, values carried where that spares a file.
SET client_min_messages = warning;
SELECT orgsync.create_account('few', 'linkedin_learning');
SELECT orgsync.add_license('few', 'Default_license_learning_proAllLanguages_status');
SET search_path = few, orgsync, public;
CREATE FUNCTION export(rows_per_file int DEFAULT NULL) RETURNS TABLE (seq int, kind text, n bigint, csv text) LANGUAGE sql AS $$
	SELECT e.seq, e.kind, e.row_count, replace(e.csv, E'\r\n', E'\n') FROM orgsync.export_csv('few', rows_per_file, override => true) e
$$;
CREATE FUNCTION confirm_last() RETURNS void LANGUAGE sql AS
	$$SELECT orgsync.confirm_export('few', max(export_id)) FROM few.exports$$;
-- empty cells in columns that must not have any
CREATE VIEW forbidden_blanks AS
	SELECT e.seq, h.fields[i] AS column_name, r.line FROM (SELECT * FROM orgsync.export_csv('few', override => true, dry_run => true)) e
	CROSS JOIN LATERAL (SELECT * FROM orgsync.read_csv(e.csv) ORDER BY line LIMIT 1) h
	CROSS JOIN LATERAL orgsync.read_csv(e.csv) r CROSS JOIN generate_subscripts(h.fields, 1) i
	WHERE r.fields[i] = '' AND h.fields[i] !~ '_status$|^group:|permission_|^reupload' AND e.kind <> 'manual';

INSERT INTO groups (name) VALUES ('HR');
INSERT INTO profiles (primary_email_address, preferred_first_name, preferred_last_name, work_title, attributes)
	VALUES ('all@example.com', 'F', 'L', 'T', '{"a": "1", "b": "1"}'), ('all2@example.com', 'F', 'L', 'T', '{"a": "1", "b": "1"}'),
		('all3@example.com', 'F', 'L', 'T', '{"a": "1", "b": "1"}'), ('noa@example.com', 'F', 'L', 'T', '{"b": "1"}'),
		('names@example.com', 'F', 'L', NULL, '{}'), ('nothing@example.com', NULL, NULL, NULL, '{}');
SELECT seq, kind, n FROM export();
SELECT confirm_last();
-- five kinds of changes, one file: each row says what changed, and what is as it was in the others' columns
UPDATE profiles SET work_title = 'T2' WHERE primary_email_address = 'all@example.com';
UPDATE profiles SET preferred_first_name = 'F2' WHERE primary_email_address = 'all2@example.com';
UPDATE profiles SET attributes = '{"a": "2", "b": "1"}' WHERE primary_email_address = 'all3@example.com';
INSERT INTO memberships SELECT profile_id, 1 FROM profiles WHERE primary_email_address IN ('all3@example.com', 'nothing@example.com');
UPDATE profiles SET attributes = '{"b": "2"}' WHERE primary_email_address = 'noa@example.com';
UPDATE profiles SET preferred_last_name = 'L2' WHERE primary_email_address = 'names@example.com';
SELECT * FROM export();
SELECT * FROM forbidden_blanks;
-- what was carried is confirmed as it is: a change that was undone is none, one that came later is one
UPDATE profiles SET work_title = 'X' WHERE primary_email_address = 'all2@example.com';
SELECT confirm_last();
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('few');
SELECT * FROM export();
SELECT confirm_last();

-- sparse attributes: 400 people with any of eight attributes, one of which changes
INSERT INTO profiles (primary_email_address, preferred_first_name, attributes)
	SELECT 'p' || n || '@example.com', 'P', (SELECT coalesce(jsonb_object_agg('x' || a, '1'), '{}') FROM generate_series(0, 7) a WHERE n >> a & 1 = 1)
	FROM generate_series(0, 399) n;
SELECT count(DISTINCT array_to_string(ARRAY(SELECT jsonb_object_keys(attributes) ORDER BY 1), ',')) AS sets FROM profiles WHERE preferred_first_name = 'P';
SELECT kind, count(*) AS files, sum(n) AS rows FROM export() GROUP BY kind;
SELECT * FROM forbidden_blanks;
SELECT confirm_last();
UPDATE profiles SET attributes = jsonb_set(attributes, ARRAY[k], '"2"') FROM (SELECT profile_id AS id, min(key) AS k FROM profiles, jsonb_object_keys(attributes) key GROUP BY 1) x
	WHERE profile_id = id AND preferred_first_name = 'P';
SELECT kind, count(*) AS files, sum(n) AS rows FROM export() GROUP BY kind;
SELECT * FROM forbidden_blanks;
-- exactly what changed is confirmed
SELECT confirm_last();
SELECT count(*) FROM orgsync.diff('few');
SELECT count(*) FROM changes;

-- a file is named so that files sort in the order of upload, and cut where it is too long
INSERT INTO profiles (primary_email_address) SELECT 'q' || n || '@example.com' FROM generate_series(1, 12) n;
INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles WHERE primary_email_address::text ~ '^q';
SELECT row_number() OVER (ORDER BY file_name COLLATE "C") = seq AS in_order, file_name ~ ('^few-' || to_char(now(), 'YYYYMMDD') || '-\d{6}-\d{3}-add\.csv$') AS named,
	row_count FROM orgsync.export_csv('few', 1, dry_run => true) ORDER BY seq;
SELECT orgsync.export_csv('few', 0);

-- revocations come first, and without groups
SELECT confirm_last() FROM (SELECT count(*) FROM export()) e;
UPDATE seats SET status = 'unassigned' WHERE profile_id % 2 = 0;
INSERT INTO memberships SELECT profile_id, 1 FROM seats ON CONFLICT DO NOTHING;
SELECT count(*) FROM export();
SELECT seq, kind, columns FROM export_files WHERE export_id = (SELECT max(export_id) FROM exports) ORDER BY seq;
SELECT confirm_last();

\set VERBOSITY terse
DROP SCHEMA few CASCADE;
