/*
 * xml.c
 *		Reads a part of a workbook as XML, in bounded memory.
 *
 * expat parses.  Elements and attributes are known by their names without prefix:
 * which namespace a prefix stands for differs between the transitional and the
 * strict flavour, and no other namespace has elements of these names where we
 * look for them.
 *
 * What makes an XML parser need memory or time without end is kept out:
 *
 *	- a document type, and with it all entities: workbooks have none;
 *	- one tag, comment or the like that is larger than MAX_PARSER_MEMORY, which
 *	  expat keeps as a whole, and elements in elements without end: the parsers'
 *	  memory is counted.
 *
 * Handlers store, and stop the parser when something is wrong or a row is
 * complete; whatever may fail otherwise is done when the parser has returned.
 */
#include "xml.h"

#include <stdlib.h>
#include <string.h>

#include <expat.h>

/* Expat 2.9 calls positions of other than 64 bits deprecated. */
#if XML_MAJOR_VERSION > 2 || XML_MINOR_VERSION >= 9
#define current_line(parser)	XML_GetCurrentLineNumber64(parser)
#else
#define current_line(parser)	XML_GetCurrentLineNumber(parser)
#endif

#define BLOCK_SIZE			(64 * 1024)

/* All parsers together; a common one takes 100 kB. */
#define MAX_PARSER_MEMORY	((size_t) 1536 * 1024)

/* Stands before what the parser gets. */
typedef union memory_header
{
	size_t		size;
	long double alignment;
} memory_header;

static size_t memory_used = 0;

static void *
resize_memory(void *pointer, size_t size)
{
	memory_header *header = pointer ? (memory_header *) pointer - 1 : NULL;
	size_t		old_size = header ? header->size : 0;

	if (size > MAX_PARSER_MEMORY || memory_used - old_size + size > MAX_PARSER_MEMORY)
		return NULL;
	header = realloc(header, sizeof(memory_header) + size);
	if (header == NULL)
		return NULL;
	memory_used += size - old_size;
	header->size = size;
	return header + 1;
}

static void *
get_memory(size_t size)
{
	return resize_memory(NULL, size);
}

static void
release_memory(void *pointer)
{
	memory_header *header = pointer ? (memory_header *) pointer - 1 : NULL;

	if (header == NULL)
		return;
	memory_used -= header->size;
	free(header);
}

static const XML_Memory_Handling_Suite memory_suite = {get_memory, resize_memory, release_memory};

/* The name without its prefix. */
static const char *
local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static void
handle_start(void *user_data, const char *name, const char **attributes)
{
	xlsx_xml   *xml = user_data;

	xml->handler->start(xml->context, local_name(name), attributes);
}

static void
handle_end(void *user_data, const char *name)
{
	xlsx_xml   *xml = user_data;

	xml->handler->end(xml->context, local_name(name));
}

static void
handle_text(void *user_data, const char *text, int length)
{
	xlsx_xml   *xml = user_data;

	xml->handler->text(xml->context, text, (size_t) length);
}

static void
handle_document_type(void *user_data, const char *name, const char *system_id, const char *public_id,
					 int has_internal_subset)
{
	(void) name, (void) system_id, (void) public_id, (void) has_internal_subset;
	(void) xlsx_xml_fail(user_data, XLSX_FAULT_BROKEN_CONTENT, "has a document type, which no workbook has");
}

/*
 * Opens a part, whose name must last.  False: see the archive's fault.  To be
 * closed in any case.
 */
bool
xlsx_xml_open(xlsx_xml *xml, xlsx_archive *archive, const char *part_name, const xlsx_xml_handler *handler,
			  void *context, xlsx_pause pause, void *pause_context)
{
	memset(xml, 0, sizeof(*xml));
	xml->handler = handler;
	xml->context = context;
	xml->pause = pause;
	xml->pause_context = pause_context;
	if (!xlsx_part_open(&xml->part, archive, part_name))
		return false;
	xml->parser = XML_ParserCreate_MM(NULL, &memory_suite, NULL);
	if (xml->parser == NULL)
		return xlsx_fault_set(archive->fault, XLSX_FAULT_NO_MEMORY, "no parser for part %s", part_name);
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, handle_start, handle_end);
	if (handler->text != NULL)
		XML_SetCharacterDataHandler(xml->parser, handle_text);
	XML_SetStartDoctypeDeclHandler(xml->parser, handle_document_type);
	return true;
}

