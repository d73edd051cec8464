/*
 * commands.h
 *		The client's commands.  Each connects, does its work and returns the
 *		exit code.
 */
#ifndef ORGSYNC_CLIENT_COMMANDS_H
#define ORGSYNC_CLIENT_COMMANDS_H

#include "options.h"

extern int command_import(const CommandLine *line);
extern int command_check(const CommandLine *line);
extern int command_export(const CommandLine *line);
extern int command_confirm(const CommandLine *line);
extern int command_report(const CommandLine *line);
extern int command_status(const CommandLine *line);

#endif
