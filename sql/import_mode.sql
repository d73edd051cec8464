-- patch and full, feeds, stop and skip, dry runs, and a file that comes again.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('mode_account', 'linkedin_learning') \g /dev/null

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
		FROM mode_account.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('mode_account', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

SELECT orgsync.add_license('mode_account', 'Default_license_learning_proAllLanguages_status') \g /dev/null
UPDATE mode_account.settings SET threshold_floor = 3, max_remove_percent = 50, max_revoke_percent = 50;
CREATE FUNCTION pg_temp.seats() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT string_agg(split_part(primary_email_address::text, '@', 1) || ' ' || left(coalesce(status::text, '-'), 3), ', ' ORDER BY profile_id)
FROM mode_account.profiles LEFT JOIN mode_account.seats USING (profile_id)
$$;
CREATE FUNCTION pg_temp.feeds() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT feed || ' brought ' || coalesce((SELECT string_agg(split_part(primary_email_address::text, '@', 1), ' ' ORDER BY profile_id) FROM mode_account.profiles WHERE (SELECT range_agg(profile_ids) FROM mode_account.feed_profiles b WHERE b.feed = f.feed) @> profile_id), '')
	|| ', holds ' || coalesce((SELECT string_agg(split_part(primary_email_address::text, '@', 1), ' ' ORDER BY profile_id) FROM mode_account.profiles WHERE last_import @> profile_id), '')
FROM mode_account.feeds f ORDER BY feed
$$;
CREATE FUNCTION pg_temp.anew() RETURNS void LANGUAGE sql AS $$ DELETE FROM mode_account.profiles; DELETE FROM mode_account.feeds; DELETE FROM mode_account.feed_profiles $$;
-- A file with these people, all with a license.
CREATE FUNCTION pg_temp.file(VARIADIC people text[]) RETURNS text LANGUAGE sql AS
$$ SELECT E'primary_email,LICENSE\n' || string_agg(p || E'@example.com,active\n', '' ORDER BY n) FROM unnest(people) WITH ORDINALITY AS u (p, n) $$;
CREATE FUNCTION pg_temp.message() RETURNS text LANGUAGE sql AS $$ SELECT message FROM mode_account.import_findings ORDER BY finding_id DESC LIMIT 1 $$;

-- patch: who is absent is left alone
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd', 'e', 'f'));
SELECT pg_temp.import(pg_temp.file('a', 'g'));
SELECT pg_temp.seats();
SELECT pg_temp.feeds();
-- full: who is absent loses the seat, is counted once, and gets it back
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd', 'f'), mode => 'full');
SELECT pg_temp.seats();
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd', 'f'), mode => 'full');
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd', 'f', 'e'), mode => 'full');
SELECT pg_temp.seats();
SELECT pg_temp.feeds();
-- an activated seat is lost too, a place on the waiting list as well
UPDATE mode_account.seats SET status = 'activated' FROM mode_account.profiles AS p WHERE p.profile_id = seats.profile_id AND primary_email_address = 'e@example.com';
UPDATE mode_account.seats SET status = 'waitlisted' FROM mode_account.profiles AS p WHERE p.profile_id = seats.profile_id AND primary_email_address = 'f@example.com';
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd'), mode => 'full');
SELECT pg_temp.seats();
-- too many at once: more than the percentage, and not fewer than the floor
SELECT pg_temp.anew();
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd', 'e', 'f'));
SELECT pg_temp.import(pg_temp.file('a', 'b', 'x'), mode => 'full');
SELECT pg_temp.message();
SELECT pg_temp.seats();
SELECT pg_temp.import(pg_temp.file('a', 'b', 'x'), mode => 'full', dry_run => true);
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c'), mode => 'full', dry_run => true);
UPDATE mode_account.settings SET threshold_floor = 5;
SELECT pg_temp.import(pg_temp.file('a', 'b'), mode => 'full', dry_run => true);
UPDATE mode_account.settings SET threshold_floor = 4;
SELECT pg_temp.import(pg_temp.file('a', 'b', 'x'), mode => 'full');
SELECT pg_temp.import(pg_temp.file('a', 'b', 'x'), mode => 'full', override => true);
SELECT pg_temp.seats();
UPDATE mode_account.settings SET threshold_floor = 3;
-- few people, but most of the seats
SELECT pg_temp.anew();
SELECT pg_temp.import(E'primary_email\n' || string_agg('p' || i || E'@example.com\n', '')) FROM generate_series(1, 20) AS i;
SELECT pg_temp.import(pg_temp.file('p1', 'p2', 'p3', 'p4'), feed => 'other');
SELECT pg_temp.import(pg_temp.file('p19'), feed => 'other');
SELECT pg_temp.import(E'primary_email\n' || string_agg('p' || i || E'@example.com\n', ''), mode => 'full') FROM generate_series(4, 20) AS i;
SELECT pg_temp.message();
UPDATE mode_account.settings SET max_revoke_percent = 60;
SELECT pg_temp.import(E'primary_email\n' || string_agg('p' || i || E'@example.com\n', ''), mode => 'full') FROM generate_series(4, 20) AS i;
SELECT pg_temp.seats();

-- another feed's last import holds its people
SELECT pg_temp.anew();
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd'), feed => 'hr');
SELECT pg_temp.import(pg_temp.file('c', 'x'), feed => 'sales');
SELECT pg_temp.import(pg_temp.file('a', 'b', 'd'), feed => 'hr', mode => 'full');
SELECT pg_temp.import(pg_temp.file('b'), feed => 'sales', mode => 'full');
SELECT pg_temp.feeds();
SELECT pg_temp.import(pg_temp.file('a', 'b', 'd'), feed => 'hr', mode => 'full');
SELECT pg_temp.import(pg_temp.file('x'), feed => 'sales');
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,maybe\n', feed => 'sales');
SELECT pg_temp.import(pg_temp.file('d'), feed => 'hr', mode => 'full');
SELECT pg_temp.seats();
SELECT pg_temp.feeds();

-- whom a rejected row names by any key is not absent, and may be so later
SELECT pg_temp.anew();
INSERT INTO mode_account.profiles (primary_email_address, unique_user_id) VALUES ('a@example.com', 'A1'), ('b@example.com', 'B1'), ('c@example.com', NULL), ('d@example.com', 'D1'), ('e.e@example.com', NULL);
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c', 'd', 'e.e'));
SELECT pg_temp.import(E'primary_email,unique_user_id,existing_email_address,LICENSE\n,A1,,maybe\nb@example.com,,,maybe\nx@example.com,,c@example.com,maybe\nd@example.com,X1,,active\nee@example.com,,,active\n', mode => 'full');
SELECT pg_temp.seats();
SELECT pg_temp.feeds();
SELECT pg_temp.import(pg_temp.file('d'), mode => 'full', override => true);
SELECT pg_temp.seats();
-- a key that cannot be read: nobody is absent
SELECT pg_temp.anew();
SELECT pg_temp.import(pg_temp.file('a', 'b', 'c'));
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\n,active\n', mode => 'full');
SELECT pg_temp.message();
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\nb@example,active\n', mode => 'full');
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\nb@example.com,active,\n', mode => 'full');
SELECT pg_temp.import(E'primary_email,unique_user_id,LICENSE\na@example.com,,active\nb.new@example.com,B-1,active\n', mode => 'full');
-- one that can be, by another cell of the row
SELECT pg_temp.import(E'primary_email,unique_user_id,LICENSE\na@example.com,,active\nb@example.com,B-1,active\nc@example.com,,active\n', mode => 'full');
SELECT pg_temp.feeds();

-- stop: any error undoes everything, a warning does not
SELECT pg_temp.anew();
SELECT pg_temp.import(E'primary_email,group:Stop,LICENSE\na@example.com,yes,active\nb@example,yes,active\n', on_error => 'stop');
SELECT pg_temp.import(E'primary_email,group:Stop,LICENSE\na@example.com,yes,active\na@example.com,yes,active\n', on_error => 'stop');
SELECT pg_temp.import(E'primary_email,group:Stop,LICENSE\na@example.com,yes,active\nb@example,yes,active\n', on_error => 'stop', dry_run => true);
SELECT count(*), (SELECT count(*) FROM mode_account.groups), (SELECT count(*) FROM mode_account.feeds) FROM mode_account.profiles;
SELECT pg_temp.import(E'primary_email,work_title,what\na@example.com,,\n', on_error => 'stop');
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\nb@example,active\n', on_error => 'skip');
-- a dry run counts as if, and changes nothing but its own record
SELECT pg_temp.anew();
SELECT pg_temp.import(pg_temp.file('a', 'b'));
CREATE TABLE pg_temp.before AS SELECT p.*, s.status, s.since FROM mode_account.profiles AS p LEFT JOIN mode_account.seats AS s USING (profile_id);
CREATE TABLE pg_temp.changes_before AS SELECT * FROM mode_account.changes;
SELECT pg_temp.import(E'primary_email,work_title,LICENSE,group:Dry,permission_curate_content\na@example.com,Boss,inactive,yes,yes\nc@example.com,x,active,yes,\n', mode => 'full', dry_run => true);
SELECT count(*) FROM (SELECT p.*, s.status, s.since FROM mode_account.profiles AS p LEFT JOIN mode_account.seats AS s USING (profile_id) EXCEPT SELECT * FROM pg_temp.before) AS differences;
SELECT count(*) FROM (SELECT * FROM mode_account.changes EXCEPT SELECT * FROM pg_temp.changes_before) AS differences;
SELECT count(*), (SELECT count(*) FROM mode_account.groups), (SELECT count(*) FROM mode_account.permissions) FROM mode_account.profiles;
SELECT pg_temp.feeds();
SELECT state, feed, mode, source, rows_read, created, updated, unchanged, absent, rejected, warnings, seats_granted, seats_revoked, invitations, header,
	imported_by = current_user, started_at <= finished_at FROM mode_account.imports ORDER BY import_id DESC LIMIT 1;

-- the same file again: all unchanged, nothing is written
SELECT pg_temp.anew();
CREATE FUNCTION pg_temp.day() RETURNS text LANGUAGE sql AS
$$ SELECT E'primary_email,unique_user_id,preferred_first_name,work_title,LICENSE,group:HR,permission_curate_content,group_permission_edit_groups,attribute_Dept,reupload_user_profile\n'
	'a@example.com,A1,Ann,Boss,active,yes,yes,group:hr,R&D,\nb@example.com,B1,,Clerk,inactive,no,no,yes,,\nA.A@example.com,,Aa,,active,,,,x,\naa@example.com,,,,,1,,,,true\nbad,,,,,,,,,\n' $$;
SELECT pg_temp.import(pg_temp.day());
SELECT state, rows_read, created, updated, unchanged, rejected FROM mode_account.imports ORDER BY import_id DESC LIMIT 1;
CREATE FUNCTION pg_temp.versions() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT concat_ws(' ', 'profiles', xmin, ctid) FROM mode_account.profiles UNION ALL SELECT concat_ws(' ', 'seats', xmin, ctid) FROM mode_account.seats
UNION ALL SELECT concat_ws(' ', 'memberships', xmin, ctid) FROM mode_account.memberships UNION ALL SELECT concat_ws(' ', 'permissions', xmin, ctid) FROM mode_account.permissions
UNION ALL SELECT concat_ws(' ', 'feeds', xmin, ctid) FROM mode_account.feeds UNION ALL SELECT concat_ws(' ', 'brought', xmin, ctid) FROM mode_account.feed_profiles UNION ALL SELECT concat_ws(' ', 'changes', xmin, ctid) FROM mode_account.changes
$$;
CREATE TABLE pg_temp.before_again AS SELECT pg_temp.versions() AS version;
SELECT pg_temp.import(pg_temp.day());
SELECT pg_temp.import(pg_temp.day(), mode => 'full');
SELECT count(*) FROM (SELECT pg_temp.versions() EXCEPT SELECT version FROM pg_temp.before_again) AS differences;
-- the file wins over a change by hand
UPDATE mode_account.profiles SET work_title = 'by hand' WHERE unique_user_id = 'A1';
SELECT pg_temp.import(pg_temp.day());
SELECT work_title FROM mode_account.profiles WHERE unique_user_id = 'A1';

-- whom a feed brought is kept in segments of ids: of one that brings many, and of one that brings a few here and there
SELECT pg_temp.anew();
CREATE FUNCTION pg_temp.many(first integer, last integer, step integer) RETURNS text LANGUAGE sql AS
$$ SELECT E'primary_email\n' || string_agg('p' || i || E'@example.com\n', '' ORDER BY i) FROM generate_series(first, last, step) AS i $$;
CREATE FUNCTION pg_temp.brought() RETURNS SETOF text LANGUAGE sql AS
$$ SELECT concat_ws(' ', feed, sum(upper(r) - lower(r)), 'in', CASE WHEN feed = 'all' THEN count(*) - count(DISTINCT segment) || ' gaps' ELSE count(*) || ' runs' END,
	CASE WHEN bool_and(lower(r) >> 9 = segment AND (upper(r) - 1) >> 9 = segment) THEN 'in place' END)
FROM mode_account.feed_profiles, unnest(profile_ids) AS r GROUP BY feed ORDER BY feed $$;
SELECT pg_temp.import(pg_temp.many(1, 2000, 1), feed => 'all');
SELECT pg_temp.import(pg_temp.many(7, 2000, 7), feed => 'some');
SELECT pg_temp.brought();
SELECT pg_temp.import(pg_temp.many(8, 2000, 14), feed => 'some');
SELECT pg_temp.import(pg_temp.many(1, 2000, 1), feed => 'some');
SELECT pg_temp.brought();
SELECT pg_temp.import(pg_temp.many(1, 1, 1), feed => 'all');
SELECT pg_temp.import(pg_temp.many(301, 2000, 1), feed => 'some', mode => 'full', override => true);
SELECT pg_temp.brought();
SELECT pg_temp.import(pg_temp.many(1, 1, 1), feed => 'some', mode => 'full', override => true);
SELECT pg_temp.brought();

SELECT orgsync.drop_account('mode_account');
