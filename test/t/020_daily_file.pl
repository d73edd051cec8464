
# 020_daily_file.pl: a roster of 100,000 people goes through import, the next
# day's import, export and confirmation.  What is exported must be exactly what
# the roster's generator says has changed.

use strict;
use warnings;

use Cwd;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $people = 100_000;
my $source = getcwd();
my $node = start_server('daily', locale => 'C');

my $directory = PostgreSQL::Test::Utils::tempdir;
my ($today, $tomorrow) = ("$directory/today.csv", "$directory/tomorrow.csv");
PostgreSQL::Test::Utils::system_or_bail("$source/test/data/make_roster.py",
	'--people', $people, '--seed', 7, '--out', $today, '--next-day', $tomorrow);

sub value { return $node->safe_psql($_[0], $_[1]); }

for my $mode ('patch', 'full')
{
	my $database = "daily_$mode";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	value($database, q{
		CREATE EXTENSION orgsync;
		SELECT orgsync.create_account('acme', 'linkedin_learning');
		SELECT orgsync.add_license('acme', 'Default_license_learning_proAllLanguages_status');
		CREATE TABLE label (change text, email orgsync.email_address, column_name text, old_value text, new_value text);});
	value($database, "COPY label FROM '$directory/tomorrow.labels.csv' (FORMAT csv, HEADER)");

	is( value($database, "SELECT state, rows_read, created + rejected, (SELECT count(DISTINCT line) FROM acme.import_findings WHERE severity = 'error') = rejected
		FROM orgsync.import_file('acme', '$today')"),
		"applied|$people|$people|t", "$mode: every row is imported, or rejected with a reason");
	is( value($database, "SELECT sum(row_count) = (SELECT count(*) FROM acme.profiles) FROM orgsync.export_csv('acme')"),
		't', "$mode: everybody is new to the vendor");
	value($database, "SELECT orgsync.confirm_export('acme', 1)");
	is(value($database, "SELECT count(*) FROM orgsync.diff('acme')"), '0', "$mode: then the vendor has everything");
	is( value($database, "SELECT unchanged + rejected FROM orgsync.import_file('acme', '$today')"),
		$people, "$mode: the same file again changes nothing");

	is( value($database, "SELECT state FROM orgsync.import_file('acme', '$tomorrow', mode => '$mode')"),
		'applied', "$mode: the next day's file is imported");

	my $changed = "SELECT DISTINCT primary_email_address::orgsync.email_address FROM orgsync.diff('acme')";
	is( value($database, "SELECT (SELECT count(*) FROM ($changed) c) > 500,
			(SELECT count(*) FROM ($changed EXCEPT SELECT email FROM label) x),
			(SELECT count(*) FROM (SELECT email FROM label WHERE change <> 'gone' EXCEPT $changed) x)"),
		't|0|0', "$mode: the diff has exactly the people that changed");
	is( value($database, "SELECT count(*) FROM orgsync.diff('acme') d JOIN label l ON l.email = d.primary_email_address
			WHERE l.change = 'gone' AND (d.action <> 'revoke' OR '$mode' = 'patch')"),
		'0', "$mode: who is gone loses a seat or nothing");
	is( value($database, "SELECT count(*) FROM label l WHERE l.column_name <> '' AND NOT EXISTS
			(SELECT FROM orgsync.diff('acme') d WHERE d.primary_email_address::orgsync.email_address = l.email
			 AND d.column_name = l.column_name AND d.new_value = l.new_value)"),
		'0', "$mode: and exactly the cells");
	is( value($database, "SELECT (SELECT count(DISTINCT primary_email_address) FROM orgsync.diff('acme'))
			= (SELECT sum(row_count) FROM orgsync.export_csv('acme'))"),
		't', "$mode: a row for each of them is exported");
	value($database, "SELECT orgsync.confirm_export('acme', 2)");
	is(value($database, "SELECT count(*) FROM orgsync.export_csv('acme')"), '0', "$mode: a further export is empty");
}

$node->stop;
done_testing();
