
# 044_attacks.pl: hostile callers, owners, names and files.  Whatever they try, nobody
# runs as somebody else, reads or writes another's account, or crashes the server.

use strict;
use warnings;
use utf8;

use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_server('attacks');
my $license = 'Default_license_learning_pro_status';
$node->safe_psql('postgres', qq{
	CREATE EXTENSION orgsync;
	CREATE ROLE ann; CREATE ROLE eve; CREATE ROLE reader; CREATE ROLE nobody;
	GRANT CREATE ON DATABASE postgres TO ann, eve;
	GRANT CREATE ON SCHEMA public TO eve;
	SET ROLE ann;
	SELECT orgsync.create_account('acme', 'linkedin_learning');
	SELECT orgsync.add_license('acme', '$license', 10, 'invited');
	SELECT orgsync.import_csv('acme', E'primary_email_address,preferred_first_name,$license,group:HR\\nann\@example.com,Ann,active,yes\\n');
	GRANT USAGE ON SCHEMA acme TO reader;
	GRANT SELECT ON acme.seat_usage, acme.users, acme.license_holders TO reader;
	RESET ROLE;
	SET ROLE eve;
	SELECT orgsync.create_account('eve', 'linkedin_learning');
});

my $contents = q{SELECT md5(string_agg(x, '' ORDER BY x)) FROM (SELECT p::text FROM acme.profiles AS p
	UNION ALL SELECT s::text FROM acme.seats AS s UNION ALL SELECT i::text FROM acme.imports AS i
	UNION ALL SELECT l::text FROM acme.licenses AS l UNION ALL SELECT s::text FROM acme.settings AS s
	UNION ALL SELECT e::text FROM acme.exports AS e) AS all_rows (x)};
my $before = $node->safe_psql('postgres', $contents);

sub fails
{
	my ($sql, $pattern, $name) = @_;
	my ($status, $output, $errors) = $node->psql('postgres', $sql);
	ok($status != 0, "$name: refused");
	like($errors, $pattern, "$name: says why");
	return;
}

# Every function of orgsync's on an account of somebody else's.
my @calls = split /\n/, $node->safe_psql(
	'postgres', q{
	SELECT format('SELECT * FROM orgsync.%I(%s)', proname, string_agg(
		CASE format_type(t, NULL)
			WHEN 'regnamespace' THEN quote_literal('acme')
			WHEN 'bytea' THEN 'convert_to(' || csv || ', ''UTF8'')'
			WHEN 'text' THEN CASE arguments[n] WHEN 'csv' THEN csv WHEN 'rule' THEN '''same_address''' ELSE quote_literal('x') END
			WHEN 'orgsync.rule_action' THEN quote_literal('warn') WHEN 'orgsync.seat_counting' THEN quote_literal('invited') WHEN 'orgsync.when_full' THEN quote_literal('reject')
			WHEN 'boolean' THEN 'false' WHEN 'integer' THEN '1' WHEN 'bigint' THEN '1' WHEN 'oid' THEN '1'
			WHEN 'interval' THEN quote_literal('1 day') WHEN 'timestamp with time zone' THEN 'now()' WHEN 'text[]' THEN quote_literal('{}')
			WHEN 'regclass' THEN quote_literal('acme.profiles') WHEN 'orgsync.license_header' THEN quote_literal('Default_license_learning_pro_status')
			WHEN 'orgsync.email_address' THEN quote_literal('ann@example.com') ELSE 'NULL' END, ', ' ORDER BY n))
	FROM (SELECT oid, proname, proargnames AS arguments, proargtypes, pronargs FROM pg_proc
		WHERE pronamespace = 'orgsync'::regnamespace AND 'regnamespace'::regtype = ANY (proargtypes)) AS p,
		LATERAL unnest(proargtypes) WITH ORDINALITY AS a (t, n),
		LATERAL (SELECT '''primary_email_address,work_title'' || chr(10) || ''x@example.com,x''') AS c (csv)
	GROUP BY p.oid, proname ORDER BY proname});
