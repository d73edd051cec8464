/*
 * duplicate_rule.c
 *		When two profiles look like one person.
 *
 * Here: the rules themselves, and the functions that set them.  Who compares
 * whom is the business of others: similar_probe.c looks for one person among the
 * profiles, similar_set.c among many in memory, duplicate_profile.c holds the
 * rules for plain SQL and import_similar.c for imports.
 *
 * Indexes cannot know the domain aliases of the account: an address is looked for
 * under each domain that is the same as its own, its "spellings".
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
	for (int rule = 0; rule < RULE_COUNT; rule++)
		(void) sql_run(account, "INSERT INTO @account.duplicate_rules VALUES ($1, $2::rule_action)", 2,
					   (SqlArgument[]) {sql_text(rule_names[rule]),
										sql_text(action_names[default_action(product, rule)])});
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
 * How many transactions that wrote something have ended by now: as long as it is
 * the same, so is what is committed.  0 for who may see more than that, or has to
 * have read it for himself.
 */
uint64
duplicate_rules_completion_count(void)
{
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()) || IsolationIsSerializable())
		return 0;
	return GetLatestSnapshot()->snapXactCompletionCount;
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
	uint64		count = duplicate_rules_completion_count();
	DuplicateRules *rules;
	MemoryContext old_context;

	if (count != 0 && count == last_read.completion_count && account->namespace_oid == last_read.namespace_oid)
		return copy_rules(last_read.rules);
	rules = read_rules(account);
	if (count == 0 || count != duplicate_rules_completion_count())
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

/* ---- aliases ---- */

/* What the domain is declared to be an alias of, or NULL. */
static const char *
alias_target(const DuplicateRules *rules, const char *domain)
{
	for (int i = 0; i < rules->alias_count; i++)
		if (strcmp(rules->aliases[i].alias, domain) == 0)
			return rules->aliases[i].domain;
	return NULL;
}

/*
 * The domain that stands for all its aliases.  The table may have been written
 * by hand, so an alias may be one of another alias; of a circle, the domain that
 * is first in the alphabet stands for all.
 */
static const char *
main_domain(const DuplicateRules *rules, const char *domain)
{
	const char *target;
	const char *first;

	for (int i = 0; i <= rules->alias_count; i++)
	{
		target = alias_target(rules, domain);
		if (target == NULL)
			return domain;
		domain = target;
	}
	first = domain;
	for (target = alias_target(rules, domain); strcmp(target, domain) != 0; target = alias_target(rules, target))
		if (strcmp(target, first) < 0)
			first = target;
	return first;
}

/*
 * All domains that are the same as this one, itself first.  Returns their number;
 * the array is palloc'd.
 */
int
duplicate_rules_spellings(const DuplicateRules *rules, const char *domain, size_t length,
						  const char ***spellings)
{
	int			count = 0;
	char	   *own = pnstrdup(domain, length);
	const char *shared = main_domain(rules, own);

	*spellings = palloc(sizeof(char *) * (2 * rules->alias_count + 1));
	(*spellings)[count++] = own;
	for (int i = 0; i < 2 * rules->alias_count; i++)
	{
		const char *other = i % 2 == 0 ? rules->aliases[i / 2].alias : rules->aliases[i / 2].domain;
		bool		is_known = strcmp(main_domain(rules, other), shared) != 0;

		for (int j = 0; j < count && !is_known; j++)
			is_known = strcmp((*spellings)[j], other) == 0;
		if (!is_known)
			(*spellings)[count++] = other;
	}
	return count;
}

/* A hash that all spellings of the address's domain have in common. */
uint64
duplicate_rules_domain_hash(const DuplicateRules *rules, const similar_address *address)
{
	char	   *own;
	const char *shared;
	uint64		hash;

	if (rules->alias_count == 0)
		return similar_hash(address->domain, address->domain_length);
	own = pnstrdup(address->domain, address->domain_length);
	shared = main_domain(rules, own);
	hash = similar_hash(shared, strlen(shared));
	pfree(own);
	return hash;
}

/* Do both take the same domains for one? */
bool
duplicate_rules_same_domains(const DuplicateRules *a, const DuplicateRules *b)
{
	if (a->alias_count != b->alias_count)
		return false;
	for (int i = 0; i < a->alias_count; i++)
		if (strcmp(a->aliases[i].alias, b->aliases[i].alias) != 0 ||
			strcmp(a->aliases[i].domain, b->aliases[i].domain) != 0)
			return false;
	return true;
}

static bool
texts_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
	return a_length == b_length && memcmp(a, b, a_length) == 0;
}

static bool
same_domain(const DuplicateRules *rules, const similar_address *a, const similar_address *b)
{
	char	   *a_domain;
	char	   *b_domain;
	bool		same;

	if (texts_equal(a->domain, a->domain_length, b->domain, b->domain_length))
		return true;
	if (rules->alias_count == 0)
		return false;
	a_domain = pnstrdup(a->domain, a->domain_length);
	b_domain = pnstrdup(b->domain, b->domain_length);
	same = strcmp(main_domain(rules, a_domain), main_domain(rules, b_domain)) == 0;
	pfree(a_domain);
	pfree(b_domain);
	return same;
}

