/*
 * connection.c
 *		Connects as psql does.
 *
 * libpq looks at the environment, service files and ~/.pgpass by itself.  A
 * password is asked for on the terminal, never taken from the command line, where
 * everybody on the machine could read it.
 */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "client.h"
#include "progress.h"

/*
 * Reads a line from the terminal, without showing it.  NULL: there is none.  Of
 * the characters that the line ends with none is returned.
 */
static char *
ask_password(const char *user)
{
	FILE	   *terminal = fopen("/dev/tty", "r+");
	struct termios present;
	struct termios silent;
	char		line[1024];
	bool		is_read;

	if (terminal == NULL)
		return NULL;
	if (tcgetattr(fileno(terminal), &present) != 0)
	{
		fclose(terminal);
		return NULL;
	}
	silent = present;
	silent.c_lflag &= ~(tcflag_t) ECHO;
	/* before the prompt: what was typed earlier is thrown away, and whoever sees the prompt may type */
	tcsetattr(fileno(terminal), TCSAFLUSH, &silent);
	if (user != NULL && user[0] != '\0')
		fprintf(terminal, "Password for user %s: ", user);
	else
		fputs("Password: ", terminal);
	fflush(terminal);
	is_read = fgets(line, sizeof(line), terminal) != NULL;
	tcsetattr(fileno(terminal), TCSAFLUSH, &present);
	fputc('\n', terminal);
	fclose(terminal);
	if (interrupt_came())
		interrupt_end();
	if (!is_read)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	return client_format("%s", line);
}

/* Notices and warnings of the server, in full. */
static void
show_notice(void *context, const PGresult *result)
{
	const char *message = PQresultErrorMessage(result);
	int			length = (int) strlen(message);

	(void) context;
	while (length > 0 && message[length - 1] == '\n')
		length--;
	client_warn("%.*s", length, message);
}

static PGconn *
connect_with(const CommandLine *line, const char *password)
{
	/* what stands behind dbname counts more than what a connection string there says */
	const char *keywords[] = {"dbname", "host", "port", "user", "password", "client_encoding",
	"fallback_application_name", NULL};
	const char *values[] = {line->values[OPTION_DBNAME], line->values[OPTION_HOST], line->values[OPTION_PORT],
	line->values[OPTION_USERNAME], password, "UTF8", "orgsync", NULL};

	return PQconnectdbParams(keywords, values, 1);
}

static void
fail_connection(const PGconn *connection)
{
	char	   *message = client_format("%s", PQerrorMessage(connection));

	message[strcspn(message, "\n") == strlen(message) ? strlen(message) : strlen(message) - 1] = '\0';
	client_fail(CLIENT_CONNECTION, "%s", message);
}

/* The session that is open, or NULL. */
static PGconn *opened = NULL;

/* Ends the session, if it is not ended yet; also when the program fails, so that the server need not wonder. */
void
connection_close(void)
{
	PQfinish(opened);
	opened = NULL;
}

/* Connects as the command line says; ends the program if that is not possible. */
PGconn *
connection_open(const CommandLine *line)
{
	char	   *password = line->values[OPTION_PASSWORD] ? ask_password(line->values[OPTION_USERNAME]) : NULL;
	PGconn	   *connection = connect_with(line, password);

	if (PQstatus(connection) == CONNECTION_BAD && PQconnectionNeedsPassword(connection) && password == NULL &&
		!line->values[OPTION_NO_PASSWORD] &&
		(password = ask_password(PQuser(connection))) != NULL)
	{
		PQfinish(connection);
		connection = connect_with(line, password);
	}
	opened = connection;
	atexit(connection_close);
	if (password != NULL)
		memset(password, 0, strlen(password));
	free(password);
	if (interrupt_came())
		interrupt_end();
	if (PQstatus(connection) != CONNECTION_OK)
		fail_connection(connection);
	/* parameters of queries that nobody has written himself are no help */
	PQsetErrorContextVisibility(connection, PQSHOW_CONTEXT_NEVER);
	PQsetNoticeReceiver(connection, show_notice, NULL);
	PQsetnonblocking(connection, 1);
	return connection;
}

/* Another connection like the first one, or NULL. */
PGconn *
connection_open_second(PGconn *first)
{
	PQconninfoOption *settings = PQconninfo(first);
	const char *keywords[100];
	const char *values[100];
	PGconn	   *second;
	int			count = 0;

	for (PQconninfoOption *setting = settings; setting && setting->keyword && count < 99; setting++)
		if (setting->val != NULL && setting->val[0] != '\0')
		{
			keywords[count] = setting->keyword;
			values[count++] = setting->val;
		}
	keywords[count] = NULL;
	values[count] = NULL;
	second = PQconnectdbParams(keywords, values, 0);
	PQconninfoFree(settings);
	if (PQstatus(second) == CONNECTION_OK)
		return second;
	PQfinish(second);
	return NULL;
}
