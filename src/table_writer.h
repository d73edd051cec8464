/*
 * table_writer.h
 *		Writes rows of an account's table below its triggers.
 */
#ifndef ORGSYNC_TABLE_WRITER_H
#define ORGSYNC_TABLE_WRITER_H

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
	const char *references[WRITTEN_MAX_REFERENCES]; /* tables that foreign keys refer to */
	const char *checks[WRITTEN_MAX_CHECKS]; /* names of constraints */
} WrittenTable;

typedef struct TableWriter TableWriter;

extern TableWriter *table_writer_open(const Account *account, const WrittenTable *table, int64 row_count);
extern void table_writer_put(TableWriter *writer, const Datum *values, const bool *nulls);
extern int64 table_writer_next_id(TableWriter *writer);
extern void table_writer_close(TableWriter *writer);
extern Relation table_writer_relation(TableWriter *writer);

#endif
