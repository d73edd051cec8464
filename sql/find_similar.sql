-- all duplicate rules: who is similar to whom, and what becomes of it
\pset format unaligned
\pset tuples_only on
SELECT orgsync.create_account('alike', 'linkedin_learning') \g /dev/null
SELECT rule, action FROM alike.duplicate_rules ORDER BY rule;
SELECT orgsync.create_account('alike_workleap', 'workleap') \g /dev/null
SELECT rule, action FROM alike_workleap.duplicate_rules ORDER BY rule;
SELECT orgsync.drop_account('alike_workleap') \g /dev/null

INSERT INTO alike.profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name) VALUES
	('jane.doe@example.com', 'E1', 'Jane', 'Doe'),
	('wei.li27@example.com', 'E2', 'Wei', 'Li'),
	('łukasz.müller@example.com', NULL, 'Łukasz', 'Müller'),
	('ops.desk@example.com', NULL, NULL, NULL),
	('smithj@example.com', NULL, 'John', 'Smith');

-- what find_similar says of somebody, and what an INSERT and an import then do: they must agree
CREATE FUNCTION pg_temp.inserted(email text, first text, last text, id text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	INSERT INTO alike.profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name)
	VALUES (email::orgsync.email_address, id, first, last);
	RAISE 'undo';
EXCEPTION WHEN raise_exception THEN
	RETURN 'accepted';
WHEN unique_violation THEN
	GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
	RETURN name;
END $$;
CREATE FUNCTION pg_temp.imported(email text, first text, last text, id text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM orgsync.import_csv('alike', format(E'primary_email_address,preferred_first_name,preferred_last_name,unique_user_id\n%s,%s,%s,%s\n',
		email, first, last, id));
	SELECT coalesce(min(code || ' ' || substring(message FROM 'rule ([a-z_]+)\)')), 'accepted') INTO answer
	FROM alike.import_findings WHERE code <> 'blank_value';
	RAISE EXCEPTION USING MESSAGE = answer;
EXCEPTION WHEN raise_exception THEN
	RETURN SQLERRM;
END $$;
CREATE FUNCTION pg_temp.ask(email text, first text DEFAULT NULL, last text DEFAULT NULL, id text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', email, first, last, id, '->', coalesce((SELECT string_agg(concat_ws(' ', f.primary_email_address, f.rule, f.action), ', ' ORDER BY f.action DESC, f.rule)
	FROM orgsync.find_similar('alike', email::orgsync.email_address, first, last, id) AS f), 'nobody'),
	'|', pg_temp.inserted(email, first, last, id), '|', pg_temp.imported(email, first, last, id))
$$;
SET client_min_messages = error;

-- same_address
SELECT pg_temp.ask(email, 'Jane', 'Doe') FROM unnest(ARRAY['janedoe@example.com', 'JANE.DOE+x@example.com', 'j.a.n.e.doe@Example.com']) AS email;
SELECT pg_temp.ask('janedoe@example.com', 'Anna', 'Berg', 'E9');	-- two people, say HR and the names
SELECT pg_temp.ask('janedoe@example.com', 'Anna', 'Berg');
-- typo: each kind of step, in the local part and in the domain
SELECT pg_temp.ask(email, 'Jane', 'Doe') FROM unnest(ARRAY[
	'jane.dobe@example.com', 'jane.do@example.com', 'ane.doe@example.com', 'jane.dor@example.com', 'xane.doe@example.com',
	'jane.deo@example.com', 'ajne.doe@example.com', 'jane.doexx@example.com', 'jnae.deo@example.com', 'jane-doe@example.com',
	'jane.doe1@example.com', 'jane.doe@exampel.com', 'jane.doe@example.co', 'jane.doe@example.comm', 'jane.doe@xample.com',
	'jane.dow@exampel.com']) AS email;
