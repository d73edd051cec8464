-- Files as people really save them: encodings, delimiters, line ends, titles, empty columns.

SELECT orgsync.create_account('acme', 'linkedin_learning');
SELECT orgsync.add_license('acme', 'Default_license_learning_proAllLanguages_status', seats => 10);

-- UTF-16, which the server has no conversion for
CREATE FUNCTION pg_temp.utf16(content text, little_endian boolean) RETURNS bytea
LANGUAGE sql IMMUTABLE AS
$$
	SELECT coalesce(string_agg(CASE WHEN little_endian THEN substr(unit, 2, 1) || substr(unit, 1, 1)
									ELSE unit END, '' ORDER BY n, part), '')
	FROM string_to_table(content, NULL) WITH ORDINALITY AS characters (character, n),
		LATERAL (VALUES
			(1, CASE WHEN ascii(character) < 65536 THEN ascii(character)
					 ELSE 55296 + (ascii(character) - 65536) / 1024 END),
			(2, CASE WHEN ascii(character) >= 65536 THEN 56320 + ascii(character) % 1024 END)
		) AS units (part, code),
		LATERAL decode(lpad(to_hex(code), 4, '0'), 'hex') AS unit
	WHERE code IS NOT NULL
$$;

CREATE FUNCTION pg_temp.encode_as(content text, encoding text) RETURNS bytea
LANGUAGE sql AS
$$
	SELECT CASE encoding
		WHEN 'UTF16LE' THEN pg_temp.utf16(content, true)
		WHEN 'UTF16BE' THEN pg_temp.utf16(content, false)
		ELSE convert_to(content, encoding) END
$$;

-- one file, written in every way
CREATE TEMP TABLE cells AS
SELECT n, fields
FROM (VALUES
	(1, ARRAY['primary_email_address', 'unique_user_id', 'preferred_first_name', 'preferred_last_name',
		'work_title', 'Default_license_learning_proAllLanguages_status', U&'group:Z\00FCrich', 'group:R&D, EMEA']),
	(2, ARRAY[U&'zoe@example.com', 'E1', U&'Zo\00EB', U&'\017Di\017Eka', 'Head of Sales, EMEA; APAC | US', 'active', 'yes', 'no']),
	(3, ARRAY['rene@example.com', 'E2', U&'Ren\00E9', U&'O\2019Neill', 'The "Chief", so to speak', 'active', 'no', 'yes']),
	(4, ARRAY['bill@example.com', 'E3', 'Bill', U&'M\00FCller', U&'\20AC 50,50 expert', 'inactive', '', ''])
) AS lines (n, fields);

CREATE FUNCTION pg_temp.write_file(delimiter text, line_ends text[]) RETURNS text
LANGUAGE sql AS
$$
	SELECT string_agg(line || line_ends[1 + n % cardinality(line_ends)], '' ORDER BY n)
	FROM cells, LATERAL (
		SELECT string_agg(CASE WHEN field ~ ('["' || delimiter || ']') THEN '"' || replace(field, '"', '""') || '"'
							   ELSE field END, delimiter ORDER BY position)
		FROM unnest(fields) WITH ORDINALITY AS field_list (field, position)
	) AS joined (line)
$$;

CREATE TEMP TABLE files AS
SELECT encoding, mark, delimiter, line_end,
	mark_bytes || pg_temp.encode_as(pg_temp.write_file(delimiter, line_ends), encoding) AS content
FROM (VALUES
	('UTF8', 'none', ''::bytea), ('UTF8', 'BOM', '\xEFBBBF'), ('UTF16LE', 'BOM', '\xFFFE'), ('UTF16BE', 'BOM', '\xFEFF'),
	('UTF16LE', 'none', ''), ('UTF16BE', 'none', ''), ('WIN1252', 'none', '')
) AS encodings (encoding, mark, mark_bytes),
	(VALUES (','), (';'), (E'\t'), ('|')) AS delimiters (delimiter),
	(VALUES ('LF', ARRAY[E'\n']), ('CRLF', ARRAY[E'\r\n']), ('CR', ARRAY[E'\r']),
		('mixed', ARRAY[E'\n', E'\r\n', E'\r\r', E'\n\n'])) AS line_ends (line_end, line_ends);

SELECT encoding, mark, count(*) AS files, count(DISTINCT content) AS contents,
	count(*) FILTER (WHERE same_fields) AS read_the_same
FROM files, LATERAL (
	SELECT array_agg(array_to_string(fields, '~') ORDER BY line)
		= (SELECT array_agg(array_to_string(fields, '~') ORDER BY n) FROM cells)
	FROM orgsync.read_csv(content)
) AS reading (same_fields)
GROUP BY encoding, mark ORDER BY encoding, mark;

