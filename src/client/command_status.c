/*
 * command_status.c
 *		orgsync status: all accounts, or how one of them stands.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "session.h"

static const char accounts_query[] =
	"SELECT account, product, pg_catalog.to_char(last_import, 'YYYY-MM-DD HH24:MI') AS \"last import\","
	" CASE WHEN needs_upgrade THEN 'needs upgrade' ELSE last_import_state END AS state,"
	" pg_catalog.to_char(last_export, 'YYYY-MM-DD HH24:MI') AS \"last export\", last_export_state AS state,"
	" pending_changes AS pending, seats_left AS \"seats left\", errors_open AS errors"
	" FROM orgsync.status ORDER BY account::text";

/* A part of what is said of one account: a query. */
typedef struct Part
{
	const char *name;			/* in JSON */
	const char *title;
	const char *query;
	bool		is_list;
} Part;

static const Part parts[] = {
	{"account", NULL,
		"SELECT $1 AS account, product, max_revoke_percent, max_remove_percent, rows_per_file FROM @account.settings", false},
	{"last_import", "Last import",
		"SELECT import_id AS import, state, feed, mode, source, rows_read AS rows, created, updated, unchanged, rejected,"
		" pg_catalog.date_trunc('second', finished_at) AS finished FROM @account.imports ORDER BY import_id DESC LIMIT 1", false},
	{"last_export", "Last export",
		"SELECT export_id AS export, state, (SELECT count(*) FROM @account.export_files AS f WHERE f.export_id = e.export_id)"
		" AS files, (SELECT sum(row_count)::bigint FROM @account.export_files AS f WHERE f.export_id = e.export_id) AS rows,"
		" pg_catalog.date_trunc('second', exported_at) AS exported, pg_catalog.date_trunc('second', confirmed_at) AS confirmed"
		" FROM @account.exports AS e ORDER BY export_id DESC LIMIT 1", false},
	{"pending", "To be exported",
		"SELECT count(DISTINCT profile_id) AS people, count(*) AS cells FROM orgsync.diff($1::pg_catalog.regnamespace)", false},
	{"seats", "Seats",
		"SELECT header AS license, total, available, invited, activated, waitlisted FROM @account.seat_usage ORDER BY header", true},
	{"findings", "Findings of the last import",
		"SELECT code, severity, count(*) FROM @account.import_findings WHERE import_id = (SELECT max(import_id) FROM @account.imports)"
		" GROUP BY code, severity ORDER BY severity <> 'fatal', severity <> 'error', count(*) DESC, code", true},
};

#define PART_COUNT	(sizeof(parts) / sizeof(parts[0]))

static void
print_part_text(const Part *part, const PGresult *result)
{
	if (PQntuples(result) == 0)
	{
		output_print("\n%s: none\n", part->title);
		return;
	}
	output_print("\n%s\n", part->title);
	output_table(result);
}

/* The account itself, as a line. */
static void
print_account_text(const PGresult *result)
{
	output_text(PQgetvalue(result, 0, 0));
	output_print(": %s, at most %s %% revoked and %s %% removed at once\n", PQgetvalue(result, 0, 1),
				 PQgetvalue(result, 0, 2), PQgetvalue(result, 0, 3));
}

static void
print_part(PGconn *connection, const char *account, const char *schema, const Part *part, bool is_first)
{
	char	   *query = session_account_query(part->query, schema);
	Parameters	parameters = {0};

	if (strstr(query, "$1") != NULL)
		parameter_text(&parameters, account);
	if (output_is_json)
	{
		char	   *as_json = client_format(part->is_list ?
											"SELECT coalesce(pg_catalog.json_agg(pg_catalog.row_to_json(p)), '[]') FROM (%s) AS p" :
											"SELECT pg_catalog.row_to_json(p) FROM (%s) AS p", query);
		char	   *json = session_value(connection, as_json, &parameters);

		output_print("%s\"%s\": %s", is_first ? "{" : ",\n", part->name, json ? json : "null");
		free(json);
		free(as_json);
	}
	else
	{
		PGresult   *result = session_query(connection, query, &parameters);

		if (part->title == NULL)
			print_account_text(result);
		else
			print_part_text(part, result);
		PQclear(result);
	}
	free(query);
}

static void
print_accounts(PGconn *connection)
{
	if (output_is_json)
	{
		char	   *json = session_value(connection, "SELECT coalesce(pg_catalog.json_agg(a ORDER BY a.account::text), '[]')"
										 " FROM orgsync.status AS a", NULL);

		output_print("{\"accounts\": %s}\n", json);
		free(json);
	}
	else
	{
		PGresult   *result = session_query(connection, accounts_query, NULL);

		if (PQntuples(result) == 0)
			output_print("no account that you may read\n");
		else
			output_table(result);
		PQclear(result);
	}
}

int
command_status(const CommandLine *line)
{
	const char *account = line->arguments[0];
	PGconn	   *connection = connection_open(line);

	if (account == NULL)
		print_accounts(connection);
	else
	{
		char	   *schema = session_account(connection, account);

		/* all parts of one moment */
		session_run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
		for (size_t i = 0; i < PART_COUNT; i++)
			print_part(connection, account, schema, &parts[i], i == 0);
		if (output_is_json)
			output_print("}\n");
		session_run(connection, "COMMIT");
		free(schema);
	}
	connection_close();
	return CLIENT_DONE;
}
