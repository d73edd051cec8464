/*
 * import_text.c
 *		Text of a file as findings and tables have it, and what it was meant to be.
 *
 * Files are UTF-8 once they are read; everything else of an import is in the
 * database's encoding.
 */
#include "import.h"

#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

/* A name farther than this from what was meant is not suggested. */
#define MAX_SUGGESTION_DISTANCE	4

/*
 * Text of the file in the database's encoding, palloc'd; NULL if it has a
 * character that the database cannot hold.
 */
char *
import_text(const char *text, size_t length)
{
	char	   *converted;
	Oid			procedure;
	int			capacity;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return pnstrdup(text, length);

	procedure = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
	if (!OidIsValid(procedure) || length > MaxAllocSize / MAX_CONVERSION_GROWTH - 1)
		return NULL;
	capacity = (int) length * MAX_CONVERSION_GROWTH + 1;
	converted = palloc(capacity);
	if (pg_do_encoding_conversion_buf(procedure, PG_UTF8, GetDatabaseEncoding(),
									  (unsigned char *) unconstify(char *, text), (int) length,
									  (unsigned char *) converted, capacity, true) != (int) length)
		return NULL;
	return converted;
}

/* The same for messages: a question mark stands for each character that the database cannot hold. */
char *
import_text_shown(const char *text, size_t length)
{
	char	   *whole = import_text(text, length);
	StringInfoData shown;

	if (whole != NULL)
		return whole;
	initStringInfo(&shown);
	while (length > 0)
	{
		size_t		size = Min((size_t) pg_utf_mblen((const unsigned char *) text), length);
		char	   *character = import_text(text, size);

		appendStringInfoString(&shown, character ? character : "?");
		text += size;
		length -= size;
	}
	return shown.data;
}

/*
 * A sentence that suggests the one of the known names that is nearest to what
 * was given, or an empty string if none is near; palloc'd.
 */
char *
import_suggestion(const char *given, const char *const *known, int count)
{
	const char *nearest = NULL;
	int			distance = Min(MAX_SUGGESTION_DISTANCE, (int) strlen(given) / 3) + 1;

	/* the server's function takes no more */
	if (strlen(given) > 255)
		return pstrdup("");
	for (int i = 0; i < count; i++)
	{
		int			this_distance;

		if (strlen(known[i]) > 255)
			continue;
		this_distance = varstr_levenshtein_less_equal(given, (int) strlen(given), known[i], (int) strlen(known[i]),
													  1, 1, 1, distance, true);
		if (this_distance < distance)
		{
			distance = this_distance;
			nearest = known[i];
		}
	}
	return nearest ? psprintf(" Perhaps you meant \"%s\".", nearest) : pstrdup("");
}

/* The same sentence as import_suggestion(), of the groups that the account has or the file makes. */
char *
import_suggest_group(const Import *import, const char *given)
{
	const char **known = palloc(sizeof(char *) * Max(import->group_count, 1));
	int			count = 0;

	for (int i = 0; i < import->group_count; i++)
		if (!import_group_is_missing(import, i))
			known[count++] = import->groups[i].name;
	return import_suggestion(given, known, count);
}
