-- What the vendor's results file may be like, and what is none: confirm_export() reads it.
SELECT orgsync.create_account('acme', 'linkedin_learning');
SELECT state, created FROM orgsync.import_csv('acme', E'primary_email_address,unique_user_id,preferred_first_name\na@example.com,A1,Ann\n-b@example.com,B1,Bob\nc@example.com,C1,Carl\n');
SELECT kind, csv FROM orgsync.export_csv('acme', spreadsheet_safe => true);

-- no results file: nothing is confirmed
SELECT orgsync.confirm_export('acme', 1, '');
SELECT orgsync.confirm_export('acme', 1, E'\n\n');
SELECT orgsync.confirm_export('acme', 1, E'first,last\nAnn,B\n');
SELECT orgsync.confirm_export('acme', 1, E'primary_email_address,Messages\na@example.com,"never closed\n');
SELECT orgsync.confirm_export('acme', 1, E'primary_email_address,Messages\n"a@example.com"x,no\n');
SELECT orgsync.confirm_export('acme', 1, E'primary_email_address,Messages\na@example.com,n\\000o\n'::bytea);
SELECT orgsync.confirm_export('acme', 1, E'primary_email_address,Messages\nZo\\303\\253@example.com,n\\377o\n'::bytea);
SELECT orgsync.confirm_export('acme', 1, '\x1f8b0800000000000003'::bytea);
SELECT orgsync.confirm_export('acme', 1, '\x504b03041400000008000000'::bytea);
SELECT orgsync.confirm_export('acme', 1, '\xd0cf11e0a1b11ae10000'::bytea);
SELECT state FROM acme.exports;
SELECT count(*) FROM orgsync.diff('acme');

-- a row too short to have a message was taken; a key may have what keeps a spreadsheet from running it
SELECT orgsync.confirm_export('acme', 1, E'\nprimary_email_address,preferred_first_name,Messages\na@example.com\n''-b@example.com,Bob, No such thing \nc@example.com,Carl,\n');
SELECT line, message, record FROM acme.import_findings WHERE export_id = 1;
SELECT primary_email_address, action FROM orgsync.diff('acme') GROUP BY 1, 2 ORDER BY 1;

-- above the header, a remark about the whole file; in a file without messages, all rows were refused
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 2, E'Too many rows\n\nprimary_email_address,Messages\n');
SELECT line, message FROM acme.import_findings WHERE export_id = 2;
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 3, E'primary_email_address\n-B@EXAMPLE.COM\n');
SELECT line, message FROM acme.import_findings WHERE export_id = 3;
SELECT primary_email_address, action FROM orgsync.diff('acme') GROUP BY 1, 2 ORDER BY 1;

-- a line that names the delimiter is no remark; a remark does not tell what the delimiter is
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 4, E'sep=;\r\nprimary_email_address;unique_user_id;Messages\r\na@example.com;A1;\r\n-b@example.com;B1;no, not him\r\n');
SELECT line, message FROM acme.import_findings WHERE export_id = 4;
SELECT primary_email_address FROM orgsync.diff('acme') GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 5, E'"Too many rows: 2 instead of 1, or so"\nprimary_email_address;Messages\n'::text);
SELECT line, message FROM acme.import_findings WHERE export_id = 5;
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 6, E'Critical error: 2 rows, 1 expected, in "people"
Try again

primary_email_address,Messages
');
SELECT line, message FROM acme.import_findings WHERE export_id = 6 ORDER BY line;
SELECT count(*) FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 7, E'Try again
first,last
Ann,B
');

-- many rows, and two for the same person
SELECT state, created FROM (SELECT string_agg(format(E'\np%s@example.com', n), '') AS people FROM generate_series(1, 200) AS n) AS feed,
	orgsync.import_csv('acme', 'primary_email_address' || people);
SELECT row_count FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 8, E'primary_email_address,Messages\np7@example.com,first\nP7@example.com,second' || string_agg(format(E'\np%s@example.com,third', n), ''))
FROM generate_series(1, 150) AS n;
SELECT message, count(*) FROM acme.import_findings WHERE export_id = 8 GROUP BY 1 ORDER BY 1;
SELECT count(DISTINCT primary_email_address) FROM orgsync.diff('acme');
SELECT * FROM orgsync.verify_account('acme');
SELECT orgsync.drop_account('acme');
