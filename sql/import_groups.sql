-- A column whose cells name a group: who moves, and what else stays as it is.
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SELECT orgsync.create_account('moves', 'linkedin_learning') \g /dev/null

-- What became of a file: the counts that are not 0, and the findings.
CREATE FUNCTION pg_temp.summary(i orgsync.import_summary) RETURNS SETOF text LANGUAGE plpgsql AS
$$
BEGIN
	RETURN NEXT concat_ws(', ', i.state,
		(SELECT string_agg(name || ' ' || number, ', ' ORDER BY place)
		 FROM (VALUES (1, 'created', i.created), (2, 'updated', i.updated), (3, 'unchanged', i.unchanged),
			(4, 'rejected', i.rejected)) AS counts (place, name, number)
		 WHERE number > 0));
	RETURN QUERY SELECT format('  line %s %s: %s%s', coalesce(line::text, '-'), severity, code, ' ' || quote_ident(column_name))
		FROM moves.import_findings WHERE import_id = i.import_id ORDER BY finding_id;
END
$$;
-- Everybody's groups.
CREATE FUNCTION pg_temp.groups() RETURNS SETOF text LANGUAGE sql AS
$$
SELECT '  ' || split_part(p.primary_email_address::text, '@', 1) || ': ' || coalesce(string_agg(g.name, ', ' ORDER BY g.name), '-')
FROM moves.profiles p LEFT JOIN moves.memberships m USING (profile_id) LEFT JOIN moves.groups g USING (group_id)
GROUP BY p.profile_id ORDER BY p.profile_id
$$;
-- Imports rows, given as 'a,Sales;b,' with @example.com left out, and shows what became of them.
CREATE FUNCTION pg_temp.import(header text, lines text, feed text DEFAULT 'default', groups text[] DEFAULT NULL,
	columns jsonb DEFAULT '{"Dept": "group", "Site": "group"}', dry_run boolean DEFAULT false)
RETURNS SETOF text LANGUAGE plpgsql AS
$$
BEGIN
	RETURN QUERY SELECT s FROM orgsync.import_csv('moves', 'primary_email,' || header || E'\n'
		|| regexp_replace(replace(lines, ';', E'\n'), '^([^,]*)', '\1@example.com', 'gn') || E'\n',
		feed => feed, groups => groups, columns => columns, dry_run => dry_run) AS i, pg_temp.summary(i) AS s;
	RETURN QUERY SELECT pg_temp.groups();
END
$$;

-- the cells name groups, which are made, without regard to case; a blank cell says nothing
SELECT pg_temp.import('Dept', 'a,Sales;b, Field  Sales ;c,;d,SALES');
SELECT name FROM moves.groups ORDER BY group_id;
SELECT pg_temp.import('Dept', 'a,Sales;b, Field  Sales ;c,;d,SALES');

-- who moves leaves the group that the column gave before, and no other
INSERT INTO moves.groups (name) VALUES ('By hand');
INSERT INTO moves.memberships SELECT profile_id, group_id FROM moves.profiles, moves.groups
WHERE primary_email_address = 'a@example.com' AND name = 'By hand';
SELECT pg_temp.import('Dept', 'a,Support;b,;c,Sales;d,Sales');
SELECT pg_temp.import('Dept', 'a,By hand;b,Sales');
SELECT pg_temp.import('Dept', 'a,Sales;b,Sales');
-- the file wins over what was changed by hand since
DELETE FROM moves.memberships;
SELECT pg_temp.import('Dept', 'a,Sales;b,Support');
-- a group that was deleted is made again
DELETE FROM moves.groups WHERE name = 'Sales';
SELECT pg_temp.import('Dept', 'a,Sales');

-- several such columns: what another of them gives too is not left
DELETE FROM moves.profiles;
SELECT pg_temp.import('Dept,Site', 'a,Sales,Bonn;b,Bonn,Bonn;c,Sales,Bonn');
SELECT pg_temp.import('Dept,Site', 'a,Support,Bonn;b,Sales,Bonn;c,Bonn,Köln');
SELECT pg_temp.import('Dept', 'b,Support;c,Sales');
SELECT pg_temp.import('Site', 'b,Köln');
SELECT pg_temp.import('Dept,Site', 'b,KÖLN,Support');
-- one of them mapped to what the file does not have; two of one name
SELECT pg_temp.import('Site', 'b,Bonn', columns => '{"Site": "group", "Dept": "group", "Team": "group"}');
SELECT pg_temp.import('Dept,Dept', 'b,Bonn,Bonn');

