/*
 * diff_keys.c
 *		Who has an address or a unique_user_id at the vendor's and gives it up.
 *
 * What an address or an id means to the vendor depends on who has it there, so a
 * diff must know, before the first person, of all whom the vendor knows and
 * whose address or id is another one now, and of all who were deleted.  They are
 * those with a change of such a cell, and are kept in memory: some hundred bytes
 * each.
 *
 * Somebody who was deleted and made again is one person to the vendor, whose
 * profile is found by the same id, or by the same address.  But an address may
 * pass to somebody else, and then the vendor would take the new one for the old
 * one, whose history he would get.  So the two are different people (see
 * diff_keys_differ()) if both ids are known and are not the same, or, where an
 * id is missing, if both have names and none of these is the same.  Nobody can
 * be added under an address that a different person's profile still has at the
 * vendor's, neither with a unique_user_id (the vendor answers that the address
 * is taken) nor with reupload_user_profile (which is about similar addresses,
 * not the same one): that is manual work, and a finding says why.
 *
 * All this holds as well for who was deleted long ago, which the vendor has
 * confirmed: it still has the profile.  They are in the table "leavers", of
 * which only those rows are read that have a wanted key (see diff_leavers.c).
 */
#include "diff_subject.h"

#include "miscadmin.h"
#include "name_fold.h"
#include "name_table.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* So many profiles are looked up at a time. */
#define BATCH_SIZE	1000

typedef struct KeyEntry
{
	const char *key;
	KeyHolder  *holder;
} KeyEntry;

/* The first change of each of these cells, unless the vendor did not know the profile then. */
static const char keys_query[] =
"SELECT DISTINCT ON (c.profile_id, c.column_name) c.profile_id, c.column_name, c.vendor_value "
"FROM @account.changes AS c "
"WHERE c.column_name IN ('primary_email_address', 'unique_user_id')"
" AND NOT EXISTS (SELECT FROM @account.changes AS n"
"  WHERE n.profile_id = c.profile_id AND n.column_name IS NULL AND n.change_id < c.change_id) "
"ORDER BY c.profile_id, c.column_name, c.change_id";

/* What the vendor has of the names of some who were deleted. */
static const char names_query[] =
"SELECT DISTINCT ON (profile_id, column_name) profile_id, column_name, vendor_value "
"FROM @account.changes "
"WHERE profile_id = ANY ($1) AND column_name IN ('preferred_first_name', 'preferred_last_name') "
"ORDER BY profile_id, column_name, change_id";

/* Who has these addresses, or these ids, and is new; ids come first. */
static const char twins_query[] =
"SELECT p.profile_id, p.primary_email_address::text, p.unique_user_id, p.preferred_first_name,"
" p.preferred_last_name "
"FROM @account.profiles AS p "
"WHERE (p.primary_email_address = ANY ($1) OR p.unique_user_id = ANY ($2))"
" AND p.profile_id IN (SELECT profile_id FROM @account.changes WHERE column_name IS NULL) "
"ORDER BY coalesce(p.unique_user_id = ANY ($2), false) DESC, p.profile_id";

static KeyHolder *
holder_of_key(HTAB *table, const char *key)
{
	KeyEntry   *entry = key == NULL ? NULL : hash_search(table, &key, HASH_FIND, NULL);

	return entry != NULL ? entry->holder : NULL;
}

static void
enter_key(HTAB *table, const char *key, KeyHolder *holder)
{
	if (key != NULL)
		((KeyEntry *) hash_search(table, &key, HASH_ENTER, NULL))->holder = holder;
}

/* The holder with that profile_id, or NULL. */
KeyHolder *
diff_keys_by_profile(const DiffReader *reader, int64 profile_id)
{
	return hash_search(reader->keys.by_profile, &profile_id, HASH_FIND, NULL);
}

/* A name that is not known is one of no length. */
static FoldedName
fold_name(const char *name)
{
	FoldedName	folded;

	name_fold(&folded, name, name ? strlen(name) : 0);
	return folded;
}

static bool
names_overlap(const FoldedName *a, const FoldedName *b)
{
	return a->length == b->length && a->hash == b->hash;
}

