-- Which profile a row means: ids, addresses, renames and swaps.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('people', 'linkedin_learning') \g /dev/null

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
		FROM people.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('people', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

-- Everybody: profile_id, address, id and name.
CREATE FUNCTION pg_temp.people() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT concat_ws(' ', profile_id, primary_email_address, coalesce(unique_user_id, '-'), preferred_first_name) FROM people.profiles ORDER BY profile_id
$$;
-- Begins anew with these people: address, id, name.
CREATE FUNCTION pg_temp.anew(VARIADIC who text[]) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
	DELETE FROM people.profiles;
	ALTER TABLE people.profiles ALTER profile_id RESTART;
	INSERT INTO people.profiles (primary_email_address, unique_user_id, preferred_first_name)
	SELECT (w[1])::orgsync.email_address, nullif(w[2], '-'), w[3] FROM unnest(who) AS x, string_to_array(x, ' ') AS w;
END
$$;
CREATE FUNCTION pg_temp.messages() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT f.message FROM people.import_findings AS f
WHERE f.import_id = (SELECT max(import_id) FROM people.imports) ORDER BY f.finding_id
$$;

-- only an address: in any case the same profile, which keeps its spelling
SELECT pg_temp.anew('Ann@example.com - Ann');
SELECT pg_temp.import(E'primary_email,preferred_first_name\nANN@EXAMPLE.COM,Anna\nbob@example.com,Bob\n');
SELECT pg_temp.people();
-- an id that is there: the profile is renamed
SELECT pg_temp.anew('ann@example.com E1 Ann', 'bob@example.com E2 Bob', 'cem@example.com - Cem');
SELECT pg_temp.import(E'unique_user_id,primary_email,preferred_first_name\nE1,ann.new@example.com,Ann\nE2,,Robert\n');
SELECT pg_temp.people();
-- an id that is not there: a profile without an id takes it
SELECT pg_temp.import(E'unique_user_id,primary_email\nE3,CEM@example.com\n');
-- one with another id does not; without an address nobody is meant
SELECT pg_temp.import(E'unique_user_id,primary_email\nE9,bob@example.com\nE8,\nE7,dan@example.com\n');
SELECT pg_temp.messages();
SELECT pg_temp.people();
-- without a column for addresses
SELECT pg_temp.import(E'unique_user_id,preferred_first_name\nE1,Anne\nE99,Nobody\n');
SELECT pg_temp.people();

-- existing_email_address: rename, alone, with an id, and whom nobody knows
SELECT pg_temp.anew('ann@example.com E1 Ann', 'bob@example.com - Bob', 'cem@example.com E3 Cem');
SELECT pg_temp.import(E'existing_email_address,primary_email,unique_user_id,preferred_first_name\n'
	'ANN@example.com,ann2@example.com,E1,Ann2\nbob@example.com,,E2,Bob2\ndan@example.com,dan2@example.com,,Dan\n'
	'cem@example.com,cem2@example.com,E4,Cem2\n,eve@example.com,,Eve\n');
SELECT pg_temp.messages();
SELECT pg_temp.people();
SELECT pg_temp.import(E'existing_email_address,primary_email,unique_user_id\nbob@example.com,bob2@example.com,E3\n');
SELECT pg_temp.messages();

-- a new id
SELECT pg_temp.anew('ann@example.com E1 Ann', 'bob@example.com E2 Bob', 'cem@example.com - Cem');
SELECT pg_temp.import(E'primary_email,unique_user_id,new_unique_user_id\nann@example.com,E1,N1\nbob@example.com,E2,N1\ncem@example.com,C1,C2\n');
SELECT pg_temp.messages();
SELECT pg_temp.people();
-- the same file again changes nothing
SELECT pg_temp.import(E'primary_email,unique_user_id,new_unique_user_id\nann@example.com,E1,N1\ncem@example.com,C1,C2\n');
-- an id that somebody has, or that another row gives away
SELECT pg_temp.import(E'primary_email,unique_user_id,new_unique_user_id\nbob@example.com,E2,N1\n');
SELECT pg_temp.messages();
SELECT pg_temp.import(E'primary_email,unique_user_id,new_unique_user_id\nbob@example.com,E2,F1\nfay@example.com,F1,\ngus@example.com,G1,F1\n');
SELECT pg_temp.messages();
SELECT pg_temp.import(E'primary_email,unique_user_id,new_unique_user_id\nhal@example.com,H1,\nbob@example.com,F1,H1\n');
SELECT pg_temp.people();

-- one person by the old and by the new id
SELECT pg_temp.import(E'unique_user_id,new_unique_user_id,preferred_first_name\nE1,N1,Anna\nN1,N2,Anne\n');
SELECT pg_temp.messages();

-- two people swap addresses: by id, by the existing address, three in a ring
SELECT pg_temp.anew('a@example.com E1 A', 'b@example.com E2 B', 'c@example.com E3 C');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,b@example.com\nE2,A@example.com\n');
SELECT pg_temp.people();
SELECT pg_temp.import(E'existing_email_address,primary_email\na@example.com,b@example.com\nb@example.com,a@example.com\n');
SELECT pg_temp.people();
SELECT pg_temp.import(E'unique_user_id,primary_email,preferred_first_name\nE1,b@example.com,A\nE2,c@example.com,B\nE3,a@example.com,C\n');
SELECT pg_temp.people();
SELECT pg_temp.import(E'unique_user_id,primary_email,preferred_first_name\nE1,b@example.com,A\nE2,c@example.com,B\nE3,a@example.com,C\n');
-- a domain of one's own that a CHECK holds
ALTER TABLE people.profiles ADD CONSTRAINT own_domain CHECK (primary_email_address::text LIKE '%@example.com');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,c@example.com\nE2,b@example.com\n');
ALTER TABLE people.profiles DROP CONSTRAINT own_domain;
SELECT pg_temp.people();

-- a chain of renames, in any order of lines
SELECT pg_temp.anew('a@example.com E1 A', 'b@example.com E2 B', 'c@example.com E3 C');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,b@example.com\nE2,c@example.com\nE3,d@example.com\n');
SELECT pg_temp.people();
SELECT pg_temp.import(E'unique_user_id,primary_email\nE3,c@example.com\nE2,b@example.com\nE1,a@example.com\n');
SELECT pg_temp.people();
-- whose end is taken, by somebody who is not in the file
SELECT pg_temp.anew('a@example.com E1 A', 'b@example.com E2 B', 'c@example.com E3 C', 'd@example.com E4 D');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,b@example.com\nE2,c@example.com\nE3,d@example.com\n');
SELECT pg_temp.messages();
SELECT pg_temp.people();
-- whose end has a bad cell
SELECT pg_temp.import(E'unique_user_id,primary_email,group:HR\nE1,b@example.com,\nE2,c@example.com,\nE3,e@example.com,maybe\n');
-- whose end looks like somebody else, which is found only when its turn comes
INSERT INTO people.profiles (primary_email_address) VALUES ('x.y@example.com');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,b@example.com\nE2,c@example.com\nE3,xy@example.com\nE5,eve@example.com\n');
SELECT pg_temp.people();
-- whose end gets no seat
SELECT orgsync.add_license('people', 'Default_license_learning_proAllLanguages_status', seats => 0, counting => 'invited') \g /dev/null
SELECT pg_temp.import(E'unique_user_id,primary_email,LICENSE\nE1,b@example.com,\nE2,c@example.com,\nE3,e@example.com,active\nE6,a@example.com,\n');
SELECT pg_temp.people();

-- a new person takes an address that another row frees, before or after it
SELECT pg_temp.anew('info@example.com E1 A', 'b@example.com E2 B');
SELECT pg_temp.import(E'unique_user_id,primary_email\nN1,info@example.com\nE1,a@example.com\n');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE2,bb@example.com\nN2,b@example.com\n');
SELECT pg_temp.people();
-- without an id the address means whoever has it
SELECT pg_temp.import(E'existing_email_address,primary_email\ninfo@example.com,n1@example.com\n,info@example.com\n');
SELECT pg_temp.messages();

-- the same address or id twice in a file
SELECT pg_temp.anew('a@example.com E1 A', 'b@example.com E2 B', 'c@example.com - C');
SELECT pg_temp.import(E'primary_email,unique_user_id\nnew@example.com,\nNEW@Example.com,\nx@example.com,E7\ny@example.com,E7\nnew@example.com,E8\n');
SELECT pg_temp.messages();
-- one person by two keys
SELECT pg_temp.import(E'primary_email,unique_user_id,existing_email_address\na@example.com,,\naa@example.com,E1,\n'
	'c@example.com,E9,\ncc@example.com,,c@example.com\n,E2,\n,,b@example.com\n');
SELECT pg_temp.messages();
-- a row that is rejected for another reason is no first row
SELECT pg_temp.import(E'primary_email,group:HR\nz@example.com,maybe\nz@example.com,yes\nz@example.com,yes\n');
SELECT pg_temp.messages();
SELECT pg_temp.people();

SELECT orgsync.drop_account('people');
