-- An account whose state was forced (over its cap), confirmed (a duplicate) and is under
-- way: a waiting list, an open export, changes and a deletion after it.  For a role that
-- may make schemas, in a database with the extension.
SELECT orgsync.create_account('acme', 'linkedin_learning');
SELECT orgsync.add_license('acme', 'Full_license_learning_pro_status', 5, 'invited');
SELECT orgsync.add_license('acme', 'Queue_license_learning_pro_status', 2, 'invited', 'waitlist');
SELECT orgsync.add_domain_alias('acme', 'example.org', 'example.com');
SELECT orgsync.import_csv('acme', 'primary_email_address,unique_user_id,preferred_first_name,'
	'Full_license_learning_pro_status,Queue_license_learning_pro_status,group:HR,reupload_user_profile' || E'\n' ||
	string_agg(format('p%s@example.com,E%s,Zoë%s,%s,active,yes,', n, n, n, CASE WHEN n <= 5 THEN 'active' END), E'\n' ORDER BY n) ||
	E'\np.1@example.com,X1,Other,,,no,true\n')
FROM generate_series(1, 50) AS n;
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 1);
UPDATE acme.profiles SET work_title = 'Boss' WHERE unique_user_id IN ('E2', 'E3', 'E4');
SELECT count(*) FROM orgsync.export_csv('acme');
DELETE FROM acme.profiles WHERE unique_user_id = 'E9';
SELECT orgsync.set_seats('acme', 'Full_license_learning_pro_status', 3, force => true);
