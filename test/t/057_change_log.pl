# 057_change_log.pl: the log of changes of many people, which gets many pages at once:
# they are sound, whatever is rolled back, done at the same time or interrupted, and
# reach standbys and subscribers.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $people = 30_000;
my $node = start_server('primary', allows_streaming => 'logical', extra => [ '--data-checksums' ], conf => 'autovacuum = off');
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync; CREATE EXTENSION amcheck');
my $standby = start_standby($node);

# Everybody is there, and the vendor has them all: the log is empty.
$node->safe_psql('postgres', qq{
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	INSERT INTO acme.profiles (primary_email_address, preferred_last_name, work_title)
		SELECT format('person%s\@example.com', n), 'Name ' || n, 'Title 0' FROM generate_series(1, $people) AS n;
	SELECT count(*) FROM orgsync.export_csv('acme');
	SELECT orgsync.confirm_export('acme', 1)});
$node->safe_psql('postgres', 'VACUUM acme.changes');
my $subscriber = start_subscriber($node, 'postgres', 'TABLES IN SCHEMA acme');

sub retitle
{
	my ($title, $where) = @_;
	return "UPDATE acme.profiles SET work_title = 'Title $title' WHERE " . ($where // 'true') . ';';
}

# What is logged, in short: of whom, and what the vendor has; by the table and by its index.
my $logged = q{SELECT count(*), count(DISTINCT profile_id), count(DISTINCT change_id), string_agg(DISTINCT vendor_value, ',' ORDER BY vendor_value)
	FROM acme.changes WHERE profile_id > 0};
my $by_index = "SET enable_seqscan = off; SET enable_bitmapscan = off; $logged";

sub logged_are
{
	my ($expected, $name) = @_;
	is($node->safe_psql('postgres', $logged), $expected, "$name: all is logged");
	is($node->safe_psql('postgres', $by_index), $expected, "$name: and found by the index");
	is_sound($node, 'postgres', 'acme', $name);
	return;
}

$node->safe_psql('postgres', retitle(1));
logged_are("$people|$people|$people|Title 0", 'an UPDATE of all');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $by_index), "$people|$people|$people|Title 0", 'a standby has it');
$node->wait_for_catchup('copy');
is($subscriber->safe_psql('postgres', $logged), "$people|$people|$people|Title 0", 'a subscriber has it');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION copy');
$subscriber->stop;

# The vendor hears of it; the pages that were emptied are used again.
sub export_and_vacuum
{
	my ($export_id) = @_;
	$node->safe_psql('postgres', qq{SELECT count(*) FROM orgsync.export_csv('acme'); SELECT orgsync.confirm_export('acme', $export_id)});
	# of emptied pages of an index, the first VACUUM takes leave, the second one gives them back
	$node->safe_psql('postgres', 'VACUUM acme.changes') foreach 1 .. 2;
	return;
}
export_and_vacuum(2);
$node->safe_psql('postgres', 'BEGIN;' . retitle(2) . 'SAVEPOINT before;' . retitle(3) . 'ROLLBACK TO before;' . retitle(4) . 'COMMIT');
logged_are(2 * $people . "|$people|" . 2 * $people . '|Title 1,Title 2', 'rolled back to a savepoint');
export_and_vacuum(3);
is($node->safe_psql('postgres', 'SELECT count(*) FROM acme.changes'), '0', 'the vendor has heard of all');

# Sessions that write at the same time, each to people of its own.
my @sessions = map {
	my $rest = $_;
	IPC::Run::start [ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), map { ('-c', retitle("5.$rest.$_", "profile_id % 3 = $rest")) } 1 .. 3 ],
		'<', '/dev/null'
} 0 .. 2;
ok($_->finish, 'a session has written') foreach @sessions;
logged_are(3 * $people . "|$people|" . 3 * $people . '|Title 4,' . join(',', map { my $rest = $_; map { "Title 5.$rest.$_" } 1 .. 2 } 0 .. 2),
	'several sessions at once');

# A crash in the middle of a transaction.
export_and_vacuum(4);
$node->safe_psql('postgres', 'CHECKPOINT');
$node->safe_psql('postgres', retitle(6, 'profile_id % 2 = 0'));
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN;' . retitle(7, 'profile_id % 2 = 1'));
my $committed = $node->safe_psql('postgres', $logged);
crash($node, $session);
like($committed, qr/^15000\|15000\|15000\|Title 5\.0\.3,/, 'half of them have another title');
logged_are($committed, 'after a crash');
$node->safe_psql('postgres', 'VACUUM acme.changes;');
$node->safe_psql('postgres', retitle(8));
like($node->safe_psql('postgres', $logged), qr/^45000\|30000\|45000\|/, 'and it goes on');
is_sound($node, 'postgres', 'acme', 'after it was added to');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $by_index), $node->safe_psql('postgres', $logged), 'a standby has all of it');
$standby->stop;

$node->stop;
command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], 'each page has its checksum');
done_testing();
