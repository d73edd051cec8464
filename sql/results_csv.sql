-- The results file: what was rejected, to mend and import again.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;

SELECT orgsync.create_account('results_account', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license('results_account', 'Default_license_learning_proAllLanguages_status') \g /dev/null

-- Imports a file and shows what became of it.
CREATE FUNCTION pg_temp.import(csv text, on_error text DEFAULT 'skip') RETURNS text LANGUAGE sql AS
$$
SELECT format('import %s: %s, created %s, updated %s, rejected %s, warnings %s',
	import_id, state, created, updated, rejected, warnings)
FROM orgsync.import_csv('results_account', csv, on_error => on_error)
$$;

-- A file with its carriage returns to be seen.
CREATE FUNCTION pg_temp.show(csv text) RETURNS text LANGUAGE sql AS $$ SELECT replace(csv, E'\r', '\r') $$;

-- Rejected rows stand there as they came: quotes, blanks, line breaks and all.  One row has two errors, one
-- has only a warning and is no concern here.
SELECT pg_temp.import(
	'preferred_first_name,primary_email_address,Default_license_learning_proAllLanguages_status,group:HR' || E'\r\n'
	|| 'Ann,ann@example.com,active,yes' || E'\r\n'
	|| '"Bob", bob@example ,aktiv,yes' || E'\r\n'
	|| ',cem@example.com,active,yes' || E'\r\n'
	|| '"Dora ""Dee""",dora@example.com,active,maybe' || E'\r\n'
	|| '"Eve' || E'\n' || 'Maria",eve@example.com,active,yes' || E'\r\n'
	|| 'Fay,fay@example.com' || E'\r\n'
	|| 'Gus,ANN@example.com,active,yes' || E'\r\n');
SELECT orgsync.results_csv('results_account', 1) AS results \gset
SELECT pg_temp.show(:'results');
SELECT r.line, array_length(r.fields, 1) AS fields, r.fields[array_upper(r.fields, 1)] FROM orgsync.read_csv(:'results') AS r;

-- Imported again unmended: the same errors, and the column is not doubled.
SELECT pg_temp.import(:'results');
SELECT pg_temp.show(orgsync.results_csv('results_account', 2));

-- A column of that name elsewhere in the file goes to the end, too.
SELECT pg_temp.import(E'messages,primary_email_address,work_title\nold,hal@example,"Head, ""IT"""\n,ida,Clerk\n');
SELECT pg_temp.show(orgsync.results_csv('results_account', 3));

-- A line that lacks a cell would have just the right number with its messages: it must be rejected again.
SELECT pg_temp.import(E'primary_email_address,preferred_first_name,work_title\njon@example.com,Jon\n');
SELECT orgsync.results_csv('results_account', 4) AS results \gset
SELECT pg_temp.show(:'results');
SELECT pg_temp.import(:'results');
SELECT orgsync.results_csv('results_account', 5) AS results \gset
SELECT pg_temp.show(:'results');
SELECT pg_temp.import(:'results');

-- Mended and imported again: the column of messages is ignored, without a warning.
SELECT pg_temp.import(replace(replace(orgsync.results_csv('results_account', 3), 'hal@example', 'hal@example.com'),
	'ida', 'ida@example.com'));
SELECT count(*) FROM results_account.import_findings WHERE import_id = 7;
SELECT primary_email_address, work_title FROM results_account.profiles ORDER BY 1;

-- Nothing was rejected: only the header.
SELECT pg_temp.show(orgsync.results_csv('results_account', 7));

-- Everything was undone for one bad row: only that is here.
SELECT pg_temp.import(E'primary_email_address\nkay@example.com\nkay\n', on_error => 'stop');
SELECT pg_temp.show(orgsync.results_csv('results_account', 8));

-- A header with a delimiter in it.
SELECT pg_temp.import(E'primary_email_address,"group:Sales, ""North"""\nleo@example.com,perhaps\n');
SELECT pg_temp.show(orgsync.results_csv('results_account', 9));

-- An empty file has no header.
SELECT pg_temp.import('');
SELECT pg_temp.show(orgsync.results_csv('results_account', 10));

-- Rows in the order of the file, many of them.
SELECT pg_temp.import('primary_email_address' || E'\n' || string_agg('nobody' || n, E'\n' ORDER BY n))
FROM generate_series(1, 2500) AS n;
SELECT count(*), count(*) FILTER (WHERE r.fields[1] = 'nobody' || r.line - 1)
FROM orgsync.read_csv(orgsync.results_csv('results_account', 11)) AS r
WHERE r.line > 1;

-- The delimiter is that of the file.  Columns without a name are none, whatever stands in them.
SELECT pg_temp.import(E'primary_email_address;work_title;;\nmia@example;"Clerk; Typist";;\nned@example;Cook;x;\nola@example;;;;y\n');
SELECT orgsync.results_csv('results_account', 12) AS results \gset
SELECT pg_temp.show(:'results');
SELECT pg_temp.import(replace(:'results', 'example', 'example.com'));
SELECT pg_temp.show(orgsync.results_csv('results_account', 13));

-- What begins like a file is none; a finding whose record was not kept is named.
INSERT INTO results_account.imports (state, mode, header, started_at, finished_at, delimiter)
	VALUES ('applied', 'patch', '{primary_email_address,"Sales; North",Messages}', now(), now(), ';')
	RETURNING import_id AS made \gset
INSERT INTO results_account.import_findings (import_id, line, code, severity, message, record) VALUES
	(:made, 3, 'invalid_email', 'error', 'second; and more', E'\uFEFFmia;"x, y";old'),
	(:made, 2, 'invalid_email', 'error', 'first', 'sep=;"a;b";'),
	(:made, 4, 'invalid_email', 'error', 'third', NULL),
	(:made, 5, 'blank_value', 'warning', 'fourth', 'x;y;');
SELECT pg_temp.show(orgsync.results_csv('results_account', :made));

-- No such import; nothing to ask; an account that the caller may not read.
SELECT pg_temp.show(orgsync.results_csv('results_account', 4711));
SELECT orgsync.results_csv('results_account', NULL) IS NULL;
SELECT orgsync.results_csv('public', 1);
CREATE ROLE regress_results_stranger;
GRANT USAGE ON SCHEMA orgsync, results_account TO regress_results_stranger;
GRANT SELECT ON results_account.settings TO regress_results_stranger;
SET ROLE regress_results_stranger;
\set VERBOSITY terse
SELECT pg_temp.show(orgsync.results_csv('results_account', 1));
\set VERBOSITY default
RESET ROLE;
GRANT SELECT ON results_account.imports, results_account.import_findings TO regress_results_stranger;
SET ROLE regress_results_stranger;
SELECT length(orgsync.results_csv('results_account', 1)) > 0;
RESET ROLE;

DROP OWNED BY regress_results_stranger;
DROP ROLE regress_results_stranger;
SELECT orgsync.drop_account('results_account') \g /dev/null
