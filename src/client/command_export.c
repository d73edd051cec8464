/*
 * command_export.c
 *		orgsync export: writes the files to upload to the vendor.
 *
 * The files are written under temporary names while the server's transaction is
 * open, and get their names when it has committed.  So no file is ever there whose
 * export is not in the account's tables, which nobody could confirm.  Should the
 * machine crash in between, the export is there without files: "--again" writes
 * them, or the next export replaces it.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "output_file.h"
#include "progress.h"
#include "session.h"

/* The columns of a file, from a relation or call; %s: its name, its data, and what it is from. */
static const char files_query[] =
	"SELECT export_id, seq, kind, %1$s, row_count, %2$s, pg_catalog.json_build_object('seq', seq, 'kind', kind,"
	" 'file_name', %1$s, 'row_count', row_count) FROM %3$s";

static const char export_call[] =
	"orgsync.%s($1::pg_catalog.regnamespace, rows_per_file => $2::integer, layout => $3, override => $4::boolean,"
	" spreadsheet_safe => $5::boolean, dry_run => $6::boolean, \"full\" => $7::boolean)";

enum
{
	FIELD_EXPORT,
	FIELD_SEQ,
	FIELD_KIND,
	FIELD_FILE_NAME,
	FIELD_ROW_COUNT,
	FIELD_DATA,
	FIELD_JSON
};

/* What was written, to be told when it is all there. */
typedef struct ExportedFile
{
	char	   *text;
	struct ExportedFile *next;
} ExportedFile;

typedef struct Exported
{
	char	   *export_id;		/* NULL: there was nothing to export */
	int			count;
	ExportedFile *files;
	ExportedFile **last;
} Exported;

static const char *
flag(const CommandLine *line, option_id option)
{
	return line->values[option] ? "true" : "false";
}

static void
check_options(const CommandLine *line)
{
	static const option_id not_again[] = {
		OPTION_ROWS_PER_FILE, OPTION_LAYOUT, OPTION_SPREADSHEET_SAFE, OPTION_FULL, OPTION_OVERRIDE
	};

	if (!line->values[OPTION_OUT] && !line->values[OPTION_DRY_RUN])
		options_fail("\"orgsync export\" needs \"--out\" with a directory, or \"--dry-run\"");
	for (size_t i = 0; line->values[OPTION_AGAIN] && i < sizeof(not_again) / sizeof(not_again[0]); i++)
		if (line->values[not_again[i]])
			options_fail("\"--again\" writes the files as they are");
}

/* Asks for the files, row by row. */
static void
ask_for_files(PGconn *connection, const CommandLine *line, const char *schema)
{
	bool		as_workbooks = line->values[OPTION_XLSX] != NULL;
	Parameters	parameters = {0};
	char	   *text;

	if (line->values[OPTION_AGAIN])
	{
		char	   *files = session_account_query("@account.export_files WHERE export_id = $1::bigint ORDER BY seq", schema);

		text = client_format(files_query, as_workbooks ? "pg_catalog.regexp_replace(file_name, '\\.csv$', '.xlsx')" : "file_name",
							 as_workbooks ? "orgsync.write_xlsx(csv)" : "csv", files);
		free(files);
		parameter_text(&parameters, line->values[OPTION_AGAIN]);
	}
	else
	{
		char	   *call = client_format(export_call, as_workbooks ? "export_xlsx" : "export_csv");

		text = client_format(files_query, "file_name", as_workbooks ? "xlsx" : "csv", call);
		free(call);
		parameter_text(&parameters, line->arguments[0]);
		parameter_text(&parameters, line->values[OPTION_ROWS_PER_FILE]);
		parameter_text(&parameters, line->values[OPTION_LAYOUT]);
		parameter_text(&parameters, flag(line, OPTION_OVERRIDE));
		parameter_text(&parameters, flag(line, OPTION_SPREADSHEET_SAFE));
		parameter_text(&parameters, flag(line, OPTION_DRY_RUN));
		parameter_text(&parameters, flag(line, OPTION_FULL));
	}
	session_query_rows(connection, text, &parameters);
	free(text);
}

/* A server that one need not trust does not choose where files are written. */
static void
check_file_name(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		client_fail(CLIENT_REFUSED, "the server gave a file the name \"%s\", which is none", name);
}

/* Writes a workbook, which comes as bytea does. */
static void
write_bytes(OutputFile *file, const char *text)
{
	size_t		length;
	unsigned char *bytes = PQunescapeBytea((const unsigned char *) text, &length);

	if (bytes == NULL)
		client_fail(CLIENT_REFUSED, "out of memory");
	output_file_write(file, (const char *) bytes, length);
	PQfreemem(bytes);
}

