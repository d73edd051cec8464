-- What the columns of a file mean, and what is wrong with a header.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('headers', 'linkedin_learning') \g /dev/null

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
		FROM headers.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('headers', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

SELECT orgsync.add_license('headers', 'Default_license_learning_proAllLanguages_status') \g /dev/null
SELECT orgsync.add_license('headers', 'North America_team_license_learning_basic_status') \g /dev/null

-- The findings of a header, each over an account without people.
CREATE FUNCTION pg_temp.header(header text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT header || ' -> ' || string_agg(s, ';') FROM pg_temp.import(header || E'\n', dry_run => true) AS s $$;
CREATE FUNCTION pg_temp.messages() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT f.message || ' | ' || f.tip FROM headers.import_findings AS f
WHERE f.import_id = (SELECT max(import_id) FROM headers.imports) ORDER BY f.finding_id
$$;

-- other names for the keys, and keys enough
SELECT pg_temp.header(h) FROM (VALUES (1, 'primary_email_address'), (2, 'primary_email'), (3, 'invited_email_address'),
	(4, 'unique_user_id'), (5, 'employee_id'), (6, 'existing_email_address,unique_user_id')) AS v (n, h) ORDER BY n;
-- no key
SELECT pg_temp.header(h) FROM (VALUES (1, 'existing_email_address'), (2, 'new_unique_user_id'), (3, 'work_title,group:HR'),
	(4, 'Messages'), (5, '"primary_email_address,"')) AS v (n, h) ORDER BY n;
-- case and blanks
SELECT pg_temp.header(h) FROM (VALUES (1, 'Primary_Email_Address'), (2, ' primary_email_address '), (3, 'EMPLOYEE_ID'),
	(4, 'primary_email,Permission_manage_IT_settings'),
	(5, 'primary_email,default_license_learning_proAlllanguages_STATUS'),
	(6, 'primary_email, Default_license_learning_proAllLanguages_status'),
	(7, 'primary_email,Group:HR'), (8, 'primary_email, group:HR'), (9, 'primary_email,Attribute_Dept'),
	(10, 'primary_email,messages')) AS v (n, h) ORDER BY n;
-- one thing twice
SELECT pg_temp.header(h) FROM (VALUES (1, 'primary_email,primary_email'), (2, 'primary_email,primary_email_address'),
	(3, 'employee_id,unique_user_id'), (4, 'primary_email,work_title,Work_Title'),
	(5, 'primary_email,group:HR,group/hr'), (6, 'primary_email,group:HR,group: HR'),
	(7, 'primary_email,group:Zürich,group:ZÜRICH'),
	(8, 'primary_email,attribute_Cost Center,attribute_Cost_Center'),
	(9, 'primary_email,attribute_a,attribute_A'),
	(10, 'primary_email,Default_license_learning_proAllLanguages_status,default_license_learning_proalllanguages_status'),
	(11, 'primary_email,permission_manage_IT_settings,permission_manage_it_settings'),
	(12, 'primary_email,group_permission_edit_groups,group_permission_edit_groups'),
	(13, 'primary_email,Messages,messages'), (14, 'primary_email,Dept,Dept'), (15, 'primary_email,Dept,dept'),
	(16, 'primary_email,,')) AS v (n, h) ORDER BY n;
SELECT pg_temp.header('employee_id,primary_email,unique_user_id');
SELECT pg_temp.messages();
-- unknown columns
SELECT pg_temp.header('primary_email,work_titel,Department,group:,attribute_,permission_manage_all');
SELECT pg_temp.messages();
-- licenses that the account does not have, the vendor's misprint, and what only looks like one
SELECT pg_temp.header('primary_email,Default_license_learning_proAllLanguage_status');
SELECT pg_temp.messages();
SELECT pg_temp.header('primary_email,Default_license _learning_proAllLanguages_status');
SELECT pg_temp.messages();
SELECT pg_temp.header('primary_email,North America_team_license_learning_basic_status');
SELECT pg_temp.header(h) FROM (VALUES (1, 'primary_email,Sales_license_coaching_premium_status'), (2, 'primary_email,license_status'),
	(3, 'primary_email,my License Status'), (4, 'primary_email,license'), (5, 'primary_email,work_status')) AS v (n, h) ORDER BY n;

-- nothing to import
SELECT pg_temp.import('');
SELECT pg_temp.import(E'\n\r\n\n');
SELECT pg_temp.import('primary_email_address');
SELECT pg_temp.import(E'primary_email_address\n\n\n');
SELECT s FROM orgsync.import_csv('headers', '\xEFBBBF'::bytea) AS i, pg_temp.summary(i) AS s;
SELECT import_id, state, rows_read, header FROM headers.imports WHERE import_id > (SELECT max(import_id) - 5 FROM headers.imports) ORDER BY 1;
-- a header of many faults refuses once, and nothing else has changed
SELECT pg_temp.import(E'group:New,work_title,work_title,Some_license_x_y_status\nyes,a,b,active\n');
SELECT count(*) FROM headers.groups;

-- attributes: blanks in names become underscores, values keep their case; Messages is ignored
SELECT pg_temp.import(E'primary_email,attribute_Cost Center,attribute_a,Messages\nann@example.com,R & D,x,mend this\n');
SELECT attributes FROM headers.profiles;
-- a column that nobody knows, ignored or kept
SELECT pg_temp.import(E'primary_email,Home Office\nann@example.com,Bern\n');
SELECT attributes FROM headers.profiles;
UPDATE headers.settings SET unknown_headers = 'attribute';
SELECT pg_temp.import(E'primary_email, Home Office ,Messages,\nann@example.com,Bern,ignored,too\n');
SELECT attributes FROM headers.profiles;
SELECT pg_temp.import(E'primary_email,Home Office,attribute_Home_Office\nann@example.com,Bern,Basel\n');
-- a header of two lines comes back from an export as the attribute that it was
SELECT pg_temp.import(E'primary_email,"Cost\nCenter","Desk\tno"\ncara@example.com,C1,D2\n');
SELECT count(*), sum((SELECT i.updated FROM orgsync.import_csv('headers', e.csv) AS i)) FROM orgsync.export_csv('headers', dry_run => true) AS e;
SELECT attributes FROM headers.profiles WHERE primary_email_address = 'cara@example.com';
UPDATE headers.settings SET unknown_headers = 'ignore';

-- the caller's own names for columns
SELECT s FROM orgsync.import_csv('headers', E'Mail,Nr,Vorname,Kostenstelle,HR?,work_title\nbob@example.com,E7,Bob,K1,yes,Boss\n',
	columns => '{"Mail": "primary_email_address", "Nr": "employee_id", "Vorname": "Preferred_First_Name",
		"Kostenstelle": "attribute_Cost Center", "HR?": "group:HR", "work_title": "Messages", "Absent": "work_title"}') AS i,
	pg_temp.summary(i) AS s;
SELECT primary_email_address, unique_user_id, preferred_first_name, work_title, attributes FROM headers.profiles WHERE unique_user_id = 'E7';
SELECT header FROM headers.imports ORDER BY import_id DESC LIMIT 1;
-- a mapping can clash as names can
SELECT s FROM orgsync.import_csv('headers', E'Mail,primary_email\na@example.com,b@example.com\n', columns => '{"Mail": "primary_email_address"}') AS i,
	pg_temp.summary(i) AS s;
-- and may leave the file without a key, or name what nobody knows
SELECT s FROM orgsync.import_csv('headers', E'primary_email\na@example.com\n', columns => '{"primary_email": "nothing"}') AS i,
	pg_temp.summary(i) AS s;
SELECT orgsync.import_csv('headers', 'a', columns => '["a"]');
SELECT orgsync.import_csv('headers', 'a', columns => '{"a": 1}');

-- groups for everybody, which a cell may except
SELECT s FROM orgsync.import_csv('headers', E'primary_email,group:Ops\nann@example.com,no\nbob@example.com,\n', groups => '{ops,"  All Staff ",OPS}') AS i,
	pg_temp.summary(i) AS s;
SELECT s FROM orgsync.import_csv('headers', E'primary_email,group:Ops\nann@example.com,no\nbob@example.com,\n', groups => '{ops,"  All Staff ",OPS}') AS i,
	pg_temp.summary(i) AS s;
SELECT primary_email_address, groups FROM headers.users ORDER BY 1;
SELECT orgsync.import_csv('headers', E'primary_email\na@example.com\n', groups => '{HR,"  "}');
SELECT orgsync.import_csv('headers', E'primary_email\na@example.com\n', groups => '{HR,NULL}');

-- a license column is not ignored, however it is misspelled, and whatever the delimiter
SELECT s FROM orgsync.import_csv('headers', E'primary_email_address;Default_licence_learning_proAllLanguages_status\na@example.com;active\n') AS i,
	pg_temp.summary(i) AS s;
SELECT line, column_name, code, tip FROM headers.import_findings ORDER BY finding_id DESC LIMIT 1;
-- a line that looks like one license with the wrong delimiter
SELECT column_name, code, right(tip, 100) AS tip FROM orgsync.check_csv('linkedin_learning',
	E'primary_email_adress;First;Default_license_learning_proAllLanguages_status\na@example.com;x;active\n') ORDER BY 1;

-- what the caller may not ask for
SELECT orgsync.import_csv('headers', 'a', mode => 'Full');
SELECT orgsync.import_csv('headers', 'a', on_error => 'ignore');
SELECT orgsync.import_csv('headers', NULL::text);
SELECT orgsync.import_csv(NULL, 'a');
SELECT orgsync.import_csv('public', 'a');

SELECT orgsync.drop_account('headers');