/* Why the parser has stopped, unless we have stopped it. */
static xlsx_xml_result
note_parser_error(xlsx_xml *xml)
{
	enum XML_Error error = XML_GetErrorCode(xml->parser);

	if (error == XML_ERROR_NO_MEMORY)
		(void) xlsx_xml_fail(xml, XLSX_FAULT_TOO_LARGE, "has a tag without end, or too many inside one another");
	else
		(void) xlsx_xml_fail(xml, XLSX_FAULT_BROKEN_CONTENT, XML_ErrorString(error));
	return XLSX_XML_FAULT;
}

/* Lets the parser read the next block. */
static enum XML_Status
read_block(xlsx_xml *xml)
{
	void	   *buffer;
	long		length;

	if (xml->pause != NULL)
		xml->pause(xml->pause_context);
	buffer = XML_GetBuffer(xml->parser, BLOCK_SIZE);
	if (buffer == NULL)
		return XML_STATUS_ERROR;
	length = xlsx_part_read(&xml->part, buffer, BLOCK_SIZE);
	if (length < 0)
		return XML_STATUS_ERROR;
	xml->is_final = length == 0;
	return XML_ParseBuffer(xml->parser, (int) length, xml->is_final);
}

/* Reads on until a handler suspends, or to the end of the part. */
xlsx_xml_result
xlsx_xml_read(xlsx_xml *xml)
{
	enum XML_Status status = XML_STATUS_OK;

	if (xml->is_suspended)
	{
		xml->is_suspended = false;
		status = XML_ResumeParser(xml->parser);
	}
	while (status == XML_STATUS_OK && !xml->is_final)
		status = read_block(xml);
	if (status == XML_STATUS_SUSPENDED)
	{
		xml->is_suspended = true;
		return XLSX_XML_SUSPENDED;
	}
	return status == XML_STATUS_OK ? XLSX_XML_END : note_parser_error(xml);
}

/* For handlers: xlsx_xml_read() shall return. */
void
xlsx_xml_suspend(xlsx_xml *xml)
{
	(void) XML_StopParser(xml->parser, XML_TRUE);
}

/*
 * For handlers: the part is faulty; what goes on from its name.  Returns false,
 * for callers to return.
 */
bool
xlsx_xml_fail(xlsx_xml *xml, xlsx_fault_code code, const char *what)
{
	(void) xlsx_fault_set(xml->part.archive->fault, code, "its part %s, line %lu: %s", xml->part.name,
						  (unsigned long) current_line(xml->parser), what);
	(void) XML_StopParser(xml->parser, XML_FALSE);
	return false;
}

/* Does no harm after a failure or twice. */
void
xlsx_xml_close(xlsx_xml *xml)
{
	if (xml->parser != NULL)
		XML_ParserFree(xml->parser);
	xml->parser = NULL;
	xlsx_part_close(&xml->part);
}

/* The value of the attribute of that name; NULL if there is none. */
const char *
xlsx_xml_attribute(const char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}

/* The same for a name with any prefix, as references to other parts have it. */
const char *
xlsx_xml_prefixed_attribute(const char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
	{
		const char *local = local_name(attributes[0]);

		if (local != attributes[0] && strcmp(local, name) == 0 && strncmp(attributes[0], "xmlns:", 6) != 0)
			return attributes[1];
	}
	return NULL;
}

/* Is there an attribute of that name that says yes? */
bool
xlsx_xml_flag(const char **attributes, const char *name)
{
	const char *value = xlsx_xml_attribute(attributes, name);

	return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0 || strcmp(value, "on") == 0);
}
