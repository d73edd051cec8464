CREATE FUNCTION orgsync.license_cap_seats() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_license_cap_seats'
LANGUAGE C;
COMMENT ON FUNCTION orgsync.license_cap_seats() IS
	'trigger: refuses a statement that takes more seats than a license has, and keeps the counters';

CREATE FUNCTION orgsync.license_cap_license() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_license_cap_license'
LANGUAGE C;
COMMENT ON FUNCTION orgsync.license_cap_license() IS
	'trigger: refuses to lower the seats of a license below what is taken';

CREATE FUNCTION orgsync.keep_derived() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_keep_derived'
LANGUAGE C;
COMMENT ON FUNCTION orgsync.keep_derived() IS
	'trigger: ignores writes to a derived table that are not orgsync''s own';

CREATE FUNCTION orgsync.license_counter_rebuild() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_license_counter_rebuild'
LANGUAGE C;
COMMENT ON FUNCTION orgsync.license_counter_rebuild() IS
	'trigger: counts the seats anew when the counters were truncated';
