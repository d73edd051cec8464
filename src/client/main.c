/*
 * main.c
 *		orgsync, the client: what the extension of that name does, from the shell.
 *
 *	options.c		the command line, from tables that --help shows
 *	connection.c	connects as psql does
 *	session.c		asks the server, and waits so that an interrupt is noticed
 *	upload.c		files of any size go to the server
 *	progress.c		the line that shows how far that is
 *	output.c		standard output, as text or JSON; findings.c: findings there
 *	output_file.c	files that are written whole or not at all
 *	failure.c		messages and exit codes; interrupt.c: signals
 *	command_*.c		one command each; the work itself is the server's
 */
#include "client.h"

#include "commands.h"
#include "output.h"
#include "options.h"
#include "progress.h"

int
main(int argc, char **argv)
{
	static int (*const run[COMMAND_COUNT]) (const CommandLine *line) = {
		[COMMAND_IMPORT] = command_import,
		[COMMAND_CHECK] = command_check,
		[COMMAND_EXPORT] = command_export,
		[COMMAND_CONFIRM] = command_confirm,
		[COMMAND_REPORT] = command_report,
		[COMMAND_STATUS] = command_status,
	};
	CommandLine line;
	int			exit_code;

	interrupt_catch();
	options_parse(&line, argc, argv);
	exit_code = run[line.command] (&line);
	progress_end();
	output_finish();
	options_free(&line);
	return exit_code;
}
