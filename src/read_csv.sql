-- The reader of CSV alone: what an import would see of a file.

CREATE FUNCTION orgsync.read_csv(csv bytea, delimiter text DEFAULT NULL)
RETURNS TABLE (line bigint, fields text[])
AS 'MODULE_PATHNAME', 'orgsync_read_csv_bytea'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION orgsync.read_csv(bytea, text) IS
	'records of a CSV file, the header too, each with the line on which it begins; encoding and delimiter are found out';

CREATE FUNCTION orgsync.read_csv(csv text, delimiter text DEFAULT NULL)
RETURNS TABLE (line bigint, fields text[])
AS 'MODULE_PATHNAME', 'orgsync_read_csv_text'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION orgsync.read_csv(text, text) IS
	'records of CSV text, the header too, each with the line on which it begins; the delimiter is found out';