/* Is a spelling of the one domain a step from one of the other? */
static bool
near_domains(const DuplicateRules *rules, const similar_address *a, const similar_address *b)
{
	const char **a_spellings;
	const char **b_spellings;
	int			a_count;
	int			b_count;
	bool		near = false;

	if (rules->alias_count == 0)
		return similar_one_step(a->domain, a->domain_length, b->domain, b->domain_length);
	a_count = duplicate_rules_spellings(rules, a->domain, a->domain_length, &a_spellings);
	b_count = duplicate_rules_spellings(rules, b->domain, b->domain_length, &b_spellings);
	for (int i = 0; i < a_count && !near; i++)
		for (int j = 0; j < b_count && !near; j++)
			near = similar_one_step(a_spellings[i], strlen(a_spellings[i]),
									b_spellings[j], strlen(b_spellings[j]));
	pfree(a_spellings);
	pfree(b_spellings);
	return near;
}

/* ---- comparing ---- */

/*
 * What the rules say of two profiles that are not one: the strictest action, and
 * its rule.
 *
 * Two employee ids that differ are HR's word that these are two people: then the
 * rules only warn, but for same_address where the names do not say so too
 * (sara.halla and sarah.alla).
 *
 * Of the addresses, only the texts are read.
 */
RuleAction
duplicate_rules_compare(const DuplicateRules *rules, const SimilarPerson *a, const SimilarPerson *b,
						DuplicateRule *rule)
{
	const similar_address *aa = &a->address;
	const similar_address *ba = &b->address;
	bool		have_names = a->name != 0 && b->name != 0;
	bool		names_agree = have_names && a->name == b->name;
	bool		ids_differ = a->user_id != 0 && b->user_id != 0 && a->user_id != b->user_id;
	bool		same_local;
	bool		one_domain;
	bool		matches[RULE_COUNT] = {false};
	RuleAction	strictest = RULE_OFF;

	same_local = texts_equal(aa->local, aa->local_length, ba->local, ba->local_length);
	if (have_names && !names_agree && !same_local)
		return RULE_OFF;
	one_domain = same_domain(rules, aa, ba);
	matches[RULE_SAME_ADDRESS] = same_local && one_domain;
	if (!matches[RULE_SAME_ADDRESS] && (names_agree || !have_names))
	{
		matches[names_agree ? RULE_TYPO : RULE_TYPO_UNNAMED] = same_local ? near_domains(rules, aa, ba) :
			one_domain && similar_one_step(aa->local, aa->local_length, ba->local, ba->local_length) &&
			similar_digits(aa->local, aa->local_length) == similar_digits(ba->local, ba->local_length);
		matches[RULE_OTHER_DOMAIN] = names_agree && same_local;
		matches[RULE_SAME_NAME] = names_agree && one_domain && a->built_from_name && b->built_from_name;
	}
	for (int i = 0; i < RULE_COUNT; i++)
	{
		RuleAction	action = matches[i] ? rules->actions[i] : RULE_OFF;

		if (action == RULE_REJECT && ids_differ && (i != RULE_SAME_ADDRESS || (have_names && !names_agree)))
			action = RULE_WARN;
		if (action > strictest)
		{
			strictest = action;
			*rule = i;
		}
	}
	return strictest;
}

/* ---- what to lock ---- */

/*
 * The locks that a person shares with all whom a rule that rejects might take for
 * him; see duplicate_profile.c.  Returns their number.  A warning is worth no lock:
 * of two sessions at once, it may fail to appear.
 */
int
duplicate_rules_locks(const DuplicateRules *rules, const SimilarPerson *person, int locks[2])
{
	int			count = 0;

	if (rules->actions[RULE_SAME_ADDRESS] == RULE_REJECT)
	{
		char	   *domain = pnstrdup(person->address.domain, person->address.domain_length);
		const char *shared = main_domain(rules, domain);

		locks[count++] = (int) similar_address_key(&person->address, shared, strlen(shared));
		pfree(domain);
	}
	if (person->name != 0 && (rules->actions[RULE_TYPO] == RULE_REJECT ||
							  rules->actions[RULE_OTHER_DOMAIN] == RULE_REJECT ||
							  rules->actions[RULE_SAME_NAME] == RULE_REJECT))
		locks[count++] = (int) similar_person_group(person);
	return count;
}

/* Has he too many neighbours to share a lock with each? */
bool
duplicate_rules_need_all_locks(const DuplicateRules *rules, const SimilarPerson *person)
{
	return person->name == 0 && rules->actions[RULE_TYPO_UNNAMED] == RULE_REJECT;
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
	domain = pstrdup(main_domain(rules, domain));
	if (strcmp(alias, domain) == 0 || strcmp(main_domain(rules, alias), domain) == 0)
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
