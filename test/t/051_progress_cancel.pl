
# 051_progress_cancel.pl: an import shows how far it is, and leaves nothing
# behind when it is cancelled, whenever that is.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = start_server('progress');
my $directory = PostgreSQL::Test::Utils::tempdir;

# A file of so many people; each differs from the one of another version.
sub write_people
{
	my ($name, $rows, $version) = @_;
	my $text = "primary_email_address,unique_user_id,work_title,Some_license_a_b_status,group:One\n";
	$text .= "p$_\@example.com,E$_,\"Title, $version\",active,yes\n" for 1 .. $rows;
	return write_file("$directory/$name", $text);
}

my $first = write_people('first.csv', 8000, 1);
my $second = write_people('second.csv', 8000, 2);
$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION orgsync;
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	SELECT orgsync.add_license('acme', 'Some_license_a_b_status')});

# An import that waits for a lock on a table: what is to be seen of it meanwhile.
sub progress_at
{
	my ($table, $mode, $options) = @_;
	my $blocker = $node->background_psql('postgres');
	$blocker->query_safe("BEGIN; LOCK acme.$table IN $mode MODE");
	my $import = $node->background_psql('postgres', on_error_stop => 0);
	$import->query_until(qr/begun/, "\\echo begun\nSELECT count(*) FROM orgsync.import_file('acme', '$first'$options);\n");
	wait_for_lock($node, "query LIKE '%import_file%'");
	my $seen = $node->safe_psql('postgres',
		'SELECT relid::regclass, command, bytes_processed = bytes_total AND bytes_total > 0 FROM pg_stat_progress_copy');
	$node->safe_psql('postgres',
		"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%import_file%'");
	$blocker->query_safe('ROLLBACK');
	$blocker->quit;
	$import->query('SELECT 1');
	$import->quit;
	return $seen;
}

is(progress_at('profiles', 'ACCESS EXCLUSIVE', ''), 'acme.profiles|COPY FROM|t', 'rows are decided when the file has been read');
is(progress_at('imports', 'EXCLUSIVE', ', dry_run => true'), 'acme.import_findings|COPY FROM|t', 'what was found is noted last');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_progress_copy'), '0', 'no progress without an import');

# Everything in the account, in one figure.
sub state_of
{
	return $node->safe_psql(
		'postgres', q{
		SELECT (SELECT count(*) FROM acme.imports),
			(SELECT string_agg(u::text, ';' ORDER BY profile_id) FROM acme.users AS u),
			(SELECT count(*) FROM acme.changes), (SELECT count(*) FROM acme.feeds),
			(SELECT string_agg(md5(entries), ',' ORDER BY segment) FROM acme.feed_records),
			(SELECT count(*) FROM acme.feed_record_doubts), (SELECT count(*) FROM acme.groups),
			(SELECT count(*) FROM orgsync.verify_account('acme'))});
}

# Cancels an import at random moments until it has been let go through; $limit: microseconds.
sub cancel_often
{
	my ($file, $limit) = @_;
	my $cancelled = 0;

	for my $try (1 .. 6)
	{
		my $before = state_of();
		my $import = $node->background_psql('postgres', on_error_stop => 0);
		my $pid = $import->query('SELECT pg_backend_pid()');
		$import->query_until(qr/begun/, "\\echo begun\nSELECT count(*) FROM orgsync.import_file('acme', '$file');\n");
		usleep(int(rand($limit)));
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
		$import->query('SELECT 1');
		my $is_cancelled = $import->{stderr} =~ /canceling statement/;
		$import->quit;
		my $after = state_of();
		next if $after ne $before && $node->safe_psql('postgres',
			'SELECT count(*) FROM acme.imports') > (split /\|/, $before)[0];
		$cancelled++;
		return fail("try $try of $file leaves nothing behind") if $after ne $before;
	}
	pass("an import of $file that is cancelled leaves nothing behind");
	return $cancelled;
}

srand($ENV{CANCEL_SEED} || 1);
my $cancelled = cancel_often($first, 300_000);
$node->safe_psql('postgres', "SELECT count(*) FROM orgsync.import_file('acme', '$first')");
$cancelled += cancel_often($second, 300_000);
$cancelled += cancel_often($first, 100_000);
cmp_ok($cancelled, '>', 0, 'imports were cancelled');
is($node->safe_psql('postgres', "SELECT rows_read, rejected FROM orgsync.import_file('acme', '$first')"),
	'8000|0', 'and work afterwards');

$node->stop;
done_testing();
