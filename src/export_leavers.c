/*
 * export_leavers.c
 *		Who left, and which keys he still has at the vendor's.
 *
 * Nothing deletes a profile at the vendor's.  Who was deleted here, and whose
 * deletion is confirmed, is kept in "leavers" with what the vendor has of him (see
 * diff_keys.c).
 *
 * When two would have one address or id at the vendor's after a confirmation, the
 * one whom the export gave it has it.
 */
#include "export_confirm.h"

#include "change_log.h"
#include "sql.h"

/* Who was deleted, and whose deletion is confirmed, becomes a leaver; see diff_keys.c. */
static const char add_leavers[] =
"WITH keys AS MATERIALIZED ("
" SELECT c.profile_id, bool_and(c.change_id <@ r.changes_read) AS are_read"
" FROM @account.changes c CROSS JOIN (SELECT " CHANGES_READ " AS changes_read) r"
" WHERE c.column_name IS NULL OR c.column_name IN ('primary_email_address', 'unique_user_id')"
" GROUP BY c.profile_id"
") "
"INSERT INTO @account.leavers AS l (profile_id, primary_email_address, unique_user_id,"
"  preferred_first_name, preferred_last_name, work_title, attributes)"
" SELECT f.profile_id,"
"  max(f.vendor_value) FILTER (WHERE f.column_name = 'primary_email_address'),"
"  nullif(max(f.vendor_value) FILTER (WHERE f.column_name = 'unique_user_id'), ''),"
"  max(f.vendor_value) FILTER (WHERE f.column_name = 'preferred_first_name'),"
"  max(f.vendor_value) FILTER (WHERE f.column_name = 'preferred_last_name'),"
"  max(f.vendor_value) FILTER (WHERE f.column_name = 'work_title'),"
"  coalesce(jsonb_object_agg(substr(f.column_name, 11), f.vendor_value)"
"   FILTER (WHERE starts_with(f.column_name, 'attribute_') AND f.vendor_value IS NOT NULL), '{}')"
" FROM (SELECT DISTINCT ON (c.profile_id, c.column_name) c.profile_id, c.column_name, c.vendor_value"
"  FROM keys k JOIN @account.changes c ON c.profile_id = k.profile_id"
"  WHERE k.are_read"
"   AND NOT EXISTS (SELECT FROM @account.profiles p WHERE p.profile_id = k.profile_id)"
"   AND NOT EXISTS (SELECT FROM @account.changes n WHERE n.profile_id = c.profile_id"
"    AND n.column_name IS NULL AND n.change_id < c.change_id)"
"  ORDER BY c.profile_id, c.column_name, c.change_id) f"
" GROUP BY f.profile_id"
" HAVING count(*) FILTER (WHERE f.column_name = 'primary_email_address') > 0"
" ON CONFLICT (profile_id) DO NOTHING";

/*
 * Two of the vendor's profiles cannot have the same keys: somebody there has
 * given others to the one who left first.
 */
static const char forget_addresses[] =
"UPDATE @account.leavers o SET primary_email_address = NULL FROM @account.leavers n"
" WHERE n.left_at = now() AND o.left_at < n.left_at"
"  AND lower(o.primary_email_address) = lower(n.primary_email_address)";
static const char forget_ids[] =
"UPDATE @account.leavers o SET unique_user_id = NULL FROM @account.leavers n"
" WHERE n.left_at = now() AND o.left_at < n.left_at AND o.unique_user_id = n.unique_user_id";

/*
 * Under which keys the vendor knows the people of the export's files now: as the
 * first of their changes has it, or else as it is here.
 */
