CREATE TYPE orgsync.product AS ENUM ('linkedin_learning', 'talent_insights', 'workleap');
COMMENT ON TYPE orgsync.product IS 'a vendor''s product, which takes its users as org-sync files';

CREATE TYPE orgsync.seat_status AS ENUM ('unassigned', 'waitlisted', 'invited', 'activated');
COMMENT ON TYPE orgsync.seat_status IS 'state of a profile''s license';

CREATE TYPE orgsync.seat_counting AS ENUM ('invited', 'activated');
COMMENT ON TYPE orgsync.seat_counting IS 'from which status on a seat is taken';

CREATE TYPE orgsync.when_full AS ENUM ('reject', 'waitlist');
COMMENT ON TYPE orgsync.when_full IS 'what a request for a seat meets when there is none';

CREATE TYPE orgsync.rule_action AS ENUM ('off', 'warn', 'reject');
COMMENT ON TYPE orgsync.rule_action IS 'what becomes of a profile that a duplicate rule finds similar to another';

CREATE FUNCTION orgsync.fold(text) RETURNS text
AS 'MODULE_PATHNAME', 'orgsync_fold'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.fold(text) IS 'the text without regard to case, the same in every collation';

CREATE FUNCTION orgsync.create_account(account name, product orgsync.product) RETURNS regnamespace
AS 'MODULE_PATHNAME', 'orgsync_create_account'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.create_account(name, orgsync.product) IS
	'makes an account: a schema of the caller''s with the tables of a vendor''s account';

CREATE FUNCTION orgsync.drop_account(account regnamespace) RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_drop_account'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.drop_account(regnamespace) IS
	'drops an account and its schema, if that holds nothing else';

CREATE FUNCTION orgsync.touch_updated_at() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_touch_updated_at'
LANGUAGE C;
COMMENT ON FUNCTION orgsync.touch_updated_at() IS 'trigger: keeps profiles.updated_at';

CREATE FUNCTION orgsync.touch_since() RETURNS trigger
AS 'MODULE_PATHNAME', 'orgsync_touch_since'
LANGUAGE C;
COMMENT ON FUNCTION orgsync.touch_since() IS 'trigger: keeps seats.since';
