-- Workleap: all or nothing, existing people stay as they are, groups are chosen for the whole import.
\pset null '(null)'

SELECT orgsync.create_account('students', 'workleap');
SELECT header, seats, counting FROM students.licenses;

-- an import, in short
CREATE FUNCTION pg_temp.import(csv text, groups text[] DEFAULT NULL, columns jsonb DEFAULT NULL, on_error text DEFAULT NULL,
	OUT state text, OUT created bigint, OUT updated bigint, OUT unchanged bigint, OUT rejected bigint, OUT warnings bigint,
	OUT invitations bigint)
LANGUAGE sql AS $$
SELECT state, created, updated, unchanged, rejected, warnings, invitations
FROM orgsync.import_csv('students', csv, groups => groups, columns => columns, on_error => on_error)
$$;
CREATE VIEW pg_temp.last_findings AS
SELECT line, column_name, code, severity, message, tip FROM students.import_findings
WHERE import_id = (SELECT max(import_id) FROM students.imports) ORDER BY finding_id;

-- the template, with a message and notes for the import
INSERT INTO students.groups (name) VALUES ('Onboarding'), ('Quebec');
SELECT state, created, seats_granted, invitations, message, notes
FROM orgsync.import_csv('students', $$Name,Email,Country,Region,Language,Start date
Amélie Tremblay,amelie.tremblay@example.ca,CA,CA-QC,fr,2026-01-12
Sam O'Neil,sam.oneil@example.ca,CA,CA-ON,en,2026-02-02
$$, groups => '{onboarding}', message => 'Welcome!', notes => 'first batch of the year');
SELECT message, notes FROM students.imports;
SELECT primary_email_address, preferred_first_name, preferred_last_name, attributes FROM students.profiles ORDER BY 1;
SELECT primary_email_address, groups, licenses -> 'active_students' ->> 'status' AS status FROM students.users ORDER BY 1;

-- again: nothing changes
SELECT * FROM pg_temp.import($$Name,Email,Country,Region,Language,Start date
Amélie Tremblay,amelie.tremblay@example.ca,CA,CA-QC,fr,2026-01-12
Sam O'Neil,sam.oneil@example.ca,CA,CA-ON,en,2026-02-02
$$, '{Onboarding}');

-- somebody who is there already stays as he is, but for the groups of the import
SELECT orgsync.revoke_seat('students', 'sam.oneil@example.ca', 'active_students');
SELECT * FROM pg_temp.import($$Name,Email,Country,Region,Title
Samuel Other,SAM.ONEIL@example.ca,US,US-NY,Boss
Amélie Tremblay,amelie.tremblay@example.ca,CA,CA-QC,Clerk
$$, '{Quebec}');
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
Samuel Other,sam.oneil@example.ca,US,US-NY
$$);
SELECT primary_email_address, preferred_first_name, preferred_last_name, work_title, attributes ->> 'Region' AS region
FROM students.profiles ORDER BY 1;
SELECT primary_email_address, groups, licenses -> 'active_students' ->> 'status' AS status FROM students.users ORDER BY 1;

-- one bad row, and nobody is imported; the findings stay
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
Good Person,good.person@example.ca,CA,CA-QC
,nameless@example.ca,CA,CA-QC
$$, '{Quebec}');
SELECT * FROM pg_temp.last_findings;
SELECT count(*) FROM students.profiles;

-- unless the caller says so
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
Good Person,good.person@example.ca,CA,CA-QC
,nameless@example.ca,CA,CA-QC
$$, on_error => 'skip');
SELECT primary_email_address FROM students.profiles ORDER BY 1;

-- a group that is not there refuses the import
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
Another Person,another.person@example.ca,CA,CA-QC
$$, '{Quebec,Onbording}', on_error => 'skip');
SELECT * FROM pg_temp.last_findings;
SELECT name FROM students.groups ORDER BY 1;

-- names are parted at the last blank, so that joining them gives the name back
SELECT * FROM pg_temp.import(E'Name,Email,Country,Region\n'
	'Jan van der Berg,n1@example.nl,NL,NL-NH\n'
	'Plato,n2@example.gr,GR,GR-I\n'
	'"  Mary \u00a0 Ann   Lee ",n3@example.com,US,US-NY\n'
	'"Łukasz Żak",n4@example.pl,PL,PL-14\n');
SELECT preferred_first_name, preferred_last_name, concat_ws(' ', preferred_first_name, preferred_last_name) AS name
FROM students.profiles WHERE primary_email_address::text LIKE 'n_@%' ORDER BY primary_email_address;

