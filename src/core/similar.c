/*
 * similar.c
 *		How near two e-mail addresses are, and the keys by which near ones are found.
 *
 * A step is what a slip of the finger does: one character more, one less, one
 * other (but not the only one that is no digit: e1 and f1 have nothing in common),
 * or two neighbours swapped.  Texts that are one step apart are found in
 * three ways, by hashes only; who finds them must compare them.
 *
 *	- All texts that are one step away are listed, and each is looked up.  Some 75
 *	  times the length, but nothing has to be prepared: similar_variants().
 *	- Each text has as keys itself and what is left of it when one character is
 *	  taken out: whenever two texts are one step apart, they have a key in common.
 *	  For many texts in memory: similar_neighbour_keys().
 *	- A step leaves the first or the second half of a text as it is: see
 *	  similar_half.c.  For a few addresses among many.
 *
 * The hash of a text is a polynomial, so that the hash of a text with a step in
 * it follows from the hashes of the parts before and behind.  The hashes stand in
 * indexes: they must not change.
 */
#include "similar.h"

#include <string.h>

#include "similar_character.h"

#define BASE		UINT64_C(0x9e3779b97f4a7c15)
#define SEED_DOMAIN UINT64_C(0xd6e8feb86659fd93)

#define MAX_TEXT	EMAIL_MAX_LENGTH

/* So many bytes of a local part begin its key. */
#define START_LENGTH	4

static inline bool
is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* ---- hashes ---- */

/* The polynomial of a text. */
uint64_t
similar_hash(const char *text, size_t length)
{
	uint64_t	hash = 0;
	size_t		i;

	for (i = 0; i < length; i++)
		hash = hash * BASE + (unsigned char) text[i] + 1;
	return hash;
}

/* Two numbers as one, every bit of which depends on every bit of them. */
uint64_t
similar_mix(uint64_t a, uint64_t b)
{
	uint64_t	h = a + b * BASE + (b >> 32);

	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

/* The hash of an address, by those of its canonical local part and of its domain. */
uint64_t
similar_address_hash(uint64_t local_hash, uint64_t domain_hash)
{
	return similar_mix(local_hash, domain_hash ^ SEED_DOMAIN);
}

/*
 * The first bytes of a text with a step in it: those before one place, some others,
 * and those from another place on.
 */
static uint32_t
start_with(const char *text, size_t length, size_t before, const char *others, size_t count, size_t behind)
{
	uint32_t	start = 0;
	size_t		i;

	for (i = 0; i < START_LENGTH; i++)
	{
		unsigned char byte = 0;

		if (i < before)
			byte = (unsigned char) text[i];
		else if (i < before + count)
			byte = (unsigned char) others[i - before];
		else if (behind + (i - before - count) < length)
			byte = (unsigned char) text[behind + (i - before - count)];
		start = start << 8 | byte;
	}
	return start;
}

/* The first bytes of a text as a number. */
uint32_t
similar_start(const char *text, size_t length)
{
	return start_with(text, length, 0, NULL, 0, 0);
}

/*
 * The key of an address in an index: the start of the local part, then the hash.
 * Whoever looks up all addresses that are a step away from one so meets most of
 * them in a few places of the index, in memory that was read just before.
 */
uint64_t
similar_address_key_of_hashes(uint32_t start, uint64_t local_hash, uint64_t domain_hash)
{
	return (uint64_t) start << 32 | similar_address_hash(local_hash, domain_hash) >> 32;
}

/* The same, of the address's local part at a domain. */
uint64_t
similar_address_key(const similar_address *address, const char *domain, size_t domain_length)
{
	return similar_address_key_of_hashes(similar_start(address->local, address->local_length),
										 address->local_hash, similar_hash(domain, domain_length));
}

/* The parts of a text: the hashes of all beginnings and ends, and the powers that join them. */
typedef struct parts
{
	size_t		length;
	uint64_t	before[MAX_TEXT + 1];	/* the first i bytes */
	uint64_t	behind[MAX_TEXT + 1];	/* from byte i on */
	uint64_t	power[MAX_TEXT + 1];
} parts;

static void
parts_read(parts *p, const char *text, size_t length)
{
	size_t		i;

	p->length = length;
	p->before[0] = p->behind[length] = 0;
	p->power[0] = 1;
	for (i = 0; i < length; i++)
	{
		p->before[i + 1] = p->before[i] * BASE + (unsigned char) text[i] + 1;
		p->power[i + 1] = p->power[i] * BASE;
	}
	for (i = length; i > 0; i--)
		p->behind[i - 1] = p->behind[i] + ((unsigned char) text[i - 1] + UINT64_C(1)) * p->power[length - i];
}

/* The hash of the bytes before one place and those from another on. */
static inline uint64_t
parts_join(const parts *p, size_t before, size_t behind)
{
	return p->before[before] * p->power[p->length - behind] + p->behind[behind];
}

/* The same with a character of one byte in between. */
static inline uint64_t
parts_join_with(const parts *p, size_t before, char byte, size_t behind)
{
	return (p->before[before] * BASE + (unsigned char) byte + 1) * p->power[p->length - behind] +
		p->behind[behind];
}

/* ---- addresses ---- */

/* The digits of a local part, in their order, as a number. */
uint64_t
similar_digits(const char *local, size_t length)
{
	uint64_t	digits = 0;
	size_t		i;

	for (i = 0; i < length; i++)
		if (is_digit(local[i]))
			digits = digits * 11 + (uint64_t) (local[i] - '0') + 1;
	return digits;
}

/*
 * Reads an address into *result, which points into the buffer, of EMAIL_MAX_LENGTH
 * bytes.  What is longer than addresses can be is cut.
 */
void
similar_address_read(similar_address *result, const char *address, size_t length, char *buffer)
{
	if (length > EMAIL_MAX_LENGTH)
		length = EMAIL_MAX_LENGTH;
	length = email_canonical(address, length, buffer);
	result->local = buffer;
	result->local_length = email_local_part_length(buffer, length);
	result->domain = buffer + result->local_length;
	result->domain_length = length - result->local_length;
	if (result->domain_length > 0)	/* the at sign */
	{
		result->domain++;
		result->domain_length--;
	}
	result->local_hash = similar_hash(result->local, result->local_length);
	result->digits = similar_digits(result->local, result->local_length);
}

/* Is there a character besides the digits and the one that is another? */
static bool
keeps_a_letter(const uint32_t *characters, size_t length, size_t other)
{
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (i != other && (characters[i] < '0' || characters[i] > '9'))
			return true;
	}
	return false;
}

