
# 034_samples.pl: files as the vendors' documents show them come to what the
# documents say.

use strict;
use warnings;

use Cwd;
use OrgsyncTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = getcwd() . '/test/data';
my $license = 'Default_license_learning_proAllLanguages_status';
my $node = start_server('samples', locale => 'C');
$node->safe_psql('postgres', qq{
	CREATE EXTENSION orgsync;
	SELECT orgsync.create_account('learning', 'linkedin_learning'), orgsync.create_account('admins', 'linkedin_learning'),
		orgsync.create_account('talent', 'talent_insights'), orgsync.create_account('students', 'workleap');
	SELECT orgsync.add_license(account::regnamespace, '$license') FROM unnest('{learning,admins}'::text[]) AS account;
	SELECT orgsync.add_license('talent', 'license_talentInsights_talentInsights_status', seats => 8000);
	INSERT INTO talent.groups (name) VALUES ('CSV Test 1'), ('CSV Test 2');
	INSERT INTO students.groups (name) VALUES ('Onboarding');});

# Imports a sample; what is reported, and what is there then.
sub imported
{
	my ($account, $file, $options) = @_;
	$options //= '';
	return $node->safe_psql('postgres', "SELECT state, created, updated, unchanged, rejected, warnings,
		seats_granted, seats_revoked FROM orgsync.import_file('$account', '$directory/$file'$options)");
}
sub findings { return $node->safe_psql('postgres', "SELECT line, column_name, code FROM $_[0].import_findings ORDER BY import_id, finding_id"); }
sub value { return $node->safe_psql('postgres', $_[0]); }

# LinkedIn Learning: two people are invited and join groups; the next day one has
# another name and one leaves a group; then one loses the seat.  The older way to
# write the same file changes nothing.
my $learning = "SELECT concat_ws(' ', u.preferred_first_name, u.preferred_last_name), u.work_title, u.groups, u.licenses -> '$license' ->> 'status'
	FROM learning.users AS u ORDER BY u.primary_email_address";
is(imported('learning', 'learning_users.csv'), 'applied|2|0|0|0|0|2|0', 'users are added');
is(value($learning), "Jane Smith|HR Business Partner|{HR}|invited\nJohn Doe|Engineer|{Engineering}|invited", 'as the file says');
is(imported('learning', 'learning_legacy_groups.csv'), 'applied|0|0|2|0|1|0|0', 'the older layout says the same');
is(findings('learning'), '1|Default_license_learning_proAlllanguages_status|header_case', 'but for a header that is misspelled');
is(imported('learning', 'learning_users_next_day.csv'), 'applied|0|2|0|0|0|0|0', 'the next day');
is(value($learning), "Jane Smith|HR Business Partner|{}|invited\nJonathan Doe|Engineer|{Engineering}|invited", 'a name and a group have changed');
is(imported('learning', 'learning_unassign.csv'), 'applied|0|1|0|0|0|0|1', 'a license is unassigned');
is(value($learning), "Jane Smith|HR Business Partner|{}|unassigned\nJonathan Doe|Engineer|{Engineering}|invited", 'and the person stays');

# Administrators: some permissions make a sub admin, all make a full admin.  A
# permission may be limited to groups, which the account must have.
value("INSERT INTO admins.groups (name) VALUES ('sample groupone'), ('sample grouptwo')");
is(imported('admins', 'learning_admins.csv'), 'applied|2|0|0|0|0|2|0', 'administrators are added');
is(value("SELECT primary_email_address, admin_type FROM admins.users ORDER BY 1"),
	"jane.doe\@example.com|full admin\njohn.doe\@example.com|sub admin", 'of two kinds');
is( value("SELECT permission, scope FROM admins.permissions NATURAL JOIN admins.profiles WHERE unique_user_id = 'E1001' AND scope::text LIKE 'group:%' ORDER BY 1"),
	join("\n",
		'group_permission_edit_groups|group:sample groupone group:sample grouptwo',
		'group_permission_manage_users_licenses|group:sample groupone',
		'group_permission_recommend_content|group:sample groupone',
		'group_permission_view_reports|group:sample groupone group:sample grouptwo'),
	'with permissions that are limited to groups');
is(findings('admins'), '', 'nothing is found wrong');
is(imported('admins', 'learning_users_and_admins.csv'), 'applied|0|0|2|0|1|0|0', 'the same as the vendor prints it');
is(findings('admins'), '1|permission_manage_IT_settings|header_case', 'with another spelling of a header');

# Talent Insights: an invitation takes a seat; groups are there before.
is(imported('talent', 'talent_insights_users.csv'), 'applied|2|0|0|0|0|2|0', 'Talent Insights: users are added');
is(imported('talent', 'talent_insights_groups.csv'), 'applied|0|2|0|0|0|0|0', 'and join groups');
is(value("SELECT primary_email_address, work_title, groups FROM talent.users ORDER BY 1"),
	"john.smith\@test.linkedin.com|Recruiting Manager|{\"CSV Test 1\"}\ntimothy.smith\@test.linkedin.com|Analyst|{\"CSV Test 2\"}", 'as the files say');
is(value('SELECT total, available, invited, activated FROM talent.seat_usage'), '8000|7998|2|0', 'the seats that are left');

# Workleap: everybody becomes a student and joins the group of the import.
is(imported('students', 'workleap_users.csv', q{, groups => '{Onboarding}'}), 'applied|2|0|0|0|0|2|0', 'Workleap: users are added');
is( value(q{SELECT u.primary_email_address, concat_ws(' ', u.preferred_first_name, u.preferred_last_name), u.groups, p.attributes
		FROM students.users AS u JOIN students.profiles AS p USING (primary_email_address) ORDER BY 1}),
	join("\n",
		'amelie.tremblay@example.ca|Amélie Tremblay|{Onboarding}|{"Region": "CA-QC", "Country": "CA", "Language": "fr", "Start date": "2026-01-12"}',
		q{sam.oneil@example.ca|Sam O'Neil|{Onboarding}|{"Region": "CA-ON", "Country": "CA", "Language": "en", "Start date": "2026-02-02"}}),
	'as the template says');

is(value("SELECT (SELECT count(*) FROM talent.import_findings) + (SELECT count(*) FROM students.import_findings)"),
	'0', 'nothing is found wrong in these');

$node->stop;
done_testing();
