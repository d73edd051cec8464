/*
 * account_list.c
 *		The views "accounts" and "status": what accounts there are, and how they are.
 *
 * Both show the accounts whose settings the caller may read, and NULL for what stands
 * in tables that he may not; see account_reader.c for how they are read.
 *
 * "status" is asked every minute by somebody's monitoring, so what it costs does not
 * grow with an account: it looks at no table of people, at no more than the latest
 * imports and exports, and estimates the changes where there are many.
 */
#include "account.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "account_reader.h"
#include "catalog.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_account_list);
PG_FUNCTION_INFO_V1(orgsync_account_status);

/*
 * "status" looks at so many imports and exports: a feed that none of them is of
 * counts as given up.
 */
#define LATEST_ROWS		1000

/* ---- accounts ---- */

/* The greatest value of a timestamptz column; false: there is none to be read. */
static bool
find_latest(Oid namespace_oid, const char *table, const char *column, Datum *latest)
{
	AccountReader *reader = account_reader_open(namespace_oid, table, 1,
												&(ReaderColumn) {column, TIMESTAMPTZOID});
	Datum		value;
	bool		isnull;
	bool		found = false;

	if (reader == NULL)
		return false;
	while (account_reader_next(reader, &value, &isnull))
	{
		if (isnull || (found && DatumGetTimestampTz(value) <= DatumGetTimestampTz(*latest)))
			continue;
		*latest = value;		/* by value on every platform that we support */
		found = true;
	}
	account_reader_close(reader);
	return found;
}

/*
 * The product in an account's settings, and the layout of its tables (0: unknown);
 * false if they may not be read.
 */
static bool
find_settings(Oid namespace_oid, Datum *product, int *layout_version)
{
	ReaderColumn columns[] = {{"product", catalog_type("product")}, {"layout_version", INT4OID}};
	AccountReader *reader = account_reader_open(namespace_oid, "settings", 2, columns);
	Datum		values[2];
	bool		nulls[2] = {true, true};

	if (reader == NULL)
		reader = account_reader_open(namespace_oid, "settings", 1, columns);
	if (reader == NULL)
		return false;
	(void) account_reader_next(reader, values, nulls);
	account_reader_close(reader);
	*product = values[0];		/* by value */
	*layout_version = nulls[1] ? 0 : DatumGetInt32(values[1]);
	return !nulls[0];
}

/* The accounts that the caller may see, one after the other. */
typedef struct AccountScan
{
	Relation	namespaces;
	SysScanDesc scan;
} AccountScan;

static void
account_scan_begin(AccountScan *accounts)
{
	accounts->namespaces = table_open(NamespaceRelationId, AccessShareLock);
	accounts->scan = systable_beginscan(accounts->namespaces, InvalidOid, false, NULL, 0, NULL);
}

/* The next account with what its settings say; NULL: there is none. */
static Form_pg_namespace
account_scan_next(AccountScan *accounts, Datum *product, int *layout_version)
{
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(accounts->scan)))
	{
		Form_pg_namespace namespace = (Form_pg_namespace) GETSTRUCT(tuple);

		if (account_is_one(namespace->oid) && find_settings(namespace->oid, product, layout_version))
			return namespace;
	}
	systable_endscan(accounts->scan);
	table_close(accounts->namespaces, AccessShareLock);
	return NULL;
}

static Datum
owner_name(Form_pg_namespace namespace)
{
	return DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(namespace->nspowner, false)));
}

