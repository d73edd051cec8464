/*
 * find_similar.c
 *		For people who want to ask first: whom is somebody similar to, and who of an
 *		account are similar to one another?
 *
 * What is looked at goes past the executor, so it is only for who may read all of
 * "profiles": row security is not looked into, but refused.
 */
#include "find_similar.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "similar_set.h"
#include "trigger_rows.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(orgsync_find_similar);
PG_FUNCTION_INFO_V1(orgsync_similar_profiles);

/* Opens the profiles of the account, which the caller must be allowed to read. */
static Relation
open_profiles(const Account *account)
{
	Oid			relation_oid = get_relname_relid("profiles", account->namespace_oid);
	Relation	profiles;
	AclResult	result;

	if (!compat_namespace_is_usable(account->namespace_oid, GetUserId()))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_SCHEMA, account->name);
	if (!OidIsValid(relation_oid) || get_rel_relkind(relation_oid) != RELKIND_RELATION)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("account \"%s\" has no table \"%s\"", account->name, "profiles"),
				errhint("Restore the account from a backup, or make it again."));
	result = pg_class_aclcheck(relation_oid, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE, "profiles");
	if (check_enable_rls(relation_oid, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("similar profiles cannot be looked for under row-level security"),
				errhint("Ask as a role that may read all of the account's profiles."));
	profiles = try_table_open(relation_oid, AccessShareLock);
	if (profiles == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("table \"%s\" of account \"%s\" was dropped meanwhile", "profiles", account->name));
	trigger_check_columns(profiles);
	return profiles;
}

/* ---- one person ---- */

typedef struct FoundProfile
{
	int64		profile_id;
	char	   *address;
	DuplicateRule rule;
	RuleAction	action;
} FoundProfile;

typedef struct Findings
{
	FoundProfile *profiles;
	int			count;
	int			capacity;
} Findings;

static bool
note_profile(void *context, const SimilarMatch *match)
{
	Findings   *findings = context;
	FoundProfile *found;

	for (int i = 0; i < findings->count; i++)
		if (findings->profiles[i].profile_id == match->id)
			return true;
	if (findings->count == findings->capacity)
	{
		findings->capacity = Max(findings->capacity * 2, 8);
		findings->profiles = findings->profiles == NULL ? palloc(sizeof(FoundProfile) * findings->capacity) :
			repalloc(findings->profiles, sizeof(FoundProfile) * findings->capacity);
	}
	found = &findings->profiles[findings->count++];
	found->profile_id = match->id;
	found->address = TextDatumGetCString(match->address);
	found->rule = match->rule;
	found->action = match->action;
	return true;
}

/* The strictest first. */
static int
compare_found(const void *a, const void *b)
{
	const FoundProfile *left = a;
	const FoundProfile *right = b;

	if (left->action != right->action)
		return left->action > right->action ? -1 : 1;
	if (left->rule != right->rule)
		return left->rule < right->rule ? -1 : 1;
	return (left->profile_id > right->profile_id) - (left->profile_id < right->profile_id);
}

static char *
string_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : TextDatumGetCString(PG_GETARG_DATUM(argument));
}

static Datum
action_datum(RuleAction action)
{
	return DirectFunctionCall2(enum_in, CStringGetDatum(rule_action_name(action)),
							   ObjectIdGetDatum(catalog_type("rule_action")));
}

static bool
has_user_id(SimilarProbe *probe, int64 profile_id, const char *user_id)
{
	char	   *other = similar_probe_profile(probe, profile_id) ?
		slot_string(probe->slot, PROFILES_UNIQUE_USER_ID) : NULL;

	return other != NULL && strcmp(other, user_id) == 0;
}

