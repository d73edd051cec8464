/*
 * csv_detect.c
 *		What a stream that begins with these bytes seems to be.
 *
 * UTF-16, if it begins with its byte order mark, or else if more than half of the
 * first block's characters have a NUL for one half, always the same: an org-sync
 * file is mostly ASCII, headers and addresses.
 *
 * A stream that begins like a compressed file or a workbook is not decoded at
 * all: its bytes may well pass for Windows-1252 as far as the first fault, and then
 * that would say nothing of what is wrong.
 */
#include "csv_detect.h"

#include <string.h>

/* What a stream that begins with this block seems to be encoded in: UTF-16 or else UTF-8. */
csv_encoding
csv_detect_encoding(const unsigned char *block, size_t length)
{
	size_t		pairs = length / 2;
	size_t		nul_first = 0;
	size_t		nul_second = 0;
	size_t		i;

	if (length >= 2 && block[0] == 0xFF && block[1] == 0xFE)
		return CSV_ENCODING_UTF16LE;
	if (length >= 2 && block[0] == 0xFE && block[1] == 0xFF)
		return CSV_ENCODING_UTF16BE;

	/* the usual file has no NUL at all */
	if (length == 0 || memchr(block, '\0', length) == NULL)
		return CSV_ENCODING_UTF8;
	for (i = 0; i < pairs; i++)
	{
		nul_first += (block[2 * i] == '\0');
		nul_second += (block[2 * i + 1] == '\0');
	}
	/* in the other half a NUL is rare: U+0100, U+4E00 and the like */
	if (nul_second > pairs / 2 && nul_first <= nul_second / 8)
		return CSV_ENCODING_UTF16LE;
	if (nul_first > pairs / 2 && nul_second <= nul_first / 8)
		return CSV_ENCODING_UTF16BE;
	return CSV_ENCODING_UTF8;
}

/*
 * The fault of a stream that begins with this block and is another kind of file
 * (RFC 1952, PKWARE's APPNOTE 4.3.7, [MS-CFB] 2.2), or CSV_FAULT_NONE; no text begins
 * with these bytes.
 */
csv_fault_code
csv_detect_other_kind(const unsigned char *block, size_t length)
{
	static const struct
	{
		csv_fault_code fault;
		size_t		length;
		const char *bytes;
	}			beginnings[] = {
		{CSV_FAULT_GZIP, 3, "\x1F\x8B\x08"},
		{CSV_FAULT_ZIP, 4, "PK\x03\x04"},
		{CSV_FAULT_OLD_WORKBOOK, 8, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"}
	};
	size_t		i;

	for (i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
	{
		if (length >= beginnings[i].length &&
			memcmp(block, beginnings[i].bytes, beginnings[i].length) == 0)
			return beginnings[i].fault;
	}
	return CSV_FAULT_NONE;
}
