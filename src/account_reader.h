/*
 * account_reader.h
 *		Reads tables of accounts whose owners may be hostile.
 */
#ifndef ORGSYNC_ACCOUNT_READER_H
#define ORGSYNC_ACCOUNT_READER_H

#include "orgsync.h"

#define ACCOUNT_READER_COLUMNS	5

/* A column that is to be read, with the type that it must have. */
typedef struct ReaderColumn
{
	const char *name;
	Oid			type;
} ReaderColumn;

typedef struct AccountReader AccountReader;

extern AccountReader *account_reader_open(Oid namespace_oid, const char *table, int column_count,
										  const ReaderColumn *columns);
extern AccountReader *account_reader_open_latest(Oid namespace_oid, const char *table, const char *key,
												 const int64 *only, int column_count,
												 const ReaderColumn *columns);
extern bool account_reader_next(AccountReader *reader, Datum *values, bool *nulls);
extern void account_reader_close(AccountReader *reader);
extern bool account_reader_count(Oid namespace_oid, const char *table, int64 *row_count);
extern bool account_reader_estimate(Oid namespace_oid, const char *table, int64 *row_count);

#endif
