-- Org-sync files as spreadsheets.

CREATE FUNCTION orgsync.import_xlsx(account regnamespace, xlsx bytea, sheet text DEFAULT NULL, feed text DEFAULT 'default',
	mode text DEFAULT 'patch', on_error text DEFAULT NULL, dry_run boolean DEFAULT false, columns jsonb DEFAULT NULL,
	groups text[] DEFAULT NULL, source text DEFAULT NULL, override boolean DEFAULT false, message text DEFAULT NULL,
	notes text DEFAULT NULL)
RETURNS orgsync.import_summary
AS 'MODULE_PATHNAME', 'orgsync_import_xlsx'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION orgsync.import_xlsx(regnamespace, bytea, text, text, text, text, boolean, jsonb, text[], text, boolean, text, text) IS
	'imports a sheet of a workbook (.xlsx) into an account''s tables: the one of that name, or the first that is not hidden';

CREATE FUNCTION orgsync.read_xlsx(xlsx bytea, sheet text DEFAULT NULL)
RETURNS TABLE (line bigint, fields text[])
AS 'MODULE_PATHNAME', 'orgsync_read_xlsx'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION orgsync.read_xlsx(bytea, text) IS
	'rows of a sheet of a workbook (.xlsx) with something in them, each with its number and its cells up to the last one with text';

CREATE FUNCTION orgsync.write_xlsx(csv text)
RETURNS bytea
AS 'MODULE_PATHNAME', 'orgsync_write_xlsx'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION orgsync.write_xlsx(text) IS
	'a CSV file (comma) as a workbook (.xlsx) of one sheet, whose cells are all text';

CREATE FUNCTION orgsync.export_xlsx(account regnamespace, rows_per_file integer DEFAULT NULL, layout text DEFAULT NULL,
	override boolean DEFAULT false, spreadsheet_safe boolean DEFAULT false, dry_run boolean DEFAULT false,
	"full" boolean DEFAULT false)
RETURNS TABLE (export_id bigint, seq integer, kind text, file_name text, row_count bigint, xlsx bytea)
LANGUAGE sql VOLATILE
BEGIN ATOMIC
	SELECT f.export_id, f.seq, f.kind, pg_catalog.regexp_replace(f.file_name, '\.csv$', '.xlsx'), f.row_count,
		orgsync.write_xlsx(f.csv)
	FROM orgsync.export_csv(export_xlsx.account, export_xlsx.rows_per_file, export_xlsx.layout, export_xlsx.override,
		export_xlsx.spreadsheet_safe, export_xlsx.dry_run, export_xlsx."full") AS f;
END;
COMMENT ON FUNCTION orgsync.export_xlsx(regnamespace, integer, text, boolean, boolean, boolean, boolean) IS
	'the same as export_csv, with its files as workbooks (.xlsx) whose cells are all text';

CREATE FUNCTION orgsync.template_xlsx(product orgsync.product, permissions boolean DEFAULT false, licenses text[] DEFAULT NULL)
RETURNS bytea
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT orgsync.write_xlsx(orgsync.template_csv(template_xlsx.product, template_xlsx.permissions, template_xlsx.licenses));
END;
COMMENT ON FUNCTION orgsync.template_xlsx(orgsync.product, boolean, text[]) IS
	'the same as template_csv, as a workbook (.xlsx) whose cells are all text, also those that are filled in';
