-- People who must not lose what they have by an accident.

CREATE FUNCTION orgsync.protect_profile(account regnamespace, email orgsync.email_address, why text)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_protect_profile'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.protect_profile(regnamespace, orgsync.email_address, text) IS
	'from now on, no import of mode full and no export revokes, removes or renames the profile';

CREATE FUNCTION orgsync.unprotect_profile(account regnamespace, email orgsync.email_address)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_unprotect_profile'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.unprotect_profile(regnamespace, orgsync.email_address) IS
	'ends the protection: what was left out so far is in the next export';
