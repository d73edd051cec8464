-- The catalogue of findings.

CREATE FUNCTION orgsync.finding_codes()
RETURNS TABLE (code text, severity text, message text, tip text)
AS 'MODULE_PATHNAME', 'orgsync_finding_codes'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 40;
COMMENT ON FUNCTION orgsync.finding_codes() IS
	'everything that can be found wrong with a file; {1}, {2} stand for what is shown of the file, and a code has several rows where it is said in several ways';
