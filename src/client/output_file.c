/*
 * output_file.c
 *		Files that are written whole or not at all.
 *
 * A file is written under a temporary name in the directory where it shall be,
 * and brought to the disk; when all files of a command have got so far, they get
 * their names, and the directories are brought to the disk too.  Before that
 * nobody sees any of them; and what is begun is removed when the program ends
 * otherwise.  Renaming needs no room and no right that making the files did not
 * need, so it does not stop halfway but for a crash of the machine.
 *
 * Temporary names begin with a dot and end in ".tmp", so that no job that picks up
 * "*.csv" takes them.
 */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"

struct OutputFile
{
	char	   *path;
	char	   *temporary;
	char	   *directory;
	bool		overwrite;
	int			descriptor;		/* -1: closed */
	OutputFile *next;
};

/* The files of this command, the first one first. */
static OutputFile *files = NULL;
static OutputFile **last_file = &files;

/* Removes what has no name of its own yet. */
void
output_files_discard(void)
{
	for (OutputFile *file = files; file != NULL; file = file->next)
		if (file->temporary != NULL)
			unlink(file->temporary);
}

static char *
directory_of(const char *path)
{
	char	   *copy = client_format("%s", path);
	char	   *directory = client_format("%s", dirname(copy));

	free(copy);
	return directory;
}

/* Ends the program unless that is a directory in which files can be made. */
void
output_directory_check(const char *directory)
{
	struct stat status;

	if (stat(directory, &status) != 0)
		client_fail_hint(CLIENT_REFUSED, "Make the directory first.", "could not use directory \"%s\": %s",
						 directory, strerror(errno));
	if (!S_ISDIR(status.st_mode))
		client_fail(CLIENT_REFUSED, "\"%s\" is not a directory", directory);
	if (access(directory, W_OK | X_OK) != 0)
		client_fail(CLIENT_REFUSED, "could not write into directory \"%s\": %s", directory, strerror(errno));
}

/* In a directory like /tmp whoever made a file is who may replace it. */
static bool
is_kept_for_another(const char *directory, const struct stat *file)
{
	struct stat status;
	uid_t		user = geteuid();

	return user != 0 && user != file->st_uid && stat(directory, &status) == 0 &&
		(status.st_mode & S_ISVTX) != 0 && user != status.st_uid;
}

/*
 * Ends the program unless a file can be given that name, in the directory where
 * the name leads.  What is no file, a device for example, is not replaced by one.
 */
static void
check_name(const char *path, const char *directory, bool overwrite)
{
	struct stat link;
	struct stat status;
	struct stat output;
	size_t		length = strlen(path);
	bool		is_there = lstat(path, &link) == 0;

	if (!is_there && errno != ENOENT)
		client_fail(CLIENT_REFUSED, "could not make file \"%s\": %s", path, strerror(errno));
	if (is_there && stat(path, &status) == 0)
	{
		if (S_ISDIR(status.st_mode))
			client_fail(CLIENT_REFUSED, "\"%s\" is a directory", path);
		if (!S_ISREG(status.st_mode))
			client_fail(CLIENT_REFUSED, "\"%s\" is not a regular file", path);
		/* /dev/stdout is a link, which must stay one */
		if (fstat(STDOUT_FILENO, &output) == 0 && output.st_dev == status.st_dev && output.st_ino == status.st_ino)
			client_fail(CLIENT_REFUSED, "\"%s\" is where standard output goes", path);
	}
	if (length == 0 || path[length - 1] == '/')
		client_fail(CLIENT_REFUSED, "\"%s\" is no name of a file", path);
	if (is_there && !overwrite)
		client_fail_hint(CLIENT_REFUSED, "Move it away, or name another directory.",
						 "file \"%s\" exists already", path);
	if (is_there && is_kept_for_another(directory, &link))
		client_fail(CLIENT_REFUSED, "could not replace file \"%s\", which belongs to another user", path);
}

/* Ends the program unless a file of that name can be made: a slip is to be told before any work is done. */
void
output_file_check(const char *path)
{
	char	   *directory = directory_of(path);

	output_directory_check(directory);
	check_name(path, directory, true);
	free(directory);
}

/* mkstemp() lets only the owner read; files have the permissions that are usual here. */
static void
set_usual_permissions(int descriptor)
{
	mode_t		mask = umask(0);

	umask(mask);
	(void) fchmod(descriptor, 0666 & ~mask);
}

/*
 * Begins a file, which output_files_finish() gives the name path.  Nothing that
 * is there already is replaced unless overwrite is set.
 */
OutputFile *
output_file_begin(const char *path, bool overwrite)
{
	static bool is_registered = false;
	OutputFile *file = client_allocate(sizeof(OutputFile));
	char	   *temporary;

	file->path = client_format("%s", path);
	file->directory = directory_of(path);
	file->overwrite = overwrite;
	output_directory_check(file->directory);
	check_name(file->path, file->directory, file->overwrite);
	if (!is_registered)
		atexit(output_files_discard);
	is_registered = true;
	temporary = client_format("%s/.orgsync.XXXXXX.tmp", file->directory);
	file->descriptor = mkostemps(temporary, (int) strlen(".tmp"), O_CLOEXEC);
	if (file->descriptor < 0)
		client_fail(CLIENT_REFUSED, "could not make a file in \"%s\": %s", file->directory, strerror(errno));
	file->temporary = temporary;
	*last_file = file;
	last_file = &file->next;
	set_usual_permissions(file->descriptor);
	return file;
}

void
output_file_write(OutputFile *file, const char *data, size_t length)
{
	while (length > 0)
	{
		ssize_t		written = write(file->descriptor, data, length);

		if (interrupt_came())
			interrupt_end();
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			client_fail(CLIENT_REFUSED, "could not write file \"%s\": %s", file->path, strerror(errno));
		data += written;
		length -= (size_t) written;
	}
}

/* Brings the file to the disk; it has no name yet. */
void
output_file_close(OutputFile *file)
{
	if (fsync(file->descriptor) != 0 || close(file->descriptor) != 0)
		client_fail(CLIENT_REFUSED, "could not write file \"%s\": %s", file->path, strerror(errno));
	file->descriptor = -1;
}

/* Some file systems do not know how to: that is no reason to fail. */
static void
sync_directory(const char *directory)
{
	int			descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor < 0)
		return;
	if (fsync(descriptor) != 0 && errno != EINVAL && errno != ENOTSUP)
		client_warn("could not bring directory \"%s\" to the disk: %s", directory, strerror(errno));
	close(descriptor);
}

/* Gives all files that were begun and closed their names. */
void
output_files_finish(void)
{
	for (OutputFile *file = files; file != NULL; file = file->next)
	{
		check_name(file->path, file->directory, file->overwrite);
		if (rename(file->temporary, file->path) != 0)
			client_fail(CLIENT_REFUSED, "could not name file \"%s\": %s", file->path, strerror(errno));
		free(file->temporary);
		file->temporary = NULL;
	}
	for (OutputFile *file = files; file != NULL; file = file->next)
		sync_directory(file->directory);
}
