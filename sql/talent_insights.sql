-- Talent Insights: e-mail is the key, groups must be there, an invitation takes a seat.

CREATE FUNCTION pg_temp.findings(account regnamespace, import_id bigint)
RETURNS TABLE (line bigint, column_name text, code text, severity text, message text)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT line, column_name, code, severity, message FROM %s.import_findings f'
		' WHERE f.import_id = $1 ORDER BY f.line, f.column_name, f.code', account) USING import_id;
END $$;

SELECT orgsync.create_account('talent', 'talent_insights');
SELECT orgsync.add_license('talent', 'license_talentInsights_talentInsights_status', seats => 3);
SELECT header, seats, counting FROM talent.licenses;

-- the vendor's template: who is active is invited, who is inactive is known without a seat
SELECT state, created, rejected, warnings, seats_granted, invitations
FROM orgsync.import_csv('talent', $$preferred_first_name,preferred_last_name,primary_email_address,work_title,license_talentInsights_talentInsights_status
John,Smith,john.smith@test.linkedin.com,Recruiting Manager,active
Timothy,Smith,timothy.smith@test.linkedin.com,Analyst,Active
Ana,Ponce,ana.ponce@test.linkedin.com,Engineer,inactive
$$);
SELECT primary_email_address, status FROM talent.license_holders ORDER BY 1;
SELECT total, available, invited, activated FROM talent.seat_usage;

-- the same file again changes nothing; a person who is there is updated
SELECT state, created, updated, unchanged
FROM orgsync.import_csv('talent', $$primary_email_address,preferred_first_name,work_title,license_talentInsights_talentInsights_status
JOHN.SMITH@test.linkedin.com,John,Recruiting Manager,active
timothy.smith@test.linkedin.com,Tim,Senior Analyst,active
$$);
SELECT primary_email_address, preferred_first_name, preferred_last_name, work_title FROM talent.profiles ORDER BY 1;

-- groups are not created: a row that sets one that is not there is rejected, and one that leaves it empty is not
INSERT INTO talent.groups (name) VALUES ('CSV Test 1');
SELECT import_id, state, updated, unchanged, rejected, warnings
FROM orgsync.import_csv('talent', $$preferred_first_name,preferred_last_name,primary_email_address,group: CSV Test 1,group: CSV Test 2,group: Wholly different
John,Smith,john.smith@test.linkedin.com,1,0,
Tim,Smith,timothy.smith@test.linkedin.com,0,,
Ana,Ponce,ana.ponce@test.linkedin.com,1,,
New,Person,new.person@test.linkedin.com,,,1
$$) \gset i_
SELECT :'i_state' AS state, :i_updated AS updated, :i_unchanged AS unchanged, :i_rejected AS rejected;
SELECT * FROM pg_temp.findings('talent', :i_import_id);
SELECT tip FROM talent.import_findings WHERE import_id = :i_import_id AND code = 'unknown_group' ORDER BY line;
SELECT name FROM talent.groups;

-- once the groups are made, the vendor's own example goes through; yes and no do as well as 1 and 0
INSERT INTO talent.groups (name) VALUES ('CSV Test 2');
SELECT state, updated, unchanged, rejected, warnings
FROM orgsync.import_csv('talent', $$preferred_first_name,preferred_last_name,primary_email_address,group: CSV Test 1,group: CSV Test 2
John,Smith,john.smith@test.linkedin.com,1,0
Tim,Smith,timothy.smith@test.linkedin.com,0,1
Ana,Ponce,ana.ponce@test.linkedin.com,no,yes
$$);
SELECT primary_email_address, groups FROM talent.users ORDER BY 1;

-- groups for the whole import must be there too: else nothing is imported
SELECT state, created, rejected
FROM orgsync.import_csv('talent', E'primary_email_address\nnobody@test.linkedin.com\n', groups => '{CSV Test 1,CSV Test3}');
SELECT line, code, severity, message, tip FROM talent.import_findings WHERE import_id = (SELECT max(import_id) FROM talent.imports);
SELECT count(*) FROM talent.profiles WHERE primary_email_address = 'nobody@test.linkedin.com';
SELECT state, created, updated, unchanged
FROM orgsync.import_csv('talent', E'primary_email_address\nana.ponce@test.linkedin.com\njohn.smith@test.linkedin.com\n', groups => '{csv test 1}');

-- what only LinkedIn Learning has is unknown here, and ignored
SELECT import_id AS i_import_id, state, unchanged, warnings
FROM orgsync.import_csv('talent', $$primary_email_address,unique_user_id,permission_curate_content,attribute_Office,worktitle
john.smith@test.linkedin.com,E1,yes,Berlin,Boss
$$) \gset
SELECT column_name, code, tip FROM talent.import_findings WHERE import_id = :i_import_id ORDER BY finding_id;
SELECT count(*) FROM talent.permissions;
SELECT unique_user_id, attributes FROM talent.profiles WHERE primary_email_address = 'john.smith@test.linkedin.com';

-- unless the caller asks for an attribute
SELECT state, updated, warnings
FROM orgsync.import_csv('talent', E'primary_email_address,Where\njohn.smith@test.linkedin.com,Berlin\n',
	columns => '{"Where": "attribute_Office"}');
SELECT attributes FROM talent.profiles WHERE primary_email_address = 'john.smith@test.linkedin.com';

-- there is one seat left: it goes to the first who asks, and the similar address is a person of its own
SELECT import_id AS i_import_id, state, created, rejected, seats_granted
FROM orgsync.import_csv('talent', $$primary_email_address,reupload_user_profile,license_talentInsights_talentInsights_status
j.ohnsmith@test.linkedin.com,false,active
jo.hnsmith@test.linkedin.com,true,active
late@test.linkedin.com,,active
$$) \gset
SELECT line, column_name, code FROM talent.import_findings WHERE import_id = :i_import_id ORDER BY line;
SELECT primary_email_address, reupload_user_profile FROM talent.profiles WHERE primary_email_address = 'jo.hnsmith@test.linkedin.com';
SELECT total, available, invited, activated FROM talent.seat_usage;

-- an address is changed by naming the old one
SELECT state, created, updated
FROM orgsync.import_csv('talent', $$existing_email_address,primary_email_address
ana.ponce@test.linkedin.com,ana.garcia@test.linkedin.com
$$);
SELECT primary_email_address, preferred_last_name FROM talent.profiles WHERE preferred_first_name = 'Ana';

SELECT orgsync.drop_account('talent');
