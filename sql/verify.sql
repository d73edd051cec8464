-- what is derived is compared with the tables, and derived anew
\set VERBOSITY terse
SELECT orgsync.create_account('checked', 'talent_insights');
SELECT orgsync.add_license('checked', 'A_license_learning_pro_status', 5);
SELECT orgsync.add_license('checked', 'B_license_learning_pro_status');
INSERT INTO checked.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 9) AS n;
INSERT INTO checked.seats SELECT n, 1, 'invited' FROM generate_series(1, 3) AS n;
INSERT INTO checked.seats SELECT n, 2, (ARRAY['invited', 'activated', 'unassigned', 'waitlisted'])[n % 4 + 1]::orgsync.seat_status
	FROM generate_series(1, 9) AS n;
SELECT * FROM orgsync.verify_account('checked');
-- over the cap it is right, too
SELECT orgsync.set_seats('checked', 'A_license_learning_pro_status', 2, force => true);
SELECT * FROM orgsync.verify_account('checked');

-- each figure is corrupted in turn: it is named, and mended
CREATE FUNCTION pg_temp.corrupt(relation regclass, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', relation);
	EXECUTE statement;
	EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', relation);
	RETURN QUERY SELECT concat_ws(' | ', derived, item, coalesce(stored, 'nothing'), coalesce(expected, 'nothing'))
		FROM orgsync.verify_account('checked');
	PERFORM orgsync.repair_account('checked');
	RETURN QUERY SELECT 'still there: ' || v::text FROM orgsync.verify_account('checked') AS v;
END $$;
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET invited = invited + 1 WHERE license_id = 1 AND slot = 3');
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET activated = activated - 1 WHERE license_id = 2 AND slot = 0');
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET waitlisted = waitlisted + 2 WHERE license_id = 2 AND slot = 15');
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET free = free + 1 WHERE license_id = 1 AND slot = 0');
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET free = CASE slot WHEN 0 THEN free + 1 ELSE -1 END WHERE license_id = 1 AND slot < 2');
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET free = 0 WHERE license_id = 2 AND slot = 7');
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET counts_invited = false WHERE license_id = 1');
SELECT pg_temp.corrupt('checked.seat_counters', 'UPDATE checked.seat_counters SET guarded = NOT guarded WHERE slot = 5');
SELECT pg_temp.corrupt('checked.seat_counters', 'DELETE FROM checked.seat_counters WHERE license_id = 2');
SELECT pg_temp.corrupt('checked.seat_counters', 'DELETE FROM checked.seat_counters WHERE license_id = 1 AND slot = 15');
SELECT pg_temp.corrupt('checked.seat_counters', 'INSERT INTO checked.seat_counters (license_id, slot) VALUES (2, 16)');
SELECT pg_temp.corrupt('checked.seat_counters', 'INSERT INTO checked.seat_counters (license_id, slot, invited) VALUES (77, 0, 1)');
SELECT pg_temp.corrupt('checked.seats', 'DELETE FROM checked.seats WHERE profile_id = 1');
SELECT header, total, available, invited, activated, waitlisted FROM checked.seat_usage;

-- so are the hashes of records: the next import reads all of them, and what it makes is right
CREATE FUNCTION pg_temp.daily() RETURNS TABLE (state text, rows_read bigint, created bigint, unchanged bigint) LANGUAGE sql AS $$
	SELECT state, rows_read, created, unchanged FROM orgsync.import_csv('checked', (SELECT E'primary_email_address\n' ||
		string_agg('q' || n || '@example.com', E'\n' ORDER BY n) FROM generate_series(1, 99) AS n), feed => 'daily') $$;
SELECT * FROM pg_temp.daily();
SELECT pg_temp.corrupt('checked.feed_records', 'UPDATE checked.feed_records SET entries = set_byte(entries, 9, get_byte(entries, 9) # 1)');
SELECT * FROM pg_temp.daily();
SELECT pg_temp.corrupt('checked.feed_records', 'UPDATE checked.feed_records SET entries = substr(entries, 1, length(entries) - 1)');
SELECT * FROM pg_temp.daily();
SELECT pg_temp.corrupt('checked.feed_records', $$UPDATE checked.feed_records SET entries = ''$$);
SELECT * FROM pg_temp.daily();
SELECT regexp_replace(pg_temp.corrupt('checked.profiles', $$DELETE FROM checked.profiles WHERE primary_email_address = 'q1@example.com'$$),
	'\d+ \|', 'N |');
SELECT * FROM pg_temp.daily();
SELECT * FROM orgsync.verify_account('checked');

-- whom a doubt names is no difference, among however many runs; who is beyond all doubt is one
SELECT state, created FROM orgsync.import_csv('checked', (SELECT E'primary_email_address\n' || string_agg('r' || n || '@example.com', E'\n' ORDER BY n)
	FROM generate_series(1, 20000) AS n), feed => 'large');
DELETE FROM checked.profiles WHERE primary_email_address IN (SELECT ('r' || 2 * n || '@example.com')::orgsync.email_address FROM generate_series(1, 8000) AS n);
SELECT only_feed, except_feed, cardinality(profile_runs) / 2 FROM checked.feed_record_doubts WHERE cardinality(profile_runs) > 1000;
SELECT * FROM orgsync.verify_account('checked');
SELECT regexp_replace(pg_temp.corrupt('checked.profiles', $$DELETE FROM checked.profiles WHERE primary_email_address IN ('r1@example.com', 'r777@example.com', 'r20000@example.com')$$),
	'\d+ \|', 'N |');

-- anybody may look who may read the tables; only the owner repairs
CREATE ROLE regress_verify_reader;
GRANT USAGE ON SCHEMA checked TO regress_verify_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA checked TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT * FROM orgsync.verify_account('checked');
SELECT orgsync.repair_account('checked');
RESET ROLE;
REVOKE SELECT ON checked.seats FROM regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT * FROM orgsync.verify_account('checked');
RESET ROLE;
SELECT * FROM orgsync.verify_account('public');
SELECT orgsync.repair_account('public');
SELECT orgsync.drop_account('checked');
DROP ROLE regress_verify_reader;
