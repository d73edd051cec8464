/*
 * results_file.h
 *		The vendor's answer to an upload: which rows it refused, and why.
 *
 * Plain C: no server header.  See results_file.c.
 */
#ifndef ORGSYNC_CORE_RESULTS_FILE_H
#define ORGSYNC_CORE_RESULTS_FILE_H

#include "csv_reader.h"
#include "header.h"

/* The columns by which a row names a person. */
#define RESULTS_KEY_COUNT	3

typedef struct results_key
{
	int			column;			/* which of them, from 0 */
	const char *data;			/* within the record; not folded */
	size_t		length;
} results_key;

typedef enum results_step
{
	RESULTS_HEADER,				/* the header, once */
	RESULTS_REFUSAL,			/* a row that was refused, or what refuses the whole file */
	RESULTS_END,
	RESULTS_EMPTY,				/* there is not even a header */
	RESULTS_WITHOUT_KEYS,		/* the header, of which file.record has the line, has no column that names a person */
	RESULTS_FAULT
} results_step;

/* A results file that is being read; the reader and the allocator are the caller's. */
typedef struct results_file
{
	const product *product;
	csv_reader *reader;
	const csv_allocator *allocator;
	int			column_count;
	column_kind *kinds;			/* of the header's columns */
	int			messages_column;	/* or -1 */
	bool		has_remarks;
	int64_t		doubtful_line;	/* of the first remark that may have been meant to be the header; 0: none */
	bool		has_header;
	csv_record	record;			/* the last one */
	csv_fault	fault;			/* of RESULTS_FAULT */

	/* of RESULTS_REFUSAL: */
	const char *message;		/* NULL: the file does not say why */
	size_t		message_length;
	int			key_count;		/* 0: the whole file is refused */
	results_key keys[RESULTS_KEY_COUNT];
} results_file;

extern column_kind results_classify(const product *product, const char *header, size_t length);
extern int	results_keys(const column_kind *kinds, int column_count, const csv_record *record,
						 results_key *keys);

extern void results_file_begin(results_file *file, const product *product, csv_reader *reader,
							   const csv_allocator *allocator);
extern results_step results_file_next(results_file *file);
extern void results_file_end(results_file *file);

#endif
