/*
 * account_reader.c
 *		Reads tables of accounts whose owners may be hostile.
 *
 * The views "accounts" and "status" show a superuser the accounts of everybody,
 * so nothing that an owner has made may run when they are read: no view, rule or
 * policy, no cast or operator of a type that a column was given, no function
 * in an index or a constraint, which the planner might evaluate.  So the tables are
 * read below the planner and the executor: whole tables in the order of their rows,
 * or the latest rows by a btree index of PostgreSQL's own operators.
 *
 * A table that the caller may not read, that is no ordinary table, that lacks a
 * column or has it of another type, or that its owner keeps locked (lest nobody
 * could list any accounts) is not read, which is no error: open returns NULL.
 *
 * A reader lives in the memory context in which it was opened; values that it
 * returns are valid until the next row.
 */
#include "account_reader.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/*
 * A table of more pages is not counted but estimated from this many, in so many
 * places: 4 MB or some 40,000 changes, which take 5 ms.
 */
#define SAMPLE_PAGES	512
#define SAMPLE_PLACES	16

struct AccountReader
{
	Relation	relation;
	Relation	index;			/* NULL: the whole table is read */
	int			column_count;
	AttrNumber	columns[ACCOUNT_READER_COLUMNS];
	TupleTableSlot *slot;
	TableScanDesc table_scan;
	IndexScanDesc index_scan;
};

/*
 * May the caller read those columns of the table, and the key, if there is one?  As
 * for SQL: who reads no column in particular needs the right to any.
 */
static bool
may_read(Oid relation_oid, const char *key, int column_count, const ReaderColumn *columns)
{
	Oid			role = GetUserId();

	if (pg_class_aclcheck(relation_oid, role, ACL_SELECT) == ACLCHECK_OK)
		return true;
	if (pg_attribute_aclcheck_all(relation_oid, role, ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK)
		return false;
	for (int i = -1; i < column_count; i++)
	{
		const char *name = i < 0 ? key : columns[i].name;
		AttrNumber	column = name == NULL ? InvalidAttrNumber : get_attnum(relation_oid, name);

		if (column != InvalidAttrNumber &&
			pg_attribute_aclcheck(relation_oid, column, role, ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

/*
 * The table, locked; NULL: it may not be read.  Another session's temporary table
 * cannot be, and to try is an error.
 */
static Relation
open_readable(Oid namespace_oid, const char *name, const char *key, int column_count,
			  const ReaderColumn *columns)
{
	Oid			relation_oid = get_relname_relid(name, namespace_oid);
	Relation	relation;

	if (!OidIsValid(relation_oid) || get_rel_relkind(relation_oid) != RELKIND_RELATION ||
		!compat_namespace_is_usable(namespace_oid, GetUserId()) ||
		!may_read(relation_oid, key, column_count, columns) ||
		check_enable_rls(relation_oid, InvalidOid, true) == RLS_ENABLED)
		return NULL;
	if (!ConditionalLockRelationOid(relation_oid, AccessShareLock))
		return NULL;
	relation = try_table_open(relation_oid, NoLock);
	if (relation == NULL)
		UnlockRelationOid(relation_oid, AccessShareLock);	/* it was dropped meanwhile */
	else if (relation->rd_rel->relkind != RELKIND_RELATION ||	/* it was made a view meanwhile */
			 relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
	{
		table_close(relation, AccessShareLock);
		relation = NULL;
	}
	return relation;
}

static AttrNumber
column_of_type(Relation relation, const ReaderColumn *column)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && attribute->atttypid == column->type &&
			strcmp(NameStr(attribute->attname), column->name) == 0)
			return attribute->attnum;
	}
	return InvalidAttrNumber;
}

/* Does the index have all rows in which the column is not NULL?  Evaluates nothing. */
static bool
index_has_all(HeapTuple index, AttrNumber column)
{
	bool		isnull;
	Datum		predicate = SysCacheGetAttr(INDEXRELID, index, Anum_pg_index_indpred, &isnull);
	NullTest   *test;

	if (isnull)
		return true;
	test = stringToNode(TextDatumGetCString(predicate));
	return IsA(test, NullTest) && test->nulltesttype == IS_NOT_NULL &&
		IsA(test->arg, Var) && ((Var *) test->arg)->varattno == column;
}

/* Is the index by that bigint column first? */
static bool
index_serves(Oid index_oid, AttrNumber column)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index_oid));
	Form_pg_index index;
	Datum		classes;
	bool		isnull;
	bool		serves;

	if (!HeapTupleIsValid(tuple))
		return false;
	index = (Form_pg_index) GETSTRUCT(tuple);
	classes = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indclass, &isnull);
	serves = index->indisvalid && index->indkey.values[0] == column &&
		index_has_all(tuple, column) &&
		get_opclass_family(((oidvector *) DatumGetPointer(classes))->values[0]) == INTEGER_BTREE_FAM_OID;
	ReleaseSysCache(tuple);
	return serves;
}

static Relation
open_index(Relation relation, const char *key)
{
	AttrNumber	column = column_of_type(relation, &(ReaderColumn) {key, INT8OID});
	ListCell   *cell;

	if (column == InvalidAttrNumber)
		return NULL;
	foreach(cell, RelationGetIndexList(relation))
	{
		if (index_serves(lfirst_oid(cell), column))
			return index_open(lfirst_oid(cell), AccessShareLock);
	}
	return NULL;
}

