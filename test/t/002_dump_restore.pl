
# 002_dump_restore.pl: a database with an account is dumped and restored, in
# parallel and for another owner, and everything goes on there as before: also
# what was forced (more seats taken than there are) or confirmed (a duplicate).

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main');
$node->safe_psql('postgres', 'CREATE ROLE ann');
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach ('before', 'after');

$node->safe_psql(
	'before', q{
	CREATE EXTENSION orgsync;
	GRANT CREATE ON DATABASE before TO ann;
	SET ROLE ann;
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	SELECT orgsync.add_license('acme', 'Small_license_learning_pro_status', 3, 'invited');
	SELECT orgsync.add_license('acme', 'Open_license_learning_pro_status');
	SELECT orgsync.add_domain_alias('acme', 'example.org', 'example.com');
	INSERT INTO acme.profiles (primary_email_address, attributes, preferred_first_name)
		SELECT 'p' || n || '@example.com', '{"room": "1"}', U&'Zo\00EB' FROM generate_series(1, 200) AS n;
	INSERT INTO acme.profiles (primary_email_address, reupload_user_profile) VALUES ('p.1@example.com', true);
	INSERT INTO acme.groups (name) VALUES ('HR'), (U&'Gr\00F6\00DFe');
	INSERT INTO acme.memberships SELECT profile_id, 1 FROM acme.profiles;
	INSERT INTO acme.permissions VALUES (1, 'group_permission_view_reports', 'group:HR');
	INSERT INTO acme.seats SELECT n, 1, 'invited' FROM generate_series(1, 3) AS n;
	INSERT INTO acme.seats SELECT n, 2, 'activated' FROM generate_series(1, 200) AS n;
	SELECT orgsync.set_seats('acme', 'Small_license_learning_pro_status', 2, force => true);
	SELECT orgsync.import_csv('acme', E'primary_email_address\nimported@example.com\nnobody\n');
});

# Every row of an account's tables and views.
sub contents
{
	my ($database) = @_;
	my @relations = split /\n/, $node->safe_psql(
		$database, q{
		SELECT relname FROM pg_class
		WHERE relnamespace = 'acme'::regnamespace AND relkind IN ('r', 'v') ORDER BY relname});
	return join "\n", map {
		$node->safe_psql($database,
			"SELECT '$_', string_agg(r::text, ';' ORDER BY r::text COLLATE \"C\") FROM acme.$_ AS r")
	} @relations;
}

# What becomes of a statement: the constraint that refuses it, or nothing.
sub refused_by
{
	my ($statement) = @_;
	my ($status, $stdout, $stderr) =
	  $node->psql('after', $statement, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return '' if $status == 0;
	return $stderr =~ /CONSTRAINT NAME:  (\w+)/ ? $1 : $stderr;
}

my $dump = $node->backup_dir . '/dump';
my $contents = contents('before');
like($contents, qr/^profiles\|.*imported/m, 'there is something to dump');
mkdir $node->backup_dir;
$node->command_ok([ 'pg_dump', '-Fd', '-f', $dump, 'before' ], 'the database is dumped');
$node->command_ok([ 'pg_restore', '-j2', '--no-owner', '-d', 'after', $dump ],
	'and restored in parallel, for another owner');

is(contents('after'), $contents, 'nothing is missing and nothing is new');
is( $node->safe_psql(
		'after', q{
		SELECT count(DISTINCT relowner), bool_and(relowner = current_user::regrole) FROM pg_class
		WHERE relnamespace = 'acme'::regnamespace}),
	'1|t', 'all of it belongs to the new owner');
is($node->safe_psql('after', 'SELECT account, product, profiles FROM orgsync.accounts'),
	'acme|linkedin_learning|202', 'the account is listed');

foreach (
	[ q{INSERT INTO acme.seats VALUES (4, 1, 'invited')}, 'license_cap', 'the license is still over its cap' ],
	[ q{DELETE FROM acme.seats WHERE license_id = 1 AND profile_id = 1}, '', 'a seat is given back' ],
	[ q{INSERT INTO acme.seats VALUES (4, 1, 'invited')}, 'license_cap', 'which is not enough' ],
	[ q{DELETE FROM acme.seats WHERE license_id = 1 AND profile_id = 2}, '', 'and another' ],
	[ q{INSERT INTO acme.seats VALUES (4, 1, 'invited')}, '', 'which is' ],
	[   q{INSERT INTO acme.profiles (primary_email_address) VALUES ('p2+1@example.org')},
		'duplicate_profile', 'a duplicate is refused, by its alias' ],
	[   q{UPDATE acme.profiles SET preferred_first_name = 'Zo' WHERE primary_email_address = 'p1@example.com'},
		'', 'but not for the sake of a confirmed one' ],
	[   q{INSERT INTO acme.groups (name) VALUES (U&'GR\00D6SSE')},
		'groups_name_key', 'group names are not case sensitive' ],
	[   q{DO $$ BEGIN ASSERT (SELECT unchanged = 1 AND rejected = 1 AND state = 'applied'
			FROM orgsync.import_csv('acme', E'primary_email_address\nimported@example.com\nnobody\n')); END $$},
		'', 'an import finds what the one before it did' ],
	[   q{DO $$ BEGIN ASSERT (SELECT invited = 2 AND available = 0 FROM acme.seat_usage
			WHERE header = 'Small_license_learning_pro_status'); END $$},
		'', 'seats are counted right' ],
	[ q{SELECT orgsync.drop_account('acme')}, '', 'the account can be dropped' ])
{
	my ($statement, $constraint, $name) = @$_;
	is(refused_by($statement), $constraint, $name);
}

done_testing();