SELECT pg_temp.ask('jane.dow@example.com', first, last) FROM (VALUES ('doe', 'JANE'), ('Ja né', 'Dôe'), ('Janet', 'Doe'), ('Jane', 'Döner')) AS n (first, last);
SELECT pg_temp.ask('jane.dow@example.com', 'Jane', 'Doe', 'E9');
-- digits must agree
SELECT pg_temp.ask(email, 'Wei', 'Li') FROM unnest(ARRAY['wei.li28@example.com', 'wei.li2@example.com', 'wei.li72@example.com', 'wi.li27@example.com', 'wei.l2i7@example.com']) AS email;
-- characters of several bytes are one each; strokes are accents
SELECT pg_temp.ask(email, 'Lukasz', 'Muller') FROM unnest(ARRAY['lukasz.müller@example.com', 'łukasz.muller@example.com', 'łuksz.müller@example.com', 'łukasz.mlüler@example.com']) AS email;
-- typo_unnamed: either side
SELECT pg_temp.ask(email) FROM unnest(ARRAY['jane.dow@example.com', 'jne.doe@example.com', 'jane.doe@exampl.com', 'ops.desc@example.com', 'jane.doe@example.org']) AS email;
SELECT pg_temp.ask(email, 'Anna', 'Berg') FROM unnest(ARRAY['ops.dask@example.com', 'opsdeskk@example.com', 'os.desk@example.com',
	'osp.desk@example.com', 'opd.sesk@example.com', 'opdsesk@example.com', 'opsdesk@exmple.com', 'opds.esk@example.com', 'ops.desk@example.org', 'ops.desk@example.com']) AS email;
-- one letter has nothing in common with another
INSERT INTO alike.profiles (primary_email_address) VALUES ('q7@example.com');
SELECT pg_temp.ask(email) FROM unnest(ARRAY['r7@example.com', 'qr7@example.com']) AS email;
-- other_domain, same_name
SELECT pg_temp.ask('jane.doe@example.org', 'Jane', 'Doe');
SELECT pg_temp.ask(email, 'Jane', 'Doe') FROM unnest(ARRAY['jdoe@example.com', 'doej@example.com', 'doe-jane@example.com', 'jane@example.com', 'doe@example.com', 'jd@example.com', 'jdoe@example.org', 'jdoe2@example.com']) AS email;
SELECT pg_temp.ask('john.smith@example.com', 'Smith', 'John');
-- the very same, by its employee id or its address
SELECT pg_temp.ask('jane.dow@example.com', 'Jane', 'Doe', 'E1');
SELECT primary_email_address, rule FROM orgsync.find_similar('alike', 'jane.doe@example.com');
SELECT count(*) FROM orgsync.find_similar('alike', NULL, 'a', 'b');
-- as the rules are set
SELECT orgsync.set_duplicate_rule('alike', rule, action::orgsync.rule_action)
FROM (VALUES ('typo', 'off'), ('typo_unnamed', 'reject'), ('other_domain', 'reject'), ('same_name', 'reject')) AS r (rule, action) \g /dev/null
SELECT pg_temp.ask(email, 'Jane', 'Doe') FROM unnest(ARRAY['jane.dow@example.com', 'jane.doe@example.org', 'jdoe@example.com', 'pos.desk@example.com']) AS email;
SELECT pg_temp.ask('jdoe@example.com', 'Jane', 'Doe', 'E9');
SELECT pg_temp.ask('jane.dow@example.com');
SELECT orgsync.set_duplicate_rule('alike', rule, 'off') FROM alike.duplicate_rules \g /dev/null
SELECT pg_temp.ask('jane.doe+1@example.com', 'Jane', 'Doe');
SELECT orgsync.set_duplicate_rule('alike', rule, 'warn') FROM alike.duplicate_rules \g /dev/null
SELECT pg_temp.ask('jane.doe+1@example.com', 'Jane', 'Doe');

-- ---- all pairs ----

CREATE FUNCTION pg_temp.pairs() RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', primary_email_address, other_primary_email_address, rule, action, confirmed) FROM orgsync.similar_profiles('alike') ORDER BY 1
$$;
DELETE FROM alike.profiles;
INSERT INTO alike.profiles (primary_email_address, preferred_first_name, preferred_last_name, reupload_user_profile) VALUES
	('jane.doe@example.com', 'Jane', 'Doe', false), ('jane.dow@example.com', 'Jane', 'Doe', false), ('jane.doe@example.org', 'Doe', 'Jane', false),
	('janedoe@example.com', 'Ann', 'Other', true), ('opsdesk@example.com', NULL, NULL, false), ('opsdesc@example.com', 'Ops', 'Desk', false),
	('nobody.else@example.com', 'No', 'Body', false);
SELECT pg_temp.pairs();
-- an alias makes pairs, which stay, and a stricter rule tells of them
SET client_min_messages = notice;
SELECT orgsync.add_domain_alias('alike', 'example.org', 'example.com') \g /dev/null
SELECT orgsync.set_duplicate_rule('alike', 'typo', 'reject') \g /dev/null
SELECT orgsync.set_duplicate_rule('alike', 'typo', 'warn') \g /dev/null
SELECT pg_temp.pairs();
SET client_min_messages = error;
SELECT pg_temp.ask(email, 'Jane', 'Doe') FROM unnest(ARRAY['jane.dove@example.org', 'jane.doe@exampel.org']) AS email;

