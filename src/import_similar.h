/*
 * import_similar.h
 *		Rows that look like an existing profile or like an earlier row.
 *
 *		import_similar_note.c	what is noted of the rows before any of them is compared
 *		import_similar.c		compares them
 */
#ifndef ORGSYNC_IMPORT_SIMILAR_H
#define ORGSYNC_IMPORT_SIMILAR_H

#include "import.h"
#include "similar_set.h"

/* Of one attempt at deciding. */
typedef struct SimilarRows
{
	SimilarSet *set;
	bool		is_exclusive;	/* nobody else may change addresses or names */
	Relation	profiles;		/* NULL: there are none to compare with */
	bool		may_read;		/* the caller, all of them */
	bool		by_index;		/* the profiles are looked for, and not in the set */
	bool		has_probe;
	SimilarProbe probe;
	HTAB	   *changed;		/* profile_ids whom accepted rows stand for; NULL: none */
	int64		checked_row;	/* the last one that was checked: its address or names change */
	bool		is_alone;		/* no other row has a key in common with it */
	bool		has_person;		/* what it makes was read */
	OwnedPerson person;
} SimilarRows;

/* import_similar_note.c */
extern void import_similar_names(const Import *import, const ImportRow *row, char **first_name, char **last_name);
extern bool import_similar_has_names(const Import *import);
extern bool import_similar_may_change(const RowTarget *target, bool has_names);
extern bool import_similar_changed_person(Import *import, const ImportRow *row, const RowTarget *target,
										  OwnedPerson *person);
extern void import_similar_note_partial(Import *import);

/* import_similar.c */
extern SimilarProbe *import_similar_probe(Import *import);

#endif
