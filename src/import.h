/*
 * import.h
 *		An import: from the bytes of an org-sync file to an account's tables.
 *
 *		import.c			the functions that people call, and their arguments
 *		import_run.c		the order of the phases
 *		import_records.c	the first of them: the file's records are read and staged
 *		import_progress.c	shows how far it is
 *		import_reader.c		how the file is written: encoding, delimiter, header line
 *		import_header.c		what the file's columns mean for this account
 *		import_group.c		the account's groups and those that the file names
 *		import_text.c		text as findings and tables have it, and suggestions
 *		import_row.c		what a record says, and what is wrong with it
 *		import_location.c	its country and region
 *		import_note.c		what of a row matters to the rows behind it
 *		import_worker.c		another process that parses records
 *		import_slot.h		records that go to it, and what comes back
 *		import_description.c	what that process must know of the import
 *		import_staging.c	keeps the rows between the phases, on disk if they are many
 *		import_match.c		which profiles have the keys of the rows
 *		import_resolve.c	which profile each row means
 *		import_decide.c		which rows are accepted, in line order, and what they change
 *		import_address.c	who gets an address that another profile has
 *		import_values.c		the profile as a row wants it
 *		import_present.c	what the account has of the rows' profiles
 *		import_similar.c	rows that look like an existing profile or an earlier row
 *		import_similar_note.c	and what is noted of them before
 *		import_seats.c		who gets a seat
 *		import_membership.c who joins and leaves which group
 *		import_source.c		which feed set a cell, and conflicts between feeds
 *		import_change.c		the change set
 *		import_apply.c		writes the change set
 *		import_direct.c		writes the people whom the import makes, below the triggers
 *		import_unchanged.c	records that came before and need not be read again
 *		import_unchanged_store.c	keeps the hashes of an import's records for the next one
 *		import_absence.c	who is missing from a file of mode full
 *		import_effects.c	what the changed cells do not tell of it
 *		import_finding.c	collects what was wrong
 *		import_finding_write.c	and writes it
 *		import_table.c		reads a table or view as if it were a file
 *		import_stream.h		where a file comes from, other modules among others
 *		import_sheet.c		what a sheet of a workbook tells besides its records
 *		import_remote.c		a list of what the vendor has: who is in it
 *		import_remote_compare.c		what of it is otherwise than here
 *		import_remote_difference.c	collects that, and writes it
 */
#ifndef ORGSYNC_IMPORT_H
#define ORGSYNC_IMPORT_H

#include "account.h"
#include "change_log.h"
#include "core/cell.h"
#include "core/csv_reader.h"
#include "core/email.h"
#include "core/finding.h"
#include "core/header.h"
#include "core/location.h"
#include "core/vendor_status.h"
#include "duplicate_rule.h"
#include "feed_records.h"
#include "fmgr.h"
#include "import_stream.h"
#include "license_cap.h"
#include "nodes/bitmapset.h"
#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "profile_set.h"
#include "similar_filter.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#define NO_COLUMN	(-1)
#define NO_LICENSE	(-1)
#define NO_GROUP	(-1)

/* A record has about so many bytes. */
#define IMPORT_RECORD_LENGTH	100

/* Records are read so many at a time, at most. */
#define IMPORT_RECORDS_AT_ONCE	64

/* What the caller wants; strings in the database's encoding. */
typedef struct ImportOptions
{
	char	   *feed;
	bool		full;			/* mode full: who is absent loses the seats */
	bool		stop_on_error;
	bool		dry_run;
	bool		override;		/* of the thresholds */
	Jsonb	   *columns;		/* the file's header to ours, or NULL */
	int			group_count;	/* groups that every row's profile joins */
	char	  **groups;
	char	   *source;
	char	   *message;		/* of the vendor's invitation: kept with the import, like the notes */
	char	   *notes;
	bool		numbers_records;	/* a line number is the number of a record: of tables */
	bool		is_remote;		/* the vendor's own list of what it has; see import_remote.c */
	bool		complete;		/* it has everybody */
	bool		adopt;			/* people whom the account does not have are made */
} ImportOptions;

