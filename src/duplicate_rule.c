/*
 * duplicate_rule.c
 *		The rules by which two profiles look like one person, as an account has set them.
 *
 * Here: their names, the tables that hold them, and the functions that set them.  What
 * they say of two people is in duplicate_compare.c.
 *
 * The two tables are read below the executor: that takes a microsecond or two,
 * which matters to a single look, and runs nothing of the owner's.  Those who look
 * often, while nobody writes anything, read them once: see duplicate_rules_read().
 */
#include "duplicate_rule.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "account_lock.h"
#include "catalog.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "find_similar.h"
#include "fmgr.h"
#include "sql.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(orgsync_set_duplicate_rule);
PG_FUNCTION_INFO_V1(orgsync_add_domain_alias);

static const char *const rule_names[RULE_COUNT] = {
	[RULE_SAME_ADDRESS] = "same_address",
	[RULE_TYPO] = "typo",
	[RULE_TYPO_UNNAMED] = "typo_unnamed",
	[RULE_OTHER_DOMAIN] = "other_domain",
	[RULE_SAME_NAME] = "same_name"
};

static const char *const action_names[] = {
	[RULE_OFF] = "off",
	[RULE_WARN] = "warn",
	[RULE_REJECT] = "reject"
};

const char *
duplicate_rule_name(DuplicateRule rule)
{
	return rule_names[rule];
}

const char *
rule_action_name(RuleAction action)
{
	return action_names[action];
}

/* The action of that name, a label of the enum. */
RuleAction
rule_action_by_name(const char *label)
{
	RuleAction	action = RULE_OFF;

	for (int i = 0; i < (int) lengthof(action_names); i++)
		if (strcmp(label, action_names[i]) == 0)
			action = i;
	return action;
}

/* ---- reading and making the tables ---- */

static RuleAction
default_action(const product *product, DuplicateRule rule)
{
	if (rule == RULE_SAME_ADDRESS || (rule == RULE_TYPO && product->rejects_typos))
		return RULE_REJECT;
	return RULE_WARN;
}

/* The rules of a new account of the product; palloc'd. */
DuplicateRules *
duplicate_rules_default(const product *product)
{
	DuplicateRules *rules = palloc0(sizeof(DuplicateRules));

	rules->any = true;
	for (int rule = 0; rule < RULE_COUNT; rule++)
		rules->actions[rule] = default_action(product, rule);
	return rules;
}

/* Fills the table of the rules of a new account.  Needs an SPI connection. */
void
duplicate_rules_create(const Account *account, const product *product)
{
	Datum		rules[RULE_COUNT];
	Datum		actions[RULE_COUNT];
	SqlArgument arguments[2];

	for (int rule = 0; rule < RULE_COUNT; rule++)
	{
		rules[rule] = CStringGetTextDatum(rule_names[rule]);
		actions[rule] = CStringGetTextDatum(action_names[default_action(product, rule)]);
	}
	arguments[0] = SQL_DATUM(TEXTARRAYOID, PointerGetDatum(construct_array(rules, RULE_COUNT, TEXTOID, -1, false,
																		   TYPALIGN_INT)));
	arguments[1] = SQL_DATUM(TEXTARRAYOID, PointerGetDatum(construct_array(actions, RULE_COUNT, TEXTOID, -1, false,
																		   TYPALIGN_INT)));
	(void) sql_run_once(account, "INSERT INTO @account.duplicate_rules"
						" SELECT r.rule, r.action::rule_action FROM unnest($1, $2) AS r (rule, action)", 2, arguments);
}

/* A scan of a small table of two columns, both text or, of the second, an enum of ours. */
typedef struct SmallScan
{
	Relation	relation;
	Snapshot	snapshot;
	TableScanDesc scan;			/* NULL: the table has no page, as that of the aliases mostly */
	TupleTableSlot *slot;
} SmallScan;

static void
small_scan_begin(SmallScan *scan, const Account *account, const char *table, Oid second_type)
{
	Oid			relation_oid = get_relname_relid(table, account->namespace_oid);
	TupleDesc	descriptor;

	/* owners may be hostile: what is taken for another type would bring the server down */
	if (!OidIsValid(relation_oid) || get_rel_relkind(relation_oid) != RELKIND_RELATION)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("account \"%s\" has no table \"%s\"", account->name, table),
				errhint("Restore the account from a backup, or make it again."));
	scan->relation = table_open(relation_oid, AccessShareLock);
	descriptor = RelationGetDescr(scan->relation);
	if (descriptor->natts < 2 || TupleDescAttr(descriptor, 0)->atttypid != TEXTOID ||
		TupleDescAttr(descriptor, 1)->atttypid != second_type)
		ereport(ERROR,
				errcode(ERRCODE_WRONG_OBJECT_TYPE),
				errmsg("table \"%s\" does not have the columns of an account's", table),
				errhint("Columns may be added to the tables of an account, but not dropped or changed."));
	scan->scan = NULL;
	if (RelationGetNumberOfBlocks(scan->relation) == 0)
		return;
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan->slot = table_slot_create(scan->relation, NULL);
	scan->scan = compat_table_beginscan(scan->relation, scan->snapshot);
}

