/*
 * similar_person.h
 *		A person as the duplicate rules compare people, and the keys by which profiles
 *		are found.
 */
#ifndef ORGSYNC_SIMILAR_PERSON_H
#define ORGSYNC_SIMILAR_PERSON_H

#include "orgsync.h"

#include "core/similar.h"
#include "executor/tuptable.h"

/* The bit of a key in profiles_person_key that says so of a person with a name. */
#define SIMILAR_KEY_BUILT	UINT64CONST(0x80000000)

typedef struct SimilarPerson
{
	similar_address address;
	uint64		name;			/* equal for names that agree; 0: no name is known */
	uint64		user_id;		/* 0: none is known */
	bool		built_from_name;	/* the local part is */
} SimilarPerson;

/* What the names of a person come to. */
typedef struct SimilarName
{
	uint64		hash;			/* as SimilarPerson.name */
	bool		is_built_from;	/* the local part of the address is */
} SimilarName;

/* A person that owns the text that it points to. */
typedef struct OwnedPerson
{
	SimilarPerson person;
	char		address[EMAIL_MAX_LENGTH];
} OwnedPerson;

extern void similar_person_read_named(OwnedPerson *person, const char *address, const char *user_id,
									  const SimilarName *name);
extern void similar_person_read(OwnedPerson *person, const char *address, const char *user_id,
								const char *first_name, const char *last_name);
extern bool similar_person_read_slot(OwnedPerson *person, TupleTableSlot *slot);
extern uint64 similar_person_group(const SimilarPerson *person);
extern int64 similar_person_key(const SimilarPerson *person);
extern uint64 similar_person_key_of_hash(const SimilarPerson *person, uint64 local_hash, bool built_from_name);

#endif