/* A column of the file. */
typedef struct ImportColumn
{
	column_kind kind;
	char	   *header;			/* as the file has it, as far as the database's encoding can hold it */
	bool		header_is_cut;	/* it cannot */
	char	   *canonical;		/* as our exports write it */
	int			permission;
	int			license;		/* index in Import.licenses */
	int			group;			/* index in Import.groups */
	char	   *attribute;		/* its name; NULL: the column is none of the profile's attributes */
} ImportColumn;

typedef struct ImportGroup
{
	char	   *name;
	char	   *folded;			/* the name as it is compared */
	bool		is_used;		/* the file or the caller names it: it is made if need be */
	int64		line;			/* the last one whose cell names it */
	int			group_id;		/* 0: the account does not have it, or not yet */
} ImportGroup;

/* What one cell says, by the kind of its column. */
typedef struct ImportCell
{
	cell_value	value;			/* license, group, plain permission */
	char	   *text;			/* the others; NULL: no action */
	vendor_status status;		/* license, in a list of the vendor's */
	int			group;			/* that the cell names: index in Import.groups, if there is a text */
} ImportCell;

/* A row of the file; its strings live in the import's row context. */
typedef struct ImportRow
{
	int64		line;
	const char *raw;			/* UTF-8 */
	size_t		raw_length;
	char	   *texts;			/* a copy, in which strings lie; see import_row_text() */
	bool		rejected;
	bool		key_known;		/* does it say whom it is about? */
	bool		key_unreadable; /* a cell that might say so is faulty */
	bool		reupload_user_profile;
	char	   *primary_email_address;	/* keys; NULL: not given */
	char	   *existing_email_address;
	char	   *unique_user_id;
	char	   *new_unique_user_id;
	SimilarKeys similar_keys;	/* see import_note_make() */
	SimilarName similar_name;	/* if there are keys */
	ImportCell *cells;			/* one a column */
} ImportRow;

/* What of a row matters to the rows behind it; see import_note.c. */
typedef struct RowNote
{
	int64		line;
	bool		is_rejected;
	bool		key_known;
	bool		is_lasting;		/* its record will say the same the next time */
	bool		says_active;	/* of a license */
	bool		says_inactive;
	bool		is_partial;		/* it gives no address or not both names */
	bool		is_unnamed;		/* an address, but not both names */
	bool		has_email;
	bool		has_user_id;
	bool		has_new_user_id;
	uint64		email_hash;		/* regardless of case */
	uint64		user_id_hash;
	uint64		new_user_id_hash;
	SimilarNote similar;		/* the end is cut off; no address: keys.local is 0 */
} RowNote;

/* So much of a note has to be kept, aligned for the next one. */
#define ROW_NOTE_SIZE(note)	MAXALIGN(offsetof(RowNote, similar.local) + (note)->similar.local_length)

/* What became of a row. */
typedef enum RowState
{
	ROW_ACCEPTED,
	ROW_REJECTED,
	ROW_ADDRESS_TAKEN			/* is to be rejected for that when its turn comes */
} RowState;

/* What is kept of every row in memory: as little as can be. */
typedef struct RowTarget
{
	int64		profile_id:56;	/* 0: a new profile; see import_target_profile() */
	uint8		state:2;		/* RowState */
	bool		is_new:1;		/* the profile is made by this import */
	bool		has_address:1;	/* the row gives one */
	bool		takes_address:1;	/* another profile has it now; see import_address_holder() */
	bool		renames:1;		/* the profile's address changes */
	bool		counted:1;		/* its revocations have been counted before all grants */
	bool		is_unsettled:1; /* not all is done that the row says, it may be another time */
} RowTarget;

StaticAssertDecl(sizeof(RowTarget) == sizeof(int64), "a row takes 8 bytes");

typedef struct ImportCounts
{
	int64		rows_read;
	int64		created;
	int64		updated;
	int64		unchanged;
	int64		absent;
	int64		rejected;
	int64		warnings;
	int64		seats_granted;
	int64		seats_revoked;
	int64		invitations;
} ImportCounts;

