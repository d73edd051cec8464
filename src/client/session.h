/*
 * session.h
 *		The connection to the server, and what is asked there.
 */
#ifndef ORGSYNC_CLIENT_SESSION_H
#define ORGSYNC_CLIENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <libpq-fe.h>

#include "options.h"

#define SESSION_MAX_PARAMETERS	16

/* The parameters of a query; the values stay the caller's. */
typedef struct Parameters
{
	int			count;
	const char *values[SESSION_MAX_PARAMETERS];
	int			lengths[SESSION_MAX_PARAMETERS];
	int			formats[SESSION_MAX_PARAMETERS];
} Parameters;

/* connection.c */
extern PGconn *connection_open(const CommandLine *line);
extern void connection_close(void);
extern PGconn *connection_open_second(PGconn *first);

/* session.c */
extern void parameter_text(Parameters *parameters, const char *value);
extern void parameter_bytes(Parameters *parameters, const char *data, size_t length);
extern char *session_array(const OptionValue *list, char *(*element) (const char *text));

extern PGresult *session_query(PGconn *connection, const char *text, const Parameters *parameters);
extern void session_query_rows(PGconn *connection, const char *text, const Parameters *parameters);
extern PGresult *session_next_row(PGconn *connection);
extern void session_run(PGconn *connection, const char *text);
extern void session_commit(PGconn *connection, const char *doubt);
extern char *session_value(PGconn *connection, const char *text, const Parameters *parameters);
extern char *session_account(PGconn *connection, const char *account);
extern char *session_account_query(const char *text, const char *schema);

#endif
