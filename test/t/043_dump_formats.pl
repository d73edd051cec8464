
# 043_dump_formats.pl: an account whose state was forced (over its cap), confirmed (a
# duplicate) and is under way (an open export, a waiting list) is dumped in every
# format and restored for another owner, who is no superuser: nothing is missing, nothing is new, what is
# derived is right, and import and export go on.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('formats');
$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
mkdir $node->backup_dir;
my $dump = $node->backup_dir . '/dump';

my $full = 'Full_license_learning_pro_status';
my $queue = 'Queue_license_learning_pro_status';
$node->safe_psql('postgres', 'CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; CREATE DATABASE before;');
$node->safe_psql('before', qq{
	CREATE EXTENSION orgsync;
	GRANT CREATE ON DATABASE before TO ann;
	SET ROLE ann;
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	SELECT orgsync.add_license('acme', '$full', 5, 'invited');
	SELECT orgsync.add_license('acme', '$queue', 2, 'invited', 'waitlist');
	SELECT orgsync.add_domain_alias('acme', 'example.org', 'example.com');
	SELECT orgsync.import_csv('acme', 'primary_email_address,unique_user_id,preferred_first_name,$full,$queue,group:HR,reupload_user_profile' || E'\\n' ||
		string_agg(format('p%s\@example.com,E%s,Zo\xc3\xab%s,%s,active,yes,', n, n, n, CASE WHEN n <= 5 THEN 'active' END), E'\\n' ORDER BY n) ||
		E'\\np.1\@example.com,X1,Other,,,no,true\\n')
		FROM generate_series(1, 50) AS n;
	SELECT count(*) FROM orgsync.export_csv('acme');
	SELECT orgsync.confirm_export('acme', 1);
	UPDATE acme.profiles SET work_title = 'Boss' WHERE unique_user_id IN ('E2', 'E3', 'E4');
	SELECT count(*) FROM orgsync.export_csv('acme');
	DELETE FROM acme.profiles WHERE unique_user_id = 'E9';
	SELECT orgsync.set_seats('acme', '$full', 3, force => true);
});

# Every row of the account's tables.
sub contents
{
	my ($database) = @_;
	return $node->safe_psql($database, q{
		SELECT relname, query_to_xml(format(
			'SELECT count(*), md5(string_agg(r::text, chr(10) ORDER BY r::text COLLATE "C")) FROM acme.%I AS r', relname),
			true, true, '')::text
		FROM pg_class WHERE relnamespace = 'acme'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname});
}
my $contents = contents('before');
my $diff = $node->safe_psql('before', q{SELECT * FROM orgsync.diff('acme')});
like($diff, qr/Boss/, 'something is under way');
is($node->safe_psql('before', q{SELECT * FROM orgsync.verify_account('acme')}), '', 'all is well before');

# The restored account is what was dumped, is bob's, and goes on.
sub check_restored
{
	my ($database, $name) = @_;
	is(contents($database), $contents, "$name: nothing is missing and nothing is new");
	is($node->safe_psql($database, q{SELECT * FROM orgsync.verify_account('acme')}), '', "$name: what is derived is right");
	is($node->safe_psql($database, q{SELECT * FROM orgsync.diff('acme')}), $diff, "$name: the difference is the same");
	is( $node->safe_psql($database, qq{
			SET ROLE bob;
			SELECT state, unchanged, created FROM orgsync.import_csv('acme', E'primary_email_address,unique_user_id\\np5\@example.com,E5\\nnew\@example.com,N1\\n');
			SELECT count(*) > 0 FROM orgsync.export_csv('acme');
			SELECT orgsync.confirm_export('acme', 3);
			SELECT count(*) FROM orgsync.diff('acme');
			SELECT total, available, invited FROM acme.seat_usage ORDER BY header;
			SELECT * FROM orgsync.verify_account('acme');}),
		"applied|1|1\nt\n\n0\n3|0|5\n2|0|2", "$name: import and export go on");
	my ($status, $output, $errors) = $node->psql($database,
		"SET ROLE bob; INSERT INTO acme.seats SELECT profile_id, 1, 'invited' FROM acme.profiles WHERE unique_user_id = 'E20'");
	like($errors, qr/license/, "$name: the cap holds");
	return;
}

# A database of bob's, where a superuser has installed the extension.
sub make_database
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database OWNER bob");
	$node->safe_psql($database, 'CREATE EXTENSION orgsync');
	return;
}

make_database('plain');
$node->command_ok([ 'pg_dump', '-U', 'ann', '--no-owner', '--schema=acme', '-f', "$dump.sql", 'before' ], 'plain');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'bob', '-f', "$dump.sql", 'plain' ], 'plain: restored');
check_restored('plain', 'plain');

$node->command_ok([ 'pg_dump', '-Fc', '--schema=acme', '-f', "$dump.custom", 'before' ], 'custom');
$node->command_ok([ 'pg_dump', '-Fd', '-j2', '--schema=acme', '-f', "$dump.directory", 'before' ], 'directory');
foreach ([ 'custom', 1 ], [ 'custom', 2 ], [ 'custom', 4 ], [ 'directory', 1 ], [ 'directory', 4 ])
{
	my ($format, $jobs) = @$_;
	make_database("$format$jobs");
	$node->command_ok([ 'pg_restore', '-e', '-U', 'bob', '--no-owner', "-j$jobs", '-d', "$format$jobs", "$dump.$format" ],
		"$format, $jobs jobs: restored");
	check_restored("$format$jobs", "$format, $jobs jobs");
}

# The schema and the data one after the other.  The data comes when the triggers are
# there, which would take it for changes; so they are off.
make_database('halves');
$node->command_ok([ 'pg_restore', '-e', '-U', 'bob', '--no-owner', '--schema-only', '-d', 'halves', "$dump.custom" ],
	'schema only: restored');
is($node->safe_psql('halves', 'SELECT count(*) FROM orgsync.accounts'), '0', 'schema only: an account without settings is not listed');
$node->command_ok([ 'pg_restore', '-e', '--data-only', '--disable-triggers', '-d', 'halves', "$dump.custom" ], 'data only: restored');
check_restored('halves', 'data only');

# Data alone into an account that was made there: what create_account() has put into
# it gives way first.
make_database('fresh');
$node->safe_psql('fresh', qq{
	SET ROLE bob;
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	TRUNCATE acme.settings, acme.duplicate_rules;});
$node->command_ok([ 'pg_restore', '-e', '--data-only', '--disable-triggers', '-d', 'fresh', "$dump.custom" ],
	'data only into a new account: restored');
check_restored('fresh', 'data only into a new account');

# Without --disable-triggers that is refused, and nothing is left.
make_database('refused');
$node->safe_psql('refused', q{SET ROLE bob; SELECT orgsync.create_account('acme', 'linkedin_learning')});
my $empty = contents('refused');
$node->command_fails([ 'pg_restore', '-1', '-U', 'bob', '--data-only', '-d', 'refused', "$dump.custom" ],
	'data only with triggers: refused');
is(contents('refused'), $empty, 'data only with triggers: nothing is left');
is($node->safe_psql('refused', q{SELECT * FROM orgsync.verify_account('acme')}), '', 'data only with triggers: all is well');

done_testing();
