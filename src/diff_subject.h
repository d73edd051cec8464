/*
 * diff_subject.h
 *		What the files of the diff share; nobody else includes this.
 */
#ifndef ORGSYNC_DIFF_SUBJECT_H
#define ORGSYNC_DIFF_SUBJECT_H

#include "diff.h"

#include "trigger_rows.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/snapshot.h"

/* A row of "changes". */
typedef struct ChangeRow
{
	int64		change_id;
	int64		profile_id;
	DiffPlace	place;
	char	   *key;			/* the same for the same cell; NULL: the whole profile */
	char	   *column_name;
	char	   *value;
} ChangeRow;

typedef struct PresentScope
{
	char	   *permission;
	char	   *scope;
} PresentScope;

/* A profile as it is now. */
typedef struct DiffPresent
{
	bool		lives;
	char	   *email;
	char	   *id;
	char	   *first_name;
	char	   *last_name;
	char	   *title;
	Jsonb	   *attributes;
	bool		reupload;
	List	   *licenses;		/* ids of those that are active */
	List	   *groups;			/* ids */
	List	   *permissions;	/* PresentScope */
} DiffPresent;

/* What the vendor has of somebody who was deleted and forgotten here; see "leavers". */
typedef struct DiffLeaver
{
	int64		profile_id;
	char	   *email;
	char	   *id;
	char	   *first_name;
	char	   *last_name;
	char	   *title;
	Jsonb	   *attributes;
	int64		owner_of_id;	/* who is new and has the id, and so comes before who has the address; or 0 */
} DiffLeaver;

/* A profile that was changed. */
typedef struct DiffSubject
{
	int64		profile_id;
	int			row_count;
	int			row_capacity;
	ChangeRow  *rows;			/* in the order of change_id */
	DiffPresent present;
	int64		source_id;		/* the profile whose changes tell what the vendor has */
	bool		is_new;			/* the vendor has nothing of it */
	DiffLeaver *returned;		/* the same person, who had left */
	DiffLeaver *email_leaver;	/* somebody else who had left, and has the address there */
	DiffLeaver *id_leaver;		/* or the id */
} DiffSubject;

/* Was the person deleted, and is there again? */
static inline bool
diff_is_replaced(const DiffSubject *subject)
{
	return subject->source_id != subject->profile_id || subject->returned != NULL;
}

/* What the vendor has of a person: the first change of each cell, sorted by place and key. */
typedef struct VendorCells
{
	int			count;
	ChangeRow  *cells;
} VendorCells;

typedef void (*AttributeCallback) (void *context, char *name, char *value);

/* ---- diff_adopt.c ---- */

/* Changes that take the place of others, see diff_adopt.c */
typedef struct DiffAdoptions
{
	int64		gone_count;		/* changes */
	int64		gone_capacity;
	int64	   *gone_profiles;
	int64	   *gone_changes;
	int64		count;			/* of what takes their place */
	int64		capacity;
	int64	   *profile_ids;
	Datum	   *columns;		/* texts */
	Datum	   *values;			/* texts, or 0 */
	int64	   *lost_by;		/* the change by which a seat that is held was lost, or 0 */
	/* pointers to two profile_ids: the former and the present one */
	List	   *leavers;
	List	   *protected_people;
} DiffAdoptions;

/* ---- diff_keys.c ---- */

/*
 * Somebody whom the vendor knows and whose address or id is another one now, or
 * who was deleted.
 */
typedef struct KeyHolder
{
	int64		profile_id;		/* hash key */
	bool		lives;
	bool		is_wanted;		/* somebody else whom the vendor knows shall have a key */
	bool		is_taken;		/* somebody new who is somebody else has the address */
	char	   *vendor_email;
	char	   *vendor_id;
	char	   *email;
	char	   *id;
	char	   *first_name;		/* as the vendor has them, of those who were deleted */
	char	   *last_name;
	int64		twin_id;		/* of somebody who was deleted: the same person, made again */
} KeyHolder;

typedef struct DiffKeys
{
	HTAB	   *by_profile;
	HTAB	   *by_email;
	HTAB	   *by_id;
	int			twin_count;
} DiffKeys;

/* ---- diff_reader.c ---- */

/* A license or a group. */
typedef struct DiffColumn
{
	int			id;
	char	   *key;			/* as in ChangeRow */
	char	   *header;
} DiffColumn;

typedef struct DiffColumns
{
	HTAB	   *by_id;
	HTAB	   *by_key;
} DiffColumns;

struct DiffReader
{
	const Account *account;
	DiffNotation notation;
	bool		for_export;
	bool		is_full;
	bool		has_leavers;
	Snapshot	snapshot;
	int			nest_level;		/* of settings */
	MemoryContext context;
	MemoryContext batch_context;
	MemoryContext person_context;
	DiffColumns licenses;
	DiffColumns groups;
	DiffKeys	keys;
	HTAB	   *protected_profiles;
	HTAB	   *graces;

	DiffAdoptions adoptions;

	/* changes that are not exported; see diff_hold.c */
	int64	   *held;
	int64		held_count;
	int64		held_capacity;

	/* the changes, fetched in portions */
	Portal		portal;
	SPITupleTable *rows;
	uint64		row_count;
	uint64		next_row;

	DiffSubject *subjects;
	int			subject_count;
	int			next_subject;
	DiffPerson	person;
};

extern DiffPlace diff_place_of(const char *column_name);
extern char *diff_key_of(DiffPlace place, const char *column_name);
extern char *diff_lower(const char *string);
extern const DiffColumn *diff_column_by_id(const DiffColumns *columns, int id);
extern int	diff_all_columns(const DiffColumns *columns, DiffColumn ***all);
extern const DiffColumn *diff_column_by_key(const DiffColumns *columns, const char *key);

extern void diff_keys_read(DiffReader *reader);
extern KeyHolder *diff_keys_by_profile(const DiffReader *reader, int64 profile_id);
extern void diff_keys_link(DiffReader *reader, const DiffSubject *subject, DiffPerson *person);
extern bool diff_keys_differ(const char *id_a, const char *first_a, const char *last_a,
							 const char *id_b, const char *first_b, const char *last_b);
extern void diff_keys_twins(const DiffReader *reader, SqlArgument arguments[2]);

extern void diff_subjects_open(DiffReader *reader);
extern bool diff_subjects_next(DiffReader *reader);
extern bool diff_has_change(const DiffSubject *subject, DiffPlace place);
extern void diff_fetch_leavers(DiffReader *reader);
extern void diff_fetch_profiles(const DiffReader *reader, const int64 *profile_ids, int count,
								DiffPresent **presents);

extern void diff_hold_read(DiffReader *reader);
extern bool diff_is_protected(const DiffReader *reader, int64 profile_id);
extern void diff_hold_cells(DiffReader *reader, const DiffSubject *subject, DiffPerson *person);
extern Datum diff_held_changes(const DiffReader *reader);

extern void diff_adopt(DiffReader *reader, const DiffSubject *subject, const DiffPerson *person);

#define DIFF_PROFILE_COLUMN_COUNT	(DIFF_WORK_TITLE + 1)

extern const char *const diff_profile_columns[DIFF_PROFILE_COLUMN_COUNT];
extern VendorCells diff_vendor_cells(const DiffSubject *subject);
extern const ChangeRow *diff_find_vendor_cell(const VendorCells *vendor, DiffPlace place, const char *key);
extern void diff_each_attribute(Jsonb *attributes, AttributeCallback callback, void *context);
extern bool diff_compare(DiffReader *reader, const DiffSubject *subject, DiffPerson *person);

#endif
