/*
 * findings.c
 *		What was wrong with a file, shown to whoever brought it.
 *
 *	users.csv:17: error: "bad" is not a valid e-mail address ... [invalid_email]
 *	    Correct the address. ...
 *
 * That is how compilers say it, so editors know how to jump there.  The worst come
 * first.  Only so many are shown, and only those are fetched; how many there are
 * stands in each row.
 */
#include "findings.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "progress.h"

/* How many people are shown unless they ask for more; programs get all. */
#define SHOWN	"20"

enum
{
	FIELD_LINE,
	FIELD_CODE,
	FIELD_SEVERITY,
	FIELD_MESSAGE,
	FIELD_TIP,
	FIELD_JSON,
	FIELD_FATAL,
	FIELD_ERRORS,
	FIELD_WARNINGS
};

static void
print_finding(const PGresult *row, const char *file_name)
{
	output_text(file_name);
	output_print(":");
	if (!PQgetisnull(row, 0, FIELD_LINE))
		output_print("%s:", PQgetvalue(row, 0, FIELD_LINE));
	output_print(" %s: ", PQgetvalue(row, 0, FIELD_SEVERITY));
	output_text(PQgetvalue(row, 0, FIELD_MESSAGE));
	output_print(" [%s]\n", PQgetvalue(row, 0, FIELD_CODE));
	if (!PQgetisnull(row, 0, FIELD_TIP))
	{
		output_print("    ");
		output_text(PQgetvalue(row, 0, FIELD_TIP));
		output_print("\n");
	}
}

/*
 * Prints the findings of an SQL source, a relation or call that has the columns of
 * orgsync.finding, and returns how many there are of each severity.  With --json
 * an array, behind the text before, which is printed when the server has answered.
 * file_name: as they are to call the file.
 */
FindingCounts
findings_print(PGconn *connection, const CommandLine *line, const char *source, const Parameters *parameters,
			   const char *file_name, const char *before)
{
	const char *asked = line->values[OPTION_FINDINGS];
	long long	most = asked != NULL ? atoll(asked) : atoll(SHOWN);
	bool		shows_all = asked == NULL && output_is_json;
	FindingCounts counts = {0};
	long long	shown = 0;
	long long	hidden;
	PGresult   *row;
	/* one row is fetched in any case, for the counts in it */
	char	   *limit = shows_all ? client_format("%s", "") : client_format(" LIMIT %lld", most > 0 ? most : 1);
	/* an object for each of a million findings would take longer than they themselves, so only where it is shown */
	char	   *text = client_format("SELECT f.line, f.code, f.severity, f.message, f.tip, %s,"
									 " count(*) FILTER (WHERE f.severity = 'fatal') OVER (),"
									 " count(*) FILTER (WHERE f.severity = 'error') OVER (),"
									 " count(*) FILTER (WHERE f.severity = 'warning') OVER ()"
									 " FROM (SELECT line, column_name, code, severity, message, tip, record FROM %s) AS f"
									 " ORDER BY f.severity <> 'fatal', f.severity <> 'error', f.line, f.code%s",
									 output_is_json ? "pg_catalog.row_to_json(f)" : "NULL", source, limit);

	session_query_rows(connection, text, parameters);
	row = session_next_row(connection);
	progress_end();
	if (output_is_json)
		output_print("%s[", before);
	for (; row != NULL; row = session_next_row(connection))
	{
		counts.fatal = atoll(PQgetvalue(row, 0, FIELD_FATAL));
		counts.errors = atoll(PQgetvalue(row, 0, FIELD_ERRORS));
		counts.warnings = atoll(PQgetvalue(row, 0, FIELD_WARNINGS));
		if (shows_all || shown < most)
		{
			if (output_is_json)
				output_print("%s%s", shown > 0 ? ",\n" : "\n", PQgetvalue(row, 0, FIELD_JSON));
			else if (!output_is_quiet)
				print_finding(row, file_name);
			shown++;
		}
		PQclear(row);
	}
	hidden = counts.fatal + counts.errors + counts.warnings - shown;
	if (output_is_json)
		output_print("]");
	else if (!output_is_quiet && hidden > 0)
		output_print("(%lld more %s)\n", hidden, hidden == 1 ? "finding" : "findings");
	free(limit);
	free(text);
	return counts;
}
