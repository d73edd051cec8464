/*
 * interrupt.c
 *		Ctrl-C and the like.
 *
 * The handler only notes the signal.  Whoever waits looks here: for the server,
 * which is then told to cancel (session.c); for a file (upload.c).  Nothing waits
 * longer than a moment at a time.  The program then removes what it has begun and
 * ends by the same signal, as a shell expects it.  A second signal ends it at
 * once, for whom cancelling takes too long.
 */
#include "client.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "output_file.h"
#include "progress.h"

static volatile sig_atomic_t caught = 0;

static void
note_signal(int number)
{
	caught = number;
}

/* Begins to catch signals; SIGPIPE and SIGXFSZ become errors of write(). */
void
interrupt_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int) SA_RESETHAND};
	struct sigaction present;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		/* what nohup ignores stays ignored */
		if (sigaction(numbers[i], NULL, &present) == 0 && present.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

bool
interrupt_came(void)
{
	return caught != 0;
}

/* Ends the program by the signal that came. */
void
interrupt_end(void)
{
	int			number = caught;

	progress_clear();
	output_files_discard();
	signal(number, SIG_DFL);
	raise(number);
	exit(128 + number);
}
