
# 046_scale_out.pl: accounts on three servers, routed by PL/Proxy (Debian's
# postgresql-15-plproxy); a node is added, and an account moves to it.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($libraries) = run_command([ 'pg_config', '--pkglibdir' ]);
plan skip_all => 'PL/Proxy is not installed' unless $ENV{CI} || -e "$libraries/plproxy.so";

my @nodes;
sub add_node
{
	my $node = start_server('node' . @nodes);
	$node->safe_psql('postgres', 'CREATE EXTENSION orgsync');
	push @nodes, $node;
	return 'p' . $#nodes . q{ 'dbname=postgres host=} . $node->host . ' port=' . $node->port . q{'};
}
my $partitions = join ', ', add_node(), add_node();
my $proxy = $nodes[0];
$proxy->safe_psql('postgres', 'CREATE DATABASE proxy');
sub ask { return $proxy->safe_psql('proxy', $_[0]); }

ask(qq{
	CREATE EXTENSION plproxy;
	CREATE SERVER fleet FOREIGN DATA WRAPPER plproxy OPTIONS (modular_mapping '1', $partitions);
	CREATE USER MAPPING FOR PUBLIC SERVER fleet OPTIONS (user '} . $proxy->safe_psql('postgres', 'SELECT current_user') . q{');});
ask(slurp_file('test/scale_out/fleet.sql'));

ask(q{INSERT INTO fleet.accounts VALUES ('acme', 0), ('globex', 1), ('initech', 1)});
ask(qq{SELECT fleet.create_account('$_', 'linkedin_learning')}) foreach ('acme', 'globex', 'initech');
my $csv = q{convert_to('primary_email_address,preferred_first_name' || chr(10) || 'a@example.com,Ann' || chr(10) || 'b@example.com,Bob' || chr(10), 'UTF8')};
is(ask("SELECT * FROM fleet.import_csv('$_', $csv, 'patch')"), 'applied|2|2|0|0|0', "an import runs on the node of $_") foreach ('acme', 'globex');
is(ask("SELECT * FROM fleet.import_csv('globex', $csv, 'patch')"), 'applied|2|0|0|2|0', 'and again');
is($nodes[0]->safe_psql('postgres', 'SELECT account, profiles FROM orgsync.accounts'), 'acme|2', 'the one node has its account');
is($nodes[1]->safe_psql('postgres', 'SELECT account, profiles FROM orgsync.accounts ORDER BY 1'), "globex|2\ninitech|0", 'the other one the others');
is(ask('SELECT account, product, profiles FROM fleet.report() ORDER BY 1'),
	"acme|linkedin_learning|2\nglobex|linkedin_learning|2\ninitech|linkedin_learning|0", 'a report goes over all nodes');
is(ask(q{SELECT kind, row_count FROM fleet.export_csv('globex')}), 'add|2', 'an export comes from the node');
my ($status, $output, $errors) = $proxy->psql('proxy', "SELECT * FROM fleet.import_csv('nowhere', $csv, 'patch')");
like($errors, qr/account "nowhere" is on no node/, 'an account that nobody knows is an error');

# A third node; an account moves there with all that it has, an open export too.
ask('ALTER SERVER fleet OPTIONS (ADD ' . add_node() . ')');
my $dump = $nodes[1]->basedir . '/globex.dump';
$nodes[1]->command_ok([ 'pg_dump', '-Fc', '--schema=globex', '-f', $dump, 'postgres' ], 'an account is dumped');
$nodes[2]->command_ok([ 'pg_restore', '-e', '--no-owner', '-d', 'postgres', $dump ], 'and restored on another node');
ask(q{UPDATE fleet.accounts SET node = 2 WHERE account = 'globex'});
$nodes[1]->safe_psql('postgres', q{SELECT orgsync.drop_account('globex')});
is(ask('SELECT account, profiles FROM fleet.report() ORDER BY 1'), "acme|2\nglobex|2\ninitech|0", 'it is there once');
is(ask(q{SELECT fleet.confirm_export('globex', 1)}), '', 'its export is confirmed there');
is($nodes[2]->safe_psql('postgres', q{SELECT count(*) FROM orgsync.diff('globex'); SELECT * FROM orgsync.verify_account('globex')}), '0', 'and nothing is pending');
is(ask("SELECT * FROM fleet.import_csv('globex', $csv, 'patch')"), 'applied|2|0|0|2|0', 'an import finds what the one before it did');
done_testing();
