# 055_first_load.pl: the pages of a first load, which are written past the shared
# buffers, by another process: they outlive a crash, at each wal_level and with checkpoints
# in between, and reach standbys and subscribers.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 12_000;
my $node = start_server('primary', allows_streaming => 'logical', extra => [ '--data-checksums' ],
	conf => "min_parallel_table_scan_size = 0\nlog_min_messages = debug1\n");
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync; CREATE EXTENSION amcheck');

# People with seats and groups, everyone hundredth with a title that is stored out of line.
$node->safe_psql('postgres', qq{
	CREATE FUNCTION people(count integer) RETURNS text LANGUAGE sql AS \$\$
		SELECT 'primary_email_address,preferred_first_name,preferred_last_name,work_title,Default_license_learning_pro_status,group:Team A,group:Team B' || chr(10) ||
			string_agg(format('person%s\@example.com,First%s,Last%s,%s,%s,%s,%s' || chr(10), n, n, n,
				CASE WHEN n % 100 = 0 THEN (SELECT string_agg(md5(n::text || k), '') FROM generate_series(1, 300) AS k) ELSE 'Title ' || n END,
				CASE WHEN n % 3 = 0 THEN 'active' END, CASE WHEN n % 2 = 0 THEN 'yes' END, CASE WHEN n % 5 = 0 THEN 'yes' END), '' ORDER BY n)
		FROM generate_series(1, count) AS n \$\$;
	CREATE FUNCTION make(account name) RETURNS void LANGUAGE sql AS \$\$
		SELECT orgsync.create_account(account, 'linkedin_learning');
		SELECT orgsync.add_license(account::text::regnamespace, 'Default_license_learning_pro_status', seats => $rows) \$\$});
my $import = "SELECT state, created, seats_granted FROM orgsync.import_csv('%s', people($rows))";
my $imported = "applied|$rows|" . int($rows / 3);

# All that an account's people have, in short.
sub state_of
{
	my ($server, $account) = @_;
	return $server->safe_psql('postgres', qq{SELECT count(*), md5(string_agg(concat_ws('|', primary_email_address, preferred_first_name, preferred_last_name, work_title), '' ORDER BY primary_email_address)),
		(SELECT count(*) FROM $account.seats), (SELECT count(*) FROM $account.memberships), (SELECT count(*) FROM $account.changes)
		FROM $account.profiles});
}

# A standby and a subscriber get what was written.
my $standby = start_standby($node);
$node->safe_psql('postgres', q{SELECT make('acme')});
my $subscriber = start_subscriber($node, 'postgres', 'TABLES IN SCHEMA acme');

my $file = $node->safe_psql('postgres', q{SELECT pg_relation_filenode('acme.profiles')});
is($node->safe_psql('postgres', sprintf($import, 'acme')), $imported, 'people are imported');
isnt($node->safe_psql('postgres', q{SELECT pg_relation_filenode('acme.profiles')}), $file, 'into a new file');
my $state = state_of($node, 'acme');
like($state, qr/^$rows\|/, 'all of them');
is_sound($node, 'postgres', 'acme', 'after the import');
ok($node->poll_query_until('postgres', q{SELECT n_tup_ins = 12000 FROM pg_stat_user_tables WHERE relid = 'acme.profiles'::regclass}),
	'the rows are counted');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(state_of($standby, 'acme'), $state, 'a standby has them');
$node->wait_for_catchup('copy');
is(state_of($subscriber, 'acme'), $state, 'a subscriber has them');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION copy');
$subscriber->stop;
$standby->stop;

# The same without another process.
my $started = qr/starting background worker process "orgsync page writer/;
my $offset = -s $node->logfile;
like(slurp_file($node->logfile), $started, 'another process was there');
$node->safe_psql('postgres', q{SELECT make('alone')});
is($node->safe_psql('postgres', 'SET max_parallel_maintenance_workers = 0; ' . sprintf($import, 'alone')), $imported,
	'imported without another process');
unlike(slurp_file($node->logfile, $offset), $started, 'there is none');
is(state_of($node, 'alone'), $state, 'it is the same');
is_sound($node, 'postgres', 'alone', 'one process');

# A crash of the server: what was committed is there, what was not is not.
my $session = $node->background_psql('postgres');
$session->query_safe(q{SELECT make('lost')});
$session->query_safe('BEGIN; ' . sprintf($import, 'lost'));
crash($node, $session);
is(state_of($node, 'acme'), $state, 'they are there after a crash');
is_sound($node, 'postgres', 'acme', 'after a crash');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lost.profiles'), '0', 'nobody is there of an import that was not committed');
is($node->safe_psql('postgres', sprintf($import, 'lost')), $imported, 'who can be imported again');
is(state_of($node, 'lost'), $state, 'and is the same then');

