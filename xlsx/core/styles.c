/*
 * styles.c
 *		The number formats of a workbook's styles.
 *
 * A cell names a style by its position in cellXfs, which names a format by its id:
 * one of numFmts, which come before, or one that all know.
 */
#include "styles.h"

#define MAX_STYLE_COUNT		65536
#define MAX_FORMAT_COUNT	2000

/* Which list the parser is in. */
enum
{
	LIST_NONE,
	LIST_FORMATS,
	LIST_STYLES
};

typedef struct named_format
{
	unsigned	id;
	xlsx_number_format format;
} named_format;

void
xlsx_styles_init(xlsx_styles *styles)
{
	memset(styles, 0, sizeof(*styles));
	styles->formats.limit = MAX_STYLE_COUNT * sizeof(xlsx_number_format);
	styles->codes.limit = MAX_FORMAT_COUNT * sizeof(named_format);
}

static void
add_format(xlsx_styles *styles, const char **attributes)
{
	const char *id = xlsx_xml_attribute(attributes, "numFmtId");
	const char *code = xlsx_xml_attribute(attributes, "formatCode");
	named_format named;

	if (id == NULL || code == NULL)
		return;
	memset(&named, 0, sizeof(named));
	named.id = (unsigned) strtoul(id, NULL, 10);
	named.format = xlsx_format_of_code(code);
	if (!xlsx_buffer_append(&styles->codes, &named, sizeof(named)))
		(void) xlsx_xml_fail(&styles->xml, XLSX_FAULT_TOO_LARGE, "has too many formats");
}

static void
add_style(xlsx_styles *styles, const char **attributes)
{
	const char *id_text = xlsx_xml_attribute(attributes, "numFmtId");
	unsigned	id = id_text ? (unsigned) strtoul(id_text, NULL, 10) : 0;
	xlsx_number_format format = xlsx_format_of_id(id);

	for (size_t at = 0; at < styles->codes.length; at += sizeof(named_format))
	{
		named_format named;

		memcpy(&named, styles->codes.data + at, sizeof(named));
		if (named.id == id)
			format = named.format;
	}
	if (!xlsx_buffer_append(&styles->formats, &format, sizeof(format)))
		(void) xlsx_xml_fail(&styles->xml, XLSX_FAULT_TOO_LARGE, "has too many styles");
}

static void
start_element(void *context, const char *name, const char **attributes)
{
	xlsx_styles *styles = context;

	styles->depth++;
	if (styles->depth == 1 && strcmp(name, "styleSheet") != 0)
		(void) xlsx_xml_fail(&styles->xml, XLSX_FAULT_BROKEN_CONTENT, "has no styles");
	else if (styles->depth == 2)
		styles->list = strcmp(name, "numFmts") == 0 ? LIST_FORMATS :
			strcmp(name, "cellXfs") == 0 ? LIST_STYLES : LIST_NONE;
	else if (styles->depth == 3 && styles->list == LIST_FORMATS && strcmp(name, "numFmt") == 0)
		add_format(styles, attributes);
	else if (styles->depth == 3 && styles->list == LIST_STYLES && strcmp(name, "xf") == 0)
		add_style(styles, attributes);
}

static void
end_element(void *context, const char *name)
{
	(void) name;
	((xlsx_styles *) context)->depth--;
}

/* Reads the part that has the styles.  False: see the archive's fault. */
bool
xlsx_styles_read(xlsx_styles *styles, xlsx_archive *archive, const char *part_name,
				 xlsx_pause pause, void *pause_context)
{
	static const xlsx_xml_handler handler = {start_element, end_element, NULL};
	bool		is_read = xlsx_xml_open(&styles->xml, archive, part_name, &handler, styles, pause,
										pause_context) &&
		xlsx_xml_read(&styles->xml) == XLSX_XML_END;

	xlsx_xml_close(&styles->xml);
	return is_read;
}

/* The number format of a style; of one that is not there, the general one. */
xlsx_number_format
xlsx_styles_format(const xlsx_styles *styles, unsigned style)
{
	xlsx_number_format format = {XLSX_NUMBER, 0};

	if (style < styles->formats.length / sizeof(format))
		memcpy(&format, styles->formats.data + style * sizeof(format), sizeof(format));
	return format;
}

void
xlsx_styles_free(xlsx_styles *styles)
{
	xlsx_xml_close(&styles->xml);
	xlsx_buffer_free(&styles->formats);
	xlsx_buffer_free(&styles->codes);
}
