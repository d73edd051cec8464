/*
 * export_confirm.h
 *		What the files that confirm an export share; nobody else includes this.
 *
 *	export_confirm.c	confirm_export() and cancel_export()
 *	export_leavers.c	who left, and which keys he still has at the vendor's
 */
#ifndef ORGSYNC_EXPORT_CONFIRM_H
#define ORGSYNC_EXPORT_CONFIRM_H

#include "export.h"

/* A file of the export that is to be confirmed. */
typedef struct ConfirmFile
{
	int			seq;
	int64		forgotten_rows;	/* of people who were forgotten since */
	char	   *columns;		/* see export_columns_signature() */
	bool		has_results;	/* the results may have rows of it */
} ConfirmFile;

typedef struct Confirmation
{
	Account    *account;
	int64		export_id;
	bool		is_full;
	int64		row_count;		/* of all its files, confirmed or not */
	int			file_count;
	ConfirmFile *files;
} Confirmation;

/*
 * The changes that the export read.  The union with nothing is there to detoast
 * the multirange once, and not again for every change.
 */
#define CHANGES_READ \
	"(SELECT changes_read + '{}' FROM @account.exports WHERE export_id = $1)"

extern uint64 export_confirm_run(const Confirmation *confirmation, const char *statement);

/* ---- export_leavers.c ---- */
extern void export_leavers_make(const Confirmation *confirmation);
extern void export_leavers_pass_keys_on(const Confirmation *confirmation);

#endif
