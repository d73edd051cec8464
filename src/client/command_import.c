/*
 * command_import.c
 *		orgsync import: brings a file into an account.
 *
 * One transaction uploads the file, imports it and removes the upload.  Rows that
 * the server rejects are not applied, the others are; what the file's faults are
 * stands in the account's tables from then on and is only shown here.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "findings.h"
#include "import_call.h"
#include "output.h"
#include "output_file.h"
#include "progress.h"
#include "upload.h"

/* import_remote() takes the file whole. */
static const char remote_query[] =
	"SELECT s.*, pg_catalog.row_to_json(s) AS json FROM orgsync.import_remote($1::pg_catalog.regnamespace,"
	" pg_catalog.lo_get($2::oid), complete => $3::boolean, adopt => $4::boolean) AS s";

static PGresult *
import_remote(PGconn *connection, const CommandLine *line, const char *object)
{
	Parameters	parameters = {0};

	parameter_text(&parameters, line->arguments[0]);
	parameter_text(&parameters, object);
	parameter_text(&parameters, line->values[OPTION_INCOMPLETE] ? "false" : "true");
	parameter_text(&parameters, line->values[OPTION_ADOPT] ? "true" : "false");
	return session_query(connection, remote_query, &parameters);
}

static void
check_options(const CommandLine *line)
{
	static const option_id not_remote[] = {
		OPTION_FEED, OPTION_MODE, OPTION_SOURCE, OPTION_COLUMN, OPTION_GROUP, OPTION_MESSAGE, OPTION_NOTES,
		OPTION_STOP_ON_ERROR, OPTION_SKIP_ERRORS, OPTION_SHEET, OPTION_DRY_RUN, OPTION_OVERRIDE
	};

	if (!line->values[OPTION_REMOTE] && (line->values[OPTION_ADOPT] || line->values[OPTION_INCOMPLETE]))
		options_fail("\"--adopt\" and \"--incomplete\" need \"--remote\"");
	for (size_t i = 0; line->values[OPTION_REMOTE] && i < sizeof(not_remote) / sizeof(not_remote[0]); i++)
		if (line->values[not_remote[i]])
			options_fail("the vendor's own list (\"--remote\") is imported as it is: only \"--adopt\" and"
						 " \"--incomplete\" go with it");
	import_call_check(line);
}

static const char *
field(const PGresult *summary, const char *name)
{
	return PQgetvalue(summary, 0, PQfnumber(summary, name));
}

static void
print_summary(const PGresult *summary, const char *account, const char *file_name)
{
	output_print("%s: import %s %s: ", account, field(summary, "import_id"),
				 strcmp(field(summary, "state"), "dry_run") == 0 ? "tried (dry run)" : field(summary, "state"));
	output_text(file_name);
	output_print("\n%s: %s created, %s updated, %s unchanged, %s rejected",
				 output_count(field(summary, "rows_read"), "row", "rows"), field(summary, "created"),
				 field(summary, "updated"), field(summary, "unchanged"), field(summary, "rejected"));
	if (strcmp(field(summary, "mode"), "full") == 0)
		output_print(", %s absent", field(summary, "absent"));
	output_print("; %s\n%s granted, %s revoked, %s\n",
				 output_count(field(summary, "warnings"), "warning", "warnings"),
				 output_count(field(summary, "seats_granted"), "seat", "seats"), field(summary, "seats_revoked"),
				 output_count(field(summary, "invitations"), "invitation", "invitations"));
}

/* Writes the rejected rows with a column Messages into the file of --rejected. */
static void
write_rejected(PGconn *connection, const CommandLine *line, const char *import_id)
{
	Parameters	parameters = {0};
	OutputFile *file = output_file_begin(line->values[OPTION_REJECTED], true);
	char	   *csv;

	parameter_text(&parameters, line->arguments[0]);
	parameter_text(&parameters, import_id);
	csv = session_value(connection, "SELECT orgsync.results_csv($1::pg_catalog.regnamespace, $2::bigint)", &parameters);
	if (csv != NULL)
		output_file_write(file, csv, strlen(csv));
	output_file_close(file);
	free(csv);
}

/* What the import of that summary comes to as an exit code. */
static int
exit_code_of(const PGresult *summary)
{
	if (strcmp(field(summary, "state"), "refused") == 0)
		return CLIENT_REFUSED;
	return strcmp(field(summary, "rejected"), "0") == 0 ? CLIENT_DONE : CLIENT_REJECTED;
}

int
command_import(const CommandLine *line)
{
	const char *file_name = upload_name(line->arguments[1]);
	Upload	   *upload;
	PGconn	   *connection;
	PGresult   *summary;
	Parameters	parameters = {0};
	char	   *account;
	Uploaded	uploaded;
	char	   *findings;
	char	   *doubt;
	char	   *before;
	int			exit_code;

	check_options(line);
	upload = upload_open(line->arguments[1]);
	if (line->values[OPTION_REJECTED])
		output_file_check(line->values[OPTION_REJECTED]);
	connection = connection_open(line);
	account = session_account(connection, line->arguments[0]);
	import_call_begin(connection);
	uploaded = upload_large_object(connection, upload);
	progress_begin("import");
	progress_watch_import(connection);
	summary = line->values[OPTION_REMOTE] ? import_remote(connection, line, uploaded.object) :
		import_call(connection, line, line->arguments[0], line->arguments[1], &uploaded, line->values[OPTION_DRY_RUN] != NULL);
	import_call_remove(connection, uploaded.object);
	if (line->values[OPTION_REJECTED])
		write_rejected(connection, line, field(summary, "import_id"));
	doubt = client_format("Look whether %s.imports has a row of this import.", account);
	session_commit(connection, doubt);
	progress_end();
	output_files_finish();

	exit_code = exit_code_of(summary);
	parameter_text(&parameters, field(summary, "import_id"));
	findings = session_account_query("@account.import_findings WHERE import_id = $1::bigint", account);
	before = client_format("{\"import\": %s,\n\"findings\": ", field(summary, "json"));
	if (!output_is_json && !output_is_quiet)
		print_summary(summary, line->arguments[0], file_name);
	findings_print(connection, line, findings, &parameters, file_name, before);
	if (output_is_json)
		output_print("}\n");
	PQclear(summary);
	connection_close();
	free(before);
	free(doubt);
	free(findings);
	free(uploaded.object);
	free(account);
	return exit_code;
}