cmp_ok(scalar @calls, '>', 20, 'there are functions to call');
foreach my $role ('eve', 'reader', 'nobody')
{
	foreach my $call (@calls)
	{
		my ($name) = $call =~ /orgsync\.(\w+)/;
		my ($status, $output, $errors) = $node->psql('postgres', "SET ROLE $role; $call");
		ok($status != 0 && $errors =~ /permission denied|must be owner|does not exist|may not|invalid input|no privilege|invalid/,
			"$name by $role is refused") or diag("$call: $output$errors");
	}
}
is($node->safe_psql('postgres', $contents), $before, 'and nothing has changed');
is($node->safe_psql('postgres', 'SET ROLE eve; SELECT account FROM orgsync.accounts'), 'eve', 'each sees the own accounts');
is($node->safe_psql('postgres', 'SET ROLE reader; SELECT total, invited FROM acme.seat_usage; SELECT count(*) FROM acme.users; SELECT count(*) FROM acme.license_holders'),
	"10|1\n1\n1", 'who may read views reads them');
fails('SET ROLE reader; SELECT * FROM acme.profiles', qr/permission denied/, 'but no tables');
fails(q{SET ROLE ann; SELECT * FROM orgsync.import_file('acme', '/etc/passwd')}, qr/pg_read_server_files|permission denied/, 'a file on the server');

# Nothing runs as somebody else.
is( $node->safe_psql('postgres', q{SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'orgsync'::regnamespace
	AND NOT coalesce(proconfig::text LIKE '%search_path%', false)}),
	'', 'no function is SECURITY DEFINER without a search_path');

# NULL for every argument of every function, and for all at once: an error or an
# answer, never a crash.
my $nulls = $node->safe_psql(
	'postgres', q{
	SELECT format('SELECT * FROM orgsync.%I(%s)', p.proname, (SELECT string_agg(CASE WHEN n = victim OR victim = 0 THEN format('NULL::%s', format_type(t, NULL))
			WHEN format_type(t, NULL) = 'regnamespace' THEN '''acme''' WHEN format_type(t, NULL) IN ('bytea', 'text') THEN '''primary_email_address'''
			WHEN format_type(t, NULL) = 'orgsync.product' THEN '''workleap''' ELSE format('NULL::%s', format_type(t, NULL)) END, ', ' ORDER BY n)
		FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n))) || ';'
	FROM pg_proc AS p, generate_series(0, p.pronargs) AS victim
	WHERE p.pronamespace = 'orgsync'::regnamespace AND p.prokind = 'f' AND p.pronargs > 0
		AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) AS t WHERE t IN ('internal'::regtype, 'cstring'::regtype))
	ORDER BY 1});
my ($status, $output, $errors) = $node->psql('postgres', "BEGIN;\n" . join('', map { "SAVEPOINT s; $_\nROLLBACK TO s;\n" } split /\n/, $nulls) . 'ROLLBACK;',
	on_error_stop => 0);
