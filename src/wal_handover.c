/*
 * wal_handover.c
 *		Lets the WAL writer write what a load logs, while the load goes on.
 *
 * A load of a million people logs more than the WAL buffers hold many times over.
 * Whoever finds them full writes them himself, and syncs each segment when it is
 * full: 40 times here, which took a tenth of the time.  The WAL writer sleeps for
 * wal_writer_delay meanwhile, unless it is told that a transaction that will not
 * wait has committed.  So it is told the same, every now and then: it writes and
 * syncs on another core, and the buffers are free when they are needed.
 */
#include "postgres.h"

#include "wal_handover.h"

#include "access/xlog.h"

/* So much has to be there before the WAL writer is woken; a sync takes some milliseconds. */
#define HANDOVER_SIZE	(1024 * 1024)

/* To be called by a load after each batch of pages, and for each row of a statement that may write many. */
void
wal_handover(void)
{
	static XLogRecPtr handed_over = InvalidXLogRecPtr;
	XLogRecPtr	logged = XactLastRecEnd;

	/* nothing as yet, in a transaction that has just begun */
	if (logged < handed_over + HANDOVER_SIZE)
		return;
	handed_over = logged;
	XLogSetAsyncXactLSN(logged);
}
