/*
 * change_log.c
 *		What the vendor has and what was before, as the difference from what the
 *		account wants: the triggers.
 *
 * Triggers append to "changes", for every cell that changes, what it held
 * before, and who changed it when.  The first row of a cell (by change_id) so
 * holds what the vendor has; a cell without rows is as the vendor has it.  A row
 * without a column says that the vendor has nothing of the profile at all.  So a
 * diff reads what was changed and not all there is, a change that was undone is
 * no difference, and nothing needs to be kept of what the vendor has and nobody
 * changed.
 *
 * The same rows are the history: each one ends the version of a cell that it
 * holds.  So one write serves both.  When the vendor has heard of a change, the
 * row is moved to "past_changes".  Rows without changed_at are no change of
 * anybody's but what the vendor has been found to have, or profiles that an
 * import made (which "imports" knows); they are not kept.
 *
 * Rows are only ever appended, and each has its own change_id: a confirmation
 * moves the very rows that its export has read (exports.changes_read), so the
 * change of a transaction that commits later is never lost.  The changes of one
 * cell get their change_ids in the order in which they happen, because whoever
 * changes a row holds its lock until the end of the transaction.
 *
 * A row whose value turns out to be the present one does no harm, so where it
 * is not known whether something will change (a BEFORE trigger may yet be
 * overruled by another), it is noted.  So are places on a waiting list, which
 * the vendor knows nothing of, but which the undoing of an import gives back.
 *
 * The log is written as the account's owner, as foreign keys write.
 */
#include "change_log.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "attribute.h"
#include "catalog.h"
#include "duplicate_profile.h"
#include "miscadmin.h"
#include "sql.h"
#include "trigger_rows.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(orgsync_change_log_profiles);
PG_FUNCTION_INFO_V1(orgsync_change_log_seats);
PG_FUNCTION_INFO_V1(orgsync_change_log_memberships);
PG_FUNCTION_INFO_V1(orgsync_change_log_permissions);

static bool
strings_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ---- profiles ---- */

/* A row of profiles: its id, and the values of its other columns, which are of variable length, NULL for null. */
typedef struct Profile
{
	int64		profile_id;
	const struct varlena *values[PROFILES_ATTRIBUTES];
} Profile;

StaticAssertDecl(PROFILES_PROFILE_ID == 1, "the id is the first column");

/*
 * Takes the row apart.  That its columns are of these types has been checked, see trigger_check_columns(),
 * and so it is quicker than if the server did it, which has to ask.  The values stay in the slot.
 */
static void
read_profile(TupleTableSlot *slot, Profile *profile)
{
	const HeapTupleHeader header = ((MinimalTupleTableSlot *) slot)->tuple->t_data;
	const char *data = (const char *) header + header->t_hoff;
	bool		has_nulls = (header->t_infomask & HEAP_HASNULL) != 0;
	uint32		offset = sizeof(int64);

	if (HeapTupleHeaderGetNatts(header) < PROFILES_ATTRIBUTES || (has_nulls && att_isnull(0, header->t_bits)))
		elog(ERROR, "a row of \"profiles\" lacks a value");
	memcpy(&profile->profile_id, data, sizeof(int64));
	for (int i = 1; i < PROFILES_ATTRIBUTES; i++)
	{
		if (has_nulls && att_isnull(i, header->t_bits))
		{
			profile->values[i] = NULL;
			continue;
		}
		offset = att_align_pointer(offset, TYPALIGN_INT, -1, data + offset);
		profile->values[i] = (const struct varlena *) (data + offset);
		offset += VARSIZE_ANY(data + offset);
	}
}

/* Are the two values the same?  Most are short ones that lie in the row. */
static inline bool
values_equal(const struct varlena *left, const struct varlena *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	/* a pointer to a value that is stored elsewhere looks like a short value, too */
	if (VARATT_IS_SHORT(left) && VARATT_IS_SHORT(right) && !VARATT_IS_EXTERNAL(left))
		return VARSIZE_SHORT(left) == VARSIZE_SHORT(right) && memcmp(left, right, VARSIZE_SHORT(left)) == 0;
	return datum_image_eq(PointerGetDatum(left), PointerGetDatum(right), false, -1);
}

/* Notes the attributes of one object that the other does not have the same. */
static void
log_attributes_of(ChangeLog *log, int64 profile_id, Jsonb *of, Jsonb *other, bool of_is_old)
{
	JsonbIterator *iterator = JsonbIteratorInit(&of->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		JsonbValue *counterpart = NULL;
		char	   *mine;
		char	   *others;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (other != NULL)
			counterpart = findJsonbValueFromContainer(&other->root, JB_FOBJECT, &key);
		if (!of_is_old && counterpart != NULL)
			continue;			/* compared from the other side */
		mine = attribute_text(&value);
		others = attribute_text(counterpart);
		if (other == NULL || !strings_equal(mine, others))
			change_log_cell(log, profile_id,
							psprintf("attribute_%.*s", key.val.string.len, key.val.string.val),
							of_is_old ? mine : others);
	}
}

