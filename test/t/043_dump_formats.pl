
# 043_dump_formats.pl: an account whose state was forced (over its cap), confirmed (a
# duplicate) and is under way (an open export, a waiting list) is dumped in every
# format and restored for another owner, who is no superuser: nothing is missing, nothing is new, what is
# derived is right, and import and export go on.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('formats');
mkdir $node->backup_dir;
my $dump = $node->backup_dir . '/dump';

$node->safe_psql('postgres', 'CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN; CREATE DATABASE before;');
$node->safe_psql('before', 'CREATE EXTENSION orgsync; GRANT CREATE ON DATABASE before TO ann; SET ROLE ann;'
	  . slurp_file('test/data/account_under_way.sql'));

# Every row of the account's tables.
sub contents
{
	my ($database) = @_;
	return $node->safe_psql($database, slurp_file('test/data/account_contents.sql'));
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
	is($node->safe_psql($database, 'SET ROLE bob;' . slurp_file('test/data/account_goes_on.sql')),
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

# Data alone into an account that was made there, by its owner, with what doc/operations.md says.
make_database('fresh');
$node->safe_psql('fresh', q{SET ROLE bob; SELECT orgsync.create_account('acme', 'linkedin_learning')});
my ($before, $after) = slurp_file('doc/operations.md') =~ /^```sql\n(SELECT format\('ALTER TABLE .*?)^```\n.*?^```sql\n(SELECT format.*?)^```/ms;
s/'restored'/'acme'/g foreach ($before, $after);
$after .= q{SELECT * FROM orgsync.verify_account('acme')};
append_to_file("$dump.before.sql", $before);
append_to_file("$dump.after.sql", $after);
$node->command_ok([ 'pg_dump', '-Fc', '--data-only', '--schema=acme', '-f', "$dump.data", 'before' ], 'data only: dumped');
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'bob', '-d', 'fresh', '-f');
$node->command_ok([ @psql, "$dump.before.sql" ], 'data only into a new account: made ready');
$node->command_ok([ 'pg_restore', '-e', '--data-only', '-U', 'bob', '-d', 'fresh', "$dump.data" ],
	'data only into a new account: restored');
$node->command_like([ @psql, "$dump.after.sql" ], qr/\(0 rows\)/, 'data only into a new account: all is well');
check_restored('fresh', 'data only into a new account');

# Without that it is refused, and nothing is left.
make_database('refused');
$node->safe_psql('refused', q{SET ROLE bob; SELECT orgsync.create_account('acme', 'linkedin_learning')});
my $empty = contents('refused');
$node->command_fails([ 'pg_restore', '-1', '-U', 'bob', '--data-only', '-d', 'refused', "$dump.custom" ],
	'data only with triggers: refused');
is(contents('refused'), $empty, 'data only with triggers: nothing is left');
is($node->safe_psql('refused', q{SELECT * FROM orgsync.verify_account('acme')}), '', 'data only with triggers: all is well');

done_testing();
