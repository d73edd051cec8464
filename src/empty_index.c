/*
 * empty_index.c
 *		Indexes of tables without rows, made without a build.
 *
 * Before PostgreSQL 17, each build of a B-tree ends by waiting until the index is on
 * the disk, even if all there is of it is the page that says that it is empty.  An
 * account has dozens of indexes, and create_account() waited for a quarter of its time.
 * Here that page is made in the shared buffers instead and logged, as the one row of a
 * new sequence is; the rest is the server's, which is told to leave out the build.
 *
 * The statements of a script are run by the server, and so are keys in CREATE TABLE;
 * therefore this is a hook of ProcessUtility().  It does something only while
 * create_account() allows it, and whatever index it takes on, a table that has no
 * page has an empty one.  The lock of CREATE INDEX, on the table, keeps others from
 * writing rows to it until the transaction ends.
 *
 * TOAST tables and their indexes are made by the server past all hooks.
 */
#include "empty_index.h"

#ifdef COMPAT_BUILDS_OF_INDEXES_WAIT

#include "access/genam.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "parser/parse_utilcmd.h"
#include "storage/bufmgr.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static ProcessUtility_hook_type next_hook = NULL;
static bool is_allowed = false;

/* May its index be a B-tree that is made here? */
static bool
is_ordinary(const IndexStmt *statement, Oid table)
{
	return !statement->concurrent && !statement->if_not_exists &&
		strcmp(statement->accessMethod, DEFAULT_INDEX_TYPE) == 0 && get_rel_relkind(table) == RELKIND_RELATION &&
		get_rel_persistence(table) == RELPERSISTENCE_PERMANENT;
}

/* Was nothing ever written to the table? */
static bool
is_empty(Oid table)
{
	Relation	relation = table_open(table, NoLock);
	bool		empty = RelationGetNumberOfBlocks(relation) == 0;

	table_close(relation, NoLock);
	return empty;
}

/* Gives an index without pages its first one: no root. */
static void
write_metapage(Oid index_oid)
{
	Relation	index = index_open(index_oid, NoLock);
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
	index_close(index, NoLock);
}

/* What ProcessUtilitySlow() does for CREATE INDEX, but without the build. */
static void
create_index(IndexStmt *statement, Oid table, const char *text)
{
	bool		is_alter_table = statement->transformed;
	bool		skip_build;
	ObjectAddress address;

	statement = transformIndexStmt(table, statement, text);
	EventTriggerAlterTableStart((Node *) statement);
	skip_build = is_empty(table);
	address = compat_define_index(table, statement, is_alter_table, skip_build);
	if (skip_build)
		write_metapage(address.objectId);
	EventTriggerCollectSimpleCommand(address, InvalidObjectAddress, (Node *) statement);
	EventTriggerAlterTableEnd();
}

/* The same as a statement of its own, which triggers of events hear of. */
static void
run_create_index(IndexStmt *statement, Oid table, const char *text)
{
	bool		is_begun = EventTriggerBeginCompleteQuery();

	PG_TRY();
	{
		EventTriggerDDLCommandStart((Node *) statement);
		create_index(statement, table, text);
		EventTriggerSQLDrop((Node *) statement);
		EventTriggerDDLCommandEnd((Node *) statement);
	}
	PG_FINALLY();
	{
		if (is_begun)
			EventTriggerEndCompleteQuery();
	}
	PG_END_TRY();
}

/* In the place of standard_ProcessUtility(). */
static void
run_statement(PlannedStmt *statement, const char *text, bool is_read_only, ProcessUtilityContext context,
			  ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,
			  QueryCompletion *completion)
{
	if (is_allowed && IsA(statement->utilityStmt, IndexStmt))
	{
		Node	   *tree = is_read_only ? copyObject(statement->utilityStmt) : statement->utilityStmt;
		IndexStmt  *index = castNode(IndexStmt, tree);
		Oid			table = RangeVarGetRelidExtended(index->relation, ShareLock, 0, RangeVarCallbackOwnsRelation,
													 NULL);

		if (is_ordinary(index, table))
		{
			if (context == PROCESS_UTILITY_SUBCOMMAND)
				create_index(index, table, text);
			else
				run_create_index(index, table, text);
			return;
		}
	}
	(next_hook ? next_hook : standard_ProcessUtility) (statement, text, is_read_only, context, parameters,
													   environment, receiver, completion);
}

/* To be called once, when the library is loaded. */
void
empty_index_init(void)
{
	next_hook = ProcessUtility_hook;
	ProcessUtility_hook = run_statement;
}

/* Allows it or ends that; whoever allows it must end it, after an error too. */
void
empty_index_allow(bool allow)
{
	is_allowed = allow;
}

#endif
