
# 047_pooler.pl: accounts are worked on through pgbouncer, which gives each transaction
# whatever session is free: nothing of a session matters to the next transaction, and
# nothing is left in it.

use strict;
use warnings;

use IPC::Run;
use OrgsyncTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes 'usleep';

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } ('/usr/sbin', split /:/, $ENV{PATH});
plan skip_all => 'pgbouncer is not installed' unless $ENV{CI} || defined $pgbouncer;

my $clients = 6;
my $sessions = 2;
my $rounds = 4;
my $license = 'Default_license_learning_pro_status';

my $node = start_server('pooled');
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync');

my $directory = PostgreSQL::Test::Utils::tempdir_short;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my ($host, $server_port, $user) = ($node->host, $node->port, $node->safe_psql('postgres', 'SELECT current_user'));
append_to_file("$directory/pgbouncer.ini", <<"END");
[databases]
postgres = host=$host port=$server_port user=$user
[pgbouncer]
pool_mode = transaction
default_pool_size = $sessions
auth_type = any
listen_port = $port
unix_socket_dir = $directory
logfile = $directory/log
pidfile = $directory/pid
END
my $pooler = IPC::Run::start([ $pgbouncer, "$directory/pgbouncer.ini" ], '>', \my $pooler_output, '2>', \my $pooler_errors);
my @psql = ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', $directory, '-p', $port, '-U', $user, '-d', 'postgres');
foreach (1 .. 300)
{
	last if -S "$directory/.s.PGSQL.$port";
	usleep(100_000);
}
is((run_command([ @psql, '-c', 'SELECT 1' ]))[0], '1', 'the pool is open') or diag(slurp_file("$directory/log"));

# One client's life: its account is made, filled, changed, brought to the vendor, and
# dropped, again and again under the same name; each statement in whatever session.
sub script
{
	my ($account) = @_;
	my $header = "primary_email_address,unique_user_id,$license,group:HR";
	my $first = join '\n', $header, map { "p$_\@example.com,E$_,active,yes" } 1 .. 30;
	my $second = join '\n', $header, map { "p$_\@example.com,E$_," . ($_ % 2 ? 'inactive' : 'active') . ',yes' } 1 .. 30;
	return qq{
		SELECT 'session', pg_backend_pid();
		SELECT orgsync.create_account('$account', 'linkedin_learning');
		SELECT 'session', pg_backend_pid();
		SELECT orgsync.add_license('$account', '$license', 20, 'invited', 'waitlist');
		SELECT state, created FROM orgsync.import_csv('$account', E'$first');
		SELECT 'session', pg_backend_pid();
		SELECT kind, row_count FROM orgsync.export_csv('$account');
		SELECT orgsync.confirm_export('$account', 1);
		SELECT state, updated FROM orgsync.import_csv('$account', E'$second');
		SELECT 'session', pg_backend_pid();
		BEGIN;
		UPDATE $account.profiles SET work_title = 'Boss' WHERE unique_user_id = 'E2';
		SELECT kind, row_count FROM orgsync.export_csv('$account', override => true);
		SELECT orgsync.confirm_export('$account', 2);
		COMMIT;
		SELECT count(*) FROM orgsync.diff('$account');
		SELECT total, available, invited, waitlisted FROM $account.seat_usage;
		SELECT * FROM orgsync.verify_account('$account');
		SELECT orgsync.drop_account('$account');
	};
}

# A client that runs a script by itself, without our handing it on.
sub client
{
	my ($name, $script) = @_;
	append_to_file("$directory/$name.sql", $script);
	return IPC::Run::start([ @psql, '-f', "$directory/$name.sql", '-o', "$directory/$name.out" ], '2>', "$directory/$name.err");
}

sub answer
{
	my ($client, $name) = @_;
	$client->finish;
	return (slurp_file("$directory/$name.out"), slurp_file("$directory/$name.err"));
}

my @running = map { client("client$_", script("client$_") x $rounds) } 0 .. $clients - 1;
my %used;
foreach my $client (0 .. $clients - 1)
{
	my ($output, $errors) = answer($running[$client], "client$client");
	is($errors, '', "client $client: no error");
	$used{$1} = 1 while $output =~ /^session\|(\d+)\n/mg;
	$output =~ s/^session\|\d+\n//mg;
	is($output, "client$client\n1\napplied|30\nadd|30\n\napplied|20\nrevoke|10\nupdate|5\nupdate|1\n\n0\n20|5|15|0\n\n" x $rounds,
		"client $client: each round did its job");
}
is(scalar keys %used, $sessions, 'all shared the same sessions');

# What the sessions are like afterwards; both are asked while the other one is busy.
my $question = q{
	BEGIN;
	SELECT pg_sleep(1);
	SELECT 'session', pg_backend_pid();
	SELECT 'locks', count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
	SELECT 'prepared', count(*) FROM pg_prepared_statements;
	SELECT 'portals', count(*) FROM pg_cursors WHERE name <> '';
	SELECT 'temporary', count(*) FROM pg_class WHERE relpersistence = 't';
	SELECT 'settings', count(*) FROM pg_settings WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding');
	COMMIT;};
my @asked = map { client("question$_", $question) } 1 .. $sessions;
foreach my $number (1 .. $sessions)
{
	my ($output) = answer($asked[$number - 1], "question$number");
	like($output, qr/session\|\d+\nlocks\|0\nprepared\|0\nportals\|0\ntemporary\|0\nsettings\|0$/, 'nothing is left in a session');
}

# What a pool does between two clients where it keeps a session for each.
is((run_command([ @psql, '-c', q{SELECT orgsync.create_account('kept', 'linkedin_learning')}, '-c', 'DISCARD ALL',
				'-c', q{SELECT state FROM orgsync.import_csv('kept', E'primary_email_address,preferred_first_name\na@example.com,Ann\n')}, '-c', 'DISCARD ALL',
				'-c', q{SELECT row_count FROM orgsync.export_csv('kept')} ]))[0],
	"kept\napplied\n1", 'a session that forgot everything goes on');

$pooler->signal('TERM');
$pooler->finish;
done_testing();
