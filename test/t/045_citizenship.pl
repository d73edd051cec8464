
# 045_citizenship.pl: orgsync in servers of all kinds: isolation levels, encodings,
# collations, old string syntax, two-phase commit, event triggers, replication of both
# kinds, and DROP EXTENSION.

use strict;
use warnings;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('primary', allows_streaming => 'logical', conf => 'max_prepared_transactions = 5');
my $license = 'Default_license_learning_pro_status';

# The whole job in a database, under some settings.
my $job = qq{
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	SELECT orgsync.add_license('acme', '$license', 3, 'invited');
	SELECT state, created, seats_granted FROM orgsync.import_csv('acme',
		'primary_email_address,preferred_first_name,$license,group:HR' || chr(10) || 'a\@example.com,Ann,active,yes' || chr(10)
		|| 'b\@example.com,Bob,active,no' || chr(10) || 'c\@example.com,Carl,active,' || chr(10));
	SELECT header, available, invited, waitlisted FROM acme.seat_usage;
	SELECT count(*) FROM orgsync.export_csv('acme');
	SELECT orgsync.confirm_export('acme', 1);
	SELECT orgsync.revoke_seat('acme', 'a\@example.com', '$license');
	UPDATE acme.profiles SET preferred_first_name = 'Annie' WHERE primary_email_address = 'a\@example.com';
	SELECT primary_email_address, action FROM orgsync.diff('acme') ORDER BY 1, 2;
	SELECT * FROM orgsync.verify_account('acme');
};
my $done = "acme\n1\napplied|3|3\n$license|0|3|0\n1\n\n\na\@example.com|revoke\na\@example.com|update";

sub does_job
{
	my ($name, $create, $settings) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name $create");
	is($node->safe_psql($name, "CREATE EXTENSION orgsync; $settings $job"), $done, "the job is done: $name");
	return;
}
does_job('plain', '', '');
does_job('serializable', '', 'SET default_transaction_isolation = serializable;');
does_job('repeatable_read', '', q{SET default_transaction_isolation = 'repeatable read';});
# which PostgreSQL 19 has no more
does_job('old_strings', '', 'SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = off;')
	if $node->pg_version->major < 19;
does_job('odd_settings', '', q{SET intervalstyle = sql_standard; SET datestyle = 'SQL, DMY'; SET bytea_output = escape; SET timezone = 'Asia/Kathmandu';
	SET extra_float_digits = -15; SET enable_seqscan = off; SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET lc_messages = 'C'; SET transform_null_equals = on; SET xmlbinary = hex; SET array_nulls = off;});