cmp_ok(($nulls =~ tr/\n//), '>', 100, 'there are calls with NULL');
unlike($errors, qr/server closed|cache lookup|unexpected|could not|XX000/, 'and none ends in an internal error');

# Values of the wrong kind, and at the ends of what there is, for one argument after the other; the others are sound.
my $odd_values = $node->safe_psql(
	'postgres', q{
	WITH arguments AS (
		SELECT p.oid, proname, n, format_type(t, NULL) AS type, CASE format_type(t, NULL)
			WHEN 'regnamespace' THEN '''acme''' WHEN 'bytea' THEN '''primary_email_address,work_title'''
			WHEN 'text' THEN CASE proargnames[n] WHEN 'csv' THEN '''primary_email_address,work_title''' WHEN 'feed' THEN '''default''' ELSE '''x''' END
			WHEN 'orgsync.product' THEN '''workleap''' WHEN 'regclass' THEN '''acme.profiles''' WHEN 'boolean' THEN 'true'
			WHEN 'integer' THEN '1' WHEN 'bigint' THEN '1' WHEN 'oid' THEN '1' WHEN 'text[]' THEN '''{}''' WHEN 'interval' THEN '''1 day'''
			WHEN 'timestamp with time zone' THEN 'now()' WHEN 'orgsync.license_header' THEN '''Default_license_learning_pro_status'''
			WHEN 'orgsync.email_address' THEN '''ann@example.com''' WHEN 'orgsync.rule_action' THEN '''warn'''
			WHEN 'orgsync.seat_counting' THEN '''invited''' WHEN 'orgsync.when_full' THEN '''reject''' ELSE 'NULL' END AS sound
		FROM pg_proc AS p, unnest(proargtypes) WITH ORDINALITY AS a (t, n)
		WHERE pronamespace = 'orgsync'::regnamespace AND prokind = 'f'
			AND NOT EXISTS (SELECT FROM unnest(proargtypes) AS u WHERE u IN ('internal'::regtype, 'cstring'::regtype)))
	SELECT format('SELECT * FROM orgsync.%I(%s);', v.proname, (SELECT string_agg('(' || CASE WHEN a.n = v.n THEN odd ELSE sound END || ')::' || type, ', ' ORDER BY a.n)
		FROM arguments AS a WHERE a.oid = v.oid))
	FROM arguments AS v, unnest(CASE
		WHEN type IN ('integer', 'bigint', 'smallint') THEN ARRAY['0', '-1', '2147483647', '''-2147483648''', '''x''']
		WHEN type = 'oid' THEN ARRAY['0', '4294967295']
		WHEN type LIKE 'timestamp%' THEN ARRAY['''infinity''', '''-infinity''', '''4714-11-24 BC''']
		WHEN type = 'interval' THEN ARRAY['''178000000 years''', '''-178000000 years''', '''0''']
		WHEN type = 'text[]' THEN ARRAY['''{NULL}''', '''{{a,b},{c,d}}''', '''[5:6]={"",""}''']
		WHEN type = 'jsonb' THEN ARRAY['''[]''', '''null''', '''"x"''', '''{"": {"": []}}''', '''{"primary_email_address": null}''']
		WHEN type = 'regclass' THEN ARRAY['''pg_class''', '''acme.profiles_pkey''', '''acme.users''', '0', '4294967295']
		WHEN type = 'regnamespace' THEN ARRAY['''pg_catalog''', '''orgsync''', '0', '4294967295']
		WHEN type = 'bytea' THEN ARRAY['''''', '''\x00''', '''\xff''']
		ELSE ARRAY['''''', '''nonsense''', 'repeat(''x'', 100000)', 'chr(123) || chr(34)', 'chr(1)'] END) AS odd});
($status, $output, $errors) = $node->psql('postgres', "SET statement_timeout = '1min'; BEGIN;\n" .
	join('', map { "SAVEPOINT s; $_\nROLLBACK TO s;\n" } split /\n/, $odd_values) . 'ROLLBACK;', on_error_stop => 0);
cmp_ok(($odd_values =~ tr/\n//), '>', 300, 'there are calls with odd values');
unlike($errors, qr/server closed|cache lookup|unexpected|XX000|statement timeout|syntax error/, 'and none ends in an internal error');
is($node->safe_psql('postgres', $contents), $before, 'nor in a change');

# Trigger functions called by hand, attached to tables of others, at other events.
foreach my $function (split /\n/, $node->safe_psql('postgres', q{SELECT proname FROM pg_proc
	WHERE pronamespace = 'orgsync'::regnamespace AND prorettype = 'trigger'::regtype ORDER BY 1}))
{
	fails("SELECT orgsync.$function()", qr/trigger|fired/, "$function by hand");
	foreach my $when ('BEFORE INSERT ON public.t_%s FOR EACH ROW', 'AFTER INSERT ON public.t_%s FOR EACH STATEMENT', 'AFTER INSERT ON eve.feeds FOR EACH ROW',
		'AFTER UPDATE ON public.t_%s FOR EACH ROW', 'AFTER INSERT ON eve.settings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT')
	{
		my $event = $when =~ s/%s/$function/r;
		my ($status, $output, $errors) = $node->psql('postgres', qq{SET ROLE eve; BEGIN; CREATE TABLE public.t_$function (profile_id bigint, seats int, name text);
			CREATE TRIGGER t $event EXECUTE FUNCTION orgsync.$function();
			INSERT INTO public.t_$function VALUES (1, 1, 'x'); UPDATE public.t_$function SET seats = 2;
			INSERT INTO eve.feeds (feed) VALUES ('x'); INSERT INTO eve.settings (singleton, product) VALUES (false, 'workleap'); ROLLBACK;});
		unlike($errors, qr/server closed|cache lookup|XX000|could not open relation/, "$function $event");
	}
}

# Operators and functions that shadow the ones of the catalogue, first in the path.
$node->safe_psql('postgres', q{
	CREATE TABLE public.caught (who text);
	GRANT INSERT ON public.caught TO PUBLIC;
	SET ROLE eve;
	CREATE FUNCTION public.trap(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN true; END $$;
	CREATE FUNCTION public.trap_text(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN $1; END $$;
	CREATE FUNCTION public.trap_text_pair(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN true; END $$;
	CREATE OPERATOR public.= (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = public.trap);
	CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.trap_text_pair);
	CREATE OPERATOR public.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.trap_text_pair);
	CREATE OPERATOR public.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = public.trap_text_pair);
	CREATE FUNCTION public.lower(text) RETURNS text LANGUAGE sql AS 'SELECT public.trap_text($1)';
	CREATE FUNCTION public.btrim(text) RETURNS text LANGUAGE sql AS 'SELECT public.trap_text($1)';
	CREATE FUNCTION public.fold(text) RETURNS text LANGUAGE sql AS 'SELECT public.trap_text($1)';
	CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN pg_catalog.now(); END $$;
	CREATE TABLE public.profiles (profile_id bigint); CREATE TABLE public.seats (profile_id bigint); CREATE TABLE public.settings (product text);
	CREATE DOMAIN public.text AS pg_catalog.int4; CREATE DOMAIN public.int8 AS pg_catalog.text; CREATE TYPE public.seat_status AS ENUM ('mine');});
is( $node->safe_psql('postgres', qq{
	SET ROLE ann;
	SET search_path = public, pg_catalog, orgsync;
	SELECT state, created, unchanged FROM orgsync.import_csv('acme', E'primary_email_address,preferred_first_name,work_title,$license,group:HR,group:New\\nann\@example.com,Ann,Boss,active,yes,yes\\nbob\@example.com,Bob,,active,yes,no\\n'::bytea);
	SELECT count(*) > 0 FROM orgsync.diff('acme');
	SELECT count(*) FROM orgsync.export_csv('acme');
	SELECT orgsync.confirm_export('acme', (SELECT max(export_id) FROM acme.exports));
	SELECT orgsync.set_seats('acme', '$license', 9);
	SELECT orgsync.add_domain_alias('acme', 'example.org', 'example.com');
	INSERT INTO acme.profiles (primary_email_address) VALUES ('carl\@example.com');
	UPDATE acme.groups SET name = 'People' WHERE pg_catalog.int4eq(group_id, 1);
	DELETE FROM acme.seats;
	SELECT * FROM orgsync.verify_account('acme');
	SELECT count(*) FROM orgsync.export_csv('acme', override => true);
	RESET ROLE;
	SELECT * FROM public.caught;} =~ s/count\(\*\) > 0/count(*) OPERATOR(pg_catalog.>) 0/r),
	"applied|1|0\nt\n2\n\n\n\n3", 'nothing that shadows the catalogue is run') or diag('who fell into the trap is the last lines');
$node->safe_psql('postgres', 'DROP OWNED BY eve');

# Names with quotes, and as long as they can be; cells that are SQL.
my $evil = q{x'); DROP TABLE acme.profiles; --};
my $long = 'ü' x 31;
$node->safe_psql('postgres', q{ALTER ROLE ann RENAME TO "a""n'n \ n"; SET ROLE "a""n'n \ n"; ALTER SCHEMA acme RENAME TO "} . $long . q{'";});
my $account = qq{'"$long''"'};
my $cells = join ',', map { s/"/""/gr =~ s/(.*)/"$1"/r } ("evil\@example.com", $evil, q{'; SELECT pg_sleep(10); --}, q{$$;$1});
my $csv = "primary_email_address,preferred_first_name,work_title,attribute_$evil,\"group:$evil\",\"group:\"\"'\$1\\\"\n$cells,yes,yes\n";
$csv =~ s/attribute_([^,]*)/"attribute_$1"/;
is( $node->safe_psql('postgres', qq{SET ROLE "a""n'n \\ n"; SELECT state, created FROM orgsync.import_csv($account, \$csv\$$csv\$csv\$);}),
	'applied|1', 'an import of hostile cells into an account with a hostile name');
my $attribute = $evil =~ s/ /_/gr;
my $quoted = qq{"$long'"};
is( $node->safe_psql('postgres', qq{SELECT preferred_first_name, work_title, attributes::text, groups FROM $quoted.users NATURAL JOIN $quoted.profiles WHERE primary_email_address = 'evil\@example.com'} =~ s/NATURAL JOIN \S+ /AS u JOIN $quoted.profiles AS p USING (profile_id, primary_email_address, preferred_first_name, work_title) /r),
	qq{$evil|'; SELECT pg_sleep(10); --|{"$attribute": "\$\$;\$1"}|{"\\"'\$1\\\\","$evil"}}, 'they are text like any other');
like( $node->safe_psql('postgres', qq{SET ROLE "a""n'n \\ n"; SELECT csv FROM orgsync.export_csv($account, override => true);
		SELECT orgsync.confirm_export($account, (SELECT max(export_id) FROM $quoted.exports)); SELECT count(*) FROM orgsync.diff($account); SELECT * FROM orgsync.verify_account($account)}),
	qr/DROP TABLE.*\n0$/s, 'and are exported as such');
is($node->safe_psql('postgres', qq{SELECT count(*) FROM orgsync.accounts WHERE account::text LIKE '"%''"'}), '1', 'the account is listed');
fails("SELECT orgsync.create_account('Evil', 'workleap')", qr/invalid account name/, 'a name that needs quotes');
fails('SELECT orgsync.create_account(' . "'" . ('a' x 70) . q{', 'nonsense')}, qr/invalid input value for enum/, 'a product that is none');

# An owner cannot make a superuser run his functions: verify_account and others refuse
# what is no ordinary table, and views are not read.
$node->safe_psql('postgres', q{
	CREATE ROLE mallory; GRANT CREATE ON DATABASE postgres TO mallory;
	SET ROLE mallory;
	SELECT orgsync.create_account('trap', 'linkedin_learning');
	CREATE FUNCTION trap.become() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN true; END $$;
	ALTER TABLE trap.profiles RENAME TO hidden;
	CREATE VIEW trap.profiles AS SELECT * FROM trap.hidden WHERE trap.become();});
fails($_, qr/has no table "profiles"/, $_) foreach (q{SELECT * FROM orgsync.diff('trap')}, q{SELECT * FROM orgsync.verify_account('trap')},
	q{SELECT * FROM orgsync.import_csv('trap', E'primary_email_address\nx@example.com\n'::bytea)});
$node->safe_psql('postgres', 'SELECT * FROM orgsync.accounts; SELECT * FROM orgsync.status');

# Nor what columns are cast by.
$node->safe_psql('postgres', q{
	SET ROLE mallory;
	SELECT orgsync.create_account('cast_trap', 'linkedin_learning');
	SELECT orgsync.import_csv('cast_trap', E'primary_email_address\nx@example.com\n'::bytea);
	CREATE TYPE cast_trap.evil AS (address text);
	CREATE FUNCTION cast_trap.become(cast_trap.evil) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN $1.address; END $$;
	CREATE CAST (cast_trap.evil AS text) WITH FUNCTION cast_trap.become(cast_trap.evil);
	DROP VIEW cast_trap.users, cast_trap.license_holders, cast_trap.history, cast_trap.present_cells, cast_trap.logged_changes CASCADE;
	DO $$ DECLARE index regclass; BEGIN
		FOR index IN SELECT indexrelid FROM pg_index WHERE indrelid = 'cast_trap.profiles'::regclass AND NOT indisunique LOOP
			EXECUTE 'DROP INDEX ' || index;
		END LOOP;
	END $$;
	ALTER TABLE cast_trap.profiles DROP CONSTRAINT profiles_primary_email_address_key, DISABLE TRIGGER USER;
	DROP TRIGGER duplicate_profile_update ON cast_trap.profiles;
	ALTER TABLE cast_trap.profiles ALTER primary_email_address TYPE cast_trap.evil USING ROW(primary_email_address::text)::cast_trap.evil;});
fails($_, qr/column "primary_email_address" of table "profiles" has a type that is not to be trusted.*type cast_trap\.evil/s, $_) foreach (
	q{SELECT * FROM orgsync.diff('cast_trap')}, q{SELECT * FROM orgsync.export_csv('cast_trap')}, q{SELECT * FROM orgsync.verify_account('cast_trap')},
	q{SELECT * FROM orgsync.import_csv('cast_trap', E'primary_email_address\nx@example.com\n'::bytea)});
$node->safe_psql('postgres', 'SELECT * FROM orgsync.accounts; SELECT * FROM orgsync.status');
$node->psql('postgres', "SELECT * FROM orgsync.$_", on_error_stop => 0) foreach (q{find_similar('cast_trap', 'y@example.com', 'A', 'B', NULL)}, q{similar_profiles('cast_trap')});
is($node->safe_psql('postgres', 'SELECT * FROM public.caught'), '', 'nobody fell into a trap');
is($node->safe_psql('postgres', q{SET ROLE mallory; SELECT count(*) FROM orgsync.accounts WHERE account = 'cast_trap'::regnamespace}), '1', 'the trap is an account');

# Columns that an owner has given another type, or nulls against the layout: an error or an answer, never a crash.
$node->safe_psql('postgres', q{
	CREATE FUNCTION public.alter_column(relation regclass, change text) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		name text; part text;
	BEGIN
		FOR name IN SELECT format('altered.%I', relname) FROM pg_class WHERE relnamespace = 'altered'::regnamespace AND relkind = 'v' LOOP
			EXECUTE format('DROP VIEW IF EXISTS %s CASCADE', name);
		END LOOP;
		FOR name, part IN SELECT conrelid::regclass, conname FROM pg_constraint
			WHERE connamespace = 'altered'::regnamespace AND contype <> 'n' AND (contype = 'f' OR conrelid = relation) ORDER BY contype <> 'f' LOOP
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', name, part);
		END LOOP;
		FOR name IN SELECT indexrelid::regclass FROM pg_index WHERE indrelid = relation LOOP
			EXECUTE format('DROP INDEX %s', name);
		END LOOP;
		FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal AND (tgqual IS NOT NULL OR tgattr <> '') LOOP
			EXECUTE format('DROP TRIGGER %I ON %s', name, relation);
		END LOOP;
		EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', relation);
		EXECUTE replace(change, '@relation', relation::text);
	END $$;
	CREATE ROLE owen; GRANT CREATE ON DATABASE postgres TO owen;
	SET ROLE owen;
	SELECT orgsync.create_account('altered', 'linkedin_learning');
	SELECT orgsync.add_license('altered', 'A_license_learning_pro_status', 10);
	SELECT orgsync.import_csv('altered', E'primary_email_address,unique_user_id,work_title,attribute_x,A_license_learning_pro_status,group:HR\\na@example.com,A1,T,x,active,yes\\nb@example.com,B1,T,x,active,yes\\n'::bytea, 'f');
	INSERT INTO altered.permissions VALUES (1, 'group_permission_view_reports', 'group:HR');
	SELECT orgsync.export_csv('altered');
	SELECT orgsync.confirm_export('altered', (SELECT max(export_id) FROM altered.exports));
	UPDATE altered.profiles SET work_title = 'U', preferred_first_name = 'Q' WHERE unique_user_id = 'A1';
	UPDATE altered.permissions SET scope = 'no';
	DELETE FROM altered.profiles WHERE unique_user_id = 'B1';
	SELECT orgsync.import_csv('altered', E'primary_email_address\\nc@example.com\\nbad\\n'::bytea, 'g', on_error => 'skip');
	SELECT orgsync.export_csv('altered');
	INSERT INTO altered.feed_record_doubts (profile_runs) VALUES ('{1,1}');});
my @changes = split /\n/, $node->safe_psql('postgres', q{
	SELECT format('SELECT public.alter_column(%L, %L)', 'altered.' || relname, change)
	FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid JOIN pg_type AS t ON t.oid = atttypid, unnest(ARRAY[
		CASE WHEN NOT typbyval THEN format('ALTER TABLE @relation ALTER %1$I DROP DEFAULT, ALTER %1$I TYPE bigint USING 16', attname) END,
		CASE WHEN attnotnull AND attidentity = '' THEN format('ALTER TABLE @relation ALTER %1$I DROP NOT NULL; UPDATE @relation SET %1$I = NULL', attname) END]) AS change
	WHERE relnamespace = 'altered'::regnamespace AND relkind = 'r' AND attnum > 0 AND change IS NOT NULL ORDER BY 1});
cmp_ok(scalar @changes, '>', 100, 'there are columns to alter');
my $reading = join '', map { "SAVEPOINT s; $_; ROLLBACK TO s;\n" } (
	q{SELECT count(*) FROM orgsync.diff('altered')}, q{SELECT count(*) FROM orgsync.export_csv('altered', dry_run => true)},
	q{SELECT count(*) FROM orgsync.export_csv('altered', dry_run => true, "full" => true)}, q{SELECT orgsync.export_report('altered')},
	q{SELECT count(*) FROM orgsync.verify_account('altered')}, q{SELECT count(*) FROM orgsync.explain_profile('altered', 'a@example.com')},
	q{SELECT orgsync.results_csv('altered', 2)}, q{SELECT count(*) FROM orgsync.status}, q{SELECT orgsync.undo_import('altered', 2)},
	q{SELECT orgsync.confirm_export('altered', 2, E'primary_email_address,error\\na@example.com,no\\n'::bytea)},
	q{SELECT orgsync.confirm_export('altered', 2)}, q{SELECT orgsync.forget_person('altered', 'b@example.com')},
	q{SELECT orgsync.import_csv('altered', E'primary_email_address,unique_user_id,work_title,attribute_x,A_license_learning_pro_status,group:HR\\na@example.com,A1,T,x,active,yes\\nb@example.com,B1,T,x,active,yes\\n'::bytea, 'f')},
	q{SELECT orgsync.import_remote('altered', E'primary_email_address,unique_user_id\\na@example.com,A1\\n'::bytea)},
	q{SELECT orgsync.repair_account('altered')});
foreach my $change (@changes)
{
	my ($status, $output, $errors) = $node->psql('postgres', "SET ROLE owen; BEGIN; $change;\n${reading}ROLLBACK;", on_error_stop => 0);
	my $name = $change =~ s/.*alter_column//r;
	ok($status == 0 && $errors !~ /server closed|terminat|PL.pgSQL function alter_column/, $name) or diag($errors);
}

is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the server is there');
done_testing();
