/*
 * group_list.c
 *		The cell that limits a permission to groups.
 *
 * The vendor's text separates groups by a space ("group:Group1 group:Group2");
 * its table prints "group:sample; groupone; group:sample; grouptwo" for the
 * groups "sample groupone" and "sample grouptwo".  Both are read by one rule:
 *
 * - A ';' counts as a blank (cell.c has the others).
 * - An item begins at every "group:", in any case, at the start or after a
 *	 blank.  The text up to the next item, with runs of blanks as one space and
 *	 none at its ends, is one name.
 * - Text before the first item, an item without a name and control characters
 *	 inside a name make the cell invalid.
 *
 * Nothing is allocated: names are written into the caller's buffer.
 */
#include "group_list.h"

#include <string.h>

#include "ascii_case.h"
#include "cell.h"

#define ITEM			"group:"
#define ITEM_LENGTH		(sizeof(ITEM) - 1)

/* How many bytes the blank at text takes, 0 if there is none. */
static size_t
blank_length(const char *text, const char *end)
{
	if (text < end && *text == ';')
		return 1;
	return cell_blank_length(text, (size_t) (end - text));
}

/* The first byte at or after text that is no blank, or end. */
static const char *
skip_blanks(const char *text, const char *end)
{
	size_t		blank;

	while ((blank = blank_length(text, end)) > 0)
		text += blank;
	return text;
}

/* Whether an item begins at text, which is the start or follows a blank. */
static bool
item_begins(const char *text, const char *end)
{
	return (size_t) (end - text) >= ITEM_LENGTH && ascii_case_same(text, ITEM, ITEM_LENGTH);
}

/* The first byte at or after text that is a blank, or end. */
static const char *
skip_word(const char *text, const char *end)
{
	while (text < end && blank_length(text, end) == 0)
		text++;
	return text;
}

/* Whether the words between text and end are just that one, in any case. */
static bool
is_word(const char *text, const char *end, const char *word)
{
	const char *word_end = skip_word(text, end);

	return skip_blanks(word_end, end) == end &&
		ascii_case_equal(text, (size_t) (word_end - text), word, strlen(word));
}

/*
 * Copies the name at the walk's position, blanks collapsed, and moves on to the
 * next item.  name may be NULL.  Returns the name's length, 0 if it is empty;
 * *has_control says whether a control character is in it.
 */
static size_t
take_name(group_list *list, char *name, bool *has_control)
{
	const char *text = skip_blanks(list->next + ITEM_LENGTH, list->end);
	const char *at_item = list->next + ITEM_LENGTH;
	size_t		length = 0;

	*has_control = false;
	while (text < list->end && !(text > at_item && item_begins(text, list->end)))
	{
		const char *word_end = skip_word(text, list->end);
		size_t		word_length = (size_t) (word_end - text);

		if (length > 0)
		{
			if (name != NULL)
				name[length] = ' ';
			length++;
		}
		if (name != NULL)
			memcpy(name + length, text, word_length);
		length += word_length;
		if (cell_has_control_character(text, word_length))
			*has_control = true;
		text = skip_blanks(word_end, list->end);
	}
	list->next = text;
	return length;
}

/*
 * What a permission's cell says.  For GROUP_LIST_GROUPS every name of the list
 * is there and usable, and group_list_begin() and group_list_next() give them.
 */
group_list_kind
group_list_classify(const char *cell, size_t length)
{
	group_list	list;
	bool		has_control;

	group_list_begin(&list, cell, length);
	if (list.next == list.end)
		return GROUP_LIST_EMPTY;
	if (is_word(list.next, list.end, "yes"))
		return GROUP_LIST_YES;
	if (is_word(list.next, list.end, "no"))
		return GROUP_LIST_NO;
	if (!item_begins(list.next, list.end))
		return GROUP_LIST_INVALID;
	while (list.next < list.end)
	{
		if (take_name(&list, NULL, &has_control) == 0 || has_control)
			return GROUP_LIST_INVALID;
	}
	return GROUP_LIST_GROUPS;
}

/*
 * Begins a walk over the names of a cell that group_list_classify() calls
 * GROUP_LIST_GROUPS.  The cell must outlive the walk.
 */
void
group_list_begin(group_list *list, const char *cell, size_t length)
{
	list->end = cell + length;
	list->next = skip_blanks(cell, list->end);
}

/*
 * The next name, with runs of blanks as one space, is written to name, which
 * has room for as many bytes as the cell has; it is not NUL-terminated.  Names
 * come as they stand, those that are there twice twice.  Returns false at the
 * end.
 */
bool
group_list_next(group_list *list, char *name, size_t *name_length)
{
	bool		has_control;

	if (list->next == list->end || !item_begins(list->next, list->end))
		return false;
	*name_length = take_name(list, name, &has_control);
	return true;
}
