-- duplicate profiles: the rule same_address, on whatever writes to the profiles
SELECT orgsync.create_account('dup', 'linkedin_learning');
SELECT * FROM dup.duplicate_rules;
-- for now, that rule alone
SELECT orgsync.set_duplicate_rule('dup', rule, 'off') FROM dup.duplicate_rules WHERE rule <> 'same_address' \g /dev/null

CREATE FUNCTION dup.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text; hint text; schema_name text; table_name text; name text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT, schema_name = SCHEMA_NAME, table_name = TABLE_NAME,
		name = CONSTRAINT_NAME;
	RETURN concat_ws(E'\n', concat_ws(' ', code, schema_name, table_name, name), message, detail, hint);
END $$;

-- The same in a word, and undone: what becomes of a profile beside those that are there.
CREATE FUNCTION dup.try(email text, id text DEFAULT NULL, first text DEFAULT NULL, last text DEFAULT NULL,
	confirmed boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	INSERT INTO dup.profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name,
		reupload_user_profile) VALUES (email::orgsync.email_address, id, first, last, confirmed);
	RAISE 'undo';
EXCEPTION WHEN raise_exception THEN
	RETURN 'accepted';
WHEN unique_violation THEN
	GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
	RETURN name;
END $$;

-- ---- addresses ----

INSERT INTO dup.profiles (primary_email_address) VALUES ('Jane.Doe+hr@Example.com');
SELECT dup.outcome($$INSERT INTO dup.profiles (primary_email_address) VALUES ('janedoe@example.com')$$);
SELECT n, email, dup.try(email) AS result
FROM (VALUES
	(1, 'jane.doe+hr@example.com'),	-- the very same but for case
	(2, 'jane.doe@example.com'),
	(3, 'janedoe@example.com'),
	(4, 'J.A.N.E.D.O.E@EXAMPLE.COM'),
	(5, 'janedoe+a+b@example.com'),
	(6, 'jane.doe+@example.com'),
	(7, 'jane_doe@example.com'),
	(8, 'jane-doe@example.com'),
	(9, 'janedoe@example.org'),
	(10, 'janedoe@mail.example.com'),
	(11, 'doejane@example.com'),
	(12, 'janedo@example.com')
) AS addresses (n, email) ORDER BY n;

-- ---- every way to write ----

-- in one statement
SELECT dup.outcome($$INSERT INTO dup.profiles (primary_email_address) VALUES ('a.b@example.com'), ('ab@example.com')$$);
\set VERBOSITY terse
COPY dup.profiles (primary_email_address) FROM STDIN;
a.b@example.com
c@example.com
ab@example.com
\.
COPY dup.profiles (primary_email_address) FROM STDIN;
a.b@example.com
c@example.com
\.
-- of more rows than have locks of their own
INSERT INTO dup.profiles (primary_email_address) SELECT 'many' || n || '@example.com' FROM generate_series(1, 40) AS n
UNION ALL SELECT 'many.39@example.com';
INSERT INTO dup.profiles (primary_email_address) SELECT 'many' || n || '@example.com' FROM generate_series(1, 40) AS n
UNION ALL SELECT 'c+1@example.com';
INSERT INTO dup.profiles (primary_email_address) SELECT 'many' || n || '@example.com' FROM generate_series(1, 40) AS n;
INSERT INTO dup.profiles (primary_email_address) SELECT 'ma.ny' || n || '@example.com' FROM generate_series(40, 80) AS n;
SELECT count(*) FROM dup.profiles;
DELETE FROM dup.profiles WHERE primary_email_address::text LIKE 'many%';
-- an address that is changed
UPDATE dup.profiles SET primary_email_address = 'a.b+c@example.com' WHERE primary_email_address = 'c@example.com';
UPDATE dup.profiles SET primary_email_address = 'ab@example.com' WHERE primary_email_address = 'a.b@example.com';
UPDATE dup.profiles SET primary_email_address = 'AB@example.com' WHERE primary_email_address = 'ab@example.com';
UPDATE dup.profiles SET primary_email_address = 'd@example.com' WHERE primary_email_address = 'ab@example.com';
UPDATE dup.profiles SET primary_email_address = 'a.b@example.com' WHERE primary_email_address = 'c@example.com';
-- two that become one
UPDATE dup.profiles SET primary_email_address = replace(primary_email_address::text, 'd@', 'a.b+d@')::orgsync.email_address;
INSERT INTO dup.profiles (primary_email_address) VALUES ('d@example.com') ON CONFLICT DO NOTHING;
INSERT INTO dup.profiles (primary_email_address) VALUES ('d+1@example.com') ON CONFLICT DO NOTHING;
INSERT INTO dup.profiles (primary_email_address) VALUES ('d@example.com')
	ON CONFLICT (primary_email_address) DO UPDATE SET primary_email_address = 'ab@example.com';
