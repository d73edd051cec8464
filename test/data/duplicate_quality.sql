-- What the duplicate rules say of the rows that gen_orgsync.py has planted: the table
-- "planted", and percent(which, of).
--
-- psql variables: similar and labels are the generator's files, which the server can
-- read; import_id is an import of the first of them, be it a dry run, into "acme".
CREATE TABLE label (email text, similar_to text, kind text);
COPY label FROM :'labels' (FORMAT csv, HEADER);
CREATE TABLE planted AS
SELECT l.kind, r.fields[2] <> '' AS has_id, r.fields[3] <> '' AS has_name,
	coalesce(f.code = 'duplicate_profile', false) AS rejected, f.code IS NOT NULL AS found
FROM label AS l JOIN orgsync.read_csv(pg_read_binary_file(:'similar')) AS r ON r.fields[1] = l.email
LEFT JOIN (SELECT line, min(code) AS code FROM acme.import_findings
	WHERE import_id = :import_id AND code IN ('duplicate_profile', 'similar_profile') GROUP BY line) AS f ON f.line = r.line
-- another spelling of the case is the same profile: an update, or the address is taken
WHERE l.kind <> 'case';
CREATE FUNCTION percent(which text, of text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	answer numeric;
BEGIN
	EXECUTE format('SELECT round(100.0 * count(*) FILTER (WHERE %s) / count(*), 3) FROM planted WHERE %s', which, of) INTO answer;
	RETURN answer;
END $$;
