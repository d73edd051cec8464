
# 052_import_worker.pl: an import gets a parallel worker when much has to be parsed,
# does without where there is none, and leaves nothing behind, no shared memory either,
# however it or its worker ends.  What the worker parses is the business of sql/import_worker.sql.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use File::Basename;
use IPC::Run;
use Test::More;
use Time::HiRes qw(usleep);

my $node = start_server('worker', conf => <<'END');
log_min_messages = debug1
min_parallel_table_scan_size = '64kB'
# shared memory in files, which can be counted
dynamic_shared_memory_type = mmap
restart_after_crash = on
END
my $directory = PostgreSQL::Test::Utils::tempdir;
my $file = "$directory/people.csv";
my $text = "primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,group:One\n";
$text .= "person.$_\@example.com,E$_,Ann,Name $_,\"Head of department $_\",yes\n" for 1 .. 100_000;
append_to_file($file, $text);
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION orgsync;
	SELECT orgsync.create_account('acme', 'linkedin_learning')});

my $import = "SELECT state, created FROM orgsync.import_file('acme', '$file', dry_run => true)";

# Does a statement start a worker, and what does it say?
sub starts_worker
{
	my ($sql) = @_;
	my $offset = -s $node->logfile;
	my $said = $node->safe_psql('postgres', $sql);
	my $started = () = PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset) =~
		/starting background worker process "parallel worker/g;
	return "$said, $started started";
}

is(starts_worker($import), 'dry_run|100000, 1 started', 'a worker for a great file');
is(starts_worker("SET min_parallel_table_scan_size = '1GB'; $import"), 'dry_run|100000, 0 started', 'none for a small one');
is(starts_worker("SET max_parallel_maintenance_workers = 0; $import"), 'dry_run|100000, 0 started', 'none if none is wanted');
is(starts_worker("SET max_parallel_workers = 0; $import"), 'dry_run|100000, 0 started', 'and where none is left');
is(starts_worker("SELECT state, created FROM orgsync.import_csv('acme', E'primary_email_address\na\@example.com\n', dry_run => true)"),
	'dry_run|1, 0 started', 'a few rows');

# The worker has the database's encoding, which cannot hold everything.
my $foreign = PostgreSQL::Test::Utils::tempdir . '/foreign.csv';
$text = "primary_email_address,preferred_first_name,preferred_last_name\n";
$text .= "person.$_\@example.com,Zo\xc3\xab," . ($_ % 500 ? 'Name' : "\xe6\xbc\xa2") . "$_\n" for 1 .. 5000;
append_to_file($foreign, $text);
$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin', q{
	CREATE EXTENSION orgsync;
	SELECT orgsync.create_account('alone', 'linkedin_learning'), orgsync.create_account('together', 'linkedin_learning')});
my %states = map {
	my ($account, $workers) = @$_;
	$account => $node->safe_psql('latin', qq{
		SET client_encoding = 'UTF8';
		SET min_parallel_table_scan_size = 0;
		SET max_parallel_maintenance_workers = $workers;
		SELECT created, rejected FROM orgsync.import_file('$account', '$foreign');
		SELECT md5(string_agg(p.preferred_first_name || p.preferred_last_name, ',' ORDER BY profile_id)) FROM $account.profiles AS p;
		SELECT md5(string_agg(f.message || f.record, ',' ORDER BY finding_id)) FROM $account.import_findings AS f})
} (['alone', 0], ['together', 2]);
like($states{alone}, qr/^4990\|10$/m, 'a database that cannot hold all characters');
is($states{together}, $states{alone}, 'nor can its worker');

# An import, after another statement, whose worker is stopped, so that it cannot come to its end.
sub import_with_stopped_worker
{
	my ($before) = @_;
	for (1 .. 20)
	{
		my %session = (errors => '');
		$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $before, '-c', $import ],
			'<', '/dev/null', '>', '/dev/null', '2>', \$session{errors});
		until ($session{worker} = worker_process())
		{
			last unless $session{run}->pumpable();
			$session{run}->pump_nb();
			usleep(1000);
		}
		return \%session if $session{worker} && stop_worker($session{worker});
		$session{run}->finish;
	}
	return undef;
}

