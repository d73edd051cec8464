/*
 * sql_plan.c
 *		Keeps the plans of our statements.
 *
 * Plans are kept by account and text, which is why texts must be constants: the
 * address of the text is the key.  The cache is bounded and simply emptied when
 * full; accounts are many, and a plan is made in a fraction of a millisecond.
 * What is taken out of the cache may be running still, a level further up, and
 * so is freed when the transaction ends.
 */
#include "sql_plan.h"

#include "access/xact.h"
#include "catalog.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* Enough for all statements of some ten accounts in use at once. */
#define PLAN_CACHE_SIZE 256

typedef struct PlanKey
{
	const char *text;			/* by address */
	Oid			namespace_oid;	/* InvalidOid: the text names no account */
} PlanKey;

typedef struct PlanEntry
{
	PlanKey		key;
	char		schema[NAMEDATALEN];	/* it may be renamed */
	SPIPlanPtr	plan;
	uint64		uses;
} PlanEntry;

static HTAB *plan_cache = NULL;
static List *discarded_plans = NIL;
static Oid	plan_cache_schema = InvalidOid; /* ours, when the plans were made */

/* A plan of the text; options: of cursors, as for SPI_prepare_cursor().  Needs an SPI connection. */
static SPIPlanPtr
prepare(const Account *account, const char *text, int argument_count, const SqlArgument *arguments, int options)
{
	char	   *expanded = sql_expand(account, text);
	Oid			types[SQL_MAX_ARGUMENTS];
	SPIPlanPtr	plan;

	Assert(argument_count <= SQL_MAX_ARGUMENTS);
	for (int i = 0; i < argument_count; i++)
		types[i] = arguments[i].type;
	plan = SPI_prepare_cursor(expanded, argument_count, types, options);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", expanded, SPI_result_code_string(SPI_result));
	pfree(expanded);
	return plan;
}

/* A plan of the text, which is not kept; needs an SPI connection. */
SPIPlanPtr
sql_plan_prepare(const Account *account, const char *text, int argument_count, const SqlArgument *arguments)
{
	return prepare(account, text, argument_count, arguments, 0);
}

static void
plan_discard(PlanEntry *entry)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);

	discarded_plans = lappend(discarded_plans, entry->plan);
	MemoryContextSwitchTo(old_context);
	hash_search(plan_cache, &entry->key, HASH_REMOVE, NULL);
}

static void
plan_cache_empty(void)
{
	HASH_SEQ_STATUS scan;
	PlanEntry  *entry;

	hash_seq_init(&scan, plan_cache);
	while ((entry = hash_seq_search(&scan)) != NULL)
		plan_discard(entry);
}

static void
plan_free_discarded(XactEvent event, void *unused)
{
	ListCell   *cell;

	(void) unused;
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	foreach(cell, discarded_plans)
		SPI_freeplan((SPIPlanPtr) lfirst(cell));
	list_free(discarded_plans);
	discarded_plans = NIL;
}

static void
plan_cache_create(void)
{
	HASHCTL		control = {.keysize = sizeof(PlanKey), .entrysize = sizeof(PlanEntry)};

	plan_cache = hash_create("orgsync plans", PLAN_CACHE_SIZE, &control, HASH_ELEM | HASH_BLOBS);
	RegisterXactCallback(plan_free_discarded, NULL);
}

/*
 * The kept plan of the text for the account, made if there is none.  ages: it is
 * made anew at every use that is a power of two, and is the same for all arguments.
 */
SPIPlanPtr
sql_plan_find(const Account *account, const char *text, int argument_count, const SqlArgument *arguments, bool ages)
{
	PlanKey		key;
	PlanEntry  *entry;
	SPIPlanPtr	plan;
	uint64		uses = 1;

	memset(&key, 0, sizeof(key));
	key.text = text;
	key.namespace_oid = account ? account->namespace_oid : InvalidOid;

	if (plan_cache == NULL)
		plan_cache_create();
	if (plan_cache_schema != catalog_schema())
	{
		/* the extension was dropped and made again: other types, other operators */
		plan_cache_empty();
		plan_cache_schema = catalog_schema();
	}

	entry = hash_search(plan_cache, &key, HASH_FIND, NULL);
	if (entry != NULL)
	{
		uses = ++entry->uses;
		if ((account == NULL || strcmp(entry->schema, account->name) == 0) &&
			!(ages && (uses & (uses - 1)) == 0))
			return entry->plan;
		plan_discard(entry);
	}

	plan = prepare(account, text, argument_count, arguments, ages ? CURSOR_OPT_GENERIC_PLAN : 0);
	SPI_keepplan(plan);
	if (hash_get_num_entries(plan_cache) >= PLAN_CACHE_SIZE)
		plan_cache_empty();
	entry = hash_search(plan_cache, &key, HASH_ENTER, NULL);
	strlcpy(entry->schema, account ? account->name : "", NAMEDATALEN);
	entry->plan = plan;
	entry->uses = uses;
	return plan;
}
