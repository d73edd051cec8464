/*
 * name_table.c
 *		Hash tables whose keys are strings of any length.
 *
 * The server's own tables of strings keep them in the entry, in an array of one
 * size.  Headers, addresses and names of groups are too long and too different in
 * length for that, so here an entry begins with a pointer to its key, which whoever
 * makes the entry keeps.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "name_table.h"
#include "utils/memutils.h"

static uint32
hash_name(const void *key, Size unused)
{
	const char *name = *(const char *const *) key;

	(void) unused;
	return hash_bytes((const unsigned char *) name, (int) strlen(name));
}

static int
match_names(const void *a, const void *b, Size unused)
{
	(void) unused;
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/*
 * An empty table in the memory context, for errors called "what".  Its entries
 * begin with a char *, the key; look one up by the address of such a pointer.
 */
HTAB *
name_table_create(const char *what, Size entry_size, MemoryContext context)
{
	HASHCTL		control = {
		.keysize = sizeof(char *),
		.entrysize = entry_size,
		.hash = hash_name,
		.match = match_names,
		.hcxt = context
	};

	return hash_create(what, 64, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* The entry of a name; a new one has a copy of it, palloc'd in the context, and is zero else. */
void *
name_table_enter(HTAB *table, const char *name, Size entry_size, MemoryContext context)
{
	bool		found;
	char	  **entry = hash_search(table, &name, HASH_ENTER, &found);

	if (!found)
	{
		memset(entry, 0, entry_size);
		*entry = MemoryContextStrdup(context, name);
	}
	return entry;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(**(char **const *) a, **(char **const *) b);
}

/* All entries in the order of their names: an array of pointers to them, palloc'd. */
void *
name_table_sorted(HTAB *table, int *count)
{
	char	 ***entries = palloc(sizeof(char **) * Max(hash_get_num_entries(table), 1));
	HASH_SEQ_STATUS scan;
	char	  **entry;

	*count = 0;
	hash_seq_init(&scan, table);
	while ((entry = hash_seq_search(&scan)) != NULL)
		entries[(*count)++] = entry;
	qsort(entries, *count, sizeof(char **), compare_names);
	return entries;
}
