# 059_scattered_people.pl: many people who lie anywhere among others are absent, or back:
# each is looked for by himself, not by reading all others for each.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

# To compare 40,000 runs of profiles with 120,000 rows one by one takes minutes a statement.
my $node = start_server('primary', conf => "statement_timeout = '4min'");
$node->safe_psql('postgres', q{
	CREATE EXTENSION orgsync;
	CREATE FUNCTION people(condition text) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE csv text;
		BEGIN
			EXECUTE 'SELECT ''primary_email_address,Default_license_learning_pro_status,group:Team'' || chr(10) ||
				string_agg(format(''person%s@example.com,active,yes'' || chr(10), n), '''' ORDER BY n)
				FROM generate_series(1, 120000) AS n WHERE ' || condition INTO csv;
			RETURN csv;
		END $$;
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	SELECT orgsync.add_license('acme', 'Default_license_learning_pro_status', seats => 120000)});

sub import_people
{
	my ($condition, $further) = @_;
	return $node->safe_psql('postgres', "SELECT state, created, absent, seats_revoked FROM orgsync.import_csv('acme', people('$condition')$further)");
}

my $seats = q{SELECT count(*) FILTER (WHERE status <> 'unassigned'), count(*) FILTER (WHERE status <> 'unassigned' AND profile_id % 3 = 0) FROM acme.seats};

is(import_people('true', ''), 'applied|120000|0|0', 'people are imported');
is(import_people('n % 3 <> 0', ", mode => 'full'"), 'refused|0|0|0', 'every third is absent, who are too many');
like($node->safe_psql('postgres', 'SELECT message FROM acme.import_findings WHERE import_id = 2'), qr/40.?000.*120.?000/, 'it is told how many');
is($node->safe_psql('postgres', $seats), '120000|40000', 'nobody loses a seat');
is(import_people('n % 3 <> 0', ", mode => 'full', override => true"), 'applied|0|40000|40000', 'unless that is wanted');
is($node->safe_psql('postgres', $seats), '80000|0', 'then they do');
is($node->safe_psql('postgres', q{SELECT count(*) FROM orgsync.verify_account('acme')}), 0, 'all agrees');

$node->safe_psql('postgres', q{SELECT count(*) FROM orgsync.undo_import('acme', 3)});
is($node->safe_psql('postgres', $seats), '120000|40000', 'undone, everybody has a seat again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM orgsync.verify_account('acme')}), 0, 'all agrees again');

$node->stop;
done_testing();
