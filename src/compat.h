/*
 * compat.h
 *		The differences between the PostgreSQL versions that we support, all of
 *		them: no other file asks for PG_VERSION_NUM.
 */
#ifndef ORGSYNC_COMPAT_H
#define ORGSYNC_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "orgsync needs PostgreSQL 15 or later"
#endif

/* Macros of variable-length values moved out of postgres.h in PostgreSQL 16 (2023-01). */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Soft errors of input functions came with PostgreSQL 16 (2022-12).  Before
 * that, an error of an input function can only be thrown.
 */
#if PG_VERSION_NUM < 160000
#define ereturn(context, result, ...) ereport(ERROR, __VA_ARGS__)
#endif

/* The checks of owner and privilege by kind of object became one in PostgreSQL 16 (2022-11). */
#include "catalog/pg_namespace.h"
#include "utils/acl.h"
#if PG_VERSION_NUM < 160000
#define compat_namespace_is_owned(namespace_oid, role)	pg_namespace_ownercheck(namespace_oid, role)
#define compat_namespace_is_usable(namespace_oid, role) \
	(pg_namespace_aclcheck(namespace_oid, role, ACL_USAGE) == ACLCHECK_OK)
#else
#define compat_namespace_is_owned(namespace_oid, role) \
	object_ownercheck(NamespaceRelationId, namespace_oid, role)
#define compat_namespace_is_usable(namespace_oid, role) \
	(object_aclcheck(NamespaceRelationId, namespace_oid, role, ACL_USAGE) == ACLCHECK_OK)
#endif

/* getIdentitySequence() takes a Relation since PostgreSQL 17.1 (2024-11), an OID before. */
#if PG_VERSION_NUM < 170000
#define compat_identity_sequence(relation, column) \
	getIdentitySequence(RelationGetRelid(relation), column, false)
#else
#define compat_identity_sequence(relation, column)	getIdentitySequence(relation, column, false)
#endif

/*
 * ExecInsertIndexTuples() can be told to leave all but summarizing indexes since PostgreSQL 16 (2023-03);
 * flags in 19, as the beginning of scans does.  reindex_index() takes the statement for
 * event triggers since 17 (2023-12).
 */
#if PG_VERSION_NUM < 160000
#define compat_insert_index_tuples(result, slot, executor) \
	ExecInsertIndexTuples(result, slot, executor, false, false, NULL, NIL)
#elif PG_VERSION_NUM >= 190000
#define compat_insert_index_tuples(result, slot, executor) \
	ExecInsertIndexTuples(result, executor, 0, slot, NIL, NULL)
#else
#define compat_insert_index_tuples(result, slot, executor) \
	ExecInsertIndexTuples(result, slot, executor, false, false, NULL, NIL, false)
#endif
#if PG_VERSION_NUM < 170000
#define compat_reindex_index(index) \
	reindex_index(index, false, RELPERSISTENCE_PERMANENT, &(ReindexParams) {0})
#else
#define compat_reindex_index(index) \
	reindex_index(NULL, index, false, RELPERSISTENCE_PERMANENT, &(ReindexParams) {0})
#endif

/* A build of a B-tree ends with a wait for the disk, until the bulk writer of PostgreSQL 17 (2024-02). */
#if PG_VERSION_NUM < 170000
#define COMPAT_BUILDS_OF_INDEXES_WAIT
#endif

/* Ranges are made with a place for soft errors since PostgreSQL 16 (2022-12). */
#if PG_VERSION_NUM < 160000
#define compat_range_serialize(type, lower, upper)	range_serialize(type, lower, upper, false)
#else
#define compat_range_serialize(type, lower, upper)	range_serialize(type, lower, upper, false, NULL)
#endif

/* The files of relations go by another name since PostgreSQL 16 (2022-07). */
#if PG_VERSION_NUM < 160000
#define compat_set_new_file(relation)	RelationSetNewRelfilenode(relation, (relation)->rd_rel->relpersistence)
#define compat_file_of(relation)	(&(relation)->rd_node)
#else
#define compat_set_new_file(relation)	RelationSetNewRelfilenumber(relation, (relation)->rd_rel->relpersistence)
#define compat_file_of(relation)	(&(relation)->rd_locator)
#endif

/* The path of a relation's main file, palloc'd; the types changed in PostgreSQL 16 (2022-07) and 18 (2025-02). */
#if PG_VERSION_NUM < 160000
#define compat_path_of(file)	relpath((file)->smgr_rnode, MAIN_FORKNUM)
#elif PG_VERSION_NUM < 180000
#define compat_path_of(file)	relpath((file)->smgr_rlocator, MAIN_FORKNUM)
#else
#define compat_path_of(file)	pstrdup(relpath((file)->smgr_rlocator, MAIN_FORKNUM).str)
#endif

/* heap_multi_insert() makes a file longer by many pages at once since PostgreSQL 16 (2023-04). */
#define COMPAT_GROWS_BY_PAGE	(PG_VERSION_NUM < 160000)

/* index_beginscan() takes instrumentation since PostgreSQL 18 (2025-03). */
#if PG_VERSION_NUM < 180000
#define compat_index_beginscan(heap, index, snapshot, key_count) \
	index_beginscan(heap, index, snapshot, key_count, 0)
#elif PG_VERSION_NUM < 190000
#define compat_index_beginscan(heap, index, snapshot, key_count) \
	index_beginscan(heap, index, snapshot, NULL, key_count, 0)
#else
#define compat_index_beginscan(heap, index, snapshot, key_count) \
	index_beginscan(heap, index, snapshot, NULL, key_count, 0, 0)
