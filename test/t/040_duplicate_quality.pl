
# 040_duplicate_quality.pl: how many of the near-duplicates that a generator has
# planted are found, and how many innocent people are taken for one.

use strict;
use warnings;

use Cwd;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = getcwd();
my $node = start_server('quality', locale => 'C');

my $directory = PostgreSQL::Test::Utils::tempdir;
my $base = "$directory/base.csv";
PostgreSQL::Test::Utils::system_or_bail('python3', "$source/test/data/gen_orgsync.py",
	'-o', $base, '--rows', 50_000, '--seed', 11, '--similar', 0.05, '--negatives', 0.02);

sub value { return $node->safe_psql('postgres', $_[0]); }

value(q{
	CREATE EXTENSION orgsync;
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	SELECT orgsync.add_license('acme', 'Default_license_learning_proAllLanguages_status');});
is( value("SELECT state, rejected FROM orgsync.import_file('acme', '$base')"),
	'applied|0', 'of the base file nobody is rejected');
is( value("SELECT state, rows_read FROM orgsync.import_file('acme', '$directory/base.similar.csv', dry_run => true)"),
	'dry_run|3500', 'the planted rows are read');
value(qq{
	\\set similar '$directory/base.similar.csv'
	\\set labels '$directory/base.similar.labels.csv'
	\\set import_id 2
	\\i $source/test/data/duplicate_quality.sql
});

sub percent { my ($which, $of) = @_; return value("SELECT percent(\$\$$which\$\$, \$\$$of\$\$)"); }

cmp_ok(percent('rejected', "kind <> 'none' AND has_name AND NOT has_id"), '>=', 98.5,
	'near-duplicates with a name and without an id are rejected');
for my $kind (qw(dot plus substitute insert delete swap))
{
	cmp_ok(percent('rejected', "kind = '$kind' AND has_name AND NOT has_id"), '>=', 97, "those of kind $kind");
}
cmp_ok(percent('found', "kind <> 'none' AND has_id"), '>=', 98, 'those with another id are rejected or warned of');
cmp_ok(percent('found', "kind <> 'none' AND NOT has_name"), '>=', 98, 'those without a name too');
cmp_ok(percent('rejected', "kind = 'none'"), '<=', 0.5, 'new people are not rejected');

$node->stop;
done_testing();
