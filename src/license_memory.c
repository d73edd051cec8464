/*
 * license_memory.c
 *		What a transaction remembers of licenses, until it ends.
 *
 * All of it could be looked up, but each time at a cost that grows with what the
 * transaction has done already, since the old versions of rows stay until it has
 * ended: where the counters' newest versions are (license_slot.c), whom it invited
 * last from the waiting list, how many transfers there are.  Other things nobody
 * else can know: which licenses it has for itself, and whether the triggers were
 * told of all that it did.
 *
 * Going back to a savepoint makes older versions the newest again; so each level
 * of subtransactions has its own, and the rest is forgotten.
 *
 * The memory is kept in a context of its own, freed at the end of each
 * transaction.
 */
#include "license_memory.h"

#include "access/table.h"
#include "access/xact.h"
#include "pgstat.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Where a subtransaction wrote the newest version of a row. */
typedef struct SlotVersion
{
	SubTransactionId writer;
	ItemPointerData tid;
} SlotVersion;

typedef struct SlotMemory
{
	int			count;			/* of versions, of the outermost writer first */
	int			capacity;
	SlotVersion *versions;
} SlotMemory;

typedef struct LicenseKey
{
	Oid			counters;		/* the table */
	int			license_id;
} LicenseKey;

typedef struct LicenseMemory
{
	LicenseKey	key;
	Oid			file;			/* of the table, when versions were noted */
	SubTransactionId exclusive_since;	/* see license_set_exclusive() */
	SlotMemory	slots[LICENSE_SLOTS];

	/* who was invited last from the waiting list; see license_waiting_position() */
	bool		has_position;
	TimestampTz position_since;
	int64		position_profile_id;

	LicenseTransfers transfers;

	/* of the pseudo license NO_LICENSE_ID: see license_statement_is_whole() */
	bool		is_uncertain;
	int64		rows_noted;
	int64		profiles_deleted;
} LicenseMemory;

#define NO_LICENSE_ID	0

static MemoryContext memory_context = NULL;
static HTAB *memories = NULL;	/* NULL: nothing is remembered */

/* ---- what is remembered ---- */

static void
forget_transaction(XactEvent event, void *unused)
{
	(void) unused;
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (memories != NULL)
		MemoryContextReset(memory_context);
	memories = NULL;
}

/* What a subtransaction noted becomes its parent's, or is gone. */
static void
end_subtransaction(SubXactEvent event, SubTransactionId ended, SubTransactionId parent, void *unused)
{
	HASH_SEQ_STATUS scan;
	LicenseMemory *memory;

	(void) unused;
	if (memories == NULL || (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB))
		return;
	hash_seq_init(&scan, memories);
	while ((memory = hash_seq_search(&scan)) != NULL)
	{
		bool		committed = event == SUBXACT_EVENT_COMMIT_SUB;

		if (memory->exclusive_since == ended)
			memory->exclusive_since = committed ? parent : InvalidSubTransactionId;
		if (!committed)
		{
			memory->is_uncertain = true;
			memory->has_position = false;
			memory->transfers.known = false;
		}
		for (int i = 0; i < LICENSE_SLOTS; i++)
		{
			SlotMemory *slot = &memory->slots[i];
			SlotVersion *last = slot->versions + Max(slot->count - 1, 0);

			if (slot->count == 0 || last->writer != ended)
				continue;
			last->writer = parent;
			if (!committed)
				slot->count--;
			else if (slot->count > 1 && last[-1].writer == parent)
			{
				last[-1].tid = last->tid;
				slot->count--;
			}
		}
	}
}

