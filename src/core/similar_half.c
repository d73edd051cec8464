/*
 * similar_half.c
 *		The halves of local parts, by which a few addresses near to one are found among many.
 *
 * A step, see similar.c, leaves the first or the second half of a text as it is, if a half
 * is what is before and behind the one or two characters in the middle.  So each text has
 * two keys, one a half; beside the half, the length of the text and its letters are in
 * them, so that most of what only shares the half is passed over by the key alone.
 *
 * The keys stand in indexes: they must not change.
 */
#include "similar.h"

#include "similar_character.h"

#define SEED_FIRST	UINT64_C(0xa0761d6478bd642f)
#define SEED_SECOND UINT64_C(0xe7037ed1a0b428db)

/* The bits of a half's key that are not the half: the length of the text, and its letters. */
#define LENGTH_SHIFT	16
#define HALF_KEY_REST	((UINT64_C(1) << SIMILAR_HALF_REST_BITS) - 1)
#define HALF_KEY_LETTERS	UINT64_C(0xffff)

/* The bytes that so many characters take. */
static size_t
bytes_of(const char *text, size_t length, size_t characters)
{
	size_t		at = 0;

	while (characters-- > 0 && at < length)
		at = similar_next_character(text, length, at);
	return at;
}

static size_t
count_characters(const char *text, size_t length)
{
	size_t		count = 0;
	size_t		at;

	for (at = 0; at < length; at = similar_next_character(text, length, at))
		count++;
	return count;
}

/*
 * So many characters at the beginning of a text, or else as many at its end, are left
 * as they are by any step.
 */
static inline size_t
half_length(size_t characters)
{
	return characters == 0 ? 0 : (characters - 1) / 2;
}

/* The key of a half, but for the length of the text. */
static uint64_t
half_key(uint64_t hash, size_t half, uint64_t digits, uint64_t seed)
{
	return (similar_mix(hash, similar_mix(digits, seed + half)) | SIMILAR_HALF_KEY) & ~HALF_KEY_REST;
}

static uint64_t
first_half_key(const similar_address *address, size_t half)
{
	return half_key(similar_hash(address->local, bytes_of(address->local, address->local_length, half)), half,
					address->digits, SEED_FIRST);
}

/* characters: those of the local part. */
static uint64_t
second_half_key(const similar_address *address, size_t characters, size_t half)
{
	size_t		from = bytes_of(address->local, address->local_length, characters - half);

	return half_key(similar_hash(address->local + from, address->local_length - from), half, address->digits,
					SEED_SECOND);
}

/* A bit for each letter, by its number, that is there an odd number of times: a step changes two at most. */
static uint64_t
odd_letters(const similar_address *address)
{
	uint64_t	letters = 0;
	size_t		i;

	for (i = 0; i < address->local_length; i++)
	{
		if (i == 0 || similar_begins_character(address->local[i]))
			letters ^= UINT64_C(1) << (unsigned char) address->local[i] % 16;
	}
	return letters;
}

/* The keys of an address's halves; addresses that are alike may share one. */
void
similar_half_keys(const similar_address *address, uint64_t *first, uint64_t *second)
{
	size_t		characters = count_characters(address->local, address->local_length);
	size_t		half = half_length(characters);
	uint64_t	rest = (uint64_t) characters << LENGTH_SHIFT | odd_letters(address);

	*first = first_half_key(address, half) | rest;
	*second = second_half_key(address, characters, half) | rest;
}

/*
 * The ranges in which an address whose local part is at most one step from this
 * one's, and whose digits agree, has the key of its first half, or else of its second;
 * of the keys there, it is one of those that are similar_half_is_near().  Returns their
 * number, which is the same for both.
 */
size_t
similar_half_ranges(const similar_address *address, similar_range *first, similar_range *second)
{
	size_t		characters = count_characters(address->local, address->local_length);
	size_t		count = 0;
	size_t		other;

	for (other = characters > 0 ? characters - 1 : 0; other <= characters + 1; other++)
	{
		size_t		half = half_length(other);
		uint64_t	last = (uint64_t) other << LENGTH_SHIFT | HALF_KEY_LETTERS;

		if (count == 0 || half != half_length(other - 1))
		{
			first[count].from = first_half_key(address, half) | (uint64_t) other << LENGTH_SHIFT;
			second[count++].from = second_half_key(address, characters, half) | (uint64_t) other << LENGTH_SHIFT;
		}
		first[count - 1].to = (first[count - 1].from & ~HALF_KEY_REST) | last;
		second[count - 1].to = (second[count - 1].from & ~HALF_KEY_REST) | last;
	}
	return count;
}

/* Are there two differences between the letters at most? */
static inline bool
letters_are_near(uint64_t letters, uint64_t others)
{
	uint64_t	different = (letters ^ others) & HALF_KEY_LETTERS;

	different &= different - (different != 0);
	different &= different - (different != 0);
	return different == 0;
}

/* May the address whose half has that key be a step away, by its letters? */
bool
similar_half_is_near(const similar_address *address, uint64_t key)
{
	return letters_are_near(odd_letters(address), key);
}

/* May addresses be a step apart, by what their keys say beside the half, SIMILAR_HALF_REST()? */
bool
similar_halves_are_near(uint32_t rest, uint32_t other)
{
	uint32_t	length = rest >> LENGTH_SHIFT;
	uint32_t	other_length = other >> LENGTH_SHIFT;

	return length <= other_length + 1 && other_length <= length + 1 && letters_are_near(rest, other);
}
