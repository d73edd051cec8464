/*
 * import_slot.h
 *		Records that are parsed out of their turn, by whichever process does.
 */
#ifndef ORGSYNC_IMPORT_SLOT_H
#define ORGSYNC_IMPORT_SLOT_H

#include "import.h"

#include "core/csv_reader.h"

#define SLOT_RECORDS	(64 * 1024)		/* bytes of records */
#define SLOT_RESULTS	(512 * 1024)	/* findings, notes and rows are mostly less than a half of it */

typedef enum SlotState
{
	SLOT_EMPTY,
	SLOT_FILLED,
	SLOT_TAKEN,
	SLOT_PARSED,
	SLOT_LEFT					/* its results are too large, or a record cannot be split */
} SlotState;

typedef struct Slot
{
	SlotState	state;			/* for those who share the slot, and their mutex */
	int			count;
	Size		records_size;
	Size		findings_size;	/* of the results, in this order, each MAXALIGNed */
	Size		notes_size;
	Size		rows_size;
	char		records[SLOT_RECORDS + CSV_FIELD_SLACK] pg_attribute_aligned(MAXIMUM_ALIGNOF);
	char		results[SLOT_RESULTS] pg_attribute_aligned(MAXIMUM_ALIGNOF);
} Slot;

/* Who parses slots. */
typedef struct SlotParser
{
	Import	   *import;
	csv_reader *reader;
	StringInfoData findings;
	StringInfoData notes;
	StringInfoData rows;
} SlotParser;

extern bool import_slot_holds(const csv_record *record);
extern bool import_slot_put(Slot *slot, const csv_record *record, const FeedRecordHash *hash);
extern void import_slot_parser_begin(SlotParser *parser, Import *import, csv_reader *reader);
extern bool import_slot_parse(SlotParser *parser, Slot *slot);
extern void import_slot_take(Import *import, Slot *slot);
extern bool import_slot_read(Import *import, csv_reader *reader, Slot *slot, csv_fault *fault);

#endif
