/*
 * progress.c
 *		A line on the terminal that shows how far the work is.
 *
 *	import  [=========>             ]  41%  312,400 rows  24.1 MB/s  0:07 left
 *
 * It stands on standard error, if that is a terminal, and is wiped away before
 * anything else is printed there.  Work that is done in a moment shows none.
 *
 * While the server imports, a second connection reads pg_stat_progress_copy: what
 * it asks is sent at one tick and fetched at a later one, so that it never holds
 * up the first.  The table that an import works on tells the phase.  How much of
 * the time each phase takes was measured on a first import of a million people;
 * records that are unchanged are read, and that is all.
 */
#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "output.h"
#include "session.h"

/* Nothing is drawn before so many seconds have passed, nor more often than that. */
#define FIRST_DRAWN		0.3
#define DRAWN_EVERY		0.1
#define MAX_COLUMNS		200
#define MIN_BAR			10

typedef struct Phase
{
	const char *table;
	double		share;			/* of the import's time */
} Phase;

static const Phase phases[] = {
	{"imports", 0.20}, {"profiles", 0.58}, {"changes", 0.12}, {"feed_records", 0.02}, {"import_findings", 0.08}
};

#define PHASE_COUNT		(sizeof(phases) / sizeof(phases[0]))

static struct
{
	const char *title;			/* NULL: nothing is shown */
	double		since;
	double		drawn_at;
	int			drawn_columns;	/* what is to be wiped away */
	int64_t		bytes;
	int64_t		rows;
	double		fraction;		/* done; < 0: not known */
	double		left;			/* so many seconds were left when the fraction last grew, */
	double		left_at;		/* which was then */
	double		rate_bytes;		/* a second, frozen when all are read */
	PGconn	   *watcher;
	char		backend[16];	/* the process that is watched */
	bool		is_asked;		/* the watcher waits for an answer */
} progress;

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

/* Begins to show work under that title. */
void
progress_begin(const char *title)
{
	progress_end();
	if (!isatty(STDERR_FILENO) || output_is_quiet)
		return;
	progress.title = title;
	progress.since = now();
	progress.fraction = -1;
}

/* That much is done: it does not go back. */
static void
note_fraction(double fraction)
{
	if (fraction <= progress.fraction || fraction > 1)
		return;
	progress.fraction = fraction;
	progress.left_at = now();
	progress.left = (progress.left_at - progress.since) * (1 - fraction) / fraction;
}

/* So many bytes have gone over the line; total 0: of an unknown number. */
void
progress_bytes(int64_t done, int64_t total)
{
	progress.bytes = done;
	if (total > 0)
		note_fraction((double) done / (double) total);
	progress_tick();
}

/* Shows the import that this connection's backend is about to run. */
void
progress_watch_import(PGconn *connection)
{
	char	   *backend;

	if (progress.title == NULL)
		return;
	/* not PQbackendPID(): a pooler in between has its own */
	backend = session_value(connection, "SELECT pg_catalog.pg_backend_pid()", NULL);
	snprintf(progress.backend, sizeof(progress.backend), "%s", backend);
	free(backend);
	progress.watcher = connection_open_second(connection);
	progress.is_asked = false;
}

/* What an import's row of pg_stat_progress_copy says. */
static void
note_import(const PGresult *row)
{
	const char *table = PQgetvalue(row, 0, 0);
	int64_t		bytes = atoll(PQgetvalue(row, 0, 1));
	int64_t		total = atoll(PQgetvalue(row, 0, 2));
	int64_t		processed = atoll(PQgetvalue(row, 0, 3));
	int64_t		unchanged = atoll(PQgetvalue(row, 0, 4));
	double		done = 0;
	double		all = 0;
	size_t		phase = 0;

	while (phase < PHASE_COUNT && strcmp(phases[phase].table, table) != 0)
		phase++;
	if (phase == PHASE_COUNT)
		return;
	/* what was seen last of the reading is a little short of all */
	if (phase == 0 || processed + unchanged > progress.rows)
		progress.rows = processed + unchanged;
	if (phase == 0)
	{
		progress.bytes = bytes;
		progress.rate_bytes = (double) bytes / (now() - progress.since);
	}
	for (size_t i = 0; i < PHASE_COUNT; i++)
	{
		int64_t		of_phase = i == 0 ? progress.rows : progress.rows - unchanged;
		double		weight = phases[i].share;
		double		inside = i < phase ? 1 : 0;

		/* a file that was read before the first look: how many rows it has is not known yet */
		if (progress.rows > 0)
			weight *= (double) of_phase / (double) progress.rows;

		if (i == phase && i == 0)
			inside = total > 0 ? (double) bytes / (double) total : 0;
		else if (i == phase && of_phase > 0)
			inside = (double) processed / (double) of_phase;
		done += weight * inside;
		all += weight;
	}
	/* nobody knows how far the reading is of a file whose size is not known */
	if (done > 0)
		note_fraction(done / all);
}

