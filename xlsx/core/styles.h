/*
 * styles.h
 *		The number formats of a workbook's styles.  Plain C.
 */
#ifndef XLSX_CORE_STYLES_H
#define XLSX_CORE_STYLES_H

#include "buffer.h"
#include "number_format.h"
#include "xml.h"

typedef struct xlsx_styles
{
	xlsx_buffer formats;		/* xlsx_number_format of each style */
	xlsx_buffer codes;			/* named_format, see styles.c */
	xlsx_xml	xml;
	int			depth;
	int			list;			/* which one the parser is in */
} xlsx_styles;

extern void xlsx_styles_init(xlsx_styles *styles);
extern bool xlsx_styles_read(xlsx_styles *styles, xlsx_archive *archive, const char *part_name,
							 xlsx_pause pause, void *pause_context);
extern xlsx_number_format xlsx_styles_format(const xlsx_styles *styles, unsigned style);
extern void xlsx_styles_free(xlsx_styles *styles);

#endif
