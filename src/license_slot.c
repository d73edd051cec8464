/*
 * license_slot.c
 *		The rows of "seat_counters", read and written below SQL.
 *
 * Each statement on seats updates one of these rows, so a transaction of many
 * statements makes as many versions of it, which can only be cleaned up when it
 * has ended.  Who looks the row up in the index has to go through all of them:
 * a hundred thousand single-row statements would cost the square of that.  So
 * the backend remembers where the newest version is that it wrote
 * (license_memory.c), and goes there.
 *
 * When the row moves to another page the index gets an entry, without a check
 * for uniqueness, which would look at all versions, too: the row is locked by
 * its writer (license_counter.c) and keeps its key.
 *
 * Rows are read with SnapshotSelf: under the lock, the newest version is that
 * which is committed or our own.  Such reading leaves no predicate locks, so
 * that transactions at SERIALIZABLE are not failed by the counters.
 */
#include "license_slot.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "license_memory.h"
#include "storage/bufmgr.h"
#include "trigger_rows.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

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
	ItemPointer tid = license_remembered_version(counters, license_id, number);
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
	license_remember_version(counters, license_id, number, &slot->tuple->t_self);
	CommandCounterIncrement();
}
