/*
 * import_staging.c
 *		Keeps the rows of a file between the phases of an import.
 *
 * The rows lie in a tuplestore, which goes to disk by itself when it outgrows
 * work_mem, and which the statement of import_resolve.c reads as the table
 * "staged".  Its columns are the keys, and the record itself as one bytea:
 *
 *		| fixed part | offset and length of each field | raw record | unescaped |
 *
 * Most fields are parts of the raw record; those with escaped quotes stand in
 * the last part.  So nothing has to be split twice.
 */
#include "import.h"

#include "catalog.h"
#include "catalog/pg_type.h"
#include "core/email.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "sql.h"
#include "utils/builtins.h"

enum
{
	STAGED_ROW,
	STAGED_PRIMARY_EMAIL_ADDRESS,
	STAGED_EXISTING_EMAIL_ADDRESS,
	STAGED_UNIQUE_USER_ID,
	STAGED_NEW_UNIQUE_USER_ID,
	STAGED_ADDRESS_KEYS,
	STAGED_REJECTED,
	STAGED_RECORD,
	STAGED_COLUMN_COUNT
};

typedef struct StagedField
{
	uint32		offset;
	uint32		length;
} StagedField;

typedef struct StagedRecord
{
	int64		line;
	int32		field_count;
	uint32		raw_length;
	StagedField fields[FLEXIBLE_ARRAY_MEMBER];
} StagedRecord;

struct ImportStaging
{
	Tuplestorestate *rows;
	TupleDesc	descriptor;
	TupleTableSlot *slot;
	int64		count;
	csv_field  *fields;			/* of the row that was read last */
	int			field_capacity;
	MemoryContext context;
};

/* An empty store, palloc'd in the current memory context. */
ImportStaging *
import_staging_create(void)
{
	ImportStaging *staging = palloc0(sizeof(ImportStaging));
	Oid			email_address = catalog_type("email_address");

	staging->context = CurrentMemoryContext;
	staging->descriptor = CreateTemplateTupleDesc(STAGED_COLUMN_COUNT);
	TupleDescInitEntry(staging->descriptor, STAGED_ROW + 1, "row", INT8OID, -1, 0);
	TupleDescInitEntry(staging->descriptor, STAGED_PRIMARY_EMAIL_ADDRESS + 1, "primary_email_address",
					   email_address, -1, 0);
	TupleDescInitEntry(staging->descriptor, STAGED_EXISTING_EMAIL_ADDRESS + 1, "existing_email_address",
					   email_address, -1, 0);
	TupleDescInitEntry(staging->descriptor, STAGED_UNIQUE_USER_ID + 1, "unique_user_id", TEXTOID, -1, 0);
	TupleDescInitEntry(staging->descriptor, STAGED_NEW_UNIQUE_USER_ID + 1, "new_unique_user_id", TEXTOID, -1, 0);
	TupleDescInitEntry(staging->descriptor, STAGED_ADDRESS_KEYS + 1, "address_keys", INT8ARRAYOID, -1, 0);
	TupleDescInitEntry(staging->descriptor, STAGED_REJECTED + 1, "rejected", BOOLOID, -1, 0);
	TupleDescInitEntry(staging->descriptor, STAGED_RECORD + 1, "record", BYTEAOID, -1, 0);
	staging->rows = tuplestore_begin_heap(true, false, work_mem);
	staging->slot = MakeSingleTupleTableSlot(staging->descriptor, &TTSOpsMinimalTuple);
	return staging;
}

static bytea *
pack_record(const csv_record *record)
{
	size_t		fixed = offsetof(StagedRecord, fields) + sizeof(StagedField) * record->field_count;
	size_t		size = VARHDRSZ + fixed + record->raw_length;
	bytea	   *packed;
	StagedRecord *staged;
	char	   *unescaped;

	for (int i = 0; i < record->field_count; i++)
		if (record->fields[i].data < record->raw || record->fields[i].data > record->raw + record->raw_length)
			size += record->fields[i].length;

	packed = palloc(size);
	SET_VARSIZE(packed, size);
	staged = (StagedRecord *) VARDATA(packed);
	staged->line = record->line;
	staged->field_count = record->field_count;
	staged->raw_length = (uint32) record->raw_length;
	unescaped = (char *) staged + fixed;
	memcpy(unescaped, record->raw, record->raw_length);
	unescaped += record->raw_length;
	for (int i = 0; i < record->field_count; i++)
	{
		const csv_field *field = &record->fields[i];

		staged->fields[i].length = (uint32) field->length;
		if (field->data >= record->raw && field->data <= record->raw + record->raw_length)
			staged->fields[i].offset = (uint32) (fixed + (field->data - record->raw));
		else
		{
			staged->fields[i].offset = (uint32) (unescaped - (char *) staged);
			memcpy(unescaped, field->data, field->length);
			unescaped += field->length;
		}
	}
	return packed;
}