does_job('parallel', '', 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0;
	SET ' . ($node->pg_version->major < 16 ? 'force_parallel_mode' : 'debug_parallel_query') . ' = on;');
does_job('jit', '', 'SET jit = on; SET jit_above_cost = 0; SET jit_inline_above_cost = 0; SET jit_optimize_above_cost = 0;');
does_job('latin1', "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'", '');
does_job('euc_jp', "TEMPLATE template0 ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C'", '');
does_job('sql_ascii', "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'", '');
does_job('posix', "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'", '');
does_job('icu', "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C.UTF-8'", '');

# Names fold alike in every encoding that has their letters, and so do the keys that stand in indexes.
my $names = q{
	SET client_encoding = 'UTF8';
	SELECT orgsync.person_key('jose@example.com', 'José', 'Müller'), orgsync.person_key('jose@example.com', 'MULLER', 'JOSE'),
		orgsync.address_key('J.Müller+x@example.com') = orgsync.address_key('jmüller@example.com'),
		orgsync.is_unnamed('é', 'ü'), orgsync.is_unnamed('é', '');
	INSERT INTO acme.profiles (primary_email_address, preferred_first_name, preferred_last_name)
		VALUES ('jose.mueller@example.com', 'José', 'Müller');
	SELECT primary_email_address, rule FROM orgsync.find_similar('acme', 'jose.muller@example.com', 'MÜLLER', 'jose');
	SELECT * FROM orgsync.verify_account('acme');
	DELETE FROM acme.profiles WHERE primary_email_address = 'jose.mueller@example.com'};
my $expected = $node->safe_psql('plain', $names);
like($expected, qr/^(-?[0-9]+)\|\1\|t\|f\|t\njose\.mueller\@example\.com\|typo$/, 'names without case, accents and order');
is($node->safe_psql($_, $names), $expected, "the same: $_") foreach ('latin1', 'euc_jp');
my $kana = q{SET client_encoding = 'UTF8';
	SELECT orgsync.person_key('ta@example.com', 'ﾔﾏﾀﾞ', '太郎'), orgsync.person_key('ta@example.com', '太　郎', 'ヤマダ')};
like($node->safe_psql('plain', $kana), qr/^(-?[0-9]+)\|\1$/, 'names in kana of half and of full width');
is($node->safe_psql('euc_jp', $kana), $node->safe_psql('plain', $kana), 'the same: euc_jp');

# What Unicode does not have is a name all the same.
is( $node->safe_psql('euc_jp', q{
		INSERT INTO acme.profiles (primary_email_address, preferred_first_name, preferred_last_name)
			VALUES ('taro.yamada@example.com', convert_from('\xa9a1c2c0cfba', 'EUC_JP'), 'Yamada');
		SELECT primary_email_address, rule FROM orgsync.find_similar('acme', 'taro.yamda@example.com', 'YAMADA',
			convert_from('\xa9a120c2c0cfba', 'EUC_JP'));
		SELECT count(*) FROM orgsync.find_similar('acme', 'taro.yamda@example.com', 'Yamada', convert_from('\xa9a2c2c0cfba', 'EUC_JP'));
		DELETE FROM acme.profiles WHERE primary_email_address = 'taro.yamada@example.com'}),
	"taro.yamada\@example.com|typo\n0", 'a name with a character that Unicode does not have');

# Parallel safe is only what touches no table, and no session either.
is( $node->safe_psql('plain', q{SELECT proname FROM pg_proc WHERE pronamespace = 'orgsync'::regnamespace
		AND proparallel = 's' AND (provolatile = 'v' OR 'regnamespace'::regtype = ANY (proargtypes))}),
	'', 'nothing that reads accounts is marked parallel safe');

# Two-phase commit: everything holds until the other session decides.
is( $node->safe_psql('plain', q{
		BEGIN;
		SELECT state, created FROM orgsync.import_csv('acme', E'primary_email_address\ntwo@example.com\n');
		SELECT count(*) FROM orgsync.export_csv('acme', override => true);
		PREPARE TRANSACTION 'import';
		SELECT count(*) FROM acme.profiles;
		COMMIT PREPARED 'import';
		SELECT count(*) FROM acme.profiles;
		BEGIN;
		SELECT orgsync.grant_seat('acme', 'two@example.com', 'Default_license_learning_pro_status');
		DELETE FROM acme.profiles WHERE primary_email_address = 'b@example.com';
		PREPARE TRANSACTION 'seats';
		ROLLBACK PREPARED 'seats';
		SELECT * FROM orgsync.verify_account('acme');
		SELECT orgsync.confirm_export('acme', (SELECT max(export_id) FROM acme.exports));
		SELECT count(*) FROM orgsync.diff('acme')}),
	"applied|1\n3\n3\n4\ninvited\n\n0", 'prepared transactions');

# Event triggers see what is made and dropped, and may refuse it.
is( $node->safe_psql('odd_settings', q{
		CREATE TABLE seen (tag text);
		CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (tg_tag); END $$;
		CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE schema_name = 'acme' AND object_name = 'profiles') THEN RAISE 'not profiles'; END IF; END $$;
		CREATE EVENT TRIGGER look ON ddl_command_end EXECUTE FUNCTION look();
		SELECT orgsync.create_account('other', 'workleap');
		SELECT count(*) > 20 FROM seen;
		SELECT orgsync.drop_account('other');
		CREATE EVENT TRIGGER refuse ON sql_drop EXECUTE FUNCTION refuse();}),
	"other\nt\n", 'event triggers see accounts being made');
my ($status, $output, $errors) = $node->psql('odd_settings', q{SELECT orgsync.drop_account('acme')});
like($errors, qr/not profiles/, 'and may refuse that one is dropped');
is($node->safe_psql('odd_settings', q{SELECT * FROM orgsync.verify_account('acme')}), '', 'which then is as it was');

