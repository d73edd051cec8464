-- What must be possible with such an account wherever it has come to.
SELECT state, unchanged, created FROM orgsync.import_csv('acme', E'primary_email_address,unique_user_id\np5@example.com,E5\nnew@example.com,N1\n');
SELECT count(*) > 0 FROM orgsync.export_csv('acme');
SELECT orgsync.confirm_export('acme', 3);
SELECT count(*) FROM orgsync.diff('acme');
SELECT total, available, invited FROM acme.seat_usage ORDER BY header;
SELECT * FROM orgsync.verify_account('acme');
