/*
 * license_slot.c
 *		The rows of "seat_counters", read and written below SQL.
 *
 * Each statement on seats updates one of these rows, so a transaction of many
 * statements makes as many versions of it, which can only be cleaned up when it
 * has ended.  Who looks the row up in the index has to go through all of them:
 * a hundred thousand single-row statements would cost the square of that.  So
 * the backend remembers, until the transaction ends, where the newest version
 * is that it wrote, and goes there.  Each level of subtransactions has its own,
 * since going back to a savepoint makes an older version the newest again.
 *
 * When the row moves to another page the index gets an entry, without a check
 * for uniqueness, which would look at all versions, too: the row is locked by
 * its writer (license_counter.c) and keeps its key.
 *
 * Rows are read with SnapshotSelf: under the lock, the newest version is that
 * which is committed or our own.  Such reading leaves no predicate locks, so
 * that transactions at SERIALIZABLE are not failed by the counters.
 *
 * The memory is kept in a context of its own, freed at the end of each
 * transaction.
 */
#include "license_slot.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "trigger_rows.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

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
memory_of(Relation counters, int license_id, bool make)
{
	LicenseKey	key;
	LicenseMemory *memory;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.counters = RelationGetRelid(counters);
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

/* The place of the newest version that this transaction wrote, or NULL. */
static ItemPointer
remembered_version(Relation counters, int license_id, int number)
{
	LicenseMemory *memory = memory_of(counters, license_id, false);

	if (memory == NULL || memory->slots[number].count == 0)
		return NULL;
	if (memory->file != counters->rd_rel->relfilenode)
	{
		forget_versions(memory);	/* truncated, or rewritten by CLUSTER */
		return NULL;
	}
	return &memory->slots[number].versions[memory->slots[number].count - 1].tid;
}

static void
remember_version(Relation counters, int license_id, int number, ItemPointer tid)
{
	LicenseMemory *memory = memory_of(counters, license_id, true);
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
	LicenseMemory *memory = memory_of(counters, license_id, false);

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
	LicenseMemory *memory = memory_of(counters, license_id, false);

	return memory != NULL && memory->exclusive_since != InvalidSubTransactionId;
}

void
license_set_exclusive(Relation counters, int license_id)
{
	LicenseMemory *memory = memory_of(counters, license_id, true);

	if (memory->exclusive_since == InvalidSubTransactionId)
		memory->exclusive_since = GetCurrentSubTransactionId();
}

/* ---- the waiting list ---- */

static LicenseMemory *
memory_of_account(const Account *account, int license_id)
{
	Relation	counters = license_slots_open(account);
	LicenseMemory *memory = memory_of(counters, license_id, true);

	table_close(counters, NoLock);
	return memory;
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

/* Reads how many rows of "seats" were written, and of "profiles" deleted; false if that is not known. */
static bool
read_statistics(const Account *account, int64 *seats_written, int64 *profiles_deleted)
{
	Relation	seats = table_open(get_relname_relid("seats", account->namespace_oid), AccessShareLock);
	Relation	profiles = table_open(get_relname_relid("profiles", account->namespace_oid), AccessShareLock);

	*seats_written = rows_written(seats, false);
	*profiles_deleted = rows_written(profiles, true);
	table_close(profiles, AccessShareLock);
	table_close(seats, AccessShareLock);
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

/* ---- the rows ---- */

/*
 * The account's table of counters, locked for writing; the caller closes it and
 * keeps the lock.
 */
Relation
license_slots_open(const Account *account)
{
	Relation	counters = table_open(get_relname_relid("seat_counters", account->namespace_oid), RowExclusiveLock);

	if (counters->rd_rel->relam != HEAP_TABLE_AM_OID)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("table \"%s.seat_counters\" is not of access method \"heap\"", account->name));
	trigger_check_columns(counters);
	return counters;
}

/* Fills *slot from its tuple, if that is the row asked for. */
static bool
decode(Relation counters, int license_id, int number, LicenseSlot *slot)
{
	TupleDesc	descriptor = RelationGetDescr(counters);
	bool		isnull;

#define VALUE(column) heap_getattr(slot->tuple, (column), descriptor, &isnull)
	if (DatumGetInt32(VALUE(SEAT_COUNTERS_LICENSE_ID)) != license_id ||
		DatumGetInt16(VALUE(SEAT_COUNTERS_SLOT)) != number)
		return false;
	slot->waitlisted = DatumGetInt64(VALUE(SEAT_COUNTERS_WAITLISTED));
	slot->invited = DatumGetInt64(VALUE(SEAT_COUNTERS_INVITED));
	slot->activated = DatumGetInt64(VALUE(SEAT_COUNTERS_ACTIVATED));
	slot->counts_invited = DatumGetBool(VALUE(SEAT_COUNTERS_COUNTS_INVITED));
	slot->guarded = DatumGetBool(VALUE(SEAT_COUNTERS_GUARDED));
	slot->free = DatumGetInt64(VALUE(SEAT_COUNTERS_FREE));
	slot->limited = !isnull;
	if (isnull)
		slot->free = 0;
#undef VALUE
	return true;
}

/* Reads the version that this transaction is known to have written last. */
static bool
read_remembered(Relation counters, int license_id, int number, LicenseSlot *slot)
{
	ItemPointer tid = remembered_version(counters, license_id, number);
	HeapTupleData tuple;
	Buffer		buffer;

	if (tid == NULL)
		return false;
	tuple.t_self = *tid;
	if (!heap_fetch(counters, SnapshotSelf, &tuple, &buffer, false))
		return false;
	slot->tuple = heap_copytuple(&tuple);
	ReleaseBuffer(buffer);
	return decode(counters, license_id, number, slot);
}

/*
 * Reads a row of the license into *slot, palloc'd; the caller has locked it.
 * False if there is none.
 */
bool
license_slot_read(Relation counters, int license_id, int number, LicenseSlot *slot)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	found;

	if (read_remembered(counters, license_id, number, slot))
		return true;

	ScanKeyInit(&keys[0], SEAT_COUNTERS_LICENSE_ID, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(license_id));
	ScanKeyInit(&keys[1], SEAT_COUNTERS_SLOT, BTEqualStrategyNumber, F_INT2EQ, Int16GetDatum(number));
	list_free(RelationGetIndexList(counters));	/* looks for the primary key, too */
	scan = systable_beginscan(counters, counters->rd_pkindex, OidIsValid(counters->rd_pkindex), SnapshotSelf,
							  2, keys);
	found = systable_getnext(scan);
	if (HeapTupleIsValid(found))
		slot->tuple = heap_copytuple(found);
	systable_endscan(scan);
	return HeapTupleIsValid(found) && decode(counters, license_id, number, slot);
}

/* Makes the index entries of a version that came to another page than the one before. */
static void
insert_index_entries(Relation counters, HeapTuple tuple)
{
	EState	   *state = CreateExecutorState();
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(counters), &TTSOpsHeapTuple);
	ListCell   *cell;

	ExecStoreHeapTuple(tuple, slot, false);
	GetPerTupleExprContext(state)->ecxt_scantuple = slot;
	foreach(cell, RelationGetIndexList(counters))
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		IndexInfo  *info = BuildIndexInfo(index);
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		if (info->ii_ReadyForInserts &&
			(info->ii_Predicate == NIL ||
			 ExecQual(ExecPrepareQual(info->ii_Predicate, state), GetPerTupleExprContext(state))))
		{
			FormIndexDatum(info, slot, state, values, nulls);
			(void) index_insert(index, values, nulls, &tuple->t_self, counters, UNIQUE_CHECK_NO, false, info);
		}
		index_close(index, NoLock);
	}
	ExecDropSingleTupleTableSlot(slot);
	FreeExecutorState(state);
}

