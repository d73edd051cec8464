/*
 * import_call.c
 *		The call of the server's import, which "import" and "check" share.
 */
#include "import_call.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"

/* Where NAME=HEADER is cut: headers have no "=" in them, a file's own names may. */
static const char *
cut_of(const char *column)
{
	return strrchr(column, '=');
}

static char *
name_of(const char *column)
{
	return client_format("%.*s", (int) (cut_of(column) - column), column);
}

static char *
header_of(const char *column)
{
	return client_format("%s", cut_of(column) + 1);
}

/* Options that contradict one another, and values that cannot be. */
void
import_call_check(const CommandLine *line)
{
	const char *mode = line->values[OPTION_MODE];

	if (line->values[OPTION_STOP_ON_ERROR] && line->values[OPTION_SKIP_ERRORS])
		options_fail("\"--stop-on-error\" and \"--skip-errors\" contradict each other");
	if (mode != NULL && strcmp(mode, "patch") != 0 && strcmp(mode, "full") != 0)
		options_fail("\"--mode\" is \"patch\" or \"full\", not \"%s\"", mode);
	for (const OptionValue *column = line->lists[OPTION_COLUMN]; column != NULL; column = column->next)
		if (cut_of(column->text) == NULL || cut_of(column->text) == column->text || cut_of(column->text)[1] == '\0')
			options_fail("\"--column\" takes NAME=HEADER, not \"%s\"", column->text);
}

/*
 * Adds the two parameters that jsonb_object() makes the argument columns of; the
 * caller frees *names and *headers after the query.
 */
void
import_call_columns(Parameters *parameters, const CommandLine *line, char **names, char **headers)
{
	*names = session_array(line->lists[OPTION_COLUMN], name_of);
	*headers = session_array(line->lists[OPTION_COLUMN], header_of);
	parameter_text(parameters, *names);
	parameter_text(parameters, *headers);
}

/* Begins the transaction of an upload, which may wait long for its file. */
void
import_call_begin(PGconn *connection)
{
	session_run(connection, "BEGIN");
	session_run(connection, "SET LOCAL idle_in_transaction_session_timeout = 0");
}

/* What both kinds of files are imported with; %s: the function and the file. */
static const char import_query[] =
	"SELECT s.*, pg_catalog.row_to_json(s) AS json FROM orgsync.%s,"
	" feed => coalesce($3, 'default'), mode => coalesce($4, 'patch'), on_error => $5, dry_run => $6::boolean,"
	" columns => pg_catalog.jsonb_object($7::text[], $8::text[]), groups => $9::text[], source => $10,"
	" override => $11::boolean, message => $12, notes => $13) AS s";

/*
 * Imports the uploaded file as the options say.  Returns the import's summary in a
 * row, and as JSON in its last column; the caller clears it.
 */
PGresult *
import_call(PGconn *connection, const CommandLine *line, const char *account, const char *path,
			const Uploaded *uploaded, bool dry_run)
{
	const char *source = line->values[OPTION_SOURCE];
	char	   *names;
	char	   *headers;
	char	   *groups = session_array(line->lists[OPTION_GROUP], NULL);
	char	   *query = client_format(import_query, uploaded->is_workbook ?
									  "import_xlsx($1::pg_catalog.regnamespace, pg_catalog.lo_get($2::oid), sheet => $14" :
									  "import_large_object($1::pg_catalog.regnamespace, $2::oid");
	Parameters	parameters = {0};
	PGresult   *summary;

	if (line->values[OPTION_SHEET] && !uploaded->is_workbook)
		client_fail(CLIENT_REFUSED, "\"%s\" is no workbook (.xlsx), so that it has no sheets", upload_name(path));
	if (source == NULL)
		source = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : strcmp(path, "-") != 0 ? path : "standard input";
	parameter_text(&parameters, account);
	parameter_text(&parameters, uploaded->object);
	parameter_text(&parameters, line->values[OPTION_FEED]);
	parameter_text(&parameters, line->values[OPTION_MODE]);
	parameter_text(&parameters, line->values[OPTION_STOP_ON_ERROR] ? "stop" : line->values[OPTION_SKIP_ERRORS] ? "skip" : NULL);
	parameter_text(&parameters, dry_run ? "true" : "false");
	import_call_columns(&parameters, line, &names, &headers);
	parameter_text(&parameters, groups);
	parameter_text(&parameters, source);
	parameter_text(&parameters, line->values[OPTION_OVERRIDE] ? "true" : "false");
	parameter_text(&parameters, line->values[OPTION_MESSAGE]);
	parameter_text(&parameters, line->values[OPTION_NOTES]);
	if (uploaded->is_workbook)
		parameter_text(&parameters, line->values[OPTION_SHEET]);
	summary = session_query(connection, query, &parameters);
	free(query);
	free(names);
	free(headers);
	free(groups);
	return summary;
}

/* Removes the upload. */
void
import_call_remove(PGconn *connection, const char *object)
{
	Parameters	parameters = {0};

	parameter_text(&parameters, object);
	PQclear(session_query(connection, "SELECT pg_catalog.lo_unlink($1::oid)", &parameters));
}
