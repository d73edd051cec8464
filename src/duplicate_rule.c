/*
 * duplicate_rule.c
 *		When two profiles look like one person.
 *
 * Here: the rules themselves, and the functions that set them.  Who compares
 * whom is the business of duplicate_profile.c (plain SQL) and import_decide.c.
 *
 * Candidates are found by a key, the hash of the canonical address, on which
 * "profiles" has an index; whether two candidates really match is then decided
 * by comparing them, so that collisions do not matter.  The index cannot know
 * the domain aliases of the account: an address is looked for under each domain
 * that is the same as its own.
 */
#include "duplicate_rule.h"

#include "account_lock.h"
#include "catalog.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "core/email.h"
#include "fmgr.h"
#include "fold.h"
#include "sql.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(orgsync_address_key);
PG_FUNCTION_INFO_V1(orgsync_set_duplicate_rule);
PG_FUNCTION_INFO_V1(orgsync_add_domain_alias);

static int64
key_of_canonical(const char *canonical, size_t length)
{
	return (int64) hash_bytes_extended((const unsigned char *) canonical, (int) length, 0);
}

/* address_key(email_address): what the index of the profiles holds. */
Datum
orgsync_address_key(PG_FUNCTION_ARGS)
{
	text	   *address = PG_GETARG_TEXT_PP(0);
	size_t		length = VARSIZE_ANY_EXHDR(address);
	char		canonical[EMAIL_MAX_LENGTH];

	/* longer ones cannot be made, but a value may have been forged */
	if (length > EMAIL_MAX_LENGTH)
		PG_RETURN_INT64(key_of_canonical(VARDATA_ANY(address), length));
	PG_RETURN_INT64(key_of_canonical(canonical, email_canonical(VARDATA_ANY(address), length, canonical)));
}

static RuleAction
action_of(const char *label)
{
	return strcmp(label, "reject") == 0 ? RULE_REJECT : strcmp(label, "warn") == 0 ? RULE_WARN : RULE_OFF;
}

/*
 * The account's rules and aliases as committed now, palloc'd in the current
 * memory context.  They stay so for who holds the lock on addresses, shared or
 * not.  Needs an SPI connection.
 */
DuplicateRules *
duplicate_rules_read(const Account *account)
{
	MemoryContext caller = CurrentMemoryContext;
	DuplicateRules *rules = palloc0(sizeof(DuplicateRules));
	int			count = (int) sql_run_latest(account, "SELECT rule, action::text FROM @account.duplicate_rules", 0,
											 NULL);

	for (int i = 0; i < count; i++)
		if (strcmp(sql_string(i, 0), "same_address") == 0)
			rules->same_address = action_of(sql_string(i, 1));
	SPI_freetuptable(SPI_tuptable);

	rules->alias_count = (int) sql_run_latest(account, "SELECT alias, domain FROM @account.domain_aliases", 0, NULL);
	rules->aliases = MemoryContextAlloc(caller, sizeof(DomainAlias) * Max(rules->alias_count, 1));
	for (int i = 0; i < rules->alias_count; i++)
	{
		rules->aliases[i].alias = MemoryContextStrdup(caller, sql_string(i, 0));
		rules->aliases[i].domain = MemoryContextStrdup(caller, sql_string(i, 1));
	}
	SPI_freetuptable(SPI_tuptable);
	return rules;
}

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

/* The canonical address as a palloc'd string, its domain behind *domain. */
static char *
canonical_address(const char *address, char **domain)
{
	size_t		length = strlen(address);
	char	   *canonical = palloc(length + 1);

	length = email_canonical(address, length, canonical);
	canonical[length] = '\0';
	*domain = strrchr(canonical, '@');
	*domain = *domain == NULL ? canonical + length : *domain + 1;
	return canonical;
}

/*
 * The key under which an address shares with all that same_address may take for
 * it, aliases regarded.
 */
int64
duplicate_rules_own_key(const DuplicateRules *rules, const char *address)
{
	char	   *domain;
	char	   *canonical = canonical_address(address, &domain);
	const char *meant = main_domain(rules, domain);
	int64		key;

	if (meant == domain)
		key = key_of_canonical(canonical, strlen(canonical));
	else
	{
		char	   *mapped = psprintf("%.*s%s", (int) (domain - canonical), canonical, meant);

		key = key_of_canonical(mapped, strlen(mapped));
		pfree(mapped);
	}
	pfree(canonical);
	return key;
}

/*
 * The keys under which the index may hold an address that same_address takes
 * for this one: its own, and one for each domain that is the same.  Returns
 * their number; the array is palloc'd.
 */
