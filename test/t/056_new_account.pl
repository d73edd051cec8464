# 056_new_account.pl: the tables and indexes of a new account are sound, though its
# indexes are made without waiting for the disk: after a crash, at each wal_level, on a standby, in
# a transaction that goes on, and where triggers of events write to the tables meanwhile.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('primary', allows_streaming => 1, extra => [ '--data-checksums' ], conf => 'autovacuum = off');
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync; CREATE EXTENSION amcheck');

my $make = "SELECT orgsync.create_account('%s', 'linkedin_learning')";
my $fill = "INSERT INTO %1\$s.profiles (primary_email_address, unique_user_id)
	SELECT 'person' || n || '\@example.com', 'u' || n FROM generate_series(1, 2000) AS n;
	UPDATE %1\$s.profiles SET attributes = jsonb_build_object('long', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) AS n))
		WHERE unique_user_id = 'u77'";

# The indexes of an account, those of its TOAST tables too.
my $indexes = q{FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid WHERE '%1$s'::regnamespace IN (t.relnamespace,
	(SELECT c.relnamespace FROM pg_class AS c WHERE c.reltoastrelid = t.oid))};

# How many there are, how many are sound, are all valid; and what is found of its people by each of the first three, and by that of
# long values.
sub state_of
{
	my ($server, $account) = @_;
	return $server->safe_psql('postgres', sprintf(qq{
		SELECT count(*), count(bt_index_parent_check(i.indexrelid, true, true)::text),
				bool_and(i.indisvalid AND i.indisready AND i.indislive), bool_and(pg_relation_size(i.indexrelid) > 0) $indexes;
		SET enable_seqscan = off;
		SELECT (SELECT count(*) FROM %1\$s.profiles WHERE profile_id > 0),
			(SELECT count(*) FROM %1\$s.profiles WHERE primary_email_address = 'PERSON77\@example.com'),
			(SELECT sum(length(attributes->>'long')) FROM %1\$s.profiles WHERE unique_user_id = 'u77')}, $account));
}

# A standby cannot check the parents of pages, which takes a stronger lock.
sub standby_state_of
{
	my ($server, $account) = @_;
	return $server->safe_psql('postgres', sprintf("SELECT count(*), count(bt_index_check(i.indexrelid, true)::text) $indexes", $account));
}

my $standby = start_standby($node);

$node->safe_psql('postgres', sprintf($make, 'empty'));
$node->safe_psql('postgres', sprintf($make, 'peopled') . ';' . sprintf($fill, 'peopled'));
my ($count) = split /\|/, state_of($node, 'empty');
cmp_ok($count, '>', 26, 'each table has an index');
my $sound = "$count|$count|t|t";
is(state_of($node, 'empty'), "$sound\n0|0|", 'a new account');
is(state_of($node, 'peopled'), "$sound\n2000|1|16000", 'an account with people');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(standby_state_of($standby, $_), "$count|$count", "on a standby: $_") for ('empty', 'peopled');
$standby->stop;

# What was not committed is gone, its files too.
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; ' . sprintf($make, 'lost'));
my $file = $session->query_safe(q{SELECT pg_relation_filepath('lost.profiles_pkey')});
ok($file =~ /^base/ && -e $node->data_dir . "/$file", 'an account under way');
crash($node, $session);
is(state_of($node, 'empty'), "$sound\n0|0|", 'a new account, after a crash');
is(state_of($node, 'peopled'), "$sound\n2000|1|16000", 'an account with people, after a crash');
$node->safe_psql('postgres', sprintf($fill, 'empty'));
is(state_of($node, 'empty'), "$sound\n2000|1|16000", 'the new one takes people');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname = 'lost'"), '0', 'the account under way is lost');

# In a transaction that makes it twice, and writes.
$file = $node->safe_psql('postgres', 'BEGIN; SAVEPOINT before; ' . sprintf($make, 'twice') . q{;
	SELECT pg_relation_filepath('twice.profiles_pkey'); ROLLBACK TO before; } . sprintf($make, 'twice') . ';' . sprintf($fill, 'twice') . '; COMMIT');
($file) = $file =~ m{^(base/\S+)$}m;
is(state_of($node, 'twice'), "$sound\n2000|1|16000", 'made, rolled back, made again and filled');
$node->safe_psql('postgres', 'CHECKPOINT');
ok($file && !-e $node->data_dir . "/$file", 'what was rolled back leaves no file');

# A trigger of events sees each index; it fills a table that has an index still to come.
$node->safe_psql('postgres', q{
	CREATE TABLE public.seen (object text);
	CREATE UNLOGGED TABLE public.unlogged (value integer);
	CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.seen SELECT object_identity FROM pg_event_trigger_ddl_commands() WHERE command_tag = 'CREATE INDEX';
		IF tg_tag = 'CREATE TABLE' AND EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'watched.leavers') THEN
			CREATE INDEX IF NOT EXISTS leavers_pkey ON watched.leavers (left_at);
			CREATE INDEX unlogged_value ON public.unlogged (value);
			INSERT INTO watched.leavers (profile_id, primary_email_address) SELECT n, 'P' || n FROM generate_series(1, 1000) AS n;
		END IF; END $$;
	CREATE EVENT TRIGGER look ON ddl_command_end EXECUTE FUNCTION look()});
$node->safe_psql('postgres', sprintf($make, 'watched'));
is($node->safe_psql('postgres', q{SELECT object FROM public.seen ORDER BY object COLLATE "C"}),
	$node->safe_psql('postgres', q{SELECT schemaname || '.' || indexname FROM pg_indexes
		WHERE schemaname = 'watched' OR indexname = 'unlogged_value' ORDER BY (schemaname || '.' || indexname) COLLATE "C"}), 'a trigger of events sees each index once');
is(state_of($node, 'watched'), "$sound\n0|0|", 'written to while it is made');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT profile_id FROM watched.leavers WHERE lower(primary_email_address) = 'p500'}),
	'500', 'what was written is found by an index that came later');
$node->safe_psql('postgres', 'DROP EVENT TRIGGER look');

# A server that logs as little as it can.
for my $threshold ('0', '1GB')
{
	my $account = "minimal_$threshold" =~ tr/GB/gb/r;
	$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\nwal_skip_threshold = $threshold");
	$node->restart;
	$node->safe_psql('postgres', sprintf($make, $account));
	$node->safe_psql('postgres', sprintf($make, "${account}_full") . ';' . sprintf($fill, "${account}_full"));
	crash($node);
	is(state_of($node, $account), "$sound\n0|0|", "a new account, wal_level minimal, wal_skip_threshold $threshold");
	is(state_of($node, "${account}_full"), "$sound\n2000|1|16000", 'an account with people');
	is($node->safe_psql('postgres', 'SET enable_seqscan = off; SELECT count(*) FROM public.unlogged WHERE value = 1'), '0',
		'an index of an unlogged table that was made meanwhile');
}

$node->stop;
command_ok([ 'pg_checksums', '--check', '-D', $node->data_dir ], 'each page has its checksum');
done_testing();
