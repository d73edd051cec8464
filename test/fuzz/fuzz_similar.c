/*
 * fuzz_similar.c
 *		Fuzzes how near two addresses are, and the keys by which near ones are found.
 *
 * The input is two addresses with a line feed between them.  What must hold: a step
 * is what the plainest computation of an edit distance says, in both directions; and
 * whatever is one step apart is found in each of the three ways.
 */
#include "fuzz.h"

#include "core/similar.h"

/* A longer character has no place in one_step's numbers. */
#define MAX_CHARACTER	4

/* The texts that the plain computation takes. */
#define MAX_CHARACTERS	80

typedef struct character
{
	const char *data;
	size_t		length;
} character;

static bool
begins_character(char byte)
{
	return ((unsigned char) byte & 0xC0) != 0x80;
}

static bool
is_digit(character c)
{
	return c.length == 1 && *c.data >= '0' && *c.data <= '9';
}

/*
 * The characters of a text; returns their number, or -1 if there are too many, too long
 * ones, or what no text of UTF-8 has: a NUL, or a digit that is but a part of a character.
 */
static int
characters_of(const char *text, size_t length, character *characters)
{
	int			count = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (text[i] == '\0')
			return -1;
		if (count > 0 && !begins_character(text[i]))
		{
			if (is_digit(characters[count - 1]) || ++characters[count - 1].length > MAX_CHARACTER)
				return -1;
			continue;
		}
		if (count == MAX_CHARACTERS)
			return -1;
		characters[count].data = text + i;
		characters[count++].length = 1;
	}
	return count;
}

static bool
is_same(character a, character b)
{
	return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

/* Is nothing but digits the same in two texts, place by place? */
static bool
shares_digits_only(const character *a, const character *b, int count)
{
	int			i;

	for (i = 0; i < count && (is_digit(a[i]) || !is_same(a[i], b[i])); i++)
		;
	return i == count;
}

/* The least number of insertions, deletions, substitutions and swaps of neighbours. */
static int
edit_distance(const character *a, int a_count, const character *b, int b_count, int swap_cost)
{
	static int	cost[MAX_CHARACTERS + 1][MAX_CHARACTERS + 1];
	int			i;
	int			j;

	for (i = 0; i <= a_count; i++)
	{
		for (j = 0; j <= b_count; j++)
		{
			int			best = i == 0 ? j : i;

			if (i > 0 && j > 0)
			{
				best = cost[i - 1][j - 1] + !is_same(a[i - 1], b[j - 1]);
				if (cost[i - 1][j] + 1 < best)
					best = cost[i - 1][j] + 1;
				if (cost[i][j - 1] + 1 < best)
					best = cost[i][j - 1] + 1;
			}
			if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]) &&
				cost[i - 2][j - 2] + swap_cost < best)
				best = cost[i - 2][j - 2] + swap_cost;
			cost[i][j] = best;
		}
	}
	return cost[a_count][b_count];
}

static bool
has_key(const uint64_t *keys, size_t count, uint64_t key)
{
	size_t		i;

	for (i = 0; i < count && keys[i] != key; i++)
		;
	return i < count;
}

static void
check_neighbour_keys(const char *a, size_t a_length, const char *b, size_t b_length)
{
	uint64_t	a_keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
	uint64_t	b_keys[SIMILAR_MAX_NEIGHBOUR_KEYS];
	size_t		a_count = similar_neighbour_keys(a, a_length, a_keys);
	size_t		b_count = similar_neighbour_keys(b, b_length, b_keys);
	size_t		i;

	CHECK(a_count <= SIMILAR_MAX_NEIGHBOUR_KEYS && b_count <= SIMILAR_MAX_NEIGHBOUR_KEYS);
	for (i = 0; i < a_count && !has_key(b_keys, b_count, a_keys[i]); i++)
		;
	CHECK(i < a_count);
}

/* Is the other text, which is one step away, in the list?  It may have in it what the list leaves out. */
static void
check_variants(const char *a, size_t a_length, const char *b, size_t b_length, bool is_domain)
{
	similar_variant *variants = malloc(SIMILAR_MAX_VARIANTS(a_length) * sizeof(similar_variant));
	size_t		count;
	size_t		i;

	CHECK(variants != NULL);
	count = similar_variants(a, a_length, is_domain, variants);
	CHECK(count <= SIMILAR_MAX_VARIANTS(a_length));
	for (i = 0; i < count; i++)
	{
		if (variants[i].hash == similar_hash(b, b_length))
			break;
	}
	if (i < count)
		CHECK(variants[i].start == similar_start(b, b_length));
	else
	{
		const char *alphabet = is_domain ? "abcdefghijklmnopqrstuvwxyz0123456789-." :
			"abcdefghijklmnopqrstuvwxyz0123456789_-'!#$%&*/=?^`{|}~";

		CHECK(strspn(b, alphabet) < b_length);
	}
	free(variants);
}

static bool
is_in_range(const similar_range *ranges, size_t count, uint64_t key)
{
	size_t		i;

	for (i = 0; i < count && (key < ranges[i].from || key > ranges[i].to); i++)
		;
	return i < count;
}

