-- An import that is cancelled, or that a trigger of the user's ends, leaves the
-- session as it was: no transaction is left open, and the next statement works.
SELECT orgsync.create_account('acme', 'linkedin_learning');
CREATE FUNCTION end_import() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE tg_argv[0]
		WHEN 'cancel' THEN PERFORM pg_cancel_backend(pg_backend_pid()), pg_sleep(60);
		ELSE RAISE 'not this one';
	END CASE;
	RETURN NULL;
END $$;
CREATE VIEW what_is_there AS SELECT
	(SELECT count(*) FROM acme.profiles) AS profiles,
	(SELECT count(*) FROM acme.groups) AS groups,
	(SELECT count(*) FROM acme.imports) AS imports,
	(SELECT count(*) FROM acme.import_findings) AS findings,
	(SELECT count(*) FROM acme.changes) AS changes;

-- while it makes people
CREATE TRIGGER end_import AFTER INSERT ON acme.profiles FOR EACH ROW EXECUTE FUNCTION end_import('cancel');
SELECT state FROM orgsync.import_csv('acme', E'primary_email_address,group:HR\nann@example.com,yes\n');
ROLLBACK;
SELECT * FROM what_is_there;

-- within a savepoint of the caller's
BEGIN;
SAVEPOINT before_import;
SELECT state FROM orgsync.import_csv('acme', E'primary_email_address,group:HR\nann@example.com,yes\n');
ROLLBACK TO before_import;
SELECT * FROM what_is_there;
COMMIT;

-- an error there is the file's: it is told, and nothing else is left
DROP TRIGGER end_import ON acme.profiles;
CREATE TRIGGER end_import AFTER INSERT ON acme.profiles FOR EACH ROW EXECUTE FUNCTION end_import('error');
SELECT state FROM orgsync.import_csv('acme', E'primary_email_address,group:HR\nann@example.com,yes\n');
ROLLBACK;
SELECT * FROM what_is_there;
DROP TRIGGER end_import ON acme.profiles;

-- while it puts people into groups, and while it gives out seats
SELECT orgsync.add_license('acme', 'Default_license_learning_pro_status');
CREATE TRIGGER end_import AFTER INSERT ON acme.memberships FOR EACH ROW EXECUTE FUNCTION end_import('cancel');
SELECT state FROM orgsync.import_csv('acme', E'primary_email_address,group:HR\nann@example.com,yes\n');
ROLLBACK;
DROP TRIGGER end_import ON acme.memberships;
CREATE TRIGGER end_import AFTER INSERT ON acme.seats FOR EACH ROW EXECUTE FUNCTION end_import('cancel');
SELECT state FROM orgsync.import_csv('acme', E'primary_email_address,Default_license_learning_pro_status\nann@example.com,active\n');
ROLLBACK;
DROP TRIGGER end_import ON acme.seats;
SELECT * FROM what_is_there;

SELECT state FROM orgsync.import_csv('acme', E'primary_email_address,group:HR\nann@example.com,yes\n');
SELECT * FROM what_is_there;
SELECT * FROM orgsync.verify_account('acme');
DROP VIEW what_is_there;
SELECT orgsync.drop_account('acme');
DROP FUNCTION end_import;
