-- Workbooks: what is read of them, imported and written.  The files are made by
-- test/data/xlsx/make_workbooks.py.
CREATE EXTENSION orgsync_xlsx;
SET client_min_messages = warning;
\getenv abs_srcdir PG_ABS_SRCDIR
CREATE FUNCTION workbook(name text) RETURNS bytea LANGUAGE sql
	RETURN pg_read_binary_file(current_setting('xlsx.directory') || name || '.xlsx');
SET xlsx.directory = :'abs_srcdir';
SELECT set_config('xlsx.directory', current_setting('xlsx.directory') || '/test/data/xlsx/', false) IS NOT NULL AS ok;

-- values of every type and format
SELECT line, fields[1] AS word, fields[2] AS value FROM orgsync.read_xlsx(workbook('values'));

-- the strict flavour, with prefixes and the calendar of 1904
SELECT * FROM orgsync.read_xlsx(workbook('strict'));

-- which sheet is read, and what is said
RESET client_min_messages;
SELECT * FROM orgsync.read_xlsx(workbook('people'));
SELECT * FROM orgsync.read_xlsx(workbook('people'), 'PEOPLE') LIMIT 1;
SELECT * FROM orgsync.read_xlsx(workbook('people'), 'Codes');
SELECT * FROM orgsync.read_xlsx(workbook('people'), 'Nobody');
SELECT * FROM orgsync.read_xlsx(workbook('all_hidden'));
SELECT * FROM orgsync.read_xlsx(workbook('empty'));
SELECT * FROM orgsync.read_xlsx(NULL);
SET client_min_messages = warning;

-- what cannot be read
CREATE FUNCTION fault(xlsx bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	PERFORM * FROM orgsync.read_xlsx(xlsx);
	RETURN 'no fault';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, detail, hint);
END $$;
SELECT name, fault(workbook('faulty_' || name))
FROM unnest('{entities,no_xml,rows_backwards,cells_backwards,cell_twice,other_row,row_too_large,column_too_large,no_such_text,
	no_number,no_type,no_sheet,open_document,zip,binary,document}'::text[]) AS name;
SELECT fault(''), fault('\xd0cf11e0a1b11ae1'), fault(convert_to('a,b', 'UTF8'));
SELECT fault('\xd0cf11e0a1b11ae10000' || '\x45006e0063007200790070007400650064005000610063006b00610067006500'::bytea);
-- in the words of libzip, whose versions differ
SELECT regexp_replace(fault(substr(workbook('people'), 1, 500)), '(cannot be opened: )[^\n]+', '\1...') AS fault;
SELECT orgsync.write_xlsx('a,b' || repeat('x', 2000)) AS wide \gset
SET orgsync.max_record_size = '1kB';
SELECT fault(:'wide');
RESET orgsync.max_record_size;

-- an import: line and cell are those of the sheet, with a title above the header and gaps
SELECT orgsync.create_account('acme', 'linkedin_learning');
SELECT state, header, rows_read, created, rejected, warnings, encoding, delimiter
FROM orgsync.import_xlsx('acme', workbook('people'), source => 'people.xlsx');
SELECT line, column_name, code, severity, message, record FROM acme.import_findings ORDER BY line NULLS FIRST, finding_id;
SELECT primary_email_address, preferred_first_name, unique_user_id, attributes FROM acme.profiles ORDER BY 1;
SELECT orgsync.results_csv('acme', 1);

-- the same again; a row with a formula is read again, and warns again
SELECT state, rows_read, created, updated, unchanged, rejected FROM orgsync.import_xlsx('acme', workbook('people'), 'People');
SELECT line, code FROM acme.import_findings WHERE import_id = 2 ORDER BY line NULLS FIRST, finding_id;

-- the sheet is not there, or the file is no workbook: nothing is raised
SELECT state, rows_read FROM orgsync.import_xlsx('acme', workbook('people'), 'Nobody');
SELECT state, rows_read FROM orgsync.import_xlsx('acme', workbook('faulty_rows_backwards'));
SELECT state, rows_read FROM orgsync.import_xlsx('acme', workbook('empty'));
SELECT state, rows_read FROM orgsync.import_xlsx('acme', workbook('people'), 'Codes');
SELECT import_id, line, code, severity, message, tip FROM acme.import_findings WHERE import_id > 2 ORDER BY finding_id;
SELECT orgsync.import_xlsx('acme', NULL);
SELECT orgsync.import_xlsx('nobody', workbook('people'));

