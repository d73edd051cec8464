/*
 * options.c
 *		The command line: commands, their arguments and options.
 *
 * The tables below are all that there is of it: getopt_long() gets its options
 * from them and --help is printed from them.  The manual page says more of each,
 * and a test holds it against --help.
 */
#include "options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"

typedef struct Command
{
	const char *name;
	const char *arguments;		/* as --help shows them */
	int			least;			/* so many arguments are needed */
	int			most;			/* and so many are allowed */
	const char *help;
} Command;

static const Command commands[COMMAND_COUNT] = {
	[COMMAND_IMPORT] = {"import", "ACCOUNT FILE|-", 2, 2, "bring a file into an account"},
	[COMMAND_CHECK] = {"check", "FILE|-", 1, 1, "say what is wrong with a file, and change nothing"},
	[COMMAND_EXPORT] = {"export", "ACCOUNT", 1, 1, "write the files to upload to the vendor"},
	[COMMAND_CONFIRM] = {"confirm", "ACCOUNT [EXPORT]", 1, 2, "say that the vendor has taken an export (the last one)"},
	[COMMAND_REPORT] = {"report", "ACCOUNT", 1, 1, "write a page about what an export would do"},
	[COMMAND_STATUS] = {"status", "[ACCOUNT]", 0, 1, "show all accounts, or how one stands"},
};

#define IMPORT		(1u << COMMAND_IMPORT)
#define CHECK		(1u << COMMAND_CHECK)
#define EXPORT		(1u << COMMAND_EXPORT)
#define CONFIRM		(1u << COMMAND_CONFIRM)
#define REPORT		(1u << COMMAND_REPORT)
#define ANY			(~0u)

typedef struct Option
{
	const char *name;
	char		letter;			/* 0: it has none */
	unsigned	commands;		/* that take it */
	const char *argument;		/* NULL: it takes none */
	const char *help;
} Option;

static const Option options[OPTION_COUNT] = {
	[OPTION_FEED] = {"feed", 'f', IMPORT | CHECK, "NAME", "the feed that the file belongs to (default)"},
	[OPTION_MODE] = {"mode", 'm', IMPORT | CHECK, "MODE", "patch (default), or full: who is absent loses seats"},
	[OPTION_SOURCE] = {"source", 's', IMPORT, "NAME", "where the file is from (its name)"},
	[OPTION_COLUMN] = {"column", 'c', IMPORT | CHECK, "NAME=HEADER", "the file's column NAME is HEADER; may be repeated"},
	[OPTION_GROUP] = {"group", 'g', IMPORT | CHECK, "NAME", "all join that group; may be repeated"},
	[OPTION_MESSAGE] = {"message", 0, IMPORT, "TEXT", "a message to keep with the import"},
	[OPTION_NOTES] = {"notes", 0, IMPORT, "TEXT", "notes to keep with the import"},
	[OPTION_STOP_ON_ERROR] = {"stop-on-error", 0, IMPORT | CHECK, NULL, "refuse the whole file if a row is wrong"},
	[OPTION_SKIP_ERRORS] = {"skip-errors", 0, IMPORT | CHECK, NULL, "set wrong rows aside, and apply the others"},
	[OPTION_SHEET] = {"sheet", 0, IMPORT | CHECK, "NAME", "of a workbook (.xlsx), that sheet; else the first one"},
	[OPTION_REMOTE] = {"remote", 0, IMPORT, NULL, "the file is the vendor's own list of users"},
	[OPTION_INCOMPLETE] = {"incomplete", 0, IMPORT, NULL, "with --remote: it is not all users"},
	[OPTION_ADOPT] = {"adopt", 0, IMPORT, NULL, "with --remote: make its people in the account"},
	[OPTION_PRODUCT] = {"product", 'P', CHECK, "PRODUCT", "linkedin_learning, talent_insights or workleap"},
	[OPTION_ACCOUNT] = {"account", 'A', CHECK, "ACCOUNT", "check as an import into that account would"},
	[OPTION_OUT] = {"out", 'o', EXPORT | REPORT, "PATH", "export: the directory; report: the file (- for output)"},
	[OPTION_ROWS_PER_FILE] = {"rows-per-file", 0, EXPORT, "NUMBER", "cut files after so many rows"},
	[OPTION_LAYOUT] = {"layout", 0, EXPORT, "LAYOUT", "default or legacy"},
	[OPTION_SPREADSHEET_SAFE] = {"spreadsheet-safe", 0, EXPORT, NULL, "no cell that a spreadsheet would run"},
	[OPTION_FULL] = {"full", 0, EXPORT, NULL, "everything, for an account of the vendor's that is empty"},
	[OPTION_XLSX] = {"xlsx", 'x', EXPORT, NULL, "write workbooks (.xlsx), not CSV"},
	[OPTION_AGAIN] = {"again", 0, EXPORT, "EXPORT", "write the files of that export once more"},
	[OPTION_DRY_RUN] = {"dry-run", 'n', IMPORT | EXPORT, NULL, "only say what would be done"},
	[OPTION_OVERRIDE] = {"override", 0, IMPORT | CHECK | EXPORT, NULL, "do it although it looks like an accident"},
	[OPTION_RESULTS] = {"results", 'r', CONFIRM, "FILE", "the vendor's error file: rows that it did not take"},
	[OPTION_SEQ] = {"seq", 0, CONFIRM, "NUMBER", "only the export's file of that number"},
	[OPTION_FINDINGS] = {"findings", 0, IMPORT | CHECK | CONFIRM, "NUMBER", "show so many findings (20; with --json: all)"},
	[OPTION_REJECTED] = {"rejected", 0, IMPORT, "FILE", "write the rejected rows there, to mend and import"},
	[OPTION_JSON] = {"json", 'j', ANY, NULL, "print JSON"},
	[OPTION_QUIET] = {"quiet", 'q', ANY, NULL, "print only errors"},
	[OPTION_HOST] = {"host", 'h', ANY, "HOST", "the server, or the directory of its socket"},
	[OPTION_PORT] = {"port", 'p', ANY, "PORT", "the server's port"},
	[OPTION_USERNAME] = {"username", 'U', ANY, "NAME", "the role to connect as"},
	[OPTION_DBNAME] = {"dbname", 'd', ANY, "NAME", "the database, or a connection string"},
	[OPTION_NO_PASSWORD] = {"no-password", 'w', ANY, NULL, "never ask for a password"},
	[OPTION_PASSWORD] = {"password", 'W', ANY, NULL, "ask for a password at once"},
	[OPTION_HELP] = {"help", '?', ANY, NULL, "show this, or a command's own help, and exit"},
	[OPTION_VERSION] = {"version", 'V', ANY, NULL, "show the version and exit"},
};

