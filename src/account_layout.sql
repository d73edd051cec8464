-- The tables of an account, as text: create_account() runs it with the
-- account's schema in the place of @account.  The objects are ordinary ones of
-- the account's owner, so that GRANT, pg_dump and replication treat them like
-- any others; they refer to nothing of the extension but its types and its
-- trigger and key functions.
--
-- Truth and derivation: seat_counters is derived from seats, feed_records from the
-- imported files.  Everything else
-- is truth, changes too: it holds what the vendor has, as the difference from
-- what the account wants.

CREATE FUNCTION orgsync.account_layout() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT $layout$

CREATE TABLE @account.settings (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	product orgsync.product NOT NULL,
	layout_version integer NOT NULL DEFAULT 1,
	max_revoke_percent numeric NOT NULL DEFAULT 20 CHECK (max_revoke_percent BETWEEN 0 AND 100),
	max_remove_percent numeric NOT NULL DEFAULT 20 CHECK (max_remove_percent BETWEEN 0 AND 100),
	threshold_floor integer NOT NULL DEFAULT 10 CHECK (threshold_floor >= 0),
	grace_days integer NOT NULL DEFAULT 0 CHECK (grace_days >= 0),
	rows_per_file integer NOT NULL DEFAULT 50000 CHECK (rows_per_file > 0),
	unknown_headers text NOT NULL DEFAULT 'ignore' CHECK (unknown_headers IN ('ignore', 'attribute')),
	history_since timestamptz
);
COMMENT ON TABLE @account.settings IS 'one row: what holds for the whole account';
COMMENT ON COLUMN @account.settings.product IS 'the vendor''s product, whose rules the account follows';
COMMENT ON COLUMN @account.settings.layout_version IS 'version of these tables, see orgsync.upgrade_account()';
COMMENT ON COLUMN @account.settings.max_revoke_percent IS 'at most this share of the taken seats may be revoked at once without override';
COMMENT ON COLUMN @account.settings.max_remove_percent IS 'at most this share of a feed''s people may be absent from a file of mode full without override';
COMMENT ON COLUMN @account.settings.threshold_floor IS 'fewer people than this are never held up by a percentage';
COMMENT ON COLUMN @account.settings.grace_days IS 'so many days after somebody lost a seat here, an export revokes it at the vendor''s';
COMMENT ON COLUMN @account.settings.rows_per_file IS 'an exported file is cut after so many rows';
COMMENT ON COLUMN @account.settings.history_since IS 'what ended before was pruned, see orgsync.prune()';
COMMENT ON COLUMN @account.settings.unknown_headers IS 'what becomes of a column that nobody knows: ignore it, or keep it as an attribute';

CREATE TABLE @account.profiles (
	profile_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	primary_email_address orgsync.email_address NOT NULL UNIQUE,
	unique_user_id text COLLATE "C" UNIQUE
		CONSTRAINT unique_user_id_letters_and_digits CHECK (unique_user_id ~ '^[A-Za-z0-9]+$'),
	preferred_first_name text,
	preferred_last_name text,
	work_title text,
	attributes jsonb NOT NULL DEFAULT '{}' CHECK (pg_catalog.jsonb_typeof(attributes) = 'object'),
	reupload_user_profile boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
) WITH (fillfactor = 95);
CREATE INDEX profiles_address_key ON @account.profiles (orgsync.address_key(primary_email_address));
CREATE INDEX profiles_person_key ON @account.profiles
	(orgsync.person_key(primary_email_address, preferred_first_name, preferred_last_name));
CREATE INDEX profiles_unnamed_key ON @account.profiles (orgsync.unnamed_key(primary_email_address))
	WHERE orgsync.is_unnamed(preferred_first_name, preferred_last_name);
COMMENT ON TABLE @account.profiles IS 'the people that the vendor''s account shall have';
COMMENT ON COLUMN @account.profiles.unique_user_id IS 'employee id: with it, an e-mail address may change';
COMMENT ON COLUMN @account.profiles.attributes IS 'custom attributes, name to text';
COMMENT ON COLUMN @account.profiles.reupload_user_profile IS 'confirmed to be another person than the one with a similar address';
COMMENT ON INDEX @account.profiles_address_key IS 'finds the addresses that the rule same_address takes for one';
COMMENT ON INDEX @account.profiles_person_key IS 'finds the people who may be similar to somebody with a name';
COMMENT ON INDEX @account.profiles_unnamed_key IS 'finds those of them who have no name themselves';

