
# 050_seats_under_load.pl: eight sessions grant, revoke, abort, go back to
# savepoints, import files and change the number of seats, of a license that is
# nearly full and of one with a waiting list.  In no snapshot are more seats
# taken than there are, the counters are right in each, nothing deadlocks, and
# each refusal agrees with a replay in commit order.  Then sessions ask for
# seats that there are: nobody is refused and nothing fails.
#
# LOAD_SECONDS=60 TESTS=050_seats_under_load make test	runs it for a minute.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{LOAD_SECONDS} || 4;
my $tries = $ENV{LOAD_SECONDS} ? 10000 : 1200;
my $clients = 8;

my $node = start_server('main', conf => 'deadlock_timeout = 100ms');
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION orgsync;
SELECT orgsync.create_account('load', 'talent_insights');
SELECT orgsync.add_license('load', 'A_license_learning_pro_status', 60);
SELECT orgsync.add_license('load', 'B_license_learning_pro_status', 40, when_full => 'waitlist');
INSERT INTO load.profiles (primary_email_address) SELECT 'p' || n || '@example.com' FROM generate_series(1, 160) AS n;
INSERT INTO load.seats SELECT n, l, 'unassigned' FROM generate_series(1, 160) AS n, generate_series(1, 2) AS l;

-- What was committed, in an order that agrees with that of the commits where it matters: the number is
-- drawn while the license is locked.  A refusal has the numbers that were drawn before and after it.
CREATE SCHEMA stress;
CREATE SEQUENCE stress.event;
CREATE TABLE stress.log (
	kind text,			-- commit, refusal, file
	license_id int,
	first bigint,		-- of a refusal: the numbers around it
	last bigint,
	delta bigint,		-- commit: seats taken more; refusal: by the transaction until then
	wanted bigint,		-- refusal: by the statement, at most
	seats bigint,		-- commit: the new number; refusal: what the error said
	taken bigint		-- refusal: what the error said
);

CREATE FUNCTION stress.try_statement(client int, license int, INOUT delta bigint) LANGUAGE plpgsql AS $$
DECLARE
	first bigint := nextval('stress.event');
	choice float := random();
	amount int := CASE WHEN random() < 0.8 THEN 1 ELSE 1 + floor(random() * 4) END;
	given bigint;
	detail text;
	numbers text[];
	-- chosen beforehand: a join with a choice at random may choose more than once.  A file may have been quicker.
	chosen bigint[] := ARRAY(SELECT profile_id FROM load.seats
		WHERE license_id = license AND profile_id % 8 = client AND status = 'unassigned' ORDER BY random() LIMIT amount);
	wanted bigint := cardinality(chosen);
BEGIN
	IF choice < 0.55 THEN
		UPDATE load.seats SET status = 'invited' WHERE license_id = license AND profile_id = ANY (chosen) AND status = 'unassigned';
		GET DIAGNOSTICS given = ROW_COUNT;
	ELSIF choice < 0.6 THEN
		WITH gone AS (DELETE FROM load.seats WHERE license_id = license AND profile_id % 8 = client AND status = 'unassigned'
			RETURNING profile_id)
		SELECT 0 INTO given FROM gone;
		INSERT INTO load.seats SELECT profile_id, license, 'unassigned' FROM load.profiles WHERE profile_id % 8 = client
		ON CONFLICT DO NOTHING;
		given := 0;
	ELSIF choice < 0.9 THEN
		UPDATE load.seats SET status = 'unassigned' WHERE license_id = license AND status <> 'unassigned' AND profile_id IN (SELECT profile_id FROM load.seats
			WHERE license_id = license AND profile_id % 8 = client AND status IN ('invited', 'activated') ORDER BY random() LIMIT amount);
		GET DIAGNOSTICS given = ROW_COUNT;
		given := -given;
	ELSE
		-- one is activated, which takes no further seat
		UPDATE load.seats SET status = 'activated' WHERE license_id = license AND status = 'invited' AND profile_id IN (SELECT profile_id FROM load.seats
			WHERE license_id = license AND profile_id % 8 = client AND status = 'invited' LIMIT 1);
		given := 0;
	END IF;
	IF random() < 0.2 THEN
		RAISE SQLSTATE 'UNDO0';
	END IF;
	delta := delta + coalesce(given, 0);
