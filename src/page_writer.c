/*
 * page_writer.c
 *		Another process that writes new pages, while the load goes on.
 *
 * The system takes its time for pages of a new file: it looks for memory to keep them in,
 * and where its host has taken that back, waits for it.  Millions of people are
 * gigabytes.  So a load of many pages has a background worker write them.
 *
 *		the load		fills batches of pages in shared memory, which it has logged,
 *						and has made the file as long as they need it
 *		the worker		writes them, where it is told, and knows no more of them
 *
 * A batch is taken by the load, put, taken by who writes it, and free again.  When none is free,
 * the load writes one itself: so neither waits long for the other, and if the worker
 * never comes, nothing is missing but its help.  What the worker cannot write comes back
 * to the load, whose error it is.
 *
 * The worker is no parallel one, as a load writes rows.  It never makes a file: when
 * the load is rolled back, what the worker still has goes into one that is being
 * removed.  It is started when min_parallel_table_scan_size bytes were written, unless
 * max_parallel_maintenance_workers is 0 or no worker is left.
 *
 * While it writes, nobody may read the files; see new_pages.c.
 */
#include "page_writer.h"

#include <fcntl.h>

#include "file_growth.h"
#include "miscadmin.h"
#include "optimizer/paths.h"
#include "orgsync.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/wait_event.h"

/* A load has a batch for each table and each index that it writes to at the same time. */
#define BATCH_COUNT		32

/* The worker is woken for so many: it shall not take the load's processor each time. */
#define WAKING_COUNT	8

#define BATCH_SIZE		(BATCH_PAGES * BLCKSZ)

/* After so many milliseconds it is looked whether the worker is still there. */
#define WAIT_TIME		1000

typedef enum BatchState
{
	BATCH_FREE,
	BATCH_FILLED,				/* by the load, which has it */
	BATCH_PUT,					/* to be written */
	BATCH_WRITTEN,				/* by who has it */
	BATCH_LEFT					/* by the worker, who cannot write it */
} BatchState;

/* A batch, whose pages lie elsewhere. */
struct PageBatch
{
	pg_atomic_uint32 state;
	char		path[MAXPGPATH];
	off_t		offset;
	Size		size;
};

/* What both processes share; the pages lie behind it. */
typedef struct SharedWriting
{
	LibraryFile library;		/* of the load */
	pg_atomic_uint32 ended;
	Latch	   *load;
	Latch	   *volatile worker;	/* NULL: it has not come yet */
	PageBatch	batches[BATCH_COUNT];
} SharedWriting;

struct PageWriter
{
	bool		is_asked;		/* there is a worker, or there cannot be one */
	int			put_count;
	int64		bytes;			/* that the load has written without it */
	dsm_segment *segment;		/* NULL: no worker */
	SharedWriting *writing;
	BackgroundWorkerHandle *worker; /* in the writer's memory context */
};

static char *
pages_of(SharedWriting *writing, const PageBatch *batch)
{
	return (char *) TYPEALIGN(PAGE_ALIGNMENT, writing + 1) + (batch - writing->batches) * BATCH_SIZE;
}

/* Changes the state, if it is that one; false: somebody else was quicker. */
static bool
change_state(PageBatch *batch, BatchState from, BatchState to)
{
	uint32		expected = from;

	return pg_atomic_compare_exchange_u32(&batch->state, &expected, to);
}

/* A batch in a state, which gets another one; NULL: there is none. */
static PageBatch *
find_batch(SharedWriting *writing, BatchState from, BatchState to)
{
	for (int i = 0; i < BATCH_COUNT; i++)
	{
		PageBatch  *batch = &writing->batches[i];

		if (pg_atomic_read_u32(&batch->state) == from && change_state(batch, from, to))
			return batch;
	}
	return NULL;
}

/* Writes a batch that was taken, into a file that there is; false with errno: it cannot be written. */
static bool
write_batch(SharedWriting *writing, const PageBatch *batch)
{
	int			descriptor = OpenTransientFile(batch->path, O_RDWR | PG_BINARY);
	ssize_t		written;
	int			error;

	if (descriptor < 0)
		return false;
	errno = 0;
	pgstat_report_wait_start(WAIT_EVENT_DATA_FILE_EXTEND);
	written = pg_pwrite(descriptor, pages_of(writing, batch), batch->size, batch->offset);
	pgstat_report_wait_end();
	error = errno != 0 ? errno : ENOSPC;
	(void) CloseTransientFile(descriptor);
	errno = error;
	return written == (ssize_t) batch->size;
}

