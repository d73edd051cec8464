/*
 * name_fold.c
 *		People's names without regard to case, accents and blanks.
 *
 * Indexes hold what is made here, so it must be the same on every server: case is
 * folded by a table of our own, not by the server's locales, and in every encoding
 * by way of UTF-8.  Characters are decomposed by the server's tables, which follow
 * Unicode: what a character that is assigned becomes does not change.  Characters
 * that a later Unicode assigns will fold otherwise when the server knows them; an
 * index from before misses names in these until it is built again, which costs a
 * warning, not data.  In a database of encoding SQL_ASCII only ASCII is folded.
 *
 * ASCII, and so most names, goes through one loop.  Other characters are looked up
 * in a small cache, for decomposing one costs a microsecond.  Memory is allocated
 * only where a character is not in the cache.
 */
#include "name_fold.h"

#include "catalog/namespace.h"
#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

/* Capitals, each some distance from its small letter: by Unicode 14, CaseFolding.txt, status C. */
static const struct
{
	pg_wchar	first;
	pg_wchar	last;
	int			step;
	int			distance;
}			capitals[] =
{
	{0x00c6, 0x00c6, 1, 32}, {0x00d0, 0x00d0, 1, 32}, {0x00de, 0x00de, 1, 32},
	{0x014a, 0x014a, 1, 1}, {0x0152, 0x0152, 1, 1}, {0x0181, 0x0181, 1, 210},
	{0x0182, 0x0184, 2, 1}, {0x0186, 0x0186, 1, 206}, {0x0187, 0x0187, 1, 1},
	{0x0189, 0x018a, 1, 205}, {0x018b, 0x018b, 1, 1}, {0x018e, 0x018e, 1, 79},
	{0x018f, 0x018f, 1, 202}, {0x0190, 0x0190, 1, 203}, {0x0191, 0x0191, 1, 1},
	{0x0193, 0x0193, 1, 205}, {0x0194, 0x0194, 1, 207}, {0x0196, 0x0196, 1, 211},
	{0x0197, 0x0197, 1, 209}, {0x0198, 0x0198, 1, 1}, {0x019c, 0x019c, 1, 211},
	{0x019d, 0x019d, 1, 213}, {0x019f, 0x019f, 1, 214}, {0x01a2, 0x01a4, 2, 1},
	{0x01a6, 0x01a6, 1, 218}, {0x01a7, 0x01a7, 1, 1}, {0x01a9, 0x01a9, 1, 218},
	{0x01ac, 0x01ac, 1, 1}, {0x01ae, 0x01ae, 1, 218}, {0x01b1, 0x01b2, 1, 217},
	{0x01b3, 0x01b5, 2, 1}, {0x01b7, 0x01b7, 1, 219}, {0x01b8, 0x01b8, 1, 1},
	{0x01bc, 0x01bc, 1, 1}, {0x01e4, 0x01e4, 1, 1}, {0x01f6, 0x01f6, 1, -97},
	{0x01f7, 0x01f7, 1, -56}, {0x021c, 0x021c, 1, 1}, {0x0220, 0x0220, 1, -130},
	{0x0222, 0x0224, 2, 1}, {0x023a, 0x023a, 1, 10795}, {0x023b, 0x023b, 1, 1},
	{0x023d, 0x023d, 1, -163}, {0x023e, 0x023e, 1, 10792}, {0x0241, 0x0241, 1, 1},
	{0x0243, 0x0243, 1, -195}, {0x0244, 0x0244, 1, 69}, {0x0245, 0x0245, 1, 71},
	{0x0246, 0x024e, 2, 1}, {0x0345, 0x0345, 1, 116}, {0x0370, 0x0372, 2, 1},
	{0x0376, 0x0376, 1, 1}, {0x037f, 0x037f, 1, 116}, {0x0391, 0x03a1, 1, 32},
	{0x03a3, 0x03a9, 1, 32}, {0x03c2, 0x03c2, 1, 1}, {0x03cf, 0x03cf, 1, 8},
	{0x03d8, 0x03ee, 2, 1}, {0x03f7, 0x03f7, 1, 1}, {0x03fa, 0x03fa, 1, 1},
	{0x03fd, 0x03ff, 1, -130}, {0x0402, 0x0404, 2, 80}, {0x0405, 0x0406, 1, 80},
	{0x0408, 0x040b, 1, 80}, {0x040f, 0x040f, 1, 80}, {0x0410, 0x0418, 1, 32},
	{0x041a, 0x042f, 1, 32}, {0x0460, 0x0474, 2, 1}, {0x0478, 0x0480, 2, 1},
	{0x048a, 0x04be, 2, 1}, {0x04c0, 0x04c0, 1, 15}, {0x04c3, 0x04cd, 2, 1},
	{0x04d4, 0x04d4, 1, 1}, {0x04d8, 0x04d8, 1, 1}, {0x04e0, 0x04e0, 1, 1},
	{0x04e8, 0x04e8, 1, 1}, {0x04f6, 0x04f6, 1, 1}, {0x04fa, 0x052e, 2, 1},
	{0x0531, 0x0556, 1, 48}, {0x10a0, 0x10c5, 1, 7264}, {0x10c7, 0x10c7, 1, 7264},
	{0x10cd, 0x10cd, 1, 7264}, {0x13f8, 0x13fd, 1, -8}, {0x1c80, 0x1c80, 1, -6222},
	{0x1c81, 0x1c81, 1, -6221}, {0x1c82, 0x1c82, 1, -6212}, {0x1c83, 0x1c84, 1, -6210},
	{0x1c85, 0x1c85, 1, -6211}, {0x1c86, 0x1c86, 1, -6204}, {0x1c87, 0x1c87, 1, -6180},
	{0x1c88, 0x1c88, 1, 35267}, {0x1c90, 0x1cba, 1, -3008}, {0x1cbd, 0x1cbf, 1, -3008},
	{0x1efa, 0x1efe, 2, 1}, {0x2132, 0x2132, 1, 28}, {0x2183, 0x2183, 1, 1},
	{0x2c00, 0x2c2f, 1, 48}, {0x2c60, 0x2c60, 1, 1}, {0x2c62, 0x2c62, 1, -10743},
	{0x2c63, 0x2c63, 1, -3814}, {0x2c64, 0x2c64, 1, -10727}, {0x2c67, 0x2c6b, 2, 1},
	{0x2c6d, 0x2c6d, 1, -10780}, {0x2c6e, 0x2c6e, 1, -10749}, {0x2c6f, 0x2c6f, 1, -10783},
	{0x2c70, 0x2c70, 1, -10782}, {0x2c72, 0x2c72, 1, 1}, {0x2c75, 0x2c75, 1, 1},
	{0x2c7e, 0x2c7f, 1, -10815}, {0x2c80, 0x2ce2, 2, 1}, {0x2ceb, 0x2ced, 2, 1},
	{0x2cf2, 0x2cf2, 1, 1}, {0xa640, 0xa66c, 2, 1}, {0xa680, 0xa69a, 2, 1},
	{0xa722, 0xa72e, 2, 1}, {0xa732, 0xa76e, 2, 1}, {0xa779, 0xa77b, 2, 1},
	{0xa77d, 0xa77d, 1, -35332}, {0xa77e, 0xa786, 2, 1}, {0xa78b, 0xa78b, 1, 1},
	{0xa78d, 0xa78d, 1, -42280}, {0xa790, 0xa792, 2, 1}, {0xa796, 0xa7a8, 2, 1},
	{0xa7aa, 0xa7aa, 1, -42308}, {0xa7ab, 0xa7ab, 1, -42319}, {0xa7ac, 0xa7ac, 1, -42315},
	{0xa7ad, 0xa7ad, 1, -42305}, {0xa7ae, 0xa7ae, 1, -42308}, {0xa7b0, 0xa7b0, 1, -42258},
	{0xa7b1, 0xa7b1, 1, -42282}, {0xa7b2, 0xa7b2, 1, -42261}, {0xa7b3, 0xa7b3, 1, 928},
	{0xa7b4, 0xa7c2, 2, 1}, {0xa7c4, 0xa7c4, 1, -48}, {0xa7c5, 0xa7c5, 1, -42307},
	{0xa7c6, 0xa7c6, 1, -35384}, {0xa7c7, 0xa7c9, 2, 1}, {0xa7d0, 0xa7d0, 1, 1},
	{0xa7d6, 0xa7d8, 2, 1}, {0xa7f5, 0xa7f5, 1, 1}, {0xab70, 0xabbf, 1, -38864},
	{0x10400, 0x10427, 1, 40}, {0x104b0, 0x104d3, 1, 40}, {0x10570, 0x1057a, 1, 39},
	{0x1057c, 0x1058a, 1, 39}, {0x1058c, 0x10592, 1, 39}, {0x10594, 0x10595, 1, 39},
	{0x10c80, 0x10cb2, 1, 64}, {0x118a0, 0x118bf, 1, 32}, {0x16e40, 0x16e5f, 1, 32},
	{0x1e900, 0x1e921, 1, 34}
};

