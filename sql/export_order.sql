-- Files in an order that the vendor accepts: after each of them, no address is anybody else's, no seat is over the cap.
-- The vendor is a few tables here, and refuses what it would refuse.
SET client_min_messages = warning;
SELECT orgsync.create_account('ordered', 'linkedin_learning');
SELECT orgsync.add_license('ordered', 'Default_license_learning_proAllLanguages_status', seats => 6, counting => 'invited');
SET search_path = ordered, orgsync, public;
CREATE TABLE vendor (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, uid text, seat boolean NOT NULL DEFAULT false,
	UNIQUE (email) DEFERRABLE, UNIQUE (uid) DEFERRABLE);
-- applies a file as it stands, in one statement a kind of column; the constraints look at its end
CREATE FUNCTION upload(csv text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	taken int;
	cell text;
BEGIN
	CREATE TEMP TABLE f ON COMMIT DROP AS
		WITH lines AS (SELECT line, fields FROM orgsync.read_csv(csv)), header AS (SELECT fields FROM lines ORDER BY line LIMIT 1)
		SELECT line, max(l.fields[i]) FILTER (WHERE h.fields[i] = 'primary_email_address') AS email,
			max(l.fields[i]) FILTER (WHERE h.fields[i] = 'existing_email_address') AS old_email,
			nullif(max(l.fields[i]) FILTER (WHERE h.fields[i] = 'unique_user_id'), '') AS uid,
			max(l.fields[i]) FILTER (WHERE h.fields[i] = 'new_unique_user_id') AS new_uid,
			max(l.fields[i]) FILTER (WHERE h.fields[i] LIKE '%\_status') AS seat, NULL::int AS id
		FROM lines l CROSS JOIN header h CROSS JOIN generate_subscripts(h.fields, 1) i WHERE l.fields <> h.fields GROUP BY line;
	UPDATE f SET id = coalesce((SELECT v.id FROM vendor v WHERE v.email = f.old_email), (SELECT v.id FROM vendor v WHERE v.uid = f.uid),
		(SELECT v.id FROM vendor v WHERE v.email = f.email AND f.old_email IS NULL AND (f.uid IS NULL OR v.uid IS NULL)));
	SET CONSTRAINTS ALL DEFERRED;
	UPDATE vendor v SET email = coalesce(f.email, v.email), uid = coalesce(f.new_uid, f.uid, v.uid),
		seat = CASE f.seat WHEN 'active' THEN true WHEN 'inactive' THEN false ELSE v.seat END FROM f WHERE f.id = v.id;
	INSERT INTO vendor (email, uid, seat) SELECT email, coalesce(new_uid, uid), coalesce(seat = 'active', false) FROM f WHERE id IS NULL ORDER BY line;
	SET CONSTRAINTS ALL IMMEDIATE;
	DROP TABLE f;
	SELECT count(*) INTO taken FROM vendor WHERE seat;
	RETURN CASE WHEN taken > 6 THEN 'over the cap: ' || taken ELSE 'ok' END;
END
$$;
CREATE FUNCTION sync(rows_per_file int DEFAULT NULL) RETURNS TABLE (seq int, kind text, csv text, answer text) LANGUAGE plpgsql AS $$
BEGIN
	FOR seq, kind, csv IN SELECT e.seq, e.kind, e.csv FROM orgsync.export_csv('ordered', rows_per_file, override => true) e LOOP
		answer := CASE WHEN kind = 'manual' THEN 'for a person to do' ELSE upload(csv) END;
		csv := replace(csv, E'\r\n', E'\n');
		RETURN NEXT;
	END LOOP;
	PERFORM orgsync.confirm_export('ordered', max(export_id)) FROM exports;
END
$$;
CREATE VIEW unequal AS
	SELECT v.email, v.uid, v.seat, a.email AS email_here, a.uid AS uid_here, a.seat AS seat_here
	FROM (SELECT lower(email) AS email, uid, seat FROM vendor) v FULL JOIN (SELECT lower(primary_email_address::text) AS email, unique_user_id AS uid,
		EXISTS (SELECT FROM seats s WHERE s.profile_id = p.profile_id AND s.status IN ('invited', 'activated')) AS seat FROM profiles p) a
	ON v.email = a.email WHERE (v.uid, v.seat) IS DISTINCT FROM (a.uid, a.seat);

INSERT INTO profiles (primary_email_address, unique_user_id) SELECT c || '@example.com', CASE WHEN c < 'f' THEN upper(c) END FROM unnest('{a,b,c,d,e,f,g,h,i,j}'::text[]) c;
INSERT INTO seats SELECT n, 1, 'invited' FROM generate_series(1, 6) n;
SELECT seq, kind, answer FROM sync();
SELECT * FROM unequal;

-- seats that go from hand to hand, in files of one row
DELETE FROM seats WHERE profile_id <= 4;
INSERT INTO seats SELECT n, 1, 'invited' FROM generate_series(7, 10) n;
SELECT seq, kind, answer FROM sync(1);
SELECT * FROM unequal;

-- a circle of three with ids, cut into files of one row; a chain of those without behind it
UPDATE profiles SET primary_email_address = 'x@example.com' WHERE unique_user_id = 'A';
UPDATE profiles SET primary_email_address = 'a@example.com' WHERE unique_user_id = 'B';
UPDATE profiles SET primary_email_address = 'b@example.com' WHERE unique_user_id = 'C';
UPDATE profiles SET primary_email_address = 'c@example.com' WHERE unique_user_id = 'A';
UPDATE profiles SET primary_email_address = 'z@example.com' WHERE primary_email_address = 'f@example.com';
UPDATE profiles SET primary_email_address = 'f@example.com' WHERE primary_email_address = 'g@example.com';
UPDATE profiles SET primary_email_address = 'g@example.com' WHERE primary_email_address = 'h@example.com';
SELECT seq, kind, csv, answer FROM sync(1);
SELECT * FROM unequal;

-- a circle of people with and without ids, one of whom gets a new id, and somebody whose duplicate was confirmed
UPDATE profiles SET primary_email_address = 'x@example.com' WHERE primary_email_address = 'a@example.com';
UPDATE profiles SET primary_email_address = 'a@example.com', reupload_user_profile = true WHERE primary_email_address = 'f@example.com';
UPDATE profiles SET primary_email_address = 'f@example.com', unique_user_id = 'D2' WHERE unique_user_id = 'D';
UPDATE profiles SET primary_email_address = 'd@example.com' WHERE primary_email_address = 'x@example.com';
SELECT seq, kind, csv, answer FROM sync(2);
SELECT * FROM unequal;

-- ids that are swapped, and an address that goes on within the circle; somebody new gets the address that is left
UPDATE profiles SET unique_user_id = 'T' WHERE unique_user_id = 'A';
UPDATE profiles SET unique_user_id = 'A' WHERE unique_user_id = 'E';
UPDATE profiles SET unique_user_id = 'E', primary_email_address = 'y@example.com' WHERE unique_user_id = 'T';
INSERT INTO profiles (primary_email_address) VALUES ('c@example.com');
SELECT seq, kind, csv, answer FROM sync(1);
SELECT * FROM unequal;

-- an id that is taken away stays with its owner at the vendor's: nobody can be added under it
UPDATE profiles SET unique_user_id = NULL WHERE unique_user_id = 'A';
INSERT INTO profiles (primary_email_address, unique_user_id) VALUES ('new@example.com', 'A');
SELECT seq, kind, csv, answer FROM sync();
UPDATE vendor SET uid = NULL WHERE uid = 'A';
SELECT upload(E'primary_email_address,unique_user_id\nnew@example.com,A\n');
SELECT * FROM unequal;

-- everybody moves on, at random, in files of three: the vendor takes each of them
SELECT setseed(0.42);
CREATE FUNCTION shuffle() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[] := ARRAY(SELECT profile_id FROM profiles ORDER BY random() LIMIT 8);
	emails text[] := ARRAY(SELECT primary_email_address FROM profiles WHERE profile_id = ANY (ids) ORDER BY random());
	uids text[] := ARRAY(SELECT unique_user_id FROM profiles WHERE profile_id = ANY (ids) AND unique_user_id IS NOT NULL ORDER BY profile_id);
	owners bigint[] := ARRAY(SELECT profile_id FROM profiles WHERE profile_id = ANY (ids) AND unique_user_id IS NOT NULL ORDER BY random());
BEGIN
	UPDATE profiles SET primary_email_address = 't' || profile_id || '@example.com', unique_user_id = CASE WHEN unique_user_id IS NOT NULL THEN 't' || profile_id END
		WHERE profile_id = ANY (ids);
	FOR i IN 1 .. cardinality(ids) LOOP
		UPDATE profiles SET primary_email_address = CASE WHEN random() < 0.2 THEN 'u' || profile_id || '.' || (random() * 1e6)::int || '@example.com' ELSE emails[i] END
			WHERE profile_id = ids[i];
	END LOOP;
	FOR i IN 1 .. cardinality(owners) LOOP
		UPDATE profiles SET unique_user_id = uids[i] WHERE profile_id = owners[i];
	END LOOP;
	DELETE FROM seats WHERE profile_id = ANY (ids);
	INSERT INTO seats SELECT profile_id, 1, 'invited' FROM profiles p WHERE NOT EXISTS (SELECT FROM seats s WHERE s.profile_id = p.profile_id)
		ORDER BY random() LIMIT 6 - (SELECT count(*) FROM seats WHERE status <> 'unassigned');
END
$$;
CREATE TABLE answers AS SELECT 0 AS day, 'ok' AS answer;
DO $$
BEGIN
	FOR day IN 1 .. 60 LOOP
		PERFORM shuffle();
		INSERT INTO answers SELECT day, answer FROM sync(1 + day % 4);
		INSERT INTO answers SELECT day, 'unequal: ' || u FROM unequal u;
		INSERT INTO answers SELECT day, 'differs: ' || d FROM orgsync.diff('ordered') d;
	END LOOP;
END
$$;
SELECT answer, count(DISTINCT day) FROM answers GROUP BY answer;

\set VERBOSITY terse
DROP SCHEMA ordered CASCADE;
