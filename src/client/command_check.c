/*
 * command_check.c
 *		orgsync check: says what is wrong with a file, and changes nothing.
 *
 * With --product all that can be said without an account; with --account what an
 * import would find: it is done, and rolled back with everything that it noted.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "findings.h"
#include "import_call.h"
#include "output.h"
#include "progress.h"
#include "upload.h"

/* Before the findings, with --json. */
static const char before_findings[] = "{\"findings\": ";

static FindingCounts
check_for_account(PGconn *connection, const CommandLine *line, const char *schema,
				  const Uploaded *uploaded, bool *refused)
{
	const char *account = line->values[OPTION_ACCOUNT];
	char	   *source = session_account_query("@account.import_findings WHERE import_id = $1::bigint", schema);
	PGresult   *summary = import_call(connection, line, account, line->arguments[0], uploaded, true);
	Parameters	parameters = {0};
	FindingCounts counts;

	*refused = strcmp(PQgetvalue(summary, 0, PQfnumber(summary, "state")), "refused") == 0;
	parameter_text(&parameters, PQgetvalue(summary, 0, PQfnumber(summary, "import_id")));
	counts = findings_print(connection, line, source, &parameters, upload_name(line->arguments[0]), before_findings);
	PQclear(summary);
	free(source);
	return counts;
}

static FindingCounts
check_for_product(PGconn *connection, const CommandLine *line, const char *object)
{
	Parameters	parameters = {0};
	FindingCounts counts;
	char	   *names;
	char	   *headers;

	parameter_text(&parameters, line->values[OPTION_PRODUCT]);
	parameter_text(&parameters, object);
	import_call_columns(&parameters, line, &names, &headers);
	counts = findings_print(connection, line, "orgsync.check_large_object($1::orgsync.product, $2::oid,"
							" pg_catalog.jsonb_object($3::text[], $4::text[]))", &parameters, upload_name(line->arguments[0]), before_findings);
	free(names);
	free(headers);
	return counts;
}

static void
check_options(const CommandLine *line)
{
	static const option_id of_account[] = {
		OPTION_FEED, OPTION_MODE, OPTION_GROUP, OPTION_STOP_ON_ERROR, OPTION_SKIP_ERRORS, OPTION_SHEET,
		OPTION_OVERRIDE
	};

	if (!line->values[OPTION_PRODUCT] == !line->values[OPTION_ACCOUNT])
		options_fail("\"orgsync check\" needs either \"--product\" or \"--account\"");
	for (size_t i = 0; line->values[OPTION_PRODUCT] && i < sizeof(of_account) / sizeof(of_account[0]); i++)
		if (line->values[of_account[i]])
			options_fail("with \"--product\" there is no account to import into: only \"--column\" goes with it");
	import_call_check(line);
}

int
command_check(const CommandLine *line)
{
	Upload	   *upload;
	PGconn	   *connection;
	FindingCounts counts;
	char	   *schema;
	Uploaded	uploaded;
	bool		refused;
	int			exit_code;

	check_options(line);
	upload = upload_open(line->arguments[0]);
	connection = connection_open(line);
	schema = line->values[OPTION_ACCOUNT] ? session_account(connection, line->values[OPTION_ACCOUNT]) : NULL;
	import_call_begin(connection);
	uploaded = upload_large_object(connection, upload);
	progress_begin("check");
	if (line->values[OPTION_ACCOUNT])
	{
		progress_watch_import(connection);
		counts = check_for_account(connection, line, schema, &uploaded, &refused);
	}
	else
	{
		counts = check_for_product(connection, line, uploaded.object);
		refused = counts.fatal > 0;
	}
	session_run(connection, "ROLLBACK");
	exit_code = refused ? CLIENT_REFUSED : counts.errors > 0 ? CLIENT_REJECTED : CLIENT_DONE;
	if (output_is_json)
		output_print(",\n\"fatal\": %lld, \"errors\": %lld, \"warnings\": %lld}\n", counts.fatal, counts.errors, counts.warnings);
	else if (!output_is_quiet)
		output_print("%s: %s (fatal: %lld, errors: %lld, warnings: %lld)\n", upload_name(line->arguments[0]),
					 exit_code == CLIENT_DONE ? "can be imported" : exit_code == CLIENT_REJECTED ?
					 "can be imported but for some rows" : "cannot be imported",
					 counts.fatal, counts.errors, counts.warnings);
	connection_close();
	free(uploaded.object);
	free(schema);
	return exit_code;
}
