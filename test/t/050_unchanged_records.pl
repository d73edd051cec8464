
# 050_unchanged_records.pl: an import that passes over the records that its feed
# had before does what one does that reads all of them.  The same imports and the
# same edits by hand, at random, go to two accounts, one with and one without
# orgsync.skip_unchanged_records; then everything in them must be equal, but for
# warnings, which unchanged records do not repeat.
#
# UNCHANGED_SEED and UNCHANGED_RUNS choose where to begin and how much to do.

use strict;
use warnings;

use Encode;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $first_seed = $ENV{UNCHANGED_SEED} || 1;
my $runs = $ENV{UNCHANGED_RUNS} || 6;
my $steps = 30;

my $node = start_server('unchanged', conf => 'jit = off');
$node->safe_psql('postgres', 'CREATE EXTENSION orgsync');

my @feeds = ('hr', 'payroll');
my ($small, $open) = ('Small_license_a_b_status', 'Open_license_c_d_status');

sub one_of { return $_[ int(rand(@_)) ] }
sub chance { return rand() < $_[0] }

# What a person may be; some share an address but for dots, case and what follows a plus.
my @names = ('ann', 'bob', 'carl', 'dora', 'eve', 'fred', 'gina', 'hans', 'ida', 'jan');

sub address
{
	my $name = one_of(@names) . one_of('', '', '.x', '.y', '+z') . one_of('', 1 .. 4);
	return (chance(0.1) ? ucfirst($name) : $name) . '@example.' . one_of('com', 'com', 'org');
}

# The columns of a feed's files.
sub columns
{
	my ($feed) = @_;
	my @columns = ('primary_email_address');
	push @columns, 'unique_user_id' if chance(0.7);
	push @columns, 'existing_email_address' if chance(0.15);
	push @columns, 'new_unique_user_id' if chance(0.15) && $columns[1];
	push @columns, 'preferred_first_name', 'preferred_last_name' if chance(0.6);
	push @columns, 'work_title';
	push @columns, $small if chance(0.7);
	push @columns, $open if chance(0.5);
	push @columns, 'group:One' if chance(0.5);
	push @columns, 'group:Two' if chance(0.4);
	push @columns, 'Dept' if chance(0.4);
	push @columns, 'group_permission_view_reports' if chance(0.3);
	push @columns, 'attribute_Room' if chance(0.4);
	push @columns, 'reupload_user_profile' if chance(0.2);
	return @columns;
}

sub cell
{
	my ($column) = @_;
	return address() if $column eq 'primary_email_address';
	return chance(0.8) ? '' : address() if $column eq 'existing_email_address';
	return chance(0.2) ? '' : 'E' . int(rand(40)) if $column eq 'unique_user_id';
	return chance(0.9) ? '' : 'E' . int(rand(40)) if $column eq 'new_unique_user_id';
	return one_of('yes', 'no', '', 'yes', chance(0.05) ? 'bad' : 'no') if $column =~ /^group:/;
	return one_of('active', 'active', 'inactive', '') if $column =~ /_status$/;
	return one_of('One', 'Two', 'Three', '') if $column eq 'Dept';
	return one_of('yes', 'no', '', 'group:One', 'group:Two') if $column =~ /permission/;
	return one_of('true', '', 'false') if $column eq 'reupload_user_profile';
	return one_of('', 'Clerk', 'Head, Sales', 'So "called"', "\x{dc}ber", 'Boss');
}

sub row { return { map { $_ => cell($_) } @{ $_[0] } } }