static void
check_half_keys(const similar_address *a, const similar_address *b)
{
	similar_range first_halves[SIMILAR_MAX_HALF_RANGES];
	similar_range second_halves[SIMILAR_MAX_HALF_RANGES];
	size_t		count = similar_half_ranges(a, first_halves, second_halves);
	uint64_t	first;
	uint64_t	own;
	uint64_t	second;

	similar_half_keys(b, &first, &second);
	CHECK(count <= SIMILAR_MAX_HALF_RANGES);
	CHECK(is_in_range(first_halves, count, first) || is_in_range(second_halves, count, second));
	CHECK(similar_half_is_near(a, first) && similar_half_is_near(a, second));
	similar_half_keys(a, &own, &second);
	CHECK(similar_halves_are_near(SIMILAR_HALF_REST(own), SIMILAR_HALF_REST(first)));
}

/* A copy that ends in a NUL byte, as strspn() wants it. */
static char *
string_of(const char *text, size_t length)
{
	char	   *string = malloc(length + 1);

	CHECK(string != NULL);
	memcpy(string, text, length);
	string[length] = '\0';
	return string;
}

/* Two texts, of which both are local parts, or both are domains. */
static void
check_pair(const char *a, size_t a_length, const char *b, size_t b_length, bool is_domain)
{
	bool		one_step = similar_one_step(a, a_length, b, b_length);
	character	a_characters[MAX_CHARACTERS];
	character	b_characters[MAX_CHARACTERS];
	int			a_count = characters_of(a, a_length, a_characters);
	int			b_count = characters_of(b, b_length, b_characters);
	char	   *b_string;

	CHECK(similar_one_step(b, b_length, a, a_length) == one_step);
	CHECK(!similar_one_step(a, a_length, a, a_length));
	if (a_count < 0 || b_count < 0)
		return;
	CHECK(one_step == (edit_distance(a_characters, a_count, b_characters, b_count, 1) == 1 &&
					   (a_count != b_count ||
						edit_distance(a_characters, a_count, b_characters, b_count, 2) == 2 ||
						!shares_digits_only(a_characters, b_characters, a_count))));
	if (!one_step)
		return;
	check_neighbour_keys(a, a_length, b, b_length);
	if (!is_domain && similar_digits(a, a_length) != similar_digits(b, b_length))
		return;
	b_string = string_of(b, b_length);
	check_variants(a, a_length, b_string, b_length, is_domain);
	free(b_string);
}

static void
check_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
	char	   *joined = malloc(a_length + 1 + b_length);

	CHECK(joined != NULL);
	(void) similar_is_built_from(a, a_length, b, b_length, a, a_length);
	memcpy(joined, a, a_length);
	joined[a_length] = '_';
	memcpy(joined + a_length + 1, b, b_length);
	if (a_length > 0 && b_length > 0)
		CHECK(similar_is_built_from(joined, a_length + 1 + b_length, a, a_length, b, b_length) &&
			  similar_is_built_from(joined, a_length + 1 + b_length, b, b_length, a, a_length));
	free(joined);
}

static void
read_address(similar_address *address, const char *text, size_t length, char *buffer)
{
	similar_address_read(address, text, length, buffer);
	CHECK(address->local_length + address->domain_length <= EMAIL_MAX_LENGTH);
	CHECK(address->local_hash == similar_hash(address->local, address->local_length));
	CHECK(similar_address_key(address, address->domain, address->domain_length) ==
		  similar_address_key_of_hashes(similar_start(address->local, address->local_length),
										address->local_hash,
										similar_hash(address->domain, address->domain_length)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line_feed = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t		a_length = line_feed != NULL ? (size_t) (line_feed - data) : size;
	size_t		b_length = line_feed != NULL ? size - a_length - 1 : 0;
	char	   *a = fuzz_copy(data, a_length);
	char	   *b = fuzz_copy(line_feed != NULL ? line_feed + 1 : data, b_length);
	char		a_buffer[EMAIL_MAX_LENGTH];
	char		b_buffer[EMAIL_MAX_LENGTH];
	similar_address a_address;
	similar_address b_address;
	character	characters[MAX_CHARACTERS];

	check_pair(a, a_length, b, b_length, false);
	check_names(a, a_length, b, b_length);

	read_address(&a_address, a, a_length, a_buffer);
	read_address(&b_address, b, b_length, b_buffer);
	check_pair(a_address.local, a_address.local_length, b_address.local, b_address.local_length, false);
	check_pair(a_address.domain, a_address.domain_length, b_address.domain, b_address.domain_length, true);
	if (a_address.digits == b_address.digits &&
		characters_of(a_address.local, a_address.local_length, characters) >= 0 &&
		characters_of(b_address.local, b_address.local_length, characters) >= 0 &&
		similar_one_step(a_address.local, a_address.local_length, b_address.local, b_address.local_length))
	{
		check_half_keys(&a_address, &b_address);
		check_half_keys(&b_address, &a_address);
	}
	free(a);
	free(b);
	return 0;
}
