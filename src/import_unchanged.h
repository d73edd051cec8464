/*
 * import_unchanged.h
 *		Records of an import that came before; for import_unchanged.c and
 *		import_unchanged_store.c alone.
 */
#ifndef ORGSYNC_IMPORT_UNCHANGED_H
#define ORGSYNC_IMPORT_UNCHANGED_H

#include "import.h"

#include "feed_records.h"
#include "storage/buffile.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Hashes of rows are kept in memory, so many at a time. */
#define HASHES_AT_ONCE		4096

#define SEED_SIZE			((int) sizeof(uint64))
#define FINGERPRINT_SIZE	(SEED_SIZE + (int) sizeof(XXH128_canonical_t))

struct ImportUnchanged
{
	MemoryContext context;		/* outlives the reading of the file, be it repeated */
	const Account *account;		/* to work as its owner */
	const char *feed;
	bool		keeps_hashes;	/* of the records of this file */
	bool		replaces;		/* all that the feed has are of no use any more */
	FeedRecords *records;		/* NULL: none are looked for */
	char		fingerprint[FINGERPRINT_SIZE];
	uint64		seed;
	int			pass;
	bool		must_read_again;
	ProfileList written;		/* profiles that this import has written to */

	/* of one pass */
	int64		count;			/* unchanged records */
	int64		active;			/* of them, those that say active of a license */
	int64		inactive;
	uint64		file_sum;		/* of the hashes of all records */
	uint64		last_file_sum;	/* the same of the pass before */

	/* of the records that were looked up last */
	FeedRecordHash hashes[IMPORT_RECORDS_AT_ONCE];
	FeedRecord *known[IMPORT_RECORDS_AT_ONCE];	/* NULL: it did not come before */
	const FeedRecordHash *record;	/* the one whose turn it is */

	/* hashes of the rows that are staged, in their order */
	int64		row_count;
	FeedRecordHash *rows;
	BufFile    *file;			/* those that are no longer in memory; NULL: none */
};

#endif
