/*
 * sql_settings.c
 *		The settings under which our statements are planned and run.
 *
 * Each function that begins something returns a GUC nest level, by which it is
 * ended; an error ends it with the transaction.
 */
#include "sql_plan.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/guc.h"

#define SEARCH_PATH_PREFIX	"pg_catalog, " ORGSYNC_SCHEMA ", "
#define PINNED_SEARCH_PATH	SEARCH_PATH_PREFIX "pg_temp"

/* Sets something until the GUC nest level ends. */
void
sql_set(const char *setting, const char *value)
{
	(void) set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* Sets an amount of memory. */
void
sql_set_memory(const char *setting, int kilobytes)
{
	char		value[16];

	snprintf(value, sizeof(value), "%d", kilobytes);
	sql_set(setting, value);
}

/* Ends the GUC nest level that a function here returned, or NewGUCNestLevel(). */
void
sql_restore_settings(int nest_level)
{
	AtEOXact_GUC(true, nest_level);
}

/*
 * Makes the schemas that our texts may take names from the only ones, until
 * sql_restore_settings() is called with the result or the transaction ends.
 * Cheap if it is so already.
 */
int
sql_pin_search_path(void)
{
	int			nest_level = NewGUCNestLevel();

	if (strcmp(namespace_search_path, PINNED_SEARCH_PATH) != 0)
		sql_set("search_path", PINNED_SEARCH_PATH);
	return nest_level;
}

/*
 * Is that a path of sql_prefix_search_path()'s?  One of the caller's own may begin
 * in the same way and yet lack pg_temp, which then comes before all others.
 */
static bool
is_prefixed(const char *path)
{
	static const char suffix[] = ", pg_temp";
	size_t		length = strlen(path);

	return strncmp(path, SEARCH_PATH_PREFIX, strlen(SEARCH_PATH_PREFIX)) == 0 &&
		length >= strlen(suffix) && strcmp(path + length - strlen(suffix), suffix) == 0;
}

/* Makes them the first ones, before the caller's; see sql_write().  Ended likewise. */
int
sql_prefix_search_path(void)
{
	int			nest_level = NewGUCNestLevel();

	if (!is_prefixed(namespace_search_path))
	{
		char	   *path = psprintf("%s%s%spg_temp", SEARCH_PATH_PREFIX, namespace_search_path,
									namespace_search_path[0] == '\0' ? "" : ", ");

		sql_set("search_path", path);
		pfree(path);
	}
	return nest_level;
}

/*
 * Has what is planned from now on go from the few rows by indexes, whatever is
 * known or not known of the tables: after a first load, before the first ANALYZE,
 * the planner would read them whole.  Until the GUC nest level ends.
 *
 * What cannot be avoided is said to cost very much, for which it would be compiled.
 */
void
sql_avoid_whole_tables(void)
{
	sql_set("jit", "off");
	sql_set("enable_seqscan", "off");
	sql_set("enable_hashjoin", "off");
	sql_set("enable_mergejoin", "off");
}

/*
 * Has rows that are wanted in an index's order read in it, rather than be copied and sorted.
 * Until sql_restore_settings() is called with the result.
 */
int
sql_avoid_sorting(void)
{
	int			nest_level = NewGUCNestLevel();

	sql_set("jit", "off");
	sql_set("enable_seqscan", "off");
	sql_set("enable_bitmapscan", "off");
	sql_set("enable_sort", "off");
	return nest_level;
}

/*
 * Has large values compressed by LZ4, if this server has it: well enough, and many times
 * faster than by default.  Until sql_restore_settings() is called with the result.
 */
int
sql_compress_quickly(void)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option("default_toast_compression", "lz4", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, DEBUG1, false);
	return nest_level;
}

/*
 * Until sql_restore_settings() is called with the result, or the transaction ends: a
 * statement of so many joins takes no more than work_mem for all of them, and nothing
 * is compiled for it.  by_indexes: whatever it seeks, it is to be sought by indexes.
 */
int
sql_bound_memory(int join_count, bool by_indexes)
{
	int			nest_level = NewGUCNestLevel();

	sql_set_memory("work_mem", Max(work_mem / join_count, 64));
	sql_set("hash_mem_multiplier", "1");
	sql_set("jit", "off");
	if (by_indexes)
		sql_avoid_whole_tables();
	return nest_level;
}
