/*
 * account.h
 *		Accounts: schemas with the tables of a vendor's account.
 */
#ifndef ORGSYNC_ACCOUNT_H
#define ORGSYNC_ACCOUNT_H

#include "orgsync.h"

#include "core/product.h"

/* The layout that this library works with; see orgsync.upgrade_account(). */
#define ACCOUNT_LAYOUT_VERSION	1

typedef struct Account
{
	Oid			namespace_oid;
	Oid			owner;
	char	   *name;			/* the schema */
	char	   *quoted_name;	/* the schema, quoted for SQL */
	bool		owns_tables;	/* set by account_of_trigger() alone: may work as the owner */

	/* what follows is set by account_open() alone */
	const product *product;
	int			rows_per_file;
	int			threshold_floor;
	double		max_revoke_percent;
	double		max_remove_percent;
	bool		keeps_unknown_headers;	/* as attributes */
	int			grace_days;		/* a lost seat is revoked at the vendor's after so many */
} Account;

/* Columns of the tables that triggers read; see account_layout.sql. */
#define PROFILES_PROFILE_ID				1
#define PROFILES_PRIMARY_EMAIL_ADDRESS	2
#define PROFILES_UNIQUE_USER_ID			3
#define PROFILES_PREFERRED_FIRST_NAME	4
#define PROFILES_PREFERRED_LAST_NAME	5
#define PROFILES_WORK_TITLE				6
#define PROFILES_ATTRIBUTES				7
#define PROFILES_REUPLOAD_USER_PROFILE	8
#define PROFILES_UPDATED_AT				10
#define SEATS_PROFILE_ID				1
#define SEATS_LICENSE_ID				2
#define SEATS_STATUS					3
#define SEATS_SINCE						4
#define MEMBERSHIPS_PROFILE_ID			1
#define MEMBERSHIPS_GROUP_ID			2
#define PERMISSIONS_PROFILE_ID			1
#define PERMISSIONS_PERMISSION			2
#define PERMISSIONS_SCOPE				3
#define LICENSES_LICENSE_ID				1
#define LICENSES_HEADER					2
#define LICENSES_SEATS					3
#define LICENSES_COUNTING				4
#define FEED_GROUPS_PROFILE_ID			3
#define SEAT_COUNTERS_LICENSE_ID		1
#define SEAT_COUNTERS_SLOT				2
#define SEAT_COUNTERS_WAITLISTED		3
#define SEAT_COUNTERS_INVITED			4
#define SEAT_COUNTERS_ACTIVATED			5
#define SEAT_COUNTERS_FREE				6
#define SEAT_COUNTERS_COUNTS_INVITED	7
#define SEAT_COUNTERS_GUARDED			8
#define GROUPS_GROUP_ID					1
#define GROUPS_NAME						2
#define IMPORTS_IMPORT_ID				1

#define CHANGES_CHANGE_ID				1

extern Account *account_locate(Oid namespace_oid);
extern Account *account_open(Oid namespace_oid);
extern int	account_layout_version(const Account *account);
extern Account *account_of_trigger(Oid namespace_oid);
extern const char *account_table(int number);
extern bool account_is_one(Oid namespace_oid);

/* What triggers need; see account_become_owner(). */
typedef struct OwnerContext
{
	Oid			saved_user;
	int			saved_security;
} OwnerContext;

extern void account_become_owner(const Account *account, OwnerContext *context);
extern void account_restore_user(const OwnerContext *context);

#endif
