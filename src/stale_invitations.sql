-- Who was invited long ago and never came.

CREATE FUNCTION orgsync.stale_invitations(account regnamespace, older_than interval)
RETURNS TABLE (profile_id bigint, primary_email_address orgsync.email_address, preferred_first_name text,
	preferred_last_name text, header orgsync.license_header, since timestamptz, takes_a_seat boolean)
AS 'MODULE_PATHNAME', 'orgsync_stale_invitations'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION orgsync.stale_invitations(regnamespace, interval) IS
	'invitations that nobody accepted in that time, the oldest first: ready for revoke_seat(), or for grant_seat() once more';
