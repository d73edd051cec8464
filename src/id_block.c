/*
 * id_block.c
 *		Ids from a table's sequence, taken in blocks.
 *
 * A single one takes a tenth of a microsecond; so who writes many rows takes them in
 * blocks, in a moment in which nobody else has to do with the sequence, and gives
 * back what is left.
 */
#include "id_block.h"

#include "access/htup_details.h"
#include "catalog.h"
#include "catalog/dependency.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/syscache.h"

/* So many ids are taken from a sequence one by one; then so many at a time. */
#define SINGLE_IDS		64
#define BLOCK_SIZE		1000

/*
 * Begins to deal with the sequence alone, as the account's owner, if it counts by
 * ones, and if he may set it.  Whoever has taken an id keeps a lock until his
 * transaction ends, so there may be others; nobody waits for them.
 */
static bool
take_sequence(const IdBlock *block, const Account *account, OwnerContext *owner)
{
	HeapTuple	tuple = SearchSysCache1(SEQRELID, ObjectIdGetDatum(block->sequence));
	bool		is_plain = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_sequence form = (Form_pg_sequence) GETSTRUCT(tuple);

		is_plain = form->seqincrement == 1 && form->seqcache == 1 && form->seqmax == PG_INT64_MAX;
		ReleaseSysCache(tuple);
	}
	if (!is_plain)
		return false;
	account_become_owner(account, owner);
	if (pg_class_aclcheck(block->sequence, GetUserId(), ACL_UPDATE) == ACLCHECK_OK &&
		ConditionalLockRelationOid(block->sequence, ShareRowExclusiveLock))
		return true;
	account_restore_user(owner);
	return false;
}

static void
leave_sequence(const IdBlock *block, OwnerContext *owner)
{
	UnlockRelationOid(block->sequence, ShareRowExclusiveLock);
	account_restore_user(owner);
}

static void
set_sequence(const IdBlock *block, int64 last)
{
	(void) DirectFunctionCall2(setval_oid, ObjectIdGetDatum(block->sequence), Int64GetDatum(last));
}

/* Gives back what is left of the block, unless somebody has taken ids behind it. */
void
id_block_return(IdBlock *block, const Account *account)
{
	OwnerContext owner;

	if (block->next == block->last || !take_sequence(block, account, &owner))
		return;
	if (nextval_internal(block->sequence, false) == block->last + 1)
		set_sequence(block, block->next);
	leave_sequence(block, &owner);
}

/* An id of the sequence behind the account's table's first column. */
int64
id_block_next(IdBlock *block, const Account *account, Relation relation)
{
	OwnerContext owner;

	if (block->next < block->last)
		return ++block->next;
	if (!OidIsValid(block->sequence))
		block->sequence = compat_identity_sequence(relation, 1);
	if (block->requests++ >= SINGLE_IDS && account->owns_tables && take_sequence(block, account, &owner))
	{
		block->next = block->last = nextval_internal(block->sequence, false);
		if (block->next < PG_INT64_MAX - BLOCK_SIZE)
		{
			block->last += BLOCK_SIZE - 1;
			set_sequence(block, block->last);
		}
		leave_sequence(block, &owner);
	}
	else
		block->next = block->last = nextval_internal(block->sequence, false);
	return block->next;
}
