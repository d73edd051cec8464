/*
 * table_writer.h
 *		Writes rows of an account's table below its triggers.
 */
#ifndef ORGSYNC_TABLE_WRITER_H
#define ORGSYNC_TABLE_WRITER_H

#include "page_writer.h"
#include "written_table.h"

typedef struct TableWriter TableWriter;

extern TableWriter *table_writer_open(const Account *account, const WrittenTable *table, int64 row_count,
									  PageWriter *page_writer);
extern void table_writer_put(TableWriter *writer, const Datum *values, const bool *nulls);
extern int64 table_writer_next_id(TableWriter *writer);
extern int64 table_writer_steps(TableWriter *writer);
extern void table_writer_close(TableWriter *writer);
extern Relation table_writer_relation(TableWriter *writer);

#endif
