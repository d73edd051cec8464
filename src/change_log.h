/*
 * change_log.h
 *		What the vendor has, as the difference from what the account wants.
 */
#ifndef ORGSYNC_CHANGE_LOG_H
#define ORGSYNC_CHANGE_LOG_H

#include "account.h"

extern void change_log_expect_new(const Account *account, const int64 *profile_ids, int64 count);
extern void change_log_expect_none(void);

#endif
