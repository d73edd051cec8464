/*
 * command_confirm.c
 *		orgsync confirm: says that the vendor has taken an export.
 *
 * With --results the rows in the vendor's error file were not taken: its messages
 * become findings of the export, which are shown.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "findings.h"
#include "output.h"
#include "upload.h"

/* The export that "the last one" means. */
static char *
last_export(PGconn *connection, const char *account, const char *schema)
{
	char	   *text = session_account_query("SELECT export_id, state FROM @account.exports ORDER BY export_id DESC LIMIT 1", schema);
	PGresult   *result = session_query(connection, text, NULL);
	char	   *export_id;

	if (PQntuples(result) == 0)
		client_fail(CLIENT_REFUSED, "account \"%s\" has no export", account);
	if (strcmp(PQgetvalue(result, 0, 1), "exported") != 0)
		client_fail(CLIENT_REFUSED, "the last export of account \"%s\", %s, is %s already", account,
					PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 1));
	export_id = client_format("%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	free(text);
	return export_id;
}

int
command_confirm(const CommandLine *line)
{
	const char *account = line->arguments[0];
	const char *results_path = line->values[OPTION_RESULTS];
	size_t		length = 0;
	char	   *results = results_path ? upload_read_whole(results_path, &length) : NULL;
	PGconn	   *connection = connection_open(line);
	char	   *schema = session_account(connection, account);
	char	   *findings = session_account_query("@account.import_findings WHERE export_id = $1::bigint", schema);
	char	   *state_query = session_account_query("SELECT state FROM @account.exports WHERE export_id = $1::bigint", schema);
	char	   *export_id = line->arguments[1] ? client_format("%s", line->arguments[1]) :
		last_export(connection, account, schema);
	Parameters	parameters = {0};
	Parameters	of_export = {0};
	FindingCounts counts;
	char	   *state;
	char	   *before;

	parameter_text(&parameters, account);
	parameter_text(&parameters, export_id);
	if (results != NULL)
		parameter_bytes(&parameters, results, length);
	else
		parameter_text(&parameters, NULL);
	parameter_text(&parameters, line->values[OPTION_SEQ]);
	parameter_text(&of_export, export_id);

	session_run(connection, "BEGIN");
	PQclear(session_query(connection, "SELECT orgsync.confirm_export($1::pg_catalog.regnamespace, $2::bigint, $3::bytea, $4::integer)",
						  &parameters));
	state = session_value(connection, state_query, &of_export);
	session_commit(connection, "Look at the state of the export: \"orgsync status\" shows it.");

	before = client_format("{\"export_id\": %s, \"state\": \"%s\",\n\"findings\": ", export_id, state);
	counts = findings_print(connection, line, findings, &of_export, results_path ? upload_name(results_path) : account, before);
	if (output_is_json)
		output_print("}\n");
	else if (!output_is_quiet)
		output_print("%s: export %s %s\n", account, export_id, strcmp(state, "confirmed") == 0 ?
					 counts.errors > 0 ? "confirmed, but for what the vendor refused" : "confirmed" :
					 "confirmed in part, other files of it are open");
	connection_close();
	free(before);
	free(state);
	free(export_id);
	free(state_query);
	free(findings);
	free(schema);
	free(results);
	return counts.errors > 0 ? CLIENT_REJECTED : CLIENT_DONE;
}
