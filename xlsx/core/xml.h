/*
 * xml.h
 *		Reads a part of a workbook as XML, in bounded memory.  Plain C.
 */
#ifndef XLSX_CORE_XML_H
#define XLSX_CORE_XML_H

#include "archive.h"

/* Called between two blocks of a part; may leave by longjmp. */
typedef void (*xlsx_pause) (void *context);

/* Elements' names come without prefix; attributes as expat gives them, see xlsx_xml_attribute(). */
typedef struct xlsx_xml_handler
{
	void		(*start) (void *context, const char *name, const char **attributes);
	void		(*end) (void *context, const char *name);
	void		(*text) (void *context, const char *text, size_t length);	/* may be NULL */
} xlsx_xml_handler;

typedef enum xlsx_xml_result
{
	XLSX_XML_SUSPENDED,
	XLSX_XML_END,
	XLSX_XML_FAULT
} xlsx_xml_result;

typedef struct xlsx_xml
{
	struct XML_ParserStruct *parser;
	xlsx_part	part;
	const xlsx_xml_handler *handler;
	void	   *context;
	xlsx_pause	pause;
	void	   *pause_context;
	bool		is_suspended;
	bool		is_final;		/* the parser has all */
} xlsx_xml;

extern bool xlsx_xml_open(xlsx_xml *xml, xlsx_archive *archive, const char *part_name,
						  const xlsx_xml_handler *handler, void *context,
						  xlsx_pause pause, void *pause_context);
extern xlsx_xml_result xlsx_xml_read(xlsx_xml *xml);
extern void xlsx_xml_suspend(xlsx_xml *xml);
extern bool xlsx_xml_fail(xlsx_xml *xml, xlsx_fault_code code, const char *what);
extern void xlsx_xml_close(xlsx_xml *xml);
extern const char *xlsx_xml_attribute(const char **attributes, const char *name);
extern const char *xlsx_xml_prefixed_attribute(const char **attributes, const char *name);
extern bool xlsx_xml_flag(const char **attributes, const char *name);

#endif
