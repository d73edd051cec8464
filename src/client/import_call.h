/*
 * import_call.h
 *		The call of the server's import, which "import" and "check" share.
 */
#ifndef ORGSYNC_CLIENT_IMPORT_CALL_H
#define ORGSYNC_CLIENT_IMPORT_CALL_H

#include "options.h"
#include "session.h"
#include "upload.h"

extern void import_call_check(const CommandLine *line);
extern void import_call_columns(Parameters *parameters, const CommandLine *line, char **names, char **headers);
extern void import_call_begin(PGconn *connection);
extern PGresult *import_call(PGconn *connection, const CommandLine *line, const char *account, const char *path,
							 const Uploaded *uploaded, bool dry_run);
extern void import_call_remove(PGconn *connection, const char *object);

#endif
