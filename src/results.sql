-- The results file of an import.

CREATE FUNCTION orgsync.results_csv(account regnamespace, import_id bigint)
RETURNS text
AS 'MODULE_PATHNAME', 'orgsync_results_csv'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION orgsync.results_csv(regnamespace, bigint) IS
	'the rejected rows of an import as they came, with a last column Messages, to mend and import again';
