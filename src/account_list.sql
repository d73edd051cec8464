CREATE FUNCTION orgsync.account_list(
	OUT account regnamespace, OUT product orgsync.product, OUT owner name, OUT profiles bigint,
	OUT last_import timestamptz, OUT last_export timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'orgsync_account_list'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.account_list() IS
	'the accounts that the caller may read; runs nothing of their owners'' making';

CREATE VIEW orgsync.accounts AS SELECT * FROM orgsync.account_list();
COMMENT ON VIEW orgsync.accounts IS 'the accounts that the caller may read';
CREATE FUNCTION orgsync.account_status(
	OUT account regnamespace, OUT product orgsync.product, OUT owner name, OUT needs_upgrade boolean,
	OUT last_import timestamptz, OUT last_import_state text, OUT last_applied timestamptz,
	OUT last_export timestamptz, OUT last_export_state text, OUT last_confirmed timestamptz,
	OUT pending_changes bigint, OUT fullest_license orgsync.license_header, OUT seats_left bigint,
	OUT waitlisted bigint, OUT errors_open bigint, OUT warnings_open bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'orgsync_account_status'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.account_status() IS
	'how the accounts that the caller may read are; runs nothing of their owners'' making';

CREATE VIEW orgsync.status AS SELECT * FROM orgsync.account_status();
COMMENT ON VIEW orgsync.status IS
	'how the accounts that the caller may read are, to be watched: costs little, however large they are';
COMMENT ON COLUMN orgsync.status.needs_upgrade IS 'its owner must call orgsync.upgrade_account()';
COMMENT ON COLUMN orgsync.status.last_import IS 'when the last import ended; dry runs do not count';
COMMENT ON COLUMN orgsync.status.last_import_state IS 'what became of it: applied, refused or undone';
COMMENT ON COLUMN orgsync.status.last_applied IS 'when the last import ended that was applied';
COMMENT ON COLUMN orgsync.status.last_export IS 'when the last export was made that was not cancelled';
COMMENT ON COLUMN orgsync.status.last_export_state IS 'exported: nobody has confirmed it yet; or confirmed';
COMMENT ON COLUMN orgsync.status.last_confirmed IS 'when the last confirmed export was confirmed';
COMMENT ON COLUMN orgsync.status.pending_changes IS
	'rows of the table "changes": more than 0 if there is something to export or to confirm; an estimate beyond some 40,000';
COMMENT ON COLUMN orgsync.status.fullest_license IS 'the license of which the largest share of the seats is taken; NULL: none has a limit';
COMMENT ON COLUMN orgsync.status.seats_left IS 'its free seats; negative: more are taken than there are';
COMMENT ON COLUMN orgsync.status.waitlisted IS 'how many people wait for a seat of any license';
COMMENT ON COLUMN orgsync.status.errors_open IS
	'rows that each feed''s last import rejected (a refused file counts as 1 at least) and that the vendor refused of the last confirmed export';
COMMENT ON COLUMN orgsync.status.warnings_open IS 'warnings of each feed''s last import and of the last export';

GRANT SELECT ON orgsync.accounts, orgsync.status TO PUBLIC;
