
# 001_symbols.pl: what the module lets the dynamic linker see.  A name that
# slips out may clash with another module's in the same server.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my ($pkglibdir) = PostgreSQL::Test::Utils::run_command([ 'pg_config', '--pkglibdir' ]);
for my $module ('orgsync', 'orgsync_xlsx')
{
	my ($stdout, $stderr) =
	  PostgreSQL::Test::Utils::run_command([ 'nm', '-D', '--defined-only', "$pkglibdir/$module.so" ]);
	my @symbols = map { (split)[2] } split /\n/, $stdout;

	is($stderr, '', "$module can be read");
	ok((grep { $_ eq 'Pg_magic_func' } @symbols), 'it has its magic block');
	is_deeply(
		[ grep { !/^(orgsync_\w+|pg_finfo_orgsync_\w+|Pg_magic_func|_PG_init)$/ } @symbols ],
		[], 'it exports nothing else than functions for SQL and for each other');
}

my ($needed) = PostgreSQL::Test::Utils::run_command([ 'ldd', "$pkglibdir/orgsync.so" ]);
unlike($needed, qr/xlsxwriter|libzip|expat/, 'orgsync itself links nothing that spreadsheets need');

done_testing();
