
# 041_fuzz_inputs.pl: what the fuzzers begin with, and what they found once, runs
# through their checks under sanitizers, leaks included; see test/fuzz/run.

use strict;
use warnings;

use Cwd;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = getcwd();
my $directory = PostgreSQL::Test::Utils::tempdir;
my @flags = ('-std=c99', '-g', '-O1', "-I$top/src", "-I$top", "-I$top/test/fuzz", '-fsanitize=address,undefined', '-fno-sanitize-recover=all');
my @fuzzers = glob "$top/test/fuzz/fuzz_*.c";
cmp_ok(scalar @fuzzers, '>', 5, 'there are fuzzers');

chdir $directory or die $!;
command_ok([ 'gcc', @flags, '-c', glob("$top/src/core/*.c $top/xlsx/core/*.c"), "$top/test/fuzz/replay.c" ], 'the core is built');
foreach my $fuzzer (@fuzzers)
{
	my ($name) = $fuzzer =~ /fuzz_(\w+)\.c$/;
	my @inputs = grep { -f } glob "$top/test/fuzz/seeds/$name/* $top/test/fuzz/found/$name/*";
	command_ok([ 'gcc', @flags, $fuzzer, glob('*.o'), '-lcsv', '-lzip', '-lexpat', '-lm', '-o', $name ], "$name is built");
	ok(@inputs > 0, "$name has inputs");
	command_ok([ "./$name", @inputs ], "$name passes them");
}

# A check that does not hold is seen, and so is a leak.
append_to_file('wrong.c', <<'END');
#include "fuzz.h"
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 1)
		CHECK(data[0] != 'x');
	else
		data = malloc(size + 1);
	return data == NULL;
}
END
append_to_file('x', 'x');
append_to_file('yy', 'yy');
command_ok([ 'gcc', @flags, 'wrong.c', 'replay.o', '-o', 'wrong' ], 'a fuzzer that fails is built');
command_fails_like([ './wrong', 'x' ], qr/does not hold: data/, 'it fails');
command_fails_like([ './wrong', 'yy' ], qr/LeakSanitizer/, 'and so it does for a leak');

chdir $top or die $!;
done_testing();
