/*
 * findings.h
 *		What was wrong with a file, shown to whoever brought it.
 */
#ifndef ORGSYNC_CLIENT_FINDINGS_H
#define ORGSYNC_CLIENT_FINDINGS_H

#include <libpq-fe.h>

#include "options.h"
#include "session.h"

typedef struct FindingCounts
{
	long long	fatal;
	long long	errors;
	long long	warnings;
} FindingCounts;

extern FindingCounts findings_print(PGconn *connection, const CommandLine *line, const char *source,
									const Parameters *parameters, const char *file_name,
									const char *before);

#endif
