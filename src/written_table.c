/*
 * written_table.c
 *		Is a table what rows can be written to below its triggers?
 *
 * That is only right as long as the table is what account_layout.sql made of it.
 * Whatever its owner has added that an INSERT would heed (triggers, rules, row
 * security, columns, defaults, constraints, deferred keys) or taken away, it is not
 * written to so, and the caller goes through SQL; so it is where the caller may not
 * insert into all columns.  Further indexes of the owner's are kept like our own,
 * and their uniqueness is checked.
 */
#include "written_table.h"

#include "access/genam.h"
#include "catalog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

static bool
is_default_now(Relation relation, AttrNumber column)
{
	Node	   *expression = build_column_default(relation, column);

	return expression != NULL && IsA(expression, FuncExpr) &&
		((FuncExpr *) expression)->funcid == F_NOW;
}

static bool
has_expected_columns(Relation relation, const WrittenTable *table)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	if (descriptor->natts != table->column_count ||
		(descriptor->constr != NULL && descriptor->constr->has_generated_stored))
		return false;
	for (int i = 0; i < table->column_count; i++)
	{
		const WrittenColumn *column = &table->columns[i];
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		Oid			type = OidIsValid(column->type) ? column->type : catalog_type(column->own_type);

		if (attribute->attisdropped || attribute->atttypid != type || attribute->atttypmod != -1 ||
			attribute->attnotnull != column->not_null || strcmp(NameStr(attribute->attname), column->name) != 0 ||
			(column->is_now && !is_default_now(relation, i + 1)))
			return false;
	}
	return true;
}

/* Is the name among those of an array that a NULL ends, or that is full? */
static bool
is_one_of(const char *name, const char *const *names, int capacity)
{
	for (int i = 0; i < capacity && names[i] != NULL; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static int
count_names(const char *const *names, int capacity)
{
	int			count = 0;

	while (count < capacity && names[count] != NULL)
		count++;
	return count;
}

static bool
has_expected_checks(Relation relation, const WrittenTable *table)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;
	int			count = constraints == NULL ? 0 : constraints->num_check;

	if (count != count_names(table->checks, WRITTEN_MAX_CHECKS))
		return false;
	for (int i = 0; i < count; i++)
		if (!is_one_of(constraints->check[i].ccname, table->checks, WRITTEN_MAX_CHECKS))
			return false;
	return true;
}

/* Is it a foreign key that the layout has, and that is checked at once? */
static bool
is_expected_reference(const Account *account, const WrittenTable *table, const Trigger *trigger)
{
	const char *referenced = OidIsValid(trigger->tgconstrrelid) ? get_rel_name(trigger->tgconstrrelid) : NULL;

	return trigger->tgisinternal && trigger->tgfoid == F_RI_FKEY_CHECK_INS && !trigger->tgdeferrable &&
		referenced != NULL && get_rel_namespace(trigger->tgconstrrelid) == account->namespace_oid &&
		is_one_of(referenced, table->references, WRITTEN_MAX_REFERENCES);
}

/* Is it one that the layout has, of one of these functions? */
static bool
is_expected_trigger(const Trigger *trigger, const char *const *functions, int capacity)
{
	const char *function = get_func_name(trigger->tgfoid);

	return !trigger->tgisinternal && TRIGGER_FOR_AFTER(trigger->tgtype) && trigger->tgqual == NULL &&
		function != NULL && get_func_namespace(trigger->tgfoid) == catalog_schema() &&
		is_one_of(function, functions, capacity);
}

static bool
is_enabled(const Trigger *trigger)
{
	return trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN || trigger->tgenabled == TRIGGER_FIRES_ALWAYS;
}

/* Would an INSERT fire just the triggers that the layout has? */
static bool
has_expected_triggers(const Account *account, Relation relation, const WrittenTable *table)
{
	TriggerDesc *triggers = relation->trigdesc;
	int			count = triggers == NULL ? 0 : triggers->numtriggers;
	int			references = 0;
	int			functions = 0;

	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		return false;
	for (int i = 0; i < count; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_FOR_INSERT(trigger->tgtype))
			continue;
		if (is_expected_trigger(trigger, &table->change_log, 1))
			continue;
		if (!is_enabled(trigger))
			return false;
		if (is_expected_reference(account, table, trigger))
			references++;
		else if (is_expected_trigger(trigger, table->triggers, WRITTEN_MAX_TRIGGERS))
			functions++;
		else
			return false;
	}
	return references == count_names(table->references, WRITTEN_MAX_REFERENCES) &&
		functions == count_names(table->triggers, WRITTEN_MAX_TRIGGERS);
}

/* Is the trigger there and switched on that notes what is inserted? */
bool
written_table_is_logged(const WrittenTable *table, Relation relation)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (TRIGGER_FOR_INSERT(triggers->triggers[i].tgtype) && is_enabled(&triggers->triggers[i]) &&
			is_expected_trigger(&triggers->triggers[i], &table->change_log, 1))
			return true;
	return false;
}

static bool
has_ordinary_indexes(Relation relation)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *cell;
	bool		are_ordinary = true;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), RowExclusiveLock);
		Form_pg_index form = index->rd_index;

		are_ordinary = are_ordinary && form->indimmediate && form->indisvalid && form->indisready &&
			!form->indisexclusion;
		index_close(index, NoLock);
	}
	list_free(indexes);
	return are_ordinary;
}

/* May the present user write to the account's table so, and is it as the layout has it? */
bool
written_table_is_writable(const WrittenTable *table, const Account *account, Relation relation)
{
	Oid			relation_oid = RelationGetRelid(relation);

	return relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT && !relation->rd_rel->relispartition &&
		relation->rd_rel->relam == HEAP_TABLE_AM_OID && relation->rd_rules == NULL &&
		pg_class_aclcheck(relation_oid, GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
		check_enable_rls(relation_oid, InvalidOid, true) != RLS_ENABLED &&
		has_expected_columns(relation, table) && has_expected_checks(relation, table) &&
		has_expected_triggers(account, relation, table) && has_ordinary_indexes(relation);
}
