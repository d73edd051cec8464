/*
 * csv_encoding.c
 *		Turns the bytes of a CSV stream into UTF-8.
 *
 * The decoder stands between the source and the rest of the reader, which sees
 * nothing but valid UTF-8 without NUL.  The stream's encoding is
 *
 *	UTF-16		if its first block looks like that, see csv_detect.c;
 *	UTF-8		else, until a byte comes that is no UTF-8;
 *	Windows-1252	from there on, if all before was ASCII: then nothing was read
 *				wrongly so far.  What spreadsheets save as "CSV" is that.
 *
 * A byte that is no UTF-8 behind a valid character of several bytes (a byte
 * order mark is one) means that a UTF-8 file is broken, and is a fault.  So are a
 * NUL, half a surrogate pair, half a character at the end of UTF-16, and the five
 * bytes that Windows-1252 leaves undefined: with those, the file is in some other
 * encoding (0x81 is u umlaut in the old code pages of DOS).
 *
 * At a fault the decoder ends the stream, and what is wrong stands in its field
 * "fault".  So whoever comes to the end of the stream inside a record knows why,
 * and needs no second look at all bytes.
 *
 * UTF-8 is read straight into the caller's buffer and only checked there, sixteen
 * bytes at a time.  The others are read into a block of the decoder's own.
 *
 * Positions in the original stream need no table: a character of UTF-8 tells how
 * long it was in the original, so csv_encoded_length() counts back exactly.
 */
#include "csv_encoding.h"

#include <string.h>

#include "byte_block.h"
#include "csv_detect.h"

#define UNDEFINED			0

/* Why a check of UTF-8 stopped. */
typedef enum check_result
{
	CHECK_VALID,
	CHECK_CUT,					/* the text ends inside a character */
	CHECK_NUL,
	CHECK_INVALID
} check_result;

/* Windows-1252, 0x80 to 0x9F; all other bytes are as in Unicode (unicode.org, CP1252.TXT). */
static const uint16_t windows_1252[32] = {
	0x20AC, UNDEFINED, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
	0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, UNDEFINED, 0x017D, UNDEFINED,
	UNDEFINED, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, UNDEFINED, 0x017E, 0x0178
};

/* Makes a decoder of a source, which is not touched before the first read. */
void
csv_decoder_open(csv_decoder *decoder, const csv_allocator *allocator, csv_source source,
				 void *source_context)
{
	memset(decoder, 0, sizeof(csv_decoder));
	decoder->allocator = *allocator;
	decoder->source = source;
	decoder->source_context = source_context;
	decoder->encoding = CSV_ENCODING_UTF8;
	decoder->fault = CSV_FAULT_NONE;
}

/* Frees what the decoder has allocated.  The source stays open. */
void
csv_decoder_close(csv_decoder *decoder)
{
	if (decoder->pending != NULL)
		decoder->allocator.release(decoder->allocator.context, decoder->pending);
	decoder->pending = NULL;
}

/* The name of an encoding, as PostgreSQL would spell it; static. */
const char *
csv_encoding_name(csv_encoding encoding)
{
	static const char *const names[] = {
		[CSV_ENCODING_UTF8] = "UTF8",
		[CSV_ENCODING_UTF16LE] = "UTF16LE",
		[CSV_ENCODING_UTF16BE] = "UTF16BE",
		[CSV_ENCODING_WIN1252] = "WIN1252"
	};

	return names[encoding];
}

/* How many bytes this text, valid UTF-8, takes in that encoding. */
int64_t
csv_encoded_length(csv_encoding encoding, const char *utf8, size_t length)
{
	int64_t		characters = 0;
	int64_t		surrogate_pairs = 0;
	size_t		i;

	if (encoding == CSV_ENCODING_UTF8)
		return (int64_t) length;
	for (i = 0; i < length; i++)
	{
		unsigned char byte = (unsigned char) utf8[i];

		characters += (byte & 0xC0) != 0x80;
		surrogate_pairs += byte >= 0xF0;
	}
	return encoding == CSV_ENCODING_WIN1252 ? characters : 2 * (characters + surrogate_pairs);
}

/* Asks the source for up to size bytes; 0 is the end, and stays so. */
static size_t
read_source(csv_decoder *decoder, void *buffer, size_t size)
{
	size_t		count;

	if (decoder->source_ended)
		return 0;
	count = decoder->source(decoder->source_context, buffer, size);
	decoder->bytes_read += (int64_t) count;
	decoder->source_ended = (count == 0);
	return count;
}

/*
 * The length of the UTF-8 sequence that begins here, 0 if it is none (Unicode
 * 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).  One
 * that is right as far as it goes but cut off by the end has length + 1.
 */