typedef struct ImportFindings ImportFindings;
typedef struct ImportStaging ImportStaging;
typedef struct ImportKeys ImportKeys;
typedef struct ImportChanges ImportChanges;
typedef struct ImportDirect ImportDirect;
typedef struct ImportUnchanged ImportUnchanged;
typedef struct RowMatches RowMatches;
typedef struct ImportResolution ImportResolution;
typedef struct ImportWorker ImportWorker;

typedef struct Import
{
	Account    *account;
	ImportOptions options;
	int64		import_id;
	TimestampTz started_at;
	MemoryContext context;		/* lives as long as the import */
	MemoryContext row_context;	/* reset for each row */
	MemoryContext attempt_context;	/* reset for each attempt at writing */
	ImportSource source;
	bool		has_note;		/* of a sheet: the next one, which is not reported yet */
	SheetNote	note;
	csv_field  *padded_fields;	/* of a sheet's row that is shorter than the header; NULL: none yet */

	csv_encoding encoding;		/* how the file turned out to be written */
	char		delimiter;		/* '\0': a table has none */
	int64		header_line;
	int			header_cell_count;	/* cells of the header's record, the nameless ones at its end too */
	bool		has_nameless_values;	/* there is something in one of those columns: it is reported */

	int			header_count;	/* the file's header, as it came */
	char	  **header;
	int			column_count;
	ImportColumn *columns;
	int			email_column;	/* NO_COLUMN: the file has none; so for the following */
	int			existing_email_column;
	int			user_id_column;
	int			new_user_id_column;
	int			country_column;
	int			region_column;
	bool		has_messages_column;
	bool		has_group_names;	/* there is a column whose cells name groups */
	int		   *attribute_columns;	/* those that set attributes; see import_values.c */
	int			attribute_count;

	int			license_count;
	LicenseUsage *licenses;
	int		   *license_columns;	/* the column of each license, or NO_COLUMN */
	int			initial_license;	/* that new profiles are invited to, or NO_LICENSE */
	int			group_count;
	int			group_capacity;
	ImportGroup *groups;
	HTAB	   *groups_by_name;
	int			whole_group_count;	/* groups that every row's profile joins: indexes in groups */
	int		   *whole_groups;
	DuplicateRules *rules;
	Oid			profile_sequence;	/* gives profile_ids */

	ImportFindings *findings;
	ImportStaging *staging;
	ImportUnchanged *unchanged; /* NULL: no account, or a list of the vendor's */
	ImportWorker *worker;		/* NULL: none, or not yet */
	bool		has_no_worker;	/* and will get none */
	int64		bytes_parsed;
	ImportKeys *emails;			/* keys that several rows have */
	ImportKeys *user_ids;
	SimilarFilter *similar_filter;	/* see import_similar.c; NULL: none was needed */
	DuplicateRules *noted_rules;	/* those by which it was made */
	int64		unnamed_row_count;
	Bitmapset  *partial_rows;	/* those that give no address or not both names */
	int64	   *active_cells;	/* how many cells of each license say active */
	int64		inactive_cells; /* how many of all licenses say inactive */
	int64		row_count;	/* rows of the file */
	int64		bytes_read;
	int64		unreadable_line;	/* first line whose key cannot be read, or 0 */
	HTAB	   *shielded;		/* protected profiles, or NULL; see import_shield.c */
	Bitmapset  *losing_rows;	/* their address is not given up after all; see import_address.c */
	Bitmapset  *withheld_rows;	/* their revocations cannot be counted on; see import_decide.c */
	bool		refused;		/* a fatal finding: nothing is applied */
	bool		is_again;		/* an attempt has failed, as other sessions got in between */
	bool		keeps_rows;		/* the rows may be needed again: the file was read once more for them */
	bool		lacks_rows;		/* the rows are needed again, and are not there any more */
	bool		by_statements;	/* nothing is written directly, so that rows can be tried one by one */

	/* of one attempt */
	bool		takes_addresses;	/* a row takes the address of a profile */
	bool		is_first;		/* the account has no profile yet */
	RowTarget  *targets;
	ImportResolution *resolution;	/* see import_resolve.c */
	HTAB	   *movers;			/* rows that give a profile another address, by profile_id */
	HTAB	   *address_holders;	/* NULL: no row takes an address */
	ImportCounts counts;
	ImportChanges *changes;
	ImportDirect *direct;		/* NULL: all is written by statements */
	int64	   *named;			/* profile_ids that rejected rows and findings name */
	int64		named_count;
	int64		named_capacity;
	int			made_group_count;	/* groups that it makes: group_ids */
	int64	   *made_groups;
	Datum		brought;		/* int8multirange: whom the feed brings for the first time */
	Datum		absent;			/* int8multirange: who is absent; 0: nobody */
	ChangeRun  *new_runs;		/* profiles that this import makes, ascending */
	int64		new_run_count;
	int64		new_run_capacity;
	struct SimilarRows *similar;
	struct SeatRequests *seats;
} Import;

