-- Profiles that look like one person, in an import: in line order, with names and ids as evidence.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('look_alikes', 'linkedin_learning') \g /dev/null

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
		FROM look_alikes.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
CREATE FUNCTION pg_temp.import(csv text, mode text DEFAULT 'patch', feed text DEFAULT 'default', on_error text DEFAULT NULL,
	dry_run boolean DEFAULT false, override boolean DEFAULT false)
RETURNS SETOF text LANGUAGE sql AS
$$
SELECT s FROM orgsync.import_csv('look_alikes', replace(csv, 'LICENSE', 'Default_license_learning_proAllLanguages_status'),
	feed => feed, mode => mode, on_error => on_error, dry_run => dry_run, override => override) AS i,
	pg_temp.summary(i) AS s
$$;

SELECT orgsync.add_license('look_alikes', 'Default_license_learning_proAllLanguages_status', seats => 1, counting => 'invited') \g /dev/null
CREATE FUNCTION pg_temp.anew() RETURNS void LANGUAGE sql AS $$ DELETE FROM look_alikes.profiles; DELETE FROM look_alikes.feeds; DELETE FROM look_alikes.feed_profiles $$;
CREATE FUNCTION pg_temp.messages() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT regexp_replace(f.message, '^Duplicate Profile Error: .* \(', 'Duplicate Profile Error: ... (') FROM look_alikes.import_findings AS f
WHERE f.import_id = (SELECT max(import_id) FROM look_alikes.imports) ORDER BY f.finding_id
$$;
CREATE FUNCTION pg_temp.people() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT concat_ws(' ', primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, CASE WHEN reupload_user_profile THEN 'confirmed' END)
FROM look_alikes.profiles ORDER BY primary_email_address
$$;

-- with a profile, and within the file
INSERT INTO look_alikes.profiles (primary_email_address) VALUES ('jane.smith@example.com');
SELECT pg_temp.import(E'primary_email\njanesmith@example.com\nJ.A.N.E.Smith+hr@Example.com\nbob@example.com\nb.o.b@example.com\nbob@example.org\n');
SELECT pg_temp.messages();
SELECT message FROM look_alikes.import_findings ORDER BY finding_id LIMIT 1;
-- confirmed to be another person, and remembered
SELECT pg_temp.import(E'primary_email,reupload_user_profile\njanesmith@example.com,true\nb.o.b@example.com,yes\nbob@example.com,\n');
SELECT pg_temp.import(E'primary_email,reupload_user_profile\njanesmith@example.com,true\nb.o.b@example.com,yes\nbob@example.com,\n');
SELECT pg_temp.import(E'primary_email,work_title\njanesmith@example.com,Boss\njane.smith@example.com,Clerk\n');
SELECT pg_temp.people();
-- false does not take it back, as the person stays another one; a newcomer is compared with both
SELECT pg_temp.import(E'primary_email,reupload_user_profile\njanesmith@example.com,false\njane.s.mith@example.com,\n');
SELECT pg_temp.messages();
-- a confirmed one may be renamed, others may be renamed past it
SELECT pg_temp.import(E'existing_email_address,primary_email\njanesmith@example.com,janes.mith@example.com\njane.smith@example.com,j.anesmith@example.com\n');
SELECT pg_temp.people();

-- both in one new file, in either order: the confirmed row skips the check, the other does not
SELECT pg_temp.anew();
SELECT pg_temp.import(E'primary_email,reupload_user_profile\na.b@example.com,\nab@example.com,true\n');
SELECT pg_temp.anew();
SELECT pg_temp.import(E'primary_email,reupload_user_profile\nab@example.com,true\na.b@example.com,\n');
SELECT pg_temp.messages();
SELECT pg_temp.anew();
INSERT INTO look_alikes.profiles (primary_email_address) VALUES ('old@example.com');
SELECT pg_temp.import(E'existing_email_address,primary_email,reupload_user_profile\n,a.b@example.com,\nold@example.com,ab@example.com,true\n,old@example.com,\n');
SELECT pg_temp.people();

-- profiles are compared as they are by then
SELECT pg_temp.anew();
INSERT INTO look_alikes.profiles (primary_email_address, unique_user_id) VALUES ('a.b@example.com', 'E1');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,c@example.com\nE2,ab@example.com\n');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE3,c+x@example.com\nE1,d@example.com\n');
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,e.e@example.com\nE4,ee@example.com\n');
SELECT pg_temp.people();
-- another spelling of one's own address is no duplicate
SELECT pg_temp.import(E'unique_user_id,primary_email\nE1,ee+1@example.com\n');
-- a row that was rejected is not there for those after it
SELECT pg_temp.import(E'primary_email,LICENSE\nz1@example.com,active\nz.2@example.com,active\nz2@example.com,\n');
SELECT pg_temp.people();

-- names and ids as evidence that these are two people
SELECT pg_temp.anew();
SELECT pg_temp.import(E'primary_email,unique_user_id,preferred_first_name,preferred_last_name\n'
	'sara.halla@example.com,E1,Sara,Halla\nsarah.alla@example.com,E2,Sarah,Alla\nsarahalla@example.com,E3,Sara,Halla\n'
	'sarah.a.lla@example.com,,Sarina,Hallam\ns.arahalla@example.com,E4,Sarah,\n');
