-- test/doc/reference.sql: writes doc/reference.md from the catalogue's COMMENTs, with
-- psql -XAqt, into a database in which the extension is not yet ("make doc").
SET client_min_messages = warning;
CREATE EXTENSION orgsync;
CREATE EXTENSION orgsync_xlsx;
SELECT orgsync.create_account('acme', 'linkedin_learning') \g /dev/null
SET search_path = orgsync;

-- a cell of a table of Markdown
CREATE FUNCTION pg_temp.cell(text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(replace(replace($1, '|', '\|'), E'\n', ' '), '') $$;

-- what operators, casts, types, views and indexes are made of
CREATE TEMPORARY VIEW support_functions AS
SELECT oprcode::oid AS oid FROM pg_operator UNION SELECT oprrest FROM pg_operator UNION SELECT oprjoin FROM pg_operator
UNION SELECT castfunc FROM pg_cast UNION SELECT amproc FROM pg_amproc
UNION SELECT f.oid FROM pg_type, LATERAL (VALUES (typinput::oid), (typoutput::oid), (typreceive::oid), (typsend::oid)) AS f (oid)
UNION SELECT refobjid FROM pg_depend WHERE refclassid = 'pg_proc'::regclass AND classid IN ('pg_rewrite'::regclass, 'pg_class'::regclass)
UNION SELECT oid FROM pg_proc WHERE proname IN ('account_layout', 'account_upgrade', 'feed_record_entries');

CREATE TEMPORARY VIEW functions AS
SELECT p.oid, p.proname::text AS name, p.oid IN (SELECT oid FROM support_functions) AS supports,
	p.prorettype = 'trigger'::regtype AS is_trigger,
	CASE WHEN length(a) < 90 THEN a ELSE E'\n    ' || replace(a, ', ', E',\n    ') END AS arguments, a AS argument_list, pg_get_function_result(p.oid) AS result, obj_description(p.oid, 'pg_proc') AS comment
FROM pg_proc p, pg_get_function_arguments(p.oid) AS a WHERE p.pronamespace = 'orgsync'::regnamespace;

CREATE TEMPORARY VIEW relations AS
SELECT c.oid, c.relname::text AS name, c.relnamespace::regnamespace::text AS schema, c.relkind, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class c WHERE c.relnamespace IN ('acme'::regnamespace, 'orgsync'::regnamespace) AND c.relkind IN ('r', 'v', 'c');

-- the columns of a table, a view or a composite type, as a table of Markdown
CREATE FUNCTION pg_temp.columns(oid) RETURNS text LANGUAGE sql AS $$
SELECT E'| column | type | |\n|---|---|---|\n' || string_agg(format('| `%s` | %s | %s |', a.attname, format_type(a.atttypid, a.atttypmod),
	pg_temp.cell(concat_ws('; ', col_description($1, a.attnum),
		CASE WHEN i.indisprimary THEN 'primary key' WHEN a.attnotnull THEN 'not null' END,
		'default ' || pg_get_expr(d.adbin, d.adrelid)))), E'\n' ORDER BY a.attnum)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
$$;

\qecho '# Reference'
\qecho
\qecho 'Everything that orgsync and orgsync_xlsx have, with what their COMMENTs say. `make doc` writes this page from the catalogue; a test'
\qecho 'compares it. The pages by subject, with examples: [table of contents](README.md).'
\qecho
\qecho '## Functions'
\qecho
\qecho 'In the schema `orgsync`. An argument with DEFAULT may be left out, and be given by name: `dry_run => true`.'
\qecho
SELECT format(E'### %s\n\n%s\n', name, string_agg(format(E'```\n%s(%s)\n  → %s\n```\n\n%s', name, arguments, result, comment), E'\n\n' ORDER BY argument_list COLLATE "C"))
FROM functions WHERE NOT supports AND NOT is_trigger GROUP BY name ORDER BY name COLLATE "C";
\qecho '## Views'
\qecho
SELECT format(E'### orgsync.%s\n\n%s\n\n%s\n', name, comment, pg_temp.columns(oid)) FROM relations WHERE schema = 'orgsync' AND relkind = 'v' ORDER BY name COLLATE "C";
\qecho '## Types'
\qecho
SELECT format(E'### %s\n\n%s%s\n', t.typname, obj_description(t.oid, 'pg_type'),
	coalesce(E'\n\nValues: ' || (SELECT string_agg(format('`%s`', enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '')
	|| CASE WHEN t.typtype = 'c' THEN E'\n\n' || pg_temp.columns(t.typrelid) ELSE '' END)
FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
WHERE t.typnamespace = 'orgsync'::regnamespace AND (t.typtype IN ('b', 'e') AND t.typelem = 0 OR t.typtype = 'c' AND c.relkind = 'c')
ORDER BY t.typname COLLATE "C";
\qecho '## An account''s tables'
\qecho
\qecho 'In the account''s own schema, owned by whoever called `create_account`.'
\qecho
SELECT format(E'### %s\n\n%s\n\n%s\n', name, comment, pg_temp.columns(oid)) FROM relations WHERE schema = 'acme' AND relkind = 'r' ORDER BY name COLLATE "C";
\qecho '## An account''s views'
\qecho
SELECT format(E'### %s\n\n%s\n\n%s\n', name, comment, pg_temp.columns(oid)) FROM relations WHERE schema = 'acme' AND relkind = 'v' ORDER BY name COLLATE "C";
\qecho '## Findings'
\qecho
\qecho '`{1}` and the like stand for what the finding is about. Explained in [findings.md](findings.md).'
\qecho
\qecho '| code | severity | message | tip |'
\qecho '|---|---|---|---|'
SELECT format('| `%s` | %s | %s | %s |', code, severity, pg_temp.cell(message), pg_temp.cell(tip)) FROM finding_codes()
ORDER BY code COLLATE "C", severity, message COLLATE "C";
\qecho
\qecho '## Settings of the server'
\qecho
\qecho '`SET`, `ALTER ROLE … SET`, `ALTER DATABASE … SET` or postgresql.conf.'
\qecho
\qecho '| setting | default | |'
\qecho '|---|---|---|'
SELECT format('| `%s` | %s | %s |', name, concat(boot_val, ' ' || unit), pg_temp.cell(concat_ws(' ', short_desc, extra_desc)))
FROM pg_settings WHERE name LIKE 'orgsync.%' ORDER BY name COLLATE "C";
\qecho
\qecho '## Functions behind types, operators, views and triggers'
\qecho
\qecho 'Nobody calls these by name.'
\qecho
\qecho '| function | |'
\qecho '|---|---|'
SELECT format('| `%s(%s)` | %s |', name, regexp_replace(argument_list, '(, )?OUT .*', ''), pg_temp.cell(comment)) FROM functions WHERE supports OR is_trigger
ORDER BY name COLLATE "C", argument_list COLLATE "C";