/* Letters with a stroke through them are accented to those who type them, though not to Unicode. */
static const struct
{
	pg_wchar	letter;
	const char *folded;
}			plain_letters[] =
{
	{0x00D8, "o"}, {0x00DF, "ss"}, {0x00F8, "o"}, {0x0110, "d"}, {0x0111, "d"}, {0x0126, "h"},
	{0x0127, "h"}, {0x0131, "i"}, {0x0141, "l"}, {0x0142, "l"}, {0x0166, "t"}, {0x0167, "t"}, {0x1E9E, "ss"}
};

/* What a character becomes, for the characters that names are made of. */
typedef struct CachedCharacter
{
	pg_wchar	character;		/* 0: none */
	uint8		length;
	char		folded[11];
} CachedCharacter;

#define CACHE_SIZE	1024

static CachedCharacter cache[CACHE_SIZE];

/* Unicode's blocks of combining marks: what decomposition leaves of an accent. */
static bool
is_combining_mark(pg_wchar c)
{
	return (c >= 0x0300 && c <= 0x036F) || (c >= 0x1AB0 && c <= 0x1AFF) ||
		(c >= 0x1DC0 && c <= 0x1DFF) || (c >= 0x20D0 && c <= 0x20FF) || (c >= 0xFE20 && c <= 0xFE2F);
}

