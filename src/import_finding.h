/*
 * import_finding.h
 *		How findings are kept until they are written.
 *
 *		import_finding.c		collects them
 *		import_finding_write.c	writes them to the account's table
 */
#ifndef ORGSYNC_IMPORT_FINDING_H
#define ORGSYNC_IMPORT_FINDING_H

#include "import.h"
#include "lib/stringinfo.h"
#include "spool.h"

/*
 * A finding as it is kept, MAXALIGNed: behind it stand the texts that it has, each a
 * "text" that begins where an int may.  What the catalogue of findings says of its kind
 * is added when it is written.
 */
typedef enum KeptText
{
	KEPT_COLUMN_NAME,
	KEPT_MESSAGE,
	KEPT_TIP,					/* none: the catalogue's, which has no arguments */
	KEPT_RECORD,
	KEPT_TEXT_COUNT
} KeptText;

typedef struct KeptFinding
{
	int64		line;			/* 0: it is about the whole file */
	int32		code;			/* finding_code */
	uint32		size;			/* with its texts, MAXALIGNed */
	bool		has[KEPT_TEXT_COUNT];
} KeptFinding;

#define KEPT_FINDING_SIZE	MAXALIGN(sizeof(KeptFinding))

/* Runs of findings that are sorted by line; if there are more, the last one is not. */
#define FINDING_MAX_RUNS	16

typedef struct FindingList
{
	Spool	   *runs[FINDING_MAX_RUNS];
	int			run_count;
	int64		counts[SEVERITY_FATAL + 1];
	int64		last_line;
} FindingList;

struct ImportFindings
{
	MemoryContext context;
	ResourceOwner owner;		/* of temporary files */
	MemoryContext report_context;	/* reset for each finding */
	StringInfoData kept;		/* the finding that is being put into a run */
	FindingList of_file;
	FindingList of_attempt;
	bool		marked;
	StringInfo	diverted;		/* NULL: they go to the lists */

	/* the row whose records were kept last */
	int64		line;
	size_t		copied;
	bool		has_error;
};

extern void import_finding_list_end(FindingList *list);
extern int64 import_finding_list_count(const FindingList *list);

#endif