MERGE INTO dup.profiles p USING (VALUES ('d@example.com', 'x@example.com'), ('y@example.com', 'x+1@example.com')) AS n (old, new)
	ON p.primary_email_address = n.old
	WHEN MATCHED THEN UPDATE SET primary_email_address = n.new::orgsync.email_address
	WHEN NOT MATCHED THEN INSERT (primary_email_address) VALUES (n.new::orgsync.email_address);
-- one goes, one comes, in one statement
WITH gone AS (DELETE FROM dup.profiles WHERE primary_email_address = 'd@example.com')
INSERT INTO dup.profiles (primary_email_address) VALUES ('d+2@example.com');
SELECT primary_email_address FROM dup.profiles ORDER BY 1;
-- what is not compared
UPDATE dup.profiles SET work_title = 'Boss', attributes = '{"a": "b"}';

-- ---- another person, confirmed ----

SELECT dup.try('jane.doe@example.com', confirmed => true) AS confirmed,
	dup.try('jane.doe@example.com') AS not_confirmed, dup.try('jane.doe+hr@example.com', confirmed => true) AS the_same;
INSERT INTO dup.profiles (primary_email_address, reupload_user_profile) VALUES ('jane.doe@example.com', true);
-- the confirmation stays with the profile, and those that were there are not bothered
UPDATE dup.profiles SET preferred_first_name = 'Jane', preferred_last_name = 'Doe';
UPDATE dup.profiles SET primary_email_address = 'jane.do.e@example.com' WHERE primary_email_address = 'jane.doe@example.com';
UPDATE dup.profiles SET primary_email_address = 'janedoe+hr@example.com' WHERE primary_email_address = 'jane.doe+hr@example.com';
-- a newcomer is compared with all
SELECT dup.try('j.anedoe@example.com');
UPDATE dup.profiles SET primary_email_address = 'janedoe+x@example.com', reupload_user_profile = true
	WHERE primary_email_address = 'd+2@example.com';
-- one that is not confirmed any more is compared when it changes
UPDATE dup.profiles SET reupload_user_profile = false;
UPDATE dup.profiles SET preferred_first_name = 'Janet' WHERE primary_email_address = 'jane.do.e@example.com';
DELETE FROM dup.profiles;

-- in one statement, whose rows have no order, the confirmation of one is enough
INSERT INTO dup.profiles (primary_email_address, reupload_user_profile)
VALUES ('k@example.com', false), ('k+1@example.com', true);
INSERT INTO dup.profiles (primary_email_address, reupload_user_profile)
VALUES ('l+1@example.com', true), ('l@example.com', false), ('l+2@example.com', true);
INSERT INTO dup.profiles (primary_email_address, reupload_user_profile)
VALUES ('m+1@example.com', true), ('m@example.com', false), ('m+2@example.com', false);
-- so profiles that were accepted can be loaded again
CREATE TABLE dup.copy AS SELECT * FROM dup.profiles;
DELETE FROM dup.profiles;
INSERT INTO dup.profiles OVERRIDING SYSTEM VALUE SELECT * FROM dup.copy ORDER BY primary_email_address;
SELECT primary_email_address, reupload_user_profile FROM dup.profiles ORDER BY 1;
DROP TABLE dup.copy;
DELETE FROM dup.profiles;

