
# 054_import_worker_server.pl: an import with a parallel worker in servers and sessions
# of all kinds leaves behind what it leaves behind without one: other roles, settings
# and transactions, no process to be had, prepared transactions, WAL that is not
# written, a library in another place, a standby and a subscriber.

use strict;
use warnings;

use File::Copy qw(move);
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('primary', allows_streaming => 'logical', conf => <<'END');
max_prepared_transactions = 5
log_min_messages = debug1
# a worker from the first record on
min_parallel_table_scan_size = 0
# but none for queries
max_parallel_workers_per_gather = 0
END
my $directory = PostgreSQL::Test::Utils::tempdir;
my $license = 'Some_license_a_b_status';

# A file of so many people from the first on; every hundredth row is at fault.
sub write_people
{
	my ($name, $first, $count) = @_;
	my $text = "primary_email_address,unique_user_id,preferred_first_name,preferred_last_name,work_title,$license,group:One\n";
	$text .= 'person.' . $_ . '@example.com,E' . ($_ % 100 ? '' : '-') . "$_,Zo\xc3\xab,Name $_,\"Clerk, $_\"," . ($_ % 3 ? 'active' : 'inactive') . ",yes\n"
		for $first .. $first + $count - 1;
	return write_file("$directory/$name", $text);
}

my $people = write_people('people.csv', 1, 12_000);
my $next_day = write_people('next_day.csv', 6001, 12_000);
my $make = "SELECT orgsync.create_account('acme', 'linkedin_learning'); SELECT orgsync.add_license('acme', '$license', 20000)";
my $import = "SELECT state, created, rejected FROM orgsync.import_file('acme', '$people')";
my $read = qr/^applied\|11880\|120$/m;

