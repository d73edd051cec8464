
# OrgsyncTest.pm: what several tests need besides PostgreSQL's own harness: servers, what
# they replicate to, crashes, and whether all of an account is sound.

package OrgsyncTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(crash is_sound start_server start_standby start_subscriber wait_for_lock write_file);

# Starts a server with databases in UTF-8.  Options: locale, C.UTF-8 if none is named;
# conf, lines for postgresql.conf; all others are PostgreSQL::Test::Cluster's.
sub start_server
{
	my ($name, %options) = @_;
	my $locale = delete $options{locale} // 'C.UTF-8';
	my $conf = delete $options{conf};
	my $extra = delete $options{extra} // [];
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(%options, extra => [ '--encoding=UTF8', "--locale=$locale", @$extra ]);
	$node->append_conf('postgresql.conf', $conf) if defined $conf;
	$node->start;
	return $node;
}

# Starts a standby of a server, which allows streaming.
sub start_standby
{
	my ($node) = @_;
	my $standby = PostgreSQL::Test::Cluster->new('standby');

	$node->backup('copy');
	$standby->init_from_backup($node, 'copy', has_streaming => 1);
	$standby->start;
	return $standby;
}

# Starts a server that gets the account acme of a server's database by logical replication,
# and has got what there is.  The publication is of all tables, or of what is named; the
# subscription is called copy.
sub start_subscriber
{
	my ($node, $database, $published) = @_;
	my $subscriber = start_server('subscriber');
	my $connection = $node->connstr($database);

	$published //= 'ALL TABLES';
	$node->safe_psql($database, "CREATE PUBLICATION everything FOR $published");
	# what a new account has would be there twice
	$subscriber->safe_psql(
		'postgres', q{
		CREATE EXTENSION orgsync;
		SELECT orgsync.create_account('acme', 'linkedin_learning');
		TRUNCATE acme.settings, acme.duplicate_rules});
	$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION copy CONNECTION \$\$$connection\$\$ PUBLICATION everything");
	$subscriber->wait_for_subscription_sync($node, 'copy');
	return $subscriber;
}

# Ends a server at once and starts it again.  The sessions, of background_psql or of
# IPC::Run, are those that it takes with it.
sub crash
{
	my ($node, @sessions) = @_;

	$node->stop('immediate');
	foreach my $session (@sessions)
	{
		eval { $session->can('quit') ? $session->quit : $session->finish };
	}
	$node->start;
	return;
}

# Tests that the tables and indexes of an account are sound and agree with each other, and
# with what is derived from them.  The database has the extension amcheck.
sub is_sound
{
	my ($node, $database, $account, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	is( $node->safe_psql(
			$database, qq{
			SELECT c.relname, v.* FROM pg_class AS c, verify_heapam(c.oid) AS v
				WHERE c.relnamespace = '$account'::regnamespace AND c.relkind = 'r';
			SELECT count(bt_index_parent_check(c.oid, true, true)::text) > 10 FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam
				WHERE c.relnamespace = '$account'::regnamespace AND c.relkind = 'i' AND a.amname = 'btree';
			SELECT * FROM orgsync.verify_account('$account')}),
		't', "tables and indexes are sound: $name");
	return;
}

# Waits until a session waits for a lock; the condition, on pg_stat_activity, tells which.
sub wait_for_lock
{
	my ($node, $condition) = @_;

	$node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND $condition)")
	  or die "no session waits: $condition";
	return;
}

# Writes a file, in place of the one that may be there; returns its name.
sub write_file
{
	my ($file, @pieces) = @_;

	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $_ foreach @pieces;
	close $handle or die "$file: $!";
	return $file;
}

1;
