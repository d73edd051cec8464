/*
 * verify.h
 *		Compares what is derived with what it is derived from.
 */
#ifndef ORGSYNC_VERIFY_H
#define ORGSYNC_VERIFY_H

#include "account.h"

/*
 * One derived figure or table; see the list in verify.c.
 *
 * The query is one text of sql.h's, without arguments, so that it sees base and
 * derived tables under one snapshot.  It returns three columns of type text for
 * whatever differs, and no row otherwise: which item it is, what is stored
 * (NULL: nothing), what it should be (NULL: nothing).
 *
 * rebuild derives everything anew from the tables.  It is called with an SPI
 * connection and an account of account_of_trigger()'s, and works as the
 * account's owner; it takes the locks that keep writers out until the end of
 * the transaction.
 */
typedef struct VerifyCheck
{
	const char *derived;		/* what is compared: the derived table, mostly */
	const char *query;
	void		(*rebuild) (const Account *account);
} VerifyCheck;

#endif
