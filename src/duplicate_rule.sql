CREATE FUNCTION orgsync.address_key(orgsync.email_address) RETURNS bigint
AS 'MODULE_PATHNAME', 'orgsync_address_key'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.address_key(orgsync.email_address) IS
	'hash of the canonical address: equal for addresses that the rule same_address takes for one';

CREATE FUNCTION orgsync.person_key(orgsync.email_address, first_name text, last_name text) RETURNS bigint
AS 'MODULE_PATHNAME', 'orgsync_person_key'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.person_key(orgsync.email_address, text, text) IS
	'hash of the name and the address: of one name, all keys lie together; without a name, of half the address';

CREATE FUNCTION orgsync.unnamed_key(orgsync.email_address) RETURNS bigint
AS 'MODULE_PATHNAME', 'orgsync_unnamed_key'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.unnamed_key(orgsync.email_address) IS
	'hash of the other half of the address, by which somebody without a name is found';

CREATE FUNCTION orgsync.is_unnamed(first_name text, last_name text) RETURNS boolean
AS 'MODULE_PATHNAME', 'orgsync_is_unnamed'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.is_unnamed(text, text) IS 'is there no first and last name to compare?';

CREATE FUNCTION orgsync.duplicate_profile_check() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_duplicate_profile_check'
LANGUAGE C;
COMMENT ON FUNCTION orgsync.duplicate_profile_check() IS
	'trigger: refuses or reports a profile that the duplicate rules find similar to another';

CREATE FUNCTION orgsync.set_duplicate_rule(account regnamespace, rule text, action orgsync.rule_action) RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_set_duplicate_rule'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.set_duplicate_rule(regnamespace, text, orgsync.rule_action) IS
	'sets what becomes of a profile that the rule finds similar to another; profiles that are there stay';

CREATE FUNCTION orgsync.add_domain_alias(account regnamespace, alias text, domain text) RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_add_domain_alias'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.add_domain_alias(regnamespace, text, text) IS
	'declares that two mail domains are one and the same';