#define PRESENT_KEYS \
	"WITH exported AS MATERIALIZED (" \
	" SELECT DISTINCT unnest(profile_ids) AS profile_id FROM @account.export_files" \
	" WHERE export_id = $1 AND confirmed_at IS NOT NULL" \
	"), changed AS MATERIALIZED (" \
	" SELECT DISTINCT ON (c.profile_id, c.column_name) c.profile_id, c.column_name, c.vendor_value" \
	" FROM @account.changes c JOIN exported e ON e.profile_id = c.profile_id" \
	" WHERE c.column_name IS NULL OR c.column_name IN ('primary_email_address', 'unique_user_id')" \
	" ORDER BY c.profile_id, c.column_name, c.change_id" \
	"), present AS MATERIALIZED (" \
	" SELECT e.profile_id, p.profile_id IS NOT NULL AS lives, lower(CASE WHEN a.profile_id IS NOT NULL THEN a.vendor_value" \
	"   ELSE p.primary_email_address::text COLLATE \"C\" END) AS address," \
	"  CASE WHEN i.profile_id IS NOT NULL THEN i.vendor_value ELSE p.unique_user_id END AS unique_user_id" \
	" FROM exported e LEFT JOIN @account.profiles p ON p.profile_id = e.profile_id" \
	" LEFT JOIN changed a ON a.profile_id = e.profile_id AND a.column_name = 'primary_email_address'" \
	" LEFT JOIN changed i ON i.profile_id = e.profile_id AND i.column_name = 'unique_user_id'" \
	" WHERE NOT EXISTS (SELECT FROM changed n WHERE n.profile_id = e.profile_id AND n.column_name IS NULL)" \
	"  AND (p.profile_id IS NOT NULL OR a.profile_id IS NOT NULL)" \
	") "

/* Somebody else has the leaver's address, or id, there now: by hand. */
static const char move_addresses[] =
PRESENT_KEYS
"UPDATE @account.leavers l SET primary_email_address = NULL FROM present p"
" WHERE lower(l.primary_email_address) = p.address AND l.profile_id <> p.profile_id";
static const char move_ids[] =
PRESENT_KEYS
"UPDATE @account.leavers l SET unique_user_id = NULL FROM present p"
" WHERE l.unique_user_id = p.unique_user_id AND l.profile_id <> p.profile_id";

/* The same of those who were deleted, when that is not confirmed yet. */
#define LOSE_KEY(column, equals) \
	PRESENT_KEYS \
	", lost AS (" \
	" SELECT DISTINCT c.* FROM @account.changes c CROSS JOIN present p" \
	" WHERE c.column_name = '" column "' AND c.profile_id <> p.profile_id AND " equals \
	"  AND NOT EXISTS (SELECT FROM @account.profiles l WHERE l.profile_id = c.profile_id)" \
	"  AND (p.lives OR p.profile_id > c.profile_id)" \
	"  AND NOT EXISTS (SELECT FROM @account.changes o WHERE o.profile_id = c.profile_id" \
	"   AND o.change_id < c.change_id AND (o.column_name IS NULL OR o.column_name = c.column_name))" \
	"), " CHANGES_KEPT_OF("lost") \
	"UPDATE @account.changes c SET vendor_value = NULL, changed_at = NULL FROM lost l" \
	" WHERE c.profile_id = l.profile_id AND c.change_id = l.change_id"

static const char lose_addresses[] = LOSE_KEY("primary_email_address", "lower(c.vendor_value) = p.address");
static const char lose_ids[] = LOSE_KEY("unique_user_id", "c.vendor_value = p.unique_user_id");

/* Who was deleted, and is known to the vendor only, has left. */
void
export_leavers_make(const Confirmation *confirmation)
{
	if (export_confirm_run(confirmation, add_leavers) == 0)
		return;
	(void) sql_run_about(confirmation->account, forget_addresses, confirmation->row_count, 0, NULL);
	(void) sql_run_about(confirmation->account, forget_ids, confirmation->row_count, 0, NULL);
}

/*
 * No two people have one address, or one id, at the vendor's: what somebody got
 * there, who was deleted here does not have any more.
 */
void
export_leavers_pass_keys_on(const Confirmation *confirmation)
{
	static const char *const statements[] = {lose_addresses, lose_ids, move_addresses, move_ids};
	size_t		count = lengthof(statements);

	if (sql_run(confirmation->account, "SELECT FROM @account.leavers LIMIT 1", 0, NULL) == 0)
		count -= 2;
	for (size_t i = 0; i < count; i++)
		(void) export_confirm_run(confirmation, statements[i]);
	(void) sql_run(confirmation->account,
				   "DELETE FROM @account.leavers"
				   " WHERE primary_email_address IS NULL AND unique_user_id IS NULL", 0, NULL);
}