/* Are they two people, as far as ids and names tell?  Any argument may be NULL. */
bool
diff_keys_differ(const char *id_a, const char *first_a, const char *last_a,
				 const char *id_b, const char *first_b, const char *last_b)
{
	FoldedName	fa = fold_name(first_a);
	FoldedName	la = fold_name(last_a);
	FoldedName	fb = fold_name(first_b);
	FoldedName	lb = fold_name(last_b);

	if (id_a != NULL && id_b != NULL)
		return strcmp(id_a, id_b) != 0;
	return fa.length > 0 && la.length > 0 && fb.length > 0 && lb.length > 0 &&
		!names_overlap(&fa, &fb) && !names_overlap(&la, &lb) &&
		!names_overlap(&fa, &lb) && !names_overlap(&la, &fb);
}

/* Keeps what the rows of keys_query say. */
static void
collect_vendor_keys(DiffReader *reader)
{
	Portal		portal = sql_open_at(reader->account, keys_query, 0, NULL, reader->snapshot);

	for (;;)
	{
		SPI_cursor_fetch(portal, true, BATCH_SIZE);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			MemoryContext old_context = MemoryContextSwitchTo(reader->context);
			int64		profile_id = sql_int64((int) i, 0);
			char	   *column = sql_string((int) i, 1);
			char	   *value = sql_string((int) i, 2);
			bool		found;
			KeyHolder  *holder = hash_search(reader->keys.by_profile, &profile_id, HASH_ENTER, &found);

			if (!found)
			{
				memset(holder, 0, sizeof(KeyHolder));
				holder->profile_id = profile_id;
			}
			if (value == NULL)
				value = "";		/* the vendor has none; not the same as no change */
			if (strcmp(column, "primary_email_address") == 0)
				holder->vendor_email = value;
			else
				holder->vendor_id = value;
			MemoryContextSwitchTo(old_context);
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
}

/* Adds to some holders what the account has of them now, and enters the vendor's keys. */
static void
complete_holders(DiffReader *reader, KeyHolder **holders, int count)
{
	int64	   *profile_ids = palloc(BATCH_SIZE * sizeof(int64));
	DiffPresent **presents = palloc(BATCH_SIZE * sizeof(DiffPresent *));

	for (int i = 0; i < count; i++)
	{
		profile_ids[i] = holders[i]->profile_id;
		presents[i] = palloc0(sizeof(DiffPresent));
	}
	diff_fetch_profiles(reader, profile_ids, count, presents);
	for (int i = 0; i < count; i++)
	{
		KeyHolder  *holder = holders[i];

		holder->lives = presents[i]->lives;
		if (holder->lives)
		{
			holder->email = MemoryContextStrdup(reader->context, presents[i]->email);
			if (presents[i]->id != NULL)
				holder->id = MemoryContextStrdup(reader->context, presents[i]->id);
		}
		if (holder->vendor_email == NULL)
			holder->vendor_email = holder->email;
		else if (holder->vendor_email[0] == '\0')
			holder->vendor_email = NULL;
		if (holder->vendor_id == NULL)
			holder->vendor_id = holder->id;
		else if (holder->vendor_id[0] == '\0')
			holder->vendor_id = NULL;
	}
}

static int
compare_holders(const void *a, const void *b)
{
	int64		left = (*(KeyHolder *const *) a)->profile_id;
	int64		right = (*(KeyHolder *const *) b)->profile_id;

	return left < right ? -1 : left > right ? 1 : 0;
}

/* All holders, sorted by profile_id; palloc'd. */
static KeyHolder **
sorted_holders(const DiffReader *reader, int64 *count)
{
	KeyHolder **holders;
	HASH_SEQ_STATUS scan;
	KeyHolder  *holder;

	*count = 0;
	holders = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(KeyHolder *) *
									 Max(hash_get_num_entries(reader->keys.by_profile), 1));
	hash_seq_init(&scan, reader->keys.by_profile);
	while ((holder = hash_seq_search(&scan)) != NULL)
		holders[(*count)++] = holder;
	qsort(holders, *count, sizeof(KeyHolder *), compare_holders);
	return holders;
}