-- ---- crowds: what is looked up otherwise finds the same ----

SELECT orgsync.drop_account('alike') \g /dev/null
SELECT orgsync.create_account('alike', 'linkedin_learning') \g /dev/null
-- 26 * 26 people of one name, all of them two steps or more from one another
INSERT INTO alike.profiles (primary_email_address, preferred_first_name, preferred_last_name)
SELECT 'crowd' || repeat(chr(97 + a), 3) || repeat(chr(97 + b), 3) || '@example.com', 'Test', 'User'
FROM generate_series(0, 25) AS a, generate_series(0, 25) AS b;
SELECT pg_temp.ask(email, 'Test', 'User') FROM unnest(ARRAY['crowdaaabb@example.com', 'crowdzzzzz@example.com', 'crwodaaabbb@example.com', 'crowdaaabbb@example.org', 'crowdaaabbb@exmple.com', 'test.user@example.com']) AS email;
SELECT pg_temp.ask('crowdaaabb@example.com');
INSERT INTO alike.profiles (primary_email_address, preferred_first_name, preferred_last_name) VALUES ('tuser@example.com', 'Test', 'User');
SELECT pg_temp.ask('test.user@example.com', 'User', 'Test');
SELECT pg_temp.pairs();
-- a crowd without names
DELETE FROM alike.profiles;
INSERT INTO alike.profiles (primary_email_address)
SELECT 'crowd' || repeat(chr(97 + a), 3) || repeat(chr(97 + b), 3) || '@example.com' FROM generate_series(0, 25) AS a, generate_series(0, 25) AS b;
SELECT pg_temp.ask(email, 'Test', 'User') FROM unnest(ARRAY['crowdaaabb@example.com', 'crowdzzzzz@example.com', 'crwodaaabbb@example.com', 'crowdaaabbb@exmple.com']) AS email;
SELECT count(*) FROM orgsync.similar_profiles('alike');

-- by index and in memory, one file and one statement: all find the same
DELETE FROM alike.profiles;
SELECT setseed(0.5) \g /dev/null
CREATE TABLE pg_temp.people AS
SELECT n, (SELECT string_agg(substr('abcd', 1 + (random() * 3.99)::int % 4, 1), '') FROM generate_series(1, 4 + n % 3) WHERE n = n) ||
	CASE WHEN n % 5 = 0 THEN (n % 3)::text ELSE '' END || '@' || (ARRAY['example.com', 'exmple.com', 'example.org'])[1 + n % 3] AS email,
	CASE WHEN n % 4 > 0 THEN (ARRAY['Ann', 'Bob'])[1 + (n / 7) % 2] END AS first, CASE WHEN n % 4 > 0 THEN (ARRAY['Smith', 'Lee', 'Kim'])[1 + (n / 3) % 3] END AS last
FROM generate_series(1, 600) AS n;
DELETE FROM pg_temp.people a USING pg_temp.people b WHERE a.email = b.email AND a.n > b.n;
SELECT orgsync.set_duplicate_rule('alike', rule, 'warn') FROM alike.duplicate_rules \g /dev/null
SELECT orgsync.add_domain_alias('alike', 'example.org', 'example.net') \g /dev/null
INSERT INTO alike.profiles (primary_email_address, preferred_first_name, preferred_last_name) SELECT email::orgsync.email_address, first, last FROM pg_temp.people;
CREATE TABLE pg_temp.by_index AS
SELECT least(p.profile_id, f.profile_id) AS a, greatest(p.profile_id, f.profile_id) AS b, f.rule FROM alike.profiles AS p,
	orgsync.find_similar('alike', p.primary_email_address, p.preferred_first_name, p.preferred_last_name) AS f WHERE f.profile_id <> p.profile_id;
SELECT count(*) > 200 FROM pg_temp.by_index;
SELECT (SELECT count(*) FROM (SELECT DISTINCT * FROM pg_temp.by_index EXCEPT SELECT profile_id, other_profile_id, rule FROM orgsync.similar_profiles('alike')) AS x) AS missing,
	(SELECT count(*) FROM (SELECT profile_id, other_profile_id, rule FROM orgsync.similar_profiles('alike') EXCEPT SELECT * FROM pg_temp.by_index) AS x) AS more;