-- ---- what employee ids and names say ----

\set VERBOSITY default
INSERT INTO dup.profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name) VALUES
	('sara.halla@example.com', 'E1', 'Sara', 'Halla'),
	('renee@example.com', 'E2', 'Renée', 'Großmann'),
	('noname@example.com', 'E3', NULL, NULL),
	('noid@example.com', NULL, 'No', 'Id');
SELECT n, dup.try(email, id, first, last) AS result, email, id, first, last
FROM (VALUES
	(1, 'sarah.alla@example.com', 'E9', 'Sarah', 'Alla'),			-- two people, says HR, and so do the names
	(2, 'sarah.alla@example.com', 'E9', 'Sara', 'Halla'),			-- the names agree
	(3, 'sarah.alla@example.com', 'E9', 'Halla', 'Sara'),			-- in either order
	(4, 'sarah.alla@example.com', 'E9', 'SÁRA', 'hällà'),
	(5, 'sarah.alla@example.com', 'E9', ' Sa ra ', E'Hal\u00A0la'),
	(6, 'sarah.alla@example.com', 'E9', E'Sa\u0301ra', 'Halla'),
	(7, 'sarah.alla@example.com', 'E9', 'Sara', 'Hall'),
	(8, 'sarah.alla@example.com', NULL, 'Sarah', 'Alla'),			-- HR does not say
	(9, 'sarah.alla@example.com', 'E9', NULL, NULL),				-- nor do the names
	(10, 'sarah.alla@example.com', 'E9', 'Sarah', NULL),
	(11, 'sarah.alla@example.com', 'E9', 'Sarah', '  '),
	(12, 'sarah.alla@example.com', 'E9', 'Sarah', ''),
	(13, 're.nee@example.com', 'E9', 'RENEE', 'GROSSMANN'),
	(14, 're.nee@example.com', 'E9', 'grossmann', 'renee'),
	(15, 're.nee@example.com', 'E9', 'René', 'Großmann'),
	(16, 'no.name@example.com', 'E9', 'Some', 'Body'),
	(17, 'no.id@example.com', 'E9', 'Some', 'Body'),
	(18, 'sarah.alla@example.com', 'e1', 'Sarah', 'Alla')			-- ids are told apart by case
) AS people (n, email, id, first, last) ORDER BY n;
-- names that change may bring two people together
INSERT INTO dup.profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
VALUES ('sarah.alla@example.com', 'E4', 'Sarah', 'Alla');
SELECT dup.outcome($$UPDATE dup.profiles SET preferred_first_name = 'Sara', preferred_last_name = 'Halla'
	WHERE unique_user_id = 'E4'$$);
UPDATE dup.profiles SET preferred_first_name = 'Sally' WHERE unique_user_id = 'E4';
SELECT dup.outcome($$UPDATE dup.profiles SET preferred_last_name = NULL WHERE unique_user_id = 'E1'$$);

-- ---- off, warn, reject ----

DELETE FROM dup.profiles;
INSERT INTO dup.profiles (primary_email_address) VALUES ('w@example.com');
SELECT orgsync.set_duplicate_rule('dup', 'same_address', 'warn');
INSERT INTO dup.profiles (primary_email_address) VALUES ('w+1@example.com');
UPDATE dup.profiles SET preferred_first_name = 'W' WHERE primary_email_address = 'w@example.com';
-- not more than ten at once
INSERT INTO dup.profiles (primary_email_address)
SELECT 'v' || n || suffix || '@example.com' FROM generate_series(1, 4) AS n, unnest(ARRAY['', '+1']) AS suffix;
\set VERBOSITY terse
INSERT INTO dup.profiles (primary_email_address)
SELECT 'u' || n || suffix || '@example.com' FROM generate_series(1, 40) AS n, unnest(ARRAY['', '+1']) AS suffix;
SELECT orgsync.set_duplicate_rule('dup', 'same_address', 'off');
INSERT INTO dup.profiles (primary_email_address) VALUES ('w+2@example.com');
-- what is there stays when the rule is stricter, but does not come again
SELECT orgsync.set_duplicate_rule('dup', 'same_address', 'reject');
UPDATE dup.profiles SET work_title = 'Boss';
INSERT INTO dup.profiles (primary_email_address) VALUES ('w+3@example.com');
\set VERBOSITY default
SELECT orgsync.set_duplicate_rule('dup', 'sameaddress', 'reject');
SELECT orgsync.set_duplicate_rule('dup', 'same_address', 'refuse');
DELETE FROM dup.profiles;

