/*
 * diff_query.h
 *		The statement of diff_reader.c, which alone includes this, and its rows.
 */
#ifndef ORGSYNC_DIFF_QUERY_H
#define ORGSYNC_DIFF_QUERY_H

#include "diff.h"

/*
 * $1 to $3: the notation; $4: has the product unique_user_id, $5: permissions,
 * $6: attributes; $7: the permissions; $8: for an export.
 *
 *	logged			the first change of each cell: what the vendor has
 *	changed			the same by profile; email_at and added_at tell who is known
 *	people			with the profile as it is now, if it is still there
 *	twins			who was deleted and made again
 *	subjects		whom the diff is about; source_id is the profile whose changes
 *					tell what the vendor has
 *	vendor_cells	the changed cells of those whom the vendor knows
 *	present			all cells of twins: their changes tell nothing
 *	compared		what the vendor has beside what it shall have
 */
static const char diff_query[] =
"WITH logged AS MATERIALIZED ("
" SELECT DISTINCT ON (c.profile_id, c.cell) c.profile_id, c.cell, c.place, c.column_name,"
"  c.vendor_value, c.change_id"
" FROM (SELECT h.change_id, h.profile_id, h.column_name, h.vendor_value,"
DIFF_CELL_OF("h.column_name") "AS cell,"
"   CASE h.column_name WHEN 'primary_email_address' THEN 0 WHEN 'unique_user_id' THEN 1"
"    WHEN 'preferred_first_name' THEN 2 WHEN 'preferred_last_name' THEN 3 WHEN 'work_title' THEN 4"
"    ELSE CASE WHEN starts_with(h.column_name, 'group:') THEN 6"
"     WHEN starts_with(h.column_name, 'attribute_') THEN 8"
"     WHEN h.column_name = ANY ($7) THEN 7 ELSE 5 END END AS place"
"  FROM @account.changes h) c"
" ORDER BY c.profile_id, c.cell, c.change_id"
"), changed AS MATERIALIZED ("
" SELECT profile_id,"
"  min(change_id) FILTER (WHERE cell IS NULL) AS added_at,"
"  min(change_id) FILTER (WHERE cell = 'primary_email_address') AS email_at,"
"  max(vendor_value) FILTER (WHERE cell = 'primary_email_address') AS email,"
"  count(*) FILTER (WHERE cell = 'unique_user_id') > 0 AS has_id,"
"  nullif(max(vendor_value) FILTER (WHERE cell = 'unique_user_id'), '') AS id"
" FROM logged GROUP BY profile_id ORDER BY profile_id"
"), people AS MATERIALIZED ("
" SELECT c.profile_id, p.profile_id IS NOT NULL AS lives,"
"  coalesce(c.added_at < c.email_at, c.added_at IS NOT NULL) AS is_new,"
"  coalesce(c.email, p.primary_email_address::text) AS vendor_email,"
"  CASE WHEN c.has_id THEN c.id ELSE p.unique_user_id END AS vendor_id,"
"  p.primary_email_address::text AS email, p.unique_user_id AS id, p.reupload_user_profile"
" FROM changed c LEFT JOIN @account.profiles p ON p.profile_id = c.profile_id"
"), twins AS MATERIALIZED ("
" SELECT DISTINCT ON (n.profile_id) n.profile_id, d.profile_id AS deleted_id"
" FROM people n JOIN people d"
"  ON lower(n.email COLLATE \"C\") = lower(d.vendor_email COLLATE \"C\")"
" WHERE n.lives AND n.is_new AND NOT d.lives AND NOT d.is_new"
" ORDER BY n.profile_id, d.profile_id"
"), subjects AS MATERIALIZED ("
" SELECT p.profile_id, p.profile_id AS source_id, false AS is_twin,"
"  CASE WHEN NOT p.lives THEN 'deleted' WHEN p.is_new THEN 'added' ELSE 'known' END AS state,"
"  CASE WHEN NOT p.is_new THEN p.vendor_email END AS vendor_email,"
"  CASE WHEN NOT p.is_new THEN p.vendor_id END AS vendor_id,"
"  p.email, p.id, p.reupload_user_profile"
" FROM people p"
" WHERE (p.lives OR (NOT p.is_new AND p.vendor_email IS NOT NULL))"
"  AND NOT EXISTS (SELECT FROM twins t WHERE t.profile_id = p.profile_id)"
"  AND NOT EXISTS (SELECT FROM twins t WHERE t.deleted_id = p.profile_id)"
" UNION ALL"
" SELECT t.profile_id, t.deleted_id, true, 'known', d.vendor_email, d.vendor_id,"
"  n.email, n.id, n.reupload_user_profile"
" FROM twins t JOIN people n ON n.profile_id = t.profile_id"
"  JOIN people d ON d.profile_id = t.deleted_id"
"), vendor_cells AS MATERIALIZED ("
" SELECT s.profile_id, s.is_twin, l.cell, l.place, l.column_name, l.vendor_value"
" FROM logged l JOIN subjects s ON s.source_id = l.profile_id"
" WHERE l.cell IS NOT NULL"
"  AND (s.state = 'known' OR (s.state = 'deleted' AND l.place IN (5, 6, 7)))"
"), present AS ("
" SELECT s.profile_id, v.place, v.column_name, v.column_name AS cell, NULL AS nothing, v.value"
" FROM subjects s JOIN @account.profiles p ON p.profile_id = s.profile_id"
"  CROSS JOIN LATERAL (VALUES (1, 'unique_user_id', p.unique_user_id),"
"   (2, 'preferred_first_name', p.preferred_first_name),"
"   (3, 'preferred_last_name', p.preferred_last_name), (4, 'work_title', p.work_title))"
"   v (place, column_name, value)"
" WHERE s.is_twin"
" UNION ALL"
" SELECT s.profile_id, 5, l.header::text, lower(l.header::text COLLATE \"C\"), 'inactive', 'active'"
" FROM subjects s JOIN @account.seats t ON t.profile_id = s.profile_id"
"  JOIN @account.licenses l ON l.license_id = t.license_id"
" WHERE s.is_twin AND t.status IN ('invited', 'activated')"
" UNION ALL"
" SELECT s.profile_id, 6, $1 || g.name, 'group:' || orgsync.fold(g.name), $3, $2"
" FROM subjects s JOIN @account.memberships m ON m.profile_id = s.profile_id"
"  JOIN @account.groups g ON g.group_id = m.group_id"
" WHERE s.is_twin"
" UNION ALL"
" SELECT s.profile_id, 7, a.permission, a.permission, 'no', a.scope::text"
" FROM subjects s JOIN @account.permissions a ON a.profile_id = s.profile_id"
" WHERE s.is_twin"
" UNION ALL"
" SELECT s.profile_id, 8, 'attribute_' || e.key, 'attribute_' || e.key, NULL, e.value"
" FROM subjects s JOIN @account.profiles p ON p.profile_id = s.profile_id"
"  CROSS JOIN LATERAL jsonb_each_text(p.attributes) e"
" WHERE s.is_twin"
"), compared AS ("
" SELECT v.profile_id, v.place, v.column_name, nullif(v.vendor_value, '') AS old_value,"
"  CASE v.place WHEN 0 THEN p.primary_email_address::text WHEN 1 THEN p.unique_user_id"
"   WHEN 2 THEN nullif(p.preferred_first_name, '') WHEN 3 THEN nullif(p.preferred_last_name, '')"
"   WHEN 4 THEN nullif(p.work_title, '')"
"   ELSE nullif(p.attributes ->> substr(v.column_name, 11), '') END AS new_value"
" FROM vendor_cells v JOIN @account.profiles p ON p.profile_id = v.profile_id"
" WHERE v.place IN (0, 1, 2, 3, 4, 8)"
" UNION ALL"
" SELECT v.profile_id, v.place, coalesce(l.header::text, v.column_name),"
"  coalesce(v.vendor_value, 'inactive'),"
"  CASE WHEN t.status IN ('invited', 'activated') THEN 'active' ELSE 'inactive' END"
" FROM vendor_cells v"
"  LEFT JOIN @account.licenses l ON lower(l.header::text COLLATE \"C\") = v.cell"
"  LEFT JOIN @account.seats t ON t.profile_id = v.profile_id AND t.license_id = l.license_id"
" WHERE v.place = 5"
" UNION ALL"
" SELECT v.profile_id, v.place, $1 || coalesce(g.name, substr(v.column_name, 7)),"
"  CASE v.vendor_value WHEN 'yes' THEN $2 ELSE $3 END,"
"  CASE WHEN m.group_id IS NULL THEN $3 ELSE $2 END"
" FROM vendor_cells v"
"  LEFT JOIN @account.groups g ON orgsync.fold(g.name) = substr(v.cell, 7)"
"  LEFT JOIN @account.memberships m ON m.profile_id = v.profile_id AND m.group_id = g.group_id"
" WHERE v.place = 6"
" UNION ALL"
" SELECT v.profile_id, v.place, v.column_name,"
"  coalesce(v.vendor_value, 'no'), coalesce(a.scope::text, 'no')"
" FROM vendor_cells v"
"  LEFT JOIN @account.permissions a ON a.profile_id = v.profile_id AND a.permission = v.cell"
" WHERE v.place = 7"
" UNION ALL"
" SELECT w.profile_id, w.place, w.column_name, w.nothing, nullif(w.value COLLATE \"C\", '')"
" FROM present w LEFT JOIN vendor_cells v"
"  ON v.is_twin AND v.profile_id = w.profile_id AND v.cell = w.cell COLLATE \"C\""
" WHERE v.cell IS NULL"
"), email_links AS MATERIALIZED ("
" SELECT r.profile_id, h.profile_id AS holder_id, h.state = 'deleted' AS is_blocked"
" FROM subjects r JOIN subjects h"
"  ON lower(h.vendor_email COLLATE \"C\") = lower(r.email COLLATE \"C\")"
" WHERE $8 AND r.state = 'known' AND h.profile_id <> r.profile_id"
"), id_links AS MATERIALIZED ("
" SELECT r.profile_id, h.profile_id AS holder_id, h.state = 'deleted' AS is_blocked"
" FROM subjects r JOIN subjects h ON h.vendor_id = r.id"
" WHERE $8 AND $4 AND r.state = 'known' AND h.profile_id <> r.profile_id"
"), holders AS MATERIALIZED ("
" SELECT holder_id FROM email_links UNION SELECT holder_id FROM id_links"
") "
"SELECT r.* FROM ("
/* change_ids have few gaps; to aggregate them one by one would hold each in memory */
"SELECT NULL::bigint AS profile_id, -4 AS place, NULL::integer AS number, NULL AS column_name,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
" NULL::boolean, NULL::bigint, NULL::boolean, NULL::bigint, NULL::boolean,"
" NULL::boolean, NULL::text[], NULL::integer[], NULL::integer[], NULL::text[], NULL::jsonb,"
" (SELECT range_agg(int8range(i.first, i.last, '[]'))"
"  FROM (SELECT min(n.change_id) AS first, max(n.change_id) AS last"
"   FROM (SELECT change_id, change_id - row_number() OVER (ORDER BY change_id) AS island"
"    FROM @account.changes) n GROUP BY n.island) i),"
" (SELECT sum(invited + activated)::bigint FROM @account.seat_counters)"
" WHERE $8 "
"UNION ALL "
"SELECT NULL, -3, license_id, header::text,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM @account.licenses WHERE EXISTS (SELECT FROM subjects WHERE state = 'added') "
"UNION ALL "
"SELECT NULL, -2, group_id, $1 || name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM @account.groups WHERE EXISTS (SELECT FROM subjects WHERE state = 'added') "
"UNION ALL "
"SELECT s.profile_id, -1, NULL, NULL, NULL, NULL, s.state, s.vendor_email, s.email,"
" s.vendor_id, s.id, s.reupload_user_profile,"
" e.holder_id, e.is_blocked, i.holder_id, i.is_blocked, h.holder_id IS NOT NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM subjects s LEFT JOIN email_links e ON e.profile_id = s.profile_id"
" LEFT JOIN id_links i ON i.profile_id = s.profile_id"
" LEFT JOIN holders h ON h.holder_id = s.profile_id "
"WHERE s.state <> 'added' "
"UNION ALL "
"SELECT s.profile_id, -1, NULL, NULL, NULL, NULL, s.state, NULL, s.email, NULL, s.id,"
" s.reupload_user_profile, NULL, NULL, NULL, NULL, NULL,"
" ARRAY[p.preferred_first_name, p.preferred_last_name, p.work_title],"
" ARRAY(SELECT t.license_id FROM @account.seats t"
"  WHERE t.profile_id = s.profile_id AND t.status IN ('invited', 'activated')),"
" ARRAY(SELECT m.group_id FROM @account.memberships m WHERE m.profile_id = s.profile_id),"
" CASE WHEN $5 THEN ARRAY(SELECT unnest(ARRAY[a.permission, a.scope::text])"
"  FROM @account.permissions a WHERE a.profile_id = s.profile_id) END,"
" CASE WHEN $6 AND p.attributes <> '{}' THEN p.attributes END,"
" NULL, NULL "
"FROM subjects s JOIN @account.profiles p ON p.profile_id = s.profile_id "
"WHERE s.state = 'added' "
"UNION ALL "
"SELECT c.profile_id, c.place, NULL, c.column_name, c.old_value, c.new_value,"
" NULL, NULL, NULL, NULL, NULL, NULL,"
" NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL "
"FROM compared c "
"WHERE c.old_value COLLATE \"C\" IS DISTINCT FROM c.new_value"
" AND NOT (c.place = 0 AND lower(c.old_value COLLATE \"C\") = lower(c.new_value COLLATE \"C\"))"
" AND CASE c.place WHEN 1 THEN $4 WHEN 7 THEN $5 WHEN 8 THEN $6 ELSE true END"
") r ORDER BY r.profile_id NULLS FIRST, r.place";

