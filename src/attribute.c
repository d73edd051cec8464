/*
 * attribute.c
 *		The value of a custom attribute as a cell has it.
 */
#include "postgres.h"

#include "attribute.h"

/* The value as the operator ->> makes it; palloc'd, NULL if there is none. */
char *
attribute_text(const JsonbValue *value)
{
	Jsonb	   *json;

	if (value == NULL || value->type == jbvNull)
		return NULL;
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	json = JsonbValueToJsonb(unconstify(JsonbValue *, value));
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}
