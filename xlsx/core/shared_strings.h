/*
 * shared_strings.h
 *		The texts that a workbook's cells share.  Plain C: no server header.
 */
#ifndef XLSX_CORE_SHARED_STRINGS_H
#define XLSX_CORE_SHARED_STRINGS_H

#include "buffer.h"
#include "rich_text.h"
#include "xml.h"

/* Bytes that are written one behind the other and read anywhere; calls may leave by longjmp. */
typedef struct xlsx_store
{
	void		(*append) (void *context, const void *data, size_t size);
	void		(*read) (void *context, uint64_t offset, void *data, size_t size);
	void	   *context;
} xlsx_store;

typedef struct xlsx_strings
{
	const xlsx_store *store;
	uint64_t	count;
	xlsx_buffer ends;			/* of each block, where it ends (uint64_t) */
	xlsx_buffer memory;			/* the first blocks */
	uint64_t	stored;			/* bytes of the blocks that are in the store */
	xlsx_buffer pending;		/* what is read and not yet in a complete block */
	size_t		item_start;		/* of the last string in it */

	xlsx_buffer block;			/* the one that was read from the store last */
	uint64_t	block_number;

	xlsx_xml	xml;
	int			depth;
	bool		in_item;
	xlsx_rich_text rich_text;
} xlsx_strings;

extern void xlsx_strings_init(xlsx_strings *strings, const xlsx_store *store);
extern bool xlsx_strings_read(xlsx_strings *strings, xlsx_archive *archive, const char *part_name,
							  xlsx_pause pause, void *pause_context);
extern bool xlsx_strings_get(xlsx_strings *strings, uint64_t number, const char **text, size_t *length);
extern void xlsx_strings_free(xlsx_strings *strings);

#endif