/* ---- the worker ---- */

/* Writes what was put, until there is nothing more. */
static void
write_batches(SharedWriting *writing)
{
	PageBatch  *batch;

	while (pg_atomic_read_u32(&writing->ended) == 0 &&
		   (batch = find_batch(writing, BATCH_PUT, BATCH_WRITTEN)) != NULL)
	{
		bool		written = write_batch(writing, batch);

		(void) pg_atomic_exchange_u32(&batch->state, written ? BATCH_FREE : BATCH_LEFT);
		SetLatch(writing->load);
		CHECK_FOR_INTERRUPTS();
	}
}

extern PGDLLEXPORT void orgsync_page_writer(Datum handle);

/* The entry of the worker. */
void
orgsync_page_writer(Datum handle)
{
	dsm_segment *segment;
	SharedWriting *writing;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "orgsync page writer");
	segment = dsm_attach(DatumGetUInt32(handle));
	if (segment == NULL)
		return;					/* the load has ended already */
	writing = dsm_segment_address(segment);
	if (!orgsync_is_library(&writing->library))
		return;
	writing->worker = MyLatch;
	pg_memory_barrier();
	while (pg_atomic_read_u32(&writing->ended) == 0)
	{
		ResetLatch(MyLatch);
		write_batches(writing);
		if (pg_atomic_read_u32(&writing->ended) == 0)
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, -1, PG_WAIT_EXTENSION);
		CHECK_FOR_INTERRUPTS();
	}
}

/* ---- the load ---- */

/* What a load has that may have a worker, if it writes much; palloc'd. */
PageWriter *
page_writer_create(void)
{
	return palloc0(sizeof(PageWriter));
}

static void
wake_worker(SharedWriting *writing)
{
	Latch	   *worker = writing->worker;

	if (worker != NULL)
		SetLatch(worker);
}

/* When the load lets go of what is shared, also because it is rolled back: the worker ends. */
static void
end_worker(dsm_segment *segment, Datum unused)
{
	SharedWriting *writing = dsm_segment_address(segment);

	(void) unused;
	(void) pg_atomic_exchange_u32(&writing->ended, 1);
	wake_worker(writing);
}

static bool
start_worker(PageWriter *writer)
{
	BackgroundWorker worker = {
		.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_CLASS_PARALLEL,
		.bgw_start_time = BgWorkerStart_ConsistentState,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(writer->segment)),
		.bgw_notify_pid = MyProcPid
	};

	MemoryContext old_context;
	bool		is_started;

	if (strlen(orgsync_library_path) >= sizeof(worker.bgw_library_name))
		return false;
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "orgsync page writer for PID %d", MyProcPid);
	snprintf(worker.bgw_type, sizeof(worker.bgw_type), "orgsync page writer");
	strlcpy(worker.bgw_library_name, orgsync_library_path, sizeof(worker.bgw_library_name));
	snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "orgsync_page_writer");
	/* the handle lives as long as the writer, whose rows' context is reset meanwhile */
	old_context = MemoryContextSwitchTo(GetMemoryChunkContext(writer));
	is_started = RegisterDynamicBackgroundWorker(&worker, &writer->worker);
	MemoryContextSwitchTo(old_context);
	return is_started;
}

