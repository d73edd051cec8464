-- prune(): findings, files and history are kept no longer than asked for
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
SELECT orgsync.create_account('prun', 'linkedin_learning') \g /dev/null
-- The last so many imports, exports and changes were made a year ago.
CREATE FUNCTION pg_temp.a_year_passes() RETURNS void LANGUAGE sql AS
$$
UPDATE prun.imports SET started_at = started_at - interval '1 year', finished_at = finished_at - interval '1 year';
UPDATE prun.exports SET exported_at = exported_at - interval '1 year';
UPDATE prun.changes SET changed_at = changed_at - interval '1 year';
UPDATE prun.past_changes SET changed_at = changed_at - interval '1 year';
UPDATE prun.profiles SET created_at = created_at - interval '1 year';
$$;
CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE sql AS
$$
SELECT format('imports %s, findings %s, exports %s, files %s, pending %s, past %s', (SELECT count(*) FROM prun.imports),
	(SELECT count(*) FROM prun.import_findings), (SELECT count(*) FROM prun.exports), (SELECT count(*) FROM prun.export_files),
	(SELECT count(*) FROM prun.changes), (SELECT count(*) FROM prun.past_changes))
$$;
-- nothing is there
SELECT * FROM orgsync.prune('prun', '1 day');

SELECT state FROM orgsync.import_csv('prun', E'primary_email\na@example.com\nb@example.com\nbad\n');
SELECT count(*) FROM orgsync.export_csv('prun');
SELECT orgsync.confirm_export('prun', 1);
UPDATE prun.profiles SET work_title = 'One';
SELECT count(*) FROM orgsync.export_csv('prun');
SELECT orgsync.confirm_export('prun', 2, E'primary_email_address,work_title,Messages\na@example.com,One,not today\n'::text);
SELECT count(*) FROM orgsync.export_csv('prun'); -- superseded
SELECT count(*) FROM orgsync.export_csv('prun'); -- open
SELECT pg_temp.a_year_passes();
UPDATE prun.profiles SET work_title = 'Two';
SELECT state FROM orgsync.import_csv('prun', E'primary_email\nc@example.com\nbad\n');

SELECT pg_temp.kept();
SELECT * FROM orgsync.prune('prun', '2 years');
SELECT pg_temp.kept();
SELECT * FROM orgsync.prune('prun', '1 month');
SELECT pg_temp.kept();
SELECT * FROM orgsync.prune('prun', '1 month');
SELECT history_since BETWEEN now() - interval '2 months' AND now() - interval '20 days' FROM prun.settings;
-- what is not known any more is not said
SELECT address, column_name, value, valid_from IS NULL, valid_until IS NULL, replace(set_by, CURRENT_USER, 'me') FROM prun.history
ORDER BY 1, 2, 3;
-- an import whose history is gone cannot be undone
SELECT * FROM orgsync.undo_import('prun', 1);
SELECT * FROM orgsync.undo_import('prun', 2);
-- what the vendor has not heard of is there, and the open export can be confirmed
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('prun') WHERE action <> 'add';
SELECT orgsync.confirm_export('prun', 4);
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('prun') WHERE action <> 'add';
-- an earlier point in time than before does not bring anything back
SELECT * FROM orgsync.prune('prun', '1 year');
SELECT history_since > now() - interval '2 months' FROM prun.settings;

SELECT * FROM orgsync.prune('prun', '-1 day');
SELECT * FROM orgsync.prune('prun', NULL);
CREATE ROLE regress_orgsync_pruner;
GRANT USAGE ON SCHEMA prun, orgsync TO regress_orgsync_pruner;
GRANT SELECT ON ALL TABLES IN SCHEMA prun TO regress_orgsync_pruner;
SET ROLE regress_orgsync_pruner;
\set VERBOSITY terse
SELECT * FROM orgsync.prune('prun', '1 day');
RESET ROLE;
DROP OWNED BY regress_orgsync_pruner;
DROP ROLE regress_orgsync_pruner;
SELECT orgsync.drop_account('prun');