SELECT pg_temp.messages();
-- that hold no longer when the names change
SELECT pg_temp.import(E'primary_email,preferred_first_name,preferred_last_name\nsarah.alla@example.com,Halla,Sara\n');
SELECT pg_temp.messages();
SELECT pg_temp.import(E'primary_email,preferred_first_name,preferred_last_name\nsarah.alla@example.com,Sarah,Aller\n');
-- a confirmed profile counts with the names that an earlier row gives it
UPDATE look_alikes.profiles SET reupload_user_profile = true WHERE unique_user_id = 'E1';
BEGIN;
SELECT pg_temp.import(E'primary_email,unique_user_id,preferred_first_name,preferred_last_name\n'
	'sarah.a.lla@example.com,E5,Sara,Halla\nsara.halla@example.com,E1,Ida,Ost\ns.arahalla@example.com,E6,Sara,Halla\n');
SELECT pg_temp.people();
ROLLBACK;
UPDATE look_alikes.profiles SET reupload_user_profile = false WHERE unique_user_id = 'E1';
-- also where the file gives no addresses
SELECT pg_temp.import(E'unique_user_id,preferred_first_name,preferred_last_name\nE2,SARA,halla\n');
SELECT pg_temp.messages();
SELECT pg_temp.import(E'unique_user_id,preferred_first_name,preferred_last_name\nE1,Anna,Berg\nE2,SARA,halla\n');
SELECT pg_temp.import(E'unique_user_id,preferred_first_name,preferred_last_name\nE2,ANNA,Berg\nE1,Carl,Dorn\n');
SELECT pg_temp.people();

-- rules and aliases
SELECT orgsync.add_domain_alias('look_alikes', 'example.net', 'example.com');
SELECT pg_temp.import(E'primary_email\nnew@example.net\nn.ew@example.com\n');
SELECT pg_temp.import(E'primary_email\nnew@example.com\n');
SELECT pg_temp.messages();
SELECT pg_temp.import(E'unique_user_id,primary_email,preferred_first_name,preferred_last_name\nE7,n.e.w@example.com,Ida,Ost\nE8,,X,Y\n');
SELECT orgsync.set_duplicate_rule('look_alikes', 'same_address', 'warn');
SELECT pg_temp.import(E'primary_email\nnew@example.com\nn.ew@example.com\n');
SELECT pg_temp.messages();
SELECT orgsync.set_duplicate_rule('look_alikes', 'same_address', 'off');
SELECT pg_temp.import(E'primary_email\nne.w@example.com\n');

-- what the owner's triggers make of rows that were compared is compared again
SELECT orgsync.set_duplicate_rule('look_alikes', 'same_address', 'reject');
DELETE FROM look_alikes.profiles;
SELECT pg_temp.import(E'primary_email,preferred_first_name,preferred_last_name\nmaria.lind@example.com,Maria,Lind\nkarl.moe@example.com,Karl,Moe\n');
CREATE FUNCTION look_alikes.spoil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_WHEN = 'BEFORE' AND NEW.preferred_first_name = 'Carl' THEN
		NEW.primary_email_address := 'maria.lind+new@example.com';
	ELSIF TG_WHEN = 'AFTER' AND pg_trigger_depth() = 1 AND NEW.preferred_first_name = 'Charles' THEN
		UPDATE look_alikes.profiles SET primary_email_address = 'mari.a.lind@example.com' WHERE preferred_first_name = 'Charles';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER spoil_before BEFORE UPDATE ON look_alikes.profiles FOR EACH ROW EXECUTE FUNCTION look_alikes.spoil();
CREATE TRIGGER spoil_after AFTER UPDATE ON look_alikes.profiles FOR EACH ROW EXECUTE FUNCTION look_alikes.spoil();
SELECT pg_temp.import(E'primary_email,preferred_first_name\nkarl.moe@example.com,Carl\n');
SELECT pg_temp.messages();
SELECT pg_temp.import(E'primary_email,preferred_first_name\nkarl.moe@example.com,Charles\n');
SELECT pg_temp.messages();
SELECT pg_temp.import(E'primary_email,preferred_first_name\nkarl.moe@example.com,Carlo\n');
DROP FUNCTION look_alikes.spoil CASCADE;

-- under row-level security, whom the caller may not read is not named
CREATE ROLE regress_orgsync_half_blind;
GRANT USAGE ON SCHEMA look_alikes TO regress_orgsync_half_blind;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA look_alikes TO regress_orgsync_half_blind;
ALTER TABLE look_alikes.profiles ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_domain ON look_alikes.profiles USING (orgsync.domain(primary_email_address) = 'example.org');
SET ROLE regress_orgsync_half_blind;
SELECT state, rejected FROM orgsync.import_csv('look_alikes', E'primary_email\nm.aria.lind@example.com\nmaria.lind@example.com\n');
RESET ROLE;
SELECT pg_temp.messages();
DROP OWNED BY regress_orgsync_half_blind;
DROP ROLE regress_orgsync_half_blind;

SELECT orgsync.drop_account('look_alikes');
