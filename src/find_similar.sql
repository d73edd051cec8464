CREATE FUNCTION orgsync.find_similar(account regnamespace, email orgsync.email_address, first_name text DEFAULT NULL,
	last_name text DEFAULT NULL, unique_user_id text DEFAULT NULL)
RETURNS TABLE (profile_id bigint, primary_email_address orgsync.email_address, rule text, action orgsync.rule_action)
AS 'MODULE_PATHNAME', 'orgsync_find_similar'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;
COMMENT ON FUNCTION orgsync.find_similar(regnamespace, orgsync.email_address, text, text, text) IS
	'the profiles that somebody is similar to, and what would become of a profile of his: the strictest first';

CREATE FUNCTION orgsync.similar_profiles(account regnamespace)
RETURNS TABLE (profile_id bigint, primary_email_address orgsync.email_address, other_profile_id bigint,
	other_primary_email_address orgsync.email_address, rule text, action orgsync.rule_action, confirmed boolean)
AS 'MODULE_PATHNAME', 'orgsync_similar_profiles'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION orgsync.similar_profiles(regnamespace) IS
	'all pairs of profiles that are similar now; confirmed: one of them was confirmed to be another person';
