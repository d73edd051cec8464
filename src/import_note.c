/*
 * import_note.c
 *		What of a row matters to the rows behind it, while a file is read.
 *
 * Making the note of a row needs nothing but the row: hashes of its keys, what it
 * says of licenses.  So it is done where the row is parsed, maybe by another process
 * (import_worker.c).  Taking notes is the import's own, in the order of the rows:
 * they go to the collections of keys, to the filter of similar people and to the
 * hashes of records.
 */
#include "import.h"

#include "common/hashfn.h"
#include "core/ascii_case.h"

/* ---- making ---- */

static uint64
hash_of_key(const char *key, size_t length)
{
	return hash_bytes_extended((const unsigned char *) key, (int) length, 0);
}

/* Addresses are the same whatever their case. */
static uint64
hash_of_address(const char *address)
{
	char		folded[EMAIL_MAX_LENGTH];

	return hash_of_key(folded, email_fold(address, strlen(address), folded));
}

static void
note_keys(RowNote *note, const ImportRow *row)
{
	note->has_email = row->primary_email_address != NULL;
	if (note->has_email)
		note->email_hash = hash_of_address(row->primary_email_address);
	note->has_user_id = row->unique_user_id != NULL;
	if (note->has_user_id)
		note->user_id_hash = hash_of_key(row->unique_user_id, strlen(row->unique_user_id));
	note->has_new_user_id = row->new_unique_user_id != NULL;
	if (note->has_new_user_id)
		note->new_user_id_hash = hash_of_key(row->new_unique_user_id, strlen(row->new_unique_user_id));
}

/* Counts what the row says of licenses, and notes whether it says active or inactive of any. */
static void
count_cells(Import *import, const ImportRow *row, RowNote *note)
{
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_LICENSE)
		{
			import->active_cells[import->columns[i].license] += row->cells[i].value == CELL_YES;
			import->inactive_cells += row->cells[i].value == CELL_NO;
			note->says_active = note->says_active || row->cells[i].value == CELL_YES;
			note->says_inactive = note->says_inactive || row->cells[i].value == CELL_NO;
		}
	if (import->initial_license != NO_LICENSE)
	{
		import->active_cells[import->initial_license]++;
		note->says_active = true;
	}
}

/*
 * Makes the note of a row, whose similar_keys it sets too.  Counts in the import what
 * the row says of licenses.  To be called in the row context.
 */
void
import_note_make(Import *import, ImportRow *row, RowNote *note)
{
	memset(note, 0, offsetof(RowNote, similar));
	note->line = row->line;
	note->is_rejected = row->rejected;
	note->key_known = row->key_known;
	/* read again, it might mean another profile */
	note->is_lasting = !row->rejected && row->existing_email_address == NULL && row->new_unique_user_id == NULL;
	note->similar.keys.local = 0;
	note->similar.local_length = 0;
	if (row->rejected)
		return;
	count_cells(import, row, note);
	note_keys(note, row);
	import_similar_note(import, row, note);
}

/* ---- taking ---- */

/* Takes the note of the next row, by its number; hash: of its record, if hashes are kept. */
void
import_note_take(Import *import, const RowNote *note, int64 row_number, const FeedRecordHash *hash)
{
	if (!note->key_known && import->unreadable_line == 0)
		import->unreadable_line = note->line;
	import_unchanged_stage(import, note, hash);
	if (note->is_rejected)
		return;
	import_similar_take(import, note, row_number);
	if (note->has_email)
		import_keys_add(import->emails, note->email_hash, row_number);
	if (note->has_user_id)
		import_keys_add(import->user_ids, note->user_id_hash, row_number);
	if (note->has_new_user_id)
		import_keys_add(import->user_ids, note->new_user_id_hash, row_number);
}
