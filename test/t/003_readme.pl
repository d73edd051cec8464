
# 003_readme.pl: what the README shows is what happens.  Each block of SQL that
# is followed by a block of text is run, and must print just that.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

my $readme = slurp_file('README.md');
my $count = 0;
while ($readme =~ /^```sql\n(.*?)^```\n\n```text\n(.*?)^```$/msg)
{
	my ($sql, $expected) = ($1, $2);
	my $output = '';
	IPC::Run::run [ 'psql', '-X', '-q', '-d', $node->connstr('postgres') ], '<', \$sql, '&>', \$output;
	$output =~ s/[ \t\r]+$//mg;
	$output =~ s/\n+\z/\n/;
	is($output, $expected, 'example ' . ++$count);
}
cmp_ok($count, '>=', 5, 'there are examples');

# the table of findings: `code`, ... | severity, ... | when
my @documented;
while ($readme =~ /^\| (`[a-z0-9_`, ]+`) \| ((?:warning|error|fatal)[a-z, ]*) \|/mg)
{
	my ($codes, $severities) = ($1, $2);
	for my $code ($codes =~ /`(\w+)`/g)
	{
		push @documented, map { "$code|$_" } split /, /, $severities;
	}
}
my @catalogue = split /\n/,
  $node->safe_psql('postgres', 'SELECT DISTINCT code, severity FROM orgsync.finding_codes()');
is_deeply([ sort @documented ], [ sort @catalogue ], 'the table of findings is the catalogue');

$node->stop;
done_testing();