sub quoted
{
	my ($cell) = @_;
	return $cell =~ /[,"]/ || chance(0.02) ? '"' . ($cell =~ s/"/""/gr) . '"' : $cell;
}

# The bytes of a file, as a literal of type bytea.
sub file
{
	my ($columns, $rows) = @_;
	my $eol = one_of("\n", "\n", "\n", "\r\n", "\r");
	my $text = join($eol, map { join(',', map { quoted($_) } @$_) }
		  $columns, map { my $r = $_; [ map { $r->{$_} } @$columns ] } @$rows);
	$text .= $eol if chance(0.9);
	my $bytes = chance(0.05) ? encode('UTF-16LE', "\x{feff}$text") : encode('UTF-8', (chance(0.1) ? "\x{feff}" : '') . $text);
	return "'\\x" . unpack('H*', $bytes) . "'";
}

# The next day's rows of a feed.
sub change_rows
{
	my ($columns, $rows) = @_;
	my @rows = map { { %$_ } } @$rows;
	for (1 .. int(rand(4)))
	{
		last unless @rows;
		my $row = one_of(@rows);
		my $column = one_of(@$columns);
		$row->{$column} = cell($column);
	}
	splice(@rows, int(rand(@rows)), 1) if @rows && chance(0.4);
	push @rows, row($columns) if chance(0.5);
	if (@rows > 1 && chance(0.15))
	{
		# two people take one another's address
		my ($a, $b) = (one_of(@rows), one_of(@rows));
		($a->{primary_email_address}, $b->{primary_email_address}) =
		  ($b->{primary_email_address}, $a->{primary_email_address});
	}
	push @rows, { %{ one_of(@rows) } } if @rows && chance(0.15);
	if (@rows && chance(0.15))
	{
		# a person named once more by part of the keys
		my $double = { %{ one_of(@rows) } };
		$double->{ one_of(@$columns) } = '';
		$double->{work_title} = cell('work_title');
		push @rows, $double;
	}
	@rows = sort { rand() <=> 0.5 } @rows if chance(0.4);
	return @rows;
}

# Something that a person does, with @ for the account.
sub edit
{
	my $email = address();
	my $id = int(rand(30)) + 1;
	return one_of(
		"UPDATE @.profiles SET work_title = '" . one_of('Edited', 'Clerk', 'Boss') . "' WHERE profile_id = $id",
		"UPDATE @.profiles SET primary_email_address = '$email' WHERE profile_id = $id",
		"UPDATE @.profiles SET unique_user_id = 'E" . int(rand(40)) . "' WHERE profile_id = $id",
		"UPDATE @.profiles SET attributes = '{\"Room\": \"9\"}' WHERE profile_id % 7 = 0",
		"UPDATE @.profiles SET reupload_user_profile = NOT reupload_user_profile WHERE profile_id = $id",
		"UPDATE @.profiles SET profile_id = profile_id + 1000 WHERE profile_id = $id",
		"DELETE FROM @.profiles WHERE profile_id = $id",
		"INSERT INTO @.profiles (primary_email_address) VALUES ('$email')",
		"DELETE FROM @.memberships WHERE profile_id = $id",
		"INSERT INTO @.memberships SELECT $id, group_id FROM @.groups ON CONFLICT DO NOTHING",
		"UPDATE @.groups SET name = name || 'x' WHERE group_id = " . one_of(1 .. 4),
		"DELETE FROM @.groups WHERE group_id = " . one_of(1 .. 4),
		"TRUNCATE @.memberships",
		"DELETE FROM @.feed_groups WHERE profile_id % 3 = 0",
		"UPDATE @.seats SET status = '" . one_of('activated', 'unassigned', 'invited') . "' WHERE profile_id = $id",
		"DELETE FROM @.seats WHERE profile_id = $id",
		"SELECT orgsync.set_seats('\@', '$small', " . int(rand(12)) . ", force => true)",
		"UPDATE @.licenses SET when_full = '" . one_of('reject', 'waitlist') . "' WHERE header = '$small'",
		"UPDATE @.licenses SET counting = '" . one_of('invited', 'activated') . "' WHERE header = '$small'",
		"UPDATE @.permissions SET scope = 'yes' WHERE profile_id = $id",
		"SELECT orgsync.set_duplicate_rule('\@', 'same_address', '" . one_of('reject', 'warn', 'off') . "')",
		"INSERT INTO @.protected_profiles SELECT $id, primary_email_address, 'why' FROM @.profiles WHERE profile_id = $id ON CONFLICT DO NOTHING",
		"DELETE FROM @.protected_profiles",
		"UPDATE @.settings SET unknown_headers = '" . one_of('ignore', 'attribute') . "'");
}

# Everything in an account that is not orgsync's own business, in a comparable form; ids are given
# in another order where rows are decided in other attempts, so none of them is shown.
my $state = <<'END';
WITH p AS (SELECT profile_id, primary_email_address::text AS who FROM @.profiles)
SELECT t, r FROM (
	SELECT 'profiles' AS t, to_jsonb(x) - 'profile_id' AS r FROM @.profiles AS x
	UNION ALL SELECT 'seats', to_jsonb(x) - 'profile_id' || jsonb_build_object('who', who) FROM @.seats AS x JOIN p USING (profile_id)
	UNION ALL SELECT 'memberships', jsonb_build_array(who, name) FROM @.memberships JOIN @.groups USING (group_id) JOIN p USING (profile_id)
	UNION ALL SELECT 'groups', to_jsonb(name) FROM @.groups
	UNION ALL SELECT 'permissions', to_jsonb(x) - 'profile_id' || jsonb_build_object('who', who) FROM @.permissions AS x JOIN p USING (profile_id)
	UNION ALL SELECT 'feed_groups', jsonb_build_array(feed, column_name, who, name) FROM @.feed_groups JOIN @.groups USING (group_id) JOIN p USING (profile_id)
	UNION ALL SELECT 'feeds', jsonb_build_array(feed,
		(SELECT jsonb_agg(who ORDER BY who COLLATE "C") FROM p WHERE (SELECT range_agg(profile_ids) FROM @.feed_profiles AS b WHERE b.feed = f.feed) @> profile_id),
		(SELECT jsonb_agg(who ORDER BY who COLLATE "C") FROM p WHERE last_import @> profile_id)) FROM @.feeds AS f
	UNION ALL SELECT 'changes', to_jsonb(x) - '{change_id,profile_id}'::text[] || jsonb_build_object('who', who) FROM @.changes AS x LEFT JOIN p USING (profile_id)
	UNION ALL SELECT 'imports', to_jsonb(x) - '{started_at,finished_at,warnings}'::text[] FROM @.imports AS x
	UNION ALL SELECT 'errors', to_jsonb(x) - 'finding_id' FROM @.import_findings AS x WHERE severity <> 'warning'
	UNION ALL SELECT 'usage', to_jsonb(x) FROM @.seat_usage AS x
	UNION ALL SELECT 'diff', to_jsonb(x) - 'profile_id' FROM orgsync.diff('@') AS x
	UNION ALL SELECT 'verify', to_jsonb(x) FROM orgsync.verify_account('@') AS x) AS everything
END

# Nothing that one account has and the other has not; warnings may only be missing.
my $comparison = do
{
	my ($fast, $slow) = map { my $s = $state; $s =~ s/\@(?=\.|')/$_/g; $s } ('fast', 'slow');
	"(SELECT 'fast', * FROM (($fast) EXCEPT ALL ($slow)) AS f) UNION ALL (SELECT 'slow', * FROM (($slow) EXCEPT ALL ($fast)) AS s)"
	  . " UNION ALL (SELECT 'fast', 'warning', to_jsonb(w) FROM (SELECT import_id, line, column_name, code, message FROM fast.import_findings"
	  . " WHERE severity = 'warning' EXCEPT ALL SELECT import_id, line, column_name, code, message FROM slow.import_findings"
	  . " WHERE severity = 'warning') AS w)";
};

my $warnings_saved = 0;

sub run_seed
{
	my ($seed) = @_;
	srand($seed);
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	my @history;
	my (%columns, %rows);

	for (@feeds)
	{
		my @columns = columns($_);
		$columns{$_} = \@columns;
		$rows{$_} = [ map { row(\@columns) } 1 .. 20 ];
	}
	for my $account ('fast', 'slow')
	{
		$session->query("SELECT orgsync.create_account('$account', 'linkedin_learning')");
		$session->query("SELECT orgsync.add_license('$account', '$small', 8, 'invited'), orgsync.add_license('$account', '$open')");
		$session->query("UPDATE $account.settings SET max_remove_percent = 60, threshold_floor = 5");
	}
	for my $step (1 .. $steps)
	{
		my $statement;

		if (chance(0.35))
		{
			$statement = edit();
		}
		else
		{
			my $feed = chance(0.75) ? $feeds[0] : $feeds[1];
			$columns{$feed} = [ columns($feed) ] if chance(0.03);
			for my $row (@{ $rows{$feed} })
			{
				$row->{$_} //= cell($_) for @{ $columns{$feed} };
			}
			$rows{$feed} = [ change_rows($columns{$feed}, $rows{$feed}) ] if chance(0.85);
			my @options = ("feed => '$feed'");
			push @options, "columns => '{\"Dept\": \"group\"}'";
			push @options, "mode => 'full'" if chance(0.25);
			push @options, "on_error => 'stop'" if chance(0.1);
			push @options, "dry_run => true" if chance(0.08);
			push @options, "override => true" if chance(0.3);
			push @options, "groups => '{One,Four}'" if chance(0.05);
			$statement = "SELECT count(*) FROM orgsync.import_csv('\@', " . file($columns{$feed}, $rows{$feed})
			  . '::bytea, ' . join(', ', @options) . ')';
			$statement = "SAVEPOINT s; $statement; ROLLBACK TO s" if chance(0.05);
		}
		push @history, $statement;
		my ($fast, $slow) = map { my $s = $statement; $s =~ s/\@(?=\.|')/$_/g; $s } ('fast', 'slow');
		# an edit that is refused is refused in both
		$session->query("BEGIN; SAVEPOINT e; SET LOCAL orgsync.skip_unchanged_records = on; $fast;");
		$session->query("ROLLBACK TO e") if $session->{stderr} =~ /ERROR/;
		$session->{stderr} = '';
		$session->query("SAVEPOINT e; SET LOCAL orgsync.skip_unchanged_records = off; $slow;");
		$session->query("ROLLBACK TO e") if $session->{stderr} =~ /ERROR/;
		$session->{stderr} = '';
		$session->query("COMMIT");
		my $difference = $session->query($comparison);
		# no difference must not mean that the comparison failed
		$difference .= $session->{stderr};
		if ($difference ne '')
		{
			fail("seed $seed, step $step");
			diag($difference, "\n", $history[-1]);
			return;
		}
	}
	pass("seed $seed: $steps steps");
	$warnings_saved += $session->query(
		"SELECT (SELECT sum(warnings) FROM slow.imports) - (SELECT sum(warnings) FROM fast.imports)");
	$session->quit;
	$node->safe_psql('postgres', 'SET client_min_messages = error; DROP SCHEMA fast, slow CASCADE');
}

run_seed($_) foreach $first_seed .. $first_seed + $runs - 1;
cmp_ok($warnings_saved, '>', 0, 'records were passed over');

# Many records are stored below the triggers, unless the owner has added to the table what a statement heeds.
my $many = 20_000;
my $people = "orgsync.import_csv('%s', (SELECT 'primary_email_address' || chr(10) ||"
	. " string_agg(format('person%%s\@example.com' || chr(10), n), '' ORDER BY n) FROM generate_series(1, $many) AS n))";
$node->safe_psql('postgres', q{
	SELECT orgsync.create_account('plain', 'linkedin_learning'), orgsync.create_account('watched', 'linkedin_learning');
	CREATE TABLE noticed (feed text);
	CREATE FUNCTION notice() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.noticed VALUES (NEW.feed); RETURN NULL; END';
	CREATE TRIGGER notice AFTER INSERT ON watched.feed_records FOR EACH ROW EXECUTE FUNCTION notice()});
foreach my $account ('plain', 'watched')
{
	my $import = sprintf($people, $account);
	is($node->safe_psql('postgres', "SELECT created FROM $import; SELECT unchanged FROM $import; SELECT * FROM orgsync.verify_account('$account')"),
		"$many\n$many", "$account: many records are known when they come again");
}
is($node->safe_psql('postgres', q{SELECT count(*) > 32 FROM plain.feed_records}), 't', 'they are more than one statement writes');
is($node->safe_psql('postgres', q{SELECT count(*) = (SELECT count(*) FROM noticed) FROM watched.feed_records}), 't',
	'a trigger on their table sees each row');

$node->stop;
done_testing();
