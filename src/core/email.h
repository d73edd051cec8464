/*
 * email.h
 *		E-mail addresses as org-sync files know them.
 *
 * Plain C: no server header, so that it can be fuzzed and run under sanitizers
 * alone.  Strings are UTF-8 or any ASCII superset, given with their length and
 * not NUL-terminated.  Nothing here allocates.
 */
#ifndef ORGSYNC_CORE_EMAIL_H
#define ORGSYNC_CORE_EMAIL_H

#include <stddef.h>

#define EMAIL_MAX_LENGTH		254 /* RFC 5321, 4.5.3.1.3 less the angle brackets */
#define EMAIL_MAX_LOCAL_LENGTH	64	/* RFC 5321, 4.5.3.1.1 */

typedef enum email_fault
{
	EMAIL_VALID,
	EMAIL_EMPTY,
	EMAIL_TOO_LONG,
	EMAIL_NO_AT_SIGN,
	EMAIL_SECOND_AT_SIGN,
	EMAIL_EMPTY_LOCAL_PART,
	EMAIL_LONG_LOCAL_PART,
	EMAIL_BAD_LOCAL_PART,		/* a character or a dot where none may be */
	EMAIL_BAD_DOMAIN,			/* a label that is empty, too long or of other characters */
	EMAIL_DOMAIN_WITHOUT_DOT,
	EMAIL_BLANK_OR_CONTROL		/* a blank, line break or control character inside */
} email_fault;

extern email_fault email_check(const char *address, size_t length);
extern const char *email_fault_reason(email_fault fault);
extern size_t email_local_part_length(const char *address, size_t length);
extern int	email_compare(const char *a, size_t a_length, const char *b, size_t b_length);
extern size_t email_fold(const char *address, size_t length, char *folded);
extern size_t email_canonical(const char *address, size_t length, char *canonical);

#endif
