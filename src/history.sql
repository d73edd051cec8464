-- Who set what, and the end of keeping it.

CREATE FUNCTION orgsync.explain_profile(account regnamespace, email orgsync.email_address)
RETURNS TABLE (column_name text, wanted text, vendor_has text, set_by text, set_at timestamptz, pending text)
AS 'MODULE_PATHNAME', 'orgsync_explain_profile'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION orgsync.explain_profile(regnamespace, orgsync.email_address) IS
	'one person, cell by cell: what shall be, what the vendor has, who set it, and what is under way';

CREATE FUNCTION orgsync.undo_import(account regnamespace, import_id bigint)
RETURNS TABLE (what text, number bigint)
AS 'MODULE_PATHNAME', 'orgsync_undo_import'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.undo_import(regnamespace, bigint) IS
	'takes back what an import did, unless later changes stand in the way';

CREATE FUNCTION orgsync.prune(account regnamespace, older_than interval)
RETURNS TABLE (what text, number bigint)
AS 'MODULE_PATHNAME', 'orgsync_prune'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.prune(regnamespace, interval) IS
	'removes findings, exported files and history that are older than that';

CREATE FUNCTION orgsync.forget_person(account regnamespace, email orgsync.email_address)
RETURNS TABLE (primary_email_address text, action text, column_name text, old_value text, new_value text)
AS 'MODULE_PATHNAME', 'orgsync_forget_person'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION orgsync.forget_person(regnamespace, orgsync.email_address) IS
	'removes one person everywhere; returns what the vendor must be told';