-- each pair is found from either side
SELECT count(*) FROM (SELECT a, b FROM pg_temp.by_index GROUP BY a, b HAVING count(*) <> 2) AS x;
-- whom an import of them all, in the same order, finds similar to an earlier row, is who has a pair with one
CREATE TABLE pg_temp.similar_later AS SELECT DISTINCT (SELECT primary_email_address::text FROM alike.profiles WHERE profile_id = b) AS email FROM pg_temp.by_index;
DELETE FROM alike.profiles;
SELECT state, created = (SELECT count(*) FROM pg_temp.people) AS all_created FROM orgsync.import_csv('alike', (SELECT E'primary_email_address,preferred_first_name,preferred_last_name\n' ||
	string_agg(format(E'%s,%s,%s\n', email, first, last), '' ORDER BY n) FROM pg_temp.people));
SELECT count(*) FROM (SELECT split_part(record, ',', 1) FROM alike.import_findings WHERE code = 'similar_profile' EXCEPT SELECT email FROM pg_temp.similar_later) AS x;
SELECT count(*) FROM (SELECT email FROM pg_temp.similar_later EXCEPT SELECT split_part(record, ',', 1) FROM alike.import_findings WHERE code = 'similar_profile') AS x;
SELECT orgsync.set_duplicate_rule('alike', rule, 'reject') FROM alike.duplicate_rules \g /dev/null
-- where the rules reject, no pair is left, whoever writes
DELETE FROM alike.profiles;
SELECT state, created > 50, rejected > 50 FROM orgsync.import_csv('alike', (SELECT E'primary_email_address,preferred_first_name,preferred_last_name\n' ||
	string_agg(format(E'%s,%s,%s\n', email, first, last), '' ORDER BY n) FROM pg_temp.people));
SELECT count(*) FROM orgsync.similar_profiles('alike');
DO $$
DECLARE p record;
BEGIN
	FOR p IN SELECT * FROM pg_temp.people LOOP
		BEGIN
			INSERT INTO alike.profiles (primary_email_address, preferred_first_name, preferred_last_name)
			VALUES (p.email::orgsync.email_address, p.first, p.last);
		EXCEPTION WHEN unique_violation THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT count(*) FROM orgsync.similar_profiles('alike');

-- ---- who may ask, and what may be missing ----

CREATE ROLE regress_orgsync_asker;
SET ROLE regress_orgsync_asker;
SELECT * FROM orgsync.find_similar('alike', 'x@example.com');
RESET ROLE;
GRANT USAGE ON SCHEMA alike TO regress_orgsync_asker;
SET ROLE regress_orgsync_asker;
SELECT * FROM orgsync.find_similar('alike', 'x@example.com');
SELECT * FROM orgsync.similar_profiles('alike');
RESET ROLE;
GRANT SELECT ON alike.profiles TO regress_orgsync_asker;
SET ROLE regress_orgsync_asker;
SELECT count(*) FROM orgsync.find_similar('alike', 'x@example.com');
RESET ROLE;
ALTER TABLE alike.profiles ENABLE ROW LEVEL SECURITY;
SET ROLE regress_orgsync_asker;
SELECT * FROM orgsync.find_similar('alike', 'x@example.com');
RESET ROLE;
ALTER TABLE alike.profiles DISABLE ROW LEVEL SECURITY;
SELECT * FROM orgsync.find_similar('pg_catalog', 'x@example.com');
BEGIN;
DROP INDEX alike.profiles_person_key;
SELECT * FROM orgsync.find_similar('alike', 'x@example.com', 'Xenia', 'Xu');
ROLLBACK;
BEGIN;
DROP INDEX alike.profiles_person_key;
CREATE INDEX profiles_person_key ON alike.profiles (work_title);
SELECT * FROM orgsync.find_similar('alike', 'x@example.com', 'Xenia', 'Xu');
ROLLBACK;
SELECT orgsync.drop_account('alike');
DROP ROLE regress_orgsync_asker;

-- who asks often learns by heart whether anybody without a name is near, until somebody writes
SELECT orgsync.create_account('often', 'linkedin_learning');
INSERT INTO often.profiles (primary_email_address) VALUES ('robert.brown@example.com');
CREATE FUNCTION pg_temp.ask_often() RETURNS TABLE (asked bigint, found bigint, others bigint) LANGUAGE sql AS $$
	SELECT count(*), sum((SELECT count(*) FROM orgsync.find_similar('often', 'robert.brwn@example.com', 'Robert', 'Brown'))),
		sum((SELECT count(*) FROM orgsync.find_similar('often', 'jane.doe@example.com', 'Jane', 'Doe')))
	FROM generate_series(1, 100) $$;
