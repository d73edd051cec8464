/*
 * duplicate_rule.h
 *		When two profiles look like one person.
 *
 *		duplicate_rule.c	the rules of an account
 *		duplicate_compare.c	what they say of two people
 */
#ifndef ORGSYNC_DUPLICATE_RULE_H
#define ORGSYNC_DUPLICATE_RULE_H

#include "account.h"
#include "similar_person.h"
#include "utils/snapshot.h"

typedef enum RuleAction
{
	RULE_OFF,
	RULE_WARN,
	RULE_REJECT
} RuleAction;

/* In the order in which a pair is said to match. */
typedef enum DuplicateRule
{
	RULE_SAME_ADDRESS,
	RULE_TYPO,
	RULE_TYPO_UNNAMED,
	RULE_OTHER_DOMAIN,
	RULE_SAME_NAME
} DuplicateRule;

#define RULE_COUNT	5

/* A mail domain and the one that it is the same as, both in lower case. */
typedef struct DomainAlias
{
	char	   *alias;
	char	   *domain;
} DomainAlias;

/* The rules of an account, as they are set. */
typedef struct DuplicateRules
{
	RuleAction	actions[RULE_COUNT];
	bool		any;			/* is one of them not off? */
	int			alias_count;
	DomainAlias *aliases;
} DuplicateRules;

/* duplicate_rule.c */
extern const char *duplicate_rule_name(DuplicateRule rule);
extern const char *rule_action_name(RuleAction action);
extern RuleAction rule_action_by_name(const char *label);
extern void duplicate_rules_create(const Account *account, const product *product);
extern DuplicateRules *duplicate_rules_default(const product *product);
extern uint64 duplicate_rules_completion_count(Snapshot snapshot);
extern DuplicateRules *duplicate_rules_read(const Account *account);

/* duplicate_compare.c */
extern const char *duplicate_rules_main_domain(const DuplicateRules *rules, const char *domain);
extern int	duplicate_rules_spellings(const DuplicateRules *rules, const char *domain, size_t length,
									  const char ***spellings);
extern uint64 duplicate_rules_domain_hash(const DuplicateRules *rules, const similar_address *address);
extern bool duplicate_rules_same_domains(const DuplicateRules *a, const DuplicateRules *b);
extern RuleAction duplicate_rules_compare(const DuplicateRules *rules, const SimilarPerson *a,
										  const SimilarPerson *b, DuplicateRule *rule);
extern int	duplicate_rules_locks(const DuplicateRules *rules, const SimilarPerson *person, int locks[2]);
extern bool duplicate_rules_need_all_locks(const DuplicateRules *rules, const SimilarPerson *person);

#endif
