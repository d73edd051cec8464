/*
 * client.h
 *		What all of the client program shares: exit codes, and how it fails.
 *
 * The program does one thing and ends.  So whoever cannot go on calls one of the
 * client_fail functions, which say why, remove temporary files and exit; the
 * server rolls back what was begun when it sees the connection closed.
 * Allocation never fails here: the allocating functions end the program.
 */
#ifndef ORGSYNC_CLIENT_H
#define ORGSYNC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libpq-fe.h>

/* What scripts rely on. */
enum
{
	CLIENT_DONE = 0,
	CLIENT_REJECTED = 1,		/* done, but for rows that findings tell of */
	CLIENT_REFUSED = 2,			/* nothing was done: the file, the server or the disk did not allow it */
	CLIENT_CONNECTION = 3,		/* no connection, or it was lost */
	CLIENT_USAGE = 64,			/* the command line is wrong */
	CLIENT_OUTPUT = 74			/* done, but it could not be told: standard output is closed or full */
};

#define CLIENT_PRINTF(text, first)	__attribute__((format(printf, text, first), nonnull(text)))
#define CLIENT_NORETURN				__attribute__((noreturn))

/* failure.c */
extern void client_fail(int exit_code, const char *format, ...) CLIENT_PRINTF(2, 3) CLIENT_NORETURN;
extern void client_fail_server(PGconn *connection, const PGresult *result) CLIENT_NORETURN;
extern void client_fail_hint(int exit_code, const char *hint, const char *format, ...)
			CLIENT_PRINTF(3, 4) CLIENT_NORETURN;
extern void client_warn(const char *format, ...) CLIENT_PRINTF(1, 2);

extern void *client_allocate(size_t size);
extern char *client_format(const char *format, ...) CLIENT_PRINTF(1, 2);

/* interrupt.c */
extern void interrupt_catch(void);
extern bool interrupt_came(void);
extern void interrupt_end(void) CLIENT_NORETURN;

#endif
