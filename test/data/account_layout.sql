-- What the tables of the accounts acme and globex are like, where they differ: to compare an
-- upgraded account with a new one.
WITH account AS (
	SELECT oid AS namespace, nspname FROM pg_namespace WHERE nspname IN ('acme', 'globex')
), part AS (
	SELECT nspname, concat_ws(' ', relkind, relname, attname, format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation,
		pg_get_expr(adbin, adrelid), col_description(c.oid, attnum)) AS definition
	FROM account JOIN pg_class AS c ON relnamespace = namespace AND relkind IN ('r', 'v')
		JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	UNION ALL SELECT nspname, concat_ws(' ', relname, pg_get_viewdef(c.oid), obj_description(c.oid), relacl, reloptions)
	FROM account JOIN pg_class AS c ON relnamespace = namespace AND relkind IN ('r', 'v', 'S')
	UNION ALL SELECT nspname, concat_ws(' ', relname, conname, pg_get_constraintdef(o.oid))
	FROM account JOIN pg_class AS c ON relnamespace = namespace JOIN pg_constraint AS o ON conrelid = c.oid
	UNION ALL SELECT nspname, indexdef FROM account JOIN pg_indexes ON schemaname = nspname
	UNION ALL SELECT nspname, concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled)
	FROM account JOIN pg_class AS c ON relnamespace = namespace JOIN pg_trigger AS t ON tgrelid = c.oid AND NOT tgisinternal
	UNION ALL SELECT nspname, pg_get_functiondef(p.oid) FROM account JOIN pg_proc AS p ON pronamespace = namespace
)
SELECT string_agg(nspname, ' and '), replace(definition, E'\n', ' ')
FROM (SELECT DISTINCT nspname, replace(definition, nspname || '.', '') AS definition FROM part) AS part
GROUP BY definition HAVING count(*) <> 2 ORDER BY definition COLLATE "C";
