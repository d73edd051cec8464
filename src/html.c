/*
 * html.c
 *		Text on its way into an HTML page.
 *
 * Whatever is not plain ASCII is written as a character reference.  The page is
 * then pure ASCII, and right in whatever encoding the server has and the client
 * saves it.  Characters that would act on the text around them instead of being
 * seen (controls, and those that turn the direction of writing round) are shown
 * as U+FFFD: a name must not make a page say something else than it does.
 */
#include "html.h"

#include "mb/pg_wchar.h"

#define REPLACEMENT_CHARACTER	0xFFFD

/* Does the character do something else than to be seen? */
static bool
is_invisible(pg_wchar character)
{
	return character < 0x20 || (character >= 0x7F && character < 0xA0) ||
		character == 0x061C ||
		(character >= 0x200B && character <= 0x200F) ||
		(character >= 0x2028 && character <= 0x202E) ||
		(character >= 0x2060 && character <= 0x206F) ||
		character == 0xFEFF || (character & 0xFFFE) == 0xFFFE ||
		(character >= 0xE0000 && character <= 0xE0FFF);
}

/* Appends the text, in the server's encoding, so that it stays text; NULL is nothing. */
void
html_append_text(StringInfo page, const char *text)
{
	const unsigned char *next;

	if (text == NULL)
		return;
	next = (const unsigned char *) pg_server_to_any(text, strlen(text), PG_UTF8);
	while (*next != '\0')
	{
		pg_wchar	character = utf8_to_unicode(next);

		next += pg_utf_mblen(next);
		if (is_invisible(character))
			character = REPLACEMENT_CHARACTER;
		if (character >= 0x80 || strchr("&<>\"'", (int) character) != NULL)
			appendStringInfo(page, "&#%u;", (unsigned int) character);
		else
			appendStringInfoChar(page, (char) character);
	}
}

/* Appends the number with its thousands apart, by narrow spaces that do not break. */
void
html_append_number(StringInfo page, int64 number)
{
	char	   *digits = psprintf(INT64_FORMAT, number);
	int			length = strlen(digits);

	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			appendStringInfoString(page, "&#8239;");
		appendStringInfoChar(page, digits[i]);
	}
	pfree(digits);
}

/* The text, or its beginning if it has more bytes than length; palloc'd.  NULL stays NULL. */
char *
html_clip(const char *text, int length)
{
	int			text_length;

	if (text == NULL)
		return NULL;
	text_length = strlen(text);
	if (text_length <= length)
		return pstrdup(text);
	return psprintf("%s ...", pnstrdup(text, pg_mbcliplen(text, text_length, length)));
}
