
# 055_page_writer.pl: the process that writes pages of a large load comes when there is
# one to be had and much to write, and whatever becomes of it, the pages are there or
# the import fails and leaves nothing behind.  What it writes: 055_first_load.pl.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use IPC::Run;
use Test::More;
use Time::HiRes qw(usleep);

my $rows = 100_000;
my $node = start_server('pages', conf => <<'END');
log_min_messages = debug1
# the writer comes while rows are decided on
min_parallel_table_scan_size = '4MB'
# shared memory in files, which can be counted
dynamic_shared_memory_type = mmap
restart_after_crash = on
END
my $file = PostgreSQL::Test::Utils::tempdir . '/people.csv';
my $text = "primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,group:One\n";
$text .= "person.$_\@example.com,E$_,Ann,Name $_,yes\n" for 1 .. $rows;
append_to_file($file, $text);
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync; CREATE EXTENSION amcheck');

my $account_count = 0;
my $watcher = $node->background_psql('postgres');

# An account of its own for each import, and the statement.
sub new_account
{
	my $account = 'account' . ++$account_count;
	$node->safe_psql('postgres', "SELECT orgsync.create_account('$account', 'linkedin_learning')");
	return ($account, "SELECT state, created FROM orgsync.import_file('$account', '$file')");
}

# What is there after an import, and that its pages and indexes are sound.
sub has_imported
{
	my ($account, $name) = @_;
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT unique_user_id), (SELECT count(*) FROM $account.memberships) FROM $account.profiles"),
		"$rows|$rows|$rows", "$name: everybody is there");
	is_sound($node, 'postgres', $account, $name);
	return;
}

# How many processes an import under those settings starts.
sub started_by
{
	my ($settings, $expected) = @_;
	my ($account, $import) = new_account();
	my $offset = -s $node->logfile;
	is($node->safe_psql('postgres', "$settings; $import"), "applied|$rows", "$settings: imported");
	my $started = () = slurp_file($node->logfile, $offset) =~ /starting background worker process "orgsync page writer/g;
	is($started, $expected, "$settings: $expected started");
	has_imported($account, $settings);
	return;
}
started_by('RESET ALL', 1);
started_by("SET min_parallel_table_scan_size = '1GB'", 0);
started_by('SET max_parallel_maintenance_workers = 0', 0);
started_by('SET max_parallel_workers = 0', 0);

# A process of this server that writes pages.
sub writer_process
{
	my $postmaster = $node->{_pid};
	foreach my $process (glob('/proc/[0-9]*'))
	{
		my ($stat, $command) = map { local (@ARGV, $/) = $_; -r $_ ? (<> // '') : '' } "$process/stat", "$process/cmdline";
		return $process =~ s{.*/}{}r if $command =~ /orgsync page writer/ && $stat =~ /\) \S $postmaster /;
	}
	return undef;
}

# Does an import wait for its writer, and nothing else?
sub is_waited_for
{
	return $watcher->query(q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'Extension' AND query LIKE '%import_file%'}) eq '1';
}

# Runs an import whose writer gets a signal as soon as it is there; returns what became of it, and the account.
sub import_with
{
	my ($signal, $then) = @_;
	for (1 .. 20)
	{
		my ($account, $import) = new_account();
		my ($said, $errors) = ('', '');
		my $run = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $import ],
			'<', '/dev/null', '>', \$said, '2>', \$errors);
		my $writer;
		until ($writer = writer_process())
		{
			last unless $run->pumpable();
			$run->pump_nb();
			usleep(500);
		}
		my $was_there = $writer && kill($signal, $writer);
		$then->($writer) if $was_there && $then;
		$run->finish;
		return ("$said$errors", $account) if $was_there;
	}
	return ('no writer was seen', '');
}

my $importing = q{FROM pg_stat_activity WHERE query LIKE '%import_file%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()};
my $shared = q{SELECT count(*) FROM pg_ls_dir('pg_dynshmem') AS name, pg_stat_file('pg_dynshmem/' || name) WHERE size > 4000000};

my ($said, $account) = import_with('TERM');
is($said, "applied|$rows\n", 'without its writer the import goes on');
has_imported($account, 'terminated');

# A stopped writer may have pages that nobody else can write.  Until it has, it is stopped again; then for longer
# than the import waits before it looks for it.
my $waited = 0;
for (1 .. 100)
{
	last if $waited;
	($said, $account) = import_with('STOP', sub {
		my ($writer, $run) = @_;
		for (1 .. 200)
		{
			usleep(rand(10_000));
			last if $waited = is_waited_for();
			kill('CONT', $writer) or last;
			usleep(rand(2_000));
			kill('STOP', $writer) or last;
		}
		if ($waited)
		{
			usleep(2_500_000);
			$waited = 2 if is_waited_for();
		}
		kill 'CONT', $writer;
	});
	is($said, "applied|$rows\n", 'imported') unless $waited;
}
is($waited, 2, 'a writer is waited for, however long it takes');
is($said, "applied|$rows\n", 'the import waits for what its writer has');
has_imported($account, 'stopped for some seconds');

($said, $account) = import_with('STOP', sub { usleep(300_000); kill 'TERM', $_[0]; kill 'CONT', $_[0] });
is($said, "applied|$rows\n", 'and writes what it has left');
has_imported($account, 'terminated late');

foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	($said, $account) = import_with('STOP', sub {
		$node->safe_psql('postgres', "SELECT $how(pid) $importing");
		$node->poll_query_until('postgres', "SELECT count(*) = 0 $importing AND state = 'active'");
		kill 'CONT', $_[0];
	});
	like($said, qr/canceling statement|terminating connection|^applied/, "$how: it ends");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $account.profiles"), $said =~ /^applied/ ? $rows : 0, "$how: all or nothing");
	is($node->safe_psql('postgres', $shared), 0, "$how: no memory is left");
	is_sound($node, 'postgres', $account, $how);
}

$watcher->quit;
($said, $account) = import_with('KILL');
like($said, qr/server closed the connection|terminating connection|lost/, 'its writer killed: the server begins anew');
$node->poll_query_until('postgres', 'SELECT true');
is($node->safe_psql('postgres', "SELECT count(*) FROM $account.profiles"), 0, 'nothing is left of the import');
for (1 .. 100)
{
	last unless writer_process();
	usleep(100_000);
}
is(writer_process(), undef, 'no process is left');

# Where the account is read while its tables are loaded, all that is read is there.
$node->safe_psql('postgres', q{
	SELECT orgsync.create_account('read', 'linkedin_learning');
	INSERT INTO read.profiles (primary_email_address) SELECT format('person.%s@example.com', 300 * n) FROM generate_series(1, 300) AS n;
	ALTER TABLE read.memberships DROP CONSTRAINT memberships_pkey;
	CREATE INDEX ON read.memberships (group_id)});
is($node->safe_psql('postgres', "SET min_parallel_table_scan_size = 0; SELECT state, created FROM orgsync.import_file('read', '$file')"),
	'applied|' . ($rows - 300), 'imported into an account that has people, and no index of their groups');
is($node->safe_psql('postgres', 'SELECT count(*) FROM read.memberships'), $rows, 'all memberships are there');

$node->stop;
done_testing();
