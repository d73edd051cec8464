/*
 * import_worker.c
 *		Another process that parses records while the import reads on.
 *
 * What a record says by itself is most of the work of reading a file, and depends on
 * no other record.  So when much of a file has to be parsed, a parallel worker helps.
 *
 *		the import		finds the records, packs them into slots of shared memory, and
 *						takes the rows out again, in their order: notes, findings and
 *						what is staged
 *		the worker		parses what is in a slot, and leaves the results there
 *
 * The slots (import_slot.c) are a ring.  A slot is filled, then taken by whoever parses it, then
 * parsed, and then empty again.  When there is no empty slot, the import parses one
 * itself: so neither waits long for the other, and if the worker never comes, nothing
 * is missing but its help.  What does not fit into a slot the import parses in its
 * turn, as it does all records of small files, where a worker is not worth its start:
 * it is begun when min_parallel_table_scan_size bytes were parsed, unless
 * max_parallel_maintenance_workers is 0 or no worker is left.
 *
 * The worker writes nothing and reads no table.  Records whose meaning depends on the
 * rows before them are none for it: columns of group names, or limited to groups.
 * Neither are sheets, whose notes go with the rows, nor tables, as a view may run
 * what is forbidden while there is a worker.
 *
 * Both share structs, which change from build to build.  A session that began before
 * the library was replaced has the former one, and its workers have the new one: they
 * find that out and do nothing.
 *
 * An error of the worker is raised here too, and an error here ends the worker: that
 * is the server's business, see access/transam/README.parallel.
 */
#include "import_slot.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "csv_source.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "orgsync.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#define SLOT_COUNT		8

/* After so many milliseconds it is looked whether the worker is still there. */
#define WAIT_TIME		1000

/* Keys of the worker's table of contents. */
#define KEY_READING		UINT64CONST(1)
#define KEY_DESCRIPTION	UINT64CONST(2)
#define KEY_CELLS		UINT64CONST(3)
#define KEY_LIBRARY		UINT64CONST(4)

/* What both processes share. */
typedef struct SharedReading
{
	slock_t		mutex;
	bool		ended;			/* no slot will be filled any more */
	ConditionVariable filled;
	ConditionVariable parsed;
	bool		has_nameless_values;	/* found by the worker, who sets it at the end */
	Slot		slots[SLOT_COUNT];
} SharedReading;

struct ImportWorker
{
	ParallelContext *parallel;
	SharedReading *reading;
	SlotParser	parser;
	int			first;			/* the oldest slot that is not empty */
	int			count;			/* of slots that are not empty */
	bool		failed;			/* a record cannot be split */
	csv_fault	fault;
};

static void
set_state(SharedReading *reading, Slot *slot, SlotState state)
{
	SpinLockAcquire(&reading->mutex);
	slot->state = state;
	SpinLockRelease(&reading->mutex);
}

/* Parses a slot that was taken. */
static void
parse_slot(SlotParser *parser, SharedReading *reading, Slot *slot)
{
	set_state(reading, slot, import_slot_parse(parser, slot) ? SLOT_PARSED : SLOT_LEFT);
}

/* ---- the worker ---- */

