
# 053_import_differential.pl: random files, most of them with faults, leave the same
# behind whether a parallel worker parses them or the import alone, in databases of two
# encodings.  IMPORT_FILES and CSV_SEED ask for more or others.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{IMPORT_FILES} || 6;
my $seed = $ENV{CSV_SEED} || 20260131;
my $directory = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('differential', locale => 'C', conf => "min_parallel_table_scan_size = 0\nlog_statement = none");
$node->command_ok([ 'python3', 'test/differential/import_files.py', $directory, $count, $seed ], 'files are written');

# Imports a file, with so many workers, and the next one after it: all that there is to see then.
my $import_two = q{
	CREATE FUNCTION import_two(directory text, file integer, count integer, workers text) RETURNS text[] LANGUAGE plpgsql AS
	$$
	DECLARE
		part text;
		result text;
		results text[];
	BEGIN
		PERFORM set_config('max_parallel_maintenance_workers', workers, true), orgsync.create_account('acme', 'linkedin_learning');
		PERFORM orgsync.add_license('acme', 'Some_license_a_b_status', seats => 500),
			orgsync.add_license('acme', 'Other_license_c_d_status'), orgsync.add_domain_alias('acme', 'example.net', 'example.com');
		FOREACH part IN ARRAY ARRAY[file, (file + 1) % count] LOOP
			SELECT concat_ws(' ', i.state, i.rows_read, i.created, i.updated, i.unchanged, i.rejected, i.warnings, i.encoding)
				INTO result FROM orgsync.import_file('acme', directory || '/' || part || '.csv') AS i;
			results := results || result;
		END LOOP;
		FOREACH part IN ARRAY ARRAY['(SELECT profile_id, primary_email_address, unique_user_id, preferred_first_name,'
			' preferred_last_name, work_title, attributes, reupload_user_profile FROM acme.profiles)',
			'(SELECT profile_id, license_id, status FROM acme.seats)',
			'(SELECT profile_id, group_id FROM acme.memberships)', '(SELECT group_id, name FROM acme.groups)',
			'(SELECT profile_id, permission, scope FROM acme.permissions)',
			'(SELECT line, column_name, code, severity, message, tip, record FROM acme.import_findings)',
			$p$orgsync.verify_account('acme')$p$]
		LOOP
			EXECUTE format('SELECT md5(string_agg(r::text, E''\n'' ORDER BY r::text COLLATE "C")) FROM %s AS r', part) INTO result;
			results := results || result;
		END LOOP;
		RETURN results;
	END
	$$;};

foreach my $encoding ('UTF8', 'LATIN1')
{
	my $database = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING $encoding TEMPLATE template0");
	$node->safe_psql($database, "CREATE EXTENSION orgsync; $import_two CREATE TABLE results (file integer, workers integer, result text[])");
	foreach my $workers (0, 2)
	{
		# what it imports is rolled back
		my $script = join '', map {
			"BEGIN; SELECT import_two('$directory', $_, $count, '$workers') AS result \\gset\nROLLBACK;\n" .
			  "INSERT INTO results VALUES ($_, $workers, :'result');\n" } 0 .. $count - 1;
		$node->safe_psql($database, "SET client_min_messages = warning;\n$script");
	}
	is( $node->safe_psql($database, q{SELECT a.file, a.result, b.result FROM results AS a JOIN results AS b USING (file)
			WHERE a.workers = 0 AND b.workers = 2 AND a.result <> b.result}),
		'', "$encoding: a worker makes no difference");
	is( $node->safe_psql($database, q{SELECT count(*), count(*) FILTER (WHERE result::text LIKE '%applied%') * 2 > count(*) FROM results}),
		2 * $count . '|t', "$encoding: most files are imported");
}

$node->stop;
done_testing();
