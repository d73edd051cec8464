/*
 * results_file.c
 *		The vendor's answer to an upload: which rows it refused, and why.
 *
 * It is the uploaded file's rows with a column "Messages"; a row with a message was
 * refused, and in a file without that column all were.  Which row of ours such a row
 * is, is found by its keys: the address (or the existing one) and unique_user_id.
 *
 * What refused the whole file, a critical error, stands above the header, or in a
 * row that names nobody.
 *
 * Plain C: no server header.  The kinds of the header's columns are all that is
 * allocated; texts point into the reader's record.
 */
#include "results_file.h"

#include <string.h>

#include "cell.h"
#include "csv_dialect.h"
#include "csv_writer.h"

static const column_kind key_kinds[RESULTS_KEY_COUNT] = {
	COLUMN_PRIMARY_EMAIL_ADDRESS,
	COLUMN_EXISTING_EMAIL_ADDRESS,
	COLUMN_UNIQUE_USER_ID
};

/*
 * What a column of a results file, or of an exported one, is.  The lists for manual
 * work have the columns of LinkedIn's files, whatever the product.
 */
column_kind
results_classify(const product *product, const char *header, size_t length)
{
	header_column column;
	int			i;

	header_classify(product, header, length, &column);
	for (i = 0; column.kind == COLUMN_UNKNOWN && i < RESULTS_KEY_COUNT; i++)
	{
		const char *name = column_kind_name(key_kinds[i]);

		if (length == strlen(name) && memcmp(header, name, length) == 0)
			return key_kinds[i];
	}
	return column.kind;
}

static int
key_column(column_kind kind)
{
	int			i;

	for (i = 0; i < RESULTS_KEY_COUNT; i++)
	{
		if (key_kinds[i] == kind)
			return i;
	}
	return -1;
}

/*
 * The keys of a record, whose columns are of these kinds; returns how many, at most
 * RESULTS_KEY_COUNT.  A "'" that only keeps a spreadsheet from running the cell is
 * left out.
 */
int
results_keys(const column_kind *kinds, int column_count, const csv_record *record, results_key *keys)
{
	int			count = 0;
	int			i;

	for (i = 0; i < column_count && i < record->field_count && count < RESULTS_KEY_COUNT; i++)
	{
		results_key *key = &keys[count];

		key->column = key_column(kinds[i]);
		key->data = record->fields[i].data;
		key->length = record->fields[i].length;
		cell_trim(&key->data, &key->length);
		if (key->length > 0 && key->data[0] == '\'' && csv_cell_is_formula(key->data + 1, key->length - 1))
		{
			key->data++;
			key->length--;
			cell_trim(&key->data, &key->length);
		}
		if (key->column >= 0 && key->length > 0)
			count++;
	}
	return count;
}

/* Begins with a file that nothing was read of yet, and finds out its delimiter. */
void
results_file_begin(results_file *file, const product *product, csv_reader *reader,
				   const csv_allocator *allocator)
{
	memset(file, 0, sizeof(*file));
	file->product = product;
	file->reader = reader;
	file->allocator = allocator;
	file->messages_column = -1;
	(void) csv_dialect_begin(reader, allocator, '\0', csv_header_rank_for_any, NULL);
}

/* Frees what results_file_next() allocated. */
void
results_file_end(results_file *file)
{
	if (file->kinds != NULL)
		file->allocator->release(file->allocator->context, file->kinds);
	file->kinds = NULL;
}

/* Takes the last record for the header. */
static void
take_header(results_file *file)
{
	int			i;

	file->column_count = file->record.field_count;
	file->kinds = file->allocator->resize(file->allocator->context, file->kinds,
										  (size_t) file->column_count * sizeof(column_kind));
	file->messages_column = -1;
	for (i = 0; i < file->column_count; i++)
	{
		const char *header = file->record.fields[i].data;
		size_t		length = file->record.fields[i].length;

		cell_trim(&header, &length);
		file->kinds[i] = results_classify(file->product, header, length);
		if (file->kinds[i] == COLUMN_MESSAGES && file->messages_column < 0)
			file->messages_column = i;
	}
}

static bool
has_key_column(const results_file *file)
{
	int			i;

	for (i = 0; i < file->column_count; i++)
	{
		if (key_column(file->kinds[i]) >= 0)
			return true;
	}
	return false;
}

/*
 * Is what was taken for the header something that stands above it: a remark, which
 * becomes the message, or nothing?  A remark of several cells is a sentence with commas, unless
 * no header follows: then it is what was meant to be the header.
 */
static bool
is_above_header(results_file *file)
{
	int			i;

	file->message = NULL;
	file->key_count = 0;
	for (i = 0; i < file->column_count; i++)
	{
		const char *text = file->record.fields[i].data;
		size_t		length = file->record.fields[i].length;

		cell_trim(&text, &length);
		if (length == 0)
			continue;
		if (file->kinds[i] != COLUMN_UNKNOWN)
			return false;
		if (file->message == NULL)
		{
			file->message = text;
			file->message_length = length;
			continue;
		}
		file->message = file->record.raw;
		file->message_length = file->record.raw_length;
		cell_trim(&file->message, &file->message_length);
		if (file->doubtful_line == 0)
			file->doubtful_line = file->record.line;
	}
	return true;
}

/* The header and what stands above it. */
static results_step
read_head(results_file *file)
{
	do
	{
		switch (csv_reader_next(file->reader, &file->record, &file->fault))
		{
			case CSV_RECORD:
				break;
			case CSV_FAULT:
				return RESULTS_FAULT;
			case CSV_END:
				if (file->doubtful_line > 0)
				{
					file->record.line = file->doubtful_line;
					return RESULTS_WITHOUT_KEYS;
				}
				if (file->has_remarks)
					return RESULTS_END;
				return file->column_count == 0 ? RESULTS_EMPTY : RESULTS_WITHOUT_KEYS;
		}
		take_header(file);
		if (!is_above_header(file))
		{
			file->has_header = true;
			if (!has_key_column(file) && !(file->column_count == 1 && file->messages_column == 0))
				return RESULTS_WITHOUT_KEYS;
			return RESULTS_HEADER;
		}
	} while (file->message == NULL);
	file->has_remarks = true;
	return RESULTS_REFUSAL;
}

/* The message of the last record; false if it has none, so that it was not refused. */
static bool
read_message(results_file *file)
{
	file->message = NULL;
	if (file->messages_column < 0)
		return true;
	if (file->messages_column >= file->record.field_count)
		return false;
	file->message = file->record.fields[file->messages_column].data;
	file->message_length = file->record.fields[file->messages_column].length;
	cell_trim(&file->message, &file->message_length);
	return file->message_length > 0;
}

/*
 * Reads on to the header, or to the next row that was refused.  What it says is in
 * *file until the next call.  Not to be called again after another step than these.
 */
results_step
results_file_next(results_file *file)
{
	if (!file->has_header)
		return read_head(file);
	do
	{
		switch (csv_reader_next(file->reader, &file->record, &file->fault))
		{
			case CSV_RECORD:
				break;
			case CSV_FAULT:
				return RESULTS_FAULT;
			case CSV_END:
				return RESULTS_END;
		}
	} while (!read_message(file));
	file->key_count = results_keys(file->kinds, file->column_count, &file->record, file->keys);
	return RESULTS_REFUSAL;
}