/* import_progress.c */
extern void import_progress_phase(Import *import, const char *table);
extern void import_progress_read(Import *import, int64 bytes);
extern void import_progress_rows(int64 count);
extern void import_progress_steps(Import *import, int64 total);
extern void import_progress_end(void);

/* import_reader.c */
extern csv_reader *import_reader_open(Import *import, csv_record *record, csv_fault *fault, csv_result *result);
extern void import_reader_cut(Import *import, csv_record *record);
extern void import_reader_close(Import *import, csv_reader *reader);

/* Is there an account, or is a file just checked?  See check.c. */
static inline bool
import_has_account(const Import *import)
{
	return OidIsValid(import->account->namespace_oid);
}

/* Is the file a sheet of a workbook? */
static inline bool
import_is_sheet(const Import *import)
{
	return import->source.row_at != NULL;
}

/* import_sheet.c */
extern void import_sheet_place(Import *import, csv_record *record);
extern bool import_sheet_has_notes(Import *import, const csv_record *record);
extern void import_sheet_pad(Import *import, csv_record *record);
extern void import_sheet_report_row(Import *import, ImportRow *row);
extern void import_sheet_report_rest(Import *import);

/* import.c */
extern Jsonb *import_columns_argument(FunctionCallInfo fcinfo, int argument);

/* import_run.c */
extern Import *import_create(void);
extern Datum import_finish(Import *import);
extern Oid	import_identity_sequence(const Account *account, const char *table, AttrNumber column);

/* import_records.c */
extern csv_result import_read_record(Import *import, csv_reader *reader, csv_record *record, const FeedRecordHash *hash,
									 csv_fault *fault);
extern void import_parse_record(Import *import, csv_record *record, ImportRow *row, RowNote *note);
extern void import_read_file(Import *import);

/* import_header.c */
extern char *import_mapped_header(const Import *import, const char *header);
extern void import_read_header(Import *import, const csv_record *record);

/* import_group.c */
extern void import_groups_begin(Import *import);
extern int	import_group_find(const Import *import, const char *name);
extern int	import_group_find_or_add(Import *import, const char *name);
extern bool import_group_is_missing(const Import *import, int group);
extern bool import_group_is_known(const Import *import, const char *name, const ImportRow *row);
extern int	import_group_of_cell(Import *import, ImportRow *row, const ImportColumn *column, const char *name);
extern void import_make_groups(Import *import);

/* import_text.c */
extern char *import_text(const char *text, size_t length);
extern char *import_text_shown(const char *text, size_t length);
extern char *import_suggestion(const char *given, const char *const *known, int count);
extern char *import_suggest_group(const Import *import, const char *given);

/* import_row.c */
extern char *import_row_text(const ImportRow *row, size_t offset, size_t length);
extern void import_parse_row(Import *import, const csv_record *record, ImportRow *row);
extern char *import_field_text(Import *import, ImportRow *row, const ImportColumn *column, const csv_field *field);
extern bool import_field_is_blank(const csv_field *field);

/* import_location.c */
extern void import_parse_location(Import *import, ImportRow *row, const csv_record *record);

/* import_note.c */
extern void import_note_make(Import *import, ImportRow *row, RowNote *note);
extern void import_note_take(Import *import, const RowNote *note, int64 row_number, const FeedRecordHash *hash);

