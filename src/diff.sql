-- What distinguishes an account from what the vendor has.

CREATE FUNCTION orgsync.diff(account regnamespace)
RETURNS TABLE (profile_id bigint, primary_email_address text, action text, column_name text, old_value text, new_value text)
AS 'MODULE_PATHNAME', 'orgsync_diff'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION orgsync.diff(regnamespace) IS
	'the cells that the vendor has otherwise than the account, and what an export would do about them';