/*
 * Writes a row that was read before, with all but its key as *slot has it; the
 * caller has locked it.
 */
void
license_slot_write(Relation counters, int license_id, int number, LicenseSlot *slot)
{
	int			columns[] = {SEAT_COUNTERS_WAITLISTED, SEAT_COUNTERS_INVITED, SEAT_COUNTERS_ACTIVATED,
	SEAT_COUNTERS_FREE, SEAT_COUNTERS_COUNTS_INVITED, SEAT_COUNTERS_GUARDED};
	Datum		values[] = {Int64GetDatum(slot->waitlisted), Int64GetDatum(slot->invited),
		Int64GetDatum(slot->activated), Int64GetDatum(slot->free), BoolGetDatum(slot->counts_invited),
	BoolGetDatum(slot->guarded)};
	bool		nulls[] = {false, false, false, !slot->limited, false, false};
	ItemPointerData before = slot->tuple->t_self;

	slot->tuple = heap_modify_tuple_by_cols(slot->tuple, RelationGetDescr(counters), lengthof(columns),
											columns, values, nulls);
	compat_heap_update(counters, &before, slot->tuple);
	if (!HeapTupleIsHeapOnly(slot->tuple))
		insert_index_entries(counters, slot->tuple);
	remember_version(counters, license_id, number, &slot->tuple->t_self);
	CommandCounterIncrement();
}
