/*
 * similar_person.c
 *		A person as the duplicate rules compare people, and the keys by which profiles
 *		are found.
 *
 * "profiles" has three indexes, on 64-bit hashes, so that they are small whatever
 * people are called:
 *
 *	- profiles_address_key: the canonical address, which finds what same_address
 *	  means, and an address of which all letters are known.  The first letters stand
 *	  in the upper half, so that addresses that are alike lie together.
 *	- profiles_person_key: of people with a name, the folded name and the digits of
 *	  the local part in the upper half, in which typo, other_domain and same_name
 *	  all agree, and the local part in the lower, for names that thousands have; one
 *	  bit of it says whether the local part is built from the name.  Of people without
 *	  a name, the first half of the local part; these, who are few, lie together.
 *	- profiles_unnamed_key: only of people without a name, the second half of it.
 *	  One half is the same in an address that is a step away; see core/similar.c.
 *
 * Names are compared by their hashes of 64 bits alone.
 */
#include "similar_person.h"

#include "account.h"
#include "fmgr.h"
#include "name_fold.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(orgsync_address_key);
PG_FUNCTION_INFO_V1(orgsync_person_key);
PG_FUNCTION_INFO_V1(orgsync_unnamed_key);
PG_FUNCTION_INFO_V1(orgsync_is_unnamed);

/* A text with its length; data is NULL for null. */
typedef struct TextPart
{
	const char *data;
	size_t		length;
} TextPart;

static TextPart
part_of_string(const char *string)
{
	TextPart	part = {string, string ? strlen(string) : 0};

	return part;
}

static TextPart
part_of_datum(Datum value, bool isnull)
{
	TextPart	part = {NULL, 0};

	if (!isnull)
	{
		text	   *detoasted = DatumGetTextPP(value);

		part.data = VARDATA_ANY(detoasted);
		part.length = VARSIZE_ANY_EXHDR(detoasted);
	}
	return part;
}

static void
read_name(SimilarPerson *person, TextPart first_name, TextPart last_name)
{
	FoldedName	first;
	FoldedName	last;

	person->name = 0;
	person->built_from_name = false;
	if (first_name.data == NULL || last_name.data == NULL)
		return;
	name_fold(&first, first_name.data, first_name.length);
	name_fold(&last, last_name.data, last_name.length);
	if (first.length == 0 || last.length == 0)
		return;
	/* in either order */
	person->name = similar_mix(Max(first.hash, last.hash), Min(first.hash, last.hash)) | 1;
	person->built_from_name = first.length <= sizeof(first.start) && last.length <= sizeof(last.start) &&
		similar_is_built_from(person->address.local, person->address.local_length,
							  first.start, first.length, last.start, last.length);
}

/*
 * Reads an address for the key of an index.  A row's keys are asked for one after the
 * other, and most begin with its address: so the one that was read last is kept.
 */
static const similar_address *
read_key_address(TextPart address)
{
	static char text[EMAIL_MAX_LENGTH];
	static size_t length = 0;	/* 0: none is kept */
	static char buffer[EMAIL_MAX_LENGTH];
	static similar_address read;

	address.length = Min(address.length, EMAIL_MAX_LENGTH);
	if (length == 0 || length != address.length || memcmp(text, address.data, length) != 0)
	{
		similar_address_read(&read, address.data, address.length, buffer);
		memcpy(text, address.data, address.length);
		length = address.length;
	}
	return &read;
}

/* All of a person but the names. */
static void
read_parts(OwnedPerson *person, TextPart address, TextPart user_id)
{
	similar_address_read(&person->person.address, address.data, address.length, person->address);
	person->person.user_id = user_id.data == NULL || user_id.length == 0 ? 0 :
		similar_mix(similar_hash(user_id.data, user_id.length), 0) | 1;
}

static void
read_person(OwnedPerson *person, TextPart address, TextPart user_id, TextPart first_name, TextPart last_name)
{
	read_parts(person, address, user_id);
	read_name(&person->person, first_name, last_name);
}

