CREATE FUNCTION orgsync.add_license(account regnamespace, header orgsync.license_header, seats integer DEFAULT NULL,
	counting orgsync.seat_counting DEFAULT NULL, when_full orgsync.when_full DEFAULT 'reject',
	transfers_per_year integer DEFAULT NULL, transfer_action orgsync.rule_action DEFAULT 'warn')
RETURNS integer
AS 'MODULE_PATHNAME', 'orgsync_add_license'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.add_license(regnamespace, orgsync.license_header, integer, orgsync.seat_counting, orgsync.when_full,
	integer, orgsync.rule_action) IS
	'adds a license to an account and returns its license_id; without seats it has no limit, nor without transfers_per_year';

CREATE FUNCTION orgsync.set_seats(account regnamespace, header orgsync.license_header, seats integer,
	force boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_set_seats'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.set_seats(regnamespace, orgsync.license_header, integer, boolean) IS
	'sets the number of seats of a license (NULL: no limit), with force also below what is taken';

CREATE FUNCTION orgsync.grant_seat(account regnamespace, email orgsync.email_address, header orgsync.license_header)
RETURNS orgsync.seat_status
AS 'MODULE_PATHNAME', 'orgsync_grant_seat'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.grant_seat(regnamespace, orgsync.email_address, orgsync.license_header) IS
	'gives a profile a license, as the value active in a file does, and returns the status';

CREATE FUNCTION orgsync.revoke_seat(account regnamespace, email orgsync.email_address, header orgsync.license_header)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_revoke_seat'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.revoke_seat(regnamespace, orgsync.email_address, orgsync.license_header) IS
	'takes a license from a profile, as the value inactive in a file does';

CREATE FUNCTION orgsync.activate(account regnamespace, email orgsync.email_address, header orgsync.license_header,
	since timestamptz DEFAULT pg_catalog.now())
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_activate'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.activate(regnamespace, orgsync.email_address, orgsync.license_header, timestamptz) IS
	'notes that a profile activated its license at the vendor''s';
