/*
 * rich_text.h
 *		The text of an item that may be formatted in runs.  Plain C.
 */
#ifndef XLSX_CORE_RICH_TEXT_H
#define XLSX_CORE_RICH_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Where the parser is inside of an item; all zero at its beginning. */
typedef struct xlsx_rich_text
{
	bool		in_run;
	bool		in_text;
	int			skipped;		/* depth inside of what is no text */
} xlsx_rich_text;

extern void xlsx_rich_text_start(xlsx_rich_text *text, const char *name);
extern void xlsx_rich_text_end(xlsx_rich_text *text);
extern size_t xlsx_unescape(char *text, size_t length);

#endif