/* find_similar(account, email, first_name, last_name, unique_user_id) */
Datum
orgsync_find_similar(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *user_id;
	Account    *account;
	Relation	profiles;
	SimilarProbe probe;
	OwnedPerson person;
	Findings	findings = {0};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	user_id = string_argument(fcinfo, 4);
	account = account_locate(PG_GETARG_OID(0));
	profiles = open_profiles(account);
	similar_probe_begin(&probe, duplicate_rules_read(account), profiles);
	similar_person_read(&person, TextDatumGetCString(PG_GETARG_DATUM(1)), user_id,
						string_argument(fcinfo, 2), string_argument(fcinfo, 3));
	similar_probe_find(&probe, &person.person, note_profile, &findings);
	if (findings.count > 1)
		qsort(findings.profiles, findings.count, sizeof(FoundProfile), compare_found);
	for (int i = 0; i < findings.count; i++)
	{
		const FoundProfile *found = &findings.profiles[i];
		Datum		values[4];
		bool		nulls[4] = {false};

		/* with the same employee id it is the profile itself */
		if (user_id != NULL && has_user_id(&probe, found->profile_id, user_id))
			continue;
		values[0] = Int64GetDatum(found->profile_id);
		values[1] = CStringGetTextDatum(found->address);
		values[2] = CStringGetTextDatum(duplicate_rule_name(found->rule));
		values[3] = action_datum(found->action);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	similar_probe_end(&probe);
	table_close(profiles, AccessShareLock);
	return (Datum) 0;
}

/* ---- all pairs ---- */

/* What becomes of a pair; profile is the one that stands later in the table. */
typedef struct PairVisit
{
	int64		profile_id;
	char	   *address;
	bool		is_confirmed;
	SimilarProbe *probe;		/* NULL: pairs are only counted */
	ReturnSetInfo *result;
	int64		count;			/* of pairs that nobody confirmed */
} PairVisit;

static bool
note_pair(void *context, const SimilarMatch *match)
{
	PairVisit  *visit = context;
	bool		is_confirmed = visit->is_confirmed || match->is_confirmed;
	bool		is_first = visit->profile_id < match->id;
	char	   *other;
	Datum		values[7];
	bool		nulls[7] = {false};

	if (!is_confirmed)
		visit->count++;
	if (visit->result == NULL)
		return true;
	other = similar_probe_address(visit->probe, match->id);
	if (other == NULL)
		return true;
	values[0] = Int64GetDatum(is_first ? visit->profile_id : match->id);
	values[1] = CStringGetTextDatum(is_first ? visit->address : other);
	values[2] = Int64GetDatum(is_first ? match->id : visit->profile_id);
	values[3] = CStringGetTextDatum(is_first ? other : visit->address);
	values[4] = CStringGetTextDatum(duplicate_rule_name(match->rule));
	values[5] = action_datum(match->action);
	values[6] = BoolGetDatum(is_confirmed);
	tuplestore_putvalues(visit->result->setResult, visit->result->setDesc, values, nulls);
	return true;
}

/* Reads all profiles twice: to see who shares a key with somebody, and to compare those. */
static void
visit_pairs(const DuplicateRules *rules, Relation profiles, PairVisit *visit)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "orgsync profile", ALLOCSET_SMALL_SIZES);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(profiles, NULL);
	SimilarFilter *filter = similar_filter_create(true, 0);
	SimilarSet *set = similar_set_create(rules, filter);

	for (int pass = 1; pass <= 2; pass++)
	{
		TableScanDesc scan = table_beginscan_strat(profiles, snapshot, 0, NULL, true, false);
		MemoryContext old_context = MemoryContextSwitchTo(row_context);

		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			OwnedPerson person;
			bool		isnull;

			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(row_context);
			if (!similar_person_read_slot(&person, slot))
				continue;
			if (pass == 1)
			{
				similar_filter_note(filter, &person.person,
									duplicate_rules_domain_hash(rules, &person.person.address));
				continue;
			}
			visit->profile_id = slot_int64(slot, PROFILES_PROFILE_ID);
			visit->is_confirmed = DatumGetBool(slot_getattr(slot, PROFILES_REUPLOAD_USER_PROFILE, &isnull)) && !isnull;
			visit->address = slot_string(slot, PROFILES_PRIMARY_EMAIL_ADDRESS);
			similar_set_find(set, &person.person, true, note_pair, visit);
			similar_set_add(set, &person.person, visit->profile_id, false, visit->is_confirmed, true);
		}
		MemoryContextSwitchTo(old_context);
		table_endscan(scan);
	}
	MemoryContextDelete(row_context);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	similar_set_free(set);
	similar_filter_free(filter);
}

/* similar_profiles(account) */
Datum
orgsync_similar_profiles(PG_FUNCTION_ARGS)
{
	Account    *account = account_locate(PG_GETARG_OID(0));
	DuplicateRules *rules = duplicate_rules_read(account);
	Relation	profiles = open_profiles(account);
	SimilarProbe probe;
	PairVisit	visit = {.probe = &probe,.result = (ReturnSetInfo *) fcinfo->resultinfo};

	InitMaterializedSRF(fcinfo, 0);
	similar_probe_begin(&probe, rules, profiles);
	visit_pairs(rules, profiles, &visit);
	similar_probe_end(&probe);
	table_close(profiles, AccessShareLock);
	return (Datum) 0;
}

/*
 * Tells how many pairs of profiles the rule takes for one person, if there are any
 * and the caller may know: a new rule leaves what is there as it is.
 */
void
similar_profiles_notice(const Account *account, const DuplicateRules *rules, DuplicateRule rule)
{
	DuplicateRules only = *rules;
	PairVisit	visit = {0};
	Relation	profiles;
	Oid			relation_oid = get_relname_relid("profiles", account->namespace_oid);

	if (rules->actions[rule] == RULE_OFF || !OidIsValid(relation_oid) ||
		pg_class_aclcheck(relation_oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK ||
		check_enable_rls(relation_oid, InvalidOid, true) == RLS_ENABLED)
		return;
	memset(only.actions, 0, sizeof(only.actions));
	only.actions[rule] = rules->actions[rule];
	profiles = open_profiles(account);
	visit_pairs(&only, profiles, &visit);
	table_close(profiles, AccessShareLock);
	if (visit.count > 0)
		ereport(NOTICE,
				errmsg_plural(INT64_FORMAT " pair of profiles that is there is similar by the rule \"%s\"",
							  INT64_FORMAT " pairs of profiles that are there are similar by the rule \"%s\"",
							  (unsigned long) visit.count, visit.count, duplicate_rule_name(rule)),
				errdetail("They stay as they are."),
				errhint("See orgsync.similar_profiles(%s).", quote_literal_cstr(account->name)));
}
