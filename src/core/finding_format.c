/*
 * finding_format.c
 *		Puts the arguments of a finding into its message or tip.
 */
#include "finding.h"

#include <string.h>

/*
 * The placeholder at format, "{1}" to "{9}": its number from 0, or -1 if there
 * is none or no argument for it.
 */
static int
placeholder_argument(const char *format, int argument_count)
{
	int			argument;

	if (format[0] != '{' || format[1] < '1' || format[1] > '9' || format[2] != '}')
		return -1;
	argument = format[1] - '1';
	return argument < argument_count ? argument : -1;
}

/*
 * Writes format with "{1}" replaced by arguments[0] and so on to destination,
 * at most size bytes, the NUL at the end among them.  Like snprintf() it returns
 * the length that the whole text has without the NUL, so that it can be called
 * with (NULL, 0) first.
 *
 * A placeholder without an argument stays as it is, an argument that is NULL
 * counts as empty, and what an argument holds is not looked at again.  A text
 * that is cut may end inside a character.
 */
size_t
finding_format(char *destination, size_t size, const char *format,
			   const char *const *arguments, int argument_count)
{
	size_t		length = 0;

	while (*format != '\0')
	{
		int			argument = placeholder_argument(format, argument_count);
		const char *piece = format;
		size_t		piece_length;

		if (argument >= 0)
		{
			piece = arguments[argument] != NULL ? arguments[argument] : "";
			piece_length = strlen(piece);
			format += 3;
		}
		else
		{
			/* up to where the next one may be */
			piece_length = 1 + strcspn(format + 1, "{");
			format += piece_length;
		}

		if (length < size)
		{
			size_t		room = size - length;

			memcpy(destination + length, piece, piece_length < room ? piece_length : room);
		}
		length += piece_length;
	}
	if (size > 0)
		destination[length < size ? length : size - 1] = '\0';
	return length;
}