CREATE TABLE @account.licenses (
	license_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	header orgsync.license_header NOT NULL UNIQUE,
	seats integer CHECK (seats >= 0),
	counting orgsync.seat_counting NOT NULL DEFAULT '@counting',
	when_full orgsync.when_full NOT NULL DEFAULT 'reject',
	transfers_per_year integer CHECK (transfers_per_year >= 0),
	transfer_action orgsync.rule_action NOT NULL DEFAULT 'warn'
);
COMMENT ON TABLE @account.licenses IS 'the licenses that the account has, and how many seats of each were bought';
COMMENT ON COLUMN @account.licenses.header IS 'the license''s column in the vendor''s files';
COMMENT ON COLUMN @account.licenses.seats IS 'seats bought; NULL: no limit';
COMMENT ON COLUMN @account.licenses.counting IS 'a seat is taken by an invitation, or only by its activation';
COMMENT ON COLUMN @account.licenses.when_full IS 'what a request for a seat meets when there is none: refusal or the waiting list';
COMMENT ON COLUMN @account.licenses.transfers_per_year IS 'how many seats may pass from one person to another within a year; NULL: no limit, and they are not counted';
COMMENT ON COLUMN @account.licenses.transfer_action IS 'what becomes of a transfer over the limit';

CREATE TABLE @account.seats (
	profile_id bigint NOT NULL REFERENCES @account.profiles ON DELETE CASCADE,
	license_id integer NOT NULL REFERENCES @account.licenses ON DELETE CASCADE,
	status orgsync.seat_status NOT NULL,
	since timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (profile_id, license_id)
);
CREATE INDEX seats_waiting ON @account.seats (license_id, since, profile_id) WHERE status = 'waitlisted';
COMMENT ON TABLE @account.seats IS 'who has which license, in which state';
COMMENT ON INDEX @account.seats_waiting IS 'the waiting list of each license, oldest first';
COMMENT ON COLUMN @account.seats.since IS 'when the status changed last';
COMMENT ON COLUMN @account.seats.status IS 'unassigned, waitlisted, invited or activated';

CREATE TABLE @account.seat_counters (
	license_id integer,
	slot smallint,
	waitlisted bigint NOT NULL DEFAULT 0,
	invited bigint NOT NULL DEFAULT 0,
	activated bigint NOT NULL DEFAULT 0,
	free bigint,
	counts_invited boolean NOT NULL DEFAULT true,
	guarded boolean NOT NULL DEFAULT true,
	PRIMARY KEY (license_id, slot)
) USING heap;
COMMENT ON TABLE @account.seat_counters IS 'derived from seats by triggers: how many profiles have each status, in several rows a license to be added up';
COMMENT ON COLUMN @account.seat_counters.free IS 'seats that may be taken from this row; NULL: no limit';
COMMENT ON COLUMN @account.seat_counters.counts_invited IS 'an invitation takes a seat of the license';
COMMENT ON COLUMN @account.seat_counters.guarded IS 'who changes seats of the license must have it for himself: it is over its cap, people wait, or transfers are limited';

CREATE TABLE @account.transfers (
	transfer_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	license_id integer NOT NULL REFERENCES @account.licenses ON UPDATE CASCADE ON DELETE CASCADE,
	from_profile_id bigint NOT NULL,
	freed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	to_profile_id bigint,
	transferred_at timestamptz,
	CHECK ((to_profile_id IS NULL) = (transferred_at IS NULL))
);
CREATE INDEX transfers_open ON @account.transfers (from_profile_id, license_id) WHERE to_profile_id IS NULL;
CREATE INDEX transfers_oldest ON @account.transfers (license_id, transfer_id) WHERE to_profile_id IS NULL;
CREATE INDEX transfers_done ON @account.transfers (license_id, transferred_at) WHERE to_profile_id IS NOT NULL;
COMMENT ON TABLE @account.transfers IS 'of licenses with a limit of transfers: seats that were taken back from one person, and to whom each was given then';
COMMENT ON COLUMN @account.transfers.to_profile_id IS 'NULL: the seat was not given to another person yet';
COMMENT ON INDEX @account.transfers_open IS 'seats taken back that nobody was given yet, by whom they were taken from';
COMMENT ON INDEX @account.transfers_oldest IS 'the same in the order in which they are given out';
COMMENT ON INDEX @account.transfers_done IS 'the transfers of a license by date';

CREATE TABLE @account.groups (
	group_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	name text COLLATE "C" NOT NULL
		CONSTRAINT group_has_a_name CHECK (name = pg_catalog.btrim(name) AND name <> '')
);
CREATE UNIQUE INDEX groups_name_key ON @account.groups (orgsync.fold(name));
COMMENT ON TABLE @account.groups IS 'the groups that people can be members of';
COMMENT ON INDEX @account.groups_name_key IS 'group names are not case sensitive';

CREATE TABLE @account.memberships (
	profile_id bigint NOT NULL REFERENCES @account.profiles ON DELETE CASCADE,
	group_id integer NOT NULL REFERENCES @account.groups ON DELETE CASCADE,
	PRIMARY KEY (profile_id, group_id)
);
COMMENT ON TABLE @account.memberships IS 'who is in which group';

