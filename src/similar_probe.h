/*
 * similar_probe.h
 *		Looks for profiles that are similar to one person, through the indexes.
 */
#ifndef ORGSYNC_SIMILAR_PROBE_H
#define ORGSYNC_SIMILAR_PROBE_H

#include "duplicate_rule.h"

#include "access/genam.h"

/* Somebody who is similar. */
typedef struct SimilarMatch
{
	int64		id;				/* profile_id, or what the finder calls the person */
	bool		is_row;			/* of a file that is being imported: id is its line */
	bool		is_confirmed;	/* was confirmed to be another person */
	Datum		address;		/* of a profile: primary_email_address, until the visitor returns */
	DuplicateRule rule;
	RuleAction	action;
} SimilarMatch;

/* Called for each match, maybe several times for one; false: no more are wanted. */
typedef bool (*SimilarVisitor) (void *context, const SimilarMatch *match);

/* The indexes of "profiles" that a search goes through. */
typedef enum SimilarIndex
{
	SIMILAR_BY_ADDRESS,
	SIMILAR_BY_PERSON,
	SIMILAR_BY_UNNAMED,
	SIMILAR_BY_PROFILE_ID
} SimilarIndex;

#define SIMILAR_INDEX_COUNT	4

typedef struct SimilarProbe
{
	const DuplicateRules *rules;
	Relation	profiles;		/* the caller's */
	Snapshot	snapshot;
	uint64		completion_count;	/* see duplicate_rules_completion_count() */
	Relation	indexes[SIMILAR_INDEX_COUNT];	/* NULL: not opened yet */
	IndexScanDesc scans[SIMILAR_INDEX_COUNT];	/* NULL: not begun */
	TupleTableSlot *slot;
	MemoryContext memory;		/* lives as long as the probe */

	/* of one search */
	const SimilarPerson *person;
	SimilarVisitor visitor;
	void	   *context;
	ItemPointerData compared;	/* where the profile stands that was compared last */
	bool		by_halves;		/* keys are those of halves: what is not near is passed over */
	bool		stopped;
} SimilarProbe;

extern void similar_probe_begin(SimilarProbe *probe, const DuplicateRules *rules, Relation profiles);
extern void similar_probe_find(SimilarProbe *probe, const SimilarPerson *person, SimilarVisitor visitor,
							   void *context);
extern char *similar_probe_address(SimilarProbe *probe, int64 profile_id);
extern bool similar_probe_profile(SimilarProbe *probe, int64 profile_id);
extern Relation similar_probe_index(SimilarProbe *probe, SimilarIndex index);
extern IndexScanDesc similar_probe_keys(SimilarProbe *probe, SimilarIndex index, int64 from, int64 to);
extern uint64 similar_probe_key(IndexScanDesc scan);
extern void similar_probe_end(SimilarProbe *probe);

#endif
