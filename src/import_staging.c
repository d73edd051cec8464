/*
 * import_staging.c
 *		Keeps the rows of a file between the phases of an import.
 *
 * A record is parsed once, when it is read.  What it says is kept as a row in a
 * spool, packed, with the raw record behind it, which findings show:
 *
 *		| StagedRow | keys | cells | raw record |
 *
 * A cell is a byte that says what follows it.  A string is its length, its bytes and a
 * NUL; but most strings are a part of the record, and only their place in it is kept.
 *
 * Of an account that has profiles, the keys are joined with these by statements.
 * For them, the keys alone are put into a tuplestore, which they read as the
 * table "staged".
 */
#include "import.h"

#include "catalog.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "spool.h"
#include "sql.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/tuplestore.h"

enum
{
	STAGED_ROW,
	STAGED_PRIMARY_EMAIL_ADDRESS,
	STAGED_EXISTING_EMAIL_ADDRESS,
	STAGED_UNIQUE_USER_ID,
	STAGED_NEW_UNIQUE_USER_ID,
	STAGED_REJECTED,
	STAGED_COLUMN_COUNT
};

/* What a row is, and which keys it has. */
#define ROW_IS_REJECTED			0x01
#define ROW_KEY_KNOWN			0x02
#define ROW_KEY_UNREADABLE		0x04
#define ROW_REUPLOADS			0x08
#define ROW_HAS_ADDRESS			0x10
#define ROW_HAS_EXISTING		0x20
#define ROW_HAS_USER_ID			0x40
#define ROW_HAS_NEW_USER_ID		0x80
#define ROW_IS_BUILT_FROM_NAME	0x100

/* What follows a cell's byte, whose lowest bits are its value. */
#define CELL_VALUE_MASK			0x0F
#define CELL_HAS_TEXT			0x10
#define CELL_HAS_STATUS			0x20
#define CELL_HAS_GROUP			0x40

/* With a string's length: it lies in the record, and its place there follows. */
#define STRING_IN_RECORD		0x80000000

typedef struct StagedRow
{
	uint32		size;			/* with all that follows */
	uint32		raw_length;
	int64		line;
	SimilarKeys similar_keys;
	uint64		similar_name;
	uint32		flags;
} StagedRow;

struct ImportStaging
{
	Spool	   *spool;
	int64		count;
	StringInfoData packed;		/* the row that is being put */
	ResourceOwner owner;
	MemoryContext context;
	Tuplestorestate *table;		/* NULL: not needed so far */
	TupleDesc	descriptor;
};

/* An empty store, palloc'd in the current memory context. */
ImportStaging *
import_staging_create(void)
{
	ImportStaging *staging = palloc0(sizeof(ImportStaging));

	staging->context = CurrentMemoryContext;
	staging->owner = CurrentResourceOwner;
	staging->spool = spool_create((Size) work_mem * 1024 / 16);
	initStringInfo(&staging->packed);
	return staging;
}

/* ---- packing ---- */

/* Appends so many bytes, whose number is small or known to the compiler. */
static inline void
pack_bytes(StringInfo packed, const void *bytes, Size size)
{
	if ((Size) (packed->maxlen - packed->len) <= size)
		enlargeStringInfo(packed, (int) size);
	memcpy(packed->data + packed->len, bytes, size);
	packed->len += (int) size;
}

static void
pack_string(StringInfo packed, const ImportRow *row, const char *string)
{
	uint32		length = (uint32) strlen(string);

	if (row->texts != NULL && string >= row->texts && string < row->texts + row->raw_length)
	{
		uint32		place[] = {length | STRING_IN_RECORD, (uint32) (string - row->texts)};

		pack_bytes(packed, place, sizeof(place));
		return;
	}
	pack_bytes(packed, &length, sizeof(length));
	pack_bytes(packed, string, length + 1);
}

static uint32
pack_key(StringInfo packed, const ImportRow *row, const char *key, uint32 flag)
{
	if (key == NULL)
		return 0;
	pack_string(packed, row, key);
	return flag;
}

static void
pack_cell(StringInfo packed, const ImportRow *row, const ImportColumn *column, const ImportCell *cell)
{
	char		tag = (char) cell->value;

	if (cell->text != NULL)
		tag |= CELL_HAS_TEXT;
	if (cell->status.kind != VENDOR_STATUS_NONE)
		tag |= CELL_HAS_STATUS;
	if (column->kind == COLUMN_GROUP_NAME)
		tag |= CELL_HAS_GROUP;
	pack_bytes(packed, &tag, sizeof(tag));
	if (tag & CELL_HAS_TEXT)
		pack_string(packed, row, cell->text);
	if (tag & CELL_HAS_STATUS)
		pack_bytes(packed, &cell->status, sizeof(cell->status));
	if (tag & CELL_HAS_GROUP)
		pack_bytes(packed, &cell->group, sizeof(cell->group));
}