-- ---- domains that are one ----

INSERT INTO dup.profiles (primary_email_address) VALUES ('one@example.com'), ('two@example.org'), ('one@example.org');
SELECT orgsync.add_domain_alias('dup', 'Example.ORG', 'example.com'); -- after the fact: what is there stays
SELECT * FROM dup.domain_aliases;
UPDATE dup.profiles SET work_title = 'Boss';
SELECT n, email, dup.try(email) AS result
FROM (VALUES (1, 'one+1@example.com'), (2, 'one+1@EXAMPLE.org'), (3, 'two@example.com'), (4, 't.wo@example.org'),
	(5, 'two@example.net'), (6, 'three@example.com'), (7, 'two@www.example.com')) AS addresses (n, email) ORDER BY n;
SELECT dup.outcome($$INSERT INTO dup.profiles (primary_email_address) VALUES ('x@example.org'), ('x@example.com')$$);
-- an alias of an alias, and of what had aliases
SELECT orgsync.add_domain_alias('dup', 'example.net', 'example.org');
SELECT orgsync.add_domain_alias('dup', 'example.com', 'example.edu');
SELECT * FROM dup.domain_aliases ORDER BY alias;
SELECT n, email, dup.try(email) AS result
FROM (VALUES (1, 'two@example.com'), (2, 'two@example.net'), (3, 'two@example.edu'), (4, 'three@example.net'))
	AS addresses (n, email) ORDER BY n;
-- said again, or the other way round, it is the same
SELECT orgsync.add_domain_alias('dup', 'example.com', 'example.edu');
SELECT orgsync.add_domain_alias('dup', 'example.edu', 'example.org');
SELECT * FROM dup.domain_aliases ORDER BY alias;
-- written by hand: in a chain, in a circle
TRUNCATE dup.domain_aliases;
INSERT INTO dup.domain_aliases VALUES ('example.net', 'example.org'), ('example.org', 'example.com');
SELECT dup.try('two@example.net') AS chain, dup.try('two@example.com') AS target, dup.try('two@example.edu') AS other;
INSERT INTO dup.domain_aliases VALUES ('example.com', 'example.org') ON CONFLICT DO NOTHING;
SELECT dup.try('two@example.net') AS chain, dup.try('two@example.com') AS circle, dup.try('two@example.edu') AS other;
TRUNCATE dup.domain_aliases;
SELECT dup.try('two@example.com');

SELECT orgsync.add_domain_alias('dup', 'example.com', 'EXAMPLE.com');
SELECT orgsync.add_domain_alias('dup', 'not a domain', 'example.com');
SELECT orgsync.add_domain_alias('dup', 'example.com', '');
SELECT orgsync.add_domain_alias('dup', 'x@example.com', 'example.com');
INSERT INTO dup.domain_aliases VALUES ('Example.net', 'example.com');

-- ---- whom a caller may see ----