/* import_worker.c */
extern bool import_worker_put(Import *import, csv_reader *reader, const csv_record *record);
extern void import_worker_end(Import *import, csv_result *result, csv_fault *fault);

/* import_description.c */
extern void import_describe(Import *import, StringInfo description);
extern Import *import_create_described(char *description);

/* import_finding.c */
extern ImportFindings *import_findings_create(void);
extern void import_findings_divert(ImportFindings *findings, StringInfo diverted);
extern void import_findings_add(Import *import, char *diverted, Size size);
extern void import_report(Import *import, finding_code code, int64 line, const char *column_name,
						  const ImportRow *row, int argument_count,...);
extern void import_reject(Import *import, ImportRow *row, finding_code code, const char *column_name,
						  int argument_count,...);
extern void import_findings_mark(ImportFindings *findings);
extern void import_findings_forget(ImportFindings *findings);
extern void import_findings_end(ImportFindings *findings);
extern void import_findings_restart(ImportFindings *findings);
extern int64 import_findings_count(const ImportFindings *findings, finding_severity severity);

/* import_finding_write.c */
extern void import_findings_return(Import *import, ReturnSetInfo *result);
extern void import_findings_write(Import *import);

/* import_staging.c */
extern ImportStaging *import_staging_create(void);
extern void import_staging_pack(const Import *import, const ImportRow *row, StringInfo packed);
extern void import_staging_put(Import *import, const ImportRow *row);
extern void import_staging_put_packed(ImportStaging *staging, const char *packed, Size size, int64 count);
extern void import_staging_end(ImportStaging *staging);
extern int64 import_staging_count(const ImportStaging *staging);
extern void import_staging_rewind(ImportStaging *staging);
extern void import_staging_drain(ImportStaging *staging);
extern bool import_staging_is_drained(const ImportStaging *staging);
extern bool import_staging_next(Import *import, ImportRow *row, bool with_cells);
extern void import_staging_register(Import *import);
extern void import_staging_unregister(void);

/* import_keys.c */
extern ImportKeys *import_keys_create(void);
extern void import_keys_add(ImportKeys *keys, uint64 hash, int64 row);
extern void import_keys_finish(ImportKeys *keys);
extern int64 import_keys_shared(ImportKeys *keys, int64 row);

/* import_match.c */

/* So few rows are joined with the profiles before it is asked whether there are any. */
#define IMPORT_FEW_ROWS	100

/* Who has the keys of a row: profile_ids, 0 for none. */
typedef struct RowMatch
{
	int64		by_user_id;
	int64		by_address;
	int64		by_existing_address;
	int64		by_new_user_id;
	bool		address_has_user_id;	/* the profile found by address has an id */
	bool		user_id_differs;	/* the profile found by existing address has another id */
} RowMatch;

extern RowMatches *import_matches_find(Import *import);
extern RowMatch import_match_of(const RowMatches *matches, int64 row);
extern bool import_matches_any(const RowMatches *matches, int64 count);
extern void import_matches_free(RowMatches *matches);

/* import_resolve.c */
typedef struct RepeatedKeys
{
	HTAB	   *emails;
	HTAB	   *user_ids;
	HTAB	   *claimed_ids;	/* that profiles shall have, new_unique_user_id too */
} RepeatedKeys;

extern RepeatedKeys import_repeated_keys_begin(Import *import);
extern void import_repeated_keys_check(Import *import, RepeatedKeys *keys, ImportRow *row, int64 row_number);
extern void import_repeated_keys_claim(Import *import, RepeatedKeys *keys, ImportRow *row, int64 row_number);
extern int64 import_target_profile(int64 profile_id);
extern void import_resolve(Import *import);
extern void import_resolve_row(Import *import, ImportRow *row, int64 row_number);
extern int64 import_address_holder(const Import *import, int64 row_number);
extern void import_note_named(Import *import, int64 profile_id);

/* import_decide.c */
extern bool import_decide(Import *import);
extern int64 import_new_profile_id(Import *import);
extern int64 import_adopt(Import *import, ImportRow *row, int64 row_number);
extern char *import_canonical_scope(const char *scope);

