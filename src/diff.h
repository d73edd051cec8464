/*
 * diff.h
 *		What distinguishes an account from what the vendor has.
 *
 *	diff.c			diff()
 *	diff_reader.c	the persons with what differs, one after the other
 *	diff_cells.c	compares a person with what the vendor has
 *	diff_vendor.c	what the vendor has of changed cells
 *	diff_subject.c	the changes of many people, with their profiles as they are now
 *	diff_keys.c		who has an address or an id at the vendor's and gives it up
 *	diff_leavers.c	who has left before, and comes back or has the address or id of somebody
 *	diff_hold.c		whom an export leaves alone
 *	diff_adopt.c	who was deleted and is there again becomes one profile
 */
#ifndef ORGSYNC_DIFF_H
#define ORGSYNC_DIFF_H

#include "account.h"
#include "nodes/pg_list.h"
#include "sql.h"

/* How cells of groups are named and written. */
typedef struct DiffNotation
{
	const char *group_header_prefix;
	const char *group_yes;
	const char *group_no;
} DiffNotation;

/* Where a column stands among the others in a diff. */
typedef enum DiffPlace
{
	DIFF_PRIMARY_EMAIL_ADDRESS,
	DIFF_UNIQUE_USER_ID,
	DIFF_PREFERRED_FIRST_NAME,	/* of products with one full name, that */
	DIFF_PREFERRED_LAST_NAME,
	DIFF_WORK_TITLE,
	DIFF_LICENSE,
	DIFF_GROUP,
	DIFF_PERMISSION,
	DIFF_ATTRIBUTE
} DiffPlace;

typedef enum DiffState
{
	DIFF_KNOWN,					/* to the vendor */
	DIFF_ADDED,					/* the vendor has nothing of the profile */
	DIFF_DELETED				/* the vendor has it, the account does not */
} DiffState;

/* Why an export leaves a cell as the vendor has it. */
typedef enum DiffHold
{
	DIFF_NOT_HELD,
	DIFF_HELD_PROTECTED,		/* see orgsync.protect_profile() */
	DIFF_HELD_GRACE,			/* the seat is kept for settings.grace_days */
	DIFF_HELD_WITHOUT_SEAT		/* the product's file can add active people only */
} DiffHold;

/* A cell that the vendor has otherwise; as its files have it, NULL is nothing. */
typedef struct DiffCell
{
	DiffPlace	place;
	const char *column_name;
	const char *action;
	const char *old_value;
	const char *new_value;
	DiffHold	hold;
} DiffCell;

/* Who has, at the vendor's, a key that somebody else shall have. */
typedef struct DiffHolder
{
	int64		profile_id;		/* 0: nobody */
	const char *user_id;		/* the holder's unique_user_id, or NULL */
	bool		frees;			/* by a row of the export, unless it is itself in the way of one */
} DiffHolder;

/* A profile and its cells, in the order of the columns. */
typedef struct DiffPerson
{
	int64		profile_id;
	DiffState	state;
	const char *vendor_email;	/* NULL of those added */
	const char *email;			/* NULL of those deleted */
	const char *vendor_id;		/* unique_user_id */
	const char *id;
	bool		reupload;

	/* Of the address, and of the id, that the profile shall have. */
	DiffHolder	email_holder;
	DiffHolder	id_holder;
	bool		is_holder;		/* somebody whom the vendor knows shall have one of the profile's */

	int			cell_count;
	int			cell_capacity;
	DiffCell   *cells;

	/* What the profile has of names, title and attributes; not of those added. */
	int			value_count;
	DiffCell   *values;			/* new_value, and no old_value */

	/* Of those who lose a seat, or were deleted: the groups in which the vendor has them, as columns. */
	List	   *vendor_groups;
} DiffPerson;

typedef struct DiffReader DiffReader;

/* What is read, and for what. */
typedef enum DiffMode
{
	DIFF_TO_SHOW,
	DIFF_TO_REPORT,				/* an export, of what the calling query sees */
	DIFF_TO_EXPORT,
	DIFF_TO_EXPORT_ALL			/* as if the vendor had nothing */
} DiffMode;

extern DiffReader *diff_open(const Account *account, const DiffNotation *notation, DiffMode mode);
extern const DiffPerson *diff_next(DiffReader *reader);
extern Datum diff_changes_read(const DiffReader *reader);
extern Datum diff_write_adoptions(const DiffReader *reader, Datum changes_read);
extern void diff_find_former(const Account *account, int64 profile_id, int64 *deleted_id, int64 *leaver_id);
extern int64 diff_seats_taken(const DiffReader *reader);
extern int64 diff_count(const DiffReader *reader, const char *statement, int argument_count,
						const SqlArgument *arguments);
extern void diff_close(DiffReader *reader);
extern const char *diff_hold_name(DiffHold hold);
extern DiffNotation diff_product_notation(const product *product);
extern int	diff_logged_columns(const product *product, const char *header, const char *columns[2]);

/*
 * SQL for the same cell whatever its spelling: groups and licenses are not case
 * sensitive, attributes are.  All other columns are in lower case anyway.
 */
#define DIFF_CELL_OF(column_name) \
	" CASE WHEN starts_with(" column_name ", 'group:')" \
	"   THEN 'group:' || orgsync.fold(substr(" column_name ", 7))" \
	"  WHEN starts_with(" column_name ", 'attribute_') THEN " column_name \
	"  ELSE lower(" column_name " COLLATE \"C\") END "

#endif
