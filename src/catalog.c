/*
 * catalog.c
 *		OIDs of the extension's own types.
 *
 * Looked up in the system caches each time, which is cheap, so that nothing
 * goes stale when the extension is dropped and made again.
 */
#include "catalog.h"

#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "utils/syscache.h"

/* The extension's schema; an error if there is none. */
Oid
catalog_schema(void)
{
	return get_namespace_oid(ORGSYNC_SCHEMA, false);
}

/* The OID of a type in the extension's schema; an error if there is none. */
Oid
catalog_type(const char *name)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
									   ObjectIdGetDatum(catalog_schema()));

	if (!OidIsValid(type))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("type \"%s.%s\" does not exist", ORGSYNC_SCHEMA, name),
				errhint("The extension orgsync is incomplete; create it again."));
	return type;
}

/* The OID of a label of one of our enums, which is how its values are stored; an error if there is none. */
Oid
catalog_enum(const char *type, const char *label)
{
	Oid			value = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid, ObjectIdGetDatum(catalog_type(type)),
										CStringGetDatum(label));

	if (!OidIsValid(value))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("type \"%s.%s\" has no value \"%s\"", ORGSYNC_SCHEMA, type, label),
				errhint("The extension orgsync is incomplete; create it again."));
	return value;
}
