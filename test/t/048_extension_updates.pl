
# 048_extension_updates.pl: every older version of the extension's SQL that there is
# (orgsync--*.sql) is installed, works with the library, and is updated hop by hop: then
# it is what a new installation is, and its accounts work when they are upgraded.  That
# the test sees what is forgotten is shown with versions that are made up.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('updates');
$node->safe_psql('postgres', 'CREATE ROLE ann');

my ($share) = run_command([ 'pg_config', '--sharedir' ]);
my $directory = "$share/extension";
my @made_up;
END { unlink @made_up; }

sub add_script
{
	my ($versions, $sql) = @_;
	my $file = "$directory/orgsync--$versions.sql";
	die "$file is there already" if -e $file && !grep { $_ eq $file } @made_up;
	push @made_up, write_file($file, $sql);
	return;
}

sub file
{
	my ($name) = @_;
	return slurp_file("test/data/$name.sql");
}

my $databases = 0;
sub add_database
{
	my ($version) = @_;
	my $name = 'd' . ++$databases;
	$node->safe_psql('postgres', "CREATE DATABASE $name OWNER ann");
	$node->safe_psql($name, "CREATE EXTENSION orgsync VERSION '$version'");
	return $name;
}

# Lines that only one of two texts has.
sub differences
{
	my ($is, $shall_be) = @_;
	my %is = map { $_ => 1 } split /\n/, $is;
	my %shall_be = map { $_ => 1 } split /\n/, $shall_be;
	return ((map { "not in a new installation: $_" } grep { !$shall_be{$_} } sort keys %is),
		(map { "only in a new installation: $_" } grep { !$is{$_} } sort keys %shall_be));
}

# What is wrong with an installation of one version that is updated to another.  Its
# account has a person in it, put there as the library of the time would have done, with
# as much as any layout has.
sub problems
{
	my ($from, $to) = @_;
	my $database = add_database($from);
	my @hops = split /--/, $node->safe_psql($database, "SELECT path FROM pg_extension_update_paths('orgsync') WHERE source = '$from' AND target = '$to'");
	return ("there is no way from $from to $to") if !@hops;
	$node->safe_psql($database, q{
		SET ROLE ann;
		SELECT orgsync.create_account('acme', 'linkedin_learning');
		RESET ROLE;
		SET session_replication_role = replica;
		INSERT INTO acme.profiles (primary_email_address) VALUES ('ann@example.com')});

	my @problems;
	my $import = q{SET ROLE ann; SELECT state, unchanged, created FROM orgsync.import_csv('acme', E'primary_email_address\nann@example.com\nbob@example.com\n')};
	my ($status, $output, $errors) = $node->psql($database, "BEGIN; $import; ROLLBACK");
	push @problems, "an account of $from: $errors"
	  if $status != 0 && $errors !~ /has tables of layout \d+, but layout \d+ is needed\nHINT:  .*orgsync\.upgrade_account\('acme'\)/;

	shift @hops;
	foreach my $version (@hops)
	{
		($status, $output, $errors) = $node->psql($database, "ALTER EXTENSION orgsync UPDATE TO '$version'");
		return (@problems, "to $version: $errors") if $status != 0;
	}
	push @problems, differences($node->safe_psql($database, file('extension_catalogue')), $node->safe_psql(add_database($to), file('extension_catalogue')));

	($status, $output, $errors) = $node->psql($database, q{SET ROLE ann; SELECT orgsync.upgrade_account('acme')});
	push @problems, "upgrade_account: $errors" if $status != 0;
	$node->safe_psql($database, q{SET ROLE ann; SELECT orgsync.create_account('globex', 'linkedin_learning')});
	push @problems, map { "the layout of $_" } split /\n/, $node->safe_psql($database, file('account_layout'));
	my $work = qq{
		$import;
		SELECT kind, row_count FROM orgsync.export_csv('acme');
		SELECT orgsync.confirm_export('acme', 1);
		SELECT count(*) FROM orgsync.diff('acme');
		SELECT * FROM orgsync.verify_account('acme')};
	($status, $output, $errors) = $node->psql($database, $work);
	push @problems, "the upgraded account: $output$errors" if $status != 0 || $output ne "applied|1|1\nadd|1\n\n0";
	return @problems;
}

# Those that there are.
my ($newest) = slurp_file('orgsync.control') =~ /default_version = '(.*)'/;
my @versions = map { /orgsync--([^-]+)\.sql$/ ? $1 : () } glob "$directory/orgsync--*.sql";
ok((grep { $_ eq $newest } @versions), "there is version $newest");
foreach my $version (grep { $_ ne $newest } @versions)
{
	is_deeply([ problems($version, $newest) ], [], "$version is updated to $newest");
}

