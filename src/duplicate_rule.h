/*
 * duplicate_rule.h
 *		When two profiles look like one person.
 */
#ifndef ORGSYNC_DUPLICATE_RULE_H
#define ORGSYNC_DUPLICATE_RULE_H

#include "account.h"

typedef enum RuleAction
{
	RULE_OFF,
	RULE_WARN,
	RULE_REJECT
} RuleAction;

/* A mail domain and the one that it is the same as, both in lower case. */
typedef struct DomainAlias
{
	char	   *alias;
	char	   *domain;
} DomainAlias;

/* The rules of an account, as they are set. */
typedef struct DuplicateRules
{
	RuleAction	same_address;
	int			alias_count;
	DomainAlias *aliases;
} DuplicateRules;

/* What the rules compare of a profile; strings in the database's encoding, NULL for unknown. */
typedef struct ComparedProfile
{
	const char *primary_email_address;
	const char *unique_user_id;
	const char *preferred_first_name;
	const char *preferred_last_name;
} ComparedProfile;

extern DuplicateRules *duplicate_rules_read(const Account *account);
extern RuleAction duplicate_rules_compare(const DuplicateRules *rules, const ComparedProfile *a,
										  const ComparedProfile *b, const char **rule);
extern int	duplicate_rules_keys(const DuplicateRules *rules, const char *address, int64 **keys);
extern int64 duplicate_rules_own_key(const DuplicateRules *rules, const char *address);

#endif