/* The same for characters that were taken apart. */
static bool
one_step_of_characters(const uint32_t *a, size_t a_length, const uint32_t *b, size_t b_length)
{
	size_t		shorter = a_length < b_length ? a_length : b_length;
	size_t		same_before = 0;
	size_t		same_behind = 0;

	while (same_before < shorter && a[same_before] == b[same_before])
		same_before++;
	while (same_behind < shorter - same_before &&
		   a[a_length - 1 - same_behind] == b[b_length - 1 - same_behind])
		same_behind++;
	if (a_length != b_length)
		return same_before + same_behind == shorter &&
			(a_length == b_length + 1 || b_length == a_length + 1);
	switch (a_length - same_before - same_behind)
	{
		case 1:
			return keeps_a_letter(a, a_length, same_before);
		case 2:
			return a[same_before] == b[same_before + 1] && a[same_before + 1] == b[same_before];
		default:
			return false;
	}
}

static size_t
take_apart(const char *text, size_t length, uint32_t *characters)
{
	size_t		count = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (count == 0 || similar_begins_character(text[i]))
			characters[count++] = (unsigned char) text[i];
		else
			characters[count - 1] = characters[count - 1] << 8 | (unsigned char) text[i];
	}
	return count;
}

/* Is each character one byte? */
static bool
is_ascii(const char *text, size_t length)
{
	unsigned char all = 0;
	size_t		i;

	for (i = 0; i < length; i++)
		all |= (unsigned char) text[i];
	return all < 0x80;
}

/* The bytes of the longer text without what both have at their beginnings and at their ends. */
static size_t
bytes_between(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		shorter = a_length < b_length ? a_length : b_length;
	size_t		longer = a_length < b_length ? b_length : a_length;
	size_t		before = 0;
	size_t		behind = 0;

	while (before < shorter && a[before] == b[before])
		before++;
	while (behind < shorter - before && a[a_length - 1 - behind] == b[b_length - 1 - behind])
		behind++;
	return longer - before - behind;
}

/*
 * Does one step lead from one text to the other?  Equal ones are none apart.
 * Neither may be longer than an address.
 */
bool
similar_one_step(const char *a, size_t a_length, const char *b, size_t b_length)
{
	uint32_t	a_characters[MAX_TEXT];
	uint32_t	b_characters[MAX_TEXT];
	size_t		difference = a_length > b_length ? a_length - b_length : b_length - a_length;

	if (difference > 4 || a_length > MAX_TEXT || b_length > MAX_TEXT)
		return false;
	/* it changes two characters at most, if they are swapped */
	if (bytes_between(a, a_length, b, b_length) > 2 && is_ascii(a, a_length) && is_ascii(b, b_length))
		return false;
	a_length = take_apart(a, a_length, a_characters);
	b_length = take_apart(b, b_length, b_characters);
	return one_step_of_characters(a_characters, a_length, b_characters, b_length);
}