/* White space as Unicode has it, and what people type for it. */
static bool
is_blank(pg_wchar c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
		(c >= 0x2000 && c <= 0x200D) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
		c == 0x3000 || c == 0xFEFF;
}

static pg_wchar
small_letter(pg_wchar c)
{
	int			low = 0;
	int			high = lengthof(capitals) - 1;

	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (c < capitals[middle].first)
			high = middle - 1;
		else if (c > capitals[middle].last)
			low = middle + 1;
		else
			return (c - capitals[middle].first) % capitals[middle].step == 0 ?
				(pg_wchar) ((int) c + capitals[middle].distance) : c;
	}
	return c;
}

static inline void
append(FoldedName *folded, char byte)
{
	if (folded->length < sizeof(folded->start))
		folded->start[folded->length] = byte;
	folded->length++;
	folded->hash = folded->hash * UINT64CONST(0x9e3779b97f4a7c15) + (unsigned char) byte + 1;
}

/* Appends what becomes of a part of a decomposed character to *buffer; returns its end. */
static char *
fold_part(pg_wchar c, char *buffer)
{
	if (is_combining_mark(c) || is_blank(c))
		return buffer;
	for (size_t i = 0; i < lengthof(plain_letters); i++)
		if (plain_letters[i].letter == c)
		{
			strcpy(buffer, plain_letters[i].folded);
			return buffer + strlen(buffer);
		}
	unicode_to_utf8(small_letter(c), (unsigned char *) buffer);
	return buffer + pg_utf_mblen((unsigned char *) buffer);
}

