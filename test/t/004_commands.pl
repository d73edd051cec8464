
# 004_commands.pl: the commands of README.md that install, make a role and a database of
# one's own, do the work from the shell, and remove it all again; and the manual page's
# examples.  They are run as they stand, with a program "sudo" that does what is asked of it
# here: what is installed goes into a directory of our own, whose programs all belong to us.

use strict;
use warnings;

use File::Find;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('commands');

my $directory = PostgreSQL::Test::Utils::tempdir_short();
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, HOME => $directory, USER => 'ann', PGUSER => 'ann');
delete @ENV{ 'PGDATABASE', 'MAKEFLAGS', 'MAKELEVEL' };
mkdir "$directory/$_" for 'programs', 'home', 'installed';
append_to_file("$directory/programs/sudo", <<"END");
#!/bin/sh
[ "\$1" = -u ] || exec "\$@"
export PGUSER=$superuser
shift 2
exec "\$@"
END
chmod 0755, "$directory/programs/sudo";
$ENV{PATH} = "$directory/programs:$ENV{PATH}";

my ($left) = run_command([ 'test/doc/examples.py', '--left-to', '004_commands', 'README.md' ]);
my %left = map { $_ => 1 } split /\n/, $left;

# The shell's commands under a heading of README.md, less those that install packages.
sub commands
{
	my ($heading) = @_;
	my ($section) = slurp_file('README.md') =~ /^## $heading\n(.*?)(?=^## |\z)/ms;
	my @commands = grep { !/^(?:make deb|make test |sudo apt-get )/ } map { split /\n/ } $section =~ /^```sh\n(.*?)^```/msg;
	delete @left{@commands};
	return @commands;
}

# Runs commands until one of them fails.
sub shell
{
	my ($what, $where, @commands) = @_;
	my $output = '';
	ok(IPC::Run::run([ 'bash', '-euo', 'pipefail', '-c', "cd '$where'\n" . join "\n", @commands ], '<', '/dev/null', '>&', \$output), $what)
	  or diag($output);
	return $output;
}

# ---- building and installing ----

my ($demo) = commands('Two commands');
my ($install, $check) = commands('Install');
my ($client) = slurp_file('README.md') =~ /`(make client && sudo make install-client [^`]*)`/;

# Where the installed orgsync is tested, there is nothing to build it with.
SKIP:
{
	skip 'there is nothing to build with: make test installs it', 10 if !$ENV{CI} && !IPC::Run::run([ 'test/packages' ], '<', '/dev/null', '&>', \my $missing);
	skip 'sanitizers want a server that is prepared for them', 10 if $ENV{SANITIZE} || $ENV{COVERAGE};

	like(shell('make demo', '.', $demo), qr/^=== 1\..*^=== 9\. Uploaded and confirmed/ms, 'shows the whole job');

	# in a copy, into a directory of ours, and without what a compiler may be missing for
	system('cp', '-a', '.', "$directory/copy") == 0 or die;
	local $ENV{MAKEFLAGS} = "with_llvm=no DESTDIR=$directory/installed REGRESS=account ISOLATION=two_imports";
	my $installed = sub {
		my @files;
		find({ no_chdir => 1, wanted => sub { push @files, $_ =~ s{^$directory/installed}{}r if -f } }, "$directory/installed");
		return join ' ', sort @files;
	};
	shell('make && sudo make install', "$directory/copy", $install);
	like($installed->(), qr{/bin/orgsync .*/orgsync\.so .*/orgsync\.control }, 'installs the extension and the client');
	local $ENV{PGUSER} = $superuser;
	like(shell('make installcheck', "$directory/copy", $check), qr/^(?:ok 1 +- account|test account +\.\.\. ok)/m, 'runs tests on the server');
	shell('sudo make uninstall', "$directory/copy", 'sudo make uninstall');
	is($installed->(), '', 'leaves nothing behind');
	# nor would it with bitcode, whose path is that of its object below a directory of the module's
	my ($objects) = run_command([ 'make', '-s', '-C', "$directory/copy/xlsx", '--eval=objects: ; @echo $(OBJS)', 'objects' ]);
	unlike($objects, qr/\.\./, 'of bitcode neither');
	my (undef, $elsewhere) = run_command([ 'make', '-C', "$directory/home", '-f', "$directory/copy/Makefile" ]);
	like($elsewhere, qr/orgsync is built where its source is/, 'and nothing is built from elsewhere');
	shell('the client alone', "$directory/copy", $client);
	is($installed->(), "/usr/local/bin/orgsync /usr/local/share/man/man1/orgsync.1", 'installs the program and its page');
}
system('rm', '-rf', "$directory/copy");

# ---- the work from the shell, by somebody who is no superuser, in a database of one's own ----

my @work = commands('From the shell');
my @removal = commands('Removing it');
SKIP:
{
	skip 'the client is not built here', 9 if !$ENV{CI} && system('orgsync --version >/dev/null 2>&1') != 0;

	system('cp', 'test/data/learning_users.csv', "$directory/home/users.csv") == 0 or die;
	shell('the work from the shell', "$directory/home", @work);
	is($node->safe_psql('hr', q{SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'learning'; SELECT state FROM learning.exports}),
		"ann\nconfirmed", 'is done, by somebody who is no superuser');
	ok(-s "$directory/home/report.html", 'there is a report');
	is(scalar(() = glob "$directory/home/upload/*.csv"), 1, 'and a file to upload');

	my ($examples) = slurp_file('src/client/orgsync.1') =~ /^\.SH EXAMPLES\n\.nf\n(.*?)^\.fi$/ms;
	$examples =~ s/\\-/-/g;
	$node->safe_psql('hr', q{SET SESSION AUTHORIZATION ann; SELECT orgsync.create_account('acme', 'linkedin_learning');
		SELECT orgsync.add_license('acme', 'Default_license_learning_proAllLanguages_status')});
	append_to_file("$directory/home/errors.csv", "primary_email_address,Messages\n");
	local $ENV{PGDATABASE} = 'hr';
	unlink glob "$directory/home/upload/*";
	shell('the examples of the manual page', "$directory/home", $examples);
	is($node->safe_psql('hr', q{SELECT state FROM acme.exports}), 'confirmed', 'do the same');

	shell('the removal', "$directory/home", @removal);
	is($node->safe_psql('hr', q{SELECT nspname FROM pg_namespace WHERE nspname IN ('learning', 'acme', 'orgsync')}), '', 'leaves nothing behind');
}
is_deeply([ keys %left ], [], 'all that is left to this test has been run');

$node->stop;
done_testing();