# Was a worker started since that place of the log?  Building an index may start one, too.
sub has_worker_since
{
	my ($offset, $server) = @_;
	my $log = PostgreSQL::Test::Utils::slurp_file(($server // $node)->logfile, $offset);
	return $log =~ /starting background worker process "parallel worker/ ? 1 : 0;
}

# All that is in the account, and what is wrong with it.
my $contents = q{
	SELECT md5(string_agg(x, E'\n' ORDER BY x)) FROM (
		SELECT concat_ws(' ', 'profile', profile_id, primary_email_address, unique_user_id, preferred_first_name, preferred_last_name,
			work_title, attributes) FROM acme.profiles
		UNION ALL SELECT concat_ws(' ', 'seat', profile_id, license_id, status) FROM acme.seats
		UNION ALL SELECT concat_ws(' ', 'membership', profile_id, group_id) FROM acme.memberships
		UNION ALL SELECT concat_ws(' ', 'finding', import_id, line, column_name, code, message, record) FROM acme.import_findings
		UNION ALL SELECT concat_ws(' ', 'change', profile_id, column_name, vendor_value) FROM acme.changes
		UNION ALL SELECT concat_ws(' ', 'import', import_id, state, rows_read, created, updated, unchanged, rejected) FROM acme.imports) AS all_rows (x);
	SELECT * FROM orgsync.verify_account('acme')};

sub contents { return ($_[1] // $node)->safe_psql($_[0], "SET client_encoding = 'UTF8'; $contents") }

# A database with an account in it.
sub make_database
{
	my ($name, $create) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name " . ($create // ''));
	$node->safe_psql($name, "CREATE EXTENSION orgsync; CREATE EXTENSION amcheck; $make");
	return;
}

make_database('alone');
my $offset = -s $node->logfile;
like($node->safe_psql('alone', "SET max_parallel_maintenance_workers = 0; $import"), $read, 'an import without a worker');
is(has_worker_since($offset), 0, 'has none');
my $expected = contents('alone');
is(($expected =~ tr/\n//), 0, 'and leaves an account in order');

# ---- sessions ----

# The same in another database, in a session of that kind, with a worker.
sub imports_the_same
{
	my ($name, $kind, $before, $call) = @_;
	make_database($name);
	my $offset = -s $node->logfile;
	like($node->safe_psql($name, "$before; " . ($call // $import)), $read, "$kind: an import");
	is(has_worker_since($offset), 1, "$kind: has a worker");
	is(contents($name), $expected, "$kind: and is the same");
	is_sound($node, $name, 'acme', $kind);
	return;
}

$node->safe_psql('postgres', 'CREATE ROLE ann; CREATE ROLE bob; GRANT pg_read_server_files TO ann, bob');
imports_the_same('serializable', 'serializable', 'SET default_transaction_isolation = serializable');
imports_the_same('settings', 'odd settings', q{SET bytea_output = escape; SET datestyle = 'SQL, DMY'; SET client_encoding = 'LATIN1';
	SET lc_messages = 'C'; SET timezone = 'Asia/Kathmandu'; SET extra_float_digits = -15; SET transform_null_equals = on; SET my.own = 'set';
	SET work_mem = '64kB'; SET temp_file_limit = '1GB'; SET statement_timeout = '1h'; SET row_security = off; SET jit = on; SET jit_above_cost = 0});
imports_the_same('shadows', 'hostile search_path', q{
	CREATE SCHEMA evil; CREATE DOMAIN evil.email_address AS pg_catalog.int4; CREATE DOMAIN evil.text AS pg_catalog.int4;
	CREATE FUNCTION evil.trap(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE FUNCTION evil.lower(pg_catalog.text) RETURNS pg_catalog.text LANGUAGE sql AS 'SELECT evil.trap($1)';
	CREATE FUNCTION evil.trap(pg_catalog.text, pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
	CREATE OPERATOR evil.= (LEFTARG = pg_catalog.text, RIGHTARG = pg_catalog.text, FUNCTION = evil.trap);
	SET search_path = evil, pg_catalog});
imports_the_same('owner', 'SET ROLE to the owner', q{DO $$ DECLARE relation regclass; BEGIN
		FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'acme'::regnamespace AND relkind IN ('r', 'v') LOOP
			EXECUTE format('ALTER TABLE %s OWNER TO ann', relation); END LOOP; END $$;
	ALTER SCHEMA acme OWNER TO ann; SET ROLE ann});
imports_the_same('grantee', 'SET ROLE to somebody with privileges', q{
	GRANT USAGE ON SCHEMA acme TO bob; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA acme TO bob; SET ROLE bob});
imports_the_same('definer', 'as the owner of a function', qq{
	GRANT USAGE ON SCHEMA acme TO bob; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA acme TO bob; GRANT CREATE ON SCHEMA public TO bob;
	SET ROLE bob;
	CREATE FUNCTION public.nightly() RETURNS orgsync.import_summary LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_temp AS \$\$
		BEGIN RETURN orgsync.import_file('acme', '$people'); EXCEPTION WHEN division_by_zero THEN RETURN NULL; END \$\$;
	SET ROLE ann}, 'SELECT state, created, rejected FROM public.nightly()');

imports_the_same('inbox', 'by a trigger', q{
	CREATE TABLE inbox (csv bytea, summary orgsync.import_summary);
	CREATE FUNCTION public.empty_inbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.summary := orgsync.import_csv('acme', NEW.csv); RETURN NEW; END $$;
	CREATE TRIGGER empty_inbox BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION public.empty_inbox()},
	"WITH given AS (INSERT INTO inbox VALUES (pg_read_binary_file('$people')) RETURNING summary) SELECT (summary).state, (summary).created, (summary).rejected FROM given");

# what is made in the same transaction, a worker sees too
$node->safe_psql('postgres', 'CREATE DATABASE at_once');
$offset = -s $node->logfile;
like($node->safe_psql('at_once', "BEGIN; SET LOCAL max_parallel_maintenance_workers = 0; CREATE EXTENSION orgsync; $make;
	SET LOCAL max_parallel_maintenance_workers = 2; SAVEPOINT a; $import; ROLLBACK TO a; $import; COMMIT"), $read,
	'extension, account and import in one transaction');
is(has_worker_since($offset), 1, 'with a worker');

# row security, which the rows meet by statements
make_database('secured');
my $secure = q{ALTER TABLE acme.profiles ENABLE ROW LEVEL SECURITY; CREATE POLICY readers ON acme.profiles FOR SELECT USING (true);
	CREATE POLICY changers ON acme.profiles FOR UPDATE USING (true);
	GRANT USAGE ON SCHEMA acme TO bob; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA acme TO bob;};
$node->safe_psql('secured', qq{$secure CREATE POLICY writers ON acme.profiles FOR INSERT WITH CHECK (work_title <> 'Clerk, 11999')});
my $before = contents('secured');
my ($status, $output, $errors) = $node->psql('secured', "SET ROLE bob; $import");
like($errors, qr/violates row-level security policy for table "profiles"/, 'row security refuses an import');
is(contents('secured'), $before, 'of which nothing is left');
$node->safe_psql('secured', q{ALTER POLICY writers ON acme.profiles WITH CHECK (work_title <> 'Boss')});
$offset = -s $node->logfile;
like($node->safe_psql('secured', "SET ROLE bob; $import"), $read, 'or lets it through');
is(has_worker_since($offset), 1, 'with a worker');
is_sound($node, 'secured', 'acme', 'row security');

# ---- no process, no memory to share ----

my $crowded = start_server('crowded', conf => "max_worker_processes = 0\nmin_parallel_table_scan_size = 0\nmax_prepared_transactions = 5");
$crowded->safe_psql('postgres', "CREATE EXTENSION orgsync; CREATE EXTENSION amcheck; $make");
like($crowded->safe_psql('postgres', $import), $read, 'where no process is left, an import does without');
is(contents('postgres', $crowded), $expected, 'and is the same');

# ---- no postmaster ----

$crowded->safe_psql('postgres', 'CREATE DATABASE single');
$crowded->safe_psql('single', "CREATE EXTENSION orgsync; CREATE EXTENSION amcheck; $make");
$crowded->stop;
append_to_file("$directory/single.sql", "$import\n");
PostgreSQL::Test::Utils::system_log("postgres --single -D '" . $crowded->data_dir . "' single <'$directory/single.sql' >'$directory/single.log' 2>&1");
like(slurp_file("$directory/single.log"), qr/state = "applied"/, 'an import in a server for a single user');
$crowded->start;
is(contents('single', $crowded), $expected, 'is the same');

# ---- WAL that is not written ----

$crowded->append_conf('postgresql.conf', "max_worker_processes = 8\nwal_level = minimal\nwal_skip_threshold = '64kB'\n");
$crowded->restart;
# A table that was made in the same transaction is not logged there, but synced.
$crowded->safe_psql('postgres', 'CREATE DATABASE minimal');
$crowded->safe_psql('minimal', "CREATE EXTENSION orgsync; CREATE EXTENSION amcheck; CHECKPOINT; BEGIN; $make; $import; COMMIT");
crash($crowded);
is(contents('minimal', $crowded), $expected, 'wal_level = minimal: an import into a new account is there after a crash');
is_sound($crowded, 'minimal', 'acme', 'wal_level = minimal, a new account');
$crowded->safe_psql('minimal', "SELECT orgsync.drop_account('acme'); $make; CHECKPOINT; $import");
crash($crowded);
is(contents('minimal', $crowded), $expected, 'and into one that was there');
is_sound($crowded, 'minimal', 'acme', 'wal_level = minimal, one that was there');
$crowded->stop;

# ---- prepared transactions ----

make_database($_) foreach ('prepared', 'rolled_back');
$node->safe_psql('rolled_back', "BEGIN; $import; PREPARE TRANSACTION 'refused'; ROLLBACK PREPARED 'refused'");
is($node->safe_psql('rolled_back', 'SELECT count(*) FROM acme.profiles'), '0', 'an import that was prepared and rolled back is not there');
is_sound($node, 'rolled_back', 'acme', 'rolled back');
$offset = -s $node->logfile;
$node->safe_psql('prepared', "BEGIN; $import; PREPARE TRANSACTION 'first_load'");
is(has_worker_since($offset), 1, 'a first import with a worker is prepared');
crash($node);
# whoever reads the tables waits for it
is($node->safe_psql('prepared', q{SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()}), '1', 'after a crash it is there');
$node->safe_psql('prepared', q{COMMIT PREPARED 'first_load'});
is(contents('prepared'), $expected, 'and there when it is committed');
is_sound($node, 'prepared', 'acme', 'prepared');

# ---- a library in another place ----

my $library = $node->config_data('--pkglibdir') . '/orgsync.so';
SKIP:
{
	skip 'the library cannot be moved here', 2 unless -w $library && !-l $library;
	make_database('moved');
	$node->safe_psql('moved', q{UPDATE pg_proc SET probin = 'orgsync' WHERE probin = '$libdir/orgsync'});
	move($library, "$directory/orgsync.so") or die "$library: $!";
	$offset = -s $node->logfile;
	($status, $output, $errors) = $node->psql('moved', "SET dynamic_library_path = '$directory'; $import");
	move("$directory/orgsync.so", $library) or die "$library: $!";
	chmod 0755, $library;
	like($output . $errors, $read, 'an import with a library that is found by dynamic_library_path');
	is(has_worker_since($offset), 1, 'has a worker');
}

# ---- a standby ----

make_database('copied');
my $standby = start_standby($node);
$offset = -s $node->logfile;
$node->safe_psql('copied', $import);
is(has_worker_since($offset), 1, 'an import with a worker, before a standby');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(contents('copied', $standby), $expected, 'is the same there');
is($standby->safe_psql('copied', q{SELECT count(bt_index_check(c.oid, true)) > 10 FROM pg_class AS c JOIN pg_index AS i ON indexrelid = c.oid
	WHERE c.relnamespace = 'acme'::regnamespace AND indisvalid AND relkind = 'i'}), 't', 'with its indexes');
my $check = "SELECT count(*), md5(string_agg(c::text, E'\\n')) FROM orgsync.check_csv('linkedin_learning', pg_read_binary_file('$people')) AS c";
my $found = $node->safe_psql('copied', "SET max_parallel_maintenance_workers = 0; $check");
like($found, qr/^120\|/, 'a check of a file');
$offset = -s $standby->logfile;
is($standby->safe_psql('copied', $check), $found, 'is the same on a standby');
is(has_worker_since($offset, $standby), 1, 'with a worker there');
$standby->stop;

# ---- a subscriber ----

make_database('published');
my $subscriber = start_subscriber($node, 'published');
$offset = -s $node->logfile;
$node->safe_psql('published', $import);
is(has_worker_since($offset), 1, 'an import with a worker, before a subscriber');
$node->wait_for_catchup('copy');
is(contents('postgres', $subscriber), $expected, 'is the same there');
$node->safe_psql('published', "SELECT FROM orgsync.import_file('acme', '$next_day', mode => 'full', override => true)");
$node->wait_for_catchup('copy');
my $after = contents('published');
isnt($after, $expected, 'the next day changes much');
is(contents('postgres', $subscriber), $after, 'and is the same there, too');
$subscriber->stop;

$node->stop;
done_testing();
