CREATE TYPE orgsync.import_summary AS (
	import_id bigint,
	state text,
	imported_by text,
	feed text,
	source text,
	mode text,
	header text[],
	started_at timestamptz,
	finished_at timestamptz,
	rows_read bigint,
	created bigint,
	updated bigint,
	unchanged bigint,
	absent bigint,
	rejected bigint,
	warnings bigint,
	seats_granted bigint,
	seats_revoked bigint,
	invitations bigint,
	encoding text,
	delimiter text,
	message text,
	notes text
);
COMMENT ON TYPE orgsync.import_summary IS 'what an import read and did: a row of the account''s table imports';

CREATE FUNCTION orgsync.import_csv(account regnamespace, csv bytea, feed text DEFAULT 'default', mode text DEFAULT 'patch',
	on_error text DEFAULT NULL, dry_run boolean DEFAULT false, columns jsonb DEFAULT NULL, groups text[] DEFAULT NULL,
	source text DEFAULT NULL, override boolean DEFAULT false, message text DEFAULT NULL,
	notes text DEFAULT NULL)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_bytea'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_csv(regnamespace, bytea, text, text, text, boolean, jsonb, text[], text, boolean, text, text) IS
	'imports an org-sync file into an account''s tables';

CREATE FUNCTION orgsync.import_csv(account regnamespace, csv text, feed text DEFAULT 'default', mode text DEFAULT 'patch',
	on_error text DEFAULT NULL, dry_run boolean DEFAULT false, columns jsonb DEFAULT NULL, groups text[] DEFAULT NULL,
	source text DEFAULT NULL, override boolean DEFAULT false, message text DEFAULT NULL,
	notes text DEFAULT NULL)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_text'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_csv(regnamespace, text, text, text, text, boolean, jsonb, text[], text, boolean, text, text) IS
	'imports an org-sync file, given as text, into an account''s tables';

CREATE FUNCTION orgsync.import_file(account regnamespace, path text, feed text DEFAULT 'default', mode text DEFAULT 'patch',
	on_error text DEFAULT NULL, dry_run boolean DEFAULT false, columns jsonb DEFAULT NULL, groups text[] DEFAULT NULL,
	source text DEFAULT NULL, override boolean DEFAULT false, message text DEFAULT NULL,
	notes text DEFAULT NULL)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_file'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_file(regnamespace, text, text, text, text, boolean, jsonb, text[], text, boolean, text, text) IS
	'imports an org-sync file on the server; needs the privileges of pg_read_server_files';

CREATE FUNCTION orgsync.import_large_object(account regnamespace, loid oid, feed text DEFAULT 'default', mode text DEFAULT 'patch',
	on_error text DEFAULT NULL, dry_run boolean DEFAULT false, columns jsonb DEFAULT NULL, groups text[] DEFAULT NULL,
	source text DEFAULT NULL, override boolean DEFAULT false, message text DEFAULT NULL,
	notes text DEFAULT NULL)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_large_object'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_large_object(regnamespace, oid, text, text, text, boolean, jsonb, text[], text, boolean, text, text) IS
	'imports an org-sync file that is a large object';

CREATE FUNCTION orgsync.import_table(account regnamespace, relation regclass, feed text DEFAULT 'default',
	mode text DEFAULT 'patch', on_error text DEFAULT NULL, dry_run boolean DEFAULT false, columns jsonb DEFAULT NULL,
	groups text[] DEFAULT NULL, source text DEFAULT NULL, override boolean DEFAULT false, message text DEFAULT NULL,
	notes text DEFAULT NULL)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_table'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_table(regnamespace, regclass, text, text, text, boolean, jsonb, text[], text, boolean, text, text) IS
	'imports a table or view whose columns are named like headers; the first row counts as line 2';

CREATE FUNCTION orgsync.import_remote(account regnamespace, csv bytea, complete boolean DEFAULT true,
	adopt boolean DEFAULT false)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_remote_bytea'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_remote(regnamespace, bytea, boolean, boolean) IS
	'takes the vendor''s own list of users for what the vendor has now';

CREATE FUNCTION orgsync.import_remote(account regnamespace, csv text, complete boolean DEFAULT true,
	adopt boolean DEFAULT false)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_remote_text'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_remote(regnamespace, text, boolean, boolean) IS
	'takes the vendor''s own list of users, given as text, for what the vendor has now';