static inline size_t
sequence_length(const unsigned char *text, size_t length)
{
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t		expected;
	size_t		i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xC2 || text[0] > 0xF4)
		return 0;
	expected = text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;

	if (text[0] == 0xE0)
		low = 0xA0;
	else if (text[0] == 0xED)
		high = 0x9F;
	else if (text[0] == 0xF0)
		low = 0x90;
	else if (text[0] == 0xF4)
		high = 0x8F;

	for (i = 1; i < expected; i++)
	{
		if (i == length)
			return length + 1;
		if (text[i] < low || text[i] > high)
			return 0;
		low = 0x80;
		high = 0xBF;
	}
	return expected;
}

/*
 * How many bytes from the text's beginning are ASCII other than NUL; may stop a
 * few bytes short of the text's end.
 */
static inline size_t
skip_ascii(const unsigned char *text, size_t length)
{
	size_t		i = 0;

	for (; length - i >= BYTE_BLOCK; i += BYTE_BLOCK)
	{
		unsigned int unusual = byte_block_find_unusual(text + i);

		if (unusual != 0)
			return i + byte_block_first(unusual);
	}
	return i;
}

/* Looks for the first byte that is not UTF-8 or is NUL; *position tells where. */
static check_result
check_utf8(const unsigned char *text, size_t length, size_t *position, bool *has_multibyte)
{
	size_t		i = 0;
	size_t		sequence;

	for (;;)
	{
		i += skip_ascii(text + i, length - i);
		*position = i;
		if (i == length)
			return CHECK_VALID;
		if (text[i] == '\0')
			return CHECK_NUL;
		sequence = sequence_length(text + i, length - i);
		if (sequence == 0)
			return CHECK_INVALID;
		if (sequence > length - i)
			return CHECK_CUT;
		if (sequence > 1)
			*has_multibyte = true;
		i += sequence;
	}
}

/* Goes over to another encoding than UTF-8, in which these bytes are the next to decode. */
static void
start_decoding(csv_decoder *decoder, csv_encoding encoding, const void *bytes, size_t length)
{
	decoder->encoding = encoding;
	decoder->pending = decoder->allocator.resize(decoder->allocator.context, NULL, CSV_BLOCK_SIZE);
	memcpy(decoder->pending, bytes, length);
	decoder->pending_start = 0;
	decoder->pending_end = length;
}

/*
 * Reads UTF-8 to the buffer.  The first block is filled as far as it goes, to
 * find out the encoding; if it is another, or turns out to be, gives what came
 * before and leaves the rest pending.
 */
static size_t
read_utf8(csv_decoder *decoder, char *buffer, size_t size)
{
	size_t		length = decoder->carry_length;
	size_t		count;
	size_t		position;
	check_result check;

	memcpy(buffer, decoder->carry, length);
	decoder->carry_length = 0;
	do
	{
		count = read_source(decoder, buffer + length, size - length);
		length += count;
	} while (!decoder->begun && count > 0 && length < size);

	if (!decoder->begun)
	{
		csv_encoding encoding = csv_detect_encoding((unsigned char *) buffer, length);

		decoder->begun = true;
		decoder->fault = csv_detect_other_kind((unsigned char *) buffer, length);
		if (decoder->fault != CSV_FAULT_NONE)
			return 0;
		if (encoding != CSV_ENCODING_UTF8)
		{
			start_decoding(decoder, encoding, buffer, length);
			return 0;
		}
	}

	check = check_utf8((unsigned char *) buffer, length, &position, &decoder->has_multibyte);
	if (check == CHECK_CUT && !decoder->source_ended)
	{
		decoder->carry_length = length - position;
		memcpy(decoder->carry, buffer + position, decoder->carry_length);
		return position;
	}
	switch (check)
	{
		case CHECK_VALID:
			break;
		case CHECK_CUT:
		case CHECK_INVALID:
			if (decoder->has_multibyte)
				decoder->fault = CSV_FAULT_NOT_UTF8;
			else
				start_decoding(decoder, CSV_ENCODING_WIN1252, buffer + position, length - position);
			break;
		case CHECK_NUL:
			decoder->fault = CSV_FAULT_NUL_BYTE;
			break;
	}
	return position;
}

/* Gets more bytes behind those that are pending.  False: the source has ended. */
static bool
fill_pending(csv_decoder *decoder)
{
	size_t		count;

	memmove(decoder->pending, decoder->pending + decoder->pending_start,
			decoder->pending_end - decoder->pending_start);
	decoder->pending_end -= decoder->pending_start;
	decoder->pending_start = 0;
	count = read_source(decoder, decoder->pending + decoder->pending_end,
						CSV_BLOCK_SIZE - decoder->pending_end);
	decoder->pending_end += count;
	return count > 0;
}

