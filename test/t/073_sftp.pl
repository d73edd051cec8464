# 073_sftp.pl: the recipe of delivery by SFTP (doc/recipes/deliver.sh), with the
# client, to an OpenSSH server on the loopback interface: import, export, upload in
# order, receipt, the vendor's error file, confirmation.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use OrgsyncTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($sshd) = grep { -x } '/usr/sbin/sshd', '/usr/local/sbin/sshd';
plan skip_all => 'the client is not built here' if !$ENV{CI} && system('orgsync --version >/dev/null 2>&1') != 0;
plan skip_all => 'there is no OpenSSH server' unless $ENV{CI} || defined $sshd && system('command -v sftp ssh-keygen >/dev/null') == 0;

my $node = start_server('sftp');
my $directory = PostgreSQL::Test::Utils::tempdir;
my $license = 'Default_license_learning_proAllLanguages_status';
@ENV{ 'PGHOST', 'PGPORT', 'PGDATABASE' } = ($node->host, $node->port, 'postgres');
delete $ENV{PGUSER};

sub value { return $node->safe_psql('postgres', $_[0]); }

sub run
{
	my (@command) = @_;
	my $said = '';
	IPC::Run::run [@command], '<', '/dev/null', '&>', \$said;
	return ($? >> 8, $said);
}

# A server of our own, for one key.
mkdir "$directory/$_" for 'vendor', 'deliveries';
system('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', "$directory/$_") == 0 or die for 'host_key', 'key';
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $user = getpwuid $>;
append_to_file("$directory/sshd_config", <<"END");
ListenAddress 127.0.0.1:$port
HostKey $directory/host_key
AuthorizedKeysFile $directory/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
Subsystem sftp internal-sftp
END
append_to_file("$directory/known_hosts", "[127.0.0.1]:$port " . slurp_file("$directory/host_key.pub"));
my $server = IPC::Run::start [ $sshd, '-D', '-e', '-f', "$directory/sshd_config" ], '<', '/dev/null', '&>', "$directory/sshd.log";
my @sftp = ("-oPort=$port", "-oIdentityFile=$directory/key", '-oIdentitiesOnly=yes', '-oIdentityAgent=none',
	"-oUserKnownHostsFile=$directory/known_hosts", '-F/dev/null');

# the page's commands, with places and options of ours
my ($commands) = run_command([ 'test/doc/examples.py', '--left-to', '073_sftp', 'doc/recipes.md' ]);
$commands =~ s{ acme\@sftp\.example\.com:upload /var/lib/deliveries -oIdentityFile=/etc/orgsync/key$}
	{ $user\@127.0.0.1:$directory/vendor $directory/deliveries @sftp}m or BAIL_OUT('the page delivers otherwise');
$commands =~ s{ acme 17 --results=errors\.csv$}{ acme 1 --results=$directory/errors.csv}m or BAIL_OUT('the page confirms otherwise');
my ($deliver, $confirm, @others) = split /\n/, $commands;
is_deeply(\@others, [], 'each command is run');
my @deliver = ('bash', '-c', $deliver);
for (1 .. 100)
{
	last if slurp_file("$directory/sshd.log") =~ /listening/;
	select undef, undef, undef, 0.1;
}

# a first delivery
value(qq{CREATE EXTENSION orgsync; SELECT orgsync.create_account('acme', 'linkedin_learning'); SELECT orgsync.add_license('acme', '$license')});
append_to_file("$directory/people.csv", "primary_email_address,work_title,$license\n"
	  . join '', map { "person$_\@example.com,Title,active\n" } 1 .. 30);
is((run('orgsync', 'import', 'acme', "$directory/people.csv"))[0], 0, 'a file is imported');
my ($code, $said) = run(@deliver);
is($code, 0, 'the export is delivered') or diag($said, slurp_file("$directory/sshd.log"));
like($said, qr/^delivered; when the vendor is done: orgsync confirm acme 1$/m, 'and it is told what is to be done next');
my ($first) = map { s,.*/,,r } glob("$directory/vendor/*");
is(slurp_file("$directory/vendor/$first"), value("SELECT csv || '.' FROM acme.export_files") =~ s/\.\z//r, 'the vendor has the file') if defined $first;
like(slurp_file("$directory/deliveries/acme-1/receipt"), qr/\Q$first\E/, 'which the receipt shows');

# the vendor refuses somebody
append_to_file("$directory/errors.csv", "primary_email_address,Messages\nperson7\@example.com,Unknown\n");
is((run('bash', '-c', $confirm))[0], 1, 'the vendor took it but for a row');

# a second delivery has several files; they arrive in their order
value(q{DELETE FROM acme.seats WHERE profile_id IN (1, 2);
	UPDATE acme.profiles SET primary_email_address = 'new.' || primary_email_address::text WHERE profile_id = 3;
	UPDATE acme.profiles SET work_title = 'Boss' WHERE profile_id = 4;
	UPDATE acme.profiles SET work_title = NULL WHERE profile_id = 5});
($code, $said) = run(@deliver);
is($code, 0, 'the next day') or diag($said);
my @expected = split /\n/, value(q{SELECT file_name FROM acme.export_files WHERE export_id = 2 AND kind <> 'manual' ORDER BY seq});
cmp_ok(scalar @expected, '>=', 4, 'there are several files');
my @arrived = slurp_file("$directory/deliveries/acme-2/receipt") =~ /^sftp> rename ".*" "(.*)"$/mg;
is_deeply(\@arrived, \@expected, 'they arrive in their order');
is(value(q{SELECT string_agg(md5(csv), ' ' ORDER BY seq) FROM acme.export_files WHERE export_id = 2 AND kind <> 'manual'}),
	join(' ', map { md5_hex(slurp_file("$directory/vendor/$_")) } @arrived), 'and whole');
like($said, qr/^to be done by hand: .*-manual\.csv$/m, 'what is to be done by hand is said');
is(join(' ', map { s,.*/,,r } glob("$directory/vendor/*-manual.csv $directory/vendor/*.part")), '', 'and not uploaded');
is((run('orgsync', 'confirm', 'acme'))[0], 0, 'the vendor took it');
is((run(@deliver))[0], 0, 'nothing to deliver is no error');
is(join(' ', map { s,.*/,,r } glob("$directory/deliveries/*")), 'acme-1 acme-2', 'and leaves nothing behind');

# nobody is there
$server->signal('TERM');
eval { $server->finish };
value(q{UPDATE acme.profiles SET work_title = 'Chief' WHERE profile_id = 6});
($code, $said) = run(@deliver);
isnt($code, 0, 'a delivery fails when the vendor cannot be reached');
ok(!-e "$directory/deliveries/acme-3/receipt", 'and has no receipt');
is(value("SELECT count(*) > 0 FROM orgsync.diff('acme')"), 't', 'so what it had is exported again');

# the number was had before, by an account of that name that was dropped, say
mkdir "$directory/deliveries/acme-4";
append_to_file("$directory/deliveries/acme-4/old.csv", "primary_email_address\n");
($code, $said) = run(@deliver);
like("$code $said", qr/^1 .*acme-4 is there already$/ms, 'a delivery that was made before');
is(join(' ', map { s,.*/,,r } glob("$directory/deliveries/acme-4/* $directory/deliveries/waiting*")), 'old.csv', 'is not made again');

$node->stop;
done_testing();