# Made up: 0.8 has no prune(), another comment, and accounts without grace_days (layout 0); it is
# updated to 0.9, which brings the function, and that to 0.10, which is like the newest.
my $script = slurp_file("$directory/orgsync--$newest.sql");
my ($prune) = $script =~ /(CREATE FUNCTION orgsync\.prune\(.*?COMMENT ON .*?;\n)/s;
my ($grace_days) = $script =~ /(\tgrace_days integer.*?\n)/;
my ($comment) = $script =~ /(COMMENT ON COLUMN \@account\.settings\.grace_days .*?;\n)/;
my $column = $grace_days =~ s/^\t(.*),\n/ALTER TABLE \@account.settings ADD COLUMN $1;/r;
my $default = 'ALTER TABLE @account.settings ALTER layout_version SET DEFAULT 1;';
my ($account_upgrade) = $script =~ /(CREATE FUNCTION orgsync\.account_upgrade\(.*?\$function\$;\n)/s;
my $new_upgrade = $account_upgrade =~ s/SELECT NULL::text/SELECT CASE layout_version WHEN 0 THEN \$\$$column $comment $default\$\$ END/r;
my ($layout) = $script =~ /(CREATE FUNCTION orgsync\.account_layout\(.*?\n\$function\$;\n)/s;
sub replaced { my ($text, $old, $new) = @_; my $at = index $text, $old; die "no $old" if $at < 0; substr $text, $at, length $old, $new; return $text; }
sub or_replace { return $_[0] =~ s/^CREATE FUNCTION/CREATE OR REPLACE FUNCTION/r; }
my $old_layout = replaced(replaced(replaced($layout, $grace_days, ''), $comment, ''), 'layout_version integer NOT NULL DEFAULT 1', 'layout_version integer NOT NULL DEFAULT 0');
my $script_9 = replaced($script, $layout, $old_layout);
my $to_10 = or_replace($layout) . or_replace($new_upgrade);
add_script('0.8', replaced($script_9, $prune, ''));
add_script('0.9', $script_9);
add_script('0.10', replaced($script, $account_upgrade, $new_upgrade));
add_script('0.8--0.9', $prune);
add_script('0.9--0.10', $to_10);
is_deeply([ problems('0.9', '0.10') ], [], 'one hop');
is_deeply([ problems('0.8', '0.10') ], [], 'two hops');

# Until then, an account of an older layout is refused, and its owner is told what to do.
my $old = add_database('0.9');
$node->safe_psql($old, q{SELECT orgsync.create_account('acme', 'workleap')});
foreach my $call (q{orgsync.import_csv('acme', 'a')}, q{orgsync.diff('acme')}, q{orgsync.export_csv('acme')}, q{orgsync.verify_account('acme')})
{
	my ($status, $output, $errors) = $node->psql($old, "SELECT * FROM $call");
	like($errors, qr/account "acme" has tables of layout 0, but layout 1 is needed\nHINT:  .*orgsync\.upgrade_account\('acme'\)/, "$call refuses it");
}

# What may be forgotten.
sub is_seen
{
	my ($problem, $name) = @_;
	my @problems = problems('0.8', '0.10');
	is(scalar @problems, 1, "$name: one problem");
	like($problems[0] // '', $problem, "$name is seen");
	return;
}
add_script('0.8--0.9', $prune =~ s/COMMENT ON.*//sr);
my @seen = problems('0.8', '0.10');
like("@seen", qr/^not in a new installation: function orgsync\.prune.* only in a new installation: function orgsync\.prune/s, 'a comment that was forgotten is seen');
add_script('0.8--0.9', 'SELECT 1;');
is_seen(qr/only in a new installation: function orgsync\.prune/, 'a function');
add_script('0.8--0.9', $prune . 'CREATE FUNCTION orgsync.left_over() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;');
is_seen(qr/not in a new installation: function orgsync\.left_over/, 'what is left over');
add_script('0.8--0.9', $prune . 'SELECT 1/0;');
is_seen(qr/to 0\.9: .*division by zero/, 'a script that fails');
add_script('0.8--0.9', $prune);
add_script('0.10', replaced($script, $account_upgrade, $new_upgrade =~ s/ \Q$comment\E//r));
add_script('0.9--0.10', or_replace($layout) . or_replace($new_upgrade =~ s/ \Q$comment\E//r));
@seen = problems('0.8', '0.10');
like("@seen", qr/^the layout of acme\|r settings grace_days.* the layout of globex\|r settings grace_days/s, 'what an account is not given is seen');
done_testing();