static LicenseMemory *
memory_of(Oid counters, int license_id, bool make)
{
	LicenseKey	key;
	LicenseMemory *memory;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.counters = counters;
	key.license_id = license_id;
	if (memories == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(LicenseKey),.entrysize = sizeof(LicenseMemory)};

		if (!make)
			return NULL;
		if (memory_context == NULL)
		{
			memory_context = AllocSetContextCreate(TopMemoryContext, "orgsync license slots",
												   ALLOCSET_DEFAULT_SIZES);
			RegisterXactCallback(forget_transaction, NULL);
			RegisterSubXactCallback(end_subtransaction, NULL);
		}
		control.hcxt = memory_context;
		memories = hash_create("orgsync license slots", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memory = hash_search(memories, &key, make ? HASH_ENTER : HASH_FIND, &found);
	if (make && !found)
		memset((char *) memory + sizeof(LicenseKey), 0, sizeof(LicenseMemory) - sizeof(LicenseKey));
	return memory;
}

static void
forget_versions(LicenseMemory *memory)
{
	for (int i = 0; i < LICENSE_SLOTS; i++)
		memory->slots[i].count = 0;
}

/* The place of the newest version of a row that this transaction wrote, or NULL. */
ItemPointer
license_remembered_version(Relation counters, int license_id, int number)
{
	LicenseMemory *memory = memory_of(RelationGetRelid(counters), license_id, false);

	if (memory == NULL || memory->slots[number].count == 0)
		return NULL;
	if (memory->file != counters->rd_rel->relfilenode)
	{
		forget_versions(memory);	/* truncated, or rewritten by CLUSTER */
		return NULL;
	}
	return &memory->slots[number].versions[memory->slots[number].count - 1].tid;
}

/* The row's newest version is there. */
void
license_remember_version(Relation counters, int license_id, int number, ItemPointer tid)
{
	LicenseMemory *memory = memory_of(RelationGetRelid(counters), license_id, true);
	SlotMemory *slot = &memory->slots[number];
	SubTransactionId writer = GetCurrentSubTransactionId();

	if (memory->file != counters->rd_rel->relfilenode)
		forget_versions(memory);
	memory->file = counters->rd_rel->relfilenode;
	if (slot->count == 0 || slot->versions[slot->count - 1].writer != writer)
	{
		if (slot->count == slot->capacity)
		{
			slot->capacity = Max(slot->capacity * 2, 4);
			slot->versions = slot->versions == NULL ?
				MemoryContextAlloc(memory_context, sizeof(SlotVersion) * slot->capacity) :
				repalloc(slot->versions, sizeof(SlotVersion) * slot->capacity);
		}
		slot->versions[slot->count++].writer = writer;
	}
	slot->versions[slot->count - 1].tid = *tid;
}

/* Forgets where the rows of a license are, after SQL has written them. */
void
license_slots_forget(Relation counters, int license_id)
{
	LicenseMemory *memory = memory_of(RelationGetRelid(counters), license_id, false);

	if (memory != NULL)
		forget_versions(memory);
}

/*
 * Does this transaction have the license for itself, until it ends or goes back
 * to a savepoint from before?  See license_counter_lock().
 */
bool
license_is_exclusive(Relation counters, int license_id)
{
	LicenseMemory *memory = memory_of(RelationGetRelid(counters), license_id, false);

	return memory != NULL && memory->exclusive_since != InvalidSubTransactionId;
}

void
license_set_exclusive(Relation counters, int license_id)
{
	LicenseMemory *memory = memory_of(RelationGetRelid(counters), license_id, true);

	if (memory->exclusive_since == InvalidSubTransactionId)
		memory->exclusive_since = GetCurrentSubTransactionId();
}

/* ---- the waiting list ---- */

static LicenseMemory *
memory_of_account(const Account *account, int license_id)
{
	return memory_of(get_relname_relid("seat_counters", account->namespace_oid), license_id, true);
}

/*
 * Whom has this transaction invited last from the list?  All before him are
 * invited or were passed over, so that who is next need not be looked for among
 * them: their old versions stay in the index until the transaction has ended.
 */
bool
license_waiting_position(const Account *account, int license_id, TimestampTz *since, int64 *profile_id)
{
	const LicenseMemory *memory = memory_of_account(account, license_id);

	*since = memory->position_since;
	*profile_id = memory->position_profile_id;
	return memory->has_position;
}

void
license_waiting_set_position(const Account *account, int license_id, TimestampTz since, int64 profile_id)
{
	LicenseMemory *memory = memory_of_account(account, license_id);

	memory->has_position = true;
	memory->position_since = since;
	memory->position_profile_id = profile_id;
}

/* To be called when somebody joins the list, or gets another place in it. */
void
license_waiting_forget_position(const Account *account, int license_id)
{
	memory_of_account(account, license_id)->has_position = false;
}

/* ---- statements ---- */

/*
 * So many rows has this transaction inserted, updated and deleted, by the
 * server's own statistics, which count at once; -1 if they are switched off.
 */
static int64
rows_written(Relation relation, bool only_deleted)
{
	int64		count = 0;

	if (relation->pgstat_info == NULL)
		return -1;
	for (PgStat_TableXactStatus *level = relation->pgstat_info->trans; level != NULL; level = level->upper)
		count += level->tuples_deleted + (only_deleted ? 0 : level->tuples_inserted + level->tuples_updated);
	return count;
}

/* The same of a table of the account's. */
static int64
rows_written_to(const Account *account, const char *table, bool only_deleted)
{
	Relation	relation = table_open(get_relname_relid(table, account->namespace_oid), AccessShareLock);
	int64		count = rows_written(relation, only_deleted);

	table_close(relation, AccessShareLock);
	return count;
}

/* Reads how many rows of "seats" were written, and of "profiles" deleted; false if that is not known. */
static bool
read_statistics(const Account *account, int64 *seats_written, int64 *profiles_deleted)
{
	*seats_written = rows_written_to(account, "seats", false);
	*profiles_deleted = rows_written_to(account, "profiles", true);
	return *seats_written >= 0 && *profiles_deleted >= 0;
}

/* The trigger of seats was told of so many rows. */
void
license_statement_note(const Account *account, int64 row_count)
{
	memory_of_account(account, NO_LICENSE_ID)->rows_noted += row_count;
}

/*
 * Have the triggers of seats been told of all that this transaction did to
 * them?  If not, a statement of several parts may be about to give seats back:
 * other parts of WITH, or profiles that were deleted.  False if in doubt.
 */
bool
license_statement_is_whole(const Account *account)
{
	const LicenseMemory *memory = memory_of_account(account, NO_LICENSE_ID);
	int64		seats_written;
	int64		profiles_deleted;

	return !memory->is_uncertain && read_statistics(account, &seats_written, &profiles_deleted) &&
		seats_written == memory->rows_noted && profiles_deleted == memory->profiles_deleted;
}

/* The seats were counted, and are what the triggers were told of: from here on we know again. */
void
license_statement_counted(const Account *account)
{
	LicenseMemory *memory = memory_of_account(account, NO_LICENSE_ID);

	memory->is_uncertain = !read_statistics(account, &memory->rows_noted, &memory->profiles_deleted);
}

/* ---- transfers ---- */

/*
 * What is known of the license's transfers, to be brought up to date by whoever
 * writes the table; not known if somebody else has written it since
 * license_transfers_noted().
 */
LicenseTransfers *
license_transfers_known(const Account *account, int license_id)
{
	LicenseTransfers *transfers = &memory_of_account(account, license_id)->transfers;

	if (transfers->known)
	{
		int64		written = rows_written_to(account, "transfers", false);

		transfers->known = written >= 0 && written == transfers->rows_written;
	}
	return transfers;
}

/* What is known tells of all that was written up to now. */
void
license_transfers_noted(const Account *account, LicenseTransfers *transfers)
{
	transfers->known = true;
	transfers->rows_written = rows_written_to(account, "transfers", false);
}
