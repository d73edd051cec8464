CREATE FUNCTION orgsync.change_log_profiles() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_change_log_profiles' LANGUAGE C;
COMMENT ON FUNCTION orgsync.change_log_profiles() IS 'trigger: notes what the vendor has of changed profiles';

CREATE FUNCTION orgsync.change_log_seats() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_change_log_seats' LANGUAGE C;
COMMENT ON FUNCTION orgsync.change_log_seats() IS 'trigger: notes what the vendor has of changed seats';

CREATE FUNCTION orgsync.change_log_memberships() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_change_log_memberships' LANGUAGE C;
COMMENT ON FUNCTION orgsync.change_log_memberships() IS 'trigger: notes what the vendor has of changed memberships';

CREATE FUNCTION orgsync.change_log_permissions() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_change_log_permissions' LANGUAGE C;
COMMENT ON FUNCTION orgsync.change_log_permissions() IS 'trigger: notes what the vendor has of changed permissions';

CREATE FUNCTION orgsync.change_log_group() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_change_log_group' LANGUAGE C;
COMMENT ON FUNCTION orgsync.change_log_group() IS 'trigger: notes who was in a group that is renamed or deleted';

CREATE FUNCTION orgsync.change_log_license() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_change_log_license' LANGUAGE C;
COMMENT ON FUNCTION orgsync.change_log_license() IS 'trigger: notes who had a license that is renamed or deleted';

CREATE FUNCTION orgsync.change_log_truncate() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_change_log_truncate' LANGUAGE C;
COMMENT ON FUNCTION orgsync.change_log_truncate() IS 'trigger: notes what the vendor has of a table that is truncated';