# The extension stays while accounts use it.
($status, $output, $errors) = $node->psql('plain', 'DROP EXTENSION orgsync');
like($errors, qr/cannot drop extension orgsync because other objects depend on it/, 'DROP EXTENSION is refused');
is( $node->safe_psql('plain', q{BEGIN; DROP EXTENSION orgsync CASCADE; SELECT count(*) FROM acme.profiles; SELECT attname FROM pg_attribute
		WHERE attrelid = 'acme.profiles'::regclass AND attname ~ '(address|unique)' AND NOT attisdropped; ROLLBACK; SELECT count(*) FROM acme.profiles}),
	"4\nunique_user_id\n4", 'CASCADE takes the columns of its types, their triggers and views, and leaves the tables');

# A physical standby reads; who writes there is told so.
my $standby = start_standby($node);
$node->safe_psql('plain', q{UPDATE acme.profiles SET preferred_first_name = 'Later' WHERE primary_email_address = 'c@example.com'});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
foreach (q{SELECT * FROM acme.seat_usage}, q{SELECT * FROM orgsync.diff('acme')}, q{SELECT * FROM acme.users}, q{SELECT * FROM orgsync.accounts}, q{SELECT * FROM orgsync.status},
	q{SELECT * FROM orgsync.verify_account('acme')})
{
	is($standby->safe_psql('plain', $_), $node->safe_psql('plain', $_), "on a standby: $_");
}
like($standby->safe_psql('plain', q{SELECT * FROM orgsync.diff('acme')}), qr/Later/, 'and it is up to date');
foreach (q{SELECT * FROM orgsync.import_csv('acme', E'primary_email_address\nx@example.com\n')}, q{SELECT * FROM orgsync.export_csv('acme')},
	q{SELECT orgsync.create_account('b', 'workleap')}, q{INSERT INTO acme.groups (name) VALUES ('x')})
{
	($status, $output, $errors) = $standby->psql('plain', $_);
	like($errors, qr/read-only transaction|during recovery/, "on a standby is refused: $_");
}

# Promoted, it goes on where the primary was, as that would have.
$standby->promote;
my $on = qq{SELECT state, created, updated FROM orgsync.import_csv('acme',
		'primary_email_address,preferred_first_name,$license' || chr(10) || 'c\@example.com,Carla,active' || chr(10) || 'on\@example.com,On,' || chr(10));
	SELECT kind, row_count, csv FROM orgsync.export_csv('acme', override => true);
	SELECT orgsync.confirm_export('acme', (SELECT max(export_id) FROM acme.exports));
	SELECT count(*) FROM orgsync.diff('acme');
	SELECT * FROM orgsync.verify_account('acme')};
my $went_on = $standby->safe_psql('plain', $on);
like($went_on, qr/^applied\|1\|1\n.*Carla.*\n0$/s, 'a standby that was promoted goes on');
is($node->safe_psql('plain', "BEGIN; $on; ROLLBACK"), $went_on, 'as the primary would have');
$standby->stop;

# A subscriber of an account's tables is a copy to read.
my $subscriber = start_subscriber($node, 'plain');
$node->safe_psql('plain', qq{
	SELECT orgsync.import_csv('acme', E'primary_email_address,preferred_first_name,$license\\nb\@example.com,Robert,inactive\\nnew\@example.com,New,active\\n');
	DELETE FROM acme.profiles WHERE primary_email_address = 'two\@example.com';
	SELECT count(*) FROM orgsync.export_csv('acme', override => true);});
$node->wait_for_catchup('copy');
foreach (q{SELECT * FROM acme.seat_usage}, q{SELECT * FROM acme.users ORDER BY 1}, q{SELECT * FROM orgsync.diff('acme')}, q{SELECT * FROM acme.export_files},
	q{SELECT * FROM acme.import_findings}, q{SELECT count(*) FROM acme.changes}, q{SELECT * FROM orgsync.verify_account('acme')})
{
	is($subscriber->safe_psql('postgres', $_), $node->safe_psql('plain', $_), "on a subscriber: $_");
}
$subscriber->stop;
$node->stop;
done_testing();