static Datum
address_keys(const Import *import, const char *address, bool *isnull)
{
	int64	   *keys;
	int			count;

	*isnull = address == NULL;
	if (address == NULL)
		return (Datum) 0;
	count = duplicate_rules_keys(import->rules, address, &keys);
	return sql_int8_array(keys, count).value;
}

/*
 * Adds a row.  Rows are numbered from 0 in the order in which they come; their
 * e-mail addresses must be valid.
 */
void
import_staging_put(Import *import, const ImportRow *row, const csv_record *record)
{
	ImportStaging *staging = import->staging;
	MemoryContext old_context = MemoryContextSwitchTo(import->row_context);
	Datum		values[STAGED_COLUMN_COUNT];
	bool		nulls[STAGED_COLUMN_COUNT] = {0};

	values[STAGED_ROW] = Int64GetDatum(staging->count++);
	values[STAGED_PRIMARY_EMAIL_ADDRESS] = sql_text_datum(row->primary_email_address,
														&nulls[STAGED_PRIMARY_EMAIL_ADDRESS]);
	values[STAGED_EXISTING_EMAIL_ADDRESS] = sql_text_datum(row->existing_email_address,
														 &nulls[STAGED_EXISTING_EMAIL_ADDRESS]);
	values[STAGED_UNIQUE_USER_ID] = sql_text_datum(row->unique_user_id, &nulls[STAGED_UNIQUE_USER_ID]);
	values[STAGED_NEW_UNIQUE_USER_ID] = sql_text_datum(row->new_unique_user_id,
													 &nulls[STAGED_NEW_UNIQUE_USER_ID]);
	values[STAGED_ADDRESS_KEYS] = address_keys(import, row->primary_email_address, &nulls[STAGED_ADDRESS_KEYS]);
	values[STAGED_REJECTED] = BoolGetDatum(row->rejected);
	values[STAGED_RECORD] = PointerGetDatum(pack_record(record));
	tuplestore_putvalues(staging->rows, staging->descriptor, values, nulls);
	MemoryContextSwitchTo(old_context);
}

/* Frees the store's temporary file. */
void
import_staging_end(ImportStaging *staging)
{
	tuplestore_end(staging->rows);
}

int64
import_staging_count(const ImportStaging *staging)
{
	return staging->count;
}

/* Goes back to the first row. */
void
import_staging_rewind(ImportStaging *staging)
{
	tuplestore_select_read_pointer(staging->rows, 0);
	tuplestore_rescan(staging->rows);
}

/*
 * Reads the next row; false at the end.  What *record points to is valid until
 * the next call.
 */
bool
import_staging_next(Import *import, csv_record *record, bool *rejected)
{
	ImportStaging *staging = import->staging;
	StagedRecord *staged;
	bool		isnull;

	tuplestore_select_read_pointer(staging->rows, 0);
	if (!tuplestore_gettupleslot(staging->rows, true, false, staging->slot))
		return false;
	slot_getallattrs(staging->slot);
	*rejected = DatumGetBool(slot_getattr(staging->slot, STAGED_REJECTED + 1, &isnull));
	/* the tuple is 8-byte aligned, but its bytea need not be */
	{
		bytea	   *packed = DatumGetByteaPP(slot_getattr(staging->slot, STAGED_RECORD + 1, &isnull));
		size_t		length = VARSIZE_ANY_EXHDR(packed);

		staged = MemoryContextAlloc(import->row_context, length);
		memcpy(staged, VARDATA_ANY(packed), length);
	}

	if (staged->field_count > staging->field_capacity)
	{
		staging->field_capacity = staged->field_count;
		staging->fields = MemoryContextAlloc(staging->context, sizeof(csv_field) * staging->field_capacity);
	}
	for (int i = 0; i < staged->field_count; i++)
	{
		staging->fields[i].data = (char *) staged + staged->fields[i].offset;
		staging->fields[i].length = staged->fields[i].length;
		staging->fields[i].quoted = false;
	}
	record->line = staged->line;
	record->offset = 0;
	record->raw = (char *) staged + offsetof(StagedRecord, fields) + sizeof(StagedField) * staged->field_count;
	record->raw_length = staged->raw_length;
	record->field_count = staged->field_count;
	record->fields = staging->fields;
	return true;
}

/* Lets statements read the rows as the table "staged". */
void
import_staging_register(ImportStaging *staging)
{
	sql_register("staged", staging->rows, staging->descriptor, staging->count);
}
