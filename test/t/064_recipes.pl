
# 064_recipes.pl: what doc/recipes shows is run as it stands: the same job with psql and
# in Python, Node and Java, each on an account of its own, which must say and write the
# same; and the nightly job, by pg_cron.  The commands are those of doc/recipes.md.  What is
# missing here is skipped, with the package that it takes, but never in continuous integration.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('recipes');
my ($pkglibdir) = run_command([ 'pg_config', '--pkglibdir' ]);
my $has_cron = $ENV{CI} || -e "$pkglibdir/pg_cron.so";
my $socket_directory = $node->host;
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'");    # the JDBC driver knows no sockets
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\ncron.host = '$socket_directory'") if $has_cron;
$node->restart;

my $user = $node->safe_psql('postgres', 'SELECT current_user');
my $license = 'Default_license_learning_pro_status';
my $port = $node->port;
local %ENV = (
	%ENV, PGHOST => $node->host, PGPORT => $port, PGDATABASE => 'postgres', PGUSER => $user,
	JDBC_URL => "jdbc:postgresql://127.0.0.1:$port/postgres?user=$user",
	NODE_PATH => '/usr/share/nodejs:/usr/lib/node_modules:/usr/local/lib/node_modules',
	PYTHONDONTWRITEBYTECODE => 1);
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync');

# the commands of the page, by what they run
my %command;
my ($commands) = run_command([ 'test/doc/examples.py', '--left-to', '064_recipes', 'doc/recipes.md' ]);
foreach my $command (split /\n/, $commands)
{
	my ($name) = $command =~ /(sync\.\w+|cron)/i;
	$command{$name} = $command;
}
is_deeply([ sort keys %command ], [ 'Sync.java', 'cron', 'sync.js', 'sync.py', 'sync.sh' ], 'each command is run');

# ---- the nightly job: scheduled here, looked at in the end ----

if ($has_cron)
{
	$node->safe_psql(
		'postgres', qq{
		CREATE SCHEMA hr;
		CREATE VIEW hr.learning_users AS SELECT 'ann\@example.com' AS primary_email_address, 'Ann' AS preferred_first_name;
		CREATE VIEW hr.nobody AS SELECT 'Ann' AS preferred_first_name;
		SELECT orgsync.create_account('acme', 'linkedin_learning'), orgsync.create_account('refused', 'linkedin_learning')});
	$node->safe_psql('postgres', slurp_file('doc/recipes/nightly.sql'));
	is($node->safe_psql('postgres', 'SELECT schedule FROM cron.job'), '30 2 * * *', 'the nightly job is scheduled');
	$node->safe_psql('postgres', q{
		SELECT cron.schedule('sync acme', '* * * * *', command) FROM cron.job;
		SELECT cron.schedule('sync refused', '* * * * *', replace(replace(command, 'learning_users', 'nobody'), 'acme', 'refused')) FROM cron.job});
}

# ---- the same job from programs ----

my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/users.csv", "primary_email_address,preferred_first_name,preferred_last_name,$license,group:HR\n"
	  . "ann\@example.com,Ann,Bell,active,yes\nbob\@example.com,Bob,\"Carr, Jr.\",active,no\ndan\@example,Dan,Ely,active,no\n"
	  . "zoe\@example.com,Zo\xc3\xab,Fox,active,no\n");
append_to_file("$directory/refused.csv", "colour\nred\n");
append_to_file("$directory/nothing.csv", "primary_email_address\nann\@example.com\n");