#define DIFF_ARGUMENT_COUNT	8

/* The columns of the query. */
enum
{
	DIFF_ROW_PROFILE_ID, DIFF_ROW_PLACE,
	DIFF_ROW_NUMBER, DIFF_ROW_COLUMN_NAME, DIFF_ROW_OLD_VALUE, DIFF_ROW_NEW_VALUE,
	DIFF_ROW_STATE, DIFF_ROW_VENDOR_EMAIL, DIFF_ROW_EMAIL, DIFF_ROW_VENDOR_ID, DIFF_ROW_ID,
	DIFF_ROW_REUPLOAD, DIFF_ROW_EMAIL_HOLDER, DIFF_ROW_EMAIL_BLOCKED, DIFF_ROW_ID_HOLDER,
	DIFF_ROW_ID_BLOCKED, DIFF_ROW_IS_HOLDER,
	DIFF_ROW_TEXTS, DIFF_ROW_LICENSES, DIFF_ROW_GROUPS, DIFF_ROW_PERMISSIONS, DIFF_ROW_ATTRIBUTES,
	DIFF_ROW_CHANGES_READ, DIFF_ROW_SEATS_TAKEN,
	DIFF_ROW_COLUMN_COUNT
};

/* Rows that are no cells. */
#define PLACE_ACCOUNT	(-4)
#define PLACE_LICENSE	(-3)
#define PLACE_GROUP		(-2)
#define PLACE_PERSON	(-1)

#endif
