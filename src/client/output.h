/*
 * output.h
 *		What the client prints on standard output, for people or as JSON.
 */
#ifndef ORGSYNC_CLIENT_OUTPUT_H
#define ORGSYNC_CLIENT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>
#include <libpq-fe.h>

#include "client.h"

extern bool output_is_json;
extern bool output_is_quiet;

extern void output_print(const char *format, ...) CLIENT_PRINTF(1, 2);
extern void output_text(const char *text);
extern void output_json_string(const char *text);
extern void output_table(const PGresult *result);
extern void output_visible(FILE *stream, const char *text);
extern void output_error(const char *sqlstate, const char *message, const char *detail, const char *hint);
extern void output_finish(void);
extern const char *output_count(const char *number, const char *singular, const char *plural);

#endif