static void
log_attributes(ChangeLog *log, const Profile *before, const Profile *after)
{
	const struct varlena *old_value = before->values[PROFILES_ATTRIBUTES - 1];
	const struct varlena *new_value = after ? after->values[PROFILES_ATTRIBUTES - 1] : NULL;
	Jsonb	   *old_attributes;
	Jsonb	   *new_attributes;

	if (values_equal(old_value, new_value))
		return;
	old_attributes = old_value ? DatumGetJsonbP(PointerGetDatum(old_value)) : NULL;
	new_attributes = new_value ? DatumGetJsonbP(PointerGetDatum(new_value)) : NULL;
	if (old_attributes != NULL)
		log_attributes_of(log, before->profile_id, old_attributes, new_attributes, true);
	if (new_attributes != NULL)
		log_attributes_of(log, before->profile_id, new_attributes, old_attributes, false);
}

static const struct
{
	int			column;
	const char *name;
	bool		is_compared;	/* by the duplicate rules, if it is another than before */
}			profile_cells[] =
{
	{PROFILES_PRIMARY_EMAIL_ADDRESS, "primary_email_address", true},
	{PROFILES_UNIQUE_USER_ID, "unique_user_id", false},
	{PROFILES_PREFERRED_FIRST_NAME, "preferred_first_name", true},
	{PROFILES_PREFERRED_LAST_NAME, "preferred_last_name", true},
	{PROFILES_WORK_TITLE, "work_title", false}
};

/* Is it the address that this profile has for a moment, and not one that only looks like it? */
static bool
is_parked(int64 profile_id, const struct varlena *address)
{
	struct varlena *text = PG_DETOAST_DATUM_PACKED(PointerGetDatum(address));
	char		parked[sizeof(PARKED_ADDRESS) + MAXINT8LEN + 1];
	size_t		length = snprintf(parked, sizeof(parked), PARKED_ADDRESS INT64_FORMAT "@", profile_id);

	return VARSIZE_ANY_EXHDR(text) > length && memcmp(VARDATA_ANY(text), parked, length) == 0;
}

/*
 * Notes the cells of a profile that changed, all of them if it was deleted: after is NULL then.
 * Returns whether the duplicate rules may have to compare it anew.
 */
static bool
log_profile(ChangeLog *log, const Account *account, const Profile *before, const Profile *after)
{
	/* an import, which may have parked addresses, says itself whom it has compared */
	bool		is_newcomer = change_log_source(account) != NULL;

	for (size_t i = 0; i < lengthof(profile_cells); i++)
	{
		int			column = profile_cells[i].column;
		const struct varlena *old_value = before->values[column - 1];
		const struct varlena *new_value = after ? after->values[column - 1] : NULL;

		/* all of them are stored like text */
		if (column == PROFILES_PRIMARY_EMAIL_ADDRESS && change_log_source(account) != NULL)
		{
			if (new_value != NULL && is_parked(after->profile_id, new_value))
			{
				change_log_park(after->profile_id, PointerGetDatum(old_value));
				continue;
			}
			old_value = (const struct varlena *)
				DatumGetPointer(change_log_unpark(before->profile_id, PointerGetDatum(old_value)));
		}
		if (after == NULL || !values_equal(old_value, new_value))
		{
			is_newcomer = is_newcomer || profile_cells[i].is_compared;
			change_log_value(log, before->profile_id, profile_cells[i].name, PointerGetDatum(old_value),
							 old_value == NULL);
		}
	}
	log_attributes(log, before, after);
	return is_newcomer;
}

/*
 * Trigger on profiles.  Of a deleted profile every cell is noted, so that all
 * is known of it that the vendor has.  One that gets another profile_id is
 * deleted and made.
 */
Datum
orgsync_change_log_profiles(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "change_log_profiles", "profiles");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	ChangedRows rows;
	ChangeLog  *log;
	bool		has_newcomers = false;

	SPI_connect();
	log = change_log_begin(account, 0, NULL);
	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		Profile		before;
		Profile		after;
		bool		is_same;

		if (rows.old_slot != NULL)
			read_profile(rows.old_slot, &before);
		if (rows.new_slot != NULL)
			read_profile(rows.new_slot, &after);
		is_same = rows.old_slot != NULL && rows.new_slot != NULL && before.profile_id == after.profile_id;
		if (rows.old_slot != NULL)
		{
			change_log_written(log, before.profile_id);
			has_newcomers |= log_profile(log, account, &before, is_same ? &after : NULL);
		}
		if (rows.new_slot != NULL && !is_same)
		{
			if (rows.old_slot != NULL)
				change_log_written(log, after.profile_id);
			change_log_profile_made(log, after.profile_id);
		}
	}
	changed_rows_end(&rows);
	change_log_end(log);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		duplicate_profile_foreseen(trigger, has_newcomers);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* ---- seats, memberships: cells whose column is a row of another table ---- */