/* Is the local part the one text and then the other, be it with a mark between? */
static bool
is_pair(const char *local, size_t length, const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		gap;

	if (length < a_length + b_length || length > a_length + b_length + 1)
		return false;
	gap = length - a_length - b_length;
	return memcmp(local, a, a_length) == 0 && memcmp(local + a_length + gap, b, b_length) == 0 &&
		(gap == 0 || local[a_length] == '_' || local[a_length] == '-');
}

/*
 * Is a canonical local part what companies make of a name: john.smith, jsmith,
 * smithj, johns, john, smith and the like?  The names must be folded.
 */
bool
similar_is_built_from(const char *local, size_t length, const char *first, size_t first_length,
					  const char *last, size_t last_length)
{
	size_t		first_initial;
	size_t		last_initial;

	if (first_length == 0 || last_length == 0)
		return false;
	first_initial = similar_next_character(first, first_length, 0);
	last_initial = similar_next_character(last, last_length, 0);
	return is_pair(local, length, first, first_length, last, last_length) ||
		is_pair(local, length, last, last_length, first, first_length) ||
		is_pair(local, length, first, first_initial, last, last_length) ||
		is_pair(local, length, last, last_length, first, first_initial) ||
		is_pair(local, length, first, first_length, last, last_initial) ||
		is_pair(local, length, last, last_initial, first, first_length) ||
		(length == first_length && memcmp(local, first, length) == 0) ||
		(length == last_length && memcmp(local, last, length) == 0);
}

/* ---- keys ---- */

/*
 * The hashes of a text and of what is left when one character is taken out;
 * returns their number.  Needs room for SIMILAR_MAX_NEIGHBOUR_KEYS.
 */
size_t
similar_neighbour_keys(const char *text, size_t length, uint64_t *keys)
{
	parts		p;
	size_t		count = 0;
	size_t		at;

	if (length > MAX_TEXT)
		length = MAX_TEXT;
	parts_read(&p, text, length);
	keys[count++] = p.before[length];
	for (at = 0; at < length;)
	{
		size_t		next = similar_next_character(text, length, at);

		/* of two neighbours that are alike, it is one which */
		if (at == 0 || next - at != 1 || text[at] != text[at - 1])
			keys[count++] = parts_join(&p, at, next);
		at = next;
	}
	return count;
}

/*
 * All texts that are one step away, but for those that take in a
 * character beyond ASCII; returns their number.  Of a local part, those whose
 * digits agree.  Needs room for SIMILAR_MAX_VARIANTS(length).
 */
size_t
similar_variants(const char *text, size_t length, bool is_domain, similar_variant *variants)
{
	static const char in_local_parts[] = "abcdefghijklmnopqrstuvwxyz_-'!#$%&*/=?^`{|}~";
	static const char in_domains[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	const char *alphabet = is_domain ? in_domains : in_local_parts;
	parts		p;
	size_t		count = 0;
	uint32_t	start;
	size_t		at;
	const char *c;

	if (length > MAX_TEXT)
		length = MAX_TEXT;
	parts_read(&p, text, length);
	start = similar_start(text, length);
	for (at = 0;; at = similar_next_character(text, length, at))
	{
		size_t		next;
		size_t		after;

		for (c = alphabet; *c != '\0'; c++)
		{
			variants[count].start = at < START_LENGTH ? start_with(text, length, at, c, 1, at) : start;
			variants[count++].hash = parts_join_with(&p, at, *c, at);
		}
		if (at == length)
			break;
		next = similar_next_character(text, length, at);
		if (is_domain || !is_digit(text[at]))
		{
			variants[count].start = start_with(text, length, at, NULL, 0, next);
			variants[count++].hash = parts_join(&p, at, next);
			for (c = alphabet; *c != '\0'; c++)
				if (*c != text[at] || next - at > 1)
				{
					variants[count].start = at < START_LENGTH ? start_with(text, length, at, c, 1, next) : start;
					variants[count++].hash = parts_join_with(&p, at, *c, next);
				}
		}
		if (next < length)
		{
			after = similar_next_character(text, length, next);
			if (is_domain || !is_digit(text[at]) || !is_digit(text[next]))
			{
				char		swapped[MAX_TEXT];
				uint64_t	hash = p.before[at];
				size_t		i;

				memcpy(swapped, text + next, after - next);
				memcpy(swapped + (after - next), text + at, next - at);
				for (i = 0; i < after - at; i++)
					hash = hash * BASE + (unsigned char) swapped[i] + 1;
				variants[count].start = start_with(text, length, at, swapped, after - at, after);
				variants[count++].hash = hash * p.power[length - after] + p.behind[after];
			}
		}
	}
	return count;
}
