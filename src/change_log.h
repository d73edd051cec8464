/*
 * change_log.h
 *		What the vendor has and what was before, as the difference from what the
 *		account wants.
 *
 *	change_log.c		the triggers on profiles, seats, memberships, permissions
 *	change_log_bulk.c	the triggers where many people change at once
 *	change_log_write.c	writes the rows, and who they say has changed a cell
 */
#ifndef ORGSYNC_CHANGE_LOG_H
#define ORGSYNC_CHANGE_LOG_H

#include "account.h"
#include "page_writer.h"
#include "utils/timestamp.h"

/* Profiles with ids in a row that lines in a row of a file are about. */
typedef struct ChangeRun
{
	int64		profile_id;		/* of the first */
	int64		line;
	int64		count;
} ChangeRun;

/*
 * On whose behalf this session changes the account: an import's, or the undoing
 * of one.  The arrays are sorted by profile_id and stay as long as the source is
 * set.
 */
typedef struct ChangeSource
{
	int64		import_id;
	bool		undoes;			/* what the import changed is taken back */
	const ChangeRun *new_profiles;	/* that the import makes: their cells need no rows of their own */
	int64		new_count;
	const ChangeRun *lines;		/* of profiles that there were */
	int64		line_count;
} ChangeSource;

/* On whose behalf the session changes an account, to be set back to. */
typedef struct ChangeSourceState
{
	Oid			account;
	ChangeSource source;
	struct HTAB *parked_addresses;
} ChangeSourceState;

/* How an address begins, before the profile's id and "@", that it has for a moment only; see park_addresses(). */
#define PARKED_ADDRESS	"orgsync-parked-"

/* The former status of a seat; see change_log_seat(). */
typedef struct FormerSeat
{
	Oid			status;			/* InvalidOid: there was no seat */
	TimestampTz since;
} FormerSeat;

typedef struct ChangeLog ChangeLog;

/* All columns of a change; "past_changes" has the same ones. */
#define CHANGE_COLUMNS \
	" change_id, profile_id, changed_at, import_id, line, column_name, vendor_value, changed_by," \
	" former_since, former_status "

/* SQL for keeping changes that are taken out of "changes". */
#define KEEP_CHANGES(gone) \
	" INSERT INTO @account.past_changes (" CHANGE_COLUMNS ")" \
	" SELECT " CHANGE_COLUMNS "FROM " gone " WHERE changed_at IS NOT NULL"

/* A statement of a DELETE from "changes", whose alias must be c, and the keeping. */
#define CHANGES_KEPT(deletion)	"WITH gone AS (" deletion " RETURNING c.*)" KEEP_CHANGES("gone")

/* The keeping as a part of a larger statement, in which another part takes them out. */
#define CHANGES_KEPT_OF(gone)	" kept AS (" KEEP_CHANGES(gone) ") "

/*
 * SQL for all changes that are kept.  The account has it as a view, but its owner
 * may be hostile, and so C runs none of his views.
 */
#define LOGGED_CHANGES \
	"(SELECT " CHANGE_COLUMNS "FROM @account.changes WHERE changed_at IS NOT NULL" \
	" UNION ALL SELECT " CHANGE_COLUMNS "FROM @account.past_changes)"

extern void change_log_set_source(const Account *account, const ChangeSource *source);
extern ChangeSourceState change_log_save_source(void);
extern void change_log_restore_source(const ChangeSourceState *before);
extern const ChangeSource *change_log_source(const Account *account);
extern bool change_log_is_new(const Account *account, int64 profile_id);

extern void change_log_park(int64 profile_id, Datum address);
extern Datum change_log_unpark(int64 profile_id, Datum address);

extern ChangeLog *change_log_begin(const Account *account, int64 row_count, PageWriter *page_writer);
extern void change_log_written(ChangeLog *log, int64 profile_id);
extern void change_log_profile_imported(ChangeLog *log, int64 profile_id);
extern void change_log_profile_made(ChangeLog *log, int64 profile_id);
extern void change_log_cell(ChangeLog *log, int64 profile_id, const char *column_name, const char *former);
extern void change_log_value(ChangeLog *log, int64 profile_id, const char *column_name, Datum former,
							 bool isnull);
extern void change_log_seat(ChangeLog *log, int64 profile_id, const char *column_name, const char *former,
							const FormerSeat *seat);
extern int64 change_log_steps(ChangeLog *log);
extern void change_log_end(ChangeLog *log);

#endif