-- the arguments are those of import_csv()
SELECT state, feed, mode, source, message, notes FROM orgsync.import_xlsx('acme', workbook('people'), 'People', 'hr', 'full', 'stop',
	true, '{"Remarks": "attribute_remarks"}', '{Staff}', 'a file', false, 'welcome', 'noted');
SELECT code, line, column_name, message FROM acme.import_findings WHERE import_id = 7 AND column_name = 'Remarks';

-- Workleap takes no formulas
SELECT orgsync.create_account('students', 'workleap');
SELECT state, created, rejected FROM orgsync.import_xlsx('students', workbook('students_formula'), columns => '{"Start date": "date:Start date"}');
SELECT line, column_name, code, severity, message FROM students.import_findings ORDER BY finding_id;
SELECT state, created, rejected FROM orgsync.import_xlsx('students', workbook('students'));

-- exports: the files of export_csv() with the same values, all of them text
SELECT e.export_id, e.seq, e.kind, regexp_replace(e.file_name, '\d{8}-\d+', 'TIME') AS file_name, e.row_count, r.*
FROM orgsync.export_xlsx('acme') AS e, orgsync.read_xlsx(e.xlsx) AS r;
SELECT seq, row_count FROM orgsync.export_xlsx('students', rows_per_file => 1, dry_run => true);
SELECT file_name LIKE '%.csv' AS is_csv FROM acme.export_files;
SELECT orgsync.confirm_export('acme', 1);
SELECT count(*) FROM orgsync.export_xlsx('acme');

-- a template, and the rejected rows of an import, to fill in and mend
SELECT fields FROM orgsync.read_xlsx(orgsync.template_xlsx('workleap'));
SELECT fields FROM orgsync.read_xlsx(orgsync.template_xlsx('linkedin_learning', true, '{Default_license_a_status}'));
SELECT orgsync.template_xlsx('workleap', true);

SELECT line, fields FROM orgsync.read_xlsx(orgsync.write_xlsx(orgsync.results_csv('acme', 1)));

-- what is written is read as it was
SELECT fields FROM orgsync.read_xlsx(orgsync.write_xlsx(E'a,b,c\r\n=1+1,"x_x0041_\r\nz\ry",\r\n" blank ",tab\there,"é""<&>"\r\n,,_x\r\n'));
SELECT orgsync.write_xlsx(E'a,b\r\n1,2\r\n') = orgsync.write_xlsx(E'a,b\r\n1,2\r\n') AS same_bytes;
SELECT orgsync.write_xlsx(NULL), count(*) FROM orgsync.read_xlsx(orgsync.write_xlsx(''));
SELECT orgsync.write_xlsx('a' || E'\n' || repeat('x', 32768));
SELECT orgsync.write_xlsx(repeat(',', 16384));

-- what was there before comes twice: the workbook is read once more
SELECT orgsync.create_account('more', 'linkedin_learning');
SELECT state, created, unchanged, rejected
FROM (VALUES (1, E'primary_email_address,work_title\r\nzoe@example.com,Boss\r\n'),
	(2, E'primary_email_address,work_title\r\nzoe@example.com,Boss\r\nzoe@example.com,Boss\r\n')) AS files (n, csv),
	orgsync.import_xlsx('more', orgsync.write_xlsx(csv), feed => 'twice') ORDER BY n;

-- a formula in the header, and more merged cells and sheets than are named one by one
SELECT state, header, created FROM orgsync.import_xlsx('more', workbook('remarks'), feed => 'remarks');
SELECT line, code, message FROM more.import_findings WHERE import_id = (SELECT max(import_id) FROM more.imports)
AND (code <> 'merged_cells' OR line IS NULL OR line > 99) ORDER BY finding_id;

-- nobody needs more privileges than for import_csv() and export_csv()
CREATE ROLE regress_xlsx;
SELECT workbook('people') AS people \gset
SET ROLE regress_xlsx;
SELECT orgsync.import_xlsx('acme', :'people');
SELECT * FROM orgsync.export_xlsx('acme');
RESET ROLE;
DROP ROLE regress_xlsx;
SELECT orgsync.drop_account('acme'), orgsync.drop_account('students'), orgsync.drop_account('more');
DROP FUNCTION workbook, fault;
DROP EXTENSION orgsync_xlsx;
