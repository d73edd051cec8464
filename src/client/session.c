/*
 * session.c
 *		What the client asks the server, and how it waits for the answer.
 *
 * The connection does not block: all waiting is done in wait_for_server(), for a
 * moment at a time, so that the progress bar moves and an interrupt is noticed.  An
 * interrupt makes the server cancel what it does; its answer to that, an error,
 * ends the program.
 *
 * Parameters are never part of a query's text.  Relations of an account are: see
 * session_account().
 */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "progress.h"

/* So many milliseconds at a time. */
#define MOMENT	100

void
parameter_text(Parameters *parameters, const char *value)
{
	parameters->values[parameters->count++] = value;
}

void
parameter_bytes(Parameters *parameters, const char *data, size_t length)
{
	parameters->values[parameters->count] = data;
	parameters->lengths[parameters->count] = (int) length;
	parameters->formats[parameters->count++] = 1;
}

/* Has the server stop what it does.  If it cannot be told, losing the connection must do. */
static void
cancel_query(PGconn *connection)
{
	PGcancel   *cancel = PQgetCancel(connection);
	char		error[256];

	if (cancel == NULL || !PQcancel(cancel, error, sizeof(error)))
		interrupt_end();
	PQfreeCancel(cancel);
}

/* Waits a moment for the server; sending: there is something left to send. */
static void
wait_for_server(PGconn *connection, bool sending)
{
	struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};

	if (sending)
		socket.events |= POLLOUT;
	if (poll(&socket, 1, MOMENT) < 0 && errno != EINTR)
		client_fail(CLIENT_CONNECTION, "could not wait for the server: %s", strerror(errno));
	progress_tick();
}

/* The next result of what was asked, or NULL. */
static PGresult *
next_result(PGconn *connection)
{
	static bool is_cancelled = false;
	int			unsent = 1;

	while (unsent > 0 || PQisBusy(connection))
	{
		if (interrupt_came() && !is_cancelled)
		{
			is_cancelled = true;
			cancel_query(connection);
		}
		unsent = PQflush(connection);
		if (unsent > 0 || PQisBusy(connection))
			wait_for_server(connection, unsent > 0);
		if (unsent < 0 || !PQconsumeInput(connection))
		{
			/* the server may have said why before it closed the connection */
			PGresult   *last = PQgetResult(connection);

			client_fail_server(connection, PQresultStatus(last) == PGRES_FATAL_ERROR ? last : NULL);
		}
	}
	return PQgetResult(connection);
}

static void
check_result(PGconn *connection, const PGresult *result)
{
	switch (PQresultStatus(result))
	{
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
		case PGRES_SINGLE_TUPLE:
			return;
		default:
			client_fail_server(connection, result);
	}
}

static void
send_query(PGconn *connection, const char *text, const Parameters *parameters)
{
	static const Parameters none = {0};
	const Parameters *given = parameters != NULL ? parameters : &none;

	if (interrupt_came())
		interrupt_end();
	if (!PQsendQueryParams(connection, text, given->count, NULL, given->values, given->lengths, given->formats, 0))
		client_fail_server(connection, NULL);
}

/* Runs a query; the caller clears the result.  Ends the program after an error. */
PGresult *
session_query(PGconn *connection, const char *text, const Parameters *parameters)
{
	PGresult   *result;
	PGresult   *next;

	send_query(connection, text, parameters);
	result = next_result(connection);
	check_result(connection, result);
	while ((next = next_result(connection)) != NULL)
	{
		check_result(connection, next);
		PQclear(next);
	}
	return result;
}

/* Runs a query whose rows session_next_row() returns one by one, however many they are. */
void
session_query_rows(PGconn *connection, const char *text, const Parameters *parameters)
{
	send_query(connection, text, parameters);
	PQsetSingleRowMode(connection);
}

/* The next row, which the caller clears, or NULL after the last. */
PGresult *
session_next_row(PGconn *connection)
{
	PGresult   *result = next_result(connection);
	PGresult   *next;

	check_result(connection, result);
	if (PQresultStatus(result) == PGRES_SINGLE_TUPLE)
		return result;
	PQclear(result);
	while ((next = next_result(connection)) != NULL)
		PQclear(next);
	return NULL;
}

