-- What refuses an import: users' own constraints and triggers, unreadable files; nothing but the findings is left.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('refusals', 'linkedin_learning') \g /dev/null

-- What became of a file: the counts that are not 0, and the findings.
CREATE FUNCTION pg_temp.summary(i orgsync.import_summary) RETURNS SETOF text LANGUAGE plpgsql AS
$$
BEGIN
	RETURN NEXT concat_ws(', ', i.state,
		(SELECT string_agg(name || ' ' || number, ', ' ORDER BY place)
		 FROM (VALUES (1, 'created', i.created), (2, 'updated', i.updated), (3, 'unchanged', i.unchanged),
			(4, 'absent', i.absent), (5, 'rejected', i.rejected), (6, 'granted', i.seats_granted),
			(7, 'revoked', i.seats_revoked), (8, 'mails', i.invitations)) AS counts (place, name, number)
		 WHERE number > 0));
	RETURN QUERY SELECT format('  line %s %s: %s%s', coalesce(line::text, '-'), severity, code, ' ' || quote_ident(column_name))
		FROM refusals.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('refusals', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

SELECT orgsync.add_license('refusals', 'Default_license_learning_proAllLanguages_status', seats => 2, counting => 'invited') \g /dev/null
SELECT pg_temp.import(E'primary_email,unique_user_id,work_title,group:HR,LICENSE,permission_curate_content\na@example.com,A1,Boss,yes,active,yes\nb@example.com,B1,Clerk,no,,no\nc@example.com,C1,Clerk,,active,\n');
-- All that an import may change, but for its own record.
CREATE FUNCTION pg_temp.contents() RETURNS text LANGUAGE sql AS
$$
SELECT md5(concat((SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.profiles AS t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.seats AS t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.seat_counters AS t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.groups AS t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.memberships AS t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.permissions AS t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.feeds AS t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM refusals.changes AS t)))
$$;
SELECT pg_temp.contents() AS before \gset
CREATE FUNCTION pg_temp.message() RETURNS text LANGUAGE sql AS
$$ SELECT regexp_replace(message, 'Failing row contains .*', '...') FROM refusals.import_findings ORDER BY finding_id DESC LIMIT 1 $$;
-- A file that changes everything, with the fault to be found at line 4 or 5.
CREATE FUNCTION pg_temp.file() RETURNS text LANGUAGE sql AS
$$ SELECT E'primary_email,unique_user_id,work_title,group:HR,group:New,LICENSE,permission_curate_content,group_permission_edit_groups\n'
	'new1@example.com,N1,x,yes,yes,active,yes,yes\nc.new@example.com,C1,y,yes,yes,inactive,no,group:HR\nnew2@example.com,N2,Bad,no,,inactive,yes,no\nb.new@example.com,B1,Bad,yes,yes,,yes,group:New\na@example.com,A1,z,no,,active,no,\n' $$;

-- a CHECK of one's own
ALTER TABLE refusals.profiles ADD CONSTRAINT no_bad_title CHECK (work_title <> 'Bad');
SELECT pg_temp.import(pg_temp.file());
SELECT pg_temp.message();
SELECT pg_temp.import(pg_temp.file(), dry_run => true);
SELECT pg_temp.import(pg_temp.file(), on_error => 'stop');
SELECT state, rows_read, created, updated, rejected, seats_granted FROM refusals.imports ORDER BY import_id DESC LIMIT 1;
SELECT pg_temp.contents() = :'before';
ALTER TABLE refusals.profiles DROP CONSTRAINT no_bad_title;
-- an index of one's own
CREATE UNIQUE INDEX one_title_each ON refusals.profiles (work_title) WHERE work_title = 'Bad';
SELECT pg_temp.import(pg_temp.file());
SELECT pg_temp.message();
DROP INDEX refusals.one_title_each;
-- NOT NULL
ALTER TABLE refusals.profiles ALTER work_title SET NOT NULL;
SELECT pg_temp.import(E'primary_email,unique_user_id\na2@example.com,A1\nx@example.com,X1\n');
SELECT pg_temp.message();
ALTER TABLE refusals.profiles ALTER work_title DROP NOT NULL;
-- constraints on the other tables
ALTER TABLE refusals.seats ADD CONSTRAINT own CHECK (license_id > 0 AND NOT (status = 'unassigned' AND since > '2000-01-01' AND profile_id = 3));
SELECT pg_temp.import(pg_temp.file());
ALTER TABLE refusals.seats DROP CONSTRAINT own;
ALTER TABLE refusals.permissions ADD CONSTRAINT own CHECK (NOT (profile_id = 3 AND scope = 'group:HR'));
SELECT pg_temp.import(pg_temp.file());
ALTER TABLE refusals.permissions DROP CONSTRAINT own;
ALTER TABLE refusals.groups ADD CONSTRAINT own CHECK (name <> 'New');
SELECT pg_temp.import(pg_temp.file());
SELECT pg_temp.message();
ALTER TABLE refusals.groups DROP CONSTRAINT own;
ALTER TABLE refusals.memberships ADD CONSTRAINT own CHECK (profile_id <> 2);
SELECT pg_temp.import(pg_temp.file());
ALTER TABLE refusals.memberships DROP CONSTRAINT own;
SELECT pg_temp.contents() = :'before';
-- a swap and a full license make no line fail that is right
ALTER TABLE refusals.profiles ADD CONSTRAINT no_bad_title CHECK (work_title <> 'Bad');
SELECT pg_temp.import(E'unique_user_id,primary_email,work_title,LICENSE\nB1,a@example.com,x,active\nA1,b@example.com,x,inactive\nC1,,Bad,\n');
ALTER TABLE refusals.profiles DROP CONSTRAINT no_bad_title;
SELECT pg_temp.contents() = :'before';

-- many rows, which go to temporary files: none of these is left open
SET work_mem = '64kB';
ALTER TABLE refusals.profiles ADD CONSTRAINT no_bad_title CHECK (work_title <> 'Bad');
CREATE FUNCTION pg_temp.many(last text, on_error text DEFAULT 'skip', dry_run boolean DEFAULT false) RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM pg_temp.import(E'primary_email,work_title,group:HR,LICENSE\n' || (SELECT string_agg('many' || i || E'@example.com,x,1,inactive\n' || E'bad,,,\n', '') FROM generate_series(1, 5000) AS i)
	|| last, on_error => on_error, dry_run => dry_run) AS s WHERE s !~ 'invalid_email|blank_value'
$$;
SELECT pg_temp.many(E'last@example.com,Bad,,\n');
SELECT pg_temp.many(E'last@example.com,"Bad,,\n');
SELECT pg_temp.many(E'', on_error => 'stop');
SELECT pg_temp.many(E'', dry_run => true);
RESET work_mem;
ALTER TABLE refusals.profiles DROP CONSTRAINT no_bad_title;
SELECT pg_temp.contents() = :'before';

-- triggers that raise, whatever they raise; they find what the caller's search_path has
CREATE SCHEMA helpers;
CREATE TABLE helpers.forbidden AS SELECT 'Bad' AS title;
CREATE TABLE helpers.audit (address text);
CREATE FUNCTION helpers.check_title() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
	IF EXISTS (SELECT FROM forbidden WHERE title = NEW.work_title) THEN
		RAISE EXCEPTION USING ERRCODE = TG_ARGV[0], MESSAGE = 'nobody is called ' || NEW.work_title, DETAIL = 'They told us.';
	END IF;
	INSERT INTO audit VALUES (NEW.primary_email_address::text);
	RETURN NEW;
END
$$;
CREATE FUNCTION pg_temp.raise(code text) RETURNS SETOF text LANGUAGE plpgsql AS
$$
BEGIN
	EXECUTE format('CREATE TRIGGER check_title BEFORE INSERT OR UPDATE ON refusals.profiles FOR EACH ROW EXECUTE FUNCTION helpers.check_title(%L)', code);
	RETURN QUERY SELECT code || ' -> ' || string_agg(s, ';') FROM pg_temp.import(pg_temp.file()) AS s;
	DROP TRIGGER check_title ON refusals.profiles;
END
$$;
SET search_path = helpers;
SELECT pg_temp.raise(code) FROM unnest('{P0001,23514,23505,22000,OS001,P0002,23000,44000,09000}'::text[]) AS code;
SELECT pg_temp.message();
-- errors that are not the file's
CREATE TRIGGER check_title BEFORE INSERT OR UPDATE ON refusals.profiles FOR EACH ROW EXECUTE FUNCTION helpers.check_title('42501');
\set VERBOSITY terse
SELECT pg_temp.import(pg_temp.file());
\set VERBOSITY default
DROP TRIGGER check_title ON refusals.profiles;
SELECT count(*) FROM helpers.audit;
SELECT pg_temp.contents() = :'before';
-- a trigger of one's own that is content
CREATE TRIGGER check_title BEFORE INSERT OR UPDATE ON refusals.profiles FOR EACH ROW EXECUTE FUNCTION helpers.check_title('P0001');
BEGIN;
SELECT pg_temp.import(replace(pg_temp.file(), 'Bad', 'good'));
SELECT address FROM audit ORDER BY 1;
ROLLBACK;
-- an import in a subtransaction of the caller's, and one after a refused one in the same transaction
BEGIN;
SELECT pg_temp.import(pg_temp.file());
SAVEPOINT s;
SELECT pg_temp.import(E'primary_email\nd@example.com\n');
ROLLBACK TO s;
SELECT pg_temp.import(E'primary_email\nd@example.com\n');
COMMIT;
DROP TRIGGER check_title ON refusals.profiles;
RESET search_path;
DROP SCHEMA helpers CASCADE;
-- a trigger that leaves rows out
CREATE FUNCTION pg_temp.leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER leave_out BEFORE INSERT ON refusals.groups FOR EACH ROW EXECUTE FUNCTION pg_temp.leave_out();
SELECT pg_temp.import(pg_temp.file());
SELECT pg_temp.message();
DROP TRIGGER leave_out ON refusals.groups;
CREATE TRIGGER leave_out BEFORE INSERT ON refusals.profiles FOR EACH ROW EXECUTE FUNCTION pg_temp.leave_out();
SELECT pg_temp.import(pg_temp.file());
DROP TRIGGER leave_out ON refusals.profiles;
-- a trigger on an account's own record of imports is the caller's affair
CREATE TRIGGER leave_out BEFORE INSERT ON refusals.import_findings FOR EACH ROW EXECUTE FUNCTION pg_temp.leave_out();
SELECT pg_temp.import(E'primary_email\nx@example\n');
DROP TRIGGER leave_out ON refusals.import_findings;
-- a group's name that no index holds
SELECT pg_temp.import(E'primary_email,group:' || string_agg(md5(i::text), '') || E'\nd@example.com,yes\n') FROM generate_series(1, 200) AS i;

-- files that cannot be read to the end: the line, however late, and nothing is applied
SELECT pg_temp.contents() AS before \gset
CREATE FUNCTION pg_temp.late(record text) RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('refusals', convert_to(E'primary_email,work_title\n' || (SELECT string_agg('p' || i || E'@example.com,x\n', '' ORDER BY i) FROM generate_series(2, 50000) AS i), 'UTF8')
	|| decode(record, 'escape') || convert_to(E'\nlast@example.com,x\n', 'UTF8')) AS i, pg_temp.summary(i) AS s
$$;
SELECT pg_temp.late('"broken@example.com,x');
SELECT pg_temp.message();
SELECT pg_temp.late('"broken"@example.com,x');
SELECT pg_temp.message();
SELECT pg_temp.late('"ok@example.com","y\012z\000"');
SELECT pg_temp.message();
-- the bytes are no UTF-8, which was seen before
SELECT s FROM orgsync.import_csv('refusals', convert_to(E'primary_email,work_title\nü@example.com,x\nx@example.com,', 'UTF8') || '\xFF'::bytea) AS i, pg_temp.summary(i) AS s;
SELECT pg_temp.message();
SET orgsync.max_record_size = 1;
SELECT pg_temp.late('long@example.com,' || repeat('x', 1024));
SELECT pg_temp.message();
RESET orgsync.max_record_size;
SELECT pg_temp.contents() = :'before';
SELECT state, rows_read, created, rejected FROM refusals.imports ORDER BY import_id DESC LIMIT 1;

-- a query that is cancelled leaves nothing at all
SELECT count(*) AS imports FROM refusals.imports \gset
CREATE TABLE pg_temp.large AS SELECT E'primary_email,work_title,group:HR\n' || string_agg('p' || i || E'@example.com,x,yes\n', '') AS csv FROM generate_series(1, 400000) AS i;
SET statement_timeout = '200ms';
SELECT orgsync.import_csv('refusals', csv) FROM pg_temp.large;
RESET statement_timeout;
CREATE FUNCTION pg_temp.sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10); RETURN NULL; END $$;
CREATE TRIGGER sleep AFTER INSERT ON refusals.memberships FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.sleep();
SET statement_timeout = '200ms';
\set VERBOSITY terse
SELECT orgsync.import_csv('refusals', E'primary_email,group:HR\nslow@example.com,yes\n');
\set VERBOSITY default
RESET statement_timeout;
DROP TRIGGER sleep ON refusals.memberships;
SELECT pg_temp.contents() = :'before', count(*) = :imports FROM refusals.imports;
SELECT pg_temp.import(E'primary_email,group:HR\nslow@example.com,yes\n');

-- REPEATABLE READ and SERIALIZABLE
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.import(replace(pg_temp.file(), 'Bad', 'good'));
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT pg_temp.import(replace(pg_temp.file(), 'Bad', 'good'));
COMMIT;
BEGIN READ ONLY;
\set VERBOSITY terse
SELECT pg_temp.import(E'primary_email\nd@example.com\n');
COMMIT;

SELECT orgsync.drop_account('refusals') \g /dev/null
