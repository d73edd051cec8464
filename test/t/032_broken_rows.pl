
# 032_broken_rows.pl: 100,000 rows, one in twenty broken in one of all ways.  What
# was planted is found, nothing else is, no good row is lost; and the results file,
# its faults undone, brings the rest.

use strict;
use warnings;

use Cwd;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $people = 100_000;
my $generator = getcwd() . '/test/data/break_roster.py';
my $directory = PostgreSQL::Test::Utils::tempdir;
PostgreSQL::Test::Utils::system_or_bail($generator, '--people', $people, '--seed', 3, '--out', $directory);

my $node = start_server('broken', locale => 'C');

sub value { return $node->safe_psql('postgres', $_[0]); }

value(qq{
	CREATE EXTENSION orgsync;
	CREATE TABLE label (line bigint, code text, severity text, broken json, clean json);
	COPY label FROM '$directory/labels.csv' (FORMAT csv, HEADER);});
for my $account ('acme', 'ideal')
{
	value(qq{
		SELECT orgsync.create_account('$account', 'linkedin_learning');
		SELECT orgsync.add_license('$account', 'Default_license_learning_proAllLanguages_status');
		SELECT orgsync.add_license('$account', 'Default_license_learning_en_status', seats => 20, counting => 'invited');});
	is(value("SELECT state, created, rejected FROM orgsync.import_file('$account', '$directory/before.csv')"),
		'applied|600|0', "$account: the people of before");
}

is(value("SELECT count(DISTINCT code) FROM label"), '16', 'all codes that a row can earn are planted');
my $broken = value("SELECT count(*) FROM label WHERE severity = 'error'");
cmp_ok($broken, '>=', $people * 0.049, 'one row in twenty is broken');

is( value("SELECT state, rows_read, created, rejected, warnings > 0 FROM orgsync.import_file('acme', '$directory/broken.csv')"),
	join('|', 'applied', $people, $people - $broken, $broken, 't'), 'all other rows are imported');
value("CREATE VIEW found AS SELECT DISTINCT line, code, severity FROM acme.import_findings WHERE import_id = 2");
is( value("SELECT code, line FROM label WHERE severity = 'error' EXCEPT SELECT code, line FROM found WHERE severity = 'error' ORDER BY 1, 2 LIMIT 20"),
	'', 'every fault is found on its line with its code');
is( value("SELECT code, line FROM found WHERE severity <> 'warning' EXCEPT SELECT code, line FROM label WHERE severity = 'error' ORDER BY 1, 2 LIMIT 20"),
	'', 'and nothing else is an error');
is( value("SELECT code, line FROM label WHERE severity = 'warning' EXCEPT SELECT code, line FROM found WHERE severity = 'warning' ORDER BY 1, 2 LIMIT 20"),
	'', 'every oddity is found on its line with its code');
is( value("SELECT count(*) FROM acme.import_findings WHERE import_id = 2 AND severity = 'error'
		AND (tip IS NULL OR message ~ '\\{\\d\\}' OR record IS NULL)"),
	'0', 'each has a message, a tip and the record');

PostgreSQL::Test::Utils::append_to_file("$directory/results.csv",
	value("SELECT orgsync.results_csv('acme', 2)"));
PostgreSQL::Test::Utils::system_or_bail($generator, '--mend', "$directory/results.csv", '--out', $directory);
is( value("SELECT state, rows_read, created, rejected FROM orgsync.import_file('acme', '$directory/mended.csv')"),
	"applied|$broken|$broken|0", 'the mended results are imported whole');
is( value("SELECT count(*) FROM acme.import_findings WHERE import_id = 3 AND (severity <> 'warning' OR code IN ('unknown_header', 'header_case'))"),
	'0', 'clean, and the column of messages is ignored');

is( value("SELECT state, created, rejected FROM orgsync.import_file('ideal', '$directory/clean.csv')"),
	"applied|$people|0", 'the roster without faults');
my $users = "SELECT to_jsonb(u) #- '{profile_id}' #- '{licenses}' AS person,
		(SELECT jsonb_object_agg(key, value ->> 'status') FROM jsonb_each(u.licenses)) AS licenses FROM %s.users AS u";
my ($acme, $ideal) = (sprintf($users, 'acme'), sprintf($users, 'ideal'));
is( value("SELECT (SELECT count(*) FROM ($acme EXCEPT $ideal) x), (SELECT count(*) FROM ($ideal EXCEPT $acme) x)"),
	'0|0', 'comes to the same people, groups, licenses and permissions');
for my $columns ('attributes, unique_user_id, preferred_last_name', 'reupload_user_profile')
{
	my $of = "SELECT primary_email_address, $columns FROM %s.profiles";
	is( value(sprintf "SELECT count(*) FROM ($of EXCEPT $of) x", 'acme', 'ideal'), '0', "and the same $columns");
}

$node->stop;
done_testing();
