/*
 * upload.c
 *		Files on their way to the server.
 *
 * A file goes into a large object, a megabyte at a time, so that neither side ever
 * holds it in memory.  The large object lives in the transaction that imports it,
 * which removes it too: nobody else ever sees it, and whatever happens nothing of
 * it is left.  Every role may make large objects; the privileges of
 * pg_read_server_files are not needed.
 *
 * A file whose end is not known (a pipe) is read as it comes.
 */
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "progress.h"
#include "session.h"

#define PIECE	(1024 * 1024)
#define MOMENT	100

/* What a value of the server can be at most, and a little less. */
#define MAX_WHOLE	((size_t) 1000 * 1000 * 1000)

struct Upload
{
	const char *name;
	int			descriptor;
	int64_t		size;			/* 0: not known */
};

/* How messages and findings call the file. */
const char *
upload_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Opens a file; "-" is standard input.  Before anything else is begun, so that a slip is told at once. */
Upload *
upload_open(const char *path)
{
	Upload	   *upload = client_allocate(sizeof(Upload));
	struct stat status;

	upload->name = upload_name(path);
	upload->descriptor = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (upload->descriptor < 0 || fstat(upload->descriptor, &status) != 0)
		client_fail(CLIENT_REFUSED, "could not open file \"%s\": %s", upload->name, strerror(errno));
	if (S_ISDIR(status.st_mode))
		client_fail(CLIENT_REFUSED, "\"%s\" is a directory", upload->name);
	if (S_ISREG(status.st_mode))
		upload->size = status.st_size;
	return upload;
}

static void
close_upload(Upload *upload)
{
	if (upload->descriptor != STDIN_FILENO)
		close(upload->descriptor);
	free(upload);
}

/* Reads up to so many bytes, fewer only at the end. */
static size_t
read_piece(const Upload *upload, char *buffer, size_t size)
{
	size_t		filled = 0;

	while (filled < size)
	{
		struct pollfd input = {.fd = upload->descriptor, .events = POLLIN};
		ssize_t		count;

		if (interrupt_came())
			interrupt_end();
		progress_tick();
		if (poll(&input, 1, MOMENT) <= 0)
			continue;
		count = read(upload->descriptor, buffer + filled, size - filled);
		if (count < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (count < 0)
			client_fail(CLIENT_REFUSED, "could not read file \"%s\": %s", upload->name, strerror(errno));
		if (count == 0)
			break;
		filled += (size_t) count;
	}
	return filled;
}

/*
 * Sends the file, in the transaction that has begun, and closes it.
 */
Uploaded
upload_large_object(PGconn *connection, Upload *upload)
{
	Uploaded	uploaded = {session_value(connection, "SELECT pg_catalog.lo_create(0)", NULL), false};
	char	   *buffer = client_allocate(PIECE);
	int64_t		done = 0;
	size_t		length;

	progress_begin("upload");
	do
	{
		Parameters	parameters = {0};
		char		offset[24];

		length = read_piece(upload, buffer, PIECE);
		if (done == 0)
			uploaded.is_workbook = length >= 4 && memcmp(buffer, "PK\3\4", 4) == 0;
		snprintf(offset, sizeof(offset), "%lld", (long long) done);
		parameter_text(&parameters, uploaded.object);
		parameter_text(&parameters, offset);
		parameter_bytes(&parameters, buffer, length);
		PQclear(session_query(connection, "SELECT pg_catalog.lo_put($1::oid, $2::bigint, $3::bytea)", &parameters));
		done += (int64_t) length;
		progress_bytes(done, upload->size);
	} while (length == PIECE);
	progress_end();
	free(buffer);
	close_upload(upload);
	return uploaded;
}

/* The whole file in memory, which the caller frees. */
char *
upload_read_whole(const char *path, size_t *length)
{
	Upload	   *upload = upload_open(path);
	size_t		size = PIECE;
	char	   *data = client_allocate(size);

	*length = 0;
	while ((*length += read_piece(upload, data + *length, size - *length)) == size)
	{
		char	   *larger;

		if (size >= MAX_WHOLE)
			client_fail(CLIENT_REFUSED, "file \"%s\" is larger than a gigabyte", upload->name);
		larger = client_allocate(2 * size);
		memcpy(larger, data, size);
		free(data);
		data = larger;
		size *= 2;
	}
	close_upload(upload);
	return data;
}
