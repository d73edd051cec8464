-- The reader of CSV alone: records, their lines, and what it says of bad files.

-- What a file holds, or else why it cannot be read: one line a record.
CREATE FUNCTION pg_temp.show(csv bytea, delimiter text DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql AS
$$
DECLARE
	detail text;
	hint text;
BEGIN
	RETURN QUERY SELECT r.line || ' ' || to_json(r.fields)
		FROM orgsync.read_csv(csv, delimiter) AS r;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN NEXT SQLSTATE || ' ' || SQLERRM;
	IF detail <> '' THEN
		RETURN NEXT '  ' || detail;
	END IF;
	IF hint <> '' THEN
		RETURN NEXT '  ' || hint;
	END IF;
END
$$;

-- both kinds of argument, no data, and NULL
SELECT * FROM orgsync.read_csv(E'a,b\n1,2\n');
SELECT * FROM orgsync.read_csv('\x612c620a312c32'::bytea);
SELECT count(*) FROM orgsync.read_csv('');
SELECT count(*) FROM orgsync.read_csv(E'\n\r\n\r');
SELECT count(*) FROM orgsync.read_csv(NULL::text);
SELECT count(*) FROM orgsync.read_csv(NULL::bytea, ',');

-- good files
SELECT n, to_json(csv) AS csv, show
FROM (VALUES
	-- quotes
	(1, 'a,"b",c'),
	(2, '"a,b","c""d","""",""'),
	(3, '"a"";""b";c'),
	(4, 'a"b,c"",d" "e"'),				-- a quote inside an unquoted field is text
	(5, ' "a", "b" '),					-- also behind a blank
	-- blanks are text
	(6, '  a  ,b  ,  c'),
	(7, '   '),
	(8, E'x,y\n,  z\t\n  ,'),
	-- empty fields and records
	(9, ',,'),
	(10, '""'),
	(11, E'a\n""\n\nb'),
	(12, E'a,\nb,\n'),
	-- line ends, and the lines that follow
	(13, E'a\nb\r\nc\rd\n'),
	(14, E'a\n\nb\r\n\r\nc\r\rd\n\n\r\n\r'),
	(15, E'\n\r\n\ra'),
	(16, E'"a\nb\r\nc\rd",e\nf'),
	(17, E'"\n",x\r\n"\r\n",y\r"\r",z\n"\r\n\n",w\nlast'),
	(18, E'"a"\r\n"b"\r"c"\n"d"'),
	-- delimiters: the most frequent outside quotes in the first record
	(19, E'a;b;c,d\n1,2;3'),
	(20, E'a\tb\tc\n\t\t'),
	(21, E'a|b;c|d\n'),
	(22, E'"a,b,c";"d,e"\n1;2'),
	(23, E'\n\n"x\n;,;,"|y'),
	(24, E'a;b,c;d,e')					-- a tie: the comma
) AS cases (n, csv), pg_temp.show(convert_to(csv, 'UTF8'));

-- a given delimiter
SELECT n, show
FROM (VALUES
	(1, 'a,b;c', ';'),
	(2, 'a b "c d"', ' '),
	(3, 'a:"b:c"', ':'),
	(4, E' \t"a\tb"\t ', E'\t'),
	(5, 'a,b', ''),
	(6, 'a,b', ',;'),
	(7, 'a,b', '"'),
	(8, 'a,b', E'\n'),
	(9, 'a,b', E'\r'),
	(10, 'a,b', U&'\00E9')
) AS cases (n, csv, delimiter), pg_temp.show(convert_to(csv, 'UTF8'), delimiter);

-- a byte order mark is no text, but counts as bytes
SELECT n, show
FROM (VALUES
	(1, '\xEFBBBF'::bytea),
	(2, '\xEFBBBF' || 'a,b'::bytea),
	(3, '\xEFBBBF' || '"a,b"'::bytea),
	(4, '\xEFBBBF' || '"a"b'::bytea),
	(5, '\xEFBB' || 'a'::bytea)
) AS cases (n, csv), pg_temp.show(csv);

-- elsewhere it is text
SELECT ascii(fields[1]), length(fields[1]) FROM orgsync.read_csv('\x0AEFBBBF61'::bytea);

-- bad quoting: the line and byte of the fault
SELECT n, show
FROM (VALUES
	(1, E'a,b\n1,"2'),
	(2, E'a,b\n1,"2\n3,4\n5,6\n'),
	(3, E'a,b\n"1\n2","3\n4'),
	(4, '"'),
	(5, '"a""'),
	(6, '"abc"def'),
	(7, E'a,b\r\n1,"2"3,4\r\n'),
	(8, E'a,b\n"1\n2","3" \n'),
	(9, E'a;b\n"1","2"\n')
) AS cases (n, csv), pg_temp.show(convert_to(csv, 'UTF8'));

-- bad bytes
SELECT n, show
FROM (VALUES
	(1, 'a,b'::bytea || '\x00'),
	(2, '\x00'),
	(3, E'a\n"b\n'::bytea || '\x00' || '"'),
	(4, '"a"'::bytea || '\x00'),
	(5, convert_to(U&'a\00E9\000A\000A"b\000D\000Ac', 'UTF8') || '\xE9' || 't'),
	(6, '\xC3A9'::bytea || '"a' || '\xFF' || '"b'),
	(7, '"'::bytea || '\xC3A9' || '\xFF' || '"b'),	-- the encoding is judged before the quoting
	(8, '"'::bytea || '\xC3A9' || '\xFF')
) AS cases (n, csv), pg_temp.show(csv);

-- UTF-8, strictly (Unicode, table 3-7); what stands before leaves no doubt that it is UTF-8
SELECT bytes, bool_or(show LIKE '22021 %') AS refused
FROM (VALUES
	('\x7F'::bytea), ('\x80'), ('\xBF'), ('\xC0'), ('\xC080'), ('\xC1BF'), ('\xC280'), ('\xC2'),
	('\xC27F'), ('\xDFBF'), ('\xDFC0'), ('\xE09FBF'), ('\xE0A080'), ('\xE0A0'), ('\xECBFBF'),
	('\xED9FBF'), ('\xEDA080'), ('\xEE8080'), ('\xEFBFBF'), ('\xF08FBFBF'), ('\xF0908080'),
	('\xF09080'), ('\xF3BFBFBF'), ('\xF48FBFBF'), ('\xF4908080'), ('\xF5808080'), ('\xFF')
) AS cases (bytes), pg_temp.show('\xC3A9'::bytea || '345,' || bytes || ',1234567890')
GROUP BY bytes ORDER BY bytes;

-- every place of an eight-byte word
SELECT count(DISTINCT n) AS places,
	count(*) FILTER (WHERE show = '22021 CSV is not valid UTF-8') AS refused,
	count(*) FILTER (WHERE show LIKE '%on line 1, at byte offset ' || n + 2 || '.') AS located
FROM generate_series(0, 40) AS n,
	LATERAL convert_to(repeat('x', n), 'UTF8') AS before,
	LATERAL convert_to(repeat('y', 40 - n), 'UTF8') AS after,
	pg_temp.show('\xC3A9' || before || '\xC3' || after);

-- the longest record
SET orgsync.max_record_size = 1;
SELECT line, length(fields[1]) FROM orgsync.read_csv(repeat('x', 1024));
SELECT line, length(fields[1])
FROM orgsync.read_csv(E'a\r\n' || repeat('x', 1024) || E'\r\n' || repeat('y', 1024) || E'\n');
SELECT line, length(fields[1]) FROM orgsync.read_csv('"' || repeat('x', 1022) || '"');
SELECT n, show
FROM (VALUES
	(1, repeat('x', 1025)),
	(2, E'a\n\n"b\nc"' || repeat(',x', 1000) || E'\nd'),
	(3, E'a\n"' || repeat(E'b\n', 1000) || '"'),	-- inside quotes there: taken for unterminated
	(4, '"' || repeat('x', 1022) || '",')
) AS cases (n, csv), pg_temp.show(convert_to(csv, 'UTF8'));
RESET orgsync.max_record_size;
SELECT length(fields[1]) FROM orgsync.read_csv(repeat('x', 1024 * 1024));
SELECT * FROM pg_temp.show(convert_to(repeat('x', 1024 * 1024 + 1), 'UTF8'));

-- the reader's block is 64 kB: a first record of every size around its edges
SELECT shape, count(*) AS sizes, count(*) FILTER (WHERE got IS DISTINCT FROM wanted) AS wrong
FROM generate_series(1, 2) AS blocks,
	generate_series(blocks * 65536 - 5, blocks * 65536 + 5) AS size,
	LATERAL (VALUES
		('plain', repeat('x', size) || E'\nab,c', size || ':1 2:2:2'),
		('CRLF', repeat('x', size) || E'\r\n\r\nab,c', size || ':1 3:2:2'),
		('CR', repeat('x', size) || E'\r\rab,c', size || ':1 3:2:2'),
		('quoted', '"' || repeat('x', size - 2) || E'"\r\n"ab",c', size - 2 || ':1 2:2:2'),
		('doubled', '"' || repeat('x', size - 4) || E'"""\r\n"ab",c', size - 3 || ':1 2:2:2'),
		('line break', '"' || repeat('x', size - 1) || E'\r\n"\n"ab",c', size + 1 || ':1 3:2:2'),
		('delimiter', repeat('x', size - 1) || E',"y,"\r\n"ab",c', size - 1 || ':2 2:2:2'),
		('blanks', repeat(' ', size) || E' , \nab,c', size + 1 || ':2 2:2:2'),
		('character', repeat('x', size) || U&'\00E9\20AC\+01F600\000Aab,c', size + 3 || ':1 2:2:2')
	) AS shapes (shape, csv, wanted),
	LATERAL (
		SELECT substr(string_agg(line || ':' || length(fields[1]) || ':' || cardinality(fields),
								 ' ' ORDER BY line), 3)
		FROM orgsync.read_csv(csv)
	) AS reading (got)
GROUP BY shape ORDER BY shape COLLATE "C";

-- many short records across the edges: none is lost, doubled or shifted
SELECT count(*) AS shifts, count(*) FILTER (WHERE is_right) AS right
FROM (SELECT string_agg(i || E',"a ""b""","c\r"\r\n', '' ORDER BY i)
	  FROM generate_series(1, 10000) AS i) AS body (records),
	generate_series(1, 30) AS shift,
	LATERAL (
		SELECT count(*) = 10001 AND bool_and(fields = CASE line
			WHEN 1 THEN ARRAY[repeat('h', shift)]
			ELSE ARRAY[((line - 1) / 2)::text, 'a "b"', E'c\r'] END)
		FROM orgsync.read_csv(repeat('h', shift) || E'\n\n' || records, ',')
	) AS reading (is_right);

-- records of many fields, and many records
SELECT cardinality(fields), fields[1], fields[1000], fields[100000]
FROM orgsync.read_csv((SELECT string_agg(i::text, ',' ORDER BY i)
					   FROM generate_series(1, 100000) AS i));
SELECT count(*), sum(cardinality(fields)), max(line), count(DISTINCT fields[1])
FROM orgsync.read_csv((SELECT string_agg(i || ', x ,"y"', E'\n' ORDER BY i)
					   FROM generate_series(1, 50000) AS i));

-- text in another encoding, bytes in UTF-8
SET client_min_messages = error;
DROP DATABASE IF EXISTS orgsync_regress_latin1;
DROP DATABASE IF EXISTS orgsync_regress_ascii;
RESET client_min_messages;
CREATE DATABASE orgsync_regress_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
CREATE DATABASE orgsync_regress_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C';
\set database :DBNAME
\c orgsync_regress_latin1
CREATE EXTENSION orgsync;
SELECT ascii(fields[1]), length(fields[2]) FROM orgsync.read_csv('\xC3A92C22C3A96222'::bytea);
SELECT ascii(fields[1]), length(fields[2])
FROM orgsync.read_csv(chr(233) || ',"' || chr(233) || 'b"');
SELECT * FROM orgsync.read_csv('\xE282AC'::bytea);	-- no Euro sign in Latin-1
SELECT * FROM orgsync.read_csv('a', chr(233));
\c orgsync_regress_ascii
CREATE EXTENSION orgsync;
SELECT octet_length(fields[1]) FROM orgsync.read_csv('\xC3A9'::bytea);
SELECT octet_length(fields[1]) FROM orgsync.read_csv(E'\xC3\xA9'::text);
SELECT octet_length(fields[1]) FROM orgsync.read_csv(E'\xE9'::text);	-- taken for Windows-1252
\c :database
DROP DATABASE orgsync_regress_latin1;
DROP DATABASE orgsync_regress_ascii;

-- no text at all
SELECT * FROM orgsync.read_csv('\x1f8b0800000000000003'::bytea);
SELECT * FROM orgsync.read_csv('\x504b03041400000008000000'::bytea);
SELECT * FROM orgsync.read_csv('\xd0cf11e0a1b11ae10000'::bytea);
