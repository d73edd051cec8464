-- What the cells of a file say, kind by kind, and what is wrong with them.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('cells', 'linkedin_learning') \g /dev/null

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
		FROM cells.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('cells', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

SELECT orgsync.add_license('cells', 'Default_license_learning_proAllLanguages_status') \g /dev/null
INSERT INTO cells.groups (name) VALUES ('HR'), ('sample groupone'), ('sample grouptwo'), ('Zürich');

-- Imports each value of a column in a row of its own, and shows what came of it.
CREATE FUNCTION pg_temp.cells(header text, cells text[], shown text) RETURNS SETOF text LANGUAGE plpgsql AS
$$
DECLARE
	cell text;
	n int := 0;
	result text;
	findings text;
	id bigint;
BEGIN
	DELETE FROM cells.profiles;
	FOREACH cell IN ARRAY cells LOOP
		n := n + 1;
		SELECT import_id INTO id FROM orgsync.import_csv('cells', format(E'primary_email,%s\np%s@example.com,"%s"\n',
			replace(header, 'LICENSE', 'Default_license_learning_proAllLanguages_status'), n, replace(cell, '"', '""')));
		EXECUTE format('SELECT (SELECT coalesce((%s)::text, ''-'') FROM cells.profiles AS p WHERE primary_email_address = $1)',
			shown) INTO result USING 'p' || n || '@example.com';
		SELECT string_agg(code, ' ' ORDER BY finding_id) INTO findings FROM cells.import_findings WHERE import_id = id;
		RETURN NEXT concat_ws(' | ', to_json(cell)::text, coalesce(result, 'rejected'), findings);
	END LOOP;
END
$$;

-- license
SELECT pg_temp.cells('LICENSE', ARRAY['active', 'inactive', 'ACTIVE', ' Inactive ', E'\tactive', '', '  ', 'yes', '1', 'activated', 'invited', 'active.'],
	'SELECT status FROM cells.seats AS s WHERE s.profile_id = p.profile_id');
-- group, in three notations
SELECT pg_temp.cells('group:HR', ARRAY['yes', 'no', 'Yes', '1', '0', 'true', 'FALSE', ' no ', '', 'y', 'x', '2', 'active'],
	'SELECT string_agg(name, '','') FROM cells.memberships JOIN cells.groups USING (group_id) WHERE profile_id = p.profile_id');
SELECT pg_temp.cells('group: hr', ARRAY['yes'],
	'SELECT string_agg(name, '','') FROM cells.memberships JOIN cells.groups USING (group_id) WHERE profile_id = p.profile_id');
SELECT pg_temp.cells('group/HR', ARRAY['1', '0'],
	'SELECT string_agg(name, '','') FROM cells.memberships JOIN cells.groups USING (group_id) WHERE profile_id = p.profile_id');
SELECT pg_temp.cells('group:New Group', ARRAY['1'],
	'SELECT string_agg(name, '','') FROM cells.memberships JOIN cells.groups USING (group_id) WHERE profile_id = p.profile_id');
-- permission
SELECT pg_temp.cells('permission_curate_content', ARRAY['yes', 'no', 'YES', ' No ', '', 'true', '1', 'group:HR'],
	'SELECT scope FROM cells.permissions AS r WHERE r.profile_id = p.profile_id');
-- permission that may be limited to groups
SELECT pg_temp.cells('group_permission_edit_groups', ARRAY['yes', 'no', 'YES', '', ' ; ', 'true', 'group:HR', 'GROUP:hr group:Zürich', 'group:ZÜRICH',
	'group:sample; groupone; group:sample; grouptwo', 'group:sample  groupone;group:HR;', 'group: HR', 'HR', 'HR group:HR', 'group:', 'group:HR group:', 'yes group:HR',
	'group:samplegroupone', 'group:HR; Zürich', 'group:HR group:Nobody group:Nowhere'],
	'SELECT scope FROM cells.permissions AS r WHERE r.profile_id = p.profile_id');
SELECT message || ' | ' || tip FROM cells.import_findings WHERE code = 'unknown_group' ORDER BY finding_id LIMIT 1;
-- a list replaces the list before; the groups that the file itself makes are known
SELECT pg_temp.import(E'primary_email,group_permission_edit_groups,group:Made Here\nq@example.com,group:HR group:made here,yes\n');
SELECT pg_temp.import(E'primary_email,group_permission_edit_groups\nq@example.com,group:made here group:hr\n');
SELECT scope FROM cells.permissions JOIN cells.profiles USING (profile_id) WHERE primary_email_address = 'q@example.com';
SELECT pg_temp.import(E'primary_email,group_permission_edit_groups\nq@example.com,group:HR\n');
SELECT pg_temp.import(E'primary_email,group_permission_edit_groups\nq@example.com,group:hr\n');
SELECT scope FROM cells.permissions JOIN cells.profiles USING (profile_id) WHERE primary_email_address = 'q@example.com';
SELECT pg_temp.import(E'primary_email,group_permission_edit_groups\nq@example.com,no\n');
SELECT pg_temp.import(E'primary_email,group_permission_edit_groups\nq@example.com,no\n');
SELECT count(*) FROM cells.permissions JOIN cells.profiles USING (profile_id) WHERE primary_email_address = 'q@example.com';
-- the kinds of admin
SELECT pg_temp.import(E'primary_email,permission_create_other_sub_admins_with_same_permissions,permission_manage_custom_content,'
	'permission_curate_content,permission_manage_it_settings,group_permission_edit_groups,group_permission_manage_users_licenses,'
	'group_permission_recommend_content,group_permission_view_reports\n'
	'full@example.com,yes,yes,yes,yes,yes,yes,yes,yes\nsub@example.com,yes,yes,yes,no,group:HR,yes,,yes\nuser@example.com,no,,,,,,no,no\n');
SELECT primary_email_address, admin_type FROM cells.users WHERE admin_type <> 'user' OR primary_email_address = 'user@example.com' ORDER BY 1;
-- reupload_user_profile
SELECT pg_temp.cells('reupload_user_profile', ARRAY['true', 'yes', '1', 'TRUE', ' Yes', 'false', 'no', '0', '', 't', 'maybe'], 'reupload_user_profile');
-- text
SELECT pg_temp.cells('work_title', ARRAY['Boss', '  Boss  ', E'\u00A0Boss\u00A0', '', '   ', E'\u00A0', E'a\nb', E'a\tb', E'a\u0085b', E'a\u007Fb', E'Boss\t', E'Boss\n',
	'=1+1', '+41 44', '-', '@here', E'\tBoss', ' =1', 'a=b', 'a"b,c', 'Ångström 漢字 😀'], 'to_json(work_title)');
SELECT pg_temp.cells('preferred_first_name', ARRAY['Ann', '', '-'], 'preferred_first_name');
SELECT pg_temp.cells('preferred_last_name', ARRAY['', E'O\'Neill'], 'preferred_last_name');
SELECT pg_temp.cells('attribute_Dept', ARRAY['r & d', 'R & D', '', E'\x01', '=x'], 'attributes->>''Dept''');
SELECT message FROM cells.import_findings WHERE code IN ('formula_value', 'invalid_value') ORDER BY finding_id DESC LIMIT 2;
-- employee ids
SELECT pg_temp.cells('employee_id', ARRAY['E1', ' 007 ', 'abcXYZ9', '', 'E-1', 'E 1', 'é', 'E_1'], 'unique_user_id');
SELECT pg_temp.import(E'primary_email,employee_id\nlong1@example.com,' || repeat('x', 255) || E'\nlong2@example.com,' || repeat('x', 256) || E'\n');
-- the cell that is blank leaves what was there
SELECT pg_temp.import(E'primary_email,work_title,preferred_first_name,attribute_Dept\nkeep@example.com,Boss,Ann,R&D\n');
SELECT pg_temp.import(E'primary_email,work_title,preferred_first_name,attribute_Dept,group:HR,LICENSE,permission_curate_content\nkeep@example.com,,  ,,,,\n');
SELECT work_title, preferred_first_name, attributes FROM cells.profiles WHERE primary_email_address = 'keep@example.com';

-- e-mail addresses
CREATE FUNCTION pg_temp.emails(addresses text[]) RETURNS SETOF text LANGUAGE plpgsql AS
$$
DECLARE
	address text;
	answer text;
BEGIN
	FOREACH address IN ARRAY addresses LOOP
		SELECT string_agg(s, ';') INTO answer FROM pg_temp.import(format(E'primary_email,work_title\n"%s",x\n', replace(address, '"', '""')), dry_run => true) AS s;
		RETURN NEXT concat_ws(' -> ', to_json(left(address, 40))::text, length(address), answer);
	END LOOP;
END
$$;
SELECT pg_temp.emails(ARRAY['a@example.com', ' a@example.com ', 'A.B+c@Example.COM', 'a', 'a@', '@example.com', 'a@b', 'a@example..com', 'a b@example.com',
	'a@example.com, b@example.com', 'a@example.com;b@example.com', 'a@@example.com', 'Ann <a@example.com>', 'mailto:a@example.com', 'a@example.com.', '.a@example.com', E'a@exam\nple.com', '',
	repeat('x', 64) || '@example.com', repeat('x', 65) || '@example.com',
	'x@' || repeat(repeat('d', 49) || '.', 5) || 'ab', 'x@' || repeat(repeat('d', 49) || '.', 5) || 'abc']);
SELECT message FROM cells.import_findings WHERE code = 'invalid_email' AND length(message) < 200 ORDER BY finding_id LIMIT 1;
-- several faults of one row are all reported; a row whose key is faulty is not there
SELECT pg_temp.import(E'primary_email,LICENSE,group:HR,permission_curate_content,reupload_user_profile,unique_user_id\n'
	'bad,bad,bad,bad,bad,b-d\n,,,,,\n,active,,,,\n');
SELECT line, record FROM cells.import_findings ORDER BY finding_id DESC LIMIT 3;
-- a new id without the old one
SELECT pg_temp.import(E'primary_email,unique_user_id,new_unique_user_id\nnew@example.com,,N1\n');

-- too few and too many fields; empty ones count
SELECT pg_temp.import(E'primary_email,work_title\nfew@example.com\nright@example.com,x\nmany@example.com,x,\nmore@example.com,x,y,z\n');
SELECT message FROM cells.import_findings WHERE code = 'field_count' ORDER BY finding_id DESC LIMIT 1;
-- lines are physical: blank ones and those inside quotes count
SELECT pg_temp.import(E'\n\nprimary_email,work_title\n\n"l1@example.com","a\r\nb"\n\r\nl2@example.com,bad,bad\r\nl3@example.com,"c\n\nd"\nl4@example\n');
-- NUL
SELECT s FROM orgsync.import_csv('cells', convert_to(E'primary_email,work_title\nn@example.com,a\nm@example.com,b', 'UTF8') || '\x00' || convert_to(E'c\n', 'UTF8')) AS i,
	pg_temp.summary(i) AS s;
SELECT message FROM cells.import_findings ORDER BY finding_id DESC LIMIT 1;
SELECT count(*) FROM cells.profiles WHERE primary_email_address IN ('n@example.com', 'm@example.com');

SELECT orgsync.drop_account('cells');
