-- What makes the next layout of an account's tables of an older one.  Layout 1 is the
-- first.  When account_layout() changes after a release, ACCOUNT_LAYOUT_VERSION in
-- account.h is raised, and the statements that do the same to existing tables are
-- added here, with @account for the schema: WHEN 1 THEN $$ALTER TABLE @account...$$,
-- the default of settings.layout_version among them.
CREATE FUNCTION orgsync.account_upgrade(layout_version integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT NULL::text
$function$;
COMMENT ON FUNCTION orgsync.account_upgrade(integer) IS
	'the statements that make the next layout of an account''s tables of this one, with @account for its schema; NULL: there are none';

CREATE FUNCTION orgsync.upgrade_account(account regnamespace) RETURNS integer
AS 'MODULE_PATHNAME', 'orgsync_upgrade_account'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.upgrade_account(regnamespace) IS
	'brings an account''s tables to the layout that this version of orgsync works with, and returns it; only for its owner';
