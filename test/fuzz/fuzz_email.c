/*
 * fuzz_email.c
 *		Fuzzes e-mail addresses: the check, their order, their canonical keys.
 *
 * The input is two addresses with a line feed between them.  What must hold: order
 * is one, and agrees with folding; keys are keys of themselves, no longer than the
 * address, and those of valid addresses are valid (of ASCII ones, without UTF-8 to heed).
 */
#include "fuzz.h"

#include "core/email.h"

static int
sign(int order)
{
	return (order > 0) - (order < 0);
}

static bool
is_ascii(const char *text, size_t length)
{
	size_t		i;

	for (i = 0; i < length && (text[i] & 0x80) == 0; i++)
		;
	return i == length;
}

static void
check_one(const char *address, size_t length)
{
	char	   *folded = fuzz_copy(address, length);
	char	   *canonical = fuzz_copy(address, length);
	char	   *again = fuzz_copy(address, length);
	email_fault fault = email_check(address, length);
	size_t		local_length = email_local_part_length(address, length);
	size_t		canonical_length;

	CHECK(local_length <= length);
	CHECK(email_fold(address, length, folded) == length);
	CHECK(email_check(folded, length) == fault);
	CHECK(email_compare(address, length, folded, length) == 0);
	CHECK(email_fold(folded, length, again) == length);
	CHECK(length == 0 || memcmp(again, folded, length) == 0);

	canonical_length = email_canonical(address, length, canonical);
	CHECK(canonical_length <= length);
	CHECK(email_canonical(canonical, canonical_length, again) == canonical_length);
	CHECK(canonical_length == 0 || memcmp(again, canonical, canonical_length) == 0);
	CHECK(email_canonical(folded, length, again) == canonical_length);
	CHECK(canonical_length == 0 || memcmp(again, canonical, canonical_length) == 0);
	if (fault == EMAIL_VALID)
	{
		CHECK(length <= EMAIL_MAX_LENGTH);
		CHECK(local_length > 0 && local_length <= EMAIL_MAX_LOCAL_LENGTH);
		/* in what is no UTF-8, bytes can become a character when a dot goes */
		CHECK(email_check(canonical, canonical_length) == EMAIL_VALID ||
			  !is_ascii(address, length));
	}
	else
		CHECK(email_fault_reason(fault) != NULL);
	free(folded);
	free(canonical);
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line_feed = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t		a_length = line_feed != NULL ? (size_t) (line_feed - data) : size;
	size_t		b_length = line_feed != NULL ? size - a_length - 1 : 0;
	char	   *a = fuzz_copy(data, a_length);
	char	   *b = fuzz_copy(line_feed != NULL ? line_feed + 1 : data, b_length);
	char	   *a_folded = fuzz_copy(a, a_length);
	char	   *b_folded = fuzz_copy(b, b_length);
	size_t		shorter = a_length < b_length ? a_length : b_length;
	int			order;

	check_one(a, a_length);
	check_one(b, b_length);

	email_fold(a, a_length, a_folded);
	email_fold(b, b_length, b_folded);
	order = shorter > 0 ? memcmp(a_folded, b_folded, shorter) : 0;
	if (order == 0)
		order = (a_length > b_length) - (a_length < b_length);
	CHECK(sign(email_compare(a, a_length, b, b_length)) == sign(order));
	CHECK(sign(email_compare(b, b_length, a, a_length)) == -sign(order));
	free(a);
	free(b);
	free(a_folded);
	free(b_folded);
	return 0;
}