/* Starts a worker, if one can be had. */
static void
begin_writing(PageWriter *writer)
{
	SharedWriting *writing;

	writer->segment = dsm_create(sizeof(SharedWriting) + PAGE_ALIGNMENT + BATCH_COUNT * BATCH_SIZE,
								 DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (writer->segment == NULL)
		return;
	writer->writing = writing = dsm_segment_address(writer->segment);
	writing->library = orgsync_library;
	pg_atomic_init_u32(&writing->ended, 0);
	writing->load = MyLatch;
	writing->worker = NULL;
	for (int i = 0; i < BATCH_COUNT; i++)
		pg_atomic_init_u32(&writing->batches[i].state, BATCH_FREE);
	on_dsm_detach(writer->segment, end_worker, (Datum) 0);
	if (!start_worker(writer))
	{
		dsm_detach(writer->segment);
		writer->segment = NULL;
	}
}

/* Writes a batch ourselves; an error if that fails. */
static void
write_ourselves(PageWriter *writer, PageBatch *batch)
{
	bool		is_full;

	if (write_batch(writer->writing, batch))
		return;
	is_full = errno == ENOSPC;
	ereport(ERROR,
			errcode_for_file_access(),
			errmsg("could not write to file \"%s\": %m", batch->path),
			is_full ? errhint("Check free disk space.") : 0);
}

/* A batch that is to be written, or that the worker could not write; the caller writes it. */
static PageBatch *
find_unwritten(PageWriter *writer)
{
	PageBatch  *batch = find_batch(writer->writing, BATCH_LEFT, BATCH_WRITTEN);

	return batch != NULL ? batch : find_batch(writer->writing, BATCH_PUT, BATCH_WRITTEN);
}

/*
 * A batch for the load to fill, which is its own until it is put or given back; NULL if there is none,
 * and the load has to write for itself what it has memory for.
 */
PageBatch *
page_writer_take(PageWriter *writer)
{
	PageBatch  *batch;

	if (!writer->is_asked)
	{
		writer->bytes += BATCH_SIZE;
		if (writer->bytes < (int64) min_parallel_table_scan_size * BLCKSZ)
			return NULL;
		writer->is_asked = true;
		if (IsUnderPostmaster && max_parallel_maintenance_workers > 0 && !COMPAT_WRITES_PAST_CACHE)
			begin_writing(writer);
	}
	if (writer->segment == NULL)
		return NULL;
	batch = find_batch(writer->writing, BATCH_FREE, BATCH_FILLED);
	if (batch == NULL && (batch = find_unwritten(writer)) != NULL)
	{
		write_ourselves(writer, batch);
		(void) pg_atomic_exchange_u32(&batch->state, BATCH_FILLED);
	}
	return batch;
}

/* Where the pages of a batch are to be. */
char *
page_writer_pages(const PageWriter *writer, const PageBatch *batch)
{
	return pages_of(writer->writing, batch);
}

/*
 * Has that much of a batch written to a file, which there is, and which has its length already.
 * The batch is no longer the caller's.
 */
void
page_writer_put(PageWriter *writer, PageBatch *batch, const char *path, off_t offset, Size size)
{
	strlcpy(batch->path, path, sizeof(batch->path));
	batch->offset = offset;
	batch->size = size;
	(void) pg_atomic_exchange_u32(&batch->state, BATCH_PUT);
	if (++writer->put_count % WAKING_COUNT == 0)
		wake_worker(writer->writing);
}

/* The caller does not need the batch that it has. */
void
page_writer_give_back(PageBatch *batch)
{
	(void) pg_atomic_exchange_u32(&batch->state, BATCH_FREE);
}

/* Waits until what was put is in the files; what nobody has begun to write, we write. */
void
page_writer_wait(PageWriter *writer)
{
	bool		is_waiting = writer->segment != NULL;

	if (is_waiting)
		wake_worker(writer->writing);
	while (is_waiting)
	{
		PageBatch  *batch;
		pid_t		pid;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		while ((batch = find_unwritten(writer)) != NULL)
		{
			write_ourselves(writer, batch);
			page_writer_give_back(batch);
		}
		is_waiting = false;
		for (int i = 0; i < BATCH_COUNT; i++)
			is_waiting = is_waiting || pg_atomic_read_u32(&writer->writing->batches[i].state) > BATCH_FILLED;
		if (is_waiting &&
			(WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, WAIT_TIME, PG_WAIT_EXTENSION) &
			 WL_TIMEOUT) != 0 &&
			GetBackgroundWorkerPid(writer->worker, &pid) == BGWH_STOPPED)
			(void) find_batch(writer->writing, BATCH_WRITTEN, BATCH_PUT);	/* it had no time to */
	}
}

/* When all is written: the worker ends.  The writer may be NULL. */
void
page_writer_end(PageWriter *writer)
{
	if (writer == NULL)
		return;
	page_writer_wait(writer);
	if (writer->segment != NULL)
		dsm_detach(writer->segment);
	pfree(writer);
}
