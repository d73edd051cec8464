# 071_client_interrupts.pl: the client program when things go wrong in the middle:
# interrupts, lost connections, full disks, closed pipes; and what it shows and
# asks on a terminal.

use strict;
use warnings;

use JSON::PP;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

plan skip_all => 'the client is not built here' if system('orgsync --version >/dev/null 2>&1') != 0;

my $node = start_server('interrupts');
my $directory = PostgreSQL::Test::Utils::tempdir;

# the client is looked for by its own name
delete $ENV{PGAPPNAME};

# what a shell in the background ignores, its children do
$SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
my $connection = $node->connstr('postgres');
my $rows = 20_000;
my $file = "$directory/people.csv";

sub value { return $node->safe_psql('postgres', $_[0]); }

# What no command that fails may leave behind, on the server and in the directory of exports.
sub left
{
	my $on_server = value(q{
		SELECT format('%s imports, %s people, %s exports, %s uploads', (SELECT count(*) FROM acme.imports),
			(SELECT count(*) FROM acme.profiles), (SELECT count(*) FROM acme.exports),
			(SELECT count(*) FROM pg_largeobject_metadata))});
	my @files = map { s,.*/,,r } glob("$directory/out/* $directory/out/.orgsync*");
	return "$on_server, files: @files";
}

append_to_file($file, join '', "primary_email_address,work_title\n", map { "person$_\@example.org,Title $_\n" } 1 .. $rows);
mkdir "$directory/out";
value(q{CREATE EXTENSION orgsync; SELECT orgsync.create_account('acme', 'linkedin_learning')});
my $nothing = left();
my $user = value('SELECT current_user');

# Starts the client while something holds it up, does something to it, and returns how it ended.
sub disturb
{
	my ($table, $what, @arguments) = @_;
	my ($output, $errors) = ('', '');
	my $blocker = $node->background_psql('postgres');
	$blocker->query_safe("BEGIN; LOCK acme.$table IN ACCESS EXCLUSIVE MODE");
	my $run = IPC::Run::start [ 'orgsync', '-d', $connection, @arguments ], '<', '/dev/null', '>', \$output, '2>', \$errors;
	wait_for_lock($node, "application_name = 'orgsync'");
	$what->($run);
	# IPC::Run dies of a child that a signal ended
	eval { $run->finish };
	my $status = $run->full_result(0);
	is(value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'orgsync' AND state = 'active'"), '0',
		"nothing runs on any more ($arguments[0])") if $errors !~ /terminat/;
	$blocker->query_safe('ROLLBACK');
	$blocker->quit;
	return ($status, $output, $errors);
}

sub signal_it
{
	my $signal = shift;
	return sub { $_[0]->signal($signal) };
}

my %number = (INT => 2, TERM => 15, HUP => 1);
for my $signal (sort keys %number)
{
	my ($status) = disturb('profiles', signal_it($signal), 'import', 'acme', $file);
	is($status & 127, $number{$signal}, "an import that gets SIG$signal ends by it");
	is(left(), $nothing, 'and leaves nothing behind');
}
my ($status) = disturb('profiles', signal_it('INT'), 'check', $file, '-A', 'acme');
is($status & 127, 2, 'a check that is interrupted');
is(left(), $nothing, 'leaves nothing behind');

# the server goes away
my ($output, $errors);
($status, $output, $errors) = disturb('profiles',
	sub { value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orgsync'") },
	'import', 'acme', $file, '--json');
is($status >> 8, 3, 'an import that loses its connection');
like($errors, qr/terminating connection/, 'says why');
is(eval { decode_json($output)->{error}{sqlstate} }, '57P01', 'as JSON, too');
is(left(), $nothing, 'and leaves nothing behind');

# waiting for its input
my $waiting = IPC::Run::start [ 'orgsync', '-d', $connection, 'import', 'acme', '-' ], '<', \my $never, '>', \$output, '2>', \$errors;
$node->poll_query_until('postgres',
	"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'orgsync' AND state = 'idle in transaction')");
$waiting->signal('INT');
eval { $waiting->finish };
is($waiting->full_result(0) & 127, 2, 'waiting for input it can be interrupted');
$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'orgsync')");
is(left(), $nothing, 'and leaves nothing behind');

is(system('orgsync', '-d', $connection, '-q', 'import', 'acme', $file) >> 8, 0, 'the import');
my $imported = left();
($status) = disturb('profiles', signal_it('INT'), 'export', 'acme', '--out', "$directory/out");
is($status & 127, 2, 'an export that is interrupted');
is(left(), $imported, 'leaves neither files nor an export behind');

# Runs a shell command in which "client" is the client; returns the exit code and what was said.
sub shell
{
	my ($command) = @_;
	local $ENV{CONNECTION} = "$connection user=$user";
	local $ENV{OUT} = "$directory/out";
	local $ENV{FILE} = $file;
	my ($said) = ('');
	IPC::Run::run [ 'bash', '-c', 'client() { orgsync -d "$CONNECTION" "$@"; }; export -f client; ' . $command ], '&>', \$said;
	return ($? >> 8, $said);
}

