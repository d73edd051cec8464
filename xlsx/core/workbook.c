/*
 * workbook.c
 *		A workbook (.xlsx) that is read row by row.
 *
 * The parts of the archive are found as the standard wants it, by relationships:
 *
 *	_rels/.rels						names the workbook
 *	xl/workbook.xml					its sheets, each by the id of a relationship
 *	xl/_rels/workbook.xml.rels		the parts of sheets, styles and shared texts
 *
 * Types of relationships are known by what they end with, for the transitional and
 * the strict flavour differ in front of it.
 *
 * The parts are read one after the other; of the styles and shared texts is kept
 * what cells need.  All memory belongs to the workbook and goes by
 * xlsx_workbook_close(), which may be called at any time, also after a callback has
 * left by longjmp.
 */
#include "workbook.h"

#include <stdio.h>
#include <strings.h>

#define MAX_SHEET_COUNT		1000

/* Longer ones are of no real workbook. */
#define MAX_NAME_LENGTH		255
#define MAX_ID_LENGTH		255
#define MAX_TARGET_LENGTH	1000

typedef struct workbook_sheet
{
	char		name[MAX_NAME_LENGTH + 1];
	char		id[MAX_ID_LENGTH + 1];
	bool		is_hidden;
	char	   *part;			/* NULL: it is no sheet of cells, or not found yet */
} workbook_sheet;

static workbook_sheet *
sheets_of(const xlsx_workbook *workbook)
{
	return (workbook_sheet *) workbook->sheets.data;
}

static int
sheet_count(const xlsx_workbook *workbook)
{
	return (int) (workbook->sheets.length / sizeof(workbook_sheet));
}

