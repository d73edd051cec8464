-- Two feeds for one account: the later import wins, and says so once.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('fed', 'linkedin_learning') \g /dev/null
SELECT orgsync.add_license('fed', 'Default_license_learning_proAllLanguages_status') \g /dev/null

-- What became of a file: the counts that are not 0, and the findings.
CREATE FUNCTION pg_temp.summary(i orgsync.import_summary) RETURNS SETOF text LANGUAGE plpgsql AS
$$
BEGIN
	RETURN NEXT concat_ws(', ', i.state,
		(SELECT string_agg(name || ' ' || number, ', ' ORDER BY place)
		 FROM (VALUES (1, 'created', i.created), (2, 'updated', i.updated), (3, 'unchanged', i.unchanged),
			(4, 'rejected', i.rejected), (5, 'warnings', i.warnings)) AS counts (place, name, number)
		 WHERE number > 0));
	RETURN QUERY SELECT format('  line %s %s: %s %s', coalesce(line::text, '-'), code, quote_ident(column_name), substring(message FROM 'from (feed .*)'))
		FROM fed.import_findings WHERE import_id = i.import_id ORDER BY line, column_name COLLATE "C", code;
END
$$;
CREATE FUNCTION pg_temp.import(feed text, header text, lines text, columns jsonb DEFAULT NULL, groups text[] DEFAULT NULL,
	dry_run boolean DEFAULT false, on_error text DEFAULT NULL)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('fed', replace(header, 'LICENSE', 'Default_license_learning_proAllLanguages_status') || E'\n'
	|| replace(replace(lines, ';', E'\n'), '@', '@example.com') || E'\n',
	feed => feed, columns => columns, groups => groups, dry_run => dry_run, on_error => on_error) AS i, pg_temp.summary(i) AS s
$$;
-- Who has changed which cell last.
CREATE FUNCTION pg_temp.sources() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT concat_ws(' ', split_part(primary_email_address::text, '@', 1), column_name, 'by', i.feed, 'in line', l.line,
	CASE WHEN i.state = 'applied' THEN 'of its import' ELSE 'of ?' END)
FROM (SELECT DISTINCT ON (profile_id, column_name) * FROM fed.changes WHERE import_id IS NOT NULL
	ORDER BY profile_id, column_name, change_id DESC) l
JOIN fed.profiles USING (profile_id) LEFT JOIN fed.imports i USING (import_id)
ORDER BY profile_id, column_name
$$;
-- Forgets everybody and all feeds.
CREATE FUNCTION pg_temp.anew() RETURNS void LANGUAGE sql AS
$$ DELETE FROM fed.profiles; DELETE FROM fed.feeds; DELETE FROM fed.feed_profiles; DELETE FROM fed.groups $$;

-- ---- one feed ----

SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Clerk;b@,Clerk;c@,Clerk');
SELECT pg_temp.sources();
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Boss;b@,Clerk');
SELECT pg_temp.sources();

-- ---- two feeds ----

-- the other feed's first file: conflicts in what it changes, be it as made or as changed; not in what it only adds
SELECT pg_temp.import('it', 'primary_email,work_title,attribute_City', 'a@,Head,Bonn;b@,Head,Bonn;c@,Clerk,Bonn;d@,Clerk,Bonn', dry_run => true);
SELECT pg_temp.import('it', 'primary_email,work_title,attribute_City', 'a@,Head,Bonn;b@,Head,Bonn;c@,Clerk,Bonn;d@,Clerk,Bonn');
SELECT message, tip FROM fed.import_findings ORDER BY finding_id DESC LIMIT 1;
SELECT pg_temp.sources();
-- once: the same file again changes nothing
SELECT pg_temp.import('it', 'primary_email,work_title,attribute_City', 'a@,Head,Bonn;b@,Head,Bonn;c@,Clerk,Bonn;d@,Clerk,Bonn');
-- its own cells it may change; c's title is what the first feed gave and the second agreed to
SELECT pg_temp.import('it', 'primary_email,work_title,attribute_City', 'a@,Chief,Köln;c@,Chief,Köln;d@,Chief,Köln');
-- back again: the first feed meets the second, and then no more
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Boss;b@,Clerk;c@,Clerk');
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Boss;b@,Boss;c@,Boss');
-- whom the other feed has made
SELECT pg_temp.import('hr', 'primary_email,work_title,preferred_first_name', 'd@,Boss,Dan');
-- a third
SELECT pg_temp.import('fm', 'primary_email,work_title,attribute_City,attribute_Room', 'a@,Owner,Ulm,1;d@,Owner,Ulm,1');