/* getopt_long() returns this plus the option's number for those without a letter. */
#define FIRST_CODE	256

static int
print_option(const Option *option)
{
	char	   *name = client_format("--%s%s%s", option->name, option->argument ? "=" : "",
									 option->argument ? option->argument : "");
	int			status = option->letter ? printf("  -%c, %-24s", option->letter, name) :
		printf("      %-24s", name);

	free(name);
	return status < 0 ? status : printf("%s%s\n", status > 30 ? " " : "", option->help);
}

/* Prints the options that those commands take and not all do, or those that all do. */
static void
print_options(const char *title, unsigned of_commands, bool shared)
{
	bool		is_first = true;

	for (int i = 0; i < OPTION_COUNT; i++)
	{
		if ((options[i].commands == ANY) != shared || !(options[i].commands & of_commands))
			continue;
		if (is_first)
			printf("\n%s:\n", title);
		is_first = false;
		print_option(&options[i]);
	}
}

static void
print_command(const Command *command)
{
	char	   *usage = client_format("%s %s", command->name, command->arguments);

	printf("  %-26s%s\n", usage, command->help);
	free(usage);
}

/* Prints what --help says of a command, or with COMMAND_COUNT of all, and ends the program. */
static void
print_help(int command)
{
	if (command == COMMAND_COUNT)
	{
		puts("orgsync brings user lists of LinkedIn Learning, Talent Insights and Workleap into\n"
			 "PostgreSQL, and out again as files for the vendor.\n\n"
			 "Usage:\n  orgsync COMMAND [OPTION]...\n\nCommands:");
		for (int i = 0; i < COMMAND_COUNT; i++)
			print_command(&commands[i]);
		for (int i = 0; i < COMMAND_COUNT; i++)
		{
			char	   *title = client_format("Options of %s", commands[i].name);

			print_options(title, 1u << i, false);
			free(title);
		}
	}
	else
	{
		printf("orgsync %s: %s.\n\nUsage:\n  orgsync %s %s [OPTION]...\n", commands[command].name,
			   commands[command].help, commands[command].name, commands[command].arguments);
		print_options("Options", 1u << command, false);
	}
	print_options("Options of all commands", ANY, true);
	puts("\nThe connection is made as psql makes it: PGHOST, PGUSER and the like, service files and\n"
		 "~/.pgpass count.  Exit status: 0 done, 1 done but for rejected rows, 2 refused,\n"
		 "3 no connection, 64 wrong usage, 74 done but the output could not be written.");
	output_finish();
	exit(CLIENT_DONE);
}

/* Says what is wrong with the command line, and ends the program. */
void
options_fail(const char *format, ...)
{
	va_list		arguments;
	char		message[500];

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	client_fail_hint(CLIENT_USAGE, "Try \"orgsync --help\" for more information.", "%s", message);
}

/* The options as getopt_long() wants them; the caller frees both. */
static struct option *
make_getopt_options(char **letters)
{
	struct option *result = client_allocate(sizeof(struct option) * (OPTION_COUNT + 1));
	char	   *next = *letters = client_allocate(2 * OPTION_COUNT + 2);

	*next++ = ':';				/* tell a missing argument from an unknown option */
	for (int i = 0; i < OPTION_COUNT; i++)
	{
		result[i].name = options[i].name;
		result[i].has_arg = options[i].argument ? required_argument : no_argument;
		result[i].val = FIRST_CODE + i;
		/* getopt_long() cannot be told of "-?" */
		if (options[i].letter == 0 || options[i].letter == '?')
			continue;
		*next++ = options[i].letter;
		if (options[i].argument)
			*next++ = ':';
	}
	return result;
}

