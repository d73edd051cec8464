# 072_packages.pl: what is said about orgsync for package archives: PGXN's META.json
# keeps its specification (https://pgxn.org/spec/), and all versions agree.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $meta = eval { decode_json(slurp_file('META.json')) };
is($@, '', 'META.json is JSON');

my $semantic = qr/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-?[a-zA-Z][-0-9a-zA-Z]*)?$/;
my $term = qr/^[^\s\/\\\x00-\x1f\x7f]{2,}$/;
ok(!ref $meta->{$_} && length $meta->{$_}, "META.json has $_") for qw(name version abstract);
ok(ref $meta->{$_} || length $meta->{$_}, "META.json has $_") for qw(maintainer license provides meta-spec);
like($meta->{name}, $term, 'the name is a term');
like($meta->{version}, $semantic, 'the version is a semantic one');
is($meta->{'meta-spec'}{version}, '1.0.0', 'the specification\'s version');
like($meta->{'meta-spec'}{url}, qr{^https?://}, 'and where it is');
like($meta->{license}, qr/^(?:agpl_3|apache_[12]_\d|artistic_[12]|bsd|gpl_[123]|lgpl_\d_\d|mit|mozilla_\d_\d|open_source|postgresql|restricted|unrestricted|unknown)$/,
	'a license that it knows');
like($meta->{release_status}, qr/^(?:stable|testing|unstable)$/, 'a state of release that it knows');
like($_, qr/^[^\x00-\x1f\x7f\/\\]{1,255}$/, "tag $_") for @{ $meta->{tags} };
is_deeply([ grep { !/^(?:name|version|abstract|description|maintainer|license|release_status|provides|prereqs|tags|resources|generated_by|no_index|meta-spec|x_\w+)$/i } keys %$meta ],
	[], 'no key that it does not know');
for my $phase (values %{ $meta->{prereqs} })
{
	for my $relation (values %$phase)
	{
		like($relation->{$_}, $semantic, "$_ is asked for by a version") for sort keys %$relation;
	}
}

# what it provides is there, in the version that the server will say
my %control = map { m,([^/]+)\.control$, => $_ } glob('*.control */*.control');
is_deeply([ sort keys %{ $meta->{provides} } ], [ sort keys %control ], 'it provides all extensions');
for my $extension (sort keys %control)
{
	my $provided = $meta->{provides}{$extension};
	ok(-f $provided->{$_}, "$extension: $_ is there") for qw(file docfile);
	my ($version) = slurp_file($control{$extension}) =~ /default_version = '(.*)'/;
	like($provided->{version}, $semantic, "$extension: a semantic version");
	like($provided->{version}, qr/^\Q$version\E\./, "$extension: the control file's version");
}

# Debian's packages
my ($debian) = slurp_file('debian/changelog') =~ /^orgsync \((.*?)-/;
is($debian, $meta->{version}, 'the package has the version of META.json');
my ($major) = slurp_file('debian/control') =~ /^Package: postgresql-(\d+)-orgsync$/m;
is(slurp_file('debian/control'), slurp_file('debian/control.in') =~ s/PGVERSION/$major/gr, 'debian/control is made of debian/control.in');
my ($requires) = $meta->{prereqs}{runtime}{requires}{PostgreSQL} =~ /^(\d+)/;
is(slurp_file('debian/pgversions'), "$requires+\n", 'it asks for the same PostgreSQL');

done_testing();
