-- demo.sql: what test/demo/demo.sh shows, step by step.  The variables today and
-- tomorrow are the rosters of two days, made by test/data/make_roster.py.

SET client_min_messages = warning;
\pset footer off
\setenv TODAY :today

\echo
\echo '=== 1. An account ================================================================================='
\echo
\echo 'Acme has LinkedIn Learning for its 10,000 people, and 6,975 seats, a few too few. An invitation is'
\echo 'to take a seat already. The account is a schema with tables of its own.'
\echo
\set ECHO queries
CREATE EXTENSION orgsync;
SELECT orgsync.create_account('acme', 'linkedin_learning');
SELECT orgsync.add_license('acme', 'Default_license_learning_proAllLanguages_status',
                           seats => 6975, counting => 'invited');
\set ECHO none

\echo '=== 2. The file from HR ==========================================================================='
\echo
\echo 'It is the file that one would upload to LinkedIn. It begins with:'
\echo
\! head -n 3 "$TODAY"
\echo
\echo 'Somebody edited it by hand, so that it has faults. They are set aside and do not stop the rest.'
\echo
\x on
\set ECHO queries
SELECT state, rows_read, created, rejected, warnings, seats_granted, invitations
  FROM orgsync.import_csv('acme', pg_read_binary_file(:'today'));
\set ECHO none
\x off

\echo '=== 3. What was wrong with it ====================================================================='
\echo
\echo 'Every finding tells the line, what is wrong and how to mend it.'
\echo
\set ECHO queries
SELECT code, severity, count(*) FROM acme.import_findings GROUP BY 1, 2 ORDER BY 2, 1;
\set ECHO none
\echo 'The first error of each kind:'
\echo
\x on
\set ECHO queries
SELECT DISTINCT ON (code) code, line, message, tip
  FROM acme.import_findings WHERE severity = 'error' ORDER BY code, line;
\set ECHO none
\x off

\echo '=== 4. The seats =================================================================================='
\echo
\echo 'None is taken twice and there is never one too many, whoever writes to the tables.'
\echo
\set ECHO queries
SELECT * FROM acme.seat_usage;
\set ECHO none

\echo '=== 5. The first upload ==========================================================================='
\echo
\echo 'LinkedIn has none of these people yet: all of them are exported. Once somebody has uploaded the'
\echo 'files and LinkedIn took them, that is confirmed.'
\echo
\set ECHO queries
SELECT seq, kind, file_name, row_count FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 1);
\set ECHO none

\echo '=== 6. The next day''s file ========================================================================'
\echo
\echo 'HR mended the faults. About 1 % of the people changed, and some have left: in the mode full, those'
\echo 'who are absent from the file lose their seats, and others get them.'
\echo
\x on
\set ECHO queries
SELECT state, rows_read, created, updated, unchanged, absent, rejected, seats_granted, seats_revoked
  FROM orgsync.import_csv('acme', pg_read_binary_file(:'tomorrow'),
                          mode => 'full');
\set ECHO none
\x off

\echo '=== 7. The difference ============================================================================='
\echo
\echo 'What LinkedIn has is not what it shall have. How it differs, cell by cell:'
\echo
\set ECHO queries
SELECT action, count(*), count(DISTINCT profile_id) AS people
  FROM orgsync.diff('acme') GROUP BY 1 ORDER BY 1;
SELECT primary_email_address, action, column_name, old_value, new_value
  FROM orgsync.diff('acme') WHERE action <> 'add' LIMIT 8;
\set ECHO none

\echo '=== 8. The files to upload ========================================================================'
\echo
\echo 'Only what changed, and in an order in which seats are given back before others take them. A file'
\echo 'holds just the columns that change, because LinkedIn wants a value in every cell.'
\echo
\set ECHO queries
SELECT seq, kind, file_name, row_count FROM orgsync.export_csv('acme');
\set ECHO none
\echo 'The first lines of the first file of each kind:'
\echo
\pset format unaligned
\pset fieldsep '\n'
\pset recordsep '\n\n'
\pset tuples_only on
\set ECHO queries
SELECT DISTINCT ON (kind) file_name,
       rtrim(array_to_string((string_to_array(csv, E'\r\n'))[1:3], E'\n'), E'\n')
  FROM acme.export_files WHERE export_id = 2 ORDER BY kind DESC, seq;
\set ECHO none
\pset tuples_only off
\pset format aligned
\echo

\echo '=== 9. Uploaded and confirmed ====================================================================='
\echo
\echo 'Now LinkedIn has what it shall have, and a further export has nothing to say.'
\echo
\set ECHO queries
SELECT orgsync.confirm_export('acme', 2);
SELECT count(*) AS files FROM orgsync.export_csv('acme');
SELECT * FROM acme.seat_usage;
\set ECHO none
\echo 'The server, its data and the files are removed again.'
