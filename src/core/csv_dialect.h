/*
 * csv_dialect.h
 *		How a CSV stream is written: its delimiter, and where its header stands.
 *		Plain C: no server header.
 */
#ifndef ORGSYNC_CORE_CSV_DIALECT_H
#define ORGSYNC_CORE_CSV_DIALECT_H

#include <stddef.h>

#include "csv_reader.h"
#include "product.h"

/* What a cell would be as a column's header. */
typedef enum csv_header_rank
{
	CSV_HEADER_UNKNOWN,
	CSV_HEADER_KNOWN,
	CSV_HEADER_KEY				/* tells whom a row is about */
} csv_header_rank;

typedef csv_header_rank (*csv_header_judge) (void *context, const char *text, size_t length);

typedef struct csv_dialect
{
	char		delimiter;
	int			title_count;	/* records above the header */
} csv_dialect;

extern csv_header_rank csv_header_rank_for(const product *product, const char *text,
										   size_t length);
extern csv_header_rank csv_header_rank_for_any(void *context, const char *text, size_t length);
extern csv_dialect csv_dialect_begin(csv_reader *reader, const csv_allocator *allocator,
									 char delimiter, csv_header_judge judge,
									 void *judge_context);

#endif
