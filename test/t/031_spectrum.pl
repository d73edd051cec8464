
# 031_spectrum.pl: the cases of csv-spectrum, a collection that CSV readers of many
# languages are tried on (Debian's node-csv-spectrum, which test/packages
# installs), are read as the collection says.

use strict;
use warnings;

use JSON::PP;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $collection = '/usr/share/nodejs/csv-spectrum';
my $json = JSON::PP->new->utf8->canonical;
my $node = start_server('spectrum', locale => 'C');
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync');

# The rows of a file as a list of objects, whose keys are the header's names.
sub rows_read
{
	my ($file) = @_;
	my $records = $json->decode($node->safe_psql('postgres',
		"SELECT json_agg(fields ORDER BY line) FROM orgsync.read_csv(pg_read_binary_file('$file'))"));
	my $header = shift @$records;
	return [ map { my %row; @row{@$header} = @$_; \%row } @$records ];
}

my @files = sort glob "$collection/csvs/*.csv";
cmp_ok(scalar @files, '>=', 11, 'the collection is there');
for my $file (@files)
{
	my ($name) = $file =~ m{([^/]+)\.csv$};
	is_deeply(rows_read($file), $json->decode(slurp_file("$collection/json/$name.json")), $name);
}

$node->stop;
done_testing();