#endif
#if PG_VERSION_NUM < 190000
#define compat_table_beginscan(relation, snapshot)	table_beginscan(relation, snapshot, 0, NULL)
#define compat_table_beginscan_tidrange(relation, snapshot, from, to) \
	table_beginscan_tidrange(relation, snapshot, from, to)
#else
#define compat_table_beginscan(relation, snapshot)	table_beginscan(relation, snapshot, 0, NULL, 0)
#define compat_table_beginscan_tidrange(relation, snapshot, from, to) \
	table_beginscan_tidrange(relation, snapshot, from, to, 0)
#endif

/* What a row's columns are has to be completed since PostgreSQL 19 (2026-03), for their places to be known. */
#if PG_VERSION_NUM < 190000
#define compat_finish_descriptor(descriptor)	((void) (descriptor))
#else
#define compat_finish_descriptor(descriptor)	TupleDescFinalize(descriptor)
#endif

/* PageSetChecksumInplace() became PageSetChecksum() in PostgreSQL 19 (2026). */
#if PG_VERSION_NUM < 190000
#define compat_page_set_checksum(page, block)	PageSetChecksumInplace(page, block)
#else
#define compat_page_set_checksum(page, block)	PageSetChecksum(page, block)
#endif

/* Data files may be written past the system's cache since PostgreSQL 16 (2023-04): it has nothing then to write. */
#if PG_VERSION_NUM < 160000
#define COMPAT_WRITES_PAST_CACHE	false
#else
#define COMPAT_WRITES_PAST_CACHE	((io_direct_flags & IO_DIRECT_DATA) != 0)
#endif

/* Values of type jsonb are built in a struct of their own since PostgreSQL 19 (2025-12). */
#include "utils/jsonb.h"
#if PG_VERSION_NUM < 190000
typedef struct CompatJsonbBuilder
{
	JsonbValue *result;			/* when it is complete */
	JsonbParseState *state;
} CompatJsonbBuilder;
#define compat_jsonb_push(builder, token, value) \
	((builder)->result = pushJsonbValue(&(builder)->state, token, value))
#else
typedef JsonbInState CompatJsonbBuilder;
#define compat_jsonb_push(builder, token, value)	pushJsonbValue(builder, token, value)
#endif

/*
 * _bt_search() takes the heap since PostgreSQL 16 (2023-04), no snapshot any more since
 * 17 (2023-09), and is asked for the way since 19 (2025-12).
 */
#if PG_VERSION_NUM < 160000
#define compat_bt_search(index, heap, key, buffer) \
	((void) (heap), _bt_search(index, key, buffer, BT_WRITE, NULL))
#elif PG_VERSION_NUM < 170000
#define compat_bt_search(index, heap, key, buffer)	_bt_search(index, heap, key, buffer, BT_WRITE, NULL)
#elif PG_VERSION_NUM < 190000
#define compat_bt_search(index, heap, key, buffer)	_bt_search(index, heap, key, buffer, BT_WRITE)
#else
#define compat_bt_search(index, heap, key, buffer)	_bt_search(index, heap, key, buffer, BT_WRITE, true)
#endif

/* New pages of a btree have a function of their own since PostgreSQL 16 (2023-06), which takes the heap; so does the end of a split. */
#if PG_VERSION_NUM < 160000
#define compat_bt_new_page(index, heap)	((void) (heap), _bt_getbuf(index, P_NEW, BT_WRITE))
#define compat_bt_finish_split(index, heap, buffer, way)	((void) (heap), _bt_finish_split(index, buffer, way))
#else
#define compat_bt_new_page(index, heap)	_bt_allocbuf(index, heap)
#define compat_bt_finish_split(index, heap, buffer, way)	_bt_finish_split(index, heap, buffer, way)
#endif

/* Another parameter since PostgreSQL 17 (2024-06). */
#if PG_VERSION_NUM < 170000
#define compat_lock_is_held(tag, mode)	LockHeldByMe(tag, mode)
#else
#define compat_lock_is_held(tag, mode)	LockHeldByMe(tag, mode, false)
#endif

/* Fetches a line into the processor's cache, where the compiler can say so; PostgreSQL has no macro for it. */
#if defined(__GNUC__)
#define compat_prefetch(address)	__builtin_prefetch(address)
#else
#define compat_prefetch(address)	((void) (address))
#endif

/* Gives memory that was freed back to the system, where the library would keep it for later. */
#if defined(__GLIBC__)
#include <malloc.h>
#define compat_return_memory()	((void) malloc_trim(0))
#else
#define compat_return_memory()	((void) 0)
#endif

/* PostgreSQL 18 says pg_noreturn, before the declaration, instead (2025-03). */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* simple_heap_update() tells since PostgreSQL 16 (2023-03) which indexes need an entry. */
#include "access/heapam.h"
static inline void
compat_heap_update(Relation relation, ItemPointer before, HeapTuple tuple)
{
#if PG_VERSION_NUM < 160000
	simple_heap_update(relation, before, tuple);
#else
	TU_UpdateIndexes unused;

	simple_heap_update(relation, before, tuple, &unused);
#endif
}

/* Room before the tuple came with 18. */
#if PG_VERSION_NUM >= 180000
#define compat_form_minimal_tuple(descriptor, values, nulls)	heap_form_minimal_tuple(descriptor, values, nulls, 0)
#else
#define compat_form_minimal_tuple(descriptor, values, nulls)	heap_form_minimal_tuple(descriptor, values, nulls)
#endif

#endif
