-- Licenses in an import: states, seats in line order, waiting lists.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('seats_account', 'linkedin_learning') \g /dev/null

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
		FROM seats_account.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('seats_account', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

SELECT orgsync.add_license('seats_account', 'Default_license_learning_proAllLanguages_status', seats => 2, counting => 'invited') \g /dev/null
SELECT orgsync.add_license('seats_account', 'Sales_license_coaching_basic_status', seats => 1, counting => 'invited') \g /dev/null
CREATE FUNCTION pg_temp.import2(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default') RETURNS SETOF text LANGUAGE sql AS
$$ SELECT pg_temp.import(replace(csv, 'SECOND', 'Sales_license_coaching_basic_status'), mode, feed) $$;
CREATE FUNCTION pg_temp.seats() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT primary_email_address || ': ' || string_agg(left(header::text, 5) || ' ' || status, ', ' ORDER BY license_id)
FROM seats_account.seats JOIN seats_account.profiles USING (profile_id) JOIN seats_account.licenses USING (license_id)
GROUP BY primary_email_address ORDER BY primary_email_address
$$;
CREATE FUNCTION pg_temp.anew() RETURNS void LANGUAGE sql AS $$ DELETE FROM seats_account.profiles; DELETE FROM seats_account.feeds; DELETE FROM seats_account.feed_profiles $$;

-- each state meets each cell
SELECT orgsync.set_seats('seats_account', 'Default_license_learning_proAllLanguages_status', NULL);
INSERT INTO seats_account.profiles (primary_email_address)
SELECT (state || '_' || cell || '@example.com')::orgsync.email_address
FROM unnest('{none,unassigned,waitlisted,invited,activated}'::text[]) AS state, unnest('{active,inactive,empty}'::text[]) AS cell;
INSERT INTO seats_account.seats (profile_id, license_id, status, since)
SELECT profile_id, 1, split_part(primary_email_address::text, '_', 1)::orgsync.seat_status, '2020-01-01'
FROM seats_account.profiles WHERE primary_email_address::text NOT LIKE 'none%';
SELECT pg_temp.import(E'primary_email,LICENSE\n' || string_agg(primary_email_address || ',' ||
	CASE WHEN primary_email_address::text LIKE '%\_active@%' THEN 'active' WHEN primary_email_address::text LIKE '%inactive@%' THEN 'inactive' ELSE '' END, E'\n'))
FROM seats_account.profiles;
SELECT p.primary_email_address, s.status, CASE WHEN s.since > '2020-01-01' THEN 'now' ELSE 'before' END
FROM seats_account.profiles AS p LEFT JOIN seats_account.seats AS s USING (profile_id) ORDER BY profile_id;
SELECT pg_temp.anew();
SELECT orgsync.set_seats('seats_account', 'Default_license_learning_proAllLanguages_status', 2);

-- seats go in line order; a row that gets none changes nothing
SELECT pg_temp.import(E'primary_email,work_title,group:HR,LICENSE\na@example.com,x,yes,\n');
SELECT pg_temp.import(E'primary_email,work_title,group:HR,LICENSE\nb@example.com,y,yes,active\nc@example.com,y,yes,active\na@example.com,y,no,active\nd@example.com,y,no,\ne@example.com,y,no,active\n');
SELECT message FROM seats_account.import_findings ORDER BY finding_id DESC LIMIT 1;
SELECT primary_email_address, work_title, groups FROM seats_account.users ORDER BY 1;
SELECT pg_temp.seats();
-- revocations come first, whatever the line
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\nd@example.com,active\nb@example.com,inactive\nc@example.com,inactive\n');
SELECT pg_temp.seats();
SELECT * FROM seats_account.seat_usage;
-- but not those of a row that is rejected
SELECT pg_temp.import(E'primary_email,LICENSE,work_title\nb@example.com,active,x\na@example.com,inactive,"x\ny"\n');
-- or that is rejected only when its turn comes
INSERT INTO seats_account.profiles (primary_email_address) VALUES ('x.y@example.com');
SELECT pg_temp.import(E'primary_email,existing_email_address,LICENSE\nb@example.com,,active\nxy@example.com,a@example.com,inactive\n');
SELECT pg_temp.seats();

-- one row gives back one license and takes the other
SELECT pg_temp.anew();
SELECT pg_temp.import2(E'primary_email,LICENSE,SECOND\na@example.com,active,\nb@example.com,active,\nc@example.com,,active\n');
SELECT pg_temp.import2(E'primary_email,LICENSE,SECOND\na@example.com,inactive,active\nc@example.com,active,inactive\nd@example.com,active,\n');
SELECT pg_temp.seats();
-- and back, in another order of lines
SELECT pg_temp.import2(E'primary_email,LICENSE,SECOND\nd@example.com,,active\nc@example.com,inactive,active\na@example.com,active,inactive\n');
SELECT pg_temp.seats();
-- one that gets nothing gives nothing back
SELECT pg_temp.import2(E'primary_email,LICENSE,SECOND\nf@example.com,active,\na@example.com,inactive,active\n');
SELECT pg_temp.seats();

-- who is absent gives back first, too
SELECT pg_temp.anew();
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\nb@example.com,active\n', feed => 'f');
SELECT pg_temp.import(E'primary_email,LICENSE\nnew@example.com,active\na@example.com,active\n', feed => 'f', mode => 'full');
SELECT pg_temp.seats();
-- unless they are not absent after all: named by a row that is rejected, or held by another feed
SELECT pg_temp.import(E'primary_email,LICENSE\nnew2@example.com,active\nnew@example.com,active\na@example.com,maybe\n', feed => 'f', mode => 'full');
SELECT pg_temp.import(E'primary_email\na@example.com\n', feed => 'g');
SELECT pg_temp.import(E'primary_email,LICENSE\nnew2@example.com,active\nnew@example.com,active\n', feed => 'f', mode => 'full');
SELECT pg_temp.import(E'primary_email\nother@example.com\n', feed => 'g');
SELECT pg_temp.import(E'primary_email,LICENSE\nnew2@example.com,active\nnew@example.com,active\n', feed => 'f', mode => 'full');
SELECT pg_temp.seats();

-- a waiting list
SELECT pg_temp.anew();
UPDATE seats_account.licenses SET when_full = 'waitlist' WHERE license_id = 1;
SELECT pg_temp.import(E'primary_email,LICENSE,work_title\na@example.com,active,x\nb@example.com,active,x\nc@example.com,active,x\n');
SELECT pg_temp.import(E'primary_email,LICENSE,work_title\na@example.com,active,x\nb@example.com,active,x\nc@example.com,active,x\n');
SELECT pg_temp.seats();
SELECT pg_temp.import(E'primary_email,LICENSE\nc@example.com,inactive\n');
SELECT pg_temp.seats();
UPDATE seats_account.licenses SET when_full = 'reject' WHERE license_id = 1;

-- where only an activated seat counts, invitations are free
SELECT pg_temp.anew();
UPDATE seats_account.licenses SET counting = 'activated' WHERE license_id = 1;
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\nb@example.com,active\nc@example.com,active\n');
SELECT orgsync.activate('seats_account', 'a@example.com', 'Default_license_learning_proAllLanguages_status');
SELECT orgsync.activate('seats_account', 'b@example.com', 'Default_license_learning_proAllLanguages_status');
SELECT pg_temp.import(E'primary_email,LICENSE\nd@example.com,active\na@example.com,inactive\n');
SELECT * FROM seats_account.seat_usage;
SELECT pg_temp.seats();
-- a state over the cap stays, but gets no worse
UPDATE seats_account.seats SET status = 'unassigned';
SELECT orgsync.set_seats('seats_account', 'Default_license_learning_proAllLanguages_status', 3);
UPDATE seats_account.licenses SET counting = 'invited' WHERE license_id = 1;
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,active\nb@example.com,active\nc@example.com,active\n');
SELECT orgsync.set_seats('seats_account', 'Default_license_learning_proAllLanguages_status', 1, force => true);
SELECT pg_temp.import(E'primary_email,LICENSE\na@example.com,inactive\nb@example.com,active\nd@example.com,active\n');
SELECT pg_temp.import(E'primary_email,LICENSE\nb@example.com,inactive\nc@example.com,inactive\nd@example.com,active\ne@example.com,active\n');
SELECT pg_temp.seats();
-- no seat at all
SELECT orgsync.set_seats('seats_account', 'Sales_license_coaching_basic_status', 0);
SELECT pg_temp.import2(E'primary_email,SECOND\na@example.com,active\n');
-- a file that only revokes should have no group column
SELECT pg_temp.import(E'primary_email,LICENSE,group:HR\na@example.com,inactive,\nb@example.com,,\n');
SELECT pg_temp.import(E'primary_email,LICENSE,group:HR\na@example.com,inactive,\nd@example.com,active,\n');
SELECT pg_temp.import(E'primary_email,LICENSE,group:HR\na@example.com,,yes\n');
-- one welcome mail a person
SELECT orgsync.set_seats('seats_account', 'Sales_license_coaching_basic_status', 5);
SELECT pg_temp.import2(E'primary_email,LICENSE,SECOND\nd@example.com,inactive,\nz@example.com,active,active\n');

SELECT orgsync.drop_account('seats_account');
