/*
 * options.h
 *		The command line: commands, their arguments and options.
 */
#ifndef ORGSYNC_CLIENT_OPTIONS_H
#define ORGSYNC_CLIENT_OPTIONS_H

#include "client.h"

typedef enum option_id
{
	OPTION_FEED,
	OPTION_MODE,
	OPTION_SOURCE,
	OPTION_COLUMN,
	OPTION_GROUP,
	OPTION_MESSAGE,
	OPTION_NOTES,
	OPTION_STOP_ON_ERROR,
	OPTION_SKIP_ERRORS,
	OPTION_SHEET,
	OPTION_REMOTE,
	OPTION_INCOMPLETE,
	OPTION_ADOPT,
	OPTION_PRODUCT,
	OPTION_ACCOUNT,
	OPTION_OUT,
	OPTION_ROWS_PER_FILE,
	OPTION_LAYOUT,
	OPTION_SPREADSHEET_SAFE,
	OPTION_FULL,
	OPTION_XLSX,
	OPTION_AGAIN,
	OPTION_DRY_RUN,
	OPTION_OVERRIDE,
	OPTION_RESULTS,
	OPTION_SEQ,
	OPTION_FINDINGS,
	OPTION_REJECTED,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_HOST,
	OPTION_PORT,
	OPTION_USERNAME,
	OPTION_DBNAME,
	OPTION_NO_PASSWORD,
	OPTION_PASSWORD,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_COUNT
} option_id;

typedef enum command_id
{
	COMMAND_IMPORT,
	COMMAND_CHECK,
	COMMAND_EXPORT,
	COMMAND_CONFIRM,
	COMMAND_REPORT,
	COMMAND_STATUS,
	COMMAND_COUNT
} command_id;

/* A value that an option was given, in the order of the command line. */
typedef struct OptionValue
{
	const char *text;
	struct OptionValue *next;
} OptionValue;

typedef struct CommandLine
{
	command_id	command;
	const char *arguments[2];	/* what the command takes besides options; NULL: not given */
	const char *values[OPTION_COUNT];	/* the last one given; "" for one that takes none; NULL: not given */
	OptionValue *lists[OPTION_COUNT];	/* all of them */
} CommandLine;

extern void options_parse(CommandLine *line, int argc, char **argv);
extern void options_free(CommandLine *line);
extern void options_fail(const char *format, ...) CLIENT_PRINTF(1, 2) CLIENT_NORETURN;

#endif
