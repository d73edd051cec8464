
# 003_readme.pl: what README.md and doc/ say is so.  Their examples are run
# (test/doc/examples.py), the reference is written anew and compared, the tables of
# findings and SQLSTATEs are held against the catalogue and the source, and links lead
# somewhere.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('readme', locale => 'C');
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres', PYTHONDONTWRITEBYTECODE => 1);
delete $ENV{PGUSER};

my @pages = ('README.md', glob('doc/*.md'), glob('doc/*/*.md'));
my %text = map { $_ => slurp_file($_) } @pages;

# ---- the reference ----

my ($reference, $errors) = run_command([ 'psql', '-XAqt', '-v', 'ON_ERROR_STOP=1', '-f', 'test/doc/reference.sql' ]);
is($errors, '', 'the reference can be written');
is($reference, $text{'doc/reference.md'} =~ s/\n\z//r, 'doc/reference.md is what "make doc" writes');

is( $node->safe_psql('postgres', q{
		SELECT 'function ' || oid::regprocedure FROM pg_proc
			WHERE pronamespace = 'orgsync'::regnamespace AND obj_description(oid, 'pg_proc') IS NULL
		UNION ALL SELECT 'relation ' || oid::regclass FROM pg_class
			WHERE relnamespace IN ('orgsync'::regnamespace, 'acme'::regnamespace) AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL
		UNION ALL SELECT 'type ' || oid::regtype FROM pg_type WHERE typnamespace = 'orgsync'::regnamespace AND typelem = 0
			AND (typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND c.relkind = 'c')) AND obj_description(oid, 'pg_type') IS NULL}),
	'', 'everything has a comment');

# ---- the examples ----

foreach my $page (grep { $_ ne 'doc/reference.md' } @pages)
{
	my $output = '';
	ok(IPC::Run::run([ 'test/doc/examples.py', $page ], '>&', \$output), "the examples of $page print what they show") or diag($output);
	my $count = () = $text{$page} =~ /^```(?:sql|sh)$/mg;
	like($output, qr/^\Q$page\E: $count examples, /m, 'all of them');
}

# Commands that are run elsewhere: by tests in test/t, which ask for theirs, or by scripts that
# do so.  All of it is run by continuous integration.
my ($runner) = slurp_file('test/doc/examples.py') =~ /^ELSEWHERE = \((.*?)^\)/ms;
my %elsewhere = map { $_ => 1 } $runner =~ /^    \(".*", "(.*?)"\),$/mg;
my $integration = slurp_file('.ci/run');
like($integration, qr/^exec make .*\btest$/m, 'continuous integration runs all of test/t');
foreach my $test (sort keys %elsewhere)
{
	my ($left, $unused) = run_command([ 'test/doc/examples.py', '--left-to', $test, grep { $_ ne 'doc/reference.md' } @pages ]);
	is($unused, '', "what is left to $test is on a page");
	if ($test eq '.ci/run')
	{
		like($left, qr/^make test .*$/, 'continuous integration itself runs but one command');
		next;
	}
	my $file = $test =~ m{/} ? $test : "test/t/$test.pl";
	ok(-x $file && $integration =~ /^\Q$file\E$/m, "continuous integration runs $file") if $test =~ m{/};
	like(slurp_file($file), qr/--left-to\W+\Q$test\E\b/, "$file asks for it");
}

# ---- what must be mentioned ----

# the tables of findings: `code`, ... | severity, ... | when
my @documented;
while ($text{'doc/findings.md'} =~ /^\| (`[a-z0-9_`, ]+`) \| ((?:warning|error|fatal)[a-z, ]*) \|/mg)
{
	my ($codes, $severities) = ($1, $2);
	for my $code ($codes =~ /`(\w+)`/g)
	{
		push @documented, map { "$code|$_" } split /, /, $severities;
	}
}
my @catalogue = split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT code, severity FROM orgsync.finding_codes()');
is_deeply([ sort @documented ], [ sort @catalogue ], 'the tables of findings are the catalogue');

# the functions of the reference, on the pages by subject
my ($functions) = $reference =~ /^## Functions\n(.*?)^## Views/ms;
my $subjects = join "\n", map { $text{$_} } grep { $_ ne 'doc/reference.md' } @pages;
is_deeply([ grep { $subjects !~ /`$_\(|orgsync\.$_\b/ } $functions =~ /^### (\w+)/mg ], [], 'every function is on a page by subject');

# the SQLSTATEs that the source raises, by errcode(...)
my %name;
my ($sharedir) = run_command([ 'pg_config', '--sharedir' ]);
my $errcodes = slurp_file("$sharedir/errcodes.txt");
$name{$2} = $1 while $errcodes =~ /^(\w{5})\s+\w\s+(ERRCODE_\w+)/mg;
my %raised;
foreach my $source (glob('src/*.c'))
{
	my $code = slurp_file($source);
	$raised{ $name{$_} } = 1 for map { /(ERRCODE_\w+)/g } $code =~ /\berrcode\(([^()]*)\)/g;
}
delete @raised{ 'XX000', '53200' };    # nobody looks up a bug, or that the server has no memory
my ($table) = $text{'doc/troubleshooting.md'} =~ /^\| SQLSTATE \|.*?\n((?:\|.*\n)+)/m;
my %explained = map { $_ => 1 } $table =~ /^\| `(\w{5})`/mg;
is_deeply([ grep { !$explained{$_} } sort keys %raised ], [], 'every SQLSTATE is explained');
delete $explained{'58P01'};            # by errcode_for_file_access()
is_deeply([ grep { !$raised{$_} } sort keys %explained ], [], 'and none that is not raised');

# ---- links ----

# GitHub's name for a heading
sub anchor
{
	my ($heading) = @_;
	$heading =~ s/[^\w\- ]//g;
	$heading =~ s/ /-/g;
	return lc $heading;
}

foreach my $page (@pages)
{
	my ($directory) = $page =~ m{^(.*/)?};
	my @broken;
	while ($text{$page} =~ /\]\(([^)\s]+)\)/g)
	{
		my ($file, $anchor) = split /#/, $1;
		next if $file =~ /^https?:/;
		my $target = $file eq '' ? $page : ($directory // '') . $file;
		$target =~ s{[^/]+/\.\./}{} while $target =~ m{[^/]+/\.\./};
		$target .= 'README.md' if $target =~ m{/$};
		$target .= '/README.md' if -d $target;
		push @broken, $1 if !-e $target;
		push @broken, "$file#$anchor" if defined $anchor && !grep { anchor($_) eq $anchor } slurp_file($target) =~ /^#+ (.*)$/mg;
	}
	is_deeply(\@broken, [], "links of $page");
}
my @unlisted = grep { my $name = s{^doc/}{}r; !/README\.md$/ && index($text{'doc/README.md'}, "]($name)") < 0 } @pages;
is_deeply(\@unlisted, [], 'every page is in the table of contents');

$node->stop;
done_testing();