-- countries and regions in any case, blanks around them do not count; one without regions stands for its region
SELECT * FROM pg_temp.import(E'Name,Email,Country,Region\n'
	'A B,l1@example.com,ca , ca-qc\n'
	'A B,l2@example.com,Us,us-Ny\n'
	'A B,l3@example.com,AR,ar-a\n'
	'A B,l4@example.com,GB,GB-ENG\n'
	'A B,l5@example.com,FR,fr-2a\n'
	'A B,l6@example.com,hk,hk\n'
	'A B,l7@example.com,AD,AD-02\n'
	'A B,l8@example.com,ZW,ZW-MW\n');
SELECT primary_email_address, attributes ->> 'Country' AS country, attributes ->> 'Region' AS region
FROM students.profiles WHERE primary_email_address::text LIKE 'l_@%' ORDER BY 1;

-- locations that there are not, and what was meant; the number in the address is the line
SELECT * FROM pg_temp.import($$Country,Region,Name,Email
 ,CA-QC,A B,b2@example.com
CA,,A B,b3@example.com
XX,XX-1,A B,b4@example.com
Canada,CA-QC,A B,b5@example.com
CAN,CA-QC,A B,b6@example.com
UK,GB-ENG,A B,b7@example.com
united states,US-NY,A B,b8@example.com
CA-QC,CA-QC,A B,b9@example.com
CA,QC,A B,b10@example.com
ca,ca qc,A B,b11@example.com
CA,CAQC,A B,b12@example.com
CA,CA-CQ,A B,b13@example.com
CA,Quebec,A B,b14@example.com
US,CA-QC,A B,b15@example.com
JP,1,A B,b16@example.com
FR,FR-ID,A B,b17@example.com
GB,London,A B,b18@example.com
HK,HK-1,A B,b19@example.com
CA,CA,A B,b20@example.com
CA,CA-,A B,b21@example.com
C,CA-QCQC,A B,b22@example.com
AA,ZZ,A B,b23@example.com
=CA,CA-QC,A B,b24@example.com
$$, on_error => 'skip');
SELECT line, message, substring(tip FROM 'Quebec[.] (.*)') AS tip FROM pg_temp.last_findings;
SELECT tip FROM pg_temp.last_findings WHERE line IN (2, 3, 4);
SELECT DISTINCT code, severity FROM students.import_findings WHERE column_name IN ('Country', 'Region');

-- days that there are, and days that there are not
SELECT * FROM pg_temp.import($$Name,Email,Country,Region,HIRE DATE
A B,d2@example.com,CA,CA-QC,2026-01-12
A B,d3@example.com,CA,CA-QC,2024-02-29
A B,d4@example.com,CA,CA-QC, 2026-12-31 
A B,d5@example.com,CA,CA-QC,2000-02-29
A B,d6@example.com,CA,CA-QC,2026-02-29
A B,d7@example.com,CA,CA-QC,1900-02-29
A B,d8@example.com,CA,CA-QC,2026-13-01
A B,d9@example.com,CA,CA-QC,2026-04-31
A B,d10@example.com,CA,CA-QC,2026-00-10
A B,d11@example.com,CA,CA-QC,0000-01-01
A B,d12@example.com,CA,CA-QC,12/01/2026
A B,d13@example.com,CA,CA-QC,2026-1-2
A B,d14@example.com,CA,CA-QC,20260112
A B,d15@example.com,CA,CA-QC,2026-01-12T00:00
A B,d16@example.com,CA,CA-QC,soon
A B,d17@example.com,CA,CA-QC,２０２６-01-12
$$, on_error => 'skip');
SELECT primary_email_address, attributes ->> 'HIRE DATE' AS day FROM students.profiles
WHERE primary_email_address::text LIKE 'd_@%' ORDER BY 1;
SELECT line, code, message FROM pg_temp.last_findings;
SELECT tip FROM students.import_findings WHERE code = 'invalid_date' LIMIT 1;
-- an empty one is left out
SELECT * FROM pg_temp.import(E'Name,Email,Country,Region,Language,Start date\nA B,empty@example.com,CA,CA-QC,,\n');
SELECT column_name, code, severity FROM pg_temp.last_findings;
SELECT attributes FROM students.profiles WHERE primary_email_address = 'empty@example.com';

-- formulas are an error here
SELECT * FROM pg_temp.import(E'Name,Email,Country,Region,Title\nA B,formula@example.com,CA,CA-QC,=A1\n+C D,formula2@example.com,CA,CA-QC,\n');
SELECT * FROM pg_temp.last_findings;

