
# 040_csv_differential.pl: random well-formed files are read as Python's csv module
# and PostgreSQL's COPY read them.  CSV_FILES and CSV_SEED ask for more or others.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{CSV_FILES} || 500;
my $seed = $ENV{CSV_SEED} || 20240229;
my $directory = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('differential', locale => 'C');

$node->command_ok([ 'python3', 'test/differential/csv_files.py', $directory, $count, $seed ], 'files are written');

$node->safe_psql('postgres', qq{
	CREATE EXTENSION orgsync;
	CREATE TABLE files (number serial PRIMARY KEY, file jsonb, ours jsonb, copied jsonb);
	COPY files (file) FROM '$directory/manifest' WITH (FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01');
	UPDATE files SET ours = (SELECT jsonb_agg(fields ORDER BY line)
		FROM orgsync.read_csv(pg_read_binary_file(file ->> 'path'), file ->> 'delimiter'));
});

# COPY wants to know all about the file, reads no UTF-16, and keeps a byte order mark.
$node->safe_psql('postgres', q{
	DO $$
	DECLARE
		chosen integer;
		file jsonb;
		columns text;
		records jsonb;
	BEGIN
		FOR chosen, file IN SELECT f.number, f.file FROM files AS f WHERE f.file ->> 'encoding' <> 'utf-16' LOOP
			SELECT string_agg('c' || n, ', ' ORDER BY n) INTO columns FROM generate_series(1, (file ->> 'columns')::integer) AS n;
			EXECUTE format('CREATE TEMP TABLE copied (line serial, %s)', replace(columns, ',', ' text,') || ' text');
			EXECUTE format('COPY copied (%s) FROM %L WITH (FORMAT csv, DELIMITER %L, NULL %L, ENCODING %L)', columns,
				file ->> 'path', file ->> 'delimiter', 'no cell is like this', replace(file ->> 'encoding', 'cp', 'win'));
			EXECUTE format('SELECT jsonb_agg(jsonb_build_array(%s) ORDER BY line) FROM copied', columns) INTO records;
			UPDATE files AS f SET copied = CASE WHEN left(records #>> '{0,0}', 1) = U&'\FEFF'
				THEN jsonb_set(records, '{0,0}', to_jsonb(substr(records #>> '{0,0}', 2))) ELSE records END
			WHERE f.number = chosen;
			DROP TABLE copied;
			COMMIT;		-- gives locks back
		END LOOP;
	END $$ });

is($node->safe_psql('postgres', 'SELECT count(*) FROM files'), $count, 'all files are known');
is( $node->safe_psql('postgres', q{SELECT sum(jsonb_array_length(file -> 'records')) > 5 * count(*) FROM files}),
	't', 'and have records');
is( $node->safe_psql('postgres', q{SELECT number, file ->> 'path' FROM files WHERE ours IS DISTINCT FROM file -> 'records'}),
	'', q{they are read as Python's csv module reads them});
is( $node->safe_psql('postgres', q{SELECT number, file ->> 'path' FROM files
		WHERE ours IS DISTINCT FROM copied AND file ->> 'encoding' <> 'utf-16'}),
	'', 'and as COPY reads them');
is( $node->safe_psql('postgres', q{SELECT count(copied) * 3 > count(*) FROM files}),
	't', 'which has read many');

done_testing();