-- what only one feed has changed is known, although both have brought the profile before
SELECT pg_temp.anew();
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Clerk');
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Boss');
SELECT pg_temp.import('it', 'primary_email', 'a@');
SELECT pg_temp.import('it', 'primary_email,work_title', 'a@,Head');

-- ---- every kind of cell ----

SELECT pg_temp.anew();
SELECT pg_temp.import('hr', 'primary_email,employee_id,preferred_first_name,preferred_last_name,work_title,attribute_City,LICENSE,group:Sales,group:Support,permission_curate_content,group_permission_view_reports',
	'a@,A1,Ann,Smith,Clerk,Bonn,active,yes,,yes,group:Sales');
SELECT pg_temp.import('it', 'primary_email,employee_id,preferred_first_name,preferred_last_name,work_title,attribute_City,LICENSE,group:Sales,group:Support,permission_curate_content,group_permission_view_reports',
	'b@,A1,Anna,Smythe,Head,Köln,inactive,no,yes,no,group:Support');
SELECT pg_temp.sources();
SELECT pg_temp.import('hr', 'existing_email_address,primary_email,employee_id,new_unique_user_id,Given,LICENSE,group:Sales,permission_curate_content',
	'b@,a@,A1,A2,Ann,active,yes,yes', columns => '{"Given": "preferred_first_name"}');

-- a column of group names, and groups for the whole file
SELECT pg_temp.anew();
SELECT pg_temp.import('hr', 'primary_email,Dept', 'a@,Sales;b@,Sales', columns => '{"Dept": "group"}', groups => '{All}');
SELECT pg_temp.import('it', 'primary_email,group:Sales,group:All', 'a@,no,no;b@,yes,yes');
SELECT pg_temp.import('hr', 'primary_email,Dept', 'a@,Sales;b@,Support', columns => '{"Dept": "group"}', groups => '{All}');
SELECT pg_temp.sources();

-- ---- what is no conflict ----

SELECT pg_temp.anew();
-- a person's change has no feed: the file wins without a word
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Clerk;b@,Clerk');
UPDATE fed.profiles SET work_title = 'Hand';
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Clerk;b@,Clerk');
INSERT INTO fed.profiles (primary_email_address, work_title) VALUES ('c@example.com', 'Hand');
SELECT pg_temp.import('it', 'primary_email,work_title', 'c@,Head;x,Head;d@,Head');
-- nothing is applied: no source
SELECT pg_temp.import('it', 'primary_email,work_title', 'a@,Head;x,Head', on_error => 'stop');
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Boss');

-- ---- what an import tells other feeds ----

-- nothing as long as no other feed has records; then whom it has written to; empty lines make a file large enough to keep its records
SELECT pg_temp.anew();
TRUNCATE fed.feed_records, fed.feed_record_doubts;
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Clerk;b@,Clerk');
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Boss;b@,Clerk');
SELECT count(*) FROM fed.feed_record_doubts;
SELECT pg_temp.import('it', 'primary_email,work_title', 'a@,Boss;b@,Clerk' || repeat(';', 400));
SELECT pg_temp.import('hr', 'primary_email,work_title', 'a@,Head;b@,Clerk');
SELECT only_feed, except_feed, cardinality(profile_runs) / 2 FROM fed.feed_record_doubts;
SELECT pg_temp.import('it', 'primary_email,work_title', 'a@,Boss;b@,Clerk' || repeat(';', 400));
SELECT only_feed, except_feed, cardinality(profile_runs) / 2 FROM fed.feed_record_doubts;
-- whom others write to, as runs: each by its first and its last
TRUNCATE fed.feed_record_doubts;
INSERT INTO fed.profiles (primary_email_address) SELECT 'r' || i || '@example.com' FROM generate_series(1, 6) AS i;
UPDATE fed.profiles SET work_title = 'Run' WHERE primary_email_address::text ~ '^r[12456]@';
SELECT (SELECT array_agg(bound - (SELECT min(profile_id) FROM fed.profiles WHERE primary_email_address::text ~ '^r[1-6]@') ORDER BY place)
	FROM unnest(profile_runs) WITH ORDINALITY AS b (bound, place)) FROM fed.feed_record_doubts ORDER BY 1;
SELECT orgsync.drop_account('fed');
