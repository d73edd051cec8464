
# 063_monitoring.pl: the queries of doc/monitoring, run by a role that has just the
# privileges that doc/monitoring/README.md names, on accounts in all states; and that
# the alerts speak of metrics that there are.

use strict;
use warnings;

use JSON::PP;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('monitoring');

my ($grants) = slurp_file('doc/monitoring/README.md') =~ /^```sql\n(CREATE EXTENSION.*?)^```/ms;
my $license = 'Default_license_learning_pro_status';
$node->safe_psql('postgres', $grants);
$node->safe_psql(
	'postgres', qq{
	SELECT orgsync.create_account('empty', 'workleap');
	GRANT USAGE ON SCHEMA empty TO watcher;
	GRANT SELECT ON ALL TABLES IN SCHEMA empty TO watcher;
	SELECT orgsync.add_license('acme', '$license', 3, 'invited');
	SELECT orgsync.import_csv('acme', E'primary_email,$license\\na\@example.com,active\\nb\@example.com,active\\nbad,active\\n'::text);
	SELECT orgsync.export_csv('acme');
	SELECT orgsync.confirm_export('acme', 1, E'primary_email_address,Messages\\nb\@example.com,No\\n'::text);
	SELECT orgsync.import_csv('acme', E'work_title\\nBoss\\n'::text);
	SELECT orgsync.export_csv('acme');});

# What the watcher gets for a query: one hash a row, by column.
sub rows
{
	my ($query) = @_;
	my $json = $node->safe_psql('postgres', "SET ROLE watcher; SELECT coalesce(json_agg(q), '[]') FROM ($query) AS q");
	return @{ decode_json($json) };
}

# ---- queries.yaml and alerts.yaml ----

my $queries = slurp_file('doc/monitoring/queries.yaml');
my ($name, $query) = $queries =~ /^(\w+):\n  query: \|\n((?:    .*\n)+)/m;
my %usage = $queries =~ /^    - (\w+):\n        usage: "(\w+)"$/mg;
my %row = map { $_->{account} => $_ } rows($query);
is_deeply([ sort keys %row ], [ 'acme', 'empty' ], 'one row an account');
is_deeply([ sort keys %{ $row{acme} } ], [ sort keys %usage ], 'every column has its metric and the other way round');
foreach my $metric (grep { $usage{$_} eq 'GAUGE' } sort keys %usage)
{
	like($row{acme}{$metric}, qr/^-?[0-9.]+$/, "$metric is a number");
}
is_deeply([ @{ $row{acme} }{ 'datname', 'account', 'product', 'last_import_is_refused', 'last_export_is_unconfirmed', 'pending_changes',
		'seats_left', 'waitlisted', 'errors_open', 'needs_upgrade' } ],
	[ 'postgres', 'acme', 'linkedin_learning', 1, 1, 1, 1, 0, 2, 0 ], 'and they say what happened');
cmp_ok($row{acme}{last_applied_timestamp_seconds}, '<', $row{acme}{last_import_timestamp_seconds}, 'the refused import was the later one');

my @alerts = slurp_file('doc/monitoring/alerts.yaml') =~ /^        expr: (.*)$/mg;
cmp_ok(scalar @alerts, '>=', 9, 'there are alerts');
my @unknown = grep { !exists $usage{$_} } map { /\b${name}_(\w+)/g } @alerts;
is_deeply(\@unknown, [], 'which ask for metrics that there are');

# ---- dashboard.json ----

my $dashboard = decode_json(slurp_file('doc/monitoring/dashboard.json'));
is_deeply([ grep { !exists $dashboard->{$_} } qw(id uid title tags timezone editable panels time templating annotations refresh schemaVersion version links) ],
	[], 'it has what the model of a dashboard asks for');
my (%ids, %taken);
foreach my $panel (@{ $dashboard->{panels} })
{
	my ($x, $y, $w, $h) = @{ $panel->{gridPos} }{qw(x y w h)};
	my @cells = map { my $row = $_; map { "$_,$row" } $x .. $x + $w - 1 } $y .. $y + $h - 1;
	ok(!$ids{ $panel->{id} }++ && $x + $w <= 24 && !grep({ $taken{$_}++ } @cells), "panel $panel->{title} has a place of its own");
	like($panel->{type}, qr/^(?:table|stat|timeseries)$/, 'and is of a kind that Grafana has');
	is(join(' ', map { "$_->{refId} $_->{format} $_->{datasource}{type} $_->{datasource}{uid}" } @{ $panel->{targets} }),
		'A ' . ($panel->{type} eq 'timeseries' ? 'time_series' : 'table') . ' postgres ${datasource}', 'and asks the database that was chosen');
	my @colours = ($panel->{fieldConfig}{defaults}, map { { map { $_->{id} => $_->{value} } @{ $_->{properties} } } } @{ $panel->{fieldConfig}{overrides} });
	is_deeply([ grep { $_->{thresholds} && ($_->{color} // $colours[0]{color})->{mode} ne 'thresholds' } @colours ], [],
		'and where it has thresholds, they colour');
	is_deeply([ grep { $_->{thresholds} && $_->{thresholds}{steps}[0]{color} eq 'red' && !$_->{mappings} } @colours ], [],
		'and what has no value is not coloured as the worst');
	like($panel->{targets}[0]{rawSql}, qr/\w+ AS time,.*\$__timeFilter\((\w+)\) ORDER BY \g{1}$/s, 'in the order of time') if $panel->{type} eq 'timeseries';
}
my ($choice) = grep { $_->{name} eq 'account' } @{ $dashboard->{templating}{list} };
is_deeply([ map { $_->{account} } rows($choice->{query}) ], [ 'acme', 'empty' ], 'the accounts to choose from');
foreach my $panel (@{ $dashboard->{panels} })
{
	foreach my $account ('acme', 'empty')
	{
		foreach my $target (@{ $panel->{targets} })
		{
			my $sql = $target->{rawSql} =~ s/\$\{account:raw\}/$account/gr;
			$sql =~ s/\$__timeFilter\((\w+)\)/$1 BETWEEN now() - interval '30 days' AND now()/g;
			my @rows = rows($sql);
			next if $account eq 'empty';
			ok(@rows > 0, "panel $panel->{title}");
			my %columns = map { $_ => 1 } keys %{ $rows[0] };
			my @named = map { $_->{matcher}{options} } @{ $panel->{fieldConfig}{overrides} };
			is_deeply([ grep { !$columns{$_} } @named ], [], "panel $panel->{title} colours columns that it has");
		}
	}
}

# ---- what another session keeps locked is not waited for, nor are its temporary tables read ----

my $locker = $node->background_psql('postgres') if $node->can('background_psql');
SKIP:
{
	skip 'this PostgreSQL has no background psql', 2 if !defined $locker;
	$locker->query_safe('BEGIN; LOCK TABLE acme.imports IN ACCESS EXCLUSIVE MODE');
	is( $node->safe_psql('postgres', q{SELECT account, last_import_state, last_export_state FROM orgsync.status WHERE account::text = 'acme'}),
		'acme||exported', 'a locked table is shown as unknown');
	$locker->query_safe('COMMIT; SET client_min_messages = error; CREATE TEMPORARY TABLE settings (product orgsync.product); INSERT INTO settings VALUES (NULL)');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM orgsync.status; SELECT count(*) FROM orgsync.accounts}), "2\n2",
		'a temporary table of another session does no harm');
	$locker->quit;
}

$node->stop;
done_testing();