static void
append_character(FoldedName *folded, pg_wchar c)
{
	CachedCharacter *cached = &cache[c % CACHE_SIZE];

	if (cached->character != c)
	{
		pg_wchar	input[2] = {c, 0};
		pg_wchar   *decomposed = unicode_normalize(UNICODE_NFKD, input);
		char		buffer[32 * MAX_UNICODE_EQUIVALENT_STRING];	/* the longest has 18 characters */
		char	   *end = buffer;

		for (const pg_wchar *part = decomposed; *part != 0 && end < buffer + sizeof(buffer) - 8; part++)
			end = fold_part(*part, end);
		pfree(decomposed);
		if (end - buffer > (int) sizeof(cached->folded))
		{
			for (char *byte = buffer; byte < end; byte++)
				append(folded, *byte);
			return;
		}
		cached->character = 0;
		cached->length = (uint8) (end - buffer);
		memcpy(cached->folded, buffer, end - buffer);
		cached->character = c;
	}
	for (int i = 0; i < cached->length; i++)
		append(folded, cached->folded[i]);
}

static void
fold_utf8(FoldedName *folded, const unsigned char *byte, const unsigned char *end)
{
	while (byte < end)
	{
		int			length = pg_utf_mblen(byte);

		if (length == 1)
		{
			if (!is_blank(*byte))
				append(folded, (char) small_letter(*byte));
		}
		else if (byte + length > end)
			break;				/* not valid UTF-8: only of a forged value */
		else
			append_character(folded, utf8_to_unicode(byte));
		byte += length;
	}
}

/* Appends bytes that are no Unicode, as they are but for ASCII. */
static void
append_bytes(FoldedName *folded, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (IS_HIGHBIT_SET(bytes[i]) || !is_blank((unsigned char) bytes[i]))
			append(folded, IS_HIGHBIT_SET(bytes[i]) ? bytes[i] : (char) small_letter((unsigned char) bytes[i]));
}

/*
 * Folds a name that is not in UTF-8.  Characters that Unicode does not have stay as
 * they are: such a name must not fail to be stored.
 */
static void
fold_other_encoding(FoldedName *folded, const char *name, size_t length)
{
	int			encoding = GetDatabaseEncoding();
	Oid			conversion = FindDefaultConversionProc(encoding, PG_UTF8);
	unsigned char converted[256 * MAX_CONVERSION_GROWTH];

	if (!OidIsValid(conversion))
	{
		append_bytes(folded, name, length);
		return;
	}
	while (length > 0)
	{
		/* at most as much as there is room for, and up to what cannot be converted */
		int			done = pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8,
														 (unsigned char *) unconstify(char *, name),
														 (int) length, converted, sizeof(converted), true);

		if (done > 0)
			fold_utf8(folded, converted, converted + strlen((char *) converted));
		else
		{
			done = (int) Min(length, (size_t) pg_encoding_mblen(encoding, name));
			append_bytes(folded, name, done);
		}
		name += done;
		length -= done;
	}
}

/* Folds a name, which is in the database's encoding. */
void
name_fold(FoldedName *folded, const char *name, size_t length)
{
	size_t		i;

	folded->hash = 0;
	folded->length = 0;
	for (i = 0; i < length && !IS_HIGHBIT_SET(name[i]); i++)
		if (name[i] != ' ' && !(name[i] >= '\t' && name[i] <= '\r'))
			append(folded, name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
	if (i == length)
		return;

	name += i;
	length -= i;
	if (GetDatabaseEncoding() == PG_UTF8)
		fold_utf8(folded, (const unsigned char *) name, (const unsigned char *) name + length);
	else if (GetDatabaseEncoding() == PG_SQL_ASCII)
		append_bytes(folded, name, length);
	else
		fold_other_encoding(folded, name, length);
}