/* Reads the names of some who were deleted. */
static void
read_names(DiffReader *reader, const int64 *profile_ids, int count)
{
	SqlArgument ids = sql_int8_array(profile_ids, count);
	uint64		found = sql_run_at(reader->account, names_query, 1, &ids, reader->snapshot);

	for (uint64 i = 0; i < found; i++)
	{
		KeyHolder  *holder = diff_keys_by_profile(reader, sql_int64((int) i, 0));
		MemoryContext old_context = MemoryContextSwitchTo(reader->context);
		char	   *name = sql_string((int) i, 2);

		if (strcmp(sql_string((int) i, 1), "preferred_first_name") == 0)
			holder->first_name = name;
		else
			holder->last_name = name;
		MemoryContextSwitchTo(old_context);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Whoever of these was deleted has an address or an id that somebody new may have. */
static void
find_twins(DiffReader *reader, KeyHolder **holders, int64 count)
{
	int64	   *deleted = palloc(sizeof(int64) * count);
	const char **emails = palloc(sizeof(char *) * count);
	const char **ids = palloc(sizeof(char *) * count);
	int			deleted_count = 0;
	int			email_count = 0;
	int			id_count = 0;
	uint64		found;

	for (int64 i = 0; i < count; i++)
	{
		if (holders[i]->lives)
			continue;
		deleted[deleted_count++] = holders[i]->profile_id;
		if (holders[i]->vendor_email != NULL)
			emails[email_count++] = holders[i]->vendor_email;
		if (holders[i]->vendor_id != NULL)
			ids[id_count++] = holders[i]->vendor_id;
	}
	if (deleted_count == 0)
		return;
	read_names(reader, deleted, deleted_count);
	found = sql_run_at(reader->account, twins_query, 2, (SqlArgument[])
					   {
						   sql_text_array(emails, email_count),
						   sql_text_array(ids, id_count)
					   }, reader->snapshot);
	for (uint64 i = 0; i < found; i++)
	{
		char	   *email = sql_string((int) i, 1);
		char	   *id = sql_string((int) i, 2);
		KeyHolder  *holder = holder_of_key(reader->keys.by_id, id);

		if (holder == NULL || holder->lives)
			holder = holder_of_key(reader->keys.by_email, diff_lower(email));
		if (holder == NULL || holder->lives || holder->twin_id != 0)
			continue;
		if (diff_keys_differ(holder->vendor_id, holder->first_name, holder->last_name,
							 id, sql_string((int) i, 3), sql_string((int) i, 4)))
		{
			holder->is_taken = true;
			continue;
		}
		holder->twin_id = sql_int64((int) i, 0);
		holder->email = MemoryContextStrdup(reader->context, email);
		holder->id = id ? MemoryContextStrdup(reader->context, id) : NULL;
		reader->keys.twin_count++;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Those whose keys somebody whom the vendor knows shall have. */
static void
mark_wanted(DiffReader *reader, KeyHolder **holders, int64 count)
{
	for (int64 i = 0; i < count; i++)
	{
		KeyHolder  *other;

		if (holders[i]->email != NULL)
		{
			other = holder_of_key(reader->keys.by_email, diff_lower(holders[i]->email));
			if (other != NULL && other != holders[i])
				other->is_wanted = true;
		}
		other = holder_of_key(reader->keys.by_id, holders[i]->id);
		if (other != NULL && other != holders[i])
			other->is_wanted = true;
	}
}

/* Reads them all. */
void
diff_keys_read(DiffReader *reader)
{
	HASHCTL		control = {
		.keysize = sizeof(int64),
		.entrysize = sizeof(KeyHolder),
		.hcxt = reader->context
	};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "orgsync diff keys",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext batch_context = AllocSetContextCreate(context, "orgsync diff keys batch",
														ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	KeyHolder **holders;
	int64		count;

	reader->keys.by_profile = hash_create("orgsync holders of keys", 64, &control,
										  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	reader->keys.by_email = name_table_create("orgsync keys at the vendor's", sizeof(KeyEntry), reader->context);
	reader->keys.by_id = name_table_create("orgsync keys at the vendor's", sizeof(KeyEntry), reader->context);
	if (!reader->is_full)
		collect_vendor_keys(reader);
	holders = sorted_holders(reader, &count);

	MemoryContextSwitchTo(batch_context);
	for (int64 first = 0; first < count; first += BATCH_SIZE)
	{
		complete_holders(reader, holders + first, (int) Min(BATCH_SIZE, count - first));
		MemoryContextReset(batch_context);
		CHECK_FOR_INTERRUPTS();
	}
	for (int64 i = 0; i < count; i++)
	{
		MemoryContextSwitchTo(reader->context);
		if (holders[i]->vendor_email != NULL)
			enter_key(reader->keys.by_email, diff_lower(holders[i]->vendor_email), holders[i]);
		enter_key(reader->keys.by_id, holders[i]->vendor_id, holders[i]);
	}
	MemoryContextSwitchTo(batch_context);
	for (int64 first = 0; first < count; first += BATCH_SIZE)
	{
		find_twins(reader, holders + first, Min(BATCH_SIZE, count - first));
		MemoryContextReset(batch_context);
		CHECK_FOR_INTERRUPTS();
	}
	mark_wanted(reader, holders, count);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/* Two arrays for a statement: who was deleted, and who is the same person now. */
void
diff_keys_twins(const DiffReader *reader, SqlArgument arguments[2])
{
	int64	   *deleted_ids = palloc(sizeof(int64) * Max(reader->keys.twin_count, 1));
	int64	   *profile_ids = palloc(sizeof(int64) * Max(reader->keys.twin_count, 1));
	HASH_SEQ_STATUS scan;
	KeyHolder  *holder;
	int			count = 0;

	hash_seq_init(&scan, reader->keys.by_profile);
	while ((holder = hash_seq_search(&scan)) != NULL)
	{
		if (holder->twin_id == 0)
			continue;
		deleted_ids[count] = holder->profile_id;
		profile_ids[count++] = holder->twin_id;
	}
	arguments[0] = sql_int8_array(deleted_ids, count);
	arguments[1] = sql_int8_array(profile_ids, count);
}

static bool
keys_equal(const char *a, const char *b, bool any_case)
{
	if (a == NULL || b == NULL)
		return a == b;
	return any_case ? strcmp(diff_lower(a), diff_lower(b)) == 0 : strcmp(a, b) == 0;
}

/* Who has the key, unless it is the person; a leaver may be NULL. */
static DiffHolder
find_holder(const DiffReader *reader, HTAB *table, const char *key, const DiffSubject *subject,
			const DiffLeaver *leaver)
{
	KeyHolder  *found = holder_of_key(table, key);
	bool		is_email = table == reader->keys.by_email;
	DiffHolder	holder = {0};

	if (found != NULL && found->profile_id != subject->profile_id &&
		found->profile_id != subject->source_id)
	{
		bool		stays = found->twin_id != 0 || found->lives;

		holder.profile_id = found->twin_id != 0 ? found->twin_id : found->profile_id;
		holder.user_id = found->vendor_id;
		holder.frees = stays && reader->account->product->updates_profiles &&
			!diff_is_protected(reader, found->profile_id) &&
			!diff_is_protected(reader, holder.profile_id) &&
			(is_email ? !keys_equal(found->vendor_email, found->email, true) :
			 found->id != NULL && strcmp(found->vendor_id, found->id) != 0);
	}
	else if (found == NULL && leaver != NULL)
	{
		holder.profile_id = leaver->owner_of_id != 0 && leaver->owner_of_id != subject->profile_id ?
			leaver->owner_of_id : leaver->profile_id;
		holder.user_id = leaver->id;
	}
	return holder;
}

/* Fills in whom the person waits for, and whether somebody waits for the person. */
void
diff_keys_link(DiffReader *reader, const DiffSubject *subject, DiffPerson *person)
{
	KeyHolder  *own = diff_keys_by_profile(reader, subject->source_id);

	person->is_holder = (own != NULL && own->is_wanted) || subject->returned != NULL;
	if (person->state == DIFF_DELETED)
		return;
	if (!keys_equal(person->vendor_email, person->email, true))
		person->email_holder = find_holder(reader, reader->keys.by_email, diff_lower(person->email),
										   subject, subject->email_leaver);
	if (reader->account->product->has_unique_user_id && person->id != NULL &&
		!keys_equal(person->vendor_id, person->id, false))
		person->id_holder = find_holder(reader, reader->keys.by_id, person->id, subject,
										subject->id_leaver);
}