CREATE ROLE regress_orgsync_reader;
CREATE ROLE regress_orgsync_writer;
GRANT USAGE ON SCHEMA dup TO regress_orgsync_reader, regress_orgsync_writer;
GRANT EXECUTE ON FUNCTION dup.outcome TO PUBLIC;
GRANT SELECT, INSERT ON dup.profiles TO regress_orgsync_reader;
GRANT INSERT, SELECT (profile_id), UPDATE (preferred_first_name) ON dup.profiles TO regress_orgsync_writer;
\set insert '$$INSERT INTO dup.profiles (primary_email_address) VALUES (\'t.wo@example.org\')$$'
SET ROLE regress_orgsync_reader;
SELECT dup.outcome(:insert);
SET ROLE regress_orgsync_writer;
SELECT dup.outcome(:insert);
-- not even of a profile that he changes
RESET ROLE;
INSERT INTO dup.profiles (primary_email_address, reupload_user_profile) VALUES ('two+2@example.org', true);
UPDATE dup.profiles SET reupload_user_profile = false;
SET ROLE regress_orgsync_writer;
SELECT dup.outcome($$UPDATE dup.profiles SET preferred_first_name = 'X' WHERE profile_id = (SELECT max(profile_id) FROM dup.profiles)$$);
-- nor where row security hides people
RESET ROLE;
ALTER TABLE dup.profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON dup.profiles USING (primary_email_address::text LIKE 'own%') WITH CHECK (true);
SET ROLE regress_orgsync_reader;
SELECT count(*) FROM dup.profiles;
SELECT dup.outcome(:insert);
RESET ROLE;

-- ---- an import: the rows in their order, the confirmed one for itself ----

TRUNCATE dup.profiles CASCADE;
ALTER TABLE dup.profiles DISABLE ROW LEVEL SECURITY;
SELECT state, created, rejected FROM orgsync.import_csv('dup', E'primary_email_address,preferred_first_name,preferred_last_name,reupload_user_profile
i@example.com,I,One,
i+1@example.com,I,Two,true
i+2@example.com,I,Three,
');
SELECT line, code, severity FROM dup.import_findings ORDER BY finding_id;
SELECT primary_email_address, reupload_user_profile FROM dup.profiles ORDER BY 1;

-- ---- what the trigger that notes changes says of a statement holds for this one alone ----

INSERT INTO dup.profiles (primary_email_address) VALUES ('k@example.com');
UPDATE dup.profiles SET work_title = 'Boss';
SELECT dup.outcome($$UPDATE dup.profiles SET primary_email_address = 'i+3@example.com' WHERE primary_email_address = 'k@example.com'$$);
BEGIN;
ALTER TABLE dup.profiles DISABLE TRIGGER duplicate_profile_update;
UPDATE dup.profiles SET work_title = 'Head';
ALTER TABLE dup.profiles ENABLE TRIGGER duplicate_profile_update, DISABLE TRIGGER change_log_update;
SELECT dup.outcome($$UPDATE dup.profiles SET primary_email_address = 'i+3@example.com' WHERE primary_email_address = 'k@example.com'$$);
ROLLBACK;
-- nor for an INSERT, whose rows may come to lie where those of an UPDATE were
BEGIN;
ALTER TABLE dup.profiles DISABLE TRIGGER duplicate_profile_update;
UPDATE dup.profiles SET work_title = 'Head';
INSERT INTO dup.profiles (primary_email_address) VALUES ('i+3@example.com');
ROLLBACK;
-- nor if the check comes first
BEGIN;
ALTER TRIGGER duplicate_profile_update ON dup.profiles RENAME TO a_check;
UPDATE dup.profiles SET work_title = 'Head';
UPDATE dup.seats SET status = 'invited';
UPDATE dup.profiles SET primary_email_address = 'i+3@example.com' WHERE primary_email_address = 'k@example.com';
ROLLBACK;
-- nor for the statement around it
CREATE FUNCTION dup.nested() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF pg_trigger_depth() = 1 THEN
		UPDATE dup.profiles SET work_title = 'Other' WHERE primary_email_address = 'i@example.com';
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER d_nested AFTER UPDATE ON dup.profiles FOR EACH STATEMENT EXECUTE FUNCTION dup.nested();
SELECT dup.outcome($$UPDATE dup.profiles SET primary_email_address = 'i+3@example.com' WHERE primary_email_address = 'k@example.com'$$);
DROP FUNCTION dup.nested CASCADE;

DROP FUNCTION dup.outcome, dup.try;
SELECT orgsync.drop_account('dup');
DROP ROLE regress_orgsync_reader, regress_orgsync_writer;