-- another feed gives the same group: it is not left as long as that says so
DELETE FROM moves.profiles;
SELECT pg_temp.import('Dept', 'a,Sales;b,Sales');
SELECT pg_temp.import('Team', 'a,Sales;b,Sales', feed => 'other', columns => '{"Team": "group"}');
SELECT pg_temp.import('Dept', 'a,Support;b,Support');
SELECT pg_temp.import('Team', 'a,Other;b,', feed => 'other', columns => '{"Team": "group"}');

-- the cell of a group's own column wins, and a cell over what holds for the whole file
DELETE FROM moves.profiles;
SELECT pg_temp.import('Dept,group:Sales', 'a,Sales,no;b,Sales,yes;c,Sales,;d,Support,yes');
SELECT pg_temp.import('Dept,group:Sales', 'a,Sales,;b,Support,yes;c,Support,no;d,Sales,no');
SELECT pg_temp.import('Dept', 'c,Sales', groups => '{Support,Everybody}');

-- rejected rows make no groups and move nobody, nor does a dry run
SELECT pg_temp.import('Dept,group:Sales', E'a,Nowhere,perhaps;b,Anywhere,;c,"two\tlines",;d,Support,no', dry_run => true);
SELECT pg_temp.import('Dept,group:Sales', E'a,Nowhere,perhaps;c,"two\tlines",');
SELECT name FROM moves.groups WHERE name ~ 'where|two';
SELECT left(line, 60) FROM pg_temp.import('Dept', 'a,' || repeat('Text', 126) || ';d,' || repeat('Gr', 250)) AS line;
SELECT length(name) FROM moves.groups WHERE name ~ 'TextText|GrGr';
SELECT pg_temp.import('Dept', 'a,Sales;d,Sales');
-- permissions may be limited to a group that a cell of this line or an earlier one names
SELECT pg_temp.import('group_permission_view_reports,Dept', 'a,group:New,New;b,group:new,;c,group:Newer,;d,,Newer');
SELECT permission, scope FROM moves.permissions ORDER BY profile_id;

-- an attribute's or an unknown column's header may be "group" too; only the mapping makes it name groups
SELECT pg_temp.import('group', 'a,Sales', columns => NULL);

-- many groups at once, and again
SELECT s FROM orgsync.import_csv('moves', (SELECT E'primary_email,Dept\n' || string_agg(format(E'p%s@example.com,Group %s\n', n, n), '' ORDER BY n)
	FROM generate_series(1, 3000) AS n), columns => '{"Dept": "group"}') AS i, pg_temp.summary(i) AS s;
SELECT s FROM orgsync.import_csv('moves', (SELECT E'primary_email,Dept\n' || string_agg(format(E'p%s@example.com,group %s\n', n, n % 3000 + 1), '' ORDER BY n)
	FROM generate_series(1, 3000) AS n), columns => '{"Dept": "group"}') AS i, pg_temp.summary(i) AS s;
SELECT count(*), count(DISTINCT group_id) FROM moves.memberships JOIN moves.groups USING (group_id) WHERE name ~ '^Group ';
SELECT count(*) FROM moves.profiles JOIN moves.memberships USING (profile_id) JOIN moves.groups USING (group_id)
WHERE name ~ '^Group ' AND substring(primary_email_address::text FROM '\d+')::int % 3000 + 1 = substring(name FROM '\d+')::int;

-- products whose groups must be there first
SELECT orgsync.create_account('insights', 'talent_insights') \g /dev/null
INSERT INTO insights.groups (name) VALUES ('Sales'), ('Support');
SELECT state, created, updated, rejected FROM orgsync.import_csv('insights',
	E'primary_email_address,Dept\na@example.com,sales\nb@example.com,Salles\nc@example.com,\n', columns => '{"Dept": "group"}');
SELECT line, column_name, code, severity, message, tip FROM insights.import_findings ORDER BY finding_id;
SELECT primary_email_address, name FROM insights.profiles LEFT JOIN insights.memberships USING (profile_id)
	LEFT JOIN insights.groups USING (group_id) ORDER BY profile_id;

-- without an account every group is all right
SELECT line, column_name, code FROM orgsync.check_csv('talent_insights',
	E'primary_email_address,Dept\na@example.com,Sales\nb@example.com,\nc@example.com,"a\tb"\n', columns => '{"Dept": "group"}');

SELECT orgsync.drop_account('moves');
SELECT orgsync.drop_account('insights');