/* Moves on to the next row without nulls; false at the end. */
static bool
small_scan_next(SmallScan *scan)
{
	while (scan->scan != NULL && table_scan_getnextslot(scan->scan, ForwardScanDirection, scan->slot))
	{
		slot_getsomeattrs(scan->slot, 2);
		if (!scan->slot->tts_isnull[0] && !scan->slot->tts_isnull[1])
			return true;
	}
	return false;
}

static void
small_scan_end(SmallScan *scan)
{
	if (scan->scan != NULL)
	{
		table_endscan(scan->scan);
		ExecDropSingleTupleTableSlot(scan->slot);
		UnregisterSnapshot(scan->snapshot);
	}
	table_close(scan->relation, AccessShareLock);
}

static RuleAction
action_of(Oid value)
{
	HeapTuple	tuple = SearchSysCache1(ENUMOID, ObjectIdGetDatum(value));
	RuleAction	action = RULE_OFF;

	if (HeapTupleIsValid(tuple))
	{
		action = rule_action_by_name(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel));
		ReleaseSysCache(tuple);
	}
	return action;
}

static DuplicateRules *
read_rules(const Account *account)
{
	DuplicateRules *rules = palloc0(sizeof(DuplicateRules));
	SmallScan	scan;
	int			capacity = 0;

	small_scan_begin(&scan, account, "duplicate_rules", catalog_type("rule_action"));
	while (small_scan_next(&scan))
	{
		char	   *name = TextDatumGetCString(scan.slot->tts_values[0]);

		for (int rule = 0; rule < RULE_COUNT; rule++)
			if (strcmp(name, rule_names[rule]) == 0)
				rules->actions[rule] = action_of(DatumGetObjectId(scan.slot->tts_values[1]));
		pfree(name);
	}
	small_scan_end(&scan);
	for (int rule = 0; rule < RULE_COUNT; rule++)
		rules->any = rules->any || rules->actions[rule] != RULE_OFF;

	small_scan_begin(&scan, account, "domain_aliases", TEXTOID);
	while (small_scan_next(&scan))
	{
		if (rules->alias_count == capacity)
		{
			capacity = Max(capacity * 2, 8);
			rules->aliases = rules->aliases == NULL ? palloc(sizeof(DomainAlias) * capacity) :
				repalloc(rules->aliases, sizeof(DomainAlias) * capacity);
		}
		rules->aliases[rules->alias_count].alias = TextDatumGetCString(scan.slot->tts_values[0]);
		rules->aliases[rules->alias_count++].domain = TextDatumGetCString(scan.slot->tts_values[1]);
	}
	small_scan_end(&scan);
	return rules;
}

/* The rules that were read last, and when: while nothing that was written since has ended. */
static struct
{
	Oid			namespace_oid;	/* InvalidOid: none were read */
	uint64		completion_count;
	DuplicateRules *rules;
	MemoryContext context;
}			last_read;

/*
 * How many transactions that wrote something had ended when the snapshot, which must be
 * GetLatestSnapshot()'s own, was taken: as long as it is the same, so is what is committed.
 * 0 for who may see more than that, or has to have read it for himself.
 */
uint64
duplicate_rules_completion_count(Snapshot snapshot)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()) || IsolationIsSerializable())
		return 0;
	return snapshot->snapXactCompletionCount;
}

static DuplicateRules *
copy_rules(const DuplicateRules *rules)
{
	DuplicateRules *copy = palloc(sizeof(DuplicateRules));

	*copy = *rules;
	if (rules->alias_count > 0)
		copy->aliases = palloc(sizeof(DomainAlias) * rules->alias_count);
	for (int i = 0; i < rules->alias_count; i++)
	{
		copy->aliases[i].alias = pstrdup(rules->aliases[i].alias);
		copy->aliases[i].domain = pstrdup(rules->aliases[i].domain);
	}
	return copy;
}

/*
 * The account's rules and aliases as committed now, palloc'd in the current
 * memory context.  They stay so for who holds the lock on addresses, shared or
 * not.
 */