static int
option_of_letter(int letter)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if (letter != 0 && options[i].letter == letter)
			return i;
	return OPTION_COUNT;
}

static void
note_value(CommandLine *line, int option, const char *text)
{
	OptionValue *value = client_allocate(sizeof(OptionValue));
	OptionValue **last = &line->lists[option];

	while (*last != NULL)
		last = &(*last)->next;
	value->text = text;
	*last = value;
	line->values[option] = text;
}

/* getopt_long() met something that it does not know. */
static void
fail_at(int code, char **argv)
{
	if (code == ':')
		options_fail("option \"%s\" needs an argument", argv[optind - 1]);
	if (optopt >= FIRST_CODE)
		options_fail("option \"--%s\" takes no argument", options[optopt - FIRST_CODE].name);
	if (optopt != 0)
		options_fail("unknown option \"-%c\"", optopt);
	options_fail("unknown option \"%s\"", argv[optind - 1]);
}

static void
read_options(CommandLine *line, int argc, char **argv)
{
	char	   *letters;
	struct option *getopt_options = make_getopt_options(&letters);
	int			code;

	opterr = 0;
	while ((code = getopt_long(argc, argv, letters, getopt_options, NULL)) != -1)
	{
		/* "-?" is an option, and also what getopt_long() says of an unknown one */
		int			option = code >= FIRST_CODE ? code - FIRST_CODE :
			option_of_letter(code == '?' ? optopt : code);

		if (option == OPTION_COUNT || (code == '?' && option != OPTION_HELP))
			fail_at(code, argv);
		note_value(line, option, options[option].argument ? optarg : "");
	}
	free(letters);
	free(getopt_options);
}

static int
find_command(const char *name)
{
	for (int i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return i;
	return COMMAND_COUNT;
}

/* Digits, and no more of them than fit into 64 bits. */
static bool
is_natural_number(const char *text)
{
	size_t		length = strspn(text, "0123456789");

	return length > 0 && length < 19 && text[length] == '\0';
}

/* Do the options suit the command, and those that take a number have one? */
static void
check_options(const CommandLine *line)
{
	for (int i = 0; i < OPTION_COUNT; i++)
	{
		if (line->values[i] == NULL)
			continue;
		if (!(options[i].commands & (1u << line->command)))
			options_fail("\"orgsync %s\" has no option \"--%s\"", commands[line->command].name, options[i].name);
		if (options[i].argument != NULL &&
			(strcmp(options[i].argument, "NUMBER") == 0 || strcmp(options[i].argument, "EXPORT") == 0) &&
			!is_natural_number(line->values[i]))
			options_fail("\"--%s\" takes a number, not \"%s\"", options[i].name, line->values[i]);
	}
}

/*
 * Reads the command line into *line, whose strings stay argv's.  Prints help and
 * the version itself, and ends the program where something is wrong.
 */
void
options_parse(CommandLine *line, int argc, char **argv)
{
	int			given;
	int			command = COMMAND_COUNT;

	memset(line, 0, sizeof(*line));
	/* these count wherever they stand, for errors of the command line too */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0 || strcmp(argv[i], "-j") == 0)
			output_is_json = true;
	read_options(line, argc, argv);
	output_is_json = line->values[OPTION_JSON] != NULL;
	output_is_quiet = line->values[OPTION_QUIET] != NULL;
	if (optind < argc)
		command = find_command(argv[optind]);
	if (line->values[OPTION_HELP])
		print_help(command);
	if (line->values[OPTION_VERSION])
	{
		output_print("orgsync %s (libpq %d.%d)\n", ORGSYNC_VERSION, PQlibVersion() / 10000, PQlibVersion() % 10000);
		output_finish();
		exit(CLIENT_DONE);
	}
	if (optind == argc)
		options_fail("no command was given");
	if (command == COMMAND_COUNT)
		options_fail("unknown command \"%s\"", argv[optind]);
	line->command = command;
	check_options(line);
	given = argc - optind - 1;
	if (given < commands[command].least || given > commands[command].most)
		options_fail("\"orgsync %s\" takes the arguments %s", commands[command].name, commands[command].arguments);
	for (int i = 0; i < given; i++)
		line->arguments[i] = argv[optind + 1 + i];
	/* somebody's first thought is the vendor's error file, which belongs behind --results */
	if (command == COMMAND_CONFIRM && line->arguments[1] != NULL && !is_natural_number(line->arguments[1]))
		options_fail("an export is named by its number, not by \"%s\"", line->arguments[1]);
}

/* Frees what options_parse() allocated. */
void
options_free(CommandLine *line)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		for (OptionValue *value = line->lists[i], *next; value != NULL; value = next)
		{
			next = value->next;
			free(value);
		}
}
