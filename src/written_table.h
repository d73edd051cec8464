/*
 * written_table.h
 *		Is a table what rows can be written to below its triggers?
 */
#ifndef ORGSYNC_WRITTEN_TABLE_H
#define ORGSYNC_WRITTEN_TABLE_H

#include "account.h"
#include "row_pattern.h"
#include "utils/rel.h"

#define WRITTEN_MAX_COLUMNS		ROW_PATTERN_MAX_COLUMNS
#define WRITTEN_MAX_TRIGGERS	4
#define WRITTEN_MAX_REFERENCES	2
#define WRITTEN_MAX_CHECKS		2

/* A column as account_layout.sql has it. */
typedef struct WrittenColumn
{
	const char *name;
	Oid			type;			/* InvalidOid: one of our own */
	const char *own_type;
	bool		not_null;
	bool		is_now;			/* its default is now(), and who writes fills it so */
} WrittenColumn;

/*
 * A table as account_layout.sql has it, and what fires or is checked when a row is
 * inserted: whoever writes to it below the triggers sees to all of that himself.
 */
typedef struct WrittenTable
{
	const char *name;
	int			column_count;
	WrittenColumn columns[WRITTEN_MAX_COLUMNS];
	const char *triggers[WRITTEN_MAX_TRIGGERS]; /* names of our functions */
	const char *change_log;		/* and of one that the owner may have switched off, or NULL */
	const char *references[WRITTEN_MAX_REFERENCES]; /* tables that foreign keys refer to */
	const char *checks[WRITTEN_MAX_CHECKS]; /* names of constraints */
	bool		lies_together;	/* rows that are written together are read together, and removed so */
} WrittenTable;

extern bool written_table_is_writable(const WrittenTable *table, const Account *account, Relation relation);
extern bool written_table_is_logged(const WrittenTable *table, Relation relation);

#endif