/* Appends a row as it is kept, but for its raw record. */
static void
pack_row(const Import *import, const ImportRow *row, StringInfo packed)
{
	StagedRow	staged = {.line = row->line,.raw_length = (uint32) row->raw_length,
	.similar_keys = row->similar_keys,.similar_name = row->similar_name.hash};
	int			start = packed->len;

	pack_bytes(packed, &staged, sizeof(staged));
	staged.flags = (row->rejected ? ROW_IS_REJECTED : 0) | (row->key_known ? ROW_KEY_KNOWN : 0) |
		(row->key_unreadable ? ROW_KEY_UNREADABLE : 0) | (row->reupload_user_profile ? ROW_REUPLOADS : 0) |
		(row->similar_name.is_built_from ? ROW_IS_BUILT_FROM_NAME : 0);
	staged.flags |= pack_key(packed, row, row->primary_email_address, ROW_HAS_ADDRESS);
	staged.flags |= pack_key(packed, row, row->existing_email_address, ROW_HAS_EXISTING);
	staged.flags |= pack_key(packed, row, row->unique_user_id, ROW_HAS_USER_ID);
	staged.flags |= pack_key(packed, row, row->new_unique_user_id, ROW_HAS_NEW_USER_ID);
	for (int i = 0; i < import->column_count; i++)
		pack_cell(packed, row, &import->columns[i], &row->cells[i]);
	staged.size = (uint32) (packed->len - start + row->raw_length);
	memcpy(packed->data + start, &staged, sizeof(staged));
}

/* Appends a row for import_staging_put_packed(). */
void
import_staging_pack(const Import *import, const ImportRow *row, StringInfo packed)
{
	pack_row(import, row, packed);
	pack_bytes(packed, row->raw, row->raw_length);
}

/* Adds a row. */
void
import_staging_put(Import *import, const ImportRow *row)
{
	ImportStaging *staging = import->staging;

	resetStringInfo(&staging->packed);
	pack_row(import, row, &staging->packed);
	spool_write(staging->spool, staging->packed.data, staging->packed.len);
	spool_write(staging->spool, row->raw, row->raw_length);
	staging->count++;
}

/* Adds rows that were packed before, maybe elsewhere. */
void
import_staging_put_packed(ImportStaging *staging, const char *packed, Size size, int64 count)
{
	spool_write(staging->spool, packed, size);
	staging->count += count;
}

/* Frees what the store holds. */
void
import_staging_end(ImportStaging *staging)
{
	spool_free(staging->spool);
	if (staging->table != NULL)
		tuplestore_end(staging->table);
}

int64
import_staging_count(const ImportStaging *staging)
{
	return staging->count;
}

/* ---- unpacking ---- */

static char *
unpack_string(const ImportRow *row, char **position)
{
	char	   *string = *position + sizeof(uint32);
	uint32		length;
	uint32		place;

	memcpy(&length, *position, sizeof(length));
	if ((length & STRING_IN_RECORD) == 0)
	{
		*position = string + length + 1;
		return string;
	}
	memcpy(&place, string, sizeof(place));
	*position = string + sizeof(place);
	return import_row_text(row, place, length & ~STRING_IN_RECORD);
}

static void
unpack_cell(const ImportRow *row, ImportCell *cell, char **position)
{
	int			tag = (unsigned char) *(*position)++;

	cell->value = tag & CELL_VALUE_MASK;
	if (tag & CELL_HAS_TEXT)
		cell->text = unpack_string(row, position);
	if (tag & CELL_HAS_STATUS)
	{
		memcpy(&cell->status, *position, sizeof(cell->status));
		*position += sizeof(cell->status);
	}
	if (tag & CELL_HAS_GROUP)
	{
		memcpy(&cell->group, *position, sizeof(cell->group));
		*position += sizeof(cell->group);
	}
}

/* Goes back to the first row. */
void
import_staging_rewind(ImportStaging *staging)
{
	spool_rewind(staging->spool);
}

/*
 * The same, when the rows are read for the last time: many give their place back as
 * they are read, and the file has to be read once more if they are needed after all.
 */
void
import_staging_drain(ImportStaging *staging)
{
	spool_drain(staging->spool);
}

/* Can the rows not be read any more? */
bool
import_staging_is_drained(const ImportStaging *staging)
{
	return spool_is_drained(staging->spool);
}

/*
 * Reads the next row into *row, whose memory is the import's row context's; false
 * at the end.  with_cells: else it gets none.
 */
