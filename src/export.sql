-- The files that bring the vendor to what the account says, and its answer.

CREATE TYPE orgsync.export_file AS (
	export_id bigint,
	seq integer,
	kind text,
	file_name text,
	row_count bigint,
	csv text
);
COMMENT ON TYPE orgsync.export_file IS 'a file of an export; seq is the order in which to upload';

CREATE FUNCTION orgsync.export_csv(account regnamespace, rows_per_file integer DEFAULT NULL, layout text DEFAULT NULL,
	override boolean DEFAULT false, spreadsheet_safe boolean DEFAULT false, dry_run boolean DEFAULT false,
	"full" boolean DEFAULT false)
RETURNS SETOF orgsync.export_file
AS 'MODULE_PATHNAME', 'orgsync_export_csv'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.export_csv(regnamespace, integer, text, boolean, boolean, boolean, boolean) IS
	'writes what the vendor has otherwise than the account, or with full everything, as files for the vendor, and records them';

CREATE FUNCTION orgsync.confirm_export(account regnamespace, export_id bigint, results bytea DEFAULT NULL, seq integer DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_confirm_export'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.confirm_export(regnamespace, bigint, bytea, integer) IS
	'the vendor has taken the export, or one file of it, except for the rows in its error file';

-- results has no default here: a call without it must find one function only
CREATE FUNCTION orgsync.confirm_export(account regnamespace, export_id bigint, results text, seq integer DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_confirm_export_text'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.confirm_export(regnamespace, bigint, text, integer) IS
	'the vendor has taken the export, or one file of it, except for the rows in its error file';

CREATE FUNCTION orgsync.cancel_export(account regnamespace, export_id bigint)
RETURNS void
AS 'MODULE_PATHNAME', 'orgsync_cancel_export'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.cancel_export(regnamespace, bigint) IS
	'the export was never uploaded: its changes will be exported again';
