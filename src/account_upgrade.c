/*
 * account_upgrade.c
 *		Brings the tables of an account to the layout that the library works with.
 *
 * An update of the extension never touches an account's tables: they are their
 * owner's, there may be thousands, and a dump that is restored brings old ones along
 * at any time.  So each account says which layout it has, functions refuse an older
 * one with a hint, and its owner calls upgrade_account() when it suits.
 *
 * account_upgrade(N) holds the statements that make layout N + 1 of N.
 */
#include "account.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "sql.h"

PG_FUNCTION_INFO_V1(orgsync_upgrade_account);

/* The statements that lead on from a layout. */
static char *
upgrade_of(const Account *account, int layout_version)
{
	char	   *statements;

	(void) sql_run(NULL, "SELECT account_upgrade($1)", 1, (SqlArgument[]) {SQL_INT4(layout_version)});
	statements = sql_string(0, 0);
	SPI_freetuptable(SPI_tuptable);
	if (statements == NULL)
		ereport(ERROR,
				errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("account \"%s\" has tables of layout %d, which cannot be upgraded", account->name,
					   layout_version),
				errhint("Install the version of orgsync that made the account."));
	return statements;
}

/*
 * upgrade_account(account): returns the layout that the account has now.  Only for
 * its owner, to whom whatever is made belongs; in one transaction, which locks the
 * account's tables.
 */
Datum
orgsync_upgrade_account(PG_FUNCTION_ARGS)
{
	Account    *account = account_locate(PG_GETARG_OID(0));
	int			layout_version;

	if (account->owner != GetUserId())
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				errmsg("must be owner of account \"%s\"", account->name),
				errhint("Use SET ROLE to become its owner: what the upgrade makes belongs to whoever calls it."));

	SPI_connect();
	sql_script(account, "LOCK TABLE @account.settings IN ACCESS EXCLUSIVE MODE");
	layout_version = account_layout_version(account);
	for (; layout_version < ACCOUNT_LAYOUT_VERSION; layout_version++)
	{
		sql_script(account, upgrade_of(account, layout_version));
		sql_run_once(account, "UPDATE @account.settings SET layout_version = $1", 1,
					 (SqlArgument[]) {SQL_INT4(layout_version + 1)});
	}
	(void) account_open(account->namespace_oid);	/* it is complete, or not newer than we are */
	SPI_finish();
	PG_RETURN_INT32(layout_version);
}