int
duplicate_rules_keys(const DuplicateRules *rules, const char *address, int64 **keys)
{
	char	   *domain;
	char	   *canonical = canonical_address(address, &domain);
	const char *shared = main_domain(rules, domain);
	int			local_length = (int) (domain - canonical);
	int			count = 0;

	*keys = palloc(sizeof(int64) * (rules->alias_count + 1));
	(*keys)[count++] = key_of_canonical(canonical, strlen(canonical));
	for (int i = 0; i <= rules->alias_count; i++)
	{
		const char *other = i == rules->alias_count ? shared : rules->aliases[i].alias;
		char	   *variant;

		if (strcmp(main_domain(rules, other), shared) != 0 || strcmp(other, domain) == 0)
			continue;
		variant = psprintf("%.*s%s", local_length, canonical, other);
		(*keys)[count++] = key_of_canonical(variant, strlen(variant));
		pfree(variant);
	}
	pfree(canonical);
	return count;
}

static bool
same_address(const DuplicateRules *rules, const char *a, const char *b)
{
	char	   *domain_a;
	char	   *domain_b;
	char	   *canonical_a = canonical_address(a, &domain_a);
	char	   *canonical_b = canonical_address(b, &domain_b);
	bool		same;

	same = domain_a - canonical_a == domain_b - canonical_b &&
		memcmp(canonical_a, canonical_b, domain_a - canonical_a) == 0 &&
		strcmp(main_domain(rules, domain_a), main_domain(rules, domain_b)) == 0;
	pfree(canonical_a);
	pfree(canonical_b);
	return same;
}

/*
 * What the rules say of two profiles that are not one: the strictest action,
 * and the name of its rule.
 *
 * Two employee ids that differ are HR's word that these are two people; with
 * names that do not agree either (sara.halla and sarah.alla), same_address only
 * warns.
 */
RuleAction
duplicate_rules_compare(const DuplicateRules *rules, const ComparedProfile *a, const ComparedProfile *b,
						const char **rule)
{
	*rule = "same_address";
	if (rules->same_address == RULE_OFF ||
		!same_address(rules, a->primary_email_address, b->primary_email_address))
		return RULE_OFF;
	if (rules->same_address == RULE_REJECT &&
		a->unique_user_id != NULL && b->unique_user_id != NULL &&
		strcmp(a->unique_user_id, b->unique_user_id) != 0 &&
		names_known(a->preferred_first_name, a->preferred_last_name) &&
		names_known(b->preferred_first_name, b->preferred_last_name) &&
		!names_agree(a->preferred_first_name, a->preferred_last_name,
					 b->preferred_first_name, b->preferred_last_name))
		return RULE_WARN;
	return rules->same_address;
}

/* set_duplicate_rule(account, rule, action) */
Datum
orgsync_set_duplicate_rule(PG_FUNCTION_ARGS)
{
	Account    *account;
	SqlArgument arguments[2];

	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	arguments[0] = SQL_DATUM(TEXTOID, PG_GETARG_DATUM(1));
	arguments[1] = SQL_DATUM(catalog_type("rule_action"), PG_GETARG_DATUM(2));
	/* whoever is checking addresses now goes by the rule that was */
	account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	if (sql_run(account, "UPDATE @account.duplicate_rules SET action = $2 WHERE rule = $1", 2, arguments) == 0)
	{
		(void) sql_run(account, "SELECT string_agg(rule, ', ' ORDER BY rule) FROM @account.duplicate_rules", 0, NULL);
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("there is no duplicate rule \"%s\"", TextDatumGetCString(PG_GETARG_DATUM(1))),
				errhint("The rules are: %s.", sql_string(0, 0)));
	}
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

	if (strcmp(alias, domain) == 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("domain \"%s\" cannot be an alias of itself", alias));
	SPI_connect();
	account = account_open(PG_GETARG_OID(0));
	account_lock(account, ACCOUNT_LOCK_ADDRESSES, 0, ExclusiveLock);
	domain = pstrdup(main_domain(duplicate_rules_read(account), domain));
	if (strcmp(alias, domain) == 0)
	{
		SPI_finish();
		PG_RETURN_VOID();		/* declared already, the other way round */
	}

	arguments[0] = sql_text(alias);
	arguments[1] = sql_text(domain);
	(void) sql_run(account, "UPDATE @account.domain_aliases SET domain = $2 WHERE domain = $1", 2, arguments);
	(void) sql_run(account,
				   "INSERT INTO @account.domain_aliases (alias, domain) VALUES ($1, $2)"
				   " ON CONFLICT (alias) DO UPDATE SET domain = excluded.domain", 2, arguments);
	SPI_finish();
	PG_RETURN_VOID();
}
