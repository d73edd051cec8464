-- forget_person(): nothing of one person is left, and the vendor's side is told
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
SELECT orgsync.create_account('forg', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license('forg', 'Default_license_learning_pro_status', 1, 'invited', 'waitlist') \g /dev/null
CREATE FUNCTION pg_temp.import(lines text, feed text DEFAULT 'hr') RETURNS text LANGUAGE sql AS
$$
SELECT concat_ws(' ', state, 'created', created, 'updated', updated, 'rejected', rejected) FROM orgsync.import_csv('forg',
	replace(replace(replace(lines, 'LICENSE', 'Default_license_learning_pro_status'), ';', E'\n'), '@', '@example.com') || E'\n',
	feed => feed, notes => 'asked for by ANN.LEE@example.com')
$$;
-- The tables of the account in which a text is found, and in how many rows.
CREATE FUNCTION pg_temp.found(pattern text) RETURNS SETOF text LANGUAGE plpgsql AS
$$
DECLARE
	relation regclass;
	number bigint;
BEGIN
	FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'forg'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
		EXECUTE format('SELECT count(*) FROM %s AS t WHERE t::text ~* $1', relation) INTO number USING pattern;
		IF number > 0 THEN
			RETURN NEXT relation::text;
		END IF;
	END LOOP;
END
$$;

-- the vendor has her; she has been renamed since, and stands in files, findings, notes
SELECT pg_temp.import('primary_email,employee_id,preferred_first_name,work_title,LICENSE,group:HR,permission_curate_content,attribute_city;ann.lee@,A177,Ann,Clerk,active,yes,yes,Bonn;joann.lee@,B177,Joann,Clerk,active,no,no,Bonn');
SELECT pg_temp.import('primary_email,employee_id,preferred_first_name;ann.lee+2@,C177,=Bea;nobody,A177,Ann;c@,C178,');
SELECT count(*) > 0 FROM orgsync.export_csv('forg');
SELECT orgsync.confirm_export('forg', 1);
UPDATE forg.profiles SET primary_email_address = 'Ann.Smith@example.com', work_title = 'Boss' WHERE profile_id = 1;
SELECT pg_temp.import('primary_email,employee_id,work_title;ann.smith@,A177,Chief;joann.lee@,B177,Chief');
SELECT count(*) > 0 FROM orgsync.export_csv('forg');
UPDATE forg.profiles SET work_title = 'Head';
SELECT pg_temp.found('(?<!jo)ann\.(lee|smith)@|A177');

BEGIN;
SELECT * FROM orgsync.forget_person('forg', 'ann.smith@EXAMPLE.com');
SELECT pg_temp.found('(?<!jo)ann\.(lee|smith)@|A177');
-- others are as they were
SELECT primary_email_address, work_title FROM forg.users ORDER BY 1;
SELECT DISTINCT address, column_name FROM forg.history ORDER BY 1, 2;
SELECT import_id, line, code, message, record FROM forg.import_findings ORDER BY finding_id;
SELECT import_id, notes FROM forg.imports ORDER BY 1;
SELECT export_id, seq, kind, row_count, profile_ids, csv FROM forg.export_files ORDER BY 1, 2;
-- the open export can be confirmed
SELECT orgsync.confirm_export('forg', 2);
SELECT primary_email_address, action, column_name, old_value, new_value FROM orgsync.diff('forg');
SELECT * FROM orgsync.verify_account('forg');
-- and she may come again
SELECT pg_temp.import('primary_email,employee_id;ann.lee@,A177');
ROLLBACK;

-- by a former address; who was deleted already; whom the vendor does not have
SELECT action, column_name FROM orgsync.forget_person('forg', 'ann.lee@example.com');
SELECT pg_temp.found('(?<!jo)ann\.(lee|smith)@|A177');
SELECT pg_temp.import('primary_email;c@;d@;x@');
UPDATE forg.profiles SET work_title = 'Clerk' WHERE primary_email_address = 'c@example.com';
SELECT * FROM orgsync.forget_person('forg', 'c@example.com');
SELECT pg_temp.found('\mc@');
SELECT count(*) > 0 FROM orgsync.export_csv('forg');
SELECT orgsync.confirm_export('forg', 3);
DELETE FROM forg.profiles WHERE primary_email_address = 'd@example.com';
SELECT * FROM orgsync.forget_person('forg', 'd@example.com');
SELECT pg_temp.found('\md@');
-- only refused rows speak of somebody; nobody does
SELECT pg_temp.import('primary_email,LICENSE;e@,bad');
SELECT pg_temp.found('\me@');
SELECT * FROM orgsync.forget_person('forg', 'e@example.com');
SELECT pg_temp.found('\me@');
SELECT * FROM orgsync.forget_person('forg', 'nobody@example.com');
-- an address that somebody else has by now is theirs
INSERT INTO forg.profiles (primary_email_address) VALUES ('f@example.com');
UPDATE forg.profiles SET primary_email_address = 'g@example.com' WHERE primary_email_address = 'f@example.com';
INSERT INTO forg.profiles (primary_email_address) VALUES ('f@example.com');
SELECT * FROM orgsync.forget_person('forg', 'g@example.com');
SELECT pg_temp.found('\m[fg]@');
SELECT primary_email_address FROM forg.profiles ORDER BY 1;
-- an address that is a regular expression
INSERT INTO forg.profiles (primary_email_address) VALUES ('h.*{x}|$@example.com'), ('hyx@example.com');
UPDATE forg.profiles SET work_title = 'x' WHERE primary_email_address ~ '^h';
SELECT pg_temp.import('primary_email,LICENSE;h.*{x}|$@,bad;hyx@,bad');
SELECT * FROM orgsync.forget_person('forg', 'h.*{x}|$@example.com');
SELECT pg_temp.found('h\.\*');
-- the vendor's answer to a file from which a row was taken since may speak of it; nothing of that is kept
SELECT orgsync.create_account('forgr', 'linkedin_learning') \g /dev/null
INSERT INTO forgr.profiles (primary_email_address) VALUES ('a@example.com'), ('b@example.com'), ('c@example.com');
SELECT export_id, row_count FROM orgsync.export_csv('forgr');
SELECT action FROM orgsync.forget_person('forgr', 'b@example.com');
SELECT row_count, forgotten_rows FROM forgr.export_files;
\set VERBOSITY default
SELECT orgsync.confirm_export('forgr', 1, E'primary_email_address,Messages\nb@example.com,no\nx@example.com,no\n'::text);
\set VERBOSITY terse
SELECT orgsync.confirm_export('forgr', 1, E'primary_email_address,Messages\nb@example.com,no\nc@example.com,bad name\n'::text);
SELECT line, message, record FROM forgr.import_findings;
SELECT primary_email_address, action FROM orgsync.diff('forgr');
-- two lines may speak of one row; the address is told that the file has; of who is there again, the former one too
INSERT INTO forgr.profiles (primary_email_address) VALUES ('d@example.com'), ('e@example.com');
SELECT export_id FROM orgsync.export_csv('forgr');
UPDATE forgr.profiles SET primary_email_address = 'd2@example.com' WHERE primary_email_address = 'd@example.com';
SELECT primary_email_address, action FROM orgsync.forget_person('forgr', 'd2@example.com');
SELECT orgsync.confirm_export('forgr', 2, E'primary_email_address,Messages\nd@example.com,no\nd@example.com,no again\n'::text);
SELECT orgsync.add_license('forgr', 'Default_license_learning_pro_status', 5) > 0 AS added;
INSERT INTO forgr.profiles (primary_email_address, unique_user_id) VALUES ('f@example.com', 'F1');
SELECT orgsync.grant_seat('forgr', 'f@example.com', 'Default_license_learning_pro_status');
SELECT orgsync.confirm_export('forgr', max(export_id)) FROM orgsync.export_csv('forgr');
DELETE FROM forgr.profiles WHERE unique_user_id = 'F1';
INSERT INTO forgr.profiles (primary_email_address, unique_user_id) VALUES ('f.new@example.com', 'F1');
SELECT primary_email_address, action, column_name FROM orgsync.forget_person('forgr', 'f.new@example.com');
SELECT count(*) FROM forgr.changes WHERE vendor_value IN ('F1', 'f@example.com');
SELECT orgsync.drop_account('forgr');
-- groups that no file can say are told as well
SELECT orgsync.create_account('forgw', 'workleap') \g /dev/null
INSERT INTO forgw.groups (name) VALUES ('Year 1');
SELECT state FROM orgsync.import_csv('forgw', E'Name,Email,Country,Region\nAnn Lee,a@example.com,CA,CA-QC\n'::text, groups => '{Year 1}');
SELECT orgsync.confirm_export('forgw', export_id) FROM orgsync.export_csv('forgw');
SELECT * FROM orgsync.forget_person('forgw', 'a@example.com');
SELECT orgsync.drop_account('forgw');

CREATE ROLE regress_orgsync_forgetter;
GRANT USAGE ON SCHEMA forg, orgsync TO regress_orgsync_forgetter;
GRANT SELECT ON ALL TABLES IN SCHEMA forg TO regress_orgsync_forgetter;
SET ROLE regress_orgsync_forgetter;
\set VERBOSITY terse
SELECT * FROM orgsync.forget_person('forg', 'f@example.com');
RESET ROLE;
DROP OWNED BY regress_orgsync_forgetter;
DROP ROLE regress_orgsync_forgetter;
SELECT orgsync.drop_account('forg');
