/*
 * shared_strings.c
 *		The texts that a workbook's cells share.
 *
 * Cells name them by number, in any order, so all are kept: STRINGS_PER_BLOCK
 * together in a block, of which only the place is known in memory.  The first
 * blocks lie in memory, those beyond MEMORY_SIZE in the caller's store.  Numbers
 * are given in the order in which the cells came to be, so that a sheet that is
 * read from the top asks for one block after the other, and for those in front.
 *
 *	block	length (uint32), bytes, length, bytes, ...
 *
 * A block is complete while the parser runs, but goes to the store only when it
 * has returned.
 */
#include "shared_strings.h"

#define STRINGS_PER_BLOCK	16
#define MEMORY_SIZE			((size_t) 8 * 1024 * 1024)

/* Four times what a cell can have, for characters take up to four bytes. */
#define MAX_STRING_SIZE		((size_t) 4 * 32767)

#define MAX_STRING_COUNT	((uint64_t) 32 * 1024 * 1024)

/* A block of the parser's input may complete many blocks of strings. */
#define MAX_PENDING_SIZE	(MAX_STRING_SIZE * (STRINGS_PER_BLOCK + 1) + 256 * 1024)

void
xlsx_strings_init(xlsx_strings *strings, const xlsx_store *store)
{
	memset(strings, 0, sizeof(*strings));
	strings->store = store;
	strings->ends.limit = (size_t) (MAX_STRING_COUNT / STRINGS_PER_BLOCK + 1) * sizeof(uint64_t);
	strings->memory.limit = MEMORY_SIZE;
	strings->pending.limit = MAX_PENDING_SIZE;
	strings->block.limit = MAX_PENDING_SIZE;
	strings->block_number = UINT64_MAX;
}

static uint64_t
block_end(const xlsx_strings *strings, uint64_t number)
{
	uint64_t	end;

	memcpy(&end, strings->ends.data + number * sizeof(uint64_t), sizeof(uint64_t));
	return end;
}

static uint64_t
block_start(const xlsx_strings *strings, uint64_t number)
{
	return number == 0 ? 0 : block_end(strings, number - 1);
}

/* ---- reading the part ---- */

static void
begin_item(xlsx_strings *strings)
{
	uint32_t	length = 0;

	strings->in_item = true;
	memset(&strings->rich_text, 0, sizeof(strings->rich_text));
	strings->item_start = strings->pending.length;
	if (strings->count == MAX_STRING_COUNT ||
		!xlsx_buffer_append(&strings->pending, &length, sizeof(length)))
		(void) xlsx_xml_fail(&strings->xml, XLSX_FAULT_TOO_LARGE, "has too many texts");
}

/* The item's length is known; with it, a block may be complete. */
static void
end_item(xlsx_strings *strings)
{
	size_t		start = strings->item_start + sizeof(uint32_t);
	uint32_t	length;

	strings->in_item = false;
	if (start > strings->pending.length)
		return;
	length = (uint32_t) xlsx_unescape(strings->pending.data + start, strings->pending.length - start);
	memcpy(strings->pending.data + strings->item_start, &length, sizeof(length));
	strings->pending.length = start + length;
	strings->count++;
	if (strings->count % STRINGS_PER_BLOCK == 0)
	{
		uint64_t	end = strings->memory.length + strings->stored + strings->pending.length;

		if (!xlsx_buffer_append(&strings->ends, &end, sizeof(end)))
			(void) xlsx_xml_fail(&strings->xml, XLSX_FAULT_NO_MEMORY, "has too many texts");
		xlsx_xml_suspend(&strings->xml);
	}
}

static void
start_element(void *context, const char *name, const char **attributes)
{
	xlsx_strings *strings = context;

	(void) attributes;
	strings->depth++;
	if (strings->in_item)
		xlsx_rich_text_start(&strings->rich_text, name);
	else if (strings->depth == 2 && strcmp(name, "si") == 0)
		begin_item(strings);
	else if (strings->depth == 1 && strcmp(name, "sst") != 0)
		(void) xlsx_xml_fail(&strings->xml, XLSX_FAULT_BROKEN_CONTENT, "has no shared texts");
}

