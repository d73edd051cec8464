/*
 * progress.h
 *		A line on the terminal that shows how far the work is.
 */
#ifndef ORGSYNC_CLIENT_PROGRESS_H
#define ORGSYNC_CLIENT_PROGRESS_H

#include <stdint.h>
#include <libpq-fe.h>

extern void progress_begin(const char *title);
extern void progress_bytes(int64_t done, int64_t total);
extern void progress_watch_import(PGconn *connection);
extern void progress_tick(void);
extern void progress_clear(void);
extern void progress_end(void);

#endif
