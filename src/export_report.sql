-- What an export would do, for people to look at before they upload.

CREATE FUNCTION orgsync.export_report(account regnamespace)
RETURNS text
AS 'MODULE_PATHNAME', 'orgsync_export_report'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION orgsync.export_report(regnamespace) IS
	'what an export would do now, as an HTML page that needs nothing else';