SELECT * FROM pg_temp.ask_often();
INSERT INTO often.profiles (primary_email_address) VALUES ('jane.do@example.com');
SELECT primary_email_address FROM orgsync.find_similar('often', 'jane.doe@example.com', 'Jane', 'Doe');
SELECT * FROM pg_temp.ask_often();
BEGIN;
UPDATE often.profiles SET primary_email_address = 'jan.edoe@example.com' WHERE primary_email_address = 'jane.do@example.com';
INSERT INTO often.profiles (primary_email_address) VALUES ('ajne.doe@example.com');
SELECT * FROM pg_temp.ask_often();
ROLLBACK;
SELECT * FROM pg_temp.ask_often();
UPDATE often.profiles SET preferred_first_name = 'John', preferred_last_name = 'Smith' WHERE primary_email_address = 'jane.do@example.com';
SELECT * FROM pg_temp.ask_often();
DELETE FROM often.profiles;
SELECT * FROM pg_temp.ask_often();
SELECT orgsync.drop_account('often');

-- a crowd of one local part: the pairs among many, which are looked for in memory, are those that are found one by one
SELECT orgsync.create_account(account, 'linkedin_learning') FROM unnest('{crowd,crowd_imported}'::text[]) AS account \g /dev/null
SELECT orgsync.set_duplicate_rule(account, rule, 'warn') FROM unnest('{crowd,crowd_imported}'::regnamespace[]) AS account, crowd.duplicate_rules \g /dev/null
SELECT orgsync.add_domain_alias(account, 'example.net', 'example.com') FROM unnest('{crowd,crowd_imported}'::regnamespace[]) AS account \g /dev/null
INSERT INTO crowd.profiles (primary_email_address, preferred_first_name, preferred_last_name)
SELECT format('info@%s.city.example.com', word), initcap(word), 'Desk' FROM (
	SELECT string_agg(chr(97 + n * 7919 / (17 ^ i)::integer % 26), '' ORDER BY i) AS word
	FROM generate_series(1, 60) AS n, generate_series(0, 3) AS i GROUP BY n ORDER BY n) AS words
UNION ALL SELECT * FROM (VALUES
	('i.n.f.o+x@' || 'pxbb.city.example.com', 'Somebody', 'Else'), ('info@elsewhere.example.org', 'Desk', 'Irfg'),
	('info@evdc.city.example.com', 'Evcd', 'Desk'), ('info@tteee.city.example.com', NULL, NULL), ('info@city.example.net', 'Nobody', 'Alone'),
	('info@ciyt.example.com', NULL, NULL), ('info@ctiy.example.com', 'Nobody', 'Alone'), ('inof@xphi.city.example.com', 'Xphi', 'Desk')) AS others;
CREATE TEMP TABLE pairs AS
SELECT least(profile_id, other_profile_id) AS one, greatest(profile_id, other_profile_id) AS other, rule FROM orgsync.similar_profiles('crowd');
CREATE TEMP TABLE found AS
SELECT DISTINCT least(p.profile_id, f.profile_id) AS one, greatest(p.profile_id, f.profile_id) AS other, f.rule
FROM crowd.profiles AS p, orgsync.find_similar('crowd', p.primary_email_address, p.preferred_first_name, p.preferred_last_name) AS f
WHERE f.profile_id <> p.profile_id;
SELECT rule, count(*) FROM pairs GROUP BY rule ORDER BY rule;
SELECT * FROM (TABLE pairs EXCEPT TABLE found) AS only_among_many;
SELECT * FROM (TABLE found EXCEPT TABLE pairs) AS only_one_by_one;
SELECT state, created FROM orgsync.import_csv('crowd_imported', (SELECT E'primary_email_address,preferred_first_name,preferred_last_name\n' ||
	string_agg(concat_ws(',', primary_email_address, coalesce(preferred_first_name, ''), coalesce(preferred_last_name, '')), E'\n' ORDER BY profile_id) FROM crowd.profiles));
SELECT count(DISTINCT line), count(DISTINCT line) = (SELECT count(DISTINCT other) FROM pairs) FROM crowd_imported.import_findings WHERE code = 'similar_profile';
SELECT orgsync.drop_account(account) FROM unnest('{crowd,crowd_imported}'::regnamespace[]) AS account \g /dev/null