EXCEPTION
	WHEN SQLSTATE 'UNDO0' THEN
		NULL;
	WHEN check_violation THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		numbers := regexp_match(detail, 'has (\d+) seats?; with this statement, (\d+) would be taken');
		INSERT INTO stress.log VALUES ('refusal', license, first, nextval('stress.event'), delta, wanted, numbers[1]::bigint, numbers[2]::bigint);
END $$;

-- A transaction of several statements, licenses in order.
CREATE FUNCTION stress.write(client int, just_ask boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	delta bigint;
BEGIN
	FOR license IN 1..2 LOOP
		CONTINUE WHEN random() < 0.4;
		delta := 0;
		FOR n IN 1..1 + floor(random() * 4) LOOP
			delta := stress.try_statement(client, license, delta);
		END LOOP;
		INSERT INTO stress.log (kind, license_id, last, delta) VALUES ('commit', license, nextval('stress.event'), delta);
	END LOOP;
END $$;

-- Another number of seats, near to what is taken; it is the transaction's first statement on the license.
CREATE FUNCTION stress.set_seats() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	wanted bigint := (SELECT total - available + floor(random() * 4) FROM load.seat_usage WHERE header = 'A_license_learning_pro_status');
BEGIN
	PERFORM orgsync.set_seats('load', 'A_license_learning_pro_status', wanted::int);
	INSERT INTO stress.log (kind, license_id, last, delta, seats) VALUES ('commit', 1, nextval('stress.event'), 0, wanted);
	PERFORM orgsync.set_seats('load', 'B_license_learning_pro_status', (30 + random() * 20)::int);
EXCEPTION WHEN check_violation THEN
	NULL;
END $$;

CREATE FUNCTION stress.import() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	result record;
BEGIN
	SELECT * INTO STRICT result FROM orgsync.import_csv('load', (
		SELECT E'primary_email_address,A_license_learning_pro_status\n' || string_agg(primary_email_address || ',' ||
			CASE WHEN random() < 0.5 THEN 'active' ELSE 'inactive' END, E'\n')
		FROM (SELECT * FROM load.profiles ORDER BY random() LIMIT 12) AS p));
	INSERT INTO stress.log (kind, license_id, last, delta, wanted) VALUES ('file', 1, nextval('stress.event'),
		result.seats_granted - result.seats_revoked, result.rejected);
	IF result.state <> 'applied' THEN
		RAISE EXCEPTION 'import %: %', result.state, result.import_id;
	END IF;
END $$;

-- What must hold in each snapshot.
CREATE FUNCTION stress.faults() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('license %s: %s of %s seats are taken', license_id, taken, l.seats) FROM load.licenses l JOIN (
		SELECT license_id, count(*) AS taken FROM load.seats WHERE status IN ('invited', 'activated') GROUP BY license_id) AS s
		USING (license_id) WHERE taken > l.seats
	UNION ALL
	SELECT format('%s waiting, %s free', waitlisted, available) FROM load.seat_usage WHERE waitlisted > 0 AND available > 0
	UNION ALL
	SELECT v::text FROM orgsync.verify_account('load') AS v $$;
SQL

sub script { my ($name, $text) = @_; return write_file($node->basedir . "/$name.sql", $text); }

# Runs eight clients, and someone who looks at the account as long as they run.
sub run_load
{
	my ($length, @scripts) = @_;
	my ($out, $err, $looks, $faults) = ('', '', 0, '');
	my $load = IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 2, '--max-tries=3', '--failures-detailed',
			@$length, map({ ('-f', $_) } @scripts), '-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \$out, '2>', \$err);
	while ($load->pumpable)
	{
		$faults .= $node->safe_psql('postgres', 'SELECT * FROM stress.faults()');
		$looks++;
		$load->pump_nb;
	}
	$load->finish;
	is($faults, '', 'nothing is wrong in any snapshot');
	note "$looks looks\n$out\n" . substr($err, 0, 4000);
	is($load->result(0), 0, 'no client was stopped');
	return $out;
}

my $random = '\set isolation random(1, 10)';
my $begin = "$random\n\\if :isolation < 9\nBEGIN;\n\\else\nBEGIN ISOLATION LEVEL REPEATABLE READ;\n\\endif\n";
my $end = "\\set outcome random(1, 5)\n\\if :outcome = 1\nROLLBACK;\n\\else\nCOMMIT;\n\\endif\n";
my $output = run_load([ '-T', $seconds ],
	script('write', "$begin SELECT stress.write(:client_id, false);\n$end") . '@8',
	script('seats', "BEGIN;\nSELECT stress.set_seats();\n$end") . '@1',
	script('import', "BEGIN;\nSELECT stress.import();\n$end") . '@1');
like($output, qr/number of deadlock failures: 0 /, 'nothing deadlocks');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'nor does the server say so');
is($node->safe_psql('postgres', 'SELECT * FROM stress.faults()'), '', 'nothing is wrong at the end');