/*
 * Opens a table of an account's for reading those columns of all its rows, with the
 * active snapshot.  NULL if it is not to be read, see above.
 */
AccountReader *
account_reader_open(Oid namespace_oid, const char *table, int column_count, const ReaderColumn *columns)
{
	return account_reader_open_latest(namespace_oid, table, NULL, NULL, column_count, columns);
}

/*
 * The same, from the row with the greatest key on, which is a bigint column with an
 * index; of the rows with the key *only, unless only is NULL.
 */
AccountReader *
account_reader_open_latest(Oid namespace_oid, const char *table, const char *key, const int64 *only,
						   int column_count, const ReaderColumn *columns)
{
	AccountReader *reader = palloc0(sizeof(AccountReader));

	Assert(column_count <= ACCOUNT_READER_COLUMNS);
	reader->relation = open_readable(namespace_oid, table, key, column_count, columns);
	if (reader->relation == NULL)
		return NULL;
	reader->column_count = column_count;
	for (int i = 0; i < column_count; i++)
	{
		reader->columns[i] = column_of_type(reader->relation, &columns[i]);
		if (reader->columns[i] == InvalidAttrNumber)
		{
			account_reader_close(reader);
			return NULL;
		}
	}
	if (key != NULL)
	{
		ScanKeyData scan_key;

		reader->index = open_index(reader->relation, key);
		if (reader->index == NULL)
		{
			account_reader_close(reader);
			return NULL;
		}
		ScanKeyInit(&scan_key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(only == NULL ? 0 : *only));
		reader->index_scan = compat_index_beginscan(reader->relation, reader->index, GetActiveSnapshot(),
													only == NULL ? 0 : 1);
		index_rescan(reader->index_scan, &scan_key, only == NULL ? 0 : 1, NULL, 0);
	}
	else
		reader->table_scan = compat_table_beginscan(reader->relation, GetActiveSnapshot());
	reader->slot = table_slot_create(reader->relation, NULL);
	return reader;
}

/* The columns of the next row; false: there is none. */
bool
account_reader_next(AccountReader *reader, Datum *values, bool *nulls)
{
	CHECK_FOR_INTERRUPTS();
	if (reader->index_scan != NULL)
	{
		if (!index_getnext_slot(reader->index_scan, BackwardScanDirection, reader->slot))
			return false;
	}
	else if (!table_scan_getnextslot(reader->table_scan, ForwardScanDirection, reader->slot))
		return false;
	for (int i = 0; i < reader->column_count; i++)
		values[i] = slot_getattr(reader->slot, reader->columns[i], &nulls[i]);
	return true;
}

void
account_reader_close(AccountReader *reader)
{
	if (reader->index_scan != NULL)
		index_endscan(reader->index_scan);
	if (reader->table_scan != NULL)
		table_endscan(reader->table_scan);
	if (reader->slot != NULL)
		ExecDropSingleTupleTableSlot(reader->slot);
	if (reader->index != NULL)
		index_close(reader->index, AccessShareLock);
	table_close(reader->relation, AccessShareLock);
	pfree(reader);
}

/* The number of rows of a table; false: it is not to be read. */
bool
account_reader_count(Oid namespace_oid, const char *table, int64 *row_count)
{
	AccountReader *reader = account_reader_open(namespace_oid, table, 0, NULL);

	*row_count = 0;
	if (reader == NULL)
		return false;
	while (account_reader_next(reader, NULL, NULL))
		(*row_count)++;
	account_reader_close(reader);
	return true;
}

/*
 * The same, but of a large table an estimate, from pages all over it.
 *
 * Not from the planner's or the activity statistics: the one would be as old as the
 * last ANALYZE, and the other gone after a crash.
 */
bool
account_reader_estimate(Oid namespace_oid, const char *table, int64 *row_count)
{
	Relation	relation = open_readable(namespace_oid, table, NULL, 0, NULL);
	BlockNumber pages;
	BlockNumber pages_a_place;
	int			places;
	TupleTableSlot *slot;

	*row_count = 0;
	if (relation == NULL)
		return false;
	if (relation->rd_tableam->scan_set_tidrange == NULL)
	{
		table_close(relation, AccessShareLock);
		return false;
	}
	pages = RelationGetNumberOfBlocks(relation);
	places = pages > SAMPLE_PAGES ? SAMPLE_PLACES : 1;
	pages_a_place = places == 1 ? pages : SAMPLE_PAGES / SAMPLE_PLACES;
	slot = table_slot_create(relation, NULL);
	for (int place = 0; place < places && pages > 0; place++)
	{
		/* the first place at the table's beginning, the last one at its end */
		BlockNumber first = places == 1 ? 0 :
			(BlockNumber) ((uint64) (pages - pages_a_place) * place / (places - 1));
		ItemPointerData from;
		ItemPointerData to;
		TableScanDesc scan;

		ItemPointerSet(&from, first, FirstOffsetNumber);
		ItemPointerSet(&to, first + pages_a_place - 1, MaxOffsetNumber);
		scan = compat_table_beginscan_tidrange(relation, GetActiveSnapshot(), &from, &to);
		while (table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot))
			(*row_count)++;
		table_endscan(scan);
		CHECK_FOR_INTERRUPTS();
	}
	if (places > 1)
		*row_count = (int64) ((double) *row_count * pages / ((double) pages_a_place * places));
	ExecDropSingleTupleTableSlot(slot);
	table_close(relation, AccessShareLock);
	return true;
}
