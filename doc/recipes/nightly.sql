-- nightly.sql: a nightly job in the database itself, with pg_cron.
--
-- Needs shared_preload_libraries = 'pg_cron' and cron.database_name in postgresql.conf.
-- The job runs as whoever schedules it.

CREATE EXTENSION IF NOT EXISTS pg_cron;

-- Imports a table or view of people into an account, and makes the files to upload.
CREATE PROCEDURE sync_account(account regnamespace, source regclass)
LANGUAGE plpgsql AS $$
DECLARE
	result orgsync.import_summary;
BEGIN
	SELECT * INTO result FROM orgsync.import_table(account, source, feed => 'hr', mode => 'full');
	COMMIT;						-- findings are kept, whatever becomes of the export
	IF result.state <> 'applied' THEN
		RAISE 'import % into account % is %', result.import_id, account, result.state
			USING HINT = format('SELECT * FROM %s.import_findings WHERE import_id = %s', account, result.import_id);
	END IF;
	PERFORM FROM orgsync.export_csv(account);
END $$;

-- at half past two every night, in cron.timezone or GMT
SELECT cron.schedule('sync acme', '30 2 * * *', $$CALL sync_account('acme', 'hr.learning_users')$$);