-- all columns can have other names; other columns are ignored, unless they are mapped to attributes
SELECT * FROM pg_temp.import($$Full name,Mail,Land,State,Lang,Job,Began,Team,Shoe size,Languge
Remapped Person,remapped@example.com,CA,CA-QC,en,Clerk,2026-03-01,Sales,42,x
$$, columns => '{"Full name": "Name", "Mail": "Email", "Land": "Country", "State": "Region", "Lang": "Language", "Job": "Title",
	"Began": "Start date", "Team": "attribute_Team"}');
SELECT column_name, code, severity, tip FROM pg_temp.last_findings;
SELECT preferred_first_name, preferred_last_name, work_title, attributes
FROM students.profiles WHERE primary_email_address = 'remapped@example.com';

-- columns that are missing, are misspelled or come twice
SELECT * FROM pg_temp.import(E'Name,Email\nA B,lost@example.com\n');
SELECT * FROM pg_temp.last_findings;
SELECT * FROM pg_temp.import(E'Country,Region\nCA,CA-QC\n');
SELECT column_name, code, severity, message FROM pg_temp.last_findings;
SELECT * FROM pg_temp.import(E'name,EMAIL,Country,Region\nCase Person,case@example.com,CA,CA-QC\n');
SELECT column_name, code, severity, message FROM pg_temp.last_findings;
SELECT * FROM pg_temp.import(E'Name,Email,Country,Region,Start date,START DATE\nA B,twice@example.com,CA,CA-QC,2026-01-01,2026-01-02\n');
SELECT column_name, code, severity, message FROM pg_temp.last_findings;
-- the columns of other products are nothing here
SELECT * FROM pg_temp.import($$Name,Email,Country,Region,group:HR,primary_email_address,Default_license_learning_proAllLanguages_status
Foreign Columns,foreign@example.com,CA,CA-QC,yes,other@example.com,active
$$);
SELECT column_name, code, severity FROM pg_temp.last_findings;

-- the same person at the same address in another spelling is refused, all at once
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
A Newcomer,newcomer@example.ca,CA,CA-QC
Amélie Tremblay,amelie.tremblay+work@example.ca,CA,CA-QC
$$);
SELECT line, code, severity FROM pg_temp.last_findings;

-- seats: none is counted until their number is known; then the import that needs more is refused
SELECT invited AS taken FROM students.seat_usage \gset
SELECT orgsync.set_seats('students', 'active_students', :taken + 1);
SELECT total - :taken AS total, available, invited - :taken AS invited FROM students.seat_usage;
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
First Student,first.student@example.ca,CA,CA-QC
Second Student,second.student@example.ca,CA,CA-QC
$$);
SELECT line, column_name, code, severity, message LIKE 'license "active_students" has no free seat%' AS message FROM pg_temp.last_findings;
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
First Student,first.student@example.ca,CA,CA-QC
Amélie Tremblay,amelie.tremblay@example.ca,CA,CA-QC
$$);
SELECT available FROM students.seat_usage;
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
Second Student,second.student@example.ca,CA,CA-QC
$$, on_error => 'skip');
-- or waits, if the license lets people wait
UPDATE students.licenses SET when_full = 'waitlist';
SELECT * FROM pg_temp.import($$Name,Email,Country,Region
Second Student,second.student@example.ca,CA,CA-QC
$$);
SELECT primary_email_address, status FROM students.license_holders WHERE primary_email_address = 'second.student@example.ca';

-- message and notes are kept whatever becomes of the import; tables are imported like files
CREATE TABLE people ("Name" text, "Email" text, "Country" text, "Region" text);
INSERT INTO people VALUES ('Table Person', 'table.person@example.ca', 'CA', 'CA-QB');
SELECT state, created, message, notes
FROM orgsync.import_table('students', 'people', message => 'Hello', notes => 'from a table');
SELECT column_name, code, tip FROM pg_temp.last_findings;
DROP TABLE people;

-- a file can be checked without an account
SELECT line, column_name, code, severity FROM orgsync.check_csv('workleap', $$Name,Email,Country,Region,Start date
Amélie Tremblay,amelie.tremblay@example.ca,CA,CA-QC,2026-01-12
,sam.oneil@example.ca,CA,ON,soon
Sam O'Neil,sam.oneil@example.ca,CA,CA-ON,2026-02-02
=A1,amelie.tremblay+work@example.ca,ca,ca-qc,2026-01-12
Amélie Tremblay,amelie.tremblay+home@example.ca,ca,ca-qc,2026-01-12
$$);

DROP VIEW pg_temp.last_findings;
SELECT orgsync.drop_account('students');
