-- Every row of the tables and views of the account acme, as one digest each.
SELECT relname, query_to_xml(format(
	'SELECT count(*), md5(string_agg(r::text, chr(10) ORDER BY r::text COLLATE "C")) FROM acme.%I AS r', relname),
	true, true, '')::text
FROM pg_class WHERE relnamespace = 'acme'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname;
