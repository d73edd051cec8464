/*
 * import_description.c
 *		What a process must know of an import to parse its records.
 *
 * That is what the header and the account say of columns, groups, licenses and rules.
 * It is written to a string by one process and read by another, of the same build of
 * the library: both go through the same list of fields.
 */
#include "import.h"

#include "lib/stringinfo.h"

/* One way or the other. */
typedef struct Exchange
{
	StringInfo	written;		/* NULL: it is read */
	char	   *next;			/* to be read */
} Exchange;

static void
exchange_bytes(Exchange *exchange, void *bytes, Size size)
{
	if (exchange->written != NULL)
		appendBinaryStringInfo(exchange->written, bytes, (int) size);
	else
	{
		memcpy(bytes, exchange->next, size);
		exchange->next += size;
	}
}

#define EXCHANGE(exchange, field)	exchange_bytes(exchange, &(field), sizeof(field))

/* A string, which may be NULL; what is read lies in the description. */
static void
exchange_string(Exchange *exchange, char **string)
{
	int			size = exchange->written == NULL || *string == NULL ? 0 : (int) strlen(*string) + 1;

	EXCHANGE(exchange, size);
	if (exchange->written != NULL)
		appendBinaryStringInfo(exchange->written, *string ? *string : "", size);
	else
	{
		*string = size == 0 ? NULL : exchange->next;
		exchange->next += size;
	}
}

/* An array of so many elements, NULL if there are none; what is read is palloc'd. */
static void *
exchange_array(Exchange *exchange, void *array, int *count, Size element_size)
{
	EXCHANGE(exchange, *count);
	return exchange->written != NULL ? array : palloc0(element_size * Max(*count, 1));
}

static void
exchange_columns(Exchange *exchange, Import *import)
{
	import->columns = exchange_array(exchange, import->columns, &import->column_count, sizeof(ImportColumn));
	for (int i = 0; i < import->column_count; i++)
	{
		ImportColumn *column = &import->columns[i];

		EXCHANGE(exchange, column->kind);
		exchange_string(exchange, &column->header);
		EXCHANGE(exchange, column->license);
		EXCHANGE(exchange, column->group);
	}
	EXCHANGE(exchange, import->header_cell_count);
	EXCHANGE(exchange, import->email_column);
	EXCHANGE(exchange, import->existing_email_column);
	EXCHANGE(exchange, import->user_id_column);
	EXCHANGE(exchange, import->new_user_id_column);
	EXCHANGE(exchange, import->country_column);
	EXCHANGE(exchange, import->region_column);
}

static void
exchange_groups(Exchange *exchange, Import *import)
{
	import->groups = exchange_array(exchange, import->groups, &import->group_count, sizeof(ImportGroup));
	for (int i = 0; i < import->group_count; i++)
	{
		exchange_string(exchange, &import->groups[i].name);
		EXCHANGE(exchange, import->groups[i].group_id);
	}
}

static void
exchange_rules(Exchange *exchange, DuplicateRules *rules)
{
	EXCHANGE(exchange, rules->any);
	rules->aliases = exchange_array(exchange, rules->aliases, &rules->alias_count, sizeof(DomainAlias));
	for (int i = 0; i < rules->alias_count; i++)
	{
		exchange_string(exchange, &rules->aliases[i].alias);
		exchange_string(exchange, &rules->aliases[i].domain);
	}
}

static void
exchange_import(Exchange *exchange, Import *import)
{
	product_id	product = exchange->written != NULL ? import->account->product->id : 0;

	EXCHANGE(exchange, product);
	import->account->product = product_by_id(product);
	EXCHANGE(exchange, import->account->namespace_oid);
	EXCHANGE(exchange, import->options.is_remote);
	EXCHANGE(exchange, import->delimiter);
	exchange_columns(exchange, import);
	exchange_groups(exchange, import);
	exchange_rules(exchange, import->rules);
	EXCHANGE(exchange, import->license_count);
	EXCHANGE(exchange, import->initial_license);
}

/* Appends a description of the import, whose header was read. */
void
import_describe(Import *import, StringInfo description)
{
	Exchange	exchange = {.written = description};

	exchange_import(&exchange, import);
}

/* An import that can parse records, in a memory context of its own; description must last. */
Import *
import_create_described(char *description)
{
	Exchange	exchange = {.next = description};
	Import	   *import = import_create();

	import->account = palloc0(sizeof(Account));
	import->rules = palloc0(sizeof(DuplicateRules));
	exchange_import(&exchange, import);
	import->active_cells = palloc0(sizeof(int64) * Max(import->license_count, 1));
	return import;
}
