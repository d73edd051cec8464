/*
 * diff_vendor.c
 *		What the vendor has of the changed cells of a person whom it knows.
 *
 * It stands in the first of each cell's changes; of a leaver who is back, in
 * "leavers".
 */
#include "diff_subject.h"

#include "attribute.h"
#include "utils/builtins.h"

/* The columns of "changes" that are columns of "profiles", by their places. */
const char *const diff_profile_columns[DIFF_PROFILE_COLUMN_COUNT] = {
	[DIFF_PRIMARY_EMAIL_ADDRESS] = "primary_email_address",
	[DIFF_UNIQUE_USER_ID] = "unique_user_id",
	[DIFF_PREFERRED_FIRST_NAME] = "preferred_first_name",
	[DIFF_PREFERRED_LAST_NAME] = "preferred_last_name",
	[DIFF_WORK_TITLE] = "work_title"
};

static int
compare_rows(const void *a, const void *b)
{
	const ChangeRow *left = a;
	const ChangeRow *right = b;
	int			result;

	if (left->place != right->place)
		return left->place < right->place ? -1 : 1;
	result = strcmp(left->key, right->key);
	if (result != 0)
		return result;
	return left->change_id < right->change_id ? -1 : left->change_id > right->change_id;
}

static void
add_vendor_cell(VendorCells *vendor, DiffPlace place, const char *column_name, const char *value)
{
	ChangeRow  *row = &vendor->cells[vendor->count++];

	row->change_id = 0;
	row->place = place;
	row->key = row->column_name = unconstify(char *, column_name);
	row->value = unconstify(char *, value);
}

/* Calls the function for each attribute; attributes may be NULL. */
void
diff_each_attribute(Jsonb *attributes, AttributeCallback callback, void *context)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (attributes == NULL)
		return;
	iterator = JsonbIteratorInit(&attributes->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		callback(context, name, attribute_text(&value));
	}
}

static void
add_vendor_attribute(void *context, char *name, char *value)
{
	add_vendor_cell(context, DIFF_ATTRIBUTE, psprintf("attribute_%s", name), value);
}

static VendorCells
vendor_cells_of_leaver(const DiffLeaver *leaver)
{
	VendorCells vendor = {0};
	int			capacity = 5 + (leaver->attributes ? JB_ROOT_COUNT(leaver->attributes) : 0);

	vendor.cells = palloc(capacity * sizeof(ChangeRow));
	add_vendor_cell(&vendor, DIFF_PRIMARY_EMAIL_ADDRESS, "primary_email_address", leaver->email);
	add_vendor_cell(&vendor, DIFF_UNIQUE_USER_ID, "unique_user_id", leaver->id);
	add_vendor_cell(&vendor, DIFF_PREFERRED_FIRST_NAME, "preferred_first_name", leaver->first_name);
	add_vendor_cell(&vendor, DIFF_PREFERRED_LAST_NAME, "preferred_last_name", leaver->last_name);
	add_vendor_cell(&vendor, DIFF_WORK_TITLE, "work_title", leaver->title);
	diff_each_attribute(leaver->attributes, add_vendor_attribute, &vendor);
	qsort(vendor.cells, vendor.count, sizeof(ChangeRow), compare_rows);
	return vendor;
}

/* What the vendor has of the changed cells of a person whom it knows; palloc'd. */
VendorCells
diff_vendor_cells(const DiffSubject *subject)
{
	VendorCells vendor = {0};
	int			count = 0;

	if (subject->returned != NULL)
		return vendor_cells_of_leaver(subject->returned);
	vendor.cells = palloc((subject->row_count + DIFF_PROFILE_COLUMN_COUNT) * sizeof(ChangeRow));
	for (int i = 0; i < subject->row_count; i++)
		if (subject->rows[i].key != NULL && subject->rows[i].profile_id == subject->source_id)
			vendor.cells[count++] = subject->rows[i];
	/* a text that a deleted profile did not have has no change */
	for (DiffPlace place = DIFF_PRIMARY_EMAIL_ADDRESS;
		 place <= DIFF_WORK_TITLE && subject->source_id != subject->profile_id; place++)
	{
		vendor.count = count++;
		add_vendor_cell(&vendor, place, diff_profile_columns[place], NULL);
		vendor.cells[count - 1].change_id = PG_INT64_MAX;
	}
	vendor.count = 0;
	if (count > 1)
		qsort(vendor.cells, count, sizeof(ChangeRow), compare_rows);
	for (int i = 0; i < count; i++)
	{
		const ChangeRow *row = &vendor.cells[i];
		const ChangeRow *last = &vendor.cells[vendor.count - 1];

		if (vendor.count == 0 || row->place != last->place || strcmp(row->key, last->key) != 0)
			vendor.cells[vendor.count++] = *row;
	}
	return vendor;
}

/* The cell of that key, or NULL. */
const ChangeRow *
diff_find_vendor_cell(const VendorCells *vendor, DiffPlace place, const char *key)
{
	int			low = 0;
	int			high = vendor->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const ChangeRow *row = &vendor->cells[middle];
		int			order = row->place != place ? (row->place < place ? -1 : 1) : strcmp(row->key, key);

		if (order == 0)
			return row;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
