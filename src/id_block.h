/*
 * id_block.h
 *		Ids from a table's sequence, taken in blocks.
 */
#ifndef ORGSYNC_ID_BLOCK_H
#define ORGSYNC_ID_BLOCK_H

#include "account.h"
#include "utils/rel.h"

/* All zero at the beginning. */
typedef struct IdBlock
{
	Oid			sequence;		/* InvalidOid: not asked for so far */
	int64		requests;		/* to the sequence */
	int64		next;			/* the last one that was given out, */
	int64		last;			/* of those that were taken */
} IdBlock;

extern int64 id_block_next(IdBlock *block, const Account *account, Relation relation);
extern void id_block_return(IdBlock *block, const Account *account);

#endif
