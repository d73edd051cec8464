
# 070_spreadsheets.pl: workbooks from others and for others.
#
# Hostile ones end in an error or in what they say, within 64 MB and without a trace;
# what openpyxl writes is read, and the other way round.

use strict;
use warnings;

use MIME::Base64;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{XLSX_FILES} || 1000;
my $seed = $ENV{XLSX_SEED} || 1;
my $directory = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('spreadsheets', locale => 'C');
$node->safe_psql('postgres', q{CREATE EXTENSION orgsync_xlsx CASCADE; SELECT orgsync.create_account('acme', 'linkedin_learning')});

sub lines { return split /\n/, $node->safe_psql('postgres', $_[0]) }
sub contents { my ($file) = @_; return "pg_read_binary_file('$directory/$file')" }

PostgreSQL::Test::Utils::system_or_bail('python3', 'test/xlsx/hostile.py', $directory, $count, $seed);

# From now on the session may have 64 MB more than it has, but for what sanitizers take.
my $session = q{
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.outcome(file text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	data bytea := pg_read_binary_file(file);
BEGIN
	RETURN (SELECT concat(count(*), ' rows ', sum(hashtextextended(r::text, 0))) FROM orgsync.read_xlsx(data) AS r);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.import(file text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN state FROM orgsync.import_xlsx('acme', pg_read_binary_file(file));
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
} . "SELECT pg_temp.outcome('$directory/whole.xlsx') AS whole, pg_temp.import('$directory/whole.xlsx') AS import \\gset\n";
$session .= q{
DO $$
BEGIN
	EXECUTE format('COPY (SELECT WHERE false) TO PROGRAM %L', format('prlimit --pid %s --data=%s: >/dev/null', pg_backend_pid(),
		(substring(pg_read_file('/proc/self/status') FROM 'VmData:\s*(\d+)')::bigint + 64 * 1024) * 1024));
END $$;
} unless $ENV{SANITIZE};

my @outcomes = lines($session . "
	SELECT :'whole';
	SELECT pg_temp.outcome(format('$directory/mutant-%s.xlsx', i)) FROM generate_series(0, $count - 1) AS i");
my $whole = shift @outcomes;
like($whole, qr/^149 rows /, 'the workbook as it should be is read');
is(scalar @outcomes, $count, "all $count mutants come to an end");
my @wrong = grep { $_ ne $whole && $_ !~ /^(22P04|54000)$/ } @outcomes;
is("@wrong", '', 'each is refused, or read as what it was');
cmp_ok((scalar grep { $_ eq $whole } @outcomes), '>', 0, 'some are read');

@outcomes = lines($session . "
	SELECT pg_temp.outcome(format('$directory/content-%s.xlsx', i)) FROM generate_series(0, $count - 1) AS i");
@wrong = grep { !/^(22P04|54000|\d+ rows .*)$/ } @outcomes;
is(scalar @outcomes, $count, 'those with other contents too');
is("@wrong", '', 'and each is refused, or read');

# an import never raises an error for what the file says
@outcomes = lines($session . "
	SELECT pg_temp.import(format('$directory/%s-%s.xlsx', kind, i)) FROM generate_series(0, 99) AS i, unnest('{mutant,content}'::text[]) AS kind");
@wrong = grep { !/^(refused|applied)$/ } @outcomes;
is("@wrong", '', 'imports of them are refused or applied');

my %bombs = map { split /=/ } lines($session . "
	SELECT concat(substring(name FROM 'bomb-(.*).xlsx'), '=', pg_temp.outcome('$directory/' || name))
	FROM pg_ls_dir('$directory') AS name WHERE name LIKE 'bomb-%' ORDER BY name");
my %rows = (far => 1, arrays => 21, columns => 0, merges => 0, strings => 0, distinct_strings => 600000);
for my $bomb (sort keys %bombs)
{
	my $expected = exists $rows{$bomb} ? qr/^$rows{$bomb} rows/ : $bomb eq 'cells' ? qr/^22P04$/ : qr/^54000$/;
	like($bombs{$bomb}, $expected, "bomb: $bomb");
}
cmp_ok(scalar keys %bombs, '>=', 15, 'all bombs were tried');

# Nothing is left behind: no open file, no temporary file, whatever failed.
my $open_files = "SELECT count(*) FROM pg_ls_dir('/proc/self/fd')";
my ($before, $after) = lines(q{
	SET client_min_messages = warning;
	CREATE FUNCTION pg_temp.fails(command text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE command;
		RAISE EXCEPTION 'no error';
	EXCEPTION WHEN program_limit_exceeded OR bad_copy_file_format THEN
	END $$;
	CREATE FUNCTION pg_temp.all_fail(integer) RETURNS void LANGUAGE sql AS $$
		SELECT pg_temp.fails('SELECT orgsync.write_xlsx(''a'' || E''\n'' || repeat(''x'', 40000))')
		FROM generate_series(1, $1);
		SELECT pg_temp.fails('SELECT * FROM orgsync.read_xlsx(} . contents('bomb-wide_row.xlsx') =~ s/'/''/gr . q{)') FROM generate_series(1, $1)
	$$;
	DO 'BEGIN PERFORM pg_temp.all_fail(1); END';} .
	"$open_files; DO 'BEGIN PERFORM pg_temp.all_fail(20); END'; $open_files");
is($after, $before, 'no file stays open');
is(join("\n", lines("SELECT pg_ls_dir FROM pg_ls_dir('base/pgsql_tmp', true, false)")), '', 'no temporary file is left');

# Where two long texts begin to differ.
sub first_difference
{
	my ($got, $expected) = @_;
	my $at = 0;
	$at++ while $at < length $got && $at < length $expected && substr($got, $at, 1) eq substr($expected, $at, 1);
	my $from = $at > 100 ? $at - 100 : 0;
	return 'got ' . substr($got, $from, 200) . "\nexpected " . substr($expected, $from, 200);
}

# Round trips with openpyxl.
my ($python) = grep { system("$_ -c 'import openpyxl' 2>/dev/null") == 0 } ('python3', '/usr/bin/python3');
SKIP:
{
	skip 'openpyxl is not here', 4 unless $python;
	my $helper = 'test/xlsx/openpyxl_files.py';
	my ($expected) = run_command([ $python, $helper, 'write', "$directory/typed.xlsx", $seed ]);
	my $read = $node->safe_psql('postgres', "SELECT jsonb_agg(jsonb_build_array(line, fields) ORDER BY line) FROM orgsync.read_xlsx("
		  . contents('typed.xlsx') . ')');
	cmp_ok(length $read, '>', 10000, 'something is read');
	ok($read eq $expected, 'what openpyxl writes is read as it was meant') or diag(first_difference($read, $expected));

	my $values = q{SELECT jsonb_agg(jsonb_build_array('é', i::text, '=1+' || i, E'two\nlines', ' blank ', '00' || i, '"', '<&>', E'tab\t', '_x0041_'))
		FROM generate_series(1, 100) AS i};
	my $written = $node->safe_psql('postgres', "SELECT translate(encode(orgsync.write_xlsx(string_agg(line, E'\\r\\n')), 'base64'), E'\\n', '')
		FROM (SELECT string_agg('\"' || replace(cell, '\"', '\"\"') || '\"', ',' ORDER BY position) AS line
			FROM ($values) AS v (v), jsonb_array_elements(v) WITH ORDINALITY AS r (cells, number),
				jsonb_array_elements_text(cells) WITH ORDINALITY AS c (cell, position) GROUP BY number ORDER BY number) AS l");
	append_to_file("$directory/written.xlsx", decode_base64($written));
	my ($shown, $errors) = run_command([ $python, $helper, 'check', "$directory/written.xlsx" ]);
	is($errors, '', 'every cell that is written is text for openpyxl');
	# openpyxl does not undo the escape of what looks like one
	is($shown =~ s/_x005F_x0041_/_x0041_/gr, $node->safe_psql('postgres', $values), 'and has the value that it had');
}

$node->stop;
done_testing();
