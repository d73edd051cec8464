/*
 * csv_dialect.c
 *		How a CSV stream is written: its delimiter, and where its header stands.
 *
 * A spreadsheet separates cells by what its user's country is used to, and people
 * write titles above their tables.  An org-sync file gives itself away by its
 * header, so nothing has to be guessed from the data:
 *
 *	1. a first line such as "sep=;", which Excel understands too, says what the
 *	   delimiter is, and is no record;
 *	2. else the delimiter is the one of comma, semicolon, tab and bar that makes
 *	   the header known: with which most of its cells are columns that tell whom a
 *	   row is about, then most are columns of any known kind; at a tie the one
 *	   named first;
 *	3. else, no header being known, it is the most frequent one in the first record.
 *
 * The header is the first record, unless one of the next few is the first that
 * has a known column at all, and a key column at that: then what stands above it
 * are titles.
 *
 * The first block is read for each delimiter by a reader of its own, so that the
 * same grammar holds as later.
 */
#include "csv_dialect.h"

#include <string.h>

#include "ascii_case.h"
#include "header.h"

#define MAX_TITLE_COUNT		5

static const char candidates[] = {',', ';', '\t', '|'};

/* How well a delimiter makes the header known. */
typedef struct header_score
{
	int			key_count;
	int			known_count;	/* key columns too */
	int			title_count;
	int			field_count;	/* of the header */
} header_score;

/* The part of the first block that has not been read. */
typedef struct block_source
{
	const char *next;
	size_t		remaining;
} block_source;

/* A csv_source; context is a block_source. */
static size_t
read_block(void *context, char *buffer, size_t size)
{
	block_source *source = context;

	if (size > source->remaining)
		size = source->remaining;
	memcpy(buffer, source->next, size);
	source->next += size;
	source->remaining -= size;
	return size;
}

/* What a cell would be as a header in a file of that product. */
csv_header_rank
csv_header_rank_for(const product *product, const char *text, size_t length)
{
	header_column column;

	header_classify(product, text, length, &column);
	switch (column.kind)
	{
		case COLUMN_UNKNOWN:
			return CSV_HEADER_UNKNOWN;
		case COLUMN_PRIMARY_EMAIL_ADDRESS:
		case COLUMN_EXISTING_EMAIL_ADDRESS:
		case COLUMN_UNIQUE_USER_ID:
			return CSV_HEADER_KEY;
		default:
			return CSV_HEADER_KNOWN;
	}
}

/* A csv_header_judge for a file of some product; context is not used. */
csv_header_rank
csv_header_rank_for_any(void *context, const char *text, size_t length)
{
	csv_header_rank best = CSV_HEADER_UNKNOWN;
	int			i;

	(void) context;
	for (i = 0; i < PRODUCT_COUNT; i++)
	{
		csv_header_rank rank = csv_header_rank_for(product_by_id((product_id) i), text, length);

		if (rank > best)
			best = rank;
	}
	return best;
}

/* How well this delimiter makes the header of the block known. */
static header_score
score_delimiter(const csv_allocator *allocator, const char *data, size_t length, char delimiter,
				csv_header_judge judge, void *judge_context)
{
	block_source source;
	csv_reader *reader;
	csv_record	record;
	csv_fault	fault;
	header_score score = {0, 0, 0, 0};
	int			i;

	source.next = data;
	source.remaining = length;
	reader = csv_reader_open(allocator, read_block, &source, delimiter, length);
	while (score.title_count <= MAX_TITLE_COUNT &&
		   csv_reader_next(reader, &record, &fault) == CSV_RECORD)
	{
		for (i = 0; i < record.field_count; i++)
		{
			csv_header_rank rank = judge(judge_context, record.fields[i].data,
										 record.fields[i].length);

			score.key_count += (rank == CSV_HEADER_KEY);
			score.known_count += (rank != CSV_HEADER_UNKNOWN);
		}
		score.field_count = record.field_count;
		if (score.known_count > 0)
			break;
		score.title_count++;
	}
	csv_reader_close(reader);

	if (score.key_count == 0 && score.title_count > 0)
	{
		/* no header among these records: let it be the first */
		score.known_count = 0;
		score.title_count = 0;
	}
	return score;
}

