/*
 * wal_handover.h
 *		Lets the WAL writer write what a load logs, while the load goes on.
 */
#ifndef ORGSYNC_WAL_HANDOVER_H
#define ORGSYNC_WAL_HANDOVER_H

extern void wal_handover(void);

#endif