static bool
ends_with(const char *text, const char *end)
{
	size_t		length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* The type's last word, if it is a relationship's of an office document. */
static bool
is_type(const char *type, const char *word)
{
	const char *slash = strrchr(type, '/');

	return slash != NULL && strcmp(slash + 1, word) == 0 && strstr(type, "elationships") != NULL;
}

/*
 * The name of the part that a target is, seen from the part base, malloc'd: targets
 * are relative to the base's folder unless they begin with a slash.  NULL and a
 * fault if there is no such name.
 */
static char *
resolve_target(xlsx_workbook *workbook, const char *base, const char *target)
{
	const char *slash = base ? strrchr(base, '/') : NULL;
	size_t		length = slash && target[0] != '/' ? (size_t) (slash - base) + 1 : 0;
	char	   *name;

	if (strlen(target) > MAX_TARGET_LENGTH || strlen(target) == 0)
	{
		(void) xlsx_xml_fail(&workbook->xml, XLSX_FAULT_BROKEN_CONTENT, "a part is named as none can be");
		return NULL;
	}
	name = malloc(length + strlen(target) + 1);
	if (name == NULL)
	{
		(void) xlsx_xml_fail(&workbook->xml, XLSX_FAULT_NO_MEMORY, "no memory for a name");
		return NULL;
	}
	memcpy(name, base ? base : "", length);
	while (target[0] == '/')
		target++;
	for (;;)
	{
		if (strncmp(target, "./", 2) == 0)
			target += 2;
		else if (strncmp(target, "../", 3) == 0)
		{
			target += 3;
			if (length > 0)
				length--;
			while (length > 0 && name[length - 1] != '/')
				length--;
		}
		else
			break;
	}
	strcpy(name + length, target);
	return name;
}

static void
set_part(xlsx_workbook *workbook, char **part, const char *base, const char *target)
{
	if (*part == NULL)
		*part = resolve_target(workbook, base, target);
}

/* Keeps the sheet's part with all the sheets that have the id. */
static void
set_sheet_part(xlsx_workbook *workbook, const char *id, const char *target)
{
	for (int i = 0; i < sheet_count(workbook); i++)
		if (strcmp(sheets_of(workbook)[i].id, id) == 0)
			set_part(workbook, &sheets_of(workbook)[i].part, workbook->workbook_part, target);
}

/* ---- relationships ---- */

static void
start_relationship(void *context, const char *name, const char **attributes)
{
	xlsx_workbook *workbook = context;
	const char *type = xlsx_xml_attribute(attributes, "Type");
	const char *target = xlsx_xml_attribute(attributes, "Target");
	const char *id = xlsx_xml_attribute(attributes, "Id");
	const char *mode = xlsx_xml_attribute(attributes, "TargetMode");

	if (strcmp(name, "Relationship") != 0 || type == NULL || target == NULL || id == NULL ||
		(mode != NULL && strcmp(mode, "External") == 0))
		return;
	if (workbook->workbook_part == NULL)
	{
		if (is_type(type, "officeDocument"))
			set_part(workbook, &workbook->workbook_part, NULL, target);
	}
	else if (is_type(type, "worksheet"))
		set_sheet_part(workbook, id, target);
	else if (is_type(type, "sharedStrings"))
		set_part(workbook, &workbook->strings_part, workbook->workbook_part, target);
	else if (is_type(type, "styles"))
		set_part(workbook, &workbook->styles_part, workbook->workbook_part, target);
}

static void
end_relationship(void *context, const char *name)
{
	(void) context, (void) name;
}

/* Reads one of the parts that name others. */
static bool
read_part(xlsx_workbook *workbook, const char *part_name, const xlsx_xml_handler *handler)
{
	bool		is_read = xlsx_xml_open(&workbook->xml, &workbook->archive, part_name, handler, workbook,
										workbook->input.pause, workbook->input.pause_context) &&
		xlsx_xml_read(&workbook->xml) == XLSX_XML_END;

	xlsx_xml_close(&workbook->xml);
	return is_read && workbook->fault.code == XLSX_FAULT_NONE;
}

static const xlsx_xml_handler relationship_handler = {start_relationship, end_relationship, NULL};

/* What the archive is if it is none of a workbook in XML; sets the fault. */
static bool
refuse_other_archive(xlsx_workbook *workbook)
{
	if (xlsx_archive_has(&workbook->archive, "content.xml") && xlsx_archive_has(&workbook->archive, "mimetype"))
		return xlsx_fault_set(&workbook->fault, XLSX_FAULT_OPEN_DOCUMENT, "it has a part content.xml");
	return xlsx_fault_set(&workbook->fault, XLSX_FAULT_NO_WORKBOOK, "it names no workbook in _rels/.rels");
}

/* Finds the part that is the workbook. */
static bool
find_workbook(xlsx_workbook *workbook)
{
	static const char root[] = "_rels/.rels";

	if (!xlsx_archive_has(&workbook->archive, root))
		return refuse_other_archive(workbook);
	if (!read_part(workbook, root, &relationship_handler))
		return false;
	if (workbook->workbook_part == NULL)
		return refuse_other_archive(workbook);
	if (ends_with(workbook->workbook_part, ".bin"))
		return xlsx_fault_set(&workbook->fault, XLSX_FAULT_BINARY_WORKBOOK, "its workbook is %s",
							  workbook->workbook_part);
	return true;
}

/* ---- the workbook's own part ---- */

/* Copies an attribute; false if there is none or it is too long. */
static bool
copy_attribute(char *copy, size_t size, const char *value)
{
	if (value == NULL || strlen(value) >= size)
		return false;
	strcpy(copy, value);
	return true;
}

static void
add_sheet(xlsx_workbook *workbook, const char **attributes)
{
	const char *state = xlsx_xml_attribute(attributes, "state");
	workbook_sheet sheet;

	memset(&sheet, 0, sizeof(sheet));
	sheet.is_hidden = state != NULL && (strcmp(state, "hidden") == 0 || strcmp(state, "veryHidden") == 0);
	if (!copy_attribute(sheet.name, sizeof(sheet.name), xlsx_xml_attribute(attributes, "name")) ||
		!copy_attribute(sheet.id, sizeof(sheet.id), xlsx_xml_prefixed_attribute(attributes, "id")))
		(void) xlsx_xml_fail(&workbook->xml, XLSX_FAULT_BROKEN_CONTENT, "a sheet has no name or no id");
	else if (!xlsx_buffer_append(&workbook->sheets, &sheet, sizeof(sheet)))
		(void) xlsx_xml_fail(&workbook->xml, XLSX_FAULT_TOO_LARGE, "it has too many sheets");
}

static void
start_workbook_element(void *context, const char *name, const char **attributes)
{
	xlsx_workbook *workbook = context;

	workbook->depth++;
	if (workbook->depth == 1 && strcmp(name, "workbook") != 0)
		(void) xlsx_fault_set(&workbook->fault, XLSX_FAULT_NO_WORKBOOK, "its document is no workbook, but %.50s", name);
	else if (workbook->depth == 2)
	{
		workbook->in_sheets = strcmp(name, "sheets") == 0;
		if (strcmp(name, "workbookPr") == 0)
			workbook->is_1904 = xlsx_xml_flag(attributes, "date1904");
	}
	else if (workbook->depth == 3 && workbook->in_sheets && strcmp(name, "sheet") == 0)
		add_sheet(workbook, attributes);
}

static void
end_workbook_element(void *context, const char *name)
{
	(void) name;
	((xlsx_workbook *) context)->depth--;
}

static const xlsx_xml_handler workbook_handler = {start_workbook_element, end_workbook_element, NULL};

/* Reads the workbook's own part, and where its sheets are. */
static bool
read_workbook(xlsx_workbook *workbook)
{
	const char *part = workbook->workbook_part;
	const char *slash = strrchr(part, '/');
	int			folder_length = slash ? (int) (slash - part) + 1 : 0;
	char		relationships[MAX_TARGET_LENGTH + 20];

	if (!read_part(workbook, part, &workbook_handler))
		return false;
	snprintf(relationships, sizeof(relationships), "%.*s_rels/%s.rels", folder_length, part, part + folder_length);
	return read_part(workbook, relationships, &relationship_handler);
}

/* ---- sheets ---- */

/* The number of the sheet of that name, or of the first one to be seen; -1: there is none. */
static int
find_sheet(const xlsx_workbook *workbook, const char *name)
{
	const workbook_sheet *sheets = sheets_of(workbook);
	int			found = -1;

	for (int i = sheet_count(workbook) - 1; i >= 0; i--)
		if (sheets[i].part == NULL)
			continue;
		else if (name == NULL)
			found = sheets[i].is_hidden && found >= 0 && !sheets[found].is_hidden ? found : i;
		else if (strcmp(sheets[i].name, name) == 0)
			return i;
		else if (strcasecmp(sheets[i].name, name) == 0)
			found = i;
	return found;
}

static bool
select_sheet(xlsx_workbook *workbook, const char *name)
{
	workbook->sheet_number = find_sheet(workbook, name);
	if (workbook->sheet_number >= 0)
		return true;
	if (name == NULL)
		return xlsx_fault_set(&workbook->fault, XLSX_FAULT_BROKEN_CONTENT, "it has no sheet of cells");
	return xlsx_fault_set(&workbook->fault, XLSX_FAULT_UNKNOWN_SHEET, "it has no sheet \"%.100s\"", name);
}

/*
 * Opens a workbook and its sheet of that name (UTF-8; NULL: the first one that is
 * not hidden).  False: see workbook->fault.  To be closed in any case.
 */
bool
xlsx_workbook_open(xlsx_workbook *workbook, const xlsx_input *input, const char *sheet_name)
{
	memset(workbook, 0, sizeof(*workbook));
	workbook->input = *input;
	workbook->sheets.limit = MAX_SHEET_COUNT * sizeof(workbook_sheet);
	workbook->sheet_number = -1;
	xlsx_strings_init(&workbook->strings, &workbook->input.store);
	xlsx_styles_init(&workbook->styles);
	if (!xlsx_archive_open(&workbook->archive, input->data, input->size, &workbook->fault) ||
		!find_workbook(workbook) || !read_workbook(workbook) || !select_sheet(workbook, sheet_name))
		return false;
	if (workbook->styles_part != NULL &&
		!xlsx_styles_read(&workbook->styles, &workbook->archive, workbook->styles_part, input->pause,
						  input->pause_context))
		return false;
	if (workbook->strings_part != NULL &&
		!xlsx_strings_read(&workbook->strings, &workbook->archive, workbook->strings_part, input->pause,
						   input->pause_context))
		return false;
	return xlsx_sheet_open(&workbook->sheet, &workbook->archive, sheets_of(workbook)[workbook->sheet_number].part,
						   &workbook->strings, &workbook->styles, workbook->is_1904, input->max_row_size,
						   input->pause, input->pause_context);
}

/* Reads the next row with something in it.  False at the end, and at a fault: see workbook->fault. */
bool
xlsx_workbook_next(xlsx_workbook *workbook, xlsx_row *row)
{
	return xlsx_sheet_next(&workbook->sheet, row) && workbook->fault.code == XLSX_FAULT_NONE;
}

/* Frees everything, whatever state it is in; does no harm twice. */
void
xlsx_workbook_close(xlsx_workbook *workbook)
{
	xlsx_xml_close(&workbook->xml);
	xlsx_sheet_close(&workbook->sheet);
	xlsx_styles_free(&workbook->styles);
	xlsx_strings_free(&workbook->strings);
	xlsx_archive_close(&workbook->archive);
	for (int i = 0; i < sheet_count(workbook); i++)
		free(sheets_of(workbook)[i].part);
	xlsx_buffer_free(&workbook->sheets);
	free(workbook->workbook_part);
	free(workbook->strings_part);
	free(workbook->styles_part);
	workbook->workbook_part = workbook->strings_part = workbook->styles_part = NULL;
}

/* The name of a sheet (UTF-8) by its number from 0; NULL if there is none. */
const char *
xlsx_workbook_sheet_name(const xlsx_workbook *workbook, int number, bool *is_hidden)
{
	if (number < 0 || number >= sheet_count(workbook))
		return NULL;
	*is_hidden = sheets_of(workbook)[number].is_hidden;
	return sheets_of(workbook)[number].name;
}
