
# 051_prepared_seats.pl: seats in transactions that are prepared for two-phase
# commit: who asks for a seat waits for them, also after a crash, and they count
# when they are committed and not before.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('main', conf => 'max_prepared_transactions = 5');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION orgsync;
SELECT orgsync.create_account('two', 'talent_insights');
SELECT orgsync.add_license('two', 'A_license_learning_pro_status', 2);
SELECT orgsync.add_license('two', 'B_license_learning_pro_status', 1, when_full => 'waitlist', transfers_per_year => 5);
SELECT orgsync.add_license('two', 'C_license_learning_pro_status', 1000);
INSERT INTO two.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 9) AS n;
SQL

# The constraint or the code that refuses a statement, or nothing.
sub refused_by
{
	my ($statement) = @_;
	my ($status, $stdout, $stderr) = $node->psql('postgres', "SET lock_timeout = '300ms'; $statement",
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return '' if $status == 0;
	return $1 if $stderr =~ /CONSTRAINT NAME:  (\w+)/;
	return $stderr =~ /ERROR:  (\w{5})/ ? $1 : $stderr;
}

# The seats of a license as they are, and whether the counters agree.
sub seats
{
	my ($license) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT string_agg(profile_id || ' ' || status, ', ' ORDER BY profile_id) FROM two.seats WHERE license_id = $license
		UNION ALL SELECT v::text FROM orgsync.verify_account('two') AS v});
}

$node->safe_psql('postgres', <<'SQL');
BEGIN;
INSERT INTO two.seats VALUES (1, 1, 'invited');
SAVEPOINT s;
INSERT INTO two.seats VALUES (2, 1, 'invited');
ROLLBACK TO s;
INSERT INTO two.seats VALUES (1, 3, 'invited');
PREPARE TRANSACTION 'grant';
SQL
is(seats(1), '', 'nobody sees the seat');
is(refused_by(q{INSERT INTO two.seats VALUES (3, 1, 'invited'), (4, 1, 'invited')}), '55P03', 'who may not get one waits');
is(refused_by(q{INSERT INTO two.seats VALUES (3, 3, 'invited')}), '', 'while seats are plenty nobody does');
crash($node);
is(refused_by(q{INSERT INTO two.seats VALUES (3, 1, 'invited'), (4, 1, 'invited')}), '55P03', 'after a crash, too');
$node->safe_psql('postgres', q{COMMIT PREPARED 'grant'});
is(seats(1), '1 invited', 'it is there when it is committed');
is(refused_by(q{INSERT INTO two.seats VALUES (3, 1, 'invited'), (4, 1, 'invited')}), 'license_cap', 'two are too many');
is(refused_by(q{INSERT INTO two.seats VALUES (3, 1, 'invited')}), '', 'one is not');
is(seats(1), '1 invited, 3 invited', 'the license is full');

# given back, and not given back after all
$node->safe_psql('postgres', q{BEGIN; DELETE FROM two.seats WHERE license_id = 1; PREPARE TRANSACTION 'revoke'});
is(refused_by(q{INSERT INTO two.seats VALUES (5, 1, 'invited')}), '55P03', 'what may be given back is waited for');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'revoke'});
is(refused_by(q{INSERT INTO two.seats VALUES (5, 1, 'invited')}), 'license_cap', 'it was not given back');
is(seats(1), '1 invited, 3 invited', 'all is as before');

# the waiting list, transfers
$node->safe_psql('postgres', <<'SQL');
INSERT INTO two.seats SELECT n, 2, 'invited' FROM generate_series(1, 3) AS n;
BEGIN;
DELETE FROM two.seats WHERE license_id = 2 AND profile_id = 1;
PREPARE TRANSACTION 'promote';
SQL
is(seats(2), '1 invited, 2 waitlisted, 3 waitlisted', 'nobody was invited yet');
$node->safe_psql('postgres', q{COMMIT PREPARED 'promote'});
is(seats(2), '2 invited, 3 waitlisted', 'the first who waited is invited');
is($node->safe_psql('postgres', q{SELECT transfers FROM two.seat_usage WHERE transfers IS NOT NULL}), '1',
	'it was a transfer');

# an import
$node->safe_psql('postgres', <<'SQL');
BEGIN;
SELECT state FROM orgsync.import_csv('two', E'primary_email_address,A_license_learning_pro_status\np9@example.com,active\np1@example.com,inactive\n');
PREPARE TRANSACTION 'import';
SQL
is(refused_by(q{INSERT INTO two.seats VALUES (6, 1, 'invited')}), '55P03', 'an import is waited for');
$node->safe_psql('postgres', q{COMMIT PREPARED 'import'});
is(seats(1), '1 unassigned, 3 invited, 9 invited', 'then it is there');

$node->stop;
done_testing();