static void
write_file(const CommandLine *line, const PGresult *row)
{
	char	   *path;
	OutputFile *file;

	check_file_name(PQgetvalue(row, 0, FIELD_FILE_NAME));
	path = client_format("%s/%s", line->values[OPTION_OUT], PQgetvalue(row, 0, FIELD_FILE_NAME));
	file = output_file_begin(path, false);
	if (line->values[OPTION_XLSX])
		write_bytes(file, PQgetvalue(row, 0, FIELD_DATA));
	else
		output_file_write(file, PQgetvalue(row, 0, FIELD_DATA), (size_t) PQgetlength(row, 0, FIELD_DATA));
	output_file_close(file);
	free(path);
}

/* Keeps what is to be told of a file. */
static void
note_file(Exported *exported, const PGresult *row)
{
	ExportedFile *file = client_allocate(sizeof(ExportedFile));

	if (output_is_json)
		file->text = client_format("%s", PQgetvalue(row, 0, FIELD_JSON));
	else
		file->text = client_format("%3s  %-6s  %s  (%s)\n", PQgetvalue(row, 0, FIELD_SEQ), PQgetvalue(row, 0, FIELD_KIND),
								   PQgetvalue(row, 0, FIELD_FILE_NAME),
								   output_count(PQgetvalue(row, 0, FIELD_ROW_COUNT), "row", "rows"));
	*exported->last = file;
	exported->last = &file->next;
	exported->count++;
	if (exported->export_id == NULL && !PQgetisnull(row, 0, FIELD_EXPORT))
		exported->export_id = client_format("%s", PQgetvalue(row, 0, FIELD_EXPORT));
}

static void
print_json(const CommandLine *line, const Exported *exported)
{
	output_print("{\"export_id\": %s, \"dry_run\": %s, \"directory\": ",
				 exported->export_id ? exported->export_id : "null", flag(line, OPTION_DRY_RUN));
	output_json_string(line->values[OPTION_DRY_RUN] ? NULL : line->values[OPTION_OUT]);
	output_print(",\n\"files\": [");
	for (const ExportedFile *file = exported->files; file != NULL; file = file->next)
		output_print("%s%s", file == exported->files ? "\n" : ",\n", file->text);
	output_print("]}\n");
}

static void
print_text(const CommandLine *line, const Exported *exported)
{
	char		count[16];

	snprintf(count, sizeof(count), "%d", exported->count);
	if (exported->count == 0)
		output_print("%s: nothing to export\n", line->arguments[0]);
	else if (line->values[OPTION_DRY_RUN])
		output_print("%s: an export would write %s:\n", line->arguments[0], output_count(count, "file", "files"));
	else
	{
		output_print("%s: export %s, %s in ", line->arguments[0], exported->export_id, output_count(count, "file", "files"));
		output_text(line->values[OPTION_OUT]);
		output_print(", to be uploaded in this order:\n");
	}
	for (const ExportedFile *file = exported->files; file != NULL; file = file->next)
		output_text(file->text);
}

static void
free_exported(Exported *exported)
{
	for (ExportedFile *file = exported->files, *next; file != NULL; file = next)
	{
		next = file->next;
		free(file->text);
		free(file);
	}
	free(exported->export_id);
}

int
command_export(const CommandLine *line)
{
	Exported	exported = {0};
	int64_t		bytes = 0;
	PGconn	   *connection;
	PGresult   *row;
	char	   *schema;

	check_options(line);
	exported.last = &exported.files;
	if (!line->values[OPTION_DRY_RUN])
		output_directory_check(line->values[OPTION_OUT]);
	connection = connection_open(line);
	schema = session_account(connection, line->arguments[0]);
	progress_begin("export");
	session_run(connection, "BEGIN");
	ask_for_files(connection, line, schema);
	while ((row = session_next_row(connection)) != NULL)
	{
		if (!line->values[OPTION_DRY_RUN])
			write_file(line, row);
		note_file(&exported, row);
		progress_bytes(bytes += PQgetlength(row, 0, FIELD_DATA), 0);
		PQclear(row);
	}
	if (line->values[OPTION_AGAIN] && exported.count == 0)
		client_fail(CLIENT_REFUSED, "account \"%s\" has no files of export %s", line->arguments[0], line->values[OPTION_AGAIN]);
	session_commit(connection, "No file was written. The next export replaces this one, if it was recorded.");
	output_files_finish();
	progress_end();
	connection_close();
	if (output_is_json)
		print_json(line, &exported);
	else if (!output_is_quiet)
		print_text(line, &exported);
	free_exported(&exported);
	free(schema);
	return CLIENT_DONE;
}
