/*
 * export_full.h
 *		What the files of a full export share; nobody else includes this.
 *
 *	export_full.c		reads everybody, by four cursors side by side
 *	export_full_file.c	the files that wait for rows, and their texts
 */
#ifndef ORGSYNC_EXPORT_FULL_H
#define ORGSYNC_EXPORT_FULL_H

#include "diff_subject.h"
#include "export.h"

#include "tcop/dest.h"
#include "utils/portal.h"

/* The columns before the licenses, in their order, as bits. */
#define FIXED_COUNT		5

typedef struct LinkStream LinkStream;

/* A cell between the title and the attributes. */
typedef struct LinkCell
{
	int			column;
	int			length;			/* of a scope, which follows in the record; else 0 */
} LinkCell;

/* A value of an attribute on its way into a row. */
typedef struct AttributeValue
{
	int			name;			/* its number */
	const char *text;
	int			length;
} AttributeValue;

/* A set of columns that may not be empty, and the file that waits for rows with it. */
typedef struct WaitingFile
{
	int			fixed;			/* bits */
	int			attribute_count;
	int		   *names;			/* numbers, in the order in which values have them */
	int		   *order;			/* of the columns in the file, as places in names */
	int			row_count;
	int			row_capacity;
	int64	   *profile_ids;
	bool	   *is_used;		/* of each link column */
	int			used_count;
	bool		has_reupload;
	StringInfoData records;
} WaitingFile;

struct ExportFull
{
	DestReceiver receiver;		/* first */
	MemoryContext context;
	MemoryContext row_context;
	MemoryContext file_context;
	DiffReader *reader;
	DiffNotation notation;
	int			max_rows;
	bool		spreadsheet_safe;
	Portal		portal;
	bool		at_end;
	LinkStream *seats;
	LinkStream *memberships;
	LinkStream *permissions;

	int			link_count;		/* columns of licenses, groups and permissions */
	const char **links;			/* their headers, in their order */
	int			group_first;
	int			permission_first;

	int			name_count;		/* of attributes */
	int			name_capacity;
	char	  **names;
	int		   *name_lengths;

	List	   *waiting;		/* WaitingFile */
	WaitingFile *latest;
	int64		waiting_size;
	List	   *ready;
	StringInfoData spare;		/* what the records of a file that is done were in; or nothing */
	StringInfoData csv;			/* of the last file */

	int			value_capacity;
	AttributeValue *values;
	int			cell_capacity;
	LinkCell   *cells;
	const char **cell_scopes;
};

/* A person's row, on its way into a waiting file; the attributes and links are in the ExportFull. */
typedef struct FullRow
{
	int64		profile_id;
	int			fixed;			/* bits of the columns that have a text */
	const char *texts[FIXED_COUNT];
	int			lengths[FIXED_COUNT];
	int			attribute_count;
	int			link_count;
	bool		reupload;
} FullRow;

extern void export_full_put(ExportFull *full, const FullRow *row);
extern void export_full_finish_waiting(ExportFull *full);
extern void export_full_take_file(ExportFull *full, ExportFile *file);

#endif