DuplicateRules *
duplicate_rules_read(const Account *account)
{
	uint64		count = duplicate_rules_completion_count(GetLatestSnapshot());
	DuplicateRules *rules;
	MemoryContext old_context;

	if (count != 0 && count == last_read.completion_count && account->namespace_oid == last_read.namespace_oid)
		return copy_rules(last_read.rules);
	rules = read_rules(account);
	if (count == 0 || count != duplicate_rules_completion_count(GetLatestSnapshot()))
		return rules;

	last_read.namespace_oid = InvalidOid;
	if (last_read.context == NULL)
		last_read.context = AllocSetContextCreate(TopMemoryContext, "orgsync duplicate rules",
												  ALLOCSET_SMALL_SIZES);
	MemoryContextReset(last_read.context);
	old_context = MemoryContextSwitchTo(last_read.context);
	last_read.rules = copy_rules(rules);
	MemoryContextSwitchTo(old_context);
	last_read.completion_count = count;
	last_read.namespace_oid = account->namespace_oid;
	return rules;
}

/* ---- setting ---- */

/* set_duplicate_rule(account, rule, action) */
Datum
orgsync_set_duplicate_rule(PG_FUNCTION_ARGS)
{
	Account    *account;
	SqlArgument arguments[2];
	char	   *name = TextDatumGetCString(PG_GETARG_DATUM(1));
	DuplicateRules *before;
	DuplicateRules *after;

	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	arguments[0] = SQL_DATUM(TEXTOID, PG_GETARG_DATUM(1));
	arguments[1] = SQL_DATUM(catalog_type("rule_action"), PG_GETARG_DATUM(2));
	/* whoever is checking addresses now goes by the rule that was */
	account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	before = duplicate_rules_read(account);
	if (sql_run(account, "UPDATE @account.duplicate_rules SET action = $2 WHERE rule = $1", 2, arguments) == 0)
	{
		(void) sql_run(account, "SELECT string_agg(rule, ', ' ORDER BY rule) FROM @account.duplicate_rules", 0, NULL);
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no duplicate rule \"%s\"", name),
				errhint("The rules are: %s.", sql_string(0, 0)));
	}
	CommandCounterIncrement();
	after = duplicate_rules_read(account);
	/* a stricter rule: only its own pairs are of interest */
	for (int rule = 0; rule < RULE_COUNT; rule++)
		if (strcmp(name, rule_names[rule]) == 0 && after->actions[rule] > before->actions[rule])
			similar_profiles_notice(account, after, rule);
	SPI_finish();
	PG_RETURN_VOID();
}

/* The domain in lower case, checked by way of an address in it; palloc'd. */
static char *
check_domain(const char *domain)
{
	char	   *address = psprintf("x@%s", domain);
	email_fault fault = email_check(address, strlen(address));

	if (fault != EMAIL_VALID)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid mail domain: \"%s\"", domain),
				errhint("Give the part of an e-mail address behind the @, for example \"example.com\"."));
	(void) email_fold(address, strlen(address), address);
	return address + 2;
}

/*
 * add_domain_alias(account, alias, domain): aliases of aliases are resolved
 * here, so that every alias names its main domain.
 */
Datum
orgsync_add_domain_alias(PG_FUNCTION_ARGS)
{
	char	   *alias = check_domain(TextDatumGetCString(PG_GETARG_DATUM(1)));
	char	   *domain = check_domain(TextDatumGetCString(PG_GETARG_DATUM(2)));
	Account    *account;
	SqlArgument arguments[2];
	DuplicateRules *rules;

	if (strcmp(alias, domain) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("domain \"%s\" cannot be an alias of itself", alias));
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	rules = duplicate_rules_read(account);
	domain = pstrdup(duplicate_rules_main_domain(rules, domain));
	if (strcmp(alias, domain) == 0 || strcmp(duplicate_rules_main_domain(rules, alias), domain) == 0)
	{
		SPI_finish();
		PG_RETURN_VOID();		/* declared already, maybe the other way round */
	}

	arguments[0] = sql_text(alias);
	arguments[1] = sql_text(domain);
	(void) sql_run(account, "UPDATE @account.domain_aliases SET domain = $2 WHERE domain = $1", 2, arguments);
	(void) sql_run(account,
				   "INSERT INTO @account.domain_aliases (alias, domain) VALUES ($1, $2)"
				   " ON CONFLICT (alias) DO UPDATE SET domain = excluded.domain", 2, arguments);
	CommandCounterIncrement();
	similar_profiles_notice(account, duplicate_rules_read(account), RULE_SAME_ADDRESS);
	SPI_finish();
	PG_RETURN_VOID();
}
