# 058_findings.pl: the findings of an import lie together in their table, whatever gaps
# others have left, and take the room of those that were pruned.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('primary', conf => 'autovacuum = off');
$node->safe_psql('postgres', q{
	CREATE EXTENSION orgsync; CREATE EXTENSION amcheck;
	SELECT orgsync.create_account('acme', 'linkedin_learning')});

# A file with so many faults.
sub import_faults
{
	my ($count) = @_;
	return $node->safe_psql('postgres', qq{SELECT state, rejected FROM orgsync.import_csv('acme', (
		SELECT 'primary_email_address,work_title' || chr(10) || string_agg(format('nobody %s,Title %s' || chr(10), n, repeat('x', n % 200)), '')
		FROM generate_series(1, $count) AS n))});
}

# The findings of each import, and on how many pages they lie with those of others.
my $mixed = q{WITH pages AS (SELECT (ctid::text::point)[0] AS page, count(DISTINCT import_id) AS imports FROM acme.import_findings GROUP BY 1)
	SELECT count(*) FILTER (WHERE imports > 1) <= 2 FROM pages};
my $size = q{SELECT pg_relation_size('acme.import_findings')};
my $sound = q{SELECT count(*) FROM verify_heapam('acme.import_findings')};

is(import_faults(6000), 'applied|6000', 'a file full of faults is imported');
$node->safe_psql('postgres', q{DELETE FROM acme.import_findings WHERE line % 3 = 0; VACUUM acme.import_findings});
is(import_faults(1000), 'applied|1000', 'another one');
is($node->safe_psql('postgres', $mixed), 't', 'its findings lie together');

# Pruned, the pages of the first file are empty, and the next file takes them.
$node->safe_psql('postgres', q{UPDATE acme.imports SET finished_at = finished_at - interval '1 year', started_at = started_at - interval '1 year' WHERE import_id = 1;
	SELECT count(*) FROM orgsync.prune('acme', '1 month'); VACUUM acme.import_findings});
is($node->safe_psql('postgres', 'SELECT count(*) FROM acme.import_findings'), 1000, 'the first findings are pruned');
my $before = $node->safe_psql('postgres', $size);
is(import_faults(4000), 'applied|4000', 'a third file');
is($node->safe_psql('postgres', $size), $before, 'takes the pages of the first one');
is($node->safe_psql('postgres', $mixed), 't', 'and lies together too');

# Few findings need no page of their own.
import_faults(1) for 1 .. 20;
is($node->safe_psql('postgres', $size), $before, 'files with a finding each take no page each');
is($node->safe_psql('postgres', q{SELECT count(*), count(DISTINCT line) FROM acme.import_findings WHERE import_id = 3}), '4000|4000', 'each line is told');
is($node->safe_psql('postgres', $sound), 0, 'the table is sound');

$node->stop;
done_testing();
