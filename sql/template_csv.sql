-- Empty files to fill in.
\pset format unaligned
\pset tuples_only on

-- A file with its carriage returns to be seen.
CREATE FUNCTION pg_temp.show(csv text) RETURNS text LANGUAGE sql AS $$ SELECT replace(csv, E'\r', '\r') $$;

-- the vendors' own templates
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning'));
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning', permissions => true));
SELECT pg_temp.show(orgsync.template_csv('talent_insights'));
SELECT pg_temp.show(orgsync.template_csv('workleap'));

-- other licenses, and none
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning', licenses => '{Default_license_learning_proEnglish_status,
	"Sales, North_license_learning_proAllLanguages_status"}'));
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning', licenses => '{}'));
SELECT pg_temp.show(orgsync.template_csv('workleap', licenses => '{}'));
SELECT orgsync.template_csv(NULL) IS NULL;

-- what no file of the product can have
SELECT pg_temp.show(orgsync.template_csv('talent_insights', permissions => true));
SELECT pg_temp.show(orgsync.template_csv('workleap', permissions => true));
SELECT pg_temp.show(orgsync.template_csv('workleap', licenses => '{active_students}'));
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning', licenses => '{pro}'));
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning', licenses => ARRAY[NULL]));
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning', licenses => '{Default_license_learning_proAllLanguages_status,
	Default_license_learning_proAlllanguages_status}'));

-- an account's own columns
SELECT orgsync.create_account('template_account', 'linkedin_learning') \g /dev/null
SELECT pg_temp.show(orgsync.account_template('template_account'));
SELECT orgsync.add_license('template_account', 'Default_license_learning_proAllLanguages_status'),
	orgsync.add_license('template_account', 'North_license_learning_proEnglish_status') \g /dev/null
INSERT INTO template_account.groups (name) VALUES ('Sales, "North"'), ('HR');
INSERT INTO template_account.profiles (primary_email_address, attributes) VALUES
	('ann@example.com', '{"Office": "Graz", "Cost_center": "7"}'),
	('bob@example.com', '{"Office": "Linz", "cost center": "8"}'),
	('cem@example.com', '{}');
SELECT pg_temp.show(orgsync.account_template('template_account'));
SELECT pg_temp.show(orgsync.account_template('template_account', permissions => true));

-- each of them is a good header
SELECT orgsync.account_template('template_account', permissions => true) AS template \gset
SELECT i.state, i.warnings, i.created
FROM orgsync.import_csv('template_account', :'template' || 'dan@example.com,E4,Dan,Doe,Chef,active,,'
	|| repeat('no,', 8) || 'yes,no,7,Wien,9' || E'\r\n') AS i;
SELECT code, column_name, message FROM template_account.import_findings;
SELECT primary_email_address, licenses, groups
FROM (SELECT primary_email_address, groups, (SELECT string_agg(key, ' ') FROM jsonb_object_keys(licenses) AS key) AS licenses
	FROM template_account.users) AS u
WHERE primary_email_address = 'dan@example.com';

-- groups in the product's notation; no attributes there
SELECT orgsync.create_account('template_insights', 'talent_insights') \g /dev/null
SELECT orgsync.add_license('template_insights', 'license_talentInsights_talentInsights_status') \g /dev/null
INSERT INTO template_insights.groups (name) VALUES ('CSV Test 1');
INSERT INTO template_insights.profiles (primary_email_address, attributes) VALUES ('ann@example.com', '{"Office": "Graz"}');
SELECT pg_temp.show(orgsync.account_template('template_insights'));
SELECT pg_temp.show(orgsync.account_template('template_insights', permissions => true));

-- neither groups nor licenses in Workleap's file
SELECT orgsync.create_account('template_workleap', 'workleap') \g /dev/null
INSERT INTO template_workleap.groups (name) VALUES ('HR');
SELECT pg_temp.show(orgsync.account_template('template_workleap'));

-- no account, and one that the caller may not read
SELECT pg_temp.show(orgsync.account_template('public'));
CREATE ROLE regress_template_stranger;
GRANT USAGE ON SCHEMA orgsync, template_account TO regress_template_stranger;
SET ROLE regress_template_stranger;
SELECT pg_temp.show(orgsync.template_csv('linkedin_learning', licenses => '{}'));
\set VERBOSITY terse
SELECT pg_temp.show(orgsync.account_template('template_account'));
\set VERBOSITY default
RESET ROLE;

DROP OWNED BY regress_template_stranger;
DROP ROLE regress_template_stranger;
SELECT orgsync.drop_account('template_account'), orgsync.drop_account('template_insights'),
	orgsync.drop_account('template_workleap') \g /dev/null
