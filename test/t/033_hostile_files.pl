
# 033_hostile_files.pl: files that are no org-sync files, or absurd ones.  Each
# ends in a finding or an error that says what is wrong, as a file and as a large
# object, and the backend's memory stays bounded.

use strict;
use warnings;

use IO::Compress::Gzip qw(gzip);
use Encode qw(encode);
use POSIX qw(mkfifo);
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $memory_limit = ($ENV{SANITIZE} ? 512 : 64) * 1024;	# kB, above what the backend has before
my $node = start_server('hostile', locale => 'C', conf => "shared_buffers = '4MB'\nstatement_timeout = '60s'");
$node->safe_psql('postgres', q{
	CREATE EXTENSION orgsync;
	SELECT orgsync.create_account('acme', 'linkedin_learning');});

my $directory = PostgreSQL::Test::Utils::tempdir;

# The most memory that the server process has used so far, in kB, as a statement
# that leaves it in psql's variable.  Shared buffers count once they are touched,
# so these are few.
sub peak
{
	my ($variable) = @_;
	return "SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'VmHWM:\\s*(\\d+)') AS $variable \\gset\n";
}

# Runs a statement in a session of its own that has imported a file before.
# Returns what it prints, and the kB by which the peak has grown.
sub run_measured
{
	my ($statement) = @_;
	my $script = "\\set ON_ERROR_STOP 0\n"
	  . "SELECT 1 FROM orgsync.import_csv('acme', E'primary_email_address\\nsomebody\@example.com\\n') \\g /dev/null\n"
	  . "SELECT 1 FROM orgsync.import_file('acme', '$directory/small.csv') \\g /dev/null\n"
	  . peak('before') . "$statement;\n" . peak('after') . "\\echo :before :after\n";
	my ($output, $errors) = ('', '');
	IPC::Run::run [ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres') ], '<', \$script, '>',
	  \$output, '2>', \$errors;
	my ($before, $after) = $output =~ /^(\d+) (\d+)$/m;
	$output =~ s/^\d+ \d+\n//m;
	return ($output, $errors, $after - $before);
}

# What an import comes to: its state and its severe findings, one of each code.
sub outcome
{
	my ($call) = @_;
	return "WITH i AS MATERIALIZED (SELECT * FROM orgsync.$call)
		SELECT state, rows_read, encoding, import_id FROM i \\gset
		SELECT concat_ws('|', :'state', :rows_read, :'encoding', (SELECT string_agg(DISTINCT concat_ws(': ', line, code, message), '; ')
			FROM acme.import_findings WHERE import_id = :import_id AND severity <> 'warning'))";
}

# Imports a file in both ways.
sub is_found
{
	my ($name, $expected) = @_;
	my ($output, $errors, $growth) = run_measured(outcome("import_file('acme', '$directory/$name')"));
	is($errors, '', "$name: no error");
	like($output, $expected, "$name: what import_file finds");
	cmp_ok($growth, '<', $memory_limit, "$name: memory of import_file");

	my $object = $node->safe_psql('postgres', "SELECT lo_import('$directory/$name')");
	($output, $errors, $growth) = run_measured(outcome("import_large_object('acme', $object)"));
	is($errors, '', "$name: no error as a large object");
	like($output, $expected, "$name: what import_large_object finds");
	cmp_ok($growth, '<', $memory_limit, "$name: memory of import_large_object");
	$node->safe_psql('postgres', "SELECT lo_unlink($object)");
	unlink "$directory/$name";
	return;
}

write_file("$directory/small.csv", "primary_email_address\nsomebody\@example.com\n");

# UTF-16 is read, with or without its mark; half a character of it is not.
my $roster = "primary_email_address,preferred_first_name\r\nzoe\@example.com,Zo\x{eb}\r\n";
write_file("$directory/utf16le.csv", "\xFF\xFE", encode('UTF-16LE', $roster));
is_found('utf16le.csv', qr/^applied\|1\|UTF16LE$/);
write_file("$directory/utf16be.csv", encode('UTF-16BE', $roster));
is_found('utf16be.csv', qr/^applied\|1\|UTF16BE$/);
write_file("$directory/utf16cut.csv", "\xFF\xFE", encode('UTF-16LE', $roster), "x");
is_found('utf16cut.csv', qr/^refused\|1\|UTF16LE\|3: not_utf8: /);

# 400 MB, of which one field has 300 MB: quoted or not, it is over the limit of a
# record.
my $megabyte = 'x' x (1024 * 1024);
my $tail = "tail\@example.com,t\n" x (1024 * 1024 / 19);
write_file("$directory/huge.csv", "primary_email_address,work_title\nhead\@example.com,\"", ($megabyte) x 300, "\"\n",
	($tail) x 100);
cmp_ok(-s "$directory/huge.csv", '>', 399 * 1024 * 1024, 'the huge file is huge');
is_found('huge.csv', qr/^refused\|0\|UTF8\|2: malformed_csv: .*double quote is opened and never closed.* \(byte offset 50\)$/);
write_file("$directory/unquoted.csv", "primary_email_address,work_title\nhead\@example.com,", ($megabyte) x 20, "\n");
is_found('unquoted.csv', qr/^refused\|0\|UTF8\|2: malformed_csv: .*longer than orgsync.max_record_size/);

# Nothing but quotes: an odd number, and an even one.
write_file("$directory/quotes_odd.csv", '"' x 5_000_001);
is_found('quotes_odd.csv', qr/^refused\|0\|UTF8\|1: malformed_csv: /);
write_file("$directory/quotes_even.csv", '"' x 1000);
is_found('quotes_even.csv', qr/^refused\|0\|UTF8\|1: missing_key_header: /);

# 100,000 columns: unknown ones are ignored, one by one; the same one is refused;
# nameless ones are none; groups are made, and an empty cell each is a warning each.
my $rest = 99_999;
write_file("$directory/columns_unknown.csv", join(',', 'primary_email_address', map { "c$_" } 1 .. $rest),
	"\nsomebody\@example.com", ',v' x $rest, "\n");
is_found('columns_unknown.csv', qr/^applied\|1\|UTF8$/);
write_file("$directory/columns_same.csv", 'primary_email_address', ',c' x $rest, "\nsomebody\@example.com", ',v' x $rest, "\n");
is_found('columns_same.csv', qr/^refused\|0\|UTF8\|1: duplicate_header: column "c" means the same as column "c", which is column 2 /);
write_file("$directory/columns_blank.csv", 'primary_email_address', ',' x $rest, "\nsomebody\@example.com", ',v' x $rest, "\n");
is_found('columns_blank.csv', qr/^applied\|1\|UTF8$/);

write_file("$directory/columns_empty.csv", join(',', 'primary_email_address', map { "attribute_$_" } 1 .. 50_000),
	"\nsomebody\@example.com", ',' x 50_000, "\n");
is_found('columns_empty.csv', qr/^applied\|1\|UTF8$/);
write_file("$directory/columns_group.csv", join(',', 'primary_email_address', map { "group:$_" } 1 .. 40_000),
	"\nsomebody\@example.com", ',yes' x 40_000, "\n");
is_found('columns_group.csv', qr/^applied\|1\|UTF8$/);
is( $node->safe_psql('postgres', 'SELECT count(DISTINCT name), (SELECT count(*) FROM acme.memberships) FROM acme.groups'),
	'40000|40000', 'all groups have their member');

# Other kinds of files by mistake.
my $gzipped;
gzip(\("primary_email_address\n" . "somebody\@example.com\n" x 1000), \$gzipped);
write_file("$directory/roster.csv.gz", $gzipped);
is_found('roster.csv.gz', qr/^refused\|0\|.*\|1: malformed_csv: the file is compressed \(gzip\)/);
write_file("$directory/roster.xlsx", "PK\x03\x04\x14\x00\x06\x00", "\x00" x 1000);
is_found('roster.xlsx', qr/^refused\|0\|.*\|1: malformed_csv: the file is a spreadsheet or a zip archive/);
write_file("$directory/roster.xls", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "\x00" x 1000);
is_found('roster.xls', qr/^refused\|0\|.*\|1: malformed_csv: the file is a spreadsheet or a zip archive/);
write_file("$directory/nul.csv", ("\x00" x (1024 * 1024)) x 10);
is_found('nul.csv', qr/^refused\|0\|.*\|1: malformed_csv: .*NUL byte.* \(byte offset 0\)$/);
write_file("$directory/empty.csv");
is_found('empty.csv', qr/^refused\|0\|UTF8\|1: empty_file: /);

# What is no file at all is an error, and nobody waits for it.
mkfifo("$directory/pipe", oct 666) or die "pipe: $!";
for my $case (
	[ '/dev/zero', qr/ERROR:  "\/dev\/zero" is not a regular file/ ],
	[ "$directory/pipe", qr/ERROR:  ".*pipe" is not a regular file/ ],
	[ $directory, qr/ERROR:  ".*" is a directory/ ],
	[ "$directory/missing.csv", qr/ERROR:  could not open file ".*missing.csv" for reading: No such file/ ])
{
	my ($path, $expected) = @$case;
	my ($output, $errors, $growth) = run_measured("SELECT state FROM orgsync.import_file('acme', '$path')");
	like($errors, $expected, "$path: the error");
	is($output, '', "$path: nothing is imported");
	cmp_ok($growth, '<', $memory_limit, "$path: memory");
}
my (undef, $errors) = run_measured("SELECT state FROM orgsync.import_large_object('acme', 4711)");
like($errors, qr/ERROR:  large object 4711 does not exist/, 'a large object that is not there');

$node->stop;
done_testing();