# no room for the files
my ($code, $said) = shell('ulimit -f 8; client export acme --out $OUT');
is($code, 2, 'an export whose files become too large');
like($said, qr/could not write file .*: File too large/, 'says so');
is(left(), $imported, 'and leaves neither files nor an export behind');
SKIP:
{
	skip 'no file system can be mounted here', 2 if (shell('unshare -rm mount -t tmpfs -o size=64k tmpfs $OUT'))[0] != 0;
	($code, $said) = shell('unshare -rm bash -c "mount -t tmpfs -o size=64k tmpfs $OUT && client export acme --out $OUT; code=\$?; ls -A $OUT; exit \$code"');
	is($code, 2, 'an export onto a full disk');
	like($said, qr/could not write file .*: No space left on device\n\z/, 'says so, and leaves no file there');
}
is(left(), $imported, 'nor an export');
SKIP:
{
	skip 'root may write everywhere', 2 if $> == 0;
	chmod 0555, "$directory/out";
	($code, $said) = shell('client export acme --out $OUT');
	chmod 0755, "$directory/out";
	is($code, 2, 'an export into a directory that is not to be written');
	like($said, qr/could not write into directory/, 'says so');
}

# a file of the export's is there already, found when others were written
my $second = (split /\n/, value("SELECT file_name FROM orgsync.export_csv('acme', rows_per_file => 5000, dry_run => true) WHERE seq = 3"))[0];
append_to_file("$directory/out/" . $second =~ s/-000000-/-00000$_-/r, '') for 1 .. 3;
my $before = left();
($code, $said) = shell('client export acme --out $OUT --rows-per-file 5000');
is($code, 2, 'an export one of whose files is there');
like($said, qr/exists already/, 'says so');
is(left(), $before, 'and writes none');
unlink glob("$directory/out/*");

# no room for what is to be told
my $bad = "$directory/bad.csv";
append_to_file($bad, join '', "primary_email_address\n", map { "person$_\n" } 1 .. $rows);
$ENV{BAD} = $bad;
($code, $said) = shell('client check $BAD -P linkedin_learning --findings 100000 | head -n 1; exit ${PIPESTATUS[0]}');
is($code, 74, 'nobody reads the output to its end');
like($said, qr/could not write to standard output: Broken pipe/, 'which is said');
($code, $said) = shell('client import acme $BAD --json >/dev/full');
is($code, 74, 'the output does not fit');
like($said, qr/could not write to standard output: No space left/, 'which is said');
is(value('SELECT max(import_id) || state FROM acme.imports GROUP BY state ORDER BY 1 DESC LIMIT 1'), '2applied', 'the import is done all the same');

# Starts the client on a terminal, where $input is typed; returns the run, and what is shown.
sub on_terminal
{
	my ($input, @arguments) = @_;
	my $shown = '';
	my $run = IPC::Run::start [ 'orgsync', '-d', $connection, @arguments ], '<pty<', $input, '>pty>', \$shown, '2>&1',
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	return ($run, \$shown);
}
# Some containers have no terminals to give.
my $has_terminals = eval { require IO::Pty; IO::Pty->new };
SKIP:
{
	skip 'there are no terminals here', 3 if !$has_terminals;
	my $blocker = $node->background_psql('postgres');
	$blocker->query_safe('BEGIN; LOCK acme.profiles IN ACCESS EXCLUSIVE MODE');
	my $again = "$directory/again.csv";
	append_to_file($again, slurp_file($file) =~ s/Title/Name/gr);
	my ($run, $shown) = on_terminal(\'', 'import', 'acme', $again);
	# the server tells how far it is while it waits; before, there is no bar
	$run->pump until $$shown =~ /import  \[.*\d:\d\d/;
	$blocker->query_safe('ROLLBACK');
	$blocker->quit;
	$run->finish;
	my @lines = split /[\r\n]+/, $$shown;
	my @bars = grep { /^import .*\d/ } @lines;
	like($bars[-1], qr/^import {2}\[=*>? *\] +\d+%(?:  [\d,]+ rows)?(?:  \d+\.\d MB\/s)?  \d+:\d\d/, 'a terminal shows how far the import is');
	is((grep { length > 79 } @bars), 0, 'in 80 columns');
	like($$shown, qr/\r {60,79}\racme: import 3 applied/, 'and wipes it away before it tells the end');
}
unlike($output = (shell('client import acme $FILE'))[1], qr/\r/, 'others see no bar');

# passwords: never on the command line, but asked for, or from files
value(q{SET password_encryption = 'scram-sha-256'; CREATE ROLE keeper LOGIN PASSWORD 'se cret'});
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');
write_file($node->data_dir . '/pg_hba.conf', "local all keeper scram-sha-256\n$hba");
$node->reload;
($code, $said) = shell('client -U keeper status -w');
is($code, 3, 'no password, and none asked for');
like($said, qr/no password supplied/, 'is no connection');
my $host = $node->host;
my $port = $node->port;
append_to_file("$directory/pgpass", "*:*:*:keeper:se cret\n");
chmod 0600, "$directory/pgpass";
append_to_file("$directory/services", "[hr]\nhost=$host\nport=$port\ndbname=postgres\nuser=keeper\npassfile=$directory/pgpass\n");
{
	local $ENV{PGSERVICEFILE} = "$directory/services";
	is((run_command([ 'orgsync', 'status', '-d', 'service=hr' ]))[0], 'no account that you may read', 'a service and a file of passwords');
	local $ENV{PGSERVICE} = 'hr';
	is((run_command([ 'orgsync', 'status' ]))[0], 'no account that you may read', 'the same by the environment');
}
SKIP:
{
	skip 'there are no terminals here', 2 if !$has_terminals;
	my $typed = '';
	my ($run, $shown) = on_terminal(\$typed, 'status', '-U', 'keeper');
	$run->pump until $$shown =~ /Password for user keeper: /;
	$typed .= "se cret\n";
	$run->finish;
	like($$shown, qr/no account that you may read/, 'a password that is typed');
	unlike($$shown, qr/se cret/, 'is not shown');
}

$node->stop;
done_testing();