/* The length of the byte order mark with which the block begins, or 0. */
static size_t
byte_order_mark_length(const char *data, size_t length)
{
	return length >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Whether a line may name this as a delimiter: tab, blank, punctuation but the quote. */
static bool
can_be_named(char byte)
{
	if (byte == '\t')
		return true;
	return byte >= ' ' && byte <= '~' && byte != '"' && !(byte >= '0' && byte <= '9') &&
		!(byte >= 'A' && byte <= 'Z') && !(byte >= 'a' && byte <= 'z');
}

/*
 * The length of the line such as "sep=;" with which the block begins, without its
 * end, and the delimiter that it names; 0 if there is none.  The whole line may
 * be quoted.
 */
static size_t
separator_line_length(const char *data, size_t length, char *delimiter)
{
	size_t		i = byte_order_mark_length(data, length);
	bool		quoted = (i < length && data[i] == '"');

	if (quoted)
		i++;
	if (length - i < 5 || !ascii_case_equal(data + i, 4, "sep=", 4) || !can_be_named(data[i + 4]))
		return 0;
	*delimiter = data[i + 4];
	i += 5;
	if (quoted)
	{
		if (i == length || data[i] != '"')
			return 0;
		i++;
	}
	return (i == length || data[i] == '\n' || data[i] == '\r') ? i : 0;
}

/*
 * The delimiter that a stream with these first bytes seems to have, whatever its
 * header means: the one of the candidates that occurs most often outside quotes
 * in the first record; at a tie the one named first, so comma if there is none.
 */
char
csv_guess_delimiter(const char *data, size_t length)
{
	size_t		counts[sizeof(candidates)] = {0};
	size_t		best = 0;
	size_t		i = byte_order_mark_length(data, length);
	size_t		j;
	bool		inside_quotes = false;
	bool		may_open = true;	/* a field begins here, or "" goes on */

	while (i < length && (data[i] == '\n' || data[i] == '\r'))
		i++;
	for (; i < length && (inside_quotes || (data[i] != '\n' && data[i] != '\r')); i++)
	{
		const char *candidate = memchr(candidates, data[i], sizeof(candidates));

		if (inside_quotes)
		{
			inside_quotes = (data[i] != '"');
			may_open = true;
		}
		else if (data[i] == '"')
			inside_quotes = may_open;
		else
		{
			may_open = (candidate != NULL);
			if (candidate != NULL)
				counts[candidate - candidates]++;
		}
	}

	for (j = 1; j < sizeof(candidates); j++)
	{
		if (counts[j] > counts[best])
			best = j;
	}
	return candidates[best];
}

/*
 * At a tie more cells are better: a license's header may hold anything, and so
 * the whole line may look like one.
 */
static bool
score_is_better(const header_score *score, const header_score *best)
{
	if (score->key_count != best->key_count)
		return score->key_count > best->key_count;
	if (score->known_count != best->known_count)
		return score->known_count > best->known_count;
	return score->known_count > 0 && score->field_count > best->field_count;
}

/* The delimiter that makes the block's header known best, and where that stands. */
static csv_dialect
find_dialect(const csv_allocator *allocator, const char *data, size_t length,
			 csv_header_judge judge, void *judge_context)
{
	csv_dialect dialect = {'\0', 0};
	header_score best = {0, 0, 0, 0};
	size_t		i;

	for (i = 0; i < sizeof(candidates); i++)
	{
		header_score score = score_delimiter(allocator, data, length, candidates[i], judge,
											 judge_context);

		if (score_is_better(&score, &best))
		{
			best = score;
			dialect.delimiter = candidates[i];
		}
	}
	if (dialect.delimiter == '\0')
		dialect.delimiter = csv_guess_delimiter(data, length);
	dialect.title_count = best.title_count;
	return dialect;
}

/*
 * Finds out how a stream is written, before its first record is asked for: sets
 * the reader's delimiter, and reads over the line that names it.  The records
 * that follow are title_count titles, the header and the rows.
 *
 * delimiter: NUL, or the one that it is known to have.  The judge knows headers;
 * the allocator serves for the time of the call.
 */
csv_dialect
csv_dialect_begin(csv_reader *reader, const csv_allocator *allocator, char delimiter,
				  csv_header_judge judge, void *judge_context)
{
	csv_dialect dialect;
	const char *data;
	size_t		length = csv_reader_peek(reader, &data);
	char		named = '\0';
	size_t		named_length = separator_line_length(data, length, &named);

	data += named_length;
	length -= named_length;
	if (delimiter == '\0')
		delimiter = named;
	if (delimiter == '\0')
		dialect = find_dialect(allocator, data, length, judge, judge_context);
	else
	{
		dialect.delimiter = delimiter;
		dialect.title_count = score_delimiter(allocator, data, length, delimiter, judge,
											  judge_context).title_count;
	}
	csv_reader_set_delimiter(reader, dialect.delimiter);

	if (named_length > 0)
	{
		csv_record	separator_line;
		csv_fault	fault;

		/* a fault stays for the next call */
		(void) csv_reader_next_raw(reader, &separator_line, &fault);
	}
	return dialect;
}
