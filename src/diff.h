/*
 * diff.h
 *		What distinguishes an account from what the vendor has; see diff_reader.c.
 */
#ifndef ORGSYNC_DIFF_H
#define ORGSYNC_DIFF_H

#include "account.h"

/* How cells of groups are named and written. */
typedef struct DiffNotation
{
	const char *group_header_prefix;
	const char *group_yes;
	const char *group_no;
} DiffNotation;

/*
 * Where a column stands among the others in a diff.  The query of diff_reader.c
 * has these as numbers.
 */
typedef enum DiffPlace
{
	DIFF_PRIMARY_EMAIL_ADDRESS,
	DIFF_UNIQUE_USER_ID,
	DIFF_PREFERRED_FIRST_NAME,
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

/* A cell that the vendor has otherwise; as its files have it, NULL is nothing. */
typedef struct DiffCell
{
	DiffPlace	place;
	const char *column_name;
	const char *action;
	const char *old_value;
	const char *new_value;
} DiffCell;

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

	/*
	 * For exports: who has at the vendor's the address, and the id, that the
	 * profile shall have; 0 is nobody.  is_holder: somebody else's shall have
	 * one of the profile's.
	 */
	int64		email_holder;
	int64		id_holder;
	bool		email_blocked;	/* the holder was deleted, and so will keep it */
	bool		id_blocked;
	bool		is_holder;

	int			cell_count;
	int			cell_capacity;
	DiffCell   *cells;
} DiffPerson;

typedef struct DiffReader DiffReader;

extern DiffReader *diff_open(const Account *account, const DiffNotation *notation, bool for_export);
extern const DiffPerson *diff_next(DiffReader *reader);
extern Datum diff_changes_read(const DiffReader *reader);
extern int64 diff_seats_taken(const DiffReader *reader);
extern void diff_close(DiffReader *reader);

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