# Runs a recipe on an account of its own; what it says and writes is the same for all.
sub recipe
{
	my ($name, $file) = @_;
	my $shell = $command{$file};
	ok($shell =~ s/ acme users\.csv out$/ "\$@"/, "$name: on a file, into a directory");
	$shell =~ s{jdbc:postgresql://localhost/hr\?user=hr_job}{$ENV{JDBC_URL}};
	$shell =~ s/^NODE_PATH=\S+ // if !-d '/usr/share/nodejs/pg';    # Node is not Debian's
	my @command = ('bash', '-c', $shell, 'bash');
	my $account = "by_$name";
	my $out = "$directory/$name";
	mkdir $out;
	$node->safe_psql('postgres', qq{SELECT orgsync.create_account('$account', 'linkedin_learning');
		SELECT orgsync.add_license('$account', '$license', 2, 'invited')});

	my $run = sub {
		my (@arguments) = @_;
		my ($output, $errors);
		IPC::Run::run [ @command, @arguments ], '>', \$output, '2>', \$errors;
		return ($? >> 8, $output =~ s/by_$name-\d+-/ACCOUNT-DATE-/gr, $errors);
	};
	my ($status, $output, $errors) = $run->($account, "$directory/users.csv", $out);
	is($errors, '', "$name: no errors");
	is($status, 0, "$name: done");
	is($output, qq{import 1: applied, 4 rows, 2 rejected
line 4: error invalid_email: "dan\@example" is not a valid e-mail address: it has a domain without a dot
line 5: error license_cap_exceeded: license "$license" has no free seat: 2 of 2 are taken
upload ACCOUNT-DATE-000001-001-add.csv
export 1: confirmed
}, "$name: says what happened");
	is(slurp_file("$out/rejected.csv"), qq{primary_email_address,preferred_first_name,preferred_last_name,$license,group:HR,Messages\r
dan\@example,Dan,Ely,active,no,"""dan\@example"" is not a valid e-mail address: it has a domain without a dot"\r
zoe\@example.com,Zo\xc3\xab,Fox,active,no,"license ""$license"" has no free seat: 2 of 2 are taken"\r
}, "$name: keeps the rejected rows");
	my @files = glob("$out/by_*");
	is(scalar @files, 1, "$name: writes the files");
	is(slurp_file($files[0]), qq{preferred_first_name,preferred_last_name,primary_email_address,$license,group:HR\r
Ann,Bell,ann\@example.com,active,yes\r
Bob,"Carr, Jr.",bob\@example.com,active,\r
}, "$name: to the byte");
	is($node->safe_psql('postgres', "SELECT state FROM $account.exports; SELECT source FROM $account.imports; SELECT count(*) FROM pg_largeobject_metadata"),
		"confirmed\nusers.csv\n0", "$name: confirms, and leaves nothing behind");

	($status, $output, $errors) = $run->($account, "$directory/nothing.csv", $out);
	is("$status $output$errors", "0 import 2: applied, 1 rows, 0 rejected\n", "$name: nothing to upload");
	($status, $output) = $run->($account, "$directory/refused.csv", $out);
	is($status, 2, "$name: a refused file");
	like($output, qr/^import 3: refused.*missing_key_header/s, "$name: says why");
	($status, $output, $errors) = $run->('no_account', "$directory/users.csv", $out);
	is($status, $name eq 'psql' ? 3 : 1, "$name: an error");
	like($errors, qr/schema "no_account" does not exist/, "$name: says which");
	return;
}

# Is there what a recipe needs?  A program that is not there at all is an error to IPC::Run.
sub runs
{
	my @command = @_;
	return eval { IPC::Run::run \@command, '<', \undef, '&>', \my $output };
}

recipe('psql', 'sync.sh');
SKIP:
{
	skip 'psycopg2 is not here: python3-psycopg2', 1 if !$ENV{CI} && !runs('/usr/bin/python3', '-c', 'import psycopg2');
	local $ENV{PATH} = "/usr/bin:$ENV{PATH}";
	recipe('python', 'sync.py');
}
SKIP:
{
	skip 'pg for Node is not here: node-pg', 1 if !$ENV{CI} && !runs('node', '-e', 'require("pg")');
	recipe('node', 'sync.js');
}
SKIP:
{
	my $driver = '/usr/share/java/postgresql.jar';
	skip 'Java or its driver is not here: default-jdk-headless, libpostgresql-jdbc-java', 1 if !$ENV{CI} && !(-e $driver && runs('javac', '-version'));
	recipe('java', 'Sync.java');
}

# ---- the nightly job, again ----

SKIP:
{
	skip 'pg_cron is not here: postgresql-15-cron', 1 if !$has_cron;
	$node->poll_query_until('postgres', q{SELECT count(DISTINCT jobid) = 2 FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')});
	$node->safe_psql('postgres', 'SELECT cron.unschedule(jobid) FROM cron.job');
	is( $node->safe_psql('postgres', q{SELECT DISTINCT command, status, split_part(return_message, E'\n', 1) FROM cron.job_run_details
			WHERE status IN ('succeeded', 'failed') AND runid IN (SELECT min(runid) FROM cron.job_run_details GROUP BY jobid) ORDER BY command}),
		"CALL sync_account('acme', 'hr.learning_users')|succeeded|CALL\n"
		  . "CALL sync_account('refused', 'hr.nobody')|failed|ERROR:  import 1 into account refused is refused",
		'the nightly jobs have run, and the one whose file was refused has failed');
	my ($shown) = run_command([ 'bash', '-c', $command{cron} ]);
	like($shown, qr/^ \d{4}-.* \| succeeded +\| CALL$/m, 'the page shows the one');
	like($shown, qr/^ \d{4}-.* \| failed +\| ERROR:  import 1 into account refused is refused/m, 'and the other');
	like($node->safe_psql('postgres', q{SELECT kind, row_count FROM acme.export_files LIMIT 1; SELECT count(*) > 0 FROM refused.import_findings}),
		qr/^add\|1\nt$/, 'files to upload are there, and findings are kept');
}

$node->stop;
done_testing();