# Checkpoints in between, and a rollback to a savepoint.
$node->safe_psql('postgres', q{SELECT make('busy'); ALTER TABLE busy.profiles SET (fillfactor = 50)});
my $checkpoints = IPC::Run::start [ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'CHECKPOINT', map { ('-c', 'SELECT pg_sleep(0.001)', '-c', 'CHECKPOINT') } 1 .. 200 ],
	'<', '/dev/null', '>', '/dev/null', '2>', '/dev/null';
is($node->safe_psql('postgres', 'BEGIN; SAVEPOINT before; ' . sprintf($import, 'busy') . '; ROLLBACK TO before; SELECT count(*) FROM busy.profiles; '
		. sprintf($import, 'busy') . '; COMMIT'), "$imported\n0\n$imported", 'imported, rolled back, imported again while checkpoints are made');
crash($node, $checkpoints);
is(state_of($node, 'busy'), $state, 'they are there after a crash');
is_sound($node, 'postgres', 'busy', 'checkpoints');
is($node->safe_psql('postgres', q{SELECT round(pg_relation_size('busy.profiles') / pg_relation_size('acme.profiles')::numeric)}), '2',
	'what is to stay free stays free');

# Addresses that begin alike, in any case, and ids that do: the indexes have them in order.
$node->safe_psql('postgres', q{SELECT make('alike')});
is($node->safe_psql('postgres', q{
	SELECT state, created, rejected FROM orgsync.import_csv('alike', (SELECT 'primary_email_address,unique_user_id' || chr(10) ||
		string_agg(format('%s%s%s@example.com,%sx%s' || chr(10), CASE n % 3 WHEN 0 THEN 'AN' ELSE 'an' END, 'other.very.long.name.of.somebody.',
			CASE WHEN n % 2 = 0 THEN 'Who.has.a.longer.' ELSE '' END || left(md5(n::text), 8), repeat('7', n % 60), n), '' ORDER BY md5(n::text))
		FROM generate_series(1, 5000) AS n))}), 'applied|5000|0', 'people who are called alike are imported');
is_sound($node, 'postgres', 'alike', 'texts that begin alike');

# Ids that are in order, or in a few pieces that are, as numbers that get another digit.
foreach my $rows (9, 1234, 5000, 12345)
{
	$node->safe_psql('postgres', qq{SELECT make('pieces$rows')});
	is($node->safe_psql('postgres', qq{
		SELECT state, created FROM orgsync.import_csv('pieces$rows', (SELECT 'primary_email_address,unique_user_id' || chr(10) ||
			string_agg(format('person%s\@example.com,E%s' || chr(10), n, n), '' ORDER BY n) FROM generate_series(1, $rows) AS n))}),
		"applied|$rows", "people with $rows ids are imported");
	is_sound($node, 'postgres', "pieces$rows", "$rows ids");
}

# A first load gives back what the rows of the file take, as it reads them; where it needs them after all, the file is read again.
$node->safe_psql('postgres', q{SELECT make('refusing'); ALTER TABLE refusing.profiles ADD CONSTRAINT no_robots CHECK (work_title <> 'Robot')});
my $long = q{orgsync.import_csv('refusing', (SELECT 'primary_email_address,work_title,attribute_a,attribute_b,attribute_c' || chr(10) ||
	string_agg(format('person%s@example.com,%s,%s,%s,%s' || chr(10), n, CASE WHEN n = ROBOT THEN 'Robot' ELSE 'Clerk' END,
		repeat('a', 250), repeat('b', 250), repeat('c', 250)), '' ORDER BY n) FROM generate_series(1, 25000) AS n))};
is($node->safe_psql('postgres', 'SELECT state, created FROM ' . $long =~ s/ROBOT/14000/r), 'refused|0', 'a constraint refuses a large file');
is($node->safe_psql('postgres', q{SELECT line, code, message ~ 'no_robots' FROM refusing.import_findings}), '14001|constraint_failed|t', 'its line is told');
is($node->safe_psql('postgres', 'SELECT count(*) FROM refusing.profiles'), 0, 'nobody is there');
is($node->safe_psql('postgres', 'SELECT state, created FROM ' . $long =~ s/ROBOT/0/r), 'applied|25000', 'without that line it is imported');
is_sound($node, 'postgres', 'refusing', 'the large file');

# A server that logs as little as it can.
$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\nwal_skip_threshold = 0");
$node->restart;
$node->safe_psql('postgres', q{SELECT make('minimal')});
is($node->safe_psql('postgres', sprintf($import, 'minimal')), $imported, 'imported at wal_level minimal');
crash($node);
is(state_of($node, 'minimal'), $state, 'they are there after a crash');
is_sound($node, 'postgres', 'minimal', 'wal_level minimal');

$node->stop;
command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], 'each page has its checksum');
done_testing();