static void
end_element(void *context, const char *name)
{
	xlsx_strings *strings = context;

	(void) name;
	strings->depth--;
	if (strings->in_item && strings->depth == 1)
		end_item(strings);
	else if (strings->in_item)
		xlsx_rich_text_end(&strings->rich_text);
}

static void
add_text(void *context, const char *text, size_t length)
{
	xlsx_strings *strings = context;

	if (!strings->in_item || !strings->rich_text.in_text || strings->rich_text.skipped > 0)
		return;
	if (strings->pending.length - strings->item_start + length > MAX_STRING_SIZE ||
		!xlsx_buffer_append(&strings->pending, text, length))
		(void) xlsx_xml_fail(&strings->xml, XLSX_FAULT_TOO_LARGE, "has a text that is too long for a cell");
}

/* Puts what is complete, or all at the end, to the other blocks. */
static void
keep_pending(xlsx_strings *strings)
{
	size_t		length = strings->pending.length;

	strings->pending.length = 0;
	if (strings->stored == 0 && xlsx_buffer_append(&strings->memory, strings->pending.data, length))
		return;
	strings->memory.limit = strings->memory.length;	/* all later ones go to the store */
	strings->store->append(strings->store->context, strings->pending.data, length);
	strings->stored += length;
}

/* Keeps the last block, which may have fewer strings. */
static bool
keep_last_block(xlsx_strings *strings, xlsx_archive *archive)
{
	uint64_t	end = strings->memory.length + strings->stored + strings->pending.length;

	if (strings->count % STRINGS_PER_BLOCK == 0)
		return true;
	if (!xlsx_buffer_append(&strings->ends, &end, sizeof(end)))
		return xlsx_fault_set(archive->fault, XLSX_FAULT_NO_MEMORY, "it has too many texts");
	keep_pending(strings);
	return true;
}

/* Reads the part that has the shared texts.  False: see the archive's fault. */
bool
xlsx_strings_read(xlsx_strings *strings, xlsx_archive *archive, const char *part_name,
				  xlsx_pause pause, void *pause_context)
{
	static const xlsx_xml_handler handler = {start_element, end_element, add_text};
	xlsx_xml_result result = XLSX_XML_FAULT;

	if (xlsx_xml_open(&strings->xml, archive, part_name, &handler, strings, pause, pause_context))
		while ((result = xlsx_xml_read(&strings->xml)) == XLSX_XML_SUSPENDED)
			keep_pending(strings);
	xlsx_xml_close(&strings->xml);
	return result == XLSX_XML_END && keep_last_block(strings, archive);
}

/* ---- looking up ---- */

/* Makes the block the one that is in memory, and sets *data to it; false if it does not fit. */
static bool
fetch_block(xlsx_strings *strings, uint64_t number, const char **data)
{
	uint64_t	start = block_start(strings, number);
	size_t		size = (size_t) (block_end(strings, number) - start);

	if (start < strings->memory.length)
	{
		*data = strings->memory.data + start;
		return true;
	}
	if (strings->block_number != number)
	{
		strings->block_number = UINT64_MAX;
		strings->block.length = 0;
		if (!xlsx_buffer_reserve(&strings->block, size))
			return false;
		strings->store->read(strings->store->context, start - strings->memory.length, strings->block.data, size);
		strings->block_number = number;
	}
	*data = strings->block.data;
	return true;
}

/* The text of that number, until the next call; false if there is none. */
bool
xlsx_strings_get(xlsx_strings *strings, uint64_t number, const char **text, size_t *length)
{
	const char *data;
	uint32_t	size;

	if (number >= strings->count || !fetch_block(strings, number / STRINGS_PER_BLOCK, &data))
		return false;
	memcpy(&size, data, sizeof(size));
	for (uint64_t i = 0; i < number % STRINGS_PER_BLOCK; i++)
	{
		data += sizeof(size) + size;
		memcpy(&size, data, sizeof(size));
	}
	*text = data + sizeof(size);
	*length = size;
	return true;
}

/* Frees all but the store. */
void
xlsx_strings_free(xlsx_strings *strings)
{
	xlsx_xml_close(&strings->xml);
	xlsx_buffer_free(&strings->ends);
	xlsx_buffer_free(&strings->memory);
	xlsx_buffer_free(&strings->pending);
	xlsx_buffer_free(&strings->block);
}