/* The column names of licenses or groups, by id; they are read when first met. */
typedef struct ColumnName
{
	int			id;				/* hash key */
	char	   *name;			/* NULL: is being deleted, and was noted by its own trigger */
} ColumnName;

typedef struct ColumnNames
{
	const Account *account;
	const char *query;			/* id to name */
	const char *prefix;			/* put before the name */
	HTAB	   *names;
	const ColumnName *last;		/* the last one asked for: many rows are alike */
	MemoryContext context;
} ColumnNames;

/*
 * Whoever renames a group or a license notes all who have it then; so it must
 * not be renamed under somebody who is still to be seen having it.  A header is
 * a key, so a lock such as foreign keys take is enough, and the number of seats
 * may change meanwhile; a name's key is an expression, which does not count.
 */
static const char license_query[] =
	"SELECT header::text FROM @account.licenses WHERE license_id = $1 FOR KEY SHARE";
static const char group_query[] =
	"SELECT name FROM @account.groups WHERE group_id = $1 FOR SHARE";

static const char *
column_name_of(ColumnNames *names, int id)
{
	OwnerContext context;
	ColumnName *entry;
	bool		found;

	if (names->last != NULL && names->last->id == id)
		return names->last->name;
	entry = hash_search(names->names, &id, HASH_ENTER, &found);
	if (!found)
	{
		entry->name = NULL;
		account_become_owner(names->account, &context);
		if (sql_run_latest(names->account, names->query, 1, (SqlArgument[]) {SQL_INT4(id)}) > 0)
		{
			char	   *name = sql_string(0, 0);
			MemoryContext old_context = MemoryContextSwitchTo(names->context);

			entry->name = psprintf("%s%s", names->prefix, name);
			MemoryContextSwitchTo(old_context);
		}
		account_restore_user(&context);
		SPI_freetuptable(SPI_tuptable);
		/* a statement may deal with very many groups */
		CHECK_FOR_INTERRUPTS();
	}
	names->last = entry;
	return entry->name;
}

/* What the two tables that link profiles to licenses and to groups have in common. */
typedef struct Link
{
	int64		profile_id;
	int			id;				/* of the license or the group */
	int			state;			/* 0: none, or nothing that the vendor has; else what counts as one */
	FormerSeat	seat;
} Link;

#define LINK_NONE		0
#define LINK_WAITLISTED	1
#define LINK_ACTIVE		2

/* The values of seat_status that count. */
typedef struct SeatStates
{
	Oid			waitlisted;
	Oid			invited;
	Oid			activated;
} SeatStates;

/* Reads a row; seats: NULL for memberships. */
static Link
read_link(TupleTableSlot *slot, const SeatStates *seats)
{
	Link		link = {.profile_id = slot_int64(slot, SEATS_PROFILE_ID),.id = slot_int32(slot, SEATS_LICENSE_ID),.state = LINK_ACTIVE};

	if (seats != NULL)
	{
		bool		isnull;

		link.seat.status = DatumGetObjectId(slot_getattr(slot, SEATS_STATUS, &isnull));
		link.seat.since = slot_int64(slot, SEATS_SINCE);
		if (link.seat.status == seats->waitlisted)
			link.state = LINK_WAITLISTED;
		else if (link.seat.status != seats->invited && link.seat.status != seats->activated)
			link.state = LINK_NONE;
	}
	return link;
}

/* Notes what a link was unless the vendor has nothing of the profile. */
static void
log_link(ChangeLog *log, ColumnNames *names, const Link *before, bool is_seat)
{
	const char *column_name;

	if (change_log_is_new(names->account, before->profile_id))
		return;
	column_name = column_name_of(names, before->id);
	if (column_name == NULL)
		return;
	if (is_seat)
		change_log_seat(log, before->profile_id, column_name,
						before->state == LINK_ACTIVE ? "active" : "inactive", &before->seat);
	else
		change_log_cell(log, before->profile_id, column_name, before->state == LINK_ACTIVE ? "yes" : "no");
}

