/*
 * import_slot.c
 *		Records that are parsed out of their turn, by whichever process does.
 *
 * A slot is a piece of memory of one size that two processes may share: records are put
 * into it, then parsed, and what they say is taken out when it is their turn.  Until
 * then the results wait as bytes, in the order in which they will be needed: first
 * all findings, then all notes, then all rows as they are staged.
 */
#include "import_slot.h"

#include "utils/memutils.h"

/* A record in a slot, before its bytes. */
typedef struct SlotRecord
{
	int64		line;
	int64		offset;
	uint32		length;			/* and a byte of the line end behind it */
	unsigned int quotes;
	FeedRecordHash hash;
} SlotRecord;

#define SLOT_RECORD_SIZE(length)	MAXALIGN(sizeof(SlotRecord) + (length) + 1)

/* ---- records ---- */

/* Could the record be put into an empty slot? */
bool
import_slot_holds(const csv_record *record)
{
	return SLOT_RECORD_SIZE(record->raw_length) <= SLOT_RECORDS;
}

/* Puts a copy of the record into the slot; false if it has no room any more.  hash: NULL if none is kept. */
bool
import_slot_put(Slot *slot, const csv_record *record, const FeedRecordHash *hash)
{
	Size		size = SLOT_RECORD_SIZE(record->raw_length);
	SlotRecord *packed = (SlotRecord *) (slot->records + slot->records_size);

	if (slot->records_size + size > SLOT_RECORDS)
		return false;
	packed->line = record->line;
	packed->offset = record->offset;
	packed->length = (uint32) record->raw_length;
	packed->quotes = record->quotes;
	if (hash != NULL)
		packed->hash = *hash;
	memcpy(packed + 1, record->raw, record->raw_length + 1);
	slot->records_size += size;
	slot->count++;
	return true;
}

/* The record at *position of a slot, without its fields; moves on to the next. */
static const SlotRecord *
next_record(char **position, csv_record *record)
{
	const SlotRecord *packed = (const SlotRecord *) *position;

	memset(record, 0, sizeof(csv_record));
	record->line = packed->line;
	record->offset = packed->offset;
	record->raw = *position + sizeof(SlotRecord);
	record->raw_length = packed->length;
	record->quotes = packed->quotes;
	*position += SLOT_RECORD_SIZE(packed->length);
	return packed;
}

/* ---- parsing ---- */

/* Begins to parse slots, with a reader that splits records.  What is needed for it is the import's. */
void
import_slot_parser_begin(SlotParser *parser, Import *import, csv_reader *reader)
{
	MemoryContext old_context = MemoryContextSwitchTo(import->context);

	parser->import = import;
	parser->reader = reader;
	initStringInfo(&parser->findings);
	initStringInfo(&parser->notes);
	initStringInfo(&parser->rows);
	MemoryContextSwitchTo(old_context);
}

/* Parses the records of a slot; false if one cannot be split. */
static bool
parse_records(SlotParser *parser, Slot *slot)
{
	Import	   *import = parser->import;
	char	   *position = slot->records;

	resetStringInfo(&parser->findings);
	resetStringInfo(&parser->notes);
	resetStringInfo(&parser->rows);
	for (int i = 0; i < slot->count; i++)
	{
		csv_record	record;
		csv_fault	fault;
		ImportRow	row;
		RowNote		note;

		(void) next_record(&position, &record);
		if (csv_reader_split(parser->reader, &record, &fault) != CSV_RECORD)
			return false;
		import_parse_record(import, &record, &row, &note);
		appendBinaryStringInfo(&parser->notes, (char *) &note, (int) ROW_NOTE_SIZE(&note));
		import_staging_pack(import, &row, &parser->rows);
	}
	return true;
}

/* Puts the results into the slot; false if it has no room for them. */
static bool
store_results(const SlotParser *parser, Slot *slot)
{
	char	   *position = slot->results;

	slot->findings_size = (Size) parser->findings.len;
	slot->notes_size = (Size) parser->notes.len;
	slot->rows_size = (Size) parser->rows.len;
	if (slot->findings_size + slot->notes_size + slot->rows_size > SLOT_RESULTS)
		return false;
	memcpy(position, parser->findings.data, slot->findings_size);
	position += slot->findings_size;
	memcpy(position, parser->notes.data, slot->notes_size);
	position += slot->notes_size;
	memcpy(position, parser->rows.data, slot->rows_size);
	return true;
}

/*
 * Parses the records of a slot, and leaves the results there.  False, and nothing is
 * counted, if that cannot be: then import_slot_read() must.
 */
bool
import_slot_parse(SlotParser *parser, Slot *slot)
{
	Import	   *import = parser->import;
	Size		cells_size = sizeof(int64) * import->license_count;
	int64	   *active_cells = palloc(Max(cells_size, 1));
	int64		inactive_cells = import->inactive_cells;
	bool		is_done;

	memcpy(active_cells, import->active_cells, cells_size);
	import_findings_divert(import->findings, &parser->findings);
	is_done = parse_records(parser, slot) && store_results(parser, slot);
	import_findings_divert(import->findings, NULL);
	if (!is_done)
	{
		/* they will be counted by who parses them in their turn */
		memcpy(import->active_cells, active_cells, cells_size);
		import->inactive_cells = inactive_cells;
	}
	pfree(active_cells);
	return is_done;
}

/* ---- results ---- */

/* Takes the results of a slot that was parsed, when it is its turn: findings, notes and rows. */
void
import_slot_take(Import *import, Slot *slot)
{
	char	   *records = slot->records;
	char	   *findings = slot->results;
	char	   *notes = findings + slot->findings_size;
	char	   *rows = notes + slot->notes_size;

	import_findings_add(import, findings, slot->findings_size);
	for (int i = 0; i < slot->count; i++)
	{
		const RowNote *note = (const RowNote *) notes;
		csv_record	record;
		const SlotRecord *packed = next_record(&records, &record);

		import_note_take(import, note, import_staging_count(import->staging) + i, &packed->hash);
		notes += ROW_NOTE_SIZE(note);
	}
	import_staging_put_packed(import->staging, rows, slot->rows_size, slot->count);
}

/* Reads the records of a slot one by one.  False if one cannot be split: *fault is set. */
bool
import_slot_read(Import *import, csv_reader *reader, Slot *slot, csv_fault *fault)
{
	char	   *position = slot->records;
	bool		is_read = true;

	for (int i = 0; is_read && i < slot->count; i++)
	{
		csv_record	record;
		const SlotRecord *packed = next_record(&position, &record);

		is_read = import_read_record(import, reader, &record, &packed->hash, fault) == CSV_RECORD;
	}
	return is_read;
}