/* Runs a statement without result. */
void
session_run(PGconn *connection, const char *text)
{
	PQclear(session_query(connection, text, NULL));
}

/*
 * Commits; doubt: what to say if the connection is lost meanwhile, so that nobody
 * knows whether it was done.
 */
void
session_commit(PGconn *connection, const char *doubt)
{
	PGresult   *result;
	PGresult   *next;

	if (interrupt_came())
		interrupt_end();
	if (!PQsendQueryParams(connection, "COMMIT", 0, NULL, NULL, NULL, NULL, 0))
		client_fail_server(connection, NULL);
	while (PQisBusy(connection) || PQflush(connection) > 0)
	{
		wait_for_server(connection, PQflush(connection) > 0);
		if (!PQconsumeInput(connection))
			client_fail_hint(CLIENT_CONNECTION, doubt, "the connection was lost at the end: %s",
							 PQerrorMessage(connection));
	}
	result = PQgetResult(connection);
	if (PQstatus(connection) == CONNECTION_BAD)
		client_fail_hint(CLIENT_CONNECTION, doubt, "the connection was lost at the end: %s", PQerrorMessage(connection));
	check_result(connection, result);
	if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		client_fail(CLIENT_REFUSED, "the server rolled the transaction back");
	PQclear(result);
	while ((next = PQgetResult(connection)) != NULL)
		PQclear(next);
}

/* The one value that a query returns, in memory of the caller's; NULL: none. */
char *
session_value(PGconn *connection, const char *text, const Parameters *parameters)
{
	PGresult   *result = session_query(connection, text, parameters);
	char	   *value = PQntuples(result) == 0 || PQgetisnull(result, 0, 0) ? NULL :
		client_format("%s", PQgetvalue(result, 0, 0));

	PQclear(result);
	return value;
}

/*
 * The account's schema as it is written in SQL: quoted.  The server decides which
 * one is meant, as it does for the account that functions are given.
 */
char *
session_account(PGconn *connection, const char *account)
{
	Parameters	parameters = {0};
	char	   *name;
	char	   *quoted;
	char	   *copy;

	parameter_text(&parameters, account);
	name = session_value(connection,
						 "SELECT n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.oid = pg_catalog.to_regnamespace($1)"
						 " AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = n.oid AND c.relname = 'settings')",
						 &parameters);
	if (name == NULL)
		client_fail_hint(CLIENT_REFUSED, "\"orgsync status\" shows the accounts that you may read.", "account \"%s\" does not exist", account);
	quoted = PQescapeIdentifier(connection, name, strlen(name));
	if (quoted == NULL)
		client_fail_server(connection, NULL);
	copy = client_format("%s", quoted);
	PQfreemem(quoted);
	free(name);
	return copy;
}

/* A query's text with the schema, as session_account() returns it, in the place of each @account. */
char *
session_account_query(const char *text, const char *schema)
{
	static const char word[] = "@account";
	char	   *query = client_format("%s", "");
	const char *place;

	do
	{
		char	   *longer;

		place = strstr(text, word);
		longer = client_format("%s%.*s%s", query, (int) (place ? (size_t) (place - text) : strlen(text)), text,
							   place ? schema : "");
		free(query);
		query = longer;
		text = place ? place + strlen(word) : NULL;
	} while (place != NULL);
	return query;
}

/* The option's values, each through element() if that is given, as a text of type text[]; NULL: none. */
char *
session_array(const OptionValue *list, char *(*element) (const char *text))
{
	char	   *array = NULL;

	for (; list != NULL; list = list->next)
	{
		char	   *text = element != NULL ? element(list->text) : client_format("%s", list->text);
		char	   *quoted = client_allocate(2 * strlen(text) + 1);
		char	   *next = quoted;
		char	   *longer;

		for (const char *c = text; *c != '\0'; c++)
		{
			if (*c == '"' || *c == '\\')
				*next++ = '\\';
			*next++ = *c;
		}
		longer = client_format("%s%s\"%s\"", array ? array : "{", array ? "," : "", quoted);
		free(array);
		free(text);
		free(quoted);
		array = longer;
	}
	if (array != NULL)
	{
		char	   *whole = client_format("%s}", array);

		free(array);
		return whole;
	}
	return NULL;
}
