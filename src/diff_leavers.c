/*
 * diff_leavers.c
 *		Whether somebody who is changed has left before, or has the address or the id
 *		of somebody who has.
 *
 * See diff_keys.c for who is the same person.  Of "leavers" only those rows are read
 * that have a key of the batch.
 *
 * Memory: all is made in the reader's batch_context.
 */
#include "diff_subject.h"

#include "name_table.h"
#include "utils/memutils.h"

/* $1, $2: addresses and ids; with who is new and has the leaver's id */
static const char leavers_query[] =
"SELECT l.profile_id, l.primary_email_address, l.unique_user_id, l.preferred_first_name,"
" l.preferred_last_name, l.work_title, coalesce(l.attributes, '{}'::jsonb),"
" coalesce((SELECT p.profile_id FROM @account.profiles AS p WHERE p.unique_user_id = l.unique_user_id"
"  AND EXISTS (SELECT FROM @account.changes AS c WHERE c.profile_id = p.profile_id AND c.column_name IS NULL)), 0) "
"FROM @account.leavers AS l "
"WHERE lower(l.primary_email_address) = ANY ($1) OR l.unique_user_id = ANY ($2) "
"ORDER BY l.profile_id";

/* The leaver of a row of the result, in the current context. */
static DiffLeaver *
take_leaver(int row)
{
	DiffLeaver *leaver = palloc(sizeof(DiffLeaver));
	bool		isnull;

	leaver->profile_id = sql_int64(row, 0);
	leaver->email = sql_string(row, 1);
	leaver->id = sql_string(row, 2);
	leaver->first_name = sql_string(row, 3);
	leaver->last_name = sql_string(row, 4);
	leaver->title = sql_string(row, 5);
	leaver->attributes = DatumGetJsonbPCopy(sql_value(row, 6, &isnull));
	leaver->owner_of_id = sql_int64(row, 7);
	return leaver;
}

/* The leaver has an address or an id that the person may want: is it the same person? */
static void
meet_leaver(DiffSubject *subject, DiffLeaver *leaver)
{
	const DiffPresent *present = &subject->present;
	bool		has_email = leaver->email != NULL && pg_strcasecmp(present->email, leaver->email) == 0;
	bool		has_id = present->id != NULL && leaver->id != NULL && strcmp(present->id, leaver->id) == 0;
	bool		is_candidate = subject->is_new && subject->source_id == subject->profile_id;

	if (has_id && is_candidate)
	{
		/* by the id, whatever was found by the address */
		if (subject->returned != NULL)
			subject->email_leaver = subject->returned;
		subject->returned = leaver;
	}
	else if (has_email && is_candidate && subject->returned == NULL &&
			 (leaver->owner_of_id == 0 || leaver->owner_of_id == subject->profile_id) &&
			 !diff_keys_differ(leaver->id, leaver->first_name, leaver->last_name,
							   present->id, present->first_name, present->last_name))
		subject->returned = leaver;
	else
	{
		if (has_email)
			subject->email_leaver = leaver;
		if (has_id)
			subject->id_leaver = leaver;
	}
}

/* The people of the batch by their address, in lower case, or by their id. */
typedef struct SubjectEntry
{
	const char *key;
	DiffSubject *subject;
} SubjectEntry;

static void
enter_subject(HTAB *table, const char *key, DiffSubject *subject)
{
	if (key != NULL)
		((SubjectEntry *) hash_search(table, &key, HASH_ENTER, NULL))->subject = subject;
}

static DiffSubject *
find_subject(HTAB *table, const char *key)
{
	SubjectEntry *entry = key == NULL ? NULL : hash_search(table, &key, HASH_FIND, NULL);

	return entry != NULL ? entry->subject : NULL;
}

/* Brings each leaver of the result to who has the address, and to who has the id. */
static void
meet_leavers(DiffReader *reader, uint64 count)
{
	HTAB	   *by_email = name_table_create("orgsync people by address", sizeof(SubjectEntry), reader->batch_context);
	HTAB	   *by_id = name_table_create("orgsync people by id", sizeof(SubjectEntry), reader->batch_context);

	for (int i = 0; i < reader->subject_count; i++)
	{
		DiffSubject *subject = &reader->subjects[i];

		if (!subject->present.lives)
			continue;
		enter_subject(by_email, diff_lower(subject->present.email), subject);
		enter_subject(by_id, subject->present.id, subject);
	}
	for (uint64 i = 0; i < count; i++)
	{
		DiffLeaver *leaver = take_leaver((int) i);
		DiffSubject *has_email = find_subject(by_email, leaver->email == NULL ? NULL : diff_lower(leaver->email));
		DiffSubject *has_id = find_subject(by_id, leaver->id);

		if (has_email != NULL)
			meet_leaver(has_email, leaver);
		if (has_id != NULL && has_id != has_email)
			meet_leaver(has_id, leaver);
	}
}

/*
 * Fetches the leavers whose address or id somebody of the batch may want, and notes
 * what each of them is to him.
 */
void
diff_fetch_leavers(DiffReader *reader)
{
	MemoryContext old_context = MemoryContextSwitchTo(reader->batch_context);
	const char **emails = palloc(Max(reader->subject_count, 1) * sizeof(char *));
	const char **ids = palloc(Max(reader->subject_count, 1) * sizeof(char *));
	int			email_count = 0;
	int			id_count = 0;

	for (int i = 0; i < reader->subject_count; i++)
	{
		const DiffSubject *subject = &reader->subjects[i];

		if (!subject->present.lives || !(subject->is_new || diff_has_change(subject, DIFF_PRIMARY_EMAIL_ADDRESS) ||
										 diff_has_change(subject, DIFF_UNIQUE_USER_ID)))
			continue;
		emails[email_count++] = diff_lower(subject->present.email);
		if (subject->present.id != NULL)
			ids[id_count++] = subject->present.id;
	}
	if (email_count > 0)
	{
		uint64		found = sql_run_at(reader->account, leavers_query, 2, (SqlArgument[])
									   {
										   sql_text_array(emails, email_count),
										   sql_text_array(ids, id_count)
									   }, reader->snapshot);

		MemoryContextSwitchTo(reader->batch_context);	/* SPI has left it */
		if (found > 0)
			meet_leavers(reader, found);
		SPI_freetuptable(SPI_tuptable);
	}
	MemoryContextSwitchTo(old_context);
}