# Stops a worker where it holds no lock that whoever connects would wait for.
sub stop_worker
{
	my ($worker) = @_;
	for (1 .. 20)
	{
		kill('STOP', $worker) or return 0;
		return 1 if system('psql', '-Xq', '-d', $node->connstr('postgres') . ' connect_timeout=2', '-c', 'RESET ALL') == 0;
		kill('CONT', $worker);
		usleep(1000);
	}
	return 0;
}

# The process of a parallel worker of this server, by what the system tells of its processes.
sub worker_process
{
	my $postmaster = $node->{_pid};
	foreach my $process (glob('/proc/[0-9]*'))
	{
		my ($stat, $command) = map { local (@ARGV, $/) = $_; -r $_ ? (<> // '') : '' } "$process/stat", "$process/cmdline";
		return $process =~ s{.*/}{}r if $command =~ /parallel worker for PID/ && $stat =~ /\) \S $postmaster /;
	}
	return undef;
}

# What is in memory that two processes share, if it is more than the server itself has there.
my $shared = q{SELECT count(*) FROM pg_ls_dir('pg_dynshmem') AS name, pg_stat_file('pg_dynshmem/' || name) WHERE size > 4000000};
my $importing = q{FROM pg_stat_activity WHERE query LIKE '%import_file%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()};

# Ends an import, or its worker, in some way, while the one waits for the other.
sub ends_with
{
	my ($how, $expected, $signals, $before) = @_;
	my $session = import_with_stopped_worker($before // 'SELECT') or return fail("$how: an import has a worker");
	my $leader = $node->safe_psql('postgres', "SELECT pid $importing");
	is($node->safe_psql('postgres', $shared), '1', "$how: an import shares memory with its worker");
	$signals->($leader, $session->{worker});
	kill 'CONT', $session->{worker};
	$session->{run}->finish;
	like($session->{errors}, $expected, "$how: it ends with an error");
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'});
	is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM acme.imports WHERE state <> $$dry_run$$), (SELECT count(*) FROM acme.profiles)'),
		'0|0', "$how: nothing is left of it");
	is($node->safe_psql('postgres', "$shared; SELECT count(*) FROM pg_ls_tmpdir()"), "0\n0", "$how: neither memory nor files");
	return;
}

my $gone = qr/server closed the connection|terminating connection|lost/;
ends_with('cancelled', qr/canceling statement due to user request/,
	sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) $importing") });
ends_with('out of time', qr/canceling statement due to statement timeout/,
	sub { $node->wait_for_log(qr/canceling statement due to statement timeout/) }, "SET statement_timeout = '5s'");
ends_with('terminated', qr/terminating connection due to administrator command/,
	sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $importing") });
ends_with('its worker terminated', qr/terminating (background worker|parallel worker|connection)|lost connection to parallel worker/,
	sub { kill 'TERM', $_[1] });
ends_with('killed', $gone, sub { kill 'KILL', $_[0] });
ends_with('its worker killed', $gone, sub { kill 'KILL', $_[1] });
is($node->safe_psql('postgres', $import), 'dry_run|100000', 'the next one goes through');

# ---- sessions that began before the library was replaced ----

# The same library, with another text in it, which tells who has parsed a row.
my $library = $node->config_data('--pkglibdir') . '/orgsync.so';
SKIP:
{
	skip 'the library cannot be replaced here', 3 unless -w dirname($library);
	my $bytes = slurp_file($library);
	my $patched = $bytes =~ s/it takes true or false/it takes TRUE or FALSE/gr;
	my $faulty = $directory . '/faulty.csv';
	append_to_file($faulty, "primary_email_address,reupload_user_profile\n" .
		join('', map { "person.$_\@example.com,perhaps\n" } 1 .. 100_000));
	my $session = $node->background_psql('postgres');
	$session->query("LOAD 'orgsync'");
	isnt($patched, $bytes, 'another library');
	replace_library($patched);
	like($session->query("SELECT state, rejected FROM orgsync.import_file('acme', '$faulty')"), qr/^applied\|100000$/m,
		'a worker with another library than the import');
	replace_library($bytes);
	is($session->query("SELECT count(*) FROM acme.import_findings WHERE message LIKE '%TRUE or FALSE%'"), '0', 'does nothing');
	$session->quit;
}

# As packages do it: sessions that have loaded the former file keep it.
sub replace_library
{
	my ($contents) = @_;
	write_file("$library.new", $contents);
	chmod 0755, "$library.new";
	rename "$library.new", $library or die "$library: $!";
	return;
}

$node->stop;
done_testing();