/* Fetches what the watcher was asked, if it is there, and asks again. */
static void
look_at_import(void)
{
	static const char question[] =
		"SELECT c.relname, p.bytes_processed, p.bytes_total, p.tuples_processed, p.tuples_excluded"
		" FROM pg_catalog.pg_stat_progress_copy AS p JOIN pg_catalog.pg_class AS c ON c.oid = p.relid"
		" WHERE p.pid = $1::integer";
	const char *values[] = {progress.backend};
	PGresult   *result;

	if (progress.is_asked)
	{
		if (PQconsumeInput(progress.watcher) && PQisBusy(progress.watcher))
			return;
		while ((result = PQgetResult(progress.watcher)) != NULL)
		{
			if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
				note_import(result);
			PQclear(result);
		}
	}
	progress.is_asked = PQsendQueryParams(progress.watcher, question, 1, NULL, values, NULL, NULL, 0) == 1;
}

static int
terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col < MAX_COLUMNS ? size.ws_col : MAX_COLUMNS;
}

/* 1234567 as 1,234,567. */
static void
append_number(char *text, size_t size, int64_t number)
{
	char		digits[24];
	size_t		length = (size_t) snprintf(digits, sizeof(digits), "%lld", (long long) number);
	size_t		used = strlen(text);

	for (size_t i = 0; i < length && used + 2 < size; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
}

static void
append_time(char *text, size_t size, double seconds, const char *suffix)
{
	long		whole = (long) (seconds + 0.5);
	size_t		used = strlen(text);

	if (whole >= 3600)
		snprintf(text + used, size - used, "  %ld:%02ld:%02ld%s", whole / 3600, whole / 60 % 60, whole % 60, suffix);
	else
		snprintf(text + used, size - used, "  %ld:%02ld%s", whole / 60, whole % 60, suffix);
}

/* What stands to the right of the bar. */
static void
describe(char *text, size_t size, double elapsed)
{
	double		rate = progress.rate_bytes > 0 ? progress.rate_bytes : (double) progress.bytes / elapsed;
	size_t		used;

	text[0] = '\0';
	if (progress.fraction >= 0)
		snprintf(text, size, "  %3d%%", (int) (progress.fraction * 100));
	if (progress.rows > 0)
	{
		used = strlen(text);
		snprintf(text + used, size - used, "  ");
		append_number(text, size, progress.rows);
		used = strlen(text);
		snprintf(text + used, size - used, " rows");
	}
	else if (progress.bytes > 0)
	{
		used = strlen(text);
		snprintf(text + used, size - used, "  %.1f MB", (double) progress.bytes / 1e6);
	}
	if (progress.bytes > 0)
	{
		used = strlen(text);
		snprintf(text + used, size - used, "  %.1f MB/s", rate / 1e6);
	}
	if (progress.fraction > 0.02 && elapsed > 0.5)
	{
		double		left = progress.left - (now() - progress.left_at);

		append_time(text, size, left > 0 ? left : 0, " left");
	}
	else
		append_time(text, size, elapsed, "");
}

static void
draw(double elapsed)
{
	char		line[MAX_COLUMNS + 1];
	char		right[160];
	int			columns = terminal_columns() - 1;	/* some terminals wrap after the last one */
	int			used;
	int			bar;

	describe(right, sizeof(right), elapsed);
	used = snprintf(line, sizeof(line), "%-7s", progress.title);
	bar = columns - used - 3 - (int) strlen(right);
	if (progress.fraction >= 0 && bar >= MIN_BAR)
	{
		int			full = (int) (progress.fraction * bar);

		line[used++] = ' ';
		line[used++] = '[';
		for (int i = 0; i < bar; i++)
			line[used++] = i < full ? '=' : i == full ? '>' : ' ';
		line[used++] = ']';
	}
	used += snprintf(line + used, sizeof(line) - (size_t) used, "%s", right);
	if (used > columns)
		used = columns;
	/* blanks wipe away the rest of a longer line before */
	fprintf(stderr, "\r%.*s%*s", used, line, progress.drawn_columns > used ? progress.drawn_columns - used : 0, "");
	fflush(stderr);
	progress.drawn_columns = used;
	progress.drawn_at = now();
}

/* To be called often: draws the line anew when it is time to. */
void
progress_tick(void)
{
	double		elapsed = now() - progress.since;

	if (progress.title == NULL || elapsed < FIRST_DRAWN || now() - progress.drawn_at < DRAWN_EVERY)
		return;
	if (progress.watcher != NULL)
		look_at_import();
	draw(elapsed);
}

/* Wipes the line away, so that something else can be printed. */
void
progress_clear(void)
{
	if (progress.drawn_columns == 0)
		return;
	fprintf(stderr, "\r%*s\r", progress.drawn_columns, "");
	fflush(stderr);
	progress.drawn_columns = 0;
}

/* The work is done. */
void
progress_end(void)
{
	progress_clear();
	if (progress.watcher != NULL)
		PQfinish(progress.watcher);
	memset(&progress, 0, sizeof(progress));
}
