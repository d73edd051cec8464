/*
 * import_values.c
 *		The profile as a row of a file wants it.
 *
 * A cell without text is no action.  Nothing and an empty string are the same,
 * as they are to the vendor.
 */
#include "import.h"

#include "utils/builtins.h"

static bool
strings_equal(const char *a, const char *b)
{
	/* nothing and an empty string are the same to the vendor */
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void
set_string(char **value, char *text, bool *changed)
{
	if (text == NULL || strings_equal(*value, text))
		return;
	*value = text;
	*changed = true;
}

static void
set_full_name(ProfileValues *values, const char *name, bool *changed)
{
	char	   *first_name;
	char	   *last_name;

	if (name == NULL)
		return;
	cell_split_name(pstrdup(name), &first_name, &last_name);
	set_string(&values->preferred_first_name, first_name, changed);
	set_string(&values->preferred_last_name, last_name, changed);
}

/* The attribute of that name, palloc'd; NULL if there is none. */
char *
import_attribute_of(Jsonb *attributes, const char *name)
{
	JsonbValue	key;
	JsonbValue *value;

	if (attributes == NULL)
		return NULL;
	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = (int) strlen(name);
	value = findJsonbValueFromContainer(&attributes->root, JB_FOBJECT, &key);
	return value == NULL || value->type != jbvString ? NULL :
		pnstrdup(value->val.string.val, value->val.string.len);
}

/* The columns that set attributes, in the order in which jsonb keeps their names; of one name, in the file's order. */
static int
compare_attributes(const void *a, const void *b, void *columns)
{
	int			left = *(const int *) a;
	int			right = *(const int *) b;
	const char *left_name = ((const ImportColumn *) columns)[left].attribute;
	const char *right_name = ((const ImportColumn *) columns)[right].attribute;
	size_t		left_length = strlen(left_name);
	size_t		right_length = strlen(right_name);
	int			order;

	if (left_length != right_length)
		return left_length < right_length ? -1 : 1;
	order = memcmp(left_name, right_name, left_length);
	return order != 0 ? order : left - right;
}

/* Finds these columns, once an import. */
static void
sort_attributes(Import *import)
{
	import->attribute_columns = MemoryContextAlloc(import->context, sizeof(int) * Max(import->column_count, 1));
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].attribute != NULL)
			import->attribute_columns[import->attribute_count++] = i;
	qsort_arg(import->attribute_columns, import->attribute_count, sizeof(int), compare_attributes,
			  import->columns);
}

static void
set_string_value(JsonbValue *value, char *string)
{
	value->type = jbvString;
	value->val.string.val = string;
	value->val.string.len = (int) strlen(string);
}

/* The attributes of a new profile, sorted as jsonb has them, so that nothing has to be looked up. */
static Jsonb *
new_attributes(Import *import, const ImportRow *row)
{
	JsonbValue	object = {.type = jbvObject};
	JsonbPair  *pairs;
	int			count = 0;

	if (import->attribute_columns == NULL)
		sort_attributes(import);
	pairs = palloc(sizeof(JsonbPair) * Max(import->attribute_count, 1));
	for (int i = 0; i < import->attribute_count; i++)
	{
		int			column = import->attribute_columns[i];
		char	   *name = import->columns[column].attribute;

		if (row->cells[column].text == NULL)
			continue;
		/* of two values the last counts */
		if (count == 0 || strcmp(pairs[count - 1].key.val.string.val, name) != 0)
			count++;
		set_string_value(&pairs[count - 1].key, name);
		set_string_value(&pairs[count - 1].value, row->cells[column].text);
	}
	object.val.object.nPairs = count;
	object.val.object.pairs = pairs;
	return JsonbValueToJsonb(&object);
}

static void
push_string(CompatJsonbBuilder *builder, JsonbIteratorToken token, char *string)
{
	JsonbValue	value;

	set_string_value(&value, string);
	compat_jsonb_push(builder, token, &value);
}

/* The attributes with those of the row in them; of two values the last counts. */
static Jsonb *
merge_attributes(Import *import, const ImportRow *row, Jsonb *present, bool *changed)
{
	CompatJsonbBuilder builder = {0};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		differs = false;

	if (present == NULL)
	{
		*changed = true;
		return new_attributes(import, row);
	}
	for (int i = 0; i < import->column_count && !differs; i++)
		differs = import->columns[i].attribute != NULL && row->cells[i].text != NULL &&
			!strings_equal(import_attribute_of(present, import->columns[i].attribute), row->cells[i].text);
	if (!differs)
		return present;

	*changed = true;
	compat_jsonb_push(&builder, WJB_BEGIN_OBJECT, NULL);
	iterator = JsonbIteratorInit(&present->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY || token == WJB_VALUE)
			compat_jsonb_push(&builder, token, &value);
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].attribute != NULL && row->cells[i].text != NULL)
		{
			push_string(&builder, WJB_KEY, import->columns[i].attribute);
			push_string(&builder, WJB_VALUE, row->cells[i].text);
		}
	compat_jsonb_push(&builder, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(builder.result);
}

/*
 * The profile as the row wants it.  *changed: it is not what it was;
 * *identity_changed: its address or names are not.  Some products leave a
 * profile that there is as it is.
 */
ProfileValues
import_wanted_values(Import *import, const ImportRow *row, const RowTarget *target,
			  const PresentProfile *present, bool *changed, bool *identity_changed)
{
	ProfileValues values = {0};

	*changed = *identity_changed = present == NULL;
	if (present != NULL)
		values = present->values;
	if (present != NULL && !import->account->product->updates_profiles)
		return values;
	if (present == NULL || target->renames)
		set_string(&values.primary_email_address, row->primary_email_address, identity_changed);
	set_string(&values.unique_user_id, row->new_unique_user_id ? row->new_unique_user_id : row->unique_user_id,
			   changed);
	for (int i = 0; i < import->column_count; i++)
		switch (import->columns[i].kind)
		{
			case COLUMN_PREFERRED_FIRST_NAME:
				set_string(&values.preferred_first_name, row->cells[i].text, identity_changed);
				break;
			case COLUMN_PREFERRED_LAST_NAME:
				set_string(&values.preferred_last_name, row->cells[i].text, identity_changed);
				break;
			case COLUMN_FULL_NAME:
				set_full_name(&values, row->cells[i].text, identity_changed);
				break;
			case COLUMN_WORK_TITLE:
				set_string(&values.work_title, row->cells[i].text, changed);
				break;
			default:
				break;
		}
	values.attributes = merge_attributes(import, row, values.attributes, changed);
	if (row->reupload_user_profile && !values.reupload_user_profile)
	{
		values.reupload_user_profile = true;
		*changed = true;
	}
	*changed = *changed || *identity_changed;
	return values;
}
