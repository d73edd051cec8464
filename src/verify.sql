CREATE FUNCTION orgsync.verify_account(account regnamespace)
RETURNS TABLE (derived text, item text, stored text, expected text)
AS 'MODULE_PATHNAME', 'orgsync_verify_account'
LANGUAGE C VOLATILE STRICT ROWS 10;
COMMENT ON FUNCTION orgsync.verify_account(regnamespace) IS
	'compares what orgsync derives from an account''s tables with them, and returns what differs: nothing, in health';

CREATE FUNCTION orgsync.repair_account(account regnamespace)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_repair_account'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.repair_account(regnamespace) IS
	'derives everything anew from an account''s tables; only for its owner';
