/*
 * sql.h
 *		Runs the SQL texts of the extension, safe from the caller's search_path.
 */
#ifndef ORGSYNC_SQL_H
#define ORGSYNC_SQL_H

#include "orgsync.h"

#include "account.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/tuplestore.h"

/* At most so many arguments has any of our statements. */
#define SQL_MAX_ARGUMENTS	16

/*
 * One argument of a statement.  Build them with the macros below, in the order
 * of $1, $2, ...
 */
typedef struct SqlArgument
{
	Oid			type;
	Datum		value;
	bool		isnull;
} SqlArgument;

#define SQL_INT4(v)		((SqlArgument) {INT4OID, Int32GetDatum(v), false})
#define SQL_INT8(v)		((SqlArgument) {INT8OID, Int64GetDatum(v), false})
#define SQL_BOOL(v)		((SqlArgument) {BOOLOID, BoolGetDatum(v), false})
#define SQL_OID(v)		((SqlArgument) {OIDOID, ObjectIdGetDatum(v), false})
#define SQL_DATUM(t, v) ((SqlArgument) {(t), (v), false})
#define SQL_NULL(t)		((SqlArgument) {(t), (Datum) 0, true})
extern SqlArgument sql_text(const char *value);
extern SqlArgument sql_int8_array(const int64 *values, int64 count);
extern SqlArgument sql_text_array(const char *const *values, int count);
extern SqlArgument sql_text_datum_array(const Datum *values, int64 count);
extern Datum sql_text_datum(const char *value, bool *isnull);

extern char *sql_expand(const Account *account, const char *text);
extern uint64 sql_run(const Account *account, const char *text, int argument_count, const SqlArgument *arguments);
extern uint64 sql_run_latest(const Account *account, const char *text, int argument_count,
							 const SqlArgument *arguments);
extern uint64 sql_run_as_owner(const Account *account, const char *text, int argument_count,
							   const SqlArgument *arguments);
extern uint64 sql_run_latest_as_owner(const Account *account, const char *text, int argument_count,
									  const SqlArgument *arguments);
extern uint64 sql_find(const Account *account, const char *text, int argument_count, const SqlArgument *arguments);
extern uint64 sql_find_latest(const Account *account, const char *text, int argument_count,
							  const SqlArgument *arguments);
extern uint64 sql_find_latest_as_owner(const Account *account, const char *text, int argument_count,
									   const SqlArgument *arguments);
extern uint64 sql_run_once_latest_as_owner(const Account *account, const char *text, int argument_count,
										   const SqlArgument *arguments);
extern uint64 sql_run_at(const Account *account, const char *text, int argument_count,
						 const SqlArgument *arguments, Snapshot snapshot);
extern uint64 sql_run_once(const Account *account, const char *text, int argument_count,
						   const SqlArgument *arguments);
extern uint64 sql_run_once_latest(const Account *account, const char *text, int argument_count,
								  const SqlArgument *arguments);
extern uint64 sql_write(const Account *account, const char *text, int argument_count,
						const SqlArgument *arguments);
extern uint64 sql_run_over(const Account *account, const char *text, int64 row_count, int argument_count,
						   const SqlArgument *arguments);
extern uint64 sql_run_about(const Account *account, const char *text, int64 row_count, int argument_count,
							const SqlArgument *arguments);
extern uint64 sql_write_over(const Account *account, const char *text, int64 row_count, int argument_count,
							 const SqlArgument *arguments);
extern uint64 sql_write_once(const Account *account, const char *text, int argument_count,
							 const SqlArgument *arguments);
extern uint64 sql_write_once_latest(const Account *account, const char *text, int argument_count,
									const SqlArgument *arguments);
extern uint64 sql_write_once_latest_as_owner(const Account *account, const char *text, int argument_count,
											 const SqlArgument *arguments);
extern Portal sql_open(const Account *account, const char *text, int argument_count, const SqlArgument *arguments);
extern Portal sql_open_at(const Account *account, const char *text, int argument_count,
						  const SqlArgument *arguments, Snapshot snapshot);
extern void sql_script(const Account *account, const char *text);
extern void sql_register(const char *name, Tuplestorestate *rows, TupleDesc descriptor, double row_count);
extern void sql_unregister(const char *name);

extern Datum sql_value(int row, int column, bool *isnull);
extern char *sql_string(int row, int column);
extern int64 sql_int64(int row, int column);

extern void sql_set(const char *setting, const char *value);
extern void sql_set_memory(const char *setting, int kilobytes);
extern int	sql_pin_search_path(void);
extern int	sql_bound_memory(int join_count, bool by_indexes);
extern int	sql_avoid_sorting(void);
extern int	sql_compress_quickly(void);
extern void sql_restore_settings(int nest_level);

#endif
