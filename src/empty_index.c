/*
 * empty_index.c
 *		Indexes of tables without rows, made without waiting for the disk.
 *
 * Before PostgreSQL 17, each build of a B-tree ends by waiting until the index is on
 * the disk, even if all there is of it is the page that says that it is empty.  An
 * account has dozens of indexes, those of its TOAST tables among them, and
 * create_account() waited for half of its time.  Here that page is made in the shared
 * buffers instead and logged, as the one row of a new sequence is.
 *
 * What builds an index is a function in its cache entry.  The server tells of a new
 * index when all its catalog rows are written and before it is built: that is when the
 * function is replaced, for this one build, and only while create_account() allows it.
 * The function that takes its place looks for itself whether there is anything to build,
 * and if so leaves it to the server's.  Whoever makes an index has a lock that keeps
 * others from writing rows to the table until the transaction ends.
 */
#include "empty_index.h"

#ifdef COMPAT_BUILDS_OF_INDEXES_WAIT

#include "access/amapi.h"
#include "access/nbtree.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"

static object_access_hook_type next_hook = NULL;
static bool is_allowed = false;

/* Gives an index without pages its first one: no root. */
static void
write_metapage(Relation index)
{
	bool		allequalimage = _bt_allequalimage(index, false);
	Buffer		buffer = ReadBuffer(index, P_NEW);

	Assert(BufferGetBlockNumber(buffer) == BTREE_METAPAGE);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	START_CRIT_SECTION();
	_bt_initmetapage(BufferGetPage(buffer), P_NONE, 0, allequalimage);
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(index))
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

/* In the place of btbuild(), once. */
static IndexBuildResult *
build(Relation table, Relation index, IndexInfo *info)
{
	index->rd_indam->ambuild = btbuild;
	if (table->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT || RelationGetNumberOfBlocks(table) > 0)
		return btbuild(table, index, info);
	write_metapage(index);
	return palloc0(sizeof(IndexBuildResult));
}

/* Has a new B-tree built by build(). */
static void
replace_build(Oid relation_oid)
{
	/* a new relation is in the cache, though its rows are not to be seen before the next command */
	Relation	relation = RelationIdGetRelation(relation_oid);

	if (RelationIsValid(relation) && relation->rd_rel->relkind == RELKIND_INDEX)
	{
		CommandCounterIncrement();	/* as the server does next: it completes the cache entry */
		if (relation->rd_indam->ambuild == btbuild)
			relation->rd_indam->ambuild = build;
	}
	if (RelationIsValid(relation))
		RelationClose(relation);
}

/* What the server calls at an object's creation, among others. */
static void
object_accessed(ObjectAccessType access, Oid class_oid, Oid object_oid, int column, void *argument)
{
	if (next_hook)
		next_hook(access, class_oid, object_oid, column, argument);
	if (is_allowed && access == OAT_POST_CREATE && class_oid == RelationRelationId && column == 0)
		replace_build(object_oid);
}

/* To be called once, when the library is loaded. */
void
empty_index_init(void)
{
	next_hook = object_access_hook;
	object_access_hook = object_accessed;
}

/* Allows it or ends that; whoever allows it must end it, after an error too. */
void
empty_index_allow(bool allow)
{
	is_allowed = allow;
}

#endif