/* Waits for a slot that is filled and takes it, the oldest behind *next; NULL at the end. */
static Slot *
take_next_slot(SharedReading *reading, int *next)
{
	Slot	   *taken = NULL;
	bool		ended = false;

	while (taken == NULL && !ended)
	{
		SpinLockAcquire(&reading->mutex);
		ended = reading->ended;
		for (int i = 0; taken == NULL && i < SLOT_COUNT; i++)
		{
			Slot	   *slot = &reading->slots[(*next + i) % SLOT_COUNT];

			if (slot->state != SLOT_FILLED)
				continue;
			slot->state = SLOT_TAKEN;
			taken = slot;
			*next = (*next + i + 1) % SLOT_COUNT;
		}
		SpinLockRelease(&reading->mutex);
		if (taken == NULL && !ended)
			ConditionVariableSleep(&reading->filled, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return taken;
}

extern PGDLLEXPORT void orgsync_import_worker(dsm_segment *segment, shm_toc *contents);

/* The entry of the worker. */
void
orgsync_import_worker(dsm_segment *segment, shm_toc *contents)
{
	SharedReading *reading = shm_toc_lookup(contents, KEY_READING, false);
	int64	   *cells = shm_toc_lookup(contents, KEY_CELLS, false);
	Import	   *import;
	csv_allocator allocator;
	SlotParser	parser;
	Slot	   *slot;
	const LibraryFile *library = shm_toc_lookup(contents, KEY_LIBRARY, true);
	int			next = 0;

	(void) segment;
	/* has the import loaded the same? */
	if (library == NULL || !orgsync_is_library(library))
		return;
	import = import_create_described(shm_toc_lookup(contents, KEY_DESCRIPTION, false));
	allocator = csv_allocator_in(import->context);
	import_slot_parser_begin(&parser, import,
							 csv_reader_open(&allocator, NULL, NULL, import->delimiter, SLOT_RECORDS));
	while ((slot = take_next_slot(reading, &next)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		parse_slot(&parser, reading, slot);
		ConditionVariableSignal(&reading->parsed);
	}
	cells[0] = import->inactive_cells;
	memcpy(&cells[1], import->active_cells, sizeof(int64) * import->license_count);
	reading->has_nameless_values = import->has_nameless_values;
}

/* ---- the import: its worker ---- */

/* May records of the file be parsed apart from each other? */
static bool
is_parsed_apart(const Import *import)
{
	for (int i = 0; i < import->column_count; i++)
		if (import->columns[i].kind == COLUMN_GROUP_PERMISSION)
			return false;
	return !import->has_group_names && !import_is_sheet(import) && !import->options.numbers_records;
}

static void
begin_reading(SharedReading *reading)
{
	SpinLockInit(&reading->mutex);
	reading->ended = reading->has_nameless_values = false;
	ConditionVariableInit(&reading->filled);
	ConditionVariableInit(&reading->parsed);
	for (int i = 0; i < SLOT_COUNT; i++)
		reading->slots[i].state = SLOT_EMPTY;
}

/* Starts a worker; NULL if there is none. */
static ImportWorker *
worker_begin(Import *import, csv_reader *reader)
{
	ImportWorker *worker;
	ParallelContext *parallel;
	StringInfoData description;
	Size		cells_size = sizeof(int64) * (import->license_count + 1);

	initStringInfo(&description);
	import_describe(import, &description);
	EnterParallelMode();
	parallel = CreateParallelContext(orgsync_library_path, "orgsync_import_worker", 1);
	shm_toc_estimate_chunk(&parallel->estimator, sizeof(SharedReading));
	shm_toc_estimate_chunk(&parallel->estimator, description.len);
	shm_toc_estimate_chunk(&parallel->estimator, cells_size);
	shm_toc_estimate_chunk(&parallel->estimator, sizeof(LibraryFile));
	shm_toc_estimate_keys(&parallel->estimator, 4);
	InitializeParallelDSM(parallel);
	if (parallel->seg != NULL)
	{
		SharedReading *reading = shm_toc_allocate(parallel->toc, sizeof(SharedReading));
		char	   *described = shm_toc_allocate(parallel->toc, description.len);
		int64	   *cells = shm_toc_allocate(parallel->toc, cells_size);
		LibraryFile *library = shm_toc_allocate(parallel->toc, sizeof(LibraryFile));

		begin_reading(reading);
		memcpy(described, description.data, description.len);
		shm_toc_insert(parallel->toc, KEY_READING, reading);
		shm_toc_insert(parallel->toc, KEY_DESCRIPTION, described);
		/* as long as the worker has counted none */
		memset(cells, 0, cells_size);
		*library = orgsync_library;
		shm_toc_insert(parallel->toc, KEY_CELLS, cells);
		shm_toc_insert(parallel->toc, KEY_LIBRARY, library);
		LaunchParallelWorkers(parallel);
	}
	pfree(description.data);
	if (parallel->nworkers_launched == 0)
	{
		DestroyParallelContext(parallel);
		ExitParallelMode();
		return NULL;
	}
	worker = MemoryContextAllocZero(import->context, sizeof(ImportWorker));
	worker->parallel = parallel;
	worker->reading = shm_toc_lookup(parallel->toc, KEY_READING, false);
	import_slot_parser_begin(&worker->parser, import, reader);
	return worker;
}

/* Ends the worker, when all slots are empty or nothing counts any more, and adds up what it has counted. */
static void
worker_end(Import *import, ImportWorker *worker)
{
	SharedReading *reading = worker->reading;
	const int64 *cells = shm_toc_lookup(worker->parallel->toc, KEY_CELLS, false);

	SpinLockAcquire(&reading->mutex);
	reading->ended = true;
	SpinLockRelease(&reading->mutex);
	ConditionVariableSignal(&reading->filled);
	WaitForParallelWorkersToFinish(worker->parallel);
	import->inactive_cells += cells[0];
	for (int i = 0; i < import->license_count; i++)
		import->active_cells[i] += cells[1 + i];
	import->has_nameless_values = import->has_nameless_values || reading->has_nameless_values;
	DestroyParallelContext(worker->parallel);
	ExitParallelMode();
}

/* ---- the import: its slots ---- */

/* Takes the newest slot that nobody has taken, which the worker would come to last; NULL if there is none. */
static Slot *
take_newest_slot(ImportWorker *worker)
{
	SharedReading *reading = worker->reading;
	Slot	   *taken = NULL;

	SpinLockAcquire(&reading->mutex);
	for (int i = worker->count - 1; taken == NULL && i >= 0; i--)
	{
		Slot	   *slot = &reading->slots[(worker->first + i) % SLOT_COUNT];

		if (slot->state != SLOT_FILLED)
			continue;
		slot->state = SLOT_TAKEN;
		taken = slot;
	}
	SpinLockRelease(&reading->mutex);
	return taken;
}

/* Is the slot parsed, or left to the import? */
static bool
is_parsed(ImportWorker *worker, const Slot *slot)
{
	SlotState	state;

	SpinLockAcquire(&worker->reading->mutex);
	state = slot->state;
	SpinLockRelease(&worker->reading->mutex);
	return state == SLOT_PARSED || state == SLOT_LEFT;
}

/* Waits for the worker, which has a slot; an error if it is no more. */
static void
wait_for_worker(ImportWorker *worker)
{
	pid_t		pid;

	if (ConditionVariableTimedSleep(&worker->reading->parsed, WAIT_TIME, PG_WAIT_EXTENSION) &&
		GetBackgroundWorkerPid(worker->parallel->worker[0].bgwhandle, &pid) == BGWH_STOPPED)
		ereport(ERROR,
				errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				errmsg("the parallel worker of the import ended too early"),
				errhint("Import the file again."));
}

/* Empties the oldest slot when it is parsed; until then, parses others or waits. */
static void
empty_slot(Import *import, ImportWorker *worker)
{
	Slot	   *slot = &worker->reading->slots[worker->first];
	Slot	   *other;

	while (!is_parsed(worker, slot))
		if ((other = take_newest_slot(worker)) != NULL)
			parse_slot(&worker->parser, worker->reading, other);
		else
			wait_for_worker(worker);
	ConditionVariableCancelSleep();
	if (!worker->failed && slot->state == SLOT_LEFT)
		worker->failed = !import_slot_read(import, worker->parser.reader, slot, &worker->fault);
	else if (!worker->failed)
		import_slot_take(import, slot);
	slot->count = 0;
	slot->records_size = 0;
	set_state(worker->reading, slot, SLOT_EMPTY);
	worker->first = (worker->first + 1) % SLOT_COUNT;
	worker->count--;
}

/* The slot that is being filled. */
static Slot *
open_slot(ImportWorker *worker)
{
	return &worker->reading->slots[(worker->first + worker->count) % SLOT_COUNT];
}

/* Leaves the slot that is being filled, if there is anything in it, to be parsed; there is an empty one again. */
static void
close_slot(Import *import, ImportWorker *worker)
{
	Slot	   *slot = open_slot(worker);

	if (slot->count == 0)
		return;
	set_state(worker->reading, slot, SLOT_FILLED);
	ConditionVariableSignal(&worker->reading->filled);
	worker->count++;
	while (worker->count > 0 &&
		   (worker->count == SLOT_COUNT || is_parsed(worker, &worker->reading->slots[worker->first])))
		empty_slot(import, worker);
}

static void
empty_all_slots(Import *import, ImportWorker *worker)
{
	close_slot(import, worker);
	while (worker->count > 0)
		empty_slot(import, worker);
}

/*
 * Has the record, the next of the file, parsed and staged in its turn.  False if the
 * caller has to do that, now.
 */
bool
import_worker_put(Import *import, csv_reader *reader, const csv_record *record)
{
	const FeedRecordHash *hash = import_unchanged_hash(import);

	if (import->worker == NULL)
	{
		if (import->has_no_worker)
			return false;
		import->bytes_parsed += (int64) record->raw_length;
		if (import->bytes_parsed < (int64) min_parallel_table_scan_size * BLCKSZ)
			return false;
		if (IsUnderPostmaster && max_parallel_maintenance_workers > 0 && is_parsed_apart(import) && !IsInParallelMode())
			import->worker = worker_begin(import, reader);
		import->has_no_worker = import->worker == NULL;
		if (import->has_no_worker)
			return false;
	}
	if (!import_slot_holds(record))
	{
		empty_all_slots(import, import->worker);
		return false;
	}
	if (!import_slot_put(open_slot(import->worker), record, hash))
	{
		close_slot(import, import->worker);
		(void) import_slot_put(open_slot(import->worker), record, hash);
	}
	return true;
}

/*
 * When the file is read: what is with the worker comes back, and the worker ends.  A
 * record that could not be split is a fault before *result.
 */
void
import_worker_end(Import *import, csv_result *result, csv_fault *fault)
{
	ImportWorker *worker = import->worker;

	if (worker == NULL)
		return;
	empty_all_slots(import, worker);
	worker_end(import, worker);
	if (worker->failed)
	{
		*result = CSV_FAULT;
		*fault = worker->fault;
	}
	pfree(worker);
	import->worker = NULL;
}
