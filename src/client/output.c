/*
 * output.c
 *		What the client prints on standard output, for people or as JSON.
 *
 * With --json that is one value: an object of what the command did, or one that
 * says why it did not.  Most of it is made by the server (row_to_json()), so that
 * its column names are those of the SQL interface.
 *
 * Findings quote files of others.  What could steer a terminal in them is shown
 * as \xNN.
 */
#include "output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool		output_is_json = false;
bool		output_is_quiet = false;

static bool has_begun = false;

/* Ends the program when standard output takes nothing more. */
static void
check_output(void)
{
	if (interrupt_came())
		interrupt_end();
	if (!ferror(stdout))
		return;
	has_begun = true;
	client_fail(CLIENT_OUTPUT, "could not write to standard output: %s", strerror(errno));
}

void
output_print(const char *format, ...)
{
	va_list		arguments;

	has_begun = true;
	va_start(arguments, format);
	vfprintf(stdout, format, arguments);
	va_end(arguments);
	check_output();
}

/* Prints text of others for people. */
void
output_text(const char *text)
{
	has_begun = true;
	output_visible(stdout, text);
	check_output();
}

/* To be called at the end: only now is it known that all was written. */
void
output_finish(void)
{
	fflush(stdout);
	check_output();
}

/*
 * Writes text in UTF-8 with control characters made visible, those of Unicode's
 * second block (C1) too; line feeds and tabs stay.
 */
void
output_visible(FILE *stream, const char *text)
{
	for (const unsigned char *c = (const unsigned char *) text; *c != '\0'; c++)
	{
		if ((*c < 0x20 && *c != '\n' && *c != '\t') || *c == 0x7f)
			fprintf(stream, "\\x%02x", *c);
		else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
			fprintf(stream, "\\x%02x", *++c);
		else
			fputc(*c, stream);
	}
}

/* The length of the UTF-8 sequence of one character that begins there; 0: none does (RFC 3629). */
static int
utf8_length(const unsigned char *c)
{
	int			length = c[0] < 0x80 ? 1 : c[0] >= 0xc2 && c[0] < 0xe0 ? 2 :
		c[0] >= 0xe0 && c[0] < 0xf0 ? 3 : c[0] >= 0xf0 && c[0] < 0xf5 ? 4 : 0;

	for (int i = 1; i < length; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
		(c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
		return 0;
	return length;
}

/* Prints a string as JSON; NULL: null.  Bytes that are no UTF-8 become U+FFFD. */
void
output_json_string(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;

	has_begun = true;
	if (text == NULL)
	{
		fputs("null", stdout);
		return;
	}
	fputc('"', stdout);
	while (*c != '\0')
	{
		int			length = utf8_length(c);

		if (length == 0)
			fputs("\\ufffd", stdout);
		else if (*c == '"' || *c == '\\')
			fprintf(stdout, "\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f)
			fprintf(stdout, "\\u%04x", *c);
		else
			fwrite(c, 1, (size_t) length, stdout);
		c += length > 0 ? length : 1;
	}
	fputc('"', stdout);
	check_output();
}

/* With --json, why the command failed, as long as nothing else was printed; each part may be NULL. */
void
output_error(const char *sqlstate, const char *message, const char *detail, const char *hint)
{
	if (!output_is_json || has_begun)
		return;
	has_begun = true;
	fputs("{\"error\": {\"sqlstate\": ", stdout);
	output_json_string(sqlstate);
	fputs(", \"message\": ", stdout);
	output_json_string(message);
	fputs(", \"detail\": ", stdout);
	output_json_string(detail);
	fputs(", \"hint\": ", stdout);
	output_json_string(hint);
	fputs("}}\n", stdout);
	fflush(stdout);
}

/* "1 row", "2 rows"; the text is good until the eighth call from now. */
const char *
output_count(const char *number, const char *singular, const char *plural)
{
	static char *texts[8];
	static int	next = 0;

	free(texts[next]);
	texts[next] = client_format("%s %s", number, strcmp(number, "1") == 0 ? singular : plural);
	next = (next + 1) % 8;
	return texts[(next + 7) % 8];
}

/* How many columns of a terminal the text takes, as far as that is one a character. */
static int
text_width(const char *text)
{
	int			width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char) *text & 0xc0) != 0x80;
	return width;
}

/* Numbers stand at the right. */
static bool
is_number(const PGresult *result, int column)
{
	Oid			type = PQftype(result, column);

	return type == 20 || type == 23 || type == 1700;
}

/* Prints the rows as a table with a header. */
void
output_table(const PGresult *result)
{
	int			columns = PQnfields(result);
	int			rows = PQntuples(result);
	int		   *widths = client_allocate(sizeof(int) * (size_t) columns);

	for (int column = 0; column < columns; column++)
		for (int row = -1; row < rows; row++)
		{
			int			width = text_width(row < 0 ? PQfname(result, column) : PQgetvalue(result, row, column));

			if (width > widths[column])
				widths[column] = width;
		}
	for (int row = -1; row < rows; row++)
	{
		for (int column = 0; column < columns; column++)
		{
			const char *text = row < 0 ? PQfname(result, column) : PQgetvalue(result, row, column);
			int			blanks = widths[column] - text_width(text);
			bool		is_last = column == columns - 1;

			if (is_number(result, column))
				output_print("%*s", blanks, "");
			output_text(text);
			if (!is_number(result, column) && !is_last)
				output_print("%*s", blanks, "");
			output_print("%s", is_last ? "\n" : "  ");
		}
	}
	free(widths);
}
