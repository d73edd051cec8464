-- Checks of a file without an account.

CREATE TYPE orgsync.finding AS (
	line bigint,
	column_name text,
	code text,
	severity text,
	message text,
	tip text,
	record text
);
COMMENT ON TYPE orgsync.finding IS
	'what is wrong with a file: where, how bad it is, and how to mend it; severity is warning, error (of a row) or fatal (of the file)';

CREATE FUNCTION orgsync.check_csv(product orgsync.product, csv bytea, columns jsonb DEFAULT NULL)
RETURNS SETOF orgsync.finding
AS 'MODULE_PATHNAME', 'orgsync_check_csv_bytea'
LANGUAGE C STABLE;
COMMENT ON FUNCTION orgsync.check_csv(orgsync.product, bytea, jsonb) IS
	'what is wrong with an org-sync file, as far as that can be told without an account';

CREATE FUNCTION orgsync.check_csv(product orgsync.product, csv text, columns jsonb DEFAULT NULL)
RETURNS SETOF orgsync.finding
AS 'MODULE_PATHNAME', 'orgsync_check_csv_text'
LANGUAGE C STABLE;
COMMENT ON FUNCTION orgsync.check_csv(orgsync.product, text, jsonb) IS
	'what is wrong with an org-sync file, given as text, as far as that can be told without an account';

CREATE FUNCTION orgsync.check_large_object(product orgsync.product, loid oid, columns jsonb DEFAULT NULL)
RETURNS SETOF orgsync.finding
AS 'MODULE_PATHNAME', 'orgsync_check_large_object'
LANGUAGE C STABLE;
COMMENT ON FUNCTION orgsync.check_large_object(orgsync.product, oid, jsonb) IS
	'what is wrong with an org-sync file that is a large object, as far as that can be told without an account';
