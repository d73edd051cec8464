# 070_client.pl: the client program: each command, its exit codes, its JSON, and
# that its manual page says what its --help says.

use strict;
use warnings;

use JSON::PP;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'the client is not built here' if system('orgsync --version >/dev/null 2>&1') != 0;

my $license = 'Default_license_learning_proAllLanguages_status';
my $node = start_server('client');
my $directory = PostgreSQL::Test::Utils::tempdir;
my $connection = $node->connstr('postgres');

sub value { return $node->safe_psql('postgres', $_[0]); }

# Runs the client with some input; returns its exit code, output and errors.
sub client_with
{
	my ($input, @arguments) = @_;
	my ($output, $errors) = ('', '');
	IPC::Run::run [ 'orgsync', '-d', $connection, @arguments ], '<', \$input, '>', \$output, '2>', \$errors;
	return ($? >> 8, $output, $errors);
}

sub client { return client_with('', @_); }

# An object of output, which must be one and nothing else.
sub json_of
{
	my ($output, $name) = @_;
	my $object = eval { decode_json($output) };
	is($@, '', "$name: the output is JSON");
	return $object // {};
}

sub file { my ($name, $text) = @_; return write_file("$directory/$name", $text); }

sub files { return join ' ', sort map { s,.*/,,r } glob("$directory/$_[0]/* $directory/$_[0]/.orgsync*"); }

