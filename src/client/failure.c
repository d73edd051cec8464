/*
 * failure.c
 *		How the client says that it cannot go on, and memory that is always there.
 *
 * People read the message on standard error, programs (--json) besides an object
 * {"error": ...} on standard output, unless output has begun there: then only the
 * exit code and standard error tell.
 */
#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "progress.h"

void *
client_allocate(size_t size)
{
	void	   *memory = calloc(1, size > 0 ? size : 1);

	if (memory == NULL)
	{
		fputs("orgsync: out of memory\n", stderr);
		exit(CLIENT_REFUSED);
	}
	return memory;
}

static char *format_arguments(const char *format, va_list arguments) CLIENT_PRINTF(1, 0);

/* As vsprintf(), into memory of its own. */
static char *
format_arguments(const char *format, va_list arguments)
{
	va_list		again;
	char	   *text;
	int			length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		length = 0;
	text = client_allocate((size_t) length + 1);
	vsnprintf(text, (size_t) length + 1, format, arguments);
	return text;
}

/* As sprintf(), into memory of its own. */
char *
client_format(const char *format, ...)
{
	va_list		arguments;
	char	   *text;

	va_start(arguments, format);
	text = format_arguments(format, arguments);
	va_end(arguments);
	return text;
}

/* Says something on standard error and goes on. */
void
client_warn(const char *format, ...)
{
	va_list		arguments;
	char	   *message;

	va_start(arguments, format);
	message = format_arguments(format, arguments);
	va_end(arguments);
	progress_clear();
	output_visible(stderr, "orgsync: ");
	output_visible(stderr, message);
	fputc('\n', stderr);
	free(message);
}

/* Another line of a message, if there is one. */
static void
say_more(const char *title, const char *text)
{
	if (text == NULL)
		return;
	fprintf(stderr, "%s:  ", title);
	output_visible(stderr, text);
	fputc('\n', stderr);
}

/* Says why, with a hint if there is one, and ends the program. */
static void
fail(int exit_code, const char *message, const char *hint)
{
	client_warn("%s", message);
	say_more("HINT", hint);
	output_error(NULL, message, NULL, hint);
	exit(exit_code);
}

/* Ends the program with that exit code; format: why, without a full stop. */
void
client_fail(int exit_code, const char *format, ...)
{
	va_list		arguments;
	char	   *message;

	va_start(arguments, format);
	message = format_arguments(format, arguments);
	va_end(arguments);
	fail(exit_code, message, NULL);
	abort();
}

/* The same with a whole sentence about what to do. */
void
client_fail_hint(int exit_code, const char *hint, const char *format, ...)
{
	va_list		arguments;
	char	   *message;

	va_start(arguments, format);
	message = format_arguments(format, arguments);
	va_end(arguments);
	fail(exit_code, message, hint);
	abort();
}

/* Is this what a server says in an error that ends the connection? */
static bool
ends_connection(const char *sqlstate)
{
	return sqlstate != NULL && (strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0);
}

/* Is it the extension that is missing? */
static bool
is_not_installed(const char *sqlstate, const char *message)
{
	static const char *const codes[] = {"3F000", "42883", "42P01", "42704"};

	for (size_t i = 0; sqlstate != NULL && message != NULL && i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(sqlstate, codes[i]) == 0)
			return strstr(message, "orgsync") != NULL;
	return false;
}

/*
 * Ends the program for the server's error, which is shown in full; result NULL:
 * the connection was lost.  After an interrupt it is that which ends the program.
 */
void
client_fail_server(PGconn *connection, const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	bool		is_lost = PQstatus(connection) == CONNECTION_BAD || ends_connection(sqlstate);

	if (interrupt_came())
		interrupt_end();
	if (hint == NULL && is_not_installed(sqlstate, message))
		hint = "A superuser installs orgsync in this database with CREATE EXTENSION orgsync.";
	if (message != NULL)
		client_warn("%s:  %s", PQresultErrorField(result, PG_DIAG_SEVERITY), message);
	else
	{
		/* libpq's own words, which end a line */
		char	   *words = client_format("%s", PQerrorMessage(connection));

		words[strlen(words) > 0 ? strlen(words) - 1 : 0] = '\0';
		client_warn("%s", words);
		message = words;
	}
	say_more("DETAIL", detail);
	say_more("HINT", hint);
	output_error(sqlstate, message, detail, hint);
	exit(is_lost ? CLIENT_CONNECTION : CLIENT_REFUSED);
}
