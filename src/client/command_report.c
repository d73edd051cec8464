/*
 * command_report.c
 *		orgsync report: writes a page about what an export would do.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "output_file.h"
#include "progress.h"
#include "session.h"

static void
write_page(const char *path, const char *page)
{
	OutputFile *file = output_file_begin(path, true);

	output_file_write(file, page, strlen(page));
	output_file_close(file);
	output_files_finish();
}

static void
tell(const char *account, const char *path)
{
	if (output_is_json)
	{
		output_print("{\"account\": ");
		output_json_string(account);
		output_print(", \"report\": ");
		output_json_string(path);
		output_print("}\n");
	}
	else if (!output_is_quiet)
	{
		output_print("%s: report in ", account);
		output_text(path);
		output_print("\n");
	}
}

int
command_report(const CommandLine *line)
{
	const char *path = line->values[OPTION_OUT];
	Parameters	parameters = {0};
	PGconn	   *connection;
	char	   *page;

	if (path == NULL)
		options_fail("\"orgsync report\" needs \"--out\" with a file");
	if (strcmp(path, "-") == 0 && output_is_json)
		options_fail("with \"--json\" the page needs a file");
	if (strcmp(path, "-") != 0)
		output_file_check(path);
	connection = connection_open(line);
	free(session_account(connection, line->arguments[0]));	/* it is there */
	progress_begin("report");
	parameter_text(&parameters, line->arguments[0]);
	page = session_value(connection, "SELECT orgsync.export_report($1::pg_catalog.regnamespace)", &parameters);
	progress_end();
	connection_close();
	if (page == NULL)
		client_fail(CLIENT_REFUSED, "the server returned no page");
	if (strcmp(path, "-") == 0)
		output_print("%s", page);
	else
	{
		write_page(path, page);
		tell(line->arguments[0], path);
	}
	free(page);
	return CLIENT_DONE;
}
