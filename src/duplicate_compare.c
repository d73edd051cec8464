/*
 * duplicate_compare.c
 *		What an account's rules say of two people.
 *
 * Who compares whom is the business of others: similar_probe.c looks for one person
 * among the profiles, similar_set.c among many in memory, duplicate_profile.c holds
 * the rules for plain SQL and import_similar.c for imports.
 *
 * Indexes cannot know the domain aliases of the account: an address is looked for
 * under each domain that is the same as its own, its "spellings".
 *
 * All of it works on rules that were read; nothing is looked up.
 */
#include "duplicate_rule.h"

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
const char *
duplicate_rules_main_domain(const DuplicateRules *rules, const char *domain)
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
	const char *shared = duplicate_rules_main_domain(rules, own);

	*spellings = palloc(sizeof(char *) * (2 * rules->alias_count + 1));
	(*spellings)[count++] = own;
	for (int i = 0; i < 2 * rules->alias_count; i++)
	{
		const char *other = i % 2 == 0 ? rules->aliases[i / 2].alias : rules->aliases[i / 2].domain;
		bool		is_known = strcmp(duplicate_rules_main_domain(rules, other), shared) != 0;

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
	shared = duplicate_rules_main_domain(rules, own);
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
	same = strcmp(duplicate_rules_main_domain(rules, a_domain), duplicate_rules_main_domain(rules, b_domain)) == 0;
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
		const char *shared = duplicate_rules_main_domain(rules, domain);

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