/* Reads a person whose names were read before, with the same address; user_id may be NULL. */
void
similar_person_read_named(OwnedPerson *person, const char *address, const char *user_id, const SimilarName *name)
{
	read_parts(person, part_of_string(address), part_of_string(user_id));
	person->person.name = name->hash;
	person->person.built_from_name = name->is_built_from;
}

/* Reads a person; of the strings, all but the address may be NULL. */
void
similar_person_read(OwnedPerson *person, const char *address, const char *user_id,
					const char *first_name, const char *last_name)
{
	read_person(person, part_of_string(address), part_of_string(user_id),
				part_of_string(first_name), part_of_string(last_name));
}

static TextPart
part_of_column(TupleTableSlot *slot, int column)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, column, &isnull);

	return part_of_datum(value, isnull);
}

/* Reads a row of "profiles"; false if it has no address, which the owner may have allowed. */
bool
similar_person_read_slot(OwnedPerson *person, TupleTableSlot *slot)
{
	TextPart	address = part_of_column(slot, PROFILES_PRIMARY_EMAIL_ADDRESS);

	if (address.data == NULL)
		return false;
	read_person(person, address, part_of_column(slot, PROFILES_UNIQUE_USER_ID),
				part_of_column(slot, PROFILES_PREFERRED_FIRST_NAME),
				part_of_column(slot, PROFILES_PREFERRED_LAST_NAME));
	return true;
}

/* What all have in common whom typo, other_domain or same_name might take for a person with a name. */
uint64
similar_person_group(const SimilarPerson *person)
{
	return similar_mix(person->name, person->address.digits);
}

/* The key in profiles_person_key. */
int64
similar_person_key(const SimilarPerson *person)
{
	uint64		first;
	uint64		second;

	if (person->name == 0)
	{
		similar_half_keys(&person->address, &first, &second);
		return (int64) first;
	}
	return (int64) similar_person_key_of_hash(person, person->address.local_hash, person->built_from_name);
}

/* The key that a person of the same name and digits has whose local part has that hash. */
uint64
similar_person_key_of_hash(const SimilarPerson *person, uint64 local_hash, bool built_from_name)
{
	return (similar_person_group(person) & UINT64CONST(0xffffffff00000000) & ~SIMILAR_HALF_KEY) |
		(built_from_name ? SIMILAR_KEY_BUILT : 0) | similar_mix(local_hash, 0) >> 33;
}

/* address_key(email_address) */
Datum
orgsync_address_key(PG_FUNCTION_ARGS)
{
	const similar_address *read = read_key_address(part_of_datum(PG_GETARG_DATUM(0), false));

	PG_RETURN_INT64((int64) similar_address_key(read, read->domain, read->domain_length));
}

/* person_key(email_address, first_name, last_name) */
Datum
orgsync_person_key(PG_FUNCTION_ARGS)
{
	SimilarPerson person;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	person.address = *read_key_address(part_of_datum(PG_GETARG_DATUM(0), false));
	read_name(&person, part_of_datum(PG_GETARG_DATUM(1), PG_ARGISNULL(1)),
			  part_of_datum(PG_GETARG_DATUM(2), PG_ARGISNULL(2)));
	PG_RETURN_INT64(similar_person_key(&person));
}

/* unnamed_key(email_address) */
Datum
orgsync_unnamed_key(PG_FUNCTION_ARGS)
{
	uint64		first;
	uint64		second;

	similar_half_keys(read_key_address(part_of_datum(PG_GETARG_DATUM(0), false)), &first, &second);
	PG_RETURN_INT64((int64) second);
}

static bool
is_blank_name(FunctionCallInfo fcinfo, int argument)
{
	TextPart	name = part_of_datum(PG_GETARG_DATUM(argument), PG_ARGISNULL(argument));
	FoldedName	folded;

	if (name.length > 0 && ((name.data[0] >= 'A' && name.data[0] <= 'Z') ||
							(name.data[0] >= 'a' && name.data[0] <= 'z')))
		return false;			/* as most names */
	name_fold(&folded, name.data, name.length);
	return folded.length == 0;
}

/* is_unnamed(first_name, last_name): is there no name to compare? */
Datum
orgsync_is_unnamed(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_blank_name(fcinfo, 0) || is_blank_name(fcinfo, 1));
}
