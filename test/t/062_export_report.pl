
# 062_export_report.pl: the page about a coming export, at 10 and at 100,000
# changes and with names that try to break it: well-formed, complete, readable by
# everybody (test/page/check_page.py), its figures are those of the tables, its
# size is bounded, and nothing sticks out on a desk or a phone.

use strict;
use warnings;

use JSON::PP;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $license = 'Default_license_learning_proAllLanguages_status';
my $node = start_server('report');
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync');

sub value { return $node->safe_psql('postgres', $_[0]); }

# An account with so many people, all of them confirmed, each in one of 300 groups,
# two thirds with a seat.
sub make_account
{
	my ($account, $people) = @_;
	value(qq{
		SELECT orgsync.create_account('$account', 'linkedin_learning');
		SELECT orgsync.add_license('$account', '$license', $people, 'invited');
		INSERT INTO $account.groups (name) SELECT 'Team ' || n FROM generate_series(1, 300) n;
		INSERT INTO $account.groups (name) VALUES (repeat('Unbreakable', 30)), ('</td><script>alert(1)</script>');
		INSERT INTO $account.profiles (primary_email_address, unique_user_id, preferred_first_name, preferred_last_name, work_title)
			SELECT 'person' || n || '\@example.com', 'E' || n, 'First', 'Last' || n, 'Analyst' FROM generate_series(1, $people) n;
		INSERT INTO $account.seats SELECT profile_id, 1, 'invited' FROM $account.profiles WHERE profile_id % 3 < 2;
		INSERT INTO $account.memberships SELECT profile_id, 1 + profile_id % 300 FROM $account.profiles;
		DO \$\$ BEGIN PERFORM orgsync.export_csv('$account'); END \$\$;
		SELECT orgsync.confirm_export('$account', 1)});
}

# Changes in the profiles whose number leaves a rest: with step 2 all of some 10.
sub change
{
	my ($account, $step) = @_;
	my $every = "profile_id % (10 * $step)";
	value(qq{
		UPDATE $account.profiles SET work_title = 'Boss ' || profile_id WHERE $every IN (1, 2, 3);
		UPDATE $account.profiles SET work_title = NULL WHERE $every = 4;
		UPDATE $account.profiles SET primary_email_address = 'new.' || primary_email_address::text WHERE $every = 5;
		DELETE FROM $account.seats WHERE $every = 6;
		DELETE FROM $account.profiles WHERE $every = 7;
		INSERT INTO $account.memberships SELECT profile_id, 301 + profile_id % 2 FROM $account.profiles WHERE $every = 8;
		INSERT INTO $account.permissions SELECT profile_id, 'group_permission_view_reports', 'group:Team 1' FROM $account.profiles
			WHERE $every = 9;
		INSERT INTO $account.profiles (primary_email_address, preferred_first_name)
			SELECT 'added' || profile_id || '\@example.com', repeat('Name', 100) FROM $account.profiles WHERE $every = 2});
}

# Looks at the account's page, and compares its figures with the diff.
sub check_page
{
	my ($account, $name, $at_most) = @_;
	my $file = $node->basedir . "/$account.html";
	my $page = value("SELECT orgsync.export_report('$account')");
	append_to_file($file, $page);
	cmp_ok(length $page, '<', $at_most, "$name: the page has a bounded size");

	my ($output, $errors) = run_command([ 'test/page/check_page.py', $file ]);
	is($errors, '', "$name: the page is well-formed");
	my $seen = decode_json($output);
	is_deeply($seen->{faults}, [], "$name: it is complete and accessible");

	value("CREATE TABLE ${account}_diff AS SELECT * FROM orgsync.diff('$account')");
	my $figure = sub { return value("SELECT count(DISTINCT profile_id) FROM ${account}_diff WHERE $_[0]"); };
	my $cells = sub { return value("SELECT count(*) FROM ${account}_diff WHERE $_[0]"); };
	my $lives = "EXISTS (SELECT FROM $account.profiles p WHERE p.profile_id = ${account}_diff.profile_id)";
	is_deeply(
		$seen->{figures},
		{
			'People added' => $figure->("action = 'add'"),
			'People changed' => $figure->("action <> 'add' AND $lives"),
			'of these, renamed' => $figure->("action = 'rename'"),
			'People deleted here' => $figure->("NOT $lives"),
			'Seats granted' => $cells->("column_name = '$license' AND new_value = 'active'"),
			'Seats revoked' => $cells->("action = 'revoke'"),
			'Cells' => $cells->('true'),
			'To do by hand' => $cells->("column_name = 'work_title' AND new_value IS NULL")
		},
		"$name: its figures are the diff's");
	my %total = map { $_ => $seen->{sections}{$_}{total} // 0 } keys %{ $seen->{sections} };
	is_deeply(
		[ map { $total{$_} // 0 } 'losers', 'renamed', 'added', 'permitted', 'updated', 'groups', 'files' ],
		[   $figure->("action = 'revoke'"), $cells->("action = 'rename'"), $figure->("action = 'add'"),
			$cells->("action IN ('permit', 'forbid')"), $cells->("action = 'update'"),
			value("SELECT count(DISTINCT column_name) FROM ${account}_diff WHERE action IN ('join', 'leave')"),
			value("SELECT count(*) FROM orgsync.export_csv('$account', dry_run => true, override => true)") ],
		"$name: so are the lengths of its lists");
	my ($before, $revoked, $granted, $after) = map { s/\D//gr } @{ $seen->{sections}{seats}{rows}[1] };
	is("$before - $revoked + $granted = $after",
		value("SELECT format('%s - %s + %s = %s', invited + r - g, r, g, invited) FROM $account.seat_usage,
			(SELECT count(*) FILTER (WHERE action = 'revoke') AS r, count(*) FILTER (WHERE action = 'grant') AS g
			 FROM ${account}_diff) d"),
		"$name: and its seats");

	my ($fits) = run_command([ 'test/page/check_page.py', $file, '--browser' ]);
  SKIP:
	{
		skip 'there is no browser', 1 if $fits eq 'no browser';
		is($fits, 'all fits', "$name: nothing sticks out");
	}
	return $seen;
}

make_account('few', 100);
check_page('few', 'no changes', 20_000);
value('DROP TABLE few_diff');
change('few', 10);
value(q{UPDATE few.profiles SET work_title = '<b onclick="alert(1)">&' || U&'\202E' || repeat('wide', 3000) WHERE profile_id = 11});
unlink $node->basedir . '/few.html';
like(check_page('few', 'some ten changes', 40_000)->{verdict}, qr/^Ready\. 11 people change/, 'they may be uploaded');

make_account('many', 100_000);
change('many', 1);
value("UPDATE many.settings SET max_revoke_percent = 10");
like(check_page('many', '100,000 changes', 100_000)->{verdict}, qr/^Held up: the export would revoke/, 'they are held up');

$node->stop;
done_testing();