# The replay: what was taken, and how many seats there were, after each commit.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE stress.history AS
SELECT license_id, last AS number, sum(delta) OVER history AS taken, wanted AS rejected,
	(SELECT seats FROM stress.log AS l WHERE l.license_id = log.license_id AND l.kind = 'commit' AND l.seats IS NOT NULL
		AND l.last <= log.last ORDER BY l.last DESC LIMIT 1) AS seats
FROM stress.log WHERE kind <> 'refusal'
WINDOW history AS (PARTITION BY license_id ORDER BY last);
INSERT INTO stress.history VALUES (1, 0, 0, NULL, NULL), (2, 0, 0, NULL, NULL);
UPDATE stress.history SET seats = 60 WHERE license_id = 1 AND seats IS NULL;
SQL
is( $node->safe_psql('postgres', q{SELECT (SELECT taken FROM stress.history WHERE license_id = 1 ORDER BY number DESC LIMIT 1)
		- (SELECT count(*) FROM load.seats WHERE license_id = 1 AND status IN ('invited', 'activated'))}),
	'0', 'the log has all that was done');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM stress.log WHERE kind = 'refusal'}), '>', 0, 'some were refused');
is( $node->safe_psql('postgres', q{
		SELECT r FROM stress.log AS r WHERE kind = 'refusal' AND (taken <= seats OR NOT EXISTS (
			SELECT FROM stress.history AS h WHERE h.license_id = r.license_id
			AND r.taken - h.taken - r.delta BETWEEN 1 AND r.wanted AND h.seats = r.seats
			AND h.number <= r.last AND h.number >= (SELECT max(number) FROM stress.history AS b
				WHERE b.license_id = r.license_id AND b.number <= r.first)))
		LIMIT 5}),
	'', 'each refusal agrees with the replay');
is( $node->safe_psql('postgres', q{SELECT h FROM stress.history AS h WHERE license_id = 1 AND taken > seats LIMIT 5}),
	'', 'so do the numbers of seats taken');
is( $node->safe_psql('postgres', q{SELECT h FROM stress.history AS h WHERE rejected > 0 AND taken <> seats LIMIT 5}),
	'', 'and the rows of files that were rejected');
note $node->safe_psql('postgres', q{SELECT kind, license_id, count(*) FROM stress.log GROUP BY 1, 2 ORDER BY 1, 2});

# As many seats as there are people: there is always one for who asks.
$node->safe_psql('postgres', q{SELECT orgsync.set_seats('load', header::orgsync.license_header, 160) FROM load.licenses;
	TRUNCATE stress.log});
foreach my $level ('READ COMMITTED', 'REPEATABLE READ')
{
	my $name = lc($level =~ s/ /_/r);
	$output = run_load([ '-t', $tries / 2 / $clients ],
		script($name, "BEGIN ISOLATION LEVEL $level;\nSELECT stress.write(:client_id, true);\n$end"));
	like($output, qr/number of failed transactions: 0 /, "$level: nothing fails");
	unlike($output, qr/number of transactions retried: [1-9]/, "$level: and nothing was tried again");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM stress.log WHERE kind = 'refusal'}), '0', 'nobody is refused');
is($node->safe_psql('postgres', 'SELECT * FROM stress.faults()'), '', 'nothing is wrong at the end');

$node->stop;
done_testing();