CREATE TABLE @account.permissions (
	profile_id bigint NOT NULL REFERENCES @account.profiles ON DELETE CASCADE,
	permission text COLLATE "C" NOT NULL
		CONSTRAINT permission_is_known CHECK (permission IN (
			'permission_create_other_sub_admins_with_same_permissions', 'permission_manage_custom_content',
			'permission_curate_content', 'permission_manage_it_settings',
			'group_permission_edit_groups', 'group_permission_manage_users_licenses',
			'group_permission_recommend_content', 'group_permission_view_reports')),
	scope orgsync.group_scope NOT NULL DEFAULT 'yes',
	PRIMARY KEY (profile_id, permission),
	CONSTRAINT permission_can_be_limited CHECK (pg_catalog.starts_with(permission, 'group_') OR scope::text IN ('no', 'yes'))
);
COMMENT ON TABLE @account.permissions IS 'admin permissions: everywhere (yes) or limited to groups';
COMMENT ON COLUMN @account.permissions.permission IS 'the column''s name in the vendor''s files';
COMMENT ON COLUMN @account.permissions.scope IS 'yes, no, or the groups: group:Sales group:Marketing';

CREATE TABLE @account.duplicate_rules (
	rule text COLLATE "C" PRIMARY KEY,
	action orgsync.rule_action NOT NULL
);
COMMENT ON TABLE @account.duplicate_rules IS 'what becomes of a profile that is similar to another, by rule; see orgsync.set_duplicate_rule()';

CREATE TABLE @account.domain_aliases (
	alias text COLLATE "C" PRIMARY KEY CHECK (alias = pg_catalog.lower(alias)),
	domain text COLLATE "C" NOT NULL CHECK (domain = pg_catalog.lower(domain) AND domain <> alias)
);
COMMENT ON TABLE @account.domain_aliases IS 'mail domains that are one and the same; see orgsync.add_domain_alias()';