/* account_list(): what the view "accounts" shows. */
Datum
orgsync_account_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	AccountScan accounts;
	Form_pg_namespace namespace;
	Datum		values[6];
	int			layout_version;

	InitMaterializedSRF(fcinfo, 0);
	account_scan_begin(&accounts);
	while ((namespace = account_scan_next(&accounts, &values[1], &layout_version)) != NULL)
	{
		bool		nulls[6] = {0};
		int64		count;

		values[0] = ObjectIdGetDatum(namespace->oid);
		values[2] = owner_name(namespace);
		nulls[3] = !account_reader_count(namespace->oid, "profiles", &count);
		values[3] = Int64GetDatum(count);
		nulls[4] = !find_latest(namespace->oid, "imports", "finished_at", &values[4]);
		nulls[5] = !find_latest(namespace->oid, "exports", "exported_at", &values[5]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ---- status ---- */

/* Columns of account_status(). */
enum
{
	STATUS_ACCOUNT,
	STATUS_PRODUCT,
	STATUS_OWNER,
	STATUS_NEEDS_UPGRADE,
	STATUS_LAST_IMPORT,
	STATUS_LAST_IMPORT_STATE,
	STATUS_LAST_APPLIED,
	STATUS_LAST_EXPORT,
	STATUS_LAST_EXPORT_STATE,
	STATUS_LAST_CONFIRMED,
	STATUS_PENDING_CHANGES,
	STATUS_FULLEST_LICENSE,
	STATUS_SEATS_LEFT,
	STATUS_WAITLISTED,
	STATUS_ERRORS_OPEN,
	STATUS_WARNINGS_OPEN,
	STATUS_COLUMNS
};

/* One account's row; all is NULL at first. */
typedef struct Status
{
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS];
} Status;

/* A license with the seats that are taken. */
typedef struct LicenseUse
{
	int			license_id;
	bool		counts_invited;
	int64		seats;
	Datum		header;
	int64		taken;
} LicenseUse;

static void
status_set(Status *status, int column, Datum value)
{
	status->values[column] = value;
	status->nulls[column] = false;
}

/* Adds to a number that was NULL or not. */
static void
status_add(Status *status, int column, int64 number)
{
	int64		before = status->nulls[column] ? 0 : DatumGetInt64(status->values[column]);

	status_set(status, column, Int64GetDatum(before + number));
}

/* A value that stays when the reader goes on. */
static Datum
keep(Datum value)
{
	return PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
}

static bool
is_named(Datum value, const char *name)
{
	return strcmp(TextDatumGetCString(value), name) == 0;
}

/* Was there an import of that feed (NULL: the vendor's own list) already?  Notes it. */
static bool
feed_was_seen(List **feeds, const char *feed)
{
	ListCell   *cell;

	foreach(cell, *feeds)
	{
		if (strcmp(strVal(lfirst(cell)), feed) == 0)
			return true;
	}
	*feeds = lappend(*feeds, makeString(pstrdup(feed)));
	return false;
}

/* The last import and the last one that was applied, and what each feed's last one rejected. */
static void
status_of_imports(Oid namespace_oid, Status *status)
{
	enum
	{
		STATE, FEED, FINISHED_AT, REJECTED, WARNINGS
	};
	AccountReader *reader = account_reader_open_latest(namespace_oid, "imports", "import_id", NULL, 5,
													   (ReaderColumn[]) {
		{"state", TEXTOID}, {"feed", TEXTOID}, {"finished_at", TIMESTAMPTZOID},
		{"rejected", INT8OID}, {"warnings", INT8OID}
	});
	Datum		values[5];
	bool		nulls[5];
	List	   *feeds = NIL;

	if (reader == NULL)
		return;
	status_add(status, STATUS_ERRORS_OPEN, 0);
	status_add(status, STATUS_WARNINGS_OPEN, 0);
	for (int row = 0; row < LATEST_ROWS && account_reader_next(reader, values, nulls); row++)
	{
		const char *feed = nulls[FEED] ? "" : TextDatumGetCString(values[FEED]);
		bool		refused;

		if (nulls[STATE] || is_named(values[STATE], "dry_run"))
			continue;
		if (status->nulls[STATUS_LAST_IMPORT_STATE])
		{
			status_set(status, STATUS_LAST_IMPORT_STATE, keep(values[STATE]));
			if (!nulls[FINISHED_AT])
				status_set(status, STATUS_LAST_IMPORT, values[FINISHED_AT]);
		}
		if (is_named(values[STATE], "undone"))
			continue;
		refused = is_named(values[STATE], "refused");
		if (!refused && status->nulls[STATUS_LAST_APPLIED] && !nulls[FINISHED_AT])
			status_set(status, STATUS_LAST_APPLIED, values[FINISHED_AT]);
		if (feed_was_seen(&feeds, feed))
			continue;
		status_add(status, STATUS_ERRORS_OPEN,
				   Max(nulls[REJECTED] ? 0 : DatumGetInt64(values[REJECTED]), refused ? 1 : 0));
		status_add(status, STATUS_WARNINGS_OPEN, nulls[WARNINGS] ? 0 : DatumGetInt64(values[WARNINGS]));
	}
	account_reader_close(reader);
}

/* Adds what was found about an export: what the vendor refused and, if asked for, warnings. */
static void
status_of_export_findings(Oid namespace_oid, int64 export_id, bool with_warnings, Status *status)
{
	AccountReader *reader = account_reader_open_latest(namespace_oid, "import_findings", "export_id", &export_id,
													   1, &(ReaderColumn) {"severity", TEXTOID});
	Datum		severity;
	bool		isnull;

	if (reader == NULL)
		return;
	while (account_reader_next(reader, &severity, &isnull))
	{
		if (isnull)
			continue;
		if (!is_named(severity, "warning"))
			status_add(status, STATUS_ERRORS_OPEN, 1);
		else if (with_warnings)
			status_add(status, STATUS_WARNINGS_OPEN, 1);
	}
	account_reader_close(reader);
}

/*
 * The last export and the last one that was confirmed.  What the vendor refused is
 * open until the next confirmation; warnings are of the last export.
 */
static void
status_of_exports(Oid namespace_oid, Status *status)
{
	enum
	{
		EXPORT_ID, STATE, EXPORTED_AT, CONFIRMED_AT
	};
	AccountReader *reader = account_reader_open_latest(namespace_oid, "exports", "export_id", NULL, 4,
													   (ReaderColumn[]) {
		{"export_id", INT8OID}, {"state", TEXTOID}, {"exported_at", TIMESTAMPTZOID},
		{"confirmed_at", TIMESTAMPTZOID}
	});
	Datum		values[4];
	bool		nulls[4];

	if (reader == NULL)
		return;
	for (int row = 0; row < LATEST_ROWS && status->nulls[STATUS_LAST_CONFIRMED] &&
		 account_reader_next(reader, values, nulls); row++)
	{
		bool		is_last = status->nulls[STATUS_LAST_EXPORT_STATE];

		if (nulls[STATE] || is_named(values[STATE], "cancelled"))
			continue;
		if (is_last)
		{
			status_set(status, STATUS_LAST_EXPORT_STATE, keep(values[STATE]));
			if (!nulls[EXPORTED_AT])
				status_set(status, STATUS_LAST_EXPORT, values[EXPORTED_AT]);
		}
		if (is_named(values[STATE], "confirmed") && !nulls[CONFIRMED_AT])
			status_set(status, STATUS_LAST_CONFIRMED, values[CONFIRMED_AT]);
		status_of_export_findings(namespace_oid, DatumGetInt64(values[EXPORT_ID]), is_last, status);
	}
	account_reader_close(reader);
}

static int
compare_licenses(const void *a, const void *b)
{
	int			left = ((const LicenseUse *) a)->license_id;
	int			right = ((const LicenseUse *) b)->license_id;

	return (left > right) - (left < right);
}

/* Is a larger share of a's seats taken, or the same share with fewer left? */
static bool
is_fuller(const LicenseUse *a, const LicenseUse *b)
{
	double		share_a = a->seats == 0 ? 1.0 + a->taken : (double) a->taken / a->seats;
	double		share_b = b->seats == 0 ? 1.0 + b->taken : (double) b->taken / b->seats;

	return share_a > share_b || (share_a == share_b && a->seats - a->taken < b->seats - b->taken);
}

/* An account's licenses, sorted; NULL if they may not be read. */
static LicenseUse *
read_licenses(Oid namespace_oid, int *count)
{
	Datum		invited = ObjectIdGetDatum(catalog_enum("seat_counting", "invited"));
	AccountReader *reader = account_reader_open(namespace_oid, "licenses", 4, (ReaderColumn[]) {
		{"license_id", INT4OID}, {"header", catalog_type("license_header")}, {"seats", INT4OID},
		{"counting", catalog_type("seat_counting")}
	});
	int			capacity = 16;
	LicenseUse *licenses;
	Datum		values[4];
	bool		nulls[4];

	*count = 0;
	if (reader == NULL)
		return NULL;
	licenses = palloc(capacity * sizeof(LicenseUse));
	while (account_reader_next(reader, values, nulls))
	{
		if (nulls[0] || nulls[1] || nulls[3])
			continue;
		if (*count == capacity)
			licenses = repalloc(licenses, (capacity *= 2) * sizeof(LicenseUse));
		licenses[(*count)++] = (LicenseUse) {
			.license_id = DatumGetInt32(values[0]), .header = keep(values[1]),
			.seats = nulls[2] ? -1 : DatumGetInt32(values[2]), .counts_invited = values[3] == invited
		};
	}
	account_reader_close(reader);
	qsort(licenses, *count, sizeof(LicenseUse), compare_licenses);
	return licenses;
}

/* The license of which the largest share of the seats is taken, and how many wait for any. */
static void
status_of_seats(Oid namespace_oid, Status *status)
{
	int			count;
	LicenseUse *licenses = read_licenses(namespace_oid, &count);
	AccountReader *reader = account_reader_open(namespace_oid, "seat_counters", 4, (ReaderColumn[]) {
		{"license_id", INT4OID}, {"waitlisted", INT8OID}, {"invited", INT8OID}, {"activated", INT8OID}
	});
	LicenseUse *fullest = NULL;
	Datum		values[4];
	bool		nulls[4];

	if (reader == NULL)
		return;
	status_add(status, STATUS_WAITLISTED, 0);
	while (account_reader_next(reader, values, nulls))
	{
		LicenseUse	key = {.license_id = DatumGetInt32(values[0])};
		LicenseUse *license = licenses == NULL ? NULL :
			bsearch(&key, licenses, count, sizeof(LicenseUse), compare_licenses);

		if (nulls[0] || nulls[1] || nulls[2] || nulls[3])
			continue;
		status_add(status, STATUS_WAITLISTED, DatumGetInt64(values[1]));
		if (license != NULL)
			license->taken += DatumGetInt64(values[3]) + (license->counts_invited ? DatumGetInt64(values[2]) : 0);
	}
	account_reader_close(reader);
	for (int i = 0; i < count; i++)
	{
		if (licenses[i].seats >= 0 && (fullest == NULL || is_fuller(&licenses[i], fullest)))
			fullest = &licenses[i];
	}
	if (fullest == NULL)
		return;
	status_set(status, STATUS_FULLEST_LICENSE, fullest->header);
	status_set(status, STATUS_SEATS_LEFT, Int64GetDatum(fullest->seats - fullest->taken));
}

/* account_status(): what the view "status" shows. */
Datum
orgsync_account_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	AccountScan accounts;
	Form_pg_namespace namespace;
	Datum		product;
	int			layout_version;

	InitMaterializedSRF(fcinfo, 0);
	account_scan_begin(&accounts);
	while ((namespace = account_scan_next(&accounts, &product, &layout_version)) != NULL)
	{
		Status		status;
		int64		changes;

		memset(status.nulls, true, sizeof(status.nulls));
		status_set(&status, STATUS_ACCOUNT, ObjectIdGetDatum(namespace->oid));
		status_set(&status, STATUS_PRODUCT, product);
		status_set(&status, STATUS_OWNER, owner_name(namespace));
		status_set(&status, STATUS_NEEDS_UPGRADE, BoolGetDatum(layout_version < ACCOUNT_LAYOUT_VERSION));
		status_of_imports(namespace->oid, &status);
		status_of_exports(namespace->oid, &status);
		if (account_reader_estimate(namespace->oid, "changes", &changes))
			status_set(&status, STATUS_PENDING_CHANGES, Int64GetDatum(changes));
		status_of_seats(namespace->oid, &status);
		tuplestore_putvalues(result->setResult, result->setDesc, status.values, status.nulls);
	}
	return (Datum) 0;
}