/* Writes a character as UTF-8 and returns its length. */
static size_t
write_character(char *buffer, uint32_t character)
{
	if (character < 0x80)
	{
		buffer[0] = (char) character;
		return 1;
	}
	if (character < 0x800)
	{
		buffer[0] = (char) (0xC0 | character >> 6);
		buffer[1] = (char) (0x80 | (character & 0x3F));
		return 2;
	}
	if (character < 0x10000)
	{
		buffer[0] = (char) (0xE0 | character >> 12);
		buffer[1] = (char) (0x80 | (character >> 6 & 0x3F));
		buffer[2] = (char) (0x80 | (character & 0x3F));
		return 3;
	}
	buffer[0] = (char) (0xF0 | character >> 18);
	buffer[1] = (char) (0x80 | (character >> 12 & 0x3F));
	buffer[2] = (char) (0x80 | (character >> 6 & 0x3F));
	buffer[3] = (char) (0x80 | (character & 0x3F));
	return 4;
}

/* Decodes pending Windows-1252 to the buffer. */
static size_t
read_windows_1252(csv_decoder *decoder, char *buffer, size_t size)
{
	size_t		written = 0;

	while (size - written >= CSV_DECODER_MIN_ROOM)
	{
		unsigned char byte;
		uint32_t	character;
		size_t		room = size - written;
		size_t		available = decoder->pending_end - decoder->pending_start;
		size_t		ascii = skip_ascii(decoder->pending + decoder->pending_start,
									   available < room ? available : room);

		memcpy(buffer + written, decoder->pending + decoder->pending_start, ascii);
		written += ascii;
		decoder->pending_start += ascii;
		if (size - written < CSV_DECODER_MIN_ROOM)
			break;
		if (decoder->pending_start == decoder->pending_end)
		{
			/* what there is can be worked on while the next block comes */
			if (written > 0 || !fill_pending(decoder))
				break;
			continue;
		}

		byte = decoder->pending[decoder->pending_start];
		character = (byte >= 0x80 && byte < 0xA0) ? windows_1252[byte - 0x80] : byte;
		if (character == 0)
		{
			decoder->fault = (byte == 0) ? CSV_FAULT_NUL_BYTE : CSV_FAULT_NOT_UTF8;
			break;
		}
		written += write_character(buffer + written, character);
		decoder->pending_start++;
	}
	return written;
}

/* Decodes pending UTF-16 to the buffer (Unicode 15, table 3-5). */
static size_t
read_utf16(csv_decoder *decoder, char *buffer, size_t size)
{
	int			high = (decoder->encoding == CSV_ENCODING_UTF16LE) ? 1 : 0;
	size_t		written = 0;

	while (size - written >= CSV_DECODER_MIN_ROOM)
	{
		const unsigned char *next = decoder->pending + decoder->pending_start;
		size_t		available = decoder->pending_end - decoder->pending_start;
		uint32_t	character = 0;
		size_t		taken = 2;

		if (available >= 2)
			character = (uint32_t) next[high] << 8 | next[1 - high];
		if (character >= 0xD800 && character < 0xDC00)
			taken = 4;
		if (available < taken)
		{
			if (fill_pending(decoder))
				continue;
			if (available > 0)
				decoder->fault = CSV_FAULT_NOT_UTF8;
			break;
		}

		if (taken == 4 && (next[2 + high] & 0xFC) == 0xDC)
			character = 0x10000 + ((character & 0x3FF) << 10) +
				((uint32_t) (next[2 + high] & 0x03) << 8 | next[3 - high]);
		else if (character >= 0xD800 && character < 0xE000)
			decoder->fault = CSV_FAULT_NOT_UTF8;
		else if (character == 0)
			decoder->fault = CSV_FAULT_NUL_BYTE;
		if (decoder->fault != CSV_FAULT_NONE)
			break;
		written += write_character(buffer + written, character);
		decoder->pending_start += taken;
	}
	return written;
}

/*
 * Fills buffer with up to size bytes of valid UTF-8, whole characters, a byte
 * order mark included, and returns how many.  size is at least
 * CSV_DECODER_MIN_ROOM, and CSV_BLOCK_SIZE at the first call.  0 is the end: of
 * the source, or if decoder->fault is set, of what could be decoded.
 */
size_t
csv_decoder_read(csv_decoder *decoder, char *buffer, size_t size)
{
	size_t		count = 0;

	if (size > CSV_BLOCK_SIZE)
		size = CSV_BLOCK_SIZE;
	/* UTF-8 gives nothing, without an end, where all is a cut character or another encoding */
	while (count == 0 && decoder->fault == CSV_FAULT_NONE)
	{
		if (decoder->encoding == CSV_ENCODING_UTF8)
		{
			count = read_utf8(decoder, buffer, size);
			if (decoder->source_ended && decoder->encoding == CSV_ENCODING_UTF8)
				break;
			continue;
		}
		if (decoder->encoding == CSV_ENCODING_WIN1252)
			count = read_windows_1252(decoder, buffer, size);
		else
			count = read_utf16(decoder, buffer, size);
		break;
	}
	return count;
}
