-- Empty files to fill in.

CREATE FUNCTION orgsync.template_csv(product orgsync.product, permissions boolean DEFAULT false,
	licenses text[] DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'orgsync_template_csv'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.template_csv(orgsync.product, boolean, text[]) IS
	'the header line of a product''s template, with admin permissions if wanted; licenses: the headers of the license columns';

CREATE FUNCTION orgsync.account_template(account regnamespace, permissions boolean DEFAULT false)
RETURNS text
AS 'MODULE_PATHNAME', 'orgsync_account_template'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION orgsync.account_template(regnamespace, boolean) IS
	'the header line of an account''s template, with its own licenses, groups and attributes';
