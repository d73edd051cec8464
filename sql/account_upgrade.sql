-- Accounts whose tables are of an older layout, or a newer one.  There is no older one
-- yet: the test makes one, and the statements that lead on from it.
CREATE ROLE regress_upgrade_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO regress_upgrade_owner', current_database()) \gexec
SET ROLE regress_upgrade_owner;
SELECT orgsync.create_account('acme', 'linkedin_learning');
SELECT orgsync.import_csv('acme', E'primary_email_address\nann@example.com\n') IS NOT NULL AS imported;
SELECT orgsync.upgrade_account('acme') = layout_version AS is_up_to_date FROM acme.settings;

-- an older one, which lacks a table and a column
DROP TABLE acme.domain_aliases;
ALTER TABLE acme.settings DROP COLUMN rows_per_file;
UPDATE acme.settings SET layout_version = 0;
SELECT * FROM orgsync.import_csv('acme', E'primary_email_address\nbob@example.com\n');
SELECT * FROM orgsync.diff('acme');
SELECT * FROM orgsync.export_csv('acme');
SELECT orgsync.add_license('acme', 'A_license_learning_pro_status');
SELECT * FROM orgsync.verify_account('acme');
SELECT orgsync.upgrade_account('acme');
RESET ROLE;
CREATE OR REPLACE FUNCTION orgsync.account_upgrade(layout_version integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE layout_version WHEN 0 THEN
	'CREATE TABLE @account.domain_aliases (alias text COLLATE "C" PRIMARY KEY, domain text COLLATE "C" NOT NULL);
	ALTER TABLE @account.settings ADD COLUMN rows_per_file integer NOT NULL DEFAULT 50000' END $$;
SELECT orgsync.upgrade_account('acme');	-- what it makes must be the owner's
SET ROLE regress_upgrade_owner;
BEGIN;
SELECT orgsync.upgrade_account('acme') > 0 AS upgraded;
ROLLBACK;
SELECT layout_version FROM acme.settings;
SELECT orgsync.upgrade_account('acme') > 0 AS upgraded;
SELECT orgsync.upgrade_account('acme') > 0 AS upgraded;
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'acme.domain_aliases'::regclass;
SELECT state, created, unchanged FROM orgsync.import_csv('acme', E'primary_email_address\nann@example.com\nbob@example.com\n');
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT * FROM orgsync.verify_account('acme');

-- a newer one
UPDATE acme.settings SET layout_version = 1000;
SELECT * FROM orgsync.diff('acme');
SELECT orgsync.upgrade_account('acme');
UPDATE acme.settings SET layout_version = NULL;
DELETE FROM acme.settings;
SELECT * FROM orgsync.diff('acme');
SELECT orgsync.upgrade_account('acme');
SELECT orgsync.upgrade_account('public');
SELECT orgsync.upgrade_account(NULL);

RESET ROLE;
CREATE OR REPLACE FUNCTION orgsync.account_upgrade(layout_version integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT NULL::text
$function$;
SELECT orgsync.drop_account('acme');
DROP OWNED BY regress_upgrade_owner;
DROP ROLE regress_upgrade_owner;