-- an import of each finds the same people, and says how the file was written
SELECT state, rows_read, created, rejected, warnings, found.encoding, found.delimiter
FROM files, LATERAL orgsync.import_csv('acme', content) AS found
WHERE (files.encoding, mark, files.delimiter, line_end) = ('UTF8', 'none', ',', 'LF');
SELECT primary_email_address, preferred_first_name, preferred_last_name, work_title, groups,
	licenses -> 'Default_license_learning_proAllLanguages_status' ->> 'status' AS status
FROM acme.users ORDER BY primary_email_address;
SELECT found.encoding, to_json(found.delimiter)::text AS delimiter, mark, count(*) AS files,
	count(*) FILTER (WHERE found.encoding = files.encoding AND found.delimiter = files.delimiter) AS found_out,
	sum(found.unchanged) AS unchanged, sum(found.rejected) AS rejected, sum(found.warnings) AS warnings
FROM files, LATERAL orgsync.import_csv('acme', content) AS found
GROUP BY 1, 2, mark ORDER BY 1, ascii(min(found.delimiter)), mark;
SELECT count(*), count(DISTINCT header), count(*) FILTER (WHERE encoding = 'UTF16BE' AND delimiter = '|') FROM acme.imports;

-- What an import reads in a file, or what is wrong with it.  Nothing is changed.
CREATE FUNCTION pg_temp.show(csv bytea, columns jsonb DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql AS
$$
DECLARE
	summary orgsync.import_summary;
BEGIN
	SELECT * INTO summary FROM orgsync.import_csv('acme', csv, dry_run => true, columns => columns);
	RETURN NEXT format('%s, %s rows, %s rejected, %s, %s, header %s', summary.state, summary.rows_read, summary.rejected,
					   summary.encoding, to_json(summary.delimiter), to_json(summary.header));
	RETURN QUERY SELECT format('  line %s: %s: %s', f.line, f.code, f.message)
		FROM acme.import_findings AS f WHERE f.import_id = summary.import_id
		ORDER BY f.line NULLS FIRST, f.code;
END
$$;

-- the delimiter is the one that makes the header known
SELECT n, show
FROM (VALUES
	(1, E'group:a|b|c|d,primary_email_address\nyes,a@b.cd\n'),
	(2, E'primary_email_address;group:Sales, Marketing, Support\na@b.cd;yes\n'),
	(3, E'primary_email_address;"group:a;b;c",x|group:d,primary_email_address\n'),	-- each would do: the comma
	(4, E'"primary_email_address"\t"group:a,b"\na@b.cd\tyes\n'),
	(5, E'primary_email_address\na@b.cd\n'),
	(6, E'a,b;c;d\n1,2;3;4\n'),									-- no known header: the most frequent
	(7, E'License_x_status;PRIMARY_EMAIL_ADDRESS;a,b,c,d,e\n'),	-- a wrong license is no reason to err
	(8, E'"Mail";"Depts, all"\na@b.cd;x\n')
) AS cases (n, csv), pg_temp.show(convert_to(csv, 'UTF8'), '{"Mail": "primary_email_address", "Depts, all": "work_title"}');

-- a first line that names the delimiter
SELECT n, show
FROM (VALUES
	(1, E'sep=;\nprimary_email_address;work_title\na@b.cd;x,y\nbad\n'),
	(2, E'SEP=,\r\n\r\nprimary_email_address,work_title\r\na@b.cd,x\r\nbad\r\n'),
	(3, E'"sep=|"\rprimary_email_address|work_title\ra@b.cd|x\rbad\r'),
	(4, E'sep=\t\nprimary_email_address\twork_title\na@b.cd\tx\n'),
	(5, E'sep=:\nprimary_email_address:work_title\na@b.cd:x\n'),
	(6, E'sep=;'),
	(7, E'sep=;\n'),
	(8, E'sep=;;\nprimary_email_address;work_title\n'),		-- none: a title
	(9, E'sep=x\nprimary_email_addressxwork_title\n'),
	(10, E'sep="\nprimary_email_address\n'),
	(11, E'sep=\n'),
	(12, E'\nsep=;\nprimary_email_address,work_title;\na@b.cd,x\n')
) AS cases (n, csv), pg_temp.show(convert_to(csv, 'UTF8'));
SELECT * FROM orgsync.read_csv(E'sep=;\na;b,c\n1;2\n');
SELECT * FROM orgsync.read_csv(E'sep=;\na;b,c\n1;2\n', ',');
SELECT line, fields
FROM orgsync.read_csv('\xFFFE'::bytea || pg_temp.utf16(E'sep=;\r\na;b\r\n', true));
SELECT line, fields FROM orgsync.read_csv('\xEFBBBF'::bytea || 'sep=;'::bytea || '\x0A' || 'a,b;c'::bytea);

-- titles and blank lines above the header
SELECT n, show
FROM (VALUES
	(1, E'Users of Acme\n\nprimary_email_address,work_title\na@b.cd,x\nbad\n'),
	(2, E'\r\n\r\nUsers of Acme;;\r\nas of;1 May;\r\n;;\r\nprimary_email_address;work_title;\r\na@b.cd;x;\r\nbad;x;\r\n'),
	(3, E'1\n2\n3\n4\n5\nprimary_email_address,work_title\na@b.cd,x\n'),
	(4, E'1\n2\n3\n4\n5\n6\nprimary_email_address,work_title\na@b.cd,x\n'),	-- too many
	(5, E'work_title,x\nprimary_email_address,work_title\na@b.cd,x\n'),	-- a known header is no title
	(6, E'Users\nwork_title,group:a\nprimary_email_address,work_title\n'),
	(7, E'sep=;\n"Users; all\nof them"\nprimary_email_address;work_title\na@b.cd;x\nbad;x\n'),
	(8, E'Mail list\nMail,Job\na@b.cd,x\n')
) AS cases (n, csv), pg_temp.show(convert_to(csv, 'UTF8'), '{"Mail": "primary_email_address"}');
SELECT * FROM orgsync.read_csv(E'Users; of, Acme\n\nprimary_email_address;work_title\na@b.cd;x\n');

-- empty columns at the end
SELECT n, show
FROM (VALUES
	(1, E'primary_email_address,work_title,,\na@b.cd,x,,\nc@d.ef,y\ng@h.ij,z,,,,\n'),
	(2, E'primary_email_address,work_title, ,""\na@b.cd,x, ,""\nc@d.ef,y,\n'),
	(3, E'primary_email_address,work_title\na@b.cd,x,,\nc@d.ef,y\n'),
	(4, E'primary_email_address,work_title,,\na@b.cd\nc@d.ef,y,,,z\n'),	-- a column lacks, one is too many
	(5, E'primary_email_address,work_title,,\na@b.cd,x,,1\nc@d.ef,y,2\ng@h.ij,z,,\n'),	-- values without a name
	(6, E'primary_email_address,,work_title,\na@b.cd,,x,\n'),			-- not at the end
	(7, E',,,\n,,,\n'),
	(8, E'primary_email_address\n\n\na@b.cd\n\n\n')
) AS cases (n, csv), pg_temp.show(convert_to(csv, 'UTF8'));

-- byte order marks and nothing else
SELECT csv, show
FROM (VALUES (''::bytea), ('\xEFBBBF'), ('\xFFFE'), ('\xFEFF'), ('\xEFBBBF0D0A0D0A'), ('\xFFFE0A000A00'), ('\xEFBB'),
	('\xFF'), ('\xFE'), ('\xFFFE0000'))
	AS cases (csv), pg_temp.show(csv);

-- bytes that are wrong: the line, and the byte in the file as it came
SELECT n, show
FROM (SELECT E'primary_email_address,work_title\r\na@b.cd,' AS ascii,
		E'primary_email_address,work_title\r\na@b.cd,' || U&'\00E9\000A' || 'c@d.ef,' AS accent,
		E'primary_email_address,work_title\r\na@b.cd,"x\ny' AS quoted) AS parts,
	LATERAL (VALUES
		(1, convert_to(ascii, 'UTF8') || '\xE9'),			-- Windows-1252
		(2, convert_to(ascii, 'UTF8') || '\xE9C3A9'),
		(3, convert_to(accent, 'UTF8') || '\xE9'),			-- broken UTF-8
		(4, convert_to(accent, 'UTF8') || '\xE9' || '"'),
		(5, '\xEFBBBF' || convert_to(ascii, 'UTF8') || '\xE9'),
		(6, convert_to(quoted, 'UTF8') || '\xE9' || convert_to(E'"\nbad', 'UTF8')),
		(7, convert_to(ascii, 'UTF8') || '\xE981'),			-- no character of Windows-1252
		(8, convert_to(accent, 'WIN1252') || '\x9D'),
		(9, convert_to(accent, 'UTF8') || '\x00'),
		(10, convert_to(accent, 'WIN1252') || '\x00'),
		(11, '\xFFFE' || pg_temp.utf16(accent, true) || '\x0000'),
		(12, '\xFFFE' || pg_temp.utf16(accent, true) || '\x00'),	-- half a character
		(13, '\xFEFF' || pg_temp.utf16(accent, false) || '\xD83D0041'),	-- half a surrogate pair
		(14, '\xFEFF' || pg_temp.utf16(accent, false) || '\xDE00D83D'),
		(15, pg_temp.utf16(accent, true) || '\x3DD8'),
		(16, pg_temp.utf16(accent, false) || '\xD83DDE'),
		(17, pg_temp.utf16(quoted || U&'\+01F600', true)),		-- bytes count in the file's encoding
		(18, convert_to(accent || 'x"y' || E'\n"z" ', 'WIN1252')),
		(19, convert_to(accent || U&'\+01F600\000A', 'UTF8') || '"z" '),
		(20, pg_temp.utf16(accent || U&'\+01F600\000A"z" ', true))
	) AS cases (n, csv), pg_temp.show(csv);

-- The reader's block is 64 kB: characters across its edges, in either half.
SELECT encoding, count(*) AS files, count(*) FILTER (WHERE wrong) AS wrong
FROM (VALUES ('UTF8', 1), ('UTF16LE', 2), ('UTF16BE', 2)) AS encodings (encoding, unit),
	generate_series(1, 2) AS blocks, generate_series(-6, 6) AS shift,
	LATERAL (
		SELECT count(*) <> 2 OR max(length(fields[1])) <> 4 + blocks * 65536 / unit + shift
			OR string_agg(fields[2], ' ' ORDER BY line) IS DISTINCT FROM U&'\+01F600\20AC"\00E9 \+01F600'
		FROM orgsync.read_csv(pg_temp.encode_as('mail' || repeat('x', blocks * 65536 / unit + shift)
			|| U&',"\+01F600\20AC""\00E9"\000D\000Amail,\+01F600', encoding))
	) AS reading (wrong)
GROUP BY encoding ORDER BY encoding;

-- and where Windows-1252 shows only there
SELECT count(*) AS files, count(*) FILTER (WHERE wrong) AS wrong
FROM generate_series(1, 2) AS blocks, generate_series(-6, 6) AS shift,
	LATERAL (
		SELECT count(*) <> 65000 * blocks / 13 + 2 OR count(DISTINCT fields) <> 3
			OR max(fields[2]) FILTER (WHERE length(fields[1]) > 5) IS DISTINCT FROM U&'\20AC\00E9\20AC'
			OR max(length(fields[1])) <> blocks * 536 + shift + 20
		FROM orgsync.read_csv(convert_to(repeat(E'mail0,work_x\n', blocks * 5000)
			|| repeat('x', blocks * 536 + shift + 20) || U&',\20AC\00E9\20AC\000A' || 'mail1,end', 'WIN1252'))
	) AS reading (wrong);

-- half a pair, and a byte that is wrong, at the edges
SELECT encoding, count(*) AS files, count(*) FILTER (WHERE show LIKE '%byte offset ' || wanted || ')%') AS located
FROM (VALUES ('UTF16LE', '\x3DD8'::bytea, 2), ('UTF16BE', '\xD83D', 2), ('UTF8', '\xF09F98', 1)) AS encodings (encoding, bad, unit),
	generate_series(-4, 4) AS shift,
	LATERAL (SELECT 65536 / unit + shift) AS lengths (length),
	LATERAL pg_temp.encode_as(U&'primary_email_address,\00E9' || repeat('x', length), encoding) AS start,
	LATERAL (SELECT octet_length(start)) AS wants (wanted),
	LATERAL (SELECT string_agg(line, ' ') FROM pg_temp.show(start || bad) AS line) AS findings (show)
GROUP BY encoding ORDER BY encoding;

-- a large object, which is read as the caller
SELECT lo_from_bytea(0, content) AS large_object, octet_length(content) AS size
FROM files WHERE (encoding, mark, delimiter, line_end) = ('UTF16LE', 'none', ';', 'CRLF') \gset
SELECT source = 'large object ' || :large_object AS source, state, rows_read, unchanged, encoding, delimiter
FROM orgsync.import_large_object('acme', :large_object);
SELECT state, rows_read, source
FROM orgsync.import_large_object('acme', :large_object, feed => 'hr', dry_run => true, source => 'upload');
SELECT lo_put(:large_object, :size, 'x');
SELECT state, rows_read FROM orgsync.import_large_object('acme', :large_object);
SELECT code, line, message LIKE '%byte offset ' || :size || ')%' AS located FROM acme.import_findings
WHERE import_id = (SELECT max(import_id) FROM acme.imports);
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA orgsync, acme TO regress_reader;
GRANT ALL ON ALL TABLES IN SCHEMA acme TO regress_reader;
SET ROLE regress_reader;
\set VERBOSITY sqlstate
SELECT state FROM orgsync.import_large_object('acme', :large_object);	-- no privilege
SELECT state FROM orgsync.import_large_object('acme', 1);	-- no such object
\set VERBOSITY default
RESET ROLE;
SELECT lo_unlink(:large_object);

-- a table is in no encoding and has no delimiter
CREATE TEMP TABLE people (primary_email_address text, work_title text);
INSERT INTO people VALUES ('t@example.com', 'a;b');
SELECT state, rows_read, encoding, delimiter FROM orgsync.import_table('acme', 'people');

DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
SELECT orgsync.drop_account('acme');
