/*
 * html.h
 *		Text on its way into an HTML page.
 */
#ifndef ORGSYNC_HTML_H
#define ORGSYNC_HTML_H

#include "orgsync.h"

#include "lib/stringinfo.h"

extern void html_append_text(StringInfo page, const char *text);
extern void html_append_number(StringInfo page, int64 number);
extern char *html_clip(const char *text, int length);

#endif