/* import_address.c */
extern void import_address_begin(Import *import);
extern bool import_address_find_losing(Import *import);
extern void import_address_reject(Import *import, ImportRow *row, int64 row_number);

/* A profile as it shall be, or as it is; NULL for null. */
typedef struct ProfileValues
{
	int64		profile_id;
	char	   *primary_email_address;
	char	   *unique_user_id;
	char	   *preferred_first_name;
	char	   *preferred_last_name;
	char	   *work_title;
	Jsonb	   *attributes;
	bool		reupload_user_profile;
} ProfileValues;

/* import_present.c */
typedef struct PresentSeat
{
	int			license_id;
	char	   *status;
	TimestampTz since;
} PresentSeat;

typedef struct PresentPermission
{
	char	   *permission;
	char	   *scope;
} PresentPermission;

/* A group that a feed's column of group names gave the profile. */
typedef struct GivenGroup
{
	int			group;			/* index in Import.groups */
	char	   *column_name;	/* NULL: another feed's */
} GivenGroup;

/* What the account has of a profile. */
typedef struct PresentProfile
{
	int64		profile_id;		/* hash key */
	ProfileValues values;
	List	   *seats;			/* of PresentSeat * */
	List	   *groups;			/* integers */
	List	   *given_groups;	/* of GivenGroup * */
	List	   *permissions;	/* of PresentPermission * */
} PresentProfile;

extern void import_shield_begin(Import *import);
extern bool import_shield_covers(const Import *import, int64 profile_id);
extern void import_shield_row(Import *import, ImportRow *row, const RowTarget *target,
							  const PresentProfile *present, bool with_report);
extern HTAB *import_fetch_present(Import *import, const int64 *profile_ids, int count);

/* import_values.c */
extern ProfileValues import_wanted_values(Import *import, const ImportRow *row, const RowTarget *target,
										  const PresentProfile *present, bool *changed,
										  bool *identity_changed);
extern char *import_attribute_of(Jsonb *attributes, const char *name);

/* import_similar_note.c */
extern void import_similar_note(Import *import, ImportRow *row, RowNote *note);
extern void import_similar_take(Import *import, const RowNote *note, int64 row_number);

/* import_similar.c */
extern void import_similar_prefetch(Import *import, const ImportRow *rows, int count, int current);
extern void import_similar_begin(Import *import);
extern void import_similar_check(Import *import, ImportRow *row, int64 row_number, const RowTarget *target,
								 const ProfileValues *values);
extern void import_similar_accept(Import *import, const ImportRow *row, int64 row_number,
								  const RowTarget *target, const ProfileValues *values);
extern int64 import_similar_profiles(Import *import, int64 **profile_ids);
extern bool import_similar_is_exclusive(const Import *import);
extern void import_similar_end(Import *import);

/* import_seats.c */
extern void import_seats_begin(Import *import);
extern bool import_seats_need_first_pass(const Import *import);
extern void import_seats_give_back(Import *import, int license, int64 count);
extern void import_seats_leave_list(Import *import, int license, int64 profile_id);
extern void import_seats_invite_waiting(Import *import);
extern bool import_seats_count_revocations(Import *import, const ImportRow *row, const PresentProfile *present);
extern bool import_seats_request(Import *import, ImportRow *row, const PresentProfile *present,
								 bool counted_before);
extern void import_seats_watch(Import *import);
extern void import_seats_watch_end(void);
extern void import_seats_count_invited(Import *import);
extern const char *import_seat_status(const PresentProfile *present, int license_id);
extern const char *import_seat_result(const Import *import, int license);

/* import_membership.c */
extern bool import_change_groups(Import *import, const ImportRow *row, int64 profile_id,
								 const PresentProfile *present);

/* import_source.c */
extern void import_note_cell(Import *import, const PresentProfile *present, const char *column_name, int column,
							 bool was_set, int64 line);
extern void import_note_values(Import *import, const ImportRow *row, const PresentProfile *present,
							   const ProfileValues *after);
extern void import_report_conflicts(Import *import);
extern void import_source_set(Import *import);

