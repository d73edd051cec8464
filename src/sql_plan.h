/*
 * sql_plan.h
 *		What the files that run SQL texts share; nobody else includes this.
 *
 *	sql.c			runs the texts
 *	sql_plan.c		keeps their plans
 *	sql_settings.c	the settings under which they are planned and run
 */
#ifndef ORGSYNC_SQL_PLAN_H
#define ORGSYNC_SQL_PLAN_H

#include "sql.h"

extern SPIPlanPtr sql_plan_prepare(const Account *account, const char *text, int argument_count,
								   const SqlArgument *arguments);
extern SPIPlanPtr sql_plan_find(const Account *account, const char *text, int argument_count,
								const SqlArgument *arguments, bool ages);

extern int	sql_prefix_search_path(void);
extern void sql_avoid_whole_tables(void);

#endif
