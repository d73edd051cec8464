/*
 * fuzz_results.c
 *		Fuzzes the reading of the vendor's results files.
 *
 * The input's first byte chooses the product, its second how the stream is cut into
 * blocks; the rest is the file.
 *
 * What must hold: the header comes once, and only remarks come before it; messages and
 * keys are trimmed and not empty; and a plain file that says the same is read as saying
 * the same.
 */
#include "fuzz.h"

#include "core/cell.h"
#include "core/csv_writer.h"
#include "core/results_file.h"

static const char *const key_columns[RESULTS_KEY_COUNT] = {
	"primary_email_address", "existing_email_address", "unique_user_id"
};

static void
add_cell(fuzz_bytes *to, const char *data, size_t length)
{
	char	   *cell = malloc(CSV_CELL_MAX_SIZE(length));

	CHECK(cell != NULL);
	fuzz_add(to, cell, csv_write_cell(cell, data, length, ',', false));
	free(cell);
}

/* The keys and the message of a refusal, as a record of a plain file. */
static void
add_refusal(fuzz_bytes *to, const results_file *file)
{
	const results_key *keys[RESULTS_KEY_COUNT] = {NULL, NULL, NULL};
	int			i;

	for (i = 0; i < file->key_count; i++)
	{
		const results_key *key = &file->keys[i];

		CHECK(key->column >= 0 && key->column < RESULTS_KEY_COUNT);
		CHECK(key->length > 0 && cell_blank_length(key->data, key->length) == 0);
		keys[key->column] = key;
	}
	for (i = 0; i < RESULTS_KEY_COUNT; i++)
	{
		if (keys[i] != NULL)
			add_cell(to, keys[i]->data, keys[i]->length);
		fuzz_add(to, ",", 1);
	}
	if (file->message != NULL)
	{
		CHECK(file->message_length > 0 && cell_blank_length(file->message, file->message_length) == 0);
		add_cell(to, file->message, file->message_length);
	}
	else
		fuzz_add(to, "refused", 7);
	fuzz_add(to, "\r\n", 2);
}

/* Reads a file and says the same as a plain one; *end is the step at its end. */
static fuzz_bytes
read_file(const product *product, const char *data, size_t length, unsigned seed, results_step *end)
{
	fuzz_bytes	told = {NULL, 0, 0};
	fuzz_source source = fuzz_source_of(data, length, seed);
	csv_reader *reader = csv_reader_open(&fuzz_allocator, fuzz_source_read, &source, ',', 1 << 16);
	results_file file;
	int64_t		line = 0;
	int			i;

	for (i = 0; i < RESULTS_KEY_COUNT; i++)
	{
		fuzz_add(&told, key_columns[i], strlen(key_columns[i]));
		fuzz_add(&told, ",", 1);
	}
	fuzz_add(&told, "Messages\r\n", 10);
	results_file_begin(&file, product, reader, &fuzz_allocator);
	while ((*end = results_file_next(&file)) == RESULTS_HEADER || *end == RESULTS_REFUSAL)
	{
		CHECK(file.record.line > line);
		line = file.record.line;
		if (*end == RESULTS_HEADER)
			CHECK(file.has_header && file.column_count > 0);
		else
		{
			CHECK(file.has_header || (file.key_count == 0 && file.message != NULL));
			add_refusal(&told, &file);
		}
	}
	CHECK(*end != RESULTS_FAULT || file.fault.code != CSV_FAULT_NONE);
	CHECK(*end != RESULTS_EMPTY || line == 0);
	results_file_end(&file);
	csv_reader_close(reader);
	return told;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const product *product;
	char	   *file;
	fuzz_bytes	told;
	fuzz_bytes	in_blocks;
	fuzz_bytes	again;
	results_step end;
	results_step other_end;

	if (size < 2)
		return 0;
	product = product_by_id((product_id) (data[0] % PRODUCT_COUNT));
	file = fuzz_copy(data + 2, size - 2);
	told = read_file(product, file, size - 2, 0, &end);
	in_blocks = read_file(product, file, size - 2, 1 + data[1], &other_end);
	CHECK(end == other_end);
	CHECK(in_blocks.length == told.length && memcmp(in_blocks.data, told.data, told.length) == 0);

	again = read_file(product_by_id(PRODUCT_LINKEDIN_LEARNING), told.data, told.length, 0, &other_end);
	CHECK(other_end == RESULTS_END);
	CHECK(again.length == told.length && memcmp(again.data, told.data, told.length) == 0);
	free(file);
	free(told.data);
	free(in_blocks.data);
	free(again.data);
	return 0;
}
