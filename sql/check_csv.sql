-- What is wrong with a file, as far as that can be told without an account.
\pset format unaligned
\pset tuples_only on

-- the vendors' own examples are good
SELECT * FROM orgsync.check_csv('linkedin_learning', $$preferred_first_name,preferred_last_name,primary_email_address,work_title,Default_license_learning_proAllLanguages_status,group:Engineering,group:HR
John,Doe,john.doe@example.com,Engineer,active,yes,no
Jane,Smith,jane.smith@example.com,HR Business Partner,active,no,yes
$$);
SELECT * FROM orgsync.check_csv('linkedin_learning', $$primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,Default_license_learning_proAllLanguages_status,permission_create_other_sub_admins_with_same_permissions,group_permission_view_reports
john.doe@example.com,E1001,John,Doe,Recruiter,Active,yes,group:sample groupone; group:sample grouptwo
$$);
SELECT * FROM orgsync.check_csv('talent_insights', $$preferred_first_name,preferred_last_name,primary_email_address,group: CSV Test 1,group: CSV Test 2
John,Smith,john.smith@test.linkedin.com,1,0
Timothy,Smith,timothy.smith@test.linkedin.com,0,1
$$);

-- one row with everything that there is to say
\x on
SELECT * FROM orgsync.check_csv('linkedin_learning', E'primary_email_address,group:HR\njohn.doe@example,yes\n');
\x off

-- What is wrong with a file, a line each; of files given as bytes.
CREATE FUNCTION pg_temp.check(csv text, product orgsync.product DEFAULT 'linkedin_learning', columns jsonb DEFAULT NULL)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT concat_ws('|', f.line, f.column_name, f.code, f.severity, f.message, f.record)
FROM orgsync.check_csv(product, convert_to(csv, 'UTF8'), columns) WITH ORDINALITY AS f
ORDER BY f.ordinality
$$;

-- headers, each with a row of empty cells
SELECT n, pg_temp.check(header || E'\n' || regexp_replace(header, '[^,]+', '', 'g')) AS finding
FROM (VALUES
	(1, 'work_title,preferred_first_name'),
	(2, 'Primary_Email_Address,EMPLOYEE_ID,group:HR,Group/hr'),
	(3, 'unique_user_id,employee_id'),
	(4, 'primary_email_address,primary_email_adress'),
	(5, 'primary_email_address,North_license_learning_proAllLanguages_status,north_license_learning_proAlllanguages_status'),
	(6, 'primary_email_address,North_license _learning_proAllLanguages_status'),
	(7, 'primary_email_address,license_learning_status'),
	(8, 'primary_email_address,attribute_cost center,attribute_cost_center')
) AS headers (n, header)
ORDER BY n;

-- no data at all
SELECT pg_temp.check('');
SELECT pg_temp.check(E'primary_email_address\n');

-- cells
SELECT pg_temp.check($$primary_email_address,unique_user_id,Default_license_learning_proAllLanguages_status,group:HR,permission_curate_content,group_permission_view_reports,reupload_user_profile,work_title
a@example.com,E1,active,yes,yes,group:HR group:Nobody knows,true,Clerk
b.example.com,E2,active,yes,yes,yes,true,Clerk
c@example.com,E-3,aktiv,maybe,perhaps,HR,sometimes,
,,active,yes,yes,yes,true,=1+1
d@example.com,E4
,E5,inactive,,,,,Clerk
$$);

-- rows against one another: the same address, the same id, an address that means the same
SELECT pg_temp.check($$primary_email_address,unique_user_id,preferred_first_name,preferred_last_name
john.doe@example.com,E1,John,Doe
John.Doe@Example.com,E2,Jane,Doe
other@example.com,E1,Otto,Other
johndoe+hr@example.com,,John,Doe
johndoe@example.com,E3,Johanna,Dough
fay@example.com,E1,,
x,E1,Xaver,Xu
$$);
SELECT pg_temp.check($$primary_email_address,reupload_user_profile
john.doe@example.com,
johndoe@example.com,true
$$);

-- files that cannot be read
SELECT pg_temp.check(E'primary_email_address,work_title\na@example.com,Clerk\nb,"Clerk\n');
SELECT f.line, f.code, f.message FROM orgsync.check_csv('linkedin_learning', '\x7072696d6172795f656d61696c5f616464726573730a61c3a4c36d406578616d706c652e636f6d0a'::bytea) AS f;

-- the vendor refuses groups in a file that only revokes
SELECT pg_temp.check($$primary_email_address,Default_license_learning_proAllLanguages_status,group:HR
john.doe@example.com,inactive,
$$);

-- other names for the columns
SELECT pg_temp.check(E'Mail,Dept\na@example.com,yes\nb@example,no\n', 'talent_insights',
	'{"Mail": "primary_email_address", "Dept": "group: HR"}');
SELECT pg_temp.check(E'Mail\na@example.com\n', columns => '["Mail"]');

-- what a product does not have
SELECT pg_temp.check(E'primary_email_address,unique_user_id,permission_curate_content,attribute_Office\na@example.com,1,yes,Graz\n', 'talent_insights');

-- many rows, two of them the same
SELECT pg_temp.check('primary_email_address' || E'\n' || string_agg('user' || n % 9999 || '@example.com', E'\n' ORDER BY n))
FROM generate_series(1, 10000) AS n;

-- nothing to check is not the same as nothing wrong
SELECT * FROM orgsync.check_csv('linkedin_learning', NULL::text);
SELECT * FROM orgsync.check_csv(NULL, NULL::bytea);

-- anybody may, and nothing is written
CREATE ROLE regress_check_stranger;
GRANT USAGE ON SCHEMA orgsync TO regress_check_stranger;
SET ROLE regress_check_stranger;
BEGIN READ ONLY;
SELECT f.code FROM orgsync.check_csv('linkedin_learning', 'a,b') AS f;
COMMIT;
RESET ROLE;
DROP OWNED BY regress_check_stranger;
DROP ROLE regress_check_stranger;

-- a large object
SELECT lo_from_bytea(0, E'primary_email_address\nlarge@example.com\nsmall\n') AS large \gset
SELECT line, column_name, code FROM orgsync.check_large_object('linkedin_learning', :large);
SELECT line, column_name, code FROM orgsync.check_large_object('linkedin_learning', :large, '{"primary_email_address": "group"}');
SELECT lo_unlink(:large) \g /dev/null
SELECT * FROM orgsync.check_large_object('linkedin_learning', NULL);
SELECT * FROM orgsync.check_large_object('linkedin_learning', 0);