CREATE TABLE @account.protected_profiles (
	profile_id bigint PRIMARY KEY,
	primary_email_address orgsync.email_address NOT NULL,
	why text NOT NULL,
	protected_by text NOT NULL DEFAULT CURRENT_USER,
	protected_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE @account.protected_profiles IS 'whom no import of mode full and no export revokes, removes or renames, also if the profile is deleted here; see orgsync.protect_profile()';
COMMENT ON COLUMN @account.protected_profiles.primary_email_address IS 'the address when the profile was protected';

CREATE TABLE @account.leavers (
	profile_id bigint PRIMARY KEY,
	primary_email_address text COLLATE "C",
	unique_user_id text COLLATE "C",
	preferred_first_name text,
	preferred_last_name text,
	work_title text,
	attributes jsonb NOT NULL DEFAULT '{}',
	left_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
CREATE INDEX leavers_address ON @account.leavers (pg_catalog.lower(primary_email_address));
CREATE INDEX leavers_unique_user_id ON @account.leavers (unique_user_id);
COMMENT ON TABLE @account.leavers IS 'people who were deleted here and whom the vendor still knows, without seats, groups and permissions: nothing deletes a profile there';
COMMENT ON COLUMN @account.leavers.primary_email_address IS 'as the vendor has it, like all that follows; NULL: somebody there gave it to somebody else';

CREATE TABLE @account.feeds (
	feed text COLLATE "C" PRIMARY KEY,
	last_import int8multirange NOT NULL DEFAULT '{}',
	records_fingerprint bytea
);
COMMENT ON TABLE @account.feeds IS 'the sources of imports';
COMMENT ON COLUMN @account.feeds.last_import IS 'profile_ids that the feed''s last import held';
COMMENT ON COLUMN @account.feeds.records_fingerprint IS 'what all that the meaning of a record depends on comes to, for the records in feed_records';

CREATE TABLE @account.feed_profiles (
	segment bigint NOT NULL,
	feed text COLLATE "C" NOT NULL,
	profile_ids int8multirange NOT NULL,
	PRIMARY KEY (segment, feed)
);
COMMENT ON TABLE @account.feed_profiles IS 'whom each feed brought';
COMMENT ON COLUMN @account.feed_profiles.segment IS 'profile_id divided by 512, rounded down: of those in the row';
COMMENT ON COLUMN @account.feed_profiles.profile_ids IS 'profile_ids that the feed brought and that were not absent since';

CREATE TABLE @account.feed_records (
	segment bigint GENERATED ALWAYS AS IDENTITY,
	feed text COLLATE "C" NOT NULL,
	entries bytea NOT NULL,
	PRIMARY KEY (feed, segment)
);
ALTER TABLE @account.feed_records ALTER COLUMN entries SET STORAGE PLAIN;
COMMENT ON TABLE @account.feed_records IS 'derived: hashes of the records that each feed brought, by which an import knows those that come again';
COMMENT ON COLUMN @account.feed_records.segment IS 'what a later row says of a profile counts';
COMMENT ON COLUMN @account.feed_records.entries IS 'profile_ids and hashes, see orgsync.feed_record_entries()';

CREATE TABLE @account.feed_record_doubts (
	doubt_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
	only_feed text COLLATE "C",
	except_feed text COLLATE "C",
	profile_runs bigint[]
);
ALTER TABLE @account.feed_record_doubts ALTER COLUMN profile_runs SET STORAGE EXTERNAL;
COMMENT ON TABLE @account.feed_record_doubts IS 'derived: profiles that were written to, so that their records in feed_records count no more; the next import of the feed settles it';
COMMENT ON COLUMN @account.feed_record_doubts.only_feed IS 'the feed whose records are meant; NULL: those of all feeds';
COMMENT ON COLUMN @account.feed_record_doubts.except_feed IS 'the feed whose import has written to them';
COMMENT ON COLUMN @account.feed_record_doubts.profile_runs IS 'the first and the last of profile_ids in a row, one such pair behind the other; NULL: all profiles';

CREATE TABLE @account.feed_groups (
	feed text COLLATE "C" NOT NULL,
	column_name text COLLATE "C" NOT NULL,
	profile_id bigint NOT NULL REFERENCES @account.profiles ON DELETE CASCADE,
	group_id integer NOT NULL REFERENCES @account.groups ON DELETE CASCADE,
	PRIMARY KEY (feed, column_name, profile_id)
);
CREATE INDEX feed_groups_profile ON @account.feed_groups (profile_id);
COMMENT ON TABLE @account.feed_groups IS 'the group that a feed''s column of group names gave a profile last: it leaves that one when it moves to another';
COMMENT ON COLUMN @account.feed_groups.column_name IS 'the column as the feed''s files have it';

CREATE TABLE @account.imports (
	import_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	state text COLLATE "C" NOT NULL CHECK (state IN ('applied', 'refused', 'dry_run', 'undone')),
	imported_by text NOT NULL DEFAULT CURRENT_USER,
	feed text COLLATE "C",
	source text,
	mode text COLLATE "C" NOT NULL,
	header text[],
	started_at timestamptz NOT NULL,
	finished_at timestamptz NOT NULL,
	rows_read bigint NOT NULL DEFAULT 0,
	created bigint NOT NULL DEFAULT 0,
	updated bigint NOT NULL DEFAULT 0,
	unchanged bigint NOT NULL DEFAULT 0,
	absent bigint NOT NULL DEFAULT 0,
	rejected bigint NOT NULL DEFAULT 0,
	warnings bigint NOT NULL DEFAULT 0,
	seats_granted bigint NOT NULL DEFAULT 0,
	seats_revoked bigint NOT NULL DEFAULT 0,
	invitations bigint NOT NULL DEFAULT 0,
	encoding text,
	delimiter text,
	message text,
	notes text
);
COMMENT ON TABLE @account.imports IS 'what each import read and did';
COMMENT ON COLUMN @account.imports.invitations IS 'welcome mails that the vendor will send';
COMMENT ON COLUMN @account.imports.state IS 'applied; refused: nothing was changed; dry_run; undone: see orgsync.undo_import()';
COMMENT ON COLUMN @account.imports.imported_by IS 'the role that ran it';
COMMENT ON COLUMN @account.imports.feed IS 'the source of the file; NULL: the vendor''s own list';
COMMENT ON COLUMN @account.imports.source IS 'a note of the caller''s, or the path or relation that was read';
COMMENT ON COLUMN @account.imports.mode IS 'patch, full or remote';
COMMENT ON COLUMN @account.imports.header IS 'the file''s columns as they came';
COMMENT ON COLUMN @account.imports.rows_read IS 'rows of the file, without the header';
COMMENT ON COLUMN @account.imports.created IS 'profiles that were made';
COMMENT ON COLUMN @account.imports.updated IS 'profiles that were changed';
COMMENT ON COLUMN @account.imports.unchanged IS 'rows that changed nothing';
COMMENT ON COLUMN @account.imports.absent IS 'mode full: people who are not in the file and have lost their seats';
COMMENT ON COLUMN @account.imports.rejected IS 'rows that were not applied';
COMMENT ON COLUMN @account.imports.warnings IS 'findings that held nothing up';
COMMENT ON COLUMN @account.imports.seats_granted IS 'seats that were given out';
COMMENT ON COLUMN @account.imports.seats_revoked IS 'seats that were taken back';
COMMENT ON COLUMN @account.imports.encoding IS 'that of the file, as it was found';
COMMENT ON COLUMN @account.imports.delimiter IS 'that of the file, as it was found';
COMMENT ON COLUMN @account.imports.message IS 'of the caller''s, for Workleap';
COMMENT ON COLUMN @account.imports.notes IS 'of the caller''s, for Workleap';

CREATE TABLE @account.import_effects (
	import_id bigint PRIMARY KEY REFERENCES @account.imports ON DELETE CASCADE,
	groups bigint[] NOT NULL,
	brought int8multirange NOT NULL,
	absent int8multirange NOT NULL
);
COMMENT ON TABLE @account.import_effects IS 'what an import did besides profiles that it made and cells that it changed';
COMMENT ON COLUMN @account.import_effects.groups IS 'group_ids that it made';
COMMENT ON COLUMN @account.import_effects.brought IS 'profile_ids that its feed had not brought before';
COMMENT ON COLUMN @account.import_effects.absent IS 'profile_ids that its feed had brought and that were absent';

CREATE TABLE @account.made_profiles (
	first_profile_id bigint PRIMARY KEY,
	number bigint NOT NULL,
	import_id bigint NOT NULL,
	first_line bigint NOT NULL
);
COMMENT ON TABLE @account.made_profiles IS 'which lines of which imports made which profiles: ids in a row by lines in a row';

CREATE TABLE @account.exports (
	export_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	state text COLLATE "C" NOT NULL DEFAULT 'exported' CHECK (state IN ('exported', 'confirmed', 'cancelled')),
	exported_by text NOT NULL DEFAULT CURRENT_USER,
	exported_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	confirmed_by text,
	confirmed_at timestamptz,
	is_full boolean NOT NULL DEFAULT false,
	is_overtaken boolean NOT NULL DEFAULT false,
	changes_read int8multirange NOT NULL
);
COMMENT ON TABLE @account.exports IS 'what was written for the vendor';
COMMENT ON COLUMN @account.exports.is_full IS 'it says everything, to an account of the vendor''s that has nothing';
COMMENT ON COLUMN @account.exports.is_overtaken IS 'a later one has put people together whose changes it read, and so it cannot be confirmed';
COMMENT ON COLUMN @account.exports.changes_read IS 'change_ids that the export read; its confirmation moves these to past_changes and no others';
COMMENT ON COLUMN @account.exports.state IS 'exported: not confirmed yet; confirmed: the vendor took it; cancelled: it was not uploaded';

CREATE TABLE @account.export_files (
	export_id bigint NOT NULL REFERENCES @account.exports ON DELETE CASCADE,
	seq integer NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('revoke', 'rename', 'update', 'add', 'manual')),
	file_name text NOT NULL,
	row_count bigint NOT NULL,
	forgotten_rows bigint NOT NULL DEFAULT 0,
	confirmed_at timestamptz,
	columns text[] NOT NULL,
	profile_ids bigint[] NOT NULL,
	csv text NOT NULL,
	PRIMARY KEY (export_id, seq)
);
COMMENT ON TABLE @account.export_files IS 'the files of an export, in the order in which to upload them';
COMMENT ON COLUMN @account.export_files.columns IS 'the file''s header';
COMMENT ON COLUMN @account.export_files.forgotten_rows IS 'rows that were in it, of people who were forgotten since';
COMMENT ON COLUMN @account.export_files.profile_ids IS 'the profile of each row';
COMMENT ON COLUMN @account.export_files.seq IS 'the order in which to upload';
COMMENT ON COLUMN @account.export_files.kind IS 'revoke, rename, update, add; manual: a list for a person to do';
COMMENT ON COLUMN @account.export_files.confirmed_at IS 'NULL: not confirmed yet';
COMMENT ON COLUMN @account.export_files.csv IS 'its content';

CREATE TABLE @account.import_findings (
	finding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	import_id bigint REFERENCES @account.imports ON DELETE CASCADE,
	export_id bigint REFERENCES @account.exports ON DELETE CASCADE,
	line bigint,
	column_name text,
	code text COLLATE "C" NOT NULL,
	severity text COLLATE "C" NOT NULL CHECK (severity IN ('warning', 'error', 'fatal')),
	message text NOT NULL,
	tip text,
	record text,
	CHECK (pg_catalog.num_nonnulls(import_id, export_id) = 1)
);
CREATE INDEX import_findings_import ON @account.import_findings (import_id, line);
CREATE INDEX import_findings_export ON @account.import_findings (export_id, line) WHERE export_id IS NOT NULL;
COMMENT ON TABLE @account.import_findings IS 'what was wrong with the files, line by line';
COMMENT ON COLUMN @account.import_findings.line IS 'physical line of the file on which the record begins';
COMMENT ON COLUMN @account.import_findings.record IS 'the record as it came';
COMMENT ON COLUMN @account.import_findings.import_id IS 'the import that found it; NULL: it is about an export';
COMMENT ON COLUMN @account.import_findings.export_id IS 'the export that it is about: what it left out, or the vendor refused';
COMMENT ON COLUMN @account.import_findings.column_name IS 'the column as the file has it';
COMMENT ON COLUMN @account.import_findings.code IS 'what kind of finding, see orgsync.finding_codes()';
COMMENT ON COLUMN @account.import_findings.severity IS 'fatal: the file was refused; error: the row was; warning: it was applied';
COMMENT ON COLUMN @account.import_findings.message IS 'what is wrong';
COMMENT ON COLUMN @account.import_findings.tip IS 'how to mend it';

CREATE TABLE @account.changes (
	change_id bigint GENERATED ALWAYS AS IDENTITY,
	profile_id bigint NOT NULL,
	changed_at timestamptz,
	import_id bigint,
	line bigint,
	column_name text COLLATE "C",
	vendor_value text COLLATE "C",
	changed_by text COLLATE "C",
	former_since timestamptz,
	former_status orgsync.seat_status,
	PRIMARY KEY (profile_id, change_id)
);
COMMENT ON TABLE @account.changes IS 'what was changed since the vendor heard of it, append-only: the first row of a cell holds what the vendor has';
COMMENT ON COLUMN @account.changes.changed_at IS 'NULL: nobody changed it, the vendor was found to have it so';
COMMENT ON COLUMN @account.changes.import_id IS 'the import that changed it, or that was undone';
COMMENT ON COLUMN @account.changes.line IS 'of the import''s file';
COMMENT ON COLUMN @account.changes.former_since IS 'of a seat: since when it had that status; without changed_at: when it was lost';
COMMENT ON COLUMN @account.changes.former_status IS 'of a seat: its status before the change; NULL: there was none';
COMMENT ON COLUMN @account.changes.column_name IS 'the cell''s column as its header has it; NULL: the whole profile, which the vendor did not have';
COMMENT ON COLUMN @account.changes.vendor_value IS 'the cell before the change';
COMMENT ON COLUMN @account.changes.changed_by IS 'the role that changed it, or undid the import; NULL: the import did';

CREATE TABLE @account.past_changes (
	change_id bigint NOT NULL,
	profile_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	import_id bigint,
	line bigint,
	column_name text COLLATE "C",
	vendor_value text COLLATE "C",
	changed_by text COLLATE "C",
	former_since timestamptz,
	former_status orgsync.seat_status,
	PRIMARY KEY (profile_id, change_id)
);
COMMENT ON TABLE @account.past_changes IS 'rows of changes that the vendor has heard of; see history, and orgsync.prune()';

CREATE VIEW @account.seat_usage AS
SELECT l.header,
	l.seats AS total,
	CASE WHEN l.seats IS NOT NULL THEN
		greatest(l.seats - c.activated - CASE l.counting WHEN 'invited' THEN c.invited ELSE 0 END, 0) END AS available,
	c.invited,
	c.activated,
	c.waitlisted,
	CASE WHEN l.transfers_per_year IS NOT NULL THEN t.transfers END AS transfers,
	CASE WHEN l.transfers_per_year IS NOT NULL THEN greatest(l.transfers_per_year - t.transfers, 0) END AS transfers_left
FROM @account.licenses l
CROSS JOIN LATERAL (SELECT count(*) AS transfers FROM @account.transfers t
	WHERE t.license_id = l.license_id AND t.to_profile_id IS NOT NULL
	AND t.transferred_at > pg_catalog.now() - interval '1 year') t
CROSS JOIN LATERAL (SELECT coalesce(sum(c.waitlisted), 0)::bigint AS waitlisted,
		coalesce(sum(c.invited), 0)::bigint AS invited, coalesce(sum(c.activated), 0)::bigint AS activated
	FROM @account.seat_counters c WHERE c.license_id = l.license_id) c
ORDER BY l.license_id;
COMMENT ON VIEW @account.seat_usage IS 'seats by license, as the vendor''s account center shows them';
COMMENT ON COLUMN @account.seat_usage.total IS 'seats that were bought; NULL: no limit';
COMMENT ON COLUMN @account.seat_usage.available IS 'seats that are free';
COMMENT ON COLUMN @account.seat_usage.invited IS 'people who are invited and did not come yet';
COMMENT ON COLUMN @account.seat_usage.activated IS 'people who came';
COMMENT ON COLUMN @account.seat_usage.waitlisted IS 'people who wait for a seat';
COMMENT ON COLUMN @account.seat_usage.transfers IS 'seats that passed from one person to another in the last year; NULL: they are not counted';
COMMENT ON COLUMN @account.seat_usage.transfers_left IS 'how many more may';

CREATE VIEW @account.users AS
SELECT p.profile_id, p.primary_email_address, p.unique_user_id, p.preferred_first_name, p.preferred_last_name, p.work_title,
	ARRAY(SELECT g.name FROM @account.memberships m JOIN @account.groups g USING (group_id)
		WHERE m.profile_id = p.profile_id ORDER BY g.name) AS groups,
	coalesce((SELECT pg_catalog.jsonb_object_agg(l.header::text,
			pg_catalog.jsonb_build_object('status', s.status, 'since', s.since))
		FROM @account.seats s JOIN @account.licenses l USING (license_id)
		WHERE s.profile_id = p.profile_id), '{}') AS licenses,
	(SELECT CASE WHEN count(*) = 0 THEN 'user' WHEN count(*) = 8 THEN 'full admin' ELSE 'sub admin' END
		FROM @account.permissions a WHERE a.profile_id = p.profile_id AND a.scope <> 'no') AS admin_type
FROM @account.profiles p;
COMMENT ON VIEW @account.users IS 'one row a profile, as an admin sees it';
COMMENT ON COLUMN @account.users.licenses IS 'by header: status, and since when';
COMMENT ON COLUMN @account.users.admin_type IS 'user, sub admin or full admin';

CREATE VIEW @account.license_holders AS
SELECT p.profile_id, p.primary_email_address, p.preferred_first_name, p.preferred_last_name, l.header, s.status, s.since
FROM @account.seats s JOIN @account.licenses l USING (license_id) JOIN @account.profiles p USING (profile_id);
COMMENT ON VIEW @account.license_holders IS 'one row a profile and license, to filter by license and status';

CREATE VIEW @account.logged_changes AS
SELECT change_id, profile_id, changed_at, import_id, line, former_since, former_status, column_name, vendor_value AS former_value,
	changed_by
FROM @account.changes WHERE changed_at IS NOT NULL
UNION ALL
SELECT change_id, profile_id, changed_at, import_id, line, former_since, former_status, column_name, vendor_value, changed_by
FROM @account.past_changes;
COMMENT ON VIEW @account.logged_changes IS 'all changes that are kept, whether the vendor has heard of them or not';

CREATE VIEW @account.present_cells AS
SELECT p.profile_id, c.column_name, c.value
FROM @account.profiles p CROSS JOIN LATERAL (VALUES ('primary_email_address', p.primary_email_address::text),
	('unique_user_id', p.unique_user_id), ('preferred_first_name', p.preferred_first_name),
	('preferred_last_name', p.preferred_last_name), ('work_title', p.work_title)) AS c (column_name, value)
WHERE c.value <> ''
UNION ALL
SELECT p.profile_id, 'attribute_' || a.key, a.value
FROM @account.profiles p CROSS JOIN LATERAL pg_catalog.jsonb_each_text(p.attributes) AS a WHERE a.value <> ''
UNION ALL
SELECT s.profile_id, l.header::text, 'active'
FROM @account.seats s JOIN @account.licenses l USING (license_id) WHERE s.status IN ('invited', 'activated')
UNION ALL
SELECT m.profile_id, 'group:' || g.name, 'yes'
FROM @account.memberships m JOIN @account.groups g USING (group_id)
UNION ALL
SELECT a.profile_id, a.permission, a.scope::text
FROM @account.permissions a WHERE a.scope::text <> 'no';
COMMENT ON VIEW @account.present_cells IS 'one row a cell that is not empty, as the vendor''s files have it';

CREATE VIEW @account.history AS
SELECT v.profile_id,
	coalesce(v.primary_email_address::text, (SELECT d.former_value FROM @account.logged_changes d
		WHERE d.profile_id = v.profile_id AND d.column_name = 'primary_email_address'
		ORDER BY d.change_id DESC LIMIT 1)) AS address,
	v.column_name, v.value,
	v.valid_from,
	v.valid_until,
	CASE WHEN v.valid_from IS NULL THEN NULL
		WHEN v.is_first THEN coalesce((SELECT CASE WHEN v.profile_id < m.first_profile_id + m.number THEN 'import ' || m.import_id END
			FROM @account.made_profiles m WHERE m.first_profile_id <= v.profile_id ORDER BY m.first_profile_id DESC LIMIT 1),
			(SELECT 'role ' || c.changed_by FROM @account.logged_changes c
			WHERE c.profile_id = v.profile_id AND c.column_name IS NULL LIMIT 1))
		WHEN v.changed_by IS NULL THEN 'import ' || v.import_id
		WHEN v.import_id IS NULL THEN 'role ' || v.changed_by
		ELSE 'role ' || v.changed_by || ', undoing import ' || v.import_id END AS set_by
FROM (SELECT v.*, v.set_at IS NULL AS is_first, p.primary_email_address,
		coalesce(v.set_at, (SELECT made.made_at FROM (SELECT coalesce(p.created_at,
				(SELECT i.started_at FROM (SELECT m.* FROM @account.made_profiles m WHERE m.first_profile_id <= v.profile_id
					ORDER BY m.first_profile_id DESC LIMIT 1) m JOIN @account.imports i USING (import_id)
				WHERE v.profile_id < m.first_profile_id + m.number),
				(SELECT c.changed_at FROM @account.logged_changes c
				WHERE c.profile_id = v.profile_id AND c.column_name IS NULL LIMIT 1)) AS made_at) made
			WHERE made.made_at >= (SELECT coalesce(s.history_since, '-infinity') FROM @account.settings s))) AS valid_from
	FROM (SELECT c.profile_id, c.column_name, c.former_value AS value, c.changed_at AS valid_until,
		pg_catalog.lag(c.changed_at) OVER w AS set_at, pg_catalog.lag(c.import_id) OVER w AS import_id,
		pg_catalog.lag(c.changed_by) OVER w AS changed_by
	FROM @account.logged_changes c WHERE c.column_name IS NOT NULL
	WINDOW w AS (PARTITION BY c.profile_id, c.column_name ORDER BY c.change_id)
	UNION ALL
	SELECT n.profile_id, n.column_name, n.value, NULL, l.changed_at, l.import_id, l.changed_by
	FROM @account.present_cells n LEFT JOIN (SELECT DISTINCT ON (c.profile_id, c.column_name) c.profile_id, c.column_name,
			c.changed_at, c.import_id, c.changed_by
		FROM @account.logged_changes c WHERE c.column_name IS NOT NULL
		ORDER BY c.profile_id, c.column_name, c.change_id DESC) l
	ON l.profile_id = n.profile_id AND l.column_name = n.column_name COLLATE "C") v
	LEFT JOIN @account.profiles p ON p.profile_id = v.profile_id) v
WHERE v.value <> ''
	AND (v.value NOT IN ('no', 'inactive') OR pg_catalog.starts_with(v.column_name, 'attribute_')
		OR v.column_name IN ('primary_email_address', 'unique_user_id', 'preferred_first_name', 'preferred_last_name', 'work_title'))
	AND (v.valid_until IS NULL OR v.valid_from IS DISTINCT FROM v.valid_until);
COMMENT ON VIEW @account.history IS 'who had what when: one row a version of a cell; valid_until NULL: still, valid_from NULL: since before what is kept';

CREATE TRIGGER touch_updated_at BEFORE UPDATE ON @account.profiles
	FOR EACH ROW EXECUTE FUNCTION orgsync.touch_updated_at();

CREATE TRIGGER touch_since BEFORE UPDATE ON @account.seats
	FOR EACH ROW WHEN (OLD.status <> NEW.status AND OLD.since = NEW.since) EXECUTE FUNCTION orgsync.touch_since();

CREATE TRIGGER duplicate_profile_insert AFTER INSERT ON @account.profiles
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.duplicate_profile_check();
CREATE TRIGGER duplicate_profile_update AFTER UPDATE ON @account.profiles
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.duplicate_profile_check();

CREATE TRIGGER license_counter_insert AFTER INSERT ON @account.licenses
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_license();
CREATE TRIGGER license_counter_update AFTER UPDATE ON @account.licenses
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_license();
CREATE TRIGGER license_counter_delete AFTER DELETE ON @account.licenses
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_license();
CREATE TRIGGER license_cap_insert AFTER INSERT ON @account.seats
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_seats();
CREATE TRIGGER license_cap_update AFTER UPDATE ON @account.seats
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_seats();
CREATE TRIGGER license_cap_delete AFTER DELETE ON @account.seats
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_seats();
CREATE TRIGGER license_cap_truncate AFTER TRUNCATE ON @account.seats
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_cap_seats();
CREATE TRIGGER derived_seat_counters BEFORE INSERT OR UPDATE OR DELETE ON @account.seat_counters
	FOR EACH ROW EXECUTE FUNCTION orgsync.keep_derived();
CREATE TRIGGER derived_seat_counters_truncate AFTER TRUNCATE ON @account.seat_counters
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.license_counter_rebuild();

CREATE TRIGGER change_log_insert AFTER INSERT ON @account.profiles
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_profiles();
CREATE TRIGGER change_log_update AFTER UPDATE ON @account.profiles
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_profiles();
CREATE TRIGGER change_log_delete AFTER DELETE ON @account.profiles
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_profiles();
CREATE TRIGGER change_log_insert AFTER INSERT ON @account.seats
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_seats();
CREATE TRIGGER change_log_update AFTER UPDATE ON @account.seats
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_seats();
CREATE TRIGGER change_log_delete AFTER DELETE ON @account.seats
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_seats();
CREATE TRIGGER change_log_insert AFTER INSERT ON @account.memberships
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_memberships();
CREATE TRIGGER change_log_update AFTER UPDATE ON @account.memberships
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_memberships();
CREATE TRIGGER change_log_delete AFTER DELETE ON @account.memberships
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_memberships();
CREATE TRIGGER change_log_insert AFTER INSERT ON @account.permissions
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_permissions();
CREATE TRIGGER change_log_update AFTER UPDATE ON @account.permissions
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_permissions();
CREATE TRIGGER change_log_delete AFTER DELETE ON @account.permissions
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_permissions();
CREATE TRIGGER change_log_rename BEFORE UPDATE OF name OR DELETE ON @account.groups
	FOR EACH ROW EXECUTE FUNCTION orgsync.change_log_group();
CREATE TRIGGER change_log_rename BEFORE UPDATE OF header OR DELETE ON @account.licenses
	FOR EACH ROW EXECUTE FUNCTION orgsync.change_log_license();
CREATE TRIGGER change_log_truncate BEFORE TRUNCATE ON @account.profiles
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_truncate();
CREATE TRIGGER change_log_truncate BEFORE TRUNCATE ON @account.seats
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_truncate();
CREATE TRIGGER change_log_truncate BEFORE TRUNCATE ON @account.memberships
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_truncate();
CREATE TRIGGER change_log_truncate BEFORE TRUNCATE ON @account.permissions
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.change_log_truncate();

CREATE TRIGGER feed_records_insert AFTER INSERT ON @account.feed_groups
	REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.feed_records_forget();
CREATE TRIGGER feed_records_update AFTER UPDATE ON @account.feed_groups
	REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.feed_records_forget();
CREATE TRIGGER feed_records_delete AFTER DELETE ON @account.feed_groups
	REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION orgsync.feed_records_forget();
CREATE TRIGGER feed_records_truncate AFTER TRUNCATE ON @account.feed_groups
	FOR EACH STATEMENT EXECUTE FUNCTION orgsync.feed_records_forget();

$layout$
$function$;
COMMENT ON FUNCTION orgsync.account_layout() IS
	'the statements that make an account''s tables, with @account for its schema';