/* Notes a row that was changed; one that moves elsewhere is one that goes and one that comes. */
static void
log_link_change(ChangeLog *log, ColumnNames *names, const ChangedRows *rows, const SeatStates *seats)
{
	Link		before = {0};
	Link		after = {0};

	if (rows->old_slot != NULL)
	{
		before = read_link(rows->old_slot, seats);
		change_log_written(log, before.profile_id);
	}
	if (rows->new_slot != NULL)
	{
		after = read_link(rows->new_slot, seats);
		change_log_written(log, after.profile_id);
	}
	if (rows->old_slot != NULL && rows->new_slot != NULL &&
		before.profile_id == after.profile_id && before.id == after.id)
	{
		if (before.state != after.state)
			log_link(log, names, &before, seats != NULL);
		return;
	}
	if (rows->old_slot != NULL && before.state != LINK_NONE)
		log_link(log, names, &before, seats != NULL);
	if (rows->new_slot != NULL && after.state != LINK_NONE)
	{
		Link		nothing = {.profile_id = after.profile_id,.id = after.id,.state = LINK_NONE};

		log_link(log, names, &nothing, seats != NULL);
	}
}

static void
log_links(TriggerData *trigger, const char *query, const char *prefix, const SeatStates *seats)
{
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	HASHCTL		control = {.keysize = sizeof(int),.entrysize = sizeof(ColumnName)};
	ColumnNames names = {.account = account,.query = query,.prefix = prefix};
	ChangedRows rows;
	ChangeLog  *log;

	SPI_connect();
	names.context = control.hcxt = CurrentMemoryContext;
	names.names = hash_create("orgsync column names", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	log = change_log_begin(account, 0, NULL);
	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
		log_link_change(log, &names, &rows, seats);
	changed_rows_end(&rows);
	change_log_end(log);
	SPI_finish();
}

StaticAssertDecl(SEATS_PROFILE_ID == MEMBERSHIPS_PROFILE_ID && SEATS_LICENSE_ID == MEMBERSHIPS_GROUP_ID,
				 "seats and memberships begin with the same columns");

/* Trigger on seats. */
Datum
orgsync_change_log_seats(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "change_log_seats", "seats");
	Oid			type = catalog_type("seat_status");
	SeatStates	seats;

	seats.waitlisted = DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, "waitlisted", type, -1));
	seats.invited = DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, "invited", type, -1));
	seats.activated = DatumGetObjectId(OidInputFunctionCall(F_ENUM_IN, "activated", type, -1));
	log_links(trigger, license_query, "", &seats);
	return PointerGetDatum(NULL);
}

/* Trigger on memberships. */
Datum
orgsync_change_log_memberships(PG_FUNCTION_ARGS)
{
	log_links(trigger_check(fcinfo, "change_log_memberships", "memberships"), group_query, "group:", NULL);
	return PointerGetDatum(NULL);
}

/* ---- permissions ---- */

/* Trigger on permissions. */
Datum
orgsync_change_log_permissions(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_check(fcinfo, "change_log_permissions", "permissions");
	Account    *account = account_of_trigger(RelationGetNamespace(trigger->tg_relation));
	ChangedRows rows;
	ChangeLog  *log;

	SPI_connect();
	log = change_log_begin(account, 0, NULL);
	changed_rows_begin(&rows, trigger);
	while (changed_rows_next(&rows))
	{
		char	   *before = slot_string(rows.old_slot, PERMISSIONS_SCOPE);
		char	   *after = slot_string(rows.new_slot, PERMISSIONS_SCOPE);
		char	   *old_permission = slot_string(rows.old_slot, PERMISSIONS_PERMISSION);
		char	   *new_permission = slot_string(rows.new_slot, PERMISSIONS_PERMISSION);
		int64		old_id = rows.old_slot ? slot_int64(rows.old_slot, PERMISSIONS_PROFILE_ID) : 0;
		int64		new_id = rows.new_slot ? slot_int64(rows.new_slot, PERMISSIONS_PROFILE_ID) : 0;
		bool		same = rows.old_slot != NULL && rows.new_slot != NULL && old_id == new_id &&
			strings_equal(old_permission, new_permission);

		if (rows.old_slot != NULL)
			change_log_written(log, old_id);
		if (rows.new_slot != NULL)
			change_log_written(log, new_id);
		if (same && strings_equal(before, after))
			continue;
		if (rows.old_slot != NULL && !change_log_is_new(account, old_id))
			change_log_cell(log, old_id, old_permission, before);
		if (rows.new_slot != NULL && !same && !change_log_is_new(account, new_id))
			change_log_cell(log, new_id, new_permission, "no");
	}
	changed_rows_end(&rows);
	change_log_end(log);
	SPI_finish();
	return PointerGetDatum(NULL);
}