bool
import_staging_next(Import *import, ImportRow *row, bool with_cells)
{
	StagedRow	staged;
	Size		size;
	char	   *packed;
	char	   *position;

	if (!spool_read(import->staging->spool, &staged, sizeof(staged)))
		return false;
	size = staged.size - sizeof(staged);
	packed = MemoryContextAllocHuge(import->row_context, size + staged.raw_length + 1);
	if (!spool_read(import->staging->spool, packed, size))
		elog(ERROR, "unexpected end of the staged rows");

	memset(row, 0, sizeof(ImportRow));
	row->line = staged.line;
	row->similar_keys = staged.similar_keys;
	row->similar_name.hash = staged.similar_name;
	row->similar_name.is_built_from = (staged.flags & ROW_IS_BUILT_FROM_NAME) != 0;
	row->raw = packed + size - staged.raw_length;
	row->raw_length = staged.raw_length;
	row->texts = packed + size;
	memcpy(row->texts, row->raw, row->raw_length);
	row->rejected = (staged.flags & ROW_IS_REJECTED) != 0;
	row->key_known = (staged.flags & ROW_KEY_KNOWN) != 0;
	row->key_unreadable = (staged.flags & ROW_KEY_UNREADABLE) != 0;
	row->reupload_user_profile = (staged.flags & ROW_REUPLOADS) != 0;
	position = packed;
	if (staged.flags & ROW_HAS_ADDRESS)
		row->primary_email_address = unpack_string(row, &position);
	if (staged.flags & ROW_HAS_EXISTING)
		row->existing_email_address = unpack_string(row, &position);
	if (staged.flags & ROW_HAS_USER_ID)
		row->unique_user_id = unpack_string(row, &position);
	if (staged.flags & ROW_HAS_NEW_USER_ID)
		row->new_unique_user_id = unpack_string(row, &position);
	if (with_cells)
	{
		row->cells = MemoryContextAllocZero(import->row_context, sizeof(ImportCell) * import->column_count);
		for (int i = 0; i < import->column_count; i++)
			unpack_cell(row, &row->cells[i], &position);
	}
	return true;
}

/* ---- the table "staged" ---- */

static TupleDesc
make_descriptor(void)
{
	Oid			email_address = catalog_type("email_address");
	TupleDesc	descriptor = CreateTemplateTupleDesc(STAGED_COLUMN_COUNT);

	TupleDescInitEntry(descriptor, STAGED_ROW + 1, "row", INT8OID, -1, 0);
	TupleDescInitEntry(descriptor, STAGED_PRIMARY_EMAIL_ADDRESS + 1, "primary_email_address",
					   email_address, -1, 0);
	TupleDescInitEntry(descriptor, STAGED_EXISTING_EMAIL_ADDRESS + 1, "existing_email_address",
					   email_address, -1, 0);
	TupleDescInitEntry(descriptor, STAGED_UNIQUE_USER_ID + 1, "unique_user_id", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, STAGED_NEW_UNIQUE_USER_ID + 1, "new_unique_user_id", TEXTOID, -1, 0);
	TupleDescInitEntry(descriptor, STAGED_REJECTED + 1, "rejected", BOOLOID, -1, 0);
	compat_finish_descriptor(descriptor);
	return descriptor;
}

/* Fills the table; it lives as long as the store, whatever subtransaction this is. */
static void
make_table(Import *import)
{
	ImportStaging *staging = import->staging;
	ResourceOwner old_owner = CurrentResourceOwner;
	MemoryContext old_context = MemoryContextSwitchTo(staging->context);
	ImportRow	row;

	CurrentResourceOwner = staging->owner;
	staging->table = tuplestore_begin_heap(true, false, work_mem / 4);
	CurrentResourceOwner = old_owner;
	staging->descriptor = make_descriptor();
	MemoryContextSwitchTo(import->row_context);
	import_staging_rewind(staging);
	MemoryContextReset(import->row_context);
	for (int64 i = 0; import_staging_next(import, &row, false); i++)
	{
		Datum		values[STAGED_COLUMN_COUNT];
		bool		nulls[STAGED_COLUMN_COUNT] = {0};

		values[STAGED_ROW] = Int64GetDatum(i);
		/* stored like text */
		values[STAGED_PRIMARY_EMAIL_ADDRESS] =
			sql_text_datum(row.primary_email_address, &nulls[STAGED_PRIMARY_EMAIL_ADDRESS]);
		values[STAGED_EXISTING_EMAIL_ADDRESS] =
			sql_text_datum(row.existing_email_address, &nulls[STAGED_EXISTING_EMAIL_ADDRESS]);
		values[STAGED_UNIQUE_USER_ID] = sql_text_datum(row.unique_user_id, &nulls[STAGED_UNIQUE_USER_ID]);
		values[STAGED_NEW_UNIQUE_USER_ID] =
			sql_text_datum(row.new_unique_user_id, &nulls[STAGED_NEW_UNIQUE_USER_ID]);
		values[STAGED_REJECTED] = BoolGetDatum(row.rejected);
		tuplestore_putvalues(staging->table, staging->descriptor, values, nulls);
		MemoryContextReset(import->row_context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * Lets statements read the rows' keys as the table "staged", until
 * import_staging_unregister().  Reads the rows, so it must not be called while
 * they are being read.
 */
void
import_staging_register(Import *import)
{
	if (import->staging->table == NULL)
		make_table(import);
	sql_unregister("staged");
	sql_register("staged", import->staging->table, import->staging->descriptor, import->staging->count);
}

void
import_staging_unregister(void)
{
	sql_unregister("staged");
}
