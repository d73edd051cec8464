
# 042_crash.pl: kills, cancellations, and lack of memory and disk at random moments
# of an import, an export and a confirmation leave all or nothing; see test/crash,
# which "make crash POINTS=1000" runs for longer.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my ($output, $errors) = run_command([ 'test/crash/run', $ENV{POINTS} || 20 ]);
note($output, $errors);
like($output, qr/^[1-9]\d* passed, 0 failed$/m, 'all or nothing is left');
my ($inside, $points) = $output =~ /^(\d+) of (\d+) points \(backend, server\) were inside/m;
cmp_ok($inside // 0, '>', ($points // 0) / 4, 'and calls were hit');

done_testing();
