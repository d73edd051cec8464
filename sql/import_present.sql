-- What the account has of a file's people is looked up by keys, also by a session's first
-- import and when nobody has analysed the tables yet.
SET client_min_messages = warning;
\set VERBOSITY terse

CREATE FUNCTION people(title text, step int) RETURNS text LANGUAGE sql AS $$
	SELECT 'primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,'
		'Default_license_a_b_status,group:Red,permission_manage_it_settings' || chr(10) ||
		string_agg(concat_ws(',', 'p' || n || '@x.org', 'E' || n, 'First' || n, 'Last' || n, title,
			'active', 'yes', 'yes'), chr(10) ORDER BY n)
	FROM generate_series(step, 6000, step) AS n $$;
SELECT orgsync.create_account('present', 'linkedin_learning');
SELECT orgsync.add_license('present', 'Default_license_a_b_status');
SELECT state, created FROM orgsync.import_csv('present', people('first', 1));
CREATE FUNCTION scans() RETURNS TABLE (relname name, seq_scan bigint) LANGUAGE sql AS $$
	SELECT relname, seq_scan FROM pg_stat_xact_user_tables
	WHERE schemaname = 'present' AND relname IN ('seats', 'memberships', 'permissions') $$;
BEGIN;
CREATE TEMP TABLE before ON COMMIT DROP AS SELECT * FROM scans();
SELECT state, updated FROM orgsync.import_csv('present', people('second', 20));
SELECT relname, a.seq_scan - b.seq_scan AS times_read_whole FROM scans() AS a JOIN before AS b USING (relname) ORDER BY 1;
COMMIT;

DROP FUNCTION people(text, int), scans();
SELECT orgsync.drop_account('present');