my ($code, $output, $errors) = client('status');
is("$code|$output", '2|', 'without the extension it is refused');
like($errors, qr/"orgsync.* does not exist\nHINT:.*CREATE EXTENSION orgsync/s, 'and said what is missing');
value('CREATE EXTENSION orgsync');
($code, $output) = client('status');
is("$code|$output", "0|no account that you may read\n", 'status without an account');
value(qq{SELECT orgsync.create_account('acme', 'linkedin_learning'); SELECT orgsync.add_license('acme', '$license', seats => 3)});

# import
my $header = "primary_email_address,preferred_first_name,$license";
my $good = file('good.csv', "$header\nann\@example.com,Ann,active\nbob\@example.com,Bob,active\n");
my $bad = file('bad.csv', "$header,strange\ncarl\@example.com,Carl,active,1\nnobody,No,active,2\n\"e\x1b[31m\x07vil\",E,active,3\n");
($code, $output, $errors) = client('import', 'acme', $good, '--message', 'from HR');
is("$code|$errors", '0|', 'a file is imported');
like($output, qr/^acme: import 1 applied: \Q$good\E\n2 rows: 2 created, 0 updated, 0 unchanged, 0 rejected; 0 warnings\n2 seats granted, 0 revoked, 2 invitations\n$/,
	'and told what became of it');
is(value('SELECT source, feed, message FROM acme.imports'), 'good.csv|default|from HR', 'and noted what was said of it');
($code, $output, $errors) = client('import', 'acme', $bad, '--findings=1', '--rejected', "$directory/rejected.csv");
is("$code|$errors", '1|', 'rejected rows');
like($output, qr/^\Q$bad\E:3: error: .* \[invalid_email\]\n    .*\n\(2 more findings\)\n\z/m, 'the worst are shown, the others counted');
like(slurp_file("$directory/rejected.csv"), qr/^nobody,No,active,2,.*at sign/m, 'rejected rows are written to be mended');
($code, $output) = client('import', 'acme', $bad, '--findings=2');
like($output, qr/^\(1 more finding\)\n\z/m, 'a single one too');
($code, $output) = client('import', 'acme', $bad);
unlike($output, qr/[\x00-\x08\x0b-\x1f\x7f]/, 'nothing of a file steers the terminal');
like($output, qr/e\\x1b\[31m\\x07vil/, 'but is shown');
($code, $output) = client('import', 'acme', $bad, '--stop-on-error', '--json');
is($code, 2, 'a file that is refused');
my $seen = json_of($output, 'import --json');
is($seen->{import}{state} . '|' . scalar @{ $seen->{findings} } . '|' . $seen->{findings}[0]{code}, 'refused|3|invalid_email', 'as JSON');
($code, $output) = client_with("Mail,Team\ndora\@example.com,Blue\n", 'import', 'acme', '-', '-c', 'Mail=primary_email_address',
	'-c', 'Team=group', '-g', 'All, "of" us\\', '--feed=other', '--dry-run', '-q');
is("$code|$output", '0|', 'columns, groups and standard input, tried');
is(value('SELECT state, source, feed, created FROM acme.imports ORDER BY import_id DESC LIMIT 1'), 'dry_run|standard input|other|1', 'are what the server is told');
is(value("SELECT count(*) FROM acme.users WHERE primary_email_address = 'dora\@example.com'"), '0', 'and nothing was done');
($code, $output) = client_with("primary_email_address\nemma\@example.com\n", 'import', 'acme', '-', '-g', 'All, "of" us\\', '-q');
is(value("SELECT groups FROM acme.users WHERE primary_email_address = 'emma\@example.com'"), '{"All, \"of\" us\\\\"}', 'a group with characters of all kinds');
($code) = client_with("$header\nzoe\@example.com,Zoe,active\n", 'import', 'acme', '-', '-m', 'full', '-q');
is(value("SELECT absent > 0 FROM acme.imports ORDER BY import_id DESC LIMIT 1"), 't', 'mode full');
is(value('SELECT count(*) FROM pg_largeobject_metadata'), '0', 'no upload is left');

# a file larger than the pieces in which it is sent
my $rows = 40_000;
my $large = file('large.csv', join '', "primary_email_address,work_title\n", map { "person$_\@example.org," . 'Title ' x 8 . "$_\n" } 1 .. $rows);
($code, $output) = client('import', 'acme', $large, '--json');
is($code . '|' . json_of($output, 'a larger file')->{import}{created}, "0|$rows", 'a larger file is imported whole');
is(value("SELECT work_title FROM acme.profiles WHERE primary_email_address = 'person39999\@example.org'"), 'Title ' x 8 . '39999', 'its last row too');
($code, $output) = client_with(slurp_file($large), 'check', '-', '--product', 'linkedin_learning', '--json');
is($code . '|' . json_of($output, 'check')->{errors}, '0|0', 'and checked from standard input');

# check
my $before = value('SELECT count(*) FROM acme.imports');
($code, $output) = client('check', $bad, '-P', 'linkedin_learning', '--json');
$seen = json_of($output, 'check');
is("$code $seen->{fatal} $seen->{errors} $seen->{warnings}", '1 0 2 1', 'check for a product');
($code, $output) = client('check', $bad, '-A', 'acme', '--json', '--findings=0');
$seen = json_of($output, 'check');
is("$code $seen->{fatal} $seen->{errors} $seen->{warnings} " . scalar @{ $seen->{findings} }, '1 0 2 1 0', 'check for an account, without a list');
($code) = client('check', $bad, '-A', 'acme', '--stop-on-error');
is($code, 2, 'check says that the whole would be refused');
($code, $output) = client_with("a,b\n1,2\n", 'check', '-', '-P', 'workleap');
is("$code", '2', 'check says that the file would be refused');
like($output, qr/^standard input:1: fatal: .*\[missing_key_header\]$/m, 'and why');
is(value('SELECT count(*) FROM acme.imports'), $before, 'a check leaves nothing behind');

# export, report, confirm
mkdir "$directory/out";
($code, $output) = client('export', 'acme', '--dry-run');
is("$code|" . files('out'), '0|', 'an export that is only tried writes nothing');
like($output, qr/^acme: an export would write 3 files:\n  1  add .*\(\d+ rows\)$/m, 'but says what it would');
($code, $output) = client('export', 'acme', '--out', "$directory/out", '--rows-per-file=30000', '--json');
$seen = json_of($output, 'export --json');
my @exported = map { $_->{file_name} } @{ $seen->{files} };
is("$code " . scalar @exported, '0 4', 'an export writes its files');
is(files('out'), join(' ', sort @exported), 'and no others');
is(value("SELECT string_agg(md5(csv), ',' ORDER BY seq) FROM acme.export_files WHERE export_id = $seen->{export_id}"),
	join(',', map { md5_of("$directory/out/$_") } @exported), 'as the server has them');
($code, $output, $errors) = client('export', 'acme', '--again', $seen->{export_id}, '--out', "$directory/out");
is($code, 2, 'no file is replaced');
like($errors, qr/exists already/, 'and that is said');
unlink map { "$directory/out/$_" } @exported;
($code) = client('export', 'acme', '--again', $seen->{export_id}, '--out', "$directory/out", '-q');
is("$code " . files('out'), join(' ', 0, sort @exported), 'an export is written again');
($code) = client('export', 'acme', '--again', 999, '--out', "$directory/out");
is($code, 2, 'but not one that there is not');
($code, $output) = client('report', 'acme', '-o', "$directory/report.html");
is("$code|$output", "0|acme: report in $directory/report.html\n", 'a report');
my $page = slurp_file("$directory/report.html") =~ s/\d\d:\d\d UTC//r;
ok($page eq value("SELECT orgsync.export_report('acme') || '.'") =~ s/\d\d:\d\d UTC//r =~ s/\.\z//r, 'is the server\'s page');
($code, $output) = client('report', 'acme', '--out=-');
ok($output =~ s/\d\d:\d\d UTC//r eq $page, 'also on standard output');
my $results = file('results.csv', "primary_email_address,Messages\nperson7\@example.org,No such thing\n");
($code, $output) = client('confirm', 'acme', '--results', $results);
is($code, 1, 'a confirmation with rows that the vendor refused');
like($output, qr/^\Q$results\E:.* error: .*No such thing.*\[vendor_refused\]$/m, 'shows them');
like($output, qr/^acme: export $seen->{export_id} confirmed, but for what the vendor refused$/m, 'and what became of it');
($code, $output, $errors) = client('confirm', 'acme', '--json');
is($code . '|' . json_of($output, 'an error')->{error}{message}, "2|the last export of account \"acme\", $seen->{export_id}, is confirmed already",
	'what is confirmed is not confirmed again');
like($errors, qr/^orgsync: the last export/, 'errors stand on standard error, too');
($code, $output) = client('confirm', 'acme', $seen->{export_id} + 5, '--json');
$seen = json_of($output, 'an error of the server');
like("$code $seen->{error}{sqlstate} $seen->{error}{message}", qr/^2 \w{5} .*export/, 'an error of the server as JSON');

# status
($code, $output) = client('status', 'acme');
like($output, qr/^To be exported\npeople  cells\n +1 +\d+$/m, 'status of an account');
like($output, qr/^$license +3 +/m, 'with its seats');
$seen = json_of((client('status', 'acme', '--json'))[1], 'status of an account');
is("$seen->{pending}{people} $seen->{seats}[0]{total} $seen->{last_export}{state}", '1 3 confirmed', 'as JSON');
$seen = json_of((client('status', '--json'))[1], 'status')->{accounts}[0];
is($seen->{account} . '|' . $seen->{pending_changes}, value('SELECT account, pending_changes FROM orgsync.status'), 'all accounts as JSON');
($code, $output) = client('status');
like($output, qr/^account +product +last import +state +last export +state +pending +seats left +errors$/m, 'and as a list');

# the vendor's own list
($code, $output) = client_with("primary_email_address,$license\nfay\@example.com,active\n", 'import', 'acme', '-', '--remote', '--adopt', '--incomplete', '--json');
is("$code " . json_of($output, 'the vendor\'s list')->{import}{mode}, '0 remote', 'the vendor\'s list');
is(value("SELECT count(*) FROM acme.profiles WHERE primary_email_address = 'fay\@example.com'"), '1', 'is adopted');

# workbooks, where the extension for them is there
SKIP:
{
	skip 'orgsync_xlsx is not installed', 8 if value("SELECT count(*) FROM pg_available_extensions WHERE name = 'orgsync_xlsx'") eq '0';
	value('CREATE EXTENSION orgsync_xlsx');
	my $workbook = file('people.xlsx', pack 'H*', value(q{SELECT encode(orgsync.write_xlsx(E'primary_email_address,work_title\ngil@example.com,Boss\nnobody,None\n'), 'hex')}));
	($code, $output) = client('import', 'acme', $workbook);
	like("$code|$output", qr/^1\|acme: import \d+ applied: .*\n2 rows: 1 created/, 'a workbook is imported');
	($code) = client_with(slurp_file($workbook), 'check', '-', '-A', 'acme', '--sheet=Sheet1');
	is($code, 1, 'or checked, from standard input too');
	($code, $output) = client('import', 'acme', $workbook, '--sheet=Other');
	like("$code|$output", qr/^2\|.*\n\Q$workbook\E: fatal: .*\[unknown_sheet\]$/sm, 'the sheet counts');
	($code, $output, $errors) = client('import', 'acme', $good, '--sheet=Other');
	like("$code|$errors", qr/^2\|.*no workbook/, 'where there are sheets');
	mkdir "$directory/books";
	($code, $output) = client('export', 'acme', '--xlsx', '--out', "$directory/books", '--json');
	my @books = map { $_->{file_name} } @{ json_of($output, 'export --xlsx')->{files} };
	is(files('books'), join(' ', sort @books), 'an export of workbooks');
	like(slurp_file("$directory/books/$books[0]"), qr/^PK\x03\x04/, 'writes workbooks');
	($code, $output) = client('check', "$directory/books/$books[-1]", '-A', 'acme');
	is($code, 0, 'which can be read');
}

# an account whose name is not to be had by other means
value(q{SELECT orgsync.create_account('odd', 'linkedin_learning'); ALTER SCHEMA odd RENAME TO "o""d\ @account"});
($code) = client_with("primary_email_address\nhal\@example.com\n", 'import', '"o""d\ @account"', '-', '-q');
is($code, 0, 'an account with a strange name');
($code, $output) = client('export', '"o""d\ @account"', '--dry-run', '--json');
is($code . '|' . json_of($output, 'its export')->{files}[0]{row_count}, '0|1', 'is exported');
is(json_of((client('status', '"o""d\ @account"', '--json'))[1], 'its status')->{pending}{people}, 1, 'and shown');

# what is refused, and why; each with its exit code
my $new = file('new.csv', "$header\nnew\@example.com,New,\nnobody,No,\n");
require POSIX;
POSIX::mkfifo("$directory/fifo", 0600);
symlink 'fifo', "$directory/link";
my @refused = (
	[ 2, qr/account "nobody" does not exist.*HINT:/s, 'status', 'nobody' ],
	[ 2, qr/account "public" does not exist.*HINT:/s, 'status', 'public' ],
	[ 2, qr/could not open file ".*missing\.csv": No such file/, 'import', 'acme', "$directory/missing.csv" ],
	[ 2, qr/is a directory/, 'import', 'acme', $directory ],
	[ 2, qr/could not use directory/, 'export', 'acme', '--out', "$directory/missing" ],
	[ 2, qr/is not a directory/, 'export', 'acme', '--out', $good ],
	[ 2, qr/could not use directory/, 'report', 'acme', '--out', "$directory/missing/report.html" ],
	[ 2, qr/could not use directory/, 'import', 'acme', $good, '--rejected', "$directory/missing/rejected.csv" ],
	[ 2, qr/is a directory/, 'report', 'acme', '--out', "$directory/out" ],
	[ 2, qr/"" is no name of a file/, 'import', 'acme', $new, '--rejected=' ],
	[ 2, qr/is no name of a file/, 'import', 'acme', $new, '--rejected', "$directory/missing/" ],
	[ 2, qr/could not make file .*: File name too long/, 'import', 'acme', $new, '--rejected', "$directory/" . 'x' x 300 ],
	[ 2, qr/is not a regular file/, 'import', 'acme', $new, '--rejected', "$directory/fifo" ],
	[ 2, qr/is not a regular file/, 'report', 'acme', '--out', "$directory/link" ],
	[ 2, qr/ERROR:  invalid input value for enum/, 'check', $good, '-P', 'other' ],
	[ 2, qr/ERROR:.*layout/, 'export', 'acme', '-n', '--layout=other' ],
	[ 64, qr/no command was given/ ],
	[ 64, qr/unknown command "other"/, 'other' ],
	[ 64, qr/unknown option "--other"/, 'status', '--other' ],
	[ 64, qr/unknown option "-z"/, 'status', '-z' ],
	[ 64, qr/needs an argument/, 'status', '--host' ],
	[ 64, qr/takes no argument/, 'status', '--json=1' ],
	[ 64, qr/"orgsync status" has no option "--feed"/, 'status', '--feed=x' ],
	[ 64, qr/takes the arguments ACCOUNT FILE/, 'import', 'acme' ],
	[ 64, qr/takes the arguments/, 'status', 'acme', 'acme' ],
	[ 64, qr/needs "--out"/, 'export', 'acme' ],
	[ 64, qr/needs "--out"/, 'report', 'acme' ],
	[ 64, qr/needs either/, 'check', $good ],
	[ 64, qr/needs either/, 'check', $good, '-P', 'workleap', '-A', 'acme' ],
	[ 64, qr/"patch" or "full"/, 'import', 'acme', $good, '--mode=half' ],
	[ 64, qr/takes NAME=HEADER/, 'import', 'acme', $good, '--column=Mail' ],
	[ 64, qr/contradict/, 'import', 'acme', $good, '--stop-on-error', '--skip-errors' ],
	[ 64, qr/"--findings" takes a number, not "many"/, 'import', 'acme', $good, '--findings=many' ],
	[ 64, qr/"--findings" takes a number, not "-1"/, 'check', $good, '-A', 'acme', '--findings=-1' ],
	[ 64, qr/"--rows-per-file" takes a number, not ""/, 'export', 'acme', '-n', '--rows-per-file=' ],
	[ 64, qr/"--seq" takes a number, not "9{19}"/, 'confirm', 'acme', '--seq=' . '9' x 19 ],
	[ 64, qr/"--again" takes a number, not "1x"/, 'export', 'acme', '-n', '--again=1x' ],
	[ 64, qr/named by its number, not by "errors\.csv"/, 'confirm', 'acme', 'errors.csv' ],
	[ 64, qr/needs? "--remote"/, 'import', 'acme', $good, '--adopt' ],
	[ 64, qr/only "--adopt"/, 'import', 'acme', $good, '--remote', '--dry-run' ]);
for my $case (@refused)
{
	my ($expected, $message, @arguments) = @$case;
	# with SANITIZE: who fails frees nothing, the system does
	local $ENV{ASAN_OPTIONS} = 'detect_leaks=0';
	($code, $output, $errors) = client(@arguments);
	is("$code|$output", "$expected|", "refused: @arguments");
	like($errors, $message, 'and said why');
	($code, $output) = client('--json', @arguments);
	ok($code == $expected && defined json_of($output, 'an error')->{error}{message}, 'as JSON, too');
}
is(value('SELECT count(*) FROM pg_largeobject_metadata'), '0', 'and no upload is left');
is(value("SELECT count(*) FROM acme.profiles WHERE primary_email_address = 'new\@example.com'"), '0', 'nor was anything imported');
ok(-p "$directory/fifo" && -l "$directory/link", 'and what is no file stays what it is');
{
	open my $both, '>', "$directory/both.html" or die "both.html: $!";
	IPC::Run::run [ 'orgsync', '-d', $connection, 'report', 'acme', '--out', "$directory/both.html" ], '>', $both, '2>', \$errors;
	like(($? >> 8) . "|$errors", qr/^2\|.*where standard output goes/, 'nor is the file of standard output replaced');
}

# no connection
local $ENV{PGCONNECT_TIMEOUT} = 5;
($code, $output, $errors) = client('status', '-h', "$directory/nowhere");
is("$code|$output", '3|', 'no server');
like($errors, qr/^orgsync: connection to server .*failed/, 'is said');

# --help, and the manual page, which lists each command's options in the same order
my ($help) = run_command([ 'orgsync', '--help' ]);
my %helped;
for my $section (split /\n\n/, $help)
{
	my ($title) = $section =~ /^(Options of [\w ]+):/ or next;
	$helped{$title} = [ $section =~ /^  +(-.*?)  /mg ];
}
is(scalar keys %helped, 6, '--help has the options of all commands that have any');
my (%manual, $title, $before_it);
for my $line (split /\n/, slurp_file('src/client/orgsync.1'))
{
	$title = $1 if $line =~ /^\.S[SH] (.*)/;
	my $is_term = defined $before_it && $before_it =~ /^\.T[PQ]$/;
	$before_it = $line;
	next unless $is_term && $title =~ /^Options of/;
	push @{ $manual{$title} }, $line =~ s/^\.BR? //r =~ s/ ", " /, /gr =~ s/\\f[IR]//gr =~ s/\\//gr;
}
for my $name (sort keys %helped)
{
	is_deeply([ sort @{ $manual{$name} || [] } ], [ sort @{ $helped{$name} } ], "the manual page has the $name");
}
is_deeply([ sort keys %manual ], [ sort keys %helped ], 'and no others');
my $manual = slurp_file('src/client/orgsync.1') =~ s/\\-/-/gr;
for my $usage ($help =~ /^  (\w+ \S*(?: \S+)?)   ?/mg)
{
	my ($command, $arguments) = split / /, $usage, 2;
	like($manual, qr/^\.B orgsync $command$/m, "the manual page has the command $command");
	my ($own) = run_command([ 'orgsync', $command, '--help' ]);
	is_deeply([ map { "$_" } $own =~ /^  +(-.*?)  /mg ],
		[ @{ $helped{"Options of $command"} || [] }, @{ $helped{'Options of all commands'} } ], "$command --help has its options");
}
my @codes = $manual =~ /^\.B (\d+)$/mg;
is_deeply(\@codes, [ 0, 1, 2, 3, 64, 74 ], 'the manual page has the exit codes');
my ($exits) = slurp_file('doc/client.md') =~ /^(With `--json`.*? exits with .*?)`man orgsync` has the rest/ms;
is_deeply([ $exits =~ /\b(\d+) when\b/g ], \@codes, 'so has its page');
like($help, qr/Exit status: 0 .*1 .*2 .*3 .*64 .*74 /s, 'so has --help');
is((grep { length > 100 } split /\n/, $help), 0, 'it is not too wide');
my ($version) = run_command([ 'orgsync', '--version' ]);
my ($control) = slurp_file('orgsync.control') =~ /default_version = '(.*)'/;
like($version, qr/^orgsync \Q$control\E /, 'the version is the extension\'s');
like($manual, qr/^\.TH ORGSYNC 1 "" "orgsync \Q$control\E"/m, 'the manual page\'s too');

# The MD5 sum of a file, as the server computes it.
sub md5_of
{
	require Digest::MD5;
	return Digest::MD5::md5_hex(slurp_file($_[0]));
}

$node->stop;
done_testing();
