
# 061_round_trip.pl: twenty random days of an account and its simulated vendor, of
# each product, in which uploads fail as they do in life; see
# test/vendor/round_trip.py.  And the vendor itself is tried first.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($output, $errors) = run_command([ 'test/vendor/vendor_test.py' ]);
like($errors, qr/^OK$/m, 'the vendor refuses what it should') or diag($errors);

my $node = start_server('trip');
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync');
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGDATABASE} = 'postgres';

for my $product ('linkedin_learning', 'talent_insights', 'workleap')
{
	($output, $errors) =
	  run_command([ 'test/vendor/round_trip.py', '--days', '20', '--seed', '1', '--product', $product ]);
	like($output, qr/^$product, seed 1: 20 days.*, days that end well [1-9]/, "$product: the vendor has what it shall have")
	  or diag("$output\n$errors");
}

$node->stop;
done_testing();