/* import_change.c */
typedef enum ChangeTable
{
	CHANGE_NEW_PROFILES,
	CHANGE_PROFILES,
	CHANGE_CONFIRMED_NEW_PROFILES,	/* reupload_user_profile is true */
	CHANGE_CONFIRMED_PROFILES,
	CHANGE_NEW_SEATS,
	CHANGE_REVOKED_SEATS,
	CHANGE_GRANTED_SEATS,
	CHANGE_JOINS,
	CHANGE_LEAVES,
	CHANGE_GIVEN_GROUPS,
	CHANGE_PERMISSIONS,
	CHANGE_NO_PERMISSIONS,
	CHANGE_CELLS,				/* of profiles that there were: who set them */
	CHANGE_TABLE_COUNT
} ChangeTable;

extern ImportChanges *import_changes_create(Import *import);
extern void import_changes_end(ImportChanges *changes);
extern void import_change_profile(ImportChanges *changes, bool is_new, const ProfileValues *values, int64 line);
extern void import_change_seat(ImportChanges *changes, ChangeTable table, int64 profile_id, int license_id,
							   const char *status, int64 line);
extern void import_change_membership(ImportChanges *changes, ChangeTable table, int64 profile_id, int group_id,
									 int64 line);
extern void import_change_given_group(ImportChanges *changes, int64 profile_id, const char *column_name,
									  int group_id, int64 line);
extern void import_change_cell(ImportChanges *changes, int64 profile_id, const char *column_name,
							   const char *header, bool was_set, int64 line);
extern void import_change_permission(ImportChanges *changes, ChangeTable table, int64 profile_id,
									 const char *permission, const char *scope, int64 line);
extern int64 import_changes_count(const ImportChanges *changes, ChangeTable table);
extern const struct ComparedProfiles *import_changes_compared(const ImportChanges *changes, ChangeTable table);
extern Tuplestorestate *import_changes_rows(const ImportChanges *changes, ChangeTable table);
extern TupleDesc import_changes_descriptor(const ImportChanges *changes, ChangeTable table);
extern void import_changes_register(const ImportChanges *changes);
extern void import_changes_unregister(void);

/* import_direct.c */
extern void import_direct_begin(Import *import, int64 new_row_count);
extern int64 import_direct_profile_id(Import *import);
extern bool import_direct_profile(Import *import, const RowTarget *target, const ProfileValues *profile);
extern bool import_direct_seat(Import *import, int64 profile_id, int license, const char *status);
extern bool import_direct_membership(Import *import, int64 profile_id, int group);
extern void import_direct_end(Import *import);
extern void import_direct_count_seats(Import *import);

/* import_apply.c */
extern void import_apply(Import *import);
extern void import_apply_row_by_row(Import *import, int64 *line);

/* import_unchanged.c */
extern void import_unchanged_begin(Import *import);
extern void import_unchanged_look_up(Import *import, const csv_record *records, int count);
extern bool import_unchanged_skip(Import *import, int number, bool must_parse);
extern const FeedRecordHash *import_unchanged_hash(const Import *import);
extern void import_unchanged_end_pass(Import *import);
extern void import_unchanged_count_cells(const Import *import, int64 *active, int64 *inactive);
extern int64 import_unchanged_count(const Import *import);
extern void import_unchanged_check(Import *import);
extern void import_unchanged_touch(Import *import, int64 profile_id);
extern bool import_unchanged_must_read_again(const Import *import);
extern void import_unchanged_collect_profiles(const Import *import, ProfileRuns *runs);
extern void import_unchanged_end(Import *import);

/* import_unchanged_store.c */
extern void import_unchanged_stage(Import *import, const RowNote *note, const FeedRecordHash *record);
extern void import_unchanged_collect(Import *import);
extern void import_unchanged_collect_end(void);
extern void import_unchanged_store(Import *import);

/* import_effects.c */
extern void import_effects_write(Import *import);

/* import_absence.c */
extern void import_count_absent_seats(Import *import);
extern void import_note_absence(Import *import);

/* import_remote.c */
extern void import_remote_apply(Import *import);

/* import_table.c */
extern void *import_table_open(Oid relation);
extern size_t import_table_read(void *context, char *buffer, size_t size);
extern void import_table_close(void *context);

#endif
