-- The catalogue of findings, as people see it.

SELECT code, string_agg(DISTINCT severity, ', ') AS severity FROM orgsync.finding_codes() GROUP BY code ORDER BY code;

-- a message and the tip that goes with it
\x on
SELECT * FROM orgsync.finding_codes() WHERE code IN ('field_count', 'header_case');
\x off

-- House rules, each of which should find nothing.  A code looks like an identifier;
SELECT code FROM orgsync.finding_codes() WHERE code !~ '^[a-z][a-z0-9_]*$';
-- what shares a code differs in its message or its severity;
SELECT code FROM orgsync.finding_codes() GROUP BY code, severity, message HAVING count(*) > 1;
-- a message has no full stop, a tip is whole sentences;
SELECT code FROM orgsync.finding_codes() WHERE message ~ '[.]$' OR tip !~ '^[A-Z].*[.](\{[1-5]\})?$';
-- {3} is not used where there is no {2}.
SELECT f.code, n
FROM orgsync.finding_codes() AS f, generate_series(2, 9) AS n
WHERE message || tip LIKE '%{' || n || '}%' AND message || tip NOT LIKE '%{' || n - 1 || '}%';

-- what is found comes from here, with the placeholders filled in
SELECT orgsync.create_account('codes_account', 'linkedin_learning');
SELECT count(*) FROM orgsync.import_csv('codes_account', E'primary_email_address,work_title\na@example.com\n');
SELECT i.code, i.message, replace(replace(c.message, '{1}', '1'), '{2}', '2') = i.message AS same, i.tip = c.tip AS same_tip
FROM codes_account.import_findings AS i JOIN orgsync.finding_codes() AS c USING (code);
SELECT orgsync.drop_account('codes_account');
