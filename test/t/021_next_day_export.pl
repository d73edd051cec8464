
# 021_next_day_export.pl: the export of the generator's next-day file has exactly
# the rows that its labels name; somebody who is missing from it has one only in
# mode full, and only if there is a seat to lose.

use strict;
use warnings;

use Cwd;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $people = 20_000;
my $source = getcwd();
my $node = start_server('next_day', locale => 'C');

my $directory = PostgreSQL::Test::Utils::tempdir;
my $today = "$directory/today.csv";
PostgreSQL::Test::Utils::system_or_bail('python3', "$source/test/data/gen_orgsync.py",
	'--rows', $people, '--seed', 5, '--mutate', '0.02', '-o', $today);

# every row of an export's files: its key, and the file's kind
my $exported = q{
	CREATE FUNCTION exported() RETURNS TABLE (kind text, email orgsync.email_address) LANGUAGE sql AS $$
		SELECT e.kind, r.fields[array_position(h.fields, 'primary_email_address')]::orgsync.email_address
		FROM (SELECT * FROM orgsync.export_csv('acme', dry_run => true)) e
		CROSS JOIN LATERAL (SELECT * FROM orgsync.read_csv(e.csv) ORDER BY line LIMIT 1) h
		CROSS JOIN LATERAL (SELECT * FROM orgsync.read_csv(e.csv) OFFSET 1) r
	$$};

for my $mode ('patch', 'full')
{
	my $database = "next_$mode";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my $value = sub { return $node->safe_psql($database, $_[0]) };
	$value->(q{
		CREATE EXTENSION orgsync;
		SELECT orgsync.create_account('acme', 'linkedin_learning');
		SELECT orgsync.add_license('acme', 'Default_license_learning_proAllLanguages_status');
		CREATE TABLE label (email orgsync.email_address, kind text);} . $exported);
	$value->("COPY label FROM '$directory/today.mut.labels.csv' (FORMAT csv, HEADER)");
	is($value->("SELECT state, created FROM orgsync.import_file('acme', '$today')"), "applied|$people", "$mode: imported");
	$value->("SELECT count(*) FROM orgsync.export_csv('acme'); SELECT orgsync.confirm_export('acme', 1)");
	is( $value->("SELECT state, rejected FROM orgsync.import_file('acme', '$directory/today.mut.csv', mode => '$mode')"),
		'applied|0', "$mode: the next day's file too");

	my $wanted = $mode eq 'patch' ? "kind NOT LIKE 'removed%'" : "kind <> 'removed_unlicensed'";
	is( $value->("SELECT (SELECT count(*) FROM label WHERE $wanted) > 300,
			(SELECT count(*) FROM exported()) = (SELECT count(*) FROM label WHERE $wanted),
			(SELECT count(*) FROM (SELECT email FROM exported() EXCEPT SELECT email FROM label WHERE $wanted) x),
			(SELECT count(*) FROM (SELECT email FROM label WHERE $wanted EXCEPT SELECT email FROM exported()) x)"),
		't|t|0|0', "$mode: one row for each of the labels, and no other");
	is( $value->("SELECT count(*) FROM exported() e JOIN label l ON l.email = e.email
			WHERE (e.kind = 'add') <> (l.kind = 'added') OR (l.kind = 'removed' AND e.kind <> 'revoke')"),
		'0', "$mode: of the right kind");
}

$node->stop;
done_testing();
